"""Ready metrics against the functions of scikit-learn that they call."""

import inspect
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn import metrics as skm
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV

import skmegatron as sm
from skmegatron.errors import MissingInputError, NodeTypeError, ShapeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.metrics import LabelMetric, Measurement, Metric, ReadyMetric
from skmegatron.metrics import (
    F1,
    R2,
    ROCAUC,
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    BrierScore,
    CohenKappa,
    ExplainedVariance,
    FBeta,
    HammingLoss,
    Jaccard,
    LogLoss,
    MatthewsCorrCoef,
    MaxError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanPinballLoss,
    MeanPoissonDeviance,
    MeanSquaredError,
    MeanSquaredLogError,
    MedianAbsoluteError,
    Precision,
    Recall,
    RootMeanSquaredError,
    RootMeanSquaredLogError,
    TopKAccuracy,
)

OF_LABELS = [
    (Accuracy(), skm.accuracy_score),
    (Accuracy(normalize=False), skm.accuracy_score),
    (BalancedAccuracy(), skm.balanced_accuracy_score),
    (Precision(average="micro"), skm.precision_score),
    (Recall(average="micro"), skm.recall_score),
    (F1(average="macro", zero_division=0), skm.f1_score),
    (FBeta(beta=2, average="weighted", zero_division=0), skm.fbeta_score),
    (Jaccard(average="macro", zero_division=0), skm.jaccard_score),
    (MatthewsCorrCoef(), skm.matthews_corrcoef),
    (CohenKappa(weights="linear"), skm.cohen_kappa_score),
    (HammingLoss(), skm.hamming_loss),
]
OF_SCORES = [
    (ROCAUC(), skm.roc_auc_score),
    (AveragePrecision(), skm.average_precision_score),
    (LogLoss(), skm.log_loss),
    (BrierScore(), skm.brier_score_loss),
    (TopKAccuracy(k=1), skm.top_k_accuracy_score),
]
OF_NUMBERS = [
    (MeanSquaredError(), skm.mean_squared_error),
    (RootMeanSquaredError(), skm.root_mean_squared_error),
    (MeanAbsoluteError(), skm.mean_absolute_error),
    (MeanAbsolutePercentageError(), skm.mean_absolute_percentage_error),
    (MedianAbsoluteError(), skm.median_absolute_error),
    (MaxError(), skm.max_error),
    (MeanSquaredLogError(), skm.mean_squared_log_error),
    (RootMeanSquaredLogError(), skm.root_mean_squared_log_error),
    (MeanPoissonDeviance(), skm.mean_poisson_deviance),
    (MeanPinballLoss(alpha=0.9), skm.mean_pinball_loss),
    (R2(), skm.r2_score),
    (ExplainedVariance(), skm.explained_variance_score),
]
READY = [*OF_LABELS, *OF_SCORES, *OF_NUMBERS]

every_label_metric = pytest.mark.parametrize(
    ("metric", "function"), OF_LABELS, ids=[repr(metric) for metric, _ in OF_LABELS]
)
every_score_metric = pytest.mark.parametrize(
    ("metric", "function"), OF_SCORES, ids=[repr(metric) for metric, _ in OF_SCORES]
)
every_number_metric = pytest.mark.parametrize(
    ("metric", "function"), OF_NUMBERS, ids=[repr(metric) for metric, _ in OF_NUMBERS]
)
every_metric = pytest.mark.parametrize("metric", [metric for metric, _ in READY], ids=repr)

few = settings(max_examples=15)
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2))
Y = (X[:, 0] + 0.4 * rng.normal(size=60) > 0).astype(int)


def keywords(metric):
    return {key: value for key, value in metric.get_params().items() if key != "classes"}


def one_hot(codes, k, dtype=float):
    return np.eye(k, dtype=dtype)[codes]


def probabilities(codes, k, seed=0):
    """Make rows that sum to 1, and are largest at the code."""
    chances = np.random.default_rng(seed).dirichlet(np.ones(k), len(codes)) + 2 * one_hot(codes, k)
    return chances / 3


@st.composite
def coded_pairs(draw, k=None):
    """Draw two sides with every class on both, so that no metric is undefined."""
    k = draw(st.integers(2, 4)) if k is None else k
    n = draw(st.integers(0, 12))
    codes = st.lists(st.integers(0, k - 1), min_size=n, max_size=n)
    rest, more = draw(codes), draw(codes)
    return k, np.array([*range(k), *rest]), np.array([*draw(st.permutations(range(k))), *more])


