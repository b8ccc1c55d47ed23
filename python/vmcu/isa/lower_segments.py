"""One lowering per segment op, for cores with the DSP extension; `_lower_scalar` has those for cores without.

Vectors of int8 never reach LLVM: a loaded tile is a list of 32-bit words, a computed one a list of 32-bit lanes whose
low byte counts. Vectors of int32 (accumulators) stay vectors, as loops carry them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from mlir import ir
from mlir.dialects import arith, memref
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.ir.walk import int_width
from vmcu.isa import emit
from vmcu.isa.arm_dsp.lower_tiles import lower_alloca, lower_depthwise, lower_matmul, lower_widen
from vmcu.isa.globals import Globals
from vmcu.isa.lower_requantize import Scale
from vmcu.isa.reports import Reports, first_byte
from vmcu.operators.match import constant_array, producer
from vmcu.passes._registry import PassError

Words = list[list[ir.Value]]


@dataclass
class SegmentLowering:
    """Lowers the ops of one kernel; `pointers` maps its sequences to their addresses."""

    globals: Globals
    pointers: dict[ir.Value, Address]
    reports: Reports | None = None  # says what the ops do, if somebody listens
    loops: bool = False  # code shall be small
    words: dict[ir.Value, Words] = field(default_factory=dict)  # rows of packed words
    lanes: dict[ir.Value, Words] = field(default_factory=dict)  # rows of i32 lanes
    lane_addresses: dict[ir.Value, ir.Value] = field(default_factory=dict)  # of 16-bit lanes on the stack
    loads: dict[ir.Value, d.FlashLoadOp] = field(
        default_factory=dict
    )  # of rows: what took a load's place, and the load

    def lower(self, op: ir.OpView) -> bool:
        """Lower `op` before itself; False if it is not one of ours. The caller erases it, users first."""
        handler = _HANDLERS.get(op.operation.name)
        if handler is None:
            return False
        with op.location, ir.InsertionPoint(op):
            # A lowering for other cores has methods of the same names.
            return getattr(type(self), handler.__name__, handler)(self, op) is not False

    # Loads and stores

    def address_of(self, sequence: ir.Value, index: ir.Value) -> ir.Value:
        """The first byte of segment `index`."""
        return segment_address(self.pointers[sequence], sequence, index, None)

    def report(
        self,
        what: str,
        sequence: ir.Value,
        index: ir.Value,
        address: ir.Value,
        count: int,
        guard: ir.Value | None = None,
    ) -> None:
        """Tell the listener, if there is one, of an access to `count` bytes from segment `index` on."""
        if self.reports is not None:
            self.reports.access(what, self._operand(sequence), first_byte(sequence, index), address, count, guard)

    def report_access(
        self, what: str, sequence: ir.Value, op: ir.OpView, address: ir.Value, count: int, guard: ir.Value | None = None
    ) -> None:
        """As `report`, of the segment and byte that `op` names."""
        if self.reports is not None:
            byte = first_byte(sequence, _segment(op), op.byte if hasattr(op, "byte") else None)
            self.reports.access(what, self._operand(sequence), byte, address, count, guard)

    def address(self, sequence: ir.Value, op: d.SegmentLoadOp | d.SegmentStoreOp, byte: ir.Value | None) -> ir.Value:
        """Byte `byte` of the segment that `op` names. The place of `index` does not depend on `within`: it leaves loops."""
        start = segment_address(self.pointers[sequence], sequence, op.index, None if op.within is not None else byte)
        if op.within is None:
            return start
        offset = arith.muli(op.within, _index(_segment_bytes(sequence)))
        return emit.at(start, offset if byte is None else arith.addi(offset, byte))

    def _segment_load(self, op: d.SegmentLoadOp) -> None:
        rows, width = ir.VectorType(op.result.type).shape
        valid = op.valid.value if op.valid is not None else width
        stride = op.stride.value if op.stride is not None else 1
        size = _segment_bytes(op.source)
        guards = list(op.guards)
        tile = []
        if guards:
            halo = self.globals.halo(op.pad.value, _last_byte(op) + valid)
            # Behind different guards a row of the tile may lie before the ring's first segment or after its last.
            is_ring = not op.source.type.is_resident
            apart = is_ring and len(set(guards)) > 1 and op.within is None
            start = None if apart else self.address(op.source, op, None)
        else:
            first = self.address(op.source, op, op.byte)
        for row in range(rows):
            if guards:
                if apart:
                    index = arith.addi(op.index, _index(row * stride)) if row else op.index
                    inside = segment_address(self.pointers[op.source], op.source, index, None)
                else:
                    inside = emit.at(start, row * stride * size)
                address = emit.at(arith.select(guards[row], inside, halo), op.byte)
            else:
                address = emit.at(first, row * stride * size)
            if self.reports is not None:
                byte = first_byte(op.source, _segment(op), op.byte, row * stride)
                guard = guards[row] if guards else None
                self.reports.access("load", self._operand(op.source), byte, address, valid, guard)
            tile.append(self._load_row(address, width, valid))
        self.words[op.result] = tile

    def _operand(self, sequence: ir.Value) -> int:
        return list(self.pointers).index(sequence)

    def _load_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        counts = [min(4, valid - byte) for byte in range(0, width, 4)]
        return [
            emit.load_word(emit.at(address, 4 * number), count) if count > 0 else emit.word(0)
            for number, count in enumerate(counts)
        ]

    def constant(self, op: ir.OpView, tensor: ir.Value) -> ir.Value:
        """The address of a constant that `op` reads.

        Raises:
            PassError: the tensor is no constant.
        """
        if constant_array(tensor) is None:
            raise PassError(op, "reads a tensor that is no constant; flash holds constants only")
        return self.globals.constant(tensor)

    def lanes_at(self, op: ir.OpView, lanes: ir.Value) -> ir.Value:
        """The address of the 16-bit lanes that `op` reads or writes.

        Raises:
            PassError: the lanes are not on the stack.
        """
        if lanes not in self.lane_addresses:
            raise PassError(op, "has lanes that are not on the stack; supported is a memref.alloca in its kernel")
        return self.lane_addresses[lanes]

    def _flash_load(self, op: d.FlashLoadOp) -> None:
        tensor = ir.RankedTensorType(op.source.type)
        tile = ir.VectorType(op.result.type)
        width = ir.IntegerType(tensor.element_type).width
        strides = _strides(tensor.shape)
        offset = None
        for index, stride in zip(op.indices, strides):
            term = arith.muli(index, _index(stride * width // 8))
            offset = term if offset is None else arith.addi(offset, term)
        base = emit.at(self.constant(op, op.source), offset)
        if width == 8 and len(tile.shape) in (2, 4):
            self.words[op.result] = self._load_words(base, tile.shape, strides)
        elif len(tile.shape) != 1:
            raise PassError(op, f"loads {tile}; supported are rows, and bytes of rank 2 and 4")
        else:
            align = width // 8  # tables are aligned, and their elements with them
            scalars = [emit.load(emit.at(base, number * align), width, align) for number in range(tile.shape[0])]
            if width == 8:
                self.lanes[op.result] = [[arith.extsi(emit.integer(32), each) for each in scalars]]
            else:
                row = emit.collect(scalars, *tile.shape)
                op.result.replace_all_uses_with(row)
                self.loads[row] = op

    def _load_words(self, base: ir.Value, shape: list[int], strides: list[int]) -> Words:
        """Rows of a tile `[rows, bytes]`, or of a packed one `[pairs, pairs, 2, 2]` with a word per entry of a row."""
        per_row = shape[1] // 4 if len(shape) == 2 else shape[1]
        stride = strides[len(strides) - len(shape)]
        return [
            [emit.load(emit.at(base, row * stride + 4 * number), 32) for number in range(per_row)]
            for row in range(shape[0])
        ]

    def _segment_store(self, op: d.SegmentStoreOp) -> None:
        rows = self.lanes_of(op.value)
        valid = op.valid.value if op.valid is not None else len(rows[0])
        base = self.address(op.dest, op, op.byte)
        for number, row in enumerate(rows):
            if self.reports is not None:
                byte = first_byte(op.dest, _segment(op), op.byte, number)
                address = emit.at(base, number * _segment_bytes(op.dest))
                self.reports.access("store", self._operand(op.dest), byte, address, valid)
            for lane in range(valid):
                address = emit.at(base, number * _segment_bytes(op.dest) + lane)
                emit.llvm.store(arith.trunci(emit.integer(8), row[lane]), address, alignment=1)

    def _segment_free(self, op: d.SegmentFreeOp) -> None:
        """A promise, not an instruction."""
        if self.reports is not None:
            self.reports.free(
                self._operand(op.sequence), first_byte(op.sequence, op.index), op.side.value == d.Side.from_
            )

    def _buffer(self, op: d.BufferOp) -> None:
        """A memref's descriptor, made by hand: pointers, offset 0, sizes and strides of the identity layout."""
        kind = ir.MemRefType(op.buffer.type)
        rank = len(kind.shape)
        sizes = f", array<{rank} x i32>, array<{rank} x i32>" if rank else ""
        value = emit.llvm.mlir_undef(ir.Type.parse(f"!llvm.struct<(ptr, ptr, i32{sizes})>"))
        address = emit.at(self.pointers[op.sequence], op.offset.value)
        if self.reports is not None:
            self._report_buffer(op)
        fields = [([0], address), ([1], address), ([2], emit.word(0))]
        for axis, (extent, stride) in enumerate(zip(kind.shape, _strides(kind.shape))):
            fields += [([3, axis], emit.word(extent)), ([4, axis], emit.word(stride))]
        for position, part in fields:
            value = emit.llvm.insertvalue(value, part, ir.DenseI64ArrayAttr.get(position), results=[value.type])
        cast = ir.Operation.create("builtin.unrealized_conversion_cast", [kind], [value])
        op.buffer.replace_all_uses_with(cast.results[0])

    def _report_buffer(self, op: d.BufferOp) -> None:
        """Who has a view of an input may read all of it, of an output write it; a workspace is the kernel's own."""
        kernel, operand = op.sequence.owner.owner.opview, self._operand(op.sequence)
        if operand < len(kernel.inputs) + len(kernel.outputs):
            report = "load" if operand < len(kernel.inputs) else "store"
            kind = op.sequence.type
            self.reports.access(report, operand, _index(0), self.pointers[op.sequence], kind.length * kind.bytes)

    # Arithmetic

    def _broadcast(self, op: d.BroadcastOp) -> None:
        op.result.replace_all_uses_with(vector_d.broadcast(op.result.type, op.value))

    def _dot(self, op: d.DotOp) -> None:
        pixels, weights = self._words_of(op, op.pixels), self._words_of(op, op.weights)
        acc = emit.elements(op.acc)
        for depth in range(len(pixels[0])):
            spread_pixels = [emit.spread(row[depth]) for row in pixels]
            for channel, row in enumerate(weights):
                even, odd = emit.spread(row[depth])
                for pixel, (low, high) in enumerate(spread_pixels):
                    at = pixel * len(weights) + channel
                    acc[at] = emit.multiply_add(high, odd, emit.multiply_add(low, even, acc[at]))
        op.result.replace_all_uses_with(emit.collect(acc, len(pixels), len(weights)))

    def _channel_dot(self, op: d.ChannelDotOp) -> None:
        if len(ir.VectorType(op.weights.type).shape) != 4:
            raise PassError(op, "needs packed weights; run vmcu-pack-weights first")
        taps, weights = self._words_of(op, op.taps), self._words_of(op, op.weights)
        acc = emit.elements(op.acc)
        for pair in range(0, len(taps), 2):
            for number, first in enumerate(taps[pair]):
                even, odd = emit.spread(first)
                if pair + 1 < len(taps):
                    other_even, other_odd = emit.spread(taps[pair + 1][number])
                    inputs = [
                        emit.lows(even, other_even),
                        emit.lows(odd, other_odd),
                        emit.highs(even, other_even),
                        emit.highs(odd, other_odd),
                    ]
                else:  # The weight of the missing tap is zero.
                    inputs = [even, odd, arith.shrui(even, emit.word(16)), arith.shrui(odd, emit.word(16))]
                row = weights[pair // 2]
                factors = [*emit.spread(row[2 * number]), *emit.spread(row[2 * number + 1])]
                for lane in range(4):
                    at = 4 * number + lane
                    acc[at] = emit.multiply_add(inputs[lane], factors[lane], acc[at])
        op.result.replace_all_uses_with(emit.collect(acc, len(acc)))

    def _requantize(self, op: d.RequantizeOp) -> None:
        kind = ir.VectorType(op.result.type)
        values = emit.elements(op.value)
        rounding = str(op.rounding.value)
        scale = self._scale(op.multiplier, op.shift, rounding)
        low, high, zero = op.min.value, op.max.value, op.zero_point.value
        lanes = [
            self._clamp(scale.apply(value, number % kind.shape[-1], zero), low, high)
            for number, value in enumerate(values)
        ]
        if ir.IntegerType(kind.element_type).width == 32:
            op.result.replace_all_uses_with(emit.collect(lanes, *kind.shape))
        else:
            self.lanes[op.result] = [lanes[at : at + kind.shape[-1]] for at in range(0, len(lanes), kind.shape[-1])]

    def _scale(self, multiplier: ir.Value, shift: ir.Value, rounding: str) -> Scale:
        return Scale(self, multiplier, shift, rounding)

    def _clamp(self, value: ir.Value, low: int, high: int) -> ir.Value:
        return emit.clamp(value, low, high)

    # Vectors of int8

    def _words_of(self, op: ir.OpView, value: ir.Value) -> Words:
        if value not in self.words:
            raise PassError(op, "multiplies bytes that are not loaded from segments or flash")
        return self.words[value]

    def lanes_of(self, value: ir.Value) -> Words:
        if value in self.lanes:
            return self.lanes[value]
        if value in self.words:
            return [[_byte(word, lane) for word in row for lane in range(4)] for row in self.words[value]]
        if not isinstance(producer(value), arith.ConstantOp):
            op = value.owner.owner if isinstance(value.owner, ir.Block) else value.owner
            raise PassError(op, f"makes {value.type} by arithmetic on bytes; supported is arithmetic on words")
        array = np.array(producer(value).value)
        return [[emit.word(int(each)) for each in row] for row in array.reshape(-1, array.shape[-1])]

    def _extsi(self, op: arith.ExtSIOp) -> bool | None:
        if not _is_bytes(op.in_):
            return False
        lanes = [each for row in self.lanes_of(op.in_) for each in row]
        op.out.replace_all_uses_with(emit.collect(lanes, *ir.VectorType(op.out.type).shape))

    def _trunci(self, op: arith.TruncIOp) -> bool | None:
        if not _is_bytes(op.out):
            return False
        # Sign-extended, as an extension may follow; a store drops it again.
        self.lanes[op.out] = [[_byte(lane, 0) for lane in emit.elements(op.in_)]]

    def _reshape(self, op: ir.OpView) -> bool | None:
        source, result = op.operands[0], op.results[0]
        if not _is_bytes(source):
            return False
        for table in (self.words, self.lanes):
            if source in table:
                rows = table[source]
                table[result] = rows if op.operation.name == "vector.shape_cast" else [rows[op.static_position[0]]]


@dataclass(frozen=True)
class Landed:
    """The addresses of a ring and of the landing that holds its newest row, and that row's first segment."""

    ring: ir.Value
    landing: ir.Value
    newest: ir.Value
    segments: int  # of a row


Address = ir.Value | Landed


def segment_address(base: Address, sequence: ir.Value, index: ir.Value, byte: ir.Value | None) -> ir.Value:
    """Byte `byte` of segment `index` of a sequence at `base`: in a ring, of slot `index mod ring`."""
    size = sequence.type.bytes
    slot = index if sequence.type.is_resident else arith.remui(index, _index(sequence.type.ring))
    if not isinstance(base, Landed):
        return _offset(base, slot, size, byte)
    inside = arith.subi(index, base.newest)
    is_newest = arith.cmpi(arith.CmpIPredicate.ult, inside, _index(base.segments))
    start = arith.select(is_newest, base.landing, base.ring)
    return _offset(start, arith.select(is_newest, inside, slot), size, byte)


def _offset(base: ir.Value, index: ir.Value, size: int, byte: ir.Value | None) -> ir.Value:
    offset = arith.muli(index, _index(size)) if size > 1 else index
    return emit.at(base, offset if byte is None else arith.addi(offset, byte))


def settle_row(op: d.SettleOp, addresses: dict[ir.Value, Address], reports: Reports | None = None) -> None:
    """`vmcu.settle`: copy a row from its landing to its ring."""
    size = op.landing.type.pool_bytes
    target = segment_address(addresses[op.ring], op.ring, op.newest, None)
    if reports is not None:
        byte = first_byte(op.ring, op.newest)
        reports.access("load", 0, byte, addresses[op.landing], size)
        reports.access("store", 1, byte, target, size)
    emit.llvm.intr_memcpy(target, addresses[op.landing], emit.word(size), False)


def copy_row(
    row: ir.Value, dest: ir.Value, index: ir.Value, addresses: dict[ir.Value, ir.Value], reports: Reports | None = None
) -> None:
    """`vmcu.feed`: copy the caller's bytes to segment `index` on."""
    address = segment_address(addresses[dest], dest, index, None)
    source = arith.index_cast(emit.integer(32), memref.extract_aligned_pointer_as_index(row))
    size = ir.MemRefType(row.type).shape[0]
    if reports is not None:
        reports.access("store", 0, first_byte(dest, index), address, size)
    emit.llvm.intr_memcpy(address, emit.llvm.inttoptr(emit.pointer(), source), emit.word(size), False)


def _segment(op: d.SegmentLoadOp | d.SegmentStoreOp) -> ir.Value:
    """The first segment that `op` names."""
    return op.index if op.within is None else arith.addi(op.index, op.within)


def _last_byte(op: d.SegmentLoadOp) -> int:
    """The largest value of `op.byte`: it is constant, or counts a depth loop, or lies in the segment."""
    owner = op.byte.owner
    if isinstance(owner, ir.Block):
        loop = owner.owner.opview
        if loop.operation.name == "scf.for" and op.byte == loop.induction_variable:
            return ir.IntegerAttr(loop.upperBound.owner.opview.value).value
    elif isinstance(owner.opview, arith.ConstantOp):
        return ir.IntegerAttr(owner.opview.value).value
    return _segment_bytes(op.source)


def _byte(packed: ir.Value, lane: int) -> ir.Value:
    """Byte `lane` of a word, sign-extended."""
    return arith.shrsi(arith.shli(packed, emit.word(24 - 8 * lane)), emit.word(24))


def _is_bytes(value: ir.Value) -> bool:
    return isinstance(value.type, ir.VectorType) and int_width(value.type.element_type) == 8


def _index(value: int) -> ir.Value:
    return arith.constant(ir.IndexType.get(), value)


def _strides(shape: list[int]) -> list[int]:
    return [int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape))]


def _segment_bytes(sequence: ir.Value) -> int:
    return sequence.type.bytes


_HANDLERS = {
    "vmcu.segment_load": SegmentLowering._segment_load,
    "vmcu.segment_store": SegmentLowering._segment_store,
    "vmcu.segment_free": SegmentLowering._segment_free,
    "vmcu.flash_load": SegmentLowering._flash_load,
    "vmcu.buffer": SegmentLowering._buffer,
    "vmcu.broadcast": SegmentLowering._broadcast,
    "vmcu.dot": SegmentLowering._dot,
    "vmcu.channel_dot": SegmentLowering._channel_dot,
    "vmcu.requantize": SegmentLowering._requantize,
    "vmcu.widen": lower_widen,
    "vmcu.matmul": lower_matmul,
    "vmcu.depthwise": lower_depthwise,
    "memref.alloca": lower_alloca,
    "arith.extsi": SegmentLowering._extsi,
    "arith.trunci": SegmentLowering._trunci,
    "vector.shape_cast": SegmentLowering._reshape,
    "vector.extract": SegmentLowering._reshape,
}
