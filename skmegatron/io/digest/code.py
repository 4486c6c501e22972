"""Digests of functions, classes and modules.

Installed code is told by its name and the version of its package. The user's own is read:
its bytecode, and then everything that the bytecode looks for outside - functions and
classes in the same way, data by its value *now*. Nothing of that is kept between two
digests, since a helper may be redefined and a constant changed at any time.

Code may lead back to itself. What is open already is told by how far back it was opened,
so a digest says the same however often things are shared, and every function is read once.
Where code leads so deep that Python's stack would not do, it is numbered instead, and read
one after the other.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from skmegatron.io.digest.bytecode import Facts, facts
from skmegatron.io.digest.framing import UndigestibleError, framed
from skmegatron.io.digest.installed import origin
from skmegatron.io.digest.sources import is_source
from skmegatron.io.digest.writes import Fate, Uses, fate, unite, writes

Code = FunctionType | type[Any] | ModuleType

#: Entries of a class that say nothing of what it does, or are kept up by Python itself.
_IDLE = {
    *("__module__", "__doc__", "__dict__", "__weakref__", "__firstlineno__"),
    *("__static_attributes__", "__slotnames__", "__abstractmethods__", "_abc_impl"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__orig_bases__", "__parameters__", "__type_params__"),
}
#: What runs code that no bytecode shows.
_HIDING = (eval, exec, globals, __import__, importlib.import_module)
_NOT_THERE = object()
#: How deep code is followed by recursion.
_DEEPEST = 40
_DISPATCHER = functools.singledispatch(len).__code__  # type: ignore[attr-defined]


class TooDeepError(UndigestibleError):
    """Code that leads deeper than recursion can follow; a flat walk can."""


class CodeWalk:
    """One walk over code and what it needs.

    Parameters
    ----------
    of_value : callable
        Gives the digest of any value, on this walk.
    flat : bool, default=False
        Whether code is numbered as it is met, and read by `rest`. It may then matter
        whether two equal functions are one.
    uses : dict of str to frozenset of str, default=None
        What a walk before found of how attributes are used.

    Attributes
    ----------
    unwatched : bool
        Whether code that was met names a clock or a source of entropy.
    uses : dict of str to frozenset of str
        How the code that was met uses attributes; it begins with those of a walk before.
    places : dict
        The mutable things that were met, by identity: two users of one random generator
        draw in turn, which two equal generators do not.
    """

    def __init__(
        self,
        of_value: Callable[[Any, CodeWalk], bytes],
        *,
        flat: bool = False,
        uses: Uses | None = None,
    ) -> None:
        self._of_value = of_value
        self._flat = flat
        self._waiting: list[Code] = []
        self.unwatched = False
        self.places: dict[int, tuple[Any, int]] = {}
        self.uses: Uses = dict(uses or {})
        # What was taken for what became of attributes, while not all code had been met.
        self._taken: list[tuple[str, Any, Fate]] = []
        self._done: dict[int, tuple[Any, bytes]] = {}
        self._open: dict[int, tuple[Any, int]] = {}
        # Of each thing being read: its number, and the lowest number it leads back to.
        self._reading: list[list[int]] = []

    def place(self, value: Any) -> int:
        """Give a mutable thing its number in the order of appearance.

        Parameters
        ----------
        value : object

        Returns
        -------
        int
        """
        return self.places.setdefault(id(value), (value, len(self.places)))[1]

    @property
    def mistaken(self) -> bool:
        """Whether code met later uses attributes in a way that was not known before."""
        return any(
            fate(value, self.uses.get(name, ())) != taken for name, value, taken in self._taken
        )

    def code(self, code: Code) -> bytes:
        """Digest a function, class or module.

        Parameters
        ----------
        code : function, class or module

        Returns
        -------
        bytes of length 16

        Raises
        ------
        UndigestibleError
            If it needs something of which no digest tells all.
        TooDeepError
            If only a flat walk can read it.
        """
        named = _by_name(code)
        if named is not None:
            return named
        key = id(code)
        if self._flat:
            if key not in self._open:
                self._open[key] = (code, len(self._open))
                self._waiting.append(code)
            return framed(b"number", str(self._open[key][1]).encode())
        if key in self._done:
            return self._done[key][1]
        if key in self._open:
            number = self._open[key][1]
            self._reading[-1][1] = min(self._reading[-1][1], number)
            return framed(b"again", str(self._reading[-1][0] - number).encode())
        if len(self._reading) == _DEEPEST:
            raise TooDeepError(f"expected code that can be followed, got {code!r}, too deep.")
        return self._read(code)

    def rest(self) -> Iterator[bytes]:
        """Read what a flat walk has met.

        Yields
        ------
        bytes of length 16
        """
        for code in self._waiting:  # which grows
            yield self._content(code)

    def _read(self, code: Code) -> bytes:
        number = len(self._open)
        self._open[id(code)] = (code, number)
        self._reading.append([number, number])
        digest = self._content(code)  # an error ends the walk
        lowest = self._reading.pop()[1]
        if lowest == number:  # leads back to nothing that is still being read
            while len(self._open) > number:
                self._open.popitem()
            self._done[id(code)] = (code, digest)
        else:
            self._reading[-1][1] = min(self._reading[-1][1], lowest)
        return digest

    def _content(self, code: Code) -> bytes:
        if isinstance(code, FunctionType):
            return self._of_function(code)
        return self._of_class(code) if isinstance(code, type) else self._of_module(code)

    def _value(self, value: Any) -> bytes:
        if isinstance(value, FunctionType):  # spares the stack the way through a pickle
            return self.code(value)
        return self._of_value(value, self)

    def _of_function(self, function: FunctionType) -> bytes:
        if function.__code__ is _DISPATCHER:
            return self._of_dispatcher(function)
        found, written = facts(function.__code__), writes(function.__code__)
        unite(self.uses, written.attributes)
        home = _home(function)
        parts = [b"function", found.digest, self._value(function.__defaults__)]
        parts.append(self._value(function.__kwdefaults__))
        for name, value in vars(function).items():
            parts += [name.encode(), self._of_attribute(name, value)]
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in cells:
            content = _content(cell)
            found_fate = fate(content, written.names.get(name, ()))
            if home is not None and found_fate == "refuse":
                found_fate = "skip"  # what a package keeps for itself
            parts.append(b"empty" if content is _NOT_THERE else self._used(content, found_fate))
        if home is not None:
            return framed(*parts, home)
        self.unwatched |= found.unwatched
        if "import_module" in found.attributes:
            _refuse_hidden(importlib.import_module)
        parts += [
            framed(
                repr(chain).encode(), self._of_chain(chain, function.__globals__, written.names)
            )
            for chain in found.chains
        ]
        return framed(*parts, *self._of_imports(found, function.__globals__))

    def _of_dispatcher(self, function: Any) -> bytes:
        # Its closure keeps a cache, which grows with every call.
        registered = [
            framed(self.code(kind), self._value(work)) for kind, work in function.registry.items()
        ]
        return framed(b"singledispatch", *sorted(registered))

    def _of_chain(
        self, chain: tuple[str, ...], names: dict[str, Any], written: Mapping[str, frozenset[str]]
    ) -> bytes:
        head, *attributes = chain
        name = None
        value = names.get(head, _NOT_THERE)
        if value is _NOT_THERE:
            value = getattr(builtins, head, _NOT_THERE)
        for attribute in attributes:
            if not isinstance(value, ModuleType):
                break
            inner = vars(value).get(attribute)
            _refuse_hidden(inner)
            self.unwatched |= is_source(inner, attribute)
            if origin(value.__name__) is not None and not isinstance(inner, ModuleType):
                break
            value = getattr(value, attribute, _NOT_THERE)
            name = attribute
        if value is _NOT_THERE:
            return b"missing"
        _refuse_hidden(value)
        self.unwatched |= is_source(value, name or head)
        if name is not None:
            return self._of_attribute(name, value)
        return self._used(value, fate(value, written.get(head, ())))

    def _of_attribute(self, name: str, value: Any) -> bytes:
        found = fate(value, self.uses.get(name, ()))
        self._taken.append((name, value, found))
        return self._used(value, found)

    def _used(self, value: Any, found: Fate) -> bytes:
        """Digest what code names; not what it only writes into."""
        if found == "skip":
            return b"written"
        if found == "refuse":
            raise UndigestibleError(
                f"expected code that leaves alone what it reads, got some that changes a "
                f"{type(value).__qualname__} outside of it. Hand it in, or make it inside."
            )
        return self._value(value)

    def _of_imports(self, found: Facts, names: dict[str, Any]) -> Iterator[bytes]:
        for name, level, taken in found.imports:
            if level:
                package = names.get("__package__") or names.get("__name__")
                name = importlib.util.resolve_name("." * level + name, package)
            home = origin(name)
            if home is not None:
                yield framed(name.encode(), home)
                continue
            module = _imported(name)
            if module is None:
                yield framed(name.encode(), b"missing")
            elif not taken or "*" in taken:
                yield self.code(module)
            else:
                for attribute in taken:
                    value = getattr(module, attribute, _NOT_THERE)
                    if value is _NOT_THERE:
                        value = _imported(f"{name}.{attribute}")
                    yield framed(attribute.encode(), self._value(value))

    def _of_class(self, cls: type[Any]) -> bytes:
        parts = [b"class", cls.__qualname__.encode(), self.code(type(cls))]
        parts += [self.code(base) for base in cls.__bases__]
        entries = vars(cls)
        for function in filter(None, map(_function_of, entries.values())):
            unite(self.uses, writes(function.__code__).attributes)
        for name in sorted(entries.keys() - _IDLE):
            parts += [name.encode(), self._of_attribute(name, entries[name])]
        return framed(*parts)

    def _of_module(self, module: ModuleType) -> bytes:
        entries = vars(module)
        names = sorted(name for name in entries if not name.startswith("__"))
        parts = [part for name in names for part in (name.encode(), self._value(entries[name]))]
        return framed(b"module", module.__name__.encode(), *parts)


def _function_of(entry: Any) -> FunctionType | None:
    """Give the function that an entry of a class is, or is made of."""
    if isinstance(entry, property):
        entry = entry.fget
    entry = getattr(entry, "__func__", entry)
    return entry if isinstance(entry, FunctionType) else None


def _refuse_hidden(value: Any) -> None:
    if any(value is hiding for hiding in _HIDING):
        raise UndigestibleError(
            f"expected code that names what it calls, got a call of {value.__name__}, which runs "
            "what no name shows. Call the function itself."
        )


def named_code(code: Any) -> bytes:
    """Digest what is not written in Python - functions of C and Cython - by name and version.

    Parameters
    ----------
    code : callable with ``__name__``

    Returns
    -------
    bytes of length 16

    Raises
    ------
    UndigestibleError
        If it has no module to be found in.
    """
    module = getattr(code, "__module__", None) or getattr(
        getattr(code, "__self__", None), "__name__", None
    )
    home = origin(module)
    if home is None:
        raise UndigestibleError(
            f"expected a compiled function of a module that can be found, got {code!r}. Import "
            "it from the module that defines it."
        )
    name = getattr(code, "__qualname__", code.__name__)
    return framed(b"compiled", str(module).encode(), name.encode(), home)


#: Digests of installed functions and classes, which stay what they are.
_named: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()


def _by_name(code: Code) -> bytes | None:
    """Digest installed code that can be found under its name; None for all else."""
    if isinstance(code, ModuleType):
        home = origin(code.__name__)
        return None if home is None else framed(b"module", code.__name__.encode(), home)
    known = _named.get(code)
    if known is not None:
        return known
    homes = _homes(code)
    if None in homes or not _is_found(code):
        return None
    name = (str(code.__module__).encode(), code.__qualname__.encode())
    digest = framed(b"named", *name, *(home for home in homes if home is not None))
    _named[code] = digest
    return digest


def _homes(code: FunctionType | type[Any]) -> list[bytes | None]:
    if isinstance(code, type):
        return [origin(base.__module__) for base in code.__mro__]
    # A decorated function says that it is of the module of what it decorates.
    return [origin(code.__module__), _home(code)]


def _home(function: FunctionType) -> bytes | None:
    """Give the origin of the module that a function looks its names up in."""
    name = function.__globals__.get("__name__")
    module = sys.modules.get(str(name))
    if module is None or vars(module) is not function.__globals__:
        return None  # made elsewhere, under that name
    return origin(name)


def _is_found(code: FunctionType | type[Any]) -> bool:
    if isinstance(code, type) and not code.__flags__ & 1 << 9:
        return True  # made in C: NoneType and its like have no name in their module
    found: Any = sys.modules.get(code.__module__)
    for part in code.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is code


def _imported(name: str) -> ModuleType | None:
    """Import a module of the user, as the code that is read will; None where there is none."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that has not been bound yet
        return _NOT_THERE
