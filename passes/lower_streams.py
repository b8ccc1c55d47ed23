"""Turn streams into loops over ticks.

Before: `vmcu.stream from a to b` with kernels that carry a `phase`.
After:  `scf.for %tick`, and for each kernel an `scf.if` whose condition is affine in the tick; the kernel gets the row
        it makes as an operand: it is row `(tick + shift) / scale - 1` if that is whole and exists.

A `fed` stream cuts the function at its rows: it becomes `(state, row) -> i32`, copies the row into its ring, does what
is possible with it, and returns 0; with the last row it does all the rest and returns 1. `state` is the number of rows
that have come. A call runs as many ticks as the stream's `pace` says: more than one where some kernel makes more rows than
come.

Needs `vmcu-plan`; `vmcu-tile-to-segments` makes the kernels' rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlir import ir
from mlir.dialects import affine, arith, func, memref, scf

from vmcu.dialects import vmcu as d
from vmcu.ir.build import constant
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.ir.rebuild import keep_attributes
from vmcu.operators import describe
from vmcu.passes._registry import PassError, vmcu_pass

NOWHERE = -(1 << 30)  # a newest row that no index is near


@vmcu_pass("vmcu-lower-streams", summary="Turn streams of kernels into loops over ticks")
def lower_streams(module: ir.Module, options: None) -> None:
    refuse_leftovers(module, lambda op: op.name == "vmcu.kernel", "is on tensors; run vmcu-plan first")
    for function in list(module.body.operations):
        if isinstance(function, func.FuncOp) and not function.is_external:
            for op in list(function.regions[0].blocks[0].operations):
                if isinstance(op, d.StreamOp):
                    with op.location:
                        _lower(function, op)
    refuse_leftovers(
        module, lambda op: op.name == "vmcu.stream", "is nested; supported are streams of a function's block"
    )


def _lower(function: func.FuncOp, stream: d.StreamOp) -> None:
    first, last = stream.first.value, stream.last.value
    if len(stream.operands):
        _lower_fed(function, stream, first, last)
    else:
        with ir.InsertionPoint(stream):
            _loop(stream, constant(first), constant(last + 1))
    stream.operation.erase()


def _loop(
    stream: d.StreamOp, start: ir.Value, stop: ir.Value, begin: Callable[[ir.Value], None] | None = None
) -> scf.ForOp:
    """The ticks `[start, stop)`; `begin` builds what comes first in a tick."""
    loop = scf.ForOp(start, stop, constant(1))
    keep_attributes(stream, loop, dropped=("first", "last", "pace", "backward"))
    tick, backward = loop.induction_variable, "backward" in stream.operation.attributes
    with ir.InsertionPoint(loop.body):
        if begin is not None:
            begin(tick)
        landed: dict[ir.Value, ir.Value] = {}
        for op in list(stream.body.blocks[0].operations):
            with op.location:
                turn = _Turn(op.phase, tick, backward)
                if isinstance(op, d.LandingOp):
                    newest = arith.select(turn.comes, turn.first_segment(op.landing), constant(NOWHERE))
                    landed[op.result] = d.landing(op.landing, op.ring, newest=newest)
                    keep_attributes(op, landed[op.result].owner, dropped=("phase",))
                elif isinstance(op, d.SettleOp):
                    with turn.taken():
                        settled = d.SettleOp(op.landing, op.ring, newest=turn.first_segment(op.landing))
                        keep_attributes(op, settled, dropped=("phase",))
                else:
                    with turn.taken():
                        _make_row(op, turn.row, landed, backward)
        scf.yield_([])
    return loop


class _Turn:
    """The turn at a tick of something with a phase: whether it `comes`, and the `row` if it does."""

    def __init__(self, phase: d.PhaseAttr, tick: ir.Value, backward: bool):
        scale, shift, rows = phase.scale, phase.shift, phase.rows
        now = ir.AffineExpr.get_dim(0) + shift
        row = ir.AffineExpr.get_floor_div(now, scale) - 1
        self._row, self._tick = (rows - 1) - row if backward else row, tick
        # now = scale * (row + 1), 0 <= row < rows.
        conditions = [now - scale, scale * rows - now]
        flags = [False, False]
        if scale > 1:
            conditions.append(ir.AffineExpr.get_mod(now, scale))
            flags.append(True)
        self.comes = _holds(conditions, flags, tick)

    @property
    def row(self) -> ir.Value:
        return _apply(self._row, self._tick)

    def first_segment(self, landing: ir.Value) -> ir.Value:
        """The first segment of the row, of which the landing holds one."""
        return _apply(self._row * landing.type.ring, self._tick)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Build what happens if the turn comes."""
        branch = scf.IfOp(self.comes)
        with ir.InsertionPoint(branch.then_block):
            yield
            scf.yield_([])


