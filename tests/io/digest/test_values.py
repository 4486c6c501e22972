"""Digests of values: of parameters, estimators, layers and whole pipelines."""

import functools
import itertools
import operator
import os
import pickle
import random
import re
import sqlite3
import subprocess
import sys
import textwrap
import threading
from copy import deepcopy
from types import MappingProxyType, SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.discovery import all_estimators

import skmegatron as sm
from skmegatron.io.digest import UndigestibleError, digest, joined

VALUES = [
    *(None, True, False, 0, 1, 1.0, -0.0, 0.0, 1j, "a", b"a", "", (), [], {}, set(), frozenset()),
    *((1, 2), [1, 2], {1, 2}, frozenset({1, 2}), {1: 2}, (1, (2,)), ((1,), 2), 10**30, "é\ud800"),
    *(np.float64(1), np.float32(1), np.int64(1), np.bool_(True), np.str_("a"), float("nan")),
    *(np.dtype("f8"), np.dtype("f4"), np.dtype([("a", "f8")]), np.float64, float, int, type(None)),
    *(np.add, np.log, scipy.special.expit, np.clip, np.mean, len, max, str.upper, [].append),
    *(operator.itemgetter(1), operator.itemgetter(2), functools.partial(max, 1)),
    *(
        functools.partial(max, 2),
        functools.partial(min, 2),
        re.compile("a"),
        re.compile("a", re.I),
    ),
    *(np.random.RandomState(0), np.random.RandomState(1)),
    *(np.random.default_rng(0), np.random.default_rng(1), slice(1), slice(2), ..., range(3)),
    *(KFold(3), KFold(4), StratifiedKFold(3), Ridge(), Ridge(alpha=2), PCA(2), StandardScaler()),
    *(MappingProxyType({1: 2}), SimpleNamespace(a=1), SimpleNamespace(a=2), np.vectorize(len)),
    *(np.array([1]), np.array([2]), sparse.eye_array(2), pd.DataFrame({"a": [1]}), pd.NA, pd.NaT),
    *(pd.Timestamp("2020"), np.matrix([[1]]), np.datetime64("2020"), np.random, np),
]


def test_every_value_has_a_digest_of_its_own():
    digests = [digest(value) for value in VALUES]
    twice = [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(zip(VALUES, digests, strict=True), 2)
        if a == b
    ]

    assert twice == []


@pytest.mark.parametrize("value", [v for v in VALUES if not isinstance(v, type(np))])
def test_a_value_keeps_its_digest(value):
    if not isinstance(value, MappingProxyType):  # cannot be pickled
        assert digest(deepcopy(value)) == digest(value)
        assert digest(pickle.loads(pickle.dumps(value))) == digest(value)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(NESTED)
def test_equal_values_have_equal_digests(value):
    assert digest(pickle.loads(pickle.dumps(value))) == digest(value)
    assert digest([value, value]) == digest([value, deepcopy(value)])
    assert digest([value]) != digest([value, value])


def estimators():
    for _, kind in all_estimators():
        if "PassiveAggressive" in kind.__name__:  # deprecated: warns when it is made
            continue
        try:
            yield pytest.param(kind(), id=kind.__name__)
        except TypeError:  # takes estimators
            params = kind.__init__.__code__.co_varnames
            first = Ridge() if "estimator" in params else [("a", Ridge())]
            try:
                yield pytest.param(kind(first), id=kind.__name__)
            except TypeError:
                continue


@pytest.mark.parametrize("estimator", list(estimators()))
def test_every_estimator_of_sklearn_keeps_its_digest_and_changes_with_each_parameter(estimator):
    before = digest(estimator)

    assert digest(clone(estimator)) == before
    assert digest(pickle.loads(pickle.dumps(estimator))) == before
    for name in estimator.get_params(deep=False):
        changed = clone(estimator)
        setattr(changed, name, "another value")
        assert digest(changed) != before, name


def test_what_is_nested_counts():
    def drawn(C, columns):
        both = ColumnTransformer([("a", StandardScaler(), columns)])
        return GridSearchCV(make_pipeline(both, LogisticRegression(C=C)), {"cv": [1]}, cv=KFold(3))

    assert digest(drawn(1.0, ["x"])) == digest(clone(drawn(1.0, ["x"])))
    assert (
        len({digest(drawn(1.0, ["x"])), digest(drawn(2.0, ["x"])), digest(drawn(1.0, "x"))}) == 3
    )


def test_what_a_frozen_estimator_has_learned_counts():
    one = FrozenEstimator(StandardScaler().fit([[1.0], [2.0]]))
    other = FrozenEstimator(StandardScaler().fit([[1.0], [3.0]]))

    assert digest(one) == digest(clone(one)) == digest(pickle.loads(pickle.dumps(one)))
    assert digest(one) != digest(other)


def drawn(slope=2.0, components=2):
    X = sm.Input("X", shape=(None,))
    scaled = sm.layers.Sklearn(StandardScaler())(X)
    bent = sm.layers.Lambda(lambda X, by: X * by, by=slope)(scaled)
    return sm.Pipeline([X], sm.layers.Sklearn(PCA(components))(bent), name="drawn")


def test_a_pipeline_as_a_parameter_keeps_its_digest_through_a_clone_and_a_pickle(tmp_path):
    pipeline = drawn()
    joblib.dump(pipeline, tmp_path / "pipeline")

    assert digest(clone(pipeline)) == digest(pipeline) == digest(drawn())
    assert digest(joblib.load(tmp_path / "pipeline")) == digest(pipeline)
    assert len({digest(pipeline), digest(drawn(slope=3.0)), digest(drawn(components=1))}) == 3


