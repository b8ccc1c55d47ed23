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
MOST_COLUMNS = 8  # that one column of a run makes


class PlainResize(WholeRows[Resize]):
    """Sums of four channels at a time. The columns of a row are in a few runs, or in a table."""

    computes = Resize

    def start(self, operator: Resize, variant: Variant, on: Operands, *, backward: bool) -> Callable[[Index], object]:
        return _Emitter(operator, on, backward).make_row


@dataclass(frozen=True)
class _Row:
    """The first segments of the two input rows behind an output row, their weights, and its own first segment."""

    sources: tuple[Index, Index]
    weights: tuple[ir.Value, ir.Value]
    first: Index


class _Emitter:
    def __init__(self, operator: Resize, on: Operands, backward: bool):
        self.operator, self.on, self.backward = operator, on, backward
        self.requant = RequantEmitter(operator.requant, operator.channels)
        rows, columns = operator.row_taps, operator.column_taps
        if operator.is_average:
            rows, columns = rows.reduced(), columns.reduced()
        self.total = (rows.total or 1) * (columns.total or 1)
        self.row_table = _write_table(rows)
        runs = columns.runs()
        is_regular = len(runs) <= MOST_RUNS and max(len(run.weights) for run in runs) <= MOST_COLUMNS
        self.runs = runs if is_regular and not on.small else None
        self.column_table = None if self.runs else _write_table(columns)

    def make_row(self, row: Index) -> None:
        first, second = (_read_index(self.row_table, row, number) for number in range(2))
        weights = _splat(_read(self.row_table, row, 2)), _splat(_read(self.row_table, row, 3))
        width = self.operator.image[1]
        here = _Row((first * width, second * width), weights, row * self.operator.output[1])
        if self.runs is None:
            self._walk_table(here)
        else:
            self._walk_runs(here, self.runs)

    def _walk_runs(self, row: _Row, runs: Sequence[Run]) -> None:
        starts = np.cumsum([0, *(run.count * len(run.weights) for run in runs)]).tolist()
        for start, run in reversed([*zip(starts, runs)]) if self.backward else zip(starts, runs):
            for number in build.loop(0, run.count, backward=self.backward):
                columns = number * run.step + run.first, number * run.step + (run.first + 1)
                self._interpolate(row, columns, run.weights, number * len(run.weights) + start)

    def _walk_table(self, row: _Row) -> None:
        assert self.column_table is not None, "what is in no runs is in a table"
        for column in build.loop(0, self.operator.output[1], backward=self.backward):
            first, second = (_read_index(self.column_table, column, number) for number in range(2))
            weights = _splat(_read(self.column_table, column, 2)), _splat(_read(self.column_table, column, 3))
            self._interpolate(row, (first, second), [weights], column)

    def _interpolate(
        self,
        row: _Row,
        columns: tuple[Index, Index],
        weights: Sequence[tuple[ir.Value | int, ir.Value | int]],
        place: Index,
    ) -> None:
        """The output columns from `place` on, each of two input columns with its weights."""
        needs_second = not all(_is_nothing(second) for _, second in weights)
        for channel, count in self._channels():
            sums = [self._add_rows(row, column, channel, count) for column in columns[: 2 if needs_second else 1]]
            for number, each in enumerate(weights):
                terms = [_scale(value, weight) for value, weight in zip(sums, each) if not _is_nothing(weight)]
                total = _add(*terms)
                build.segment_store(
                    build.as_row(self._requantise(total, channel)),
                    self.on.output,
                    row.first,
                    channel,
                    within=place + number,
                    valid=count if count != CHANNELS else None,
                )

    def _channels(self) -> Iterator[tuple[Index, int]]:
        channels = self.operator.channels
        full = channels - channels % CHANNELS
        parts = [(0, full, CHANNELS), (full, channels, channels - full)]
        for start, stop, tile in reversed(parts) if self.backward else parts:
            if start != stop:
                for channel in build.loop(start, stop, tile, backward=self.backward):
                    yield channel, tile

    def _add_rows(self, row: _Row, column: Index, channel: Index, count: int) -> ir.Value:
        """The weighted sum of the two pixels in a column."""
        wide = build.vector(build.i32(), CHANNELS)
        pixels = (
            build.segment_load(
                self.on.input, first, channel, 1, count, within=column, flipped=bool(self.operator.flips)
            )
            for first in row.sources
        )
        return _add(
            *(arith.muli(arith.extsi(wide, build.row_of(pixel, 0)), weight)
              for pixel, weight in zip(pixels, row.weights))
        )  # fmt: skip

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


def _read(table: ir.Value, index: Index, number: int) -> ir.Value:
    """A number of an entry."""
    entry = build.flash_load(table, [index * 4 + number], 1)
    return vector_d.extract(entry, [], [0], results=[build.i32()])


def _read_index(table: ir.Value, index: Index, number: int) -> Index:
    return Index.of(arith.index_cast(ir.IndexType.get(), _read(table, index, number)))


def _splat(value: ir.Value) -> ir.Value:
    return vector_d.broadcast(build.vector(build.i32(), CHANNELS), value)


def _is_nothing(weight: ir.Value | int) -> bool:
    """Whether a weight is known to be zero."""
    return isinstance(weight, int) and weight == 0


def _scale(value: ir.Value, weight: ir.Value | int) -> ir.Value:
    """`value * weight`."""
    return arith.muli(value, build.splat(build.i32(), weight, CHANNELS) if isinstance(weight, int) else weight)


def _add(*values: ir.Value) -> ir.Value:
    first, *others = values
    for other in others:
        first = arith.addi(first, other)
    return first
