"""Functions of one or two bytes as products, a sum and a shift: `clamp((x * a + y * b + c) >> s)`.

`floor((x * a + c) / 2^s) = v` says `v * 2^s <= x * a + c < (v + 1) * 2^s`. A value at an end of the range that is clamped to
needs one of the two. For a given `a` all inputs together leave an interval for `c`, whose length is a concave function of
`a`: a search over intervals finds the longest one, and so an answer whenever there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LOW, HIGH = -128, 127
SHIFT = 20  # bits of fraction: products of bytes by slopes below 8, and their sums, fit 31 bits
_STEEPEST = 7 << SHIFT
_SHIFTS = (22, 20)  # of planes


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


@dataclass(frozen=True)
class Plane:
    """`clamp((x * slopes[0] + y * slopes[1] + start) >> shift)` to `[low, high]`."""

    slopes: tuple[int, int]
    start: int
    shift: int
    low: int
    high: int

    def apply(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        a, b = self.slopes
        return np.clip((x * np.int64(a) + y * np.int64(b) + self.start) >> self.shift, self.low, self.high)


def fit_plane(x: np.ndarray, y: np.ndarray, values: np.ndarray) -> Plane | None:
    """A plane that is `values[i, j]` at all inputs `x[i, 0]` and `y[0, j]`; None if none is found.

    The more bits of fraction, the sooner there is one; the fewer, the sooner its sums fit 31 bits.
    """
    low, high = int(values.min()), int(values.max())
    inside = (values > low) & (values < high)
    if inside.sum() < 3:
        return None
    columns = [np.broadcast_to(each, values.shape)[inside] for each in (x, y)]
    guess, *_ = np.linalg.lstsq(np.stack([*columns, np.ones(len(columns[0]))], 1), values[inside] + 0.5, rcond=None)
    if np.abs(np.stack(columns, 1) @ guess[:2] + guess[2] - values[inside] - 0.5).max() > 1:
        return None  # it bends
    found = (_fit_plane(x, y, values, (float(guess[0]), float(guess[1])), shift) for shift in _SHIFTS)
    return next((each for each in found if each is not None), None)


def _fit_plane(
    x: np.ndarray, y: np.ndarray, values: np.ndarray, slopes: tuple[float, float], shift: int
) -> Plane | None:
    """The same with so many bits of fraction, and slopes near those given."""
    low, high = int(values.min()), int(values.max())
    above, below = values > low, values < high

    def starts(a: int, b: int) -> tuple[int, int]:
        rest = (values << shift) - x * a - y * b
        return int(rest[above].max()), int(rest[below].min()) + (1 << shift) - 1

    def room(a: int, b: int) -> int:
        first, last = starts(a, b)
        return last - first

    a, b = (round(each * (1 << shift)) for each in slopes)
    if (abs(a) + abs(b)) * 128 >= 2**31:
        return None
    a, b = _climb(a, b, room)
    first, last = starts(a, b)
    start = min(max(0, first), last)
    fits = first <= last and (abs(a) + abs(b)) * 128 + abs(start) < 2**31
    found = Plane((a, b), start, shift, low, high)
    return found if fits and np.array_equal(found.apply(x, y), values) else None


def _climb(a: int, b: int, room: Callable[[int, int], int]) -> tuple[int, int]:
    """Slopes that leave room for a start, near those given: the best of eight neighbours, nearer and nearer."""
    best, step = room(a, b), 512
    while step and best < 0:
        around = [(a + i * step, b + j * step) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        rooms = [room(*each) for each in around]
        if max(rooms) > best:
            best = max(rooms)
            a, b = around[rooms.index(best)]
        else:
            step //= 2
    return a, b
