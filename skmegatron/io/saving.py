"""One object to one file and back.

Files are plain joblib files. What Python cannot import elsewhere - lambdas, functions
inside functions, anything from ``__main__`` - is written by value with cloudpickle, and
only that: `Portable` looks first, so large arrays stay where joblib can map them.
"""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from types import FunctionType
from typing import Any

import cloudpickle
import joblib
import numpy as np

from skmegatron.errors import LoadError

#: How pickles, and the compressed files that joblib writes, begin.
_STARTS = (b"\x80", b"x", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"]\x00\x00", b"\x04\x22\x4d\x18")


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


def save(value: Any, path: str | os.PathLike[str]) -> Path:
    """Write `value` with joblib, whole or not at all.

    Parameters
    ----------
    value : object
    path : path-like
        The folder is made where it is missing.

    Returns
    -------
    Path
        `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            joblib.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o666 & ~_umask())  # mkstemp makes files that only the owner reads
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path


def load(path: str | os.PathLike[str], expected: type) -> Any:
    """Read what `save` wrote.

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
        start = file.read(8)
    try:
        if not start.startswith(_STARTS):
            raise pickle.UnpicklingError("its first bytes are not those of a joblib file")
        value = joblib.load(path)
    except (ImportError, AttributeError) as error:
        error.add_note(
            f"  while loading {os.fspath(path)!r}: the file names code that cannot be "
            "imported here. Install or import the module that defined it."
        )
        raise
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise LoadError(
            f"{os.fspath(path)!r} does not hold a whole {expected.__name__}: reading it "
            f"stopped with {type(error).__name__}: {error}. It is truncated, damaged or not "
            "a joblib file; write it again with pipeline.save(folder)."
        ) from error
    if not isinstance(value, expected):
        raise LoadError(
            f"{os.fspath(path)!r} holds a {type(value).__name__}, expected a skmegatron "
            f"{expected.__name__}. Read other objects with joblib.load."
        )
    return value


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
