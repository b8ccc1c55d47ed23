"""Images of another size, interpolated between four pixels."""

from vmcu.operators.resize.loops import PlainResize
from vmcu.operators.resize.operator import Resize, Taps

__all__ = ["PlainResize", "Resize", "Taps"]
