"""Layers that change the rows while fitting, and only then.

Resampling, dropping outliers and augmentation are there to learn from. So wherever nothing is
fitted (`transform`, `predict`, `evaluate`, held-out data) such a step hands on what it reads: as
many rows as were fed, in their order.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone

from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.io.tables import as_values, take_rows
from skmegatron.layers.core import Layer
from skmegatron.layers.rowblocks import apart, same_rows, together
from skmegatron.layers.wrapping import tags_of
from skmegatron.nodes.base import Node


class TrainOnly(Layer):
    """Base of layers that change the rows while fitting only: define ``resample``.

    Called on nodes it gives one node for each that it is called on, keywords included and in the
    order of the call: ``X2, y2 = layer(X, y=y)``. While fitting, their rows are those that
    ``resample`` gave; everywhere else X2 is X, and y2 is y.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> from sklearn.linear_model import LinearRegression
    >>> class WithoutOutliers(sm.layers.TrainOnly):
    ...     def resample(self, X, y):
    ...         kept = np.abs(y - np.median(y)) < 10
    ...         return X[kept], y[kept]
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> X2, y2 = WithoutOutliers()(X, y=y)
    >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(LinearRegression())(X2, y=y2))
    >>> data = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> pipe.fit(data, [0.0, 1.0, 2.0, 500.0]).predict(data).round()
    array([0., 1., 2., 3.])
    """

    train_only = True
    #: What to do where a step cannot learn from batches.
    batch_advice: ClassVar[str] = (
        "It changes the rows while fitting, and needs all of them at once: call fit, or change "
        "the rows of each batch before it is handed in."
    )

    def __call__(
        self, *nodes: Any, name: str | Sequence[str] | None = None, **fit_only_nodes: Any
    ) -> Any:
        """Draw one step.

        Parameters
        ----------
        *nodes : Node, list of Node
            What is read on every run. A string, or a list of one for each output, after them is
            the name.
        name : str or sequence of str, default=None
            Name of the step; one name per output.
        **fit_only_nodes : Node
            What changes with them while fitting: ``y=``, ``sample_weight=``, and any other
            keyword.

        Returns
        -------
        TransformationNode or tuple of TransformationNode
            One for each of `nodes`, then one for each keyword in the order of the call.

        Raises
        ------
        NodeTypeError
            If something other than nodes is given.
        """
        given = {key: node for key, node in fit_only_nodes.items() if node is not None}
        return self._called(nodes, name, given)

    def _n_drawn(self, inbound: Sequence[Node], fit_only: dict[str, Node]) -> int:
        return len(inbound) + len(fit_only)

    def _compute(
        self, inbound: list[Node], fit_only: dict[str, Node], name: Any
    ) -> tuple[Layer, list[Any]]:
        return clone(self), [node.output for node in (*inbound, *fit_only.values())]

    def resample(self, *arrays: Any, **fit_only: Any) -> tuple[Any, ...]:
        """Change the rows; called while fitting only.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            One for each inbound node.
        **fit_only : array-like of shape (n_rows, ...)
            One for each keyword that the step was drawn with; None where nothing was fed.

        Returns
        -------
        tuple of array-like of shape (n_rows_out, ...)
            One for each of `arrays`, then one for each keyword in their order.

        Raises
        ------
        NotImplementedError
            If the layer's class does not define it.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import TrainOnly
        >>> class EverySecond(TrainOnly):
        ...     def resample(self, X, y=None):
        ...         return X[::2], y[::2]
        >>> EverySecond().resample(np.arange(4), y=np.array(list("abcd")))
        (array([0, 2]), array(['a', 'c'], dtype='<U1'))
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define resample(self, X, y=None), which gives the arrays "
            "with other rows: return X[kept], y[kept]."
        )

    def fit(self, *arrays: Any, **fit_only: Any) -> Self:
        """Learn what `resample` learns; what it gives is dropped.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows, ...)

        Returns
        -------
        self
        """
        self.fit_transform(*arrays, **fit_only)
        return self

    def transform(self, *arrays: Any) -> Any:
        """Give back what comes in.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        array-like of shape (n_rows, ...), or a tuple of them
        """
        return arrays[0] if len(arrays) == 1 else arrays

    def fit_transform(self, *arrays: Any, **fit_only: Any) -> Any:
        """Give what `resample` gives, which need not be what `transform` gives afterwards.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows, ...)

        Returns
        -------
        array of shape (n_rows_out, ...), or a tuple of them

        Raises
        ------
        ValueError
            If ``resample`` gave more or fewer arrays than it took, or none of the rows.
        ShapeError
            If they differ in their number of rows.
        """
        result = self.resample(*arrays, **fit_only)
        names = [*(f"array {n}" for n in range(1, len(arrays) + 1)), *(f"{k}=" for k in fit_only)]
        if len(names) == 1 and not isinstance(result, tuple):
            result = (result,)
        if not isinstance(result, tuple) or len(result) != len(names):
            got = len(result) if isinstance(result, tuple) else type(result).__name__
            raise ValueError(
                f"resample of {type(self.wrapped).__name__} took {', '.join(names)}, and must "
                f"return a tuple of {len(names)} arrays in this order, got {got}."
            )
        given = {
            name: as_values(value, name)
            for name, value in zip(names, result, strict=True)
            if value is not None
        }
        self._check_rows({name: int(value.shape[0]) for name, value in given.items()})
        changed = tuple(given.get(name) for name in names)
        return changed[0] if len(changed) == 1 else changed

    def _check_rows(self, n_rows: dict[str, int]) -> None:
        kind = type(self.wrapped).__name__
        if len(set(n_rows.values())) > 1:
            told = ", ".join(f"{name} {n}" for name, n in n_rows.items())
            raise ShapeError(
                f"resample of {kind} must give as many rows of each array, got {told}. Take the "
                "same rows of all: X[kept], y[kept]."
            )
        if not any(n_rows.values()):
            raise ValueError(
                f"{kind} kept none of the rows, so there is nothing to learn from. Loosen what "
                "it drops."
            )


