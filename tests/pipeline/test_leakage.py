"""Labels and held-out rows that would get into a score."""

from __future__ import annotations

import pickle
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import RandomUnderSampler
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import skmegatron as sm
from skmegatron.errors import GraphError, LeakageWarning, MissingInputError
from skmegatron.io.seen import seen_rows
from skmegatron.layers import (
    Concatenate,
    Filter,
    Frozen,
    Lambda,
    Metric,
    Resample,
    ScalarMultiply,
    Sklearn,
    StatefulLayer,
    TrainOnly,
    Whiten,
)
from skmegatron.pipeline.leakage import Leak


def noise(seed, n_rows=200):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_rows, 10)), rng.integers(0, 2, n_rows)


X, Y = noise(0)
OTHER, OTHER_Y = noise(1)


def inputs():
    return sm.Input("X", shape=(None,)), sm.Target("y")


def chain(*layers):
    """Draw layers one after the other, those that learn labels with them."""
    x, y = inputs()
    node, read = x, False
    for layer in layers:
        supervised = isinstance(layer, Sklearn) and _reads_labels(layer)
        node = layer(node, y=y) if supervised else layer(node)
        read = read or supervised
    return sm.Pipeline([x, y] if read else x, node)


def _reads_labels(layer):
    return not isinstance(layer.estimator, StandardScaler | PCA | KMeans | FrozenEstimator | str)


def kinds(pipe, *args):
    return [leak.kind for leak in pipe.check_leakage(*args)]


def encoded():
    x, y = inputs()
    codes = Sklearn(LabelEncoder())(y)
    return sm.Pipeline([x, y], codes.inverse(Sklearn(LogisticRegression())(x, y=codes)))


def frozen(model, X=X, y=Y):
    return Sklearn(model).fit(X, y=y).freeze()


# Pure noise: nothing can be learned of it, so whatever scores otherwise has seen the labels.

TREE = DecisionTreeClassifier(random_state=0)

CLEAN = {
    "scaled": lambda X, y: chain(Whiten(), Sklearn(LogisticRegression())),
    "components": lambda X, y: chain(Sklearn(PCA(3)), Sklearn(TREE)),
    "selected": lambda X, y: chain(Sklearn(SelectKBest(k=3)), Sklearn(LogisticRegression())),
    "out of fold": lambda X, y: chain(
        Sklearn(TREE, "predict_proba", cv=5), Sklearn(LogisticRegression())
    ),
    "one estimator": lambda X, y: chain(
        Sklearn(StackingClassifier([("tree", TREE)], LogisticRegression()))
    ),
    "clusters": lambda X, y: chain(
        Sklearn(KMeans(3, n_init=1, random_state=0), "predict"),
        Lambda(np.reshape, shape=(-1, 1)),
        Sklearn(TREE),
    ),
    "encoded labels": lambda X, y: encoded(),
    "frozen scaler": lambda X, y: chain(Frozen(StandardScaler().fit(X)), Sklearn(TREE)),
    "frozen elsewhere": lambda X, y: chain(frozen(TREE, OTHER, OTHER_Y)),
}


@pytest.mark.parametrize("draw", CLEAN.values(), ids=CLEAN)
def test_what_is_called_clean_scores_at_chance_on_noise(draw):
    scores = []
    for seed in range(5):
        X, y = noise(seed + 10)
        pipe = draw(X, y)
        assert not pipe.check_leakage()
        scores.append(cross_val_score(pipe, X, y).mean())

    # Of 1000 rows by chance: four standard deviations.
    assert abs(np.mean(scores) - 0.5) < 4 * 0.5 / np.sqrt(1000)


def test_a_frozen_step_that_has_learned_all_rows_is_warned_of_and_scores_far_above_chance():
    scores = []
    for seed in range(6):
        X, y = noise(seed)
        pipe = chain(frozen(TREE, X, y))
        with pytest.warns(LeakageWarning, match="on rows of which .* the others are not"):
            scores.append(cross_val_score(pipe, X, y).mean())

    assert np.mean(scores) > 0.95


