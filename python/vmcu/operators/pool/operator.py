"""Maximum pooling, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from vmcu.dialects import vmcu as d
from vmcu.operators.channelwise import Channelwise
from vmcu.operators.requant import INT8


@dataclass(frozen=True, eq=False)
class MaxPool(Channelwise):
    """The largest of a window, clamped to `[low, high]`."""

    low: int = INT8[0]
    high: int = INT8[1]

    kind = d.KernelKind.pool