#: The same labels in other shapes.
SPELLINGS = {
    "labels": lambda codes, k: codes,
    "list": lambda codes, k: codes.tolist(),
    "floats": lambda codes, k: codes.astype(float),
    "objects": lambda codes, k: codes.astype(object),
    "column": lambda codes, k: codes[:, None],
    "one-hot": lambda codes, k: one_hot(codes, k),
    "one-hot integers": lambda codes, k: one_hot(codes, k, int),
    "one-hot booleans": lambda codes, k: one_hot(codes, k, bool),
    "sparse one-hot": lambda codes, k: sparse.csr_matrix(one_hot(codes, k)),
    "sparse one-hot array": lambda codes, k: sparse.csr_array(one_hot(codes, k)),
    "probabilities": lambda codes, k: probabilities(codes, k),
    "float32 probabilities": lambda codes, k: probabilities(codes, k).astype(np.float32),
    "logits": lambda codes, k: np.log(probabilities(codes, k)) * 7 + 3,
    "pandas": lambda codes, k: pd.DataFrame(one_hot(codes, k, int), columns=list("abcd")[:k]),
    "polars": lambda codes, k: pl.DataFrame(probabilities(codes, k), schema=list("abcd")[:k]),
    "series": lambda codes, k: pd.Series(codes, index=codes),
}


def spelled(codes, k, shape):
    return SPELLINGS[shape](codes, k)


SHAPES = st.sampled_from(list(SPELLINGS))


# What there is


def test_every_metric_of_the_facade_is_tested_here():
    tested = {type(metric).__name__ for metric, _ in READY}

    assert tested == set(sm.metrics.__all__) - {"Metric"}


@every_metric
def test_every_metric_calls_a_function_of_scikit_learn(metric):
    assert metric.metric_fn is getattr(skm, metric.metric_fn.__name__)


@every_metric
def test_every_metric_documents_itself_with_an_example(metric):
    for section in ("Parameters\n", "Examples\n"):
        assert section in inspect.getdoc(type(metric))


# Labels


@every_label_metric
@few
@given(pair=coded_pairs(), shapes=st.tuples(SHAPES, SHAPES))
def test_labels_one_hot_and_probabilities_are_alike_on_both_sides(metric, function, pair, shapes):
    k, true, pred = pair

    value = metric.evaluate(*(spelled(c, k, s) for c, s in zip((true, pred), shapes, strict=True)))

    assert type(value) is float
    assert value == pytest.approx(function(true, pred, **keywords(metric)))


@every_label_metric
@few
@given(pair=coded_pairs(), order=st.randoms())
def test_text_labels_meet_columns_by_way_of_classes(metric, function, pair, order):
    if isinstance(metric, CohenKappa):
        metric = CohenKappa()  # weights depend on the order of the labels
    k, true, pred = pair
    classes = ["ant", "bee", "cat", "dog"][:k]
    order.shuffle(classes)
    names, metric = np.array(classes), clone(metric).set_params(classes=classes)
    expected = pytest.approx(function(names[true], names[pred], **keywords(metric)))

    assert metric.evaluate(names[true], probabilities(pred, k)) == expected
    assert metric.evaluate(one_hot(true, k), names[pred].astype(object)) == expected
    assert metric.evaluate(one_hot(true, k), probabilities(pred, k)) == expected
    assert metric.evaluate(names[true], names[pred]) == expected


def test_text_labels_meet_text_labels_without_more_ado():
    assert Accuracy().evaluate(["cat", "dog"], pd.Series(["cat", "cat"])) == 0.5


@pytest.mark.parametrize("shape", [lambda p: p, lambda p: p[:, None], pd.Series])
def test_a_plain_row_of_fractions_is_the_probability_of_the_second_class(shape):
    chances = np.array([0.2, 0.5, 0.51, 1.0])  # one half is the first class, as in predict

    assert Accuracy().evaluate([0, 0, 1, 1], shape(chances)) == 1.0
    assert Accuracy().evaluate(shape(chances), [False, False, True, True]) == 1.0
    assert Accuracy().evaluate(one_hot([0, 0, 1, 1], 2), shape(chances)) == 1.0
    words = Accuracy(classes=["no", "yes"])
    assert words.evaluate(["no", "no", "yes", "yes"], shape(chances)) == 1.0


