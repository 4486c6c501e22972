"""Fitting, transforming and measuring batch by batch."""

import itertools
import sqlite3
import tracemalloc
from contextlib import closing

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    StandardScaler,
)

import skmegatron as sm
from skmegatron import layers as L
from skmegatron.errors import ShapeError, StreamError

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(12, 3))
IMAGES = RNG.integers(0, 255, size=(12, 6, 6, 3)).astype(np.uint8)
LABELS = np.array(list("bacabbacabca"))
FLOWERS, SPECIES = load_iris(return_X_y=True)
ORDER = RNG.permutation(len(FLOWERS))
FLOWERS, SPECIES = FLOWERS[ORDER], SPECIES[ORDER]

#: Every built-in layer that has a value, with data for it.
CASES = {
    "Add": (L.Add(), TABLE, TABLE),
    "AddDim": (L.AddDim(), TABLE),
    "Cast": (L.Cast(np.float32), TABLE),
    "Compare": (L.Compare(">", 0), TABLE),
    "Concatenate": (L.Concatenate(), TABLE, TABLE[:, 0]),
    "Divide": (L.Divide(), TABLE, TABLE),
    "Dot": (L.Dot(), TABLE[:, None], TABLE[..., None]),
    "Downsample": (L.Downsample((3, 3)), IMAGES),
    "ElementWiseMultiply": (L.ElementWiseMultiply(), TABLE, TABLE),
    "Filter": (L.Filter(), TABLE, TABLE[:, 0] > 0),
    "Flatten": (L.Flatten(), IMAGES),
    "Impute": (L.Impute({np.nan: 0.0}), np.where(TABLE > 0, TABLE, np.nan)),
    "Lambda": (L.Lambda(np.abs), TABLE),
    "Normalize": (L.Normalize(), np.abs(TABLE)),
    "OneHotLabels": (L.OneHotLabels(), LABELS),
    "OneHotLabels sparse": (L.OneHotLabels(sparse=True), LABELS),
    "OneHotRange": (L.OneHotRange(), np.array([0, 0, 1, 0, 3, 1, 1, 4, 0, 2, 2, 1])),
    "RGBtoBinary": (L.RGBtoBinary(), IMAGES),
    "RGBtoGrey": (L.RGBtoGrey(), IMAGES),
    "RemoveStopwords": (L.RemoveStopwords(), np.array(["the cat", "a dog", "of", "it"] * 3)),
    "Reshape": (L.Reshape((4, -1)), IMAGES),
    "ScalarArithmetic": (L.ScalarArithmetic("add", 1), TABLE),
    "ScalarMultiply": (L.ScalarMultiply(3), TABLE),
    "Slice of columns": (L.Slice(None, (0, 2)), TABLE),
    "Slice of rows": (L.Slice((2, 11, 3)), TABLE),
    "SplitDict": (L.SplitDict(["a"]), np.array([{"a": i} for i in range(12)], dtype=object)),
    "StaticDot": (L.StaticDot(np.ones((3, 2))), TABLE),
    "Subtract": (L.Subtract(), TABLE, TABLE),
    "TimeSeries": (L.TimeSeries(4), TABLE),
    "TimeSeries reversed": (L.TimeSeries(4, time_axis=2, reverse=True), TABLE),
    "Upsample": (L.Upsample((12, 9)), IMAGES),
    "Whiten": (L.Whiten(), TABLE),
    "StandardScaler": (L.Sklearn(StandardScaler()), TABLE),
    "MinMaxScaler": (L.Sklearn(MinMaxScaler()), TABLE),
    "Normalizer": (L.Sklearn(Normalizer()), TABLE),
    "FunctionTransformer": (L.Sklearn(FunctionTransformer(np.abs)), TABLE),
    "FrozenEstimator": (L.Sklearn(FrozenEstimator(PCA(2).fit(TABLE))), TABLE),
}

CUTS = st.lists(st.integers(1, 11), unique=True).map(sorted)


def cut(arrays, cuts):
    """Cut arrays with 12 rows into batches, as mappings."""
    edges = [0, *cuts, len(next(iter(arrays.values())))]
    return [
        {name: array[start:end] for name, array in arrays.items()}
        for start, end in itertools.pairwise(edges)
    ]


