"""A store in a folder of memory-mapped arrays.

Every name and version has a folder; every write puts one segment into it (files.py), whose
name begins with a number. The segments are the whole truth: there is no list of them that
could be out of date. Writers hold a lock, readers need none: if a segment is merged away
under them they look again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from skmegatron.errors import MissingRowError
from skmegatron.io.storage.codec import pack, pack_all
from skmegatron.io.storage.core import Held, decode_keys, named, now, telling
from skmegatron.io.storage.export import write_parquet
from skmegatron.io.storage.files import Written, load_segment, locked, put, sync, write_segment
from skmegatron.io.storage.forms import Packed
from skmegatron.io.storage.scalars import from_text, to_text
from skmegatron.io.storage.segments import Pile

_SEGMENT = re.compile("[0-9]{12}-[0-9a-f]{8}")
_TRIES = 100

T = TypeVar("T")


class FolderStore:
    """A store of ``.npy`` files, read by mapping them into memory.

    Parameters
    ----------
    path : str or Path
        Made at the first write.

    Notes
    -----
    Old rows stay on the disk until `compact`. A full read of what one write wrote maps the
    file: its array can be changed, the file does not change with it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skmegatron.io import FolderStore
    >>> store = FolderStore(tempfile.mkdtemp())
    >>> store.write("demo", "1", "", ["0", "1"], {"age": np.array([31, 45])})
    >>> store.write("demo", "1", "", ["1"], {"age": np.array([46])})
    >>> store.compact()
    >>> store.read("demo", "1", "")
    (['0', '1'], {'age': array([31, 46])})
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._piles: dict[Path, tuple[list[str], Pile]] = {}
        self._lock = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        return FolderStore, (self.path,)

    def open(self) -> None:
        """Make the folder if it is not there."""
        self.path.mkdir(parents=True, exist_ok=True)

    def write(
        self,
        name: str,
        version: str,
        fingerprint: str,
        keys: Sequence[str],
        columns: Mapping[str, Any],
        *,
        replace: bool = False,
    ) -> None:
        """Write rows as one segment; see `Store.write`."""
        packed = pack_all(keys, columns)
        folder = self._folder(name, version)
        doing = f"writing {len(keys)} rows of {named(name, version)} to {self.path}"
        with telling(doing), self._writing(folder, name, version):
            if not replace:
                self._pile(folder).check(fingerprint, packed)
            part = Written(fingerprint, now(), keys, packed)
            self._commit(folder, [part], replaces=replace)

    def read(
        self,
        name: str,
        version: str,
        fingerprint: str | None,
        cols: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> tuple[list[str], dict[str, Any]]:
        """Read rows; see `Store.read`."""
        folder = self._folder(name, version)
        if not (folder / "table.json").exists():
            return [], {}
        with telling(f"reading {named(name, version)} from {self.path}"):
            return self._reading(folder, lambda pile: pile.read(fingerprint, cols, keys))

    def drop(
        self,
        name: str,
        version: str | None = None,
        fingerprint: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> None:
        """Hide rows, which `compact` takes off the disk; see `Store.drop`."""
        for folder, held_name, held_version in self._folders():
            if held_name == name and version in (None, held_version):
                with (
                    telling(f"dropping {named(name, held_version)} from {self.path}"),
                    self._writing(folder, held_name, held_version),
                ):
                    self._commit(folder, [], drops=(fingerprint, keys))

    def describe(self) -> list[Held]:
        """Tell what is held; see `Store.describe`."""
        found: list[tuple[str, Held]] = []
        for folder, _, _ in self._folders():
            found += self._reading(folder, Pile.held)
        return [held for _, held in sorted(found, key=lambda pair: pair[0])]

    def compact(self) -> None:
        """Merge the segments of every table into one, and clear what killed writers left.

        Readers and writers may go on meanwhile.

        Examples
        --------
        >>> import tempfile
        >>> from skmegatron.io import DataStore, FolderStore
        >>> store = FolderStore(tempfile.mkdtemp())
        >>> for age in (31, 32, 33):
        ...     DataStore("people", "1", store).write({"age": [age]}, ["ann"])
        >>> files = len(list(store.path.rglob("*.npy")))
        >>> store.compact()
        >>> len(list(store.path.rglob("*.npy"))) < files
        True
        """
        for folder, name, version in self._folders():
            with telling(f"compacting {folder}"), self._writing(folder, name, version):
                for left in folder.glob("tmp-*"):
                    shutil.rmtree(left, ignore_errors=True)
                pile = self._pile(folder)
                if len(_segments(folder)) > 1:
                    self._commit(
                        folder, [_whole(pile, made) for made in pile.layers], replaces=True
                    )

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        name: str,
        version: str,
        fingerprint: str | None = None,
    ) -> None:
        """Write the rows of one fit to a Parquet file, for other programs.

        Parameters
        ----------
        path : str or Path
        name, version : str
        fingerprint : str, optional
            The fit that was written to last where left out.

        Raises
        ------
        MissingDependencyError
            If pyarrow is not installed.
        MissingRowError
            If nothing of the kind is held; a file that is there is left alone.
        TypeError
            If a column has times that Parquet cannot hold.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> from skmegatron.io import DataStore, FolderStore
        >>> store = FolderStore(tempfile.mkdtemp())
        >>> DataStore("people", "1", store).write({"age": [31, 45]}, ["ann", "bob"])
        >>> store.to_parquet(store.path / "people.parquet", "people", "1")
        >>> pd.read_parquet(store.path / "people.parquet").shape
        (2, 2)
        """
        keys, columns = self.read(name, version, fingerprint)
        if not columns:
            of = "" if fingerprint is None else f" of fit {fingerprint!r}"
            raise MissingRowError(
                f"{self.path} holds nothing of {named(name, version)}{of}. describe() lists "
                "what it holds."
            )
        write_parquet(path, decode_keys(keys), columns)

    def _folder(self, name: str, version: str) -> Path:
        both = f"{to_text(name)} {to_text(version)}".encode()
        words = re.sub("[^a-z0-9]+", "-", f"{name[:30]} {version[:12]}".lower()).strip("-")
        return self.path / f"{words}-{hashlib.sha256(both).hexdigest()[:24]}".lstrip("-")

    def _folders(self) -> list[tuple[Path, str, str]]:
        found = []
        for file in sorted(self.path.glob("*/table.json")):
            entry = json.loads(file.read_text("ascii"))
            found.append((file.parent, from_text(entry["name"]), from_text(entry["version"])))
        return found

    @contextmanager
    def _writing(self, folder: Path, name: str, version: str) -> Iterator[None]:
        folder.mkdir(parents=True, exist_ok=True)
        with self._lock, locked(folder / "lock"):
            if not (folder / "table.json").exists():
                entry = json.dumps({"name": to_text(name), "version": to_text(version)})
                temporary = folder / "table.tmp"
                put(temporary, entry.encode("ascii"))
                temporary.rename(folder / "table.json")
                sync(folder)
            yield

    def _commit(self, folder: Path, parts: Sequence[Written], **how: Any) -> None:
        names = _segments(folder)
        temporary = folder / f"tmp-{secrets.token_hex(8)}"
        try:
            write_segment(temporary, parts, **how)
            number = int(names[-1].partition("-")[0]) + 1 if names else 0
            temporary.rename(folder / f"{number:012d}-{secrets.token_hex(4)}")
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync(folder)
        if how.get("replaces"):
            for name in names:
                _remove(folder, name)

    def _reading(self, folder: Path, work: Callable[[Pile], T]) -> T:
        for _ in range(_TRIES):
            # A segment may be merged away or replaced after we have looked.
            with self._lock, suppress(FileNotFoundError):
                return work(self._pile(folder))
            self._piles.pop(folder, None)
        return work(self._pile(folder))

    def _pile(self, folder: Path) -> Pile:
        """Give what is held, reading only segments that are new."""
        names = _segments(folder)
        known, pile = self._piles.get(folder, ([], None))
        if pile is None or names[: len(known)] != known:
            entry = json.loads((folder / "table.json").read_text("ascii"))
            known, pile = [], Pile(from_text(entry["name"]), from_text(entry["version"]), [])
        for name in names[len(known) :]:
            segment = load_segment(folder / name)
            self._piles.pop(folder, None)
            pile.add(segment)
        self._piles[folder] = names, pile
        return pile


def _segments(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if _SEGMENT.fullmatch(name))


def _remove(folder: Path, name: str) -> None:
    # Renamed first: nobody may see half a segment.
    gone = folder / f"tmp-{secrets.token_hex(8)}"
    (folder / name).rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _whole(pile: Pile, fingerprint: str) -> Written:
    layer = pile.layers[fingerprint]
    forms = layer.forms(pile.name, pile.version)
    keys, columns = layer.read(forms, list(forms), None)
    packed = {name: Packed(form, pack(name, columns[name]).values) for name, form in forms.items()}
    return Written(fingerprint, layer.parts[-1].written, keys, packed)
