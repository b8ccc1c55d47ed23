"""Reading linalg: small questions about values, asked by `read`. Every function returns None where the answer is no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mlir import ir

from vmcu.ir.walk import int_width, iterator_types, rounds_twice
from vmcu.operators.requant import INT32, UINT8, Requant, constant_int

RESHAPES = ("tensor.collapse_shape", "tensor.expand_shape")
FLIP = -128  # the highest bit of a byte


def producer(value: ir.Value) -> ir.OpView | None:
    """The op that makes `value`; None for a block argument."""
    return None if isinstance(value.owner, ir.Block) else value.owner.opview


def op_name(op: ir.OpView | None) -> str:
    return "" if op is None else op.operation.name


def shape_of(value: ir.Value) -> tuple[int, ...]:
    return tuple(ir.ShapedType(value.type).shape)


def is_int8(value: ir.Value) -> bool:
    kind = value.type
    return isinstance(kind, ir.RankedTensorType) and int_width(kind.element_type) == 8


def constant_array(value: ir.Value) -> np.ndarray | None:
    """A constant tensor's elements, seen through reshapes, in the shape of `value`."""
    op = producer(value)
    if op is None:
        return None
    if op_name(op) in RESHAPES:
        source = constant_array(op.operands[0])
        return None if source is None else source.reshape(shape_of(value))
    if op_name(op) != "arith.constant" or not isinstance(value.type, ir.RankedTensorType):
        return None
    attribute = op.value
    if isinstance(attribute, ir.DenseElementsAttr) and attribute.is_splat:
        element = ir.IntegerAttr(attribute.get_splat_value()).value
        return np.full(shape_of(value), element, dtype=f"int{ir.IntegerType(value.type.element_type).width}")
    return np.array(attribute).reshape(shape_of(value))


def indexing_maps(op: ir.OpView) -> list[ir.AffineMap]:
    return [ir.AffineMapAttr(each).value for each in ir.ArrayAttr(op.attributes["indexing_maps"])]


def is_identity(map: ir.AffineMap) -> bool:
    return map == ir.AffineMap.get_identity(map.n_dims)


def is_trailing(map: ir.AffineMap) -> bool:
    """The map reads the innermost dimensions (the channels) in order, or one single element."""
    if all(each == ir.AffineExpr.get_constant(0) for each in map.results):
        return True
    count = len(map.results)
    return list(map.results) == [ir.AffineExpr.get_dim(map.n_dims - count + each) for each in range(count)]


def is_parallel(op: ir.OpView) -> bool:
    return set(iterator_types(op)) <= {"parallel"}


def is_flip(op: ir.OpView | None) -> bool:
    """Whether `op` flips the highest bit of every byte, which makes int8 numbers of uint8 ones, or the other way round."""
    if op is None or op_name(op) != "linalg.generic" or len(op.operands) != 2 or not all(map(is_int8, op.operands)):
        return False
    block = op.regions[0].blocks[0]
    flip, end = block.operations[0], block.operations[len(block.operations) - 1]
    return (
        len(block.operations) == 2
        and op_name(flip) == "arith.xori"
        and (flip.operands[0], constant_int(flip.operands[1])) == (block.arguments[0], FLIP)
        and end.operands[0] == flip.results[0]
        and is_parallel(op)
        and all(map(is_identity, indexing_maps(op)))
    )


def flipped_input(argument: ir.Value) -> ir.Value | None:
    """The int8 tensor that all of a body reads in place of `argument`, whose bytes are uint8; None if it reads those."""
    value = argument
    while len(uses := list(value.uses)) == 1:
        user = uses[0].owner.operation.opview
        if is_flip(user):
            return user.results[0]
        if op_name(user) not in RESHAPES:
            return None
        value = user.results[0]
    return None


def broadcast_row(value: ir.Value, channels: int) -> np.ndarray | None:
    """The row that `value` repeats for every pixel: a fill, a constant, or a generic that broadcasts a constant."""
    op = producer(value)
    if op is None:
        return None
    if op_name(op) == "linalg.fill":
        filled = constant_int(op.operands[0])
        return None if filled is None else np.full(channels, filled, np.int64)
    if op_name(op) == "linalg.generic" and len(op.operands) == 1:  # Equal for all channels, it became part of the body.
        filled = constant_int(op.regions[0].blocks[0].operations[0].operands[0])
        return None if filled is None else np.full(channels, filled, np.int64)
    if op_name(op) == "linalg.broadcast" or (op_name(op) == "linalg.generic" and len(op.operands) == 2):
        block = op.regions[0].blocks[0]
        yields = op_name(op) == "linalg.broadcast" or block.operations[0].operands[0] == block.arguments[0]
        row = constant_array(op.operands[0])
        if yields and row is not None and row.size in (1, channels):
            return np.broadcast_to(row.ravel(), channels).astype(np.int64)
        return None
    whole = constant_array(value)
    if whole is None or not (whole == whole.reshape(-1, channels)[0]).all():
        return None
    return whole.reshape(-1, channels)[0].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Epilogue:
    """What a generic does to an accumulator: add `bias` (int64, one per channel or one), then requantise or clamp."""

    bias: np.ndarray
    requant: Requant | None
    low: int
    high: int

    def flipped(self) -> Epilogue:
        """The same with int8 results as uint8 ones, which are larger by 128."""
        assert self.requant is not None, "only requantised results have a zero point to move"
        return Epilogue(self.bias, self.requant.moved(128), self.low + 128, self.high + 128)


