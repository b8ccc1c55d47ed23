"""What a tiled kernel touches, read off its loops: all are static, so their accesses are known before it runs.

`trace` follows loops and index arithmetic and lists every access in order of execution. `read_accesses` cuts the list
into the steps that the planner asks for.

**Steps.** A store of step `t` may land on every byte outside the hull of what later steps read. So each
`vmcu.segment_store` (or other op that stores) ends a step, and what is loaded between two stores is read by the step of
the second one. An op that goes on reading after it has stored counts as a load, a store and the same load again: the
latter is read by the step after, so that the store keeps off it. What is loaded after the last store is a step without
writes. A segment is the unit that is freed; so a step that loads a byte of a segment reads the segment.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from mlir import ir
from mlir.dialects import scf

from vmcu.dialects import vmcu as d
from vmcu.ir.trips import Grid, Number, Trips, refusal

LOAD, STORE, FREE = range(3)
KINDS: tuple[Literal["load", "store", "free"], ...] = ("load", "store", "free")

_TOUCH_NOTHING = {
    f"vmcu.{name}" for name in ("flash_load", "look_up", "maximum", "broadcast", "dot", "channel_dot", "requantize")
}


@dataclass(frozen=True)
class Event:
    """Bytes `[lo, hi)` of the sequence that is the kernel's argument number `argument`.

    `op` counts the executed ops, so that the rows of one load or store can be told from the next one's. An op that reads
    while it stores has loads before its stores and the same ones after them.
    """

    kind: Literal["load", "store", "free"]
    argument: int
    lo: int
    hi: int
    op: int


@dataclass(frozen=True, eq=False)
class Trace:
    """The accesses of a tiled kernel in order of execution, one element per access in each array.

    Args:
        kernel: the kernel.
        kind: `LOAD`, `STORE` or `FREE`.
        argument: which of the kernel's sequences: inputs, outputs, workspaces.
        lo, hi: bytes of the sequence, half-open. Of a free, the prefix or the suffix.
        op: numbers executed ops; two accesses of one execution have the same one.
        site: the op, as a position in `sites`.
        row: which execution of it, as a row of its grid.
        sites: the ops that touch sequences.
        grids: of their blocks.
    """

    kernel: d.TiledKernelOp
    kind: np.ndarray
    argument: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    op: np.ndarray
    site: np.ndarray
    row: np.ndarray
    sites: tuple[ir.OpView, ...]
    grids: tuple[Grid, ...]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Segments and bytes of a segment, of the kernel's inputs, outputs and workspaces."""
        return [(each.type.length, each.type.bytes) for each in _sequences(self.kernel)]

    def events(self) -> list[Event]:
        """The same, one by one."""
        columns = (each.tolist() for each in (self.kind, self.argument, self.lo, self.hi, self.op))
        return [Event(KINDS[kind], *rest) for kind, *rest in zip(*columns)]

    def op_of(self, access: int) -> ir.OpView:
        """The op that does an access."""
        return self.sites[self.site[access]]


def trace(kernel: d.TiledKernelOp, *, row: int | None = None) -> Trace:
    """The accesses of a tiled kernel, in order of execution. `row` is what it makes if it makes one row.

    Raises:
        Unsupported: an index is known at run time only, an op is unknown, or an access lies outside of its sequence.
    """
    return _Tracer(kernel, row).run()


def _sequences(kernel: d.TiledKernelOp) -> list[ir.Value]:
    return [*kernel.inputs, *kernel.outputs, *kernel.workspace]


@dataclass(frozen=True, eq=False)
class _Batch:
    """An access of one op, for all its executions: arrays of an element each."""

    kind: int
    argument: int
    site: int
    rows: np.ndarray  # of the grid of the op's block
    outer: np.ndarray  # the same as rows of the grid of the block that is looked at
    times: np.ndarray  # within one execution of that block
    lo: np.ndarray
    hi: np.ndarray


