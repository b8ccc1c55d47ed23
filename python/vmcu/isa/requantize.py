"""Requantisation: the fastest exact form of a scale, as constants; instruction sets have the instructions."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.isa import emit
from vmcu.isa.lowering import Lowering
from vmcu.operators.match import constant_array, producer
from vmcu.operators.scale import ScaleForm, choose_form


class Scale(ABC):
    """`round(value * multiplier * 2^-shift) + zero_point` of one op, in the fastest exact form."""

    def __init__(self, lowering: Lowering, multiplier: ir.Value, shift: ir.Value, rounding: str):
        self.rounding = rounding
        loads = [_flash_load(lowering, each) for each in (multiplier, shift)]
        tables = _tables_behind([multiplier, shift], loads)
        self.kind: str
        form = choose_form(tables[0], tables[1], rounding) if tables is not None else None
        if form is not None and form.kind != "wide":
            self.kind = form.kind
            self.tables = [
                _reload(lowering, loads[0] or loads[1], each) for each in self.constants(form) if each is not None
            ]
        else:
            self.kind = "wide"
            self.tables = [emit.elements(multiplier), lowering.lanes_of(shift)[0]]

    def apply(self, value: ir.Value, channel: int, zero_point: int) -> ir.Value:
        """The scaled value of a channel."""
        first, *rest = [table[channel if len(table) > 1 else 0] for table in self.tables]
        zero = emit.word(zero_point)
        if self.kind in ("double", "single"):
            return self.multiply(value, first, rest[0], zero)
        if self.kind == "shift":
            return arith.addi(arith.shli(value, first), zero)
        return arith.addi(_apply_wide(value, first, rest[0], self.rounding), zero)

    @staticmethod
    @abstractmethod
    def constants(form: ScaleForm) -> tuple[np.ndarray | None, ...]:
        """What the instructions of a fast form read, per channel."""

    @abstractmethod
    def multiply(self, value: ir.Value, multiplier: ir.Value, second: ir.Value, zero: ir.Value) -> ir.Value:
        """The fast forms `double` and `single`; `multiplier` and `second` are a channel's constants."""


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
    found = [_constant_behind(value, load) for value, load in zip(values, loads)]
    tables = [each for each in found if each is not None]
    if len(tables) != len(found):
        return None
    first, second = loads
    if first and second:
        same = list(first.indices) == list(second.indices) and tables[0].size == tables[1].size
        return tables if same else None
    # A table of all channels goes with one constant for all, not with those of this tile.
    return None if any(loads) and min(each.size for each in tables) > 1 else tables


def _flash_load(lowering: Lowering, value: ir.Value) -> d.FlashLoadOp | None:
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


def _reload(lowering: Lowering, load: d.FlashLoadOp | None, table: np.ndarray) -> list[ir.Value]:
    """The entries of `table` that stand where `load` reads."""
    if load is None or table.size == 1:
        return [emit.word(int(each)) for each in table]
    base = emit.at(lowering.globals.table(table), arith.muli(load.indices[0], arith.constant(ir.IndexType.get(), 4)))
    return [emit.load(emit.at(base, 4 * number), 32, 4) for number in range(ir.VectorType(load.result.type).shape[0])]
