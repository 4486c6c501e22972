"""Handwritten digits: images and table columns in one graph.

The images of `sklearn.datasets.load_digits` and two columns measured from them go through
one graph, which is searched with `GridSearchCV`, saved with joblib, loaded, and used to
predict digits it has not seen. Takes some seconds; nothing is downloaded.
"""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split

import skmegatron as sm


def load_data() -> tuple[sm.Dataset, np.ndarray]:
    """Give images with two columns about each, and the digits they show."""
    images, digits = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    table = pd.DataFrame(
        {
            "ink": images.sum(axis=(1, 2)),
            "lean": images[:, :, 4:].sum(axis=(1, 2)) - images[:, :, :4].sum(axis=(1, 2)),
        }
    )
    return sm.Dataset(image=images, ink=table["ink"], lean=table["lean"]), digits


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


def main() -> None:
    """Search, save, load and predict."""
    data, digits = load_data()
    train, test, digits_train, digits_test = train_test_split(
        data, digits, stratify=digits, random_state=0
    )
    print(f"{data!r}\n{len(train)} rows to learn from, {len(test)} held out\n")

    grid = {"strokes__n_components": [10, 30], "guess__C": [0.01, 0.1]}
    search = GridSearchCV(draw_pipeline(), grid, cv=3)
    search.set_callbacks(ProgressBar(max_propagation_depth=0))
    search.fit(train, digits_train)
    print(f"\nBest of the search: {search.best_params_}, accuracy {search.best_score_:.3f}")

    path = search.best_estimator_.save(Path(mkdtemp()))
    print(f"Saved to {path} ({path.stat().st_size / 1024:.0f} kB)")

    pipeline = sm.load_pipeline(path)
    print(f"Loaded; on digits it has not seen: {pipeline.evaluate(test, digits_test)}")
    print(f"First ten predictions: {pipeline.predict(test[:10])}, true: {digits_test[:10]}")
    values = pipeline.transform(test[:10], outputs=["strokes", "features"])
    print(f"Any value on the way can be asked for: {values!r}")


if __name__ == "__main__":
    main()
