"""Estimators of scikit-learn and others as layers."""

import copy
import pickle
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans, MiniBatchKMeans
from sklearn.cross_decomposition import PLSCanonical, PLSRegression
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectFpr
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.manifold import TSNE
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    LabelBinarizer,
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    MultiLabelBinarizer,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

import skmegatron as sm
from skmegatron.errors import NodeTypeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.numeric import ScalarMultiply, Whiten

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
Y = (X[:, 0] + 0.5 * rng.normal(size=30) > 0).astype(int)
GROUPS = np.arange(30) // 5
WEIGHT = rng.uniform(0.1, 3, size=30)
TEXT = np.array(["red apple", "green pear", "red plum", "yellow pear", "green apple"] * 6)
COLOURS = np.array(["red", "green", "blue"] * 10)


def table(name="X"):
    return sm.Input(name, shape=(None,))


def dense(value):
    return value.toarray() if sparse.issparse(value) else np.asarray(value)


# What gives the value


@pytest.mark.parametrize("estimator", [StandardScaler(), PCA(2), TruncatedSVD(2, random_state=0)])
def test_the_value_is_transform_where_there_is_one(estimator):
    assert_allclose(Sklearn(estimator).fit_transform(X), clone(estimator).fit_transform(X))


def test_transform_comes_before_predict():
    layer = Sklearn(KMeans(3, random_state=0, n_init=1))

    assert layer.fit_transform(X).shape == (30, 3)
    assert layer.resolved_method == "transform"
    assert Sklearn(LinearDiscriminantAnalysis()).resolved_method == "transform"


def test_the_value_is_predict_where_there_is_no_transform():
    expected = LogisticRegression().fit(X, Y).predict(X)

    assert_array_equal(Sklearn(LogisticRegression()).fit_transform(X, y=Y), expected)
    assert_array_equal(Sklearn(LogisticRegression()).fit(X, y=Y).transform(X), expected)


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (LogisticRegression(), "predict_proba"),
        (LogisticRegression(), "decision_function"),
        (KMeans(3, random_state=0, n_init=1), "predict"),
        (DecisionTreeClassifier(random_state=0), "apply"),
        (KernelDensity(), "score_samples"),
    ],
)
def test_the_value_is_what_the_method_asked_for_gives(estimator, method):
    layer = Sklearn(estimator, method=method)
    expected = getattr(clone(estimator).fit(X, Y), method)(X)

    assert_allclose(layer.fit_transform(X, y=Y), expected)
    assert_allclose(layer.fit(X, y=Y).transform(X), expected)


def test_an_estimator_that_gives_no_value_asks_for_a_method():
    words = r"KernelDensity\(\) has neither transform nor predict.*method=\.\.\."
    with pytest.raises(TypeError, match=words):
        Sklearn(KernelDensity()).fit_transform(X)


@pytest.mark.parametrize("method", ["predict_probs", "transform"])
def test_a_method_that_the_estimator_lacks_is_refused_by_name(method):
    with pytest.raises(TypeError, match=f"LogisticRegression.*{method}"):
        Sklearn(LogisticRegression(), method=method).fit_transform(X, y=Y)


# One-dimensional input


@pytest.mark.parametrize("estimator", [StandardScaler(), PCA(1), OneHotEncoder()])
def test_a_plain_array_becomes_a_column(estimator):
    column = X[:, 0].round()
    expected = clone(estimator).fit_transform(column.reshape(-1, 1))

    assert_allclose(dense(Sklearn(estimator).fit_transform(column)), dense(expected))
    assert_allclose(dense(Sklearn(estimator).fit(column).transform(column)), dense(expected))


@pytest.mark.parametrize("column", [[1.0, 2.0, 3.0], pd.Series([1.0, 2.0, 3.0])])
def test_a_list_or_series_becomes_a_column_too(column):
    assert_array_equal(Sklearn(MinMaxScaler()).fit_transform(column), [[0], [0.5], [1]])


