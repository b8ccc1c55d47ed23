"""What the compiler's front door reads from the IR between two levels: ports, the plan, sums over kernels, errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mlir import ir

from vmcu import frontends
from vmcu.abi.tensor import Tensor
from vmcu.dialects import vmcu as d
from vmcu.errors import MissingTool, Unsupported, VmcuError
from vmcu.ir.locations import place
from vmcu.operators import describe

_DTYPES = {"i8": "int8", "i16": "int16", "i32": "int32", "f32": "float32"}


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
        if self.window is None or (self.window, self.stride) == ((1, 1), (1, 1)):
            return ""
        rows, columns = self.stride
        step = "" if self.stride == (1, 1) else f"/{rows}" if rows == columns else f"/{rows}x{columns}"
        return f", {self.window[0]}x{self.window[1]}{step}"


@dataclass(frozen=True)
class PlanSummary:
    """What the rest of the world wants of a plan; all in bytes."""

    pool_bytes: int
    lower_bound: int
    lower_bound_kernel: str
    inputs: tuple[int | None, ...]  # offset of each; None of one that is fed
    outputs: tuple[int, ...]
    streams: tuple[tuple[str, ...], ...]  # the kernels of each stream
    macs: int  # multiply-accumulates that the plan executes


def interface(module: ir.Module | ir.OpView) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The inputs and outputs of `@main`.

    Raises:
        Unsupported: one of them is not a static tensor of a type that C has.
    """
    functions = [op for op in module.body.operations if op.operation.name == "func.func"]
    kind = next(function for function in functions if function.name.value == "main").type
    sides = zip(("input", "output"), (kind.inputs, kind.results), frontends.ports(module))
    return tuple(
        tuple(_tensor(f"{side}{number}", of, port) for number, (of, port) in enumerate(zip(types, ports)))
        for side, types, ports in sides
    )  # type: ignore[return-value]


def _tensor(name: str, of: ir.Type, port: frontends.Port) -> Tensor:
    is_tensor = isinstance(of, ir.RankedTensorType) and of.has_static_shape
    if not is_tensor or str(of.element_type) not in _DTYPES:
        raise Unsupported(f"{name} of @main is {of}; supported are static tensors of {', '.join(_DTYPES)}")
    dtype = np.dtype(_DTYPES[str(of.element_type)])
    return Tensor(port.name or name, tuple(of.shape), dtype, port.scale, port.zero_point)


def kernels(module: ir.Module | ir.OpView) -> list[d.KernelOp]:
    """The kernels of a module, in order."""
    bodies = [op.regions[0].blocks for op in module.body.operations if op.operation.name == "func.func"]
    return [op for blocks in bodies for block in blocks for op in block.operations if isinstance(op, d.KernelOp)]


def count_macs(found: Sequence[d.KernelOp]) -> int:
    """Multiply-accumulates of one run of all kernels, each over its whole tensors."""
    total = 0
    for kernel in found:
        with kernel.location:
            total += describe(kernel).macs
    return total


def largest_layer(found: Sequence[d.KernelOp]) -> int:
    """Bytes of the input and output tensors of the kernel (on tensors) that has most of them."""
    sizes = (sum(_bytes(value.type) for value in {*kernel.inputs, *kernel.results_}) for kernel in found)
    return max(sizes, default=0)


