"""Keras: a network as a layer.

What the layer is made with describes a model; `fit` builds it, trains it, and keeps it as a
`Network`. The parameters of the layer are never trained, so that a clone knows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skmegatron.errors import NodeTypeError
from skmegatron.io.saving import Portable, unwrapped
from skmegatron.layers.core import Names
from skmegatron.layers.keras.backend import choose_backend
from skmegatron.layers.keras.feeding import tensors_in, tensors_out
from skmegatron.layers.keras.hyper import check_names, defaults, is_template, label_of
from skmegatron.layers.keras.learning import Learning
from skmegatron.layers.keras.network import Network
from skmegatron.layers.keras.telling import told
from skmegatron.nodes.core import InputNode, Node, Target
from skmegatron.nodes.walk import sort

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
        Whether `fit` goes on from what was learned before.
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
        return type(self)(**own, **given)

    def told_params(self) -> dict[str, Any]:
        """Give the parameters in a way that tells equal ones to be equal, for a cache.

        Returns
        -------
        dict of str to object
        """
        params = self.get_params()
        weights = None if self.reset_weights else "with weights"
        return {name: told(value, weights) for name, value in params.items()}

    @property
    def may_draw(self) -> list[Any] | None:
        """What may draw random numbers that `random_state` does not decide; None for all."""
        if self.random_state is None:
            return None
        return [value for value in self.get_params().values() if callable(value)]

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        own = {name: value for name, value in self.own_params().items() if name != "model"}
        usual = defaults(self.model, _OWN)
        given = {n: v for n, v in self.hyperparameters.items() if n not in usual or v != usual[n]}
        changed = {n: v for n, v in own.items() if v is not _OWN[n] and v != _OWN[n]}
        told = "".join(f", {n}={v!r}" for n, v in (changed | given).items())
        return f"{type(self).__name__}({label_of(self.model)}{told})"[:N_CHAR_MAX]

    @property
    def n_outputs(self) -> int:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        """How many outputs the model has, as far as that can be told before it is built."""
        if is_template(self.model) and tensors_out(self.model):
            return len(tensors_out(self.model))
        return len(self.loss) if isinstance(self.loss, list | tuple | dict) else 1

    @property
    def output_names(self) -> list[str]:
        """What the outputs are called; none where that cannot be told."""
        if is_template(self.model) and tensors_out(self.model):
            # A Sequential model does not tell: its output is its last layer's.
            names = getattr(self.model, "output_names", None) or [self.model.layers[-1].name]
            return [str(name) for name in names]
        return [str(name) for name in self.loss] if isinstance(self.loss, dict) else []

    def __call__(
        self,
        *nodes: Any,
        name: str | Sequence[str] | None = None,
        y: Any = None,
        **fit_only_nodes: Node,
    ) -> Any:
        """Draw one step: the model applied to nodes.

        Parameters
        ----------
        *nodes : Node, list of Node
            One per input of the model, and labels after them if `y` is not given. A dictionary
            tells the inputs of a model by name. A string at the end is the name.
        name : str or sequence of str, default=None
        y : Node, or list or dict of Node, default=None
            Labels: one node per output, in order or by the names of the outputs.
        **fit_only_nodes : Node
            ``sample_weight``.

        Returns
        -------
        TransformationNode or tuple of TransformationNode
            One node per output.

        Raises
        ------
        NodeTypeError
            If the nodes do not fit the model.
        """
        if nodes and isinstance(nodes[0], Mapping):
            nodes = (self._by_input(nodes[0]), *nodes[1:])
        if isinstance(y, Mapping):
            y = self._by_output(y)
        if isinstance(y, list | tuple):
            fit_only_nodes = dict(_labels(y)) | fit_only_nodes
            y = fit_only_nodes.pop("y")
        return super().__call__(*nodes, name=name, y=y, **fit_only_nodes)

    def _by_input(self, nodes: Mapping[str, Any]) -> list[Any]:
        names = [str(t.name) for t in tensors_in(self.model)] if is_template(self.model) else []
        if not names:  # a build function is given them in the order in which they are told
            return list(nodes.values())
        if set(names) != set(nodes):
            raise NodeTypeError(
                f"The model has the inputs {names}, got nodes for {list(nodes)}. Give one node "
                "for each."
            )
        return [nodes[name] for name in names]

    def _by_output(self, labels: Mapping[str, Any]) -> list[Any]:
        names = self.output_names
        if set(names) != set(labels):
            raise NodeTypeError(
                f"The model has the outputs {names}, got labels for {list(labels)}. Give one node "
                "for each; with a build function, loss={output: ...} tells their names."
            )
        return [labels[name] for name in names]

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        known = len(tensors_in(self.model)) if is_template(self.model) else 0
        if known and len(inbound) < known:
            names = [tensor.name for tensor in tensors_in(self.model)]
            raise NodeTypeError(
                f"The model has {known} inputs {names}, and was called on {len(inbound)} nodes. "
                "Give one node per input, and the labels after them or as y=."
            )
        n_inputs = known or _before_labels(inbound)
        if "y" in fit_only and known and len(inbound) > known:
            raise NodeTypeError(
                f"The model has {known} inputs, and was called on {len(inbound)} nodes and on y=. "
                "Give the labels once."
            )
        if "y" not in fit_only and n_inputs < len(inbound):
            fit_only = dict(_labels(inbound[n_inputs:])) | fit_only
            inbound = inbound[:n_inputs]
        n_targets = len(self._targets_in(fit_only))
        if n_targets > 1 and n_targets != self.n_outputs:
            raise NodeTypeError(
                f"{self!r} has {self.n_outputs} outputs, as far as can be told, and was given "
                f"{n_targets} nodes of labels. A build function of several outputs is told by a "
                "loss for each: Keras(build, loss=['mse', 'mse'])."
            )
        return inbound, fit_only

    def _output_names(
        self, name: str | Sequence[str] | None, n_outputs: int
    ) -> Sequence[str] | None:
        given = super()._output_names(name, n_outputs)
        names = self.output_names
        if given is not None or self.n_outputs == 1 or len(set(names)) != self.n_outputs:
            return given
        if any("__" in one for one in names):
            return None
        return names if name is None else [f"{name}_{one}" for one in names]

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
        """Leave the columns to be numbered: what they mean, only the model knows."""
        return None

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
        for name in ("optimizer", "loss", "metrics", "callbacks", "custom_objects"):
            state[name] = Portable(state[name])
        state["hyperparameters"] = Portable(self.hyperparameters)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = {key: unwrapped(value) for key, value in state.items()}
        if isinstance(state["model"], Network):
            state["model"] = state["model"].model
        self.__dict__.update(state)


def _revived(kind: type[Keras]) -> Keras:
    """Begin to unpickle: functions that come next may import Keras, which has to be ready."""
    choose_backend()
    layer: Keras = object.__new__(kind)
    return layer


def _labels(nodes: Sequence[Any]) -> list[tuple[str, Any]]:
    """Give nodes of labels the keywords of `fit` by which they are told."""
    return [("y" if place == 0 else f"y_{place}", node) for place, node in enumerate(nodes)]


def _before_labels(nodes: Sequence[Node]) -> int:
    """Count the nodes before those at the end that are made of nothing but targets."""
    count = len(nodes)
    while count > 1 and _of_targets(nodes[count - 1]):
        count -= 1
    return count


def _of_targets(node: Node) -> bool:
    inputs = [one for one in sort([node]) if isinstance(one, InputNode)]
    return all(isinstance(one, Target) for one in inputs)
