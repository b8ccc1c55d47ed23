"""Convolution and fully connected layers as loops of segment ops.

A tile is `PIXELS x CHANNELS` accumulators. For each tile the kernel walks the window's rows; a window row is one
contiguous run of `columns * channels` bytes inside the image, and one run per tap where the tile touches the left or
right border or the taps are dilated. Weights are `[window row][output channel][column * channel]`.

The input's zero point is folded into the bias, so the halo reads as the zero point and costs a pointer, not code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import DEPTH, Index
from vmcu.isa.arm_dsp import packing, tiles
from vmcu.isa.arm_dsp.lanes import Lanes
from vmcu.operators.geometry import Region, Steps, Window, split_channels
from vmcu.operators.liveness import at_least, at_most, free_window
from vmcu.operators.requant import Requant, RequantEmitter
from vmcu.operators.rows import RowEmitter
from vmcu.operators.scale import choose_form
from vmcu.operators.variant import PLAIN, Variant
from vmcu.planner import Rows

UNROLLED = 3  # most window rows that are unrolled where a row's place is found once
WIDEST = 9  # pixels of a row of which the last one is worth code of its own
WIDE_SCRATCH = 768  # most bytes of lanes for it
MAX_UNROLL = 64  # most lanes of depth in a loop's body that are worth a try
PIXELS, CHANNELS = 2, 2  # the register tile: 4 accumulators leave room for both operands in 14 registers


@dataclass(frozen=True, eq=False)
class Conv2D:
    """`out[r, c, o] = requant(bias[o] + sum of in[...] * weights[o, ky, kx, i])` with the halo holding `pad_value`.

    `weights` is int8 `[output channels, rows, columns, input channels]`, `bias` int32 with the input's zero point folded.
    In the variant `matmul` the pixels of a tile are widened once for all channels (`tiles.py`); otherwise it is made of
    `vmcu.dot`, channel tile by channel tile.
    """

    window: Window
    weights: np.ndarray
    bias: np.ndarray
    requant: Requant
    pad_value: int = 0
    variant: Variant = PLAIN

    kind = d.KernelKind.conv2d
    workspace = 0  # bytes

    @property
    def channels(self) -> tuple[int, int]:
        """Input and output channels."""
        return self.weights.shape[3], self.weights.shape[0]

    @property
    def macs(self) -> int:
        return int(np.prod(self.window.output)) * self.weights.size

    def normalised(self) -> Conv2D:
        return replace(self, window=self.window.flattened())

    def sequences(self) -> tuple[tuple[tuple[int, int], ...], tuple[int, int]]:
        """(length, bytes) of each input's and of the output's sequence: a segment is a pixel."""
        pixels = [int(np.prod(each)) for each in (self.window.image, self.window.output)]
        return ((pixels[0], self.channels[0]),), (pixels[1], self.channels[1])

    def variants(self) -> list[Variant]:
        """The variants that cores with DSP and FPU instructions have; without measurements the first one is taken."""
        weights = self.weights.reshape(len(self.weights), -1)
        form = choose_form(self.requant.multiplier, self.requant.shift, self.requant.rounding)
        fits = max(weights.shape[1] + 16, self.channels[1]) < packing.MAX_DEPTH
        if not fits or form.kind not in ("double", "single") or not packing.is_exact(weights, self.bias):
            return []
        # Loops without a remainder, of bodies from half as long again as the default to all of a short window.
        whole = [lanes for lanes in range(20, MAX_UNROLL + 1, 4) if weights.shape[1] % lanes == 0]
        unrolls = [(), *((("unroll", lanes),) for lanes in whole)]
        # One pixel at a time takes half the lanes.
        has_tiles = self.window.output[1] > 1 and not self.takes_bytes
        single = [Variant("matmul", (("pixels", 1),))] if has_tiles else []
        return [*(Variant("matmul", each) for each in unrolls), *single]

    @property
    def signature(self) -> str:
        """What its variants' speed depends on."""
        return f"conv2d {self.window.describe(*self.channels)}, {self.requant.rounding} rounding"

    @property
    def pixels(self) -> int:
        """Pixels of a tile of the variant `matmul`."""
        return self.variant.get("pixels", tiles.PIXELS)

    @property
    def is_wide(self) -> bool:
        """Whether the last tile of a row of the variant `matmul` takes three pixels rather than one by itself."""
        odd = self.window.output[1] % 2 == 1 and 1 < self.window.output[1] <= WIDEST
        return odd and self.pixels == tiles.PIXELS and 2 * self._lanes.count(3) <= WIDE_SCRATCH

    @property
    def tile_pixels(self) -> int:
        """Pixels of the largest tile of the variant `matmul`."""
        return self.pixels + 1 if self.is_wide else min(self.pixels, self.window.output[1])

    @property
    def _lanes(self) -> Lanes:
        return Lanes(self.window, self.channels[0])

    @property
    def scratch(self) -> int:
        """Bytes of stack for lanes."""
        if self.variant.name != "matmul" or self.takes_bytes:
            return 0
        return 2 * self._lanes.count(self.tile_pixels)

    @property
    def takes_bytes(self) -> bool:
        """In the variant `matmul`: one pixel of whole words is multiplied as it is, without lanes."""
        window, inputs = self.window, self.channels[0]
        return window.kernel == window.image == window.output == (1, 1) and window.pad == (0, 0) and inputs % 4 == 0

    def steps(self) -> Steps:
        window = self.window.flattened()
        if self.variant.name == "matmul" and self.takes_bytes:
            # All channels read the pixel: no output may take its place. Steps before and after say so, either way round.
            inputs, outputs = self.channels
            return Steps(*np.array([[0] * 3, [inputs] * 3, [0, 0, outputs], [0, outputs, outputs]], np.int64))
        if self.variant.name == "matmul":
            return window.steps(
                self.pixels,
                *self.channels,
                np.array([[0, self.channels[1]]]),
                across=True,
                wide=self.normalised().is_wide,
            )
        return window.steps(PIXELS, *self.channels, split_channels(self.channels[1], CHANNELS))

    def rows(self) -> Rows:
        return self.window.rows()

    def emit(self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], *, backward: bool) -> None:
        emitter = tiles.TileEmitter if self.variant.name == "matmul" else _Emitter
        emitter(self.normalised(), inputs[0], output, backward).emit()

    def emit_row(
        self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], row: Index, *, backward: bool
    ) -> None:
        """Make output row `row`; `backward` only says which rows come next."""
        emitter = tiles.TileEmitter if self.variant.name == "matmul" else _Emitter
        emitter(self, inputs[0], output, backward, by_rows=True).emit_row(row)