def test_probabilities_that_are_all_sure_meet_text_too():
    assert Accuracy(classes=["no", "yes"]).evaluate(["no", "yes"], np.array([0.0, 1.0])) == 1.0


def test_soft_labels_count_as_their_largest():
    assert Accuracy().evaluate([[0.6, 0.4], [0.3, 0.7]], [0, 1]) == 1.0


@pytest.mark.parametrize("labels", [["cat", "dog"], [1, 2], [-1, 1], [1.0, 2.0]])
@pytest.mark.parametrize("columns", [[[0.9, 0.1], [0.2, 0.8]], [[1, 0], [0, 1]], [0.1, 0.8]])
def test_labels_that_are_no_column_numbers_need_classes(labels, columns):
    for sides in [(labels, columns), (columns, labels)]:
        with pytest.raises(ValueError, match=r"cannot tell which classes .*Accuracy\(classes="):
            Accuracy().evaluate(*sides)
        assert Accuracy(classes=labels).evaluate(*sides) == 1.0


def test_labels_that_classes_does_not_list_are_told():
    with pytest.raises(
        ValueError, match=r"y_true holds 'cow', which Accuracy\(classes=.*not list"
    ):
        Accuracy(classes=["cat", "dog"]).evaluate(["cow", "dog"], [[1, 0], [0, 1]])


def test_sides_of_different_width_are_refused():
    with pytest.raises(ShapeError, match="3 columns in y_true, and 2 in y_pred"):
        Accuracy().evaluate(np.eye(3)[:2], np.eye(2))
    with pytest.raises(ShapeError, match="2 columns in y_pred, and 3 classes="):
        Accuracy(classes=["a", "b", "c"]).evaluate(["a", "b"], np.eye(2))


def test_numbers_are_no_labels():
    with pytest.raises(ValueError, match=r"y_pred has fractions, from -0\.5 to 1\.5"):
        Accuracy().evaluate([0, 1], [-0.5, 1.5])


def test_images_are_no_labels():
    with pytest.raises(ShapeError, match=r"y_true has shape \(2, 3, 3\)"):
        Accuracy().evaluate(np.zeros((2, 3, 3)), [0, 1])


@every_metric
def test_missing_values_are_refused_on_both_sides(metric):
    good, bad = np.array([0.0, 1.0, 1.0]), np.array([0.0, np.nan, 1.0])

    with pytest.raises(ValueError, match="Input y_pred contains NaN"):
        metric.evaluate(good, bad)
    with pytest.raises(ValueError, match="Input y_true contains NaN"):
        metric.evaluate(bad, good)


def test_a_broken_model_is_not_taken_for_one_that_predicts_the_first_class():
    with pytest.raises(ValueError, match="y_pred contains NaN"):
        Accuracy().evaluate([0, 0], np.full((2, 2), np.nan))


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        (Accuracy(), skm.accuracy_score),
        (HammingLoss(), skm.hamming_loss),
        (F1(average="samples", zero_division=0), skm.f1_score),
        (Jaccard(average="micro"), skm.jaccard_score),
    ],
    ids=["accuracy", "hamming", "f1", "jaccard"],
)
def test_a_row_may_have_several_labels(metric, function):
    true = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])
    chances = np.array([[0.9, 0.6, 0.2], [0.1, 0.3, 0.1], [0.0, 0.7, 0.4]])
    expected = function(true, (chances > 0.5).astype(int), **keywords(metric))

    assert metric.evaluate(true, chances) == expected
    assert metric.evaluate(sparse.csr_matrix(true), chances > 0.5) == expected


def test_labels_of_several_targets_are_refused_as_by_scikit_learn():
    with pytest.raises(ValueError, match="multiclass-multioutput is not supported"):
        Accuracy().evaluate([[0, 5], [1, 3]], [[0, 5], [1, 3]])
    with pytest.raises(ValueError, match="y_true holds 3, 5"):
        Accuracy(classes=[0, 1]).evaluate([[0, 5], [1, 3]], [0, 1])


def test_more_than_two_classes_need_an_average_as_in_scikit_learn():
    with pytest.raises(ValueError, match="average='binary'"):
        F1().evaluate([0, 1, 2], np.eye(3))


