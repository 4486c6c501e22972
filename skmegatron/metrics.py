"""Metrics at the address that the 2019 library gave them."""

from skmegatron.layers.metrics import Metric

__all__ = ["Metric"]
