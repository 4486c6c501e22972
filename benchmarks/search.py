"""A search over a late parameter: what memory saves, and what it costs where it cannot save.

Each contender runs the same search: 3 folds, 10 values of C, no refit. "By hand" is a loop that
computes every distinct thing once. All scores are compared. Caches are new for each run.
"""

import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from measure import QUICK, best, machine, table
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import PolynomialFeatures, QuantileTransformer, StandardScaler

import skmegatron as sm

try:
    import skrub
except ImportError:
    skrub = None
try:
    from dask_ml.model_selection import GridSearchCV as MergedSearch
except ImportError:
    MergedSearch = None

FOLDS = StratifiedKFold(3)
VALUES = np.logspace(-3, 2, 2 if QUICK else 10)
SIZES = (600,) if QUICK else (8_000, 20_000)

Score = Callable[[], np.ndarray]


def long_way() -> list[Any]:
    """Give new estimators: the steps before the model."""
    return [
        QuantileTransformer(n_quantiles=min(1000, SIZES[0] // 2), random_state=0),
        PolynomialFeatures(2),
        PCA(20, random_state=0),
    ]


def short_way() -> list[Any]:
    """Give the second branch."""
    return [StandardScaler(), PCA(5, random_state=0)]


def draw(ways: list[list[Any]], model: Any, memory: Any = None) -> sm.Pipeline:
    """Draw the graph."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    ends = []
    for way in ways:
        node = X
        for step in way:
            node = sm.layers.Sklearn(step)(node)
        ends.append(node)
    features = ends[0] if len(ends) == 1 else sm.layers.Concatenate()(ends)
    return sm.Pipeline([X, y], sm.layers.Sklearn(model)(features, "model", y=y), memory=memory)


def chained(ways: list[list[Any]], model: Any, memory: Any = None) -> Pipeline:
    """Write the same with scikit-learn."""
    if len(ways) == 1:
        steps = [(f"step{place}", step) for place, step in enumerate(ways[0])]
    else:
        steps = [("union", make_union(*[make_pipeline(*way, memory=memory) for way in ways]))]
    return Pipeline([*steps, ("model", model)], memory=memory)


def by_hand(ways: list[list[Any]], model: Any, name: str, values: Any, X: Any, y: Any) -> Any:
    """Compute every distinct thing once."""
    scores = []
    for train, test in FOLDS.split(X, y):
        seen, unseen = [], []
        for way in ways:
            here, there = X[train], X[test]
            for step in way:
                fitted = clone(step)
                here, there = fitted.fit_transform(here), fitted.transform(there)
            seen.append(here)
            unseen.append(there)
        here, there = (np.hstack(part) if len(part) > 1 else part[0] for part in (seen, unseen))
        for value in values:
            fitted = clone(model).set_params(**{name: value}).fit(here, y[train])
            scores.append(fitted.score(there, y[test]))
    return np.reshape(scores, (3, -1)).mean(axis=0)


def searched(pipe: Any, name: str, values: Any, X: Any, y: Any, search: Any = GridSearchCV) -> Any:
    """Search with a grid."""
    found = search(pipe, {f"model__{name}": values}, cv=FOLDS, refit=False).fit(X, y)
    return np.asarray(found.cv_results_["mean_test_score"])


def with_skrub(way: list[Any], model: Any, name: str, values: Any, X: Any, y: Any) -> Any:
    """Search over skrub's DataOps, whose cache is a folder."""
    with TemporaryDirectory() as folder, skrub.config_context(cache=folder):
        features = skrub.X(X)
        for step in way:
            features = features.skb.apply(step)
        choice = skrub.choose_from(list(values), name=name)
        op = features.skb.apply(clone(model).set_params(**{name: choice}), y=skrub.y(y))
        found = op.skb.make_grid_search(cv=FOLDS, refit=False, fitted=False)
        found.fit({"X": X, "y": y})
        return np.asarray(found.cv_results_["mean_test_score"])


def in_folder(run: Callable[[str], Any]) -> Any:
    """Run with a new folder."""
    with TemporaryDirectory() as folder:
        return run(folder)


def contenders(
    ways: list[list[Any]], model: Any, name: str, values: Any, X: Any, y: Any
) -> dict[str, Score]:
    """Give each way to search."""
    how = name, values, X, y
    found: dict[str, Score] = {
        "by hand, every distinct thing once": lambda: by_hand(ways, model, *how),
        "skmegatron, `MemoryCache`": lambda: searched(draw(ways, model, sm.MemoryCache()), *how),
        "skmegatron, folder": lambda: in_folder(
            lambda folder: searched(draw(ways, model, folder), *how)
        ),
        "skmegatron, no memory": lambda: searched(draw(ways, model), *how),
        "scikit-learn, `memory=` a folder": lambda: in_folder(
            lambda folder: searched(chained(ways, model, folder), *how)
        ),
        "scikit-learn, no memory": lambda: searched(chained(ways, model), *how),
    }
    if MergedSearch is not None:
        found["dask-ml, merged search"] = lambda: searched(
            chained(ways, model), *how, lambda *a, **k: MergedSearch(*a, scheduler="sync", **k)
        )
    if skrub is not None and len(ways) == 1:
        found["skrub DataOps, cache in a folder"] = lambda: with_skrub(ways[0], model, *how)
    return found


def compare(title: str, ways: list[list[Any]]) -> None:
    """Print what each contender takes, as a multiple of the loop by hand."""
    columns = []
    for n_rows in SIZES:
        X, y = make_classification(n_rows, 30, n_informative=12, random_state=0)
        runs = contenders(ways, LogisticRegression(), "C", VALUES, X, y)
        columns.append(timed(runs))
    hand = next(iter(columns[0]))
    print(
        table(
            [f"{title}; time / by hand", *[f"{n_rows:,} rows" for n_rows in SIZES]],
            [[name, *[times[name] / times[hand] for times in columns]] for name in columns[0]],
        )
    )


def timed(runs: dict[str, Score], times: int = 2) -> dict[str, float]:
    """Give each contender's shortest time; they take turns, and all find the same scores."""
    scores: list[np.ndarray] = []
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(1 if QUICK else times):
        for name, run in runs.items():
            begin = time.perf_counter()
            scores.append(run())
            found[name].append(time.perf_counter() - begin)
            np.testing.assert_allclose(scores[-1], scores[0], atol=2e-3, err_msg=name)
    return {name: min(seconds) for name, seconds in found.items()}


def costs() -> None:
    """Print what memory costs where the steps are too cheap for it."""
    rows = []
    for n_rows in SIZES:
        X, y = make_classification(n_rows, 30, n_informative=12, random_state=0)
        graphs = {
            "StandardScaler, GaussianNB; a search": lambda memory, X=X, y=y: searched(
                draw([[StandardScaler()]], GaussianNB(), memory),
                "var_smoothing",
                np.logspace(-9, -3, len(VALUES)),
                X,
                y,
            ),
            "10 `ScalarMultiply`, 100 times transformed": lambda memory, X=X: repeated(X, memory),
        }
        for title, run in graphs.items():
            times = best(
                {
                    "none": lambda run=run: run(None),
                    "memory": lambda run=run: run(sm.MemoryCache()),
                    "folder": lambda run=run: in_folder(run),
                }
            )
            ratios = [times[kind] / times["none"] for kind in ("memory", "folder")]
            rows.append([f"{title}, {n_rows:,} rows", *ratios])
    print(table(["time / no memory", "`MemoryCache`", "folder"], rows))


def repeated(X: np.ndarray, memory: Any) -> None:
    """Transform the same rows again and again with a chain of cheap steps."""
    x = node = sm.Input("X", shape=(None,))
    for _ in range(10):
        node = sm.layers.ScalarMultiply(1.1)(node)
    pipe = sm.Pipeline(x, node, memory=memory).fit(X)
    for _ in range(5 if QUICK else 100):
        pipe.transform(X)


def main() -> None:
    """Measure, and print ratios."""
    compare("one chain", [long_way()])
    compare("two branches", [long_way(), short_way()])
    costs()
    print(machine("dask-ml", "skrub"))


if __name__ == "__main__":
    main()
