"""Write arithmetic that TOSA has no words for, as text of linalg, at the current insertion point.

The text is a function `@main`. It may call LiteRT's functions of fixed-point numbers, which are here:

| function of i32 | computes |
|---|---|
| `@high(a, b)` | `a * b / 2^31`, a half rounded up |
| `@divide(x, bits)` | `x / 2^bits`, a half rounded away from zero |
| `@scale(x, multiplier, left, right)` | `x * 2^left * multiplier / 2^31 / 2^right`, rounded twice |
| `@shift(x, bits)` | `x * 2^bits`, saturated; bits that are not negative |
| `@reciprocal(x)` | `1 / (1 + x)` of a number of 31 bits between 0 and 1 |
"""

from __future__ import annotations

from mlir import ir
from mlir.passmanager import PassManager

from vmcu.ir.clone import clone_into

_FIXED_POINT = """
func.func private @high(%a: i32, %b: i32) -> i32 {
  %bits = arith.constant 31 : i64
  %half = arith.constant 1073741824 : i64
  %left = arith.extsi %a : i32 to i64
  %right = arith.extsi %b : i32 to i64
  %product = arith.muli %left, %right : i64
  %nudged = arith.addi %product, %half : i64
  %shifted = arith.shrsi %nudged, %bits : i64
  %result = arith.trunci %shifted : i64 to i32
  return %result : i32
}
func.func private @divide(%x: i32, %bits: i32) -> i32 {
  %none = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %power = arith.shli %one, %bits : i32
  %mask = arith.subi %power, %one : i32
  %rest = arith.andi %x, %mask : i32
  %half = arith.shrui %mask, %one : i32
  %below = arith.cmpi slt, %x, %none : i32
  %negative = arith.extui %below : i1 to i32
  %limit = arith.addi %half, %negative : i32
  %up = arith.cmpi sgt, %rest, %limit : i32
  %more = arith.extui %up : i1 to i32
  %floor = arith.shrsi %x, %bits : i32
  %result = arith.addi %floor, %more : i32
  return %result : i32
}
func.func private @scale(%x: i32, %multiplier: i32, %left: i32, %right: i32) -> i32 {
  %large = arith.shli %x, %left : i32
  %product = func.call @high(%large, %multiplier) : (i32, i32) -> i32
  %result = func.call @divide(%product, %right) : (i32, i32) -> i32
  return %result : i32
}
func.func private @shift(%x: i32, %bits: i32) -> i32 {
  %least = arith.constant -2147483648 : i64
  %most = arith.constant 2147483647 : i64
  %wide = arith.extsi %x : i32 to i64
  %by = arith.extsi %bits : i32 to i64
  %large = arith.shli %wide, %by : i64
  %above = arith.maxsi %large, %least : i64
  %between = arith.minsi %above, %most : i64
  %result = arith.trunci %between : i64 to i32
  return %result : i32
}
func.func private @refine(%half: i32, %x: i32) -> i32 {
  %one = arith.constant 536870912 : i32
  %two = arith.constant 2 : i32
  %product = func.call @high(%half, %x) : (i32, i32) -> i32
  %missing = arith.subi %one, %product : i32
  %part = func.call @high(%x, %missing) : (i32, i32) -> i32
  %step = func.call @shift(%part, %two) : (i32, i32) -> i32
  %result = arith.addi %x, %step : i32
  return %result : i32
}
func.func private @reciprocal(%x: i32) -> i32 {
  %one = arith.constant 1 : i64
  %most = arith.constant 2147483648 : i64
  %slope = arith.constant -1010580540 : i32
  %start = arith.constant 1515870810 : i32
  %bit = arith.constant 1 : i32
  %wide = arith.extsi %x : i32 to i64
  %sum = arith.addi %wide, %most : i64
  %mean = arith.shrsi %sum, %one : i64
  %half = arith.trunci %mean : i64 to i32
  %fall = func.call @high(%half, %slope) : (i32, i32) -> i32
  %x0 = arith.addi %fall, %start : i32
  %x1 = func.call @refine(%half, %x0) : (i32, i32) -> i32
  %x2 = func.call @refine(%half, %x1) : (i32, i32) -> i32
  %x3 = func.call @refine(%half, %x2) : (i32, i32) -> i32
  %result = func.call @shift(%x3, %bit) : (i32, i32) -> i32
  return %result : i32
}
"""


def paste(text: str, *operands: ir.Value) -> ir.Value:
    """The body of `@main`, of operands of its arguments' types; its one result."""
    template = ir.Module.parse(text + _FIXED_POINT)
    PassManager.parse("builtin.module(inline, symbol-dce, canonicalize)").run(template.operation)
    main = next(op for op in template.body.operations if op.name.value == "main")
    body = main.regions[0].blocks[0]
    *inner, end = list(body.operations)
    mapping = dict(zip(body.arguments, operands))
    clone_into(inner, mapping)
    return mapping[end.operands[0]]


def tensor(shape: tuple[int, ...] | list[int], element: str) -> str:
    """The type of a tensor, as text."""
    return f"tensor<{'x'.join(map(str, [*shape, element]))}>"


def places(rank: int, *, kept: list[int] | None = None, ones: list[int] | None = None) -> str:
    """An affine map as text, from `rank` loops to those `kept`, with 0 where an axis has one element."""
    names = [f"d{axis}" for axis in range(rank)]
    results = ["0" if axis in (ones or ()) else names[axis] for axis in (range(rank) if kept is None else kept)]
    return f"affine_map<({', '.join(names)}) -> ({', '.join(results)})>"


def loops(*kinds: str) -> str:
    """Iterator types as text."""
    words = ", ".join(f'"{kind}"' for kind in kinds)
    return f"[{words}]"
