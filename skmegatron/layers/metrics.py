"""Metrics: measurements that belong to the graph and run only when asked.

`Metric` attaches any function. The others are the functions of `sklearn.metrics` under the
names that Keras users look for; all that they add is to read what nodes hold. Labels,
one-hot columns and probabilities say the same thing in different shapes, so they are
brought to the one shape that the function takes, by these rules:

- One column is a plain row of values.
- Two or more columns of floats, or of 0 and 1 with a single 1 per row, are one column per
  class, and the largest wins. Any other columns of 0 and 1 are several labels per row.
- A plain row of floats with fractions is the probability of the second of two classes.
- Column i is the class i, unless ``classes=`` lists what the columns stand for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, TypeAlias

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import metrics as skm
from sklearn.utils import assert_all_finite

from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.io.saving import Portable
from skmegatron.io.tables import column_names, is_frame, select_block
from skmegatron.layers.core import Layer
from skmegatron.nodes.core import ExploreNode, MetricNode, Node, Step

#: Of each node that is measured: its name, and the names of its columns where known.
NodeNames: TypeAlias = Sequence[tuple[str, Sequence[str] | None]] | None


class Measurement(Layer):
    """Base of what looks at nodes without changing them: metrics and explorers.

    A subclass defines `evaluate`, which measures whole arrays. Data that comes in batches
    goes through `start`, `update` and `finish`; the state in between is an object of its
    own, so the layer can measure several things at a time. Here the state is the batches,
    which is right for any measurement and grows with the rows; those that can do with less
    define the three methods.
    """

    stateful = False
    _node_type: type[MetricNode | ExploreNode] = MetricNode

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        return self._node_type(Step(self, inbound, fit_only, name if name is None else str(name)))

    def evaluate(self, *arrays: Any, **named: Any) -> Any:
        """Measure whole arrays.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            One for each node of the call.
        **named : array-like of shape (n_rows,)
            One for each node given by keyword.

        Returns
        -------
        object

        Raises
        ------
        NotImplementedError
            If the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define evaluate(self, *arrays).")

    def transform(self, *arrays: Any) -> Any:
        """Measure whole arrays, as `evaluate` does.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        object
        """
        return self.evaluate(*arrays)

    def start(self, names: NodeNames = None) -> Any:
        """Make the state of one measurement.

        Parameters
        ----------
        names : sequence of (str, sequence of str or None), default=None
            Name of each node, and of its columns, for results that show them.

        Returns
        -------
        state
        """
        return []

    def update(self, state: Any, *arrays: Any, **named: Any) -> Any:
        """Take in one batch.

        Parameters
        ----------
        state : state
            From `start` or `update`; not to be used again.
        *arrays : array-like of shape (n_rows, ...)
        **named : array-like of shape (n_rows,)

        Returns
        -------
        state
        """
        state.append((arrays, named))
        return state

    def finish(self, state: Any) -> Any:
        """Give the result for all batches.

        Parameters
        ----------
        state : state

        Returns
        -------
        object
            What `evaluate` gives for the batches put together.

        Raises
        ------
        ValueError
            If no batch came.
        """
        if not state:
            raise ValueError(f"{self!r} has nothing to measure: no batch came.")
        arrays = [_rows_together(parts) for parts in zip(*(a for a, _ in state), strict=True)]
        named = {key: _rows_together([kw[key] for _, kw in state]) for key in state[0][1]}
        return self.evaluate(*arrays, **named)


