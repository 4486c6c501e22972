"""Steps that are not fitted again."""

from __future__ import annotations

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from imblearn.under_sampling import RandomUnderSampler
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

import skmegatron as sm
from skmegatron.errors import NodeTypeError
from skmegatron.layers import (
    Filter,
    Frozen,
    Lambda,
    Resample,
    Sklearn,
    StatefulLayer,
    TimeSeries,
    Whiten,
)

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
HALF, OTHER = X[::2], X[1::2]


def table(name="X"):
    return sm.Input(name, shape=(None,))


def of(layer, *, y=False):
    """Draw a pipeline of one layer."""
    x, target = table(), sm.Target("y")
    return sm.Pipeline([x, target], layer(x, y=target)) if y else sm.Pipeline(x, layer(x))


class Centre(StatefulLayer):
    """Learns from one array, gives two."""

    n_outputs = 2

    def fit(self, one, other):
        self.metadata["means"] = one.mean(axis=0), other.mean(axis=0)
        return self

    def transform(self, one, other):
        means = self.metadata["means"]
        return one - means[0], other - means[1]


FITTED = {
    "estimator": lambda: PCA(2).fit(HALF),
    "layer": lambda: Sklearn(PCA(2)).fit(HALF),
    "own layer": lambda: Whiten().fit(HALF),
    "FrozenEstimator": lambda: FrozenEstimator(PCA(2).fit(HALF)),
    "sklearn pipeline": lambda: make_pipeline(StandardScaler(), PCA(2)).fit(HALF),
    "pipeline": lambda: of(Sklearn(PCA(2))).fit(HALF),
    "frozen": lambda: Frozen(PCA(2).fit(HALF)),
    "stateless layer": lambda: sm.layers.ScalarMultiply(2),
    "passthrough": lambda: Sklearn("passthrough"),
}


@pytest.mark.parametrize("make", FITTED.values(), ids=FITTED)
def test_a_frozen_step_gives_what_it_gave_when_it_was_frozen(make):
    fitted = make()
    expected = fitted.transform(OTHER)

    pipe = of(Frozen(fitted)).fit(OTHER * 3 + 1)

    assert_allclose(pipe.transform(OTHER), expected)
    assert_allclose(clone(pipe).fit(OTHER * 7).transform(OTHER), expected)


@pytest.mark.parametrize("make", FITTED.values(), ids=FITTED)
def test_a_frozen_step_is_saved_and_copied_with_what_it_has_learned(make):
    frozen = Frozen(make())
    expected = frozen.transform(OTHER)
    file = io.BytesIO()
    joblib.dump(of(frozen), file)
    file.seek(0)

    assert_allclose(joblib.load(file).transform(OTHER), expected)
    assert_allclose(pickle.loads(pickle.dumps(frozen)).transform(OTHER), expected)
    assert_allclose(copy.deepcopy(frozen).transform(OTHER), expected)
    assert_allclose(frozen.freeze().transform(OTHER), expected)


def test_freezing_takes_a_copy_that_no_later_fit_can_change():
    scaler, layer = StandardScaler().fit(HALF), Sklearn(SGDClassifier(random_state=0))
    layer.fit(HALF, y=Y[::2])
    frozen, answering = Frozen(scaler), layer.freeze()
    before = frozen.transform(OTHER), answering.decision_function(OTHER)

    scaler.fit(HALF * 9)
    layer.partial_fit(OTHER, y=Y[1::2])

    assert_allclose(frozen.transform(OTHER), before[0])
    assert_allclose(answering.decision_function(OTHER), before[1])


def test_fitting_a_frozen_layer_does_nothing():
    frozen = Frozen(StandardScaler().fit(HALF))
    before = joblib.hash(frozen)

    assert frozen.fit(OTHER) is frozen
    assert frozen.partial_fit(OTHER, y=None) is frozen
    assert joblib.hash(frozen) == before


def test_clones_share_the_learned_state():
    frozen = Frozen(PCA(2).fit(X))

    assert clone(frozen).fitted is frozen.fitted
    assert clone(clone(of(frozen))).fit(X).steps_.pca.fitted is frozen.fitted


def test_a_step_of_a_fitted_pipeline_is_put_into_it_frozen_under_its_name():
    x, y = table(), sm.Target("y")
    guess = Sklearn(LogisticRegression())(Sklearn(PCA(2))(x), y=y)
    pipe = sm.Pipeline([x, y], guess).fit(HALF, Y[::2])
    expected = pipe.steps_.pca.components_

    pipe.set_params(pca=pipe.steps_["pca"].freeze()).fit(OTHER, Y[1::2])

    assert list(pipe.steps_) == ["pca", "logisticregression"]
    assert_array_equal(pipe.steps_.pca.components_, expected)


