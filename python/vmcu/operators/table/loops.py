"""Tables as loops: some bytes are loaded, looked up, stored."""

from __future__ import annotations

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.geometry import Steps
from vmcu.operators.liveness import at_least, free_window
from vmcu.operators.table.operator import Table

TILE = 4  # bytes that are in registers at one time: more would not fit those of a Cortex-M0+
TILES = 4  # that a trip of the loop takes


class PlainTable(Family[Table]):
    """`vmcu.look_up`, one load per byte."""

    computes = Table

    def steps(self, operator: Table, variant: Variant) -> Steps:
        size = operator.segments[1]
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
        entries = operator.table if operator.flips else np.roll(operator.table, len(operator.table) // 2)
        self.table = build.flash(entries.astype(np.int8))

    def emit(self, first: Index, length: int) -> None:
        """`length` segments from `first` on, tile by tile."""
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
