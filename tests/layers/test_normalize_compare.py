"""Normalize and Compare, and what comparing nodes draws."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import skmegatron as sm
from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.layers import Compare, Normalize, Whiten

COUNTS = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.integers(0, 9)
)
OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@given(COUNTS)
def test_normalized_rows_sum_to_one_and_empty_ones_are_uniform(X):
    before = X.copy()

    shares = Normalize().transform(X)

    rows, totals = shares.reshape(len(X), -1), X.reshape(len(X), -1).sum(axis=1)
    assert_allclose(rows.sum(axis=1), 1)
    assert_allclose(rows[totals == 0], 1 / rows.shape[1])
    full = totals > 0
    assert_allclose(rows[full], X.reshape(len(X), -1)[full] / totals[full, None])
    assert_array_equal(X, before)


@given(arrays(np.float64, (5, 4), elements=st.integers(0, 3)))
def test_normalized_sparse_equals_dense(X):
    result = Normalize().transform(sparse.csr_array(X))

    assert sparse.issparse(result)
    assert_allclose(result.toarray(), Normalize().transform(X))


def test_normalize_keeps_float32_and_makes_floats_of_integers():
    X = np.array([[1, 3], [0, 0]])

    assert Normalize().transform(X).dtype == np.float64
    assert Normalize().transform(X.astype(np.float32)).dtype == np.float32
    assert Normalize().transform(sparse.csr_array(X.astype(np.float32))).dtype == np.float32


def test_normalize_takes_a_batch_without_rows():
    assert Normalize().transform(np.zeros((0, 3))).shape == (0, 3)


def test_normalize_refuses_a_plain_column():
    with pytest.raises(ShapeError, match=r"got \(3,\).*Concatenate the columns first"):
        Normalize().transform(np.arange(3.0))


@given(
    arrays(np.float64, (4, 3), elements=st.floats(-3, 3)),
    arrays(np.float64, (4, 3), elements=st.floats(-3, 3)),
)
@pytest.mark.parametrize("name", OPERATORS)
def test_compare_is_numpys_comparison(name, left, right):
    assert_array_equal(Compare(name).transform(left, right), OPERATORS[name](left, right))
    assert_array_equal(Compare(name, 1.0).transform(left), OPERATORS[name](left, 1.0))


@pytest.mark.parametrize("name", ["<", "<=", ">", ">="])
def test_comparing_nodes_draws_a_mask(name):
    a, b = sm.Input("a")([1.0, 2.0, np.nan]), sm.Input("b")([2.0, 2.0, 2.0])

    assert_array_equal(OPERATORS[name](a, b).output, OPERATORS[name](a.output, b.output))
    assert_array_equal(OPERATORS[name](a, 2).output, OPERATORS[name](a.output, 2))
    assert_array_equal(OPERATORS[name](2, a).output, OPERATORS[name](2, a.output))


def test_equality_of_nodes_is_identity_and_not_a_layer():
    a = sm.Input("a")

    assert a == a
    assert a != sm.Input("a")


def test_words_are_compared_too():
    assert_array_equal(Compare("==", "b").transform(np.array(["a", "b"])), [False, True])


def test_a_comparison_with_an_array_is_refused():
    with pytest.raises(NodeTypeError, match="node or a single value, got ndarray of shape"):
        _ = sm.Input("a") > np.arange(3)


def test_an_operation_that_there_is_not_is_refused_before_fitting():
    x = sm.Input("x")

    with pytest.raises(ValueError, match="operation must be one of"):
        sm.Pipeline(x, Compare("=>", 1)(x)).fit([1.0])


@given(arrays(np.float64, (9, 2), elements=st.floats(-1e3, 1e3)), st.integers(1, 8))
def test_whitens_fitted_on_parts_and_merged_equal_one_fitted_on_all(X, cut):
    merged = Whiten().fit(X[:cut]).merge(Whiten().fit(X[cut:]))
    whole = Whiten().fit(X)

    assert merged.n_rows_ == whole.n_rows_
    assert_allclose(merged.mean_, whole.mean_, rtol=1e-9, atol=1e-9)
    assert_allclose(merged.scale_, whole.scale_, rtol=1e-6, atol=1e-6)


def test_whitens_of_other_columns_are_not_merged():
    with pytest.raises(ShapeError, match="Whiten of 2 columns cannot be merged with one of 3"):
        Whiten().fit(np.eye(2)).merge(Whiten().fit(np.eye(3)))
