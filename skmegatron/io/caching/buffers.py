"""Bytes that can be handed on without a copy.

A cache must not hold a buffer that its maker could still write into, so in general it copies.
`seal` marks a buffer that was filled for the purpose and that nobody writes into again: a
cache may keep that one as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Arrays begin at multiples of this: what vector instructions and other libraries like best.
ALIGNMENT = 64


class _Sealed(np.ndarray[Any, np.dtype[np.uint8]]):
    """Bytes that nobody writes into any more."""


def aligned(n_bytes: int) -> NDArray[np.uint8]:
    """Give a fresh buffer that begins at a multiple of 64 bytes.

    Parameters
    ----------
    n_bytes : int

    Returns
    -------
    ndarray of uint8 of shape (n_bytes,)
        Its content is arbitrary.
    """
    block = np.empty(n_bytes + ALIGNMENT, dtype=np.uint8)
    start = -int(block.__array_interface__["data"][0]) % ALIGNMENT
    return block[start : start + n_bytes]


def padded(n_bytes: int) -> int:
    """Round a number of bytes up to where the next array may begin.

    Parameters
    ----------
    n_bytes : int

    Returns
    -------
    int

    Examples
    --------
    >>> from skmegatron.io.caching.buffers import padded
    >>> padded(0), padded(1), padded(64)
    (0, 64, 64)
    """
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT


def seal(block: NDArray[np.uint8]) -> memoryview:
    """Give the bytes of a filled buffer, read-only; the caller writes into it no more.

    Parameters
    ----------
    block : ndarray of uint8 of shape (n_bytes,)
        As `aligned` gives it.

    Returns
    -------
    memoryview
    """
    # The owner of the memory is sealed too, or its views could be made writeable again.
    if isinstance(block.base, np.ndarray):
        block.base.flags.writeable = False
    sealed = block.view(_Sealed)
    sealed.flags.writeable = False
    return memoryview(sealed)  # type: ignore[arg-type]


def view_of(value: Any) -> memoryview:
    """Give the bytes of any bytes-like object, without a copy.

    Parameters
    ----------
    value : bytes-like

    Returns
    -------
    memoryview
        Read-only, of single bytes.

    Raises
    ------
    TypeError
        If it is not bytes-like.
    """
    try:
        view = memoryview(value)
    except TypeError:
        raise TypeError(
            f"A cache keeps bytes, got {type(value)}. "
            "skmegatron.io.caching.encode(value, {}) makes bytes of it."
        ) from None
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    if view.format != "B" or view.ndim != 1:
        view = view.cast("B") if view.nbytes else memoryview(b"")
    return view.toreadonly()


def kept(view: memoryview) -> memoryview:
    """Give the same bytes in a buffer that never changes: a copy, unless it is one already.

    Parameters
    ----------
    view : memoryview
        As `view_of` gives it.

    Returns
    -------
    memoryview
    """
    if isinstance(view.obj, bytes | _Sealed):
        return view
    block = aligned(view.nbytes)
    block[:] = view
    return seal(block)
