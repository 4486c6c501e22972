"""Pipelines as skops files: what goes in comes out, and what cannot is refused by name."""

import functools
import json
import pydoc
import subprocess
import sys
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)

import skmegatron as sm
from skmegatron import layers, layertools, metrics
from skmegatron.errors import LoadError
from skmegatron.layers import Lambda, Sklearn, Whiten
from skmegatron.pipeline.opening import own_types

X = np.abs(np.random.default_rng(0).normal(size=(40, 3))) + 0.1
LABELS = np.where(X[:, 0] > 0.8, "yes", "no").astype(object)
WORDS = np.array(["memory of content", "storage of a cat"] * 5, dtype=object)
LETTERS = np.array(list("abca") * 5, dtype=object)
CUBES = np.random.default_rng(0).random((6, 4, 4, 3))


def one(layer, shape=(None,)):
    x = sm.Input("X", shape=shape)
    return sm.Pipeline(x, layer(x), name="one")


def supervised(estimator, **how):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    return sm.Pipeline([x, y], Sklearn(estimator, **how)(x, y=y), name="one")


def check_same(pipe, data, folder, trusted=()):
    loaded = sm.load_pipeline(pipe.save(folder, format="skops"), trusted=trusted)
    again = sm.load_pipeline(loaded.save(folder, format="skops"), trusted=trusted)

    for method in ("transform", "predict", "predict_proba"):
        if hasattr(pipe, method):
            wanted = getattr(pipe, method)(data)
            for other in (loaded, again):
                check_equal(wanted, getattr(other, method)(data))
    return loaded


def check_equal(one, other):
    if isinstance(one, sm.Dataset):
        for name in one:
            check_equal(one[name], other[name])
    else:
        assert type(one) is type(other)
        assert one.dtype == other.dtype
        assert_array_equal(*(a.toarray() if sparse.issparse(a) else a for a in (one, other)))


COLUMNS = [
    Whiten(),
    layers.Normalize(),
    layers.ScalarArithmetic("add", 2),
    layers.ScalarMultiply(2),
    layers.Impute({np.nan: 0.0}),
    layers.Cast(np.float32),
    layers.AddDim(),
    layers.Reshape((3, 1)),
    layers.Slice((0, 2)),
    layers.TimeSeries(2),
    layers.StaticDot(np.eye(3)),
    layers.StaticDot(sparse.csr_array(np.eye(3))),
    Lambda(np.log1p),
    Lambda(np.exp, dtype="float32"),
    layertools.Maybe(layers.ScalarMultiply(-1), random_state=0),
    Sklearn(make_pipeline(StandardScaler(), MinMaxScaler())),
    Sklearn(ColumnTransformer([("a", StandardScaler(), [0]), ("b", "passthrough", [1])])),
    Sklearn(FunctionTransformer(np.log1p)),
    Sklearn(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf")),
    Sklearn(SimpleImputer()),
    Sklearn(FrozenEstimator(StandardScaler().fit(X))),
    layers.Frozen(StandardScaler().fit(X)),
]


@pytest.mark.parametrize("layer", COLUMNS, ids=repr)
def test_layer_of_columns_comes_back(tmp_path, layer):
    check_same(one(layer).fit(X), X, tmp_path)


OTHERS = {
    "labels": (layers.OneHotLabels(), LETTERS, ()),
    "sparse labels": (layers.OneHotLabels(sparse=True), LETTERS, ()),
    "range": (layers.OneHotRange(3), np.array([0, 1, 2] * 4), ()),
    "words": (Sklearn(TfidfVectorizer()), WORDS, ()),
    "counts": (Sklearn(CountVectorizer(ngram_range=(1, 2))), WORDS, ()),
    "stop words": (layers.RemoveStopwords(), WORDS, ()),
    "grey": (layers.RGBtoGrey(), CUBES, (4, 4, 3)),
    "flat": (layers.Flatten(), CUBES, (4, 4, 3)),
    "larger": (layers.Upsample((8, 8)), CUBES[..., 0], (4, 4)),
    "one by one": (layertools.Vectorize(np.sqrt), X[:, 0], ()),
    "encoder": (Sklearn(OneHotEncoder()), LETTERS[:, None], (None,)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_layer_of_other_data_comes_back(tmp_path, case):
    layer, data, shape = OTHERS[case]

    check_same(one(layer, shape).fit(data), data, tmp_path)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(class_weight={"yes": 1.0, "no": 2.0}),
        GaussianNB(),
        StackingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]),
    ],
    ids=lambda e: type(e).__name__,
)
def test_classifier_comes_back(tmp_path, estimator, cv):
    check_same(supervised(estimator, cv=cv).fit(X, LABELS), X, tmp_path)


