"""Requantisation as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.ir import build

INT8 = (-128, 127)
UINT8 = (0, 255)
INT32 = (-(2**31), 2**31 - 1)


@dataclass(frozen=True, eq=False)
class Requant:
    """`clamp(zero_point + round(acc * multiplier * 2^-shift), min, max)`, per channel or for all alike.

    `multiplier` (int32) and `shift` (int8, `[2, 62]`) have one element, or one per output channel. `rounding` as in
    `vmcu.requantize`.
    """

    multiplier: np.ndarray
    shift: np.ndarray
    rounding: Literal["single", "double"]
    zero_point: int
    min: int = INT8[0]
    max: int = INT8[1]

    def apply(self, acc: int | np.ndarray, channel: int | np.ndarray) -> np.ndarray:
        """The definition (`tosa.apply_scale`, then zero point and clamp), for accumulators of 32 bits and their channels."""
        at = channel if len(self.multiplier) > 1 else 0
        acc, multiplier, shift = (np.asarray(each, np.int64) for each in (acc, self.multiplier[at], self.shift[at]))
        total = acc * multiplier + (np.int64(1) << (shift - 1))
        if self.rounding == "double":
            total = total + np.where(shift > 31, np.where(acc >= 0, 1 << 30, -(1 << 30)), 0)
        return np.clip((total >> shift) + self.zero_point, self.min, self.max)

    @property
    def attributes(self) -> tuple[d.Rounding, int, int, int]:
        """Rounding, zero point, smallest and largest result, as ops that requantise take them."""
        rounding = d.Rounding.double_round if self.rounding == "double" else d.Rounding.single_round
        return rounding, self.zero_point, self.min, self.max

    def shared(self) -> Requant:
        """The same with one scale for all channels, if they have equal ones."""
        scales = np.stack([self.multiplier.astype(np.int64), self.shift.astype(np.int64)])
        return (
            replace(self, multiplier=self.multiplier[:1], shift=self.shift[:1])
            if np.ptp(scales, 1).max() == 0
            else self
        )

    def moved(self, by: int) -> Requant:
        """The same with results, and their bounds, larger by so much."""
        return replace(self, zero_point=self.zero_point + by, min=self.min + by, max=self.max + by)

    def clamped(self, low: int, high: int) -> Requant:
        """This requantisation followed by a clamp to `[low, high]`."""
        bounds = np.clip([self.min, self.max], low, high)
        return Requant(self.multiplier, self.shift, self.rounding, self.zero_point, int(bounds[0]), int(bounds[1]))


class RequantEmitter:
    """The constants of a requantisation, built once per kernel, and the op, built per tile."""

    def __init__(self, requant: Requant, channels: int):
        self.requant = requant
        self.per_channel = len(requant.multiplier) > 1
        tables: tuple[np.ndarray, ...] = requant.multiplier.astype(np.int32), requant.shift.astype(np.int8)
        if self.per_channel:
            self.multiplier, self.shift = (build.flash(_pad_to(table, channels)) for table in tables)
        else:
            self.multiplier, self.shift = (
                build.splat(element, int(table[0]), 1) for element, table in zip((build.i32(), build.i8()), tables)
            )

    def emit(self, acc: ir.Value, channel: build.Index, element: ir.Type) -> ir.Value:
        """Requantise a tile of accumulators whose last dimension starts at output channel `channel`."""
        shape = ir.VectorType(acc.type).shape
        multiplier, shift = self.multiplier, self.shift
        if self.per_channel:
            multiplier = build.flash_load(multiplier, [channel], shape[-1])
            shift = build.flash_load(shift, [channel], shape[-1])
        return d.requantize(
            build.vector(element, *shape),
            acc,
            multiplier,
            shift,
            *self.requant.attributes,
        )


def flash_constants(weights: np.ndarray, bias: np.ndarray, requant: Requant) -> list[ir.Value]:
    """The constants of a `vmcu.matmul` or `vmcu.depthwise`: weights, bias, multiplier, shift."""
    tables = (weights, np.int8), (bias, np.int32), (requant.multiplier, np.int32), (requant.shift, np.int8)
    return [build.flash(table.astype(kind)) for table, kind in tables]


def _pad_to(table: np.ndarray, channels: int) -> np.ndarray:
    """Repeat the last entry for channels that only fill a tile."""
    return np.pad(table, (0, channels - len(table)), mode="edge")


def constant_int(value: ir.Value) -> int | None:
    """The value of an integer `arith.constant`, or None."""
    owner = value.owner
    if isinstance(owner, ir.Block) or not isinstance(owner.opview, arith.ConstantOp):
        return None
    attribute = owner.opview.value
    return ir.IntegerAttr(attribute).value if isinstance(attribute, ir.IntegerAttr) else None
