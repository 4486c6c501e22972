"""A folder that processes share: whole entries or none, and never fuller than it may be."""

import copy
import os
import pickle
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib import Parallel, delayed

from skmegatron.errors import CacheWarning
from skmegatron.io.caching import FolderCache, OpenedCache, decode, encode
from skmegatron.io.caching.envelope import SIZE
from skmegatron.io.caching.rooms import room_of
from skmegatron.testing import check_cache

#: A process that puts entries of random sizes until it is told to end, or for some turns.
WRITER = """
import secrets, sys, random
from skmegatron.io.caching import FolderCache
folder, max_bytes, turns, largest = sys.argv[1], *map(int, sys.argv[2:])
cache, turn = FolderCache(folder, max_bytes), 0
print("started", flush=True)
while turn != turns:
    number, turn = random.randrange(40), turn + 1
    cache.put(f"{number:02x}" * 16, bytes([number]) * random.randrange(largest))
    found = cache.get(f"{random.randrange(40):02x}" * 16)
    if found is not None and len(set(bytes(found))) > 1:
        sys.exit("what was got was never put")
"""


def key(number):
    return f"{number:02x}" * 16


def file_of(cache, number):
    return cache.path / key(number)[:2] / f"{key(number)}.skm"


def started(n_writers, *args):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(n_writers)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "started\n"
    return writers


def taken(folder):
    """Count the bytes of everything in a folder but its books."""
    total = 0
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".skmegatron"]
        for name in files:
            if path != str(folder):
                try:
                    total += os.stat(os.path.join(path, name)).st_size
                except FileNotFoundError:
                    continue
    return total


def counted(cache):
    """Count in a parallel worker."""
    cache.counters.add(hits=1, misses=2, seconds=0.25)
    return os.getpid()


# --- entries ----------------------------------------------------------------------------


def test_it_passes_the_battery(tmp_path):
    check_cache(lambda: FolderCache(tmp_path / "cache"))
    assert isinstance(FolderCache(tmp_path), OpenedCache)


def test_what_is_got_is_aligned_and_read_only(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(1), encode(np.arange(5.0), {}))

    found = cache.get(key(1))
    value, _ = decode(found)

    assert found.readonly
    assert value.__array_interface__["data"][0] % 64 == 0
    assert value.tolist() == [0, 1, 2, 3, 4]


def test_nothing_is_made_before_the_first_put(tmp_path):
    cache = FolderCache(tmp_path / "a" / "cache")
    cache.counters.add(misses=1)
    assert cache.get(key(0)) is None
    assert cache.stats().entries == 0
    cache.clear()

    assert not (tmp_path / "a").exists()


