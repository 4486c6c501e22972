"""Digests of contents, values, code and the environment: what a key of a cache is made of.

Two digests are equal where nothing could make a step give other numbers. They are the same
in every process, after pickling and cloning.
"""

from __future__ import annotations

import platform
import sys
from functools import cache, partial
from importlib import metadata
from typing import Any

import numpy as np
from scipy import sparse

from skmegatron.io.digest.arrays import array_digest
from skmegatron.io.digest.code import CodeWalk
from skmegatron.io.digest.framing import framed
from skmegatron.io.digest.installed import origin
from skmegatron.io.digest.values import value_digest, whole_digest

#: Raised when digests or what they are keys to change their meaning.
FORMAT = 1
_PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas")


def content_digest(array: Any) -> bytes:
    """Digest what is fed to a run, by content.

    Parameters
    ----------
    array : {ndarray, sparse matrix, dataframe} of shape (n_rows, ...), or None

    Returns
    -------
    bytes of length 16
        Arrays differ by dtype, shape, order of memory and values; dataframes by names,
        dtypes, index and values; sparse matrices by format, and the arrays they are made of.

    Raises
    ------
    UndigestibleError
        If it holds objects of which no digest tells all.

    Notes
    -----
    The digests are XXH3 of 128 bits. That finds every change that was not made to escape it.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.digest import content_digest
    >>> X = np.arange(6.0).reshape(2, 3)
    >>> content_digest(X) == content_digest(X.copy()), content_digest(X) == content_digest(-X)
    (True, False)
    """
    return whole_digest(array, _of_content)[0]


def digest(value: Any) -> bytes:
    """Digest the value of a parameter.

    Parameters
    ----------
    value : object
        Estimators, layers and pipelines included; what they have learned counts.

    Returns
    -------
    bytes of length 16

    Raises
    ------
    UndigestibleError
        If no digest tells all of it: iterators, open files, locks, what cannot be pickled.

    Notes
    -----
    The order of a dictionary counts, that of a set does not. A class may define
    ``__digest_state__(self)`` to give what tells an instance from others.

    Examples
    --------
    >>> from sklearn.base import clone
    >>> from sklearn.linear_model import Ridge
    >>> from skmegatron.io.digest import digest
    >>> ridge = Ridge(alpha=2.0)
    >>> digest(ridge) == digest(clone(ridge)), digest(ridge) == digest(Ridge())
    (True, False)
    >>> digest(1) == digest(True)
    False
    """
    return whole_digest(value)[0]


def code_digest(obj: Any) -> bytes:
    """Digest a function or a class.

    Parameters
    ----------
    obj : callable or class

    Returns
    -------
    bytes of length 16
        Installed code is told by its name and the version of its package; the user's own by
        its bytecode and everything that this refers to, as it is now.

    Raises
    ------
    UndigestibleError
        If it refers to something of which no digest tells all.

    Notes
    -----
    What a function reads from files, from the environment or through ``getattr`` of an
    installed module is not seen.

    Examples
    --------
    >>> from skmegatron.io.digest import code_digest
    >>> code_digest(lambda x: x + 1) == code_digest(lambda x: x + 1)
    True
    >>> code_digest(lambda x: x + 1) == code_digest(lambda x: x + 2)
    False
    """
    return digest(obj)


@cache
def environment_digest() -> bytes:
    """Digest what all results depend on: versions of Python and packages, and the machine.

    Returns
    -------
    bytes of length 16

    Examples
    --------
    >>> from skmegatron.io.digest import environment_digest
    >>> len(environment_digest())
    16
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor} {platform.machine()}"
    packages = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    ours = origin("skmegatron") or b""
    return framed(str(FORMAT).encode(), ours, version.encode(), *map(str.encode, packages))


def _of_content(array: Any, walk: CodeWalk) -> bytes:
    """Digest an array straight away, without a pickle around it."""
    if type(array) in (np.ndarray, np.memmap) or sparse.issparse(array):
        return framed(b"array", array_digest(array, partial(value_digest, walk=walk)))
    return value_digest(array, walk)
