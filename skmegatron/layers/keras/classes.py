"""Keras models that are classifiers and regressors to scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, assert_all_finite
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import column_or_1d

from skmegatron.io.tables import describe
from skmegatron.layers.columns import Names
from skmegatron.layers.keras.building import loss_names
from skmegatron.layers.keras.core import Keras
from skmegatron.layers.keras.feeding import as_array, same_length
from skmegatron.layers.kernels.core import is_finite

Array = NDArray[Any]


class _Supervised(Keras):
    """What classifiers and regressors share: finite numbers come in, and one output goes out."""

    def _first_look(
        self, arrays: Sequence[Any], targets: Sequence[Any]
    ) -> tuple[list[Array], list[Array]]:
        if not targets:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: the "
                "step was drawn without labels. Write layer(node, y=label)."
            )
        taken, labels = super()._first_look(arrays, targets)
        _check_finite(taken)
        return taken, labels

    def _outputs(self, arrays: Sequence[Any]) -> Array:
        network = self._network()
        taken = [as_array(array, f"input {place}") for place, array in enumerate(arrays)]
        _check_finite(taken)
        outputs = network.predict(taken)
        return outputs[0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


def _check_finite(arrays: Sequence[Array]) -> None:
    for array in arrays:
        # scikit-learn words what is wrong; for one row it takes longer to see that nothing is.
        if array.dtype.kind == "f" and not is_finite(array):
            assert_all_finite(array, input_name="X")


class KerasClassifier(_Supervised):
    """Use a Keras model as a classifier.

    Labels may be numbers or text; the model is shown what its loss asks for. `meta` tells a build
    function ``n_classes_`` and ``classes_``. The model has one output, of one unit for two
    classes, or of one unit for each class.

    Parameters
    ----------
    model : callable or keras.Model
    optimizer, loss, metrics, epochs, batch_size, shuffle, callbacks, verbose, warm_start, \
