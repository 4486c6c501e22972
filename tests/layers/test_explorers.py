"""Describe, Correlate, Histogram and Scatter against pandas and numpy."""

import pickle
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

import skmegatron as sm
from skmegatron.errors import MissingDependencyError, MissingInputError, NodeTypeError, ShapeError
from skmegatron.layers.explore import (
    Correlate,
    Describe,
    Explorer,
    Histogram,
    OnePassExplorer,
    Scatter,
    Summary,
)
from skmegatron.layers.numeric import Whiten
from skmegatron.nodes.core import ExploreNode

few = settings(max_examples=30)
rng = np.random.default_rng(0)

EXPLORERS = [Describe(max_rows=50), Correlate("spearman", 40), Histogram(bins=4), Scatter(20)]
every_explorer = pytest.mark.parametrize("explorer", EXPLORERS, ids=repr)

values = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan), st.integers(-3, 3).map(float))
tables = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=30).flatmap(
    lambda shape: hnp.arrays(np.float64, (shape[0], min(shape[1], 4)), elements=values)
)
cuts = st.lists(st.integers(0, 30), max_size=4).map(sorted)
words = st.lists(st.sampled_from(["ant", "bee", "cat", None]), min_size=1, max_size=30)


def in_batches(explorer, cuts, *arrays, names=None, **named):
    state = explorer.start(names)
    n_rows = len(arrays[0])
    for start, stop in pairwise([0, *(min(cut, n_rows) for cut in cuts), n_rows]):
        batch = {key: array[start:stop] for key, array in named.items()}
        state = explorer.update(state, *(array[start:stop] for array in arrays), **batch)
    return explorer.finish(state)


def bars(figure):
    """Give the edges and heights of each panel."""
    panels = []
    for axes in figure.axes:
        boxes = axes.patches
        edges = [box.get_x() for box in boxes] + [boxes[-1].get_x() + boxes[-1].get_width()]
        panels.append((np.array(edges), np.array([box.get_height() for box in boxes])))
    return panels


def points(figure):
    """Give the points of each colour."""
    return [np.asarray(drawn.get_offsets()) for drawn in figure.axes[0].collections]


# Describe


@few
@given(table=tables)
def test_describe_agrees_with_pandas_on_numbers(table):
    found = Describe().evaluate(table)

    expected = pd.DataFrame(table).describe().T
    columns = ["count", "mean", "std", "min", "25%", "50%", "75%", "max"]
    assert list(found.columns) == ["count", "missing", *columns[1:]]
    assert_allclose(found[columns], expected[columns], rtol=1e-9, atol=1e-6)
    assert_array_equal(found["missing"], np.isnan(table).sum(axis=0))


@few
@given(column=words)
def test_describe_agrees_with_pandas_on_text(column):
    found = Describe().evaluate(np.array(column, dtype=object)).iloc[0]

    known = [word for word in column if word is not None]
    assert found["count"] == len(known)
    assert found["missing"] == len(column) - len(known)
    if known:
        assert found["unique"] == len(set(known))
        assert found["freq"] == max(map(known.count, known))
        assert found["top"] == max(dict.fromkeys(known), key=known.count)


@few
@given(table=tables, cuts=cuts)
def test_describe_of_batches_is_that_of_all_rows(table, cuts):
    whole, batched = Describe().evaluate(table), in_batches(Describe(), cuts, table)

    pd.testing.assert_frame_equal(batched, whole, rtol=1e-9, atol=1e-6)


@few
@given(column=words, cuts=cuts)
def test_text_of_batches_is_that_of_all_rows(column, cuts):
    column = np.array(column, dtype=object)
    numbers = np.arange(len(column))

    pd.testing.assert_frame_equal(
        in_batches(Describe(), cuts, column, numbers), Describe().evaluate(column, numbers)
    )


