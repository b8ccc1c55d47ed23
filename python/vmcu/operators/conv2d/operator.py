"""Convolution and fully connected layers, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.geometry import Window
from vmcu.operators.requant import Requant
from vmcu.planner import Rows


@dataclass(frozen=True, eq=False)
class Conv2D(Operator):
    """`out[r, c, o] = requant(bias[o] + sum of in[...] * weights[o, ky, kx, i])` with the halo holding `pad_value`.

    `weights` is int8 `[output channels, rows, columns, input channels]`, `bias` int32 with the input's zero point folded.
    """

    window: Window
    weights: np.ndarray
    bias: np.ndarray
    requant: Requant
    pad_value: int = 0

    kind = d.KernelKind.conv2d

    @property
    def channels(self) -> tuple[int, int]:
        """Input and output channels."""
        return self.weights.shape[3], self.weights.shape[0]

    @property
    def runs(self) -> np.ndarray:
        """The weights as plain loops read them, int8 `[rows, output channels, bytes of a window's row]`, in whole words.

        The last word may reach past the row. The pixels' lanes are zero there, so that any weight will do.
        """
        outputs, rows, columns, inputs = self.weights.shape
        runs = self.weights.reshape(outputs, rows, columns * inputs).transpose(1, 0, 2)
        slack = 0 if inputs % 4 == 0 else 3
        return np.pad(runs, ((0, 0), (0, 0), (0, slack))).astype(np.int8)

    @property
    def macs(self) -> int:
        return int(np.prod(self.window.output)) * self.weights.size

    @property
    def is_dense(self) -> bool:
        """Whether its one window is the image: a fully connected layer over a map."""
        window = self.window
        is_all = window.kernel == window.image and window.output == window.dilation == (1, 1) and window.pad == (0, 0)
        return is_all and window.image != (1, 1)

    @property
    def flattened(self) -> Conv2D:
        """The same with the image of a dense layer as one pixel."""
        if not self.is_dense:
            return self
        weights = self.weights.reshape(len(self.weights), 1, 1, -1)
        return replace(self, window=Window((1, 1), (1, 1)), weights=weights)

    def normalised(self) -> Conv2D:
        """The same with a pointwise window as one row."""
        return replace(self, window=self.window.flattened())

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """A segment is a pixel."""
        pixels = [int(np.prod(each)) for each in (self.window.image, self.window.output)]
        return ((pixels[0], self.channels[0]),), ((pixels[1], self.channels[1]),)

    def rows(self) -> Rows:
        """A dense layer takes the rows of its map one by one, as sums of 32 bits."""
        rows = self.window.rows()
        if not self.is_dense or rows.in_rows == 1:
            return rows
        return replace(rows, accumulates=True, workspace=4 * self.channels[1])

    @property
    def signature(self) -> str:
        flat = self.flattened
        return f"conv2d {flat.window.describe(*flat.channels)}, {self.requant.rounding} rounding"
