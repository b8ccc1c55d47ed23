"""Transposed convolutions: several pixels for each pixel of the input."""

from vmcu.operators.transpose_conv.loops import PlainTransposeConv, emit_strands
from vmcu.operators.transpose_conv.operator import Strand, TransposeConv

__all__ = ["Strand", "PlainTransposeConv", "TransposeConv", "emit_strands"]
