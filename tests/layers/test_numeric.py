"""Arithmetic layers against numpy, and the operators of nodes that draw them."""

import operator
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.layers.core import Lambda
from skmegatron.layers.numeric import (
    Add,
    Divide,
    Dot,
    ElementWiseMultiply,
    ScalarArithmetic,
    ScalarMultiply,
    StaticDot,
    Subtract,
    Whiten,
)

law = settings(deadline=None, max_examples=60)

DTYPES = [np.float32, np.float64, np.int16, np.int32, np.int64]


def of_shape(shape, dtype):
    """Make arrays of numbers that are exact in every dtype, so that sums do not round."""
    integers = hnp.arrays(np.int64, shape, elements=st.integers(-100, 100))
    step = 1 if np.issubdtype(dtype, np.integer) else 8
    return integers.map(lambda array: (array / step).astype(dtype))


@st.composite
def same_shaped(draw, n=2):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    return [draw(of_shape(shape, draw(st.sampled_from(DTYPES)))) for _ in range(n)]


tables = hnp.array_shapes(min_dims=2, max_dims=2, max_side=8).flatmap(
    lambda shape: st.sampled_from(DTYPES).flatmap(lambda dtype: of_shape(shape, dtype))
)


def same(result, expected):
    assert_array_equal(result, expected)
    assert result.dtype == expected.dtype


# Element by element


@law
@given(st.integers(1, 4).flatmap(same_shaped))
def test_add_sums_as_numpy_does(arrays):
    expected = arrays[0]
    for array in arrays[1:]:
        expected = expected + array

    same(Add().transform(*arrays), expected)


@law
@given(same_shaped())
def test_subtract_and_multiply_agree_with_numpy(arrays):
    left, right = arrays

    same(Subtract().transform(left, right), left - right)
    same(ElementWiseMultiply().transform(left, right), left * right)


@law
@given(same_shaped())
def test_divide_agrees_with_numpy_where_the_divisor_is_not_zero(arrays):
    left, right = arrays
    right[right == 0] = 1

    same(Divide().transform(left, right), left / right)


@law
@given(same_shaped(), st.sampled_from([0, 1, -0.5, np.nan]))
def test_divide_imputes_exactly_where_the_divisor_is_zero(arrays, impute):
    left, right = arrays

    ratio = Divide(impute).transform(left, right)

    assert_array_equal(ratio[right == 0], np.full((right == 0).sum(), impute, ratio.dtype))
    assert_array_equal(ratio[right != 0], (left[right != 0] / right[right != 0]))


def test_divide_without_impute_leaves_what_numpy_gives():
    ratio = Divide(impute=None).transform(np.array([1, -1, 0]), np.zeros(3))

    assert_array_equal(ratio, [np.inf, -np.inf, np.nan])


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64]
)
def test_divide_of_whole_numbers_is_float64(dtype):
    ones = np.ones(3, dtype)

    assert Divide().transform(ones, ones).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("impute", [0, 0.5, None, np.nan])
def test_divide_keeps_the_callers_precision(dtype, impute):
    ones = np.ones(3, dtype)

    assert Divide(impute).transform(ones, ones).dtype == dtype


def test_divide_does_not_overflow_where_float16_did():
    ratio = Divide().transform(np.array([1_000_000, 12_345]), np.array([2, 1]))

    assert_array_equal(ratio, [500_000, 12_345])


def test_divide_broadcasts_a_column_and_imputes_whole_rows():
    ratio = Divide(impute=-1).transform(np.array([[2.0, 4.0], [6.0, 8.0]]), np.array([[2], [0]]))

    assert_array_equal(ratio, [[1, 2], [-1, -1]])


@law
@given(tables, st.integers(-4, 4))
def test_a_scalar_multiplies_as_in_numpy(table, factor):
    same(ScalarMultiply(factor).transform(table), table * factor)


@law
@given(tables, st.sampled_from([1, 2.0, -0.5]), st.booleans())
def test_a_scalar_adds_and_subtracts_as_in_numpy(table, value, reflected):
    added = ScalarArithmetic("add", value, reflected).transform(table)
    taken = ScalarArithmetic("subtract", value, reflected).transform(table)

    same(added, table + value)
    same(taken, value - table if reflected else table - value)


