"""Stub."""


class PostgresStore:
    """Stub."""

    def __init__(self, x):
        self.x = x
