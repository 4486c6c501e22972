"""Rows that a fit holds out, and the steps that stop early on them."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import xgboost
from catboost import CatBoostClassifier, CatBoostRegressor, Pool
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    ShuffleSplit,
    StratifiedShuffleSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from threadpoolctl import threadpool_limits

import skmegatron as sm
from skmegatron.errors import MissingInputError, ShapeError
from skmegatron.layers import Concatenate, Lambda, Sklearn, StatefulLayer, Whiten
from skmegatron.layers.wrapping import validation_params

TUMOURS, MALIGNANT = load_breast_cancer(return_X_y=True)
PATIENTS, PROGRESS = load_diabetes(return_X_y=True)
WORDS = np.array(["malignant", "benign"])[MALIGNANT]
WEIGHTS = np.linspace(0.2, 3, len(TUMOURS))


def cut(n_rows, fraction=0.2, labels=None, groups=None):
    """The rows to learn from and those held out, as the documentation tells it."""
    way = ShuffleSplit if labels is None else StratifiedShuffleSplit
    way = way if groups is None else GroupShuffleSplit
    splitter = way(1, test_size=fraction, random_state=0)
    ((train, held_out),) = splitter.split(np.zeros(n_rows), labels, groups)
    return np.sort(train), np.sort(held_out)


@pytest.fixture(autouse=True)
def one_thread():
    """Trees of this size grow no faster in several, and much slower on a busy machine."""
    with threadpool_limits(1):
        yield


TRAIN, HELD_OUT = cut(len(TUMOURS), labels=MALIGNANT)


class Noting(BaseEstimator):
    """Takes held-out rows as boosting libraries do, and notes all that comes."""

    _estimator_type = "classifier"

    def fit(self, X, y=None, eval_set=None, sample_weight=None, eval_sample_weight=None):
        self.rows_, self.labels_, self.weights_ = X, y, sample_weight
        self.eval_set_, self.eval_weights_ = eval_set, eval_sample_weight
        return self

    def predict(self, X):
        return np.zeros(X.shape[0])


class Taking(StatefulLayer):
    """A layer of one's own that takes held-out rows."""

    takes_validation = True

    def fit(self, X, y=None, sample_weight=None, validation_data=None):
        self.taken_ = validation_data
        return self

    def transform(self, X):
        return X


def table(name="X"):
    return sm.Input(name, shape=(None,))


def scaled(model, *, weights=False, encode=False, **options):
    """Draw a scaler and a model behind it."""
    x, y, w = table(), sm.Target("y"), sm.Input("w")
    labels = Sklearn(LabelEncoder())(y, "codes") if encode else y
    also = {"sample_weight": w} if weights else {}
    out = Sklearn(model)(Sklearn(StandardScaler())(x, "scaler"), "model", y=labels, **also)
    return sm.Pipeline([x, y, *([w] if weights else [])], out, **options)


def noting(**options):
    return scaled(Noting(), **options)


# Cutting


def test_a_split_is_cut_the_same_way_every_time():
    first, second = (noting().fit(PATIENTS, PROGRESS, validation_split=0.2) for _ in range(2))

    assert_array_equal(first.steps_.model.eval_set_[0][0], second.steps_.model.eval_set_[0][0])


def test_a_split_of_numbers_holds_out_any_rows_in_their_order():
    pipe = noting().fit(PATIENTS, PROGRESS, validation_split=0.2)

    train, held_out = cut(len(PATIENTS))
    scaler = StandardScaler().fit(PATIENTS[train])
    ((rows, labels),) = pipe.steps_.model.eval_set_
    assert_allclose(pipe.steps_.model.rows_, scaler.transform(PATIENTS[train]))
    assert_array_equal(pipe.steps_.model.labels_, PROGRESS[train])
    assert_allclose(rows, scaler.transform(PATIENTS[held_out]))
    assert_array_equal(labels, PROGRESS[held_out])