def joined(pieces):
    return sparse.vstack(pieces) if sparse.issparse(pieces[0]) else np.concatenate(pieces)


def assert_same(given_, expected):
    if sparse.issparse(expected):
        given_, expected = given_.toarray(), expected.toarray()
    assert given_.shape == expected.shape
    assert given_.dtype == expected.dtype
    if expected.dtype.kind == "f":
        assert_allclose(given_, expected, rtol=1e-9, atol=1e-12)
    else:
        assert_array_equal(given_, expected)


def drawn(layer, *arrays, below=None):
    inputs = [sm.Input(f"x{i}", shape=array.shape[1:]) for i, array in enumerate(arrays)]
    output = layer(*inputs)
    output = output[0] if isinstance(output, tuple) else output
    data = {node.name: array for node, array in zip(inputs, arrays, strict=True)}
    return sm.Pipeline(inputs, output if below is None else below(output)), data


@pytest.mark.parametrize("case", CASES)
@given(cuts=CUTS)
@settings(max_examples=15)
def test_in_batches_every_layer_gives_what_it_gives_whole(case, cuts):
    whole, data = drawn(*CASES[case])
    expected = whole.fit(data).transform(data)
    streamed = sm.Pipeline(whole.inputs, whole.outputs).fit_generator(cut(data, cuts))

    assert_same(joined(list(streamed.transform_generator(cut(data, cuts)))), expected)
    assert_same(streamed.transform(data), expected)


@st.composite
def graphs(draw):
    """Draw a graph over one table whose steps read any of those before them."""
    nodes = [sm.Input("x", shape=(3,))]
    for _ in range(draw(st.integers(1, 6))):
        makers = [
            lambda node: L.Whiten()(node),
            lambda node: L.Sklearn(StandardScaler())(node),
            lambda node: L.Sklearn(MaxAbsScaler())(node),
            lambda node: L.Sklearn(Normalizer())(node),
            lambda node: L.Flatten()(L.TimeSeries(2)(node)),
            lambda node: L.ScalarMultiply(2)(node),
            lambda node: L.Concatenate()([node, draw(st.sampled_from(nodes))]),
        ]
        nodes.append(draw(st.sampled_from(makers))(draw(st.sampled_from(nodes))))
    outputs = draw(st.lists(st.sampled_from(nodes[1:]), min_size=1, max_size=3, unique=True))
    return sm.Pipeline(nodes[0], outputs)


@given(pipe=graphs(), cuts=CUTS)
def test_in_batches_every_graph_gives_what_it_gives_whole(pipe, cuts):
    data = {"x": TABLE}
    expected = pipe.fit(data).transform(data)
    pipe.fit_generator(cut(data, cuts))
    state = joblib.hash(pipe)

    pieces = list(pipe.transform_generator(cut(data, cuts)))

    assert joblib.hash(pipe) == state
    if len(pipe.outputs) == 1:
        assert_same(joined(pieces), expected)
    else:
        for name in expected:
            assert_same(joined([piece[name] for piece in pieces]), expected[name])


@given(cuts=CUTS)
def test_a_filter_may_leave_no_rows_of_a_batch(cuts):
    x = sm.Input("x", shape=(3,))
    kept = L.Filter()([x, L.Slice(None, 0)(x) > 0.3])
    pipe = sm.Pipeline(x, L.Sklearn(StandardScaler())(L.Whiten()(kept)))
    expected = pipe.fit(TABLE).transform(TABLE)
    batches = [batch["x"] for batch in cut({"x": TABLE}, cuts)]

    pieces = list(pipe.fit_generator(batches).transform_generator(batches))

    assert_same(np.concatenate(pieces), expected)


def test_a_filter_that_leaves_no_row_of_any_batch_is_told():
    x = sm.Input("x", shape=(3,))
    kept = L.Filter()([x, L.Slice(None, 0)(x) > 100])
    pipe = sm.Pipeline(x, L.Whiten()(kept))

    with pytest.raises(StreamError, match="No rows have reached step 'whiten'"):
        pipe.fit_generator([TABLE[:5], TABLE[5:]])


class Reads:
    """Batches of the flowers, counted."""

    def __init__(self, size=30):
        self.size = size
        self.reads = 0
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        for start in range(0, len(FLOWERS), self.size):
            self.reads += 1
            yield FLOWERS[start : start + self.size], SPECIES[start : start + self.size]


