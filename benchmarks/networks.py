"""A network as a step, beside plain Keras, on each backend that is installed.

    python benchmarks/networks.py [--quick] [backend]

A network of two layers is built, compiled and fitted for 10 epochs, by the graph and by hand;
then one row is predicted. Keras fixes its backend once per process, so each has one of its own.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any

import numpy as np
from measure import ARGUMENTS, QUICK, best, machine, table

import skmegatron as sm

BACKENDS = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow-cpu"}
N_ROWS = 100 if QUICK else 2000
EPOCHS = 1 if QUICK else 10


def build() -> Any:
    import keras  # noqa: PLC0415 - once its backend is chosen

    layers = [keras.Input((20,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1)]
    return keras.Sequential(layers)


def fitted(X: np.ndarray, y: np.ndarray) -> sm.Pipeline:
    x, label = sm.Input("x", shape=(20,)), sm.Target("label")
    layer = sm.layers.Keras(build, optimizer="adam", loss="mse", epochs=EPOCHS)
    return sm.Pipeline([x, label], layer(x, "net", y=label)).fit(X, y)


def by_hand(X: np.ndarray, y: np.ndarray) -> Any:
    model = build()
    model.compile("adam", "mse")
    model.fit(X, y, epochs=EPOCHS, verbose=0)
    return model


def measured(backend: str) -> str:
    """Give the row of a backend, the one of this process."""
    X = np.random.default_rng(0).normal(size=(N_ROWS, 20)).astype(np.float32)
    y = X.sum(axis=1)
    pipe, model = fitted(X, y), by_hand(X, y)
    fits = best({"graph": lambda: fitted(X, y), "plain": lambda: by_hand(X, y)})
    row = X[:1]
    fed, own = {"x": row}, pipe.steps_["net"].model_
    np.testing.assert_allclose(pipe.transform(fed), own.predict_on_batch(row), rtol=1e-5)
    rows = best(
        {
            "graph": lambda: pipe.transform(fed),
            "predict": lambda: model.predict(row, verbose=0),
            "batch": lambda: model.predict_on_batch(row),
        },
        100,
    )
    cells = [
        fits["graph"],
        fits["graph"] / fits["plain"],
        rows["graph"] * 1e6,
        rows["graph"] / rows["predict"],
        rows["graph"] / rows["batch"],
    ]
    return f"| {backend} | {' | '.join(f'{cell:.2f}' for cell in cells)} |\n"


def main() -> None:
    """Print the table."""
    if ARGUMENTS:
        print(measured(ARGUMENTS[0]), end="")
        return
    header = [
        "backend",
        "fit, s",
        "/ plain Keras",
        "one row, us",
        "/ `model.predict`",
        "/ `model.predict_on_batch`",
    ]
    lines = table(header, [])
    keras = importlib.util.find_spec("keras") is not None
    for backend in BACKENDS if keras else ():
        if importlib.util.find_spec(backend):
            command = [sys.executable, __file__, backend, *(["--quick"] if QUICK else [])]
            env = {**os.environ, "KERAS_BACKEND": backend}
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
            lines += done.stdout
    print(lines)
    print(machine("keras", *BACKENDS.values()))


if __name__ == "__main__":
    main()
