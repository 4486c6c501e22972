"""Digests of arrays and tables: equal where the content is, different where anything is."""

import copy
import pickle
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes
from scipy import sparse

from skmegatron.io.digest import UndigestibleError, content_digest


def objects(*values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


RAGGED = objects(np.array([1, 2]), np.array([1]))
RECORDS = np.array([(1, 2.0), (3, 4.0)], dtype=[("a", "i4"), ("b", "f8")])
FRAME = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None], "c": pd.Categorical(["u", "v"])})
SPANS = pd.DataFrame({"i": pd.interval_range(0, 2), "p": pd.period_range("2020", periods=2)})
MASKED = pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean")})
ZONED = pd.DataFrame({"a": pd.date_range("2020", periods=2, tz="Europe/Paris")})
ARROW = pd.DataFrame({"a": pd.array(["x", None], dtype=pd.ArrowDtype(pa.string()))})
PLAIN_TEXT = pd.DataFrame({"a": pd.array(["x", None], dtype=pd.StringDtype("python"))})
LEVELS = pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)]))

#: Each pair differs in one thing.
PAIRS = [
    (np.array([1, 2]), np.array([1, 3])),
    (np.array([1, 2]), np.array([1.0, 2.0])),
    (np.array([0.0]), np.array([-0.0])),
    (np.zeros((2, 3)), np.zeros((3, 2))),
    (np.zeros(6), np.zeros((6, 1))),
    (np.eye(3, order="C"), np.eye(3, order="F")),
    (np.zeros(0), np.zeros((0, 3))),
    (np.array(1.0), np.array([1.0])),
    (np.array(["a", "b"]), np.array(["a", "c"])),
    (np.array(["a"]), np.array([b"a"])),
    (np.array(["a"], dtype=np.dtypes.StringDType()), np.array(["a"])),
    (np.array(["2020"], dtype="M8[D]"), np.array(["2020"], dtype="M8[s]")),
    (RECORDS, RECORDS.view([("a", "i4"), ("c", "f8")])),
    (objects("a", "1"), objects("a", 1)),
    (objects("ab", "c"), objects("a", "bc")),
    (objects(1, None), objects(1, np.nan)),
    (objects(True), objects(1)),
    (objects(Decimal("1.0")), objects(Decimal("1.00"))),
    (objects(date(2020, 1, 1)), objects(date(2020, 1, 2))),
    (RAGGED, objects(np.array([1, 2]), np.array([2]))),
    (objects({"a": 1}), objects({"a": 2})),
    (sparse.eye_array(2).tocsr(), sparse.eye_array(2).tocsc()),
    (sparse.eye_array(2).tocsr(), sparse.csr_matrix(np.eye(2))),
    (sparse.eye_array(2).tocoo(), sparse.coo_array(2 * np.eye(2))),
    (sparse.eye_array(2).tolil(), sparse.eye_array(2).todok()),
    (sparse.eye_array(2).tobsr(), sparse.eye_array(2).todia()),
    (FRAME, FRAME.rename(columns={"a": "A"})),
    (FRAME, FRAME.assign(a=[1.0, 0.0])),
    (FRAME, FRAME.assign(b=["x", "None"])),
    (FRAME, FRAME.assign(c=pd.Categorical(["u", "v"], categories=["v", "u"]))),
    (FRAME, FRAME.set_axis([1, 2])),
    (FRAME, FRAME[["b", "a", "c"]]),
    (SPANS, SPANS.assign(p=pd.period_range("2021", periods=2))),
    (MASKED, MASKED.assign(a=pd.array([1, 0], "Int64"))),
    (MASKED, MASKED.assign(b=pd.array([True, False], "boolean"))),
    (ZONED, pd.DataFrame({"a": ZONED["a"].dt.tz_convert("UTC")})),
    (ARROW, ARROW.assign(a=pd.array(["x", "y"], dtype=pd.ArrowDtype(pa.string())))),
    (PLAIN_TEXT, ARROW),
    (LEVELS, LEVELS.set_axis(pd.MultiIndex.from_tuples([("x", 1), ("y", 3)]))),
    (FRAME["a"], FRAME["a"].rename("other")),
    (pd.Index([1, 2]), pd.RangeIndex(1, 3)),
    (pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, None]})),
    (pl.DataFrame({"a": ["x", "y"]}), pl.DataFrame({"a": ["x", "z"]})),
    (pl.DataFrame({"a": [date(2020, 1, 1)]}), pl.DataFrame({"a": [date(2020, 1, 2)]})),
    (pl.Series("a", [[1], [2]]), pl.Series("a", [[1], [3]])),
    (pa.table({"a": ["x", None]}), pa.table({"a": ["x", "y"]})),
    (pa.table({"a": [1.5, 2.5]}), pa.table({"b": [1.5, 2.5]})),
    (
        pa.table({"a": pa.array(["x", "y"]).dictionary_encode()}),
        pa.table({"a": pa.array(["x", "z"]).dictionary_encode()}),
    ),
    (np.ma.masked_array([1, 2], [0, 1]), np.ma.masked_array([1, 2], [1, 0])),
    (None, np.array([])),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_whatever_differs_has_another_digest(one, other):
    assert content_digest(one) != content_digest(other)


