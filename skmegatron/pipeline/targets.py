"""Answers in the units of the target.

Steps on the target change what an estimator learns: labels become one-hot columns, numbers
become bins. Where an output goes back through ``inverse`` steps, the pipeline is what its
answers are, not what the estimator is: a regressor of one-hot columns classifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.preprocessing import KBinsDiscretizer, LabelBinarizer, OneHotEncoder
from sklearn.utils import ClassifierTags, RegressorTags, Tags

from skmegatron.layers.shaping.onehot import OneHotLabels, OneHotRange
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step, StepNode, Target

_ONE_HOT = (LabelBinarizer, OneHotEncoder, OneHotLabels, OneHotRange)


def _undone_by(tail: Sequence[Step]) -> list[Any]:
    """Give the layers whose work ``inverse`` steps undo.

    Parameters
    ----------
    tail : sequence of Step

    Returns
    -------
    list of layer
        As they were drawn, unfitted.
    """
    return [step.state_of.step.layer for step in tail if step.state_of is not None]


def tell_units(tail: Sequence[Step], tags: Tags) -> None:
    """Correct the tags of a head by the units that its predictions are put back into.

    Parameters
    ----------
    tail : sequence of Step
        The ``inverse`` steps behind it.
    tags : Tags
        Of the head; changed.
    """
    undone = _undone_by(tail)
    if any(_is_one_hot(layer) for layer in undone):
        tags.estimator_type = "classifier"
        tags.classifier_tags = tags.classifier_tags or ClassifierTags()
        tags.regressor_tags = None
        tags.target_tags.multi_output = False
    elif any(isinstance(_estimator(layer), KBinsDiscretizer) for layer in undone):
        tags.estimator_type = "regressor"
        tags.regressor_tags = tags.regressor_tags or RegressorTags()
        tags.classifier_tags = None


def classes_in_units(head: Any, undone: Sequence[Any]) -> Any:
    """Give the labels that a classifier knows, in the units of the target.

    Parameters
    ----------
    head : layer
    undone : sequence of layer
        The fitted layers whose work is undone, in the order of undoing.

    Returns
    -------
    ndarray of shape (n_classes,)
        Of a one-hot target: what the columns stand for.

    Raises
    ------
    AttributeError
        If neither the head knows any classes nor a one-hot step.
    """
    places = [place for place, layer in enumerate(undone) if _is_one_hot(layer)]
    labels = _labels_of(undone[places[-1]]) if places else head.classes_
    for layer in undone[places[-1] + 1 :] if places else undone:
        labels = layer.inverse_transform(labels)
    return labels


def target_of(output: Node) -> Target | None:
    """Find the target in whose units an output is.

    Parameters
    ----------
    output : Node

    Returns
    -------
    Target or None
        None where the output is no ``inverse`` of a step called on a target.
    """
    source = output.step.state_of if isinstance(output, StepNode) else None
    read = () if source is None else source.step.inbound_nodes
    return read[0] if len(read) == 1 and isinstance(read[0], Target) else None


def in_shape(answer: Any, fed: tuple[int, ...] | None) -> Any:
    """Give predictions of one column the shape that the target was fed in.

    Parameters
    ----------
    answer : ndarray of shape (n_rows,) or (n_rows, n_outputs)
    fed : tuple of int or None
        Shape of one observation of the target; None where it is not known.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_outputs)
    """
    if fed == () and answer.ndim == 2 and answer.shape[1] == 1:
        return answer.reshape(-1)
    return answer.reshape(-1, 1) if fed == (1,) and answer.ndim == 1 else answer


def _estimator(layer: Any) -> Any:
    return getattr(layer, "wrapped", layer)


def _is_one_hot(layer: Any) -> bool:
    return isinstance(_estimator(layer), _ONE_HOT)


def _labels_of(layer: Any) -> Any:
    fitted = getattr(layer, "current", layer)
    if isinstance(fitted, LabelBinarizer):
        return fitted.classes_
    return fitted.categories_[0] if isinstance(fitted, OneHotEncoder) else fitted.labels
