"""Stub."""


class DuckStore:
    """Stub."""

    def __init__(self, x):
        self.x = x
