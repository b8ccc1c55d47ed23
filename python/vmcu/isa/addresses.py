"""Addresses of segments in the pool, and the copies of rows between places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mlir import ir
from mlir.dialects import arith, memref

from vmcu.dialects import vmcu as d
from vmcu.isa import emit
from vmcu.isa.reports import Reports, first_byte


@dataclass(frozen=True)
class Landed:
    """The addresses of a ring and of the landing that holds its newest row, and that row's first segment."""

    ring: ir.Value
    landing: ir.Value
    newest: ir.Value
    segments: int  # of a row


Address: TypeAlias = ir.Value | Landed


def segment_address(base: Address, sequence: ir.Value, index: ir.Value, byte: ir.Value | None) -> ir.Value:
    """Byte `byte` of segment `index` of a sequence at `base`: in a ring, of slot `index mod ring`."""
    size = sequence.type.bytes
    slot = index if sequence.type.is_resident else arith.remui(index, index_constant(sequence.type.ring))
    if not isinstance(base, Landed):
        return _offset(base, slot, size, byte)
    inside = arith.subi(index, base.newest)
    is_newest = arith.cmpi(arith.CmpIPredicate.ult, inside, index_constant(base.segments))
    start = arith.select(is_newest, base.landing, base.ring)
    return _offset(start, arith.select(is_newest, inside, slot), size, byte)


def _offset(base: ir.Value, index: ir.Value, size: int, byte: ir.Value | None) -> ir.Value:
    offset = arith.muli(index, index_constant(size)) if size > 1 else index
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


def first_segment(op: d.SegmentLoadOp | d.SegmentStoreOp) -> ir.Value:
    """The first segment that `op` names."""
    return op.index if op.within is None else arith.addi(op.index, op.within)


def segment_bytes(sequence: ir.Value) -> int:
    """Bytes of one segment."""
    return sequence.type.bytes


def index_constant(value: int) -> ir.Value:
    """An `arith.constant` of type index."""
    return arith.constant(ir.IndexType.get(), value)
