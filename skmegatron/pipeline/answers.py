"""What a fitted pipeline answers: values, predictions, scores, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skmegatron.errors import MissingInputError, ShapeError
from skmegatron.io.dataset import Dataset
from skmegatron.io.tables import released
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step, TransformationNode
from skmegatron.pipeline.alignment import is_aligned, misaligned
from skmegatron.pipeline.measuring import Measuring
from skmegatron.pipeline.middle import fed_nodes, wanted_nodes
from skmegatron.pipeline.offering import offers, transforms
from skmegatron.pipeline.storing import row_keys
from skmegatron.pipeline.targets import in_shape, target_of


def _undoes(pipeline: Answers) -> bool:
    if pipeline._way_back() is None:
        raise AttributeError(
            "inverse_transform goes back from one output, through steps that each read one node "
            "and can be undone. Draw node.inverse(prediction) to go back through one step."
        )
    return True


class Answers(Measuring):
    """The methods of a pipeline that change nothing."""

    @available_if(transforms)
    def transform(
        self,
        X: Any,
        index_field: str | None = None,
        prune: bool = True,
        outputs: Any = None,
        cached: bool = False,
    ) -> Any:
        """Give the outputs for data, and keep them where the pipeline has a `storage`.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
        index_field : str, default=None
            Name of the key or column of `X` that holds the keys of the rows. None takes the
            index of a pandas frame, else the numbers of the rows.
        prune : bool, default=True
            Whether to let go of each intermediate value at its last reader. False keeps
            all until the end, where a debugger finds them after an error.
        outputs : str, Node or list of them, default=None
            Give these values instead: names of steps or inputs, or nodes. The name of a step
            that gives several values stands for all of them. They are not kept.
        cached : bool, default=False
            Whether to compute only the rows that the store does not hold for this fitted
            state and this content of the row, and to read the others from it.

        Returns
        -------
        array of shape (n_rows, ...) or Dataset
            A `Dataset` keyed by node name where there are several outputs.

        Raises
        ------
        ValueError
            If `index_field` or `cached` is given and there is no storage, or with `outputs`;
            if two rows have one key; if `cached` is given and the value of a step is fed.
        GraphError
            If there is no node that `outputs` names.
        MissingInputError
            If an input that the run reads is not fed.
        ShapeError
            If what is fed has another shape than its input declares, or than its step gave.
        SchemaError
            If the store holds other outputs under this name and version.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> doubled = sm.layers.ScalarMultiply(2)(x, "doubled")
        >>> pipe = sm.Pipeline(x, sm.layers.ScalarMultiply(10)(doubled, "result"))
        >>> pipe.transform([1, 2])
        array([20, 40])
        >>> pipe.transform([1, 2], outputs=["doubled"])
        array([2, 4])
        >>> pipe.transform({"doubled": [3]})
        array([30])
        """
        graph = self._valid_graph()
        self._check_stores(index_field=index_field, cached=cached)
        if outputs is not None:
            if cached or index_field is not None:
                raise ValueError(
                    "Values asked for with outputs= are not stored, so cached= and index_field= "
                    "say nothing about them. Leave them out."
                )
            wanted = wanted_nodes(graph, outputs)
            try:
                values, feed = self._run(graph, wanted, X, prune=prune)
            except MissingInputError as error:
                graph.note_fit_only(error, wanted)
                raise
            return self._wrapped(wanted, values, feed)
        given = fed_nodes(graph, X)
        if given and cached:
            names = [graph.node_names[node] for node in given]
            raise ValueError(
                f"cached=True finds rows by what was fed to the inputs, and {names} are fed as "
                "values of steps. Leave cached= out, or feed the inputs."
            )
        ready, place = self._ready_and_place(graph, prune=prune, given=given)
        feed = self._feed(graph, ready.edge, X, None, {}, fitting=False)
        if place is None:
            values = self._run_ready(ready, feed)
        else:
            keys = row_keys(X, feed, index_field)
            keep = self._through_store if cached else self._run_and_store
            values = keep(place, ready, keys, feed)
        return self._wrapped(graph.outputs, values, feed)

    @available_if(offers("predict"))
    def predict(self, X: Any) -> Any:
        """Predict with the output's step, in the units of the output.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs), or Dataset

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> size, kind = sm.Input("size", shape=(1,)), sm.Target("kind")
        >>> guess = sm.layers.Sklearn(DecisionTreeClassifier())(size, y=kind)
        >>> pipe = sm.Pipeline([size, kind], guess)
        >>> pipe.fit([[1.0], [2.0], [8.0]], ["small", "small", "large"]).predict([[1.5], [9.0]])
        array(['small', 'large'], dtype='<U5')
        """
        return self._respond("predict", X)

    @available_if(offers("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Give the probability of each class in `classes_`.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like

        Returns
        -------
        ndarray of shape (n_rows, n_classes), or Dataset

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.naive_bayes import GaussianNB
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(GaussianNB())(X, y=y))
        >>> pipe.fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).predict_proba([[1.5]])
        array([[0.5, 0.5]])
        """
        return self._respond("predict_proba", X)

    @available_if(offers("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Give the logarithm of the probability of each class in `classes_`.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like

        Returns
        -------
        ndarray of shape (n_rows, n_classes), or Dataset

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.naive_bayes import GaussianNB
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(GaussianNB())(X, y=y))
        >>> pipe = pipe.fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
        >>> pipe.predict_log_proba([[1.5]]).round(2)
        array([[-0.69, -0.69]])
        """
        return self._respond("predict_log_proba", X)

    @available_if(offers("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Give the confidence of the output's step.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes), or Dataset

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.svm import LinearSVC
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(LinearSVC())(X, y=y))
        >>> pipe = pipe.fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
        >>> pipe.decision_function([[-1.0], [3.0]]) > 0
        array([False,  True])
        """
        return self._respond("decision_function", X)

    @available_if(offers("score_samples"))
    def score_samples(self, X: Any) -> Any:
        """Give the output step's score of each row, such as its likelihood.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like

        Returns
        -------
        ndarray of shape (n_rows,), or Dataset

        Examples
        --------
        >>> import numpy as np, skmegatron as sm
        >>> from sklearn.neighbors import KernelDensity
        >>> X = sm.Input("X", shape=(None,))
        >>> pipe = sm.Pipeline(X, sm.layers.Sklearn(KernelDensity())(X)).fit([[0.0], [0.2], [0.1]])
        >>> near, far = pipe.score_samples([[0.1], [5.0]])
        >>> bool(near > far)
        True
        """
        return self._respond("score_samples", X)

    def _respond(self, method: str, X: Any) -> Any:
        compiled = self._compiled()
        compiled.validate(self._get_param_names)
        graph, answers = compiled.graph, {}
        for output, head in zip(graph.outputs, compiled.heads, strict=True):
            assert head is not None  # or the method would not be there
            node = output if method == "predict" else head.node
            methods = {head.step: method}
            values, feed = self._run(graph, [node], X, methods=methods)
            if not is_aligned(feed, node, values[node]):
                raise self._misaligned([node], X, None, method, methods)
            answer = released(values[node])
            target = target_of(node)
            if target is not None:
                answer = in_shape(answer, vars(self).get("_shapes", {}).get(target.name))
            answers[graph.node_names[output]] = answer
        return Dataset(**answers) if len(answers) > 1 else next(iter(answers.values()))

    def _misaligned(
        self,
        wanted: Sequence[Node],
        X: Any,
        y: Any,
        method: str,
        methods: Mapping[Step, str] | None = None,
    ) -> ShapeError:
        """Run again, keeping every value, to see which step gave other rows than it took."""
        ready = self._ready(self.graph, wanted, methods, prune=False)
        values, _ = self._put_through(ready, X, y)
        return misaligned(ready.planned, values, ready.work.layers, method)

    @available_if(offers("score"))
    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Score the output's step on data.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            In the units of the target.
        sample_weight : array-like of shape (n_rows,), default=None

        Returns
        -------
        float
            What the estimator's own ``score`` gives; accuracy or R2 in the target's units
            where the output is an ``inverse`` of the predictions.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(DecisionTreeClassifier())(X, y=y))
        >>> pipe = pipe.fit([[1.0], [2.0], [8.0]], ["small", "small", "large"])
        >>> pipe.score([[1.5], [7.0], [9.0], [2.0]], ["small", "large", "large", "large"])
        0.75
        """
        head = self._one_head("score")[1]
        if y is None and isinstance(X, Mapping):
            y = next((X[node.name] for node in self.graph.targets if node.name in X), None)
        if head.tail:
            mixin = ClassifierMixin if self._kind() == "classifier" else RegressorMixin
            return float(mixin.score(self, X, y, sample_weight))
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        labels = head.step.fit_only.get("y")
        wanted = [*head.step.inbound_nodes, *([] if labels is None else [labels])]
        values, feed = self._run(self._valid_graph(), wanted, X, y)
        if not all(is_aligned(feed, node, values[node]) for node in wanted):
            raise self._misaligned(wanted, X, y, "score")
        arrays = [values[node] for node in head.step.inbound_nodes]
        y = y if labels is None else values[labels]
        layer = self.steps_[self.graph.names[head.step]]
        return float(layer.score(*arrays, y=y, **weights))

    @available_if(_undoes)
    def inverse_transform(self, X: Any) -> Any:
        """Go back from the output to the input.

        Exists where each step on the way has one inbound node and ``inverse_transform``.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns_out)

        Returns
        -------
        array of shape (n_rows, ...)

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.preprocessing import MinMaxScaler, StandardScaler
        >>> X = sm.Input("X", shape=(None,))
        >>> both = sm.layers.Sklearn(MinMaxScaler())(sm.layers.Sklearn(StandardScaler())(X))
        >>> pipe = sm.Pipeline(X, both).fit([[10.0], [20.0], [30.0]])
        >>> pipe.inverse_transform([[0.0], [1.0]])
        array([[10.],
               [30.]])
        """
        check_is_fitted(self)
        for step in self._way_back() or ():
            X = self.steps_[self.graph.names[step]].inverse_transform(X)
        return X

    def _way_back(self) -> list[Step] | None:
        """List the steps from the only output back to an input, if each can be undone."""
        graph = self._graph_or_none()
        if graph is None or len(graph.outputs) != 1:
            return None
        steps: list[Step] = []
        node: Node = graph.outputs[0]
        while isinstance(node, TransformationNode):
            step = node.step
            if node.handed_on is not None:
                node = node.handed_on
                continue
            if len(step.inbound_nodes) != 1 or not hasattr(step.layer, "inverse_transform"):
                return None
            steps.append(step)
            node = step.inbound_nodes[0]
        return steps or None
