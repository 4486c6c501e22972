"""Every exception and warning that skmegatron raises.

Each is also the builtin one would guess, so ``except ValueError`` goes on working::

    MegatronError
    ├── GraphError (ValueError)             the graph is drawn wrongly
    │   ├── DisconnectedError                 an output needs an input that was not listed
    │   ├── NamingError                       two steps with one name, or a name that cannot be
    │   └── FrozenNodeError (AttributeError)  an attempt to rewire a node
    ├── NodeTypeError (TypeError)           a layer where a node belongs, or the reverse
    ├── MissingInputError (KeyError, ValueError)   the fed data lacks an input
    ├── ShapeError (ValueError)             an array of another shape than was declared
    ├── ReadError (ValueError)              a source that cannot be read as one table
    │   ├── EncodingError (UnicodeError)      a file in another encoding than was said
    │   └── MissingColumnError (KeyError)     a column that the source does not have
    ├── StreamError (ValueError)            batches that run out, or cannot be read again
    ├── SchemaError (ValueError)            outputs that do not match what a store holds
    ├── MissingRowError (KeyError)          a row that a store does not hold
    ├── LoadError (ValueError)              a file that does not hold a whole pipeline
    ├── MissingDependencyError (ImportError)       an optional package is not installed
    └── NotAvailableError (NotImplementedError)    something that what was handed in does not offer

    UnusedInputWarning (UserWarning)        an input of a pipeline that nothing reads
    CacheWarning (UserWarning)              results that cannot be kept, and why
    LeakageWarning (UserWarning)            a way for labels or held-out rows into a score
"""

from __future__ import annotations


class MegatronError(Exception):
    """Base of every exception of the library."""

    def __str__(self) -> str:
        # KeyError would show the repr of the message, with its line breaks escaped.
        return Exception.__str__(self)


class GraphError(MegatronError, ValueError):
    """The graph is drawn in a way that cannot be run."""


class DisconnectedError(GraphError):
    """An output needs an input that the pipeline was not given."""


class NamingError(GraphError):
    """A step or input has a name that another one has, or that cannot be a name."""


class FrozenNodeError(GraphError, AttributeError):
    """Somebody tried to change a node; calling a layer makes a new one instead."""


class NodeTypeError(MegatronError, TypeError):
    """A layer stands where a node belongs, or a node where a layer belongs."""


class MissingInputError(MegatronError, KeyError, ValueError):
    """The data handed to a pipeline lacks something that its graph needs."""


class ShapeError(MegatronError, ValueError):
    """An array has another shape than its input or its layer takes."""


class ReadError(MegatronError, ValueError):
    """A file, query or frame cannot be read as one table."""


class EncodingError(ReadError, UnicodeError):
    """A file is in another encoding than the reader was told."""


class MissingColumnError(ReadError, KeyError):
    """A table lacks a column that was asked for."""


class StreamError(MegatronError, ValueError):
    """Batches run out too early, or cannot be read a second time."""


class SchemaError(MegatronError, ValueError):
    """Outputs do not match what a store already holds under the same name and version."""


class MissingRowError(MegatronError, KeyError):
    """A store does not hold a row that was asked for."""


class LoadError(MegatronError, ValueError):
    """A file does not hold a whole skmegatron pipeline."""


class MissingDependencyError(MegatronError, ImportError):
    """An optional package is needed and not installed."""


class NotAvailableError(MegatronError, NotImplementedError):
    """Something was asked for that an object handed in, such as a cache, does not offer."""


class UnusedInputWarning(UserWarning):
    """An input of a pipeline that no output, metric or explorer reads."""


class CacheWarning(UserWarning):
    """Results cannot be kept or read back, so they are computed again."""


class LeakageWarning(UserWarning):
    """Labels, or rows that are held out, would get into a score."""
