"""Layers that change the rows while fitting only: what they do to the arrays they are given."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn import FunctionSampler
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler, TomekLinks
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification

import skmegatron as sm
from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.layers import Resample, Sklearn, TrainOnly

DATA, LABELS = make_classification(60, n_features=4, weights=[0.75], random_state=0)
IMAGES = DATA.reshape(60, 2, 2).astype(np.float32)
TEXT = np.array([f"text {n}" for n in range(60)])
law = settings(deadline=None, max_examples=40)


class Twice:
    """Every row twice: new ones, of which it does not tell where they come from."""

    def fit_resample(self, X, y):
        return np.concatenate([X, X]), np.concatenate([y, y])


class FirstHalf:
    """A sampler that takes no labels."""

    def fit_resample(self, X):
        self.sample_indices_ = np.arange(len(X) // 2)
        return X[self.sample_indices_]


# kinds of data


def picked(*arrays, **keywords):
    """Undersample, and give what came out with the rows that were taken."""
    layer = Resample(RandomUnderSampler(random_state=0))
    result = layer.fit_transform(*arrays, **keywords)
    return result, layer.sampler_.sample_indices_


@pytest.mark.parametrize(
    "X",
    [
        DATA,
        DATA.astype(np.float32),
        np.arange(60),
        DATA[:, 0] > 0,
        TEXT,
        TEXT.astype(object),
        np.array([[f"a{n}", n] for n in range(60)], dtype=object),
        IMAGES,
        (IMAGES * 20).astype(np.uint8),
    ],
    ids=lambda X: f"{X.dtype}-{X.ndim}d",
)
def test_resample_keeps_the_shape_of_a_row_and_the_dtype(X):
    (X_out, y_out), rows = picked(X, y=LABELS)

    assert X_out.dtype == X.dtype
    assert_array_equal(X_out, X[rows])
    assert_array_equal(y_out, LABELS[rows])


def test_resample_keeps_pandas_frames_with_their_dtypes_and_index():
    frame = pd.DataFrame({"size": DATA[:, 0], "n": np.arange(60), "city": TEXT})
    frame.index = frame.index + 100

    (X_out, _), rows = picked(frame, y=LABELS)

    pd.testing.assert_frame_equal(X_out, frame.iloc[rows])


def test_resample_keeps_polars_frames():
    frame = pl.DataFrame({"size": DATA[:, 0], "n": np.arange(60), "city": TEXT})

    (X_out, _), rows = picked(frame, y=LABELS)

    assert X_out.equals(frame[rows])


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_resample_keeps_sparse_matrices(kind):
    table = kind(DATA * (DATA > 0))

    (X_out, _), rows = picked(table, y=LABELS)

    assert type(X_out) is kind
    assert_array_equal(X_out.toarray(), table.toarray()[rows])


def test_resample_puts_several_nodes_together_and_gives_each_back_as_it_was():
    ids = np.arange(60) + 2**60  # more digits than a float has
    frame = pd.DataFrame({"a": DATA[:, 0], "b": np.arange(60)})

    (images, ids_out, frame_out, y_out), rows = picked(IMAGES, ids, frame, y=LABELS)

    assert_array_equal(images, IMAGES[rows])
    assert images.dtype == np.float32
    assert_array_equal(ids_out, ids[rows])
    pd.testing.assert_frame_equal(frame_out, frame.iloc[rows])
    assert_array_equal(y_out, LABELS[rows])


def test_resample_gives_new_rows_the_kinds_of_the_old():
    frame = pd.DataFrame({"a": DATA[:, 0], "b": DATA[:, 1].astype(np.float32)})
    counts = np.arange(60)
    table = sparse.csr_array(DATA)
    polar = pl.DataFrame({"p": DATA[:, 2]})

    layer = Resample(SMOTE(random_state=0))
    result = layer.fit_transform(IMAGES, frame, counts, table, polar, y=LABELS)
    images, frame_out, counts_out, table_out, polar_out, y_out = result

    assert np.bincount(y_out).tolist() == [np.sum(LABELS == 0)] * 2
    assert images.shape[1:] == (2, 2)
    assert images.dtype == np.float32
    assert (frame_out.dtypes == frame.dtypes).all()
    assert counts_out.dtype == counts.dtype
    assert type(table_out) is sparse.csr_array
    assert type(polar_out) is pl.DataFrame
    assert {len(frame_out), len(counts_out), table_out.shape[0], len(polar_out)} == {len(y_out)}
    assert_array_equal(images[:60], IMAGES)
    assert_array_equal(polar_out["p"].to_numpy()[:60], DATA[:, 2])


def test_resample_gives_what_the_sampler_gives():
    sampler = SMOTE(random_state=0)

    X_out, y_out = Resample(sampler).fit_transform(DATA, y=LABELS)

    X_own, y_own = clone(sampler).fit_resample(DATA, LABELS)
    assert_array_equal(X_out, X_own)
    assert_array_equal(y_out, y_own)


def test_resample_keeps_what_a_sampler_has_added_to_the_rows_it_picked():
    sampler = RandomOverSampler(random_state=0, shrinkage=1.0)

    X_out, _, index = Resample(sampler).fit_transform(DATA, y=LABELS, index=np.arange(60))

    assert_array_equal(X_out, clone(sampler).fit_resample(DATA, LABELS)[0])
    assert not np.array_equal(X_out, DATA[index])


@pytest.mark.parametrize("names", [np.array(["no", "yes"]), np.array(["no", "yes"], object)])
def test_resample_keeps_labels_that_are_strings(names):
    labels = names[LABELS]

    for sampler in (SMOTE(random_state=0), TomekLinks()):
        _, y_out = Resample(sampler).fit_transform(DATA, y=labels)

        assert y_out.dtype == labels.dtype
        assert set(y_out) == {"no", "yes"}


@pytest.mark.parametrize("sampler", [SMOTE(random_state=0), RandomUnderSampler(random_state=0)])
def test_resample_keeps_labels_that_are_a_column(sampler):
    column = Resample(sampler).fit_transform(DATA, y=LABELS[:, None])[1]

    plain = Resample(sampler).fit_transform(DATA, y=LABELS)[1]
    assert_array_equal(column, plain[:, None])


# rows belong together


@law
@given(seed=st.integers(0, 1000), over=st.booleans())
def test_resample_takes_the_same_rows_of_everything(seed, over):
    sampler = (RandomOverSampler if over else RandomUnderSampler)(random_state=seed)
    places = np.arange(60)

    result = Resample(sampler).fit_transform(
        DATA, IMAGES, sample_weight=places * 0.5, y=LABELS, index=places, groups=TEXT
    )
    X_out, images, weights, y_out, index, groups = result

    assert_array_equal(X_out, DATA[index])
    assert_array_equal(images, IMAGES[index])
    assert_array_equal(weights, index * 0.5)
    assert_array_equal(y_out, LABELS[index])
    assert_array_equal(groups, TEXT[index])


def test_resample_hands_on_a_keyword_that_nobody_fed():
    result = Resample(SMOTE(random_state=0)).fit_transform(DATA, y=LABELS, sample_weight=None)

    assert result[2] is None


def test_resample_says_that_new_rows_have_no_weights():
    layer = Resample(SMOTE(random_state=0))

    with pytest.raises(ValueError, match=r"SMOTE.*sample_weight=.*RandomOverSampler.*TrainOnly"):
        layer.fit_transform(DATA, y=LABELS, sample_weight=np.ones(60))


def test_resample_takes_any_object_that_resamples():
    X_out, y_out = Resample(Twice()).fit_transform(DATA, y=LABELS)

    assert_array_equal(X_out, np.concatenate([DATA, DATA]))
    assert_array_equal(y_out, np.concatenate([LABELS, LABELS]))


def test_resample_needs_no_labels_where_the_sampler_does_not():
    assert_array_equal(Resample(FirstHalf()).fit_transform(DATA), DATA[:30])


def test_resample_drops_outliers_of_a_regression():
    def near(X, y):
        kept = np.abs(y) < 1
        return X[kept], y[kept]

    y = DATA[:, 0] * 2
    X_out, y_out = Resample(FunctionSampler(func=near, validate=False)).fit_transform(DATA, y=y)

    assert_array_equal(X_out, DATA[np.abs(y) < 1])
    assert_array_equal(y_out, y[np.abs(y) < 1])


def test_resample_does_not_fit_the_sampler_it_was_given():
    sampler = RandomUnderSampler(random_state=0)

    Resample(sampler).fit(DATA, y=LABELS)

    assert not hasattr(sampler, "sample_indices_")


def test_transform_gives_back_what_comes_in():
    layer = Resample(RandomUnderSampler(random_state=0)).fit(DATA, y=LABELS)

    assert layer.transform(DATA) is DATA
    assert layer.transform(DATA, TEXT) == (DATA, TEXT)


def test_a_resample_that_is_switched_off_gives_everything_back():
    X_out, y_out = Resample("passthrough").fit_transform(DATA, y=LABELS)

    assert X_out is DATA
    assert y_out is LABELS


# what is refused


def test_resample_says_that_a_sampler_needs_labels():
    with pytest.raises(ValueError, match=r"SMOTE requires y.*X2, y2 = Resample\(SMOTE\(\)\)"):
        Resample(SMOTE()).fit_transform(DATA)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (SMOTE, NodeTypeError, r"Write SMOTE\(\)"),
        (sm.layers.Whiten(), NodeTypeError, "fit_resample.*TrainOnly"),
        ("drop", ValueError, "'passthrough', got 'drop'"),
    ],
)
def test_resample_refuses_what_is_no_sampler(given, error, words):
    with pytest.raises(error, match=words):
        Resample(given)(sm.Input("x"))


def test_resample_refuses_a_sampler_that_changes_the_columns():
    sampler = FunctionSampler(func=lambda X, y: (X[:, :2], y))

    with pytest.raises(ShapeError, match=r"given 4 columns and gave back.*\(60, 2\)"):
        Resample(sampler).fit_transform(DATA, y=LABELS)


class Gives(TrainOnly):
    def __init__(self, result):
        self.result = result

    def resample(self, X, y):
        return self.result


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (DATA, "array 1, y=.*tuple of 2 arrays.*got ndarray"),
        ((DATA,), "tuple of 2 arrays.*got 1"),
        ((DATA, LABELS[:3]), r"as many rows of each.*array 1 60, y= 3"),
        ((DATA[:0], LABELS[:0]), "kept none of the rows"),
    ],
)
def test_a_layer_that_gives_other_arrays_is_told_what_is_expected(result, words):
    with pytest.raises(ValueError, match=words):
        Gives(result).fit_transform(DATA, y=LABELS)


def test_a_layer_without_resample_is_told_to_define_it():
    with pytest.raises(NotImplementedError, match="must define resample"):
        TrainOnly().fit_transform(DATA)


# drawing


def test_a_call_gives_a_node_for_each_keyword_in_the_order_of_the_call():
    X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")

    nodes = Resample(RandomUnderSampler())(X, sample_weight=w, y=y)

    assert [node.handed_on for node in nodes] == [X, w, y]
    assert nodes[0].step.n_outputs == 3
    assert sm.layers.Whiten()(X).handed_on is None


def test_a_call_on_one_node_gives_one_node():
    X = sm.Input("X", shape=(None,))

    assert Resample(FirstHalf())(X, "half").name == "half"


def test_a_call_refuses_too_few_names():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")

    with pytest.raises(NodeTypeError, match="gives 2 outputs, got 1 names"):
        Resample(RandomUnderSampler())(X, y=y, name=["X2"])


def test_on_eager_nodes_nothing_is_resampled():
    X, y = sm.Input("X", shape=(None,))(DATA), sm.Target("y")(LABELS)

    X2, y2 = Resample(RandomUnderSampler())(X, y=y)

    assert_array_equal(X2.output, DATA)
    assert_array_equal(y2.output, LABELS)


def test_a_call_refuses_an_array_by_keyword():
    with pytest.raises(NodeTypeError, match=r"y= of Resample.*takes a node"):
        Resample(RandomUnderSampler())(sm.Input("x"), y=LABELS)


def test_a_sampler_is_no_step_of_its_own():
    assert not Sklearn(RandomUnderSampler()).gives_value
