"""Networks from files of strangers: which classes their archives name, before Keras builds any.

Keras' own safe mode refuses lambdas; that its loader could be talked into calling other functions
has been found again and again (CVE-2025-1550, CVE-2025-8747, CVE-2025-9906). So only what is named
here passes: classes of Keras' public modules, but for those that run code which they hold.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

#: Where Keras' own archives say that classes come from.
_MODULES = frozenset(
    {
        "keras",
        "keras.constraints",
        "keras.dtype_policies",
        "keras.initializers",
        "keras.layers",
        "keras.losses",
        "keras.metrics",
        "keras.models",
        "keras.optimizers",
        "keras.optimizers.schedules",
        "keras.regularizers",
        "keras.src.models.functional",
        "keras.src.models.model",
        "keras.src.models.sequential",
    }
)
#: Plain values, and functions that Keras looks up among its own by name.
_VALUES = frozenset({"__tensor__", "__numpy__", "__keras_tensor__", "__tuple__", "function"})
_RUN_CODE = frozenset({"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"})
_MEMBERS = frozenset({"config.json", "metadata.json", "model.weights.h5"})


def unknown_code(content: bytes) -> list[str]:
    """List what the archive of a network names that could run code of whoever made it.

    Parameters
    ----------
    content : bytes
        Of a ``.keras`` file.

    Returns
    -------
    list of str
        Full names, sorted.

    Raises
    ------
    ValueError
        If it is no such archive, or has other members than those that Keras writes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [member.filename for member in archive.infolist()]
            if len(set(names)) < len(names) or not _MEMBERS.issuperset(names):
                raise ValueError(f"a network in it has the members {names[:5]}")
            sizes = sum(member.file_size for member in archive.infolist())
            if sizes > 100 * len(content):
                raise ValueError(f"a network in it claims to unpack to {sizes:,} bytes")
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RecursionError) as error:
        raise ValueError(f"a network in it cannot be read ({error})") from error
    return sorted({name for part in _parts(config) if (name := _unknown(part))})


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _unknown(part: dict[str, Any]) -> str:
    """Give the full name of what a part of a config names; "" if it can do no harm."""
    module, name = part.get("module"), part["class_name"]
    own = module is None or module in _MODULES
    if own and isinstance(name, str) and name not in _RUN_CODE and not name.startswith("__"):
        return ""
    if module in (None, "builtins") and name in _VALUES:
        return ""
    return f"{module}.{name}"