def test_describe_lays_any_shape_out_as_columns():
    images = rng.random((5, 2, 3))

    found = Describe().evaluate(images, np.arange(5))

    assert list(found.index) == ["x0", "x1", "x2", "x3", "x4", "x5", "x6"]
    assert_allclose(found["mean"], [*images.mean(axis=0).ravel(), 2])


@pytest.mark.parametrize(
    "kind", [np.asarray, sparse.csr_array, sparse.csc_matrix, pd.DataFrame, pl.DataFrame, list]
)
def test_describe_takes_every_container(kind):
    table = np.array([[0.0, 2.0], [4.0, 0.0], [0.0, 0.0]])

    assert_allclose(Describe().evaluate(kind(table))["mean"], [4 / 3, 2 / 3])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint64, bool, object])
def test_describe_takes_every_kind_of_number(dtype):
    found = Describe().evaluate(np.array([0, 1, 1, 1], dtype=dtype))

    assert found.loc["x0", ["count", "mean", "max"]].tolist() == [4, 0.75, 1]


def test_dates_are_counted_as_dates_in_every_unit():
    for unit in ("D", "ns"):
        dates = np.array(["2020-01-02", "2020-01-02", "NaT"], dtype=f"M8[{unit}]")

        found = Describe().evaluate(dates).iloc[0]

        assert found["missing"] == 1
        assert pd.Timestamp(found["top"]) == pd.Timestamp("2020-01-02")


def test_decimals_are_numbers():
    found = Describe().evaluate(np.array([Decimal("1.5"), None, Decimal("2.5")])).iloc[0]

    assert found["mean"] == 2


def test_nodes_without_columns_are_described_by_no_rows():
    assert Describe().evaluate(np.zeros((3, 0))).empty
    assert not Histogram().evaluate(np.zeros((3, 0))).axes


def test_describe_keeps_apart_the_columns_of_a_frame():
    frame = pd.DataFrame(
        {
            "age": [20, 30, 40],
            "city": ["Rome", "Oslo", "Rome"],
            "weight": [60.5, None, 80.5],
            "seen": pd.to_datetime(["2020-01-01", "2020-01-01", "2021-05-05"]),
        }
    )

    found = Describe().evaluate(frame)

    assert list(found.index) == list(frame.columns)
    assert list(found.columns) == [
        "count", "missing", "mean", "std", "min", "25%", "50%", "75%", "max",
        "unique", "top", "freq",
    ]  # fmt: skip
    assert found.loc["age", "mean"] == 30
    assert found.loc["city", ["count", "unique", "top", "freq"]].tolist() == [3, 2, "Rome", 2]
    assert found.loc["weight", ["count", "missing", "mean"]].tolist() == [2, 1, 70.5]
    assert found.loc["seen", ["unique", "top"]].tolist() == [2, datetime(2020, 1, 1)]
    assert pd.isna(found.loc["city", "mean"])
    assert pd.isna(found.loc["age", "unique"])


def test_numbers_inside_a_table_of_objects_are_numbers():
    table = np.array([["a", 1], ["b", None], ["a", 3.5]], dtype=object)

    found = Describe().evaluate(table)

    assert found.loc["x1", ["count", "missing", "mean"]].tolist() == [2, 1, 2.25]
    assert found.loc["x0", "top"] == "a"


def test_a_column_without_any_value_is_all_missing():
    found = Describe().evaluate(np.full(3, np.nan), np.full(3, None), np.array(["a", "b", "b"]))

    assert found["count"].tolist() == [0, 0, 3]
    assert found["missing"].tolist() == [3, 3, 0]
    assert found["min"].isna().all()


def test_text_after_a_batch_of_missing_values_is_text():
    found = in_batches(Describe(), [2], np.array([None, None, "a", "a"], dtype=object))

    assert found.loc["x0", ["count", "missing", "top", "freq"]].tolist() == [2, 2, "a", 2]


