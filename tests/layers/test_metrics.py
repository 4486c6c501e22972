"""Metrics: drawn like layers, run by `evaluate` and by nothing else."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, fbeta_score, silhouette_score
from sklearn.model_selection import GridSearchCV

import skmegatron as sm
from skmegatron.errors import MissingInputError, NamingError, NodeTypeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.explore import Explorer
from skmegatron.layers.metrics import Metric
from skmegatron.layers.numeric import Whiten
from skmegatron.nodes.core import MetricNode

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
Y = (X[:, 0] + 0.4 * rng.normal(size=40) > 0).astype(int)


class Classification:
    """Inputs, a label and predictions, fresh for each test."""

    def __init__(self):
        self.x, self.y = sm.Input("X", shape=(None,)), sm.Target("y")
        self.pred = Sklearn(LogisticRegression())(self.x, y=self.y)

    def pipeline(self, *metrics, inputs=()):
        return sm.Pipeline([self.x, self.y, *inputs], self.pred, metrics=metrics)


@pytest.fixture
def drawn():
    return Classification()


def predicted():
    return LogisticRegression().fit(X, Y).predict(X)


# Drawing


@pytest.mark.parametrize(
    "call",
    [
        lambda metric, y, pred: metric([y, pred], "acc"),
        lambda metric, y, pred: metric(y, pred, "acc"),
        lambda metric, y, pred: metric((y, pred), name="acc"),
    ],
)
def test_a_metric_is_called_as_a_layer_is(call, drawn):
    node = call(Metric(accuracy_score), drawn.y, drawn.pred)

    assert isinstance(node, MetricNode)
    assert node.name == "acc"
    assert node.inbound_nodes == (drawn.y, drawn.pred)


def test_a_metric_is_at_the_address_of_2019_too():
    assert sm.metrics.Metric is Metric
    assert sm.layers.Metric is Metric


def test_metrics_without_a_name_are_named_by_the_graph(drawn):
    first, second = (Metric(accuracy_score)(drawn.y, drawn.pred) for _ in range(2))

    results = drawn.pipeline(first, second).fit(X, Y).evaluate(X, Y)

    assert list(results) == ["metric-1", "metric-2"]


def test_a_metric_refuses_what_is_no_node(drawn):
    with pytest.raises(NodeTypeError, match="is called on nodes, got an array"):
        Metric(accuracy_score)(Y, drawn.pred)


def test_a_metric_refuses_a_name_that_cannot_be(drawn):
    with pytest.raises(NamingError, match="contains '__'"):
        Metric(accuracy_score)(drawn.y, drawn.pred, "my__acc")


def test_two_metrics_with_one_name_are_refused(drawn):
    metrics = [Metric(accuracy_score)(drawn.y, drawn.pred, "acc") for _ in range(2)]

    with pytest.raises(NamingError, match="'acc' is given to 2 nodes"):
        drawn.pipeline(*metrics).fit(X, Y)


def test_a_metric_tells_its_function():
    assert repr(Metric(accuracy_score)) == "Metric(accuracy_score)"


# Parameters


def test_keywords_of_a_metric_are_its_parameters_and_reach_the_function():
    metric = Metric(fbeta_score, beta=2.0)

    assert metric.get_params() == {"metric_fn": fbeta_score, "beta": 2.0}
    assert metric.evaluate(Y, predicted()) == fbeta_score(Y, predicted(), beta=2.0)


def test_a_cloned_metric_has_the_same_parameters():
    metric = Metric(fbeta_score, beta=2.0)

    assert clone(metric).get_params() == metric.get_params()
    assert clone(metric) is not metric


@pytest.mark.parametrize("kind", [Metric, Explorer])
def test_set_params_of_a_metric_reaches_the_function(kind):
    metric = kind(fbeta_score, beta=2.0).set_params(beta=0.5)

    assert metric.get_params()["beta"] == 0.5
    assert metric.evaluate(Y, predicted()) == fbeta_score(Y, predicted(), beta=0.5)


@pytest.mark.parametrize("kind", [Metric, Explorer])
def test_a_metric_of_a_lambda_pickles(kind):
    metric = kind(lambda y, pred, scale: scale * (y == pred).sum(), scale=2)

    assert pickle.loads(pickle.dumps(metric)).evaluate(Y, Y) == 80


# Evaluating


def test_evaluate_gives_each_metric_under_its_name(drawn):
    acc = Metric(accuracy_score)(drawn.y, drawn.pred, "acc")
    f2 = Metric(fbeta_score, beta=2.0)(drawn.y, drawn.pred, "f2")

    results = drawn.pipeline(acc, f2).fit(X, Y).evaluate(X, Y)

    assert results == {
        "acc": accuracy_score(Y, predicted()),
        "f2": fbeta_score(Y, predicted(), beta=2.0),
    }


def test_evaluate_takes_labels_inside_a_mapping(drawn):
    Metric(accuracy_score)(drawn.y, drawn.pred, "acc")
    pipe = drawn.pipeline().fit({"X": X, "y": Y})

    assert pipe.evaluate({"X": X, "y": Y}) == {"acc": accuracy_score(Y, predicted())}


def test_a_metric_may_give_anything(drawn):
    node = Metric(lambda y, pred: {"right": int((y == pred).sum())})(drawn.y, drawn.pred, "n")

    results = drawn.pipeline(node).fit(X, Y).evaluate(X, Y)

    assert results == {"n": {"right": int((predicted() == Y).sum())}}


def test_a_metric_may_read_any_node_of_the_graph(drawn):
    white = Whiten()(drawn.x)
    pred = Sklearn(LogisticRegression())(white, y=drawn.y)
    node = Metric(lambda w: float(abs(w).max()))(white, "widest")

    pipe = sm.Pipeline([drawn.x, drawn.y], pred, metrics=node).fit(X, Y)

    expected = abs((X - X.mean(0)) / X.std(0)).max()
    assert pipe.evaluate(X, Y)["widest"] == pytest.approx(expected)


def test_a_metric_on_a_branch_of_its_own_has_the_branch_fitted(drawn):
    white = Whiten()(drawn.x, "white")
    node = Metric(lambda w: float(w.mean().round(9)))(white, "middle")
    pipe = drawn.pipeline(node).fit(X, Y)

    assert "white" in pipe.steps_
    assert pipe.evaluate(X, Y) == {"middle": 0.0}


def test_weights_given_to_a_metric_by_keyword_reach_the_function(drawn):
    weight = sm.Input("weight")
    weights = rng.uniform(0.1, 3, size=40)
    node = Metric(accuracy_score)(drawn.y, drawn.pred, "acc", sample_weight=weight)
    pipe = drawn.pipeline(node, inputs=[weight]).fit(X, Y)

    expected = accuracy_score(Y, predicted(), sample_weight=weights)
    assert pipe.evaluate(X, Y, weight=weights) == {"acc": pytest.approx(expected)}


def test_an_error_in_a_metric_tells_which_and_on_what(drawn):
    def fail(y, pred):
        raise ZeroDivisionError("no rows")

    pipe = drawn.pipeline(Metric(fail)(drawn.y, drawn.pred, "ratio")).fit(X, Y)

    with pytest.raises(ZeroDivisionError, match="no rows") as caught:
        pipe.evaluate(X, Y)

    (note,) = caught.value.__notes__
    assert note.startswith("  at step 'ratio' (Metric), evaluating, called on 'y' (40,) int64")


def test_a_search_scores_with_the_graphs_own_metrics(drawn):
    acc = Metric(accuracy_score)(drawn.y, drawn.pred, "acc")
    grid = {"logisticregression__C": [0.01, 1.0]}

    search = GridSearchCV(
        drawn.pipeline(acc), grid, scoring=sm.Pipeline.evaluate, refit="acc", cv=3
    ).fit(X, Y)

    expected = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=3).fit(X, Y)
    assert search.best_score_ == pytest.approx(expected.best_score_)


# When a metric runs


def test_a_metric_runs_only_when_asked(drawn):
    calls = []
    node = Metric(lambda y, pred: calls.append(len(y)))(drawn.y, drawn.pred, "spy")
    pipe = drawn.pipeline(node)

    pipe.fit(X, Y)
    pipe.fit_transform(X, Y)
    pipe.transform(X)
    pipe.predict(X)
    pipe.score(X, Y)
    clone(pipe).fit(X, Y)
    assert calls == []

    pipe.evaluate(X, Y)
    assert calls == [40]


def test_evaluate_leaves_the_explorers_alone(drawn):
    calls = []
    Metric(accuracy_score)(drawn.y, drawn.pred, "acc")
    Explorer(lambda pred: calls.append(1))(drawn.pred, "look")

    assert list(drawn.pipeline().fit(X, Y).evaluate(X, Y)) == ["acc"]
    assert calls == []


def clustering():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    clusters = Sklearn(KMeans(2, random_state=0, n_init=1), method="predict")(x)
    agrees = Metric(lambda y, found: float(max((y == found).mean(), (y != found).mean())))
    Metric(silhouette_score)(x, clusters, "shape")
    return sm.Pipeline([x, y], clusters, metrics=agrees(y, clusters, "agrees"))


def test_labels_that_only_a_metric_reads_are_needed_by_evaluate_only():
    pipe = clustering().fit(X)
    found = pipe.transform(X)

    assert pipe.evaluate(X, Y) == {"agrees": max((found == Y).mean(), (found != Y).mean())}
    with pytest.raises(MissingInputError, match=r"requires y .* Target 'y'"):
        pipe.evaluate(X)


# Finding attached metrics


def test_attached_metrics_are_found_where_none_are_listed(drawn):
    Metric(accuracy_score)(drawn.y, drawn.pred, "acc")

    assert list(drawn.pipeline().fit(X, Y).evaluate(X, Y)) == ["acc"]


def test_listed_metrics_are_the_only_ones(drawn):
    Metric(accuracy_score)(drawn.y, drawn.pred, "acc")
    other = Metric(accuracy_score)(drawn.y, drawn.pred, "other")

    assert list(drawn.pipeline(other).fit(X, Y).evaluate(X, Y)) == ["other"]


def test_a_metric_attached_after_the_pipeline_was_made_is_found(drawn):
    pipe = drawn.pipeline().fit(X, Y)
    assert pipe.evaluate(X, Y) == {}

    Metric(accuracy_score)(drawn.y, drawn.pred, "acc")

    assert list(pipe.evaluate(X, Y)) == ["acc"]


def test_a_metric_that_reads_what_the_pipeline_lacks_is_not_its_own(drawn):
    Metric(accuracy_score)(sm.Input("other labels"), drawn.pred, "elsewhere")

    assert drawn.pipeline().fit(X, Y).evaluate(X, Y) == {}


@pytest.mark.parametrize("copied", [clone, lambda pipe: pickle.loads(pickle.dumps(pipe))])
def test_attached_metrics_come_along_when_the_pipeline_is_copied(copied, drawn):
    Metric(accuracy_score)(drawn.y, drawn.pred, "acc")

    results = copied(drawn.pipeline()).fit(X, Y).evaluate(X, Y)

    assert results == {"acc": accuracy_score(Y, predicted())}


def test_a_pipeline_without_metrics_evaluates_to_nothing(drawn):
    assert drawn.pipeline().fit(X, Y).evaluate(X, Y) == {}