def test_stacking_in_sample_is_warned_of_and_is_far_worse_than_chance_in_log_loss():
    pipe = chain(Sklearn(TREE, "predict_proba"), Sklearn(LogisticRegression()))
    clean = chain(Sklearn(TREE, "predict_proba", cv=5), Sklearn(LogisticRegression()))
    accuracies, losses, clean_losses = [], [], []
    for seed in range(4):
        X, y = noise(seed)
        with pytest.warns(LeakageWarning, match="predictions that 'decisiontreeclassifier' makes"):
            scores = cross_validate(pipe, X, y, scoring=["accuracy", "neg_log_loss"])
        accuracies.append(scores["test_accuracy"].mean())
        losses.append(-scores["test_neg_log_loss"].mean())
        clean_losses.append(-cross_val_score(clean, X, y, scoring="neg_log_loss").mean())

    assert abs(np.mean(accuracies) - 0.5) < 0.06
    assert np.mean(losses) > 1.2 * np.log(2)
    assert abs(np.mean(clean_losses) - np.log(2)) < 0.05


def test_labels_on_the_way_to_the_output_are_warned_of_and_needed_or_known():
    x, y = inputs()
    pipe = sm.Pipeline([x, y], Sklearn(TREE)(Concatenate()([x, y], "both"), y=y))

    with pytest.warns(LeakageWarning, match=r"labels: y -> both -> decisiontreeclassifier\)"):
        fitted = clone(pipe).fit({"X": X}, Y)
    with pytest.raises(MissingInputError, match="'y'"):
        fitted.predict({"X": X})
    with pytest.warns(LeakageWarning):
        assert cross_val_score(pipe, sm.Dataset(X=X, y=Y), Y).mean() == 1.0


# Labels


def test_labels_that_meet_data_below_other_steps_are_told_once_with_their_path():
    x, y = inputs()
    codes = ScalarMultiply(2)(y, "codes")
    sums = Lambda(np.add)([codes, Lambda(np.sum, axis=1)(x)], "sums")
    out = Concatenate()([sums, codes, ScalarMultiply(3)(sums)], "out")

    (leak,) = sm.Pipeline([x, y], out).check_leakage()

    assert (leak.kind, leak.node) == ("labels", "sums")
    assert leak.path == ("y", "codes", "sums", "out")
    assert "y=y" in leak.mend
    assert str(leak) == f"{leak.message} {leak.mend} (labels: y -> codes -> sums -> out)"


def test_labels_that_a_supervised_step_reads_as_data_are_told():
    x, y = inputs()
    guess = Sklearn(TREE)(Sklearn(LabelEncoder())(y), y=y)

    assert kinds(sm.Pipeline([x, y], [guess, x])) == ["labels"]


def test_an_output_of_labels_alone_is_fine():
    x, y = inputs()

    assert not sm.Pipeline([x, y], [Whiten()(x), Sklearn(LabelEncoder())(y)]).check_leakage()
    assert not sm.Pipeline([x, y], [Whiten()(x), y]).check_leakage()


def test_metrics_may_read_labels_and_what_is_made_of_them():
    x, y = inputs()
    guess = Sklearn(Ridge())(x, y=y)
    error = Metric(np.mean)(Lambda(np.subtract)([guess, y]), "error")

    assert not sm.Pipeline([x, y], guess, metrics=error).check_leakage()


def test_labels_made_of_predictions_are_fine():
    x, y = inputs()
    rest = Lambda(np.subtract)([y, Sklearn(Ridge())(x, y=y)])

    assert not sm.Pipeline([x, y], Sklearn(Ridge())(x, y=rest)).check_leakage()


# In-sample predictions


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "auto"])
def test_predictions_that_a_later_step_learns_from_are_told(method):
    pipe = chain(Sklearn(LogisticRegression(), method), Whiten(), Sklearn(PCA(1)), Sklearn(TREE))

    (leak,) = pipe.check_leakage()

    assert leak.kind == "in-sample"
    assert leak.path == ("logisticregression", "whiten", "pca", "decisiontreeclassifier")
    shown = "predict" if method == "auto" else method
    assert f"Sklearn(LogisticRegression(...), method={shown!r}, cv=5)" in leak.mend


