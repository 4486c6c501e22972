"""Commands in one process: every way in, every way out, and what Python gives for the same."""

import importlib
import json
import os
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

import skmegatron as sm
from skmegatron.io import DataStore
from skmegatron.io.sealed import seal

COMMANDS = ("describe", "draw", "transform", "predict")


# describe and draw


@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_describe_prints_what_a_file_tells_of_itself(run, classifier, tmp_path, kind):
    path = classifier.save(tmp_path, format=kind)

    ended = run("describe", path)

    told = json.loads(ended.out)
    assert ended.code == 0
    assert (told["name"], told["version"], told["fitted"]) == ("iris", "1", True)
    assert told["kind"] == kind
    assert [node["name"] for node in told["graph"]["nodes"]] == ["X", "scaled", "species", "guess"]


def test_describe_prints_nothing_that_a_terminal_obeys(run, tmp_path):
    x = sm.Input("\x9b31m\u202eÄ")
    path = sm.Pipeline(x, x * 2, name="evil").save(tmp_path)

    ended = run("describe", path)

    assert ended.out.isascii()
    assert json.loads(ended.out)["graph"]["nodes"][0]["name"] == "\x9b31m\u202eÄ"


@pytest.mark.parametrize(
    ("ending", "start"),
    [(".svg", b"<svg"), (".png", b"\x89PNG"), (".pdf", b"%PDF"), (".dot", b"digraph")],
)
@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_draw_writes_the_format_of_the_ending(run, classifier, tmp_path, kind, ending, start):
    path = classifier.save(tmp_path, format=kind)
    out = tmp_path / f"picture{ending}"

    assert run("draw", path, out).code == 0
    assert out.read_bytes().startswith(start)


def test_draw_draws_what_the_pipeline_draws(run, classifier, saved, tmp_path):
    run("draw", saved, tmp_path / "wide.svg", "--rankdir", "LR")
    run("draw", saved, tmp_path / "fitting.svg")

    svg = sm.visuals.pipeline_svg
    assert (tmp_path / "wide.svg").read_text() == svg(classifier, "LR")
    assert (tmp_path / "fitting.svg").read_text() == svg(classifier)


class Canary:
    """Leaves a trace where somebody unpickles it."""

    def __init__(self, path):
        self.path = path

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_describe_and_draw_run_no_code_of_the_file(run, tmp_path):
    canary = tmp_path / "canary"
    X = sm.Input("X", shape=(None,))
    made = sm.layers.Sklearn("passthrough")(X)
    pipe = sm.Pipeline(X, made, name="evil")
    pipe.unused_ = Canary(canary)
    path = pipe.save(tmp_path)

    assert run("describe", path).code == 0
    assert run("draw", path, tmp_path / "evil.svg").code == 0
    assert not canary.exists()
    run("transform", path, tmp_path / "nothing.csv")
    assert canary.exists()


# From everywhere


def test_predictions_are_those_of_python_with_the_index_first(run, saved, csv, flowers, features):
    ended = run("predict", saved, csv, "--index", "id")

    lines = ended.out.splitlines()
    expected = sm.load_pipeline(saved).predict(features)
    assert ended.code == 0
    assert lines[0] == "id,guess"
    assert lines[1:] == [f"{k},{p}" for k, p in zip(flowers["id"], expected, strict=True)]
    assert ended.err == ""


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_hold_the_very_floats(run, scaler, features, tmp_path, suffix, batch_size):
    path = scaler.save(tmp_path)
    features.to_csv(tmp_path / "in.csv", index=False)
    features.to_parquet(tmp_path / "in.parquet")
    out = tmp_path / f"out{suffix}"
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet

    run("transform", path, tmp_path / f"in{suffix}", "--out", out, "--batch-size", batch_size)

    table = read(out)
    assert list(table) == list(scaler.get_feature_names_out())
    assert_array_equal(table.to_numpy(), scaler.transform(features))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_short_floats_come_back_from_csv_as_they_were(run, tmp_path, dtype):
    x = sm.Input("x")
    rounded = sm.layers.Lambda(np.asarray, dtype=dtype)(x, "rounded")
    path = sm.Pipeline(x, rounded, name="short").save(tmp_path)
    values = np.random.default_rng(0).normal(size=100)
    pd.DataFrame({"x": values}).to_csv(tmp_path / "x.csv", index=False)

    ended = run("transform", path, tmp_path / "x.csv")

    found = np.array(ended.out.splitlines()[1:], dtype=dtype)
    assert_array_equal(found, values.astype(dtype))


