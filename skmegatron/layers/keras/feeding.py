"""Arrays into the shape that a model takes, and refused in words where they have another.

With jax a model does not survive an error in the middle of its work, so everything that can
be known to be wrong is found here, before the model sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import Bunch

from skmegatron.errors import ShapeError
from skmegatron.io.tables import as_values, describe

Array = NDArray[Any]


def as_array(value: Any, name: str) -> Array:
    """Make a dense array of numbers of what came.

    Parameters
    ----------
    value : array-like of shape (n_rows, ...)
    name : str
        What to call it in an error.

    Returns
    -------
    ndarray of shape (n_rows, ...)
        Text stays text: there are models that take it.

    Raises
    ------
    TypeError
        If it is sparse, or holds objects that are no numbers.
    ValueError
        If it holds complex numbers.
    """
    if sparse.issparse(value):
        raise TypeError(
            f"Sparse data was passed as {name}, {describe(value)}, but a Keras model takes dense "
            "data. Use X.toarray(), as in sm.layers.Lambda(lambda X: X.toarray())(node)."
        )
    if type(value) is np.ndarray and value.dtype.kind in "fiub":
        return value
    array = np.asarray(as_values(value, name))
    if array.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} is {describe(array)}. Pass its real and "
            "imaginary parts as columns."
        )
    if array.dtype.kind != "O":
        return array
    if all(isinstance(item, str) for item in array.ravel()[:1]):
        return array.astype(str)
    try:  # float32 may not tell large integers apart, and Keras makes it of what it needs
        return np.array(array.tolist(), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"A Keras model takes numbers, and {name} {describe(array)} holds objects that make "
            f"none: {error}. Encode them first, as OneHotLabels() does."
        ) from error


def same_length(arrays: Mapping[str, Array]) -> int:
    """Insist that all arrays have as many rows.

    Parameters
    ----------
    arrays : mapping of str to ndarray

    Returns
    -------
    int
        How many.

    Raises
    ------
    ShapeError
        If they differ.
    """
    for name, array in arrays.items():
        if array.ndim == 0:
            raise ShapeError(f"{name} must have one row per observation, got the scalar {array}.")
    found = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(found.values())) > 1:
        raise ShapeError(
            f"Found input variables with inconsistent numbers of samples: {found}. Pass as many "
            "rows of each."
        )
    return int(next(iter(found.values())))


def tensors_in(model: Any) -> list[Any]:
    """List the inputs of a model, in order; none where its class does not tell.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    list of keras.KerasTensor
    """
    return list(getattr(model, "inputs", None) or ())


def tensors_out(model: Any) -> list[Any]:
    """List the outputs of a model, in order; none where its class does not tell.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    list of keras.KerasTensor
    """
    return list(getattr(model, "outputs", None) or ())


def input_keys(model: Any) -> list[str]:
    """List what the inputs of a model are called, in order; nothing where its class does not tell.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    list of str
        The keys of a model that takes a dictionary, else the names of the inputs.
    """
    tensors = tensors_in(model)
    structure = getattr(model, "input", None) if tensors else None
    if isinstance(structure, dict):
        return [key for t in tensors for key, value in structure.items() if value is t]
    return [str(tensor.name) for tensor in tensors]


def output_names(model: Any) -> list[str]:
    """List what the outputs of a model are called, in order.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    list of str
        The keys of a model that gives a dictionary.
    """
    own = getattr(model, "output", None) if tensors_out(model) else None
    if isinstance(own, dict):
        return output_keys(model, own)
    # A Sequential model does not tell: its output is its last layer's.
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    return [str(name) for name in names]


def output_keys(model: Any, structure: Mapping[str, Any]) -> list[str]:
    """List the keys of a model's outputs in the order of ``model.outputs``.

    Parameters
    ----------
    model : keras.Model
    structure : mapping of str to object
        Of a model that gives its outputs by name.

    Returns
    -------
    list of str
    """
    tensors = getattr(model, "outputs", None) or ()
    own = getattr(model, "output", None) if tensors else None
    if not isinstance(own, dict):
        return list(structure)
    return [next(key for key, value in own.items() if value is t) for t in tensors]


def order_of(told: Sequence[str], known: Sequence[str], what: str) -> list[int]:
    """Find what is told by name among what a model has.

    Parameters
    ----------
    told, known : sequence of str
        Names in the order of the call, and in that of the model.
    what : {"inputs", "outputs"}
        What they name.

    Returns
    -------
    list of int
        For each that is told, its place among those of the model.

    Raises
    ------
    ValueError
        If the names are others.
    """
    if set(told) != set(known) or len(told) != len(known):
        raise ValueError(
            f"The model has the {what} {list(known)}, and the step was drawn with {list(told)}. "
            "Give them these names in the build function, or draw them in order, in a list."
        )
    return [list(known).index(name) for name in told]


class Intake:
    """How a model takes its inputs.

    Parameters
    ----------
    model : keras.Model
        Built.
    shapes : sequence of tuple of int
        Of one observation of each array that it was fitted on.
    told : sequence of str, default=()
        Names of the inputs in the order in which arrays come, where it may be another.
    """

    def __init__(
        self, model: Any, shapes: Sequence[tuple[int, ...]], told: Sequence[str] = ()
    ) -> None:
        tensors = tensors_in(model)
        self.names = [str(tensor.name) for tensor in tensors]
        if tensors:
            self.shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
            self.dtypes = [str(tensor.dtype) for tensor in tensors]
        else:
            self.shapes, self.dtypes = list(shapes), [""] * len(shapes)
        self.keys = input_keys(model)
        self.by_name = isinstance(getattr(model, "input", None) if tensors else None, dict)
        self.order = list(range(len(self.shapes)))
        if told and not tensors:
            self.keys, self.by_name = list(told), True
        elif told:
            names = self.keys if set(told) == set(self.keys) else self.names
            places = order_of(told, names, "inputs")
            self.order = [places.index(place) for place in self.order]

    def take(self, arrays: Sequence[Any]) -> list[Array]:
        """Check arrays, and give them the shapes of the inputs.

        Parameters
        ----------
        arrays : sequence of array-like

        Returns
        -------
        list of ndarray

        Raises
        ------
        ShapeError
            If there are more or fewer than inputs, or one has another shape.
        """
        if len(arrays) != len(self.shapes):
            raise ShapeError(
                f"The model has {len(self.shapes)} inputs {self.names or ''}, got {len(arrays)} "
                "arrays. Call the layer on one node per input, in this order."
            )
        return [self._taken(arrays[given], place) for place, given in enumerate(self.order)]

    def _taken(self, value: Any, place: int) -> Array:
        name = self.names[place] if self.names else f"input {place}"
        array = as_array(value, name)
        shape, dtype = self.shapes[place], self.dtypes[place]
        if array.dtype.kind in "US" and dtype != "string":
            array = _numbers(array, name)
        if array.ndim == len(shape) and shape and shape[-1] == 1:
            array = array[..., np.newaxis]  # plain values for a column, grey images for channels
        fits = array.ndim == len(shape) + 1 and all(
            wanted in (None, got) for wanted, got in zip(shape, array.shape[1:], strict=True)
        )
        if not fits:
            raise _misfit(name, shape, array)
        return array

    def structured(self, arrays: Sequence[Any]) -> Any:
        """Put arrays together as the model takes them: alone, in a list or by name.

        Parameters
        ----------
        arrays : sequence of array

        Returns
        -------
        array, list of array or dict of str to array
        """
        if self.by_name:
            return dict(zip(self.keys, arrays, strict=True))
        return arrays[0] if len(arrays) == 1 else list(arrays)


def _misfit(name: str, shape: tuple[int | None, ...], array: Array) -> ShapeError:
    wanted = ", ".join("n_rows" if n is None else str(n) for n in (None, *shape))
    wanted = f"({wanted})" if shape else "(n_rows,)"
    features = ""
    if len(shape) == 1 and array.ndim == 2:
        features = f"X has {array.shape[1]} features, but Keras is expecting {shape[0]} features "
        features += "as input. "
    return ShapeError(
        f"{features}The model takes shape {wanted} for {name!r}, got {describe(array)}. Reshape "
        "it in the graph, or let the build function read its shape: "
        "def build(meta): keras.Input(meta['input_shape'])."
    )


def _numbers(array: Array, name: str) -> Array:
    try:
        return array.astype(np.float64)
    except ValueError as error:
        raise ValueError(
            f"The model takes numbers for {name!r}, got text: {error}. Encode it first."
        ) from error


def labels_like(y: Any, name: str, shape: tuple[int | None, ...] | None, *, sparse: bool) -> Array:
    """Check labels, and give them the shape that the model's output has.

    Parameters
    ----------
    y : array-like of shape (n_rows, ...)
    name : str
    shape : tuple of int or None
        Of one observation of the output; None where it is not known.
    sparse : bool
        Whether the loss takes the number of a class in the place of a last axis.

    Returns
    -------
    ndarray of shape (n_rows, ...)

    Raises
    ------
    ShapeError
        If they cannot be compared with what the model gives.
    ValueError
        If they are text.
    """
    array = as_array(y, name)
    if array.dtype.kind in "US":
        raise ValueError(
            f"A Keras model learns from numbers, and {name} {describe(array)} is text. "
            "KerasClassifier(model) takes labels as they are; or encode them first: "
            "OneHotLabels()(label)."
        )
    if shape is None:
        return array
    if sparse:
        shape = shape[:-1]
    if array.ndim == len(shape) and shape and shape[-1] == 1:
        return array[..., np.newaxis]
    if sparse and array.ndim == len(shape) + 2 and array.shape[-1] == 1:
        return array
    fits = array.ndim == len(shape) + 1 and all(
        None in (wanted, got) or wanted == got
        for wanted, got in zip(shape, array.shape[1:], strict=True)
    )
    if fits:
        return array
    told = (None, *shape)
    raise ShapeError(
        f"The model gives shape {('n_rows', *told[1:])} for {name!r}, and its labels are "
        f"{describe(array)}. Let the build function read it, def build(meta): "
        "Dense(meta['output_shape'][-1]), or choose a loss for labels of this kind, such as "
        "'sparse_categorical_crossentropy' for numbers of classes."
    )


def meta_of(arrays: Sequence[Array], targets: Sequence[Array], more: Mapping[str, Any]) -> Bunch:
    """Tell a build function about the data.

    Parameters
    ----------
    arrays : sequence of ndarray
        The inputs.
    targets : sequence of ndarray
        The labels of each output.
    more : mapping of str to object
        Whatever else is known, such as ``n_classes_``.

    Returns
    -------
    Bunch
        ``input_shapes`` and ``output_shapes``, of one observation each and in the order of the
        call; ``input_shape`` and ``output_shape``, the first of them; ``n_features_in_`` where
        the first is a table; ``n_outputs``; ``n_classes_`` for numbers of classes and one-hot
        labels.
    """
    shapes = [tuple(array.shape[1:]) for array in arrays]
    given = [tuple(target.shape[1:]) for target in targets]
    meta = Bunch(
        input_shapes=shapes,
        input_shape=shapes[0],
        input_dtypes=[str(array.dtype) for array in arrays],
        output_shapes=given,
        n_outputs=len(given),
    )
    if len(shapes[0]) == 1:
        meta["n_features_in_"] = shapes[0][0]
    if given:
        meta["output_shape"] = given[0] or (1,)
        n_classes = _n_classes(targets[0])
        if n_classes is not None:
            meta["n_classes_"] = n_classes
    meta.update(more)
    return meta


def _n_classes(target: Array) -> int | None:
    if target.ndim == 2 and target.shape[1] > 1:
        return int(target.shape[1])
    if target.dtype.kind in "iub" and target.size:
        return int(target.max()) + 1
    return None
