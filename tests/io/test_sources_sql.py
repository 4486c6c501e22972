"""Queries on every kind of database: real SQLite, DuckDB and PostgreSQL."""

import datetime
import itertools
import sqlite3
from contextlib import closing
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa
import sqlalchemy.orm
from numpy.testing import assert_array_equal

from skmegatron.errors import MissingColumnError, ReadError
from skmegatron.io import SQLData, SQLGenerator
from skmegatron.io.sources.pinning import PinnedColumns, Rows, natural

ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t"
ROWS = "SELECT * FROM (VALUES (1, 0.5, 'Rome'), (2, 1.5, 'Oslo'), (3, 2.5, NULL)) AS t"


@pytest.fixture
def sqlite():
    with closing(sqlite3.connect(":memory:")) as connection:
        yield connection


@pytest.fixture
def postgres(postgres_url):
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        yield connection


@pytest.fixture(params=["sqlite", "duckdb", "psycopg", "engine", "connection", "url"])
def connection(request, postgres_url, tmp_path):
    if request.param == "sqlite":
        opened = sqlite3.connect(":memory:")
    elif request.param == "duckdb":
        opened = duckdb.connect()
    elif request.param == "psycopg":
        opened = psycopg.connect(postgres_url.replace("+psycopg", ""))
    elif request.param == "url":
        sqlite3.connect(tmp_path / "rows.db").close()
        yield f"sqlite:///{tmp_path}/rows.db"
        return
    else:
        engine = sa.create_engine(postgres_url)
        if request.param == "engine":
            yield engine
        else:
            with engine.connect() as opened:
                yield opened
        engine.dispose()
        return
    with closing(opened):
        yield opened


# --- every kind -----------------------------------------------------------------------


def test_every_connection_gives_typed_batches_again_and_again(connection):
    query = "SELECT 1 AS n, 'Rome' AS city UNION ALL SELECT 2, 'Oslo' UNION ALL SELECT 3, NULL"
    batches = SQLGenerator(connection, query, batch_size=2)

    for _ in range(2):
        first, second = batches
        assert (first["n"].dtype.kind, second["n"].dtype) == ("i", first["n"].dtype)
        assert first["n"].tolist() + second["n"].tolist() == [1, 2, 3]
        assert first["city"].tolist() + second["city"].tolist() == ["Rome", "Oslo", None]
    assert SQLData(connection, query, nrows=2)["n"].tolist() == [1, 2]


def test_every_connection_takes_no_more_than_the_limit(connection):
    query = "SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3"

    for limit, sizes in ((0, []), (1, [1]), (3, [2, 1]), (9, [2, 1])):
        batches = SQLGenerator(connection, query, batch_size=2, limit=limit)
        assert [len(batch) for batch in batches] == sizes


def test_every_connection_gives_columns_where_there_are_no_rows(connection):
    query = "SELECT 1 AS n WHERE 1 = 0"

    assert list(SQLGenerator(connection, query)) == []
    assert SQLData(connection, query)["n"].shape == (0,)


def test_every_connection_refuses_two_columns_of_one_name(connection):
    with pytest.raises(ReadError, match="two columns 'id', at positions 0 and 1"):
        list(SQLGenerator(connection, "SELECT a.id, b.id FROM (SELECT 1 id) a, (SELECT 2 id) b"))


def test_errors_of_the_database_keep_their_type_and_note_the_query(connection):
    kinds = (sqlite3.Error, duckdb.Error, psycopg.Error, sa.exc.DBAPIError)
    batches = SQLGenerator(connection, "SELECT nothing FROM nowhere")  # runs nothing yet

    with pytest.raises(kinds) as caught:
        next(batches)

    assert "reading the query 'SELECT nothing FROM nowhere'" in caught.value.__notes__[-1]


def test_query_means_what_it_says_where_there_are_no_parameters(connection):
    query = "SELECT '100% :n %s ?' AS text"

    assert SQLData(connection, query)["text"].tolist() == ["100% :n %s ?"]


def test_parameters_are_values_and_never_sql(connection):
    nasty = "x'; DROP TABLE people; --"
    marks = {"sqlite3": "?", "_duckdb": "?", "duckdb": "?"}
    mark = marks.get(type(connection).__module__, "%s")
    mark = "?" if isinstance(connection, str) else mark
    query = f"SELECT CAST({mark} AS VARCHAR(99)) AS text"

    assert SQLData(connection, query, params=[nasty])["text"].tolist() == [nasty]


def test_connections_stay_open(connection):
    query = "SELECT 1 AS n"
    one = iter(SQLGenerator(connection, query))
    next(one)
    one.close()

    assert SQLData(connection, query)["n"].tolist() == [1]


# --- sqlite ---------------------------------------------------------------------------


