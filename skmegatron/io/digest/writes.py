"""What code only writes into: counters, logs, queues.

Such a thing differs after each call, and says nothing of what the code gives, so its value must
not tell one call from the next. It has to be certain that nobody reads it: every use that is
not known to put something in and tell nothing is a read. All of this is seen in the bytecode,
where the place of an assignment in the source tells what it assigns into.
"""

from __future__ import annotations

import dis
import io
import itertools
import queue
import threading
import weakref
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

import numpy as np

#: A use that is not one of those below, and may tell what is there.
READ = "read"
#: ``x[key] = value``, ``x += value``, ``x = value``, ``next(x)`` and ``with x``.
_ITEM, _ADDED, _BOUND, _NEXT, _WITH = "[]=", "+=", "=", "next", "with"

_NUMBER = {_ADDED, _BOUND}
_MAPPING = {"update", "clear", _ITEM, _ADDED, _BOUND}
_SEQUENCE = {"append", "extend", "insert", "clear", _ITEM, _ADDED, _BOUND}
_QUEUE = {"put", "put_nowait"}
_STREAM = {"write", "writelines", "flush"}
_LOCK = {"acquire", "release", _WITH}
#: What changes each kind of thing and tells nothing of it.
_TELLS_NOTHING: dict[type[Any], set[str]] = {
    int: _NUMBER,
    float: _NUMBER,
    str: _NUMBER,
    bool: _NUMBER,
    type(None): _NUMBER,
    list: _SEQUENCE,
    deque: _SEQUENCE | {"appendleft", "extendleft"},
    set: {"add", "update", "discard", "clear", _ADDED, _BOUND},
    dict: _MAPPING,
    defaultdict: _MAPPING,
    Counter: _MAPPING | {"subtract"},
    np.ndarray: {_ITEM} | _NUMBER,
    queue.Queue: _QUEUE,
    queue.SimpleQueue: _QUEUE,
    io.StringIO: _STREAM,
    io.TextIOWrapper: _STREAM,
    type(threading.Lock()): _LOCK,
    type(threading.RLock()): _LOCK,
    threading.Event: {"set"},
    itertools.count: {_NEXT},
}
_METHODS = set().union(*_TELLS_NOTHING.values()) - {_NEXT, _WITH}

_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"}
_LOADS |= {"LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF"}
_STORES = {"STORE_GLOBAL", "STORE_DEREF"}
_DELETES = {"DELETE_GLOBAL", "DELETE_DEREF", "DELETE_ATTR"}
_LOADS_CONSTANT = {"LOAD_CONST", "LOAD_SMALL_INT"}
_LOADS_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
_SKIPPED = {"EXTENDED_ARG", "CACHE", "NOP", "PUSH_NULL", "PRECALL", "COPY_FREE_VARS", "RESUME"}

Uses = dict[str, frozenset[str]]
Fate = Literal["value", "skip", "refuse"]


@dataclass(frozen=True, slots=True)
class Writes:
    """How code uses what lies outside of it.

    Attributes
    ----------
    names : dict of str to frozenset of str
        Each use of each global name and free variable.
    attributes : dict of str to frozenset of str
        Each use of each attribute of anything.
    """

    names: Mapping[str, frozenset[str]]
    attributes: Mapping[str, frozenset[str]]


def fate(value: Any, uses: Iterable[str]) -> Fate:
    """Tell whether the value of a thing says what code does that uses it so.

    Parameters
    ----------
    value : object
    uses : iterable of str

    Returns
    -------
    {"value", "skip", "refuse"}
        ``"refuse"`` where code reads what it changes itself, so that no run is like the next.

    Examples
    --------
    >>> from skmegatron.io.digest.writes import fate
    >>> fate([], {"append"}), fate([], {"append", "read"}), fate([], {"read"})
    ('skip', 'refuse', 'value')
    """
    found = set(uses)
    if found == {_BOUND}:
        return "skip"
    kind = float if isinstance(value, np.generic) else type(value)
    harmless = _TELLS_NOTHING.get(kind, set())
    if not found & harmless:
        return "value"
    return "skip" if found <= harmless else "refuse"


_known: dict[int, tuple[weakref.ref[CodeType], Writes]] = {}


