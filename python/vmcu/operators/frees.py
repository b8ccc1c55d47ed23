"""Where a tiled kernel frees its inputs: derived from its accesses, or checked against them.

A plan lets a store land on every byte of an input that no later step reads (`accesses.py`). `vmcu.segment_free` says so in
the IR: before each store all segments outside the hull of later reads are free. The number that such an op names is
fitted to the loop counters: a sum of multiples of them, with something added in a loop's last trip; where there is no
such sum it is looked up in a table. Arithmetic and table are dead code once frees are lowered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.ir.trips import Grid, refusal
from vmcu.operators.accesses import FREE, LOAD, STORE, Accesses, Trace, name_of


def complete_frees(found: Trace, accesses: Accesses) -> None:
    """Insert the frees of each input that frees nothing by hand, and check those of the others.

    Raises:
        Unsupported: bytes are loaded that were freed, or are not freed although a plan would let a store land on them.
    """
    freed = set(found.argument[found.kind == FREE].tolist())
    for number in range(len(found.kernel.inputs)):
        if number in freed:
            _check(found, accesses, number)
        else:
            _insert(found, accesses, number)


@dataclass(frozen=True, eq=False)
class _Edges:
    """In segments of an input: `[start, end)` is read at all, `before[t]` and `behind[t]` enclose what is after step `t`."""

    start: int
    end: int
    before: np.ndarray
    behind: np.ndarray


def _find_edges(found: Trace, accesses: Accesses, number: int) -> _Edges:
    length, size = found.shapes[number]
    lo, hi = accesses.reads[number]
    some = hi > lo
    start, end = (int(lo[some].min()) // size, int(hi[some].max()) // size) if some.any() else (length, length)
    before, behind = (each // size for each in accesses.live(number, length * size))
    ended = before >= behind
    # Nothing is read any more. Whichever end moved so far moves on.
    before, behind = np.where(ended, start, before), np.where(ended, end, behind)
    before, behind = np.maximum.accumulate(before), np.minimum.accumulate(behind)
    if before[-1] > start or behind[-1] == end:
        before = np.where(ended, length, before)
    else:
        behind = np.where(ended, 0, behind)
    return _Edges(start, end, before, behind)


def _insert(found: Trace, accesses: Accesses, number: int) -> None:
    block = found.kernel.body.blocks[0]
    sequence, length = block.arguments[number], found.shapes[number][0]
    edges = _find_edges(found, accesses, number)
    with found.kernel.location, ir.InsertionPoint.at_block_begin(block):
        if edges.start > 0:
            build.free(sequence, build.constant(edges.start), backward=False)
        if edges.end < length:
            build.free(sequence, build.constant(edges.end), backward=True)
    stores = (found.kind == STORE) & (found.argument < len(found.kernel.inputs) + len(found.kernel.outputs))
    stores &= found.argument >= len(found.kernel.inputs)
    for site in np.unique(found.site[stores]).tolist():
        chosen = np.flatnonzero(stores & (found.site == site))
        rows, steps = found.row[chosen], accesses.step[chosen]
        op = found.sites[site]
        with op.location, ir.InsertionPoint(op):
            for values, idle, is_suffix in ((edges.before, edges.start, False), (edges.behind, edges.end, True)):
                if (values[steps] != idle).any():
                    index = _write_index(found.grids[site], rows, values[steps])
                    build.free(sequence, index.value, backward=is_suffix)
    last = accesses.step[stores].max(initial=-1)
    if last < 0 or (edges.before[last] < length and edges.behind[last] > 0):
        # Something is read behind the last store, or by the op that does it.
        with found.kernel.location, ir.InsertionPoint(block):
            build.free(sequence, build.constant(length), backward=False)


def _write_index(grid: Grid, rows: np.ndarray, values: np.ndarray) -> Index:
    """An expression of the loop counters around a block that is `values` in its executions `rows`."""
    if not grid.loops():
        return Index(int(values[0]))
    axes = []
    for loop in grid.loops():
        assert loop.trips is not None, "a loop's body has trips"
        trips = loop.trips[grid.rows_of(loop)]
        axes.append((loop, trips[rows], int(trips[rows].max(initial=0)) + 1))
    box = np.full([extent for _, _, extent in axes], -1, np.int64)
    box[tuple(trips for _, trips, _ in axes)] = values
    found = None if (box < 0).any() else _fit(box, [loop for loop, _, _ in axes])
    return found if found is not None else _look_up(np.maximum(box, 0), [loop for loop, _, _ in axes])


def _fit(box: np.ndarray, loops: Sequence[Grid]) -> Index | None:
    """`box` as a sum over its axes, of a multiple of the counter and of what the last trip adds; None if it is none."""
    origin = int(box[(0,) * box.ndim])
    counters = np.indices(box.shape)
    total, parts = np.full(box.shape, origin), []
    for axis, extent in enumerate(box.shape):
        line = box[tuple(slice(None) if each == axis else 0 for each in range(box.ndim))]
        slope = int(line[1] - origin) if extent > 1 else 0
        rest = int(line[-1] - origin) - slope * (extent - 1)
        total = total + slope * counters[axis] + rest * (counters[axis] == extent - 1)
        parts.append((slope, rest))
    if not np.array_equal(total, box):
        return None
    index = Index(origin)
    for loop, extent, (slope, rest) in zip(loops, box.shape, parts):
        trip = _trip(loop) if slope or rest else Index(0)
        index = index + trip * slope
        if rest:
            is_last = arith.cmpi(arith.CmpIPredicate.eq, trip.value, build.constant(extent - 1))
            index = index + Index.of(arith.select(is_last, build.constant(rest), build.constant(0)))
    return index


def _look_up(box: np.ndarray, loops: Sequence[Grid]) -> Index:
    """`box` as a table, without the axes along which it stays the same."""
    kept = [axis for axis in range(box.ndim) if (box != box.take([0], axis)).any()]
    table = box[tuple(slice(None) if axis in kept else 0 for axis in range(box.ndim))]
    flat = Index(0)
    for axis in kept:
        flat = flat * box.shape[axis] + _trip(loops[axis])
    word = build.flash_load(build.flash(table.ravel().astype(np.int32)), [flat], 1)
    entry = vector_d.extract(word, [], [0], results=[build.i32()])
    return Index.of(arith.index_cast(ir.IndexType.get(), entry))


def _trip(grid: Grid) -> Index:
    """The number of a loop's trip as an expression."""
    assert grid.loop is not None, "the grid is that of a loop's body"
    start, step = (_number(each, grid) for each in (grid.loop.operands[0], grid.loop.operands[2]))
    counter = Index.of(grid.loop.induction_variable)
    return counter if (start, step) == (0, 1) else (counter - start).floordiv(step)