class _Tracer:
    def __init__(self, kernel: d.TiledKernelOp, row: int | None):
        block = kernel.body.blocks[0]
        self.kernel = kernel
        arguments = list(block.arguments)
        self.numbers = {argument: number for number, argument in enumerate(arguments[: len(_sequences(kernel))])}
        self.trips = Trips(block, {} if row is None else {arguments[-1]: row})
        # The loops of such a kernel work on memrefs, in an order that nobody relies on: only its views count.
        self.is_opaque = kernel.kind.value == d.KernelKind.buffer
        self.sites: list[ir.OpView] = []
        self.grids: list[Grid] = []

    def run(self) -> Trace:
        batches, _ = self._block(self.kernel.body.blocks[0])
        columns = [np.concatenate([_column(each, name) for each in batches] or [np.zeros(0, np.int64)])
                   for name in ("kind", "argument", "lo", "hi", "times", "site", "rows")]  # fmt: skip
        # Stable: accesses of one op keep their order.
        kind, argument, lo, hi, times, site, row = (each[np.argsort(columns[4], kind="stable")] for each in columns)
        op = np.cumsum(np.diff(times, prepend=-1) != 0)
        found = Trace(self.kernel, kind, argument, lo, hi, op, site, row, tuple(self.sites), tuple(self.grids))
        _check_bounds(found)
        return found

    def _block(self, block: ir.Block) -> tuple[list[_Batch], int]:
        """The accesses of a block and the moments that one execution of it takes."""
        batches, clock = [], 0
        for op in block.operations:
            found, span = self._op(op)
            batches += [_shifted(each, clock) for each in found]
            clock += span
        return batches, clock

    def _op(self, op: ir.OpView) -> tuple[list[_Batch], int]:
        if isinstance(op, scf.ForOp) and not self.is_opaque:
            grid = self.trips.enter_loop(op)
            batches, span = self._block(op.body)
            assert grid.trips is not None, "a loop's body has trips"
            most = int(grid.trips.max(initial=-1)) + 1
            return [_lifted(each, grid, span) for each in batches], span * most
        if isinstance(op, scf.IfOp) and not self.is_opaque:
            blocks = [(op.then_block, True), (op.else_block, False)]
            found, total = [], 0
            for block, wanted in (each for each in blocks if each[0] is not None):
                grid = self.trips.enter_branch(op, block, wanted)
                batches, span = self._block(block)
                found += [_shifted(_lifted(each, grid, span), total) for each in batches]
                total += span
            return found, total
        return list(self._access(op)), 1

    def _access(self, op: ir.OpView) -> Iterator[_Batch]:
        """What an op touches, in order. All is done at one moment."""
        name = op.operation.name
        if not name.startswith("vmcu."):
            if not self.is_opaque and len(op.operation.regions):
                raise refusal(op, "is in a kernel of segments; of ops with bodies scf.for and scf.if are supported")
            return
        if name in _TOUCH_NOTHING:
            return
        handler = _ACCESSES.get(name)
        if handler is None:
            raise refusal(
                op, "has accesses that nobody knows; supported are the ops that load, store and free segments"
            )
        self.sites.append(op)
        self.grids.append(self.trips.grids[op.operation.block])
        yield from handler(self, op)

    def _load(self, op: d.SegmentLoadOp) -> Iterator[_Batch]:
        rows, width = ir.VectorType(op.result.type).shape
        count = width if op.valid is None else op.valid.value
        for row, guard in zip(range(rows), [*op.guards] or itertools.repeat(None)):
            first = self._segment(op) + row * (1 if op.stride is None else op.stride.value)
            yield from self._touch(LOAD, op.source, op, first, self._value(op, op.byte), count, guard)

    def _store(self, op: d.SegmentStoreOp) -> Iterator[_Batch]:
        rows, width = ir.VectorType(op.value.type).shape
        count = width if op.valid is None else op.valid.value
        for row in range(rows):
            yield from self._touch(STORE, op.dest, op, self._segment(op) + row, self._value(op, op.byte), count)

    def _free(self, op: d.SegmentFreeOp) -> Iterator[_Batch]:
        length, size = op.sequence.type.length, op.sequence.type.bytes
        index = self._value(op, op.index)
        first, end = (index, length) if op.side.value == d.Side.from_ else (0, index)
        yield from self._touch(FREE, op.sequence, op, first, 0, (end - first) * size)

    def _widen(self, op: d.WidenOp) -> Iterator[_Batch]:
        count = op.bytes.value * op.pieces.value
        yield from self._touch(LOAD, op.source, op, self._segment(op), self._value(op, op.byte), count, op.guard)

    def _matmul(self, op: d.MatmulOp) -> Iterator[_Batch]:
        """A pixel is read again for every channel."""
        loads = []
        if op.first is not None:
            loads = list(self._touch(LOAD, op.source, op, self._value(op, op.first), 0, op.depth.value))
        count = op.pixels.value * op.dest.type.bytes
        yield from [*loads, *self._touch(STORE, op.dest, op, self._segment(op), 0, count), *loads]

    def _depthwise(self, op: d.DepthwiseOp) -> Iterator[_Batch]:
        """The rows of the window are read again for every channel."""
        size, columns = op.dest.type.bytes, op.out_columns.value
        left = max(0, -op.pad.value)
        end = (columns - 1) * op.stride.value - op.pad.value + op.window.value
        count = (min(end, op.columns.value) - left) * size
        loads: list[_Batch] = []
        for row, guard in zip(op.rows, [*op.guards] or itertools.repeat(None)):
            if count > 0:  # windows may see nothing but halo
                loads += self._touch(LOAD, op.source, op, self._value(op, row), left * size, count, guard)
        stores = self._touch(STORE, op.dest, op, self._value(op, op.index), 0, columns * size)
        yield from [*loads, *stores, *loads]

    def _buffer(self, op: d.BufferOp) -> Iterator[_Batch]:
        """Who has a view may touch any byte of it."""
        number = self.numbers[op.sequence]
        kind = LOAD if number < len(self.kernel.inputs) else STORE
        yield from self._touch(kind, op.sequence, op, 0, 0, op.sequence.type.length * op.sequence.type.bytes)

    def _value(self, op: ir.OpView, value: ir.Value) -> Number:
        return self.trips.value(value, self.trips.grids[op.operation.block], op)

    def _segment(self, op: ir.OpView) -> Number:
        """The segment that an op names, as a sum or alone."""
        first = self._value(op, op.index)
        return first if op.within is None else first + self._value(op, op.within)

    def _touch(
        self,
        kind: int,
        sequence: ir.Value,
        op: ir.OpView,
        segment: Number,
        byte: Number,
        count: Number,
        guard: ir.Value | None = None,
    ) -> Iterator[_Batch]:
        """`count` bytes from `byte` of `segment` on, where the guard holds."""
        grid = self.trips.grids[op.operation.block]
        rows = np.arange(grid.size)
        if guard is not None:
            rows = rows[np.broadcast_to(self._value(op, guard), grid.size).astype(bool)]
        number = self.numbers[sequence]
        lo = np.asarray(segment * sequence.type.bytes + byte, np.int64)
        lo, hi = (np.broadcast_to(each, grid.size)[rows] for each in (lo, lo + count))
        yield _Batch(kind, number, len(self.sites) - 1, rows, rows, rows * 0, lo, hi)


