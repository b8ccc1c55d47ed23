"""From a Python function to a tiled kernel: the function is run once, and what it touches is read off the loops.

traced = trace_kernel(pointwise, {"weights": weights, "bias": bias})
module = traced.place(planner.plan(traced.network))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from mlir import ir
from mlir.dialects import func

from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.errors import InputError, Unsupported, VmcuError
from vmcu.ir import bridge
from vmcu.ir.locations import place
from vmcu.lang.intrinsics import constant
from vmcu.lang.loops import Tracing, tracing
from vmcu.lang.values import Flash, Input, Output, Segments
from vmcu.operators.accesses import Accesses, read_accesses, trace
from vmcu.operators.frees import complete_frees


@dataclass(frozen=True, eq=False)
class Kernel:
    """A Python function that is a kernel. Its parameters are annotated:

    * `Input[64, 16]`, `Output[64, 24]`: a tensor of 64 segments of 16 bytes in the pool. `Input`, `Output` without a shape:
      the shape is an argument.
    * `Flash`: a constant; the int8 or int32 array is an argument.
    * anything else is a Python value, for the function while it is traced.
    """

    function: Callable[..., None]

    @property
    def name(self) -> str:
        """Prefix of the C symbols."""
        return self.function.__name__

    def __call__(self, *arguments: object, **named: object) -> None:
        """Call the function as a part of another kernel."""
        self.function(*arguments, **named)


def kernel(function: Callable[..., None]) -> Kernel:
    """Make a kernel of a function of segments and constants (`vmcu.lang`)."""
    return Kernel(function)


@dataclass(frozen=True, eq=False)
class Traced:
    """A kernel as loops of segment ops, with the frees that follow from them.

    Args:
        name: of the kernel.
        network: the kernel as the planner sees it; its tensors are the function's inputs and outputs, by name.
    """

    name: str
    network: planner.Network
    _module: ir.Module = field(repr=False)

    def place(self, plan: planner.Plan) -> ir.Module:
        """A function with a pool and the kernel's tensors where a plan for `network` has them."""
        with self._module.context, ir.Location.unknown():
            module = ir.Module.parse(self._module.operation.get_asm(enable_debug_info=True))
            ops = list(module.body.operations[0].regions[0].blocks[0].operations)
            old = next(op for op in ops if isinstance(op, d.PoolOp))
            with ir.InsertionPoint(old):
                pool = d.pool(d.PoolType.get(plan.pool_bytes))
            for op, tensor in zip((op for op in ops if isinstance(op, d.PlaceOp)), self.network.tensors):
                with ir.InsertionPoint(op):
                    assert op.role is not None, "the sequences of a traced kernel are ports"
                    kind = {"role": op.role.value, "number": op.number.value}
                    placed = d.place(op.sequence.type, pool, plan.offsets[tensor.name], **kind)
                op.sequence.replace_all_uses_with(placed)
                op.operation.erase()
            old.operation.erase()
        return module


def trace_kernel(kernel: Kernel, arguments: Mapping[str, object]) -> Traced:
    """Run the function once, read what it touches off its loops, and add its frees.

    Args:
        kernel: a function made a kernel by `vmcu.kernel`.
        arguments: by parameter: arrays for `Flash`, (segments, bytes) for an `Input` or `Output` without a shape, values
            for others.

    Raises:
        InputError: an argument is missing, unknown or of the wrong kind.
        Unsupported: the kernel does something that kernels cannot; the message names the line.
    """
    values = _bind(kernel, arguments)
    tensors = {name: each for name, each in values.items() if isinstance(each, Segments)}
    sides = [[name for name, each in tensors.items() if isinstance(each, side)] for side in (Input, Output)]
    if not sides[1]:
        raise InputError(f"kernel {kernel.name} has no Output among its parameters, so there is nothing to compute")
    with bridge.context(), ir.Location.unknown():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body), explained():
            op = _write(kernel, values, sides)
            verify(module)
            found = trace(op)
            accesses = read_accesses(found)
            complete_frees(found, accesses)
            verify(module)
        network = _describe(kernel.name, tensors, sides, accesses)
        return Traced(kernel.name, network, module)


def _bind(kernel: Kernel, arguments: Mapping[str, object]) -> dict[str, object]:
    """A value for each parameter: segments with their shape, arrays, and whatever else there is."""
    try:
        parameters = inspect.signature(kernel.function, eval_str=True).parameters
    except NameError as error:
        raise InputError(f"an annotation of kernel {kernel.name} names what is no global: {error}") from None
    if unknown := [name for name in arguments if name not in parameters]:
        raise InputError(f"kernel {kernel.name} has no parameter '{unknown[0]}'; it has {', '.join(parameters)}")
    return {name: _bind_one(kernel.name, each, arguments) for name, each in parameters.items()}


