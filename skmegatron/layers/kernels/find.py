"""Which estimator has which kernels."""

from __future__ import annotations

from typing import Any

from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR

from skmegatron.layers.kernels.core import Kernel
from skmegatron.layers.kernels.encoders import one_hot, ordinal
from skmegatron.layers.kernels.linear import (
    CLASSIFIER,
    flat_values,
    log_probabilities,
    probabilities,
    two_labels,
    values,
)
from skmegatron.layers.kernels.tables import (
    impute,
    project,
    scale_robustly,
    scale_to_one,
    scale_to_range,
    standardize,
)

KERNELS: dict[type, dict[str, Kernel]] = {
    ElasticNet: {"predict": values},
    Lasso: {"predict": values},
    LinearRegression: {"predict": values},
    LinearSVC: CLASSIFIER,
    LinearSVR: {"predict": values},
    LogisticRegression: {
        **CLASSIFIER,
        "predict_proba": probabilities,
        "predict_log_proba": log_probabilities,
    },
    MaxAbsScaler: {"transform": scale_to_one},
    MinMaxScaler: {"transform": scale_to_range},
    OneHotEncoder: {"transform": one_hot},
    OrdinalEncoder: {"transform": ordinal},
    PCA: {"transform": project},
    Ridge: {"predict": values},
    RidgeClassifier: {**CLASSIFIER, "predict": two_labels},
    RobustScaler: {"transform": scale_robustly},
    SGDClassifier: CLASSIFIER,
    SGDRegressor: {"predict": flat_values},
    SimpleImputer: {"transform": impute},
    StandardScaler: {"transform": standardize},
}


def kernel_of(estimator: Any, method: str) -> Kernel | None:
    """Find the kernel of an estimator's method.

    Parameters
    ----------
    estimator : estimator
    method : str

    Returns
    -------
    callable or None
        None for subclasses too, which may compute something else, and for an estimator that was
        fitted on named columns: it warns of those that come without names.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmegatron.layers.kernels import kernel_of
    >>> scaler = StandardScaler().fit(np.array([[1.0], [3.0]]))
    >>> kernel_of(scaler, "transform")(scaler, np.array([[3.0]]), {})
    array([[1.]])
    >>> kernel_of(scaler, "fit") is None
    True
    """
    kernels = KERNELS.get(type(estimator))
    if kernels is None or hasattr(estimator, "feature_names_in_"):
        return None
    return None if method in vars(estimator) else kernels.get(method)
