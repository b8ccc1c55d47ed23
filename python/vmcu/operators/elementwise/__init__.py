"""Layers that compute element by element: additions, activations, requantisation."""

from vmcu.operators.elementwise.loops import PlainElementwise
from vmcu.operators.elementwise.operator import Elementwise
from vmcu.operators.elementwise.vectorise import can_vectorise

__all__ = ["Elementwise", "PlainElementwise", "can_vectorise"]
