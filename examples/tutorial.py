"""
Tutorial: pictures through a network, stored and looked up
==========================================================

Colour images become grey, labels become one-hot columns, both go into a Keras CNN, whose
predictions are measured, kept in a database and looked up by the index of the picture. This is
the graph of the tutorial of 2019, written for today. The pictures are patches of the two
photographs of :func:`sklearn.datasets.load_sample_images`; the network tells the temple from the
flower.

It needs Keras and a backend, ``pip install "skmegatron[keras,viz]"``. With jax, on two cores, it
takes a quarter of a minute.
"""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images

import skmegatron as sm
from skmegatron.layers.keras import load_keras

# %%
# The pictures
# ------------
# Each photograph is cut into patches of 48 by 48 pixels. The network learns from the left three
# quarters and is tested on the right one; a column of patches that cross the line is in neither.

SIZE, STEP = 48, 24

patches = {"train": ([], []), "test": ([], [])}
for label, photograph in enumerate(load_sample_images().images):
    height, width, _ = photograph.shape
    line = width * 3 // 4
    for top in range(0, height - SIZE + 1, STEP):
        for left in range(0, width - SIZE + 1, STEP):
            if left < line < left + SIZE:
                continue
            images, labels = patches["train" if left < line else "test"]
            images.append(photograph[top : top + SIZE, left : left + SIZE])
            labels.append(label)
train, test = (
    sm.Dataset(image=np.array(images), label=np.array(labels))
    for images, labels in patches.values()
)
print(f"{len(train)} patches to learn from, {len(test)} to test with")

figure, axes = plt.subplots(2, 8, figsize=(9, 2.5), layout="constrained")
for row, side in zip(axes, (test[test["label"] == 0], test[test["label"] == 1]), strict=True):
    for axis, image in zip(row, side["image"][:: len(side) // 8], strict=False):
        axis.imshow(image)
        axis.set_axis_off()
plt.show()

# %%
# The network
# -----------
# A function that builds and compiles the model. Each fit calls it, so each fit starts anew.


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


# %%
# The graph
# ---------
# ``Target`` is the place of the labels: they are read while fitting and measuring only. ``Keras``
# takes the last node of its call as what is to be learned, as in 2019.


def draw_pipeline(storage: Any) -> sm.Pipeline:
    """Draw the graph."""
    images = sm.Input("image", (SIZE, SIZE, 3))
    labels = sm.Target("label")
    grey = sm.layers.RGBtoGrey(method="luminosity", keep_dim=True)(images, "grey")
    one_hot = sm.layers.OneHotRange(max_val=1)(labels, "one_hot")
    network = sm.layers.Keras(build, epochs=15, random_state=0)
    predictions = network([grey, one_hot], "preds")
    sm.metrics.Accuracy()(one_hot, predictions, "model_acc")
    return sm.Pipeline(
        [images, labels], predictions, name="getting_started", version=0.1, storage=storage
    )


folder = TemporaryDirectory()
storage = sqlite3.connect(Path(folder.name) / "getting_started.db")
pipe = draw_pipeline(storage)
pipe

# %%
# Fitted and measured
# -------------------
# The labels are in the data, under the name of their node. ``evaluate`` computes the metrics of
# the graph. Patches beside one another in the same two photographs are easily told apart: an
# accuracy near 1 says that the graph works, and little about other photographs.

pipe.fit(train)
print("evaluated:", pipe.evaluate(test))

loss = pipe.steps_.preds.history_["loss"]
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.plot(np.arange(1, len(loss) + 1), loss)
axis.set(xlabel="epoch", ylabel="loss on the training rows")
plt.show()

# %%
# What the network sees can be asked for by its name.

values = pipe.transform(test[:160:20], outputs=["grey", "preds"])
figure, axes = plt.subplots(1, 8, figsize=(9, 1.6), layout="constrained")
for axis, grey, chances in zip(axes, values["grey"], values["preds"], strict=True):
    axis.imshow(grey[..., 0], cmap="gray")
    axis.set_title(f"flower {chances[1]:.2f}", fontsize=8)
    axis.set_axis_off()
plt.show()

# %%
# Stored and looked up
# --------------------
# ``transform`` writes its outputs into the database. They are read back by the index of the row.

outputs = pipe.transform(test)
one = pipe.storage.read(rows=[0])
print(f"outputs {outputs.shape}, looked up {one['preds'].shape}: {one['preds'][0]}")

# %%
# Saved and loaded
# ----------------
# The open connection is not part of the file; it is handed in again.

path = pipe.save(Path(folder.name) / "pipelines")
loaded = sm.load_pipeline(path, storage_db=storage)
again = loaded.predict(test)
print(f"{path.name} predicts the same: {np.allclose(again, outputs, atol=1e-6)}")

storage.close()
folder.cleanup()
