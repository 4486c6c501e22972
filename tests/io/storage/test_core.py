import datetime as dt
import enum
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmegatron.io.storage.books import label, unlabel
from skmegatron.io.storage.codec import pack, restore
from skmegatron.io.storage.core import (
    candidates,
    decode_key,
    decode_keys,
    encode_key,
    encode_keys,
)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
SCALARS = st.one_of(
    st.integers(-(2**200), 2**200),
    st.floats(allow_nan=False),
    st.booleans(),
    ANY_TEXT,
    st.binary(max_size=60),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=False).map(lambda number: Decimal(str(number))),
    st.complex_numbers(allow_nan=False),
    st.integers(-(2**62), 2**62).map(lambda n: np.datetime64(n, "ns")),
    st.integers(-(2**62), 2**62).map(lambda n: np.timedelta64(n, "s")),
)


@given(SCALARS)
def test_a_key_is_ascii_and_comes_back(scalar):
    key = encode_key(scalar)

    assert key.isascii()
    assert key.isprintable()
    assert decode_key(key) == scalar
    assert type(decode_key(key)) is type(scalar)


class Color(str, enum.Enum):  # noqa: UP042  # unlike StrEnum it has a str() of its own
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


class Words(enum.StrEnum):
    ONE = "one"


OWN = [
    (type(f"My{kind.__name__}", (kind,), {})(*given), kind(*given))
    for kind, given in [
        (uuid.UUID, ("12345678123456781234567812345678",)),
        (Decimal, ("1.50",)),
        (dt.date, (2020, 1, 2)),
        (dt.datetime, (2020, 1, 2, 3)),
        (dt.time, (1, 2)),
        (dt.timedelta, (1, 2)),
        (bytes, (b"x",)),
        (str, ("x",)),
        (int, (2,)),
        (float, (1.5,)),
        (complex, (1, 2)),
    ]
]


@pytest.mark.parametrize(
    ("own", "plain"), [*OWN, (Color.RED, "red"), (Size.BIG, 3), (Words.ONE, "one")]
)
def test_a_subclass_is_written_as_what_it_is_one_of(own, plain):
    assert encode_key(own) == encode_key(plain)
    assert encode_key(plain) in candidates(own)
    column = np.empty(2, dtype=object)
    column[:] = [own, None]
    packed = pack("x", column)
    assert repr(restore(packed.form, packed.values).tolist()) == repr([plain, None])


@given(st.lists(SCALARS, min_size=2, max_size=2))
def test_different_scalars_of_one_kind_have_different_keys(pair):
    one, other = pair

    same = type(one) is type(other) and repr(one) == repr(other)
    assert (encode_key(one) == encode_key(other)) == same


@given(ANY_TEXT)
def test_a_label_comes_back(text):
    assert label(text).isascii()
    assert unlabel(label(text)) == text


@pytest.mark.parametrize(
    "index",
    [
        np.arange(3),
        np.array([1.5, 2.0]),
        np.array(["a", "b"]),
        np.array([True, False]),
        np.array(["2020-01-01", "2021-01-01"], "M8[D]"),
        np.array([2**63], dtype=np.uint64),
        np.array(["a", 1, 1.5, "nul\0"], dtype=object),
        np.array([2**63 + 1, 0], dtype=object),
        np.array([2**63 + 1, -1], dtype=object),
        np.array(["a", "nul\0"], dtype=object),
    ],
)
def test_an_index_comes_back_as_an_array(index):
    decoded = decode_keys(encode_keys(index))

    assert decoded.tolist() == index.tolist()
    assert decoded.dtype.kind == index.dtype.kind


def test_dates_of_several_units_come_back_as_they_are():
    index = [np.datetime64("9999-01-01"), np.datetime64(1, "ns")]

    decoded = decode_keys(encode_keys(index))

    assert decoded.dtype == object
    assert [str(moment) for moment in decoded] == [str(moment) for moment in index]


def test_keys_of_a_pandas_index_are_those_of_its_values():
    assert encode_keys(pd.Index([3, 1])) == ["3", "1"]
    assert encode_keys(pd.Series(["a"])) == ['"a"']


@pytest.mark.parametrize(
    "missing", [None, np.nan, pd.NaT, pd.NA, np.datetime64("NaT"), Decimal("NaN")]
)
def test_a_missing_index_is_refused(missing):
    with pytest.raises(ValueError, match="An index tells one row from another, got"):
        encode_key(missing)


def test_an_index_that_is_no_scalar_is_refused():
    with pytest.raises(TypeError, match=r"got \(1, 2\) of type tuple"):
        encode_keys([(1, 2)])


def test_a_very_long_index_is_refused():
    with pytest.raises(ValueError, match="1000 characters when encoded, got 2002"):
        encode_keys(["x" * 2000])


def test_an_index_that_occurs_twice_is_named():
    with pytest.raises(ValueError, match="got 'bob' twice"):
        encode_keys(["ann", "bob", "cid", "bob"])


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("0", 0),
        (0, "0"),
        (0.0, 0),
        (0, 0.0),
        ("1.5", 1.5),
        (1.5, "1.5"),
        (np.int8(3), 3),
        (np.float32(3), 3),
        (pd.Timestamp("2020-01-01"), np.datetime64("2020-01-01", "D")),
        (np.datetime64("2020-01-01", "ns"), dt.datetime(2020, 1, 1)),
        (dt.date(2020, 1, 1), np.datetime64("2020-01-01", "us")),
        (np.datetime64("2020-01-01"), dt.date(2020, 1, 1)),
    ],
)
def test_equal_indices_of_other_types_find_one_another(asked, written):
    assert encode_key(written) in candidates(asked)


@pytest.mark.parametrize(
    ("asked", "written"),
    [("one", 1), (True, 1), (1, True), (uuid.UUID(int=1), 1), ("nan", 0), ("1.5", 1), (b"1", 1)],
)
def test_other_indices_do_not(asked, written):
    assert encode_key(written) not in candidates(asked)
