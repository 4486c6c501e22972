"""Every store beside raw SQLite, pandas, Parquet and one pickle a row.

    python benchmarks/storage.py [--quick] [URL of another database ...]

50,000 rows of 384 float32 are written and read back whole, then looked up by 1 and by 1,000
keys. Times of writing and reading are ratios to raw SQLite with one blob a row, which has no
dtypes, shapes, versions or fingerprints; look-ups are in milliseconds. Best of several in one
run, taken in turns. pandas takes 384 SQL columns; it is measured on a tenth of the rows.
"""

from __future__ import annotations

import pickle
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import ARGUMENTS, QUICK, machine, seconds, table

from skmegatron.io import DataStore, MemoryStore

N_ROWS, N_COLUMNS, ROUNDS = (2_000, 384, 1) if QUICK else (50_000, 384, 5)
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(N_ROWS, N_COLUMNS)).astype(np.float32)
KEYS = [int(key) for key in RNG.permutation(N_ROWS)[:1000]]


class Raw:
    """One blob a row in SQLite, by hand."""

    part = 1.0

    def __init__(self, folder: Path) -> None:
        self.file = folder / "rows.db"

    def dumps(self, row: Any) -> bytes:
        """Write one row."""
        return row.tobytes()

    def loads(self, cells: list[bytes]) -> Any:
        """Read many rows."""
        return np.frombuffer(bytearray().join(cells), np.float32).reshape(-1, N_COLUMNS)

    def write(self) -> None:
        """Write all rows."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("CREATE TABLE rows (ind INTEGER PRIMARY KEY, value BLOB)")
            connection.executemany(
                "INSERT INTO rows VALUES (?, ?)", enumerate(map(self.dumps, VALUES))
            )

    def read(self, keys: list[int] | None = None) -> Any:
        """Read the rows of some keys, or all of them."""
        where = "" if keys is None else f" WHERE ind IN ({','.join(map(str, keys))})"
        with closing(sqlite3.connect(self.file)) as connection:
            cells = connection.execute(f"SELECT value FROM rows{where}").fetchall()
        return self.loads([cell for (cell,) in cells])


class Pickled(Raw):
    """One pickle a row in SQLite, as in 2019."""

    def dumps(self, row: Any) -> bytes:
        """Write one row."""
        return pickle.dumps(row)

    def loads(self, cells: list[bytes]) -> Any:
        """Read many rows."""
        return np.stack([pickle.loads(cell) for cell in cells])


class Pandas:
    """`to_sql` and `read_sql`, a tenth of the rows."""

    part = 0.1

    def __init__(self, folder: Path) -> None:
        self.file = folder / "rows.db"
        rows = VALUES[: int(N_ROWS * self.part)]
        self.frame = pd.DataFrame(rows, columns=[f"c{i}" for i in range(N_COLUMNS)])

    def write(self) -> None:
        """Write all rows."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            self.frame.to_sql("rows", connection, index_label="ind")

    def read(self, keys: list[int] | None = None) -> Any:
        """Read the rows of some keys, or all of them."""
        where = "" if keys is None else f" WHERE ind IN ({','.join(map(str, keys))})"
        with closing(sqlite3.connect(self.file)) as connection:
            frame = pd.read_sql(f"SELECT * FROM rows{where}", connection, index_col="ind")
        return frame.to_numpy(np.float32)


class Parquet:
    """One Parquet file."""

    part = 1.0

    def __init__(self, folder: Path) -> None:
        self.file = folder / "rows.parquet"
        self.frame = pd.DataFrame(VALUES, columns=[f"c{i}" for i in range(N_COLUMNS)])

    def write(self) -> None:
        """Write all rows."""
        self.frame.to_parquet(self.file)

    def read(self, keys: list[int] | None = None) -> Any:
        """Read the rows of some keys, or all of them."""
        frame = pd.read_parquet(self.file)
        return (frame if keys is None else frame.loc[keys]).to_numpy()


class Ours:
    """A `DataStore` over one backend."""

    part = 1.0

    def __init__(self, db_conn: Any) -> None:
        self.store = DataStore("benchmark", "1", db_conn, overwrite=True)

    def write(self) -> None:
        """Write all rows."""
        self.store.write({"value": VALUES})

    def read(self, keys: list[int] | None = None) -> Any:
        """Read the rows of some keys, or all of them."""
        return self.store.read(rows=keys)["value"]


def measure(make: Callable[[Path], Any], check: bool) -> dict[str, float]:
    folder = Path(tempfile.mkdtemp())
    try:
        way = make(folder)
        times = {
            "write": seconds(way.write) / way.part,
            "read": seconds(lambda: way.read().sum()) / way.part,
        }
        keys = [key for key in KEYS if key < N_ROWS * way.part]
        times["one"] = min(seconds(lambda key=key: way.read([key])) for key in keys[:5])
        times["many"] = min(seconds(lambda: way.read(keys)) for _ in range(2))
        if check:
            assert np.array_equal(way.read(), VALUES)
            assert np.array_equal(way.read(keys), VALUES[keys])
        if isinstance(way, Ours):
            way.store.delete()
        return times
    finally:
        shutil.rmtree(folder)


def main(urls: list[str]) -> None:
    ways: dict[str, Callable[[Path], Any]] = {
        "raw SQLite, one blob a row": Raw,
        "one pickle a row, as in 2019": Pickled,
        "pandas `to_sql`, `read_sql`": Pandas,
        "Parquet": Parquet,
        "SQLite": lambda folder: Ours(f"sqlite:///{folder}/rows.db"),
        "folder": lambda folder: Ours(folder / "rows"),
        "memory": lambda folder: Ours(MemoryStore()),
        "DuckDB": lambda folder: Ours(f"duckdb:///{folder}/rows.duckdb"),
    }
    for url in urls:
        ways[url.partition(":")[0]] = lambda folder, url=url: Ours(url)
    best: dict[str, dict[str, float]] = {}
    for turn in range(ROUNDS):
        for name, make in ways.items():
            ours = make not in (Raw, Pickled, Pandas, Parquet)
            times = measure(make, check=ours and turn == 0)
            best[name] = {
                what: min(taken, best.get(name, times)[what]) for what, taken in times.items()
            }
    raw = best["raw SQLite, one blob a row"]
    lines = []
    for name, times in best.items():
        ratios = [times[what] / raw[what] for what in ("write", "read")]
        lookups = [f"{times[what] * 1000:.1f}" for what in ("one", "many")]
        lines.append([name, *ratios, *lookups])
    print(table(["store", "write", "read all", "one key, ms", "1,000 keys, ms"], lines))
    print(f"Raw SQLite wrote in {raw['write']:.2f} s and read in {raw['read']:.2f} s.\n")
    print(machine("pyarrow", "duckdb", "sqlalchemy", "psycopg", "pymysql"))


if __name__ == "__main__":
    main(ARGUMENTS)
