"""A store in memory, gone with the process."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.io.storage.codec import pack_all, restore
from skmegatron.io.storage.core import Held, now
from skmegatron.io.storage.forms import Form
from skmegatron.io.storage.segments import Pile, Segment
from skmegatron.io.tables import take_rows

#: More parts than this are merged into one.
_MOST_PARTS = 64


@dataclass(frozen=True)
class _Part:
    fingerprint: str
    forms: Mapping[str, Form]
    written: str
    keys: Sequence[str]
    columns: Mapping[str, Any]

    def take(self, output: str, rows: NDArray[np.intp] | None) -> Any:
        column = self.columns[output]
        return column.copy() if rows is None else take_rows(column, rows)


class MemoryStore:
    """A store that keeps copies of the arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io import DataStore, MemoryStore
    >>> store = DataStore("demo", "1", MemoryStore())
    >>> store.write({"age": np.array([31, 45])}, ["ann", "bob"])
    >>> store.read(rows=["bob"])["age"]
    array([45])
    """

    def __init__(self) -> None:
        self._piles: dict[tuple[str, str], Pile] = {}
        self._lock = threading.RLock()

    def open(self) -> None:
        """Do nothing: it is ready."""

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
        """Write rows; see `Store.write`."""
        packed = pack_all(keys, columns)
        forms = {output: column.form for output, column in packed.items()}
        copies = {
            output: np.array(column.values)
            if isinstance(column.values, np.ndarray)
            else restore(column.form, column.values)
            for output, column in packed.items()
        }
        part = _Part(fingerprint, forms, now(), list(keys), copies)
        with self._lock:
            pile = self._piles.get((name, version)) or Pile(name, version, [])
            if not replace:
                pile.check(fingerprint, packed)
            pile.add(Segment([part], replaces=replace))
            self._piles[name, version] = pile
            layer = pile.layers[fingerprint]
            if len(layer.parts) > _MOST_PARTS:
                wide = layer.forms(name, version)
                merged = layer.read(wide, list(wide), None)
                pile.merge(fingerprint, _Part(fingerprint, wide, part.written, *merged))

    def read(
        self,
        name: str,
        version: str,
        fingerprint: str | None,
        cols: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> tuple[list[str], dict[str, Any]]:
        """Read rows as copies; see `Store.read`."""
        with self._lock:
            pile = self._piles.get((name, version))
            return ([], {}) if pile is None else pile.read(fingerprint, cols, keys)

    def drop(
        self,
        name: str,
        version: str | None = None,
        fingerprint: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> None:
        """Forget rows; see `Store.drop`."""
        with self._lock:
            for held_name, held_version in list(self._piles):
                if held_name == name and version in (None, held_version):
                    pile = self._piles[name, held_version]
                    pile.add(Segment(drops=(fingerprint, keys)))
                    if not pile.layers:
                        del self._piles[name, held_version]

    def describe(self) -> list[Held]:
        """Tell what is held; see `Store.describe`."""
        with self._lock:
            found = [pair for pile in self._piles.values() for pair in pile.held()]
        return [held for _, held in sorted(found, key=lambda pair: pair[0])]
