"""One object to one file and back.

Files are plain joblib files, with a description and a checksum behind the pickle. What Python
cannot import elsewhere - lambdas, functions inside functions, anything from ``__main__`` - is
written by value with cloudpickle, and only that: `Portable` looks first, so large arrays stay
where joblib can map them.
"""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import zlib
from copy import deepcopy
from pathlib import Path
from types import FunctionType
from typing import IO, Any

import cloudpickle
import joblib
import numpy as np

from skmegatron.errors import LoadError
from skmegatron.io.drafts import whole_file
from skmegatron.io.sealed import checksum_of, description_in, find_seal, seal

#: How pickles, and the compressed files that joblib writes, begin.
_STARTS = (b"\x80", b"x", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"]\x00\x00", b"\x04\x22\x4d\x18")
_ZLIB = (b"x", b"\x1f\x8b")
_EITHER_HEADER = 32 + zlib.MAX_WBITS  # zlib's code for its own and gzip's
_BLOCK = 1 << 20


class Portable:
    """Pickle an object so that a process without this one's ``__main__`` can load it.

    Parameters
    ----------
    value : object
        What to pickle. Unpickling gives `value` back, not the wrapper.

    Examples
    --------
    >>> import pickle
    >>> from skmegatron.io.saving import Portable
    >>> pickle.loads(pickle.dumps(Portable(lambda x: x + 1)))(2)
    3
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __deepcopy__(self, memo: dict[Any, Any]) -> Portable:
        return Portable(deepcopy(self.value, memo))

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        if _needs_value(self.value):
            return cloudpickle.loads, (cloudpickle.dumps(self.value),)
        return unwrapped, (self.value,)


def unwrapped(value: Any) -> Any:
    """Give what a `Portable` holds; `copy.copy` hands the wrapper itself over.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
    """
    return value.value if isinstance(value, Portable) else value


def save(
    value: Any, path: str | os.PathLike[str], description: dict[str, Any] | None = None
) -> Path:
    """Write `value` with joblib, whole or not at all.

    Parameters
    ----------
    value : object
    path : path-like
        The folder is made where it is missing.
    description : dict, default=None
        JSON-able; what the file tells of itself to who reads it without loading code.

    Returns
    -------
    Path
        `path`.
    """
    with whole_file(path) as file:
        joblib.dump(value, file)
        if description is not None:
            seal(file, description)
    return Path(path)


def load(path: str | os.PathLike[str], expected: type) -> Any:
    """Read what `save` or `joblib.dump` wrote.

    Parameters
    ----------
    path : path-like
    expected : type
        What the file must hold.

    Returns
    -------
    object
        An instance of `expected`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    LoadError
        If the file is truncated, damaged, or holds something else.
    ImportError, AttributeError
        If the file names code that cannot be imported here.
    """
    with open(path, "rb") as file:
        try:
            value = _read(file)
        except (ImportError, AttributeError) as error:
            error.add_note(
                f"  while loading {os.fspath(path)!r}: the file names code that cannot be "
                "imported here. Install or import the module that defined it."
            )
            raise
        except (LoadError, Warning):
            raise
        except Exception as error:  # a damaged pickle raises whatever it likes
            raise not_whole(path, expected, error) from error
    return of_kind(value, path, expected)


def not_whole(path: str | os.PathLike[str], expected: type, error: Exception) -> LoadError:
    """Make the error that tells of a damaged file.

    Parameters
    ----------
    path : path-like
    expected : type
        What the file should hold.
    error : Exception
        What stopped the reading.

    Returns
    -------
    LoadError
    """
    return LoadError(
        f"{os.fspath(path)!r} does not hold a whole {expected.__name__}: reading it "
        f"stopped with {type(error).__name__}: {error}. It is truncated, damaged or not "
        "a file of this kind; write it again with pipeline.save(folder)."
    )


def of_kind(value: Any, path: str | os.PathLike[str], expected: type) -> Any:
    """Insist that a file has held what it should.

    Parameters
    ----------
    value : object
    path : path-like
    expected : type

    Returns
    -------
    object
        `value`.

    Raises
    ------
    LoadError
        If it is something else.
    """
    if not isinstance(value, expected):
        raise LoadError(
            f"{os.fspath(path)!r} holds a {type(value).__name__}, expected a skmegatron "
            f"{expected.__name__}. Read other objects with joblib.load."
        )
    return value


def _read(file: IO[bytes]) -> Any:
    start = file.read(8)
    if not start.startswith(_STARTS):
        raise pickle.UnpicklingError("its first bytes are not those of a joblib file")
    sealed = find_seal(file)
    if sealed is not None:
        file.seek(0)
        if checksum_of(file, sealed.end) != sealed.checksum:
            raise pickle.UnpicklingError("its checksum is not that of its bytes")
        file.seek(sealed.begin)
        description_in(file.read(sealed.end - sealed.begin), str(file.name))
    if start.startswith(_ZLIB):
        file.seek(0)
        _check_ends(file)
    file.seek(0)
    value = joblib.load(file)
    if sealed is None and start.startswith(b"\x80") and file.read(1):
        raise pickle.UnpicklingError("it goes on behind its end")
    return value


def _check_ends(file: IO[bytes]) -> None:
    """Insist that what zlib has compressed ends with its file.

    Of what goes on, joblib makes more and more copies until the memory is full.
    """
    inflating = zlib.decompressobj(_EITHER_HEADER)
    while not inflating.eof:
        content = inflating.unconsumed_tail or file.read(_BLOCK)
        inflated = inflating.decompress(content, _BLOCK)
        if not (content or inflated or inflating.eof):
            raise EOFError("it ends before what is compressed in it does")
    if inflating.unused_data or file.read(1):
        raise pickle.UnpicklingError("it goes on behind its end")


class _FoundLocalCode(Exception):
    """Ends a scout's walk as soon as it met what cannot be imported elsewhere."""


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        return len(data)