@pytest.mark.parametrize("value", [value for pair in PAIRS for value in pair])
def test_content_keeps_its_digest_through_a_pickle_and_a_copy(value):
    expected = content_digest(value)

    assert content_digest(pickle.loads(pickle.dumps(value))) == expected
    assert content_digest(copy.deepcopy(value)) == expected
    assert content_digest(value) == expected


def test_the_order_of_bytes_counts():
    # Apart from the pairs: a pickle of numpy's puts the bytes in the machine's order.
    X = np.array([1], dtype="<i4")

    assert content_digest(X) != content_digest(X.astype(">i4"))


@given(arrays(scalar_dtypes(), array_shapes(min_side=0)), st.data())
def test_one_flipped_bit_changes_the_digest_of_an_array(X, data):
    before = content_digest(X)
    assert content_digest(X.copy(order="K")) == before
    if X.nbytes:
        raw = bytearray(X.tobytes())
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        changed = np.frombuffer(bytes(raw), dtype=X.dtype).reshape(X.shape)

        assert content_digest(changed) != before


@given(st.lists(st.one_of(st.text(), st.none(), st.floats(), st.integers(), st.booleans())))
def test_objects_are_told_by_what_they_are_and_not_by_which(values):
    again = [pickle.loads(pickle.dumps(value)) for value in values]

    assert content_digest(objects(*values)) == content_digest(objects(*again))


@given(arrays(np.int8, (3, 4), elements=st.integers(0, 1)))
def test_an_array_with_gaps_has_one_digest_wherever_it_was_cut_from(X):
    wide = np.zeros((3, 9), dtype=np.int8)
    wide[:, 2:6] = X
    wider = np.ones((5, 20), dtype=np.int8)
    wider[1:4, 9:13] = X

    assert content_digest(wide[:, 2:6]) == content_digest(wider[1:4, 9:13])
    assert content_digest(wide[:, 2:6][::-1]) != content_digest(X[::-1].copy())


def test_text_in_an_array_of_objects_may_be_one_string_or_many():
    once = "".join(["a", "b"])

    assert content_digest(objects(once, once)) == content_digest(objects("ab", "".join("ab")))


def test_a_memory_map_is_the_array_that_it_holds(tmp_path):
    X = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "X.npy", X)

    assert content_digest(np.load(tmp_path / "X.npy", mmap_mode="r")) == content_digest(X)


def test_a_part_of_an_arrow_table_is_as_the_same_table_made_afresh():
    whole = pa.table({"a": ["x", None, "y", "z"], "b": [True, False, True, None]})
    fresh = pa.table({"a": [None, "y"], "b": [False, True]})

    assert content_digest(whole.slice(1, 2)) == content_digest(fresh)


def test_blocks_of_a_pandas_frame_are_left_out():
    block = pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["a", "b"])
    single = pd.DataFrame({"a": [0.0, 2.0, 4.0], "b": [1.0, 3.0, 5.0]})

    assert content_digest(block) == content_digest(single)


def test_an_array_that_holds_itself_is_refused():
    loop = np.empty(1, dtype=object)
    loop[0] = loop

    with pytest.raises(UndigestibleError, match="RecursionError"):
        content_digest(loop)