def test_a_split_for_a_classifier_keeps_the_share_of_each_class():
    model = HistGradientBoostingClassifier(early_stopping=True, max_iter=5)
    train, held_out = cut(len(TUMOURS), labels=WORDS)

    pipe = scaled(model).fit(TUMOURS, WORDS, validation_split=0.2)

    scaler = StandardScaler().fit(TUMOURS[train])
    assert_array_equal(pipe.steps_.scaler.mean_, scaler.mean_)
    by_hand = clone(model).fit(
        scaler.transform(TUMOURS[train]),
        WORDS[train],
        X_val=scaler.transform(TUMOURS[held_out]),
        y_val=WORDS[held_out],
    )
    assert_array_equal(
        pipe.predict_proba(TUMOURS), by_hand.predict_proba(scaler.transform(TUMOURS))
    )


def grouped(read=True):
    x, y, g = table(), sm.Target("y"), sm.Input("patient")
    also = {"groups": g} if read else {}
    first = Sklearn(LogisticRegression(), cv=GroupKFold(2) if read else 2)(x, y=y, **also)
    out = Sklearn(Noting())(Concatenate()([x, first]), "model", y=y)
    return sm.Pipeline([x, y, *([g] if read else [])], out)


@pytest.mark.parametrize("container", [np.asarray, pd.Series, list])
@pytest.mark.parametrize("read", [True, False])
def test_a_split_keeps_groups_together(read, container):
    groups = np.repeat(np.arange(10), 20)
    fed = {"patient" if read else "groups": container(groups)}
    labels = np.arange(200) % 2

    pipe = grouped(read).fit(PATIENTS[:200], labels, validation_split=0.3, **fed)

    _, held_out = cut(200, 0.3, groups=groups)
    assert_array_equal(pipe.steps_.model.eval_set_[0][0][:, :10], PATIENTS[held_out])
    assert len(set(groups[held_out])) == 3


