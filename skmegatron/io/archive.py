"""Zip archives that strangers may have made: looked at before anybody builds what they hold.

An archive is ours in form if its members are stored as they are, under plain names, each once,
no larger together than the file, whole by their own checksums and by the one of the file.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import zipfile
from typing import IO, Any

import numpy as np
from scipy import sparse

from skmegatron.errors import LoadError
from skmegatron.io.schema import renumbered
from skmegatron.io.sealed import checksum_of, description_in, find_seal

#: Of the members of an archive, the one that describes it, and the one that skops reads.
DESCRIPTION, SCHEMA = "skmegatron.json", "schema.json"
_START, _MARK = b"PK\x03\x04", b"SKMGTRN1"
_PLAIN = re.compile(r"[\w-]+\.(npy|npz|bin|json)")
_COMMENT = 16 + len(_MARK)  # a checksum and the mark
#: What scipy writes of a sparse matrix, which it compresses; ones among few columns about 30 to 1.
_OF_SPARSE = frozenset(
    f"{part}.npy"
    for part in ("_is_array", "col", "coords", "data", "format", "indices", "indptr")
    + ("offsets", "row", "shape")
)
_MOST_DENSE, _SMALL = 200, 1 << 24


def seal_archive(content: IO[bytes], target: IO[bytes], description: dict[str, Any]) -> None:
    """Write an archive of skops anew, with a description and a checksum of the whole.

    Parameters
    ----------
    content : binary file
        What skops has written.
    target : binary file
        Open for writing and reading. The same pipeline gives the same bytes.
    description : dict
        JSON-able.
    """
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(target, "w") as new:
        schema = json.loads(old.read(SCHEMA))
        for before, after in renumbered(schema).items():
            new.writestr(zipfile.ZipInfo(after), old.read(before))
        new.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema, separators=(",", ":")))
        new.writestr(zipfile.ZipInfo(DESCRIPTION), json.dumps(description, indent=1))
        new.comment = bytes(_COMMENT)
    end = target.seek(-_COMMENT, io.SEEK_END)
    target.seek(0)
    checksum = checksum_of(target, end)
    target.seek(end)
    target.write(checksum + _MARK)


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file begins as a zip archive does.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    bool
    """
    with open(path, "rb") as file:
        return file.read(4) == _START


def read_description(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a saved file tells of itself, and nothing else of it.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict

    Raises
    ------
    LoadError
        If it tells nothing that can be read.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        if file.read(4) == _START:
            content = _description_of(file, str(name))
        else:
            seal = find_seal(file)
            if seal is None:
                raise _tells_nothing(str(name))
            file.seek(0)
            if checksum_of(file, seal.end) != seal.checksum:
                raise LoadError(
                    f"{str(name)!r} is damaged: its checksum is not that of its bytes. Copy it "
                    "again, or write it again with pipeline.save(folder)."
                )
            file.seek(seal.begin)
            content = file.read(seal.end - seal.begin)
    return description_in(content, str(name))


def _description_of(file: IO[bytes], path: str) -> bytes:
    try:
        with zipfile.ZipFile(file) as archive:
            if DESCRIPTION not in archive.namelist():
                raise _tells_nothing(path)
            _check_member(archive.getinfo(DESCRIPTION))
            return archive.read(DESCRIPTION)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise LoadError(
            f"{path!r} is damaged: reading it stopped with {type(error).__name__}: {error}. Write "
            "it again with pipeline.save(folder)."
        ) from error


def _tells_nothing(path: str) -> LoadError:
    return LoadError(
        f"{path!r} tells nothing of itself: it was not written by pipeline.save(folder), or is "
        "damaged. If you trust it, load it with load_pipeline(path) and save it again."
    )


def check_archive(archive: zipfile.ZipFile, file: IO[bytes]) -> None:
    """Insist that an archive is one that can be read without harm.

    Parameters
    ----------
    archive : ZipFile
    file : binary file
        The same, from its first byte.

    Raises
    ------
    ValueError
        If it is damaged, or made in a way in which none is written here.
    """
    file.seek(0)
    if file.read(4) != _START:
        raise ValueError("it does not begin as an archive does")
    members = archive.infolist()
    names = [member.filename for member in members]
    for member in members:
        _check_member(member)
    if len(set(names)) < len(names) or SCHEMA not in names:
        raise ValueError(f"its members {names[:5]} are not each there once, {SCHEMA!r} with them")
    size = file.seek(0, io.SEEK_END)
    if sum(member.file_size for member in members) > size:
        raise ValueError(f"its members claim to be larger than the file of {size:,} bytes")
    if DESCRIPTION in names or archive.comment:
        _check_whole(archive, file, size)
    damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of its member {damaged!r} is not that of its bytes")
    _check_arrays(archive)


def _check_member(member: zipfile.ZipInfo) -> None:
    if not _PLAIN.fullmatch(member.filename) or member.orig_filename != member.filename:
        raise ValueError(f"its member {member.filename!r} has no plain file name")
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise ValueError(f"its member {member.filename!r} is compressed, and none of ours is")
    if member.flag_bits & 0x1:
        raise ValueError(f"its member {member.filename!r} is encrypted, and none of ours is")


def _check_whole(archive: zipfile.ZipFile, file: IO[bytes], size: int) -> None:
    comment = archive.comment
    if len(comment) != _COMMENT or not comment.endswith(_MARK):
        raise ValueError("it does not end with the mark that its description asks for")
    file.seek(0)
    if checksum_of(file, size - _COMMENT) != comment[:16]:
        raise ValueError("its checksum is not that of its bytes")


def _check_arrays(archive: zipfile.ZipFile) -> None:
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            with archive.open(member) as file:
                _check_array(file, member)
        elif member.filename.endswith(".npz"):
            _check_sparse(archive.read(member), member.filename)


def _check_array(file: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Insist that an array's header tells the size of what follows it, and no objects."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    sizes = [int(size) for size in shape]
    n_bytes = math.prod(sizes) * dtype.itemsize
    fits = member.file_size - file.tell() == n_bytes and min(sizes, default=0) >= 0
    if dtype.hasobject or not dtype.itemsize or not fits:
        raise ValueError(f"its member {member.filename!r} is not the array that its header tells")


def _check_sparse(content: bytes, name: str) -> None:
    """Insist that a sparse matrix, which scipy compresses, is of a sane size and all its own.

    scipy multiplies without looking where the indices point to, be it beyond the arrays.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        members = inner.infolist()
        names = [member.filename for member in members]
        if len(set(names)) < len(names) or not _OF_SPARSE.issuperset(names):
            raise ValueError(f"its member {name!r} holds {names[:5]}, which is no sparse matrix")
        if sum(member.file_size for member in members) > _SMALL + _MOST_DENSE * len(content):
            raise ValueError(f"its member {name!r} would unpack to more than it can hold")
        for member in members:
            with inner.open(member) as file:
                _check_array(file, member)
    matrix = sparse.load_npz(io.BytesIO(content))
    if matrix.format in ("bsr", "csc", "csr"):  # the others are looked at when they are made
        matrix.check_format(full_check=True)
