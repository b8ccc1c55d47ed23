"""Kernels that keep channels apart: depthwise convolution, average pooling and mean, maximum pooling.

A tile is one pixel of `CHANNELS` channels, one 32-bit word of the pool per tap. Depthwise weights are
`[channel group][window row][tap][channel]`. Average pooling is a depthwise convolution whose weights are all one and
are shared by all channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from mlir import ir
from mlir.dialects import arith, memref, scf
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.planner import Rows

from . import build, packing
from .build import Index
from .geometry import Region, Steps, Window, split_channels
from .liveness import at_least, at_most, free_rows, free_unread, free_window
from .requant import INT8, Requant, RequantEmitter
from .scale import choose_form
from .variant import PLAIN, Variant

CHANNELS = 4  # one word
UNROLLED = 3  # most window rows that are unrolled where a row's place is found once
TILES = (2, 3, 4)  # output columns at a time that are worth a try
TAPS = 8  # most taps of a window row that one piece of straight-line code takes


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
        if self.variant.name != "row":
            _DepthwiseEmitter(self, inputs[0], output, backward).emit()
            return
        # Rows are freed after the store: what no step reads, before the first one, at either end.
        for end in (False, True):
            free_unread(inputs[0], self.window, backward=end)
        for row in build.loop(0, self.window.output[0], backward=backward):
            self._emit_whole_row(inputs[0], output, row)
            free_rows(inputs[0], self.window, row, backward=backward)

    def emit_row(
        self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], row: Index, *, backward: bool
    ) -> None:
        """Make output row `row`, or take input row `row` if this kernel accumulates; `backward` is the rows' order."""
        if self.variant.name == "row":
            self._emit_whole_row(inputs[0], output, row)
            free_rows(inputs[0], self.window, row, backward=backward)
            return
        emitter = _DepthwiseEmitter(self, inputs[0], output, backward, by_rows=True)
        if self.rows().accumulates:
            emitter.emit_sums(row, workspace[0])
        else:
            emitter.emit_row(row)

    def _emit_whole_row(self, source: ir.Value, dest: ir.Value, row: Index) -> None:
        window = self.window
        inputs = [row * window.stride[0] + ky * window.dilation[0] - window.pad[0] for ky in range(window.kernel[0])]
        guards = [build.is_inside(each, window.image[0]) for each in inputs] if window.guards_rows else []
        requant = self.requant
        tables = (
            (self.weights, np.int8),
            (self.bias, np.int32),
            (requant.multiplier, np.int32),
            (requant.shift, np.int8),
        )
        d.depthwise(
            source,
            [(each * window.image[1]).value for each in inputs],
            guards,
            [build.flash(table.astype(kind)) for table, kind in tables],
            dest,
            (row * window.output[1]).value,
            window.kernel[1],
            window.stride[1],
            window.pad[1],
            window.image[1],
            window.output[1],
            self.pad_value,
            d.Rounding.double_round if requant.rounding == "double" else d.Rounding.single_round,
            requant.zero_point,
            requant.min,
            requant.max,
            tile=self.variant.get("tile"),
        )


@dataclass(frozen=True, eq=False)
class MaxPool(Channelwise):
    """The largest of a window, clamped to `[low, high]`."""

    low: int = INT8[0]
    high: int = INT8[1]
    kind: d.KernelKind = d.KernelKind.pool

    def emit(self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], *, backward: bool) -> None:
        _MaxPoolEmitter(self, inputs[0], output, backward).emit()

    def emit_row(
        self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], row: Index, *, backward: bool
    ) -> None:
        """Make output row `row`; `backward` is the rows' order."""
        _MaxPoolEmitter(self, inputs[0], output, backward, by_rows=True).emit_row(row)


class _Emitter:
    """Rows, columns, channel groups; `_emit_value` makes the word of one tile."""

    def __init__(self, kernel: Channelwise, source: ir.Value, dest: ir.Value, backward: bool, by_rows: bool = False):
        self.kernel, self.window = kernel, kernel.window
        self.source, self.dest, self.backward, self.by_rows = source, dest, backward, by_rows

    def emit(self) -> None:
        free_unread(self.source, self.window, backward=self.backward)
        for row in build.loop(0, self.window.output[0], backward=self.backward):
            self._emit_columns(row)

    def emit_row(self, row: Index) -> None:
        self._emit_columns(row)
        free_rows(self.source, self.window, row, backward=self.backward)

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

    def _segment(self, first: Index, within: Index) -> tuple[Index, Index | None]:
        """A segment of a row that starts at `first`. Row by row, the place of a row is found once, outside the loops."""
        return (first, within) if self.by_rows else (first + within, None)

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


class _DepthwiseEmitter(_Emitter):
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
        size = d.read_sequence(workspace.type).length
        build.free(workspace, arith.select(ends, build.constant(size), build.constant(0)), backward=False)
        index = row * image[1] if self.backward else (row + 1) * image[1]
        build.free(self.source, index.value, backward=self.backward)

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        taps = ir.VectorType(words.type).shape[0]
        group = Index(0) if self.shared else channel.floordiv(CHANNELS)
        weights = build.flash_load(self.weights, [group, ky, kx, 0], taps, CHANNELS)
        return d.channel_dot(words, weights, acc)


class _MaxPoolEmitter(_Emitter):
    def _emit_value(self, row: Index, column: Index, region: Region, channel: Index, valid: int) -> ir.Value:
        acc = build.splat(build.i32(), self.kernel.low, CHANNELS)
        acc = self._fold_taps(row, column, region, channel, valid, acc)
        acc = arith.minsi(acc, build.splat(build.i32(), self.kernel.high, CHANNELS))
        return build.as_row(arith.trunci(build.vector(build.i8(), CHANNELS), acc))

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        for tap in range(ir.VectorType(words.type).shape[0]):
            acc = arith.maxsi(acc, arith.extsi(build.vector(build.i32(), CHANNELS), build.row_of(words, tap)))
        return acc
