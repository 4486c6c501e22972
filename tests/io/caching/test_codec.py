"""What is decoded is what was encoded, in value, kind, dtype, shape and order."""

import threading

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse

from skmegatron.io.caching import decode, encode
from skmegatron.io.caching.buffers import ALIGNMENT

DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
    hnp.complex_number_dtypes(endianness="?"),
    hnp.datetime64_dtypes(endianness="?"),
    hnp.timedelta64_dtypes(endianness="?"),
    hnp.unicode_string_dtypes(endianness="?"),
    hnp.byte_string_dtypes(),
    hnp.array_dtypes(),
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


def address(array):
    return array.__array_interface__["data"][0]


def assert_same(given, expected):
    assert type(given) is np.ndarray
    assert given.dtype == expected.dtype
    assert given.shape == expected.shape
    assert given.tobytes() == expected.tobytes()
    assert not given.flags.writeable


@given(ARRAYS)
def test_an_array_comes_back_bit_for_bit(array):
    value, meta = decode(encode(array, {"seconds": 0.5}))

    assert_same(value, array)
    assert meta == {"seconds": 0.5}


@given(st.lists(ARRAYS, max_size=4), st.sampled_from([list, tuple]))
def test_several_arrays_come_back_in_what_held_them(arrays, kind):
    value, _ = decode(encode(kind(arrays), {}))

    assert type(value) is kind
    assert len(value) == len(arrays)
    for one, other in zip(value, arrays, strict=True):
        assert_same(one, other)


@given(hnp.arrays("i4", hnp.array_shapes(min_dims=1, max_dims=3)), st.data())
def test_a_view_of_any_kind_comes_back_as_a_copy_would_lie(array, data):
    axes = data.draw(st.permutations(range(array.ndim)))
    turned = array.transpose(axes)
    view = np.asarray(turned[data.draw(hnp.basic_indices(turned.shape))])

    value, _ = decode(encode(view, {}))

    assert_array_equal(value, view)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("cut", [slice(None), slice(None, None, 2)], ids=["whole", "every other"])
def test_the_order_in_memory_is_kept(order, cut):
    array = np.asarray(np.arange(60.0).reshape(10, 6), order=order)[cut]

    value, _ = decode(encode(array, {}))

    assert_array_equal(value, array)
    assert value.flags[f"{order}_CONTIGUOUS"]
    assert not value.flags["F_CONTIGUOUS" if order == "C" else "C_CONTIGUOUS"]


def test_arrays_are_read_only_views_into_the_buffer_and_aligned():
    buffer = encode([np.arange(3, dtype="i1"), np.arange(5.0)], {})

    (first, second), _ = decode(buffer)

    assert np.shares_memory(second, np.frombuffer(buffer, dtype=np.uint8))
    assert address(first) % ALIGNMENT == address(second) % ALIGNMENT == 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        second.flags.writeable = True


def test_bytes_that_begin_anywhere_give_aligned_arrays():
    encoded = bytes(encode(np.arange(5.0), {}))
    for start in range(8):
        shifted = memoryview(b"x" * start + encoded)[start:]

        value, _ = decode(shifted)

        assert value.flags.aligned
        assert_same(value, np.arange(5.0))


def test_a_buffer_that_can_be_written_gives_read_only_arrays():
    value, _ = decode(bytearray(encode(np.arange(5.0), {})))

    assert not value.flags.writeable


def test_records_keep_the_bytes_between_their_fields():
    dtype = np.dtype([("a", "i1"), ("b", ">f8"), ("c", "M8[s]"), ("d", "U3", (2,))], align=True)
    array = np.frombuffer(bytes(range(dtype.itemsize)) * 6, dtype=dtype).reshape(2, 3)[:, ::2]

    value, _ = decode(encode(array, {}))

    assert value.dtype == dtype
    assert value.tobytes() == array.tobytes()


def test_nothing_of_what_memory_held_before_is_written():
    array, meta = np.arange(3, dtype="i1"), {"seconds": 1.0}

    assert len({bytes(encode(array, meta)) for _ in range(50)}) == 1


VALUES = {
    "none": None,
    "objects": np.array([1, "a", None, {"b": 2}], dtype=object),
    "text of any length": np.array(["a", "bcd"], dtype=np.dtypes.StringDType()),
    "empty text": np.array([""] * 3, dtype="U0"),
    "state": {"mean_": np.arange(3.0), "names_": ["a"], "n_": 3},
    "mixed": [np.arange(3), None],
    "csr": sparse.csr_matrix(np.eye(3)),
    "csc": sparse.csc_array(np.eye(3)),
    "pandas": pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
    "series": pd.Series([1, 2], name="s"),
    "polars": pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
    "arrow": pa.table({"a": [1, 2], "b": ["x", None]}),
    "matrix": np.asmatrix(np.eye(2)),
    "masked": np.ma.masked_array([1, 2, 3], mask=[0, 1, 0]),
}


@pytest.mark.parametrize("name", VALUES)
def test_any_other_value_comes_back_as_what_it_was(name):
    value, meta = decode(encode(VALUES[name], {"n": [1, 2]}))

    assert type(value) is type(VALUES[name])
    assert str(value) == str(VALUES[name])
    assert getattr(value, "dtype", None) is getattr(VALUES[name], "dtype", None) or (
        value.dtype == VALUES[name].dtype
    )
    assert meta == {"n": [1, 2]}


def test_learned_state_can_be_written_to_and_does_not_change_the_buffer():
    buffer = encode({"mean_": np.arange(3.0)}, {})
    state, _ = decode(buffer)

    state["mean_"][:] = 7

    assert_array_equal(decode(buffer)[0]["mean_"], [0, 1, 2])


def test_a_function_that_cannot_be_imported_comes_back():
    add = 2

    value, _ = decode(encode({"fn": lambda x: x + add}, {}))

    assert value["fn"](1) == 3


def test_a_mapped_file_comes_back_as_a_plain_array(tmp_path):
    mapped = np.memmap(tmp_path / "numbers", dtype="f8", mode="w+", shape=(3,))
    mapped[:] = [1, 2, 3]

    value, _ = decode(encode(mapped, {}))

    assert_same(value, np.array([1.0, 2.0, 3.0]))


def test_what_cannot_be_pickled_says_so():
    with pytest.raises(TypeError, match="lock"):
        encode({"lock": threading.Lock()}, {})


@given(st.binary(max_size=200))
def test_garbage_is_refused(content):
    with pytest.raises(ValueError, match=r"Expected bytes made by encode\(\)"):
        decode(content)


@pytest.mark.parametrize("value", [np.arange(10.0), {"a": 1}], ids=["array", "pickle"])
def test_every_cut_and_every_longer_one_is_refused(value):
    encoded = bytes(encode(value, {"seconds": 1.0}))
    for damaged in [encoded[:size] for size in range(len(encoded))] + [encoded + b"\0"]:
        with pytest.raises(ValueError, match=r"Expected bytes made by encode\(\)"):
            decode(damaged)


@given(st.data())
def test_a_damaged_beginning_is_refused_before_anything_is_unpickled(data):
    encoded = bytearray(encode(np.arange(10.0), {"seconds": 1.0}))
    head_end = 24 + int.from_bytes(encoded[4:8], "little")
    bit = data.draw(st.integers(0, 8 * head_end - 1))
    encoded[bit // 8] ^= 1 << bit % 8

    with pytest.raises(ValueError, match=r"Expected bytes made by encode\(\)"):
        decode(encoded)
