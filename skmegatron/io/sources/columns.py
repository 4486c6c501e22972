"""What all sources share: which columns are read, as what, and how they are cut."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skmegatron.errors import MissingColumnError, ReadError

Batch = dict[str, NDArray[Any]]
Dtypes = dict[str, np.dtype[Any]]

# Small batches are cut from a block of about this many rows: what a read costs is then shared.
BLOCK = 8192


class Source(Protocol):
    """Somewhere that one table can be read from, again and again."""

    @property
    def columns(self) -> list[str] | None:
        """Columns that are read; None where that is not known before reading."""

    @property
    def n_rows(self) -> int | None:
        """Number of rows; None where that is not known before reading."""

    @property
    def prefetch_from(self) -> int | None:
        """From which size on a batch may, and should, be read in another thread.

        Smaller ones are cut from a block: that takes less time than handing them over. None
        where another thread must not read, or has nothing to wait for.
        """

    def batches(self, size: int) -> Generator[Batch]:
        """Read from the top, `size` rows at a time."""

    def whole(self, limit: int | None = None) -> Batch:
        """Read everything at once, at most `limit` rows."""


def block_rows(size: int, rows: int = BLOCK) -> int:
    """Tell how many rows to read at once for batches of `size` rows.

    Parameters
    ----------
    size : int
    rows : int, default=8192
        About how many.

    Returns
    -------
    int
        A multiple of `size`.
    """
    return max(1, rows // size) * size


def sliced(columns: Batch, size: int) -> Iterator[Batch]:
    """Cut a block into batches.

    Parameters
    ----------
    columns : dict of str to ndarray
    size : int

    Yields
    ------
    dict of str to ndarray
        Views of `size` rows, the last of what is left.
    """
    n_rows = n_rows_of(columns)
    if n_rows <= size:
        if n_rows:
            yield columns
        return
    for start in range(0, n_rows, size):
        yield {name: values[start : start + size] for name, values in columns.items()}


def n_rows_of(columns: Batch) -> int:
    """Count the rows of a block.

    Parameters
    ----------
    columns : dict of str to ndarray

    Returns
    -------
    int
    """
    return len(next(iter(columns.values()), ()))


def checked_count(name: str, value: Any, least: int) -> Any:
    """Check a number of rows.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
    least : int

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If it is no integer.
    ValueError
        If it is below `least`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} takes a whole number of rows, got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    return int(value)


def checked_limit(name: str, value: Any) -> int | None:
    """Check a number of rows that may also be None, for all of them.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object

    Returns
    -------
    int or None
    """
    return None if value is None else int(checked_count(name, value, least=0))


def distinct(names: Iterable[Any], where: str) -> list[str]:
    """Make column names strings that are told apart.

    Parameters
    ----------
    names : iterable
    where : str
        What has these columns, for the message.

    Returns
    -------
    list of str

    Raises
    ------
    ReadError
        If two columns have one name.
    """
    texts = [str(name) for name in names]
    for position, name in enumerate(texts):
        if name in texts[:position]:
            raise ReadError(
                f"{where} has two columns {name!r}, at positions {texts.index(name)} and "
                f"{position}; every column needs a name of its own. Rename one of them."
            )
    return texts


def kept(columns: Sequence[str], exclude_cols: Any, where: str) -> list[str]:
    """Leave out the columns that are not wanted.

    Parameters
    ----------
    columns : sequence of str
    exclude_cols : sequence of str
    where : str
        What has these columns, for the message.

    Returns
    -------
    list of str
        In the order of the source.

    Raises
    ------
    MissingColumnError
        If one of `exclude_cols` is not among the columns.
    ReadError
        If no column would be left.
    """
    if isinstance(exclude_cols, str):
        raise TypeError(
            f"exclude_cols takes a list, got {exclude_cols!r}. "
            f"Write exclude_cols=[{exclude_cols!r}]."
        )
    unwanted = {str(name) for name in exclude_cols}
    require(unwanted, columns, "exclude_cols", where)
    left = [name for name in columns if name not in unwanted]
    if not left:
        raise ReadError(f"{where} has no column left to read: exclude_cols names all of them.")
    return left


def require(names: Iterable[str], columns: Sequence[str], parameter: str, where: str) -> None:
    """Check that a parameter names only columns that there are.

    Parameters
    ----------
    names : iterable of str
    columns : sequence of str
    parameter : str
        The parameter, for the message.
    where : str
        What has these columns, for the message.

    Raises
    ------
    MissingColumnError
        If a name is not among the columns.
    """
    unknown = sorted(set(names) - set(columns))
    if unknown:
        raise MissingColumnError(
            f"{where} has no column {', '.join(map(repr, unknown))}, which {parameter} names; "
            f"its columns are {list(columns)}."
        )


def asked_dtypes(dtype: Any, columns: Sequence[str], where: str) -> Dtypes:
    """Give the dtype that the user wants for each column.

    Parameters
    ----------
    dtype : dtype-like, mapping of str to dtype-like, or None
        One for all columns, or one by name.
    columns : sequence of str
        Columns that are read.
    where : str
        What has these columns, for the message.

    Returns
    -------
    dict of str to dtype
        Only of columns that have one.

    Raises
    ------
    MissingColumnError
        If `dtype` names a column that is not read.
    TypeError
        If numpy does not know the dtype.
    """
    if dtype is None:
        return {}
    if not isinstance(dtype, Mapping):
        dtype = dict.fromkeys(columns, dtype)
    wanted = {str(name): one for name, one in dtype.items()}
    require(wanted, columns, "dtype", where)
    return {name: _numpy_dtype(name, one) for name, one in wanted.items()}


def _numpy_dtype(name: str, dtype: Any) -> np.dtype[Any]:
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(
            f"dtype={{{name!r}: {dtype!r}}} is no dtype of numpy ({error}). Write 'float64' "
            "for numbers with gaps, 'object' or 'str' for text."
        ) from error
    return found
