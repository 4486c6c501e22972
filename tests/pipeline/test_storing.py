"""What a pipeline keeps in its store, and finds there again."""

import copy
import pickle
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing

import joblib
import numpy as np
import pandas as pd
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder

import skmegatron as sm
from skmegatron import layers as L
from skmegatron.errors import (
    GraphError,
    MissingInputError,
    MissingRowError,
    SchemaError,
    ShapeError,
)
from skmegatron.io import DataStore, MemoryStore

FLOWERS, SPECIES = load_iris(return_X_y=True)


@pytest.fixture(params=["memory", "sqlite url", "sqlite connection", "folder", "postgres"])
def place(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "sqlite url":
        yield f"sqlite:///{tmp_path}/outputs.db"
    elif request.param == "folder":
        yield tmp_path / "outputs"
    elif request.param == "postgres":
        server = request.getfixturevalue("postgres_url")
        name = f"d{uuid.uuid4().hex}"
        with closing(psycopg.connect(server.replace("+psycopg", ""), autocommit=True)) as own:
            own.execute(f"CREATE DATABASE {name}")
        yield server.replace("/postgres?", f"/{name}?")
    else:
        with closing(sqlite3.connect(tmp_path / "outputs.db")) as connection:
            yield connection


class Counting(L.StatelessLayer):
    """Double the values, and count the rows."""

    rows = 0

    def transform(self, X):
        Counting.rows += len(X)
        return X * 2


def doubled(storage, name="double", version="1", layer=None, **options):
    x = sm.Input("x", shape=(None,))
    node = (Counting() if layer is None else layer)(x, "y")
    return sm.Pipeline(x, node, name=name, version=version, storage=storage, **options)


def classifier(storage, **options):
    X, y = sm.Input("X", shape=(None,)), sm.Target("species")
    white = L.Whiten()(X, "white")
    guess = L.Sklearn(LogisticRegression())(white, "guess", y=y)
    return sm.Pipeline(
        [X, y], [guess, white], name="flowers", version=0.1, storage=storage, **options
    )


def test_a_row_is_looked_up_as_in_the_manual(place):
    pipe = classifier(place).fit(FLOWERS, SPECIES)
    outputs = pipe.transform(FLOWERS)

    one = pipe.storage.read(rows=["0"])

    assert list(one) == list(outputs) == ["guess", "white"]
    assert one[1].shape == (1, 4)
    assert_array_equal(one["white"], outputs["white"][:1])
    assert pipe.storage.read() == outputs


def test_only_transform_writes(place):
    pipe = classifier(place)

    pipe.fit(FLOWERS, SPECIES).get_feature_names_out()
    pipe.fit_transform(FLOWERS, SPECIES)
    pipe.transform(FLOWERS, outputs="white")

    assert pipe.storage.versions() == []


def test_searching_leaves_the_table_alone(place):
    X, y = sm.Input("X", shape=(None,)), sm.Target("species")
    guess = L.Sklearn(LogisticRegression(max_iter=1000))(X, y=y)
    pipe = sm.Pipeline([X, y], guess, name="flowers", storage=place)

    cross_val_score(pipe, FLOWERS, SPECIES, cv=2)
    search = GridSearchCV(pipe, {"logisticregression__C": [0.1, 1]}, cv=2).fit(FLOWERS, SPECIES)

    assert pipe.storage.versions() == []
    search.best_estimator_.transform(FLOWERS)
    assert len(search.best_estimator_.storage.index()) == 150


def test_keys_come_from_a_field_of_the_data(place):
    pipe = doubled(place)
    data = {"x": np.array([[1.0], [2.0]]), "id": ["ann", "bob"]}

    pipe.transform(data, index_field="id")

    assert_array_equal(pipe.storage.read(rows=["bob", "ann"])["y"], [[4.0], [2.0]])


def test_keys_come_from_a_column_of_a_frame(place):
    x = sm.Input("x")
    pipe = sm.Pipeline(x, x * 2, name="double", storage=place)

    pipe.transform(pd.DataFrame({"x": [1, 2], "id": [70, 80]}), index_field="id")

    assert_array_equal(pipe.storage.index(), [70, 80])


def test_keys_come_from_the_index_of_a_frame(place):
    pipe = doubled(place)

    pipe.transform(pd.DataFrame({"a": [1.0, 2.0]}, index=["ann", "bob"]))

    assert_array_equal(pipe.storage.index(), ["ann", "bob"])


def test_a_field_that_is_not_there_is_told():
    with pytest.raises(MissingInputError, match=r"index_field='id' is not in the data.*\['x'\]"):
        doubled(MemoryStore()).transform({"x": np.ones((2, 1))}, index_field="id")


def test_two_rows_with_one_key_are_refused_and_nothing_is_written(place):
    pipe = doubled(place)

    with pytest.raises(ValueError, match="ann"):
        pipe.transform({"x": np.ones((2, 1)), "id": ["ann", "ann"]}, index_field="id")
    assert pipe.storage.versions() == []


def test_a_row_is_replaced_under_its_key(place):
    pipe = doubled(place)

    pipe.transform(np.array([[1.0], [2.0]]))
    pipe.transform(np.array([[5.0]]))

    assert_array_equal(pipe.storage.read()["y"], [[10.0], [4.0]])


def test_rows_belong_to_the_fit_that_made_them(place):
    pipe = classifier(place).fit(FLOWERS, SPECIES)
    pipe.transform(FLOWERS)
    first = pipe.storage.fingerprint

    pipe.fit(FLOWERS[::2], SPECIES[::2])

    with pytest.raises(MissingRowError, match="holds no rows of fit"):
        pipe.storage.read()
    assert len(pipe.storage.read(fingerprint=first)) == 150
    pipe.transform(FLOWERS[:3])
    assert len(pipe.storage.read()) == 3
    pipe.storage.prune()
    assert [held.n_rows for held in pipe.storage.describe()] == [3]


def test_the_same_fit_finds_its_rows_again(place):
    classifier(place).fit(FLOWERS, SPECIES).transform(FLOWERS)

    again = classifier(place).fit(FLOWERS, SPECIES)

    assert len(again.storage.read()) == 150


@pytest.mark.parametrize(
    "change",
    [
        lambda pipe: pipe.set_params(guess__C=0.01).fit(FLOWERS, SPECIES),
        lambda pipe: pipe.fit(FLOWERS, SPECIES[::-1]),
        lambda pipe: pipe.fit_generator([(FLOWERS, SPECIES)]),
    ],
    ids=["parameter", "data", "stream"],
)
def test_another_fit_has_another_fingerprint(change):
    X, y = sm.Input("X", shape=(None,)), sm.Target("species")
    model = L.Sklearn(LogisticRegression(), method="auto")
    guess = model(L.Whiten()(X), "guess", y=y)
    pipe = sm.Pipeline([X, y], guess, name="flowers", storage=MemoryStore())
    before = pipe.fit(FLOWERS, SPECIES).storage.fingerprint

    if change.__code__.co_names[0] == "fit_generator":
        x = sm.Input("X", shape=(None,))
        pipe = sm.Pipeline(x, L.Whiten()(x), name="flowers", storage=MemoryStore())
        before = pipe.fit(FLOWERS).storage.fingerprint
        pipe.partial_fit(FLOWERS[:20])
    else:
        change(pipe)

    assert pipe.storage.fingerprint != before


def test_without_a_fit_the_parameters_tell():
    pipe = doubled(MemoryStore(), layer=L.ScalarMultiply(2))
    before = pipe.storage.fingerprint

    pipe.set_params(y__factor=3)

    assert pipe.storage.fingerprint != before


def test_a_loaded_pipeline_finds_its_rows(place, tmp_path):
    pipe = classifier(place).fit(FLOWERS, SPECIES)
    outputs = pipe.transform(FLOWERS)

    loaded = sm.load_pipeline(pipe.save(tmp_path / "saved"), storage_db=place)

    assert loaded.storage.read() == outputs


def test_a_pipeline_loaded_where_the_place_has_a_name_needs_not_be_told(tmp_path):
    pipe = classifier(f"sqlite:///{tmp_path}/outputs.db").fit(FLOWERS, SPECIES)
    path = pipe.save(tmp_path)
    outputs = pipe.transform(FLOWERS)

    assert sm.load_pipeline(path).storage.read() == outputs


def test_all_who_load_a_file_find_the_same_rows(tmp_path):
    text = sm.Input("text")
    counts = L.Sklearn(CountVectorizer())(text)  # keeps the address of an object
    pipe = sm.Pipeline(text, counts, name="counts").fit({"text": np.array(["red", "blue red"])})
    path = pipe.save(tmp_path)
    tell = (
        "import sys, skmegatron as sm\n"
        "pipe = sm.load_pipeline(sys.argv[1], storage_db=sm.io.MemoryStore())\n"
        "print(pipe.storage.fingerprint)"
    )

    run = [sys.executable, "-c", tell, str(path)]
    told = {subprocess.run(run, capture_output=True, check=True).stdout for _ in range(2)}

    assert len(told) == 1


def test_an_open_connection_is_not_saved():
    with closing(sqlite3.connect(":memory:")) as connection:
        pipe = doubled(connection)
        pipe.transform(np.ones((2, 1)))

        assert pickle.loads(pickle.dumps(pipe)).storage is None
        assert len(pipe.storage.read()) == 2


def test_clones_share_the_place_and_parameters_tell_it_as_given(place):
    pipe = classifier(place).fit(FLOWERS, SPECIES)

    assert pipe.get_params(deep=False)["storage"] is place
    assert clone(pipe).get_params()["storage"] is place
    assert isinstance(pipe.storage, DataStore)
    assert doubled(None).storage is None


def test_another_name_is_another_table(place):
    pipe = doubled(place)
    pipe.transform(np.ones((2, 1)))

    pipe.set_params(name="other").transform(np.ones((3, 1)))

    assert len(pipe.storage.read()) == 3
    assert len(doubled(place).storage.read()) == 2


def test_other_outputs_under_the_same_name_and_version_are_told(place):
    doubled(place).transform(np.ones((2, 1)))
    x = sm.Input("x", shape=(None,))
    other = sm.Pipeline(x, L.ScalarMultiply(2)(x, "z"), name="double", version="1", storage=place)

    with pytest.raises(SchemaError, match=r"'double' version '1' already holds outputs y; this"):
        other.transform(np.ones((2, 1)))

    assert_array_equal(doubled(place).storage.read()["y"], [[2.0], [2.0]])
    other.set_params(version="2").transform(np.ones((2, 1)))
    assert other.storage.versions() == ["1", "2"]


def test_overwrite_drops_what_was_there_with_the_first_write(place):
    doubled(place).transform(np.ones((5, 1)))
    x = sm.Input("x", shape=(None,))
    other = sm.Pipeline(
        x, L.ScalarMultiply(2)(x, "z"), name="double", version="1", storage=place, overwrite=True
    )

    other.transform({"x": np.ones((2, 1)), "id": [0, 1]}, index_field="id")
    other.transform({"x": np.ones((2, 1)), "id": [1, 2]}, index_field="id")

    assert_array_equal(other.storage.index(), [0, 1, 2])


def test_rows_that_a_filter_leaves_are_kept_under_their_own_keys(place):
    x = sm.Input("x", shape=(None,))
    kept = L.Filter()([x, L.Slice(None, 0)(x) > 2], "kept")
    pipe = sm.Pipeline(x, kept, name="kept", storage=place)
    table = np.array([[1.0], [3.0], [2.0], [4.0]])

    pipe.transform(table)
    assert_array_equal(pipe.storage.index(), [1, 3])
    list(pipe.transform_generator([table[:2], table[2:]]))
    assert_array_equal(pipe.storage.index(), [1, 3])


def test_outputs_of_different_rows_cannot_share_a_table():
    x = sm.Input("x", shape=(None,))
    kept = L.Filter()([x, L.Slice(None, 0)(x) > 2], "kept")
    pipe = sm.Pipeline(x, [kept, x * 2], name="kept", storage=MemoryStore())

    with pytest.raises(GraphError, match=r"\['kept', .*\] hold different rows"):
        pipe.transform(np.array([[1.0], [3.0]]))


def test_storage_needs_a_name_and_says_so_before_the_fit():
    with pytest.raises(ValueError, match=r"storage keeps outputs under.*name='digits'"):
        doubled(MemoryStore(), name=None).fit(np.ones((2, 1)))


@pytest.mark.parametrize("asked", [{"index_field": "id"}, {"cached": True}])
def test_what_only_a_store_can_do_is_refused_without_one(asked):
    with pytest.raises(ValueError, match="this pipeline stores none"):
        doubled(None).transform(np.ones((2, 1)), **asked)


@pytest.mark.parametrize(
    "keys", [["ann", "bob"], np.array(["ann", "bob"]), pd.Index(["ann", "bob"])]
)
def test_keys_in_the_place_of_their_name_are_refused_with_where_they_go(keys):
    pipe = doubled(MemoryStore()).fit(np.ones((2, 1)))

    with pytest.raises(TypeError, match=r"index_field= takes the name.*write index_field='id'"):
        pipe.transform(np.ones((2, 1)), index_field=keys)
    with pytest.raises(TypeError, match=r"index= takes the name.*write index='id'"):
        next(pipe.transform_generator([np.ones((2, 1))], index=keys))


# Computing only what is new


def test_cached_computes_only_new_and_changed_rows(place):
    pipe = doubled(place)
    table = np.arange(6.0).reshape(-1, 1)
    pipe.transform(table)
    changed = np.vstack([table, [[7.0]]])
    changed[2] = 50
    Counting.rows = 0

    result = pipe.transform(changed, cached=True)

    assert Counting.rows == 2
    assert_array_equal(result, changed * 2)
    assert_array_equal(pipe.storage.read()["y"], changed * 2)
    pipe.transform(changed, cached=True)
    assert Counting.rows == 2


def test_cached_keeps_no_row_that_overwrite_drops(place):
    doubled(place).transform(np.ones((3, 1)))
    pipe = doubled(place, overwrite=True)

    pipe.transform(np.ones((4, 1)), cached=True)

    assert_array_equal(pipe.storage.index(), [0, 1, 2, 3])


def test_cached_follows_the_fit(place):
    pipe = classifier(place).fit(FLOWERS, SPECIES)
    pipe.transform(FLOWERS)

    pipe.fit(FLOWERS[::2], SPECIES[::2])

    expected = clone(pipe).set_params(storage=None).fit(FLOWERS[::2], SPECIES[::2])
    given_ = pipe.transform(FLOWERS, cached=True)
    assert_array_equal(given_["white"], expected.transform(FLOWERS)["white"])


def test_cached_gives_several_outputs_and_sparse_ones(place):
    colour = sm.Input("colour")
    encoded = L.Sklearn(OneHotEncoder())(colour, "encoded")
    pipe = sm.Pipeline(colour, [encoded, colour], name="colours", storage=place)
    colours = np.array(["red", "blue", "red", "green"])
    pipe.fit({"colour": colours})
    pipe.transform({"colour": colours[:3]})

    result = pipe.transform({"colour": colours[::-1], "id": [3, 2, 1, 0]}, "id", cached=True)

    assert_array_equal(result["colour"], colours[::-1])
    expected = pipe.steps_["encoded"].transform(colours[::-1])
    assert_array_equal(result["encoded"].toarray(), expected.toarray())


@given(
    rounds=st.lists(
        st.dictionaries(st.integers(0, 9), st.integers(-2, 2), min_size=1), min_size=1, max_size=4
    )
)
@settings(max_examples=30)
def test_cached_equals_uncached_whatever_came_before(rounds):
    pipe = doubled(MemoryStore())
    for rows in rounds:
        x = np.array(list(rows.values()), dtype=float).reshape(-1, 1)
        result = pipe.transform({"x": x, "id": list(rows)}, index_field="id", cached=True)
        assert_array_equal(result, x * 2)


@pytest.mark.parametrize("layer", [L.Slice(None, 0), L.AddDim(), L.Sklearn("passthrough")])
def test_cached_is_for_every_layer_that_keeps_to_its_row(place, layer):
    pipe = doubled(place, layer=layer)
    expected = pipe.transform(np.arange(6.0).reshape(3, 2))

    assert_array_equal(pipe.transform(np.arange(6.0).reshape(3, 2), cached=True), expected)


@pytest.mark.parametrize("layer", [L.TimeSeries(2), L.Slice((0, 1))])
def test_cached_is_refused_where_rows_depend_on_others(layer):
    with pytest.raises(GraphError, match=r"step 'y' .* makes a row out of others"):
        doubled(MemoryStore(), layer=layer).transform(np.ones((2, 1)), cached=True)


def test_cached_knows_objects_by_their_content(place):
    x = sm.Input("x")
    ages = L.Lambda(lambda docs: np.array([doc["n"].sum() for doc in docs]))(x, "ages")
    pipe = sm.Pipeline(x, ages, name="docs", storage=place)
    for n in range(3):
        docs = np.empty(1, dtype=object)
        docs[0] = {"n": np.where(np.arange(2000) == 1000, n, 0)}
        assert pipe.transform({"x": docs}, cached=True) == [n]


def test_cached_leaves_sparse_inputs_as_they_are(place):
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, L.Sklearn(MaxAbsScaler())(X, "y"), name="sparse", storage=place)
    unsorted = sparse.csr_matrix(([1.0, 2.0, 3.0], [2, 0, 1], [0, 2, 3]), shape=(2, 3))
    pipe.fit(unsorted)

    pipe.transform(unsorted, cached=True)

    assert unsorted.indices.tolist() == [2, 0, 1]


