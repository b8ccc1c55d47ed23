"""Convolutions as widened pixels times packed weights: `vmcu.widen`, then `vmcu.matmul`.

The windows of a tile of pixels are widened to 16-bit lanes on the stack, once for all output channels. Where a column's
bytes are whole words, neighbouring windows share their columns: lanes are `[column][window row][channel]`, so that the
window of each pixel is one contiguous run. Otherwise each pixel has lanes of its own: the whole words of each run of
bytes, one run for each window row, then what is left of the runs, byte by byte. The weights follow that order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mlir import ir
from mlir.dialects import arith, memref

from vmcu.dialects import vmcu as d

from . import build
from .build import Index
from .geometry import Span
from .liveness import free_rows, free_unread, free_window

if TYPE_CHECKING:
    from .conv2d import Conv2D

PIXELS = 2  # of a tile


class TileEmitter:
    """Emits a convolution's rows tile by tile."""

    def __init__(self, conv: Conv2D, source: ir.Value, dest: ir.Value, backward: bool, by_rows: bool = False):
        self.conv, self.window = conv, conv.window
        self.source, self.dest, self.backward, self.by_rows = source, dest, backward, by_rows
        rows, columns = self.window.kernel
        inputs = conv.channels[0]
        self.shares = inputs % 4 == 0 and (self.window.dilation[1] == 1 or columns == 1)
        if self.shares:
            ordered = conv.weights.transpose(0, 2, 1, 3).reshape(len(conv.weights), -1)
            self.step = rows * inputs  # lanes from one column to the next
            self.pitch = min(self.window.stride[1], columns) * self.step
        else:
            self.columns = columns if self.window.dilation[1] == 1 else 1  # of a run of bytes
            runs = conv.weights.reshape(len(conv.weights), -1, self.columns * inputs)
            self.runs, self.whole = runs.shape[1], runs.shape[2] // 4 * 4
            parts = (runs[:, :, : self.whole], runs[:, :, self.whole :])
            ordered = np.concatenate([each.reshape(len(runs), -1) for each in parts], 1)
            ordered = np.pad(ordered, ((0, 0), (0, -ordered.shape[1] % 4)))
            self.pitch = ordered.shape[1]
        self.depth = ordered.shape[1]
        requant = conv.requant
        self.constants = [
            build.flash(each)
            for each in (
                np.ascontiguousarray(ordered, np.int8),
                conv.bias.astype(np.int32),
                requant.multiplier.astype(np.int32),
                requant.shift.astype(np.int8),
            )
        ]
        pixels = min(PIXELS, self.window.output[1])
        self.lanes = None
        if not conv.takes_bytes:
            count = -(-((pixels - 1) * self.pitch + self.depth) // 4) * 4
            kind = ir.MemRefType.get([count], ir.IntegerType.get_signless(16))
            self.lanes = memref.alloca(kind, [], [])

    def emit(self) -> None:
        free_unread(self.source, self.window, backward=self.backward)
        for row in build.loop(0, self.window.output[0], backward=self.backward):
            self._emit_columns(row)

    def emit_row(self, row: Index) -> None:
        self._emit_columns(row)
        free_rows(self.source, self.window, row, backward=self.backward)

    def _emit_columns(self, row: Index) -> None:
        spans = self.window.spans(PIXELS)
        for span in reversed(spans) if self.backward else spans:
            for column in build.loop(span.start, span.stop, span.step, backward=self.backward):
                self._emit_tile(row, column, span)

    def _emit_tile(self, row: Index, column: Index, span: Span) -> None:
        if self.lanes is not None:
            for ky in range(self.window.kernel[0]):
                self._widen_row(row, column, span, ky)
        if self.lanes is not None:
            self._free(row, column, span)
        first, within = self._segment(row * self.window.output[1], column)
        requant = self.conv.requant
        d.matmul(
            self.lanes if self.lanes is not None else self.source,
            self.constants,
            self.dest,
            first.value,
            span.step,
            self.pitch,
            self.depth,
            d.Rounding.double_round if requant.rounding == "double" else d.Rounding.single_round,
            requant.zero_point,
            requant.min,
            requant.max,
            first=None if self.lanes is not None else (row * self.window.image[1]).value,
            within=None if within is None else within.value,
        )
        if self.lanes is None:
            self._free(row, column, span)

    def _free(self, row: Index, column: Index, span: Span) -> None:
        if not self.by_rows:
            done = arith.constant(ir.IntegerType.get_signless(1), 1)
            free_window(self.source, self.window, row, column, span.step, done, backward=self.backward)

    def _segment(self, first: Index, within: Index) -> tuple[Index, Index | None]:
        """A segment of a row that starts at `first`. Row by row, the place of a row is found once, outside the loops."""
        return (first, within) if self.by_rows else (first + within, None)

    def _widen_row(self, row: Index, column: Index, span: Span, ky: int) -> None:
        """The bytes of window row `ky` that the pixels of a tile need."""
        window, inputs = self.window, self.conv.channels[0]
        y = row * window.stride[0] + ky * window.dilation[0] - window.pad[0]
        guard = build.is_inside(y, window.image[0]) if window.guards_rows else None
        if not self.shares:
            for pixel in range(span.step):
                self._widen_runs(y, column, span, ky, pixel, guard)
            return
        apart = window.stride[1] > window.kernel[1]  # columns between windows are left out
        for pixel in range(span.step) if apart else range(1):
            first = pixel * window.stride[1]
            count = window.kernel[1] if apart else (span.step - 1) * window.stride[1] + window.kernel[1]
            at = pixel * self.pitch + ky * inputs
            for start, stop, inside in self._cut(column, span, first, count):
                place = at + (start - first) * self.step
                self._widen(y, column, start, 0, place, inputs, stop - start, guard, inside)

    def _widen_runs(self, y: Index, column: Index, span: Span, ky: int, pixel: int, guard: ir.Value | None) -> None:
        """The runs of one pixel in window row `ky`: whole words, then the rest."""
        inputs, window = self.conv.channels[0], self.window
        per_row = self.runs // window.kernel[0]
        for number in range(per_row):
            run = ky * per_row + number
            first = pixel * window.stride[1] + number * window.dilation[1]
            for start, stop, inside in self._cut(column, span, first, self.columns):
                begin, end = ((each - first) * inputs for each in (start, stop))
                for low, high, place in (
                    (begin, min(end, self.whole), run * self.whole + begin),
                    (
                        max(begin, self.whole),
                        end,
                        self.runs * self.whole
                        + run * (self.columns * inputs - self.whole)
                        + max(begin, self.whole)
                        - self.whole,
                    ),
                ):
                    if low < high:
                        at = pixel * self.pitch + place
                        self._widen(y, column, start, low - begin, at, high - low, 1, guard, inside)

    def _cut(self, column: Index, span: Span, first: int, count: int) -> list[tuple[int, int, bool]]:
        """Columns `[first, first + count)` of a tile cut where the image begins and ends: begin, end, is inside."""
        if span.is_inside:
            return [(first, first + count, True)]
        left = column.constant * self.window.stride[1] - self.window.pad[1]
        low, high = (min(max(edge - left, first), first + count) for edge in (0, self.window.image[1]))
        runs = [(first, low, False), (low, high, True), (high, first + count, False)]
        return [run for run in runs if run[0] < run[1]]

    def _widen(
        self,
        y: Index,
        column: Index,
        first: int,
        byte: int,
        at: int,
        size: int,
        pieces: int,
        guard: ir.Value | None,
        inside: bool,
    ) -> None:
        """`pieces` of `size` bytes, one after the other from a byte of a tile's column on, to lanes a column apart."""
        x = column * self.window.stride[1] + (first - self.window.pad[1])
        step = self.step if pieces > 1 else 1
        if pieces > 1 and step == size:
            size, pieces, step = size * pieces, 1, 1
        if not inside:
            guard, x = arith.constant(ir.IntegerType.get_signless(1), 0), Index(0)
        index, within = self._segment(y * self.window.image[1], x)
        d.widen(
            self.source,
            index.value,
            build.constant(byte),
            self.lanes,
            at,
            size,
            pieces=pieces,
            step=step,
            within=None if within is None else within.value,
            guard=guard,
            pad=self.conv.pad_value if guard is not None else None,
        )
