"""Kernels of linear models: rows times coefficients, and what is made of that."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skmegatron.layers.kernels.core import NOT_PLAIN, Kernel, as_operand


def _product(model: Any, X: Any) -> NDArray[Any] | None:
    """Multiply by the coefficients and add the intercept; None where that is not plain."""
    coef = model.coef_
    if type(coef) is not np.ndarray:  # they may have been made sparse
        return None
    operand = as_operand(model, X)
    if operand is None:
        return None
    product: NDArray[Any] = operand @ (coef.T if coef.ndim == 2 else coef) + model.intercept_
    return product


def scores(model: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Give the decision function of a linear classifier.

    Parameters
    ----------
    model : estimator
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_classes) or NOT_PLAIN
    """
    product = _product(model, X)
    if product is None:
        return NOT_PLAIN
    return product.reshape(-1) if product.ndim > 1 and product.shape[1] == 1 else product


def labels(model: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Predict as a linear classifier does.

    Parameters
    ----------
    model : estimator
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows,) or NOT_PLAIN
    """
    classes = model.classes_
    decision = scores(model, X, notes)
    if decision is NOT_PLAIN or type(classes) is not np.ndarray:
        return NOT_PLAIN
    places = (decision > 0).astype(int) if decision.ndim == 1 else decision.argmax(axis=1)
    return classes.take(places, axis=0)


def two_labels(model: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Predict as a linear classifier does that might have been fitted on several labels a row.

    Parameters
    ----------
    model : estimator
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows,) or NOT_PLAIN
    """
    coef = model.coef_
    plain = len(model.classes_) == 2 and (coef.ndim == 1 or coef.shape[0] == 1)
    return labels(model, X, notes) if plain else NOT_PLAIN


def probabilities(model: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Give probabilities as `LogisticRegression` does.

    Parameters
    ----------
    model : LogisticRegression
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_classes) or NOT_PLAIN
    """
    decision = scores(model, X, notes)
    if decision is NOT_PLAIN or (np.size(model.classes_) > 2) != (decision.ndim == 2):
        return NOT_PLAIN
    if decision.ndim == 1:
        found = np.empty((len(decision), 2), dtype=decision.dtype)
        expit(decision, out=found[:, 1])
        np.subtract(1, found[:, 1], out=found[:, 0])
        return found
    decision -= decision.max(axis=1).reshape(-1, 1)
    np.exp(decision, out=decision)
    decision /= decision.sum(axis=1).reshape(-1, 1)
    return decision


def log_probabilities(model: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Give logarithms of probabilities as `LogisticRegression` does.

    Parameters
    ----------
    model : LogisticRegression
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_classes) or NOT_PLAIN
    """
    found = probabilities(model, X, notes)
    return found if found is NOT_PLAIN else np.log(found)


def values(model: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Predict as a linear regression does.

    Parameters
    ----------
    model : estimator
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_outputs) or NOT_PLAIN
    """
    product = _product(model, X)
    return NOT_PLAIN if product is None else product


def flat_values(model: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Predict as `SGDRegressor` does, which has one target.

    Parameters
    ----------
    model : SGDRegressor
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows,) or NOT_PLAIN
    """
    product = _product(model, X)
    return NOT_PLAIN if product is None else product.ravel()


CLASSIFIER: dict[str, Kernel] = {"decision_function": scores, "predict": labels}
