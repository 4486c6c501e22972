"""AddDim, Cast and Reshape against numpy."""

import pickle

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
from skmegatron.layers.shaping import AddDim, Cast, Flatten, Reshape

dtypes = st.sampled_from(
    [np.float16, np.float64, np.int8, np.uint64, np.int64, bool, "U3", "S2", "M8[s]", object]
)


@st.composite
def arrays(draw, min_side=0):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=min_side, max_side=4))
    dtype = draw(dtypes)
    if dtype is object:
        few = st.sampled_from([None, "é", 2**70, True])
        array = draw(hnp.arrays(object, shape, elements=few))
    else:
        array = draw(hnp.arrays(dtype, shape))
    return draw(st.sampled_from([array, array[::-1], np.asfortranarray(array)]))


def untouched(array):
    view = array.view()
    view.setflags(write=False)
    return view


# AddDim


@given(arrays(), st.data())
def test_add_dim_agrees_with_numpy_at_every_axis_of_the_observation(X, data):
    axis = data.draw(st.integers(1, X.ndim))

    for spelling in (axis, axis - X.ndim - 1):
        result = AddDim(spelling).transform(untouched(X))
        assert_array_equal(result, np.expand_dims(X, axis))
        assert result.dtype == X.dtype


def test_add_dim_gives_a_view():
    X = np.zeros((2, 3))

    assert np.shares_memory(AddDim().transform(X), X)


@pytest.mark.parametrize(
    ("axis", "shape"), [(0, (2,)), (-2, (2,)), (2, (2,)), (0, (2, 3)), (-3, (2, 3)), (9, (2, 3))]
)
def test_add_dim_refuses_an_axis_that_is_not_of_the_observation(axis, shape):
    with pytest.raises(ShapeError, match=rf"1 to {len(shape)}, or -1 to .*got {axis}"):
        AddDim(axis).transform(np.zeros(shape))


def test_add_dim_makes_the_column_that_sklearn_asks_for():
    x, y = sm.Input("x"), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(Ridge(alpha=0))(AddDim()(x), y=y))
    X = np.arange(5.0)

    assert pipe.fit(X, 2 * X).predict([10.0]) == pytest.approx([20.0])


# Reshape


@given(arrays(), st.data())
def test_reshape_agrees_with_numpy_on_each_observation(X, data):
    size = int(np.prod(X.shape[1:]))
    factors = [n for n in range(1, size + 1) if size % n == 0] or [0]
    first = data.draw(st.sampled_from(factors))
    shape = (first, size // first if first else 3)

    result = Reshape(shape).transform(untouched(X))

    assert result.shape == (len(X), *shape)
    assert result.dtype == X.dtype
    for row in range(len(X)):
        assert_array_equal(result[row], X[row : row + 1].reshape(shape))


@given(arrays(min_side=1), st.data())
def test_reshape_works_out_one_part(X, data):
    size = int(np.prod(X.shape[1:]))
    known = data.draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))

    for shape in ((known, -1), (-1, known), (1, -1, known)):
        full = tuple(size // known if part == -1 else part for part in shape)
        assert_array_equal(Reshape(shape).transform(X), X.reshape(len(X), *full))


@given(arrays())
def test_reshape_undoes_flatten(X):
    assert_array_equal(Reshape(X.shape[1:]).transform(Flatten().transform(X)), X)


@pytest.mark.parametrize("shape", [6, -1, (6,), [6], np.array([6]), [-1], np.int64(6)])
def test_reshape_takes_its_shape_in_any_spelling(shape):
    assert Reshape(shape).transform(np.zeros((2, 2, 3))).shape == (2, 6)


def test_reshape_to_nothing_takes_the_column_axis_away():
    assert_array_equal(Reshape(()).transform(np.array([[1], [2]])), [1, 2])


def test_reshape_works_out_a_part_of_no_rows():
    assert Reshape((-1, 2)).transform(np.zeros((0, 4))).shape == (0, 2, 2)
    assert Reshape((-1, 2)).transform(np.zeros((3, 0))).shape == (3, 0, 2)


def test_reshape_gives_a_view_where_it_can():
    X = np.zeros((2, 6))

    assert np.shares_memory(Reshape((2, 3)).transform(X), X)


@pytest.mark.parametrize(
    "shape",
    [(5,), (2, 6), (3, 4), (-1, 4), (-1, -1), (-2, -2), (-2, -3), (-6,), (0, -1), (-2, -1), ()],
)
def test_reshape_refuses_what_does_not_fit(shape):
    with pytest.raises(ShapeError, match=r"got shape \(6,\), 6 values.*left out of new_shape"):
        Reshape(shape).transform(np.zeros((2, 6)))


def test_reshape_never_moves_values_between_observations():
    with pytest.raises(ShapeError, match=r"got shape \(2,\), 2 values"):
        Reshape((6,)).transform(np.zeros((3, 2)))


@pytest.mark.parametrize("layer", [AddDim(), Reshape((3, 1))])
def test_sparse_matrices_are_refused_where_axes_are_added(layer):
    with pytest.raises(TypeError, match=r"sparse matrix of shape \(2, 3\).*toarray\(\)"):
        layer.transform(sparse.csr_array((2, 3)))


# Cast


@pytest.mark.parametrize(
    "new_type", [float, int, bool, str, "f4", np.uint8, np.dtype("i2"), complex, object]
)
@given(array=hnp.arrays(np.int64, hnp.array_shapes(min_side=0), elements=st.integers(0, 100)))
def test_cast_agrees_with_numpy(new_type, array):
    result = Cast(new_type).transform(untouched(array))

    assert_array_equal(result, array.astype(new_type))
    assert result.dtype == array.astype(new_type).dtype


FLOATS = [np.float16, np.float32, np.float64]
WHOLE = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


@given(st.data(), st.sampled_from(FLOATS), st.sampled_from(WHOLE))
def test_cast_cuts_floats_that_fit_and_refuses_all_others(data, kind, new_type):
    array = data.draw(hnp.arrays(kind, 1, elements=st.floats(width=np.finfo(kind).bits)))
    value, ends = float(array[0]), np.iinfo(new_type)
    fits = np.isfinite(value) and ends.min <= int(value) <= ends.max

    if fits:
        assert Cast(new_type).transform(array).tolist() == [int(value)]
    else:
        with pytest.raises(ValueError, match=r"cannot turn .*Impute.*np\.clip"):
            Cast(new_type).transform(array)


@pytest.mark.parametrize("new_type", WHOLE)
@pytest.mark.parametrize("kind", FLOATS)
def test_cast_is_exact_at_the_ends_of_every_integer(new_type, kind):
    ends = np.iinfo(new_type)
    inside = np.array([ends.min, 0.5], kind) if kind != np.float16 else np.array([0.5], kind)
    beyond = np.array([float(ends.max) + 1], np.float64)

    assert Cast(new_type).transform(inside).tolist() == [int(x) for x in inside]
    with pytest.raises(ValueError, match="out of range"):
        Cast(new_type).transform(beyond)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "kind", ["csr_array", "csc_matrix", "coo_array", "lil_array", "dok_array", "bsr_array"]
)
def test_cast_takes_sparse_matrices_and_checks_them_alike(kind, value):
    X = getattr(sparse, kind)(np.array([[0, 1.5], [2.5, 0]]))
    cast = Cast(int).transform(X)
    bad = getattr(sparse, kind)(np.array([[0, value]]))

    assert cast.format == X.format
    assert cast.dtype == int
    assert_array_equal(cast.toarray(), [[0, 1], [2, 0]])
    assert_array_equal(X.toarray(), [[0, 1.5], [2.5, 0]])
    with pytest.raises(ValueError, match="Impute"):
        Cast(int).transform(bad)


