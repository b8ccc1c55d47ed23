"""Place every tensor between kernels in one pool, and choose the direction of every kernel.

Before: a function of tensors; kernels take and return tensors.
After:  a function without arguments; `vmcu.pool`, one `vmcu.place` for each tensor a kernel touches, with a `vmcu.view`
        for each other shape in which one sees it, kernels on sequences with a `traversal`. Input and output tensors are
        placed `as input n` and `as output n` (a tensor with several roles has a view for each further one); their types,
        names and scales stay as the function's attributes `vmcu.inputs` and `vmcu.outputs`. What is kept from run to run
        is placed `as state n`: old and new value have that one place, which is nobody else's between two runs. The pool's
        attributes `vmcu.lower_bound` (bytes alive at once: no plan needs less) and `vmcu.lower_bound_kernel` tell how good
        the plan is.

All arithmetic is the planner's (`vmcu.planner`): this pass tells it who touches which bytes when, and writes down its
answer. With `recompute` above 1 the planner may choose chains that are fused first, as by `vmcu-fuse-kernels`. Needs
`vmcu-form-kernels`. `vmcu-tile-to-segments` emits the access order that was planned for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf
from typing import Literal, NamedTuple

from mlir import ir
from mlir.dialects import func

from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.errors import DoesNotFit, InputError
from vmcu.ir.ports import record_ports, states
from vmcu.ir.rebuild import keep_attributes
from vmcu.ir.walk import element_bytes
from vmcu.isa.network import (
    describe_fusion,
    kernels_of,
    name_tensors,
    place_of_kernel,
    read_network,
    split_states,
    tensor_bytes,
)
from vmcu.operators import Kernel, match
from vmcu.passes._registry import option, vmcu_pass
from vmcu.passes.copy_states import copy_states_of
from vmcu.passes.fuse_kernels import find_chains, fuse_chains


@dataclass(frozen=True)
class PlanOptions:
    """Options of `vmcu-plan`."""

    ram: int | None = option(None, "most bytes that the pool may have", unit="bytes")
    align: int = option(4, "every tensor's offset is a multiple of this", unit="bytes")
    streams: bool = option(True, "let kernels run together row by row; otherwise one after the other")
    input: Literal["resident", "fed"] = option("resident", "the input is whole in the pool, or comes row by row")
    optimize: Literal["ram", "latency"] = option(
        "ram", "the smallest pool, or the fewest kernels in streams that fit `ram`"
    )
    recompute: float = option(
        1.0, "most work of the plan, as a multiple of the network's: above 1, chains may be fused"
    )
    time_limit: float = option(10.0, "for the solver, in its deterministic clock", unit="seconds")


@vmcu_pass("vmcu-plan", summary="Place all tensors in one pool of overlapping segments", options=PlanOptions)
def plan(module: ir.Module, options: PlanOptions) -> None:
    for op in list(module.body.operations):
        if isinstance(op, func.FuncOp) and not op.is_external:
            _plan_function(op, options)


def _plan_function(function: func.FuncOp, options: PlanOptions) -> None:
    if options.optimize == "latency" and options.ram is None:
        raise InputError("optimize=latency asks for the simplest plan that fits: give ram as well")
    if not options.recompute >= 1:
        raise InputError(f"recompute is a factor of at least 1, found {options.recompute:g}")
    copy_states_of(function)
    names = name_tensors(function)
    network, kernels = read_network(function, names)
    chains = find_chains(kernels_of(function), kernels)
    network = replace(network, fusions=tuple(describe_fusion(network, name, *each) for name, each in chains.items()))
    solve = partial(
        planner.plan,
        network,
        align=options.align,
        time_limit=options.time_limit,
        streams=options.streams,
        fed=options.input == "fed",
    )
    enough = options.ram if options.optimize == "latency" else None
    answer = solve(enough=enough, recompute=options.recompute)
    chosen = {name: chains[name][0] for name in answer.fused}
    fuse_chains(function, chosen)
    if options.ram is not None and answer.pool_bytes > options.ram:
        where = place_of_kernel(function, answer.lower_bound_kernel)
        fitting = solve(enough=options.ram, recompute=inf)
        # Rounded up: what people read here they will ask for.
        factor = ceil(100 * fitting.recompute) / 100 if fitting.pool_bytes <= options.ram else None
        raise DoesNotFit(answer.pool_bytes, options.ram, where, factor)
    names = name_tensors(function, chosen)
    kernels |= {name: fused for name, (_, fused) in chains.items()}
    _rewrite(function, names, network.fuse(answer.fused), kernels, answer)


def _rewrite(
    function: func.FuncOp,
    names: dict[ir.Value, str],
    network: planner.Network,
    kernels: dict[str, Kernel],
    answer: planner.Plan,
) -> None:
    block = function.regions[0].blocks[0]
    terminator = block.operations[len(block.operations) - 1]
    record_ports(function)
    with function.location, ir.InsertionPoint.at_block_begin(block):
        pool = d.pool(d.PoolType.get(answer.pool_bytes))
        bound = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), answer.lower_bound)
        pool.owner.attributes["vmcu.lower_bound"] = bound
        pool.owner.attributes["vmcu.lower_bound_kernel"] = ir.StringAttr.get(answer.lower_bound_kernel)
    elements = {name: ir.RankedTensorType(value.type).element_type for value, name in names.items()}
    places = _Places(pool, network, answer, _ports(function, terminator, names), elements)
    streams = _open_streams(function, network, kernels, places, answer)
    for op in kernels_of(function):
        with op.location, ir.InsertionPoint(streams.get(op.name.value, op)):
            _place_kernel(op, kernels[op.name.value], names, places, network, answer)
    with function.location:
        places.finish()
    _drop_tensors(function, terminator)


def _ports(function: func.FuncOp, terminator: ir.OpView, names: dict[ir.Value, str]) -> list[_Port]:
    """The function's inputs and outputs, in order."""
    inputs, olds = split_states(function.arguments, [argument for argument, _ in states(function)])
    outputs, _ = split_states(terminator.operands, [result for _, result in states(function)])
    sides = ((d.Role.input, inputs), (d.Role.output, outputs), (d.Role.state, olds))
    return [
        _Port(names[value], tensor_bytes(value), role, number)
        for role, values in sides
        for number, value in enumerate(values)
    ]


