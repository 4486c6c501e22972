"""Skops files of strangers, opened without harm.

First the file is looked at: is it whole, made as skops makes files, and does it name nothing that
its *reader* does not trust - which is what skops knows to be harmless, the layers of skmegatron,
and what the reader lists. Only then is anything imported or built, and what was built is looked
at once more, so that a pipeline that is handed out works.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from scipy import sparse

from skmegatron import layers, layertools, metrics
from skmegatron.errors import LoadError
from skmegatron.io.archive import DESCRIPTION, SCHEMA, check_archive
from skmegatron.io.saving import Portable, not_whole, of_kind
from skmegatron.io.schema import check_alike, is_null, name_of, parts_of, schema_of, state_of
from skmegatron.io.sealed import description_in
from skmegatron.io.seen import Seen
from skmegatron.layers.core import Inverse, Layer
from skmegatron.layers.keras.network import Network
from skmegatron.layers.keras.strangers import unknown_code
from skmegatron.nodes.choices import Choice
from skmegatron.nodes.core import Token
from skmegatron.nodes.topology import full_name
from skmegatron.optional import optional

#: What a file from others must not say: where something is kept.
PLACES = ("memory", "storage")
#: Of our own types, those that are built by a call of their constructor, which only stores.
_CALLED = (Token, Choice)
#: Harmless types that skops does not know to be so, and the only loader that may build them.
_HARMLESS = {
    **{
        full_name(getattr(sparse, f"{format}_{kind}")): "SparseMatrixNode"
        for format in ("bsr", "coo", "csc", "csr", "dia")
        for kind in ("array", "matrix")
    },
    "numpy.dtype": "DTypeNode",
    "sklearn.utils._bunch.Bunch": "DictNode",
    "skmegatron.layers.keras.apart._Held": "ObjectNode",
}


def load_skops(path: str | os.PathLike[str], expected: type, trusted: Sequence[str]) -> Any:
    """Read a pipeline from a skops file, building nothing that is not trusted.

    Parameters
    ----------
    path : path-like
    expected : type
        `Pipeline`.
    trusted : sequence of str
        Full names of types and functions.

    Returns
    -------
    Pipeline

    Raises
    ------
    LoadError
        If the file is damaged, made to do harm, or holds types that are not trusted, which are
        named.
    ImportError, AttributeError
        If something that is trusted cannot be imported here.
    """
    skops = optional("skops.io", extra="skops", purpose="Reading a skops file")
    with open(path, "rb") as file:
        try:
            schema, members = _looked_at(file, os.fspath(path))
            _check_root(schema)
            known = {*own_types(expected), *trusted}
            refused = sorted(_names_in(skops, schema, members) - known)
        except LoadError:
            raise
        except Exception as error:  # what was made to do harm raises whatever it likes
            raise not_whole(path, expected, error) from error
        if refused:
            raise _untrusted(path, refused, trusted)
        kinds = _imported(path, {name_of(part) for part in parts_of(schema)} & {*trusted})
        try:
            check_alike(schema)
            _check_loaders(schema, kinds)
            pipeline = skops.load(file, trusted=sorted(known))
            of_kind(pipeline, path, expected)
            check_built(pipeline)
        except (LoadError, Warning):
            raise
        except Exception as error:  # as above
            raise not_whole(path, expected, error) from error
    return pipeline


def try_out(skops: Any, file: IO[bytes]) -> Any:
    """Read a file as somebody does who trusts all that it names, which whoever wrote it may do.

    Parameters
    ----------
    skops : module
        ``skops.io``.
    file : binary file

    Returns
    -------
    object
        What it holds.

    Raises
    ------
    Exception
        Of any kind, if it cannot be read again.
    """
    schema, members = _looked_at(file, "it")
    check_alike(schema)
    return skops.load(file, trusted=sorted(_names_in(skops, schema, members)))


def own_types(pipeline: type) -> list[str]:
    """List the types besides those that skops knows which any file may hold.

    Their constructors and ``__setstate__`` only store: none opens, writes or calls something.

    Parameters
    ----------
    pipeline : type
        `Pipeline` itself.

    Returns
    -------
    list of str
        Full names.
    """
    homes = (layers, metrics)
    public = [getattr(module, name) for module in homes for name in module.__all__]
    kinds = [kind for kind in public if isinstance(kind, type) and issubclass(kind, Layer)]
    inner = [Choice, Inverse, Network, Portable, Seen, Token, pipeline]
    inner += [layertools.Maybe, layertools.Vectorize]
    return sorted({*_HARMLESS, *(full_name(kind) for kind in [*kinds, *inner])})


def trusted_names(trusted: Iterable[str | type[Any]]) -> list[str]:
    """Give the full names of what a reader trusts.

    Parameters
    ----------
    trusted : iterable of str or type

    Returns
    -------
    list of str

    Raises
    ------
    TypeError
        If it is no collection of names and types.
    """
    listed = None if isinstance(trusted, str | bytes) else trusted
    names = list(listed) if isinstance(listed, Iterable) else [None]
    if not all(isinstance(one, str) or callable(one) for one in names):
        raise TypeError(
            f"trusted takes a list of full names or types, got {trusted!r}. Write "
            "trusted=['my_package.my_module.MyLayer']."
        )
    return [one if isinstance(one, str) else _name_of_code(one) for one in names]


def _name_of_code(code: Any) -> str:
    return f"{code.__module__}.{code.__name__}"


def _ours(part: dict[str, Any]) -> bool:
    return part["__module__"].partition(".")[0] in ("skmegatron", "sklearn")


def _looked_at(file: IO[bytes], path: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Insist that a file is well made; give its schema, and the bytes that are no arrays."""
    with zipfile.ZipFile(file) as archive:
        check_archive(archive, file)
        if DESCRIPTION in archive.namelist():
            description_in(archive.read(DESCRIPTION), path)
        schema = schema_of(archive.read(SCHEMA))
        for place in _places(schema):
            raise ValueError(f"{place} says where something is kept")
        texts = [name for name in archive.namelist() if name.endswith(".bin")]
        there = {str(part["file"]) for part in parts_of(schema) if "file" in part}
        if not there <= {*archive.namelist()}:
            raise ValueError("its schema asks for members that it does not have")
        return schema, {name: archive.read(name) if name in texts else b"" for name in there}