def test_endless_query_is_read_as_far_as_asked(sqlite):
    batches = iter(SQLGenerator(sqlite, ENDLESS, batch_size=3))

    assert [batch["n"].tolist() for batch in itertools.islice(batches, 2)] == [
        [1, 2, 3],
        [4, 5, 6],
    ]
    batches.close()
    assert sum(len(b) for b in SQLGenerator(sqlite, ENDLESS, batch_size=7, limit=100)) == 100


def test_first_batch_fetches_no_row_too_many(sqlite):
    seen = []
    sqlite.create_function("seen", 1, lambda n: seen.append(n) or n)

    with SQLGenerator(
        sqlite, ENDLESS.replace("SELECT n FROM", "SELECT seen(n) AS n FROM"), 5
    ) as g:
        next(g)

    assert len(seen) <= 6


def test_other_types_in_later_rows_are_told_by_column_row_and_advice(sqlite):
    for value, advice in ((None, "float64"), (1.5, "float64"), ("old", "object"), (2**70, None)):
        sqlite.execute("DROP TABLE IF EXISTS t")
        sqlite.execute("CREATE TABLE t (n, age)")
        ages = [*range(5000), str(value) if value == 2**70 else value, 7]
        sqlite.executemany("INSERT INTO t VALUES (0, ?)", [(age,) for age in ages])
        seen = []

        with pytest.raises(ReadError, match=r"in column 'age', row 5000, does not fit int64") as e:
            seen.extend(len(b) for b in SQLGenerator(sqlite, "SELECT * FROM t", batch_size=3))

        assert sum(seen) == 4998
        if advice:
            assert f"dtype={{'age': '{advice}'}}" in str(e.value)
            read = SQLGenerator(sqlite, "SELECT * FROM t", 3, dtype={"age": advice})
            assert sum(len(batch) for batch in read) == 5002


def test_other_type_in_a_column_of_text_says_which_dtypes_read_it(sqlite):
    query = "SELECT 'a' AS c UNION ALL SELECT 'b' UNION ALL SELECT 5"

    with pytest.raises(ReadError, match=r"5 in column 'c', row 2, does not fit text.*'str'") as e:
        list(SQLGenerator(sqlite, query, batch_size=2))

    assert "{'c': 'object'}" in str(e.value)
    for dtype, last in (("str", "5"), ("object", 5)):
        batches = list(SQLGenerator(sqlite, query, batch_size=2, dtype={"c": dtype}))
        assert batches[-1]["c"].tolist() == [last]


def test_huge_integer_in_a_column_of_integers_is_advised_to_be_an_object():
    columns = PinnedColumns("The query", ["n"], ["n"], {})
    columns.columns(Rows([[1, 2]]))

    with pytest.raises(ReadError, match=r"row 3, does not fit int64.*dtype=\{'n': 'object'\}"):
        columns.columns(Rows([[3, 2**70]]), first_row=2)


def test_whole_query_takes_the_dtype_that_fits_all_rows(sqlite):
    data = SQLData(sqlite, "SELECT 1 AS n UNION ALL SELECT NULL UNION ALL SELECT 2.5")

    assert_array_equal(np.sort(data["n"]), [1, 2.5, np.nan])


def test_rows_of_another_factory_are_read(sqlite):
    sqlite.row_factory = sqlite3.Row

    assert SQLData(sqlite, "SELECT 1 AS n, 'a' AS t")["t"].tolist() == ["a"]


def test_query_without_rows_is_refused(sqlite):
    sqlite.execute("CREATE TABLE t (n)")

    with pytest.raises(ReadError, match=r"gives no rows\. Pass a SELECT"):
        list(SQLGenerator(sqlite, "INSERT INTO t VALUES (1)"))


def test_named_parameters_are_taken(sqlite):
    assert SQLData(sqlite, "SELECT :n AS n", params={"n": 5})["n"].tolist() == [5]


@pytest.mark.parametrize(
    "params",
    [[np.int64(3)], (np.int64(3),), np.array([3]), pd.Series([3]), {"n": np.int64(3)}],
    ids=lambda params: type(params).__name__,
)
def test_numbers_of_numpy_are_taken_as_parameters(sqlite, params):
    sqlite.execute("CREATE TABLE t AS SELECT 3 AS n")
    mark = ":n" if isinstance(params, dict) else "?"

    assert SQLData(sqlite, f"SELECT n FROM t WHERE n = {mark}", params=params)["n"].tolist() == [3]


# --- postgres -------------------------------------------------------------------------

HUGE = "SELECT i, i * 0.5::float8 AS half FROM generate_series(1, 100000000) AS t(i)"


def test_query_larger_than_memory_streams_from_the_server(postgres):
    with SQLGenerator(postgres, HUGE, batch_size=4) as batches:
        assert next(batches)["half"].tolist() == [0.5, 1.0, 1.5, 2.0]
        cursors = postgres.execute("SELECT name FROM pg_cursors").fetchall()
        assert any("skmegatron" in name for (name,) in cursors)
    assert postgres.execute("SELECT count(*) FROM pg_cursors").fetchone() == (0,)


