"""Counts, moments and samples of bounded size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skmegatron.layers.explore.columns import Array

#: Resolution of a histogram.
_MOST_CELLS = 2**16


#: Rows looked at in one go, so that no copy of a large batch is made.
_CHUNK = 4096

_COLOR = "#0c7f86"  # that of explorers in the pictures of a graph
_REST = "#b8bfc6"


class _Sample:
    """A uniform sample of rows; all of them as long as there are few.

    How the rows were cut into batches makes no difference.

    Parameters
    ----------
    size : int
        How many rows are kept.

    Attributes
    ----------
    seen : int
        How many rows have come.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"max_rows must be at least 1, got {size}.")
        self.size = size
        self.seen = 0
        self.held: list[list[Array]] = []
        self.random = np.random.default_rng(0)

    def add(self, *arrays: Array) -> None:
        """Take in rows: of each array, those at the same places."""
        room = max(self.size - self.seen, 0)
        if not self.held:
            self.held = [[] for _ in arrays]
        if room:
            for held, array in zip(self.held, arrays, strict=True):
                held.append(np.array(array[:room]))
        late = len(arrays[0]) - room
        if late > 0:  # Vitter's algorithm R: row t replaces a kept one with chance size / t
            times = np.arange(self.seen + room + 1, self.seen + len(arrays[0]) + 1)
            slots = (self.random.random(late) * times).astype(np.int64)
            taken = np.flatnonzero(slots < self.size)
            for place, (kept, array) in enumerate(zip(self.rows(), arrays, strict=True)):
                kept = kept.astype(np.promote_types(kept.dtype, array.dtype), copy=False)
                kept[slots[taken]] = array[room:][taken]
                self.held[place] = [kept]
        self.seen += len(arrays[0])

    def rows(self) -> list[Array]:
        """Give the sampled rows of each array."""
        return [held[0] if len(held) == 1 else np.concatenate(held) for held in self.held]


class _Moments:
    """Count, mean, spread and range of columns, without the missing values."""

    def __init__(self) -> None:
        self.count: Array = np.zeros(0, dtype=np.int64)

    def add(self, rows: Array) -> None:
        if not len(self.count):
            width = rows.shape[1]
            self.count = np.zeros(width, dtype=np.int64)
            self.mean, self.spread = np.zeros(width), np.zeros(width)
            self.low, self.high = np.full(width, np.nan), np.full(width, np.nan)
        with np.errstate(invalid="ignore", over="ignore"):  # infinity minus infinity
            for start in range(0, len(rows), _CHUNK):
                self._add(rows[start : start + _CHUNK].astype(np.float64))

    def _add(self, rows: Array) -> None:
        here = ~np.isnan(rows)
        count = here.sum(axis=0)
        mean = np.where(here, rows, 0).sum(axis=0) / np.maximum(count, 1)
        spread = (np.where(here, rows - mean, 0) ** 2).sum(axis=0)
        delta = mean - self.mean
        share = count / np.maximum(self.count + count, 1)
        self.spread += spread + np.where(count > 0, delta**2 * self.count * share, 0)
        self.mean += np.where(count > 0, delta * share, 0)
        self.count += count
        self.low = np.fmin(self.low, np.fmin.reduce(rows, axis=0))
        self.high = np.fmax(self.high, np.fmax.reduce(rows, axis=0))

    def table(self) -> dict[str, Array]:
        with np.errstate(invalid="ignore"):
            std = np.sqrt(self.spread / np.maximum(self.count - 1, 1))
        return {
            "mean": np.where(self.count > 0, self.mean, np.nan),
            "std": np.where(self.count > 1, std, np.nan),
            "min": self.low,
            "max": self.high,
        }


