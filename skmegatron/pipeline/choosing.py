"""What a graph leaves open, as the grids that searches take.

A choice whose candidates hold choices of their own makes several grids: what the candidate
leaves open is only listed beside that candidate. Whatever does not depend on one another is
multiplied out, so that no grid sets what is not there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from scipy import stats

from skmegatron.nodes.choices import Choice
from skmegatron.nodes.settling import dependent, roots
from skmegatron.optional import optional
from skmegatron.pipeline.params import GraphParams

#: From the path of each parameter to its list of candidates or its distribution.
Grid: TypeAlias = dict[str, Any]


class Choosing(GraphParams):
    """A graph that lists what `skmegatron.choose` left open."""

    def param_grid(self) -> Grid | list[Grid]:
        """List the candidates of every choice in the graph, for a grid search.

        Returns
        -------
        dict of str to list, or list of such dicts
            For ``GridSearchCV`` and ``HalvingGridSearchCV``. Candidates that have labels are
            listed by them. Several dicts where a candidate holds choices of its own, which
            are listed beside that candidate only. Empty where nothing is left open.

        Raises
        ------
        ValueError
            If a choice is a distribution, which has no list of candidates.

        See Also
        --------
        skmegatron.choose : Leaves something open.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.linear_model import Lasso, Ridge
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> model = sm.choose([Ridge(alpha=sm.choose([1, 10])), Lasso()])(X, "model", y=y)
        >>> sm.Pipeline([X, y], model).param_grid()
        [{'model': ['ridge'], 'model__alpha': [1, 10]}, {'model': ['lasso']}]
        """
        grids = self._grids()
        for grid in grids:
            for path, listed in grid.items():
                if not isinstance(listed, list):
                    raise ValueError(
                        f"{path!r} is drawn from {Choice(distribution=listed)!r}, which has no "
                        "list of candidates. Use pipeline.param_distributions() with a search "
                        "that draws, such as RandomizedSearchCV, or choose from a list."
                    )
        return grids[0] if len(grids) == 1 else grids

    def param_distributions(self, backend: str = "sklearn") -> Grid | list[Grid]:
        """List the candidates of every choice in the graph, for a search that draws.

        Parameters
        ----------
        backend : {"sklearn", "optuna"}, default="sklearn"
            Whose search it is for: ``RandomizedSearchCV`` and ``HalvingRandomSearchCV``, or
            ``OptunaSearchCV``.

        Returns
        -------
        dict of str to list or distribution, or list of such dicts
            As `param_grid`, with distributions as they were given. For optuna always one
            dict, of optuna's distributions.

        Raises
        ------
        ValueError
            If there is no such backend, or optuna has nothing like one of the distributions,
            or a candidate holds choices of its own: ``OptunaSearchCV`` sets all parameters
            in every trial.
        MissingDependencyError
            If optuna is asked for and not installed.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.linear_model import Ridge
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> model = sm.layers.Sklearn(Ridge(solver=sm.choose(["svd", "lsqr"])))(X, y=y)
        >>> sm.Pipeline([X, y], model).param_distributions()
        {'ridge__solver': ['svd', 'lsqr']}
        """
        if backend not in ("sklearn", "optuna"):
            raise ValueError(f"backend is 'sklearn' or 'optuna', got {backend!r}.")
        grids = self._grids()
        if backend == "optuna":
            return _for_optuna(grids)
        return grids[0] if len(grids) == 1 else grids

    def _grids(self) -> list[Grid]:
        grids: list[Grid] = [{}]
        seen: set[int] = set()
        for name, step in self.graph.by_name.items():
            if step.state_of is not None or id(step.layer) in seen:
                continue  # steps that share a layer share its parameters
            seen.add(id(step.layer))
            wrapped = getattr(step.layer, "wrapped", step.layer)
            for path in roots(step.choices):
                if not path or path in _params(wrapped):
                    grids = _times(grids, _alternatives(step.choices[path], path), name)
            if isinstance(wrapped, Choosing) and "" not in step.choices:
                grids = _times(grids, wrapped._grids(), name)
        return grids


def _params(wrapped: Any) -> dict[str, Any]:
    plain = isinstance(wrapped, type) or not hasattr(wrapped, "get_params")
    return {} if plain else wrapped.get_params(deep=True)


def _alternatives(choice: Choice, path: str) -> list[Grid]:
    """Give the grids of one choice: one for what holds no choices, and one for each other."""
    if choice.distribution is not None:
        return [{path: choice.distribution}]
    plain: Grid | None = None
    grids: list[Grid] = []
    for listed, inner in dependent(choice, path):
        if inner:
            own: list[Grid] = [{path: [listed]}]
            for below in roots(inner):
                own = _times(own, _alternatives(inner[below], below), path)
            grids += own
        elif plain is None:
            plain = {path: [listed]}
            grids.append(plain)
        else:
            plain[path].append(listed)
    return grids


def _times(grids: Iterable[Grid], others: Iterable[Mapping[str, Any]], name: str) -> list[Grid]:
    """Multiply grids by those of something that is reached under a name."""
    others = list(others)
    return [
        grid | {"__".join(filter(None, (name, path))): listed for path, listed in other.items()}
        for grid in grids
        for other in others
    ]


def _for_optuna(grids: list[Grid]) -> Grid:
    if len(grids) > 1:
        raise ValueError(
            f"Some candidates hold choices of their own, which makes {len(grids)} grids, and "
            "OptunaSearchCV takes one: it sets all parameters in every trial. Use "
            "pipeline.param_distributions() with RandomizedSearchCV, which takes a list of "
            "grids, or search one graph for each candidate."
        )
    kinds = optional("optuna", extra="optuna", purpose="backend='optuna'").distributions
    return {path: _like(kinds, path, listed) for path, listed in grids[0].items()}


def _like(kinds: Any, path: str, listed: Any) -> Any:
    """Give optuna's distribution for a list or a distribution of scipy."""
    if isinstance(listed, list):
        return kinds.CategoricalDistribution(listed)
    family = getattr(listed, "dist", None)
    if isinstance(family, type(stats.randint)):
        low, high = listed.support()
        return kinds.IntDistribution(int(low), int(high))
    if isinstance(family, type(stats.uniform)):
        return kinds.FloatDistribution(*map(float, listed.support()))
    if isinstance(family, type(stats.loguniform)):
        low, high = map(float, listed.support())
        # One that was shifted is not uniform in the logarithm of its values.
        if low > 0 and math.isclose(listed.median() ** 2, low * high):
            return kinds.FloatDistribution(low, high, log=True)
    raise ValueError(
        f"{path!r} is drawn from {Choice(distribution=listed)!r}, and optuna has nothing like "
        "it. Choose from loguniform, uniform or randint of scipy.stats, or from a list."
    )
