"""Steps that fail when they are told to, and interruptions at any line of the library.

`FUSE` counts what the steps of this module do, and raises at the count that it is set to.
`Interrupted` raises at the n-th line that the library runs in this thread, as a signal would. So
a test enumerates: it runs once to count, and then fails at each count in turn.
"""

import linecache
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin

import skmegatron as sm
from skmegatron.layers import StatefulLayer, Whiten

LIBRARY = str(Path(sm.__file__).parent)
EVENT = "skmegatron.step"


class Fuse:
    """Counts what is done between `watching` and its end, and raises at one of the counts."""

    def __init__(self):
        self._lock = threading.Lock()
        self._on = False
        self._at = self._error = None
        self.done = []

    @contextmanager
    def watching(self, at=None, error=None):
        self.done, self._at, self._error, self._on = [], at, error, True
        try:
            yield self.done
        finally:
            self._on = False

    def note(self, what):
        if not self._on:
            return
        with self._lock:
            self.done.append(what)
            blown = len(self.done) - 1 == self._at
        if blown:
            raise self._error(f"at {what}")


FUSE = Fuse()


def _hear(event, args):
    if event == EVENT:
        FUSE.note(*args)


# Steps tell it to the interpreter, not to FUSE: a cache takes whatever their code looks at for
# something that their values depend on.
sys.addaudithook(_hear)


class Pickled:
    """Notes when it is written to a file, a cache or another process."""

    def __getstate__(self):
        sys.audit(EVENT, f"pickle {type(self).__name__}")
        return super().__getstate__()


class Center(Pickled, StatefulLayer):
    """Takes the mean off; learns in batches too."""

    def __init__(self, power=1.0):
        self.power = power

    def partial_fit(self, X):
        sys.audit(EVENT, "begin partial_fit")
        self.n_seen_ = getattr(self, "n_seen_", 0) + len(X)
        self.total_ = getattr(self, "total_", 0.0) + X.sum(axis=0)
        sys.audit(EVENT, "end partial_fit")
        return self

    def transform(self, X):
        sys.audit(EVENT, "transform")
        return (X - self.total_ / self.n_seen_) * self.power


class Shift(Pickled, TransformerMixin, BaseEstimator):
    """An estimator of somebody else's, with an inverse."""

    def fit(self, X, y=None):
        self.partial_fit(X)
        return self

    def partial_fit(self, X, y=None):
        sys.audit(EVENT, "begin fit of Shift")
        self.first_ = np.asarray(X)[0]
        sys.audit(EVENT, "end fit of Shift")
        return self

    def transform(self, X):
        sys.audit(EVENT, "transform of Shift")
        return np.asarray(X) - self.first_

    def inverse_transform(self, X):
        sys.audit(EVENT, "inverse of Shift")
        return np.asarray(X) + self.first_


class Slope(Pickled, RegressorMixin, BaseEstimator):
    """A regressor that learns in batches, and looks at held-out rows where it is given any."""

    def fit(self, X, y, X_val=None, y_val=None):
        for name in ("x_", "y_", "n_", "held_out_"):
            vars(self).pop(name, None)
        if X_val is not None:
            sys.audit(EVENT, "held-out rows")
            self.held_out_ = float(np.sum(X_val) + np.sum(y_val))
        return self.partial_fit(X, y)

    def partial_fit(self, X, y):
        sys.audit(EVENT, "begin fit of Slope")
        self.x_ = getattr(self, "x_", 0.0) + np.sum(X, axis=0)
        self.y_ = getattr(self, "y_", 0.0) + float(np.sum(y))
        sys.audit(EVENT, "middle of fit of Slope")
        self.n_ = getattr(self, "n_", 0) + len(X)
        return self

    def predict(self, X):
        sys.audit(EVENT, "predict")
        return (X - self.x_ / self.n_).sum(axis=1) + self.y_ / self.n_


class Scale(Pickled, Whiten):
    """A layer of the library, noting what is written."""


class Keen(sm.MemoryCache):
    """Keeps everything, as if keeping cost nothing; fails while it puts or gets."""

    def cost(self, n_bytes):
        return 0.0

    def get(self, key):
        sys.audit(EVENT, "get")
        return super().get(key)

    def put(self, key, value):
        sys.audit(EVENT, "begin put")
        super().put(key, value)
        sys.audit(EVENT, "end put")


class KeenFolder(sm.FolderCache):
    """The same, in a folder."""

    def cost(self, n_bytes):
        return 0.0

    def get(self, key):
        sys.audit(EVENT, "get")
        return super().get(key)

    def put(self, key, value):
        sys.audit(EVENT, "begin put")
        super().put(key, value)
        sys.audit(EVENT, "end put")


class Interrupted:
    """Raise at the n-th line that the library runs in this thread; without one, count them.

    `within` is part of the path of the files that count.
    """

    def __init__(self, at=None, error=KeyboardInterrupt, within=""):
        self.at, self.error, self.within = at, error, within
        self.n_lines = 0
        self.raised = None

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *error):
        sys.settrace(self._before)

    def _called(self, frame, event, arg):
        name = frame.f_code.co_filename
        return self._line if name.startswith(LIBRARY) and self.within in name else None

    def _line(self, frame, event, arg):
        # Signals are heard between instructions that begin or end a call, and so never between the
        # body of a with statement and the release of what it holds. Tracing would be.
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and not text.lstrip().startswith("with "):
            if self.n_lines == self.at:
                self.at = None
                self.raised = self.error(f"{frame.f_code.co_filename}:{frame.f_lineno}")
                sys.settrace(None)
                raise self.raised
            self.n_lines += 1
        return self._line
