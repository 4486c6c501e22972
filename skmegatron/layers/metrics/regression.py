"""Metrics of numbers."""

from __future__ import annotations

from typing import Any

from sklearn import metrics as skm

from skmegatron.layers.metrics.core import ReadyMetric, _dense


class RegressionMetric(ReadyMetric):
    """Base of the metrics that compare numbers.

    Axes behind the second count as further columns, so images compare pixel by pixel.

    Parameters
    ----------
    **kwargs
        Keyword arguments of the function.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers.metrics import RegressionMetric
    >>> class Bias(RegressionMetric):
    ...     @staticmethod
    ...     def metric_fn(y_true, y_pred):
    ...         return float(np.mean(y_pred - y_true))
    >>> Bias().evaluate([1.0, 2.0], [2.0, 2.0])
    0.5
    """

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, dict[str, Any]]:
        true, pred = (_dense(y) for y in (y_true, y_pred))
        if true.ndim > 2 and true.shape == pred.shape:
            true, pred = (y.reshape(len(y), -1) for y in (true, pred))
        return true, pred, {}


class MeanSquaredError(RegressionMetric):
    """Mean of the squared errors.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_squared_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanSquaredError
    >>> MeanSquaredError().evaluate([1.0, 2.0], [[1.0], [4.0]])
    2.0
    """

    metric_fn = staticmethod(skm.mean_squared_error)


class RootMeanSquaredError(RegressionMetric):
    """Square root of the mean of the squared errors, in the units of the target.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.root_mean_squared_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import RootMeanSquaredError
    >>> RootMeanSquaredError().evaluate([1.0, 2.0], [3.0, 4.0])
    2.0
    """

    metric_fn = staticmethod(skm.root_mean_squared_error)


class MeanAbsoluteError(RegressionMetric):
    """Mean size of the errors.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_absolute_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanAbsoluteError
    >>> MeanAbsoluteError().evaluate([1.0, 2.0], [1.0, 4.0])
    1.0
    """

    metric_fn = staticmethod(skm.mean_absolute_error)


class MeanAbsolutePercentageError(RegressionMetric):
    """Mean size of the errors relative to the true values; 1 is 100 %.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_absolute_percentage_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanAbsolutePercentageError
    >>> MeanAbsolutePercentageError().evaluate([10.0, 20.0], [15.0, 20.0])
    0.25
    """

    metric_fn = staticmethod(skm.mean_absolute_percentage_error)


class MedianAbsoluteError(RegressionMetric):
    """Median size of the errors, which single large ones do not move.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.median_absolute_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MedianAbsoluteError
    >>> MedianAbsoluteError().evaluate([1.0, 2.0, 3.0], [1.5, 2.5, 99.0])
    0.5
    """

    metric_fn = staticmethod(skm.median_absolute_error)


class MaxError(RegressionMetric):
    """Size of the largest error.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.max_error`, which has none.

    Examples
    --------
    >>> from skmegatron.metrics import MaxError
    >>> MaxError().evaluate([1.0, 2.0, 3.0], [1.5, 2.5, 99.0])
    96.0
    """

    metric_fn = staticmethod(skm.max_error)


class MeanSquaredLogError(RegressionMetric):
    """Mean squared difference of ``log(1 + value)``, for counts and prices.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_squared_log_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanSquaredLogError
    >>> round(MeanSquaredLogError().evaluate([0.0, 9.0], [0.0, 99.0]), 4)
    2.6509
    """

    metric_fn = staticmethod(skm.mean_squared_log_error)


class RootMeanSquaredLogError(RegressionMetric):
    """Square root of the mean squared difference of ``log(1 + value)``.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.root_mean_squared_log_error`: ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import RootMeanSquaredLogError
    >>> round(RootMeanSquaredLogError().evaluate([9.0, 9.0], [99.0, 99.0]), 4)
    2.3026
    """

    metric_fn = staticmethod(skm.root_mean_squared_log_error)


class MeanPoissonDeviance(RegressionMetric):
    """Deviance of counts: how much less likely they are than under a perfect prediction.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_poisson_deviance`, which has none.

    Examples
    --------
    >>> from skmegatron.metrics import MeanPoissonDeviance
    >>> MeanPoissonDeviance().evaluate([0, 2], [1.0, 2.0])
    1.0
    """

    metric_fn = staticmethod(skm.mean_poisson_deviance)


class MeanPinballLoss(RegressionMetric):
    """Loss of a predicted quantile.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.mean_pinball_loss`: ``alpha``, the quantile, and
        ``multioutput``.

    Examples
    --------
    >>> from skmegatron.metrics import MeanPinballLoss
    >>> MeanPinballLoss(alpha=0.75).evaluate([1.0, 2.0], [0.0, 3.0])
    0.5
    """

    metric_fn = staticmethod(skm.mean_pinball_loss)


class R2(RegressionMetric):
    """Share of the variance of what is true that the prediction explains; 1 is best.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.r2_score`: ``multioutput``, ``force_finite``.

    Examples
    --------
    >>> from skmegatron.metrics import R2
    >>> R2().evaluate([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """

    metric_fn = staticmethod(skm.r2_score)


class ExplainedVariance(RegressionMetric):
    """As `R2`, but an error that is the same everywhere costs nothing.

    Parameters
    ----------
    **kwargs
        Of `sklearn.metrics.explained_variance_score`: ``multioutput``, ``force_finite``.

    Examples
    --------
    >>> from skmegatron.metrics import ExplainedVariance
    >>> ExplainedVariance().evaluate([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    1.0
    """

    metric_fn = staticmethod(skm.explained_variance_score)
