"""A search over the architecture and the learning rate of a network, stopping early.

The digits of `sklearn.datasets.load_digits` go through a small CNN inside a graph. GridSearchCV
tries two architectures and two learning rates. Every fit holds out a tenth of its own training
rows, with the same share of each digit, and stops when their loss no longer falls. Nothing is
downloaded.

It needs Keras and a backend: pip install "skmegatron[keras]". With jax, on two cores, it takes
about a minute.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

import skmegatron as sm
from skmegatron.layers.keras import load_keras

EPOCHS = 20


def build(meta: Any, kind: str = "dense", units: int = 32) -> Any:
    """Build a network; its arguments are what the search can change."""
    keras = load_keras()
    inner = {
        "dense": [keras.layers.Flatten()],
        "convolution": [keras.layers.Conv2D(units, 3, activation="relu"), keras.layers.Flatten()],
    }[kind]
    return keras.Sequential(
        [
            keras.Input(meta["input_shape"]),
            keras.layers.Reshape((8, 8, 1)),
            *inner,
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def draw_pipeline() -> sm.Pipeline:
    """Draw the graph."""
    image, digit = sm.Input("image", shape=(8, 8)), sm.Target("digit")
    scaled = sm.layers.ScalarMultiply(1 / 16)(image, "scaled")
    patience = load_keras().callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    network = sm.layers.KerasClassifier(
        build, optimizer="adam", epochs=EPOCHS, callbacks=patience, random_state=0
    )
    return sm.Pipeline([image, digit], network(scaled, "net", y=digit))


def main() -> None:
    """Search, and show what was tried."""
    digits = load_digits()
    train, test, known, asked = train_test_split(
        digits.images, digits.target, test_size=0.25, random_state=0
    )
    grid = {
        "net__kind": ["dense", "convolution"],
        "net__optimizer__learning_rate": [0.001, 0.01],
    }
    search = GridSearchCV(draw_pipeline(), grid, cv=2, verbose=3)  # a line for each fit
    search.fit(train, known, validation_split=0.1)

    tried = pd.DataFrame(search.cv_results_)
    tried = tried[[*(f"param_{name}" for name in grid), "mean_test_score", "mean_fit_time"]]
    print(tried.round(3).to_string(index=False))
    epochs = len(search.best_estimator_.steps_.net.history_["loss"])
    accuracy = np.mean(search.predict(test) == asked)
    print(f"\nbest: {search.best_params_}")
    print(f"stopped after {epochs} of {EPOCHS} epochs; accuracy on the test rows: {accuracy:.3f}")


if __name__ == "__main__":
    main()
