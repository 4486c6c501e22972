"""
Choices drawn where they are made
=================================

Which scaling, which model, how strong: ``sm.choose`` stands in the place of a value or of a whole
step, and the pipeline lists what is open as the grid of a search. First all of a small space is
tried, then Optuna looks for the best of a continuous one. The data are the tumours of
:func:`sklearn.datasets.load_breast_cancer`.
"""

import matplotlib.pyplot as plt
import numpy as np
import optuna
import pandas as pd
from optuna.samplers import TPESampler
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, StandardScaler
from sklearn.svm import SVC

import skmegatron as sm

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
table, benign = sm.Input("table", shape=(None,)), sm.Target("benign")

# %%
# Steps to choose from
# --------------------
# Candidates of a dictionary go by their labels. The picture shows the first ones, which are used
# as long as nothing is searched.

scaled = sm.choose(
    {
        "standard": StandardScaler(),
        "power": PowerTransformer(),
        "ranks": QuantileTransformer(n_quantiles=100, random_state=0),
        "as it is": "passthrough",
    }
)(table, "scale")
reduced = sm.choose({"all": "passthrough", "pca": PCA(10, random_state=0)})(scaled, "reduce")
model = SVC(C=sm.choose([0.1, 1.0, 10.0]))
pipe = sm.Pipeline([table, benign], sm.layers.Sklearn(model)(reduced, "svm", y=benign))
pipe

# %%
# ``param_grid`` lists what is open.

grid = pipe.param_grid()
print(grid)
search = GridSearchCV(pipe, grid, cv=5)
search.fit(X, y)
tried = pd.DataFrame(search.cv_results_)
print(
    f"{len(tried)} candidates; the best is right {search.best_score_:.3f}: {search.best_params_}"
)

# %%
# The score of each candidate; the colour tells the best ``C`` for it. Differences of less than a
# hundredth are noise: they are six of 569 tumours.

best = tried.pivot_table(
    index="param_scale", columns="param_reduce", values="mean_test_score", aggfunc="max"
).loc[grid["scale"]]
figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.imshow(best, cmap="Blues", vmin=0.9, vmax=1.1, aspect="auto")
axis.set_xticks(range(best.shape[1]), best.columns)
axis.set_yticks(range(best.shape[0]), best.index)
for (row, column), score in np.ndenumerate(best):
    axis.text(column, row, f"{score:.3f}", ha="center", va="center", color="black")
axis.set_title("accuracy with the best C")
plt.show()

# %%
# A continuous space
# ------------------
# A distribution is a choice as well. ``param_distributions("optuna")`` lists what is open as
# Optuna's own distributions, for ``OptunaSearchCV`` or, as here, for a study that is asked for
# the next trial and told its score.

components = PCA(random_state=0, n_components=sm.choose([2, 5, 10, 20]))
main = sm.layers.Sklearn(components)(sm.layers.Sklearn(StandardScaler())(table), "pca")
model = LogisticRegression(C=sm.choose(loguniform(1e-4, 1e3)), max_iter=2000)
pipe = sm.Pipeline([table, benign], sm.layers.Sklearn(model)(main, "model", y=benign))

optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(direction="maximize", sampler=TPESampler(seed=0))
for _ in range(40):
    trial = study.ask(pipe.param_distributions("optuna"))
    candidate = clone(pipe).set_params(**trial.params)
    study.tell(trial, cross_val_score(candidate, X, y, cv=5, scoring="neg_log_loss").mean())
print(f"best log loss {-study.best_value:.4f} with {study.best_params}")

# %%
# Each dot is a trial, the darker the later: the search soon looks where it has found the best.

history = study.trials_dataframe()
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
left.plot(history["number"], -history["value"], "o", markersize=4)
left.step(history["number"], -history["value"].cummax(), where="post", label="best so far")
left.set(xlabel="trial", ylabel="log loss", yscale="log")
left.legend()
dots = right.scatter(
    history["params_model__C"],
    -history["value"],
    c=history["number"],
    s=12 + 4 * history["params_pca__n_components"],
    cmap="viridis_r",
)
right.set(xlabel="C of the model; larger dots have more components", xscale="log", yscale="log")
figure.colorbar(dots, label="trial")
plt.show()
