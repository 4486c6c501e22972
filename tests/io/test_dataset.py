"""Dataset: several arrays that are cut at the same rows."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.utils import resample, shuffle

from skmegatron import Dataset
from skmegatron.errors import ShapeError

some = settings(max_examples=50, deadline=None)

IMAGES, AGES = np.arange(24.0).reshape(6, 2, 2), [31, 45, 27, 60, 18, 52]
LABELS = ["a", "b", "a", "b", "a", "b"]
REVERSED = np.arange(6)[::-1]
TABLE = {"x": [1, 2, 3, 4, 5, 6], "y": list("uvwxyz")}


@pytest.fixture
def data():
    return Dataset(image=IMAGES, age=AGES, label=LABELS)


@pytest.fixture
def mixed():
    """A dataset of every container."""
    return Dataset(
        image=IMAGES,
        pandas=pd.DataFrame(TABLE, index=[9, 8, 7, 6, 5, 4]),
        polars=pl.DataFrame(TABLE),
        pyarrow=pa.table(TABLE),
        counts=sparse.csr_array(np.eye(6)),
    )


def as_arrays(dataset):
    """Give each member as a plain array, whatever holds it."""
    return {
        name: member.toarray()
        if sparse.issparse(member)
        else np.column_stack([np.asarray(member[column]) for column in TABLE])
        if name in ("pandas", "polars", "pyarrow")
        else np.asarray(member)
        for name, member in dataset.items()
    }


# --- what it is -----------------------------------------------------------------------


def test_shape_and_length_are_the_number_of_rows(data):
    assert data.shape == (6,)
    assert len(data) == 6


def test_iterating_gives_the_names_in_order(data):
    assert list(data) == ["image", "age", "label"]
    assert list(data.keys()) == ["image", "age", "label"]
    assert [array.shape for array in data.values()] == [(6, 2, 2), (6,), (6,)]
    assert dict(data.items())["image"] is IMAGES


def test_name_gives_an_array(data):
    assert data["image"] is IMAGES
    assert_array_equal(data["age"], AGES)


def test_position_gives_the_array_there(data):
    assert data[0] is IMAGES
    assert_array_equal(data[-1], LABELS)
    assert_array_equal(data[np.int64(1)], AGES)


def test_membership_and_get_are_those_of_a_mapping(data):
    assert "age" in data
    assert "height" not in data
    assert 0 not in data
    assert data.get("height") is None
    assert {**data}.keys() == {"image", "age", "label"}


@pytest.mark.parametrize(
    "series", [list, tuple, np.array, pd.Series, pl.Series, pa.array, pd.Categorical]
)
def test_members_that_are_one_column_become_arrays(series):
    member = Dataset(label=series(LABELS))["label"]

    assert isinstance(member, np.ndarray)
    assert_array_equal(member, LABELS)


@pytest.mark.parametrize("name", ["self", "arrays", "key", "shape", "name"])
def test_member_may_have_any_name(name):
    assert_array_equal(Dataset(**{name: [1, 2]})[name], [1, 2])


def test_dataset_without_members_has_no_rows():
    empty = Dataset()

    assert (empty.shape, len(empty), list(empty)) == ((0,), 0, [])
    assert empty == empty[:0]


def test_repr_tells_rows_names_and_shapes(data):
    assert repr(data) == (
        "<Dataset of 6 rows: image: (6, 2, 2) float64, age: (6,) int64, label: (6,) <U1>"
    )


# --- rows -----------------------------------------------------------------------------

SELECTIONS = {
    "slice": slice(1, 4),
    "backwards": slice(None, None, -2),
    "mask": np.array([True, False, True, False, False, True]),
    "list mask": [True, False, True, False, False, True],
    "indices": np.array([4, 0, 0, -1]),
    "list": [2, 1],
    "unsigned": np.array([3, 1], dtype=np.uint8),
    "nothing": [],
    "empty slice": slice(0, 0),
    "no mask": np.zeros(6, dtype=bool),
    "series": pd.Series([5, 1]),
    "range": range(1, 3),
}


@pytest.mark.parametrize("key", SELECTIONS.values(), ids=SELECTIONS)
def test_rows_of_every_container_are_those_of_numpy(mixed, key):
    taken = mixed[key]

    plain = key if isinstance(key, slice) else np.asarray(key, dtype=None if len(key) else int)
    assert isinstance(taken, Dataset)
    for name, expected in as_arrays(mixed).items():
        assert_array_equal(as_arrays(taken)[name], expected[plain])
    assert taken.shape == np.arange(6)[plain].shape
    assert [type(member) for member in taken.values()] == [type(m) for m in mixed.values()]


@pytest.mark.parametrize("key", SELECTIONS.values(), ids=SELECTIONS)
def test_key_with_an_ellipsis_means_rows_as_for_an_array(mixed, key):
    assert mixed[key, ...] == mixed[key]


def test_rows_of_a_pandas_member_keep_its_index(mixed):
    assert mixed[[0, 2]]["pandas"].index.tolist() == [9, 7]


def test_empty_selection_keeps_names_shapes_and_dtypes(mixed):
    nothing = mixed[[]]

    assert nothing.shape == (0,)
    assert nothing["image"].shape == (0, 2, 2)
    assert nothing["counts"].shape == (0, 6)
    assert list(nothing["pandas"].columns) == list(TABLE)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_rows_of_sparse_members_of_any_format_are_taken(kind, form):
    dense = np.diag([1.0, 2.0, 3.0])
    taken = Dataset(counts=getattr(sparse, f"{form}_{kind}")(dense))[[2, 0]]

    assert_array_equal(taken["counts"].toarray(), dense[[2, 0]])


@some
@given(
    X=hnp.arrays(np.int64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=5)),
    data=st.data(),
)
def test_selections_of_selections_are_those_of_the_arrays(X, data):
    dataset, array = Dataset(x=X), X
    for _ in range(3):
        key = data.draw(st.slices(len(array)) | hnp.arrays(bool, len(array)))
        dataset, array = dataset[key], array[key]

    assert_array_equal(dataset["x"], array)
    assert len(dataset) == len(array)


@some
@given(n_rows=st.integers(0, 9), parts=st.data())
def test_complementary_masks_keep_every_row_once(n_rows, parts):
    dataset = Dataset(x=np.arange(n_rows), y=np.arange(2 * n_rows).reshape(n_rows, 2))
    mask = parts.draw(hnp.arrays(bool, n_rows))

    kept, rest = dataset[mask], dataset[~mask]

    assert sorted([*kept["x"], *rest["x"]]) == list(range(n_rows))
    assert_array_equal(kept["y"][:, 0] // 2, kept["x"])


def test_slice_of_an_array_is_a_view(data):
    assert data[1:3]["image"].base is not None
    assert np.shares_memory(data[1:3]["image"], IMAGES)


# --- refusals -------------------------------------------------------------------------


def test_members_that_differ_in_rows_are_refused_with_their_numbers():
    with pytest.raises(ShapeError, match="same number of rows, got 'image': 6, 'age': 2"):
        Dataset(image=IMAGES, age=[1, 2])


@pytest.mark.parametrize("value", [5, "text", None, 2.5, np.float32(1)])
def test_member_without_rows_is_refused(value):
    with pytest.raises(ShapeError, match=r"'age' is a single value .*Write age=\["):
        Dataset(age=value)


def test_ragged_member_is_refused_by_name():
    with pytest.raises(ValueError, match="'rows' cannot be made into one array"):
        Dataset(rows=[[1, 2], [3]])


def test_unknown_name_is_a_key_error_that_lists_the_names(data):
    with pytest.raises(KeyError, match=r"'height' is not in this Dataset.*\['image', 'age'"):
        data["height"]


@pytest.mark.parametrize("position", [3, -4, 6])
def test_unknown_position_is_an_index_error_that_says_how_to_take_a_row(data, position):
    with pytest.raises(IndexError, match=rf"Position {position} .*3 arrays.*data\[{position}:"):
        data[position]


@pytest.mark.parametrize("key", [[9], [-7], np.array([0, 6])])
def test_row_that_is_not_there_is_an_index_error(mixed, key):
    with pytest.raises(IndexError):
        mixed[key]


@pytest.mark.parametrize("mask", [[True, False], [True] * 7, np.zeros(0, dtype=bool)])
def test_mask_of_another_length_is_an_index_error(data, mask):
    with pytest.raises(IndexError):
        data[mask]


@pytest.mark.parametrize(
    "key",
    [1.5, None, True, [0.5], [["image"]], np.zeros((2, 2), dtype=int), ["image", "age"]],
    ids=repr,
)
def test_key_that_is_neither_name_position_nor_rows_is_a_type_error(data, key):
    with pytest.raises((TypeError, IndexError), match=r"name, an integer position, or rows|array"):
        data[key]


def test_members_cannot_be_set_or_deleted(data):
    with pytest.raises(TypeError, match="item assignment"):
        data["age"] = [1] * 6
    with pytest.raises(TypeError, match="item deletion"):
        del data["age"]
    with pytest.raises(AttributeError):
        data.shape = (3,)


def test_changing_the_mapping_it_was_made_from_changes_nothing():
    arrays = {"age": np.array([1, 2])}
    data = Dataset(**arrays)

    arrays["other"] = 5

    assert list(data) == ["age"]


def test_dataset_is_not_hashable(data):
    with pytest.raises(TypeError, match="unhashable"):
        hash(data)


# --- equality -------------------------------------------------------------------------


def test_datasets_of_equal_members_are_equal(mixed):
    assert mixed == Dataset(**{name: copy.deepcopy(member) for name, member in mixed.items()})
    assert mixed != mixed[REVERSED]


@pytest.mark.parametrize("name", ["image", "pandas", "polars", "pyarrow", "counts"])
def test_datasets_that_differ_in_one_member_differ(mixed, name):
    assert mixed != Dataset(**{**mixed, name: mixed[REVERSED][name]})


def test_datasets_of_other_names_order_or_rows_differ(data):
    assert data != Dataset(**{f"{name}_": array for name, array in data.items()})
    assert data != Dataset(**dict(reversed(list(data.items()))))
    assert data != data[:5]
    assert data != Dataset(image=IMAGES)


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.0, np.nan]),
        np.array([1 + 1j, complex(np.nan, 0)]),
        np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"),
        np.array(["a", None], dtype=object),
        np.array(["a", np.nan], dtype=object),
    ],
    ids=["float", "complex", "date", "none", "object"],
)
def test_missing_values_in_the_same_places_are_equal(array):
    assert (Dataset(x=array) == Dataset(x=array.copy())) is True


def test_dataset_differs_from_the_dict_of_its_members():
    assert Dataset(x=[1]) != {"x": [1]}
    assert Dataset(x=[1]) != "x"


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))]
)
def test_copied_dataset_is_equal(mixed, again):
    twin = again(mixed)

    assert twin == mixed
    assert twin[2:] == mixed[2:]


# --- with scikit-learn ----------------------------------------------------------------


def test_train_test_split_cuts_every_member_at_the_same_rows(mixed):
    train, test = train_test_split(mixed, test_size=2, random_state=0)

    assert (len(train), len(test)) == (4, 2)
    rows = as_arrays(test)["counts"].argmax(axis=1)
    assert test == mixed[rows]
    assert isinstance(test["polars"], pl.DataFrame)


def test_train_test_split_stratifies_on_a_member(data):
    train, test, y_train, _y_test = train_test_split(
        data, data["label"], test_size=2, stratify=data["label"], random_state=0
    )

    assert sorted(test["label"]) == ["a", "b"]
    assert_array_equal(y_train, train["label"])


def test_train_test_split_may_keep_the_order(data):
    train, test = train_test_split(data, test_size=2, shuffle=False)

    assert train == data[:4]
    assert test == data[4:]


@pytest.mark.parametrize("splitter", [KFold(3), StratifiedKFold(3)])
def test_splitters_take_a_dataset(data, splitter):
    parts = [data[test]["age"] for _, test in splitter.split(data, data["label"])]

    assert sorted(np.concatenate(parts)) == sorted(AGES)


def test_shuffle_and_resample_take_a_dataset(data):
    shuffled, ages = shuffle(data, data["age"], random_state=0)
    sample = resample(data, n_samples=20, random_state=0)

    assert_array_equal(shuffled["age"], ages)
    assert len(sample) == 20
    assert_array_equal(sample["label"] == "a", np.isin(sample["age"], AGES[::2]))
