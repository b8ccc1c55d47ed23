"""Loops over tensors of integers, as linalg, with scalar bodies written as formulas on 32-bit words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith, linalg, tensor

from vmcu.frontends.tflite.fixed_gates import Arithmetic
from vmcu.ir.build import i8, i32


@dataclass(frozen=True, eq=False)
class Word:
    """A 32-bit integer in the body of a loop; Python's operators write `arith` operations."""

    value: ir.Value

    @staticmethod
    def of(number: Word | int) -> Word:
        return number if isinstance(number, Word) else Word(arith.constant(i32(), number))

    def __add__(self, other: Word | int) -> Word:
        return Word(arith.addi(self.value, Word.of(other).value))

    def __sub__(self, other: Word | int) -> Word:
        return Word(arith.subi(self.value, Word.of(other).value))

    def __mul__(self, other: Word | int) -> Word:
        return Word(arith.muli(self.value, Word.of(other).value))

    def __and__(self, other: Word | int) -> Word:
        return Word(arith.andi(self.value, Word.of(other).value))

    def __lshift__(self, bits: int) -> Word:
        return Word(arith.shli(self.value, Word.of(bits).value))

    def __rshift__(self, bits: int) -> Word:
        return Word(arith.shrsi(self.value, Word.of(bits).value))

    def __neg__(self) -> Word:
        return Word.of(0) - self

    def __lt__(self, other: int) -> ir.Value:
        return arith.cmpi(arith.CmpIPredicate.slt, self.value, Word.of(other).value)

    def __gt__(self, other: int) -> ir.Value:
        return arith.cmpi(arith.CmpIPredicate.sgt, self.value, Word.of(other).value)

    def __eq__(self, other: object) -> ir.Value:
        assert isinstance(other, int), "words are compared with numbers"
        return arith.cmpi(arith.CmpIPredicate.eq, self.value, Word.of(other).value)

    __hash__ = None  # type: ignore[assignment]

    def clamp(self, low: int, high: int) -> Word:
        """The nearest number in a range."""
        return Word(arith.minsi(arith.maxsi(self.value, Word.of(low).value), Word.of(high).value))

    def scaled(self, multiplier: Word | int, shift: Word | int) -> Word:
        """`value * multiplier / 2^shift`, rounded twice."""
        rounding = ir.Attribute.parse("#tosa.rounding_mode<DOUBLE_ROUND>")
        operands = [self.value, Word.of(multiplier).value, arith.trunci(i8(), Word.of(shift).value)]
        scale = ir.Operation.create("tosa.apply_scale", [i32()], operands, {"rounding_mode": rounding})
        return Word(scale.results[0])


def _choose(condition: ir.Value, then: Word | int, otherwise: Word | int) -> Word:
    return Word(arith.select(condition, Word.of(then).value, Word.of(otherwise).value))


#: Logistic and tanh of words.
ON_WORDS = Arithmetic(_choose, lambda word, most: Word(arith.minsi(word.value, Word.of(most).value)))


def constant(values: np.ndarray) -> ir.Value:
    """A constant tensor of the array's type and shape."""
    numbers = ir.DenseElementsAttr.get(np.ascontiguousarray(values))
    return arith.constant(numbers.type, numbers)


def empty(shape: Sequence[int], element: ir.Type) -> ir.Value:
    return tensor.empty(list(shape), element)


def each(inputs: Sequence[ir.Value], result: ir.Value, body: Callable[..., Word], *, updates: bool = False) -> ir.Value:
    """`body` of the elements of vectors, one by one, in place of those of `result`, which it gets last if it `updates`."""
    return _loop([(value, "i") for value in inputs], result, "i", body, updates)


def total(inputs: Sequence[tuple[ir.Value, str]], start: ir.Value, body: Callable[..., Word]) -> ir.Value:
    """Sums for each row: `body` gets elements of inputs, each a matrix `"ij"` or a vector `"j"`, and the sum so far."""
    return _loop(inputs, start, "ij", body, True)


def _loop(
    inputs: Sequence[tuple[ir.Value, str]], result: ir.Value, loops: str, body: Callable[..., Word], reads: bool
) -> ir.Value:
    values = [value for value, _ in inputs]
    maps = [_map(indices, loops) for indices in (*(indices for _, indices in inputs), "i")]
    kinds = ir.ArrayAttr.get([ir.Attribute.parse(f"#linalg.iterator_type<{kind}>")
                              for kind in ("parallel", "reduction")[: len(loops)]])  # fmt: skip
    op = linalg.GenericOp([result.type], values, [result], ir.ArrayAttr.get(maps), kinds)
    block = op.regions[0].blocks.append(*[each.type.element_type for each in (*values, result)])
    with ir.InsertionPoint(block):
        *read, old = map(_widen, block.arguments) if reads else (*map(_widen, list(block.arguments)[:-1]), None)
        made = body(*read, old) if reads else body(*read)
        element = result.type.element_type
        linalg.yield_([made.value if element == i32() else arith.trunci(element, made.value)])
    return op.results[0]


def _map(indices: str, loops: str) -> ir.Attribute:
    dims = [ir.AffineExpr.get_dim(loops.index(each)) for each in indices]
    return ir.AffineMapAttr.get(ir.AffineMap.get(len(loops), 0, dims))


def _widen(value: ir.Value) -> Word:
    return Word(value if value.type == i32() else arith.extsi(i32(), value))


def accumulate(a: Word, b: Word, sum: Word) -> Word:
    """A product added to a sum."""
    return sum + a * b


def part(whole: ir.Value, begin: Sequence[int], shape: Sequence[int]) -> ir.Value:
    """The elements of `shape` from `begin` on."""
    return _part(whole, begin, shape, shape)


def row(matrix: ir.Value, number: ir.Value) -> ir.Value:
    """A row of a matrix as a vector."""
    columns = matrix.type.shape[1]
    return _part(matrix, (number, 0), (1, columns), (columns,))


def replace_part(whole: ir.Value, begin: Sequence[int | ir.Value], piece: ir.Value, shape: Sequence[int]) -> ir.Value:
    """`whole` with `piece` in place of its elements of `shape` from `begin` on."""
    fixed, free = _offsets(begin)
    return tensor.insert_slice(piece, whole, free, [], [], fixed, list(shape), [1] * len(shape))


def _part(whole: ir.Value, begin: Sequence[int | ir.Value], shape: Sequence[int], seen: Sequence[int]) -> ir.Value:
    fixed, free = _offsets(begin)
    kind = ir.RankedTensorType.get(list(seen), whole.type.element_type)
    return tensor.extract_slice(kind, whole, free, [], [], fixed, list(shape), [1] * len(shape))


def _offsets(begin: Sequence[int | ir.Value]) -> tuple[list[int], list[ir.Value]]:
    """Offsets as they are written: numbers with marks for values, and the values."""
    mark = ir.ShapedType.get_dynamic_stride_or_offset()
    return [each if isinstance(each, int) else mark for each in begin], [
        each for each in begin if not isinstance(each, int)
    ]


def folded(vector: ir.Value, shape: Sequence[int]) -> ir.Value:
    """A vector as a matrix."""
    kind = ir.RankedTensorType.get(list(shape), vector.type.element_type)
    return tensor.expand_shape(kind, vector, [[0, 1]], [], list(shape))
