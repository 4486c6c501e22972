"""How a Keras layer learns: from all rows, or from one batch after the other.

Data is looked at twice: first by itself, so that a build function can be told of it, then
against the model. Only when all went well does the layer hold what was learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skmegatron.layers.keras.building import built, loss_names
from skmegatron.layers.keras.drawing import Drawing
from skmegatron.layers.keras.feeding import (
    as_array,
    labels_like,
    meta_of,
    same_length,
    tensors_out,
)
from skmegatron.layers.keras.garbage import give_back
from skmegatron.layers.keras.hyper import is_template, label_of, routed
from skmegatron.layers.keras.network import Network
from skmegatron.layers.keras.seeding import derived, draw_seed, seeded
from skmegatron.layers.keras.training import (
    Course,
    as_outputs,
    as_weights,
    fresh_callbacks,
    train,
    unharmed,
)

Array = NDArray[Any]


class Learning(Drawing):
    """What `Keras` does with data that it learns from; the parameters are its own."""

    epochs: int
    batch_size: int
    shuffle: bool
    callbacks: Any
    verbose: Any
    warm_start: bool
    random_state: Any
    custom_objects: Any
    hyperparameters: dict[str, Any]
    network_: Network
    history_: dict[str, list[float]]
    seed_: int
    #: Held-out data reaches `fit` as ``validation_data``.
    takes_validation = True
    #: Another reading of the same batches teaches it more.
    takes_epochs = True
    #: Whether a stream is under way: `begin_epoch` was called and `end_stream` not yet.
    in_stream = False
    _course: Course | None = None

    @staticmethod
    def label_keys(fit_only: Mapping[str, Any]) -> list[str]:
        """Name the keywords of `fit` that are labels, in the order of the outputs.

        Parameters
        ----------
        fit_only : mapping of str to object

        Returns
        -------
        list of str
        """
        return [key for key in fit_only if key == "y" or key.startswith("y_")]

    def _targets_in(self, fit_only: Mapping[str, Any]) -> list[Any]:
        return [fit_only[key] for key in self.label_keys(fit_only) if fit_only[key] is not None]

    def fit(self, *arrays: Any, y: Any = None, **params: Any) -> Self:
        """Build the model and train it.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            One per input.
        y : array-like of shape (n_rows, ...), default=None
            Labels; where there are several outputs, those of the first, and ``y_1``, ... those
            of the others, or a list of all.
        **params
            ``sample_weight``; ``validation_data``, a tuple of (list of arrays, labels) or
            (list of arrays, labels, weights).

        Returns
        -------
        self

        Raises
        ------
        ShapeError
            If an array does not fit the model.
        ValueError
            If it is told to learn from nothing, or from no numbers.
        """
        held_out = params.pop("validation_data", None)
        weight = params.pop("sample_weight", None)
        targets = self._given_targets(y, params)
        taken, labels = self._first_look(arrays, targets)
        weight = self._weighed(labels, weight, in_batches=False)
        again = self.warm_start and "network_" in vars(self)
        seed = self._seed_for(again)
        with seeded(seed):
            network = self.network_ if again else self._fresh(taken, labels)
            with network.lock, unharmed(network.model) if again else nullcontext():
                data = self._fed(network, taken, labels, weight)
                valid = None if held_out is None else self._held_out(network, held_out)
                settings, options = self._fit_settings(), self._fit_options()
                history = train(network.model, data, valid, settings, options)
        self.network_, self.history_, self.seed_ = network, history, seed
        return self

    def _seed_for(self, again: bool) -> int:
        """Give the seed of this fit; one that goes on does not draw the same numbers again."""
        if again and self.random_state is not None:
            return derived(self.seed_, 1)
        return draw_seed(self.random_state)

    def _given_targets(self, y: Any, params: Mapping[str, Any]) -> list[Any]:
        unknown = [key for key in params if not key.startswith("y_")]
        if unknown:
            raise TypeError(
                f"{type(self).__name__} learns from y= and sample_weight=, got {unknown}. Other "
                "settings of model.fit are parameters of the layer: fit__class_weight=..."
            )
        if isinstance(y, list) and y and self.n_outputs == len(y) > 1 and np.ndim(y[0]) > 0:
            return list(y)
        given = {"y": y, **params}
        return self._targets_in(given)

    def _first_look(
        self, arrays: Sequence[Any], targets: Sequence[Any]
    ) -> tuple[list[Array], list[Array]]:
        """Make arrays of what came, before there is a model to hold them against."""
        taken = [as_array(array, f"input {place}") for place, array in enumerate(arrays)]
        told = {f"input {place}": array for place, array in enumerate(taken)}
        if same_length(told) == 0:
            raise ValueError(
                "Found array with 0 sample(s) while a minimum of 1 is required by "
                f"{type(self).__name__}. Check the masks of the Filter layers above it."
            )
        for array in taken:
            if 0 in array.shape[1:]:
                raise ValueError(
                    f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is "
                    f"required by {type(self).__name__}. Check the steps above it."
                )
        if not targets and self.loss is not None:
            raise ValueError(self._says_no_labels())
        labels = [self._encoded(target, place) for place, target in enumerate(targets)]
        same_length(told | {f"y {place}": array for place, array in enumerate(labels)})
        return taken, labels

    def _encoded(self, target: Any, place: int) -> Array:
        """Make numbers of labels; a classifier does more."""
        return as_array(target, f"y {place}" if place else "y")

    def _weighed(self, labels: Sequence[Array], weight: Any, *, in_batches: bool) -> Any:
        """Give the weights of the rows that are learned; a classifier knows of more."""
        return weight

    def _fresh(self, taken: Sequence[Array], labels: Sequence[Array]) -> Network:
        """Build a model for arrays like these."""
        give_back()
        model = built(self, meta_of(taken, labels, self._more_meta()), taken)
        n_outputs = len(tensors_out(model)) or self.n_outputs
        if n_outputs != self.n_outputs:
            raise ValueError(
                f"The model that {label_of(self.model)} gives has {n_outputs} outputs, and the "
                f"step was drawn with {self.n_outputs}. Tell how many there are by a loss for "
                "each: Keras(build, loss=['mse', 'mse'])."
            )
        if not labels and getattr(model, "loss", None) is not None:
            raise ValueError(self._says_no_labels())
        named = () if is_template(self.model) else self.output_names
        shapes = [array.shape[1:] for array in taken]
        network = Network(model, shapes, self.custom_objects, self.input_names, named)
        _ = network.intake, network.output_order  # names that the model does not have
        return network

    def _says_no_labels(self) -> str:
        return (
            f"{type(self).__name__} requires y to be passed, but the target y is None: the loss "
            "compares what the model gives with labels. Write layer(node, y=label), or y=node for "
            "a model that learns its input."
        )

    def _more_meta(self) -> dict[str, Any]:
        return {}

    def default_loss(self, model: Any) -> Any:
        """Give the loss of a model that has none; plain `Keras` knows of no good one."""
        return None

    def _fed(
        self, network: Network, arrays: Sequence[Any], labels: Sequence[Array], weight: Any
    ) -> tuple[Any, Any, Any]:
        """Put data together as the model takes it, checked."""
        model, intake = network.model, network.intake
        taken = intake.take(arrays)
        order = network.output_order
        if len(labels) == len(order):
            labels = [labels[order.index(place)] for place in range(len(order))]
        targets = self._like_outputs(model, labels)
        if weight is not None:
            weight = as_array(weight, "sample_weight")
            same_length({"input 0": taken[0], "sample_weight": weight})
        together = as_outputs(model, targets)
        return intake.structured(taken), together, as_weights(weight, together)

    def _like_outputs(self, model: Any, labels: Sequence[Array]) -> list[Array]:
        tensors = tensors_out(model)
        sparse = "sparse" in loss_names(model)
        if tensors and labels and len(labels) != len(tensors):
            raise ValueError(
                f"The model has {len(tensors)} outputs and was given labels for {len(labels)}. "
                "Draw it with one node of labels for each: Keras(build, ...)(x, y=[a, b])."
            )
        shapes: list[Any] = [tuple(t.shape[1:]) for t in tensors] or [None] * len(labels)
        names = [str(n) for n in getattr(model, "output_names", ())] or ["y"] * len(labels)
        alone = len(labels) == 1  # of several losses, each says itself what it takes
        return [
            labels_like(label, name, shape if alone else None, sparse=sparse)
            for label, name, shape in zip(labels, names, shapes, strict=False)
        ]

    def _held_out(self, network: Network, held_out: Any) -> Any:
        arrays, labels, *weights = held_out
        several = isinstance(labels, list) and self.n_outputs > 1
        targets = labels if several else [] if labels is None else [labels]
        encoded = [self._encoded_again(target, place) for place, target in enumerate(targets)]
        fed = self._fed(network, arrays, encoded, weights[0] if weights else None)
        return fed if fed[2] is not None else fed[:2]

    def _encoded_again(self, target: Any, place: int) -> Array:
        """Make numbers of labels as they were made while fitting."""
        return self._encoded(target, place)

    def _fit_settings(self) -> dict[str, Any]:
        own = ("batch_size", "epochs", "verbose", "shuffle")
        settings = {name: getattr(self, name) for name in own}
        settings["callbacks"] = fresh_callbacks(self.callbacks)
        return settings

    def _fit_options(self) -> dict[str, Any]:
        return routed(self.hyperparameters, "fit")

    def partial_fit(self, *arrays: Any, y: Any = None, **params: Any) -> Self:
        """Take in one more batch, in steps of `batch_size` rows.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        y : array-like of shape (n_rows, ...), default=None
        **params
            As in `fit`.

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import KerasRegressor
        >>> def build(meta):
        ...     import keras
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), keras.layers.Dense(1)])
        >>> net = KerasRegressor(build, random_state=0)
        >>> for batch in np.arange(6.0).reshape(3, 2, 1):
        ...     net = net.partial_fit(batch, y=2 * batch[:, 0])
        >>> net.predict(np.zeros((5, 1))).shape
        (5,)
        """
        weight = params.pop("sample_weight", None)
        targets = self._given_targets(y, params)
        taken, labels = self._first_look(arrays, targets)
        weight = self._weighed(labels, weight, in_batches=True)
        network: Network | None = vars(self).get("network_")
        seed: int = vars(self).get("seed_", 0)
        if network is None:
            seed = draw_seed(self.random_state)
            with seeded(seed):
                network = self._fresh(taken, labels)
        x, outputs, weights = self._fed(network, taken, labels, weight)
        with seeded(derived(seed, network.n_batches)), network.lock:
            course, alone = self._course_of(network), not self.in_stream
            if alone:
                course.begin_epoch()
            course.take(x, outputs, weights, taken[0].shape[0])
            network.n_batches += 1
            if alone:
                course.end_epoch()
                course.end()
        self.network_, self.history_, self.seed_ = network, course.history, seed
        if not alone:
            self._course = course
        return self

    def _course_of(self, network: Network) -> Course:
        if self._course is not None:
            return self._course
        options = self._fit_options()
        course = Course(
            network.model,
            fresh_callbacks(self.callbacks),
            self.batch_size,
            self.shuffle,
            options.get("class_weight"),
            self.verbose,
        )
        if self.in_stream:
            course.begin_epoch()
        return course

    @property
    def learned_enough(self) -> bool:
        """Whether a callback has asked to stop, so that further batches teach nothing."""
        return self._course is not None and self._course.stopped

    def begin_epoch(self) -> None:
        """Start a pass over the batches of a stream."""
        self.in_stream = True
        if self._course is not None:
            self._course.begin_epoch()

    def end_epoch(self) -> None:
        """End a pass over the batches of a stream."""
        if self._course is not None:
            self._course.end_epoch()

    def end_stream(self) -> None:
        """End a stream: there will be no more batches."""
        if self._course is not None:
            self._course.end()
        self.__dict__.pop("_course", None)
        self.__dict__.pop("in_stream", None)
