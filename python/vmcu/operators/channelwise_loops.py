"""The loops of kernels that keep channels apart.

A tile of the plain loops is one pixel of `CHANNELS` channels, one 32-bit word of the pool per tap. Depthwise weights are
`[channel group][window row][tap][channel]`. `WholeRowEmitter` leaves a row to one op.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from mlir import ir
from mlir.dialects import arith, memref, scf
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.geometry import Region
from vmcu.operators.liveness import at_least, at_most, free_unread, free_window
from vmcu.operators.requant import RequantEmitter, flash_constants
from vmcu.operators.rows import RowEmitter

if TYPE_CHECKING:
    from vmcu.operators.channelwise import Channelwise, Depthwise

CHANNELS = 4  # one word
UNROLLED = 3  # most window rows that are unrolled where a row's place is found once
TAPS = 8  # most taps of a window row that one piece of straight-line code takes


class WholeRowEmitter(RowEmitter):
    """A depthwise convolution whose rows are one `vmcu.depthwise` each, freed after the store."""

    def __init__(self, kernel: Depthwise, source: ir.Value, dest: ir.Value, backward: bool, by_rows: bool = False):
        super().__init__(kernel.window, source, dest, backward=backward, by_rows=by_rows)
        self.kernel = kernel

    def emit(self) -> None:
        # What no step reads is freed before the first one, at either end.
        for end in (False, True):
            free_unread(self.source, self.window, backward=end)
        for row in build.loop(0, self.window.output[0], backward=self.backward):
            self.emit_row(row)

    def _emit_columns(self, row: Index) -> None:
        kernel, window = self.kernel, self.window
        inputs = [row * window.stride[0] + ky * window.dilation[0] - window.pad[0] for ky in range(window.kernel[0])]
        guards = [build.is_inside(each, window.image[0]) for each in inputs] if window.guards_rows else []
        d.depthwise(
            self.source,
            [(each * window.image[1]).value for each in inputs],
            guards,
            flash_constants(kernel.weights, kernel.bias, kernel.requant),
            self.dest,
            (row * window.output[1]).value,
            window.kernel[1],
            window.stride[1],
            window.pad[1],
            window.image[1],
            window.output[1],
            kernel.pad_value,
            *kernel.requant.attributes,
            tile=kernel.variant.get("tile"),
        )


class _Emitter(RowEmitter):
    """Rows, columns, channel groups; `_emit_value` makes the word of one tile."""

    def __init__(self, kernel: Channelwise, source: ir.Value, dest: ir.Value, backward: bool, by_rows: bool = False):
        super().__init__(kernel.window, source, dest, backward=backward, by_rows=by_rows)
        self.kernel = kernel

    def _emit_columns(self, row: Index) -> None:
        regions = self.window.regions(1)
        for region in reversed(regions) if self.backward else regions:
            for column in build.loop(region.start, region.stop, backward=self.backward):
                self._emit_pixel(row, column, region)

    def _channel_tiles(self) -> Iterator[tuple[Index, int]]:
        """Loop over the channels in tiles: first channel and width."""
        channels = self.kernel.channels
        full = channels - channels % CHANNELS
        parts = [(0, full, CHANNELS), (full, channels, channels - full)]
        for start, stop, tile in reversed(parts) if self.backward else parts:
            if start != stop:
                for channel in build.loop(start, stop, tile, backward=self.backward):
                    yield channel, tile

    def _emit_pixel(self, row: Index, column: Index, region: Region) -> None:
        for channel, tile in self._channel_tiles():
            value = self._emit_value(row, column, region, channel, tile)
            if not self.by_rows:
                done = at_most(channel, 0) if self.backward else at_least(channel + tile, self.kernel.channels)
                free_window(self.source, self.window, row, column, 1, done, backward=self.backward)
            self._store(value, row * self.window.output[1], column, channel, tile)

    def _store(self, value: ir.Value, row: Index, column: Index, channel: Index, tile: int) -> None:
        first, within = self._segment(row, column)
        build.segment_store(value, self.dest, first, channel, within=within, valid=tile if tile != CHANNELS else None)

    def _fold_taps(
        self, row: Index, column: Index, region: Region, channel: Index, valid: int, acc: ir.Value
    ) -> ir.Value:
        """Fold `self._fold(taps, ky, kx, channel, acc)` over the window, `taps` being words of up to `TAPS` taps."""
        window = self.window

        def window_row(ky: Index, acc: ir.Value) -> ir.Value:
            y = row * window.stride[0] + ky * window.dilation[0] - window.pad[0]
            row_guard = build.is_inside(y, window.image[0]) if window.guards_rows else None
            return self._fold_row(y, ky, row_guard, column, region, channel, valid, acc)

        unroll = self.by_rows and window.kernel[0] <= UNROLLED
        return build.accumulate(window.kernel[0], 1, acc, window_row, unroll=unroll)

    def _fold_row(
        self,
        y: Index,
        ky: Index,
        row_guard: ir.Value | None,
        column: Index,
        region: Region,
        channel: Index,
        valid: int,
        acc: ir.Value,
    ) -> ir.Value:
        """Fold the taps of window row `ky`, which lies on input row `y`."""
        window, taps = self.window, self.window.kernel[1]

        def piece(kx: Index, count: int, acc: ir.Value) -> ir.Value:
            x = column * window.stride[1] + kx * window.dilation[1] - window.pad[1]
            guards = self._guards(x, count, row_guard, region)
            first, within = self._segment(y * window.image[1], x)
            words = build.segment_load(
                self.source,
                first,
                channel,
                count,
                valid,
                within=within,
                stride=window.dilation[1],
                guards=guards,
                pad=self.kernel.pad_value,
            )
            return self._fold(words, ky, kx, channel, acc)

        full = taps - taps % TAPS
        if full:
            acc = build.accumulate(full, TAPS, acc, lambda kx, acc: piece(kx, TAPS, acc))
        return piece(Index(full), taps - full, acc) if taps > full else acc

    def _guards(self, x: Index, count: int, row_guard: ir.Value | None, region: Region) -> list[ir.Value]:
        if not region.guarded:
            return [row_guard] * count if row_guard is not None else []
        inside = [build.is_inside(x + tap * self.window.dilation[1], self.window.image[1]) for tap in range(count)]
        return inside if row_guard is None else [arith.andi(row_guard, each) for each in inside]


class DepthwiseEmitter(_Emitter):
    def __init__(self, kernel: Depthwise, source: ir.Value, dest: ir.Value, backward: bool, by_rows: bool = False):
        super().__init__(kernel, source, dest, backward, by_rows)
        self.shared = kernel.weights.shape[2] == 1
        rows, columns, _ = kernel.weights.shape
        spare = -kernel.channels % CHANNELS
        weights = (
            np.repeat(kernel.weights, CHANNELS, 2)
            if self.shared
            else np.pad(kernel.weights, ((0, 0), (0, 0), (0, spare)))
        )
        groups = weights.reshape(rows, columns, -1, CHANNELS).transpose(2, 0, 1, 3)
        # Window rows longer than one piece are cut into pieces of `TAPS`, the last one shorter.
        self.weights = build.flash(groups.astype(np.int8))
        self.bias = build.flash(np.pad(kernel.bias, (0, spare)).astype(np.int32))
        self.requant = RequantEmitter(kernel.requant, kernel.channels + spare)

    def _emit_value(self, row: Index, column: Index, region: Region, channel: Index, valid: int) -> ir.Value:
        acc = build.flash_load(self.bias, [channel], CHANNELS)
        acc = self._fold_taps(row, column, region, channel, valid, acc)
        value = self.requant.emit(acc, channel, build.i8())
        return build.as_row(value)

    def emit_sums(self, row: Index, workspace: ir.Value) -> None:
        """Add input row `row` to the sums in the workspace; with the last row, requantise and store them."""
        image, first, last = self.window.image, 0, self.window.image[0] - 1
        if self.backward:
            first, last = last, first
        count = -(-self.kernel.channels // CHANNELS) * CHANNELS
        sums = d.buffer(ir.MemRefType.get([count], build.i32()), workspace, 0)
        starts, ends = (arith.cmpi(arith.CmpIPredicate.eq, row.value, build.constant(each)) for each in (first, last))
        region = Region(0, 1, 1, False)
        for channel, tile in self._channel_tiles():
            lanes = [(channel + lane).value for lane in range(CHANNELS)]
            loaded = vector_d.from_elements(
                build.vector(build.i32(), CHANNELS), [memref.load(sums, [at]) for at in lanes]
            )
            acc = arith.select(starts, build.flash_load(self.bias, [channel], CHANNELS), loaded)
            acc = self._fold_row(row, row, None, Index(0), region, channel, tile, acc)
            for lane, at in enumerate(lanes):
                memref.store(vector_d.extract(acc, [], [lane], results=[build.i32()]), sums, [at])
            branch = scf.IfOp(ends)
            with ir.InsertionPoint(branch.then_block):
                self._store(
                    build.as_row(self.requant.emit(acc, channel, build.i8())), Index(0), Index(0), channel, tile
                )
                scf.yield_([])
        size = workspace.type.length
        build.free(workspace, arith.select(ends, build.constant(size), build.constant(0)), backward=False)
        index = row * image[1] if self.backward else (row + 1) * image[1]
        build.free(self.source, index.value, backward=self.backward)

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        taps = ir.VectorType(words.type).shape[0]
        group = Index(0) if self.shared else channel.floordiv(CHANNELS)
        weights = build.flash_load(self.weights, [group, ky, kx, 0], taps, CHANNELS)
        return d.channel_dot(words, weights, acc)


class MaxPoolEmitter(_Emitter):
    def _emit_value(self, row: Index, column: Index, region: Region, channel: Index, valid: int) -> ir.Value:
        acc = build.splat(build.i32(), self.kernel.low, CHANNELS)
        acc = self._fold_taps(row, column, region, channel, valid, acc)
        acc = arith.minsi(acc, build.splat(build.i32(), self.kernel.high, CHANNELS))
        return build.as_row(arith.trunci(build.vector(build.i8(), CHANNELS), acc))

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        for tap in range(ir.VectorType(words.type).shape[0]):
            acc = arith.maxsi(acc, arith.extsi(build.vector(build.i32(), CHANNELS), build.row_of(words, tap)))
        return acc
