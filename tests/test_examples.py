"""Every example runs from an empty folder, and prints what it did."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from skmegatron.visuals import pipeline_svg

#: With numpy 2.
FROM_KERAS = "ignore:__array__ implementation:DeprecationWarning"
#: Where there is a screen, matplotlib says of this backend that it shows nothing.
NOT_SHOWN = "ignore:FigureCanvasAgg is non-interactive:UserWarning"
ENVIRONMENT = {**os.environ, "MPLBACKEND": "Agg"}
EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


def printed(script, folder):
    """Run an example, and give what it prints."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-W", FROM_KERAS, "-W", NOT_SHOWN, str(script)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints(script, tmp_path):
    assert printed(script, tmp_path).strip()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_page_with_a_title_prose_and_pictures(script):
    text = script.read_text()
    title, underline, empty = text.split("\n")[1:4]

    assert len(title) == len(underline), "the title, underlined"
    assert (set(underline), empty) == ({"="}, "")
    assert "\n# %%\n# " in text
    assert "plt.show()" in text


def test_the_digits_example_finds_the_digits(tmp_path):
    script = next(path for path in EXAMPLES if path.stem == "digits")

    accuracy = float(printed(script, tmp_path).split("'accuracy': ")[1].split("}")[0])

    assert accuracy > 0.95


def test_the_warehouse_example_finds_rows_from_a_second_process(tmp_path):
    script = next(path for path in EXAMPLES if path.stem == "warehouse")

    out = printed(script, tmp_path)

    told = out.partition("A second process looks up:")[2]
    found = [line for line in told.splitlines() if line.strip().startswith("case")]
    chances = {line.split(":")[0].strip(): float(line.split()[-1]) for line in found}
    assert chances["case 1000"] < 0.5 < chances["case 1020"]
    assert "569 rows stored" in out


def test_the_readmes_picture_is_the_graph_of_the_digits_example(monkeypatch):
    root = Path(__file__).parent.parent
    monkeypatch.setenv("MPLBACKEND", "Agg")
    example = runpy.run_path(str(root / "examples" / "digits.py"))

    svg = pipeline_svg(example["draw_pipeline"]())

    assert (root / "docs" / "_static" / "digits.svg").read_text() == svg
