"""Estimators of other libraries are steps as they are.

Each is drawn as a step on real data, beside the same in scikit-learn's own pipeline: same
predictions, same scores in a search over its parameter, same names, and it clones and pickles.
"""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler

import skmegatron as sm
from skmegatron.layers import Concatenate, Sklearn

pytestmark = [
    # category_encoders switches an option of pandas that pandas no longer needs.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    # feature-engine asks pandas for object columns, by which pandas means text too.
    pytest.mark.filterwarnings("ignore:For backward compatibility, 'str' dtypes are"),
]

PATIENTS, PROGRESS = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
TUMOURS, MALIGN = load_breast_cancer(return_X_y=True)
WINES, CULTIVARS = load_wine(return_X_y=True, as_frame=True)
GROWERS = load_wine().target_names[CULTIVARS]
#: The same with two columns of text.
MIXED = PATIENTS.assign(
    sex=np.where(PATIENTS["sex"] == 1, "one", "two"),
    weight=pd.cut(PATIENTS["bmi"], [0, 20, 25, 30, 50], labels=["a", "b", "c", "d"]).astype(
        object
    ),
)


def drawn(estimators):
    """Draw steps one after the other, each of which may learn from the labels."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    node = X
    for name, estimator in estimators:
        node = Sklearn(estimator)(node, name, y=y)
    return sm.Pipeline([X, y], node)


def check(estimators, X, y, grid):
    """Insist that a graph is worth what scikit-learn's pipeline of the same steps is worth."""
    ours = drawn(estimators).fit(X, y)
    theirs = Pipeline([(name, clone(step)) for name, step in estimators]).fit(X, y)
    expected = np.asarray(theirs.predict(X))

    assert_same(ours.predict(X), expected)
    assert_same(clone(ours).fit(X, y).predict(X), expected)
    assert_same(pickle.loads(pickle.dumps(ours)).predict(X), expected)
    if hasattr(theirs, "predict_proba"):
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
        assert_array_equal(ours.classes_, theirs.classes_)
    # Not the fitted one: some encoders learn into their parameters, which clones then share.
    theirs = Pipeline([(name, clone(step)) for name, step in estimators])
    searches = [GridSearchCV(model, grid, cv=3, error_score="raise") for model in (ours, theirs)]
    scores = [search.fit(X, y).cv_results_["mean_test_score"] for search in searches]
    assert_allclose(scores[0], scores[1], rtol=1e-6)


def check_names(estimator, X, y):
    """Insist that a graph names the columns as the estimator does."""
    ours = drawn([("step", estimator)]).fit(X, y)
    theirs = clone(estimator).fit(X, y)

    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())
    assert_same(np.asarray(ours.transform(X)), np.asarray(theirs.transform(X)))


def assert_same(ours, theirs):
    if theirs.dtype.kind in "OU":
        assert_array_equal(ours, theirs)
    else:
        assert_allclose(np.ravel(ours), np.ravel(theirs), rtol=1e-6)


# Gradient boosting


def test_xgboost_classifies_and_regresses_arrays_and_frames():
    xgboost = pytest.importorskip("xgboost")
    settings = {"n_estimators": 10, "n_jobs": 1, "random_state": 0}
    grid = {"xgb__max_depth": [2, 4]}

    classifier = xgboost.XGBClassifier(**settings)
    check([("scaler", MinMaxScaler()), ("xgb", classifier)], TUMOURS, MALIGN, grid)
    check([("xgb", classifier)], WINES, CULTIVARS, grid)
    check([("xgb", xgboost.XGBRegressor(**settings))], PATIENTS, PROGRESS, grid)


def test_xgboost_classifies_text_that_the_graph_encodes():
    xgboost = pytest.importorskip("xgboost")
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    codes = Sklearn(LabelEncoder())(y)
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1)
    pred = Sklearn(model)(X, "xgb", y=codes)
    pipeline = sm.Pipeline([X, y], codes.inverse(pred))

    search = GridSearchCV(pipeline, {"xgb__max_depth": [2, 4]}, cv=3).fit(WINES, GROWERS)

    assert search.best_score_ > 0.8
    assert_array_equal(search.classes_, np.unique(GROWERS))
    depth = search.best_params_["xgb__max_depth"]
    theirs = clone(model).set_params(max_depth=depth).fit(WINES, CULTIVARS)
    assert_array_equal(search.predict(WINES), np.unique(GROWERS)[theirs.predict(WINES)])


def test_lightgbm_classifies_and_regresses_arrays_and_frames():
    lightgbm = pytest.importorskip("lightgbm")
    settings = {"n_estimators": 10, "n_jobs": 1, "verbose": -1, "random_state": 0}
    grid = {"lgbm__num_leaves": [3, 7]}

    classifier = lightgbm.LGBMClassifier(**settings)
    check([("scaler", MinMaxScaler()), ("lgbm", classifier)], TUMOURS, MALIGN, grid)
    check([("lgbm", classifier)], WINES, GROWERS, grid)
    check([("lgbm", lightgbm.LGBMRegressor(**settings))], PATIENTS, PROGRESS, grid)


def test_catboost_classifies_and_regresses_arrays_and_frames():
    catboost = pytest.importorskip("catboost")
    settings = {"n_estimators": 10, "thread_count": 1, "verbose": 0, "allow_writing_files": False}
    grid = {"catboost__depth": [2, 4]}

    classifier = catboost.CatBoostClassifier(**settings)
    check([("scaler", MinMaxScaler()), ("catboost", classifier)], TUMOURS, MALIGN, grid)
    check([("catboost", classifier)], WINES, GROWERS, grid)
    check([("catboost", catboost.CatBoostRegressor(**settings))], PATIENTS, PROGRESS, grid)


