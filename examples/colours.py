"""
The colours of a photograph
===========================

A photograph of a flower, small as it is here, has some 9,000 colours, and sixteen are enough to
know it. The pixels of a photograph are the rows, ``KMeans`` learns which colours stand for all,
and a second graph that shares the fitted step paints a picture it has not seen with them. The
photographs come with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_images

import skmegatron as sm

china, flower = (image[::4, ::4] / 255.0 for image in load_sample_images().images)
pixels = flower.reshape(-1, 3)
print(f"{len(pixels):,} pixels of {len(np.unique(pixels, axis=0)):,} colours")

# %%
# The graph
# ---------
# ``nearest`` gives the number of a colour. The next step looks the colour up: a function becomes a
# layer, and what it needs is a parameter of the step.


def looked_up(numbers: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Give the colour of each number."""
    return palette[numbers]


def draw(n_colours: int, nearest: object = None) -> sm.Pipeline:
    """Draw from pixels to the number of the nearest colour."""
    X = sm.Input("pixel", shape=(3,))
    nearest = nearest or sm.layers.Sklearn(
        KMeans(n_colours, n_init=1, max_iter=30, random_state=0), method="predict"
    )
    return sm.Pipeline(X, nearest(X, "nearest"))


def painted(pipe: sm.Pipeline, image: np.ndarray) -> np.ndarray:
    """Paint a picture with the colours that a pipeline has learned."""
    X = sm.Input("pixel", shape=(3,))
    learned = pipe.steps_["nearest"]
    number = learned.freeze()(X, "nearest")
    palette = learned.current.cluster_centers_
    colour = sm.layers.Lambda(looked_up, palette=palette)(number, "colour")
    return sm.Pipeline(X, colour).transform(image.reshape(-1, 3)).reshape(image.shape)


draw(16)

# %%
# Fewer and fewer colours
# -----------------------
# The number beside each is the error of a pixel, in shades of 255.

figure, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
axes[0].imshow(flower)
axes[0].set_title("all colours", fontsize=10)
for axis, n_colours in zip(axes[1:], (64, 16, 4), strict=True):
    pipe = draw(n_colours).fit(pixels)
    poorer = painted(pipe, flower)
    error = 255 * np.sqrt(np.mean((poorer - flower) ** 2))
    print(f"{n_colours} colours: root mean square error {error:.1f} of 255")
    axis.imshow(poorer)
    axis.set_title(f"{n_colours} colours, off by {error:.0f}", fontsize=10)
for axis in axes:
    axis.set_axis_off()
plt.show()

# %%
# Another picture in the flower's colours
# ---------------------------------------
# ``freeze()`` takes a fitted step into another graph. It is not fitted again there.

strange = painted(draw(16).fit(pixels), china)
figure, axes = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
for axis, image, title in zip(axes, (china, strange), ("as it is", "painted"), strict=True):
    axis.imshow(image)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
plt.show()
