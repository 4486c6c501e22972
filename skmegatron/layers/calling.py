"""What calling a layer on nodes does: it draws a step, and computes it where they are eager."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from skmegatron.engine.run import as_labels, split_outputs, where
from skmegatron.errors import NamingError, NodeTypeError
from skmegatron.io.tables import guarded, released
from skmegatron.nodes.base import Node
from skmegatron.nodes.choices import choice_in
from skmegatron.nodes.core import Step, StepNode, TransformationNode
from skmegatron.nodes.settling import Settled, keep_choices, settled_layer, settled_once


class Called(BaseEstimator):
    """The half of `Layer` that draws."""

    n_outputs: int
    stateful: bool
    train_only: bool
    _has_params: bool

    def __call__(
        self,
        *nodes: Any,
        name: str | Sequence[str] | None = None,
        y: Node | None = None,
        **fit_only_nodes: Node,
    ) -> Any:
        """Draw one step: this layer applied to nodes.

        Parameters
        ----------
        *nodes : Node, list of Node
            What the step reads on every run: one node, a list of them, or several. A string
            after them is the name.
        name : str or sequence of str, default=None
            Name of the step; one name per output for a layer with several.
        y : Node, default=None
            Labels, read only while fitting.
        **fit_only_nodes : Node
            Anything else that the layer's ``fit`` takes, such as ``sample_weight``.

        Returns
        -------
        TransformationNode or tuple of TransformationNode
            One node per output. Eager nodes are computed at once.

        Raises
        ------
        NodeTypeError
            If something other than nodes is given.
        TypeError
            If something is left open that a search could not set.
        """
        fit_only = {"y": y} if y is not None else {}
        return self._called(nodes, name, fit_only | fit_only_nodes)

    def _called(
        self, nodes: Sequence[Any], name: str | Sequence[str] | None, fit_only: dict[str, Node]
    ) -> Any:
        layer, choices = self._settled()
        if choices:
            return keep_choices(layer._called(nodes, name, fit_only), choices)
        inbound, name = self._read_call(nodes, name)
        for key, node in fit_only.items():
            if not isinstance(node, Node):
                raise NodeTypeError(
                    f"{key}= of {self!r} takes a node, got {_say(node)}. Draw "
                    f"{key}_node = sm.Input({key!r}), pass that, and feed the values by name: "
                    f"fit(X, y, {key}=values)."
                )
        inbound, fit_only = self._split_call(inbound, fit_only)
        return self._draw(inbound, fit_only, name)

    def _settled(self) -> Settled:
        """Give the layer with values in the place of choices, and the choices."""
        choice = choice_in(self)
        if choice is None:
            return self, {}
        if not self._has_params:
            raise TypeError(
                f"{self!r} is no step, so no search can set its parameters, and {choice!r} among "
                "them stays open. Write the value itself."
            )
        return settled_once(self, settled_layer)

    def _read_call(
        self, nodes: Sequence[Any], name: str | Sequence[str] | None
    ) -> tuple[list[Node], str | Sequence[str] | None]:
        given = list(nodes)
        if name is None and given and _is_name(given[-1]):
            name = given.pop()
        parts = name if isinstance(name, list | tuple) else [name]
        for part in parts:
            if name is not None and not isinstance(part, str):
                raise NamingError(f"A step's name is a string, got {part!r}.")
        single = self.n_outputs == 1 and not self.train_only
        if name is not None and not isinstance(name, str) and single:
            raise NamingError(f"{self!r} has one output, whose name is a string, got {name!r}.")
        flat: list[Any] = []
        for item in given:
            flat.extend(item) if isinstance(item, list | tuple) else flat.append(item)
        if not flat:
            raise NodeTypeError(f"{self!r} was called on nothing. Write layer(node).")
        for item in flat:
            if not isinstance(item, Node):
                raise NodeTypeError(f"{self!r} is called on nodes, got {_say(item)}.")
            if item.ends_branch:
                raise NodeTypeError(
                    f"{item!r} ends a branch: it has no value that a layer could read. Call "
                    f"{self!r} on the nodes that it measures."
                )
        return flat, name

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        """Let a layer read trailing nodes as labels, as the 2019 spelling has it."""
        return inbound, fit_only

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        n_outputs = self._n_drawn(inbound, fit_only)
        output_names = self._output_names(name, n_outputs)
        single_name = name if isinstance(name, str) else None
        fitted, outputs = None, [None] * n_outputs
        if all(node.eager for node in (*inbound, *fit_only.values())):
            fitted, outputs = self._compute(inbound, fit_only, name)
        step = Step(self, inbound, fit_only, single_name, output_names=output_names, fitted=fitted)
        drawn = tuple(
            TransformationNode(step, place, output) for place, output in enumerate(outputs)
        )
        return drawn[0] if n_outputs == 1 else drawn

    def _n_drawn(self, inbound: Sequence[Node], fit_only: dict[str, Node]) -> int:
        """Tell how many nodes a call on nodes gives."""
        return self.n_outputs

    def _output_names(
        self, name: str | Sequence[str] | None, n_outputs: int
    ) -> Sequence[str] | None:
        if name is None or isinstance(name, str):
            return None
        if len(name) != n_outputs:
            raise NodeTypeError(
                f"{self!r} gives {n_outputs} outputs, got {len(name)} names {list(name)}. "
                "Give one name per output."
            )
        return name

    def _compute(
        self, inbound: list[Node], fit_only: dict[str, Node], name: Any
    ) -> tuple[Called, list[Any]]:
        layer = clone(self)
        arrays = [guarded(node.output) for node in inbound]
        try:
            if self.stateful:
                kwargs = {key: _fit_value(key, node) for key, node in fit_only.items()}
                result = layer.fit_transform(*arrays, **kwargs)
            else:
                result = layer.transform(*arrays)
            outputs = split_outputs(layer, result)
        except Exception as error:  # whatever a layer raises is told with its place, and raised
            given = [(node.name or _class_name(node), node.output) for node in inbound]
            label = name if isinstance(name, str) else type(self.named_after).__name__.lower()
            error.add_note(where(label, self, "eagerly", given))
            raise
        return layer, [released(output) for output in outputs]

    @property
    def wrapped(self) -> Any:
        """What the user sees as the step: the layer itself, or the estimator it wraps.

        Examples
        --------
        >>> from sklearn.decomposition import PCA
        >>> from skmegatron.layers import Flatten, Sklearn
        >>> Flatten().wrapped, Sklearn(PCA(2)).wrapped
        (Flatten(), PCA(n_components=2))
        """
        return self

    @property
    def named_after(self) -> Any:
        """What a step without a name of its own has the name of.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.decomposition import PCA
        >>> layer = sm.layers.Sklearn(PCA(2))
        >>> X = sm.Input("X", shape=(None,))
        >>> layer.named_after, list(sm.Pipeline(X, layer(X)).graph.by_name)
        (PCA(n_components=2), ['pca'])
        """
        return self.wrapped


def _is_name(thing: Any) -> bool:
    if isinstance(thing, list | tuple):
        return bool(thing) and all(isinstance(part, str) for part in thing)
    return isinstance(thing, str)


def _fit_value(key: str, node: Node) -> Any:
    return guarded(as_labels(node, node.output) if key == "y" else node.output)


def _class_name(node: Node) -> str:
    return (
        type(node.step.layer.named_after).__name__.lower() if isinstance(node, StepNode) else "?"
    )


def _say(thing: Any) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__}; write {thing.__name__}() to make a layer"
    if isinstance(thing, BaseEstimator) or hasattr(thing, "get_params"):
        return f"{thing!r}, which is a layer or estimator; call it on a node first: layer(node)"
    if isinstance(thing, np.ndarray):
        return (
            f"an array of shape {thing.shape}; draw sm.Input('x', shape={thing.shape[1:]}), and "
            "call that with the array for an eager node"
        )
    return f"{thing!r} of type {type(thing).__name__}"