def test_a_frozen_step_of_one_graph_is_called_on_nodes_of_another():
    fitted = of(Whiten()).fit(HALF)

    other = sm.Pipeline(table("Z"), fitted.steps_.whiten.freeze()(table("Z")))

    assert "whiten" in other.get_params()
    assert other.inputs is not None


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (PCA(2).fit(X), "pca"),
        (Sklearn(PCA(2)).fit(X), "pca"),
        (FrozenEstimator(PCA(2).fit(X)), "pca"),
        (Whiten().fit(X), "whiten"),
        (Frozen(PCA(2).fit(X)), "pca"),
    ],
)
def test_a_frozen_step_has_the_name_of_what_is_frozen(thing, name):
    assert list(of(Frozen(thing)).fit(X).steps_) == [name]


UNFITTED = [PCA(), Sklearn(PCA()), Whiten(), FrozenEstimator(PCA()), of(Whiten()), Centre()]


@pytest.mark.parametrize("thing", UNFITTED, ids=lambda thing: type(thing).__name__)
def test_what_is_not_fitted_is_refused_with_what_to_do(thing):
    with pytest.raises(NotFittedError, match="Call its fit first, or take a step of a fitted"):
        Frozen(thing)(table())
    with pytest.raises(NotFittedError, match="has not learned anything"):
        of(Sklearn(PCA())).set_params(pca=Frozen(thing)).fit(X)


@pytest.mark.parametrize("layer", [Sklearn(PCA()), Whiten(), Centre()])
def test_an_unfitted_layer_cannot_be_frozen(layer):
    with pytest.raises(NotFittedError, match="Call its fit first"):
        layer.freeze()


@pytest.mark.parametrize("thing", [PCA, table(), 3, None])
def test_what_gives_no_values_is_refused(thing):
    with pytest.raises(NodeTypeError, match="Frozen takes a fitted estimator or layer, got"):
        Frozen(thing)(table())


def test_a_pipeline_that_ends_in_a_frozen_classifier_is_a_classifier():
    model = LogisticRegression().fit(HALF, NAMES[::2])
    frozen = Sklearn(LogisticRegression()).fit(HALF, y=NAMES[::2]).freeze()
    pipe = of(frozen).fit(OTHER)

    assert is_classifier(pipe)
    assert_array_equal(pipe.classes_, model.classes_)
    assert_array_equal(pipe.predict(OTHER), model.predict(OTHER))
    assert_allclose(pipe.predict_proba(OTHER), model.predict_proba(OTHER))
    assert_allclose(pipe.decision_function(OTHER), model.decision_function(OTHER))
    assert pipe.score(OTHER, NAMES[1::2]) == model.score(OTHER, NAMES[1::2])
    assert not hasattr(pipe, "fit_predict")
    assert not hasattr(of(Frozen(Ridge().fit(X, Y))), "predict_proba")
    assert is_regressor(of(Frozen(Ridge().fit(X, Y))))


def test_a_frozen_classifier_is_cross_validated_without_being_fitted():
    frozen = Sklearn(LogisticRegression()).fit(HALF, y=Y[::2]).freeze()
    expected = cross_val_score(
        FrozenEstimator(LogisticRegression().fit(HALF, Y[::2])), OTHER, Y[1::2]
    )

    assert_allclose(cross_val_score(of(frozen), OTHER, Y[1::2]), expected)


def test_labels_are_not_needed_by_a_frozen_step_and_not_read():
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(x, y=y)).fit(HALF, Y[::2])
    expected = pipe.predict(OTHER)

    pipe.set_params(logisticregression=pipe.steps_.logisticregression.freeze())

    assert_array_equal(clone(pipe).fit(OTHER).predict(OTHER), expected)
    assert_array_equal(clone(pipe).fit(OTHER, Y[1::2][::-1]).predict(OTHER), expected)


def test_a_frozen_step_gives_the_value_that_its_method_names():
    model = LogisticRegression().fit(HALF, Y[::2])
    layer = Sklearn(LogisticRegression(), method="decision_function").fit(HALF, y=Y[::2])

    proba = Frozen(layer, method="predict_proba").transform(OTHER)

    assert_allclose(proba, model.predict_proba(OTHER))
    assert_allclose(layer.freeze().transform(OTHER), model.decision_function(OTHER))
    assert_array_equal(Frozen(model).transform(OTHER), model.predict(OTHER))


def test_a_step_in_the_place_of_a_frozen_one_gives_the_same_kind_of_value():
    pipe = of(Frozen(LinearDiscriminantAnalysis().fit(HALF, Y[::2]), method="predict"), y=True)

    pipe.set_params(lineardiscriminantanalysis=LogisticRegression()).fit(X, Y)

    assert_array_equal(pipe.predict(X), LogisticRegression().fit(X, Y).predict(X))


def test_a_frozen_layer_may_have_several_inputs_and_outputs():
    a, b = table("a"), table("b")
    layer = Centre().fit(HALF, OTHER)
    one, other = layer.freeze()([a, b], name=["one", "other"])
    pipe = sm.Pipeline([a, b], [one, other]).fit({"a": X, "b": X})

    out = pipe.transform({"a": HALF, "b": OTHER})

    assert_allclose(out["one"], HALF - HALF.mean(axis=0))
    assert_allclose(out["other"], OTHER - OTHER.mean(axis=0))


