"""Elementwise kernels: the body of a `linalg.generic`, four elements at a time.

Inputs and output are int8 and of one shape; further operands are constants, one value or one per channel. Every scalar
op of the body becomes the same op on vectors of four lanes; `tosa.apply_scale` becomes `vmcu.requantize`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.ir.walk import int_width, rounds_twice
from vmcu.operators.geometry import Steps, Window, split_channels
from vmcu.operators.liveness import at_least, at_most, free_window
from vmcu.operators.match import producer
from vmcu.operators.requant import INT32, constant_int
from vmcu.operators.variant import Variant
from vmcu.planner import Rows

LANES = 4
# Ops whose result's low byte follows from sign-extended operands, so that they run on 32-bit lanes.
_WIDENED = {f"arith.{name}" for name in ("addi", "subi", "muli", "andi", "ori", "xori", "maxsi", "minsi", "select")}


@dataclass(frozen=True, eq=False)
class Elementwise:
    """`pixels x channels` elements of `inputs` tensors through `body`.

    Args:
        body: the block of the `linalg.generic`; its arguments are described by `operands`, the output's comes last.
        operands: per argument either the number of a tensor input, or a constant array of one or `channels` elements.
        height: rows of the image, of `pixels / height` pixels each.
    """

    pixels: int
    channels: int
    inputs: int
    body: ir.Block
    operands: tuple[int | np.ndarray, ...]
    height: int = 1

    kind = d.KernelKind.elementwise
    workspace = 0  # bytes

    scratch = 0  # bytes of stack

    def variants(self) -> list[Variant]:
        return []

    macs = 0

    @property
    def window(self) -> Window:
        """Without operands per channel, four bytes are as good a segment as a pixel, and freed sooner."""
        return Window((1, self._segments[0]), (1, self._segments[0]))

    @property
    def _segments(self) -> tuple[int, int]:
        total, row = self.pixels * self.channels, self.pixels * self.channels // self.height
        per_channel = any(isinstance(each, np.ndarray) and each.size > 1 for each in self.operands)
        return (self.pixels, self.channels) if per_channel or row % LANES else (total // LANES, LANES)

    def sequences(self) -> tuple[tuple[tuple[int, int], ...], tuple[int, int]]:
        """(length, bytes) of each input's and of the output's sequence."""
        return (self._segments,) * self.inputs, self._segments

    def steps(self) -> Steps:
        length, size = self._segments
        return self.window.steps(1, size, size, split_channels(size, LANES))

    def rows(self) -> Rows:
        return Rows(in_rows=self.height, out_rows=self.height)

    def emit(self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], *, backward: bool) -> None:
        length, _ = self._segments
        self._emit_segments(inputs, output, Index(0), length, backward, by_rows=False)

    def emit_row(
        self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], row: Index, *, backward: bool
    ) -> None:
        """Make output row `row`; `backward` is the rows' order."""
        length = self._segments[0] // self.height
        self._emit_segments(inputs, output, row * length, length, backward, by_rows=True)
        for source in inputs:
            build.free(source, (row * length + (0 if backward else length)).value, backward=backward)

    def _emit_segments(
        self, inputs: list[ir.Value], output: ir.Value, first: Index, length: int, backward: bool, *, by_rows: bool
    ) -> None:
        size = self._segments[1]
        constants = [_spread(each, size) if isinstance(each, np.ndarray) else None for each in self.operands]
        full = size - size % LANES
        parts = [(0, full, LANES), (full, size, size - full)]
        for segment in build.loop(0, length, backward=backward):
            index = first + segment
            place, within = (first, segment) if by_rows else (index, None)
            for start, stop, tile in reversed(parts) if backward else parts:
                if start == stop:
                    continue
                for channel in build.loop(start, stop, tile, backward=backward):
                    words = [
                        build.row_of(build.segment_load(each, place, channel, 1, tile, within=within), 0)
                        for each in inputs
                    ]
                    value = self._emit_body(words, constants, channel)
                    done = at_most(channel, 0) if backward else at_least(channel + tile, size)
                    for source in () if by_rows else inputs:
                        free_window(source, self.window, Index(0), index, 1, done, backward=backward)
                    build.segment_store(
                        build.as_row(value),
                        output,
                        place,
                        channel,
                        within=within,
                        valid=tile if tile != LANES else None,
                    )

    def _emit_body(self, words: list[ir.Value], constants: list[ir.Value | None], channel: Index) -> ir.Value:
        values = {}
        for argument, operand, table in zip(self.body.arguments, self.operands, constants):
            values[argument] = words[operand] if table is None else _load(table, channel)
        for op in self.body.operations:
            operands = [values[each] if each in values else _splat_captured(each) for each in op.operands]
            if op.operation.name == "linalg.yield":
                return operands[0]
            values[op.results[0]] = _vectorise(op, operands)
        raise AssertionError("a linalg body ends with a yield")


