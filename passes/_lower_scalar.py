"""Segment ops on cores without the DSP extension: bytes are loaded one by one, sign-extended, and multiplied as words.

LDRSB loads and extends in one instruction, so packed words would only have to be taken apart again; and single bytes
lie at any address, which matters where words do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d

from . import _emit as emit
from ._features import CoreOptions
from ._lower_requantize import ScalarScale
from ._lower_segments import SegmentLowering, Words
from ._registry import PassError


@dataclass
class ScalarLowering(SegmentLowering):
    """Lowers the ops of one kernel to multiplications of 32-bit lanes."""

    core: CoreOptions = field(default_factory=CoreOptions)

    def _segment_load(self, op: d.SegmentLoadOp) -> None:
        super()._segment_load(op)
        self.lanes[op.result] = self.words.pop(op.result)

    def _load_row(self, address: ir.Value, width: int, valid: int) -> list[ir.Value]:
        return [_load_byte(address, lane) for lane in range(valid)] + [emit.word(0)] * (width - valid)

    def _flash_load(self, op: d.FlashLoadOp) -> None:
        super()._flash_load(op)
        if op.result in self.words:
            self.lanes[op.result] = self.words.pop(op.result)

    def _load_words(self, base: ir.Value, shape: list[int], strides: list[int]) -> Words:
        per_row = shape[1] if len(shape) == 2 else 4 * shape[1]
        stride = strides[len(strides) - len(shape)]
        return [[_load_byte(base, row * stride + lane) for lane in range(per_row)] for row in range(shape[0])]

    def _dot(self, op: d.DotOp) -> None:
        pixels, weights = self.lanes_of(op.pixels), self.lanes_of(op.weights)
        acc = emit.elements(op.acc)
        for depth in range(len(pixels[0])):
            for channel, row in enumerate(weights):
                for pixel, lanes in enumerate(pixels):
                    at = pixel * len(weights) + channel
                    acc[at] = _multiply_add(lanes[depth], row[depth], acc[at])
        op.result.replace_all_uses_with(emit.collect(acc, len(pixels), len(weights)))

    def _channel_dot(self, op: d.ChannelDotOp) -> None:
        taps, weights = self.lanes_of(op.taps), self.lanes_of(op.weights)
        is_packed = len(ir.VectorType(op.weights.type).shape) == 4
        acc = emit.elements(op.acc)
        for tap, lanes in enumerate(taps):
            for channel, lane in enumerate(lanes):
                # Packed, four lanes are two channels of an even tap, then the same two of the odd one.
                pair = 4 * (channel // 2) + 2 * (tap % 2) + channel % 2
                factor = weights[tap // 2][pair] if is_packed else weights[tap][channel]
                acc[channel] = _multiply_add(lane, factor, acc[channel])
        op.result.replace_all_uses_with(emit.collect(acc, len(acc)))

    def _scale(self, multiplier: ir.Value, shift: ir.Value, rounding: str) -> ScalarScale:
        return ScalarScale(self, multiplier, shift, rounding, long_multiply=self.core.long_multiply)

    def _clamp(self, value: ir.Value, low: int, high: int) -> ir.Value:
        if self.core.saturate:
            return super()._clamp(value, low, high)
        return arith.minsi(arith.maxsi(value, emit.word(low)), emit.word(high))

    def lower_matmul(self, op: d.MatmulOp) -> None:
        raise PassError(op, "needs a core with the DSP extension and an FPU")

    lower_depthwise = lower_widen = lower_matmul


def _load_byte(base: ir.Value, offset: int) -> ir.Value:
    return arith.extsi(emit.integer(32), emit.load(emit.at(base, offset), 8))


def _multiply_add(a: ir.Value, b: ir.Value, acc: ir.Value) -> ir.Value:
    return arith.addi(acc, arith.muli(a, b))
