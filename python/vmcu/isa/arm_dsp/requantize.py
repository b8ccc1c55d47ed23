"""Requantisation in two multiplications: SMMLAR or SMMUL, then SMMLSR."""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.isa import emit
from vmcu.isa.requantize import Scale
from vmcu.operators.match import producer
from vmcu.operators.scale import ScaleForm


class DspScale(Scale):
    """The second multiplication shifts and rounds."""

    @staticmethod
    def constants(form: ScaleForm) -> tuple[np.ndarray | None, ...]:
        return form.multiplier, form.factor

    def multiply(self, value: ir.Value, multiplier: ir.Value, second: ir.Value, zero: ir.Value) -> ir.Value:
        if self.kind == "double":
            scaled = emit.high_product(value, multiplier, value)
            scaled = arith.addi(scaled, arith.shrsi(scaled, emit.word(31)))
        else:
            scaled = emit.high_product(value, multiplier, rounded=False)
        if isinstance(producer(second), arith.ConstantOp):
            return emit.subtract_high_product(scaled, second, zero)
        return emit.high_product(scaled, second, zero, subtract=True)
