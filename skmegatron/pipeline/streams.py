"""Fit, transform and measure batch by batch.

`engine.batches` reads the source, `engine.stream` says which passes a fit takes and what is
done in each; here they meet the data of the pipeline.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Self

import pandas as pd
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.metaestimators import available_if

from skmegatron.engine.batches import Batches, check_count, noted, split_batch
from skmegatron.engine.feed import Feed
from skmegatron.engine.plan import plan
from skmegatron.engine.run import run
from skmegatron.engine.stream import BatchFit, Stream, fit_passes, late_learners
from skmegatron.nodes.base import Node
from skmegatron.pipeline.answers import Answers
from skmegatron.pipeline.intake import Intake, own_steps, validate_layers, warn_unused
from skmegatron.pipeline.leakage import warn_of
from skmegatron.pipeline.measuring import arrays_for, read_by
from skmegatron.pipeline.middle import refuse_middle
from skmegatron.pipeline.offering import takes_batches, transforms
from skmegatron.pipeline.running import Ready
from skmegatron.pipeline.signature import shows_inputs
from skmegatron.pipeline.storing import Place


class Streams(CallbackSupportMixin, Answers):
    """The methods of a pipeline that take batches."""

    verbose: bool

    @shows_inputs
    @available_if(takes_batches)
    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **fit_only: Any) -> Self:
        """Take one more batch into every step that learns.

        Exists where all of them have ``partial_fit``. Each step learns from what the steps
        above it make of this batch with what they know so far; `fit_generator` lets them learn
        everything first.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
        y : array-like of shape (n_rows,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels there are; the first call needs it where an estimator does.
        **fit_only : array-like of shape (n_rows,)

        Returns
        -------
        self

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> pipe = sm.Pipeline(x, sm.layers.Whiten()(x))
        >>> pipe.partial_fit([1.0, 2.0]).partial_fit([9.0]).steps_.whiten.mean_
        array([4.])
        """
        graph = self._valid_graph()
        validate_layers(graph)
        planned = plan(graph, (), fit=True)
        first = not hasattr(self, "steps_")
        edge = self._edge(graph, planned, fitting=first)
        feed = self._feed(graph, edge, X, y, fit_only, fitting=first)
        # Copies, so that a batch that fails leaves what was learned as it was.
        layers = {
            name: clone(step.layer) if first else deepcopy(self.steps_.get(name, step.layer))
            for step, name in own_steps(graph)
        }
        run(planned, dict(feed.values), BatchFit(layers, graph, classes))
        if first:
            self._keep(layers, feed, {})
        else:
            draft = self._draft()
            draft._learn(layers)
            self._become(draft)
        return self

    @with_callbacks
    def fit_generator(
        self, input_generator: Any, steps_per_epoch: int | None = None, epochs: int = 1
    ) -> Self:
        """Fit batch by batch, holding one batch in memory and reading the next meanwhile.

        A step must have learned everything before the steps below it can, so the batches are
        read several times: `explain_fit` shows how often, and what for. What is learned is
        what `fit` learns from all rows, wherever ``partial_fit`` gives that.

        Parameters
        ----------
        input_generator : iterable or callable
            Gives batches: ``X``, ``(X, y)`` or ``(X, y, sample_weight)``, with ``X`` as `fit`
            takes it. A list, a reader of `skmegatron.io`, or anything else that starts again
            each time it is iterated; a function that gives a new generator at each call; or an
            endless generator, which goes on where it was.
        steps_per_epoch : int, default=None
            How many batches each reading takes; None takes all there are.
        epochs : int, default=1
            How often models with ``partial_fit``, such as `SGDClassifier` and
            `MiniBatchKMeans`, read the batches. Layers and scalers count each row once.

        Returns
        -------
        self

        Raises
        ------
        StreamError
            If a step cannot learn from batches, before anything is read; if the source runs
            dry, or can be read only once and must be read again.

        Examples
        --------
        >>> import numpy as np, skmegatron as sm
        >>> x = sm.Input("x")
        >>> pipe = sm.Pipeline(x, sm.layers.Whiten()(x))
        >>> pipe.fit_generator([{"x": [1.0, 2.0]}, {"x": [3.0, 6.0]}]).steps_["whiten"].mean_
        array([3.])
        """
        graph = self._valid_graph()
        validate_layers(graph)
        check_count("epochs", epochs)
        passes = fit_passes(graph, epochs)
        # Where nothing learns, one batch tells what the input looks like.
        steps = steps_per_epoch if passes else 1
        batches = Batches(input_generator, steps, max(len(passes), 1), least=1)
        warn_unused(graph)
        warn_of(self._compiled().leaks)
        context = self._init_callback_context(max_subtasks=len(passes))
        context.call_on_fit_task_begin(estimator=self)
        intake = Intake(self._draft(), graph)
        for number, one in enumerate(passes, start=1):
            if one.epoch > 1 and not intake.work.needs(one.learn):
                continue  # a callback of each model has asked to stop
            begin = time.perf_counter()
            inner = context.subcontext(task_name=f"pass-{number}", max_subtasks=batches.size)
            inner.call_on_fit_task_begin(estimator=self)
            intake.begin(one)
            for place, batch in enumerate(batches.read(number), start=1):
                told = f"in batch {place} of pass {number} of {len(passes)}"
                with self._observed_batch(inner), noted(told):
                    intake.take(one, batch)
            intake.work.check_taught(one.learn)
            intake.work.end(one.learn)
            inner.call_on_fit_task_end(estimator=self)
            if self.verbose:
                seconds = time.perf_counter() - begin
                print(f"[Pipeline] (pass {number} of {len(passes)}) total={seconds:6.1f}s")
        for batch in () if passes else batches.read():
            intake.look(batch)
        warn_of(intake.watch.held_out())
        intake.finish(late_learners(graph, passes))
        self._keep(dict(intake.work.layers), intake.first, intake.work.shapes)
        context.call_on_fit_task_end(estimator=self)
        return self

    @contextmanager
    def _observed_batch(self, context: Any) -> Iterator[None]:
        """Tell callbacks about a batch."""
        if not getattr(self, "_skl_callbacks", ()):
            yield  # the tree of contexts grows with the batches: none without a reader
            return
        leaf = context.subcontext(task_name="batch")
        leaf.call_on_fit_task_begin(estimator=self)
        yield
        leaf.call_on_fit_task_end(estimator=self)

    def explain_fit(self, epochs: int = 1) -> pd.DataFrame:
        """Print how `fit_generator` would read the batches, before anything is read.

        Parameters
        ----------
        epochs : int, default=1
            As in `fit_generator`.

        Returns
        -------
        DataFrame
            What was printed, one row per reading: which steps run on the way, which learn,
            and of which classifiers the classes are gathered.

        Raises
        ------
        StreamError
            If a step cannot learn from batches.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.linear_model import SGDClassifier
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> guess = sm.layers.Sklearn(SGDClassifier())(sm.layers.Whiten()(X), y=y)
        >>> table = sm.Pipeline([X, y], guess).explain_fit(epochs=2)
              epoch   runs         learn    classes of
        pass
        1         1               whiten sgdclassifier
        2         1 whiten sgdclassifier
        3         2 whiten sgdclassifier
        """
        graph = self._valid_graph()
        check_count("epochs", epochs)
        names = graph.names
        rows = [
            {
                "epoch": one.epoch,
                "runs": ", ".join(task.name for task in one.plan.tasks if not task.fit),
                "learn": ", ".join(names[step] for step in one.learn),
                "classes of": ", ".join(names[step] for step in one.collect),
            }
            for one in fit_passes(graph, epochs)
        ]
        columns = ["epoch", "runs", "learn", "classes of"]
        numbers = pd.RangeIndex(1, len(rows) + 1, name="pass")
        table = pd.DataFrame(rows, index=numbers, columns=columns)
        print(table.to_string() if rows else "Nothing learns: one batch is looked at.")
        return table

    @available_if(transforms)
    def transform_generator(
        self, input_generator: Any, steps: int | None = None, index: str | None = None
    ) -> Iterator[Any]:
        """Give the outputs batch by batch, holding one batch in memory.

        Put together, they are what `transform` gives for all rows: a window over time
        reaches back into the batch before. The pipeline stays as it was.

        Parameters
        ----------
        input_generator : iterable or callable
            Gives batches, as in `fit_generator`; labels in them are not read.
        steps : int, default=None
            How many batches to take; None takes all there are.
        index : str, default=None
            Name of the key or column of ``X`` that holds the keys of the rows, for a pipeline
            with `storage`: outputs are written as they are given out, some thousand rows at a
            time. The rows of the stream are numbered where there is none.

        Yields
        ------
        array of shape (n_rows, ...) or Dataset
            What `transform` gives. A batch of which a `Filter` leaves no rows gives nothing.

        Raises
        ------
        StreamError
            If there are fewer batches than `steps`.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> pipe = sm.Pipeline(x, sm.layers.TimeSeries(2)(x))
        >>> for windows in pipe.transform_generator([{"x": [1, 2]}, {"x": [3]}]):
        ...     print(windows.tolist())
        [[1, 0], [2, 1]]
        [[3, 2]]
        """
        graph = self._valid_graph()
        self._check_stores(index=index)
        ready, place = self._ready_and_place(graph, work=Stream)
        return self._outputs_of(ready, place, Batches(input_generator, steps), index)

    def _outputs_of(
        self, ready: Ready, place: Place | None, batches: Batches, index: str | None
    ) -> Iterator[Any]:
        with self._writing(place, ready, index) as write:
            for values, feed, X in self._values_of(ready, batches, labelled=False):
                whole = all(_has_rows(values[node]) for node in ready.wanted)
                write(values if whole else None, feed, X)
                if whole:
                    yield self._wrapped(ready.wanted, values, feed)

    def _values_of(
        self, ready: Ready, batches: Batches, *, labelled: bool = True
    ) -> Iterator[tuple[dict[Node, Any], Feed, Any]]:
        """Run on one batch after the other, and give what was fed with the values."""
        for place, batch in enumerate(batches.read(), start=1):
            with noted(f"in batch {place}"):
                X, y, extra = split_batch(batch)
                instead = "call the method without _generator on each batch"
                refuse_middle(ready.graph, X, "Batches go through every step", instead)
                if not labelled:
                    y, extra = None, {}
                values, feed = self._put_through(ready, X, y, extra)
            yield values, feed, X

    def evaluate_generator(
        self, input_generator: Any, steps: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Compute the graph's metrics for each batch of a generator.

        Parameters
        ----------
        input_generator : iterable or callable
            Gives batches, as in `fit_generator`.
        steps : int, default=None
            How many batches to take; None takes all there are.

        Yields
        ------
        dict of str to float
            A batch of which a `Filter` leaves no rows gives nothing.

        Raises
        ------
        StreamError
            If there are fewer batches than `steps`.

        Examples
        --------
        >>> import skmegatron as sm
        >>> y, guess = sm.Target("y"), sm.Input("guess")
        >>> error = sm.metrics.MaxError()([y, guess], "worst")
        >>> batches = [({"guess": [1.0, 2.0]}, [1.5, 2.0]), ({"guess": [3.0]}, [5.0])]
        >>> list(sm.Pipeline([y, guess], guess).evaluate_generator(batches))
        [{'worst': 0.5}, {'worst': 2.0}]
        """
        graph = self._valid_graph()
        ready = self._ready(graph, read_by(graph.metrics), work=Stream)
        return self._metrics_of(ready, Batches(input_generator, steps))

    def _metrics_of(self, ready: Ready, batches: Batches) -> Iterator[dict[str, Any]]:
        for values, _, _ in self._values_of(ready, batches):
            if all(_has_rows(values[node]) for node in ready.wanted):
                yield self._results(ready.graph.metrics, values)

    def explore_generator(self, input_generator: Any, steps: int | None = None) -> dict[str, Any]:
        """Run the graph's explorers over the batches of a generator, holding one at a time.

        Parameters
        ----------
        input_generator : iterable or callable
            Gives batches, as in `fit_generator`.
        steps : int, default=None
            How many batches to take; None takes all there are.

        Returns
        -------
        dict of str to object
            What each explorer gives for all batches, by name.

        Raises
        ------
        StreamError
            If there are fewer batches than `steps`, or none.

        Examples
        --------
        >>> import skmegatron as sm
        >>> age = sm.Input("age")
        >>> table = sm.layers.Describe()(age, "table")
        >>> told = sm.Pipeline(age, age).explore_generator([{"age": [31, 45]}, {"age": [27]}])
        >>> told["table"].loc["age", ["count", "min", "max"]].tolist()
        [3.0, 27.0, 45.0]
        """
        graph = self._valid_graph()
        ends = graph.explorers
        ready = self._ready(graph, read_by(ends), work=Stream)
        states = {end: end.layer.start(self._names_for(end)) for end in ends}
        for values, _, _ in self._values_of(ready, Batches(input_generator, steps)):
            for end, (arrays, keywords) in arrays_for(ends, values).items():
                if all(_has_rows(array) for array in arrays):
                    states[end] = end.layer.update(states[end], *arrays, **keywords)
        return {graph.names[end.step]: end.layer.finish(states[end]) for end in ends}


def _has_rows(value: Any) -> bool:
    return value is not None and value.shape[0] > 0
