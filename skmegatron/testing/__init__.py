"""Batteries that any layer, store and cache can be put through, ours or a user's."""

from skmegatron.testing.caches import check_cache
from skmegatron.testing.layers import check_layer
from skmegatron.testing.stores import check_store

__all__ = ["check_cache", "check_layer", "check_store"]
