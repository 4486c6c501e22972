"""What a pipeline works out once, and uses until something that it depends on changes.

`Compiled` is what follows from a graph, `Runs` what follows from a graph and the fitted layers.
Whether they still hold is seen from the objects that they were made of: a look at each, no
walk. Neither is ever copied, cloned or pickled with the pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import is_
from typing import Any

from skmegatron.engine.plan import plan
from skmegatron.nodes.base import drawn
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.heads import Head, head_of
from skmegatron.pipeline.leakage import Leak, drawn_leaks
from skmegatron.pipeline.ways import looks

#: How many different runs of a pipeline are remembered.
MOST_RUNS = 32


class Compiled:
    """What follows from what a pipeline was drawn with.

    Parameters
    ----------
    key : tuple
        Inputs, outputs, metrics and explorers.

    Attributes
    ----------
    graph : Graph
    runs : Runs or None
        Of the layers that were fitted last.

    Raises
    ------
    NodeTypeError
        If something in `key` is not a node.
    """

    def __init__(self, key: tuple[Any, ...]) -> None:
        self.key = key
        self._last_end = drawn.last_end
        self.graph = Graph(*key)
        self._n_calls = _n_calls(self.graph)
        self._valid = False
        self._heads: tuple[list[bool], list[Head | None]] | None = None
        self._leaks: tuple[Any, list[Leak]] | None = None
        # Whether these learn may change with a parameter of theirs.
        self._changeable = [s.layer for s in self.graph.steps if _may_change(s.layer)]
        self.runs: Runs | None = None

    def holds(self, key: tuple[Any, ...]) -> bool:
        """Tell whether the graph is still what `key` spans.

        Parameters
        ----------
        key : tuple

        Returns
        -------
        bool
            False also where a metric or explorer may have been attached since.
        """
        if self.key != key:
            return False
        last_end = drawn.last_end
        if self._last_end is not last_end:
            if _n_calls(self.graph) != self._n_calls:
                return False
            self._last_end = last_end
        return True

    def validate(self, reserved: Callable[[], Iterable[str]]) -> None:
        """Check that the graph can be run, once.

        Parameters
        ----------
        reserved : callable
            Gives the names that a step cannot have.

        Raises
        ------
        GraphError
            If it cannot.
        """
        if not self._valid:
            self.graph.validate(reserved=reserved())
            self._valid = True

    @property
    def heads(self) -> list[Head | None]:
        """The head of each output."""
        learn = [bool(layer.stateful) for layer in self._changeable]
        if self._heads is None or self._heads[0] != learn:
            self._heads = learn, [head_of(output) for output in self.graph.outputs]
        return self._heads[1]

    @property
    def leaks(self) -> list[Leak]:
        """The leaks that can be told from the drawing."""
        now = looks([step.layer for step in self.graph.steps])
        if self._leaks is None or self._leaks[0] != now:
            self._leaks = now, drawn_leaks(self.graph)
        return self._leaks[1]

    def runs_of(self, fitted: Mapping[str, Any] | None) -> Runs:
        """Give what has been prepared for fitted layers.

        Parameters
        ----------
        fitted : mapping of str to layer or None
            None before the fit.

        Returns
        -------
        Runs
        """
        runs = self.runs
        if runs is None or not runs.hold(fitted):
            runs = self.runs = Runs(self.graph, fitted)
        return runs


class Runs:
    """Runs that are prepared for the same layers.

    Parameters
    ----------
    graph : Graph
    fitted : mapping of str to layer or None

    Attributes
    ----------
    ready : dict
        What was prepared, by what was asked for.
    """

    def __init__(self, graph: Graph, fitted: Mapping[str, Any] | None) -> None:
        self._fitted = fitted
        self._names = list(fitted or ())
        self._layers = list((fitted or {}).values())
        self.ready: dict[Any, Any] = {}
        used = [
            (fitted or {}).get(task.name, task.step.layer)
            for task in plan(graph, graph.outputs).tasks
        ]
        self._picky = [layer for layer in used if hasattr(type(layer), "can_transform")]
        # What is not fitted yet is run as it is, if it learns nothing: that must not change.
        names = set(self._names)
        rest = [step.layer for step, name in graph.names.items() if name not in names]
        self.lasts = not any(_may_change(layer) for layer in rest)

    def hold(self, fitted: Mapping[str, Any] | None) -> bool:
        """Tell whether the layers are still the same objects under the same names.

        Parameters
        ----------
        fitted : mapping of str to layer or None

        Returns
        -------
        bool
        """
        if fitted is not self._fitted:
            return False
        return fitted is None or (
            len(fitted) == len(self._layers)
            and all(map(is_, fitted.values(), self._layers))
            and all(map(is_, fitted, self._names))
        )

    @property
    def transform(self) -> bool:
        """Whether every layer can be run on data that it was not fitted on."""
        return all(layer.can_transform for layer in self._picky)

    def keep(self, asked: Any, ready: Any) -> None:
        """Remember what was prepared.

        Parameters
        ----------
        asked : hashable
        ready : Ready
        """
        if not self.lasts:
            return
        if len(self.ready) >= MOST_RUNS:
            self.ready = {}
        self.ready[asked] = ready


def _may_change(layer: Any) -> bool:
    return isinstance(getattr(type(layer), "stateful", None), property)


def _n_calls(graph: Graph) -> int:
    return sum(len(node._outbound) for node in graph.path)
