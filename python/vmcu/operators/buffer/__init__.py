"""Kernels without segment code: upstream bufferization and loops, on buffers inside the pool.

Correct first: the kernel's inputs must be whole and stay until it ends, and its intermediate tensors become a
workspace in the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from mlir import ir
from mlir.dialects import bufferization, func, linalg, memref
from mlir.passmanager import PassManager

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.bridge import PassError
from vmcu.ir.build import Index
from vmcu.ir.clone import clone_into
from vmcu.ir.walk import element_bytes
from vmcu.operators.base import Family, Operands, Operator, Shape, Variant
from vmcu.operators.buffer.sums import has_sums, keep_sums_in_registers
from vmcu.operators.geometry import Steps
from vmcu.planner import Rows

BUFFERIZE = (
    "one-shot-bufferize{bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map}",
    "buffer-results-to-out-params{hoist-static-allocs=true modify-public-functions=true}",
    "func.func(buffer-loop-hoisting)",  # a loop's own tensors lie in the workspace, too
    "canonicalize",
    "cse",
)
TO_LOOPS = (
    "func.func(convert-linalg-to-loops)",
    "fold-memref-alias-ops",
    "expand-strided-metadata",
    "lower-affine",
    "tosa-to-arith{include-apply-rescale=true}",
    "canonicalize",
    "cse",
)
GENERALISE = ("func.func(linalg-generalize-named-ops)", "canonicalize")
ALIGN = 4  # bytes


@dataclass(frozen=True, eq=False)
class Lowered:
    """A computation as a function on buffers.

    Args:
        function: `(inputs..., outputs...)` as memrefs, loops inside; its `memref.alloc`s are intermediates.
        holder: the module that keeps `function` and the globals it reads alive.
        offsets: byte offset in the workspace of each intermediate, in the order of the allocs.
        workspace: bytes of all intermediates.
    """

    function: func.FuncOp
    holder: ir.Module
    offsets: tuple[int, ...]
    workspace: int


@dataclass(frozen=True, eq=False)
class BufferKernel(Operator):
    """Any computation on static tensors: the body of `kernel`, which must outlive this description."""

    op: d.DescribedKernel

    kind = d.KernelKind.buffer
    is_opaque = True

    @cached_property
    def lowered(self) -> Lowered:
        """The body on buffers.

        Raises:
            PassError: an op has no bufferization or no lowering to loops; it calls a function.
        """
        return _lower(self.op)

    @property
    def workspace(self) -> int:
        return self.lowered.workspace

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """A segment is an element."""
        block = self.op.body.blocks[0]
        results = block.operations[len(block.operations) - 1].operands
        inputs, outputs = (tuple(_elements_of(each.type) for each in side) for side in (block.arguments, results))
        return inputs, outputs

    def rows(self) -> Rows:
        raise AssertionError("who knows no order of rows is in no stream")


class PlainBuffer(Family[BufferKernel]):
    """The loops of upstream, on views of the sequences."""

    computes = BufferKernel

    def steps(self, operator: BufferKernel, variant: Variant) -> Steps:
        raise AssertionError("an opaque operator has no steps")

    def emit(self, operator: BufferKernel, variant: Variant, on: Operands, *, backward: bool) -> None:
        """Clone the function's body with its arguments and intermediates as views of the sequences."""
        body = operator.lowered.function.regions[0].blocks[0]
        mapping = {
            argument: d.buffer(argument.type, sequence, 0)
            for argument, sequence in zip(body.arguments, [*on.inputs, *on.outputs])
        }
        offsets = iter(operator.lowered.offsets)
        for op in list(body.operations)[:-1]:
            if isinstance(op, memref.AllocOp):
                mapping[op.memref] = d.buffer(op.memref.type, on.workspace[0], next(offsets))
            elif not isinstance(op, memref.DeallocOp):
                clone_into([op], mapping)
        for sequence, (length, _) in zip(on.inputs, operator.sequences()[0]):
            build.free(sequence, build.constant(length), backward=False)

    def emit_row(self, operator: BufferKernel, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        raise AssertionError("an opaque operator has no rows")


def _lower(kernel: d.DescribedKernel) -> Lowered:
    block = kernel.body.blocks[0]
    _refuse_calls(kernel)
    holder = _outline(kernel, block)
    try:
        _run(holder, BUFFERIZE)
        _replace_copies(holder)
        function = next(op for op in holder.body.operations if isinstance(op, func.FuncOp))
        if has_sums(function):
            _run(holder, GENERALISE)
            keep_sums_in_registers(function)
        _run(holder, TO_LOOPS)
    except ir.MLIRError as error:
        raise PassError(kernel, f"kernel {kernel.name.value} has no lowering: {error}") from None
    function = next(op for op in holder.body.operations if isinstance(op, func.FuncOp))
    offsets, total = [], 0
    for op in function.regions[0].blocks[0].operations:
        if isinstance(op, memref.AllocOp):
            offsets.append(total)
            total += -(-_bytes_of(op.memref.type) // ALIGN) * ALIGN
    return Lowered(function, holder, tuple(offsets), total)


def _refuse_calls(kernel: d.DescribedKernel) -> None:
    """Bufferization of a call to a function that is not in the module beside it ends the process."""

    def refuse(op: ir.Operation) -> ir.WalkResult:
        if op.name in ("func.call", "func.call_indirect"):
            calls.append(op)
        return ir.WalkResult.ADVANCE

    calls: list[ir.Operation] = []
    kernel.operation.walk(refuse)
    for call in calls:
        raise PassError(call, f"{call.name} is in kernel {kernel.name.value}; supported is a model in one function")


def _run(module: ir.Module, passes: tuple[str, ...]) -> None:
    PassManager.parse(f"builtin.module({','.join(passes)})", context=module.context).run(module.operation)


def _outline(kernel: d.DescribedKernel, block: ir.Block) -> ir.Module:
    with kernel.location:
        module = ir.Module.create()
        ops = list(block.operations)
        results = [each.type for each in ops[-1].operands]
        with ir.InsertionPoint(module.body):
            function = func.FuncOp("body", ([each.type for each in block.arguments], results))
            entry = function.add_entry_block()
        with ir.InsertionPoint(entry):
            mapping = dict(zip(block.arguments, entry.arguments))
            clone_into(ops[:-1], mapping)
            func.ReturnOp(_tell_apart([mapping[each] for each in ops[-1].operands]))
    return module


def _tell_apart(results: list[ir.Value]) -> list[ir.Value]:
    """Copy a tensor that is returned again: hoisting its buffer twice, `buffer-results-to-out-params` crashes."""
    return [
        bufferization.alloc_tensor(value.type, [], copy=value) if value in results[:number] else value
        for number, value in enumerate(results)
    ]


def _replace_copies(module: ir.Module) -> None:
    """A `memref.copy` becomes a call into a runtime that a microcontroller has not: copy by a loop."""
    copies: list[ir.Operation] = []

    def collect(op: ir.Operation) -> ir.WalkResult:
        if op.name == "memref.copy":
            copies.append(op)
        return ir.WalkResult.ADVANCE

    module.operation.walk(collect)
    for op in copies:
        with op.location, ir.InsertionPoint(op):
            linalg.copy(op.operands[0], outs=[op.operands[1]])
        op.erase()


def _elements_of(kind: ir.Type) -> Shape:
    """Elements of a tensor or memref, and the bytes of one."""
    shaped = ir.ShapedType(kind)
    return int(np.prod(shaped.shape, dtype=np.int64)), element_bytes(shaped.element_type)


def _bytes_of(kind: ir.Type) -> int:
    """Bytes of a tensor or memref."""
    length, size = _elements_of(kind)
    return length * size