@pytest.mark.parametrize("explorer", [Describe(), Histogram()], ids=repr)
def test_a_column_that_turns_from_numbers_to_text_is_told(explorer):
    state = explorer.update(explorer.start([("zip", None)]), np.array([12345, 54321]))

    with pytest.raises(ValueError, match="'zip' holds numbers in some batches and text in others"):
        explorer.update(state, np.array(["K1A 0B1"]))


def test_infinite_values_are_counted_and_warn_of_nothing():
    found = Describe().evaluate(np.array([1.0, np.inf, -np.inf, 2.0])).iloc[0]

    assert found[["count", "min", "max"]].tolist() == [4, -np.inf, np.inf]
    assert np.isnan(found["mean"])


def test_no_rows_make_an_empty_description():
    found = Describe().evaluate(np.zeros((0, 2)))

    assert found["count"].tolist() == [0, 0]
    assert found["mean"].isna().all()


def test_a_large_offset_does_not_swamp_the_spread():
    column = 1e9 + rng.normal(size=20_000)

    found = in_batches(Describe(), [7, 9000], column).iloc[0]

    assert found["std"] == pytest.approx(np.std(column - 1e9, ddof=1), rel=1e-6)


def test_quartiles_of_many_rows_come_from_a_sample_that_cuts_do_not_change():
    column = rng.permutation(50_000).astype(float)

    whole = Describe(max_rows=5000).evaluate(column)
    batched = in_batches(Describe(max_rows=5000), [3000, 5000, 5001, 20_000], column)

    assert_allclose(whole[["25%", "50%", "75%"]], [[12_500, 25_000, 37_500]], atol=1000)
    assert_array_equal(whole[["25%", "50%", "75%"]], batched[["25%", "50%", "75%"]])
    assert whole.loc["x0", ["min", "max"]].tolist() == [0, 49_999]


def test_every_row_is_as_likely_to_be_in_the_sample():
    state = Scatter(max_rows=2000).start()
    for start in range(0, 20_000, 500):
        rows = np.arange(start, start + 500)
        state = Scatter().update(state, rows, rows)

    drawn = state.sample.rows()[0][:, 0]

    assert len(set(drawn)) == 2000
    tenths = np.histogram(drawn, 10, (0, 20_000))[0]
    assert np.abs(tenths - 200).max() < 60  # 4.5 standard deviations


def test_frequent_words_are_found_among_endless_rare_ones():
    state = Describe(max_rows=100).start()
    for batch in range(20):
        rare = [f"{batch}-{row}" for row in range(90)]
        state = Describe().update(state, np.array(["often"] * 10 + rare, dtype=object))

    found = Describe().finish(state).iloc[0]

    assert found["count"] == 2000
    assert found["top"] == "often"
    assert 200 - 2000 / 100 <= found["freq"] <= 200
    assert pd.isna(found["unique"])


# Correlate


@few
@given(table=tables)
@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
def test_correlate_agrees_with_pandas(method, table):
    table = np.round(table, 3)

    found = Correlate(method).evaluate(table).to_numpy()

    with np.errstate(all="ignore"):
        expected = pd.DataFrame(table).corr(method=method).to_numpy(copy=True)
    # Pandas may give what rounding leaves of a constant column.
    constant = [len(np.unique(column[~np.isnan(column)])) < 2 for column in table.T]
    expected[constant] = expected[:, constant] = np.nan
    both = ~(np.isnan(found) | np.isnan(expected))
    assert_allclose(found[both], expected[both], atol=1e-6)
    if not np.isnan(table).any():
        assert_array_equal(np.isnan(found), np.isnan(expected))


@few
@given(table=tables, cuts=cuts)
@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_correlate_of_batches_is_that_of_all_rows(method, table, cuts):
    table = np.round(table, 3)

    whole = Correlate(method).evaluate(table)

    batched = in_batches(Correlate(method), cuts, table)
    pd.testing.assert_frame_equal(batched, whole, atol=1e-6)


