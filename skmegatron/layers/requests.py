"""Cross-validate the estimator of a step where metadata routing is on.

Routing wants every keyword requested. The keywords of a step are drawn, which says the same.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object


def requesting(estimator: Any, keywords: Collection[str]) -> Any:
    """Let an estimator request keywords of its ``fit``, where routing asks for that.

    Parameters
    ----------
    estimator : estimator
        Changed, so hand in a clone.
    keywords : collection of str

    Returns
    -------
    estimator
        The same. What routes to others goes by what those request.
    """
    if get_config()["enable_metadata_routing"] and hasattr(estimator, "set_fit_request"):
        request = get_routing_for_object(estimator)
        if isinstance(request, MetadataRequest):
            known = [keyword for keyword in keywords if keyword in request.fit.requests]
            estimator.set_fit_request(**dict.fromkeys(known, True))
    return estimator


def folds(estimator: Any, cv: Any, X: Any, y: Any, groups: Any) -> tuple[Any, Any]:
    """Give ``cv`` and ``groups`` in the form that scikit-learn takes them.

    Parameters
    ----------
    estimator : estimator
    cv : int, splitter or iterable
    X : array-like of shape (n_rows, n_columns)
    y : array-like of shape (n_rows,) or None
    groups : array-like of shape (n_rows,) or None

    Returns
    -------
    tuple of (cv, groups)
        With routing on, groups are no argument, so the folds are cut here.
    """
    if groups is None or not get_config()["enable_metadata_routing"]:
        return cv, groups
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    return list(splitter.split(X, y, groups)), None
