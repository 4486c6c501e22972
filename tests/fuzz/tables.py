"""Strategies for data: a few rows for every input that a graph may have, in every container."""

import joblib
import numpy as np
import pandas as pd
from hypothesis import strategies as st
from scipy import sparse

import skmegatron as sm

WORDS = np.array(["the cat", "a dog sat", "cat and dog", "rain", "the rain fell"])
CONTAINERS = ["dict", "dataset", "plain", "frame", "sparse"]

#: Seed, number of rows, what is wrong with the numbers, container.
fed = st.tuples(
    st.integers(0, 5),
    st.one_of(st.integers(2, 40), st.integers(0, 4)),
    st.sampled_from(["", "", "", "nan", "inf", "constant"]),
    st.sampled_from(CONTAINERS),
)


def rows(kind):
    """Make the values of all inputs."""
    seed, n_rows, wrong, _ = kind
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    if wrong == "constant":
        X[:] = 1.0
    elif wrong and n_rows:
        X[rng.integers(n_rows), rng.integers(3)] = {"nan": np.nan, "inf": np.inf}[wrong]
    return {
        "X": X,
        "age": rng.integers(1, 90, n_rows),
        "word": WORDS[rng.integers(0, len(WORDS), n_rows)],
        "image": rng.random((n_rows, 2, 2)),
        "sample_weight": rng.uniform(0.5, 2.0, n_rows),
        "y": np.arange(n_rows) % 3,
    }


def packed(values, names, container):
    """Put the inputs of some names into a container, or into a dict where it cannot hold them."""
    own = {name: values[name] for name in names if name not in ("y", "sample_weight")}
    if list(own) == ["X"]:
        if container == "plain":
            return own["X"]
        if container == "frame":
            return pd.DataFrame(own["X"], columns=["a", "b", "c"])
        if container == "sparse":
            return sparse.csr_matrix(own["X"])
    return sm.Dataset(**own) if container == "dataset" else own


def cut(X, start, stop):
    """Take some of the rows."""
    if isinstance(X, dict):
        return {name: values[start:stop] for name, values in X.items()}
    return X.iloc[start:stop] if isinstance(X, pd.DataFrame) else X[start:stop]


def content(X):
    """Hash what was fed. Of a sparse matrix the entries, and not what scipy has noted of them."""
    if sparse.issparse(X):
        X = (X.data, X.indices, X.indptr, X.shape)
    return joblib.hash(X)