def test_forest_asks_for_its_trees(tmp_path):
    pipe = supervised(RandomForestClassifier(5, random_state=0)).fit(X, LABELS)

    with pytest.raises(LoadError, match=r"trusted=\['sklearn.tree._tree.Tree'\]"):
        sm.load_pipeline(pipe.save(tmp_path, format="skops"))

    check_same(pipe, X, tmp_path, trusted=["sklearn.tree._tree.Tree"])


def stacked():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    z = Whiten()(x)
    first = Sklearn(LogisticRegression(), cv=3, method="predict_proba")(z, y=y)
    second = Sklearn(GaussianNB(), cv=3)(z, y=y)
    both = layers.Concatenate()([first, layers.OneHotLabels()(second), x])
    out = Sklearn(LogisticRegression())(both, y=y)
    for name in metrics.__all__:
        if name not in ("Metric", "FBeta"):
            getattr(metrics, name)()(y, out, name.lower())
    metrics.FBeta(beta=2)(y, out, "fbeta")
    for name in ("Correlate", "Describe", "Histogram", "Scatter"):
        getattr(layers, name)()(x, f"see_{name.lower()}")
    return sm.Pipeline([x, y], out, name="stack")


def test_stack_with_metrics_and_explorers_comes_back(tmp_path):
    pipe = stacked().fit(X, LABELS)

    loaded = check_same(pipe, X, tmp_path)

    assert loaded.nodes["metric"] != []
    assert [n.name for n in loaded.nodes["metric"]] == [n.name for n in pipe.nodes["metric"]]
    assert [n.name for n in loaded.nodes["explorer"]] == [n.name for n in pipe.nodes["explorer"]]


def test_inverse_and_several_outputs_come_back(tmp_path):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y)
    back = scaled.inverse(Sklearn(Ridge())(x, y=scaled))
    halves = Lambda(np.frexp, 2)(x)

    check_same(sm.Pipeline([x, y], back, name="i").fit(X, X[:, 1]), X, tmp_path)
    check_same(sm.Pipeline(x, [*halves, x * 2 + 1, x > 0.5], name="o"), X, tmp_path)


def test_frames_and_shared_layers_come_back(tmp_path):
    a, b = sm.Input("a"), sm.Input("num", columns=["b", "c"])
    shared = Whiten()
    out = layers.Concatenate()([layers.OneHotLabels()(a), shared(b, "one"), shared(b, "two")])
    frame = pd.DataFrame({"a": list("xyxy"), "b": [1.0, 2, 3, 4], "c": [3.0, 4, 4, 4]})

    loaded = check_same(sm.Pipeline([a, b], out, name="f").fit(frame), frame, tmp_path)

    steps = loaded.graph.by_name
    assert steps["one"].layer is steps["two"].layer


def test_what_was_left_open_stays_open(tmp_path):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaler = Sklearn(sm.choose({"mean": StandardScaler(), "range": MinMaxScaler()}))(x)
    model = Sklearn(LogisticRegression(C=sm.choose([1.0, 2.0])))(scaler, y=y)
    pipe = sm.Pipeline([x, y], model, name="open").fit(X, LABELS)

    loaded = check_same(pipe, X, tmp_path)

    assert repr(loaded.graph.by_name["logisticregression"].choices) == repr(
        pipe.graph.by_name["logisticregression"].choices
    )


def test_pipeline_within_a_pipeline_comes_back(tmp_path):
    z = sm.Input("Z", shape=(None,))
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    inner = Sklearn(sm.Pipeline(z, Whiten()(z), name="inner"))(x)
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(inner, y=y), name="outer")

    check_same(pipe.fit(X, LABELS), X, tmp_path)


def test_long_chain_comes_back(tmp_path):
    x = sm.Input("X", shape=(None,))
    end = functools.reduce(lambda node, _: layers.ScalarMultiply(1)(node), range(300), x)

    check_same(sm.Pipeline(x, end, name="long"), X, tmp_path)


def test_unfitted_pipeline_is_loaded_unfitted(tmp_path):
    loaded = sm.load_pipeline(stacked().save(tmp_path, format="skops"))

    assert not hasattr(loaded, "steps_")
    assert loaded.fit(X, LABELS).score(X, LABELS) > 0.5


