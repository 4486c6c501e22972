"""Digests of rows: equal where the rows are, different where anything is."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy import sparse

from skmegatron.io.rowhash import row_digests


def objects(*values):
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


CHANGES = [
    (np.array([1, 2]), np.array([1, 3])),
    (np.array([1.0, np.nan]), np.array([1.0, 0.0])),
    (np.array([1.0, 0.0]), np.array([1.0, -0.0])),
    (np.array(["a", "b"]), np.array(["a", "b "])),
    (np.array(["2020", "2021"], dtype="M8[D]"), np.array(["2020", "2022"], dtype="M8[D]")),
    (objects("a", "1"), objects("a", 1)),
    (objects(1, None), objects(1, np.nan)),
    (objects(1, True), objects(1, 1)),
    (objects(1, Decimal("1.0")), objects(1, Decimal("1.00"))),
    (objects(1, date(2020, 1, 1)), objects(1, date(2020, 1, 2))),
    (objects(1, np.array([0.1])), objects(1, np.array([0.1 + 1e-12]))),
    (objects(1, np.arange(2000)), objects(1, np.arange(2000) + (np.arange(2000) == 999))),
    (objects(1, {"a": 1}), objects(1, {"a": 2})),
    (objects(1, ["ab", "c"]), objects(1, ["a", "bc"])),
    (np.eye(2), np.array([[1.0, 0.0], [0.0, 2.0]])),
    (sparse.eye_array(2).tocsr(), sparse.csr_array([[1.0, 0.0], [1.0, 0.0]])),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]})),
]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_only_the_row_that_has_changed_has_another_digest(before, after):
    same = (row_digests({"x": before}) == row_digests({"x": after})).all(axis=1)

    assert_array_equal(same, [True, False])


@pytest.mark.parametrize("value", [change[0] for change in CHANGES])
def test_equal_rows_have_equal_digests(value):
    again = value.copy()

    assert_array_equal(row_digests({"x": value}), row_digests({"x": again}))


@given(arrays(np.int8, (6, 3), elements=st.integers(0, 1)))
def test_rows_are_equal_where_their_digests_are(X):
    digests = row_digests({"x": X})

    for row, digest in zip(X, digests, strict=True):
        assert_array_equal((digests == digest).all(axis=1), (row == X).all(axis=1))


def test_names_dtypes_and_shapes_count():
    X = np.zeros((1, 4))
    seen = {
        row_digests(given_).tobytes()
        for given_ in ({"x": X}, {"y": X}, {"x": X.astype(np.float32)}, {"x": X.reshape(1, 2, 2)})
    }

    assert len(seen) == 4


def test_text_has_one_digest_however_wide_the_array():
    one, two = row_digests({"x": np.array(["a", "bcd"])}), row_digests({"x": np.array(["a"])})

    assert_array_equal(one[:1], two)


def test_what_nothing_can_tell_from_others_is_always_new():
    value = objects(lambda: 1)

    assert not np.array_equal(row_digests({"x": value}), row_digests({"x": value}))


def test_no_rows_have_no_digests():
    assert row_digests({"x": np.empty((0, 3))}).shape == (0, 16)
