"""Fast exact forms of requantisation: which one a set of constants allows, and its constants.

`tosa.apply_scale` is `(value * m + round) >> s` in 64 bits. With `hi(x) = x >> 32` of a 64-bit product, one
instruction on the cores with DSP:

* double rounding, `s >= 32`, `m >= 2^30`, with `n = s - 31`: `t = round_hi(value * (2m - 2^32)) + value` is the doubling
  high multiply; `t + (t >> 31)` moves ties away from zero; `zero_point + round_hi(t * 2^(32-n))` is the rounding shift.
  For `t >= 0` nested floors make this `(value * m + 2^30 + 2^(s-1)) >> s`, and for `t < 0` the same with `-2^30`: the
  definition. (`value < 0` with `t = 0` gives 0 in both.)
* single rounding, `s >= 33`, with `n = s - 32`: `zero_point + round_hi(hi(value * m) * 2^(32-n))`, as the rounding term is
  a multiple of `2^32`.
* a power of two `m = 2^k`, single rounding, `s <= k`: a left shift by `k - s`.

Everything else takes the 64-bit definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class ScaleForm:
    """`kind` and, for the fast forms, the int32 constants `multiplier` and `factor` (the negated power of two).

    `shift` says the same as `factor` where a shift is cheaper than a product: `((t >> shift) + 1) >> 1`, with `n - 1`.
    """

    kind: Literal["double", "single", "shift", "wide"]
    multiplier: np.ndarray | None = None
    factor: np.ndarray | None = None
    shift: np.ndarray | None = None


def choose_form(multiplier: np.ndarray, shift: np.ndarray, rounding: str) -> ScaleForm:
    """The fastest form that is exact for all of these multipliers (int32) and shifts, one each or one for all."""
    m, s = np.broadcast_arrays(multiplier.astype(np.int64), shift.astype(np.int64))
    if rounding == "double" and (s >= 32).all() and (m >= 2**30).all():
        return ScaleForm("double", _int32(2 * m - 2**32), _int32(-(1 << (63 - s))), _int32(s - 32))
    exponent = int(m[0]).bit_length() - 1 if m.size == 1 and m[0] > 0 else -1
    # At shifts up to 31 both roundings are the same.
    if m.size == 1 and m[0] == 1 << max(exponent, 0) and s[0] <= min(exponent, 31):
        return ScaleForm("shift", _int32(np.array([exponent - s[0]])))
    if rounding == "single" and (s >= 33).all():
        return ScaleForm("single", _int32(m), _int32(-(1 << (64 - s))), _int32(s - 33))
    return ScaleForm("wide")


def choose_saturation(low: int, high: int) -> tuple[Literal["ssat", "usat"], int, int, int]:
    """The instruction that saturates to the narrowest range around `[low, high]`, its bits, and that range."""
    if low >= 0 and high > 127:
        bits = high.bit_length()
        return "usat", bits, 0, (1 << bits) - 1
    bits = max(high, -low - 1).bit_length() + 1
    return "ssat", bits, -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def _int32(values: np.ndarray) -> np.ndarray:
    assert (values >= -(2**31)).all() and (values < 2**31).all()
    return values.astype(np.int32)
