import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import psycopg
import pytest
import sqlalchemy

from skmegatron.io import DataStore

LEVELS = [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE]


@pytest.fixture
def opened(postgres_url):
    with ExitStack() as stack:
        url = postgres_url.replace("+psycopg", "")
        yield lambda: stack.enter_context(psycopg.connect(url))


def written_together(places):
    barrier = threading.Barrier(len(places))

    def work(me):
        store = DataStore("levels", "1", places[me])
        barrier.wait()
        for number in range(5):
            store.write({"a": np.arange(3)}, [f"{me}-{number}-{row}" for row in range(3)])

    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(work, range(len(places))))


@pytest.mark.parametrize("level", LEVELS)
def test_writers_at_any_isolation_level_lose_nothing(opened, level):
    connections = [opened() for _ in range(3)]
    for connection in connections:
        connection.isolation_level = level

    written_together(connections)

    store = DataStore("levels", "1", opened())
    assert len(store.index()) == 3 * 5 * 3
    assert connections[0].isolation_level == level
    store.delete()


def test_an_engine_with_another_isolation_level_loses_nothing(postgres_url):
    engine = sqlalchemy.create_engine(postgres_url, isolation_level="REPEATABLE READ")

    written_together([engine] * 3)

    store = DataStore("levels", "1", engine)
    assert len(store.index()) == 3 * 5 * 3
    store.delete()
    engine.dispose()


def test_the_books_refuse_what_an_old_snapshot_would_enter_twice(opened):
    old, new = opened(), opened()
    old.isolation_level = LEVELS[0]
    DataStore("books", "0", new).write({"a": np.arange(3)})
    old.execute("SELECT 1")  # from here on it sees no other's rows
    DataStore("books", "1", new).write({"a": np.arange(3)})

    with pytest.raises(psycopg.Error):
        DataStore("books", "1", old).write({"a": np.arange(3)}, [7, 8, 9])

    old.rollback()
    assert DataStore("books", "1", new).index().tolist() == [0, 1, 2]
    for version in "01":
        DataStore("books", version, new).delete()
