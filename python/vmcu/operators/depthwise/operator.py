"""Depthwise convolution and average pooling, as plain data.

Average pooling is a depthwise convolution whose weights are all one and are shared by all channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.operators.channelwise import CHANNELS, Channelwise
from vmcu.operators.requant import Requant
from vmcu.planner import Rows


@dataclass(frozen=True, eq=False)
class Depthwise(Channelwise):
    """`weights` is int8 `[rows, columns, channels]`, or `[rows, columns, 1]` shared by all; `bias` int32, per channel."""

    weights: np.ndarray
    bias: np.ndarray
    requant: Requant
    kind: d.KernelKind = d.KernelKind.depthwise

    def rows(self) -> Rows:
        """A pool over the whole image takes its rows one by one, as sums of 32 bits."""
        rows = self.window.rows()
        whole = self.kind == d.KernelKind.pool and self.window.kernel == self.window.image and self.window.image[0] > 1
        if not whole or self.window.output != (1, 1):
            return rows
        return replace(rows, accumulates=True, workspace=4 * (self.channels + -self.channels % CHANNELS))
