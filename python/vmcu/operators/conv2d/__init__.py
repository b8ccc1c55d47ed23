"""Convolution and fully connected layers."""

from vmcu.operators.conv2d.loops import PlainConv2D
from vmcu.operators.conv2d.operator import Conv2D

__all__ = ["Conv2D", "PlainConv2D"]
