"""A saved pipeline is the same in another process, mapped, and saved again; or it says why not."""

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm
from skmegatron.errors import LoadError
from skmegatron.io.saving import save
from skmegatron.layers import Concatenate, Lambda, OneHotLabels, Sklearn, Whiten
from skmegatron.pipeline.artefacts import describe_pipeline

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 4))
LABELS = np.where(ROWS[:, 0] + ROWS[:, 1] > 0, "yes", "no")
FORMATS = ["joblib", "skops"]


def drawn(extra=None, **params):
    X, label = sm.Input("X", shape=(None,)), sm.Target("label")
    both = Concatenate()([Sklearn(PCA(2))(X), Whiten()(X)], "both")
    both = both if extra is None else extra(both)
    guess = Sklearn(LogisticRegression())(both, y=label)
    return sm.Pipeline([X, label], guess, name="half", version="1", **params)


def in_units():
    X, label = sm.Input("X", shape=(None,)), sm.Target("label")
    encoded = OneHotLabels()(label)
    guess = encoded.inverse(Sklearn(Ridge(alpha=sm.choose([1.0, 10.0])))(X * 2, y=encoded))
    metric = sm.metrics.Accuracy()(guess, label)
    return sm.Pipeline([X, label], guess, metrics=[metric], name="in_units")


def shared_layer():
    X, label = sm.Input("X", shape=(None,)), sm.Target("label")
    scale = Sklearn(StandardScaler())
    again = scale(Lambda(lambda v: v + 1)(scale(X)))
    return sm.Pipeline([X, label], Sklearn(LogisticRegression())(again, y=label), name="shared")


def nested():
    X, label = sm.Input("X", shape=(None,)), sm.Target("label")
    first = Sklearn(drawn(), method="predict_proba", cv=3)(X, y=label)
    last = Sklearn(LogisticRegression())(first, y=label)
    return sm.Pipeline([X, label], last, name="nested")


# --- the same pipeline ----------------------------------------------------------------

PREDICT = """
import sys, numpy as np, skmegatron as sm
np.save(sys.argv[3], sm.load_pipeline(sys.argv[1]).predict_proba(np.load(sys.argv[2])))
"""


@pytest.mark.parametrize("form", FORMATS)
def test_another_process_predicts_the_same_bits(tmp_path, form):
    pipe = drawn().fit(ROWS, LABELS)
    np.save(tmp_path / "rows.npy", ROWS)
    path = pipe.save(tmp_path, format=form)

    files = [str(tmp_path / name) for name in (path.name, "rows.npy", "out.npy")]
    subprocess.run([sys.executable, "-W", "error", "-c", PREDICT, *files], check=True)

    assert_array_equal(np.load(files[2]), pipe.predict_proba(ROWS))


@pytest.mark.parametrize("form", FORMATS)
def test_a_second_save_predicts_the_same_bits(tmp_path, form):
    pipe = drawn().fit(ROWS, LABELS)

    once = sm.load_pipeline(pipe.save(tmp_path / "once", format=form))
    twice = sm.load_pipeline(once.save(tmp_path / "twice", format=form))

    assert_array_equal(twice.predict_proba(ROWS), pipe.predict_proba(ROWS))
    assert_array_equal(twice.fit(ROWS, LABELS).predict(ROWS), pipe.predict(ROWS))


def test_a_joblib_file_can_be_mapped(tmp_path):
    pipe = drawn().fit(ROWS, LABELS)

    mapped = joblib.load(pipe.save(tmp_path), mmap_mode="r")

    assert isinstance(mapped.steps_.pca.current.components_, np.memmap)
    assert_array_equal(mapped.predict_proba(ROWS), pipe.predict_proba(ROWS))


def test_a_joblib_file_is_a_plain_pickle(tmp_path):
    X = sm.Input("X", shape=(None,))
    path = sm.Pipeline(X, X * 2, name="double").save(tmp_path)

    with open(path, "rb") as file:
        assert_array_equal(pickle.load(file).transform(ROWS), ROWS * 2)


@pytest.mark.parametrize("compress", [0, 3, ("lzma", 1)])
def test_what_joblib_has_written_is_read_too(tmp_path, compress):
    pipe = drawn().fit(ROWS, LABELS)
    joblib.dump(pipe, tmp_path / "plain.pkl", compress=compress)

    assert_array_equal(sm.load_pipeline(tmp_path / "plain.pkl").predict(ROWS), pipe.predict(ROWS))


@pytest.mark.parametrize("draw", [drawn, in_units, shared_layer, nested])
def test_a_clone_hashes_like_the_original(draw):
    pipe = draw()
    before = joblib.hash(pipe)

    assert joblib.hash(clone(pipe)) == before
    assert joblib.hash(copy.deepcopy(pipe)) == before
    assert joblib.hash(clone(clone(pipe).fit(ROWS, LABELS))) == before
    assert joblib.hash(pipe) == before


def test_other_parameters_hash_differently():
    pipe = drawn()

    assert joblib.hash(clone(pipe).set_params(pca__n_components=3)) != joblib.hash(pipe)