def classifier(estimator=None, *above):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    node = X
    for layer in above:
        node = layer(node)
    estimator = SGDClassifier(random_state=0) if estimator is None else estimator
    return sm.Pipeline([X, y], L.Sklearn(estimator)(node, y=y))


@pytest.mark.parametrize(
    ("above", "epochs", "passes"),
    [
        ([], 1, 2),  # one for the classes, one for the classifier
        ([L.Whiten()], 1, 2),  # the classes are gathered beside the whitening
        ([L.Whiten(), L.Sklearn(StandardScaler())], 1, 3),
        ([L.Whiten(), L.Sklearn(Normalizer()), L.ScalarMultiply(2)], 1, 2),
        ([L.Whiten()], 4, 5),
    ],
)
def test_there_are_as_many_passes_as_steps_that_wait_for_each_other(above, epochs, passes):
    source = Reads()
    pipe = classifier(None, *above)

    pipe.fit_generator(source, epochs=epochs)

    assert source.passes == passes == len(pipe.explain_fit(epochs))
    assert source.reads == passes * 5
    assert pipe.score(FLOWERS, SPECIES) > 0.6


def test_siblings_share_a_pass():
    X = sm.Input("X", shape=(None,))
    sides = [L.Whiten()(X), L.Sklearn(StandardScaler())(X), L.Sklearn(MinMaxScaler())(X)]
    source = Reads()

    sm.Pipeline(X, L.Concatenate()(sides)).fit_generator(source)

    assert source.passes == 1


def test_each_pass_reads_exactly_the_steps():
    source = Reads(10)

    classifier(None, L.Whiten()).fit_generator(source, steps_per_epoch=4)

    assert source.reads == 2 * 4


def test_what_is_learned_in_batches_is_what_partial_fit_learns():
    scaler = StandardScaler().fit(FLOWERS)
    model = SGDClassifier(random_state=0)
    for _ in range(3):
        for X, y in Reads():
            model.partial_fit(scaler.transform(X), y, classes=[0, 1, 2])

    pipe = classifier(None, L.Sklearn(StandardScaler())).fit_generator(Reads(), epochs=3)

    assert_allclose(pipe.steps_["sgdclassifier"].estimator_.coef_, model.coef_)
    assert pipe.steps_["standardscaler"].estimator_.n_samples_seen_ == len(FLOWERS)


def test_classes_come_from_labels_that_other_steps_have_made():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    codes = L.Lambda(lambda labels: np.where(labels == 2, "virginica", "other"))(y)
    pipe = sm.Pipeline([X, y], L.Sklearn(GaussianNB())(X, y=codes))

    pipe.fit_generator(Reads(7))

    assert_array_equal(pipe.classes_, ["other", "virginica"])


@pytest.mark.parametrize(
    "estimator", [MultiOutputClassifier(SGDClassifier()), MLPClassifier((3,), random_state=0)]
)
def test_classes_of_several_targets_are_gathered_too(estimator):
    y = np.column_stack([SPECIES == 0, SPECIES == 1]).astype(int)
    batches = [(FLOWERS[:70], y[:70]), (FLOWERS[70:], y[70:])]

    pipe = classifier(estimator).fit_generator(batches)

    assert pipe.predict(FLOWERS).shape == y.shape


@pytest.mark.parametrize("model", [MiniBatchKMeans(3, random_state=0), IncrementalPCA(2)])
def test_models_without_labels_take_epochs(model):
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, L.Sklearn(model)(X))

    assert len(pipe.explain_fit(epochs=3)) == 3
    pipe.fit_generator([FLOWERS[:80], FLOWERS[80:]], epochs=3)
    assert pipe.transform(FLOWERS).shape[0] == len(FLOWERS)


