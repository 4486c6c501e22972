"""Killed writers, writers at the same time, and full disks, in processes of their own."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import numpy as np
import psycopg
import pytest

from skmegatron.io import DataStore, FolderStore

N_ROWS = 2000
SERVERS = ["mariadb"] if shutil.which("mariadbd") else []

#: Kills a writer ten times, at moments of its own choosing, and looks what it left. Everything
#: is done in forked processes, which have their imports done.
KILLER = """
import itertools, os, random, signal, sys, time, traceback
import numpy as np
from skmegatron.io import DataStore
place, overwrite = sys.argv[1], sys.argv[2] == "overwrite"
told, tell = os.pipe()
def write(start):
    store = DataStore("x", "1", place)
    for number in itertools.count(start):
        if overwrite:
            store = DataStore("x", "1", place, overwrite=True)
        store.write({"a": np.full(N, number), "b": np.full((N, 50), float(number))})
        os.write(tell, number.to_bytes(4, "big"))
def check(done):
    data = DataStore("x", "1", place).read()
    assert data.shape == (N,), data
    last = int(data["a"][0])
    assert last in (done, done + 1), (last, done)
    assert (data["a"] == last).all() and (data["b"] == last).all(), "a mixture"
def forked(work, *arguments):
    child = os.fork()
    if not child:
        code = 1
        try:
            work(*arguments)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child
done = -1
random.seed(0)
for _ in range(10):
    writer = forked(write, done + 1)
    done = int.from_bytes(os.read(told, 4), "big")
    time.sleep(random.uniform(0, 0.06))
    os.kill(writer, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(writer, 0)[1]), "the writer died by itself"
    os.set_blocking(told, False)
    try:
        while more := os.read(told, 4):
            done = int.from_bytes(more, "big")
    except BlockingIOError:
        pass
    os.set_blocking(told, True)
    assert os.waitpid(forked(check, done), 0)[1] == 0
""".replace("N,", f"{N_ROWS},")

#: Writes rows of its own, one batch after the other.
BATCHES = """
import sys
import numpy as np
from skmegatron.io import DataStore
store = DataStore("x", "1", sys.argv[1])
me = sys.argv[2]
for number in range(12):
    keys = [f"{me}-{number}-{row}" for row in range(20)]
    store.write({"a": np.full(20, number), "b": np.full((20, 3), float(number))}, keys)
    store.write({"a": np.array([number]), "b": np.zeros((1, 3))}, ["both"])
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def own_place(places, kind):
    place = places(kind)
    return str(place)


@pytest.mark.parametrize("how", ["upsert", "overwrite"])
@pytest.mark.parametrize("kind", ["sqlite", "folder", "duckdb"])
def test_a_killed_writer_leaves_the_old_rows_or_the_new_ones(places, kind, how):
    place = own_place(places, kind)

    with start(KILLER, place, how) as killer:
        _, wrong = killer.communicate()

    assert (killer.returncode, wrong) == (0, "")
    store = DataStore("x", "1", place)
    store.write({"a": np.array([7]), "b": np.zeros((1, 50))}, ["after"])
    assert store.read(rows=["after"])["a"] == [7]


@pytest.mark.parametrize("kind", ["sqlite", "folder", "duckdb", "postgres", *SERVERS])
def test_two_processes_write_one_table_and_nothing_is_lost(places, kind):
    place = own_place(places, kind)

    with start(BATCHES, place, "ann") as ann, start(BATCHES, place, "bob") as bob:
        told = [ann.communicate()[1], bob.communicate()[1]]

    assert told == ["", ""]
    store = DataStore("x", "1", place)
    keys = store.index().tolist()
    expected = {f"{me}-{n}-{row}" for me in ("ann", "bob") for n in range(12) for row in range(20)}
    assert set(keys) == {*expected, "both"}
    assert len(keys) == len(expected) + 1
    assert store.read(rows=["both"])["a"] == [11]
    store.delete()


@pytest.mark.parametrize(
    "kind", ["memory", "sqlite", "sqlite memory", "folder", "duckdb", "postgres"]
)
def test_threads_write_one_table_and_nothing_is_lost(places, kind):
    store = DataStore("x", "1", places(kind))
    failures = []

    def work(me):
        try:
            for number in range(5):
                store.write(
                    {"a": np.full(4, number)}, [f"{me}-{number}-{row}" for row in range(4)]
                )
                store.read()
        except Exception as error:  # noqa: BLE001  # told below, in the thread of the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(store.index()) == 4 * 5 * 4
    store.delete()


