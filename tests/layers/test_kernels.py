"""Kernels: the same numbers, dtypes, containers, warnings and errors as the estimator itself."""

import warnings
from operator import is_

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier

from skmegatron.io.tables import guarded
from skmegatron.layers import Sklearn
from skmegatron.layers.kernels import NOT_PLAIN, kernel_of
from skmegatron.layers.kernels.find import KERNELS

rng = np.random.default_rng(0)
TABLE = rng.normal(size=(60, 4))
GAPPY = np.where(rng.random(TABLE.shape) < 0.2, np.nan, TABLE)
TWO = (TABLE[:, 0] > 0).astype(int)
THREE = np.array(["a", "b", "c"])[np.digitize(TABLE[:, 1], [-0.5, 0.5])]
NUMBERS = TABLE @ [1.0, 2.0, 0.0, -1.0] + 0.5
WORDS = rng.choice(["a", "b", "cc"], size=(60, 4)).astype(object)
CODES = rng.integers(0, 3, size=(60, 4))

SCALERS = [
    SimpleImputer(),
    SimpleImputer(strategy="median"),
    SimpleImputer(strategy="most_frequent"),
    SimpleImputer(strategy="constant", fill_value=-1.0),
    SimpleImputer(keep_empty_features=True),
    SimpleImputer(add_indicator=True),
    SimpleImputer(missing_values=0),
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(copy=False),
    MinMaxScaler(),
    MinMaxScaler(feature_range=(-2, 3), clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(clip=True),
    RobustScaler(),
    RobustScaler(with_centering=False),
    RobustScaler(with_scaling=False),
    PCA(2),
    PCA(3, whiten=True),
]
CLASSIFIERS = [
    LogisticRegression(),
    LogisticRegression(fit_intercept=False),
    RidgeClassifier(),
    SGDClassifier(random_state=0),
    LinearSVC(),
]
REGRESSIONS = [
    LinearRegression(),
    Ridge(),
    Lasso(0.01),
    ElasticNet(0.01),
    SGDRegressor(random_state=0),
    LinearSVR(),
]
ENCODERS = [
    OneHotEncoder(),
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32),
    OneHotEncoder(handle_unknown="ignore", dtype=int),
    OneHotEncoder(sparse_output=False, dtype=object),
    OneHotEncoder(sparse_output=False, dtype=np.float16),
    OneHotEncoder(sparse_output=False, dtype=bool),
    OneHotEncoder(sparse_output=False, dtype=np.longdouble),
    OneHotEncoder(dtype=">f8"),
    OneHotEncoder(drop="first"),
    OneHotEncoder(min_frequency=25, handle_unknown="infrequent_if_exist"),
    OneHotEncoder(handle_unknown="warn"),
    OrdinalEncoder(),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, dtype=np.float32),
    OrdinalEncoder(max_categories=2),
]
METHODS = ("transform", "predict", "decision_function", "predict_proba", "predict_log_proba")


def named(estimators):
    return [pytest.param(estimator, id=repr(estimator)) for estimator in estimators]


