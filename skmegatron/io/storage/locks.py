"""One lock per open connection, for threads that share it.

A transaction belongs to a connection, not to a thread: two threads on one connection would
begin, roll back and release each other's.
"""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakValueDictionary

# By id: connections of sqlite3 take no weak reference. A lock lives as long as somebody holds
# or waits for it, who also holds the connection, so that its id stays its own.
_LOCKS: WeakValueDictionary[int, Any] = WeakValueDictionary()
_GUARD = threading.Lock()


def lock_of(connection: Any) -> Any:
    """Give the lock of a connection, the same to all who ask for it at one time.

    Parameters
    ----------
    connection : connection
        The caller keeps it alive while using the lock.

    Returns
    -------
    RLock
    """
    with _GUARD:
        lock = _LOCKS.get(id(connection))
        if lock is None:
            lock = _LOCKS[id(connection)] = threading.RLock()
        return lock