def test_stdin_is_csv(run, saved, csv):
    ended = run("predict", saved, "-", "--out", "-", stdin=csv.read_text())

    assert ended.out == run("predict", saved, csv).out


def test_a_folder_of_parquet_files_is_read_as_one(run, saved, flowers, csv, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    flowers[:70].to_parquet(folder / "a.parquet")
    flowers[70:].to_parquet(folder / "b.parquet")

    assert run("predict", saved, folder).out == run("predict", saved, csv).out


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_query_is_read_from_a_database(run, saved, flowers, csv, tmp_path, scheme):
    database = tmp_path / f"flowers.{scheme}"
    if scheme == "sqlite":
        connection = sqlite3.connect(database)
        flowers.to_sql("flowers", connection, index=False)
    else:
        duckdb = pytest.importorskip("duckdb")
        connection = duckdb.connect(str(database))
        connection.execute("CREATE TABLE flowers AS SELECT * FROM flowers")
    connection.close()

    query = "SELECT * FROM flowers"
    ended = run("predict", saved, f"{scheme}:///{database}", "--query", query, "--index", "id")

    assert ended.out == run("predict", saved, csv, "--index", "id").out


def test_pipelines_from_skops_files_predict_the_same(run, classifier, saved, csv, tmp_path):
    path = classifier.save(tmp_path, format="skops")

    assert run("predict", path, csv).out == run("predict", saved, csv).out


# What goes to which input


def test_inputs_take_columns_by_their_names_and_outputs_have_theirs(run, by_name, numbers):
    ended = run("transform", by_name, numbers, "--index", "k")

    lines = ended.out.splitlines()
    table = pd.read_csv(numbers)
    assert lines[0] == "k,twice,both_0,both_1"
    twice, a, b = (float(value) for value in lines[1].split(",")[1:])
    assert (twice, a, b) == (table["a"][0] * 2, table["a"][0], table["b"][0])


def test_the_index_may_be_a_column_that_is_an_input_too(run, by_name, numbers):
    ended = run("transform", by_name, numbers, "--index", "a")

    first = ended.out.splitlines()[1].split(",")
    assert float(first[0]) == float(first[2]) == pd.read_csv(numbers)["a"][0]


def test_inputs_may_bind_columns_by_name_or_place(run, tmp_path, numbers):
    named, placed = sm.Input("n", columns=["b", "a"]), sm.Input("p", columns=[0])
    outputs = [sm.layers.Whiten()(named, "n2"), sm.layers.ScalarMultiply(3)(placed, "p2")]
    pipe = sm.Pipeline([named, placed], outputs, name="bound").fit(pd.read_csv(numbers))

    ended = run("transform", pipe.save(tmp_path), numbers)

    expected = pipe.transform(pd.read_csv(numbers))
    found = pd.read_csv(pd.io.common.StringIO(ended.out))
    assert list(found) == ["n2_0", "n2_1", "p2_0"]
    assert_array_equal(found[["n2_0", "n2_1"]].to_numpy(), expected["n2"])


def test_a_table_without_names_takes_all_columns_but_index_labels_and_excluded(
    run, csv, features, flowers, tmp_path
):
    X, y = sm.Input("X", shape=(None,)), sm.Target("species")
    guess = sm.layers.Sklearn(LogisticRegression(max_iter=500))(X, "guess", y=y)
    pipe = sm.Pipeline([X, y], guess, name="unnamed").fit(features.to_numpy(), flowers["species"])
    path = pipe.save(tmp_path)
    flowers.assign(note="x").to_csv(csv, index=False)

    wrong = run("predict", path, csv, "--index", "id")
    right = run("predict", path, csv, "--index", "id", "--exclude", "note")

    assert wrong.code == 1
    assert "fitted on 4 columns without names, got 5" in wrong.err
    assert "--exclude COLUMN" in wrong.err
    found = [int(line.split(",")[1]) for line in right.out.splitlines()[1:]]
    assert found == pipe.predict(features.to_numpy()).tolist()


def test_columns_of_lists_feed_images(run, tmp_path):
    spot = sm.Input("spot", shape=(2,))
    path = sm.Pipeline(spot, spot * 2, name="spots").save(tmp_path)
    spots = [[1.0, 2.0], [3.0, 4.0]]
    pd.DataFrame({"spot": spots, "k": [5, 6]}).to_parquet(tmp_path / "spots.parquet")

    ended = run("transform", path, tmp_path / "spots.parquet", "--index", "k")

    assert ended.out == "k,scalarmultiply_0,scalarmultiply_1\n5,2.0,4.0\n6,6.0,8.0\n"


def test_keys_stay_as_they_are_written(run, tmp_path):
    x = sm.Input("x")
    path = sm.Pipeline(x, x * 2, name="double").save(tmp_path)
    keys = ["007", "7", "1.50", '"a,b"', "Ünï", "1e3"]
    (tmp_path / "x.csv").write_text("k,x\n" + "".join(f"{key},1.0\n" for key in keys))

    ended = run("transform", path, tmp_path / "x.csv", "--index", "k", "--batch-size", "2")

    assert [line.rpartition(",")[0] for line in ended.out.splitlines()[1:]] == keys


def test_keys_that_are_whole_numbers_are_numbers_in_parquet(run, by_name, numbers, tmp_path):
    run("transform", by_name, numbers, "--index", "k", "--out", tmp_path / "out.parquet")

    assert pd.read_parquet(tmp_path / "out.parquet")["k"].tolist() == list(range(50))


def test_missing_values_and_texts_with_quotes_come_out_of_csv(run, tmp_path):
    x, text = sm.Input("x"), sm.Input("text")
    both = [sm.layers.ScalarMultiply(2)(x, "double"), sm.layers.Lambda(np.copy)(text, "same")]
    path = sm.Pipeline([x, text], both, name="texts").save(tmp_path)
    table = pd.DataFrame(
        {"x": [1.5, np.nan, np.inf], "text": ['say "hi", you', "zwei\nZeilen", "ß"]}
    )
    table.to_csv(tmp_path / "in.csv", index=False)

    run("transform", path, tmp_path / "in.csv", "--out", tmp_path / "out.csv")

    found = pd.read_csv(tmp_path / "out.csv")
    assert_array_equal(found["double"], table["x"] * 2)
    assert found["same"].tolist() == table["text"].tolist()


def test_windows_reach_back_into_the_batch_before(run, tmp_path):
    x = sm.Input("x")
    pipe = sm.Pipeline(x, sm.layers.TimeSeries(3)(x, "w"), name="windows")
    pd.DataFrame({"x": np.arange(20.0)}).to_csv(tmp_path / "x.csv", index=False)

    ended = run("transform", pipe.save(tmp_path), tmp_path / "x.csv", "--batch-size", "4")

    found = [list(map(float, line.split(","))) for line in ended.out.splitlines()[1:]]
    assert_array_equal(found, pipe.transform(np.arange(20.0)))


def test_predictions_on_windows_are_those_of_the_whole(run, tmp_path):
    x, y = sm.Input("x"), sm.Target("y")
    windows = sm.layers.TimeSeries(3)(x)
    guess = sm.layers.Sklearn(LogisticRegression())(windows, "guess", y=y)
    values = np.random.default_rng(0).normal(size=60)
    pipe = sm.Pipeline([x, y], guess, name="w").fit({"x": values}, values > np.roll(values, 1))
    pd.DataFrame({"x": values}).to_csv(tmp_path / "x.csv", index=False)
    path = pipe.save(tmp_path)

    ended = run("predict", path, tmp_path / "x.csv", "--batch-size", "7")
    chances = run(
        "predict", path, tmp_path / "x.csv", "--batch-size", "7", "--method", "predict_proba"
    )

    assert ended.out.split()[1:] == [str(one) for one in pipe.predict({"x": values})]
    found = [list(map(float, line.split(","))) for line in chances.out.splitlines()[1:]]
    assert chances.out.startswith("guess_False,guess_True\n")
    assert_array_equal(found, pipe.predict_proba({"x": values}))


def positive(x):
    return x > 0


@pytest.mark.parametrize("batch_size", ["1", "3", "100"])
def test_keys_follow_the_rows_that_a_filter_leaves(run, tmp_path, batch_size):
    x = sm.Input("x")
    kept = sm.layers.Filter()([x, sm.layers.Lambda(positive)(x)], "kept")
    path = sm.Pipeline(x, kept, name="filtered").save(tmp_path)
    pd.DataFrame({"x": [-1, 2, -3, -4, -5, 6], "k": list("abcdef")}).to_csv(
        tmp_path / "x.csv", index=False
    )

    ended = run("transform", path, tmp_path / "x.csv", "--index", "k", "--batch-size", batch_size)

    assert ended.err == ""
    assert ended.out == "k,kept\nb,2\nf,6\n"


def chatty(x):
    print("look at me")
    return x


def test_what_a_step_prints_is_no_row(run, tmp_path):
    x = sm.Input("x")
    path = sm.Pipeline(x, sm.layers.Lambda(chatty)(x, "same"), name="chatty").save(tmp_path)
    (tmp_path / "x.csv").write_text("x\n1\n")

    ended = run("transform", path, tmp_path / "x.csv")

    assert ended.out == "same\n1\n"
    assert ended.err == "look at me\n"


def test_sparse_outputs_are_written_densely_under_their_names(run, tmp_path):
    text = sm.Input("text")
    words = sm.layers.Sklearn(CountVectorizer())(text, "words")
    pipe = sm.Pipeline(text, words, name="words").fit({"text": ["ab cd", "cd cd"]})
    (tmp_path / "in.csv").write_text("text,n\ncd ab cd,1\nef,2\n")

    ended = run("transform", pipe.save(tmp_path), tmp_path / "in.csv", "--index", "n")

    assert ended.out == "n,ab,cd\n1,1,2\n2,0,0\n"


# To everywhere


@pytest.mark.parametrize("place", ["sqlite:///{}/out.db", "{}/store"])
def test_stores_take_outputs_under_the_keys(run, saved, csv, features, flowers, tmp_path, place):
    place = place.format(tmp_path)

    assert run("transform", saved, csv, "--out", place, "--index", "id").code == 0

    pipe = sm.load_pipeline(saved, storage_db=place)
    found = pipe.storage.read(rows=flowers["id"].tolist())["guess"]
    assert_array_equal(found, pipe.predict(features))


def test_predict_writes_into_a_store_what_transform_does(run, saved, csv, tmp_path):
    run("transform", saved, csv, "--out", tmp_path / "one", "--index", "id")
    run("predict", saved, csv, "--out", tmp_path / "other", "--index", "id")

    one, other = (
        DataStore("iris", "1", tmp_path / name).read()["guess"] for name in ("one", "other")
    )
    assert_array_equal(one, other)


def test_what_is_not_stored_by_transform_does_not_get_into_a_store(run, clusters, csv, tmp_path):
    path = clusters.save(tmp_path)

    ended = run("predict", path, csv, "--out", tmp_path / "store")

    assert ended.code == 1
    assert "--out predictions.parquet" in ended.err
    assert run("predict", path, csv).out.startswith("clusters\n")


def test_arrays_of_many_axes_go_into_stores_only(run, tmp_path):
    x = sm.Input("x")
    image = sm.layers.AddDim()(sm.layers.AddDim()(x), "image")
    path = sm.Pipeline(x, image, name="images").save(tmp_path)
    pd.DataFrame({"x": [1.0, 2.0]}).to_csv(tmp_path / "x.csv", index=False)

    refused = run("transform", path, tmp_path / "x.csv", "--out", tmp_path / "out.csv")
    stored = run("transform", path, tmp_path / "x.csv", "--out", tmp_path / "store")

    assert refused.code == 1
    assert "Output 'image' has shape (n_rows, 1, 1)" in refused.err
    assert "--out FOLDER" in refused.err
    assert not (tmp_path / "out.csv").exists()
    assert stored.code == 0
    assert DataStore("images", "", tmp_path / "store").read()["image"].shape == (2, 1, 1)


def test_probabilities_have_columns_of_their_classes(run, saved, csv, features, tmp_path):
    out = tmp_path / "chances.parquet"

    run("predict", saved, csv, "--method", "predict_proba", "--out", out)

    table = pd.read_parquet(out)
    assert list(table) == ["guess_0", "guess_1", "guess_2"]
    assert_array_equal(table.to_numpy(), sm.load_pipeline(saved).predict_proba(features))


def test_several_outputs_go_into_one_store(run, by_name, numbers, tmp_path):
    store = f"sqlite:///{tmp_path}/out.db"

    assert run("transform", by_name, numbers, "--out", store, "--index", "k").code == 0

    found = DataStore("named", "", store).read(rows=[49, 0])
    table = pd.read_csv(numbers)
    assert_array_equal(found["twice"], table["a"].to_numpy()[[49, 0]] * 2)
    assert found["both"].shape == (2, 2)


def test_a_store_may_be_the_database_that_is_read(run, saved, flowers, tmp_path):
    url = f"sqlite:///{tmp_path}/flowers.db"
    with closing(sqlite3.connect(tmp_path / "flowers.db")) as connection:
        flowers.to_sql("flowers", connection, index=False)

    ended = run(
        *("predict", saved, url, "--query", "SELECT * FROM flowers"),
        *("--out", url, "--index", "id", "--batch-size", "10"),
    )

    assert (ended.code, ended.err) == (0, "")
    assert len(DataStore("iris", "1", url).index()) == len(flowers)


# What goes wrong


def failed(ended, code, *words):
    assert ended.code == code
    assert ended.out == ""
    assert "Traceback" not in ended.err
    for some in words:
        assert some in ended.err


def test_a_description_that_is_no_graph_is_not_drawn(run, tmp_path):
    path, out = tmp_path / "evil.pkl", tmp_path / "evil.svg"
    with open(path, "w+b") as file:
        file.write(b"\x80\x04N.")
        seal(file, {"format": 1, "graph": {"nodes": [{"name": "<script>"}], "outputs": []}})

    failed(run("draw", path, out), 1, "GraphError", "'nodes[0].kind' is missing")
    assert not out.exists()


def test_files_that_are_not_there(run, saved, csv, tmp_path):
    nothing = tmp_path / "nothing"

    failed(run("describe", nothing), 1, "FileNotFoundError", "nothing")
    failed(run("predict", nothing, csv), 1, "FileNotFoundError", "nothing")
    failed(run("predict", saved, nothing), 1, "FileNotFoundError", "nothing")
    failed(run("predict", saved, csv, "--out", nothing / "out.csv"), 1, "There is no folder")
    failed(run("draw", saved, nothing / "out.svg"), 1, "There is no folder")
    assert not nothing.exists()


def test_a_file_that_is_no_pipeline(run, csv, tmp_path):
    failed(run("describe", csv), 1, "LoadError")
    failed(run("draw", csv, tmp_path / "out.svg"), 1, "LoadError")
    failed(run("predict", csv, csv), 1, "LoadError")
    assert not (tmp_path / "out.svg").exists()


def test_columns_that_are_missing(run, saved, by_name, csv, numbers):
    failed(run("predict", saved, numbers), 1, "MissingColumnError", "sepal length (cm)", "'b'")
    failed(run("transform", by_name, csv), 1, "MissingInputError", "['a', 'b']")
    failed(run("predict", saved, csv, "--index", "no"), 1, "no column 'no'", "--index COLUMN")
    failed(run("predict", saved, csv, "--exclude", "no"), 1, "MissingColumnError", "no")


def test_a_wrong_type_tells_how_to_read_the_column(run, by_name, tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("a,b\n1,1\n2,2\n0.5,3\n")

    ended = run("transform", by_name, path, "--batch-size", "2", "--out", tmp_path / "out.csv")
    mended = run("transform", by_name, path, "--batch-size", "2", "--dtype", "a=float64")

    failed(ended, 1, "ReadError", "line 4", "--dtype a=float64")
    assert not (tmp_path / "out.csv").exists()
    assert mended.code == 0
    assert mended.out.splitlines()[-1] == "1.0,0.5,3.0"


def test_text_where_numbers_belong_is_told_with_the_step(run, scaler, features, tmp_path):
    path = scaler.save(tmp_path)
    features.astype(object).replace(features.iloc[0, 0], "wide").to_csv(
        tmp_path / "in.csv", index=False
    )

    ended = run("transform", path, tmp_path / "in.csv")

    failed(ended, 1, "wide", "at step 'scaled'", "in batch 1")


def test_nothing_to_read(run, saved, csv, tmp_path):
    empty, header = tmp_path / "empty.csv", tmp_path / "header.csv"
    empty.write_text("")
    header.write_text(csv.read_text().splitlines()[0] + "\n")

    failed(run("predict", saved, empty), 1, "ReadError", "empty.csv")
    for out in ("out.csv", "store"):
        failed(run("predict", saved, header, "--out", tmp_path / out), 1, "No rows came out of")
    failed(run("predict", saved, "-", stdin=""), 1, "ReadError", "stdin")
    assert not (tmp_path / "out.csv").exists()


def test_a_pipeline_that_is_not_fitted(run, csv, tmp_path):
    X, y = sm.Input("X", shape=(None,)), sm.Target("species")
    guess = sm.layers.Sklearn(LogisticRegression())(X, y=y)
    path = sm.Pipeline([X, y], guess, name="raw").save(tmp_path)

    failed(run("predict", path, csv), 1, "NotFittedError", "not fitted yet")


def test_a_method_that_the_pipeline_does_not_have(run, scaler, csv, tmp_path):
    path = scaler.save(tmp_path)

    failed(run("predict", path, csv), 1, "The pipeline has no predict", "skmegatron transform")


def test_out_is_none_of_what_is_read(run, saved, csv, tmp_path):
    before = csv.read_bytes(), saved.read_bytes()
    link = tmp_path / "link.csv"
    os.link(csv, link)

    failed(run("predict", saved, csv, "--out", csv), 2, "would be written over")
    failed(run("predict", saved, csv, "--out", link), 2, "would be written over")
    failed(run("draw", saved, saved), 2)
    assert before == (csv.read_bytes(), saved.read_bytes())


def test_out_that_is_a_folder_is_no_file(run, saved, csv, tmp_path):
    (tmp_path / "out.svg").mkdir()

    failed(run("draw", saved, tmp_path / "out.svg"), 2, "is a directory")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["predict"],
        ["predict", "FILE"],
        ["predict", "FILE", "IN", "--batch-size", "0"],
        ["predict", "FILE", "IN", "--batch-size", "many"],
        ["predict", "FILE", "IN", "--method", "fit"],
        ["predict", "FILE", "IN", "--out", "out.xlsx"],
        ["predict", "FILE", "IN", "--dtype", "a"],
        ["predict", "FILE", "IN", "--query", "SELECT 1"],
        ["predict", "FILE", "sqlite:///IN"],
        ["transform", "FILE", "IN", "--method", "predict"],
        ["draw", "FILE", "out.txt"],
        ["draw", "FILE"],
        ["describe", "FILE", "more"],
    ],
)
def test_wrong_calls_end_with_2_and_touch_nothing(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    ended = run(*arguments)

    assert ended.code == 2
    assert "Usage:" in ended.err
    assert not list(tmp_path.iterdir())


def test_what_fails_leaves_the_old_file_as_it_was(run, saved, numbers, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")

    assert run("predict", saved, numbers, "--out", out).code == 1
    assert out.read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def test_traceback_shows_where(run, saved, numbers):
    ended = run("predict", saved, numbers, "--traceback")

    assert ended.code == 1
    assert ended.err.startswith("Traceback")
    assert "MissingColumnError" in ended.err


def test_types_of_a_skops_file_are_trusted_by_name(run, tmp_path):
    x = sm.Input("x")
    path = sm.Pipeline(x, sm.layers.Lambda(np.add, x2=3)(x), name="add").save(tmp_path)
    pd.DataFrame({"x": [1.0]}).to_csv(tmp_path / "x.csv", index=False)

    failed(run("transform", path, tmp_path / "x.csv", "--trust", "os.system"), 1, "joblib file")


DESKEW = """
from skmegatron.layers import StatelessLayer

class Deskew(StatelessLayer):
    def transform(self, X):
        return X * 10
"""


def test_types_of_ones_own_in_a_skops_file_need_trust(run, tmp_path, monkeypatch):
    (tmp_path / "mydeskew.py").write_text(DESKEW)
    monkeypatch.syspath_prepend(tmp_path)
    x = sm.Input("x")
    layer = importlib.import_module("mydeskew").Deskew()
    path = sm.Pipeline(x, layer(x, "tenfold"), name="mine").save(tmp_path, format="skops")
    (tmp_path / "x.csv").write_text("x\n1.5\n")

    refused = run("transform", path, tmp_path / "x.csv")
    taken = run("transform", path, tmp_path / "x.csv", "--trust", "mydeskew.Deskew")

    failed(refused, 1, "LoadError", "--trust mydeskew.Deskew")
    assert taken.out == "tenfold\n15.0\n"


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_examples_that_can_be_typed(run, command):
    ended = run(command, "--help")

    assert ended.code == 0
    assert "Examples:" in ended.out
    assert f"skmegatron {command} " in ended.out.partition("Examples:")[2]
    assert "--traceback" in ended.out


def test_help_tells_the_exit_codes_and_what_runs_code(run):
    ended = run("--help")

    assert ended.code == 0
    assert "Exit codes: 0 all went well, 1 it failed, 2" in " ".join(ended.out.split())
    assert all(command in ended.out for command in COMMANDS)
    for command in ("transform", "predict"):
        assert "can run anything" in run(command, "-h").out


def test_the_version_is_told(run):
    assert sm.__version__ in run("--version").out
