"""Digests of values.

A value is pickled, and what comes out is hashed instead of kept. Everything of which a
pickle would say too little or too much - code, arrays, sets, random generators - is given
to `persistent_id` first, which puts its digest in its place. The pickler keeps no memo, so
that it does not matter whether two equal things are one; where a value holds itself, it has
to, and then only what can hold others is remembered.
"""

from __future__ import annotations

import functools
import pickle
import random
import sys
from collections.abc import Callable
from dataclasses import Field
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np
import xxhash
from scipy import sparse

from skmegatron.io.digest.arrays import array_digest, is_table, table_digest
from skmegatron.io.digest.bytecode import facts
from skmegatron.io.digest.code import CodeWalk, TooDeepError, named_code
from skmegatron.io.digest.framing import UndigestibleError, framed
from skmegatron.io.digest.installed import origin
from skmegatron.io.saving import Portable

_PROTOCOL = 5
#: What pickle tells from all others by itself.
_PLAIN = frozenset({dict, list, tuple, str, bytes, int, float, complex, bool, type(None)})
_ATOMS = frozenset({str, int, float, bool, type(None)})
#: The generators behind ``np.random.normal`` and ``random.gauss``: their state is not a value.
_GLOBAL_GENERATORS = (np.random.rand.__self__, random.random.__self__)  # type: ignore[attr-defined]
_CYTHON = {"cython_function_or_method", "fused_cython_function"}
_GENERATORS = (np.random.RandomState, np.random.Generator, np.random.BitGenerator, random.Random)


def whole_digest(
    value: Any, of_value: Callable[[Any, CodeWalk], bytes] | None = None
) -> tuple[bytes, bool]:
    """Digest any value.

    Parameters
    ----------
    value : object
    of_value : callable, default=None
        What digests it, given a walk; `value_digest` where nothing is given.

    Returns
    -------
    tuple of (bytes of length 16, bool)
        The digest, and whether code in it names a clock or a source of entropy.

    Raises
    ------
    UndigestibleError
        If no digest tells all of it.
    """
    of_value = of_value or value_digest
    walk, flat = CodeWalk(value_digest), False
    while True:
        try:
            found = framed(b"flat" if flat else b"value", of_value(value, walk), *walk.rest())
        except TooDeepError:
            walk, flat = CodeWalk(value_digest, flat=True, uses=walk.uses), True
            continue
        if not walk.mistaken:
            return found, walk.unwatched
        walk = CodeWalk(value_digest, flat=flat, uses=walk.uses)


def value_digest(value: Any, walk: CodeWalk) -> bytes:
    """Digest any value, on a walk that is under way.

    Parameters
    ----------
    value : object
    walk : CodeWalk

    Returns
    -------
    bytes of length 16, or fewer for a short value

    Raises
    ------
    UndigestibleError
        If no digest tells all of it.
    """
    if type(value) in _ATOMS:
        return f"{type(value).__name__} {value!r}".encode("utf-8", "surrogatepass")
    try:
        return _pickled(value, walk, fast=True)
    except UndigestibleError:
        raise
    except Exception as error:  # what pickles itself raises whatever it likes
        if not (isinstance(error, ValueError) and "fast mode" in str(error)):
            raise _refusal(value, error) from error
    try:
        return _pickled(value, walk, fast=False)
    except UndigestibleError:
        raise
    except Exception as error:  # as above
        raise _refusal(value, error) from error


def _refusal(value: Any, error: Exception) -> UndigestibleError:
    return UndigestibleError(
        f"expected a value that can be pickled, got a {type(value).__qualname__} "
        f"({type(error).__name__}: {error}). Make it inside the function that uses it."
    )


def _pickled(value: Any, walk: CodeWalk, *, fast: bool) -> bytes:
    hasher = xxhash.xxh3_128()
    pickler = _Hashing(_Sink(hasher.update), walk, fast=fast)
    pickler.dump(value)
    return hasher.digest()


class _Sink:
    """A file that only knows how to take more."""

    __slots__ = ("write",)

    def __init__(self, write: Callable[[Any], Any]) -> None:
        self.write = write


