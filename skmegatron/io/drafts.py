"""Files that are there whole or not at all.

A file is written as a draft beside its place, and takes that place when it is finished. Drafts
of processes that were killed are cleared by the next save to the same place: a living writer
holds a lock on its draft, which the system lets go of when the process ends.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

#: Seconds after which a draft is dead, where there are no locks to tell.
_OLD = 3600.0


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of another one when all of it is written.

    Parameters
    ----------
    path : path-like
        The folder is made where it is missing.

    Yields
    ------
    binary file
        Open for writing and reading. An error leaves nothing of it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_drafts(path)
    draft = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    file = None
    try:
        file = _begun(draft)
        yield file
        file.flush()
        os.fsync(file.fileno())
        if sys.platform == "win32":
            file.close()  # Windows does not rename what is open
        os.replace(draft, path)
    except BaseException:
        if file is not None:
            # Where the disk is full, what waits cannot be written.
            with contextlib.suppress(OSError):
                file.close()
        draft.unlink(missing_ok=True)
        raise
    file.close()
    _sync_folder(path.parent)


def _clear_drafts(path: Path) -> None:
    """Remove what killed processes have left of earlier writes to a place."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError):  # another one may clear it just now
            if _dead(draft):
                draft.unlink()


def _begun(draft: Path) -> IO[bytes]:
    while True:
        file = open(draft, "x+b")  # noqa: SIM115 - whole_file closes it
        if sys.platform == "win32":
            return file
        with contextlib.suppress(OSError):  # some network drives know no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if draft.exists():  # nobody took it for dead before it was locked
            return file
        file.close()


def _dead(draft: Path) -> bool:
    if sys.platform == "win32":
        return time.time() - draft.stat().st_mtime > _OLD
    with open(draft, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def _sync_folder(folder: Path) -> None:
    """Make sure that the new name is on the disk too, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