def test_engine_streams_from_the_server(postgres_url):
    engine = sa.create_engine(postgres_url)
    with SQLGenerator(engine, HUGE, batch_size=4) as batches:
        assert next(batches)["i"].tolist() == [1, 2, 3, 4]
        assert engine.pool.checkedout() == 1
    assert engine.pool.checkedout() == 0
    engine.dispose()


def test_types_of_postgres_become_those_of_numpy(postgres):
    postgres.execute("CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok')")
    data = SQLData(
        postgres,
        "SELECT true AS b, 1::int2 AS i, 1.5::numeric AS x, DATE '2024-01-02' AS d, "
        "TIMESTAMP '2024-01-02 03:04' AS t, TIMESTAMPTZ '2024-01-02 03:04Z' AS z, "
        "ARRAY[1, 2] AS l, 'ok'::mood AS e, '\\x00ff'::bytea AS y",
    )

    dtypes = {name: str(values.dtype) for name, values in data.items()}
    assert dtypes["d"] == "datetime64[D]"
    assert dtypes["t"] == "datetime64[us]"
    assert [dtypes[n] for n in "bixl"] == ["bool", "int64", "float64", "int64"]
    assert [dtypes[n] for n in "zey"] == ["object"] * 3
    assert data["l"].shape == (1, 2)
    assert data["e"].tolist() == ["ok"]
    assert data["y"].tolist() == [b"\x00\xff"]


def test_connection_in_autocommit_is_read_from(postgres_url):
    url = postgres_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        batches = SQLGenerator(connection, "SELECT * FROM generate_series(1, 5) AS t(n)", 2)

        assert [batch["n"].tolist() for batch in batches] == [[1, 2], [3, 4], [5]]
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_named_parameters_and_selectables_of_sqlalchemy_are_taken(postgres_url):
    query = sa.select(sa.literal(2).label("n"))

    assert SQLData(postgres_url, "SELECT :n + 1 AS n", params={"n": 1})["n"].tolist() == [2]
    assert SQLData(postgres_url, query)["n"].tolist() == [2]


# --- duckdb ---------------------------------------------------------------------------


def test_huge_query_of_duckdb_streams():
    with closing(duckdb.connect()) as connection:
        batches = SQLGenerator(connection, "SELECT i FROM range(1000000000) t(i)", 4)
        assert next(batches)["i"].tolist() == [0, 1, 2, 3]
        batches.close()


def test_temporary_tables_and_registered_frames_of_duckdb_are_seen():
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE TEMP TABLE t AS SELECT 1 AS n")
        connection.register("f", pd.DataFrame({"n": [2]}))

        assert SQLData(connection, "SELECT * FROM t")["n"].tolist() == [1]
        assert SQLData(connection, "SELECT * FROM f")["n"].tolist() == [2]


@pytest.mark.parametrize(
    ("set_up", "query"),
    [
        ("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 2 AS n; USE s", "SELECT n FROM t"),
        ("CREATE TEMP TABLE t AS SELECT 2 AS n", "SELECT n FROM t"),
        ("CREATE TEMP VIEW t AS SELECT 2 AS n", "SELECT n FROM t"),
        ("CREATE TEMP MACRO f() AS 2", "SELECT f() AS n"),
        ("BEGIN; UPDATE t SET n = 2", "SELECT n FROM t"),
        ("SET VARIABLE v = 2", "SELECT getvariable('v') AS n"),
        ("SET integer_division = true", "SELECT 5 / 2 AS n"),
        ("SET TimeZone = 'Etc/GMT-2'", "SELECT hour(TIMESTAMPTZ '2024-01-01 00:00Z') AS n"),
    ],
)
def test_query_means_what_it_does_on_the_connection_of_duckdb(set_up, query):
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n; CREATE MACRO f() AS 1")
        connection.execute(set_up)

        assert SQLData(connection, query)["n"].tolist() == [2]
        assert [b["n"].tolist() for b in SQLGenerator(connection, query)] == [[2]]


def test_plain_connection_of_duckdb_does_other_work_while_rows_are_read():
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n; SET enable_progress_bar = true")
        with SQLGenerator(connection, "SELECT i FROM range(100000) r(i)", 4) as batches:
            next(batches)
            assert connection.execute("SELECT n FROM t").fetchall() == [(1,)]
            assert next(batches)["i"].tolist() == [4, 5, 6, 7]


