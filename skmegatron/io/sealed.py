"""What a saved file says about itself: a description that is read without loading any code.

A joblib file ends with the last opcode of its pickle, where readers stop. Behind it stand the
description as JSON and, at the very end, the length of that, a checksum of all before, and a
mark. ``joblib.load`` and ``pickle.load`` read such a file as any other.
"""

from __future__ import annotations

import json
import os
import struct
from typing import IO, Any, NamedTuple

import xxhash

from skmegatron.errors import LoadError

#: Of the descriptions that are written here. A later one is refused.
FORMAT = 1
_MARK = b"SKMGTRN1"
_END = struct.Struct("<Q16s8s")  # length of the JSON, checksum, mark
_BLOCK = 1 << 20


def seal(file: IO[bytes], description: dict[str, Any]) -> None:
    """Write a description, and a checksum of all, behind what a file holds.

    Parameters
    ----------
    file : binary file
        Open for reading and writing.
    description : dict
        JSON-able.
    """
    content = json.dumps(description, indent=1).encode()
    file.seek(0, os.SEEK_END)
    file.write(content)
    end = file.tell()
    file.seek(0)
    checksum = checksum_of(file, end)
    file.seek(end)
    file.write(_END.pack(len(content), checksum, _MARK))


class Seal(NamedTuple):
    """Where a description stands in a file.

    Attributes
    ----------
    begin, end : int
        Its first byte, and the first behind it.
    checksum : bytes of length 16
        Of all bytes before `end`.
    """

    begin: int
    end: int
    checksum: bytes


def find_seal(file: IO[bytes]) -> Seal | None:
    """Find the description in a file.

    Parameters
    ----------
    file : binary file

    Returns
    -------
    Seal or None
        None where the file does not end with a mark.
    """
    size = file.seek(0, os.SEEK_END)
    if size < _END.size:
        return None
    end = file.seek(size - _END.size)
    length, checksum, mark = _END.unpack(file.read(_END.size))
    return Seal(end - length, end, checksum) if mark == _MARK and length <= end else None


def checksum_of(file: IO[bytes], n_bytes: int) -> bytes:
    """Hash so many bytes of a file, from where it is read next.

    Parameters
    ----------
    file : binary file
    n_bytes : int

    Returns
    -------
    bytes of length 16
        XXH3: it tells damage, not forgery.
    """
    digest = xxhash.xxh3_128()
    while n_bytes > 0:
        part = file.read(min(n_bytes, _BLOCK))
        if not part:
            break
        digest.update(part)
        n_bytes -= len(part)
    return digest.digest()


def description_in(content: bytes, path: str) -> dict[str, Any]:
    """Read a description.

    Parameters
    ----------
    content : bytes
    path : str
        Of the file, for errors.

    Returns
    -------
    dict

    Raises
    ------
    LoadError
        If it is none, or one of a later format.
    """
    try:
        description = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LoadError(
            f"{path!r} holds no description that can be read ({type(error).__name__}: {error}). "
            "It is damaged; write it again with pipeline.save(folder)."
        ) from error
    found: dict[str, Any] = description if isinstance(description, dict) else {}
    made_with = found.get("format")
    if not isinstance(made_with, int) or not isinstance(found.get("graph"), dict):
        raise LoadError(
            f"{path!r} holds JSON that describes no pipeline. It is damaged; write it again with "
            "pipeline.save(folder)."
        )
    if made_with > FORMAT:
        raise LoadError(
            f"{path!r} was written in format {made_with}, and this version of skmegatron reads "
            f"formats up to {FORMAT}. Upgrade it: pip install --upgrade skmegatron"
        )
    return found