def _number(value: ir.Value, grid: Grid) -> int:
    op = None if isinstance(value.owner, ir.Block) else value.owner.operation.opview
    if not isinstance(op, arith.ConstantOp):
        raise refusal(grid.loop, "starts or steps by an index that varies; frees are derived for constants only")
    return ir.IntegerAttr(op.value).value


def _check(found: Trace, accesses: Accesses, number: int) -> None:
    """Check the frees that were written by hand, in order of execution."""
    length, size = found.shapes[number]
    is_suffix = np.array([isinstance(op, d.SegmentFreeOp) and op.side.value == d.Side.from_ for op in found.sites])
    frees = (found.kind == FREE) & (found.argument == number)
    before = np.maximum.accumulate(np.where(frees & ~is_suffix[found.site], found.hi, 0)) // size
    behind = np.minimum.accumulate(np.where(frees & is_suffix[found.site], found.lo, length * size)) // size
    name = name_of(found.kernel, number)
    loads = (found.kind == LOAD) & (found.argument == number) & (found.hi > found.lo)
    lost = np.flatnonzero(loads & ((found.lo < before * size) | (found.hi > behind * size)))
    if lost.size:
        at = lost[0]
        raise refusal(
            found.op_of(at),
            f"loads bytes [{found.lo[at]}, {found.hi[at]}) of {name}, whose segments before {before[at]} and from "
            f"{behind[at]} on were freed",
        )
    live = tuple(each // size for each in accesses.live(number, length * size))
    inputs, outputs = len(found.kernel.inputs), len(found.kernel.outputs)
    stores = np.flatnonzero((found.kind == STORE) & (found.argument >= inputs) & (found.argument < inputs + outputs))
    first, end = (each[accesses.step[stores]] for each in live)
    gone = before[stores] >= behind[stores]
    late = np.flatnonzero(~gone & ((before[stores] < first) | (behind[stores] > end)))
    if late.size:
        at, kept = late[0], (before[stores[late[0]]], behind[stores[late[0]]])
        need = f"only [{first[at]}, {end[at]}) are loaded again" if first[at] < end[at] else "none is loaded again"
        raise refusal(
            found.op_of(stores[at]),
            f"is executed while segments [{kept[0]}, {kept[1]}) of {name} are not freed, of which {need}; free the "
            "others before the store, or leave all frees to the compiler",
        )
