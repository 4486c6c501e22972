import copy
import pickle
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from skmegatron import Dataset
from skmegatron.errors import (
    MissingColumnError,
    MissingDependencyError,
    MissingRowError,
    SchemaError,
    ShapeError,
)
from skmegatron.io import DataStore, FolderStore, MemoryStore, SqliteStore, open_store


@pytest.fixture
def people():
    store = DataStore("people", "1", MemoryStore())
    store.write({"age": np.array([31, 45, 27]), "face": np.eye(3)}, ["ann", "bob", "cid"])
    return store


def test_all_rows_are_read_in_the_order_written(people):
    data = people.read()

    assert isinstance(data, Dataset)
    assert list(data) == ["age", "face"]
    assert data["age"].tolist() == [31, 45, 27]
    assert people.index().tolist() == ["ann", "bob", "cid"]


def test_rows_are_read_in_the_order_asked_and_twice_if_asked_twice(people):
    data = people.read(rows=["cid", "ann", "cid"])

    assert data["age"].tolist() == [27, 31, 27]
    assert data["face"].tolist() == np.eye(3)[[2, 0, 2]].tolist()


def test_one_row_is_a_dataset_of_one(people):
    assert people.read(rows="bob").shape == (1,)


@pytest.mark.parametrize(
    ("cols", "names"),
    [("age", ["age"]), (1, ["face"]), ([1, "age"], ["face", "age"]), (-1, ["face"])],
)
def test_columns_are_read_by_name_or_position(people, cols, names):
    assert list(people.read(cols, rows=["ann"])) == names


def test_a_missing_column_is_told(people):
    with pytest.raises(MissingColumnError, match="'height' is not among the outputs held: age, f"):
        people.read("height")
    with pytest.raises(MissingColumnError, match=r"\[2\] asked of 2 outputs \['age', 'face'\]"):
        people.read(2)


def test_missing_rows_are_named_and_counted(people):
    with pytest.raises(MissingRowError, match="holds no row 'x', 0, 1 and 7 more"):
        people.read(rows=["ann", "x", *range(9)])


def test_a_number_past_all_floats_is_a_missing_row(people):
    with pytest.raises(MissingRowError, match="holds no row 1000"):
        people.read(rows=[10**400])
    people.write({"age": np.array([1]), "face": np.ones((1, 3))}, [10**400])
    assert people.read("age", rows=[10**400])["age"] == [1]


@pytest.mark.parametrize("rows", [None, ["ann"]])
def test_asking_for_no_output_is_refused(people, rows):
    with pytest.raises(ValueError, match=r"got cols=\[\].*Leave cols= out"):
        people.read(cols=[], rows=rows)


def test_a_version_that_is_left_out_is_left_out_of_messages(place):
    store = DataStore("unversioned", "", place)
    with pytest.raises(MissingRowError) as empty:
        store.read()
    store.write({"a": np.zeros(1)})
    told = [str(empty.value), repr(store)]
    for wrong, error in [
        (lambda: store.read(rows=[9]), MissingRowError),
        (lambda: store.write({"b": np.zeros(1)}), SchemaError),
        (lambda: store.write({"a": np.zeros(1, "f4")}), SchemaError),
        (lambda: store.read(fingerprint="f"), MissingRowError),
    ]:
        with pytest.raises(error) as caught:
            wrong()
        told.append(str(caught.value))
    store.delete()

    assert told[0] == "The store of 'unversioned' holds nothing. Write rows first."
    assert not any("version ''" in text or "['']" in text for text in told)


def test_nothing_held_is_told(people):
    with pytest.raises(MissingRowError, match=r"holds nothing; versions held: \['1'\]"):
        DataStore("people", "2", people.store).read()
    with pytest.raises(MissingRowError, match="no rows of fit 'other', only of ''"):
        people.read(fingerprint="other")


def test_integer_rows_are_found_by_their_text(place):
    store = DataStore("numbers", 0.1, place, overwrite=True)
    store.write({"x": np.arange(5.0)})

    assert store.read(rows=["3", 1.0, 0])["x"].tolist() == [3, 1, 0]
    store.delete()


def test_the_exact_index_wins_over_one_that_looks_like_it():
    store = DataStore("x", "1", MemoryStore())
    store.write({"x": np.array([1, 2, 3])}, np.array([1, "1", 1.0], dtype=object))

    assert store.read(rows=["1", 1, 1.0])["x"].tolist() == [2, 1, 3]


