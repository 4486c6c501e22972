"""Where the command line starts, and how it ends.

The commands need click, which is an optional package, so they are imported when they are run.
Every end has an exit code, and no end shows a traceback unless one is asked for.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from skmegatron.errors import EncodingError, MissingDependencyError
from skmegatron.optional import optional

GOOD, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_TRACEBACK = "--traceback"
_TRUSTED = re.compile(r"load_pipeline\(path, trusted=\[(.+?)\]\)")
_DTYPE = re.compile(r"Write dtype=\{(['\"])(.+?)\1: '(.+?)'\}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, default=None
        What is typed behind the name of the program; None takes what was typed.

    Returns
    -------
    int
        The exit code: 0 all went well, 1 it failed, 2 it was called wrongly, 130 it was
        interrupted.

    Examples
    --------
    >>> import tempfile
    >>> import skmegatron as sm
    >>> from skmegatron.cli.entry import main
    >>> x = sm.Input("x")
    >>> path = sm.Pipeline(x, x * 2, name="double").save(tempfile.mkdtemp())
    >>> main(["draw", str(path), f"{path.parent}/double.svg"])
    0
    >>> sorted(file.name for file in path.parent.iterdir())
    ['double.pkl', 'double.svg']
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with_traceback = _TRACEBACK in given
    try:
        click = optional("click", extra="cli", purpose="The command line")
        commands = importlib.import_module("skmegatron.cli.commands")
    except MissingDependencyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    with warnings.catch_warnings():
        warnings.showwarning = _tell_warning
        try:
            code = commands.skmegatron.main(
                args=given, prog_name="skmegatron", standalone_mode=False
            )
            sys.stdout.flush()
            return code if isinstance(code, int) else GOOD
        except click.ClickException as error:
            error.show()
            return int(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            print("Interrupted.", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            return _leave_broken_pipe()
        except Exception as error:  # noqa: BLE001 - whatever a reader, step or store raises is told
            tell(error, with_traceback)
            return FAILED


def tell(error: BaseException, with_traceback: bool) -> None:
    """Write an error and its notes to stderr.

    Parameters
    ----------
    error : exception
    with_traceback : bool
    """
    if with_traceback:
        traceback.print_exception(error)
        return
    kind = type(error).__name__
    print(f"Error: {kind}: {error}".rstrip(": "), file=sys.stderr)
    for note in getattr(error, "__notes__", ()):
        print(note, file=sys.stderr)
    advice = _typed(error)
    if advice is not None:
        print(f"  On the command line: {advice}", file=sys.stderr)


def _typed(error: BaseException) -> str | None:
    """Say what an error's advice, which is in Python, is as something to type."""
    told = str(error)
    asked, refused = _DTYPE.search(told), _TRUSTED.search(told)
    if asked:
        return f"--dtype {asked[2]}={asked[3]}"
    if refused:
        return " ".join(f"--trust {name}" for name in re.findall(r"'([^']+)'", refused[1]))
    if isinstance(error, EncodingError):
        return "iconv -f LATIN1 -t UTF-8 IN | skmegatron ... FILE -"
    return "dates come from Parquet or a database" if "parse_dates=" in told else None


def _tell_warning(message: Any, category: Any, *where: Any, **others: Any) -> None:
    print(f"Warning: {category.__name__}: {message}", file=sys.stderr)


def _leave_broken_pipe() -> int:
    """Say nothing where nobody reads, also when Python flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return FAILED
