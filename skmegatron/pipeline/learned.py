"""What a fitted pipeline tells of its output's step, under sklearn's names."""

from __future__ import annotations

from typing import Any

from skmegatron.pipeline.heads import Head
from skmegatron.pipeline.names import node_columns
from skmegatron.pipeline.storing import Storing
from skmegatron.pipeline.targets import classes_in_units


class Learned(Storing):
    """The learned attributes of a pipeline."""

    @property
    def classes_(self) -> Any:
        """Labels that the output's classifier knows, in the units of the target.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.naive_bayes import GaussianNB
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(GaussianNB())(X, y=y))
        >>> pipe.fit([[0.0], [1.0], [2.0]], ["no", "yes", "yes"]).classes_
        array(['no', 'yes'], dtype='<U3')
        """
        return self._learned("classes_")

    @property
    def coef_(self) -> Any:
        """Coefficients of the output's step, where its columns are those of ``X``.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.linear_model import LinearRegression
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(LinearRegression())(X, y=y))
        >>> pipe.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).coef_
        array([2.])
        """
        return self._learned("coef_", of_columns=True)

    @property
    def feature_importances_(self) -> Any:
        """Importances from the output's step, where its columns are those of ``X``.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(DecisionTreeRegressor())(X, y=y))
        >>> pipe.fit([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]], [1.0, 3.0, 5.0]).feature_importances_
        array([1., 0.])
        """
        return self._learned("feature_importances_", of_columns=True)

    @property
    def offset_(self) -> Any:
        """What an outlier detector takes off `score_samples` to decide.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.ensemble import IsolationForest
        >>> X = sm.Input("X", shape=(None,))
        >>> pipe = sm.Pipeline(X, sm.layers.Sklearn(IsolationForest(random_state=0))(X))
        >>> pipe.fit([[0.0], [1.0], [9.0]]).offset_
        -0.5
        """
        return self._learned("offset_")

    @property
    def labels_(self) -> Any:
        """Cluster of each row seen in `fit`.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.cluster import AgglomerativeClustering
        >>> X = sm.Input("X", shape=(None,))
        >>> pipe = sm.Pipeline(X, sm.layers.Sklearn(AgglomerativeClustering())(X))
        >>> pipe.fit([[0.0], [0.1], [9.0]]).labels_
        array([0, 0, 1])
        """
        return self._learned("labels_")

    def _learned(self, name: str, *, of_columns: bool = False) -> Any:
        heads = self._heads()
        if len(heads) != 1 or heads[0] is None or not hasattr(self, "steps_"):
            raise AttributeError(
                f"This Pipeline has no {name}: it is not fitted, or has no such step."
            )
        head, names = heads[0], self.graph.names
        layer = self.steps_[names[head.step]]
        if name == "classes_":
            return self._known_classes(head)
        value = getattr(layer, name)
        if of_columns and not self._reads_table(head):
            raise AttributeError(
                f"{name} of step {names[head.step]!r} is not about the columns of X, which "
                f"other steps have changed. Read pipeline.steps_[{names[head.step]!r}].{name}."
            )
        return value

    def _known_classes(self, head: Head) -> Any:
        names = self.graph.names
        if not head.only_inverses:
            raise AttributeError(f"A step behind {names[head.step]!r} changes its classes_.")
        undone = [step.state_of.step for step in head.tail if step.state_of is not None]
        layers = [self.steps_[names[step]] for step in undone]
        return classes_in_units(self.steps_[names[head.step]], layers)

    def _reads_table(self, head: Head) -> bool:
        """Tell whether the columns that a head reads are those of X, in their order."""
        graph, inbound = self.graph, head.step.inbound_nodes
        columns = {name: names for name, (_, names) in self._columns.items()}
        found = node_columns(graph, inbound, self.steps_, columns, self._shapes)
        read: list[Any] = []
        for node in inbound:
            names = found[node]
            read.extend([] if names is None else names)
        places = {
            place: name
            for positions, names in self._columns.values()
            for place, name in zip(positions or (), names, strict=False)
        }
        n_columns = getattr(self, "n_features_in_", -1)
        return read == [places.get(place) for place in range(n_columns)]
