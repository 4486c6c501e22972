"""What a metric is, and how it takes in batches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, Self, TypeAlias

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skmegatron.errors import NodeTypeError
from skmegatron.io.saving import Portable, unwrapped
from skmegatron.io.tables import column_names, guarded, is_frame, join, select_block
from skmegatron.layers.core import Layer
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import ExploreNode, MetricNode, Step

#: Of each node that is measured: its name, and the names of its columns where known.
NodeNames: TypeAlias = Sequence[tuple[str, Sequence[str] | None]] | None


class Measurement(Layer):
    """Base of what looks at nodes without changing them: metrics and explorers.

    A subclass defines `evaluate`, which measures whole arrays. Data that comes in batches
    goes through `start`, `update` and `finish`; the state in between is an object of its
    own, so the layer can measure several things at a time. Here the state is the batches,
    which is right for any measurement and grows with the rows; those that can do with less
    define the three methods.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.layers.metrics import Measurement
    >>> class Share(Measurement):
    ...     def evaluate(self, mask):
    ...         return float(mask.mean())
    >>> age = sm.Input("age")
    >>> adults = Share()(age >= 18, "adults")
    >>> sm.Pipeline(age, age, metrics=adults).evaluate({"age": [12, 30, 45, 50]})
    {'adults': 0.75}
    """

    stateful = False
    #: Whether the result shows the names that `start` is given.
    takes_names: bool = False
    _has_params = False
    _node_type: type[MetricNode | ExploreNode] = MetricNode

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        output = None
        if all(node.eager for node in (*inbound, *fit_only.values())):
            named = {key: guarded(node.output) for key, node in fit_only.items()}
            output = self.evaluate(*(guarded(node.output) for node in inbound), **named)
        step = Step(self, inbound, fit_only, name if name is None else str(name))
        return self._node_type(step, output)

    def evaluate(self, *arrays: Any, **named: Any) -> Any:
        """Measure whole arrays.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            One for each node of the call.
        **named : array-like of shape (n_rows,)
            One for each node given by keyword.

        Returns
        -------
        object

        Raises
        ------
        NotImplementedError
            If the class does not define it.

        Examples
        --------
        >>> from skmegatron.metrics import Accuracy
        >>> Accuracy().evaluate([0, 1, 1], [0, 1, 0])
        0.6666666666666666
        """
        raise NotImplementedError(f"{type(self).__name__} must define evaluate(self, *arrays).")

    def transform(self, *arrays: Any) -> Any:
        """Measure whole arrays, as `evaluate` does.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        object
        """
        return self.evaluate(*arrays)

    def start(self, names: NodeNames = None) -> Any:
        """Make the state of one measurement.

        Parameters
        ----------
        names : sequence of (str, sequence of str or None), default=None
            Name of each node, and of its columns, for results that show them.

        Returns
        -------
        state

        Examples
        --------
        >>> from skmegatron.layers import Describe
        >>> describe = Describe()
        >>> state = describe.start([("age", None)])
        >>> describe.finish(describe.update(state, [31, 45]))["mean"].tolist()
        [38.0]
        """
        return []

    def update(self, state: Any, *arrays: Any, **named: Any) -> Any:
        """Take in one batch.

        Parameters
        ----------
        state : state
            From `start` or `update`; not to be used again.
        *arrays : array-like of shape (n_rows, ...)
        **named : array-like of shape (n_rows,)

        Returns
        -------
        state

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.metrics import R2
        >>> r2 = R2()
        >>> state = r2.update(r2.start(), np.array([1.0, 2.0]), np.array([1.0, 2.0]))
        >>> r2.finish(r2.update(state, np.array([3.0]), np.array([3.0])))
        1.0
        """
        state.append((arrays, named))
        return state

    def finish(self, state: Any) -> Any:
        """Give the result for all batches.

        Parameters
        ----------
        state : state

        Returns
        -------
        object
            What `evaluate` gives for the batches put together.

        Raises
        ------
        ValueError
            If no batch came.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.metrics import MaxError
        >>> worst = MaxError()
        >>> worst.finish(worst.update(worst.start(), np.array([1.0, 2.0]), np.array([1.5, 2.0])))
        0.5
        """
        if not state:
            raise ValueError(f"{self!r} has nothing to measure: no batch came.")
        arrays = [_rows_together(parts) for parts in zip(*(a for a, _ in state), strict=True)]
        named = {key: _rows_together([kw[key] for _, kw in state]) for key in state[0][1]}
        return self.evaluate(*arrays, **named)


class Metric(Measurement):
    """Attach a function of the values of nodes to the graph.

    Called by ``pipeline.evaluate``, and by nothing else.

    Parameters
    ----------
    metric_fn : callable
        Takes one array per node, and the keyword arguments; usually
        ``metric_fn(y_true, y_pred)``.
    **kwargs
        Keyword arguments for `metric_fn`. They are hyperparameters.

    Notes
    -----
    A lambda or a function defined in ``__main__`` is saved by value, with its code.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import accuracy_score
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> pred = sm.layers.Sklearn(LogisticRegression())(X, y=y)
    >>> acc = sm.metrics.Metric(accuracy_score)([y, pred], "acc")
    >>> pipe = sm.Pipeline([X, y], pred, metrics=[acc])
    >>> data, labels = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    >>> pipe.fit(data, labels).evaluate(data, labels)
    {'acc': 1.0}
    """

    metric_fn: Callable[..., Any]

    def __init__(self, metric_fn: Callable[..., Any], **kwargs: Any) -> None:
        self.metric_fn = metric_fn
        self.kwargs = kwargs

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, keyword arguments included.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: there is nothing nested.

        Returns
        -------
        dict
        """
        return {**super().get_params(deep=False), **self.kwargs}

    def set_params(self, **params: Any) -> Self:
        """Set parameters or keyword arguments.

        Parameters
        ----------
        **params
            A keyword that the metric does not have yet is added.

        Returns
        -------
        self

        Examples
        --------
        >>> from skmegatron.metrics import FBeta
        >>> FBeta(beta=1).set_params(beta=2, average="macro")
        FBeta(beta=2, average='macro')
        """
        explicit = [name for name in params if name in self._get_param_names()]
        super().set_params(**{name: params.pop(name) for name in explicit})
        self.kwargs = {**self.kwargs, **params}
        return self

    def evaluate(self, *arrays: Any, **named: Any) -> Any:
        """Call the function.

        Parameters
        ----------
        *arrays : ndarray of shape (n_rows, ...)
        **named : ndarray of shape (n_rows,)
            Further arguments that are data, such as ``sample_weight``.

        Returns
        -------
        whatever the function returns, usually a float
        """
        return self.metric_fn(*arrays, **named, **self.kwargs)

    def __getstate__(self) -> dict[str, Any]:
        by_value = ("metric_fn", "kwargs")
        return {k: Portable(v) if k in by_value else v for k, v in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({key: unwrapped(value) for key, value in state.items()})

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        label = getattr(self.metric_fn, "__name__", None) or repr(self.metric_fn)
        return f"{type(self).__name__}({label})"


class ReadyMetric(Metric):
    """Base of the metrics that call a function of `sklearn.metrics`.

    A subclass names the function as `metric_fn`, and its `_read` says how what the nodes
    hold becomes what that function takes.

    Parameters
    ----------
    **kwargs
        Keyword arguments of the function.

    Examples
    --------
    >>> from sklearn.metrics import d2_tweedie_score
    >>> from skmegatron.layers.metrics import RegressionMetric, ReadyMetric
    >>> class D2(RegressionMetric):
    ...     metric_fn = staticmethod(d2_tweedie_score)
    >>> isinstance(D2(power=1), ReadyMetric)
    True
    >>> D2(powr=1)
    Traceback (most recent call last):
        ...
    TypeError: D2 has no parameter 'powr'. It takes those of sklearn.metrics.d2_tweedie_score:
    power.
    """

    def __init__(self, **kwargs: Any) -> None:
        unknown = self._unknown(kwargs)
        if unknown:
            raise TypeError(unknown)
        for name, parameter in self._keywords().items():
            if parameter.default is parameter.empty and name not in kwargs:
                raise TypeError(f"{type(self).__name__} must be given {name}=.")
        self.kwargs = kwargs

    def set_params(self, **params: Any) -> Self:
        """Set parameters or keyword arguments of the scikit-learn function.

        Parameters
        ----------
        **params

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the function has no such keyword.
        """
        unknown = self._unknown(params)
        if unknown:
            raise ValueError(unknown)
        return super().set_params(**params)

    def _unknown(self, params: dict[str, Any]) -> str | None:
        """Word the error for keywords that the function does not have."""
        of_function = set(self._keywords()) - {"sample_weight"}
        unknown = sorted(set(params) - of_function - set(self._get_param_names()))
        if not unknown:
            return None
        name = type(self).__name__
        if unknown == ["sample_weight"]:
            return (
                f"sample_weight is data: draw weight = sm.Input('weight') and write "
                f"{name}()(y_true, y_pred, sample_weight=weight)."
            )
        valid = ", ".join(sorted({*of_function, *self._get_param_names()})) or "none"
        return (
            f"{name} has no parameter {unknown[0]!r}. It takes those of "
            f"sklearn.metrics.{self.metric_fn.__name__}: {valid}."
        )

    def _keywords(self) -> dict[str, inspect.Parameter]:
        parameters = list(inspect.signature(self.metric_fn).parameters.values())
        return {p.name: p for p in parameters[2:] if p.default != "deprecated"}

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        surplus = set(fit_only) - ({"sample_weight"} & set(self._keywords()))
        if len(inbound) != 2 or surplus:
            given = f"{len(inbound)} nodes" + "".join(f" and {key}=" for key in sorted(surplus))
            raise NodeTypeError(
                f"{type(self).__name__} compares two nodes, got {given}. Write "
                f"{type(self).__name__}()(y_true, y_pred), what is true first."
            )
        return super()._draw(inbound, fit_only, name)

    # A metric takes any number of arrays; these take two, and say so.
    def evaluate(self, y_true: Any, y_pred: Any, **named: Any) -> Any:
        """Compare what is true with what was predicted.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,) or (n_rows, n_columns)
        y_pred : array-like of shape (n_rows,) or (n_rows, n_columns)
        **named : array-like of shape (n_rows,)
            ``sample_weight``, where the function takes it.

        Returns
        -------
        float
            An array where the function gives several values, as for ``average=None``.

        Raises
        ------
        ValueError
            If the two do not say the same kind of thing.
        """
        y_true, y_pred = _plain(y_true, "y_true"), _plain(y_pred, "y_pred")
        given = {key: _plain(array, key) for key, array in named.items()}
        y_true, y_pred, extra = self._read(y_true, y_pred)
        result = self.metric_fn(y_true, y_pred, **{**extra, **self.kwargs, **given})
        return float(result) if np.ndim(result) == 0 else result

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, dict[str, Any]]:
        return y_true, y_pred, {}

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        given = (f"{k}={v!r}" for k, v in self.get_params().items() if v is not None)
        return f"{type(self).__name__}({', '.join(given)})"


def _plain(array: Any, name: str) -> Any:
    """Make a frame an array, and a single column a plain row of values."""
    if is_frame(array):
        array = select_block(array, range(len(column_names(array))))
    array = array if sparse.issparse(array) else np.asarray(array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = _dense(array).ravel()
    if array.dtype == object and all(isinstance(v, Real | Decimal | np.bool_) for v in array.flat):
        array = array.astype(np.float64)  # numbers that came from beside text
    assert_all_finite(array, input_name=name)
    return array


def _dense(array: Any) -> Any:
    return array.toarray() if sparse.issparse(array) else array


def _rows_together(batches: Sequence[Any]) -> Any:
    """Put batches below each other."""
    first = batches[0]
    if len(batches) == 1:
        return first
    if is_frame(first):
        frames = [nw.from_native(batch, eager_only=True) for batch in batches]
        return nw.to_native(nw.concat(frames, how="vertical"))
    if sparse.issparse(first):
        return sparse.vstack(batches, format="csr")
    return join([np.asarray(batch) for batch in batches], axis=0)
