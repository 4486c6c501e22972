"""One pipeline, one file: whole or not at all, and loadable where it was not made."""

import gzip
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm
from skmegatron.errors import LoadError
from skmegatron.io.saving import Portable, load, save
from skmegatron.layers import Lambda, Metric, Sklearn, Whiten

ROWS = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 4.0], [7.0, 0.0]])
LABELS = [0, 1, 0, 1]


def drawn(extra=None):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    node = Sklearn(StandardScaler())(Whiten()(x))
    if extra is not None:
        node = extra(node)
    return sm.Pipeline([x, y], Sklearn(LogisticRegression())(node, y=y), name="all", version="0.1")


def fitted(extra=None):
    return drawn(extra).fit(ROWS, LABELS)


class Locked(FunctionTransformer):
    """Cannot be pickled once it is fitted."""

    def fit(self, X, y=None):
        self.lock_ = threading.Lock()
        return super().fit(X, y)


# --- saving and loading ---------------------------------------------------------------


def test_file_is_named_after_the_pipeline_and_its_version(tmp_path):
    assert fitted().save(tmp_path) == tmp_path / "all-0.1.pkl"
    assert fitted().set_params(version=2.5).save(str(tmp_path)) == tmp_path / "all-2.5.pkl"
    assert fitted().set_params(version=None).save(tmp_path) == tmp_path / "all.pkl"


def test_folder_is_made_where_it_is_missing(tmp_path):
    assert fitted().save(tmp_path / "a" / "b").exists()


def test_loaded_pipeline_predicts_as_the_saved_one(tmp_path):
    pipe = fitted()

    loaded = sm.load_pipeline(pipe.save(tmp_path))

    assert_array_equal(loaded.predict_proba(ROWS), pipe.predict_proba(ROWS))
    assert loaded.get_params(deep=False).keys() == pipe.get_params(deep=False).keys()
    assert (loaded.name, loaded.version) == ("all", "0.1")
    assert loaded.n_features_in_ == 2
    assert list(loaded.steps_) == list(pipe.steps_)


def test_loaded_pipeline_can_be_fitted_again(tmp_path):
    loaded = sm.load_pipeline(fitted().save(str(tmp_path)))

    assert_array_equal(
        loaded.fit(ROWS[::-1], LABELS).predict(ROWS), drawn().fit(ROWS[::-1], LABELS).predict(ROWS)
    )


def test_unfitted_pipeline_is_loaded_unfitted(tmp_path):
    loaded = sm.load_pipeline(drawn().save(tmp_path))

    assert not hasattr(loaded, "steps_")
    assert loaded.fit(ROWS, LABELS).score(ROWS, LABELS) > 0


def test_saving_changes_nothing(tmp_path):
    pipe = fitted(Lambda(lambda x: x + 1))
    before = joblib.hash(pipe.predict_proba(ROWS))

    pipe.save(tmp_path)

    assert isinstance(pipe.steps_.whiten, Whiten)
    assert joblib.hash(pipe.predict_proba(ROWS)) == before


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 99))
def test_saved_and_loaded_give_the_same(tmp_path, seed):
    X = np.random.default_rng(seed).normal(size=(12, 2))
    pipe = drawn().fit(X, (X[:, 0] > np.median(X[:, 0])).astype(int))

    assert_array_equal(
        sm.load_pipeline(pipe.save(tmp_path)).predict_proba(X), pipe.predict_proba(X)
    )


def test_pipeline_without_a_name_says_how_to_save_it(tmp_path):
    with pytest.raises(ValueError, match=r"has no name.*joblib.dump\(pipeline, path\)"):
        fitted().set_params(name=None).save(tmp_path)


