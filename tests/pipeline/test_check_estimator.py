"""sklearn's own battery, over graphs with every kind of output."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone, is_classifier, is_outlier_detector, is_regressor
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.utils.estimator_checks import check_estimator

import skmegatron as sm
from skmegatron.layers import Concatenate, Flatten, Lambda, Sklearn, Whiten

N_TREES = 5


def chained(*estimators):
    """Draw what make_pipeline(*estimators) says."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    node = X
    for estimator in estimators[:-1]:
        node = Sklearn(estimator)(node)
    last = estimators[-1]
    if is_classifier(last) or is_regressor(last):
        return sm.Pipeline([X, y], Sklearn(last)(node, y=y))
    return sm.Pipeline(X, Sklearn(last)(node))


def of_layer(layer):
    X = sm.Input("X", shape=(None,))
    return sm.Pipeline(X, layer(X))


def two_branches(*estimator):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    both = Concatenate()([Sklearn(PCA(1))(X), Whiten()(X)])
    if not estimator:
        return sm.Pipeline(X, both)
    return sm.Pipeline([X, y], Sklearn(*estimator)(both, y=y))


def selected():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    return sm.Pipeline([X, y], Sklearn(SelectKBest(k=1))(X, y=y))


def out_of_fold():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    first = Sklearn(Ridge(), cv=2)(X, y=y)
    return sm.Pipeline([X, y], Sklearn(LinearRegression())([X, first], y=y))


def in_units_of_target(target_layer, *estimators):
    """Fit on a transformed target, and answer in its own units."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    transformed = target_layer(y)
    node = X
    for estimator in estimators[:-1]:
        node = Sklearn(estimator)(node)
    return sm.Pipeline([X, y], transformed.inverse(Sklearn(estimators[-1])(node, y=transformed)))


def trees():
    return RandomForestClassifier(N_TREES, random_state=0)


GRAPHS = {
    "transformer": chained(StandardScaler()),
    "decomposition": chained(PCA(1)),
    "two_transformers": chained(SimpleImputer(), StandardScaler()),
    "sparse_transformer": chained(MaxAbsScaler(), TruncatedSVD(1)),
    "supervised_transformer": selected(),
    "switched_off": chained(StandardScaler(), PCA(1)).set_params(pca="passthrough"),
    "whiten": of_layer(Whiten()),
    "two_branches": two_branches(),
    "classifier": chained(StandardScaler(), LogisticRegression()),
    "classifier_on_two_branches": two_branches(LogisticRegression()),
    "classifier_without_probabilities": chained(MinMaxScaler(), SVC()),
    "multioutput_classifier": chained(PCA(1), trees()),
    "streamed_classifier": chained(SGDClassifier(random_state=0)),
    "positive_only_classifier": chained(MultinomialNB()),
    "nested": chained(chained(StandardScaler(), MinMaxScaler()), LogisticRegression()),
    "around_a_sklearn_pipeline": chained(make_pipeline(StandardScaler(), LogisticRegression())),
    "regressor": chained(StandardScaler(), Ridge()),
    "regressor_on_polynomials": chained(PolynomialFeatures(2), Ridge()),
    "out_of_fold": out_of_fold(),
    "clusterer": chained(StandardScaler(), KMeans(2, n_init=1, random_state=0)),
    "clusterer_without_predict": chained(DBSCAN()),
    "outlier_detector": chained(
        StandardScaler(), IsolationForest(n_estimators=N_TREES, random_state=0)
    ),
    "novelty_detector": chained(OneClassSVM()),
    "local_outlier_detector": chained(LocalOutlierFactor(n_neighbors=5)),
    "scaled_target": in_units_of_target(Sklearn(StandardScaler()), StandardScaler(), SVR()),
    "whitened_target": in_units_of_target(Whiten(), Ridge()),
    "quantiles_of_target": in_units_of_target(
        Sklearn(QuantileTransformer(n_quantiles=5)), LinearRegression()
    ),
    "encoded_target": in_units_of_target(
        Sklearn(LabelEncoder()), StandardScaler(), LogisticRegression()
    ),
}
#: One graph of each kind, for the runs under another setting.
KINDS = [
    "transformer",
    "whiten",
    "two_branches",
    "classifier",
    "regressor",
    "clusterer",
    "outlier_detector",
    "scaled_target",
    "encoded_target",
]
# Skipped by sklearn itself: it wants SCIPY_ARRAY_API=1 set before scipy is imported (see the
# last tests), and a decision_function where there are only probabilities.
SKIPPED = {"check_array_api_input", "check_classifiers_multilabel_output_format_decision_function"}


def failures(pipeline):
    """Run the battery; give what did not pass, as lines to read."""
    results = check_estimator(pipeline, on_skip=None, on_fail=None)
    assert len(results) > 40
    return [
        f"{result['check_name']}: {result['exception']!r}"
        for result in results
        if result["status"] != "passed" and result["check_name"] not in SKIPPED
    ]


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_passes_the_battery_of_sklearn(name):
    assert failures(GRAPHS[name]) == []


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("name", KINDS)
def test_a_graph_passes_the_battery_when_it_gives_dataframes(name, container):
    pipeline = clone(GRAPHS[name]).set_output(transform=container)

    assert failures(pipeline) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_graph_passes_the_battery_with_metadata_routing(name):
    with sklearn.config_context(enable_metadata_routing=True):
        assert failures(GRAPHS[name]) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_fitted_graph_passes_the_battery(name):
    X, y = load_iris(return_X_y=True)

    assert failures(clone(GRAPHS[name]).fit(X[:30], y[60:90])) == []
