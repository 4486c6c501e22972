"""sklearn's own battery, over graphs with every kind of output."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_iris
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
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

import skmegatron as sm
from skmegatron.layers import Concatenate, Sklearn, Whiten

N_TREES = 5
_X, _y = load_iris(return_X_y=True)
#: Rows of all classes, few of them.
IRIS = _X[::3], _y[::3]


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
    "clusterer": chained(StandardScaler(), KMeans(2, n_init=1, random_state=0)),
    "clusterer_without_predict": chained(DBSCAN()),
    "outlier_detector": chained(
        StandardScaler(), IsolationForest(n_estimators=N_TREES, random_state=0)
    ),
    "novelty_detector": chained(OneClassSVM()),
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


def failures(pipeline, **options):
    """Run the battery; give what did not pass, as lines to read."""
    results = check_estimator(pipeline, on_skip=None, on_fail=None, **options)
    assert len(results) > 40
    return [
        f"{result['check_name']}: {result['exception']!r} <- {result['exception'].__cause__!r}"
        for result in results
        if result["status"] != "passed" and result["check_name"] not in SKIPPED
    ]


# PolynomialFeatures says so itself about the dok matrices among the sparse ones.
@pytest.mark.filterwarnings("ignore:Can't check dok sparse matrix:UserWarning")
@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_passes_the_battery_of_sklearn(name):
    assert failures(GRAPHS[name]) == []


# LocalOutlierFactor says so itself about the handful of rows in some checks, and about the
# nearly empty rows of the sparse ones.
@pytest.mark.filterwarnings("ignore:n_neighbors .* is greater than:UserWarning")
@pytest.mark.filterwarnings("ignore:Duplicate values are leading:UserWarning")
@pytest.mark.parametrize("novelty", [False, True])
def test_a_graph_of_local_outlier_factors_passes_the_battery(novelty):
    assert failures(chained(LocalOutlierFactor(n_neighbors=5, novelty=novelty))) == []


def test_an_out_of_fold_graph_fails_only_where_fit_transform_is_to_equal_transform():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    first = Sklearn(Ridge(), cv=2)(X, y=y)
    pipeline = sm.Pipeline([X, y], Sklearn(LinearRegression())([X, first], y=y))

    failed = failures(pipeline)

    assert failed
    assert all("fit_transform and transform outcomes not consistent" in line for line in failed)


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("name", KINDS)
def test_a_graph_passes_the_battery_when_it_gives_dataframes(name, container):
    assert failures(clone(GRAPHS[name]).set_output(transform=container)) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_graph_passes_the_battery_with_metadata_routing(name):
    with sklearn.config_context(enable_metadata_routing=True):
        assert failures(GRAPHS[name]) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_fitted_graph_passes_the_battery(name):
    assert failures(clone(GRAPHS[name]).fit(*IRIS)) == []


ANSWERS = ("transform", "predict", "predict_proba", "decision_function")


def answers(pipeline, X, y):
    """Fit a clone and give everything it answers for the same rows."""
    fitted = clone(pipeline).fit(X, y)
    if not any(hasattr(fitted, method) for method in ANSWERS):
        return {"fit_predict": clone(pipeline).fit_predict(X, y)}
    return {
        method: plain(getattr(fitted, method)(X)) for method in ANSWERS if hasattr(fitted, method)
    }


def plain(array):
    """Make numbers of what came out: feature selection hands objects and sparse on."""
    return np.asarray(array.toarray() if sparse.issparse(array) else array, dtype=float)


def assert_same_answers(given, expected, **tolerance):
    assert list(given) == list(expected)
    for method, values in expected.items():
        assert_allclose(given[method], values, err_msg=method, **tolerance)


@pytest.mark.parametrize("name", GRAPHS)
def test_float32_gives_the_answers_of_float64(name):
    X, y = IRIS
    X = X.astype(np.float32)

    in_single, in_double = (answers(GRAPHS[name], X.astype(t), y) for t in ("f4", "f8"))

    assert_same_answers(in_single, in_double, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "spelling", [lambda X: X.astype(object), np.asfortranarray, np.ndarray.tolist]
)
@pytest.mark.parametrize("name", GRAPHS)
def test_objects_lists_and_fortran_order_give_the_answers_of_the_plain_array(name, spelling):
    X, y = IRIS

    assert_same_answers(
        answers(GRAPHS[name], spelling(X), y), answers(GRAPHS[name], X, y), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("name", GRAPHS)
def test_dataframes_give_the_answers_of_the_plain_array(name, library):
    X, y = IRIS
    frame = library({f"c{place}": column for place, column in enumerate(X.T)})

    assert_same_answers(answers(GRAPHS[name], frame, y), answers(GRAPHS[name], X, y), rtol=1e-6)


def takes_sparse(pipeline):
    return get_tags(pipeline).input_tags.sparse


# Estimators that sklearn fits in another way on sparse data: another solver, another decay of
# the intercept, distances rounded otherwise at the edge of a cluster.
SPARSE_IS_ANOTHER_FIT = {
    "regressor_on_polynomials",
    "streamed_classifier",
    "clusterer_without_predict",
}


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize(
    "name", [n for n in GRAPHS if takes_sparse(GRAPHS[n]) and n not in SPARSE_IS_ANOTHER_FIT]
)
def test_sparse_gives_the_answers_of_dense_where_the_tags_say_so(name, container):
    X, y = IRIS
    X = np.where(X > 1, X, 0)

    assert_same_answers(
        answers(GRAPHS[name], container(X), y), answers(GRAPHS[name], X, y), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("name", sorted(SPARSE_IS_ANOTHER_FIT))
def test_sparse_gives_the_answers_of_the_sklearn_spelling_on_sparse(name, container):
    X, y = IRIS
    X = container(np.where(X > 1, X, 0))
    spelled = make_pipeline(*(step.layer.wrapped for step in GRAPHS[name].graph.steps))

    given, expected = answers(GRAPHS[name], X, y), answers(spelled, X, y)

    for method, values in expected.items():
        assert_allclose(given[method], values, err_msg=method)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("name", [name for name in GRAPHS if not takes_sparse(GRAPHS[name])])
def test_sparse_is_refused_in_words_where_the_tags_say_so(name, container):
    X, y = IRIS

    with pytest.raises((TypeError, ValueError), match=r"(?i)sparse"):
        clone(GRAPHS[name]).fit(container(X), y)


def test_the_sample_covers_graphs_that_take_sparse_and_graphs_that_refuse_it():
    assert takes_sparse(GRAPHS["sparse_transformer"])
    assert not takes_sparse(GRAPHS["whiten"])


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_a_sparse_container_comes_out_as_it_went_in(container):
    X, _ = IRIS

    assert type(chained(MaxAbsScaler()).fit_transform(container(X))) is type(
        MaxAbsScaler().fit_transform(container(X))
    )


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_single_columns_of_sparse_data_are_made_dense(container):
    X, y = IRIS
    columns = [sm.Input(f"c{place}") for place in range(4)]
    label = sm.Target("y")
    both = Concatenate()([Whiten()(columns[0] + columns[1]), *columns[2:]])
    pipeline = sm.Pipeline([*columns, label], Sklearn(LogisticRegression())(both, y=label))

    assert_same_answers(answers(pipeline, container(X), y), answers(pipeline, X, y))


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_graph_keeps_the_precision_that_its_tags_promise(name, dtype):
    X, y = IRIS
    promised = get_tags(GRAPHS[name]).transformer_tags.preserves_dtype

    given = clone(GRAPHS[name]).fit_transform(X.astype(dtype), y).dtype

    assert given == dtype or dtype not in promised


# SCIPY_ARRAY_API must be set before scipy is imported, hence another process.
BATTERY = """
import sys, joblib
from sklearn.utils.estimator_checks import check_estimator
for result in check_estimator(joblib.load(sys.argv[1]), on_skip=None, on_fail=None):
    print(result["check_name"], result["status"], repr(result["exception"]), sep=chr(9))
"""


@pytest.mark.parametrize("name", ["two_branches", "encoded_target"])
def test_a_graph_passes_the_battery_with_the_array_api_switched_on(name, tmp_path):
    path = tmp_path / "pipeline.pkl"
    joblib.dump(GRAPHS[name], path)

    done = subprocess.run(
        [sys.executable, "-c", BATTERY, path],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        cwd=Path(sm.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )

    results = [line.split("\t") for line in done.stdout.splitlines()]
    assert ["check_array_api_input", "passed", "None"] in results, done.stderr
    assert [line for line in results if line[1] != "passed"] == []
