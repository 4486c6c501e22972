"""Choices: the candidates of a hyperparameter, written where a layer is called.

A `Choice` never gets into a graph. Calling a layer settles it (see `settling`): the step's
layer is a clone with the first candidates in place, and the step remembers the choices under
the paths of their parameters, where ``""`` is the step itself. The candidate in place may
hold choices of its own. Those are remembered too, below the path of the choice that they
depend on, and they change with its candidate; the others are the *roots*.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from numbers import Integral
from types import FunctionType
from typing import Any, ClassVar, NoReturn

import numpy as np

from skmegatron.nodes.base import hooks

#: Longer lists and dictionaries hold data rather than settings.
_MANY = 1000
_SHOWN = 8


class Choice:
    """Candidates for one parameter or step; `skmegatron.choose` makes them.

    Parameters
    ----------
    candidates : sequence of object
        Empty where there is a distribution.
    labels : sequence of str, default=None
        What the candidates are called in a grid; None where they stand for themselves.
    distribution : object with ``rvs``, default=None
        What values are drawn from.

    Attributes
    ----------
    default : object
        The first candidate, or the median of the distribution.
    """

    __slots__ = ("__weakref__", "candidates", "distribution", "labels")
    #: Whether there was ever one in this process.
    made: ClassVar[bool] = False
    # So that arrays leave `array * choice` to the choice, which says what is wrong.
    __array_ufunc__: ClassVar[None] = None

    def __init__(
        self,
        candidates: Sequence[Any] = (),
        labels: Sequence[str] | None = None,
        distribution: Any = None,
    ) -> None:
        self.candidates = tuple(candidates)
        self.labels = None if labels is None else tuple(labels)
        self.distribution = distribution
        Choice.made = True

    @property
    def default(self) -> Any:
        """The value in place as long as nothing is searched."""
        return self.candidates[0] if self.distribution is None else _median(self.distribution)

    @property
    def listed(self) -> list[Any]:
        """The candidates as a grid lists them."""
        return list(self.candidates if self.labels is None else self.labels)

    def names(self, value: Any) -> bool:
        """Tell whether a value is the label of a candidate.

        Parameters
        ----------
        value : object

        Returns
        -------
        bool
        """
        return self.labels is not None and isinstance(value, str) and value in self.labels

    def named(self, label: str) -> Any:
        """Give the candidate that has a label.

        Parameters
        ----------
        label : str

        Returns
        -------
        object
        """
        return self.candidates[(self.labels or ()).index(label)]

    def __call__(self, *nodes: Any, **keywords: Any) -> Any:
        """Draw a step that is one of the candidates.

        Parameters
        ----------
        *nodes : Node, list of Node
        **keywords
            As a layer takes them: ``name=``, ``y=`` and what else only fitting reads.

        Returns
        -------
        TransformationNode or tuple of TransformationNode
        """
        return hooks["choose"](self, nodes, keywords)

    def _refuse(self, *args: Any) -> NoReturn:
        raise TypeError(
            f"{self!r} is a list of candidates, not a value. It is resolved by calling the "
            "layer on a node, layer(node), which puts the first candidate in its place; "
            "elsewhere, write the value itself."
        )

    __array__ = __bool__ = __float__ = __index__ = __iter__ = __getitem__ = __neg__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = __rsub__ = _refuse
    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return Choice, (self.candidates, self.labels, self.distribution)

    def __deepcopy__(self, memo: dict[Any, Any]) -> Choice:
        return self  # it never changes, and neither do its candidates

    def __repr__(self) -> str:
        if self.distribution is not None:
            return f"choose({_say(self.distribution)})"
        few = [repr(candidate) for candidate in self.candidates[:_SHOWN]]
        if self.labels is not None:
            few = [f"{label!r}: {value}" for label, value in zip(self.labels, few, strict=False)]
        more = ", ..." if len(self.candidates) > _SHOWN else ""
        left, right = ("[", "]") if self.labels is None else ("{", "}")
        return f"choose({left}{', '.join(few)}{more}{right})"


def choice_in(thing: Any) -> Choice | None:
    """Find a choice that stands where a value should.

    Parameters
    ----------
    thing : object

    Returns
    -------
    Choice or None
    """
    # Every call of a layer asks, and hardly any layer holds one. So this does nothing where no
    # choice was ever made, and else looks at attributes, which is much quicker than
    # get_params(deep=True).
    if not Choice.made:
        return None
    waiting, seen = [thing], set()
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is Choice:
            return value  # type: ignore[no-any-return]
        if id(value) in seen:
            continue
        seen.add(id(value))
        if kind is dict:
            few = islice(value.values(), _MANY)
            waiting += [item for item in few if type(item) not in _PLAIN]
        elif kind is list or kind is tuple:
            waiting += [item for item in value[:_MANY] if type(item) not in _PLAIN]
        elif hasattr(kind, "get_params") and hasattr(value, "__dict__"):
            own = value.__dict__.items()  # what ends in _ was learned
            waiting += [i for name, i in own if type(i) not in _PLAIN and name[-1:] != "_"]
    return None


#: What is neither a choice nor holds one.
_PLAIN = frozenset({str, int, float, bool, bytes, type(None), type, FunctionType, np.ndarray})


def refuse_choices(thing: Any) -> None:
    """Check that no choice stands where a value should.

    Parameters
    ----------
    thing : object
        An estimator, a layer, or the value of a parameter.

    Raises
    ------
    TypeError
        If there is one.
    """
    choice = choice_in(thing)
    if choice is not None:
        held = "" if thing is choice else f"{thing!r} cannot be used as it is: "
        raise TypeError(
            f"{held}{choice!r} is a list of candidates, not a value. It is resolved by calling "
            "the layer on a node, layer(node), which puts the first candidate in its place; "
            "elsewhere, write the value itself."
        )


def labelled(candidates: Sequence[Any]) -> list[str]:
    """Give estimators names to be listed by: their classes', numbered where several share it.

    Parameters
    ----------
    candidates : sequence of object

    Returns
    -------
    list of str
    """
    bases = [
        type(one).__name__.lower() if hasattr(one, "get_params") else str(one).lower()
        for one in candidates
    ]
    numbered = [f"{base}-{bases[:place].count(base) + 1}" for place, base in enumerate(bases)]
    return [
        base if bases.count(base) == 1 else long
        for base, long in zip(bases, numbered, strict=True)
    ]


def _median(distribution: Any) -> Any:
    drawn = distribution.rvs(random_state=0)
    if not hasattr(distribution, "median"):
        return drawn
    middle = distribution.median()
    return int(middle) if isinstance(drawn, Integral) else float(middle)


def _say(distribution: Any) -> str:
    named = getattr(getattr(distribution, "dist", None), "name", None)
    if named is None:
        return repr(distribution)
    given = [repr(value) for value in distribution.args]
    given += [f"{key}={value!r}" for key, value in distribution.kwds.items()]
    return f"{named}({', '.join(given)})"
