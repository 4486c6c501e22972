"""Filter, Slice and SplitDict against numpy, and rows and names behind them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.errors import LeakageWarning, NamingError, ShapeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Lambda
from skmegatron.layers.shaping import AddDim, Concatenate, Filter, Flatten, Slice, SplitDict
from skmegatron.layers.shaping.parts import _as_index

shapes = hnp.array_shapes(min_dims=1, max_dims=3, max_side=5)
dtypes = st.sampled_from([np.float64, np.int8, np.uint64, bool, "U3", "M8[D]"])
arrays = shapes.flatmap(lambda shape: dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shape)))

KINDS = [
    sparse.csr_matrix,
    sparse.csc_array,
    sparse.coo_array,
    sparse.lil_array,
    sparse.dok_array,
    sparse.bsr_array,
]


def untouched(array):
    view = array.view()
    view.setflags(write=False)
    return view


def is_odd(table):
    return np.asarray(table)[:, 0] % 2 == 1


# Filter


@given(arrays, st.data())
def test_filter_agrees_with_numpy(X, data):
    mask = data.draw(hnp.arrays(bool, len(X)).filter(np.any))

    for spelling in (mask, mask[:, None], mask.tolist(), mask.astype(float), mask.astype(object)):
        kept = Filter().transform(untouched(X), spelling)
        assert_array_equal(kept, X[mask])
        assert kept.dtype == X.dtype


@pytest.mark.parametrize(
    "mask",
    [
        pd.Series([True, False, True], index=[5, 6, 7]),
        pd.array([True, False, True], dtype="boolean"),
        pd.DataFrame({"keep": [1, 0, 1]}),
        sparse.csr_array([[1], [0], [1]]),
        np.array([1, 0, 1], np.uint8)[::-1],
    ],
    ids=["series", "nullable", "frame", "sparse", "reversed"],
)
def test_filter_takes_masks_from_anywhere(mask):
    assert Filter().transform(["a", "b", "c"], mask).tolist() == ["a", "c"]


def test_filter_takes_rows_out_of_arrays_in_pieces():
    X = np.arange(12).reshape(6, 2)[::-2, ::-1]

    assert Filter().transform(X, [False, True, True]).tolist() == [[7, 6], [3, 2]]


def test_what_filter_gives_is_a_copy():
    X = np.arange(3)
    Filter().transform(X, [True, True, False])[:] = 9

    assert_array_equal(X, [0, 1, 2])


@pytest.mark.parametrize("kind", KINDS)
def test_filter_takes_sparse_matrices(kind):
    X = np.arange(12).reshape(4, 3) % 3
    mask = np.array([True, False, False, True])

    kept = Filter().transform(kind(X), mask)

    assert sparse.issparse(kept)
    assert_array_equal(kept.toarray(), X[mask])


def test_filter_takes_frames_with_their_index():
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}, index=[7, 8, 9])

    kept = Filter().transform(frame, [True, False, True])

    assert kept.equals(frame.iloc[[0, 2]])


def test_filter_takes_other_frames():
    polars = pytest.importorskip("polars")

    kept = Filter().transform(polars.DataFrame({"a": [1, 2, 3]}), [False, True, True])

    assert kept["a"].to_list() == [2, 3]


@pytest.mark.parametrize("n_rows", [0, 1, 3])
def test_filter_refuses_to_leave_nothing(n_rows):
    with pytest.raises(ValueError, match=rf"none of the {n_rows} rows.*outputs=\[mask_node\]"):
        Filter().transform(np.arange(n_rows), np.zeros(n_rows, bool))


@pytest.mark.parametrize(
    "mask", [[True], [True] * 4, True, np.ones((3, 2), bool), np.ones((1, 3), bool), []]
)
def test_filter_refuses_a_mask_of_another_shape(mask):
    with pytest.raises(ShapeError, match=r"of shape \(3,\), one truth value per row, got .*Slice"):
        Filter().transform(np.arange(3), np.array(mask, bool))


@pytest.mark.parametrize(
    "mask",
    [
        np.array([0.5, 1, 0]),
        np.array([2, 1, 0]),
        np.array([np.nan, 1, 0]),
        np.array([-1, 1, 0], np.int8),
        np.array(["True", "", "False"]),
        np.array(["0", "1", "1"]),
        np.array([None, True, False]),
        pd.array([True, None, False], dtype="boolean"),
        np.array(["2020", "NaT", "2021"], "M8[Y]"),
    ],
    ids=str,
)
def test_filter_refuses_a_mask_that_is_not_of_truth_values(mask):
    with pytest.raises(TypeError, match=r"truth values, got .*node > 0"):
        Filter().transform(np.arange(3), mask)


def filtered(*later, output="pandas"):
    x = sm.Input("x", columns=["a", "b"])
    node = Filter()(x, Lambda(is_odd)(x, "odd"))
    for layer in later:
        node = layer(node)
    return sm.Pipeline(x, node).set_output(transform=output)


FRAME = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [9.0, 8, 7, 6, 5]}, index=list("vwxyz"))


@pytest.mark.parametrize(
    "later",
    [
        (),
        (Sklearn(StandardScaler()),),
        (AddDim(), Flatten()),
        (Slice(None, (0,)), Lambda(np.negative)),
    ],
    ids=["at once", "estimator", "shapes", "function"],
)
def test_the_index_follows_the_rows_that_are_kept(later):
    pipe = filtered(*later)

    fitted, transformed = pipe.fit_transform(FRAME), pipe.transform(FRAME)
    some = pipe.transform(FRAME.iloc[3:])

    assert fitted.index.tolist() == transformed.index.tolist() == ["v", "x", "z"]
    assert some.index.tolist() == ["z"]
    pd.testing.assert_frame_equal(fitted, transformed)


def test_columns_of_kept_rows_keep_their_names():
    pipe = filtered()

    assert pipe.fit_transform(FRAME).equals(FRAME.iloc[::2].astype(float))
    assert pipe.get_feature_names_out().tolist() == ["a", "b"]


@given(hnp.arrays(np.int64, (8, 2), elements=st.integers(0, 9)))
def test_the_index_follows_through_filter_after_filter(X):
    x = sm.Input("x", shape=(2,))
    big = Filter()(x, Lambda(lambda x: np.asarray(x)[:, 0] > 2)(x, "big"))
    node = Filter()(big, Lambda(lambda x: np.asarray(x)[:, 1] > 4)(big, "bigger"))
    pipe = sm.Pipeline(x, node).set_output(transform="pandas")
    frame = pd.DataFrame(X, columns=["a", "b"], index=range(100, 108))
    expected = frame[(frame["a"] > 2) & (frame["b"] > 4)]

    if len(expected):
        for run in (pipe.fit_transform, pipe.transform):
            pd.testing.assert_frame_equal(run(frame), expected)
    else:
        with pytest.raises(ValueError, match="Filter kept none of the"):
            pipe.fit_transform(frame)


def test_the_index_follows_slices_of_the_rows():
    x = sm.Input("x", columns=["a", "b"])
    node = Filter()(Slice((None, None, -1))(x), Lambda(is_odd)(Slice((None, None, -1))(x)))
    pipe = sm.Pipeline(x, Slice((1,))(node)).set_output(transform="pandas")

    for run in (pipe.fit_transform, pipe.transform):
        result = run(FRAME)
        assert result.index.tolist() == ["x", "v"]
        assert result["a"].tolist() == [3, 1]


def test_every_output_has_its_own_rows():
    x = sm.Input("x", columns=["a", "b"])
    odd = Lambda(is_odd)(x)
    even = Lambda(np.logical_not)(odd)
    nodes = [Filter()(x, odd, name="odd_rows"), Filter()(x, even, name="even_rows")]
    pipe = sm.Pipeline(x, nodes).set_output(transform="pandas")

    for run in (pipe.fit_transform, pipe.transform):
        first, second = run(FRAME.iloc[:4]).values()
        assert first.index.tolist() == ["v", "x"]
        assert second.index.tolist() == ["w", "y"]


def test_outputs_of_different_length_are_refused():
    x = sm.Input("x", columns=["a", "b"])
    pipe = sm.Pipeline(x, [Filter()(x, Lambda(is_odd)(x)), x + 1])

    with pytest.raises(ShapeError, match=r"same number of rows, got 'filter': 3"):
        pipe.fit_transform(FRAME)


def test_what_is_kept_of_several_nodes_meets_again():
    x = sm.Input("x", columns=["a", "b"])
    odd = Lambda(is_odd)(x)
    left, right = Filter()(x, odd), Filter()(Slice(None, 1)(x) * 2, odd)
    pipe = sm.Pipeline(x, Concatenate()([left, right])).set_output(transform="pandas")

    result = pipe.fit_transform(FRAME)

    assert_array_equal(result, [[1, 9, 18], [3, 7, 14], [5, 5, 10]])
    assert result.index.tolist() == ["v", "x", "z"]


def test_what_was_not_filtered_does_not_meet_what_was():
    x = sm.Input("x", columns=["a", "b"])
    pipe = sm.Pipeline(x, Concatenate()([x, Filter()(x, Lambda(is_odd)(x))]))

    with pytest.raises(ShapeError, match="Filter changes the rows"):
        pipe.fit_transform(FRAME)


def test_an_empty_result_is_an_error_that_tells_the_step():
    with pytest.raises(ValueError, match="none of the 1 rows") as caught:
        filtered().fit(FRAME).transform(FRAME.iloc[[1]])

    assert "at step 'filter' (Filter), transforming" in caught.value.__notes__[0]


def test_sparse_tables_are_filtered_in_a_pipeline():
    x = sm.Input("x", shape=(None,))
    odd = Lambda(lambda x: x.toarray()[:, 0] == 1)(x)
    pipe = sm.Pipeline(x, Filter()(x, odd))

    result = pipe.fit_transform(sparse.csr_array(np.eye(3)))

    assert_array_equal(result.toarray(), [[1, 0, 0]])


def test_labels_filtered_by_the_same_mask_train_a_classifier():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    spoiled = np.arange(60) % 3 == 0
    labels = np.where(X[:, 0] > 0, "yes", "no")
    table = np.column_stack([np.where(spoiled, -X[:, 0], X[:, 0]), X[:, 1], spoiled])
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    good = Lambda(lambda x: x[:, 2] == 0)(x, "good")
    features = Filter()(Slice(None, (0, 2))(x), good)
    node = Sklearn(LogisticRegression())(features, y=Filter()(y, good, name="kept"))

    with pytest.warns(LeakageWarning, match="takes rows away"):
        pipe = sm.Pipeline([x, y], node).fit(table, labels)

    alone = LogisticRegression().fit(X[~spoiled], labels[~spoiled])
    assert_array_equal(pipe.predict(table), alone.predict(X[~spoiled]))
    assert pipe.classes_.tolist() == ["no", "yes"]


# Slice

ends = st.none() | st.integers(-6, 6)
parts = (
    st.none()
    | st.integers(-3, 2)
    | st.tuples(ends)
    | st.tuples(ends, ends)
    | st.tuples(ends, ends, st.none() | st.sampled_from([-2, -1, 1, 2, 3]))
)


def numpy_index(slices):
    """Spell slices as numpy does, by the manual's table."""
    return tuple(
        slice(None)
        if part is None
        else part
        if isinstance(part, int)
        else slice(part[0], None)
        if len(part) == 1
        else slice(*part)
        for part in slices
    )


