"""Copy new values of states that no kernel makes in the state's own place.

Before: a function of kernels on tensors that returns the new values of its states
After:  each new value is made by a kernel that may write it over the old one: by its maker, if the old value is read by
        then, or by a kernel of kind `buffer` at the end, which yields what it reads

A state has one place, where a run finds the old value and leaves the new one. Copies are needed where the new value is made
before the old one has been read for the last time, where it is an input or the old value of another state, and where two
states get one tensor. An old value that is returned is copied, too: its place holds the new one when the function returns.

Needs `vmcu-form-kernels`. `vmcu-plan` does the same first, so that it need not be run by hand.
"""

from __future__ import annotations

from math import prod

from mlir import ir
from mlir.dialects import func

from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.ir import walk
from vmcu.ir.ports import states
from vmcu.isa import read_kernel
from vmcu.isa.planned import describe_kernel
from vmcu.operators.anchors import behind_reshapes
from vmcu.passes._registry import vmcu_pass


@vmcu_pass("vmcu-copy-states", summary="Copy new values of states that no kernel makes in their place")
def copy_states(module: ir.Module, options: None) -> None:
    for op in module.body.operations:
        if isinstance(op, func.FuncOp) and not op.is_external:
            copy_states_of(op)


def copy_states_of(function: func.FuncOp) -> None:
    """Add the copies that the states of one function need."""
    copies = _Copies(function)
    changing = {argument: result for argument, result in states(function) if copies.argument_of(result) != argument}
    # An old value that something else than its own state gets is copied before any new one is written.
    for result in range(len(copies.end.operands)):
        if copies.argument_of(result) in changing and not copies.is_unchanged(result):
            copies.add(result)
    claimed: set[ir.Value] = set()
    for argument, result in changing.items():
        if copies.source(result) in claimed or not copies.is_made_over(argument, result):
            copies.add(result)
        claimed.add(copies.source(result))


class _Copies:
    """The end of a function, and copies before it."""

    def __init__(self, function: func.FuncOp):
        self.function, self.end = function, walk.terminator(function)
        self.block = function.regions[0].blocks[0]
        self.updates = {result: argument for argument, result in states(function)}
        self.number = 0

    def source(self, result: int) -> ir.Value:
        """The tensor whose bytes are a result."""
        return behind_reshapes(self.end.operands[result])

    def argument_of(self, result: int) -> int | None:
        """The number of the argument that is returned as a result."""
        source = self.source(result)
        return ir.BlockArgument(source).arg_number if isinstance(source.owner, ir.Block) else None

    def is_unchanged(self, result: int) -> bool:
        """Whether a result is the new value of a state, and the old one."""
        return result in self.updates and self.updates[result] == self.argument_of(result)

    def is_made_over(self, argument: int, result: int) -> bool:
        """Whether the kernel that makes a result may write it where the argument is."""
        old, new = self.block.arguments[argument], self.source(result)
        kernels = [op for op in self.block.operations if isinstance(op, d.KernelOp)]
        maker = next((at for at, op in enumerate(kernels) if new in list(op.results_)), None)
        if maker is None:
            return False
        readers = [at for at, op in enumerate(kernels) if old in map(behind_reshapes, op.inputs)]
        return max(readers, default=-1) < maker or (readers[-1] == maker and _writes_behind(kernels[maker], old))

    def add(self, result: int) -> None:
        """Return a copy of a result in its place."""
        value = self.end.operands[result]
        taken = {op.name.value for op in self.block.operations if isinstance(op, d.KernelOp)}
        while f"copy_{self.number}" in taken:
            self.number += 1
        with value.location, ir.InsertionPoint(self.end):
            copy = d.KernelOp([value.type], f"copy_{self.number}", d.KernelKind.buffer, [value])
            body = copy.body.blocks.append(value.type)
            with ir.InsertionPoint(body):
                d.yield_([body.arguments[0]])
        self.end.operation.operands[result] = copy.results_[0]


def _writes_behind(kernel: d.KernelOp, old: ir.Value) -> bool:
    """Whether a kernel, in one of its directions, writes its result over bytes of an input that it has read already."""
    if len(kernel.results_) != 1:
        return False
    reads = ["old" if behind_reshapes(each) == old else f"other {number}" for number, each in enumerate(kernel.inputs)]
    known = describe_kernel(kernel.name.value, read_kernel(kernel), reads, ["new"])
    directions = (False, True) if known.reversible else (False,)
    return not all(planner.clobbers(known, "old", "new", _bytes(old), backward=each) for each in directions)


def _bytes(tensor: ir.Value) -> int:
    kind = ir.RankedTensorType(tensor.type)
    return int(prod(kind.shape)) * walk.element_bytes(kind.element_type)
