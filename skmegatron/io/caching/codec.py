"""What a step gave or learned, as bytes and back.

An encoding is a prefix, a head, and blocks that begin at multiples of 64 bytes. The head is a
small pickle: what kind of value it is, how each block lies, and the caller's own `meta`.
Arrays are blocks of their raw bytes, which decoding gives back without a copy; anything else
is one block that holds a pickle.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from skmegatron.io.caching.buffers import aligned, padded, seal, view_of
from skmegatron.io.caching.living import pickled

#: Magic, length of the head, its hash, length of everything.
_PREFIX = struct.Struct("<4sIQQ")
_MAGIC = b"SKM\x01"

#: Kinds of numbers, times and text whose bytes are all there is to them.
_RAW_KINDS = frozenset("biufcmMSUV")

_Kind = Literal["array", "tuple", "list", "pickle"]


class _Block(NamedTuple):
    """Where an array lies, counted from the first block, and how."""

    start: int
    dtype: Any
    shape: tuple[int, ...]
    order: Literal["C", "F"]


def encode(value: Any, meta: Mapping[str, Any]) -> memoryview:
    """Write a value and a few words about it as bytes.

    Parameters
    ----------
    value : object
        Arrays, and tuples and lists of them, are copied once; anything else is pickled.
    meta : mapping of str to plain values

    Returns
    -------
    memoryview
        Read-only; a `MemoryCache` keeps it without a copy.

    Raises
    ------
    Exception
        What pickling raises, if the value cannot be pickled.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.caching import decode, encode
    >>> decode(encode(np.arange(3), {"seconds": 0.5}))
    (array([0, 1, 2]), {'seconds': 0.5})
    """
    kind, arrays = _sorted_out(value)
    blocks, end = _laid_out(arrays)
    head = pickle.dumps((kind, [tuple(block) for block in blocks], dict(meta)), protocol=5)
    first = padded(_PREFIX.size + len(head))
    buffer = aligned(first + end)
    check = xxhash.xxh3_64_intdigest(head)
    start = _PREFIX.pack(_MAGIC, len(head), check, len(buffer)) + head
    # Gaps are filled too: what the memory held before belongs into no file.
    buffer[:first] = np.frombuffer(start.ljust(first, b"\0"), dtype=np.uint8)
    for block, array in zip(blocks, arrays, strict=True):
        place = first + block.start
        target: NDArray[Any] = np.ndarray(
            array.shape, array.dtype, buffer, offset=place, order=block.order
        )
        if array.dtype.fields is None:
            target[...] = array
        else:
            _copy_records(target, array, block.order)
        buffer[place + array.nbytes : place + padded(array.nbytes)] = 0
    return seal(buffer)


def decode(buffer: bytes | memoryview) -> tuple[Any, dict[str, Any]]:
    """Read what `encode` wrote.

    Parameters
    ----------
    buffer : bytes-like

    Returns
    -------
    value : object
        Arrays, and those in tuples and lists, are read-only views into `buffer`. What was
        pickled is independent of it.
    meta : dict of str to object

    Raises
    ------
    ValueError
        If it is not what `encode` wrote, whole, or names code that is not there any more.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.caching import decode, encode
    >>> value, meta = decode(encode((np.eye(2), ["a", "b"]), {"step": "pca"}))
    >>> value[1], meta, value[0].flags.writeable
    (['a', 'b'], {'step': 'pca'}, True)
    """
    view = view_of(buffer)
    try:
        return _decoded(view)
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise ValueError(
            f"Expected bytes made by encode(), got {view.nbytes} bytes whose reading stopped "
            f"with {type(error).__name__}: {error}. Compute the value again."
        ) from error


def _decoded(view: memoryview) -> tuple[Any, dict[str, Any]]:
    magic, head_size, check, size = _PREFIX.unpack_from(view)
    if magic != _MAGIC or size != view.nbytes:
        raise ValueError("they begin or end in another way")
    end = _PREFIX.size + head_size
    head = view[_PREFIX.size : end]
    if xxhash.xxh3_64_intdigest(head) != check:
        raise ValueError("their head is damaged")
    kind, layout, meta = pickle.loads(head)
    blocks = [_Block(*block) for block in layout]
    content = view[padded(end) :]
    if kind == "pickle":
        return pickle.loads(content[: blocks[0].shape[0]]), meta
    arrays = [_array(content, block) for block in blocks]
    if kind == "array":
        return arrays[0], meta
    return (tuple(arrays) if kind == "tuple" else arrays), meta


def _array(content: memoryview, block: _Block) -> NDArray[Any]:
    dtype = np.dtype(block.dtype)
    array: NDArray[Any] = np.ndarray(
        block.shape, dtype, content, offset=block.start, order=block.order
    )
    if not array.flags.aligned:  # a buffer that somebody else made may begin anywhere
        array = array.copy(order="K")
        array.flags.writeable = False
    return array


def _sorted_out(value: Any) -> tuple[_Kind, Sequence[NDArray[Any]]]:
    """Tell how a value is written, and give the arrays that hold all of it."""
    if _is_raw(value):
        return "array", [np.asarray(value)]
    if type(value) in (list, tuple) and all(map(_is_raw, value)):
        return ("list" if type(value) is list else "tuple"), [np.asarray(item) for item in value]
    return "pickle", [np.frombuffer(pickled(value), dtype=np.uint8)]


def _is_raw(value: Any) -> bool:
    """Tell whether the bytes, dtype and shape of a value are all there is to it."""
    if type(value) not in (np.ndarray, np.memmap):
        return False
    dtype = value.dtype
    # isbuiltin 2: a dtype of another package, which calls itself void.
    plain = dtype.kind in _RAW_KINDS and dtype.isbuiltin != 2
    return plain and not dtype.hasobject and dtype.itemsize > 0


def _laid_out(arrays: Sequence[NDArray[Any]]) -> tuple[list[_Block], int]:
    """Give the place of every array, and where the last one ends."""
    blocks, end = [], 0
    for array in arrays:
        dtype = array.dtype
        told = dtype if dtype.kind == "V" else dtype.str
        blocks.append(_Block(end, told, array.shape, _order(array)))
        end += padded(array.nbytes)
    return blocks, end


def _order(array: NDArray[Any]) -> Literal["C", "F"]:
    flags = array.flags
    if not flags.forc:  # then as a copy that keeps the order of the axes would lie
        flags = np.empty_like(array, subok=False).flags
    return "F" if flags.fnc else "C"


def _copy_records(target: NDArray[Any], array: NDArray[Any], order: Literal["C", "F"]) -> None:
    """Copy records with the gaps between their fields, which assigning would leave out."""
    raw = f"V{array.dtype.itemsize}"
    source = array if array.flags.forc else array.copy(order=order)
    target.view(raw)[...] = source.view(raw)
