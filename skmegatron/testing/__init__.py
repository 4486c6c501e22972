"""Batteries that any layer and any store can be put through, ours or a user's."""

from skmegatron.testing.layers import check_layer
from skmegatron.testing.stores import check_store

__all__ = ["check_layer", "check_store"]
