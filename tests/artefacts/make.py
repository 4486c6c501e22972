"""Make the files of the current version: ``python tests/artefacts/make.py``.

Each version's folder stays as it is once that version is released. It holds pipelines in both
formats, the rows that they are asked about, and what they gave.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.layers import Concatenate, Lambda, Sklearn, Whiten

TABLE = np.random.default_rng(0).normal(size=(30, 3))
TEXT = np.array(["a red cat", "two blue dogs", "a red dog"] * 10, dtype="U16")
LABELS = np.where(TABLE[:, 0] > 0, "up", "down")


def stacked():
    """Draw text and a table, out-of-fold predictions, a metric, and a choice."""
    table, text, y = sm.Input("table", shape=(3,)), sm.Input("text"), sm.Target("label")
    white = Whiten()(table)
    words = Sklearn(CountVectorizer())(text)
    first = Sklearn(GaussianNB(), cv=3, method="predict_proba")(white, y=y)
    both = Concatenate()([first, words, white])
    out = Sklearn(LogisticRegression(C=sm.choose([1.0, 2.0])))(both, y=y)
    sm.metrics.Accuracy()(y, out, "acc")
    return sm.Pipeline([table, text, y], out, name="stacked", version="1")


def stateless():
    """Draw steps that learn nothing."""
    x = sm.Input("X", shape=(None,))
    return sm.Pipeline(x, [Lambda(np.exp)(x), x * 2], name="stateless", version="1")


def inverted():
    """Draw a target that is scaled, and predictions that are scaled back."""
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y)
    back = scaled.inverse(Sklearn(Ridge())(x, y=scaled))
    return sm.Pipeline([x, y], back, name="inverted", version="1")


def unfitted():
    """Draw what nobody has fitted."""
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    out = Sklearn(LogisticRegression())(Whiten()(x), y=y)
    return sm.Pipeline([x, y], out, name="unfitted", version="1")


def make(folder):
    """Write the files of the current version."""
    mixed = sm.Dataset(table=TABLE, text=TEXT)
    pipes = [
        stacked().fit(mixed, LABELS),
        stateless(),
        inverted().fit(TABLE, TABLE[:, 1]),
        unfitted(),
    ]
    for pipe in pipes:
        for kind in ("joblib", "skops"):
            pipe.save(folder, format=kind)
    outputs = pipes[1].transform(TABLE)
    np.savez(
        folder / "expected.npz",
        table=TABLE,
        text=TEXT,
        labels=LABELS,
        stacked=pipes[0].predict_proba(mixed),
        inverted=pipes[2].predict(TABLE),
        **{f"stateless_{place}": outputs[place] for place in range(2)},
        unfitted=pipes[3].fit(TABLE, LABELS).predict_proba(TABLE),
    )


if __name__ == "__main__":
    target = Path(__file__).parent / sm.__version__
    if target.exists() and "--again" not in sys.argv:
        raise SystemExit(f"{target} exists; --again writes it anew, which no release should need.")
    make(target)
