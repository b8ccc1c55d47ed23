"""LiteRT's arithmetic of requantisation on NumPy arrays: a real scale as an integer and a shift, rounded twice."""

from __future__ import annotations

import math

import numpy as np


def quantise_scale(scale: float) -> tuple[int, int]:
    """The multiplier of 31 bits and the shift to the right: `scale`, not negative, is about `multiplier / 2^shift`."""
    fraction, exponent = math.frexp(scale)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, exponent = multiplier // 2, exponent + 1
    if exponent < -31:
        return 0, 31
    return multiplier, 31 - exponent


def rescale(values: np.ndarray, scale: float) -> np.ndarray:
    """`values * scale` as `MultiplyByQuantizedMultiplier` computes it; a negative scale negates the result."""
    if scale < 0:
        return -rescale(values, -scale)
    multiplier, shift = quantise_scale(scale)
    high = multiply_high(values.astype(np.int64) << max(31 - shift, 0), multiplier)
    return shift_right(high, max(shift - 31, 0))


def multiply_high(values: np.ndarray, other: np.ndarray | int) -> np.ndarray:
    """`values * other / 2^31`, a half rounded up: `SaturatingRoundingDoublingHighMul` of numbers that do not saturate."""
    product = values * np.int64(other) if isinstance(other, int) else values * other
    return (product + 2**30) >> 31


def shift_right(values: np.ndarray, bits: int) -> np.ndarray:
    """`values / 2^bits`, a half rounded away from zero."""
    mask = (1 << bits) - 1
    return (values >> bits) + ((values & mask) > (mask >> 1) + (values < 0))