def test_weights_come_with_the_batch():
    X, y, weight = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("sample_weight")
    model = L.Sklearn(SGDRegressor(random_state=0))(X, y=y, sample_weight=weight)
    batches = [(X, y, np.ones(len(y))) for X, y in Reads()]
    expected = sm.Pipeline([X, y, weight], model)
    for batch_X, batch_y, ones in batches:
        expected.partial_fit(batch_X, batch_y, sample_weight=ones)

    streamed = sm.Pipeline([X, y, weight], model).fit_generator(batches)

    assert_allclose(streamed.predict(FLOWERS), expected.predict(FLOWERS))
    assert next(iter(streamed.transform_generator(batches))).shape == (30,)


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (PCA(), r"'pca' \(PCA\) cannot learn from batches. Use IncrementalPCA\(\) instead"),
        (
            LogisticRegression(),
            r"Use SGDClassifier\(loss='log_loss'\) instead.*Frozen\(Log",
        ),
    ],
)
def test_a_step_that_cannot_learn_from_batches_is_refused_before_anything_is_read(
    estimator, words
):
    source = Reads()

    with pytest.raises(StreamError, match=words):
        classifier(None, L.Sklearn(estimator, method="auto")).fit_generator(source)
    assert source.reads == 0


def test_out_of_fold_values_need_all_rows():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pipe = sm.Pipeline([X, y], L.Sklearn(GaussianNB(), cv=3)(X, y=y))

    with pytest.raises(StreamError, match=r"'gaussiannb'.*leave cv= out, or call fit"):
        pipe.fit_generator(Reads())
    assert not hasattr(pipe, "partial_fit")


def test_a_layer_of_the_user_is_told_to_define_partial_fit():
    class Center(L.StatefulLayer):
        def fit(self, X):
            return self

        def transform(self, X):
            return X

    X = sm.Input("X", shape=(None,))

    with pytest.raises(StreamError, match=r"'center' \(Center\).*Define partial_fit"):
        sm.Pipeline(X, Center()(X)).fit_generator([FLOWERS])


def test_text_that_needs_no_fit_shares_the_pass_of_what_is_below():
    text = sm.Input("text")
    counts = L.Sklearn(HashingVectorizer(n_features=8, alternate_sign=False))(text)
    pipe = sm.Pipeline(text, L.Sklearn(MaxAbsScaler())(counts))
    words = np.array(["red green", "red red", "blue", "green"])

    assert len(pipe.explain_fit()) == 1
    pipe.fit_generator([{"text": words[:2]}, {"text": words[2:]}])
    assert abs(pipe.transform({"text": words}).toarray()).max() == 1


def test_a_fit_that_fails_leaves_what_was_fitted_before():
    pipe = classifier(None, L.Whiten()).fit(FLOWERS, SPECIES)
    before = joblib.hash(pipe)

    with pytest.raises(ValueError, match="expecting 4 features") as caught:
        pipe.fit_generator([(FLOWERS[:50], SPECIES[:50]), (FLOWERS[50:, :3], SPECIES[50:])])

    assert joblib.hash(pipe) == before
    assert "in batch 2 of pass 1 of 2" in caught.value.__notes__[-1]


def test_a_fit_that_fails_at_first_leaves_the_pipeline_unfitted():
    pipe = classifier(None, L.Whiten())

    with pytest.raises(ValueError, match="NaN"):
        pipe.fit_generator([(FLOWERS, SPECIES), (np.full_like(FLOWERS, np.nan), SPECIES)])

    with pytest.raises(NotFittedError):
        pipe.predict(FLOWERS)


def test_columns_are_held_to_those_of_the_first_batch():
    frame = pd.DataFrame(FLOWERS, columns=list("abcd"))
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, L.Whiten()(X)).fit_generator([frame[:50], frame[50:]])

    assert_array_equal(pipe.feature_names_in_, list("abcd"))
    with pytest.raises(ValueError, match="feature names") as caught:
        pipe.fit_generator([frame[:50], frame[50:].rename(columns={"b": "z"})])
    assert "in batch 2" in caught.value.__notes__[-1]


def test_frames_inside_a_mapping_are_held_to_their_columns_too():
    frame = pd.DataFrame(FLOWERS, columns=list("abcd"))
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, L.Whiten()(X))

    with pytest.raises(ShapeError, match=r"'X' was fitted on the columns \['a', 'b', 'c', 'd'\]"):
        pipe.fit_generator([{"X": frame[:50]}, {"X": frame[list("badc")][50:]}])
    pipe.fit({"X": frame})
    with pytest.raises(ShapeError, match="same order"):
        pipe.transform({"X": frame[list("badc")]})


