"""Estimators of other libraries as layers."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils.metaestimators import available_if

from skmegatron.errors import NodeTypeError
from skmegatron.io.seen import Seen, seen_rows
from skmegatron.io.tables import columns_together, released
from skmegatron.layers.columns import Names
from skmegatron.layers.core import Layer
from skmegatron.layers.outoffold import PER_CLASS, out_of_fold, splits_of
from skmegatron.layers.responding import Responding, joined_names, names_of, offers
from skmegatron.layers.wrapping import (
    as_asked,
    batch_advice,
    copies_first,
    learns_labels,
    learns_nothing,
    needs_labels,
    tags_of,
    takes_epochs,
    validation_params,
    validation_style,
)
from skmegatron.nodes.base import Node
from skmegatron.nodes.choices import Choice, refuse_choices

#: Attributes that a clone has, or has no need of.
_PLAIN = {"estimator", "method", "cv", "estimator_", "_asker", "_earlier", "_seen"}


def _learns_in_batches(layer: Sklearn) -> bool:
    # A frozen estimator hands partial_fit through to the one that it should protect, and
    # out-of-fold values need all rows at once.
    frozen = isinstance(layer.estimator, FrozenEstimator)
    return hasattr(layer.current, "partial_fit") and not frozen and layer.cv is None


class Sklearn(Responding):
    """Use an estimator as a step.

    Several nodes are put side by side as columns. A 1-D array becomes a column, unless the
    estimator's input tags say that it takes 1-D input, as text vectorisers do.

    Parameters
    ----------
    estimator : estimator or "passthrough"
        Anything with sklearn's ``fit``, and ``transform`` or ``predict``. It is never
        fitted itself.
    method : str, default="auto"
        What gives the step's value: ``"auto"`` is ``transform`` if there is one, else
        ``predict`` (``fit_predict`` for estimators that have only that).
    cv : int, splitter or iterable, default=None
        Fit out of fold: while fitting, the nodes below see cross-validated predictions;
        afterwards the estimator fitted on everything serves. Takes a ``groups=`` node. Every
        row must be in exactly one test fold; a generator of splits is kept as a list.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.

    Notes
    -----
    In a pipeline the step's parameter is the wrapped estimator, so
    ``set_params(pca__n_components=3)``, ``set_params(pca=TruncatedSVD())`` and
    ``set_params(pca="passthrough")`` work.

    ``Sklearn(classifier)([X, labels])`` takes the last node as ``y`` where the estimator
    needs labels and no ``y=`` is given.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skmegatron.layers import Sklearn
    >>> Sklearn(MinMaxScaler()).fit_transform(np.array([1.0, 2.0, 3.0])).ravel()
    array([0. , 0.5, 1. ])
    """

    notes_rows = True

    def __init__(self, estimator: Any, method: str = "auto", cv: Any = None) -> None:
        self.estimator = estimator
        self.method = method
        # What can be read once would be used up by the first fit.
        self.cv = list(cv) if isinstance(cv, Iterator) else cv

    def __sklearn_clone__(self) -> Self:
        if type(self) is not Sklearn or vars(self).keys() - _PLAIN:
            return super().__sklearn_clone__()  # type: ignore[no-any-return]
        return Sklearn(clone(self.estimator, safe=False), self.method, clone(self.cv, safe=False))

    @property
    def stateful(self) -> bool:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        """Whether there is something to fit."""
        return not self._passes_through

    @property
    def wrapped(self) -> Any:
        """The estimator."""
        return self.estimator

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        self.validate()
        if "y" not in fit_only and len(inbound) > 1 and needs_labels(self.estimator):
            return inbound[:-1], {"y": inbound[-1], **fit_only}
        return inbound, fit_only

    def validate(self) -> None:
        """Check that there is an estimator to fit.

        Raises
        ------
        NodeTypeError
            If it is a class, a node, a layer, or anything without ``fit``.
        ValueError
            If it is another word than "passthrough".
        TypeError
            If there is a choice instead of a value.
        """
        if isinstance(self.estimator, Choice):
            refuse_choices(self)
        if isinstance(self.estimator, type):
            name = self.estimator.__name__
            raise NodeTypeError(f"Sklearn takes an estimator, got the class. Write {name}().")
        if isinstance(self.estimator, Node | Layer) or not (
            self._passes_through or hasattr(self.estimator, "fit")
        ):
            raise NodeTypeError(
                f"Sklearn takes an estimator with a fit method, got {self.estimator!r}. Write "
                "Sklearn(PCA())(node); our own layers are called on nodes directly."
            )
        if isinstance(self.estimator, str) and self.estimator != "passthrough":
            raise ValueError(
                f"Sklearn takes an estimator or 'passthrough', got {self.estimator!r}."
            )

    @property
    def resolved_method(self) -> str:
        """The method that gives the step's value.

        Raises
        ------
        TypeError
            If the estimator has none that could, or not the one asked for.
        """
        if self.method != "auto":
            if not hasattr(self.current, self.method) and not self._only_by_fitting:
                raise TypeError(
                    f"{type(self.current).__name__} has no method {self.method!r}. Name one that "
                    'it has, or leave method="auto".'
                )
            return self.method
        for method in ("transform", "predict"):
            if hasattr(self.current, method):
                return method
        if hasattr(self.current, "fit_transform"):
            return "transform"
        if hasattr(self.current, "fit_predict"):
            return "predict"
        raise TypeError(
            f"{self.current!r} has neither transform nor predict, so it gives no value. Name "
            "the method that does: Sklearn(estimator, method=...)."
        )

    @property
    def _only_by_fitting(self) -> bool:
        """Whether the value asked for comes from a fit_transform or fit_predict alone."""
        return hasattr(self.current, f"fit_{self.method}")

    @property
    def gives_value(self) -> bool:
        """Whether the estimator has any method that could give the step's value."""
        if self._passes_through or self.method != "auto":
            return True
        methods = ("transform", "predict", "fit_transform", "fit_predict")
        return any(hasattr(self.current, method) for method in methods)

    @property
    def can_transform(self) -> bool:
        """Whether the step can be run on data that it was not fitted on."""
        if self._passes_through:
            return True
        if self.method != "auto":
            return hasattr(self.current, self.method) and not self.method.startswith("fit")
        return hasattr(self.current, "transform") or hasattr(self.current, "predict")

    @property
    def takes_classes(self) -> bool:
        """Whether ``partial_fit`` takes the list of classes."""
        function = getattr(self.current, "partial_fit", None)
        return function is not None and "classes" in inspect.signature(function).parameters

    @property
    def learns_nothing(self) -> bool:
        """Whether the value does not depend on what ``fit`` has seen."""
        return learns_nothing(self.estimator)

    @property
    def takes_epochs(self) -> bool:
        """Whether the estimator gains from taking the same batches in again."""
        return takes_epochs(self.estimator)

    @property
    def batch_advice(self) -> str:
        """What to do where the step cannot learn from batches."""
        if self.cv is not None and hasattr(self.current, "partial_fit"):
            return "Out-of-fold values need all rows at once: leave cv= out, or call fit."
        return batch_advice(self.estimator)

    @property
    def takes_validation(self) -> bool:
        """Whether ``fit`` can use held-out data for early stopping."""
        return not self._passes_through and bool(validation_style(self.estimator))

    def fit(self, *arrays: Any, y: Any = None, validation_data: Any = None, **params: Any) -> Self:
        """Fit a clone of the estimator.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows,) or (n_rows, n_columns)
            Put side by side as columns.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Labels.
        validation_data : tuple of (list of array-like, array-like), default=None
            Held-out arrays and labels, and weights where there are some, for estimators whose
            ``fit`` takes ``X_val`` and ``y_val``, ``eval_set``, ``eval_X`` and ``eval_y``, or
            ``validation_data``.
        **params : array-like of shape (n_rows,)
            Further keywords of the estimator's ``fit``, such as ``sample_weight``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the estimator needs labels and there are none.
        """
        if self._passes_through:
            return self
        if self.cv is not None:
            params.pop("groups", None)  # they only tell how to cut folds
        self._fit_by("fit", arrays, y, validation_data, params)
        return self

    def fit_transform(
        self, *arrays: Any, y: Any = None, validation_data: Any = None, **params: Any
    ) -> Any:
        """Fit a clone of the estimator and give the step's value for the same data.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows,) or (n_rows, n_columns)
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        validation_data : tuple, default=None
        **params : array-like of shape (n_rows,)
            As in `fit`.

        Returns
        -------
        array of shape (n_rows,) or (n_rows, n_columns_out)
            Out-of-fold predictions where `cv` is given.

        Raises
        ------
        ValueError
            If the estimator needs labels and there are none, or if `cv` leaves a row out.
        """
        if self._passes_through:
            return self.transform(*arrays)
        refuse_choices(self)
        method = self.resolved_method
        if self.cv is not None:
            value = self._fit_by_fold(method, arrays, y, validation_data, params)
            return _as_columns(method, value)
        if method.startswith("fit_"):
            return self._fit_by(method, arrays, y, validation_data, params)
        direct = {"transform": "fit_transform", "predict": "fit_predict"}.get(method, "")
        only_way = not hasattr(self.estimator, method)
        if hasattr(self.estimator, direct) and (method == "transform" or only_way):
            return self._fit_by(direct, arrays, y, validation_data, params)
        self.fit(*arrays, y=y, validation_data=validation_data, **params)
        return _as_columns(method, self._function(method, arrays)(self._pack(arrays)))

    @available_if(offers("fit_predict"))
    def fit_predict(self, *arrays: Any, y: Any = None, **params: Any) -> Any:
        """Fit a clone of the estimator and label the same data.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows,) or (n_rows, n_columns)
        y : array-like of shape (n_rows,), default=None
        **params : array-like of shape (n_rows,)

        Returns
        -------
        ndarray of shape (n_rows,)

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.cluster import DBSCAN
        >>> from skmegatron.layers import Sklearn
        >>> Sklearn(DBSCAN(min_samples=2)).fit_predict(np.array([[0.0], [0.1], [9.0]]))
        array([ 0,  0, -1])
        """
        return self._fit_by("fit_predict", arrays, y, None, params)

    @available_if(_learns_in_batches)
    def partial_fit(self, *arrays: Any, y: Any = None, **params: Any) -> Self:
        """Let the estimator take in one more batch.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows,) or (n_rows, n_columns)
        y : array-like of shape (n_rows,), default=None
        **params
            Further keywords of the estimator's ``partial_fit``, such as ``classes``.

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.preprocessing import MinMaxScaler
        >>> from skmegatron.layers import Sklearn
        >>> scaler = Sklearn(MinMaxScaler()).partial_fit(np.array([[0.0]]))
        >>> scaler.partial_fit(np.array([[8.0]])).transform(np.array([[2.0]]))
        array([[0.25]])
        """
        refuse_choices(self)
        if not hasattr(self, "estimator_"):
            self.estimator_ = clone(self.estimator)
        self._check_labels(y)
        classes: Any = params.get("classes")
        per_column = isinstance(classes, list) and isinstance(classes[0], np.ndarray)
        if per_column and not isinstance(self.estimator, MultiOutputClassifier):
            params["classes"] = np.unique(np.concatenate(classes))
        self.estimator_.partial_fit(self._pack(arrays), *self._labels(y), **params)
        self._note_rows(arrays, y, vars(self).get("_seen"))
        return self

    @contextmanager
    def observed_by(self, owner: Any, context: Any) -> Iterator[None]:
        """Let scikit-learn's callbacks see into the estimator while it is fitted.

        Parameters
        ----------
        owner : estimator
            Whose callbacks they are.
        context : CallbackContext
            Of the task that fitting this step is.
        """
        self._observer = owner, context
        try:
            yield
        finally:
            del self._observer

    def go_on_from(self, fitted: Sklearn) -> None:
        """Let the next fit go on from what another layer has learned.

        Parameters
        ----------
        fitted : Sklearn
            It is not changed. Its estimator must have the parameter ``warm_start``.
        """
        self._earlier = fitted.current
        self._seen = vars(fitted).get("_seen")

    def _note_rows(self, arrays: Sequence[Any], y: Any, before: Seen | None) -> None:
        """Remember which rows the estimator has learned the labels of."""
        frozen = isinstance(self.estimator, FrozenEstimator)
        if y is not None and not frozen and learns_labels(self.estimator):
            self._seen = seen_rows(arrays, before)

    def _start(self) -> Any:
        """Give what is fitted: a clone, or a copy of what goes on from an earlier fit."""
        estimator = clone(self.estimator)
        if "_earlier" not in vars(self):
            return estimator
        params = {**estimator.get_params(deep=False), "warm_start": True}
        return deepcopy(self._earlier).set_params(**params)

    def _fit_by(
        self, function: str, arrays: Sequence[Any], y: Any, validation: Any, params: dict[str, Any]
    ) -> Any:
        """Fit a clone of the estimator with one of its methods, and keep it if that went well."""
        refuse_choices(self)
        estimator = self._start()
        params = params | self._fit_params(estimator, y, validation)
        owner, context = vars(self).get("_observer", (None, None))
        with _nested(context, estimator):
            if context is not None:
                context.call_on_fit_task_begin(estimator=owner)
            X = self._pack(arrays)
            if copies_first(estimator):
                X = released(X)  # one that is read-only it would copy twice
            with as_asked(params):
                value = getattr(estimator, function)(X, *self._labels(y), **params)
            if context is not None:
                context.call_on_fit_task_end(estimator=owner)
        self.estimator_ = estimator
        self._note_rows(arrays, y, vars(self).get("_seen") if "_earlier" in vars(self) else None)
        for name in ("_asker", "_earlier"):  # they hold on to the estimator before
            self.__dict__.pop(name, None)
        # Cross decompositions give the transformed y as well.
        return value[0] if function == "fit_transform" and isinstance(value, tuple) else value

    def _fit_by_fold(
        self, method: str, arrays: Sequence[Any], y: Any, validation: Any, params: dict[str, Any]
    ) -> Any:
        groups = params.pop("groups", None)
        held_out = self._fit_params(self.estimator, y, validation)
        X = self._pack(arrays)
        splits = splits_of(self.cv, self.estimator, X, y, groups)
        self._fit_by("fit", arrays, y, validation, params)
        return out_of_fold(self.estimator, method, X, self._labels(y), splits, params, held_out)

    def _fit_params(self, estimator: Any, y: Any, validation: Any) -> dict[str, Any]:
        """Check the labels, and word the held-out data for the estimator's ``fit``."""
        self._check_labels(y)
        if validation is None:
            return {}
        held_out, labels, *weights = validation
        return validation_params(estimator, self._pack(held_out), labels, *weights)

    def _check_labels(self, y: Any) -> None:
        if y is None and needs_labels(self.estimator):
            name = type(self.estimator).__name__
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None: the step was drawn "
                f"without labels. Write Sklearn({name}())(node, y=label)."
            )

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        # What is known of the estimator is found out again.
        return {key: value for key, value in state.items() if key != "_asker"}

    def transform(self, *arrays: Any) -> Any:
        """Give the step's value: what `method` of the fitted estimator gives.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        array of shape (n_rows,) or (n_rows, n_columns_out)
        """
        if self._passes_through:
            return arrays[0] if len(arrays) == 1 else columns_together(arrays)
        method = self.resolved_method
        return _as_columns(method, self.respond(method, *arrays))

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Ask the estimator; predictions are named after the step.

        Parameters
        ----------
        name : str
        inbound : sequence of ndarray of str or None

        Returns
        -------
        ndarray of str or None
        """
        if self._passes_through:
            return joined_names(inbound)
        return names_of(self.current, self.resolved_method, name, joined_names(inbound))

    def __sklearn_tags__(self) -> Any:
        own = tags_of(self.estimator)
        if own is None:
            own = super().__sklearn_tags__()
            own.input_tags.allow_nan = own.input_tags.sparse = True
        return own


def _as_columns(method: str, value: Any) -> Any:
    # Classifiers of several targets give a list, an array for each, which no step could read.
    return np.hstack(value) if method in PER_CLASS and isinstance(value, list) else value


def _nested(context: Any, estimator: Any) -> AbstractContextManager[None]:
    if context is None or not hasattr(estimator, "set_callbacks"):
        return nullcontext()
    within: AbstractContextManager[None] = context.propagate_callback_context(estimator)
    return within
