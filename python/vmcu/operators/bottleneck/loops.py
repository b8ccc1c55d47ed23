"""The loops of a fused bottleneck.

A step brings the next columns of expanded pixels into the ring, two pixels at a time, runs the depthwise window over the
ring, and projects what that gives into the output. Expanded pixels outside of the image are not computed: the depthwise
layer's zero point is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
from mlir import ir
from mlir.dialects import arith, scf

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import DEPTH, Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.bottleneck.operator import Fused
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.geometry import Steps
from vmcu.operators.liveness import free_window
from vmcu.operators.requant import RequantEmitter
from vmcu.operators.rows import RowEmitter

CHANNELS = 2  # output channels of a tile of a convolution
LANES = 4  # channels of a tile of the depthwise window
UNROLLED = 7  # most columns of the depthwise window that are unrolled


class PlainFused(Family[Fused]):
    """Convolutions by `vmcu.dot`."""

    computes = Fused

    def steps(self, operator: Fused, variant: Variant) -> Steps:
        return operator.geometry.steps()

    def emit(self, operator: Fused, variant: Variant, on: Operands, *, backward: bool) -> None:
        Emitter(operator, on, backward).emit()

    def emit_row(self, operator: Fused, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        Emitter(operator, on, backward, by_rows=True).emit_row(row)


class Emitter(RowEmitter):
    """Columns are counted along the walk; `_column` finds the one of the image."""

    def __init__(self, kernel: Fused, on: Operands, backward: bool, by_rows: bool = False):
        super().__init__(kernel.geometry.window, on, backward=backward, by_rows=by_rows)
        self.kernel, self.shape = kernel, kernel.geometry
        self.expanded, self.pixels = on.workspace
        self.mirrored = backward and not by_rows  # row by row, the order of the columns is ours to choose
        self.walk = self.shape.walk(mirrored=self.mirrored)
        self.first = _Dots(kernel.expand)
        self.last = _Dots(kernel.project)
        channels = kernel.middle.channels
        spare = -channels % LANES
        weights = np.pad(kernel.middle.weights, ((0, 0), (0, 0), (0, spare)))
        # [channel group][column][row][channel]: a column of the ring is one load.
        groups = weights.reshape(*weights.shape[:2], -1, LANES).transpose(2, 1, 0, 3)
        self.weights = build.flash(groups.astype(np.int8))
        self.bias = build.flash(np.pad(kernel.middle.bias, (0, spare)).astype(np.int32))
        self.requant = RequantEmitter(kernel.middle.requant, channels + spare)

    def emit_row(self, row: Index) -> None:
        super().emit_row(row)
        last = 0 if self.backward else self.window.output[0] - 1
        is_last = arith.cmpi(arith.CmpIPredicate.eq, row.value, build.constant(last))
        for sequence in (self.expanded, self.pixels):
            size = sequence.type.length
            build.free(sequence, arith.select(is_last, build.constant(size), build.constant(0)), backward=False)

    def make_row(self, row: Index) -> None:
        for step in build.loop(0, self.walk.steps):
            self._expand_columns(row, step)
            with if_(_at_least(step, self.walk.first)):
                newest = (step - self.walk.first) * self.shape.tile + self.walk.last
                self._filter(newest)
                self._project(row, newest)

    # The expanded columns

    def _expand_columns(self, row: Index, step: Index) -> None:
        """Bring the next columns into the ring."""
        window, walk = self.kernel.middle.window, self.walk
        expand, count = (self._expand_pair, 2) if self.shape.pairs else (self._expand_pixel, 1)
        for line in build.loop(0, window.kernel[0]):
            y = row * window.stride[0] + line - window.pad[0]
            exists = build.is_inside(y, window.image[0])
            for column in build.loop(walk.unread, walk.fresh, count):
                expand(y, line, step * walk.fresh + column, exists)

    def _expand_pair(self, y: Index, line: Index, column: Index, exists: ir.Value) -> None:
        """Expand the pixels of two columns at once, if both windows lie in the image and no ring's end is between them."""
        lo, hi = self._interior()
        left = column + int(self.mirrored)
        at = self._column(left)
        both = arith.andi(exists, build.is_inside(at - lo, max(hi - 1 - lo, 0)))
        if self.shape.columns % 2:
            both = arith.andi(both, build.is_inside(self._slot(left), self.shape.columns - 1))
        branch = scf.IfOp(both, has_else=True)
        with ir.InsertionPoint(branch.then_block):
            self._expand_inside(y, at, self._slot(left, line))
            scf.yield_([])
        with ir.InsertionPoint(branch.else_block):
            for number in build.loop(0, 2):
                self._expand_pixel(y, line, column + number, exists)
            scf.yield_([])

    def _expand_pixel(self, y: Index, line: Index, column: Index, exists: ir.Value) -> None:
        lo, hi = self.shape.needed
        at, slot = self._column(column), self._slot(column, line)
        branch = scf.IfOp(arith.andi(exists, build.is_inside(at - lo, hi - lo)), has_else=True)
        with ir.InsertionPoint(branch.then_block):
            self._expand(y, at, slot, 1, guarded=self._interior() != self.shape.needed)
            scf.yield_([])
        with ir.InsertionPoint(branch.else_block):
            for channel, width in _tiles(self.kernel.middle.channels, LANES):
                zero = build.splat(build.i8(), self.kernel.middle.pad_value, 1, LANES)
                build.segment_store(zero, self.expanded, slot, channel, valid=width if width != LANES else None)
            scf.yield_([])

    def _interior(self) -> tuple[int, int]:
        """The needed columns `[lo, hi)` whose window of the first convolution lies in the image."""
        bounds = zip(self.shape.needed, self.kernel.expand.window.inside(1), (max, min))
        lo, hi = (choose(a, b) for a, b, choose in bounds)
        return lo, max(lo, hi)

    def _expand_inside(self, y: Index, x: Index, slot: Index) -> None:
        """Expand the pixels (y, x) and (y, x + 1), whose windows have all their columns."""
        self._expand(y, x, slot, 2, guarded=False)

    def _expand(self, y: Index, x: Index, slot: Index, pixels: int, *, guarded: bool) -> None:
        """Expand the pixels (y, x), (y, x + 1), ... into the segments from `slot` on."""
        window, inputs = self.kernel.expand.window, self.kernel.expand.channels[0]
        left = x * window.stride[1] - window.pad[1]
        contiguous = not guarded and (window.dilation[1] == 1 or window.kernel[1] == 1)
        taps, columns = (1, window.kernel[1]) if contiguous else (window.kernel[1], 1)

        def window_row(ky: Index, acc: ir.Value, channel: Index, width: int) -> ir.Value:
            line = y * window.stride[0] + ky * window.dilation[0] - window.pad[0]
            row_guard = build.is_inside(line, window.image[0]) if window.guards_rows else None

            def run(kx: Index, acc: ir.Value) -> ir.Value:
                at, guard = left + kx * window.dilation[1], row_guard
                if guarded:
                    inside = build.is_inside(at, window.image[1])
                    guard = inside if guard is None else arith.andi(guard, inside)

                def load(k: Index, size: int) -> ir.Value:
                    return build.segment_load(
                        self.source,
                        line * window.image[1],
                        k,
                        pixels,
                        size,
                        within=at,
                        stride=window.stride[1],
                        guards=[guard] * pixels if guard is not None else (),
                        pad=self.kernel.expand.pad_value,
                    )

                return self.first.run(load, ky, channel, width, kx * inputs, columns * inputs, acc)

            return build.accumulate(taps, 1, acc, run)

        for channel, width in _tiles(self.kernel.middle.channels, CHANNELS):
            acc = self.first.start(pixels, channel, width)
            row = partial(window_row, channel=channel, width=width)
            acc = build.accumulate(window.kernel[0], 1, acc, row)
            tile = self.first.requant.emit(acc, channel, build.i8())
            build.segment_store(tile, self.expanded, slot, channel)

    def _column(self, column: Index) -> Index:
        """The expanded tensor's column, which may lie outside of it."""
        at = column - self.walk.spare
        return (self.shape.span - 1 if self.mirrored else 0) + at * (-1 if self.mirrored else 1) - self._pad

    @property
    def _pad(self) -> int:
        return self.kernel.middle.window.pad[1]

    def _slot(self, column: Index, line: Index | int = 0) -> Index:
        """The segment of a line and a column in the ring; columns lie in it in the order in which the image has them."""
        count = self.shape.columns
        slot = Index.of(arith.remui(column.value, build.constant(count)))
        return ((count - 1) - slot if self.mirrored else slot) + line * count

    # The pixels

    def _filter(self, newest: Index) -> None:
        """The depthwise layer's pixels of a step, `newest` and those before it."""
        for number in build.loop(0, self.shape.tile):
            pixel = newest + number - (self.shape.tile - 1)
            begin = pixel * self.kernel.middle.window.stride[1] + self.walk.spare
            place = (self.shape.tile - 1) - number if self.mirrored else number
            for channel, width in _tiles(self.kernel.middle.channels, LANES):
                value = build.as_row(self._filter_tile(begin, channel, width))
                valid = width if width != LANES else None
                build.segment_store(value, self.pixels, place, channel, valid=valid)

    def _filter_tile(self, begin: Index, channel: Index, valid: int) -> ir.Value:
        """`LANES` channels of the window whose first column is `begin`."""
        rows, columns = self.kernel.middle.window.kernel

        def window_column(kx: Index, acc: ir.Value) -> ir.Value:
            slot = self._slot(begin + kx)
            taps = build.segment_load(self.expanded, slot, channel, rows, valid, stride=self.shape.columns)
            at = (columns - 1) - kx if self.mirrored else kx
            weights = build.flash_load(self.weights, [channel.floordiv(LANES), at, 0, 0], rows, LANES)
            return d.channel_dot(taps, weights, acc)

        acc = build.flash_load(self.bias, [channel], LANES)
        acc = build.accumulate(columns, 1, acc, window_column, unroll=columns <= UNROLLED and not self.small)
        return self.requant.emit(acc, channel, build.i8())

    def _project(self, row: Index, newest: Index) -> None:
        """Project the pixels of a step into the output."""
        tile, columns = self.shape.tile, self.window.output[1]
        first = (columns - 1) - newest if self.mirrored else newest - (tile - 1)
        if not self.by_rows:
            done = arith.constant(ir.IntegerType.get_signless(1), 1)
            free_window(self.source, self.window, row, first, tile, done, backward=self.backward)
        self._project_pixels(row, first)

    def _project_pixels(self, row: Index, column: Index) -> None:
        """Make the pixels of a step, from `column` on."""
        tile, (_, depth, outputs), columns = self.shape.tile, self.shape.channels, self.window.output[1]

        def load(k: Index, size: int) -> ir.Value:
            return build.segment_load(self.pixels, Index(0), k, tile, size)

        for channel, width in _tiles(outputs, CHANNELS):
            acc = self.last.run(load, Index(0), channel, width, Index(0), depth, self.last.start(tile, channel, width))
            value = self.last.requant.emit(acc, channel, build.i8())
            for number in range(tile):
                with if_(self._exists(column + number) if number else None):
                    one = build.as_row(build.row_of(value, number))
                    build.segment_store(one, self.dest, row * columns, channel, within=column + number)

    def _exists(self, column: Index) -> ir.Value | None:
        """Whether there is an output column; None if steps make no others.

        Only where a row has an odd number of pixels does one step make fewer than it might.
        """
        columns = self.window.output[1]
        return build.is_inside(column, columns) if columns % self.shape.tile else None


