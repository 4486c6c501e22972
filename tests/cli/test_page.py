"""docs/cli.md: every line that is typed there is typed here, and gives what stands there."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import skmegatron as sm

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def typed():
    """Give each command of the page with the lines that follow it."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for block in BLOCK.findall(page):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, _, shown = part.partition("\n")
            yield command, shown


@pytest.fixture
def desk(tmp_path):
    """A folder with what the page speaks of, and the command on its PATH."""
    flowers = load_iris(as_frame=True)
    X, y = sm.Input("X", shape=(None,)), sm.Target("species")
    white = sm.layers.Whiten()(X, "white")
    guess = sm.layers.Sklearn(LogisticRegression())(white, "guess", y=y)
    pipe = sm.Pipeline([X, y], guess, name="iris", version="1")
    pipe.fit(flowers.data, flowers.target_names[flowers.target]).save(tmp_path / "models")
    new = flowers.data.iloc[[0, 100, 50]]
    new.insert(0, "id", ["007", "101", "051"])
    new.to_csv(tmp_path / "new.csv", index=False)
    new.drop(columns="petal width (cm)").to_csv(tmp_path / "old.csv", index=False)
    script = tmp_path / "bin" / "skmegatron"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m skmegatron "$@"\n')
    script.chmod(0o755)
    return tmp_path


@pytest.mark.skipif(os.name != "posix", reason="the page is typed into a POSIX shell")
def test_what_is_typed_on_the_page_gives_what_stands_there(desk):
    path = os.pathsep.join([str(desk / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    same = doctest.OutputChecker().check_output
    commands = list(typed())
    assert len(commands) > 10

    for command, shown in commands:
        ended = subprocess.run(
            command,
            shell=True,
            cwd=desk,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert same(shown, ended.stdout, flags), f"{command}\n{ended.stdout}"

    assert (desk / "iris.svg").read_text().startswith("<svg")
    assert pd.read_parquet(desk / "out.parquet").columns.tolist() == ["id", "guess"]
    pipe = sm.load_pipeline(desk / "models" / "iris-1.pkl", f"sqlite:///{desk}/out.db")
    assert pipe.storage.read("guess", rows=["007"])["guess"].tolist() == ["setosa"]
