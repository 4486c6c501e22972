"""Compute what a step gives, in any thread or process.

A `Call` holds the layer, the name of a method and the arrays that it reads, and nothing else,
so that is all that is sent to a worker. `Workers` lets joblib compute several at once.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import cloudpickle
import joblib
from sklearn.utils.parallel import Parallel, delayed

from skmegatron.io.saving import Portable
from skmegatron.io.seen import note_rows


@dataclass(frozen=True)
class Outcome:
    """What came out of a call.

    Attributes
    ----------
    value : array, tuple of arrays or None
        None where nobody reads it.
    layer : layer or None
        The fitted one, which is a copy where another process fitted it. None where nothing
        was learned.
    """

    value: Any
    layer: Any = None


@dataclass(frozen=True)
class Call:
    """One step's computing.

    Attributes
    ----------
    layer : layer
    method : str
        Gives the value.
    arrays : sequence of array
        What it is called on.
    fit_only : dict of str to array or None, default=None
        What the layer learns from besides the arrays; None where it does not learn.
    give : bool, default=True
        Whether somebody reads the value.
    """

    layer: Any
    method: str
    arrays: Sequence[Any]
    fit_only: dict[str, Any] | None = None
    give: bool = True

    def __call__(self) -> Outcome:
        """Compute.

        Returns
        -------
        Outcome
        """
        if self.fit_only is None:
            value = getattr(self.layer, self.method)(*self.arrays)
        else:
            value = self._learned(self.layer, self.fit_only)
        return Outcome(value, None if self.fit_only is None else self.layer)

    def _learned(self, layer: Any, fit_only: dict[str, Any]) -> Any:
        if self.method == "fit_predict":
            value = layer.fit_predict(*self.arrays, **fit_only)
        elif self.give and self.method == "transform":
            value = layer.fit_transform(*self.arrays, **fit_only)
        else:
            layer.fit(*self.arrays, **fit_only)
            value = getattr(layer, self.method)(*self.arrays) if self.give else None
        note_rows(layer, self.arrays, fit_only)
        return value

    def __reduce__(self) -> Any:
        return Call, (Portable(self.layer), self.method, self.arrays, self.fit_only, self.give)


class Failed:
    """An error that a call has raised, to be told in the order of the plan.

    Parameters
    ----------
    error : Exception
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self) -> NoReturn:
        """Raise it."""
        raise self.error

    def __reduce__(self) -> Any:
        # Tracebacks cannot be sent; their text can.
        text = "".join(traceback.format_exception(self.error))
        if _arrives(self.error):
            return _failed_elsewhere, (self.error, text)
        return _failed_elsewhere, (_Parts(self.error), text)


class _Parts:
    """As much of an error as can be sent, where it cannot be sent as it is.

    That is so where it holds a lock or a connection, and where its class takes other arguments
    than those it hands on to `Exception`.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        arguments = tuple(part if _arrives(part) else repr(part) for part in self.error.args)
        state = {key: value for key, value in vars(self.error).items() if _arrives(value)}
        return _put_together, (type(self.error), arguments, state)


def _put_together(kind: type[Exception], arguments: tuple[Any, ...], state: Any) -> Exception:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    vars(error).update(state)
    return error


def _arrives(value: Any) -> bool:
    """Tell whether another process can be sent a value."""
    try:
        pickle.loads(cloudpickle.dumps(value))
    except Exception:  # noqa: BLE001 - pickling runs code of the value's own class
        return False
    return True


class WorkerTraceback(Exception):
    """Where an error of another process was raised, in words: its ``__cause__``."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


def _failed_elsewhere(error: Exception, text: str) -> Failed:
    error.__cause__ = WorkerTraceback(text)
    return Failed(error)


def _attempt(call: Any) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - raised where the results are taken
        return Failed(error)


def n_workers(n_jobs: int | None) -> int:
    """Tell how many steps may run at once.

    Parameters
    ----------
    n_jobs : int or None
        As joblib takes it: -1 means all cores, None what ``joblib.parallel_config`` says.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If `n_jobs` is 0.
    """
    return 1 if n_jobs == 1 else int(joblib.effective_n_jobs(n_jobs))


class Workers:
    """Threads, or what ``joblib.parallel_config`` has chosen, for as long as one run takes.

    Parameters
    ----------
    n_jobs : int or None
    """

    def __init__(self, n_jobs: int | None) -> None:
        # Threads, if nobody asks for something else: numpy lets go of the lock while it works.
        self._parallel = Parallel(
            n_jobs=n_jobs, prefer="threads", batch_size=1, pre_dispatch="all"
        )
        self._entered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        if self._entered:
            self._parallel.__exit__(*error)

    def compute(self, calls: Sequence[Any]) -> list[Any]:
        """Compute calls at once.

        Parameters
        ----------
        calls : sequence of callable

        Returns
        -------
        list of {Outcome, Failed}
        """
        if not self._entered:
            self._parallel.__enter__()
            self._entered = True
        return list(self._parallel(delayed(_attempt)(call) for call in calls))
