"""Every layer beside the best numpy spelling and scikit-learn's equivalent, on 1e6 values.

    python benchmarks/layers.py [--quick] [layer ...]

prints the ratio of times, best of several in one run: below 1 means that the layer is
faster. For layers that learn, fitting is part of the time, on both sides. For which
scikit-learn has an equivalent of it prints the ratio of peak memory, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from measure import ARGUMENTS, QUICK, Work, best, machine, table, traced
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    Normalizer,
    OneHotEncoder,
    StandardScaler,
    normalize,
)

from skmegatron import layers as L

N = 10_000 if QUICK else 1_000_000
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(N // 10, 10))
OTHER = RNG.normal(size=(N // 10, 10))
POSITIVE = np.abs(TABLE)
GAPS = np.where(RNG.random(TABLE.shape) < 0.1, np.nan, TABLE)
CODES = RNG.integers(0, 10, size=N)
WORDS = RNG.choice(np.array(["red", "green", "blue"]), size=N // 4)
MASK = RNG.random(N // 10) < 0.5
MATRIX = RNG.normal(size=(10, 5))
IMAGES = RNG.integers(0, 255, size=(26, 113, 113, 3)).astype(np.uint8)
WEIGHTS = np.array([0.2125, 0.7154, 0.0721], dtype=np.float32)


def codes_numpy() -> Any:
    labels, codes = np.unique(CODES, return_inverse=True)
    encoded = np.zeros((N, len(labels)), dtype=np.float32)
    encoded[np.arange(N), codes] = 1
    return encoded


def range_numpy() -> Any:
    low, high = CODES.min(), CODES.max()
    encoded = np.zeros((N, high - low + 1), dtype=np.float32)
    encoded[np.arange(N), CODES - low] = 1
    return encoded


def whiten_numpy() -> Any:
    mean, spread = TABLE.mean(axis=0), TABLE.std(axis=0)
    result = TABLE - mean
    result /= spread
    return result


def divide_numpy() -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = TABLE / OTHER
    return np.where(OTHER == 0, 0, ratio)


def windows_numpy() -> Any:
    padded = np.concatenate([np.zeros((4, 10)), TABLE])
    return np.moveaxis(sliding_window_view(padded, 5, axis=0), -1, 1)[:, ::-1]


def windows_sklearn() -> Any:
    lags = [np.roll(TABLE, lag, axis=0) for lag in range(5)]
    return FunctionTransformer(lambda X: np.stack(lags, axis=1)).fit_transform(TABLE)


def words_numpy() -> Any:
    labels, codes = np.unique(WORDS, return_inverse=True)
    encoded = np.zeros((len(WORDS), len(labels)), dtype=np.float32)
    encoded[np.arange(len(WORDS)), codes] = 1
    return encoded


def encoder(**kwargs: Any) -> OneHotEncoder:
    return OneHotEncoder(dtype=np.float32, handle_unknown="ignore", **kwargs)


def rows() -> dict[str, tuple[Work, Work, Work | None]]:
    """Give for each layer: ours, the best numpy spelling, scikit-learn's."""
    return {
        "Add": (lambda: L.Add().transform(TABLE, OTHER), lambda: TABLE + OTHER, None),
        "Subtract": (lambda: L.Subtract().transform(TABLE, OTHER), lambda: TABLE - OTHER, None),
        "ElementWiseMultiply": (
            lambda: L.ElementWiseMultiply().transform(TABLE, OTHER),
            lambda: TABLE * OTHER,
            None,
        ),
        "Divide": (lambda: L.Divide().transform(TABLE, OTHER), divide_numpy, None),
        "ScalarMultiply": (lambda: L.ScalarMultiply(3).transform(TABLE), lambda: TABLE * 3, None),
        "ScalarArithmetic": (
            lambda: L.ScalarArithmetic("add", 3).transform(TABLE),
            lambda: TABLE + 3,
            None,
        ),
        "Compare": (lambda: L.Compare(">", 0).transform(TABLE), lambda: TABLE > 0, None),
        "Dot": (lambda: L.Dot().transform(TABLE, MATRIX), lambda: TABLE @ MATRIX, None),
        "StaticDot": (lambda: L.StaticDot(MATRIX).transform(TABLE), lambda: TABLE @ MATRIX, None),
        "Normalize": (
            lambda: L.Normalize().transform(POSITIVE),
            lambda: POSITIVE / POSITIVE.sum(axis=1, keepdims=True),
            lambda: Normalizer("l1").fit_transform(POSITIVE),
        ),
        "Whiten": (
            lambda: L.Whiten().fit_transform(TABLE),
            whiten_numpy,
            lambda: StandardScaler().fit_transform(TABLE),
        ),
        "OneHotLabels": (
            lambda: L.OneHotLabels().fit_transform(CODES),
            codes_numpy,
            lambda: encoder(sparse_output=False).fit_transform(CODES[:, None]),
        ),
        "OneHotLabels, text": (
            lambda: L.OneHotLabels().fit_transform(WORDS),
            words_numpy,
            lambda: encoder(sparse_output=False).fit_transform(WORDS[:, None]),
        ),
        "OneHotLabels, sparse": (
            lambda: L.OneHotLabels(sparse=True).fit_transform(CODES),
            codes_numpy,
            lambda: encoder().fit_transform(CODES[:, None]),
        ),
        "OneHotRange": (
            lambda: L.OneHotRange().fit_transform(CODES),
            range_numpy,
            lambda: encoder(sparse_output=False).fit_transform(CODES[:, None]),
        ),
        "TimeSeries": (lambda: L.TimeSeries(5).transform(TABLE), windows_numpy, windows_sklearn),
        "AddDim": (lambda: L.AddDim().transform(TABLE), lambda: TABLE[..., None], None),
        "Cast": (
            lambda: L.Cast(np.float32).transform(TABLE),
            lambda: TABLE.astype(np.float32),
            None,
        ),
        "Concatenate": (
            lambda: L.Concatenate().transform(TABLE, OTHER),
            lambda: np.concatenate([TABLE, OTHER], axis=1),
            None,
        ),
        "Filter": (lambda: L.Filter().transform(TABLE, MASK), lambda: TABLE[MASK], None),
        "Flatten": (
            lambda: L.Flatten().transform(IMAGES),
            lambda: IMAGES.reshape(len(IMAGES), -1),
            None,
        ),
        "Reshape": (
            lambda: L.Reshape((2, 5)).transform(TABLE),
            lambda: TABLE.reshape(-1, 2, 5),
            None,
        ),
        "Slice": (lambda: L.Slice(None, (2, 5)).transform(TABLE), lambda: TABLE[:, 2:5], None),
        "Impute": (
            lambda: L.Impute({np.nan: 0}).transform(GAPS),
            lambda: np.where(np.isnan(GAPS), 0, GAPS),
            lambda: SimpleImputer(strategy="constant", fill_value=0).fit_transform(GAPS),
        ),
        "RGBtoGrey": (
            lambda: L.RGBtoGrey().transform(IMAGES),
            lambda: IMAGES @ WEIGHTS,
            None,
        ),
        "RGBtoBinary": (
            lambda: L.RGBtoBinary().transform(IMAGES),
            lambda: IMAGES.any(axis=-1, keepdims=True).astype(np.uint8),
            None,
        ),
    }


def beside(ours: Work, numpy_: Work, sklearn_: Work | None) -> list[float | None]:
    """Give our milliseconds, and our time and memory as parts of theirs."""
    contenders = {"ours": ours, "numpy": numpy_} | ({"sklearn": sklearn_} if sklearn_ else {})
    times = best(contenders, times=7)
    mine = times["ours"]
    columns: list[float | None] = [mine * 1e3, mine / times["numpy"], None, None]
    if sklearn_ is not None:
        columns[2:] = mine / times["sklearn"], traced(ours) / traced(sklearn_)
    return columns


def main() -> None:
    """Print the table, for the layers named on the command line or all of them."""
    normalize(TABLE[:10])  # imports and first calls are not measured
    chosen = {
        name: works
        for name, works in rows().items()
        if not ARGUMENTS or name.split(",")[0] in ARGUMENTS
    }
    header = ["layer", "ms", "/ numpy", "/ scikit-learn", "memory / scikit-learn"]
    lines = [[name, *beside(*works)] for name, works in chosen.items()]
    print(table(header, lines))
    print(machine())


if __name__ == "__main__":
    main()
