"""A few rows side by side: the same as scipy's hstack gives."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_array_equal
from scipy import sparse

from skmegatron.io.fewrows import few_rows
from skmegatron.io.tables import join

values = st.sampled_from([0.0, -0.0, 1.5, -2.0, np.nan, np.inf])


@st.composite
def parts(draw):
    n_rows = draw(st.integers(0, 4))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        dtype = draw(st.sampled_from([np.float64, np.float32]))
        shape = n_rows, draw(st.integers(0, 4))
        dense = draw(npst.arrays(dtype, shape, elements=values))
        found.append(
            draw(st.sampled_from([np.asarray, sparse.csr_matrix, sparse.csr_array]))(dense)
        )
    return found


@given(parts=parts())
def test_rows_are_joined_as_scipy_does(parts):
    if not any(sparse.issparse(part) for part in parts):
        return

    ours, theirs = join(parts, axis=1), sparse.hstack(parts, format="csr")

    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    for name in ("data", "indices", "indptr"):
        ours_part, theirs_part = getattr(ours, name), getattr(theirs, name)
        assert_array_equal(ours_part, theirs_part)
        assert ours_part.dtype == theirs_part.dtype
    assert ours.has_canonical_format
    ours.check_format(full_check=True)


def test_a_stored_zero_stays_stored_and_what_is_out_of_order_is_left_to_scipy():
    stored = sparse.csr_matrix((np.array([0.0, 1.0]), np.array([1, 2]), np.array([0, 2])), (1, 3))
    swapped = sparse.csr_matrix((np.array([1.0, 2.0]), np.array([2, 0]), np.array([0, 2])), (1, 3))

    assert few_rows([stored, np.ones((1, 1))])
    assert join([stored, np.ones((1, 1))], axis=1).nnz == 3
    assert not few_rows([swapped, np.ones((1, 1))])
    assert_array_equal(join([swapped, np.ones((1, 1))], axis=1).toarray(), [[2, 0, 1, 1]])


def test_joined_matrices_do_not_share_what_is_written_into_them():
    part = sparse.csr_matrix(np.array([[1.0, 0.0]]))
    first, second = (join([part, np.array([[3.0]])], axis=1) for _ in range(2))

    first.data[:] = 9
    first.indices[0] = 1

    assert_array_equal(second.toarray(), [[1, 0, 3]])
    assert_array_equal(part.toarray(), [[1, 0]])
