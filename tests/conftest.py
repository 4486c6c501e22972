"""Settings that all tests share."""

import os

from hypothesis import settings

# Machines are noisy: a slow example is no failure. CI tries the same examples every time, so
# that a change is judged by what it changes; elsewhere new ones are looked for.
settings.register_profile(
    "skmegatron", deadline=None, max_examples=50, derandomize="CI" in os.environ
)
settings.load_profile("skmegatron")
