"""The family `words` of maximum pools: four channels to a word, compared at once."""

from __future__ import annotations

from mlir import ir
from mlir.dialects import arith
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.channelwise import CHANNELS
from vmcu.operators.geometry import Steps
from vmcu.operators.pool import MaxPool
from vmcu.operators.pool.loops import MaxPoolEmitter
from vmcu.operators.requant import INT8


class WordMaxPool(Family[MaxPool]):
    """`vmcu.maximum`, word by word."""

    name = "words"
    computes = MaxPool

    def steps(self, operator: MaxPool, variant: Variant) -> Steps:
        return operator.plain_steps()

    def offers(self, operator: MaxPool) -> tuple[Variant, ...]:
        return (Variant(self.name),)

    def emit(self, operator: MaxPool, variant: Variant, on: Operands, *, backward: bool) -> None:
        _Emitter(operator, on, backward).emit()

    def emit_row(self, operator: MaxPool, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        _Emitter(operator, on, backward, by_rows=True).take_turn(row, on)


class _Emitter(MaxPoolEmitter):
    """The same loops, on words."""

    width = 4 * CHANNELS

    def _start(self, words: int = 1) -> ir.Value:
        low = (self.kernel.low & 0xFF) * 0x01010101
        return build.splat(build.i32(), low - ((low >> 31) << 32), words)

    def _finish(self, acc: ir.Value) -> ir.Value:
        count = CHANNELS * ir.VectorType(acc.type).shape[0]
        largest = vector_d.bitcast(build.vector(build.i8(), count), acc)
        if self.kernel.high < INT8[1]:
            wide = arith.extsi(build.vector(build.i32(), count), largest)
            wide = arith.minsi(wide, build.splat(build.i32(), self.kernel.high, count))
            largest = arith.trunci(build.vector(build.i8(), count), wide)
        return build.as_row(largest)

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        return d.maximum(words, acc)
