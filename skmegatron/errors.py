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

__all__ = [
    "CacheWarning",
    "DisconnectedError",
    "EncodingError",
    "FrozenNodeError",
    "GraphError",
    "LeakageWarning",
    "LoadError",
    "MegatronError",
    "MissingColumnError",
    "MissingDependencyError",
    "MissingInputError",
    "MissingRowError",
    "NamingError",
    "NodeTypeError",
    "NotAvailableError",
    "ReadError",
    "SchemaError",
    "ShapeError",
    "StreamError",
    "UnusedInputWarning",
]


class MegatronError(Exception):
    """Base of every exception of the library.

    Examples
    --------
    >>> import skmegatron as sm
    >>> try:
    ...     sm.Pipeline(sm.Input("x"), sm.Input("other")).fit([1.0])
    ... except ValueError as error:
    ...     print([kind.__name__ for kind in type(error).__mro__[:4]])
    ['DisconnectedError', 'GraphError', 'MegatronError', 'ValueError']
    """

    def __str__(self) -> str:
        # KeyError would show the repr of the message, with its line breaks escaped.
        return Exception.__str__(self)


class GraphError(MegatronError, ValueError):
    """The graph is drawn in a way that cannot be run.

    Examples
    --------
    >>> import skmegatron as sm
    >>> x = sm.Input("x")
    >>> sm.Pipeline(x, x + 1).transform([1.0], outputs="scaled")
    Traceback (most recent call last):
        ...
    skmegatron.errors.GraphError: 'scaled' is not in this pipeline, whose nodes are ['x',
    'scalararithmetic']. Ask for one of these names.
    """


class DisconnectedError(GraphError):
    """An output needs an input that the pipeline was not given.

    Examples
    --------
    >>> import skmegatron as sm
    >>> x, other = sm.Input("x"), sm.Input("other")
    >>> sm.Pipeline(x, x + other).fit({"x": [1.0], "other": [2.0]})
    Traceback (most recent call last):
        ...
    skmegatron.errors.DisconnectedError: 'add' needs ['other'], which the pipeline's inputs ['x']
    do not list. Add them: Pipeline([..., other], ...).
    """


class NamingError(GraphError):
    """A step or input has a name that another one has, or that cannot be a name.

    Examples
    --------
    >>> import skmegatron as sm
    >>> sm.Input("blood__pressure")
    Traceback (most recent call last):
        ...
    skmegatron.errors.NamingError: The name 'blood__pressure' contains '__', which separates a step
    from its parameters in set_params. Write 'blood_pressure'.
    """


class FrozenNodeError(GraphError, AttributeError):
    """Somebody tried to change a node; calling a layer makes a new one instead.

    Examples
    --------
    >>> import skmegatron as sm
    >>> sm.Input("age").name = "years"
    Traceback (most recent call last):
        ...
    skmegatron.errors.FrozenNodeError: 'name' of Input('age') cannot be set: nodes never change
    once they are drawn, which is also why a graph cannot have a cycle. Call a layer to make a new
    node.
    """


class NodeTypeError(MegatronError, TypeError):
    """A layer stands where a node belongs, or a node where a layer belongs.

    Examples
    --------
    >>> import skmegatron as sm
    >>> sm.layers.Whiten()(sm.layers.Flatten())
    Traceback (most recent call last):
        ...
    skmegatron.errors.NodeTypeError: Whiten() is called on nodes, got Flatten(), which is a layer
    or estimator; call it on a node first: layer(node).
    """


class MissingInputError(MegatronError, KeyError, ValueError):
    """The data handed to a pipeline lacks something that its graph needs.

    Examples
    --------
    >>> import skmegatron as sm
    >>> height, width = sm.Input("height"), sm.Input("width")
    >>> sm.Pipeline([height, width], height * width).transform({"height": [1.0]})
    Traceback (most recent call last):
        ...
    skmegatron.errors.MissingInputError: Missing input ['width']; what came is a mapping with
    ['height']. Feed every input by its name: {'width': ...}, or as keyword where only fit reads
    it.
    """


class ShapeError(MegatronError, ValueError):
    """An array has another shape than its input or its layer takes.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> sm.Input("image", shape=(8, 8)).validate_input(np.zeros((5, 8, 9)))
    Traceback (most recent call last):
        ...
    skmegatron.errors.ShapeError: Input 'image' expects shape (n_rows, 8, 8), got (5, 8, 9).
    Declare Input('image', shape=(8, 9)) to take such data.
    """


class ReadError(MegatronError, ValueError):
    """A file, query or frame cannot be read as one table.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmegatron.io import PandasData
    >>> PandasData(pd.DataFrame([[1, 2]], columns=["age", "age"]))
    Traceback (most recent call last):
        ...
    skmegatron.errors.ReadError: The dataframe has two columns 'age', at positions 0 and 1; every
    column needs a name of its own. Rename one of them.
    """


class EncodingError(ReadError, UnicodeError):
    """A file is in another encoding than the reader was told.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from skmegatron.io import CSVData
    >>> path = Path(tempfile.mkdtemp()) / "cities.csv"
    >>> pd.DataFrame({"city": ["Malmö"]}).to_csv(path, encoding="latin-1", index=False)
    >>> try:
    ...     CSVData(path)
    ... except UnicodeError:
    ...     print(CSVData(path, encoding="latin-1")["city"])
    ['Malmö']
    """


