"""Metrics of labels, probabilities and scores of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import metrics as skm

from skmegatron.errors import ShapeError
from skmegatron.layers.metrics.core import ReadyMetric, _dense


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

    Examples
    --------
    >>> from sklearn.metrics import zero_one_loss
    >>> from skmegatron.layers.metrics import LabelMetric
    >>> class ErrorRate(LabelMetric):
    ...     metric_fn = staticmethod(zero_one_loss)
    >>> ErrorRate().evaluate([0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    0.25
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

    Examples
    --------
    >>> from sklearn.metrics import roc_auc_score
    >>> from skmegatron.layers.metrics import ScoreMetric
    >>> class Ranking(ScoreMetric):
    ...     metric_fn = staticmethod(roc_auc_score)
    >>> Ranking().evaluate(["no", "yes", "yes"], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    1.0
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
        return set(self.labels.ravel().tolist())

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