def test_leaves_that_a_later_step_learns_from_are_told_and_mended_by_freezing():
    draw = lambda leaves: chain(  # noqa: E731
        leaves, Sklearn(OneHotEncoder(handle_unknown="ignore")), Sklearn(LogisticRegression())
    )
    X, y = noise(0)

    (leak,) = draw(Sklearn(TREE, "apply")).check_leakage()

    assert leak.kind == "in-sample"
    assert "Sklearn(DecisionTreeClassifier(...), method='apply').fit(" in leak.mend
    fitted_elsewhere = Sklearn(TREE, "apply").fit(OTHER, y=OTHER_Y).freeze()
    assert not draw(fitted_elsewhere).fit(X, y).check_leakage(X)


def test_each_step_of_a_stack_is_told_and_all_are_mended_by_cv():
    def stack(cv):
        x, y = inputs()
        models = [LogisticRegression(), TREE, LinearDiscriminantAnalysis()]
        values = [Sklearn(m, "predict_proba", cv=cv)(x, y=y) for m in models]
        return sm.Pipeline([x, y], Sklearn(Ridge())(Concatenate()(values), y=y))

    names = ["logisticregression", "decisiontreeclassifier", "lineardiscriminantanalysis"]
    assert [leak.node for leak in stack(None).check_leakage()] == names
    assert not stack(3).check_leakage()


