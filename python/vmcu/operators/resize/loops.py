"""Bilinear interpolation as plain loops: the two rows of an output row at once, then between their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith
from mlir.dialects import vector as vector_d

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Operands, Variant
from vmcu.operators.requant import RequantEmitter
from vmcu.operators.resize.operator import Resize, Run, Taps
from vmcu.operators.whole_rows import WholeRows

CHANNELS = 4  # one word
MOST_RUNS = 4  # of a row that are worth code of their own
MOST_COLUMNS = 12  # of all runs together


class PlainResize(WholeRows[Resize]):
    """Sums of four channels at a time. A row's columns come in a few runs, or from tables.

    Within a row the columns are always made from left to right.
    """

    computes = Resize

    def start(self, operator: Resize, variant: Variant, on: Operands, *, backward: bool) -> Callable[[Index], object]:
        return _Emitter(operator, on).make_row


@dataclass(frozen=True)
class _Row:
    """The first segments of the two input rows behind an output row, their weights, and its own first segment."""

    sources: tuple[Index, Index]
    weights: tuple[ir.Value, ir.Value]
    first: Index


class _Emitter:
    def __init__(self, operator: Resize, on: Operands):
        self.operator, self.on = operator, on
        self.requant = RequantEmitter(operator.requant, operator.channels)
        rows, columns = operator.row_taps, operator.column_taps
        if operator.is_average:
            rows, columns = rows.reduced(), columns.reduced()
        self.total = (rows.total or 1) * (columns.total or 1)
        self.row_table = _write_table(rows)
        self.walk = self._choose_walk(columns)

    def make_row(self, row: Index) -> None:
        first, second = (_read_index(self.row_table, row * 4 + number) for number in range(2))
        weights = _read_weights(self.row_table, row)
        width = self.operator.image[1]
        self.walk(_Row((first * width, second * width), weights, row * self.operator.output[1]))

    def _choose_walk(self, columns: Taps) -> Callable[[_Row], None]:
        """How to go through a row: by straight code for each run of columns, or by a loop over a table."""
        runs, table = columns.runs(), _write_table(columns)
        if self.on.small or len(runs) > MOST_RUNS or sum(len(run.first) for run in runs) > MOST_COLUMNS:
            return lambda row: self._walk_output(row, table)
        return lambda row: self._walk_runs(row, runs, table)

    def _walk_runs(self, row: _Row, runs: Sequence[Run], table: ir.Value) -> None:
        for run in runs:
            for number in build.loop(0, run.count):
                places = [number * len(run.first) + (run.start + each) for each in range(len(run.first))]
                weights = run.weights or [_read_weights(table, place) for place in places]
                seconds = [first + 1 for first, (_, second) in zip(run.first, weights) if not _is_nothing(second)]
                needed = {each: self._column(number, run, each) for each in sorted({*run.first, *seconds})}
                for channel, count in self._channels():
                    sums = {each: self._add_rows(row, column, channel, count) for each, column in needed.items()}
                    for place, first, pair in zip(places, run.first, weights):
                        self._store(row, [sums[first], sums.get(first + 1)], pair, place, channel, count)

    def _column(self, number: Index, run: Run, first: int) -> Index:
        """Input column `first` of the first group, in group `number`; behind the image, where no weight counts, the last."""
        column, last = number * run.step + first, self.operator.image[1] - 1
        return column if first + (run.count - 1) * run.step <= last else Index.of(build.clip(column, 0, last))

    def _walk_output(self, row: _Row, table: ir.Value) -> None:
        """Output columns one by one, each with the two input columns that its entry names."""
        for column in build.loop(0, self.operator.output[1]):
            columns = [_read_index(table, column * 4 + number) for number in range(2)]
            weights = _read_weights(table, column)
            for channel, count in self._channels():
                sums = [self._add_rows(row, each, channel, count) for each in columns]
                self._store(row, sums, weights, column, channel, count)

    def _store(
        self,
        row: _Row,
        sums: Sequence[ir.Value | None],
        weights: tuple[ir.Value, ir.Value] | tuple[int, int],
        column: Index,
        channel: Index,
        count: int,
    ) -> None:
        """An output column: the sums of one or two input columns with their weights."""
        terms = [
            _scale(each, weight) for each, weight in zip(sums, weights) if each is not None and not _is_nothing(weight)
        ]
        build.segment_store(
            build.as_row(self._requantise(_add(terms), channel)),
            self.on.output,
            row.first,
            channel,
            within=column,
            valid=count if count != CHANNELS else None,
        )

    def _channels(self) -> Iterator[tuple[Index, int]]:
        channels = self.operator.channels
        full = channels - channels % CHANNELS
        for start, stop, tile in ((0, full, CHANNELS), (full, channels, channels - full)):
            if start != stop:
                for channel in build.loop(start, stop, tile):
                    yield channel, tile

    def _add_rows(self, row: _Row, column: Index, channel: Index, count: int) -> ir.Value:
        """The sum of the two pixels in an input column, with the weights of their rows."""
        pixels = [self._load(first, column, channel, count) for first in row.sources]
        return arith.addi(*(arith.muli(pixel, weight) for pixel, weight in zip(pixels, row.weights)))

    def _load(self, first: Index, column: Index, channel: Index, count: int) -> ir.Value:
        """Four channels of an input pixel, as words."""
        flipped = bool(self.operator.flips)
        pixel = build.segment_load(self.on.input, first, channel, 1, count, within=column, flipped=flipped)
        return arith.extsi(build.vector(build.i32(), CHANNELS), build.row_of(pixel, 0))

    def _requantise(self, total: ir.Value, channel: Index) -> ir.Value:
        if not self.operator.is_average:
            return self.requant.emit(total, channel, build.i8())
        if self.total > 1:  # to the nearest whole number, and a half away from zero
            sign = arith.shrsi(total, build.splat(build.i32(), 31, CHANNELS))
            rounded = arith.addi(arith.addi(total, sign), build.splat(build.i32(), self.total // 2, CHANNELS))
            total = arith.shrsi(rounded, build.splat(build.i32(), self.total.bit_length() - 1, CHANNELS))
        return arith.trunci(build.vector(build.i8(), CHANNELS), total)


def _write_table(taps: Taps) -> ir.Value:
    """Per output row, the input row, the one of the second weight (if that is zero, the same), and both weights."""
    return build.flash(np.column_stack([taps.first, taps.last, taps.weights]).astype(np.int32).ravel())


def _read(table: ir.Value, index: Index) -> ir.Value:
    """A number of a table."""
    return vector_d.extract(build.flash_load(table, [index], 1), [], [0], results=[build.i32()])


def _read_index(table: ir.Value, index: Index) -> Index:
    return Index.of(arith.index_cast(ir.IndexType.get(), _read(table, index)))


def _read_weights(table: ir.Value, entry: Index) -> tuple[ir.Value, ir.Value]:
    """Both weights of an entry, repeated for four channels."""
    wide = build.vector(build.i32(), CHANNELS)
    first, second = (vector_d.broadcast(wide, _read(table, entry * 4 + number)) for number in (2, 3))
    return first, second


def _is_nothing(weight: ir.Value | int) -> bool:
    """Whether a weight is known to be zero."""
    return isinstance(weight, int) and weight == 0


def _scale(value: ir.Value, weight: ir.Value | int) -> ir.Value:
    """`value * weight`."""
    return arith.muli(value, build.splat(build.i32(), weight, CHANNELS) if isinstance(weight, int) else weight)


def _add(values: Sequence[ir.Value]) -> ir.Value:
    first, *others = values
    for other in others:
        first = arith.addi(first, other)
    return first