def test_a_folder_of_its_own_is_left_alone_by_backups_and_git(tmp_path):
    FolderCache(tmp_path / "cache").put(key(0), b"")

    tag = (tmp_path / "cache" / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (tmp_path / "cache" / ".gitignore").read_text() == "*\n"


def test_a_folder_of_others_is_not_hidden_from_git(tmp_path):
    (tmp_path / "work.py").write_text("print()")

    FolderCache(tmp_path).put(key(0), b"")

    assert not (tmp_path / ".gitignore").exists()


def test_others_may_read_an_entry_as_any_other_file(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(0), b"")
    (tmp_path / "plain").touch()

    mode = stat.S_IMODE(file_of(cache, 0).stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_it_can_be_pickled_and_copies_are_the_same(tmp_path):
    cache = FolderCache(tmp_path, max_bytes=12345)
    cache.put(key(0), b"x")

    loaded = pickle.loads(pickle.dumps(cache))

    assert repr(loaded) == repr(cache) == f"FolderCache({str(tmp_path)!r}, max_bytes=12345)"
    assert bytes(loaded.get(key(0))) == b"x"
    assert copy.copy(cache) is copy.deepcopy(cache) is cache


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = FolderCache("cache")
    monkeypatch.chdir("/")

    cache.put(key(0), b"x")

    assert (tmp_path / "cache").is_dir()


def test_a_path_that_cannot_be_a_folder_says_what_to_give(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError, match=r"got the file .*Give a folder"):
        FolderCache(tmp_path / "file")
    with pytest.raises(ValueError, match="takes the path of a folder, got ''"):
        FolderCache("")
    with pytest.raises(ValueError, match="FolderCache takes max_bytes"):
        FolderCache(tmp_path, max_bytes=-1)
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        FolderCache(tmp_path).get("../../../../../../../etc/password")


# --- damage -----------------------------------------------------------------------------


def assert_missed_and_repaired(cache, content=b"the content"):
    assert cache.get(key(1)) is None
    assert not file_of(cache, 1).exists()
    cache.put(key(1), content)
    assert bytes(cache.get(key(1))) == content


def test_an_entry_cut_off_anywhere_is_a_miss_and_is_repaired(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(1), b"the content")
    for size in range(SIZE + len(b"the content")):
        os.truncate(file_of(cache, 1), size)

        assert_missed_and_repaired(cache)


@given(bit=st.integers(0, 8 * (SIZE + 11) - 1))
def test_an_entry_with_any_bit_flipped_is_a_miss_and_is_repaired(tmp_path_factory, bit):
    cache = FolderCache(tmp_path_factory.getbasetemp() / "flipped")
    cache.put(key(1), b"the content")
    content = bytearray(file_of(cache, 1).read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file_of(cache, 1).write_bytes(content)

    assert_missed_and_repaired(cache)


def test_an_entry_with_something_after_it_is_a_miss(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(1), b"the content")
    with file_of(cache, 1).open("ab") as stream:
        stream.write(b"!")

    assert_missed_and_repaired(cache)


def test_an_entry_of_another_key_is_a_miss(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(1), b"one")
    cache.put(key(2), b"two")
    file_of(cache, 2).replace(file_of(cache, 1))

    assert_missed_and_repaired(cache)


def test_an_entry_of_another_version_is_a_miss(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(1), b"the content")
    content = bytearray(file_of(cache, 1).read_bytes())
    assert content[8] == 1
    content[8] = 2
    file_of(cache, 1).write_bytes(content)

    assert_missed_and_repaired(cache)


def test_a_folder_where_an_entry_should_be_is_a_miss(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(1), b"the content")
    file_of(cache, 1).unlink()
    file_of(cache, 1).mkdir()

    assert cache.get(key(1)) is None
    with pytest.warns(CacheWarning, match="IsADirectoryError"):
        cache.put(key(1), b"x")


def test_a_damaged_total_is_counted_again(tmp_path):
    cache = FolderCache(tmp_path, max_bytes=1000)
    for content in (b"", b"garbage", b"\xff" * 24, b"\0" * 24, b"\0" * 100):
        cache.put(key(1), b"x" * 500)
        (tmp_path / ".skmegatron" / "usage").write_bytes(content)
        cache.put(key(2), b"x" * 500)

        assert taken(tmp_path) == 500 + SIZE


def test_a_folder_removed_meanwhile_is_made_again(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    cache.put(key(1), b"x")
    cache.counters.add(hits=1)
    shutil.rmtree(tmp_path / "cache")
    assert cache.get(key(1)) is None

    cache.put(key(1), b"y")
    cache.counters.add(hits=1)

    assert bytes(cache.get(key(1))) == b"y"
    assert cache.stats().hits == 2


# --- what cannot be written ---------------------------------------------------------------


def test_a_folder_that_cannot_be_written_warns_once(tmp_path):
    cache = FolderCache(tmp_path)
    (tmp_path / key(1)[:2]).write_text("a file where a folder should be")

    with pytest.warns(CacheWarning, match=re.escape(str(tmp_path)) + ".*computed again"):
        cache.put(key(1), b"x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put(key(1), b"x")
        pickle.loads(pickle.dumps(cache)).put(key(1), b"x")
    cache.put(key(2), b"x")

    assert cache.get(key(1)) is None
    assert bytes(cache.get(key(2))) == b"x"


def test_a_full_disk_warns_and_leaves_nothing_behind(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        cache = FolderCache(disk / "cache")
        cache.put(key(1), b"x" * 100_000)
        with pytest.warns(CacheWarning, match="No space left"):
            cache.put(key(2), b"x" * 1_000_000)

        assert taken(disk / "cache") == 100_000 + SIZE
        assert cache.get(key(1)) is not None
        assert cache.get(key(2)) is None
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


# --- the bound ------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=30),
    st.integers(1, 800),
)
def test_there_is_never_more_than_the_bound(tmp_path_factory, puts, max_bytes):
    cache = FolderCache(tmp_path_factory.mktemp("bound"), max_bytes)
    for number, size in puts:
        cache.put(key(number), b"x" * size)

        assert taken(cache.path) == cache.stats().bytes <= max_bytes
        assert (cache.get(key(number)) is not None) == (size + SIZE <= max_bytes)


def test_what_was_used_last_stays(tmp_path):
    cache = FolderCache(tmp_path, max_bytes=10 * (100 + SIZE))
    for number in range(10):
        cache.put(key(number), b"x" * 100)
    cache.get(key(0))

    cache.put(key(10), b"x" * 100)

    held = {number for number in range(11) if file_of(cache, number).exists()}
    assert held == {0, 2, 3, 4, 5, 6, 7, 8, 9, 10}


def test_an_entry_that_is_too_large_replaces_by_nothing(tmp_path):
    cache = FolderCache(tmp_path, max_bytes=1000)
    cache.put(key(1), b"x")

    cache.put(key(1), b"x" * 1000)

    assert cache.get(key(1)) is None


def test_drafts_of_killed_processes_go_after_an_hour_and_count_until_then(tmp_path):
    cache = FolderCache(tmp_path, max_bytes=1000)
    cache.put(key(1), b"x" * 100)
    draft = tmp_path / "01" / f"{key(1)}.{'0' * 16}.tmp"
    draft.write_bytes(b"x" * 900)
    (tmp_path / ".skmegatron" / "usage").unlink()

    cache.put(key(2), b"x" * 100)
    assert (cache.get(key(2)), draft.exists()) == (None, True)

    os.utime(draft, (time.time() - 3700,) * 2)
    cache.put(key(2), b"x" * 100)
    assert (bytes(cache.get(key(2))), draft.exists()) == (b"x" * 100, False)


def test_processes_that_write_at_once_stay_within_the_bound(tmp_path):
    max_bytes, seen = 100_000, []
    FolderCache(tmp_path).put(key(0), b"")
    writers = started(3, tmp_path, max_bytes, 600, 20_000)
    while any(writer.poll() is None for writer in writers):
        # While we hold the lock nothing is added or renamed, so nothing is counted twice.
        with room_of(str(tmp_path), str(tmp_path / ".skmegatron" / "usage"), max_bytes):
            seen.append(taken(tmp_path))
    told = [writer.communicate()[1] for writer in writers]

    assert told == ["", "", ""]
    assert max_bytes / 2 < max(seen) <= max_bytes
    assert 0 < taken(tmp_path) <= max_bytes


def test_processes_killed_at_any_moment_leave_only_whole_entries(tmp_path):
    cache = FolderCache(tmp_path, max_bytes=2**20)
    for turn in range(4):
        writers = started(3, tmp_path, 2**20, -1, 60_000)
        time.sleep(0.05 * turn)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            assert writer.communicate()[1] == ""
    before = sorted(path.name for path in tmp_path.glob("*/*.skm"))

    for number in range(40):
        found = cache.get(key(number))
        assert found is None or set(bytes(found)) <= {number}
        cache.put(key(number), bytes([number]) * 10)
        assert bytes(cache.get(key(number))) == bytes([number]) * 10
    assert before
    assert taken(tmp_path) <= 2**20


# --- clear and stats --------------------------------------------------------------------------


def test_clear_removes_entries_and_nothing_else(tmp_path):
    cache = FolderCache(tmp_path)
    cache.put(key(1), b"x")
    others = ["notes.txt", f"01/{key(1)}.txt", f"02/{key(1)}.skm", f"sub/{key(1)}.skm", "01/a.tmp"]
    for name in others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("of somebody else")

    cache.clear()

    assert cache.stats().entries == 0
    assert cache.get(key(1)) is None
    assert all((tmp_path / name).read_text() == "of somebody else" for name in others)


def test_counts_of_all_processes_are_added_up(tmp_path):
    cache = FolderCache(tmp_path)
    cache.counters.add(hits=1)
    cache.put(key(0), b"x")
    pids = Parallel(n_jobs=2, backend="loky")([delayed(counted)(cache)] * 10)

    assert os.getpid() not in pids
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.seconds_saved) == (11, 20, 2.5)

    cache.clear()
    assert (cache.stats().hits, cache.stats().misses, cache.stats().seconds_saved) == (0, 0, 0)
    Parallel(n_jobs=2, backend="loky")([delayed(counted)(cache)] * 4)
    assert cache.stats().hits == 4


def test_more_bytes_cost_more(tmp_path):
    cache = FolderCache(tmp_path)
    first = cache.cost(1000)
    for _ in range(50):
        cache.put(key(0), b"x" * 1000)
        cache.get(key(0))

    assert 0 < cache.cost(0) < cache.cost(10**6) < cache.cost(10**9)
    assert cache.cost(1000) != first
