import datetime as dt
import threading

import numpy as np
import pyarrow.parquet
import pytest
from scipy import sparse

from skmegatron.errors import MissingRowError
from skmegatron.io import DataStore, FolderStore
from skmegatron.testing.stores import assert_same, columns_of_all_kinds


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_a_full_read_of_one_write_maps_the_file(tmp_path):
    store = DataStore("x", "1", tmp_path)
    store.write({"a": np.zeros((10, 3))})

    column = store.read()["a"]

    base = column
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_nothing_on_disk_is_pickled(tmp_path):
    FolderStore(tmp_path).write("x", "1", "", ["0", "1", "2", "3"], columns_of_all_kinds())

    files = list(tmp_path.rglob("*.npy"))

    assert len(files) > 20
    assert all(not np.load(file, allow_pickle=False).dtype.hasobject for file in files)


def test_compacting_changes_nothing_but_the_size(tmp_path):
    store, columns = FolderStore(tmp_path), columns_of_all_kinds()
    for fingerprint in ("f", "g", "f"):
        for _ in range(3):
            store.write("x", "1", fingerprint, ["0", "1", "2", "3"], columns)
    store.write("y", "1", "f", ["0"], {"a": np.zeros(1)})
    store.drop("x", "1", "g", ["1"])
    store.drop("y")
    before, n_bytes = store.describe(), size(tmp_path)

    store.compact()
    store.compact()

    assert store.describe() == before
    assert size(tmp_path) < n_bytes / 3
    for reader in (store, FolderStore(tmp_path)):
        keys, read = reader.read("x", "1", "f")
        assert keys == ["0", "1", "2", "3"]
        for name, column in columns.items():
            assert_same(read[name], column, name)
        assert reader.read("x", "1", "g")[0] == ["0", "2", "3"]
        assert reader.read("y", "1", None) == ([], {})


def test_others_read_and_write_while_it_is_compacted(tmp_path):
    FolderStore(tmp_path).write("x", "1", "", ["k"], {"a": np.array([0]), "b": np.zeros((1, 9))})
    failures, done = [], threading.Event()

    def read():
        store = FolderStore(tmp_path)
        while not done.is_set():
            keys, columns = store.read("x", "1", None, keys=["k"])
            if keys != ["k"] or not (columns["b"] == columns["a"][0]).all():
                failures.append((keys, columns))

    def compact():
        while not done.is_set():
            FolderStore(tmp_path).compact()

    threads = [threading.Thread(target=read), threading.Thread(target=compact)]
    for thread in threads:
        thread.start()
    writer = FolderStore(tmp_path)
    for number in range(100):
        columns = {"a": np.array([number]), "b": np.full((1, 9), number)}
        writer.write("x", "1", "", ["k"], {**columns, "b": columns["b"].astype(float)})
    done.set()
    for thread in threads:
        thread.join()

    assert failures == []
    assert FolderStore(tmp_path).read("x", "1", "")[1]["a"] == [99]


def test_parquet_holds_the_index_and_the_outputs(tmp_path):
    store = FolderStore(tmp_path / "rows")
    columns = {
        "number": np.array([1.5, 2.5]),
        "image": np.arange(8).reshape(2, 2, 2),
        "word": np.array(["a", None], dtype=object),
        "mixed": np.array(["a", 1], dtype=object),
        "day": np.array(["2020-01-01", "NaT"], "M8[D]"),
        "sparse": sparse.csr_array(np.eye(2)),
    }
    DataStore("x", "1", store).write(columns, ["p", "q"])

    store.to_parquet(tmp_path / "x.parquet", "x", "1")

    table = pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pydict()
    assert list(table) == ["index", *columns]
    assert table["index"] == ["p", "q"]
    assert table["image"] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert table["word"] == ["a", None]
    assert table["mixed"] == ['"a"', "1"]
    assert table["day"][1] is None
    assert table["sparse"] == [[1, 0], [0, 1]]


def test_parquet_takes_times_long_floats_and_rows_without_values(tmp_path):
    store = FolderStore(tmp_path / "rows")
    columns = {
        "days": np.array([1, "NaT"], "m8[D]"),
        "hours": np.array([1, 2], "m8[h]"),
        "long": np.array([1, 0.5], "g"),
        "pair": np.array([1, 2j], "G"),
        "nothing": np.zeros((2, 0)),
        "no_words": np.empty((2, 0, 3), dtype="U3"),
    }
    store.write("x", "1", "", ["0", "1"], columns)

    store.to_parquet(tmp_path / "x.parquet", "x", "1")

    table = pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pydict()
    assert table["days"] == [dt.timedelta(days=1), None]
    assert table["hours"] == [dt.timedelta(hours=1), dt.timedelta(hours=2)]
    assert table["long"] == ["1.0", "0.5"]
    assert len(table["pair"]) == 2
    assert table["nothing"] == table["no_words"] == [[], []]


@pytest.mark.parametrize("dtype", ["m8[ps]", "M8[ps]", "m8", "m8[Y]"])
def test_parquet_refuses_times_that_it_cannot_hold_and_names_them(tmp_path, dtype):
    store = FolderStore(tmp_path / "rows")
    store.write("x", "1", "", ["0"], {"when": np.array([1], dtype)})

    with pytest.raises(TypeError, match=r"'when' is of dtype .*Store it as"):
        store.to_parquet(tmp_path / "x.parquet", "x", "1")

    assert [file.name for file in tmp_path.iterdir()] == ["rows"]


def test_parquet_of_what_is_not_held_leaves_the_file_that_is_there(tmp_path):
    store, file = FolderStore(tmp_path / "rows"), tmp_path / "x.parquet"
    store.write("x", "1", "", ["0"], {"a": np.zeros(1)})
    file.write_text("mine")

    with pytest.raises(MissingRowError, match=r"holds nothing of 'y' version '1'\. describe\(\)"):
        store.to_parquet(file, "y", "1")
    with pytest.raises(MissingRowError, match="of fit 'f'"):
        store.to_parquet(file, "x", "1", "f")

    assert file.read_text() == "mine"


def test_many_writes_are_one_table(tmp_path):
    store = DataStore("x", "1", tmp_path)
    for number in range(30):
        store.write({"a": np.array([number, -number])}, [number, "same"])

    data = store.read()

    assert store.index().tolist() == [0, "same", *range(1, 30)]
    assert data["a"].tolist() == [0, -29, *range(1, 30)]