class _CoMoments:
    """How pairs of columns vary together, each over the rows that have both.

    Entry (i, j) of `mean` and `spread` is about column i where column j is not missing.
    """

    def __init__(self) -> None:
        self.count: Array = np.zeros((0, 0))

    def add(self, rows: Array) -> None:
        if not len(self.count):
            shape = (rows.shape[1],) * 2
            self.count, self.mean = np.zeros(shape), np.zeros(shape)
            self.spread, self.together = np.zeros(shape), np.zeros(shape)
        with np.errstate(invalid="ignore", over="ignore"):  # infinity minus infinity
            for start in range(0, len(rows), _CHUNK):
                self._add(rows[start : start + _CHUNK].astype(np.float64))

    def _add(self, rows: Array) -> None:
        here = ~np.isnan(rows)
        n_columns = rows.shape[1]
        middle = np.where(here, rows, 0).sum(axis=0) / np.maximum(here.sum(axis=0), 1)
        values = np.where(here, rows - middle, 0)
        together = values.T @ values
        count, mean, spread = (
            np.repeat(column[:, None], n_columns, axis=1)
            for column in (here.sum(axis=0), middle, (values**2).sum(axis=0))
        )
        for place in np.flatnonzero(~here.all(axis=0)):
            # Each pair is measured from its own middle, or a distant value in a row that only
            # one of the two has would swamp the differences.
            there = here[:, place]
            present, others, own = here[there], values[there], values[there, place]
            both = present.sum(axis=0)
            some = np.maximum(both, 1)
            shift = others.sum(axis=0) / some
            apart = np.where(present, others - shift, 0)
            count[:, place], mean[:, place] = both, middle + shift
            spread[:, place] = (apart**2).sum(axis=0)
            pairs = own @ apart - (own @ present / some) * apart.sum(axis=0)
            together[:, place] = together[place] = pairs
        delta = np.where(count > 0, mean - self.mean, 0)
        total = np.maximum(self.count + count, 1)
        weight = self.count * count / total
        self.spread += spread + delta**2 * weight
        self.together += together + delta * delta.T * weight
        self.mean += delta * count / total
        self.count += count

    def correlation(self) -> Array:
        # What is left of a constant column is the rounding of its mean.
        rounding = self.count * (8 * np.finfo(np.float64).eps * self.mean) ** 2
        spread = np.where(self.spread > rounding, self.spread, np.nan)
        with np.errstate(invalid="ignore"):
            found: Array = np.clip(self.together / np.sqrt(spread * spread.T), -1, 1)
        np.fill_diagonal(found, np.where(np.isnan(np.diagonal(found)), np.nan, 1))
        return found


