"""What operators share that keep channels apart: depthwise convolution, average and maximum pooling, mean.

A tile of their plain loops is one pixel of `CHANNELS` channels, one 32-bit word of the pool per tap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Operands, Operator, Shape
from vmcu.operators.geometry import Region, Steps, Window, split_channels
from vmcu.operators.liveness import at_least, at_most, free_window
from vmcu.operators.rows import RowEmitter
from vmcu.planner import Rows

CHANNELS = 4  # one word
UNROLLED = 3  # most window rows that are unrolled where a row's place is found once
TAPS = 8  # most taps of a window row, or of a window of one column, that one piece of straight-line code takes
STRAIGHT = 3 * TAPS  # most taps of a window of one column that are unrolled where a row's place is found once


@dataclass(frozen=True, eq=False)
class Channelwise(Operator):
    """A window over each channel by itself. A channel count that is no multiple of 4 leaves lanes unused."""

    window: Window
    channels: int
    pad_value: int

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """A segment is a pixel."""
        pixels = [int(np.prod(each)) for each in (self.window.image, self.window.output)]
        return ((pixels[0], self.channels),), ((pixels[1], self.channels),)

    def rows(self) -> Rows:
        return self.window.rows()

    @property
    def signature(self) -> str:
        return f"depthwise {self.window.describe(self.channels, self.channels)}"

    @property
    def macs(self) -> int:
        return int(np.prod(self.window.output) * np.prod(self.window.kernel)) * self.channels

    def plain_steps(self) -> Steps:
        """The accesses of `ChannelwiseEmitter`."""
        return self.window.steps(1, self.channels, self.channels, split_channels(self.channels, CHANNELS))


class ChannelwiseEmitter(RowEmitter):
    """Rows, columns, channel groups; `_emit_value` makes the word of one tile, `_fold` adds taps to it."""

    def __init__(self, kernel: Channelwise, on: Operands, backward: bool, by_rows: bool = False):
        super().__init__(kernel.window, on, backward=backward, by_rows=by_rows)
        self.kernel = kernel

    def _emit_value(self, row: Index, column: Index, region: Region, channel: Index, valid: int) -> ir.Value:
        raise NotImplementedError

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        raise NotImplementedError

    def make_row(self, row: Index) -> None:
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
        if self.is_column and not self.small:
            return self._fold_column(row, column, region, channel, valid, acc)

        def window_row(ky: Index, acc: ir.Value) -> ir.Value:
            y = row * window.stride[0] + ky * window.dilation[0] - window.pad[0]
            row_guard = build.is_inside(y, window.image[0]) if window.guards_rows else None
            return self._fold_row(y, ky, row_guard, column, region, channel, valid, acc)

        unroll = self.by_rows and not self.small and window.kernel[0] <= UNROLLED
        return build.accumulate(window.kernel[0], 1, acc, window_row, unroll=unroll)

    @property
    def is_column(self) -> bool:
        """Whether the window is one column wide: then pieces of straight-line code run down the column."""
        return self.window.kernel[1] == 1 < self.window.kernel[0]

    def _fold_column(
        self, row: Index, column: Index, region: Region, channel: Index, valid: int, acc: ir.Value
    ) -> ir.Value:
        """Fold the taps of a window that is one column wide."""
        window, taps = self.window, self.window.kernel[0]
        x = column * window.stride[1] - window.pad[1]
        column_guard = [build.is_inside(x, window.image[1])] if region.guarded else []

        def piece(ky: Index, count: int, acc: ir.Value) -> ir.Value:
            y = row * window.stride[0] + ky * window.dilation[0] - window.pad[0]
            guards = column_guard * count
            if window.guards_rows:
                guards = [build.is_inside(y + tap * window.dilation[0], window.image[0]) for tap in range(count)]
                guards = [arith.andi(each, *column_guard) if column_guard else each for each in guards]
            stride = window.dilation[0] * window.image[1]
            first = y * window.image[1] + x
            words = build.segment_load(
                self.source,
                first,
                channel,
                count,
                valid,
                stride=stride,
                guards=guards,
                pad=self.kernel.pad_value,
                flipped=bool(self.kernel.flips),
            )
            return self._fold(words, ky, Index(0), channel, acc)

        return _fold_pieces(taps, piece, acc, unroll=self.by_rows and taps <= STRAIGHT)

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
                flipped=bool(self.kernel.flips),
            )
            return self._fold(words, ky, kx, channel, acc)

        return _fold_pieces(taps, piece, acc)

    def _guards(self, x: Index, count: int, row_guard: ir.Value | None, region: Region) -> list[ir.Value]:
        if not region.guarded:
            return [row_guard] * count if row_guard is not None else []
        inside = [build.is_inside(x + tap * self.window.dilation[1], self.window.image[1]) for tap in range(count)]
        return inside if row_guard is None else [arith.andi(row_guard, each) for each in inside]


def _fold_pieces(
    taps: int, piece: Callable[[Index, int, ir.Value], ir.Value], acc: ir.Value, unroll: bool = False
) -> ir.Value:
    """Fold `piece(first tap, count, acc)` over pieces of `TAPS` taps, the last one shorter."""
    full = taps - taps % TAPS
    if full:
        acc = build.accumulate(full, TAPS, acc, lambda tap, acc: piece(tap, TAPS, acc), unroll=unroll)
    return piece(Index(full), taps - full, acc) if taps > full else acc
