"""The outputs of a stream, beside the keys of the rows that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.engine.batches import Batches, noted, split_batch
from skmegatron.engine.feed import Feed
from skmegatron.engine.stream import Stream
from skmegatron.errors import GraphError
from skmegatron.layers.keras.core import Keras
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.alignment import is_aligned
from skmegatron.pipeline.estimator import Pipeline
from skmegatron.pipeline.running import Edge, Ready
from skmegatron.pipeline.storing import named_arrays, row_keys
from skmegatron.pipeline.targets import in_shape, target_of
from skmegatron.pipeline.ways import value_method


def keyed_outputs(
    pipeline: Pipeline, batches: Any, method: str = "transform", index: str | None = None
) -> Iterator[tuple[NDArray[Any], dict[str, Any]]]:
    """Give what a method gives for batch after batch, with the keys of the rows.

    Put together, the values are what the method gives for all rows: a window over time reaches
    back into the batch before. Nothing is stored.

    Parameters
    ----------
    pipeline : Pipeline
    batches : iterable
        As `Pipeline.transform_generator` takes them.
    method : str, default="transform"
        Or "predict", "predict_proba", ...
    index : str, default=None
        Name of the key of each batch that holds the keys of its rows; else they are numbered.

    Yields
    ------
    tuple of (ndarray of shape (n_rows,), dict of str to {ndarray, sparse matrix})
        Of a batch: the keys of the rows that the outputs hold, and each output by name. A
        batch of which a `Filter` leaves no rows gives nothing.

    Raises
    ------
    AttributeError
        If the pipeline does not have the method.
    GraphError
        If the outputs hold different rows.
    ShapeError
        If a step gave other rows than it took, without telling which.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.pipeline.keyed import keyed_outputs
    >>> x = sm.Input("x")
    >>> pipe = sm.Pipeline(x, sm.layers.ScalarMultiply(2)(x, "double"))
    >>> for keys, outputs in keyed_outputs(pipe, [{"x": [1, 2], "id": ["a", "b"]}], index="id"):
    ...     print(keys, outputs)
    ['a' 'b'] {'double': array([2, 4])}
    """
    getattr(pipeline, method)  # tells what is missing
    runs = _runs_of(pipeline, method)
    names = [pipeline.graph.node_names[node] for node in pipeline.graph.outputs]
    n_seen = 0
    for place, batch in enumerate(Batches(batches, None).read(), start=1):
        with noted(f"in batch {place}"):
            X = split_batch(batch)[0]
            feeds = [pipeline._feed(*run.takes, X, None, {}, fitting=False) for run in runs]
            keys = row_keys(X, feeds[0], index, n_seen)  # a run uses up what was fed
            n_seen += len(keys)
            pairs = zip(runs, feeds, strict=True)
            values = [value for pair in pairs for value in _answer(pipeline, *pair, X, method)]
            if any(value is None or value.shape[0] == 0 for value in values):
                continue
            rows = _common_rows(names, runs, feeds)
        yield keys if rows is None else keys[rows], dict(zip(names, values, strict=True))


def stores_predictions(pipeline: Pipeline) -> bool:
    """Tell whether what `predict` gives is what `transform` gives, and stores.

    Parameters
    ----------
    pipeline : Pipeline

    Returns
    -------
    bool

    Examples
    --------
    >>> import skmegatron as sm
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.linear_model import Ridge
    >>> from skmegatron.pipeline.keyed import stores_predictions
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> stores_predictions(sm.Pipeline([X, y], sm.layers.Sklearn(Ridge())(X, y=y)))
    True
    >>> stores_predictions(sm.Pipeline(X, sm.layers.Sklearn(KMeans())(X)))
    False
    """
    heads = pipeline._compiled().heads
    layers = [head.step.layer for head in heads if head is not None]
    return len(layers) == len(heads) and all(map(_gives_predictions, layers))


def _gives_predictions(layer: Any) -> bool:
    return value_method(layer) == "predict" or type(layer).transform is Keras.transform


@dataclass(frozen=True)
class _Run:
    ready: Ready
    methods: dict[Step, str]

    @property
    def takes(self) -> tuple[Graph, Edge]:
        return self.ready.graph, self.ready.edge


def _runs_of(pipeline: Pipeline, method: str) -> list[_Run]:
    """Prepare one run for all outputs of `transform`, and one for each answer otherwise."""
    graph = pipeline._valid_graph()
    if method == "transform":
        return [_Run(pipeline._ready(graph, graph.outputs, work=Stream), {})]
    runs = []
    for output, head in zip(graph.outputs, pipeline._compiled().heads, strict=True):
        assert head is not None  # or the method would not be there
        node, methods = output if method == "predict" else head.node, {head.step: method}
        runs.append(_Run(pipeline._ready(graph, [node], methods, work=Stream), methods))
    return runs


def _answer(pipeline: Pipeline, run: _Run, feed: Feed, X: Any, method: str) -> list[Any]:
    values = pipeline._run_ready(run.ready, feed)
    arrays = [_together(array) for array in named_arrays(run.ready, values).values()]
    for node, array in zip(run.ready.wanted, arrays, strict=True):
        whole = array is not None and np.ndim(array) == 0  # one value for all rows
        if array is not None and (whole or not is_aligned(feed, node, array)):
            raise pipeline._misaligned([node], X, None, method, run.methods)
    if method == "transform":
        return arrays
    (node,), (answer,) = run.ready.wanted, arrays
    target = target_of(node)
    if answer is not None and target is not None:
        answer = in_shape(answer, vars(pipeline).get("_shapes", {}).get(target.name))
    return [answer]


def _together(answer: Any) -> Any:
    """Put the probabilities of several targets, which come as a list, side by side."""
    return np.hstack(answer) if isinstance(answer, list) else answer


def _common_rows(names: list[str], runs: list[_Run], feeds: list[Feed]) -> Any:
    """Give the places of the rows that the outputs hold; None means all."""
    pairs = zip(runs, feeds, strict=True)
    rows: list[Any] = [feed.rows.get(node) for run, feed in pairs for node in run.ready.wanted]
    first = rows[0]
    if any((one is None) != (first is None) or not np.array_equal(one, first) for one in rows):
        raise GraphError(
            f"The outputs {names} hold different rows, so they cannot stand side by side. Make a "
            "pipeline for each."
        )
    return first
