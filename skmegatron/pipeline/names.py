"""Column names along the edges, and the containers that carry them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.engine.feed import Feed
from skmegatron.errors import GraphError
from skmegatron.io.tables import is_frame
from skmegatron.layers.columns import distinct_names, numbered
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Target, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.walk import sort
from skmegatron.optional import optional

Names = NDArray[Any]


def input_columns(
    inputs: Sequence[InputNode], feed: Feed, table_names: Sequence[str] | None
) -> dict[str, tuple[list[int] | None, Names]]:
    """Note, after a fit, what the columns of each input are called.

    Parameters
    ----------
    inputs : sequence of InputNode
        Those that were fed.
    feed : Feed
    table_names : sequence of str or None
        Column names of the table; None where it has none.

    Returns
    -------
    dict of str to (list of int or None, ndarray of str)
        For each input, the columns of the table that it takes (None where it is not fed by
        a table), and their names.
    """
    found: dict[str, tuple[list[int] | None, Names]] = {}
    for node in inputs:
        value = feed.values.get(node)
        if value is None:
            continue
        places = feed.positions.get(node.name)
        if places is not None and len(np.shape(value)) <= 2:
            if table_names is not None:
                names = [str(table_names[place]) for place in places]
            elif node.shape == ():
                names = [node.name]
            else:
                names = [f"x{place}" for place in places]
        else:
            places, names = None, _own_names(node, value)
        shape = np.shape(value)[1:] if len(np.shape(value)) > 2 else -1  # as an image is laid out
        found[node.name] = (places, np.array(names, dtype=object).reshape(shape))
    return found


def _own_names(node: InputNode, value: Any) -> list[str]:
    if isinstance(node, Target) or node.shape == ():
        return [node.name]
    if node.columns is not None:
        return [str(column) for column in node.columns]
    width = int(np.prod(np.shape(value)[1:]))
    return [f"{node.name}_{place}" for place in range(width)]


def node_columns(
    graph: Graph,
    wanted: Sequence[Node],
    layers: Mapping[str, Any],
    columns: Mapping[str, Names],
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[Node, Names | None]:
    """Carry column names from the inputs to the nodes asked for.

    Parameters
    ----------
    graph : Graph
    wanted : sequence of Node
    layers : mapping of str to layer
        Fitted layers by step name.
    columns : mapping of str to ndarray of str
        Of each input.
    shapes : mapping of str to tuple of int
        Shape of one observation at each node, where the fit saw it.

    Returns
    -------
    dict of Node to (ndarray of str or None)
        None where nothing tells the columns.
    """
    found: dict[Node, Names | None] = {}
    for node in sort(wanted):
        if isinstance(node, InputNode):
            found[node] = columns.get(node.name)
            continue
        if not isinstance(node, TransformationNode):
            continue
        if node.handed_on is not None:
            found[node] = found[node.handed_on]
            continue
        step, name = node.step, graph.node_names[node]
        inbound = _kept_apart(
            [graph.node_names[n] for n in step.inbound_nodes],
            [found[n] for n in step.inbound_nodes],
        )
        layer = layers.get(graph.names[step], step.layer)
        names = layer.feature_names(name, inbound) if hasattr(layer, "feature_names") else None
        found[node] = _by_shape(name, shapes.get(name)) if names is None else names
    return found


def _kept_apart(prefixes: list[str], blocks: list[Names | None]) -> list[Names | None]:
    """Prefix the names of several nodes with the nodes' own names where two are the same."""
    known = [block for block in blocks if block is not None]
    if len(blocks) < 2 or len(known) < len(blocks) or any(block.ndim > 1 for block in known):
        return blocks
    joined = distinct_names(prefixes, known)
    ends = np.cumsum([len(block) for block in known])
    return list(np.split(joined, ends[:-1]))


def _by_shape(name: str, shape: tuple[int, ...] | None) -> Names | None:
    if shape is None or len(shape) > 1:
        return None
    return np.array([name], dtype=object) if shape == () else numbered(name, shape[0])


def renamed(columns: Mapping[str, Names], input_features: Sequence[str]) -> dict[str, Names]:
    """Give the inputs other column names, for data that was no table.

    Parameters
    ----------
    columns : mapping of str to ndarray of str
        Of each input.
    input_features : sequence of str
        One name per column, input by input.

    Returns
    -------
    dict of str to ndarray of str

    Raises
    ------
    ValueError
        If there are more or fewer names than columns.
    """
    n_columns = sum(names.size for names in columns.values())
    if len(input_features) != n_columns:
        raise ValueError(
            f"input_features should have length equal to number of features ({n_columns}), got "
            f"{len(input_features)}"
        )
    names = np.asarray(input_features, dtype=object)
    ends = np.cumsum([own.size for own in columns.values()])
    parts = np.split(names, ends[:-1])
    return {
        key: part.reshape(columns[key].shape) for key, part in zip(columns, parts, strict=True)
    }


def known_names(node_name: str, names: Names | None) -> Names:
    """Insist on column names.

    Parameters
    ----------
    node_name : str
    names : ndarray of str or None

    Returns
    -------
    ndarray of str

    Raises
    ------
    GraphError
        If there are none.
    """
    if names is None:
        raise GraphError(
            f"The columns of {node_name!r} have no names: its layer does not tell them and the "
            "fit did not compute its value. Call fit_transform instead of fit, or define "
            "feature_names(self, name, inbound) on the layer."
        )
    return names.ravel()


def in_container(kind: str, name: str, value: Any, names: Names | None, index: Any) -> Any:
    """Put a value into the container that ``set_output`` asks for.

    Parameters
    ----------
    kind : {"default", "pandas", "polars"}
    name : str
        Of the node.
    value : {ndarray, sparse matrix, dataframe}
    names : ndarray of str or None
        Of its columns; numbered after `name` where they are not known.
    index : pandas Index or None
        Of the rows.

    Returns
    -------
    {ndarray, dataframe}
        Images and the like, which no dataframe can hold, come back as they are.

    Raises
    ------
    ValueError
        If the value is sparse.
    """
    if kind == "default":  # asked for, although a step may have its own container
        return nw.from_native(value).to_numpy() if is_frame(value) else value
    if sparse.issparse(value):
        raise ValueError(
            f"The output {name!r} is a scipy sparse matrix, which a {kind} dataframe cannot "
            "hold. Make it dense, by sparse_output=False where an encoder makes it, else by "
            "Lambda(lambda X: X.toarray())(node), or call set_output(transform='default')."
        )
    if np.ndim(value) not in (1, 2):
        return value
    width = 1 if np.ndim(value) == 1 else value.shape[1]
    if names is None or len(names) != width:
        names = np.array([name], dtype=object) if width == 1 else numbered(name, width)
    if is_frame(value):
        value = nw.from_native(value, eager_only=True).to_numpy()
    module = optional(kind, extra="io", purpose=f"set_output(transform={kind!r})")
    if kind == "polars":
        table = np.asarray(value).reshape(-1, width)
        return module.DataFrame({str(n): table[:, i] for i, n in enumerate(names)}, strict=False)
    if index is not None and len(index) != len(value):
        index = None
    return module.DataFrame(value, columns=names, index=index)
