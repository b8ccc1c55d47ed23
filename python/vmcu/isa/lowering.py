"""One lowering per segment op: what instruction sets share. Each has a class of its own for what differs.

Vectors of int8 never reach LLVM: a loaded tile is rows of 32-bit words, a computed one rows of 32-bit lanes whose low
byte counts. Vectors of int32 (accumulators) stay vectors, as loops carry them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from mlir import ir
from mlir.dialects import arith
from mlir.dialects import vector as vector_d

from vmcu.cores import Features
from vmcu.dialects import vmcu as d
from vmcu.ir.bridge import PassError
from vmcu.ir.walk import int_width
from vmcu.isa import emit
from vmcu.isa.addresses import Address, first_segment, index_constant, segment_address, segment_bytes
from vmcu.isa.globals import Globals
from vmcu.isa.reports import Reports, first_byte
from vmcu.operators.match import FLIP, constant_array, producer

Rows = list[list[ir.Value]]


@dataclass(frozen=True)
class Tile:
    """Bytes in registers: rows of words with four bytes each if `packed`, of sign-extended 32-bit lanes otherwise."""

    rows: Rows
    packed: bool = False


class Scaled(Protocol):
    """A requantisation whose constants are loaded."""

    def apply(self, value: ir.Value, channel: int, zero_point: int) -> ir.Value:
        """`round(value * scale of the channel) + zero_point`."""


@dataclass
class Lowering(ABC):
    """Lowers the ops of one kernel.

    Args:
        globals: constants and RAM.
        addresses: of the kernel's sequences, in order, and then of lanes on the stack.
        core: what the core has.
        reports: says what the ops do, if somebody listens.
        loops: code shall be small.
    """

    globals: Globals
    addresses: dict[ir.Value, Address]
    core: Features
    reports: Reports | None = None
    loops: bool = False
    tiles: dict[ir.Value, Tile] = field(default_factory=dict)
    loads: dict[ir.Value, d.FlashLoadOp] = field(
        default_factory=dict
    )  # of rows: what took a load's place, and the load

    #: Whether a loaded row is words of four bytes.
    packs: ClassVar[bool]
    #: What lowers an op; it returns False if it leaves the op as it is.
    handlers: ClassVar[Mapping[str, Handler]]

    def lower(self, op: ir.OpView) -> bool:
        """Lower `op` before itself; False if it is not one of ours. The caller erases it, users first."""
        handler = self.handlers.get(op.operation.name)
        if handler is None:
            return False
        with op.location, ir.InsertionPoint(op):
            return handler(self, op) is not False

    @abstractmethod
    def load_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        """`valid` bytes from an address on as a row of a tile of `width` bytes."""

    @abstractmethod
    def load_flipped_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        """As `load_row`, with the highest bit of each of the `valid` bytes flipped."""

    @abstractmethod
    def load_rows(self, base: ir.Value, shape: list[int], strides: list[int]) -> Rows:
        """A tile `[rows, bytes]` of constants, or a packed one `[pairs, pairs, 2, 2]`."""

    @abstractmethod
    def scale(self, multiplier: ir.Value, shift: ir.Value, rounding: str) -> Scaled:
        """The requantisation with these constants."""

    @abstractmethod
    def clamp(self, value: ir.Value, low: int, high: int) -> ir.Value:
        """`min(max(value, low), high)`."""

    # Loads and stores

    def address_of(self, sequence: ir.Value, index: ir.Value) -> ir.Value:
        """The first byte of segment `index`."""
        return segment_address(self.addresses[sequence], sequence, index, None)

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
            byte = first_byte(sequence, first_segment(op), op.byte if hasattr(op, "byte") else None)
            self.reports.access(what, self._operand(sequence), byte, address, count, guard)

    def address(self, sequence: ir.Value, op: d.SegmentLoadOp | d.SegmentStoreOp, byte: ir.Value | None) -> ir.Value:
        """Byte `byte` of the segment that `op` names. The place of `index` does not depend on `within`: it leaves loops."""
        start = segment_address(self.addresses[sequence], sequence, op.index, None if op.within is not None else byte)
        if op.within is None:
            return start
        offset = arith.muli(op.within, index_constant(segment_bytes(sequence)))
        return emit.at(start, offset if byte is None else arith.addi(offset, byte))

    def _segment_load(self, op: d.SegmentLoadOp) -> None:
        rows, width = ir.VectorType(op.result.type).shape
        valid = op.valid.value if op.valid is not None else width
        stride = op.stride.value if op.stride is not None else 1
        size = segment_bytes(op.source)
        guards = list(op.guards)
        tile = []
        # Rows of the tile that are found one by one may lie on both sides of a ring's end.
        apart = rows > 1 and not op.source.type.is_resident and op.within is None
        if guards:
            assert op.pad is not None, "guards come with a pad value"
            halo = self.globals.halo(op.pad.value ^ (FLIP if op.flipped else 0), _last_byte(op) + valid)
        # The byte comes on top at the end, after the choice between image and halo.
        start = None if apart else self.address(op.source, op, None if guards else op.byte)
        for row in range(rows):
            if apart:
                index = arith.addi(op.index, index_constant(row * stride)) if row else op.index
                address = segment_address(self.addresses[op.source], op.source, index, None)
            else:
                address = emit.at(start, row * stride * size)
            if guards:
                address = arith.select(guards[row], address, halo)
            if guards or apart:
                address = emit.at(address, op.byte)
            if self.reports is not None:
                byte = first_byte(op.source, first_segment(op), op.byte, row * stride)
                guard = guards[row] if guards else None
                self.reports.access("load", self._operand(op.source), byte, address, valid, guard)
            tile.append((self.load_flipped_row if op.flipped else self.load_row)(address, width, valid))
        self.tiles[op.result] = Tile(tile, self.packs)

    def _operand(self, sequence: ir.Value) -> int:
        return list(self.addresses).index(sequence)

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
        if lanes not in self.addresses:
            raise PassError(op, "has lanes that are not on the stack; supported is a memref.alloca in its kernel")
        return self.addresses[lanes]

    def _flash_load(self, op: d.FlashLoadOp) -> None:
        tensor = ir.RankedTensorType(op.source.type)
        tile = ir.VectorType(op.result.type)
        width = ir.IntegerType(tensor.element_type).width
        strides = _strides(tensor.shape)
        offset = None
        for index, stride in zip(op.indices, strides):
            term = arith.muli(index, index_constant(stride * width // 8))
            offset = term if offset is None else arith.addi(offset, term)
        base = emit.at(self.constant(op, op.source), offset)
        if width == 8 and len(tile.shape) in (2, 4):
            self.tiles[op.result] = Tile(self.load_rows(base, tile.shape, strides), self.packs)
        elif len(tile.shape) != 1:
            raise PassError(op, f"loads {tile}; supported are rows, and bytes of rank 2 and 4")
        else:
            align = width // 8  # tables are aligned, and their elements with them
            scalars = [emit.load(emit.at(base, number * align), width, align) for number in range(tile.shape[0])]
            if width == 8:
                self.tiles[op.result] = Tile([[arith.extsi(emit.integer(32), each) for each in scalars]])
            else:
                row = emit.collect(scalars, *tile.shape)
                op.result.replace_all_uses_with(row)
                self.loads[row] = op

    def _look_up(self, op: d.LookUpOp) -> None:
        table = self.constant(op, op.table)
        tile = self.tiles[op.bytes]
        rows = [
            [_unsigned_byte(word, lane) for word in row for lane in range(4 if tile.packed else 1)] for row in tile.rows
        ]
        found = [[arith.extsi(emit.integer(32), emit.load(emit.at(table, each), 8)) for each in row] for row in rows]
        self.tiles[op.result] = Tile(found)

    def _segment_store(self, op: d.SegmentStoreOp) -> None:
        words = self.words_of(op.value)
        rows = self.lanes_of(op.value) if words is None else words
        valid = op.valid.value if op.valid is not None else ir.VectorType(op.value.type).shape[1]
        base = self.address(op.dest, op, op.byte)
        for number, row in enumerate(rows):
            if self.reports is not None:
                byte = first_byte(op.dest, first_segment(op), op.byte, number)
                address = emit.at(base, number * segment_bytes(op.dest))
                self.reports.access("store", self._operand(op.dest), byte, address, valid)
            for lane in range(valid if words is None else 0):
                address = emit.at(base, number * segment_bytes(op.dest) + lane)
                emit.llvm.store(arith.trunci(emit.integer(8), row[lane]), address, alignment=1)
            for lane in range(0, valid if words is not None else 0, 4):
                address = emit.at(base, number * segment_bytes(op.dest) + lane)
                emit.store_word(row[lane // 4], address, min(4, valid - lane))

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
        address = emit.at(self.addresses[op.sequence], op.offset.value)
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
        if self.reports is not None and operand < len(kernel.inputs) + len(kernel.outputs):
            report = "load" if operand < len(kernel.inputs) else "store"
            kind = op.sequence.type
            self.reports.access(
                report, operand, index_constant(0), self.addresses[op.sequence], kind.length * kind.bytes
            )

    # Arithmetic

    def _broadcast(self, op: d.BroadcastOp) -> None:
        op.result.replace_all_uses_with(vector_d.broadcast(op.result.type, op.value))

    def _requantize(self, op: d.RequantizeOp) -> None:
        kind = ir.VectorType(op.result.type)
        values = emit.elements(op.value)
        rounding = str(op.rounding.value)
        scale = self.scale(op.multiplier, op.shift, rounding)
        low, high, zero = op.min.value, op.max.value, op.zero_point.value
        lanes = [
            self.clamp(scale.apply(value, number % kind.shape[-1], zero), low, high)
            for number, value in enumerate(values)
        ]
        if ir.IntegerType(kind.element_type).width == 32:
            op.result.replace_all_uses_with(emit.collect(lanes, *kind.shape))
        else:
            rows = [lanes[at : at + kind.shape[-1]] for at in range(0, len(lanes), kind.shape[-1])]
            self.tiles[op.result] = Tile(rows)

    # Vectors of int8

    def words_of(self, value: ir.Value) -> Rows | None:
        """A tile of bytes that is there as rows of words, or is constant; None for one in lanes."""
        if value in self.tiles:
            return self.tiles[value].rows if self.tiles[value].packed else None
        constant = producer(value)
        if not self.packs or not isinstance(constant, arith.ConstantOp):
            return None
        array = np.array(constant.value)
        return [[emit.word(int(each)) for each in row.view("<i4")] for row in array.reshape(-1, array.shape[-1])]

    def lanes_of(self, value: ir.Value) -> Rows:
        """A tile of bytes as rows of sign-extended 32-bit lanes."""
        if value in self.tiles:
            tile = self.tiles[value]
            return (
                [[_byte(word, lane) for word in row for lane in range(4)] for row in tile.rows]
                if tile.packed
                else tile.rows
            )
        constant = producer(value)
        if not isinstance(constant, arith.ConstantOp):
            op = value.owner.owner if isinstance(value.owner, ir.Block) else value.owner
            raise PassError(op, f"makes {value.type} by arithmetic on bytes; supported is arithmetic on words")
        array = np.array(constant.value)
        return [[emit.word(int(each)) for each in row] for row in array.reshape(-1, array.shape[-1])]

    def _extsi(self, op: arith.ExtSIOp) -> bool | None:
        if not _is_bytes(op.in_):
            return False
        lanes = [each for row in self.lanes_of(op.in_) for each in row]
        op.out.replace_all_uses_with(emit.collect(lanes, *ir.VectorType(op.out.type).shape))
        return None

    def _trunci(self, op: arith.TruncIOp) -> bool | None:
        if not _is_bytes(op.out):
            return False
        # Sign-extended, as an extension may follow; a store drops it again.
        self.tiles[op.out] = Tile([[_byte(lane, 0) for lane in emit.elements(op.in_)]])
        return None

    def _bitcast(self, op: ir.OpView) -> bool | None:
        """Words as the bytes that they hold."""
        source, result = op.operands[0], op.results[0]
        if not _is_bytes(result):
            return False
        self.tiles[result] = Tile([emit.elements(source)], packed=True)
        return None

    def _reshape(self, op: ir.OpView) -> bool | None:
        source, result = op.operands[0], op.results[0]
        if not _is_bytes(source):
            return False
        if source in self.tiles:
            tile = self.tiles[source]
            rows = tile.rows if op.operation.name == "vector.shape_cast" else [tile.rows[op.static_position[0]]]
            self.tiles[result] = Tile(rows, tile.packed)
        return None


def _last_byte(op: d.SegmentLoadOp) -> int:
    """The largest value of `op.byte`: it is constant, or counts a depth loop, or lies in the segment."""
    owner = op.byte.owner
    if isinstance(owner, ir.Block):
        loop = owner.owner.opview
        if loop.operation.name == "scf.for" and op.byte == loop.induction_variable:
            return ir.IntegerAttr(loop.upperBound.owner.opview.value).value
    elif isinstance(owner.opview, arith.ConstantOp):
        return ir.IntegerAttr(owner.opview.value).value
    return segment_bytes(op.source)


def _byte(packed: ir.Value, lane: int) -> ir.Value:
    """Byte `lane` of a word, sign-extended."""
    return arith.shrsi(arith.shli(packed, emit.word(24 - 8 * lane)), emit.word(24))


def _unsigned_byte(packed: ir.Value, lane: int) -> ir.Value:
    """Byte `lane` of a word as an index."""
    word = arith.andi(arith.shrui(packed, emit.word(8 * lane)), emit.word(0xFF))
    return arith.index_cast(ir.IndexType.get(), word)


def _is_bytes(value: ir.Value) -> bool:
    return isinstance(value.type, ir.VectorType) and int_width(value.type.element_type) == 8


def _strides(shape: list[int]) -> list[int]:
    return [int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape))]


Handler = Callable[[Any, Any], "bool | None"]

SHARED: Mapping[str, Handler] = {
    "vmcu.segment_load": Lowering._segment_load,
    "vmcu.segment_store": Lowering._segment_store,
    "vmcu.segment_free": Lowering._segment_free,
    "vmcu.flash_load": Lowering._flash_load,
    "vmcu.look_up": Lowering._look_up,
    "vmcu.buffer": Lowering._buffer,
    "vmcu.broadcast": Lowering._broadcast,
    "vmcu.requantize": Lowering._requantize,
    "arith.extsi": Lowering._extsi,
    "arith.trunci": Lowering._trunci,
    "vector.bitcast": Lowering._bitcast,
    "vector.shape_cast": Lowering._reshape,
    "vector.extract": Lowering._reshape,
}


def _refuse_tile(lowering: Lowering, op: ir.OpView) -> None:
    raise PassError(op, "needs a core with the DSP extension and an FPU")


#: The ops whose loops are written for one instruction set, where that is not there.
NO_TILES: Mapping[str, Handler] = dict.fromkeys(("vmcu.widen", "vmcu.matmul", "vmcu.depthwise"), _refuse_tile)


def _refuse_words(lowering: Lowering, op: ir.OpView) -> None:
    raise PassError(op, "needs a core with the DSP extension")


#: The ops on words of four bytes, where no instruction takes such words.
NO_WORDS: Mapping[str, Handler] = {"vmcu.maximum": _refuse_words}
