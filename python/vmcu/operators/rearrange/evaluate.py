"""Run a body that only moves bytes, with the numbers of its inputs' bytes in place of the bytes.

What comes out says of each byte of the output where it comes from. No pattern is recognised here: any chain of slices,
insertions, paddings, transpositions, reshapes and of `linalg.generic` ops that yield what they read is a rearrangement.

    x: 6 bytes, numbers 0 to 5;  reverse, pad by one zero:  [5, 4, 3, 2, 1, 0, ZERO]

A number from `0` on is a byte of the inputs, laid end to end, then of the tables. A negative one is a constant byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mlir import ir

from vmcu.ir.trips import evaluate_affine
from vmcu.ir.walk import int_width
from vmcu.operators import match
from vmcu.operators.match import constant_array, op_name, producer, shape_of
from vmcu.operators.requant import constant_int

CONSTANT = 128  # the constant byte `v` has the number `v - CONSTANT`, from -256 to -1

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "addi": np.add, "subi": np.subtract, "muli": np.multiply, "maxsi": np.maximum, "minsi": np.minimum,
    "andi": np.bitwise_and, "ori": np.bitwise_or, "xori": np.bitwise_xor, "shli": np.left_shift,
    "shrsi": np.right_shift, "floordivsi": np.floor_divide,
    "divsi": lambda a, b: np.trunc(np.divide(a, b)).astype(np.int64), "remsi": np.fmod,
}  # fmt: skip
_COMPARE = [np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal]
_CASTS = ("index_cast", "extsi", "extui")


@dataclass(frozen=True, eq=False)
class Sources:
    """Where the bytes of a tensor come from.

    Args:
        of: int32, in the tensor's shape.
        tables: constants that are no bytes all alike; their bytes have the numbers that follow those of the inputs.
    """

    of: np.ndarray
    tables: tuple[np.ndarray, ...]


def find_sources(result: ir.Value, inputs: Sequence[ir.Value]) -> Sources | None:
    """The sources of `result`, made of `inputs` (int8 tensors); None if a byte is computed rather than moved."""
    if not all(map(match.is_int8, [result, *inputs])):
        return None
    evaluation = _Evaluation()
    for each in inputs:
        evaluation.values[each] = evaluation.number(shape_of(each))
    found = evaluation.tensor(result)
    return None if found is None else Sources(found, tuple(evaluation.tables))


def is_move(op: ir.OpView) -> bool:
    """Whether `op` makes an int8 tensor by moving bytes of others, as far as can be seen without evaluating it."""
    if not op.results or not match.is_int8(op.results[0]):
        return False
    if op_name(op) != "linalg.generic":
        return op_name(op) in _TENSORS and op_name(op) not in match.RESHAPES
    block = op.regions[0].blocks[0]
    if list(block.arguments[len(block.arguments) - 1].uses) or not match.is_parallel(op):
        return False
    for each in block.operations:
        name = op_name(each).removeprefix("arith.")
        moves = name in ("linalg.yield", "tensor.extract", "select")
        if not moves and (name not in _SCALARS or any(int_width(value.type) == 8 for value in each.operands)):
            return False
    return all(match.is_int8(operand) or constant_array(operand) is not None for operand in op.operands)


@dataclass
class _Evaluation:
    values: dict[ir.Value, np.ndarray | None] = field(default_factory=dict)
    tables: list[np.ndarray] = field(default_factory=list)
    count: int = 0  # of bytes that have numbers

    def number(self, shape: Sequence[int]) -> np.ndarray:
        """Numbers for so many bytes more."""
        size = int(np.prod(shape, dtype=np.int64))
        self.count += size
        return np.arange(self.count - size, self.count, dtype=np.int32).reshape(shape)

    def tensor(self, value: ir.Value) -> np.ndarray | None:
        """The sources of an int8 tensor."""
        if value not in self.values:
            self.values[value] = self._make(value)
        return self.values[value]

    def _make(self, value: ir.Value) -> np.ndarray | None:
        op = producer(value)
        if op is None or not match.is_int8(value) or op_name(op) not in _TENSORS:
            return None
        return _TENSORS[op_name(op)](self, op)

    def _operand(self, op: ir.OpView, number: int = 0) -> np.ndarray | None:
        return self.tensor(op.operands[number])

    def _constant(self, op: ir.OpView) -> np.ndarray:
        array = constant_array(op.results[0])
        assert array is not None, "it is a constant"
        if (array == array.flat[0]).all():
            return array.astype(np.int32) - CONSTANT
        self.tables.append(array)
        return self.number(array.shape)

    def _empty(self, op: ir.OpView) -> np.ndarray:
        """Bytes that nobody wrote may be anything."""
        return np.full(shape_of(op.results[0]), -CONSTANT, np.int32)

    def _fill(self, op: ir.OpView) -> np.ndarray | None:
        value = constant_int(op.operands[0])
        return None if value is None else np.full(shape_of(op.results[0]), value - CONSTANT, np.int32)

    def _reshape(self, op: ir.OpView) -> np.ndarray | None:
        source = self._operand(op)
        return None if source is None else source.reshape(shape_of(op.results[0]))

    def _extract_slice(self, op: ir.OpView) -> np.ndarray | None:
        source = self._operand(op)
        return None if source is None else source[_slices(op)].reshape(shape_of(op.results[0]))

    def _insert_slice(self, op: ir.OpView) -> np.ndarray | None:
        source, dest = self._operand(op), self._operand(op, 1)
        if source is None or dest is None:
            return None
        dest = dest.copy()
        dest[_slices(op)] = source.reshape(dest[_slices(op)].shape)
        return dest

    def _concat(self, op: ir.OpView) -> np.ndarray | None:
        parts = [self.tensor(each) for each in op.operands]
        found = [each for each in parts if each is not None]
        return np.concatenate(found, ir.IntegerAttr(op.attributes["dim"]).value) if len(found) == len(parts) else None

    def _pad(self, op: ir.OpView) -> np.ndarray | None:
        source, block = self._operand(op), op.regions[0].blocks[0]
        value = constant_int(block.operations[len(block.operations) - 1].operands[0])
        if source is None or value is None or len(op.operands) > 1:
            return None
        low, high = (list(ir.DenseI64ArrayAttr(op.attributes[f"static_{each}"])) for each in ("low", "high"))
        if min(low + high) < 0:
            return None
        return np.pad(source, list(zip(low, high)), constant_values=value - CONSTANT)

    def _transpose(self, op: ir.OpView) -> np.ndarray | None:
        source = self._operand(op)
        return None if source is None else source.transpose(list(ir.DenseI64ArrayAttr(op.attributes["permutation"])))

    def _broadcast(self, op: ir.OpView) -> np.ndarray | None:
        source = self._operand(op)
        if source is None:
            return None
        added = list(ir.DenseI64ArrayAttr(op.attributes["dimensions"]))
        return np.broadcast_to(np.expand_dims(source, added), shape_of(op.results[0]))

    def _copy(self, op: ir.OpView) -> np.ndarray | None:
        return self._operand(op)

    def _generic(self, op: ir.OpView) -> np.ndarray | None:
        if not is_move(op):
            return None
        maps = match.indexing_maps(op)
        if not match.is_identity(maps[-1]):
            return None
        grid = np.ogrid[tuple(slice(extent) for extent in shape_of(op.results[0]))]
        scalars: dict[ir.Value, np.ndarray] = {}
        block = op.regions[0].blocks[0]
        for argument, operand, map in list(zip(block.arguments, op.operands, maps))[:-1]:
            array = self.tensor(operand) if match.is_int8(operand) else constant_array(operand)
            if array is None:
                return None
            where = tuple(np.asarray(evaluate_affine(each, grid)) for each in map.results)
            scalars[argument] = array[where]
        for each in block.operations:
            made = self._scalar(each, scalars, grid)
            if made is None:
                return None
            if op_name(each) == "linalg.yield":
                return np.broadcast_to(made, shape_of(op.results[0])).astype(np.int32)
            scalars[each.results[0]] = made
        return None

    def _scalar(
        self, op: ir.OpView, scalars: dict[ir.Value, np.ndarray], grid: Sequence[np.ndarray]
    ) -> np.ndarray | None:
        """What an op of a body makes in each iteration: a number, or the source of a byte."""
        name = op_name(op).removeprefix("arith.")
        if name == "linalg.index":
            return grid[ir.IntegerAttr(op.attributes["dim"]).value]
        if name == "constant":
            return _scalar_constant(op.results[0])
        operands = [scalars[each] if each in scalars else _scalar_constant(each) for each in op.operands]
        if name == "tensor.extract":
            source, where = self._operand(op), operands[1:]
            inside = source is not None and all(
                each is not None and bool(((each >= 0) & (each < extent)).all())
                for each, extent in zip(where, source.shape)
            )
            return source[tuple(where)] if source is not None and inside else None
        if any(each is None for each in operands):
            return None
        return operands[0] if name == "linalg.yield" else _SCALARS[name](op, *operands)


def _scalar_constant(value: ir.Value) -> np.ndarray | None:
    """A constant as a number, or as the source of a byte."""
    number = constant_int(value)
    if number is None:
        return None
    return np.asarray(number - CONSTANT if int_width(value.type) == 8 else number, np.int64)


def _compare(op: ir.OpView, a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    predicate = ir.IntegerAttr(op.attributes["predicate"]).value
    return _COMPARE[predicate](a, b) if predicate < len(_COMPARE) else None


_SCALARS: dict[str, Callable[..., np.ndarray | None]] = {
    **{name: lambda op, a, b, compute=compute: compute(a, b) for name, compute in _BINARY.items()},
    **{name: lambda op, a: a.astype(np.int64) for name in _CASTS},
    "cmpi": _compare,
    "select": lambda op, condition, a, b: np.where(condition, a, b),
    "constant": lambda op: None,
    "linalg.index": lambda op: None,
}

_TENSORS: dict[str, Callable[[_Evaluation, ir.OpView], np.ndarray | None]] = {
    "arith.constant": _Evaluation._constant,
    "tensor.empty": _Evaluation._empty,
    "linalg.fill": _Evaluation._fill,
    "tensor.collapse_shape": _Evaluation._reshape,
    "tensor.expand_shape": _Evaluation._reshape,
    "tensor.extract_slice": _Evaluation._extract_slice,
    "tensor.insert_slice": _Evaluation._insert_slice,
    "tensor.concat": _Evaluation._concat,
    "tensor.pad": _Evaluation._pad,
    "linalg.transpose": _Evaluation._transpose,
    "linalg.broadcast": _Evaluation._broadcast,
    "linalg.copy": _Evaluation._copy,
    "linalg.generic": _Evaluation._generic,
}


def _slices(op: ir.OpView) -> tuple[slice, ...]:
    """The part of a tensor that a slice takes or an insertion overwrites; all is static."""
    offsets, sizes, strides = (
        list(ir.DenseI64ArrayAttr(op.attributes[f"static_{each}"])) for each in ("offsets", "sizes", "strides")
    )
    return tuple(slice(at, at + (size - 1) * step + 1, step) for at, size, step in zip(offsets, sizes, strides))
