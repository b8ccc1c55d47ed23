"""A function of int8 as a table, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.geometry import Window
from vmcu.planner import Rows

WORD = 4  # bytes


@dataclass(frozen=True, eq=False)
class Table(Operator):
    """`out[i] = table[in[i] + 128]` for each of `elements` bytes, or `table[in[i] + 128, channel of i]`.

    Args:
        elements: bytes of the input, and of the output.
        table: 256 numbers of int8, the one for -128 first; or 256 rows of one number for each channel.
        height: rows of the image, of `elements / height` bytes each.
    """

    elements: int
    table: np.ndarray
    height: int = 1

    kind = d.KernelKind.elementwise

    @property
    def segments(self) -> Shape:
        """The shape of both sequences: words, or bytes of rows of odd length; pixels if channels differ."""
        if self.table.ndim == 2:
            return self.elements // self.table.shape[1], self.table.shape[1]
        size = 1 if self.elements // self.height % WORD else WORD
        return self.elements // size, size

    @property
    def window(self) -> Window:
        """All segments as one row."""
        return Window((1, self.segments[0]), (1, self.segments[0]))

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        return (self.segments,), (self.segments,)

    def rows(self) -> Rows:
        return Rows(in_rows=self.height, out_rows=self.height)
