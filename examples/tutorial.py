"""The tutorial: pictures and labels through a network, stored, saved, loaded and looked up.

The graph is that of the 2019 library's tutorial: colour images become grey, labels become
one-hot columns, both go into a Keras CNN, whose predictions are measured, kept in a database and
looked up by the index of the picture. The pictures are patches of the two photographs that
scikit-learn ships; the network tells the temple from the flower. Nothing is downloaded.

It needs Keras and a backend: pip install "skmegatron[keras]". With jax, on two cores, it takes
a quarter of a minute.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.datasets import load_sample_images

import skmegatron as sm
from skmegatron.layers.keras import load_keras

SIZE, STEP = 48, 24


def load_patches() -> tuple[sm.Dataset, sm.Dataset]:
    """Cut the photographs into patches; those to test with overlap none of the others."""
    train, test = [], []
    for label, photograph in enumerate(load_sample_images().images):
        height, width, _ = photograph.shape
        for top in range(0, height - SIZE + 1, STEP):
            for left in range(0, width - SIZE + 1, STEP):
                patch = photograph[top : top + SIZE, left : left + SIZE]
                # A column of patches between the two sides is in neither.
                side = train if left + SIZE <= width * 3 // 4 else test
                if side is train or left >= width * 3 // 4:
                    side.append((patch, label))
    return tuple(  # type: ignore[return-value]  # of two
        sm.Dataset(image=np.array([p for p, _ in side]), label=np.array([n for _, n in side]))
        for side in (train, test)
    )


def build() -> Any:
    """Build and compile a small CNN."""
    keras = load_keras()
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1), name="pixels"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 5, strides=2, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy")
    return model


def draw_pipeline(storage: Any) -> sm.Pipeline:
    """Draw the graph."""
    # The shape is that of the colour image as it is fed: 2019's (48, 48, 1) was never checked.
    images = sm.Input("image", (SIZE, SIZE, 3))
    labels = sm.Target("label")  # an Input in 2019; a Target is read while fitting only
    grey = sm.layers.RGBtoGrey(method="luminosity", keep_dim=True)(images, "grey")
    one_hot = sm.layers.OneHotRange(max_val=1)(labels, "one_hot")
    # A function that builds the model; a compiled model would be taken as a template.
    network = sm.layers.Keras(build, epochs=15, random_state=0)
    predictions = network([grey, one_hot], "preds")
    sm.metrics.Accuracy()(one_hot, predictions, "model_acc")
    return sm.Pipeline(
        [images, labels], predictions, name="getting_started", version=0.1, storage=storage
    )


def main() -> None:
    """Fit, evaluate, store, look up, save and load."""
    train, test = load_patches()
    print(f"{len(train)} patches to learn from, {len(test)} to test with")
    with (
        TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "getting_started.db")) as storage,
    ):
        pipe = draw_pipeline(storage)
        # The 2019 call: the labels are in the mapping, under the name of their node.
        pipe.fit(train)
        print("evaluated:", pipe.evaluate(test))

        outputs = pipe.transform(test)
        one = pipe.storage.read(rows=[0])
        print(f"outputs {outputs.shape}, looked up {one['preds'].shape}: {one['preds'][0]}")

        path = pipe.save(Path(folder) / "pipelines")
        loaded = sm.load_pipeline(path, storage_db=storage)
        again = loaded.predict(test)
        print(f"{path.name} predicts the same: {np.allclose(again, outputs, atol=1e-6)}")


if __name__ == "__main__":
    main()
