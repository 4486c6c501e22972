"""Steps on the target: what is learned is in their units, what is answered in the target's own."""

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, make_scorer, mean_absolute_error, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    LabelBinarizer,
    LabelEncoder,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import skmegatron as sm
from skmegatron.errors import MissingInputError, NodeTypeError
from skmegatron.layers import Lambda, Layer, OneHotLabels, OneHotRange, Sklearn, Whiten

PATIENTS, PROGRESS = (values[:150] for values in load_diabetes(return_X_y=True))
FLOWERS, CODES = (values[::2] for values in load_iris(return_X_y=True))
NAMES = load_iris().target_names[CODES]
SEVERAL = np.column_stack([PROGRESS, PROGRESS**2, np.log(PROGRESS)])
WEIGHTS = np.linspace(0.1, 2, len(PATIENTS))

STEPS = [
    StandardScaler(),
    MinMaxScaler(),
    RobustScaler(),
    PowerTransformer(),
    QuantileTransformer(n_quantiles=50),
    FunctionTransformer(np.log1p, np.expm1),
    make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
]


def drawn(step, head, **settings):
    """A head that learns the target in other units, and answers in the target's own."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    target = (step if isinstance(step, Layer) else Sklearn(step))(y, "target")
    pred = Sklearn(head)(X, "head", y=target)
    return sm.Pipeline([X, y], target.inverse(pred), **settings)


def spelled(step, head):
    return TransformedTargetRegressor(head, transformer=step)


# Numbers


@pytest.mark.parametrize("labels", [PROGRESS, PROGRESS[:, None], SEVERAL], ids=np.shape)
@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_a_step_on_the_target_is_a_transformed_target_regressor(step, labels):
    ours, theirs = (make(step, Ridge()).fit(PATIENTS, labels) for make in (drawn, spelled))

    predicted = theirs.predict(PATIENTS)

    assert ours.predict(PATIENTS).shape == predicted.shape == labels.shape
    assert_allclose(ours.predict(PATIENTS), predicted, rtol=1e-12)
    assert_allclose(ours.score(PATIENTS, labels), theirs.score(PATIENTS, labels), rtol=1e-12)


@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error", "r2", "neg_max_error"])
@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_scorers_see_the_units_of_the_target(step, scoring):
    ours, theirs = (
        cross_val_score(make(step, Ridge()), PATIENTS, PROGRESS, scoring=scoring, cv=3)
        for make in (drawn, spelled)
    )

    assert_allclose(ours, theirs, rtol=1e-12)


def test_a_scorer_of_the_user_sees_the_units_of_the_target():
    loss = make_scorer(mean_absolute_error, greater_is_better=False)
    pipeline = drawn(StandardScaler(), Ridge()).fit(PATIENTS, PROGRESS)

    expected = -mean_absolute_error(PROGRESS, pipeline.predict(PATIENTS))

    assert loss(pipeline, PATIENTS, PROGRESS) == expected


@pytest.mark.parametrize(
    "labels",
    [
        list(PROGRESS),
        pd.Series(PROGRESS, index=np.arange(7, 157), name="progress"),
        pd.DataFrame({"progress": PROGRESS}),
    ],
    ids=["list", "series", "frame"],
)
def test_labels_of_any_container_are_learned_as_their_array(labels):
    plain = drawn(StandardScaler(), Ridge()).fit(PATIENTS, PROGRESS)
    pipeline = clone(plain).fit(PATIENTS, labels)

    assert_array_equal(pipeline.predict(PATIENTS), plain.predict(PATIENTS))
    assert_allclose(pipeline.score(PATIENTS, labels), plain.score(PATIENTS, PROGRESS))
    assert_allclose(
        cross_val_score(pipeline, PATIENTS, labels, cv=3, scoring="r2"),
        cross_val_score(plain, PATIENTS, PROGRESS, cv=3, scoring="r2"),
    )


@pytest.mark.parametrize("labels", [np.rint(PROGRESS).astype(int), PROGRESS > 120], ids=["i", "b"])
@pytest.mark.parametrize("step", [StandardScaler(), MinMaxScaler()], ids=repr)
def test_integers_and_booleans_are_scaled_as_numbers(step, labels):
    ours, theirs = (make(step, Ridge()).fit(PATIENTS, labels) for make in (drawn, spelled))

    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), rtol=1e-12)


@pytest.mark.parametrize("labels", [PROGRESS, PROGRESS[:, None]], ids=np.shape)
@pytest.mark.parametrize("step", [Whiten(), Sklearn(StandardScaler())], ids=repr)
def test_our_own_scaler_gives_the_shape_of_the_target_too(step, labels):
    pipeline = drawn(step, Ridge()).fit(PATIENTS, labels)

    assert pipeline.predict(PATIENTS).shape == labels.shape
    assert pipeline.predict(PATIENTS[:1]).shape == labels[:1].shape


def logs_then_scales(**settings):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    logs = Sklearn(FunctionTransformer(np.log1p, np.expm1))(y)
    scaled = Sklearn(StandardScaler())(logs)
    pred = Sklearn(Ridge())(X, y=scaled)
    return sm.Pipeline([X, y], logs.inverse(scaled.inverse(pred)), **settings)


@pytest.mark.parametrize("labels", [PROGRESS, PROGRESS[:, None], SEVERAL], ids=np.shape)
def test_two_steps_on_the_target_are_undone_one_after_the_other(labels):
    step = make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler())
    ours = logs_then_scales().fit(PATIENTS, labels)
    theirs = spelled(step, Ridge()).fit(PATIENTS, labels)

    assert ours.predict(PATIENTS).shape == labels.shape
    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), rtol=1e-12)
    assert_allclose(ours.score(PATIENTS, labels), theirs.score(PATIENTS, labels), rtol=1e-12)


def test_a_search_sets_parameters_of_the_step_on_the_target():
    grid = {"n_quantiles": [5, 50], "output_distribution": ["normal", "uniform"]}
    step = QuantileTransformer()
    ours, theirs = (
        GridSearchCV(model, {f"{name}__{key}": values for key, values in grid.items()})
        for name, model in [
            ("target", drawn(step, Ridge())),
            ("transformer", spelled(step, Ridge())),
        ]
    )

    for search in (ours, theirs):
        search.fit(PATIENTS, PROGRESS)

    assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-12
    )
    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), rtol=1e-12)


def test_a_search_switches_the_step_on_the_target_off():
    grid = {"target": ["passthrough", PowerTransformer()]}
    search = GridSearchCV(drawn(StandardScaler(), Ridge()), grid).fit(PATIENTS, PROGRESS)

    expected = [
        cross_val_score(model, PATIENTS, PROGRESS).mean()
        for model in (Ridge(), spelled(PowerTransformer(), Ridge()))
    ]

    assert_allclose(search.cv_results_["mean_test_score"], expected, rtol=1e-12)


def test_weights_reach_the_head_and_the_score_and_a_scaler_that_takes_them():
    X, y, weight = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("weight")
    scaled = Sklearn(StandardScaler())(y, sample_weight=weight)
    pred = Sklearn(Ridge())(X, y=scaled, sample_weight=weight)
    pipeline = sm.Pipeline([X, y, weight], scaled.inverse(pred))
    pipeline.fit(PATIENTS, PROGRESS, weight=WEIGHTS)

    scaler = StandardScaler().fit(PROGRESS[:, None], sample_weight=WEIGHTS)
    scaled = scaler.transform(PROGRESS[:, None]).ravel()
    head = Ridge().fit(PATIENTS, scaled, sample_weight=WEIGHTS)
    expected = scaler.inverse_transform(head.predict(PATIENTS)[:, None]).ravel()

    assert_allclose(pipeline.predict(PATIENTS), expected, rtol=1e-12)
    assert_allclose(
        pipeline.score(PATIENTS, PROGRESS, sample_weight=WEIGHTS),
        r2_score(PROGRESS, expected, sample_weight=WEIGHTS),
    )


@pytest.mark.parametrize("settings", [{"n_jobs": 2}, {"memory": True}], ids=repr)
def test_parallel_and_remembered_steps_on_the_target_answer_as_plain_ones(settings):
    plain = logs_then_scales().fit(PATIENTS, PROGRESS[:, None])
    memory = sm.MemoryCache()
    if "memory" in settings:
        settings = {"memory": memory}

    for _ in range(2):
        other = logs_then_scales(**settings).fit(PATIENTS, PROGRESS[:, None])
        assert_array_equal(other.predict(PATIENTS), plain.predict(PATIENTS))
        assert other.score(PATIENTS, PROGRESS) == plain.score(PATIENTS, PROGRESS)


def test_a_frozen_step_on_the_target_is_undone_with_what_it_learned_before():
    scaler = StandardScaler().fit(PROGRESS[:50, None])
    pipeline = clone(drawn(FrozenEstimator(scaler), Ridge())).fit(PATIENTS, PROGRESS)

    scaled = scaler.transform(PROGRESS[:, None]).ravel()
    expected = Ridge().fit(PATIENTS, scaled).predict(PATIENTS) * scaler.scale_ + scaler.mean_

    assert_allclose(pipeline.predict(PATIENTS), expected, rtol=1e-12)


def test_a_saved_graph_remembers_the_shape_of_the_target(tmp_path):
    pipeline = drawn(StandardScaler(), Ridge()).fit(PATIENTS, PROGRESS[:, None])
    joblib.dump(pipeline, tmp_path / "pipeline.pkl")

    loaded = joblib.load(tmp_path / "pipeline.pkl")

    assert_array_equal(loaded.predict(PATIENTS), pipeline.predict(PATIENTS))


def test_bins_of_a_number_are_predicted_as_classes_and_answered_as_numbers():
    bins = KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf")
    pipeline = drawn(bins, LogisticRegression()).fit(PATIENTS, PROGRESS)

    assert is_regressor(pipeline)
    assert not is_classifier(pipeline)
    assert len(np.unique(pipeline.predict(PATIENTS))) <= 5
    assert pipeline.score(PATIENTS, PROGRESS) == r2_score(PROGRESS, pipeline.predict(PATIENTS))
    assert len(cross_val_score(pipeline, PATIENTS, PROGRESS, scoring="r2")) == 5


@pytest.mark.parametrize("kind", ["array", "column"])
def test_missing_numbers_in_the_target_are_refused(kind):
    labels = np.where(np.arange(150) == 3, np.nan, PROGRESS)
    labels = labels if kind == "array" else labels[:, None]

    with pytest.raises(ValueError, match="Input y contains NaN"):
        drawn(StandardScaler(), Ridge()).fit(PATIENTS, labels)


def test_held_out_labels_go_through_the_steps_on_the_target():
    head = HistGradientBoostingRegressor(max_iter=40, early_stopping=True, n_iter_no_change=3)
    train, held_out = slice(100), slice(100, None)
    pipeline = drawn(PowerTransformer(), head).fit(
        PATIENTS[train],
        PROGRESS[train],
        validation_data=(PATIENTS[held_out], PROGRESS[held_out]),
    )

    power = PowerTransformer().fit(PROGRESS[train, None])
    y, y_val = (power.transform(PROGRESS[rows, None]).ravel() for rows in (train, held_out))
    head.fit(PATIENTS[train], y, X_val=PATIENTS[held_out], y_val=y_val)

    assert pipeline.steps_.head.n_iter_ == head.n_iter_ < 40
    expected = power.inverse_transform(head.predict(PATIENTS)[:, None]).ravel()
    assert_allclose(pipeline.predict(PATIENTS), expected)


# No way back


@pytest.mark.parametrize(
    "layer",
    [
        Lambda(np.log),
        Sklearn(FunctionTransformer(np.log)),
        Sklearn(make_pipeline(FunctionTransformer(np.log), StandardScaler())),
    ],
    ids=repr,
)
def test_a_function_without_its_inverse_is_refused_with_what_to_write(layer):
    with pytest.raises(NodeTypeError, match=r"no way back.*FunctionTransformer\(np.log, np.exp\)"):
        drawn(layer, Ridge())


def test_a_function_put_into_the_step_later_is_refused_when_it_is_to_be_undone():
    pipeline = drawn(FunctionTransformer(np.log1p, np.expm1), Ridge())
    pipeline.set_params(target__inverse_func=None).fit(PATIENTS, PROGRESS)

    with pytest.raises(AttributeError, match="inverse_transform"):
        pipeline.predict(PATIENTS)


def test_a_lambda_behind_the_predictions_is_a_way_back_too():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pred = Sklearn(Ridge())(X, y=Lambda(np.log1p)(y))
    ours = sm.Pipeline([X, y], Lambda(np.expm1)(pred)).fit(PATIENTS, PROGRESS)
    theirs = TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)
    theirs.fit(PATIENTS, PROGRESS)

    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), rtol=1e-12)
    assert_allclose(ours.score(PATIENTS, PROGRESS), theirs.score(PATIENTS, PROGRESS))


# Labels

ENCODERS = [LabelEncoder(), OrdinalEncoder()]
ONE_HOT = [
    OneHotLabels(),
    LabelBinarizer(),
    OneHotEncoder(sparse_output=False),
]
LABELS = {
    "text": NAMES,
    "objects": NAMES.astype(object),
    "list": NAMES.tolist(),
    "series": pd.Series(NAMES, index=np.arange(5, 80)),
    "categories": pd.Series(NAMES).astype("category"),
    "integers": 10 * CODES - 3,
    "booleans": CODES == 1,
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
def test_labels_that_are_encoded_in_the_graph_are_answered_as_they_came(encoder, labels):
    ours = drawn(encoder, LogisticRegression(C=0.1, max_iter=1000)).fit(FLOWERS, labels)
    theirs = LogisticRegression(C=0.1, max_iter=1000).fit(FLOWERS, np.asarray(labels))

    assert is_classifier(ours)
    assert_array_equal(ours.classes_, theirs.classes_)
    assert_array_equal(ours.predict(FLOWERS), theirs.predict(FLOWERS))
    assert_allclose(ours.predict_proba(FLOWERS), theirs.predict_proba(FLOWERS))
    assert_allclose(ours.predict_log_proba(FLOWERS), theirs.predict_log_proba(FLOWERS))
    assert_allclose(ours.decision_function(FLOWERS), theirs.decision_function(FLOWERS))
    assert ours.score(FLOWERS, labels) == theirs.score(FLOWERS, np.asarray(labels))


@pytest.mark.parametrize("scoring", [None, "accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"])
@pytest.mark.parametrize("encoder", ENCODERS, ids=repr)
def test_scorers_of_classifiers_see_the_labels_as_they_came(encoder, scoring):
    head = LogisticRegression(C=0.1, max_iter=1000)

    ours, theirs = (
        cross_val_score(model, FLOWERS, NAMES, scoring=scoring, cv=3)
        for model in (drawn(encoder, head), head)
    )

    assert_allclose(ours, theirs)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("encoder", ONE_HOT, ids=repr)
def test_a_regressor_of_one_hot_columns_classifies(encoder, labels):
    pipeline = drawn(encoder, LinearRegression()).fit(FLOWERS, labels)

    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    columns = LinearRegression().fit(FLOWERS, np.eye(len(classes))[codes]).predict(FLOWERS)
    expected = classes[columns.argmax(axis=1)]

    assert is_classifier(pipeline)
    assert not is_regressor(pipeline)
    assert_array_equal(pipeline.classes_, classes)
    assert_array_equal(pipeline.predict(FLOWERS), expected)
    assert pipeline.score(FLOWERS, labels) == accuracy_score(np.asarray(labels), expected)


@pytest.mark.parametrize("encoder", ONE_HOT, ids=repr)
def test_a_regressor_of_one_hot_columns_is_scored_on_stratified_folds(encoder):
    scores = cross_val_score(
        drawn(encoder, LinearRegression()), FLOWERS, NAMES, cv=3, scoring="accuracy"
    )

    assert scores.min() > 0.6


def test_a_network_of_one_hot_columns_is_searched_as_a_classifier():
    head = MLPRegressor(hidden_layer_sizes=(8,), learning_rate_init=0.02, random_state=0)
    pipeline = drawn(OneHotLabels(), head.set_params(max_iter=500))
    search = GridSearchCV(pipeline, {"head__alpha": [0.001, 0.1]}, cv=3).fit(FLOWERS, NAMES)

    assert search.best_score_ > 0.9
    assert set(search.predict(FLOWERS)) <= set(NAMES)


def test_integers_of_a_range_are_classes():
    pipeline = drawn(OneHotRange(max_val=3), LinearRegression()).fit(FLOWERS, CODES)

    assert_array_equal(pipeline.classes_, [0, 1, 2, 3])
    assert pipeline.score(FLOWERS, CODES) > 0.8


def test_codes_that_are_made_one_hot_are_undone_down_to_the_labels():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    codes = Sklearn(LabelEncoder())(y)
    columns = OneHotLabels()(codes)
    pred = Sklearn(LinearRegression())(X, y=columns)
    pipeline = sm.Pipeline([X, y], codes.inverse(columns.inverse(pred))).fit(FLOWERS, NAMES)

    assert is_classifier(pipeline)
    assert_array_equal(pipeline.classes_, np.unique(NAMES))
    assert pipeline.score(FLOWERS, NAMES) > 0.8


@pytest.mark.parametrize("step", [*ENCODERS, OneHotLabels()], ids=repr)
def test_a_column_of_labels_is_warned_of_and_learned_as_scikit_learn_does(step):
    head = LinearRegression() if isinstance(step, OneHotLabels) else LogisticRegression()
    plain = drawn(step, head).fit(FLOWERS, NAMES)

    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        pipeline = drawn(step, head).fit(FLOWERS, NAMES[:, None])

    assert_array_equal(pipeline.predict(FLOWERS), plain.predict(FLOWERS))


def test_numbers_that_are_no_labels_are_refused_where_labels_are_learned():
    with pytest.raises(ValueError, match="Unknown label type"):
        drawn(LabelEncoder(), LogisticRegression()).fit(PATIENTS, PROGRESS + 0.5)


def test_a_step_on_the_target_that_is_not_undone_is_scored_in_its_own_units():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    codes = Sklearn(OrdinalEncoder())(y)
    pipeline = sm.Pipeline([X, y], Sklearn(LogisticRegression(C=0.1, max_iter=1000))(X, y=codes))
    pipeline.fit(FLOWERS, NAMES)

    assert_array_equal(pipeline.classes_, [0, 1, 2])
    assert pipeline.score(FLOWERS, NAMES) == accuracy_score(CODES, pipeline.predict(FLOWERS))


# Metrics, and several targets


@pytest.mark.parametrize("labels", [PROGRESS, PROGRESS[:, None], SEVERAL], ids=np.shape)
def test_metrics_compare_answers_with_the_target_in_its_units(labels):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y)
    pred = scaled.inverse(Sklearn(Ridge())(X, y=scaled))
    own = sm.metrics.MeanAbsoluteError()([y, pred], "own")
    theirs = sm.metrics.Metric(mean_absolute_error)([y, pred], "theirs")
    pipeline = sm.Pipeline([X, y], pred, metrics=[own, theirs]).fit(PATIENTS, labels)

    expected = mean_absolute_error(labels, pipeline.predict(PATIENTS))

    measured = pipeline.evaluate(PATIENTS, labels)
    assert_allclose([measured["own"], measured["theirs"]], expected)


GROUP = np.where(PROGRESS > 120, "ill", "well")


def two_heads(**settings):
    X, progress, group = sm.Input("X", shape=(None,)), sm.Target("progress"), sm.Target("group")
    scaled, codes = Sklearn(StandardScaler())(progress), Sklearn(LabelEncoder())(group)
    number = scaled.inverse(Sklearn(Ridge())(X, y=scaled))
    label = codes.inverse(Sklearn(LogisticRegression())(X, y=codes))
    metrics = [
        sm.metrics.Metric(mean_absolute_error)([progress, number], "error"),
        sm.metrics.Metric(accuracy_score)([group, label], "accuracy"),
    ]
    return sm.Pipeline([X, progress, group], [number, label], metrics=metrics, **settings)


@pytest.mark.parametrize(
    "targets",
    [
        {"progress": PROGRESS, "group": GROUP},
        {"progress": PROGRESS[:, None], "group": GROUP},
        sm.Dataset(progress=PROGRESS, group=GROUP),
        pd.DataFrame({"group": GROUP, "progress": PROGRESS}, index=np.arange(3, 153)),
    ],
    ids=["mapping", "column", "dataset", "frame"],
)
@pytest.mark.parametrize("settings", [{}, {"n_jobs": 2}], ids=repr)
def test_heads_of_several_targets_answer_each_in_its_own_units(targets, settings):
    pipeline = two_heads(**settings).fit(PATIENTS, targets)
    answers = pipeline.predict(PATIENTS)

    number = spelled(StandardScaler(), Ridge()).fit(PATIENTS, PROGRESS).predict(PATIENTS)
    label = LogisticRegression().fit(PATIENTS, GROUP).predict(PATIENTS)

    assert_allclose(np.ravel(answers[0]), number, rtol=1e-12)
    assert answers[0].shape == np.shape(targets["progress"])
    assert_array_equal(answers[1], label)
    assert_allclose(
        list(pipeline.evaluate(PATIENTS, targets).values()),
        [mean_absolute_error(PROGRESS, number), accuracy_score(GROUP, label)],
    )


@pytest.mark.parametrize("container", [dict, pd.DataFrame], ids=["dataset", "frame"])
def test_several_targets_are_cross_validated_with_the_metrics_of_the_graph(container):
    targets = container({"progress": PROGRESS, "group": GROUP})
    targets = sm.Dataset(**targets) if container is dict else targets

    scores = cross_validate(two_heads(), PATIENTS, targets, cv=3, scoring=sm.Pipeline.evaluate)

    assert len(scores["test_error"]) == len(scores["test_accuracy"]) == 3
    assert scores["test_accuracy"].mean() > 0.5


def test_several_targets_cannot_be_told_apart_in_one_array():
    with pytest.raises(MissingInputError, match=r"2 targets .* Pass y as a mapping"):
        two_heads().fit(PATIENTS, SEVERAL[:, :2])
