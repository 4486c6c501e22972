"""A pipeline as a file, for oneself and for others.

A joblib file holds anything, and loading it runs code. A skops file holds types by name, and its
*reader* says which of them may be built: those that skops knows to be harmless, the layers of
skmegatron, and what is trusted besides. A file from others does not decide where something is
written either, so a skops file carries no storage and no memory.
"""

from __future__ import annotations

import copy
import io
import os
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from skmegatron import layers, metrics
from skmegatron.errors import LoadError
from skmegatron.io.archive import check_archive, parts_of, schema_of, seal_archive
from skmegatron.io.saving import Portable, not_whole, of_kind, save, unimportable, whole_file
from skmegatron.io.sealed import FORMAT
from skmegatron.io.seen import Seen
from skmegatron.layers.core import Inverse, Layer
from skmegatron.layers.keras.network import Network
from skmegatron.layers.keras.strangers import unknown_code
from skmegatron.nodes.choices import Choice
from skmegatron.nodes.core import Token
from skmegatron.nodes.topology import full_name, topology
from skmegatron.optional import optional

#: The ending of each format's files.
SUFFIXES = {"joblib": ".pkl", "skops": ".skops"}
#: What a file from others must not say: where something is kept.
_PLACES = ("memory", "storage")
#: Of our own types, those that are built by a call of their constructor, which only stores.
_CALLED = (Token, Choice)


def describe_pipeline(pipeline: Any, kind: str) -> dict[str, Any]:
    """Tell what is in the file of a pipeline.

    Parameters
    ----------
    pipeline : Pipeline
    kind : {"joblib", "skops"}

    Returns
    -------
    dict
        JSON-able.
    """
    drawn = topology(pipeline.graph, vars(pipeline).get("_shapes", {}))
    return {
        "format": FORMAT,
        "kind": kind,
        "name": pipeline.name,
        "version": None if pipeline.version is None else str(pipeline.version),
        "fitted": "steps_" in vars(pipeline),
        "versions": {**pipeline.__getstate__()["_versions"], **_versions_of(drawn)},
        "graph": drawn,
    }


def _versions_of(drawn: dict[str, Any]) -> dict[str, str]:
    """Give the versions of the packages that layers and estimators come from."""
    named = [node.get(key) or "" for node in drawn["nodes"] for key in ("layer", "estimator")]
    packages = {name.partition(".")[0] for name in named} - {"skmegatron", "sklearn", ""}
    if any(name.startswith("skmegatron.layers.keras.") for name in named):
        packages.add("keras")
    found = {name: getattr(sys.modules.get(name), "__version__", None) for name in packages}
    return {name: str(version) for name, version in sorted(found.items()) if version}


def save_pipeline(pipeline: Any, folder: str | os.PathLike[str], stem: str, kind: str) -> Path:
    """Write a pipeline to a file, whole or not at all.

    Parameters
    ----------
    pipeline : Pipeline
    folder : path-like
    stem : str
        The file's name without its ending.
    kind : {"joblib", "skops"}

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If `kind` is something else, or holds what a skops file cannot: code that has no name to
        import it by, or a place of a step where something is kept.
    """
    if kind not in SUFFIXES:
        raise ValueError(f"save writes the formats {list(SUFFIXES)}, got format={kind!r}.")
    path = Path(folder) / f"{stem}{SUFFIXES[kind]}"
    description = describe_pipeline(pipeline, kind)
    if kind == "joblib":
        return save(pipeline, path, description)
    content = _skops_content(pipeline)
    seal_archive(content, description)
    with whole_file(path) as file:
        file.write(content.getbuffer())
    return path


def _skops_content(pipeline: Any) -> io.BytesIO:
    skops = optional("skops.io", extra="skops", purpose="Writing a skops file")
    for name, layer in _layers_of(pipeline):
        code = unimportable(layer)
        if code is not None:
            raise ValueError(
                f"A skops file names code instead of holding it, and {code!r} in step {name!r} "
                "cannot be imported by its name. Use a function or class at the top of a module "
                "that the reader has too, or save(folder, format='joblib')."
            )
    twin = copy.copy(pipeline)
    for name in _PLACES:
        vars(twin)[name] = None
    vars(twin).pop("_skl_callbacks", None)
    content = io.BytesIO()
    try:
        skops.dump(twin, content)
    except Exception as error:  # whatever skops or an estimator raises
        error.add_note(
            f"  while writing the pipeline {pipeline.name!r} as a skops file, which does not "
            "take everything; save(folder, format='joblib') does."
        )
        raise
    with zipfile.ZipFile(content) as archive:
        schema = schema_of(archive)
    for place in _places(schema):
        raise ValueError(
            f"A skops file does not say where something is kept, and {place} does. Set it to "
            "None before saving, or save(folder, format='joblib')."
        )
    for key in _lost_keys(schema):
        raise ValueError(
            f"A skops file brings back keys of dictionaries that are text or numbers, and there "
            f"is one of kind {key}. Use others, or save(folder, format='joblib')."
        )
    return content


