"""Rows of a query.

Rows are fetched in blocks that begin with one batch and double up to a few thousand rows, so
the first batch comes at once and the last ones cost little.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from skmegatron.errors import ReadError
from skmegatron.io.connections import kind_of
from skmegatron.io.sources.arrow import ArrowColumns
from skmegatron.io.sources.columns import (
    Batch,
    asked_dtypes,
    block_rows,
    checked_limit,
    distinct,
    kept,
    sliced,
)
from skmegatron.io.sources.cursors import Result, reads_elsewhere, running
from skmegatron.io.sources.pinning import PinnedColumns

_SHOWN = 80
_STEP = 1024  # more rows of Python values would fall out of the processor's cache


class QuerySource:
    """Rows of a query.

    Parameters
    ----------
    connection : object
        A DB-API connection, a DuckDB connection, a SQLAlchemy engine or connection, or a
        database URL.
    query : str or SQLAlchemy selectable
    params : sequence or mapping, default=None
        Values for the placeholders in the query.
    exclude_cols : sequence of str
        Columns to leave out.
    dtype : dtype-like or mapping, default=None
        Dtype of all columns, or of some by name.
    limit : int, default=None
        Read at most this many rows.

    Raises
    ------
    TypeError
        If `connection` or `params` is of no kind that can be used.
    ReadError
        If a string is given as connection that is no URL.
    """

    columns: list[str] | None = None
    n_rows: int | None = None

    def __init__(
        self,
        connection: Any,
        query: Any,
        params: Any = None,
        exclude_cols: Any = (),
        dtype: Any = None,
        limit: int | None = None,
    ) -> None:
        _check_connection(connection)
        if isinstance(params, str | bytes) or (
            params is not None and not hasattr(params, "__getitem__")
        ):
            raise TypeError(
                f"params takes a list or a dict of values, got {params!r}. "
                f"Write params=[{params!r}]."
            )
        self._connection = connection
        self._query = query
        self._params = _python_values(params)
        self._exclude_cols = exclude_cols
        self._dtype = dtype
        self._limit = checked_limit("limit", limit)
        self._where = f"The query {_shortened(query)!r}"
        self.prefetch_from = 1 if reads_elsewhere(connection) else None

    def whole(self, limit: int | None = None) -> Batch:
        """Read all rows at once, each column with the dtype that fits all of it.

        Parameters
        ----------
        limit : int, default=None
            At most this many rows.

        Returns
        -------
        dict of str to ndarray

        Raises
        ------
        ReadError
            If the query does not give a table.
        """
        with self._running() as result:
            return self._columns(result).columns(self._fetch(result, limit))

    def batches(self, size: int) -> Generator[Batch]:
        """Read from the top, batch by batch.

        Parameters
        ----------
        size : int

        Yields
        ------
        dict of str to ndarray

        Raises
        ------
        ReadError
            If the query does not give a table, or a value does not fit its column.
        """
        with self._running() as result:
            columns = self._columns(result)
            step, done = size, 0
            while self._limit is None or done < self._limit:
                n_rows = step if self._limit is None else min(step, self._limit - done)
                block = self._fetch(result, n_rows)
                if not len(block):
                    return
                try:
                    whole = columns.columns(block, done)
                except ReadError:  # the batches before the misfit are good
                    for start in range(0, len(block), size):
                        part = block[start : start + size]
                        yield columns.columns(part, done + start)
                    raise
                yield from sliced(whole, size)
                done += len(block)
                step = min(2 * step, block_rows(size, _STEP))

    @contextmanager
    def _running(self) -> Iterator[Result]:
        with ExitStack() as opened:
            with self._noted():
                result = opened.enter_context(running(self._connection, self._query, self._params))
            yield result

    def _fetch(self, result: Result, n_rows: int | None) -> Any:
        with self._noted():
            return result.fetch(n_rows)

    def _columns(self, result: Result) -> PinnedColumns | ArrowColumns:
        names = distinct(result.names, self._where)
        wanted = kept(names, self._exclude_cols, self._where)
        dtypes = asked_dtypes(self._dtype, wanted, self._where)
        if result.arrow:
            return ArrowColumns(self._where, wanted, dtypes)
        return PinnedColumns(self._where, names, wanted, dtypes)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # every driver has its own; all are raised as they are
            error.add_note(f"  while reading the query {_shortened(self._query)!r}")
            raise


def _shortened(query: Any) -> str:
    text = " ".join(str(query).split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _python_values(params: Any) -> Any:
    """Give numbers of numpy as Python's own, as drivers may bind them as something else."""
    if params is None:
        return None
    if isinstance(params, Mapping):
        return {name: _python_value(value) for name, value in params.items()}
    return [_python_value(value) for value in params]


def _python_value(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check_connection(connection: Any) -> None:
    if isinstance(connection, str):
        if "://" not in connection:
            raise ReadError(
                f"Expected a connection or a database URL, got {connection!r}. Write "
                "'sqlite:///file.db', or pass sqlite3.connect(...)."
            )
        return
    kind = kind_of(connection)
    asynchronous = "Async" in type(connection).__name__
    if kind is None or asynchronous:
        raise TypeError(
            "Expected a DB-API, DuckDB or SQLAlchemy connection, an engine or a database URL, "
            f"got {type(connection).__name__}."
            + (" Asynchronous ones cannot be read from." if asynchronous else "")
        )
    _refuse_what_is_of_a_connection(connection, kind)


def _refuse_what_is_of_a_connection(thing: Any, kind: str) -> None:
    """Refuse a session, a cursor or a relation, which come from the packages of connections."""
    if hasattr(thing, "cursor" if kind != "sqlalchemy" else "exec_driver_sql"):
        return
    if kind == "sqlalchemy" and hasattr(thing, "connect"):  # an engine
        return
    if kind == "sqlalchemy" and hasattr(thing, "connection"):
        advice = "Pass session.connection()."
    else:
        advice = "Pass the connection that it is of."
    raise TypeError(f"Expected a connection, got {type(thing).__name__}. {advice}")