@pytest.mark.parametrize(
    ("estimator", "values"),
    [
        (CountVectorizer(), TEXT),
        (TfidfVectorizer(), TEXT.astype(object)),
        (HashingVectorizer(n_features=16), TEXT),
        (make_pipeline(CountVectorizer(), TruncatedSVD(2, random_state=0)), TEXT),
        (make_pipeline(make_pipeline(TfidfVectorizer()), "passthrough"), TEXT),
        (make_union(CountVectorizer(), TfidfVectorizer()), TEXT),
        (make_pipeline(make_union(CountVectorizer(), TfidfVectorizer()), MaxAbsScaler()), TEXT),
        (LabelEncoder(), COLOURS),
        (LabelBinarizer(), COLOURS),
        (DictVectorizer(), np.array([{"a": 1.0}, {"b": 2.0}])),
        (MultiLabelBinarizer(), np.array([{"a"}, {"a", "b"}])),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_an_estimator_of_plain_values_gets_them_plain(estimator, values):
    expected = dense(clone(estimator).fit_transform(values))

    assert_allclose(dense(Sklearn(estimator).fit_transform(values)), expected)
    assert_allclose(dense(Sklearn(estimator).fit(values).transform(values)), expected)


def test_isotonic_regression_takes_its_one_column_plain_or_as_a_table():
    plain = Sklearn(IsotonicRegression()).fit_transform(X[:, 0], y=X[:, 1])

    assert_allclose(plain, IsotonicRegression().fit_transform(X[:, 0], X[:, 1]))
    assert_allclose(Sklearn(IsotonicRegression()).fit_transform(X[:, :1], y=X[:, 1]), plain)


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        GridSearchCV(make_pipeline(TfidfVectorizer(), LogisticRegression()), {}, cv=2),
        FrozenEstimator(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXT, Y)),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_model_of_text_gets_its_text_plain(estimator):
    expected = clone(estimator).fit(TEXT, Y).predict(TEXT)

    assert_array_equal(Sklearn(estimator).fit_transform(TEXT, y=Y), expected)


def test_a_search_over_a_vectorizer_learns_its_parameters():
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    search = GridSearchCV(model, {"countvectorizer__ngram_range": [(1, 1), (1, 2)]}, cv=2)
    text, y = sm.Input("text"), sm.Target("y")

    pipe = sm.Pipeline([text, y], Sklearn(search)(text, y=y)).fit(TEXT, Y)

    assert set(pipe.steps_["gridsearchcv"].best_params_) == {"countvectorizer__ngram_range"}


# Several nodes


@settings(deadline=None, max_examples=25)
@given(
    hnp.arrays(np.float64, (6, 4), elements=st.integers(-8, 8).map(float)),
    st.lists(st.integers(1, 3), unique=True, max_size=3).map(sorted),
)
def test_several_arrays_are_the_columns_of_one_table(whole, cuts):
    blocks = np.split(whole, cuts, axis=1)
    expected = StandardScaler().fit_transform(whole)

    assert_allclose(Sklearn(StandardScaler()).fit_transform(*blocks), expected)
    assert_allclose(Sklearn(StandardScaler()).fit(*blocks).transform(*blocks), expected)


def test_plain_arrays_among_several_become_columns():
    layer = Sklearn(StandardScaler())

    assert_allclose(layer.fit_transform(X[:, 0], X[:, 1:]), StandardScaler().fit_transform(X))


def test_sparse_and_dense_nodes_reach_the_estimator_as_one_sparse_table():
    words = CountVectorizer().fit_transform(TEXT)
    expected = LogisticRegression().fit(sparse.hstack([words, X]), Y)

    layer = Sklearn(LogisticRegression()).fit(words, X, y=Y)

    assert_allclose(layer.coef_, expected.coef_, atol=1e-6)
    assert_array_equal(layer.transform(words, X), expected.predict(sparse.hstack([words, X])))


def test_text_and_numbers_reach_the_estimator_unchanged():
    layer = Sklearn(OneHotEncoder(sparse_output=False)).fit(COLOURS, Y)

    assert [list(found) for found in layer.categories_] == [["blue", "green", "red"], [0, 1]]
    assert all(isinstance(value, int | np.integer) for value in layer.categories_[1])


def test_frames_reach_the_estimator_as_one_frame_with_its_names():
    left, right = pd.DataFrame({"a": X[:, 0]}), pd.DataFrame({"b": X[:, 1]})

    assert list(Sklearn(StandardScaler()).fit(left, right).feature_names_in_) == ["a", "b"]


# Labels


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LinearRegression(),
        SelectFpr(),
        TargetEncoder(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {}, cv=2),
        PLSRegression(1),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_the_last_node_is_the_labels_where_the_estimator_needs_them(estimator):
    a, b, label = table("a"), sm.Input("b"), sm.Target("label")

    node = Sklearn(estimator)([a, b, label])

    assert node.inbound_nodes == (a, b)
    assert node.step.fit_only == {"y": label}


def test_the_spelling_of_the_manual_fits_as_the_keyword_does():
    x, y = table(), sm.Target("y")
    old = sm.Pipeline([x, y], Sklearn(LogisticRegression())([x, y])).fit(X, Y)
    new = sm.Pipeline([x, y], Sklearn(LogisticRegression())(x, y=y)).fit(X, Y)

    assert_array_equal(old.predict_proba(X), new.predict_proba(X))


@pytest.mark.parametrize(
    "estimator", [PCA(2), StandardScaler(), KMeans(2), DBSCAN(), "passthrough"]
)
def test_every_node_is_a_column_where_the_estimator_needs_no_labels(estimator):
    a, b = sm.Input("a"), sm.Input("b")

    node = Sklearn(estimator)([a, b])

    assert node.inbound_nodes == (a, b)
    assert node.step.fit_only == {}


def test_every_node_is_a_column_where_the_labels_are_given_by_keyword():
    a, b, label = sm.Input("a"), sm.Input("b"), sm.Target("label")

    assert Sklearn(LogisticRegression())([a, b], y=label).inbound_nodes == (a, b)


def test_a_frozen_model_takes_no_labels():
    a, b = sm.Input("a"), sm.Input("b")
    frozen = FrozenEstimator(LogisticRegression().fit(X[:, :2], Y))

    assert Sklearn(frozen)([a, b]).inbound_nodes == (a, b)


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (LogisticRegression(), "fit"),
        (LinearRegression(), "fit_transform"),
        (SelectFpr(), "fit_transform"),
        (SGDClassifier(), "partial_fit"),
    ],
)
def test_missing_labels_are_told_with_what_to_write(estimator, method):
    name = type(estimator).__name__

    with pytest.raises(ValueError, match=rf"{name} requires y .*Sklearn\({name}\(\)\)\(node, y="):
        getattr(Sklearn(estimator), method)(X)


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {}, cv=2),
        PLSRegression(1),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_missing_labels_are_told_for_nested_estimators_too(estimator):
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        Sklearn(estimator).fit(X)