@law
@given(tables, st.sampled_from([1, 2.0, -0.5]))
def test_a_scalar_divides_as_in_numpy(table, value):
    table[table == 0] = 1

    same(ScalarArithmetic("divide", value).transform(table), table / value)
    same(ScalarArithmetic("divide", value, reflected=True).transform(table), value / table)


def test_an_unknown_operation_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"one of \['add', 'subtract', 'divide'\], got 'mod'"):
        ScalarArithmetic("mod", 2).transform(np.ones(3))


@pytest.mark.parametrize(
    "layer", [ScalarMultiply(2), ScalarArithmetic("add", 2), ScalarArithmetic("divide", 2)]
)
def test_a_python_number_leaves_float32_as_it_is(layer):
    assert layer.transform(np.ones(3, np.float32)).dtype == np.float32


# Matrices


@law
@given(st.data(), st.sampled_from(DTYPES), st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_dot_multiplies_from_left_to_right(data, dtype, sides):
    shapes = list(pairwise(sides))
    arrays = [data.draw(of_shape(shape, dtype)) for shape in shapes]
    expected = arrays[0]
    for array in arrays[1:]:
        expected = expected @ array

    same(Dot().transform(*arrays), expected)


@law
@given(tables, st.integers(1, 3), st.data())
def test_static_dot_multiplies_with_its_matrix(table, width, data):
    W = data.draw(of_shape((table.shape[1], width), np.float64))

    same(StaticDot(W).transform(table), table @ W)


def test_static_dot_takes_a_plain_list():
    assert_array_equal(StaticDot([[1], [2]]).transform(np.array([[3, 4]])), [[11]])


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_dot_and_scalar_layers_take_sparse_data_and_keep_it(kind):
    dense = np.array([[0.0, 2.0], [3.0, 0.0]])
    W = np.array([[1.0], [10.0]])

    product, scaled = (
        Dot().transform(kind(dense), kind(W)),
        ScalarMultiply(3).transform(kind(dense)),
    )

    assert sparse.issparse(product)
    assert sparse.issparse(scaled)
    assert_array_equal(product.toarray(), dense @ W)
    assert_array_equal(scaled.toarray(), dense * 3)
    assert_array_equal(StaticDot(W).transform(kind(dense)), dense @ W)
    assert_array_equal(Dot().transform(kind(dense), W), dense @ W)


@pytest.mark.parametrize(
    "combine",
    [
        lambda X: Add().transform(X, X),
        lambda X: Subtract().transform(X, np.eye(2)),
        lambda X: ElementWiseMultiply().transform(np.eye(2), X),
        lambda X: Divide().transform(X, X),
        lambda X: ScalarArithmetic("add", 1).transform(X),
    ],
    ids=["Add", "Subtract", "ElementWiseMultiply", "Divide", "ScalarArithmetic"],
)
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.coo_array])
def test_element_by_element_refuses_sparse_data_and_says_what_to_write(combine, kind):
    with pytest.raises(TypeError, match=r"Sparse data of shape \(2, 2\).*x\.toarray\(\)"):
        combine(kind(np.eye(2)))


# Operators of nodes

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv]


def run(draw, **data):
    inputs = {name: sm.Input(name, shape=(None,)) for name in data}
    return sm.Pipeline(list(inputs.values()), draw(**inputs)).transform(data)


A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])


@pytest.mark.parametrize("combine", OPERATORS + [operator.matmul])
def test_two_nodes_combine_as_arrays_do(combine):
    assert_array_equal(run(lambda a, b: combine(a, b), a=A, b=B), combine(A, B))


@pytest.mark.parametrize("combine", OPERATORS)
@pytest.mark.parametrize("number", [2, 0.5, np.float64(3), np.int64(4), np.array(2)])
def test_a_node_and_a_number_combine_as_arrays_do_from_both_sides(combine, number):
    assert_array_equal(run(lambda a: combine(a, number), a=A), combine(A, number))
    assert_array_equal(run(lambda a: combine(number, a), a=A), combine(number, A))


