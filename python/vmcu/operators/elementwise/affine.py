"""Functions of one or two bytes as products, a sum and a shift: `clamp((x * a + c) >> s)`.

`floor((x * a + c) / 2^s) = v` says `v * 2^s <= x * a + c < (v + 1) * 2^s`. A value at an end of the range that is clamped to
needs one of the two. For a given `a` all inputs together leave an interval for `c`, whose length is a concave function of
`a`: a search over intervals finds the longest one, and so an answer whenever there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOW, HIGH = -128, 127
SHIFT = 20  # bits of fraction: products of bytes by slopes below 8, and their sums, fit 31 bits
_STEEPEST = 7 << SHIFT


@dataclass(frozen=True, eq=False)
class Line:
    """`clamp((x * slope + start) >> SHIFT)`; both int32, per channel."""

    slope: np.ndarray
    start: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        return np.clip((x * self.slope.astype(np.int64) + self.start.astype(np.int64)) >> SHIFT, LOW, HIGH)


@dataclass(frozen=True, eq=False)
class Bend:
    """One line below `at`, another one from there on."""

    at: int
    below: Line
    above: Line

    def apply(self, x: np.ndarray) -> np.ndarray:
        return np.where(x < self.at, self.below.apply(x), self.above.apply(x))


def fit_bend(x: np.ndarray, values: np.ndarray, at: int) -> Bend | None:
    """Two lines that meet at the input `at` and are `values[i, channel]` at all inputs `x[i]`; None if there are none."""
    parts = [fit_line(x[where], values[where]) for where in (x < at, x >= at)]
    below, above = parts
    if below is None or above is None:
        return None
    bend = Bend(at, below, above)
    return bend if np.array_equal(bend.apply(x[:, None]), values) else None


def fit_line(x: np.ndarray, values: np.ndarray) -> Line | None:
    """A line per channel that is `values[i, channel]` at all inputs `x[i]`; None if a channel has none."""
    channels = values.shape[1]
    low, high = np.full(channels, -_STEEPEST, np.int64), np.full(channels, _STEEPEST, np.int64)
    while (high - low > 2).any():
        third = np.maximum((high - low) // 3, 1)
        left, right = low + third, high - third
        is_left = _room(x, values, left) > _room(x, values, right)
        low, high = np.where(is_left, low, left), np.where(is_left, right, high)
    slopes = np.stack([low, low + (high - low) // 2, high])
    best = slopes[np.argmax([_room(x, values, each) for each in slopes], axis=0), np.arange(channels)]
    first, last = _starts(x, values, best)
    if (first > last).any():
        return None
    start = np.clip(0, first, last)  # nothing to add, if that is right
    largest = np.abs(best) * int(np.abs(x).max(initial=1)) + np.abs(start)
    return Line(best.astype(np.int32), start.astype(np.int32)) if (largest < 2**31).all() else None


def _room(x: np.ndarray, values: np.ndarray, slope: np.ndarray) -> np.ndarray:
    first, last = _starts(x, values, slope)
    return last - first


def _starts(x: np.ndarray, values: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest `start`, per channel, that a slope leaves."""
    rest = (values << SHIFT) - x[:, None].astype(np.int64) * slope
    nothing = np.int64(2**40)
    first = np.where(values == LOW, -nothing, rest).max(axis=0, initial=-nothing)
    last = np.where(values == HIGH, nothing, rest + (1 << SHIFT) - 1).min(axis=0, initial=nothing)
    return np.maximum(first, -(2**31)), np.minimum(last, 2**31 - 1)