def test_labels_of_an_unsupervised_step_do_no_harm():
    assert_allclose(Sklearn(PCA(2)).fit_transform(X, y=Y), PCA(2).fit_transform(X))


# Weights and other keywords


def test_sample_weight_reaches_fit():
    layer = Sklearn(LinearRegression()).fit(X, y=Y, sample_weight=WEIGHT)

    assert_allclose(layer.coef_, LinearRegression().fit(X, Y, WEIGHT).coef_)


def test_sample_weight_reaches_fit_transform():
    expected = StandardScaler().fit(X, sample_weight=WEIGHT).transform(X)

    assert_allclose(Sklearn(StandardScaler()).fit_transform(X, sample_weight=WEIGHT), expected)


def test_keywords_of_a_nested_step_are_passed_as_sklearn_spells_them():
    x, y, weight = table(), sm.Target("y"), sm.Input("weight")
    model = make_pipeline(StandardScaler(), LogisticRegression())
    keyword = {"logisticregression__sample_weight": weight}
    pipe = sm.Pipeline([x, y, weight], Sklearn(model)(x, y=y, **keyword))

    pipe.fit(X, Y, weight=WEIGHT)

    expected = clone(model).fit(X, Y, logisticregression__sample_weight=WEIGHT)
    assert_allclose(pipe.predict_proba(X), expected.predict_proba(X))


def test_groups_reach_a_search_that_splits_by_them():
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=GroupKFold(3))
    expected = clone(search).fit(X, Y, groups=GROUPS)

    layer = Sklearn(search).fit(X, y=Y, groups=GROUPS)

    assert_allclose(layer.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])


def test_a_keyword_that_fit_does_not_take_is_the_estimators_own_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Sklearn(PCA(2)).fit(X, colour=Y)


# Out of fold


