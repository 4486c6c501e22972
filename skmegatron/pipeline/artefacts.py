"""A pipeline as a file, for oneself and for others.

A joblib file holds anything, and loading it runs code. A skops file holds types by name, and its
*reader* says which of them may be built; `opening` reads it. A file from others does not decide
where something is written either, so a skops file carries no storage and no memory.
"""

from __future__ import annotations

import copy
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skmegatron.io.archive import seal_archive
from skmegatron.io.drafts import whole_file
from skmegatron.io.saving import Portable, save, unimportable
from skmegatron.io.sealed import FORMAT
from skmegatron.nodes.topology import topology
from skmegatron.optional import optional
from skmegatron.pipeline.opening import PLACES, check_built, try_out

#: The ending of each format's files.
SUFFIXES = {"joblib": ".pkl", "skops": ".skops"}


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


def _versions_of(drawn: Any) -> dict[str, str]:
    """Give the versions of the packages that layers and estimators come from."""
    named = set(_kinds_in(drawn))
    packages = {name.partition(".")[0] for name in named} - {"skmegatron", "sklearn", ""}
    if any(name.startswith("skmegatron.layers.keras.") for name in named):
        packages.add("keras")
    found = {name: getattr(sys.modules.get(name), "__version__", None) for name in packages}
    return {name: str(version) for name, version in sorted(found.items()) if version}


def _kinds_in(drawn: Any) -> Iterator[str]:
    """Give the full names of the layers and estimators in a topology."""
    if isinstance(drawn, dict):
        yield from (str(drawn[key]) for key in ("layer", "estimator") if drawn.get(key))
        drawn = list(drawn.values())
    if isinstance(drawn, list):
        for inner in drawn:
            yield from _kinds_in(inner)


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
    OSError
        If the disk is full, or the folder cannot be written.
    """
    if kind not in SUFFIXES:
        raise ValueError(f"save writes the formats {list(SUFFIXES)}, got format={kind!r}.")
    path = Path(folder) / f"{stem}{SUFFIXES[kind]}"
    description = describe_pipeline(pipeline, kind)
    if kind == "joblib":
        return save(pipeline, path, description)
    skops = optional("skops.io", extra="skops", purpose="Writing a skops file")
    _check_importable(pipeline)
    with tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as sealed:
        try:
            skops.dump(_for_strangers(pipeline), content)
            seal_archive(content, sealed, description)
            check_built(try_out(skops, sealed))
        except OSError:  # a full disk is nothing that a step could mend
            raise
        except Exception as error:  # whatever skops or an estimator raises
            step = _culprit(skops, pipeline)
            place = "it" if step is None else f"step {step!r}"
            raise ValueError(
                f"The pipeline {pipeline.name!r} cannot be a skops file, because of {place}: "
                f"{type(error).__name__}: {error}. Change that, or save(folder, format='joblib')."
            ) from error
        sealed.seek(0)
        with whole_file(path) as file:
            shutil.copyfileobj(sealed, file)
    return path


def _check_importable(pipeline: Any) -> None:
    for name, layer in _layers_of(pipeline):
        code = unimportable(layer)
        if code is not None:
            raise ValueError(
                f"A skops file names code instead of holding it, and {code!r} in step {name!r} "
                "cannot be imported by its name. Use a function or class at the top of a module "
                "that the reader has too, or save(folder, format='joblib')."
            )


def _for_strangers(pipeline: Any) -> Any:
    """Copy a pipeline without what only its owner needs."""
    twin = copy.copy(pipeline)
    for name in PLACES:
        vars(twin)[name] = None
    for name in ("_skl_callbacks", "_made_by", "_lineage"):
        vars(twin).pop(name, None)
    return twin


def _culprit(skops: Any, pipeline: Any) -> str | None:
    """Name the step that skops cannot write or read."""
    for name, layer in _layers_of(pipeline):
        content = io.BytesIO()
        try:
            skops.dump(Portable(layer), content)
            try_out(skops, content)
        except Exception:  # noqa: BLE001 - only asked whether it goes wrong
            return name
    return None


def _layers_of(pipeline: Any) -> Iterator[tuple[str, Any]]:
    fitted = vars(pipeline).get("steps_", {})
    for step, name in pipeline.graph.names.items():
        yield name, step.layer
        yield name, dict(step.choices)
        yield name, fitted.get(name)