def test_cast_reads_numbers_from_text_and_writes_them():
    assert Cast(float).transform(["1.5", "-2"]).tolist() == [1.5, -2]
    assert Cast(str).transform([10, 2]).tolist() == ["10", "2"]
    with pytest.raises(ValueError, match="x"):
        Cast(float).transform(["x"])


def test_cast_keeps_nan_among_floats():
    assert_array_equal(Cast("f4").transform([np.nan, np.inf]), [np.nan, np.inf])


def test_cast_takes_a_frame():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [True, False]})

    assert Cast(int).transform(frame).tolist() == [[1, 1], [2, 0]]


def test_cast_gives_a_copy():
    X = np.zeros(3)
    Cast(float).transform(X)[:] = 1

    assert_array_equal(X, 0)


def test_cast_refuses_what_is_no_dtype():
    with pytest.raises(TypeError, match="nonsense"):
        Cast("nonsense").transform([1])


# All of them


LAYERS = [AddDim(1), Cast(np.float32), Cast("i4"), Reshape((3, -1)), Reshape([3])]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_they_are_cloned_and_pickled(layer):
    X = np.arange(6).reshape(2, 3)

    for copied in (clone(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.get_params() == layer.get_params()
        assert_array_equal(copied.transform(X), layer.transform(X))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_they_need_no_fit_in_a_pipeline(layer):
    x = sm.Input("x", shape=(3,))
    X = np.arange(6).reshape(2, 3)

    assert_array_equal(sm.Pipeline(x, layer(x)).transform(X), layer.transform(X))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_names_pass_through_in_the_order_of_the_values(layer):
    x = sm.Input("x", columns=["a", "b", "c"])
    pipe = sm.Pipeline(x, Flatten()(layer(x))).set_output(transform="pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]}, index=["u", "v"])

    result = pipe.fit_transform(frame)

    assert pipe.get_feature_names_out().tolist() == ["a", "b", "c"]
    assert result.equals(frame.astype(result.dtypes))


def test_a_search_goes_over_a_shape_and_a_dtype():
    x, y = sm.Input("x", shape=(None,)), sm.Target("y")
    node = Flatten()(Reshape((2, 2))(Cast(float)(x)))
    pipe = sm.Pipeline([x, y], Sklearn(Ridge())(node, y=y))
    X = np.random.default_rng(0).normal(size=(30, 4)) + 10
    grid = {"reshape__new_shape": [(4,), (4, 1)], "cast__new_type": [float, "i4"]}

    search = GridSearchCV(pipe, grid, cv=2).fit(X, X[:, 0])

    assert search.best_params_["cast__new_type"] is float
    assert search.n_features_in_ == 4
