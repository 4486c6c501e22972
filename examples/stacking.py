"""
Stacking, anywhere in a graph
=============================

A model learns from what other models say of rows they have not seen. First what scikit-learn's
``StackingClassifier`` does, drawn as a graph, with the same probabilities. Then what it cannot:
each base model reads a part of the table of its own, a step stands between their predictions and
the last model, and that model sees some of the columns too. The data are the tumours of
:func:`sklearn.datasets.load_breast_cancer`.
"""

import time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm

data = load_breast_cancer(as_frame=True)
X, y = data.data, data.target.to_numpy()  # 1 is benign

BASES = {
    "linear": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(n_estimators=20, random_state=0),
    "bayes": make_pipeline(StandardScaler(), PCA(5, random_state=0), GaussianNB()),
}

# %%
# The same as StackingClassifier
# ------------------------------
# While fitting, the step below reads predictions for rows that the model had not seen
# (``cv=5``); afterwards, those of the model fitted on all rows.


def as_a_graph() -> sm.Pipeline:
    """Draw what a StackingClassifier does."""
    table, benign = sm.Input("table", shape=(None,)), sm.Target("benign")
    chances = []
    for name, base in BASES.items():
        both = sm.layers.Sklearn(base, method="predict_proba", cv=5)(table, name, y=benign)
        # Of two classes one probability tells all, and scikit-learn drops the first column.
        chances.append(sm.layers.Slice(None, (1,))(both))
    together = sm.layers.Concatenate()(chances)
    guess = sm.layers.Sklearn(LogisticRegression())(together, "guess", y=benign)
    return sm.Pipeline([table, benign], guess)


ours = as_a_graph()
theirs = StackingClassifier(list(BASES.items()), final_estimator=LogisticRegression(), cv=5)
ours

# %%
# Fitted on every other tumour, the two agree on the rest.

chances = [model.fit(X[::2], y[::2]).predict_proba(X[1::2]) for model in (theirs, ours)]
difference = np.abs(chances[0] - chances[1]).max()
print(f"{len(X[::2])} tumours to learn from, {len(X[1::2])} others")
print(f"Log loss of both on the others: {log_loss(y[1::2], chances[1]):.4f}")
print(f"Largest difference between two probabilities: {difference:.1e}")
assert difference < 1e-6

# %%
# Beyond
# ------
# Of each cell its mean over the picture, its error and its worst value were measured. Here each
# kind of measurement has a model of its own. Their chances become log odds, the scale on which a
# logistic regression adds them up, and two main components of the table stand beside them.

KINDS = {"means": "mean ", "errors": " error", "worst": "worst "}


def log_odds(chances: np.ndarray) -> np.ndarray:
    """Give probabilities on the scale on which a logistic regression adds them up."""
    chances = chances.clip(1e-3, 1 - 1e-3)
    return np.log(chances / (1 - chances))


def beyond(memory: Any = None) -> sm.Pipeline:
    """Draw what no StackingClassifier is: parts of the table, and a step in between."""
    benign = sm.Target("benign")
    inputs = {
        kind: sm.Input(kind, columns=[name for name in X.columns if word in name])
        for kind, word in KINDS.items()
    }
    chances = []
    for kind, part in inputs.items():
        base = sm.layers.Sklearn(clone(BASES["linear"]), method="predict_proba", cv=5)
        chances.append(sm.layers.Slice(None, (1,))(base(part, kind + "_say", y=benign)))
    odds = sm.layers.Sklearn(FunctionTransformer(log_odds))(sm.layers.Concatenate()(chances))
    main = sm.layers.Sklearn(make_pipeline(StandardScaler(), PCA(2, random_state=0)))(
        [inputs["means"], inputs["worst"]], "main"
    )
    seen = sm.layers.Concatenate()([odds, main], "seen")
    guess = sm.layers.Sklearn(LogisticRegression())(seen, "guess", y=benign)
    return sm.Pipeline([*inputs.values(), benign], guess, memory=memory)


beyond()

# %%
# Compared
# --------
# Six folds of one third each, the same for all.

models = {
    "one linear model": clone(BASES["linear"]),
    "StackingClassifier": theirs,
    "the same as a graph": ours,
    "beyond": beyond(),
}
losses = {}
print(f"{'':22}{'log loss':>9}{'accuracy':>10}{'seconds':>9}")
for name, model in models.items():
    begin = time.perf_counter()
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    found = cross_validate(model, X, y, cv=folds, scoring=["neg_log_loss", "accuracy"])
    seconds = time.perf_counter() - begin
    losses[name] = -found["test_neg_log_loss"]
    right = found["test_accuracy"].mean()
    print(f"{name:22}{losses[name].mean():9.4f}{right:10.4f}{seconds:9.1f}")

# %%
# Each dot is a fold. On this table a single linear model is hard to beat, and the folds differ
# more than the models do: what a graph adds is the freedom to try, not a better score by itself.

figure, axis = plt.subplots(figsize=(8, 2.8), layout="constrained")
for height, loss in enumerate(losses.values()):
    axis.plot(loss, np.full(len(loss), height), "o", alpha=0.6)
    axis.plot(loss.mean(), height, "|", color="black", markersize=18)
axis.set_yticks(range(len(losses)), list(losses))
axis.set_xlabel("log loss of a fold, and its mean")
axis.invert_yaxis()
plt.show()

# %%
# Searched
# --------
# Every step can be searched, and base models that stay the same are fitted once.

grid = {"means_say__logisticregression__C": [0.1, 1.0], "guess__C": [0.1, 1.0]}
pipeline = beyond(memory=sm.MemoryCache())
search = GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X, y)
print(pd.Series(search.best_params_).to_string())
print(f"log loss {-search.best_score_:.4f}")
print(search.best_estimator_.memory.stats())