# Encoders and transformers of frames


def test_category_encoders_encode_the_columns_of_a_frame_by_the_target():
    encoders = pytest.importorskip("category_encoders")
    by_target = encoders.TargetEncoder(cols=["sex", "weight"])
    codes = encoders.OrdinalEncoder()

    grid = {"encoder__smoothing": [1.0, 20.0]}
    check([("encoder", by_target), ("ridge", Ridge())], MIXED, PROGRESS, grid)
    check_names(by_target, MIXED, PROGRESS)
    grid = {"encoder__handle_missing": ["value", "return_nan"]}
    check([("encoder", codes), ("ridge", Ridge())], MIXED, PROGRESS, grid)
    check_names(codes, MIXED, PROGRESS)


def test_category_encoders_encode_a_block_of_columns():
    encoders = pytest.importorskip("category_encoders")
    X, y = sm.Input("X", columns=["sex", "weight"]), sm.Target("y")
    means = Sklearn(encoders.TargetEncoder())(X, "means", y=y)
    pipeline = sm.Pipeline([X, y], Sklearn(Ridge())(means, y=y)).fit(MIXED, PROGRESS)

    text = MIXED[["sex", "weight"]].to_numpy(dtype=object)
    by_hand = encoders.TargetEncoder().fit(text, PROGRESS).transform(text)

    assert_allclose(pipeline.transform(MIXED, outputs="means"), by_hand)


def test_feature_engine_finds_its_columns_by_name_one_step_after_the_other():
    encoding = pytest.importorskip("feature_engine.encoding")
    discretisation = pytest.importorskip("feature_engine.discretisation")
    means = encoding.MeanEncoder(variables=["sex", "weight"])
    quarters = discretisation.EqualFrequencyDiscretiser(q=4, variables=["bmi", "bp"])

    steps = [("means", means), ("quarters", quarters), ("ridge", Ridge())]
    check(steps, MIXED, PROGRESS, {"quarters__q": [2, 5], "means__smoothing": [0.0, "auto"]})
    check_names(means, MIXED, PROGRESS)
    check_names(quarters, MIXED, PROGRESS)


def test_feature_engine_is_fed_frames_by_the_names_of_several_inputs():
    encoding = pytest.importorskip("feature_engine.encoding")
    person, blood = sm.Input("person", shape=(None,)), sm.Input("blood", shape=(None,))
    y = sm.Target("y")
    means = Sklearn(encoding.MeanEncoder(variables=["sex"]))(person, y=y)
    both = Concatenate()([means, blood])
    pipeline = sm.Pipeline([person, blood, y], Sklearn(Ridge())(both, y=y))
    tables = sm.Dataset(person=MIXED[["age", "sex"]], blood=MIXED[["s1", "s2"]])

    pipeline.fit(tables, PROGRESS)

    encoded = encoding.MeanEncoder(variables=["sex"]).fit_transform(tables["person"], PROGRESS)
    by_hand = np.column_stack([encoded, tables["blood"]])
    expected = Ridge().fit(by_hand, PROGRESS).predict(by_hand)
    assert_allclose(pipeline.predict(tables), expected)


def test_skrub_vectorizes_a_table_as_it_comes():
    skrub = pytest.importorskip("skrub")
    vectorizer = skrub.TableVectorizer(n_jobs=1)

    grid = {"vectorizer__drop_null_fraction": [0.5, 1.0], "ridge__alpha": [10.0, 100.0]}
    check([("vectorizer", vectorizer), ("ridge", Ridge(alpha=10))], MIXED, PROGRESS, grid)
    check_names(vectorizer, MIXED, PROGRESS)


def test_scikit_lego_selects_columns_and_moves_thresholds():
    preprocessing = pytest.importorskip("sklego.preprocessing")
    meta = pytest.importorskip("sklego.meta")
    columns = preprocessing.ColumnSelector(["bmi", "bp"])

    grid = {"columns__columns": [["bmi"], ["bmi", "s5"]]}
    check([("columns", columns), ("ridge", Ridge())], PATIENTS, PROGRESS, grid)
    careful = meta.Thresholder(LogisticRegression(), threshold=0.3)
    steps = [("scaler", MinMaxScaler()), ("careful", careful)]
    check(steps, TUMOURS, MALIGN, {"careful__threshold": [0.2, 0.5]})


# Others


def test_samplers_of_imbalanced_learn_are_clones_of_scikit_learns_kind():
    sampler = pytest.importorskip("imblearn.under_sampling").RandomUnderSampler(random_state=0)

    rows, labels = clone(sampler).fit_resample(TUMOURS, MALIGN)

    assert len(rows) == 2 * min(np.bincount(MALIGN))
    assert len(np.unique(np.bincount(labels))) == 1


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated")
def test_optuna_searches_a_graph():
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pipeline = drawn([("scaler", MinMaxScaler()), ("head", LogisticRegression())])
    space = {"head__C": optuna.distributions.FloatDistribution(0.01, 10, log=True)}

    search = integration.OptunaSearchCV(pipeline, space, n_trials=4, cv=3, random_state=0)
    search.fit(WINES, GROWERS)

    assert search.best_score_ > 0.9
    assert set(search.predict(WINES)) <= set(GROWERS)