def _bytes(of: ir.Type) -> int:
    element = ir.RankedTensorType(of).element_type
    width = element.width if isinstance(element, ir.IntegerType) else 32
    return int(np.prod(of.shape, dtype=np.int64)) * -(-width // 8)


def plan(module: ir.Module | ir.OpView) -> PlanSummary:
    """The plan that a planned module carries."""
    function = next(op for op in module.body.operations if "vmcu.inputs" in op.attributes)
    ops = list(function.regions[0].blocks[0].operations)
    places: dict[str, dict[int, int]] = {"input": {}, "output": {}}
    for op in ops:
        if isinstance(op, d.PoolOp):
            pool, attributes = op.pool.type.bytes, op.operation.attributes
        elif isinstance(op, d.PlaceOp) and op.role is not None:
            places[op.role.value.name][op.number.value] = op.offset.value
    inputs, outputs = (tuple(side[number] for number in sorted(side)) for side in places.values())
    streams = [op for op in ops if isinstance(op, d.StreamOp)]
    return PlanSummary(
        pool_bytes=pool,
        lower_bound=attributes["vmcu.lower_bound"].value,
        lower_bound_kernel=attributes["vmcu.lower_bound_kernel"].value,
        inputs=(None,) * len(inputs) if is_fed(streams) else inputs,
        outputs=outputs,
        streams=tuple(tuple(kernel.name.value for kernel in _kernels_of(stream)) for stream in streams),
        macs=_count_executed_macs(ops),
    )


def layers(module: ir.Module | ir.OpView) -> tuple[Layer, ...]:
    """The kernels of a planned module, in order."""
    function = next(op for op in module.body.operations if "vmcu.inputs" in op.attributes)
    found: list[Layer] = []
    for op in function.regions[0].blocks[0].operations:
        found += _layers_of(op.body.blocks[0].operations if isinstance(op, d.StreamOp) else [op])
    return tuple(found)


def _layers_of(ops: Iterable[ir.OpView]) -> list[Layer]:
    """The kernels of one stream, or a kernel by itself."""
    found: list[tuple[d.KernelOp, int]] = []  # a kernel, and the bytes of its outputs
    for op in ops:
        if isinstance(op, d.KernelOp):
            found.append((op, sum(_ring_bytes(each) for each in op.outputs)))
        elif isinstance(op, d.LandingOp):
            # The kernel writes into the landing, under whatever view of it; the ring comes on top. Fed rows have none.
            place = op.landing.owner.opview.offset.value
            writers = [n for n, (kernel, _) in enumerate(found) if place in _offsets(kernel)]
            if writers:
                found[writers[-1]] = (found[writers[-1]][0], found[writers[-1]][1] + _ring_bytes(op.ring))
    return [_layer(*each) for each in found]


def _offsets(kernel: d.KernelOp) -> list[int]:
    return [each.owner.opview.offset.value for each in kernel.outputs]


def _ring_bytes(sequence: ir.Value) -> int:
    return sequence.type.pool_bytes


def _layer(kernel: d.KernelOp, ring_bytes: int) -> Layer:
    block = kernel.body.blocks[0]
    results = block.operations[len(block.operations) - 1].operands
    with kernel.location:
        description = describe(kernel)
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


def _kernels_of(stream: d.StreamOp) -> list[d.KernelOp]:
    return [op for op in stream.body.blocks[0].operations if isinstance(op, d.KernelOp)]


def _count_executed_macs(ops: Sequence[ir.OpView]) -> int:
    """Multiply-accumulates of all rows that the kernels of a plan make, tick by tick."""
    total = count_macs([op for op in ops if isinstance(op, d.KernelOp)])
    for stream in (op for op in ops if isinstance(op, d.StreamOp)):
        ticks = np.arange(stream.first.value, stream.last.value + 1)
        for kernel in _kernels_of(stream):
            scale, shift, rows = kernel.phase
            row, rest = np.divmod(ticks + shift, scale)
            made = int(((rest == 0) & (row >= 1) & (row <= rows)).sum())
            total += count_macs([kernel]) * made // rows
    return total


def refuse_leftovers(module: ir.Module | ir.OpView) -> None:
    """Raise Unsupported at the first op that is not LLVM's: the translation to LLVM IR would crash at it."""
    left = _first(module, lambda name: not name.startswith("llvm.") and name != "builtin.module")
    if left:
        raise Unsupported(f"{place(left.location)}: {left.name} has no lowering to LLVM")


def _first(module: ir.Module | ir.OpView, is_wanted: Callable[[str], bool]) -> ir.Operation | None:
    found: list[ir.Operation] = []

    def look(op: ir.Operation) -> ir.WalkResult:
        if not is_wanted(op.name):
            return ir.WalkResult.ADVANCE
        found.append(op)
        return ir.WalkResult.INTERRUPT

    module.operation.walk(look)
    return found[0] if found else None


@contextmanager
def name_the_file(path: Path) -> Iterator[None]:
    """Let every error that is about the model begin with the file, and the line where there is one."""
    try:
        yield
    except MissingTool:
        raise
    except VmcuError as error:
        error.args = (_describe_error(path, error),)
        raise


def _describe_error(path: Path, error: VmcuError) -> str:
    """The error's message on one line, with the file, and with line and column as compilers print them."""
    message = " ".join(str(error).split())
    message = re.sub(r'(?:at layer )?loc\("([^"]*)"\("[^"]*":0:0\)\)', r"layer '\1'", message)  # of a .tflite
    message = re.sub(r"\((\S+):0:0\)?(?=:)", "", message)
    end = re.search(r' \(loc\("([^"]*)":(\d+):(\d+)\)\)$', message)
    if end:
        return f"{end[1]}:{end[2]}:{end[3]}: {message[: end.start()].removeprefix(f'{path}: ')}"
    message = re.sub(r'(at )?(?:layer )?loc\("([^"]*)":(\d+):(\d+)\)', r"\1\2:\3:\4", message)
    return message if message.startswith(str(path)) else f"{path}: {message}"
