"""The one place where optional packages are imported.

The core of the library needs scikit-learn and what that brings. Everything else is asked
for here, when it is first used, so that a missing package gives one kind of error: what
it was needed for, and the pip command that brings it.
"""

from __future__ import annotations

import importlib
from typing import Any

from skmegatron.errors import MissingDependencyError


def optional(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional package, or say how to install it.

    Parameters
    ----------
    module : str
        Name to import, such as ``"polars"``.
    extra : str
        The extra of skmegatron that brings it.
    purpose : str
        What it is needed for, as the beginning of a sentence.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependencyError
        If the package is not installed.

    Examples
    --------
    >>> from skmegatron.optional import optional
    >>> optional("json", extra="io", purpose="Reading JSON").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{purpose} needs the package {module!r}, which cannot be imported here "
            f'({error}). Install it with: pip install "skmegatron[{extra}]"'
        ) from error