def test_a_node_times_a_matrix_is_a_static_dot():
    node = sm.Input("a", shape=(2,)) @ B

    assert isinstance(node.layer, StaticDot)
    assert_array_equal(run(lambda a: a @ B, a=A), A @ B)


def test_minus_a_node_changes_its_sign():
    assert_array_equal(run(lambda a: -a, a=A), -A)


@pytest.mark.parametrize("combine", OPERATORS)
@pytest.mark.parametrize("thing", [np.arange(2), "two", None, True, [1, 2]])
def test_a_node_refuses_what_is_no_number_and_says_what_to_draw(combine, thing):
    for pair in ((sm.Input("a"), thing), (thing, sm.Input("a"))):
        with pytest.raises(NodeTypeError, match=r"a node or a number, got .*sm\.Input"):
            combine(*pair)


@pytest.mark.parametrize("thing", [2, "two", np.ones((2, 2, 2))])
def test_matmul_refuses_what_is_no_matrix(thing):
    with pytest.raises(NodeTypeError, match="@ takes node @ node or node @ matrix"):
        sm.Input("a") @ thing


def test_matmul_refuses_a_matrix_on_the_left():
    with pytest.raises(NodeTypeError, match="the node stands left"):
        B @ sm.Input("a", shape=(2,))


def test_operators_compute_at_once_on_eager_nodes():
    a = sm.Input("a", shape=(2,))(A)

    assert_array_equal(((a + 1) / a @ B).output, (A + 1) / A @ B)


# Whiten


@law
@given(tables, st.integers(0, 1))
def test_whiten_shifts_and_scales_as_numpy_would(table, ddof):
    spread = np.sqrt(np.square(table - table.mean(0)).sum(0) / max(len(table) - ddof, 1))
    spread[spread == 0] = 1

    white = Whiten(ddof=ddof).fit_transform(table)

    assert_allclose(white, (table - table.mean(0, dtype=float)) / spread, rtol=1e-4, atol=1e-4)
    assert white.dtype == (np.float32 if table.dtype == np.float32 else np.float64)


@law
@given(tables)
def test_whiten_agrees_with_standard_scaler(table):
    table = table.astype(np.float64)

    assert_allclose(
        Whiten().fit_transform(table), StandardScaler().fit_transform(table), atol=1e-12
    )


@law
@given(tables, st.data())
def test_whiten_in_batches_equals_whiten_on_the_whole(table, data):
    cuts = data.draw(st.lists(st.integers(1, max(1, len(table) - 1)), unique=True).map(sorted))
    whole, streamed = Whiten(ddof=1).fit(table), Whiten(ddof=1)

    for batch in np.split(table, [cut for cut in cuts if cut < len(table)]):
        streamed.partial_fit(batch)

    assert_allclose(streamed.mean_, whole.mean_, rtol=1e-12, atol=1e-12)
    assert_allclose(streamed.scale_, whole.scale_, rtol=1e-12)
    assert streamed.n_rows_ == len(table)


@law
@given(tables)
def test_whiten_goes_back_to_where_it_came_from(table):
    whiten = Whiten().fit(table)

    original = whiten.inverse_transform(whiten.transform(table))

    assert_allclose(original, table, rtol=1e-5, atol=1e-5)
    assert original.dtype == (np.float32 if table.dtype == np.float32 else np.float64)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint8, bool])
def test_whiten_computes_small_dtypes_in_float64(dtype):
    table = np.array([[0], [1], [1], [0]], dtype)

    assert_array_equal(Whiten().fit_transform(table), [[-1], [1], [1], [-1]])
    assert Whiten().fit_transform(table).dtype == np.float64


def test_whiten_only_shifts_a_constant_column():
    X = np.full((3, 1), 7.0)

    assert_allclose(Whiten().fit(X).transform(X), 0)
    assert_allclose(Whiten().fit(X).transform(X + 2), 2)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e8 + 0.1, -1e-7])
