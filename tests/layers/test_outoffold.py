"""Steps whose readers see predictions of rows that the estimator has not seen."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import LabelEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import skmegatron as sm
from skmegatron.layers import Concatenate, Sklearn, Slice

FLOWERS, SPECIES = load_iris(return_X_y=True)
MIXED = np.random.default_rng(0).permutation(150)
FLOWERS, SPECIES = FLOWERS[MIXED], SPECIES[MIXED]
TUMOURS, MALIGNANT = load_breast_cancer(return_X_y=True)
TUMOURS, MALIGNANT = TUMOURS[:200, :6], MALIGNANT[:200]
PATIENTS, PROGRESS = load_diabetes(return_X_y=True)
PATIENTS, PROGRESS = PATIENTS[:150], PROGRESS[:150]
WEIGHTS = np.linspace(0.1, 3, 150)


def table(name="X"):
    return sm.Input(name, shape=(None,))


def alone(model, y=None, **options):
    """Draw one out-of-fold step."""
    x, label = table(), sm.Target("y")
    return sm.Pipeline([x, label], Sklearn(model, **options)(x, "model", y=label))


BASES = {
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "bayes": GaussianNB(),
    "linear": LogisticRegression(C=0.1, max_iter=5000),
}
HEAD = LogisticRegression(max_iter=5000)


def stacked(
    names, methods, head, cv, *, passthrough=False, binary=False, encode=False, bases=BASES
):
    """Draw what scikit-learn's stacking estimators do."""
    x, y, w = table(), sm.Target("y"), sm.Input("w")
    labels = Sklearn(LabelEncoder())(y, "codes") if encode else y
    columns = []
    for name in names:
        method = methods[name]
        out = Sklearn(bases[name], method=method, cv=cv)(x, name, y=labels, sample_weight=w)
        if binary and method == "predict_proba":
            # scikit-learn keeps one column of two probabilities that add up to 1.
            out = Slice(None, (1,))(out)
        columns.append(out)
    read = Concatenate()([*columns, x] if passthrough else columns)
    out = Sklearn(head)(read, "head", y=labels, sample_weight=w)
    return sm.Pipeline([x, y, w], labels.inverse(out) if encode else out)


@pytest.mark.parametrize(("passthrough", "weighted"), [(False, True), (True, False)])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "predict", "mixed"])
@pytest.mark.parametrize("words", [False, True])
def test_stacking_classifiers_gives_the_numbers_of_scikit_learn(
    method, binary, weighted, passthrough, words
):
    X, y = (TUMOURS, MALIGNANT) if binary else (FLOWERS, SPECIES)
    labels = np.array(["no", "so", "yes"])[y] if words else y
    weights = np.linspace(0.1, 3, len(X)) if weighted else None
    names = ["linear"] if method == "decision_function" else ["tree", "linear"]
    mixed = {"tree": "predict_proba", "linear": "decision_function"}
    methods = mixed if method == "mixed" else dict.fromkeys(names, method)
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    encode = words and method == "predict"  # scikit-learn stacks the numbers of the labels
    ours = stacked(names, methods, HEAD, cv, passthrough=passthrough, binary=binary, encode=encode)

    ours.fit(X, labels, w=weights)

    way = "auto" if method == "mixed" else method
    bases = [(name, BASES[name]) for name in names]
    if method == "mixed":
        bases = [("tree", BASES["tree"]), ("linear", Deciding(C=0.1, max_iter=5000))]
    theirs = StackingClassifier(bases, HEAD, cv=cv, stack_method=way, passthrough=passthrough)
    theirs.fit(X, labels, sample_weight=weights)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert_array_equal(ours.predict(X), theirs.predict(X))


class Deciding(LogisticRegression):
    """Has no probabilities, so that stacking asks for its decisions."""

    @property
    def predict_proba(self):
        raise AttributeError("predict_proba")


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cv", [3, KFold(4, shuffle=True, random_state=0), "list", "generator"])
def test_stacking_regressors_gives_the_numbers_of_scikit_learn(cv, weighted, passthrough):
    bases = {"ridge": Ridge(), "tree": DecisionTreeRegressor(max_depth=3, random_state=0)}
    splits = list(KFold(3).split(PATIENTS))
    weights = WEIGHTS if weighted else None
    given = (
        {"list": splits, "generator": (split for split in splits)}.get(cv, cv)
        if isinstance(cv, str)
        else cv
    )
    if cv == "generator":
        bases = {"ridge": Ridge()}  # a generator is for one step
    methods = dict.fromkeys(bases, "predict")
    ours = stacked([*bases], methods, Ridge(0.1), given, passthrough=passthrough, bases=bases)

    ours.fit(PATIENTS, PROGRESS, w=weights)

    theirs = StackingRegressor(
        [*bases.items()],
        Ridge(0.1),
        cv=splits if isinstance(cv, str) else cv,
        passthrough=passthrough,
    ).fit(PATIENTS, PROGRESS, sample_weight=weights)
    assert_allclose(ours.predict(PATIENTS), theirs.predict(PATIENTS), atol=1e-6)


