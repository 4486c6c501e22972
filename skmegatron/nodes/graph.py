"""The graph of a pipeline: its nodes in order, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import count
from typing import Any

from skmegatron.errors import DisconnectedError, GraphError, NamingError, NodeTypeError
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import (
    ExploreNode,
    InputNode,
    MetricNode,
    Step,
    StepNode,
    Target,
    TransformationNode,
)
from skmegatron.nodes.walk import copy_nodes, sort


class Graph:
    """What a pipeline's inputs, outputs, metrics and explorers span.

    Parameters
    ----------
    inputs, outputs : Node or sequence of Node
    metrics, explorers : Node or sequence of Node
        Where there are none, those attached to the graph's own nodes are taken.

    Attributes
    ----------
    path : list of Node
        Inputs and transformation nodes in topological order: what a node needs stands
        before it.
    steps : list of Step
        The steps in the same order, without metrics and explorers.
    outputs_of : dict of Step to list of TransformationNode
        Where the outputs of each step go.
    names : dict of Step to str
        Name of each step, metric and explorer.
    node_names : dict of Node to str
        Name of each node.
    by_name : dict of str to Step
        The steps that have parameters.

    Raises
    ------
    NodeTypeError
        If something other than a node is given.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.nodes import Graph
    >>> x = sm.Input("x")
    >>> graph = Graph(x, sm.layers.Whiten()(sm.layers.Whiten()(x)))
    >>> [graph.node_names[node] for node in graph.path]
    ['x', 'whiten-1', 'whiten-2']
    >>> list(graph.by_name)
    ['whiten-1', 'whiten-2']
    """

    def __init__(self, inputs: Any, outputs: Any, metrics: Any = (), explorers: Any = ()) -> None:
        self.inputs: tuple[InputNode, ...] = _nodes(inputs, "inputs", InputNode)
        self.outputs: tuple[Node, ...] = _nodes(outputs, "outputs", InputNode | TransformationNode)
        core = sort(self.outputs)
        known = {*core, *self.inputs}
        self.metrics = _nodes(metrics, "metrics", MetricNode) or _attached(known, core, MetricNode)
        self.explorers = _nodes(explorers, "explorers", ExploreNode) or _attached(
            known, core, ExploreNode
        )
        measured = sort([*self.outputs, *self.metrics, *self.explorers])
        nodes = [node for node in measured if isinstance(node, InputNode | TransformationNode)]
        measured_set = set(nodes)
        unused = [node for node in self.inputs if node not in measured_set]
        self.path: list[Node] = [*unused, *nodes]
        self.outputs_of: dict[Step, list[TransformationNode]] = {}
        for node in nodes:
            if isinstance(node, TransformationNode):
                self.outputs_of.setdefault(node.step, []).append(node)
        self.steps = list(self.outputs_of)
        ends = [node.step for node in (*self.metrics, *self.explorers)]
        self.names = _name_steps([*self.steps, *ends], {node.name for node in self.inputs})
        self.by_name = {self.names[step]: step for step in self.steps}
        self.node_names = {node: self._node_name(node) for node in self.path}
        self.node_names |= {
            node: self.names[node.step] for node in (*self.metrics, *self.explorers)
        }

    def _node_name(self, node: Node) -> str:
        if isinstance(node, TransformationNode):
            step = node.step
            if step.output_names is not None:
                return step.output_names[node.layer_out_index]
            return self.names[step] + _place_in_step(node)
        return str(node.name)

    @property
    def nodes(self) -> dict[str, list[Node]]:
        """The graph's nodes by type: input, transformation, metric and explorer.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from skmegatron.nodes import Graph
        >>> x = sm.Input("x")
        >>> Graph(x, sm.layers.Whiten()(x, "white")).nodes["transformation"]
        [<TransformationNode 'white': Whiten of 'x'>]
        """
        return {
            "input": [node for node in self.path if isinstance(node, InputNode)],
            "transformation": [n for n in self.path if isinstance(n, TransformationNode)],
            "metric": list(self.metrics),
            "explorer": list(self.explorers),
        }

    @property
    def targets(self) -> list[Target]:
        """The inputs that ``y`` feeds.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from skmegatron.nodes import Graph
        >>> x, y = sm.Input("x"), sm.Target("y")
        >>> Graph([x, y], [x, y]).targets
        [Target('y')]
        """
        return [node for node in self.inputs if isinstance(node, Target)]

    def find(self, wanted: str | Node) -> Node:
        """Find a node of the graph by its name, or by the node it was copied from.

        Parameters
        ----------
        wanted : str or Node

        Returns
        -------
        Node

        Raises
        ------
        GraphError
            If the graph has no such node; the message lists the names there are.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from skmegatron.nodes import Graph
        >>> x = sm.Input("x")
        >>> white = sm.layers.Whiten()(x)
        >>> Graph(x, white).find("whiten") is white
        True
        """
        for node in self.path:
            if node is wanted or (isinstance(wanted, str) and self.node_names[node] == wanted):
                return node
        if isinstance(wanted, Node):
            key = _identity(wanted)
            for node in self.path:
                if _identity(node) == key:
                    return node
        raise GraphError(
            f"{wanted!r} is not in this pipeline, whose nodes are "
            f"{[self.node_names[node] for node in self.path]}. Ask for one of these names."
        )

    def validate(self, reserved: Iterable[str] = ()) -> None:
        """Check that the graph can be run.

        Parameters
        ----------
        reserved : iterable of str
            Names that a step cannot have, because the pipeline uses them itself.

        Raises
        ------
        NamingError
            If two steps or inputs share a name, or one has a reserved name.
        DisconnectedError
            If an output needs an input that is not among the pipeline's inputs.
        GraphError
            If there is no input or no output, or an output is made of what exists only while
            fitting.
        """
        for what, nodes in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not nodes:
                raise GraphError(f"A pipeline needs {what}, got none. Pass at least one node.")
        self._validate_names(set(reserved))
        missing = [
            node for node in self.path if isinstance(node, InputNode) and node not in self.inputs
        ]
        if missing:
            names = [node.name for node in missing]
            needs = self.node_names[self._reader_of(missing[0])]
            if names[0] in [node.name for node in self.inputs]:
                raise DisconnectedError(
                    f"{needs!r} reads another {missing[0]!r} than the one that the pipeline "
                    "lists. Did a notebook cell that draws the input run again? Draw all that "
                    "stands below it again, too."
                )
            raise DisconnectedError(
                f"{needs!r} needs {names}, which the pipeline's inputs "
                f"{[node.name for node in self.inputs]} do not list. Add them: "
                f"Pipeline([..., {', '.join(str(name) for name in names)}], ...)."
            )
        self._validate_fit_only()

    def _only_while_fitting(self, ends: Iterable[Node]) -> tuple[str, str] | None:
        """Name what nodes are made of that a step gives for its y=, or another keyword."""
        if not any(step.train_only for step in self.steps):
            return None
        needed = self._computed_from(ends)
        made = [node for node in self.path if isinstance(node, TransformationNode)]
        for node in made:
            fit_only = node.layer_out_index >= len(node.step.inbound_nodes)
            if node.handed_on is not None and fit_only and node in needed:
                return self.node_names[node], self.node_names[node.handed_on]
        return None

    def note_fit_only(self, error: Exception, wanted: Iterable[Node]) -> None:
        """Add to an error about a missing input that it is there only while fitting.

        Parameters
        ----------
        error : Exception
        wanted : iterable of Node
            Whose values were asked for.
        """
        found = self._only_while_fitting(wanted)
        if found is not None:
            error.add_note(
                f"  {found[0]!r} has rows of its own only while fitting; elsewhere it is "
                f"{found[1]!r}, and somebody must feed that: transform({{..., {found[1]!r}: ...}})"
            )

    def _validate_fit_only(self) -> None:
        found = self._only_while_fitting(self.outputs)
        if found is not None:
            raise GraphError(
                f"An output is made of {found[0]!r}, whose rows exist only while fitting; to "
                f"predict, nobody feeds {found[1]!r}. They are there to learn from: pass the "
                "node as y= or another keyword of a step, or measure it with a metric."
            )

    def _reader_of(self, node: Node) -> Node:
        ends = (*self.outputs, *self.metrics, *self.explorers)
        reader: Node = next(end for end in ends if node in set(sort([end])))
        return reader

    def _validate_names(self, reserved: set[str]) -> None:
        taken = Counter(node.name for node in dict.fromkeys(self.inputs))
        taken.update(self.names.values())
        taken.update(
            name for step in self.steps for name in step.output_names or () if name != step.name
        )
        twice = [name for name, times in taken.items() if times > 1]
        if twice:
            raise NamingError(
                f"The name {twice[0]!r} is given to {taken[twice[0]]} nodes of this graph. Give "
                "each its own name (second argument of the call); did a notebook cell that "
                "draws the graph run twice?"
            )
        clash = sorted(set(self.by_name) & reserved)
        if clash:
            raise NamingError(
                f"A step cannot be named {clash[0]!r}: that is a parameter of the pipeline "
                f"itself. Name it {clash[0] + '_step'!r}, for example."
            )
        for name in taken:
            if "__" in name:
                raise NamingError(
                    f"The name {name!r} contains '__', which separates a step from its "
                    "parameters in set_params. Pass another name as second argument of the call."
                )

    def _computed_from(self, ends: Iterable[Node]) -> set[Node]:
        """Give nodes and what they are computed from, fit-only nodes left out."""
        needed: set[Node] = set(ends)
        for step in reversed(self.steps):
            asked = [node for node in self.outputs_of[step] if node in needed]
            if step.train_only:
                needed.update(node.handed_on for node in asked if node.handed_on is not None)
            elif asked:
                needed.update(step.inbound_nodes)
        return needed

    @cached_property
    def data_inputs(self) -> list[InputNode]:
        """The inputs that ``X`` feeds when it is an array, in the pipeline's order.

        Those read at prediction. Where there are several, also those that nothing reads.
        """
        needed = self._computed_from(self.outputs)
        listed = [node for node in self.inputs if node in needed]
        if len(listed) < 2:
            return listed
        idle = {node for node in self.unused_inputs if not isinstance(node, Target)}
        return [node for node in self.inputs if node in needed or node in idle]

    @cached_property
    def unused_inputs(self) -> list[InputNode]:
        """Inputs that no output, metric or explorer reads."""
        ends = (*self.outputs, *self.metrics, *self.explorers)
        used = set(sort(ends))
        return [node for node in self.inputs if node not in used]

    @cached_property
    def middle(self) -> dict[str, tuple[TransformationNode, ...]]:
        """The nodes between the inputs and the ends by name, all of a step's by the step's.

        Not those whose name is that of a column which an input binds.
        """
        columns = {column for node in self.inputs for column in node.columns or ()}
        found = {
            self.names[step]: tuple(sorted(nodes, key=lambda node: node.layer_out_index))
            for step, nodes in self.outputs_of.items()
            if len(nodes) > 1
        }
        for node in self.path:
            if isinstance(node, TransformationNode):
                found[self.node_names[node]] = (node,)
        return {name: nodes for name, nodes in found.items() if name not in columns}

    def copy(
        self,
        layer_of: Callable[[Step], Any],
        name_of: Callable[[Step], str | None],
        choices_of: Callable[[Step], Mapping[str, Any]] = lambda step: step.choices,
    ) -> dict[Any, Any]:
        """Draw the graph again.

        Parameters
        ----------
        layer_of : callable
            Gives the layer of each step's copy.
        name_of : callable
            Gives its name, None to leave it to the graph.
        choices_of : callable
            Gives what it leaves open.

        Returns
        -------
        dict of {Node, Step} to {Node, Step}
            The copy of each node and step.
        """
        return copy_nodes(
            [*self.path, *self.metrics, *self.explorers],
            layer_of=layer_of,
            name_of=name_of,
            choices_of=choices_of,
        )


def _place_in_step(node: TransformationNode) -> str:
    """Tell one of several outputs of a step from the others."""
    step, place = node.step, node.layer_out_index
    n_inbound = len(step.inbound_nodes)
    if step.n_outputs == 1:
        return ""
    if not step.train_only or (place < n_inbound and n_inbound > 1):
        return f"[{place}]"
    return "" if place < n_inbound else f".{list(step.fit_only)[place - n_inbound]}"


def _nodes(given: Any, what: str, kind: Any) -> tuple[Any, ...]:
    if given is None and what in ("metrics", "explorers"):
        return ()
    listed = tuple(given) if isinstance(given, list | tuple) else (given,)
    for node in listed:
        if isinstance(node, kind):
            continue
        if isinstance(node, Node):
            advice = f"{node!r} is the result of a call; list it elsewhere"
            if what == "inputs":
                advice = f"{node!r} is the result of a call; list the Input nodes it comes from"
        elif hasattr(node, "get_params"):
            advice = f"{node!r} is a layer or estimator; call it on a node first: layer(node)"
        else:
            advice = f"got {node!r} of type {type(node).__name__}"
        raise NodeTypeError(f"{what} takes nodes: {advice}.")
    return tuple(dict.fromkeys(listed))


def _attached(known: set[Node], core: Sequence[Node], kind: type[Any]) -> tuple[Any, ...]:
    found: dict[Node, None] = {}
    for node in core:
        for end in node.outbound_nodes:
            if isinstance(end, kind) and all(
                parent in known or _only_labels(parent, known) for parent in end.step.parents
            ):
                found[end] = None
    return tuple(found)


def _only_labels(node: Node, known: set[Node]) -> bool:
    """Tell whether a node is made of nothing but the pipeline's own targets."""
    inputs = [parent for parent in sort([node]) if isinstance(parent, InputNode)]
    return all(isinstance(parent, Target) and parent in known for parent in inputs)


def _identity(node: Node) -> tuple[int, int]:
    if isinstance(node, InputNode):
        return id(node.token), 0
    if isinstance(node, StepNode):
        return id(node.step.token), getattr(node, "layer_out_index", 0)
    return id(node), 0


def _name_steps(steps: Sequence[Step], taken: set[str]) -> dict[Step, str]:
    """Give a name to every step that has none: its class's, numbered where several share it."""
    taken = taken | {step.name for step in steps if step.name is not None}
    bases = {step: _base_name(step) for step in steps if step.name is None}
    sharing = Counter(bases.values())
    numbers = {base: count(1) for base in sharing}
    names: dict[Step, str] = {}
    for step in steps:
        if step.name is not None:
            names[step] = step.name
            continue
        base = bases[step]
        if sharing[base] == 1 and base not in taken:
            names[step] = base
            continue
        names[step] = next(
            name for number in numbers[base] if (name := f"{base}-{number}") not in taken
        )
    return names


def _base_name(step: Step) -> str:
    named = getattr(step.layer, "named_after", step.layer)
    return named if isinstance(named, str) else type(named).__name__.lower()
