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


def reciprocal(divisor: int) -> tuple[int, int]:
    """`1 / divisor` of a positive number, as `multiplier / 2^(31 + shift)`, by the steps of LiteRT's `GetReciprocal`."""
    headroom = 32 - divisor.bit_length()
    one = 2**31 - 1
    half = ((divisor << headroom) - 2**31 + one + 1) >> 1  # half of the divisor, which is between 1 and 2 now
    x = 1515870810 + _high(half, -1010580540)  # 48/17 - 32/17 * half, with two bits before the point
    for _ in range(3):
        x += min(_high(x, 2**29 - _high(half, x)) << 2, one)
    return min(2 * x, one), 31 - headroom


def _high(value: int, other: int) -> int:
    return (value * other + 2**30) >> 31


_BOUNDS = {1: (0.0, math.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}  # ActivationFunctionType: RELU, RELU_N1_TO_1, RELU6


def clamp_of(activation: int, scale: float, zero_point: int, bits: int = 8) -> tuple[int, int] | None:
    """The bounds of a fused activation as integers; None of none, or of one that LiteRT's integer kernels take for none."""
    if activation not in _BOUNDS:
        return None
    low, high = (_quantise(bound, scale, zero_point, 1 << (bits - 1)) for bound in _BOUNDS[activation])
    return low, high


def _quantise(real: float, scale: float, zero_point: int, limit: int) -> int:
    """LiteRT's `CalculateActivationRangeQuantized`: a division in float, rounded half away from zero."""
    if math.isinf(real):
        return limit - 1
    steps = float(np.float32(real) / np.float32(scale))
    rounded = math.copysign(math.floor(abs(steps) + 0.5), steps)
    return max(-limit, min(limit - 1, zero_point + int(rounded)))