def test_text_of_numpys_own_kind_is_stored(place):
    text = sm.Input("text")
    length = L.Lambda(np.strings.str_len)(text, "length")
    pipe = sm.Pipeline(text, length, name="text", storage=place)

    pipe.transform({"text": np.array(["a", "bcd"], dtype=np.dtypes.StringDType())})

    assert_array_equal(pipe.storage.read()["length"], [1, 3])


def test_keys_keep_their_types(place):
    pipe = doubled(place)

    pipe.transform({"x": np.ones((2, 1)), "id": [0, "0"]}, index_field="id")

    assert pipe.storage.index().tolist() == [0, "0"]


def test_keys_of_a_stream_keep_their_types(place):
    pipe = doubled(place)
    batches = [{"x": np.ones((1, 1)), "id": [key]} for key in (2**60 + 1, 0.5, "b")]

    list(pipe.transform_generator(batches, index="id"))

    assert pipe.storage.index().tolist() == [2**60 + 1, 0.5, "b"]


def test_another_number_of_keys_is_told_before_anything_is_computed(place):
    Counting.rows = 0

    with pytest.raises(ShapeError, match=r"index_field='id' must hold one key .* 3 rows, got"):
        doubled(place).transform({"x": np.ones((3, 1)), "id": [7, 8]}, index_field="id")
    assert Counting.rows == 0