def test_overwrite_drops_what_was_held_at_the_first_write_only(place):
    DataStore("x", "1", place).write({"a": np.array([1, 2])})
    store = DataStore("x", "1", place, overwrite=True)

    store.write({"b": np.array([3.5])}, ["p"])
    store.write({"b": np.array([4.5])}, ["q"])

    assert DataStore("x", "1", place).read()["b"].tolist() == [3.5, 4.5]
    store.delete()
    assert store.describe() == []


def test_of_threads_that_overwrite_together_one_replaces(tmp_path):
    for attempt in range(5):
        place = f"sqlite:///{tmp_path}/{attempt}.db"
        DataStore("x", "1", place).write({"a": np.zeros(1)}, ["old"])
        store = DataStore("x", "1", place, overwrite=True)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda key, s=store: s.write({"a": np.zeros(1)}, [key]), range(4)))

        assert sorted(store.index().tolist()) == [0, 1, 2, 3]
        assert not store.replaces


def test_a_failing_write_with_overwrite_keeps_the_rows_and_the_intent(people):
    store = DataStore("people", "1", people.store, overwrite=True)
    with pytest.raises(TypeError, match="Nothing is pickled"):
        store.write({"z": np.array([{}])})
    assert people.read().shape == (3,)

    store.write({"z": np.zeros(1)})

    assert list(people.read()) == ["z"]


def test_other_outputs_are_refused_with_the_way_out(people):
    with pytest.raises(
        SchemaError,
        match="pipeline 'people' version '1' already holds outputs age, face; this one makes "
        "age, size: new version= or overwrite=True",
    ):
        people.write({"age": np.zeros(1), "size": np.zeros(1)})


def test_bare_stores_read_the_fit_that_was_written_to_last(place):
    store = DataStore("x", "1", place, overwrite=True)
    store.write({"a": np.array([1])}, fingerprint="f")
    store.write({"a": np.array([2])}, fingerprint="g")
    assert store.read()["a"] == [2]

    store.write({"a": np.array([3])}, ["new"], fingerprint="f")

    assert store.read()["a"].tolist() == [1, 3]
    assert DataStore("x", "1", place, fingerprint="g").read()["a"] == [2]
    store.delete()


def test_digests_go_along_and_are_no_output(place):
    store = DataStore("x", "1", place, overwrite=True)
    digests = np.arange(32, dtype=np.uint8).reshape(2, 16)

    store.write({"a": np.array([1, 2])}, ["p", 7], digests=digests)

    nobody = np.zeros((1, 16))
    assert_array_equal(
        store.digests(np.array([7, "p", "nobody"], dtype=object)), [*digests[::-1], *nobody]
    )
    assert list(store.read()) == ["a"]
    assert list(store.describe()[0].outputs) == ["a"]
    assert store.read(0)["a"].tolist() == [1, 2]
    store.delete()
    assert not store.digests(["p"]).any()


def test_digests_of_another_size_are_refused(people):
    with pytest.raises(
        ShapeError, match=r"expected shape \(1, 16\) and dtype uint8, got \(1, 8\)"
    ):
        people.write({"a": np.zeros(1)}, digests=np.zeros((1, 8), np.uint8))
    with pytest.raises(ValueError, match="'__input__' is kept for digests"):
        people.write({"__input__": np.zeros(1)})


def test_versions_are_listed_and_deleted():
    store = MemoryStore()
    for version in ("1", "2", "10"):
        DataStore("x", version, store).write({"a": np.zeros(1)})
    DataStore("y", "9", store).write({"a": np.zeros(1)})
    x = DataStore("x", "1", store)
    assert x.versions() == ["1", "2", "10"]

    x.delete(version="2")

    assert x.versions() == ["1", "10"]


def test_rows_are_deleted(people):
    people.delete(rows=["bob"])

    assert people.index().tolist() == ["ann", "cid"]
    with pytest.raises(MissingRowError, match="no row 'bob'"):
        people.delete(rows="bob")


def test_deleting_everything_takes_the_fits_of_others_along(place):
    store = DataStore("x", "1", place, overwrite=True, fingerprint="own")
    for fingerprint in ("own", "other"):
        store.write({"a": np.zeros(1)}, fingerprint=fingerprint)

    store.delete()

    assert store.describe() == []


def test_another_version_is_deleted_whatever_fit_it_is_of():
    store = MemoryStore()
    for fingerprint in ("f", "g"):
        DataStore("x", "1", store).write({"a": np.zeros(2)}, fingerprint=fingerprint)
    x = DataStore("x", "2", store, fingerprint="h")

    x.delete(rows=[0], version="1")
    assert [held.n_rows for held in DataStore("x", "1", store).describe()] == [1, 1]
    with pytest.raises(MissingRowError, match="version '1' holds no row 0"):
        x.delete(rows=[0], version="1")

    x.delete(version="1")
    assert x.versions() == []


