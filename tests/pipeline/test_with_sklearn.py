"""A graph inside the tools of sklearn gives what the sklearn spelling gives there."""

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)

# Halving searches are behind a switch in sklearn.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier

import skmegatron as sm
from skmegatron.layers import Concatenate, Lambda, Sklearn, Whiten


def drawn(*estimators):
    """Draw what make_pipeline(*estimators) says."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    node = X
    for estimator in estimators[:-1]:
        node = Sklearn(estimator)(node)
    last = estimators[-1]
    if is_classifier(last) or is_regressor(last):
        return sm.Pipeline([X, y], Sklearn(last)(node, y=y))
    return sm.Pipeline(X, Sklearn(last)(node))


def shuffled(X, y, n_rows):
    rows = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return X[rows], y[rows]


FLOWERS, SPECIES = shuffled(*load_iris(return_X_y=True), n_rows=90)
PATIENTS, PROGRESS = shuffled(*load_diabetes(return_X_y=True), n_rows=80)
SPELLINGS = [drawn, make_pipeline]


def classifier(spelling):
    return spelling(StandardScaler(), PCA(2), LogisticRegression())


def scaled_classifier(spelling):
    return spelling(StandardScaler(), LogisticRegression())


def regressor(spelling):
    return spelling(StandardScaler(), Ridge())


# Searches

GRID = {"pca__n_components": [1, 2], "logisticregression__C": [0.1, 1.0, 10.0]}
SEARCHES = {
    "GridSearchCV": lambda model, **k: GridSearchCV(model, GRID, cv=3, **k),
    "RandomizedSearchCV": lambda model, **k: RandomizedSearchCV(
        model, GRID, n_iter=4, cv=3, random_state=0, **k
    ),
    "HalvingGridSearchCV": lambda model, **k: HalvingGridSearchCV(
        model, GRID, cv=2, random_state=0, min_resources=30, **k
    ),
    "HalvingRandomSearchCV": lambda model, **k: HalvingRandomSearchCV(
        model, GRID, n_candidates=4, cv=2, random_state=0, min_resources=30, **k
    ),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_over_a_graph_finds_what_it_finds_over_the_sklearn_spelling(name, n_jobs):
    ours, theirs = (
        SEARCHES[name](classifier(spelling), n_jobs=n_jobs).fit(FLOWERS, SPECIES)
        for spelling in SPELLINGS
    )

    assert ours.best_params_ == theirs.best_params_
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    for column, values in theirs.cv_results_.items():
        if "test_score" in column:
            assert_allclose(ours.cv_results_[column], values, err_msg=column)
    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))


def test_a_search_can_put_other_estimators_into_a_step():
    grid = [
        {"pca": [PCA(1), TruncatedSVD(2, random_state=0), "passthrough"]},
        {"logisticregression": [RandomForestClassifier(5, random_state=0)]},
    ]

    ours, theirs = (
        GridSearchCV(classifier(spelling), grid, cv=3).fit(FLOWERS, SPECIES)
        for spelling in SPELLINGS
    )

    assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert str(ours.best_params_) == str(theirs.best_params_)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_can_set_the_keywords_of_a_lambda_also_in_other_processes(n_jobs):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    raised = Lambda(lambda x, power: x**power, power=1)(X)
    pipeline = sm.Pipeline([X, y], Sklearn(Ridge())(raised, y=y))
    powers = [1, 2, 3]

    search = GridSearchCV(pipeline, {"lambda__power": powers}, cv=3, n_jobs=n_jobs)

    by_hand = [cross_val_score(Ridge(), PATIENTS**p, PROGRESS, cv=3).mean() for p in powers]
    scores = search.fit(PATIENTS, PROGRESS).cv_results_["mean_test_score"]
    assert_allclose(scores, by_hand)


def test_a_search_leaves_the_graph_it_was_given_unfitted_and_unchanged():
    pipeline = classifier(drawn)
    before = repr(pipeline.get_params())

    GridSearchCV(pipeline, GRID, cv=2).fit(FLOWERS, SPECIES)

    assert repr(pipeline.get_params()) == before
    assert not hasattr(pipeline, "steps_")


def test_a_search_passes_weights_on_to_a_fit_only_input():
    weights = np.where(SPECIES == 0, 5.0, 1.0)
    X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("sample_weight")
    pred = Sklearn(LogisticRegression())(X, y=y, sample_weight=w)
    pipeline = sm.Pipeline([X, y, w], pred)

    ours = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=2)
    theirs = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    for search in (ours, theirs):
        search.fit(FLOWERS, SPECIES, sample_weight=weights)

    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))


# Functions of sklearn.model_selection and sklearn.inspection


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_validate_scores_a_graph_as_the_sklearn_spelling(n_jobs):
    ours, theirs = (
        cross_validate(
            classifier(spelling),
            FLOWERS,
            SPECIES,
            cv=3,
            scoring=["accuracy", "neg_log_loss", "roc_auc_ovr"],
            return_train_score=True,
            return_estimator=True,
            n_jobs=n_jobs,
        )
        for spelling in SPELLINGS
    )

    assert ours.keys() == theirs.keys()
    for key in theirs:
        if key.startswith(("train_", "test_")):
            assert_allclose(ours[key], theirs[key], err_msg=key)
    for mine, other in zip(ours["estimator"], theirs["estimator"], strict=True):
        assert_array_equal(mine.predict(FLOWERS), other.predict(FLOWERS))


def test_graphs_can_be_scored_in_threads():
    with joblib.parallel_config("threading", n_jobs=2):
        ours = cross_val_score(classifier(drawn), FLOWERS, SPECIES, cv=3)

    assert_allclose(ours, cross_val_score(classifier(make_pipeline), FLOWERS, SPECIES, cv=3))


def test_a_learning_curve_can_go_batch_by_batch():
    ours, theirs = (
        learning_curve(
            model,
            FLOWERS,
            SPECIES,
            train_sizes=[0.3, 1.0],
            cv=3,
            shuffle=True,
            random_state=0,
            exploit_incremental_learning=True,
        )[1:]
        for model in (drawn(SGDClassifier(random_state=0)), SGDClassifier(random_state=0))
    )

    assert_allclose(ours, theirs)


@pytest.mark.parametrize("scoring", [None, "balanced_accuracy", "neg_brier_score"])
def test_cross_val_score_is_that_of_the_sklearn_spelling(scoring):
    ours, theirs = (
        cross_val_score(classifier(spelling), FLOWERS, SPECIES, cv=3, scoring=scoring)
        for spelling in SPELLINGS
    )

    assert_allclose(ours, theirs)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_cross_val_predict_gives_what_the_sklearn_spelling_gives(method):
    ours, theirs = (
        cross_val_predict(classifier(spelling), FLOWERS, SPECIES, cv=3, method=method)
        for spelling in SPELLINGS
    )

    assert_allclose(ours, theirs)


def test_cross_val_predict_gives_what_the_sklearn_spelling_gives_of_a_regressor():
    ours, theirs = (
        cross_val_predict(regressor(spelling), PATIENTS, PROGRESS, cv=3) for spelling in SPELLINGS
    )

    assert_allclose(ours, theirs)


@pytest.mark.parametrize(
    "curve",
    [
        lambda model: learning_curve(model, FLOWERS, SPECIES, train_sizes=[0.4, 1.0], cv=3)[1:],
        lambda model: validation_curve(
            model,
            FLOWERS,
            SPECIES,
            param_name="logisticregression__C",
            param_range=[0.01, 1.0],
            cv=3,
        ),
        lambda model: permutation_test_score(
            model, FLOWERS, SPECIES, cv=2, n_permutations=5, random_state=0
        )[:2],
        lambda model: (
            permutation_importance(
                model.fit(FLOWERS, SPECIES), FLOWERS, SPECIES, n_repeats=3, random_state=0
            ).importances
        ),
        lambda model: (
            partial_dependence(
                model.fit(FLOWERS, SPECIES), FLOWERS, [1, 2], grid_resolution=5
            ).average
        ),
    ],
    ids=[
        "learning_curve",
        "validation_curve",
        "permutation_test_score",
        "permutation_importance",
        "partial_dependence",
    ],
)
def test_a_curve_of_a_graph_is_that_of_the_sklearn_spelling(curve):
    for ours, theirs in zip(*(curve(classifier(spelling)) for spelling in SPELLINGS), strict=True):
        assert_allclose(ours, theirs)


# Meta-estimators

AROUND_A_CLASSIFIER = {
    "CalibratedClassifierCV": lambda model: CalibratedClassifierCV(model, cv=3),
    "CalibratedClassifierCV without ensemble": lambda model: CalibratedClassifierCV(
        model, method="isotonic", cv=3, ensemble=False
    ),
    "VotingClassifier": lambda model: VotingClassifier(
        [("graph", model), ("other", LogisticRegression(C=0.01))], voting="soft"
    ),
    "VotingClassifier of labels": lambda model: VotingClassifier(
        [("graph", model), ("other", LogisticRegression(C=0.01))], voting="hard"
    ),
    "StackingClassifier": lambda model: StackingClassifier(
        [("graph", model), ("other", LogisticRegression(C=0.01))], cv=3
    ),
    "StackingClassifier on top": lambda model: StackingClassifier(
        [("one", LogisticRegression(C=0.01))], final_estimator=clone(model), cv=3
    ),
    "BaggingClassifier": lambda model: BaggingClassifier(model, n_estimators=3, random_state=0),
    "OneVsRestClassifier": lambda model: OneVsRestClassifier(model),
    "OneVsOneClassifier": lambda model: OneVsOneClassifier(model),
    "OutputCodeClassifier": lambda model: OutputCodeClassifier(model, random_state=0),
    "SelfTrainingClassifier": lambda model: SelfTrainingClassifier(model),
    "FrozenEstimator": lambda model: FrozenEstimator(model.fit(FLOWERS, SPECIES)),
    "calibrated FrozenEstimator": lambda model: CalibratedClassifierCV(
        FrozenEstimator(model.fit(FLOWERS, SPECIES))
    ),
    "last of make_pipeline": lambda model: make_pipeline(MinMaxScaler(), model),
    "last of a graph": lambda model: drawn(MinMaxScaler(), model),
}


@pytest.mark.parametrize("name", AROUND_A_CLASSIFIER)
def test_around_a_classifying_graph_it_predicts_as_around_the_sklearn_spelling(name):
    if "on top" in name:
        ours, theirs = (scaled_classifier(spelling) for spelling in SPELLINGS)
    else:
        ours, theirs = (classifier(spelling) for spelling in SPELLINGS)
    labels = SPECIES
    if "SelfTraining" in name:
        labels = np.where(np.arange(len(SPECIES)) % 3 == 0, -1, SPECIES)

    ours, theirs = (AROUND_A_CLASSIFIER[name](m).fit(FLOWERS, labels) for m in (ours, theirs))

    assert_array_equal(ours.predict(FLOWERS), theirs.predict(FLOWERS))
    assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.score(FLOWERS, SPECIES) == theirs.score(FLOWERS, SPECIES)
    if hasattr(theirs, "predict_proba"):
        assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))


AROUND_A_BINARY_CLASSIFIER = {
    "TunedThresholdClassifierCV": lambda model: TunedThresholdClassifierCV(model, cv=3),
    "FixedThresholdClassifier": lambda model: FixedThresholdClassifier(model, threshold=0.8),
    "CalibratedClassifierCV": lambda model: CalibratedClassifierCV(model, cv=3),
    "GridSearchCV": lambda model: GridSearchCV(model, GRID, scoring="roc_auc", cv=3),
}


@pytest.mark.parametrize("name", AROUND_A_BINARY_CLASSIFIER)
def test_around_a_binary_graph_it_predicts_as_around_the_sklearn_spelling(name):
    labels = np.where(SPECIES == 1, "versicolor", "other")

    ours, theirs = (
        AROUND_A_BINARY_CLASSIFIER[name](classifier(spelling)).fit(FLOWERS, labels)
        for spelling in SPELLINGS
    )

    assert_array_equal(ours.predict(FLOWERS), theirs.predict(FLOWERS))
    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))


@pytest.mark.parametrize("around", [MultiOutputClassifier, ClassifierChain])
def test_around_a_graph_several_labels_are_predicted_as_around_the_sklearn_spelling(around):
    labels = np.column_stack([SPECIES > 0, SPECIES > 1]).astype(int)

    ours, theirs = (
        around(classifier(spelling)).fit(FLOWERS, labels).predict(FLOWERS)
        for spelling in SPELLINGS
    )

    assert_array_equal(ours, theirs)


AROUND_A_REGRESSOR = {
    "VotingRegressor": lambda model: VotingRegressor([("graph", model), ("b", Ridge(10))]),
    "StackingRegressor": lambda model: StackingRegressor([("graph", model), ("b", Ridge(10))]),
    "BaggingRegressor": lambda model: BaggingRegressor(model, n_estimators=3, random_state=0),
    "AdaBoostRegressor": lambda model: AdaBoostRegressor(model, n_estimators=3, random_state=0),
    "TransformedTargetRegressor": lambda model: TransformedTargetRegressor(
        model, func=np.log1p, inverse_func=np.expm1
    ),
    "TransformedTargetRegressor with a transformer": lambda model: TransformedTargetRegressor(
        model, transformer=StandardScaler()
    ),
    "GridSearchCV": lambda model: GridSearchCV(model, {"ridge__alpha": [0.1, 10]}, cv=3),
    "last of make_pipeline": lambda model: make_pipeline(MinMaxScaler(), model),
}


@pytest.mark.parametrize("name", AROUND_A_REGRESSOR)
def test_around_a_regressing_graph_it_predicts_as_around_the_sklearn_spelling(name):
    ours, theirs = (
        AROUND_A_REGRESSOR[name](regressor(spelling)).fit(PATIENTS, PROGRESS)
        for spelling in SPELLINGS
    )

    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS))
    assert_allclose(ours.score(PATIENTS, PROGRESS), theirs.score(PATIENTS, PROGRESS))


@pytest.mark.parametrize("around", [MultiOutputRegressor, RegressorChain, clone])
def test_a_graph_regresses_several_targets_as_the_sklearn_spelling(around):
    targets = np.column_stack([PROGRESS, -PROGRESS, PROGRESS**2])

    ours, theirs = (
        around(regressor(spelling)).fit(PATIENTS, targets).predict(PATIENTS)
        for spelling in SPELLINGS
    )

    assert_allclose(ours, theirs)


def test_transformed_target_regressor_does_what_inverse_does_inside_a_graph():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(MinMaxScaler())(y)
    inside = sm.Pipeline([X, y], scaled.inverse(Sklearn(Ridge())(X, y=scaled)))
    around = TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler())

    ours, theirs = (model.fit(PATIENTS, PROGRESS).predict(PATIENTS) for model in (inside, around))

    assert_allclose(ours, theirs)


def test_adaboost_refuses_a_graph_without_weights_as_it_refuses_the_sklearn_spelling():
    for spelling in SPELLINGS:
        boosted = AdaBoostClassifier(scaled_classifier(spelling))
        with pytest.raises(ValueError, match="Pipeline doesn't support sample_weight"):
            boosted.fit(FLOWERS, SPECIES)


AROUND_WEIGHTS = {
    "AdaBoostClassifier": lambda model: AdaBoostClassifier(model, n_estimators=3, random_state=0),
    "CalibratedClassifierCV": lambda model: CalibratedClassifierCV(model, cv=2),
    "BaggingClassifier": lambda model: BaggingClassifier(model, n_estimators=3, random_state=0),
    "VotingClassifier": lambda model: VotingClassifier([("one", model)], voting="soft"),
    "StackingClassifier": lambda model: StackingClassifier([("one", model)], cv=2),
}


# Feature selection


def coefficients(pipeline):
    """Read the coefficients of the last step of a sklearn Pipeline."""
    return pipeline[-1].coef_


@pytest.mark.parametrize("getter", ["auto", "steps_.logisticregression.coef_"])
@pytest.mark.parametrize(
    "selector", [lambda *a, **k: RFE(*a, n_features_to_select=2, **k), RFECV], ids=["RFE", "RFECV"]
)
def test_recursive_elimination_keeps_the_columns_that_it_keeps_of_the_sklearn_spelling(
    selector, getter
):
    ours = selector(scaled_classifier(drawn), importance_getter=getter)
    theirs = selector(scaled_classifier(make_pipeline), importance_getter=coefficients)

    ours, theirs = (each.fit(FLOWERS, SPECIES) for each in (ours, theirs))

    assert_array_equal(ours.ranking_, theirs.ranking_)
    assert_array_equal(ours.predict(FLOWERS), theirs.predict(FLOWERS))


@pytest.mark.parametrize("getter", ["auto", "steps_.logisticregression.coef_"])
def test_select_from_model_keeps_the_columns_that_it_keeps_of_the_sklearn_spelling(getter):
    ours = SelectFromModel(scaled_classifier(drawn), importance_getter=getter)
    theirs = SelectFromModel(scaled_classifier(make_pipeline), importance_getter=coefficients)

    ours, theirs = (each.fit(FLOWERS, SPECIES) for each in (ours, theirs))

    assert_array_equal(ours.get_support(), theirs.get_support())


def test_select_from_model_reads_feature_importances_of_a_graph():
    forest = RandomForestClassifier(5, random_state=0)

    ours, theirs = (
        SelectFromModel(model).fit(FLOWERS, SPECIES).get_support()
        for model in (drawn(StandardScaler(), forest), forest)
    )

    assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "mixing",
    [PCA(), FunctionTransformer(np.fliplr), TruncatedSVD(4, random_state=0)],
    ids=["PCA", "reversed columns", "TruncatedSVD"],
)
def test_coefficients_of_other_columns_are_not_passed_off_as_those_of_X(mixing):
    pipeline = drawn(mixing, LogisticRegression()).fit(FLOWERS, SPECIES)

    assert not hasattr(pipeline, "coef_")


def of_single_columns(order):
    """Draw a classifier of four columns, put together in the order given."""
    columns = [sm.Input(f"c{place}") for place in range(4)]
    y = sm.Target("y")
    together = Concatenate()([columns[place] for place in order])
    pred = Sklearn(LogisticRegression(max_iter=1000))(together, y=y)
    return sm.Pipeline([*columns, y], pred)


@pytest.mark.parametrize("drawn_in", [[0, 1, 2, 3], [3, 2, 1, 0]])
@pytest.mark.parametrize("fed_in", [["c0", "c1", "c2", "c3"], ["c2", "c0", "c3", "c1"]])
def test_coefficients_are_in_the_order_of_the_columns_of_X_or_not_there(drawn_in, fed_in):
    frame = pd.DataFrame(FLOWERS, columns=["c0", "c1", "c2", "c3"])[fed_in]

    pipeline = of_single_columns(drawn_in).fit(frame, SPECIES)

    expected = LogisticRegression(max_iter=1000).fit(frame, SPECIES).coef_
    assert list(pipeline.feature_names_in_) == fed_in
    if hasattr(pipeline, "coef_"):
        assert_allclose(pipeline.coef_, expected, atol=0.01)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_sequential_selection_keeps_the_columns_that_it_keeps_of_the_sklearn_spelling(direction):
    ours, theirs = (
        SequentialFeatureSelector(
            scaled_classifier(spelling), n_features_to_select=2, direction=direction, cv=2
        ).fit(FLOWERS, SPECIES)
        for spelling in SPELLINGS
    )

    assert_array_equal(ours.get_support(), theirs.get_support())


# Composition


def branches(*estimators):
    """Draw what make_union(*estimators) says."""
    X = sm.Input("X", shape=(None,))
    return sm.Pipeline(X, Concatenate()([Sklearn(estimator)(X) for estimator in estimators]))


def test_branches_of_a_graph_are_a_feature_union():
    ours, theirs = (
        spelling(PCA(2), StandardScaler()).fit(FLOWERS) for spelling in (branches, make_union)
    )

    assert_allclose(ours.transform(FLOWERS), theirs.transform(FLOWERS))


def test_blocks_of_a_frame_are_a_column_transformer():
    frame = pd.DataFrame(FLOWERS, columns=list("abcd")).assign(kind=SPECIES.astype(str))
    numbers, kind = sm.Input("numbers", columns=["a", "c"]), sm.Input("kind", columns=["kind"])
    scaled = Sklearn(StandardScaler())(numbers)
    one_hot = Sklearn(OneHotEncoder(sparse_output=False))(kind)
    ours = sm.Pipeline([numbers, kind], Concatenate()([scaled, one_hot]))
    theirs = ColumnTransformer(
        [
            ("scaled", StandardScaler(), ["a", "c"]),
            ("one_hot", OneHotEncoder(sparse_output=False), ["kind"]),
        ],
        verbose_feature_names_out=False,
    )

    ours, theirs = ours.fit(frame), theirs.fit(frame)

    assert_allclose(ours.transform(frame), theirs.transform(frame))
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


def test_a_graph_of_text_takes_a_single_column_from_a_column_transformer():
    frame = pd.DataFrame({"text": ["a bb", "bb cc", "cc cc dd"], "size": [1.0, 2.0, 3.0]})
    text = sm.Input("text")
    words = sm.Pipeline(text, Sklearn(CountVectorizer())(text))

    ours, theirs = (
        ColumnTransformer([("words", model, "text"), ("size", StandardScaler(), ["size"])])
        for model in (words, CountVectorizer())
    )

    assert_allclose(ours.fit_transform(frame), theirs.fit_transform(frame))
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


def test_a_graph_of_text_keeps_the_index_inside_a_column_transformer():
    frame = pd.DataFrame({"text": ["a", "bb"], "size": [1.0, 2.0]}, index=["one", "two"])
    text = sm.Input("text")
    length = sm.Pipeline(text, Lambda(lambda words: np.char.str_len(words.astype(str)))(text))
    around = ColumnTransformer([("length", length, "text"), ("size", "passthrough", ["size"])])

    given = around.set_output(transform="pandas").fit_transform(frame)

    assert list(given.index) == ["one", "two"]
    assert given.to_numpy().tolist() == [[1, 1], [2, 2]]


def test_a_sklearn_pipeline_with_memory_finds_a_graph_that_it_has_fitted_before(tmp_path):
    X = sm.Input("X", shape=(None,))
    seen = tmp_path / "runs"
    noted = Lambda(note_a_run, path=str(seen))(Whiten()(X))
    model = make_pipeline(sm.Pipeline(X, noted), LogisticRegression(), memory=str(tmp_path))

    for strength in (0.1, 1, 10):
        clone(model).set_params(logisticregression__C=strength).fit(FLOWERS, SPECIES)

    assert seen.read_text() == "once"


def note_a_run(values, path):
    with open(path, "a") as file:
        file.write("once")
    return values


def transformer(spelling):
    return spelling(StandardScaler(), PCA(2))


AROUND_A_TRANSFORMER = {
    "FeatureUnion": lambda model: FeatureUnion([("graph", model), ("other", MinMaxScaler())]),
    "ColumnTransformer": lambda model: ColumnTransformer(
        [("graph", model, ["a", "b", "c"]), ("other", MinMaxScaler(), ["d"])]
    ),
    "first of make_pipeline": lambda model: make_pipeline(model, MinMaxScaler()),
    "middle of make_pipeline": lambda model: make_pipeline(MaxAbsScaler(), model, MinMaxScaler()),
    "last of make_pipeline": lambda model: make_pipeline(MaxAbsScaler(), model),
    "FrozenEstimator": lambda model: FrozenEstimator(model.fit(FLOWERS_TABLE)),
    "middle of a graph": lambda model: drawn(MaxAbsScaler(), model, MinMaxScaler()),
}
FLOWERS_TABLE = pd.DataFrame(FLOWERS, columns=list("abcd"))


@pytest.mark.parametrize("name", AROUND_A_TRANSFORMER)
def test_around_a_transforming_graph_the_columns_are_those_around_the_sklearn_spelling(name):
    ours, theirs = (
        AROUND_A_TRANSFORMER[name](transformer(spelling)).fit(FLOWERS_TABLE, SPECIES)
        for spelling in SPELLINGS
    )

    assert_allclose(ours.transform(FLOWERS_TABLE), theirs.transform(FLOWERS_TABLE))
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())


# A FrozenEstimator hands set_output on to nobody.
@pytest.mark.parametrize("name", [name for name in AROUND_A_TRANSFORMER if "Frozen" not in name])
def test_set_output_reaches_a_graph_inside(name):
    ours, theirs = (
        AROUND_A_TRANSFORMER[name](transformer(spelling))
        .set_output(transform="pandas")
        .fit_transform(FLOWERS_TABLE)
        for spelling in SPELLINGS
    )

    pd.testing.assert_frame_equal(ours, theirs)


STEPS = [
    StandardScaler(),
    MinMaxScaler(),
    MaxAbsScaler(),
    PCA(2),
    Normalizer(),
    FunctionTransformer(np.square),
]


@given(places=st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=5))
@settings(max_examples=25)
def test_any_chain_gives_what_make_pipeline_gives(places):
    ours, theirs = (
        spelling(*(clone(STEPS[place]) for place in places)).fit(FLOWERS) for spelling in SPELLINGS
    )

    assert_allclose(ours.transform(FLOWERS), theirs.transform(FLOWERS))
    assert list(ours.steps_) == list(theirs.named_steps)


@given(places=st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=5))
@settings(max_examples=25)
def test_any_branches_give_what_make_union_gives(places):
    ours, theirs = (
        spelling(*(clone(STEPS[place]) for place in places)).fit(FLOWERS)
        for spelling in (branches, make_union)
    )

    assert_allclose(ours.transform(FLOWERS), theirs.transform(FLOWERS))


# A graph in a graph


def nested():
    return drawn(transformer(drawn), LogisticRegression())


def test_parameters_of_a_nested_graph_are_reached_through_both_names():
    params = nested().get_params()

    assert params["pipeline__pca__n_components"] == 2
    assert isinstance(params["pipeline"], sm.Pipeline)
    assert isinstance(params["pipeline__pca"], PCA)


def test_parameters_of_a_nested_graph_are_named_as_in_a_nested_sklearn_pipeline():
    theirs = make_pipeline(transformer(make_pipeline), LogisticRegression())
    own = {"memory", "steps", "transform_input", "verbose"}
    own |= {f"pipeline__{name}" for name in own}

    assert set(theirs.get_params()) - own <= set(nested().get_params())


def test_set_params_reaches_a_nested_graph():
    pipeline = nested().set_params(pipeline__pca__n_components=1)

    assert pipeline.fit(FLOWERS, SPECIES).transform(FLOWERS, outputs=["pipeline"]).shape == (90, 1)


def test_set_params_of_a_nested_graph_leaves_the_one_it_was_made_from():
    inner = transformer(drawn)
    pipeline = drawn(inner, LogisticRegression())

    pipeline.set_params(pipeline__pca__n_components=1)

    assert inner.get_params()["pca__n_components"] == 2


def test_a_search_reaches_a_nested_graph_as_it_reaches_a_nested_sklearn_pipeline():
    grid = {"pipeline__pca__n_components": [1, 2], "logisticregression__C": [0.1, 1]}
    theirs = make_pipeline(transformer(make_pipeline), LogisticRegression())

    ours, theirs = (
        GridSearchCV(model, grid, cv=3).fit(FLOWERS, SPECIES) for model in (nested(), theirs)
    )

    assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.best_params_ == theirs.best_params_


def test_a_clone_of_a_nested_graph_is_unfitted_and_has_its_parameters():
    pipeline = nested().set_params(pipeline__pca__n_components=1).fit(FLOWERS, SPECIES)

    twin = clone(pipeline)

    assert not hasattr(twin, "steps_")
    assert twin.get_params()["pipeline__pca__n_components"] == 1
    assert twin.get_params()["pipeline"] is not pipeline.get_params()["pipeline"]


def test_a_graph_in_a_graph_predicts_as_one_flat_graph():
    flat = drawn(StandardScaler(), PCA(2), LogisticRegression())

    ours, theirs = (model.fit(FLOWERS, SPECIES) for model in (nested(), flat))

    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))


def test_a_graph_with_a_search_in_it_predicts_as_a_sklearn_pipeline_with_a_search_in_it():
    def searched(spelling):
        return spelling(StandardScaler(), GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}))

    ours, theirs = (searched(spelling).fit(FLOWERS, SPECIES) for spelling in SPELLINGS)

    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))
    assert ours.steps_.gridsearchcv.best_params_ == theirs[-1].best_params_


# set_params


def test_a_replaced_step_keeps_its_name_and_goes_on_taking_parameters():
    pipeline = classifier(drawn).set_params(pca=TruncatedSVD(3))

    pipeline.set_params(pca__n_components=1).fit(FLOWERS, SPECIES)

    assert list(pipeline.steps_) == ["standardscaler", "pca", "logisticregression"]
    assert isinstance(pipeline.steps_.pca.estimator_, TruncatedSVD)
    assert pipeline.transform(FLOWERS, outputs="pca").shape == (90, 1)


def test_a_step_and_its_parameter_can_be_set_in_one_call_in_any_order():
    one, other = classifier(drawn), classifier(drawn)

    one.set_params(pca=TruncatedSVD(), pca__n_components=1)
    other.set_params(pca__n_components=1, pca=TruncatedSVD())

    for pipeline in (one, other):
        assert repr(pipeline.get_params()["pca"]) == "TruncatedSVD(n_components=1)"


def test_the_estimator_put_into_a_step_stays_as_the_user_made_it():
    svd = TruncatedSVD(3)
    pipeline = classifier(drawn).set_params(pca=svd)

    pipeline.set_params(pca__n_components=1).fit(FLOWERS, SPECIES)

    assert svd.n_components == 3
    assert not hasattr(svd, "components_")


def test_an_inverse_has_no_parameters_of_its_own_and_is_not_offered_as_one():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Whiten()(y)
    pipeline = sm.Pipeline([X, y], scaled.inverse(Sklearn(Ridge())(X, y=scaled)))

    with pytest.raises(ValueError, match="Invalid parameter 'inverse'") as caught:
        pipeline.set_params(inverse=Ridge())

    assert "inverse" not in pipeline.get_params()
    assert "'inverse', " not in str(caught.value).partition("Valid parameters")[2]


def test_nodes_of_the_user_find_their_values_also_after_set_params_clone_and_search():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    reduced = Sklearn(PCA(2))(X)
    pipeline = sm.Pipeline([X, y], Sklearn(LogisticRegression())(reduced, y=y))

    search = GridSearchCV(clone(pipeline), {"pca__n_components": [3]}, cv=2).fit(FLOWERS, SPECIES)

    assert search.best_estimator_.transform(FLOWERS, outputs=reduced).shape == (90, 3)


def test_set_params_of_a_sklearn_pipeline_reaches_a_graph_in_it():
    model = make_pipeline(transformer(drawn), LogisticRegression())

    model.set_params(pipeline__pca__n_components=1).fit(FLOWERS, SPECIES)

    assert model[0].transform(FLOWERS).shape == (90, 1)


@pytest.mark.parametrize("off", ["passthrough", None])
def test_a_step_that_is_passed_through_hands_on_what_came_in(off):
    pipeline = classifier(drawn).set_params(pca=off).fit(FLOWERS, SPECIES)
    theirs = make_pipeline(StandardScaler(), LogisticRegression()).fit(FLOWERS, SPECIES)

    assert_allclose(pipeline.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))
    assert pipeline.get_params()["pca"] == off


def test_a_step_that_was_passed_through_can_be_put_back():
    pipeline = classifier(drawn).set_params(pca="passthrough").set_params(pca=PCA(1))

    assert pipeline.fit(FLOWERS, SPECIES).transform(FLOWERS, outputs="pca").shape == (90, 1)


def test_a_native_layer_can_take_the_place_of_an_estimator_and_the_reverse():
    whitened = transformer(drawn).set_params(standardscaler=Whiten())
    X = sm.Input("X", shape=(None,))
    scaled = sm.Pipeline(X, Sklearn(PCA(2))(Whiten()(X))).set_params(whiten=StandardScaler())

    expected = transformer(make_pipeline).fit_transform(FLOWERS)

    assert_allclose(whitened.fit_transform(FLOWERS), expected)
    assert_allclose(scaled.fit_transform(FLOWERS), expected)
    assert list(whitened.steps_) == ["standardscaler", "pca"]
    assert list(scaled.steps_) == ["whiten", "pca"]


def test_parameters_of_native_layers_and_keywords_of_lambdas_can_be_set():
    X = sm.Input("X", shape=(None,))
    clipped = Lambda(np.clip, a_min=0.0, a_max=1.0)(Whiten()(X))
    pipeline = sm.Pipeline(X, clipped)

    pipeline.set_params(lambda__a_max=0.5, whiten__ddof=1)

    assert pipeline.fit_transform(FLOWERS).max() == 0.5
    assert pipeline.steps_.whiten.ddof == 1


def test_parameters_of_the_pipeline_and_of_its_steps_can_be_set_together():
    pipeline = classifier(drawn).set_params(name="flowers", verbose=True, pca__n_components=1)

    assert (pipeline.name, pipeline.verbose) == ("flowers", True)
    assert pipeline.get_params()["pca__n_components"] == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"pcaa__n_components": 1}, r"Invalid parameter 'pcaa'.*Valid parameters are.*'pca'"),
        ({"pcaa": PCA()}, r"Invalid parameter 'pcaa'.*Valid parameters are.*'pca'"),
        ({"pca__components": 1}, r"Invalid parameter 'components'.*n_components"),
        ({"n_components": 1}, r"Invalid parameter 'n_components'"),
        ({"pca__n_components__deep": 1}, "set_params"),
    ],
)
def test_an_unknown_parameter_is_named_and_nothing_is_set(wrong, words):
    pipeline = classifier(drawn)
    before = repr(pipeline.get_params())
    good = {"name": "set", "logisticregression__C": 7, "standardscaler": MinMaxScaler()}

    with pytest.raises((ValueError, AttributeError), match=words):
        pipeline.set_params(**good, **wrong)

    assert repr(pipeline.get_params()) == before


def test_a_parameter_of_a_step_that_is_switched_off_is_refused_with_what_to_do():
    pipeline = classifier(drawn).set_params(pca="passthrough")

    with pytest.raises(ValueError, match=r"'pca' is 'passthrough'.*set_params\(pca=\.\.\.\)"):
        pipeline.set_params(pca__n_components=1)


def test_set_params_returns_the_pipeline_and_without_parameters_does_nothing():
    pipeline = classifier(drawn)
    outputs = pipeline.outputs

    assert pipeline.set_params() is pipeline
    assert pipeline.set_params(verbose=True) is pipeline
    assert pipeline.outputs is outputs


def shared_scaler():
    scaler = Sklearn(MinMaxScaler())
    X = sm.Input("X", shape=(None,))
    return sm.Pipeline(X, scaler(Sklearn(PCA(2))(scaler(X, "first")), "second"))


def test_steps_that_share_a_layer_learn_each_their_own_state():
    pipeline = shared_scaler().fit(FLOWERS)

    theirs = make_pipeline(MinMaxScaler(), PCA(2), MinMaxScaler()).fit(FLOWERS)

    assert_allclose(pipeline.transform(FLOWERS), theirs.transform(FLOWERS))
    assert pipeline.steps_.first.n_features_in_ == 4
    assert pipeline.steps_.second.n_features_in_ == 2


@pytest.mark.parametrize("copied", [lambda p: p, clone, lambda p: clone(p.fit(FLOWERS))])
def test_steps_that_share_a_layer_share_its_parameters_also_in_a_clone(copied):
    pipeline = copied(shared_scaler())

    pipeline.set_params(first__feature_range=(0, 5))

    assert pipeline.get_params()["second__feature_range"] == (0, 5)


def test_one_of_the_steps_that_share_a_layer_can_be_replaced_alone():
    pipeline = shared_scaler().set_params(second=StandardScaler())

    assert isinstance(pipeline.get_params()["first"], MinMaxScaler)
    assert isinstance(pipeline.get_params()["second"], StandardScaler)


# What belongs to the user stays as it is


def drawn_twice():
    """Two pipelines over the same nodes, and what the user holds of them."""
    estimators = {"scaler": StandardScaler(), "pca": PCA(2), "clf": LogisticRegression()}
    layers = {name: Sklearn(estimator) for name, estimator in estimators.items()}
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    reduced = layers["pca"](layers["scaler"](X))
    pred = layers["clf"](reduced, y=y)
    return estimators, layers, sm.Pipeline([X, y], pred), sm.Pipeline(X, reduced)


USES = {
    "fit": lambda pipeline: pipeline.fit(FLOWERS, SPECIES),
    "fit_transform": lambda pipeline: pipeline.fit_transform(FLOWERS, SPECIES),
    "set_params": lambda pipeline: pipeline.set_params(pca__n_components=3, standardscaler=PCA(1)),
    "set and fit": lambda pipeline: pipeline.set_params(pca__n_components=3).fit(FLOWERS, SPECIES),
    "clone and fit": lambda pipeline: clone(pipeline).fit(FLOWERS, SPECIES),
    "search": lambda pipeline: GridSearchCV(pipeline, GRID, cv=2).fit(FLOWERS, SPECIES),
    "score": lambda pipeline: cross_val_score(pipeline, FLOWERS, SPECIES, cv=2),
    "set_output": lambda pipeline: pipeline.set_output(transform="pandas").fit(FLOWERS, SPECIES),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_estimators_and_layers_of_the_user_are_never_fitted_or_changed(use):
    estimators, layers, pipeline, _ = drawn_twice()
    before = {name: dict(vars(thing)) for name, thing in (estimators | layers).items()}

    use(pipeline)

    assert {name: dict(vars(thing)) for name, thing in (estimators | layers).items()} == before


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_another_pipeline_on_the_same_nodes_is_never_changed(use):
    _, _, pipeline, other = drawn_twice()
    params, nodes = repr(other.get_params()), other.path
    values = other.fit_transform(FLOWERS)

    use(pipeline)

    assert repr(other.get_params()) == params
    assert all(now is then for now, then in zip(other.path, nodes, strict=True))
    assert_array_equal(other.transform(FLOWERS), values)


def test_a_graph_drawn_further_after_a_pipeline_was_made_leaves_that_pipeline_alone():
    X = sm.Input("X", shape=(None,))
    scaled = Whiten()(X)
    pipeline = sm.Pipeline(X, scaled).fit(FLOWERS)
    expected = pipeline.transform(FLOWERS)

    Sklearn(PCA(1))(scaled, "later")

    assert list(pipeline.fit(FLOWERS).steps_) == ["whiten"]
    assert_array_equal(pipeline.transform(FLOWERS), expected)


def test_a_clone_has_nodes_layers_and_estimators_of_its_own():
    pipeline = classifier(drawn)
    twin = clone(pipeline)

    assert set(map(id, twin.path)).isdisjoint(map(id, pipeline.path))
    for name in ("standardscaler", "pca", "logisticregression"):
        assert twin.get_params()[name] is not pipeline.get_params()[name]


def test_changing_a_clone_leaves_the_original_and_the_reverse():
    pipeline = classifier(drawn)
    twin = clone(pipeline).set_params(pca__n_components=1)

    pipeline.set_params(pca__n_components=3)

    assert twin.get_params()["pca__n_components"] == 1


@given(
    strength=st.floats(0.01, 10),
    scaler=st.sampled_from([StandardScaler(), MinMaxScaler(), "passthrough"]),
)
@settings(max_examples=15)
def test_a_clone_learns_what_the_original_learns(strength, scaler):
    pipeline = regressor(drawn).set_params(ridge__alpha=strength, standardscaler=scaler)

    twin = clone(clone(pipeline).fit(PATIENTS, PROGRESS))

    assert repr(twin.get_params(deep=False)) == repr(pipeline.get_params(deep=False))
    assert_array_equal(*(p.fit(PATIENTS, PROGRESS).predict(PATIENTS) for p in (twin, pipeline)))