class Metric(Measurement):
    """Attach a function of the values of nodes to the graph.

    Called by ``pipeline.evaluate``, and by nothing else.

    Parameters
    ----------
    metric_fn : callable
        Takes one array per node, and the keyword arguments; usually
        ``metric_fn(y_true, y_pred)``.
    **kwargs
        Keyword arguments for `metric_fn`. They are hyperparameters.

    Notes
    -----
    A lambda or a function defined in ``__main__`` is saved by value, with its code.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import accuracy_score
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> pred = sm.layers.Sklearn(LogisticRegression())(X, y=y)
    >>> acc = sm.metrics.Metric(accuracy_score)([y, pred], "acc")
    >>> pipe = sm.Pipeline([X, y], pred, metrics=[acc])
    >>> data, labels = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    >>> pipe.fit(data, labels).evaluate(data, labels)
    {'acc': 1.0}
    """

    metric_fn: Callable[..., Any]

    def __init__(self, metric_fn: Callable[..., Any], **kwargs: Any) -> None:
        self.metric_fn = metric_fn
        self.kwargs = kwargs

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, keyword arguments included.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: there is nothing nested.

        Returns
        -------
        dict
        """
        return {**super().get_params(deep=False), **self.kwargs}

    def set_params(self, **params: Any) -> Self:
        """Set parameters or keyword arguments.

        Parameters
        ----------
        **params
            A keyword that the metric does not have yet is added.

        Returns
        -------
        self
        """
        explicit = [name for name in params if name in self._get_param_names()]
        super().set_params(**{name: params.pop(name) for name in explicit})
        self.kwargs = {**self.kwargs, **params}
        return self

    def evaluate(self, *arrays: Any, **named: Any) -> Any:
        """Call the function.

        Parameters
        ----------
        *arrays : ndarray of shape (n_rows, ...)
        **named : ndarray of shape (n_rows,)
            Further arguments that are data, such as ``sample_weight``.

        Returns
        -------
        whatever the function returns, usually a float
        """
        return self.metric_fn(*arrays, **named, **self.kwargs)

    def __getstate__(self) -> dict[str, Any]:
        by_value = ("metric_fn", "kwargs")
        return {k: Portable(v) if k in by_value else v for k, v in vars(self).items()}

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        label = getattr(self.metric_fn, "__name__", None) or repr(self.metric_fn)
        return f"{type(self).__name__}({label})"


class ReadyMetric(Metric):
    """Base of the metrics that call a function of `sklearn.metrics`.

    A subclass names the function as `metric_fn`, and its `_read` says how what the nodes
    hold becomes what that function takes.

    Parameters
    ----------
    **kwargs
        Keyword arguments of the function.
    """

    def __init__(self, **kwargs: Any) -> None:
        unknown = self._unknown(kwargs)
        if unknown:
            raise TypeError(unknown)
        self.kwargs = kwargs

    def set_params(self, **params: Any) -> Self:
        """Set parameters or keyword arguments of the scikit-learn function.

        Parameters
        ----------
        **params

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the function has no such keyword.
        """
        unknown = self._unknown(params)
        if unknown:
            raise ValueError(unknown)
        return super().set_params(**params)

    def _unknown(self, params: dict[str, Any]) -> str | None:
        """Word the error for keywords that the function does not have."""
        of_function = set(self._keywords()) - {"sample_weight"}
        unknown = sorted(set(params) - of_function - set(self._get_param_names()))
        if not unknown:
            return None
        name = type(self).__name__
        if unknown == ["sample_weight"]:
            return (
                f"sample_weight is data: draw weight = sm.Input('weight') and write "
                f"{name}()(y_true, y_pred, sample_weight=weight)."
            )
        valid = ", ".join(sorted({*of_function, *self._get_param_names()})) or "none"
        return (
            f"{name} has no parameter {unknown[0]!r}. It takes those of "
            f"sklearn.metrics.{self.metric_fn.__name__}: {valid}."
        )

    def _keywords(self) -> list[str]:
        parameters = list(inspect.signature(self.metric_fn).parameters.values())
        return [p.name for p in parameters[2:] if p.default != "deprecated"]

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        surplus = set(fit_only) - {"sample_weight"} & set(self._keywords())
        if len(inbound) != 2 or surplus:
            given = f"{len(inbound)} nodes" + "".join(f" and {key}=" for key in sorted(surplus))
            raise NodeTypeError(
                f"{type(self).__name__} compares two nodes, got {given}. Write "
                f"{type(self).__name__}()(y_true, y_pred), what is true first."
            )
        return super()._draw(inbound, fit_only, name)

    def evaluate(self, *arrays: Any, **named: Any) -> Any:
        """Compare what is true with what was predicted.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows,) or (n_rows, n_columns)
            Two: what is true, and what was predicted.
        **named : array-like of shape (n_rows,)
            ``sample_weight``, where the function takes it.

        Returns
        -------
        float
            An array where the function gives several values, as for ``average=None``.

        Raises
        ------
        ValueError
            If the arrays do not say the same kind of thing.
        """
        y_true, y_pred = (_plain(array, name) for array, name in zip(arrays, _SIDES, strict=True))
        given = {key: _plain(array, key) for key, array in named.items()}
        y_true, y_pred, extra = self._read(y_true, y_pred)
        result = self.metric_fn(y_true, y_pred, **{**extra, **self.kwargs, **given})
        return float(result) if np.ndim(result) == 0 else result

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, dict[str, Any]]:
        return y_true, y_pred, {}

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        given = (f"{k}={v!r}" for k, v in self.get_params().items() if v is not None)
        return f"{type(self).__name__}({', '.join(given)})"


class _OfClasses(ReadyMetric):
    """What the metrics of classifiers share.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, or of probabilities below and above one half. None: column i
        is the label i.
    **kwargs
        Keyword arguments of the function.
    """

    def __init__(self, *, classes: Sequence[Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes

    def _check_width(self, side: _Side, n_columns: int, of_what: str) -> None:
        if side.n_columns not in (None, n_columns):
            raise ShapeError(
                f"{type(self).__name__} got {side.n_columns} columns in {side.name}, and "
                f"{n_columns} {of_what}. Each class has one column."
            )

    def _known(self, side: _Side) -> Any:
        """Give the labels of a side in terms of `classes`."""
        classes = list(self.classes or ())
        self._check_width(side, len(classes), "classes=")
        if side.n_columns is not None:
            return np.asarray(classes)[side.codes]
        unknown = sorted(map(repr, side.distinct - set(classes)))
        if unknown:
            raise ValueError(
                f"{side.name} holds {', '.join(unknown[:5])}, which {type(self).__name__}"
                f"(classes={classes}) does not list."
            )
        return side.labels


class LabelMetric(_OfClasses):
    """Base of the metrics that compare labels.

    Both sides may be labels, one-hot columns or probabilities.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, or of probabilities below and above one half. None: column i
        is the label i.
    **kwargs
        Keyword arguments of the function.
    """

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, dict[str, Any]]:
        true, pred = _Side(y_true, "y_true", self.classes), _Side(y_pred, "y_pred", self.classes)
        if "several" in (true.kind, pred.kind):
            return true.several, pred.several, {}
        if self.classes is not None:
            return self._known(true), self._known(pred), {}
        if true.n_columns is None and pred.n_columns is None:
            return true.labels, pred.labels, {}
        if true.n_columns is not None and pred.n_columns is not None:
            self._check_width(true, pred.n_columns, "in y_pred")
            return true.codes, pred.codes, {}
        wide, plain = (true, pred) if true.n_columns is not None else (pred, true)
        if not plain.distinct <= set(range(wide.n_columns or 0)):
            some = ", ".join(sorted(map(repr, plain.distinct))[:5])
            raise ValueError(
                f"{type(self).__name__} cannot tell which classes the {wide.words} of "
                f"{wide.name} stand for: {plain.name} holds {some}, and column i stands for "
                f"the label i. Name them in order, {type(self).__name__}(classes=[...]); those "
                "of a scikit-learn classifier are its sorted labels."
            )
        plain.labels = plain.codes
        return true.codes, pred.codes, {}


class ScoreMetric(_OfClasses):
    """Base of the metrics that compare labels with probabilities or scores.

    What is true may be labels or one-hot columns; what was predicted is one column per
    class, or a plain row for the second of two classes.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column. None: what is true, if it is labels, must hold every class,
        and the columns are in the order of the sorted labels, as in scikit-learn.
    **kwargs
        Keyword arguments of the function.
    """

    #: Whether the function takes two columns for two classes.
    _takes_two: ClassVar[bool] = False

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, dict[str, Any]]:
        true, scores = _Side(y_true, "y_true", self.classes), _dense(y_pred)
        if true.kind == "several":
            return true.several, scores, {}
        if true.kind == "chances" or (true.kind == "columns" and not true.one_hot):
            raise ValueError(
                f"{type(self).__name__} takes labels or one-hot columns as y_true, got "
                "fractions. What is true comes first: "
                f"{type(self).__name__}()(y_true, y_pred)."
            )
        n_columns = 2 if scores.ndim == 1 else scores.shape[1]
        self._check_width(true, n_columns, "in y_pred" if scores.ndim > 1 else "classes in y_pred")
        labels, extra = self._coded(true, n_columns)
        if n_columns == 2 and scores.ndim == 2 and not self._takes_two:
            scores = scores[:, 1]
        return labels, scores, extra

    def _coded(self, true: _Side, n_columns: int) -> tuple[Any, dict[str, Any]]:
        """Give each label the number of its column, where it is known which that is."""
        if self.classes is not None:
            classes = list(self.classes)
            if len(classes) != n_columns:
                raise ShapeError(
                    f"{type(self).__name__}(classes={classes}) got y_pred for {n_columns} "
                    "classes. Each class has one column."
                )
            place = {label: code for code, label in enumerate(classes)}
            codes = np.array([place[label] for label in self._known(true).tolist()], dtype=int)
        elif true.n_columns is not None:
            codes = true.codes
        else:
            return true.labels, {}
        takes_labels = "labels" in self._keywords()
        return codes, {"labels": np.arange(n_columns)} if takes_labels else {}


class Accuracy(LabelMetric):
    """Share of rows that are right.

    Labels, one-hot columns and probabilities may be mixed.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.accuracy_score`: ``normalize``.

    Examples
    --------
    >>> from skmegatron.metrics import Accuracy
    >>> Accuracy().evaluate([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    0.6666666666666666
    >>> Accuracy(classes=["cat", "dog"]).evaluate(["cat", "dog"], [0.2, 0.7])
    1.0
    """

    metric_fn = staticmethod(skm.accuracy_score)


class BalancedAccuracy(LabelMetric):
    """Mean over the classes of the share of their rows that is right.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.balanced_accuracy_score`: ``adjusted``.

    Examples
    --------
    >>> from skmegatron.metrics import BalancedAccuracy
    >>> BalancedAccuracy().evaluate([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """

    metric_fn = staticmethod(skm.balanced_accuracy_score)


class Precision(LabelMetric):
    """Share of the rows called positive that are.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.precision_score`: ``average``, ``pos_label``, ``labels``,
        ``zero_division``. More than two classes need an ``average``.

    Examples
    --------
    >>> from skmegatron.metrics import Precision
    >>> Precision().evaluate([0, 1, 1, 0], [1, 1, 1, 1])
    0.5
    """

    metric_fn = staticmethod(skm.precision_score)


class Recall(LabelMetric):
    """Share of the positive rows that are called so.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.recall_score`: ``average``, ``pos_label``, ``labels``,
        ``zero_division``. More than two classes need an ``average``.

    Examples
    --------
    >>> from skmegatron.metrics import Recall
    >>> Recall(average="macro").evaluate([0, 1, 2, 2], [0, 1, 2, 1])
    0.8333333333333334
    """

    metric_fn = staticmethod(skm.recall_score)


class F1(LabelMetric):
    """Harmonic mean of precision and recall.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.f1_score`: ``average``, ``pos_label``, ``labels``,
        ``zero_division``. More than two classes need an ``average``.

    Examples
    --------
    >>> from skmegatron.metrics import F1
    >>> F1().evaluate([0, 1, 1, 0], [1, 1, 1, 1])
    0.6666666666666666
    >>> F1(average="macro").evaluate([0, 1, 2], [[0.8, 0.1, 0.1], [0, 1, 0], [0, 0, 1]])
    1.0
    """

    metric_fn = staticmethod(skm.f1_score)


class FBeta(LabelMetric):
    """Weighted harmonic mean of precision and recall.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.fbeta_score`: ``beta``, which must be given, is how many times
        recall counts as much as precision; ``average``, ``pos_label``, ``labels``,
        ``zero_division``.

    Examples
    --------
    >>> from skmegatron.metrics import FBeta
    >>> round(FBeta(beta=2).evaluate([0, 1, 1, 0], [1, 1, 1, 1]), 4)
    0.8333
    """

    metric_fn = staticmethod(skm.fbeta_score)


class Jaccard(LabelMetric):
    """Intersection over union of the predicted and the true rows of a class.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.jaccard_score`: ``average``, ``pos_label``, ``labels``,
        ``zero_division``. ``average="macro"`` is the mean IoU of Keras.

    Examples
    --------
    >>> from skmegatron.metrics import Jaccard
    >>> Jaccard(average="macro").evaluate([0, 0, 1, 1], [0, 1, 1, 1])
    0.5833333333333333
    """

    metric_fn = staticmethod(skm.jaccard_score)


class MatthewsCorrCoef(LabelMetric):
    """Correlation between the predicted and the true classes.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.matthews_corrcoef`.

    Examples
    --------
    >>> from skmegatron.metrics import MatthewsCorrCoef
    >>> MatthewsCorrCoef().evaluate([0, 0, 1, 1], [1, 1, 0, 0])
    -1.0
    """

    metric_fn = staticmethod(skm.matthews_corrcoef)


class CohenKappa(LabelMetric):
    """Agreement between two sides beyond that of chance.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.cohen_kappa_score`: ``weights``, ``labels``.

    Examples
    --------
    >>> from skmegatron.metrics import CohenKappa
    >>> CohenKappa().evaluate([0, 0, 1, 1], [0, 1, 1, 1])
    0.5
    """

    metric_fn = staticmethod(skm.cohen_kappa_score)


class HammingLoss(LabelMetric):
    """Share of labels that are wrong, where a row may have several.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column, where labels meet columns. None: column i is the label i.
    **kwargs
        Of `sklearn.metrics.hamming_loss`.

    Examples
    --------
    >>> from skmegatron.metrics import HammingLoss
    >>> HammingLoss().evaluate([[1, 1, 0], [0, 0, 1]], [[0.9, 0.2, 0.1], [0.1, 0.3, 0.8]])
    0.16666666666666666
    """

    metric_fn = staticmethod(skm.hamming_loss)


class ROCAUC(ScoreMetric):
    """Probability that a positive row is scored above a negative one.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column; the second of two is the positive one. None: the sorted
        labels.
    **kwargs
        Of `sklearn.metrics.roc_auc_score`: ``average``, ``max_fpr``, ``multi_class``,
        ``labels``.

    Notes
    -----
    Where scikit-learn asks for ``multi_class`` with more than two classes, this takes
    ``"ovr"``: each class against the rest.

    Examples
    --------
    >>> from skmegatron.metrics import ROCAUC
    >>> ROCAUC().evaluate([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """

    metric_fn = staticmethod(skm.roc_auc_score)

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, dict[str, Any]]:
        labels, scores, extra = super()._read(y_true, y_pred)
        return labels, scores, {"multi_class": "ovr", **extra}


class AveragePrecision(ScoreMetric):
    """Area under the curve of precision over recall.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column; the second of two is the positive one. None: the sorted
        labels.
    **kwargs
        Of `sklearn.metrics.average_precision_score`: ``average``, ``pos_label``.

    Examples
    --------
    >>> from skmegatron.metrics import AveragePrecision
    >>> round(AveragePrecision().evaluate([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """

    metric_fn = staticmethod(skm.average_precision_score)

    def _coded(self, true: _Side, n_columns: int) -> tuple[Any, dict[str, Any]]:
        labels, extra = super()._coded(true, n_columns)
        coded = self.classes is not None or true.n_columns is not None
        # The function has no labels=, and would miss a class that no row has.
        return (np.eye(n_columns, dtype=int)[labels] if coded and n_columns > 2 else labels), extra


class LogLoss(ScoreMetric):
    """Cross-entropy: minus the mean logarithm of the true class's probability.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column; the second of two is the positive one. None: the sorted
        labels.
    **kwargs
        Of `sklearn.metrics.log_loss`: ``normalize``, ``labels``.

    Examples
    --------
    >>> from skmegatron.metrics import LogLoss
    >>> round(LogLoss().evaluate(["no", "yes"], [0.1, 0.9]), 4)
    0.1054
    >>> round(LogLoss().evaluate([[1, 0, 0], [0, 0, 1]], [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]), 4)
    0.2231
    """

    metric_fn = staticmethod(skm.log_loss)
    _takes_two = True


class BrierScore(ScoreMetric):
    """Mean squared distance between the probabilities and what is true; 0 is best.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column; the second of two is the positive one. None: the sorted
        labels.
    **kwargs
        Of `sklearn.metrics.brier_score_loss`: ``pos_label``, ``labels``,
        ``scale_by_half``.

    Examples
    --------
    >>> from skmegatron.metrics import BrierScore
    >>> round(BrierScore().evaluate([0, 1, 1], [0.1, 0.9, 0.8]), 4)
    0.02
    """

    metric_fn = staticmethod(skm.brier_score_loss)
    _takes_two = True


class TopKAccuracy(ScoreMetric):
    """Share of rows whose true class is among the ``k`` best scored.

    Parameters
    ----------
    classes : sequence, default=None
        Label of each column. None: the sorted labels.
    **kwargs
        Of `sklearn.metrics.top_k_accuracy_score`: ``k`` (2, where Keras has 5),
        ``normalize``, ``labels``.

    Examples
    --------
    >>> from skmegatron.metrics import TopKAccuracy
    >>> TopKAccuracy(k=2).evaluate([0, 1, 2], [[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.6, 0.3, 0.1]])
    0.6666666666666666
    """

    metric_fn = staticmethod(skm.top_k_accuracy_score)


class RegressionMetric(ReadyMetric):
    """Base of the metrics that compare numbers.

    Axes behind the second count as further columns, so images compare pixel by pixel.

    Parameters
    ----------
    **kwargs
        Keyword arguments of the function.
    """

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, dict[str, Any]]:
        true, pred = (_dense(y) for y in (y_true, y_pred))
        if true.ndim > 2 and true.shape == pred.shape:
            true, pred = (y.reshape(len(y), -1) for y in (true, pred))
        return true, pred, {}


class MeanSquaredError(RegressionMetric):
    """Mean of the squared errors.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_squared_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanSquaredError
    >>> MeanSquaredError().evaluate([1.0, 2.0], [[1.0], [4.0]])
    2.0
    """

    metric_fn = staticmethod(skm.mean_squared_error)


class RootMeanSquaredError(RegressionMetric):
    """Square root of the mean of the squared errors, in the units of the target.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.root_mean_squared_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import RootMeanSquaredError
    >>> RootMeanSquaredError().evaluate([1.0, 2.0], [3.0, 4.0])
    2.0
    """

    metric_fn = staticmethod(skm.root_mean_squared_error)


class MeanAbsoluteError(RegressionMetric):
    """Mean size of the errors.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_absolute_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanAbsoluteError
    >>> MeanAbsoluteError().evaluate([1.0, 2.0], [1.0, 4.0])
    1.0
    """

    metric_fn = staticmethod(skm.mean_absolute_error)


class MeanAbsolutePercentageError(RegressionMetric):
    """Mean size of the errors relative to the true values; 1 is 100 %.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_absolute_percentage_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanAbsolutePercentageError
    >>> MeanAbsolutePercentageError().evaluate([10.0, 20.0], [15.0, 20.0])
    0.25
    """

    metric_fn = staticmethod(skm.mean_absolute_percentage_error)


class MedianAbsoluteError(RegressionMetric):
    """Median size of the errors, which single large ones do not move.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.median_absolute_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MedianAbsoluteError
    >>> MedianAbsoluteError().evaluate([1.0, 2.0, 3.0], [1.5, 2.5, 99.0])
    0.5
    """

    metric_fn = staticmethod(skm.median_absolute_error)


class MaxError(RegressionMetric):
    """Size of the largest error.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.max_error`, which has none.

    Examples
    --------
    >>> from skmegatron.metrics import MaxError
    >>> MaxError().evaluate([1.0, 2.0, 3.0], [1.5, 2.5, 99.0])
    96.0
    """

    metric_fn = staticmethod(skm.max_error)


class MeanSquaredLogError(RegressionMetric):
    """Mean squared difference of ``log(1 + value)``, for counts and prices.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_squared_log_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanSquaredLogError
    >>> round(MeanSquaredLogError().evaluate([0.0, 9.0], [0.0, 99.0]), 4)
    2.6509
    """

    metric_fn = staticmethod(skm.mean_squared_log_error)


class RootMeanSquaredLogError(RegressionMetric):
    """Square root of the mean squared difference of ``log(1 + value)``.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.root_mean_squared_log_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import RootMeanSquaredLogError
    >>> round(RootMeanSquaredLogError().evaluate([9.0, 9.0], [99.0, 99.0]), 4)
    2.3026
    """

    metric_fn = staticmethod(skm.root_mean_squared_log_error)


class MeanPoissonDeviance(RegressionMetric):
    """Deviance of counts: how much less likely they are than under a perfect prediction.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_poisson_deviance`, which has none.

    Examples
    --------
    >>> from skmegatron.metrics import MeanPoissonDeviance
    >>> MeanPoissonDeviance().evaluate([0, 2], [1.0, 2.0])
    1.0
    """

    metric_fn = staticmethod(skm.mean_poisson_deviance)


class MeanPinballLoss(RegressionMetric):
    """Loss of a predicted quantile.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_pinball_loss`: ``alpha``, the quantile, and
        ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanPinballLoss
    >>> MeanPinballLoss(alpha=0.75).evaluate([1.0, 2.0], [0.0, 3.0])
    0.5
    """

    metric_fn = staticmethod(skm.mean_pinball_loss)


class R2(RegressionMetric):
    """Share of the variance of what is true that the prediction explains; 1 is best.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.r2_score`: ``multioutput``, ``force_finite``.

    Examples
    --------
    >>> from skmegatron.metrics import R2
    >>> R2().evaluate([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """

    metric_fn = staticmethod(skm.r2_score)


class ExplainedVariance(RegressionMetric):
    """As `R2`, but an error that is the same everywhere costs nothing.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.explained_variance_score`: ``multioutput``, ``force_finite``.

    Examples
    --------
    >>> from skmegatron.metrics import ExplainedVariance
    >>> ExplainedVariance().evaluate([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    1.0
    """

    metric_fn = staticmethod(skm.explained_variance_score)


_SIDES = ("y_true", "y_pred")


class _Side:
    """One side of a comparison of classes: what it says, read by the rules at the top.

    Attributes
    ----------
    kind : {"labels", "chances", "columns", "several"}
    n_columns : int or None
        For how many classes there is a column; None for labels, 2 for chances.
    """

    def __init__(self, values: Any, name: str, classes: Sequence[Any] | None) -> None:
        self.labels, self.name = values, name
        self.one_hot = False
        self.kind = self._kind(classes)
        self.n_columns: int | None = None
        if self.kind in ("columns", "chances"):
            self.n_columns = 2 if values.ndim == 1 else values.shape[1]
        if self.kind == "chances":
            self._check_chances()

    def _kind(self, classes: Sequence[Any] | None) -> str:
        values = self.labels
        if values.ndim > 2:
            raise ShapeError(
                f"{self.name} has shape {values.shape}; labels have shape (n_rows,), one-hot "
                "columns and probabilities (n_rows, n_classes)."
            )
        entries = values.data if sparse.issparse(values) else values
        floats = entries.dtype.kind == "f"
        if values.ndim == 1:
            if floats and (entries != np.rint(entries)).any():
                return "chances"
            # A prediction that is sure of every row has no fractions.
            sure = floats and len(classes or ()) == 2 and not self.distinct <= set(classes or ())
            return "chances" if sure else "labels"
        if entries.dtype.kind in "biuf" and ((entries == 0) | (entries == 1)).all():
            self.one_hot = bool((np.asarray(values.sum(axis=1)) == 1).all())
            return "columns" if self.one_hot else "several"
        return "columns" if floats else "labels"

    def _check_chances(self) -> None:
        if not ((self.labels >= 0) & (self.labels <= 1)).all():
            raise ValueError(
                f"{self.name} has fractions, from {self.labels.min():g} to "
                f"{self.labels.max():g}, so it is no labels and no probabilities of two "
                "classes either. Predict labels, one column per class, or values from 0 to 1."
            )

    @property
    def words(self) -> str:
        return "probabilities" if self.kind == "chances" else f"{self.n_columns} columns"

    @property
    def distinct(self) -> set[Any]:
        """The different labels, as Python compares them: 1, 1.0 and True are one."""
        return set(self.labels.tolist())

    @property
    def codes(self) -> NDArray[Any]:
        """Number of the class of each row."""
        if self.kind == "labels":
            return np.asarray(self.labels.tolist(), dtype=int)
        if self.kind == "chances":
            return np.asarray(self.labels > 0.5).astype(int)
        return np.asarray(self.labels.argmax(axis=1)).ravel()

    @property
    def several(self) -> Any:
        """The values as columns of 0 and 1, any number of 1 per row."""
        if self.kind != "columns" or self.one_hot:
            return self.labels
        return np.asarray(self.labels > 0.5).astype(int)


def _plain(array: Any, name: str) -> Any:
    """Make a frame an array, and a single column a plain row of values."""
    if is_frame(array):
        array = select_block(array, range(len(column_names(array))))
    array = array if sparse.issparse(array) else np.asarray(array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = _dense(array).ravel()
    assert_all_finite(array, input_name=name)
    return array


def _dense(array: Any) -> Any:
    return array.toarray() if sparse.issparse(array) else array


def _rows_together(batches: Sequence[Any]) -> Any:
    """Put batches below each other."""
    first = batches[0]
    if len(batches) == 1:
        return first
    if is_frame(first):
        frames = [nw.from_native(batch, eager_only=True) for batch in batches]
        return nw.to_native(nw.concat(frames, how="vertical"))
    return (
        sparse.vstack(batches, format="csr") if sparse.issparse(first) else np.concatenate(batches)
    )
