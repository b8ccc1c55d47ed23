"""Kernels without segment code: upstream bufferization and loops, on buffers inside the pool.

Correct first: the kernel's inputs must be whole and stay until it ends, and its intermediate tensors become a
workspace in the pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import bufferization, func, linalg, memref
from mlir.passmanager import PassManager

from vmcu.dialects import vmcu as d
from vmcu.errors import Unsupported
from vmcu.ir import build
from vmcu.ir.clone import clone_into

BUFFERIZE = (
    "one-shot-bufferize{bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map}",
    "buffer-results-to-out-params{hoist-static-allocs=true modify-public-functions=true}",
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
ALIGN = 4  # bytes


@dataclass(frozen=True, eq=False)
class BufferKernel:
    """Any computation as a function on buffers.

    Args:
        function: `(inputs..., outputs...)` as memrefs, loops inside; its `memref.alloc`s are intermediates.
        holder: the module that keeps `function` and the globals it reads alive.
        inputs, outputs: bytes of each.
        offsets: byte offset in the workspace of each intermediate, in the order of the allocs.
        workspace: bytes of all intermediates.
    """

    function: func.FuncOp
    holder: ir.Module
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    offsets: tuple[int, ...]
    workspace: int

    kind = d.KernelKind.buffer
    macs = 0

    def sequences(self) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """(length, bytes) of each input's and of each output's sequence: a segment is a byte."""
        return tuple((size, 1) for size in self.inputs), tuple((size, 1) for size in self.outputs)

    def emit(self, inputs: list[ir.Value], outputs: list[ir.Value], workspace: list[ir.Value]) -> None:
        """Clone the function's body with its arguments and intermediates as views of the sequences."""
        body = self.function.regions[0].blocks[0]
        mapping = {
            argument: d.buffer(argument.type, sequence, 0)
            for argument, sequence in zip(body.arguments, [*inputs, *outputs])
        }
        offsets = iter(self.offsets)
        for op in list(body.operations)[:-1]:
            if isinstance(op, memref.AllocOp):
                mapping[op.memref] = d.buffer(op.memref.type, workspace[0], next(offsets))
            elif not isinstance(op, memref.DeallocOp):
                clone_into([op], mapping)
        for sequence, size in zip(inputs, self.inputs):
            build.free(sequence, build.constant(size), backward=False)


def read_buffer_kernel(kernel: d.KernelOp) -> BufferKernel:
    """Bufferize the body of `kernel`, whose form is on tensors or placed.

    Raises:
        Unsupported: an op has no bufferization or no lowering to loops; it calls a function.
    """
    block = kernel.body.blocks[0]
    _refuse_calls(kernel)
    holder = _outline(kernel, block)
    try:
        _run(holder, BUFFERIZE)
        _replace_copies(holder)
        _run(holder, TO_LOOPS)
    except ir.MLIRError as error:
        refusal = Unsupported(f"kernel {kernel.name.value} has no lowering: {error}")
        refusal.location = kernel.location
        raise refusal from None
    function = next(op for op in holder.body.operations if isinstance(op, func.FuncOp))
    sizes = [_bytes_of(argument.type) for argument in function.arguments]
    count = len(block.arguments)
    offsets, total = [], 0
    for op in function.regions[0].blocks[0].operations:
        if isinstance(op, memref.AllocOp):
            offsets.append(total)
            total += -(-_bytes_of(op.memref.type) // ALIGN) * ALIGN
    return BufferKernel(function, holder, tuple(sizes[:count]), tuple(sizes[count:]), tuple(offsets), total)


def _refuse_calls(kernel: d.KernelOp) -> None:
    """Bufferization of a call to a function that is not in the module beside it ends the process."""

    def refuse(op: ir.Operation) -> ir.WalkResult:
        if op.name in ("func.call", "func.call_indirect"):
            calls.append(op)
        return ir.WalkResult.ADVANCE

    calls: list[ir.Operation] = []
    kernel.operation.walk(refuse)
    for call in calls:
        refusal = Unsupported(f"{call.name} is in kernel {kernel.name.value}; supported is a model in one function")
        refusal.location = call.location
        raise refusal


def _run(module: ir.Module, passes: tuple[str, ...]) -> None:
    PassManager.parse(f"builtin.module({','.join(passes)})", context=module.context).run(module.operation)


def _outline(kernel: d.KernelOp, block: ir.Block) -> ir.Module:
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
    module.operation.walk(
        lambda op: copies.append(op) or ir.WalkResult.ADVANCE if op.name == "memref.copy" else ir.WalkResult.ADVANCE
    )
    for op in copies:
        with op.location, ir.InsertionPoint(op):
            linalg.copy(op.operands[0], outs=[op.operands[1]])
        op.erase()


def _bytes_of(kind: ir.Type) -> int:
    memref_type = ir.MemRefType(kind)
    element = memref_type.element_type
    width = 4 if isinstance(element, (ir.F32Type, ir.IndexType)) else -(-ir.IntegerType(element).width // 8)
    return int(np.prod(memref_type.shape, dtype=np.int64)) * width
