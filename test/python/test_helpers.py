"""The functions that LLVM calls come with an object, and compute what they should on every core."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import pytest

from thumb import machine_from_ir
from vmcu.cores import CORES
from vmcu.run.emulator import Machine
from vmcu.toolchain import compile_to_assembly, compile_to_object, undefined
from vmcu.toolchain.helpers import HELPERS, write_helper

LONG = ("__aeabi_uldivmod", "__aeabi_ldivmod")
TESTED = sorted(name for name in HELPERS if "mem" not in name)  # test_emulator.py copies and fills memory

# Every operation for which some core has no instruction.
OPERATIONS = """
define i64 @mul(i64 %a, i64 %b) {
  %r = mul i64 %a, %b
  ret i64 %r
}
define i64 @div(i64 %a, i64 %b) {
  %r = sdiv i64 %a, %b
  ret i64 %r
}
define i64 @rem(i64 %a, i64 %b) {
  %r = urem i64 %a, %b
  ret i64 %r
}
define i32 @div32(i32 %a, i32 %b) {
  %r = sdiv i32 %a, %b
  ret i32 %r
}
define i32 @rem32(i32 %a, i32 %b) {
  %r = urem i32 %a, %b
  ret i32 %r
}
define i64 @shl(i64 %a, i64 %b) {
  %r = shl i64 %a, %b
  ret i64 %r
}
define i64 @shr(i64 %a, i64 %b) {
  %x = lshr i64 %a, %b
  %y = ashr i64 %a, %b
  %r = xor i64 %x, %y
  ret i64 %r
}
define i64 @zeros(i64 %a) {
  %x = call i64 @llvm.ctlz.i64(i64 %a, i1 false)
  %y = call i64 @llvm.cttz.i64(i64 %a, i1 false)
  %z = call i64 @llvm.ctpop.i64(i64 %a)
  %xy = add i64 %x, %y
  %r = add i64 %xy, %z
  ret i64 %r
}
define void @memory(ptr %to, ptr align 8 %from, i8 %value, i32 %n) {
  call void @llvm.memcpy.p0.p0.i32(ptr %to, ptr %from, i32 %n, i1 false)
  call void @llvm.memmove.p0.p0.i32(ptr %to, ptr %from, i32 %n, i1 false)
  call void @llvm.memset.p0.i32(ptr %to, i8 %value, i32 %n, i1 false)
  call void @llvm.memset.p0.i32(ptr align 4 %from, i8 0, i32 %n, i1 false)
  ret void
}
define internal i32 @whole(float %x) {
  %y = call float @llvm.round.f32(float %x)
  %r = fptosi float %y to i32
  ret i32 %r
}
define i32 @round(i32 %x) {
  %y = bitcast i32 %x to float
  %r = call i32 @whole(float %y)
  ret i32 %r
}
"""


@pytest.mark.parametrize("core", CORES)
def test_an_object_brings_what_llvm_calls(core: str, tmp_path: Path) -> None:
    code = compile_to_object(OPERATIONS, CORES[core], tmp_path / "f.o").read_bytes()
    # Arithmetic of floats stays with the compiler's library; Arm's ABI passes its floats in core registers in every build.
    floats = set() if CORES[core].features.fpu else {"__aeabi_f2iz", "__aeabi_i2f", "__aeabi_fadd", "__aeabi_fsub"}
    assert floats <= undefined(code) and all(re.match("__aeabi_.*f", each) for each in undefined(code) - floats)
    text = compile_to_assembly(OPERATIONS, CORES[core])
    assert ".eabi_attribute\t28, 3" in text
    called = set(re.findall(r"\b(__aeabi_\w+|__clzsi2)", text)) & HELPERS
    assert called >= {"__aeabi_memcpy", "__aeabi_memmove", "__aeabi_memset", "__aeabi_memclr8", "__aeabi_ldivmod"}
    assert all(f"\n{name}:" in text and f".globl\t{name}" not in text for name in called)


@pytest.mark.parametrize(
    "ir",
    [
        "define float @f(float %x) {\n  ret float %x\n}",
        "declare void @g(i32, double)\ndefine void @f() {\n  call void @g(i32 1, double 2.0)\n  ret void\n}",
        "define i32 @f(i32 %x) {\n  %y = bitcast i32 %x to float\n  %z = call float @llvm.sin.f32(float %y)\n"
        "  %r = bitcast float %z to i32\n  ret i32 %r\n}",
    ],
    ids=["defined", "declared", "library"],
)
def test_a_module_that_passes_floats_promises_nothing(ir: str) -> None:
    assert ".eabi_attribute\t28" not in compile_to_assembly(ir, CORES["cortex-m4"])


OWN = """
define void @__aeabi_memcpy(ptr %to, ptr %from, i32 %n) {
  store i8 7, ptr %to
  ret void
}
define void @f(ptr %to, ptr %from, i32 %n) {
  call void @llvm.memcpy.p0.p0.i32(ptr %to, ptr %from, i32 %n, i1 false)
  ret void
}
"""


def test_a_function_that_the_module_has_is_its_own() -> None:
    text = compile_to_assembly(OWN, CORES["cortex-m4"])
    assert text.count("\n__aeabi_memcpy:") == 1 and ".globl\t__aeabi_memcpy" in text


@pytest.fixture(scope="module", params=CORES.values(), ids=CORES)
def helpers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """All helpers as functions that can be called, also those that the core would not call."""
    texts = [write_helper(name, request.param).replace("define internal", "define") for name in TESTED]
    remainders = [
        f"define i64 @rest{name}(i64 %a, i64 %b) {{\n  %both = call {{ i64, i64 }} @{name}(i64 %a, i64 %b)\n"
        "  %rest = extractvalue { i64, i64 } %both, 1\n  ret i64 %rest\n}\n"
        for name in LONG
    ]
    keep = [*TESTED, *(f"rest{name}" for name in LONG)]
    return machine_from_ir("".join((*texts, *remainders)), tmp_path_factory.mktemp("helpers"), keep, request.param)


def long(machine: Machine, name: str, *values: int) -> int:
    """The result of a function of int64 as a signed number."""
    words = struct.unpack(f"<{2 * len(values)}i", struct.pack(f"<{len(values)}q", *map(signed, values)))
    return signed(machine.call(name, *words, count=False).value64)


def signed(value: int, bits: int = 64) -> int:
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def numbers(bits: int, count: int = 40) -> list[int]:
    """Signed numbers of every size, edges first."""
    draw = random.Random(bits)
    edges = [0, 1, -1, 2, 65535, 65536, (1 << bits - 1) - 1, -(1 << bits - 1), 7, -7]
    return [*edges, *(signed(draw.getrandbits(draw.randint(1, bits)), bits) for _ in range(count))]


def pairs(bits: int) -> list[tuple[int, int]]:
    values = numbers(bits)
    drawn = random.Random(1).sample(values, len(values))
    edges = values[:10]
    return [*zip(values, drawn), *((a, b) for a in edges for b in edges)]


def quotient(a: int, b: int) -> int:
    """Rounded towards zero."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def test_products(helpers: Machine) -> None:
    for a, b in pairs(64):
        assert long(helpers, "__aeabi_lmul", a, b) == signed(a * b)