class _Hashing(pickle.Pickler):
    """Pickle for a digest. What `persistent_id` returns is pickled in a value's place."""

    def __init__(self, file: Any, walk: CodeWalk, *, fast: bool) -> None:
        super().__init__(file, _PROTOCOL)
        self.fast = fast
        self.remembers = not fast
        self.walk = walk

    def persistent_id(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in _PLAIN:
            if self.remembers and (kind is str or kind is bytes):
                # A new object each time: equal text must not be told apart by identity.
                return f"{kind.__name__} {obj!r}".encode("utf-8", "surrogatepass")
            return None
        replace = _BY_TYPE.get(kind)
        if replace is not None:
            return replace(obj, self.walk)
        return _other(obj, kind, self.walk)


def _other(obj: Any, kind: Any, walk: CodeWalk) -> Any:
    """Replace what is told by more than its exact type."""
    if isinstance(obj, type):
        return ("code", walk.code(obj))
    for base, replace in _BY_BASE:
        if isinstance(obj, base):
            return replace(obj, walk)
    if kind.__name__ in _CYTHON:
        return ("code", named_code(obj))
    if hasattr(kind, "__next__"):
        raise UndigestibleError(
            f"expected a value that can be used twice, got the iterator {obj!r}. Make a list of "
            "it."
        )
    if hasattr(kind, "__digest_state__"):
        return ("state", kind, obj.__digest_state__())
    if is_table(obj):
        return ("table", kind, table_digest(obj, functools.partial(value_digest, walk=walk)))
    plain = kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__
    return None if plain or origin(kind.__module__) is not None else _reduced(obj, kind)


def _reduced(obj: Any, kind: type[Any]) -> Any:
    """Name the class of an object that says itself how it is made, maybe without its class."""
    made = obj.__reduce_ex__(_PROTOCOL)
    if isinstance(made, str):
        return ("reduced", kind, made)
    return ("reduced", kind, *made[:3], *(part and list(part) for part in made[3:5]), *made[5:])


def _code(obj: Any, walk: CodeWalk) -> Any:
    return ("code", walk.code(obj))


def _array(obj: Any, walk: CodeWalk) -> Any:
    return ("array", array_digest(obj, functools.partial(value_digest, walk=walk)))


def _array_of_its_own_kind(obj: Any, walk: CodeWalk) -> Any:
    if isinstance(obj, np.ma.MaskedArray):
        return ("masked", type(obj), obj.data, np.ma.getmaskarray(obj), obj.fill_value)
    if isinstance(obj, np.memmap):  # is how the same array is held, not another one
        return _array(np.asarray(obj), walk)
    return (type(obj), getattr(obj, "__dict__", None), np.asarray(obj))


def _sparse(obj: Any, walk: CodeWalk) -> Any:
    return ("sparse", type(obj), array_digest(obj, functools.partial(value_digest, walk=walk)))


def _set(obj: Any, walk: CodeWalk) -> Any:
    items = sorted(value_digest(item, walk) for item in obj)
    return ("set", type(obj), items, getattr(obj, "__dict__", None))


def _builtin(obj: Any, walk: CodeWalk) -> Any:
    owner = obj.__self__
    if owner is None or isinstance(owner, ModuleType):
        return ("code", named_code(obj))
    return None  # of an object: pickle tells the object and the name


def _method(obj: Any, walk: CodeWalk) -> Any:
    if any(obj.__self__ is generator for generator in _GLOBAL_GENERATORS):
        return ("global generator", type(obj.__self__), obj.__name__)
    return ("method", obj.__func__, obj.__self__)


def _generator(obj: Any, walk: CodeWalk) -> Any:
    if any(obj is generator for generator in _GLOBAL_GENERATORS):
        return ("global generator", type(obj))
    return ("generator", walk.place(obj), *obj.__reduce__())


def _ufunc(obj: Any, walk: CodeWalk) -> Any:
    name = obj.__name__
    for module in (np, sys.modules.get("scipy.special")):
        if module is not None and vars(module).get(name) is obj:
            return ("ufunc", module, name)
    raise UndigestibleError(
        f"expected a ufunc of numpy or scipy, got {obj!r}, whose function cannot be seen. Use "
        "np.vectorize, or call np.frompyfunc inside a function."
    )


def _vectorized(obj: Any, walk: CodeWalk) -> Any:
    # It keeps the ufunc that it made on its first call.
    return (np.vectorize, {k: v for k, v in vars(obj).items() if k != "_ufunc"})


def _field(obj: Any, walk: CodeWalk) -> Any:
    kept = ("name", "default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
    return ("field", [getattr(obj, name) for name in kept], dict(obj.metadata))


def _attribute_of_c(obj: Any, walk: CodeWalk) -> Any:
    return ("member", obj.__objclass__, obj.__name__)


def _extras(obj: Any, *plain: type[Any]) -> Any:
    """Give the attributes that a subclass has added; the plain ones hold nothing new there."""
    return None if type(obj) in plain else dict(getattr(obj, "__dict__", {}))


def _property(obj: Any, walk: CodeWalk) -> Any:
    return (type(obj), obj.fget, obj.fset, obj.fdel, _extras(obj, property))


def _wrapper(obj: Any, walk: CodeWalk) -> Any:
    return (type(obj), obj.__func__, _extras(obj, classmethod, staticmethod))


def _cached_property(obj: Any, walk: CodeWalk) -> Any:
    return (type(obj), obj.func, obj.attrname, _extras(obj, functools.cached_property))


_BY_TYPE: dict[type[Any], Callable[[Any, CodeWalk], Any]] = {
    np.ndarray: _array,
    FunctionType: _code,
    ModuleType: _code,
    type: _code,
    BuiltinFunctionType: _builtin,
    MethodType: _method,
    set: _set,
    frozenset: _set,
    np.ufunc: _ufunc,
    type(np.clip): lambda obj, walk: ("code", named_code(obj)),
    np.vectorize: _vectorized,
    Portable: lambda obj, walk: ("portable", obj.value),
    MappingProxyType: lambda obj, walk: (MappingProxyType, dict(obj)),
    Field: _field,
    MemberDescriptorType: _attribute_of_c,
    GetSetDescriptorType: _attribute_of_c,
    CodeType: lambda obj, walk: ("bytecode", facts(obj).digest),
    CellType: lambda obj, walk: ("cell", obj.cell_contents),
    type(functools.lru_cache(len)): lambda obj, walk: ("lru_cache", vars(obj)),
}
_BY_BASE: list[tuple[Any, Callable[[Any, CodeWalk], Any]]] = [
    (np.ndarray, _array_of_its_own_kind),
    ((sparse.sparray, sparse.spmatrix), _sparse),
    (_GENERATORS, _generator),
    ((set, frozenset), _set),
    (property, _property),
    ((classmethod, staticmethod), _wrapper),
    (functools.cached_property, _cached_property),
    (ModuleType, _code),
]
