"""
A target in other units, and back
=================================

The progress of diabetes after a year is a skewed number. A model learns it better on a scale where
it is normally distributed, and people want it in its own units. Steps on the target do the one,
``node.inverse`` does the other. The data come with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.preprocessing import PowerTransformer

import skmegatron as sm

patients, progress = load_diabetes(return_X_y=True, as_frame=True)

# %%
# Two graphs
# ----------
# They differ in one step on the target. What is drawn with a dashed line is read while fitting;
# the dotted line lends ``inverse`` what the step has learned.


def draw(transformed: bool) -> sm.Pipeline:
    """Draw a regression, on the target itself or on a normal scale."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("progress")
    if not transformed:
        return sm.Pipeline([X, y], sm.layers.Sklearn(RidgeCV())(X, "ridge", y=y))
    normal = sm.layers.Sklearn(PowerTransformer())(y, "normal")
    guess = sm.layers.Sklearn(RidgeCV())(X, "ridge", y=normal)
    return sm.Pipeline([X, y], normal.inverse(guess))


draw(transformed=True).fit(patients, progress)

# %%
# Scores in units of the target
# -----------------------------
# Predictions, and so every score, are in the units of the data. The errors are absolute, of
# patients that the model has not seen.

names = {False: "progress itself", True: "on a normal scale"}
for transformed, name in names.items():
    errors = -cross_val_score(
        draw(transformed), patients, progress, cv=10, scoring="neg_median_absolute_error"
    )
    print(f"{name:>18}: median error {errors.mean():.1f} +- {errors.std() / np.sqrt(10):.1f}")

# %%
# The two are within the noise of ten folds of each other. What does change is where the model
# errs: predictions on the normal scale are those of the median patient, lower than the mean.

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for axis, (transformed, name) in zip(axes, names.items(), strict=True):
    guesses = cross_val_predict(draw(transformed), patients, progress, cv=10)
    axis.scatter(guesses, progress - guesses, s=10, alpha=0.6)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(title=f"{name}: mean of what is left {np.mean(progress - guesses):.1f}")
    axis.set(xlabel="predicted progress")
    print(f"{name:>18}: predicts {guesses.mean():.1f} on average, and it is {progress.mean():.1f}")
axes[0].set_ylabel("true less predicted")
plt.show()
