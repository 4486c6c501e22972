"""Write the files that later versions must go on reading: ``python tests/artefacts/make.py``.

Run once for each release, and commit the folder that it writes. There is nothing in the files
that depends on the version of Python: no code by value.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.layers import Concatenate, Impute, OneHotLabels, Sklearn, Whiten

ROWS, CLASSES = load_iris(return_X_y=True)
SPECIES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]
NOTES = np.array(
    [f"a {name} flower, {row[2]:.0f} cm" for name, row in zip(SPECIES, ROWS, strict=True)]
)


def stacked():
    """Tables and text side by side, with predictions out of fold between them."""
    X, note, species = sm.Input("X", shape=(None,)), sm.Input("note"), sm.Target("species")
    size = Sklearn(PCA(2))(Whiten()(Impute({np.nan: 0.0})(X)), "size")
    words = Sklearn(TfidfVectorizer())(note)
    guess = Sklearn(LogisticRegression(), method="predict_proba", cv=3)(words, "words", y=species)
    both = Concatenate()([size, guess], "both")
    last = Sklearn(LogisticRegression())(both, "last", y=species)
    pipe = sm.Pipeline([X, note, species], last, name="stacked", version="1")
    return pipe.fit({"X": ROWS, "note": NOTES}, SPECIES)


def in_units():
    """A target that is scaled, and predictions back in its units."""
    X, width = sm.Input("X", shape=(3,)), sm.Target("width")
    scaled = Sklearn(StandardScaler())(width, "scaled")
    guess = scaled.inverse(Sklearn(Ridge())(X, "ridge", y=scaled))
    pipe = sm.Pipeline([X, width], guess, name="in_units", version="1")
    return pipe.fit(ROWS[:, :3], ROWS[:, 3])


def one_hot():
    """A regressor of one-hot columns, a metric, and a choice."""
    X, species = sm.Input("X", shape=(None,)), sm.Target("species")
    encoded = OneHotLabels()(species, "encoded")
    model = Ridge(alpha=sm.choose([1.0, 10.0]))
    guess = encoded.inverse(Sklearn(model)(X * 2 + 1, "ridge", y=encoded))
    accuracy = sm.metrics.Accuracy()(guess, species)
    pipe = sm.Pipeline([X, species], guess, metrics=[accuracy], name="one_hot", version="1")
    return pipe.fit(ROWS, SPECIES)


def forest():
    """Trees, which a skops file holds only for who trusts them."""
    X, species = sm.Input("X", shape=(None,)), sm.Target("species")
    trees = RandomForestClassifier(3, max_depth=3, random_state=0)
    pipe = sm.Pipeline([X, species], Sklearn(trees)(X, "forest", y=species), name="forest")
    return pipe.fit(ROWS, SPECIES)


def unfitted():
    """A drawing."""
    X, species = sm.Input("X", shape=(None,)), sm.Target("species")
    guess = Sklearn(LogisticRegression(C=0.5))(Whiten()(X), "guess", y=species)
    return sm.Pipeline([X, species], guess, name="unfitted", version="1")


#: What each is fed with afterwards, and what its skops file asks its reader to trust.
FED = {
    "stacked": {"X": ROWS[::10], "note": NOTES[::10]},
    "in_units": ROWS[::10, :3],
    "one_hot": ROWS[::10],
    "forest": ROWS[::10],
}
TRUSTED = {"forest": ["sklearn.tree._tree.Tree"]}


def main():
    folder = Path(__file__).parent / sm.__version__
    for make in (stacked, in_units, one_hot, forest, unfitted):
        pipe = make()
        for form in ("joblib", "skops"):
            pipe.save(folder, format=form)
        if make.__name__ in FED:
            fed = FED[make.__name__]
            named = fed if isinstance(fed, dict) else {"X": fed}
            told = {
                "fed": {name: values.tolist() for name, values in named.items()},
                "expected": pipe.predict(fed).tolist(),
                "trusted": TRUSTED.get(make.__name__, []),
            }
            (folder / f"{make.__name__}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