@pytest.mark.parametrize("name", [5, ["a"], b"a"])
def test_name_that_is_no_text_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"has the name .*, no text.*name='digits'"):
        fitted().set_params(name=name).save(tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a/b", "../b", "/b", "a\0b"])
def test_name_that_cannot_be_a_files_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="is no plain file name"):
        fitted().set_params(name=name).save(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_loading_gives_the_pipeline_the_storage_asked_for(tmp_path):
    path = fitted().save(tmp_path)

    loaded = sm.load_pipeline(path, storage_db="sqlite://")

    assert loaded.get_params()["storage"] == "sqlite://"
    assert loaded.storage.versions() == []


def test_metrics_are_saved_with_the_pipeline(tmp_path):
    x = sm.Input("X", shape=(None,))
    out = x * 2
    Metric(np.sum)(out, "total")

    loaded = sm.load_pipeline(sm.Pipeline(x, out, name="metered").save(tmp_path))

    assert loaded.evaluate(ROWS) == {"total": 2 * ROWS.sum()}


# --- whole or not at all --------------------------------------------------------------


def test_failing_save_leaves_the_old_file_and_nothing_else(tmp_path):
    path = fitted().save(tmp_path)
    before = path.read_bytes()

    with pytest.raises(TypeError, match="lock"):
        fitted(Sklearn(Locked())).save(tmp_path)

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["all-0.1.pkl"]


def test_failing_first_save_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="lock"):
        fitted(Sklearn(Locked())).save(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces_the_file(tmp_path):
    first = fitted()
    first.save(tmp_path)
    second = drawn().fit(ROWS[::-1], LABELS)

    loaded = sm.load_pipeline(second.save(tmp_path))

    assert_array_equal(
        loaded.steps_.logisticregression.coef_, second.steps_.logisticregression.coef_
    )
    assert len(list(tmp_path.iterdir())) == 1


def test_saved_file_can_be_read_by_whom_the_umask_lets(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")

    path = fitted().save(tmp_path)

    assert path.stat().st_mode == plain.stat().st_mode


def test_save_and_load_take_any_object(tmp_path):
    path = save({"a": ROWS}, tmp_path / "sub" / "thing.pkl")

    assert_array_equal(load(path, dict)["a"], ROWS)


# --- files that are no pipeline -------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fitted(Lambda(lambda x: x * 2)).save(tmp_path_factory.mktemp("whole")).read_bytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated_file_is_a_load_error_that_names_it(whole, tmp_path, share):
    path = tmp_path / "cut.pkl"
    path.write_bytes(whole[: int(share * len(whole))])

    with pytest.raises(LoadError, match=r"cut\.pkl' does not hold a whole Pipeline.*truncated"):
        sm.load_pipeline(path)


@pytest.mark.parametrize("method", ["zlib", "gzip"])
@pytest.mark.parametrize("behind", [b"more", bytes(100)])
def test_compressed_file_that_goes_on_behind_its_end_is_a_load_error(tmp_path, method, behind):
    path = tmp_path / "long.pkl"
    joblib.dump(fitted(), path, compress=(method, 3))
    path.write_bytes(path.read_bytes() + behind)

    with pytest.raises(LoadError, match=r"long\.pkl.*it goes on behind its end"):
        sm.load_pipeline(path)


@pytest.mark.parametrize("method", ["zlib", "gzip"])
def test_compressed_file_larger_than_it_looks_loads(tmp_path, method):
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, x @ np.zeros((2, 400_000)))  # 6 MB, compressed 1000 to 1
    path = tmp_path / "dense.pkl"
    joblib.dump(pipe, path, compress=(method, 9))

    assert_array_equal(sm.load_pipeline(path).transform(ROWS), pipe.transform(ROWS))


def test_file_truncated_in_a_large_array_is_a_load_error(tmp_path):
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, x @ np.ones((50, 400)), name="large")
    path = pipe.save(tmp_path)
    data = path.read_bytes()

    for part in (0.3, 0.6, 0.9, 0.999):
        path.write_bytes(data[: int(part * len(data))])
        with pytest.raises(LoadError, match=r"large\.pkl"):
            sm.load_pipeline(path)


OTHER_FILES = {
    "nothing": b"",
    "text": b"hello",
    "a script": b"import os\n",
    "csv": b"name,age\nAnn,31\n",
    "csv with an id": b"id,age\n1,31\n",
    "csv of cities": b"city\nParis\n",
    "json": b'{"a": 1}',
    "png": b"\x89PNG\r\n\x1a\n....",
    "zip": b"PK\x03\x04....",
    "sqlite": b"SQLite format 3\x00",
    "zeros": bytes(100),
    "bad gzip": b"\x1f\x8b and the rest",
    "bad bzip2": b"BZh9 and the rest",
    "bad xz": b"\xfd7zXZ and the rest",
    "cut gzip": gzip.compress(bytes(range(256)))[:40],
}


@pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES)
def test_file_of_another_kind_is_a_load_error_that_names_it(tmp_path, content):
    path = tmp_path / "other.pkl"
    path.write_bytes(content)

    with pytest.raises(LoadError, match=r"other\.pkl' does not hold a whole Pipeline"):
        sm.load_pipeline(path)


