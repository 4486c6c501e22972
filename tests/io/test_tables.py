"""Tables of any library, seen one way."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse

from skmegatron.io.tables import (
    as_columns,
    as_values,
    column_names,
    columns_together,
    describe,
    is_frame,
    select_block,
    select_column,
    take_rows,
)

some = settings(max_examples=50, deadline=None)

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
frames = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)

DATA = {"n": [1, 2, 3], "share": [0.5, 0.25, 1.0], "city": ["Rome", "Oslo", "Kyiv"]}


# --- what is a frame ------------------------------------------------------------------


@frames
def test_frames_of_every_library_are_frames(frame):
    assert is_frame(frame(DATA))


@pytest.mark.parametrize(
    "thing",
    [np.eye(2), [[1]], DATA, pd.Series([1]), pl.Series([1]), sparse.eye_array(2), None, "x"],
    ids=lambda thing: type(thing).__name__,
)
def test_nothing_else_is_a_frame(thing):
    assert not is_frame(thing)


@frames
def test_column_names_come_in_order(frame):
    assert column_names(frame(DATA)) == ["n", "share", "city"]


def test_column_names_of_pandas_may_be_anything():
    assert column_names(pd.DataFrame([[1, 2, 3]], columns=[0, "a", None])) == [0, "a", None]


# --- columns --------------------------------------------------------------------------


@frames
@pytest.mark.parametrize("position", [0, 1, 2, -1])
def test_column_comes_with_its_own_dtype(frame, position):
    expected = np.asarray(list(DATA.values())[position])

    column = select_column(frame(DATA), position)

    assert column.shape == (3,)
    assert column.dtype.kind in (expected.dtype.kind, "O", "T")
    assert_array_equal(column, expected)


@frames
def test_column_of_lists_comes_stacked(frame):
    images = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]

    assert_array_equal(select_column(frame({"image": images}), 0), images)


def test_column_of_arrays_comes_stacked():
    images = [np.zeros((2, 2)), np.ones((2, 2))]

    assert select_column(pd.DataFrame({"image": images}), 0).shape == (2, 2, 2)


@frames
def test_column_with_missing_numbers_has_nan_there(frame):
    column = select_column(frame({"x": [1.5, None, 2.0]}), 0)

    assert column.dtype == np.float64
    assert_array_equal(column, [1.5, np.nan, 2.0])


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int64[pyarrow]"])
def test_nullable_column_of_pandas_comes_as_numbers(dtype):
    column = select_column(pd.DataFrame({"x": pd.array([1, 2], dtype=dtype)}), 0)

    assert column.dtype.kind in "if"
    assert_array_equal(column, [1, 2])


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int64[pyarrow]"])
def test_nullable_column_of_pandas_with_a_gap_has_nan_there(dtype):
    column = select_column(pd.DataFrame({"x": pd.array([1, None], dtype=dtype)}), 0)

    assert_array_equal(column.astype(float), [1, np.nan])


@pytest.mark.parametrize("dtype", ["boolean", "bool[pyarrow]"])
def test_booleans_of_pandas_with_a_gap_are_numbers_as_scikit_learn_reads_them(dtype):
    frame = pd.DataFrame({"x": pd.array([True, None, False], dtype=dtype)})

    assert_array_equal(select_column(frame, 0), [1.0, np.nan, 0.0])
    assert_array_equal(as_values(frame["x"], "x"), [1.0, np.nan, 0.0])
    assert select_column(frame.dropna(), 0).dtype == bool


@frames
def test_block_of_numbers_has_their_common_dtype(frame):
    block = select_block(frame(DATA), [1, 0])

    assert block.dtype == np.float64
    assert_array_equal(block, [[0.5, 1], [0.25, 2], [1, 3]])


@frames
def test_block_of_text_and_numbers_keeps_the_numbers(frame):
    block = select_block(frame(DATA), [2, 0])

    assert block.dtype == object
    assert block.tolist() == [["Rome", 1], ["Oslo", 2], ["Kyiv", 3]]


@frames
def test_block_of_dates_beside_text_or_numbers_keeps_both(frame):
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[ns]")

    for position, name in ((1, "n"), (2, "city")):
        block = select_block(
            frame({"day": days, "n": DATA["n"], "city": DATA["city"]}), [0, position]
        )
        assert block.shape == (3, 2)
        assert block[:, 1].tolist() == DATA[name]


# --- side by side ---------------------------------------------------------------------

numbers = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.bool_]),
    st.tuples(st.just(4)) | st.tuples(st.just(4), st.integers(0, 3)),
    elements=st.just(1),
)


@some
@given(arrays=st.lists(numbers, min_size=1, max_size=4))
def test_arrays_side_by_side_are_those_of_numpy(arrays):
    together = columns_together(arrays)

    expected = np.column_stack(arrays) if len(arrays) > 1 else as_columns(arrays[0])
    assert together.dtype == expected.dtype
    assert_array_equal(together, expected)


@some
@given(arrays=st.lists(numbers, min_size=2, max_size=4), data=st.data())
def test_sparse_among_them_makes_the_result_sparse(arrays, data):
    expected = columns_together(arrays)
    place = data.draw(st.integers(0, len(arrays) - 1))
    arrays[place] = sparse.csr_array(as_columns(arrays[place]))

    together = columns_together(arrays)

    assert sparse.issparse(together)
    assert_array_equal(together.toarray(), expected)


OTHERS = {
    "text": np.array(["a", "b"]),
    "new text": np.array(["a", "b"], dtype=np.dtypes.StringDType()),
    "objects": np.array(["a", None], dtype=object),
    "dates": np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"),
    "spans": np.array([1, 2], dtype="timedelta64[D]"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize(
    "number", [np.array([1, 2]), np.array([0.5, 2.5]), np.array([True, False])]
)
def test_number_beside_something_else_stays_a_number(number, other):
    for together in (
        columns_together([number, other]),
        columns_together([other, number])[:, ::-1],
    ):
        assert together.dtype == object
        assert together[:, 0].tolist() == number.tolist()
        assert [type(value) for value in together[:, 0]] == [type(v) for v in number.tolist()]


@pytest.mark.parametrize("other", [name for name in OTHERS if "text" not in name])
def test_text_beside_something_else_stays_text(other):
    together = columns_together([OTHERS["text"], OTHERS[other]])

    assert together.shape == (2, 2)
    assert together[:, 0].tolist() == ["a", "b"]


def test_text_of_several_lengths_is_not_cut():
    together = columns_together([np.array(["a", "b"]), np.array(["longer", "text"])])

    assert together.tolist() == [["a", "longer"], ["b", "text"]]


def test_pandas_frames_with_distinct_names_stay_a_frame():
    left, right = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": ["x", "y"]})

    together = columns_together([left, right])

    assert list(together.columns) == ["a", "b"]
    assert list(together.dtypes) == [left.dtypes["a"], right.dtypes["b"]]


def test_pandas_frames_with_a_name_in_common_become_an_array():
    frame = pd.DataFrame({"a": [1, 2]})

    assert_array_equal(columns_together([frame, frame]), [[1, 1], [2, 2]])


def test_rows_of_pandas_frames_go_together_by_position_and_not_by_index():
    left = pd.DataFrame({"a": [1, 2]}, index=[0, 1])
    right = pd.DataFrame({"b": [3, 4]}, index=[1, 0])
    far = pd.DataFrame({"c": [5, 6]}, index=[7, 8])

    together = columns_together([left, right, far])

    assert_array_equal(np.asarray(together), [[1, 3, 5], [2, 4, 6]])


def test_frames_of_several_libraries_go_side_by_side():
    together = columns_together([frame({"a": [1, 2]}) for frame in FRAMES.values()])

    assert_array_equal(together, [[1, 1, 1], [2, 2, 2]])


# --- values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [np.eye(2), sparse.eye_array(2), *(frame(DATA) for frame in FRAMES.values())],
    ids=lambda data: type(data).__name__,
)
def test_what_has_a_shape_comes_back_as_it_is(data):
    assert as_values(data, "x") is data


@pytest.mark.parametrize("series", [list, tuple, pd.Series, pl.Series, pa.array])
def test_one_column_of_any_library_becomes_an_array(series):
    values = as_values(series([3, 1, 2]), "x")

    assert isinstance(values, np.ndarray)
    assert_array_equal(values, [3, 1, 2])


def test_pyarrow_chunks_become_one_array():
    assert_array_equal(as_values(pa.chunked_array([[1, 2], [3]]), "x"), [1, 2, 3])


def test_anything_that_numpy_can_read_becomes_an_array():
    class Readable:
        def __array__(self, dtype=None, copy=None):
            return np.arange(3)

    assert_array_equal(as_values(Readable(), "x"), [0, 1, 2])


def test_ragged_rows_are_refused_by_name_with_the_way_out():
    with pytest.raises(ValueError, match=r"'x' cannot be made.*np.array\(rows, dtype=object\)"):
        as_values([[1], [2, 3]], "x")


# --- rows and descriptions ------------------------------------------------------------


@frames
@some
@given(key=st.slices(3) | hnp.arrays(bool, 3) | st.lists(st.integers(-3, 2)))
def test_rows_of_a_frame_are_those_of_its_columns(frame, key):
    if isinstance(key, list):
        key = np.array(key, dtype=int)

    taken = take_rows(frame(DATA), key)

    assert type(taken) is type(frame(DATA))
    for position, column in enumerate(DATA.values()):
        assert_array_equal(select_column(taken, position), np.array(column)[key])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((3, 2)), "(3, 2) float64"),
        (np.array(["ab"]), "(1,) <U2"),
        (sparse.csr_array(np.eye(2)), "(2, 2) float64 sparse"),
        (pd.DataFrame(DATA), "(3, 3) DataFrame"),
        (pl.DataFrame(DATA), "(3, 3) DataFrame"),
        (pa.table(DATA), "(3, 3) Table"),
        ([1, 2], "list"),
        (None, "NoneType"),
    ],
)
def test_values_are_described_in_a_few_words(data, words):
    assert describe(data) == words


def test_dictionary_of_pyarrow_keeps_its_gaps():
    column = pa.chunked_array([pa.array(["u", None, "v"]).dictionary_encode()])
    frame = pa.table({"n": [1, 2, 3], "c": column})

    assert select_column(frame, 1).tolist() == ["u", None, "v"]
    assert as_values(column, "c").tolist() == ["u", None, "v"]


@pytest.mark.parametrize("dtype", ["str", "string", "string[python]"])
@pytest.mark.parametrize("n_texts", [3, 15_000])
def test_text_repeated_in_a_long_column_comes_as_it_does_from_a_short_one(dtype, n_texts):
    texts = [None if n % 7 == 0 else f"text {n % n_texts}" for n in range(20_000)]
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=dtype)})

    column = select_column(frame, 0)

    assert column.dtype == object
    pd.testing.assert_series_equal(
        pd.Series(column, dtype=object), pd.Series(frame["text"].to_numpy(), dtype=object)
    )
    assert type(column[0]) is type(frame["text"].to_numpy()[0])


@pytest.mark.parametrize("dtype", ["str", "string", "object"])
def test_categories_of_text_come_as_pandas_gives_them(dtype):
    labels = pd.Index(["b", "a", "never"], dtype=dtype)
    values = pd.Categorical.from_codes([0, 1, -1, 0], labels)
    frame = pd.DataFrame({"text": values})

    column = select_column(frame, 0)

    expected = frame["text"].to_numpy()
    assert column.dtype == expected.dtype == object
    assert column.tolist()[:2] == expected.tolist()[:2] == ["b", "a"]
    assert type(column[2]) is type(expected[2])


def test_numbers_beside_text_in_nested_lists_stay_numbers():
    values = as_values([["a", 1], [np.nan, 2.5]], "X")

    assert values.dtype == object
    assert values[0, 1] == 1
    assert np.isnan(values[1, 0])
    assert as_values([["a", "b"]], "X").dtype.kind == "U"