def _column(batch: _Batch, name: str) -> np.ndarray:
    return np.broadcast_to(np.asarray(getattr(batch, name), np.int64), batch.rows.shape)


def _shifted(batch: _Batch, moments: int) -> _Batch:
    return replace(batch, times=batch.times + moments) if moments else batch


def _lifted(batch: _Batch, grid: Grid, span: int) -> _Batch:
    """The accesses of a loop's or a branch's block, of `span` moments, as those of the block around."""
    assert grid.rows is not None, "the block lies in another one"
    times = batch.times if grid.trips is None else batch.times + grid.trips[batch.outer] * span
    return replace(batch, outer=grid.rows[batch.outer], times=times)


def name_of(kernel: d.TiledKernelOp, argument: int) -> str:
    """A kernel's sequence for people: by the name that its location has, or by its number."""
    value = kernel.body.blocks[0].arguments[argument]
    if value.location.is_a_name():
        return value.location.name_str
    for side, count in (("input", len(kernel.inputs)), ("output", len(kernel.outputs))):
        if argument < count:
            return f"{side} {argument}"
        argument -= count
    return f"workspace {argument}"


def _check_bounds(found: Trace) -> None:
    sizes = np.array([length * size for length, size in found.shapes])[found.argument]
    outside = np.flatnonzero((found.lo < 0) | (found.hi > sizes) | (found.hi < found.lo))
    if outside.size:
        at = outside[0]
        argument = int(found.argument[at])
        length, size = found.shapes[argument]
        raise refusal(
            found.op_of(at),
            f"{KINDS[found.kind[at]]}s bytes [{found.lo[at]}, {found.hi[at]}) of {name_of(found.kernel, argument)}, "
            f"which has {length} segments of {size} bytes, [0, {length * size})",
        )