def test_a_frozen_encoder_turns_predictions_back():
    x, y = table(), sm.Target("y")
    codes = Frozen(LabelEncoder().fit(NAMES))(y)
    guess = Sklearn(LogisticRegression())(x, y=codes)
    pipe = sm.Pipeline([x, y], codes.inverse(guess)).fit(X, NAMES)

    assert pipe.score(X, NAMES) > 0.9
    assert_array_equal(pipe.classes_, np.unique(NAMES))
    scaled = of(Frozen(StandardScaler().fit(X * 2 + 3))).fit(X)
    assert_allclose(scaled.inverse_transform(X * 0)[0], [3] * 4)


def test_a_frozen_filter_keeps_rows_as_it_did():
    x, keep = table(), sm.Input("keep")
    pipe = sm.Pipeline([x, keep], Filter().freeze()(x, keep)).fit({"X": X, "keep": Y > 0})

    assert pipe.transform({"X": X, "keep": Y > 0}).shape == (100, 4)


def test_parameters_of_a_frozen_step_cannot_be_set():
    pipe = of(Sklearn(LogisticRegression()).fit(X, y=Y).freeze())

    with pytest.raises(ValueError, match=r"C=3 cannot be set: LogisticRegression is frozen"):
        pipe.set_params(logisticregression__C=3)
    assert pipe.get_params()["logisticregression__method"] == "auto"
    assert (
        pipe.set_params(logisticregression__method="predict_proba").fit(X).transform(X).ndim == 2
    )
    assert Frozen(PCA(2).fit(X)).set_params(fitted=PCA(3).fit(X)).transform(X).shape == (150, 3)


def test_a_search_fits_the_other_steps_only():
    x, y = table(), sm.Target("y")
    pca = Frozen(PCA(2).fit(X))
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(pca(x), y=y))

    search = GridSearchCV(pipe, {"logisticregression__C": [0.1, 1]}, cv=3).fit(X, Y)

    assert search.best_estimator_.steps_.pca.fitted is pca.fitted


def test_columns_are_named_as_by_what_is_frozen():
    pca = PCA(2).set_output(transform="default").fit(X)

    assert list(of(Frozen(pca)).fit(X).get_feature_names_out()) == ["pca0", "pca1"]


def test_texts_reach_a_frozen_vectoriser():
    texts = np.array(["a cat", "a dog", "the cat"])
    x = sm.Input("text")
    counts = Frozen(CountVectorizer().fit(texts))(x)

    assert sm.Pipeline(x, counts).fit(texts).transform(texts).shape == (3, 4 - 1)


def test_a_frozen_step_needs_no_pass_over_the_batches():
    x, y = table(), sm.Target("y")
    pca = Frozen(PCA(2).fit(X))
    pipe = sm.Pipeline([x, y], Sklearn(SGDClassifier(random_state=0))(pca(x), y=y))

    passes = pipe.explain_fit()
    pipe.fit_generator([(X[::2], Y[::2]), (X[1::2], Y[1::2])])

    assert "pca" not in " ".join(passes["learn"])
    assert_allclose(pipe.transform(X, outputs=["pca"]), pca.transform(X))
    assert hasattr(pipe, "partial_fit")


def test_windows_go_on_over_batches_when_they_are_frozen():
    pipe = of(Frozen(TimeSeries(3))).fit(X)

    streamed = np.concatenate(list(pipe.transform_generator([X[:50], X[50:]])))

    assert_allclose(streamed, pipe.transform(X))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_memory_tells_frozen_steps_apart_by_what_they_have_learned(n_jobs):
    memory = sm.MemoryCache()

    def embed(frozen):
        x = table()
        slow = Sklearn(KMeans(20, n_init=20, random_state=0))(frozen(x))
        return sm.Pipeline(x, slow, memory=memory, n_jobs=n_jobs).fit(X).transform(X)

    first, other = PCA(2).fit(X), PCA(2).fit(X[:, ::-1])

    assert_allclose(embed(Frozen(first)), embed(Frozen(first)))
    assert not np.allclose(embed(Frozen(first)), embed(Frozen(other)))


def test_eager_nodes_go_through_frozen_steps_at_once():
    pca = PCA(2).fit(HALF)

    assert_allclose(Frozen(pca)(table()(OTHER)).output, pca.transform(OTHER))


def test_a_frozen_lambda_is_what_it_was():
    assert_array_equal(Lambda(np.abs).freeze().transform(np.array([-1, 2])), [1, 2])


def test_what_changes_rows_while_fitting_only_cannot_be_frozen():
    layer = Resample(RandomUnderSampler(random_state=0)).fit(X, y=Y)

    with pytest.raises(NodeTypeError, match=r"nothing of it could be used.*passthrough"):
        layer.freeze()