@given(arrays, st.lists(parts, max_size=3))
def test_slice_agrees_with_numpy(X, slices):
    try:
        expected = X[numpy_index(slices)]
    except IndexError:
        with pytest.raises(ShapeError, match=r"does not fit an array of shape .*one slice per"):
            Slice(*slices).transform(untouched(X))
    else:
        result = Slice(*slices).transform(untouched(X))
        assert_array_equal(result, expected)
        assert result.shape == expected.shape
        assert result.dtype == X.dtype


@given(
    hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 1)),
    st.lists(parts, max_size=2),
    st.sampled_from(KINDS),
)
def test_slice_agrees_with_numpy_on_sparse_matrices(X, slices, kind):
    try:
        expected = X[numpy_index(slices)]
    except IndexError:
        with pytest.raises(ShapeError, match="does not fit"):
            Slice(*slices).transform(kind(X))
    else:
        result = Slice(*slices).transform(kind(X))
        dropped = any(isinstance(part, int) for part in slices)
        assert sparse.issparse(result) != dropped
        result = result if dropped else result.toarray()
        assert_array_equal(result, expected)
        assert result.shape == expected.shape


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (2, slice(2, 3)),
        ((5,), slice(5, None)),
        ((3, 6), slice(3, 6)),
        ((1, 9, 3), slice(1, 9, 3)),
        ([1, 9], slice(1, 9)),
        (np.int64(2), slice(2, 3)),
        ((np.int64(5), None), slice(5, None)),
        (None, slice(None)),
    ],
)
def test_slice_reads_the_spellings_of_the_manual(part, expected):
    X = np.arange(10)

    assert np.atleast_1d(Slice(part).transform(X)).tolist() == X[expected].tolist()