class _Scout(pickle.Pickler):
    """Walk an object as pickle would, looking only for code that has no importable home."""

    def persistent_id(self, obj: Any) -> str | None:
        return "array" if isinstance(obj, np.ndarray) and obj.dtype != object else None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, FunctionType | type) and not _importable(obj):
            raise _FoundLocalCode
        return NotImplemented


def _needs_value(value: Any) -> bool:
    try:
        _Scout(_Nowhere(), protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    except _FoundLocalCode:
        return True
    except Exception:  # noqa: BLE001 - pickling for real will say what is wrong with it
        return False
    return False


class _ByName(_Scout):
    """Walk an object looking for code that a name alone does not bring back."""

    found: Any = None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Portable):
            return unwrapped, (obj.value,)
        if isinstance(obj, FunctionType | type):
            home = sys.modules.get(obj.__module__)
            known = obj.__module__ == "builtins" or getattr(home, obj.__name__, None) is obj
            if not known or not _importable(obj):
                self.found = obj
                raise _FoundLocalCode
        return NotImplemented


def unimportable(value: Any) -> Any:
    """Find code in an object that cannot be imported by its name.

    Parameters
    ----------
    value : object

    Returns
    -------
    function, type or None
        The first there is: a lambda, something inside of a function or class, or of
        ``__main__``.
    """
    scout = _ByName(_Nowhere(), protocol=pickle.HIGHEST_PROTOCOL)
    try:
        scout.dump(value)
    except _FoundLocalCode:
        return scout.found
    except Exception:  # noqa: BLE001 - writing it for real will say what is wrong with it
        return None
    return None


def _importable(code: FunctionType | type) -> bool:
    module_name = code.__module__
    if module_name == "builtins":
        return True  # NoneType and its like have no name there, yet pickle knows them
    if module_name == "__main__" or module_name is None:
        return False
    try:
        found: Any = sys.modules.get(module_name) or importlib.import_module(module_name)
        for part in code.__qualname__.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return found is code
