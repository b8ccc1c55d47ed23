"""Segment ops on cores with the DSP extension: words of four bytes, two products an instruction."""

from __future__ import annotations

from dataclasses import dataclass

from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.ir.bridge import PassError
from vmcu.isa import emit
from vmcu.isa.arm_dsp import lower_tiles
from vmcu.isa.arm_dsp.requantize import DspScale
from vmcu.isa.lowering import NO_TILES, SHARED, Lowering, Rows


@dataclass
class DspLowering(Lowering):
    """SMLAD on pairs of 16-bit lanes."""

    packs = True

    def load_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        counts = [min(4, valid - byte) for byte in range(0, width, 4)]
        return [
            emit.load_word(emit.at(address, 4 * number), count) if count > 0 else emit.word(0)
            for number, count in enumerate(counts)
        ]

    def load_flipped_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        counts = [max(0, min(4, valid - byte)) for byte in range(0, width, 4)]
        words = self.load_row(address, width, valid)
        return [arith.xori(each, emit.word(0x80808080 & ((1 << 8 * n) - 1))) for each, n in zip(words, counts)]

    def load_rows(self, base: ir.Value, shape: list[int], strides: list[int]) -> Rows:
        per_row = shape[1] // 4 if len(shape) == 2 else shape[1]
        stride = strides[len(strides) - len(shape)]
        return [
            [emit.load(emit.at(base, row * stride + 4 * number), 32) for number in range(per_row)]
            for row in range(shape[0])
        ]

    def scale(self, multiplier: ir.Value, shift: ir.Value, rounding: str) -> DspScale:
        return DspScale(self, multiplier, shift, rounding)

    def clamp(self, value: ir.Value, low: int, high: int) -> ir.Value:
        return emit.clamp(value, low, high)

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

    def _maximum(self, op: d.MaximumOp) -> None:
        acc = emit.elements(op.acc)
        for row in self._words_of(op, op.taps):
            acc = [emit.larger_bytes(each, word) for each, word in zip(acc, row)]
        op.result.replace_all_uses_with(emit.collect(acc, len(acc)))

    def _words_of(self, op: ir.OpView, value: ir.Value) -> Rows:
        tile = self.tiles.get(value)
        if tile is None or not tile.packed:
            raise PassError(op, "multiplies bytes that are not loaded from segments or flash")
        return tile.rows


DspLowering.handlers = {
    **SHARED,
    "vmcu.dot": DspLowering._dot,
    "vmcu.channel_dot": DspLowering._channel_dot,
    "vmcu.maximum": DspLowering._maximum,
    **NO_TILES,
}


@dataclass
class TileLowering(DspLowering):
    """With an FPU, whose registers hold constants, there are inner loops in assembly."""


TileLowering.handlers = {**DspLowering.handlers, **lower_tiles.HANDLERS}
