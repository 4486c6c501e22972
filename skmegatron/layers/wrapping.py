"""What a layer has to know of an estimator that it wraps.

Tags tell most of it. Where an estimator has none, or where a meta-estimator does not pass
its inner one's on, the signature of ``fit`` and the inner estimator are asked.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from sklearn.base import OneToOneFeatureMixin
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Tags, get_tags

#: What learns from batches in the place of what cannot.
_INSTEAD = {
    "CountVectorizer": "HashingVectorizer()",
    "DictVectorizer": "FeatureHasher()",
    "DictionaryLearning": "MiniBatchDictionaryLearning()",
    "ElasticNet": "SGDRegressor(penalty='elasticnet')",
    "GaussianMixture": "MiniBatchKMeans()",
    "KMeans": "MiniBatchKMeans()",
    "Lasso": "SGDRegressor(penalty='l1')",
    "LinearRegression": "SGDRegressor(penalty=None)",
    "LinearSVC": "SGDClassifier()",
    "LinearSVR": "SGDRegressor(loss='epsilon_insensitive')",
    "LogisticRegression": "SGDClassifier(loss='log_loss')",
    "NMF": "MiniBatchNMF()",
    "OneHotEncoder": "the layer OneHotLabels()",
    "PCA": "IncrementalPCA()",
    "Ridge": "SGDRegressor()",
    "RidgeClassifier": "SGDClassifier(loss='squared_error')",
    "RobustScaler": "StandardScaler()",
    "SVC": "SGDClassifier() behind Nystroem, which a sample can fit",
    "SparsePCA": "MiniBatchSparsePCA()",
    "TfidfVectorizer": "HashingVectorizer()",
    "TruncatedSVD": "IncrementalPCA()",
}


def tags_of(estimator: Any) -> Tags | None:
    """Give an estimator's tags.

    Parameters
    ----------
    estimator : estimator or str or None

    Returns
    -------
    Tags or None
        None for what has none.
    """
    return get_tags(estimator) if hasattr(estimator, "__sklearn_tags__") else None


def needs_labels(estimator: Any) -> bool:
    """Tell whether an estimator cannot be fitted without ``y``.

    Parameters
    ----------
    estimator : estimator or str or None

    Returns
    -------
    bool
    """
    if isinstance(estimator, FrozenEstimator):
        return False
    tags = tags_of(estimator)
    if tags is not None and tags.target_tags.required:
        return True
    inner = _last_step(estimator)
    if inner is not estimator:
        return needs_labels(inner)
    parameters = list(_fit_parameters(estimator).values())[1:]  # LabelEncoder's X is called y
    return any(p.name in ("y", "Y") and p.default is p.empty for p in parameters)


def learns_labels(estimator: Any) -> bool:
    """Tell whether what an estimator learns depends on the labels it is given.

    Parameters
    ----------
    estimator : estimator or str or None

    Returns
    -------
    bool
    """
    tags = tags_of(estimator)
    kind = None if tags is None else tags.estimator_type
    if kind in ("classifier", "regressor") or needs_labels(estimator):
        return True
    # Selection by a score of each column has tags that leave it to the score.
    return hasattr(estimator, "score_func") or any(map(learns_labels, _parts(estimator)))


def wants_columns(estimator: Any) -> bool:
    """Tell whether an estimator takes a table rather than a plain sequence of values.

    Parameters
    ----------
    estimator : estimator or str or None

    Returns
    -------
    bool
    """
    inner = _first_step(estimator)
    if inner is not estimator:
        return wants_columns(inner)
    tags = tags_of(estimator)
    return tags is None or tags.input_tags.two_d_array


def validation_style(estimator: Any) -> str:
    """Name the keyword by which an estimator's ``fit`` takes held-out data.

    Parameters
    ----------
    estimator : estimator or str or None

    Returns
    -------
    {"X_val", "eval_X", "eval_set", "validation_data", ""}
        Nothing for what takes none, and for what was told not to use it.
    """
    parameters = _fit_parameters(estimator)
    if "X_val" in parameters and "y_val" in parameters:
        # scikit-learn refuses held-out data where early stopping is switched off.
        return "" if getattr(estimator, "early_stopping", None) is False else "X_val"
    if "validation_data" in parameters and getattr(estimator, "takes_validation", True):
        return "validation_data"
    # Only of eval_set does LightGBM 4.7 encode a classifier's labels, so eval_X comes second.
    if "eval_set" in parameters:
        return "eval_set"
    return "eval_X" if "eval_X" in parameters and "eval_y" in parameters else ""


def validation_params(
    estimator: Any, X_val: Any, y_val: Any, weights: Any = None
) -> dict[str, Any]:
    """Word held-out data as an estimator's ``fit`` takes it.

    Parameters
    ----------
    estimator : estimator
        One that has a `validation_style`.
    X_val : {array, sparse matrix, dataframe} of shape (n_rows, n_columns)
    y_val : array of shape (n_rows,) or (n_rows, n_outputs)
    weights : array of shape (n_rows,), default=None
        Of the held-out rows.

    Returns
    -------
    dict of str to object
        Without the weights where ``fit`` has no keyword for them.
    """
    parameters, style = _fit_parameters(estimator), validation_style(estimator)
    if style == "validation_data":
        return {style: (X_val, y_val) if weights is None else (X_val, y_val, weights)}
    pair = {"X_val": ("X_val", "y_val"), "eval_X": ("eval_X", "eval_y")}.get(style)
    found: dict[str, Any] = dict(zip(pair, (X_val, y_val), strict=True)) if pair else {}
    if not pair:
        found["eval_set"] = [(X_val, y_val)]
        if "verbose" in parameters and parameters["verbose"].default is True:
            found["verbose"] = False  # XGBoost would print a line per round
    if weights is None:
        return found
    if "sample_weight_val" in parameters:
        return {**found, "sample_weight_val": weights}
    for keyword in ("sample_weight_eval_set", "eval_sample_weight"):
        if keyword in parameters:
            return {**found, keyword: [weights]}
    pool = _catboost_pool(estimator)
    return found if pool is None else {**found, "eval_set": pool(X_val, y_val, weight=weights)}


@contextmanager
def as_asked(params: Mapping[str, Any]) -> Iterator[None]:
    """Keep LightGBM from warning that ``eval_set`` is the old way, while it is fitted.

    Parameters
    ----------
    params : mapping of str to object
        Keywords of ``fit``.
    """
    if "eval_set" not in params:
        yield
        return
    with warnings.catch_warnings():
        message = "The argument 'eval_set' is deprecated"
        warnings.filterwarnings("ignore", message, category=FutureWarning)
        yield


def _catboost_pool(estimator: Any) -> Any:
    """Give what makes CatBoost's data sets, which alone carry the weights of held-out rows."""
    homes = [base.__module__ for base in type(estimator).__mro__]
    home = next((home for home in homes if home.partition(".")[0] == "catboost"), None)
    if home is None:
        return None
    kinds = ("cat_features", "text_features", "embedding_features")
    columns = {key: value for key, value in estimator.get_params().items() if key in kinds}
    return partial(sys.modules[home].Pool, **columns)


