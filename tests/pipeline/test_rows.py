"""Steps that change the rows while fitting only, in a pipeline."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler, TomekLinks
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.errors import GraphError, MissingInputError, ShapeError, StreamError
from skmegatron.layers import Concatenate, Filter, Lambda, Resample, Sklearn, TrainOnly, Whiten
from skmegatron.visuals import pipeline_svg

DATA, LABELS = make_classification(200, n_features=5, weights=[0.8], random_state=0)
WEIGHTS = np.linspace(0.1, 2, 200)


def graph(sampler, **options):
    """Scale, resample, classify."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(X)
    X2, y2 = Resample(sampler)(scaled, y=y)
    guess = Sklearn(LogisticRegression())(X2, y=y2)
    return sm.Pipeline([X, y], guess, **options)


def imblearn(sampler):
    return make_pipeline(StandardScaler(), clone(sampler), LogisticRegression())


class Seen(sm.layers.StatefulLayer):
    """Notes how many rows it learns from and is asked about."""

    def fit(self, X, y=None, sample_weight=None):
        self.n_fitted_, self.y_, self.weights_ = len(X), y, sample_weight
        return self

    def transform(self, X):
        return X


class DropLarge(TrainOnly):
    """Without labels: drops the rows whose first column is above a limit."""

    def __init__(self, limit=1.0):
        self.limit = limit

    def resample(self, X):
        return X[X[:, 0] < self.limit]


# the same as imbalanced-learn


