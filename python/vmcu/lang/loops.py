"""Loops of a kernel of one's own, their counters, and what may depend on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith, scf

from vmcu.ir import build
from vmcu.lang.values import here, wrong

_Compared = Callable[["Index", "Index | int"], "Condition"]


@dataclass(frozen=True, eq=False)
class Condition:
    """Whether something holds for the counters of a trip; `&` and `|` join two."""

    value: ir.Value

    def __and__(self, other: Condition) -> Condition:
        with here():
            return Condition(arith.andi(self.value, other.value))

    def __or__(self, other: Condition) -> Condition:
        with here():
            return Condition(arith.ori(self.value, other.value))

    def __bool__(self) -> bool:
        raise wrong("a condition on a loop counter has no value yet: the kernel is traced once; use `with when(...)`")


def _comparison(predicate: arith.CmpIPredicate) -> _Compared:
    def compare(self: Index, other: Index | int) -> Condition:
        with here():
            return Condition(arith.cmpi(predicate, self.index.value, Index.of(other).index.value))

    return compare


class Index:
    """A loop counter, or arithmetic on some: sums, multiples, quotients and comparisons."""

    def __init__(self, index: build.Index):
        self.index = index

    @staticmethod
    def of(value: Index | int) -> Index:
        """A number as an index.

        Raises:
            Unsupported: it is neither.
        """
        if isinstance(value, Index):
            return value
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            return Index(build.Index(int(value)))
        raise wrong(f"an index is a number or a loop counter, found {type(value).__name__} {value!r}")

    def __add__(self, other: Index | int) -> Index:
        return Index(self.index + Index.of(other).index)

    def __sub__(self, other: Index | int) -> Index:
        return Index(self.index - Index.of(other).index)

    def __rsub__(self, other: int) -> Index:
        return Index.of(other) - self

    def __mul__(self, factor: int) -> Index:
        if not isinstance(factor, (int, np.integer)):
            raise wrong(f"an index is multiplied by numbers only, found {type(factor).__name__}")
        return Index(self.index * int(factor))

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, divisor: int) -> Index:
        if not isinstance(divisor, (int, np.integer)) or divisor <= 0:
            raise wrong(f"an index is divided by positive numbers only, found {divisor!r}")
        with here():
            return Index(self.index.floordiv(int(divisor)))

    def __mod__(self, divisor: int) -> Index:
        return self - self // divisor * divisor

    __eq__ = _comparison(arith.CmpIPredicate.eq)  # type: ignore[assignment]
    __ne__ = _comparison(arith.CmpIPredicate.ne)  # type: ignore[assignment]
    __lt__ = _comparison(arith.CmpIPredicate.slt)
    __le__ = _comparison(arith.CmpIPredicate.sle)
    __gt__ = _comparison(arith.CmpIPredicate.sgt)
    __ge__ = _comparison(arith.CmpIPredicate.sge)
    __hash__ = None  # type: ignore[assignment]

    def __index__(self) -> int:
        raise wrong("a loop counter has no number yet: the kernel is traced once; use it in loads, stores and `when`")

    __int__ = __index__


@dataclass
class Tracing:
    """How a function is traced.

    Args:
        backward: loops begin with their last trip.
        left: the location of a loop that was left by `break` or `return`.
    """

    backward: bool = False
    left: ir.Location | None = None


_tracing: ContextVar[Tracing] = ContextVar("how a kernel is traced")


@contextmanager
def tracing(how: Tracing) -> Iterator[None]:
    """Trace what is called inside."""
    token = _tracing.set(how)
    try:
        yield
    finally:
        _tracing.reset(token)


def loop(start: int, stop: int | None = None, step: int = 1) -> Iterator[Index]:
    """A loop of the kernel over `0, 1, ... < start`, or over `start, start + step, ... < stop`.

    Use as `for pixel in loop(64): ...`; the body is traced once. Whatever leaves the loop early is refused.

    Raises:
        Unsupported: the bounds are no numbers, or the steps do not fill the range.
    """
    start, stop = (0, start) if stop is None else (start, stop)
    for bound in (start, stop, step):
        if not isinstance(bound, (int, np.integer)):
            kind = "a loop counter" if isinstance(bound, Index) else f"{type(bound).__name__} {bound!r}"
            raise wrong(f"the bounds of a loop are numbers that are known when the kernel is traced, found {kind}")
    if step < 1 or stop < start or (stop - start) % step:
        raise wrong(f"loop({start}, {stop}, {step}) has a last trip that is cut off; its steps have to fill the range")
    return _trips(int(start), int(stop), int(step))


def _trips(start: int, stop: int, step: int) -> Iterator[Index]:
    how, location = _tracing.get(), here()
    if stop == start:
        return
    if stop - start == step:
        yield Index(build.Index(start))
        return
    with location:
        bounds = [build.constant(each) for each in (start, stop, step)]
        for_op = scf.ForOp(*bounds)
    with ir.InsertionPoint(for_op.body):
        counter = build.Index.of(for_op.induction_variable)
        try:
            yield Index((start + stop - step) - counter if how.backward else counter)
        except GeneratorExit:
            how.left = location
            raise
        with location:
            scf.yield_([])


@contextmanager
def when(condition: Condition) -> Iterator[None]:
    """Do what is inside only in trips where the condition holds: `with when(channel == 20): ...`."""
    if not isinstance(condition, Condition):
        raise wrong(f"`when` takes a comparison of loop counters, found {type(condition).__name__} {condition!r}")
    location = here()
    with location:
        branch = scf.IfOp(condition.value)
    with ir.InsertionPoint(branch.then_block):
        yield
        with location:
            scf.yield_([])
