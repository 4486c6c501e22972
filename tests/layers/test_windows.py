"""TimeSeries against a slow loop."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

import skmegatron as sm
from skmegatron.errors import ShapeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.shaping import Flatten, TimeSeries

dtypes = st.sampled_from([np.float32, np.float64, np.int8, np.uint64, bool, "U2", np.complex64])
series = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5).flatmap(
    lambda shape: dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shape))
)


def slow_windows(X, window_size, time_axis=1, reverse=False):
    windows = np.zeros((len(X), window_size, *X.shape[1:]), dtype=X.dtype)
    for row in range(len(X)):
        for lag in range(window_size):
            if row >= lag:
                windows[row, window_size - 1 - lag if reverse else lag] = X[row - lag]
    return np.moveaxis(windows, 1, time_axis)


@given(series, st.integers(2, 8), st.booleans(), st.data())
def test_windows_are_those_of_a_slow_loop(X, window_size, reverse, data):
    axis = data.draw(st.integers(1, X.ndim))
    expected = slow_windows(X, window_size, axis, reverse)

    for spelling in (axis, axis - X.ndim - 1):
        windows = TimeSeries(window_size, spelling, reverse).transform(X)
        assert_array_equal(windows, expected)
        assert windows.dtype == X.dtype
        assert windows.shape == expected.shape


@given(series, st.integers(2, 8), st.booleans(), st.data())
def test_windows_made_in_batches_equal_windows_made_at_once(X, window_size, reverse, data):
    layer = TimeSeries(window_size, data.draw(st.integers(1, X.ndim)), reverse)
    places = sorted(data.draw(st.lists(st.integers(0, len(X)), max_size=5)))
    state, pieces = None, []
    for start, end in pairwise([0, *places, len(X)]):
        windows, state = layer.transform_batch(state, X[start:end])
        pieces.append(windows)

    assert_array_equal(np.concatenate(pieces), layer.transform(X))


def test_first_windows_begin_with_zeros():
    assert_array_equal(TimeSeries(3).transform([5, 6]), [[5, 0, 0], [6, 5, 0]])
    assert_array_equal(TimeSeries(3, reverse=True).transform([5, 6]), [[0, 0, 5], [0, 5, 6]])


def test_reverse_turns_the_windows_around():
    X = np.arange(12.0).reshape(6, 2)

    reverse = TimeSeries(3, reverse=True).transform(X)

    assert_array_equal(reverse, TimeSeries(3).transform(X)[:, ::-1])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,), (1, 0), (1, 2, 2)])
def test_windows_of_nothing_and_of_one_row(shape):
    assert TimeSeries(4).transform(np.ones(shape)).shape == (shape[0], 4, *shape[1:])


@pytest.mark.parametrize("window_size", [2, 50, 5000])
def test_windows_are_a_view_whose_memory_does_not_grow_with_their_size(window_size):
    X = np.ones((100, 3))
    windows = TimeSeries(window_size).transform(X)

    low, high = np.lib.array_utils.byte_bounds(windows)

    assert windows.strides[0] == X.strides[0]
    assert high - low <= (len(X) + window_size) * X.strides[0]


def test_all_windows_are_views_of_one_buffer():
    windows = TimeSeries(3).transform(np.arange(9.0))

    assert np.shares_memory(windows[3], windows[4])
    assert np.shares_memory(windows[2:3, 1], windows[3:4, 2])
    assert not windows.flags.writeable


def test_windows_do_not_see_what_happens_to_the_input_later():
    X = np.arange(5)
    windows = TimeSeries(2).transform(X)

    X[:] = 9

    assert_array_equal(windows[:, 0], np.arange(5))


def test_the_state_between_batches_does_not_keep_the_batch_alive():
    _, state = TimeSeries(3).transform_batch(None, np.zeros((1000, 2)))

    assert state.base is None
    assert state.size < 10


def test_transform_leaves_no_trace():
    layer = TimeSeries(3)
    before = dict(vars(layer))

    first = layer.transform([1, 2, 3])

    assert vars(layer) == before
    assert_array_equal(layer.transform([1, 2, 3]), first)


def test_windows_take_arrays_that_are_read_only_or_in_pieces():
    X = np.arange(24).reshape(8, 3)[::-2, ::2]
    X.setflags(write=False)

    assert_array_equal(TimeSeries(2).transform(X), slow_windows(X, 2))
    assert_array_equal(X, [[21, 23], [15, 17], [9, 11], [3, 5]])


def test_windows_keep_nan_infinities_and_huge_integers():
    X = np.array([np.nan, np.inf, -np.inf])
    whole = np.array([2**64 - 1, 2**63], np.uint64)

    assert_array_equal(TimeSeries(2).transform(X), slow_windows(X, 2))
    assert_array_equal(TimeSeries(2).transform(whole), [[2**64 - 1, 0], [2**63, 2**64 - 1]])


def test_windows_take_text_objects_and_frames():
    assert TimeSeries(2).transform(["a", "é"]).tolist() == [["a", ""], ["é", "a"]]
    objects = np.array([None, "a"], dtype=object)
    assert TimeSeries(2).transform(objects).tolist() == [[None, 0], ["a", None]]
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert_array_equal(TimeSeries(2).transform(frame), slow_windows(frame.to_numpy(), 2))


@pytest.mark.parametrize("window_size", [1, 0, -3, 2.0, None, "3", True])
def test_a_window_has_two_rows_or_more(window_size):
    for run in (TimeSeries(window_size).validate, lambda: TimeSeries(window_size).transform([1])):
        with pytest.raises(ValueError, match=rf"at least 2 rows, got {window_size!r}.*TimeSeries"):
            run()


@pytest.mark.parametrize(
    ("axis", "shape"), [(0, (4,)), (2, (4,)), (-2, (4,)), (0, (4, 2)), (3, (4, 2)), (-3, (4, 2))]
)
def test_an_axis_that_is_not_of_the_observation_is_refused(axis, shape):
    with pytest.raises(ShapeError, match=rf"time_axis must be 1 to {len(shape)} .*got {axis}"):
        TimeSeries(2, time_axis=axis).transform(np.zeros(shape))


def test_a_sparse_matrix_is_refused():
    with pytest.raises(TypeError, match=r"sparse matrix of shape \(3, 3\).*toarray\(\)"):
        TimeSeries(2).transform(sparse.eye_array(3))


def test_windows_are_cloned_and_pickled():
    layer = TimeSeries(np.int64(3), time_axis=-1, reverse=True)

    for copied in (clone(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.get_params() == layer.get_params()
        assert_array_equal(copied.transform([1, 2]), layer.transform([1, 2]))


# In a pipeline


@pytest.mark.parametrize(
    ("reverse", "names"),
    [
        (False, ["a_t", "b_t", "a_t-1", "b_t-1", "a_t-2", "b_t-2"]),
        (True, ["a_t-2", "b_t-2", "a_t-1", "b_t-1", "a_t", "b_t"]),
    ],
)
def test_flattened_windows_are_named_after_column_and_lag(reverse, names):
    x = sm.Input("x", columns=["a", "b"])
    pipe = sm.Pipeline(x, Flatten()(TimeSeries(3, reverse=reverse)(x)))
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}, index=[5, 6, 7])

    result = pipe.set_output(transform="pandas").fit_transform(frame)

    assert list(result.columns) == names == pipe.get_feature_names_out().tolist()
    assert result["a_t-1"].tolist() == [0, 1, 2]
    assert result["b_t"].tolist() == [4, 5, 6]
    assert result.index.tolist() == [5, 6, 7]


def test_windows_of_a_plain_column_are_named_too():
    x = sm.Input("price")
    pipe = sm.Pipeline(x, TimeSeries(2)(x)).set_output(transform="pandas")

    result = pipe.fit_transform(pd.DataFrame({"price": [1.0, 2.0]}))

    assert list(result.columns) == ["price_t", "price_t-1"]


def test_a_pipeline_with_windows_needs_no_fit_and_gives_the_same_twice():
    x = sm.Input("x")
    pipe = sm.Pipeline(x, TimeSeries(2)(x))

    assert_array_equal(pipe.transform([1, 2]), [[1, 0], [2, 1]])
    assert_array_equal(pipe.transform([3]), [[3, 0]])


def test_later_steps_do_not_write_into_the_windows_of_others():
    x = sm.Input("x")
    windows = TimeSeries(2)(x)
    pipe = sm.Pipeline(x, [windows, windows + 1])

    result = pipe.transform(np.arange(3))

    assert_array_equal(result["timeseries"], slow_windows(np.arange(3), 2))


def test_a_bad_window_is_told_before_anything_runs():
    x = sm.Input("x")

    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        sm.Pipeline(x, TimeSeries(1)(x)).fit([1, 2])


def test_a_search_goes_over_the_size_of_the_window():
    rng = np.random.default_rng(0)
    X = rng.normal(size=200)
    target = X + 2 * np.concatenate([[0, 0], X[:-2]])
    x, y = sm.Input("x"), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(Ridge())(TimeSeries(2)(x), y=y))

    search = GridSearchCV(pipe, {"timeseries__window_size": [2, 3]}, cv=2).fit(X, target)

    assert search.best_params_ == {"timeseries__window_size": 3}
