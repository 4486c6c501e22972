"""Which backend Keras is imported with: each case in a process and a home of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skmegatron
from skmegatron.layers.keras.backend import load_keras

ROOT = Path(skmegatron.__file__).parents[1]
#: A finder that hides packages.
HIDING = """
import importlib.abc, sys
class Hides(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(name)
import importlib.util as util
whole = util.find_spec
util.find_spec = lambda name, *rest: None if name in {hidden!r} else whole(name, *rest)
sys.meta_path.insert(0, Hides())
"""


def run(code, home, hidden=(), **env):
    """Run code where some packages are not installed."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(
        [sys.executable, "-c", HIDING.format(hidden=set(hidden)) + code],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


NAMED = """
from skmegatron.layers.keras.backend import load_keras
print(load_keras().config.backend())
"""


def test_the_library_is_imported_without_keras(tmp_path):
    done = run("import skmegatron, sys; print('keras' in sys.modules)", tmp_path)

    assert done.stdout.strip() == "False", done.stderr


def test_a_backend_that_is_installed_is_found_and_none_noted_that_is_not(tmp_path):
    backend = load_keras().config.backend()
    others = {"jax", "torch", "tensorflow"} - {backend}

    done = run(NAMED, tmp_path, others)

    assert done.stdout.strip() == backend, done.stderr
    note = tmp_path / ".keras" / "keras.json"
    assert not note.exists() or json.loads(note.read_text())["backend"] == backend


def test_the_settings_of_keras_count_if_their_backend_is_installed(tmp_path):
    backend = load_keras().config.backend()
    note = tmp_path / ".keras" / "keras.json"
    note.parent.mkdir()
    others = {"jax", "torch", "tensorflow"} - {backend}
    for noted in (backend, "tensorflow"):
        note.write_text(json.dumps({"backend": noted}))

        done = run(NAMED, tmp_path, others)

        assert done.stdout.strip() == backend, done.stderr
        assert json.loads(note.read_text()) == {"backend": noted}


def test_the_environment_decides(tmp_path):
    backend = load_keras().config.backend()

    done = run(NAMED, tmp_path, KERAS_BACKEND=backend)

    assert done.stdout.strip() == backend, done.stderr


@pytest.mark.parametrize("hidden", [["keras"], ["jax", "torch", "tensorflow"]])
def test_what_is_missing_is_said_with_the_command_that_brings_it(tmp_path, hidden):
    code = "from skmegatron.layers import Keras\nKeras(lambda: None).fit([[1.0]])"

    done = run(code, tmp_path, hidden)

    assert "MissingDependencyError" in done.stderr
    assert 'pip install "skmegatron[keras]"' in done.stderr
