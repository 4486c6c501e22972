"""A cache in a folder that processes share, also over time.

Every entry is a file, made under another name and renamed when it is whole. Readers need no
lock and trust nothing: what is not exactly what was put under the key is a miss, and removed.
The time of a file's last change is the time of its last use.
"""

from __future__ import annotations

import io
import os
import secrets
import time
import warnings
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skmegatron.errors import CacheWarning
from skmegatron.io.caching.buffers import aligned, seal, view_of
from skmegatron.io.caching.core import CacheStats, check_key, check_max_bytes
from skmegatron.io.caching.counting import Counters, SharedCounters
from skmegatron.io.caching.envelope import SIZE, header, opened
from skmegatron.io.caching.registry import Registry
from skmegatron.io.caching.rooms import Room, entries, room_of
from skmegatron.io.caching.speed import Pace, Speed

#: What tells backups to leave a folder out, see bford.info/cachedir.
_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file marks a folder of cached results, made by skmegatron.\n"
    "# See https://bford.info/cachedir/\n"
)


@dataclass
class _Shared:
    """What all caches of one folder have in common within a process."""

    counters: SharedCounters
    speed: Speed = field(
        default_factory=lambda: Speed(Pace(200e-6, 0.5 / 6e8), Pace(200e-6, 0.5 / 6e8))
    )
    warned: bool = False


_FOLDERS: Registry[_Shared] = Registry()


