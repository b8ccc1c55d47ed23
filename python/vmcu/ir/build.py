"""Writing loops of segment ops: index expressions, loops and one function per op.

Everything is built at the current `ir.InsertionPoint`. Indices are affine expressions (`Index`) until an op needs them
as a value, so that `r * 2 + k - 1` reads here as in the formula and folds when it is constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import affine, arith, scf
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d

DEPTH = 16  # bytes of depth that one trip of a depth loop takes


@dataclass(frozen=True)
class Index:
    """`constant + sum of coefficient * value`; converts to an SSA value with `.value`."""

    constant: int = 0
    terms: tuple[tuple[ir.Value, int], ...] = ()

    @staticmethod
    def of(value: Index | ir.Value | int) -> Index:
        if isinstance(value, Index):
            return value
        return Index(int(value)) if isinstance(value, (int, np.integer)) else Index(0, ((value, 1),))

    def __add__(self, other: Index | int) -> Index:
        other = Index.of(other)
        return Index(self.constant + other.constant, self.terms + other.terms)

    def __sub__(self, other: Index | int) -> Index:
        return self + Index.of(other) * -1

    def __rsub__(self, other: int) -> Index:
        return Index.of(other) - self

    def __mul__(self, factor: int) -> Index:
        return Index(self.constant * factor, tuple((value, c * factor) for value, c in self.terms if factor))

    __radd__, __rmul__ = __add__, __mul__

    def floordiv(self, divisor: int) -> Index:
        if divisor == 1:
            return self
        if not self.terms:
            return Index(self.constant // divisor)
        halved = ir.AffineExpr.get_floor_div(ir.AffineExpr.get_dim(0), divisor)
        return Index.of(affine.apply(ir.AffineMap.get(1, 0, [halved]), [self.value]))

    @property
    def value(self) -> ir.Value:
        if not self.terms:
            return constant(self.constant)
        if self.constant == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        expression = ir.AffineExpr.get_constant(self.constant)
        for position, (_, coefficient) in enumerate(self.terms):
            expression = expression + ir.AffineExpr.get_dim(position) * coefficient
        return affine.apply(ir.AffineMap.get(len(self.terms), 0, [expression]), [value for value, _ in self.terms])


def constant(value: int) -> ir.Value:
    """An index constant."""
    return arith.constant(ir.IndexType.get(), value)


def vector(element: ir.Type, *shape: int) -> ir.Type:
    return ir.VectorType.get(shape, element)


def i8() -> ir.Type:
    return ir.IntegerType.get_signless(8)


def i32() -> ir.Type:
    return ir.IntegerType.get_signless(32)


def flash(array: np.ndarray) -> ir.Value:
    """A constant tensor: bytes in flash. `array` is int8 or int32, of any shape."""
    array = np.ascontiguousarray(array)
    return arith.constant(
        ir.RankedTensorType.get(array.shape, ir.IntegerType.get_signless(8 * array.itemsize)),
        ir.DenseElementsAttr.get(array, type=ir.IntegerType.get_signless(8 * array.itemsize), shape=array.shape),
    )


def splat(element: ir.Type, value: int, *shape: int) -> ir.Value:
    """A constant vector of equal elements."""
    kind = vector(element, *shape)
    return arith.constant(kind, ir.DenseElementsAttr.get_splat(kind, ir.IntegerAttr.get(element, value)))


def loop(start: int, stop: int, step: int = 1, *, backward: bool = False) -> Iterator[Index]:
    """Loop over `start, start + step, ... < stop` (`stop - start` is a multiple of `step`), or the same backwards.

    A loop of one trip is no loop. Use as `for r in loop(0, rows): ...`; the body is traced once.
    """
    if stop - start == step:
        yield Index(start)
        return
    for_op = scf.ForOp(constant(start), constant(stop), constant(step))
    with ir.InsertionPoint(for_op.body):
        counter = Index.of(for_op.induction_variable)
        yield (start + stop - step) - counter if backward else counter
        scf.yield_([])


def steps(start: int, stop: int, step: int, *, backward: bool, straight: bool) -> Iterator[Index]:
    """As `loop`; if `straight`, code for each trip."""
    if not straight:
        yield from loop(start, stop, step, backward=backward)
        return
    trips = range(start, stop, step)
    yield from map(Index, reversed(trips) if backward else trips)


def accumulate(
    stop: int, step: int, acc: ir.Value, body: Callable[[Index, ir.Value], ir.Value], *, unroll: bool = False
) -> ir.Value:
    """Fold `body(i, acc)` over `0, step, ... < stop` with the accumulators in registers.

    Args:
        stop, step: the range; `stop` is a multiple of `step`.
        acc: what the accumulators start with.
        body: what is done in a trip, of the index and the accumulators.
        unroll: make straight code of all trips.
    """
    if stop == step or unroll:
        for start in range(0, stop, step):
            acc = body(Index(start), acc)
        return acc
    for_op = scf.ForOp(constant(0), constant(stop), constant(step), [acc])
    with ir.InsertionPoint(for_op.body):
        scf.yield_([body(Index.of(for_op.induction_variable), for_op.inner_iter_args[0])])
    return for_op.results[0]


def is_inside(index: Index, size: int) -> ir.Value:
    """`0 <= index < size` in one unsigned comparison."""
    return arith.cmpi(arith.CmpIPredicate.ult, index.value, constant(size))


def segment_load(
    source: ir.Value,
    index: Index,
    byte: Index | int,
    rows: int,
    valid: int,
    *,
    within: Index | None = None,
    stride: int = 1,
    guards: Sequence[ir.Value] = (),
    pad: int = 0,
    flipped: bool = False,
) -> ir.Value:
    """`valid` bytes from `byte` on of `rows` segments, zero-filled to whole words: `vector<rows x words*4 x i8>`.

    The first segment is `index`, or `index + within` with no ring's end in between. `flipped` bytes are uint8 in memory.
    """
    width = -(-valid // 4) * 4
    return d.segment_load(
        vector(i8(), rows, width),
        source,
        index.value,
        Index.of(byte).value,
        list(guards),
        within=_value_of(within),
        stride=stride,
        valid=valid if valid != width else None,
        pad=pad if guards else None,
        flipped=flipped or None,
    )


def segment_store(
    value: ir.Value, dest: ir.Value, index: Index, byte: Index, *, within: Index | None = None, valid: int | None = None
) -> None:
    """Store rows from segment `index` (`+ within`) on, `valid` bytes of each or all."""
    d.segment_store(value, dest, index.value, byte.value, within=_value_of(within), valid=valid)


def _value_of(index: Index | None) -> ir.Value | None:
    return None if index is None else index.value


def flash_load(source: ir.Value, indices: Sequence[Index | int], *shape: int) -> ir.Value:
    """The tile of `shape` at `indices`; leading indices are complete, trailing ones start the tile."""
    element = ir.RankedTensorType(source.type).element_type
    return d.flash_load(vector(element, *shape), source, [Index.of(each).value for each in indices])


def as_row(value: ir.Value) -> ir.Value:
    """`vector<n>` as the one row of a `vector<1xn>`."""
    kind = ir.VectorType(value.type)
    return vector_d.shape_cast(vector(kind.element_type, 1, *kind.shape), value)


def row_of(value: ir.Value, row: int) -> ir.Value:
    """Row `row` of a `vector<mxn>`."""
    kind = ir.VectorType(value.type)
    return vector_d.extract(value, [], [row], results=[vector(kind.element_type, kind.shape[1])])


def free(sequence: ir.Value, index: ir.Value, *, backward: bool) -> None:
    """Free the segments before `index`, or from it on when the kernel runs backwards."""
    d.segment_free(sequence, d.Side.from_ if backward else d.Side.before, index)


def clip(index: Index, lo: int, hi: int) -> ir.Value:
    """`min(max(index, lo), hi)` as a value."""
    if not index.terms:
        return constant(min(max(index.constant, lo), hi))
    return arith.minsi(arith.maxsi(index.value, constant(lo)), constant(hi))
