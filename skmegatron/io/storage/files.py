"""How one segment of the folder store lies on disk: ``.npy`` files, keys, and ``meta.json``.

A segment is a folder. It is filled under another name, synced, and renamed: the rename is
the commit. Nothing in it changes afterwards, so it can be memory-mapped.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.io.storage.codec import restore
from skmegatron.io.storage.forms import Form, Packed, form_from_json, form_to_json
from skmegatron.io.storage.scalars import from_text, to_text
from skmegatron.io.storage.segments import Segment

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@dataclass(frozen=True)
class Written:
    """Rows of one fingerprint, to be written as one part of a segment."""

    fingerprint: str
    written: str
    keys: Sequence[str]
    packed: Mapping[str, Packed]


class FilePart:
    """Rows of one fingerprint in a segment on disk.

    Parameters
    ----------
    folder : Path
    number : int
        Which part of the segment it is.
    entry : mapping
        What ``meta.json`` says of it.
    """

    def __init__(self, folder: Path, number: int, entry: Mapping[str, Any]) -> None:
        self.fingerprint: str = from_text(entry["fingerprint"])
        self.written: str = entry["written"]
        self.forms = {from_text(name): form_from_json(form) for name, form in entry["forms"]}
        self._starts = {name: folder / f"{number}-{i}" for i, name in enumerate(self.forms)}
        self._keys = folder / f"{number}.keys"
        self._n_rows = int(entry["n_rows"])

    @cached_property
    def keys(self) -> Sequence[str]:
        """The key of every row."""
        text = self._keys.read_text("ascii")
        return text.split("\n") if self._n_rows else []

    def take(self, output: str, rows: NDArray[np.intp] | None) -> Any:
        """Give some rows of one output, or map all of them."""
        form, start = self.forms[output], self._starts[output]
        if form.kind in ("boolean", "integer", "real", "raw"):
            # "c": the array can be written to, the file never is.
            array = _mapped(_file(start, ".npy"), "c" if rows is None else "r")
            return array if rows is None else array[rows]
        return restore(form, _read_list(form, start, rows))


def _file(start: Path, ending: str) -> Path:
    return start.with_name(start.name + ending)


def _mapped(file: Path, mode: Any) -> NDArray[Any]:
    try:
        return np.asarray(np.load(file, mmap_mode=mode, allow_pickle=False))
    except ValueError:  # an array without elements cannot be mapped
        return np.asarray(np.load(file, allow_pickle=False))


def _read_list(form: Form, start: Path, rows: NDArray[np.intp] | None) -> list[Any]:
    ends = _mapped(_file(start, ".ends.npy"), "r")
    taken = np.arange(len(ends) - 1) if rows is None else rows
    content: Any = _mapped(_file(start, ".data.npy"), "r").data
    if rows is None:
        content = bytes(content)
    spans = zip(ends[taken].tolist(), ends[taken + 1].tolist(), strict=True)
    cells: list[Any] = [bytes(content[begin:end]) for begin, end in spans]
    if form.sql_type == "text":
        cells = [cell.decode() for cell in cells]
    nulls = _file(start, ".nulls.npy")
    if nulls.exists():
        missing = _mapped(nulls, "r")[taken].tolist()
        cells = [None if gone else cell for cell, gone in zip(cells, missing, strict=True)]
    return cells


def _write_list(values: Sequence[Any], start: Path) -> None:
    cells = [value.encode() if isinstance(value, str) else value or b"" for value in values]
    ends = np.zeros(len(cells) + 1, dtype=np.int64)
    np.cumsum([len(cell) for cell in cells], out=ends[1:])
    save(_file(start, ".ends.npy"), ends)
    save(_file(start, ".data.npy"), np.frombuffer(b"".join(cells) or b"", dtype=np.uint8))
    nulls = np.array([value is None for value in values], dtype=bool)
    if nulls.any():
        save(_file(start, ".nulls.npy"), nulls)


def write_segment(
    folder: Path,
    parts: Sequence[Written],
    *,
    replaces: bool = False,
    drops: tuple[str | None, Sequence[str] | None] | None = None,
) -> None:
    """Fill a folder and get it onto the disk.

    Parameters
    ----------
    folder : Path
        Made here; nobody looks into it before it is renamed.
    parts : sequence of Written
    replaces : bool, default=False
    drops : tuple, optional
        See `Segment`.
    """
    folder.mkdir()
    entries = []
    for number, part in enumerate(parts):
        put(folder / f"{number}.keys", "\n".join(part.keys).encode("ascii"))
        for place, column in enumerate(part.packed.values()):
            start = folder / f"{number}-{place}"
            if isinstance(column.values, np.ndarray):
                save(_file(start, ".npy"), column.values)
            else:
                _write_list(column.values, start)
        entries.append(
            {
                "fingerprint": to_text(part.fingerprint),
                "written": part.written,
                "n_rows": len(part.keys),
                "forms": [[to_text(n), form_to_json(c.form)] for n, c in part.packed.items()],
            }
        )
    gone = None
    if drops is not None:
        gone = [None if drops[0] is None else to_text(drops[0]), drops[1] and list(drops[1])]
    meta = {"replaces": replaces, "drops": gone, "parts": entries}
    put(folder / "meta.json", json.dumps(meta).encode("ascii"))
    sync(folder)


def load_segment(folder: Path) -> Segment:
    """Read what a segment holds; the arrays stay on disk.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Segment
    """
    meta = json.loads((folder / "meta.json").read_text("ascii"))
    parts = [FilePart(folder, number, entry) for number, entry in enumerate(meta["parts"])]
    drops = meta["drops"]
    if drops is not None:
        drops = (None if drops[0] is None else from_text(drops[0]), drops[1])
    return Segment(parts, meta["replaces"], drops)


def save(file: Path, array: NDArray[Any]) -> None:
    """Write an array, and wait until it is on the disk.

    Parameters
    ----------
    file : Path
    array : ndarray
    """
    with file.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())


def put(file: Path, content: bytes) -> None:
    """Write bytes, and wait until they are on the disk.

    Parameters
    ----------
    file : Path
    content : bytes
    """
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk.

    Parameters
    ----------
    folder : Path
    """
    if sys.platform == "win32":
        return  # which has no such call
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock that no other thread or process holds; the system frees it if we die.

    Parameters
    ----------
    file : Path
    """
    with file.open("ab") as stream:
        lock(stream)
        yield


def lock(stream: IO[bytes]) -> None:
    """Wait for the lock of an open file; closing the file frees it.

    Parameters
    ----------
    stream : file
    """
    if sys.platform == "win32":
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(stream, fcntl.LOCK_EX)