def outcome(function, X):
    """Give what comes out: a value, or an error in words, with the warnings on the way."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            value = function(X)
        except Exception as error:  # noqa: BLE001 - compared below
            value = f"{type(error).__name__}: {error}"
    return value, [str(warning.message) for warning in told]


def assert_same(ours, theirs):
    (value, told), (expected, expected_told) = ours, theirs
    assert told == expected_told
    assert type(value) is type(expected)
    if isinstance(expected, str):
        assert value == expected
        return
    assert value.dtype == expected.dtype
    if sparse.issparse(expected):
        assert value.indices.dtype == expected.indices.dtype
        assert value.has_sorted_indices
        value, expected = value.toarray(), expected.toarray()
    assert_array_equal(value, expected)


def assert_answers_alike(estimator, X):
    layer = Sklearn(estimator)
    layer.estimator_ = estimator
    before = X.copy()
    for method in METHODS:
        if hasattr(estimator, method):
            # The same memory, read-only: sums may depend on how numbers lie in it.
            theirs = outcome(getattr(estimator, method), guarded(X))
            assert_same(outcome(getattr(layer, method, None) or layer.transform, X), theirs)
            # The second time, what was found right the first time is not checked again.
            assert_same(outcome(getattr(layer, method, None) or layer.transform, X), theirs)
    if dense(X).dtype == object:
        assert all(map(is_, X.ravel(), before.ravel()))  # nan is not equal to itself
    else:
        assert_array_equal(dense(X), dense(before))


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


def floats(dtype):
    limits = {"width": np.dtype(dtype).itemsize * 8}
    odd = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30])
    plain = st.floats(-100, 100, **limits)
    return st.one_of(plain, plain, plain, odd)


@st.composite
def tables(draw):
    dtype = draw(st.sampled_from([np.float64, np.float64, np.float32]))
    shape = draw(st.integers(1, 5)), draw(st.sampled_from([4, 4, 4, 4, 3]))
    X = draw(npst.arrays(dtype, shape, elements=floats(dtype)))
    if draw(st.booleans()):
        X = np.where(np.isfinite(X), X, 1).astype(dtype)
    kind = draw(st.sampled_from(["plain", "plain", "object", "int", "short", "read-only", "view"]))
    if kind in ("int", "short"):
        return (
            np.nan_to_num(X, posinf=3, neginf=-3)
            .clip(-9, 9)
            .astype(np.int64 if kind == "int" else np.int8)
        )
    if kind == "object":
        return X.astype(object)
    if kind == "read-only":
        X.flags.writeable = False
    return np.asfortranarray(X) if kind == "view" else X


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("estimator", named(SCALERS))
def test_a_table_comes_out_as_the_estimator_gives_it(estimator, dtype):
    learned = GAPPY if takes_gaps(estimator) else TABLE
    fitted = clone(estimator).fit(learned.astype(dtype))

    @settings(max_examples=25, deadline=None)
    @given(X=tables())
    def check(X):
        assert_answers_alike(fitted, X)

    check()


def takes_gaps(estimator):
    if isinstance(estimator, SimpleImputer):
        return estimator.missing_values != 0
    return not isinstance(estimator, PCA)


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("estimator", named(CLASSIFIERS))
def test_a_classifier_answers_as_it_does_itself(estimator, y):
    fitted = clone(estimator).fit(TABLE, y)

    @settings(max_examples=25, deadline=None)
    @given(
        X=tables(), as_sparse=st.sampled_from([None, None, sparse.csr_matrix, sparse.csr_array])
    )
    def check(X, as_sparse):
        if as_sparse is not None and X.dtype.kind == "f":
            X = as_sparse(X)
        assert_answers_alike(fitted, X)

    check()


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("estimator", named(REGRESSIONS))
def test_a_regression_predicts_as_it_does_itself(estimator, n_targets):
    several = isinstance(estimator, LinearRegression | Ridge | Lasso | ElasticNet)
    if n_targets > 1 and not several:
        return
    y = NUMBERS if n_targets == 1 else np.column_stack([NUMBERS, -NUMBERS])
    fitted = clone(estimator).fit(TABLE, y)

    @settings(max_examples=25, deadline=None)
    @given(X=tables(), as_sparse=st.sampled_from([None, None, sparse.csr_matrix]))
    def check(X, as_sparse):
        if as_sparse is not None and X.dtype.kind == "f":
            X = as_sparse(X)
        assert_answers_alike(fitted, X)

    check()


def test_ridge_with_several_labels_a_row_predicts_them_all():
    fitted = RidgeClassifier().fit(TABLE, np.column_stack([TWO, 1 - TWO]))

    assert_answers_alike(fitted, TABLE[:3])


CELLS = {
    "words": st.sampled_from(["a", "b", "cc", "new", "", None, np.nan, 1, True, 2.5]),
    "text": st.sampled_from(["a", "b", "cc", "longer than all", ""]),
    "codes": st.integers(-1, 4),
    "floats": st.sampled_from([0.0, 1.0, 2.0, 2.5, np.nan, np.inf, -0.0]),
}


@st.composite
def cells(draw):
    kind = draw(st.sampled_from(sorted(CELLS)))
    few = draw(st.booleans())
    known = {"words": "ab", "text": "ab", "codes": [0, 1], "floats": [0.0, 1.0]}[kind]
    shape = draw(st.integers(1, 5)), draw(st.sampled_from([4, 4, 4, 3]))
    cell = st.sampled_from(list(known)) if few else CELLS[kind]
    rows = [[draw(cell) for _ in range(shape[1])] for _ in range(shape[0])]
    dtypes = {
        "words": [object],
        "text": [str],
        "codes": [int, np.int32, object],
        "floats": [float, np.float32, object],
    }
    return np.array(rows, dtype=draw(st.sampled_from(dtypes[kind])))


@pytest.mark.parametrize(
    "learned",
    [
        WORDS,
        WORDS.astype(str),
        CODES,
        CODES.astype(float),
        CODES.astype(object),
        np.where(CODES == 2, np.nan, CODES),
        np.where(WORDS == "a", None, WORDS),
    ],
    ids=["words", "text", "codes", "floats", "objects", "gaps", "none"],
)
@pytest.mark.parametrize("estimator", named(ENCODERS))
def test_cells_are_encoded_as_the_encoder_does(estimator, learned):
    fitted = clone(estimator).fit(learned)

    @settings(max_examples=30, deadline=None)
    @given(X=cells())
    def check(X):
        assert_answers_alike(fitted, X)

    check()


@pytest.mark.filterwarnings("ignore:Liblinear failed to converge")
def test_every_kernel_is_used_on_plain_rows():
    learned = {OneHotEncoder: CODES, OrdinalEncoder: CODES}
    for kind, methods in KERNELS.items():
        X = learned.get(kind, TABLE)
        estimator = kind().fit(X, TWO)
        for method in methods:
            value = kernel_of(estimator, method)(estimator, X[:2], {})
            assert value is not NOT_PLAIN, (kind, method)


def test_a_subclass_and_an_estimator_with_a_method_of_its_own_have_no_kernel():
    class Doubling(StandardScaler):
        def transform(self, X):
            return 2 * super().transform(X)

    own = StandardScaler().fit(TABLE)
    own.transform = lambda X: X * 0

    assert kernel_of(Doubling().fit(TABLE), "transform") is None
    assert kernel_of(own, "transform") is None


@pytest.mark.parametrize("estimator", named([StandardScaler(), OneHotEncoder(), PCA(2)]))
def test_the_container_asked_for_is_given(estimator):
    layer = Sklearn(estimator).fit(TABLE.round())

    with config_context(transform_output="pandas"):
        if not isinstance(estimator, OneHotEncoder):
            assert hasattr(layer.transform(TABLE[:1].round()), "columns")
    if isinstance(estimator, OneHotEncoder):
        with config_context(sparse_interface="sparray"):
            assert isinstance(layer.transform(TABLE[:1].round()), sparse.csr_array)
    else:
        layer.estimator_.set_output(transform="pandas")
        assert hasattr(layer.transform(TABLE[:1].round()), "columns")


def test_an_estimator_fitted_on_names_still_warns_of_their_absence():
    frame = pd.DataFrame(TABLE, columns=list("abcd"))
    layer = Sklearn(StandardScaler()).fit(frame)

    with pytest.warns(UserWarning, match="does not have valid feature names"):
        layer.transform(TABLE[:1])


def test_an_unfitted_estimator_says_so_in_its_own_words():
    for estimator in (StandardScaler(), LogisticRegression(), OneHotEncoder(), SimpleImputer()):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            Sklearn(estimator).respond(METHODS[hasattr(estimator, "predict")], TABLE[:1])


# What a fitted estimator is changed to is what counts


def test_attributes_are_read_at_every_call():
    layer = Sklearn(LogisticRegression()).fit(TABLE, y=TWO)
    layer.predict_proba(TABLE[:1])

    layer.estimator_.coef_ = layer.estimator_.coef_ * 2
    layer.estimator_.intercept_[:] = 0.25

    expected = layer.estimator_.predict_proba(TABLE[:1])
    assert_array_equal(layer.predict_proba(TABLE[:1]), expected)


def test_categories_that_are_replaced_are_looked_up_anew():
    layer = Sklearn(OneHotEncoder(handle_unknown="ignore")).fit(WORDS)
    layer.transform(WORDS[:1])

    layer.estimator_.categories_[0] = np.array(["x", "y", "a"], dtype=object)

    expected = layer.estimator_.transform(WORDS[:2])
    assert_array_equal(layer.transform(WORDS[:2]).toarray(), expected.toarray())


def test_parameters_set_on_a_fitted_estimator_count():
    layer = Sklearn(MinMaxScaler()).fit(TABLE)
    layer.transform(TABLE[:1])
    layer.estimator_.set_params(clip=True)

    assert layer.transform(TABLE[:1] + 100).max() == 1.0

    encoder = Sklearn(OneHotEncoder()).fit(WORDS)
    encoder.transform(WORDS[:1])
    encoder.estimator_.set_params(handle_unknown="ignore")
    assert encoder.transform(np.array([["new"] * 4], dtype=object)).nnz == 0


def test_another_estimator_in_the_layer_is_asked():
    layer = Sklearn(StandardScaler()).fit(TABLE)
    layer.transform(TABLE[:1])

    layer.estimator_ = MinMaxScaler().fit(TABLE)

    assert_array_equal(layer.transform(TABLE[:1]), layer.estimator_.transform(TABLE[:1]))


def test_an_estimator_that_is_made_one_of_another_class_is_asked():
    class Halved(StandardScaler):
        def transform(self, X):
            return X / 2

    layer = Sklearn(StandardScaler()).fit(TABLE)
    layer.transform(TABLE[:1])

    layer.estimator_.__class__ = Halved

    assert_array_equal(layer.transform(TABLE[:1]), TABLE[:1] / 2)


# Estimators without a kernel: what cannot be found is not looked for


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_what_an_estimator_would_refuse_is_refused_each_time():
    layer = Sklearn(DecisionTreeClassifier(max_depth=2)).fit(TABLE, y=TWO)
    layer.predict(TABLE[:1])

    for bad in (np.inf, 1e300):  # the second is too large for the float32 that trees work in
        for _ in range(2):
            with pytest.raises(ValueError, match="infinity or a value too large"):
                layer.predict(np.full((1, 4), bad))
    with pytest.raises(ValueError, match="expecting 4 features"):
        layer.predict(TABLE[:1, :2])


def test_what_one_part_of_an_estimator_makes_for_another_is_still_checked():
    layer = Sklearn(PowerTransformer()).fit(TABLE)
    layer.transform(TABLE[:1])
    layer.estimator_.lambdas_[:] = -400.0  # so that powers overflow
    plain = outcome(layer.estimator_.transform, np.full((1, 4), -50.0))

    assert_same(outcome(layer.transform, np.full((1, 4), -50.0)), plain)


def test_a_parameter_that_is_made_invalid_is_refused():
    layer = Sklearn(Normalizer()).fit(TABLE)
    layer.transform(TABLE[:1])

    layer.estimator_.set_params(norm="l7")

    with pytest.raises(ValueError, match="norm"):
        layer.transform(TABLE[:1])
