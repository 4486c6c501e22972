"""Stacking: a model that learns from what other models say of rows they have not seen.

First what scikit-learn's `StackingClassifier` does, drawn as a graph, with the same
probabilities. Then what it cannot: each base model reads a part of the table of its own, a step
stands between their predictions and the last model, and that model sees some of the columns
too. Tumours of `sklearn.datasets.load_breast_cancer`; takes some ten seconds, nothing is
downloaded.
"""

import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm

BASES = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(n_estimators=20, random_state=0),
    "bayes": make_pipeline(StandardScaler(), PCA(5, random_state=0), GaussianNB()),
}
#: What is measured of each cell: its mean over the picture, its error, its worst value.
BLOCKS = {"means": "mean {}", "errors": "{} error", "worst": "worst {}"}


def as_scikit_learn_spells_it() -> StackingClassifier:
    """Stack models that all read the whole table."""
    return StackingClassifier(list(BASES.items()), final_estimator=LogisticRegression(), cv=5)


def as_a_graph() -> sm.Pipeline:
    """Draw the same.

    While fitting, the step below reads predictions for rows that the model had not seen
    (`cv=5`); afterwards, those of the model fitted on all rows.
    """
    table, malignant = sm.Input("table", shape=(None,)), sm.Target("malignant")
    chances = []
    for name, base in BASES.items():
        both = sm.layers.Sklearn(base, method="predict_proba", cv=5)(table, name, y=malignant)
        # Of two classes one probability tells all, and scikit-learn drops the first column.
        chances.append(sm.layers.Slice(None, (1,))(both))
    together = sm.layers.Concatenate()(chances)
    guess = sm.layers.Sklearn(LogisticRegression())(together, "guess", y=malignant)
    return sm.Pipeline([table, malignant], guess)


def log_odds(chances: np.ndarray) -> np.ndarray:
    """Give probabilities on the scale on which a logistic regression adds them up."""
    chances = chances.clip(1e-3, 1 - 1e-3)
    return np.log(chances / (1 - chances))


def block(columns: list[str], pattern: str) -> list[str]:
    """Name the columns of one kind of measurement."""
    before, after = pattern.split("{}")
    return [name for name in columns if name.startswith(before) and name.endswith(after)]


def beyond(columns: list[str], memory: Any = None) -> sm.Pipeline:
    """Draw what no `StackingClassifier` is: parts of the table, and a step in between."""
    malignant = sm.Target("malignant")
    inputs = {kind: sm.Input(kind, columns=block(columns, p)) for kind, p in BLOCKS.items()}
    chances = []
    for kind, part in inputs.items():
        base = sm.layers.Sklearn(clone(BASES["linear"]), method="predict_proba", cv=5)
        chances.append(sm.layers.Slice(None, (1,))(base(part, kind + "_say", y=malignant)))
    odds = sm.layers.Sklearn(FunctionTransformer(log_odds))(sm.layers.Concatenate()(chances))
    main = sm.layers.Sklearn(make_pipeline(StandardScaler(), PCA(2, random_state=0)))(
        [inputs["means"], inputs["worst"]], "main"
    )
    seen = sm.layers.Concatenate()([odds, main], "seen")
    guess = sm.layers.Sklearn(LogisticRegression())(seen, "guess", y=malignant)
    return sm.Pipeline([*inputs.values(), malignant], guess, memory=memory)


def compared(models: dict[str, Any], X: pd.DataFrame, y: np.ndarray) -> None:
    """Cross-validate models, and print a line about each."""
    print(f"{'':34}{'log loss':>9}{'accuracy':>10}{'seconds':>9}")
    for name, model in models.items():
        begin = time.perf_counter()
        found = cross_validate(model, X, y, cv=3, scoring=["neg_log_loss", "accuracy"])
        seconds = time.perf_counter() - begin
        loss, right = -found["test_neg_log_loss"].mean(), found["test_accuracy"].mean()
        print(f"{name:34}{loss:9.4f}{right:10.4f}{seconds:9.1f}")


def main() -> None:
    """Fit both, compare their numbers, and go beyond."""
    data = load_breast_cancer(as_frame=True)
    X, y = data.data, data.target.to_numpy()
    theirs, ours = as_scikit_learn_spells_it(), as_a_graph()

    chances = [model.fit(X[::2], y[::2]).predict_proba(X[1::2]) for model in (theirs, ours)]
    difference = np.abs(chances[0] - chances[1]).max()
    print(f"{len(X[::2])} tumours to learn from, {len(X[1::2])} others")
    print(f"Log loss of both on the others: {log_loss(y[1::2], chances[1]):.4f}")
    print(f"Largest difference between two probabilities: {difference:.1e}\n")
    assert difference < 1e-6

    columns = list(X.columns)
    models = {
        "StackingClassifier": theirs,
        "the same as a graph": ours,
        "parts, log odds, main components": beyond(columns),
    }
    compared(models, X, y)

    grid = {"means_say__logisticregression__C": [0.1, 1.0], "guess__C": [0.1, 1.0]}
    pipeline = beyond(columns, memory=sm.MemoryCache())
    search = GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X, y)
    print(f"\nEvery step can be searched: {search.best_params_}, {-search.best_score_:.4f}")
    stats = search.best_estimator_.memory.stats()
    print(f"Base models that stay the same are fitted once: {stats}")


if __name__ == "__main__":
    main()
