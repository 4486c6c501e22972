"""Layers for text: arrays of strings, of any shape.

The lists of words come from two small packages that need no download, and are read when
they are first used. Whether a word goes is decided once for each distinct word of an
array, so the care that case, accents and punctuation take costs next to nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skmegatron.layers.columns import Names, one_to_one
from skmegatron.layers.core import StatelessLayer
from skmegatron.optional import optional

#: Name and ISO 639-1 code of the languages whose words the package stopwords has: few, and
#: nothing but function words.
_IN_STOPWORDS = """
    armenian:hy basque:eu bulgarian:bg chinese:zh english:en finnish:fi galician:gl german:de
    hindi:hi irish:ga japanese:ja korean:ko kurdish:ku latin:la latvian:lv lithuanian:lt
    marathi:mr russian:ru slovak:sk slovenian:sl thai:th urdu:ur
"""
#: Those that it does not have, and then those that it has without some of the ten commonest
#: words (no "de" in French and Spanish), or has in a lost encoding.
_IN_STOPWORDSISO = """
    afrikaans:af bengali:bn breton:br croatian:hr esperanto:eo estonian:et gujarati:gu hausa:ha
    hebrew:he malay:ms somali:so sotho:st swahili:sw tagalog:tl vietnamese:vi yoruba:yo zulu:zu

    arabic:ar brazilian:pt-br catalan:ca czech:cs danish:da dutch:nl french:fr greek:el
    hungarian:hu indonesian:id italian:it norwegian:no persian:fa polish:pl portuguese:pt
    romanian:ro spanish:es swedish:sv turkish:tr ukrainian:uk
"""
_FROM_ISO = dict(entry.split(":") for entry in _IN_STOPWORDSISO.split())
_CODES = _FROM_ISO | dict(entry.split(":") for entry in _IN_STOPWORDS.split())
_NAMES = {code: name for name, code in _CODES.items()}

#: One spelling for what is written in several: apostrophes, and the i of Turkish, whose
#: capitals lose or gain a dot when they are lowered as if they were English.
_ONE_SPELLING = str.maketrans(
    {
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "\N{COMBINING DOT ABOVE}": None,
    }
)


class RemoveStopwords(StatelessLayer):
    """Remove the commonest words of a language, such as "the" and "is".

    Parameters
    ----------
    language : str, default="english"
        Name of the language in English, or its ISO 639-1 code. 59 are known; a wrong name
        gives an error that lists them.

    Notes
    -----
    A word is what stands between white space. It is compared without regard to case and
    without the punctuation around it, and goes with that punctuation: "The cat, the hat"
    becomes "cat, hat". ``#`` and ``@`` are part of a word. What stays keeps its case and
    is joined by single blanks. Chinese, Japanese and Thai need blanks between their words.

    The lists come from the packages ``stopwords`` (function words only) and, where that
    has none or a poor one, ``stopwordsiso``. The 2019 library used those of nltk, which have
    to be downloaded, split at single blanks, minded case and kept "the,".

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import RemoveStopwords
    >>> RemoveStopwords().transform(np.array(["The cat, the hat", "It's NOT a Theory!"]))
    array(['cat, hat', 'Theory!'], dtype=object)
    """

    def __init__(self, language: str = "english") -> None:
        self.language = language

    def transform(self, X: Any) -> NDArray[Any]:
        """Remove the words.

        Parameters
        ----------
        X : array-like of str of shape (n_rows, ...)
            None, NaN and other missing values stay as they are.

        Returns
        -------
        ndarray of object of the shape of `X`

        Raises
        ------
        ValueError
            If `language` is not known.
        MissingDependencyError
            If the package with the words of the language is not installed.
        TypeError
            If something in `X` is neither text nor missing.
        """
        stays = _Stays(stopwords_of(self.language))
        texts = np.asarray(X, dtype=object)
        cleaned = [
            " ".join([word for word in text.split() if stays[word]])
            if isinstance(text, str)
            else _checked_missing(text)
            for text in texts.ravel().tolist()
        ]
        return np.fromiter(cleaned, object, texts.size).reshape(texts.shape)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


class _Stays(dict[str, bool]):
    """Whether a word stays, found out when it is first met."""

    def __init__(self, stopwords: frozenset[str]) -> None:
        self.stopwords = stopwords

    def __missing__(self, word: str) -> bool:
        stays = self[word] = _bare(word) not in self.stopwords
        return stays


def stopwords_of(language: str) -> frozenset[str]:
    """Give the stopwords of a language.

    Parameters
    ----------
    language : str
        Name in English, or ISO 639-1 code.

    Returns
    -------
    frozenset of str
        In lower case, without punctuation at the ends.

    Raises
    ------
    ValueError
        If the language is not known.
    MissingDependencyError
        If the package that has the words is not installed.

    Examples
    --------
    >>> from skmegatron.layers.text import stopwords_of
    >>> "the" in stopwords_of("english"), "home" in stopwords_of("en")
    (True, False)
    """
    given = language.lower() if isinstance(language, str) else ""
    name = _NAMES.get(given, given)
    if name not in _CODES:
        raise ValueError(
            f"language must be one of {', '.join(sorted(_CODES))}, or a code such as 'en', got "
            f"{language!r}."
        )
    return _load(name)


@cache
def _load(name: str) -> frozenset[str]:
    purpose = f"Removing the stopwords of {name}"
    if name in _FROM_ISO:
        package = optional("stopwordsiso", extra="text", purpose=purpose)
        words = package.stopwords(_FROM_ISO[name].split("-")[0])
    else:
        package = optional("stopwords", extra="text", purpose=purpose)
        # Some lines of these lists hold two words.
        words = " ".join(package.get_stopwords(name)).split()
    if name == "lithuanian":  # written in one encoding, read in another
        words = [word.encode("latin-1").decode("cp1257") for word in words]
    if name == "romanian":  # listed with cedillas, nowadays written with commas
        words = [*words, *(word.translate(str.maketrans("şţ", "șț")) for word in words)]
    return frozenset(_bare(word) for word in words) - {""}


def _bare(word: str) -> str:
    """Give a word in one case and spelling, without the punctuation at both ends."""
    if word.isascii():
        word = word.lower()
    else:
        word = unicodedata.normalize("NFC", word).casefold().translate(_ONE_SPELLING)
    start, end = 0, len(word)
    while start < end and _is_punctuation(word[start]):
        start += 1
    while end > start and _is_punctuation(word[end - 1]):
        end -= 1
    return word[start:end]


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] == "P" and character not in "#@"


def _checked_missing(value: Any) -> Any:
    if not pd.api.types.is_scalar(value) or not pd.isna(value):
        raise TypeError(
            f"RemoveStopwords takes text and missing values, got {value!r} of type "
            f"{type(value).__name__}. X.astype(str) turns numbers into text, "
            "np.char.decode(X) bytes; ' '.join(words) joins a list of words."
        )
    return value