def test_correlate_compares_the_columns_of_several_nodes_and_leaves_text_out():
    frame = pd.DataFrame({"a": [1.0, 2, 3], "city": ["x", "y", "x"], "b": [3.0, 2, 2]})
    other = np.array([1, 0, 1])

    found = Correlate().evaluate(frame, other)

    expected = frame.drop(columns="city").assign(x3=other).corr()
    pd.testing.assert_frame_equal(found, expected, check_names=False)


def test_a_pair_is_compared_over_the_rows_that_have_both():
    table = rng.normal(size=(9000, 3))
    table[rng.random(table.shape) < 0.3] = np.nan

    found = in_batches(Correlate(), [10, 5000], table + 1e6)

    assert_allclose(found, pd.DataFrame(table).corr(), atol=1e-8)


def test_a_distant_value_outside_a_pair_does_not_disturb_it():
    table = rng.normal(size=(50, 3))
    table[7] = [1e9, np.nan, 0]
    table[8] = [np.nan, 1e9, 0]

    found = Correlate().evaluate(table)

    rows = np.delete(table, [7, 8], axis=0)
    assert found.iloc[0, 1] == pytest.approx(np.corrcoef(rows.T)[0, 1], rel=1e-5)


def test_constant_columns_correlate_with_nothing():
    found = Correlate().evaluate(np.column_stack([np.full(11, 0.1), np.arange(11.0)]))

    assert np.isnan(found.to_numpy()[0]).all()
    assert found.iloc[1, 1] == 1


def test_correlate_of_text_alone_is_refused():
    with pytest.raises(ValueError, match="compares numbers, and x0 hold none"):
        Correlate().evaluate(np.array(["a", "b"]))


def test_an_unknown_correlation_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'pearson', 'spearman' or 'kendall', got 'pierson'"):
        Correlate("pierson").evaluate(np.eye(3))


# Histogram


@few
@given(column=hnp.arrays(np.float64, st.integers(1, 40), elements=values), bins=st.integers(1, 12))
def test_bars_count_what_lies_between_their_edges(column, bins):
    ((edges, heights),) = bars(Histogram(bins).evaluate(column))

    known = column[~np.isnan(column)]
    assert heights.sum() == len(known)
    assert len(heights) <= bins
    for low, high, height in zip(edges[:-1], edges[1:], heights, strict=True):
        last = high == edges[-1]
        assert ((known >= low) & ((known < high) | (last & (known == high)))).sum() == height


@few
@given(column=hnp.arrays(np.float64, st.integers(1, 30), elements=values), cuts=cuts)
def test_bars_of_batches_are_those_of_all_rows(column, cuts):
    ((whole_edges, whole),) = bars(Histogram().evaluate(column))
    ((edges, heights),) = bars(in_batches(Histogram(), cuts, column))

    assert_array_equal(edges, whole_edges)
    assert_array_equal(heights, whole)


@few
@example(column=np.array([65535.0, -5e-324]))
@given(column=hnp.arrays(np.float64, st.integers(1, 30), elements=values))
def test_the_order_of_the_rows_does_not_change_a_bar(column):
    forward, backward = (Histogram().start() for _ in range(2))
    for value in column:
        forward = Histogram().update(forward, [value])
    for value in column[::-1]:
        backward = Histogram().update(backward, [value])

    ((edges, heights),) = bars(Histogram().finish(forward))
    ((back_edges, back_heights),) = bars(Histogram().finish(backward))
    assert_array_equal(edges, back_edges)
    assert_array_equal(heights, back_heights)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e12, 1e300])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_bins_are_equally_wide_between_the_smallest_and_the_largest(scale, offset):
    column = (rng.normal(size=5000) + offset) * scale

    ((edges, heights),) = bars(in_batches(Histogram(20), [10, 1000], column))

    expected, ideal = np.histogram(column, 20)
    assert_allclose(edges, ideal, atol=np.ptp(column) / 2**14)
    assert_allclose(heights, expected, atol=3)
    assert heights.sum() == 5000


