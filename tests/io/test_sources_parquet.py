"""Parquet files and folders of them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from skmegatron.errors import ReadError
from skmegatron.io import ParquetData, ParquetGenerator


@pytest.fixture
def folder(tmp_path):
    for number, rows in enumerate((3, 0, 4)):
        table = pa.table({"n": range(9), "file": [number] * 9, "x": [0.5] * 9})[:rows]
        pq.write_table(table, tmp_path / f"part-{number}.parquet", row_group_size=2)
    return tmp_path


def write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_batches_run_across_row_groups_and_files_in_the_order_of_names(folder):
    batches = ParquetGenerator(folder, batch_size=2, exclude_cols=["x"])

    assert [batch["file"].tolist() for batch in batches] == [[0, 0], [0, 2], [2, 2], [2]]
    assert len(batches) == 4
    assert ParquetData(folder)["n"].tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert ParquetData(folder, nrows=4)["n"].tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"n": [1], "file": [1]}, r"zz\.parquet has no column 'x'"),
        ({"n": [0.5], "file": [1], "x": [0.5]}, r"zz\.parquet has 'n' as double.*as int64"),
    ],
)
def test_file_with_other_columns_is_told_before_reading(folder, columns, words):
    write(folder / "zz.parquet", columns)

    with pytest.raises(ReadError, match=words):
        ParquetGenerator(folder)


def test_columns_may_stand_in_another_order_and_more_may_be_there(folder):
    write(folder / "zz.parquet", {"more": ["a"], "x": [1.5], "file": [9], "n": [9]})

    assert ParquetData(folder)["x"][-1] == 1.5


def test_file_that_changes_between_passes_is_told(tmp_path):
    batches = ParquetGenerator(write(tmp_path / "rows.parquet", {"n": [1, 2]}))
    list(batches)
    write(tmp_path / "rows.parquet", {"m": [1, 2]})

    with pytest.raises(ReadError, match=r"rows\.parquet has no column 'n'"):
        list(batches)


def test_things_that_are_no_parquet_are_told(tmp_path):
    (tmp_path / "rows.parquet").write_text("a,b\n1,2\n")
    (tmp_path / "empty").mkdir()

    with pytest.raises(ReadError, match=r"rows\.parquet is no Parquet file"):
        ParquetGenerator(tmp_path / "rows.parquet")
    with pytest.raises(ReadError, match=r"empty holds no \*\.parquet file"):
        ParquetGenerator(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"nothing\.parquet"):
        ParquetGenerator(tmp_path / "nothing.parquet")


def test_damaged_file_is_told(tmp_path):
    path = write(tmp_path / "rows.parquet", {"n": np.arange(10_000)}, compression="zstd")
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)

    with pytest.raises(ReadError, match=r"rows\.parquet is damaged"):
        list(ParquetGenerator(path))


def test_integers_with_a_gap_anywhere_are_floats_everywhere(tmp_path):
    path = write(tmp_path / "rows.parquet", {"n": [1, 2, 3, None], "b": [True] * 3 + [None]})

    for batch in ParquetGenerator(path, batch_size=2):
        assert (batch["n"].dtype, batch["b"].dtype) == (np.float64, object)


def test_gap_that_the_footer_does_not_tell_is_told_by_row(tmp_path):
    columns = {"n": [1] * 9000 + [None]}
    path = write(tmp_path / "rows.parquet", columns, write_statistics=False)
    seen = []

    with pytest.raises(ReadError, match=r"missing value in column 'n', row 9000.*'float64'"):
        seen.extend(len(batch) for batch in ParquetGenerator(path, batch_size=1000))

    assert sum(seen) == 9000
    assert np.isnan(ParquetData(path)["n"][-1])


def test_lists_come_stacked_whatever_their_depth(tmp_path):
    images = [[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[0, 0], [0, 9]]]
    fixed = pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2))
    path = write(tmp_path / "rows.parquet", {"image": images, "fixed": fixed})

    data = ParquetData(path)

    assert_array_equal(data["image"], images)
    assert (data["fixed"].shape, data["fixed"].dtype) == ((3, 2), np.float32)
    assert [b["image"].shape for b in ParquetGenerator(path, 2)] == [(2, 2, 2), (1, 2, 2)]


@pytest.mark.parametrize(("odd", "shown"), [([1], "1 values"), (None, "a missing value")])
def test_lists_of_several_lengths_are_told_by_column_and_row(tmp_path, odd, shown):
    path = write(tmp_path / "rows.parquet", {"spot": [[1, 2], [3, 4], odd]})
    words = rf"column 'spot'.*row 0 has 2 values, row 2 has {shown}.*exclude_cols=\['spot'\]"

    with pytest.raises(ReadError, match=words):
        ParquetData(path)


def test_lists_of_another_length_in_later_batches_are_told(tmp_path):
    path = write(tmp_path / "rows.parquet", {"spot": [[1, 2]] * 4 + [[1]] * 4})

    with pytest.raises(ReadError, match="column 'spot'"):
        list(ParquetGenerator(path, batch_size=4))


def test_every_arrow_type_becomes_an_array(tmp_path):
    frame = pd.DataFrame({"when": pd.to_datetime(["2024-01-02", None]), "n": [1, 2]})
    columns = {
        "word": pa.array(["a", "b"]).dictionary_encode(),
        "code": pa.array([5, None]).dictionary_encode(),
        "when": pa.array(frame["when"]),
        "day": pa.array([0, 1], pa.date32()),
        "time": pa.array([1, 2], pa.time64("us")),
        "price": pa.array([1, None], pa.decimal128(5, 2)),
        "raw": pa.array([b"a", None]),
        "both": pa.array([{"a": 1}, {"a": 2}]),
        "nothing": pa.nulls(2),
        "small": pa.array([1, 2], pa.uint8()),
    }
    data = ParquetData(write(tmp_path / "rows.parquet", columns))

    assert data["word"].tolist() == ["a", "b"]
    assert_array_equal(data["code"], [5, np.nan])
    assert data["when"].dtype.kind == "M"
    assert data["day"].dtype == "datetime64[D]"
    assert data["time"].dtype == object
    assert_array_equal(data["price"], [1, np.nan])
    assert data["raw"].tolist() == [b"a", None]
    assert data["both"].tolist() == [{"a": 1}, {"a": 2}]
    assert np.isnan(data["nothing"]).all()
    assert data["small"].dtype == np.uint8