SAMPLERS = [
    RandomUnderSampler(random_state=0),
    RandomOverSampler(random_state=0),
    SMOTE(random_state=0),
    TomekLinks(),
    EditedNearestNeighbours(),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_predictions_are_those_of_a_pipeline_of_imbalanced_learn(sampler, n_jobs):
    pipe = graph(sampler, n_jobs=n_jobs).fit(DATA, LABELS)

    other = imblearn(sampler).fit(DATA, LABELS)
    assert_array_equal(pipe.predict_proba(DATA), other.predict_proba(DATA))
    assert pipe.score(DATA, LABELS) == other.score(DATA, LABELS)


def test_scores_of_a_search_are_those_of_a_pipeline_of_imbalanced_learn():
    sampler = SMOTE(random_state=0)
    folds = StratifiedKFold(3)

    search = GridSearchCV(graph(sampler), {"smote__k_neighbors": [2, 5]}, cv=folds)
    other = GridSearchCV(imblearn(sampler), {"smote__k_neighbors": [2, 5]}, cv=folds)

    scores = search.fit(DATA, LABELS).cv_results_["mean_test_score"]
    assert_array_equal(scores, other.fit(DATA, LABELS).cv_results_["mean_test_score"])


def test_no_test_fold_is_resampled():
    sizes = []
    note = Lambda(lambda X: sizes.append(len(X)) or X)
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, y2 = Resample(RandomUnderSampler(random_state=0))(X, y=y)
    pipe = sm.Pipeline([X, y], Sklearn(LogisticRegression())(note(X2), y=y2))

    cross_val_score(pipe, DATA, LABELS, cv=4)

    assert sizes[1::2] == [50] * 4
    assert max(sizes[::2]) < 90


# while fitting, and elsewhere


def test_labels_weights_and_other_keywords_change_with_the_rows():
    X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    X2, y2, w2 = Resample(RandomUnderSampler(random_state=0))(X, y=y, sample_weight=w)
    pipe = sm.Pipeline([X, y, w], Seen()(X2, y=y2, sample_weight=w2))

    pipe.fit(DATA, LABELS, w=WEIGHTS)

    rows = pipe.steps_.randomundersampler.sampler_.sample_indices_
    assert pipe.steps_.seen.n_fitted_ == len(rows) < 200
    assert_array_equal(pipe.steps_.seen.y_, LABELS[rows])
    assert_array_equal(pipe.steps_.seen.weights_, WEIGHTS[rows])


def test_weights_that_nobody_feeds_are_none_of_the_sampler_either():
    X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    X2, y2, w2 = Resample(SMOTE(random_state=0))(X, y=y, sample_weight=w)
    pipe = sm.Pipeline([X, y, w], Seen()(X2, y=y2, sample_weight=w2))

    assert pipe.fit(DATA, LABELS, w=None).steps_.seen.weights_ is None


def test_elsewhere_the_step_hands_on_what_it_reads():
    pipe = graph(SMOTE(random_state=0)).fit(DATA, LABELS)

    values = pipe.transform({"X": DATA, "y": LABELS}, outputs=["smote", "smote.y"])

    assert_allclose(values["smote"], StandardScaler().fit_transform(DATA))
    assert_array_equal(values["smote.y"], LABELS)


def test_a_metric_drawn_on_the_changed_labels_is_about_the_rows_that_are_fed():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, y2 = Resample(SMOTE(random_state=0))(X, y=y)
    guess = Sklearn(LogisticRegression())(X2, y=y2)
    sm.metrics.Accuracy()([y2, guess], "changed")
    sm.metrics.Accuracy()([y, guess], "fed")
    pipe = sm.Pipeline([X, y], guess).fit(DATA, LABELS)

    scores = pipe.evaluate(DATA, LABELS)

    assert scores["changed"] == scores["fed"] == pipe.score(DATA, LABELS)


def test_held_out_data_is_not_resampled():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, y2 = Resample(SMOTE(random_state=0))(X, y=y)
    boosting = HistGradientBoostingClassifier(early_stopping=True, max_iter=5, random_state=0)
    pipe = sm.Pipeline([X, y], Sklearn(boosting)(X2, y=y2))

    pipe.fit(DATA[:150], LABELS[:150], validation_data=(DATA[150:], LABELS[150:]))

    X_out, y_out = SMOTE(random_state=0).fit_resample(DATA[:150], LABELS[:150])
    other = clone(boosting).fit(X_out, y_out, X_val=DATA[150:], y_val=LABELS[150:])
    step = pipe.steps_.histgradientboostingclassifier
    assert_array_equal(step.validation_score_, other.validation_score_)


def test_fit_transform_gives_a_row_for_each_that_is_fed():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    white = Whiten()(X)
    X2, y2 = Resample(SMOTE(random_state=0))(white, y=y)
    guess = Sklearn(LogisticRegression(), method="predict_proba")(X2, "guess", y=y2)
    pipe = sm.Pipeline([X, y], [white, guess, X2])

    values = pipe.fit_transform(DATA, LABELS)

    expected = pipe.transform(DATA)
    assert list(values) == ["whiten", "guess", "smote"]
    for name in values:
        assert_array_equal(values[name], expected[name])


def test_fit_transform_gives_frames_with_the_index_of_the_data():
    frame = pd.DataFrame(DATA, columns=list("abcde"), index=np.arange(200) + 1000)
    pipe = graph(RandomUnderSampler(random_state=0)).set_output(transform="pandas")

    values = pipe.fit_transform(frame, LABELS)

    pd.testing.assert_frame_equal(values, pipe.transform(frame))
    assert list(values.index) == list(frame.index)


def test_column_names_go_through():
    frame = pd.DataFrame(DATA, columns=list("abcde"))
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, y2 = Resample(SMOTE(random_state=0))(X, y=y)
    pipe = sm.Pipeline([X, y], Sklearn(StandardScaler())(X2, y=y2)).fit(frame, LABELS)

    assert list(pipe.get_feature_names_out()) == list("abcde")


def test_fit_predict_labels_the_rows_that_are_fed():
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, Sklearn(KMeans(3, random_state=0))(DropLarge()(X)))

    labels = pipe.fit_predict(DATA)

    expected = KMeans(3, random_state=0).fit(DATA[DATA[:, 0] < 1]).predict(DATA)
    assert_array_equal(labels, expected)