@pytest.mark.parametrize(
    ("estimator", "y", "cv"),
    [
        (LogisticRegression(), Y, 3),
        (LogisticRegression(), Y, StratifiedKFold(2)),
        (GaussianNB(), Y, KFold(4)),
        (LinearRegression(), X[:, 0] ** 2, 3),
        (LinearRegression(), X[:, 0] ** 2, list(KFold(3).split(X))),
        (PLSRegression(1), X[:, :2], KFold(3, shuffle=True, random_state=0)),
    ],
)
def test_out_of_fold_values_are_those_of_cross_val_predict(estimator, y, cv):
    value = Sklearn(estimator, method="predict", cv=cv).fit_transform(X, y=y)

    assert_allclose(value, cross_val_predict(estimator, X, y, cv=cv))


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "predict_log_proba"])
def test_out_of_fold_values_come_from_the_method_asked_for(method):
    value = Sklearn(LogisticRegression(), method=method, cv=3).fit_transform(X, y=Y)

    assert_allclose(value, cross_val_predict(LogisticRegression(), X, Y, cv=3, method=method))


def test_out_of_fold_text_stays_plain():
    model = make_pipeline(CountVectorizer(), LogisticRegression())

    value = Sklearn(model, cv=3).fit_transform(TEXT, y=Y)

    assert_array_equal(value, cross_val_predict(model, TEXT, Y, cv=3))


def test_out_of_fold_takes_groups():
    value = Sklearn(LogisticRegression(), cv=GroupKFold(3)).fit_transform(X, y=Y, groups=GROUPS)

    expected = cross_val_predict(LogisticRegression(), X, Y, groups=GROUPS, cv=GroupKFold(3))
    assert_array_equal(value, expected)


def test_groups_are_only_for_splitting_when_the_step_is_fitted_without_its_value():
    layer = Sklearn(LogisticRegression(), cv=GroupKFold(3)).fit(X, y=Y, groups=GROUPS)

    assert_allclose(layer.coef_, LogisticRegression().fit(X, Y).coef_)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("at_the_end", [True, False])
def test_out_of_fold_takes_groups_in_a_pipeline(method, at_the_end):
    x, y, groups = table(), sm.Target("y"), sm.Input("groups")
    output = Sklearn(LogisticRegression(), cv=GroupKFold(3))(x, y=y, groups=groups)
    if not at_the_end:
        output = ScalarMultiply(2)(output)
    pipe = sm.Pipeline([x, y, groups], output)

    getattr(pipe, method)(X, Y, groups=GROUPS)

    expected = LogisticRegression().fit(X, Y)
    assert_allclose(pipe.steps_["logisticregression"].coef_, expected.coef_)


def test_out_of_fold_passes_weights_to_every_fold():
    value = Sklearn(LinearRegression(), cv=3).fit_transform(X, y=Y, sample_weight=WEIGHT)

    weights = {"sample_weight": WEIGHT}
    assert_allclose(value, cross_val_predict(LinearRegression(), X, Y, cv=3, params=weights))


def test_after_out_of_fold_the_estimator_fitted_on_everything_serves():
    layer = Sklearn(LogisticRegression(), cv=3, method="predict_proba")
    layer.fit_transform(X, y=Y)

    assert_allclose(layer.transform(X), LogisticRegression().fit(X, Y).predict_proba(X))


def test_the_nodes_below_learn_from_out_of_fold_values():
    x, y = table(), sm.Target("y")
    first = Sklearn(DecisionTreeClassifier(random_state=0), method="predict_proba", cv=3)(x, y=y)
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression(), method="predict_proba")(first, y=y))
    tree = DecisionTreeClassifier(random_state=0)

    pipe.fit(X, Y)

    unseen = cross_val_predict(tree, X, Y, cv=3, method="predict_proba")
    final = LogisticRegression().fit(unseen, Y)
    assert_allclose(
        pipe.transform(X), final.predict_proba(tree.fit(X, Y).predict_proba(X)), rtol=1e-6
    )


# Estimators that give more while fitting


def test_fit_transform_of_the_estimator_is_used_where_it_offers_one():
    categories = COLOURS.reshape(-1, 1)
    target = X[:, 0] + (COLOURS == "red")
    encoder = TargetEncoder(cv=KFold(3))
    as_if_unseen = clone(encoder).fit(categories, target).transform(categories)

    cross_fitted = Sklearn(encoder).fit_transform(categories, y=target)

    assert_allclose(cross_fitted, clone(encoder).fit_transform(categories, target))
    assert not np.allclose(cross_fitted, as_if_unseen)


