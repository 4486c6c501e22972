"""What text files may hold, and what is told when they cannot be read."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skmegatron.errors import EncodingError, MissingColumnError, ReadError
from skmegatron.io import CSVData, CSVGenerator


@pytest.fixture
def write(tmp_path):
    def write(content, encoding="utf-8"):
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def columns(batches, name):
    return [batch[name].tolist() for batch in batches]


# --- dtypes ---------------------------------------------------------------------------


def test_text_stays_text_where_a_later_batch_holds_only_digits(write):
    batches = CSVGenerator(write("zip\nA1\n007\n010\n"), batch_size=1)

    assert columns(batches, "zip") == [["A1"], ["007"], ["010"]]


def test_floats_stay_floats_where_a_later_batch_holds_only_integers(write):
    batches = CSVGenerator(write("n\n1.5\n2\n\n3\n"), batch_size=1)

    assert [batch["n"].dtype for batch in batches] == [np.float64] * 3


def test_words_of_truth_with_a_gap_stay_what_they_are(write):
    batches = CSVGenerator(write("ok,n\nTrue,1\n,2\nFalse,3\n,4\n"), batch_size=2)

    assert [batch["ok"].dtype for batch in batches] == [object, object]
    assert [batch["ok"][0] for batch in batches] == [True, False]


def test_words_of_truth_with_a_gap_stand_beside_text(write):
    batches = CSVGenerator(write("a,b\n,x\nTrue,y\nFalse,z\n,w\n"), batch_size=2)

    assert columns(batches, "b") == [["x", "y"], ["z", "w"]]
    assert [batch["a"][place] for batch, place in zip(batches, (1, 0), strict=True)] == [
        True,
        False,
    ]


def test_word_that_is_none_of_truth_is_told_where_gaps_are_allowed(write):
    path = write("a,b\nTrue,1\n,2\n,3\nmaybe,4\n")

    with pytest.raises(ReadError, match=r"line 5: 'maybe' in column 'a', row 3.*boolean"):
        list(CSVGenerator(path, batch_size=2))


@pytest.mark.parametrize("first", ["1,2,3", '"1",2,3'])
def test_line_with_too_few_fields_is_told_where_its_gap_does_not_fit(write, first):
    path = write(f"a,b,c\n{first}\n1,2\n")

    with pytest.raises(ReadError, match=r"line 3: 2 fields, where the header .* has 3"):
        list(CSVGenerator(path, batch_size=1))


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("uint8", "-1"), ("uint8", "300"), ("int8", "200"), ("uint8", "1.5"), ("float16", "1e10")],
)
def test_number_that_the_asked_dtype_does_not_hold_is_told_by_line(write, dtype, value):
    path = write(f"n\n1\n2\n{value}\n")
    words = rf"line 4: .* in column 'n', row 2, does not fit {dtype}, .* asked.*'float64'"

    with pytest.raises(ReadError, match=words):
        list(CSVGenerator(path, batch_size=2, dtype={"n": dtype}))
    with pytest.raises(ReadError, match=words):
        CSVData(path, dtype={"n": dtype})


def test_infinity_is_read_as_a_narrow_float(write):
    data = CSVData(write("n\n1\ninf\n-inf\n"), dtype={"n": "float16"})

    assert data["n"].tolist() == [1, np.inf, -np.inf]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_integers_beyond_64_bits_are_integers_whatever_the_batch_size(write, size):
    path = write(f"n,m\n{10**22},1\n2,2\n3,3\n{10**23},4\n")

    batches = CSVGenerator(path, batch_size=size)

    assert [n for part in columns(batches, "n") for n in part] == [10**22, 2, 3, 10**23]


def test_text_among_integers_beyond_64_bits_is_told(write):
    path = write(f"n\n{10**22}\n2\nmany\n")

    with pytest.raises(ReadError, match="line 4: 'many' in column 'n', row 2, is no integer"):
        list(CSVGenerator(path, batch_size=2))


def test_separator_that_is_to_be_guessed_is_refused(write):
    with pytest.raises(TypeError, match=r"sep=None cannot be passed.*Write sep=';'"):
        CSVGenerator(write("a;b\n1;2\n"), sep=None)


def test_first_batch_settles_dtypes_with_all_of_its_rows(write):
    path = write("n\n" + "1\n" * 3000 + "1.5\n" * 3000 + "2\n")

    assert [batch["n"].dtype for batch in CSVGenerator(path, batch_size=4000)] == [float, float]
    assert [len(batch) for batch in CSVGenerator(path, batch_size=4000)] == [4000, 2001]


@pytest.mark.parametrize(
    ("first", "value", "dtype", "shown", "advice"),
    [
        ("1", "", "int64", "A missing value", "float64"),
        ("1", "1.5", "int64", "1.5", "float64"),
        ("1", "old", "int64", "'old'", "object"),
        ("1", "99999999999999999999", "int64", "1e+20", "float64"),
        ("1.5", "old", "float64", "'old'", "object"),
        ("True", "", "bool", "A missing value", "object"),
        ("True", "maybe", "bool", "'maybe'", "object"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 100, 3000])
def test_later_value_of_another_kind_is_told_by_line_column_row_and_advice(
    write, first, value, dtype, shown, advice, size
):
    path = write("id,age\n" + f"0,{first}\n" * 3000 + f"1,{value}\n" + f"2,{first}\n" * 20)
    words = (
        f"{path}, line 3002: {shown} in column 'age', row 3000, does not fit {dtype}, which the "
        f"column is read as, as its first batch was. Write dtype={{'age': '{advice}'}}"
    )
    seen = []

    with pytest.raises(ReadError, match=re.escape(words)):
        seen.extend(len(batch) for batch in CSVGenerator(path, batch_size=size))

    assert sum(seen) == 3000 // size * size
    read = CSVGenerator(path, batch_size=size, dtype={"age": advice})
    assert sum(len(batch) for batch in read) == 3021


def test_line_is_told_where_values_span_lines_and_lines_are_blank(write):
    path = write('n,text\n1,"two\nlines, one value"\n\n2,b\nx,c\n')

    with pytest.raises(ReadError, match="line 6: 'x' in column 'n', row 2"):
        list(CSVGenerator(path, batch_size=1))


def test_dates_are_read_where_asked_and_stay_dates(write):
    path = write("day,n\n2024-01-01,1\n,2\n2024-01-03,3\n")

    batches = list(CSVGenerator(path, batch_size=1, parse_dates=["day"]))

    assert len({batch["day"].dtype for batch in batches}) == 1
    assert_array_equal(
        np.concatenate([batch["day"] for batch in batches]),
        np.array(["2024-01-01", "NaT", "2024-01-03"], dtype="datetime64[us]"),
    )


def test_date_that_is_none_is_told(write):
    path = write("day,n\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\nsoon,4\n")

    with pytest.raises(ReadError, match=r"line 5: 'soon' in column 'day', row 3.*datetime64"):
        list(CSVGenerator(path, batch_size=2, parse_dates=["day"]))


@pytest.mark.parametrize("parse_dates", [["day"], [0]])
def test_first_date_settles_how_all_of_them_are_written(write, parse_dates):
    path = write("day,n\n01/02/2020,1\n02/02/2020,2\n13/02/2020,3\n")
    options = {"parse_dates": parse_dates}
    months = ["2020-02-01", "2020-02-02", "2020-02-13"]

    with pytest.raises(ReadError, match=r"line 4: '13/02/2020' in column 'day', row 2"):
        list(CSVGenerator(path, batch_size=2, **options))
    for more in ({"dayfirst": True}, {"date_format": "%d/%m/%Y"}):
        days = [batch["day"] for batch in CSVGenerator(path, batch_size=2, **options, **more)]
        assert_array_equal(np.concatenate(days), np.array(months, dtype="datetime64[us]"))


def test_asking_for_dates_by_dtype_says_what_to_write(write):
    with pytest.raises(TypeError, match=r"parse_dates=\['day'\]"):
        CSVGenerator(write("day\n2024-01-01\n"), dtype={"day": "datetime64[s]"})


def test_narrow_integers_are_checked_and_not_wrapped(write):
    path = write("n\n1\n300\n")

    assert CSVData(path, dtype="int16")["n"].dtype == np.int16
    with pytest.raises(ReadError, match="300 in column 'n', row 1, does not fit int8"):
        CSVData(path, dtype="int8")


# --- lines ----------------------------------------------------------------------------


def test_quoted_commas_and_line_breaks_belong_to_the_value(write):
    path = write('a,b\n"x,1","two\nlines"\n"say ""so""",é\n')

    data = CSVData(path)

    assert data["a"].tolist() == ["x,1", 'say "so"']
    assert data["b"].tolist() == ["two\nlines", "é"]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_line_with_too_many_fields_is_told(write, size):
    path = write("a,b\n1,2\n3,4\n5,6,7\n")

    with pytest.raises(ReadError, match=r"line 4: 3 fields, where the header \['a', 'b'\] has 2"):
        list(CSVGenerator(path, batch_size=size))
    with pytest.raises(ReadError, match="line 4: 3 fields"):
        CSVData(path)


