"""What can be typed: the commands, their options, and what `--help` says of them."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from skmegatron._version import __version__
from skmegatron.cli.feeding import STDIN, Asked, Fed, is_url, opened
from skmegatron.cli.writing import Layout, new_file, table_file
from skmegatron.errors import NotAvailableError, StreamError
from skmegatron.io.archive import read_description
from skmegatron.optional import optional
from skmegatron.pipeline.estimator import Pipeline
from skmegatron.pipeline.keyed import keyed_outputs, stores_predictions
from skmegatron.pipeline.loading import load_pipeline
from skmegatron.visuals.export import topology_imsave

_PICTURES = (".svg", ".png", ".pdf", ".dot")
_TABLES = (".csv", ".parquet")
_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples")
_Command = Callable[..., Any]


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all went well, 1 it failed, 2 it was called wrongly, 130 it was "
    "interrupted.",
)
@click.version_option(__version__, prog_name="skmegatron")
def skmegatron() -> None:
    """Look at saved pipelines of skmegatron, and run them on data.

    describe and draw load no code from the file. transform and predict do: a joblib file (.pkl)
    can run anything, so run only what you trust. A skops file (.skops) builds nothing but types
    that are known to be harmless, and those that you --trust.
    """


_traceback = click.option(
    "--traceback", is_flag=True, expose_value=False, help="Show where in the code an error is."
)
_file = click.argument("file", type=click.Path(dir_okay=False))


@skmegatron.command()
@_file
@_traceback
def describe(file: str) -> None:
    """Print what FILE is, as JSON.

    Its format, the versions that it was made with, its name and version, whether it is fitted,
    and the graph: inputs, steps, what they read, shapes and outputs. No code of FILE is loaded.

    \b
    Examples:
      skmegatron describe digits-0.1.pkl
      skmegatron describe digits-0.1.skops | jq .versions
    """  # noqa: D301 - click leaves lines behind a backspace as they are
    # Not a letter beyond ASCII: names in a file from others may hold what terminals obey.
    click.echo(json.dumps(read_description(file), indent=2))


@skmegatron.command()
@_file
@click.argument("out", type=click.Path(dir_okay=False))
@click.option(
    "--rankdir", type=click.Choice(["LR", "TB"]), help="Left to right, or top to bottom."
)
@_traceback
def draw(file: str, out: str, rankdir: Any) -> None:
    """Draw the graph of FILE into OUT.

    OUT ends in .svg, .png, .pdf or .dot. The picture is drawn from the description in FILE; no
    code of FILE is loaded.

    \b
    Examples:
      skmegatron draw digits-0.1.pkl digits.svg
      skmegatron draw digits-0.1.skops digits.png --rankdir LR
    """  # noqa: D301 - click leaves lines behind a backspace as they are
    if Path(out).suffix.lower() not in _PICTURES:
        raise click.BadParameter(f"{out!r} ends in none of {', '.join(_PICTURES)}.")
    _refuse_same(out, file)
    described = read_description(file)["graph"]
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / f"picture{Path(out).suffix.lower()}"
        if picture.suffix == ".svg" or rankdir:
            topology_imsave(described, picture, rankdir)
        else:
            topology_imsave(described, picture)
        content = picture.read_bytes()
    with new_file(Path(out)) as target:
        target.write(content)


@dataclass(frozen=True)
class _Job:
    """What transform and predict are asked for."""

    file: str
    trust: tuple[str, ...]
    out: str | None
    method: str
    data: Asked


def _data_options(command: _Command) -> _Command:
    options = [
        _file,
        click.argument("source", metavar="IN"),
        click.option("--out", metavar="OUT", help="Where outputs go; CSV on stdout without it."),
        click.option("--index", metavar="COLUMN", help="Keys of the rows; written first."),
        click.option(
            "--batch-size",
            type=click.IntRange(min=1),
            default=8192,
            show_default=True,
            help="Rows that are held at a time.",
        ),
        click.option("--query", metavar="SQL", help="What to read, where IN is a database URL."),
        click.option("--exclude", metavar="COLUMN", multiple=True, help="Not to be read."),
        click.option(
            "--dtype", metavar="COLUMN=TYPE", multiple=True, help="Read a column as this type."
        ),
        click.option(
            "--trust", metavar="NAME", multiple=True, help="A type that a skops file may build."
        ),
        _traceback,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@skmegatron.command()
@_data_options
def transform(**asked: Any) -> None:
    """Run the pipeline in FILE on the rows of IN, and write its outputs to OUT.

    IN is a CSV file, a Parquet file or a folder of them, a database URL with --query, or - for
    CSV from stdin. Inputs are found by their names among the columns; a single input that takes
    a whole table gets the columns that the pipeline was fitted on.

    OUT is a file in .csv or .parquet, which appears when all of it is written; or a store: a
    folder, or a database URL. A store is written some thousand rows at a time, each whole; a
    second run replaces rows that have the same key.

    Columns of OUT: those of the index, then of the output under the names that
    get_feature_names_out gives. Where there are several outputs, or no names, an output NAME is
    the column NAME, or NAME_0, NAME_1, ... where it is a table. Arrays of more axes go into a
    store.

    FILE is loaded to be run. A joblib file (.pkl) can run anything: use it only if you trust who
    made it. A skops file (.skops) is safe but for what you --trust.

    \b
    Examples:
      skmegatron transform digits-0.1.pkl new.csv --out features.csv --index id
      skmegatron transform digits-0.1.pkl new.parquet --out sqlite:///features.db --index id
      skmegatron transform digits-0.1.skops postgresql+psycopg://me@host/db \\
          --query "SELECT * FROM digits" --out features.parquet --trust mylayers.Deskew
      cat new.csv | skmegatron transform digits-0.1.pkl - | head
    """  # noqa: D301 - click leaves lines behind a backspace as they are
    _run(method="transform", **asked)


@skmegatron.command()
@_data_options
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    default="predict",
    show_default=True,
    help="What to ask of the model.",
)
def predict(method: str, **asked: Any) -> None:
    """Predict with the pipeline in FILE for the rows of IN, and write to OUT.

    IN and OUT are as for transform, see skmegatron transform --help. Probabilities are in
    columns NAME_CLASS. A store takes predictions where they are what the pipeline transforms to,
    as is so for all estimators that only predict.

    FILE is loaded to be run. A joblib file (.pkl) can run anything: use it only if you trust who
    made it. A skops file (.skops) is safe but for what you --trust.

    \b
    Examples:
      skmegatron predict digits-0.1.pkl new.csv --out labels.csv --index id
      skmegatron predict digits-0.1.pkl new.csv --method predict_proba --out chances.parquet
      skmegatron predict digits-0.1.pkl sqlite:///warehouse.db --query "SELECT * FROM digits"
    """  # noqa: D301 - click leaves lines behind a backspace as they are
    _run(method=method, **asked)


def _run(
    *,
    file: str,
    trust: tuple[str, ...],
    method: str,
    source: str,
    out: str | None,
    index: str | None,
    batch_size: int,
    query: str | None,
    exclude: tuple[str, ...],
    dtype: tuple[str, ...],
) -> None:
    types = dict(_pair(text) for text in dtype)
    if is_url(source) != (query is not None):
        told = "IN is a database URL: say what to read with --query SQL."
        if query is not None:
            told = (
                f"IN {source!r} takes no --query: it is no database URL as sqlite:///rows.db is."
            )
        raise click.UsageError(told)
    out = None if out == STDIN else out
    if out is not None:
        _refuse_same(out, file)
        _refuse_same(out, source)
    typed = out is not None and Path(out).suffix.lower() != ".csv"  # in CSV they look the same
    data = Asked(source, batch_size, index, query, exclude, types, typed)
    job = _Job(file, trust, out, method, data)
    (_into_store if out is not None and _is_store(out) else _into_file)(job)


def _into_file(job: _Job) -> None:
    with table_file(job.out) as sink:  # first, so that nothing is done in vain
        pipeline = load_pipeline(job.file, trusted=job.trust)
        _check_offers(pipeline, job.method)
        layout = Layout(pipeline, job.method, job.data.index)
        with opened(job.data, pipeline) as fed, _progress(job, fed) as advance:
            for keys, outputs in keyed_outputs(pipeline, fed, job.method, fed.key):
                sink.write(layout.columns(keys, outputs))
                advance(len(keys))


def _into_store(job: _Job) -> None:
    pipeline = load_pipeline(job.file, storage_db=job.out, trusted=job.trust)
    _check_offers(pipeline, job.method)
    if job.method != "transform" and not (
        job.method == "predict" and stores_predictions(pipeline)
    ):
        raise NotAvailableError(
            f"A store keeps what the pipeline transforms to, and {job.method} gives something "
            "else. Write to a file: --out predictions.parquet, or use skmegatron transform."
        )
    with opened(job.data, pipeline) as fed, _progress(job, fed) as advance:
        for outputs in pipeline.transform_generator(fed, index=fed.key):
            advance(outputs.shape[0])


def _check_offers(pipeline: Pipeline, method: str) -> None:
    if not hasattr(pipeline, method):
        names = [pipeline.graph.node_names[node] for node in pipeline.graph.outputs]
        raise NotAvailableError(
            f"The pipeline has no {method}: not all of its outputs {names} offer it. Use "
            "skmegatron transform, or another --method of predict."
        )


def _pair(text: str) -> tuple[str, str]:
    column, found, kind = text.rpartition("=")
    if not found:
        raise click.BadParameter(f"{text!r} is not COLUMN=TYPE, such as age=float64.")
    return column, kind


def _is_store(out: str) -> bool:
    path = Path(out)
    if not out:
        raise click.BadParameter("--out '' names nothing. Leave it out to write CSV on stdout.")
    if path.exists() and not path.is_dir() and not path.suffix:
        raise click.BadParameter(
            f"--out {out!r} is there, and is no folder. Name another one, a file in "
            f"{' or '.join(_TABLES)}, or leave --out away to write CSV on stdout."
        )
    if is_url(out) or path.is_dir() or not path.suffix or out.endswith(("/", os.sep)):
        return True
    if path.suffix.lower() not in _TABLES:
        raise click.BadParameter(
            f"--out {out!r} ends in none of {', '.join(_TABLES)}, and is neither a folder nor a "
            "database URL such as sqlite:///out.db."
        )
    return False


def _refuse_same(out: str, other: str) -> None:
    if is_url(out) or other == STDIN or not (os.path.exists(out) and os.path.exists(other)):
        return
    if os.path.samefile(out, other):
        raise click.BadParameter(f"{out!r} would be written over {other!r}, which is read.")


@contextmanager
def _progress(job: _Job, fed: Fed) -> Iterator[Callable[[int], None]]:
    """Count the rows that are done, and insist that there are any."""
    n_rows = 0
    with _bar(job, fed) as show:

        def advance(n_more: int) -> None:
            nonlocal n_rows
            n_rows += n_more
            show(n_more)

        yield advance
    if not n_rows:
        raise StreamError(
            f"No rows came out of {job.data.told!r}, so nothing is written: it has none, or a "
            "Filter leaves none."
        )


@contextmanager
def _bar(job: _Job, fed: Fed) -> Iterator[Callable[[int], Any]]:
    """Show how many rows are done on stderr, where that is a terminal and stdout is not used."""
    if job.out is None or not sys.stderr.isatty():
        yield lambda n_rows: None
        return
    console = optional("rich.console", extra="cli", purpose="The progress bar")
    progress = optional("rich.progress", extra="cli", purpose="The progress bar")
    columns: Iterable[Any] = (
        progress.SpinnerColumn(),
        progress.BarColumn(),
        progress.TextColumn("{task.completed:,.0f} rows"),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=console.Console(stderr=True)) as bar:
        task = bar.add_task("rows", total=fed.n_rows)
        yield lambda n_rows: bar.update(task, advance=n_rows)
