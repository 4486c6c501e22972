"""One row through a fitted pipeline, beside scikit-learn's own and arithmetic written by hand.

    python benchmarks/row.py [--quick]

Ten columns of numbers are imputed and scaled, three of text become one-hot columns, a logistic
regression gives probabilities. All give the same ones; what is printed is the time of one row
in microseconds, and how often it goes into that of scikit-learn's `Pipeline` with a
`ColumnTransformer`, from the same kind of row. Then what the graph itself costs for a step.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pandas as pd
from measure import QUICK, Work, best, machine, table
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skmegatron as sm

NUMBERS = [f"number{place}" for place in range(10)]
LABELS = ["colour", "size", "shape"]
FRAME, OBJECTS, FLOATS = (
    f"scikit-learn, {kind}" for kind in ("pandas row", "array of objects", "array of floats")
)
N_STEPS = 100 if QUICK else 1000


def people(n_rows: int = 2000) -> tuple[pd.DataFrame, np.ndarray]:
    """Make a table with gaps in its numbers, and labels that depend on it."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n_rows, len(NUMBERS)))
    labels = rng.choice(["none", "some", "more", "most"], size=(n_rows, len(LABELS)))
    y = (numbers[:, 0] + (labels[:, 0] == "most") + rng.normal(size=n_rows) > 0).astype(int)
    numbers[rng.random(numbers.shape) < 0.05] = np.nan
    frame = pd.DataFrame(numbers, columns=NUMBERS)
    return frame.assign(**dict(zip(LABELS, labels.astype(object).T, strict=True))), y


def drawn(numbers: list[Any] = NUMBERS, labels: list[Any] = LABELS) -> sm.Pipeline:
    """Draw the same steps as scikit-learn's pipeline has."""
    numbers, labels = sm.Input("numbers", columns=numbers), sm.Input("labels", columns=labels)
    y = sm.Target("y")
    scaled = sm.layers.Sklearn(StandardScaler())(sm.layers.Sklearn(SimpleImputer())(numbers))
    encoded = sm.layers.Sklearn(OneHotEncoder(handle_unknown="ignore"))(labels)
    answer = sm.layers.Sklearn(LogisticRegression())([scaled, encoded], y=y)
    return sm.Pipeline([numbers, labels, y], answer)


def columns(numbers: list[Any], labels: list[Any]) -> ColumnTransformer:
    ready = make_pipeline(SimpleImputer(), StandardScaler())
    encoder = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("numbers", ready, numbers), ("labels", encoder, labels)])


def by_hand(model: Any, numbers: np.ndarray, labels: list[str]) -> Work:
    """Write the arithmetic of the fitted pipeline down, with nothing around it."""
    steps = dict(model[0].named_transformers_)
    imputer, scaler = steps["numbers"]
    encoder, last = steps["labels"], model[-1]
    starts = np.cumsum([0, *map(len, encoder.categories_)])
    places = [
        {label: start + place for place, label in enumerate(known)}
        for start, known in zip(starts, encoder.categories_, strict=False)
    ]
    coef, rest = last.coef_[0, :10], last.coef_[0, 10:]

    def answer() -> np.ndarray:
        filled = np.where(np.isnan(numbers), imputer.statistics_, numbers)
        score = ((filled - scaler.mean_) / scaler.scale_) @ coef + last.intercept_[0]
        score += sum(rest[known[label]] for known, label in zip(places, labels, strict=True))
        second = 1 / (1 + np.exp(-score))
        return np.array([[1 - second, second]])

    return answer


def own_layers() -> sm.Pipeline:
    """Draw the same with layers of our own, as far as they do the same."""
    numbers, labels = sm.Input("numbers", columns=NUMBERS), sm.Input("labels", columns=LABELS)
    y = sm.Target("y")
    scaled = sm.layers.Whiten()(sm.layers.Impute({np.nan: 0.0})(numbers))
    hot = [
        sm.layers.OneHotLabels()(sm.layers.Slice(None, place)(labels))
        for place in range(len(LABELS))
    ]
    answer = sm.layers.Sklearn(LogisticRegression())([scaled, *hot], y=y)
    return sm.Pipeline([numbers, labels, y], answer)


def skrub_learner(frame: pd.DataFrame, y: np.ndarray) -> Any:
    """Give skrub's spelling of the same, where skrub is installed."""
    skrub = importlib.import_module("skrub")
    X, labels = skrub.X(frame), skrub.y(y)
    # Its values are dataframes, which pandas cannot make of a sparse matrix.
    features = X.skb.apply(columns(NUMBERS, LABELS).set_params(labels__sparse_output=False))
    return features.skb.apply(LogisticRegression(), y=labels).skb.make_learner(fitted=True)


