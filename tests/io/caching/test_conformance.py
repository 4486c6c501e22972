"""The battery finds what is wrong with a cache; ours pass it in the tests of each."""

import pytest

from skmegatron.testing import check_cache


class Shelf(dict):
    """A dict is nearly a cache."""

    def put(self, key, value):
        self[key] = bytes(value)


class Keeps(Shelf):
    put = dict.__setitem__


class Forgets(Shelf):
    def put(self, key, value):
        """Keep nothing."""


class Cuts(Shelf):
    def put(self, key, value):
        self[key] = bytes(value[:1000])


class Shortens(Shelf):
    def put(self, key, value):
        self[key[:31]] = bytes(value)

    def get(self, key):
        return super().get(key[:31])


class Raises(Shelf):
    def get(self, key):
        return self[key]


class Texts(Shelf):
    def get(self, key):
        return bytearray(self[key]).decode("latin-1") if key in self else None


class Reuses(Shelf):
    def put(self, key, value):
        self.setdefault(key, bytearray())[:] = value


class First(Shelf):
    def put(self, key, value):
        self.setdefault(key, bytes(value))


def test_a_dict_that_copies_passes():
    shelf = Shelf()

    check_cache(lambda: shelf)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (dict, "dict lacks a method of Cache"),
        (Keeps, "after the buffer that was put has changed"),
        (Forgets, "get gives None after a put"),
        (Cuts, "after a put of bytes"),
        (Shortens, "after keys like it were put"),
        (Raises, "never put raises KeyError"),
        (Texts, "gives a <class 'str'> instead of bytes"),
        (Reuses, "what get gave changes with the next put"),
        (First, "after a put of a memoryview"),
    ],
)
def test_a_fault_is_found(kind, words):
    cache = kind()

    with pytest.raises(AssertionError, match=words):
        check_cache(lambda: cache)


def test_caches_that_do_not_see_each_others_entries_are_found():
    with pytest.raises(AssertionError, match="by another cache on the same place"):
        check_cache(Shelf)
