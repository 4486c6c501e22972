"""Imputing against numpy and pandas: what is replaced, what is left alone, and the dtypes."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

import skmegatron as sm
from skmegatron.layers.missing import Impute
from skmegatron.testing import check_layer

law = settings(deadline=None, max_examples=80)

NaN = np.nan
NaT = np.datetime64("NaT")
MISSING = [None, NaN, pd.NaT, pd.NA]

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)
small = st.integers(-3, 3)


def same(result, expected):
    assert_array_equal(result, expected)
    assert result.dtype == np.asarray(expected).dtype
    assert result.shape == np.shape(expected)


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def floats(dtype):
    values = st.sampled_from([NaN, np.inf, -np.inf, 0.0, 1.5, -999.0])
    return hnp.arrays(dtype, shapes, elements=values)


# Against numpy and pandas


@law
@given(floats(np.float64), st.sampled_from([0, -1, 2.5, np.inf, NaN]))
def test_nan_is_replaced_as_by_nan_to_num(X, value):
    expected = np.nan_to_num(X, nan=value, posinf=np.inf, neginf=-np.inf)

    same(Impute({NaN: value}).transform(X), expected)


@law
@given(hnp.arrays(np.int64, shapes, elements=small), st.dictionaries(small, small, min_size=1))
def test_whole_numbers_are_replaced_all_at_once(X, table):
    expected = np.array([table.get(value, value) for value in X.ravel().tolist()], np.int64)

    same(Impute(table).transform(X), expected.reshape(X.shape))


@law
@given(
    hnp.arrays(object, shapes, elements=st.sampled_from(["a", "b", 1, 2.5, True, *MISSING])),
    st.dictionaries(st.sampled_from(["a", 1, 2.5, "z"]), st.sampled_from(["b", 2, None])),
    st.sampled_from(["gap", 0]),
)
def test_objects_are_replaced_as_in_a_loop(X, table, gap):
    imputed = Impute({**table, NaN: gap}).transform(X)

    expected = [gap if pd.isna(value) else table.get(value, value) for value in X.ravel()]
    assert imputed.dtype == object
    assert imputed.shape == X.shape
    assert imputed.ravel().tolist() == expected


@law
@given(st.lists(st.sampled_from([1.0, 2.0, NaN]), min_size=1))
def test_a_series_is_filled_as_by_pandas(values):
    series = pd.Series(values)

    same(Impute({NaN: 7}).transform(series), series.fillna(7).to_numpy())


@law
@given(
    hnp.arrays("U3", shapes, elements=st.sampled_from(["", "a", "é", "日本語", "🐘"])),
    st.sampled_from(["x", "longer", ""]),
)
def test_text_is_replaced_and_never_cut_off(X, value):
    imputed = Impute({"日本語": value}).transform(X)

    expected = [value if text == "日本語" else text for text in X.ravel().tolist()]
    assert imputed.ravel().tolist() == expected


# What matches what


def test_nan_stands_for_every_missing_value_without_a_key_of_its_own():
    X = objects(None, NaN, pd.NaT, pd.NA, NaT, np.float32("nan"), Decimal("NaN"), "x")

    imputed = Impute({NaN: "NaN", None: "None"}).transform(X)

    assert imputed.tolist() == ["None", "NaN", "NaN", "NaN", "NaN", "NaN", "NaN", "x"]


@pytest.mark.parametrize("key", [None, pd.NaT, pd.NA], ids=repr)
def test_the_other_missing_values_stand_for_themselves(key):
    imputed = Impute({key: "here"}).transform(objects(*MISSING))

    expected = ["here" if value is key else value for value in MISSING]
    assert [id(value) for value in imputed] == [id(value) for value in expected]


@pytest.mark.parametrize("key", [pd.NaT, NaT, np.timedelta64("NaT")], ids=repr)
def test_not_a_time_is_one_whatever_library_it_comes_from(key):
    X = np.array(["NaT", "2020-01-01"], "M8[D]")

    same(Impute({key: np.datetime64("1999-01-01")}).transform(X)[0], np.datetime64("1999-01-01"))


def test_a_key_for_nat_comes_before_the_one_for_nan_among_dates():
    imputed = Impute({NaN: pd.Timestamp(0), pd.NaT: pd.Timestamp(1)}).transform(np.array([NaT]))

    assert imputed[0] == pd.Timestamp(1)


@pytest.mark.parametrize(
    ("X", "table"),
    [
        (np.array([1, 2]), {NaN: 0.5, None: "x", 0.5: "x", "1": 0, 1.5: 9, np.inf: 9}),
        (np.array([1, 255], np.uint8), {-1: 0.5, 256: 0.5, 2**80: 0.5, 1e300: 0.5}),
        (np.array([True, False]), {2: 9, -1: 9, 0.5: 9}),
        (np.array([1.5, NaN]), {None: 0, pd.NaT: 0, "nan": 0, 1j: 0, 10**400: 0}),
        (np.array([0.0], np.float32), {1e-60: 1.5, 1e60: "x", 2**24 + 1: "x"}),
        (np.array(["a", "nan"]), {NaN: 0, 1: 0, b"a": 0, "longer": "much longer"}),
        (np.array([b"a"]), {"a": "x", b"ab": b"abc"}),
        (np.array(["2020-01-01"], "M8[D]"), {18262: 0, "2020-01-01": 0, dt.timedelta(1): 0}),
        (np.array(["2020-01-01"], "M8[D]"), {dt.datetime(2020, 1, 1, 1): 0}),
        (np.array(["2020-01-01"], "M8[s]"), {pd.Timestamp("2020-01-01", tz="UTC"): 0}),
        (np.array(["2077-03-25"], "M8[ns]"), {np.datetime64("5000-01-01"): 0}),
        (np.array([1], "m8[D]"), {1: 0, dt.date(1970, 1, 2): 0, dt.timedelta(hours=1): 0}),
        (np.array([(1, 2.0)], "i8,f8"), {1: 0, NaN: 0}),
        (np.array([1, 2]), {}),
    ],
)
def test_what_cannot_occur_in_a_dtype_leaves_the_array_and_its_dtype_alone(X, table):
    assert Impute(table).transform(X) is X


@pytest.mark.parametrize(
    ("X", "key"),
    [
        (np.array([True, False]), 1),
        (np.array([1, 2], np.int8), 1.0),
        (np.array([1, 2], np.uint64), np.int16(1)),
        (np.array([1.0, 2.0]), True),
        (np.array([1, 2j]), 1.0),
        (np.array([1.5, 2]), 1.5 + 0j),
        (np.array([0.1, 2], np.float32), 0.1),
        (np.array([0.1, 2], np.float16), np.float64(0.1)),
        (np.array([np.inf, 2]), float("inf")),
        (np.array([2.0**70, 1]), 2**70),
        (np.array([0.1, 2], np.longdouble), np.longdouble(0.1)),
        (np.array([1j, 2], np.clongdouble), np.clongdouble(1j)),
        (np.array(["é", "b"]), np.str_("é")),
        (np.array([b"a", b"b"]), b"a"),
        (np.array(["2020-01-01", "2021-01-01"], "M8[ns]"), dt.date(2020, 1, 1)),
        (np.array(["2020-01-01", "2021-01-01"], "M8[Y]"), pd.Timestamp("2020-01-01")),
        (np.array([1, 2], "m8[D]"), pd.Timedelta(hours=24)),
    ],
)
def test_a_value_is_found_whatever_type_it_is_written_in(X, key):
    other = X[1]

    imputed = Impute({key: other}).transform(X)

    same(imputed, np.array([other, other], X.dtype))


def test_neighbours_of_huge_integers_are_not_taken_for_them():
    X = np.array([2**53, 2**53 + 1, 2**63 - 1])

    same(Impute({float(2**53): 0}).transform(X), np.array([0, 2**53 + 1, 2**63 - 1]))
    same(Impute({2**63 - 1: 0}).transform(X), np.array([2**53, 2**53 + 1, 0]))
    same(Impute({2**53 + 1: 0}).transform(X.astype(float)), X.astype(float))
    same(Impute({2**64 - 1: 0}).transform(np.array([2**64 - 1], np.uint64)), np.uint64([0]))


def test_nanoseconds_count():
    moment = pd.Timestamp("2020-01-01T00:00:00.000000001")
    X = np.array([moment.to_datetime64(), np.datetime64("2020-01-01", "ns")])

    imputed = Impute({moment: pd.NaT}).transform(X)

    assert np.isnat(imputed).tolist() == [True, False]
    assert imputed.dtype == X.dtype


def test_values_that_have_no_hash_are_left_alone():
    shape, words = np.zeros((2, 2)), ["a"]
    X = objects(1, words, shape, {1}, NaN)

    imputed = Impute({1: 2, NaN: 3}).transform(X)

    assert imputed[0] == 2
    assert imputed[1] is words
    assert imputed[2] is shape
    assert imputed[4] == 3


def test_two_values_can_change_places():
    same(Impute({1: 2, 2: 1}).transform(np.array([1, 2, 3])), np.array([2, 1, 3]))
    same(Impute({"a": "b", "b": "a"}).transform(objects("a", "b")), objects("b", "a"))
    same(Impute({-1: NaN, NaN: 0}).transform(np.array([-1, NaN])), np.array([NaN, 0]))


# Dtypes


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("?", True, "?"),
        ("?", 1, "i8"),
        ("?", 0.5, "f8"),
        ("i1", 7, "i1"),
        ("i1", True, "i1"),
        ("i1", 300, "i2"),
        ("i1", 0.5, "f8"),
        ("i8", 7, "i8"),
        ("i8", NaN, "f8"),
        ("i8", 2**63, "O"),
        ("i8", 2**80, "O"),
        ("i8", 1j, "c16"),
        ("i8", None, "O"),
        ("u1", 255, "u1"),
        ("u1", 256, "u2"),
        ("u1", -1, "i2"),
        ("u1", 2**63, "u8"),
        ("u8", -1, "O"),
        ("f2", 0.1, "f2"),
        ("f2", 2049, "f4"),
        ("f4", 0, "f4"),
        ("f4", 0.1, "f4"),
        ("f4", np.float64(0.1), "f4"),
        ("f4", -np.inf, "f4"),
        ("f4", 1e300, "f8"),
        ("f4", 2**24 + 1, "f8"),
        ("f8", 2**53 + 1, "f8"),
        ("f8", 10**400, "O"),
        ("f8", 1j, "c16"),
        ("f8", "text", "O"),
        ("f8", None, "O"),
        ("c8", 0, "c8"),
        ("c8", 1e300, "c16"),
    ],
)
def test_the_dtype_stays_where_it_holds_the_replacement_and_else_widens(before, value, after):
    X = np.zeros(2, before)

    imputed = Impute({0: value}).transform(X)

    assert imputed.dtype == np.dtype(after)
    assert_array_equal(imputed, np.array([value, value], after))


def days(*values):
    return np.array(values, "M8[D]")


@pytest.mark.parametrize(
    ("X", "value", "after"),
    [
        (np.array(["a", "NaT"]), "ab", "U3"),
        (np.array(["NaT"]), "longer", "U6"),
        (np.array(["NaT"]), 1, "O"),
        (np.array([b"NaT"]), b"longer", "S6"),
        (np.array([b"NaT"]), "longer", "O"),
        (days("NaT"), dt.date(2020, 1, 1), "M8[D]"),
        (days("NaT"), dt.datetime(2020, 1, 1), "M8[D]"),
        (days("NaT"), dt.datetime(2020, 1, 1, 5), "M8[us]"),
        (days("NaT"), pd.Timestamp("2020-01-01T00:00:00.000000001"), "M8[ns]"),
        (days("NaT"), pd.NaT, "M8[D]"),
        (days("NaT"), pd.Timestamp("2020-01-01", tz="UTC"), "O"),
        (days("NaT"), 0, "O"),
        (days("NaT").astype("M8[ns]"), np.datetime64("5000-01-01"), "O"),
        (np.array(["NaT"], "m8[h]"), dt.timedelta(days=2), "m8[h]"),
        (np.array(["NaT"], "m8[h]"), dt.timedelta(minutes=1), "m8[us]"),
        (np.array(["NaT"], "m8[h]"), dt.date(2020, 1, 1), "O"),
    ],
)
def test_text_and_dates_widen_where_the_replacement_asks_for_it(X, value, after):
    key = {"U": "NaT", "S": b"NaT"}.get(X.dtype.kind, pd.NaT)

    imputed = Impute({key: value}).transform(X)

    assert imputed.dtype == np.dtype(after)
    if value is pd.NaT:
        assert np.isnat(imputed).all()
    elif imputed.dtype.kind == "M":
        assert pd.Timestamp(imputed[-1]) == pd.Timestamp(value)
    else:
        assert imputed[-1] == value


def test_dates_stay_dates_where_they_have_to_become_objects():
    X = np.array(["2020-01-01", "NaT"], "M8[ns]").reshape(1, 2)

    imputed = Impute({pd.NaT: "unknown"}).transform(X)

    assert imputed.tolist() == [[np.datetime64("2020-01-01", "ns"), "unknown"]]


def test_text_of_any_length_keeps_its_dtype():
    dtype = np.dtypes.StringDType(na_object=NaN)
    X = np.array(["a", "b", NaN], dtype=dtype)

    imputed = Impute({"a": "a long text", NaN: "gap"}).transform(X)

    assert imputed.dtype == dtype
    assert imputed.tolist() == ["a long text", "b", "gap"]
    assert Impute({"a": 1}).transform(X).dtype == object


DTYPES = ["?", "i1", "u2", "i8", "u8", "f2", "f4", "f8", "c8", "U2", "S2", "M8[D]", "m8[h]", "O"]
SCALARS = [
    *[None, NaN, pd.NaT, pd.NA, True, 0, 1, -1, 300, 2**63, 0.5, 1e300, 2j, np.inf],
    *["", "a", "abc", b"a", dt.date(2020, 1, 1), dt.timedelta(hours=5), pd.Timestamp(1)],
]


@law
@given(
    st.sampled_from(DTYPES),
    st.lists(st.tuples(st.sampled_from(SCALARS), st.sampled_from(SCALARS)), max_size=4),
    st.data(),
)
def test_the_dtype_depends_on_neither_the_values_nor_the_order_of_the_keys(dtype, pairs, data):
    layer, other = Impute(dict(pairs)), Impute(dict(reversed(dict(pairs).items())))
    plain = st.sampled_from(["a", 1, None]) if dtype == "O" else None
    X = data.draw(hnp.arrays(dtype, shapes, elements=plain))

    imputed = layer.transform(X)

    assert imputed.dtype == layer.transform(np.zeros(0, dtype)).dtype
    assert imputed.dtype == other.transform(X).dtype
    assert imputed.shape == X.shape


def test_several_replacements_share_the_dtype_that_holds_them_all():
    X = np.array([0, 1, 2], np.int8)

    same(Impute({0: 2**63, 1: 0.5}).transform(X), np.array([2.0**63, 0.5, 2]))
    same(Impute({0: 300, 1: 70000}).transform(X), np.array([300, 70000, 2], np.int32))
    same(Impute({0: None, 1: 0.5}).transform(X), objects(None, 0.5, 2))


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_of_either_byte_order_are_read(order):
    X = np.array([1, NaN, -999], f"{order}f8")

    assert_array_equal(Impute({NaN: 0, -999: 5}).transform(X), [1, 0, 5])


# Containers


@law
@given(floats(np.float32))
def test_the_input_is_never_written_to(X):
    before = X.copy()
    X.flags.writeable = False

    Impute({NaN: 0, -999: 1, np.inf: 2}).transform(X)

    assert_array_equal(X, before)


@pytest.mark.parametrize("dtype", ["f8", "O"])
def test_arrays_that_lie_oddly_in_memory_are_read_in_order(dtype):
    X = np.array([[1, NaN, 3], [NaN, 5, -999]], dtype)
    expected = np.array([[1, 0, 3], [0, 5, 6]], dtype)
    layer = Impute({NaN: 0, -999: 6})

    same(layer.transform(X.T), expected.T)
    same(layer.transform(X[::-1, ::-1]), expected[::-1, ::-1])
    same(layer.transform(np.repeat(X, 2, axis=0)[::2]), expected)
    same(layer.transform(np.broadcast_to(X[:1], (3, 3))), np.repeat(expected[:1], 3, axis=0))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (1, 1, 1)])
@pytest.mark.parametrize("dtype", ["f8", "i8", "O", "U1"])
def test_arrays_with_little_or_nothing_in_them_keep_their_shape(shape, dtype):
    X = np.zeros(shape, dtype)

    assert Impute({NaN: 0, 0: 1, "": "x"}).transform(X).shape == shape


def test_lists_and_columns_of_other_libraries_become_arrays():
    layer = Impute({NaN: 0, None: 0})

    same(layer.transform([[1, NaN]]), np.array([[1.0, 0.0]]))
    same(layer.transform([1, None]), objects(1, 0))
    same(layer.transform(pl.Series([1.0, None])), np.array([1.0, 0.0]))
    same(layer.transform(pd.Series(["a", None])), objects("a", 0))


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table])
def test_frames_of_other_libraries_become_arrays(frame):
    X = frame({"a": [1.0, NaN], "b": ["x", None]})

    assert Impute({NaN: 0, "x": "y"}).transform(X).tolist() == [[1.0, "y"], [0.0, 0]]


def test_a_pandas_frame_stays_one_and_keeps_its_labels():
    X = pd.DataFrame(
        {
            "age": [1.0, NaN],
            "count": [-1, 2],
            "city": ["x", None],
            "kind": pd.Categorical(["u", None]),
            "day": pd.to_datetime(["2020-01-01", None]),
        },
        index=[3, 3],
    )
    before = X.copy()

    imputed = Impute({NaN: 0, -1: 7, "x": "a longer text", pd.NaT: pd.Timestamp(0)}).transform(X)

    pd.testing.assert_frame_equal(X, before)
    assert imputed.index.equals(X.index)
    assert imputed.columns.equals(X.columns)
    assert [str(dtype) for dtype in imputed.dtypes[:4]] == ["float64", "int64", "object", "object"]
    assert imputed.to_numpy().tolist() == [
        [1.0, 7, "a longer text", "u", pd.Timestamp("2020-01-01")],
        [0.0, 2, 0, 0, pd.Timestamp(0)],
    ]


@pytest.mark.parametrize("columns", [["a", "a"], [0, "b"], [("a", 1), ("a", 2)]])
def test_a_pandas_frame_may_call_its_columns_anything(columns):
    X = pd.DataFrame([[1.0, NaN], [NaN, 2.0]]).set_axis(pd.Index(columns), axis=1)

    imputed = Impute({NaN: 0}).transform(X)

    assert imputed.columns.equals(X.columns)
    assert imputed.to_numpy().tolist() == [[1, 0], [0, 2]]


def test_a_pandas_frame_without_columns_or_rows_is_one_still():
    assert Impute({NaN: 0}).transform(pd.DataFrame(index=[1, 2])).shape == (2, 0)
    assert Impute({NaN: 0}).transform(pd.DataFrame({"a": [], "b": []})).shape == (0, 2)


def test_a_sparse_matrix_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"shape \(3, 3\).*toarray"):
        Impute({NaN: 0}).transform(sparse.eye(3))


# The dictionary


@pytest.mark.parametrize("table", [None, 0, [NaN], {NaN}, "NaN"], ids=repr)
def test_what_is_no_dictionary_is_refused_with_an_example(table):
    with pytest.raises(TypeError, match=r"of type \w+\. Write Impute\(\{np\.nan: 0\}\)"):
        Impute(table).transform(np.zeros(3))


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({(1, 2): 0}, r"the key \(1, 2\) of type tuple"),
        ({NaN: [1, 2]}, r"the replacement \[1, 2\] of type list"),
        ({NaN: np.zeros(2)}, "the replacement .* of type ndarray"),
        ({NaN: pd.Series([1])}, "the replacement (.|\n)* of type Series"),
    ],
)
def test_only_single_values_can_be_replaced_and_put_in_place(table, what):
    with pytest.raises(TypeError, match=what):
        Impute(table).transform(np.zeros(3))


# In company


@pytest.mark.parametrize(
    ("table", "X"),
    [
        ({NaN: 0}, np.array([[1.0, NaN]] * 9)),
        ({NaN: 0}, np.array([[1.0, NaN]] * 9, np.float32)),
        ({0: 0.5}, np.arange(12).reshape(6, 2)),
        ({"a": "long"}, np.array(["a", "b"] * 5)),
        ({None: "gap", NaN: 0}, objects(*MISSING, "x", 2)),
        ({pd.NaT: pd.Timestamp(0)}, np.array([NaT] * 5, "M8[s]")),
        ({NaN: 0, "x": 1}, pd.DataFrame({"a": [1, NaN] * 4, "b": ["x", "y"] * 4})),
    ],
)
def test_the_layer_passes_the_battery(table, X):
    check_layer(Impute(table), X)


def test_the_layer_works_in_a_pipeline_its_clones_and_with_other_parameters():
    X, y = np.array([[1.0, NaN], [2.0, 1.0], [3.0, -999.0]]), np.array([1.0, 2.0, 3.0])
    table = sm.Input("table", shape=(2,))
    full = Impute({NaN: 0, -999: 0})(table, "full")
    label = sm.Target("label")
    pipe = sm.Pipeline([table, label], sm.layers.Sklearn(LinearRegression())(full, y=label))

    pipe.fit(X, y)
    other = clone(pipe).set_params(full__imputation_dict={NaN: 1})

    same(clone(pipe).fit(X, y).predict(X), pipe.predict(X))
    assert_array_equal(pipe.transform(X, outputs=["full"]), [[1, 0], [2, 1], [3, 0]])
    assert_array_equal(other.fit(X, y).transform(X, outputs=["full"]), [[1, 1], [2, 1], [3, -999]])
    assert_array_equal(X, [[1, NaN], [2, 1], [3, -999]])


def test_a_frame_goes_through_a_pipeline_with_its_names():
    X = pd.DataFrame({"age": [1.0, NaN], "size": [NaN, 2.0]})
    table = sm.Input("table", shape=(None,))
    pipe = sm.Pipeline(table, Impute({NaN: 0})(table))

    pipe.set_output(transform="pandas").fit(X)

    assert pipe.get_feature_names_out().tolist() == ["age", "size"]
    pd.testing.assert_frame_equal(pipe.transform(X), X.fillna(0))