class FolderCache:
    """A cache in a folder, bounded; what was used least recently goes first.

    Any number of processes may use the folder at once, and be killed at any moment.

    Parameters
    ----------
    path : str or Path
        Made when the first entry is put.
    max_bytes : int or None, default=2**33
        The most that the entries take, whoever writes them; None for no bound.

    Raises
    ------
    ValueError
        If `path` is empty, or `max_bytes` neither None nor a whole number of 1 or more.
    NotADirectoryError
        If `path` is a file.

    Notes
    -----
    A folder that cannot be written, or a full disk, is told once by a `CacheWarning`; nothing
    else happens, since whatever is not kept can be computed again.

    Examples
    --------
    >>> import tempfile
    >>> from skmegatron.io.caching import FolderCache
    >>> folder = tempfile.mkdtemp()
    >>> FolderCache(folder).put("0" * 32, b"result")
    >>> bytes(FolderCache(folder).get("0" * 32))
    b'result'
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int | None = 2**33) -> None:
        if not os.fspath(path):
            raise ValueError(
                "FolderCache takes the path of a folder, got ''. Write FolderCache('cache')."
            )
        self.path = Path(path).absolute()
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise NotADirectoryError(
                f"FolderCache takes the path of a folder, got the file {str(self.path)!r}. "
                "Give a folder, or a path where there is nothing yet."
            )
        self.max_bytes = check_max_bytes(max_bytes, type(self).__name__)
        self._root = str(self.path)
        self._books = f"{self._root}/.skmegatron"
        self._shared = _FOLDERS.find(
            os.path.realpath(self._root), lambda: _Shared(SharedCounters(self._books)), hold=True
        )

    @property
    def counters(self) -> Counters:
        """Where whoever uses the cache counts; of all processes that use the folder."""
        return self._shared.counters

    def get(self, key: str) -> memoryview | None:
        """Give what was put last under a key; see `Cache.get`.

        Parameters
        ----------
        key : str

        Returns
        -------
        memoryview or None
            None also where the file is damaged, or cannot be read.
        """
        started, path = time.perf_counter(), self._path(check_key(key))
        try:
            content = opened(key, _read(path))
        except FileNotFoundError:
            return None
        except OSError:  # no permission, no file, a disk that fails: none is a result
            content = None
        if content is None:
            _remove(path)
            return None
        with suppress(OSError):  # where nothing can be written, nothing is removed by age either
            _touch(path)
        self._shared.speed.get.measured(content.nbytes, time.perf_counter() - started)
        return content

    def put(self, key: str, value: bytes | memoryview) -> None:
        """Keep bytes, unless they are more than `max_bytes`; see `Cache.put`.

        Parameters
        ----------
        key : str
        value : bytes-like

        Raises
        ------
        ValueError
            If `key` is not 32 hexadecimal digits.

        Warns
        -----
        CacheWarning
            If the folder cannot be written; once.
        """
        started, content = time.perf_counter(), view_of(value)
        path = self._path(check_key(key))
        if self.max_bytes is not None and SIZE + content.nbytes > self.max_bytes:
            _remove(path)
            return
        try:
            self._write(key, path, content)
        except OSError as error:
            self._warn(error)
        else:
            self._shared.speed.put.measured(content.nbytes, time.perf_counter() - started)

    def clear(self) -> None:
        """Drop every entry, and count from 0; files of others stay.

        Raises
        ------
        OSError
            If a file cannot be removed.
        """
        if os.path.isdir(self._books):
            with self._room() as room:
                room.clear()
        self._shared.counters.clear()

    def stats(self) -> CacheStats:
        """Tell what is held, and what all processes counted.

        Returns
        -------
        CacheStats
        """
        counts = self._shared.counters.read()
        sizes = [entry.size for entry in entries(self._root)]
        return CacheStats(counts.hits, counts.misses, len(sizes), sum(sizes), counts.seconds)

    def cost(self, n_bytes: int) -> float:
        """Tell what keeping an entry takes; see `OpenedCache.cost`.

        Parameters
        ----------
        n_bytes : int

        Returns
        -------
        float
        """
        return self._shared.speed.cost(n_bytes)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key[:2]}/{key}.skm"

    def _write(self, key: str, path: str, content: memoryview) -> None:
        folder, size = os.path.dirname(path), SIZE + content.nbytes
        if not (os.path.isdir(folder) and os.path.isdir(self._books)):
            self._make(folder)
        draft = f"{folder}/{key}.{secrets.token_hex(8)}.tmp"
        try:
            with self._room() as room:
                if not room.take(size):
                    return
                stream = _started(draft, size)
            _fill(stream, header(key, content), content)
            _touch(draft)
            with self._room() as room:
                replaced = _size(path)
                os.replace(draft, path)
                room.give_back(replaced)
        except BaseException:
            _remove(draft)
            raise

    def _room(self) -> AbstractContextManager[Room]:
        return room_of(self._root, f"{self._books}/usage", self.max_bytes)

    def _make(self, folder: str) -> None:
        """Make the folders, and tell backups and git to pass by, if nobody else lives here."""
        ours = not os.path.isdir(self._root) or not os.listdir(self._root)
        os.makedirs(self._books, exist_ok=True)
        os.makedirs(folder, exist_ok=True)
        if ours:
            Path(f"{self._root}/CACHEDIR.TAG").write_text(_TAG, "ascii")
            Path(f"{self._root}/.gitignore").write_text("*\n", "ascii")
        self._shared.counters.publish()

    def _warn(self, error: OSError) -> None:
        if self._shared.warned:
            return
        self._shared.warned = True
        warnings.warn(
            f"Results cannot be kept in {self._root!r} ({type(error).__name__}: {error}). They "
            "are computed again each time. Free some space, or give memory= a folder that can "
            "be written.",
            CacheWarning,
            stacklevel=3,
        )

    def __repr__(self) -> str:
        return f"FolderCache({self._root!r}, max_bytes={self.max_bytes})"

    def __copy__(self) -> FolderCache:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FolderCache:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return FolderCache, (self._root, self.max_bytes)


def _read(path: str) -> memoryview:
    """Read a file into a buffer of its own, where the content is aligned as the header is."""
    with open(path, "rb", buffering=0) as stream:
        block = aligned(os.fstat(stream.fileno()).st_size)
        filled = 0
        # One read gives 2 GiB at most.
        while filled < len(block) and (n := stream.readinto(block.data[filled:])):
            filled += n
    return seal(block[:filled])


def _started(path: str, size: int) -> io.FileIO:
    """Make a file that counts as what it will be, for others that look at how much there is."""
    stream = open(path, "xb", buffering=0)  # noqa: SIM115 - _fill closes it
    try:
        stream.truncate(size)
    except BaseException:
        stream.close()
        raise
    return stream


def _fill(stream: io.FileIO, head: bytes, content: memoryview) -> None:
    with stream:
        for part in (memoryview(head), content):
            written = 0
            while written < part.nbytes:
                written += stream.write(part[written:])


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _touch(path: str) -> None:
    now = time.time_ns()  # the clock of the file system ticks in milliseconds
    os.utime(path, ns=(now, now))


def _remove(path: str) -> None:
    with suppress(OSError):  # it is gone, or will be found damaged again
        os.unlink(path)
