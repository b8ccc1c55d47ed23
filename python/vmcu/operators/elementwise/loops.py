"""Elementwise layers as loops, four elements at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mlir import ir
from mlir.dialects import arith
from mlir.dialects import vector as vector_d

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.elementwise.operator import LANES, Elementwise, Extent
from vmcu.operators.elementwise.vectorise import splat_captured, vectorise
from vmcu.operators.geometry import Steps, split_channels
from vmcu.operators.liveness import at_least, at_most, free_window


class PlainElementwise(Family[Elementwise]):
    """Every scalar op of the body becomes the same op on vectors of four lanes."""

    computes = Elementwise

    def steps(self, operator: Elementwise, variant: Variant) -> Steps:
        _, size = operator.segments
        steps = operator.window.steps(1, size, size, split_channels(size, LANES))
        others = {
            number: (steps.lo // size, steps.hi // size)
            for number in range(operator.inputs)
            if operator.extent(number) == Extent.PIXELS
        }
        if not operator.whole:
            return replace(steps, others=others)
        # What is read for every pixel is there before the first and after the last of them, either way round.
        wholly = {number: operator.sequences()[0][number] for number in operator.whole}
        padded = Steps(*(_pad(each) for each in (steps.lo, steps.hi, steps.write_lo, steps.write_hi)))
        others = {number: (_pad(lo), _pad(hi)) for number, (lo, hi) in others.items()}
        nothing = np.zeros_like(padded.lo)
        others |= {number: (nothing, nothing + length * each) for number, (length, each) in wholly.items()}
        return replace(padded, others=others)

    def emit(self, operator: Elementwise, variant: Variant, on: Operands, *, backward: bool) -> None:
        length, _ = operator.segments
        _Emitter(operator, on, backward, by_rows=False).emit(Index(0), length)
        for number in operator.whole:
            build.free(on.inputs[number], build.constant(operator.sequences()[0][number][0]), backward=False)

    def emit_row(self, operator: Elementwise, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        length = operator.segments[0] // operator.height
        _Emitter(operator, on, backward, by_rows=True).emit(row * length, length)
        for number, source in enumerate(on.inputs):
            if number not in operator.whole:
                build.free(source, (row * length + (0 if backward else length)).value, backward=backward)
                continue
            is_last = at_most(row, 0) if backward else at_least(row, operator.height - 1)
            end = build.constant(operator.sequences()[0][number][0])
            build.free(source, arith.select(is_last, end, build.constant(0)), backward=False)


def _pad(values: np.ndarray) -> np.ndarray:
    """A step before the first, and one after the last."""
    return np.pad(values, 1)


class _Emitter:
    def __init__(self, operator: Elementwise, on: Operands, backward: bool, by_rows: bool):
        self.operator, self.on, self.backward, self.by_rows = operator, on, backward, by_rows

    def emit(self, first: Index, length: int) -> None:
        """`length` segments from `first` on."""
        operator, on, backward, by_rows = self.operator, self.on, self.backward, self.by_rows
        size = operator.segments[1]
        constants = [_spread(each, size) if isinstance(each, np.ndarray) else None for each in operator.operands]
        singles = {
            number: self._load_one(number, Index(0), None)
            for number in range(operator.inputs)
            if operator.extent(number) == Extent.SINGLE
        }
        full = size - size % LANES
        parts = [(0, full, LANES), (full, size, size - full)]
        for segment in build.loop(0, length, backward=backward):
            index = first + segment
            place, within = (first, segment) if by_rows else (index, None)
            for start, stop, tile in reversed(parts) if backward else parts:
                if start == stop:
                    continue
                # A loop of two trips would cost more than what they do.
                straight = not on.small and stop - start <= 2 * tile
                for channel in build.steps(start, stop, tile, backward=backward, straight=straight):
                    words = [
                        singles[number] if number in singles else self._load(number, place, within, channel, tile)
                        for number in range(operator.inputs)
                    ]
                    value = self._emit_body(words, constants, index * size + channel, channel)
                    done = at_most(channel, 0) if backward else at_least(channel + tile, size)
                    for number, source in enumerate(on.inputs):
                        if not by_rows and number not in operator.whole:
                            free_window(source, operator.window, Index(0), index, 1, done, backward=backward)
                    build.segment_store(
                        build.as_row(value),
                        on.output,
                        place,
                        channel,
                        within=within,
                        valid=tile if tile != LANES else None,
                    )

    def _load(self, number: int, place: Index, within: Index | None, channel: Index, tile: int) -> ir.Value:
        """The values of input `number` for `tile` channels of a segment."""
        extent, flipped = self.operator.extent(number), number in self.operator.flips
        if extent == Extent.PIXELS:
            return self._load_one(number, place, within)
        if extent == Extent.CHANNELS:
            place, within = Index(0), None
        words = build.segment_load(self.on.inputs[number], place, channel, 1, tile, within=within, flipped=flipped)
        return build.row_of(words, 0)

    def _load_one(self, number: int, place: Index, within: Index | None) -> ir.Value:
        """One value of input `number` for all lanes."""
        flipped = number in self.operator.flips
        word = build.segment_load(self.on.inputs[number], place, 0, 1, 1, within=within, flipped=flipped)
        lanes = build.vector(build.i32(), LANES)
        first = vector_d.extract(arith.extsi(lanes, build.row_of(word, 0)), [], [0], results=[build.i32()])
        return arith.trunci(build.vector(build.i8(), LANES), vector_d.broadcast(lanes, first))

    def _emit_body(
        self, words: list[ir.Value], constants: list[ir.Value | None], element: Index, channel: Index
    ) -> ir.Value:
        values, total = {}, self.operator.pixels * self.operator.channels
        for argument, operand, table in zip(self.operator.body.arguments, self.operator.operands, constants):
            if isinstance(operand, int):
                values[argument] = words[operand]
            elif table is not None:
                values[argument] = _load(table, element if operand.size == total else channel)
        for op in self.operator.body.operations:
            operands = [values[each] if each in values else splat_captured(each) for each in op.operands]
            if op.operation.name == "linalg.yield":
                return operands[0]
            values[op.results[0]] = vectorise(op, operands)
        raise AssertionError("a linalg body ends with a yield")


def _spread(array: np.ndarray, channels: int) -> ir.Value:
    """A constant as a table of one entry per channel, or per element, or as a splat."""
    element = ir.IntegerType.get_signless(8 * array.itemsize)
    if array.size == 1:
        return build.splat(element, int(array.ravel()[0]), LANES)
    return build.flash(np.pad(array.ravel(), (0, -channels % LANES), mode="edge"))


def _load(table: ir.Value, channel: Index) -> ir.Value:
    if isinstance(table.type, ir.VectorType):
        return table
    return build.flash_load(table, [channel], LANES)
