"""Maximum pooling as plain loops."""

from __future__ import annotations

from mlir import ir
from mlir.dialects import arith

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.channelwise import CHANNELS, ChannelwiseEmitter
from vmcu.operators.geometry import Region, Steps
from vmcu.operators.pool.operator import MaxPool


class PlainMaxPool(Family[MaxPool]):
    """Comparisons, word by word."""

    computes = MaxPool

    def steps(self, operator: MaxPool, variant: Variant) -> Steps:
        return operator.plain_steps()

    def emit(self, operator: MaxPool, variant: Variant, on: Operands, *, backward: bool) -> None:
        MaxPoolEmitter(operator, on, backward).emit()

    def emit_row(self, operator: MaxPool, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        MaxPoolEmitter(operator, on, backward, by_rows=True).emit_row(row)


class MaxPoolEmitter(ChannelwiseEmitter):
    kernel: MaxPool

    def _emit_value(self, row: Index, column: Index, region: Region, channel: Index, valid: int) -> ir.Value:
        acc = build.splat(build.i32(), self.kernel.low, CHANNELS)
        acc = self._fold_taps(row, column, region, channel, valid, acc)
        acc = arith.minsi(acc, build.splat(build.i32(), self.kernel.high, CHANNELS))
        return build.as_row(arith.trunci(build.vector(build.i8(), CHANNELS), acc))

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        for tap in range(ir.VectorType(words.type).shape[0]):
            acc = arith.maxsi(acc, arith.extsi(build.vector(build.i32(), CHANNELS), build.row_of(words, tap)))
        return acc
