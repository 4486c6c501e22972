"""What a saved file tells of itself, and what its reader allows."""

import json
import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm
from skmegatron.errors import LoadError
from skmegatron.io.saving import save
from skmegatron.layers import Concatenate, Lambda, Sklearn, Whiten
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

    with pytest.raises(ValueError, match=r"step 'pipeline'.*'memory' of .*Pipeline says where"):
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