class _Words:
    """How often each value comes.

    Parameters
    ----------
    size : int
        Of more different values only the frequent ones are kept, by the summary of Misra
        and Gries (1982).
    missing : Cells or None, default=None
        What was counted while all values were missing.
    """

    def __init__(self, size: int, missing: _Cells | None = None) -> None:
        self.size = size
        self.counts: dict[Any, int] = {}
        self.count = 0
        self.missing = 0 if missing is None else missing.missing
        self.exact = True

    def add(self, column: Array) -> None:
        for value, times in pd.Series(column).value_counts(sort=False).items():
            self.counts[value] = self.counts.get(value, 0) + times
            self.count += times
            self.missing -= times
        self.missing += len(column)
        if len(self.counts) > self.size:
            self.exact = False
            off = sorted(self.counts.values(), reverse=True)[self.size]
            self.counts = {word: n - off for word, n in self.counts.items() if n > off}

    def most_frequent(self, n: int) -> list[tuple[Any, int]]:
        """List values and counts; of equal ones, what came first comes first."""
        return sorted(self.counts.items(), key=lambda item: -item[1])[:n]

    def draw(self, axes: Any, n_bars: int) -> None:
        shown = [(str(word), n) for word, n in self.most_frequent(n_bars)]
        rest = self.count - sum(n for _, n in shown)
        colors = [_COLOR] * len(shown) + [_REST] * bool(rest)
        shown += [("other", rest)] * bool(rest)
        places = range(len(shown))
        axes.bar(places, [n for _, n in shown], color=colors)
        upright = sum(len(word) for word, _ in shown) <= 24
        ticks = {} if upright else {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        short = [_literal(word if len(word) <= 16 else word[:15] + "…") for word, _ in shown]
        axes.set_xticks(places, short, **ticks)


class _Cells:
    """Counts in fine cells.

    Cell i holds the values from ``i * 2**exponent`` up to the next. The exponent is the
    smallest for which the range needs no more than 65,536 cells, so it is told by the range
    alone, and cells are made coarser by adding up neighbours.
    """

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf
        self.exponent, self.first = 0, 0
        self.whole = True
        self.counts: Array = np.zeros(0, dtype=np.int64)
        self.missing = 0

    def add(self, column: Array) -> None:
        values = column[np.isfinite(column)].astype(np.float64)
        self.missing += len(column) - len(values)
        if not len(values):
            return
        self.whole = self.whole and bool((values == np.rint(values)).all())
        low, high = min(self.low, values.min()), max(self.high, values.max())
        if (low, high) != (self.low, self.high):
            self._stretch(low, high)
        np.add.at(self.counts, _cell(values, self.exponent) - self.first, 1)

    def _stretch(self, low: float, high: float) -> None:
        before, places = self.exponent, self.first + np.arange(len(self.counts))
        self.low, self.high, self.exponent = low, high, _exponent(low, high)
        self.first, last = (int(end) for end in _cell(np.array([low, high]), self.exponent))
        counts = np.zeros(last - self.first + 1, dtype=np.int64)
        # The shift of an index is the index of the coarser cell, below zero as well.
        coarser = places >> min(self.exponent - before, 62) if len(places) else places
        np.add.at(counts, coarser - self.first, self.counts)
        self.counts = counts

    def bins(self, n_bins: int) -> tuple[Array, Array]:
        """Give the edges of equally wide bins, and the exact counts between them."""
        if not len(self.counts):
            return np.array([0.0, 1.0]), np.array([0])
        low, high = np.ldexp([self.low, self.high], -self.exponent)  # in cells
        if self.whole and self.exponent < 0:
            # As many whole numbers in each bin, or their bars would be a comb.
            one = 2.0**-self.exponent
            width = np.ceil(((high - low) / one + 1) / n_bins)
            n_bins = int(np.ceil(((high - low) / one + 1) / width))
            cuts = low - one / 2 + width * one * np.arange(n_bins + 1)
        elif high > low:
            cuts = np.linspace(low, high, n_bins + 1)
            cuts[[0, -1]] = self.first, self.first + len(self.counts)
        else:
            half = max(0.5, abs(self.low) / 2**50)  # or it would vanish beside the value
            return np.array([self.low - half, self.low + half]), self.counts
        cuts = np.rint(cuts)
        below = np.concatenate([[0], np.cumsum(self.counts)])
        places = np.clip(cuts - self.first, 0, len(self.counts)).astype(np.int64)
        return np.ldexp(cuts, self.exponent), np.diff(below[places])

    def draw(self, axes: Any, n_bins: int) -> None:
        edges, counts = self.bins(n_bins)
        style = {"color": _COLOR, "edgecolor": "white", "linewidth": 0.5}
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", **style)


def _exponent(low: float, high: float) -> int:
    # Below this, cells would be finer than the numbers themselves.
    exponent = int(np.frexp(max(abs(low), abs(high)))[1]) - 52
    half_range = high / 2 - low / 2  # the range itself may overflow
    if half_range > 0:
        exponent = max(exponent, int(np.frexp(half_range / _MOST_CELLS)[1]) - 1)
    while np.diff(_cell(np.array([low, high]), exponent))[0] >= _MOST_CELLS:
        exponent += 1
    return exponent


def _cell(values: Array, exponent: int) -> Array:
    scaled = np.ldexp(values, -exponent)
    # A tiny number below zero may become zero, but its cell stays the one below.
    return np.where((scaled == 0) & (values < 0), -1, np.floor(scaled)).astype(np.int64)


def _literal(label: Any) -> str:
    """Keep matplotlib from reading what stands between two dollars as a formula."""
    return str(label).replace("$", r"\$")