def test_the_index_of_a_frame_can_be_named(place):
    frame = pd.DataFrame({"a": [1.0]}, index=pd.Index(["ann"], name="id"))
    pipe = doubled(place)

    pipe.transform(frame, index_field="id")

    assert_array_equal(pipe.storage.index(), ["ann"])


def test_values_asked_for_by_name_have_no_keys():
    with pytest.raises(ValueError, match="outputs= are not stored"):
        doubled(MemoryStore()).transform(np.ones((1, 1)), outputs="y", cached=True)


def test_copies_share_the_place():
    pipe = classifier(MemoryStore()).fit(FLOWERS, SPECIES)
    pipe.transform(FLOWERS)

    for twin in (copy.copy(pipe), copy.deepcopy(pipe)):
        assert len(twin.storage.read()) == 150
    assert copy.deepcopy(pipe).steps_["white"] is not pipe.steps_["white"]


# Streams


def test_rows_of_a_stream_belong_to_the_fit_that_it_began_with(place):
    x = sm.Input("x", shape=(None,))
    pipe = sm.Pipeline(x, L.Whiten()(x, "white"), name="white", storage=place).fit(FLOWERS)
    before = pipe.storage.fingerprint
    stream = pipe.transform_generator([FLOWERS[:5], FLOWERS[5:10]])

    next(stream)
    pipe.fit(FLOWERS * 2)
    assert pipe.storage.fingerprint != before
    stream.close()

    assert len(pipe.storage.read(fingerprint=before)) == 5
    with pytest.raises(MissingRowError):
        pipe.storage.read()


