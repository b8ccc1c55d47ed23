"""Index arithmetic of static loops, executed for all trips at once.

A `Grid` is a block and how often it is executed: one row for each time, in order of execution. An index is an array with
an element per row. Nothing is computed that nobody asks for: `Trips.value` follows a value to the ops that make it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mlir import ir
from mlir.dialects import scf

from vmcu.dialects import vmcu as d
from vmcu.errors import Unsupported
from vmcu.ir.bridge import PassError

Number = int | bool | np.ndarray

_BINARY: dict[str, Callable[[Number, Number], Number]] = {
    "addi": np.add, "subi": np.subtract, "muli": np.multiply, "andi": np.bitwise_and, "ori": np.bitwise_or,
    "xori": np.bitwise_xor, "maxsi": np.maximum, "minsi": np.minimum, "divui": np.floor_divide,
    "floordivsi": np.floor_divide, "remui": np.remainder,
}  # fmt: skip
_COMPARE = [np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal]
_UNSIGNED = 6  # the first unsigned predicate, `ult`
_AFFINE: list[tuple[Any, Callable[[Number, Number], Number]]] = [
    (ir.AffineAddExpr, np.add), (ir.AffineMulExpr, np.multiply), (ir.AffineModExpr, np.remainder),
    (ir.AffineFloorDivExpr, np.floor_divide), (ir.AffineCeilDivExpr, lambda a, b: -np.floor_divide(-a, b)),
]  # fmt: skip


def refusal(op: ir.Operation | ir.OpView, message: str) -> PassError:
    """The error for an op that is refused; it names the op and knows its location."""
    return PassError(op, f"{op.operation.name} {message}")


@dataclass(frozen=True, eq=False)
class Grid:
    """How often a block is executed.

    Args:
        size: times.
        parent: the grid of the block around; None if the block is a kernel's body.
        rows: for each row the one of `parent` that it belongs to.
        trips: for each row the number of the loop's trip; None if the block belongs to no loop.
        loop: the loop that the block is the body of.
    """

    size: int
    parent: Grid | None = None
    rows: np.ndarray | None = None
    trips: np.ndarray | None = None
    loop: scf.ForOp | None = None
    _above: dict[Grid, np.ndarray] = field(default_factory=dict, repr=False)

    def rows_of(self, ancestor: Grid) -> np.ndarray | slice:
        """For each row the row of `ancestor` that it belongs to, in a form that arrays can be indexed with."""
        if ancestor is self:
            return slice(None)
        if ancestor not in self._above:
            assert self.parent is not None and self.rows is not None, "an ancestor is around this block"
            above = self.parent.rows_of(ancestor)
            self._above[ancestor] = self.rows if isinstance(above, slice) else above[self.rows]
        return self._above[ancestor]

    def loops(self) -> list[Grid]:
        """The grids of loop bodies from the outermost one to this one."""
        around = self.parent.loops() if self.parent is not None else []
        return [*around, self] if self.loop is not None else around


class Trips:
    """The grids of a kernel's blocks, and the indices in them.

    Args:
        body: a block that is executed once.
        known: numbers of arguments of `body`.
    """

    def __init__(self, body: ir.Block, known: dict[ir.Value, int] | None = None):
        self.grids: dict[ir.Block, Grid] = {body: Grid(1)}
        self._values: dict[ir.Value, Number] = dict(known or {})

    def enter_loop(self, loop: scf.ForOp) -> Grid:
        """The grid of a loop's body."""
        grid = self.grids[loop.operation.block]
        start, stop, step = (
            np.broadcast_to(self.value(each, grid, loop), grid.size) for each in list(loop.operands)[:3]
        )
        if (step <= 0).any():
            raise refusal(loop, f"has step {step.min()}; supported are positive ones")
        counts = np.maximum(-((start - stop) // step), 0)
        rows = np.repeat(np.arange(grid.size), counts)
        trips = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        inner = self.grids[loop.body] = Grid(len(rows), grid, rows, trips, loop)
        self._values[loop.induction_variable] = start[rows] + step[rows] * trips
        return inner

    def enter_branch(self, branch: scf.IfOp, block: ir.Block, wanted: bool) -> Grid:
        """The grid of a block of `branch`, which is executed where its condition is as `wanted`."""
        grid = self.grids[branch.operation.block]
        holds = np.broadcast_to(self.value(branch.condition, grid, branch), grid.size).astype(bool)
        rows = np.flatnonzero(holds == wanted)
        inner = self.grids[block] = Grid(len(rows), grid, rows)
        return inner

    def value(self, value: ir.Value, grid: Grid, user: ir.OpView) -> Number:
        """An index or a condition in each row of `grid`; a number if it is the same everywhere.

        Raises:
            Unsupported: it is computed from something that is known at run time only; `user` is to blame.
        """
        if value not in self._values:
            self._values[value] = self._compute(value, user)
        found = self._values[value]
        if not isinstance(found, np.ndarray) or not found.ndim:
            return found
        owner = value.owner if isinstance(value.owner, ir.Block) else value.owner.operation.block
        return found[grid.rows_of(self.grids[owner])]

    def _compute(self, value: ir.Value, user: ir.OpView) -> Number:
        if isinstance(value.owner, ir.Block):
            raise refusal(user, "has an index that is carried from trip to trip; supported are loop counters")
        op = value.owner.operation.opview
        grid = self.grids[op.operation.block]
        name = op.operation.name
        handler = _HANDLERS.get(name)
        if handler is not None:
            return handler(self, op, grid)
        kind = name.removeprefix("arith.")
        if kind in _BINARY:
            return _BINARY[kind](*(self.value(each, grid, user) for each in op.operands))
        raise refusal(
            user, f"has an index or a condition that comes from '{name}', which is not known before the kernel runs"
        )

    def _constant(self, op: ir.OpView, grid: Grid) -> Number:
        number = ir.IntegerAttr(op.value).value
        return bool(number) if str(op.result.type) == "i1" else number

    def _apply(self, op: ir.OpView, grid: Grid) -> Number:
        operands = [self.value(each, grid, op) for each in op.operands]
        return evaluate_affine(ir.AffineMapAttr(op.attributes["map"]).value.results[0], operands)

    def _compare(self, op: ir.OpView, grid: Grid) -> Number:
        a, b = (self.value(each, grid, op) for each in op.operands)
        predicate = ir.IntegerAttr(op.attributes["predicate"]).value
        if predicate < _UNSIGNED:
            return _COMPARE[predicate](a, b)
        # Seen as unsigned, a negative number is larger than all others.
        a, b = (np.asarray(each, np.int64).astype(np.uint64) for each in (a, b))
        return _COMPARE[predicate - _UNSIGNED + 2](a, b)

    def _select(self, op: ir.OpView, grid: Grid) -> Number:
        condition, chosen, other = (self.value(each, grid, op) for each in op.operands)
        return np.where(condition, chosen, other)

    def _cast(self, op: ir.OpView, grid: Grid) -> Number:
        return self.value(op.operands[0], grid, op)

    def _look_up(self, op: ir.OpView, grid: Grid) -> Number:
        """The only element of a row that `vmcu.flash_load` takes from a constant."""
        load = None if isinstance(op.operands[0].owner, ir.Block) else op.operands[0].owner.operation.opview
        if not isinstance(load, d.FlashLoadOp) or ir.VectorType(load.result.type).shape != [1]:
            raise refusal(op, "is not that of a constant's element")
        table = np.array(ir.DenseIntElementsAttr(load.source.owner.operation.opview.value))
        return table[tuple(self.value(each, grid, load) for each in load.indices)].astype(np.int64)


_HANDLERS = {
    "arith.constant": Trips._constant,
    "arith.cmpi": Trips._compare,
    "arith.select": Trips._select,
    "arith.index_cast": Trips._cast,
    "affine.apply": Trips._apply,
    "vector.extract": Trips._look_up,
}


def evaluate_affine(expression: ir.AffineExpr, operands: Sequence[Number]) -> Number:
    """An affine expression of dimensions, for numbers in their place."""
    if isinstance(expression, ir.AffineConstantExpr):
        return expression.value
    if isinstance(expression, ir.AffineDimExpr):
        return operands[expression.position]
    for kind, compute in _AFFINE:
        if isinstance(expression, kind):
            return compute(*(evaluate_affine(each, operands) for each in (expression.lhs, expression.rhs)))
    raise Unsupported(f"'{expression}' in index arithmetic; supported are sums, products, quotients and remainders")
