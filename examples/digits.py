"""
Images and table columns in one graph
=====================================

Handwritten digits, 8 by 8 pixels each, and two columns measured from them go through one graph.
It is searched with ``GridSearchCV``, saved, loaded, and asked about digits it has not seen. The
images come with scikit-learn, as :func:`sklearn.datasets.load_digits`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split

import skmegatron as sm

# %%
# The data
# --------
# A ``Dataset`` holds arrays of any shape with one row per observation. Here these are images, how
# much ink is on each, and whether it leans to the right. ``train_test_split`` cuts all of them at
# the same rows.

images, digits = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8)
table = pd.DataFrame(
    {
        "ink": images.sum(axis=(1, 2)),
        "lean": images[:, :, 4:].sum(axis=(1, 2)) - images[:, :, :4].sum(axis=(1, 2)),
    }
)
data = sm.Dataset(image=images, ink=table["ink"], lean=table["lean"])
train, test, digits_train, digits_test = train_test_split(
    data, digits, stratify=digits, random_state=0
)
print(f"{data!r}\n{len(train)} rows to learn from, {len(test)} held out")

# %%
# The graph
# ---------
# Inputs say what comes in, and layers are called on nodes. Pixels and columns go their own ways
# and meet before the classifier. What stands after ``y=`` is read only while fitting.


def draw_pipeline() -> sm.Pipeline:
    """Draw the graph: pixels and columns meet before the classifier."""
    image = sm.Input("image", shape=(8, 8))
    ink, lean = sm.Input("ink"), sm.Input("lean")
    digit = sm.Target("digit")

    pixels = sm.layers.Flatten()(image, "pixels")
    strokes = sm.layers.Sklearn(PCA(n_components=20))(pixels, "strokes")
    columns = sm.layers.Concatenate()([ink, lean], "columns")
    features = sm.layers.Concatenate()([strokes, sm.layers.Whiten()(columns)], "features")
    guess = sm.layers.Sklearn(LogisticRegression(max_iter=1000))(features, "guess", y=digit)
    accuracy = sm.metrics.Metric(accuracy_score)([digit, guess], "accuracy")

    return sm.Pipeline(
        [image, ink, lean, digit], guess, metrics=[accuracy], name="digits", version="0.1"
    )


draw_pipeline()

# %%
# The search
# ----------
# The pipeline is an estimator of scikit-learn. A parameter of a step goes by the name of the
# step, two underscores and its own name.

grid = {"strokes__n_components": [10, 30], "guess__C": [0.01, 0.1]}
search = GridSearchCV(draw_pipeline(), grid, cv=3)
search.set_callbacks(ProgressBar(max_propagation_depth=0))
search.fit(train, digits_train)
print(f"Best of the search: {search.best_params_}, accuracy {search.best_score_:.3f}")

# %%
# Saved and loaded
# ----------------
# The best pipeline goes into a file, and what is read back predicts. The accuracy below is that
# of rows that neither the fit nor the search has seen.

with TemporaryDirectory() as folder:
    path = search.best_estimator_.save(Path(folder))
    print(f"Saved as {path.name} ({path.stat().st_size / 1024:.0f} kB)")
    pipeline = sm.load_pipeline(path)

print(f"Loaded; on digits it has not seen: {pipeline.evaluate(test, digits_test)}")
print(f"First ten predictions: {pipeline.predict(test[:10])}, true: {digits_test[:10]}")

# %%
# Which digits are taken for others, and what the first mistakes look like:

guesses = pipeline.predict(test)
wrong = np.flatnonzero(guesses != digits_test)[:6]
figure, axes = plt.subplot_mosaic(
    [["matrix", *row] for row in ("abc", "def")],
    figsize=(9, 4.2),
    width_ratios=[3.4, 1, 1, 1],
    layout="constrained",
)
ConfusionMatrixDisplay.from_predictions(
    digits_test, guesses, ax=axes["matrix"], colorbar=False, cmap="Blues"
)
for place, row in zip("abcdef", wrong, strict=False):
    axes[place].imshow(test["image"][row], cmap="gray_r")
    axes[place].set_title(f"{digits_test[row]}, taken for {guesses[row]}", fontsize=9)
for place in "abcdef":
    axes[place].set_axis_off()
plt.show()

# %%
# Any value on the way
# --------------------
# ``outputs=`` asks for any step by its name. These are the first two of the components that the
# classifier reads, for the held-out digits 0 to 4.

values = pipeline.transform(test, outputs=["strokes", "features"])
print(f"Any value on the way can be asked for: {values!r}")

figure, axis = plt.subplots(figsize=(6, 4.2), layout="constrained")
for digit in range(5):
    chosen = values["strokes"][digits_test == digit]
    axis.scatter(chosen[:, 0], chosen[:, 1], s=14, label=str(digit))
axis.set(xlabel="first component", ylabel="second component")
axis.legend(title="digit")
plt.show()