def test_fit_transform_of_the_estimator_is_used_in_a_pipeline():
    colour, y = sm.Input("colour"), sm.Target("y")
    encoded = Sklearn(TargetEncoder(cv=KFold(3)))(colour, y=y)
    pipe = sm.Pipeline([colour, y], Sklearn(LinearRegression())(encoded, y=y))
    target = X[:, 0] + (COLOURS == "red")

    pipe.fit({"colour": COLOURS}, target)

    model = make_pipeline(TargetEncoder(cv=KFold(3)), LinearRegression())
    expected = model.fit(COLOURS.reshape(-1, 1), target).predict(COLOURS.reshape(-1, 1))
    assert_allclose(pipe.predict({"colour": COLOURS}), expected)


def test_an_estimator_with_fit_transform_only_gives_its_value_while_fitting():
    few = X[:10]
    tsne = TSNE(perplexity=3, max_iter=250, method="exact", init="random", random_state=0)

    layer = Sklearn(tsne)

    assert_allclose(layer.fit_transform(few), clone(tsne).fit_transform(few))
    assert not layer.can_transform


@pytest.mark.parametrize(
    "estimator",
    [DBSCAN(eps=0.8), AgglomerativeClustering(3), LocalOutlierFactor()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_estimator_with_fit_predict_only_gives_its_labels_while_fitting(estimator):
    expected = clone(estimator).fit_predict(X)
    x = table()
    pipe = sm.Pipeline(x, Sklearn(estimator)(x))

    assert_array_equal(Sklearn(estimator).fit_transform(X), expected)
    assert_array_equal(Sklearn(estimator).fit_predict(X), expected)
    assert_array_equal(pipe.fit_predict(X), expected)
    assert_array_equal(Sklearn(estimator)(table()(X)).output, expected)


def test_what_can_only_label_what_it_learns_from_says_so():
    layer = Sklearn(DBSCAN()).fit(X)

    words = r"DBSCAN has no predict.*new data \(\(30, 3\) float64\).*fit_predict"
    with pytest.raises(AttributeError, match=words):
        layer.transform(X)


def test_transform_never_fits_again():
    layer = Sklearn(KMeans(2, random_state=0, n_init=1), method="fit_predict").fit(X)
    before = layer.cluster_centers_.copy()

    with suppress(AttributeError, TypeError):  # refusing is fine too
        layer.transform(X + 5)

    assert_array_equal(layer.cluster_centers_, before)


def test_a_pipeline_that_cannot_take_new_data_offers_no_transform():
    x = table()
    pipe = sm.Pipeline(x, Sklearn(DBSCAN())(x)).fit(X)

    assert not hasattr(pipe, "transform")
    assert not hasattr(pipe, "predict")


# Passing through


def test_passthrough_gives_one_array_as_it_is():
    assert Sklearn("passthrough").fit_transform(X) is X
    assert Sklearn("passthrough").transform(TEXT) is TEXT


def test_passthrough_puts_several_arrays_side_by_side():
    assert_array_equal(Sklearn("passthrough").transform(X[:, 0], X[:, 1:]), X)


def test_passthrough_needs_no_fit():
    x = table()

    assert not Sklearn("passthrough").stateful
    assert_array_equal(sm.Pipeline(x, Sklearn("passthrough")(x)).transform(X), X)


def test_a_step_is_switched_off_and_on_again_by_set_params():
    x = table()
    pipe = sm.Pipeline(x, Whiten()(Sklearn(PCA(2))(x)))
    off = clone(pipe).set_params(pca="passthrough")

    assert off.fit_transform(X).shape == (30, 3)
    assert off.set_params(pca=PCA(1)).fit_transform(X).shape == (30, 1)


def test_a_search_may_switch_a_step_off():
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(Sklearn(PCA(1))(x), y=y))

    search = GridSearchCV(pipe, {"pca": [PCA(1), PCA(2), "passthrough"]}, cv=2).fit(X, Y)

    assert len(search.cv_results_["mean_test_score"]) == 3
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_step_that_passes_through_has_nothing_to_undo():
    x, y = table(), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y)
    pipe = sm.Pipeline([x, y], scaled.inverse(Sklearn(LinearRegression())(x, y=scaled)))

    pipe.set_params(standardscaler="passthrough").fit(X, Y * 10.0)

    assert_allclose(pipe.predict(X), LinearRegression().fit(X, Y * 10.0).predict(X))


# Frozen estimators


def test_a_frozen_estimator_serves_as_it_is():
    frozen = FrozenEstimator(StandardScaler().fit(X * 100))
    x = table()

    pipe = sm.Pipeline(x, Sklearn(frozen)(x)).fit(X)

    assert_allclose(pipe.transform(X), frozen.transform(X))
    assert_allclose(Sklearn(frozen).fit_transform(X), frozen.transform(X))