reset_weights, random_state, custom_objects, **hyperparameters
        As in `Keras`. Where neither `loss` nor the model says otherwise, the loss is
        ``"binary_crossentropy"`` for one unit, else ``"sparse_categorical_crossentropy"``.
        ``fit__class_weight`` is ``"balanced"`` or a dictionary by the labels; weights of rows
        are multiplied with it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    model_ : keras.Model
    history_ : dict of str to list of float

    Notes
    -----
    Probabilities are made of what a last layer without activation gives, where the loss says
    ``from_logits=True``. They are given in float64, so that they add up to 1.

    Examples
    --------
    >>> import skmegatron as sm
    >>> def build(meta, units=8):
    ...     import keras
    ...     return keras.Sequential([
    ...         keras.Input(meta["input_shape"]), keras.layers.Dense(units, "relu"),
    ...         keras.layers.Dense(meta["n_classes_"], "softmax")])
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> pipe = sm.Pipeline([X, y], sm.layers.KerasClassifier(build, epochs=5)(X, y=y))
    >>> pipe.get_params()["kerasclassifier__units"]
    8
    """

    classes_: Array

    def _encoded(self, target: Any, place: int) -> Array:
        labels = np.asarray(target)
        if labels.ndim == 2 and labels.shape[1] > 1:
            self._learn_classes(np.arange(labels.shape[1]))
            return _of_one_hot(labels)
        labels = column_or_1d(labels, warn=True)
        if labels.dtype.kind in "fc":
            assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        if not self._knows_classes:
            self._learn_classes(unique_labels(labels))
        return self._encoded_again(labels, place)

    #: Whether the classes were told, or learned from an earlier batch.
    _knows_classes = False

    def _learn_classes(self, classes: Array) -> None:
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, but the "
                f"data contains only one class: {classes.tolist()[0]!r}."
            )
        self._draft_classes = classes

    def _encoded_again(self, target: Any, place: int) -> Array:
        labels = np.asarray(target)
        if labels.ndim == 2 and labels.shape[1] > 1:
            return _of_one_hot(labels)
        labels, classes = labels.ravel(), self._draft_classes
        places = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        unknown = classes[places] != labels
        if unknown.any():
            raise ValueError(
                f"y holds the label {labels[unknown].tolist()[0]!r}, which is not among the "
                f"classes {classes.tolist()}. Name all of them when the first batch is learned: "
                "partial_fit(X, y, classes=...)."
            )
        return places

    def _more_meta(self) -> dict[str, Any]:
        return {"n_classes_": len(self._draft_classes), "classes_": self._draft_classes}

    def default_loss(self, model: Any) -> Any:  # noqa: D102 - documented on Keras
        return "binary_crossentropy" if _units(model) == 1 else "sparse_categorical_crossentropy"

    def _like_outputs(self, model: Any, labels: Sequence[Array]) -> list[Array]:
        n_classes, units = len(self._draft_classes), _units(model)
        if units != n_classes and not (units == 1 and n_classes == 2):
            raise ValueError(
                f"The model gives {units} numbers for a row, and there are {n_classes} classes. "
                "Give one for each, Dense(meta['n_classes_'], 'softmax'), or for two classes one: "
                "Dense(1, 'sigmoid')."
            )
        (places,) = labels
        if units > 1 and "sparse" not in loss_names(model):
            return [np.eye(n_classes, dtype=np.float32)[places]]
        return [places.reshape(-1, 1).astype(np.float32) if units == 1 else places]

    def _fit_options(self) -> dict[str, Any]:
        return {name: v for name, v in super()._fit_options().items() if name != "class_weight"}

    def _weighed(self, labels: Sequence[Array], weight: Any, *, in_batches: bool) -> Any:
        """Weigh the rows by their classes, too: Keras takes either one or the other."""
        told = super()._fit_options().get("class_weight")
        if told is None:
            return weight
        if in_batches and isinstance(told, str):
            raise ValueError(
                f"fit__class_weight={told!r} needs the labels of all rows at once, and these come "
                "in batches. Write a dictionary, fit__class_weight={label: weight}, or call fit."
            )
        (places,), classes = labels, self._draft_classes
        seen = np.unique(places) if isinstance(told, str) else np.arange(len(classes))
        by_class = np.ones(len(classes))
        by_class[seen] = compute_class_weight(told, classes=classes[seen], y=classes[places])
        if weight is None:
            return by_class[places]
        weight = as_array(weight, "sample_weight")
        same_length({"y": places, "sample_weight": weight})
        return weight * by_class[places]

    def fit(self, *arrays: Any, y: Any = None, **params: Any) -> Self:  # noqa: D102 - documented on Keras
        self._forget_draft(known="network_" in vars(self) and self.warm_start)
        params.pop("classes", None)
        try:
            super().fit(*arrays, y=y, **params)
            self.classes_ = self._draft_classes
        finally:
            self._forget_draft(known=False)
        return self

    def partial_fit(self, *arrays: Any, y: Any = None, classes: Any = None, **params: Any) -> Self:
        """Take in one more batch.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        y : array-like of shape (n_rows,)
        classes : array-like of shape (n_classes,), default=None
            All labels there are. Where the first call is not told, those of its batch.
        **params
            As in `fit`.

        Returns
        -------
        self
        """
        self._forget_draft(known="classes_" in vars(self))
        if not self._knows_classes and classes is not None:
            self._learn_classes(np.unique(np.asarray(classes)))
            self._knows_classes = True
        try:
            super().partial_fit(*arrays, y=y, **params)
            self.classes_ = self._draft_classes
        finally:
            self._forget_draft(known=False)
        return self

    #: The engine gathers the labels before the first batch is learned.
    takes_classes = True

    def _forget_draft(self, *, known: bool) -> None:
        for name in ("_draft_classes", "_knows_classes"):
            self.__dict__.pop(name, None)
        if known:
            self._draft_classes, self._knows_classes = self.classes_, True

    def _rows(self, arrays: Sequence[Any]) -> Array:
        """Give one row of numbers for each, whatever axes the model gives."""
        given = self._outputs(arrays)
        return given.reshape(given.shape[0], prod(given.shape[1:]))

    def predict_proba(self, *arrays: Any) -> Array:
        """Give the probability of each class.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, n_classes)

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import KerasClassifier
        >>> def build(meta):
        ...     import keras
        ...     layers = [keras.layers.Dense(meta["n_classes_"], "softmax")]
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), *layers])
        >>> net = KerasClassifier(build).fit(np.zeros((4, 1)), y=np.array(["left", "right"] * 2))
        >>> chances = net.predict_proba(np.zeros((2, 1)))
        >>> chances.shape, chances.sum(axis=1).round(3).tolist()
        ((2, 2), [1.0, 1.0])
        """
        given = self._rows(arrays).astype(np.float64)
        logits = _gives_logits(self.model_)
        if given.shape[1] == 1:
            second = special.expit(given) if logits else given
            return np.hstack([1 - second, second])
        if logits:
            return np.asarray(special.softmax(given, axis=1))
        total = given.sum(axis=1, keepdims=True)
        total[total == 0] = 1
        given /= total
        return given

    def predict(self, *arrays: Any) -> Array:
        """Give the most probable class.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows,)

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import KerasClassifier
        >>> def build(meta):
        ...     import keras
        ...     layers = [keras.layers.Dense(meta["n_classes_"], "softmax")]
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), *layers])
        >>> X, y = np.array([[-3.0], [-2.0], [2.0], [3.0]]), np.repeat(["left", "right"], 2)
        >>> net = KerasClassifier(build, epochs=60, optimizer__learning_rate=0.1, random_state=0)
        >>> net.fit(X, y=y).predict(X)
        array(['left', 'left', 'right', 'right'], dtype='<U5')
        """
        given = self._rows(arrays)
        if given.shape[1] == 1:
            places = given[:, 0] > (0.0 if _around_zero(self.model_) else 0.5)
        else:
            places = given.argmax(axis=1)
        return np.asarray(self.classes_[places.astype(int)])

    def score(self, *arrays: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Give the accuracy.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        y : array-like of shape (n_rows,)
        sample_weight : array-like of shape (n_rows,), default=None

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import KerasClassifier
        >>> def build(meta):
        ...     import keras
        ...     layers = [keras.layers.Dense(meta["n_classes_"], "softmax")]
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), *layers])
        >>> X, y = np.array([[-3.0], [-2.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
        >>> net = KerasClassifier(build, epochs=60, optimizer__learning_rate=0.1, random_state=0)
        >>> net.fit(X, y=y).score(X, y=y)
        1.0
        """
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] > 1:
            labels = self.classes_[_of_one_hot(labels)]
        return float(accuracy_score(labels, self.predict(*arrays), sample_weight=sample_weight))

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the one column of predictions after the step."""
        return np.array([name], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags.multi_output = False
        return tags


class KerasRegressor(_Supervised):
    """Use a Keras model as a regressor.

    Parameters
    ----------
    model : callable or keras.Model
    optimizer, loss, metrics, epochs, batch_size, shuffle, callbacks, verbose, warm_start, \
