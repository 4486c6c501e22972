"""Keras: a network as a layer.

What the layer is made with describes a model; `fit` builds it, trains it, and keeps it as a
`Network`. The parameters of the layer are never trained, so that a clone knows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skmegatron.io.saving import Portable, unwrapped
from skmegatron.layers.columns import Names, numbered
from skmegatron.layers.keras.apart import apart, together
from skmegatron.layers.keras.backend import choose_backend
from skmegatron.layers.keras.feeding import tensors_out
from skmegatron.layers.keras.hyper import check_names, defaults, is_template, label_of
from skmegatron.layers.keras.learning import Learning
from skmegatron.layers.keras.network import Network
from skmegatron.layers.keras.telling import told

#: Own parameters, and what they are unless said otherwise.
_OWN: dict[str, Any] = {
    "model": None,
    "optimizer": None,
    "loss": None,
    "metrics": None,
    "epochs": 1,
    "batch_size": 32,
    "shuffle": True,
    "callbacks": None,
    "verbose": 0,
    "warm_start": False,
    "reset_weights": True,
    "random_state": None,
    "custom_objects": None,
}
#: Held by reference: a copy of a model or an optimizer would hold what it has learned.
_SHARED = {"model", "optimizer", "loss", "metrics", "callbacks", "custom_objects"}
#: What may hold objects of Keras and code of the user's own.
_IN_PARTS = ("optimizer", "loss", "metrics", "callbacks", "custom_objects", "hyperparameters")


class Keras(Learning):
    """Use a Keras model as a step.

    ``Keras(build)([images, labels])`` takes the nodes at the end that are more than the model
    has inputs as its labels, one per output. How many inputs there are is known of a model;
    with a build function these are the nodes made of nothing but targets. ``y=labels`` says
    the same without guessing, ``y=[...]`` and ``y={output: ...}`` for several outputs.

    Parameters
    ----------
    model : callable or keras.Model
        A function that builds a model and returns it, compiled or not. Its arguments are
        hyperparameters. Where one is called ``meta``, it is told of the data: the keys
        ``input_shapes``, ``input_shape``, ``input_dtypes``, ``n_features_in_``,
        ``output_shapes``, ``output_shape``, ``n_outputs`` and ``n_classes_``. Or a
        model as a template, which is itself never trained.
    optimizer : str, class or keras.Optimizer, default=None
        None leaves what the model was compiled with, or takes Keras's ``"rmsprop"``.
    loss : str, callable, or list or dict of them, default=None
    metrics : list or dict, default=None
        None leaves what the model was compiled with.
    epochs : int, default=1
        How often `fit` goes through the rows. `Pipeline.fit_generator` has its own.
    batch_size : int, default=32
    shuffle : bool, default=True
    callbacks : keras.Callback or list of them, default=None
        Copied for each fit.
    verbose : int or str, default=0
        As in ``model.fit``; only 0 is silent.
    warm_start : bool, default=False
        Whether `fit` goes on from what was learned before. The network and its optimizer are
        then those of the first fit, with its settings.
    reset_weights : bool, default=True
        Whether a template is used with fresh weights. False begins with its own.
    random_state : int, RandomState or None, default=None
        A number makes weights, shuffling and dropout repeatable, and leaves the global random
        generators as they were. None draws one from numpy's.
    custom_objects : dict of str to object, default=None
        Classes and functions of your own that the model uses and that Keras does not know.
    **hyperparameters
        Arguments of the build function; ``optimizer__learning_rate`` and other settings of the
        optimizer; ``compile__...`` and ``fit__...`` for ``model.compile`` and ``model.fit``,
        such as ``fit__class_weight``.

    Attributes
    ----------
    model_ : keras.Model
        The trained model.
    history_ : dict of str to list of float
        What each epoch of the last fit gave.

    Notes
    -----
    A step has one node per output of the model, named after the output where the model is a
    template; with a build function, as many as `loss` has entries.

    Values are float32, as Keras gives them. Predictions go through the model in chunks, under a
    lock, so any number of threads may ask.

    Only what draws from the global generator of ``keras.random``, without a seed of its own, is
    not repeatable. TensorFlow's global seed is set and cannot be put back.

    Examples
    --------
    >>> import skmegatron as sm
    >>> def build(meta, units=8):
    ...     import keras
    ...     return keras.Sequential([
    ...         keras.Input(meta["input_shape"]), keras.layers.Dense(units, "relu"),
    ...         keras.layers.Dense(1)])
    >>> net = sm.layers.Keras(build, loss="mse", units=16, optimizer__learning_rate=0.01)
    >>> net
    Keras(build, loss='mse', units=16, optimizer__learning_rate=0.01)
    """

    optimizer: Any
    metrics: Any
    reset_weights: bool

    def __init__(
        self,
        model: Any,
        *,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        epochs: int = 1,
        batch_size: int = 32,
        shuffle: bool = True,
        callbacks: Any = None,
        verbose: Any = 0,
        warm_start: bool = False,
        reset_weights: bool = True,
        random_state: Any = None,
        custom_objects: Any = None,
        **hyperparameters: Any,
    ) -> None:
        check_names(model, hyperparameters, _OWN)
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start
        self.reset_weights = reset_weights
        self.random_state = random_state
        self.custom_objects = custom_objects
        self.hyperparameters = hyperparameters

    def own_params(self) -> dict[str, Any]:
        """Give the layer's own parameters, without the hyperparameters.

        Returns
        -------
        dict of str to object
        """
        return {name: getattr(self, name) for name in _OWN}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, with the defaults of the build function.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: there is nothing nested.

        Returns
        -------
        dict of str to object
        """
        return self.own_params() | defaults(self.model, _OWN) | self.hyperparameters

    def set_params(self, **params: Any) -> Self:
        """Set parameters and hyperparameters.

        Parameters
        ----------
        **params
            Also arguments of the build function, and names with ``optimizer__``, ``compile__``
            or ``fit__`` in front.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter; the message lists those there are. Nothing is set
            then.

        Examples
        --------
        >>> from skmegatron.layers import Keras
        >>> def build(meta, units=8):
        ...     raise NotImplementedError("nothing is built before a fit")
        >>> Keras(build).set_params(units=16, optimizer__learning_rate=0.1, epochs=3)
        Keras(build, epochs=3, units=16, optimizer__learning_rate=0.1)
        """
        own = {name: value for name, value in params.items() if name in _OWN}
        given = {name: value for name, value in params.items() if name not in _OWN}
        hyperparameters = self.hyperparameters | given
        check_names(own.get("model", self.model), hyperparameters, _OWN)
        for name, value in own.items():
            setattr(self, name, value)
        self.hyperparameters = hyperparameters
        return self

    def __sklearn_clone__(self) -> Self:
        own = {
            name: value if name in _SHARED else clone(value, safe=False)
            for name, value in self.own_params().items()
        }
        given = {name: clone(value, safe=False) for name, value in self.hyperparameters.items()}
        twin = type(self)(**own, **given)
        twin.input_names = self.input_names
        return twin

    def told_params(self) -> dict[str, Any]:
        """Give the parameters in a way that tells equal ones to be equal, for a cache.

        Returns
        -------
        dict of str to object
        """
        params = self.get_params()
        weights = None if self.reset_weights else "with weights"
        known = {name: told(value, weights) for name, value in params.items()}
        return known | {"input_names": self.input_names}

    @property
    def may_draw(self) -> list[Any] | None:
        """What may draw random numbers that `random_state` does not decide; None for all."""
        if self.random_state is None:
            return None
        return [value for value in self.get_params().values() if callable(value)]

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        own = {name: value for name, value in self.own_params().items() if name != "model"}
        known = _OWN | defaults(self.model, _OWN)
        told = "".join(
            f", {name}={value!r}"
            for name, value in (own | self.hyperparameters).items()
            # As text: arrays do not say whether they are equal in one word.
            if name not in known or repr(value) != repr(known[name])
        )
        return f"{type(self).__name__}({label_of(self.model)}{told})"[:N_CHAR_MAX]

    @property
    def model_(self) -> Any:
        """The trained model.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Keras
        >>> def build(meta):
        ...     import keras
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), keras.layers.Dense(3)])
        >>> net = Keras(build, loss="mse").fit(np.zeros((8, 2)), y=np.zeros((8, 3)))
        >>> net.model_.count_params()
        9
        """
        return self._network().model

    def _network(self) -> Network:
        network: Network | None = vars(self).get("network_")
        if network is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with "
                "appropriate arguments before using this estimator."
            )
        return network

    def predict(self, *arrays: Any) -> Any:
        """Predict.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            One per input. There may be no rows.

        Returns
        -------
        ndarray of shape (n_rows, ...), or a tuple of them
            One per output.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Keras
        >>> def build(meta):
        ...     import keras
        ...     return keras.Sequential([keras.Input(meta["input_shape"]), keras.layers.Dense(3)])
        >>> net = Keras(build, loss="mse").fit(np.zeros((8, 2)), y=np.zeros((8, 3)))
        >>> net.predict(np.zeros((5, 2))).shape
        (5, 3)
        """
        outputs = self._network().predict(arrays)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def transform(self, *arrays: Any) -> Any:
        """Predict; the value of the step.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, ...), or a tuple of them
        """
        return self.predict(*arrays)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Give the columns of tables numbers: what they mean, only the model knows."""
        outputs = tensors_out(self.model_) if "network_" in vars(self) else []
        shapes = {tuple(tensor.shape[1:]) for tensor in outputs}
        shape = shapes.pop() if len(shapes) == 1 else ()
        return numbered(name, shape[0]) if len(shape) == 1 and shape[0] is not None else None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # there may be a masking layer
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.non_deterministic = self.random_state is None
        return tags

    def __reduce__(self) -> Any:
        return _revived, (type(self),), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        state = {key: v for key, v in vars(self).items() if key not in ("_course", "in_stream")}
        if is_template(self.model):
            state["model"] = Network(self.model, (), self.custom_objects)
        else:
            state["model"] = Portable(self.model)
        for name in _IN_PARTS:
            state[name] = Portable(apart(state[name]))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = {key: unwrapped(value) for key, value in state.items()}
        state |= {name: together(state[name]) for name in _IN_PARTS}
        if isinstance(state["model"], Network):
            state["model"] = state["model"].model
        self.__dict__.update(state)


def _revived(kind: type[Keras]) -> Keras:
    """Begin to unpickle: functions that come next may import Keras, which has to be ready."""
    choose_backend()
    layer: Keras = object.__new__(kind)
    return layer
