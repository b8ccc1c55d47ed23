"""What the body of an elementwise layer computes, in NumPy: for functions that are known when a model is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mlir import ir

from vmcu.ir.walk import int_width, rounds_twice
from vmcu.operators.match import constant_array, op_name
from vmcu.operators.requant import constant_int

Function = Callable[..., np.ndarray]


def _compare(op: ir.OpView, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    number = ir.IntegerAttr(op.attributes["predicate"]).value
    return np.asarray(_COMPARISONS[number](left, right)).astype(np.int64)


def _scale(op: ir.OpView, value: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    total = value * multiplier + (np.int64(1) << (shift - 1))
    if rounds_twice(op):
        total = total + np.where(shift > 31, np.where(value >= 0, 1 << 30, -(1 << 30)), 0)
    return total >> shift


def _extract(op: ir.OpView, place: np.ndarray) -> np.ndarray:
    table = constant_array(op.operands[0])
    assert table is not None, "only tables that are constants are evaluated"
    return table.ravel().astype(np.int64)[place]


_COMPARISONS: tuple[Function, ...] = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
_FUNCTIONS: Mapping[str, Function] = {
    "arith.extsi": lambda op, x: x,
    "arith.trunci": lambda op, x: x,
    "arith.index_cast": lambda op, x: x,
    "arith.addi": lambda op, x, y: x + y,
    "arith.subi": lambda op, x, y: x - y,
    "arith.muli": lambda op, x, y: x * y,
    "arith.maxsi": lambda op, x, y: np.maximum(x, y),
    "arith.minsi": lambda op, x, y: np.minimum(x, y),
    "arith.andi": lambda op, x, y: x & y,
    "arith.ori": lambda op, x, y: x | y,
    "arith.xori": lambda op, x, y: x ^ y,
    "arith.shli": lambda op, x, y: x << y,
    "arith.shrsi": lambda op, x, y: x >> y,
    "arith.select": lambda op, which, x, y: np.where(which != 0, x, y),
    "arith.cmpi": _compare,
    "tosa.apply_scale": _scale,
}
_WIDTHS = (1, 8, 16, 32)  # products of wider numbers may not fit the 64 bits that are used here


def can_evaluate(op: ir.OpView) -> bool:
    """Whether `evaluate` knows an op of a body, which reads constants, arguments and what such ops make."""
    name = op_name(op)
    if name in ("linalg.yield", "arith.constant"):
        return True
    if name == "tensor.extract":
        return len(op.operands) == 2 and constant_array(op.operands[0]) is not None
    if name == "arith.cmpi" and ir.IntegerAttr(op.attributes["predicate"]).value >= len(_COMPARISONS):
        return False
    kinds = [each.type for each in (*op.operands, *op.results)]
    return name in _FUNCTIONS and all(isinstance(each, ir.IndexType) or int_width(each) in _WIDTHS for each in kinds)


def evaluate(block: ir.Block, arguments: Sequence[np.ndarray]) -> np.ndarray:
    """What the body yields for `arguments`: int64 arrays that broadcast against one another."""
    values = dict(zip(block.arguments, arguments))

    def value_of(value: ir.Value) -> np.ndarray:
        if value in values:
            return values[value]
        number = constant_int(value)
        assert number is not None, "bodies capture nothing but constants"
        return np.asarray(number, np.int64)

    for op in block.operations:
        if op_name(op) == "linalg.yield":
            return value_of(op.operands[0])
        if op_name(op) == "arith.constant":
            continue
        if op_name(op) == "tensor.extract":
            result = _extract(op, value_of(op.operands[1]))
        else:
            result = _FUNCTIONS[op_name(op)](op, *map(value_of, op.operands))
        values[op.results[0]] = _wrap(result, op.results[0].type)
    raise AssertionError("a linalg body ends with a yield")


def _wrap(values: np.ndarray, kind: ir.Type) -> np.ndarray:
    """Numbers as an integer type holds them: its bits, with a sign; of one bit, 0 and 1."""
    width = int_width(kind)
    if width is None:
        return values
    if width == 1:
        return values & 1
    half = np.int64(1) << (width - 1)
    return ((values + half) & (2 * half - 1)) - half