def test_fit_predict_is_refused_where_no_other_rows_can_be_labelled():
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, Sklearn(DBSCAN())(DropLarge()(X)))

    with pytest.raises(GraphError, match="'dbscan' labels only the rows that it is fitted on"):
        pipe.fit_predict(DATA)


def test_one_change_of_rows_may_follow_another_and_a_filter():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    mask = Lambda(lambda X: X[:, 1] < 2)(X)
    few, few_y = Filter()([X, mask]), Filter()([y, mask])
    X2, y2 = Resample(SMOTE(random_state=0))(few, y=few_y)
    X3, y3 = Resample(TomekLinks())(X2, y=y2)
    mask2 = Lambda(lambda X: X[:, 2] < 2)(X3)
    guess = Sklearn(LogisticRegression())(Filter()([X3, mask2]), y=Filter()([y3, mask2]))
    pipe = sm.Pipeline([X, y], guess).fit(DATA, LABELS)

    kept = DATA[:, 1] < 2
    X_out, y_out = SMOTE(random_state=0).fit_resample(DATA[kept], LABELS[kept])
    X_out, y_out = TomekLinks().fit_resample(X_out, y_out)
    rows = X_out[:, 2] < 2
    other = LogisticRegression().fit(X_out[rows], y_out[rows])
    assert_array_equal(pipe.predict(DATA), other.predict(DATA[kept & (DATA[:, 2] < 2)]))
    assert list(pipe.graph.names.values())[-1] == "logisticregression"


def test_regression_targets_and_their_units():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y)
    keep = type("Keep", (TrainOnly,), {"resample": lambda self, X, y: (X[::2], y[::2])})
    X2, y2 = keep()(X, y=scaled)
    guess = Sklearn(LinearRegression())(X2, y=y2)
    target = DATA @ np.arange(5.0) + 7
    pipe = sm.Pipeline([X, y], scaled.inverse(guess)).fit(DATA, target)

    assert_allclose(pipe.predict(DATA), target)
    assert_allclose(pipe.score(DATA, target), 1)


# parameters, copies, drawing


def test_parameters_of_the_sampler_are_parameters_of_the_pipeline():
    pipe = graph(SMOTE(random_state=0))

    pipe.set_params(smote__k_neighbors=3)

    assert pipe.get_params()["smote__k_neighbors"] == 3
    assert isinstance(pipe.get_params()["smote"], SMOTE)


def test_a_sampler_is_replaced_and_switched_off_by_its_name():
    pipe = graph(SMOTE(random_state=0))

    under = clone(pipe).set_params(smote=RandomUnderSampler(random_state=0)).fit(DATA, LABELS)
    off = clone(pipe).set_params(smote="passthrough").fit(DATA, LABELS)

    expected = graph(RandomUnderSampler(random_state=0)).fit(DATA, LABELS)
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(DATA, LABELS)
    assert_array_equal(under.predict_proba(DATA), expected.predict_proba(DATA))
    assert_array_equal(off.predict_proba(DATA), plain.predict_proba(DATA))


def test_a_layer_of_the_user_is_switched_off_by_its_name():
    X = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(X, Seen()(DropLarge()(X)))

    assert pipe.fit(DATA).steps_.seen.n_fitted_ < 200
    assert pipe.set_params(droplarge__limit=100).fit(DATA).steps_.seen.n_fitted_ == 200
    assert pipe.set_params(droplarge="passthrough").fit(DATA).steps_.seen.n_fitted_ == 200


def test_a_step_that_is_switched_off_is_told_of_like_any_other(capsys):
    pipe = graph(SMOTE(random_state=0), verbose=True).set_params(smote="passthrough")

    pipe.fit(DATA, LABELS)

    lines = capsys.readouterr().out.splitlines()
    names = [line.partition(") ")[2].partition(",")[0] for line in lines]
    assert names == ["standardscaler", "smote", "logisticregression"]