def test_rows_are_numbered_past_a_batch_that_a_filter_empties(place):
    x = sm.Input("x", shape=(None,))
    kept = L.Filter()([x, L.Slice(None, 0)(x) > 0], "kept")
    pipe = sm.Pipeline(x, kept, name="kept", storage=place)

    list(pipe.transform_generator([np.ones((2, 1)), -np.ones((2, 1)), np.ones((1, 1))]))

    assert_array_equal(pipe.storage.index(), [0, 1, 4])


def test_frames_that_are_numbered_anew_are_rows_of_one_stream(place):
    pipe = doubled(place)
    frame = pd.DataFrame({"a": [1.0, 2.0]})

    list(pipe.transform_generator([frame, frame]))

    assert_array_equal(pipe.storage.index(), [0, 1, 2, 3])


def test_an_error_of_the_source_is_not_hidden_by_one_of_the_store(place):
    def batches():
        yield {"x": np.ones((2, 1)), "id": ["ann", "ann"]}
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        list(doubled(place).transform_generator(batches, index="id"))
    assert "could not be stored" in "".join(caught.value.__notes__)


def test_a_stream_is_stored_as_the_whole_is(place):
    pipe = classifier(place).fit(FLOWERS, SPECIES)
    outputs = pipe.transform(FLOWERS)
    pipe.storage.delete()

    for _ in pipe.transform_generator([FLOWERS[:70], FLOWERS[70:]]):
        pass

    assert pipe.storage.read() == outputs
    assert_array_equal(pipe.storage.index(), np.arange(150))


