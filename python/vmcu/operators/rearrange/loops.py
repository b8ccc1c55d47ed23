"""Copies as loops: a word is loaded, then stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlir import ir
from mlir.dialects import arith, scf

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.accesses import read_accesses, trace
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.frees import complete_frees
from vmcu.operators.geometry import Steps
from vmcu.operators.liveness import free_passed_rows
from vmcu.operators.rearrange.factor import Copy, Item, Loop, RowGroup
from vmcu.operators.rearrange.operator import Rearrange
from vmcu.operators.rearrange.runs import WIDTH, find_steps

STRAIGHT = 8  # most copies that are written as straight code


class PlainRearrange(Family[Rearrange]):
    """Loads and stores of words, which any core has."""

    computes = Rearrange

    def steps(self, operator: Rearrange, variant: Variant) -> Steps:
        return find_steps(operator.runs, operator.output, operator.inputs)

    def emit(self, operator: Rearrange, variant: Variant, on: Operands, *, backward: bool) -> None:
        """The loops over all rows; frees follow from what they load."""
        emitter = _Emitter(operator, on, backward, by_rows=False)
        for group in _ordered(operator.groups, backward):
            for trip in build.loop(0, group.count, backward=backward):
                for number in _ordered(range(len(group.bodies)), backward):
                    emitter.emit_row(group, number, trip)
        found = trace(on.output.owner.owner.operation.opview)
        complete_frees(found, read_accesses(found))

    def emit_row(self, operator: Rearrange, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        emitter = _Emitter(operator, on, backward, by_rows=True)
        for group in operator.groups:
            for number in range(len(group.bodies)):
                with _where(group, number, row, operator.output.rows) as trip:
                    emitter.emit_row(group, number, trip)
        for source in on.inputs:
            free_passed_rows(source, operator.streamed_rows, row, backward=backward)


def _ordered(items: Sequence, backward: bool) -> Sequence:
    return items[::-1] if backward else items


@contextmanager
def _where(group: RowGroup, number: int, row: Index, rows: int) -> Iterator[Index]:
    """Build what runs if body `number` of a group makes `row`, one of `rows`; gives the trip."""
    period = len(group.bodies)
    offset = row - group.start
    trip = offset.floordiv(period) if period > 1 else offset
    conditions = []
    if (group.start, group.end) != (0, rows):
        conditions.append(build.is_inside(offset, group.end - group.start))
    if period > 1:
        conditions.append(arith.cmpi(arith.CmpIPredicate.eq, (offset - trip * period).value, build.constant(number)))
    if not conditions:
        yield trip
        return
    branch = scf.IfOp(conditions[0] if len(conditions) == 1 else arith.andi(*conditions))
    with ir.InsertionPoint(branch.then_block):
        yield trip
        scf.yield_([])


class _Emitter:
    """Emits the body of a row.

    Args:
        by_rows: the kernel is in a stream, where the place of a row is found once. Otherwise segments are counted through.
    """

    def __init__(self, operator: Rearrange, on: Operands, backward: bool, *, by_rows: bool):
        self.operator, self.on, self.backward, self.by_rows = operator, on, backward, by_rows

    def emit_row(self, group: RowGroup, number: int, trip: Index) -> None:
        """The row that body `number` makes in a trip of a group."""
        row = trip * len(group.bodies) + (group.start + number)
        self._emit(group.bodies[number], row, (trip,))

    def _emit(self, items: Sequence[Item], row: Index, trips: tuple[Index, ...]) -> None:
        for item in _ordered(items, self.backward):
            if isinstance(item, Copy):
                self._emit_copy(item, row, trips)
                continue
            for trip in self._unrolled(0, item.count, 1, sum(map(_pieces, item.body))):
                self._emit(item.body, row, (*trips, trip))

    def _emit_copy(self, copy: Copy, row: Index, trips: tuple[Index, ...]) -> None:
        full = copy.length - copy.length % WIDTH
        for start, stop, width in _ordered([(0, full, WIDTH), (full, copy.length, copy.length - full)], self.backward):
            for done in self._unrolled(start, stop, width, 1):
                self._emit_piece(copy, row, trips, done, width)

    def _unrolled(self, start: int, stop: int, step: int, pieces: int) -> Iterator[Index]:
        """A loop over `start, start + step, ... < stop` whose trips copy so many pieces: some trips are one, if short."""
        count = (stop - start) // max(step, 1)
        most = 1 if self.on.small else max(1, STRAIGHT // pieces)
        unroll = max((each for each in range(1, most + 1) if count % each == 0), default=1)
        for first in build.loop(start, stop, unroll * step, backward=self.backward) if count else ():
            for number in _ordered(range(unroll), self.backward):
                yield first + number * step

    def _emit_piece(self, copy: Copy, row: Index, trips: tuple[Index, ...], done: Index, width: int) -> None:
        """Copy `width` bytes, from byte `done` of the run on."""
        segment, byte, *where = (
            sum((trip * stride[field] for trip, stride in zip(trips, copy.strides)), Index(each))
            for field, each in enumerate(copy.at)
        )
        value = self._load(copy, where, done, width)
        place, within = self._place(row, self.operator.output.segments, segment)
        valid = width if width != WIDTH else None
        build.segment_store(value, self.on.output, place, byte + done, within=within, valid=valid)

    def _load(self, copy: Copy, where: Sequence[Index], done: Index, width: int) -> ir.Value:
        row, segment, byte = where
        if copy.source < 0:
            return build.splat(build.i8(), copy.value, 1, WIDTH)
        inputs = self.operator.inputs
        if copy.source >= len(inputs):
            table = build.flash(self.operator.tables[copy.source - len(inputs)][None])
            return build.flash_load(table, [0, byte + done], 1, WIDTH)
        place, within = self._place(row, inputs[copy.source].segments, segment)
        return build.segment_load(self.on.inputs[copy.source], place, byte + done, 1, width, within=within)

    def _place(self, row: Index, segments: int, segment: Index) -> tuple[Index, Index | None]:
        """A segment of a row: as the row's first one and what is added, or as one number."""
        first = row * segments
        return (first, segment) if self.by_rows else (first + segment, None)


def _pieces(item: Item) -> int:
    """The loads that are written for an item."""
    if isinstance(item, Loop):
        return STRAIGHT  # it is a loop already
    return min(-(-item.length // WIDTH), STRAIGHT)