def test_a_value_per_class_comes_as_an_array():
    values = Recall(average=None).evaluate([0, 0, 1], [0, 1, 1])

    assert_allclose(values, [0.5, 1.0])


# Scores


@every_score_metric
@few
@given(pair=coded_pairs(), seed=st.integers(0, 9))
def test_labels_and_one_hot_agree_with_scikit_learn_on_probabilities(metric, function, pair, seed):
    k, true, pred = pair
    chances, given_keywords = probabilities(pred, k, seed), keywords(metric)
    if isinstance(metric, ROCAUC) and k > 2:
        given_keywords["multi_class"] = "ovr"
    expected = pytest.approx(
        function(true, chances if k > 2 else chances[:, 1], **given_keywords), rel=1e-9
    )

    for shape in ("labels", "list", "column", "one-hot", "sparse one-hot", "pandas"):
        assert metric.evaluate(spelled(true, k, shape), chances) == expected
    names = np.array(["dog", "ant", "cat", "bee"])[:k]
    known = clone(metric).set_params(classes=names.tolist())
    assert known.evaluate(names[true], chances) == expected
    assert known.evaluate(one_hot(true, k), chances) == expected


@every_score_metric
@few
@given(pair=coded_pairs(k=2))
def test_one_column_of_scores_is_about_the_second_class(metric, function, pair):
    _, true, pred = pair
    chances = probabilities(pred, 2)
    expected = pytest.approx(function(true, chances[:, 1], **keywords(metric)))

    for scores in (chances, chances[:, 1], chances[:, 1:], pl.DataFrame(chances, ["a", "b"])):
        assert metric.evaluate(true, scores) == expected
        assert metric.evaluate(one_hot(true, 2), scores) == expected


@pytest.mark.parametrize("metric", [ROCAUC(), LogLoss(), BrierScore(pos_label="yes")], ids=repr)
def test_sorted_text_labels_need_no_classes(metric):
    true, chances = np.array(["no", "yes", "yes"]), np.array([0.2, 0.4, 0.9])
    coded = type(metric)().evaluate([0, 1, 1], chances)

    assert metric.evaluate(true, chances) == pytest.approx(coded)


@pytest.mark.parametrize(
    "metric", [LogLoss(), BrierScore(), TopKAccuracy(), AveragePrecision()], ids=repr
)
@pytest.mark.filterwarnings("ignore:No positive class found")
def test_a_class_that_no_row_has_still_has_its_column(metric):
    chances = probabilities(np.array([0, 2, 2]), 3)
    by_hand = metric.evaluate(one_hot([0, 0, 2], 3), chances)

    known = clone(metric).set_params(classes=["x", "y", "z"])
    assert known.evaluate(["x", "x", "z"], chances) == by_hand
    if isinstance(metric, LogLoss):
        assert by_hand == pytest.approx(-np.log(chances[range(3), [0, 0, 2]]).mean())


def test_a_class_that_no_row_has_is_asked_for_where_labels_do_not_tell():
    with pytest.raises(ValueError, match="labels"):
        LogLoss().evaluate([0, 0, 2], probabilities(np.array([0, 2, 2]), 3))


def test_scores_of_several_labels_per_row_are_averaged_over_them():
    true = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1]])
    scores = rng.random((3, 3))

    assert ROCAUC().evaluate(true, scores) == skm.roc_auc_score(true, scores)


def test_roc_auc_takes_one_against_one_too():
    true, chances = np.array([0, 1, 2, 2, 1]), probabilities(np.array([0, 1, 2, 1, 1]), 3)

    value = ROCAUC(multi_class="ovo").evaluate(one_hot(true, 3), chances)

    assert value == pytest.approx(skm.roc_auc_score(true, chances, multi_class="ovo"))


def test_the_sides_of_a_score_cannot_be_swapped():
    with pytest.raises(ValueError, match=r"y_true, got fractions\. What is true comes first"):
        LogLoss().evaluate([0.2, 0.9], [0, 1])
    with pytest.raises(ValueError, match="What is true comes first"):
        LogLoss().evaluate([[0.2, 0.8], [0.9, 0.1]], [[0, 1], [1, 0]])


