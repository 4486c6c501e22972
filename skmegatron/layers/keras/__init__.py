"""Keras models as layers."""

from skmegatron.layers.keras.backend import load_keras
from skmegatron.layers.keras.classes import KerasClassifier, KerasRegressor
from skmegatron.layers.keras.core import Keras

__all__ = ["Keras", "KerasClassifier", "KerasRegressor", "load_keras"]
