"""Compute chains of elementwise layers with one input in one go: by a table, or by two lines.

Before: `linalg.generic` ops on tensors, among them some that together make an int8 tensor out of one other int8 tensor,
        element by element (a PRELU is half a dozen of them; `x * sigmoid(x)` is a table and a product)
After:  one op in their place that looks a table of 256 entries up, or computes `(x * a + c) >> s`

A function of a byte is known when the model is compiled: all 256 of its results are computed here, with the ops' own
arithmetic. A function that is the same for all channels becomes the table that a `tosa.table` is, `tensor.extract` from a
constant at `x + 128`. One that differs (slopes per channel) becomes two lines that meet at a zero point, if lines give
exactly these results; a table for each channel, if the map is large enough to be worth its flash; otherwise the ops are
put into one body. An op that only clamps or adds is cheaper than a table and
stays as it is. What nothing else reads is computed nowhere any more; a tensor that something else reads is the input of
what follows it.

Runs on linalg before `vmcu-form-kernels`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir
from mlir.dialects import arith, linalg, tensor

from vmcu.ir import build, walk
from vmcu.operators import match
from vmcu.operators.elementwise.affine import SHIFT, Bend, fit_bend
from vmcu.operators.elementwise.evaluate import evaluate
from vmcu.operators.match import op_name, shape_of
from vmcu.operators.requant import constant_int
from vmcu.operators.table.read import find_table
from vmcu.passes._pointwise import BYTES, Pointwise, read_pointwise, word, write_pointwise
from vmcu.passes._registry import vmcu_pass

# A table saves some 28 cycles an element, so from here on 50 cycles for each of its bytes.
_PIXELS_PER_TABLE = 512
_MOST_BYTES = 16 << 10


@vmcu_pass("vmcu-merge-unary-layers", summary="Compute chains of elementwise layers with one input in one go")
def merge_unary_layers(module: ir.Module, options: None) -> None:
    for function in walk.functions(module):
        if len(function.regions[0].blocks) == 1:
            _Merger(function.regions[0].blocks[0]).run()


class _Merger:
    def __init__(self, block: ir.Block):
        self.block = block
        self.ops: dict[ir.Value, Pointwise] = {}
        #: The int8 tensors that a value is a function of, each by itself; the nearest first.
        self.sources: dict[ir.Value, list[ir.Value]] = {}
        #: Those that something else than a function of a byte reads.
        self.read: set[ir.Value] = set()
        self.made: dict[ir.Value, ir.Value] = {}  # what took a value's place

    def run(self) -> None:
        for op in self.block.operations:
            found = read_pointwise(op)
            if found is not None and (sources := self._sources_of(found)):
                self.ops[op.results[0]], self.sources[op.results[0]] = found, sources
        self.read = {each for each in self.ops if any(self._is_outside(user) for user in walk.users(each))}
        for value in [each for each in self.ops if match.is_int8(each) and each in self.read]:
            made = self._merge(value)
            if made is not None:
                value.replace_all_uses_with(made)
                self.made[value] = made

    def _sources_of(self, found: Pointwise) -> list[ir.Value]:
        lists = [([each] if match.is_int8(each) else []) + self.sources.get(each, []) for each in found.tensors]
        return [each for each in lists[0] if all(each in others for others in lists)]

    def _is_outside(self, user: ir.Operation) -> bool:
        return len(user.results) == 0 or user.results[0] not in self.ops

    def _merge(self, value: ir.Value) -> ir.Value | None:
        """A new op that makes what `value` is; None if the ops that are there are as good."""
        sources = self.sources[value]
        source = next((each for each in sources if each not in self.ops or each in self.read), sources[-1])
        region = self._between(source, value)
        if len(region) == 1 and _is_cheap(region[0]):
            return None
        new, channels = self.made.get(source, source), shape_of(source)[-1]
        if any(isinstance(one, np.ndarray) and one.size not in (1, channels) for each in region for one in each.inputs):
            with region[-1].op.location, ir.InsertionPoint(region[-1].op):
                return self._join(source, new, region)
        values = self._evaluate(region, source)
        with region[-1].op.location, ir.InsertionPoint(region[-1].op):
            if (values == values[:, :1]).all():
                return _look_up(new, values[:, 0])
            bend = _find_bend(region, values)
            if bend is not None:
                return _bend(new, bend)
            if _is_worth_tables(shape_of(source)):
                return _look_up(new, values)
            return self._join(source, new, region)

    def _between(self, source: ir.Value, value: ir.Value) -> list[Pointwise]:
        """The ops that make `value` out of `source`, in order."""
        needed: set[ir.Value] = set()
        waiting = [value]
        while waiting:
            each = waiting.pop()
            if each != source and each not in needed:
                needed.add(each)
                waiting += self.ops[each].tensors
        return [op for result, op in self.ops.items() if result in needed]

    @staticmethod
    def _evaluate(region: Sequence[Pointwise], source: ir.Value) -> np.ndarray:
        """The function as `[256, channels]`, or `[256, 1]`."""
        values = {source: BYTES[:, None]}
        for each in region:
            inputs = [
                values[one] if isinstance(one, ir.Value) else one.ravel()[None, :].astype(np.int64)
                for one in each.inputs
            ]
            values[each.op.results[0]] = np.atleast_2d(evaluate(each.body, inputs))
        result = values[region[-1].op.results[0]]
        return np.broadcast_to(result, (256, result.shape[1]))

    @staticmethod
    def _join(source: ir.Value, new: ir.Value, region: Sequence[Pointwise]) -> ir.Value | None:
        """All bodies as one, of what took the place of `source`; None if there is but one, or one that looks a table up."""
        if len(region) == 1 or any(find_table(each.op) is not None for each in region):
            return None
        constants = [one for each in region for one in each.inputs if isinstance(one, np.ndarray) and one.size > 1]

        def compute(x: ir.Value, *rows: ir.Value) -> ir.Value:
            made, unread = {source: x}, iter(rows)
            for each in region:
                mapping = {}
                for argument, one in zip(each.body.arguments, each.inputs):
                    if isinstance(one, ir.Value):
                        mapping[argument] = made[one]
                    elif one.size > 1:
                        mapping[argument] = next(unread)
                    else:
                        mapping[argument] = arith.constant(argument.type, int(one.ravel()[0]))
                *inner, end = each.body.operations
                for op in inner:
                    copy = op.operation.clone()
                    for number, operand in enumerate(copy.operands):
                        if operand in mapping:
                            copy.operands[number] = mapping[operand]
                    mapping[op.results[0]] = copy.results[0]
                made[each.op.results[0]] = mapping.get(end.operands[0], end.operands[0])
            return made[region[-1].op.results[0]]

        return write_pointwise([new], constants, compute)


def _is_cheap(each: Pointwise) -> bool:
    """Whether an op is a table already, or does so little that looking a table up takes longer."""
    return find_table(each.op) is not None or all(op_name(op) != "tosa.apply_scale" for op in each.body.operations)


def _find_bend(region: Sequence[Pointwise], values: np.ndarray) -> Bend | None:
    """Two lines that are the function; they meet where some op subtracts a zero point."""
    zeros = {
        number
        for each in region
        for op in each.body.operations
        if op_name(op) == "arith.subi" and (number := constant_int(op.operands[1])) is not None
    }
    for at in sorted(each for each in zeros if abs(each) <= 128):
        found = fit_bend(BYTES, values, at)
        if found is not None:
            return found
    return None


def _is_worth_tables(shape: tuple[int, ...]) -> bool:
    """Whether a table for each channel saves enough cycles for its flash: it is read once for each pixel."""
    *pixels, channels = shape
    return int(np.prod(pixels)) >= _PIXELS_PER_TABLE and channels * len(BYTES) <= _MOST_BYTES


def _look_up(source: ir.Value, values: np.ndarray) -> ir.Value:
    """A table of `values`, `[256]` or `[256, channels]`."""
    table = build.flash(values.astype(np.int8))
    half = arith.constant(ir.IndexType.get(), len(values) // 2)
    last = ir.RankedTensorType(source.type).rank - 1

    def compute(x: ir.Value) -> ir.Value:
        place = arith.addi(arith.index_cast(ir.IndexType.get(), x), half)
        return tensor.extract(table, [place, linalg.IndexOp(last).result] if values.ndim == 2 else [place])

    return write_pointwise([source], [], compute)


def _bend(source: ir.Value, bend: Bend) -> ir.Value:
    rows = [each for line in (bend.below, bend.above) for each in (line.slope, line.start)]
    varying = [each for each in rows if (each != each[0]).any()]

    def compute(x: ir.Value, *given: ir.Value) -> ir.Value:
        unread = iter(given)
        slope, start, slope_above, start_above = (
            next(unread) if (each != each[0]).any() else word(int(each[0])) for each in rows
        )
        wide = arith.extsi(build.i32(), x)
        below = arith.addi(arith.muli(wide, slope), start)
        above = arith.addi(arith.muli(wide, slope_above), start_above)
        is_below = arith.cmpi(arith.CmpIPredicate.slt, wide, word(bend.at))
        shifted = arith.shrsi(arith.select(is_below, below, above), word(SHIFT))
        clamped = arith.minsi(arith.maxsi(shifted, word(-128)), word(127))
        return arith.trunci(build.i8(), clamped)

    return write_pointwise([source], varying, compute)
