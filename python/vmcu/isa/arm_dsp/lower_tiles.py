"""Lower the tile ops: `widen` to loads and SXTB16 or UXTB16, `matmul` and `depthwise` to the loops of `asm_*`."""

from __future__ import annotations

from collections.abc import Mapping

from mlir import ir
from mlir.dialects import arith, memref, scf

from vmcu.dialects import vmcu as d
from vmcu.ir.bridge import PassError
from vmcu.ir.walk import int_width
from vmcu.isa import emit
from vmcu.isa.arm_dsp.asm import Scaling
from vmcu.isa.arm_dsp.asm_depthwise import Depthwise
from vmcu.isa.arm_dsp.asm_matmul import SHORT, Matmul
from vmcu.isa.arm_dsp.asm_matmul import UNROLLED as UNROLLED_LANES
from vmcu.isa.lowering import Handler, Lowering

UNROLLED = 4  # words that are widened in straight code


def lower_alloca(lowering: Lowering, op: memref.AllocaOp) -> bool | None:
    """Lanes lie on the stack."""
    kind = ir.MemRefType(op.memref.type)
    if int_width(kind.element_type) != 16:
        return False
    size = emit.word(kind.shape[0])
    lowering.addresses[op.memref] = emit.llvm.alloca(
        emit.pointer(), size, ir.TypeAttr.get(emit.integer(16)), alignment=4
    )
    return None


def lower_widen(lowering: Lowering, op: d.WidenOp) -> None:
    size, pieces, step, at = op.bytes.value, op.pieces.value, op.step.value, op.at.value
    if pieces > 1 and step % 4:
        raise PassError(
            op, f"has pieces {step} lanes apart; supported are multiples of 4"
        )  # else each has another order
    lanes = lowering.lanes_at(op, op.lanes)
    address = lowering.address(op.source, op, op.byte)
    if op.guard is not None:
        assert op.pad is not None, "a guard comes with a pad value"
        halo = lowering.globals.halo(op.pad.value, size * pieces)
        address = arith.select(op.guard, address, halo)
    lowering.report_access("load", op.source, op, address, size * pieces, op.guard)
    if pieces == 1:
        _widen_run(address, lanes, at, size, op.is_unsigned)
        return
    # A loop over the pieces; lanes and source move on by constants.
    loop = scf.ForOp(_index(0), _index(pieces), _index(1))
    with ir.InsertionPoint(loop.body):
        piece = loop.induction_variable
        source = emit.at(address, arith.muli(piece, _index(size)))
        target = emit.at(lanes, arith.muli(piece, _index(2 * step)))
        _widen_run(source, target, at, size, op.is_unsigned)
        scf.yield_([])


def _widen_run(source: ir.Value, lanes: ir.Value, at: int, size: int, is_unsigned: bool) -> None:
    """`size` bytes to the lanes from `at` on; full words by SXTB16 or UXTB16, what does not fill a word byte by byte."""
    head = min(-at % 4, size)
    words = (size - head) // 4
    for byte in [*range(head), *range(head + 4 * words, size)]:
        extend = arith.extui if is_unsigned else arith.extsi
        wide = extend(emit.integer(16), emit.load(emit.at(source, byte), 8))
        emit.llvm.store(wide, emit.at(lanes, 2 * _place(at + byte)), alignment=2)
    source, lanes = emit.at(source, head), emit.at(lanes, 2 * (at + head))
    looped = words // UNROLLED * UNROLLED if words >= 2 * UNROLLED else 0
    if looped:
        loop = scf.ForOp(_index(0), _index(looped), _index(UNROLLED))
        with ir.InsertionPoint(loop.body):
            first = loop.induction_variable
            _widen_words(
                emit.at(source, arith.muli(first, _index(4))),
                emit.at(lanes, arith.muli(first, _index(8))),
                UNROLLED,
                is_unsigned,
            )
            scf.yield_([])
        source, lanes = emit.at(source, 4 * looped), emit.at(lanes, 8 * looped)
    _widen_words(source, lanes, words - looped, is_unsigned)


def _widen_words(source: ir.Value, lanes: ir.Value, count: int, is_unsigned: bool) -> None:
    loaded = [emit.load(emit.at(source, 4 * number), 32) for number in range(count)]
    for number, each in enumerate(loaded):
        for half, lane in enumerate(emit.spread(each, is_unsigned=is_unsigned)):
            emit.llvm.store(lane, emit.at(lanes, 8 * number + 4 * half), alignment=4)


def _place(lane: int) -> int:
    """Where lane `lane` is stored: of each four in the order 0, 2, 1, 3."""
    return lane // 4 * 4 + (0, 2, 1, 3)[lane % 4]


def lower_matmul(lowering: Lowering, op: d.MatmulOp) -> None:
    record = _record(lowering, op)
    channels = op.dest.type.bytes
    if op.first is not None:
        source = lowering.address_of(op.source, op.first)
        lowering.report("load", op.source, op.first, source, op.depth.value)
    else:
        source = lowering.lanes_at(op, op.source)
    out = lowering.address(op.dest, op, None)
    lowering.report_access("store", op.dest, op, out, op.pixels.value * channels)
    default = SHORT if lowering.loops else UNROLLED_LANES
    shape = Matmul(
        op.pixels.value,
        channels,
        op.depth.value,
        op.pitch.value,
        op.first is not None,
        _scaling(op),
        channels,
        default if op.unroll is None else op.unroll.value,
        op.is_unsigned,
    )
    shape.emit(source, record, out)


def lower_depthwise(lowering: Lowering, op: d.DepthwiseOp) -> None:
    record = _record(lowering, op)
    channels, columns = op.dest.type.bytes, op.columns.value
    guards = list(op.guards) or [None] * len(op.rows)
    # Columns at either end that no window takes are not read: they may be gone.
    end = (op.out_columns.value - 1) * op.stride.value - op.pad.value + op.window.value
    read = range(max(0, -op.pad.value), min(columns, end))
    rows = []
    for index, guard in zip(op.rows, guards):
        address = lowering.address_of(op.source, index)
        first = arith.addi(index, _index(read.start)) if read.start else index
        start = emit.at(address, read.start * channels)
        if read:  # windows may see nothing but halo
            lowering.report("load", op.source, first, start, len(read) * channels, guard)
        if guard is not None:
            address = arith.select(guard, address, lowering.globals.halo(op.halo.value, columns * channels))
        rows.append(address)
    out = lowering.address_of(op.dest, op.index)
    lowering.report("store", op.dest, op.index, out, op.out_columns.value * channels)
    Depthwise(
        (len(rows), op.window.value),
        op.stride.value,
        op.pad.value,
        (columns, op.out_columns.value),
        channels,
        op.halo.value,
        _scaling(op),
        0 if op.tile is None else op.tile.value,
        op.is_unsigned,
    ).emit(rows, record, out)


def _record(lowering: Lowering, op: d.MatmulOp | d.DepthwiseOp) -> ir.Value:
    if len(op.constants) != 1:
        raise PassError(op, "needs packed constants; run vmcu-pack-weights first")
    return lowering.constant(op, op.constants[0])


def _scaling(op: d.MatmulOp | d.DepthwiseOp) -> Scaling:
    return Scaling(str(op.rounding.value), op.zero_point.value, op.min.value, op.max.value)


def _index(value: int) -> ir.Value:
    return arith.constant(ir.IndexType.get(), value)


HANDLERS: Mapping[str, Handler] = {
    "memref.alloca": lower_alloca,
    "vmcu.widen": lower_widen,
    "vmcu.matmul": lower_matmul,
    "vmcu.depthwise": lower_depthwise,
}