def _lost_keys(schema: Any) -> Iterator[str]:
    """Name the kinds of keys that skops would bring back as something else, or not at all."""
    for part in parts_of(schema):
        for kind in part["key_types"]["content"] if part["__loader__"] == "DictNode" else ():
            if kind["__class__"] in ("bool", "bool_", "NoneType", "tuple", "bytes"):
                yield str(kind["__class__"])


def _layers_of(pipeline: Any) -> Iterator[tuple[str, Any]]:
    fitted = vars(pipeline).get("steps_", {})
    for step, name in pipeline.graph.names.items():
        yield name, step.layer
        yield name, step.choices
        yield name, fitted.get(name)


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
    """
    skops = optional("skops.io", extra="skops", purpose="Reading a skops file")
    ours = own_types(expected)
    with open(path, "rb") as file:
        try:
            refused = _refused(skops, file, {*ours, *trusted})
            if refused:
                raise LoadError(
                    f"{os.fspath(path)!r} holds types that nobody has trusted: {refused}. Nothing "
                    "was built. Look at each of them: if they are known to you, and do no harm "
                    f"with any content, pass load_pipeline(path, trusted={refused!r})."
                )
            pipeline = skops.load(file, trusted=[*ours, *trusted])
            of_kind(pipeline, path, expected)
            _check_built(pipeline)
        except LoadError:
            raise
        except Exception as error:  # what was made to do harm raises whatever it likes
            raise not_whole(path, expected, error) from error
    return pipeline


def own_types(pipeline: type) -> list[str]:
    """List the types of this library that files may hold.

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
    public = [getattr(module, name) for module in (layers, metrics) for name in module.__all__]
    kinds = [kind for kind in public if isinstance(kind, type) and issubclass(kind, Layer)]
    inner = [Choice, Inverse, Network, Portable, Seen, Token, pipeline]
    return sorted({full_name(kind) for kind in [*kinds, *inner]})


def _refused(skops: Any, file: IO[bytes], trusted: set[str]) -> list[str]:
    """List what a file holds that is not trusted, having found it well made."""
    with zipfile.ZipFile(file) as archive:
        check_archive(archive, file)
        schema = schema_of(archive)
        for place in _places(schema):
            raise ValueError(f"{place} says where something is kept")
        _check_loaders(schema)
        networks = list(_networks(archive))
    unknown = {*skops.get_untrusted_types(file=file), *networks}
    return sorted(unknown - trusted)


def _places(schema: Any) -> Iterator[str]:
    """Name the objects that say where something is to be kept."""
    for part in parts_of(schema):
        content = part.get("content")
        inner = content.get("content") if isinstance(content, dict) else None
        state = inner if isinstance(inner, dict) else {}
        for name in _PLACES:
            if name in state and not _is_null(state[name]):
                yield f"{name!r} of {part.get('__class__')}"


def _is_null(part: Any) -> bool:
    return isinstance(part, dict) and part.get("content") == "null" and "is_json" in part


def _check_loaders(schema: Any) -> None:
    """Insist that our types are built from states, and that bytes and arrays are what they say."""
    called = {full_name(kind) for kind in _CALLED}
    endings = {"BytesNode": ".bin", "BytearrayNode": ".bin", "NdArrayNode": ".npy"}
    for part in parts_of(schema):
        loader, name = part["__loader__"], f"{part.get('__module__')}.{part.get('__class__')}"
        own = name.startswith("skmegatron.")
        if own and loader != ("ConstructorFromReduceNode" if name in called else "ObjectNode"):
            raise ValueError(f"{name} is loaded by {loader}")
        if "file" in part and not str(part["file"]).endswith(endings.get(loader, "")):
            raise ValueError(f"{loader} is loaded from {part['file']!r}")


def _networks(archive: zipfile.ZipFile) -> Iterator[str]:
    """Name what the networks in a file could run."""
    for name in archive.namelist():
        if name.endswith(".bin"):
            content = archive.read(name)
            if zipfile.is_zipfile(io.BytesIO(content)):
                yield from unknown_code(content)


def _check_built(pipeline: Any) -> None:
    """Insist that what was built is a pipeline in every part."""
    pipeline.get_params(deep=False)
    graph = pipeline.graph
    graph.validate()
    fitted = vars(pipeline).get("steps_", {})
    for name, layer in fitted.items():
        if not isinstance(layer, Layer) or name not in graph.by_name:
            raise TypeError(f"{name!r} in it is no fitted step of its graph")


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
    if isinstance(trusted, str | bytes | bool) or not isinstance(trusted, Iterable):
        raise TypeError(
            f"trusted takes a list of full names or types, got {trusted!r}. Write "
            "trusted=['my_package.my_module.MyLayer']."
        )
    return [one if isinstance(one, str) else full_name(one) for one in trusted]
