"""Metadata routing: what scikit-learn is told that ``fit`` takes.

An input that only fitting reads is requested by its name, because drawing it said so.
``set_fit_request`` says otherwise, for it as for every keyword that ``fit`` itself has.
"""

from __future__ import annotations

from typing import Any, Self

from sklearn import get_config
from sklearn.utils.metadata_routing import UNCHANGED

from skmegatron.pipeline.choosing import Choosing
from skmegatron.pipeline.signature import fit_only_inputs

_FITTING = ("fit", "partial_fit")


class Routed(Choosing):
    """A graph that tells scikit-learn what it reads while fitting."""

    def get_metadata_routing(self) -> Any:
        """Tell scikit-learn's metadata routing what `fit` takes.

        Returns
        -------
        MetadataRequest
            Every fit-only input of the graph is requested by its name, but for what
            `set_fit_request` has said.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.linear_model import Ridge
        >>> X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
        >>> pipe = sm.Pipeline([X, y, w], sm.layers.Sklearn(Ridge())(X, y=y, sample_weight=w))
        >>> pipe.get_metadata_routing().fit.requests["w"]
        True
        """
        request = super().get_metadata_routing()
        for node in fit_only_inputs(self._graph_or_none()):
            for method in _FITTING:
                asked = getattr(request, method)
                if node.name not in asked.requests:
                    asked.add_request(param=node.name, alias=True)
        return request

    def set_fit_request(self, **requests: bool | str | None) -> Self:
        """Say which metadata a meta-estimator hands to `fit`.

        Parameters
        ----------
        **requests : bool, str or None
            By the name of a fit-only input or keyword of `fit`: True hands it on, False does
            not, None refuses it, a str hands on what has that name.

        Returns
        -------
        self

        Raises
        ------
        RuntimeError
            If metadata routing is off.
        TypeError
            If `fit` takes no such thing; the message lists what it takes.

        Examples
        --------
        >>> import sklearn, skmegatron as sm
        >>> from sklearn.linear_model import Ridge
        >>> X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("sample_weight")
        >>> pipe = sm.Pipeline([X, y, w], sm.layers.Sklearn(Ridge())(X, y=y, sample_weight=w))
        >>> pipe.get_metadata_routing().fit.requests["sample_weight"]
        True
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     pipe = pipe.set_fit_request(sample_weight="price")
        >>> pipe.get_metadata_routing().fit.requests["sample_weight"]
        'price'
        """
        return self._set_requests("fit", requests)

    def set_partial_fit_request(self, **requests: bool | str | None) -> Self:
        """Say which metadata a meta-estimator hands to `partial_fit`.

        Parameters
        ----------
        **requests : bool, str or None
            As in `set_fit_request`.

        Returns
        -------
        self

        Raises
        ------
        RuntimeError
            If metadata routing is off.
        TypeError
            If `partial_fit` takes no such thing; the message lists what it takes.

        Examples
        --------
        >>> import sklearn, skmegatron as sm
        >>> from sklearn.linear_model import SGDClassifier
        >>> X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
        >>> guess = sm.layers.Sklearn(SGDClassifier())(X, y=y, sample_weight=w)
        >>> pipe = sm.Pipeline([X, y, w], guess)
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     pipe = pipe.set_partial_fit_request(w=False)
        >>> pipe.get_metadata_routing().partial_fit.requests["w"]
        False
        """
        return self._set_requests("partial_fit", requests)

    def _set_requests(self, method: str, requests: dict[str, bool | str | None]) -> Self:
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                f"set_{method}_request says nothing while metadata routing is off. Switch it on: "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        everything = self.get_metadata_routing()
        asked = getattr(everything, method)
        unknown = [name for name in requests if name not in asked.requests]
        if unknown:
            raise TypeError(
                f"Unexpected args: {unknown} in set_{method}_request; {method} takes "
                f"{sorted(asked.requests)}. Draw sm.Input({unknown[0]!r}) and pass it to a layer, "
                "or name one of these."
            )
        for name, alias in requests.items():
            if alias != UNCHANGED:
                asked.add_request(param=name, alias=alias)
        self._metadata_request = everything
        return self