def test_a_stream_takes_its_keys_from_a_field(place):
    pipe = doubled(place)
    batches = [{"x": np.ones((1, 1)), "id": ["ann"]}, {"x": np.ones((1, 1)), "id": ["bob"]}]

    list(pipe.transform_generator(batches, index="id"))

    assert_array_equal(pipe.storage.index(), ["ann", "bob"])


def test_what_was_given_out_is_stored_when_a_stream_is_left(place):
    pipe = doubled(place)
    stream = pipe.transform_generator([np.ones((2, 1))] * 5)

    next(stream)
    next(stream)
    stream.close()

    assert_array_equal(pipe.storage.index(), [0, 1, 2, 3])


def test_what_came_before_an_error_is_stored(place):
    pipe = doubled(place)

    with pytest.raises(ValueError, match="expects shape"):
        list(pipe.transform_generator([np.ones((2, 1)), np.ones((2, 1, 1))]))

    assert_array_equal(pipe.storage.index(), [0, 1])


# A URL to read by, and a connection to write by, would wait for each other.
@pytest.mark.parametrize(
    ("own_source", "own_store"), [(True, True), (True, False), (False, False)]
)
def test_a_stream_may_be_read_from_the_database_that_it_is_stored_in(
    tmp_path, own_source, own_store
):
    url, n_rows = f"sqlite:///{tmp_path}/data.db", 10_000
    with closing(sqlite3.connect(tmp_path / "data.db")) as connection:
        table = pd.DataFrame({"id": np.arange(n_rows), "x": np.arange(n_rows) / 7})
        table.to_sql("data", connection, index=False)
        source = connection if own_source else url
        x = sm.Input("x")
        storage = connection if own_store else url
        pipe = sm.Pipeline(x, x * 2, name="double", storage=storage)
        batches = sm.io.SQLGenerator(source, "SELECT * FROM data", batch_size=500)

        for _ in pipe.transform_generator(batches, index="id"):
            pass

        assert len(pipe.storage.index()) == n_rows