def test_what_a_pipeline_has_learned_counts():
    X = np.arange(12.0).reshape(4, 3) ** 2

    assert digest(drawn().fit(X)) == digest(drawn().fit(X)) != digest(drawn().fit(X + X**2))


def test_two_pipelines_of_different_depth_as_parameters_are_walked_without_recursion():
    X = node = sm.Input("X")
    for _ in range(2000):
        node = sm.layers.Lambda(np.negative)(node)

    assert digest(sm.Pipeline([X], node)) != digest(sm.Pipeline([X], node.traverse(-1)))


def test_a_generator_used_twice_is_not_two_equal_ones():
    rng, other = np.random.RandomState(0), np.random.RandomState(0)

    assert digest([rng, rng]) != digest([rng, other])
    assert digest([rng, rng]) == digest([other, other]) == digest(deepcopy([rng, rng]))


def test_the_state_of_a_global_generator_is_no_part_of_its_methods():
    before = [digest(np.random.normal), digest(random.gauss), digest(random.random)]
    np.random.normal(), random.random()

    assert [digest(np.random.normal), digest(random.gauss), digest(random.random)] == before
    assert len(set(before)) == 3


def test_a_generator_that_was_used_is_another():
    rng = np.random.default_rng(0)
    before = digest(rng)
    rng.random()

    assert digest(rng) != before


def test_a_value_that_holds_itself_has_a_digest():
    def loop(last):
        items = ["ab", "".join(["a", "b"]), last]
        items.append(items)
        return items

    assert digest(loop(1)) == digest(pickle.loads(pickle.dumps(loop(1)))) != digest(loop(2))


def test_a_vectorized_function_is_the_same_after_its_first_call():
    double = np.vectorize(lambda x: 2 * x, cache=True)
    before = digest(double)
    double([1, 2])

    assert digest(double) == before


class Named:
    def __init__(self, name, place):
        self.name, self.place = name, place

    def __digest_state__(self):
        return self.name


def test_a_class_can_say_what_tells_its_instances_apart():
    assert digest(Named("a", 1)) == digest(Named("a", threading.Lock())) != digest(Named("b", 1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: iter([1, 2]),
        lambda: (x for x in [1]),
        lambda: open(__file__),  # noqa: SIM115 - closed by the test
        lambda: sqlite3.connect(":memory:"),
        threading.Lock,
        lambda: [threading.Lock()],
        lambda: np.frompyfunc(lambda x: x, 1, 1),
        lambda: map(len, []),
    ],
)
def test_what_cannot_be_told_from_others_is_refused(make):
    value = make()
    with pytest.raises(UndigestibleError, match=r"expected .*, got"):
        digest(value)
    getattr(value, "close", lambda: None)()


def test_a_key_frames_its_parts():
    assert joined(b"a", b"bc") != joined(b"ab", b"c")
    assert re.fullmatch("[0-9a-f]{32}", joined())


ELSEWHERE = """
    import sys
    sys.path.insert(0, sys.argv[1])
    import numpy as np, pandas as pd
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import OneHotEncoder, FunctionTransformer
    from skmegatron.io.digest import code_digest, content_digest, digest
    from skmegatron.layers import Lambda
    import recipe
    words = {"alpha", "beta", "gamma", "delta", "epsilon"}
    for found in (
        digest([words, frozenset(words), {"a": words}, PCA(3), OneHotEncoder(), KeyError]),
        digest(FunctionTransformer(recipe.bend)), digest(Lambda(recipe.bend, by=2)),
        digest(recipe.Recipe(words)), code_digest(recipe.Recipe), code_digest(recipe.short),
        content_digest(np.array(["a", None, 1.5, words], dtype=object)),
        content_digest(pd.DataFrame({"a": [1.5, 2.0], "b": ["x", "y"]})),
        digest(np.random.default_rng(5)), digest(recipe.Colour.RED), digest(recipe.Point(1)),
    ):
        print(found.hex())
"""
RECIPE = """
    import enum, functools, dataclasses, abc, logging
    import numpy as np
    WORDS = {"one", "two", "three", "four"}
    log = logging.getLogger("recipe")
    def inner(x): return x if x in {"five", "six", "seven"} else WORDS
    @functools.lru_cache
    def bend(X, by=1):
        log.info("bent")
        return inner(np.log(X)) * by
    short = lambda x: bend(x) + Recipe({1}).total
    class Base(abc.ABC):
        def __init__(self, words): self.words = words
        @abc.abstractmethod
        def run(self): return short
    class Recipe(Base):
        __slots__ = ("other",)
        table = WORDS
        def run(self): return super().run() + Recipe.table
        @property
        def total(self): return len(self.words)
        @functools.cached_property
        def half(self): return self.total / 2
    class Colour(enum.Enum):
        RED = 1
    @dataclasses.dataclass(frozen=True)
    class Point:
        x: float
        y: list = dataclasses.field(default_factory=list)
"""


def test_digests_are_the_same_in_another_process(tmp_path):
    (tmp_path / "recipe.py").write_text(textwrap.dedent(RECIPE))
    (tmp_path / "run.py").write_text(textwrap.dedent(ELSEWHERE))

    seen = {
        subprocess.run(
            [sys.executable, str(tmp_path / "run.py"), str(tmp_path)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(seen) == 1
    assert len(set(seen.pop().split())) == 11
