"""What every use of a pipeline shares: a valid graph, bound data, and one run.

`Running` binds data to the inputs (`engine.feed`), plans which steps run (`engine.plan`)
and runs them (`engine.run`); what comes out gets its column names and its container here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import OneToOneFeatureMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import Bunch, assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from skmegatron.engine.cache import attributes_of
from skmegatron.engine.feed import Feed, Given, bind
from skmegatron.engine.plan import Plan, is_stateful, plan
from skmegatron.engine.run import Work, run
from skmegatron.engine.unwritten import leave_unwritten
from skmegatron.errors import GraphError, MegatronError, MissingInputError, ShapeError
from skmegatron.io.dataset import Dataset
from skmegatron.io.tables import column_names, is_frame, released
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Step, Target
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.heads import Head, pipeline_tags
from skmegatron.pipeline.middle import fed_nodes, given_values, note_misspelt, refuse_middle
from skmegatron.pipeline.names import (
    in_container,
    input_columns,
    known_names,
    node_columns,
    renamed,
)
from skmegatron.pipeline.routing import Routed


@dataclass(frozen=True)
class Edge:
    """Which inputs a run reads.

    Attributes
    ----------
    needed : list of InputNode
    of_data : list of InputNode
        Those that `X` feeds where it is an array.
    given : tuple of Given or None
        What `X` holds of the values of steps; None where it may hold none.
    """

    needed: list[InputNode]
    of_data: list[InputNode]
    given: tuple[Given, ...] | None = None


@dataclass(frozen=True)
class Ready:
    """A run that is prepared, for one set of data or for many batches.

    Attributes
    ----------
    graph : Graph
    wanted : sequence of Node
    planned : Plan
    direct : Plan
        The same where no value need outlive its reader, or be looked at.
    edge : Edge
    work : Work
        Each run takes another one of it, so that several can go on at once.
    """

    graph: Graph
    wanted: Sequence[Node]
    planned: Plan
    direct: Plan
    edge: Edge
    work: Work


class Running(Routed):
    """A graph that can be run on data."""

    steps_: Any
    overwrite: bool
    n_features_in_: int
    n_jobs: int | None
    _columns: dict[str, Any]
    _shapes: dict[str, tuple[int, ...]]
    _frame_columns: dict[str, list[Any]]

    def _valid_graph(self) -> Graph:
        compiled = self._compiled()
        compiled.validate(self._get_param_names)
        return compiled.graph

    def _edge(self, graph: Graph, planned: Plan, *, fitting: bool) -> Edge:
        """Tell which inputs must be fed."""
        of_data = graph.data_inputs
        needed = list(dict.fromkeys([*planned.inputs, *(of_data if fitting else ())]))
        unused = set(graph.unused_inputs)
        needed = [node for node in needed if node not in unused]
        return Edge(needed, of_data)

    def _feed(
        self, graph: Graph, edge: Edge, X: Any, y: Any, extra: Mapping[str, Any], *, fitting: bool
    ) -> Feed:
        """Bind data to the inputs that a run reads, and check it as scikit-learn would."""
        names = None if fitting else getattr(self, "feature_names_in_", None)
        if edge.given is None:
            refuse_middle(graph, X, "fit learns every step")
        given = edge.given or ()
        try:
            feed = bind(graph.inputs, edge.needed, edge.of_data, X, y, extra, names, given)
        except MissingInputError as error:
            note_misspelt(error, graph, X)
            raise
        if not fitting:
            self._check_frames(feed)
        checked = not fitting and hasattr(self, "n_features_in_") and not feed.by_name
        if checked and feed.table is not None and not self._looks_known(feed.table):
            validate_data(self, feed.table, reset=False, skip_check_array=True)
        if fitting:
            self._check_target(graph, feed)
        return feed

    def _looks_known(self, table: Any) -> bool:
        """Tell whether scikit-learn would find nothing new about the columns of a table."""
        names = getattr(self, "feature_names_in_", None)
        if type(table) is np.ndarray:
            return names is None and table.ndim == 2 and table.shape[1] == self.n_features_in_
        if not isinstance(table, pd.DataFrame):
            return False
        if names is None:  # names that are no strings are none to scikit-learn
            unnamed = not any(isinstance(name, str) for name in table.columns)
            return unnamed and table.shape[1] == self.n_features_in_
        return list(table.columns) == list(names)

    def _check_frames(self, feed: Feed) -> None:
        """Insist that a frame fed by an input's name has the columns of the fit."""
        fitted: Mapping[str, list[Any]] = vars(self).get("_frame_columns", {})
        for node, value in feed.values.items():
            known = fitted.get(str(node.name))
            if known is not None and is_frame(value) and column_names(value) != known:
                raise ShapeError(
                    f"Input {node.name!r} was fitted on the columns {known}, got "
                    f"{column_names(value)}. Pass the same columns in the same order."
                )

    def _check_target(self, graph: Graph, feed: Feed) -> None:
        targets = [node for node in feed.values if isinstance(node, Target)]
        if len(targets) != 1:
            return
        (node,) = targets
        labels = feed.values[node]
        column = labels.ndim == 2 and labels.shape[1] == 1
        if column and not self.__sklearn_tags__().target_tags.multi_output:
            labels = feed.values[node] = column_or_1d(labels, warn=True)
        heads = self._heads()
        if len(heads) == 1 and heads[0] is not None and heads[0].tail:
            # The pipeline answers in the target's own units, so these are what it checks.
            if labels.dtype.kind == "f":
                assert_all_finite(labels, input_name="y")
            if self._kind() == "classifier":
                check_classification_targets(labels)

    def _run(
        self,
        graph: Graph,
        wanted: Sequence[Node],
        X: Any,
        y: Any = None,
        extra: Mapping[str, Any] | None = None,
        *,
        methods: Mapping[Step, str] | None = None,
        prune: bool = True,
    ) -> tuple[dict[Node, Any], Feed]:
        ready = self._ready_for(X, graph, wanted, methods, prune)
        return self._put_through(ready, X, y, extra)

    def _ready_for(
        self,
        X: Any,
        graph: Graph,
        wanted: Sequence[Node],
        methods: Mapping[Step, str] | None = None,
        prune: bool = True,
    ) -> Ready:
        """Prepare a run of the fitted pipeline that starts at what `X` holds."""
        given = fed_nodes(graph, X, methods, vars(self).get("steps_"))
        return self._ready(graph, wanted, methods, prune, given=given)

    def _ready(
        self,
        graph: Graph,
        wanted: Sequence[Node],
        methods: Mapping[Step, str] | None = None,
        prune: bool = True,
        work: type[Work] = Work,
        given: tuple[Node, ...] = (),
    ) -> Ready:
        """Prepare a run of the fitted pipeline, or find one that was prepared before."""
        if work is not Work:  # one that remembers from batch to batch is for one stream
            return self._prepared(graph, wanted, methods, prune, work)
        runs = self._compiled().runs_of(vars(self).get("steps_"))
        asked = tuple(wanted), prune, given, *(methods or {}).items()
        ready: Ready | None = runs.ready.get(asked)
        if ready is None or ready.graph is not graph:
            ready = self._prepared(graph, wanted, methods, prune, Work, given)
            runs.keep(asked, ready)
        return ready

    def _prepared(
        self,
        graph: Graph,
        wanted: Sequence[Node],
        methods: Mapping[Step, str] | None,
        prune: bool,
        work: type[Work],
        given: tuple[Node, ...] = (),
    ) -> Ready:
        planned = plan(graph, wanted, methods=methods, prune=prune, given=given)
        layers = self._fitted_layers(graph, planned)
        values = given_values(planned, graph, layers, vars(self).get("_shapes", {}))
        edge = replace(self._edge(graph, planned, fitting=False), given=values)
        # Streams have their own way of giving values.
        direct = leave_unwritten(planned) if prune and work is Work else planned
        return Ready(graph, wanted, planned, direct, edge, work(layers, graph))

    def _put_through(
        self, ready: Ready, X: Any, y: Any = None, extra: Mapping[str, Any] | None = None
    ) -> tuple[dict[Node, Any], Feed]:
        """Run on data."""
        feed = self._feed(ready.graph, ready.edge, X, y, extra or {}, fitting=False)
        return self._run_ready(ready, feed), feed

    def _run_ready(self, ready: Ready, feed: Feed) -> dict[Node, Any]:
        work = ready.work.anew()  # others may be running it at this moment
        work.rows = feed.rows
        # A store will ask what the rows were that it keeps outputs of.
        stored = vars(self).get("storage") is not None
        return self._run_work(ready, dict(feed.values) if stored else feed.values, work)

    def _run_work(self, ready: Ready, values: dict[Node, Any], work: Work) -> dict[Node, Any]:
        return run(ready.direct, values, work, n_jobs=self.n_jobs)

    def _fitted_layers(self, graph: Graph, planned: Plan) -> Mapping[str, Any]:
        fitted: Mapping[str, Any] = vars(self).get("steps_", {})
        layers = dict(fitted)
        for task in planned.tasks:
            if task.hands_on:  # which takes nothing that was learned
                continue
            source = task.step if task.step.state_of is None else task.step.state_of.step
            name = graph.names[source]
            if name in fitted:
                continue
            if is_stateful(source):
                raise NotFittedError(
                    f"This Pipeline instance is not fitted yet: step {name!r} has not learned "
                    "anything. Call 'fit' with appropriate arguments before using this "
                    "estimator."
                )
            layers[name] = source.layer
        return layers

    def _keep(
        self,
        layers: dict[str, Any],
        feed: Feed,
        shapes: dict[str, Any],
        keys: Mapping[str, str] | None = None,
    ) -> None:
        """Take over what a fit has learned, all at once, with the keys of it in the memory."""
        draft = self._draft()
        for name in ("n_features_in_", "feature_names_in_"):
            draft.__dict__.pop(name, None)
        if type(feed.table) is np.ndarray and feed.table.ndim == 2:
            draft.n_features_in_ = feed.table.shape[1]  # all that scikit-learn would learn of it
        elif feed.table is not None:
            validate_data(draft, feed.table, reset=True, skip_check_array=True)
        table_names = getattr(draft, "feature_names_in_", None)
        fed = [node for node in feed.values if isinstance(node, InputNode)]
        draft._columns = input_columns(fed, feed, table_names)
        draft._shapes = shapes
        draft._frame_columns = {
            str(node.name): column_names(value)
            for node, value in feed.values.items()
            if is_frame(value) and value is not feed.table
        }
        draft._learn(layers)
        if keys:
            draft._lineage = {name: (key, looks_of(layers[name])) for name, key in keys.items()}
        self._become(draft)

    def _learn(self, layers: dict[str, Any]) -> None:
        """Put fitted layers in the place of others, and forget what follows from those."""
        for name in ("_made_by", "_lineage", "_own_keys"):
            self.__dict__.pop(name, None)
        self.steps_ = Bunch(**layers)
        self._compiled().runs = None  # they would hold on to the layers of the fit before

    def _become(self, draft: Self) -> None:
        """Take over the state of a draft, which is given up."""
        # One assignment: an interruption comes before it or after it, never in between.
        self.__dict__ = draft.__dict__

    def _draft(self) -> Self:
        """Make another object of the same state, to work on until all has gone well."""
        draft = object.__new__(type(self))
        draft.__dict__.update(self.__dict__)
        return draft

    def _heads(self) -> list[Head | None]:
        try:
            return self._compiled().heads
        except (MegatronError, TypeError):  # as in _graph_or_none
            return []

    def _answers(self, head: Head | None, method: str) -> bool:
        if head is None:
            return False
        if head.tail and method == "score":
            return self._kind() in ("classifier", "regressor")
        if head.tail and method == "fit_predict":
            return False
        if method != "predict" and not head.only_inverses:
            return False
        name = self.graph.names[head.step]
        layer = vars(self).get("steps_", {}).get(name, head.step.layer)
        return hasattr(layer, method)

    def _one_head(self, method: str) -> tuple[Node, Head]:
        heads = self._heads()
        if len(heads) != 1 or heads[0] is None:
            raise GraphError(
                f"{method} needs a pipeline with one output, got {len(heads)}. Make a pipeline "
                "with the one output that you mean."
            )
        return self.graph.outputs[0], heads[0]

    def _kind(self) -> str | None:
        kind: str | None = self.__sklearn_tags__().estimator_type
        return kind

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container of `transform` and `fit_transform`.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            None changes nothing.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such container.

        Examples
        --------
        >>> import skmegatron as sm
        >>> X = sm.Input("X", columns=["age", "size"])
        >>> pipe = sm.Pipeline(X, sm.layers.Whiten()(X)).set_output(transform="pandas")
        >>> pipe.fit_transform({"age": [31, 45], "size": [1.6, 1.8]}).round(2)
           age  size
        0 -1.0  -1.0
        1  1.0   1.0
        """
        if transform is None:
            return self
        if transform not in ("default", "pandas", "polars"):
            raise ValueError(
                f"transform must be 'default', 'pandas' or 'polars', got {transform!r}."
            )
        self._sklearn_output_config = {"transform": transform}
        return self

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Any:
        """Name the columns of the output.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of ``X``, where `fit` saw none.

        Returns
        -------
        ndarray of str, of dtype object
            Over all outputs, where there are several.

        Examples
        --------
        >>> import skmegatron as sm
        >>> city = sm.Input("city")
        >>> pipe = sm.Pipeline(city, sm.layers.OneHotLabels()(city)).fit(["Rome", "Oslo", "Rome"])
        >>> pipe.get_feature_names_out()
        array(['city_Oslo', 'city_Rome'], dtype=object)
        """
        if not self.__sklearn_is_fitted__():  # a stateless pipeline needs none for transform
            raise NotFittedError(
                "This Pipeline instance is not fitted yet, so it has seen no columns. Call 'fit' "
                "before get_feature_names_out."
            )
        columns = {name: names for name, (_, names) in self._columns.items()}
        if input_features is not None and hasattr(self, "n_features_in_"):
            table_names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
            for name, (places, _) in self._columns.items():
                if places is not None:
                    columns[name] = table_names[places]
        elif input_features is not None:
            columns = renamed(columns, input_features)
        graph = self.graph
        found = node_columns(graph, graph.outputs, self.steps_, columns, self._shapes)
        names = [known_names(graph.node_names[node], found[node]) for node in graph.outputs]
        return np.concatenate(names)

    def _wrapped(self, wanted: Sequence[Node], values: dict[Node, Any], feed: Feed) -> Any:
        """Hand out the values asked for, in the container asked for."""
        config: Mapping[str, str] = vars(self).get("_sklearn_output_config", {})
        kind = config.get("transform", get_config()["transform_output"])
        graph = self.graph
        values = {node: released(values[node]) for node in wanted}
        if config or kind != "default":
            columns = {name: names for name, (_, names) in vars(self).get("_columns", {}).items()}
            shapes = vars(self).get("_shapes", {})
            layers = vars(self).get("steps_", {})
            names = node_columns(graph, wanted, layers, columns, shapes)
            values = {
                node: in_container(
                    kind, graph.node_names[node], values[node], names[node], _index(feed, node)
                )
                for node in wanted
            }
        if len(wanted) == 1:
            return values[wanted[0]]
        return Dataset(**{graph.node_names[node]: values[node] for node in wanted})

    def __sklearn_is_fitted__(self) -> bool:
        return "steps_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        graph = self._graph_or_none()
        return tags if graph is None else pipeline_tags(graph, tags)


def _index(feed: Feed, node: Node) -> Any:
    """Give the row index of a node's value."""
    if feed.index is None or node not in feed.rows:
        return feed.index
    return feed.index[feed.rows[node]]


def looks_of(layer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Note which objects a fitted layer, and the estimator in it, consist of.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    tuple of (dict, dict)
    """
    attributes = attributes_of(layer)
    inner = attributes.get("estimator_")
    return attributes, attributes_of(inner) if hasattr(inner, "__dict__") else {}