def _make_row(kernel: d.PlacedKernelOp, row: ir.Value, landed: dict[ir.Value, ir.Value], backward: bool) -> None:
    inputs = [landed.get(each, each) for each in kernel.inputs]
    made = d.PlacedKernelOp(
        kernel.name,
        kernel.kind,
        inputs,
        kernel.outputs,
        kernel.workspace,
        row=row,
        traversal=d.Traversal.backward if backward else None,
        variant=kernel.variant,
    )
    keep_attributes(kernel, made, dropped=("phase",))
    kernel.body.blocks[0].append_to(made.body)


def _holds(conditions: list[ir.AffineExpr], is_equality: list[bool], tick: ir.Value) -> ir.Value:
    """All expressions of the tick are at least zero, or zero where they are equalities."""
    result = None
    for expression, equal in zip(conditions, is_equality):
        value = _apply(expression, tick)
        predicate = arith.CmpIPredicate.eq if equal else arith.CmpIPredicate.sge
        holds = arith.cmpi(predicate, value, constant(0))
        result = holds if result is None else arith.andi(result, holds)
    return result


def _lower_fed(function: func.FuncOp, stream: d.StreamOp, first: int, last: int) -> None:
    """Make the function `(state, row) -> i32`, which does what one row allows."""
    block = function.regions[0].blocks[0]
    if len(block.arguments):
        raise PassError(stream, "is a second fed stream; supported is one per function")
    # The kernel knows: the tensor that is fed may be one row whatever its rank.
    kernel = next(op for op in stream.body.blocks[0].operations if isinstance(op, d.PlacedKernelOp))
    rows = describe(kernel).streamed_rows.in_rows
    assert stream.fed is not None, "the caller has looked"
    sequence = stream.fed.type
    per_row, pace = sequence.length // rows, stream.pace.value
    word = ir.IntegerType.get_signless(32)
    state = block.add_argument(ir.MemRefType.get([1], word), stream.location)
    byte = ir.IntegerType.get_signless(8)
    row = block.add_argument(ir.MemRefType.get([per_row * sequence.bytes], byte), stream.location)
    rest = _after(block, stream)
    with ir.InsertionPoint(stream):
        coming = arith.index_cast(ir.IndexType.get(), memref.load(state, [constant(0)]))
        segment = _apply(ir.AffineExpr.get_dim(0) * per_row, coming)
        tick = coming if pace == 1 else _apply(ir.AffineExpr.get_dim(0) * pace, coming)

        def feed(now: ir.Value) -> None:
            branch = scf.IfOp(arith.cmpi(arith.CmpIPredicate.eq, now, tick))
            with ir.InsertionPoint(branch.then_block):
                d.FeedOp(row, stream.fed, segment)
                scf.yield_([])

        # The halo's ticks may still use the first row's place in the pool.
        has_halo = first < 0
        if not has_halo:
            d.FeedOp(row, stream.fed, segment)
        is_first = arith.cmpi(arith.CmpIPredicate.eq, coming, constant(0))
        is_last = arith.cmpi(arith.CmpIPredicate.eq, coming, constant(rows - 1))
        following = _apply(ir.AffineExpr.get_dim(0) + 1, coming)
        stop = following if pace == 1 else _apply(ir.AffineExpr.get_dim(0) * pace, following)
        # The halo above comes with the first row, the one below with the last.
        start = arith.select(is_first, constant(first), tick)
        _loop(stream, start, arith.select(is_last, constant(last + 1), stop), feed if has_halo else None)
        next_row = arith.select(is_last, constant(0), following)
        memref.store(arith.index_cast(word, next_row), state, [constant(0)])
        done = arith.extui(word, is_last)
    _finish_with_last_row(rest, is_last, done)
    kind = ir.FunctionType.get([state.type, row.type], [word])
    function.attributes["function_type"] = ir.TypeAttr.get(kind)


def _finish_with_last_row(rest: list[ir.OpView], is_last: ir.Value, done: ir.Value) -> None:
    """Put what follows the fed stream under the condition `is_last`, and return `done`."""
    *work, end = rest
    with ir.InsertionPoint(end):
        branch = scf.IfOp(is_last)
        keep_attributes(end, func.ReturnOp([done]))
    with ir.InsertionPoint(branch.then_block):
        last = scf.YieldOp([])
    for op in work:
        op.operation.move_before(last.operation)
    end.operation.erase()


def _apply(expression: ir.AffineExpr, value: ir.Value) -> ir.Value:
    """An affine expression of one value."""
    return affine.apply(ir.AffineMap.get(1, 0, [expression]), [value])


def _after(block: ir.Block, op: ir.OpView) -> list[ir.OpView]:
    operations = list(block.operations)
    return operations[operations.index(op) + 1 :]
