"""Segment ops on cores without the DSP extension: bytes are loaded one by one, sign-extended, and multiplied as words.

LDRSB loads and extends in one instruction, so packed words would only have to be taken apart again; and single bytes
lie at any address, which matters where words do not. A byte is loaded right before it is multiplied, where nothing is
stored in between: the few registers would not hold a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.isa import emit
from vmcu.isa.lowering import NO_TILES, NO_WORDS, SHARED, Lowering, Rows
from vmcu.isa.scalar.requantize import ScalarScale
from vmcu.operators.match import producer


@dataclass
class ScalarLowering(Lowering):
    """Multiplications of 32-bit lanes."""

    packs = False

    def load_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        return [_load_byte(address, lane) for lane in range(valid)] + [emit.word(0)] * (width - valid)

    def load_flipped_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        return [_load_flipped_byte(address, lane) for lane in range(valid)] + [emit.word(0)] * (width - valid)

    def load_rows(self, base: ir.Value, shape: list[int], strides: list[int]) -> Rows:
        per_row = shape[1] if len(shape) == 2 else 4 * shape[1]
        stride = strides[len(strides) - len(shape)]
        return [[_load_byte(base, row * stride + lane) for lane in range(per_row)] for row in range(shape[0])]

    def scale(self, multiplier: ir.Value, shift: ir.Value, rounding: str) -> ScalarScale:
        return ScalarScale(self, multiplier, shift, rounding, long_multiply=self.core.long_multiply)

    def clamp(self, value: ir.Value, low: int, high: int) -> ir.Value:
        if self.core.saturate:
            return emit.clamp(value, low, high)
        return arith.minsi(arith.maxsi(value, emit.word(low)), emit.word(high))

    def _dot(self, op: d.DotOp) -> None:
        pixels, weights = self.lanes_of(op.pixels), self.lanes_of(op.weights)
        fetch = self._fetcher(op, op.pixels, op.weights)
        acc = emit.elements(op.acc)
        for depth in range(len(pixels[0])):
            for channel, row in enumerate(weights):
                fetch(row[depth])
                for pixel, lanes in enumerate(pixels):
                    fetch(lanes[depth])
                    at = pixel * len(weights) + channel
                    acc[at] = _multiply_add(lanes[depth], row[depth], acc[at])
        op.result.replace_all_uses_with(emit.collect(acc, len(pixels), len(weights)))

    def _channel_dot(self, op: d.ChannelDotOp) -> None:
        taps, weights = self.lanes_of(op.taps), self.lanes_of(op.weights)
        fetch = self._fetcher(op, op.taps, op.weights)
        is_packed = len(ir.VectorType(op.weights.type).shape) == 4
        acc = emit.elements(op.acc)
        for tap, lanes in enumerate(taps):
            for channel, lane in enumerate(lanes):
                # Packed, four lanes are two channels of an even tap, then the same two of the odd one.
                pair = 4 * (channel // 2) + 2 * (tap % 2) + channel % 2
                factor = weights[tap // 2][pair] if is_packed else weights[tap][channel]
                fetch(lane)
                fetch(factor)
                acc[channel] = _multiply_add(lane, factor, acc[channel])
        op.result.replace_all_uses_with(emit.collect(acc, len(acc)))

    def _fetcher(self, op: ir.OpView, *tiles: ir.Value) -> Callable[[ir.Value], None]:
        """A function that moves the load of a byte of `tiles` before `op`, at its first call for the byte."""
        ops = list(op.operation.block.operations)
        names = [each.operation.name for each in ops]
        here = [each.operation for each in ops].index(op.operation)
        movable: set[ir.Value] = set()
        for tile in tiles:
            load = next((n for n, each in enumerate(ops) if each == tile.owner and names[n] in _LOADS), None)
            if load is not None and all(name.startswith(_PURE) for name in names[load:here]):
                movable |= {lane for row in self.lanes_of(tile) for lane in row}

        def fetch(lane: ir.Value) -> None:
            if lane in movable:
                movable.remove(lane)
                for each in reversed(list(_steps_of(lane))):
                    each.move_before(op.operation)

        return fetch


ScalarLowering.handlers = {
    **SHARED,
    "vmcu.dot": ScalarLowering._dot,
    "vmcu.channel_dot": ScalarLowering._channel_dot,
    **NO_TILES,
    **NO_WORDS,
}

_LOADS = ("vmcu.segment_load", "vmcu.flash_load")
#: Beginnings of the names of ops that store nothing; what is lowered already is still there.
_PURE = (
    *("arith.", "affine.apply", "vector.", "llvm.load", "llvm.getelementptr", "llvm.mlir.", *_LOADS),
    *("vmcu.segment_free", "vmcu.broadcast", "vmcu.dot", "vmcu.channel_dot", "vmcu.requantize"),
)


def _steps_of(lane: ir.Value) -> Iterator[ir.Operation]:
    """What makes a loaded lane, last first: its extension, its load, its address if it is this byte's only."""
    op = producer(lane)
    if op is not None and op.operation.name == "arith.subi":  # of a byte that is flipped
        yield op.operation
        lane = op.operands[0]
    for names in (("arith.extsi", "arith.extui"), ("llvm.load",), ("llvm.getelementptr",)):
        op = producer(lane)
        if op is None or op.operation.name not in names or len(op.operands) != 1:
            return
        if op.operation.name == "llvm.getelementptr" and len(list(lane.uses)) > 1:
            return
        yield op.operation
        lane = op.operands[0]


def _load_byte(base: ir.Value, offset: int) -> ir.Value:
    return arith.extsi(emit.integer(32), emit.load(emit.at(base, offset), 8))


def _load_flipped_byte(base: ir.Value, offset: int) -> ir.Value:
    """A byte of uint8 as the int8 number that is less by 128."""
    half = emit.word(128)
    return arith.subi(arith.extui(emit.integer(32), emit.load(emit.at(base, offset), 8)), half)


def _multiply_add(a: ir.Value, b: ir.Value, acc: ir.Value) -> ir.Value:
    return arith.addi(acc, arith.muli(a, b))
