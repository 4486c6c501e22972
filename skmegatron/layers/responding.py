"""What a layer answers once the estimator in it is fitted.

`Responding` puts the arrays of several nodes side by side, and calls the methods that the
estimator has; a method that it has not, the layer has not either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if

from skmegatron.io.tables import as_values, columns_together, describe
from skmegatron.layers.answering import Asker
from skmegatron.layers.columns import Names
from skmegatron.layers.core import Layer
from skmegatron.layers.wrapping import one_way, wants_columns


def offers(method: str) -> Callable[[Responding], bool]:
    """Tell, for `available_if`, whether the wrapped estimator has a method."""

    def check(layer: Responding) -> bool:
        return hasattr(layer.current, method)

    return check


def _undoes(layer: Responding) -> bool:
    if layer._passes_through:
        return True
    return hasattr(layer.current, "inverse_transform") and not one_way(layer.current)


class Responding(Layer):
    """A layer around an estimator, as far as it answers.

    Attributes
    ----------
    estimator : estimator or "passthrough"
        The template.
    """

    estimator: Any

    @property
    def current(self) -> Any:
        """The fitted estimator, or the template where there is none yet."""
        return vars(self).get("estimator_", self.estimator)

    @property
    def _passes_through(self) -> bool:
        return self.estimator is None or isinstance(self.estimator, str)

    def _pack(self, arrays: Sequence[Any], asker: Asker | None = None) -> Any:
        if len(arrays) > 1:
            return columns_together(arrays)
        X = as_values(arrays[0], "X")
        if getattr(X, "ndim", None) == 2 and isinstance(X, np.ndarray):
            return X
        known = asker or Asker(self.estimator, self.current)
        if hasattr(X, "copy") and not isinstance(X, np.ndarray) and known.writes:
            return X.copy()  # arrays come read-only; sparse matrices and frames cannot
        if getattr(X, "ndim", None) == 1 and known.takes_columns:
            return X.reshape(-1, 1)
        return X

    def _labels(self, y: Any) -> tuple[Any, ...]:
        frozen = isinstance(self.estimator, FrozenEstimator)  # whose fit takes a y, for nothing
        return () if y is None and not frozen else (y,)

    def respond(self, method: str, *arrays: Any) -> Any:
        """Call a method of the fitted estimator on arrays put side by side.

        Parameters
        ----------
        method : str
        *arrays : array-like of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        whatever the method returns

        Raises
        ------
        AttributeError
            If the estimator does not have the method.
        """
        estimator = self.current
        asker: Asker | None = vars(self).get("_asker")
        if asker is None or not asker.holds(self.estimator, estimator):
            asker = self._asker = Asker(self.estimator, estimator)
        if method.startswith("fit") or not hasattr(estimator, method):
            self._function(method, arrays)
        return asker.ask(method, self._pack(arrays, asker))

    def _function(self, method: str, arrays: Sequence[Any]) -> Any:
        function = getattr(self.current, method, None)
        if function is None or method.startswith("fit"):
            given = ", ".join(describe(array) for array in arrays)
            raise AttributeError(
                f"{type(self.current).__name__} has no {method}, so it cannot be used on new "
                f"data ({given}): it can only fit and label the data it learns from. Use "
                "fit_transform or fit_predict, or an estimator that has it."
            )
        return function

    @available_if(offers("predict"))
    def predict(self, *arrays: Any) -> Any:
        """Call ``predict`` of the fitted estimator.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            Stand side by side if there are several.

        Returns
        -------
        array of shape (n_rows,) or (n_rows, n_targets)

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LinearRegression
        >>> from skmegatron.layers import Sklearn
        >>> X, y = np.array([[0.0], [1.0]]), np.array([1.0, 3.0])
        >>> Sklearn(LinearRegression()).fit(X, y=y).predict(np.array([[2.0]])).round(6)
        array([5.])
        """
        return self.respond("predict", *arrays)

    @available_if(offers("predict_proba"))
    def predict_proba(self, *arrays: Any) -> Any:
        """Call ``predict_proba`` of the fitted estimator.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            Stand side by side if there are several.

        Returns
        -------
        array of shape (n_rows, n_classes), or a list of one for each target

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.naive_bayes import BernoulliNB
        >>> from skmegatron.layers import Sklearn
        >>> bayes = Sklearn(BernoulliNB()).fit(np.array([[0], [1]]), y=np.array([0, 1]))
        >>> bayes.predict_proba(np.array([[1]])).round(2)
        array([[0.33, 0.67]])
        """
        return self.respond("predict_proba", *arrays)

    @available_if(offers("predict_log_proba"))
    def predict_log_proba(self, *arrays: Any) -> Any:
        """Call ``predict_log_proba`` of the fitted estimator.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            Stand side by side if there are several.

        Returns
        -------
        array of shape (n_rows, n_classes), or a list of one for each target

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.naive_bayes import BernoulliNB
        >>> from skmegatron.layers import Sklearn
        >>> bayes = Sklearn(BernoulliNB()).fit(np.array([[0], [1]]), y=np.array([0, 1]))
        >>> bayes.predict_log_proba(np.array([[1]])).round(2)
        array([[-1.1 , -0.41]])
        """
        return self.respond("predict_log_proba", *arrays)

    @available_if(offers("decision_function"))
    def decision_function(self, *arrays: Any) -> Any:
        """Call ``decision_function`` of the fitted estimator.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            Stand side by side if there are several.

        Returns
        -------
        array of shape (n_rows,) or (n_rows, n_classes)

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import RidgeClassifier
        >>> from skmegatron.layers import Sklearn
        >>> model = Sklearn(RidgeClassifier()).fit(np.array([[-1.0], [1.0]]), y=np.array([0, 1]))
        >>> model.decision_function(np.array([[-3.0], [3.0]]))
        array([-2.,  2.])
        """
        return self.respond("decision_function", *arrays)

    @available_if(offers("score_samples"))
    def score_samples(self, *arrays: Any) -> Any:
        """Call ``score_samples`` of the fitted estimator.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            Stand side by side if there are several.

        Returns
        -------
        array of shape (n_rows,)

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.neighbors import KernelDensity
        >>> from skmegatron.layers import Sklearn
        >>> density = Sklearn(KernelDensity()).fit(np.array([[0.0], [0.5]]))
        >>> density.score_samples(np.array([[0.2], [9.0]])).round(1)
        array([ -1. , -37.7])
        """
        return self.respond("score_samples", *arrays)

    @available_if(offers("score"))
    def score(self, *arrays: Any, y: Any = None, **params: Any) -> float:
        """Call ``score`` of the fitted estimator.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            Stand side by side if there are several.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
        **params
            What else it takes, such as ``sample_weight``.

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LinearRegression
        >>> from skmegatron.layers import Sklearn
        >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
        >>> round(Sklearn(LinearRegression()).fit(X, y=y).score(X, y=y), 6)
        1.0
        """
        return float(self.current.score(self._pack(arrays), *self._labels(y), **params))

    @available_if(_undoes)
    def inverse_transform(self, X: Any) -> Any:
        """Call ``inverse_transform`` of the fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        array of shape (n_rows,) or (n_rows, n_columns)
            1-D where `X` is.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skmegatron.layers import Sklearn
        >>> scaler = Sklearn(StandardScaler()).fit(np.array([[10.0], [30.0]]))
        >>> scaler.inverse_transform(np.array([[1.0]]))
        array([[30.]])
        """
        if self._passes_through:
            return X
        plain = np.ndim(X) == 1 and not hasattr(X, "tocsr")
        if plain and wants_columns(self.estimator):
            result = self.current.inverse_transform(np.asarray(X).reshape(-1, 1))
            return result.ravel() if result.ndim == 2 and result.shape[1] == 1 else result
        return self.current.inverse_transform(X)

    @property
    def classes_(self) -> Any:
        """Class labels of a fitted classifier.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.naive_bayes import BernoulliNB
        >>> from skmegatron.layers import Sklearn
        >>> Sklearn(BernoulliNB()).fit(np.array([[0], [1]]), y=np.array(["no", "yes"])).classes_
        array(['no', 'yes'], dtype='<U3')
        """
        return self.current.classes_

    def __getattr__(self, name: str) -> Any:
        # Learned attributes of the estimator are learned attributes of the step, so that
        # "steps_.pca.components_" works, also as an importance_getter.
        if name.endswith("_") and not name.startswith("_") and "estimator_" in vars(self):
            return getattr(self.estimator_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def joined_names(inbound: Sequence[Names | None]) -> Names | None:
    """Name the columns of arrays that are put side by side.

    Parameters
    ----------
    inbound : sequence of ndarray of str or None
        Names of the columns of each.

    Returns
    -------
    ndarray of str or None
        None where those of one are not known.
    """
    known = [block for block in inbound if block is not None and block.ndim == 1]
    return np.concatenate(known) if len(known) == len(inbound) else None


def names_of(estimator: Any, method: str, name: str, columns: Names | None) -> Names | None:
    """Name the columns of what a method of a fitted estimator gives.

    Parameters
    ----------
    estimator : estimator
    method : str
    name : str
        Of the step: predictions are named after it.
    columns : ndarray of str or None
        Names of what the estimator reads.

    Returns
    -------
    ndarray of str or None
        None where the estimator cannot tell.
    """
    if method == "transform":
        tell = getattr(estimator, "get_feature_names_out", None)
        if tell is None:
            return None
        try:
            return np.asarray(tell(columns), dtype=object)
        except TypeError:  # it takes no input_features
            return np.asarray(tell(), dtype=object)
        except AttributeError:  # a step inside it cannot tell
            return None
    if method == "predict_proba" and hasattr(estimator, "classes_"):
        classes = estimator.classes_
        if isinstance(classes, list):  # of several targets
            classes = [f"{place}_{label}" for place, one in enumerate(classes) for label in one]
        return np.array([f"{name}_{label}" for label in classes], dtype=object)
    return np.array([name], dtype=object) if method == "predict" else None
