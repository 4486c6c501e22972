"""The command line as a process: signals, pipes, terminals, memory, missing packages."""

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skmegatron as sm
from skmegatron.cli.entry import main

COMMAND = [sys.executable, "-m", "skmegatron"]
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")


def started(*arguments, **options):
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, **options)


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def double(tmp_path):
    x = sm.Input("x")
    return sm.Pipeline(x, sm.layers.ScalarMultiply(2)(x, "double"), name="double").save(tmp_path)


def rows(path, n_rows):
    pd.DataFrame({"x": np.arange(n_rows) / 7, "id": range(n_rows)}).to_csv(path, index=False)
    return path


def test_the_module_and_the_script_of_the_package_are_the_same_command(double, tmp_path):
    ended = started("transform", double, rows(tmp_path / "x.csv", 3), stdout=subprocess.PIPE)
    out, err = ended.communicate()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["skmegatron"].partition(":")

    assert (ended.returncode, err) == (0, b"")
    assert out.decode().splitlines() == [
        "double",
        "0.0",
        "0.2857142857142857",
        "0.5714285714285714",
    ]
    assert getattr(import_module(module), function) is main


def test_failure_gives_the_exit_code_of_the_process(tmp_path):
    ended = started("describe", tmp_path / "nothing.pkl")

    assert b"FileNotFoundError" in ended.communicate()[1]
    assert ended.returncode == 1


def test_importing_the_library_does_not_import_click():
    ended = python("import sys, skmegatron; print('click' in sys.modules)")

    assert ended.stdout.strip() == "False"


def test_without_click_the_command_says_what_to_install():
    ended = python(
        "import sys; sys.modules['click'] = None\n"
        "from skmegatron.cli.entry import main; sys.exit(main(['--help']))"
    )

    assert ended.returncode == 1
    assert 'pip install "skmegatron[cli]"' in ended.stderr
    assert "Traceback" not in ended.stderr


@posix
def test_a_pipe_that_closes_early_is_no_fuss(double, tmp_path):
    ended = started("transform", double, rows(tmp_path / "x.csv", 200_000), stdout=subprocess.PIPE)

    first = ended.stdout.readline()
    ended.stdout.close()
    _, err = ended.communicate()

    assert first == b"double\n"
    assert err == b""
    assert ended.returncode == 1


@posix
@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_an_interrupt_leaves_the_old_file_and_no_draft(double, tmp_path, out):
    out = tmp_path / out
    out.write_text("old")
    source = rows(tmp_path / "x.csv", 300_000)
    ended = started("transform", double, source, "--out", out, "--batch-size", "20")

    deadline = time.monotonic() + 60
    while not any(draft.stat().st_size for draft in tmp_path.glob(".out*")):
        assert time.monotonic() < deadline
        assert ended.poll() is None
        time.sleep(0.02)
    ended.send_signal(signal.SIGINT)
    _, err = ended.communicate()

    assert ended.returncode == 130
    assert err.strip() == b"Interrupted."
    assert out.read_text() == "old"
    assert not list(tmp_path.glob(".out*"))


@posix
def test_an_interrupt_leaves_whole_rows_in_a_store(double, tmp_path):
    store, source = f"sqlite:///{tmp_path}/out.db", rows(tmp_path / "x.csv", 300_000)
    ended = started(
        *("transform", double, source, "--out", store, "--index", "id", "--batch-size", "50")
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "out.db").exists() or (tmp_path / "out.db").stat().st_size < 500_000:
        assert time.monotonic() < deadline
        assert ended.poll() is None
        time.sleep(0.02)
    ended.send_signal(signal.SIGINT)
    ended.communicate()

    kept = sm.load_pipeline(double, storage_db=store).storage
    keys = np.asarray(kept.index(), dtype=int)
    assert ended.returncode == 130
    assert 0 < len(keys) < 300_000
    np.testing.assert_array_equal(kept.read()["double"], keys / 7 * 2)


@posix
def test_a_terminal_sees_how_many_rows_are_done(double, tmp_path):
    pty = import_module("pty")
    source = rows(tmp_path / "x.csv", 1000)
    leader, follower = pty.openpty()
    ended = subprocess.Popen(
        [*COMMAND, "transform", str(double), str(source), "--out", str(tmp_path / "out.csv")],
        env={**ENVIRONMENT, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=follower,
    )
    out, _ = ended.communicate()
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)

    assert ended.returncode == 0
    assert out == b""
    assert re.search(r"1,000 rows", shown)


PEAK = """
import resource, sys
from skmegatron.cli.entry import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


@posix
@pytest.mark.parametrize("out", ["{}/out.csv", "{}/out.parquet", "sqlite:///{}/out.db"])
def test_memory_does_not_grow_with_the_rows(double, tmp_path, out):
    peaks = []
    for n_rows in (20_000, 400_000):
        source = rows(tmp_path / f"{n_rows}.csv", n_rows)
        folder = tmp_path / str(n_rows)
        folder.mkdir()
        ended = subprocess.run(
            [sys.executable, "-c", PEAK]
            + [
                "transform",
                str(double),
                str(source),
                "--index",
                "id",
                "--out",
                out.format(folder),
            ],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(ended.stdout.split()[-1]) / 1024)

    # 400,000 rows of two columns take 6 MB as arrays, and about 40 MB as text in Python.
    assert peaks[1] - peaks[0] < 12
