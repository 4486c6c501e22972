"""Settings that all tests share."""

from hypothesis import settings

# Machines are noisy: a slow example is no failure.
settings.register_profile("skmegatron", deadline=None, max_examples=50)
settings.load_profile("skmegatron")
