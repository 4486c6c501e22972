"""Saved pipelines and data for the command line, and ways to call it."""

import io
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.cli.entry import main


@dataclass
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys, monkeypatch):
    """Call the command line in this process."""

    def call(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return call


@pytest.fixture
def flowers():
    table = load_iris(as_frame=True).frame.rename(columns={"target": "species"})
    table.insert(0, "id", [f"{number:03}" for number in range(len(table))])
    return table.sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.fixture
def features(flowers):
    return flowers.drop(columns=["id", "species"])


@pytest.fixture
def csv(flowers, tmp_path):
    path = tmp_path / "flowers.csv"
    flowers.to_csv(path, index=False)
    return path


@pytest.fixture
def parquet(flowers, tmp_path):
    path = tmp_path / "flowers.parquet"
    flowers.to_parquet(path)
    return path


def drawn(**options):
    X, y = sm.Input("X", shape=(None,)), sm.Target("species")
    scaled = sm.layers.Sklearn(StandardScaler())(X, "scaled")
    guess = sm.layers.Sklearn(LogisticRegression())(scaled, "guess", y=y)
    return sm.Pipeline([X, y], guess, name="iris", version="1", **options)


@pytest.fixture
def classifier(features, flowers):
    return drawn().fit(features, flowers["species"])


@pytest.fixture
def saved(classifier, tmp_path):
    return classifier.save(tmp_path)


@pytest.fixture
def scaler(features):
    X = sm.Input("X", shape=(None,))
    scaled = sm.layers.Sklearn(StandardScaler())(X, "scaled")
    return sm.Pipeline(X, scaled, name="scaler", version="1").fit(features)


@pytest.fixture
def clusters(features):
    X = sm.Input("X", shape=(None,))
    found = sm.layers.Sklearn(KMeans(3, random_state=0))(X, "clusters")
    return sm.Pipeline(X, found, name="clusters").fit(features)


@pytest.fixture
def by_name(tmp_path):
    """A pipeline of columns by name, with several outputs and nothing to fit."""
    a, b = sm.Input("a"), sm.Input("b")
    both = sm.layers.Concatenate()([a, b], "both")
    return sm.Pipeline([a, b], [sm.layers.ScalarMultiply(2)(a, "twice"), both], name="named").save(
        tmp_path
    )


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers.csv"
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"b": rng.normal(size=50), "a": rng.normal(size=50), "k": range(50)})
    table.to_csv(path, index=False)
    return path
