"""Folding a requantisation of constants gives what TOSA's `apply_scale_32` gives in exact arithmetic."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlir import ir

from vmcu.ir import bridge

INT32 = 2**31


def apply_scale_32(value: int, multiplier: int, shift: int, *, double_round: bool) -> int:
    """TOSA 1.0, section "apply_scale_32", in integers without bounds."""
    rounding = 1 << (shift - 1)
    if double_round and shift > 31:
        rounding += 1 << 30 if value >= 0 else -(1 << 30)
    return (value * multiplier + rounding) >> shift


def fold(value: int, multiplier: int, shift: int, rounding: str, zero_point: int, low: int, high: int) -> int:
    """What `canonicalize` makes of a requantisation of one word."""
    text = f"""
    func.func @f() -> vector<1xi32> {{
      %v = arith.constant dense<{value}> : vector<1xi32>
      %m = arith.constant dense<{multiplier}> : vector<1xi32>
      %s = arith.constant dense<{shift}> : vector<1xi8>
      %r = vmcu.requantize %v by %m, %s round {rounding} zero_point {zero_point} clamp {low} to {high}
        : vector<1xi32>, vector<1xi32>, vector<1xi8> -> vector<1xi32>
      return %r : vector<1xi32>
    }}"""
    with bridge.context():
        module = ir.Module.parse(text)
        bridge.run(module, ["canonicalize"])
        return int(re.search(r"dense<(-?\d+)>", str(module))[1])


@st.composite
def scalings(draw: st.DrawFn) -> tuple[int, int, int]:
    """Value, multiplier and shift for which TOSA defines a result: the value has at most `shift` bits."""
    shift = draw(st.integers(2, 62))
    bound = min(1 << (shift - 1), INT32)
    return draw(st.integers(-bound, bound - 1)), draw(st.integers(0, INT32 - 1)), shift


@given(scalings(), st.sampled_from(["single", "double"]), st.integers(-128, 127))
@example((-2, 1 << 30, 32), "single", 0)
@example((-2, 1 << 30, 32), "double", 0)
@example((-INT32, INT32 - 1, 62), "double", -128)
@example((INT32 - 1, INT32 - 1, 32), "double", 127)
@settings(max_examples=150, deadline=None)
def test_fold_is_exact(scaling: tuple[int, int, int], rounding: str, zero_point: int) -> None:
    # Wide bounds show the value; the sum with the zero point wraps as arith.addi does.
    exact = apply_scale_32(*scaling, double_round=rounding == "double") + zero_point
    wrapped = (exact + INT32) % (2 * INT32) - INT32
    assert fold(*scaling, rounding, zero_point, -INT32, INT32 - 1) == wrapped


@given(st.integers(-1000, 1000), st.integers(-128, 127), st.integers(-128, 127))
@settings(max_examples=30, deadline=None)
def test_fold_clamps(value: int, one: int, other: int) -> None:
    low, high = sorted((one, other))
    exact = apply_scale_32(value, 1 << 30, 31, double_round=False) - 3
    assert fold(value, 1 << 30, 31, "single", -3, low, high) == min(high, max(low, exact))
