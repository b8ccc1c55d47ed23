"""Single instructions and addresses, as ops of the LLVM dialect. Everything is built at the current insertion point."""

from __future__ import annotations

from collections.abc import Sequence

from mlir import ir
from mlir.dialects import arith, llvm
from mlir.dialects import vector as vector_d

from vmcu.operators.scale import choose_saturation


def pointer() -> ir.Type:
    return ir.Type.parse("!llvm.ptr")


def integer(width: int) -> ir.Type:
    return ir.IntegerType.get_signless(width)


def word(value: int) -> ir.Value:
    """An i32 constant."""
    value &= 0xFFFFFFFF
    return arith.constant(integer(32), value - (1 << 32) if value >> 31 else value)


def byte(value: int) -> ir.Value:
    """An i8 constant, given as int8."""
    return arith.constant(integer(8), value)


def intrinsic(name: str, *args: ir.Value) -> ir.Value:
    """Call an LLVM intrinsic that returns an i32."""
    return llvm.CallIntrinsicOp(integer(32), f"llvm.{name}", list(args), [], []).operation.results[0]


def at(base: ir.Value, offset: ir.Value | int) -> ir.Value:
    """`base + offset` bytes; the offset is an index, or known."""
    dynamic = -(2**31)  # LLVM's marker for "see the operand"
    if isinstance(offset, int):
        return base if offset == 0 else _gep(base, [], [offset])
    return _gep(base, [arith.index_cast(integer(32), offset)], [dynamic])


def _gep(base: ir.Value, dynamic: list[ir.Value], constant: list[int]) -> ir.Value:
    no_wrap = ir.IntegerAttr.get(integer(32), 0)
    return llvm.getelementptr(
        pointer(), base, dynamic, ir.DenseI32ArrayAttr.get(constant), ir.TypeAttr.get(integer(8)), no_wrap
    )


def load(address: ir.Value, width: int, align: int = 1) -> ir.Value:
    """A load of `width` bits from anywhere, or from a multiple of `align` bytes."""
    return llvm.load(integer(width), address, alignment=align)


def load_word(address: ir.Value, valid: int = 4) -> ir.Value:
    """The first `valid` (1 to 4) bytes at `address` as an i32, the other bytes zero; no other byte is touched."""
    if valid == 4:
        return load(address, 32)
    low = arith.extui(integer(32), load(address, 8 if valid == 1 else 16))
    if valid < 3:
        return low
    high = arith.extui(integer(32), load(at(address, 2), 8))
    return arith.ori(low, arith.shli(high, word(16)))


def store_word(value: ir.Value, address: ir.Value, valid: int = 4) -> None:
    """Store the low `valid` (1 to 4) bytes of an i32."""
    if valid == 4:
        llvm.store(value, address, alignment=1)
        return
    llvm.store(arith.trunci(integer(8 if valid == 1 else 16), value), address, alignment=1)
    if valid == 3:
        llvm.store(arith.trunci(integer(8), arith.shrui(value, word(16))), at(address, 2), alignment=1)


def spread(packed: ir.Value, *, is_unsigned: bool = False) -> tuple[ir.Value, ir.Value]:
    """Bytes (0, 2) and bytes (1, 3) of a word, extended to 16 bits: SXTB16 or UXTB16, twice."""
    extend = "arm.uxtb16" if is_unsigned else "arm.sxtb16"
    return intrinsic(extend, packed), intrinsic(extend, intrinsic("fshr.i32", packed, packed, word(8)))


def multiply_add(a: ir.Value, b: ir.Value, acc: ir.Value) -> ir.Value:
    """`acc + a.low * b.low + a.high * b.high`: SMLAD."""
    return intrinsic("arm.smlad", a, b, acc)


def larger_bytes(a: ir.Value, b: ir.Value) -> ir.Value:
    """The larger of each two bytes, as numbers with sign: SSUB8 sets a flag for each, by which SEL chooses."""
    return llvm.inline_asm(integer(32), [a, b], "ssub8 $0, $1, $2\nsel $0, $1, $2", "=&r,r,r")