def test_each_whole_number_has_a_bar_where_there_are_few():
    ((edges, heights),) = bars(Histogram(10).evaluate([2, 5, 5, 4]))

    assert_array_equal(edges, [1.5, 2.5, 3.5, 4.5, 5.5])
    assert_array_equal(heights, [1, 0, 1, 2])


def test_bars_share_the_whole_numbers_evenly_where_there_are_many():
    ((edges, heights),) = bars(Histogram(10).evaluate(np.arange(17)))

    assert_array_equal(np.diff(edges), 2)
    assert_array_equal(heights, [2] * 8 + [1])


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e300, 1e17])
def test_a_constant_column_has_one_bar_that_is_not_empty(value):
    ((_, heights),) = bars(Histogram().evaluate(np.full(4, value)))

    assert list(heights) == [4]


def test_values_that_cannot_be_drawn_are_counted_in_the_title():
    figure = Histogram().evaluate([1.0, 2.0, np.nan, np.inf], names=[("age", None)])

    assert figure.axes[0].get_title() == "age\n2 missing"


def test_a_histogram_of_nothing_but_missing_values_is_empty():
    ((_, heights),) = bars(Histogram().evaluate([np.nan, np.nan]))

    assert heights.sum() == 0


def test_text_has_a_bar_for_each_frequent_value_and_one_for_the_rest():
    column = np.array(["b", "a", "a", "c", "d", None, "other"], dtype=object)

    (axes,) = Histogram(bins=2).evaluate(column, names=[("letter", None)]).axes

    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "other"]
    assert [bar.get_height() for bar in axes.patches] == [2, 1, 3]
    assert axes.get_title() == "letter\n1 missing"


@few
@given(column=words, cuts=cuts)
def test_text_bars_of_batches_are_those_of_all_rows(column, cuts):
    column = np.array([*column, "ant"], dtype=object)
    whole, batched = Histogram().evaluate(column), in_batches(Histogram(), cuts, column)

    for figure in (whole, batched):
        figure.labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert batched.labels == whole.labels
    assert batched.axes[0].get_title() == whole.axes[0].get_title()
    assert_array_equal(bars(batched)[0][1], bars(whole)[0][1])


def test_images_are_one_panel_and_columns_one_each():
    figure = Histogram().evaluate(rng.random((5, 4, 4)), rng.random((5, 2)), rng.random(5))

    assert [heights.sum() for _, heights in bars(figure)] == [80, 5, 5, 5]


def test_of_many_columns_the_first_are_drawn_and_the_figure_says_so():
    table = rng.random((5, 30))

    figure = Histogram(max_panels=4).evaluate(table[:, :3], table[:, 3:])

    assert len(figure.axes) == 4
    assert figure.get_suptitle() == "first 4 of 30 columns"


@pytest.mark.parametrize(
    ("explorer", "words"),
    [
        (Histogram(bins=0), "bins=0"),
        (Histogram(max_panels=0), "max_panels=0"),
        (Describe(max_rows=0), "max_rows must be at least 1, got 0"),
    ],
)
def test_bounds_below_one_are_refused(explorer, words):
    with pytest.raises(ValueError, match=words):
        explorer.evaluate(np.ones((2, 2)))


# Scatter


def test_scatter_draws_two_nodes_or_two_columns():
    table = rng.random((10, 2))

    for figure in (Scatter().evaluate(table), Scatter().evaluate(table[:, 0], table[:, 1:])):
        assert_array_equal(points(figure)[0], table)