def test_copies_give_the_same(tmp_path):
    pipe = graph(SMOTE(random_state=0)).fit(DATA, LABELS)
    joblib.dump(pipe, tmp_path / "pipe.pkl")

    copies = [
        clone(pipe).fit(DATA, LABELS),
        pickle.loads(pickle.dumps(pipe)),
        joblib.load(tmp_path / "pipe.pkl"),
        pickle.loads(pickle.dumps(graph(SMOTE(random_state=0)))).fit(DATA, LABELS),
    ]

    for copy in copies:
        assert_array_equal(copy.predict_proba(DATA), pipe.predict_proba(DATA))
        assert list(copy.graph.node_names.values()) == list(pipe.graph.node_names.values())


def test_nodes_are_named_after_the_step_and_the_keyword():
    X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    first = Resample(SMOTE())(X, y=y, sample_weight=w)
    second = Resample(SMOTE())(X, y=y, name=["X2", "y2"])
    third = Resample(SMOTE())([X, w], "both", y=y)
    names = sm.Pipeline([X, y, w], [*first, *second, *third]).graph.node_names

    assert [names[node] for node in first] == ["smote-1", "smote-1.y", "smote-1.sample_weight"]
    assert [names[node] for node in second] == ["X2", "y2"]
    assert [names[node] for node in third] == ["both[0]", "both[1]", "both.y"]


def test_the_drawing_shows_the_step_with_its_nodes():
    pipe = graph(SMOTE(random_state=0)).fit(DATA, LABELS)

    svg = pipeline_svg(pipe)

    assert "smote" in svg
    assert ".y" in svg


def test_processes_give_the_same():
    pipe = graph(SMOTE(random_state=0), n_jobs=2)
    with joblib.parallel_config(backend="loky"):
        pipe.fit(DATA, LABELS)
        given = pipe.predict_proba(DATA)

    assert_array_equal(
        given, imblearn(SMOTE(random_state=0)).fit(DATA, LABELS).predict_proba(DATA)
    )


# memory


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
def test_what_is_remembered_is_what_is_computed(sampler):
    plain = graph(sampler)
    kept = graph(sampler, memory=sm.MemoryCache())

    for C in (1.0, 0.1, 1.0):
        for pipe in (plain, kept):
            pipe.set_params(logisticregression__C=C)
        expected = plain.fit_transform(DATA, LABELS)
        assert_array_equal(kept.fit_transform(DATA, LABELS), expected)
        assert_array_equal(kept.predict_proba(DATA), plain.predict_proba(DATA))
    step = type(sampler).__name__.lower()
    assert vars(kept.steps_[step].sampler_).keys() == vars(plain.steps_[step].sampler_).keys()


class Slow(TrainOnly):
    """Takes long enough to be worth keeping."""

    def resample(self, X, **beside):
        total = sum(np.linalg.norm(X @ X.T) for _ in range(60))
        assert total
        return (X[::2], *(value[::2] for value in beside.values()))


def slow(keywords, **options):
    inputs = {"y": sm.Target("y"), "w": sm.Input("w")}
    X = sm.Input("X", shape=(None,))
    nodes = Slow()(X, **{key: inputs[key] for key in keywords})
    found = dict(zip(("X", *keywords), nodes, strict=True))
    seen = Seen()(found["X"], y=found["y"], sample_weight=found["w"])
    return sm.Pipeline([X, *inputs.values()], seen, **options)


def test_changed_rows_are_taken_from_the_memory_by_their_keyword():
    memory = sm.MemoryCache()
    data = np.repeat(DATA, 4, axis=0)
    labels, weights = np.arange(800), np.arange(800) * 0.5

    for keywords in (("y", "w"), ("w", "y"), ("y", "w")):
        pipe = slow(keywords, memory=memory)
        for _ in range(3):
            pipe.fit(data, labels, w=weights)
            assert_array_equal(pipe.steps_.seen.y_, labels[::2])
            assert_array_equal(pipe.steps_.seen.weights_, weights[::2])
            assert_array_equal(pipe.transform(data), data)
    assert memory.stats()["hits"] > 0


