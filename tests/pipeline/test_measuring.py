"""Metrics and explorers over whole data and over batches."""

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import skmegatron as sm
from skmegatron.layers import Describe, Explorer, OneHotLabels, Sklearn

DATA, LABELS = load_iris(return_X_y=True, as_frame=True)


def flowers():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    guess = Sklearn(LogisticRegression(max_iter=1000))(X, "guess", y=y)
    sm.metrics.Accuracy()([y, guess], "acc")
    Describe()(X, "look")
    return sm.Pipeline([X, y], guess).fit(DATA, LABELS)


def batches(*cuts):
    ends = [0, *cuts, len(DATA)]
    for start, end in itertools.pairwise(ends):
        yield DATA.iloc[start:end], LABELS.iloc[start:end]


def test_evaluate_generator_gives_the_metrics_of_each_batch():
    pipe = flowers()

    results = list(pipe.evaluate_generator(batches(50, 80)))

    expected = [pipe.evaluate(X, y) for X, y in batches(50, 80)]
    assert results == expected
    assert len(results) == 3


def test_evaluate_generator_takes_as_many_batches_as_asked():
    source = batches(50, 80)

    results = list(flowers().evaluate_generator(source, steps=2))

    assert len(results) == 2
    assert len(next(source)[0]) == 70  # the third batch was not touched


def test_explore_generator_describes_the_stream_as_the_whole():
    pipe = flowers()

    streamed = pipe.explore_generator((X for X, _ in batches(7, 60)))["look"]

    pd.testing.assert_frame_equal(streamed, pipe.explore(DATA)["look"])


def test_explore_names_the_columns_as_the_data_does():
    assert list(flowers().explore(DATA)["look"].index) == list(DATA.columns)


def test_explore_generator_runs_functions_too():
    x = sm.Input("x")
    Explorer(np.max)(x, "largest")
    pipe = sm.Pipeline(x, x * 2)

    assert pipe.explore_generator([{"x": [1.0, 5.0]}, {"x": [3.0]}]) == {"largest": 5.0}


def test_an_explorer_over_no_batches_says_so():
    with pytest.raises(ValueError, match="no batch came"):
        flowers().explore_generator([])


def test_a_metric_finds_labels_that_only_it_reads():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    guess = Sklearn(LogisticRegression(max_iter=1000), method="predict_proba")(X, y=y)
    sm.metrics.Accuracy()([OneHotLabels()(y), guess], "acc")
    pipe = sm.Pipeline([X, y], guess).fit(DATA, LABELS)

    expected = LogisticRegression(max_iter=1000).fit(DATA, LABELS).score(DATA, LABELS)
    assert_allclose(pipe.evaluate(DATA, LABELS)["acc"], expected)


def test_measuring_changes_nothing_that_was_learned():
    pipe = flowers()
    before = dict(vars(pipe))

    pipe.evaluate(DATA, LABELS)
    pipe.explore(DATA)

    assert vars(pipe) == before
