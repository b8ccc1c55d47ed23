"""Multipliers with which one rounding is that of LiteRT's fully connected layers.

LiteRT's int8 reference kernels requantise in two ways. Convolutions multiply by an integer, round, then shift and round
once more (`DOUBLE_ROUND`). The fully connected kernel multiplies by a real scale and rounds once, a half away from zero.
`SINGLE_ROUND` is `(sum * multiplier + 2^(shift - 1)) >> shift`, which rounds a half up. Both are monotone in the sum, so
they are equal if each int8 result starts at the same sum. Each such start bounds the multiplier from both sides. At a
negative tie the bounds exclude the scale itself: a multiplier slightly above it is the one that moves ties away from zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

_LARGEST_SUM = 2**31 - 1


def exact_multiplier(multiplier: int, shift: int, scale: float, zero_point: int) -> int | None:
    """The multiplier nearest to `multiplier` that rounds as LiteRT does.

    Args:
        multiplier, shift: what `scale` is about: `multiplier / 2^shift`.
        scale: real number by which LiteRT multiplies the sum.
        zero_point: of the int8 result; it says how far results reach on either side of zero.

    Returns:
        A positive int32 that is exact for all sums of 32 bits with that shift; none if there is none.
    """
    if shift < 1:
        return None  # There is nothing to round: each sum but zero is beyond int8.
    low, high = 1, 2**31 - 1
    for least, most in _bounds(shift, scale, zero_point):
        low, high = max(low, least), min(high, most)
    return min(max(multiplier, low), high) if low <= high else None


def _bounds(shift: int, scale: float, zero_point: int) -> Iterator[tuple[int, int]]:
    """The smallest and largest multiplier that keep the start of each result."""
    for result in range(1, max(127 - zero_point, 128 + zero_point) + 1):
        start = _first_sum(result, scale)
        if start > _LARGEST_SUM:
            return
        half = (2 * result - 1) << (shift - 1)
        if result <= 127 - zero_point:
            yield -(-half // start), -(-half // (start - 1)) - 1 if start > 1 else _LARGEST_SUM
        if result <= 128 + zero_point:
            yield half // start + 1, half // (start - 1) if start > 1 else _LARGEST_SUM


def _first_sum(result: int, scale: float) -> int:
    """The smallest sum whose product with `scale`, in floats of 64 bits, rounds to `result` or more."""
    start = max(math.floor((result - 0.5) / scale) - 1, 1)
    while start * scale < result - 0.5:
        start += 1
    return start