@pytest.mark.parametrize(
    ("color", "labels"),
    [
        (["b", "a", "b", None], ["a", "b", "missing"]),
        ([2, 10, 2, 10], ["2", "10"]),
        ([True, False, True, True], ["0", "1"]),
        (np.array([[1.0], [np.nan], [3.0], [3.0]]), ["1", "3", "missing"]),
    ],
)
def test_few_classes_have_a_colour_and_a_name_each(color, labels):
    table = rng.random((4, 2))

    figure = Scatter().evaluate(table, color=color, names=[("t", None), ("kind", None)])

    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == labels
    assert legend.get_title().get_text() == "kind"
    assert sorted(map(tuple, np.concatenate(points(figure)))) == sorted(map(tuple, table))


def test_rare_classes_are_drawn_together():
    color = np.array([f"class {place % 15}" for place in range(100)])

    figure = Scatter().evaluate(rng.random((100, 2)), color=color)

    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == 10
    assert labels[-1] == "other"


@pytest.mark.parametrize("color", [np.linspace(0, 1, 30), np.arange(30)])
def test_many_numbers_are_a_scale(color):
    figure = Scatter().evaluate(rng.random((30, 2)), color=color, names=[("t", None), ("c", None)])

    assert not figure.legends
    assert figure.axes[1].get_ylabel() == "c"
    assert_array_equal(figure.axes[0].collections[0].get_array(), color)


def test_of_many_rows_a_sample_is_drawn_with_its_colours():
    x = rng.permutation(1000).astype(float)

    figure = in_batches(Scatter(max_rows=100), [30, 99, 400], x, -x, color=x * 2)

    ((drawn),) = points(figure)
    assert len(drawn) == 100
    assert_array_equal(drawn[:, 1], -drawn[:, 0])
    assert_array_equal(figure.axes[0].collections[0].get_array(), drawn[:, 0] * 2)
    assert figure.axes[0].get_title() == "100 of 1,000 rows, drawn at random"


def test_colours_of_batches_with_longer_words_are_not_cut():
    figure = in_batches(Scatter(), [1], np.eye(2), color=np.array(["a", "longer"]))

    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "longer"]


@pytest.mark.parametrize("width", [1, 3])
def test_scatter_refuses_any_other_number_of_columns(width):
    with pytest.raises(ShapeError, match=f"draws two columns, got {width}"):
        Scatter().evaluate(np.ones((4, width)))


def test_scatter_refuses_text_and_several_columns_of_colour():
    with pytest.raises(ValueError, match=r"'x1' holds 'a'.*color=node"):
        Scatter().evaluate([1, 2], np.array(["a", "b"]))
    with pytest.raises(
        ShapeError, match=r"color takes one value per row, shape \(2,\), got \(2, 2\)"
    ):
        Scatter().evaluate(np.eye(2), color=np.eye(2))
    with pytest.raises(ShapeError, match=r"got \(3,\)"):
        Scatter().evaluate(np.eye(2), color=np.arange(3))


def test_no_rows_make_an_empty_cloud():
    figure = Scatter().evaluate(np.zeros((0, 2)), color=np.zeros(0))

    assert not points(figure)


# Names


@pytest.mark.parametrize(
    ("arrays", "names", "expected"),
    [
        ([np.ones(2)], None, ["x0"]),
        ([np.ones((2, 2)), np.ones(2)], None, ["x0", "x1", "x2"]),
        ([np.ones((2, 2)), np.ones(2)], [("pca", None), ("age", None)], ["pca0", "pca1", "age"]),
        ([np.ones((2, 1))], [("age", None)], ["age"]),
        ([np.ones((2, 2))], [("data", np.array(["a", "b"]))], ["a", "b"]),
        ([np.ones((2, 2))], [("data", ["a", "b", "c"])], ["data0", "data1"]),
        ([np.ones(2), np.ones(2)], [("m", ["a"]), ("n", ["a"])], ["m__a", "n__a"]),
        ([pd.DataFrame({"a": [1], 5: [2]})], [("data", None)], ["a", "5"]),
        ([np.ones((1, 2, 2))], [("image", None)], ["image0", "image1", "image2", "image3"]),
    ],
)
def test_columns_are_called_by_what_is_known_of_them(arrays, names, expected):
    assert list(Describe().evaluate(*arrays, names=names).index) == expected