def test_duckdb_is_opened_by_url(tmp_path):
    with closing(duckdb.connect(str(tmp_path / "rows.db"))) as connection:
        connection.execute("CREATE TABLE t AS SELECT i, [i, i + 1] AS pair FROM range(5) r(i)")
    batches = SQLGenerator(f"duckdb:///{tmp_path}/rows.db", "SELECT * FROM t", 2)

    assert [batch["pair"].shape for batch in batches] == [(2, 2), (2, 2), (1, 2)]
    duckdb.connect(str(tmp_path / "rows.db")).close()  # nobody holds it


def test_gap_in_later_rows_of_duckdb_is_told():
    with closing(duckdb.connect()) as connection:
        query = "SELECT CASE WHEN i < 2000 THEN i END AS n FROM range(2010) t(i)"
        seen = []

        with pytest.raises(ReadError, match=r"missing value in column 'n', row 2000.*float64"):
            seen.extend(len(batch) for batch in SQLGenerator(connection, query, 7))

        assert sum(seen) == 1995
        assert np.isnan(SQLData(connection, query)["n"]).sum() == 10


# --- connections ----------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_database_file_that_is_not_there_is_told_and_not_made(scheme, tmp_path):
    path = tmp_path / "nothing.db"

    with pytest.raises(FileNotFoundError, match=r"nothing\.db"):
        SQLData(f"{scheme}:///{path}", "SELECT 1")
    assert not path.exists()


def test_string_that_is_no_url_is_refused():
    with pytest.raises(ReadError, match=r"database URL, got 'rows\.db'"):
        SQLGenerator("rows.db", "SELECT 1")


@pytest.mark.parametrize("thing", [None, 5, [1]])
def test_thing_that_is_no_connection_is_refused(thing):
    with pytest.raises(TypeError, match=f"database URL, got {type(thing).__name__}"):
        SQLGenerator(thing, "SELECT 1")


def test_session_is_refused_and_its_connection_is_read_from():
    engine = sa.create_engine("sqlite://")
    with sa.orm.Session(engine) as session:
        with pytest.raises(TypeError, match=r"got Session\. Pass session\.connection\(\)"):
            SQLGenerator(session, "SELECT 1 AS n")
        assert SQLData(session.connection(), "SELECT 1 AS n")["n"].tolist() == [1]
    engine.dispose()


def test_cursor_is_refused_when_the_generator_is_made(sqlite):
    with pytest.raises(TypeError, match=r"got Cursor\. Pass the connection that it is of"):
        SQLGenerator(sqlite.cursor(), "SELECT 1")


@pytest.mark.parametrize("params", ["Rome", 5])
def test_single_value_as_params_is_refused(sqlite, params):
    with pytest.raises(TypeError, match=r"params takes a list or a dict of values.*params=\["):
        SQLGenerator(sqlite, "SELECT ?", params=params)


@pytest.mark.parametrize(("limit", "error"), [(-1, ValueError), (1.5, TypeError)])
def test_limit_that_is_no_number_of_rows_is_refused(sqlite, limit, error):
    with pytest.raises(error, match="limit"):
        SQLGenerator(sqlite, "SELECT 1", limit=limit)


def test_columns_are_checked_when_reading(sqlite):
    with pytest.raises(MissingColumnError, match=r"'age', which exclude_cols names.*\['n'\]"):
        SQLData(sqlite, "SELECT 1 AS n", exclude_cols=["age"])


def test_prefetching_is_for_connections_that_may_be_used_in_another_thread(sqlite, postgres):
    memory, file = sa.create_engine("sqlite://"), sa.create_engine("sqlite:///rows.db")
    with closing(duckdb.connect()) as duck:
        expected = {"sqlite:///rows.db": True, sqlite: False, postgres: True, duck: True}
        expected |= {memory: False, file: True}
        for connection, answer in expected.items():
            assert SQLGenerator(connection, "SELECT 1").prefetch is answer
    memory.dispose()
    file.dispose()


# --- values ---------------------------------------------------------------------------

MOMENT = datetime.datetime(2024, 1, 2, 3, 4)
ZONED = MOMENT.replace(tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"),
        ([1, None], "float64"),
        ([None, None], "float64"),
        ([1, 2.5, Decimal("3.5"), None], "float64"),
        ([True, False], "bool"),
        ([True, None], "object"),
        (["a", None], "object"),
        ([b"a", None], "object"),
        ([2**70, 1], "object"),
        ([1, "a"], "object"),
        ([MOMENT, None], "datetime64[us]"),
        ([MOMENT.date(), None], "datetime64[D]"),
        ([ZONED, None], "object"),
        ([(1, 2), (3, 4)], "object"),
    ],
)
def test_values_get_the_dtype_that_says_most_about_them(values, dtype):
    column = natural(values)

    assert column.dtype == dtype
    assert column.shape == (2,) if len(values) == 2 else len(values)
    kept = [value for value in values if value is not None]
    assert column[~pd.isna(pd.Series(list(column)))].tolist() == kept
