"""Tables as loops: some bytes are loaded, looked up, stored."""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.geometry import Steps, split_channels
from vmcu.operators.liveness import at_least, at_most, free_window
from vmcu.operators.table.operator import Table

TILE = 4  # bytes that are in registers at one time: more would not fit those of a Cortex-M0+
TILES = 4  # that a trip of the loop takes


class PlainTable(Family[Table]):
    """`vmcu.look_up`, one load per byte."""

    computes = Table

    def steps(self, operator: Table, variant: Variant) -> Steps:
        size = operator.segments[1]
        if operator.table.ndim == 2:
            return operator.window.steps(1, size, size, split_channels(size, TILE))
        return operator.window.steps(TILE // size, size, size, np.array([[0, size]]))

    def emit(self, operator: Table, variant: Variant, on: Operands, *, backward: bool) -> None:
        _Emitter(operator, on, backward, by_rows=False).emit(Index(0), operator.segments[0])

    def emit_row(self, operator: Table, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        length = operator.segments[0] // operator.height
        _Emitter(operator, on, backward, by_rows=True).emit(row * length, length)
        build.free(on.input, (row * length + (0 if backward else length)).value, backward=backward)


class _Emitter:
    def __init__(self, operator: Table, on: Operands, backward: bool, by_rows: bool):
        self.operator, self.on, self.backward, self.by_rows = operator, on, backward, by_rows
        # By the byte that lies in memory: of uint8 the table is in order, of int8 the negative half comes last.
        entries = operator.table if operator.flips else np.roll(operator.table, len(operator.table) // 2, axis=0)
        self.table = build.flash(entries.astype(np.int8))

    def emit(self, first: Index, length: int) -> None:
        """`length` segments from `first` on, tile by tile."""
        if self.operator.table.ndim == 2:
            self._emit_pixels(first, length)
            return
        tile = TILE // self.operator.segments[1]
        trip = tile if self.on.small else tile * TILES
        whole, full = length - length % trip, length - length % tile
        parts = [(0, whole, trip, tile), (whole, full, tile, tile), (full, length, length - full, length - full)]
        for start, stop, step, segments in reversed(parts) if self.backward else parts:
            if start != stop:
                for at in build.loop(start, stop, step, backward=self.backward):
                    inner = range(0, step, segments)
                    for offset in reversed(inner) if self.backward else inner:
                        self._emit_tile(first, at + offset, segments)

    def _emit_tile(self, first: Index, start: Index, segments: int) -> None:
        place, within = (first, start) if self.by_rows else (first + start, None)
        size = self.operator.segments[1]
        tile = build.segment_load(self.on.input, place, 0, segments, size, within=within)
        found = d.look_up(tile, self.table)
        if not self.by_rows:
            done = at_least(Index(size), size)
            free_window(self.on.input, self.operator.window, Index(0), place, segments, done, backward=self.backward)
        valid = None if size % 4 == 0 else size
        build.segment_store(found, self.on.output, place, Index(0), within=within, valid=valid)

    def _emit_pixels(self, first: Index, length: int) -> None:
        """The same where each channel has a table of its own."""
        size = self.operator.segments[1]
        full = size - size % TILE
        parts = [(0, full, TILE), (full, size, size - full)]
        for pixel in build.loop(0, length, backward=self.backward):
            for start, stop, tile in reversed(parts) if self.backward else parts:
                if start != stop:
                    for channel in build.loop(start, stop, tile, backward=self.backward):
                        self._emit_channels(first, pixel, channel, tile)

    def _emit_channels(self, first: Index, pixel: Index, channel: Index, tile: int) -> None:
        place, within = (first, pixel) if self.by_rows else (first + pixel, None)
        loaded = build.row_of(build.segment_load(self.on.input, place, channel, 1, tile, within=within), 0)
        found = [self._find(loaded, lane, channel + lane) for lane in range(tile)]
        words = vector_d.from_elements(build.vector(build.i32(), TILE), found + found[:1] * (TILE - tile))
        if not self.by_rows:
            size = self.operator.segments[1]
            done = at_most(channel, 0) if self.backward else at_least(channel + tile, size)
            free_window(self.on.input, self.operator.window, Index(0), place, 1, done, backward=self.backward)
        value = build.as_row(arith.trunci(build.vector(build.i8(), TILE), words))
        valid = None if tile == TILE else tile
        build.segment_store(value, self.on.output, place, channel, within=within, valid=valid)

    def _find(self, loaded: ir.Value, lane: int, channel: Index) -> ir.Value:
        """The entry of a channel's table for a loaded byte, as a word."""
        wide = arith.extsi(build.vector(build.i32(), TILE), loaded)
        byte = vector_d.extract(wide, [], [lane], results=[build.i32()])
        bits = arith.andi(byte, arith.constant(build.i32(), 0xFF))
        entry = build.flash_load(self.table, [Index.of(arith.index_cast(ir.IndexType.get(), bits)), channel], 1)
        return vector_d.extract(arith.extsi(build.vector(build.i32(), 1), entry), [], [0], results=[build.i32()])