def test_axes_are_called_by_their_columns():
    figure = Scatter().evaluate([1, 2], [3, 4], names=[("height", None), ("width", None)])

    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("height", "width")


# In a graph


def test_explorers_answer_in_a_pipeline_under_the_names_of_their_classes():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    white = Whiten()(x)
    for node in (Describe()(white), Correlate()([x, white]), Histogram()(x)):
        assert isinstance(node, ExploreNode)
    Scatter()(white, "cloud", color=y)
    table, labels = rng.normal(5, 3, (30, 2)), np.arange(30) % 3

    found = sm.Pipeline([x, y], white).fit(table).explore(table, labels)

    assert set(found) == {"describe", "correlate", "histogram", "cloud"}
    assert_allclose(found["describe"]["mean"], 0, atol=1e-12)
    assert_allclose(np.diag(found["correlate"].iloc[:2, 2:]), 1)
    assert len(found["cloud"].legends[0].get_texts()) == 3


def test_labels_that_only_an_explorer_reads_are_needed_by_explore_only():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    Scatter()(x, "cloud", color=y)
    pipe = sm.Pipeline([x, y], Whiten()(x)).fit(np.eye(2))

    pipe.transform(np.eye(2))
    pipe.evaluate(np.eye(2))
    with pytest.raises(MissingInputError, match="'y'"):
        pipe.explore(np.eye(2))


@every_explorer
def test_explorers_do_not_run_while_fitting(explorer, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("ran")

    monkeypatch.setattr(type(explorer), "start", fail)
    x = sm.Input("X", shape=(None,))
    explorer(x)
    pipe = sm.Pipeline(x, Whiten()(x))

    pipe.fit(np.eye(2)).transform(np.eye(2))
    pipe.fit_transform(np.eye(2))
    pipe.partial_fit(np.eye(2))
    pipe.evaluate(np.eye(2))
    with pytest.raises(AssertionError, match="ran"):
        pipe.explore(np.eye(2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: Scatter()(x, x, x), "two nodes or one with two columns, got 3"),
        (lambda x: Scatter()(x, colour=x), "nodes, and color=, got colour="),
        (lambda x: Describe()(x, sample_weight=x), "Describe is called on nodes only, got sample"),
    ],
)
def test_explorers_refuse_nodes_that_they_cannot_use(call, words):
    with pytest.raises(NodeTypeError, match=words):
        call(sm.Input("X", shape=(None,)))


# As estimators


@every_explorer
def test_explorers_clone_and_pickle_with_their_parameters(explorer):
    for twin in (clone(explorer), pickle.loads(pickle.dumps(explorer))):
        assert type(twin) is type(explorer)
        assert twin.get_params() == explorer.get_params()


@every_explorer
def test_explorers_keep_nothing_of_what_they_saw(explorer):
    before = dict(vars(explorer))

    first, second = explorer.start(), explorer.start()
    first = explorer.update(first, np.eye(2))
    second = explorer.update(second, np.eye(2) * 2)

    assert vars(explorer) == before
    assert explorer.finish(first) is not explorer.finish(second)


@every_explorer
def test_explorers_do_not_change_what_they_are_given(explorer):
    table = rng.normal(size=(200, 2))
    before = table.copy()

    state = explorer.update(explorer.start(), table)
    explorer.finish(explorer.update(state, table))

    assert_array_equal(table, before)


@every_explorer
def test_what_is_remembered_is_not_the_batch_itself(explorer):
    table = rng.normal(size=(20, 2))
    expected = explorer.evaluate(table)

    state = explorer.update(explorer.start(), table)
    table[:] = 7  # as a generator does that fills one buffer again and again

    found = explorer.finish(state)
    if isinstance(found, Figure):
        kind = bars if explorer.__class__ is Histogram else points
        assert_array_equal(np.concatenate(kind(found)[0]), np.concatenate(kind(expected)[0]))
    else:
        pd.testing.assert_frame_equal(found, expected)


