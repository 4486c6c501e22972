"""Files that were made to do harm: none runs code, writes, or gets past one clear error."""

import os
import sys
from contextlib import suppress

import pytest
from hostile import JOBLIB, LABELS, ROWS, SKOPS, network, victim, whole, with_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import skmegatron as sm
from skmegatron.errors import LoadError

SUFFIX = {"skops": ".skops", "joblib": ".pkl"}


def check_refused(path, folder, words=None):
    """Try to load a file, and look for traces of what it tried."""
    before = sorted(os.listdir(folder)), sorted(os.listdir(path.parent))
    imported = set(sys.modules)

    with pytest.raises(LoadError, match=words) as caught:
        sm.load_pipeline(path)

    assert len(str(caught.value)) < 2000
    assert (sorted(os.listdir(folder)), sorted(os.listdir(path.parent))) == before
    assert "canary_bird" not in set(sys.modules) - imported


@pytest.fixture
def place(canary, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_the_file_that_all_others_were_made_of_loads(place):
    pipe = victim().fit(ROWS, LABELS)
    for kind in SUFFIX:
        (place / f"whole{SUFFIX[kind]}").write_bytes(whole(kind))

        loaded = sm.load_pipeline(place / f"whole{SUFFIX[kind]}")

        assert_array_equal(loaded.predict_proba(ROWS), pipe.predict_proba(ROWS))


def test_the_file_that_holds_a_good_network_loads(place):
    (place / "net.skops").write_bytes(with_network(network()))

    assert sm.load_pipeline(place / "net.skops").steps_.whiten.held_.model.count_params() == 3


@pytest.mark.parametrize("case", SKOPS)
def test_skops_file_made_to_do_harm_is_refused(place, canary, case):
    path = place / "stranger.skops"
    path.write_bytes(SKOPS[case]())

    check_refused(path, canary, "stranger.skops")


@pytest.mark.parametrize("case", JOBLIB)
def test_joblib_file_that_was_changed_is_refused(place, canary, case):
    path = place / "stranger.pkl"
    path.write_bytes(JOBLIB[case]())

    check_refused(path, canary, "stranger.pkl")


@pytest.mark.parametrize("case", [*SKOPS, *JOBLIB])
def test_describing_a_hostile_file_loads_no_code(place, canary, case):
    path = place / "stranger"
    path.write_bytes({**SKOPS, **JOBLIB}[case]())
    before = sorted(os.listdir(canary)), sorted(os.listdir(place))

    told = {}
    with suppress(LoadError):
        told = sm.describe(path)

    assert told.get("name", "victim") == "victim"
    assert (sorted(os.listdir(canary)), sorted(os.listdir(place))) == before
    assert "canary_bird" not in sys.modules


def test_untrusted_types_are_all_named_with_what_to_type(place, canary):
    path = place / "stranger.skops"
    path.write_bytes(SKOPS["step_renamed"]())

    check_refused(path, canary, r"\['canary_bird.Bird'\].*trusted=\['canary_bird.Bird'\]")


def test_a_function_that_is_trusted_is_not_called_by_loading(place, canary):
    for loader in ("ConstructorFromReduceNode", "ListNode", "DictNode", "ObjectNode"):
        path = place / "stranger.skops"
        path.write_bytes(SKOPS[f"canary_bird.sing by {loader}"]())

        with pytest.raises(LoadError, match=f"canary_bird.sing is loaded by {loader}"):
            sm.load_pipeline(path, trusted=["canary_bird.sing"])

        assert not (canary / "called").exists()


@pytest.mark.parametrize("kind", SUFFIX)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_told(place, kind, data):
    content = bytearray(whole(kind))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path = place / f"flipped{SUFFIX[kind]}"
    path.write_bytes(content)

    with pytest.raises(LoadError, match="flipped"):
        sm.load_pipeline(path)


@pytest.mark.parametrize("kind", SUFFIX)
def test_each_bit_of_the_end_is_watched(place, kind):
    content = whole(kind)
    path = place / f"flipped{SUFFIX[kind]}"
    for bit in range(8 * (len(content) - 70), 8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)

        with pytest.raises(LoadError, match="flipped"):
            sm.load_pipeline(path)


@pytest.mark.parametrize("kind", SUFFIX)
def test_a_file_cut_anywhere_is_told(place, kind):
    content = whole(kind)
    path = place / f"cut{SUFFIX[kind]}"
    places = {*range(0, len(content), len(content) // 40), *range(len(content) - 60, len(content))}
    for end in sorted(places):
        path.write_bytes(content[:end])

        with pytest.raises(LoadError, match="cut"):
            sm.load_pipeline(path)


@pytest.mark.parametrize("kind", SUFFIX)
def test_bytes_changed_at_random_are_told(place, kind):
    content = whole(kind)
    path = place / f"noise{SUFFIX[kind]}"
    for start in range(0, len(content) - 16, len(content) // 30):
        path.write_bytes(content[:start] + bytes(range(200, 216)) + content[start + 16 :])

        with pytest.raises(LoadError, match="noise"):
            sm.load_pipeline(path)
