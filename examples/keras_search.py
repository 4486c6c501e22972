"""
A network whose architecture is searched
========================================

``GridSearchCV`` tries two architectures and two learning rates of a small network that stands in
a graph. Every fit holds out a tenth of its own training rows, with the same share of each digit,
and stops when their loss no longer falls. The digits are those of
:func:`sklearn.datasets.load_digits`.

It needs Keras and a backend, ``pip install "skmegatron[keras,viz]"``. With jax, on two cores, it
takes half a minute.
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

import skmegatron as sm
from skmegatron.layers.keras import load_keras

EPOCHS = 20

# %%
# The network
# -----------
# A function builds it. Its first argument knows the shapes and the number of classes; the others
# are parameters of the step, which a search can change.


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


draw_pipeline()

# %%
# The search
# ----------
# Four candidates, each fitted on two folds: eight networks, and one more with the best of them on
# all training rows.

digits = load_digits()
train, test, known, asked = train_test_split(
    digits.images, digits.target, test_size=0.25, random_state=0
)
grid = {
    "net__kind": ["dense", "convolution"],
    "net__optimizer__learning_rate": [0.001, 0.01],
}
search = GridSearchCV(draw_pipeline(), grid, cv=2)
search.fit(train, known, validation_split=0.1)

tried = pd.DataFrame(search.cv_results_)
tried = tried[[*(f"param_{name}" for name in grid), "mean_test_score", "mean_fit_time"]]
tried.columns = ["kind", "learning rate", "accuracy", "seconds"]
print(tried.round(3).to_string(index=False))

# %%
# How the best one learned
# ------------------------
# The layer keeps what Keras reports after each epoch.

history = search.best_estimator_.steps_.net.history_
accuracy = np.mean(search.predict(test) == asked)
print(f"best: {search.best_params_}")
print(f"{len(history['loss'])} of at most {EPOCHS} epochs; accuracy on test rows: {accuracy:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
labels = [
    f"{kind}, {rate}" for kind, rate in zip(tried["kind"], tried["learning rate"], strict=True)
]
left.barh(labels, 1 - tried["accuracy"])
left.set_xlabel("share of wrong digits, two folds")
for key, name in {"loss": "training rows", "val_loss": "held-out rows"}.items():
    right.plot(np.arange(1, len(history[key]) + 1), history[key], label=name)
right.set(xlabel="epoch", ylabel="loss", yscale="log")
right.legend()
plt.show()