def test_a_file_that_others_are_reading_is_told_of(tmp_path):
    path, n_rows = tmp_path / "data.db", 10_000
    with closing(sqlite3.connect(path, timeout=0.1)) as connection:
        table = pd.DataFrame({"x": np.arange(n_rows) / 7})
        table.to_sql("data", connection, index=False)
        x = sm.Input("x")
        pipe = sm.Pipeline(x, x * 2, name="double", storage=connection)
        batches = sm.io.SQLGenerator(f"sqlite:///{path}", "SELECT * FROM data", batch_size=500)

        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            list(pipe.transform_generator(batches))

    assert any("Hand one connection to both" in note for note in caught.value.__notes__)


def test_changing_what_a_stream_gave_does_not_change_what_is_stored(place):
    pipe = doubled(place)

    for output in pipe.transform_generator([np.ones((2, 1))] * 2):
        output[:] = -1

    assert_array_equal(pipe.storage.read()["y"], np.full((4, 1), 2.0))


def test_many_rows_of_a_stream_are_written_in_between(place, monkeypatch):
    pipe = doubled(place)
    stream = pipe.transform_generator([np.ones((3000, 1))] * 3)

    next(stream)
    next(stream)

    assert len(pipe.storage.index()) == 6000
    stream.close()


def test_storing_does_not_change_a_fitted_pipeline(place):
    pipe = classifier(place).fit(FLOWERS, SPECIES)
    before = joblib.hash(pipe)

    pipe.transform(FLOWERS)
    list(pipe.transform_generator([FLOWERS]))

    assert joblib.hash(pipe) == before


def test_frames_from_set_output_are_stored_as_arrays(place):
    pipe = doubled(place).set_output(transform="pandas")

    frame = pipe.fit(np.ones((2, 3))).transform(np.ones((2, 3)))

    assert_allclose(pipe.storage.read()["y"], frame.to_numpy())
