"""Pipeline: a graph as a scikit-learn estimator."""

from skmegatron.pipeline.estimator import Pipeline, load_pipeline

__all__ = ["Pipeline", "load_pipeline"]
