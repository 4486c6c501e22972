"""One battery that any layer can be put through, ours or a user's."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import clone

from skmegatron.engine.run import split_outputs
from skmegatron.io.saving import Portable
from skmegatron.io.tables import guarded, is_frame, take_rows
from skmegatron.layers.core import Layer


def check_layer(layer: Layer, *arrays: Any, **fit_only: Any) -> None:
    """Check that a layer behaves as the library, and scikit-learn, expect.

    Parameters are stored as given; clone, pickle and repeated use give equal results; what
    comes in is never written to; rows are kept; `transform` leaves no trace; a stream of
    batches gives what the whole gives, and so do parts that are merged.

    Parameters
    ----------
    layer : Layer
        Unfitted; it is not changed.
    *arrays : ndarray, sparse matrix or dataframe of shape (n_rows, ...)
        Data that it takes, at least 4 rows.
    **fit_only : array of shape (n_rows,)
        Labels and the like, where its ``fit`` takes them.

    Raises
    ------
    AssertionError
        If something is wrong; the message says what.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Whiten
    >>> from skmegatron.testing import check_layer
    >>> check_layer(Whiten(), np.random.default_rng(0).normal(size=(20, 3)))
    """
    n_rows = int(arrays[0].shape[0])
    if n_rows < 4:
        raise ValueError(
            f"check_layer cuts the data into batches: give 4 rows or more, got {n_rows}."
        )
    _check_parameters(layer)
    _check_input_is_kept(layer, arrays, fit_only)
    fitted = clone(layer)
    fitted.fit(*arrays, **fit_only)
    whole = fitted.transform(*arrays)
    _check_rows(fitted, arrays, whole)
    _check_no_trace(fitted, arrays, whole)
    _check_copies(layer, fitted, arrays, fit_only, whole)
    _check_streams(layer, fitted, arrays, fit_only, whole)


def _check_parameters(layer: Layer) -> None:
    params = layer.get_params(deep=False)
    copied = clone(layer)
    assert type(copied) is type(layer), f"clone gives a {type(copied).__name__}"
    for name, value in copied.get_params(deep=False).items():
        assert name in params, f"clone has a parameter {name!r} that the layer lacks"
        kept = joblib.hash(value) == joblib.hash(params[name])
        assert kept, f"clone changes the parameter {name!r}: store parameters as they are given"
    learned = [name for name in vars(copied) if name.endswith("_") and name not in params]
    assert not learned, f"an unfitted layer has learned {learned}: set such attributes in fit"


def _check_input_is_kept(layer: Layer, arrays: Sequence[Any], fit_only: dict[str, Any]) -> None:
    before = joblib.hash([arrays, fit_only])
    untouched = [guarded(array) for array in arrays]
    fitted = clone(layer)
    fitted.fit(*untouched, **fit_only)
    fitted.transform(*untouched)
    after = joblib.hash([arrays, fit_only])
    assert before == after, "fit or transform writes into its input"


def _outputs(layer: Layer, value: Any) -> Sequence[Any]:
    """Give one value per output; a layer that is `train_only` has one for each array."""
    several = layer.train_only and isinstance(value, tuple)
    return value if several else split_outputs(layer, value)


def _check_rows(layer: Layer, arrays: Sequence[Any], whole: Any) -> None:
    for output in _outputs(layer, whole):
        n_rows = output.shape[0]
        kept = layer.changes_rows or n_rows == arrays[0].shape[0]
        assert kept, (
            f"transform gives {n_rows} rows for {arrays[0].shape[0]}: the first axis is the "
            "observations; set changes_rows = True if the layer takes some away"
        )


def _check_no_trace(layer: Layer, arrays: Sequence[Any], whole: Any) -> None:
    state = joblib.hash(vars(layer))
    _assert_same(layer.transform(*arrays), whole, "transform gives something else the second time")
    assert joblib.hash(vars(layer)) == state, "transform changes the layer"


def _check_copies(
    layer: Layer, fitted: Layer, arrays: Sequence[Any], fit_only: dict[str, Any], whole: Any
) -> None:
    loaded = pickle.loads(pickle.dumps(Portable(fitted)))
    _assert_same(loaded.transform(*arrays), whole, "the layer gives something else after pickling")
    again = clone(fitted)
    again.fit(*arrays, **fit_only)
    _assert_same(again.transform(*arrays), whole, "a clone fitted on the same data differs")
    fitted.fit(*arrays, **fit_only)
    _assert_same(fitted.transform(*arrays), whole, "fitting a second time adds to the first")


def _check_streams(
    layer: Layer, fitted: Layer, arrays: Sequence[Any], fit_only: dict[str, Any], whole: Any
) -> None:
    n_rows = int(arrays[0].shape[0])
    for cuts in ([n_rows // 2], [1, n_rows // 2], [n_rows // 3, n_rows - 1]):
        batches = list(zip([0, *cuts], [*cuts, n_rows], strict=True))
        batches = [(start, end) for start, end in batches if end > start]
        state, pieces = None, []
        if not layer.changes_rows:
            for start, end in batches:
                value, state = fitted.transform_batch(state, *_rows(arrays, start, end))
                pieces.append(_outputs(layer, value))
            for place, output in enumerate(_outputs(layer, whole)):
                joined = _join([piece[place] for piece in pieces])
                _assert_same(joined, output, f"transformed in batches {batches}, it differs")
        if hasattr(layer, "partial_fit"):
            streamed = clone(layer)
            parts = [clone(layer) for _ in batches]
            for part, (start, end) in zip(parts, batches, strict=True):
                labels = dict(
                    zip(fit_only, _rows(list(fit_only.values()), start, end), strict=True)
                )
                streamed.partial_fit(*_rows(arrays, start, end), **labels)
                part.fit(*_rows(arrays, start, end), **labels)
            message = f"fitted in batches {batches}, it differs"
            _assert_same(streamed.transform(*arrays), whole, message)
            _check_merged(parts, arrays, whole)


def _check_merged(parts: list[Any], arrays: Sequence[Any], whole: Any) -> None:
    first, *others = parts
    if hasattr(first, "merge"):
        for other in others:
            first.merge(other)
        _assert_same(first.transform(*arrays), whole, "fitted on parts and merged, it differs")


def _rows(arrays: Sequence[Any], start: int, end: int) -> list[Any]:
    return [take_rows(array, slice(start, end)) for array in arrays]


def _join(pieces: Sequence[Any]) -> Any:
    if sparse.issparse(pieces[0]):
        return sparse.vstack(pieces)
    return np.concatenate([np.asarray(piece) for piece in pieces])


def _assert_same(given: Any, expected: Any, message: str) -> None:
    if isinstance(expected, tuple | list):
        for one, other in zip(given, expected, strict=True):
            _assert_same(one, other, message)
        return
    one, other = _dense(given), _dense(expected)
    assert one.shape == other.shape, f"{message}: shape {one.shape} instead of {other.shape}"
    if other.dtype.kind in "fc":
        close = np.isclose(one.astype(other.dtype), other, rtol=1e-5, atol=1e-8, equal_nan=True)
        assert close.all(), f"{message}: {one[~close][:3]} instead of {other[~close][:3]}"
    else:
        same = joblib.hash(one.tolist()) == joblib.hash(other.tolist())
        assert same, f"{message}: {one.ravel()[:3]} instead of {other.ravel()[:3]}"


def _dense(value: Any) -> Any:
    if sparse.issparse(value):
        return value.toarray()
    return (
        value.to_numpy() if is_frame(value) and hasattr(value, "to_numpy") else np.asarray(value)
    )