# --- who decides ----------------------------------------------------------------------


def test_skops_alone_reads_the_file(tmp_path):
    pipe = supervised(LogisticRegression()).fit(X, LABELS)
    path = pipe.save(tmp_path, format="skops")

    loaded = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))

    assert_array_equal(loaded.predict(X), pipe.predict(X))


def test_file_carries_no_storage_and_no_memory(tmp_path):
    pipe = supervised(LogisticRegression()).set_params(
        storage=f"sqlite:///{tmp_path}/rows.db", memory=str(tmp_path / "cache")
    )

    path = pipe.fit(X, LABELS).save(tmp_path / "saved", format="skops")

    loaded = sm.load_pipeline(path)
    given = loaded.get_params(deep=False)
    assert (given["storage"], given["memory"]) == (None, None)
    assert pipe.get_params()["memory"] == str(tmp_path / "cache")
    assert b"rows.db" not in path.read_bytes()
    assert sm.load_pipeline(path, storage_db="sqlite://").storage.versions() == []


def test_memory_of_a_step_is_refused_by_name(tmp_path):
    pipe = one(Sklearn(make_pipeline(StandardScaler(), memory=str(tmp_path / "cache"))))

    with pytest.raises(ValueError, match=r"step 'pipeline'.*'memory' of sklearn.pipeline"):
        pipe.save(tmp_path / "saved", format="skops")


@pytest.mark.parametrize("when", ["unfitted", "fitted"])
def test_lambda_is_refused_by_step_and_nothing_is_written(tmp_path, when):
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, Lambda(lambda v: v * 2)(Whiten()(x), "twice"), name="one")
    if when == "fitted":
        pipe.fit(X)

    with pytest.raises(ValueError, match=r"<lambda>.*in step 'twice'.*format='joblib'"):
        pipe.save(tmp_path / "saved", format="skops")

    assert list(tmp_path.iterdir()) == []


def test_code_inside_of_functions_is_refused_by_step(tmp_path):
    class Local(FunctionTransformer):
        pass

    def local(x):
        return x

    for layer, name in ((Sklearn(Local()), "local"), (Lambda(local), "lambda")):
        with pytest.raises(ValueError, match=f"in step {name!r} cannot be imported"):
            one(layer).save(tmp_path, format="skops")


