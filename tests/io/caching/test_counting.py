"""Counts outlive processes, survive damage, and are nobody else's."""

import os
import subprocess
import sys
import threading

from skmegatron.io.caching.counting import Counters, Counts, SharedCounters

ADDER = """
import os, signal, sys
from skmegatron.io.caching.counting import SharedCounters
counters = SharedCounters(sys.argv[1])
for _ in range(100):
    counters.add(hits=1, misses=1, seconds=0.5)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_threads_count_together():
    counters = Counters()

    def count():
        for _ in range(1000):
            counters.add(hits=1, seconds=0.5)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counters.read() == Counts(4000, 0, 2000.0)


def test_counts_of_killed_processes_stay_and_their_files_are_taken_up(tmp_path):
    own = SharedCounters(str(tmp_path))
    own.add(hits=1)
    for _ in range(3):
        subprocess.run([sys.executable, "-c", ADDER, str(tmp_path)], check=False)

    assert own.read() == Counts(301, 300, 150.0)
    assert len(list(tmp_path.glob("counts-*"))) == 2


def test_counts_go_on_where_a_process_before_ended(tmp_path):
    SharedCounters(str(tmp_path)).add(hits=3)

    again = SharedCounters(str(tmp_path))
    again.add(misses=1)

    assert again.read() == Counts(3, 1, 0.0)
    assert len(list(tmp_path.glob("counts-*"))) == 1


def test_two_that_live_at_once_have_a_file_each(tmp_path):
    one, other = SharedCounters(str(tmp_path)), SharedCounters(str(tmp_path))
    one.add(hits=1)
    other.add(hits=2)

    assert one.read() == other.read() == Counts(3, 0, 0.0)
    one.clear()
    assert one.read() == other.read() == Counts()
    other.add(hits=5)
    assert one.read() == Counts(5, 0, 0.0)


def test_before_there_is_a_folder_counts_are_kept(tmp_path):
    counters = SharedCounters(str(tmp_path / "later"))
    counters.add(hits=1)
    assert counters.read() == Counts(1, 0, 0.0)
    (tmp_path / "later").mkdir()

    counters.publish()

    assert SharedCounters(str(tmp_path / "later")).read() == Counts(1, 0, 0.0)


def test_a_damaged_file_counts_nothing(tmp_path):
    SharedCounters(str(tmp_path)).add(hits=1)
    (tmp_path / "counts-7").write_bytes(b"garbage")
    (tmp_path / "counts-8").write_bytes(b"\xff" * 32)

    assert SharedCounters(str(tmp_path)).read() == Counts(1, 0, 0.0)


def test_a_forked_process_counts_for_itself(tmp_path):
    counters = SharedCounters(str(tmp_path))
    counters.add(hits=1)
    script = (
        "import os, sys\n"
        "from skmegatron.io.caching.counting import SharedCounters\n"
        "counters = SharedCounters(sys.argv[1])\n"
        "counters.add(hits=10)\n"
        "child = os.fork()\n"
        "counters.add(hits=100)\n"
        "if child: os.waitpid(child, 0)\n"
    )

    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)

    assert counters.read() == Counts(211, 0, 0.0)
    assert os.path.exists(tmp_path / "counts-2")
