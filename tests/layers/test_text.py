"""Removing stopwords: which words go, which stay, what is kept as it is, and the languages."""

# ruff: noqa: RUF001 - the texts are in other alphabets, on purpose

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import stopwords
import stopwordsiso
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer

import skmegatron as sm
from skmegatron.errors import MissingDependencyError
from skmegatron.layers import text as module
from skmegatron.layers.text import RemoveStopwords, stopwords_of
from skmegatron.testing import check_layer

law = settings(deadline=None, max_examples=80)

ENGLISH = sorted(word for word in stopwords.get_stopwords("english") if word)
CONTENT = ["cat", "Haus", "naïve", "日本語", "🐘", "42", "a.m", "x-ray", "home", "computer"]
MARKS = ["", ",", ".", "!?", '"', "(", ")", "…", "“", "”", "«", "—", "'"]

words = st.sampled_from(ENGLISH).flatmap(
    lambda word: st.sampled_from([word, word.upper(), word.title(), word.replace("'", "\u2019")])
)
marked = st.tuples(st.sampled_from(MARKS), words, st.sampled_from(MARKS)).map("".join)
blanks = st.sampled_from([" ", "  ", "\t", "\n", "\u00a0", "\u2003"])


def cleaned(text, language="english"):
    (result,) = RemoveStopwords(language).transform(np.array([text], dtype=object))
    return result


# Words


@law
@given(st.lists(st.tuples(marked | st.sampled_from(CONTENT), blanks)))
def test_exactly_the_stopwords_go_with_the_punctuation_around_them(tokens):
    text = "".join(token + blank for token, blank in tokens)

    kept = [token for token, _ in tokens if token in CONTENT]
    assert cleaned(text) == " ".join(kept)


@law
@given(st.text())
def test_any_text_at_all_gives_some_of_its_words_in_their_order(text):
    left, there = cleaned(text).split(), text.split()

    remaining = iter(there)
    assert all(word in remaining for word in left)
    assert cleaned(cleaned(text)) == cleaned(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat, the hat", "cat, hat"),
        ("It's NOT a Theory!", "Theory!"),
        ("don't don’t DON’T", ""),
        ("otherwise theory notable", "otherwise theory notable"),
        ("state-of-the-art", "state-of-the-art"),
        ("#the @me A+ C++ $it", "#the @me A+ C++ $it"),
        ("- & ... !", "- & ... !"),
        ("_the_ *and* (or) [of]", ""),
        ("", ""),
        ("   ", ""),
        ("\tcat \n\n dog\r\n", "cat dog"),
    ],
)
def test_what_counts_as_a_word(text, expected):
    assert cleaned(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("turkish", "İÇİN KIRK ŞEY ve Kedi", "Kedi"),
        ("german", "DASS daß Straße", "Straße"),
        ("greek", "ΤΟ ἄλλος Σπίτι", "Σπίτι"),
        ("romanian", "casa și masa şi", "casa masa"),
        ("french", "l'eau de la mer e\u0301te\u0301 été", "l'eau mer"),
        ("lithuanian", "aš iš namas", "namas"),
        ("bulgarian", "и т.н., котка", "котка"),
        ("irish", "b' d’ teach", "teach"),
        ("hindi", "यह घर है।", "घर"),
        ("hebrew", "של הבית", "הבית"),
    ],
)
def test_case_accents_and_endings_are_those_of_the_language(language, text, expected):
    assert cleaned(text, language) == expected


# Languages

COMMONEST = {
    "arabic": "في من على إلى أن",
    "bulgarian": "на и в за да",
    "catalan": "de la el i que del",
    "croatian": "i je u na se",
    "czech": "a v se na je že",
    "danish": "og i at det er",
    "dutch": "de van een het en op",
    "english": "the of and to a in",
    "estonian": "ja on ei ta et",
    "finnish": "ja on ei se että",
    "french": "de la le et les à un une",
    "german": "der die und in den",
    "greek": "το και να του η",
    "hungarian": "a az és hogy nem is",
    "indonesian": "yang dan di untuk dengan",
    "italian": "di e il che la per non",
    "latvian": "un ir ar no par",
    "norwegian": "og i det er på",
    "persian": "و در به از که این",
    "polish": "i w na z do się",
    "portuguese": "de a o que e do da",
    "romanian": "de și în a la cu",
    "russian": "и в не на я",
    "slovak": "a v na sa je",
    "slovenian": "je in v na da",
    "spanish": "de la que el en y",
    "swedish": "och i att det är",
    "turkish": "ve bir bu da de",
    "ukrainian": "що та з це як",
}


@pytest.mark.parametrize("language", COMMONEST)
def test_the_commonest_words_of_a_language_are_removed(language):
    assert cleaned(COMMONEST[language], language) == ""


def test_every_language_of_both_packages_is_there_under_its_name_and_its_code():
    codes = {*stopwords.LANGUAGE_MAPPING, *stopwordsiso.langs()}
    names = set(stopwords.AVAILABLE_LANGUAGES) - {"ukranian"}

    assert {code.lower() for code in codes} == set(module._NAMES)
    assert names <= set(module._CODES)
    assert len(module._CODES) == len(module._NAMES) == 59
    for code, name in module._NAMES.items():
        assert len(stopwords_of(name)) >= 29
        assert stopwords_of(code) is stopwords_of(name) is stopwords_of(name.upper())


@pytest.mark.parametrize("language", sorted(module._CODES))
def test_no_word_of_a_list_is_empty_or_capital(language):
    listed = stopwords_of(language)

    assert "" not in listed
    assert all(word == module._bare(word) for word in listed)


def test_english_words_with_a_meaning_of_their_own_stay():
    assert cleaned("my home computer is good") == "home computer good"


