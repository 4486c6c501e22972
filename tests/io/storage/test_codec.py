import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.storage.codec import from_cells, pack, pack_all, restore, to_cells
from skmegatron.testing.stores import assert_same, columns_of_all_kinds

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=10)


def there_and_back(column):
    packed = pack("x", column)
    by_cells = from_cells(packed.form, [bytes(c) if isinstance(c, memoryview) else c
                                        for c in to_cells(packed)])  # fmt: skip
    return by_cells, restore(packed.form, packed.values)


def canonical(array):
    """Every NaN becomes the same one: NULL has no payload."""
    if array.dtype.kind == "f" and array.ndim == 1:
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return array


@given(arrays(scalar_dtypes(), array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)))
def test_numbers_dates_and_bytes_come_back(array):
    for back in there_and_back(array):
        assert_same(canonical(back), canonical(array), "x")


@given(st.lists(ANY_TEXT, min_size=1, max_size=5))
def test_any_text_comes_back(texts):
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    for back in there_and_back(column):
        assert back.tolist() == texts
    for back in there_and_back(column.astype(str)):
        assert_same(back, column.astype(str), "x")


@given(st.lists(st.one_of(ANY_TEXT, st.none(), st.integers(), st.booleans(), st.floats())))
def test_mixed_scalars_come_back(values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    for back in there_and_back(column):
        assert_same(back, column, "x")


@pytest.mark.parametrize("name", columns_of_all_kinds())
def test_every_kind_comes_back(name):
    column = columns_of_all_kinds()[name]
    for back in there_and_back(column):
        assert_same(back, column, name)


def test_a_string_dtype_comes_back():
    column = np.array(["a", "longer"], dtype=np.dtypes.StringDType())
    for back in there_and_back(column):
        assert_same(back, column, "x")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_frame_is_stored_as_a_block(make):
    for back in there_and_back(make({"a": [1.0, 2.0], "b": [3.0, 4.0]})):
        assert back.tolist() == [[1, 3], [2, 4]]


def test_other_sparse_formats_come_back_as_rows():
    column = sparse.coo_array(np.eye(3))
    for back in there_and_back(column):
        assert type(back) is sparse.csr_array
        assert back.toarray().tolist() == np.eye(3).tolist()


@pytest.mark.parametrize(
    "value", [{"a": 1}, object(), [1, 2], (1,), lambda: 0, pd.Interval(0, 1), {1, 2}]
)
def test_what_could_only_be_pickled_is_refused(value):
    column = np.empty(1, dtype=object)
    column[0] = value

    with pytest.raises(TypeError, match=r"'x' cannot be stored.*Nothing is pickled.*Return"):
        pack("x", column)


def test_records_are_refused():
    with pytest.raises(TypeError, match="one output per field"):
        pack("x", np.zeros(2, dtype=[("a", int)]))


def test_a_mask_is_not_lost_silently():
    with pytest.raises(TypeError, match=r"mask would be lost.*filled"):
        pack("x", np.ma.array([1, 2], mask=[True, False]))


def test_a_single_value_is_refused():
    with pytest.raises(ShapeError, match="single value"):
        pack("x", np.array(3))


def test_columns_need_a_row_per_key():
    with pytest.raises(ShapeError, match="'x' has 2 rows for 1 indices"):
        pack_all(["0"], {"x": np.zeros(2)})
