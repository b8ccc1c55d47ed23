"""Elementwise layers, as plain data and the body of a `linalg.generic`.

Inputs and output are int8 and of one shape; further operands are constants, one value or one per channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.geometry import Window
from vmcu.planner import Rows

LANES = 4


@dataclass(frozen=True, eq=False)
class Elementwise(Operator):
    """`pixels x channels` elements of `inputs` tensors through `body`.

    Args:
        body: the block of the `linalg.generic`; its arguments are described by `operands`, the output's comes last.
        operands: per argument either the number of a tensor input, or a constant array of one or `channels` elements.
        height: rows of the image, of `pixels / height` pixels each.
    """

    pixels: int
    channels: int
    inputs: int
    body: ir.Block
    operands: tuple[int | np.ndarray, ...]
    height: int = 1

    kind = d.KernelKind.elementwise

    @property
    def window(self) -> Window:
        """Without operands per channel, four bytes are as good a segment as a pixel, and freed sooner."""
        return Window((1, self.segments[0]), (1, self.segments[0]))

    @property
    def segments(self) -> Shape:
        """The shape of each of its sequences."""
        total, row = self.pixels * self.channels, self.pixels * self.channels // self.height
        per_channel = any(isinstance(each, np.ndarray) and each.size > 1 for each in self.operands)
        return (self.pixels, self.channels) if per_channel or row % LANES else (total // LANES, LANES)

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        return (self.segments,) * self.inputs, (self.segments,)

    def rows(self) -> Rows:
        return Rows(in_rows=self.height, out_rows=self.height)