@pytest.mark.parametrize("n_rows", [3, 1_000, 200_000])
def test_whiten_knows_a_constant_column_however_long_it_is(value, n_rows):
    X = np.full((n_rows, 2), value)

    assert_array_equal(Whiten().fit(X).scale_, 1)


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1])
def test_whiten_knows_a_constant_column_in_batches(value):
    whiten = Whiten()

    for n_rows in (1, 7, 100, 10_000):
        whiten.partial_fit(np.full((n_rows, 2), value))

    assert_array_equal(whiten.scale_, 1)


def test_whiten_of_a_single_row_only_shifts():
    assert_array_equal(Whiten(ddof=1).fit_transform([[3.0, 4.0]]), [[0, 0]])


def test_whiten_in_batches_is_exact_far_from_zero():
    near = np.random.default_rng(0).normal(size=(1000, 2))
    whiten = Whiten()

    for batch in np.split(near + 1e8, [1, 10, 500]):
        whiten.partial_fit(batch)

    assert_allclose(whiten.mean_, near.mean(0) + 1e8, rtol=1e-15)
    assert_allclose(whiten.scale_, near.std(0), rtol=1e-6)
    assert_allclose(whiten.transform(near + 1e8), StandardScaler().fit_transform(near), atol=1e-6)


def test_whiten_of_float32_far_from_zero_is_as_exact_as_its_input():
    far = np.float32(2**24) + 2 * np.array([[0], [1], [1], [2], [3]], np.float32)
    white = Whiten().fit_transform(far)

    assert white.dtype == np.float32
    assert_allclose(white, Whiten().fit_transform(far.astype(np.float64)), atol=1e-6)


@pytest.mark.parametrize("column", [np.array([1.0, 2.0, 3.0]), [1.0, 2.0, 3.0], (1, 2, 3)])
def test_whiten_takes_a_plain_column_and_gives_one_back(column):
    whiten = Whiten().fit(column)
    white = whiten.transform(column)

    assert white.shape == (3,)
    assert_allclose(white, np.array([-1, 0, 1]) * 1.5**0.5)
    assert_allclose(whiten.inverse_transform(white), column)


def test_whiten_takes_a_series():
    assert_allclose(Whiten().fit_transform(pd.Series([1.0, 3.0])), [-1, 1])


def test_whiten_takes_a_frame():
    frame = pd.DataFrame({"a": [1, 3], "b": [1.0, 5.0]})

    assert_array_equal(Whiten().fit_transform(frame), [[-1, -1], [1, 1]])


def test_whiten_converts_numbers_that_come_as_objects():
    assert_array_equal(Whiten().fit_transform(np.array([[1], [3.0]], dtype=object)), [[-1], [1]])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([[np.nan], [1.0]], "contains NaN"),
        ([[np.inf], [1.0]], "contains infinity"),
        ([[1j], [1.0]], "Complex data not supported"),
        ([["tall"], ["small"]], "could not convert string to float"),
        (np.array([["tall"], [1.0]], dtype=object), "could not convert string to float"),
        (np.zeros((0, 2)), r"0 sample\(s\)"),
        (np.zeros((2, 0)), r"0 feature\(s\)"),
    ],
    ids=["nan", "inf", "complex", "text", "object", "no rows", "no columns"],
)
def test_whiten_refuses_what_is_no_finite_number(X, words):
    with pytest.raises(ValueError, match=words):
        Whiten().fit(X)


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_a_fitted_whiten_goes_on_refusing_nan(method):
    whiten = Whiten().fit(A)

    with pytest.raises(ValueError, match="contains NaN"):
        getattr(whiten, method)(A * np.nan)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array])
def test_whiten_refuses_sparse_data_and_says_what_to_call(kind):
    with pytest.raises(TypeError, match=r"Sparse data was passed.*\.toarray\(\)"):
        Whiten().fit(kind(np.eye(3)))


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
def test_whiten_refuses_other_than_tables_and_says_what_to_call(shape):
    words = r"Whiten takes shape \(n_rows, n_columns\), got .*AddDim\(\).*Flatten\(\)"
    with pytest.raises(ShapeError, match=words) as caught:
        Whiten().fit(np.zeros(shape))

    assert f"got {shape}" in str(caught.value)


