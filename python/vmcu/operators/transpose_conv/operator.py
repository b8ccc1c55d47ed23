"""Transposed convolutions, as plain data: ordinary convolutions that take turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.conv2d.read import make_conv
from vmcu.operators.geometry import Window
from vmcu.operators.requant import Requant
from vmcu.operators.rows import Place
from vmcu.planner import Rows

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Strand:
    """The output pixels that one convolution of the input makes, and where they lie in the output."""

    conv: Conv2D
    place: Place


@dataclass(frozen=True, eq=False)
class TransposeConv(Operator):
    """A convolution over an image with `up - 1` pixels of nothing between its own, along rows and columns.

    Tap (ky, kx) of output pixel (r, c) lies on input pixel `((r - pad + ky) / up, (c - pad + kx) / up)`, if that is whole
    and in the image; all other taps see `pad_value`. Pairs are (rows, columns).

    Output row `up * j + a` sees the same taps for all `j`. These are an ordinary convolution, a *strand* of which output row
    `j` is meant. Its channels are those of `up` pixels side by side, if a row of the output is a whole number of them.
    Otherwise a strand makes every `up`-th pixel of a row.

    Args:
        image, output: rows and columns.
        up: input pixels lie so far apart.
        pad: how far the windows of the first pixel begin before the image.
        weights: int8 `[output channels, rows, columns, input channels]`.
        bias: int64 per output channel, with the input's zero point folded in for all taps.
        requant: of the sums.
        pad_value: the input's zero point.
    """

    image: Pair
    output: Pair
    up: Pair
    pad: Pair
    weights: np.ndarray
    bias: np.ndarray
    requant: Requant
    pad_value: int = 0

    kind = d.KernelKind.transpose_conv

    @property
    def channels(self) -> Pair:
        """Input and output channels."""
        return self.weights.shape[3], self.weights.shape[0]

    @property
    def macs(self) -> int:
        return int(np.prod(self.image)) * self.weights.size

    @property
    def joined(self) -> int:
        """Pixels of the output that are one segment."""
        return self.up[1] if self.output[1] % self.up[1] == 0 else 1

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """A segment of the output is as many pixels as are made together."""
        outputs = int(np.prod(self.output)) // self.joined
        return ((int(np.prod(self.image)), self.channels[0]),), ((outputs, self.joined * self.channels[1]),)

    def rows(self) -> Rows:
        return Rows(self.weights.shape[1], 1, 1, self.pad[0], self.image[0], self.output[0], up=self.up[0])

    @property
    def signature(self) -> str:
        image, output, kernel, up, pad = (
            "x".join(map(str, each)) for each in (self.image, self.output, self.weights.shape[1:3], self.up, self.pad)
        )
        shapes = f"{image}x{self.channels[0]} -> {output}x{self.channels[1]}"
        return f"transpose_conv {shapes}, {kernel}/{up} pad {pad}, {self.requant.rounding} rounding"

    @cached_property
    def strands(self) -> tuple[Strand, ...]:
        """The convolutions, those of output row `a` at `[a * n, (a + 1) * n)` for the `n` that make one row."""
        return tuple(self._strands())

    def _strands(self) -> Iterator[Strand]:
        step = self.up[1] // self.joined  # columns from one pixel of a strand to the next
        for row in range(self.up[0]):
            for column in range(step):
                counts = [max(0, -(-(size - at) // by)) for size, at, by in
                          zip(self.output, (row, column), (self.up[0], self.up[1]))]  # fmt: skip
                place = Place(self.output[1] // self.joined, self.up[0], row, step, column)
                yield Strand(self._convolve(row, column, (counts[0], counts[1])), place)

    def _convolve(self, row: int, column: int, output: Pair) -> Conv2D:
        """The taps that output row `row` has, for the `joined` pixels from column `column` on."""
        rows = _taps(row, self.pad[0], self.up[0], self.weights.shape[1])
        columns = [_taps(column + each, self.pad[1], self.up[1], self.weights.shape[2]) for each in range(self.joined)]
        (top, bottom), (left, right) = _span([rows]), _span(columns)
        inputs, outputs = self.channels
        kernel = bottom - top, right - left
        weights = np.zeros((self.joined, outputs, *kernel, inputs), np.int8)
        for number, taps in enumerate(columns):
            for y, ky in rows.items():
                for x, kx in taps.items():
                    weights[number, :, y - top, x - left] = self.weights[:, ky, kx]
        left_out = self.weights.sum((1, 2, 3), dtype=np.int64) - weights.sum((2, 3, 4), dtype=np.int64)
        bias = self.bias + self.pad_value * left_out
        # Without any tap the window lies behind the image: what it reads is the halo.
        pad = -top if rows else output[0] + 1, -left
        window = Window(self.image, output, kernel, pad=pad)
        requant = _repeat(self.requant, self.joined, outputs)
        conv = make_conv(window, weights.reshape(-1, *kernel, inputs), bias.ravel(), requant, self.pad_value)
        return replace(conv, flips=self.flips)


def _taps(index: int, pad: int, up: int, kernel: int) -> dict[int, int]:
    """The taps of output row or column `index` that lie on an input pixel: the pixel's number, and that of the tap."""
    return {(index - pad + tap) // up: tap for tap in range(kernel) if (index - pad + tap) % up == 0}


def _span(taps: list[dict[int, int]]) -> Pair:
    """The pixels `[low, high)` around all taps; one pixel if there are none."""
    pixels = [pixel for each in taps for pixel in each] or [0]
    return min(pixels), max(pixels) + 1


def _repeat(requant: Requant, times: int, channels: int) -> Requant:
    """The requantisation of `times` pixels as one."""
    if len(requant.multiplier) == 1:
        return requant
    tables = (np.tile(each, times) for each in (requant.multiplier, requant.shift))
    multiplier, shift = tables
    return Requant(multiplier, shift, requant.rounding, requant.zero_point, requant.min, requant.max)