@every_explorer
def test_memory_does_not_grow_with_the_rows(explorer):
    sizes, state = [], explorer.start()
    for batch in range(120):
        state = explorer.update(state, rng.normal(size=(100, 2)) * 1.1**batch)
        sizes.append(len(pickle.dumps(state)))

    # Cells of a histogram vary between half and all of their number.
    assert max(sizes[60:]) <= max(sizes[:60]) * 1.1


def test_memory_does_not_grow_with_different_words():
    explorer = Describe(max_rows=50)
    sizes, state = [], explorer.start()
    for batch in range(40):
        column = np.array([f"{batch:04d}-{row:04d}" for row in range(100)], dtype=object)
        state = explorer.update(state, column)
        sizes.append(len(pickle.dumps(state)))

    assert max(sizes[1:]) <= sizes[0] * 1.1


@every_explorer
def test_batches_of_another_width_are_refused(explorer):
    state = explorer.update(explorer.start(), np.ones((2, 2)))

    with pytest.raises(ShapeError, match="has 3 columns, and those before had 2: x0, x1"):
        explorer.update(state, np.ones((2, 3)))


def test_nodes_of_different_length_are_refused():
    with pytest.raises(ShapeError, match=r"equal rows, got \(3,\), \(2,\)"):
        Describe().evaluate(np.ones(3), np.ones(2))


@every_explorer
def test_an_explorer_that_saw_nothing_says_so(explorer):
    with pytest.raises(ValueError, match="has nothing to look at: no batch came"):
        explorer.finish(explorer.start())


def test_a_users_own_explorer_needs_a_summary():
    class Count(Summary):
        n_rows = 0

        def add(self, *arrays, **named):
            self.n_rows += len(self.columns.read(arrays)[0])

        def result(self):
            return self.n_rows

    class Rows(OnePassExplorer):
        def start(self, names=None):
            return Count(names)

    assert in_batches(Rows(), [1, 3], np.ones(5)) == 5
    for method in ("add", "result"):
        with pytest.raises(NotImplementedError, match=rf"Summary must define {method}\(self"):
            getattr(Summary(None), method)()


def test_explorer_of_any_function_takes_batches_too():
    assert in_batches(Explorer(np.median), [1, 3], np.arange(5)) == 2


# Matplotlib


@pytest.mark.parametrize("explorer", [Histogram(), Scatter()], ids=repr)
def test_figures_are_saved_without_pyplot(explorer, tmp_path):
    figure = explorer.evaluate(rng.random((20, 2)))

    figure.savefig(tmp_path / "figure.png")

    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_names_are_shown_as_they_are_and_not_as_formulas(tmp_path):
    words = np.array(["_a$", "$b$_x"])

    bars = Histogram().evaluate(words, names=[("price ($)_$x", None)])
    cloud = Scatter().evaluate(np.eye(2), color=words, names=[("a$_$", None), ("c$_$", None)])

    for figure in (bars, cloud):
        figure.savefig(tmp_path / "figure.png")
    assert len(cloud.legends[0].get_texts()) == 2


def test_drawing_leaves_the_state_of_matplotlib_alone():
    code = (
        "import sys, numpy as np\n"
        "from skmegatron.layers.explore import Histogram, Scatter\n"
        "assert 'matplotlib' not in sys.modules\n"
        "Histogram().evaluate(np.eye(2)), Scatter().evaluate(np.eye(2), color=[0, 1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("explorer", [Histogram(), Scatter()], ids=repr)
def test_a_missing_matplotlib_is_told_before_any_data_is_read(explorer, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MissingDependencyError, match=r"skmegatron\[viz\]"):
        explorer.start()
