"""The explorers themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skmegatron.errors import NodeTypeError
from skmegatron.layers.explore.summaries import (
    _Bars,
    _Description,
    _Pearson,
    _Points,
    _RankCorrelation,
)
from skmegatron.layers.metrics import Measurement, Metric, NodeNames
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import ExploreNode


class Explorer(Metric):
    """Attach a function that looks at the values of nodes.

    Called by ``pipeline.explore``, and by nothing else.

    Parameters
    ----------
    metric_fn : callable
        Takes one array per node, and the keyword arguments.
    **kwargs
        Keyword arguments for `metric_fn`.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> x = sm.Input("x")
    >>> look = sm.layers.Explorer(np.max)(x, "largest")
    >>> sm.Pipeline(x, x * 2, explorers=look).explore([1.0, 5.0])
    {'largest': np.float64(5.0)}
    """

    _node_type = ExploreNode


class OnePassExplorer(Measurement):
    """Base of the explorers that keep a summary of bounded size.

    A subclass defines `start`, which gives a `Summary`.

    Examples
    --------
    >>> from skmegatron.layers.explore import Correlate, OnePassExplorer
    >>> correlate = Correlate()
    >>> isinstance(correlate, OnePassExplorer)
    True
    >>> names = [("age", None), ("size", None)]
    >>> state = correlate.update(correlate.start(names), [31, 45], [1.6, 1.8])
    >>> correlate.finish(correlate.update(state, [27], [1.5])).round(2)
           age  size
    age   1.00  0.99
    size  0.99  1.00
    """

    takes_names = True
    _node_type = ExploreNode
    #: What the call may give by keyword.
    _takes: tuple[str, ...] = ()

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        for key in fit_only:
            if key not in self._takes:
                takes = f"nodes, and {', '.join(self._takes)}=" if self._takes else "nodes only"
                raise NodeTypeError(f"{type(self).__name__} is called on {takes}, got {key}=.")
        return super()._draw(inbound, fit_only, name)

    def evaluate(self, *arrays: Any, names: NodeNames = None, **named: Any) -> Any:
        """Look at whole arrays.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            One for each node of the call.
        names : sequence of (str, sequence of str or None), default=None
            Name of each node, and of its columns. None numbers the columns: x0, x1, ...
        **named : array-like of shape (n_rows,)
            One for each node given by keyword.

        Returns
        -------
        DataFrame or Figure
        """
        return self.finish(self.update(self.start(names), *arrays, **named))

    def update(self, state: Any, *arrays: Any, **named: Any) -> Any:
        """Add a batch to the summary.

        Parameters
        ----------
        state : Summary
            From `start` or `update`; not to be used again.
        *arrays : array-like of shape (n_rows, ...)
        **named : array-like of shape (n_rows,)

        Returns
        -------
        Summary

        Raises
        ------
        ShapeError
            If the columns are not those of the batches before.
        ValueError
            If a column held numbers before, and holds text now, or the reverse.
        """
        state.add(*arrays, **named)
        return state

    def finish(self, state: Any) -> Any:
        """Make a table or a figure of the summary.

        Parameters
        ----------
        state : Summary

        Returns
        -------
        DataFrame or Figure

        Raises
        ------
        ValueError
            If no batch came.
        """
        if state.columns.labels is None:
            raise ValueError(f"{self!r} has nothing to look at: no batch came.")
        return state.result()


class Describe(OnePassExplorer):
    """Describe the columns of nodes in a table.

    Arrays of any shape are laid out as columns, one per value of an observation; sparse
    matrices are made dense. The table has one row per column:

    - for numbers (and booleans, as 0 and 1) their count, how many are missing, mean,
      standard deviation, minimum, quartiles and maximum;
    - for text and everything else the count, how many are missing, how many different
      values there are, the most frequent one and how often it comes.

    Parameters
    ----------
    max_rows : int, default=100_000
        How much is kept for what needs the values themselves. Up to this many rows the
        quartiles are exact; of more, a uniform random sample of this size serves, drawn
        with a fixed seed. Up to this many different values of a text column ``unique``,
        ``top`` and ``freq`` are exact; beyond, ``unique`` is missing, and ``freq`` is a
        lower bound that is too low by no more than ``n_rows / max_rows``.

    Notes
    -----
    Everything else is exact for any number of rows. Moments are combined with the update of
    Chan, Golub and LeVeque (1979), frequent values by the summary of Misra and Gries (1982).
    The standard deviation is that of a sample (``ddof=1``), as in pandas.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> age = sm.Input("age")
    >>> look = sm.layers.Describe()(age)
    >>> found = sm.Pipeline(age, age * 2, explorers=look).explore([20.0, 30.0, np.nan])
    >>> found["describe"].iloc[0].round(2).to_dict()
    {'count': 2.0, 'missing': 1.0, 'mean': 25.0, 'std': 7.07, 'min': 20.0, '25%': 22.5,
     '50%': 25.0, '75%': 27.5, 'max': 30.0}
    """

    def __init__(self, max_rows: int = 100_000) -> None:
        self.max_rows = max_rows

    def start(self, names: NodeNames = None) -> Any:  # noqa: D102 - documented on Measurement
        return _Description(names, self.max_rows)


class Correlate(OnePassExplorer):
    """Tell how the columns of nodes go together.

    Columns that hold no numbers are left out. Where a value is missing, a pair of columns
    is compared over the rows that have both.

    Parameters
    ----------
    method : {"pearson", "spearman", "kendall"}, default="pearson"
        As in ``pandas.DataFrame.corr``.
    max_rows : int, default=100_000
        For the methods that compare ranks: of more rows, a uniform random sample of this
        size serves, drawn with a fixed seed.

    Notes
    -----
    Gives a table with a row and a column per column; missing where one does not vary.
    Pearson's coefficient is exact for any number of rows: co-moments are combined with the
    update of Chan, Golub and LeVeque (1979).

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> x = sm.Input("x", shape=(2,))
    >>> look = sm.layers.Correlate()(x)
    >>> found = sm.Pipeline(x, x * 2, explorers=look).explore([[1, 6], [2, 4], [3, 2]])
    >>> found["correlate"].to_numpy().round(9)
    array([[ 1., -1.],
           [-1.,  1.]])
    """

    def __init__(self, method: str = "pearson", max_rows: int = 100_000) -> None:
        self.method = method
        self.max_rows = max_rows

    def start(self, names: NodeNames = None) -> Any:
        """Make the state of one measurement.

        Parameters
        ----------
        names : sequence of (str, sequence of str or None), default=None

        Returns
        -------
        Summary

        Raises
        ------
        ValueError
            If there is no such method.
        """
        if self.method == "pearson":
            return _Pearson(names)
        if self.method in ("spearman", "kendall"):
            return _RankCorrelation(names, self.method, self.max_rows)
        raise ValueError(
            f"Correlate takes method='pearson', 'spearman' or 'kendall', got {self.method!r}."
        )


class Histogram(OnePassExplorer):
    """Draw how the values of each column are distributed.

    One panel per column. Images and whatever has further axes get one panel with all their
    values; a column of text shows its most frequent values.

    Parameters
    ----------
    bins : int, default=10
        Number of bins between the smallest and the largest value, at most, and of bars for
        text.
    max_panels : int, default=16
        Of more columns, only the first ones are drawn, and the figure says so.

    Notes
    -----
    Values are counted in up to 65,536 fine cells, whose width is a power of two that
    doubles as the range grows. Bins are made of whole cells: their counts are exact, and
    do not depend on how the rows were cut into batches; their edges are off by at most one
    cell, less than what one can see. Where all values are whole numbers, there is the same
    number of them in each bin. Values that are missing or infinite are not drawn.

    Needs matplotlib (``pip install "skmegatron[viz]"``). The figure does not belong to
    ``pyplot``: write ``figure.savefig("x.png")``, or ``display(figure)`` in a notebook.

    Examples
    --------
    >>> import skmegatron as sm
    >>> age = sm.Input("age")
    >>> look = sm.layers.Histogram(bins=3)(age, "ages")
    >>> found = sm.Pipeline(age, age * 2, explorers=look).explore([20, 21, 25, 50])
    >>> [int(bar.get_height()) for bar in found["ages"].axes[0].patches]
    [3, 0, 1]
    """

    def __init__(self, bins: int = 10, max_panels: int = 16) -> None:
        self.bins = bins
        self.max_panels = max_panels

    def start(self, names: NodeNames = None) -> Any:  # noqa: D102 - documented on Measurement
        return _Bars(names, self.bins, self.max_panels)


class Scatter(OnePassExplorer):
    """Draw two columns against each other.

    Called on two nodes, or on one with two columns. ``Scatter()(x, y, color=label)`` colours
    the points by a third.

    Parameters
    ----------
    max_rows : int, default=10_000
        Of more rows, a uniform random sample of this size is drawn, with a fixed seed, and
        the figure says so.

    Notes
    -----
    Colours are those of classes where `color` holds text, or at most ten different whole
    numbers; else they are a scale.

    Needs matplotlib (``pip install "skmegatron[viz]"``). The figure does not belong to
    ``pyplot``: write ``figure.savefig("x.png")``, or ``display(figure)`` in a notebook.

    Examples
    --------
    >>> import skmegatron as sm
    >>> height, width = sm.Input("height"), sm.Input("width")
    >>> sm.layers.Scatter()(height, width, "sizes")
    <ExploreNode 'sizes': Scatter of 'height', 'width'>
    """

    _takes = ("color",)

    def __init__(self, max_rows: int = 10_000) -> None:
        self.max_rows = max_rows

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        if len(inbound) > 2:
            raise NodeTypeError(
                f"Scatter is called on two nodes or one with two columns, got {len(inbound)} "
                "nodes. Write Scatter()(x, y, color=label) to colour the points."
            )
        return super()._draw(inbound, fit_only, name)

    def start(self, names: NodeNames = None) -> Any:  # noqa: D102 - documented on Measurement
        return _Points(names, self.max_rows)