def test_a_sampler_without_a_seed_is_not_remembered():
    pipe = graph(RandomUnderSampler(), memory=sm.MemoryCache())

    drawn = [
        tuple(pipe.fit(DATA, LABELS).steps_.randomundersampler.sampler_.sample_indices_)
        for _ in range(3)
    ]

    assert len(set(drawn)) == 3


# what is refused


def mixed():
    X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    X2, y2, w2 = Resample(RandomUnderSampler())(X, y=y, sample_weight=w)
    X3, y3 = Resample(TomekLinks())(X2, y=y2)
    classify = Sklearn(LogisticRegression())
    both = Concatenate()([X2, Whiten()(X)])
    yield classify(X2, y=y), r"'randomundersampler'.*y='y'.*As y= pass the second node"
    yield classify(X, y=y2), r"y='randomundersampler.y'.*beside 'X'.*Pass the first node"
    yield classify(X2, y=y2, sample_weight=w), r"As sample_weight= pass the third node"
    yield classify(X3, y=y2), r"'tomeklinks', whose.*As y= pass the second node"
    yield classify(X3, y=y3, sample_weight=w2), r"Call Resample with sample_weight= too"
    yield classify(both, y=y2), r"'whiten'.*make 'whiten' of what 'randomundersampler'"
    yield Seen()(Resample(SMOTE())(X2, y=y)[0]), r"step 'smote' would read.*As y= pass the second"


@pytest.mark.parametrize("case", range(7))
def test_rows_that_do_not_belong_together_are_refused_before_anything_is_fitted(case):
    output, words = list(mixed())[case]
    inputs = [n for n in sm.nodes.walk.sort([output]) if isinstance(n, sm.Input)]
    pipe = sm.Pipeline(inputs, output)

    with pytest.raises(GraphError, match=words):
        pipe.fit(DATA, LABELS, **({"w": WEIGHTS} if len(inputs) == 3 else {}))
    assert not hasattr(pipe, "steps_")


def test_steps_that_only_predictions_need_may_read_what_was_not_changed():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, y2 = Resample(SMOTE(random_state=0))(X, y=y)
    guess = Sklearn(LogisticRegression())(X2, y=y2)
    pipe = sm.Pipeline([X, y], Concatenate()([X, guess])).fit(DATA, LABELS)

    assert pipe.transform(DATA).shape == (200, 6)
    assert_array_equal(pipe.fit_transform(DATA, LABELS), pipe.transform(DATA))


def test_an_output_made_of_changed_labels_is_refused():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, y2 = Resample(SMOTE())(X, y=y)
    pipe = sm.Pipeline([X, y], [X2, Whiten()(y2)])

    with pytest.raises(GraphError, match=r"made of 'smote.y'.*only while fitting.*metric"):
        pipe.fit(DATA, LABELS)


def test_changed_labels_that_are_asked_for_without_labels_are_told_to_be_fed():
    pipe = graph(SMOTE(random_state=0)).fit(DATA, LABELS)

    with pytest.raises(MissingInputError) as caught:
        pipe.transform(DATA, outputs="smote.y")
    (note,) = caught.value.__notes__
    assert "'smote.y' has rows of its own only while fitting" in note
    assert "{..., 'y': ...}" in note


def test_batches_are_refused_before_they_are_read():
    pipe = graph(SMOTE())

    with pytest.raises(StreamError, match=r"'smote' \(SMOTE\) cannot learn.*all of them at once"):
        pipe.fit_generator(iter([]))
    assert not hasattr(pipe, "partial_fit")


def test_batches_go_through_a_fitted_pipeline():
    pipe = graph(SMOTE(random_state=0)).fit(DATA, LABELS)

    parts = list(pipe.transform_generator([DATA[:80], DATA[80:]]))

    assert_array_equal(np.concatenate(parts), pipe.transform(DATA))


def test_an_error_of_the_sampler_tells_the_step():
    pipe = graph(SMOTE(k_neighbors=500))

    with pytest.raises(ValueError, match="n_neighbors") as caught:
        pipe.fit(DATA, LABELS)
    assert (
        "at step 'smote' (SMOTE), fitting, called on 'standardscaler'" in caught.value.__notes__[0]
    )


