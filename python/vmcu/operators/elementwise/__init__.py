"""Layers that compute element by element: additions, activations, requantisation."""

from vmcu.operators.elementwise.loops import PlainElementwise
from vmcu.operators.elementwise.operator import Elementwise, Extent
from vmcu.operators.elementwise.vectorise import can_vectorise

__all__ = ["Elementwise", "Extent", "PlainElementwise", "can_vectorise"]