def rows() -> dict[str, tuple[Work, str]]:
    """Give what is measured, and the name of scikit-learn on the same kind of row."""
    frame, y = people()
    whole = frame.to_numpy(dtype=object)
    sizes = whole.copy()
    for place in range(10, 13):  # numbers, so that the whole table is one array of them
        sizes[:, place] = pd.factorize(sizes[:, place], sort=True)[0]
    floats = sizes.astype(float)
    named = make_pipeline(columns(NUMBERS, LABELS), LogisticRegression()).fit(frame, y)
    placed = columns(list(range(10)), [10, 11, 12])
    by_place = make_pipeline(clone(placed), LogisticRegression()).fit(whole, y)
    of_floats = make_pipeline(clone(placed), LogisticRegression()).fit(floats, y)

    ours, layers = drawn().fit(frame, y), own_layers().fit(frame, y)
    arrays = {"numbers": frame[NUMBERS].to_numpy(), "labels": frame[LABELS].to_numpy()}
    ours_placed = drawn(list(range(10)), [10, 11, 12]).fit(whole, y)
    ours_floats = drawn().fit({"numbers": floats[:, :10], "labels": floats[:, 10:]}, y)
    row, object_row, float_row = frame.iloc[[0]], whole[[0]], floats[[0]]
    blocks = {name: values[[0]] for name, values in arrays.items()}
    halves = {"numbers": float_row[:, :10], "labels": float_row[:, 10:]}
    single = {name: row[name].to_numpy() for name in frame}
    plain = blocks["numbers"][0], list(blocks["labels"][0])
    measured: dict[str, tuple[Work, str]] = {
        FRAME: (lambda: named.predict_proba(row), FRAME),
        OBJECTS: (lambda: by_place.predict_proba(object_row), OBJECTS),
        FLOATS: (lambda: of_floats.predict_proba(float_row), FLOATS),
        "ours, pandas row": (lambda: ours.predict_proba(row), FRAME),
        "ours, dict of columns": (lambda: ours.predict_proba(single), FRAME),
        "ours, array of objects": (lambda: ours_placed.predict_proba(object_row), OBJECTS),
        "ours, dict of two arrays": (lambda: ours.predict_proba(blocks), OBJECTS),
        "ours, dict of two arrays of floats": (lambda: ours_floats.predict_proba(halves), FLOATS),
        "ours with `Impute`, `Whiten`, `OneHotLabels`": (lambda: layers.predict_proba(blocks), ""),
        "by hand": (by_hand(named, *plain), ""),
    }
    if importlib.util.find_spec("skrub"):
        learner = skrub_learner(frame, y)
        measured["skrub, pandas row"] = (lambda: learner.predict_proba({"X": row}), FRAME)
    return measured


def chain() -> tuple[Work, Work]:
    """Give a chain of multiplications as a graph, and as a loop."""
    start = node = sm.Input("x")
    for _ in range(N_STEPS):
        node = sm.layers.ScalarMultiply(1.01)(node)
    pipeline, values = sm.Pipeline(start, node), np.ones(1)
    fed = {"x": values}

    def loop() -> np.ndarray:
        result = values
        for _ in range(N_STEPS):
            result = result * 1.01
        return result

    return lambda: pipeline.transform(fed), loop


def main() -> None:
    """Print the tables."""
    measured = rows()
    works = {name: work for name, (work, _) in measured.items()}
    for name, (work, beside) in measured.items():
        if beside:
            np.testing.assert_allclose(work(), works[beside](), rtol=1e-6, err_msg=name)
    times = best(works, 300)
    header = ["one row", "us", "scikit-learn on the same kind of row / it"]
    print(
        table(
            header,
            [
                [name, times[name] * 1e6, times[beside] / times[name] if beside else None]
                for name, (_, beside) in measured.items()
            ],
        )
    )
    graph, loop = chain()
    np.testing.assert_allclose(graph(), loop())
    of_chain = best({"graph": graph, "loop": loop}, 30)
    cost = (of_chain["graph"] - of_chain["loop"]) / N_STEPS * 1e6
    print(f"In a chain of {N_STEPS:,} steps the graph costs {cost:.2f} us a step.\n")
    print(machine("skrub"))


if __name__ == "__main__":
    main()