def test_groups_of_the_call_are_asked_before_computed_ones():
    x, y, g = table(), sm.Target("y"), sm.Input("patient")
    computed = Lambda(np.abs)(g)
    first = Sklearn(LogisticRegression(), cv=GroupKFold(2))(x, y=y, groups=computed)
    pipe = sm.Pipeline([x, y, g], Sklearn(Noting())(first, "model", y=y))
    fed = {"patient": np.arange(200) // 20, "validation_split": 0.3}
    labels = np.arange(200) % 2

    with pytest.raises(ValueError, match=r"\['lambda'\].*validation_split=0.1, groups=values"):
        pipe.fit(PATIENTS[:200], labels, **fed)
    pipe.fit(PATIENTS[:200], labels, groups=np.arange(200) // 20, **fed)

    assert len(pipe.steps_.model.eval_set_[0][0]) == 60


def test_groups_without_a_split_are_an_unknown_input():
    with pytest.raises(TypeError, match="Unexpected argument 'groups'"):
        noting().fit(PATIENTS, PROGRESS, groups=PROGRESS)


def test_groups_of_another_length_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        noting().fit(PATIENTS, PROGRESS, validation_split=0.1, groups=np.arange(3))


def test_everything_fed_is_cut_together():
    image, age, text, y = sm.Input("image", shape=(4, 4)), sm.Input("age"), sm.Input("t"), None
    y, w = sm.Target("y"), sm.Input("w")
    flat = Lambda(lambda v: v.reshape(len(v), -1))(image)
    length = Lambda(lambda words: np.array([len(word) for word in words]))(text)
    out = Sklearn(Noting())([flat, age, length], "model", y=y, sample_weight=w)
    n = 40
    images = np.arange(n * 16.0).reshape(n, 4, 4)
    texts = np.array(["x" * (i % 7) for i in range(n)], dtype=object)
    data = {"image": images, "age": np.arange(n), "t": texts}
    weights = np.arange(n) + 0.5

    pipe = sm.Pipeline([image, age, text, y, w], out)
    pipe.fit(data, np.arange(n) * 2.0, w=weights, validation_split=0.25)

    train, held_out = cut(n, 0.25)
    model = pipe.steps_.model
    for rows, labels, w_seen, places in [
        (model.rows_, model.labels_, model.weights_, train),
        (*model.eval_set_[0], model.eval_weights_[0], held_out),
    ]:
        lengths = [len(texts[i]) for i in places]
        packed = np.column_stack([images[places].reshape(len(places), -1), places, lengths])
        assert_array_equal(rows, packed)
        assert_array_equal(labels, places * 2.0)
        assert_array_equal(w_seen, weights[places])


@pytest.mark.parametrize("kind", [pd.DataFrame, sparse.csr_matrix, sparse.csc_array, sm.Dataset])
def test_tables_of_every_kind_are_cut(kind):
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(Noting())(x, "model", y=y))
    data = sm.Dataset(X=PATIENTS) if kind is sm.Dataset else kind(PATIENTS)

    pipe.fit(data, PROGRESS, validation_split=0.2)

    train, held_out = cut(len(PATIENTS))
    found = pipe.steps_.model.rows_, pipe.steps_.model.eval_set_[0][0]
    for rows, places in zip(found, (train, held_out), strict=True):
        dense = rows.toarray() if sparse.issparse(rows) else np.asarray(rows)
        assert_array_equal(dense, PATIENTS[places])
        assert type(rows) is (np.ndarray if kind is sm.Dataset else type(data))


def test_names_are_learned_as_without_a_split():
    frame = pd.DataFrame(PATIENTS, columns=[f"c{i}" for i in range(10)])
    x, y = table(), sm.Target("y")
    model = HistGradientBoostingRegressor(early_stopping=True, max_iter=5)
    pipe = sm.Pipeline([x, y], Sklearn(model)(x, "model", y=y))

    pipe.fit(frame, PROGRESS, validation_split=0.2)

    assert_array_equal(pipe.feature_names_in_, frame.columns)
    assert_array_equal(pipe.steps_.model.feature_names_in_, frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        pipe.predict(frame[frame.columns[::-1]])


def test_classes_come_from_the_rows_to_learn_from():
    labels = np.where(np.arange(len(TUMOURS)) == HELD_OUT[0], 2, MALIGNANT)
    groups = np.isin(np.arange(len(TUMOURS)), HELD_OUT)
    model = LGBMClassifier(n_estimators=3, verbosity=-1)

    with pytest.raises(ValueError, match="previously unseen labels") as caught:
        scaled(model).fit(
            TUMOURS, labels, validation_data=(TUMOURS[HELD_OUT], labels[HELD_OUT] * 9)
        )
    assert "at step 'model' (LGBMClassifier), fitting" in caught.value.__notes__[0]
    pipe = scaled(model).fit(
        TUMOURS[~groups],
        labels[~groups],
        validation_data=(TUMOURS[HELD_OUT][1:], labels[HELD_OUT][1:]),
    )
    assert_array_equal(pipe.classes_, [0, 1])


@pytest.mark.parametrize("fraction", [0, 0.0, 1, 1.0, -0.1, 1.5, True, "0.1", (0.1,), np.nan])
def test_a_split_that_is_no_fraction_is_refused(fraction):
    with pytest.raises(ValueError, match=r"between 0 and 1, got .*validation_split=0.1"):
        noting().fit(PATIENTS, PROGRESS, validation_split=fraction)


def test_both_ways_to_hold_out_rows_at_once_are_refused():
    with pytest.raises(ValueError, match="got both"):
        noting().fit(
            PATIENTS, PROGRESS, validation_split=0.1, validation_data=(PATIENTS, PROGRESS)
        )


@pytest.mark.parametrize(
    ("n_rows", "labels", "groups", "what"),
    [
        (1, [0.5], None, "1 rows in two: With n_samples=1"),
        (6, [0, 0, 0, 0, 0, 1], None, "6 rows of 2 classes in two: The least populated"),
        (6, [0, 0, 1, 1, 2, 2], None, "of 3 classes in two: The test_size = 1 should be"),
        (4, [0.5] * 4, [1, 1, 1, 1], "1 groups of 4 rows in two"),
    ],
)
def test_too_few_rows_to_cut_are_refused_with_what_to_do(n_rows, labels, groups, what):
    classify = np.asarray(labels).dtype.kind == "i"
    model = HistGradientBoostingClassifier() if classify else HistGradientBoostingRegressor()
    extra = {} if groups is None else {"groups": groups}

    with pytest.raises(ValueError, match=rf"cannot cut .*{what}[^$]*validation_data=\(X_val"):
        scaled(model).fit(PATIENTS[:n_rows], np.array(labels), validation_split=0.1, **extra)


def test_fit_transform_with_a_split_gives_all_rows():
    frame = pd.DataFrame(PATIENTS, index=np.arange(len(PATIENTS)) + 100)
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Taking()(Sklearn(StandardScaler())(x), "model", y=y))
    pipe.set_output(transform="pandas")

    values = pipe.fit_transform(frame, PROGRESS, validation_split=0.2)

    assert_array_equal(
        values, clone(pipe).fit(frame, PROGRESS, validation_split=0.2).transform(frame)
    )
    assert_array_equal(values.index, frame.index)
    assert not np.allclose(values, StandardScaler().fit_transform(PATIENTS))


# What goes through, and how often


def test_held_out_rows_go_through_each_step_once_for_all_that_ask():
    seen = []
    x, y = table(), sm.Target("y")
    once = Lambda(lambda X: seen.append(len(X)) or X * 2)
    shared = once(Whiten()(x))
    deeper = once(shared)
    outs = [
        Taking()(shared, "a", y=y),
        Taking()(Concatenate()([shared, deeper]), "b", y=y),
        Taking()(deeper, "c", y=y),
        Whiten()(once(deeper)),
    ]
    pipe = sm.Pipeline([x, y], outs)

    pipe.fit(PATIENTS, PROGRESS, validation_data=(PATIENTS[:7], PROGRESS[:7]))

    assert sorted(seen) == [7, 7, 442, 442, 442]
    (b,), y_b = pipe.steps_.b.taken_
    whole = PATIENTS[:7] - PATIENTS.mean(0)
    assert_allclose(b, np.hstack([whole * 2, whole * 4]) / np.tile(PATIENTS.std(0), 2))
    assert_array_equal(y_b, PROGRESS[:7])


def many(**options):
    x, y = table(), sm.Target("y")
    scaler = Sklearn(StandardScaler())(x, "scaler")
    again = Whiten()(Lambda(np.tanh)(scaler))
    outs = [Taking()(again, "a", y=y), Taking()([scaler], "b", y=Whiten()(y))]
    return sm.Pipeline([x, y], outs, **options)


def test_held_out_rows_are_the_same_with_jobs_and_with_a_memory():
    memory = sm.MemoryCache()
    ways = [
        {},
        {"n_jobs": 2},
        {"memory": memory},
        {"memory": memory},
        {"memory": memory, "n_jobs": 2},
    ]

    found = [many(**way).fit(PATIENTS, PROGRESS, validation_split=0.2).steps_ for way in ways]

    for steps in found[1:]:
        for name in ("a", "b"):
            (ours,), labels = steps[name].taken_
            (theirs,), their_labels = found[0][name].taken_
            assert_array_equal(ours, theirs)
            assert_array_equal(labels, their_labels)


def test_a_step_is_not_taken_from_a_memory_for_other_held_out_rows():
    memory = sm.MemoryCache()
    model = HistGradientBoostingRegressor(early_stopping=True, max_iter=30, random_state=0)

    def scores(**held_out):
        pipe = scaled(model, memory=memory).fit(PATIENTS[:300], PROGRESS[:300], **held_out)
        return pipe.steps_.model.validation_score_

    first = scores(validation_data=(PATIENTS[300:], PROGRESS[300:]))
    other = scores(validation_data=(PATIENTS[350:], PROGRESS[350:]))
    again = scores(validation_data=(PATIENTS[300:].copy(), PROGRESS[300:].copy()))

    assert_array_equal(first, again)
    assert len(first) != len(other) or not np.allclose(first, other)


def test_rows_that_cannot_be_told_apart_are_not_taken_for_each_other():
    class Odd:
        def __init__(self, value):
            self.value = value

        def __reduce__(self):
            raise TypeError("not to be pickled")

    x, extra, y = table(), sm.Input("extra"), sm.Target("y")
    read = Lambda(lambda odd: np.array([item.value for item in odd], dtype=float))(extra)
    pipe = sm.Pipeline([x, extra, y], Taking()([x], "a", y=y), memory=sm.MemoryCache())
    pipe = sm.Pipeline(
        [x, extra, y], Taking()(Concatenate()([x, read]), "a", y=y), memory=sm.MemoryCache()
    )

    def seen(value):
        odd = np.array([Odd(value)] * 5, dtype=object)
        data = {"X": PATIENTS[:5], "extra": odd}
        return pipe.fit(data, PROGRESS[:5], validation_data=(data, PROGRESS[:5])).steps_.a.taken_

    assert seen(1)[0][0][0, -1] != seen(2)[0][0][0, -1]


def test_only_what_somebody_asks_for_must_be_there():
    x, other, y = table(), sm.Input("other"), sm.Target("y")
    outs = [Taking()(x, "a", y=y), Whiten()(other)]
    pipe = sm.Pipeline([x, other, y], outs)

    pipe.fit(
        {"X": PATIENTS, "other": PROGRESS},
        PROGRESS,
        validation_data=({"X": PATIENTS[:3]}, PROGRESS[:3]),
    )
    assert len(pipe.steps_.a.taken_[1]) == 3

    with pytest.raises(MissingInputError, match="'X'"):
        pipe.fit(
            {"X": PATIENTS, "other": PROGRESS},
            PROGRESS,
            validation_data=({"other": PROGRESS}, PROGRESS),
        )


def test_a_held_out_table_of_other_columns_is_refused():
    frame = pd.DataFrame(PATIENTS, columns=[f"c{i}" for i in range(10)])

    with pytest.raises(ShapeError, match="same columns in the same order"):
        noting().fit(frame, PROGRESS, validation_data=(frame[frame.columns[::-1]], PROGRESS))


# Weights


@pytest.mark.parametrize("fed", ["third", "by name", "in X", "split", "missing", "none"])
def test_weights_of_held_out_rows_reach_the_step_where_they_are_known(fed):
    X, y = TUMOURS[HELD_OUT], MALIGNANT[HELD_OUT]
    w = WEIGHTS[HELD_OUT]
    pairs = {
        "third": (X, y, w),
        "by name": (X, y, {"w": w}),
        "in X": ({"X": X, "w": w}, y),
        "missing": (X, y),
        "none": (X, y, None),
    }
    rows = slice(None) if fed == "split" else TRAIN
    way = {"validation_split": 0.2} if fed == "split" else {"validation_data": pairs[fed]}
    model = HistGradientBoostingClassifier(early_stopping=True, max_iter=5, random_state=0)

    pipe = scaled(model, weights=True).fit(TUMOURS[rows], MALIGNANT[rows], w=WEIGHTS[rows], **way)

    scaler = StandardScaler().fit(TUMOURS[TRAIN])
    known = {} if fed in ("missing", "none") else {"sample_weight_val": w}
    by_hand = model.fit(
        scaler.transform(TUMOURS[TRAIN]),
        MALIGNANT[TRAIN],
        WEIGHTS[TRAIN],
        X_val=scaler.transform(X),
        y_val=y,
        **known,
    )
    assert_array_equal(pipe.steps_.model.validation_score_, by_hand.validation_score_)


def test_weights_that_a_step_computes_are_computed_of_the_held_out_rows():
    x, y = table(), sm.Target("y")
    balance = Lambda(lambda labels: np.where(labels == 1, 3.0, 1.0))(y)
    pipe = sm.Pipeline([x, y], Sklearn(Noting())(x, "model", y=y, sample_weight=balance))

    pipe.fit(TUMOURS, MALIGNANT, validation_data=(TUMOURS[:9], MALIGNANT[:9]))

    assert_array_equal(pipe.steps_.model.eval_weights_[0], np.where(MALIGNANT[:9] == 1, 3, 1))


def test_a_layer_of_ones_own_gets_weights_as_a_third_member():
    x, y, w = table(), sm.Target("y"), sm.Input("w")
    pipe = sm.Pipeline([x, y, w], Taking()(x, "a", y=y, sample_weight=w))

    pipe.fit(PATIENTS, PROGRESS, w=PROGRESS, validation_split=0.1)

    (rows,), labels, weights = pipe.steps_.a.taken_
    assert_array_equal(labels, weights)
    assert len(rows) == len(labels)


def test_weights_that_no_step_reads_are_refused():
    with pytest.raises(ValueError, match=r"third member.*sample_weight=w"):
        noting().fit(PATIENTS, PROGRESS, validation_data=(PATIENTS, PROGRESS, PROGRESS))


def test_weights_for_several_inputs_are_fed_by_name():
    x, y, v, w = table(), sm.Target("y"), sm.Input("v"), sm.Input("w")
    outs = [Taking()(x, "a", y=y, sample_weight=v), Taking()(x, "b", y=y, sample_weight=w)]
    pipe = sm.Pipeline([x, y, v, w], outs)
    fed = {"v": PROGRESS, "w": -PROGRESS}

    with pytest.raises(ValueError, match=r"\['v', 'w'\], got one array.*'v': ..., 'w': ..."):
        pipe.fit(PATIENTS, PROGRESS, validation_data=(PATIENTS, PROGRESS, PROGRESS), **fed)
    pipe.fit(PATIENTS, PROGRESS, validation_data=(PATIENTS, PROGRESS, {"w": PROGRESS}), **fed)

    assert len(pipe.steps_.a.taken_) == 2
    assert_array_equal(pipe.steps_.b.taken_[2], PROGRESS)


def test_weights_of_another_length_than_the_held_out_rows_are_refused():
    with pytest.raises(ShapeError, match="inconsistent numbers of rows"):
        noting(weights=True).fit(
            PATIENTS, PROGRESS, w=PROGRESS, validation_data=(PATIENTS[:5], PROGRESS[:5], [1.0])
        )


# The libraries


def hist(kind, X, y, held_out, weights):
    given = {} if weights is None else {"sample_weight_val": weights}
    return {"X_val": held_out[0], "y_val": held_out[1], **given}


def xgb(kind, X, y, held_out, weights):
    given = {} if weights is None else {"sample_weight_eval_set": [weights]}
    return {"eval_set": [held_out], "verbose": False, **given}


def lgb(kind, X, y, held_out, weights):
    given = {} if weights is None else {"eval_sample_weight": [weights]}
    # What is numbered from 0 needs no encoding, which LightGBM leaves out here.
    return {"eval_X": held_out[0], "eval_y": held_out[1], **given}


def cat(kind, X, y, held_out, weights):
    return {"eval_set": Pool(*held_out, weight=weights)}


XGB = {"n_estimators": 150, "early_stopping_rounds": 3, "n_jobs": 1}
LGB = {"n_estimators": 150, "early_stopping_round": 3, "verbosity": -1, "n_jobs": 1}
CAT = {
    "iterations": 150,
    "early_stopping_rounds": 3,
    "learning_rate": 0.3,
    "verbose": False,
    "allow_writing_files": False,
    "thread_count": 1,
}
HIST = {
    "max_iter": 150,
    "early_stopping": True,
    "n_iter_no_change": 3,
    "learning_rate": 0.4,
    "max_leaf_nodes": 5,
    "random_state": 0,
}

LIBRARIES = {
    "hist": (HistGradientBoostingClassifier, HistGradientBoostingRegressor, HIST, hist, "n_iter_"),
    "xgboost": (xgboost.XGBClassifier, xgboost.XGBRegressor, XGB, xgb, "best_iteration"),
    "lightgbm": (LGBMClassifier, LGBMRegressor, LGB, lgb, "best_iteration_"),
    "catboost": (CatBoostClassifier, CatBoostRegressor, CAT, cat, "tree_count_"),
}


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("classify", [True, False])
@pytest.mark.parametrize("library", LIBRARIES)
def test_early_stopping_is_as_by_hand(library, classify, weights, capfd):
    *kinds, params, keywords, rounds = LIBRARIES[library]
    model = kinds[not classify](**params)
    X, y = (TUMOURS, MALIGNANT) if classify else (PATIENTS, PROGRESS)
    w = np.linspace(0.2, 3, len(X)) if weights else None
    fed = {"w": w} if weights else {}

    pipe = scaled(model, weights=weights).fit(X, y, validation_split=0.2, **fed)

    train, held_out = cut(len(X), labels=y if classify else None)
    scaler = StandardScaler().fit(X[train])
    pair = scaler.transform(X[held_out]), y[held_out]
    given = keywords(model, X, y, pair, None if w is None else w[held_out])
    more = {} if w is None else {"sample_weight": w[train]}
    by_hand = clone(model).fit(scaler.transform(X[train]), y[train], **more, **given)
    ours = pipe.steps_.model.estimator_
    assert getattr(ours, rounds) == getattr(by_hand, rounds) < 150
    assert_array_equal(ours.predict(X), by_hand.predict(X))
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("library", LIBRARIES)
def test_early_stopping_works_in_a_search(library):
    *kinds, params, _, rounds = LIBRARIES[library]
    depth = "depth" if library == "catboost" else "max_depth"
    pipe = scaled(kinds[1](**params), memory=sm.MemoryCache())

    search = GridSearchCV(pipe, {f"model__{depth}": [2, 3]}, cv=2, error_score="raise")
    search.fit(PATIENTS, PROGRESS, validation_split=0.2)

    model = search.best_estimator_.steps_.model.estimator_
    assert getattr(model, rounds) < 150
    train, _ = cut(len(PATIENTS))
    assert_allclose(search.best_estimator_.steps_.scaler.mean_, PATIENTS[train].mean(0))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_takes_validation_data(n_jobs):
    model = HistGradientBoostingClassifier(**HIST)
    held_out = TUMOURS[HELD_OUT], WORDS[HELD_OUT]

    search = GridSearchCV(
        scaled(model), {"model__max_depth": [2, 3]}, cv=2, n_jobs=n_jobs, error_score="raise"
    )
    search.fit(TUMOURS[TRAIN], WORDS[TRAIN], validation_data=held_out)

    params = {"max_depth": search.best_params_["model__max_depth"]}
    scaler = StandardScaler().fit(TUMOURS[TRAIN])
    by_hand = model.set_params(**params).fit(
        scaler.transform(TUMOURS[TRAIN]),
        WORDS[TRAIN],
        X_val=scaler.transform(held_out[0]),
        y_val=held_out[1],
    )
    found = search.best_estimator_.steps_.model
    assert_array_equal(found.validation_score_, by_hand.validation_score_)


def test_labels_that_the_graph_encodes_arrive_encoded():
    model = xgboost.XGBClassifier(**XGB)
    plain = scaled(model).fit(TUMOURS, MALIGNANT, validation_split=0.2)

    # In the order of the alphabet, benign is 0.
    words = np.array(["benign", "malignant"])[MALIGNANT]
    pipe = scaled(model, encode=True).fit(TUMOURS, words, validation_split=0.2)

    assert_array_equal(pipe.predict(TUMOURS), plain.predict(TUMOURS))


@pytest.mark.parametrize("labels", [WORDS, np.array(["a", "b"])[MALIGNANT], MALIGNANT + 1])
def test_lightgbm_measures_itself_on_labels_of_any_kind(labels):
    model = LGBMClassifier(**LGB)
    train, held_out = cut(len(TUMOURS), labels=labels)

    pipe = scaled(model).fit(TUMOURS, labels, validation_split=0.2)

    scaler = StandardScaler().fit(TUMOURS[train])
    codes = LabelEncoder().fit(labels).transform(labels)
    X, X_val = (scaler.transform(TUMOURS[places]) for places in (train, held_out))
    by_hand = clone(model).fit(X, codes[train], eval_X=X_val, eval_y=codes[held_out])
    assert pipe.steps_.model.best_score_ == by_hand.best_score_


def test_boosting_that_was_told_not_to_stop_early_learns_without():
    x, y = table(), sm.Target("y")
    outs = [
        Sklearn(HistGradientBoostingRegressor(early_stopping=stop, max_iter=20))(x, name, y=y)
        for stop, name in [(True, "stops"), (False, "goes_on")]
    ]

    pipe = sm.Pipeline([x, y], outs).fit(PATIENTS, PROGRESS, validation_split=0.2)

    assert len(pipe.steps_.stops.validation_score_) > 0
    assert pipe.steps_.goes_on.n_iter_ == 20
    with pytest.raises(ValueError, match=r"No step can use validation_split.*'model'\]"):
        scaled(HistGradientBoostingRegressor(early_stopping=False)).fit(
            PATIENTS, PROGRESS, validation_split=0.2
        )


@pytest.mark.parametrize(
    "wrapped",
    [
        make_pipeline(HistGradientBoostingRegressor()),
        TransformedTargetRegressor(HistGradientBoostingRegressor()),
        GridSearchCV(HistGradientBoostingRegressor(), {}),
    ],
)
def test_an_estimator_inside_one_of_scikit_learns_takes_none(wrapped):
    with pytest.raises(ValueError, match="No step can use validation_split"):
        scaled(wrapped).fit(PATIENTS, PROGRESS, validation_split=0.2)


def test_a_pipeline_inside_a_pipeline_takes_what_its_steps_take():
    inner = scaled(HistGradientBoostingRegressor(**HIST))

    pipe = scaled(inner).fit(PATIENTS, PROGRESS, validation_split=0.2)

    direct = scaled(HistGradientBoostingRegressor(**HIST))
    direct.fit(PATIENTS, PROGRESS, validation_split=0.2)
    assert inner.takes_validation
    assert not scaled(LogisticRegression()).takes_validation
    assert_allclose(pipe.predict(PATIENTS), direct.predict(PATIENTS))


def test_weights_reach_catboost_beside_its_categories():
    frame = pd.DataFrame({"c": ["a", "b", "a"], "v": [1.0, 2.0, 3.0]})

    model = CatBoostRegressor(cat_features=[0])
    pool = validation_params(model, frame, PROGRESS[:3], WEIGHTS[:3])["eval_set"]

    assert pool.get_cat_feature_indices() == [0]
    assert_allclose(pool.get_weight(), WEIGHTS[:3])


def test_frames_reach_the_step_as_they_are():
    frame = pd.DataFrame(
        {"c": pd.Categorical(np.array(["a", "b"])[np.arange(100) % 2]), "v": PATIENTS[:100, 2]}
    )
    x, y = table(), sm.Target("y")
    model = HistGradientBoostingRegressor(categorical_features="from_dtype", **HIST)
    pipe = sm.Pipeline([x, y], Sklearn(model)(x, "model", y=y))

    pipe.fit(frame, PROGRESS[:100], validation_split=0.2)

    assert_array_equal(pipe.steps_.model.is_categorical_, [True, False])


@pytest.mark.parametrize("learned", ["array", "frame"])
def test_held_out_rows_arrive_as_those_to_learn_from(learned):
    frame = pd.DataFrame(PATIENTS, columns=[f"c{i}" for i in range(10)])
    train, other = (PATIENTS, frame) if learned == "array" else (frame, PATIENTS)
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    model = xgboost.XGBRegressor(n_estimators=30, early_stopping_rounds=3)
    pipe = sm.Pipeline([X, y], Sklearn(model)(X, "model", y=y))

    as_learned = clone(pipe).fit(train, PROGRESS, validation_data=(train, PROGRESS))
    otherwise = pipe.fit(train, PROGRESS, validation_data=(other, PROGRESS))

    assert_array_equal(otherwise.predict(train), as_learned.predict(train))


def test_a_pipeline_that_held_out_rows_can_be_pickled_and_cloned():
    pipe = scaled(HistGradientBoostingRegressor(**HIST))
    pipe.fit(PATIENTS, PROGRESS, validation_split=0.2)

    loaded = pickle.loads(pickle.dumps(pipe))

    assert_array_equal(loaded.predict(PATIENTS), pipe.predict(PATIENTS))
    again = clone(pipe).fit(PATIENTS, PROGRESS, validation_split=0.2)
    assert_array_equal(again.predict(PATIENTS), pipe.predict(PATIENTS))


def test_fit_can_be_asked_to_hold_out_rows_by_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = scaled(HistGradientBoostingRegressor(**HIST)).set_fit_request(validation_split=True)
        search = GridSearchCV(pipe, {"model__max_depth": [2]}, cv=2, error_score="raise")
        search.fit(PATIENTS, PROGRESS, validation_split=0.2)

    assert search.best_estimator_.steps_.model.n_iter_ < 150