@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier([("tree", TREE)]),
        StackingClassifier([("tree", TREE)]),
        chain(Sklearn(TREE)),
        chain(Sklearn(TREE), ScalarMultiply(2.0)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_predictions_that_come_by_transform_are_told(model):
    (leak,) = chain(Sklearn(model), Sklearn(LogisticRegression())).check_leakage()

    assert leak.kind == "in-sample"
    assert chain(Sklearn(model, cv=3), Sklearn(LogisticRegression())).check_leakage() == []


def test_a_graph_of_out_of_fold_predictions_may_be_a_step():
    inner = chain(Sklearn(TREE, cv=3))

    assert chain(Sklearn(inner), Sklearn(LogisticRegression())).check_leakage() == []


def test_predictions_in_their_own_units_are_predictions():
    x, y = inputs()
    scaled = Sklearn(StandardScaler())(Lambda(np.reshape, shape=(-1, 1))(y))
    back = scaled.inverse(Sklearn(Ridge())(x, y=scaled))

    assert not sm.Pipeline([x, y], back).check_leakage()
    assert kinds(sm.Pipeline([x, y], Sklearn(TREE)(back, y=y))) == ["in-sample"]


def test_what_learns_no_labels_may_read_predictions():
    assert not chain(Sklearn(TREE, "predict_proba"), Whiten(), Sklearn(PCA(1))).check_leakage()


@pytest.mark.parametrize(
    "model", [SelectKBest(k=2), LinearDiscriminantAnalysis()], ids=["SelectKBest", "LDA"]
)
def test_supervised_transformers_are_not_told(model):
    assert not chain(Sklearn(model, "transform"), Sklearn(TREE)).check_leakage()


def test_findings_follow_a_layer_that_is_changed():
    base = Sklearn(TREE, "predict_proba")
    pipe = chain(base, Sklearn(LogisticRegression()))

    assert kinds(pipe) == ["in-sample"]
    base.cv = 3
    assert kinds(pipe) == []


# Frozen


def test_a_frozen_step_is_clean_where_all_or_none_of_its_rows_are_read():
    half = frozen(TREE, X[::2], Y[::2])

    chain(half).fit(X, Y)
    chain(half).fit(X[::2], Y[::2])
    chain(half).fit(X[1::2], Y[1::2])
    with pytest.warns(LeakageWarning, match="31 of 64 remembered ones|32 of 64"):
        chain(half).fit(X[:100], Y[:100])


def test_the_rows_that_a_score_is_made_on_can_be_asked_about():
    pipe = chain(frozen(TREE, X[::2], Y[::2])).fit(X[1::2], Y[1::2])

    assert kinds(pipe) == []
    assert kinds(pipe, X[1::2]) == []
    (leak,) = pipe.check_leakage(X)
    assert "64 of 64 remembered rows" in leak.message
    assert leak.kind == "frozen"
    assert leak.path == ("decisiontreeclassifier",)
    with pytest.raises(NotFittedError, match="'whiten' has not learned"):
        chain(Whiten(), frozen(TREE)).check_leakage(X)


@pytest.mark.parametrize("sampler", [RandomUnderSampler(random_state=0), SMOTE(random_state=0)])
def test_rows_are_looked_at_before_a_layer_changes_them(sampler):
    x, y = inputs()
    labels = np.arange(200) < 40
    x2, y2 = Resample(sampler)(x, y=y)
    model = Sklearn(LogisticRegression())
    of_all, of_others = frozen(TREE, X, labels), frozen(TREE, OTHER, labels)

    for step in (of_all, of_others):
        clean = sm.Pipeline([x, y], [step(x2), model(x2, y=y2)]).fit(X, labels)
        assert clean.check_leakage() == []
    with pytest.warns(LeakageWarning, match="are among these and the others are not"):
        sm.Pipeline([x, y], [of_all(x2), model(x2, y=y2)]).fit(X[:150], labels[:150])


def test_rows_are_not_known_again_below_a_step_that_is_fitted_anew():
    pipe = chain(Whiten(), Sklearn(TREE)).fit(X, Y)
    pipe.set_params(decisiontreeclassifier=pipe.steps_.decisiontreeclassifier.freeze())

    pipe.fit(X, Y)
    with pytest.warns(LeakageWarning, match=r"\['whiten'\] above it were fitted anew"):
        pipe.fit(X[:150], Y[:150])
    pipe.set_params(whiten=pipe.steps_.whiten.freeze())
    with pytest.warns(LeakageWarning, match="the others are not"):
        chain(Whiten(), Sklearn(TREE)).fit(X, Y).set_params(
            whiten=Whiten().fit(X).freeze(),
            decisiontreeclassifier=frozen(TREE, Whiten().fit_transform(X)),
        ).fit(X[:150], Y[:150])


@pytest.mark.parametrize(
    "layer",
    [
        Frozen(TREE.fit(X, Y)),
        Sklearn(FrozenEstimator(TREE.fit(X, Y))),
        Frozen(FrozenEstimator(TREE.fit(X, Y))),
        Frozen(SelectKBest(k=2).fit(X, Y)),
    ],
)
def test_nobody_knows_the_rows_of_what_was_fitted_elsewhere_with_labels(layer):
    pipe = chain(layer)

    (leak,) = pipe.check_leakage()

    assert leak.kind == "frozen"
    assert "Sklearn(" in leak.mend
    assert ".freeze()" in leak.mend
    with pytest.warns(LeakageWarning, match="nobody knows of which rows"):
        pipe.fit(X, Y)


@pytest.mark.parametrize(
    "thing",
    [StandardScaler().fit(X), PCA(2).fit(X), KMeans(2, n_init=1).fit(X), Whiten().fit(X)],
    ids=lambda thing: type(thing).__name__,
)
def test_what_was_frozen_without_labels_is_never_told(thing):
    pipe = chain(Frozen(thing))

    assert kinds(pipe.fit(X[:50], Y[:50]), X) == []
    assert kinds(chain(Sklearn(FrozenEstimator(PCA(2).fit(X))))) == []


class Means(StatefulLayer):
    """A layer of somebody's own that learns labels."""

    def fit(self, X, y):
        self.means_ = np.array([X[y == label].mean(axis=0) for label in (0, 1)])
        return self

    def partial_fit(self, X, y):
        return self.fit(X, y)

    def transform(self, X):
        return ((X[:, None] - self.means_) ** 2).sum(axis=2)


@pytest.mark.parametrize("way", ["fit", "fit_generator"])
def test_a_layer_of_ones_own_remembers_its_rows_when_a_pipeline_fits_it(way):
    x, y = inputs()
    pipe = sm.Pipeline([x, y], Means()(x, y=y))
    pipe.fit(X, Y) if way == "fit" else pipe.fit_generator(
        [(X[:100], Y[:100]), (X[100:], Y[100:])]
    )

    with pytest.warns(LeakageWarning, match="'means' was fitted, with labels"):
        chain(pipe.steps_.means.freeze()).fit(X[:100], Y[:100])
    assert kinds(chain(Means().fit(X, Y).freeze())) == ["frozen"]


def test_batches_are_looked_at_together():
    step = frozen(SGDClassifier(random_state=0))
    x, y = inputs()

    def fit(batches):
        white = Whiten()(x)
        pipe = sm.Pipeline([x, y], [step(x, "old"), Sklearn(SGDClassifier())(white, "new", y=y)])
        return pipe.fit_generator(batches)

    fit([(X[:120], Y[:120]), (X[120:], Y[120:])])
    with pytest.warns(LeakageWarning, match="the others are not") as told:
        fit([(X[:60], Y[:60]), (X[60:120], Y[60:120])])
    assert len(told) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("float32", X.astype(np.float32).astype(float)),
        ("frame", pd.DataFrame(X)),
        ("mixed frame", pd.DataFrame(X).assign(word="a")),
        ("sparse", sparse.csr_matrix(np.where(X > 0, X, 0))),
        ("text", np.array([f"text {place}" for place in range(200)])),
        ("dates", np.datetime64("2020-01-01") + np.arange(200)),
        ("images", X.reshape(200, 5, 2)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_of_every_kind_are_known_again(name, data):
    rows = data.iloc if hasattr(data, "iloc") else data
    seen = seen_rows([data])

    assert len(seen.rows) == len(seen.distinct) == 64
    assert len(seen.found_in([data])) == 64
    assert len(seen.found_in([rows[::-1]])) == 64
    assert len(seen.found_in([rows[:100]])) == 32
    assert len(seen_rows([rows[:100]]).found_in([rows[100:]])) == 0


def test_numbers_are_known_in_another_precision_and_container():
    whole = np.round(X * 8)
    seen = seen_rows([whole])

    for other in (whole.astype(np.float32), whole.astype(int), pd.DataFrame(whole)):
        assert len(seen.found_in([other])) == len(seen.distinct)
    assert len(seen.found_in([whole[:, :5], whole[:, 5:]])) == len(seen.distinct)


def test_rows_that_are_all_alike_are_not_known_again_and_that_is_told():
    few = np.random.default_rng(0).integers(0, 2, (200, 5)).astype(float)
    pipe = chain(frozen(TREE, few))

    (leak,) = pipe.check_leakage(few)
    assert "nobody knows of which rows" in leak.message
    with pytest.warns(LeakageWarning, match="nobody knows"):
        assert cross_val_score(pipe, few, Y).mean() > 0.6
    assert not chain(Sklearn(PCA(2)).fit(few).freeze()).check_leakage(few)


def test_batches_share_what_is_remembered():
    layer = Sklearn(SGDClassifier(random_state=0))
    for start in range(0, 200, 20):
        layer.partial_fit(X[start : start + 20], y=Y[start : start + 20], classes=[0, 1])
    seen = layer._seen

    assert (seen.n_rows, len(seen.rows)) == (200, 64)
    assert all(len(seen.found_in([X[k : k + 50]])) > 8 for k in (0, 50, 100, 150))


def test_a_step_that_goes_on_remembers_the_rows_before_too():
    pipe = chain(Sklearn(SGDClassifier(random_state=0))).fit(X[:100], Y[:100])

    pipe.fit(X[100:], Y[100:], warm_start="sgdclassifier")

    seen = pipe.steps_.sgdclassifier._seen
    assert len(seen.found_in([X[:100]])) == len(seen.found_in([X[100:]])) == 32


def test_what_is_remembered_is_no_parameter_and_is_saved():
    layer = Sklearn(TREE).fit(X, y=Y)

    assert "_seen" not in layer.get_params()
    assert not hasattr(clone(layer), "_seen")
    assert_array_equal(pickle.loads(pickle.dumps(layer))._seen.rows, layer._seen.rows)
    assert not hasattr(Sklearn(PCA(2)).fit(X), "_seen")


def test_a_memory_gives_back_what_is_remembered():
    memory = sm.MemoryCache()
    slow = RandomForestClassifier(100, random_state=0)
    x, y = inputs()
    pipes = [sm.Pipeline([x, y], Sklearn(slow)(x, y=y), memory=memory) for _ in range(3)]

    for pipe in pipes:
        pipe.fit(X, Y)

    assert memory.stats().hits
    for pipe in pipes:
        with pytest.warns(LeakageWarning):
            chain(pipe.steps_.randomforestclassifier.freeze()).fit(X[:100], Y[:100])


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("above", [Whiten().fit(X).freeze(), ScalarMultiply(2)])
def test_rows_are_looked_at_in_every_way_to_run(n_jobs, above):
    memory = sm.MemoryCache()
    old = frozen(TREE, above.transform(X))
    x, y = inputs()

    def fit(rows):
        ends = [old(above(x), "old"), Sklearn(Ridge())(x, "new", y=y)]
        pipe = sm.Pipeline([x, y], ends, memory=memory, n_jobs=n_jobs)
        return pipe.fit(X[rows], Y[rows])

    for _ in range(2):
        fit(slice(None))
        with pytest.warns(LeakageWarning, match="32 of 64") as told:
            fit(slice(100))
        assert len(told) == 1


def test_texts_of_a_frozen_classifier_are_known_again():
    words = np.array([f"word{place} word{place % 7}" for place in range(100)])
    text, y = sm.Input("text"), sm.Target("y")
    counts = HashingVectorizer(n_features=2**10)
    pipe = sm.Pipeline(
        [text, y], Sklearn(SGDClassifier(random_state=0))(Sklearn(counts)(text), y=y)
    )
    pipe.fit(words, Y[:100])
    pipe.set_params(sgdclassifier=pipe.steps_.sgdclassifier.freeze())

    with pytest.warns(LeakageWarning, match="the others are not"):
        pipe.fit(words[:50], Y[:50])


@pytest.mark.parametrize(
    "around",
    [
        lambda part: make_pipeline(StandardScaler(), part),
        lambda part: VotingClassifier([("tree", part)]),
        lambda part: CalibratedClassifierCV(part),
    ],
    ids=["pipeline", "voting", "calibrated"],
)
def test_what_is_frozen_inside_of_an_estimator_is_told(around):
    known = FrozenEstimator(DecisionTreeClassifier(random_state=0).fit(X, Y))
    pipe = chain(Sklearn(around(known)))

    (leak,) = pipe.check_leakage()
    assert leak.kind == "frozen"
    assert "DecisionTreeClassifier(...) in the place of FrozenEstimator" in leak.mend
    with pytest.warns(LeakageWarning, match="holds a DecisionTreeClassifier"):
        assert cross_val_score(pipe, X, Y).mean() > 0.7
    scaler = FrozenEstimator(StandardScaler().fit(X))
    assert not chain(Sklearn(make_pipeline(scaler, TREE))).check_leakage()


def test_what_a_frozen_step_predicts_of_its_own_rows_is_in_sample_below():
    base = Sklearn(TREE, "predict_proba").fit(X, y=Y).freeze()
    pipe = chain(base, Sklearn(LogisticRegression()))

    with pytest.warns(
        LeakageWarning, match="fitted on predictions that .* which is frozen"
    ) as told:
        pipe.fit(X, Y)
    assert len(told) == 1
    pipe.fit(OTHER, OTHER_Y)
    selected = Sklearn(SelectKBest(k=2)).fit(X, y=Y).freeze()
    x, y = inputs()
    sm.Pipeline([x, y], Sklearn(LogisticRegression())(selected(x), y=y)).fit(X, Y)


def test_findings_follow_what_is_frozen():
    pipe = chain(Frozen(StandardScaler().fit(X)), Sklearn(TREE))
    assert kinds(pipe) == []

    pipe.graph.steps[0].layer.set_params(fitted=LinearDiscriminantAnalysis().fit(X, Y))

    assert kinds(pipe) == ["frozen"]


def test_findings_of_a_pipeline_that_is_a_step_are_listed_under_its_name():
    inner = chain(Sklearn(TREE, "predict_proba"), Sklearn(LogisticRegression()))
    pipe = chain(Sklearn(inner))

    (leak,) = pipe.check_leakage()
    assert (leak.kind, leak.node) == ("in-sample", "pipeline__decisiontreeclassifier")
    assert leak.path == ("pipeline__decisiontreeclassifier", "pipeline__logisticregression")
    with pytest.warns(LeakageWarning, match="fitted on predictions") as told:
        pipe.fit(X, Y)
    assert len(told) == 1


# Rows


class Half(TrainOnly):
    """Every other row of whatever it is drawn on."""

    def resample(self, *arrays, **fit_only):
        return tuple(array[::2] for array in (*arrays, *fit_only.values()))


def test_each_node_of_a_layer_that_changes_rows_is_made_of_its_own_source():
    x, y = inputs()
    x2, y2 = Half()(x, y)
    model = Sklearn(LogisticRegression())
    guess = Sklearn(TREE, "predict_proba")(x, y=y)
    x3, guess3, y3 = Half()(x, guess, y=y)

    assert kinds(sm.Pipeline([x, y], model(x2, y=y2))) == []
    assert kinds(sm.Pipeline([x, y], [model(x3, y=y3), guess3])) == []
    (leak,) = sm.Pipeline([x, y], model(guess3, y=y3)).check_leakage()
    assert leak.path == ("decisiontreeclassifier", "half[1]", "logisticregression")


def test_rows_that_are_taken_away_on_the_way_to_a_prediction_are_told():
    x, y = inputs()
    keep = sm.Input("keep")
    kept, labels = Filter()(x, keep, name="kept"), Filter()(y, keep, name="labels")
    guess = Sklearn(TREE)(Whiten()(kept), y=labels)

    (leak,) = sm.Pipeline([x, keep, y], guess).check_leakage()

    assert (leak.kind, leak.node) == ("rows", "kept")
    assert leak.path == ("kept", "whiten", "decisiontreeclassifier")
    assert not sm.Pipeline([x, keep], Whiten()(kept)).check_leakage()


def test_predictions_that_are_filtered_are_told_too():
    x, y = inputs()
    keep = sm.Input("keep")
    guess = Sklearn(TREE)(x, y=y)

    assert kinds(sm.Pipeline([x, keep, y], Filter()(guess, keep))) == ["rows"]
    assert kinds(sm.Pipeline([x, keep, y], [guess, Filter()(x, keep)])) == []


class Twice(StatefulLayer):
    """Rows that are there twice while fitting: data first, labels behind."""

    n_outputs = 2
    train_only = True

    def fit_transform(self, X, y):
        return np.repeat(X, 2, axis=0), np.repeat(y, 2)

    def transform(self, X):
        return X, np.zeros(len(X))


def test_labels_that_exist_while_fitting_only_are_refused_on_a_way_to_an_output():
    x, y = inputs()
    more, labels = Twice()(x, y=y, name=["more", "labels"])
    guess = Sklearn(TREE)(more, y=labels)

    assert not sm.Pipeline([x, y], guess).check_leakage()
    with pytest.raises(GraphError, match="made of 'labels', whose rows exist only while fitting"):
        sm.Pipeline([x, y], [guess, ScalarMultiply(2)(labels, "twice")]).check_leakage()


# Everything


class Own(ClassifierMixin, BaseEstimator):
    """A classifier without any tags of its own."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_a_classifier_of_ones_own_is_seen_through_too():
    pipe = chain(Sklearn(Own()), Lambda(np.reshape, shape=(-1, 1)), Sklearn(TREE))

    assert kinds(pipe) == ["in-sample"]


def test_each_finding_is_warned_of_once_in_each_fit():
    pipe = chain(Sklearn(TREE, "predict_proba"), Sklearn(LogisticRegression()))

    for fit in (pipe.fit, pipe.fit_transform, pipe.fit):
        with pytest.warns(LeakageWarning) as told:
            fit(X, Y)
        assert len(told) == 1
        assert told[0].filename == __file__


def test_batches_warn_as_well():
    pipe = chain(
        Sklearn(SGDClassifier()), Lambda(np.reshape, shape=(-1, 1)), Sklearn(SGDClassifier())
    )

    with pytest.warns(LeakageWarning, match="'sgdclassifier-2' is fitted on predictions") as told:
        pipe.fit_generator([(X, Y)])
    assert len(told) == 1


def test_findings_are_values():
    leak = Leak("rows", "a", ("a", "b"), "It is so.", "Write this.")

    assert leak == Leak("rows", "a", ("a", "b"), "It is so.", "Write this.")
    assert str(leak) == "It is so. Write this. (rows: a -> b)"


def test_a_chain_of_ten_thousand_steps_is_nothing_special():
    x, y = inputs()
    node = Sklearn(Ridge())(x, y=y)
    for _ in range(10_000):
        node = ScalarMultiply(1)(node)
    pipe = sm.Pipeline([x, y], Sklearn(Ridge())(node, y=y))
    assert pipe.graph.steps
    begin = time.perf_counter()

    (leak,) = pipe.check_leakage()

    assert time.perf_counter() - begin < 5
    assert len(leak.path) == 10_002


def test_predicting_warns_of_nothing():
    pipe = chain(Sklearn(TREE, "predict_proba"), Sklearn(LogisticRegression()))
    with pytest.warns(LeakageWarning):
        pipe.fit(X, Y)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipe.predict(X)
