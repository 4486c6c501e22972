import os
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest

from skmegatron.errors import MissingRowError, SchemaError
from skmegatron.io import DataStore, SqliteStore


@pytest.fixture
def connection():
    with closing(sqlite3.connect(":memory:")) as connection:
        yield connection


def test_scalars_and_strings_have_typed_columns_and_arrays_raw_bytes(connection):
    block = np.arange(6, dtype=np.float32).reshape(2, 3)
    DataStore("my digits", "1.0", connection).write(
        {
            "Age": np.array([31, 45]),
            "height": np.array([1.5, np.nan]),
            "name": np.array(["ann", "bob"]),
            "block": block,
        },
        ["a", 7],
    )

    ((table,),) = connection.execute("SELECT place FROM skmegatron_tables")
    rows = connection.execute(f"SELECT ind, age, height, name, block FROM {table}").fetchall()
    types = {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info({table})")}

    assert table.startswith("skm_my_digits_1_0_")
    assert rows[0] == ('"a"', 31, 1.5, "ann", block[0].tobytes())
    assert rows[1][:4] == ("7", 45, None, "bob")
    assert types["age"] == "INTEGER"
    assert "REAL" in types["height"]
    assert (types["name"], types["block"]) == ("TEXT", "BLOB")


@pytest.mark.parametrize("level", ["", "IMMEDIATE", None])
def test_a_write_is_a_transaction_of_its_own(connection, level):
    connection.isolation_level = level

    DataStore("x", "1", connection).write({"a": np.zeros(1)})

    assert not connection.in_transaction
    connection.rollback()
    assert DataStore("x", "1", connection).read().shape == (1,)


@pytest.mark.parametrize("level", ["", None])
def test_in_an_open_transaction_it_is_the_user_who_commits(connection, level):
    connection.isolation_level = level
    connection.execute("CREATE TABLE theirs (number)")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO theirs VALUES (1)")
    store = DataStore("x", "1", connection)
    store.write({"a": np.zeros(1)})
    with pytest.raises(SchemaError):
        store.write({"b": np.zeros(1)})
    assert connection.in_transaction
    assert connection.execute("SELECT * FROM theirs").fetchall() == [(1,)]

    connection.execute("ROLLBACK")

    assert connection.execute("SELECT * FROM theirs").fetchall() == []
    with pytest.raises(MissingRowError, match="holds nothing"):
        store.read()


def test_the_user_s_factories_are_left_alone(connection):
    connection.row_factory = sqlite3.Row
    connection.text_factory = bytes
    store = DataStore("x", "1", connection)

    store.write({"a": np.array(["text"])}, ["key"])

    assert store.read(rows=["key"])["a"].tolist() == ["text"]
    assert connection.text_factory is bytes
    assert isinstance(connection.execute("SELECT 'x' AS x").fetchone(), sqlite3.Row)


def test_reading_a_file_that_is_not_there_makes_none(tmp_path):
    store = DataStore("x", "1", f"sqlite:///{tmp_path}/rows.db")

    assert store.versions() == []
    assert list(tmp_path.iterdir()) == []


def test_opening_a_file_waits_for_who_is_writing_to_it(tmp_path):
    path = tmp_path / "rows.db"
    # Whoever asks for the write-ahead log meanwhile is refused at once, and not made to wait.
    with closing(sqlite3.connect(path, check_same_thread=False, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE theirs (number)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO theirs VALUES (1)")
        done = threading.Timer(0.3, writer.execute, ["COMMIT"])
        done.start()
        SqliteStore(path).open()
        done.join()
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_a_relative_path_is_that_of_the_time_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = DataStore("x", "1", "sqlite:///rows.db")
    monkeypatch.chdir(tmp_path.parent)

    store.write({"a": np.zeros(1)})

    assert os.listdir(tmp_path) == ["rows.db"]


def test_an_error_of_the_database_says_what_was_being_done(tmp_path):
    store = DataStore("x", "1", f"sqlite:///{tmp_path}/nowhere/rows.db")

    with pytest.raises(sqlite3.OperationalError) as caught:
        store.write({"a": np.zeros(2)})

    assert "while writing 2 rows of 'x' version '1' to " in caught.value.__notes__[0]


def test_columns_with_the_same_slug_are_kept_apart(connection):
    outputs = {"a b": 1, "a-b": 2, "A B": 3, "a_b_2": 4, "é": 5, "": 6, "seq": 7}
    store = DataStore("x", "1", SqliteStore(connection))

    store.write({name: np.array([value]) for name, value in outputs.items()})

    assert {name: int(column[0]) for name, column in store.read().items()} == outputs
