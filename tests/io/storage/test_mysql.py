"""Connections to MariaDB that the user opened; left out where there is no server."""

import shutil

import numpy as np
import pymysql
import pytest

from skmegatron.errors import SchemaError
from skmegatron.io import DataStore

SERVERS = ["mariadb connection"] if shutil.which("mariadbd") else []


def rows_of(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM theirs")
        return cursor.fetchall()


@pytest.fixture(params=SERVERS)
def connection(places, request):
    connection = places(request.param)
    with connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE theirs (number INT)")
        cursor.execute("INSERT INTO theirs VALUES (1)")
    yield connection
    DataStore("guest", "1", connection).delete()


def test_a_read_leaves_the_user_s_transaction_open(connection):
    store = DataStore("guest", "1", connection)

    assert store.versions() == []
    assert rows_of(connection) == ((1,),)
    connection.rollback()

    assert rows_of(connection) == ()


def test_a_write_commits_what_is_open_even_if_it_fails(connection):
    store = DataStore("guest", "1", connection)
    store.write({"a": np.arange(2)})
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO theirs VALUES (2)")

    with pytest.raises(SchemaError):
        store.write({"b": np.arange(2)})
    connection.rollback()

    assert rows_of(connection) == ((1,), (2,))
    assert store.read()["a"].tolist() == [0, 1]


def test_the_user_s_cursor_class_is_left_alone(connection):
    connection.cursorclass = pymysql.cursors.DictCursor
    store = DataStore("guest", "1", connection)

    store.write({"a": np.arange(2)})

    assert store.read()["a"].tolist() == [0, 1]
    assert rows_of(connection) == [{"number": 1}]


def test_a_connection_that_commits_by_itself_writes_in_one_transaction(connection):
    connection.commit()
    connection.autocommit(True)
    store = DataStore("guest", "1", connection)
    store.write({"a": np.arange(2)}, fingerprint="first")
    with connection.cursor() as cursor:
        cursor.execute("SELECT place FROM skmegatron_tables ORDER BY id DESC LIMIT 1")
        ((place,),) = cursor.fetchall()
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON `{place}` FOR EACH ROW "
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused'"
        )

    with pytest.raises(Exception, match="refused"):
        store.write({"a": np.arange(2)}, fingerprint="second")

    assert connection.get_autocommit()
    assert [held.fingerprint for held in store.describe()] == ["first"]
