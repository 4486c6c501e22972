"""Digests that tell whether a step would give the same again: of code, parameters and data."""

from skmegatron.io.digest.framing import UndigestibleError, joined
from skmegatron.io.digest.keys import code_digest, content_digest, digest, environment_digest
from skmegatron.io.digest.randomness import (
    changed,
    draws_unwatched,
    global_random_state,
    randomness,
)

__all__ = [
    "UndigestibleError",
    "changed",
    "code_digest",
    "content_digest",
    "digest",
    "draws_unwatched",
    "environment_digest",
    "global_random_state",
    "joined",
    "randomness",
]
