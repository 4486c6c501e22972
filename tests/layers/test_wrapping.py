"""Tests of what a layer knows of an estimator that it wraps."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.discovery import all_estimators

from skmegatron.layers import Sklearn
from skmegatron.layers.wrapping import copies_first


def _copies(kind: type) -> bool:
    parameters = inspect.signature(kind).parameters
    return any(
        n in parameters and parameters[n].default is True for n in ("copy", "copy_X", "copy_x")
    )


def _is_multi_task(estimator) -> bool:
    return not get_tags(estimator).target_tags.single_output


COPYING = [kind() for _, kind in all_estimators() if _copies(kind)]


def test_estimators_that_copy_are_known():
    assert len(COPYING) > 30
    assert all(map(copies_first, COPYING))
    assert not copies_first(PCA(copy=False))


class MyScaler(StandardScaler):
    """A scaler of somebody else, whose ``copy`` nobody has tried."""


def test_what_somebody_else_wrote_is_not_trusted():
    assert not copies_first(MyScaler(copy=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", COPYING, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_estimator_that_copies_first_leaves_a_writeable_array_as_it_is(estimator, order):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.uniform(0.1, 1.0, (30, 4)), order=order)
    several = "cross_decomposition" in type(estimator).__module__ or _is_multi_task(estimator)
    y = rng.integers(0, 3, (30, 2) if several else 30)
    before = X.copy()
    try:
        clone(estimator).fit(X, y)
    except TypeError:  # it takes only y
        clone(estimator).fit(X)
    np.testing.assert_array_equal(X, before)


def test_an_array_that_the_user_has_locked_stays_locked():
    X = np.random.default_rng(0).normal(size=(20, 3))
    X.flags.writeable = False
    Sklearn(PCA(2)).fit(X)
    assert not X.flags.writeable