@pytest.mark.parametrize("routing", [False, True])
def test_groups_cut_the_folds_and_weights_are_cut_by_them(routing):
    x, y, w, g = table(), sm.Target("y"), sm.Input("w"), sm.Input("g")
    out = Sklearn(Ridge(), cv=GroupKFold(3))(x, y=y, sample_weight=w, groups=g)
    pipe = sm.Pipeline([x, y, w, g], out)
    groups = np.arange(150) % 7

    with sklearn.config_context(enable_metadata_routing=routing):
        seen = pipe.fit_transform(PATIENTS, PROGRESS, w=WEIGHTS, g=groups)

    splits = list(GroupKFold(3).split(PATIENTS, PROGRESS, groups))
    expected = np.empty(150)
    for train, test in splits:
        fold = Ridge().fit(PATIENTS[train], PROGRESS[train], sample_weight=WEIGHTS[train])
        expected[test] = fold.predict(PATIENTS[test])
    assert_allclose(seen, expected)


def test_groups_that_a_splitter_needs_and_nobody_draws_are_asked_for():
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        alone(Ridge(), cv=GroupKFold(3)).fit_transform(PATIENTS, PROGRESS)


def test_fitting_gives_values_out_of_fold_and_transform_those_of_the_whole_fit():
    pipe = alone(Ridge(), cv=4)

    seen = pipe.fit_transform(PATIENTS, PROGRESS)

    assert_allclose(seen, cross_val_predict(Ridge(), PATIENTS, PROGRESS, cv=4))
    assert_allclose(pipe.transform(PATIENTS), Ridge().fit(PATIENTS, PROGRESS).predict(PATIENTS))


def test_a_generator_of_splits_serves_again_after_fitting_cloning_and_pickling():
    pipe = alone(Ridge(), cv=(split for split in KFold(3).split(PATIENTS)))
    expected = cross_val_predict(Ridge(), PATIENTS, PROGRESS, cv=3)

    for again in (pipe, pipe, clone(pipe), pickle.loads(pickle.dumps(pipe))):
        assert_allclose(again.fit_transform(PATIENTS, PROGRESS), expected)


@pytest.mark.parametrize(
    ("cv", "words"),
    [
        (ShuffleSplit(3, random_state=0), r"150 rows.*ShuffleSplit\(.*leaves 1\d\d out.*KFold"),
        (TimeSeriesSplit(4), r"TimeSeriesSplit\(.*leaves 30 out, has 0 more.*GroupKFold"),
        ([(np.arange(100), np.arange(150))] * 2, r"cv leaves 0 out, has 150 more than once"),
        (list(KFold(3).split(np.zeros(160))), r"names rows beyond the last.*in a search"),
        ([], r"cv leaves 150 out"),
    ],
)
def test_splits_that_leave_rows_out_are_refused_with_what_to_use(cv, words):
    with pytest.raises(ValueError, match=words) as caught:
        alone(Ridge(), cv=cv).fit_transform(PATIENTS, PROGRESS)

    assert "at step 'model' (Ridge), fitting" in caught.value.__notes__[0]


def test_columns_belong_to_the_same_class_where_a_fold_lacks_one():
    by_class = [(np.flatnonzero(c != SPECIES), np.flatnonzero(c == SPECIES)) for c in range(3)]
    words = np.array(["a", "b", "c"])[SPECIES]

    pipe = alone(GaussianNB(), method="predict_proba", cv=by_class)
    with pytest.warns(RuntimeWarning, match="Number of classes in training fold"):
        seen = pipe.fit_transform(FLOWERS, words)

    assert seen.shape == (150, 3)
    assert_array_equal(seen[np.arange(150), SPECIES], 0)
    assert_allclose(seen.sum(1), 1)


def test_weights_of_classes_are_told_by_their_labels():
    words = np.array(["benign", "malignant"])[MALIGNANT]
    spread = {"benign": 1, "malignant": 9}
    head = LogisticRegression(max_iter=5000)

    seen = alone(head.set_params(class_weight=spread), method="predict_proba", cv=3)
    seen = seen.fit_transform(TUMOURS, words)

    numbered = clone(head).set_params(class_weight={0: 1, 1: 9})
    expected = cross_val_predict(numbered, TUMOURS, MALIGNANT, cv=3, method="predict_proba")
    assert_allclose(seen, expected)


