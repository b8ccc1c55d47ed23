"""Bilinear interpolation, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
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


@dataclass(frozen=True)
class Run:
    """Input columns `first, first + step, ...`, `count` of them, of which each makes the next `len(weights)` columns.

    An output column is `weights[i][0]` of such a column and `weights[i][1]` of the one behind it.
    """

    first: int
    step: int
    count: int
    weights: tuple[tuple[int, int], ...]


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
        """Output columns from left to right, joined where the next input columns make as many in the same way."""
        columns = zip(self.first.tolist(), map(tuple, self.weights.tolist()))
        runs: list[Run] = []
        for column, group in groupby(columns, key=lambda each: each[0]):
            weights = tuple(each for _, each in group)
            last = runs[-1] if runs else None
            step = column - last.first if last and last.count == 1 else last.step if last else 1
            if last and last.weights == weights and column == last.first + last.count * step:
                runs[-1] = Run(last.first, step, last.count + 1, weights)
            else:
                runs.append(Run(column, 1, 1, weights))
        return tuple(runs)

    def window(self) -> Rows:
        """The narrowest window, over rows that may lie apart, that sees for each output row what it is made of."""
        exact = Fraction(self.size, len(self.first))
        ratios = {exact, *(exact.limit_denominator(each) for each in FINEST)}
        windows = [self._cover(each.numerator, each.denominator) for each in ratios if each]
        return min(windows, key=lambda rows: ((rows.kernel - 1) // rows.up, rows.up, rows.stride))

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
