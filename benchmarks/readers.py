"""Every generator beside what reads the same rows without it, in batches of several sizes.

    python benchmarks/readers.py [--quick] [rows]

prints the ratio of times, best of several in one run: below 1 means that the generator is
faster. What it is measured beside gives typed columns, too: pandas' chunks with a `to_numpy`
for each column, `pandas.read_sql` the same way, `fetchmany` of sqlite3 with `np.array` of
each column, and the record batches of pyarrow with a `to_numpy` for each column.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from measure import ARGUMENTS, QUICK, best, machine, table

from skmegatron.io import CSVGenerator, PandasGenerator, ParquetGenerator, SQLGenerator

SIZES = (32, 1024, 8192, 65536)
QUERY = "SELECT * FROM rows"


def frame_of(n_rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{n}": rng.normal(size=n_rows) for n in range(6)}
    columns |= {f"n{n}": rng.integers(0, 1000, n_rows) for n in range(4)}
    columns |= {f"s{n}": rng.choice(["rome", "oslo", "kyiv"], n_rows) for n in range(2)}
    return pd.DataFrame(columns)


def arrays(chunks: Iterable[pd.DataFrame]) -> None:
    for chunk in chunks:
        {name: chunk[name].to_numpy() for name in chunk}


def exhausted(batches: Iterable[Any]) -> None:
    for _ in batches:
        pass


def csv_pandas(path: Path, size: int) -> None:
    with pd.read_csv(path, chunksize=size) as chunks:
        arrays(chunks)


def sql_pandas(connection: sqlite3.Connection, size: int) -> None:
    arrays(pd.read_sql(QUERY, connection, chunksize=size))


def sql_raw(connection: sqlite3.Connection, size: int) -> None:
    with closing(connection.execute(QUERY)) as cursor:
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(size):
            {
                name: np.array(values, dtype=object if isinstance(values[0], str) else None)
                for name, values in zip(names, zip(*rows, strict=True), strict=True)
            }


def parquet_pyarrow(path: Path, size: int) -> None:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=size):
            for name in batch.schema.names:
                batch.column(name).to_numpy(zero_copy_only=False)


def frame_sliced(frame: pd.DataFrame, size: int) -> None:
    arrays(frame.iloc[start : start + size] for start in range(0, len(frame), size))


def compared(label: str, ours: Any, theirs: Any) -> list[Any]:
    """Give the ratio of times for every size of a batch."""
    ratios = []
    for size in SIZES:
        times = best({"ours": partial(run, ours, size), "theirs": partial(theirs, size)})
        ratios.append(times["ours"] / times["theirs"])
    return [label, *ratios]


def run(generator: Any, size: int) -> None:
    exhausted(generator(size))


def main() -> None:
    n_rows = int(ARGUMENTS[0]) if ARGUMENTS else 1_000 if QUICK else 200_000
    frame = frame_of(n_rows)
    with tempfile.TemporaryDirectory() as name, closing(sqlite3.connect(":memory:")) as connection:
        csv, parquet = Path(name) / "rows.csv", Path(name) / "rows.parquet"
        frame.to_csv(csv, index=False)
        frame.to_parquet(parquet, index=False)
        frame.to_sql("rows", connection, index=False)
        lines = [
            compared(
                "`CSVGenerator` / pandas chunks, `to_numpy` for each column",
                lambda n: CSVGenerator(csv, n),
                lambda n: csv_pandas(csv, n),
            ),
            compared(
                "`SQLGenerator` / sqlite `fetchmany`, `np.array` for each column",
                lambda n: SQLGenerator(connection, QUERY, n),
                lambda n: sql_raw(connection, n),
            ),
            compared(
                "`SQLGenerator` / `pandas.read_sql(chunksize)`",
                lambda n: SQLGenerator(connection, QUERY, n),
                lambda n: sql_pandas(connection, n),
            ),
            compared(
                "`ParquetGenerator` / pyarrow batches, `to_numpy` for each column",
                lambda n: ParquetGenerator(parquet, n),
                lambda n: parquet_pyarrow(parquet, n),
            ),
            compared(
                "`PandasGenerator` / slices of the frame, `to_numpy` for each column",
                lambda n: PandasGenerator(frame, n),
                lambda n: frame_sliced(frame, n),
            ),
        ]
    sizes = [f"{size:,}" for size in SIZES]
    print(table(["generator / what it is measured beside", *sizes], lines))
    print(machine("pyarrow"))


if __name__ == "__main__":
    main()
