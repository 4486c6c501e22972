"""Ask a fitted estimator about new data, without having it check what is known already.

An `Asker` remembers what follows from an estimator, for as long as all its attributes are the
same objects: how its input is packed, and which of its checks cannot find anything.
"""

from __future__ import annotations

from functools import cached_property
from operator import is_
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import config_context, get_config

from skmegatron.layers.kernels import NOT_PLAIN, Kernel, kernel_of
from skmegatron.layers.kernels.core import is_finite
from skmegatron.layers.wrapping import may_write, wants_columns

#: What a parameter or attribute is that checks nothing of its own.
_PLAIN = (bool, int, float, str, type(None), np.ndarray, np.generic, np.dtype, sparse.csr_matrix)


class Asker:
    """What is known of a fitted estimator.

    Parameters
    ----------
    template : estimator
        As it was handed in: tells how input is packed.
    estimator : estimator
        The fitted one.
    """

    def __init__(self, template: Any, estimator: Any) -> None:
        self.template = template
        self.estimator = estimator
        self._kind = type(estimator)
        self._state = getattr(estimator, "__dict__", {})
        self._values = list(self._state.values())
        # What has parts may find in what one part gives the other what is not in the input.
        module = type(estimator).__module__
        self._alone = module.startswith("sklearn.") and all(map(_is_plain, self._values))
        self._kernels: dict[str, Kernel | None] = {}
        self._notes: dict[str, Any] = {}
        self._answered: set[str] = set()
        self._own_container = "_sklearn_output_config" in self._state

    @cached_property
    def writes(self) -> bool:
        """Whether it may write into its input."""
        return may_write(self.template)

    @cached_property
    def takes_columns(self) -> bool:
        """Whether it takes a table rather than a plain sequence of values."""
        return wants_columns(self.template)

    def holds(self, template: Any, estimator: Any) -> bool:
        """Tell whether these are the estimators, and all attributes what they were.

        Parameters
        ----------
        template, estimator : estimator

        Returns
        -------
        bool
        """
        if estimator is not self.estimator or template is not self.template:
            return False
        if type(estimator) is not self._kind:
            return False
        state, values = self._state, self._values
        return len(state) == len(values) and all(map(is_, state.values(), values))

    def ask(self, method: str, X: Any) -> Any:
        """Call a method on new data.

        Parameters
        ----------
        method : str
        X : object
            Packed as the estimator takes it.

        Returns
        -------
        whatever the method returns
        """
        value = self._quickly(method, X)
        if value is not NOT_PLAIN:
            return value
        function = getattr(self.estimator, method)
        if method not in self._answered:
            value = function(X)
            self._answered.add(method)  # so its parameters are valid, until one is set
            return value
        if not self._alone:
            return function(X)
        with config_context(assume_finite=_all_finite(X), skip_parameter_validation=True):
            return function(X)

    def _quickly(self, method: str, X: Any) -> Any:
        if method not in self._kernels:
            self._kernels[method] = kernel_of(self.estimator, method)
        kernel = self._kernels[method]
        if kernel is None or self._own_container:
            return NOT_PLAIN
        config = get_config()
        if config["transform_output"] != "default" or config["array_api_dispatch"]:
            return NOT_PLAIN
        try:
            return kernel(self.estimator, X, self._notes)
        except AttributeError:  # not fitted, which the estimator says in its own words
            return NOT_PLAIN


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray) and value.dtype == object:  # of trees, for example
        return False
    if isinstance(value, list | tuple):
        return all(isinstance(part, _PLAIN) for part in value)
    return isinstance(value, _PLAIN)


def _all_finite(X: Any) -> bool:
    """Tell whether a check could find nothing, be it after a cast to float32."""
    if get_config()["assume_finite"]:
        return True
    if sparse.issparse(X):
        X = X.data if X.format in ("csr", "csc") else None
    if type(X) is not np.ndarray or X.dtype.kind not in "fiub":
        return False
    if X.dtype.kind != "f":
        return True
    if X.flags.f_contiguous:
        X = X.T
    return X.flags.c_contiguous and is_finite(X)
