"""Batches of every source: passes, lengths, dtypes, and that they equal the whole."""

import os
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skmegatron.errors import MissingColumnError, ReadError
from skmegatron.io import (
    CSVData,
    CSVGenerator,
    PandasData,
    PandasGenerator,
    ParquetData,
    ParquetGenerator,
    SQLData,
    SQLGenerator,
)

FRAME = pd.DataFrame(
    {
        "age": [31, 45, 27, 60, 18],
        "share": [0.5, 0.25, 1.0, 0.0, 2.5],
        "city": ["Rome", "Oslo", "Kyiv", "007", "8"],
        "member": [True, False, True, True, False],
    }
)
SOURCES = ["frame", "csv", "parquet", "sql"]


@pytest.fixture
def opened():
    with closing(sqlite3.connect(":memory:")) as connection:
        yield connection


@pytest.fixture(params=SOURCES)
def make(request, tmp_path, opened):
    """Give a function that makes a generator over a frame, from each kind of source."""
    return maker(request.param, tmp_path, opened)


def maker(kind, folder, connection):
    def from_frame(frame, *args, **kwargs):
        return PandasGenerator(frame, *args, **kwargs)

    def from_csv(frame, *args, **kwargs):
        frame.to_csv(folder / "rows.csv", index=False)
        return CSVGenerator(folder / "rows.csv", *args, **kwargs)

    def from_parquet(frame, *args, **kwargs):
        frame.to_parquet(folder / "rows.parquet", row_group_size=2)
        return ParquetGenerator(folder / "rows.parquet", *args, **kwargs)

    def from_sql(frame, *args, **kwargs):
        frame.to_sql("people", connection, index=False, if_exists="replace")
        return SQLGenerator(connection, "SELECT * FROM people", *args, **kwargs)

    return {"frame": from_frame, "csv": from_csv, "parquet": from_parquet, "sql": from_sql}[kind]


def sizes(batches):
    return [len(batch) for batch in batches]


def joined(batches):
    batches = list(batches)
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


# --- passes ---------------------------------------------------------------------------


def test_batches_have_the_size_asked_for_and_the_last_what_is_left(make):
    assert sizes(make(FRAME, batch_size=2)) == [2, 2, 1]


def test_every_column_has_its_own_dtype_in_every_batch(make):
    for batch in make(FRAME, batch_size=2):
        assert list(batch) == list(FRAME)
        assert batch["age"].dtype == np.int64
        assert batch["share"].dtype == np.float64
        assert batch["city"].dtype == object
        assert batch["member"].dtype.kind in "bi"  # sqlite has no booleans


def test_batches_together_are_the_table(make):
    for name, values in joined(make(FRAME, batch_size=2)).items():
        assert_array_equal(values, FRAME[name].to_numpy())


def test_iterating_again_starts_from_the_top(make):
    batches = make(FRAME, batch_size=2)

    assert sizes(batches) == sizes(batches) == [2, 2, 1]


def test_two_passes_at_once_know_nothing_of_each_other(make):
    batches = make(FRAME, batch_size=2)
    first, second = iter(batches), iter(batches)

    next(first)
    assert next(first)["age"].tolist() == [27, 60]
    assert next(second)["age"].tolist() == [31, 45]
    first.close()
    second.close()


def test_next_ends_and_then_starts_from_the_top(make):
    batches = make(FRAME, batch_size=3)

    assert [len(next(batches)), len(next(batches))] == [3, 2]
    with pytest.raises(StopIteration):
        next(batches)
    with batches:
        assert next(batches)["age"].tolist() == [31, 45, 27]


def test_closing_makes_next_start_from_the_top(make):
    with make(FRAME, batch_size=2) as batches:
        next(batches)
        batches.close()
        batches.close()

        assert next(batches)["age"].tolist() == [31, 45]


def test_iterating_leaves_the_cursor_of_next_alone(make):
    with make(FRAME, batch_size=2) as batches:
        next(batches)

        assert sizes(batches) == [2, 2, 1]
        assert next(batches)["age"].tolist() == [27, 60]


def test_excluded_columns_are_left_out(make):
    batches = make(FRAME, batch_size=2, exclude_cols=["age", "member"])

    assert {tuple(batch) for batch in batches} == {("share", "city")}


def test_asked_dtype_holds_in_every_batch(make):
    frame = FRAME.assign(age=[31, 45, None, None, 18])

    for batch in make(frame, batch_size=2, dtype={"age": "float32", "share": float}):
        assert batch["age"].dtype == np.float32
        assert batch["share"].dtype == np.float64


def test_one_dtype_goes_for_all_columns(make):
    for batch in make(FRAME[["age", "share"]], batch_size=2, dtype="float32"):
        assert {values.dtype for values in batch.values()} == {np.dtype("float32")}