def test_first_line_with_too_many_fields_is_told_at_once(write):
    with pytest.raises(ReadError, match="line 2: 3 fields"):
        CSVGenerator(write("a,b\n1,2,3\n4,5,6\n"))


@pytest.mark.parametrize("row", ["1,2", "x,y"])
def test_header_among_the_rows_is_told(write, row):
    path = write(f"a,b\n{row}\n{row}\na,b\n{row}\n")

    with pytest.raises(ReadError, match=r"line 4 repeats the header \['a', 'b'\]"):
        list(CSVGenerator(path, batch_size=2))


def test_quote_that_never_ends_is_told(write):
    with pytest.raises(ReadError, match=r"rows\.csv is malformed: .*EOF inside string"):
        list(CSVGenerator(write('a,b\n1,2\n3,"four\n'), batch_size=2))


def test_header_that_changes_between_passes_is_told(write):
    batches = CSVGenerator(write("a,b\n1,2\n"))
    list(batches)
    write("a,c\n1,2\n")

    with pytest.raises(ReadError, match=r"has changed.*was \['a', 'b'\], now it is \['a', 'c'\]"):
        list(batches)


def test_rows_that_are_added_between_passes_are_read(write):
    batches = CSVGenerator(write("a\n1\n"))
    assert columns(batches, "a") == [[1]]
    write("a\n1\n2\n")

    assert columns(batches, "a") == [[1, 2]]


