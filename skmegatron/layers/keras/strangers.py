"""Networks from files of strangers: what their archives name, looked at before Keras reads any.

Keras' own safe mode refuses lambdas; that its loader could be talked into calling other functions
or reading other files has been found again and again (CVE-2025-1550, CVE-2025-8747,
CVE-2025-9906, CVE-2025-12058). So only what is known here passes: public classes of Keras that
networks are made of, but for those that run code which they hold, and weights that stand in the
archive itself.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from skmegatron.layers.keras.backend import load_keras
from skmegatron.optional import optional

#: Public modules of Keras whose classes a network may name.
_MODULES = (
    "constraints",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "optimizers.schedules",
    "quantizers",
    "regularizers",
)
#: What these classes derive from.
_BASES = (
    "Operation",
    "Initializer",
    "Loss",
    "Metric",
    "Optimizer",
    "Quantizer",
    "Regularizer",
    "constraints.Constraint",
    "dtype_policies.DTypePolicy",
    "optimizers.schedules.LearningRateSchedule",
)
_RUN_CODE = ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")
#: Functions that configs name are looked up in these by Keras.
_FUNCTIONS = ("activations", "losses", "metrics")
_NO_FUNCTIONS = frozenset({"deserialize", "get", "serialize"})
_VALUES = frozenset(
    f"__{name}__"
    for name in ("bytes", "ellipsis", "keras_tensor", "numpy", "slice", "tensor", "tuple")
)
#: Parameters that are the path of a file if they are text.
_FILES = ("vocabulary", "idf_weights")
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = frozenset({_CONFIG, _WEIGHTS, "metadata.json"})


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
        If it is no such archive, has other members than those that Keras writes, or would read
        other files.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [member.filename for member in archive.infolist()]
            if len(set(names)) < len(names) or not _MEMBERS.issuperset(names):
                raise ValueError(f"a network in it has the members {names[:5]}")
            sizes = sum(member.file_size for member in archive.infolist())
            if sizes > 100 * len(content):
                raise ValueError(f"a network in it claims to unpack to {sizes:,} bytes")
            config = json.loads(archive.read(_CONFIG))
            weights = archive.read(_WEIGHTS)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RecursionError) as error:
        raise ValueError(f"a network in it cannot be read ({error})") from error
    _check_weights(weights)
    return sorted({name for part in _parts(config) if (name := _unknown(part))})


def _check_weights(content: bytes) -> None:
    """Insist that weights are what stands in the archive, not in other files."""
    h5py = optional("h5py", extra="keras", purpose="Reading the weights of a network")
    with h5py.File(io.BytesIO(content), "r") as file:
        waiting, seen = [file], set()
        while waiting:
            group = waiting.pop()
            place = h5py.h5o.get_info(group.id).addr
            if place in seen:
                raise ValueError("the weights of a network in it hold a group that holds itself")
            seen.add(place)
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"the weights of a network in it link {name!r} to elsewhere")
                found = group[name]
                if isinstance(found, h5py.Group):
                    waiting.append(found)
                elif found.external or found.is_virtual or found.nbytes > len(content):
                    raise ValueError(f"the weights {name!r} of a network in it are not all there")


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for name in _FILES:
                if isinstance(value.get(name), str):
                    raise ValueError(f"a network in it would read the file {value[name]!r}")
            if "class_name" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _unknown(part: dict[str, Any]) -> str:
    """Give the full name of what a part of a config names; "" if it can do no harm."""
    module, name = part.get("module"), part["class_name"]
    built_in = module in (None, "builtins")
    if name == "function":
        name = part.get("config")
        harmless = built_in and _is_function(name)
    else:
        harmless = (built_in and name in _VALUES) or _is_class(module, name)
    if harmless:
        return ""
    registered = part.get("registered_name")
    return f"{module}.{name}" if module else str(registered or name)


def _is_function(name: Any) -> bool:
    if not isinstance(name, str) or name in _NO_FUNCTIONS or not name.isidentifier():
        return False
    keras = load_keras()
    return any(hasattr(getattr(keras, module), name) for module in _FUNCTIONS)


def _is_class(module: Any, name: Any) -> bool:
    if not isinstance(module, str) or not isinstance(name, str):
        return False
    keras = load_keras()
    home = _home(keras, module)
    kind = None if home is None or name.startswith("_") else vars(home).get(name)
    if not isinstance(kind, type):
        return False
    public = vars(keras.layers)
    runs_code = tuple(public[layer] for layer in _RUN_CODE if layer in public)
    bases = tuple(base for path in _BASES if (base := _at(keras, path)) is not None)
    return issubclass(kind, bases) and not issubclass(kind, runs_code)


def _home(keras: Any, module: str) -> Any:
    """Find a module of Keras by the name that archives give it; nothing is imported."""
    top, _, rest = module.partition(".")
    if top != "keras":
        return None
    if not rest:
        return keras
    if rest in _MODULES:
        return _at(keras, rest)
    return _at(keras, rest) if rest.startswith(("src.models.", "src.ops.")) else None


def _at(home: Any, path: str) -> Any:
    for name in path.split("."):
        home = getattr(home, name, None)
    return home