def test_long_quotients(helpers: Machine) -> None:
    for a, b in pairs(64):
        if b == 0:
            continue
        ratio = signed(quotient(a, b))
        assert long(helpers, "__aeabi_ldivmod", a, b) == ratio
        assert long(helpers, "rest__aeabi_ldivmod", a, b) == a - quotient(a, b) * b
        above, below = a % (1 << 64), b % (1 << 64)
        assert long(helpers, "__aeabi_uldivmod", a, b) == signed(above // below)
        assert long(helpers, "rest__aeabi_uldivmod", a, b) == signed(above % below)


def test_quotients(helpers: Machine) -> None:
    for a, b in pairs(32):
        if b == 0:
            continue
        both = helpers.call("__aeabi_idivmod", a, b, count=False).value64
        assert signed(both, 32) == signed(quotient(a, b), 32)
        assert signed(both >> 32, 32) == a - quotient(a, b) * b
        assert helpers.call("__aeabi_idiv", a, b, count=False).value == signed(quotient(a, b), 32)
        above, below = a % (1 << 32), b % (1 << 32)
        both = helpers.call("__aeabi_uidivmod", a, b, count=False).value64
        assert (both % (1 << 32), both >> 32) == (above // below, above % below)
        assert helpers.call("__aeabi_uidiv", a, b, count=False).value == signed(above // below, 32)


@pytest.mark.parametrize("name", LONG)
def test_a_divisor_of_zero_ends(helpers: Machine, name: str) -> None:
    helpers.call(name, 5, 0, 0, 0, count=False, seconds=5)
    helpers.call("__aeabi_uidivmod", 5, 0, count=False, seconds=5)


def test_shifts(helpers: Machine) -> None:
    for value in numbers(64, 10):
        low, high = struct.unpack("<2i", struct.pack("<q", value))
        for by in (0, 1, 5, 31, 32, 33, 63):
            found = [
                signed(helpers.call(f"__aeabi_{name}", low, high, by, count=False).value64)
                for name in ("llsl", "llsr", "lasr")
            ]
            assert found == [signed(value << by), signed(value % (1 << 64) >> by), value >> by]


def test_leading_zeros(helpers: Machine) -> None:
    for value in [0, 1, 0xFFFF_FFFF, *(1 << bit for bit in range(32)), *(3 << bit for bit in range(30))]:
        assert helpers.call("__clzsi2", value, count=False).value == 32 - value.bit_length()


def test_rounding(helpers: Machine) -> None:
    cases = {
        0.0: 0.0,
        0.5: 1.0,
        0.49999997: 0.0,
        1.5: 2.0,
        2.4: 2.0,
        8388607.5: 8388608.0,
        8388609.0: 8388609.0,
        1e30: 1e30,
    }
    for value, expected in cases.items():
        for sign in (1, -1):
            (bits,) = struct.unpack("<i", struct.pack("<f", sign * value))
            found = helpers.call("roundf", bits, count=False).value
            assert struct.pack("<i", found) == struct.pack("<f", sign * expected)