def _bind_one(kernel: str, parameter: inspect.Parameter, arguments: Mapping[str, Any]) -> object:
    name, kind = parameter.name, parameter.annotation
    if isinstance(kind, Segments):
        if name in arguments:
            raise InputError(f"parameter '{name}' of kernel {kernel} has its shape from its annotation")
        return kind
    if name not in arguments:
        if parameter.default is not inspect.Parameter.empty:
            return parameter.default
        raise InputError(f"kernel {kernel} needs an argument for its parameter '{name}'")
    value = arguments[name]
    if kind in (Input, Output):
        shape = np.asarray(value)
        if shape.shape != (2,) or shape.dtype.kind != "i" or (shape < 1).any():
            raise InputError(f"'{name}' of kernel {kernel} is (segments, bytes of a segment), found {value!r}")
        return kind(*map(int, shape))
    if kind is Flash and (
        not isinstance(value, np.ndarray) or value.dtype not in (np.int8, np.int32) or not value.size
    ):
        found = f"{value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InputError(f"'{name}' of kernel {kernel} is an array of int8 or int32 with elements, found {found}")
    return Flash(value) if kind is Flash else value


def _write(kernel: Kernel, values: Mapping[str, Any], sides: list[list[str]]) -> d.TiledKernelOp:
    """A function with the kernel, whose tensors have no place yet."""
    order = [*sides[0], *sides[1]]
    kinds = {name: d.SequenceType.get(values[name].length, values[name].bytes) for name in order}
    function = func.FuncOp(kernel.name, ([], []))
    with ir.InsertionPoint(function.add_entry_block()):
        pool = d.pool(d.PoolType.get(max(each.length * each.bytes for each in kinds.values())))
        inputs, outputs = [
            [d.place(kinds[name], pool, 0, role=role, number=number) for number, name in enumerate(names)]
            for role, names in zip((d.Role.input, d.Role.output), sides)
        ]
        code = kernel.function.__code__
        with ir.Location.file(code.co_filename, code.co_firstlineno, 0):
            op = d.TiledKernelOp(kernel.name, d.KernelKind.custom, inputs, outputs, [])
        names = [ir.Location.name(name) for name in order]
        block = op.body.blocks.append(*kinds.values(), arg_locs=names)
        func.ReturnOp([])
    with ir.InsertionPoint(block):
        segments = {name: replace(values[name], value=value) for name, value in zip(order, block.arguments)}
        tables = {name: constant(each.array) for name, each in values.items() if isinstance(each, Flash)}
        run_function(lambda: kernel.function(**{**values, **segments, **tables}))
    return op


def run_function(function: Callable[[], None], *, backward: bool = False) -> None:
    """Trace a function at the current place.

    Raises:
        Unsupported: a loop was left early.
    """
    how = Tracing(backward=backward)
    with tracing(how):
        function()
    if how.left is not None:
        error = Unsupported("a loop is left by break or return; its body is traced once, for all trips alike")
        error.location = how.left
        raise error


def _describe(
    name: str, tensors: Mapping[str, Segments], sides: list[list[str]], accesses: Accesses
) -> planner.Network:
    reads, writes = (
        tuple(planner.Access(tensor, *each) for tensor, each in zip(names, pairs))
        for names, pairs in zip(sides, (accesses.reads, accesses.writes))
    )
    planned = planner.Kernel(
        name, reads, writes, reversible=False
    )  # loops run in the direction that they are written in
    sizes = tuple(planner.Tensor(each, tensors[each].length * tensors[each].bytes) for each in [*sides[0], *sides[1]])
    return planner.Network(sizes, (planned,), inputs=tuple(sides[0]), outputs=tuple(sides[1]))


def verify(module: ir.Module) -> None:
    """Let the ops' verifiers look at a kernel, and raise what the first one says.

    Raises:
        Unsupported: an op is wrong: a tile has the wrong shape, say.
    """
    try:
        module.operation.verify()
    except ir.MLIRError as failure:
        first = failure.error_diagnostics[0]
        error = Unsupported(first.message)
        error.location = first.location
        raise error from None


@contextmanager
def explained() -> Iterator[None]:
    """Put the place that an error knows in front of its message."""
    try:
        yield
    except VmcuError as error:
        where = place(error.location) if error.location is not None else ""
        if where:
            error.args = (f"{where}: {error}",)
            del error.location  # said
        raise
