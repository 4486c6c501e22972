"""Sparse columns side by side are what scipy gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from skmegatron.io.stacking import stack_columns


@st.composite
def blocks(draw):
    n_rows = draw(st.integers(0, 6))
    found = []
    for place in range(draw(st.integers(1, 4))):
        width = draw(st.integers(0, 4))
        size = n_rows * width
        values = draw(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=size, max_size=size))
        dtype = draw(st.sampled_from([np.float32, np.float64, np.int64]))
        dense = np.array(values, dtype=dtype).reshape(n_rows, width)
        kinds = [sparse.csr_array, sparse.csr_matrix, sparse.coo_array, np.asarray]
        found.append(draw(st.sampled_from(kinds[:3] if place == 0 else kinds))(dense))
    return found


@given(blocks())
def test_stacked_columns_are_those_of_scipy(given_blocks):
    expected = sparse.hstack(given_blocks, format="csr")

    stacked = stack_columns(given_blocks)

    assert type(stacked) is type(expected)
    assert stacked.shape == expected.shape
    assert stacked.dtype == expected.dtype
    assert stacked.has_canonical_format
    assert stacked.nnz == expected.nnz
    assert_array_equal(stacked.toarray(), expected.toarray())


@pytest.mark.parametrize("n_entries", [1, 3])
def test_blocks_whose_rows_have_as_many_entries_are_stacked_like_the_others(n_entries):
    dense = np.arange(1.0, 1 + 4 * n_entries).reshape(4, n_entries)
    one_hot = sparse.csr_array(np.eye(4, dtype=np.float32))

    stacked = stack_columns([dense, one_hot])

    assert_array_equal(stacked.toarray(), np.hstack([dense, np.eye(4)]))
    assert stacked.indices.dtype == np.int32


def test_zeros_that_a_sparse_block_holds_stay_entries():
    held = sparse.csr_array((np.array([0.0, 2.0]), np.array([0, 1]), np.array([0, 1, 2])))

    assert stack_columns([held, held]).nnz == 4


def test_stacking_leaves_its_blocks_alone():
    block = sparse.csr_array(np.eye(3))
    before = block.copy()

    stack_columns([block, block]).data[:] = 7

    assert_array_equal(block.toarray(), before.toarray())


@pytest.mark.parametrize(("dtype", "held"), [("f2", "f4"), (">f8", "f8"), (">i2", "i2")])
@pytest.mark.parametrize("dense", [np.zeros((2, 1)), np.ones((2, 1))])
def test_arrays_that_scipy_cannot_hold_are_stacked_as_what_it_can(dtype, held, dense):
    beside = sparse.csr_array(np.eye(2, dtype=bool))

    stacked = stack_columns([beside, dense.astype(dtype)])

    assert stacked.dtype == held
    assert_array_equal(stacked.toarray(), np.hstack([np.eye(2), dense]))
