"""
A layer of your own
===================

A class with ``fit`` and ``transform`` is a layer: its parameters are searched, its state is
learned anew by each fit, it is cloned and saved with the rest. This one draws in the tails of
columns, which some measurements of tumours have, those of
:func:`sklearn.datasets.load_breast_cancer`.
"""

from typing import Self

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.testing import check_layer

# %%
# The layer
# ---------
# Parameters are stored as they are given. What is learned ends in an underscore.


class DrawIn(sm.layers.StatefulLayer):
    """Move what lies beyond outer quantiles onto them."""

    def __init__(self, share: float = 0.05) -> None:
        self.share = share

    def fit(self, X: np.ndarray) -> Self:
        """Learn where the tails of each column begin."""
        self.low_, self.high_ = np.quantile(X, [self.share, 1 - self.share], axis=0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Draw in the tails."""
        return np.clip(X, self.low_, self.high_)


# %%
# ``check_layer`` puts it through the battery that all layers of the library pass: parameters,
# clones, pickles, untouched input, rows kept.

check_layer(DrawIn(share=0.1), np.random.default_rng(0).normal(size=(50, 3)))
print("DrawIn passes")

# %%
# In a graph
# ----------

data = load_breast_cancer()
table, benign = sm.Input("table", shape=(None,)), sm.Target("benign")
drawn = DrawIn()(table, "tails")
scaled = sm.layers.Sklearn(StandardScaler())(drawn, "scaled")
guess = sm.layers.Sklearn(LogisticRegression(max_iter=1000))(scaled, "guess", y=benign)
pipe = sm.Pipeline([table, benign], guess).fit(data.data, data.target)
pipe

# %%
# One of the columns before and after. What stood in the tails is in the two outer bars.

column = list(data.feature_names).index("area error")
values = {"as it is": data.data, "drawn in": pipe.transform(data.data, outputs="tails")}
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for axis, (name, rows) in zip(axes, values.items(), strict=True):
    axis.hist(rows[:, column], bins=40)
    axis.set(xlabel=f"area error, {name}", yscale="log")
    print(f"{name}: from {rows[:, column].min():.1f} to {rows[:, column].max():.1f}")
axes[0].set_ylabel("tumours")
plt.show()

# %%
# Its parameter is searched
# -------------------------
# ``tails__share`` is the layer's, ``guess__C`` the model's; 0 leaves the tails as they are.

grid = {"tails__share": [0.0, 0.01, 0.02, 0.05, 0.1, 0.2], "guess__C": [0.1, 1.0]}
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
search = GridSearchCV(pipe, grid, cv=folds, scoring="neg_log_loss").fit(data.data, data.target)
tried = search.cv_results_
for parameters, loss in zip(tried["params"], -tried["mean_test_score"], strict=True):
    print(f"{parameters}: log loss {loss:.4f}")

# %%
# The bars are standard errors over ten folds of the same rows, so they say how sure each value
# is, and not how sure the differences are.

figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
shares, strengths = tried["param_tails__share"], tried["param_guess__C"]
for strength in grid["guess__C"]:
    chosen = strengths == strength
    error = tried["std_test_score"][chosen] / np.sqrt(10)
    axis.errorbar(
        shares[chosen].astype(float),
        -tried["mean_test_score"][chosen],
        error,
        fmt="o-",
        capsize=3,
        label=f"C = {strength}",
    )
axis.set(xlabel="share of each tail that is drawn in", ylabel="log loss")
axis.legend()
plt.show()