def test_slice_gives_a_view():
    X = np.zeros((4, 4))

    assert np.shares_memory(Slice(None, (1, 3)).transform(X), X)


def test_slice_takes_no_rows_lists_and_frames():
    assert Slice(None, 1).transform(np.zeros((0, 3))).shape == (0,)
    assert Slice((1,)).transform([1, 2, 3]).tolist() == [2, 3]
    assert Slice(None, -1).transform(FRAME).tolist() == [9, 8, 7, 6, 5]


@pytest.mark.parametrize(
    "part",
    [
        True,
        1.0,
        "1",
        (),
        (1, 2, 3, 4),
        (1.0,),
        ("a", 2),
        (True, 3),
        slice(1, 2),
        {1, 2},
        (0, 3, 0),
    ],
    ids=repr,
)
def test_slice_refuses_what_is_no_slice(part):
    x = sm.Input("x", shape=(None,))
    for run in (
        lambda: Slice(None, part).transform(np.zeros((2, 3))),
        lambda: sm.Pipeline(x, Slice(None, part)(x)).fit(np.zeros((2, 3))),
    ):
        with pytest.raises(ValueError, match=r"one to three integers per axis.*\(5,\) means 5"):
            run()


@pytest.mark.parametrize(
    "slices", [(), (None, 0), (1,), (None, (0, 3)), ((2,), None, (None, None, -1))], ids=repr
)
def test_slice_is_cloned_pickled_and_shown(slices):
    layer = Slice(*slices)

    for copied in (clone(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.slices == slices
        assert copied.get_params() == {"slices": slices}
    assert repr(layer) == "Slice" + (repr(slices) if len(slices) != 1 else f"({slices[0]!r})")
    assert "Slice" in layer._repr_html_()


def test_set_params_of_slice():
    layer = Slice(1)

    assert layer.set_params(slices=[None, (0, 2)]) is layer
    assert layer.slices == (None, (0, 2))
    assert layer.set_params().slices == (None, (0, 2))
    with pytest.raises(ValueError, match=r"Invalid parameter 'axis'.*\['slices'\]"):
        layer.set_params(axis=3)
    with pytest.raises(ValueError, match=r"got 3. Write slices=\(3,\)"):
        layer.set_params(slices=3)


def test_a_search_goes_over_slices():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    x, y = sm.Input("x", shape=(None,)), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(Slice(None, (0, 2))(x), y=y))
    grid = {"slice__slices": [(None, (0, 2)), (None, (2, 4)), (None, (None, None, 2))]}

    search = GridSearchCV(pipe, grid, cv=3).fit(X, X[:, 3] > 0)

    assert search.best_params_ == {"slice__slices": (None, (2, 4))}
    assert pipe.graph.steps[0].layer.slices == (None, (0, 2))


@pytest.mark.parametrize("slices", [(None, 1), (None, (1,)), (None, (None, None, -2)), (None,)])
def test_names_are_sliced_as_columns_are(slices):
    x = sm.Input("x", columns=["a", "b", "c"])
    pipe = sm.Pipeline(x, Slice(*slices)(x)).set_output(transform="pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]}, index=["u", "v"])

    result = pipe.fit_transform(frame)
    names = pipe.get_feature_names_out()

    chosen = numpy_index(slices)[1] if len(slices) > 1 else slice(None)
    assert names.tolist() == np.atleast_1d(frame.columns[chosen]).tolist()
    assert names.dtype == object
    pd.testing.assert_frame_equal(result, frame[names])


def test_one_slice_for_the_rows_keeps_their_index():
    x = sm.Input("x", columns=["a", "b"])
    pipe = sm.Pipeline(x, Slice((1, None, 2), (0, 1))(x)).set_output(transform="pandas")

    assert pipe.fit_transform(FRAME).index.tolist() == ["w", "y"]


@given(st.integers(1, 6), parts)
def test_slice_tells_the_rows_that_it_keeps(n_rows, part):
    rows = np.arange(n_rows)
    try:
        expected = np.atleast_1d(rows[numpy_index([part])[0]])
    except IndexError:
        return

    assert Slice(part).changes_rows == (part is not None)
    assert_array_equal(Slice(part).kept_rows(rows), expected)
    assert _as_index(part) == numpy_index([part])[0]


# SplitDict

PEOPLE = np.array(
    [
        {"age": 31, "city": "Oslo", "tall": True, "born": pd.Timestamp("1990-05-01")},
        {"age": 45, "city": "Ålesund", "tall": False, "born": pd.Timestamp("1976-01-31")},
        {"age": 2, "city": "日本", "tall": False, "born": pd.Timestamp("2019-12-24")},
    ]
)

numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(width=64)
values = st.one_of(numbers, st.text(), st.booleans(), st.lists(st.integers(), max_size=2))
records = st.fixed_dictionaries({"a": values, "b": values})


@given(st.lists(records, min_size=1))
def test_split_dict_gives_the_values_of_each_field(rows):
    split = SplitDict(["b", "a"]).transform(np.array(rows, dtype=object))

    for field, column in zip(["b", "a"], split, strict=True):
        assert column.shape == (len(rows),)
        for value, row in zip(column.tolist(), rows, strict=True):
            same = value == row[field] or (value != value and row[field] != row[field])
            among_floats = column.dtype.kind == "f" and value == float(row[field])
            assert same or among_floats


@pytest.mark.parametrize(
    ("field", "kind"), [("age", "i"), ("city", "O"), ("tall", "b"), ("born", "M")]
)
def test_each_field_has_a_dtype_of_its_own(field, kind):
    column = SplitDict([field]).transform(PEOPLE)

    assert column.dtype.kind == kind
    assert column[0] == PEOPLE[0][field]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2**63, 1], np.array([2**63, 1], np.uint64)),
        ([2**70, -1], np.array([2**70, -1], object)),
        ([2**63 - 1, -(2**63)], np.array([2**63 - 1, -(2**63)])),
        ([np.nan, np.inf], np.array([np.nan, np.inf])),
        ([1, 2.5], np.array([1, 2.5])),
    ],
)
def test_huge_numbers_are_not_rounded(values, expected):
    column = SplitDict(["n"]).transform(np.array([{"n": value} for value in values]))

    assert_array_equal(column, expected)
    assert column.dtype == expected.dtype