# --- files ----------------------------------------------------------------------------


def test_file_that_is_not_there_is_told_at_once(tmp_path):
    for reader in (CSVGenerator, CSVData):
        with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
            reader(tmp_path / "nothing.csv")


def test_empty_file_is_told(write):
    with pytest.raises(ReadError, match=r"rows\.csv is empty"):
        CSVGenerator(write(""))


def test_header_alone_makes_columns_without_rows(write):
    path = write("a,b\n")

    assert list(CSVGenerator(path)) == []
    assert CSVData(path).shape == (0,)
    assert CSVData(path, dtype={"a": float})["a"].dtype == float


def test_two_columns_of_one_name_are_refused(write):
    with pytest.raises(ReadError, match=r"rows\.csv has two columns 'a', at positions 0 and 2"):
        CSVGenerator(write("a,b,a\n1,2,3\n"))


def test_column_without_a_name_is_called_as_pandas_calls_it(write):
    assert CSVGenerator(write(",b\n1,2\n")).columns == ["Unnamed: 0", "b"]


@pytest.mark.parametrize("n_before", [0, 5, 5000])
def test_byte_of_another_encoding_is_told_by_line_and_offset(write, n_before):
    head = b"id,city\n" + b"1,\xc3\xa9\n" * n_before
    path = write(head + b"2,caf\xe9\n")
    words = f"line {n_before + 2}: byte 0xe9 at offset {len(head) + 5} of the file is not utf-8"

    with pytest.raises(EncodingError, match=words + ".*encoding='latin-1'"):
        list(CSVGenerator(path, batch_size=2))
    assert CSVData(path, encoding="latin-1")["city"][-1] == "café"


def test_encoding_errors_are_unicode_errors(write):
    with pytest.raises(UnicodeError, match="offset 0"):
        CSVGenerator(write("a\n1\n", encoding="utf-16"))


