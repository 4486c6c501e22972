"""Many parts, one digest: each part goes in behind its length, so that none runs into the next."""

from __future__ import annotations

import xxhash

#: Bytes of a digest.
SIZE = 16


class UndigestibleError(TypeError):
    """A value of which no digest tells all: an iterator, an open file, a lock.

    It never reaches a user: what it is raised for is computed again instead of shared.

    Examples
    --------
    >>> from skmegatron.io.digest import UndigestibleError, digest
    >>> try:
    ...     digest(iter([1, 2]))
    ... except UndigestibleError as error:
    ...     print(isinstance(error, TypeError))
    True
    """


def framed(*parts: bytes) -> bytes:
    """Hash parts, in order.

    Parameters
    ----------
    *parts : bytes

    Returns
    -------
    bytes of length 16

    Examples
    --------
    >>> from skmegatron.io.digest.framing import framed
    >>> framed(b"ab", b"c") == framed(b"a", b"bc")
    False
    """
    return xxhash.xxh3_128_digest(_lengthened(parts))


def joined(*parts: bytes) -> str:
    """Make one key of several digests.

    Parameters
    ----------
    *parts : bytes

    Returns
    -------
    str of length 32
        Hexadecimal digits.

    Examples
    --------
    >>> from skmegatron.io.digest import joined
    >>> joined(b"code", b"parents")
    'ccdbc3d3db478639164007df0f63eeb2'
    """
    return xxhash.xxh3_128_hexdigest(_lengthened(parts))


def _lengthened(parts: tuple[bytes, ...]) -> bytes:
    return b"".join([len(part).to_bytes(8, "little") + part for part in parts])
