"""Early stopping behind other steps: held-out rows go the way that the training rows go.

Boosting stops when predictions for held-out rows get no better. In scikit-learn these rows reach
the booster as they are, past the scaler and past what is done to the target, so it watches
numbers in other units. (With metadata routing, `Pipeline(transform_input=["X_val"])` scales them;
their targets stay as they are.) In a graph they go through every step fitted on the training
rows. Diabetes patients of `sklearn.datasets`, scaled measurements, the logarithm of the target;
takes some ten seconds, nothing is downloaded.
"""

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm

MOST_TREES = 60


def booster(early_stopping: bool = True) -> HistGradientBoostingRegressor:
    """Give a model that may stop before it has all its trees."""
    return HistGradientBoostingRegressor(
        max_iter=MOST_TREES,
        learning_rate=0.15,
        max_leaf_nodes=5,
        early_stopping=early_stopping,
        n_iter_no_change=5,
        random_state=0,
    )


def as_scikit_learn_spells_it() -> TransformedTargetRegressor:
    """Write the steps as scikit-learn's pipeline, within what transforms the target."""
    steps = make_pipeline(StandardScaler(), booster())
    return TransformedTargetRegressor(steps, func=np.log, inverse_func=np.exp)


def as_a_graph(early_stopping: bool = True) -> sm.Pipeline:
    """Draw the same: a step on the table, a step on the target, and the way back."""
    table, progress = sm.Input("table", shape=(None,)), sm.Target("progress")
    scaled = sm.layers.Sklearn(StandardScaler())(table, "scaled")
    logs = sm.layers.Sklearn(FunctionTransformer(np.log, np.exp))(progress, "logs")
    boosted = sm.layers.Sklearn(booster(early_stopping))(scaled, "boosted", y=logs)
    return sm.Pipeline([table, progress], logs.inverse(boosted))


def n_trees(model: HistGradientBoostingRegressor) -> int:
    """Tell after how many trees a model has stopped."""
    return int(model.n_iter_)


def main() -> None:
    """Stop early in every spelling, and then in a search."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
    X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=0)
    print(
        f"{len(y_train)} patients to learn from, {len(y_val)} to stop by, {len(y_test)} to test\n"
    )

    def tell(name: str, trees: int, predicted: np.ndarray) -> None:
        error = mean_absolute_error(y_test, predicted)
        print(f"{name:48}{trees:6}{error:22.2f}")

    print(f"{'':48}{'trees':>6}{'mean absolute error':>22}")

    never = as_a_graph(early_stopping=False).fit(X_train, y_train)
    tell("never stopping", n_trees(never.steps_.boosted), never.predict(X_test))

    step = "histgradientboostingregressor"
    theirs = as_scikit_learn_spells_it()
    theirs.fit(X_train, y_train, **{f"{step}__X_val": X_val, f"{step}__y_val": y_val})
    tell(
        "scikit-learn, held-out rows as they are",
        n_trees(theirs.regressor_[-1]),
        theirs.predict(X_test),
    )

    ours = as_a_graph().fit(X_train, y_train, validation_data=(X_val, y_val))
    tell("graph, validation_data=", n_trees(ours.steps_.boosted), ours.predict(X_test))

    scaler = StandardScaler().fit(X_train)
    by_hand = booster().fit(
        scaler.transform(X_train),
        np.log(y_train),
        X_val=scaler.transform(X_val),
        y_val=np.log(y_val),
    )
    predicted = np.exp(by_hand.predict(scaler.transform(X_test)))
    tell("by hand, step after step", n_trees(by_hand), predicted)
    np.testing.assert_allclose(ours.predict(X_test), predicted)

    cut = as_a_graph().fit(X, y, validation_split=0.2)
    tell("graph, validation_split=0.2", n_trees(cut.steps_.boosted), cut.predict(X_test))

    grid = {"boosted__learning_rate": [0.1, 0.3]}
    print(
        "\nThe same within a search, where each fit cuts its held-out rows off its training fold:"
    )
    search = GridSearchCV(as_a_graph(), grid, cv=3, scoring="neg_mean_absolute_error")
    search.fit(X, y, validation_split=0.2)
    trees = n_trees(search.best_estimator_.steps_.boosted)
    tell(f"best with {search.best_params_}", trees, search.predict(X_test))


if __name__ == "__main__":
    main()
