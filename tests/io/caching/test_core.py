"""How figures are told, and which objects are caches."""

import pytest

from skmegatron.io.caching import Cache, CacheStats


class Shelf(dict):
    """A dict is nearly a cache."""

    put = dict.__setitem__


@pytest.mark.parametrize(
    ("n_bytes", "told"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_600, "1.0 MB"),
        (2**30, "1.1 GB"),
        (10**16, "10000.0 TB"),
    ],
)
def test_sizes_are_told_in_units(n_bytes, told):
    assert str(CacheStats(0, 0, 2, n_bytes, 0.0)) == (
        f"0 hits, 0 misses, 2 entries, {told}, 0.0 s saved"
    )


def test_what_is_not_known_is_not_told():
    assert str(CacheStats(1, 1, None, None, 0.25)) == "1 hit, 1 miss, 0.2 s saved"


def test_any_object_with_get_and_put_is_a_cache():
    assert isinstance(Shelf(), Cache)
    assert not isinstance({}, Cache)
