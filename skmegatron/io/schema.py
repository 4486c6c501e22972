"""What a skops file asks to be built: looked at before anybody builds it.

skops writes objects as a tree of parts, each with a loader, the name of a type, and further
parts inside. Here the tree is held against the layouts that skops writes, so that later checks
may trust what stands where. A part may be an earlier one again, told by its number; then both
must be alike, because skops builds the first and never looks at the second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_PART, _PARTS, _NAMED, _TEXT, _PLAIN = "a part", "a list of parts", "named parts", "text", "plain"
_TWO = {"data": _PART, "mask": _PART}
_CALL = {"content": _PART, "__reduce__": {"args": _PART}}

#: What each loader of skops finds beside the type; a name that begins with a dot ends a file's.
_LAYOUTS: dict[str, dict[str, Any]] = {
    "BytearrayNode": {"file": ".bin"},
    "BytesNode": {"file": ".bin"},
    "ConstructorFromReduceNode": {"content": _PART},
    "DTypeNode": {"content": _PART},
    "DefaultDictNode": {"content": {"main": _PART, "default_factory": _PART}},
    "DictNode": {"content": _NAMED, "key_types": _PART},
    "FunctionNode": {},
    "JsonNode": {"content": _TEXT},
    "ListNode": {"content": _PARTS},
    "LossNode": _CALL,
    "MaskedArrayNode": {"content": _TWO},
    "MethodNode": {"content": {"func": _TEXT, "obj": _PART}},
    "ObjectNode": {"content": _PART},
    "OperatorFuncNode": {"attrs": _PART},
    "PartialNode": {"content": dict.fromkeys(("func", "args", "kwds", "namespace"), _PART)},
    "QuantileForestNode": _CALL,
    "RandomGeneratorNode": {"content": {"bit_generator": _PART, "seed_seq": _PART}},
    "RandomStateNode": {"content": _PART},
    "SetNode": {"content": _PARTS},
    "SliceNode": {"content": dict.fromkeys(("start", "stop", "step"), _PLAIN)},
    "SparseMatrixNode": {"type": _TEXT, "file": ".npz"},
    "TreeNode": _CALL,
    "TupleNode": {"content": _PARTS},
    "TypeNode": {},
}
_ARRAY = {"type": _TEXT, "file": ".npy"}
_OBJECT_ARRAY = {"type": _TEXT, "content": _PARTS, "shape": _PART}
_HEAD = ("__class__", "__module__", "__loader__", "__id__")
#: Whose instances come back from the text that JSON makes of a key.
_KEYS = ("builtins.str", "builtins.int", "builtins.float", "numpy.str_")
_NUMBERS = ("numpy.int", "numpy.uint", "numpy.float")
_DEEPEST = 400
#: Of an object that is written twice: parts that are made for writing have numbers of their own.
_MAY_DIFFER = ("__id__", "file")


class BadKeysError(ValueError):
    """A dictionary has keys that do not come back from a skops file as they were."""


def schema_of(content: bytes) -> dict[str, Any]:
    """Read what skops builds from, and hold it against the layouts of its parts.

    Parameters
    ----------
    content : bytes
        JSON.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is nothing that skops writes, or so deep that building it would not end well.
    """
    schema = json.loads(content)
    _check_depth(schema)
    protocol = schema.get("protocol") if isinstance(schema, dict) else None
    if type(protocol) is not int or protocol < 1:
        raise ValueError(f"its schema is in the protocol {protocol!r}, which skops never wrote")
    for part in parts_of(schema):
        _check_part(part)
    return dict(schema)


def parts_of(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a part, and all parts inside of it.

    Parameters
    ----------
    part : dict

    Yields
    ------
    dict
    """
    waiting = [part]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(inner_parts(found))


def inner_parts(part: dict[str, Any]) -> list[dict[str, Any]]:
    """List the parts that are directly inside of one.

    Parameters
    ----------
    part : dict

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If the part is not laid out as skops does.
    """
    head = [part.get(key) for key in _HEAD[:3]]
    if not all(isinstance(text, str) and text for text in head):
        raise ValueError(f"a part of its schema does not tell its type and loader: {head}")
    return list(_found(part, _layout_of(part), name_of(part)))


def check_alike(schema: dict[str, Any]) -> None:
    """Insist that parts with one number are one and the same.

    Parameters
    ----------
    schema : dict

    Raises
    ------
    ValueError
        If they are not: then skops would build something else than what was looked at.
    """
    seen: dict[Any, int] = {}

    def looks(part: dict[str, Any]) -> int:
        inner = tuple(map(looks, inner_parts(part)))
        own = {k: v for k, v in part.items() if isinstance(v, str | int) and k not in _MAY_DIFFER}
        keys = [tuple(v) for k, v in part.items() if isinstance(v, dict)]
        mine = hash((tuple(own.items()), repr(keys), inner))
        number = part.get("__id__")
        if number is not None and seen.setdefault(number, mine) != mine:
            raise ValueError(f"two different parts of its schema have the number {number!r}")
        return mine

    looks(schema)


