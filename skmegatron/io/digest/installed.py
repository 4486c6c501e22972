"""Whose code is it: a package's, told by its version, or the user's own, told by its content.

Code is installed when it lies where Python keeps its library and its packages. Everything
else - notebooks, scripts, the modules of a project, editable installs - may be edited any
moment, so its version says nothing.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import sysconfig
from functools import cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from skmegatron._version import __version__
from skmegatron.io.digest.framing import framed

#: Folders of this name hold installed packages wherever they are.
_PACKAGE_FOLDERS = {"site-packages", "dist-packages"}


def origin(module_name: str | None) -> bytes | None:
    """Tell a module's code from its other versions, where that can be done from outside.

    Parameters
    ----------
    module_name : str or None

    Returns
    -------
    bytes or None
        The version of an installed module; size and time of the user's own compiled one.
        None for the user's Python code, which has to be read.

    Examples
    --------
    >>> from skmegatron.io.digest.installed import origin
    >>> origin("sklearn.svm")
    b'sklearn 1...'
    >>> origin("__main__") is None
    True
    """
    if not module_name or module_name == "__main__":
        return None
    top = module_name.partition(".")[0]
    file = _file_of(module_name)
    if file is None:
        return _version_of(top) if top in sys.stdlib_module_names else None
    if top == "skmegatron" and file.startswith(_OUR_FOLDER):
        return _our_version()
    if _lies_installed(file):
        return _version_of(top)
    if file.endswith(tuple(EXTENSION_SUFFIXES)):
        found = os.stat(file)
        return f"{module_name} {found.st_size} {found.st_mtime_ns}".encode()
    return None


def _file_of(module_name: str) -> str | None:
    module = sys.modules.get(module_name)
    if module is None:
        top = module_name.partition(".")[0]
        try:
            # Only the top: finding a part of a package would import the package.
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return None
        return spec.origin if spec is not None and spec.has_location else None
    file: str | None = getattr(module, "__file__", None)
    if file is None:
        folders = list(getattr(module, "__path__", ()))
        return os.path.join(folders[0], "") if folders else None
    return file


@cache
def _lies_installed(file: str) -> bool:
    path = os.path.normcase(os.path.abspath(file))
    if not _PACKAGE_FOLDERS.isdisjoint(Path(path).parts):
        return True
    return path.startswith(_roots()) or os.path.realpath(path).startswith(_roots())


@cache
def _roots() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_path(name) for name in names]
    folders += [os.path.realpath(folder) for folder in folders]
    version = f"{sys.version_info.major}{sys.version_info.minor}"
    zips = [entry for entry in sys.path if entry.endswith(f"python{version}.zip")]
    return tuple(os.path.normcase(os.path.join(os.path.abspath(f), "")) for f in folders + zips)


def _version_of(top: str) -> bytes:
    if top in sys.stdlib_module_names:
        return f"{top} {platform.python_version()}".encode()
    version = getattr(sys.modules.get(top), "__version__", None)
    return f"{top} {version if isinstance(version, str) else _packaged_version(top)}".encode()


@cache
def _packaged_version(top: str) -> str:
    try:
        return metadata.version(top)
    except metadata.PackageNotFoundError:
        names = sorted(set(metadata.packages_distributions().get(top, ())))
        return " ".join(f"{name} {metadata.version(name)}" for name in names)


_OUR_FOLDER = os.path.join(str(Path(__file__).parents[2]), "")


@cache
def _our_version() -> bytes:
    version = f"skmegatron {__version__}".encode()
    if _lies_installed(_OUR_FOLDER):
        return version
    files = sorted(Path(_OUR_FOLDER).rglob("*.py"))
    names = [file.relative_to(_OUR_FOLDER).as_posix().encode() for file in files]
    return framed(version, *names, *(file.read_bytes() for file in files))
