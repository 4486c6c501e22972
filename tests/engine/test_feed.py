"""Binding data to inputs, through pipelines that hand out what was bound."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

import skmegatron as sm
from skmegatron.engine.feed import bind
from skmegatron.errors import MissingInputError, ShapeError
from skmegatron.layers import Concatenate, Flatten, Lambda, Metric, Sklearn, Whiten

some = settings(max_examples=50, deadline=None)

COLUMNS = {"age": [31, 45, 27], "height": [1.7, 1.6, 1.9], "width": [0.5, 0.4, 0.6]}
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
SPARSE = ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"]
ROWS = np.array([[31, 1.7, 0.5], [45, 1.6, 0.4], [27, 1.9, 0.6], [33, 1.5, 0.7]])

frames = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
containers = pytest.mark.parametrize(
    "container", [*FRAMES.values(), dict, lambda data: sm.Dataset(**data)]
)


def bound(inputs, X):
    """Give what each input is bound to: inputs are outputs too."""
    return sm.Pipeline(inputs, inputs).transform(X)


def scalars(*names):
    return [sm.Input(name) for name in names]


class Recorder(BaseEstimator):
    """Remembers what it was fitted on."""

    def fit(self, X, y=None, sample_weight=None):
        self.X_, self.y_, self.weight_ = X, y, sample_weight
        return self

    def predict(self, X):
        return np.zeros(len(X))


def recorded(X, y=None, *, shape=(None,), weighted=False, **fit_only):
    """Fit a recorder on one input, one target and perhaps a weight; give the recorder."""
    x, label = sm.Input("X", shape=shape), sm.Target("label")
    inputs, also = [x, label], {}
    if weighted:
        also["sample_weight"] = sm.Input("sample_weight")
        inputs.append(also["sample_weight"])
    pipe = sm.Pipeline(inputs, Sklearn(Recorder())(x, y=label, **also))
    return pipe.fit(X, y, **fit_only).steps_.recorder


# --- one input takes everything -------------------------------------------------------


@some
@given(X=hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)))
def test_one_input_takes_a_whole_array_of_any_rank(X):
    x = sm.Input("x", shape=(None,) * (X.ndim - 1))

    assert bound(x, X) is X


def test_one_input_takes_lists():
    assert_array_equal(bound(sm.Input("x", shape=(2,)), [[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    assert_array_equal(bound(sm.Input("text"), ["a", "bc"]), ["a", "bc"])


@pytest.mark.parametrize("form", SPARSE)
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_one_input_takes_a_whole_sparse_matrix(kind, form):
    X = getattr(sparse, f"{form}_{kind}")(np.diag([1.0, 2.0, 3.0]))

    assert bound(sm.Input("x", shape=(None,)), X) is X


@frames
def test_one_input_takes_a_whole_frame_as_it_is(frame):
    X = frame(COLUMNS)

    assert bound(sm.Input("x", shape=(None,)), X) is X


def test_one_scalar_input_takes_a_single_column():
    x = sm.Input("x")

    assert_array_equal(bound(x, [[1], [2]]), [1, 2])
    assert_array_equal(bound(x, sparse.csr_array([[1], [0]])), [1, 0])


@frames
def test_one_scalar_input_takes_the_only_column_of_a_frame_under_any_name(frame):
    assert_array_equal(bound(sm.Input("x"), frame({"age": [31, 45]})), [31, 45])


@frames
def test_one_scalar_input_takes_its_column_out_of_a_frame(frame):
    assert_array_equal(bound(sm.Input("height"), frame(COLUMNS)), COLUMNS["height"])


@pytest.mark.parametrize("series", [pd.Series, pl.Series, pa.array, np.array, list, tuple])
def test_one_scalar_input_takes_a_series_of_any_library(series):
    assert_array_equal(bound(sm.Input("x"), series([3, 1, 2])), [3, 1, 2])


# --- several scalar inputs from an array ----------------------------------------------


@some
@given(X=hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 5))))
def test_several_inputs_take_the_columns_of_an_array_in_order(X):
    names = [f"x{place}" for place in range(X.shape[1])]

    result = bound(scalars(*names), X)

    for place, name in enumerate(names):
        assert_array_equal(result[name], X[:, place])


def test_several_inputs_take_the_columns_of_nested_lists():
    result = bound(scalars("a", "b"), [[1, "x"], [2, "y"]])

    assert_array_equal(result["b"], ["x", "y"])


@pytest.mark.parametrize("form", SPARSE)
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_several_inputs_take_the_columns_of_a_sparse_matrix(kind, form):
    X = getattr(sparse, f"{form}_{kind}")(ROWS)

    result = bound(scalars("a", "b", "c"), X)

    assert_array_equal(result["b"], ROWS[:, 1])


def test_array_with_too_few_columns_tells_both_numbers():
    expected = (
        r"expected shape \(n_rows, 2\) for \['a', 'b'\], got \(4, 3\).*Dataset\(a=\.\.\., b="
    )

    with pytest.raises(ShapeError, match=expected):
        bound(scalars("a", "b"), ROWS)


def test_one_dimensional_array_for_several_inputs_tells_what_to_pass():
    with pytest.raises(ShapeError, match=r"2D array of shape \(n_rows, 2\), got shape \(3,\)"):
        bound(scalars("a", "b"), [1.0, 2.0, 3.0])


def test_array_cannot_feed_a_block_beside_a_scalar_without_columns():
    inputs = [sm.Input("a"), sm.Input("block", shape=(2,))]

    with pytest.raises(ShapeError, match=r"of which \['block'\] are no single columns"):
        bound(inputs, ROWS)


def test_target_takes_no_column_of_an_array():
    a, b, y = *scalars("a", "b"), sm.Target("y")
    pipe = sm.Pipeline([a, y, b], Sklearn(Recorder())([a, b], y=y))

    recorder = pipe.fit(ROWS[:, :2], [1, 2, 3, 4]).steps_.recorder

    assert_array_equal(recorder.X_, ROWS[:, :2])


# --- by name --------------------------------------------------------------------------


@containers
def test_inputs_are_bound_by_name_and_extra_keys_are_ignored(container):
    result = bound(scalars("width", "age"), container(COLUMNS))

    assert list(result) == ["width", "age"]
    assert_array_equal(result["width"], COLUMNS["width"])
    assert_array_equal(result["age"], COLUMNS["age"])


@frames
@some
@given(order=st.permutations(list(COLUMNS)))
def test_order_of_frame_columns_does_not_matter_when_bound_by_name(frame, order):
    shuffled = frame({name: COLUMNS[name] for name in order})

    assert bound(scalars(*COLUMNS), shuffled) == bound(scalars(*COLUMNS), COLUMNS)


def test_mapping_may_hold_images_text_and_sparse_matrices():
    data = {
        "image": np.zeros((2, 8, 8)),
        "text": ["a b", "c"],
        "counts": sparse.eye_array(2, format="csr"),
        "table": pd.DataFrame({"a": [1, 2]}),
    }
    shapes = {"image": (8, 8), "text": (), "counts": (None,), "table": (1,)}

    result = bound([sm.Input(name, shape=shape) for name, shape in shapes.items()], data)

    assert result["image"] is data["image"]
    assert_array_equal(result["text"], data["text"])
    assert result["counts"] is data["counts"]
    assert result["table"] is data["table"]


@containers
def test_missing_inputs_are_listed_with_what_came(container):
    inputs = scalars("age", "weight", "length")

    with pytest.raises(MissingInputError) as caught:
        bound(inputs, container(COLUMNS))

    message = str(caught.value)
    assert "Missing input ['weight', 'length']" in message
    assert "['age', 'height', 'width']" in message


def test_missing_input_of_an_array_tells_its_shape():
    x, w = sm.Input("X", shape=(None,)), sm.Input("w")
    pipe = sm.Pipeline([x, w], Sklearn(Recorder())(x, sample_weight=w))

    with pytest.raises(MissingInputError, match=r"Missing input \['w'\].*array of shape \(4, 3\)"):
        pipe.fit(ROWS)


@pytest.mark.parametrize("error", [KeyError, ValueError])
def test_missing_input_is_also_the_error_one_would_guess(error):
    with pytest.raises(error):
        bound(scalars("a", "b"), {"a": [1]})


def test_feeding_none_says_what_to_pass():
    with pytest.raises(MissingInputError, match=r"fed None\. Pass an array, a dataframe, or a"):
        bound(sm.Input("x"), None)


@pytest.mark.parametrize("reserved", ["self", "name", "X", "y", "key"])
def test_input_may_be_called_like_a_parameter(reserved):
    result = bound(scalars(reserved, "other"), {reserved: [1], "other": [2]})

    assert_array_equal(result[reserved], [1])


def test_pandas_frame_may_have_columns_that_are_not_strings():
    x = sm.Input("block", columns=[2020, 2021])
    frame = pd.DataFrame({2021: [1, 2], 2019: [0, 0], 2020: [3, 4]})

    assert_array_equal(bound(x, frame), [[3, 1], [4, 2]])


# --- columns= -------------------------------------------------------------------------

BLOCK = np.array([[0.5, 31], [0.4, 45], [0.6, 27]])


@containers
def test_columns_bind_a_block_in_the_order_asked(container):
    block = bound(sm.Input("block", columns=["width", "age"]), container(COLUMNS))

    assert_array_equal(block, BLOCK)


@frames
def test_columns_may_be_given_by_position_in_a_frame(frame):
    assert_array_equal(bound(sm.Input("block", columns=[2, 0]), frame(COLUMNS)), BLOCK)
    assert_array_equal(bound(sm.Input("block", columns=[-1, -3]), frame(COLUMNS)), BLOCK)


@pytest.mark.parametrize("kind", [np.array, lambda rows: rows.tolist(), sparse.csr_array])
def test_columns_may_be_given_by_position_in_an_array(kind):
    X = kind(ROWS)

    assert_array_equal(bound(sm.Input("block", columns=[2, 0]), X), ROWS[:, [2, 0]])
    assert_array_equal(bound(sm.Input("block", columns=[-1]), X), ROWS[:, [-1]])


@pytest.mark.parametrize("form", SPARSE)
def test_columns_are_taken_from_sparse_data_of_any_format(form):
    X = getattr(sparse, f"{form}_array")(ROWS)

    assert_array_equal(bound(sm.Input("block", columns=[2, 0]), X), ROWS[:, [2, 0]])


def test_columns_may_be_numbers_that_are_keys_of_a_mapping():
    data = {2020: [3, 4], 2021: [1, 2]}

    assert_array_equal(bound(sm.Input("block", columns=[2021, 2020]), data), [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    "columns", [["width", "age"], [2, 0], ["width", 0]], ids=["names", "positions", "both"]
)
@frames
def test_two_blocks_and_a_scalar_may_share_one_frame(frame, columns):
    inputs = [
        sm.Input("first", columns=columns),
        sm.Input("second", columns=["height"]),
        sm.Input("age"),
    ]

    result = bound(inputs, frame(COLUMNS))

    assert_array_equal(result["first"], BLOCK)
    assert_array_equal(result["second"], np.reshape(COLUMNS["height"], (-1, 1)))
    assert_array_equal(result["age"], COLUMNS["age"])


def test_blocks_by_position_may_share_one_array():
    inputs = [sm.Input("first", columns=[2, 0]), sm.Input("second", columns=[1])]

    result = bound(inputs, ROWS)

    assert_array_equal(result["first"], ROWS[:, [2, 0]])
    assert_array_equal(result["second"], ROWS[:, [1]])


def test_block_may_come_ready_under_its_own_name_as_an_array():
    assert bound(sm.Input("block", columns=["width", "age"]), {"block": BLOCK}) is BLOCK


@frames
def test_block_may_come_ready_under_its_own_name_as_a_frame(frame):
    result = bound(sm.Input("block", columns=["width", "age"]), {"block": frame(COLUMNS)})

    assert_array_equal(result, BLOCK)


@frames
def test_block_under_its_own_name_that_lacks_a_column_is_refused(frame):
    block = sm.Input("block", columns=["width", "weight"])

    with pytest.raises(MissingInputError, match="weight"):
        bound(block, {"block": frame(COLUMNS)})


def test_block_named_like_one_of_its_columns_is_made_of_the_columns():
    assert_array_equal(bound(sm.Input("age", columns=["width", "age"]), COLUMNS), BLOCK)


@containers
def test_missing_columns_are_listed_with_what_came(container):
    block = sm.Input("block", columns=["age", "weight"])

    with pytest.raises(MissingInputError, match=r"\['block'\] \(columns \['weight'\]\).*'height'"):
        bound(block, container(COLUMNS))


@pytest.mark.parametrize("columns", [["age"], [7], [0, -5]])
def test_array_that_lacks_the_columns_is_refused_with_its_shape(columns):
    with pytest.raises(ShapeError, match=r"takes the columns .* array of shape \(4, 3\)"):
        bound(sm.Input("block", columns=columns), ROWS)


@frames
def test_block_of_text_and_numbers_keeps_both(frame):
    data = {"city": ["Paris", "Rome"], "n": [1, 2], "share": [0.5, 0.25]}

    block = bound(sm.Input("block", columns=list(data)), frame(data))

    assert block.dtype == object
    assert block.tolist() == [["Paris", 1, 0.5], ["Rome", 2, 0.25]]


# --- shapes and rows ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "X", "wanted", "got"),
    [
        ((8, 8), np.zeros((3, 8, 7)), "(n_rows, 8, 8)", "(3, 8, 7)"),
        ((8, None), np.zeros((3, 7, 8)), "(n_rows, 8, any)", "(3, 7, 8)"),
        ((2,), ROWS, "(n_rows, 2)", "(4, 3)"),
        ((None,), ROWS[0], "(n_rows, any)", "(3,)"),
        ((), ROWS, "(n_rows,)", "(4, 3)"),
        ((), 5, "(n_rows,)", "()"),
    ],
)
def test_array_of_another_shape_is_refused_with_expected_before_got(shape, X, wanted, got):
    expected = re.escape(f"Input 'x' expects shape {wanted}, got {got}")

    with pytest.raises(ShapeError, match=expected):
        bound(sm.Input("x", shape=shape), X)
    with pytest.raises(ShapeError, match=expected):
        bound(sm.Input("x", shape=shape), {"x": X})


def test_refused_shape_says_which_declaration_would_take_it():
    with pytest.raises(ShapeError, match=r"Declare Input\('x', shape=\(8, 7\)\)"):
        bound(sm.Input("x"), np.zeros((3, 8, 7)))


def test_one_row_where_a_table_belongs_says_how_to_reshape():
    with pytest.raises(ShapeError, match=r"X.reshape\(-1, 1\).*X.reshape\(1, -1\)"):
        bound(sm.Input("x", shape=(None,)), ROWS[0])


def test_none_in_a_shape_takes_any_size():
    x = sm.Input("x", shape=(None, 2))

    assert bound(x, np.zeros((3, 5, 2))).shape == (3, 5, 2)
    assert bound(x, np.zeros((3, 1, 2))).shape == (3, 1, 2)


def test_no_rows_are_rows_too():
    assert bound(scalars("a", "b"), np.empty((0, 2)))["b"].shape == (0,)
    x = sm.Input("x", shape=(2,))
    assert sm.Pipeline(x, x * 2).transform(np.empty((0, 2))).shape == (0, 2)


def test_ragged_rows_are_refused_by_name():
    with pytest.raises(ValueError, match=r"'x' cannot be made into one array.*dtype=object"):
        bound(sm.Input("x", shape=(None,)), {"x": [[1, 2], [3]]})


def test_inputs_that_differ_in_rows_are_listed_with_their_numbers():
    with pytest.raises(ShapeError, match="inconsistent numbers of rows: 'a' has 3, 'b' has 2"):
        bound(scalars("a", "b"), {"a": [1, 2, 3], "b": [1, 2]})


def test_columns_of_a_block_that_differ_in_rows_are_listed_with_their_shapes():
    with pytest.raises(ShapeError, match=r"input 'b'.*'u' has \(2,\), 'v' has \(1,\)"):
        bound(sm.Input("b", columns=["u", "v"]), {"u": [1, 2], "v": [1]})


def test_one_observation_of_single_values_says_to_put_them_into_lists():
    with pytest.raises(ShapeError, match=r"'u' has \(\).*into lists: \{'u': \[\.\.\.\]\}"):
        bound(sm.Input("b", columns=["u", "v"]), {"u": 1, "v": 2})


def test_table_fed_column_by_column_says_how_to_draw_its_input():
    with pytest.raises(MissingInputError, match=r"Input\('X', columns=\[\.\.\.\]\) is made of"):
        bound(sm.Input("X", shape=(None,)), {"u": [1], "v": [2]})


@pytest.mark.parametrize("X", [({"x": [1, 2]}, [0, 1]), (pd.DataFrame({"x": [1, 2]}), [0, 1])])
def test_data_and_labels_in_one_tuple_are_told_apart(X):
    with pytest.raises(
        TypeError, match=r"got a tuple of 2\. Hand in labels apart, as fit\(X, y\)"
    ):
        bound(sm.Input("x"), X)


def test_epochs_of_fit_say_where_they_belong():
    pipe = sm.Pipeline(x := sm.Input("x"), sm.layers.Whiten()(x))

    with pytest.raises(TypeError, match=r"'epochs'.*Keras\(build, epochs=5\), fit_generator"):
        pipe.fit({"x": [1.0, 2.0]}, epochs=3)


def test_labels_that_differ_in_rows_are_refused():
    with pytest.raises(ShapeError, match="'X' has 4, 'label' has 3"):
        recorded(ROWS, [1, 2, 3])


def test_weights_that_differ_in_rows_are_refused():
    with pytest.raises(ShapeError, match="'sample_weight' has 1"):
        recorded(ROWS, [1, 2, 3, 4], weighted=True, sample_weight=[1.0])


# --- labels ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a", "b", "c"],
        np.array(["b", "a", "b", "c"]),
        pd.Series(["b", "a", "b", "c"], index=[7, 3, 1, 0]),
        pl.Series(["b", "a", "b", "c"]),
        pa.array(["b", "a", "b", "c"]),
        pd.DataFrame({"anything": ["b", "a", "b", "c"]}),
        pl.DataFrame({"anything": ["b", "a", "b", "c"]}),
        pa.table({"anything": ["b", "a", "b", "c"]}),
        {"label": ["b", "a", "b", "c"]},
    ],
    ids=lambda y: f"{type(y).__module__.partition('.')[0]}.{type(y).__name__}",
)
def test_target_takes_labels_in_any_container_as_one_axis(y):
    recorder = recorded(ROWS, y)

    assert recorder.y_.shape == (4,)
    assert_array_equal(recorder.y_, ["b", "a", "b", "c"])


@pytest.mark.parametrize("wrap", [np.array, pd.DataFrame, pl.DataFrame])
def test_target_takes_several_columns(wrap):
    y = np.arange(8.0).reshape(4, 2)

    assert_array_equal(recorded(ROWS, wrap(y)).y_, y)


@containers
def test_target_may_be_fed_by_its_name_in_x(container):
    x, y = sm.Input("age"), sm.Target("width")
    pipe = sm.Pipeline([x, y], Sklearn(Recorder())(x, y=y))

    recorder = pipe.fit(container(COLUMNS)).steps_.recorder

    assert_array_equal(recorder.y_, COLUMNS["width"])
    assert_array_equal(recorder.X_.ravel(), COLUMNS["age"])


def test_y_wins_over_the_target_in_x():
    x, y = sm.Input("age"), sm.Target("width")
    pipe = sm.Pipeline([x, y], Sklearn(Recorder())(x, y=y))

    assert_array_equal(pipe.fit(COLUMNS, [1, 2, 3]).steps_.recorder.y_, [1, 2, 3])


@pytest.mark.parametrize("X", [ROWS, {"X": ROWS}, pd.DataFrame(ROWS)])
def test_missing_labels_are_an_error_that_names_the_target(X):
    with pytest.raises(MissingInputError, match=r"requires y.*Target 'label'.*: fit\(X, y\), ev"):
        recorded(X)


def test_labels_of_three_axes_are_refused():
    with pytest.raises(ShapeError, match=r"'label' expects .* got \(4, 1, 1\)"):
        recorded(ROWS, np.zeros((4, 1, 1)))


def test_column_of_labels_is_made_flat_with_the_warning_of_sklearn():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(x, y=y))

    with pytest.warns(DataConversionWarning, match="column-vector y"):
        pipe.fit(ROWS, np.array([[0], [1], [0], [1]]))

    assert pipe.predict(ROWS).shape == (4,)


def two_targets():
    x, first, second = sm.Input("X", shape=(None,)), sm.Target("first"), sm.Target("second")
    outputs = [
        Sklearn(Recorder())(x, "one", y=first),
        Sklearn(Recorder())(x, "two", y=second),
    ]
    return sm.Pipeline([x, first, second], outputs)


@pytest.mark.parametrize(
    "container", [dict, pd.DataFrame, pl.DataFrame, pa.table, lambda y: sm.Dataset(**y)]
)
def test_two_targets_are_fed_by_name(container):
    y = container({"second": [1, 2, 3, 4], "other": [0] * 4, "first": [5, 6, 7, 8]})

    steps = two_targets().fit(ROWS, y).steps_

    assert_array_equal(steps.one.y_, [5, 6, 7, 8])
    assert_array_equal(steps.two.y_, [1, 2, 3, 4])


def test_one_array_for_two_targets_says_how_to_name_them():
    with pytest.raises(MissingInputError, match=r"2 targets \['first', 'second'\].*mapping"):
        two_targets().fit(ROWS, [1, 2, 3, 4])


def test_one_of_two_targets_missing_is_named():
    with pytest.raises(MissingInputError, match="'second'"):
        two_targets().fit(ROWS, {"first": [1, 2, 3, 4]})


# --- fit-only inputs ------------------------------------------------------------------

LABELS, WEIGHTS = [1, 2, 3, 4], [1.0, 2.0, 0.0, 4.0]


@pytest.mark.parametrize("container", [list, np.array, pd.Series, pl.Series])
def test_weight_is_fed_by_keyword(container):
    recorder = recorded(ROWS, LABELS, weighted=True, sample_weight=container(WEIGHTS))

    assert_array_equal(recorder.weight_, WEIGHTS)


def test_weight_is_fed_by_its_name_in_a_mapping():
    recorder = recorded({"X": ROWS, "sample_weight": WEIGHTS}, LABELS, weighted=True)

    assert_array_equal(recorder.weight_, WEIGHTS)


@frames
def test_weight_is_fed_by_its_column_in_a_frame(frame):
    age, weight = scalars("age", "width")
    pipe = sm.Pipeline([age, weight], Sklearn(Recorder())(age, sample_weight=weight))

    recorder = pipe.fit(frame(COLUMNS)).steps_.recorder

    assert_array_equal(recorder.weight_, COLUMNS["width"])
    assert_array_equal(recorder.X_.ravel(), COLUMNS["age"])


def test_keyword_wins_over_the_mapping():
    X = {"X": ROWS, "sample_weight": [9.0] * 4}

    recorder = recorded(X, LABELS, weighted=True, sample_weight=WEIGHTS)

    assert_array_equal(recorder.weight_, WEIGHTS)


def test_weight_of_none_is_no_weight():
    assert recorded(ROWS, LABELS, weighted=True, sample_weight=None).weight_ is None


def test_weights_reach_the_estimator_as_by_hand():
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    pipe = sm.Pipeline([x, y, w], Sklearn(LinearRegression())(x, y=y, sample_weight=w))

    pipe.fit(ROWS[:, :1], LABELS, w=WEIGHTS)

    by_hand = LinearRegression().fit(ROWS[:, :1], LABELS, sample_weight=WEIGHTS)
    assert_array_equal(pipe.predict(ROWS[:, :1]), by_hand.predict(ROWS[:, :1]))


@pytest.mark.parametrize("method", ["fit", "fit_transform", "partial_fit"])
def test_unknown_keyword_is_refused_with_what_to_draw(method):
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, Whiten()(x))

    with pytest.raises(TypeError, match=r"'weight'.*\['X'\].*sm.Input\('weight'\)"):
        getattr(pipe, method)(ROWS, weight=WEIGHTS)


def test_fit_only_inputs_are_not_needed_at_predict():
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    pred = Sklearn(LinearRegression())(Whiten()(x), y=Whiten()(y), sample_weight=w)
    pipe = sm.Pipeline([x, y, w], pred).fit(ROWS, LABELS, w=WEIGHTS)

    assert pipe.predict(ROWS).shape == (4,)
    assert pipe.transform({"X": ROWS}).shape == (4,)
    assert pipe.transform({"X": ROWS, "y": LABELS, "w": WEIGHTS}).shape == (4,)


def test_metric_may_read_an_input_that_only_evaluate_is_given():
    x, w = sm.Input("X", shape=(None,)), sm.Input("w")
    total = Metric(lambda values, weights: float(values[:, 0] @ weights))([x, w], "total")
    pipe = sm.Pipeline([x, w], x * 1, metrics=total)

    assert pipe.evaluate(ROWS, w=WEIGHTS) == {"total": float(ROWS[:, 0] @ WEIGHTS)}
    with pytest.raises(MissingInputError, match=r"\['w'\]"):
        pipe.evaluate(ROWS)


# --- the caller's arrays --------------------------------------------------------------


def everything():
    image, x, y = sm.Input("image", shape=(2, 2)), sm.Input("X", shape=(3,)), sm.Target("y")
    w = sm.Input("w")
    features = Concatenate()([Flatten()(image) * 2, Whiten()(x), x + 1])
    scaled = Sklearn(StandardScaler())(features)
    pred = Sklearn(LinearRegression())(scaled, y=Whiten()(y), sample_weight=w)
    error = Metric(lambda y, pred: float(np.sum(y - pred)))([y, pred], "error")
    return sm.Pipeline([image, x, y, w], [pred, scaled], metrics=error)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_arrays_of_the_caller_are_never_written(dtype):
    rng = np.random.default_rng(0)
    data = {
        "image": rng.integers(0, 9, (6, 2, 2)).astype(dtype),
        "X": rng.integers(0, 9, (6, 3)).astype(dtype),
        "y": rng.integers(0, 9, 6).astype(dtype),
        "w": rng.integers(1, 9, 6).astype(dtype),
    }
    before = {name: array.copy() for name, array in data.items()}
    for array in data.values():
        array.flags.writeable = False
    pipe = everything()

    pipe.fit(data)
    pipe.fit_transform(data)
    pipe.transform(data)
    pipe.evaluate(data)

    for name, array in data.items():
        assert_array_equal(array, before[name])


def test_frame_of_the_caller_is_never_written():
    frame = pd.DataFrame(COLUMNS, index=[5, 3, 1])
    before = frame.copy()
    inputs = [sm.Input("age"), sm.Input("block", columns=["height", "width"])]
    pipe = sm.Pipeline(inputs, Concatenate()([-Whiten()(inputs[0]), Whiten()(inputs[1])]))

    pipe.fit(frame).transform(frame)

    pd.testing.assert_frame_equal(frame, before)


def test_mapping_of_the_caller_is_never_written():
    data = dict(COLUMNS)
    x = sm.Input("age")

    sm.Pipeline(x, Whiten()(x)).fit(data).transform(data)

    assert data == COLUMNS


@pytest.mark.parametrize(
    "X", [ROWS, sparse.csr_array(ROWS), pd.DataFrame(ROWS)], ids=["array", "sparse", "frame"]
)
def test_estimator_that_need_not_copy_writes_into_nothing_of_the_caller(X):
    X = X.copy()
    before = X.copy()
    x = sm.Input("X", shape=(None,))
    scaled = Sklearn(MaxAbsScaler(copy=False))(x)
    pipe = sm.Pipeline(x, [scaled, Sklearn(MaxAbsScaler())(x)])

    result = pipe.fit_transform(X)

    assert abs(X - before).max().max() == 0
    assert abs(result[0] - result[1]).max().max() == 0


def test_layer_that_writes_into_its_input_is_stopped():
    def double(x):
        x *= 2
        return x

    x = sm.Input("X", shape=(None,))
    X = ROWS.copy()

    with pytest.raises(ValueError, match="read-only"):
        sm.Pipeline(x, Lambda(double)(x)).transform(X)

    assert_array_equal(X, ROWS)


def test_what_comes_out_can_be_written():
    x = sm.Input("X", shape=(None,))

    out = sm.Pipeline(x, Flatten()(x)).transform(ROWS.copy())
    out[0] = 0

    assert_array_equal(out[0], 0)


# --- what sklearn notes about X -------------------------------------------------------


def whitened():
    x = sm.Input("X", shape=(None,))
    return sm.Pipeline(x, Whiten()(x))


def test_array_gives_a_number_of_features_and_no_names():
    pipe = whitened().fit(ROWS)

    assert pipe.n_features_in_ == 3
    assert not hasattr(pipe, "feature_names_in_")


@frames
def test_frame_gives_a_number_of_features_and_their_names(frame):
    pipe = whitened().fit(frame(COLUMNS))

    assert pipe.n_features_in_ == 3
    assert pipe.feature_names_in_.tolist() == ["age", "height", "width"]
    assert pipe.feature_names_in_.dtype == object


def test_frame_whose_names_are_numbers_gives_no_names():
    pipe = whitened().fit(pd.DataFrame(ROWS))

    assert pipe.n_features_in_ == 3
    assert not hasattr(pipe, "feature_names_in_")


def test_frame_whose_names_are_of_several_types_is_refused_as_by_sklearn():
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        whitened().fit(pd.DataFrame(ROWS, columns=["a", 1, "b"]))


def test_mapping_gives_neither():
    pipe = whitened().fit({"X": ROWS})

    assert not hasattr(pipe, "n_features_in_")
    assert not hasattr(pipe, "feature_names_in_")


def test_fitting_on_a_mapping_forgets_the_features_of_an_earlier_fit():
    pipe = whitened().fit(pd.DataFrame(COLUMNS)).fit({"X": ROWS})

    assert not hasattr(pipe, "n_features_in_")
    assert not hasattr(pipe, "feature_names_in_")
    assert pipe.transform(ROWS).shape == ROWS.shape


def test_fitting_on_an_array_forgets_the_names_of_an_earlier_fit():
    pipe = whitened().fit(pd.DataFrame(COLUMNS)).fit(ROWS)

    assert not hasattr(pipe, "feature_names_in_")
    assert pipe.transform(ROWS).shape == ROWS.shape


def test_another_number_of_columns_is_refused_as_by_sklearn():
    with pytest.raises(ValueError, match="X has 2 features, but Pipeline is expecting 3"):
        whitened().fit(ROWS).transform(ROWS[:, :2])


@frames
def test_whole_frame_with_columns_in_another_order_is_refused_as_by_sklearn(frame):
    pipe = whitened().fit(frame(COLUMNS))
    shuffled = frame({name: COLUMNS[name] for name in ["width", "age", "height"]})

    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        pipe.transform(shuffled)


@frames
def test_whole_frame_with_other_names_is_refused_as_by_sklearn(frame):
    pipe = whitened().fit(frame(COLUMNS))

    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- weight"):
        pipe.transform(frame({"age": [1], "height": [2], "weight": [3]}))


def test_array_after_a_fit_on_names_warns_as_sklearn_does():
    pipe = whitened().fit(pd.DataFrame(COLUMNS))

    with pytest.warns(UserWarning, match="does not have valid feature names, but Pipeline was"):
        pipe.transform(ROWS)


def test_names_after_a_fit_on_an_array_warn_as_sklearn_does():
    pipe = whitened().fit(ROWS)

    with pytest.warns(UserWarning, match="X has feature names, but Pipeline was fitted without"):
        pipe.transform(pd.DataFrame(COLUMNS))


def test_failing_fit_keeps_the_features_of_the_fit_before():
    pipe = whitened().fit(pd.DataFrame(COLUMNS))

    with pytest.raises(ValueError, match="NaN"):
        pipe.fit(np.full((4, 2), np.nan))

    assert pipe.n_features_in_ == 3
    assert pipe.feature_names_in_.tolist() == list(COLUMNS)


def test_first_batch_notes_the_features_and_later_ones_must_have_them():
    pipe = whitened().partial_fit(pd.DataFrame(COLUMNS))

    assert pipe.feature_names_in_.tolist() == list(COLUMNS)
    with pytest.raises(ValueError, match="Feature names unseen at fit time"):
        pipe.partial_fit(pd.DataFrame({**COLUMNS, "weight": [1, 2, 3]}))


def by_name():
    """A pipeline that reads two columns of a frame by their names."""
    width, age = scalars("width", "age")
    return sm.Pipeline([width, age], Concatenate()([Whiten()(width), age]))


@frames
def test_frame_bound_by_name_notes_all_its_columns(frame):
    pipe = by_name().fit(frame(COLUMNS))

    assert pipe.n_features_in_ == 3
    assert pipe.feature_names_in_.tolist() == list(COLUMNS)


@frames
def test_frame_bound_by_name_may_be_reordered_and_lose_its_extras_at_predict(frame):
    pipe = by_name().fit(frame(COLUMNS))
    other = frame({"age": COLUMNS["age"], "width": COLUMNS["width"]})

    assert_array_equal(pipe.transform(other), pipe.transform(frame(COLUMNS)))


@pytest.mark.parametrize("inputs", ["scalars", "block"])
def test_array_after_a_fit_by_name_finds_its_columns_where_the_frame_had_them(inputs):
    if inputs == "scalars":
        pipe = by_name()
    else:
        block = sm.Input("block", columns=["width", "age"])
        pipe = sm.Pipeline(block, Lambda(np.negative)(block))
    frame = pd.DataFrame(COLUMNS)
    expected = pipe.fit(frame).transform(frame)

    with pytest.warns(UserWarning, match="does not have valid feature names"):
        result = pipe.transform(frame.to_numpy())

    assert_array_equal(result, expected)


def test_array_of_another_width_after_a_fit_by_name_is_refused():
    pipe = by_name().fit(pd.DataFrame(COLUMNS))

    with (
        pytest.raises(ValueError, match="X has 2 features, but Pipeline is expecting 3"),
        pytest.warns(UserWarning, match="does not have valid feature names"),
    ):
        pipe.transform(ROWS[:, :2])


@frames
def test_wrapped_estimators_hear_no_warning_about_names(frame):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pred = Sklearn(LinearRegression())(Sklearn(StandardScaler())(x), y=y)
    pipe = sm.Pipeline([x, y], pred).fit(frame(COLUMNS), [1, 2, 3])

    assert pipe.predict(frame(COLUMNS)).shape == (3,)


# --- one law --------------------------------------------------------------------------


@frames
@pytest.mark.parametrize(
    "draw",
    [
        lambda x: x * 2,
        lambda x: 1 - x,
        lambda x: -x / 3,
        lambda x: x + x,
        lambda x: x @ np.ones((3, 2)),
        lambda x: Flatten()(x),
        lambda x: Whiten()(x),
        lambda x: Concatenate()([x, x]),
        lambda x: Sklearn(StandardScaler())(x),
        lambda x: Sklearn("passthrough")(x),
    ],
)
def test_built_in_layers_take_a_whole_frame_of_any_library_as_they_take_its_array(frame, draw):
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, draw(x))
    array = np.column_stack(list(COLUMNS.values()))

    from_frame = pipe.fit_transform(frame(COLUMNS))

    assert_array_equal(np.asarray(from_frame), pipe.fit_transform(array))


def test_values_that_are_handed_over_leave_their_outlines():
    x = sm.Input("x", shape=(None,))
    data = np.ones((1000, 3), dtype=np.float32)
    feed = bind([x], [x], [x], data)

    handed_over = feed.handed_over()

    assert handed_over[x] is data
    assert feed.values[x].shape == (1000, 3)
    assert feed.values[x].dtype == np.float32
    assert feed.values[x].strides == (0, 0)
