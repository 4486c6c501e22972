"""What is wrong with a text file, told by line and column.

Only called once a read has failed, so these functions may take their time: they walk the
file again as text. They never hold more than one block of it.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Container, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skmegatron.errors import EncodingError, ReadError
from skmegatron.io.sources.pinning import misfit

# With any other option, such as skiprows or comment, lines and rows go together in ways that
# only pandas knows; the row is told then, and no line.
_PLAIN = {
    *("sep", "delimiter", "quotechar", "encoding", "encoding_errors", "decimal", "thousands"),
    *("parse_dates", "date_format", "dayfirst", "cache_dates", "converters", "na_values"),
    *("keep_default_na", "na_filter", "true_values", "false_values", "float_precision"),
}
_PACKED = {".gz", ".bz2", ".zip", ".xz", ".zst", ".tar"}
_SHOWN = 60
# Encodings in which a separator and the end of a line are one byte, and no part of others.
_ONE_BYTE = {"utf-8", "utf8", "utf-8-sig", "ascii", "latin-1", "latin1", "cp1252"}


@dataclass(frozen=True)
class TextFile:
    """A file and how it is read.

    Attributes
    ----------
    path : str
    header : list of str
        Names of its columns, as far as they are known.
    options : dict
        Keywords of `pandas.read_csv`.
    """

    path: str
    header: list[str]
    options: Mapping[str, Any]

    @property
    def encoding(self) -> str:
        """The encoding that it is read with."""
        encoding: str = self.options.get("encoding") or "utf-8"
        return encoding

    @property
    def separator(self) -> str:
        """What stands between fields."""
        separator: str = self.options.get("sep") or self.options.get("delimiter") or ","
        return separator

    @property
    def is_plain(self) -> bool:
        """Whether its lines can be walked without pandas."""
        return (
            set(self.options) <= _PLAIN
            and Path(self.path).suffix not in _PACKED
            and len(self.separator) == 1
        )

    def records(self) -> Generator[tuple[int, list[str]]]:
        """Walk the records, the header first.

        Yields
        ------
        tuple of int and list of str
            The line that a record starts at, counted from 1, and its fields.
        """
        if not self.is_plain:
            return
        encoding = "utf-8-sig" if self.encoding.lower() in ("utf-8", "utf8") else self.encoding
        errors = self.options.get("encoding_errors", "strict")
        with open(self.path, encoding=encoding, errors=errors, newline="") as lines:
            quote = self.options.get("quotechar", '"')
            reader = csv.reader(lines, delimiter=self.separator, quotechar=quote)
            line = 1
            try:
                for fields in reader:
                    if len(fields) > 1 or (fields and fields[0].strip()):
                        yield line, fields
                    line = reader.line_num + 1
            except (csv.Error, UnicodeError):
                return

    def at(self, row: int) -> str:
        """Tell where a row is.

        Parameters
        ----------
        row : int
            Counted from 0, after the header.

        Returns
        -------
        str
            File and line, or the file alone where the line cannot be told.
        """
        line, _ = self.record(row)
        return self.path if line is None else f"{self.path}, line {line}"

    def record(self, row: int) -> tuple[int | None, list[str]]:
        """Give the line that a row starts at, and its fields.

        Parameters
        ----------
        row : int
            Counted from 0, after the header.

        Returns
        -------
        tuple of int and list of str
            None and nothing where the line cannot be told.
        """
        with closing(self.records()) as records:
            return next(itertools.islice(records, row + 1, None), (None, []))


def explain(
    error: Exception,
    file: TextFile,
    dtypes: Mapping[str, Any],
    asked: Container[str],
    row: int,
    blocks: Iterable[pd.DataFrame],
) -> ReadError:
    """Find what made a read fail.

    Parameters
    ----------
    error : Exception
        What pandas raised.
    file : TextFile
    dtypes : dict of str to dtype
        Dtypes that the parser was told; of numpy, or pandas' "boolean" for one with gaps.
    asked : container of str
        Columns whose dtype the user asked for.
    row : int
        First of the rows that could not be read.
    blocks : iterable of DataFrame
        These rows as text; read from where needed only.

    Returns
    -------
    ReadError
        Telling file, line and column as far as they can be told.
    """
    if isinstance(error, ReadError):
        return error
    if isinstance(error, UnicodeError):
        return _encoding_fault(error, file)
    if isinstance(error, pd.errors.ParserError):
        return _fields_fault(error, file)
    try:
        for block in blocks:
            found = _first_misfit(block, file, dtypes, asked)
            if found is not None:
                return found
    except (ValueError, OverflowError) as other:
        if isinstance(other, UnicodeError | pd.errors.ParserError):
            return explain(other, file, dtypes, asked, row, ())
    return ReadError(f"{file.path} cannot be read from row {row} on: {error}")


def too_short(file: TextFile, line: int, n_fields: int) -> ReadError:
    """Make the error of a line with another number of fields than the header.

    Parameters
    ----------
    file : TextFile
    line : int
    n_fields : int

    Returns
    -------
    ReadError
    """
    named = f" {file.header}" if file.header else ""
    return ReadError(
        f"{file.path}, line {line}: {n_fields} fields, where the header{named} has "
        f"{len(file.header)}. Quote a value that holds {file.separator!r}, or correct the line."
    )


def short_line(file: TextFile) -> ReadError | None:
    """Find a line with fewer fields than the header, which pandas fills up with gaps.

    Parameters
    ----------
    file : TextFile

    Returns
    -------
    ReadError or None
        None where every line is long enough, and where that takes a parser to tell: with
        quotes, or separators that are no single byte.
    """
    one_byte = file.encoding.lower().replace("_", "-") in _ONE_BYTE
    if not (file.is_plain and one_byte and file.separator.isascii()):
        return None
    separator, quote = file.separator.encode(), file.options.get("quotechar", '"').encode()
    n_separators, n_lines, last = 0, 0, b"\n"
    with open(file.path, "rb") as raw:
        while block := raw.read(1 << 20):
            if quote in block:
                return None
            n_separators += block.count(separator)
            n_lines += block.count(b"\n")
            last = block[-1:]
    n_lines += last != b"\n"
    if n_separators >= n_lines * (len(file.header) - 1):
        return None
    with closing(file.records()) as records:
        for line, fields in records:
            if len(fields) < len(file.header):
                return too_short(file, line, len(fields))
    return None


def repeated_header(where: str, header: list[str]) -> ReadError:
    """Make the error of a header among the rows.

    Parameters
    ----------
    where : str
        File and line.
    header : list of str

    Returns
    -------
    ReadError
    """
    return ReadError(f"{where} repeats the header {header}. Join files without their headers.")


def _fields_fault(error: Exception, file: TextFile) -> ReadError:
    with closing(file.records()) as records:
        header = next(records, (0, []))[1]
        for line, fields in records:
            if len(fields) > len(header):
                known = TextFile(file.path, file.header or header, file.options)
                return too_short(known, line, len(fields))
    return ReadError(f"{file.path} is malformed: {str(error).strip()}")


def _encoding_fault(error: Exception, file: TextFile) -> EncodingError:
    advice = "Pass the encoding that it was written in, such as encoding='latin-1'."
    place = None if Path(file.path).suffix in _PACKED else _undecodable(file)
    if place is None:
        return EncodingError(f"{file.path} is not {file.encoding}: {error}. {advice}")
    line, offset, byte = place
    return EncodingError(
        f"{file.path}, line {line}: byte {byte:#04x} at offset {offset} of the file is not "
        f"{file.encoding}. {advice}"
    )


def _undecodable(file: TextFile) -> tuple[int, int, int] | None:
    """Find line, offset and value of the first byte that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(file.encoding)()
    line, fed = 1, 0
    with open(file.path, "rb") as raw:
        while True:
            block = raw.read(1 << 16)
            pending = len(decoder.getstate()[0])
            try:
                line += decoder.decode(block, final=not block).count("\n")
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(file.encoding, "replace")
                offset = fed - pending + error.start
                return line + before.count("\n"), offset, error.object[error.start]
            if not block:
                return None
            fed += len(block)