@pytest.mark.parametrize("language", ["klingon", "", None, 3, ["english", "french"]], ids=repr)
def test_an_unknown_language_is_refused_with_those_there_are(language):
    with pytest.raises(ValueError, match=r"afrikaans, .*, english, .*, zulu") as caught:
        RemoveStopwords(language).transform(np.array(["x"]))

    assert str(caught.value).endswith(f"got {language!r}.")


@pytest.mark.parametrize(
    ("package", "language"), [("stopwords", "english"), ("stopwordsiso", "french")]
)
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    package, language, monkeypatch
):
    monkeypatch.setitem(sys.modules, package, None)
    module._load.cache_clear()

    with pytest.raises(
        MissingDependencyError, match=rf"of {language} needs the package '{package}'"
    ):
        RemoveStopwords(language).transform(np.array(["x"]))


def test_one_package_is_enough_for_the_languages_it_has(monkeypatch):
    monkeypatch.setitem(sys.modules, "stopwordsiso", None)
    module._load.cache_clear()

    assert cleaned("the cat") == "cat"


def test_the_words_of_a_language_are_read_once():
    assert stopwords_of("english") is stopwords_of("english")


# Arrays


@law
@given(
    hnp.arrays(object, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0), elements=st.text())
)
def test_the_shape_stays_and_each_text_is_cleaned_on_its_own(texts):
    result = RemoveStopwords().transform(texts)

    assert result.dtype == object
    assert result.shape == texts.shape
    assert result.ravel().tolist() == [cleaned(text) for text in texts.ravel()]


def test_missing_values_stay_as_they_are():
    texts = np.array([["the cat", None], [np.nan, pd.NA], [pd.NaT, "a"]], dtype=object)

    result = RemoveStopwords().transform(texts)

    assert result[0].tolist() == ["cat", None]
    assert result[1, 0] is texts[1, 0]
    assert result[1, 1] is pd.NA
    assert result[2].tolist() == [pd.NaT, ""]


@pytest.mark.parametrize(
    "texts",
    [
        ["the cat", "a dog"],
        np.array(["the cat", "a dog"]),
        np.array(["the cat", "a dog"], dtype=np.dtypes.StringDType()),
        pd.Series(["the cat", "a dog"], index=[5, 5]),
        pd.Series(["the cat", "a dog"], dtype="string"),
        pd.Series(["the cat", "a dog"], dtype="category"),
        pl.Series(["the cat", "a dog"]),
        pa.array(["the cat", "a dog"]),
    ],
    ids=lambda texts: f"{type(texts).__module__}-{getattr(texts, 'dtype', '')}",
)
def test_every_container_of_text_gives_an_object_array(texts):
    result = RemoveStopwords().transform(texts)

    assert result.dtype == object
    assert result.tolist() == ["cat", "dog"]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_frames_of_text_give_a_two_dimensional_array(frame):
    texts = frame({"title": ["the cat", None], "body": ["a dog", "is it"]})

    result = RemoveStopwords().transform(texts)

    assert result[:, 1].tolist() == ["dog", ""]
    assert result[0, 0] == "cat"
    assert pd.isna(result[1, 0])


def test_the_input_is_not_written_to_however_it_lies_in_memory():
    texts = np.array([["the cat", "a dog"], ["an owl", None]], dtype=object)
    texts.flags.writeable = False

    assert RemoveStopwords().transform(texts.T).tolist() == [["cat", "owl"], ["dog", None]]
    assert RemoveStopwords().transform(texts[::-1, 1:]).tolist() == [[None], ["dog"]]
    assert texts[0, 0] == "the cat"


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (3, "3 of type int"),
        (b"the cat", r"b'the cat' of type bytes.*np\.char\.decode"),
        (["the", "cat"], r"\['the', 'cat'\] of type list.*' '\.join"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do(thing, said):
    texts = np.empty(2, object)
    texts[:] = ["the cat", thing]

    with pytest.raises(TypeError, match=f"got {said}"):
        RemoveStopwords().transform(texts)


# In company


@pytest.mark.parametrize("language", ["english", "fr"])
def test_the_layer_passes_the_battery(language):
    texts = np.array([["The cat, the hat", None], ["le chat et la mer", "x"]] * 3, dtype=object)

    check_layer(RemoveStopwords(language), texts)


def test_the_layer_works_in_a_pipeline_its_clones_and_with_other_parameters():
    comment = sm.Input("comment")
    short = RemoveStopwords()(comment, "short")
    pipe = sm.Pipeline(comment, sm.layers.Sklearn(CountVectorizer())(short))
    texts = np.array(["The cat and the hat", "un chat et la mer", "is it the cat?"])

    counts = pipe.fit_transform(texts).toarray()
    other = clone(pipe).set_params(short__language="french").fit(texts)

    assert_array_equal(clone(pipe).fit(texts).transform(texts).toarray(), counts)
    assert sorted(pipe.steps_["countvectorizer"].vocabulary_) == [
        *["cat", "chat", "et", "hat", "la", "mer", "un"]
    ]
    assert sorted(other.steps_["countvectorizer"].vocabulary_) == [
        *["and", "cat", "chat", "hat", "is", "it", "mer", "the"]
    ]


def test_the_names_of_the_columns_are_passed_on():
    X = pd.DataFrame({"title": ["the cat", "a dog"], "body": ["x", "the y"]})
    table = sm.Input("table", shape=(None,))
    pipe = sm.Pipeline(table, RemoveStopwords()(table)).set_output(transform="pandas")

    result = pipe.fit_transform(X)

    assert result.columns.tolist() == ["title", "body"]
    assert result.to_numpy().tolist() == [["cat", "x"], ["dog", "y"]]
