"""
Rows that exist only while learning
===================================

A digit that is moved by one pixel is the same digit. A layer adds moved copies of the images it
learns from, and hands on what comes in wherever nothing is fitted: the rows that are scored are
those that came. The images are those of :func:`sklearn.datasets.load_digits`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier

import skmegatron as sm

images, digits = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8)
train, test, known, asked = train_test_split(
    images, digits, test_size=0.5, stratify=digits, random_state=0
)

# %%
# The layer
# ---------
# ``TrainOnly`` asks for ``resample``, which gives the rows to learn from. Called on images and
# their labels, the layer gives a node for each.

AROUND = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]


class Moved(sm.layers.TrainOnly):
    """Add copies of images, moved by one pixel to each side."""

    def resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give each image five times, and its label as often."""
        padded = np.pad(X, ((0, 0), (1, 1), (1, 1)))
        moved = [padded[:, 1 + down : 9 + down, 1 + right : 9 + right] for down, right in AROUND]
        return np.concatenate(moved), np.tile(y, len(AROUND))


copies, copied = Moved().resample(train[:1], known[:1])
figure, axes = plt.subplots(1, 5, figsize=(8, 1.9), layout="constrained")
for axis, image, label in zip(axes, copies, copied, strict=True):
    axis.imshow(image, cmap="gray_r")
    axis.set_title(f"{label}", fontsize=9)
    axis.set_axis_off()
plt.show()

# %%
# The graph
# ---------


def draw(augment: bool) -> sm.Pipeline:
    """Draw a classifier of images, with or without moved copies."""
    image, digit = sm.Input("image", shape=(8, 8)), sm.Target("digit")
    if augment:
        more, labels = Moved()(image, y=digit)
    else:
        more, labels = image, digit
    pixels = sm.layers.Flatten()(more, "pixels")
    nearest = sm.layers.Sklearn(KNeighborsClassifier(3))
    return sm.Pipeline([image, digit], nearest(pixels, "nearest", y=labels))


draw(augment=True)

# %%
# Five times as many rows to learn from, and just those that were fed to predict:

pipe = draw(augment=True).fit(train, known)
print(f"{len(train)} images fed, {pipe.steps_.nearest.n_samples_fit_} learned from")
print(f"{len(pipe.predict(test))} predictions for {len(test)} images")

# %%
# Does it help?
# -------------
# The fewer images there are, the more. Every size is tried on five parts of the training images,
# and scored on the same 899 images. In a search or a cross-validation nothing changes either:
# each fold adds copies of its own training part only, so no copy of a scored image is learned.

sizes = [30, 60, 120, 240, 480]
found = {False: [], True: []}
for size in sizes:
    for augment, scores in found.items():
        parts = [
            train_test_split(train, known, train_size=size, stratify=known, random_state=seed)
            for seed in range(5)
        ]
        scores.append([draw(augment).fit(part[0], part[2]).score(test, asked) for part in parts])
    print(
        f"{size:4} images: {np.mean(found[False][-1]):.3f}, {np.mean(found[True][-1]):.3f} moved"
    )
folds = cross_val_score(draw(augment=True), images, digits, cv=5)
print(f"cross-validated on all images, with copies: {folds.mean():.3f}")

figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for augment, name in {False: "as they are", True: "with moved copies"}.items():
    scores = np.array(found[augment])
    axis.errorbar(sizes, scores.mean(axis=1), scores.std(axis=1), fmt="o-", capsize=3, label=name)
axis.set(xlabel="images to learn from", ylabel="accuracy on 899 others", xscale="log")
axis.set_xticks(sizes, sizes)
axis.minorticks_off()
axis.legend()
plt.show()
