"""Elementwise layers, as plain data and the body of a `linalg.generic`.

Inputs and output are int8. An input has a value for each element, or fewer, which are read again for others. Further
operands are constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.geometry import Window
from vmcu.planner import Rows

LANES = 4


class Extent(Enum):
    """What an input, or a constant, has a value for."""

    ELEMENTS = "every element"
    PIXELS = "every pixel, for all of its channels"
    CHANNELS = "every channel, for all pixels"
    SINGLE = "all elements"

    @property
    def is_whole(self) -> bool:
        """Whether every pixel reads all of it."""
        return self in (Extent.CHANNELS, Extent.SINGLE)


@dataclass(frozen=True, eq=False)
class Elementwise(Operator):
    """`pixels x channels` elements of `inputs` tensors through `body`.

    Args:
        body: the block of the `linalg.generic`; its arguments are described by `operands`, the output's comes last.
        operands: per argument either the number of a tensor input, or a constant array of one element, one per channel or
            one per element.
        height: rows of the image, of `pixels / height` pixels each.
        extents: of the inputs; empty if all have a value for every element.
    """

    pixels: int
    channels: int
    inputs: int
    body: ir.Block
    operands: tuple[int | np.ndarray, ...]
    height: int = 1
    extents: tuple[Extent, ...] = ()

    kind = d.KernelKind.elementwise

    @property
    def window(self) -> Window:
        """Without operands per channel, four bytes are as good a segment as a pixel, and freed sooner."""
        return Window((1, self.segments[0]), (1, self.segments[0]))

    def extent(self, number: int) -> Extent:
        """What input `number` has a value for."""
        return self.extents[number] if self.extents else Extent.ELEMENTS

    @property
    def whole(self) -> frozenset[int]:
        return frozenset(number for number in range(self.inputs) if self.extent(number).is_whole)

    @property
    def segments(self) -> Shape:
        """The shape of the output's sequence, and of those of inputs with a value for every element."""
        total, row = self.pixels * self.channels, self.pixels * self.channels // self.height
        by_pixel = any(isinstance(each, np.ndarray) and 1 < each.size < total for each in self.operands)
        by_pixel = by_pixel or not {Extent.PIXELS, Extent.CHANNELS}.isdisjoint(self.extents)
        return (self.pixels, self.channels) if by_pixel or row % LANES else (total // LANES, LANES)

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        shapes = {
            Extent.ELEMENTS: self.segments,
            Extent.PIXELS: (self.pixels, 1),
            Extent.CHANNELS: (1, self.channels),
            Extent.SINGLE: (1, 1),
        }
        return tuple(shapes[self.extent(number)] for number in range(self.inputs)), (self.segments,)

    def rows(self) -> Rows:
        return Rows(in_rows=self.height, out_rows=self.height)
