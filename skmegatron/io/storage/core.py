"""What a store is, how its rows are told apart, and the rules that every store keeps.

A row belongs to a name, a version and the fingerprint of what made it, and is found by its
key: the encoded index of the observation. Stores see encoded keys and whole arrays only;
`DataStore` (bound.py) puts the indices, positions and errors that users meet around them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from skmegatron.errors import MegatronError, MissingColumnError, SchemaError
from skmegatron.io.storage.keys import (
    candidates,
    decode_key,
    decode_keys,
    encode_key,
    encode_keys,
    encode_many,
)

__all__ = [
    "HIDDEN",
    "Held",
    "Store",
    "candidates",
    "check_columns",
    "check_outputs",
    "decode_key",
    "decode_keys",
    "encode_key",
    "encode_keys",
    "encode_many",
    "named",
    "now",
    "shown",
    "telling",
]

#: A column that goes along with the outputs and is not one of them: digests of what came in.
HIDDEN = "__input__"


@dataclass(frozen=True)
class Held:
    """What a store holds of one fit: the rows that one fitted pipeline made.

    Parameters
    ----------
    name, version, fingerprint : str
    outputs : mapping of str to (str, tuple of int)
        Dtype and shape of one row of every column, ``"__input__"`` included.
    n_rows : int
    written : datetime
        When rows were last written, in UTC.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io import DataStore
    >>> people = DataStore("people", "1", "sqlite://")
    >>> people.write({"age": np.array([31, 45])}, fingerprint="fit-a")
    >>> [held] = people.describe()
    >>> held.fingerprint, held.n_rows, held.outputs
    ('fit-a', 2, {'age': ('int64', ())})
    """

    name: str
    version: str
    fingerprint: str
    outputs: Mapping[str, tuple[str, tuple[int, ...]]]
    n_rows: int
    written: datetime


@runtime_checkable
class Store(Protocol):
    """The five methods that make a store; `skmegatron.testing.check_store` tries them.

    Keys are strings of printable ASCII, at most 1000 characters. Names, versions,
    fingerprints and column names are any strings at all.

    Examples
    --------
    >>> from skmegatron.io import DataStore, MemoryStore, Store
    >>> isinstance(MemoryStore(), Store), isinstance({}, Store)
    (True, False)
    >>> class Counting(MemoryStore):
    ...     writes = 0
    ...     def write(self, *where, **how):
    ...         self.writes += 1
    ...         super().write(*where, **how)
    >>> store = Counting()
    >>> DataStore("people", "1", store).write({"age": [31, 45]})
    >>> store.writes
    1
    """

    def open(self) -> None:
        """Get ready. May be called again, and need not be called.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from skmegatron.io import FolderStore
        >>> folder = Path(tempfile.mkdtemp()) / "rows"
        >>> FolderStore(folder).open()
        >>> folder.is_dir()
        True
        """

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
        """Write rows, all of them or none; a key that is there is overwritten.

        Parameters
        ----------
        name, version, fingerprint : str
        keys : sequence of str
            All different.
        columns : mapping of str to {ndarray, sparse matrix} of shape (n_rows, ...)
        replace : bool, default=False
            Drop everything held for name and version first, in the same transaction.

        Raises
        ------
        SchemaError
            If name and version hold other outputs, or this fingerprint holds them with
            another dtype or shape.
        TypeError
            If a column could only be pickled.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.io import MemoryStore
        >>> store = MemoryStore()
        >>> store.write("people", "1", "fit-a", ['"ann"', '"bob"'], {"age": np.array([31, 45])})
        >>> store.write("people", "1", "fit-a", ['"bob"'], {"age": np.array([46])})
        >>> store.read("people", "1", "fit-a")[1]["age"]
        array([31, 46])
        """

    def read(
        self,
        name: str,
        version: str,
        fingerprint: str | None,
        cols: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> tuple[list[str], dict[str, Any]]:
        """Read rows.

        Parameters
        ----------
        name, version : str
        fingerprint : str or None
            None for the fit that was written to last.
        cols : sequence of str, optional
            Where left out, every column but ``"__input__"``.
        keys : sequence of str, optional
            Every row where left out.

        Returns
        -------
        keys : list of str
            Those found, in the order asked, else in the order first written.
        columns : dict of str to {ndarray, sparse matrix}
            As they were written; empty if nothing at all is held.

        Raises
        ------
        MissingColumnError
            If a column is asked for that is not held.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.io import MemoryStore
        >>> store = MemoryStore()
        >>> store.write("people", "1", "fit-a", ["0", "1", "2"], {"age": np.array([31, 45, 27])})
        >>> store.read("people", "1", None, cols=["age"], keys=["2", "0", "7"])
        (['2', '0'], {'age': array([27, 31])})
        """

    def drop(
        self,
        name: str,
        version: str | None = None,
        fingerprint: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> None:
        """Forget rows: those of every version, fingerprint or key where one is left out.

        Parameters
        ----------
        name : str
        version, fingerprint : str, optional
        keys : sequence of str, optional

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.io import MemoryStore
        >>> store = MemoryStore()
        >>> store.write("people", "1", "fit-a", ["0", "1"], {"age": np.array([31, 45])})
        >>> store.drop("people", "1", keys=["0"])
        >>> store.read("people", "1", None)[0]
        ['1']
        """

    def describe(self) -> list[Held]:
        """Tell what is held, one entry per fit, those written to last at the end.

        Returns
        -------
        list of Held

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.io import MemoryStore
        >>> store = MemoryStore()
        >>> store.write("people", "1", "fit-a", ["0"], {"face": np.zeros((1, 8, 8), "f4")})
        >>> [(held.name, held.outputs, held.n_rows) for held in store.describe()]
        [('people', {'face': ('float32', (8, 8))}, 1)]
        """


def shown(names: Iterable[str]) -> str:
    """List columns for a message, leaving out hidden ones.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    str

    Examples
    --------
    >>> from skmegatron.io.storage.core import HIDDEN, shown
    >>> shown(["age", HIDDEN, "size"])
    'age, size'
    """
    return ", ".join(name for name in names if name != HIDDEN)


def named(name: str, version: str) -> str:
    """Tell a name and its version, if it has one, for a message.

    Parameters
    ----------
    name, version : str

    Returns
    -------
    str

    Examples
    --------
    >>> from skmegatron.io.storage.core import named
    >>> named("digits", "0.1"), named("digits", "")
    ("'digits' version '0.1'", "'digits'")
    """
    return f"{name!r} version {version!r}" if version else repr(name)


def check_outputs(name: str, version: str, held: Iterable[str], made: Iterable[str]) -> None:
    """Refuse rows that have other columns than those held.

    Parameters
    ----------
    name, version : str
    held, made : iterable of str

    Raises
    ------
    SchemaError
        If the two differ.

    Examples
    --------
    >>> from skmegatron.io.storage.core import check_outputs
    >>> check_outputs("people", "1", ["age", "size"], ["size", "age"])
    >>> check_outputs("people", "1", ["age"], ["size"])
    Traceback (most recent call last):
        ...
    skmegatron.errors.SchemaError: pipeline 'people' version '1' already holds outputs age; this
    one makes size: new version= or overwrite=True
    """
    held, made = list(held), list(made)
    if set(held) != set(made):
        raise SchemaError(
            f"pipeline {named(name, version)} already holds outputs {shown(held)}; this "
            f"one makes {shown(made)}: new version= or overwrite=True"
        )


def check_columns(asked: Sequence[str] | None, held: Sequence[str]) -> list[str]:
    """Give the columns to read.

    Parameters
    ----------
    asked : sequence of str, optional
        All but the hidden one where left out.
    held : sequence of str

    Returns
    -------
    list of str

    Raises
    ------
    MissingColumnError
        If one is asked for that is not held.

    Examples
    --------
    >>> from skmegatron.io.storage.core import HIDDEN, check_columns
    >>> check_columns(None, ["age", "size", HIDDEN]), check_columns(["size"], ["age", "size"])
    (['age', 'size'], ['size'])
    """
    if asked is None:
        return [column for column in held if column != HIDDEN]
    for column in asked:
        if column not in held:
            raise MissingColumnError(
                f"Column {column!r} is not among the outputs held: {shown(held)}."
            )
    return list(asked)


def now() -> str:
    """Tell the time in UTC.

    Returns
    -------
    str

    Examples
    --------
    >>> from datetime import datetime
    >>> from skmegatron.io.storage.core import now
    >>> str(datetime.fromisoformat(now()).tzinfo)
    'UTC'
    """
    return datetime.now(UTC).isoformat(timespec="microseconds")


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Add to a database's error what was being done; it keeps its type.

    Parameters
    ----------
    doing : str
        Such as ``"writing 'digits' version '1' to digits.db"``.

    Examples
    --------
    >>> from skmegatron.io.storage.core import telling
    >>> try:
    ...     with telling("writing 'digits' to digits.db"):
    ...         raise OSError("the disk is full")
    ... except OSError as error:
    ...     print(error, error.__notes__)
    the disk is full ["  while writing 'digits' to digits.db"]
    """
    try:
        yield
    except MegatronError:
        raise
    except Exception as error:  # every database has its own; all are raised as they are
        error.add_note(f"  while {doing}")
        raise
