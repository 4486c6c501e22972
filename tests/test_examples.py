"""Every example runs from an empty folder, and prints what it did."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from skmegatron.visuals import pipeline_svg

#: With numpy 2.
FROM_KERAS = "ignore:__array__ implementation:DeprecationWarning"
EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints(script, tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-W", FROM_KERAS, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()
    assert not list(tmp_path.iterdir())


def test_the_digits_example_finds_the_digits(tmp_path):
    script = next(path for path in EXAMPLES if path.stem == "digits")

    run = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    accuracy = float(run.stdout.split("'accuracy': ")[1].split("}")[0])
    assert accuracy > 0.95


def test_the_warehouse_example_finds_rows_from_a_second_process(tmp_path):
    script = next(path for path in EXAMPLES if path.stem == "warehouse")

    run = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    told = run.stdout.partition("A second process looks up:")[2]
    found = [line for line in told.splitlines() if line.strip().startswith("case")]
    chances = {line.split(":")[0].strip(): float(line.split()[-1]) for line in found}
    assert chances["case 1000"] < 0.5 < chances["case 1020"]
    assert "569 rows stored" in run.stdout


def test_the_readmes_picture_is_the_graph_of_the_digits_example():
    root = Path(__file__).parent.parent
    example = runpy.run_path(str(root / "examples" / "digits.py"))

    svg = pipeline_svg(example["draw_pipeline"]())

    assert (root / "docs" / "_static" / "digits.svg").read_text() == svg
