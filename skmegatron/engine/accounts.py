"""What is worth keeping, and whether asking a cache has paid.

Keeping costs time too. A value is kept at once where that is a twentieth of computing it; where
it is more, only when the same value is computed a second time, which shows that it will be
wanted again. And each run keeps account of what it spent on keys and lookups and what it was
spared: where that does not pay, the next runs of such steps do without.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from skmegatron.engine.plan import Plan, Task
from skmegatron.io.caching import OpenedCache
from skmegatron.nodes.base import Node

#: The part of the time it takes to compute that may be spent in vain.
VAIN = 0.015
#: After how many runs it is asked whether they have paid.
TRIAL = 4
#: How many times longer than keeping it a value must take to be kept at once.
AT_ONCE = 20
#: And where it has been computed before.
AGAIN = 1.5
#: How many keys of values that were not kept are remembered.
_N_SEEN = 100_000


class Books:
    """What this process has seen of what is worth keeping in one cache.

    Attributes
    ----------
    seen : dict of str to None
        Keys of what was computed and not kept, the latest last.
    accounts : dict of tuple to Account
        For the kinds of steps of a plan and about so many rows.
    state_bytes : dict
        How large the learned state of each kind of step was.
    """

    def __init__(self) -> None:
        self.seen: OrderedDict[str, None] = OrderedDict()
        self.accounts: dict[Any, Account] = {}
        self.state_bytes: dict[Any, int] = {}
        self._lock = Lock()

    def worth(self, key: str, seconds: float, cost: float) -> bool:
        """Tell whether to keep what took some seconds to compute."""
        if seconds >= AT_ONCE * cost:
            return True
        if seconds < AGAIN * cost:
            return False
        with self._lock:
            if key in self.seen:
                del self.seen[key]
                return True
            self.seen[key] = None
            if len(self.seen) > _N_SEEN:
                self.seen.popitem(last=False)
        return False


_books: WeakKeyDictionary[Any, Books] = WeakKeyDictionary()
_opening = Lock()


def books_of(cache: OpenedCache) -> Books:
    """Give what this process knows of a cache.

    Parameters
    ----------
    cache : OpenedCache

    Returns
    -------
    Books
    """
    with _opening:
        return _books.setdefault(cache.counters, Books())


class Account:
    """Whether asking the cache has paid, in runs of one kind.

    Attributes
    ----------
    resting : int
        How many runs do without from now on.
    """

    def __init__(self) -> None:
        self.resting = 0
        self._begin()

    def _begin(self) -> None:
        self._runs = 0
        self._spent = self._saved = self._computed = 0.0

    def asks(self) -> bool:
        """Tell whether the next run is to ask the cache."""
        if not self.resting:
            return True
        self.resting -= 1
        return False

    def settle(self, asking: float, computed: float, saved: float) -> None:
        """Note what a run took, and rest where it has not paid.

        Parameters
        ----------
        asking : float
            Seconds that keys and lookups took.
        computed : float
            Seconds in which its steps were computed.
        saved : float
            Seconds in which others would have been.
        """
        self._runs += 1
        self._spent += asking
        self._saved += saved
        self._computed += computed
        lost = self._spent - self._saved - VAIN * self._computed
        if lost <= 0 or (self._runs < TRIAL and self._spent < self._computed):
            return
        # So many runs without it make good for what was lost.
        plain = max(self._computed + self._saved, 1e-6) / self._runs
        self.resting = int(lost / (VAIN * plain)) + 1
        self._begin()


def account_of(plan: Plan, fed: Mapping[Node, Any], cache: OpenedCache) -> Account:
    """Give the account of runs like one.

    Parameters
    ----------
    plan : Plan
    fed : mapping of Node to array
    cache : OpenedCache

    Returns
    -------
    Account
    """
    books, size = books_of(cache), size_of(fed)
    account: Account | None = plan.notes.get((books, size))
    if account is None:
        kinds = tuple(kind_of(task) for task in plan.tasks)
        account = books.accounts.setdefault((kinds, size), Account())
        plan.notes[books, size] = account
    return account


def kind_of(task: Task) -> Any:
    """Give what tells a task from others that may take longer.

    Parameters
    ----------
    task : Task

    Returns
    -------
    hashable
    """
    layer = task.step.layer
    wrapped = getattr(layer, "wrapped", layer)
    function = getattr(layer, "fn", None)
    code = getattr(function, "__code__", type(function))
    return type(layer), type(wrapped), code, task.fit, task.method


def size_of(fed: Mapping[Node, Any]) -> int:
    """Tell about how many rows are fed: the number of bits of their number.

    Parameters
    ----------
    fed : mapping of Node to array

    Returns
    -------
    int
    """
    n_rows = next((int(value.shape[0]) for value in fed.values() if value is not None), 0)
    return n_rows.bit_length()