def test_other_encodings_are_read(write):
    assert CSVData(write("a\né\n", "utf-16"), encoding="utf-16")["a"].tolist() == ["é"]
    assert CSVData(write("a\né\n", "utf-8-sig"))["a"].tolist() == ["é"]


# --- options --------------------------------------------------------------------------


def test_options_of_pandas_are_passed_on(write):
    path = write("a;b\n1,5;-\n2,5;x\n")

    data = CSVData(path, sep=";", decimal=",", na_values=["-"])

    assert data["a"].tolist() == [1.5, 2.5]
    assert pd.isna(data["b"]).tolist() == [True, False]


@pytest.mark.parametrize(
    "option", ["chunksize", "usecols", "header", "names", "index_col", "engine"]
)
def test_option_that_is_not_free_is_refused_by_name(write, option):
    with pytest.raises(TypeError, match=f"'{option}' cannot be passed"):
        CSVGenerator(write("a\n1\n"), **{option: 1})


def test_option_that_pandas_does_not_have_is_refused(write):
    with pytest.raises(TypeError, match="sepp"):
        CSVGenerator(write("a\n1\n"), sepp=";")


def test_packed_files_are_read_and_their_faults_told_by_row(tmp_path):
    path = tmp_path / "rows.csv.gz"
    pd.DataFrame({"n": [1, 2, "x"]}).to_csv(path, index=False)

    with pytest.raises(ReadError, match=r"rows\.csv\.gz: 'x' in column 'n', row 2"):
        list(CSVGenerator(path, batch_size=1))


def test_nrows_reads_the_first_rows(write):
    path = write("a\n1\n2\nx\n")

    assert CSVData(path, nrows=2)["a"].tolist() == [1, 2]
    assert CSVData(path, ["a"][:0], 0).shape == (0,)
    with pytest.raises(ValueError, match="nrows must be at least 0, got -1"):
        CSVData(path, nrows=-1)


def test_unknown_column_is_refused_at_once(write):
    with pytest.raises(MissingColumnError, match=r"'z', which exclude_cols names.*\['a'\]"):
        CSVGenerator(write("a\n1\n"), exclude_cols=["z"])


def test_column_that_is_left_out_may_hold_anything(write):
    path = write("a,b\n1,1\n2,2\n3,x\n4,\n")

    assert columns(CSVGenerator(path, 1, ["b"]), "a") == [[1], [2], [3], [4]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 39))
def test_batches_before_a_malformed_line_are_read(tmp_path_factory, n_rows, size, place):
    path = tmp_path_factory.getbasetemp() / "malformed.csv"
    place = min(place, n_rows - 1)
    path.write_text(
        "a,b\n1,2\n" + "".join("3,4,5\n" if n == place else "3,4\n" for n in range(n_rows))
    )
    seen = []

    with pytest.raises(ReadError, match=f"line {place + 3}: 3 fields"):
        seen.extend(len(batch) for batch in CSVGenerator(path, size))

    assert sum(seen) == (place + 1) // size * size


def test_a_line_with_too_few_fields_is_told(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("a,b,c\n1,2.5,x\n2,1.5\n3,4.5,z\n")

    with pytest.raises(ReadError, match=r"short.csv, line 3: 2 fields, where the header.*has 3"):
        CSVData(path)
    batches = iter(CSVGenerator(path, batch_size=1))
    assert next(batches)["c"].tolist() == ["x"]
    with pytest.raises(ReadError, match="line 3: 2 fields"):
        next(batches)


def test_a_file_that_was_cut_off_is_told(tmp_path):
    path = tmp_path / "cut.csv"
    path.write_text("a,b\n" + "1.5,2.5\n" * 5000 + "1.5")

    with pytest.raises(ReadError, match="line 5002: 1 fields"):
        list(CSVGenerator(path, batch_size=1000))


def test_gaps_and_empty_lines_are_no_short_lines(tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("a,b\n1,\n\n2,x\n\n")

    assert CSVData(path)["a"].tolist() == [1, 2]


def test_a_quoted_separator_does_not_hide_or_make_a_short_line(tmp_path):
    path = tmp_path / "quoted.csv"
    path.write_text('a,b\n"1,5",\n2,x\n')

    assert CSVData(path)["a"].tolist() == ["1,5", "2"]