@pytest.mark.parametrize("method", ["partial_fit", "transform", "inverse_transform"])
def test_whiten_refuses_another_number_of_columns_than_it_learned(method):
    whiten = Whiten().fit(A)

    with pytest.raises(ShapeError, match=r"fitted on 2 columns, got 3 in shape \(4, 3\)"):
        getattr(whiten, method)(np.zeros((4, 3)))


def test_a_refused_batch_leaves_what_was_learned():
    whiten = Whiten().fit(A)

    with pytest.raises(ShapeError):
        whiten.partial_fit(np.zeros((4, 3)))

    assert whiten.n_rows_ == 2
    assert_array_equal(whiten.mean_, A.mean(0))


def test_fitting_again_forgets_the_first_data():
    whiten = Whiten().fit(np.zeros((4, 3)))

    assert_array_equal(whiten.fit(A).mean_, A.mean(0))
    assert whiten.n_rows_ == 2


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_whiten_must_be_fitted_first(method):
    with pytest.raises(NotFittedError, match="Whiten instance is not fitted yet"):
        getattr(Whiten(), method)(A)


# What holds for all of them

LAYERS = [
    Add(),
    Subtract(),
    ElementWiseMultiply(),
    Divide(),
    Dot(),
    ScalarMultiply(3),
    ScalarArithmetic("divide", 3),
    StaticDot(B),
    Whiten(),
]


def arrays_for(layer, array):
    alone = isinstance(layer, ScalarMultiply | ScalarArithmetic | StaticDot | Whiten)
    return [array] if alone else [array, array]


def of_every_layer(test):
    return pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)(test)


@of_every_layer
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_layer_writes_into_its_input(layer, dtype):
    array = A.astype(dtype)
    array.setflags(write=False)

    layer.fit_transform(*arrays_for(layer, array))
    if hasattr(layer, "inverse_transform"):
        Whiten().fit(array).inverse_transform(array)

    assert_array_equal(array, A)


@of_every_layer
def test_layers_take_arrays_that_do_not_lie_in_one_piece(layer):
    wide = np.arange(24.0).reshape(4, 6)
    cut = wide[::2, ::3]
    turned = np.asfortranarray(cut)

    expected = layer.fit_transform(*arrays_for(layer, np.ascontiguousarray(cut)))

    assert_array_equal(layer.fit_transform(*arrays_for(layer, cut)), expected)
    assert_array_equal(layer.fit_transform(*arrays_for(layer, turned)), expected)
    assert_array_equal(
        layer.fit_transform(*arrays_for(layer, cut[::-1])),
        layer.fit_transform(*arrays_for(layer, np.ascontiguousarray(cut[::-1]))),
    )


@of_every_layer
def test_no_layer_computes_in_less_than_the_callers_precision(layer):
    for dtype in (np.float32, np.float64):
        result = layer.fit_transform(*arrays_for(layer, A.astype(dtype)))

        assert result.dtype in (dtype, np.float64)


@of_every_layer
def test_a_layer_gives_the_same_in_a_pipeline_as_alone(layer):
    x = sm.Input("x", shape=(None,))
    pipe = sm.Pipeline(x, layer([x] * len(arrays_for(layer, A))))

    assert_array_equal(pipe.fit_transform(A), layer.fit_transform(*arrays_for(layer, A)))


def test_shapes_that_do_not_fit_are_told_with_the_steps_name():
    a, b = sm.Input("a", shape=(None,)), sm.Input("b", shape=(None,))

    with pytest.raises(ValueError, match=r"\(2,2\) \(2,3\)") as caught:
        sm.Pipeline([a, b], Add()([a, b], "total")).transform({"a": A, "b": np.zeros((2, 3))})

    (note,) = caught.value.__notes__
    assert "at step 'total' (Add), transforming, called on 'a' (2, 2) float64, 'b' (2, 3)" in note


def test_sparse_data_can_be_made_dense_as_the_error_advises():
    x = sm.Input("x", shape=(None,))
    pipe = sm.Pipeline(x, Lambda(lambda x: x.toarray())(x) + 1)

    assert_array_equal(pipe.transform(sparse.csr_array(A)), A + 1)