def read_epilogue(op: ir.OpView, acc: ir.Value) -> Epilogue | None:
    """Read `op`, a parallel `linalg.generic`, as the epilogue of the accumulator `acc`."""
    if op_name(op) != "linalg.generic" or not is_parallel(op):
        return None
    block = op.regions[0].blocks[0]
    tables: dict[ir.Value, np.ndarray] = {}
    accumulator = None
    for operand, argument, map in zip(op.operands, block.arguments, indexing_maps(op)):
        array = constant_array(operand)
        if operand == acc and is_identity(map):
            accumulator = argument
        elif array is not None and is_trailing(map):
            tables[argument] = array.ravel()

    def table(value: ir.Value) -> np.ndarray | None:
        """A per-channel table or a constant as an array."""
        if value in tables:
            return tables[value]
        number = constant_int(value)
        return None if number is None else np.array([number])

    return (
        None
        if accumulator is None
        else _read_chain(block.operations[len(block.operations) - 1].operands[0], accumulator, table)
    )


def _split_sum(op: ir.OpView, table: Callable[[ir.Value], np.ndarray | None]) -> tuple[np.ndarray, ir.Value] | None:
    """A sum as its constant term and the other one."""
    left, right = op.operands
    for term, rest in ((right, left), (left, right)):
        if (row := table(term)) is not None:
            return row, rest
    return None


def _bounds_of(clamps: list[tuple[str, int]]) -> np.ndarray:
    """The lowest and the highest value that clamps, outermost first, leave of an int32."""
    bounds = np.array(INT32, np.int64)
    for name, bound in reversed(clamps):
        bounds = np.maximum(bounds, bound) if name == "arith.maxsi" else np.minimum(bounds, bound)
    return bounds


def _fits(bounds: np.ndarray, low: int, high: int) -> bool:
    return bool(bounds[0] >= low and bounds[1] <= high)


def _read_chain(
    value: ir.Value, accumulator: ir.Value, table: Callable[[ir.Value], np.ndarray | None]
) -> Epilogue | None:
    """Walk from the yielded value back to the accumulator: a flip, clamps, truncation, zero point, scale, bias."""
    last = producer(value)
    if last is not None and op_name(last) == "arith.xori" and constant_int(last.operands[1]) == FLIP:
        found = _read_chain(last.operands[0], accumulator, table)
        return None if found is None or found.requant is None else found.flipped()
    clamps: list[tuple[str, int]] = []
    bias, zero_point, requant = np.zeros(1, np.int64), 0, None
    narrow = int_width(value.type) == 8
    low, high = (-128, 127) if narrow else INT32
    truncated_after = None  # clamps that follow the truncation
    while value != accumulator:
        op = producer(value)
        if op is None:
            return None
        name = op_name(op)
        if name in ("arith.maxsi", "arith.minsi"):
            bound = constant_int(op.operands[1])
            if bound is None or requant is not None:
                return None
            clamps.append((name, bound))
            value = op.operands[0]
        elif name == "arith.trunci" and requant is None:
            truncated_after, value = len(clamps), op.operands[0]
        elif name == "arith.addi" and (term := _split_sum(op, table)) is not None:
            row, value = term
            if requant is not None:
                bias = bias + row
            elif row.size == 1 and op_name(producer(value)) == "tosa.apply_scale":
                zero_point = int(row[0])
            else:
                return None
        elif name == "tosa.apply_scale" and requant is None:
            multiplier, shift = table(op.operands[1]), table(op.operands[2])
            if multiplier is None or shift is None:
                return None
            count = max(multiplier.size, shift.size)
            requant = Requant(
                np.broadcast_to(multiplier, count).astype(np.int32),
                np.broadcast_to(shift, count).astype(np.int8),
                "double" if rounds_twice(op) else "single",
                zero_point,
            )
            value = op.operands[0]
        else:
            return None
    # A truncation drops nothing only after a clamp to the narrow range.
    if truncated_after is not None and not _fits(_bounds_of(clamps[truncated_after:]), low, high):
        if truncated_after or requant is None or not _fits(_bounds_of(clamps), *UINT8):
            return None
        low, high = UINT8  # the bytes are uint8
    bounds = _bounds_of(clamps)
    low, high = int(max(bounds[0], low)), int(min(bounds[1], high))
    if requant is not None:
        requant = Requant(requant.multiplier, requant.shift, requant.rounding, zero_point, low, high)
    return Epilogue(bias, requant, low, high)
