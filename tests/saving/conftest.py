"""Settings of the tests of saved files: their pipelines and corpora live in modules."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

CANARY = """
import pathlib
HERE = pathlib.Path(__file__).parent
(HERE / "imported").touch()

def sing(*args, **kwargs):
    (HERE / "called").touch()
    return 0

class Bird:
    def __init__(self, *args, **kwargs):
        sing()
    def __setstate__(self, state):
        sing()
    def __call__(self, *args, **kwargs):
        return sing()
"""


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A folder with a module that leaves traces when it is imported or called."""
    folder = tmp_path / "canary"
    folder.mkdir()
    (folder / "canary_bird.py").write_text(CANARY)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("CANARY", str(folder))
    yield folder
    sys.modules.pop("canary_bird", None)
