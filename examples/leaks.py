"""
What a leak looks like
======================

The labels of real data are shuffled, so that nothing can be learned from them. An honest
pipeline then scores as well as one that always says the same; whatever scores better, or is surer
of itself than that, leaks. ``check_leakage`` finds it before. The data are the tumours
of :func:`sklearn.datasets.load_breast_cancer`.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.tree import DecisionTreeClassifier

import skmegatron as sm
from skmegatron.errors import LeakageWarning

data, labels = load_breast_cancer(return_X_y=True)
labels = np.random.default_rng(0).permutation(labels)
print(f"{len(data)} rows; always saying the same is right {max(np.mean(labels), 0.5):.3f} of them")

# %%
# Five drawings
# -------------
# A tree learns its training rows by heart. A second model that learns from what the tree says of
# these very rows trusts it, unless it sees predictions for rows that the tree had not seen.

table, label = sm.Input("table", shape=(None,)), sm.Target("label")
tree = DecisionTreeClassifier(random_state=0)
top = LogisticRegression()


def always_the_same() -> sm.Pipeline:
    """Give the share of each class, whatever comes in."""
    return sm.Pipeline([table, label], sm.layers.Sklearn(DummyClassifier())(table, y=label))


def stack(cv: int | None) -> sm.Pipeline:
    """Let a second model learn from what a tree says."""
    base = sm.layers.Sklearn(tree, method="predict_proba", cv=cv)(table, "tree", y=label)
    return sm.Pipeline([table, label], sm.layers.Sklearn(top)(base, "top", y=label))


def frozen() -> sm.Pipeline:
    """Use a tree that was fitted before, on all rows, those held out too."""
    fitted = sm.layers.Sklearn(tree).fit(data, y=labels)
    return sm.Pipeline(table, fitted.freeze()(table, "tree"))


def told() -> sm.Pipeline:
    """Read the labels among the features."""
    both = sm.layers.Concatenate()([table, label], "both")
    return sm.Pipeline([table, label], sm.layers.Sklearn(tree)(both, "tree", y=label))


drawings = {
    "always the same": always_the_same(),
    "stack, out of fold": stack(cv=5),
    "stack, in sample": stack(cv=None),
    "frozen, fitted on all": frozen(),
    "labels as features": told(),
}
drawings["stack, in sample"]

# %%
# What the check says
# -------------------
# Each finding has a kind, the way from its source, and what to type instead. Given rows, the check
# also tells whether a frozen step has learned some of them. ``fit`` warns of the same, with
# ``LeakageWarning``.

fed = sm.Dataset(table=data, label=labels)
found = {name: pipe.check_leakage(fed) for name, pipe in drawings.items()}
for name, leaks in found.items():
    print(f"{name:22} {'; '.join(leak.kind for leak in leaks) or 'clean'}")
    for leak in leaks:
        print(f"{'':22} {' -> '.join(leak.path)}: {leak.mend}")

# %%
# What cross-validation says
# --------------------------
# The warnings are not shown again, since these leaks are drawn on purpose. Accuracy gives away
# two of the three. The third shows in the log loss only: the model is right less often than one
# that always says the same, and sure of it.

accuracy, loss = {}, {}
for name, pipe in drawings.items():
    with warnings.catch_warnings(action="ignore", category=LeakageWarning):
        scores = cross_validate(pipe, fed, labels, scoring=["accuracy", "neg_log_loss"])
    accuracy[name] = scores["test_accuracy"].mean()
    loss[name] = -scores["test_neg_log_loss"].mean()
    print(f"{name:22} accuracy {accuracy[name]:.2f}, log loss {loss[name]:.2f}")

# %%
# The dashed line is the score of what learns nothing, which on shuffled labels is the best score
# that is honest.

figure, axes = plt.subplots(1, 2, figsize=(10, 3), sharey=True, layout="constrained")
for axis, scores, title in zip(axes, (accuracy, loss), ("accuracy", "log loss"), strict=True):
    colours = ["tab:red" if found[name] else "tab:blue" for name in scores]
    axis.barh(list(scores), list(scores.values()), color=colours)
    axis.axvline(scores["always the same"], color="black", linestyle="--", linewidth=1)
    axis.set_xlabel(f"{title}; red leaks")
axes[0].invert_yaxis()
plt.show()
