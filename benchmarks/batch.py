"""A table of numbers, gaps and text through our layers, and through the alternatives.

    python benchmarks/batch.py [--quick] [case ...]

Gaps are filled with 0, numbers are scaled, text is encoded one-hot, and all is put side by side.
Everybody gives the same values in the same dtype (checked), with three exceptions: skrub and
feature-engine give dataframes, and nothing sparse; skrub's `TableVectorizer` always gives
float32; feature-engine puts the columns in another order, and its one-hot ones are integers.
Time is the shortest of several, taken in turns in one process; memory is the peak of a fresh
process above what the table takes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from measure import ARGUMENTS, QUICK, Work, best, machine, peak, table
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skmegatron as sm

if find_spec("skrub"):
    from skrub import ApplyToCols, TableVectorizer
if find_spec("feature_engine"):
    from feature_engine.encoding import OneHotEncoder as FeatureOneHot
    from feature_engine.imputation import ArbitraryNumberImputer
    from feature_engine.wrappers import SklearnTransformerWrapper

N_ROWS = 2_000 if QUICK else 1_000_000
GAPS = [f"gap{i}" for i in range(4)]
NUMBERS = [f"number{i}" for i in range(4)]
TEXT = {"color": 3, "city": 10, "shop": 50}

#: Kind of the text, dtype of the numbers and of the result, and whether it is sparse.
CASES = {
    "`str`, float64": ("str", np.float64, False),
    "object, float64": ("object", np.float64, False),
    "Categorical, float64": ("category", np.float64, False),
    "`str`, float32": ("str", np.float32, False),
    "`str`, sparse float64": ("str", np.float64, True),
}


def frame_of(kind: str, dtype: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for name in GAPS:
        values = rng.normal(5, 2, N_ROWS).astype(dtype)
        columns[name] = np.where(rng.random(N_ROWS) < 0.1, dtype(np.nan), values)
    columns |= {name: rng.normal(5, 2, N_ROWS).astype(dtype) for name in NUMBERS}
    for name, n_labels in TEXT.items():
        labels = np.array([f"{name} number {i}" for i in range(n_labels)], dtype=object)
        drawn = labels[rng.integers(0, n_labels, N_ROWS)]
        columns[name] = pd.Series(drawn, dtype=kind)
    return pd.DataFrame(columns)


def ours(dtype: Any, sparse: bool) -> Any:
    gaps = sm.Input("gaps", shape=(len(GAPS),), columns=GAPS)
    numbers = sm.Input("numbers", shape=(len(NUMBERS),), columns=NUMBERS)
    text = [sm.Input(name) for name in TEXT]
    filled = sm.layers.Impute({np.nan: 0})(gaps)
    scaled = [sm.layers.Whiten()(filled), sm.layers.Whiten()(numbers)]
    encoded = [sm.layers.OneHotLabels(sparse=sparse)(node) for node in text]
    return sm.Pipeline([gaps, numbers, *text], sm.layers.Concatenate()([*scaled, *encoded]))


def sklearn_(dtype: Any, sparse: bool) -> Any:
    encoder = OneHotEncoder(dtype=dtype, sparse_output=sparse, handle_unknown="ignore")
    return ColumnTransformer(
        [
            ("gaps", make_pipeline(zeros(), StandardScaler()), GAPS),
            ("numbers", StandardScaler(), NUMBERS),
            ("text", encoder, [*TEXT]),
        ],
        sparse_threshold=float(sparse),
    )


def zeros() -> SimpleImputer:
    return SimpleImputer(strategy="constant", fill_value=0)


def skrub_columns(dtype: Any, sparse: bool) -> Any:
    encoder = OneHotEncoder(dtype=dtype, sparse_output=False, handle_unknown="ignore")
    return make_pipeline(
        ApplyToCols(zeros(), cols=GAPS),
        ApplyToCols(StandardScaler(), cols=[*GAPS, *NUMBERS]),
        ApplyToCols(encoder, cols=[*TEXT]),
    )


def skrub_table(dtype: Any, sparse: bool) -> Any:
    encoder = OneHotEncoder(dtype=dtype, sparse_output=False, handle_unknown="ignore")
    return TableVectorizer(
        cardinality_threshold=100,
        low_cardinality=encoder,
        numeric=make_pipeline(zeros(), StandardScaler()),
    )


def feature_engine(dtype: Any, sparse: bool) -> Any:
    return make_pipeline(
        ArbitraryNumberImputer(arbitrary_number=0, variables=GAPS),
        SklearnTransformerWrapper(StandardScaler(), variables=[*GAPS, *NUMBERS]),
        FeatureOneHot(variables=[*TEXT]),
    )


def contenders(sparse: bool) -> dict[str, Callable[..., Any]]:
    """Give who takes part: ours first, then those that are installed and can do it."""
    found: dict[str, Callable[..., Any]] = {"ours": ours, "scikit-learn": sklearn_}
    if not sparse and find_spec("skrub"):
        found |= {"skrub columns": skrub_columns, "skrub table": skrub_table}
    if not sparse and find_spec("feature_engine"):
        found["feature-engine"] = feature_engine
    return found


def fitting(make: Callable[..., Any], kind: str, dtype: Any, sparse: bool) -> Work:
    """Prepare `fit_transform`."""
    return partial(make(dtype, sparse).fit_transform, frame_of(kind, dtype))


def transforming(make: Callable[..., Any], kind: str, dtype: Any, sparse: bool) -> Work:
    """Prepare `transform`."""
    frame = frame_of(kind, dtype)
    return partial(make(dtype, sparse).fit(frame.head(10_000)).transform, frame)


def check(made: dict[str, Callable[..., Any]], frame: pd.DataFrame, case: Any) -> None:
    """Insist that everybody gives the same; feature-engine puts the columns in another order."""
    _, dtype, sparse = case
    given = {
        name: make(dtype, sparse).fit_transform(frame)
        for name, make in made.items()
        if name != "feature-engine"
    }
    if sparse:
        assert all(matrix.format == "csr" for matrix in given.values())
        given = {name: matrix.toarray() for name, matrix in given.items()}
    for name, values in given.items():
        assert name == "skrub table" or np.asarray(values).dtype == dtype, name
        np.testing.assert_allclose(values, given["scikit-learn"], atol=1e-5, err_msg=name)


def measured(label: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Give one case's lines: times of `fit_transform` and of `transform`, and memory."""
    kind, dtype, sparse = case = CASES[label]
    made = contenders(sparse)
    frame = frame_of(kind, dtype)
    check(made, frame.head(10_000), case)
    fit_times = best(
        {name: partial(make(dtype, sparse).fit_transform, frame) for name, make in made.items()},
        times=3,
    )
    fitted = {name: make(dtype, sparse).fit(frame) for name, make in made.items()}
    times = best({name: partial(one.transform, frame) for name, one in fitted.items()}, times=3)
    peaks = {name: peak(fitting, make, kind, dtype, sparse) / 2**20 for name, make in made.items()}
    return line(label, fit_times), line(label, times), line(label, peaks)


def line(label: str, values: dict[str, float]) -> list[Any]:
    """Give what we took, and as which part of each of the others."""
    names = [name for name in contenders(sparse=False) if name != "ours"]
    mine = values["ours"]
    return [label, mine, *(mine / values[name] if name in values else None for name in names)]


def main() -> None:
    warnings.simplefilter("ignore")  # those of the others
    few = ["`str`, float64", "`str`, sparse float64"] if QUICK else CASES
    lines = [measured(label) for label in ARGUMENTS or few]
    names = [f"/ {name}" for name in contenders(sparse=False) if name != "ours"]
    for place, what in enumerate(("fit_transform", "transform")):
        print(table([f"time of `{what}`", "s", *names], [one[place] for one in lines]))
    print(table(["peak memory of `fit_transform`", "MiB", *names], [one[2] for one in lines]))
    print(machine("pyarrow", "skrub", "feature-engine"))


if __name__ == "__main__":
    main()
