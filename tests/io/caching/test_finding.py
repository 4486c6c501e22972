"""Whatever memory= takes becomes a cache; the rest is told what to write."""

import joblib
import pytest

from skmegatron.io.caching import CustomCache, FolderCache, MemoryCache, open_cache


class Shelf(dict):
    """A dict is nearly a cache."""

    put = dict.__setitem__


class Bucket(joblib.Memory):
    """Says that it writes elsewhere."""

    def __init__(self, location):
        super().__init__(location, verbose=0)
        self.backend = "s3"


def test_nothing_is_nothing():
    assert open_cache(None) is None
    assert open_cache(joblib.Memory(None)) is None


def test_a_path_is_a_folder(tmp_path):
    for path in (tmp_path / "cache", str(tmp_path / "cache")):
        cache = open_cache(path)
        assert type(cache) is FolderCache
        assert cache.path == tmp_path / "cache"


def test_a_cache_is_itself(tmp_path):
    for cache in (MemoryCache(), FolderCache(tmp_path), CustomCache(Shelf())):
        assert open_cache(cache) is cache


def test_a_joblib_memory_gives_a_folder_within_its_own(tmp_path):
    cache = open_cache(joblib.Memory(tmp_path, verbose=0))

    assert type(cache) is FolderCache
    assert cache.path == tmp_path / "skmegatron"


def test_a_joblib_memory_that_writes_elsewhere_says_what_to_pass(tmp_path):
    with pytest.raises(ValueError, match=r"backend='local', got 's3'\. Pass the path"):
        open_cache(Bucket(tmp_path))


def test_an_object_with_get_and_put_is_a_cache():
    shelf = Shelf()
    cache = open_cache(shelf)

    assert type(cache) is CustomCache
    assert cache.cache is shelf


@pytest.mark.parametrize(
    ("memory", "got"),
    [
        (3, "<class 'int'>"),
        ({}, "<class 'dict'>"),
        (True, "<class 'bool'>"),
        (MemoryCache, "the class MemoryCache, not an object of it"),
        ("redis://localhost", "'redis://localhost'"),
    ],
)
def test_anything_else_is_told_what_is_taken(memory, got):
    with pytest.raises(
        TypeError, match=r"memory= takes None, the path.*got .*MemoryCache\(\)"
    ) as e:
        open_cache(memory)
    assert got in str(e.value)


def test_an_empty_path_and_a_file_are_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ValueError, match="got ''"):
        open_cache("")
    with pytest.raises(NotADirectoryError, match="file"):
        open_cache(tmp_path / "file")
