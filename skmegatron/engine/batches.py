"""Read a source batch by batch, as often as a run asks and never further.

While one batch is worked on, a thread reads the next: reading waits for disks and servers.
All of a pass is read in that one thread, so what the source opens is used where it was made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from scipy import sparse

from skmegatron.errors import StreamError
from skmegatron.io.tables import is_frame

_END = object()


class Batches:
    """The batches of a source, pass by pass.

    Parameters
    ----------
    source : iterable or callable
        Gives batches. A callable is called without arguments for each pass, and gives an
        iterable. What can be read only once, such as a generator, goes on from pass to
        pass where the one before has stopped.
    steps : int or None
        How many batches make a pass; None reads all there are.
    n_passes : int, default=1
        How often the source will be read.
    least : int, default=0
        How many batches a pass must find, where `steps` is None.

    Raises
    ------
    TypeError
        If it is no source of batches.
    ValueError
        If `steps` is no positive integer.
    StreamError
        If the source can be read only once, and the first pass would use it up.
    """

    def __init__(
        self, source: Any, steps: int | None = None, n_passes: int = 1, least: int = 0
    ) -> None:
        _check_source(source)
        if steps is not None:
            check_count("The number of batches", steps)
        self.source = source
        self.steps = steps
        self.n_passes = n_passes
        self.least = least if steps is None else steps
        self.once = isinstance(source, Iterator) and iter(source) is source
        if self.once and steps is None and n_passes > 1:
            raise StreamError(
                f"The fit reads the batches {n_passes} times, and a {type(source).__name__} can "
                f"be read once: pass 2 of {n_passes} would find nothing. {_INSTEAD}, or say how "
                "many batches of an endless one make a pass with steps_per_epoch=."
            )

    @property
    def size(self) -> int | None:
        """How many batches a pass reads, where that can be told beforehand."""
        if self.steps is not None:
            return self.steps
        return len(self.source) if hasattr(self.source, "__len__") else None

    def read(self, number: int = 1) -> Iterator[Any]:
        """Read one pass.

        Parameters
        ----------
        number : int, default=1
            Of the pass, for error messages.

        Yields
        ------
        batch

        Raises
        ------
        StreamError
            If there are fewer batches than a pass reads.
        """
        made = self.source() if callable(self.source) else self.source
        iterator = made if self.once else iter(made)
        close = None if self.once else getattr(iterator, "close", None)
        told = getattr(self.source, "prefetch", getattr(made, "prefetch", None))
        taken = 0
        if told is None:  # somebody's own, who may use the same arrays again
            ahead = not isinstance(made, Sequence)
            iterator = map(_kept, iterator) if ahead else iterator
        else:
            ahead = told
        reader = _ahead(iterator, self.steps, close) if ahead else _plain(iterator, self.steps)
        with closing(reader):
            while True:
                try:
                    batch = next(reader)
                except StopIteration:
                    break
                except Exception as error:  # whatever the source raises is told with its place
                    error.add_note(f"  reading batch {taken + 1} of pass {number}")
                    raise
                taken += 1
                yield batch
                del batch
        if taken < self.least:
            raise self._dry(number, taken)

    def _dry(self, number: int, taken: int) -> StreamError:
        wanted = "" if self.steps is None else f" of {self.steps}"
        place = f"in pass {number} of {self.n_passes}" if self.n_passes > 1 else "early"
        if taken == 0 and number == 1:
            return StreamError("The source gave no batch. Hand in batches with at least one row.")
        if number > 1 and (self.once or taken == 0):
            return StreamError(
                f"The source ran dry {place}, after {taken}{wanted} batches: what can be read "
                f"once, such as a generator, is empty from then on. {_INSTEAD}."
            )
        return StreamError(
            f"The source ran dry {place}, after {taken}{wanted} batches. Ask for as many as there "
            "are, or leave the number out to read them all."
        )


_THREADS = (
    "  batches are read in a thread of their own. Connect with check_same_thread=False, open the "
    "connection in the generator, or make it a function and write function.prefetch = False."
)

_INSTEAD = (
    "Hand in something that starts again: a list of batches, CSVGenerator(...) or another "
    "reader of skmegatron.io, or the generator function itself without calling it"
)


def split_batch(batch: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Take a batch apart.

    Parameters
    ----------
    batch : mapping, table or tuple
        ``X``, ``(X, y)``, or as in Keras ``(X, y, sample_weight)``.

    Returns
    -------
    tuple of (X, y, dict of str to array)
        What is not there is None; the weights are in the dictionary.

    Raises
    ------
    TypeError
        If it is a tuple of another length.
    """
    if not isinstance(batch, tuple):
        return batch, None, {}
    if len(batch) not in (1, 2, 3):
        raise TypeError(
            f"A batch is X, (X, y) or (X, y, sample_weight), got a tuple of {len(batch)}. Put "
            "several inputs into one mapping: ({'image': ..., 'age': ...}, y)."
        )
    X, y, weight = (*batch, None, None)[:3]
    return X, y, {} if weight is None else {"sample_weight": weight}


