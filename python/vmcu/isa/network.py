"""Read a function of kernels as the planner sees it: tensors by name, their bytes and rows, who reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from mlir import ir
from mlir.dialects import func

from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.ir.bridge import PassError
from vmcu.ir.ports import states
from vmcu.ir.walk import element_bytes
from vmcu.isa import read_kernel
from vmcu.isa.planned import describe_kernel, rows_of
from vmcu.operators import Kernel, match

Chain = tuple[str, ...]  # names of kernels that become one


def kernels_of(function: func.FuncOp) -> list[d.KernelOp]:
    """The kernels on tensors of a function, in order."""
    return [op for op in function.regions[0].blocks[0].operations if isinstance(op, d.KernelOp)]


def place_of_kernel(function: func.FuncOp, name: str) -> str:
    """The kernel `name` (or `first to last` of a stream) with the layer of the first.

    Converters join the names of fused layers by semicolons: the first will do.
    """
    for op in kernels_of(function):
        if op.name.value == name.split(" to ")[0]:
            location = op.location
            layer = f"'{location.name_str.split(';')[0]}'" if location.is_a_name() else location
            return f"kernel {name} at layer {layer}"
    return "its input"


def name_tensors(function: func.FuncOp, fused: Mapping[str, Chain] = MappingProxyType({})) -> dict[ir.Value, str]:
    """A name for each tensor; a reshape is the same bytes and has the name of what it reshapes.

    A fused kernel makes the tensor of the last kernel of its chain, and it keeps its name.
    """
    inputs, olds = split_states(function.arguments, [argument for argument, _ in states(function)])
    names = {argument: f"input_{number}" for number, argument in enumerate(inputs)}
    names |= {argument: f"state_{number}" for number, argument in enumerate(olds)}
    for op in list(function.regions[0].blocks[0].operations)[:-1]:
        if isinstance(op, d.KernelOp):
            maker = fused.get(op.name.value, (op.name.value,))[-1]
            names |= {result: f"{maker}.{number}" for number, result in enumerate(op.results_)}
        elif op.operation.name in match.RESHAPES and op.operands[0] in names:
            names[op.results[0]] = names[op.operands[0]]
        elif op.operation.name.startswith("vmcu."):
            raise PassError(op, "is planned already; vmcu-plan takes kernels on tensors")
        else:
            raise PassError(op, f"'{op.operation.name}' is in no kernel; run vmcu-form-kernels first")
    for value in names:
        _refuse_elements(value)
    return names


def _refuse_elements(tensor: ir.Value) -> None:
    """Raise at the op, or the function, whose tensor has elements that no sequence has."""
    try:
        d.SequenceType.get(1, 1, ir.RankedTensorType(tensor.type).element_type)
    except ValueError as error:
        op = tensor.owner.owner if isinstance(tensor.owner, ir.Block) else tensor.owner
        raise PassError(op, f"has a tensor {tensor.type}: {error}") from None


def read_network(function: func.FuncOp, names: dict[ir.Value, str]) -> tuple[planner.Network, dict[str, Kernel]]:
    """The function as the planner's network, and each kernel's description by name."""
    sizes = {name: tensor_bytes(value) for value, name in names.items()}
    descriptions, kernels = {}, []
    for op in kernels_of(function):
        description = descriptions[op.name.value] = read_kernel(op)
        reads = [names[each] for each in op.inputs]
        writes = [names[each] for each in op.results_]
        kernels.append(describe_kernel(op.name.value, description, reads, writes))
    terminator = function.regions[0].blocks[0].operations[len(function.regions[0].blocks[0].operations) - 1]
    arguments, olds = split_states(function.arguments, [argument for argument, _ in states(function)])
    results, news = split_states(terminator.operands, [result for _, result in states(function)])
    outputs = tuple(dict.fromkeys(output_name(terminator, each, names) for each in results))
    kept = tuple(planner.State(names[old], names[new]) for old, new in zip(olds, news))
    rows = _count_rows(function, names)
    tensors = tuple(planner.Tensor(name, size, rows[name]) for name, size in sizes.items())
    inputs = tuple(names[each] for each in arguments)
    return planner.Network(tensors, tuple(kernels), inputs, outputs, states=kept), descriptions


def split_states(values: Iterable[ir.Value], of_states: Sequence[int]) -> tuple[list[ir.Value], list[ir.Value]]:
    """Arguments, or returned values: those of the caller, and those of the states, whose numbers are given."""
    found = list(values)
    own = [each for number, each in enumerate(found) if number not in of_states]
    return own, [found[number] for number in of_states]


def _count_rows(function: func.FuncOp, names: dict[ir.Value, str]) -> dict[str, int]:
    """The rows of each tensor: of one that a kernel makes, those that it makes, of an input those that its reader sees."""
    made = [each for op in kernels_of(function) for each in op.results_]
    read = [each for op in kernels_of(function) for each in op.inputs]
    # Of what comes first: a reshape further on sees the same bytes otherwise.
    return {names[each]: rows_of(match.shape_of(each)) for each in reversed([*made, *read, *function.arguments])}


def output_name(terminator: ir.OpView, value: ir.Value, names: dict[ir.Value, str]) -> str:
    """The name of what a function returns.

    Raises:
        PassError: no kernel makes it.
    """
    if value not in names:
        raise PassError(terminator, "returns a constant; supported are tensors that a kernel makes")
    return names[value]


def describe_fusion(network: planner.Network, name: str, chain: Chain, fused: Kernel) -> planner.Fusion:
    """What the planner has to know of a chain that may be fused to the kernel `name`."""
    kernels = {kernel.name: kernel for kernel in network.kernels}
    reads = [each.tensor for each in kernels[chain[0]].reads]
    writes = [each.tensor for each in kernels[chain[-1]].writes]
    return planner.Fusion(chain, describe_kernel(name, fused, reads, writes))


def tensor_bytes(value: ir.Value) -> int:
    """Bytes of a tensor's elements."""
    kind = ir.RankedTensorType(value.type)
    size = element_bytes(kind.element_type)
    for extent in kind.shape:
        size *= extent
    return size