# --- what a file tells ----------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_describes_itself(tmp_path, form, capsys):
    pipe = drawn().fit(ROWS, LABELS)

    told = sm.describe(pipe.save(tmp_path, format=form))

    assert json.loads(capsys.readouterr().out) == told
    assert (told["format"], told["kind"], told["fitted"]) == (1, form, True)
    assert (told["name"], told["version"]) == ("half", "1")
    assert {"skmegatron", "scikit-learn", "numpy", "python"} <= told["versions"].keys()
    by_name = {node["name"]: node for node in told["graph"]["nodes"]}
    assert by_name["pca"]["estimator"] == "sklearn.decomposition._pca.PCA"
    assert by_name["both"]["reads"] == ["pca", "whiten"]
    assert by_name["logisticregression"]["fit_only"] == {"y": "label"}
    assert told["graph"]["outputs"] == ["logisticregression"]


class Leaves:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_describing_loads_no_code(tmp_path):
    X = sm.Input("X")
    pipe = sm.Pipeline(X, Lambda(np.add, b=Leaves(tmp_path / "trace"))(X), name="hostile")
    path = pipe.save(tmp_path)
    (tmp_path / "trace").unlink(missing_ok=True)  # saving looks at what it writes

    told = sm.describe(path)

    assert told["name"] == "hostile"
    assert not (tmp_path / "trace").exists()


def test_a_file_that_tells_nothing_says_how_it_would(tmp_path):
    joblib.dump(drawn(), tmp_path / "plain.pkl")

    with pytest.raises(LoadError, match=r"load it with load_pipeline\(path\) and save it again"):
        sm.describe(tmp_path / "plain.pkl")


def test_a_later_format_says_to_upgrade(tmp_path):
    told = describe_pipeline(drawn(), "joblib")
    path = save(drawn(), tmp_path / "later.pkl", {**told, "format": 9})

    with pytest.raises(LoadError, match=r"format 9.*pip install --upgrade skmegatron"):
        sm.describe(path)


# --- damage ---------------------------------------------------------------------------


@pytest.fixture(scope="module", params=FORMATS)
def whole(request, tmp_path_factory):
    path = drawn().fit(ROWS, LABELS).save(tmp_path_factory.mktemp("whole"), format=request.param)
    return path.suffix, path.read_bytes()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_told(whole, tmp_path, share, bit):
    suffix, content = whole
    damaged = bytearray(content)
    damaged[int(share * len(content))] ^= 1 << bit
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(damaged)

    with pytest.raises(LoadError, match="damaged"):
        sm.load_pipeline(path)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_told(whole, tmp_path, share):
    suffix, content = whole
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(LoadError, match="truncated"):
        sm.load_pipeline(path)


# --- skops: what the reader allows ----------------------------------------------------


def test_types_that_nobody_trusts_are_named_with_what_to_type(tmp_path):
    pipe = drawn(Lambda(np.clip, a_min=-1, a_max=1)).fit(ROWS, LABELS)
    path = pipe.save(tmp_path, format="skops")

    with pytest.raises(LoadError, match=r"trusted=\['numpy.clip'\]"):
        sm.load_pipeline(path)

    trusting = sm.load_pipeline(path, trusted=["numpy.clip"])
    assert_array_equal(trusting.predict_proba(ROWS), pipe.predict_proba(ROWS))


class Shifted(FunctionTransformer):
    """A type of the reader's own."""


def test_a_type_can_be_trusted_by_itself(tmp_path):
    path = drawn(Sklearn(Shifted())).fit(ROWS, LABELS).save(tmp_path, format="skops")

    with pytest.raises(LoadError, match=r"test_artefacts\.Shifted"):
        sm.load_pipeline(path)

    assert_array_equal(
        sm.load_pipeline(path, trusted=[Shifted]).predict(ROWS),
        drawn(Sklearn(Shifted())).fit(ROWS, LABELS).predict(ROWS),
    )


class Holder:
    @staticmethod
    def doubled(values):
        return values * 2


@pytest.mark.parametrize("code", [lambda v: v * 2, Holder.doubled], ids=["lambda", "in a class"])
def test_code_without_a_name_is_refused_by_skops_alone(tmp_path, code):
    pipe = drawn(Lambda(code)).fit(ROWS, LABELS)

    with pytest.raises(ValueError, match=r"in step 'lambda' cannot be imported by its name"):
        pipe.save(tmp_path, format="skops")

    assert list(tmp_path.iterdir()) == []
    assert_array_equal(sm.load_pipeline(pipe.save(tmp_path)).predict(ROWS), pipe.predict(ROWS))


def test_keys_that_would_come_back_as_others_are_refused(tmp_path):
    X, label = sm.Input("X", shape=(None,)), sm.Target("label")
    model = LogisticRegression(class_weight={True: 1.0, False: 2.0})
    pipe = sm.Pipeline([X, label], Sklearn(model)(X, y=label), name="keys")

    with pytest.raises(ValueError, match=r"step 'logisticregression'.*keys of type .*bool"):
        pipe.fit(ROWS, LABELS == "yes").save(tmp_path, format="skops")


