"""One-hot encoders against numpy and scikit-learn."""

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
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import OneHotEncoder

import skmegatron as sm
from skmegatron.errors import ShapeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.shaping import Cast, Flatten, OneHotLabels, OneHotRange

INTEGERS = [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64]
ENDS = {dtype: (np.iinfo(dtype).min, np.iinfo(dtype).max) for dtype in INTEGERS}

MIXED = st.sampled_from([None, np.nan, "", "a", "Å", "日本", b"a", 0, 1, -1, 2.5, 2**60, True])


@st.composite
def plain_arrays(draw, min_rows=0):
    """Arrays of one dtype each, with few values that come more than once."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    shape = (max(shape[0], min_rows), *shape[1:])
    dtype = draw(st.sampled_from([*INTEGERS, bool, np.float16, np.float32, np.float64, "U3"]))
    if dtype in ENDS:
        low, high = ENDS[dtype]
        few = st.sampled_from([low, low + 1, high - 1, high, max(low, -1), 0, 1, 7])
        return draw(hnp.arrays(dtype, shape, elements=few))
    if dtype == "U3":
        return draw(
            hnp.arrays("U3", shape, elements=st.sampled_from(["", "a", "é", "日本", "zz"]))
        )
    if dtype is bool:
        return draw(hnp.arrays(bool, shape))
    few = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 0.5, -3.0])
    return draw(hnp.arrays(dtype, shape, elements=few))


@st.composite
def mixed_arrays(draw, min_rows=0):
    values = draw(st.lists(MIXED, min_size=min_rows, max_size=12))
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


anything = plain_arrays() | mixed_arrays()
columns = plain_arrays().map(lambda array: array.ravel()) | mixed_arrays()


def is_same(left, right):
    """Compare two labels: None is None only, NaN is NaN only."""
    if left is None or right is None:
        return left is right
    return left == right or (left != left and right != right)


def slowly_encoded(values, categories):
    encoded = np.zeros((*values.shape, len(categories)), np.float32)
    for place in np.ndindex(values.shape):
        for column, category in enumerate(categories):
            encoded[(*place, column)] = is_same(values[place], category)
    return encoded


@st.composite
def cut(draw, arrays):
    array = draw(arrays)
    places = draw(st.lists(st.integers(0, len(array)), max_size=4))
    return array, [array[i:j] for i, j in pairwise([0, *sorted(places), len(array)])]


def same_labels(left, right):
    assert len(left) == len(right)
    assert all(is_same(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True))


# OneHotLabels


@given(anything)
def test_labels_are_encoded_as_a_slow_comparison_does(X):
    layer = OneHotLabels().fit(X)

    assert_array_equal(layer.transform(X), slowly_encoded(X, layer.categories_))


@given(anything)
def test_each_value_has_exactly_one_column(X):
    encoded = OneHotLabels().fit_transform(X)

    assert encoded.dtype == np.float32
    assert encoded.shape[:-1] == X.shape
    assert_array_equal(encoded.sum(axis=-1), np.ones(X.shape))


@given(plain_arrays(min_rows=1), plain_arrays())
def test_values_of_any_dtype_that_were_not_seen_are_zeros(seen, other):
    layer = OneHotLabels().fit(seen)

    expected = slowly_encoded(other.astype(object), layer.categories_.astype(object))
    assert_array_equal(layer.transform(other), expected)


@given(plain_arrays(min_rows=1).map(lambda array: array.ravel()).filter(len))
def test_labels_agree_with_sklearn_on_plain_columns(X):
    if X.dtype.kind == "f":
        X = np.nan_to_num(X.astype(np.float32), nan=np.nan, posinf=9, neginf=-9)
    expected = OneHotEncoder(sparse_output=False, dtype=np.float32).fit_transform(X[:, None])

    assert_array_equal(OneHotLabels().fit_transform(X), expected)


@given(anything)
def test_labels_come_back(X):
    layer = OneHotLabels().fit(X)

    back = layer.inverse_transform(layer.transform(X))

    assert back.shape == X.shape
    same_labels(back.ravel(), X.ravel())


@given(cut(anything))
def test_labels_learned_in_batches_equal_labels_learned_at_once(cut):
    X, batches = cut
    streamed = OneHotLabels()
    for batch in batches:
        streamed.partial_fit(batch)

    whole = OneHotLabels().fit(X)
    same_labels(streamed.categories_, whole.categories_)
    assert_array_equal(streamed.transform(X), whole.transform(X))


@given(cut(anything))
def test_labels_merged_equal_labels_learned_at_once(cut):
    X, batches = cut
    first, *others = [OneHotLabels().fit(batch) for batch in batches]
    for other in others:
        first.merge(other)

    whole = OneHotLabels().fit(X)
    same_labels(first.categories_, whole.categories_)
    assert_array_equal(first.transform(X), whole.transform(X))


@given(st.permutations([None, np.nan, "b", "a", 3, 1.5, b"x", True, np.int64(2)]))
def test_the_order_of_categories_does_not_depend_on_the_order_of_rows(labels):
    X = np.empty(len(labels), dtype=object)
    X[:] = labels

    found = OneHotLabels().fit(X).categories_

    same_labels(found, np.array([True, 1.5, 2, 3, b"x", "a", "b", None, np.nan], dtype=object))


@pytest.mark.parametrize("labels", [[np.nan, None], [None, np.nan], [pd.NaT, pd.NA, None]])
def test_missing_values_of_several_kinds_are_told_apart_where_there_is_nothing_else(labels):
    X = np.array(labels, dtype=object)
    layer = OneHotLabels().fit(X)

    back = layer.inverse_transform(layer.transform(X))

    assert [str(label) for label in back] == [str(label) for label in labels]
    assert layer.transform(np.array(["None", "nan", "<NA>", "NaT"])).sum() == 0


def test_fitting_again_forgets():
    layer = OneHotLabels().fit(np.array(["a"])).fit(np.array(["b"]))

    assert layer.categories_.tolist() == ["b"]


def test_huge_integers_of_two_dtypes_are_not_rounded_together():
    layer = OneHotLabels().partial_fit(np.array([2**64 - 1, 2**64 - 2], np.uint64))
    layer.partial_fit(np.array([-1]))

    assert layer.categories_.tolist() == [-1, 2**64 - 2, 2**64 - 1]
    assert_array_equal(layer.transform(np.array([2**64 - 1], np.uint64)), [[0, 0, 1]])


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        (np.array([300, 301]), np.array([45, 44], np.uint8)),  # 300 is 44 in uint8
        (np.array([-1, -2]), np.array([2**64 - 1], np.uint64)),
        (np.array([2**64 - 1], np.uint64), np.array([-1])),
        (np.array([0, 2**32 - 1], np.uint32), np.array([2**63 - 1, -1])),
        (np.array([-(2**31), 0, 2**31 - 1], np.int32), np.array([2**32, 2**31, -(2**63)])),
        (np.array([1, 2]), np.array(["1", "2"])),
        (np.array(["None", "nan"]), np.array([None, np.nan], dtype=object)),
    ],
)
def test_values_that_only_look_alike_are_told_apart(seen, asked):
    assert not OneHotLabels().fit(seen).transform(asked).any()


@pytest.mark.parametrize("seen", [np.array([1, 0]), np.array([1.0, 0.0]), np.array([True, False])])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32, object])
def test_true_is_one_whatever_the_dtype(seen, dtype):
    assert_array_equal(OneHotLabels().fit(seen).transform(np.array([0, 1], dtype)), np.eye(2))


def test_dates_are_labels():
    X = np.array(["2020-01-01", "NaT", "2019-01-01"], "datetime64[D]")
    layer = OneHotLabels().fit(X)

    assert_array_equal(layer.transform(X), np.eye(3)[[1, 2, 0]])
    back = layer.inverse_transform([[0, 1, 0], [0, 0, 0]])
    assert_array_equal(back, np.array(["2020-01-01", "NaT"], "datetime64[D]"))


def test_labels_take_lists_series_and_categoricals():
    for X in (["b", "a"], pd.Series(["b", "a"]), pd.Categorical(["b", "a"])):
        assert_array_equal(OneHotLabels().fit_transform(X), [[0, 1], [1, 0]])


def test_labels_learned_on_nothing_have_no_columns():
    layer = OneHotLabels().fit(np.array([], dtype="U3"))

    assert layer.transform(np.array(["a", "b"])).shape == (2, 0)
    assert layer.inverse_transform(np.zeros((2, 0))).tolist() == [None, None]


def test_labels_do_not_write_into_what_they_read():
    X = np.array(["b", "a", "b", "c"])
    X.setflags(write=False)
    layer = OneHotLabels().fit(X[::-2])
    seen = layer.categories_.copy()

    layer.transform(X[::-1])[:] = 7

    assert_array_equal(X, ["b", "a", "b", "c"])
    assert_array_equal(layer.categories_, seen)


def test_labels_may_be_laid_out_in_any_way_in_memory():
    X = np.array([["a", "b", "c"], ["b", "b", "a"]])
    layer = OneHotLabels().fit(X)

    assert_array_equal(layer.transform(X.T), np.moveaxis(layer.transform(X), 0, 1))
    assert_array_equal(layer.transform(np.asfortranarray(X)), layer.transform(X))


# Both


def encoders(**kwargs):
    return [OneHotLabels(**kwargs), OneHotRange(**kwargs), OneHotRange(max_val=6, **kwargs)]


@given(st.lists(st.integers(0, 6), min_size=1), st.lists(st.integers(-9, 9)))
def test_sparse_equals_dense(seen, asked):
    seen, asked = np.array(seen), np.array(asked, int)
    for layer, dense in zip(encoders(sparse=True), encoders(), strict=True):
        given_sparse = layer.fit(seen).transform(asked)
        given_dense = dense.fit(seen).transform(asked)

        assert sparse.issparse(given_sparse)
        assert given_sparse.format == "csr"
        assert given_sparse.dtype == given_dense.dtype
        assert_array_equal(given_sparse.toarray(), given_dense)
        back = layer.inverse_transform(given_sparse)
        assert back.tolist() == dense.inverse_transform(given_dense).tolist()


@given(columns.filter(len))
def test_sparse_labels_equal_dense_labels_of_any_dtype(X):
    layer = OneHotLabels(sparse=True).fit(X)

    assert_array_equal(layer.transform(X).toarray(), OneHotLabels().fit_transform(X))
    same_labels(layer.inverse_transform(layer.transform(X)), X)


def test_a_column_is_made_sparse_as_a_plain_one_is():
    X = np.array([[1], [0], [1]])

    assert_array_equal(OneHotLabels(sparse=True).fit_transform(X).toarray(), np.eye(2)[[1, 0, 1]])


@pytest.mark.parametrize("shape", [(2, 2), (2, 1, 1), (2, 0)])
def test_sparse_refuses_more_axes_than_a_matrix_has(shape):
    for layer in encoders(sparse=True):
        with pytest.raises(ShapeError, match=r"got \(2, .*sparse=False"):
            layer.fit([0, 1]).transform(np.zeros(shape, int))


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_inverse_reads_any_sparse_matrix_and_zeros_that_are_stored(kind):
    stored = sparse.csr_array(([0.0, 1.0], ([0, 1], [1, 1])), shape=(3, 2))

    back = OneHotLabels().fit(["a", "b"]).inverse_transform(kind(stored))

    assert back.tolist() == [None, "b", None]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64, "float16"])
def test_the_result_has_the_dtype_that_was_asked_for(dtype):
    for layer in encoders(dtype=dtype):
        encoded = layer.fit([0, 6]).transform([6])
        assert encoded.dtype == dtype
        assert encoded[0, -1] == 1


def test_inverse_gives_the_most_probable_label():
    back = OneHotLabels().fit(["a", "b", "c"]).inverse_transform([[0.2, 0.5, 0.3], [1, 0, 0]])

    assert back.tolist() == ["b", "a"]


def test_inverse_leaves_its_input_alone():
    X = np.eye(2)
    X.setflags(write=False)

    OneHotLabels().fit(["a", "b"]).inverse_transform(X)

    assert_array_equal(X, np.eye(2))


@pytest.mark.parametrize("shape", [(2,), (3,), (2, 3), (2, 2, 3), ()])
def test_inverse_refuses_another_shape_and_says_which(shape):
    with pytest.raises(ShapeError, match=r"\(n_rows, \.\.\., 2\).*what transform gave"):
        OneHotLabels().fit(["a", "b"]).inverse_transform(np.zeros(shape))


def test_strict_refuses_what_was_not_seen_and_says_what():
    layer = OneHotLabels(strict=True).fit(["a", "b"])

    assert_array_equal(layer.transform(["b"]), [[0, 1]])
    with pytest.raises(ValueError, match=r"values \['x', 'y'\]. Fit on.*strict=False"):
        layer.transform(["x", "a", "y", "x"])


@pytest.mark.parametrize("value", [np.nan, None, 2.5, "z", np.inf])
def test_strict_labels_refuse_missing_values_that_were_not_seen(value):
    with pytest.raises(ValueError, match=r"no column for the values \["):
        OneHotLabels(strict=True).fit(np.array([1, 2])).transform(np.array([value], dtype=object))


@pytest.mark.parametrize(
    ("layer", "remedy"),
    [(OneHotRange(strict=True), "Fit on data"), (OneHotRange(True, max_val=3), "Raise max_val=3")],
)
@pytest.mark.parametrize("value", [7, np.nan, 1e300, 2.0**63])
def test_strict_range_refuses_what_is_outside(layer, remedy, value):
    with pytest.raises(ValueError, match=rf"no column for the values \[.*{remedy}"):
        layer.fit([0, 3]).transform(np.array([value]))


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
@pytest.mark.parametrize("layer", [OneHotLabels(), OneHotRange(), OneHotRange(min_val=0)])
def test_what_has_to_be_learned_is_asked_for(layer, method):
    with pytest.raises(NotFittedError):
        getattr(layer, method)(np.zeros((2, 1), int))
    with pytest.raises(NotFittedError):
        layer.merge(layer)


@pytest.mark.parametrize(
    "layer",
    [OneHotLabels(True, False, "int8"), OneHotRange(False, -2, 7, True, float), OneHotRange()],
)
def test_encoders_are_cloned_and_pickled(layer):
    X = np.array([1, 5, 2])
    params = layer.get_params()
    fitted = layer.fit(X)
    loaded = pickle.loads(pickle.dumps(fitted))
    copied = clone(fitted)

    assert copied.get_params() == params
    assert not [name for name in vars(copied) if name.endswith("_")]
    for other in (loaded, copied.fit(X)):
        left, right = other.transform(X), fitted.transform(X)
        assert_array_equal(*(a.toarray() if sparse.issparse(a) else a for a in (left, right)))


# OneHotRange


@st.composite
def ranges(draw):
    """Integers of one dtype close together, anywhere in that dtype, in some shape."""
    dtype = draw(st.sampled_from(INTEGERS))
    low, high = ENDS[dtype]
    start = draw(st.sampled_from([low, max(low, -4), high - 9]) | st.integers(low, high - 9))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    steps = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 9)))
    return (steps.astype(object) + start).astype(dtype)


@given(ranges(), ranges())
def test_a_range_is_encoded_as_a_slow_comparison_does(seen, asked):
    layer = OneHotRange().fit(seen)
    numbers = range(int(seen.min()), int(seen.max()) + 1)

    assert (layer.min_val_, layer.max_val_) == (numbers[0], numbers[-1])
    for X in (seen, asked):
        encoded = layer.transform(X)
        assert_array_equal(encoded, slowly_encoded(X.astype(object), numbers))
        assert encoded.shape == (*X.shape, len(numbers))


@given(ranges())
def test_a_range_comes_back(X):
    layer = OneHotRange().fit(X)

    assert_array_equal(layer.inverse_transform(layer.transform(X)), X)


@given(cut(ranges()))
def test_a_range_learned_in_batches_or_merged_equals_one_learned_at_once(cut):
    X, batches = cut
    streamed, parts = OneHotRange(), []
    for batch in batches:
        streamed.partial_fit(batch)
        if len(batch):
            parts.append(OneHotRange().fit(batch))
    for part in parts[1:]:
        parts[0].merge(part)

    whole = OneHotRange().fit(X).transform(X)
    assert_array_equal(streamed.transform(X), whole)
    assert_array_equal(parts[0].transform(X), whole)


gaps = st.lists(st.none() | st.just(np.nan) | st.integers(-5, 5), min_size=1)


@given(gaps.filter(lambda values: any(isinstance(value, int) for value in values)), st.data())
def test_missing_values_are_passed_over_in_any_batch_and_encoded_as_zeros(values, data):
    X = np.array(values, dtype=object)
    numbers = np.array([np.nan if value is None else value for value in values])
    place = data.draw(st.integers(0, len(X)))
    layer = OneHotRange().fit(X)
    streamed = OneHotRange().partial_fit(numbers[:place]).partial_fit(numbers[place:])

    expected = slowly_encoded(X, range(layer.min_val_, layer.max_val_ + 1))
    assert_array_equal(layer.transform(X), expected)
    assert_array_equal(layer.transform(numbers), expected)
    assert_array_equal(streamed.transform(X), expected)


@given(hnp.arrays(np.float64, st.integers(0, 9)), st.integers(-3, 0), st.integers(0, 3))
def test_whole_floats_however_large_are_in_the_range_or_zeros(X, low, high):
    X = np.where(np.isfinite(X), np.floor(X), np.nan)

    encoded = OneHotRange(min_val=low, max_val=high).transform(X)

    assert_array_equal(encoded, X[:, None] == np.arange(low, high + 1))


def test_integers_among_missing_values_stay_exact():
    X = np.array([2**60 + 1, None, 2**60 + 2], dtype=object)
    layer = OneHotRange().fit(X)

    assert_array_equal(layer.transform(X), [[1, 0], [0, 0], [0, 1]])


@pytest.mark.parametrize(
    ("X", "expected"),
    [([2**70, 1, -(2**70)], [0, 1, 0]), ([True, False], [1, 0]), ([1.0, -0.0], [1, 0])],
)
def test_given_bounds_need_no_fit(X, expected):
    encoded = OneHotRange(max_val=1).transform(np.array(X))

    assert_array_equal(encoded[:, 1], expected)


def test_given_bounds_are_kept_by_fit():
    layer = OneHotRange(max_val=1).fit([5, 9]).partial_fit([7]).merge(OneHotRange(max_val=9))

    assert_array_equal(layer.transform([0, 1, 5]), [[1, 0], [0, 1], [0, 0]])
    assert OneHotRange(min_val=-1).fit([5]).transform([5]).shape == (1, 7)


@pytest.mark.parametrize(("low", "high"), [(np.int8(-100), np.int8(100)), (-3, np.uint8(5))])
def test_bounds_may_be_numpy_integers(low, high):
    encoded = OneHotRange(min_val=low, max_val=high).transform([int(low), int(high)])

    assert encoded.shape[1] == int(high) - int(low) + 1
    assert encoded[0, 0] == encoded[1, -1] == 1


def test_given_bounds_need_no_fit_in_a_pipeline():
    x = sm.Input("x")
    pipe = sm.Pipeline(x, OneHotRange(max_val=1)(x))

    assert_array_equal(pipe.transform([1, 0, 2]), [[0, 1], [1, 0], [0, 0]])
    assert not clone(pipe).graph.steps[0].layer.stateful


def test_a_range_takes_no_rows():
    assert OneHotRange(max_val=2).transform(np.zeros((0, 3), int)).shape == (0, 3, 3)
    assert OneHotRange().fit([1, 2]).transform([]).shape == (0, 2)


@pytest.mark.parametrize("values", [[], [np.nan], [None, None]])
def test_a_range_cannot_be_learned_from_nothing(values):
    with pytest.raises(ValueError, match=r"no number.*give min_val= and max_val="):
        OneHotRange().fit(np.array(values))


@pytest.mark.parametrize(
    "values",
    [
        np.array([0.5]),
        np.array([np.inf]),
        np.array(["1"]),
        np.array(["a", 1], dtype=object),
        np.array([1j]),
        np.array([1], "m8[s]"),
        np.array([1], "M8[s]"),
        np.array([2**2000], dtype=object),
        np.array([[1, 2], 3], dtype=object),
    ],
    ids=lambda values: str(values.dtype),
)
@pytest.mark.parametrize("layer", [OneHotRange(), OneHotRange(max_val=3)])
def test_a_range_takes_whole_numbers_only(layer, values):
    with pytest.raises(TypeError, match=r"whole numbers, got .*OneHotLabels"):
        layer.fit(values)
    with pytest.raises(TypeError, match="whole numbers"):
        OneHotRange(max_val=3).transform(values)


def test_a_failed_fit_on_text_tells_how_to_read_it():
    with pytest.raises(TypeError, match=r"Cast\(int\)"):
        OneHotRange().fit(["1", "2"])
    assert_array_equal(OneHotRange().fit_transform(Cast(int).transform(["1", "2"])), np.eye(2))


def test_a_range_too_wide_to_be_one_is_refused():
    with pytest.raises(ValueError, match=r"18446744073709551616 columns.*OneHotLabels\(\)"):
        OneHotRange(sparse=True).fit([-(2**63), 2**63 - 1]).transform([0])


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="min_val <= max_val, got 3 and 1"):
        OneHotRange(min_val=3, max_val=1).validate()
    x = sm.Input("x")
    with pytest.raises(ValueError, match="got 0 and -1"):
        sm.Pipeline(x, OneHotRange(max_val=-1)(x)).fit([0])
    with pytest.raises(ValueError, match="got 5 and 2"):
        OneHotRange(min_val=5).fit([1, 2]).transform([1])


@pytest.mark.parametrize("end", [1.5, "3"])
def test_bounds_are_integers(end):
    with pytest.raises(TypeError, match="an integer max_val"):
        OneHotRange(max_val=end).validate()


# In a pipeline


def test_columns_are_named_after_what_was_encoded_and_the_label():
    city, size = sm.Input("city"), sm.Input("size")
    node = sm.layers.Concatenate()([OneHotLabels()(city), OneHotRange(max_val=1)(size)])
    pipe = sm.Pipeline([city, size], node).set_output(transform="pandas")
    frame = pd.DataFrame({"city": ["Oslo", "Åre"], "size": [1, 0]}, index=[7, 9])

    result = pipe.fit_transform(frame)

    assert list(result.columns) == ["city_Oslo", "city_Åre", "size_0", "size_1"]
    assert result.index.tolist() == [7, 9]
    assert_array_equal(result.to_numpy(), [[1, 0, 0, 1], [0, 1, 1, 0]])


def test_columns_of_a_table_are_named_in_the_order_in_which_they_are_laid_out():
    x = sm.Input("x", columns=["a", "b"])
    pipe = sm.Pipeline(x, Flatten()(OneHotLabels()(x)))
    frame = pd.DataFrame({"a": ["u", "v"], "b": ["v", "v"]})

    result = pipe.set_output(transform="pandas").fit_transform(frame)

    assert list(result.columns) == ["a_u", "a_v", "b_u", "b_v"]
    assert_array_equal(result.to_numpy(), [[1, 0, 0, 1], [0, 1, 0, 1]])


def test_a_pipeline_learns_labels_in_batches():
    x = sm.Input("x")
    pipe = sm.Pipeline(x, OneHotLabels()(x))
    pipe.partial_fit(np.array(["b"])).partial_fit(np.array(["a"]))

    assert_array_equal(pipe.transform(np.array(["a", "b", "c"])), [[1, 0], [0, 1], [0, 0]])


def test_a_search_goes_over_the_parameters_of_an_encoder():
    x, y = sm.Input("x"), sm.Target("y")
    labels = np.tile([0, 1, 2], 10)
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(OneHotLabels()(x), y=y))

    search = GridSearchCV(pipe, {"onehotlabels__sparse": [False, True]}, cv=2)
    search.fit(np.array(["a", "b", "c"])[labels], labels)

    assert_array_equal(search.cv_results_["mean_test_score"], [1, 1])


def test_labels_come_back_through_inverse_in_a_pipeline():
    x = sm.Input("x")
    encoded = OneHotLabels()(x)
    X = np.array(["b", "a", "b"])

    assert sm.Pipeline(x, encoded.inverse(encoded)).fit(X).transform(X).tolist() == X.tolist()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_many_objects_have_the_codes_of_few(missing):
    some = np.array(["b", missing, "a", 1, True, 2.5, None, "z"], dtype=object)
    labels = OneHotLabels().fit(some[:-1])

    many = labels.transform(np.tile(some, 500))

    assert_array_equal(many, np.tile(labels.transform(some), (500, 1)))
