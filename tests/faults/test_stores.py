"""Stores, interrupted at each of their lines: a change is whole or not there."""

import sqlite3

import numpy as np
import pytest
from faulty import Interrupted
from numpy.testing import assert_array_equal

from skmegatron.errors import MissingRowError
from skmegatron.io import DataStore, MemoryStore

OLD = {"a": np.arange(3.0), "word": np.array(["x", "y", "z"])}, ["0", "1", "2"]
NEW = {"a": np.arange(10.0, 14), "word": np.array(["p", "q", "r", "s"])}, ["2", "3", "4", "5"]

PLACES = {
    "memory": lambda folder: MemoryStore(),
    "folder": lambda folder: folder / "rows",
    "sqlite": lambda folder: f"sqlite:///{folder / 'rows.db'}",
    "connection": lambda folder: sqlite3.connect(folder / "rows.db", isolation_level=None),
    "duckdb": lambda folder: f"duckdb:///{folder / 'rows.duckdb'}",
}
ACTS = {
    "write": lambda rows: rows.write(*NEW),
    "replace": lambda rows: replacing(rows).write(*NEW),
    "read": lambda rows: rows.read(rows=["1", "0"]),
    "delete": lambda rows: rows.delete(["1", "0"]),
}


#: DuckDB is slow, so of what it goes through the lines of its own store.
WITHIN = {"duckdb": "storage/duck.py"}


def bound(place):
    return DataStore("x", "1", place, fingerprint="made")


def replacing(rows):
    rows.replaces = True
    return rows


def held(rows):
    try:
        found = rows.read()
    except MissingRowError:
        return []
    return [rows.index().tolist(), found["a"].tolist(), found["word"].tolist()]


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("kind", PLACES)
def test_a_change_interrupted_at_any_line_is_whole_or_not_there(kind, act, tmp_path):
    place = PLACES[kind](tmp_path)
    rows = bound(place)
    rows.write(*OLD)
    before = held(rows)
    within = WITHIN.get(kind, "storage/")
    with Interrupted(within=within) as counted:
        act(rows)
    after = held(rows)

    for at in range(counted.n_lines):
        replacing(rows).write(*OLD)
        try:
            with Interrupted(at, MemoryError if at % 2 else KeyboardInterrupt, within):
                act(rows)
        except (KeyboardInterrupt, MemoryError):
            assert held(rows) in (before, after), at
        if kind == "connection":
            assert not place.in_transaction, at
    if kind == "connection":
        place.close()


def test_what_is_merged_in_memory_is_there_however_that_ends():
    rows = bound(MemoryStore())
    expected = [float(number) for number in range(150)]
    for number in range(150):  # more parts than are kept apart
        row = {"a": np.array([float(number)])}, [number]
        with Interrupted() as counted:
            bound(MemoryStore()).write(*row)
        for at in range(counted.n_lines, counted.n_lines + 3000, 50) if number > 62 else ():
            try:
                with Interrupted(at):
                    rows.write(*row)
            except KeyboardInterrupt:
                held_now = rows.read()["a"].tolist()
                assert held_now in (expected[:number], expected[: number + 1])
            else:
                break
        rows.write(*row)

    assert_array_equal(rows.read()["a"], expected)