class MissingColumnError(ReadError, KeyError):
    """A table lacks a column that was asked for.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmegatron.io import PandasData
    >>> PandasData(pd.DataFrame({"age": [31]}), exclude_cols=["city"])
    Traceback (most recent call last):
        ...
    skmegatron.errors.MissingColumnError: The dataframe has no column 'city', which exclude_cols
    names; its columns are ['age'].
    """


class StreamError(MegatronError, ValueError):
    """Batches run out too early, or cannot be read a second time.

    Examples
    --------
    >>> import skmegatron as sm
    >>> x = sm.Input("x")
    >>> twice = sm.Pipeline(x, sm.layers.Whiten()(sm.layers.Whiten()(x)))
    >>> twice.fit_generator(iter([{"x": [1.0, 2.0]}, {"x": [3.0]}]))
    Traceback (most recent call last):
        ...
    skmegatron.errors.StreamError: The fit reads the batches 2 times, and a list_iterator can be
    read once: pass 2 of 2 would find nothing. Hand in something that starts again: a list of
    batches, CSVGenerator(...) or another reader of skmegatron.io, or the generator function itself
    without calling it, or say how many batches of an endless one make a pass with
    steps_per_epoch=.
    """


class SchemaError(MegatronError, ValueError):
    """Outputs do not match what a store already holds under the same name and version.

    Examples
    --------
    >>> from skmegatron.io import DataStore
    >>> people = DataStore("people", "1", "sqlite://")
    >>> people.write({"age": [31, 45]})
    >>> people.write({"age": [31, 45], "size": [1.7, 1.8]})
    Traceback (most recent call last):
        ...
    skmegatron.errors.SchemaError: pipeline 'people' version '1' already holds outputs age; this
    one makes age, size: new version= or overwrite=True
    """


class MissingRowError(MegatronError, KeyError):
    """A store does not hold a row that was asked for.

    Examples
    --------
    >>> from skmegatron.io import DataStore
    >>> people = DataStore("people", "1", "sqlite://")
    >>> people.write({"age": [31, 45]}, ["ann", "bob"])
    >>> people.read(rows=["cid"])
    Traceback (most recent call last):
        ...
    skmegatron.errors.MissingRowError: The store of 'people' version '1' holds no row 'cid'.
    index() lists the rows that it holds.
    """


class LoadError(MegatronError, ValueError):
    """A file does not hold a whole skmegatron pipeline.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skmegatron as sm
    >>> path = Path(tempfile.mkdtemp()) / "digits.pkl"
    >>> _ = path.write_bytes(b"half a file")
    >>> try:
    ...     sm.load_pipeline(path)
    ... except ValueError as error:
    ...     print(type(error).__name__)
    LoadError
    """


class MissingDependencyError(MegatronError, ImportError):
    """An optional package is needed and not installed.

    Examples
    --------
    >>> from skmegatron.optional import optional
    >>> optional("no_such_package", extra="sql", purpose="A database URL")
    Traceback (most recent call last):
        ...
    skmegatron.errors.MissingDependencyError: A database URL needs the package 'no_such_package',
    which cannot be imported here (No module named 'no_such_package'). Install it with: pip install
    "skmegatron[sql]"
    """


class NotAvailableError(MegatronError, NotImplementedError):
    """Something was asked for that an object handed in, such as a cache, does not offer.

    Examples
    --------
    >>> from skmegatron.io.caching import CustomCache
    >>> class Shelf:
    ...     def get(self, key): ...
    ...     def put(self, key, value): ...
    >>> CustomCache(Shelf()).clear()
    Traceback (most recent call last):
        ...
    skmegatron.errors.NotAvailableError: Emptying a cache needs its clear(), which a Shelf does not
    have. Add the method, or remove the entries where they are kept.
    """


class UnusedInputWarning(UserWarning):
    """An input of a pipeline that no output, metric or explorer reads.

    Examples
    --------
    >>> import warnings
    >>> import skmegatron as sm
    >>> x, spare = sm.Input("x"), sm.Input("spare")
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     _ = sm.Pipeline([x, spare], sm.layers.Whiten()(x)).fit({"x": [1.0, 2.0]})
    >>> told[0].category.__name__
    'UnusedInputWarning'
    """


class CacheWarning(UserWarning):
    """Results cannot be kept or read back, so they are computed again.

    Examples
    --------
    >>> import warnings
    >>> from skmegatron.io.caching import CustomCache
    >>> class Broken:
    ...     def get(self, key):
    ...         raise ConnectionError("the server is down")
    ...     def put(self, key, value): ...
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     found = CustomCache(Broken()).get("0" * 32)
    >>> found is None, told[0].category.__name__
    (True, 'CacheWarning')
    """


class LeakageWarning(UserWarning):
    """Labels, or rows that are held out, would get into a score.

    Examples
    --------
    >>> import warnings
    >>> import skmegatron as sm
    >>> from sklearn.linear_model import LogisticRegression, Ridge
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> seen = sm.layers.Sklearn(Ridge())(X, y=y)
    >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(LogisticRegression())(seen, y=y))
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     _ = pipe.fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> told[0].category.__name__
    'LeakageWarning'
    """