reset_weights, random_state, custom_objects, **hyperparameters
        As in `Keras`. Where neither `loss` nor the model says otherwise, the loss is ``"mse"``.

    Attributes
    ----------
    model_ : keras.Model
    history_ : dict of str to list of float

    Notes
    -----
    A target of shape (n_rows,) is predicted in that shape. Predictions are float64, as
    scikit-learn expects of regressors; the model itself computes in float32.

    Examples
    --------
    >>> import skmegatron as sm
    >>> def build(meta):
    ...     import keras
    ...     return keras.Sequential([keras.Input(meta["input_shape"]), keras.layers.Dense(1)])
    >>> sm.layers.KerasRegressor(build, optimizer="adam", epochs=20)
    KerasRegressor(build, optimizer='adam', epochs=20)
    """

    def _encoded(self, target: Any, place: int) -> Array:
        labels = as_array(target, "y")
        if labels.dtype.kind in "US":  # numbers written as text, as scikit-learn takes them
            labels = labels.astype(np.float64)
        if labels.dtype.kind == "f":
            assert_all_finite(labels, input_name="y")
        return labels.astype(np.float32)

    def default_loss(self, model: Any) -> Any:  # noqa: D102 - documented on Keras
        return "mse"

    def fit(self, *arrays: Any, y: Any = None, **params: Any) -> Self:  # noqa: D102 - documented on Keras
        super().fit(*arrays, y=y, **params)
        self.plain_ = np.ndim(y) == 1
        return self

    def partial_fit(self, *arrays: Any, y: Any = None, **params: Any) -> Self:  # noqa: D102 - documented on Keras
        super().partial_fit(*arrays, y=y, **params)
        self.plain_ = np.ndim(y) == 1
        return self

    def predict(self, *arrays: Any) -> Array:
        """Predict.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            As the labels were.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import KerasRegressor
        >>> def build(meta):
        ...     import keras
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), keras.layers.Dense(1)])
        >>> net = KerasRegressor(build).fit(np.zeros((4, 2)), y=np.zeros(4))
        >>> net.predict(np.zeros((3, 2))).shape
        (3,)
        """
        given = self._outputs(arrays).astype(np.float64)
        one = given.ndim == 2 and given.shape[1] == 1
        return np.asarray(given.reshape(-1) if self.plain_ and one else given)

    def score(self, *arrays: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Give R2.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        sample_weight : array-like of shape (n_rows,), default=None

        Returns
        -------
        float

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import KerasRegressor
        >>> def build(meta):
        ...     import keras
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), keras.layers.Dense(1)])
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> net = KerasRegressor(build, epochs=200, optimizer__learning_rate=0.1, random_state=0)
        >>> round(net.fit(X, y=X[:, 0]).score(X, y=X[:, 0]), 1)
        1.0
        """
        return float(r2_score(y, self.predict(*arrays), sample_weight=sample_weight))

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the one column of predictions after the step."""
        return np.array([name], dtype=object) if self.plain_ else None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags


def _of_one_hot(labels: Array) -> Array:
    """Give the place of the 1 in each row."""
    if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
        raise ValueError(
            f"KerasClassifier takes one class for each row, and the labels {describe(labels)} are "
            "no one-hot rows, with one 1 in each. For several labels of a row use "
            "Keras(build, loss='binary_crossentropy')."
        )
    return np.asarray(labels.argmax(axis=1))


def _units(model: Any) -> int:
    return int(model.output_shape[-1])


def _gives_logits(model: Any) -> bool:
    return bool(getattr(model.loss, "from_logits", False))


def _around_zero(model: Any) -> bool:
    return _gives_logits(model) or "hinge" in loss_names(model)
