"""Train a model: on all rows at once, or batch by batch.

With all rows, Keras does the work. Batches come from outside, one pass over the source after
the other: a `Course` tells the callbacks when an epoch begins and ends, so that their patience
is counted in epochs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.layers.keras.backend import load_keras
from skmegatron.layers.keras.feeding import output_keys
from skmegatron.layers.keras.hyper import check_options

Array = NDArray[Any]


def fresh_callbacks(callbacks: Any) -> list[Any]:
    """Copy callbacks, which keep what they have seen, for one fit.

    Parameters
    ----------
    callbacks : keras.Callback, sequence of keras.Callback, or None

    Returns
    -------
    list of keras.Callback
    """
    given = [] if callbacks is None else callbacks
    given = list(given) if isinstance(given, list | tuple) else [given]
    # The model of a fit before would be copied too.
    return [deepcopy(one, {id(one.model): None}) for one in given]


def train(
    model: Any,
    data: tuple[Any, Any, Any],
    held_out: Any,
    settings: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, list[float]]:
    """Train on all rows.

    Parameters
    ----------
    model : keras.Model
        Changed.
    data : tuple of (x, y, weights)
        As the model takes them; labels and weights may be None.
    held_out : tuple or None
        Validation data in the same shapes.
    settings : mapping of str to object
        What the layer's own parameters say.
    options : mapping of str to object
        Further keywords of ``fit``.

    Returns
    -------
    dict of str to list of float
        What each epoch gave.

    Raises
    ------
    ValueError
        If ``fit`` takes no such keyword.
    """
    check_options("fit", options, model.fit)
    x, y, weight = data
    told = model.fit(x, y, sample_weight=weight, validation_data=held_out, **settings, **options)
    return {name: [float(value) for value in values] for name, values in told.history.items()}


@contextmanager
def unharmed(model: Any) -> Iterator[None]:
    """Give a model that learns more its weights back where that fails.

    With jax it would have none: there `fit` takes them out of the model while it works.

    Parameters
    ----------
    model : keras.Model
    """
    learned = [] if model.optimizer is None else model.optimizer.variables
    numbers = load_keras().ops.convert_to_numpy
    # Copied: a step changes the arrays, or uses them up.
    held = [(variable, np.array(numbers(variable))) for variable in (*model.variables, *learned)]
    try:
        yield
    except BaseException:
        for variable, value in held:
            variable.assign(value)
        raise


class Course:
    """Epochs of batches that come one by one.

    Parameters
    ----------
    model : keras.Model
        Changed.
    callbacks : sequence of keras.Callback
        Of this course alone.
    batch_size : int
        How many rows make a step; larger batches are cut.
    shuffle : bool
        Whether the rows of a batch that is cut are mixed before.
    class_weight : mapping of int to float or None
    verbose : int or str
    """

    def __init__(
        self,
        model: Any,
        callbacks: Sequence[Any],
        batch_size: int | None,
        shuffle: bool,
        class_weight: Mapping[int, float] | None = None,
        verbose: Any = 0,
    ) -> None:
        self.model = model
        self.batch_size = batch_size or 32
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.callbacks = load_keras().callbacks.CallbackList(
            list(callbacks),
            add_progbar=verbose != 0,
            model=model,
            verbose=verbose,
            epochs=1,  # how many there will be is not known: the bar then leaves it out
            steps=None,
        )
        self.history: dict[str, list[float]] = {}
        self._epoch = self._step = 0
        self._under_way = False
        self._sums: dict[str, float] = {}
        self._rows = 0
        model.stop_training = False
        self.callbacks.on_train_begin()

    @property
    def stopped(self) -> bool:
        """Whether a callback has asked to stop."""
        return bool(self.model.stop_training)

    def begin_epoch(self) -> None:
        """Start an epoch."""
        if self.stopped:
            return
        self._under_way = True
        self._step, self._rows, self._sums = 0, 0, {}
        self.callbacks.on_epoch_begin(self._epoch)

    def take(self, x: Any, y: Any, weight: Any, n_rows: int) -> None:
        """Take a batch in, in steps of `batch_size` rows.

        Parameters
        ----------
        x, y, weight : arrays as the model takes them
        n_rows : int
        """
        order = None
        if self.shuffle and n_rows > self.batch_size:
            order = np.random.permutation(n_rows)  # seeded by the layer
        for start in range(0, n_rows, self.batch_size):
            stop = min(start + self.batch_size, n_rows)
            rows: Any = slice(start, stop) if order is None else order[start:stop]
            self._learn(cut(x, rows), cut(y, rows), cut(weight, rows), stop - start)
            if self.stopped:
                return

    def _learn(self, x: Any, y: Any, weight: Any, n_rows: int) -> None:
        self.callbacks.on_train_batch_begin(self._step)
        self.model.reset_metrics()  # or, with some versions, they would be running means
        logs = self.model.train_on_batch(
            x, y, sample_weight=weight, class_weight=self.class_weight, return_dict=True
        )
        for name, value in logs.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value) * n_rows
        self._rows += n_rows
        self.callbacks.on_train_batch_end(self._step, self._logs())
        self._step += 1

    def _logs(self) -> dict[str, float]:
        return {name: total / self._rows for name, total in self._sums.items()}

    def end_epoch(self) -> None:
        """End the epoch: callbacks are told its means."""
        if not self._under_way:
            return
        self._under_way = False
        logs = self._logs() if self._rows else {}
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        self.callbacks.on_epoch_end(self._epoch, logs)
        self._epoch += 1

    def end(self) -> None:
        """End the course."""
        self.callbacks.on_train_end(self._logs() if self._rows else {})


def cut(part: Any, rows: Any) -> Any:
    """Take rows of arrays that may be in a list or a dictionary.

    Parameters
    ----------
    part : array, list of array, dict of str to array, or None
    rows : slice or ndarray of int

    Returns
    -------
    the same with fewer rows
    """
    if part is None:
        return None
    if isinstance(part, dict):
        return {name: array[rows] for name, array in part.items()}
    return [array[rows] for array in part] if isinstance(part, list) else part[rows]


def as_outputs(model: Any, targets: Sequence[Array]) -> Any:
    """Put labels together as a model gives its outputs.

    Parameters
    ----------
    model : keras.Model
    targets : sequence of ndarray
        One per output, in the order of the model's.

    Returns
    -------
    array, list of array, dict of str to array, or None
    """
    own = getattr(model, "output", None) if getattr(model, "outputs", None) else None
    if isinstance(own, dict) and targets:
        return dict(zip(output_keys(model, own), targets, strict=True))
    if not targets:
        return None
    return targets[0] if len(targets) == 1 else list(targets)


def as_weights(weight: Any, targets: Any) -> Any:
    """Hand weights of rows to every output.

    Parameters
    ----------
    weight : ndarray of shape (n_rows,) or None
    targets : array, list or dict of array
        As `as_outputs` gives them.

    Returns
    -------
    the weights in the same structure, or None
    """
    if weight is None:
        return None
    if isinstance(targets, dict):
        return dict.fromkeys(targets, weight)
    return [weight for _ in targets] if isinstance(targets, list) else weight