def test_labels_may_come_as_a_column():
    plain = classifier(None).fit_generator(Reads())
    X, y = FLOWERS, SPECIES.reshape(-1, 1)

    with pytest.warns(UserWarning, match="column-vector"):
        column = classifier(None).fit_generator(
            [(X[i : i + 30], y[i : i + 30]) for i in range(0, 150, 30)]
        )

    assert_array_equal(column.predict(X), plain.predict(X))


def test_a_graph_that_learns_nothing_looks_at_the_columns_of_one_batch():
    frame = pd.DataFrame(FLOWERS, columns=list("abcd"))
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, X * 2)

    assert len(pipe.explain_fit()) == 0
    pipe.fit_generator([frame[:30], frame[30:]])

    assert_array_equal(pipe.feature_names_in_, list("abcd"))
    assert_array_equal(pipe.get_feature_names_out(), list("abcd"))
    assert_array_equal(pipe.transform(frame), FLOWERS * 2)
    with pytest.raises(StreamError, match="gave no batch"):
        pipe.fit_generator([])
    source = iter([frame[:30], frame[30:60], frame[60:]])
    pipe.fit_generator(source)
    assert len(list(source)) == 2


def test_what_is_frozen_takes_no_epochs():
    frozen = L.Sklearn(FrozenEstimator(PCA(2).fit(FLOWERS)))

    assert len(classifier(None, frozen).explain_fit(epochs=5)) == 6


def test_a_pipeline_inside_is_refused_where_its_own_steps_wait_for_each_other():
    X = sm.Input("X", shape=(None,))
    inner = sm.Pipeline(X, L.Whiten()(L.Sklearn(MinMaxScaler())(X)))
    source = Reads()

    with pytest.raises(StreamError, match=r"'pipeline' is a pipeline .* Draw its steps"):
        sm.Pipeline(X, L.Sklearn(inner)(X)).fit_generator(source)
    assert source.reads == 0


def test_a_pipeline_inside_that_learns_in_one_pass_is_fitted_as_whole():
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, L.Sklearn(sm.Pipeline(X, L.Whiten()(X)))(X))
    expected = pipe.fit_transform(FLOWERS)

    pipe.fit_generator([FLOWERS[:50], FLOWERS[50:]])

    assert_allclose(pipe.transform(FLOWERS), expected, atol=1e-12)


def test_a_generator_may_fill_the_same_array_again():
    def batches():
        buffer = np.empty(3)
        for start in range(0, 12, 3):
            buffer[:] = np.arange(start, start + 3)
            yield {"x": buffer}

    x = sm.Input("x")

    pipe = sm.Pipeline(x, L.Whiten()(x)).fit_generator(batches)

    assert_allclose(pipe.steps_["whiten"].mean_, [5.5])


def test_a_generator_over_a_connection_of_this_thread_says_what_to_do():
    with closing(sqlite3.connect(":memory:")) as connection:

        def batches():
            for row in connection.execute("SELECT 1.0 UNION SELECT 3.0"):
                yield {"x": np.array(row)}

        x = sm.Input("x")
        pipe = sm.Pipeline(x, L.Whiten()(x))

        with pytest.raises(sqlite3.ProgrammingError) as caught:
            pipe.fit_generator(batches)
        assert "function.prefetch = False" in "".join(caught.value.__notes__)
        assert "reading batch 1 of pass 1" in "".join(caught.value.__notes__)
        batches.prefetch = False
        assert_allclose(pipe.fit_generator(batches).steps_["whiten"].mean_, [2.0])


@pytest.mark.parametrize("epochs", [0, 1.5, None])
def test_epochs_are_a_positive_integer(epochs):
    with pytest.raises(ValueError, match=f"epochs must be.*got {epochs!r}"):
        classifier().fit_generator(Reads(), epochs=epochs)


def test_transform_generator_is_lazy_and_stops_at_its_steps():
    pipe = classifier(None, L.Whiten()).fit(FLOWERS, SPECIES)
    source = Reads(10)

    outputs = pipe.transform_generator(source, steps=3)
    assert source.reads == 0
    assert [len(output) for output in outputs] == [10, 10, 10]
    assert source.reads == 3


def test_transform_generator_of_an_unfitted_pipeline_fails_at_once():
    with pytest.raises(NotFittedError, match="Call 'fit'"):
        classifier().transform_generator(Reads())


