"""What an explorer knows of the rows it has seen, and the table or figure of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skmegatron.errors import ShapeError
from skmegatron.layers.explore.columns import Array, _Columns
from skmegatron.layers.explore.tallies import (
    _COLOR,
    _MOST_CELLS,
    _REST,
    _Cells,
    _CoMoments,
    _literal,
    _Moments,
    _Sample,
    _Words,
)
from skmegatron.layers.metrics import NodeNames
from skmegatron.optional import optional

#: Classes that get a colour of their own.
_MOST_COLORS = 10


class Summary:
    """What one look has seen so far: the state of a `OnePassExplorer`.

    Parameters
    ----------
    names : sequence of (str, sequence of str or None) or None
        Name of each node, and of its columns.
    pooled : bool, default=False
        Whether an observation with several axes is one column of all its values.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers.explore import Summary
    >>> class Rows(Summary):
    ...     n = 0
    ...     def add(self, X):
    ...         self.n += len(X)
    ...     def result(self):
    ...         return self.n
    >>> rows = Rows([("age", None)])
    >>> rows.add(np.array([31, 45]))
    >>> rows.result()
    2
    """

    def __init__(self, names: NodeNames, *, pooled: bool = False) -> None:
        self.columns = _Columns(names, pooled=pooled)

    def add(self, *arrays: Any, **named: Any) -> None:
        """Take in a batch.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **named : array-like of shape (n_rows,)

        Raises
        ------
        NotImplementedError
            If the class does not define it.

        Examples
        --------
        >>> from skmegatron.layers import Correlate
        >>> summary = Correlate().start([("age", None), ("size", None)])
        >>> summary.add([31, 45, 27], [1.6, 1.8, 1.7])
        >>> summary.result().shape
        (2, 2)
        """
        raise NotImplementedError(f"{type(self).__name__} must define add(self, *arrays).")

    def result(self) -> Any:
        """Make the table or the figure.

        Returns
        -------
        DataFrame or Figure

        Raises
        ------
        NotImplementedError
            If the class does not define it.

        Examples
        --------
        >>> from skmegatron.layers import Describe
        >>> summary = Describe().start([("age", None)])
        >>> summary.add([31, 45])
        >>> summary.result()["max"].tolist()
        [45.0]
        """
        raise NotImplementedError(f"{type(self).__name__} must define result(self).")


class _Description(Summary):
    def __init__(self, names: NodeNames, max_rows: int) -> None:
        super().__init__(names)
        self.max_rows = max_rows
        self.n_rows = 0
        self.moments = _Moments()
        self.sample = _Sample(max_rows)
        self.words: dict[int, _Words] = {}

    def add(self, *arrays: Any, **named: Any) -> None:
        numbers, texts = self.columns.read(arrays)
        self.n_rows += len(numbers)
        self.moments.add(numbers)
        self.sample.add(numbers)
        for place, column in texts.items():
            self.words.setdefault(place, _Words(self.max_rows)).add(column)

    def result(self) -> Any:
        labels = self.columns.labels
        count = self.moments.count.copy()
        for place, words in self.words.items():
            count[place] = words.count
        table = {"count": count, "missing": self.n_rows - count}
        if len(self.words) < len(labels):
            table |= self.moments.table() | self._quartiles()
            table["max"] = table.pop("max")  # behind the quartiles
        if self.words:
            rows = [self._words_row(place) for place in range(len(labels))]
            unique, top, freq = zip(*rows, strict=True)
            table["unique"] = pd.array(unique, dtype="Int64")
            table["top"] = np.array([*top, None], dtype=object)[:-1]
            table["freq"] = pd.array(freq, dtype="Int64")
        return pd.DataFrame(table, index=labels)

    def _quartiles(self) -> dict[str, Array]:
        (rows,) = self.sample.rows()
        found = np.full((3, rows.shape[1]), np.nan)
        with np.errstate(invalid="ignore"):  # infinity minus infinity
            for place, column in enumerate(rows.T):
                values = column[~np.isnan(column)]
                if values.size:
                    found[:, place] = np.quantile(values, [0.25, 0.5, 0.75])
        return dict(zip(("25%", "50%", "75%"), found, strict=True))

    def _words_row(self, place: int) -> tuple[int | None, Any, int | None]:
        words = self.words.get(place)
        if words is None or not words.counts:
            return (None if words is None else 0), None, None
        ((top, freq),) = words.most_frequent(1)
        return (len(words.counts) if words.exact else None), top, freq


class _Pearson(Summary):
    def __init__(self, names: NodeNames) -> None:
        super().__init__(names)
        self.moments = _CoMoments()

    def add(self, *arrays: Any, **named: Any) -> None:
        self.moments.add(self.columns.read(arrays)[0])

    def result(self) -> Any:
        return _square(self.columns, self.moments.correlation())


class _RankCorrelation(Summary):
    def __init__(self, names: NodeNames, method: str, max_rows: int) -> None:
        super().__init__(names)
        self.method = method
        self.sample = _Sample(max_rows)

    def add(self, *arrays: Any, **named: Any) -> None:
        self.sample.add(self.columns.read(arrays)[0])

    def result(self) -> Any:
        rows = pd.DataFrame(self.sample.rows()[0])
        found = rows.corr(method=self.method)
        constant = np.diag((rows.nunique() < 2).to_numpy())  # 1 by Kendall in pandas
        return _square(self.columns, found.mask(constant).to_numpy())


def _square(columns: _Columns, values: Array) -> Any:
    places = [place for place in range(len(values)) if place not in columns.texts]
    if not places:
        held = ", ".join(columns.labels) or "the nodes"
        raise ValueError(f"Correlate compares numbers, and {held} hold none.")
    labels = columns.labels[places]
    return pd.DataFrame(values[np.ix_(places, places)], index=labels, columns=labels)


class _Bars(Summary):
    def __init__(self, names: NodeNames, bins: int, max_panels: int) -> None:
        super().__init__(names, pooled=True)
        if min(bins, max_panels) < 1:
            raise ValueError(f"bins={bins} and max_panels={max_panels} must be at least 1.")
        self.figure = _figure_class("Histogram")  # before a long stream, not after
        self.n_bins = bins
        self.max_panels = max_panels
        self.panels: dict[int, _Words | _Cells] = {}

    def add(self, *arrays: Any, **named: Any) -> None:
        first = 0
        for whole in self.columns.blocks(arrays):
            block = whole[:, : self.max_panels - first]
            numbers, texts = self.columns.split(block, first)
            for place in range(first, first + block.shape[1]):
                column = numbers[:, place - first]
                if place in self.columns.texts:
                    # What came so far, if anything, was missing.
                    words = self.panels.get(place)
                    if not isinstance(words, _Words):
                        words = self.panels[place] = _Words(_MOST_CELLS, missing=words)
                    words.add(texts.get(place, column))
                else:
                    self.panels.setdefault(place, _Cells()).add(column)
            first += block.shape[1]

    def result(self) -> Any:
        labels = self.columns.labels
        across = max(int(np.ceil(np.sqrt(len(self.panels)))), 1)
        down = -(-len(self.panels) // across)
        figure = self.figure(figsize=(3.2 * across + 0.8, 2.6 * down + 0.6), layout="constrained")
        for place, panel in self.panels.items():
            axes = figure.add_subplot(down, across, place + 1)
            panel.draw(axes, self.n_bins)
            note = f"\n{panel.missing:,} missing" if panel.missing else ""
            axes.set_title(_literal(labels[place]) + note, fontsize="medium")
            if place % across == 0:
                axes.set_ylabel("count")
        if len(self.panels) < len(labels):
            figure.suptitle(f"first {len(self.panels)} of {len(labels):,} columns")
        return figure


class _Points(Summary):
    def __init__(self, names: NodeNames, max_rows: int) -> None:
        super().__init__(names)
        self.figure = _figure_class("Scatter")
        self.sample = _Sample(max_rows)
        self.color_name: str | None = None

    def add(self, *arrays: Any, **named: Any) -> None:
        numbers, texts = self.columns.read(arrays)
        if numbers.shape[1] != 2:
            raise ShapeError(
                f"Scatter draws two columns, got {numbers.shape[1]}. Take two of them, as in "
                "Lambda(lambda x: x[:, :2])(node); Correlate takes any number."
            )
        for place, column in texts.items():
            raise ValueError(
                f"Scatter draws numbers, and {self.columns.labels[place]!r} holds {column[0]!r}. "
                "Text can be the colour: Scatter()(x, y, color=node)."
            )
        colors = [_Columns(None).read([color]) for color in named.values()]
        if any(values.shape != (len(numbers), 1) for values, _ in colors):
            raise ShapeError(
                f"color takes one value per row, shape ({len(numbers)},), got "
                f"{np.shape(named['color'])}."
            )
        if self.columns.names is not None and len(self.columns.names) > len(arrays):
            self.color_name = self.columns.names[-1][0]
        self.sample.add(numbers, *(text.get(0, values.ravel()) for values, text in colors))

    def result(self) -> Any:
        points, *colors = self.sample.rows()
        figure = self.figure(figsize=(5.8 if colors else 4.8, 4.2), layout="constrained")
        axes = figure.add_subplot()
        # Many points make a cloud, whose darkness tells how dense it is.
        few, some = len(points) <= 500, len(points) <= 3000
        size, alpha = (24, 0.8) if few else (14, 0.65) if some else (8, 0.4)
        style = {"s": size, "alpha": alpha, "linewidths": 0}
        if colors:
            self._draw_colored(figure, axes, points, colors[0], style)
        else:
            axes.scatter(*points.T, color=_COLOR, **style)
        axes.set_xlabel(_literal(self.columns.labels[0]))
        axes.set_ylabel(_literal(self.columns.labels[1]))
        if self.sample.seen > len(points):
            note = f"{len(points):,} of {self.sample.seen:,} rows, drawn at random"
            axes.set_title(note, fontsize="medium")
        return figure

    def _draw_colored(
        self, figure: Any, axes: Any, points: Array, values: Array, style: dict[str, Any]
    ) -> None:
        words = _Words(len(values) + 1)
        words.add(values)
        numeric = values.dtype != object
        whole = numeric and all(float(word).is_integer() for word in words.counts)
        if numeric and not (whole and len(words.counts) <= _MOST_COLORS):
            drawn = axes.scatter(*points.T, c=values, plotnonfinite=True, cmap="viridis", **style)
            drawn.set_cmap(drawn.cmap.with_extremes(bad=_REST))
            bar = figure.colorbar(drawn, ax=axes, label=_literal(self.color_name or ""))
            bar.solids.set_alpha(1)
            return
        many = len(words.counts) > _MOST_COLORS
        shown = [word for word, _ in words.most_frequent(_MOST_COLORS - many)]
        rest = np.ones(len(values), dtype=bool)
        entries = {}
        for place, word in enumerate(sorted(shown, key=None if numeric else str)):
            rows = np.asarray(values == word, dtype=bool)
            rest &= ~rows
            label = f"{word:g}" if numeric else _literal(word)
            entries[label] = axes.scatter(*points[rows].T, color=f"C{place}", **style)
        if rest.any():
            label = " or ".join(["other"] * many + ["missing"] * bool(words.missing))
            entries[label] = axes.scatter(*points[rest].T, color=_REST, zorder=0.5, **style)
        title = _literal(self.color_name or "")
        legend = figure.legend(
            entries.values(), entries.keys(), title=title, loc="outside right upper", frameon=False
        )
        for handle in legend.legend_handles:
            handle.set(alpha=1, sizes=[30])


def _figure_class(purpose: str) -> Any:
    return optional("matplotlib.figure", extra="viz", purpose=purpose).Figure
