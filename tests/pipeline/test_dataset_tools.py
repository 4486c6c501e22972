"""`Dataset` goes through the tools of sklearn, images and columns cut at the same rows.

The reference is the sklearn spelling on one flat matrix: the pixels, then the age.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)

# Halving searches are behind a switch in sklearn.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    train_test_split,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import resample, shuffle

import skmegatron as sm
from skmegatron.layers import Concatenate, Flatten, Metric, Sklearn, Whiten

N_ROWS = 90
_digits = load_digits(n_class=3)
_rng = np.random.default_rng(0)
# Noisy, so that no score is a perfect one by chance.
IMAGES = _digits.images[:N_ROWS] / 16 + _rng.normal(0, 0.6, (N_ROWS, 8, 8))
LABELS = _digits.target[:N_ROWS]
AGES = _rng.normal(40, 12, N_ROWS) + LABELS
DATA = sm.Dataset(image=IMAGES, age=AGES)
FLAT = np.column_stack([IMAGES.reshape(N_ROWS, -1), AGES])


def drawn(last):
    image, age, label = sm.Input("image", shape=(8, 8)), sm.Input("age"), sm.Target("label")
    both = Concatenate()([Flatten()(image), Whiten()(age)])
    pred = Sklearn(last)(both, "model", y=label)
    return sm.Pipeline([image, age, label], pred)


def spelled(last):
    """Spell the same for the flat matrix."""
    columns = ColumnTransformer(
        [("pixels", "passthrough", slice(0, 64)), ("age", StandardScaler(), [64])]
    )
    return Pipeline([("columns", columns), ("model", last)])


def classifier(spelling):
    return spelling(LogisticRegression())


#: The graph with its Dataset, and the sklearn spelling with its flat matrix.
BOTH = [(drawn, DATA), (spelled, FLAT)]


def test_train_test_split_cuts_every_array_at_the_same_rows():
    train, test, labels, _ = train_test_split(DATA, LABELS, test_size=0.3, random_state=0)
    flat_train, flat_test = train_test_split(FLAT, test_size=0.3, random_state=0)

    assert isinstance(train, sm.Dataset)
    assert len(train) == len(labels)
    for ours, theirs in ((train, flat_train), (test, flat_test)):
        assert_array_equal(ours["image"].reshape(len(ours), -1), theirs[:, :64])
        assert_array_equal(ours["age"], theirs[:, 64])


def test_train_test_split_stratifies_a_dataset():
    train, test = train_test_split(DATA, stratify=LABELS, random_state=0)

    assert (len(train), len(test)) == (67, 23)


@pytest.mark.parametrize("tool", [shuffle, resample])
def test_rows_of_a_dataset_can_be_drawn(tool):
    ours, theirs = (tool(X, random_state=0) for X in (DATA, FLAT))

    assert_array_equal(ours["age"], theirs[:, 64])
    assert_array_equal(ours["image"].reshape(len(ours), -1), theirs[:, :64])


@pytest.mark.parametrize(
    "splitter",
    [StratifiedKFold(3), ShuffleSplit(3, random_state=0), TimeSeriesSplit(3), GroupKFold(3)],
    ids=lambda splitter: type(splitter).__name__,
)
def test_any_splitter_cuts_a_dataset(splitter):
    groups = np.arange(N_ROWS) % 5 if isinstance(splitter, GroupKFold) else None

    ours, theirs = (
        cross_val_score(classifier(spelling), X, LABELS, cv=splitter, groups=groups)
        for spelling, X in BOTH
    )

    assert_allclose(ours, theirs)


SEARCHES = {
    "GridSearchCV": lambda model, **k: GridSearchCV(model, {"model__C": [0.01, 1]}, cv=3, **k),
    "RandomizedSearchCV": lambda model, **k: RandomizedSearchCV(
        model, {"model__C": [0.001, 0.01, 1]}, n_iter=2, cv=3, random_state=0, **k
    ),
    "HalvingGridSearchCV": lambda model, **k: HalvingGridSearchCV(
        model, {"model__C": [0.001, 0.01, 1]}, cv=2, random_state=0, **k
    ),
    "HalvingRandomSearchCV": lambda model, **k: HalvingRandomSearchCV(
        model, {"model__C": [0.001, 0.01, 1]}, n_candidates=3, cv=2, random_state=0, **k
    ),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_over_a_dataset_finds_what_it_finds_over_the_flat_matrix(name, n_jobs):
    ours, theirs = (
        SEARCHES[name](classifier(spelling), n_jobs=n_jobs).fit(X, LABELS) for spelling, X in BOTH
    )

    assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(ours.predict_proba(DATA), theirs.predict_proba(FLAT), rtol=1e-4)
    assert ours.score(DATA, LABELS) == theirs.score(FLAT, LABELS)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_validate_scores_a_dataset_as_the_flat_matrix(n_jobs):
    ours, theirs = (
        cross_validate(
            classifier(spelling),
            X,
            LABELS,
            cv=3,
            scoring=["accuracy", "neg_log_loss"],
            return_train_score=True,
            n_jobs=n_jobs,
        )
        for spelling, X in BOTH
    )

    for key in ("test_accuracy", "train_accuracy", "test_neg_log_loss", "train_neg_log_loss"):
        assert_allclose(ours[key], theirs[key], rtol=1e-3)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_cross_val_predict_gives_of_a_dataset_what_it_gives_of_the_flat_matrix(method):
    ours, theirs = (
        cross_val_predict(classifier(spelling), X, LABELS, cv=3, method=method)
        for spelling, X in BOTH
    )

    assert_allclose(ours, theirs, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    "curve",
    [
        lambda model, X: learning_curve(model, X, LABELS, train_sizes=[0.5, 1.0], cv=3)[1:],
        lambda model, X: validation_curve(
            model, X, LABELS, param_name="model__C", param_range=[0.001, 1.0], cv=3
        ),
        lambda model, X: permutation_test_score(
            model, X, LABELS, cv=2, n_permutations=4, random_state=0
        )[:2],
    ],
    ids=["learning_curve", "validation_curve", "permutation_test_score"],
)
def test_a_curve_over_a_dataset_is_that_over_the_flat_matrix(curve):
    for ours, theirs in zip(*(curve(classifier(s), X) for s, X in BOTH), strict=True):
        assert_allclose(ours, theirs)


AROUND = {
    "StackingClassifier": lambda model: StackingClassifier(
        [("one", model), ("two", clone(model).set_params(model__C=0.01))], cv=3
    ),
    "VotingClassifier": lambda model: VotingClassifier(
        [("one", model), ("two", clone(model).set_params(model__C=0.01))], voting="soft"
    ),
    "CalibratedClassifierCV": lambda model: CalibratedClassifierCV(model, cv=3),
}


@pytest.mark.parametrize("name", AROUND)
def test_around_a_graph_a_dataset_is_predicted_as_the_flat_matrix(name):
    ours, theirs = (AROUND[name](classifier(spelling)).fit(X, LABELS) for spelling, X in BOTH)

    assert_array_equal(ours.predict(DATA), theirs.predict(FLAT))
    assert_allclose(ours.predict_proba(DATA), theirs.predict_proba(FLAT), rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("around", [StackingRegressor, VotingRegressor])
def test_around_a_regressing_graph_a_dataset_is_predicted_as_the_flat_matrix(around):
    ours, theirs = (
        around([("one", spelling(Ridge())), ("two", spelling(Ridge(10)))])
        .fit(X, AGES + LABELS)
        .predict(X)
        for spelling, X in BOTH
    )

    assert_allclose(ours, theirs)


def test_a_threshold_is_tuned_on_a_dataset_as_on_the_flat_matrix():
    ours, theirs = (
        TunedThresholdClassifierCV(classifier(spelling), cv=3).fit(X, LABELS == 1).best_score_
        for spelling, X in BOTH
    )

    assert_allclose(ours, theirs)


# A graph's own metrics as the scoring of a search


def measured():
    pipeline = drawn(LogisticRegression())
    label, pred = pipeline.inputs[-1], pipeline.outputs
    metrics = [
        Metric(accuracy_score)([label, pred], "acc"),
        Metric(lambda y, p: -np.mean(y != p))([label, pred], "minus_errors"),
    ]
    return sm.Pipeline(pipeline.inputs, pred, metrics)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_scores_with_the_metrics_of_the_graph(n_jobs):
    grid = {"model__C": [0.001, 0.01, 1]}

    ours = GridSearchCV(
        measured(), grid, scoring=sm.Pipeline.evaluate, refit="acc", cv=3, n_jobs=n_jobs
    ).fit(DATA, LABELS)
    theirs = GridSearchCV(classifier(spelled), grid, scoring="accuracy", cv=3).fit(FLAT, LABELS)

    assert_allclose(ours.cv_results_["mean_test_acc"], theirs.cv_results_["mean_test_score"])
    assert_allclose(
        ours.cv_results_["mean_test_minus_errors"], theirs.cv_results_["mean_test_score"] - 1
    )
    assert ours.best_params_ == theirs.best_params_
    assert ours.score(DATA, LABELS) == theirs.score(FLAT, LABELS)


def test_cross_validate_scores_with_the_metrics_of_the_graph():
    ours = cross_validate(measured(), DATA, LABELS, scoring=sm.Pipeline.evaluate, cv=3)
    theirs = cross_val_score(classifier(spelled), FLAT, LABELS, cv=3)

    assert_allclose(ours["test_acc"], theirs)
    assert_allclose(ours["test_minus_errors"], theirs - 1)


# What else a Dataset may hold


def test_labels_may_be_in_the_dataset_when_the_graph_is_fitted():
    whole = sm.Dataset(**DATA, label=LABELS)

    ours = classifier(drawn).fit(whole)

    assert ours.score(whole) == classifier(drawn).fit(DATA, LABELS).score(DATA, LABELS)


def test_arrays_that_no_input_asks_for_are_left_out():
    wide = sm.Dataset(**DATA, name=[f"patient {row}" for row in range(N_ROWS)])

    ours, theirs = (
        cross_val_score(classifier(drawn), data, LABELS, cv=3) for data in (wide, DATA)
    )

    assert_allclose(ours, theirs)


def test_sparse_matrices_text_and_frames_are_cut_together():
    rng = np.random.default_rng(0)
    words = np.array(["zero", "one two", "two three"])[LABELS]
    data = sm.Dataset(
        counts=sparse.csr_matrix(rng.poisson(0.5, (N_ROWS, 6)).astype(float)),
        text=words,
        frame=pd.DataFrame({"a": AGES, "b": -AGES}),
    )
    counts, text = sm.Input("counts", shape=(6,)), sm.Input("text")
    frame, label = sm.Input("frame", columns=["b"]), sm.Target("label")
    bag = Sklearn(CountVectorizer())(text)
    both = Concatenate()([counts, bag, Whiten()(frame)])
    pred = Sklearn(LogisticRegression())(both, y=label)
    pipeline = sm.Pipeline([counts, text, frame, label], pred)

    assert cross_val_score(pipeline, data, LABELS, cv=3).min() == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_mapping_that_is_no_dataset_can_be_fitted_and_predicted(n_jobs):
    search = GridSearchCV(classifier(drawn), {"model__C": [0.1, 1]}, cv=2, n_jobs=n_jobs)
    as_dict = {"image": IMAGES, "age": AGES}

    plain = classifier(drawn).fit(as_dict, LABELS)

    assert_array_equal(plain.predict(as_dict), classifier(drawn).fit(DATA, LABELS).predict(DATA))
    assert_array_equal(search.fit(DATA, LABELS).predict(as_dict), search.predict(DATA))


def test_weights_are_cut_with_the_rows_of_a_dataset():
    weights = np.where(LABELS == 1, 10.0, 1.0)
    image, label, weight = sm.Input("image", shape=(8, 8)), sm.Target("label"), sm.Input("weight")
    pred = Sklearn(LogisticRegression())(Flatten()(image), y=label, sample_weight=weight)
    pipeline = sm.Pipeline([image, label, weight], pred)

    ours = cross_val_predict(
        pipeline, sm.Dataset(image=IMAGES), LABELS, params={"weight": weights}, cv=3
    )
    theirs = cross_val_predict(
        LogisticRegression(), FLAT[:, :64], LABELS, params={"sample_weight": weights}, cv=3
    )

    assert_array_equal(ours, theirs)


def test_a_graph_with_several_outputs_gives_a_dataset_that_can_be_fed_on():
    image, age = sm.Input("image", shape=(8, 8)), sm.Input("age")
    first = sm.Pipeline([image, age], [Flatten()(image), Whiten()(age, "z")])

    given = first.fit_transform(DATA)
    train, test = train_test_split(given, random_state=0)

    pixels, z, label = sm.Input("flatten", shape=(64,)), sm.Input("z"), sm.Target("label")
    pred = Sklearn(Ridge())([pixels, z], y=label)
    second = sm.Pipeline([pixels, z, label], pred)
    assert len(second.fit(given, LABELS).predict(test)) == len(test)
    assert train["flatten"].shape == (67, 64)


def test_one_vs_rest_takes_a_graph_over_a_dataset():
    ours, theirs = (
        OneVsRestClassifier(classifier(spelling)).fit(X, LABELS).predict(X) for spelling, X in BOTH
    )

    assert_array_equal(ours, theirs)
