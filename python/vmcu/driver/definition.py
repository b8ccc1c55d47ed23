"""What kernels define, as linalg on tensors: for an oracle, where a file holds kernels or a plan.

The body of a kernel that is no loop yet says what it computes. Bodies are put one after the other; of a plan, a kernel
reads the tensor that was last made where its sequence is placed.
"""

from __future__ import annotations

from math import prod

from mlir import ir
from mlir.dialects import func, tensor

from vmcu.dialects import vmcu as d
from vmcu.errors import Unsupported
from vmcu.ir import walk
from vmcu.ir.bridge import PassError
from vmcu.ir.clone import clone_into
from vmcu.ir.ports import Port, function_ports, recorded_ports, recorded_states, write_ports


def define(module: ir.Module | ir.OpView) -> ir.Module:
    """A module of linalg on tensors with a function `@main` that computes what kernels, on tensors or placed, define.

    Raises:
        PassError: a kernel is loops already, or reads what no kernel made.
        Unsupported: a plan does not tell the types of its inputs and outputs.
    """
    (function,) = (each for each in walk.functions(module))
    with module.context, function.location:
        made = ir.Module.create()
        if any(isinstance(op, d.PoolOp) for op in function.regions[0].blocks[0].operations):
            _define_plan(function, made)
        else:
            _define_kernels(function, made)
        made.operation.verify()
    return made


def _define_kernels(function: ir.OpView, made: ir.Module) -> None:
    block, entry = _main(made, function.type.inputs, function.type.results), function.regions[0].blocks[0]
    values = dict(zip(entry.arguments, block.arguments))
    with ir.InsertionPoint(block):
        for op in entry.operations:
            if isinstance(op, d.KernelOp):
                results = _inline(op, [values[each] for each in op.inputs])
                values |= dict(zip(op.results_, results))
            elif isinstance(op, func.ReturnOp):
                func.ReturnOp([values[each] for each in op.operands])
            else:
                clone_into([op], values)
    write_ports(walk.main_function(made), *function_ports(function))


def _define_plan(function: ir.OpView, made: ir.Module) -> None:
    recorded = recorded_ports(function)
    if recorded is None:
        raise Unsupported("the plan does not tell the types of its inputs and outputs, so no oracle can execute it")
    kept = recorded_states(function)
    inputs, outputs = ([of for of, _ in side] + [of for of, _ in kept] for side in recorded)
    block = _main(made, inputs, outputs)
    first = {d.Role.input: 0, d.Role.state: len(recorded[0])}
    ports = [op for op in function.regions[0].blocks[0].operations if d.is_port(op)]
    latest: dict[d.PlaceOp | None, ir.Value] = {}
    for op in ports:
        if op.role.value in first:
            latest[d.place_of(op.sequence)] = block.arguments[first[op.role.value] + op.number.value]
    with ir.InsertionPoint(block):
        for kernel in (op for op in walk.walk(function) if isinstance(op, d.PooledKernel)):
            if isinstance(kernel, d.TiledKernelOp):
                raise PassError(kernel, "is loops of segment ops, which no oracle executes")
            results = _inline(kernel, [_find(kernel, each, latest) for each in kernel.inputs])
            latest |= {d.place_of(each): result for each, result in zip(kernel.outputs, results)}
        by_number = sorted(ports, key=lambda op: op.number.value)
        ends = [op for role in (d.Role.output, d.Role.state) for op in by_number if d.is_port(op, role)]
        func.ReturnOp([_reshape(_find(op, op.sequence, latest), of) for op, of in zip(ends, outputs)])
    sides = [[port for _, port in side] for side in recorded]
    sides[0] += [port for _, port in kept]
    sides[1] += [Port(updates=len(recorded[0]) + number) for number in range(len(kept))]
    write_ports(walk.main_function(made), *sides)


def _main(module: ir.Module, inputs: list[ir.Type], outputs: list[ir.Type]) -> ir.Block:
    with ir.InsertionPoint(module.body):
        return func.FuncOp("main", (list(inputs), list(outputs))).add_entry_block()


def _inline(kernel: d.DescribedKernel, inputs: list[ir.Value]) -> list[ir.Value]:
    """The body of a kernel at the current insertion point, and what it yields."""
    block = kernel.body.blocks[0]
    *ops, end = list(block.operations)
    mapping = {argument: _reshape(value, argument.type) for argument, value in zip(block.arguments, inputs)}
    clone_into(ops, mapping)
    return [mapping[each] for each in end.operands]


def _find(op: ir.OpView, sequence: ir.Value, latest: dict[d.PlaceOp | None, ir.Value]) -> ir.Value:
    """The tensor that was last made where a sequence is."""
    maker = sequence.owner.opview
    places = [maker.landing, maker.ring] if isinstance(maker, d.LandingOp) else [sequence]
    for each in map(d.place_of, places):
        if each in latest:
            return latest[each]
    # A ring settles from a landing; a reader that sees only one of them sees the same tensor.
    raise PassError(op, "reads a sequence that no kernel made")


def _reshape(value: ir.Value, kind: ir.Type) -> ir.Value:
    """A tensor in another shape of as many elements."""
    if value.type == kind:
        return value
    have, want = ir.RankedTensorType(value.type), ir.RankedTensorType(kind)
    count = prod(have.shape)
    flat = ir.RankedTensorType.get([count], have.element_type)
    if have.rank != 1:
        value = tensor.CollapseShapeOp(flat, value, [list(range(have.rank))]).result
    if want.rank == 1:
        return value
    return tensor.ExpandShapeOp(want, value, [list(range(want.rank))], [], list(want.shape)).result
