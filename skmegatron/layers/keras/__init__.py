"""Keras models as layers."""

from skmegatron.layers.keras.classes import KerasClassifier, KerasRegressor
from skmegatron.layers.keras.core import Keras

__all__ = ["Keras", "KerasClassifier", "KerasRegressor"]
