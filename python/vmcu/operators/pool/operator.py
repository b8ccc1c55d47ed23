"""Maximum pooling, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Shape
from vmcu.operators.channelwise import CHANNELS, Channelwise
from vmcu.operators.requant import INT8
from vmcu.planner import Rows


@dataclass(frozen=True, eq=False)
class MaxPool(Channelwise):
    """The largest of a window, clamped to `[low, high]`."""

    low: int = INT8[0]
    high: int = INT8[1]

    kind = d.KernelKind.pool

    def rows(self) -> Rows:
        """A pool over all rows takes them one by one, and keeps the largest so far."""
        rows, window = self.window.rows(), self.window
        over_all = window.kernel[0] == window.image[0] > 1 and window.output[0] == window.dilation[0] == 1
        if not over_all or window.pad[0]:
            return rows
        return replace(rows, accumulates=True, workspace=window.output[1] * -(-self.channels // CHANNELS) * CHANNELS)

    def divide(self, workspace: int) -> tuple[Shape, ...]:
        """One row."""
        return ((1, workspace),)
