"""How often a cache was of use, counted over threads and over processes.

Only whoever computes knows what a hit is worth, so the engine counts and the cache keeps the
counts. For a folder each process has a small file of its own, written over at every count: a
process that is killed leaves a true file behind, and the sum of all files is the sum of all
processes. A file is locked by its process for life, so that a later process takes it up and
counts on from there.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import xxhash

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_RECORD = struct.Struct("<qqdQ")
_MOST_FILES = 256
#: Windows keeps others from reading what is locked, so a byte past the record is.
_LOCKED_BYTE = 4096


class Counts(NamedTuple):
    """Hits, misses, and the seconds that the hits saved."""

    hits: int = 0
    misses: int = 0
    seconds: float = 0.0

    def plus(self, other: Counts, sign: int = 1) -> Counts:
        """Add or subtract counts, one by one; none falls below 0.

        Parameters
        ----------
        other : Counts
        sign : {1, -1}, default=1

        Returns
        -------
        Counts
        """
        return Counts(
            max(self.hits + sign * other.hits, 0),
            max(self.misses + sign * other.misses, 0),
            max(self.seconds + sign * other.seconds, 0.0),
        )


class Counters:
    """Counts of one process.

    Examples
    --------
    >>> from skmegatron.io.caching.counting import Counters
    >>> counters = Counters()
    >>> counters.add(hits=2, seconds=0.5)
    >>> counters.read()
    Counts(hits=2, misses=0, seconds=0.5)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()

    def add(self, *, hits: int = 0, misses: int = 0, seconds: float = 0.0) -> None:
        """Count.

        Parameters
        ----------
        hits, misses : int, default=0
        seconds : float, default=0.0
            What the hits saved.
        """
        with self._lock:
            self._counts = self._counts.plus(Counts(hits, misses, seconds))

    def read(self) -> Counts:
        """Give the counts.

        Returns
        -------
        Counts
        """
        return self._counts

    def clear(self) -> None:
        """Count from 0."""
        with self._lock:
            self._counts = Counts()


class SharedCounters(Counters):
    """Counts of every process that uses a folder.

    Until the folder is there, and where it cannot be written, only those of this process.

    Parameters
    ----------
    folder : str
        Where the files of counts are kept.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self._process = os.getpid()
        self._file: _CountFile | None = None
        self._hopeless = False

    def add(self, *, hits: int = 0, misses: int = 0, seconds: float = 0.0) -> None:
        """Count, and tell the other processes; see `Counters.add`."""
        with self._lock:
            self._after_fork()
            self._counts = self._counts.plus(Counts(hits, misses, seconds))
            self._publish()

    def publish(self) -> None:
        """Tell the other processes what was counted before there was a folder."""
        with self._lock:
            self._after_fork()
            self._publish()

    def read(self) -> Counts:
        """Give the counts of all processes; see `Counters.read`."""
        with self._lock:
            self._after_fork()
            return self._sum().plus(_read(self._cleared_file()), -1)

    def clear(self) -> None:
        """Count from 0, in all processes.

        Raises
        ------
        OSError
            If the folder is there and cannot be written.
        """
        with self._lock:
            self._after_fork()
            self._publish()
            if self._file is None:
                self._counts = Counts()
                return
            # The other processes go on counting from what they have: what is to be taken off
            # the sum is written down.
            draft = Path(f"{self._cleared_file()}.{os.getpid()}.tmp")
            draft.write_bytes(_packed(self._sum()))
            draft.replace(self._cleared_file())

    def _cleared_file(self) -> str:
        return f"{self._folder}/cleared"

    def _sum(self) -> Counts:
        own = None if self._file is None else self._file.name
        total = self._counts
        for name in _count_files(self._folder):
            if name != own:
                total = total.plus(_read(f"{self._folder}/{name}"))
        return total

    def _publish(self) -> None:
        if self._file is not None and not self._file.write(self._counts):
            self._file = None  # somebody removed the folder; it may be there again
        if self._file is None and not self._hopeless and os.path.isdir(self._folder):
            self._file = _CountFile.claimed(self._folder)
            self._hopeless = self._file is None
            if self._file is not None:
                self._counts = self._counts.plus(self._file.found)
                self._file.write(self._counts)

    def _after_fork(self) -> None:
        """Start anew in a forked process: its parent goes on with the file and the counts."""
        if self._process != os.getpid():
            self._process, self._file, self._counts = os.getpid(), None, Counts()


class _CountFile:
    """The file into which this process, and no other one, writes its counts."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self.found = _unpacked(os.read(descriptor, _RECORD.size)) or Counts()
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def claimed(cls, folder: str) -> _CountFile | None:
        """Take the first file that no living process holds, or None where there is none."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        for number in range(_MOST_FILES):
            name = f"counts-{number}"
            try:
                descriptor = os.open(f"{folder}/{name}", flags, 0o666)
            except OSError:
                return None  # the folder cannot be written: counts stay in this process
            if _lock(descriptor):
                return cls(name, descriptor)
            os.close(descriptor)
        return None

    def write(self, counts: Counts) -> bool:
        """Write the counts; False if the file is there no more."""
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, _packed(counts))
            return os.fstat(self._descriptor).st_nlink > 0
        except OSError:
            return True  # a full disk: the next count writes the sum again


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _count_files(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return  # nothing was put yet
    for name in names:
        if name.startswith("counts-"):
            yield name


def _read(path: str) -> Counts:
    for _ in range(3):  # what does not add up may just be being written
        try:
            with open(path, "rb") as stream:
                counts = _unpacked(stream.read(_RECORD.size))
        except OSError:
            return Counts()
        if counts is not None:
            return counts
    return Counts()


def _packed(counts: Counts) -> bytes:
    content = _RECORD.pack(*counts, 0)
    return _RECORD.pack(*counts, xxhash.xxh3_64_intdigest(content))


def _unpacked(content: bytes) -> Counts | None:
    if len(content) != _RECORD.size:
        return None
    hits, misses, seconds, check = _RECORD.unpack(content)
    if xxhash.xxh3_64_intdigest(_RECORD.pack(hits, misses, seconds, 0)) != check:
        return None
    return Counts(hits, misses, seconds)
