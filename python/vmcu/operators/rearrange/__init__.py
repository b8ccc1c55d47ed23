"""Layers that only move bytes: concatenations, slices, paddings, transpositions, whatever a body is made of."""

from vmcu.operators.rearrange.loops import PlainRearrange
from vmcu.operators.rearrange.operator import Rearrange

__all__ = ["PlainRearrange", "Rearrange"]
