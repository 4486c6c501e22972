"""One file, the same predictions: in other processes, mapped into memory, saved once more."""

import copy
import hashlib
import os
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path

import joblib
import numpy as np
import pytest
from drawn import LABELS, ROWS, inverted, large, left_open, scaled, shared, stacked, with_functions
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import skmegatron as sm

HERE = Path(__file__).parent
PLACES = os.pathsep.join([str(Path(sm.__file__).parents[1]), str(HERE)])
DRAWN = [stacked, shared, inverted, left_open, with_functions, large]


def run(code, *arguments, **how):
    env = {**os.environ, "PYTHONPATH": PLACES, **how.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=env,
        text=True,
        capture_output=True,
        **how,
    )


# --- predictions -----------------------------------------------------------------------

PREDICTING = """
import sys, hashlib, skmegatron as sm
from drawn import ROWS
pipe = sm.load_pipeline(sys.argv[1])
print(hashlib.sha256(pipe.predict_proba(ROWS).tobytes()).hexdigest())
"""


@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_file_gives_the_same_bits_in_other_processes_and_saved_again(tmp_path, kind):
    pipe = stacked().fit(ROWS, LABELS)
    path = pipe.save(tmp_path / "first", format=kind)
    second = sm.load_pipeline(path).save(tmp_path / "second", format=kind)
    wanted = hashlib.sha256(pipe.predict_proba(ROWS).tobytes()).hexdigest()

    for file in (path, second):
        for seed in ("0", "1"):
            given = run(PREDICTING, file, env={"PYTHONHASHSEED": seed}, check=True)
            assert given.stdout.strip() == wanted


def test_mapped_joblib_file_gives_the_same_bits(tmp_path):
    pipe = stacked().fit(ROWS, LABELS)

    mapped = joblib.load(pipe.save(tmp_path), mmap_mode="r")

    assert mapped.predict_proba(ROWS).tobytes() == pipe.predict_proba(ROWS).tobytes()


def test_large_arrays_are_mapped_not_read(tmp_path):
    mapped = joblib.load(large().save(tmp_path), mmap_mode="r")

    matrix = mapped.graph.by_name["staticdot"].layer.get_params()
    assert any(isinstance(value, np.memmap) for value in matrix.values())


def test_plain_pickle_reads_a_file_without_large_arrays(tmp_path):
    path = with_functions().save(tmp_path)

    with path.open("rb") as file:
        loaded = pickle.load(file)

    assert_array_equal(loaded.transform(ROWS), with_functions().transform(ROWS))


def test_writing_a_joblib_file_makes_no_copy_of_arrays(tmp_path):
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, x @ np.full((5, 2_000_000), 0.5), name="larger")  # 80 MB
    pipe.save(tmp_path)

    tracemalloc.start()
    pipe.save(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 40e6  # joblib writes 16 MB at a time


SAVING_WORDS = """
import sys, skmegatron as sm
from drawn import ROWS, LABELS, wordy
print(wordy().save(sys.argv[1], format="skops"))
"""


def test_same_pipeline_gives_the_same_skops_file_in_any_process(tmp_path):
    contents = set()
    for seed in ("0", "1"):
        folder = tmp_path / seed
        run(SAVING_WORDS, folder, env={"PYTHONHASHSEED": seed}, check=True)
        contents |= {path.read_bytes() for path in folder.iterdir()}

    assert len(contents) == 1


# --- hashes ----------------------------------------------------------------------------


@pytest.mark.parametrize("draw", DRAWN)
def test_clone_has_the_hash_of_the_original(draw):
    pipe = draw()

    assert joblib.hash(clone(pipe)) == joblib.hash(pipe)
    assert joblib.hash(clone(clone(pipe))) == joblib.hash(pipe)
    assert joblib.hash(draw()) == joblib.hash(pipe)


def test_clone_of_a_fitted_pipeline_has_the_hash_of_a_clone():
    pipe = stacked()
    before = joblib.hash(clone(pipe))

    assert joblib.hash(clone(pipe.fit(ROWS, LABELS))) == before


@pytest.mark.parametrize("draw", [inverted, shared])
def test_copies_of_a_fitted_pipeline_have_its_hash(draw):
    pipe = draw()
    if draw is shared:
        pipe.fit({"a": ROWS, "b": ROWS})
    else:
        pipe.fit(ROWS, ROWS[:, 1])

    for copied in (copy.deepcopy(pipe), copy.copy(pipe), pickle.loads(pickle.dumps(pipe))):
        assert joblib.hash(copied) == joblib.hash(pipe)


def test_other_parameters_have_another_hash():
    assert joblib.hash(stacked()) != joblib.hash(stacked().set_params(pca__n_components=2))
    assert joblib.hash(scaled(2)) != joblib.hash(scaled(3))


# --- versions --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_file_of_another_version_loads_with_a_warning(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("skmegatron.pipeline.params.__version__", "0.0.1")
    path = inverted().fit(ROWS, ROWS[:, 1]).save(tmp_path, format=kind)
    monkeypatch.undo()

    with pytest.warns(InconsistentVersionWarning, match=r"skmegatron 0\.0\.1"):
        loaded = sm.load_pipeline(path)

    assert loaded.predict(ROWS).shape == (60,)


# --- whole or not at all ---------------------------------------------------------------

SAVING = """
import sys, skmegatron as sm
from drawn import scaled
pipes = [scaled(2), scaled(3)]
print("ready", flush=True)
while True:
    for pipe in pipes:
        pipe.save(sys.argv[1], format=sys.argv[2])
"""


@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path, kind):
    path = scaled(2).save(tmp_path, format=kind)
    moments = np.random.default_rng(0).uniform(0, 0.12, size=10)
    for moment in moments:
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, str(tmp_path), kind],
            env={**os.environ, "PYTHONPATH": PLACES},
            stdout=subprocess.PIPE,
        ) as writer:
            writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(float(moment))
            writer.kill()

        loaded = sm.load_pipeline(path).transform(ROWS[:1])

        assert any(np.array_equal(loaded, scaled(by).transform(ROWS[:1])) for by in (2, 3))
    scaled(2).save(tmp_path, format=kind)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_draft_of_a_living_writer_is_left_alone(tmp_path):
    code = (
        "import sys\nfrom skmegatron.io.drafts import whole_file\n"
        "with whole_file(sys.argv[1]) as file:\n"
        "    file.write(b'late')\n    print('ready', flush=True)\n    sys.stdin.read()\n"
    )
    path = scaled(2).save(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": PLACES},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        writer.stdout.readline()

        scaled(3).save(tmp_path)

        writer.communicate(b"")
    assert path.read_bytes() == b"late"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, kind):
    path = scaled(2).save(tmp_path, format=kind)
    before = path.read_bytes()
    code = (
        "import resource, signal, sys\nfrom drawn import scaled\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "scaled(3).save(sys.argv[1], format=sys.argv[2])\n"
    )

    done = run(code, tmp_path, kind, check=False)

    assert done.stderr.splitlines()[-1].startswith("OSError")
    assert "File too large" in done.stderr
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
