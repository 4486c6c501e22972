"""What a pipeline answers, and how: methods, units, names, containers, callbacks, metrics."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import (
    clone,
    is_classifier,
    is_clusterer,
    is_outlier_detector,
    is_regressor,
)
from sklearn.callback import ProgressBar
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.manifold import TSNE
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, OneClassSVM
from sklearn.utils import get_tags

import skmegatron as sm
from skmegatron.errors import GraphError, LeakageWarning
from skmegatron.layers import Concatenate, Explorer, Flatten, Lambda, Metric, Sklearn, Whiten


def table():
    return sm.Input("X", shape=(None,))


def drawn(*estimators):
    """Draw what make_pipeline(*estimators) says."""
    X, y = table(), sm.Target("y")
    node = X
    for estimator in estimators[:-1]:
        node = Sklearn(estimator)(node)
    last = estimators[-1]
    if is_classifier(last) or is_regressor(last) or isinstance(last, SelectKBest):
        return sm.Pipeline([X, y], Sklearn(last)(node, y=y))
    return sm.Pipeline(X, Sklearn(last)(node))


def standardized(node):
    return Sklearn(StandardScaler())(node)


def shuffled(X, y, n_rows):
    rows = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return X[rows], y[rows]


FLOWERS, SPECIES = shuffled(*load_iris(return_X_y=True), n_rows=90)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
PATIENTS, PROGRESS = shuffled(*load_diabetes(return_X_y=True), n_rows=80)
FRAME = pd.DataFrame(FLOWERS, columns=list("abcd"), index=[f"row{i}" for i in range(90)])

# Which methods there are

METHODS = [
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "score",
    "inverse_transform",
    "fit_predict",
]
HEADS = [
    LogisticRegression(),
    KNeighborsClassifier(),
    LinearSVC(),
    SVC(),
    SGDClassifier(loss="hinge"),
    SGDClassifier(loss="log_loss"),
    HistGradientBoostingClassifier(max_iter=2),
    Ridge(),
    PCA(2),
    StandardScaler(),
    SelectKBest(k=2),
    PolynomialFeatures(),
    KMeans(2),
    DBSCAN(),
    AgglomerativeClustering(),
    GaussianMixture(),
    IsolationForest(n_estimators=3),
    OneClassSVM(),
    LocalOutlierFactor(),
    LocalOutlierFactor(novelty=True),
    TSNE(perplexity=5, max_iter=250),
]


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_graph_has_the_methods_of_the_sklearn_spelling_before_and_after_fit(head, fitted):
    ours, theirs = drawn(StandardScaler(), head), make_pipeline(StandardScaler(), clone(head))
    if fitted:
        ours.fit(FLOWERS[:30], SPECIES[:30])
        theirs.fit(FLOWERS[:30], SPECIES[:30])

    assert [m for m in METHODS if hasattr(ours, m)] == [m for m in METHODS if hasattr(theirs, m)]


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_transform_exists_where_the_head_gives_values_for_new_rows(head):
    pipeline = drawn(StandardScaler(), head)

    for_new_rows = hasattr(head, "transform") or hasattr(head, "predict")
    assert hasattr(pipeline, "transform") == for_new_rows
    assert hasattr(pipeline, "fit_transform")


@pytest.mark.parametrize("head", [LinearSVC(), Ridge(), PCA(2), KMeans(2)], ids=repr)
def test_a_method_that_the_head_lacks_is_an_attribute_error(head):
    with pytest.raises(AttributeError, match="'Pipeline' has no attribute 'predict_proba'"):
        drawn(head).predict_proba(FLOWERS)


def test_an_estimator_that_only_labels_its_own_rows_says_so_for_others():
    X = table()
    pipeline = sm.Pipeline(X, Sklearn(TSNE(perplexity=3, random_state=0))(X))

    assert pipeline.fit_transform(FLOWERS[:10]).shape == (10, 2)
    assert not hasattr(pipeline, "transform")


@pytest.mark.parametrize(
    ("estimators", "exists"),
    [
        ([SGDClassifier()], True),
        ([StandardScaler(), SGDClassifier()], True),
        ([Normalizer(), SGDClassifier()], True),
        ([PCA(2), SGDClassifier()], False),
        ([StandardScaler(), LogisticRegression()], False),
    ],
)
def test_partial_fit_exists_where_every_step_that_learns_has_it(estimators, exists):
    assert hasattr(drawn(*estimators), "partial_fit") == exists


@pytest.mark.parametrize("method", ["transform", "predict", "predict_proba", "score"])
def test_an_unfitted_graph_says_which_step_has_learned_nothing(method):
    pipeline = drawn(StandardScaler(), LogisticRegression())
    data = (FLOWERS, SPECIES) if method == "score" else (FLOWERS,)

    with pytest.raises(NotFittedError, match="step 'standardscaler' has not learned anything"):
        getattr(pipeline, method)(*data)


def test_a_graph_that_learns_nothing_needs_no_fit():
    x = sm.Input("x")
    pipeline = sm.Pipeline(x, x * 2 + 1)

    assert_array_equal(pipeline.transform([1, 2]), [3, 5])


# Values


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_a_classifying_graph_answers_as_the_sklearn_spelling(method):
    ours, theirs = (
        getattr(spelling(StandardScaler(), LogisticRegression()).fit(FLOWERS, NAMES), method)
        for spelling in (drawn, make_pipeline)
    )

    assert_array_equal(ours(FLOWERS), theirs(FLOWERS))


@pytest.mark.parametrize(
    ("head", "method"),
    [
        (KMeans(2, n_init=1, random_state=0), "predict"),
        (KMeans(2, n_init=1, random_state=0), "transform"),
        (KMeans(2, n_init=1, random_state=0), "score"),
        (PCA(2), "score_samples"),
        (PCA(2), "score"),
        (GaussianMixture(2, random_state=0), "predict_proba"),
        (IsolationForest(n_estimators=3, random_state=0), "predict"),
        (IsolationForest(n_estimators=3, random_state=0), "score_samples"),
        (LocalOutlierFactor(novelty=True), "decision_function"),
    ],
)
def test_an_unsupervised_graph_answers_as_the_sklearn_spelling(head, method):
    ours, theirs = (
        getattr(spelling(StandardScaler(), clone(head)).fit(FLOWERS), method)(FLOWERS)
        for spelling in (drawn, make_pipeline)
    )

    assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "head", [KMeans(2, n_init=1, random_state=0), DBSCAN(), LocalOutlierFactor()], ids=repr
)
def test_fit_predict_labels_the_rows_as_the_sklearn_spelling(head):
    ours, theirs = drawn(StandardScaler(), head), make_pipeline(StandardScaler(), clone(head))

    assert_array_equal(ours.fit_predict(FLOWERS), theirs.fit_predict(FLOWERS))
    assert not hasattr(head, "n_features_in_")


def test_labels_and_offset_are_those_of_the_head():
    clusters = drawn(StandardScaler(), DBSCAN()).fit(FLOWERS)
    outliers = drawn(StandardScaler(), IsolationForest(n_estimators=3)).fit(FLOWERS)

    assert_array_equal(clusters.labels_, clusters.steps_.dbscan.labels_)
    assert outliers.offset_ == outliers.steps_.isolationforest.offset_
    assert_allclose(
        outliers.decision_function(FLOWERS), outliers.score_samples(FLOWERS) - outliers.offset_
    )


def test_a_head_whose_method_is_predict_proba_gives_probabilities_as_its_value():
    X, y = table(), sm.Target("y")
    proba = Sklearn(LogisticRegression(), method="predict_proba")(standardized(X), "p", y=y)
    pipeline = sm.Pipeline([X, y], proba).fit(FLOWERS, NAMES)

    assert_array_equal(pipeline.transform(FLOWERS), pipeline.predict_proba(FLOWERS))
    assert_array_equal(pipeline.predict(FLOWERS[:5]), NAMES[:5])
    assert list(pipeline.get_feature_names_out()) == ["p_setosa", "p_versicolor", "p_virginica"]


def test_predictions_go_through_the_stateless_steps_behind_the_head():
    X, y = table(), sm.Target("y")
    pred = Sklearn(Ridge())(X, y=y)
    pipeline = sm.Pipeline([X, y], pred * 2).fit(PATIENTS, PROGRESS)

    assert_allclose(
        pipeline.predict(PATIENTS), 2 * Ridge().fit(PATIENTS, PROGRESS).predict(PATIENTS)
    )
    assert pipeline.score(PATIENTS, PROGRESS) == r2_score(PROGRESS, pipeline.predict(PATIENTS))


# classes_ and score


def test_classes_exist_after_fit_only():
    pipeline = drawn(StandardScaler(), LogisticRegression())

    assert not hasattr(pipeline, "classes_")
    assert_array_equal(pipeline.fit(FLOWERS, NAMES).classes_, np.unique(NAMES))


@pytest.mark.parametrize("head", [Ridge(), PCA(2), KMeans(2)], ids=repr)
def test_only_a_classifier_has_classes(head):
    assert not hasattr(drawn(head).fit(FLOWERS, SPECIES), "classes_")


def encoded():
    X, y = table(), sm.Target("y")
    codes = Sklearn(LabelEncoder())(y)
    pred = Sklearn(LogisticRegression())(standardized(X), y=codes)
    return sm.Pipeline([X, y], codes.inverse(pred))


def test_classes_and_predictions_are_in_the_units_of_the_target():
    pipeline = encoded().fit(FLOWERS, NAMES)
    theirs = make_pipeline(StandardScaler(), LogisticRegression()).fit(FLOWERS, NAMES)

    assert_array_equal(pipeline.classes_, theirs.classes_)
    assert_array_equal(pipeline.predict(FLOWERS), theirs.predict(FLOWERS))
    assert_array_equal(pipeline.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))
    assert pipeline.score(FLOWERS, NAMES) == theirs.score(FLOWERS, NAMES)


def scaled_target(scaler, head):
    X, y = table(), sm.Target("y")
    scaled = scaler(y)
    return sm.Pipeline([X, y], scaled.inverse(Sklearn(head)(X, y=scaled)))


@pytest.mark.parametrize("scaler", [Whiten(), Sklearn(StandardScaler())], ids=repr)
def test_the_score_of_a_scaled_target_is_r2_in_its_own_units(scaler):
    pipeline = scaled_target(scaler, Ridge()).fit(PATIENTS, PROGRESS)

    predicted = pipeline.predict(PATIENTS)

    assert_allclose(predicted.mean(), PROGRESS.mean())
    assert predicted.shape == PROGRESS.shape
    assert pipeline.score(PATIENTS, PROGRESS) == r2_score(PROGRESS, predicted)


def test_the_score_of_a_power_of_the_target_differs_from_that_of_its_prediction():
    pipeline = scaled_target(Sklearn(PowerTransformer()), Ridge()).fit(PATIENTS, PROGRESS)

    assert pipeline.score(PATIENTS, PROGRESS) == r2_score(PROGRESS, pipeline.predict(PATIENTS))


def test_a_target_scaled_without_inverse_is_scored_in_scaled_units():
    X, y = table(), sm.Target("y")
    logs = Lambda(np.log)(y)
    pipeline = sm.Pipeline([X, y], Sklearn(Ridge())(X, y=logs)).fit(PATIENTS, PROGRESS)

    expected = Ridge().fit(PATIENTS, np.log(PROGRESS)).score(PATIENTS, np.log(PROGRESS))

    assert pipeline.score(PATIENTS, PROGRESS) == expected


WEIGHTS = np.where(SPECIES == 0, 10.0, 1.0)


@pytest.mark.parametrize("make", [encoded, lambda: drawn(StandardScaler(), LogisticRegression())])
def test_score_weighs_the_rows(make):
    pipeline = make().fit(FLOWERS, NAMES)
    weights = np.linspace(0, 1, len(FLOWERS))

    expected = accuracy_score(NAMES, pipeline.predict(FLOWERS), sample_weight=weights)

    assert_allclose(pipeline.score(FLOWERS, NAMES, sample_weight=weights), expected)


def test_score_weighs_the_rows_of_a_scaled_target():
    pipeline = scaled_target(Whiten(), Ridge()).fit(PATIENTS, PROGRESS)
    weights = np.linspace(0, 1, len(PATIENTS))

    expected = r2_score(PROGRESS, pipeline.predict(PATIENTS), sample_weight=weights)

    assert_allclose(pipeline.score(PATIENTS, PROGRESS, sample_weight=weights), expected)


def test_score_finds_the_labels_inside_the_data():
    x, y = sm.Input("x", shape=(4,)), sm.Target("y")
    pipeline = sm.Pipeline([x, y], Sklearn(Ridge())(x, y=y))
    data = {"x": FLOWERS, "y": SPECIES}

    assert pipeline.fit(data).score(data) == pipeline.score(FLOWERS, SPECIES)


def test_several_targets_are_scored_as_sklearn_scores_them():
    targets = np.column_stack([PROGRESS, PROGRESS**2])
    ours, theirs = (
        spelling(StandardScaler(), Ridge()).fit(PATIENTS, targets).score(PATIENTS, targets)
        for spelling in (drawn, make_pipeline)
    )

    assert_allclose(ours, theirs)


# inverse_transform


@pytest.mark.parametrize(
    "estimators",
    [
        [StandardScaler()],
        [StandardScaler(), PCA(2)],
        [MaxAbsScaler(), PCA(), MinMaxScaler()],
        [StandardScaler(), SelectKBest(k=2)],
    ],
    ids=lambda estimators: "-".join(type(e).__name__ for e in estimators),
)
def test_inverse_transform_goes_back_as_the_sklearn_spelling(estimators):
    ours = drawn(*estimators).fit(FLOWERS, SPECIES)
    theirs = make_pipeline(*map(clone, estimators)).fit(FLOWERS, SPECIES)

    values = theirs.transform(FLOWERS)

    assert_allclose(ours.inverse_transform(values), theirs.inverse_transform(values))


def test_inverse_transform_goes_through_native_layers():
    X = table()
    pipeline = sm.Pipeline(X, Sklearn(PCA())(Whiten()(X)))

    assert_allclose(pipeline.inverse_transform(pipeline.fit_transform(FLOWERS)), FLOWERS)


def test_inverse_transform_keeps_a_single_column_single():
    x = sm.Input("x")
    pipeline = sm.Pipeline(x, Whiten()(x))
    values = pipeline.fit_transform([1.0, 2.0, 6.0])

    assert_allclose(pipeline.inverse_transform(values), [1, 2, 6])


def test_there_is_no_inverse_where_two_branches_meet():
    X = table()

    assert not hasattr(sm.Pipeline(X, Concatenate()([Whiten()(X), X])), "inverse_transform")


def test_a_step_that_is_passed_through_is_no_obstacle_on_the_way_back():
    ours, theirs = (
        spelling(StandardScaler(), PCA(2)).set_params(pca="passthrough").fit(FLOWERS)
        for spelling in (drawn, make_pipeline)
    )

    assert_allclose(ours.inverse_transform(FLOWERS), theirs.inverse_transform(FLOWERS))


# Several outputs


def two_outputs():
    X, y = table(), sm.Target("y")
    scaled = Sklearn(StandardScaler())(X)
    pred = Sklearn(LogisticRegression())(scaled, y=y)
    return sm.Pipeline([X, y], [Sklearn(PCA(2))(scaled), pred])


def test_several_outputs_come_as_a_dataset_by_name_and_by_position():
    pipeline = two_outputs().fit(FLOWERS, SPECIES)

    given = pipeline.transform(FLOWERS)

    assert isinstance(given, sm.Dataset)
    assert list(given) == ["pca", "logisticregression"]
    assert given[0] is given["pca"]
    assert given[-1] is given["logisticregression"]
    scaled = StandardScaler().fit_transform(FLOWERS)
    assert_allclose(given["pca"], PCA(2).fit_transform(scaled))
    assert_array_equal(given[1], LogisticRegression().fit(scaled, SPECIES).predict(scaled))


def test_fit_transform_of_several_outputs_is_fit_then_transform():
    given = two_outputs().fit_transform(FLOWERS, SPECIES)

    expected = two_outputs().fit(FLOWERS, SPECIES).transform(FLOWERS)

    for name in expected:
        assert_allclose(given[name], expected[name])


def test_methods_that_every_output_has_give_a_dataset_and_the_others_are_not_there():
    X, y = table(), sm.Target("y")
    linear, trees = Sklearn(LogisticRegression(C=0.01))(X, y=y), Sklearn(LinearSVC())(X, y=y)
    pipeline = sm.Pipeline([X, y], [linear, trees]).fit(FLOWERS, SPECIES)

    assert list(pipeline.predict(FLOWERS)) == ["logisticregression", "linearsvc"]
    assert pipeline.decision_function(FLOWERS)["linearsvc"].shape == (90, 3)
    assert not hasattr(pipeline, "predict_proba")
    assert not hasattr(pipeline, "classes_")


@pytest.mark.parametrize("method", ["score", "fit_predict"])
def test_a_method_that_gives_one_answer_is_not_there_for_several_outputs(method):
    X = table()
    clusters = [Sklearn(KMeans(n, n_init=1))(X, f"by{n}") for n in (2, 3)]

    assert not hasattr(sm.Pipeline(X, clusters), method)


def test_a_list_of_one_output_gives_the_array_itself():
    X = table()

    assert isinstance(sm.Pipeline(X, [Whiten()(X)]).fit_transform(FLOWERS), np.ndarray)


def test_any_value_can_be_asked_for_by_name_or_node():
    X, y = table(), sm.Target("y")
    scaled = Sklearn(StandardScaler())(X)
    pred = Sklearn(LogisticRegression())(scaled, y=y)
    pipeline = sm.Pipeline([X, y], pred).fit(FLOWERS, SPECIES)

    given = pipeline.transform(FLOWERS, outputs=["standardscaler", X])

    assert list(given) == ["standardscaler", "X"]
    assert_allclose(given[0], StandardScaler().fit_transform(FLOWERS))
    assert_array_equal(given["X"], FLOWERS)
    assert_array_equal(pipeline.transform(FLOWERS, outputs=scaled), given[0])
    twin = clone(pipeline).fit(FLOWERS, SPECIES)
    assert_array_equal(twin.transform(FLOWERS, outputs=scaled), given[0])


def test_a_value_that_is_not_in_the_graph_is_refused_with_what_there_is():
    pipeline = drawn(StandardScaler(), PCA(2)).fit(FLOWERS)

    with pytest.raises(GraphError, match=r"'pc' is not in this pipeline.*'standardscaler', 'pca'"):
        pipeline.transform(FLOWERS, outputs="pc")


# Tags


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (LogisticRegression(), is_classifier),
        (Ridge(), is_regressor),
        (KMeans(2), is_clusterer),
        (DBSCAN(), is_clusterer),
        (IsolationForest(), is_outlier_detector),
        (LocalOutlierFactor(), is_outlier_detector),
        (PCA(2), None),
    ],
    ids=lambda value: getattr(value, "__name__", None) or repr(value),
)
def test_a_graph_is_what_its_head_is(head, kind):
    pipeline = drawn(StandardScaler(), head)
    kinds = [is_classifier, is_regressor, is_clusterer, is_outlier_detector]

    assert [check for check in kinds if check(pipeline)] == ([kind] if kind else [])


def test_a_graph_of_transformers_is_a_transformer():
    assert get_tags(drawn(StandardScaler(), PCA(2))).estimator_type == "transformer"


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (encoded, "classifier"),
        (lambda: scaled_target(Whiten(), Ridge()), "regressor"),
        (lambda: drawn(drawn(StandardScaler(), LogisticRegression())), "classifier"),
        (lambda: drawn(GridSearchCV(Ridge(), {"alpha": [1]})), "regressor"),
        (two_outputs, None),
    ],
)
def test_the_kind_is_seen_through_inverse_steps_and_nesting(make, kind):
    assert get_tags(make()).estimator_type == kind


@pytest.mark.parametrize("head", [LogisticRegression(), Ridge(), PCA(2), KMeans(2)], ids=repr)
def test_a_target_is_required_where_a_step_learns_from_one(head):
    required = get_tags(drawn(StandardScaler(), head)).target_tags.required

    assert required == get_tags(head).target_tags.required


def test_a_target_is_required_also_where_the_estimator_says_nothing_of_it():
    searched = GridSearchCV(Ridge(), {"alpha": [1, 2]})

    assert not get_tags(searched).target_tags.required
    assert get_tags(drawn(searched)).target_tags.required


def test_a_target_in_the_middle_of_the_graph_is_required_too():
    X, y = table(), sm.Target("y")
    pipeline = sm.Pipeline([X, y], Sklearn(StandardScaler())(Sklearn(SelectKBest(k=1))(X, y=y)))

    assert get_tags(pipeline).target_tags.required
    with pytest.raises(ValueError, match=r"requires y to be passed.*: fit\(X, y\), evaluate"):
        pipeline.fit(FLOWERS)


CHAINS = {
    "scaled": [StandardScaler(), LogisticRegression()],
    "unshifted": [StandardScaler(with_mean=False), LogisticRegression()],
    "absolute": [MaxAbsScaler(), LogisticRegression()],
    "imputed": [SimpleImputer(), LogisticRegression()],
    "imputed late": [StandardScaler(), SimpleImputer(), LogisticRegression()],
    "missing taken": [MaxAbsScaler(), HistGradientBoostingClassifier(max_iter=2)],
    "one-hot": [OneHotEncoder(), LogisticRegression()],
    "plain": [LogisticRegression()],
    "dense in the middle": [MaxAbsScaler(), PCA(2), StandardScaler(), LogisticRegression()],
}


def works(pipeline, X):
    try:
        clone(pipeline).fit(X, SPECIES).predict(X)
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("name", CHAINS)
def test_the_tag_for_missing_values_tells_whether_a_fit_with_them_works(name):
    pipeline = drawn(*CHAINS[name])
    X = np.where(np.arange(90)[:, None] % 7 == 0, np.nan, FLOWERS)

    assert get_tags(pipeline).input_tags.allow_nan == works(pipeline, X)


@pytest.mark.parametrize("name", CHAINS)
def test_the_tag_for_sparse_tells_whether_a_sparse_fit_works(name):
    pipeline = drawn(*CHAINS[name])

    assert get_tags(pipeline).input_tags.sparse == works(pipeline, sparse.csr_array(FLOWERS))


def test_positive_numbers_are_asked_for_where_the_first_step_does():
    assert get_tags(drawn(MultinomialNB())).input_tags.positive_only
    assert not get_tags(drawn(StandardScaler(), MultinomialNB())).input_tags.positive_only


def test_only_a_graph_that_learns_requires_a_fit():
    x = sm.Input("x")

    assert not get_tags(sm.Pipeline(x, x * 2)).requires_fit
    assert get_tags(sm.Pipeline(x, Whiten()(x))).requires_fit


def test_several_targets_are_offered_where_the_head_takes_them():
    assert get_tags(drawn(Ridge())).target_tags.multi_output
    assert not get_tags(drawn(LogisticRegression())).target_tags.multi_output


@pytest.mark.parametrize(
    ("shape", "tag"), [((), "one_d_array"), ((None,), "two_d_array"), ((8, 8), "three_d_array")]
)
def test_the_shape_of_the_only_input_is_in_the_tags(shape, tag):
    x = sm.Input("x", shape=shape)
    tags = get_tags(sm.Pipeline(x, Lambda(np.negative)(x))).input_tags

    axes = ["one_d_array", "two_d_array", "three_d_array"]
    assert [name for name in axes if getattr(tags, name)] == [tag]


# Column names

NAMED_CHAINS = {
    "scaler": [StandardScaler()],
    "decomposition": [StandardScaler(), PCA(2)],
    "two decompositions": [PCA(3), PCA(2)],
    "selection": [StandardScaler(), SelectKBest(k=2)],
    "polynomials": [StandardScaler(), PolynomialFeatures(2)],
    "bins": [KBinsDiscretizer(2, quantile_method="averaged_inverted_cdf"), MaxAbsScaler()],
    "named function": [FunctionTransformer(feature_names_out="one-to-one"), MinMaxScaler()],
    "distances": [KMeans(3, n_init=1)],
    "nested": [make_union(StandardScaler(), PCA(1)), MinMaxScaler()],
}


@pytest.mark.parametrize("data", [FLOWERS, FRAME], ids=["array", "frame"])
@pytest.mark.parametrize("name", NAMED_CHAINS)
def test_columns_are_named_as_in_the_sklearn_spelling(name, data):
    ours = drawn(*NAMED_CHAINS[name]).fit(data, SPECIES)
    theirs = make_pipeline(*map(clone, NAMED_CHAINS[name])).fit(data, SPECIES)

    names = ours.get_feature_names_out()

    assert_array_equal(names, theirs.get_feature_names_out())
    assert names.dtype == object


@pytest.mark.parametrize("name", NAMED_CHAINS)
def test_columns_can_be_given_names_as_in_the_sklearn_spelling(name):
    ours = drawn(*NAMED_CHAINS[name]).fit(FLOWERS, SPECIES)
    theirs = make_pipeline(*map(clone, NAMED_CHAINS[name])).fit(FLOWERS, SPECIES)
    names = ["sepal", "petal", "width", "length"]

    assert_array_equal(ours.get_feature_names_out(names), theirs.get_feature_names_out(names))


def test_names_other_than_those_of_the_fit_are_refused():
    pipeline = drawn(StandardScaler()).fit(FRAME)

    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        pipeline.get_feature_names_out(["a", "b", "c", "e"])
    with pytest.raises(ValueError, match="input_features should have length equal"):
        drawn(StandardScaler()).fit(FLOWERS).get_feature_names_out(["a"])


@pytest.mark.parametrize("data", [["b a", "a c"], {"text": ["b a", "a c"]}], ids=["list", "dict"])
def test_a_graph_that_was_fed_no_table_leaves_names_given_to_it_aside(data):
    text = sm.Input("text")
    pipeline = sm.Pipeline(text, Sklearn(CountVectorizer(analyzer=str.split))(text)).fit(data)

    assert list(pipeline.get_feature_names_out(["text"])) == ["a", "b", "c"]


def test_an_unfitted_graph_has_no_column_names():
    with pytest.raises(NotFittedError):
        drawn(StandardScaler()).get_feature_names_out()


def test_inputs_without_a_table_name_their_columns_after_themselves():
    image, age = sm.Input("image", shape=(1, 2)), sm.Input("age")
    pipeline = sm.Pipeline([image, age], Concatenate()([Flatten()(image), Whiten()(age)]))
    data = sm.Dataset(image=np.zeros((3, 1, 2)), age=[1.0, 2.0, 3.0])

    assert list(pipeline.fit(data).get_feature_names_out()) == ["image_0", "image_1", "age"]


def test_branches_whose_columns_differ_keep_the_plain_names():
    X = table()
    both = Concatenate()([Sklearn(StandardScaler())(X), Sklearn(PCA(2))(X)])

    names = sm.Pipeline(X, both).fit(FRAME).get_feature_names_out()

    assert list(names) == ["a", "b", "c", "d", "pca0", "pca1"]


def test_branches_with_the_same_columns_are_told_apart_by_the_names_of_their_nodes():
    X = table()
    both = Concatenate()([Sklearn(StandardScaler())(X), Whiten()(X, "white")])

    names = sm.Pipeline(X, both).fit(FRAME[["a", "b"]]).get_feature_names_out()

    assert list(names) == ["standardscaler__a", "standardscaler__b", "white__a", "white__b"]


# Pieces that make prefixes and numbers collide: "a" + "__" + "_a" is "a_" + "__" + "a".
AWKWARD = st.lists(st.sampled_from(["a", "_", "-1"]), min_size=1, max_size=4).map("".join)
STEP_NAMES = AWKWARD.filter(lambda name: "__" not in name and name != "X")


@given(
    columns=st.lists(AWKWARD, min_size=1, max_size=4, unique=True),
    step_names=st.lists(STEP_NAMES, min_size=2, max_size=2, unique=True),
    joined=st.lists(st.integers(0, 2), min_size=2, max_size=4),
)
def test_columns_of_branches_stay_distinct_whatever_they_are_called(columns, step_names, joined):
    X = table()
    nodes = [X, *(Whiten()(X, name) for name in step_names)]
    pipeline = sm.Pipeline(X, Concatenate()([nodes[place] for place in joined], "joined"))
    frame = pd.DataFrame(np.arange(3.0 * len(columns)).reshape(3, -1), columns=columns)

    names = pipeline.fit(frame).get_feature_names_out()

    assert len(names) == len(columns) * len(joined)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_one_branch_joined_twice_loses_no_column(container):
    X = table()
    pipeline = sm.Pipeline(X, Concatenate()([X, X])).set_output(transform=container)

    given = pipeline.fit_transform(pd.DataFrame(FLOWERS[:, :2], columns=["a", "a-1"]))

    assert given.shape == (90, 4)
    assert len(set(given.columns)) == 4


# Containers


def test_set_output_gives_pandas_with_names_and_index():
    ours, theirs = (
        spelling(StandardScaler(), PCA(2)).set_output(transform="pandas").fit(FRAME)
        for spelling in (drawn, make_pipeline)
    )

    pd.testing.assert_frame_equal(ours.transform(FRAME), theirs.transform(FRAME))
    assert list(ours.transform(FRAME).index[:2]) == ["row0", "row1"]


@pytest.mark.parametrize("data", [FLOWERS, FRAME, pl.DataFrame(FRAME.to_dict("list"))], ids=type)
def test_set_output_gives_polars_with_names(data):
    ours, theirs = (
        spelling(StandardScaler(), PCA(2)).set_output(transform="polars").fit(data)
        for spelling in (drawn, make_pipeline)
    )

    given = ours.transform(data)

    assert isinstance(given, pl.DataFrame)
    assert given.columns == theirs.transform(data).columns
    assert_allclose(given.to_numpy(), theirs.transform(data).to_numpy())


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_fit_transform_gives_the_container_that_transform_gives(container):
    pipeline = drawn(StandardScaler(), PCA(2)).set_output(transform=container)

    assert pipeline.fit_transform(FRAME).equals(pipeline.transform(FRAME))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_the_global_setting_does_what_set_output_does(container):
    expected = drawn(StandardScaler(), PCA(2)).set_output(transform=container).fit_transform(FRAME)

    with sklearn.config_context(transform_output=container):
        given = drawn(StandardScaler(), PCA(2)).fit_transform(FRAME)

    assert given.equals(expected)


def mixed():
    """Draw a graph of native layers, branches, operators and a classifier."""
    X, y = table(), sm.Target("y")
    scaled = Sklearn(StandardScaler())(X)
    total = Lambda(lambda values: np.asarray(values)[:, 0])(scaled)
    both = Concatenate()([Whiten()(scaled), Sklearn(PCA(2))(scaled), scaled * 2 + scaled, total])
    return sm.Pipeline([X, y], [both, Sklearn(LogisticRegression())(both, y=y)])


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_the_global_setting_changes_no_value(container):
    expected = mixed().fit_transform(FRAME, SPECIES)

    with sklearn.config_context(transform_output=container):
        given = mixed().fit_transform(FRAME, SPECIES)

    for name in expected:
        assert_allclose(np.asarray(given[name]).reshape(expected[name].shape), expected[name])


def test_what_set_output_says_goes_before_the_global_setting():
    ours, theirs = (
        spelling(StandardScaler()).set_output(transform="default")
        for spelling in (drawn, make_pipeline)
    )

    with sklearn.config_context(transform_output="pandas"):
        assert type(ours.fit_transform(FRAME)) is type(theirs.fit_transform(FRAME)) is np.ndarray


def test_set_output_survives_clone_and_returns_the_pipeline():
    pipeline = drawn(StandardScaler())

    assert pipeline.set_output(transform="pandas") is pipeline
    assert pipeline.set_output() is pipeline
    assert isinstance(clone(pipeline).fit_transform(FLOWERS), pd.DataFrame)


def test_an_unknown_container_is_refused():
    with pytest.raises(ValueError, match="'default', 'pandas' or 'polars', got 'pandsa'"):
        drawn(StandardScaler()).set_output(transform="pandsa")


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_several_outputs_are_put_into_containers_one_by_one(container):
    pipeline = two_outputs().set_output(transform=container)

    given = pipeline.fit_transform(FRAME, SPECIES)

    assert list(given["pca"].columns) == ["pca0", "pca1"]
    assert list(given["logisticregression"].columns) == ["logisticregression"]


def test_predictions_stay_arrays_whatever_the_container():
    pipeline = drawn(StandardScaler(), LogisticRegression()).set_output(transform="pandas")

    assert isinstance(pipeline.fit(FRAME, SPECIES).predict(FRAME), np.ndarray)


def test_text_and_numbers_keep_their_dtypes_in_polars():
    name, size = sm.Input("name"), sm.Input("size")
    upper = Lambda(np.char.upper)(name)
    pipeline = sm.Pipeline([name, size], Concatenate()([upper, size])).set_output(
        transform="polars"
    )

    given = pipeline.fit_transform({"name": np.array(["a", "b"]), "size": np.array([1, 2])})

    assert given.rows() == [("A", 1), ("B", 2)]


def test_sparse_output_is_refused_where_a_dataframe_was_asked_for():
    pipeline = drawn(OneHotEncoder()).set_output(transform="pandas")

    with pytest.raises(
        ValueError, match=r"scipy sparse matrix, which a pandas.*sparse_output=False.*X\.toarray"
    ):
        pipeline.fit_transform(FLOWERS)


def test_images_come_back_as_arrays_whatever_the_container():
    image = sm.Input("image", shape=(2, 2))
    pipeline = sm.Pipeline(image, Lambda(np.negative)(image)).set_output(transform="pandas")

    assert pipeline.fit_transform(np.ones((3, 2, 2))).shape == (3, 2, 2)


# Callbacks, pictures and printing


class Counter:
    """Keep the tasks of the estimator that it was set on."""

    def __init__(self):
        self.begun, self.ended, self.setups, self.teardowns = [], [], 0, 0

    def setup(self, estimator, context):
        self.setups += 1

    def teardown(self, estimator, context):
        self.teardowns += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.estimator_name, context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.ended.append((context.estimator_name, context.task_name))


class NestedCounter(Counter):
    """The same, for the estimators inside too."""

    max_propagation_depth = None


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_a_callback_sees_one_task_per_step_and_one_around_them(method):
    counter = Counter()
    pipeline = drawn(StandardScaler(), PCA(2), LogisticRegression()).set_callbacks(counter)

    getattr(pipeline, method)(FLOWERS, SPECIES)

    steps = ["fit-standardscaler", "fit-pca", "fit-logisticregression"]
    assert [task for _, task in counter.begun] == ["fit", *steps]
    assert [task for _, task in counter.ended] == [*steps, "fit"]
    assert (counter.setups, counter.teardowns) == (1, 1)


def test_a_callback_sees_native_layers_and_branches():
    counter = Counter()

    mixed().set_callbacks(counter).fit(FLOWERS, SPECIES)

    assert len(counter.begun) == len(set(counter.begun)) == len(counter.ended)
    assert {"fit-whiten", "fit-pca", "fit-logisticregression"} < {t for _, t in counter.begun}


def test_a_callback_that_propagates_sees_the_tasks_inside_a_step():
    counter = NestedCounter()
    pipeline = drawn(StandardScaler(), PCA(2), LogisticRegression()).set_callbacks(counter)

    pipeline.fit(FLOWERS, SPECIES)

    alone = NestedCounter()
    reduced = PCA(2).fit_transform(StandardScaler().fit_transform(FLOWERS))
    LogisticRegression().set_callbacks(alone).fit(reduced, SPECIES)
    inside = [task for task in counter.begun if task[0] == "LogisticRegression"]
    assert inside == alone.begun
    assert ("StandardScaler", "fit") in counter.begun
    assert sorted(counter.begun) == sorted(counter.ended)
    assert (counter.setups, counter.teardowns) == (1, 1)


def test_a_callback_that_propagates_sees_the_steps_of_a_nested_graph():
    counter = NestedCounter()
    pipeline = drawn(drawn(StandardScaler(), PCA(2)), LogisticRegression())

    pipeline.set_callbacks(counter).fit(FLOWERS, SPECIES)

    assert ("Pipeline", "fit-pca") in counter.begun
    assert ("StandardScaler", "fit") in counter.begun
    assert sorted(counter.begun) == sorted(counter.ended)


def test_a_callback_on_a_search_sees_every_fit_of_the_graph():
    counter = NestedCounter()
    pipeline = drawn(StandardScaler(), PCA(2), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1]}, cv=2)

    search.set_callbacks(counter).fit(FLOWERS, SPECIES)

    fits_of_pca = [task for task in counter.begun if task == ("Pipeline", "fit-pca")]
    assert len(fits_of_pca) == 2 * 2 + 1
    assert sorted(counter.begun) == sorted(counter.ended)


def test_a_callback_is_torn_down_when_a_step_fails():
    counter = Counter()
    X = table()

    def fail(values):
        raise RuntimeError("no such luck")

    pipeline = sm.Pipeline(X, Lambda(fail)(Whiten()(X))).set_callbacks(counter)

    with pytest.raises(RuntimeError, match="no such luck"):
        pipeline.fit_transform(FLOWERS)

    assert (counter.setups, counter.teardowns) == (1, 1)


def test_callbacks_change_nothing_of_what_is_learned():
    plain = drawn(StandardScaler(), LogisticRegression()).fit(FLOWERS, SPECIES)
    watched = drawn(StandardScaler(), LogisticRegression()).set_callbacks(NestedCounter())

    assert_array_equal(
        watched.fit(FLOWERS, SPECIES).predict_proba(FLOWERS), plain.predict_proba(FLOWERS)
    )
    assert not hasattr(watched.steps_.logisticregression.estimator_, "_skl_callbacks")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_progress_bar_runs_on_a_graph(capsys, n_jobs):
    pipeline = drawn(StandardScaler(), LogisticRegression()).set_callbacks(ProgressBar())

    pipeline.set_params(n_jobs=n_jobs).fit(FLOWERS, SPECIES)

    printed = capsys.readouterr().out
    assert "fit-standardscaler" in printed
    assert "fit-logisticregression" in printed
    assert "100%" in printed


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_progress_bar_runs_on_a_search_over_a_graph(capsys, n_jobs):
    pipeline = drawn(StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1]}, cv=2, n_jobs=n_jobs)

    search.set_callbacks(ProgressBar()).fit(FLOWERS, SPECIES)

    assert "GridSearchCV" in capsys.readouterr().out


def test_a_notebook_shows_a_picture():
    pipeline = drawn(StandardScaler(), PCA(2))

    assert "<svg" in pipeline._repr_html_()
    assert pipeline._repr_mimebundle_().keys() == {"text/plain", "text/html"}
    with sklearn.config_context(display="text"):
        assert pipeline._repr_mimebundle_().keys() == {"text/plain"}


def test_a_notebook_shows_the_picture_of_a_search_around_a_graph():
    search = GridSearchCV(drawn(StandardScaler()), {})

    assert "standardscaler" in search._repr_html_().lower()


def test_verbose_prints_every_step_with_its_place_and_time(capsys):
    drawn(StandardScaler(), PCA(2)).set_params(verbose=True).fit(FLOWERS)

    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 2
    for line, step in zip(lines, ["1 of 2) standardscaler", "2 of 2) pca"], strict=True):
        assert re.fullmatch(rf"\[Pipeline\] \(step {re.escape(step)}, total= +\d+\.\d+s", line)


def test_without_verbose_nothing_is_printed(capsys):
    drawn(StandardScaler(), PCA(2)).fit(FLOWERS)

    assert capsys.readouterr().out == ""


# Out of fold


def stacked(first, cv, method="auto"):
    X, y = table(), sm.Target("y")
    out_of_fold = Sklearn(first, method=method, cv=cv)(X, "first", y=y)
    second = Sklearn(LinearRegression())(out_of_fold, "second", y=y)
    return sm.Pipeline([X, y], [out_of_fold, second])


@pytest.mark.parametrize("cv", [3, KFold(4, shuffle=True, random_state=0)])
def test_steps_below_see_out_of_fold_predictions_while_fitting(cv):
    pipeline = stacked(Ridge(), cv)

    seen = pipeline.fit_transform(PATIENTS, PROGRESS)["first"]

    by_hand = cross_val_predict(Ridge(), PATIENTS, PROGRESS, cv=cv)
    assert_array_equal(seen, by_hand)
    expected = LinearRegression().fit(by_hand.reshape(-1, 1), PROGRESS)
    assert_allclose(pipeline.steps_.second.coef_, expected.coef_)


def test_steps_below_see_out_of_fold_probabilities_while_fitting():
    head = LogisticRegression(C=0.01)

    seen = stacked(head, 3, "predict_proba").fit_transform(FLOWERS, SPECIES)["first"]

    by_hand = cross_val_predict(head, FLOWERS, SPECIES, cv=3, method="predict_proba")
    assert_array_equal(seen, by_hand)


def test_after_the_fit_the_estimator_fitted_on_everything_serves():
    pipeline = stacked(Ridge(), 3).fit(PATIENTS, PROGRESS)

    expected = Ridge().fit(PATIENTS, PROGRESS).predict(PATIENTS)

    assert_array_equal(pipeline.transform(PATIENTS)["first"], expected)


def test_groups_are_a_fit_only_node_of_an_out_of_fold_step():
    X, y, groups = table(), sm.Target("y"), sm.Input("groups")
    by_group = GroupKFold(3)
    out_of_fold = Sklearn(Ridge(), cv=by_group)(X, "first", y=y, groups=groups)
    which = np.arange(80) % 5

    seen = sm.Pipeline([X, y, groups], out_of_fold).fit_transform(PATIENTS, PROGRESS, groups=which)

    assert_array_equal(
        seen, cross_val_predict(Ridge(), PATIENTS, PROGRESS, cv=by_group, groups=which)
    )


def test_weights_reach_every_fold_of_an_out_of_fold_step():
    X, y, w = table(), sm.Target("y"), sm.Input("w")
    out_of_fold = Sklearn(Ridge(), cv=3)(X, "first", y=y, sample_weight=w)
    weights = np.linspace(0.1, 5, 80)

    seen = sm.Pipeline([X, y, w], out_of_fold).fit_transform(PATIENTS, PROGRESS, w=weights)

    expected = cross_val_predict(
        Ridge(), PATIENTS, PROGRESS, cv=3, params={"sample_weight": weights}
    )
    assert_allclose(seen, expected)


def test_noise_is_not_learned_through_an_out_of_fold_step():
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(200, 5)), rng.integers(0, 2, 200)
    memory = KNeighborsClassifier(1)

    def seen_by_the_second_step(cv):
        values = stacked(memory, cv).fit_transform(X, noise)
        return accuracy_score(noise, values["first"])

    with pytest.warns(LeakageWarning, match="'second' is fitted on predictions that 'first'"):
        assert seen_by_the_second_step(None) == 1
    assert 0.4 < seen_by_the_second_step(5) < 0.6


# Metrics and explorers


def measured():
    X, y = table(), sm.Target("y")
    pred = Sklearn(Ridge())(X, y=y)
    error = Metric(mean_absolute_error)([y, pred], "error")
    spread = Explorer(np.ptp)(pred, "spread")
    return X, y, pred, error, spread


@pytest.mark.parametrize("listed", [True, False])
def test_metrics_and_explorers_are_computed_whether_listed_or_attached(listed):
    X, y, pred, error, spread = measured()
    ends = {"metrics": error, "explorers": [spread]} if listed else {}
    pipeline = sm.Pipeline([X, y], pred, **ends).fit(PATIENTS, PROGRESS)

    predicted = Ridge().fit(PATIENTS, PROGRESS).predict(PATIENTS)

    assert pipeline.evaluate(PATIENTS, PROGRESS) == {
        "error": mean_absolute_error(PROGRESS, predicted)
    }
    assert pipeline.explore(PATIENTS) == {"spread": np.ptp(predicted)}


@pytest.mark.parametrize("copied", [clone, lambda p: clone(p.fit(PATIENTS, PROGRESS))])
def test_a_clone_computes_the_metrics_of_its_own_fit(copied):
    X, y, pred, *_ = measured()
    twin = copied(sm.Pipeline([X, y], pred))

    twin.set_params(ridge__alpha=100).fit(PATIENTS, PROGRESS)

    predicted = Ridge(alpha=100).fit(PATIENTS, PROGRESS).predict(PATIENTS)
    assert twin.evaluate(PATIENTS, PROGRESS)["error"] == mean_absolute_error(PROGRESS, predicted)


def test_a_metric_attached_after_the_pipeline_was_made_is_computed():
    X, y = table(), sm.Target("y")
    pred = Sklearn(Ridge())(X, y=y)
    pipeline = sm.Pipeline([X, y], pred).fit(PATIENTS, PROGRESS)

    Metric(r2_score)([y, pred], "late")

    assert pipeline.evaluate(PATIENTS, PROGRESS) == {"late": pipeline.score(PATIENTS, PROGRESS)}


def test_metrics_listed_are_the_only_ones_computed():
    X, y, pred, error, _ = measured()
    Metric(r2_score)([y, pred], "other")
    pipeline = sm.Pipeline([X, y], pred, metrics=[error]).fit(PATIENTS, PROGRESS)

    assert list(pipeline.evaluate(PATIENTS, PROGRESS)) == ["error"]


def test_a_graph_without_metrics_evaluates_to_nothing():
    pipeline = drawn(Ridge()).fit(PATIENTS, PROGRESS)

    assert pipeline.evaluate(PATIENTS, PROGRESS) == {}
    assert pipeline.explore(PATIENTS, PROGRESS) == {}


def test_metrics_see_the_units_that_inverse_gives():
    X, y = table(), sm.Target("y")
    scaled = Whiten()(y)
    pred = scaled.inverse(Sklearn(Ridge())(X, y=scaled))
    Metric(r2_score)([y, pred], "r2")
    pipeline = sm.Pipeline([X, y], pred).fit(PATIENTS, PROGRESS)

    assert_allclose(
        pipeline.evaluate(PATIENTS, PROGRESS)["r2"], pipeline.score(PATIENTS, PROGRESS)
    )


def test_a_metric_takes_weights_as_a_further_node():
    X, y, w = table(), sm.Target("y"), sm.Input("w")
    pred = Sklearn(Ridge())(X, y=y, sample_weight=w)
    metric = Metric(lambda y, p, w: mean_absolute_error(y, p, sample_weight=w))
    weights = np.linspace(0.1, 5, 80)
    pipeline = sm.Pipeline([X, y, w], pred, metric([y, pred, w], "m")).fit(
        PATIENTS, PROGRESS, w=weights
    )

    expected = mean_absolute_error(PROGRESS, pipeline.predict(PATIENTS), sample_weight=weights)

    assert pipeline.evaluate(PATIENTS, PROGRESS, w=weights) == {"m": expected}


def test_a_metric_that_fails_says_which_and_on_what():
    X, y, pred, *_ = measured()

    def fail(truth, predicted):
        raise RuntimeError("no such luck")

    Metric(fail)([y, pred], "unlucky")
    pipeline = sm.Pipeline([X, y], pred).fit(PATIENTS, PROGRESS)

    with pytest.raises(RuntimeError, match="no such luck") as caught:
        pipeline.evaluate(PATIENTS, PROGRESS)

    note = caught.value.__notes__[0]
    assert "'unlucky'" in note
    assert "evaluating" in note
    assert "'y' (80,)" in note


# Weights and other fit-only inputs


def weighted(head, *before):
    X, y, w = table(), sm.Target("y"), sm.Input("sample_weight")
    node = X
    for estimator in before:
        node = Sklearn(estimator)(node)
    return sm.Pipeline([X, y, w], Sklearn(head)(node, y=y, sample_weight=w))


def test_weights_reach_the_step_that_was_drawn_with_them():
    ours = weighted(LogisticRegression(), StandardScaler())
    theirs = make_pipeline(StandardScaler(), LogisticRegression())

    ours.fit(FLOWERS, SPECIES, sample_weight=WEIGHTS)
    theirs.fit(FLOWERS, SPECIES, logisticregression__sample_weight=WEIGHTS)

    assert_array_equal(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))


def test_weights_can_reach_several_steps():
    X, y, w = table(), sm.Target("y"), sm.Input("w")
    scaled = Sklearn(StandardScaler())(X, sample_weight=w)
    ours = sm.Pipeline([X, y, w], Sklearn(Ridge())(scaled, y=y, sample_weight=w))
    weights = np.linspace(0.1, 5, 80)
    theirs = make_pipeline(StandardScaler(), Ridge()).fit(
        PATIENTS, PROGRESS, standardscaler__sample_weight=weights, ridge__sample_weight=weights
    )

    ours.fit(PATIENTS, PROGRESS, w=weights)

    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS))


def test_weights_can_be_computed_in_the_graph():
    X, y = table(), sm.Target("y")
    weights = Lambda(lambda labels: np.where(labels == 0, 10.0, 1.0))(y)
    pred = Sklearn(LogisticRegression())(standardized(X), y=y, sample_weight=weights)
    ours = sm.Pipeline([X, y], pred).fit(FLOWERS, SPECIES)

    theirs = weighted(LogisticRegression(), StandardScaler())
    theirs.fit(FLOWERS, SPECIES, sample_weight=WEIGHTS)

    assert_array_equal(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))


def test_weights_are_not_asked_for_after_the_fit():
    pipeline = weighted(Ridge()).fit(FLOWERS, SPECIES, sample_weight=WEIGHTS)

    assert pipeline.predict(FLOWERS).shape == (90,)


def test_weights_that_the_graph_needs_and_does_not_get_are_asked_for_by_name():
    with pytest.raises(KeyError, match=r"Missing input \['sample_weight'\]"):
        weighted(Ridge()).fit(FLOWERS, SPECIES)


def test_weights_given_as_none_are_no_weights():
    pipeline = weighted(Ridge()).fit(FLOWERS, SPECIES, sample_weight=None)

    assert_allclose(
        pipeline.predict(FLOWERS), Ridge().fit(FLOWERS, SPECIES).predict(FLOWERS), rtol=1e-6
    )


def test_weights_that_no_step_takes_are_refused_with_what_to_draw():
    with pytest.raises(TypeError, match=r"'sample_weight'.*Draw sm.Input\('sample_weight'\)"):
        drawn(Ridge()).fit(FLOWERS, SPECIES, sample_weight=WEIGHTS)


def test_metadata_routing_hands_weights_on_without_being_told():
    with sklearn.config_context(enable_metadata_routing=True):
        ours = weighted(LogisticRegression(), StandardScaler())
        ours.set_score_request(sample_weight=True)
        theirs = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            LogisticRegression()
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True),
        )

        ours, theirs = (
            cross_validate(model, FLOWERS, SPECIES, cv=3, params={"sample_weight": WEIGHTS})
            for model in (ours, theirs)
        )

    assert_allclose(ours["test_score"], theirs["test_score"])
