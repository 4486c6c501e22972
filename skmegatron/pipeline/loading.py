"""Pipelines from files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skmegatron.io.archive import is_archive, read_description
from skmegatron.io.saving import load
from skmegatron.pipeline.artefacts import SUFFIXES
from skmegatron.pipeline.estimator import Pipeline
from skmegatron.pipeline.opening import load_skops, trusted_names


def load_pipeline(
    path: str | os.PathLike[str], storage_db: Any = None, trusted: Sequence[str | type[Any]] = ()
) -> Pipeline:
    """Read a pipeline that `Pipeline.save` wrote.

    Loading a joblib file runs code from it: load only files you trust. A skops file builds
    nothing but types that skops knows to be harmless, the layers of skmegatron, and what you
    trust.

    Parameters
    ----------
    path : path-like
        A file named ``.skops`` is read as a skops file and nothing else.
    storage_db : object, default=None
        Becomes the pipeline's `storage`.
    trusted : sequence of str or type, default=()
        For skops files: what may be built besides, by its full name. Name what you know and have
        looked at, rather than whatever the file asks for.

    Returns
    -------
    Pipeline

    Raises
    ------
    LoadError
        If the file is truncated, damaged, holds something else, or types that are not trusted;
        then nothing was built.
    MissingDependencyError
        If it is a skops file, and skops is not installed.
    ValueError
        If something is trusted in a joblib file, which does not ask.

    Examples
    --------
    >>> import tempfile
    >>> import skmegatron as sm
    >>> x = sm.Input("x")
    >>> pipe = sm.Pipeline(x, x * 2, name="double", version="0.1")
    >>> path = pipe.save(tempfile.mkdtemp(), format="skops")
    >>> path.name
    'double-0.1.skops'
    >>> sm.load_pipeline(path).transform([1, 2])
    array([2, 4])
    """
    names = trusted_names(trusted)
    if Path(path).suffix == SUFFIXES["skops"] or is_archive(path):
        pipeline: Pipeline = load_skops(path, Pipeline, names)
    elif names:
        raise ValueError(
            f"{os.fspath(path)!r} is a joblib file, which runs code whatever is trusted. Leave "
            "trusted out if you trust all of it, or ask for the pipeline in the other format: "
            "pipeline.save(folder, format='skops')."
        )
    else:
        pipeline = load(path, Pipeline)
    if storage_db is not None:
        pipeline.storage = storage_db
    return pipeline


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Print what a saved pipeline is, without loading any code from its file.

    Parameters
    ----------
    path : path-like
        What `Pipeline.save` wrote, in any format.

    Returns
    -------
    dict
        What is printed: ``format`` and ``kind`` of the file, ``name`` and ``version`` of the
        pipeline, whether it is ``fitted``, the ``versions`` of the packages that it was made
        with, and its ``graph``: ``nodes`` with their names, kinds, layers, shapes and what they
        read, and the names of the ``outputs``.

    Raises
    ------
    LoadError
        If the file is damaged, or describes no pipeline.

    Examples
    --------
    >>> import contextlib, io, tempfile
    >>> import skmegatron as sm
    >>> x = sm.Input("x")
    >>> path = sm.Pipeline(x, x * 2, name="double").save(tempfile.mkdtemp())
    >>> with contextlib.redirect_stdout(io.StringIO()) as printed:
    ...     told = sm.describe(path)
    >>> told["name"], told["kind"], told["graph"]["outputs"]
    ('double', 'joblib', ['scalarmultiply'])
    """
    description = read_description(path)
    print("".join(map(_shown, json.dumps(description, indent=2, ensure_ascii=False))))
    return description


def _shown(letter: str) -> str:
    """Escape what a terminal would take for an order, or for another direction of the line."""
    if letter.isprintable() or letter == "\n":
        return letter
    return f"\\u{ord(letter):04x}" if letter <= "\uffff" else json.dumps(letter)[1:-1]
