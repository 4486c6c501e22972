"""A model that has been trained: asked by one thread at a time, and saved as bytes.

`Network` is what a fitted layer holds. It becomes a model again when it is first asked, so that
what is only handed on - to a worker, out of a cache - costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from threading import RLock
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skmegatron.io.saving import unwrapped
from skmegatron.layers.keras.backend import load_keras
from skmegatron.layers.keras.building import copied
from skmegatron.layers.keras.feeding import (
    Intake,
    order_of,
    output_keys,
    output_names,
    tensors_out,
)
from skmegatron.layers.keras.garbage import held
from skmegatron.layers.keras.persisting import packed, unpacked
from skmegatron.layers.keras.seeding import seeded

Array = NDArray[Any]

#: Numbers in one chunk of a prediction, about: 64 MB of float32.
_CHUNK_SIZE = 2**24
_MOST_ROWS = 1024


class Network:
    """A compiled model.

    Parameters
    ----------
    model : keras.Model
    shapes : sequence of tuple of int
        Of one observation of each array that it is fitted on.
    custom_objects : mapping of str to object or None
        Code of the user's own, by name, for saving it.
    inputs, outputs : sequence of str, default=()
        Their names in the order in which arrays come and predictions are given; empty for that
        of the model.
    """

    def __init__(
        self,
        model: Any,
        shapes: Sequence[tuple[int, ...]],
        custom_objects: Any = None,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._state: dict[str, Any] = {}
        self.shapes = [tuple(shape) for shape in shapes]
        self.custom_objects = custom_objects
        self.inputs, self.outputs = list(inputs), list(outputs)
        #: How many batches it has been given one by one.
        self.n_batches = 0
        self.lock = RLock()
        self._intake: Intake | None = None
        if model is not None:
            held(model, self)

    @property
    def model(self) -> Any:
        """The model itself."""
        if self._model is None:
            with self.lock:
                if self._model is None:
                    self._model = unpacked(self._state)
                    held(self._model, self)
                    self._state = {}
        return self._model

    @property
    def intake(self) -> Intake:
        """How it takes its inputs."""
        if self._intake is None:
            self._intake = Intake(self.model, self.shapes, self.inputs)
        return self._intake

    @property
    def output_order(self) -> list[int]:
        """Of each output as it is given, its place among those of the model."""
        if not self.outputs:
            return list(range(max(len(tensors_out(self.model)), 1)))
        return order_of(self.outputs, output_names(self.model), "outputs")

    def predict(self, arrays: Sequence[Any]) -> list[Array]:
        """Predict, silently, for any number of rows and in any thread.

        Parameters
        ----------
        arrays : sequence of array-like of shape (n_rows, ...)

        Returns
        -------
        list of ndarray of shape (n_rows, ...)
            One per output, in the order of the model's.

        Raises
        ------
        ShapeError
            If an array has another shape than the model takes. Nothing has happened then.
        """
        model, intake = self.model, self.intake
        taken = intake.take(arrays)
        n_rows = _n_rows(taken)
        if n_rows == 0:
            empty = [np.zeros((1, *array.shape[1:]), array.dtype) for array in taken]
            return [output[:0] for output in self._outputs(model, intake, empty)]
        chunk = 1 if n_rows == 1 else _chunk_rows(taken)
        if n_rows <= chunk:
            return self._outputs(model, intake, taken)
        parts = [
            self._outputs(model, intake, [array[start : start + chunk] for array in taken])
            for start in range(0, n_rows, chunk)
        ]
        return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]

    def _outputs(self, model: Any, intake: Intake, arrays: list[Array]) -> list[Array]:
        n_rows = arrays[0].shape[0]
        padded = _padded_rows(n_rows)
        if padded != n_rows:
            arrays = [_with_rows(array, padded) for array in arrays]
        arrays = [
            array.astype(dtype, copy=False) if array.dtype.kind == "f" and dtype else array
            for array, dtype in zip(arrays, intake.dtypes, strict=True)
        ]
        with self.lock:  # with jax, two at once would destroy the model
            given = model.predict_on_batch(intake.structured(arrays))
        outputs = [_plain(output) for output in in_order(model, given)]
        if self.outputs:
            outputs = [outputs[place] for place in self.output_order]
        return [output[:n_rows] for output in outputs] if padded != n_rows else outputs

    def __getstate__(self) -> dict[str, Any]:
        state = self._state
        if self._model is not None:
            with self.lock:
                state = packed(self._model, self.custom_objects)
        named = {"inputs": self.inputs, "outputs": self.outputs}
        return {"shapes": self.shapes, "n_batches": self.n_batches, "state": state, **named}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        named = state["inputs"], state["outputs"]
        self.__init__(None, state["shapes"], None, *named)  # type: ignore[misc]
        self.n_batches = state["n_batches"]
        self._state = dict(state["state"])
        self.custom_objects = unwrapped(self._state["custom_objects"])

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy the model within the process, where code of any kind can be shared."""
        with self.lock, seeded(0):  # weights are drawn, and then copied
            model = copied(self.model)
            if self.model.built:
                if not model.built:
                    model.build_from_config(self.model.get_build_config())
                model.set_weights(self.model.get_weights())
            optimizer = getattr(self.model, "optimizer", None)
            if optimizer is not None and optimizer.built:
                learned: dict[str, Any] = {}
                optimizer.save_own_variables(learned)
                model.optimizer.build(model.trainable_variables)
                model.optimizer.load_own_variables(learned)
        custom = deepcopy(self.custom_objects, memo)
        twin = type(self)(model, self.shapes, custom, self.inputs, self.outputs)
        twin.n_batches = self.n_batches
        return twin


def in_order(model: Any, given: Any) -> list[Any]:
    """List what a model gives, one value per output and in their order.

    Parameters
    ----------
    model : keras.Model
    given : array, sequence of array, or dict of str to array

    Returns
    -------
    list of array
    """
    if isinstance(given, dict):
        return [given[key] for key in output_keys(model, given)]
    return list(given) if isinstance(given, list | tuple) else [given]


def _plain(output: Array) -> Array:
    """Give float32 where numpy has no such number, as with mixed precision."""
    return output.astype(np.float32) if output.dtype.kind == "V" else output


def _n_rows(arrays: Sequence[Array]) -> int:
    n_rows = {array.shape[0] for array in arrays}
    if len(n_rows) > 1:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {sorted(n_rows)}. Pass "
            "as many rows of each."
        )
    return int(n_rows.pop())


def _chunk_rows(arrays: Sequence[Array]) -> int:
    """Tell how many rows are predicted at once: a power of two."""
    per_row = max(sum(array[:1].size for array in arrays), 1)
    return min(_MOST_ROWS, 1 << max(_CHUNK_SIZE // per_row, 1).bit_length() - 1)


def _padded_rows(n_rows: int) -> int:
    """Tell how many rows to predict: jax compiles anew for each number that it has not seen."""
    if load_keras().config.backend() == "torch":
        return n_rows
    return 1 << (n_rows - 1).bit_length()


def _with_rows(array: Array, n_rows: int) -> Array:
    filled = np.zeros((n_rows, *array.shape[1:]), array.dtype)
    filled[: array.shape[0]] = array
    return filled
