"""Families of one's own: a Python function of the paper's intrinsics (`vmcu.lang`) in place of a built-in kernel.

    def is_pointwise(conv: Conv2D) -> bool: ...

    @vmcu.family(Conv2D, "pixelwise", offers=is_pointwise)
    def pixelwise(conv: Conv2D, x: Input, y: Output, row: Index) -> None:
        ...  # the loads, dots and stores of output row `row`

    with vmcu.register(pixelwise):
        compiled = vmcu.compile_model("model.tflite")

The function makes one row of the output. Layer by layer the compiler calls it in a loop over all rows; in a stream, when
the row is due. Its steps are read off its loops, and its frees follow from them (`vmcu.operators.accesses`).
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import numpy as np
from mlir import ir
from mlir.dialects import func

from vmcu.dialects import vmcu as d
from vmcu.ir import bridge, build
from vmcu.ir.build import Index
from vmcu.ir.trips import refusal
from vmcu.lang import Index as Counter
from vmcu.lang import Input, Output
from vmcu.lang.kernel import explained, run_function, verify
from vmcu.operators import Family, Operands, Operator, Variant
from vmcu.operators.accesses import LOAD, STORE, Accesses, Trace, read_accesses, trace
from vmcu.operators.frees import complete_frees
from vmcu.operators.geometry import Steps
from vmcu.operators.liveness import free_passed_rows

Row = Callable[..., None]


class OwnFamily(Family[Operator]):
    """A family whose rows are written by a function `(operator, inputs..., output, row)`.

    Args:
        computes: the class of the operators that it computes, e.g. `vmcu.operators.Conv2D`.
        name: the name of its variant.
        offers: whether the function computes an operator exactly; by default any of the class.
        function: makes an output row.
    """

    is_own = True

    def __init__(self, computes: type[Operator], name: str, offers: Callable[..., bool], function: Row):
        self.computes, self.name, self._offers, self.function = computes, name, offers, function

    def offers(self, operator: Operator) -> tuple[Variant, ...]:
        """One variant; none for an operator that takes its input row by row, as a mean of an image does."""
        rows = operator.rows()
        can = rows is not None and not rows.accumulates and self._offers(operator)
        return (Variant(self.name),) if can else ()

    def steps(self, operator: Operator, variant: Variant) -> Steps:
        """Those of the loops, read anew each time.

        Raises:
            Unsupported: the function does something that kernels cannot, or not row by row.
        """
        accesses = _read(self, operator, False)
        lo, hi = _union(accesses.reads)
        return Steps(lo, hi, *accesses.writes[0])

    def reversible(self, operator: Operator, variant: Variant) -> bool:
        """Whether the loops, run backwards, take the same steps from last to first, and read nothing later than planned."""
        forward, backward = (_read(self, operator, each) for each in (False, True))
        if not np.array_equal(np.stack(backward.writes[0]), np.stack(forward.writes[0])[:, ::-1]):
            return False
        sizes = [length * size for length, size in operator.sequences()[0]]
        turned = Accesses(tuple((lo[::-1], hi[::-1]) for lo, hi in forward.reads), forward.writes, forward.step)
        for number, size in enumerate(sizes):
            (lo, hi), (planned_lo, planned_hi) = backward.live(number, size), turned.live(number, size)
            if (lo < planned_lo).any() or (hi > planned_hi).any():
                return False
        return True

    def emit(self, operator: Operator, variant: Variant, on: Operands, *, backward: bool) -> None:
        """A loop over all rows, with the frees that follow from it."""
        self.write_rows(operator, on, backward)
        found = trace(on.output.owner.owner.operation.opview)
        complete_frees(found, read_accesses(found))

    def emit_row(self, operator: Operator, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        """One row, and the free of the input's rows that no other row reads."""
        self._write_row(operator, on, row, backward)
        for source in on.inputs:
            free_passed_rows(source, operator.streamed_rows, row, backward=backward)

    def write_rows(self, operator: Operator, on: Operands, backward: bool) -> None:
        """The loop over all rows, as the function has it."""
        for row in build.loop(0, operator.streamed_rows.out_rows, backward=backward):
            self._write_row(operator, on, row, backward)

    def _write_row(self, operator: Operator, on: Operands, row: Index, backward: bool) -> None:
        inputs, outputs = operator.sequences()
        segments = [
            kind(*shape, value)
            for kind, shapes, values in ((Input, inputs, on.inputs), (Output, outputs, on.outputs))
            for shape, value in zip(shapes, values)
        ]
        run_function(lambda: self.function(operator, *segments, Counter(row)), backward=backward)