def test_a_skops_file_does_not_say_where_something_is_kept(tmp_path):
    pipe = drawn(storage=f"sqlite:///{tmp_path / 'rows.db'}", memory=str(tmp_path / "memory"))
    path = pipe.fit(ROWS, LABELS).save(tmp_path / "out", format="skops")

    loaded = sm.load_pipeline(path)

    assert loaded.get_params(deep=False)["storage"] is None
    assert loaded.get_params(deep=False)["memory"] is None
    assert pipe.get_params(deep=False)["memory"] == str(tmp_path / "memory")
    given = sm.load_pipeline(path, storage_db="sqlite://")
    assert given.get_params()["storage"] == "sqlite://"


def test_a_place_inside_of_a_step_is_refused(tmp_path):
    inner = make_pipeline(StandardScaler(), memory=str(tmp_path / "memory"))

    with pytest.raises(ValueError, match=r"step 'pipeline'.*'memory' of .*Pipeline tells where"):
        drawn(Sklearn(inner)).fit(ROWS, LABELS).save(tmp_path / "out", format="skops")

    assert not (tmp_path / "out").exists()


def test_trusting_in_a_joblib_file_is_refused(tmp_path):
    path = drawn().save(tmp_path)

    with pytest.raises(ValueError, match=r"runs code whatever is trusted"):
        sm.load_pipeline(path, trusted=["numpy.clip"])


@pytest.mark.parametrize("trusted", [True, "numpy.clip", 3])
def test_trusting_takes_a_list(tmp_path, trusted):
    path = drawn().save(tmp_path, format="skops")

    with pytest.raises(TypeError, match="trusted takes a list of full names or types"):
        sm.load_pipeline(path, trusted=trusted)


def test_a_pickle_that_is_named_like_a_skops_file_is_not_unpickled(tmp_path):
    path = tmp_path / "hostile.skops"
    path.write_bytes(pickle.dumps(Leaves(tmp_path / "trace")))

    with pytest.raises(LoadError, match=r"hostile\.skops' does not hold a whole Pipeline"):
        sm.load_pipeline(path)

    assert not (tmp_path / "trace").exists()


def test_a_skops_file_is_known_under_any_name(tmp_path):
    pipe = drawn().fit(ROWS, LABELS)
    path = pipe.save(tmp_path, format="skops").rename(tmp_path / "model.bin")

    assert_array_equal(sm.load_pipeline(path).predict(ROWS), pipe.predict(ROWS))


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['joblib', 'skops'\], got format='onnx'"):
        drawn().save(tmp_path, format="onnx")


# --- whole or not at all --------------------------------------------------------------

SAVE_FOR_EVER = """
import sys, numpy as np, skmegatron as sm
X = sm.Input("X", shape=(None,))
pipes = [sm.Pipeline(X, X @ np.full((400, 400), fill), name="large") for fill in (1.0, 2.0)]
while True:
    for pipe in pipes:
        pipe.save(sys.argv[1], format=sys.argv[2])
    print("ready", flush=True)
"""


@pytest.mark.parametrize("form", FORMATS)
def test_a_process_that_is_killed_leaves_a_whole_file(tmp_path, form):
    rows = np.ones((1, 400))
    for place in range(6):
        command = [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path), form]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as saving:
            saving.stdout.readline()
            time.sleep(0.0047 * place)
            saving.send_signal(signal.SIGKILL)
        files = [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
        for path in files:
            answer = sm.load_pipeline(path).transform(rows)
            assert set(np.unique(answer)) <= {400.0, 800.0}
    assert len(files) == 1


FILE_LIMIT = """
import resource, signal, sys, numpy as np, skmegatron as sm
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
X = sm.Input("X", shape=(None,))
sm.Pipeline(X, X @ np.full((400, 400), 2.0), name="large").save(sys.argv[1], format=sys.argv[2])
"""


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, form):
    X = sm.Input("X", shape=(None,))
    path = sm.Pipeline(X, X @ np.ones((400, 400)), name="large").save(tmp_path, format=form)
    before = path.read_bytes()

    run = subprocess.run(
        [sys.executable, "-c", FILE_LIMIT, str(tmp_path), form],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "OSError: [Errno 27]" in run.stderr
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_drafts_of_killed_processes_are_removed_when_they_are_old(tmp_path):
    young, old = tmp_path / ".half-1.pkl.young.tmp", tmp_path / ".half-1.pkl.old.tmp"
    for draft in (young, old):
        draft.write_bytes(b"")
    long_ago = time.time() - 3 * 86_400
    os.utime(old, (long_ago, long_ago))

    drawn().save(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "half-1.pkl"]


def test_a_large_pipeline_is_written_and_read_without_a_second_copy(tmp_path):
    script = """
import resource, sys, numpy as np, skmegatron as sm
X = sm.Input("X", shape=(None,))
pipe = sm.Pipeline(X, X @ np.ones((5000, 5000)), name="large")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pipe.save(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert int(run.stdout) * 1024 < 100e6  # of 200 MB