@pytest.mark.parametrize("kind", ["sqlite connection", "postgres connection"])
def test_threads_share_a_connection_and_nothing_is_lost(places, kind):
    with ExitStack() as stack:
        if kind == "sqlite connection":
            place = sqlite3.connect(":memory:", check_same_thread=False)
            stack.enter_context(closing(place))
        else:
            place = places(kind)
        stores = [DataStore("x", "1", place) for _ in range(4)]

        def work(me):
            for number in range(15):
                keys = [f"{me}-{number}-{row}" for row in range(4)]
                stores[me].write({"a": np.full(4, number)}, keys)
                stores[me].read(rows=keys)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))

        assert len(stores[0].index()) == 4 * 15 * 4
        if kind == "postgres connection":
            assert place.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        else:
            assert not place.in_transaction
        stores[0].delete()


#: Fills the disk: no file may grow past the limit. Then the limit is lifted.
FULL = """
import resource, sys
import numpy as np
from skmegatron.io import DataStore
place, limit, overwrite = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "overwrite"
store = DataStore("x", "1", place, overwrite=overwrite)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
try:
    store.write({"a": np.zeros(3000), "b": np.random.default_rng(0).normal(size=(3000, 200))})
except Exception as error:
    print(type(error).__name__, *error.__notes__)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
"""


@pytest.mark.parametrize("how", ["upsert", "overwrite"])
@pytest.mark.parametrize(
    ("kind", "error", "limit"),
    [
        ("sqlite", "OperationalError", 200_000),
        ("folder", "OSError", 200_000),
        ("duckdb", "TransactionException", 1_500_000),
    ],
)
def test_a_full_disk_is_an_error_and_leaves_the_old_rows(places, kind, error, limit, how):
    place = own_place(places, kind)
    store = DataStore("x", "1", place)
    store.write({"a": np.arange(10.0), "b": np.ones((10, 200))})

    with start(FULL, place, limit, how) as writer:
        told, wrong = writer.communicate()

    assert wrong == ""
    assert told.startswith(f"{error}   while writing 3000 rows of 'x' version '1' to ")
    assert store.read()["a"].tolist() == list(range(10))
    store.write({"a": np.zeros(1), "b": np.ones((1, 200))}, ["more"])
    assert len(store.index()) == 11


def test_a_full_database_behind_the_user_s_connection_leaves_the_old_rows():
    with closing(sqlite3.connect(":memory:")) as connection:
        store = DataStore("x", "1", connection)
        store.write({"a": np.arange(10.0)})
        connection.execute("PRAGMA max_page_count = 20")

        with pytest.raises(sqlite3.Error, match="full"):
            store.write({"a": np.zeros(5000)})

        assert store.read()["a"].tolist() == list(range(10))
        assert not connection.in_transaction


def test_what_killed_writers_left_is_ignored_and_cleared(tmp_path):
    store = FolderStore(tmp_path)
    store.write("x", "1", "", ["0"], {"a": np.zeros(1)})
    (table,) = tmp_path.iterdir()
    left = table / "tmp-0123456789abcdef"
    left.mkdir()
    (left / "meta.json").write_text("{")

    assert store.read("x", "1", "")[0] == ["0"]
    store.compact()

    assert not left.exists()


#: Uses one store on both sides of a fork.
FORK = """
import os, sys
import numpy as np
from skmegatron.io import DataStore
store = DataStore("x", "1", sys.argv[1])
store.write({"a": np.arange(3)})
child = os.fork()
if not child:
    store.write({"a": store.read(rows=[1])["a"]}, ["child"])
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(store.read(rows=["child", 2])["a"].tolist())
"""


@pytest.mark.parametrize("kind", ["sqlite", "folder", "duckdb", "postgres", *SERVERS])
def test_a_store_goes_through_a_fork(places, kind):
    place = own_place(places, kind)

    with start(FORK, place) as parent:
        told = parent.communicate()

    assert told == ("[1, 2]\n", "")
    DataStore("x", "1", place).delete()