@dataclass(frozen=True, eq=False)
class Accesses:
    """Per step, in order of execution, the bytes `[lo, hi)` of each input that it reads and of each output that it writes.

    Where a step touches nothing both are 0. `step` has the step of every access of the trace.
    """

    reads: tuple[tuple[np.ndarray, np.ndarray], ...]
    writes: tuple[tuple[np.ndarray, np.ndarray], ...]
    step: np.ndarray

    def live(self, number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """lo and hi of the hull that the steps after each step read of input `number`, of `size` bytes.

        An empty hull has `lo = size` and `hi = 0`.
        """
        lo, hi = self.reads[number]
        lo, hi = np.where(hi > lo, lo, size), np.where(hi > lo, hi, 0)
        later = np.append(lo[1:], size), np.append(hi[1:], 0)
        return np.minimum.accumulate(later[0][::-1])[::-1], np.maximum.accumulate(later[1][::-1])[::-1]


def read_accesses(found: Trace) -> Accesses:
    """The steps of a kernel. Workspaces are none of the planner's business, and no step of theirs.

    Raises:
        Unsupported: the kernel stores to an input, loads from an output, or leaves bytes of an output as they were.
    """
    inputs, outputs = len(found.kernel.inputs), len(found.kernel.outputs)
    _check_sides(found, inputs, outputs)
    is_store = (found.kind == STORE) & (found.argument < inputs + outputs)
    begins = is_store & (np.diff(found.op, prepend=-1) != 0)
    # Behind loads of the same op the store is not its first access.
    begins |= is_store & ~np.append(False, is_store[:-1])
    step = np.cumsum(begins) - is_store
    count = max(int(step[found.kind != FREE].max(initial=-1)) + 1, 1)
    sizes = [size for _, size in found.shapes]
    reads = tuple(_hulls(found, step, count, LOAD, number, sizes[number]) for number in range(inputs))
    writes = tuple(_hulls(found, step, count, STORE, inputs + number, 1) for number in range(outputs))
    return Accesses(reads, writes, step)


def _hulls(
    found: Trace, step: np.ndarray, count: int, kind: int, argument: int, unit: int
) -> tuple[np.ndarray, np.ndarray]:
    """lo and hi of what each step touches of a sequence, widened to whole units of bytes."""
    chosen = (found.kind == kind) & (found.argument == argument) & (found.hi > found.lo)
    lo, hi = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(lo, step[chosen], found.lo[chosen] // unit * unit)
    np.maximum.at(hi, step[chosen], -(-found.hi[chosen] // unit) * unit)
    return np.minimum(lo, hi), hi


def _check_sides(found: Trace, inputs: int, outputs: int) -> None:
    wrong = np.flatnonzero(
        ((found.kind == STORE) & (found.argument < inputs))
        | ((found.kind == LOAD) & (found.argument >= inputs) & (found.argument < inputs + outputs))
    )
    if wrong.size:
        at = wrong[0]
        name, verb = name_of(found.kernel, int(found.argument[at])), KINDS[found.kind[at]]
        is_load = verb == "load"
        raise refusal(
            found.op_of(at),
            f"{verb}s {'from' if is_load else 'to'} {name}, an {'output' if is_load else 'input'}; supported are loads "
            "from inputs, stores to outputs, and both of workspaces",
        )
    for number in range(inputs, inputs + outputs):
        length, size = found.shapes[number]
        edges = np.zeros(length * size + 1, np.int64)
        chosen = (found.kind == STORE) & (found.argument == number)
        np.add.at(edges, found.lo[chosen], 1)
        np.add.at(edges, found.hi[chosen], -1)
        missing = np.flatnonzero(np.cumsum(edges)[:-1] == 0)
        if missing.size:
            raise refusal(
                found.kernel,
                f"stores nothing to {missing.size} bytes of {name_of(found.kernel, number)}, the first of them byte "
                f"{missing[0] % size} of segment {missing[0] // size}",
            )


_ACCESSES = {
    "vmcu.segment_load": _Tracer._load,
    "vmcu.segment_store": _Tracer._store,
    "vmcu.segment_free": _Tracer._free,
    "vmcu.widen": _Tracer._widen,
    "vmcu.matmul": _Tracer._matmul,
    "vmcu.depthwise": _Tracer._depthwise,
    "vmcu.buffer": _Tracer._buffer,
}
