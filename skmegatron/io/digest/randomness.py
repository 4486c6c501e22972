"""Whether a step may give something else the next time, and whether that can be seen.

What draws from the generators of numpy and of `random` that a process has anyway leaves a
trace there: `changed` sees it. Generators of their own, clocks and entropy leave none.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import random
import types
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from skmegatron.io.digest.bytecode import GENERATORS, facts
from skmegatron.io.digest.framing import UndigestibleError
from skmegatron.io.digest.installed import origin
from skmegatron.io.digest.values import whole_digest

Randomness = Literal["none", "global", "own"]

_SEEDS = {"random_state", "random_seed", "seed"}
#: Packages that draw from generators of theirs.
_OWN = {"keras", "tensorflow", "torch", "jax", "flax", "tf_keras"}
_QUIET = (str, bytes, int, float, complex, bool, type(None), np.ndarray, np.generic, type)
_FUNCTIONS = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial),
    *(np.ufunc, np.vectorize),
)
_NUMPY_GLOBAL = np.random.rand.__self__  # type: ignore[attr-defined]
#: Bytes of a Mersenne Twister: 624 words and a position.
_TWISTER = 625 * 4


def randomness(value: Any) -> Randomness:
    """Tell what a step with this parameter may draw from.

    Parameters
    ----------
    value : object
        A layer, an estimator, a function; what they hold is looked at, too.

    Returns
    -------
    {"none", "global", "own"}
        ``"global"`` is what `changed` would see. ``"own"`` cannot be seen: a
        ``random_state=None`` of a class from outside scikit-learn, a function that reads a
        clock or entropy. Seeds and generators that are given make a step repeatable.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmegatron.io.digest import randomness
    >>> randomness(KMeans()), randomness(KMeans(random_state=0)), randomness(StandardScaler())
    ('global', 'none', 'none')
    """
    found: Randomness = "none"
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, _QUIET) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, list | tuple | set | frozenset):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
        else:
            own, held = _of_object(item)
            if own == "own":
                return "own"
            found = "global" if own == "global" else found
            waiting.extend(held)
    return found


def _of_object(item: Any) -> tuple[Randomness, list[Any]]:
    """Tell what one object may draw from, and what it holds."""
    if isinstance(item, _FUNCTIONS):
        return ("own" if draws_unwatched(item) else "global"), []
    kind = type(item)
    home = kind.__module__.partition(".")[0]
    if home == "skmegatron" and hasattr(kind, "may_draw"):
        held = item.may_draw
        return ("own", []) if held is None else ("none", held)
    if any(base.__module__.partition(".")[0] in _OWN for base in kind.__mro__):
        return "own", []
    params = _params(item, home)
    unseeded = any(
        name in _SEEDS and (seed is None or seed is _NUMPY_GLOBAL or seed is np.random)
        for name, seed in params.items()
    )
    if unseeded:
        watched = home == "sklearn" or _leaves_drawing_to_sklearn(kind)
        return ("global" if watched else "own"), list(params.values())
    if origin(kind.__module__) is None:
        return ("own" if draws_unwatched(kind) else "global"), list(params.values())
    called = callable(item) and home != "skmegatron" and not isinstance(item, BaseEstimator)
    return ("global" if called else "none"), list(params.values())


def _leaves_drawing_to_sklearn(kind: type[Any]) -> bool:
    """Tell whether a class of the user adds nothing that draws to one of scikit-learn's."""
    own = [base for base in kind.__mro__ if origin(base.__module__) is None]
    rest = [b for b in kind.__mro__ if b not in own and b.__module__ not in ("abc", "builtins")]
    if any(not base.__module__.startswith("sklearn.") for base in rest):
        return False
    if not any("random_state" in inspect.signature(base).parameters for base in rest):
        return False
    entries = [entry for base in own for entry in vars(base).values() if inspect.isroutine(entry)]
    functions = [entry for entry in entries if not type(entry).__module__.startswith("sklearn.")]
    return not any(map(_may_make_a_generator, functions)) and not draws_unwatched(kind)


