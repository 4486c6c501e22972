"""How a network is drawn: which nodes are its inputs, and which its labels.

The nodes at the end that are more than the model has inputs are labels. What is told by name is
put in order: that of the model where it is known, else that of the call, which is noted for the
model that a build function gives later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from skmegatron.errors import NodeTypeError
from skmegatron.layers.core import Layer
from skmegatron.layers.keras.feeding import input_keys, output_names, tensors_in, tensors_out
from skmegatron.layers.keras.hyper import is_template
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Target
from skmegatron.nodes.walk import sort


class Drawing(Layer):
    """What `Keras` does when it is called on nodes."""

    model: Any
    loss: Any
    #: What a call on a build function named the inputs; empty where it told them in order.
    input_names: tuple[str, ...] = ()

    @property
    def n_outputs(self) -> int:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        """How many outputs the model has, as far as that can be told before it is built."""
        if is_template(self.model) and tensors_out(self.model):
            return len(tensors_out(self.model))
        return len(self.loss) if isinstance(self.loss, list | tuple | dict) else 1

    @property
    def output_names(self) -> list[str]:
        """What the outputs are called; none where that cannot be told."""
        if is_template(self.model) and tensors_out(self.model):
            return output_names(self.model)
        return [str(name) for name in self.loss] if isinstance(self.loss, dict) else []

    def __call__(
        self,
        *nodes: Any,
        name: str | Sequence[str] | None = None,
        y: Any = None,
        **fit_only_nodes: Node,
    ) -> Any:
        """Draw one step: the model applied to nodes.

        Parameters
        ----------
        *nodes : Node, list of Node
            One per input of the model, and labels after them if `y` is not given. A dictionary
            tells the inputs by name. A string at the end is the name.
        name : str or sequence of str, default=None
        y : Node, or list or dict of Node, default=None
            Labels: one node per output, in order or by the names of the outputs.
        **fit_only_nodes : Node
            ``sample_weight``.

        Returns
        -------
        TransformationNode or tuple of TransformationNode
            One node per output.

        Raises
        ------
        NodeTypeError
            If the nodes do not fit the model.
        """
        layer = self
        if nodes and isinstance(nodes[0], Mapping):
            named, *others = nodes
            if not tensors_in(self.model):
                layer = self._with_inputs(tuple(named))
            nodes = (self._by_input(named), *others)
        if isinstance(y, Mapping):
            y = self._by_output(y)
        if isinstance(y, list | tuple):
            fit_only_nodes = dict(_labels(y)) | fit_only_nodes
            y = fit_only_nodes.pop("y")
        return super(Drawing, layer).__call__(*nodes, name=name, y=y, **fit_only_nodes)

    def _with_inputs(self, names: tuple[str, ...]) -> Self:
        """Make a layer that knows how the inputs of one call are named."""
        layer = object.__new__(type(self))
        layer.__dict__.update(vars(self), input_names=names)
        return layer

    def _by_input(self, nodes: Mapping[str, Any]) -> list[Any]:
        names = input_keys(self.model) if is_template(self.model) else []
        if not names:  # nobody knows yet
            return list(nodes.values())
        tensors = [str(tensor.name) for tensor in tensors_in(self.model)]
        if set(names) != set(nodes) == set(tensors):
            names = tensors
        if set(names) != set(nodes):
            raise NodeTypeError(
                f"The model has the inputs {names}, got nodes for {list(nodes)}. Give one node "
                "for each."
            )
        return [nodes[name] for name in names]

    def _by_output(self, labels: Mapping[str, Any]) -> list[Any]:
        names = self.output_names
        if set(names) != set(labels):
            raise NodeTypeError(
                f"The model has the outputs {names}, got labels for {list(labels)}. Give one node "
                "for each; with a build function, loss={output: ...} tells their names."
            )
        return [labels[name] for name in names]

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        known = len(tensors_in(self.model)) if is_template(self.model) else 0
        if known and len(inbound) < known:
            names = [tensor.name for tensor in tensors_in(self.model)]
            raise NodeTypeError(
                f"The model has {known} inputs {names}, and was called on {len(inbound)} nodes. "
                "Give one node per input, and the labels after them or as y=."
            )
        n_inputs = known or _before_labels(inbound)
        if "y" in fit_only and known and len(inbound) > known:
            raise NodeTypeError(
                f"The model has {known} inputs, and was called on {len(inbound)} nodes and on y=. "
                "Give the labels once."
            )
        if "y" not in fit_only and n_inputs < len(inbound):
            fit_only = dict(_labels(inbound[n_inputs:])) | fit_only
            inbound = inbound[:n_inputs]
        n_targets = len(self._targets_in(fit_only))
        if n_targets > 1 and n_targets != self.n_outputs:
            raise NodeTypeError(
                f"{self!r} has {self.n_outputs} outputs, as far as can be told, and was given "
                f"{n_targets} nodes of labels. A build function of several outputs is told by a "
                "loss for each: Keras(build, loss=['mse', 'mse'])."
            )
        return inbound, fit_only

    def _output_names(
        self, name: str | Sequence[str] | None, n_outputs: int
    ) -> Sequence[str] | None:
        given = super()._output_names(name, n_outputs)
        names = self.output_names
        if given is not None or self.n_outputs == 1 or len(set(names)) != self.n_outputs:
            return given
        if any("__" in one for one in names):
            return None
        return names if name is None else [f"{name}_{one}" for one in names]


def _labels(nodes: Sequence[Any]) -> list[tuple[str, Any]]:
    """Give nodes of labels the keywords of `fit` by which they are told."""
    return [("y" if place == 0 else f"y_{place}", node) for place, node in enumerate(nodes)]


def _before_labels(nodes: Sequence[Node]) -> int:
    """Count the nodes before those at the end that are made of nothing but targets."""
    count = len(nodes)
    while count > 1 and _of_targets(nodes[count - 1]):
        count -= 1
    return count


def _of_targets(node: Node) -> bool:
    inputs = [one for one in sort([node]) if isinstance(one, InputNode)]
    return all(isinstance(one, Target) for one in inputs)
