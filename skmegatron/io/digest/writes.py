"""What code writes into outside of itself: counters, logs, locks, caches of its own.

Such a thing differs after each call, so its value must not tell one call from the next. What
is called as ``name.append(...)`` and its like is seen in the bytecode, what is assigned as
``name[key] = ...`` in the source, where there is one.
"""

from __future__ import annotations

import ast
import dis
import inspect
import textwrap
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType

#: Methods that change what they are called on.
_CHANGING = {
    *("append", "appendleft", "extend", "extendleft", "insert", "add", "update", "subtract"),
    *("setdefault", "pop", "popleft", "popitem", "remove", "discard", "clear"),
    *("put", "put_nowait", "write", "writelines", "acquire", "release", "set"),
}
_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FAST"}
_STORES = {"STORE_GLOBAL", "STORE_DEREF", "DELETE_GLOBAL", "DELETE_DEREF"}
_LOADS_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
_SKIPPED = {"EXTENDED_ARG", "CACHE", "NOP", "PUSH_NULL", "COPY_FREE_VARS", "RESUME"}


@dataclass(frozen=True, slots=True)
class Writes:
    """What a function writes into.

    Attributes
    ----------
    names : frozenset of str
        Names of what it changes, some of them its own.
    attributes : frozenset of str
        Attributes of classes, modules and other objects that it changes.
    """

    names: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()

    def __or__(self, other: Writes) -> Writes:
        return Writes(self.names | other.names, self.attributes | other.attributes)


_known: dict[int, tuple[weakref.ref[CodeType], Writes]] = {}


def writes(function: FunctionType) -> Writes:
    """Tell what a function writes into; each code object is read once.

    Parameters
    ----------
    function : function

    Returns
    -------
    Writes

    Examples
    --------
    >>> from skmegatron.io.digest.writes import writes
    >>> sorted(writes(lambda x: calls.append(x) or x).names)
    ['calls']
    """
    code = function.__code__
    key = id(code)
    known = _known.get(key)
    if known is not None and known[0]() is code:
        return known[1]
    found = _in_source(function)
    for inner in _nested(code):
        found |= _in_bytecode(inner)
    _known[key] = (weakref.ref(code, lambda _: _known.pop(key, None)), found)
    return found


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _in_bytecode(code: CodeType) -> Writes:
    names: set[str] = set()
    attributes: set[str] = set()
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SKIPPED]
    for place, step in enumerate(steps):
        if step.opname in _STORES:
            names.add(step.argval)
        if step.opname not in _LOADS:
            continue
        chain = [step.argval]
        for follower in steps[place + 1 :]:
            if follower.opname not in _LOADS_ATTRIBUTE:
                break
            chain.append(follower.argval)
        after = steps[place + 1].opname if place + 1 < len(steps) else ""
        counted = place > 0 and steps[place - 1].argval == "next"
        if after == "BEFORE_WITH" or counted or (len(chain) == 2 and chain[1] in _CHANGING):
            names.add(chain[0])
        elif len(chain) > 2 and chain[-1] in _CHANGING:
            attributes.add(chain[-2])
    return Writes(frozenset(names), frozenset(attributes))


def _in_source(function: FunctionType) -> Writes:
    if function.__name__ == "<lambda>":
        return Writes()  # which cannot assign
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return Writes()
    definition = tree.body[0] if tree.body else None
    if getattr(definition, "name", None) != function.__name__:
        return Writes()  # the file has changed since
    found = _Assignments()
    found.visit(tree)
    return Writes(frozenset(found.names), frozenset(found.attributes))


class _Assignments(ast.NodeVisitor):
    """Collect what is assigned to, other than plain names."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target, whole=True)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._target(node.target, whole=False)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._target(target, whole=True)

    def _target(self, target: ast.expr, *, whole: bool) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self._target(part, whole=whole)
        elif isinstance(target, ast.Subscript):
            inner = target.value
            if isinstance(inner, ast.Name):
                self.names.add(inner.id)
            elif isinstance(inner, ast.Attribute):
                self.attributes.add(inner.attr)
        elif isinstance(target, ast.Attribute):
            # What is set on self belongs to the object; what is added to may be the class's.
            own = isinstance(target.value, ast.Name) and target.value.id == "self"
            if not (own and whole):
                self.attributes.add(target.attr)