def _open_streams(
    function: func.FuncOp,
    network: planner.Network,
    kernels: dict[str, Kernel],
    places: _Places,
    answer: planner.Plan,
) -> dict[str, ir.Block]:
    """An empty `vmcu.stream` before the first kernel of each stream; maps its kernels to its body."""
    blocks: dict[str, ir.Block] = {}
    for stream in answer.streams:
        first = next(op for op in kernels_of(function) if op.name.value == stream.kernels[0])
        fed = None
        if answer.fed and stream.driver in network.inputs:
            fed = places.newest(stream.driver, kernels[stream.kernels[0]].operator.sequences()[0][0])
        with first.location, ir.InsertionPoint(first):
            op = d.StreamOp(
                stream.first_tick,
                stream.last_tick,
                pace=stream.pace if stream.pace > 1 else None,
                backward=stream.backward or None,
                fed=fed,
            )
        block = op.body.blocks.append()
        blocks |= dict.fromkeys(stream.kernels, block)
    return blocks


def _drop_tensors(function: func.FuncOp, terminator: ir.OpView) -> None:
    """Remove what is left of the tensors: reshapes, old kernels, the old return and the signature."""
    block = function.regions[0].blocks[0]
    with function.location, ir.InsertionPoint(terminator):
        keep_attributes(terminator, func.ReturnOp([]))
    for op in reversed(
        [
            each
            for each in block.operations
            if each.operation.name in match.RESHAPES
            or isinstance(each, func.ReturnOp)
            and len(each.operands)
            or isinstance(each, d.KernelOp)
            and len(each.results_)
        ]
    ):
        op.operation.erase()
    for attribute in ("arg_attrs", "res_attrs"):
        if attribute in function.attributes:
            del function.attributes[attribute]
    while len(block.arguments):
        block.erase_argument(0)
    function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get([], []))


