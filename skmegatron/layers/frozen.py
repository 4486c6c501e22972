"""A step that has learned before it was drawn.

`Frozen` holds a copy of what was fitted, answers as that does, and is never fitted again. Since
nobody writes into the copy, clones share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any, Self

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from skmegatron.errors import NodeTypeError
from skmegatron.io.seen import Seen
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.columns import Names
from skmegatron.layers.core import Layer
from skmegatron.layers.wrapping import is_fitted
from skmegatron.nodes.base import Node, hooks
from skmegatron.nodes.choices import choice_in
from skmegatron.nodes.settling import Settled

#: What a frozen step answers, besides learned attributes, if what it holds does.
_ANSWERS = {
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "score",
    "inverse_transform",
    "kept_rows",
}


class Frozen(Layer):
    """Use what is fitted already as a step, and never fit it again.

    Not in clones either, so a search or a cross-validation fits the other steps only.

    Parameters
    ----------
    fitted : estimator or Layer
        Something fitted. A copy is taken, so that fitting it again later changes nothing here.
    method : str, default="auto"
        What gives the step's value: ``"auto"`` is what the layer's own ``transform`` gives; of
        an estimator it is ``transform`` if there is one, else ``predict``.

    Notes
    -----
    ``pipeline.steps_.pca.freeze()`` makes one of a fitted step, and
    ``set_params(pca=pipeline.steps_.pca.freeze())`` puts it into a pipeline under the same name.

    It needs no labels; a ``y=`` that it is called with is not read.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> from sklearn.preprocessing import StandardScaler
    >>> heights = np.array([[150.0], [170.0], [190.0]])
    >>> X = sm.Input("X", shape=(None,))
    >>> pipe = sm.Pipeline(X, sm.layers.Frozen(StandardScaler().fit(heights))(X))
    >>> pipe.fit(heights + 20).transform([[190.0]]).round(2)
    array([[1.22]])
    """

    stateful = False
    frozen = True

    def __init__(self, fitted: Any, method: str = "auto") -> None:
        # Not as given, but a copy: what is frozen must not thaw when the other is fitted again.
        self.fitted = deepcopy(fitted)
        self.method = method

    def _twin(self) -> Self:
        twin = object.__new__(type(self))
        twin.fitted, twin.method = self.fitted, self.method
        return twin

    def __sklearn_clone__(self) -> Self:
        return self._twin()

    def __copy__(self) -> Self:
        return self._twin()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._twin()

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_made"}

    def freeze(self) -> Self:
        """Give another one of the same."""
        return self._twin()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get `fitted` and `method`.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: parameters of what is frozen cannot be set.

        Returns
        -------
        dict of str to object
        """
        return {"fitted": self.fitted, "method": self.method}

    def set_params(self, **params: Any) -> Self:
        """Set `fitted` or `method`.

        Parameters
        ----------
        **params
            No others: what is frozen is not fitted again, so they would change nothing.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If another parameter is given.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skmegatron.layers import Frozen
        >>> model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
        >>> frozen = Frozen(model)
        >>> frozen.transform(np.array([[0.5]])).shape
        (1,)
        >>> frozen.set_params(method="predict_proba").transform(np.array([[0.5]])).shape
        (1, 2)
        """
        others = [f"{key}={value!r}" for key, value in params.items() if key not in _PARAMS]
        if others:
            kind = type(self.named_after).__name__
            raise ValueError(
                f"{', '.join(others)} cannot be set: {kind} is frozen, so it is never fitted "
                "with other parameters. Put one that is fitted in the place of the step: "
                f"set_params(step={kind}(...))."
            )
        if "fitted" in params:
            self.fitted = deepcopy(params["fitted"])
        self.method = params.get("method", self.method)
        return self

    def validate(self) -> None:
        """Check that there is something fitted.

        Raises
        ------
        NodeTypeError
            If it is a class, a node, nothing that gives values, or what changes rows while
            fitting only.
        NotFittedError
            If it is not fitted.
        """
        fitted = self.fitted
        if isinstance(fitted, type | Node) or not (
            isinstance(fitted, Layer) or any(hasattr(fitted, name) for name in _VALUES)
        ):
            raise NodeTypeError(
                f"Frozen takes a fitted estimator or layer, got {fitted!r}. Write "
                "Frozen(PCA().fit(X))(node)."
            )
        if getattr(fitted, "train_only", False):
            kind = type(self.named_after).__name__
            raise NodeTypeError(
                f"{kind} changes the rows while fitting only, so nothing of it could be used "
                'frozen. Leave it as it is, or switch it off: set_params(step="passthrough").'
            )
        if not _is_fitted(fitted):
            raise NotFittedError(
                f"Frozen takes something fitted, got {fitted!r}, which has not learned anything. "
                "Call its fit first, or take a step of a fitted pipeline: "
                "pipeline.steps_.name.freeze()."
            )

    def _settled(self) -> Settled:
        choice = choice_in(self)
        if choice is not None:
            # Candidates in the place of a parameter are cloned, and clones have learned nothing.
            raise TypeError(
                f"What is frozen is chosen as a whole step, got {choice!r} in Frozen. Write "
                "sm.choose({'a': Frozen(a), 'b': Frozen(b)})(node)."
            )
        return self, {}

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        self.validate()
        return inbound, fit_only

    @property
    def _layer(self) -> Any:
        """The layer that answers."""
        made = vars(self).get("_made")
        if made is None or made[0] is not self.fitted or made[1] != self.method:
            self.validate()
            made = self._made = self.fitted, self.method, _answering(self.fitted, self.method)
        return made[2]

    @property
    def named_after(self) -> Any:
        """What is frozen: the step has its name."""
        if isinstance(self.fitted, FrozenEstimator):
            return self.fitted.estimator
        return self.fitted.named_after if isinstance(self.fitted, Layer) else self.fitted

    @property
    def seen(self) -> Seen | None:
        """What is remembered of the rows whose labels were learned; None where nothing is."""
        return vars(self.fitted).get("_seen") if isinstance(self.fitted, Layer) else None

    @property
    def n_outputs(self) -> int:  # type: ignore[override]  # a class constant elsewhere, as of the layer here
        """How many arrays `transform` returns."""
        return self.fitted.n_outputs if isinstance(self.fitted, Layer) else 1

    @property
    def changes_rows(self) -> bool:  # type: ignore[override]  # as above
        """Whether `transform` gives other rows than it takes."""
        return isinstance(self.fitted, Layer) and self.fitted.changes_rows

    @property
    def takes_sparse(self) -> bool:
        """Whether `transform` takes sparse matrices."""
        return bool(getattr(self.fitted, "takes_sparse", True))

    @property
    def rowwise(self) -> bool:
        """Whether each row of the value comes from its own row of the arrays."""
        return bool(self._layer.rowwise)

    @property
    def can_transform(self) -> bool:
        """Whether the step can be run on data that it was not fitted on."""
        return bool(getattr(self._layer, "can_transform", True))

    @property
    def gives_value(self) -> bool:
        """Whether there is a method that could give the step's value."""
        return bool(getattr(self._layer, "gives_value", True))

    def partial_fit(self, *arrays: Any, **fit_only: Any) -> Self:
        """Learn nothing.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows,)

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Whiten
        >>> frozen = Whiten().fit(np.array([1.0, 3.0])).freeze()
        >>> frozen.partial_fit(np.array([100.0])).transform(np.array([3.0]))
        array([1.])
        """
        return self

    def transform(self, *arrays: Any) -> Any:
        """Give the step's value: what `method` of what is frozen gives.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        array of shape (n_rows, ...), or a tuple of them

        Raises
        ------
        NotFittedError
            If there is nothing fitted.
        """
        layer = self._layer
        if self.method == "auto" or isinstance(layer, Sklearn):
            return layer.transform(*arrays)
        return getattr(layer, self.method)(*arrays)

    def transform_batch(self, state: Any, *arrays: Any) -> tuple[Any, Any]:
        """Transform the next batch of a stream, as what is frozen does.

        Parameters
        ----------
        state : object
            What was given for the batch before; None for the first.
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        tuple of (array, object)
        """
        if self.method == "auto":
            value, state = self._layer.transform_batch(state, *arrays)
            return value, state
        return self.transform(*arrays), None

    def __getattr__(self, name: str) -> Any:
        learned = name.endswith("_") and not name.startswith("_")
        if learned or name in _ANSWERS:
            return getattr(self._layer, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the columns of the value, as what is frozen does.

        Parameters
        ----------
        name : str
        inbound : sequence of ndarray of str or None

        Returns
        -------
        ndarray of str or None
        """
        names: Names | None = self._layer.feature_names(name, inbound)
        return names

    def __sklearn_tags__(self) -> Any:
        tags = get_tags(self._layer)
        tags.requires_fit = False
        return tags


_PARAMS = {"fitted", "method"}
_VALUES = ("transform", "predict")


def _answering(fitted: Any, method: str) -> Any:
    """Give the layer that answers for something fitted."""
    if isinstance(fitted, Sklearn) and method != "auto":
        layer = copy(fitted)
        layer.method = method
        return layer
    if isinstance(fitted, Layer):
        return fitted
    layer = Sklearn(fitted, method=method)
    layer.estimator_ = fitted
    return layer


def _is_fitted(fitted: Any) -> bool:
    if isinstance(fitted, Layer) and not fitted.stateful:
        return True
    return is_fitted(fitted.current if isinstance(fitted, Sklearn) else fitted)


def _freeze(layer: Layer) -> Frozen:
    frozen = Frozen(layer)
    frozen.validate()
    return frozen


hooks["freeze"] = _freeze
