"""
Early stopping behind other steps
=================================

Boosting stops when predictions for held-out rows get no better. In scikit-learn these rows reach
the booster as they are, past the scaler and past what is done to the target, so it watches
numbers in other units. In a graph, held-out rows go the way that the training rows go, through
every step fitted on the training rows. The data are the diabetes patients of
:func:`sklearn.datasets.load_diabetes`.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm

MOST_TREES = 60

X, y = load_diabetes(return_X_y=True, scaled=False)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=0)
print(f"{len(y_train)} patients to learn from, {len(y_val)} to stop by, {len(y_test)} to test")

# %%
# Two spellings
# -------------
# The measurements are scaled, and the logarithm of the target is learned. In scikit-learn that is
# a pipeline within what transforms the target.


def booster(early_stopping: bool = True) -> HistGradientBoostingRegressor:
    """Give a model that may stop before it has all its trees."""
    return HistGradientBoostingRegressor(
        max_iter=MOST_TREES,
        learning_rate=0.15,
        max_leaf_nodes=5,
        early_stopping=early_stopping,
        n_iter_no_change=5,
        random_state=0,
    )


def as_scikit_learn_spells_it() -> TransformedTargetRegressor:
    """Write the steps as scikit-learn's pipeline, within what transforms the target."""
    steps = make_pipeline(StandardScaler(), booster())
    return TransformedTargetRegressor(steps, func=np.log, inverse_func=np.exp)


# %%
# In a graph it is a step on the table, a step on the target, and the way back.


def as_a_graph(early_stopping: bool = True) -> sm.Pipeline:
    """Draw the same: a step on the table, a step on the target, and the way back."""
    table, progress = sm.Input("table", shape=(None,)), sm.Target("progress")
    scaled = sm.layers.Sklearn(StandardScaler())(table, "scaled")
    logs = sm.layers.Sklearn(FunctionTransformer(np.log, np.exp))(progress, "logs")
    boosted = sm.layers.Sklearn(booster(early_stopping))(scaled, "boosted", y=logs)
    return sm.Pipeline([table, progress], logs.inverse(boosted))


as_a_graph()

# %%
# When each of them stops
# -----------------------
# scikit-learn's model is handed held-out rows that are not scaled and targets that are no
# logarithms. (With metadata routing, ``Pipeline(transform_input=["X_val"])`` scales the rows;
# their targets stay as they are.) The graph takes the same rows as ``validation_data=``.

rows = {}


def tell(name: str, model: HistGradientBoostingRegressor, predicted: np.ndarray) -> None:
    """Keep when a model has stopped, and how far off it is on the patients to test."""
    rows[name] = {
        "trees": int(model.n_iter_),
        "mean absolute error": mean_absolute_error(y_test, predicted),
    }


never = as_a_graph(early_stopping=False).fit(X_train, y_train)
tell("never stopping", never.steps_.boosted, never.predict(X_test))

theirs = as_scikit_learn_spells_it()
step = "histgradientboostingregressor"
theirs.fit(X_train, y_train, **{f"{step}__X_val": X_val, f"{step}__y_val": y_val})
tell("scikit-learn, rows as they are", theirs.regressor_[-1], theirs.predict(X_test))

ours = as_a_graph().fit(X_train, y_train, validation_data=(X_val, y_val))
tell("graph, validation_data=", ours.steps_.boosted, ours.predict(X_test))

# %%
# By hand, step after step, one gets what the graph gives:

scaler = StandardScaler().fit(X_train)
by_hand = booster().fit(
    scaler.transform(X_train),
    np.log(y_train),
    X_val=scaler.transform(X_val),
    y_val=np.log(y_val),
)
predicted = np.exp(by_hand.predict(scaler.transform(X_test)))
tell("by hand", by_hand, predicted)
np.testing.assert_allclose(ours.predict(X_test), predicted)

# %%
# ``validation_split=`` holds out a share of the rows itself:

cut = as_a_graph().fit(X, y, validation_split=0.2)
tell("graph, validation_split=0.2", cut.steps_.boosted, cut.predict(X_test))
print(pd.DataFrame(rows).T.astype({"trees": int}).round(2))

# %%
# Rows as they are stop the model after another number of trees, by a loss that means nothing: it
# compares logarithms with plain numbers. On 111 patients the errors of all that stop are within
# one another's noise; what the graph changes is that the number of trees has a reason.

models = {"scikit-learn, rows as they are": theirs.regressor_[-1], "graph": ours.steps_.boosted}
figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
for name, model in models.items():
    losses = -model.validation_score_
    (line,) = axis.plot(losses / losses[0], label=name)
    axis.plot(len(losses) - 1, losses[-1] / losses[0], "o", color=line.get_color())
axis.set(xlabel="trees", ylabel="loss on held-out rows,\nshare of the first")
axis.legend()
plt.show()

# %%
# Within a search
# ---------------
# Each fit of the search cuts its held-out rows off its own training fold.

search = GridSearchCV(
    as_a_graph(), {"boosted__learning_rate": [0.1, 0.3]}, cv=3, scoring="neg_mean_absolute_error"
)
search.fit(X, y, validation_split=0.2)
trees = search.best_estimator_.steps_.boosted.n_iter_
error = mean_absolute_error(y_test, search.predict(X_test))
print(f"best with {search.best_params_}: {trees} trees, mean absolute error {error:.2f}")