def name_of(part: dict[str, Any]) -> str:
    """Give the full name of the type that a part asks for.

    Parameters
    ----------
    part : dict

    Returns
    -------
    str
    """
    return f"{part['__module__']}.{part['__class__']}"


def state_of(part: dict[str, Any]) -> dict[str, Any]:
    """Give the attributes of an object as parts by name; none where it holds none.

    Parameters
    ----------
    part : dict
        Loaded by ``ObjectNode``.

    Returns
    -------
    dict of str to dict

    Raises
    ------
    ValueError
        If its state is something else, in which the attributes could not be found.
    """
    state = part.get("content")
    if state is None or is_null(state):
        return {}
    if state["__loader__"] != "DictNode":
        raise ValueError(f"the state of {name_of(part)} is no dict but {name_of(state)}")
    return dict(state["content"])


def is_null(part: dict[str, Any]) -> bool:
    """Tell whether a part is None.

    Parameters
    ----------
    part : dict

    Returns
    -------
    bool
    """
    return part.get("__loader__") == "JsonNode" and part.get("content") == "null"


def renumbered(schema: dict[str, Any]) -> dict[str, str]:
    """Give the parts of a schema, and their members, numbers in the order in which they stand.

    skops tells them by their place in memory, which is another one each time.

    Parameters
    ----------
    schema : dict
        Changed.

    Returns
    -------
    dict of str to str
        The new name of each member that is still needed.
    """
    numbers: dict[Any, int] = {}
    names: dict[str, str] = {}
    files: dict[int, str] = {}
    for part in parts_of(schema):
        if "__id__" in part:
            part["__id__"] = numbers.setdefault(part["__id__"], len(numbers) + 1)
        if part["__loader__"] == "SetNode":
            part["content"].sort(key=lambda member: str(member.get("content")))
        if "file" in part:
            member = files.setdefault(part.get("__id__", -len(files)), part["file"])
            ending = member[member.rindex(".") :]
            part["file"] = names.setdefault(member, f"{len(names)}{ending}")
    return names


def _layout_of(part: dict[str, Any]) -> dict[str, Any]:
    loader = part["__loader__"]
    if loader == "NdArrayNode":
        return _ARRAY if "file" in part else _OBJECT_ARRAY
    if loader not in _LAYOUTS:
        raise ValueError(
            f"{name_of(part)} is loaded by {loader!r}, which is none of the loaders of skops that "
            "this version of skmegatron knows"
        )
    if loader == "ObjectNode" and "content" not in part:
        return {}
    return _LAYOUTS[loader]


def _found(part: dict[str, Any], layout: dict[str, Any], owner: str) -> Iterator[dict[str, Any]]:
    """Give the parts that a layout asks for, and insist that there is nothing else."""
    for key, kind in layout.items():
        value = part.get(key)
        if isinstance(kind, dict) and isinstance(value, dict):
            yield from _found(value, kind, owner)
        elif kind == _PART and isinstance(value, dict):
            yield value
        elif kind == _PARTS and isinstance(value, list) and _all_dicts(value):
            yield from value
        elif kind == _NAMED and isinstance(value, dict) and _all_dicts(value.values()):
            yield from value.values()
        elif kind == _PLAIN and not isinstance(value, dict | list):
            continue
        elif not isinstance(value, str) or not (kind == _TEXT or value.endswith(str(kind))):
            raise ValueError(f"{key!r} of {owner} in its schema is not what skops writes there")
    known = {*layout, *_HEAD}
    if any(isinstance(value, dict | list) for key, value in part.items() if key not in known):
        raise ValueError(f"{owner} in its schema holds more than skops writes: {sorted(part)}")


def _all_dicts(values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def _check_part(part: dict[str, Any]) -> None:
    if part["__loader__"] != "DictNode":
        return
    types = part["key_types"]
    kinds = types.get("content")
    if types["__loader__"] != "ListNode" or not isinstance(kinds, list):
        raise ValueError(f"the keys of a {name_of(part)} in its schema have no types")
    bad = [kind for kind in kinds if kind["__loader__"] != "TypeNode" or not _comes_back(kind)]
    if bad or len(kinds) != len(part["content"]):
        raise BadKeysError(
            f"a dict in it has keys of type {name_of(bad[0]) if bad else 'unknown'}, which skops "
            "files turn into something else"
        )


def _comes_back(kind: dict[str, Any]) -> bool:
    name = name_of(kind)
    return name in _KEYS or name.rstrip("0123456789") in _NUMBERS


def _check_depth(schema: Any) -> None:
    waiting = [(schema, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError(f"its schema is more than {_DEEPEST} levels deep")
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            waiting.extend((item, depth + 1) for item in inner)
