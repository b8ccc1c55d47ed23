"""Elementwise layers as loops, four elements at a time."""

from __future__ import annotations

import numpy as np
from mlir import ir

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.elementwise.operator import LANES, Elementwise
from vmcu.operators.elementwise.vectorise import splat_captured, vectorise
from vmcu.operators.geometry import Steps, split_channels
from vmcu.operators.liveness import at_least, at_most, free_window


class PlainElementwise(Family[Elementwise]):
    """Every scalar op of the body becomes the same op on vectors of four lanes."""

    computes = Elementwise

    def steps(self, operator: Elementwise, variant: Variant) -> Steps:
        _, size = operator.segments
        return operator.window.steps(1, size, size, split_channels(size, LANES))

    def emit(self, operator: Elementwise, variant: Variant, on: Operands, *, backward: bool) -> None:
        length, _ = operator.segments
        _Emitter(operator, on, backward, by_rows=False).emit(Index(0), length)

    def emit_row(self, operator: Elementwise, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        length = operator.segments[0] // operator.height
        _Emitter(operator, on, backward, by_rows=True).emit(row * length, length)
        for source in on.inputs:
            build.free(source, (row * length + (0 if backward else length)).value, backward=backward)


class _Emitter:
    def __init__(self, operator: Elementwise, on: Operands, backward: bool, *, by_rows: bool):
        self.operator, self.on, self.backward, self.by_rows = operator, on, backward, by_rows

    def emit(self, first: Index, length: int) -> None:
        """`length` segments from `first` on."""
        operator, on, backward, by_rows = self.operator, self.on, self.backward, self.by_rows
        size = operator.segments[1]
        constants = [_spread(each, size) if isinstance(each, np.ndarray) else None for each in operator.operands]
        full = size - size % LANES
        parts = [(0, full, LANES), (full, size, size - full)]
        for segment in build.loop(0, length, backward=backward):
            index = first + segment
            place, within = (first, segment) if by_rows else (index, None)
            for start, stop, tile in reversed(parts) if backward else parts:
                if start == stop:
                    continue
                for channel in build.loop(start, stop, tile, backward=backward):
                    words = [
                        build.row_of(
                            build.segment_load(
                                each, place, channel, 1, tile, within=within, flipped=number in operator.flips
                            ),
                            0,
                        )
                        for number, each in enumerate(on.inputs)
                    ]
                    value = self._emit_body(words, constants, channel)
                    done = at_most(channel, 0) if backward else at_least(channel + tile, size)
                    for source in () if by_rows else on.inputs:
                        free_window(source, operator.window, Index(0), index, 1, done, backward=backward)
                    build.segment_store(
                        build.as_row(value),
                        on.output,
                        place,
                        channel,
                        within=within,
                        valid=tile if tile != LANES else None,
                    )

    def _emit_body(self, words: list[ir.Value], constants: list[ir.Value | None], channel: Index) -> ir.Value:
        values = {}
        for argument, operand, table in zip(self.operator.body.arguments, self.operator.operands, constants):
            values[argument] = words[operand] if table is None else _load(table, channel)
        for op in self.operator.body.operations:
            operands = [values[each] if each in values else splat_captured(each) for each in op.operands]
            if op.operation.name == "linalg.yield":
                return operands[0]
            values[op.results[0]] = vectorise(op, operands)
        raise AssertionError("a linalg body ends with a yield")


def _spread(array: np.ndarray, channels: int) -> ir.Value:
    """A constant as a table of one entry per channel, or as a splat."""
    element = ir.IntegerType.get_signless(8 * array.itemsize)
    if array.size == 1:
        return build.splat(element, int(array.ravel()[0]), LANES)
    return build.flash(np.pad(array.ravel(), (0, -channels % LANES), mode="edge"))


def _load(table: ir.Value, channel: Index) -> ir.Value:
    if isinstance(table.type, ir.VectorType):
        return table
    return build.flash_load(table, [channel], LANES)