def lows(first: ir.Value, second: ir.Value) -> ir.Value:
    """The low halves of two words as (low, high): PKHBT."""
    return arith.ori(arith.andi(first, word(0xFFFF)), arith.shli(second, word(16)))


def highs(first: ir.Value, second: ir.Value) -> ir.Value:
    """The high halves of two words as (low, high): PKHTB."""
    return arith.ori(arith.shrui(first, word(16)), arith.andi(second, word(0xFFFF0000)))


def high_product(
    a: ir.Value, b: ir.Value, acc: ir.Value | None = None, *, subtract: bool = False, rounded: bool = True
) -> ir.Value:
    """`(acc * 2^32 +- a * b (+ 2^31)) >> 32`: SMMUL, SMMULR, SMMLAR, SMMLSR."""
    wide = integer(64)
    product = arith.muli(arith.extsi(wide, a), arith.extsi(wide, b))
    if acc is not None:
        start = arith.shli(arith.extui(wide, acc), arith.constant(wide, 32))
        if rounded:
            start = arith.ori(start, arith.constant(wide, 1 << 31))
        product = arith.subi(start, product) if subtract else arith.addi(start, product)
    elif rounded:
        product = arith.addi(product, arith.constant(wide, 1 << 31))
    return arith.trunci(integer(32), arith.shrui(product, arith.constant(wide, 32)))


def subtract_high_product(a: ir.Value, b: ir.Value, acc: ir.Value) -> ir.Value:
    """`(acc * 2^32 - a * b + 2^31) >> 32` as SMMLSR, whatever is known of `b`.

    LLVM writes a product with a known power of two as shifts of 64 bits, which are no instruction of the core.
    """
    return llvm.inline_asm(integer(32), [a, b, acc], "smmlsr $0, $1, $2, $3", "=r,r,r,r")


def high_product_of_halves(a: ir.Value, b: ir.Value, *, rounded: bool) -> ir.Value:
    """`(a * b (+ 2^31)) >> 32` in 32-bit arithmetic: four products of halves, the high ones signed."""
    half = word(16)
    (a_low, a_high), (b_low, b_high) = ((arith.andi(x, word(0xFFFF)), arith.shrsi(x, half)) for x in (a, b))
    # No sum overflows: a product of halves is at least 65535 away from 2^31, and what is added is less.
    first = arith.addi(arith.muli(a_high, b_low), arith.shrui(arith.muli(a_low, b_low), half))
    second = arith.addi(arith.muli(a_low, b_high), arith.andi(first, word(0xFFFF)))
    carried = arith.shrsi(second, word(15)) if rounded else second
    carried = arith.shrsi(arith.addi(carried, word(1)), word(1)) if rounded else arith.shrsi(carried, half)
    return arith.addi(arith.addi(arith.muli(a_high, b_high), arith.shrsi(first, half)), carried)


def clamp(value: ir.Value, low: int, high: int) -> ir.Value:
    """`min(max(value, low), high)`; SSAT or USAT for the ranges that they know, which may leave one comparison."""
    saturate, bits, lowest, highest = choose_saturation(low, high)
    if bits < 32:
        value = intrinsic(f"arm.{saturate}", value, word(bits))
        if low > lowest:
            value = arith.maxsi(value, word(low))
        if high < highest:
            value = arith.minsi(value, word(high))
    return value


def collect(values: Sequence[ir.Value], *shape: int) -> ir.Value:
    """Scalars as a vector of `shape`."""
    return vector_d.from_elements(ir.VectorType.get(shape, values[0].type), list(values))


def elements(value: ir.Value) -> list[ir.Value]:
    """The scalars of a vector of rank 1 or 2, row by row."""
    kind = ir.VectorType(value.type)
    positions = [[i] for i in range(kind.shape[0])]
    if len(kind.shape) == 2:
        positions = [[i, j] for i in range(kind.shape[0]) for j in range(kind.shape[1])]
    return [vector_d.extract(value, [], position, results=[kind.element_type]) for position in positions]
