"""Windows over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from skmegatron.errors import ShapeError
from skmegatron.layers.columns import Names
from skmegatron.layers.core import StatelessLayer
from skmegatron.layers.shaping.axes import as_dense


class TimeSeries(StatelessLayer):
    """Give each observation the ones before it, as a window over time.

    The rows are taken to be in the order of time. The windows of the first rows begin with
    zeros, so there are as many windows as rows.

    Parameters
    ----------
    window_size : int
        Number of time steps in a window, the row itself included. At least 2.
    time_axis : int, default=1
        Where the axis of time stands in the result. 0 would be the observations'.
    reverse : bool, default=False
        Whether the oldest row of a window comes first; else the newest does.

    Notes
    -----
    The windows are a strided view of one padded copy, whatever their size. In a stream the
    last rows of a batch are carried over to the next by the run, not by the layer: the
    2019 library kept them in the layer, so `transform` changed what `transform` gave next.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import TimeSeries
    >>> TimeSeries(3).transform(np.array([1, 2, 3, 4]))
    array([[1, 0, 0],
           [2, 1, 0],
           [3, 2, 1],
           [4, 3, 2]])
    """

    def __init__(self, window_size: int, time_axis: int = 1, reverse: bool = False) -> None:
        self.window_size = window_size
        self.time_axis = time_axis
        self.reverse = reverse

    def validate(self) -> None:
        """Check the size of the window."""
        if not isinstance(self.window_size, int | np.integer) or self.window_size < 2:
            raise ValueError(
                f"TimeSeries takes a window of at least 2 rows, got {self.window_size!r}. "
                "Write TimeSeries(2) or more."
            )

    def transform(self, X: Any) -> NDArray[Any]:
        """Roll the window over the rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, window_size, ...)
            A read-only view, with the window at `time_axis`.

        Raises
        ------
        ShapeError
            If there is no such axis, or it is the observations'.
        """
        windows: NDArray[Any] = self.transform_batch(None, X)[0]
        return windows

    def transform_batch(self, state: Any, *arrays: Any) -> tuple[Any, Any]:
        """Transform the next batch of a stream.

        Parameters
        ----------
        state : ndarray of shape (window_size, ...) or None
            The rows before this batch, one more than its windows read, so that a batch may
            be empty; None at the beginning.
        *arrays : array-like of shape (n_rows, ...)
            The one array of the batch.

        Returns
        -------
        tuple of (ndarray of shape (n_rows, window_size, ...), ndarray)
            The windows, and the rows that the next batch needs.
        """
        self.validate()
        X = as_dense(self, arrays[0])
        axis = self.time_axis + X.ndim + 1 if self.time_axis < 0 else self.time_axis
        if X.ndim == 0 or not 0 < axis <= X.ndim:
            raise ShapeError(
                f"TimeSeries puts the time at an axis of each observation: time_axis must be 1 "
                f"to {X.ndim} for an array of shape {X.shape}, got {self.time_axis}."
            )
        if state is None:
            state = np.zeros((self.window_size, *X.shape[1:]), dtype=X.dtype)
        padded = np.concatenate([state, X])
        windows = sliding_window_view(padded, self.window_size, axis=0)[1:]
        windows = np.moveaxis(windows, -1, axis)
        if not self.reverse:
            windows = np.flip(windows, axis)
        return windows, padded[-self.window_size :].copy()

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the columns of the flattened windows: ``age_t-2``, newest ``age_t``."""
        (names,) = inbound
        if names is None or self.time_axis != 1:
            return None
        lags = [f"t-{lag}" if lag else "t" for lag in range(self.window_size)]
        lags = lags[::-1] if self.reverse else lags
        return np.array([f"{column}_{lag}" for lag in lags for column in names], dtype=object)
