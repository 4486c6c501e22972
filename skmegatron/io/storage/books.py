"""The entries in a SQL store's books, and how they are written down (ledger.py has the rules)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skmegatron.io.storage.codec import from_cells
from skmegatron.io.storage.forms import Form, Packed, form_from_json, form_to_json
from skmegatron.io.storage.scalars import from_text, to_text

TABLES = "skmegatron_tables"
FITS = "skmegatron_fits"

#: How many keys go into one statement where they are written out as a list.
_KEYS_AT_ONCE = 500


@dataclass(frozen=True)
class Slot:
    """Where one output is kept."""

    output: str
    column: str
    sql_type: str


@dataclass(frozen=True)
class Table:
    """What the books say of one name and version."""

    id: int
    name: str
    version: str
    place: str
    slots: tuple[Slot, ...]
    n_written: int

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs, in order."""
        return [slot.output for slot in self.slots]


@dataclass(frozen=True)
class Fit:
    """What the books say of one fingerprint."""

    id: int
    fingerprint: str
    forms: Mapping[str, Form]
    written: str


Selected = tuple[Sequence[int], list[str], dict[str, Any]]


def columns_of(rows: Sequence[Sequence[Any]], fit: Fit, slots: Sequence[Slot]) -> Selected:
    """Turn rows of ``seq, ind, *outputs`` into columns.

    Parameters
    ----------
    rows : sequence of tuple
    fit : Fit
    slots : sequence of Slot

    Returns
    -------
    seqs : sequence of int
    keys : list of str
    columns : dict of str to {ndarray, sparse matrix}
    """
    columns = list(zip(*rows, strict=True)) if rows else [()] * (2 + len(slots))
    seqs, keys, *cells = columns
    arrays = {
        slot.output: from_cells(fit.forms[slot.output], some)
        for slot, some in zip(slots, cells, strict=True)
    }
    return seqs, list(keys), arrays


def chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    """Cut many keys into lists that one statement takes.

    Parameters
    ----------
    keys : sequence of str

    Yields
    ------
    sequence of str
    """
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        yield keys[start : start + _KEYS_AT_ONCE]


def label(text: str) -> str:
    """Write a name so that every database keeps and compares it exactly.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        As it is where it is printable ASCII, else as JSON.
    """
    plain = text.isascii() and text.isprintable() and text.strip() == text and text[:1] not in '{"'
    written = text if plain and text else to_text(text)
    if len(written) > 1000:
        raise ValueError(
            f"A name may take 1000 characters when encoded, got {len(written)}: {written[:40]}... "
            "Give the pipeline a shorter name= or version=."
        )
    return written


def unlabel(written: str) -> str:
    """Read what `label` wrote.

    Parameters
    ----------
    written : str

    Returns
    -------
    str
    """
    return str(from_text(written)) if written[:1] in ("{", '"') else written


def new_slots(packed: Mapping[str, Packed]) -> tuple[Slot, ...]:
    """Find a legible column for every output.

    Parameters
    ----------
    packed : mapping of str to Packed

    Returns
    -------
    tuple of Slot
    """
    taken = {"seq", "fit", "ind", "rowid", "oid"}
    slots = []
    for output, column in packed.items():
        base = _slug(output, 40) or "output"
        names = [base, *(f"{base}_{number}" for number in range(2, len(packed) + 9))]
        name = next(name for name in names if name not in taken)
        taken.add(name)
        slots.append(Slot(output, name, column.form.sql_type))
    return tuple(slots)


def new_place(name: str, version: str) -> str:
    """Name a table so that people know it and no other has its name.

    Parameters
    ----------
    name, version : str

    Returns
    -------
    str
    """
    words = [word for word in (_slug(name, 20), _slug(version, 12)) if word]
    return "_".join(["skm", *words, secrets.token_hex(4)])


def _slug(text: str, longest: int) -> str:
    return re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")[:longest].strip("_")


def as_table(row: Sequence[Any]) -> Table:
    """Read a row of the first book.

    Parameters
    ----------
    row : sequence

    Returns
    -------
    Table
    """
    number, name, version, place, outputs, n_written = row
    return Table(number, unlabel(name), unlabel(version), place, _slots(outputs), n_written)


def as_fit(row: Sequence[Any]) -> Fit:
    """Read a row of the second book.

    Parameters
    ----------
    row : sequence

    Returns
    -------
    Fit
    """
    number, fingerprint, forms, written = row
    return Fit(number, unlabel(fingerprint), _forms(forms), written)


def _slots(text: str) -> tuple[Slot, ...]:
    return tuple(Slot(from_text(output), *rest) for output, *rest in json.loads(text))


def _forms(text: str) -> dict[str, Form]:
    return {from_text(output): form_from_json(form) for output, form in json.loads(text)}


def forms_to_json(forms: Mapping[str, Form]) -> str:
    """Write down how to make the arrays of a fit.

    Parameters
    ----------
    forms : mapping of str to Form

    Returns
    -------
    str
    """
    return json.dumps([[to_text(output), form_to_json(form)] for output, form in forms.items()])
