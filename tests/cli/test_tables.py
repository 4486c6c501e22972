"""Tables as strangers write them: what is odd in them comes out as it was, or is told."""

import io

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

import skmegatron as sm


@pytest.fixture
def same(tmp_path):
    """A pipeline that gives back what it gets."""
    x = sm.Input("x")
    return sm.Pipeline(x, sm.layers.Lambda(np.copy)(x, "same"), name="same").save(tmp_path)


@pytest.fixture
def written(tmp_path):
    """Write the text of a file to read."""

    def write(text, **options):
        path = tmp_path / "in.csv"
        path.write_text(text, newline="", **options)
        return path

    return write


def test_keys_stay_as_written_where_the_fit_saw_their_column_too(run, tmp_path):
    table = pd.DataFrame({"id": ["007", "008"], "a": [1.0, 2.0], "b": [3.0, 4.0]})
    a, b = sm.Input("a"), sm.Input("b")
    both = sm.layers.Whiten()(sm.layers.Concatenate()([a, b]), "both")
    path = sm.Pipeline([a, b], both, name="both").fit(table).save(tmp_path)
    table.to_csv(tmp_path / "in.csv", index=False)

    ended = run("transform", path, tmp_path / "in.csv", "--index", "id")

    assert [line.split(",")[0] for line in ended.out.splitlines()] == ["id", "007", "008"]


def test_a_key_may_be_a_word_for_what_is_missing(run, same, written):
    ended = run("transform", same, written("x,land\n1,NA\n2,AT\n"), "--index", "land")

    assert ended.out == "land,same\nNA,1\nAT,2\n"


@pytest.mark.parametrize("out", ["store", "out.parquet"])
def test_keys_are_all_numbers_or_all_text_where_that_differs(run, same, written, tmp_path, out):
    path, out = written("x,k\n1,1\n2,2\n3,A3\n"), tmp_path / out
    call = ("transform", same, path, "--index", "k", "--batch-size", "2", "--out", out)

    mixed = run(*call)
    text = run(*call, "--dtype", "k=str")
    in_csv = run(*call[:-2])

    assert mixed.code == 1
    assert "'A3' in column 'k' is no whole number" in mixed.err
    assert "--dtype k=str" in mixed.err
    assert text.code == 0
    assert in_csv.out == "k,same\n1,1\n2,2\nA3,3\n"


def test_columns_that_nobody_reads_may_hold_anything(run, same, written, tmp_path):
    lists = tmp_path / "lists.parquet"
    pd.DataFrame({"x": [1, 2], "ragged": [[1], [2, 3]]}).to_parquet(lists)

    text = run("transform", same, written("x,note\n1,1\n2,two\n"), "--batch-size", "1")
    parquet = run("transform", same, lists)

    assert text.out == parquet.out == "same\n1\n2\n"


def test_the_password_of_a_database_is_not_told(run, same, tmp_path):
    url = f"sqlite:///file:{tmp_path}/rows.db?uri=true&secret=hush"

    for query in ("SELECT 1 AS x WHERE 0", "SELECT 1 AS z", None):
        ended = run("transform", same, url, *(() if query is None else ("--query", query)))
        assert ended.code != 0
        assert "hush" not in ended.err


def test_text_with_a_carriage_return_stays_in_its_row(run, same, tmp_path):
    table = pd.DataFrame({"x": ["a\rb", "c", None, "d\r\n"], "k": [1, 2, 3, 4]})
    table.to_parquet(tmp_path / "in.parquet")

    ended = run("transform", same, tmp_path / "in.parquet", "--index", "k", "--batch-size", "2")

    found = pd.read_csv(io.StringIO(ended.out, newline=""))
    assert found["k"].tolist() == table["k"].tolist()
    assert found["same"].fillna("").tolist() == table["x"].fillna("").tolist()


def test_moments_look_the_same_in_every_batch(run, same, tmp_path):
    moments = pd.to_datetime(["2020-01-01", "2020-01-02 10:00:00.5", None], format="ISO8601")
    pd.DataFrame({"x": moments}).to_parquet(tmp_path / "in.parquet")

    whole = run("transform", same, tmp_path / "in.parquet")
    parts = run("transform", same, tmp_path / "in.parquet", "--batch-size", "1")

    assert whole.out == parts.out
    assert_array_equal(
        pd.to_datetime(pd.read_csv(io.StringIO(whole.out))["same"][:2]), moments[:2]
    )


def test_missing_texts_are_missing_in_parquet(run, same, written, tmp_path):
    out = tmp_path / "out.parquet"

    ended = run("transform", same, written("x,k\n,1\nb,2\n"), "--out", out)

    assert ended.code == 0
    assert pd.read_parquet(out)["same"].isna().tolist() == [True, False]


def test_values_that_parquet_has_no_type_for_are_told_with_their_column(
    run, same, written, tmp_path
):
    huge = written(f"x\n{10**30}\n1\n")

    ended = run("transform", same, huge, "--out", tmp_path / "out.parquet")

    assert ended.code == 1
    assert "SchemaError: The values of column 'same'" in ended.err
    assert "Write CSV" in ended.err


def test_other_separators_are_told(run, same, written):
    ended = run("transform", same, written("x;k\n1;2\n"))

    assert ended.code == 1
    assert "['x;k']" in ended.err
    assert "separated by commas" in ended.err


def test_another_encoding_tells_how_to_recode(run, same, written):
    ended = run("transform", same, written("x\nÜ\n", encoding="latin-1"))

    assert ended.code == 1
    assert "iconv -f LATIN1 -t UTF-8" in ended.err


@pytest.mark.parametrize("kind", ["strange", "datetime64[ns]"])
def test_a_type_that_is_refused_is_not_told_again_as_advice(run, same, written, kind):
    ended = run("transform", same, written("x\n1\n"), "--dtype", f"x={kind}")

    assert ended.code == 1
    assert "--dtype" not in ended.err


def test_out_that_names_no_place_to_write_is_refused(run, same, written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written("x\n1\n")
    (tmp_path / "file").write_text("old")
    before = sorted(tmp_path.iterdir())

    for out in ("", "file"):
        ended = run("transform", same, path, "--out", out)
        assert ended.code == 2
        assert "CSV on stdout" in ended.err
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.parametrize("give", [lambda a: a[:2], lambda a: a.sum()])
def test_outputs_that_are_not_about_the_rows_are_refused(run, tmp_path, written, give):
    x = sm.Input("x")
    path = sm.Pipeline(x, sm.layers.Lambda(give)(x, "cut"), name="cut").save(tmp_path)

    ended = run("transform", path, written("x\n1\n2\n3\n"), "--out", tmp_path / "out.csv")

    assert ended.code == 1
    assert "ShapeError: Step 'cut' (Lambda) gave" in ended.err
    assert not (tmp_path / "out.csv").exists()


def test_probabilities_of_several_targets_stand_side_by_side(run, tmp_path):
    table = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    labels = np.array([["a", "no"], ["a", "no"], ["b", "no"], ["b", "yes"]])
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    guess = sm.layers.Sklearn(MultiOutputClassifier(LogisticRegression()))(X, "guess", y=y)
    pipe = sm.Pipeline([X, y], guess, name="several").fit(table, labels)
    table.to_csv(tmp_path / "in.csv", index=False)

    ended = run("predict", pipe.save(tmp_path), tmp_path / "in.csv", "--method", "predict_proba")

    found = pd.read_csv(io.StringIO(ended.out))
    assert list(found) == ["guess_0_a", "guess_0_b", "guess_1_no", "guess_1_yes"]
    assert_array_equal(found.to_numpy(), np.hstack(pipe.predict_proba(table)))
