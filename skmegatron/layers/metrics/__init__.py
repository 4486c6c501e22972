"""Metrics: measurements that belong to the graph and run only when asked.

`Metric` attaches any function. The others are the functions of `sklearn.metrics` under the
names that Keras users look for; all that they add is to read what nodes hold. Labels,
one-hot columns and probabilities say the same thing in different shapes, so they are
brought to the one shape that the function takes, by these rules:

- One column is a plain row of values.
- Two or more columns of floats, or of 0 and 1 with a single 1 per row, are one column per
  class, and the largest wins. Any other columns of 0 and 1 are several labels per row.
- A plain row of floats with fractions is the probability of the second of two classes.
- Column i is the class i, unless ``classes=`` lists what the columns stand for.
"""

from skmegatron.layers.metrics.classes import (
    F1,
    ROCAUC,
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    BrierScore,
    CohenKappa,
    FBeta,
    HammingLoss,
    Jaccard,
    LabelMetric,
    LogLoss,
    MatthewsCorrCoef,
    Precision,
    Recall,
    ScoreMetric,
    TopKAccuracy,
)
from skmegatron.layers.metrics.core import (
    Measurement,
    Metric,
    NodeNames,
    ReadyMetric,
)
from skmegatron.layers.metrics.regression import (
    R2,
    ExplainedVariance,
    MaxError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanPinballLoss,
    MeanPoissonDeviance,
    MeanSquaredError,
    MeanSquaredLogError,
    MedianAbsoluteError,
    RegressionMetric,
    RootMeanSquaredError,
    RootMeanSquaredLogError,
)

__all__ = [
    "F1",
    "R2",
    "ROCAUC",
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "BrierScore",
    "CohenKappa",
    "ExplainedVariance",
    "FBeta",
    "HammingLoss",
    "Jaccard",
    "LabelMetric",
    "LogLoss",
    "MatthewsCorrCoef",
    "MaxError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanPinballLoss",
    "MeanPoissonDeviance",
    "MeanSquaredError",
    "MeanSquaredLogError",
    "Measurement",
    "MedianAbsoluteError",
    "Metric",
    "NodeNames",
    "Precision",
    "ReadyMetric",
    "Recall",
    "RegressionMetric",
    "RootMeanSquaredError",
    "RootMeanSquaredLogError",
    "ScoreMetric",
    "TopKAccuracy",
]