def test_writing_into_a_batch_reaches_neither_the_source_nor_other_batches(make):
    frame = FRAME.copy()
    batches = make(frame, batch_size=2)

    for batch in batches:
        for name in ("age", "share"):
            if batch[name].flags.writeable:
                batch[name][:] = -1
    assert_array_equal(joined(batches)["age"], FRAME["age"])
    assert_array_equal(frame["age"], FRAME["age"])


@pytest.mark.parametrize("kind", ["frame", "parquet"])
def test_length_is_the_number_of_batches(kind, tmp_path, opened):
    make = maker(kind, tmp_path, opened)

    assert [len(make(FRAME, batch_size=n)) for n in (1, 2, 5, 9)] == [5, 3, 1, 1]
    assert len(make(FRAME[:0])) == 0


@pytest.mark.parametrize("kind", ["csv", "sql"])
def test_length_is_not_known_where_the_source_does_not_tell(kind, tmp_path, opened):
    with pytest.raises(TypeError, match="has no len"):
        len(maker(kind, tmp_path, opened)(FRAME))


def test_columns_are_known_before_reading_but_of_a_query(make):
    batches = make(FRAME, exclude_cols=["city"])

    assert batches.columns == (
        None if isinstance(batches, SQLGenerator) else ["age", "share", "member"]
    )
    assert type(batches).__name__ in repr(batches)


def test_source_without_rows_gives_no_batches(make):
    assert list(make(FRAME[:0])) == []