def learns_nothing(estimator: Any) -> bool:
    """Tell whether an estimator's ``fit`` leaves nothing that its values depend on.

    Parameters
    ----------
    estimator : estimator or str or None

    Returns
    -------
    bool
        True for what is frozen, and for what is stateless by its tags.
    """
    if isinstance(estimator, FrozenEstimator):
        return True
    tags = tags_of(estimator)
    return tags is not None and not tags.requires_fit


def is_fitted(estimator: Any) -> bool:
    """Tell whether an estimator or layer can be used on data as it is.

    Parameters
    ----------
    estimator : estimator or layer

    Returns
    -------
    bool
        True also for what learns nothing.
    """
    for name in ("__sklearn_is_fitted__", "is_fitted"):  # the second is CatBoost's
        told = getattr(estimator, name, None)
        if callable(told) and told():
            return True
    if isinstance(estimator, FrozenEstimator):
        return False
    attributes = getattr(estimator, "__dict__", {})
    learned = any(name.endswith("_") and not name.startswith("__") for name in attributes)
    return learned or learns_nothing(estimator)


def takes_epochs(estimator: Any) -> bool:
    """Tell whether an estimator is a model, which reads the data once in each epoch.

    Parameters
    ----------
    estimator : estimator or str or None

    Returns
    -------
    bool
        False for what counts every row once: scalers, which give back the columns they take.
    """
    return not isinstance(estimator, OneToOneFeatureMixin)


def one_way(estimator: Any) -> bool:
    """Tell whether ``inverse_transform`` hands on what it is given for want of a way back.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    bool
        True for a function without its inverse, alone or within a sklearn Pipeline.
    """
    if isinstance(estimator, FunctionTransformer):
        return estimator.func is not None and estimator.inverse_func is None
    steps = getattr(estimator, "steps", None)
    return isinstance(steps, list) and any(one_way(step[-1]) for step in steps)


def batch_advice(estimator: Any) -> str:
    """Word what to do about an estimator without ``partial_fit``.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    str
    """
    name = type(estimator).__name__
    other = f"Use {_INSTEAD[name]} instead, or fit" if name in _INSTEAD else "Fit"
    return f"{other} it on a sample and freeze it: Frozen({name}().fit(sample))."


def may_write(estimator: Any) -> bool:
    """Tell whether an estimator was told not to copy what it is given.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    bool
    """
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    return any(
        value is False and key.rpartition("__")[2].lower() in ("copy", "copy_x")
        for key, value in params.items()
    )


def copies_first(estimator: Any) -> bool:
    """Tell whether an estimator is known to write into nothing but its own copy.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    bool
        True for scikit-learn's own where their ``copy`` parameter says so.
    """
    own = type(estimator).__module__.startswith("sklearn.")
    return own and any(
        getattr(estimator, name, None) is True for name in ("copy", "copy_X", "copy_x")
    )


def _fit_parameters(estimator: Any) -> dict[str, inspect.Parameter]:
    fit = getattr(estimator, "fit", None)
    return dict(inspect.signature(fit).parameters) if callable(fit) else {}


def _first_step(estimator: Any) -> Any:
    """Give the estimator that data meets first: a sklearn Pipeline's first step, and so on."""
    for name in ("steps", "transformer_list"):
        steps = getattr(estimator, name, None)
        if isinstance(steps, list) and steps and isinstance(steps[0], tuple):
            return steps[0][1]
    return _inner(estimator)


def _last_step(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps and isinstance(steps[-1], tuple):
        return steps[-1][1]
    return _inner(estimator)


def _parts(estimator: Any) -> list[Any]:
    """Give the estimators that one is composed of, by name in a list of tuples."""
    lists = ("steps", "transformer_list", "transformers")
    named = [getattr(estimator, name, None) for name in lists]
    return [item[1] for items in named if isinstance(items, list) for item in items]


def _inner(estimator: Any) -> Any:
    # A parameter, as of a search; an ensemble's default base estimator is only an attribute.
    inner = getattr(estimator, "estimator", None)
    if inner is None or isinstance(inner, type) or not hasattr(inner, "fit"):
        return estimator
    known = hasattr(estimator, "get_params") and "estimator" in estimator.get_params(deep=False)
    return inner if known else estimator