def test_scores_of_another_width_than_the_labels_are_refused():
    with pytest.raises(ShapeError, match="3 columns in y_true, and 2 in y_pred"):
        LogLoss().evaluate(np.eye(3)[:2], np.eye(2) * 0.8 + 0.1)
    with pytest.raises(ShapeError, match="y_pred for 2 classes"):
        LogLoss(classes=["a", "b", "c"]).evaluate(["a", "b"], [0.2, 0.8])


# Numbers


numbers = st.lists(
    st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=2, max_size=20
).map(lambda rows: np.array(rows).T)


@every_number_metric
@few
@given(pair=numbers)
def test_columns_and_rows_of_numbers_are_alike(metric, function, pair):
    true, pred = pair
    expected = pytest.approx(function(true, pred, **keywords(metric)))

    assert type(metric.evaluate(true, pred)) is float
    assert metric.evaluate(true, pred[:, None]) == expected
    assert metric.evaluate(true[:, None], pred.tolist()) == expected
    assert (
        metric.evaluate(pd.DataFrame({"price": true}), pl.DataFrame({"guess": pred})) == expected
    )


def test_several_targets_are_averaged_as_in_scikit_learn():
    true, pred = rng.random((2, 5, 3))

    assert R2().evaluate(true, pred) == skm.r2_score(true, pred)
    assert_allclose(
        R2(multioutput="raw_values").evaluate(true, pred),
        skm.r2_score(true, pred, multioutput="raw_values"),
    )


def test_images_compare_pixel_by_pixel():
    true, pred = rng.random((2, 5, 4, 4))

    assert MeanSquaredError().evaluate(true, pred) == pytest.approx(((true - pred) ** 2).mean())


def test_targets_of_different_shape_are_refused_as_by_scikit_learn():
    with pytest.raises(ValueError, match="different number of output"):
        MeanSquaredError().evaluate(np.ones(3), np.ones((3, 2)))


# Parameters


@every_metric
def test_metrics_clone_and_pickle_with_their_parameters(metric):
    for twin in (clone(metric), pickle.loads(pickle.dumps(metric))):
        assert type(twin) is type(metric)
        assert twin is not metric
        assert twin.get_params() == metric.get_params()
        assert twin.evaluate([1, 0, 1], [0.9, 0.2, 0.8]) == metric.evaluate(
            [1, 0, 1], [0.9, 0.2, 0.8]
        )


def test_a_metric_tells_its_parameters():
    assert repr(F1(average="macro")) == "F1(average='macro')"
    assert repr(Accuracy(classes=["a", "b"])) == "Accuracy(classes=['a', 'b'])"
    assert repr(R2()) == "R2()"


def test_set_params_reaches_the_function():
    metric = FBeta(beta=2).set_params(beta=0.5, average="macro")

    assert metric.get_params() == {"classes": None, "beta": 0.5, "average": "macro"}
    assert metric.evaluate([0, 1, 1], [0, 1, 0]) == skm.fbeta_score(
        [0, 1, 1], [0, 1, 0], beta=0.5, average="macro"
    )


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: F1(avarage="macro"), TypeError),
        (lambda: F1().set_params(avarage="macro"), ValueError),
    ],
)
def test_a_misspelled_keyword_is_told_at_once_with_what_there_is(make, error):
    with pytest.raises(error, match=r"F1 has no parameter 'avarage'.*f1_score: average, classes"):
        make()


def test_a_metric_without_what_its_function_needs_is_refused():
    with pytest.raises(TypeError, match="FBeta must be given beta="):
        FBeta()


def test_weights_are_no_parameter_but_a_node():
    with pytest.raises(TypeError, match=r"draw weight = .*Accuracy\(\)\(y_true, y_pred, sample"):
        Accuracy(sample_weight=np.ones(3))


def test_a_users_own_metric_of_labels_needs_one_line():
    class Wrong(LabelMetric):
        metric_fn = staticmethod(skm.zero_one_loss)

    assert Wrong().evaluate([0, 1], [[0.1, 0.9], [0.2, 0.8]]) == 0.5


# In a graph


class Classification:
    """Inputs, a label and predictions, fresh for each test."""

    def __init__(self, method="predict"):
        self.x, self.y = sm.Input("X", shape=(None,)), sm.Target("y")
        self.pred = Sklearn(LogisticRegression(), method=method)(self.x, y=self.y)

    def pipeline(self, *metrics, inputs=()):
        return sm.Pipeline([self.x, self.y, *inputs], self.pred, metrics=metrics)


