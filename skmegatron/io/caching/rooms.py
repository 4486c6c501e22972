"""How much of a folder is taken, agreed on by all processes that write into it.

The total stands in a file that is read and written under a lock. A writer takes room before it
writes, by making its draft in full length, so at no moment are there more bytes than agreed.
Where the two differ - a process was killed, somebody removed files - the total is too large
rather than too small, and the next scan of the folder puts it right.
"""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import xxhash

from skmegatron.io.storage.files import lock

_RECORD = struct.Struct("<qdQ")
_FOLDER = re.compile("[0-9a-f]{2}")
_ENTRY = re.compile(r"[0-9a-f]{32}\.skm")
_DRAFT = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{16}\.tmp")

#: Seconds: no write takes longer, and a folder is looked through this often at most.
_LONG = 3600
#: Where room is made, a tenth is left free, so that the next entries need no scan.
_FILL = 0.9


class _Found(NamedTuple):
    changed: int
    size: int
    path: str


class Room:
    """The bytes that a folder may hold, with the lock of the folder held.

    Parameters
    ----------
    folder : str
        Where the entries are, each in a folder of the first two digits of its key.
    usage : file
        Holds the total.
    max_bytes : int or None
    """

    def __init__(self, folder: str, usage: io.FileIO, max_bytes: int | None) -> None:
        self._folder = folder
        self._usage = usage
        self._max_bytes = sys.maxsize if max_bytes is None else max_bytes

    def take(self, n_bytes: int) -> bool:
        """Take room for an entry, removing those used least recently where there is none.

        Parameters
        ----------
        n_bytes : int

        Returns
        -------
        bool
            False if drafts of others take so much that there cannot be room.
        """
        total, scanned = self._read()
        if total + n_bytes > self._max_bytes or not 0 <= time.time() - scanned < _LONG:
            total, scanned = self._tidied(n_bytes), time.time()
        fits = total + n_bytes <= self._max_bytes
        self._write(total + n_bytes if fits else total, scanned)
        return fits

    def give_back(self, n_bytes: int) -> None:
        """Give back room that an entry took which is gone.

        Parameters
        ----------
        n_bytes : int
        """
        if n_bytes:
            total, scanned = self._read()
            self._write(max(total - n_bytes, 0), scanned)

    def clear(self) -> None:
        """Remove every entry, and drafts that nobody writes any more."""
        for entry in entries(self._folder):
            with suppress(FileNotFoundError):  # a reader found it damaged and was faster
                os.unlink(entry.path)
        self._write(self._tidied(0), time.time())

    def _tidied(self, n_bytes: int) -> int:
        """Look the folder through, make room for an entry, and give the bytes that are left."""
        long_ago = time.time_ns() - _LONG * 10**9
        total = 0
        for draft in _files(self._folder, _DRAFT):
            if draft.changed < long_ago:
                os.unlink(draft.path)
            else:
                total += draft.size
        found = sorted(entries(self._folder))
        total += sum(entry.size for entry in found)
        if total + n_bytes <= self._max_bytes:
            return total
        enough = min(self._max_bytes - n_bytes, int(_FILL * self._max_bytes))
        for entry in found:
            if total <= enough:
                break
            with suppress(FileNotFoundError):  # a reader found it damaged and was faster
                os.unlink(entry.path)
            total -= entry.size
        return total

    def _read(self) -> tuple[int, float]:
        """Give the total and when it was counted; never, where the file does not say."""
        self._usage.seek(0)
        content = self._usage.read(_RECORD.size)
        if len(content) == _RECORD.size:
            total, scanned, _ = _RECORD.unpack(content)
            if content == _packed(total, scanned):
                return total, scanned
        return 0, -_LONG

    def _write(self, total: int, scanned: float) -> None:
        self._usage.seek(0)
        self._usage.write(_packed(total, scanned))


@contextmanager
def room_of(folder: str, usage: str, max_bytes: int | None) -> Iterator[Room]:
    """Hold the lock of a folder, and give the room in it.

    Parameters
    ----------
    folder, usage : str
        The folder, and the file in which its total stands.
    max_bytes : int or None
    """
    descriptor = os.open(usage, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with io.FileIO(descriptor, "r+") as stream:
        lock(stream)
        yield Room(folder, stream, max_bytes)


def entries(folder: str) -> Iterator[_Found]:
    """Give the entries in a folder, and nothing else that may lie there.

    Parameters
    ----------
    folder : str

    Yields
    ------
    tuple of (int, int, str)
        When it was last used in nanoseconds, its size in bytes, and its path.
    """
    return _files(folder, _ENTRY)


def _files(folder: str, pattern: re.Pattern[str]) -> Iterator[_Found]:
    for part in _listed(folder):
        if _FOLDER.fullmatch(part.name) and part.is_dir(follow_symlinks=False):
            for file in _listed(part.path):
                if pattern.fullmatch(file.name) and file.name.startswith(part.name):
                    with suppress(FileNotFoundError):  # renamed or removed meanwhile
                        stat = file.stat(follow_symlinks=False)
                        yield _Found(stat.st_mtime_ns, stat.st_size, file.path)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _packed(total: int, scanned: float) -> bytes:
    check = xxhash.xxh3_64_intdigest(_RECORD.pack(total, scanned, 0))
    return _RECORD.pack(total, scanned, check)