@pytest.mark.parametrize("value", [{"a": 1}, StandardScaler(), ROWS, None])
def test_joblib_file_of_something_else_is_a_load_error_that_says_what(tmp_path, value):
    path = tmp_path / "other.pkl"
    joblib.dump(value, path)

    with pytest.raises(LoadError, match=rf"other\.pkl' holds a {type(value).__name__}, expected"):
        sm.load_pipeline(path)


def test_load_error_is_also_a_value_error(tmp_path):
    (tmp_path / "x").write_bytes(b"")

    with pytest.raises(ValueError, match="whole Pipeline"):
        sm.load_pipeline(tmp_path / "x")


def test_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pkl"):
        sm.load_pipeline(tmp_path / "nothing.pkl")


def test_file_that_names_unknown_code_says_to_import_it(tmp_path):
    path = tmp_path / "other.pkl"
    path.write_bytes(b"\x80\x04\x8c\x0bnot_a_modul\x8c\x04Name\x93.")

    with pytest.raises(ModuleNotFoundError, match="not_a_modul") as caught:
        sm.load_pipeline(path)

    assert "other.pkl" in caught.value.__notes__[0]
    assert "Install or import the module" in caught.value.__notes__[0]


# --- versions -------------------------------------------------------------------------


class MadeWith:
    """Pickles as a pipeline that another version has written."""

    def __init__(self, pipe, versions):
        self.pipe, self.versions = pipe, versions

    def __reduce__(self):
        state = self.pipe.__getstate__()
        state.pop("_versions")
        return object.__new__, (sm.Pipeline,), state | self.versions


@pytest.mark.parametrize(
    ("versions", "told"),
    [({"_versions": {"skmegatron": "0.0.1"}}, "skmegatron 0.0.1"), ({}, "an unknown version")],
)
def test_file_of_another_version_warns_as_sklearn_does(tmp_path, versions, told):
    pipe = fitted()
    path = tmp_path / "old.pkl"
    joblib.dump(MadeWith(pipe, versions), path)

    with pytest.warns(InconsistentVersionWarning, match=rf"Pipeline from version.*{told}"):
        loaded = sm.load_pipeline(path)

    assert_array_equal(loaded.predict(ROWS), pipe.predict(ROWS))


def test_file_of_this_version_warns_of_nothing(tmp_path):
    path = fitted().save(tmp_path)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sm.load_pipeline(path)


# --- code that cannot be imported -----------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        lambda x: x + 1,
        [lambda x: x + 1][0],
        {"f": lambda x: x + 1}["f"],
    ],
)
def test_lambda_is_pickled_by_value(value):
    assert pickle.loads(pickle.dumps(Portable(value)))(2) == 3


@pytest.mark.parametrize("value", [np.tanh, StandardScaler, len, type(None), ROWS, "text", None])
def test_what_can_be_imported_is_pickled_by_name(value):
    again = pickle.loads(pickle.dumps(Portable(value)))

    assert again is value or np.array_equal(again, value)


def test_large_arrays_beside_importable_code_stay_where_joblib_can_map_them(tmp_path):
    x = sm.Input("X", shape=(None,))
    weights = np.ones((300, 400))
    path = tmp_path / "p.pkl"
    joblib.dump(sm.Pipeline(x, x @ weights), path)

    mapped = joblib.load(path, mmap_mode="r")

    (step,) = mapped.graph.steps
    assert isinstance(step.layer.W, np.memmap)


def test_pipeline_inside_a_dict_goes_through_plain_joblib(tmp_path):
    pipe = fitted(Lambda(lambda x: x + 1))

    joblib.dump({"best": pipe}, tmp_path / "dict.pkl")

    loaded = joblib.load(tmp_path / "dict.pkl")["best"]
    assert_array_equal(loaded.predict(ROWS), pipe.predict(ROWS))


