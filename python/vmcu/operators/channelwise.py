"""Kernels that keep channels apart: depthwise convolution, average pooling and mean, maximum pooling.

Average pooling is a depthwise convolution whose weights are all one and are shared by all channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir.build import Index
from vmcu.isa.arm_dsp import packing
from vmcu.operators.channelwise_loops import CHANNELS, DepthwiseEmitter, MaxPoolEmitter, WholeRowEmitter
from vmcu.operators.geometry import Steps, Window, split_channels
from vmcu.operators.requant import INT8, Requant
from vmcu.operators.scale import choose_form
from vmcu.operators.variant import PLAIN, Variant
from vmcu.planner import Rows

TILES = (2, 3, 4)  # output columns at a time that are worth a try


@dataclass(frozen=True, eq=False)
class Channelwise:
    """A window over each channel by itself. A channel count that is no multiple of 4 leaves lanes unused."""

    window: Window
    channels: int
    pad_value: int

    workspace = 0  # bytes

    def sequences(self) -> tuple[tuple[tuple[int, int], ...], tuple[int, int]]:
        """(length, bytes) of each input's and of the output's sequence: a segment is a pixel."""
        pixels = [int(np.prod(each)) for each in (self.window.image, self.window.output)]
        return ((pixels[0], self.channels),), (pixels[1], self.channels)

    def steps(self) -> Steps:
        return self.window.steps(1, self.channels, self.channels, split_channels(self.channels, CHANNELS))

    def rows(self) -> Rows:
        return self.window.rows()

    scratch = 0  # bytes of stack

    @property
    def signature(self) -> str:
        """What its variants' speed depends on."""
        return f"depthwise {self.window.describe(self.channels, self.channels)}"

    def variants(self) -> list[Variant]:
        return []

    @property
    def macs(self) -> int:
        return int(np.prod(self.window.output) * np.prod(self.window.kernel)) * self.channels


@dataclass(frozen=True, eq=False)
class Depthwise(Channelwise):
    """`weights` is int8 `[rows, columns, channels]`, or `[rows, columns, 1]` shared by all; `bias` int32, per channel."""

    weights: np.ndarray
    bias: np.ndarray
    requant: Requant
    kind: d.KernelKind = d.KernelKind.depthwise
    variant: Variant = PLAIN

    def variants(self) -> list[Variant]:
        """The variants that cores with DSP and FPU instructions have; without measurements the first one is taken.

        `row`: row by row, one channel after the other by `vmcu.depthwise`.
        """
        window = self.window
        form = choose_form(self.requant.multiplier, self.requant.shift, self.requant.rounding)
        fits = max(window.kernel) <= packing.MAX_TAPS and (window.kernel[1] - 1) * self.channels <= packing.MAX_REACH
        is_plain = self.kind == d.KernelKind.depthwise and window.dilation[1] == 1 and self.weights.shape[2] > 1
        if not is_plain or not fits or form.kind not in ("double", "single"):
            return []
        return [Variant("row"), *(Variant("row", (("tile", each),)) for each in TILES if each <= window.output[1])]

    def steps(self) -> Steps:
        if self.variant.name != "row":
            return super().steps()
        # All channels read the window's rows: the output takes no byte of them. Steps before and after each row say so.
        window, rows = self.window, np.arange(self.window.output[0], dtype=np.int64)
        lo = window.first_pixel(rows, 0) * self.channels
        hi = window.end_pixel(rows, window.output[1] - 1) * self.channels
        first, size = rows * window.output[1] * self.channels, window.output[1] * self.channels
        return Steps(
            np.repeat(lo, 3),
            np.repeat(hi, 3),
            np.stack([first, first, first + size], 1).ravel(),
            np.stack([first, first + size, first + size], 1).ravel(),
        )

    def rows(self) -> Rows:
        """A pool over the whole image takes its rows one by one, as sums of 32 bits."""
        rows = self.window.rows()
        whole = self.kind == d.KernelKind.pool and self.window.kernel == self.window.image and self.window.image[0] > 1
        if not whole or self.window.output != (1, 1):
            return rows
        return replace(rows, accumulates=True, workspace=4 * (self.channels + -self.channels % CHANNELS))

    def emit(self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], *, backward: bool) -> None:
        emitter = WholeRowEmitter if self.variant.name == "row" else DepthwiseEmitter
        emitter(self, inputs[0], output, backward).emit()

    def emit_row(
        self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], row: Index, *, backward: bool
    ) -> None:
        """Make output row `row`, or take input row `row` if this kernel accumulates; `backward` is the rows' order."""
        if self.rows().accumulates:
            DepthwiseEmitter(self, inputs[0], output, backward, by_rows=True).emit_sums(row, workspace[0])
            return
        emitter = WholeRowEmitter if self.variant.name == "row" else DepthwiseEmitter
        emitter(self, inputs[0], output, backward, by_rows=True).emit_row(row)


@dataclass(frozen=True, eq=False)
class MaxPool(Channelwise):
    """The largest of a window, clamped to `[low, high]`."""

    low: int = INT8[0]
    high: int = INT8[1]
    kind: d.KernelKind = d.KernelKind.pool

    def emit(self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], *, backward: bool) -> None:
        MaxPoolEmitter(self, inputs[0], output, backward).emit()

    def emit_row(
        self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], row: Index, *, backward: bool
    ) -> None:
        """Make output row `row`; `backward` is the rows' order."""
        MaxPoolEmitter(self, inputs[0], output, backward, by_rows=True).emit_row(row)
