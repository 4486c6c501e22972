"""Inputs for the columns of files, frames and queries."""

import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skmegatron import Pipeline
from skmegatron.errors import MissingColumnError
from skmegatron.nodes import Input, from_csv, from_dataframe, from_parquet, from_sql

FRAME = pd.DataFrame({"age": [31, 45, 27], "city": ["Rome", "Oslo", "Kyiv"], "n": [1.0, 2.0, 3.0]})


@pytest.fixture(params=["frame", "csv", "parquet", "sql"])
def make(request, tmp_path):
    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    FRAME.to_parquet(tmp_path / "rows.parquet")
    with closing(sqlite3.connect(":memory:")) as connection:
        FRAME.to_sql("people", connection, index=False)
        yield {
            "frame": lambda **kwargs: from_dataframe(FRAME, **kwargs),
            "csv": lambda **kwargs: from_csv(tmp_path / "rows.csv", **kwargs),
            "parquet": lambda **kwargs: from_parquet(tmp_path / "rows.parquet", **kwargs),
            "sql": lambda **kwargs: from_sql(connection, "SELECT * FROM people", **kwargs),
        }[request.param]


def test_each_column_is_one_input_under_its_name(make):
    inputs = make()

    assert list(inputs) == ["age", "city", "n"]
    assert all(type(node) is Input for node in inputs.values())
    assert {name: node.name for name, node in inputs.items()} == {n: n for n in inputs}
    assert {node.shape for node in inputs.values()} == {()}
    assert not any(node.eager for node in inputs.values())


def test_excluded_columns_have_no_input(make):
    assert list(make(exclude_cols=["city"])) == ["age", "n"]


def test_eager_inputs_carry_their_columns(make):
    inputs = make(eager=True)

    assert_array_equal(inputs["age"].output, FRAME["age"])
    assert_array_equal((inputs["age"] + inputs["n"]).output, [32, 47, 30])


def test_eager_inputs_of_some_rows_carry_these(make):
    assert make(eager=True, nrows=2)["city"].output.tolist() == ["Rome", "Oslo"]


def test_inputs_make_a_pipeline_that_takes_the_table(make):
    inputs = make(exclude_cols=["city"])
    pipe = Pipeline(list(inputs.values()), inputs["age"] + inputs["n"])

    assert_array_equal(pipe.transform(FRAME), [32, 47, 30])


def test_unknown_column_is_refused(make):
    with pytest.raises(MissingColumnError, match="'height', which exclude_cols names"):
        make(exclude_cols=["height"])


def test_asked_dtype_is_that_of_the_column(make):
    assert make(eager=True, dtype={"age": "float32"})["age"].output.dtype == "float32"


def test_column_of_lists_is_an_input_with_their_shape(tmp_path):
    frame = pd.DataFrame({"spot": [[1, 2, 3], [4, 5, 6]]})
    frame.to_parquet(tmp_path / "spots.parquet")

    assert from_dataframe(frame)["spot"].shape == (3,)
    assert from_parquet(tmp_path / "spots.parquet")["spot"].shape == (3,)


def test_inputs_that_are_not_eager_read_one_row_of_a_query(make):
    seen = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.create_function("seen", 1, lambda n: seen.append(n) or n)
        endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) "

        from_sql(connection, endless + "SELECT seen(n) AS n FROM t")

    assert len(seen) <= 2


def test_options_of_the_parser_are_passed_on(tmp_path):
    (tmp_path / "rows.csv").write_text("a;b\n1;2\n")

    assert list(from_csv(tmp_path / "rows.csv", sep=";")) == ["a", "b"]