class Resample(TrainOnly):
    """Let a sampler of imbalanced-learn change the rows while fitting.

    ``X2, y2 = Resample(sampler)(X, y=y)``; with ``sample_weight=w`` or any other keyword a third
    node comes back, whose rows have changed with them. Several nodes are put side by side for
    the sampler, images laid out as rows, and cut apart again.

    Parameters
    ----------
    sampler : object with ``fit_resample``, or "passthrough"
        It is never fitted itself.

    Attributes
    ----------
    sampler_ : object
        The fitted clone.

    Notes
    -----
    In a pipeline the step's parameter is the sampler, so ``set_params(smote__k_neighbors=3)``,
    ``set_params(smote=RandomUnderSampler())`` and ``set_params(smote="passthrough")`` work.

    A sampler that tells which rows it took, in ``sample_indices_``, takes the same rows of every
    keyword. One that makes new rows, as SMOTE does, has no weights or groups for them.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from imblearn.under_sampling import RandomUnderSampler
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> X2, y2 = sm.layers.Resample(RandomUnderSampler(random_state=0))(X, y=y)
    >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(LogisticRegression())(X2, y=y2))
    >>> data, labels = make_classification(weights=[0.9], random_state=0)
    >>> pipe.fit(data, labels).predict(data).shape
    (100,)
    >>> pipe.steps_.randomundersampler.sampler_.sample_indices_.shape
    (18,)
    """

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    @property
    def stateful(self) -> bool:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        """Whether there is a sampler."""
        return not self._passes_through

    @property
    def wrapped(self) -> Any:
        """The sampler."""
        return self.sampler

    @property
    def _passes_through(self) -> bool:
        return self.sampler is None or isinstance(self.sampler, str)

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        self.validate()
        return inbound, fit_only

    def validate(self) -> None:
        """Check that there is a sampler.

        Raises
        ------
        NodeTypeError
            If it is a class, a node, a layer, or anything without ``fit_resample``.
        ValueError
            If it is another word than "passthrough".
        """
        if isinstance(self.sampler, type):
            name = self.sampler.__name__
            raise NodeTypeError(f"Resample takes a sampler, got the class. Write {name}().")
        if isinstance(self.sampler, str) and self.sampler != "passthrough":
            raise ValueError(f"Resample takes a sampler or 'passthrough', got {self.sampler!r}.")
        if not self._passes_through and not hasattr(self.sampler, "fit_resample"):
            raise NodeTypeError(
                f"Resample takes a sampler with fit_resample(X, y), got {self.sampler!r}. Write "
                "Resample(RandomUnderSampler())(X, y=y), or derive from TrainOnly to change the "
                "rows in your own way."
            )

    def resample(self, *arrays: Any, **fit_only: Any) -> tuple[Any, ...]:
        """Call ``fit_resample`` of a clone of the sampler.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows, ...)
            ``y``, and what else changes with it.

        Returns
        -------
        tuple of array of shape (n_rows_out, ...)
            Of the kinds, shapes and dtypes that came in.

        Raises
        ------
        ValueError
            If the sampler needs labels and there are none, or if it makes new rows, which have
            none of what came by keyword.

        Examples
        --------
        >>> import numpy as np
        >>> from imblearn.under_sampling import RandomUnderSampler
        >>> from skmegatron.layers import Resample
        >>> X, y = np.arange(8.0).reshape(4, 2), np.array([0, 0, 0, 1])
        >>> fewer, labels = Resample(RandomUnderSampler(random_state=0)).resample(X, y=y)
        >>> fewer.shape, labels
        ((2, 2), array([0, 1]))
        """
        given = (*arrays, *fit_only.values())
        if self._passes_through:
            return given
        sampler = clone(self.sampler, safe=False)
        y = fit_only.get("y")
        self._check_labels(sampler, y)
        packed = together(arrays)
        result = sampler.fit_resample(packed, *(() if y is None else (_plain(y),)))
        X_out, y_out = result[:2] if isinstance(result, tuple) else (result, None)
        places = getattr(sampler, "sample_indices_", None)
        beside = [key for key, value in fit_only.items() if key != "y" and value is not None]
        if places is None and beside:
            raise self._no_such_rows(beside)
        picked = places is not None and same_rows(take_rows(packed, places), X_out)
        changed = {key: _taken(value, places) for key, value in fit_only.items() if key != "y"}
        if y is not None:
            changed["y"] = _taken(y, places) if picked else _like(y, y_out)
        self.sampler_ = sampler
        rows = [take_rows(a, places) for a in arrays] if picked else apart(X_out, arrays)
        return (*rows, *(changed.get(key) for key in fit_only))

    def _check_labels(self, sampler: Any, y: Any) -> None:
        labels = inspect.signature(sampler.fit_resample).parameters.get("y")
        if y is None and labels is not None and labels.default is labels.empty:
            name = type(sampler).__name__
            raise ValueError(
                f"{name} requires y to be passed, and the step was drawn without labels. Write "
                f"X2, y2 = Resample({name}())(X, y=label)."
            )

    def _no_such_rows(self, keys: Sequence[str]) -> ValueError:
        name = type(self.sampler).__name__
        told = ", ".join(f"{key}=" for key in keys)
        return ValueError(
            f"{name} does not tell which rows it took: it has no sample_indices_, as samplers "
            f"that make new rows have none, and those have no values of {told}. Leave {told} "
            "out, take a sampler that picks rows, such as RandomOverSampler or TomekLinks, or "
            "derive from TrainOnly and say in resample what new rows get."
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        own = tags_of(self.sampler)
        if own is not None:
            for name in ("allow_nan", "sparse", "positive_only", "pairwise"):
                setattr(tags.input_tags, name, getattr(own.input_tags, name))
        return tags


def _plain(y: Any) -> Any:
    """Give labels that are one column as a plain row of them."""
    return y.ravel() if isinstance(y, np.ndarray) and y.shape[1:] == (1,) else y


def _like(y: Any, y_out: Any) -> Any:
    """Give the sampler's labels in the shape and dtype in which labels came."""
    labels = np.asarray(y_out)
    if y.shape[1:] == (1,):
        labels = labels.reshape(-1, 1)
    return labels if labels.dtype.kind != y.dtype.kind else labels.astype(y.dtype, copy=False)


def _taken(value: Any, places: Any) -> Any:
    return None if value is None else take_rows(as_values(value, "a keyword"), places)
