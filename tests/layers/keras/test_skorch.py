"""Networks of PyTorch, wrapped by skorch, are estimators like any other."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

import skmegatron as sm
from skmegatron.layers import Sklearn

torch = pytest.importorskip("torch")
skorch = pytest.importorskip("skorch")


class Convolved(torch.nn.Module):
    """Tell images of 6 x 6 apart."""

    def __init__(self, n_filters=4):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, n_filters, 3),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(n_filters * 16, 2),
        )

    def forward(self, X):
        return self.layers(X)


# What a step reads is read-only, so that it changes nothing for others; torch remarks on it once.
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
def test_a_network_of_skorch_takes_images():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(60, 1, 6, 6)).astype(np.float32)
    labels = (images[:, 0, :3].sum(axis=(1, 2)) > 0).astype(np.int64)
    net = skorch.NeuralNetClassifier(
        Convolved, criterion=torch.nn.CrossEntropyLoss, max_epochs=60, lr=0.2, verbose=0
    )
    x, y = sm.Input("x", shape=(1, 6, 6)), sm.Target("y")
    halved = sm.layers.Cast(np.float32)(sm.layers.ScalarMultiply(0.5)(x))
    pipe = sm.Pipeline([x, y], Sklearn(net)(halved, "net", y=y))

    torch.manual_seed(0)
    pipe.fit(images, labels)

    torch.manual_seed(0)
    by_hand = net.fit(images / 2, labels)
    assert_array_equal(pipe.predict(images), by_hand.predict(images / 2))
    assert_allclose(pipe.predict_proba(images), by_hand.predict_proba(images / 2))
    assert pipe.score(images, labels) > 0.8
    assert_array_equal(pickle.loads(pickle.dumps(pipe)).predict(images), pipe.predict(images))
    search = GridSearchCV(pipe, {"net__module__n_filters": [1, 2]}, cv=2).fit(images, labels)
    assert search.best_estimator_.predict(images).shape == (60,)