def writes(code: CodeType) -> Writes:
    """Tell how a code object uses what lies outside of it; each is read once.

    Parameters
    ----------
    code : code object

    Returns
    -------
    Writes

    Examples
    --------
    >>> from skmegatron.io.digest.writes import writes
    >>> sorted(writes((lambda x: calls.append(x) or x).__code__).names["calls"])
    ['append']
    """
    key = id(code)
    known = _known.get(key)
    if known is not None and known[0]() is code:
        return known[1]
    reading = _Reading(code)
    names, attributes = reading.names, reading.attributes
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = writes(constant)
            own = code.co_cellvars  # which end with the call
            unite(names, {name: uses for name, uses in inner.names.items() if name not in own})
            unite(attributes, inner.attributes)
        elif isinstance(constant, str) and constant.isidentifier():  # as getattr takes it
            unite(attributes, {constant: frozenset({READ})})
    _known[key] = (weakref.ref(code, lambda _: _known.pop(key, None)), Writes(names, attributes))
    return _known[key][1]


def unite(uses: Uses, more: Mapping[str, frozenset[str]]) -> None:
    """Add uses to others.

    Parameters
    ----------
    uses : dict of str to frozenset of str
        Grows.
    more : mapping of str to frozenset of str
    """
    for name, ways in more.items():
        uses[name] = uses.get(name, frozenset()) | ways


class _Reading:
    """One code object, without those in it."""

    def __init__(self, code: CodeType) -> None:
        self._steps = [s for s in dis.get_instructions(code) if s.opname not in _SKIPPED]
        self.names: Uses = {}
        self.attributes: Uses = {}
        # What is done over each stretch of the source, by where it begins.
        self._at: dict[tuple[Any, Any], dict[tuple[Any, Any], set[tuple[str, Any]]]] = {}
        for step in self._steps:
            begin, end = _stretch(step)
            if None not in (*begin, *end):
                done = self._at.setdefault(begin, {}).setdefault(end, set())
                done.add((step.opname, step.argval if step.opname.startswith("STORE") else None))
        for place, step in enumerate(self._steps):
            if step.opname in _STORES and not self._is_added_to(step):
                unite(self.names, {step.argval: frozenset({_BOUND})})
            elif step.opname in _DELETES:
                unite(self.names, {step.argval: frozenset({READ})})
                unite(self.attributes, {step.argval: frozenset({READ})})
            elif step.opname in _LOADS:
                unite(self.names, {step.argval: frozenset({self._use(place)})})
            elif step.opname in _LOADS_ATTRIBUTE:
                unite(self.attributes, {step.argval: frozenset({self._use(place)})})

    def _use(self, place: int) -> str:
        """Tell what is done with what a step loads."""
        step, after = self._steps[place], self._steps[place + 1 : place + 4]
        following = [follower.opname for follower in after]
        if following[:1] in (["LOAD_ATTR"], ["LOAD_METHOD"]):
            is_last = following[1:2] not in (["LOAD_ATTR"], ["LOAD_METHOD"])
            return after[0].argval if is_last and after[0].argval in _METHODS else READ
        if following[:2] == ["CALL", "POP_TOP"] and self._steps[place - 1].argval == "next":
            return _NEXT
        entered = following[:1] == ["BEFORE_WITH"]
        if entered or (following[:1] == ["COPY"] and following[1:2] == ["LOAD_SPECIAL"]):
            return _WITH
        begin, end = _stretch(step)
        around = self._at.get(begin, {})
        if self._adds_to(step, around.get(end, set())):
            # Added to through an object, it is the object's own from then on.
            own = step.opname in _LOADS_ATTRIBUTE and self._steps[place - 2].argval == "self"
            return READ if own else _ADDED
        if self._rebinds(step, after):
            return _ADDED
        larger = [other for other in around if other > end]
        if larger and ("STORE_SUBSCR", None) in around[min(larger)]:
            return _ITEM
        return READ

    def _adds_to(self, step: dis.Instruction, done: set[tuple[str, Any]]) -> bool:
        return any(name.startswith("STORE") and what == step.argval for name, what in done)

    def _rebinds(self, step: dis.Instruction, after: list[dis.Instruction]) -> bool:
        """Tell whether a name is followed by what makes ``n = n + 1`` of it."""
        if len(after) < 3 or after[0].opname not in _LOADS_CONSTANT:
            return False
        stored = after[2]
        added = after[1].opname == "BINARY_OP"
        return added and stored.opname in _STORES and stored.argval == step.argval

    def _is_added_to(self, step: dis.Instruction) -> bool:
        begin, end = _stretch(step)
        done = self._at.get(begin, {}).get(end, set())
        return any(name in _LOADS for name, _ in done)


def _stretch(step: dis.Instruction) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    place = step.positions
    if place is None:
        return (None, None), (None, None)
    return (place.lineno, place.col_offset), (place.end_lineno, place.end_col_offset)
