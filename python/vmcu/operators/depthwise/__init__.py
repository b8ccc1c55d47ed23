"""Depthwise convolution, average pooling, mean over rows and columns."""

from vmcu.operators.depthwise.loops import PlainDepthwise
from vmcu.operators.depthwise.operator import Depthwise

__all__ = ["Depthwise", "PlainDepthwise"]
