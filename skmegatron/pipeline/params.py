"""Parameters, cloning and pickling of a pipeline.

Nodes are frozen and may be shared by several pipelines, and layers are templates. So a
pipeline never changes either: `set_params` and `clone` draw the graph again, with other
layers, and the steps keep their names.
"""

from __future__ import annotations

import platform
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import Bunch

from skmegatron._version import __version__
from skmegatron.errors import MegatronError
from skmegatron.io.saving import Portable, unwrapped
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Layer
from skmegatron.layers.frozen import Frozen
from skmegatron.layers.rows import Resample, TrainOnly
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.settling import put
from skmegatron.nodes.walk import flatten, unflatten
from skmegatron.pipeline.compiled import Compiled

_DRAWN = ("inputs", "outputs", "metrics", "explorers")


class GraphParams(BaseEstimator):
    """What a pipeline does with its parameters; `Pipeline` adds what it does with data."""

    inputs: Any
    outputs: Any
    metrics: Any
    explorers: Any

    @property
    def graph(self) -> Graph:
        """The graph that the inputs, outputs, metrics and explorers span.

        Raises
        ------
        NodeTypeError
            If one of them is not a node.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> graph = sm.Pipeline(x, sm.layers.Whiten()(x)).graph
        >>> list(graph.by_name), graph.find("whiten")
        (['whiten'], <TransformationNode Whiten of 'x'>)
        """
        return self._compiled().graph

    def _compiled(self) -> Compiled:
        """Give what is known of the graph, worked out again where that has changed."""
        ends = _frozen(self.metrics), _frozen(self.explorers)
        key = _frozen(self.inputs), _frozen(self.outputs), *ends
        compiled: Compiled | None = vars(self).get("_compiled_graph")
        if compiled is None or not compiled.holds(key):
            compiled = self._compiled_graph = Compiled(key)
        return compiled

    def _graph_or_none(self) -> Graph | None:
        """Give the graph, or None where the parameters do not make one."""
        try:
            return self.graph
        except (MegatronError, TypeError):
            return None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get parameters of the pipeline and of its steps.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add each step under its name, and its parameters as
            ``step__parameter``.

        Returns
        -------
        dict of str to object

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.decomposition import PCA
        >>> X = sm.Input("X", shape=(None,))
        >>> params = sm.Pipeline(X, sm.layers.Sklearn(PCA(2))(X), name="demo").get_params()
        >>> params["pca"], params["pca__n_components"], params["name"]
        (PCA(n_components=2), 2, 'demo')
        """
        # As they were given: `storage` read as an attribute is the opened store.
        own: dict[str, Any] = {name: vars(self)[name] for name in self._get_param_names()}
        graph = self._graph_or_none() if deep else None
        if graph is None:
            return own
        params: dict[str, Any] = {}
        for name, step in graph.by_name.items():
            if step.state_of is not None:
                continue
            wrapped = getattr(step.layer, "wrapped", step.layer)
            params[name] = wrapped
            if hasattr(wrapped, "get_params") and not isinstance(wrapped, type):
                for key, value in wrapped.get_params(deep=True).items():
                    params[f"{name}__{key}"] = value
        return params | own

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the pipeline and of its steps.

        Layers and nodes that the pipeline was made with are left alone: it draws its own
        copy of the graph.

        Parameters
        ----------
        **params
            Parameters of the pipeline; ``step=estimator`` to replace a step, which keeps
            its name; ``step="passthrough"`` to switch it off; ``step__parameter=value``.
            Where `skmegatron.choose` left something open, a label stands for its candidate.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter, or no candidate with such a label. Nothing is set
            then.
        TypeError
            If a value is left open itself.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.decomposition import PCA, TruncatedSVD
        >>> X = sm.Input("X", shape=(None,))
        >>> pipe = sm.Pipeline(X, sm.layers.Sklearn(PCA(2))(X))
        >>> pipe.set_params(pca__n_components=3).get_params()["pca"]
        PCA(n_components=3)
        >>> pipe.set_params(pca=TruncatedSVD(4)).get_params()["pca__n_components"]
        4
        """
        if not params:
            return self
        own_names = set(self._get_param_names())
        own = {key: value for key, value in params.items() if key in own_names}
        before = {key: vars(self)[key] for key in own}
        self.__dict__.update(own)
        try:
            rest = {key: value for key, value in params.items() if key not in own_names}
            if rest:
                self._set_steps(rest)
        except BaseException:
            self.__dict__.update(before)
            raise
        return self

    def _set_steps(self, params: dict[str, Any]) -> None:
        graph = self._graph_or_none()
        steps = {} if graph is None else graph.by_name
        given: dict[Step, dict[str, Any]] = defaultdict(dict)
        for key, value in params.items():
            name, delimiter, sub_key = key.partition("__")
            if delimiter and not sub_key:
                name = key
            if name not in steps or steps[name].state_of is not None:
                own = {name for name, step in steps.items() if step.state_of is None}
                valid = sorted({*self._get_param_names(), *own})
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}. Valid "
                    f"parameters are: {valid}, and step__parameter."
                )
            given[steps[name]][sub_key] = value
        if graph is None:
            return
        layers, choices = _changed(graph, given)
        copies = graph.copy(layers.__getitem__, graph.names.__getitem__, choices.__getitem__)
        # At once: an interruption must not leave the outputs of one graph with another's inputs.
        self.__dict__.update({name: _mapped(getattr(self, name), copies) for name in _DRAWN})

    def __sklearn_clone__(self) -> Self:
        graph = self._graph_or_none()
        if graph is None:
            return super().__sklearn_clone__()  # type: ignore[no-any-return]
        layers: dict[int, Any] = {}

        def cloned(step: Step) -> Any:
            if id(step.layer) not in layers:
                layers[id(step.layer)] = clone(step.layer)
            return layers[id(step.layer)]

        copies = graph.copy(cloned, lambda step: step.name)
        params = self.get_params(deep=False)
        for name in _DRAWN:
            params[name] = _mapped(params[name], copies)
        # storage and memory are places, not settings: every clone uses the same ones.
        twin = type(self)(**params)
        for name in ("_sklearn_output_config", "_metadata_request"):
            if name in vars(self):
                setattr(twin, name, clone(vars(self)[name], safe=False))
        if "_skl_callbacks" in vars(self):
            twin._skl_callbacks = self._skl_callbacks
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        state.pop("_compiled_graph", None)
        graph = self._graph_or_none()
        if graph is not None:
            nodes: list[Node] = []
            state["_drawn"] = {name: _packed(state.pop(name), nodes) for name in _DRAWN}
            everything = [*nodes, *graph.metrics, *graph.explorers]
            state["_flat"] = flatten(everything)
        if "steps_" in state:
            state["steps_"] = {name: Portable(layer) for name, layer in state["steps_"].items()}
        state["_versions"] = _versions()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        made_with = state.pop("_versions", {}).get("skmegatron", "an unknown version")
        if made_with != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=f"skmegatron {__version__}",
                    original_sklearn_version=f"skmegatron {made_with}",
                ),
                stacklevel=2,
            )
        if "_flat" in state:
            nodes = unflatten(state.pop("_flat"))
            for name, packed in state.pop("_drawn").items():
                state[name] = _unpacked(packed, nodes)
        if "steps_" in state:
            learned = {name: unwrapped(layer) for name, layer in state["steps_"].items()}
            state["steps_"] = Bunch(**learned)
        self.__dict__.update(state)


