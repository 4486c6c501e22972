"""Which methods a pipeline has, and why it lacks one.

Methods are there exactly when every step concerned has them. `available_if` asks the functions
here; what they raise becomes the cause of the AttributeError that the caller sees.
"""

from __future__ import annotations

from collections.abc import Callable

from skmegatron.engine.plan import plan
from skmegatron.engine.stream import cannot_learn, learns_in_batches
from skmegatron.pipeline.heads import Head
from skmegatron.pipeline.running import Running


def offers(method: str) -> Callable[[Running], bool]:
    """Tell, for `available_if`, whether every output answers to a method.

    Parameters
    ----------
    method : str

    Returns
    -------
    callable
    """

    def check(pipeline: Running) -> bool:
        heads = pipeline._heads()
        if method in ("score", "fit_predict") and len(heads) > 1:
            raise AttributeError(
                f"{method} answers for one output, and this pipeline has {len(heads)}. Make a "
                "pipeline with the one that you mean; evaluate(X, y) gives every metric."
            )
        for place, head in enumerate(heads):
            if not pipeline._answers(head, method):
                raise AttributeError(_unanswered(pipeline, place, head, method))
        return bool(heads)

    return check


def _unanswered(pipeline: Running, place: int, head: Head | None, method: str) -> str:
    graph = pipeline.graph
    output = graph.node_names[graph.outputs[place]]
    if head is None:
        why = "stands behind no single step that learns"
    else:
        layer = head.step.layer
        kind = type(getattr(layer, "wrapped", layer)).__name__
        behind = " or what stands behind it" if head.tail else ""
        why = f"comes from step {graph.names[head.step]!r} ({kind}), which{behind} has no {method}"
    return (
        f"Every output must answer {method}, and {output!r} {why}. transform(X), or "
        "fit_transform(X), gives the values of the outputs."
    )


def transforms(pipeline: Running) -> bool:
    """Tell, for `available_if`, whether every step can be run on new data.

    Parameters
    ----------
    pipeline : Running

    Returns
    -------
    bool

    Raises
    ------
    AttributeError
        If a step cannot; the message names it.
    """
    graph = pipeline._graph_or_none()
    if graph is None:
        return True  # and calling it tells what is wrong with the graph
    fitted = vars(pipeline).get("steps_")
    if pipeline._compiled().runs_of(fitted).transform:
        return True
    layers = {
        task.name: (fitted or {}).get(task.name, task.step.layer)
        for task in plan(graph, graph.outputs).tasks
    }
    stuck = [name for name, layer in layers.items() if not getattr(layer, "can_transform", True)]
    raise AttributeError(
        f"Steps {stuck} give values only for the rows that they are fitted on. Call "
        "fit_transform(X), or draw estimators with transform or predict."
    )


def gives_values(pipeline: Running) -> bool:
    """Tell, for `available_if`, whether fitting can give the outputs too.

    Parameters
    ----------
    pipeline : Running

    Returns
    -------
    bool
        False where an output's estimator neither transforms nor predicts.
    """
    graph = pipeline._graph_or_none()
    tasks = () if graph is None else plan(graph, graph.outputs).tasks
    return all(getattr(task.step.layer, "gives_value", True) for task in tasks)


def takes_batches(pipeline: Running) -> bool:
    """Tell, for `available_if`, whether every step that learns can take one more batch.

    Parameters
    ----------
    pipeline : Running

    Returns
    -------
    bool

    Raises
    ------
    AttributeError
        If a step cannot; the message names it, and what to use instead.
    """
    graph = pipeline._graph_or_none()
    if graph is None:
        return False
    for task in plan(graph, (), fit=True).tasks:
        if task.fit and not learns_in_batches(task.step.layer):
            raise AttributeError(cannot_learn(task))
    return True