class EverySecond(sm.layers.StatelessLayer):
    """Drops rows, and does not say so."""

    def transform(self, X):
        return X[::2]


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("memory", [None, "cache"])
def test_answers_that_belong_to_no_row_are_refused(method, memory):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    few = EverySecond()
    guess = Sklearn(LogisticRegression())(Whiten()(few(X)), y=few(y))
    pipe = sm.Pipeline([X, y], guess, memory=memory and sm.MemoryCache()).fit(DATA, LABELS)

    with pytest.raises(ShapeError, match=r"'everysecond-\d' \(EverySecond\) gave 100 rows"):
        getattr(pipe, method)(DATA)
    with pytest.raises(ShapeError, match=r"TrainOnly, or use Resample\(sampler\)"):
        pipe.score(DATA, LABELS)


def test_a_filter_still_takes_rows_away():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    mask = Lambda(lambda X: X[:, 0] > 0)(X)
    guess = Sklearn(LogisticRegression())(Filter()([X, mask]), y=Filter()([y, mask]))
    pipe = sm.Pipeline([X, y], guess).fit(DATA, LABELS)

    assert len(pipe.predict(DATA)) == np.sum(DATA[:, 0] > 0)
    assert pipe.score(DATA, LABELS) > 0.8


# inside and beside other things


def test_a_pipeline_that_resamples_is_a_step_of_another():
    pipe = graph(SMOTE(random_state=0))
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")

    outer = sm.Pipeline([X, y], Sklearn(pipe)(X, y=y)).fit(DATA, LABELS)

    assert_array_equal(outer.predict_proba(DATA), pipe.fit(DATA, LABELS).predict_proba(DATA))


def test_out_of_fold_values_behind_it_are_about_the_changed_rows():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, y2 = Resample(SMOTE(random_state=0))(X, y=y)
    first = Sklearn(LogisticRegression(), method="predict_proba", cv=3)(X2, y=y2)
    pipe = sm.Pipeline([X, y], Sklearn(LogisticRegression())(first, "last", y=y2))

    values = pipe.fit_transform(DATA, LABELS)

    assert_array_equal(values, pipe.transform(DATA))
    assert pipe.score(DATA, LABELS) > 0.8


def test_a_sampler_whose_rows_nobody_learns_from_is_not_run():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    X2, _ = Resample(SMOTE(k_neighbors=500))(X, y=y)
    pipe = sm.Pipeline([X, y], [X2, Whiten()(X)])

    assert_array_equal(pipe.fit(DATA, LABELS).transform(DATA)["smote"], DATA)


def test_stored_rows_are_those_of_the_data(tmp_path):
    pipe = graph(RandomUnderSampler(random_state=0), name="under", storage=tmp_path)

    values = pipe.fit(DATA, LABELS).transform(DATA)

    assert_array_equal(pipe.transform(DATA, cached=True), values)
    assert len(pipe.storage.read(rows=range(200))["logisticregression"]) == 200


def test_labels_that_come_as_a_column_stay_one_for_a_model_that_takes_several():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    keep = type("Keep", (TrainOnly,), {"resample": lambda self, X, y: (X[::2], y[::2])})
    X2, y2 = keep()(X, y=y)
    column = (DATA @ np.arange(5.0))[:, None]

    pipe = sm.Pipeline([X, y], Sklearn(LinearRegression())(X2, y=y2)).fit(DATA, column)

    plain = LinearRegression().fit(DATA[::2], column[::2])
    assert pipe.predict(DATA).shape == plain.predict(DATA).shape == (200, 1)


def test_routing_asks_for_what_goes_through_the_step():
    X, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    X2, y2, w2 = Resample(RandomUnderSampler())(X, y=y, sample_weight=w)
    pipe = sm.Pipeline([X, y, w], Seen()(X2, y=y2, sample_weight=w2))

    assert pipe.get_metadata_routing().fit.requests["w"] is True