def _changed(
    graph: Graph, given: dict[Step, dict[str, Any]]
) -> tuple[dict[Step, Any], dict[Step, Any]]:
    """Give every step its layer and its choices, with labels resolved."""
    choices = {step: step.choices for step in graph.names}
    replaced: dict[Step, Any] = {}
    nested: dict[Step, dict[str, Any]] = {}
    for step, params in given.items():
        before = choices[step]
        values, after = put(before, params)
        alone = "" in params and not ("" in before and before[""].names(params[""]))
        # What several steps share is listed once, so it is set for all of them.
        together = [step] if alone else [s for s in graph.names if s.layer is step.layer]
        choices.update(dict.fromkeys(together, after))
        if "" in values:
            replaced.update(dict.fromkeys(together, _as_layer(step.layer, values.pop(""))))
        if values:
            nested[step] = values
    return _changed_layers(graph, replaced, nested), choices


def _changed_layers(
    graph: Graph, replaced: dict[Step, Any], nested: dict[Step, dict[str, Any]]
) -> dict[Step, Any]:
    """Give every step its layer, with the changes made on clones."""
    layers = {step: replaced.get(step, step.layer) for step in graph.names}
    clones: dict[int, Any] = {}
    for step, params in nested.items():
        layer = layers[step]
        if id(layer) not in clones:
            clones[id(layer)] = clone(layer)
        wrapped = getattr(clones[id(layer)], "wrapped", clones[id(layer)])
        if not hasattr(wrapped, "set_params"):
            raise ValueError(
                f"Step {graph.names[step]!r} is {wrapped!r}, which has no parameters "
                f"{sorted(params)}. Set an estimator there first: "
                f"set_params({graph.names[step]}=...)."
            )
        wrapped.set_params(**params)
    # Steps that share a layer go on sharing it.
    return {step: clones.get(id(layer), layer) for step, layer in layers.items()}


def _as_layer(current: Any, value: Any) -> Any:
    """Make what the user puts in the place of a step into a layer."""
    if isinstance(value, TrainOnly if isinstance(current, TrainOnly) else Layer):
        return value
    if isinstance(current, TrainOnly):
        return Resample(value)
    if isinstance(current, Frozen) and current.method == "auto":
        current = current.fitted
    if isinstance(current, Frozen):
        return Sklearn(value, method=current.method)
    if isinstance(current, Sklearn):
        return Sklearn(value, method=current.method, cv=current.cv)
    return Sklearn(value)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _mapped(value: Any, copies: dict[Any, Any]) -> Any:
    """Replace nodes by their copies, keeping the container."""
    if isinstance(value, list | tuple):
        return type(value)(copies.get(node, node) for node in value)
    return copies.get(value, value) if isinstance(value, Node) else value


def _packed(value: Any, nodes: list[Node]) -> tuple[str, Any]:
    place: Callable[[Node], int] = lambda node: nodes.append(node) or len(nodes) - 1  # type: ignore[func-returns-value]  # noqa: E731
    if isinstance(value, Node):
        return "node", place(value)
    return type(value).__name__, [place(node) for node in value]


def _unpacked(packed: tuple[str, Any], nodes: list[Node]) -> Any:
    kind, places = packed
    if kind == "node":
        return nodes[places]
    found = [nodes[place] for place in places]
    return found if kind == "list" else tuple(found)


def _versions() -> dict[str, str]:
    return {
        "skmegatron": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
