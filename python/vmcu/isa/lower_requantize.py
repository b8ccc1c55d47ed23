"""Requantisation: the fastest exact form of a scale, as instructions, for cores with the DSP extension and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.isa import emit
from vmcu.operators.match import constant_array, producer
from vmcu.operators.scale import ScaleForm, choose_form

if TYPE_CHECKING:
    from vmcu.isa.lower_segments import SegmentLowering


class Scale:
    """`round(value * multiplier * 2^-shift) + zero_point` of one op, in the fastest exact form."""

    def __init__(self, lowering: SegmentLowering, multiplier: ir.Value, shift: ir.Value, rounding: str):
        self.rounding = rounding
        loads = [_flash_load(lowering, each) for each in (multiplier, shift)]
        tables = _tables_behind([multiplier, shift], loads)
        form = choose_form(*tables, rounding) if tables is not None else None
        if form is not None and form.kind != "wide":
            self.kind = form.kind
            self.tables = [
                _reload(lowering, loads[0] or loads[1], each) for each in self.constants(form) if each is not None
            ]
        else:
            self.kind = "wide"
            self.tables = [emit.elements(multiplier), lowering.lanes_of(shift)[0]]

    @staticmethod
    def constants(form: ScaleForm) -> tuple[np.ndarray | None, ...]:
        """What the instructions of a fast form read, per channel."""
        return form.multiplier, form.factor

    def apply(self, value: ir.Value, channel: int, zero_point: int) -> ir.Value:
        first, *rest = self._entries(channel)
        zero = emit.word(zero_point)
        if self.kind == "double":
            scaled = emit.high_product(value, first, value)
            away = arith.addi(scaled, arith.shrsi(scaled, emit.word(31)))
            return self._shift(away, rest[0], zero)
        if self.kind == "single":
            scaled = emit.high_product(value, first, rounded=False)
            return self._shift(scaled, rest[0], zero)
        if self.kind == "shift":
            return arith.addi(arith.shli(value, first), zero)
        return arith.addi(_apply_wide(value, first, rest[0], self.rounding), zero)

    def _shift(self, value: ir.Value, factor: ir.Value, zero: ir.Value) -> ir.Value:
        if isinstance(producer(factor), arith.ConstantOp):
            return emit.subtract_high_product(value, factor, zero)
        return emit.high_product(value, factor, zero, subtract=True)

    def _entries(self, channel: int) -> list[ir.Value]:
        return [table[channel if len(table) > 1 else 0] for table in self.tables]


class ScalarScale(Scale):
    """The same on cores where a product's high word costs more than one instruction: the second one is a shift."""

    def __init__(
        self, lowering: SegmentLowering, multiplier: ir.Value, shift: ir.Value, rounding: str, *, long_multiply: bool
    ):
        super().__init__(lowering, multiplier, shift, rounding)
        self.long_multiply = long_multiply

    @staticmethod
    def constants(form: ScaleForm) -> tuple[np.ndarray | None, ...]:
        return form.multiplier, form.shift

    def apply(self, value: ir.Value, channel: int, zero_point: int) -> ir.Value:
        if self.kind not in ("double", "single"):
            return super().apply(value, channel, zero_point)
        multiplier, shift = self._entries(channel)
        scaled = self._high_product(value, multiplier)
        if self.kind == "double":
            scaled = arith.addi(scaled, value)
            scaled = arith.addi(scaled, arith.shrsi(scaled, emit.word(31)))
        # (t + 2^(n-1)) >> n, without overflow.
        halved = arith.shrsi(arith.addi(arith.shrsi(scaled, shift), emit.word(1)), emit.word(1))
        return arith.addi(halved, emit.word(zero_point))

    def _high_product(self, value: ir.Value, multiplier: ir.Value) -> ir.Value:
        product = emit.high_product if self.long_multiply else emit.high_product_of_halves
        return product(value, multiplier, rounded=self.kind == "double")


def _apply_wide(value: ir.Value, multiplier: ir.Value, shift: ir.Value, rounding: str) -> ir.Value:
    """The definition of `tosa.apply_scale`, in 64 bits."""
    wide = emit.integer(64)
    one = arith.constant(wide, 1)
    amount = arith.extsi(wide, shift)
    total = arith.muli(arith.extsi(wide, value), arith.extsi(wide, multiplier))
    total = arith.addi(total, arith.shli(one, arith.subi(amount, one)))
    if rounding == "double":
        half = arith.constant(wide, 1 << 30)
        negative = arith.cmpi(arith.CmpIPredicate.slt, value, emit.word(0))
        signed = arith.select(negative, arith.constant(wide, -(1 << 30)), half)
        large = arith.cmpi(arith.CmpIPredicate.sgt, shift, emit.word(31))
        total = arith.addi(total, arith.select(large, signed, arith.constant(wide, 0)))
    return arith.trunci(emit.integer(32), arith.shrsi(total, amount))


def _tables_behind(values: list[ir.Value], loads: list[d.FlashLoadOp | None]) -> list[np.ndarray] | None:
    """The constants behind multipliers and shifts, of one element or of all channels; None if they do not match up."""
    tables = [_constant_behind(value, load) for value, load in zip(values, loads)]
    if any(each is None for each in tables):
        return None
    if all(loads):
        same = list(loads[0].indices) == list(loads[1].indices) and tables[0].size == tables[1].size
        return tables if same else None
    # A table of all channels goes with one constant for all, not with those of this tile.
    return None if any(loads) and min(each.size for each in tables) > 1 else tables


def _flash_load(lowering: SegmentLowering, value: ir.Value) -> d.FlashLoadOp | None:
    owner = lowering.loads.get(value) or producer(value)
    return owner if isinstance(owner, d.FlashLoadOp) else None


def _constant_behind(value: ir.Value, load: d.FlashLoadOp | None) -> np.ndarray | None:
    """The whole table behind a constant vector or a flash load."""
    if load is not None:
        table = constant_array(load.source)
        return table if table is not None and table.ndim == 1 else None
    owner = producer(value)
    if not isinstance(owner, arith.ConstantOp):
        return None
    attribute = owner.value
    if attribute.is_splat:
        return np.array([ir.IntegerAttr(attribute.get_splat_value()).value])
    return np.array(attribute).ravel()


def _reload(lowering: SegmentLowering, load: d.FlashLoadOp | None, table: np.ndarray) -> list[ir.Value]:
    """The entries of `table` that stand where `load` reads."""
    if load is None or table.size == 1:
        return [emit.word(int(each)) for each in table]
    base = emit.at(lowering.globals.table(table), arith.muli(load.indices[0], arith.constant(ir.IndexType.get(), 4)))
    return [emit.load(emit.at(base, 4 * number), 32, 4) for number in range(ir.VectorType(load.result.type).shape[0])]
