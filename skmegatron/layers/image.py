"""Layers for pictures: batches of shape (n_rows, height, width, channels).

Grey, black and white, smaller, larger. Results are floats in the range of the input
(a uint8 picture stays between 0 and 255): float32 for pixels of up to 16 bits and for
float32, float64 for everything else.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.layers.core import StatelessLayer

Array = NDArray[Any]

#: What the eye makes of red, green and blue, in the rounding of the 2019 library.
_LUMINOSITY = (0.21, 0.72, 0.07)
#: Images are resized so many bytes at a time: few enough for the processor's cache.
_PART = 500_000


class RGBtoGrey(StatelessLayer):
    """Turn colour images into grey ones.

    Parameters
    ----------
    method : {"luminosity", "lightness", "average"}, default="luminosity"
        How the three channels become one: the weighted mean 0.21 red + 0.72 green + 0.07
        blue, halfway between the largest and the smallest channel, or their mean.
    keep_dim : bool, default=False
        Whether the channel axis stays, with one channel.

    Notes
    -----
    The first axis is the observations. The 2019 library took one image of shape (height,
    width, 3), and on a batch it mixed up the width and the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import RGBtoGrey
    >>> red_and_white = np.array([[[[200, 0, 0], [255, 255, 255]]]], dtype=np.uint8)
    >>> RGBtoGrey().transform(red_and_white).round(2)
    array([[[ 42., 255.]]], dtype=float32)
    """

    def __init__(self, method: str = "luminosity", keep_dim: bool = False) -> None:
        self.method = method
        self.keep_dim = keep_dim

    def transform(self, X: Any) -> Array:
        """Mix the channels.

        Parameters
        ----------
        X : array-like of shape (n_rows, height, width, 3)

        Returns
        -------
        ndarray of shape (n_rows, height, width), or (n_rows, height, width, 1)
            float32 for pixels of up to 16 bits and for float32, else float64. The range is
            that of `X`, up to rounding.

        Raises
        ------
        ValueError
            If `method` is not one of the three.
        ShapeError
            If `X` has another number of axes, or of channels.
        TypeError
            If `X` does not hold real numbers.
        """
        methods = {"luminosity": _luminosity, "lightness": _lightness, "average": _average}
        if self.method not in methods:
            raise ValueError(f"method must be one of {list(methods)}, got {self.method!r}.")
        images = _pixels(X, self)
        if images.ndim != 4 or images.shape[-1] != 3:
            raise ShapeError(
                f"RGBtoGrey takes shape (n_rows, height, width, 3), got {images.shape}. "
                + _colours_for(images.shape)
            )
        grey = methods[self.method](images, _precision(images))
        return grey[..., np.newaxis] if self.keep_dim else grey


class RGBtoBinary(StatelessLayer):
    """Mark the pixels that are not black: 1 where any channel is not zero, else 0.

    Parameters
    ----------
    keep_dim : bool, default=True
        Whether the channel axis stays, with one channel.

    Notes
    -----
    The 2019 library ignored `keep_dim`, took negative values for black, took one image of
    shape (height, width, channels), and gave int64.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import RGBtoBinary
    >>> black_and_blue = np.array([[[[0, 0, 0], [0, 0, 9]]]], dtype=np.uint8)
    >>> RGBtoBinary(keep_dim=False).transform(black_and_blue)
    array([[[0, 1]]], dtype=uint8)
    """

    def __init__(self, keep_dim: bool = True) -> None:
        self.keep_dim = keep_dim

    def transform(self, X: Any) -> Array:
        """Look for a channel that is not zero.

        Parameters
        ----------
        X : array-like of shape (n_rows, height, width, channels)
            A NaN counts as not zero.

        Returns
        -------
        ndarray of uint8 of shape (n_rows, height, width, 1), or (n_rows, height, width)

        Raises
        ------
        ShapeError
            If `X` has another number of axes, or no channel.
        TypeError
            If `X` does not hold real numbers.
        """
        images = _pixels(X, self)
        if images.ndim != 4 or images.shape[-1] == 0:
            raise ShapeError(
                f"RGBtoBinary takes shape (n_rows, height, width, channels), got {images.shape}. "
                "X[np.newaxis] makes a batch of one image, X[..., np.newaxis] gives each grey "
                "image of a batch its one channel."
            )
        coloured = images[..., 0] != 0
        # Channel by channel: numpy is ten times slower along an axis of three.
        for channel in range(1, images.shape[-1]):
            np.logical_or(coloured, images[..., channel], out=coloured)
        binary: Array = coloured.view(np.uint8)
        return binary[..., np.newaxis] if self.keep_dim else binary


class _Resize(StatelessLayer):
    """Resizing in either direction; the subclasses say which one."""

    def __init__(self, new_shape: Sequence[int]) -> None:
        self.new_shape = new_shape

    def _resized(self, X: Any, *, larger: bool) -> Array:
        images = _pixels(X, self)
        if images.ndim not in (3, 4) or 0 in images.shape[1:]:
            raise ShapeError(
                f"{self!r} takes shape (n_rows, height, width) or (n_rows, height, width, "
                f"channels), got {images.shape}. X[np.newaxis] makes a batch of one image; each "
                "needs at least one pixel."
            )
        new = self._height_and_width(images.shape)
        old = images.shape[1:3]
        grows = [after > before for after, before in zip(new, old, strict=True)]
        shrinks = [after < before for after, before in zip(new, old, strict=True)]
        if any(shrinks if larger else grows):
            instead = f"Downsample({new})" if larger else f"Upsample({new})"
            if any(shrinks) and any(grows):
                between = tuple(map(max if larger else min, old, new))
                instead = f"{type(self).__name__}({between}) and then {instead}"
            raise ShapeError(
                f"{self!r} makes images {'larger' if larger else 'smaller'}, got images of "
                f"{old[0]} x {old[1]} in shape {images.shape}. Use {instead}."
            )
        return _resize(images, new)

    def _height_and_width(self, shape: tuple[int, ...]) -> tuple[int, int]:
        try:
            new = tuple(operator.index(size) for size in self.new_shape)
        except TypeError:
            new = ()
        if len(new) not in (2, 3) or min(new) < 1:
            raise ValueError(
                "new_shape must be (height, width) in whole numbers from 1 on, got "
                f"{self.new_shape!r}. Write {type(self).__name__}((24, 24))."
            )
        if new[2:] and new[2:] != shape[3:]:
            raise ShapeError(
                f"{self!r} takes images of {new[2]} channels, which it keeps as they are, got "
                f"shape {shape}. Write {type(self).__name__}({new[:2]})."
            )
        return new[0], new[1]


class Downsample(_Resize):
    """Make images smaller, without aliasing.

    Parameters
    ----------
    new_shape : tuple of int
        Height and width to come to, or height, width and the number of channels, which
        stays as it is.

    Notes
    -----
    The result is that of scikit-image's ``resize(image, new_shape, anti_aliasing=True,
    preserve_range=True)``: a Gaussian blur of standard deviation (factor - 1) / 2, mirrored
    at the border, then linear interpolation. Both are linear, so each axis takes one
    product with a matrix of few nonzeros, and no image depends on the others in its batch.

    The first axis is the observations; the 2019 library took one image, and failed.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Downsample
    >>> halves = np.repeat([[[0, 0, 0, 0, 8, 8, 8, 8]]], 4, axis=1).astype(np.uint8)
    >>> Downsample((2, 4)).transform(halves).round(1)
    array([[[0. , 0.4, 7.6, 8. ],
            [0. , 0.4, 7.6, 8. ]]], dtype=float32)
    """

    def transform(self, X: Any) -> Array:
        """Shrink each image.

        Parameters
        ----------
        X : array-like of shape (n_rows, height, width) or (n_rows, height, width, channels)
            A NaN spreads to the new pixels around it only.

        Returns
        -------
        ndarray of shape (n_rows, new_height, new_width) or with the channels behind
            float32 for pixels of up to 16 bits and for float32, else float64. The range is
            that of each image.

        Raises
        ------
        ValueError
            If `new_shape` is not two or three whole numbers.
        ShapeError
            If `X` is not a batch of images, or smaller than `new_shape`.
        TypeError
            If `X` does not hold real numbers.
        """
        return self._resized(X, larger=False)


class Upsample(_Resize):
    """Make images larger, by linear interpolation.

    Parameters
    ----------
    new_shape : tuple of int
        Height and width to come to, or height, width and the number of channels, which
        stays as it is.

    Notes
    -----
    The result is that of scikit-image's ``resize(image, new_shape, preserve_range=True)``.
    The first axis is the observations; the 2019 library took one image.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Upsample
    >>> Upsample((1, 4)).transform(np.array([[[0.0, 4.0]]]))
    array([[[1., 1., 3., 3.]]])
    """

    def transform(self, X: Any) -> Array:
        """Enlarge each image.

        Parameters
        ----------
        X : array-like of shape (n_rows, height, width) or (n_rows, height, width, channels)

        Returns
        -------
        ndarray of shape (n_rows, new_height, new_width) or with the channels behind
            float32 for pixels of up to 16 bits and for float32, else float64. The range is
            that of each image.

        Raises
        ------
        ValueError
            If `new_shape` is not two or three whole numbers.
        ShapeError
            If `X` is not a batch of images, or larger than `new_shape`.
        TypeError
            If `X` does not hold real numbers.
        """
        return self._resized(X, larger=True)


def _resize(images: Array, new: tuple[int, int]) -> Array:
    n_rows, height, width = images.shape[:3]
    channels = images.shape[3] if images.ndim == 4 else 1
    dtype = _precision(images)
    resized = np.empty((n_rows, new[0] * new[1] * channels), dtype)
    along_width = resize_matrix(width, new[1], channels=channels, dtype=dtype.name)
    pixels = max(height * width, new[0] * new[1]) * channels
    step = max(1, _PART // (pixels * dtype.itemsize))
    for start in range(0, n_rows, step):
        part = images[start : start + step].astype(dtype, copy=False)
        along_height = resize_matrix(height, new[0], images=len(part), dtype=dtype.name)
        lines = part.reshape(-1, width * channels)
        if new[0] <= height:  # few lines first
            lines = along_height @ lines
        lines = (along_width @ lines.T).T
        if new[0] > height:
            lines = along_height @ lines
        means = lines.reshape(len(part), -1)
        # Rounding can take a weighted mean out of its range by a hair.
        part = part.reshape(len(part), -1)
        lowest = np.fmin.reduce(part, axis=1, keepdims=True)
        highest = np.fmax.reduce(part, axis=1, keepdims=True)
        np.clip(means, lowest, highest, out=resized[start : start + step])
    return resized.reshape(n_rows, *new, *images.shape[3:])


@lru_cache(maxsize=64)
def resize_matrix(
    size: int, new_size: int, *, images: int = 1, channels: int = 1, dtype: str = "float64"
) -> Any:
    """Give the matrix that resizes one axis.

    Parameters
    ----------
    size, new_size : int
        Pixels along the axis, before and after.
    images : int, default=1
        How many images stand one below the other.
    channels : int, default=1
        How many numbers stand side by side for one pixel.
    dtype : str, default="float64"
        Name of a float dtype.

    Returns
    -------
    sparse array of shape (images * new_size * channels, images * size * channels)
        In CSR format, and read-only, for it is shared.

    Notes
    -----
    Each row holds the weights of linear interpolation between two pixels, each of which
    was blurred before: scikit-image's ``resize``, written as a matrix.

    Examples
    --------
    >>> from skmegatron.layers.image import resize_matrix
    >>> resize_matrix(2, 4).toarray()
    array([[0.75, 0.25],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.25, 0.75]])
    """
    factor = size / new_size
    places = (np.arange(new_size) + 0.5) * factor - 0.5
    left = np.floor(places)
    blur = _gaussian(max(0.0, (factor - 1) / 2))
    offsets = np.arange(len(blur)) - len(blur) // 2
    between = np.stack([1 - (places - left), places - left], axis=1)
    weights = between[:, :, np.newaxis] * blur
    pixels = left[:, np.newaxis, np.newaxis] + [[0], [1]] + offsets
    rows = np.broadcast_to(np.arange(new_size)[:, np.newaxis, np.newaxis], weights.shape)
    entries = (rows.ravel(), _mirrored(pixels, size).ravel())
    one = sparse.coo_array((weights.ravel(), entries), shape=(new_size, size)).tocsr()
    one.eliminate_zeros()
    side_by_side = sparse.kron(one, sparse.eye_array(channels), format="csr")
    matrix = sparse.kron(sparse.eye_array(images), side_by_side, format="csr").astype(dtype)
    for part in (matrix.data, matrix.indices, matrix.indptr):
        part.flags.writeable = False
    return matrix


def _gaussian(sigma: float) -> Array:
    """Sample the bell curve as scipy does: up to four standard deviations."""
    radius = int(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    bell: Array = np.exp(-0.5 * (offsets / sigma) ** 2) if radius else np.ones(1)
    bell /= bell.sum()
    return bell


def _mirrored(pixels: Array, size: int) -> Array:
    """Fold positions outside an axis back into it, about the middle of its end pixels."""
    period = max(2 * (size - 1), 1)
    folded = np.abs(pixels).astype(np.intp) % period
    return np.minimum(folded, period - folded)


def _luminosity(images: Array, dtype: np.dtype[Any]) -> Array:
    # Weights in float32 where the result is: float64 ones cost five times as much.
    grey: Array = images @ np.array(_LUMINOSITY, dtype)
    return grey


def _lightness(images: Array, dtype: np.dtype[Any]) -> Array:
    red, green, blue = np.moveaxis(images, -1, 0)
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    grey: Array = np.add(high, low, dtype=dtype)
    grey /= 2
    return grey


def _average(images: Array, dtype: np.dtype[Any]) -> Array:
    grey: Array = images @ np.ones(3, dtype)
    grey /= 3
    return grey


def _pixels(X: Any, layer: StatelessLayer) -> Array:
    images = np.asarray(X)
    if images.dtype.kind not in "buif":
        raise TypeError(
            f"{type(layer).__name__} takes images as an array of numbers, got "
            f"{type(X).__name__} of dtype {images.dtype}. Images of one size make an array with "
            "np.stack(images)."
        )
    return images


def _precision(images: Array) -> np.dtype[Any]:
    """Tell float32 where that holds every pixel, else float64."""
    return np.promote_types(images.dtype, np.float32)


def _colours_for(shape: tuple[int, ...]) -> str:
    """Say what to type for a batch without three channels."""
    if len(shape) == 4:
        wanted = (*shape[1:3], 3)
        return (
            f"Draw the input with its three colours, sm.Input('image', shape={wanted}), and feed "
            "such images; X[..., :3] drops an alpha channel."
        )
    if len(shape) == 3 and shape[-1] != 3:
        return "Images without a channel axis are grey already: leave the layer out."
    return "The first axis is the images: X[np.newaxis] makes a batch of one image."
