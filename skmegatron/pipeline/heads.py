"""The head of an output, and what follows from it.

The head is the step whose kind is the pipeline's kind: the last one that learns, seen
from the output through stateless steps behind it. `Tail.units` are ``inverse`` steps only:
then probabilities and classes can still be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sklearn.base import ClassNamePrefixFeaturesOutMixin, OneToOneFeatureMixin
from sklearn.utils import InputTags, Tags, TransformerTags, get_tags

from skmegatron.engine.plan import holds_state, plan
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Step, Target, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.targets import tell_units


@dataclass(frozen=True)
class Head:
    """The step that an output answers for.

    Attributes
    ----------
    node : TransformationNode
        Where its value is.
    tail : tuple of Step
        The stateless steps from there to the output.
    """

    node: TransformationNode
    tail: tuple[Step, ...]

    @property
    def step(self) -> Step:
        """The head's step."""
        return self.node.step

    @property
    def only_inverses(self) -> bool:
        """Whether nothing but changes of units stands behind it."""
        return all(step.state_of is not None for step in self.tail)


def head_of(output: Node) -> Head | None:
    """Find the head of an output.

    Parameters
    ----------
    output : Node

    Returns
    -------
    Head or None
        None where nothing that learns stands directly behind the output.
    """
    tail: list[Step] = []
    node: Node = output
    while isinstance(node, TransformationNode):
        step = node.step
        if node.handed_on is not None:
            node = node.handed_on
            continue
        if holds_state(step):
            return Head(node, tuple(reversed(tail)))
        if len(step.inbound_nodes) > 1:
            return None
        tail.append(step)
        node = step.inbound_nodes[0]
    return None


def pipeline_tags(graph: Graph, tags: Tags) -> Tags:
    """Fill in the tags of a pipeline from its graph.

    Parameters
    ----------
    graph : Graph
    tags : Tags
        Of a bare estimator; changed and returned.

    Returns
    -------
    Tags
    """
    fitting = plan(graph, (), fit=True)
    of_step = {step: get_tags(step.layer) for step in graph.steps}
    heads = [head_of(output) for output in graph.outputs]
    head = heads[0] if len(heads) == 1 else None
    tags.estimator_type = "transformer" if len(heads) == 1 else None
    if head is not None:
        own = of_step[head.step]
        tags.estimator_type = own.estimator_type or "transformer"
        tags.classifier_tags = deepcopy(own.classifier_tags)
        tags.regressor_tags = deepcopy(own.regressor_tags)
        tags.target_tags = deepcopy(own.target_tags)
        tell_units(head.tail if head.only_inverses else (), tags)
    tags.target_tags.required = any(isinstance(node, Target) for node in fitting.inputs)
    tags.requires_fit = any(task.fit for task in fitting.tasks)
    first = [of_step[step] for step in _readers(graph, graph.data_inputs)]
    tags.no_validation = all(own.no_validation for own in first)
    tags.transformer_tags = TransformerTags(preserves_dtype=_preserved_dtypes(graph, of_step))
    tags.non_deterministic = any(own.non_deterministic for own in of_step.values())
    _fill_input_tags(graph, tags.input_tags, of_step)
    return tags


def _fill_input_tags(graph: Graph, tags: InputTags, of_step: Mapping[Step, Tags]) -> None:
    inputs = graph.data_inputs
    if not inputs:
        return
    n_axes = {len(node.shape) for node in inputs}
    alone = len(inputs) == 1
    first = [of_step[step].input_tags for step in _readers(graph, inputs)]
    tables = all(own.two_d_array for own in first)
    tags.two_d_array = (alone and n_axes == {1} and tables) or (not alone and n_axes <= {0, 1})
    tags.one_d_array = alone and n_axes == {0}
    tags.three_d_array = alone and n_axes == {2}
    tags.positive_only = any(own.positive_only for own in first)
    tags.pairwise = alone and len(first) == 1 and first[0].pairwise
    tags.string = bool(first) and all(own.string for own in first)
    tags.categorical = bool(first) and all(own.categorical for own in first)
    # Several inputs take single columns, and those are made dense.
    tags.sparse = not alone or _carries(graph, of_step, "sparse", _keeps_sparse)
    tags.allow_nan = _carries(graph, of_step, "allow_nan", _keeps_nan)


def _readers(graph: Graph, inputs: list[InputNode]) -> list[Step]:
    """Give the steps that learn first from the inputs, seen through stateless ones."""
    reach: set[Node] = set(inputs)
    readers = []
    for step in graph.steps:
        if reach.isdisjoint(step.inbound_nodes):
            continue
        if holds_state(step):
            readers.append(step)
        if step.train_only:
            reach.update(node for node in graph.outputs_of[step] if node.handed_on in reach)
        elif not holds_state(step):
            reach.update(graph.outputs_of[step])
    return readers


def _carries(
    graph: Graph, of_step: Mapping[Step, Tags], tag: str, keeps: Callable[[Any], bool]
) -> bool:
    """Tell whether every step that such data reaches takes it."""
    reach = _reach(graph, keeps)
    return all(
        getattr(of_step[step].input_tags, tag)
        for step in graph.steps
        if not reach.isdisjoint(step.inbound_nodes)
    )


def _reach(graph: Graph, keeps: Callable[[Any], bool]) -> set[Node]:
    """Give the nodes that hold such data too, if the inputs do."""
    reach: set[Node] = set(graph.data_inputs)
    for step in graph.steps:
        if step.train_only:
            reach.update(node for node in graph.outputs_of[step] if node.handed_on in reach)
        elif not reach.isdisjoint(step.inbound_nodes) and _passes_on(step.layer, keeps):
            reach.update(graph.outputs_of[step])
    return reach


def _passes_on(layer: Any, keeps: Callable[[Any], bool]) -> bool:
    if not getattr(layer, "stateful", True) and not getattr(layer, "frozen", False):
        return True
    layer = layer.named_after if getattr(layer, "frozen", False) else layer
    wrapped = getattr(layer, "wrapped", layer)
    nested = getattr(wrapped, "graph", None)
    if isinstance(nested, Graph):
        return not _reach(nested, keeps).isdisjoint(nested.outputs)
    return keeps(wrapped)


def _keeps_sparse(estimator: Any) -> bool:
    """Guess whether sparse data comes out sparse: not of decompositions and predictions."""
    return hasattr(estimator, "transform") and not isinstance(
        estimator, ClassNamePrefixFeaturesOutMixin
    )


def _keeps_nan(estimator: Any) -> bool:
    """Guess whether missing values come out missing: of scalers yes, of imputers not."""
    return isinstance(estimator, OneToOneFeatureMixin)


def _preserved_dtypes(graph: Graph, of_step: Mapping[Step, Tags]) -> list[str]:
    """Give the dtypes that every step on the way to the outputs preserves."""
    kept: list[str] | None = None
    for task in plan(graph, graph.outputs).tasks:
        if task.hands_on:
            continue
        own = of_step[task.step].transformer_tags
        dtypes = own.preserves_dtype if own is not None else []
        kept = dtypes if kept is None else [dtype for dtype in kept if dtype in dtypes]
    return list(kept or [])
