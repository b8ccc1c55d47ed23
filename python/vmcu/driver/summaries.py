"""What the compiler's front door reads from the IR between two levels: ports, the plan, sums over kernels, errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from mlir import ir

from vmcu import frontends
from vmcu.abi.tensor import Tensor, Tied
from vmcu.dialects import vmcu as d
from vmcu.errors import InputError, Unsupported
from vmcu.ir import walk
from vmcu.ir.ports import recorded_ports, recorded_states
from vmcu.operators import Operator, describe

_DTYPES = {"i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "f32": "float32"}


@dataclass(frozen=True)
class Layer:
    """A kernel of a plan.

    Args:
        name: such as `conv2d_3`.
        kind: such as `conv2d` or `buffer`.
        inputs, outputs: shapes of the tensors, the batch of 1 included.
        window: rows and columns of the window that slides over the input; None if there is none.
        stride: rows and columns by which it moves; None if there is no window.
        macs: multiply-accumulates of a run.
        ring_bytes: of its outputs: the segments that exist at one time, and the landing if rows land before they settle.
        workspace_bytes: what it has for itself while it runs.
    """

    name: str
    kind: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    window: tuple[int, int] | None
    stride: tuple[int, int] | None
    macs: int
    ring_bytes: int
    workspace_bytes: int

    @property
    def shape(self) -> str:
        """`96x96x3 -> 48x48x8, 3x3/2`: tensors without the batch, window and stride unless they are 1."""
        sides = (
            ", ".join("x".join(map(str, each[1:] or each)) for each in side) for side in (self.inputs, self.outputs)
        )
        return " -> ".join(sides) + self._describe_window()

    def _describe_window(self) -> str:
        if self.window is None or self.stride is None or (self.window, self.stride) == ((1, 1), (1, 1)):
            return ""
        rows, columns = self.stride
        step = "" if self.stride == (1, 1) else f"/{rows}" if rows == columns else f"/{rows}x{columns}"
        return f", {self.window[0]}x{self.window[1]}{step}"


@dataclass(frozen=True)
class PlanSummary:
    """What the rest of the world wants of a plan; all in bytes.

    A module whose kernels are loops already, or one that a person wrote, tells no bound and no streams.
    """

    pool_bytes: int
    lower_bound: int
    lower_bound_kernel: str
    inputs: tuple[int | None, ...]  # offset of each; None of one that is fed
    outputs: tuple[int, ...]
    streams: tuple[tuple[str, ...], ...]  # the kernels of each stream

    def place_inputs(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The inputs with their offsets in the pool."""
        return tuple(replace(each, offset=at) for each, at in zip(tensors, self.inputs))

    def place_outputs(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The outputs with their offsets in the pool."""
        return tuple(replace(each, offset=at) for each, at in zip(tensors, self.outputs))


def interface(module: ir.Module | ir.OpView) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The inputs and outputs of a module of any level; their places in the pool are not told.

    A function on tensors has them as arguments and results; a planned one has recorded them (`vmcu.ir.ports`). Of a plan
    that a person wrote they are what is placed `as input n` and `as output n`: int8 of shape (segments, bytes of one).

    Raises:
        InputError: a module of placed kernels has no pool, or several; inputs or outputs are not numbered from 0 on.
        Unsupported: an input or output is not a static tensor of a type that C has.
    """
    pools = [op for op in _top_ops(module) if isinstance(op, d.PoolOp)]
    if not pools:
        main = walk.main_function(module)
        sides = zip((main.type.inputs, main.type.results), frontends.ports(module))
        found = tuple(tuple(each for each in zip(types, ports) if not each[1].is_state) for types, ports in sides)
    else:
        recorded = recorded_ports(_planned_function(module))
        if recorded is None:
            return tuple(_placed_tensors(module, role) for role in (d.Role.input, d.Role.output))  # type: ignore
        found = recorded
    return tuple(
        tuple(_tensor(f"{side}{number}", *each) for number, each in enumerate(ports))
        for side, ports in zip(("input", "output"), found)
    )  # type: ignore[return-value]


def states(module: ir.Module | ir.OpView) -> tuple[Tensor, ...]:
    """What a planned module keeps from run to run, with the places.

    Raises:
        InputError: as `interface`; a state has a place and no initial value, or the other way round.
    """
    known, places = recorded_states(_planned_function(module)), _placed(module, d.Role.state)
    if len(known) != len(places):
        raise InputError(f"{len(places)} states have places, 'vmcu.states' has {len(known)}")
    tensors = (_tensor(f"state{number}", *each) for number, each in enumerate(known))
    return tuple(replace(each, offset=d.offset_of(op.sequence)) for each, op in zip(tensors, places))


def tied(module: ir.Module | ir.OpView) -> tuple[Tied, ...]:
    """The states of a module of TOSA, as inputs and outputs of its function."""
    main = walk.main_function(module)
    inputs, outputs = frontends.ports(module)
    found = []
    for result, port in enumerate(outputs):
        if port.updates is not None:
            old = inputs[port.updates]
            initial = np.array(ir.DenseElementsAttr(old.initial)).reshape(main.type.inputs[port.updates].shape)
            found.append(Tied(old.name or "", port.updates, result, initial))
    return tuple(found)


def _placed_tensors(module: ir.Module | ir.OpView, role: d.Role) -> tuple[Tensor, ...]:
    shapes = (op.sequence.type for op in _placed(module, role))
    return tuple(
        Tensor(f"{role.name}{number}", (shape.length, shape.bytes), np.dtype(np.int8))
        for number, shape in enumerate(shapes)
    )


def _placed(module: ir.Module | ir.OpView, role: d.Role) -> list[d.PlaceOp | d.ViewOp]:
    """Where the inputs, or the outputs, are, in the order of their numbers."""
    found = sorted((op for op in _top_ops(module) if d.is_port(op, role)), key=lambda op: op.number.value)
    numbers = [op.number.value for op in found]
    if numbers != list(range(len(found))):
        raise InputError(f"{role.name}s are numbered from 0 on, found {numbers}")
    return found


def _planned_function(module: ir.Module | ir.OpView) -> ir.OpView:
    """The function with the pool.

    Raises:
        InputError: there is none, or there are several pools.
    """
    functions = [op.operation.parent.opview for op in _top_ops(module) if isinstance(op, d.PoolOp)]
    if len(functions) != 1:
        raise InputError(f"a module of placed kernels has one vmcu.pool, found {len(functions)}")
    return functions[0]


def _top_ops(module: ir.Module | ir.OpView) -> list[ir.OpView]:
    """The ops of the functions' bodies, not those nested in them."""
    return [op for function in walk.functions(module) for op in function.regions[0].blocks[0].operations]


def _tensor(name: str, of: ir.Type, port: frontends.Port) -> Tensor:
    is_tensor = isinstance(of, ir.RankedTensorType) and of.has_static_shape
    if not is_tensor or str(of.element_type) not in _DTYPES:
        raise Unsupported(f"{name} of @main is {of}; supported are static tensors of {', '.join(_DTYPES)}")
    dtype = np.dtype("uint8" if port.unsigned else _DTYPES[str(of.element_type)])
    return Tensor(port.name or name, tuple(of.shape), dtype, port.scale, port.zero_point)


def kernels(module: ir.Module | ir.OpView) -> list[d.DescribedKernel]:
    """The kernels of a module that say what they compute, in order: on tensors, or placed, but no loops."""
    return [op for op in walk.walk(module) if isinstance(op, d.DescribedKernel)]


def operators(module: ir.Module | ir.OpView) -> dict[str, Operator]:
    """What the kernels of a planned module compute, by name; those whose loops hide it are left out."""
    return {kernel.name.value: _describe(kernel) for kernel in kernels(_planned_function(module))}


def count_macs(found: Sequence[d.DescribedKernel]) -> int:
    """Multiply-accumulates of one run of all kernels, each over its whole tensors."""
    return sum(_describe(kernel).macs for kernel in found)


def _describe(kernel: d.DescribedKernel) -> Operator:
    with kernel.location:
        return describe(kernel)


def largest_layer(found: Sequence[d.DescribedKernel]) -> int:
    """Bytes of the input and output tensors of the kernel that has most of them."""
    return max((_layer_bytes(kernel) for kernel in found), default=0)


def _layer_bytes(kernel: d.DescribedKernel) -> int:
    block = kernel.body.blocks[0]
    inputs = {value: argument for value, argument in zip(kernel.inputs, block.arguments)}  # one that is read twice once
    return sum(_bytes(each.type) for each in (*inputs.values(), *walk.last(block).operands))


def _bytes(of: ir.Type) -> int:
    element = ir.RankedTensorType(of).element_type
    width = element.width if isinstance(element, ir.IntegerType) else 32
    return int(np.prod(of.shape, dtype=np.int64)) * -(-width // 8)


def plan(module: ir.Module | ir.OpView) -> PlanSummary:
    """The plan that a module of placed kernels carries, whose streams may be loops already.

    Raises:
        InputError: as `interface`.
    """
    ops = list(_planned_function(module).regions[0].blocks[0].operations)
    pool = next(op for op in ops if isinstance(op, d.PoolOp))
    inputs, outputs = (
        tuple(d.offset_of(op.sequence) for op in _placed(module, role)) for role in (d.Role.input, d.Role.output)
    )
    streams = [op for op in ops if isinstance(op, d.StreamOp)]
    fed = is_fed(streams) or row_bytes(module) is not None
    bound, kernel = (pool.operation.attributes.get(f"vmcu.lower_bound{part}") for part in ("", "_kernel"))
    return PlanSummary(
        pool_bytes=pool.pool.type.bytes,
        lower_bound=0 if bound is None else bound.value,
        lower_bound_kernel="" if kernel is None else kernel.value,
        inputs=(None,) * len(inputs) if fed else inputs,
        outputs=outputs,
        streams=tuple(tuple(kernel.name.value for kernel in _kernels_of(stream)) for stream in streams),
    )


def layers(module: ir.Module | ir.OpView, known: Mapping[str, Operator]) -> tuple[Layer, ...]:
    """The kernels of a planned module, in order; none of those whose loops hide what they compute.

    Args:
        module: the plan.
        known: its `operators`.
    """
    found: list[Layer] = []
    for op in _planned_function(module).regions[0].blocks[0].operations:
        found += _layers_of(op.body.blocks[0].operations if isinstance(op, d.StreamOp) else [op], known)
    return tuple(found)


def _layers_of(ops: Iterable[ir.OpView], known: Mapping[str, Operator]) -> list[Layer]:
    """The kernels of one stream, or a kernel by itself."""
    found: list[tuple[d.PlacedKernelOp, int]] = []  # a kernel, and the bytes of its outputs
    for op in ops:
        if isinstance(op, d.PlacedKernelOp):
            found.append((op, sum(_ring_bytes(each) for each in op.outputs)))
        elif isinstance(op, d.LandingOp):
            # The kernel writes into the landing, under whatever view of it; the ring comes on top. Fed rows have none.
            place = d.place_of(op.landing)
            writers = [n for n, (kernel, _) in enumerate(found) if place in map(d.place_of, kernel.outputs)]
            if writers:
                found[writers[-1]] = (found[writers[-1]][0], found[writers[-1]][1] + _ring_bytes(op.ring))
    return [_layer(op, known[op.name.value], held) for op, held in found]


def _ring_bytes(sequence: ir.Value) -> int:
    return sequence.type.pool_bytes


def _layer(kernel: d.PlacedKernelOp, description: Operator, ring_bytes: int) -> Layer:
    block = kernel.body.blocks[0]
    results = block.operations[len(block.operations) - 1].operands
    window = getattr(description, "window", None)
    return Layer(
        name=kernel.name.value,
        kind=description.kind.name,
        inputs=tuple(tuple(each.type.shape) for each in block.arguments),
        # A depthwise layer's multiplier of 1 is an axis of its own.
        outputs=tuple(tuple(each.type.shape)[:4] for each in results),
        window=window and window.kernel,
        stride=window and window.stride,
        macs=description.macs,
        ring_bytes=ring_bytes,
        workspace_bytes=sum(_ring_bytes(each) for each in kernel.workspace),
    )


def is_fed(ops: Iterable[ir.OpView]) -> bool:
    """Whether one of the ops is a stream that takes its rows from the caller."""
    return any(isinstance(op, d.StreamOp) and op.fed is not None for op in ops)


def row_bytes(module: ir.Module | ir.OpView) -> int | None:
    """Bytes of a row of the image, of a module whose streams are loops; None if it is not fed."""
    functions = [op for op in module.body.operations if op.operation.name == "func.func" and not op.is_external]
    arguments = [each.type for function in functions for each in function.arguments]
    return ir.MemRefType(arguments[1]).shape[0] if len(arguments) == 2 else None


def _kernels_of(stream: d.StreamOp) -> list[d.PlacedKernelOp]:
    return [op for op in stream.body.blocks[0].operations if isinstance(op, d.PlacedKernelOp)]


def executed_macs(module: ir.Module | ir.OpView, known: Mapping[str, Operator]) -> int:
    """Multiply-accumulates of all rows that the kernels of a plan make, tick by tick. Arguments are those of `layers`."""
    ops = list(_planned_function(module).regions[0].blocks[0].operations)
    total = sum(known[op.name.value].macs for op in ops if isinstance(op, d.DescribedKernel))
    for stream in (op for op in ops if isinstance(op, d.StreamOp)):
        ticks = np.arange(stream.first.value, stream.last.value + 1)
        for kernel in _kernels_of(stream):
            phase = kernel.phase
            assert phase is not None, "kernels of a stream have phases"
            row, rest = np.divmod(ticks + phase.shift, phase.scale)
            made = int(((rest == 0) & (row >= 1) & (row <= phase.rows)).sum())
            total += known[kernel.name.value].macs * made // phase.rows
    return total