def test_an_empty_source_transforms_to_nothing():
    pipe = classifier().fit(FLOWERS, SPECIES)

    assert list(pipe.transform_generator([])) == []


def test_set_output_holds_for_each_batch():
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, L.Whiten()(X)).set_output(transform="pandas")
    frame = pd.DataFrame(FLOWERS, columns=list("abcd"))

    pieces = list(pipe.fit_generator([frame]).transform_generator([frame[:50], frame[50:]]))

    assert_array_equal(pd.concat(pieces).index, frame.index)
    assert list(pieces[0].columns) == list("abcd")


def test_rows_of_a_slice_keep_their_index_in_a_stream():
    x = sm.Input("x", shape=(None,))
    pipe = sm.Pipeline(x, L.Slice((2, 9, 3))(x)).set_output(transform="pandas")
    frame = pd.DataFrame(TABLE, columns=list("abc"))

    pieces = list(pipe.transform_generator([frame[:4], frame[4:]]))

    assert_array_equal(pd.concat(pieces).index, [2, 5, 8])


@pytest.mark.parametrize("part", [3, (-2,), (None, None, -1), (0, -1)])
def test_rows_counted_from_the_end_are_refused_in_a_stream(part):
    x = sm.Input("x", shape=(None,))

    with pytest.raises(ValueError, match="no batch can count"):
        list(sm.Pipeline(x, L.Slice(part)(x)).transform_generator([TABLE]))


def test_metrics_see_windows_that_reach_into_the_batch_before():
    x, y = sm.Input("x"), sm.Target("y")
    before = L.Slice(None, 1)(L.TimeSeries(2)(x))
    miss = sm.metrics.MeanAbsoluteError()(y, before, name="miss")
    pipe = sm.Pipeline([x, y], before, metrics=[miss])
    values = np.arange(6.0)
    batches = [({"x": values[:3]}, [0, 0, 1]), ({"x": values[3:]}, [2, 3, 4])]

    assert list(pipe.evaluate_generator(batches)) == [{"miss": 0.0}, {"miss": 0.0}]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(n_rows):
        path = tmp_path / f"{n_rows}.csv"
        pd.DataFrame({"a": np.arange(n_rows) / 7, "b": np.arange(n_rows) / 3}).to_csv(path)
        a, b = sm.Input("a"), sm.Input("b")
        windows = L.Flatten()(L.TimeSeries(3)(L.Concatenate()([a, b])))
        pipe = sm.Pipeline([a, b], L.Whiten()(windows))
        batches = sm.io.CSVGenerator(path, batch_size=1000)
        tracemalloc.start()
        pipe.fit_generator(batches)
        for _ in pipe.transform_generator(batches):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(2_000)  # what is made once, and imported, is there from now on

    assert peak(100_000) < 1.15 * peak(20_000)


class Recorder:
    """A callback that notes the tasks it is told of."""

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append((context.task_name, context.max_subtasks))

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(f"end {context.task_name}")


def test_callbacks_are_told_of_passes_and_batches():
    recorder = Recorder()
    pipe = classifier(None, L.Whiten()).set_callbacks(recorder)

    pipe.fit_generator([(FLOWERS[:75], SPECIES[:75]), (FLOWERS[75:], SPECIES[75:])])

    a_pass = ["batch", "end batch"] * 2
    told = [task[0] if isinstance(task, tuple) else task for task in recorder.tasks]
    assert told == [
        "setup",
        "fit",
        *["pass-1", *a_pass, "end pass-1"],
        *["pass-2", *a_pass, "end pass-2"],
        "end fit",
        "teardown",
    ]
    assert ("pass-1", 2) in recorder.tasks


def test_explain_fit_prints_a_table(capsys):
    table = classifier(None, L.Whiten()).explain_fit(epochs=2)

    printed = capsys.readouterr().out
    assert list(table["learn"]) == ["whiten", "sgdclassifier", "sgdclassifier"]
    assert list(table["classes of"]) == ["sgdclassifier", "", ""]
    assert list(table["runs"]) == ["", "whiten", "whiten"]
    assert "sgdclassifier" in printed


def test_verbose_tells_the_passes(capsys):
    pipe = classifier(None, L.Whiten())
    pipe.set_params(verbose=True).fit_generator(Reads())

    assert "(pass 2 of 2)" in capsys.readouterr().out
