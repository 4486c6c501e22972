"""
Text and numbers in one graph
=============================

Is a function from NumPy, SciPy or scikit-learn? One branch of the graph reads the first sentence
of its documentation, the other counts its parameters and lines. The data are the docstrings of
what is installed, so the numbers differ a little between versions.
"""

import importlib
import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.preprocessing import QuantileTransformer

import skmegatron as sm

# %%
# The data
# --------
# Names of the packages are taken out of the sentences: they would give the answer away.

MODULES = {
    "numpy": ["numpy", "numpy.fft", "numpy.linalg", "numpy.polynomial.polynomial"],
    "scipy": ["scipy.fft", "scipy.linalg", "scipy.ndimage", "scipy.optimize", "scipy.signal"],
    "sklearn": ["sklearn.cluster", "sklearn.datasets", "sklearn.metrics", "sklearn.preprocessing"],
}


def described(modules: list[str]) -> dict[str, str]:
    """Give the documentation of what modules list as public."""
    found = {}
    for module in map(importlib.import_module, modules):
        for name in sorted(module.__all__):
            one = getattr(module, name)
            if callable(one) and inspect.getdoc(one):
                found[name] = inspect.getdoc(one)
    return found


sentences, n_parameters, n_lines, packages = [], [], [], []
for package, modules in MODULES.items():
    for text in described(modules).values():
        # NumPy's own functions begin with their signature.
        first = next(part for part in text.split("\n\n") if "(" not in part.split("\n")[0][:25])
        sentences.append(re.sub(r"(?i)numpy|scipy|sklearn|scikit", "", " ".join(first.split())))
        n_parameters.append(len(re.findall(r"(?m)^\w[\w, *]* ?: ", text)))
        n_lines.append(text.count("\n") + 1)
        packages.append(package)
packages = np.array(packages)
data = sm.Dataset(sentence=np.array(sentences), n_parameters=n_parameters, n_lines=n_lines)
print(data)
for package in MODULES:
    rows = np.flatnonzero(packages == package)
    print(f"{package}: {len(rows)} functions and classes, such as {sentences[rows[9]]!r}")

# %%
# The graph
# ---------
# Words become weights, weights become 40 components; counts become ranks. The branches meet before
# the classifier. With one branch switched off, the other is left.


def draw(text: bool = True, table: bool = True) -> sm.Pipeline:
    """Draw a classifier of sentences, of counts, or of both."""
    sentence, package = sm.Input("sentence"), sm.Target("package")
    counts = sm.Input("counts", columns=["n_parameters", "n_lines"])
    words = sm.layers.Sklearn(TfidfVectorizer(min_df=2, sublinear_tf=True))(sentence, "words")
    topics = sm.layers.Sklearn(TruncatedSVD(40, random_state=0))(words, "topics")
    ranks = sm.layers.Sklearn(QuantileTransformer(n_quantiles=100, random_state=0))(
        counts, "ranks"
    )
    features = [node for node, wanted in ((topics, text), (ranks, table)) if wanted]
    model = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
    guess = sm.layers.Sklearn(model)(features, "guess", y=package)
    inputs = [node for node, wanted in ((sentence, text), (counts, table)) if wanted]
    return sm.Pipeline([*inputs, package], guess)


draw()

# %%
# Text, table, both
# -----------------
# The score is the mean over the three packages of how many of their functions are found, so that
# guessing gives a third. ``Dataset`` is cut at the same rows for both branches.

folds = StratifiedKFold(5, shuffle=True, random_state=0)
drawings = {"table": draw(text=False), "text": draw(table=False), "both": draw()}
scores = {}
for name, pipe in drawings.items():
    scores[name] = cross_val_score(pipe, data, packages, cv=folds, scoring="balanced_accuracy")
    print(f"{name:6} {scores[name].mean():.3f} +- {scores[name].std() / np.sqrt(5):.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for place, score in enumerate(scores.values()):
    left.plot(np.full(5, place), score, "o", alpha=0.6)
    left.plot(place, score.mean(), "_", color="black", markersize=30)
left.axhline(1 / 3, color="black", linestyle="--", linewidth=0.8)
left.set_xticks(range(3), list(scores))
left.set(ylabel="balanced accuracy of each fold", ylim=(0, 1))
guesses = cross_val_predict(draw(), data, packages, cv=folds)
ConfusionMatrixDisplay.from_predictions(packages, guesses, ax=right, colorbar=False, cmap="Blues")
plt.show()

# %%
# What a new sentence is taken for
# --------------------------------
# Its table columns are fed beside it. Each row of chances adds up to one.

pipe = draw().fit(data, packages)
asked = sm.Dataset(
    sentence=np.array(["Compute a score of predicted labels.", "Minimize a scalar function."]),
    n_parameters=[3, 6],
    n_lines=[60, 120],
)
for sentence, chances in zip(asked["sentence"], pipe.predict_proba(asked), strict=True):
    told = ", ".join(f"{name} {one:.2f}" for name, one in zip(pipe.classes_, chances, strict=True))
    print(f"{sentence} {told}")
