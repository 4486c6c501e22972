"""Show in the signature of ``fit`` what a graph reads while fitting.

scikit-learn's meta-estimators look there for ``sample_weight``. What a pipeline takes depends
on its graph, so the method of a pipeline carries a signature of its own, made when somebody
looks; the function on the class stays the plain one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter, Signature
from types import MethodType
from typing import Any, TypeVar

from skmegatron.engine.plan import plan
from skmegatron.nodes.core import InputNode, Target
from skmegatron.nodes.graph import Graph

F = TypeVar("F", bound=Callable[..., Any])


def fit_only_inputs(graph: Graph | None) -> list[InputNode]:
    """List the inputs that only fitting reads, without the targets.

    Parameters
    ----------
    graph : Graph or None
        None has none.

    Returns
    -------
    list of InputNode
        In the pipeline's order.
    """
    if graph is None:
        return []
    read = {*plan(graph, (), fit=True).inputs} - set(graph.data_inputs)
    return [node for node in graph.inputs if node in read and not isinstance(node, Target)]


def shows_inputs(method: F) -> F:
    """Let a method of a pipeline show the graph's fit-only inputs in its signature.

    Parameters
    ----------
    method : function or descriptor of a method
        Takes such inputs as ``**fit_only``.

    Returns
    -------
    same type as `method`
        To those who call it, or read it from the class.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.utils.validation import has_fit_parameter
    >>> X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("sample_weight")
    >>> pipe = sm.Pipeline([X, y, w], sm.layers.Sklearn(Ridge())(X, y=y, sample_weight=w))
    >>> has_fit_parameter(pipe, "sample_weight")
    True
    """
    shown: F = _ShowsInputs(method)  # type: ignore[assignment]  # gives the method itself
    return shown


class _ShowsInputs:
    """Descriptor around a method."""

    def __init__(self, method: Any) -> None:
        self.__wrapped__ = method
        # doctest asks for the module, to tell what is defined here from what is imported.
        self.__doc__, self.__module__ = method.__doc__, method.__module__

    def __get__(self, pipeline: Any, owner: type[Any] | None = None) -> Any:
        bound = self.__wrapped__.__get__(pipeline, owner)
        if pipeline is None:
            return bound
        return MethodType(_Shown(bound.__func__, pipeline), pipeline)


class _Shown:
    """The function of a bound method, with the signature that it has for one pipeline."""

    def __init__(self, function: Any, pipeline: Any) -> None:
        self.__wrapped__ = function
        self.__doc__, self.__module__ = function.__doc__, function.__module__
        self._pipeline = pipeline

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)  # its name, by which the method is pickled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shown) and self.__wrapped__ is other.__wrapped__

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    @property
    def __signature__(self) -> Signature:
        plain = inspect.signature(self.__wrapped__)
        names = [node.name for node in fit_only_inputs(self._pipeline._graph_or_none())]
        extra = [
            Parameter(name, Parameter.KEYWORD_ONLY)
            for name in names
            if name.isidentifier() and name not in plain.parameters
        ]
        before = list(plain.parameters.values())
        after = [before.pop()] if before[-1].kind is Parameter.VAR_KEYWORD else []
        return plain.replace(parameters=[*before, *extra, *after])
