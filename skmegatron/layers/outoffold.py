"""Predict each row by an estimator that has not seen it.

scikit-learn's `cross_val_predict` does the work. A `_Fold` stands between it and the estimator:
it hands held-out data to every fold as it is, which `cross_val_predict` would cut like a weight
per row, and gives the estimator its labels as they came, which `cross_val_predict` numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRequest

from skmegatron.layers.wrapping import as_asked, tags_of

#: Methods of which `cross_val_predict` puts the columns of each fold where its classes belong.
_PER_CLASS = ("decision_function", "predict_log_proba", "predict_proba")


def splits_of(cv: Any, estimator: Any, X: Any, y: Any, groups: Any = None) -> list[Any]:
    """Cut rows into folds, each row being in exactly one.

    Parameters
    ----------
    cv : int, splitter or iterable
    estimator : estimator
        Folds are stratified for a classifier, where `cv` is a number.
    X : {array, sparse matrix, dataframe} of shape (n_rows, ...)
    y : array of shape (n_rows,) or (n_rows, n_outputs), or None
    groups : array of shape (n_rows,), default=None

    Returns
    -------
    list of (ndarray of int, ndarray of int)
        Rows to learn from, and rows to predict, of each fold.

    Raises
    ------
    ValueError
        If a row is in no fold or in several, or whatever the splitter refuses.
    """
    tags = tags_of(estimator)
    classifier = tags is not None and tags.estimator_type == "classifier"
    splits = list(check_cv(cv, y, classifier=classifier).split(X, y, groups))
    n_rows = X.shape[0]
    found = np.concatenate([np.arange(n_rows)[:0], *(np.asarray(test) for _, test in splits)])
    if len(found) == n_rows and np.array_equal(np.sort(found), np.arange(n_rows)):
        return splits
    known = np.unique(found[found < n_rows])
    twice = len(found) - len(np.unique(found))
    foreign = "" if len(known) == len(np.unique(found)) else ", and names rows beyond the last"
    kind = cv if hasattr(cv, "split") else "cv"
    raise ValueError(
        f"Out-of-fold values need each of the {n_rows} rows in exactly one test fold: {kind} "
        f"leaves {n_rows - len(known)} out, has {twice} more than once{foreign}. Use a number of "
        "folds, KFold, StratifiedKFold or GroupKFold; in a search, where each fold has other "
        "rows, no list of splits."
    )


def out_of_fold(
    estimator: Any,
    method: str,
    X: Any,
    labels: Sequence[Any],
    splits: list[Any],
    params: Mapping[str, Any],
    held_out: Mapping[str, Any],
) -> Any:
    """Predict each row by a clone of the estimator that was fitted on the other folds.

    Parameters
    ----------
    estimator : estimator
        Not fitted itself.
    method : str
    X : {array, sparse matrix, dataframe} of shape (n_rows, ...)
    labels : sequence of at most one array of shape (n_rows,) or (n_rows, n_outputs)
    splits : list of (ndarray of int, ndarray of int)
        As `splits_of` gives them.
    params : mapping of str to array-like of shape (n_rows,)
        Keywords of ``fit``, cut like the rows.
    held_out : mapping of str to object
        Keywords of ``fit`` that are the same in every fold.

    Returns
    -------
    array of shape (n_rows,) or (n_rows, n_columns)
        In the order of the rows; a column per class where the method gives one, with 0 for the
        probability of a class that the fold's estimator has not seen.
    """
    y = labels[0] if labels else None
    numbered = method in _PER_CLASS and getattr(y, "ndim", 0) == 1
    known = np.unique(np.asarray(y)) if numbered else None
    fold = _Fold(clone(estimator), method, known, tuple(params), held_out)
    asked = method if method in _PER_CLASS else "predict"
    return cross_val_predict(fold, X, y, cv=splits, method=asked, params=dict(params) or None)


class _Fold:
    """The estimator of one fold, as `cross_val_predict` sees it.

    Parameters
    ----------
    estimator : estimator
    method : str
        What gives the values.
    known : ndarray or None
        The labels that ``fit`` is given the numbers of; None where it is given the labels.
    keywords : tuple of str
        What ``fit`` takes besides.
    held_out : mapping of str to object
        What it hands on to every fit.
    """

    def __init__(
        self,
        estimator: Any,
        method: str,
        known: Any,
        keywords: tuple[str, ...],
        held_out: Mapping[str, Any],
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.known = known
        self.keywords = keywords
        self.held_out = held_out

    def __sklearn_clone__(self) -> Self:
        # The held-out data is shared: a copy for each fold would be for nothing.
        estimator = clone(self.estimator)
        return type(self)(estimator, self.method, self.known, self.keywords, self.held_out)

    def __sklearn_tags__(self) -> Any:
        return tags_of(self.estimator) or get_tags(BaseEstimator())

    def get_metadata_routing(self) -> MetadataRequest:
        """Ask for what the graph draws into the step, whatever the estimator requests."""
        request = MetadataRequest(owner=self)
        for keyword in self.keywords:
            request.fit.add_request(param=keyword, alias=True)
        return request

    @property
    def classes_(self) -> Any:
        """The classes that this fold has seen, as `cross_val_predict` numbers them."""
        classes = self.estimator.classes_
        return classes if self.known is None else np.searchsorted(self.known, classes)

    def fit(self, X: Any, *labels: Any, **params: Any) -> Self:
        """Fit the estimator on the rows of the other folds."""
        if self.known is not None:
            labels = (self.known[labels[0]],)
        with as_asked(self.held_out):
            self.estimator.fit(X, *labels, **params, **self.held_out)
        return self

    def predict(self, X: Any) -> Any:
        """Give the values of the step, where a fold's columns need no order."""
        return getattr(self.estimator, self.method)(X)

    def predict_proba(self, X: Any) -> Any:
        """Call ``predict_proba`` of the estimator."""
        return self.estimator.predict_proba(X)

    def predict_log_proba(self, X: Any) -> Any:
        """Call ``predict_log_proba`` of the estimator."""
        return self.estimator.predict_log_proba(X)

    def decision_function(self, X: Any) -> Any:
        """Call ``decision_function`` of the estimator."""
        return self.estimator.decision_function(X)