@pytest.mark.parametrize(
    "call",
    [
        lambda y, pred: Accuracy()(y, pred, "acc"),
        lambda y, pred: Accuracy()([y, pred], "acc"),
        lambda y, pred: Accuracy()((y, pred), name="acc"),
    ],
)
def test_a_ready_metric_is_called_as_metric_is(call):
    drawn = Classification()

    results = drawn.pipeline(call(drawn.y, drawn.pred)).fit(X, Y).evaluate(X, Y)

    predicted = LogisticRegression().fit(X, Y).predict(X)
    assert results == {"acc": skm.accuracy_score(Y, predicted)}


def test_metrics_without_a_name_have_that_of_their_class():
    drawn = Classification("predict_proba")
    for metric in (Accuracy(), F1(), F1(average="macro"), LogLoss(), ROCAUC()):
        metric(drawn.y, drawn.pred)

    found = drawn.pipeline().fit(X, Y).evaluate(X, Y)

    chances = LogisticRegression().fit(X, Y).predict_proba(X)
    assert found == {
        "accuracy": skm.accuracy_score(Y, chances[:, 1] > 0.5),
        "f1-1": skm.f1_score(Y, chances[:, 1] > 0.5),
        "f1-2": skm.f1_score(Y, chances[:, 1] > 0.5, average="macro"),
        "logloss": pytest.approx(skm.log_loss(Y, chances)),
        "rocauc": skm.roc_auc_score(Y, chances[:, 1]),
    }


def test_the_metric_of_the_manual_compares_one_hot_labels_with_probabilities():
    drawn = Classification("predict_proba")
    hot = sm.layers.Lambda(one_hot, k=2)(drawn.y)
    acc = Accuracy()(hot, drawn.pred)

    found = drawn.pipeline(acc).fit(X, Y).evaluate(X, Y)

    assert found == {"accuracy": LogisticRegression().fit(X, Y).score(X, Y)}


def test_regression_metrics_take_the_column_that_a_step_gives():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pred = Sklearn(LinearRegression())(x, y=y)
    column = sm.layers.Lambda(np.reshape, shape=(-1, 1))(pred)
    rmse = RootMeanSquaredError()(y, column, "rmse")
    target = X @ [1.0, 2.0] + rng.normal(size=60)

    found = sm.Pipeline([x, y], pred, metrics=rmse).fit(X, target).evaluate(X, target)

    predicted = LinearRegression().fit(X, target).predict(X)
    assert found == {"rmse": skm.root_mean_squared_error(target, predicted)}


def test_weights_are_a_node_of_the_call():
    drawn, weight = Classification(), sm.Input("weight")
    weights = rng.uniform(0.1, 3, size=60)
    node = Accuracy()(drawn.y, drawn.pred, sample_weight=weight)
    pipe = drawn.pipeline(node, inputs=[weight]).fit(X, Y)

    found = pipe.evaluate(X, Y, weight=weights)

    predicted = LogisticRegression().fit(X, Y).predict(X)
    assert found["accuracy"] == pytest.approx(
        skm.accuracy_score(Y, predicted, sample_weight=weights)
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda y, pred: Accuracy()(pred), "got 1 nodes"),
        (lambda y, pred: Accuracy()(pred, y=y), "got 1 nodes and y="),
        (lambda y, pred: Accuracy()(y, pred, weights=y), "got 2 nodes and weights="),
        (lambda y, pred: MaxError()(y, pred, sample_weight=y), "got 2 nodes and sample_weight="),
    ],
)
def test_a_ready_metric_compares_two_nodes(call, words):
    drawn = Classification()

    with pytest.raises(NodeTypeError, match=rf"compares two nodes, {words}.*\(y_true, y_pred\)"):
        call(drawn.y, drawn.pred)


