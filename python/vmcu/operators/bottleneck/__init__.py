"""Inverted bottlenecks: three layers as one kernel, for less RAM and more work."""

from vmcu.operators.bottleneck.loops import PlainFused
from vmcu.operators.bottleneck.operator import Fused, fuse

__all__ = ["Fused", "PlainFused", "fuse"]