def test_a_frozen_estimator_does_not_learn_from_batches():
    model = GaussianNB().fit(X, Y)
    before = model.theta_.copy()
    layer = Sklearn(FrozenEstimator(model))

    if hasattr(layer, "partial_fit"):
        layer.partial_fit(X + 5, y=Y)

    assert_array_equal(model.theta_, before)


# What goes in and comes out


def test_the_wrapped_estimators_own_output_container_is_respected():
    scaler = StandardScaler().set_output(transform="pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])

    result = Sklearn(scaler).fit_transform(frame)

    assert isinstance(result, pd.DataFrame)
    assert list(result.columns) == ["a", "b", "c"]


def test_a_frame_from_one_step_brings_its_names_to_the_next():
    x = table()
    named = Sklearn(StandardScaler().set_output(transform="pandas"))(x)
    pipe = sm.Pipeline(x, Sklearn(MinMaxScaler())(named))

    pipe.fit(pd.DataFrame(X, columns=["a", "b", "c"]))

    assert list(pipe.steps_["minmaxscaler"].feature_names_in_) == ["a", "b", "c"]


def test_sparse_values_stay_sparse_from_step_to_step():
    text = sm.Input("text")
    words = Sklearn(TfidfVectorizer())(text, "words")
    pipe = sm.Pipeline(text, Sklearn(TruncatedSVD(2, random_state=0))(words)).fit(TEXT)

    assert sparse.issparse(pipe.transform(TEXT, outputs="words"))
    expected = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0))
    assert_allclose(pipe.transform(TEXT), expected.fit_transform(TEXT))


@pytest.mark.parametrize("estimator", [StandardScaler(copy=False), MinMaxScaler(copy=False)])
def test_an_estimator_that_would_write_into_its_input_cannot(estimator):
    data, x = X.copy(), table()
    pipe = sm.Pipeline(x, [Sklearn(estimator)(x, "scaled"), ScalarMultiply(1)(x, "same")])

    result = pipe.fit(data).transform(data)

    assert_array_equal(data, X)
    assert_array_equal(result["same"], X)


# Templates


def fit_eagerly(layer):
    layer(table()(X), y=sm.Target("y")(Y))


def fit_in_a_pipeline(layer):
    x, y = table(), sm.Target("y")
    sm.Pipeline([x, y], layer(x, y=y)).fit(X, Y)


@pytest.mark.parametrize(
    "fitted",
    [
        lambda layer: layer.fit(X, y=Y),
        lambda layer: layer.fit_transform(X, y=Y),
        lambda layer: layer.partial_fit(X, y=Y, classes=[0, 1]),
        lambda layer: layer.set_params(cv=3).fit_transform(X, y=Y),
        fit_eagerly,
        fit_in_a_pipeline,
    ],
    ids=["fit", "fit_transform", "partial_fit", "cv", "eager", "pipeline"],
)
def test_the_wrapped_estimator_is_never_fitted_itself(fitted):
    estimator = GaussianNB()

    fitted(Sklearn(estimator))

    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def test_fitting_again_starts_from_the_template():
    layer = Sklearn(GaussianNB())

    layer.fit(X + 100, y=Y).fit(X, y=Y)

    assert_array_equal(layer.theta_, GaussianNB().fit(X, Y).theta_)


def test_a_fit_that_fails_leaves_what_was_learned():
    layer = Sklearn(PCA(2)).fit(X)
    before = layer.components_

    with pytest.raises(ValueError, match="NaN"):
        layer.fit(X * np.nan)

    assert layer.components_ is before


def test_what_the_estimator_learned_can_be_read_from_the_fitted_layer():
    x = table()
    fitted = sm.Pipeline(x, Sklearn(PCA(2))(x)).fit(X).steps_["pca"]

    assert_array_equal(fitted.components_, fitted.estimator_.components_)
    assert fitted.n_features_in_ == 3


@pytest.mark.parametrize("name", ["no_such_thing_", "components", "_components_", "__nothing__"])
def test_what_the_estimator_did_not_learn_is_an_attribute_error(name):
    fitted = Sklearn(PCA(2)).fit(X)

    with pytest.raises(AttributeError, match=name):
        getattr(fitted, name)