def test_a_search_scores_with_ready_metrics():
    drawn = Classification("predict_proba")
    Accuracy()(drawn.y, drawn.pred, "acc")
    LogLoss()(drawn.y, drawn.pred, "loss")
    search = GridSearchCV(
        drawn.pipeline(),
        {"logisticregression__C": [0.01, 1.0]},
        scoring=sm.Pipeline.evaluate,
        refit="acc",
        cv=3,
    ).fit(X, Y)

    expected = GridSearchCV(
        LogisticRegression(),
        {"C": [0.01, 1.0]},
        scoring={"acc": "accuracy", "loss": "neg_log_loss"},
        refit="acc",
        cv=3,
    ).fit(X, Y)
    assert search.best_score_ == pytest.approx(expected.best_score_)
    assert_allclose(search.cv_results_["mean_test_loss"], -expected.cv_results_["mean_test_loss"])


def test_labels_that_only_a_ready_metric_reads_are_needed_by_evaluate_only():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    clusters = Sklearn(KMeans(2, random_state=0, n_init=1), method="predict")(x)
    CohenKappa()(y, clusters)
    pipe = sm.Pipeline([x, y], clusters).fit(X)
    found = pipe.transform(X)

    assert pipe.evaluate(X, Y) == {"cohenkappa": skm.cohen_kappa_score(Y, found)}
    with pytest.raises(MissingInputError, match="'y'"):
        pipe.evaluate(X)


def test_ready_metrics_do_not_run_while_fitting(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("ran")

    monkeypatch.setattr(ReadyMetric, "evaluate", fail)
    drawn = Classification()
    Accuracy()(drawn.y, drawn.pred)
    pipe = drawn.pipeline()

    pipe.fit(X, Y).predict(X)
    pipe.fit_transform(X, Y)
    pipe.score(X, Y)
    pipe.explore(X)
    with pytest.raises(AssertionError, match="ran"):
        pipe.evaluate(X, Y)


# Batch by batch


def in_batches(metric, cuts, *arrays, **named):
    state = metric.start()
    edges = [0, *cuts, len(arrays[0])]
    for start, stop in pairwise(edges):
        rows = slice(start, stop)
        batch = {key: array[rows] for key, array in named.items()}
        state = metric.update(state, *(array[rows] for array in arrays), **batch)
    return metric.finish(state)


@pytest.mark.parametrize(
    "metric", [Accuracy(), F1(), ROCAUC(), R2(), MedianAbsoluteError()], ids=repr
)
@few
@given(cuts=st.lists(st.integers(0, 60), max_size=4).map(sorted))
def test_a_metric_over_batches_is_that_over_all_rows(metric, cuts):
    scores = np.round(1 / (1 + np.exp(-X[:, 0])), 2)

    assert in_batches(metric, cuts, Y, scores) == metric.evaluate(Y, scores)


@pytest.mark.parametrize(
    "kind", [np.asarray, pd.DataFrame, pl.DataFrame, sparse.csr_array, sparse.csr_matrix]
)
def test_batches_of_any_container_are_put_together(kind):
    metric = Metric(lambda x, w: (type(x), np.shape(x), float(w @ np.arange(5))))
    whole = kind(rng.random((5, 2)))
    weights = np.arange(5.0)
    batches = [kind(np.zeros((2, 2))), kind(np.zeros((3, 2)))]

    state = metric.start()
    state = metric.update(state, batches[0], w=weights[:2])
    state = metric.update(state, batches[1], w=weights[2:])

    assert metric.finish(state) == (type(whole), (5, 2), 30.0)


def test_a_single_batch_reaches_the_function_as_it_is():
    metric, batch = Metric(lambda x: x), object()

    assert metric.finish(metric.update(metric.start(), batch)) is batch


def test_two_measurements_of_one_metric_do_not_mix():
    metric = Metric(np.sum)
    first, second = metric.start(), metric.start()

    first = metric.update(first, np.array([1, 2]))
    second = metric.update(second, np.array([10]))

    assert (metric.finish(first), metric.finish(second)) == (3, 10)


def test_a_metric_over_nothing_says_so():
    with pytest.raises(ValueError, match=r"Accuracy\(\) has nothing to measure: no batch came"):
        Accuracy().finish(Accuracy().start())


def test_a_measurement_must_say_how_it_measures():
    class Empty(Measurement):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define evaluate\(self"):
        Empty().transform(X)


def test_a_metric_of_eager_nodes_is_computed_at_once():
    truth, guess = sm.Target("y")([0, 1, 1, 0]), sm.Input("guess")([0, 1, 0, 0])

    assert sm.metrics.Accuracy()(truth, guess).output == 0.75
