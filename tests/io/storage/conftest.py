"""A place for every kind of store; real servers where there is one."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import duckdb
import psycopg
import pymysql
import pytest
import sqlalchemy

from skmegatron.io import AlchemyStore, MemoryStore, open_store

URLS = [url for url in os.environ.get("SKMEGATRON_TEST_DB_URLS", "").split(",") if url]

#: Where a server is needed that this machine may lack, it is left out, not skipped.
SERVERS = ["mariadb", "mariadb connection"] if shutil.which("mariadbd") else []

KINDS = [
    "memory",
    "folder",
    "sqlite",
    "sqlite memory",
    "sqlite connection",
    "sqlite engine",
    "SQLAlchemy on sqlite",
    "postgres",
    "postgres connection",
    "duckdb",
    "duckdb memory",
    "duckdb connection",
    *SERVERS,
    *URLS,
]


@pytest.fixture(scope="session")
def mariadb_url():
    """A real MariaDB on a socket, as a SQLAlchemy URL."""
    # The path of a socket may have 100 characters, so not in pytest's folder.
    with tempfile.TemporaryDirectory(prefix="skm") as folder:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={folder}/data",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip
        server = subprocess.Popen(
            ["mariadbd", "--no-defaults", "--user=root", f"--datadir={folder}/data",
             f"--socket={folder}/s", f"--pid-file={folder}/pid", "--skip-networking"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _create_database(f"{folder}/s")
            yield f"mysql+pymysql://root@localhost/skm?unix_socket={folder}/s"
        finally:
            server.terminate()
            server.wait()


def _create_database(socket):
    for _ in range(600):
        if Path(socket).exists():
            break
        time.sleep(0.1)
    connection = pymysql.connect(unix_socket=socket, user="root")
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE skm")


@pytest.fixture
def places(tmp_path, request):
    """Give what `open_store` takes for each kind of store, and close it afterwards."""
    with ExitStack() as stack:
        yield Places(Path(tmp_path), request, stack)


class Places:
    def __init__(self, folder, request, stack):
        self.folder, self.request, self.stack = folder, request, stack

    def __call__(self, kind):
        folder = self.folder
        makers = {
            "memory": MemoryStore,
            "folder": lambda: folder / "rows",
            "sqlite": lambda: f"sqlite:///{folder}/rows.db",
            "sqlite memory": lambda: open_store("sqlite://"),
            "sqlite connection": lambda: self._open(closing(sqlite3.connect(folder / "rows.db"))),
            "sqlite engine": self._engine,
            "SQLAlchemy on sqlite": lambda: AlchemyStore(self._engine()),
            "duckdb": lambda: f"duckdb:///{folder}/rows.duckdb",
            "duckdb memory": lambda: open_store("duckdb://"),
            "duckdb connection": lambda: self._open(duckdb.connect(folder / "rows.duckdb")),
            "mariadb": lambda: self.request.getfixturevalue("mariadb_url"),
            "mariadb connection": lambda: self._open(closing(self._pymysql())),
            "postgres": self._postgres,
            "postgres connection": lambda: self._open(psycopg.connect(self._postgres())),
        }
        return makers[kind]() if kind in makers else kind

    def _open(self, connection):
        return self.stack.enter_context(connection)

    def _engine(self):
        engine = sqlalchemy.create_engine(f"sqlite:///{self.folder}/rows.db")
        self.stack.callback(engine.dispose)
        return engine

    def _pymysql(self):
        url = sqlalchemy.make_url(self.request.getfixturevalue("mariadb_url"))
        return pymysql.connect(
            unix_socket=url.query["unix_socket"], user=url.username, database=url.database
        )

    def _postgres(self):
        return self.request.getfixturevalue("postgres_url").replace("+psycopg", "")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def place(places, kind):
    return places(kind)
