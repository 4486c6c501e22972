"""Choices: the candidates of a hyperparameter, written where a layer is called.

A `Choice` never gets into a graph. Calling a layer *settles* it: the step's layer is a
clone with the first candidates in place, and the step remembers the choices under the
paths of their parameters, where ``""`` is the step itself. The candidate in place may
hold choices of its own. Those are remembered too, below the path of the choice that they
depend on, and they change with its candidate; the others are the *roots*.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from numbers import Integral
from types import FunctionType, MappingProxyType
from typing import Any, ClassVar, NoReturn, TypeAlias

import numpy as np
from sklearn.base import clone

from skmegatron.nodes.core import StepNode, hooks

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


Choices: TypeAlias = dict[str, Choice]
Settled: TypeAlias = tuple[Any, Choices]


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


def settled(value: Any) -> Settled:
    """Put first candidates in the place of choices.

    Parameters
    ----------
    value : object
        An estimator, a layer, or anything that a parameter can be.

    Returns
    -------
    value : object
        A clone, where it has parameters.
    choices : dict of str to Choice
        By the path of the parameter.

    Raises
    ------
    TypeError
        If there is a choice that ``set_params`` could not reach.
    """
    if not hasattr(value, "get_params") or isinstance(value, type):
        _refuse_hidden(value)
        return value, {}
    twin = clone(value)
    choices: Choices = {}
    for path, choice in value.get_params(deep=True).items():
        if isinstance(choice, Choice):
            default, below = settled(choice.default)
            twin.set_params(**{path: default})
            choices[path] = choice
            choices.update({f"{path}__{inner}": other for inner, other in below.items()})
    _refuse_hidden(twin)
    return twin, choices


def settled_layer(layer: Any) -> Settled:
    """Put first candidates in the place of the choices of a step.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    layer : Layer
        A clone.
    choices : dict of str to Choice
        By the path of the parameter, as the pipeline's ``set_params`` knows it: from
        what the layer wraps.

    Raises
    ------
    TypeError
        If there is a choice that ``set_params`` could not reach.
    """
    wrapped = layer.wrapped
    if wrapped is layer:
        return settled(layer)
    if isinstance(wrapped, Choice):
        around = [_around(layer, candidate) for candidate in wrapped.candidates]
        return settled_step(Choice(around, wrapped.labels, wrapped.distribution))
    value, choices = settled(wrapped)
    around_it = _around(layer, value)
    _refuse_hidden(around_it)
    return around_it, choices


def settled_step(choice: Choice) -> Settled:
    """Put the first candidate in the place of a step.

    Parameters
    ----------
    choice : Choice
        Between layers.

    Returns
    -------
    layer : Layer
    choices : dict of str to Choice
        With the choice itself under ``""``.

    Raises
    ------
    TypeError
        If a candidate cannot be the step, or holds a choice that ``set_params`` could not
        reach.
    """
    if choice.distribution is not None:
        raise TypeError(
            f"A step is chosen from a list of estimators, got {choice!r}. A distribution goes "
            "into the place of a parameter's value: Sklearn(Ridge(alpha=sm.choose(...)))."
        )
    every = [_candidate_layer(candidate, choice) for candidate in choice.candidates]
    outputs = {getattr(layer, "n_outputs", 1) for layer, _ in every}
    if len(outputs) > 1:
        raise TypeError(
            f"The candidates of {choice!r} have {sorted(outputs)} outputs, and the step gives "
            "one node for each. Choose between layers with the same number of outputs."
        )
    layer, below = every[0]
    labels = choice.labels or labelled([one.wrapped for one, _ in every])
    return layer, {"": Choice(choice.candidates, labels), **below}


def _candidate_layer(candidate: Any, choice: Choice) -> Settled:
    layer, below = settled_layer(candidate)
    if "" in below:
        raise TypeError(
            f"A candidate of {choice!r} is a choice between steps itself. List the candidates "
            "of both in one choose."
        )
    layer.validate()
    return layer, below


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


def settled_once(template: Any, settle: Callable[[Any], Settled]) -> Settled:
    """Settle what is called; called again unchanged, it gives the same layer again.

    Parameters
    ----------
    template : Layer or Choice
    settle : callable
        Does it the first time.

    Returns
    -------
    layer : Layer
    choices : dict of str to Choice
    """
    params = template.get_params() if hasattr(template, "get_params") else {}
    key = id(template)
    known, before, result = _known.get(key, (None, {}, None))
    same = before.keys() == params.keys() and all(before[name] is params[name] for name in before)
    if known is None or result is None or known() is not template or not same:
        result = settle(template)
        forget = weakref.ref(template, lambda _: _known.pop(key, None))
        _known[key] = forget, params, result
    return result


#: What has been settled, by the id of the template: not every layer can be a dictionary's key.
_known: dict[int, tuple[Any, dict[str, Any], Settled | None]] = {}


def keep_choices(drawn: Any, choices: Mapping[str, Choice]) -> Any:
    """Let the step that was just drawn remember the choices that its layer was settled from.

    Parameters
    ----------
    drawn : StepNode or sequence of StepNode
        The outputs of one step.
    choices : mapping of str to Choice

    Returns
    -------
    StepNode or sequence of StepNode
        `drawn`.
    """
    node: StepNode = drawn[0] if isinstance(drawn, list | tuple) else drawn
    node.step._set(choices=MappingProxyType(dict(choices)))
    return drawn


def put(
    choices: Mapping[str, Choice], values: Mapping[str, Any]
) -> tuple[dict[str, Any], Choices]:
    """Put candidates in the place of their labels.

    Parameters
    ----------
    choices : mapping of str to Choice
        Of a step.
    values : mapping of str to object
        What its parameters are set to, by path; ``""`` is the step.

    Returns
    -------
    values : dict of str to object
        Without labels.
    choices : dict of str to Choice
        Of the step with these values in place.

    Raises
    ------
    TypeError
        If a value is, or holds, a choice.
    ValueError
        If a word given for the step is no label.
    """
    kept = dict(choices)
    unlabelled: dict[str, Any] = {}
    # What holds a parameter comes before it: labels of the parameter may depend on it.
    for path in sorted(values, key=lambda path: (path != "", path.count("__"))):
        value = values[path]
        refuse_choices(value)
        choice = kept.get(path)
        lasting = roots(kept)
        kept = {p: c for p, c in kept.items() if p in lasting or not is_below(p, path)}
        if choice is not None and choice.names(value):
            settle = settled if path else settled_layer
            value, below = settle(choice.named(value))
            front = f"{path}__" if path else ""
            kept.update({f"{front}{inner}": other for inner, other in below.items()})
        elif choice is not None and not path and isinstance(value, str) and value != "passthrough":
            raise ValueError(
                f"{value!r} is none of the candidates {choice.listed} of this step. Name one of "
                "them, or give an estimator or 'passthrough'."
            )
        unlabelled[path] = value
    return unlabelled, kept


def roots(choices: Mapping[str, Choice]) -> list[str]:
    """List the paths of the choices that do not depend on another one.

    Parameters
    ----------
    choices : mapping of str to Choice

    Returns
    -------
    list of str
    """
    return [path for path in choices if not any(is_below(path, other) for other in choices)]


def is_below(path: str, other: str) -> bool:
    """Tell whether one path leads to a parameter of what is at another.

    Parameters
    ----------
    path, other : str

    Returns
    -------
    bool
    """
    return path != other and (not other or path.startswith(f"{other}__"))


def dependent(choice: Choice, path: str) -> Iterator[tuple[Any, Choices]]:
    """Give each candidate as it is listed, with the choices that it holds itself.

    Parameters
    ----------
    choice : Choice
    path : str
        Where the choice is in its step.

    Yields
    ------
    listed : object
    choices : dict of str to Choice
        By their paths in the candidate.
    """
    settle = settled if path else settled_layer
    for listed, candidate in zip(choice.listed, choice.candidates, strict=True):
        yield listed, {} if choice_in(candidate) is None else settle(candidate)[1]


def _around(layer: Any, wrapped: Any) -> Any:
    """Make a layer like another one, around something else."""
    params = layer.get_params(deep=False)
    return type(layer)(
        **{name: wrapped if value is layer.wrapped else value for name, value in params.items()}
    )


def _refuse_hidden(value: Any) -> None:
    choice = choice_in(value)
    if choice is not None:
        raise TypeError(
            f"{value!r} holds {choice!r} where set_params of a pipeline cannot reach it. Put "
            "choose in the place of a whole parameter of an estimator or layer, or choose "
            "between whole steps: sm.choose({'a': Sklearn(...), 'b': Sklearn(...)})(node)."
        )


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