def test_what_transforms_with_labels_does_so_out_of_fold():
    model = LinearDiscriminantAnalysis()
    cv = StratifiedKFold(3)

    seen = alone(model, cv=cv).fit_transform(FLOWERS, SPECIES)

    expected = np.empty((150, 2))
    for train, test in cv.split(FLOWERS, SPECIES):
        fold = clone(model).fit(FLOWERS[train], SPECIES[train])
        expected[test] = fold.transform(FLOWERS[test])
    assert_allclose(seen, expected)


def test_frames_reach_the_folds_with_their_names():
    frame = pd.DataFrame(PATIENTS, columns=[f"c{i}" for i in range(10)])
    pipe = alone(Ridge(), cv=3)

    seen = pipe.fit_transform(frame, PROGRESS)

    assert_array_equal(pipe.steps_.model.feature_names_in_, frame.columns)
    assert_allclose(seen, cross_val_predict(Ridge(), PATIENTS, PROGRESS, cv=3))


class Held(ClassifierMixin, BaseEstimator):
    """Notes the held-out rows that each fit is given."""

    def __init__(self, log=None):
        self.log = log

    def __sklearn_clone__(self):
        return Held(self.log)

    def fit(self, X, y, eval_set=None, sample_weight=None, eval_sample_weight=None):
        self.classes_ = np.unique(y)
        self.log.append((len(X), eval_set[0], eval_sample_weight[0], set(y)))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_every_fold_is_given_all_held_out_rows_even_where_there_are_as_many(method):
    log = []
    x, y, w = table(), sm.Target("y"), sm.Input("w")
    out = Sklearn(Held(log), method=method, cv=3)(x, y=y, sample_weight=w)
    words = np.array(["a", "b", "c"])[SPECIES]
    held_out = FLOWERS + 1, words[::-1], WEIGHTS

    sm.Pipeline([x, y, w], out).fit_transform(
        FLOWERS, words, w=WEIGHTS[::-1], validation_data=held_out
    )

    assert [n_rows for n_rows, *_ in log] == [150, 100, 100, 100]
    for _, (rows, labels), weights, seen in log:
        assert_array_equal(rows, held_out[0])
        assert_array_equal(labels, held_out[1])
        assert_array_equal(weights, WEIGHTS)
        assert seen == {"a", "b", "c"}


@pytest.mark.parametrize("words", [False, True])
def test_every_fold_stops_early_on_the_held_out_rows(words):
    labels = np.array(["no", "yes"])[MALIGNANT] if words else MALIGNANT
    model = HistGradientBoostingClassifier(
        early_stopping=True, n_iter_no_change=2, max_iter=60, random_state=0
    )
    X, y, X_val, y_val = TUMOURS[:140], labels[:140], TUMOURS[140:], labels[140:]

    pipe = alone(model, method="predict_proba", cv=3)
    seen = pipe.fit_transform(X, y, validation_data=(X_val, y_val))

    expected = np.empty((140, 2))
    for train, test in StratifiedKFold(3).split(X, y):
        fold = clone(model).fit(X[train], y[train], X_val=X_val, y_val=y_val)
        expected[test] = fold.predict_proba(X[test])
    assert_array_equal(seen, expected)


def test_a_memory_tells_one_way_to_cut_from_another():
    memory = sm.MemoryCache()
    ways = [3, 4, KFold(3, shuffle=True, random_state=0), KFold(3, shuffle=True, random_state=1)]

    for cv in [*ways, *ways]:
        pipe = alone(Ridge(), cv=cv).set_params(memory=memory)
        expected = cross_val_predict(Ridge(), PATIENTS, PROGRESS, cv=cv)
        assert_allclose(pipe.fit_transform(PATIENTS, PROGRESS), expected)


def test_folds_that_are_drawn_anew_are_not_remembered():
    pipe = alone(Ridge(), cv=KFold(3, shuffle=True)).set_params(memory=sm.MemoryCache())

    first, second = (pipe.fit_transform(PATIENTS, PROGRESS) for _ in range(2))

    assert not np.allclose(first, second)


def test_a_search_reaches_the_estimator_of_an_out_of_fold_step():
    x, y = table(), sm.Target("y")
    out = Sklearn(Ridge())(Sklearn(Ridge(), cv=3)(x, "first", y=y), "second", y=y)
    pipe = sm.Pipeline([x, y], out)

    search = GridSearchCV(pipe, {"first__alpha": [0.1, 10.0]}, cv=2).fit(PATIENTS, PROGRESS)

    theirs = StackingRegressor([("first", Ridge())], Ridge(), cv=3)
    theirs = GridSearchCV(theirs, {"first__alpha": [0.1, 10.0]}, cv=2).fit(PATIENTS, PROGRESS)
    for key in ("split0_test_score", "split1_test_score"):
        assert_allclose(search.cv_results_[key], theirs.cv_results_[key])
