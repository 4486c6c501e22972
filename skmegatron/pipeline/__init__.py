"""Pipeline: a graph as a scikit-learn estimator."""

from skmegatron.pipeline.estimator import Pipeline
from skmegatron.pipeline.loading import describe, load_pipeline

__all__ = ["Pipeline", "describe", "load_pipeline"]