def _places(schema: dict[str, Any]) -> Iterator[str]:
    """Name the objects in a schema that say where something is to be kept."""
    for part in parts_of(schema):
        state = part.get("content")
        if part["__loader__"] != "ObjectNode" or state is None:
            continue
        content = state["content"] if state["__loader__"] == "DictNode" else {}
        for name in PLACES:
            if name in content and not is_null(content[name]) and _ours(part):
                yield f"{name!r} of {name_of(part)}"


def _check_root(schema: dict[str, Any]) -> None:
    """Insist that a file holds the state of a pipeline, before anything is said about types."""
    needed = {"_versions", "_drawn", "_flat", "name"}
    if schema["__loader__"] == "ObjectNode" and not needed <= {*state_of(schema)}:
        raise ValueError(f"it holds a {schema['__class__']} without the state of a pipeline")


def _names_in(skops: Any, schema: dict[str, Any], members: Mapping[str, bytes]) -> set[str]:
    """List what a file could run that skops does not know to be harmless."""
    # skops reads all members to tell this, so it is shown a file in which they are empty.
    light = io.BytesIO()
    with zipfile.ZipFile(light, "w") as archive:
        archive.writestr(SCHEMA, json.dumps(schema))
        for name in members:
            archive.writestr(name, b"")
    names = set(skops.get_untrusted_types(data=light.getvalue()))
    for content in members.values():
        if zipfile.is_zipfile(io.BytesIO(content)):
            names.update(unknown_code(content))
    return names


def _untrusted(
    path: str | os.PathLike[str], refused: list[str], trusted: Sequence[str]
) -> LoadError:
    asked = sorted({*trusted, *refused})
    return LoadError(
        f"{os.fspath(path)!r} holds types that nobody has trusted: {refused}. Nothing was built "
        "or imported. Look at each of them: if they are known to you, and do no harm with any "
        f"content, pass load_pipeline(path, trusted={asked!r})."
    )


def _imported(path: str | os.PathLike[str], names: Iterable[str]) -> dict[str, Any]:
    """Import what the reader trusts, and the file asks for."""
    found: dict[str, Any] = {}
    for name in sorted(names):
        module, _, attribute = name.rpartition(".")
        try:
            found[name] = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            error.add_note(
                f"  while loading {os.fspath(path)!r}, which names {name!r}. Install or import "
                "the module that defines it."
            )
            raise
    return found


def _check_loaders(schema: dict[str, Any], trusted: Mapping[str, Any]) -> None:
    """Insist that types are built in the way that is theirs.

    A loader may call what it is told to build, with arguments from the file. So our types are
    built from states, and functions that the reader trusts are named, not called.
    """
    called = {full_name(kind) for kind in _CALLED}
    for part in parts_of(schema):
        loader, name = part["__loader__"], name_of(part)
        wanted: tuple[str, ...] = ()
        if name in trusted:
            if not isinstance(trusted[name], type):
                wanted = ("FunctionNode", "TypeNode")
        elif name in _HARMLESS:
            wanted = (_HARMLESS[name],)
        elif part["__module__"].partition(".")[0] == "skmegatron":
            wanted = ("ConstructorFromReduceNode" if name in called else "ObjectNode",)
        if wanted and loader not in wanted:
            raise ValueError(f"{name} is loaded by {loader}")
        if loader == "ObjectNode" and _ours(part) and name not in trusted:
            state_of(part)


def check_built(pipeline: Any) -> None:
    """Insist that what was built is a pipeline in every part.

    Parameters
    ----------
    pipeline : Pipeline

    Raises
    ------
    Exception
        Of any kind, if it is not.
    """
    given = pipeline.get_params(deep=False)
    kinds = {"name": str, "version": str | float | int, "n_jobs": int}
    for name, kind in kinds.items():
        if given[name] is not None and not isinstance(given[name], kind):
            raise TypeError(f"its {name} is {given[name]!r}")
    for name, step in pipeline.graph.by_name.items():
        _check_layer(name, step.layer, Layer)
    if "steps_" in vars(pipeline):
        _check_learned(pipeline)


def _check_learned(pipeline: Any) -> None:
    steps = pipeline.graph.by_name
    pipeline.graph.validate()
    if not {*pipeline.steps_} <= {*steps}:
        raise TypeError(f"what it has learned, {list(pipeline.steps_)[:5]}, is not of its graph")
    for name, layer in pipeline.steps_.items():
        _check_layer(name, layer, type(steps[name].layer))
        for held in vars(layer).values():
            if isinstance(held, Network):
                held.model  # noqa: B018 - read now, where an error is one of the file


def _check_layer(name: str, layer: Any, kind: type[Any]) -> None:
    if not isinstance(layer, kind):
        raise TypeError(f"its step {name!r} is no {kind.__name__} but {type(layer).__name__}")
    layer.get_params(deep=False)