def test_nothing_is_learned_before_fitting():
    assert not hasattr(Sklearn(PCA(2)), "components_")
    assert not hasattr(Sklearn(LogisticRegression()), "classes_")
    with pytest.raises(NotFittedError):
        check_is_fitted(Sklearn(PCA(2)))


@pytest.mark.parametrize(
    "copied", [lambda layer: pickle.loads(pickle.dumps(layer)), copy.copy, copy.deepcopy]
)
def test_a_fitted_layer_can_be_copied(copied):
    fitted = Sklearn(PCA(2)).fit(X)

    assert_array_equal(copied(fitted).transform(X), fitted.transform(X))


# Methods that the layer passes on


@pytest.mark.parametrize(
    "method",
    ["predict", "predict_proba", "predict_log_proba", "decision_function"],
)
def test_methods_are_those_of_the_estimator(method):
    layer = Sklearn(LogisticRegression()).fit(X[:, 0], X[:, 1:], y=Y)

    expected = getattr(LogisticRegression().fit(X, Y), method)(X)
    assert_allclose(getattr(layer, method)(X[:, 0], X[:, 1:]), expected)


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (LinearSVC(), "predict_proba"),
        (PCA(), "predict"),
        (LogisticRegression(), "inverse_transform"),
        (LogisticRegression(), "partial_fit"),
        (LogisticRegression(), "fit_predict"),
        (LogisticRegression(), "score_samples"),
    ],
)
def test_a_method_exists_only_where_the_estimator_has_it(estimator, method):
    assert not hasattr(Sklearn(estimator), method)


def test_score_is_that_of_the_estimator():
    layer = Sklearn(LogisticRegression()).fit(X, y=Y)
    expected = LogisticRegression().fit(X, Y)

    assert layer.score(X, y=Y) == expected.score(X, Y)
    assert layer.score(X, y=Y, sample_weight=WEIGHT) == expected.score(X, Y, WEIGHT)


def test_going_back_gives_a_plain_column_where_one_came_in():
    layer = Sklearn(StandardScaler()).fit(X[:, 0])
    scaled = layer.transform(X[:, 0])

    assert_allclose(layer.inverse_transform(scaled), X[:, :1])
    assert_allclose(layer.inverse_transform(scaled.ravel()), X[:, 0])


def test_going_back_from_codes_gives_the_labels():
    layer = Sklearn(LabelEncoder()).fit(COLOURS)

    assert_array_equal(layer.inverse_transform(layer.transform(COLOURS)), COLOURS)


# Batches


def test_a_classifier_learns_from_batches_when_told_all_classes():
    layer, expected = Sklearn(GaussianNB()), GaussianNB()

    for batch in (slice(0, 3), slice(3, 12), slice(12, 30)):
        layer.partial_fit(X[batch], y=Y[batch], classes=[0, 1, 2])
        expected.partial_fit(X[batch], Y[batch], classes=[0, 1, 2])

    assert_array_equal(layer.classes_, [0, 1, 2])
    assert_allclose(layer.theta_, expected.theta_)


def test_classes_are_handed_on_by_the_pipeline_to_whom_takes_them():
    x, y = table(), sm.Target("y")
    scaled = Sklearn(StandardScaler())(x)
    pipe = sm.Pipeline([x, y], Sklearn(GaussianNB())(scaled, y=y))

    pipe.partial_fit(X[:10], np.zeros(10, int), classes=[0, 1]).partial_fit(X[10:], Y[10:])

    assert_array_equal(pipe.classes_, [0, 1])


def test_only_estimators_that_take_classes_say_so():
    assert Sklearn(SGDClassifier()).takes_classes
    assert not Sklearn(StandardScaler()).takes_classes
    assert not Sklearn(LogisticRegression()).takes_classes
    assert not Sklearn("passthrough").takes_classes


def test_clusters_are_learned_from_batches_without_labels():
    layer = Sklearn(MiniBatchKMeans(2, random_state=0, n_init=1))

    assert layer.partial_fit(X).transform(X).shape == (30, 2)


# Refusals


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (PCA, r"takes an estimator, got the class\. Write PCA\(\)"),
        (Whiten(), r"got Whiten\(\)\. Write Sklearn\(PCA\(\)\)\(node\); our own layers"),
        (sm.Input("x"), r"got Input\('x'\)\. Write"),
        (3, r"with a fit method, got 3\."),
        (np.abs, "with a fit method, got <ufunc 'absolute'>"),
    ],
    ids=["class", "layer", "node", "number", "function"],
)
def test_what_is_no_estimator_is_refused(estimator, words):
    with pytest.raises(NodeTypeError, match=words):
        Sklearn(estimator)(table())