def _label(tensor: str) -> str:
    """What a place is called in printed IR: the kernel that makes it, with the result's number from the second on."""
    return tensor.removesuffix(".0")


class _Port(NamedTuple):
    """A tensor that the caller knows, by name and with its size in bytes; one with several roles is several ports."""

    tensor: str
    size: int
    role: d.Role
    number: int


class _Places:
    """`vmcu.place` ops: one for each tensor, landing and part of a workspace, in the first shape in which a kernel sees it.

    Each other shape is a `vmcu.view` of it. All of them follow the pool, in the order in which they are asked for.
    """

    def __init__(
        self,
        pool: ir.Value,
        network: planner.Network,
        answer: planner.Plan,
        ports: list[_Port],
        elements: Mapping[str, ir.Type],
    ):
        self.pool, self.answer, self.last = pool, answer, pool.owner
        self.rows = {tensor.name: tensor.rows for tensor in network.tensors}
        self.homes = {state.new: state.old for state in network.states}
        self.ports = [port._replace(tensor=self._home(port.tensor)) for port in ports]
        self.elements = elements
        self.known: dict[str, dict[tuple[int, int], ir.Value]] = {}  # by what lies there, and by shape

    def get(self, tensor: str, shape: tuple[int, int]) -> ir.Value:
        """The sequence of `shape` (length, bytes) that sees a tensor; a ring if the plan keeps only some of its rows."""
        tensor = self._home(tensor)
        ring = self.answer.rings.get(tensor)
        kind = self._kind(tensor, shape, None if ring is None else ring * shape[0] // self.rows[tensor])
        return self._see(tensor, shape, kind, self.answer.offsets[tensor])

    def _home(self, tensor: str) -> str:
        """The tensor whose place a tensor has: of a state's new value, the old one."""
        return self.homes.get(tensor, tensor)

    def newest(self, tensor: str, shape: tuple[int, int]) -> ir.Value:
        """Where rows of a tensor are made: its landing, a ring of one row, if it has one."""
        if tensor not in self.answer.landings:  # nothing of a state has one
            return self.get(tensor, shape)
        kind = self._kind(tensor, shape, shape[0] // self.rows[tensor])
        return self._see(f"{tensor} landing", shape, kind, self.answer.landings[tensor])

    def workspace(self, kernel: str, shapes: tuple[tuple[int, int], ...]) -> list[ir.Value]:
        """The sequences of `shapes` (length, bytes) that a kernel's workspace is divided into."""
        places, offset = [], self.answer.workspaces[kernel]
        for number, (length, size) in enumerate(shapes):
            kind = d.SequenceType.get(length, size)
            places.append(self._see(f"{kernel} workspace {number}", (length, size), kind, offset))
            offset += length * size
        return places

    def finish(self) -> None:
        """Place the ports that no kernel sees, and give the further roles of tensors that have several to views."""
        for tensor, size, role, number in self.ports:
            width = element_bytes(self.elements[tensor])
            shape = next(iter(self.known.get(tensor, ())), (size // width, width))
            place = self.get(tensor, shape)
            op = place.owner.opview
            if (op.role.value, op.number.value) != (role, number):
                with self._next():
                    self.last = d.ViewOp(place.type, place, role=role, number=number).operation

    def _kind(self, tensor: str, shape: tuple[int, int], ring: int | None) -> d.SequenceType:
        """A sequence of the tensor's elements, where `shape` counts bytes."""
        element = self.elements[tensor]
        return d.SequenceType.get(shape[0], shape[1] // element_bytes(element), element, ring)

    def _see(self, what: str, shape: tuple[int, int], kind: ir.Type, offset: int) -> ir.Value:
        shapes = self.known.setdefault(what, {})
        if shape not in shapes:
            with self._next():
                if shapes:
                    op = d.ViewOp(kind, next(iter(shapes.values())))
                else:
                    port = next((each for each in self.ports if each.tensor == what), None)
                    role = {} if port is None else {"role": port.role, "number": port.number}
                    op = d.PlaceOp(kind, self.pool, offset, label=_label(what), **role)
            shapes[shape], self.last = op.sequence, op.operation
        return shapes[shape]

    def _next(self) -> ir.InsertionPoint:
        return ir.InsertionPoint.after(self.last)


def _place_kernel(
    op: d.KernelOp,
    kernel: Kernel,
    names: dict[ir.Value, str],
    places: _Places,
    network: planner.Network,
    answer: planner.Plan,
) -> None:
    name = op.name.value
    in_shapes, out_shapes = kernel.operator.sequences()
    stream = next((each for each in answer.streams if name in each.kernels), None)
    inputs = [places.get(names[each], shape) for each, shape in zip(op.inputs, in_shapes)]
    outputs = [places.newest(names[each], shape) for each, shape in zip(op.results_, out_shapes)]
    landed = {}
    if stream is not None:
        landed = {
            number: (names[each], shape)
            for number, (each, shape) in enumerate(zip(op.inputs, in_shapes))
            if names[each] in answer.landings
        }
        for number, (tensor, shape) in landed.items():
            birth = _birth(stream, tensor, network)
            inputs[number] = d.landing(places.newest(tensor, shape), inputs[number], phase=birth)
    planned = next(each for each in network.kernels if each.name == name)
    scratch = planned.scratch(stream is not None)
    workspace = places.workspace(name, kernel.operator.divide(scratch)) if scratch else []
    traversal = d.Traversal.backward if name in answer.backward else None
    phase = None if stream is None else _phase(stream, name, network)
    placed = d.PlacedKernelOp(
        name, op.kind, inputs, outputs, workspace, traversal=traversal, phase=phase, variant=op.variant
    )
    keep_attributes(op, placed)
    op.body.blocks[0].append_to(placed.body)
    for tensor, shape in dict(landed.values()).items():
        if stream is not None and _last_reader(stream, tensor, network) == name:
            d.settle(places.newest(tensor, shape), places.get(tensor, shape), phase=_birth(stream, tensor, network))


def _members(stream: planner.Stream, network: planner.Network) -> list[planner.Kernel]:
    return [next(each for each in network.kernels if each.name == member) for member in stream.kernels]


def _last_reader(stream: planner.Stream, tensor: str, network: planner.Network) -> str:
    """The last kernel of a stream that reads a tensor."""
    return [each.name for each in _members(stream, network) if any(read.tensor == tensor for read in each.reads)][-1]


def _birth(stream: planner.Stream, tensor: str, network: planner.Network) -> d.PhaseAttr:
    """When each row of the tensor is made."""
    rows = next(each.rows for each in network.tensors if each.name == tensor)
    if tensor == stream.driver:
        return d.PhaseAttr.get(stream.pace, stream.pace, rows)
    kernels = _members(stream, network)
    maker = next(number for number, each in enumerate(kernels) if each.writes[0].tensor == tensor)
    return d.PhaseAttr.get(stream.phases[maker].scale, stream.phases[maker].shift, rows)


def _phase(stream: planner.Stream, name: str, network: planner.Network) -> d.PhaseAttr:
    """When a kernel makes its output's rows, or takes its input's if it accumulates."""
    kernels = _members(stream, network)
    position = stream.kernels.index(name)
    kernel, phase, rows = kernels[position], stream.phases[position], kernels[position].streamed_rows.out_rows
    if kernel.streamed_rows.accumulates:
        phase, rows = planner.arrival_of(stream, kernels, kernel), kernel.streamed_rows.in_rows
    return d.PhaseAttr.get(phase.scale, phase.shift, rows)
