"""Kernels of imputers, scalers and projections: a table in, a table out."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmegatron.layers.kernels.core import NOT_PLAIN, as_floats, is_finite


def impute(imputer: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Fill gaps as `SimpleImputer` does.

    Parameters
    ----------
    imputer : SimpleImputer
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or NOT_PLAIN
    """
    missing, fill = imputer.missing_values, imputer.statistics_
    if type(missing) is not float or missing == missing or imputer.add_indicator:
        return NOT_PLAIN
    if not isinstance(imputer.strategy, str) or fill.dtype.kind != "f" or not is_finite(fill):
        return NOT_PLAIN
    of_floats = type(X) is np.ndarray and X.dtype.kind == "f"
    if not of_floats and imputer.strategy not in ("mean", "median"):  # which keep other dtypes
        return NOT_PLAIN
    values = as_floats(imputer, X, allow_nan=True)
    if values is None:
        return NOT_PLAIN
    precision = _precision(imputer, notes)
    if precision is None:
        return NOT_PLAIN
    filled = values.copy("K")
    fill = fill.astype(precision, copy=False)
    np.copyto(filled, fill, where=np.isnan(values), casting="same_kind")
    return filled


def _precision(imputer: Any, notes: dict[str, Any]) -> Any:
    """Find out in which precision gaps are filled: that of the fit, which no attribute tells."""
    if "precision" not in notes:
        fill = imputer.statistics_
        told = imputer.transform(np.full((1, len(fill)), np.nan))[0]
        known = (dtype for dtype in (np.float64, np.float32) if (fill.astype(dtype) == told).all())
        notes["precision"] = next(known, None)
    return notes["precision"]


def standardize(scaler: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Centre and scale as `StandardScaler` does.

    Parameters
    ----------
    scaler : StandardScaler
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or NOT_PLAIN
    """
    values = as_floats(scaler, X, allow_nan=True)
    if values is None:
        return NOT_PLAIN
    dtype = values.dtype
    scaled = (
        values - scaler.mean_.astype(dtype, copy=False) if scaler.with_mean else values.copy("K")
    )
    if scaler.with_std:
        scaled /= scaler.scale_.astype(dtype, copy=False)
    return scaled


def scale_to_range(scaler: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Scale as `MinMaxScaler` does.

    Parameters
    ----------
    scaler : MinMaxScaler
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or NOT_PLAIN
    """
    values = as_floats(scaler, X, allow_nan=True)
    if values is None:
        return NOT_PLAIN
    scaled = values.copy("K")
    scaled *= scaler.scale_
    scaled += scaler.min_
    if scaler.clip:
        low, high = scaler.feature_range
        dtype = scaled.dtype
        np.clip(scaled, np.asarray(low, dtype=dtype), np.asarray(high, dtype=dtype), out=scaled)
    return scaled


def scale_to_one(scaler: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Scale as `MaxAbsScaler` does.

    Parameters
    ----------
    scaler : MaxAbsScaler
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or NOT_PLAIN
    """
    values = as_floats(scaler, X, allow_nan=True)
    if values is None:
        return NOT_PLAIN
    scaled = values.copy("K")
    scaled /= scaler.scale_
    if scaler.clip:
        one = np.asarray(1.0, dtype=scaled.dtype)
        np.clip(scaled, -one, one, out=scaled)
    return scaled


def scale_robustly(scaler: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Centre and scale as `RobustScaler` does.

    Parameters
    ----------
    scaler : RobustScaler
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or NOT_PLAIN
    """
    values = as_floats(scaler, X, allow_nan=True)
    if values is None:
        return NOT_PLAIN
    scaled = values.copy("K")
    if scaler.with_centering:
        scaled -= scaler.center_
    if scaler.with_scaling:
        scaled /= scaler.scale_
    return scaled


def project(pca: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Project as `PCA` does.

    Parameters
    ----------
    pca : PCA
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_components) or NOT_PLAIN
    """
    values = as_floats(pca, X)
    if values is None:
        return NOT_PLAIN
    axes = pca.components_.T
    projected = values @ axes
    projected -= pca.mean_.reshape(1, -1) @ axes
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        projected /= np.maximum(scale, np.finfo(scale.dtype).eps)
    return projected