class _Dots:
    """The constants of a convolution, and its dot products."""

    def __init__(self, conv: Conv2D):
        self.weights, self.bias = build.flash(conv.runs), build.flash(conv.bias.astype(np.int32))
        self.requant = RequantEmitter(conv.requant, len(conv.weights))

    def start(self, pixels: int, channel: Index, channels: int) -> ir.Value:
        """Accumulators of a tile."""
        bias = build.flash_load(self.bias, [channel], channels)
        return d.broadcast(build.vector(build.i32(), pixels, channels), bias)

    def run(
        self,
        load: Callable[[Index, int], ir.Value],
        ky: Index,
        channel: Index,
        channels: int,
        offset: Index,
        length: int,
        acc: ir.Value,
    ) -> ir.Value:
        """Accumulate `length` bytes that `load(first, bytes)` gives; their weights start at `offset`."""

        def chunk(k: Index, size: int, acc: ir.Value) -> ir.Value:
            pixel = load(k, size)
            depth = ir.VectorType(pixel.type).shape[1]
            return d.dot(pixel, build.flash_load(self.weights, [ky, channel, offset + k], channels, depth), acc)

        full = length - length % DEPTH if length > 2 * DEPTH else 0
        if full:
            acc = build.accumulate(full, DEPTH, acc, lambda k, acc: chunk(k, DEPTH, acc))
        return chunk(Index(full), length - full, acc) if length > full else acc


def _tiles(count: int, tile: int) -> Iterator[tuple[Index, int]]:
    """Loop over channels in tiles: first channel and width."""
    full = count - count % tile
    for start, stop, width in ((0, full, tile), (full, count, count - full)):
        if start != stop:
            for channel in build.loop(start, stop, width):
                yield channel, width


def _at_least(index: Index, limit: int) -> ir.Value | None:
    """`index >= limit`; None if that is always so."""
    if limit <= index.constant:
        return None
    return arith.cmpi(arith.CmpIPredicate.sge, index.value, build.constant(limit))


@contextmanager
def if_(condition: ir.Value | None) -> Iterator[None]:
    """Build what happens under a condition, or always if there is none."""
    if condition is None:
        yield
        return
    branch = scf.IfOp(condition)
    with ir.InsertionPoint(branch.then_block):
        yield
        scf.yield_([])