def check_count(what: str, value: Any) -> None:
    """Insist on a positive integer.

    Parameters
    ----------
    what : str
    value : object

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise ValueError(f"{what} must be an integer of at least 1, got {value!r}.")


@contextmanager
def noted(place: str) -> Iterator[None]:
    """Add to an error where in the stream it happened.

    Parameters
    ----------
    place : str
    """
    try:
        yield
    except Exception as error:
        error.add_note(f"  {place}")
        raise


def _check_source(source: Any) -> None:
    kind = type(source).__name__
    whole = isinstance(source, Mapping) or is_frame(source) or hasattr(source, "dtype")
    if whole or isinstance(source, str | bytes):
        raise TypeError(
            f"Expected batches, got one {kind}. Whole data goes to fit and transform; "
            "PandasGenerator(frame) cuts a frame into batches, CSVGenerator(path) reads a file."
        )
    if not (isinstance(source, Iterable) or callable(source) or hasattr(source, "__getitem__")):
        raise TypeError(
            f"Expected batches, got {kind}, which cannot be iterated. Hand in a list of batches, "
            "a generator, or a reader such as CSVGenerator(path)."
        )


def _kept(batch: Any) -> Any:
    """Copy the arrays of a batch, so that the source can fill its own with the next."""
    if isinstance(batch, np.ndarray):
        return batch.copy()
    if isinstance(batch, tuple):
        return tuple(_kept(part) for part in batch)
    if isinstance(batch, Mapping) and not sparse.issparse(batch):
        return {name: _kept(array) for name, array in batch.items()}
    return batch


def _plain(iterator: Iterator[Any], limit: int | None) -> Generator[Any, None, None]:
    """Give up to `limit` items."""
    yield from islice(iterator, limit)


def _ahead(
    iterator: Iterator[Any], limit: int | None, close: Callable[[], None] | None
) -> Generator[Any, None, None]:
    """Give up to `limit` items, reading each next one while the caller works on the last."""
    # Plain queues: an executor's futures cost a small batch more than what is done with it.
    asked: SimpleQueue[bool] = SimpleQueue()
    answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
    reader = Thread(
        target=_serve,
        args=(iterator, close, asked, answers),
        name="skmegatron-reader",
        daemon=True,
    )
    reader.start()
    asked.put(True)
    coming, taken = True, 0
    try:
        while coming:
            batch, error = answers.get()
            coming = False
            if error is not None:
                raise error
            if batch is _END:
                return
            taken += 1
            if limit is None or taken < limit:
                asked.put(True)
                coming = True
            yield batch
            del batch  # or two would be held while the next is waited for
    finally:
        asked.put(False)
        reader.join()
        while not answers.empty():  # what closing the source has raised
            _, error = answers.get()
            if error is not None and sys.exception() is None:
                raise error


def _serve(
    iterator: Iterator[Any],
    close: Callable[[], None] | None,
    asked: SimpleQueue[bool],
    answers: SimpleQueue[tuple[Any, BaseException | None]],
) -> None:
    """Read an item whenever one is asked for; in the end, close the source."""
    while asked.get():
        try:
            answers.put((next(iterator, _END), None))
        except BaseException as error:  # noqa: BLE001 - raised where the batch is waited for
            if "created in a thread" in str(error):
                error.add_note(_THREADS)
            answers.put((None, error))
    try:
        if close is not None:
            close()
    except BaseException as error:  # noqa: BLE001 - raised where the pass ends
        answers.put((None, error))
