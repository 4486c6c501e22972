"""The 64 bytes before an entry that leaves the process, by which damage is found.

They hold a magic, the version of the format, the key, the length and the XXH3 hash of the
content. Whoever reads makes them anew from the key asked for and the content found: an entry
is whole exactly where the two are equal.
"""

from __future__ import annotations

import struct

import xxhash

_FORM = struct.Struct("<8sQ16sQ16s8x")
_MAGIC = b"skmcache"
_VERSION = 1

#: Bytes before the content: as many as arrays are aligned at.
SIZE = _FORM.size


def header(key: str, content: memoryview) -> bytes:
    """Give what stands before an entry.

    Parameters
    ----------
    key : str
    content : memoryview

    Returns
    -------
    bytes of length 64
    """
    digest = xxhash.xxh3_128_digest(content)
    return _FORM.pack(_MAGIC, _VERSION, bytes.fromhex(key), content.nbytes, digest)


def opened(key: str, entry: memoryview) -> memoryview | None:
    """Give the content of an entry.

    Parameters
    ----------
    key : str
    entry : memoryview
        Header and content.

    Returns
    -------
    memoryview or None
        None if it is not whole, or was put under another key.
    """
    content = entry[SIZE:]
    return content if entry[:SIZE] == header(key, content) else None
