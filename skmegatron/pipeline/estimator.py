"""Pipeline: the graph as an estimator that can be fitted and saved.

`fit` runs the plan on clones of the layers, and only when all went well keeps them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from sklearn import get_config
from sklearn.callback import with_callbacks
from sklearn.utils.metaestimators import available_if

from skmegatron.engine.domains import changed, check_domains
from skmegatron.engine.feed import Feed
from skmegatron.engine.plan import Plan, Task, plan
from skmegatron.engine.run import Fit
from skmegatron.errors import GraphError
from skmegatron.io.tables import released
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.artefacts import save_pipeline
from skmegatron.pipeline.holding import (
    alike,
    check_holding,
    cut,
    groups_apart,
    inputs_held_out,
    members_of,
    takers,
    weights_by_name,
)
from skmegatron.pipeline.intake import Unfitted, validate_layers, warn_unused
from skmegatron.pipeline.leakage import Leak, nested_leaks, warn_of
from skmegatron.pipeline.offering import gives_values, offers
from skmegatron.pipeline.running import Edge
from skmegatron.pipeline.signature import shows_inputs
from skmegatron.pipeline.streams import Streams
from skmegatron.pipeline.warmth import cool_down, warm_layers
from skmegatron.pipeline.watching import Watch
from skmegatron.visuals import pipeline_html


class Pipeline(Streams):
    """A graph of layers as a scikit-learn estimator.

    Parameters
    ----------
    inputs : Node or list of Node
        Where data enters: `Input` and `Target` nodes.
    outputs : Node or list of Node
        What the pipeline gives. One output gives an array, several a `Dataset`.
    metrics : MetricNode or list of MetricNode, default=()
        What `evaluate` computes. Where none are given, the metrics attached to the
        graph's nodes are used.
    explorers : ExploreNode or list of ExploreNode, default=()
        What `explore` computes; found as metrics are.
    name, version : str, default=None
        Under which the pipeline is saved.
    storage : str, path-like, connection, engine or Store, default=None
        Where `transform` and `transform_generator` keep outputs: a database URL, a DB-API or
        DuckDB connection, a SQLAlchemy engine, a folder, or any object with the methods of
        `skmegatron.io.Store`. ``pipeline.storage`` is then the opened
        `skmegatron.io.DataStore`.
    overwrite : bool, default=False
        Whether the first write drops what the store holds under this name and version.
    memory : str, path-like, MemoryCache, FolderCache, joblib.Memory or Cache, default=None
        Where what has been learned and computed is kept, so that a search runs each distinct
        step once: a folder, a cache of this process, or any object with ``get`` and ``put``.
        ``pipeline.memory`` is then the opened cache, with its ``stats()``.
    n_jobs : int, default=None
        How many independent steps run at once, in threads: what numpy and scikit-learn compute
        lets go of Python's lock. None means 1, or what ``joblib.parallel_config`` says, -1 all
        cores; ``joblib.parallel_config(backend="loky")`` runs them in processes. What comes out,
        errors included, does not depend on it. Batches (`partial_fit`, `fit_generator`,
        `transform_generator`) go through one step after the other.
    verbose : bool, default=False
        Whether to print each step's name and time while fitting.

    Attributes
    ----------
    steps_ : Bunch of str to layer
        Fitted layers by step name.
    n_features_in_ : int
        Number of columns of ``X`` seen in `fit`. Only where it was one array or table.
    feature_names_in_ : ndarray of str
        Names of those columns. Only where they are all strings.
    classes_ : ndarray of shape (n_classes,)
        Labels that the output's classifier knows, in the units of the target.

    Notes
    -----
    Once fitted, a mapping may hold the value of a step under the step's name, as `transform`
    gives it with ``outputs=``. Only what lies below is run then, and only inputs that are still
    read must be fed. Such a value wins over computing it.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> features = sm.layers.Concatenate()([sm.layers.Sklearn(PCA(2))(X), sm.layers.Whiten()(X)])
    >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(LogisticRegression())(features, y=y))
    >>> data, labels = load_iris(return_X_y=True)
    >>> pipe.set_params(pca__n_components=3).fit(data, labels).score(data, labels) > 0.9
    True
    >>> middle = pipe.transform(data, outputs=["concatenate"])
    >>> bool((pipe.predict({"concatenate": middle}) == pipe.predict(data)).all())
    True
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        metrics: Any = (),
        explorers: Any = (),
        name: str | None = None,
        version: str | float | None = None,
        storage: Any = None,
        overwrite: bool = False,
        memory: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.metrics = metrics
        self.explorers = explorers
        self.name = name
        self.version = version
        self.storage = storage  # read as an attribute, it is the opened store
        self.overwrite = overwrite
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose

    @property
    def path(self) -> list[Node]:
        """Inputs and transformation nodes, each after what it needs.

        Examples
        --------
        >>> import skmegatron as sm
        >>> a, b = sm.Input("a"), sm.Input("b")
        >>> sm.Pipeline([a, b], (a + b) * 2).path
        [Input('a'), Input('b'), <TransformationNode Add of 'a', 'b'>, <TransformationNode
        ScalarMultiply of '...'>]
        """
        return list(self.graph.path)

    @property
    def nodes(self) -> dict[str, list[Node]]:
        """The graph's nodes by type: input, transformation, metric and explorer.

        Examples
        --------
        >>> import skmegatron as sm
        >>> y, guess = sm.Target("y"), sm.Input("guess")
        >>> r2 = sm.metrics.R2()([y, guess], "r2")
        >>> {kind: len(nodes) for kind, nodes in sm.Pipeline([y, guess], guess).nodes.items()}
        {'input': 2, 'transformation': 0, 'metric': 1, 'explorer': 0}
        """
        return self.graph.nodes

    @property
    def eager(self) -> bool:
        """Whether the graph was drawn on eager nodes.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")([1.0, 2.0])
        >>> sm.Pipeline(x, sm.layers.Whiten()(x)).eager
        True
        """
        return any(node.eager for node in self.graph.path)

    @property
    def takes_validation(self) -> bool:
        """Whether a step can use the rows that a fit holds out.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.ensemble import HistGradientBoostingRegressor
        >>> from sklearn.linear_model import Ridge
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> models = Ridge(), HistGradientBoostingRegressor(early_stopping=True)
        >>> [sm.Pipeline([X, y], sm.layers.Sklearn(m)(X, y=y)).takes_validation for m in models]
        [False, True]
        """
        graph = self._graph_or_none()
        return graph is not None and bool(takers(plan(graph, (), fit=True)))

    @shows_inputs
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        validation_data: Any = None,
        validation_split: float | None = None,
        warm_start: str | Sequence[str] | None = None,
        **fit_only: Any,
    ) -> Self:
        """Fit every step that learns.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
            An array or table of shape (n_rows, ...), or the inputs by name.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            For the `Target`; a mapping where there are several.
        validation_data : tuple of (X, y) or (X, y, sample_weight), default=None
            Held-out data. It goes through the steps fitted on `X`, and reaches the steps that
            can use it, as for early stopping: `HistGradientBoostingClassifier` and its like,
            XGBoost, LightGBM, CatBoost, and layers with ``takes_validation``. The weights
            feed the input that such steps read as ``sample_weight=``.
        validation_split : float, default=None
            Fraction of the rows to hold out of `X` instead, the same ones every time:
            whole groups where a step reads ``groups=``, or where ``groups=values`` is passed
            here; else, for a classifier, with the same share of each class.
        warm_start : str or list of str, default=None
            Names of steps that go on from what they have learned, where their estimators have
            the parameter ``warm_start``; the others are fitted anew. A step whose own
            ``warm_start`` is True always goes on.
        **fit_only : array-like of shape (n_rows,)
            Inputs that only fitting reads, by name: ``sample_weight=w``.

        Returns
        -------
        self

        Raises
        ------
        GraphError
            If the graph cannot be run.
        MissingInputError
            If something is not fed.
        ShapeError
            If something has the wrong shape.
        ValueError
            If a mapping holds the value of a step, which only predictions start from; if no step
            can use the held-out data, or it cannot be cut off; if a step is to go on that cannot.
        TypeError
            If a layer is drawn with a keyword that its ``fit`` does not take.

        Examples
        --------
        >>> import numpy as np, skmegatron as sm
        >>> from sklearn.linear_model import Ridge
        >>> X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("sample_weight")
        >>> pipe = sm.Pipeline([X, y, w], sm.layers.Sklearn(Ridge())(X, y=y, sample_weight=w))
        >>> data, labels = np.array([[0.0], [1.0], [2.0]]), [0.0, 1.0, 9.0]
        >>> pipe.fit(data, labels, sample_weight=[1.0, 1.0, 0.0]).coef_.round(2)
        array([0.33])
        """
        validation = validation_data, validation_split
        self._fit(X, y, fit_only, validation=validation, warm_start=warm_start)
        return self

    @shows_inputs
    @available_if(gives_values)
    @with_callbacks
    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        *,
        validation_data: Any = None,
        validation_split: float | None = None,
        **fit_only: Any,
    ) -> Any:
        """Fit, and give the outputs for the same data.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        validation_data : tuple of (X, y) or (X, y, sample_weight), default=None
        validation_split : float, default=None
        **fit_only : array-like of shape (n_rows,)
            As in `fit`.

        Returns
        -------
        array of shape (n_rows, ...) or Dataset
            A step with ``cv=`` gives its out-of-fold values. With `validation_split`, what
            `transform` gives for all rows of `X`, those held out among them. Rows that a
            `TrainOnly` layer changes are there to learn from: outputs behind it are what
            `transform` gives after the fit.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> sm.Pipeline(x, sm.layers.Whiten()(x)).fit_transform([1.0, 3.0])
        array([-1.,  1.])
        """
        outputs, validation = self.graph.outputs, (validation_data, validation_split)
        later = changed(outputs)
        now = [node for node in outputs if node not in later]
        values, feed = self._fit(X, y, fit_only, now, validation=validation)
        if later:
            _, drawn = groups_apart(self.graph, fit_only)
            more, behind = self._run(self.graph, later, X, y, drawn)
            values |= more
            behind.rows = {**feed.rows, **behind.rows}
            feed = behind
        return self._wrapped(outputs, values, feed)

    @shows_inputs
    @available_if(offers("fit_predict"))
    @with_callbacks
    def fit_predict(self, X: Any, y: Any = None, **fit_only: Any) -> Any:
        """Fit, and label the same data with ``fit_predict`` of the output's step.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
        y : array-like of shape (n_rows,), default=None
        **fit_only : array-like of shape (n_rows,)
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_rows,)

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.cluster import DBSCAN
        >>> X = sm.Input("X", shape=(None,))
        >>> groups = sm.layers.Sklearn(DBSCAN(min_samples=2))(X)
        >>> sm.Pipeline(X, groups).fit_predict([[1.0], [1.1], [9.0]])
        array([ 0,  0, -1])
        """
        output, head = self._one_head("fit_predict")
        if changed([output]):
            if not self._answers(head, "predict"):
                raise GraphError(
                    f"Step {self.graph.names[head.step]!r} labels only the rows that it is fitted "
                    "on, and a step above it changes these. Use an estimator with predict, or "
                    "pass it nodes whose rows nobody changes."
                )
            self._fit(X, y, fit_only)
            return self.predict(X)
        values, _ = self._fit(X, y, fit_only, (output,), methods={head.step: "fit_predict"})
        return released(values[output])

    def _fit(
        self,
        X: Any,
        y: Any,
        fit_only: Mapping[str, Any],
        wanted: Sequence[Node] = (),
        methods: Mapping[Step, str] | None = None,
        validation: tuple[Any, Any] = (None, None),
        warm_start: str | Sequence[str] | None = None,
    ) -> tuple[dict[Node, Any], Feed]:
        graph = self._valid_graph()
        validate_layers(graph)
        warm = warm_layers(graph, warm_start, vars(self).get("steps_", {}))
        warn_unused(graph)
        warn_of(self._compiled().leaks)
        watch = Watch(graph)
        # What is cut off gets its values from the fitted pipeline, like all other rows then.
        validation_data, fraction = validation
        cuts = fraction is not None
        now = [*(() if cuts else wanted), *watch.reads]
        planned = plan(graph, now, fit=True, methods=methods)
        check_domains(planned, graph)
        check_holding(planned, validation_data, fraction)
        by, fit_only = groups_apart(graph, fit_only) if cuts else (None, fit_only)
        edge = self._edge(graph, planned, fitting=True)
        whole = feed = self._feed(graph, edge, X, y, fit_only, fitting=True)
        held_out = None
        if cuts:
            classifier = self._kind() == "classifier"
            feed, held_out = cut(graph, planned, whole, fraction, by, classifier=classifier)
        elif validation_data is not None:
            held_out = self._held_out(graph, planned, feed, validation_data)
        layers = Unfitted(graph, warm)
        work = Fit(layers, graph, held_out)
        work.warm = warm
        if not wanted:
            whole = feed  # nobody else holds on to all rows while the others are learned from
        values, learned = self._run_fit(planned, feed.handed_over(), work, self._observer)
        watch.look(values)
        warn_of(watch.held_out())
        cool_down(graph, layers, warm)
        fed = {graph.node_names[n]: np.shape(value)[1:] for n, value in feed.values.items()}
        self._keep(layers.whole(), feed, {**fed, **work.shapes}, learned)
        if cuts and wanted:
            return self._run_ready(self._ready(graph, wanted), whole), whole
        feed.rows = work.rows
        return values, feed

    def _held_out(
        self, graph: Graph, planned: Plan, feed: Feed, validation_data: Any
    ) -> dict[Node, Any]:
        """Bind validation data to the inputs that somebody asks for."""
        X, y, weights = members_of(validation_data)
        named = weights_by_name(graph, planned, weights)
        edge = Edge(inputs_held_out(graph, planned, X, named), graph.data_inputs)
        held_out = self._feed(graph, edge, X, y, named, fitting=True)
        return alike(feed, held_out)

    def check_leakage(self, X: Any = None) -> list[Leak]:
        """List the ways by which labels, or rows that are held out, would get into a score.

        `fit` warns of them.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like, default=None
            Rows that a score is to be made on: tells whether a frozen step has learned any.

        Returns
        -------
        list of Leak
            Each with its ``kind``, ``node``, ``path``, ``message`` and ``mend``. None are found
            in what happens outside of the graph, or inside of an estimator or a function.

        Raises
        ------
        GraphError
            If the graph cannot be run.
        NotFittedError
            If `X` is given, and a step above a frozen one is not fitted.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.linear_model import LogisticRegression, Ridge
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> first = sm.layers.Sklearn(Ridge())(X, y=y)
        >>> last = sm.layers.Sklearn(LogisticRegression())(first, y=y)
        >>> [leak] = sm.Pipeline([X, y], last).check_leakage()
        >>> leak.kind, leak.node
        ('in-sample', 'ridge')
        >>> leak.path
        ('ridge', 'logisticregression')
        """
        graph = self._valid_graph()
        leaks = [*self._compiled().leaks, *nested_leaks(graph)]
        watch = Watch(graph)
        if X is not None and watch.reads:
            watch.look(self._run(graph, watch.reads, X)[0])
            leaks += watch.shared()
        return leaks

    def _observer(self, planned: Plan) -> Callable[[Task, Any], AbstractContextManager[Any]]:
        """Tell callbacks, and whoever asked for `verbose`, about each step."""
        context = self._init_callback_context(max_subtasks=len(planned.tasks))
        context.call_on_fit_task_begin(estimator=self)
        left = len(planned.tasks)
        if not left:
            context.call_on_fit_task_end(estimator=self)

        @contextmanager
        def observe(task: Task, layer: Any) -> Iterator[None]:
            nonlocal left
            inner = context.subcontext(task_name=f"fit-{task.name}")
            begin = time.perf_counter()
            if task.fit and hasattr(layer, "observed_by"):
                with layer.observed_by(self, inner):
                    yield
            else:
                inner.call_on_fit_task_begin(estimator=self)
                yield
                inner.call_on_fit_task_end(estimator=self)
            left -= 1
            if self.verbose:
                seconds = time.perf_counter() - begin
                place = f"step {len(planned.tasks) - left} of {len(planned.tasks)}"
                print(f"[Pipeline] ({place}) {task.name}, total={seconds:6.1f}s")
            if not left:
                context.call_on_fit_task_end(estimator=self)

        return observe

    def _repr_html_(self) -> str:
        graph = self._graph_or_none()
        return f"<pre>{self!r}</pre>" if graph is None else pipeline_html(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if get_config()["display"] == "diagram":
            bundle["text/html"] = self._repr_html_()
        return bundle

    def save(
        self, save_dir: str | os.PathLike[str], format: Literal["joblib", "skops"] = "joblib"
    ) -> Path:
        """Write the pipeline, with what it has learned, to a file.

        Parameters
        ----------
        save_dir : path-like
            Folder; made where it is missing.
        format : {"joblib", "skops"}, default="joblib"
            A joblib file holds anything, and loading it runs code: for those who trust you. A
            skops file holds types by name, and whoever reads it says which of them are built. It
            holds no code, no `storage` and no `memory`.

        Returns
        -------
        Path
            ``save_dir/name-version.pkl``, or ``save_dir/name.pkl`` without a version; a skops
            file ends in ``.skops``.

        Raises
        ------
        ValueError
            If the pipeline has no name, or one that cannot be a file's; or if it is to be a skops
            file, and holds code that cannot be imported by its name. No file is written then.
        MissingDependencyError
            If it is to be a skops file, and skops is not installed.

        Examples
        --------
        >>> import tempfile
        >>> import skmegatron as sm
        >>> age = sm.Input("age")
        >>> pipe = sm.Pipeline(age, sm.layers.Whiten()(age), name="ages").fit([31, 45])
        >>> sm.load_pipeline(pipe.save(tempfile.mkdtemp())).transform([45])
        array([1.])
        """
        if not self.name or not isinstance(self.name, str):
            named = f"has the name {self.name!r}, no text" if self.name else "has no name"
            raise ValueError(
                f"save names the file after the pipeline, which {named}. Pass "
                "Pipeline(..., name='digits'), or use joblib.dump(pipeline, path)."
            )
        stem = self.name if self.version is None else f"{self.name}-{self.version}"
        if Path(stem).name != stem or "\0" in stem:
            raise ValueError(
                f"The name and version make {stem!r}, which is no plain file name. Choose a "
                "name without path separators."
            )
        self._fingerprint()  # saved, so that all who load the file find the same rows
        return save_pipeline(self, save_dir, stem, format)
