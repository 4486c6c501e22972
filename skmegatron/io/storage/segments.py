"""Rows as a pile of parts, each with its own keys: the newest part that has a key wins.

The folder and the memory store both keep what was written as it came and never change it, so
a reader never sees half a write. A `Segment` is one write or one drop. A `Pile` is the
segments of one name and version, oldest first, seen as one table per fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.io.storage.codec import restore
from skmegatron.io.storage.core import Held, check_columns, check_outputs, named
from skmegatron.io.storage.forms import Form, Packed, combined
from skmegatron.io.tables import take_rows


class Part(Protocol):
    """Rows of one fingerprint."""

    fingerprint: str
    forms: Mapping[str, Form]
    written: str

    @property
    def keys(self) -> Sequence[str]:
        """The key of every row."""

    def take(self, output: str, rows: NDArray[np.intp] | None) -> Any:
        """Give some rows of one output, or all of them."""


@dataclass(frozen=True)
class Segment:
    """What one write or drop did.

    Parameters
    ----------
    parts : sequence of Part
        Rows written, per fingerprint.
    replaces : bool, default=False
        Whether everything older is hidden.
    drops : tuple of (str or None, sequence of str or None), optional
        The fingerprint and the keys dropped from everything older; None stands for all.
    """

    parts: Sequence[Any] = ()
    replaces: bool = False
    drops: tuple[str | None, Sequence[str] | None] | None = None


@dataclass(frozen=True)
class _Forgotten:
    keys: Sequence[str]


class Layer:
    """The rows of one fingerprint: parts, and where in them each key's row is.

    A layer does not change. The next one takes its index over, as a copy would take long; a
    change that is interrupted leaves a layer that makes its index anew.

    Parameters
    ----------
    history : tuple of {Part, _Forgotten}, default=()
        What was put on top, oldest first.
    parts : tuple of Part, default=()
        Those among it.
    """

    def __init__(self, history: tuple[Any, ...] = (), parts: tuple[Any, ...] = ()) -> None:
        self._history = history
        self.parts = parts
        self._places: dict[str, tuple[int, int]] | None = None

    def with_part(self, part: Any) -> Layer:
        """Give the layer with newer rows on top."""
        after = Layer((*self._history, part), (*self.parts, part))
        return self._indexed(after, part) if self.parts else after

    def without(self, keys: Sequence[str]) -> Layer:
        """Give the layer without some rows."""
        entry = _Forgotten(keys)
        return self._indexed(Layer((*self._history, entry), self.parts), entry)

    def _indexed(self, after: Layer, entry: Any) -> Layer:
        """Hand the index on."""
        places, self._places = self._index(), None
        _enter(places, entry, len(after.parts) - 1)
        after._places = places
        return after

    def _index(self) -> dict[str, tuple[int, int]]:
        if self._places is None:
            places: dict[str, tuple[int, int]] = {}
            number = -1
            for entry in self._history:
                number += not isinstance(entry, _Forgotten)
                _enter(places, entry, number)
            self._places = places
        return self._places

    @property
    def is_whole(self) -> bool:
        """Whether it is one part with all its rows."""
        if len(self.parts) > 1:
            return False
        return len(self._history) == 1 or len(self._index()) == len(self.parts[0].keys)

    @property
    def n_rows(self) -> int:
        """Number of rows held."""
        return len(self.parts[0].keys) if self.is_whole else len(self._index())

    @property
    def keys(self) -> list[str]:
        """The keys, in the order first written."""
        return list(self.parts[0].keys) if self.is_whole else list(self._index())

    def forms(self, name: str, version: str) -> dict[str, Form]:
        """Give the form of every output, wide enough for all parts."""
        first, *others = self.parts
        forms = dict(first.forms)
        for part in others:
            for output, form in part.forms.items():
                where = f"pipeline {named(name, version)}"
                forms[output] = combined(where, output, forms[output], form)
        return forms

    def read(
        self, forms: Mapping[str, Form], cols: Sequence[str], keys: Sequence[str] | None
    ) -> Any:
        """Give keys and columns."""
        if keys is None and self.is_whole:
            return self.keys, {name: self.parts[0].take(name, None) for name in cols}
        places = self._index()
        found = (
            list(places) if keys is None else [key for key in dict.fromkeys(keys) if key in places]
        )
        where = np.array([places[key] for key in found], dtype=np.intp).reshape(len(found), 2)
        numbers, rows = where[:, 0], where[:, 1]
        order = np.argsort(numbers, kind="stable")
        used = np.unique(numbers)
        back = np.empty(len(order), dtype=np.intp)
        back[order] = np.arange(len(order))
        columns = {}
        for name in cols:
            pieces = [self.parts[number].take(name, rows[numbers == number]) for number in used]
            columns[name] = _joined(forms[name], pieces, back)
        return found, columns


def _enter(places: dict[str, tuple[int, int]], entry: Any, number: int) -> None:
    """Take what happened to a layer over into its index; `number` is that of its last part."""
    if isinstance(entry, _Forgotten):
        for key in entry.keys:
            places.pop(key, None)
    else:
        n_rows = len(entry.keys)
        rows = zip(repeat(number, n_rows), range(n_rows), strict=True)
        places.update(zip(entry.keys, rows, strict=True))


def _joined(form: Form, pieces: list[Any], back: NDArray[np.intp]) -> Any:
    if not pieces:
        return (
            restore(form, [])
            if form.sql_type in ("text", "blob") and form.kind != "raw"
            else (np.empty((0, *form.shape), dtype=form.np_dtype))
        )
    if len(pieces) == 1:
        together = pieces[0]
    elif sparse.issparse(pieces[0]):
        together = sparse.vstack(pieces, format="csr")
    else:
        together = np.concatenate(pieces)
    if form.np_dtype.kind in "US":
        together = together.astype(form.np_dtype, copy=False)
    ordered = bool((back[1:] > back[:-1]).all())
    return together if ordered else take_rows(together, back)


class Pile:
    """The segments of one name and version, oldest first.

    Parameters
    ----------
    name, version : str
    segments : sequence of Segment
    """

    def __init__(self, name: str, version: str, segments: Sequence[Segment]) -> None:
        self.name, self.version = name, version
        self.layers: dict[str, Layer] = {}
        for segment in segments:
            self.add(segment)

    def add(self, segment: Segment) -> None:
        """Put a newer segment on top; an interruption leaves the pile as it was."""
        layers = {} if segment.replaces else dict(self.layers)
        if segment.drops is not None:
            fingerprint, keys = segment.drops
            for made in [fingerprint] if fingerprint is not None else list(layers):
                if keys is None:
                    layers.pop(made, None)
                elif made in layers:
                    layers[made] = layers[made].without(keys)
        for part in segment.parts:
            # Taken out and put back, so that the fit written to last stands last.
            layer = layers.pop(part.fingerprint, None) or Layer()
            layers[part.fingerprint] = layer.with_part(part)
        self.layers = layers

    def merge(self, fingerprint: str, part: Any) -> None:
        """Put one part in the place of all that a layer has."""
        self.layers = {**self.layers, fingerprint: Layer().with_part(part)}

    def check(self, fingerprint: str, packed: Mapping[str, Packed]) -> None:
        """Refuse rows that do not go with those held."""
        if not self.layers:
            return
        some = next(iter(self.layers.values()))
        check_outputs(self.name, self.version, some.parts[0].forms, packed)
        if fingerprint in self.layers:
            forms = self.layers[fingerprint].forms(self.name, self.version)
            for output, form in forms.items():
                where = f"pipeline {named(self.name, self.version)}"
                combined(where, output, form, packed[output].form)

    def read(
        self, fingerprint: str | None, cols: Sequence[str] | None, keys: Sequence[str] | None
    ) -> tuple[list[str], dict[str, Any]]:
        """Read rows; see `Store.read`."""
        if fingerprint is None and self.layers:
            fingerprint = next(reversed(self.layers))
        layer = self.layers.get(fingerprint) if fingerprint is not None else None
        if layer is None:
            return [], {}
        forms = layer.forms(self.name, self.version)
        found, columns = layer.read(forms, check_columns(cols, list(forms)), keys)
        return found, columns

    def held(self) -> list[tuple[str, Held]]:
        """Tell what is held, with when it was written."""
        return [
            (layer.parts[-1].written, self._held(fingerprint, layer))
            for fingerprint, layer in self.layers.items()
        ]

    def _held(self, fingerprint: str, layer: Layer) -> Held:
        forms = layer.forms(self.name, self.version)
        outputs = {output: (form.dtype, form.shape) for output, form in forms.items()}
        written = datetime.fromisoformat(layer.parts[-1].written)
        return Held(self.name, self.version, fingerprint, outputs, layer.n_rows, written)
