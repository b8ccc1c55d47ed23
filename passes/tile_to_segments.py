"""Turn each kernel's linalg body into loops of segment ops.

Before: placed kernels; the body computes on tensors.
After:  the body's arguments are the sequences; loops of `segment_load`, `flash_load`, `dot`, `requantize`,
        `segment_free`, `segment_store` walk them in the kernel's `traversal`.

Layer by layer, a kernel frees an input only if nobody reads it afterwards: not the first of two layers that read one
tensor. In a stream every reader frees what it has passed, and a row is free once all of them have. Where a reader
leaves rows out, its attribute `vmcu.reads = array<i64: low, high>` says which bytes of each input it reads at all.
Kernels of kind `buffer` become loops on `vmcu.buffer` views. Needs `vmcu-plan`: the order of the accesses here is the
one it planned for, as both come from the same description. `vmcu-pack-weights` and `convert-vmcu-to-llvm` follow.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir.build import Index
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.ir.rebuild import keep_attributes
from vmcu.isa import read_kernel
from vmcu.operators import BufferKernel, Operands
from vmcu.operators.buffer import Lowered
from vmcu.passes._registry import PassError, option, vmcu_pass
from vmcu.planner import Rows


@dataclass(frozen=True)
class TileOptions:
    """Options of `vmcu-tile-to-segments`."""

    loops: bool = option(False, "make small code: loops over the rows of a window, however few they are")


@vmcu_pass(
    "vmcu-tile-to-segments",
    summary="Turn linalg bodies of placed kernels into loops of segment ops",
    options=TileOptions,
)
def tile_to_segments(module: ir.Module, options: TileOptions) -> None:
    kernels: list[d.PlacedKernelOp] = []
    module.operation.walk(lambda op: _collect(op, kernels))
    refuse_leftovers(module, lambda op: op.name == "vmcu.kernel", "is on tensors; run vmcu-plan first")
    refuse_leftovers(module, lambda op: op.name == "vmcu.stream", "is no loop yet; run vmcu-lower-streams first")
    for kernel in kernels:
        with kernel.location:
            _tile(module, kernel, small=options.loops)


def _collect(op: ir.Operation, kernels: list[d.PlacedKernelOp]) -> ir.WalkResult:
    if isinstance(op.opview, d.PlacedKernelOp):
        kernels.append(op.opview)
    return ir.WalkResult.ADVANCE


def _tile(module: ir.Module, kernel: d.PlacedKernelOp, *, small: bool) -> None:
    reading = read_kernel(kernel)
    operator = reading.operator
    operands = [*kernel.inputs, *kernel.outputs, *kernel.workspace]
    with ir.InsertionPoint(kernel):
        tiled = d.TiledKernelOp(
            kernel.name,
            kernel.kind,
            kernel.inputs,
            kernel.outputs,
            kernel.workspace,
            traversal=kernel.traversal,
            row=kernel.row,
            variant=kernel.variant,
        )
    keep_attributes(kernel, tiled)
    operands += [] if kernel.row is None else [kernel.row]
    block = tiled.body.blocks.append(*[each.type for each in operands])
    arguments = list(block.arguments)
    inputs, rest = arguments[: len(kernel.inputs)], arguments[len(kernel.inputs) :]
    outputs, workspace = rest[: len(kernel.outputs)], rest[len(kernel.outputs) :][: len(kernel.workspace)]
    on = Operands(tuple(inputs), tuple(outputs), tuple(workspace), small)
    backward = kernel.traversal.value == d.Traversal.backward
    with ir.InsertionPoint(block):
        if isinstance(operator, BufferKernel):
            if operator.workspace > sum(each.type.length for each in kernel.workspace):
                raise PassError(kernel, f"needs a workspace of {operator.workspace} bytes")
            _adopt_globals(module, operator.lowered, kernel.name.value)
        if kernel.row is None:
            reading.emit(on, backward=backward)
        else:
            reading.emit_row(on, Index.of(arguments[-1]), backward=backward)
            _note_unread(tiled, operator.streamed_rows)
    for argument, sequence in zip(inputs, kernel.inputs):
        if _is_needed_after(kernel, sequence):
            _erase_frees(argument)
    kernel.operation.erase()


def _note_unread(kernel: d.TiledKernelOp, rows: Rows) -> None:
    """Say which bytes of its inputs a kernel in a stream reads, if windows begin behind the first row or end early.

    A row that no window takes is dead from the start. No `vmcu.segment_free` can say so: the row may be made, and its
    place in the ring be taken by another one, before this kernel runs for the first time.
    """
    read = [row for each in range(rows.out_rows) for row in rows.read_rows(each)]
    first, end = (min(read), max(read) + 1) if read else (0, 0)
    if (first, end) == (0, rows.in_rows):
        return
    sizes = [each.type.length * each.type.bytes // rows.in_rows for each in kernel.inputs]
    ranges = [row * size for size in sizes for row in (first, end)]
    kernel.operation.attributes["vmcu.reads"] = ir.DenseI64ArrayAttr.get(ranges[:2] if len(set(sizes)) == 1 else ranges)


def _is_needed_after(kernel: d.PlacedKernelOp, sequence: ir.Value) -> bool:
    """Whether the tensor in `sequence`, an input of `kernel`, is read again: by a later kernel, the caller or the next run.

    A tensor is known by its place. A kernel that stores to the same place makes another tensor there.
    """
    if kernel.row is not None:
        return False  # Every reader of a stream says what it has passed: which one is the slowest, no kernel knows.
    ops = list(kernel.operation.block.operations)
    place = d.place_of(sequence)
    if place is None:
        return False
    later = ops[[op.operation for op in ops].index(kernel.operation) :]
    for op in later:
        if not isinstance(op, d.PooledKernel):
            continue
        if op.operation != kernel.operation and place in map(d.place_of, op.inputs):
            return True
        if place in map(d.place_of, op.outputs):
            return False
    # Of a state that nothing stores to from here on it is the new value.
    ends = [op for op in ops if d.is_port(op, d.Role.output) or d.is_port(op, d.Role.state)]
    return any(d.place_of(op.sequence) == place for op in ends)


def _erase_frees(sequence: ir.Value) -> None:
    for use in list(sequence.uses):
        if isinstance(use.owner, d.SegmentFreeOp):
            use.owner.operation.erase()


def _adopt_globals(module: ir.Module, lowered: Lowered, name: str) -> None:
    """Move the constants of a bufferized body into the module, under names of the kernel's own."""
    renamed = {}
    for op in lowered.holder.body.operations:
        if op.operation.name == "memref.global":
            old = ir.StringAttr(op.attributes["sym_name"]).value
            renamed[old] = f"{name}{old}"
            clone = op.operation.clone(ip=ir.InsertionPoint.at_block_begin(module.body))
            clone.operation.attributes["sym_name"] = ir.StringAttr.get(renamed[old])

    def rename(op: ir.Operation) -> ir.WalkResult:
        if op.name == "memref.get_global":
            old = ir.FlatSymbolRefAttr(op.attributes["name"]).value
            op.attributes["name"] = ir.FlatSymbolRefAttr.get(renamed[old])
        return ir.WalkResult.ADVANCE

    lowered.function.operation.walk(rename)