def _first_misfit(
    block: pd.DataFrame, file: TextFile, dtypes: Mapping[str, Any], asked: Container[str]
) -> ReadError | None:
    """Find the first value that is not what the parser was told to expect."""
    found = []
    for name, dtype in dtypes.items():
        if dtype.kind in "biuf":
            places = np.flatnonzero(_unreadable(block[name], dtype, file.options))
            if len(places):
                found.append((int(places[0]), name))
    if not found:
        return None
    place, name = min(found)
    row, value = int(block.index[place]), block[name].iloc[place]
    if [str(text) for text in block.iloc[place]] == file.header:
        return repeated_header(file.at(row), file.header)
    line, fields = file.record(row)
    if line is not None and len(fields) < len(file.header):
        return too_short(file, line, len(fields))
    shown = _as_number(value)
    return misfit(file.at(row), name, row, shown, dtypes[name], asked=name in asked)


def _unreadable(column: pd.Series, dtype: Any, options: Mapping[str, Any]) -> Any:
    missing = column.isna()
    if dtype.kind == "b":
        words = {"true", "false"} | {
            str(word).lower()
            for kind in ("true_values", "false_values")
            for word in options.get(kind) or ()
        }
        gaps = isinstance(dtype, pd.BooleanDtype)
        words |= {"1", "1.0", "0", "0.0"} if gaps else set()
        wrong = ~column.astype(str).str.strip().str.lower().isin(words)
        return wrong & ~missing if gaps else wrong | missing
    texts = column.astype(str)
    if options.get("thousands"):
        texts = texts.str.replace(options["thousands"], "", regex=False)
    if options.get("decimal"):
        texts = texts.str.replace(options["decimal"], ".", regex=False)
    numbers = pd.to_numeric(texts.where(~missing), errors="coerce").astype(float)
    if dtype.kind == "f":
        return numbers.isna() & ~missing
    low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max) + 1
    return numbers.isna() | (numbers % 1 != 0) | (numbers < low) | (numbers >= high)


def _as_number(text: Any) -> Any:
    """Show a number as one: it is advised to be read as one."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text if len(str(text)) <= _SHOWN else str(text)[:_SHOWN] + "..."
