"""What calling a layer gives: transformation nodes, metrics and explorers."""

from __future__ import annotations

from typing import Any

from skmegatron.errors import NodeTypeError
from skmegatron.nodes.core import Node, Step, glimpse, hooks


class StepNode(Node):
    """A node that a step made: a transformation, a metric or an explorer.

    Attributes
    ----------
    step : Step
        The call that made it.
    """

    __slots__ = ("step",)
    step: Step

    def __init__(self, step: Step, name: str | None, output: Any = None) -> None:
        super().__init__(name, output)
        self._set(step=step)
        for parent in dict.fromkeys((*step.inbound_nodes, *step.fit_only.values())):
            parent._add_outbound(self)

    @property
    def inbound_nodes(self) -> tuple[Node, ...]:
        """Nodes that this one is computed from, in the order of the call."""
        return self.step.inbound_nodes

    @property
    def layer(self) -> Any:
        """The layer whose call made this node.

        Examples
        --------
        >>> import skmegatron as sm
        >>> sm.layers.OneHotRange(max_val=9)(sm.Input("digit")).layer
        OneHotRange(max_val=9)
        """
        return self.step.layer

    def __repr__(self) -> str:
        label = "" if self.name is None else f"{self.name!r}: "
        if self.eager:
            return f"<eager node {label}{glimpse(self.output)}>"
        given = ", ".join(repr(node.name or "...") for node in self.step.inbound_nodes)
        return f"<{type(self).__name__} {label}{type(self.layer).__name__} of {given}>"


class TransformationNode(StepNode):
    """The place of what a step gives.

    Made by calling a layer.

    Parameters
    ----------
    step : Step
        The call that made it.
    layer_out_index : int, default=0
        Which of the layer's outputs it holds.

    Examples
    --------
    >>> import skmegatron as sm
    >>> node = sm.layers.Whiten()(sm.Input("age"), "age_z")
    >>> node
    <TransformationNode 'age_z': Whiten of 'age'>
    >>> type(node).__name__, node.layer_out_index
    ('TransformationNode', 0)
    """

    __slots__ = ("layer_out_index",)
    layer_out_index: int

    def __init__(self, step: Step, layer_out_index: int = 0, output: Any = None) -> None:
        names = step.output_names
        super().__init__(step, step.name if names is None else names[layer_out_index], output)
        self._set(layer_out_index=layer_out_index)

    @property
    def transformation(self) -> Any:
        """The layer, under the name that the 2019 library gave it.

        Examples
        --------
        >>> import skmegatron as sm
        >>> node = sm.layers.Flatten()(sm.Input("image", shape=(8, 8)))
        >>> node.transformation is node.layer
        True
        """
        return self.step.layer

    @property
    def handed_on(self) -> Node | None:
        """The node whose value this one has wherever nothing is fitted.

        None but for steps that change the rows while fitting only.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from imblearn.under_sampling import RandomUnderSampler
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> fewer, labels = sm.layers.Resample(RandomUnderSampler())(X, y=y)
        >>> fewer.handed_on, labels.handed_on
        (Input('X', shape=(None,)), Target('y'))
        """
        if not self.step.train_only:
            return None
        return (*self.step.inbound_nodes, *self.step.fit_only.values())[self.layer_out_index]

    @property
    def is_fitted(self) -> bool:
        """Whether the node is eager, so that its step has been fitted and run.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> sm.layers.Whiten()(x).is_fitted, sm.layers.Whiten()(x([1.0, 2.0])).is_fitted
        (False, True)
        """
        return self.step.fitted is not None

    def inverse(self, other: Node) -> Any:  # noqa: D102 - documented on Node
        if not isinstance(other, Node):
            raise NodeTypeError(f"inverse takes a node, got {type(other).__name__}.")
        return hooks["inverse"](self, other)


class MetricNode(StepNode):
    """A measurement attached to the graph; computed by ``pipeline.evaluate`` only.

    Parameters
    ----------
    step : Step
        The call that made it.

    Examples
    --------
    >>> import skmegatron as sm
    >>> y, guess = sm.Target("y"), sm.Input("guess")
    >>> error = sm.metrics.MeanAbsoluteError()([y, guess], "error")
    >>> error
    <MetricNode 'error': MeanAbsoluteError of 'y', 'guess'>
    >>> sm.Pipeline([y, guess], guess).evaluate({"y": [1.0, 2.0], "guess": [1.5, 2.0]})
    {'error': 0.25}
    """

    __slots__ = ()
    ends_branch = True

    def __init__(self, step: Step, output: Any = None) -> None:
        super().__init__(step, step.name, output)


class ExploreNode(StepNode):
    """A look at the data attached to the graph; computed by ``pipeline.explore`` only.

    Parameters
    ----------
    step : Step
        The call that made it.

    Examples
    --------
    >>> import skmegatron as sm
    >>> age = sm.Input("age")
    >>> oldest = sm.layers.Explorer(max)(age, "oldest")
    >>> oldest
    <ExploreNode 'oldest': Explorer of 'age'>
    >>> sm.Pipeline(age, age).explore({"age": [31, 45]})
    {'oldest': np.int64(45)}
    """

    __slots__ = ()
    ends_branch = True

    def __init__(self, step: Step, output: Any = None) -> None:
        super().__init__(step, step.name, output)
