"""Transposed convolutions: several pixels for each pixel of the input."""

from vmcu.operators.transpose_conv.loops import PlainTransposeConv, emit_phases
from vmcu.operators.transpose_conv.operator import Phase, TransposeConv

__all__ = ["Phase", "PlainTransposeConv", "TransposeConv", "emit_phases"]
