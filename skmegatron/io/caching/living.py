"""Pickles that lead back to the classes and functions that are there.

Code that cannot be imported - of ``__main__``, of a function's body - has to be pickled by value
for other processes. Where it is there already, loading that value would make a second class of
it, or write over the first one's methods, which would then no longer see the globals and
closures of their module. So what is there is looked up first: by name, and by a token that it
was given when it was pickled or loaded here.
"""

from __future__ import annotations

import io
import pickle
import sys
import threading
from types import FunctionType
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary, WeakValueDictionary

import cloudpickle

_tokens: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
_living: WeakValueDictionary[str, Any] = WeakValueDictionary()
_lock = threading.RLock()
#: Of a type: that it was made by a class statement.
_HEAP = 1 << 9


def pickled(value: Any) -> bytes:
    """Pickle a value.

    Parameters
    ----------
    value : object

    Returns
    -------
    bytes

    Raises
    ------
    Exception
        What pickling raises, if the value cannot be pickled.

    Examples
    --------
    >>> import pickle
    >>> from skmegatron.io.caching.living import pickled
    >>> double = lambda x: 2 * x
    >>> pickle.loads(pickled([double]))[0] is double
    True
    """
    sink = io.BytesIO()
    _Pickler(sink, protocol=5).dump(value)
    return sink.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, type | FunctionType):
            return super().reducer_override(obj)
        is_there = _named(obj.__module__, obj.__qualname__) is obj
        if is_there and obj.__module__ != "__main__":
            return NotImplemented  # pickle itself writes down the name
        if isinstance(obj, type) and not obj.__flags__ & _HEAP:
            return super().reducer_override(obj)
        # Under the name of a function that was decorated stands what was made of it.
        name = obj.__qualname__ if is_there or isinstance(obj, type) else ""
        return _found, (obj.__module__, name, _token(obj), _by_value(obj))


def _named(module: Any, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _token(code: Any) -> str:
    with _lock:
        token = _tokens.setdefault(code, uuid4().hex)
        _living[token] = code
    return token


def _by_value(code: Any) -> bytes:
    try:
        return bytes(cloudpickle.dumps(code))
    except (pickle.PicklingError, TypeError, AttributeError, ValueError):
        return b""  # it needs a lock or its like: of use in this process only


def _found(module: str, name: str, token: str, content: bytes) -> Any:
    """Give code that was pickled here or elsewhere."""
    named = _named(module, name) if name else None
    if isinstance(named, type | FunctionType):
        return named
    with _lock:
        living = _living.get(token)
        if living is None:
            living = _living[token] = cloudpickle.loads(content)
            _tokens.setdefault(living, token)
    return living