MAKE = '''
import sys

import joblib
import numpy as np
import skmegatron as sm
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skmegatron.layers import Concatenate, Lambda, Metric, Sklearn, StatefulLayer, StatelessLayer

OFFSET = 3.0


class Center(StatefulLayer):
    """The manual's way: state in metadata, and a fit that returns nothing."""

    def fit(self, X):
        self.metadata["mean"] = X.mean(axis=0)

    def transform(self, X):
        return X - self.metadata["mean"]


class Square(StatelessLayer):
    def transform(self, X):
        return square(X)


class Clip(TransformerMixin, BaseEstimator):
    def __init__(self, limit=1.0):
        self.limit = limit

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.clip(X, -self.limit, self.limit)


def square(X):
    return X**2 + OFFSET


def scaled_by(factor):
    return lambda X: X * factor


folder = sys.argv[1]
X = np.random.default_rng(0).normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)
x, label = sm.Input("X", shape=(None,)), sm.Target("y")
centered = Center()(x)
features = Concatenate()([
    centered,
    Square()(centered),
    Lambda(scaled_by(7))(x),
    Lambda(lambda X, power=1: X**power, power=3)(x, "power"),
    Sklearn(FunctionTransformer(lambda X: X - 1))(x),
    Sklearn(make_pipeline(FunctionTransformer(np.abs), FunctionTransformer(square)))(x, "nested"),
    Sklearn(Clip(0.5))(x),
])
pred = Sklearn(LogisticRegression())(features, y=label)
acc = Metric(lambda true, pred: float(np.mean(true == pred)))([label, pred], "acc")
pipe = sm.Pipeline([x, label], [pred, features], metrics=acc, name="made", version="1")
pipe.fit(X, y)
single = sm.Pipeline([x, label], pred)
search = GridSearchCV(single, {"power__power": [1, 2]}, cv=2).fit(X, y)

pipe.save(folder)
joblib.dump(pipe, f"{folder}/dumped.pkl")
joblib.dump(sm.Pipeline([x, label], [pred, features]), f"{folder}/unfitted.pkl")
joblib.dump(search, f"{folder}/search.pkl")
np.save(f"{folder}/X.npy", X)
np.save(f"{folder}/features.npy", pipe.transform(X)["concatenate"])
np.save(f"{folder}/proba.npy", search.predict_proba(X))
np.save(f"{folder}/acc.npy", pipe.evaluate(X, y)["acc"])
'''

READ = """
import sys

import joblib
import numpy as np
import skmegatron as sm
from numpy.testing import assert_array_equal
from sklearn.base import clone

folder = sys.argv[1]
X = np.load(f"{folder}/X.npy")
y = (X[:, 0] > 0).astype(int)
features = np.load(f"{folder}/features.npy")
again = f"{folder}/again"

for pipe in (sm.load_pipeline(f"{folder}/made-1.pkl"), joblib.load(f"{folder}/dumped.pkl")):
    assert_array_equal(pipe.transform(X)["concatenate"], features)
    assert pipe.evaluate(X, y)["acc"] == np.load(f"{folder}/acc.npy")
    assert_array_equal(clone(pipe).fit(X, y).transform(X)["concatenate"], features)
    # What was loaded by value is saved by value again.
    assert_array_equal(sm.load_pipeline(pipe.save(again)).transform(X)["concatenate"], features)

unfitted = joblib.load(f"{folder}/unfitted.pkl")
assert_array_equal(unfitted.fit(X, y).transform(X)["concatenate"], features)
search = joblib.load(f"{folder}/search.pkl")
assert_array_equal(search.predict_proba(X), np.load(f"{folder}/proba.npy"))
print("all read")
"""


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with what a script, run as ``__main__``, has saved."""
    folder = tmp_path_factory.mktemp("made")
    script = folder / "make.py"
    script.write_text(MAKE)
    result = run(script, folder)
    assert result.returncode == 0, result.stderr
    return folder


def test_code_of_a_main_script_is_loaded_in_a_new_process(made, tmp_path):
    script = tmp_path / "read.py"
    script.write_text(READ)

    result = run(script, made)

    assert result.returncode == 0, result.stderr
    assert result.stdout == "all read\n"


@pytest.mark.parametrize("file", ["made-1.pkl", "dumped.pkl"])
def test_code_of_a_main_script_is_loaded_in_this_process(made, file):
    X, features = np.load(made / "X.npy"), np.load(made / "features.npy")

    assert_array_equal(joblib.load(made / file).transform(X)["concatenate"], features)


def test_module_that_is_gone_is_named_when_loading(tmp_path):
    (tmp_path / "helpers.py").write_text("def double(x):\n    return x * 2\n")
    maker = tmp_path / "make.py"
    maker.write_text(
        "import sys, skmegatron as sm\n"
        "from helpers import double\n"
        "x = sm.Input('x')\n"
        "sm.Pipeline(x, sm.layers.Lambda(double)(x), name='p').save(sys.argv[1])\n"
    )
    assert run(maker, tmp_path).returncode == 0
    Path(tmp_path / "helpers.py").unlink()

    with pytest.raises(ModuleNotFoundError, match="helpers") as caught:
        sm.load_pipeline(tmp_path / "p.pkl")

    assert "p.pkl" in caught.value.__notes__[0]