def _may_make_a_generator(function: Any) -> bool:
    function = getattr(function, "__func__", function)
    if not isinstance(function, types.FunctionType):
        return True
    found = facts(function.__code__)
    if found.imports or not GENERATORS.isdisjoint(found.attributes):
        return True
    named = [function.__globals__.get(chain[0]) for chain in found.chains]
    # What is called may make one: only installed code is known not to.
    return any(
        isinstance(value, types.FunctionType | types.ModuleType)
        and origin(getattr(value, "__module__", None) or value.__name__) is None
        for value in named
    )


def _params(item: Any, home: str) -> dict[str, Any]:
    """Give what an object was made with."""
    own_way = getattr(type(item), "get_params", BaseEstimator.get_params)
    if home != "sklearn" and own_way is not BaseEstimator.get_params:
        return dict(item.get_params())  # a graph's steps are found nowhere else
    held: dict[str, Any] = getattr(item, "__dict__", {})
    return {name: value for name, value in held.items() if not name.endswith("_")}


def draws_unwatched(code: Any) -> bool:
    """Tell whether a function or class names a clock or a source of entropy.

    Parameters
    ----------
    code : callable or class
        Everything of the user's own that it calls is read, too.

    Returns
    -------
    bool
        True also where the code cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.digest import draws_unwatched
    >>> draws_unwatched(lambda X: X + np.random.default_rng().normal())
    True
    >>> draws_unwatched(lambda X: X + np.random.default_rng(0).normal())
    False
    """
    try:
        return whole_digest(code)[1]
    except UndigestibleError:
        return True


@dataclass(frozen=True, slots=True)
class GlobalState:
    """The state of the generators that a process has anyway.

    Attributes
    ----------
    source : object
        The bit generator that numpy draws from.
    words : bytes
        Its memory, where it is numpy's usual one.
    numpy : tuple
        Its whole state.
    python : tuple
        That of the module `random`.
    """

    source: Any
    words: bytes
    numpy: tuple[Any, ...]
    python: tuple[Any, ...]


def global_random_state() -> GlobalState:
    """Note the state of the global random generators.

    Returns
    -------
    GlobalState

    Examples
    --------
    >>> import random
    >>> from skmegatron.io.digest import changed, global_random_state
    >>> before = global_random_state()
    >>> changed(before)
    False
    >>> value = random.random()
    >>> changed(before)
    True
    """
    source = _source()
    return GlobalState(source, _words(source), _numpy_state(), random.getstate())


def changed(before: GlobalState) -> bool:
    """Tell whether something has been drawn from a global random generator.

    Parameters
    ----------
    before : GlobalState
        From `global_random_state`.

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.digest import changed, global_random_state
    >>> before = global_random_state()
    >>> changed(before)
    False
    >>> _ = np.random.default_rng(0).normal()  # a generator of its own
    >>> changed(before)
    False
    >>> _ = np.random.random()
    >>> changed(before)
    True
    """
    source = _source()
    if source is not before.source or _words(source) != before.words:
        return True
    # One normal may be left over from the last pair; drawing it leaves the words alone.
    may_be_left = before.numpy[0] != "MT19937" or before.numpy[3]
    if may_be_left and _numpy_state() != before.numpy:
        return True
    return random.getstate() != before.python


def _source() -> Any:
    return np.random.get_bit_generator()  # type: ignore[attr-defined]  # missing in its stubs


def _words(source: Any) -> bytes:
    if not isinstance(source, np.random.MT19937):
        return b""
    return ctypes.string_at(source.ctypes.state_address, _TWISTER)


def _numpy_state() -> tuple[Any, ...]:
    state: Any = np.random.get_state(legacy=False)
    inner = state["state"]
    parts = [
        value.tobytes() if isinstance(value, np.ndarray) else value for value in inner.values()
    ]
    name = state["bit_generator"]
    return (name, tuple(parts), state.get("gauss"), state.get("has_gauss"))