def test_rows_of_other_fits_of_this_version_are_not_deleted():
    store = DataStore("x", "1", MemoryStore(), fingerprint="own")
    for fingerprint in ("own", "other"):
        store.write({"a": np.zeros(2)}, fingerprint=fingerprint)

    store.delete(rows=[1])

    assert store.index().tolist() == [0]
    assert store.index(fingerprint="other").tolist() == [0, 1]


def test_prune_drops_other_fits():
    store = DataStore("x", "1", MemoryStore(), fingerprint="own")
    for fingerprint in ("own", "old", "older", "kept"):
        store.write({"a": np.zeros(1)}, fingerprint=fingerprint)

    store.prune(keep=["kept"])

    assert [held.fingerprint for held in store.describe()] == ["own", "kept"]


def test_prune_of_a_bare_store_keeps_the_latest():
    store = DataStore("x", "1", MemoryStore())
    for fingerprint in ("a", "b"):
        store.write({"a": np.zeros(1)}, fingerprint=fingerprint)

    store.prune()

    assert [held.fingerprint for held in store.describe()] == ["b"]


@pytest.mark.parametrize("make", [dict, pd.DataFrame])
def test_outputs_that_would_take_one_another_s_place_are_refused(make):
    store = DataStore("x", "1", MemoryStore())
    with pytest.raises(ShapeError, match=r"different names, also as text, got \['1', '1'\]"):
        store.write(make({1: [1.0], "1": [2.0]}))
    with pytest.raises(ValueError, match="'__input__' is kept for digests"):
        store.write(make({"a": [1.0], "__input__": [2.0]}))


def test_a_single_array_is_an_output(people):
    store = DataStore("x", "1", people.store)
    store.write(np.eye(2))
    assert list(store.read()) == ["output"]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_the_columns_of_a_frame_are_outputs(make):
    store = DataStore("x", "1", MemoryStore())
    store.write(make({"a": [1, 2], "b": ["x", "y"]}))
    assert store.read()["b"].tolist() == ["x", "y"]


def test_what_is_read_can_be_changed_and_the_store_does_not_change(place):
    store = DataStore("x", "1", place, overwrite=True)
    store.write({"a": np.arange(3.0), "b": np.eye(3)})

    for rows in (None, [0, 1, 2]):
        data = store.read(rows=rows)
        data["a"][0] = 99
        data["b"][0] = 99

    assert store.read()["a"].tolist() == [0, 1, 2]
    assert store.read()["b"].tolist() == np.eye(3).tolist()
    store.delete()


def test_what_was_written_can_be_changed_and_the_store_does_not_change():
    store, ages = DataStore("x", "1", MemoryStore()), np.arange(3)
    store.write({"a": ages})
    ages[0] = 99
    assert store.read()["a"].tolist() == [0, 1, 2]


def test_it_is_pickled_with_a_url_and_copied_with_any_connection(tmp_path):
    by_url = DataStore("x", "1", f"sqlite:///{tmp_path}/rows.db", fingerprint="f")
    by_url.write({"a": np.zeros(1)})
    assert pickle.loads(pickle.dumps(by_url)).read().shape == (1,)
    with closing(sqlite3.connect(":memory:")) as connection:
        by_connection = DataStore("x", "1", connection)
        assert copy.deepcopy(by_connection).db_conn is connection


def test_open_store_finds_a_store(tmp_path):
    assert type(open_store(str(tmp_path / "rows"))) is FolderStore
    assert type(open_store("sqlite://")) is SqliteStore
    own = MemoryStore()
    assert open_store(own) is own


@pytest.mark.parametrize(
    ("path", "url"), [("a.db", "sqlite:///a.db"), ("b.duckdb", "duckdb:///b.duckdb")]
)
def test_a_database_file_is_no_folder(path, url):
    with pytest.raises(ValueError, match=f"Expected the path of a folder.*write '{url}'"):
        open_store(path)


def test_what_is_no_store_is_told():
    with pytest.raises(TypeError, match=r"Expected a database URL, a folder.*got a <class 'int'>"):
        open_store(3)


def test_a_missing_driver_is_told_with_its_extra():
    with pytest.raises(MissingDependencyError, match=r"skmegatron\[mysql\]"):
        open_store("mysql+mysqldb://user@host/name")
