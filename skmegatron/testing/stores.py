"""One battery that any store can be put through, ours or a user's."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from scipy import sparse

from skmegatron.errors import SchemaError
from skmegatron.io.storage.core import HIDDEN, Held, Store, encode_key, encode_keys

#: Names that break whoever splices them into SQL, paths or patterns.
HOSTILE = (
    'a"; DROP TABLE skmegatron_tables; --',
    "it's",
    "IND",
    "ind",
    "select",
    "seq",
    "rowid",
    "a/../../b",
    "nul\0nul",
    "\U0001f600",
    "\ud800",
    "%s ? :x",
    "trailing ",
    "trailing",
    "x" * 300,
    "",
)


def check_store(make_store: Callable[[], Store]) -> None:
    """Check that a store behaves as the library expects.

    What is read is what was written, bit for bit; rows are overwritten, told apart by name,
    version and fingerprint, and dropped; refused writes leave everything as it was; any
    string can be a name.

    Parameters
    ----------
    make_store : callable
        Gives a store. Each one that it gives sees what the others wrote. Other rows may be
        there; those of the battery have names of their own and are dropped at the end.

    Raises
    ------
    AssertionError
        If something is wrong; the message says what.

    Examples
    --------
    >>> from skmegatron.io import MemoryStore
    >>> from skmegatron.testing import check_store
    >>> store = MemoryStore()
    >>> check_store(lambda: store)
    """
    store = make_store()
    assert isinstance(store, Store), f"{type(store).__name__} lacks a method of Store"
    _check_unopened(store)
    store.open()
    store.open()
    checks = [
        _check_empty,
        _check_columns,
        _check_keys,
        _check_overwriting,
        _check_fits,
        _check_schema,
        _check_replacing,
        _check_hidden,
        _check_refusals,
        _check_names,
        _check_dropping,
        _check_dropping_everywhere,
        _check_neighbours,
        _check_order,
        _check_copies,
    ]
    for check in checks:
        name = f"check {secrets.token_hex(6)}"
        try:
            check(store, name)
            _check_again(store, make_store(), name)
        finally:
            store.drop(name)
        assert not _held(store, name), f"after drop({name!r}) rows of it are left"


def columns_of_all_kinds() -> dict[str, Any]:
    """Give four rows of every kind of column that a store takes.

    Returns
    -------
    dict of str to {ndarray, sparse matrix}
    """
    rng = np.random.default_rng(0)
    numbers = np.array([0, 1, 2, 100])
    extremes = {
        f"int_{dtype}": np.array([np.iinfo(dtype).min, np.iinfo(dtype).max, 0, 1], dtype)
        for dtype in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
    }
    floats = {
        f"float_{dtype}": np.array([-0.0, np.nan, -np.inf, np.finfo(dtype).max], dtype)
        for dtype in ("f2", "f4", "f8", "g", "c8", "c16")
    }
    return {
        **extremes,
        **floats,
        "tiny": np.array([5e-324, 0.1, 1 / 3, -1e-300]),
        "flag": np.array([True, False, True, True]),
        "block": rng.normal(size=(4, 3)).astype("f4"),
        "swapped": numbers.astype(">i4").reshape(4, 1),
        "image": rng.integers(0, 255, (4, 2, 3, 3)).astype("u1"),
        "fortran": np.asfortranarray(rng.normal(size=(4, 5))),
        "nothing": np.zeros((4, 0)),
        "day": np.array(["2020-01-01", "NaT", "1900-01-01", "9999-12-31"], "M8[D]"),
        "moment": np.array([0, 1, -1, 2**62], "M8[ns]"),
        "moments": np.array([[0, 1], [2, 3], [4, 5], [6, 7]], "M8[ms]"),
        "span": np.array([0, 1, -1, 2**62], "m8[us]"),
        "word": np.array(["plain", "", "ünï\U0001f600", "\\back ' \" %s ?"]),
        "odd_word": np.array(["nul\0nul", "\ud800", "\ud83d\ude00", "line\nline"]),
        "maybe_word": np.array(["a", None, "", "\\null"], dtype=object),
        "mixed": np.array([1, "1", None, 2.5], dtype=object),
        "mixed_flags": np.array([True, 10**30, -np.inf, b"x"], dtype=object),
        "words": np.array([["a", "b"], ["", "\0c"], ["é", '"'], ["[", "]"]]),
        "records": np.array([["a", 1], [None, 2.5], ["b", True], ["", 0]], dtype=object),
        "code": np.array([b"ab", b"", b"\xff\0x", b"c"]),
        "blobs": np.array([b"ab", b"", None, b"\0\0"], dtype=object),
        "sparse": sparse.csr_matrix(np.eye(4, 6)[[0, 3, 1, 2]]),
        "sparse_array": sparse.csr_array(np.diag([0, 1, 2, 0]).astype("i4")),
    }


def assert_same(given: Any, expected: Any, what: str) -> None:
    """Compare two columns bit for bit.

    Parameters
    ----------
    given, expected : {ndarray, sparse matrix}
    what : str
        Beginning of the message.

    Raises
    ------
    AssertionError
        If they differ in type, dtype, shape or any value.
    """
    assert type(given) is type(expected), f"{what}: {type(given)} instead of {type(expected)}"
    assert given.shape == expected.shape, f"{what}: shape {given.shape} not {expected.shape}"
    dtype = expected.dtype
    little = dtype if dtype.kind == "T" else dtype.newbyteorder("<")
    assert given.dtype == little, f"{what}: dtype {given.dtype} instead of {expected.dtype}"
    if sparse.issparse(expected):
        assert_same(given.toarray(), expected.toarray(), what)
    elif dtype.kind in "OT":
        one, other = map(repr, (given.tolist(), expected.tolist()))
        assert one == other, f"{what}: {one} instead of {other}"
    else:
        same = given.tobytes() == expected.astype(little, order="C").tobytes()
        longdouble = dtype.itemsize > 8 and np.array_equal(
            given, expected, equal_nan=dtype.kind in "fc"
        )
        assert same or longdouble, f"{what}: {given!r} instead of {expected!r}"


def _check_unopened(store: Store) -> None:
    name = f"check {secrets.token_hex(6)}"
    try:
        store.write(name, "1", "f", ["0"], _pair([1]))
        _expect(store, (name, "1", "f"), ["0"], _pair([1]))
        store.drop(name)
    except Exception as error:
        raise AssertionError(f"before open() a write fails: {error!r}") from error


def _check_empty(store: Store, name: str) -> None:
    found = store.read(name, "1", "f")
    assert found == ([], {}), f"read of what was never written gives {found}"
    assert not _held(store, name), "describe lists what was never written"
    store.drop(name)
    store.write(name, "1", "f", [], {"a": np.zeros((0, 2))})
    keys, columns = store.read(name, "1", "f")
    assert keys == [], "read gives keys where no rows were written"
    assert_same(columns["a"], np.zeros((0, 2)), "a write of no rows keeps no shape")


def _check_columns(store: Store, name: str) -> None:
    columns, keys = columns_of_all_kinds(), ["0", "1", "2", "3"]
    store.write(name, "1", "f", keys, columns)
    _expect(store, (name, "1", "f"), keys, columns)
    _expect(store, (name, "1", "f"), ["2", "0"], _rows(columns, [2, 0]), keys=["2", "0"])
    _expect(store, (name, "1", "f"), [], _rows(columns, []), keys=[])
    for column, array in columns.items():
        _expect(store, (name, "1", "f"), keys, {column: array}, cols=[column])
    (held,) = _held(store, name)
    assert (held.version, held.fingerprint, held.n_rows) == ("1", "f", 4), f"describe: {held}"
    assert held.outputs["block"] == ("float32", (3,)), f"describe: {held.outputs['block']}"
    written = held.written
    assert isinstance(written, datetime), f"describe says written={written!r}, not a datetime"
    assert written.utcoffset() == timedelta(0), f"describe says written={written!r}, not in UTC"
    more = {"word": np.array(["longer than all of those before"])}
    one = {**_rows(columns, [0]), **more}
    store.write(name, "1", "f", ["4"], one)
    read = store.read(name, "1", "f", ["word"], ["4"])[1]["word"]
    assert read[0] == more["word"][0], f"longer text that comes later is cut: {read[0]!r}"


def _check_keys(store: Store, name: str) -> None:
    index = [0, "0", 0.5, True, "", "nul\0", "\ud800", "\U0001f600", b"\0", 2**70, *HOSTILE[:3]]
    index += [np.datetime64("2020-01-01"), "x" * 900, "X" * 900, " a", "a ", "a", "A", "é", "e"]
    keys = encode_keys(index)
    store.write(name, "1", "f", keys, {"a": np.arange(len(keys))})
    _expect(store, (name, "1", "f"), keys, {"a": np.arange(len(keys))})
    for row, key in enumerate(keys):
        _expect(store, (name, "1", "f"), [key], {"a": np.array([row])}, keys=[key])
    many = [encode_key(number) for number in range(3000)]
    store.write(name, "2", "f", many, {"a": np.arange(3000)})
    asked = many[::-2]
    expected = {"a": np.arange(3000)[::-2]}
    _expect(store, (name, "2", "f"), asked, expected, keys=[*asked, '"nobody"'])


def _check_overwriting(store: Store, name: str) -> None:
    where = (name, "1", "f")
    store.write(*where, ["3", "1", "2"], _pair([3, 1, 2]))
    store.write(*where, ["4", "1"], _pair([40, 10]))
    store.write(*where, ["2"], _pair([20]))
    _expect(store, where, ["3", "1", "2", "4"], _pair([3, 10, 20, 40]))
    _expect(store, where, ["4", "3"], _pair([40, 3]), keys=["4", "9", "3"])
    (held,) = _held(store, name)
    assert held.n_rows == 4, f"describe counts {held.n_rows} rows instead of 4"


def _check_fits(store: Store, name: str) -> None:
    store.write(name, "1", "f", ["0"], _pair([1]))
    store.write(name, "1", "g", ["0", "1"], _pair([2, 3]))
    store.write(name, "2", "f", ["0"], {"other": np.array([4])})
    _expect(store, (name, "1", "f"), ["0"], _pair([1]))
    _expect(store, (name, "1", "g"), ["0", "1"], _pair([2, 3]))
    _expect(store, (name, "2", "f"), ["0"], {"other": np.array([4])})
    _expect(store, (name, "1", None), ["0", "1"], _pair([2, 3]))
    store.write(name, "1", "f", ["7"], _pair([7]))
    _expect(store, (name, "1", None), ["0", "7"], _pair([1, 7]))
    order = [(held.version, held.fingerprint) for held in _held(store, name)]
    expected = [("1", "g"), ("2", "f"), ("1", "f")]
    assert order == expected, f"describe gives {order} instead of {expected}: last written last"


def _check_schema(store: Store, name: str) -> None:
    where = (name, "1", "f")
    store.write(*where, ["0"], _pair([1]))
    others = [
        ({"a": np.array([1]), "c": np.zeros((1, 2))}, "f"),
        ({"a": np.array([1]), "c": np.zeros((1, 2))}, "g"),
        ({"a": np.array([1])}, "g"),
        ({"a": np.array([1]), "b": np.zeros((1, 3))}, "f"),
        ({"a": np.array([1]), "b": np.zeros((1, 2), "f4")}, "f"),
        ({"a": np.array([1.0]), "b": np.zeros((1, 2))}, "f"),
    ]
    for columns, fingerprint in others:
        told = ""
        try:
            store.write(name, "1", fingerprint, ["0"], columns)
        except SchemaError as refused:
            told = str(refused)
        assert told, f"no SchemaError where {list(columns)} do not match"
        assert "already holds" in told, f"a SchemaError does not say what is held: {told}"
        _expect(store, where, ["0"], _pair([1]))
    assert len(_held(store, name)) == 1, "a refused write leaves a fit behind"
    wider = {"a": np.array([2]), "b": np.ones((1, 5), "f4")}
    store.write(name, "1", "g", ["0"], wider)
    _expect(store, (name, "1", "g"), ["0"], wider)


def _check_replacing(store: Store, name: str) -> None:
    store.write(name, "1", "f", ["0", "1"], _pair([1, 2]))
    store.write(name, "1", "g", ["0"], _pair([3]))
    store.write(name, "2", "f", ["0"], _pair([4]))
    store.write(name, "1", "f", ["1"], _pair([5]), replace=True)
    _expect(store, (name, "1", "f"), ["1"], _pair([5]))
    assert store.read(name, "1", "g") == ([], {}), "replace=True leaves another fit's rows"
    _expect(store, (name, "2", "f"), ["0"], _pair([4]))
    store.write(name, "1", "h", ["0"], {"c": np.array(["text"])}, replace=True)
    _expect(store, (name, "1", None), ["0"], {"c": np.array(["text"])})
    store.write(name, "1", "i", [], _pair([]), replace=True)
    left = store.read(name, "1", "h")
    assert left == ([], {}), "replace=True with no rows leaves what was held"
    _expect(store, (name, "1", "i"), [], _pair([]))


def _check_hidden(store: Store, name: str) -> None:
    where, hidden = (name, "1", "f"), {HIDDEN: np.arange(16, dtype=np.uint8).reshape(1, 16)}
    store.write(*where, ["0"], {**_pair([1]), **hidden})
    _expect(store, where, ["0"], _pair([1]))
    _expect(store, where, ["0"], hidden, cols=[HIDDEN])
    both = {HIDDEN: hidden[HIDDEN], "a": np.array([1])}
    _expect(store, where, ["0"], both, cols=[HIDDEN, "a"])
    (held,) = _held(store, name)
    assert HIDDEN in held.outputs, f"describe leaves {HIDDEN!r} out of {list(held.outputs)}"


def _check_refusals(store: Store, name: str) -> None:
    where = (name, "1", "f")
    store.write(*where, ["0"], _pair([1]))
    bad: list[tuple[type[Exception], Sequence[str], Any]] = [
        (TypeError, ["0"], {"a": np.array([{}], dtype=object), "b": np.zeros((1, 2))}),
        (TypeError, ["0"], {"a": np.array([object()]), "b": np.zeros((1, 2))}),
        (ValueError, ["0"], {"a": np.array([2]), "b": np.zeros((2, 2))}),
        (ValueError, ["1", "1"], _pair([2, 3])),
    ]
    for kind, keys, columns in bad:
        for replace in (False, True):
            try:
                store.write(*where, keys, columns, replace=replace)
            except kind:
                pass
            else:
                raise AssertionError(f"no {kind.__name__} for {columns} under {keys}")
            _expect(store, where, ["0"], _pair([1]))
    try:
        store.read(*where, cols=["nobody"])
    except KeyError:
        pass
    else:
        raise AssertionError("no KeyError for a column that is not held")


def _check_names(store: Store, name: str) -> None:
    columns = {output: np.array([row]) for row, output in enumerate(HOSTILE)}
    for place, hostile in enumerate(HOSTILE):
        index = [encode_key(hostile)]
        store.write(name, hostile, hostile, index, columns)
        store.write(name + hostile, "1", "f", index, {"a": np.array([place])})
    for place, hostile in enumerate(HOSTILE):
        index = [encode_key(hostile)]
        _expect(store, (name, hostile, hostile), index, columns)
        _expect(store, (name + hostile, "1", "f"), index, {"a": np.array([place])}, keys=index)
    held = {held.version for held in _held(store, name)}
    assert held == {*HOSTILE, "1"}, f"describe lists the versions {held}"
    for hostile in HOSTILE[:-1]:
        store.drop(name + hostile)


def _check_dropping(store: Store, name: str) -> None:
    for version in ("1", "2"):
        for fingerprint in ("f", "g"):
            store.write(name, version, fingerprint, ["0", "1", "2"], _pair([1, 2, 3]))
    store.drop(name, "1", "f", ["1", "9"])
    _expect(store, (name, "1", "f"), ["0", "2"], _pair([1, 3]))
    _expect(store, (name, "1", "f"), ["2"], _pair([3]), keys=["1", "2"])
    store.write(name, "1", "f", ["1"], _pair([7]))
    _expect(store, (name, "1", "f"), ["0", "2", "1"], _pair([1, 3, 7]))
    store.drop(name, "1", keys=["0"])
    _expect(store, (name, "1", "g"), ["1", "2"], _pair([2, 3]))
    store.drop(name, "1", "f")
    assert store.read(name, "1", "f") == ([], {}), "drop leaves rows of the fit"
    _expect(store, (name, "1", "g"), ["1", "2"], _pair([2, 3]))
    store.drop(name, "1")
    store.write(name, "1", "f", ["0"], {"new": np.array([1])})
    _expect(store, (name, "1", "f"), ["0"], {"new": np.array([1])})
    _expect(store, (name, "2", "g"), ["0", "1", "2"], _pair([1, 2, 3]))


def _check_dropping_everywhere(store: Store, name: str) -> None:
    for version in ("1", "2"):
        for fingerprint in ("f", "g"):
            store.write(name, version, fingerprint, ["0", "1"], _pair([1, 2]))
    store.drop(name, keys=["0"])
    for version in ("1", "2"):
        for fingerprint in ("f", "g"):
            _expect(store, (name, version, fingerprint), ["1"], _pair([2]))
    store.drop(name, None, "g")
    for version in ("1", "2"):
        left = store.read(name, version, "g")
        assert left == ([], {}), f"drop(name, None, 'g') leaves rows of version {version!r}"
        # The fit written to last is gone, so now it is the one before.
        _expect(store, (name, version, None), ["1"], _pair([2]))


def _check_neighbours(store: Store, name: str) -> None:
    longer = name + "b"
    store.write(longer, "1", "f", ["0"], _pair([1]))
    try:
        store.write(name, "1", "f", ["0"], _pair([2]))
        store.write(name, "1", "f", ["0"], _pair([3]), replace=True)
        assert _held(store, longer), "replace=True drops the rows of another name"
        store.drop(name)
        assert _held(store, longer), "drop('a') drops the rows of 'ab' too"
        _expect(store, (longer, "1", "f"), ["0"], _pair([1]))
    finally:
        store.drop(longer)


def _check_order(store: Store, name: str) -> None:
    where, kept = (name, "1", "f"), {"a": np.array([1, 2]), "b": np.array([3, 4])}
    store.write(*where, ["0", "1"], kept)
    store.write(*where, ["1"], {"b": np.array([40]), "a": np.array([20])})
    store.write(name, "1", "g", ["0"], {"b": np.array([5]), "a": np.array([6])})
    a, b = np.array([1, 20]), np.array([3, 40])
    _expect(store, where, ["0", "1"], {"b": b, "a": a}, cols=["b", "a"])
    _expect(store, where, ["0", "1"], {"a": a, "b": b}, cols=["a", "b"])
    _expect(store, where, ["1"], {"b": b[1:], "a": a[1:]}, cols=["b", "a"], keys=["1"])
    other = {"a": np.array([6]), "b": np.array([5])}
    _expect(store, (name, "1", "g"), ["0"], other, cols=["a", "b"])


def _check_copies(store: Store, name: str) -> None:
    where, given = (name, "1", "f"), _pair([1, 2])
    store.write(*where, ["0", "1"], given)
    for array in given.values():
        array[...] = 99
    asked: list[list[str] | None] = [None, ["0", "1"]]
    for keys in asked:
        for _ in range(2):
            read = store.read(*where, keys=keys)[1]
            for column, array in _pair([1, 2]).items():
                what = f"column {column!r}, after the arrays written or read before were changed"
                assert_same(read[column], array, what)
                assert read[column].flags.writeable, f"column {column!r} cannot be changed"
                read[column][...] = 99


def _check_again(store: Store, other: Store, name: str) -> None:
    """Check that what one store wrote, another one on the same place reads."""
    held = _held(store, name)
    assert _held(other, name) == held, "a second store on the same place describes other rows"
    for fit in held:
        where = (fit.name, fit.version, fit.fingerprint)
        keys, columns = store.read(*where)
        _expect(other, where, keys, columns)


def _pair(values: Sequence[int]) -> dict[str, Any]:
    numbers = np.array(values, dtype=np.int64)
    return {"a": numbers, "b": np.stack([numbers, numbers * 0.5], axis=1)}


def _rows(columns: Mapping[str, Any], rows: list[int]) -> dict[str, Any]:
    return {name: array[rows] for name, array in columns.items()}


def _held(store: Store, name: str) -> list[Held]:
    return [held for held in store.describe() if held.name == name]


def _expect(
    store: Store,
    where: tuple[str, str, str | None],
    expected_keys: Sequence[str],
    expected: Mapping[str, Any],
    **how: Any,
) -> None:
    keys, columns = store.read(*where, **how)
    asked = "".join(f" with {name}={value!r:.60}" for name, value in how.items())
    assert keys == list(expected_keys), f"read{asked} gives keys {keys} not {expected_keys}"
    assert list(columns) == list(expected), f"read{asked} gives columns {list(columns)}"
    for name, array in expected.items():
        assert_same(columns[name], array, f"column {name!r} read{asked}")