@pytest.mark.parametrize(
    ("value", "kind"), [(1, "f"), ("é", "O"), (True, "O"), (pd.Timestamp("2020"), "M"), ([1], "O")]
)
@pytest.mark.parametrize("other", [{}, {"n": None}])
def test_a_field_that_is_missing_somewhere_is_nan_there(value, kind, other):
    column = SplitDict(["n"]).transform(np.array([{"n": value}, other]))

    assert column.dtype.kind == kind
    assert column[0] == value
    assert pd.isna(column[1])
    assert column[1] is not None


def test_a_field_that_no_dictionary_has_is_refused_with_those_there_are():
    with pytest.raises(KeyError, match=r"field 'agee'; they have \['age', 'born', 'city'"):
        SplitDict(["agee"]).transform(PEOPLE)


@pytest.mark.parametrize("wrong", [1, None, [("a", 1)], "a"])
def test_what_is_no_dictionary_is_refused(wrong):
    rows = np.empty(2, dtype=object)
    rows[:] = [{"a": 1}, wrong]

    with pytest.raises(TypeError, match=rf"{type(wrong).__name__} among them. Lambda"):
        SplitDict(["a"]).transform(rows)


@pytest.mark.parametrize("dicts", [PEOPLE, PEOPLE[:, None], PEOPLE.tolist(), pd.Series(PEOPLE)])
def test_dictionaries_come_in_any_container(dicts):
    age, city = SplitDict(["age", "city"]).transform(dicts)

    assert age.tolist() == [31, 45, 2]
    assert city.tolist() == ["Oslo", "Ålesund", "日本"]