@pytest.mark.parametrize("word", ["passtrough", "drop", "pca"])
def test_a_word_other_than_passthrough_is_refused(word):
    with pytest.raises(ValueError, match=f"takes an estimator or 'passthrough', got '{word}'"):
        Sklearn(word)(table())


@pytest.mark.parametrize("word", ["passtrough", "drop"])
def test_a_word_other_than_passthrough_is_not_quietly_taken_for_it(word):
    x = table()
    pipe = sm.Pipeline(x, Sklearn(PCA(2))(x))

    with pytest.raises(ValueError, match=f"'passthrough', got '{word}'"):
        pipe.set_params(pca=word).fit(X)


def test_an_estimators_error_says_at_which_step_it_happened():
    x = table()

    with pytest.raises(ValueError, match="n_components=5") as caught:
        sm.Pipeline(x, Sklearn(PCA(5))(x, "small")).fit(X)

    (note,) = caught.value.__notes__
    assert note == "  at step 'small' (PCA), fitting, called on 'X' (30, 3) float64"


# Estimators of other libraries


class Center:
    """What an old or foreign library offers: no base class, no tags, a fit without return."""

    def __init__(self, by="mean"):
        self.by = by

    def get_params(self, deep=True):
        return {"by": self.by}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y=None):
        self.middle_ = getattr(np, self.by)(X, axis=0)

    def transform(self, X):
        return X - self.middle_


class NearestMean:
    """The same as a classifier."""

    def get_params(self, deep=True):
        return {}

    def fit(self, X, y):
        self.means_ = np.array([X[y == label].mean(axis=0) for label in (0, 1)])

    def predict(self, X):
        return np.linalg.norm(X[:, None] - self.means_, axis=2).argmin(axis=1)


def test_an_estimator_without_tags_can_be_fitted():
    assert_allclose(Sklearn(Center()).fit_transform(X), X - X.mean(axis=0))
    assert_allclose(Sklearn(Center()).fit(X).transform(X), X - X.mean(axis=0))


def test_an_estimator_without_tags_takes_several_nodes_as_columns():
    a, b = sm.Input("a"), sm.Input("b")

    assert Sklearn(Center())([a, b]).inbound_nodes == (a, b)


def test_an_estimator_without_tags_works_in_a_pipeline():
    x = table()
    pipe = sm.Pipeline(x, Whiten()(Sklearn(Center())(x))).set_params(center__by="median")

    pipe.fit(X)

    assert_array_equal(pipe.steps_["center"].middle_, np.median(X, axis=0))


def test_an_estimator_without_tags_takes_labels_by_keyword():
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(NearestMean())(x, y=y)).fit(X, Y)

    expected = NearestMean()
    expected.fit(X, Y)
    assert_array_equal(pipe.predict(X), expected.predict(X))


def test_an_estimator_without_tags_gets_a_plain_array_as_a_column():
    assert Sklearn(Center()).fit_transform(X[:, 0]).shape == (30, 1)


def test_an_estimator_without_parameters_cannot_be_cloned_and_sklearn_says_so():
    class Bare:
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X

    with pytest.raises(TypeError, match="does not implement a 'get_params' method"):
        Sklearn(Bare()).fit(X)


def test_an_ensembles_own_base_estimator_does_not_make_it_need_labels():
    x = table()
    forest = RandomTreesEmbedding(n_estimators=3, random_state=0)

    result = sm.Pipeline(x, Sklearn(forest)(x)).fit_transform(X)

    assert_array_equal(result.toarray(), clone(forest).fit_transform(X).toarray())


def test_a_cross_decomposition_gives_the_transformed_columns_only():
    layer = Sklearn(PLSCanonical(n_components=1))

    value = layer.fit_transform(X, y=np.column_stack([Y, Y * 2.0]))

    assert_allclose(value, layer.transform(X))


def test_a_graph_whose_estimator_gives_no_value_can_only_be_fitted():
    x = table()
    pipe = sm.Pipeline(x, Sklearn(KernelDensity())(x)).fit(X)

    assert not hasattr(pipe, "transform")
    assert not hasattr(pipe, "fit_transform")
    assert_allclose(pipe.score_samples(X), KernelDensity().fit(X).score_samples(X))
