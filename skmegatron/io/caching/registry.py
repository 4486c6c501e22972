"""One object per process for each token, though it is pickled to and fro.

An object lives as long as somebody holds it. Those that came into a process by unpickling
may be held by nobody between two tasks of a parallel worker, so the last few of them are
held here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

#: Few: a worker that lives long must not gather the caches of all searches.
_MOST_HELD = 4

T = TypeVar("T")


class Registry(Generic[T]):
    """Objects of this process by token."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[str, T] = WeakValueDictionary()
        self._held: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.RLock()

    def add(self, token: str, thing: T) -> None:
        """Make an object known, and do not hold it.

        Parameters
        ----------
        token : str
        thing : object
        """
        with self._lock:
            self._known[token] = thing

    def find(self, token: str, make: Callable[[], T], *, hold: bool) -> T:
        """Give the object of a token, made where there is none.

        Parameters
        ----------
        token : str
        make : callable
        hold : bool
            Hold it until four others were asked for.

        Returns
        -------
        object
        """
        with self._lock:
            thing = self._known.get(token)
            if thing is None:
                thing = self._known[token] = make()
            if hold:
                self._held[token] = thing
                self._held.move_to_end(token)
                while len(self._held) > _MOST_HELD:
                    self._held.popitem(last=False)
            return thing