class _Emitter(RowEmitter):
    def __init__(self, conv: Conv2D, source: ir.Value, dest: ir.Value, backward: bool, by_rows: bool = False):
        super().__init__(conv.window, source, dest, backward=backward, by_rows=by_rows)
        self.conv = conv
        outputs, rows, columns, inputs = conv.weights.shape
        weights = conv.weights.reshape(outputs, rows, columns * inputs).transpose(1, 0, 2)
        # A run's last word may reach past it. The pixels' lanes are zero there, so any weight will do.
        slack = 0 if inputs % 4 == 0 else 3
        self.weights = build.flash(np.pad(weights, ((0, 0), (0, 0), (0, slack))).astype(np.int8))
        self.bias = build.flash(conv.bias.astype(np.int32))
        self.requant = RequantEmitter(conv.requant, outputs)

    def _emit_columns(self, row: Index) -> None:
        regions = self.window.regions(PIXELS)
        for region in reversed(regions) if self.backward else regions:
            for column in build.loop(region.start, region.stop, region.step, backward=self.backward):
                self._emit_pixels(row, column, region)

    def _emit_pixels(self, row: Index, column: Index, region: Region) -> None:
        outputs = self.conv.channels[1]
        full = outputs - outputs % CHANNELS
        parts = [(0, full, CHANNELS), (full, outputs, outputs - full)]
        for start, stop, tile in reversed(parts) if self.backward else parts:
            if start == stop:
                continue
            for channel in build.loop(start, stop, tile, backward=self.backward):
                self._emit_tile(row, column, region, channel, tile)

    def _emit_tile(self, row: Index, column: Index, region: Region, channel: Index, channels: int) -> None:
        bias = build.flash_load(self.bias, [channel], channels)
        acc = d.broadcast(build.vector(build.i32(), region.step, channels), bias)

        def window_row(ky: Index, acc: ir.Value) -> ir.Value:
            return self._dot_row(row, column, region, channel, channels, ky, acc)

        acc = build.accumulate(
            self.window.kernel[0], 1, acc, window_row, unroll=self.by_rows and self.window.kernel[0] <= UNROLLED
        )
        tile = self.requant.emit(acc, channel, build.i8())
        done = at_most(channel, 0) if self.backward else at_least(channel + channels, self.conv.channels[1])
        if not self.by_rows:
            free_window(self.source, self.window, row, column, region.step, done, backward=self.backward)
        first, within = self._segment(row * self.window.output[1], column)
        build.segment_store(tile, self.dest, first, channel, within=within)

    def _dot_row(
        self, row: Index, column: Index, region: Region, channel: Index, channels: int, ky: Index, acc: ir.Value
    ) -> ir.Value:
        window, inputs = self.window, self.conv.channels[0]
        y = row * window.stride[0] + ky * window.dilation[0] - window.pad[0]
        x = column * window.stride[1] - window.pad[1]
        row_guard = build.is_inside(y, window.image[0]) if window.guards_rows else None
        contiguous = not region.guarded and (window.dilation[1] == 1 or window.kernel[1] == 1)
        taps, columns = (1, window.kernel[1]) if contiguous else (window.kernel[1], 1)

        def run(kx: Index, acc: ir.Value) -> ir.Value:
            at = x + kx * window.dilation[1]
            guard = row_guard
            if region.guarded:
                inside = build.is_inside(at, window.image[1])
                guard = inside if guard is None else arith.andi(guard, inside)
            return self._dot_run(
                self._segment(y * window.image[1], at),
                region.step,
                channel,
                channels,
                ky,
                kx * inputs,
                columns * inputs,
                guard,
                acc,
            )

        return build.accumulate(taps, 1, acc, run)

    def _dot_run(
        self,
        segment: tuple[Index, Index | None],
        pixels: int,
        channel: Index,
        channels: int,
        ky: Index,
        offset: Index,
        length: int,
        guard: ir.Value | None,
        acc: ir.Value,
    ) -> ir.Value:
        """Accumulate `length` contiguous bytes of `pixels` windows, the weights' ones starting at `offset`."""

        def chunk(k: Index, size: int, acc: ir.Value) -> ir.Value:
            pixel = build.segment_load(
                self.source,
                segment[0],
                k,
                pixels,
                size,
                within=segment[1],
                stride=self.window.stride[1],
                guards=[guard] * pixels if guard is not None else (),
                pad=self.conv.pad_value,
            )
            depth = ir.VectorType(pixel.type).shape[1]
            weight = build.flash_load(self.weights, [ky, channel, offset + k], channels, depth)
            return d.dot(pixel, weight, acc)

        full = length - length % DEPTH if length > 2 * DEPTH else 0
        if full:
            acc = build.accumulate(full, DEPTH, acc, lambda k, acc: chunk(k, DEPTH, acc))
        return chunk(Index(full), length - full, acc) if length > full else acc
