"""A search that does nothing twice.

How strongly to regularise a classifier of digits, and how many components to keep of products
of pixels: the early steps take most of the time and are the same for many candidates. The
search is run without and with memory, and once more in a folder that a later session would find
full. Takes some ten seconds; nothing is downloaded.
"""

import time
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import PolynomialFeatures, QuantileTransformer

import skmegatron as sm

GRID = {"pca__n_components": [20, 30], "classifier__C": [0.001, 0.01, 0.1, 1.0]}


def draw_pipeline(memory: Any = None) -> sm.Pipeline:
    """Draw the graph: ranks of pixels, their products, the main of those, a classifier."""
    image, digit = sm.Input("image", shape=(8, 8)), sm.Target("digit")
    pixels = sm.layers.Flatten()(image)
    ranks = sm.layers.Sklearn(QuantileTransformer(n_quantiles=100, random_state=0))(pixels)
    products = sm.layers.Sklearn(PolynomialFeatures(2, interaction_only=True))(ranks)
    main = sm.layers.Sklearn(PCA(random_state=0))(products)
    guess = sm.layers.Sklearn(LogisticRegression(max_iter=300))(main, "classifier", y=digit)
    return sm.Pipeline([image, digit], guess, memory=memory)


def search(memory: Any) -> tuple[GridSearchCV, float]:
    """Search, and tell the seconds it took."""
    images, digits = load_digits(return_X_y=True)
    begin = time.perf_counter()
    found = GridSearchCV(draw_pipeline(memory), GRID, cv=3).fit(images.reshape(-1, 8, 8), digits)
    return found, time.perf_counter() - begin


def main() -> None:
    """Search three times, and look at what was saved."""
    plain, seconds = search(None)
    print(f"without memory: {seconds:.1f} s, accuracy {plain.best_score_:.3f}")

    cache = sm.MemoryCache(max_bytes=500_000_000)
    found, seconds = search(cache)
    print(f"with memory:    {seconds:.1f} s, accuracy {found.best_score_:.3f}")
    print(cache.stats())
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )

    with TemporaryDirectory() as folder:
        for session in ("first", "second"):
            _, seconds = search(folder)
            print(f"in a folder, {session} time: {seconds:.1f} s")


if __name__ == "__main__":
    main()
