"""Requantisation where a product's high word costs more than one instruction: the second step is a shift."""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.isa import emit
from vmcu.isa.lowering import Lowering
from vmcu.isa.requantize import Scale
from vmcu.operators.scale import ScaleForm


class ScalarScale(Scale):
    """A multiplication, then a rounding shift. Without `long_multiply` the product is made of four."""

    def __init__(
        self, lowering: Lowering, multiplier: ir.Value, shift: ir.Value, rounding: str, *, long_multiply: bool
    ):
        super().__init__(lowering, multiplier, shift, rounding)
        self.long_multiply = long_multiply

    @staticmethod
    def constants(form: ScaleForm) -> tuple[np.ndarray | None, ...]:
        return form.multiplier, form.shift

    def multiply(self, value: ir.Value, multiplier: ir.Value, second: ir.Value, zero: ir.Value) -> ir.Value:
        product = emit.high_product if self.long_multiply else emit.high_product_of_halves
        scaled = product(value, multiplier, rounded=self.kind == "double")
        if self.kind == "double":
            scaled = arith.addi(scaled, value)
            scaled = arith.addi(scaled, arith.shrsi(scaled, emit.word(31)))
        # (t + 2^(n-1)) >> n, without overflow.
        halved = arith.shrsi(arith.addi(arith.shrsi(scaled, second), emit.word(1)), emit.word(1))
        return arith.addi(halved, zero)