def _read(family: OwnFamily, operator: Operator, backward: bool) -> Accesses:
    """The accesses of a kernel that has a module to itself."""
    with bridge.context(), ir.Location.unknown(), explained():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            function = func.FuncOp("f", ([], []))
        inputs, outputs = ([d.SequenceType.get(*shape) for shape in side] for side in operator.sequences())
        with ir.InsertionPoint(function.add_entry_block()):
            pool = d.pool(d.PoolType.get(max(each.length * each.bytes for each in [*inputs, *outputs])))
            sources, results = [[d.place(kind, pool, 0) for kind in side] for side in (inputs, outputs)]
            op = d.TiledKernelOp(family.name, operator.kind, sources, results, [])
            func.ReturnOp([])
        names = [ir.Location.name(each) for each in _names(len(inputs), len(outputs))]
        block = op.body.blocks.append(*inputs, *outputs, arg_locs=names)
        with ir.InsertionPoint(block):
            arguments = tuple(block.arguments)
            family.write_rows(operator, Operands(arguments[: len(inputs)], arguments[len(inputs) :]), backward)
        verify(module)
        found = trace(op)
        accesses = read_accesses(found)
        _check_rows(found, accesses, operator, backward)
        return accesses


def _names(inputs: int, outputs: int) -> list[str]:
    return [f"{side} {number}" for side, count in (("input", inputs), ("output", outputs)) for number in range(count)]


def _union(reads: tuple[tuple[np.ndarray, np.ndarray], ...]) -> tuple[np.ndarray, np.ndarray]:
    """What each step reads of any input; inputs of a kernel have one shape."""
    lo, hi = reads[0]
    for other_lo, other_hi in reads[1:]:
        some, other = hi > lo, other_hi > other_lo
        lo = np.where(some & other, np.minimum(lo, other_lo), np.where(other, other_lo, lo))
        hi = np.where(other, np.maximum(hi, other_hi), hi)
    return lo, hi


def _check_rows(found: Trace, accesses: Accesses, operator: Operator, backward: bool) -> None:
    """Refuse what would go wrong in a stream, where rows lie in rings and come one by one."""
    rows, shapes = operator.streamed_rows, found.shapes
    inputs = len(found.kernel.inputs)
    sizes = np.array(
        [
            length * size // (rows.in_rows if number < inputs else rows.out_rows)
            for number, (length, size) in enumerate(shapes)
        ]
    )[found.argument]
    first, last = found.lo // sizes, (found.hi - 1) // sizes
    # The first access of each execution stands for all of them: an op finds its first row only.
    begins = np.maximum.accumulate(np.where(np.diff(found.op, prepend=-1) != 0, np.arange(len(first)), 0))
    apart = np.flatnonzero((found.hi > found.lo) & ((first != last) | (first != first[begins])))
    if apart.size:
        raise refusal(
            found.op_of(apart[0]),
            "touches two rows of an image at once, which lie apart in a stream; use one op for each",
        )
    writes = accesses.writes[0][0] // (shapes[inputs][0] * shapes[inputs][1] // rows.out_rows)
    made = np.flatnonzero(found.kind == STORE)
    turn = np.diff(first[made]) * (-1 if backward else 1)
    if (turn < 0).any():
        at = made[int((turn < 0).argmax()) + 1]
        raise refusal(found.op_of(at), f"stores to row {first[at]} of the output when a row behind it was made already")
    needed = [rows.read_rows(row) for row in range(rows.out_rows)]
    for at in np.flatnonzero((found.kind == LOAD) & (accesses.step < len(writes))).tolist():
        row = int(writes[accesses.step[at]])
        if first[at] not in needed[row]:
            raise refusal(
                found.op_of(at),
                f"loads row {first[at]} of the input for row {row} of the output, which needs others",
            )


_known: dict[tuple[type[Operator], str], OwnFamily] = {}
_offered: list[OwnFamily] = []


class Registration:
    """A family that is offered to every kernel it can compute, before all others, until the end of `with`, or for good."""

    def __init__(self, family: OwnFamily):
        self.family = family

    def __enter__(self) -> OwnFamily:
        return self.family

    def __exit__(self, kind: type | None, error: BaseException | None, where: TracebackType | None) -> None:
        _offered.remove(self.family)


def family(
    computes: type[Operator], name: str, *, offers: Callable[..., bool] = lambda operator: True
) -> Callable[[Row], OwnFamily]:
    """Make a family of a function `(operator, inputs..., output, row)` that makes a row of the output.

    Args:
        computes: the class of the operators, of `vmcu.operators`: `Conv2D`, `Depthwise`, `MaxPool`, `Elementwise`.
        name: of the variant, in the IR and in reports.
        offers: whether the function computes an operator exactly.
    """
    return lambda function: OwnFamily(computes, name, offers, function)


def add(family: OwnFamily) -> Registration:
    """Offer a family from now on; see `vmcu.isa.register`."""
    _known[family.computes, family.name] = family
    _offered.insert(0, family)
    return Registration(family)


def is_any_offered() -> bool:
    """Whether there is a family that is to be tried first."""
    return bool(_offered)


def known(operator: Operator) -> list[OwnFamily]:
    """The families that were registered for operators of this class, offered or not: IR may name them."""
    return [each for (kind, _), each in _known.items() if isinstance(operator, kind)]


def offered(operator: Operator) -> list[OwnFamily]:
    """The families that are to be tried first, the latest one before the others."""
    return [each for each in _offered if isinstance(operator, each.computes)]
