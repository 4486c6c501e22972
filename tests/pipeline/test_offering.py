"""A method that a pipeline lacks says why, and what there is instead."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE

import skmegatron as sm
from skmegatron.layers import Concatenate, Lambda, Sklearn, Whiten

X, Y = sm.Input("X", shape=(None,)), sm.Target("y")
REDUCED = Sklearn(PCA(2))(X)
GUESS = Sklearn(LogisticRegression())(REDUCED, y=Y)


@pytest.mark.parametrize(
    ("output", "method", "reason"),
    [
        (REDUCED, "predict", r"'pca' comes from step 'pca' \(PCA\), which has no predict\. tran"),
        ([GUESS, REDUCED], "predict_proba", r"'pca' comes from .* has no predict_proba"),
        ([GUESS, REDUCED], "score", r"answers for one output.*has 2\..*evaluate\(X, y\)"),
        (Concatenate()([REDUCED, X]), "predict", r"'concatenate' stands behind no single step"),
        (Lambda(np.abs)(GUESS), "predict_proba", r"or what stands behind it has no predict_p"),
        (GUESS, "partial_fit", r"'pca' \(PCA\) cannot learn from batches. Use IncrementalPCA"),
        (GUESS, "inverse_transform", r"goes back from one output.*node\.inverse\(prediction\)"),
        (Sklearn(TSNE())(Whiten()(X)), "transform", r"\['tsne'\] give values only.*fit_transform"),
    ],
)
def test_a_method_that_is_not_there_says_why(output, method, reason):
    with pytest.raises(AttributeError, match=f"no attribute '{method}'") as caught:
        getattr(sm.Pipeline([X, Y], output), method)

    assert caught.value.__cause__ is not None
    with pytest.raises(AttributeError, match=reason):
        raise caught.value.__cause__
