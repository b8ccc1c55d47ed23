"""Lower the vmcu dialect: kernels become functions on pointers, segment ops become loads, SMLADs and stores.

Before: one function with a pool, places and tiled kernels.
After:  `NAME_run()` calls one internal function per kernel with addresses in `NAME_pool`; constants are globals. Loops,
        index arithmetic and buffers are still `scf`, `arith`, `vector`, `memref`: upstream's conversions follow.
        Where states are kept from run to run, `NAME_reset()` writes their initial values to their places.

Needs `vmcu-tile-to-segments` and `vmcu-pack-weights`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlir import ir
from mlir.dialects import func

from vmcu.abi.names import Names
from vmcu.dialects import vmcu as d
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.ir.ports import forget_ports, recorded_states
from vmcu.isa import choose_isa, emit
from vmcu.isa.addresses import Address, Landed, copy_row, settle_row
from vmcu.isa.globals import Globals
from vmcu.isa.lowering import Lowering
from vmcu.isa.reports import SITES, Reports
from vmcu.passes._features import CoreOptions
from vmcu.passes._registry import PassError, option, vmcu_pass

_INDEX_OPS = ("arith.", "affine.apply", "vector.extract", "vmcu.flash_load")


@dataclass(frozen=True)
class ConvertOptions(CoreOptions):
    """Options of `convert-vmcu-to-llvm`."""

    name: str = option("model", "prefix of the symbols: NAME_run, NAME_pool")
    loops: bool = option(False, "make small code: short bodies of inner loops")
    sanitize: bool = option(False, "report every access to the pool to the emulator: NAME_report_load and others")


@vmcu_pass("convert-vmcu-to-llvm", summary="Lower pools, kernels and segment ops", options=ConvertOptions)
def convert_vmcu_to_llvm(module: ir.Module, options: ConvertOptions) -> None:
    globals = Globals(module, Names(options.name))
    functions = [op for op in module.body.operations if isinstance(op, func.FuncOp) and not op.is_external]
    planned = [op for op in functions if "vmcu.inputs" in op.attributes or _has_pool(op)]
    if len(planned) > 1:
        raise PassError(planned[1], "a second function with a pool; supported is one per module")
    reports = Reports(module, Names(options.name)) if options.sanitize else None
    for function in planned:
        _convert_function(module, function, globals, options, reports)
    globals.finish()
    refuse_leftovers(
        module, _is_ours, "is in no function with a vmcu.pool; run vmcu-plan and vmcu-tile-to-segments first"
    )


def _is_ours(op: ir.Operation) -> bool:
    return op.name.startswith("vmcu.")


def _has_pool(function: func.FuncOp) -> bool:
    return any(isinstance(op, d.PoolOp) for op in function.regions[0].blocks[0].operations)


def _convert_function(
    module: ir.Module, function: func.FuncOp, globals: Globals, options: ConvertOptions, reports: Reports | None
) -> None:
    addresses: dict[ir.Value, Address] = {}
    dead: list[ir.OpView] = []
    states = {op.number.value: (op, d.offset_of(op.sequence)) for op in _states(function)}

    def convert(block: ir.Block) -> None:
        for op in list(block.operations):
            if isinstance(op, d.PlacedKernelOp):
                raise PassError(op, "is not tiled; run vmcu-tile-to-segments first")
            if isinstance(op, d.StreamOp):
                raise PassError(op, "is no loop yet; run vmcu-lower-streams first")
            with op.location, ir.InsertionPoint(op):
                if reports is not None and isinstance(op, SITES):
                    reports.enter()
                if isinstance(op, d.PoolOp):
                    pool = globals.pool(op.pool.type.bytes)
                    addresses[op.pool] = emit.llvm.mlir_addressof(emit.pointer(), pool)
                elif isinstance(op, d.PlaceOp):
                    addresses[op.sequence] = emit.at(addresses[op.pool], op.offset.value)
                elif isinstance(op, d.ViewOp):
                    addresses[op.sequence] = _address_of_source(op, addresses)
                elif isinstance(op, d.TiledKernelOp):
                    operands = [addresses[each] for each in [*op.inputs, *op.outputs, *op.workspace]]
                    callee = _convert_kernel(module, op, operands, globals, options, reports)
                    arguments = [part for each in operands for part in _parts(each)]
                    arguments += [] if op.row is None else [op.row]
                    func.CallOp(callee, [*arguments, *_pass_constants(callee, globals)])
                elif isinstance(op, d.LandingOp):
                    segments = op.landing.type.ring
                    addresses[op.result] = Landed(addresses[op.ring], addresses[op.landing], op.newest, segments)
                elif isinstance(op, d.SettleOp):
                    settle_row(op, addresses, reports)
                elif isinstance(op, d.FeedOp):
                    copy_row(op.row, op.dest, op.index, addresses, reports)
                else:
                    for region in op.operation.regions:
                        for inner in region.blocks:
                            convert(inner)
                    continue
            dead.append(op)

    convert(function.regions[0].blocks[0])
    for op in reversed(dead):
        op.operation.erase()
    is_fed, names = len(function.arguments) > 0, Names(options.name)
    function.attributes["sym_name"] = ir.StringAttr.get(names.feed_row if is_fed else names.run)
    _write_reset(module, function, states, globals)
    forget_ports(function)


def _write_reset(
    module: ir.Module, function: func.FuncOp, places: dict[int, tuple[ir.OpView, int]], globals: Globals
) -> None:
    """Write the function that gives the states of `function` their initial values, if there are any."""
    states = recorded_states(function)
    for number, (op, _) in places.items():
        if number >= len(states):
            raise PassError(op, f"is state {number}, whose initial value is not in 'vmcu.states'")
    if not states:
        return
    with function.location, ir.InsertionPoint(module.body):
        reset = func.FuncOp(globals.names.reset, ([], []))
        with ir.InsertionPoint(reset.add_entry_block()):
            pool = emit.llvm.mlir_addressof(emit.pointer(), globals.names.pool)
            for number, (_, port) in enumerate(states):
                if number not in places:
                    raise PassError(function, f"has no vmcu.place as state {number}")
                globals.initialise(emit.at(pool, places[number][1]), port.initial)
            func.ReturnOp([])


def _states(function: func.FuncOp) -> list[ir.OpView]:
    return [op for op in function.regions[0].blocks[0].operations if d.is_port(op, d.Role.state)]


def _address_of_source(view: d.ViewOp, addresses: dict[ir.Value, Address]) -> Address:
    address = addresses[view.source]
    if isinstance(address, Landed):
        raise PassError(view, "views a row that has not settled; supported are views of the landing and of the ring")
    return address


def _convert_kernel(
    module: ir.Module,
    kernel: d.TiledKernelOp,
    operands: list[Address],
    globals: Globals,
    options: ConvertOptions,
    reports: Reports | None,
) -> func.FuncOp:
    """The kernel as an internal function on the addresses of its sequences, and the row it makes if it makes one."""
    block = kernel.body.blocks[0]
    types = [part.type for each in operands for part in _parts(each)]
    types += [] if kernel.row is None else [kernel.row.type]
    with kernel.location, ir.InsertionPoint(module.body):
        function = func.FuncOp(Names(options.name).kernel(kernel.name.value), (types, []), visibility="private")
        function.attributes["llvm.linkage"] = ir.Attribute.parse("#llvm.linkage<internal>")
        entry = function.add_entry_block()
    incoming = iter(entry.arguments)
    pointers = {argument: _take(operand, incoming) for argument, operand in zip(block.arguments, operands)}
    if kernel.row is not None:
        block.arguments[len(block.arguments) - 1].replace_all_uses_with(next(incoming))
    core = options.features
    lowering = choose_isa(core).lowering(globals, pointers, core, reports, options.loops)
    if reports is None:
        _drop_frees(kernel)
    _lower_block(block, lowering)
    with kernel.location, ir.InsertionPoint(entry):
        func.ReturnOp([])
    last = entry.operations[0]
    for op in list(block.operations):
        op.operation.move_before(last)
    return function


def _drop_frees(kernel: d.TiledKernelOp) -> None:
    """Erase frees, which nobody listens to, and what finds their indices: a table would stay in flash."""
    frees: list[ir.OpView] = []

    def collect(op: ir.Operation) -> ir.WalkResult:
        if op.name == "vmcu.segment_free":
            frees.append(op.opview)
        return ir.WalkResult.ADVANCE

    kernel.operation.walk(collect)
    indices = dict.fromkeys(op.index for op in frees)  # each once: none is looked at when its maker is gone
    for op in frees:
        op.operation.erase()
    while indices:
        value, _ = indices.popitem()
        if isinstance(value.owner, ir.Block) or list(value.uses):
            continue
        maker = value.owner.operation
        if maker.name.startswith(_INDEX_OPS):
            indices |= dict.fromkeys(maker.operands)
            maker.erase()


def _pass_constants(function: func.FuncOp, globals: Globals) -> list[ir.Value]:
    """Turn the constants that a kernel reads into arguments, and return them for its call.

    Kernels of equal shape are equal functions then, and LLVM merges them.
    """
    uses: dict[str, list[ir.Operation]] = {}

    def find(op: ir.Operation) -> ir.WalkResult:
        if op.name == "llvm.mlir.addressof":
            symbol = ir.FlatSymbolRefAttr(op.attributes["global_name"]).value
            if globals.is_table(symbol):
                uses.setdefault(symbol, []).append(op)
        return ir.WalkResult.ADVANCE

    function.operation.walk(find)
    entry = function.regions[0].blocks[0]
    for ops in uses.values():
        argument = entry.add_argument(emit.pointer(), function.location)
        for op in ops:
            op.results[0].replace_all_uses_with(argument)
            op.erase()
    kind = ir.FunctionType.get([each.type for each in entry.arguments], [])
    function.attributes["function_type"] = ir.TypeAttr.get(kind)
    return [emit.llvm.mlir_addressof(emit.pointer(), symbol) for symbol in uses]


def _parts(address: Address) -> list[ir.Value]:
    """What is passed of an address."""
    return [address.ring, address.landing, address.newest] if isinstance(address, Landed) else [address]


def _take(like: Address, incoming: Iterator[ir.Value]) -> Address:
    """The next arguments as an address of the same kind."""
    if isinstance(like, Landed):
        return Landed(next(incoming), next(incoming), next(incoming), like.segments)
    return next(incoming)


def _lower_block(block: ir.Block, lowering: Lowering) -> None:
    """Lower the ops of `block` in order, those of nested blocks where they stand."""
    dead: list[ir.OpView] = []
    for op in list(block.operations):
        for region in op.operation.regions:
            for inner in region.blocks:
                _lower_block(inner, lowering)
        if lowering.lower(op):
            dead.append(op)
    for op in reversed(dead):
        # Constants of int8 vectors and dead index arithmetic are left for canonicalisation.
        op.operation.erase()