# --- what cannot be -------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, -1])
def test_batch_size_below_one_is_refused(make, size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {size}"):
        make(FRAME, batch_size=size)


@pytest.mark.parametrize("size", [1.5, "32", True, None])
def test_batch_size_that_is_no_integer_is_refused(make, size):
    with pytest.raises(TypeError, match="batch_size takes a whole number of rows, got"):
        make(FRAME, batch_size=size)


def test_unknown_column_is_refused_with_those_there_are(make):
    for parameter in ({"exclude_cols": ["height"]}, {"dtype": {"height": float}}):
        name = next(iter(parameter))
        with pytest.raises(MissingColumnError, match=rf"'height', which {name} names.*'age'"):
            list(make(FRAME, **parameter))


def test_column_that_is_left_out_has_no_dtype(make):
    with pytest.raises(MissingColumnError, match="'age', which dtype names"):
        list(make(FRAME, exclude_cols=["age"], dtype={"age": float}))


def test_leaving_out_everything_is_refused(make):
    with pytest.raises(ReadError, match="no column left"):
        list(make(FRAME, exclude_cols=list(FRAME)))


def test_one_name_instead_of_a_list_is_refused_with_the_list(make):
    with pytest.raises(TypeError, match=r"exclude_cols=\['age'\]"):
        list(make(FRAME, exclude_cols="age"))


def test_dtype_that_numpy_does_not_know_is_refused_by_column(make):
    with pytest.raises(TypeError, match=r"'age': 'whole'.*no dtype of numpy"):
        list(make(FRAME, dtype={"age": "whole"}))


def test_value_that_does_not_fit_the_asked_dtype_is_refused_by_column_and_row(make):
    with pytest.raises(ReadError, match=r"0\.25 in column 'share', row 1.* int64.*as was asked"):
        list(make(FRAME.assign(share=[1.0, 0.25, 0, 0, 0]), dtype={"share": int}))


# --- streamed equals whole ------------------------------------------------------------

# As pandas documents them for read_csv.
WORDS_FOR_NOTHING = {
    *("#n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na"),
    *("null", "nan", "none"),
}
cells = {
    "int": st.integers(-(2**53), 2**53),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "text": st.text(st.characters(codec="ascii", categories=("L", "P")), min_size=1).filter(
        lambda text: text.lower() not in WORDS_FOR_NOTHING
    ),
}


@st.composite
def frames(draw):
    n_rows = draw(st.integers(1, 12))
    columns = {}
    for name, values in cells.items():
        if name in ("float", "text"):
            values = values | st.none()
        column = draw(st.lists(values, min_size=n_rows, max_size=n_rows))
        dtype = {"int": int, "float": float, "bool": bool, "text": object}[name]
        columns[name] = pd.Series(column, dtype=dtype)
    return pd.DataFrame(columns)


@pytest.mark.parametrize("kind", SOURCES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=frames(), size=st.integers(1, 13))
def test_batches_together_equal_everything_read_at_once(kind, frame, size, tmp_path, opened):
    asked = {"float": float, "text": object}
    batches = maker(kind, tmp_path, opened)(frame, batch_size=size, dtype=asked)
    whole = {
        "frame": lambda: PandasData(frame, dtype=asked),
        "csv": lambda: CSVData(tmp_path / "rows.csv", dtype=asked),
        "parquet": lambda: ParquetData(tmp_path / "rows.parquet", dtype=asked),
        "sql": lambda: SQLData(opened, "SELECT * FROM people", dtype=asked),
    }[kind]()

    together = joined(batches)

    assert sizes(batches) == [size] * (len(frame) // size) + [len(frame) % size] * (
        len(frame) % size > 0
    )
    assert list(together) == list(whole) == list(frame)
    for name, values in whole.items():
        assert together[name].dtype == values.dtype
        assert_same(together[name], values)
        assert_same(values, frame[name].to_numpy(dtype=values.dtype))


def assert_same(values, expected):
    missing = pd.isna(expected)
    assert_array_equal(pd.isna(values), missing)
    assert_array_equal(values[~missing], expected[~missing])


# --- frames ---------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_frames_of_every_library_give_the_same_batches(library):
    batches = PandasGenerator(library({"n": [1, 2, 3], "city": ["a", "b", None]}), batch_size=2)

    assert [batch["n"].tolist() for batch in batches] == [[1, 2], [3]]
    assert pd.isna([batch["city"][-1] for batch in batches]).tolist() == [False, True]


def test_polars_integers_with_a_gap_have_one_dtype_in_all_batches():
    batches = PandasGenerator(pl.DataFrame({"n": [1, 2, None, 4]}), batch_size=2)

    assert [batch["n"].dtype for batch in batches] == [np.float64, np.float64]


LONG = 9007199254740993  # no float64 holds it


def parquet(columns, folder):
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    return lambda dtype: ParquetData(folder / "rows.parquet", dtype=dtype)


@pytest.mark.parametrize(
    "make",
    [
        parquet,
        lambda columns, _: lambda dtype: PandasData(pa.table(columns), dtype=dtype),
        lambda columns, _: lambda dtype: PandasData(pl.DataFrame(columns), dtype=dtype),
        lambda columns, _: (
            lambda dtype: PandasData(pd.DataFrame(columns, dtype="Int64"), dtype=dtype)
        ),
    ],
    ids=["parquet", "pyarrow", "polars", "pandas"],
)
@pytest.mark.parametrize(("dtype", "kind"), [("str", str), ("object", int)])
def test_integers_with_gaps_keep_their_digits_as_text_and_objects(make, dtype, kind, tmp_path):
    values = make({"id": [1, LONG, None, 3]}, tmp_path)({"id": dtype})["id"]

    assert values[[0, 1, 3]].tolist() == [kind(1), kind(LONG), kind(3)]
    assert pd.isna(values[2])


def test_columns_of_lists_come_stacked():
    batches = PandasGenerator(pl.DataFrame({"spot": [[1, 2], [3, 4], [5, 6]]}), batch_size=2)

    assert [batch["spot"].shape for batch in batches] == [(2, 2), (1, 2)]


def test_lists_of_several_lengths_are_refused_by_column():
    batches = PandasGenerator(pd.DataFrame({"spot": [[1, 2], [3]]}))

    with pytest.raises(ReadError, match=r"column 'spot'.*exclude_cols=\['spot'\]"):
        next(batches)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_missing_list_is_told_by_column_and_row(library):
    with pytest.raises(ReadError, match=r"column 'c'.*row 1 has None.*exclude_cols=\['c'\]"):
        PandasData(library({"c": [[1, 2], None, [3, 4]]}))


def test_names_that_are_no_strings_become_strings():
    assert PandasGenerator(pd.DataFrame([[1, 2]])).columns == ["0", "1"]


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(ReadError, match="two columns '1', at positions 0 and 1"):
        PandasGenerator(pd.DataFrame([[1, 2]], columns=[1, "1"]))


def test_something_that_is_no_frame_is_refused():
    with pytest.raises(TypeError, match=r"Expected a dataframe.*got dict.*Dataset\(\*\*arrays\)"):
        PandasGenerator({"age": [1]})


# --- files are closed -----------------------------------------------------------------


def open_files(folder):
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    files = [os.readlink(link) for link in links if os.path.exists(link)]
    return [file for file in files if str(folder) in file]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_pass_closes_its_file_at_the_end_and_when_it_is_closed(kind, tmp_path, opened):
    frame = pd.concat([FRAME] * 3000)
    batches = maker(kind, tmp_path, opened)(frame, batch_size=2)
    assert open_files(tmp_path) == []

    one = iter(batches)
    next(one)
    assert len(open_files(tmp_path)) == 1
    one.close()
    assert open_files(tmp_path) == []

    assert sum(sizes(batches)) == len(frame)
    assert open_files(tmp_path) == []

    next(batches)
    batches.close()
    assert open_files(tmp_path) == []


def test_pass_that_fails_closes_its_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("n,m\n" + "1,2\n" * 3000 + "x,2\n")
    batches = CSVGenerator(path, batch_size=10)

    with pytest.raises(ReadError, match="line 3002"):
        list(batches)
    assert open_files(tmp_path) == []


def test_large_batches_of_files_are_read_ahead_and_frames_never(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")

    assert CSVGenerator(path, batch_size=10_000).prefetch
    assert not CSVGenerator(path, batch_size=1000).prefetch
    assert not PandasGenerator(pd.DataFrame({"a": [1]}), batch_size=10_000).prefetch
