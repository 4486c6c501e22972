"""Layers that change the shape of each observation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse

import skmegatron as sm
from skmegatron.errors import ShapeError
from skmegatron.layers.shaping import Concatenate, Flatten

law = settings(deadline=None, max_examples=60)


# Flatten


@law
@given(
    hnp.array_shapes(min_dims=1, max_dims=5, max_side=4).flatmap(
        lambda shape: hnp.arrays(np.int16, shape)
    )
)
def test_flatten_keeps_the_observations_and_their_numbers_in_order(array):
    flat = Flatten().transform(array)

    assert flat.ndim == 2
    assert len(flat) == len(array)
    assert flat.dtype == array.dtype
    for row, observation in zip(flat, array, strict=True):
        assert_array_equal(row, observation.ravel())


@pytest.mark.parametrize(("shape", "expected"), [((0, 2, 3), (0, 6)), ((3, 0, 2), (3, 0))])
def test_flatten_takes_arrays_with_nothing_in_them(shape, expected):
    assert Flatten().transform(np.zeros(shape)).shape == expected


def test_flatten_gives_a_view_where_it_can():
    images = np.zeros((2, 3, 4))

    assert np.shares_memory(Flatten().transform(images), images)


def test_flatten_takes_lists_and_text():
    assert_array_equal(Flatten().transform(["a", "b"]), [["a"], ["b"]])


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_flatten_leaves_a_sparse_matrix_as_it_is(kind):
    X = kind(np.eye(3))

    assert Flatten().transform(X) is X


def test_flatten_takes_a_frame():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})

    assert_array_equal(Flatten().transform(frame), [[1, 3], [2, 4]])


def test_flatten_does_not_need_an_array_in_one_piece():
    images = np.arange(24).reshape(4, 3, 2)[::2, :, ::-1]
    images.setflags(write=False)

    assert_array_equal(Flatten().transform(images), [[1, 0, 3, 2, 5, 4], [13, 12, 15, 14, 17, 16]])


# Concatenate, tables


@law
@given(st.data(), st.integers(1, 5), st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_concatenate_puts_tables_side_by_side(data, n_rows, widths):
    blocks = [data.draw(hnp.arrays(np.int32, (n_rows, width))) for width in widths]

    assert_array_equal(Concatenate().transform(*blocks), np.hstack(blocks))


@pytest.mark.parametrize("axis", [-1, 1])
def test_a_plain_column_becomes_a_column_of_the_table(axis):
    joined = Concatenate(axis).transform(np.array([1, 2]), np.array([[3, 4], [5, 6]]), [7, 8])

    assert_array_equal(joined, [[1, 3, 4, 7], [2, 5, 6, 8]])


@pytest.mark.parametrize("axis", [-1, 1])
def test_plain_columns_alone_become_a_table(axis):
    assert_array_equal(Concatenate(axis).transform([1, 2], [3, 4]), [[1, 3], [2, 4]])


def test_one_array_alone_becomes_a_table():
    assert_array_equal(Concatenate().transform(np.array([1, 2])), [[1], [2]])


@pytest.mark.parametrize(
    ("left", "right", "dtype"),
    [
        (np.float32, np.float32, np.float32),
        (np.float32, np.float64, np.float64),
        (np.int32, np.float64, np.float64),
        (np.uint8, np.int16, np.int16),
        (bool, np.int64, np.int64),
    ],
)
def test_numbers_are_promoted_as_numpy_does(left, right, dtype):
    assert Concatenate().transform(np.ones(2, left), np.ones(2, right)).dtype == dtype


def test_text_beside_numbers_gives_objects_so_that_numbers_stay_numbers():
    joined = Concatenate().transform(np.array(["a", "b"]), np.array([1.5, 2.5]))

    assert joined.dtype == object
    assert joined.tolist() == [["a", 1.5], ["b", 2.5]]


def test_text_beside_text_stays_text():
    joined = Concatenate().transform(np.array(["a", "b"]), np.array(["long", "words"]))

    assert joined.dtype.kind == "U"
    assert joined.tolist() == [["a", "long"], ["b", "words"]]


def test_text_beside_numbers_stays_apart_in_images_too():
    joined = Concatenate().transform(np.full((2, 1, 1), "a"), np.full((2, 1, 1), 5))

    assert joined[0, 0].tolist() == ["a", 5]


def test_dates_beside_numbers_give_objects():
    dates = np.array(["2020-01-01", "2021-01-01"], "datetime64[D]")

    joined = Concatenate().transform(dates, np.array([1, 2]))

    assert joined.dtype == object
    assert joined[:, 1].tolist() == [1, 2]


def test_dates_beside_text_give_objects():
    dates = np.array(["2020-01-01", "2021-01-01"], "datetime64[D]")

    joined = Concatenate().transform(dates, np.array(["new", "year"]))

    assert joined.dtype == object
    assert joined[:, 1].tolist() == ["new", "year"]


def test_nothing_is_written_into_what_is_joined():
    left, right = np.arange(3.0), np.arange(6.0).reshape(3, 2)[:, ::-1]
    for array in (left, right):
        array.setflags(write=False)

    Concatenate().transform(left, right)

    assert_array_equal(left, [0, 1, 2])


# Concatenate, sparse


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_beside_dense_gives_sparse(kind):
    dense = np.array([[1.0, 2.0], [3.0, 4.0]])

    joined = Concatenate().transform(kind(np.eye(2)), dense, np.array([5.0, 6.0]))

    assert sparse.issparse(joined)
    assert joined.format == "csr"
    assert_array_equal(joined.toarray(), np.column_stack([np.eye(2), dense, [5, 6]]))


def test_sparse_beside_sparse_stays_sparse():
    joined = Concatenate().transform(sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(2)))

    assert_array_equal(joined.toarray(), np.hstack([np.eye(2), np.eye(2)]))


# Concatenate, images


def test_images_are_joined_along_their_last_axis():
    red, green = np.zeros((2, 3, 4, 1)), np.ones((2, 3, 4, 2))

    joined = Concatenate().transform(red, green)

    assert joined.shape == (2, 3, 4, 3)
    assert_array_equal(joined, np.concatenate([red, green], axis=-1))


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
def test_images_are_joined_along_any_axis_of_theirs(axis):
    images = np.arange(12).reshape(2, 3, 2)

    assert_array_equal(
        Concatenate(axis).transform(images, images), np.concatenate([images, images], axis)
    )


def test_images_may_differ_along_the_axis_that_joins_them():
    assert Concatenate(axis=1).transform(np.zeros((2, 3, 4)), np.zeros((2, 5, 4))).shape == (
        2,
        8,
        4,
    )


# Concatenate, refusals


@pytest.mark.parametrize(
    ("axis", "shape"),
    [(0, (2,)), (0, (2, 3)), (0, (2, 3, 4)), (-2, (2, 3)), (-3, (2, 3, 4)), (-2, (2,))],
)
def test_the_axis_of_the_observations_is_refused(axis, shape):
    with pytest.raises(ShapeError, match=rf"got axis={axis} for arrays.*Use axis=-1"):
        Concatenate(axis).transform(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize(
    ("axis", "shape"), [(2, (2, 3)), (3, (2, 3, 4)), (2, (2,)), (-4, (2, 3, 4))]
)
def test_an_axis_that_is_not_there_is_refused(axis, shape):
    with pytest.raises(ShapeError, match=f"axis={axis}"):
        Concatenate(axis).transform(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.zeros((2, 3)), np.zeros((4, 3))),
        (np.zeros(2), np.zeros(4)),
        (np.zeros((2, 3)), np.zeros((2, 3, 4))),
        (np.zeros((2, 3, 4)), np.zeros((2, 5, 4))),
        (np.zeros((2, 3, 4)), np.zeros((1, 3, 4))),
        (sparse.csr_array(np.zeros((2, 3))), np.zeros((4, 3))),
        (sparse.csr_array(np.zeros((2, 3))), np.zeros((2, 3, 4))),
    ],
    ids=["rows", "plain rows", "dimensions", "height", "images", "sparse rows", "sparse image"],
)
def test_arrays_that_do_not_fit_together_are_told_with_their_shapes(left, right):
    with pytest.raises(ShapeError, match=r"got .*\(2,") as caught:
        Concatenate().transform(left, right)

    assert str(right.shape) in str(caught.value)


# Concatenate, frames


def test_frames_stay_a_frame_with_all_their_columns():
    left = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    right = pd.DataFrame({"c": [0.5, 1.5]})

    joined = Concatenate().transform(left, right)

    assert list(joined.columns) == ["a", "b", "c"]
    assert joined["a"].dtype == np.int64
    assert joined["c"].tolist() == [0.5, 1.5]


def test_frames_are_joined_row_by_row_whatever_their_index():
    left = pd.DataFrame({"a": [1, 2]}, index=[7, 8])
    right = pd.DataFrame({"b": [3, 4]}, index=[8, 9])

    assert np.asarray(Concatenate().transform(left, right)).tolist() == [[1, 3], [2, 4]]


def test_frames_that_share_a_column_name_become_an_array():
    frame = pd.DataFrame({"a": [1, 2]})

    joined = Concatenate().transform(frame, frame)

    assert isinstance(joined, np.ndarray)
    assert_array_equal(joined, [[1, 1], [2, 2]])


def test_a_frame_beside_an_array_becomes_an_array():
    joined = Concatenate().transform(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), [0.5, 1.5])

    assert joined.tolist() == [[1, "x", 0.5], [2, "y", 1.5]]


def test_frames_of_different_length_are_refused():
    with pytest.raises(ShapeError, match=r"\(2, 1\).*\(3, 1\)"):
        Concatenate().transform(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2, 3]}))


def test_other_dataframes_are_joined_as_arrays():
    polars = pytest.importorskip("polars")

    joined = Concatenate().transform(polars.DataFrame({"a": [1, 2]}), np.array([3, 4]))

    assert_array_equal(joined, [[1, 3], [2, 4]])


# In a pipeline


def test_an_image_and_a_number_become_one_table():
    image, age = sm.Input("image", shape=(2, 2)), sm.Input("age")
    pipe = sm.Pipeline([image, age], Concatenate()([Flatten()(image), age]))

    result = pipe.transform({"image": np.ones((3, 2, 2)), "age": [30, 40, 50]})

    assert result.shape == (3, 5)
    assert_array_equal(result[:, -1], [30, 40, 50])


def test_joined_columns_keep_the_names_they_came_with():
    x, y = sm.Input("x", columns=["a", "b"]), sm.Input("c")
    pipe = sm.Pipeline([x, y], Concatenate()([x, Flatten()(y)]))
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]})

    assert pipe.fit(frame).get_feature_names_out().tolist() == ["a", "b", "c"]
