"""Columns that are written where they end are what numpy would concatenate."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmegatron.io import unwritten
from skmegatron.io.unwritten import Unwritten, write_together


class Counting(Unwritten):
    """Columns of their row's number."""

    def __init__(self, n_rows, n_columns, dtype):
        self.shape = n_rows, n_columns
        self.dtype = np.dtype(dtype)

    def write(self, out, rows):
        out[...] = np.arange(rows.start, rows.stop)[:, None]


@pytest.mark.parametrize("n_bytes", [1, 100, 1 << 19])
@pytest.mark.parametrize("n_rows", [0, 1, 10])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_are_written_between_others(n_bytes, n_rows, dtype, monkeypatch):
    monkeypatch.setattr(unwritten, "_BLOCK", n_bytes)
    dense = np.ones((n_rows, 2), dtype=dtype)
    counting = Counting(n_rows, 3, np.float32)

    together = write_together([dense, counting, dense])

    expected = np.concatenate([dense, counting.written(), dense], axis=1)
    assert together.dtype == expected.dtype
    assert_array_equal(together, expected)


def test_columns_can_be_written_as_an_array_of_their_own():
    written = Counting(3, 2, np.float32).written()

    assert written.dtype == np.float32
    assert_array_equal(written, [[0, 0], [1, 1], [2, 2]])
