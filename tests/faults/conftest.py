"""Settings of the fault tests, whose steps and scenes live in modules of their own."""

import sys
from pathlib import Path

import pytest

from skmegatron.engine import accounts

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Asks caches in every run, however little they have to give."""
    monkeypatch.setattr(accounts, "VAIN", 1e9)
