"""Values of steps, fed by the steps' names and asked for by them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

import skmegatron as sm
from skmegatron.errors import MissingInputError, ShapeError
from skmegatron.layers import Concatenate, Filter, Lambda, Metric, ScalarMultiply, Sklearn, Whiten

rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(60, 3))
AGES = rng.normal(size=60)
LABELS = (IMAGES[:, 0] + AGES > 0).astype(int)
BOTH = {"image": IMAGES, "age": AGES}


def digits(**options):
    """Two inputs, a step on each, what they make together, and a classifier on that."""
    image, age, label = sm.Input("image", shape=(3,)), sm.Input("age"), sm.Target("label")
    pixels, years = Sklearn(PCA(2))(image, "pixels"), Whiten()(age, "years")
    features = Concatenate()([pixels, years], "features")
    pred = Sklearn(LogisticRegression())(features, "clf", y=label)
    accuracy = Metric(accuracy_score)(label, pred, "accuracy")
    return sm.Pipeline([image, age, label], pred, metrics=accuracy, **options)


@pytest.fixture(scope="module")
def fitted():
    return digits().fit(BOTH, LABELS)


@pytest.fixture(scope="module")
def features(fitted):
    return fitted.transform(BOTH, outputs="features")


class Broken(StandardScaler):
    """Fits, and cannot be used afterwards."""

    def transform(self, X, copy=None):
        if getattr(self, "done", False):
            raise RuntimeError("was run")
        self.done = True
        return super().transform(X)


# What runs


ANSWERS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


@pytest.mark.parametrize("method", ANSWERS)
def test_a_value_in_the_middle_answers_as_the_inputs_do(fitted, features, method):
    answer = getattr(fitted, method)

    assert_array_equal(answer({"features": features}), answer(BOTH))


def test_score_and_evaluate_take_a_value_in_the_middle(fitted, features):
    middle = {"features": features}

    assert fitted.score(middle, LABELS) == fitted.score(BOTH, LABELS)
    assert fitted.score({**middle, "label": LABELS}) == fitted.score(BOTH, LABELS)
    assert fitted.evaluate(middle, LABELS) == fitted.evaluate(BOTH, LABELS)


def test_score_samples_takes_a_value_in_the_middle():
    X = sm.Input("X", shape=(None,))
    pipeline = sm.Pipeline(X, Sklearn(KernelDensity(), method="score_samples")(Whiten()(X, "z")))
    pipeline.fit(IMAGES)

    given = pipeline.score_samples({"z": pipeline.transform(IMAGES, outputs="z")})

    assert_array_equal(given, pipeline.score_samples(IMAGES))


def test_a_step_that_gives_no_value_answers_from_one_in_the_middle():
    X = sm.Input("X", shape=(None,))
    pipeline = sm.Pipeline(X, Sklearn(KernelDensity())(Whiten()(X, "z"), "density")).fit(IMAGES)
    middle = Whiten().fit_transform(IMAGES)

    for fed in ({"z": middle}, {"z": middle, "density": AGES}):
        assert_allclose(pipeline.score_samples(fed), pipeline.score_samples(IMAGES))


def test_explore_takes_a_value_in_the_middle():
    x = sm.Input("x")
    doubled = ScalarMultiply(2)(x, "doubled")
    seen = sm.layers.Describe()(doubled, "seen")
    pipeline = sm.Pipeline(x, doubled, explorers=seen)

    table = pipeline.explore({"doubled": AGES})["seen"]

    pd.testing.assert_frame_equal(table, pipeline.explore({"x": AGES / 2})["seen"])


def test_nothing_above_a_fed_value_is_run():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(Broken())(X, "scaled")
    pipeline = sm.Pipeline([X, y], Sklearn(Ridge())(scaled, y=y)).fit(IMAGES, AGES)

    with pytest.raises(RuntimeError, match="was run"):
        pipeline.predict(IMAGES)
    assert pipeline.predict({"scaled": IMAGES}).shape == (60,)


def test_a_fed_value_wins_over_computing_it(fitted, features):
    other = features + 1

    given = fitted.predict_proba({**BOTH, "features": other})

    assert_array_equal(given, fitted.predict_proba({"features": other}))
    assert not np.allclose(given, fitted.predict_proba(BOTH))


def test_several_values_and_inputs_are_fed_together(fitted):
    pixels, years = fitted.transform(BOTH, outputs=["pixels", "years"]).values()
    expected = fitted.predict_proba(BOTH)

    assert_array_equal(fitted.predict_proba({"pixels": pixels, "years": years}), expected)
    assert_array_equal(fitted.predict_proba({"pixels": pixels, "age": AGES}), expected)
    assert_array_equal(fitted.predict_proba(sm.Dataset(pixels=pixels, age=AGES)), expected)


def test_inputs_that_are_still_needed_are_asked_for(fitted):
    with pytest.raises(MissingInputError, match=r"Missing input \['age'\].*with \['pixels'\]"):
        fitted.predict({"pixels": np.zeros((2, 2))})


def test_a_value_can_be_asked_for_below_another(fitted, features):
    pixels = fitted.transform(BOTH, outputs="pixels")

    found = fitted.transform({"pixels": pixels, "age": AGES}, outputs=["features", "pixels"])

    assert_array_equal(found["features"], features)
    assert_array_equal(found["pixels"], pixels)


def test_none_feeds_nothing(fitted):
    assert_array_equal(fitted.predict({**BOTH, "features": None}), fitted.predict(BOTH))


def test_a_step_above_a_fed_value_need_not_be_fitted(fitted, features):
    pipeline = clone(fitted)
    pipeline.steps_ = {"clf": fitted.steps_["clf"]}

    assert_array_equal(pipeline.predict({"features": features}), fitted.predict(BOTH))


def test_the_steps_below_a_fed_value_must_be_fitted(features):
    with pytest.raises(ValueError, match="step 'clf' has not learned"):
        digits().predict({"features": features})


def test_an_inverse_reads_the_state_of_a_step_above():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Whiten()(y)
    guess = Sklearn(Ridge())(Whiten()(X, "z"), "guess", y=scaled)
    pipeline = sm.Pipeline([X, y], scaled.inverse(guess)).fit(IMAGES, AGES)
    middle = pipeline.transform(IMAGES, outputs=["z", "guess"])

    assert_allclose(pipeline.predict({"z": middle["z"]}), pipeline.predict(IMAGES))
    assert_allclose(pipeline.predict({"guess": middle["guess"]}), pipeline.predict(IMAGES))
    assert pipeline.score({"z": middle["z"]}, AGES) == pytest.approx(pipeline.score(IMAGES, AGES))


def test_a_fed_value_is_no_answer_to_another_method():
    X = sm.Input("X", shape=(None,))
    clusters = Sklearn(KMeans(2, n_init=1, random_state=0))(X, "clusters")
    pipeline = sm.Pipeline(X, clusters).fit(IMAGES)
    distances = pipeline.transform(IMAGES)

    assert_array_equal(pipeline.transform({"clusters": distances}), distances)
    assert_array_equal(
        pipeline.predict({"X": IMAGES, "clusters": distances}), pipeline.predict(IMAGES)
    )
    with pytest.raises(MissingInputError, match=r"Missing input \['X'\]"):
        pipeline.predict({"clusters": distances})


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_runs_that_start_elsewhere_are_not_mixed_up(features, n_jobs):
    pipeline = digits(n_jobs=n_jobs).fit(BOTH, LABELS)
    expected = pipeline.predict_proba(BOTH)
    pixels = pipeline.transform(BOTH, outputs="pixels")
    starts = [BOTH, {"features": features}, {"pixels": pixels, "age": AGES}]

    for start in [*starts, *reversed(starts)]:
        assert_allclose(pipeline.predict_proba(start), expected)
        assert_allclose(pipeline.transform(start, outputs=["features"]), features)


def test_a_misspelt_name_of_a_step_is_told(features):
    pipeline = digits().fit(BOTH, LABELS)

    with pytest.raises(MissingInputError) as told:
        pipeline.predict({"featurs": features})

    assert any("'featurs' is no name here; the step 'features'" in n for n in told.value.__notes__)


@given(known=st.sets(st.sampled_from(["image", "age", "pixels", "years", "features"])))
@settings(max_examples=32)
def test_any_mixture_answers_as_the_inputs_or_says_what_is_missing(known):
    pipeline = digits().fit(BOTH, LABELS)
    values = pipeline.transform(BOTH, outputs=["image", "age", "pixels", "years", "features"])
    enough = "features" in known or (
        not known.isdisjoint({"image", "pixels"}) and not known.isdisjoint({"age", "years"})
    )
    fed = {name: values[name] for name in known}

    if enough:
        assert_allclose(pipeline.predict_proba(fed), pipeline.predict_proba(BOTH))
    else:
        with pytest.raises(MissingInputError, match="Missing input"):
            pipeline.predict_proba(fed)


# What is no value of a step


def test_a_column_of_a_dataframe_is_no_value_of_a_step():
    x, y = sm.Input("x"), sm.Target("y")
    pipeline = sm.Pipeline([x, y], Sklearn(Ridge())(Whiten()(x, "z"), y=y))
    table = pd.DataFrame({"x": AGES, "z": np.zeros(60)})

    pipeline.fit(table, LABELS)

    assert_array_equal(pipeline.predict(table), pipeline.predict({"x": AGES}))


def test_a_column_that_an_input_binds_is_no_value_of_a_step():
    sizes = sm.Input("sizes", columns=["height", "width"])
    height = Lambda(lambda block: block[:, 0])(sizes, "height")
    pipeline = sm.Pipeline(sizes, height).fit({"height": AGES, "width": AGES + 1})

    assert_array_equal(pipeline.transform({"height": AGES, "width": AGES + 1}), AGES)


def test_keys_that_name_neither_an_input_nor_a_step_are_ignored(fitted):
    named = {**BOTH, "other": AGES[:3], "accuracy": 3}

    assert_array_equal(fitted.predict(named), fitted.predict(BOTH))


# Shapes


def test_rows_of_a_fed_value_must_match_those_of_the_inputs(fitted):
    with pytest.raises(ShapeError, match=r"'age' has 60, 'pixels' has 2"):
        fitted.predict({"age": AGES, "pixels": np.zeros((2, 2))})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("features", np.zeros((5, 4)), r"'features' gives shape \(n_rows, 3\), .* \(5, 4\)"),
        ("features", np.zeros(3), r"'features' gives shape \(n_rows, 3\), .* \(3,\)"),
        ("features", 1.0, r"'features' gives shape \(n_rows, 3\), .* \(\)"),
        ("clf", 1, r"'clf' gives shape \(n_rows, \.\.\.\), and is fed shape \(\)"),
    ],
)
def test_a_value_of_another_shape_than_the_step_gives_is_refused(fitted, name, value, words):
    with pytest.raises(ShapeError, match=words):
        fitted.transform({name: value})


def test_a_plain_column_is_told_as_such():
    x = sm.Input("x")
    pipeline = sm.Pipeline(x, Whiten()(Whiten()(x, "z"))).fit(AGES)

    with pytest.raises(
        ShapeError, match=r"'z' gives shape \(n_rows,\), and is fed shape \(3, 1\)"
    ):
        pipeline.transform({"z": np.zeros((3, 1))})


# Containers


def test_lists_and_sparse_values_are_taken(fitted, features):
    X = sm.Input("X", shape=(None,))
    pipeline = sm.Pipeline(X, Sklearn(MaxAbsScaler())(Sklearn(MaxAbsScaler())(X, "first")))
    rows = sparse.csr_array(IMAGES)
    pipeline.fit(rows)
    first = pipeline.transform(rows, outputs="first")

    assert_array_equal(fitted.predict({"features": features.tolist()}), fitted.predict(BOTH))
    assert_allclose(
        pipeline.transform({"first": first}).toarray(), pipeline.transform(rows).toarray()
    )


def test_a_dataframe_is_an_array_to_steps_that_were_fitted_on_one():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(X, "scaled")
    pipeline = sm.Pipeline([X, y], Sklearn(LogisticRegression())(scaled, y=y))
    pipeline.fit(pd.DataFrame(IMAGES, columns=["a", "b", "c"]), LABELS).set_output(
        transform="pandas"
    )
    table = pd.DataFrame(IMAGES, columns=["a", "b", "c"])
    scaled = pipeline.transform(table, outputs="scaled")

    assert isinstance(scaled, pd.DataFrame)
    assert_array_equal(pipeline.predict({"scaled": scaled}), pipeline.predict(table))


def test_a_dataframe_stays_one_to_a_function_that_reads_its_columns():
    X = sm.Input("X", shape=(None,))
    renamed = Lambda(lambda table: pd.DataFrame(table, columns=["a", "b", "c"]))(X, "table")
    pipeline = sm.Pipeline(X, Lambda(lambda table: table["b"].to_numpy())(renamed)).fit(IMAGES)
    table = pipeline.transform(IMAGES, outputs="table")

    assert_array_equal(pipeline.transform({"table": table}), IMAGES[:, 1])


# Steps of several outputs


def parted(name):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    left, right = Lambda(lambda X: (X[:, :1], X[:, 1:]), n_outputs=2)(X, name)
    both = Concatenate()([right, Whiten()(left, "z")])
    return sm.Pipeline([X, y], Sklearn(Ridge())(both, y=y)).fit(IMAGES, AGES)


@pytest.mark.parametrize(
    ("name", "names"),
    [("parts", ["parts[0]", "parts[1]"]), (["left", "right"], ["left", "right"])],
)
def test_each_output_of_a_step_is_fed_by_its_own_name(name, names):
    pipeline = parted(name)
    parts = pipeline.transform(IMAGES, outputs=names)

    assert_array_equal(pipeline.predict(dict(parts)), pipeline.predict(IMAGES))
    one = {names[0]: parts[names[0]] * 2, "X": IMAGES}
    both = {names[0]: parts[names[0]] * 2, names[1]: parts[names[1]]}
    assert_array_equal(pipeline.predict(one), pipeline.predict(both))


def test_the_name_of_a_step_of_several_outputs_is_refused_as_the_name_of_a_value():
    with pytest.raises(ValueError, match=r"'parts' gives 2 values.*'parts\[0\]': \.\.\., "):
        parted("parts").predict({"parts": IMAGES})


def test_the_name_of_a_step_of_several_outputs_asks_for_all_of_them():
    pipeline = parted("parts")

    found = pipeline.transform(IMAGES, outputs="parts")

    assert list(found) == ["parts[0]", "parts[1]"]
    assert_array_equal(np.hstack(list(found.values())), IMAGES)


# Values asked for


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_values_are_asked_for_by_name_by_node_and_of_inputs(n_jobs):
    x = sm.Input("x")
    z = Whiten()(x, "z")
    pipeline = sm.Pipeline(x, Lambda(np.square)(z, "squared"), n_jobs=n_jobs).fit(AGES)

    found = pipeline.transform(AGES, outputs=["squared", z, x])

    assert list(found) == ["squared", "z", "x"]
    assert_array_equal(found["x"], AGES)
    assert_allclose(found["squared"], found["z"] ** 2)
    assert_array_equal(pipeline.transform(AGES, outputs=z), found["z"])


def test_a_value_that_is_not_there_is_refused_with_the_names_there_are(fitted):
    with pytest.raises(ValueError, match=r"'pixel' is not in .*'pixels', 'age', 'years'"):
        fitted.transform(BOTH, outputs=["pixel"])


# Fitting


FITS = {
    "fit": lambda pipeline, X: pipeline.fit(X),
    "fit_transform": lambda pipeline, X: pipeline.fit_transform(X),
    "partial_fit": lambda pipeline, X: pipeline.partial_fit(X),
    "fit_generator": lambda pipeline, X: pipeline.fit_generator([X]),
}


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS.keys())
def test_fitting_refuses_the_value_of_a_step(fit):
    words = r"fit learns every step; leave 'z' out, or draw sm\.Input\('z'\)"
    x = sm.Input("x")
    pipeline = sm.Pipeline(x, Whiten()(Whiten()(x, "z")))

    with pytest.raises(ValueError, match=words):
        fit(pipeline, {"x": AGES, "z": AGES})
    assert not hasattr(pipeline, "steps_")


def test_a_later_batch_may_not_hold_the_value_of_a_step_either():
    x = sm.Input("x")
    pipeline = sm.Pipeline(x, Whiten()(Whiten()(x, "z"))).partial_fit({"x": AGES})

    with pytest.raises(ValueError, match="fit learns every step"):
        pipeline.partial_fit({"x": AGES, "z": AGES})


# Memory, storage, batches


def test_with_a_memory_the_fed_value_is_what_the_answer_hangs_on(features):
    pipeline = digits(memory=sm.MemoryCache()).fit(BOTH, LABELS)
    plain = digits().fit(BOTH, LABELS)

    for shift in (0, 1, 0, 1):
        middle = {"features": features + shift}
        assert_array_equal(pipeline.predict_proba(middle), plain.predict_proba(middle))
        assert_array_equal(pipeline.predict_proba(BOTH), plain.predict_proba(BOTH))


def counted(values):
    """Take long enough to be worth keeping."""
    counted.times += 1
    return np.linalg.svd(np.outer(values, np.ones(500)), full_matrices=False)[0][:, 0]


def test_with_a_memory_what_was_made_of_a_fed_value_is_found_again():
    x = sm.Input("x")
    z = Whiten()(x, "z")
    pipeline = sm.Pipeline(x, Lambda(counted)(z), memory=sm.MemoryCache()).fit(AGES)
    counted.times = 0

    for _ in range(4):
        pipeline.transform({"z": AGES})

    assert counted.times < 4


def test_outputs_of_a_fed_value_are_stored_under_the_keys_of_the_mapping(tmp_path, features):
    pipeline = digits(name="d", storage=f"sqlite:///{tmp_path / 'd.db'}").fit(BOTH, LABELS)
    keys = [f"row {place}" for place in range(60)]

    made = pipeline.transform({"features": features, "id": keys}, index_field="id")

    assert_array_equal(pipeline.storage.read(rows=["row 7", "row 3"])["clf"], made[[7, 3]])


def test_rows_made_of_a_fed_value_are_not_passed_off_as_those_of_the_inputs(tmp_path, features):
    pipeline = digits(name="d", storage=f"sqlite:///{tmp_path / 'd.db'}").fit(BOTH, LABELS)
    pipeline.transform({"features": -features})

    assert_array_equal(pipeline.transform(BOTH, cached=True), pipeline.predict(BOTH))


def test_rows_of_a_fed_value_cannot_be_looked_up(tmp_path, features):
    pipeline = digits(name="d", storage=f"sqlite:///{tmp_path / 'd.db'}").fit(BOTH, LABELS)

    with pytest.raises(ValueError, match=r"cached=True .* \['features'\] are fed as values of"):
        pipeline.transform({"features": features}, cached=True)


def test_batches_go_through_every_step(fitted, features):
    words = "Batches go through every step; leave 'features' out, or call the method without"

    with pytest.raises(ValueError, match=words):
        list(fitted.transform_generator([{"features": features}]))
    with pytest.raises(ValueError, match=words):
        list(fitted.evaluate_generator([({**BOTH, "features": features}, LABELS)]))


def test_a_value_below_a_step_that_takes_rows_away_may_have_any_number_of_them():
    x = sm.Input("x")
    kept = Filter()([x, x > 0], "kept")
    pipeline = sm.Pipeline(x, Whiten()(kept)).fit(AGES)

    assert_allclose(pipeline.transform({"kept": AGES[AGES > 0]}), pipeline.transform(AGES))


def test_a_graph_in_a_graph_is_fed_as_a_step():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    inner = Sklearn(sm.Pipeline(X, Sklearn(PCA(2))(Whiten()(X))))(X, "inner")
    pipeline = sm.Pipeline([X, y], Sklearn(Ridge())(inner, y=y)).fit(IMAGES, AGES)
    middle = pipeline.transform(IMAGES, outputs="inner")

    assert_array_equal(pipeline.predict({"inner": middle}), pipeline.predict(IMAGES))