def test_code_of_main_is_refused(tmp_path):
    code = (
        "import skmegatron as sm, sys\n"
        "def f(x): return x\n"
        "x = sm.Input('x')\n"
        "sm.Pipeline(x, sm.layers.Lambda(f)(x), name='m').save(sys.argv[1], format='skops')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert "function f at" in done.stderr
    assert "in step 'lambda' cannot be imported by its name" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keys", [{True: 1.0, False: 2.0}, {None: 1.0}, {(1, 2): 3}])
def test_keys_that_would_not_come_back_are_refused_by_step(tmp_path, keys):
    with pytest.raises(ValueError, match="because of step 'impute'"):
        one(layers.Impute(keys), ()).save(tmp_path, format="skops")


def test_function_of_the_user_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "of_a_user.py").write_text("def tripled(x):\n    return 3 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    tripled = __import__("of_a_user").tripled
    path = one(Lambda(tripled)).save(tmp_path, format="skops")

    with pytest.raises(LoadError, match=r"\['of_a_user.tripled'\]"):
        sm.load_pipeline(path)

    for trusted in (["of_a_user.tripled"], [tripled], (tripled,)):
        assert_array_equal(sm.load_pipeline(path, trusted=trusted).transform(X), 3 * X)


def test_trusted_code_that_is_gone_is_an_import_error_with_a_note(tmp_path, monkeypatch):
    (tmp_path / "gone_soon.py").write_text("def tripled(x):\n    return 3 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = one(Lambda(__import__("gone_soon").tripled)).save(tmp_path, format="skops")
    monkeypatch.delitem(sys.modules, "gone_soon")
    (tmp_path / "gone_soon.py").unlink()

    with pytest.raises(ModuleNotFoundError) as caught:
        sm.load_pipeline(path, trusted=["gone_soon.tripled"])

    assert "Install or import the module" in caught.value.__notes__[-1]


@pytest.mark.parametrize("trusted", ["a.b", b"a.b", True, 3, [3], None])
def test_trusted_is_a_list_of_names_and_types(tmp_path, trusted):
    path = one(Whiten()).save(tmp_path, format="skops")

    with pytest.raises(TypeError, match="trusted takes a list"):
        sm.load_pipeline(path, trusted=trusted)


def test_trusting_something_in_a_joblib_file_is_refused(tmp_path):
    path = one(Whiten()).save(tmp_path)

    with pytest.raises(ValueError, match="joblib file, which runs code"):
        sm.load_pipeline(path, trusted=["a.b"])


def test_a_zip_is_read_as_skops_under_any_name(tmp_path):
    path = one(Whiten()).fit(X).save(tmp_path, format="skops")

    assert hasattr(sm.load_pipeline(path.rename(tmp_path / "file.pkl")), "steps_")


def test_other_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['joblib', 'skops'\], got format='onnx'"):
        one(Whiten()).save(tmp_path, format="onnx")


def test_estimator_of_skops_that_is_no_pipeline_is_refused(tmp_path):
    skops.io.dump(StandardScaler().fit(X), tmp_path / "scaler.skops")

    with pytest.raises(LoadError, match="holds a StandardScaler"):
        sm.load_pipeline(tmp_path / "scaler.skops")


def test_types_that_any_file_may_hold_keep_nothing_and_read_nothing():
    own = own_types(sm.Pipeline)

    assert "skmegatron.layers.numeric.whiten.Whiten" in own
    assert own == sorted(set(own))
    assert all(isinstance(pydoc.locate(name), type) for name in own)
    places = ("skmegatron.io.caching", "skmegatron.io.storage", "skmegatron.io.sources")
    assert [name for name in own if name.startswith(places)] == []
    assert {name for name in own if name.startswith("skmegatron.io")} == {
        "skmegatron.io.saving.Portable",
        "skmegatron.io.seen.Seen",
    }


# --- what a file says -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_description_tells_what_is_in_the_file(tmp_path, capsys, kind):
    pipe = supervised(LogisticRegression()).set_params(version="0.2").fit(X, LABELS)

    told = sm.describe(pipe.save(tmp_path, format=kind))

    assert json.loads(capsys.readouterr().out) == told
    assert told["format"] == 1
    assert (told["kind"], told["name"], told["version"], told["fitted"]) == (
        kind,
        "one",
        "0.2",
        True,
    )
    assert {"skmegatron", "python", "scikit-learn", "numpy"} <= set(told["versions"])
    assert "LogisticRegression" in json.dumps(told["graph"])


def test_description_tells_the_packages_that_steps_come_from(tmp_path, capsys):
    sampler = pytest.importorskip("imblearn.over_sampling").RandomOverSampler(random_state=0)
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    more, labels = layers.Resample(sampler)(x, y=y)
    out = Sklearn(LogisticRegression())(more, y=labels)

    told = sm.describe(sm.Pipeline([x, y], out, name="more").save(tmp_path))

    assert "imblearn" in told["versions"]


def test_plain_joblib_file_loads_and_tells_nothing(tmp_path):
    pipe = supervised(LogisticRegression()).fit(X, LABELS)
    for compress in (0, 3, ("gzip", 3), ("xz", 1)):
        path = tmp_path / "plain.pkl"
        joblib.dump(pipe, path, compress=compress)

        assert_array_equal(sm.load_pipeline(path).predict(X), pipe.predict(X))
        with pytest.raises(LoadError, match=r"tells nothing of itself.*load_pipeline.*save it"):
            sm.describe(path)


def test_describing_imports_nothing_of_the_pipeline(tmp_path, monkeypatch):
    (tmp_path / "of_another.py").write_text("def tripled(x):\n    return 3 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    pipe = one(Lambda(__import__("of_another").tripled))
    paths = [pipe.save(tmp_path, format=kind) for kind in ("joblib", "skops")]
    monkeypatch.delitem(sys.modules, "of_another")

    for path in paths:
        sm.describe(path)

    assert "of_another" not in sys.modules


def test_names_of_strangers_do_not_reach_the_terminal_as_orders(tmp_path, capsys):
    pipe = one(Whiten()).set_params(name="a\x9b31m\u202eb\x7f\U000e0041")

    told = sm.describe(pipe.save(tmp_path))

    shown = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert json.loads(shown) == told


def test_skops_file_is_stored_and_whole(tmp_path):
    with zipfile.ZipFile(one(Whiten()).fit(X).save(tmp_path, format="skops")) as archive:
        assert archive.testzip() is None
        assert {"schema.json", "skmegatron.json"} <= set(archive.namelist())
