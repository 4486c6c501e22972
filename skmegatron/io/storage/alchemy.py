"""Stub."""


class AlchemyStore:
    """Stub."""

    def __init__(self, x):
        self.x = x