def can_vectorise(op: ir.OpView) -> bool:
    """Whether `_vectorise` knows a body's op."""
    name = op.operation.name
    widths = [int_width(each.type) for each in [*op.operands, *op.results]]
    if name == "tosa.apply_scale":
        return widths == [32, 32, 8, 32]
    if not name.startswith(("arith.", "linalg.yield")) or not set(widths) <= {1, 8, 16, 32, 64}:
        return False
    if 8 not in widths or name in _WIDENED or name in ("arith.constant", "linalg.yield"):
        return True
    return (name, widths) in (("arith.extsi", [8, 32]), ("arith.trunci", [32, 8]))


def _splat_captured(value: ir.Value) -> ir.Value:
    """A constant from outside the body, where canonicalisation puts them."""
    return build.splat(value.type, constant_int(value), LANES)


def _vectorise(op: ir.OpView, operands: list[ir.Value]) -> ir.Value:
    if op.operation.name == "tosa.apply_scale":
        rounding = d.Rounding.double_round if rounds_twice(op) else d.Rounding.single_round
        return d.requantize(build.vector(build.i32(), LANES), *operands, rounding, 0, *INT32)
    if isinstance(op, arith.ConstantOp):
        return build.splat(op.result.type, ir.IntegerAttr(op.value).value, LANES)
    if op.operation.name == "arith.addi" and (folded := _add_to_scaled(*operands)):
        return folded
    attributes = {name: op.operation.attributes[name] for name in op.operation.attributes}
    element = op.results[0].type
    narrow = op.operation.name in _WIDENED and int_width(element) == 8
    if narrow:
        element, wide = build.i32(), build.vector(build.i32(), LANES)
        operands = [arith.extsi(wide, each) if _is_bytes(each) else each for each in operands]
    result = ir.Operation.create(op.operation.name, [build.vector(element, LANES)], operands, attributes).results[0]
    return arith.trunci(build.vector(build.i8(), LANES), result) if narrow else result


def _add_to_scaled(value: ir.Value, addend: ir.Value) -> ir.Value | None:
    """A constant added to what was only scaled is its zero point: one instruction does both."""
    scale, constant = producer(value), producer(addend)
    if not isinstance(scale, d.RequantizeOp) or not isinstance(constant, arith.ConstantOp):
        return None
    if scale.zero_point.value or (scale.min.value, scale.max.value) != INT32 or not constant.value.is_splat:
        return None
    zero_point = ir.IntegerAttr(constant.value.get_splat_value()).value
    return d.requantize(value.type, scale.value, scale.multiplier, scale.shift, scale.rounding, zero_point, *INT32)


def _is_bytes(value: ir.Value) -> bool:
    return ir.VectorType(value.type).element_type == build.i8()


def _spread(array: np.ndarray, channels: int) -> ir.Value:
    """A constant as a table of one entry per channel, or as a splat."""
    element = ir.IntegerType.get_signless(8 * array.itemsize)
    if array.size == 1:
        return build.splat(element, int(array.ravel()[0]), LANES)
    return build.flash(np.pad(array.ravel(), (0, -channels % LANES), mode="edge"))


def _load(table: ir.Value, channel: Index) -> ir.Value:
    if isinstance(table.type, ir.VectorType):
        return table
    return build.flash_load(table, [channel], LANES)
