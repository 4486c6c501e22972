"""Pictures: grey, black and white, smaller and larger, against numpy and scikit-image."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from skimage.transform import resize
from sklearn.base import clone
from sklearn.datasets import load_sample_images

import skmegatron as sm
from skmegatron.errors import ShapeError
from skmegatron.layers.image import (
    Downsample,
    RGBtoBinary,
    RGBtoGrey,
    Upsample,
    resize_matrix,
)
from skmegatron.testing import check_layer

law = settings(deadline=None, max_examples=60)

SINGLE = [bool, np.uint8, np.int8, np.uint16, np.int16, np.float16, np.float32]
DOUBLE = [np.uint32, np.int32, np.int64, np.uint64, np.float64]
METHODS = ["luminosity", "lightness", "average"]

sizes = st.integers(1, 24)


def pixels(shape, dtype=np.float64, seed=0):
    random = np.random.default_rng(seed).random(shape)
    return (random * (1 if np.dtype(dtype).kind in "bf" else 100)).astype(dtype)


def colours(min_side=0, dtypes=(np.uint8, np.uint16, np.float32, np.float64)):
    shapes = st.tuples(*[st.integers(min_side, 4)] * 3).map(lambda shape: (*shape, 3))
    return st.sampled_from(dtypes).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            shapes,
            elements=st.integers(0, 255)
            if np.dtype(dtype).kind == "u"
            else st.floats(0, 1, width=32),
        )
    )


def grey_by_numpy(images, method):
    images = images.astype(np.float64)
    if method == "luminosity":
        return 0.21 * images[..., 0] + 0.72 * images[..., 1] + 0.07 * images[..., 2]
    if method == "lightness":
        return (images.max(axis=-1) + images.min(axis=-1)) / 2
    return images.mean(axis=-1)


def by_skimage(images, new, anti_aliasing):
    return np.stack(
        [
            resize(image, new, anti_aliasing=anti_aliasing, preserve_range=True)
            for image in images.astype(np.float64)
        ]
    )


def psnr(result, expected, peak):
    return 10 * np.log10(peak**2 / np.mean(np.square(result - expected)))


def inputs_in_odd_memory(images):
    """Give the same images read-only, reversed, in Fortran order, and channels first."""
    frozen = images.copy()
    frozen.flags.writeable = False
    yield frozen
    yield images[::-1, ::-1].copy()[::-1, ::-1]
    yield np.asfortranarray(images)
    yield np.moveaxis(np.ascontiguousarray(np.moveaxis(images, -1, 1)), 1, -1)
    yield np.repeat(images, 2, axis=2)[:, :, ::2]
    yield images.astype(images.dtype.newbyteorder())


# Grey


@law
@given(colours(), st.sampled_from(METHODS))
def test_grey_agrees_with_numpy(images, method):
    grey = RGBtoGrey(method).transform(images)

    assert_allclose(grey, grey_by_numpy(images, method), rtol=1e-5, atol=1e-6)
    assert grey.shape == images.shape[:-1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", SINGLE + DOUBLE)
def test_grey_is_float32_where_that_holds_the_pixels_and_else_float64(method, dtype):
    grey = RGBtoGrey(method).transform(pixels((2, 3, 4, 3), dtype))

    assert grey.dtype == (np.float32 if dtype in SINGLE else np.float64)


@pytest.mark.parametrize("method", METHODS)
def test_grey_does_not_overflow_in_uint8(method):
    white = np.full((1, 2, 2, 3), 255, np.uint8)

    assert_allclose(RGBtoGrey(method).transform(white), 255, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(0, 2, 3, 3), (1, 1, 1, 3), (2, 0, 3, 3)])
def test_grey_takes_batches_with_little_or_nothing_in_them(method, shape):
    kept = RGBtoGrey(method, keep_dim=True).transform(np.zeros(shape, np.uint8))

    assert kept.shape == (*shape[:3], 1)


@pytest.mark.parametrize("method", METHODS)
def test_grey_keeps_nan_and_infinity_to_their_pixel(method):
    images = np.ones((1, 2, 2, 3))
    images[0, 0, 0, 1], images[0, 1, 1, 2] = np.nan, np.inf

    assert_array_equal(RGBtoGrey(method).transform(images)[0], [[np.nan, 1], [1, np.inf]])


@pytest.mark.parametrize("method", METHODS)
def test_grey_does_not_mind_how_the_images_lie_in_memory(method):
    images = pixels((3, 4, 5, 3), np.float32)
    expected = RGBtoGrey(method).transform(images)

    for odd in inputs_in_odd_memory(images):
        assert_allclose(RGBtoGrey(method).transform(odd), expected, rtol=1e-6)


def test_one_channel_cannot_become_grey_and_the_error_says_how_to_draw_the_input():
    wanted = r"got \(5, 48, 48, 1\).*sm\.Input\('image', shape=\(48, 48, 3\)\)"
    with pytest.raises(ShapeError, match=wanted):
        RGBtoGrey().transform(np.zeros((5, 48, 48, 1)))


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((8, 8, 3), r"X\[np\.newaxis\]"),
        ((5, 8, 8), "grey already"),
        ((5, 8, 8, 4), r"X\[\.\.\., :3\]"),
        ((8,), r"X\[np\.newaxis\]"),
    ],
)
def test_grey_refuses_other_shapes_and_says_what_to_type(shape, hint):
    with pytest.raises(ShapeError, match=hint) as caught:
        RGBtoGrey().transform(np.zeros(shape))

    assert f"got {shape}" in str(caught.value)


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"\['luminosity', 'lightness', 'average'\], got 'mean'"):
        RGBtoGrey("mean").transform(np.zeros((1, 2, 2, 3)))


# Black and white


@law
@given(colours(), st.booleans())
def test_binary_is_one_where_any_channel_is_not_zero(images, keep_dim):
    binary = RGBtoBinary(keep_dim).transform(images)

    expected = (images != 0).any(axis=-1, keepdims=keep_dim)
    assert_array_equal(binary, expected)
    assert binary.dtype == np.uint8


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_binary_takes_any_number_of_channels(channels):
    images = np.zeros((2, 3, 3, channels), np.int16)
    images[1, 2, 0, -1] = -1

    binary = RGBtoBinary(keep_dim=False).transform(images)

    assert binary.sum() == binary[1, 2, 0] == 1


def test_binary_counts_what_is_not_a_number_as_not_black():
    images = np.array([[[[np.nan], [np.inf], [-0.0], [1e-300]]]])

    assert_array_equal(RGBtoBinary(keep_dim=False).transform(images), [[[1, 1, 0, 1]]])


def test_binary_does_not_mind_how_the_images_lie_in_memory():
    images = np.random.default_rng(0).integers(0, 2, (3, 4, 5, 3)).astype(np.uint8)

    for odd in inputs_in_odd_memory(images):
        assert_array_equal(RGBtoBinary().transform(odd), RGBtoBinary().transform(images))


@pytest.mark.parametrize("shape", [(8, 8, 3), (5, 8, 8, 0), (8, 8)])
def test_binary_refuses_other_shapes_and_says_what_to_type(shape):
    with pytest.raises(ShapeError, match=r"X\[np\.newaxis\]") as caught:
        RGBtoBinary().transform(np.zeros(shape))

    assert f"got {shape}" in str(caught.value)


# Smaller and larger


@law
@given(sizes, sizes, sizes, sizes, st.sampled_from([(), (1,), (3,)]), st.integers(0, 2))
def test_downsample_is_scikit_image_with_anti_aliasing(height, width, h, w, channels, n_rows):
    new = min(height, h), min(width, w)
    images = pixels((n_rows + 1, height, width, *channels))

    small = Downsample(new).transform(images)

    assert_allclose(small, by_skimage(images, new, True), atol=1e-12)
    assert small.shape == (n_rows + 1, *new, *channels)


@law
@given(sizes, sizes, sizes, sizes, st.sampled_from([(), (1,), (3,)]), st.integers(0, 2))
def test_upsample_is_scikit_image(height, width, h, w, channels, n_rows):
    new = max(height, h), max(width, w)
    images = pixels((n_rows + 1, height, width, *channels))

    large = Upsample(new).transform(images)

    assert_allclose(large, by_skimage(images, new, False), atol=1e-12)
    assert large.shape == (n_rows + 1, *new, *channels)


@pytest.mark.parametrize("new", [(107, 160), (1, 1), (426, 639), (100, 640), (61, 77)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_photographs_shrink_as_in_scikit_image_to_over_a_hundred_decibels(new, dtype):
    photographs = np.stack(load_sample_images().images).astype(dtype)

    small = Downsample(new).transform(photographs)

    assert small.dtype == np.float32
    assert psnr(small, by_skimage(photographs, new, True), peak=255) > 120


def test_photographs_grow_as_in_scikit_image_to_over_a_hundred_decibels():
    photographs = np.stack(load_sample_images().images)[:, ::8, ::8]

    large = Upsample((200, 300)).transform(photographs)

    assert psnr(large, by_skimage(photographs, (200, 300), False), peak=255) > 120


def test_shrinking_stripes_gives_grey_and_not_other_stripes():
    stripes = np.tile(np.array([0, 255], np.uint8), (1, 64, 32))

    small = Downsample((21, 21)).transform(stripes)

    assert_allclose(small[:, :, 2:-2], 127.5, atol=8)


@pytest.mark.parametrize("dtype", SINGLE + DOUBLE)
def test_resizing_gives_float32_where_that_holds_the_pixels_and_else_float64(dtype):
    images = pixels((2, 8, 8, 3), dtype)

    expected = np.float32 if dtype in SINGLE else np.float64
    assert Downsample((4, 4)).transform(images).dtype == expected
    assert Upsample((9, 9)).transform(images).dtype == expected


@law
@given(
    hnp.arrays(np.float32, (2, 5, 6), elements=st.floats(-1e6, 1e6, width=32)),
    st.sampled_from([Downsample((2, 3)), Downsample((5, 1)), Upsample((11, 7))]),
)
def test_each_image_stays_within_its_own_range(images, layer):
    resized = layer.transform(images)

    for image, result in zip(images, resized, strict=True):
        assert image.min() <= result.min()
        assert result.max() <= image.max()


@pytest.mark.parametrize("layer", [Downsample((4, 8)), Upsample((4, 8)), Downsample([4, 8, 3])])
def test_the_same_size_changes_no_pixel(layer):
    images = pixels((3, 4, 8, 3), np.uint8)

    assert_array_equal(layer.transform(images), images)


def test_sizes_may_come_as_numpy_integers():
    assert Downsample(np.array([2, 3])).transform(pixels((1, 4, 4))).shape == (1, 2, 3)


@pytest.mark.parametrize("shape", [(0, 6, 6), (0, 6, 6, 3)])
@pytest.mark.parametrize("layer", [Downsample((3, 6)), Upsample((6, 9))])
def test_a_batch_of_no_images_keeps_its_shape(shape, layer):
    resized = layer.transform(np.zeros(shape, np.uint8))

    assert resized.shape == (0, *layer.new_shape, *shape[3:])


@pytest.mark.parametrize("layer", [Downsample((13, 9)), Upsample((70, 71))])
def test_no_image_depends_on_its_neighbours_in_the_batch(layer):
    images = pixels((60, 64, 64, 3), np.float32)  # several parts, the last one shorter

    whole = layer.transform(images)

    for place in (0, 20, 59):
        assert_array_equal(layer.transform(images[place : place + 1])[0], whole[place])


def test_a_hole_spreads_to_the_pixels_around_it_only():
    images = np.ones((2, 40, 40))
    images[0, 20, 20] = np.nan

    small = Downsample((20, 20)).transform(images)

    assert np.isnan(small[0]).sum() in range(1, 26)
    assert_array_equal(small[1], 1)
    assert_allclose(small[0][~np.isnan(small[0])], 1)


def test_an_infinite_pixel_stays_infinite_where_it_is_and_leaves_the_rest_alone():
    images = np.ones((1, 40, 40))
    images[0, 20, 20] = np.inf

    large = Upsample((80, 80)).transform(images)

    assert np.isinf(large).sum() in range(1, 17)
    assert_array_equal(large[np.isfinite(large)], 1)


@pytest.mark.parametrize("layer", [Downsample((2, 3)), Upsample((9, 8))])
def test_resizing_does_not_mind_how_the_images_lie_in_memory(layer):
    images = pixels((3, 4, 5, 3), np.float32)

    for odd in inputs_in_odd_memory(images):
        assert_array_equal(layer.transform(odd), layer.transform(images))


def test_lists_are_images_too():
    assert_array_equal(Downsample((1, 1)).transform([[[3, 3], [3, 3]]]), [[[3]]])


@pytest.mark.parametrize(
    ("layer", "instead"),
    [
        (Downsample((8, 8)), r"Use Upsample\(\(8, 8\)\)"),
        (Upsample((2, 2)), r"Use Downsample\(\(2, 2\)\)"),
        (Downsample((2, 8)), r"Use Downsample\(\(2, 4\)\) and then Upsample\(\(2, 8\)\)"),
        (Upsample((2, 8)), r"Use Upsample\(\(4, 8\)\) and then Downsample\(\(2, 8\)\)"),
    ],
)
def test_the_wrong_direction_is_refused_with_the_layers_to_use(layer, instead):
    with pytest.raises(ShapeError, match=rf"got images of 4 x 4 in shape \(5, 4, 4\).*{instead}"):
        layer.transform(np.zeros((5, 4, 4)))


@pytest.mark.parametrize(
    "new_shape", [4, (4,), (1, 2, 3, 4), (0, 4), (-1, 4), (1.5, 4), "ab", None]
)
def test_a_new_shape_that_is_none_is_refused(new_shape):
    with pytest.raises(ValueError, match=r"\(height, width\).*Write Downsample\(\(24, 24\)\)"):
        Downsample(new_shape).transform(np.zeros((1, 8, 8)))


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (1, 8, 8)])
def test_the_number_of_channels_cannot_change(shape):
    with pytest.raises(ShapeError, match=r"images of 1 channels.*Write Downsample\(\(4, 4\)\)"):
        Downsample((4, 4, 1)).transform(np.zeros(shape))


@pytest.mark.parametrize("shape", [(8, 8), (1, 0, 8), (1, 8, 8, 0), (1, 2, 8, 8, 3)])
def test_resizing_refuses_other_shapes_and_says_what_to_type(shape):
    with pytest.raises(ShapeError, match=r"X\[np\.newaxis\]") as caught:
        Downsample((4, 4)).transform(np.zeros(shape))

    assert f"got {shape}" in str(caught.value)


@pytest.mark.parametrize(
    "layer", [RGBtoGrey(), RGBtoBinary(), Downsample((1, 1)), Upsample((9, 9))]
)
@pytest.mark.parametrize(
    "X",
    [
        np.array([["a"]]),
        np.zeros((1, 2, 2, 3), complex),
        np.zeros((1, 2, 2, 3), object),
        sparse.eye(3),
        pd.DataFrame({"path": ["a.png"]}),
    ],
    ids=["text", "complex", "object", "sparse", "frame"],
)
def test_what_is_no_picture_is_refused(layer, X):
    with pytest.raises(TypeError, match=rf"{type(layer).__name__} takes images.*np\.stack"):
        layer.transform(X)


# The matrices


@law
@given(st.integers(1, 80), st.integers(1, 80))
def test_every_new_pixel_is_a_weighted_mean_of_the_old_ones(size, new_size):
    matrix = resize_matrix(size, new_size)

    assert matrix.shape == (new_size, size)
    assert matrix.data.min() >= 0
    assert_allclose(matrix.sum(axis=1), 1)


def test_matrices_are_made_once_and_nobody_can_write_into_them():
    matrix = resize_matrix(10, 5)

    assert resize_matrix(10, 5) is matrix
    with pytest.raises(ValueError, match="read-only"):
        matrix.data[0] = 7


def test_the_matrix_of_a_large_picture_is_small():
    matrix = resize_matrix(4000, 400)

    assert matrix.nnz < 400 * 50


# All of them


@pytest.mark.parametrize(
    "layer",
    [
        *[RGBtoGrey(method, keep_dim=True) for method in METHODS],
        RGBtoBinary(),
        Downsample((5, 3)),
        Upsample((9, 20, 3)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_the_layer_passes_the_battery(layer, dtype):
    check_layer(layer, pixels((7, 8, 9, 3), dtype))


def test_the_layers_work_in_a_pipeline_its_clones_and_with_other_parameters():
    image = sm.Input("image", shape=(48, 48, 3))
    grey = RGBtoGrey(keep_dim=True)(image, "grey")
    small = Downsample((12, 12))(grey, "small")
    pipe = sm.Pipeline(image, sm.layers.Flatten()(small))
    images = pixels((6, 48, 48, 3), np.uint8)

    first = pipe.fit_transform(images)
    other = clone(pipe).set_params(small__new_shape=(6, 6), grey__method="average")

    assert_array_equal(clone(pipe).fit(images).transform(images), first)
    assert first.shape == (6, 144)
    assert other.fit_transform(images).shape == (6, 36)
    assert pipe.get_params()["small__new_shape"] == (12, 12)


def test_an_input_of_one_channel_fails_in_the_pipeline_with_the_step_and_the_cure():
    image = sm.Input("image", shape=(48, 48, 1))
    pipe = sm.Pipeline(image, RGBtoGrey(keep_dim=True)(image, "grey"))

    with pytest.raises(ShapeError, match=r"sm\.Input\('image', shape=\(48, 48, 3\)\)") as caught:
        pipe.fit_transform(np.zeros((5, 48, 48, 1)))

    assert "at step 'grey' (RGBtoGrey)" in caught.value.__notes__[0]
