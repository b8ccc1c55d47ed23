"""Convolution and fully connected layers as plain loops of segment ops.

A tile is `PIXELS x CHANNELS` accumulators. For each tile the kernel walks the window's rows; a window row is one
contiguous run of `columns * channels` bytes inside the image, and one run per tap where the tile touches the left or
right border or the taps are dilated. Weights are `[window row][output channel][column * channel]`.

The input's zero point is folded into the bias, so the halo reads as the zero point and costs a pointer, not code.
"""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith, memref, scf
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import DEPTH, Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.conv2d.operator import Conv2D
from vmcu.operators.geometry import Region, Steps, split_channels
from vmcu.operators.liveness import at_least, at_most, free_window
from vmcu.operators.requant import RequantEmitter
from vmcu.operators.rows import Place, RowEmitter

UNROLLED = 3  # most window rows that are unrolled where a row's place is found once
SUMS = 4  # channels of a dense layer at a time: their products share the bytes of a row
PIXELS, CHANNELS = 2, 2  # the register tile: 4 accumulators leave room for both operands in 14 registers


class PlainConv2D(Family[Conv2D]):
    """`vmcu.dot`, channel tile by channel tile."""

    computes = Conv2D

    def steps(self, operator: Conv2D, variant: Variant) -> Steps:
        window = operator.window.flattened()
        return window.steps(PIXELS, *operator.channels, split_channels(operator.channels[1], CHANNELS))

    def emit(self, operator: Conv2D, variant: Variant, on: Operands, *, backward: bool) -> None:
        ConvEmitter(operator.normalised(), on, backward).emit()

    def emit_row(self, operator: Conv2D, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        emitter = ConvEmitter(operator, on, backward, by_rows=True)
        if operator.rows().accumulates:
            emitter.emit_sums(row, on.workspace[0])
        else:
            emitter.emit_row(row)


class ConvEmitter(RowEmitter):
    """Emits a convolution's rows tile by tile."""

    def __init__(self, conv: Conv2D, on: Operands, backward: bool, by_rows: bool = False, place: Place | None = None):
        super().__init__(conv.window, on, backward=backward, by_rows=by_rows, place=place)
        self.conv = conv
        # A tile's pixels are stored side by side.
        self.pixels = PIXELS if self.place.column_step == 1 else 1
        self.weights, self.bias = build.flash(conv.runs), build.flash(conv.bias.astype(np.int32))
        self.requant = RequantEmitter(conv.requant, len(conv.weights))

    @property
    def _unrolls(self) -> bool:
        """Whether the rows of a window are straight code."""
        return self.by_rows and not self.small and self.window.kernel[0] <= UNROLLED

    def make_row(self, row: Index) -> None:
        regions = self.window.regions(self.pixels)
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

        acc = build.accumulate(self.window.kernel[0], 1, acc, window_row, unroll=self._unrolls)
        tile = self.requant.emit(acc, channel, build.i8())
        done = at_most(channel, 0) if self.backward else at_least(channel + channels, self.conv.channels[1])
        if not self.by_rows:
            free_window(self.source, self.window, row, column, region.step, done, backward=self.backward)
        first, within = self._pixel(row, column)
        build.segment_store(tile, self.dest, first, channel, within=within)

    def emit_sums(self, row: Index, workspace: ir.Value) -> None:
        """Add the products of input row `row` to the sums in the workspace; with the last row, requantise and store them."""
        image, (inputs, outputs) = self.window.image, self.conv.channels
        first, last = (image[0] - 1, 0) if self.backward else (0, image[0] - 1)
        sums = d.buffer(ir.MemRefType.get([outputs], build.i32()), workspace, 0)
        starts, ends = (arith.cmpi(arith.CmpIPredicate.eq, row.value, build.constant(each)) for each in (first, last))
        full = outputs - outputs % SUMS
        for start, stop, tile in ((0, full, SUMS), (full, outputs, outputs - full)):
            if start == stop:
                continue
            for channel in build.loop(start, stop, tile):
                lanes = [(channel + lane).value for lane in range(tile)]
                kept = vector_d.from_elements(
                    build.vector(build.i32(), tile), [memref.load(sums, [at]) for at in lanes]
                )
                acc = arith.select(starts, build.flash_load(self.bias, [channel], tile), kept)
                acc = d.broadcast(build.vector(build.i32(), 1, tile), acc)
                place = (row * image[1], Index(0))
                acc = self._dot_run(place, 1, channel, tile, row, Index(0), image[1] * inputs, None, acc)
                for lane, at in enumerate(lanes):
                    memref.store(vector_d.extract(acc, [], [0, lane], results=[build.i32()]), sums, [at])
                branch = scf.IfOp(ends)
                with ir.InsertionPoint(branch.then_block):
                    build.segment_store(self.requant.emit(acc, channel, build.i8()), self.dest, Index(0), channel)
                    scf.yield_([])
        size = build.constant(workspace.type.length)
        build.free(workspace, arith.select(ends, size, build.constant(0)), backward=False)
        index = row * image[1] if self.backward else (row + 1) * image[1]
        build.free(self.source, index.value, backward=self.backward)

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
                flipped=bool(self.conv.flips),
            )
            depth = ir.VectorType(pixel.type).shape[1]
            weight = build.flash_load(self.weights, [ky, channel, offset + k], channels, depth)
            return d.dot(pixel, weight, acc)

        full = length - length % DEPTH if length > 2 * DEPTH else 0
        if full:
            acc = build.accumulate(full, DEPTH, acc, lambda k, acc: chunk(k, DEPTH, acc))
        return chunk(Index(full), length - full, acc) if length > full else acc
