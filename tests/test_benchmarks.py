"""Every benchmark runs, on little data, and has its place in the README of the benchmarks."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(p for p in FOLDER.glob("*.py") if p.stem not in ("measure", "run"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_runs_and_prints_a_table_and_what_it_ran_on(script, tmp_path):
    run = subprocess.run(
        [sys.executable, str(script), "--quick"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert "| --- |" in run.stdout
    assert run.stdout.rstrip().splitlines()[-1].startswith("Measured on ")
    assert not list(tmp_path.iterdir())


def test_every_benchmark_has_its_section_in_the_readme():
    lines = (FOLDER / "README.md").read_text().splitlines()

    for script in SCRIPTS:
        start = lines.index(f"<!-- {script.stem} -->")
        assert f"<!-- end {script.stem} -->" in lines[start:]


def test_run_writes_the_readme_with_what_a_benchmark_printed_and_nothing_else(tmp_path):
    for name in ("run.py", "measure.py"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    (tmp_path / "one.py").write_text("print('new')")
    (tmp_path / "two.py").write_text("print('never run')")
    readme = tmp_path / "README.md"
    readme.write_text(
        "Words.\n\n<!-- one -->\nold\n<!-- end one -->\n\nMore.\n\n"
        "<!-- two -->\nkept\n<!-- end two -->\n"
    )

    subprocess.run([sys.executable, str(tmp_path / "run.py"), "one"], check=True)

    assert readme.read_text() == (
        "Words.\n\n<!-- one -->\n\nnew\n\n<!-- end one -->\n\nMore.\n\n"
        "<!-- two -->\nkept\n<!-- end two -->\n"
    )


def test_run_names_the_sections_there_are():
    run = subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), "--quick", "lairs"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert "no section 'lairs', only ['layers'" in run.stderr
