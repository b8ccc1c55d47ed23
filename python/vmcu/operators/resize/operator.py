"""Bilinear interpolation, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.requant import INT8, Requant
from vmcu.planner import Rows

FINEST = (
    1,
    2,
    3,
    4,
    6,
    8,
    16,
)  # most rows of the output for so many of the input, where the exact ratio is a finer one

LARGEST = 8  # most columns of a group, of the output and of the input


@dataclass(frozen=True)
class Run:
    """Output columns that repeat: `count` groups of as many columns as `first` has entries, from column `start` on.

    In group `g` they begin at the input columns `first + g * step`.

    Args:
        start: the first output column.
        first: of the first group, the input column of each output column.
        step: input columns from a group to the next.
        count: groups.
        weights: of each output column of a group, if all groups have the same.
    """

    start: int
    first: tuple[int, ...]
    step: int
    count: int
    weights: tuple[tuple[int, int], ...] | None

    @property
    def columns(self) -> int:
        """Output columns in all."""
        return self.count * len(self.first)


@dataclass(frozen=True, eq=False)
class Taps:
    """What the rows, or columns, of the output are made of.

    Args:
        size: of the input.
        first: per output row, an input row.
        weights: per output row, whole numbers, the weight of that row and the weight of the one behind it.
    """

    size: int
    first: np.ndarray
    weights: np.ndarray

    @staticmethod
    def of(matrix: np.ndarray) -> Taps | None:
        """The taps of a matrix `[output, input]` of weights; None if a row has others than one, or two side by side."""
        is_used = matrix != 0
        first = is_used.argmax(1)
        rows = np.arange(len(matrix))
        second = np.minimum(first + 1, matrix.shape[1] - 1)
        behind = np.where(second > first, matrix[rows, second], 0)
        weights = np.stack([matrix[rows, first], behind], 1).astype(np.int64)
        if not is_used.any(1).all() or (is_used.sum(1) != (weights != 0).sum(1)).any():
            return None
        return Taps(matrix.shape[1], first, weights)

    @property
    def last(self) -> np.ndarray:
        """Per output row, the last input row that has a weight."""
        return self.first + (self.weights[:, 1] != 0)

    def reduced(self) -> Taps:
        """The same with weights that two does not divide."""
        common = int(np.gcd.reduce(self.weights, axis=None))
        return replace(self, weights=self.weights // (common & -common))

    @property
    def total(self) -> int | None:
        """The sum of each row's weights, if it is the same for all and none is negative."""
        sums = self.weights.sum(1)
        return int(sums[0]) if np.ptp(sums) == 0 and self.weights.min() >= 0 else None

    def runs(self) -> tuple[Run, ...]:
        """The output columns from left to right, in runs that are as long as possible.

        A group ends where an input column has no more output columns, so that the next one has no use of its sums.
        """
        ends = np.append(np.flatnonzero(np.diff(self.first)) + 1, len(self.first))
        runs: list[Run] = []
        start = 0
        while start < len(self.first):
            groups = [int(end) - start for end in ends if 0 < end - start <= LARGEST] or [1]
            found = [self._repeat(start, group, step) for group in groups for step in range(1, LARGEST + 1)]
            runs.append(
                max(found, key=lambda run: (run.count > 1, run.columns if run.count > 1 else 0, -len(run.first)))
            )
            start += runs[-1].columns
        return tuple(runs)

    def _repeat(self, start: int, group: int, step: int) -> Run:
        """Groups from output column `start` on, as many as repeat."""
        whole = (len(self.first) - start) // group
        first, weights = (
            each[start : start + whole * group].reshape(whole, group, -1) for each in (self.first, self.weights)
        )
        same = first[:, :, 0] == first[0, :, 0] + np.arange(whole)[:, None] * step
        count = int(np.append(same.all(1), False).argmin())
        is_constant = (weights[:count] == weights[0]).all()
        constant = tuple((int(a), int(b)) for a, b in weights[0]) if is_constant else None
        return Run(start, tuple(first[0, :, 0].tolist()), step, count, constant)

    def window(self) -> Rows:
        """A window, over rows that may lie apart, that sees for each output row what it is made of.

        Its ratio of input rows to output rows need not be the exact one. A simple ratio, such as 1 to 2 for 5 rows to 9,
        keeps the ticks of a stream few, and lets the output meet what was never made smaller. It is off by one row at most.
        """
        exact = Fraction(self.size, len(self.first))
        ratios = [each for most in FINEST if (each := exact.limit_denominator(most))]
        near = [each for each in ratios if abs(each - exact) * len(self.first) <= 1]
        ratio = min([*near, exact], key=lambda each: each.denominator)
        return self._cover(ratio.numerator, ratio.denominator)

    def _cover(self, stride: int, up: int) -> Rows:
        begins = np.arange(len(self.first)) * stride
        pad = int((begins - self.first * up).max())
        kernel = int((self.last * up - begins).max()) + pad + 1
        return Rows(kernel, stride, 1, pad, self.size, len(self.first), up=up)


@dataclass(frozen=True, eq=False)
class Resize(Operator):
    """`out[r, c, o] = requant(sum of the weights of two rows times those of two columns times in[..., o])`.

    Args:
        row_taps, column_taps: what the rows and the columns of the output are made of.
        channels: of input and output.
        requant: of the sums, with one scale.
    """

    row_taps: Taps
    column_taps: Taps
    channels: int
    requant: Requant

    kind = d.KernelKind.resize

    @property
    def image(self) -> tuple[int, int]:
        """Rows and columns of the input."""
        return self.row_taps.size, self.column_taps.size

    @property
    def output(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        return len(self.row_taps.first), len(self.column_taps.first)

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """A segment is a pixel."""
        return ((prod(self.image), self.channels),), ((prod(self.output), self.channels),)

    def rows(self) -> Rows:
        return self.row_taps.window()

    @property
    def is_average(self) -> bool:
        """Whether all that `requant` does is a division by the sum `2^t` of the weights, with halves away from zero.

        A multiplier `2^k + e` and a shift `k + t` with one rounding add `e v / 2^k` to a sum `v`, and then divide. If that
        is less than one, it moves nothing but halves, and moves them away from zero.
        """
        requant = self.requant
        total = (self.row_taps.total or 0) * (self.column_taps.total or 0)
        if total < 2 or total & (total - 1) or len(requant.multiplier) > 1 or requant.rounding != "single":
            return False
        one = 1 << max(0, int(requant.shift[0]) - (total.bit_length() - 1))
        excess = int(requant.multiplier[0]) - one
        is_whole = (requant.zero_point, requant.min, requant.max) == (0, *INT8)
        return is_whole and excess > 0 and excess * 128 * total < one