def test_no_rows_give_empty_columns():
    age, city = SplitDict(["age", "city"]).transform(PEOPLE[:0])

    assert age.shape == city.shape == (0,)


def test_the_dictionaries_stay_as_they_were():
    before = [dict(person) for person in PEOPLE]

    SplitDict(["age", "city"]).transform(untouched(PEOPLE))

    assert PEOPLE.tolist() == before


@pytest.mark.parametrize("fields", ["age", [], (), ""])
def test_fields_is_a_list(fields):
    for run in (SplitDict(fields).validate, lambda: SplitDict(fields)(sm.Input("x"))):
        with pytest.raises(ValueError, match=r"list of at least one field.*Write SplitDict\(\["):
            run()


@pytest.mark.parametrize("layer", [SplitDict(["age", "city"]), SplitDict(("age",)), Filter()])
def test_split_dict_and_filter_are_cloned_and_pickled(layer):
    for copied in (clone(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.get_params() == layer.get_params()
        assert repr(copied) == repr(layer)
        assert copied.n_outputs == layer.n_outputs


def test_the_nodes_of_fields_are_named_after_them():
    age, city = SplitDict(["age", "city"])(sm.Input("person"))

    assert (age.name, city.name) == ("age", "city")
    assert SplitDict(["age"])(sm.Input("person")).name == "age"


def test_the_nodes_of_fields_may_have_other_names():
    years, town = SplitDict(["age", "city"])(sm.Input("person"), name=["years", "town"])

    assert (years.name, town.name) == ("years", "town")


def test_the_step_has_a_name_beside_those_of_its_fields():
    person = sm.Input("person")
    nodes = SplitDict(["age", "city"])(person, "split")
    pipe = sm.Pipeline(person, list(nodes))

    pipe.set_params(split__fields=["tall", "city"])

    assert pipe.get_params()["split__fields"] == ["tall", "city"]


@pytest.mark.parametrize("fields", [["age", "age"], ["person", "age"]])
def test_a_field_named_as_another_node_is_refused(fields):
    person = sm.Input("person")
    pipe = sm.Pipeline(person, list(SplitDict(fields)(person)))

    with pytest.raises(NamingError, match="given to 2 nodes"):
        pipe.transform({"person": PEOPLE})


def test_fields_are_the_outputs_of_a_pipeline():
    person = sm.Input("person")
    pipe = sm.Pipeline(person, list(SplitDict(["age", "city"])(person)))

    for pipe_or_copy in (pipe, clone(pipe), pickle.loads(pickle.dumps(pipe))):
        result = pipe_or_copy.transform({"person": PEOPLE})
        assert list(result) == ["age", "city"]
        assert result["age"].tolist() == [31, 45, 2]
    assert pipe.fit({"person": PEOPLE}).get_feature_names_out().tolist() == ["age", "city"]


def test_one_of_several_fields_may_be_used_alone():
    person = sm.Input("person")
    age, _ = SplitDict(["age", "city"])(person)

    assert sm.Pipeline(person, age + 1).transform({"person": PEOPLE}).tolist() == [32, 46, 3]


def test_one_field_becomes_a_table_with_its_name():
    person = sm.Input("person")
    pipe = sm.Pipeline(person, SplitDict(["age"])(person)).set_output(transform="pandas")

    result = pipe.fit_transform({"person": PEOPLE})

    assert result.equals(pd.DataFrame({"age": [31, 45, 2]}))
    assert pipe.get_feature_names_out().tolist() == ["age"]


def test_fields_are_filtered_and_joined_with_names_and_index():
    person = sm.Input("person")
    age, tall = SplitDict(["age", "tall"])(person)
    adult = Lambda(lambda age: age > 17)(age)
    pipe = sm.Pipeline(person, Concatenate()([Filter()(age, adult), Filter()(tall, adult)]))
    frame = pd.DataFrame({"person": PEOPLE}, index=[4, 5, 6])

    result = pipe.set_output(transform="pandas").fit_transform(frame)

    assert_array_equal(result, [[31, 1], [45, 0]])
    assert list(result.columns) == ["age", "tall"]
    assert result.index.tolist() == [4, 5]


def test_eager_nodes_split_at_once():
    age, city = SplitDict(["age", "city"])(sm.Input("person")(PEOPLE))

    assert age.output.tolist() == [31, 45, 2]
    assert city.output.tolist()[0] == "Oslo"
