"""Families whose steps are whole rows: how they free and what they touch follows from the rows that they read.

Between two columns such a kernel may go back in its input. So no byte of an output row may take the place of an input row
that the same output row reads; the loss is small where an output is larger than its input.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, T, Variant
from vmcu.operators.geometry import Steps
from vmcu.operators.liveness import free_passed_rows
from vmcu.planner import Rows


class WholeRows(Family[T]):
    """Loops over the rows of one output, which is made out of one input."""

    @abstractmethod
    def start(self, operator: T, variant: Variant, on: Operands, *, backward: bool) -> Callable[[Index], object]:
        """Emit what all rows need; what comes back emits a row of that number, and frees nothing."""

    def steps(self, operator: T, variant: Variant) -> Steps:
        ((in_length, in_bytes), *_), ((out_length, out_bytes),) = operator.sequences()
        rows = operator.streamed_rows
        lo, hi = _hulls(rows) * (in_length // rows.in_rows * in_bytes)
        size = out_length // rows.out_rows * out_bytes
        first = np.arange(rows.out_rows, dtype=np.int64) * size
        # What is read must outlive the row. A step before and one after each row, which only read, say so either way round.
        return Steps(
            np.repeat(lo, 3),
            np.repeat(hi, 3),
            np.stack([first, first, first + size], 1).ravel(),
            np.stack([first, first + size, first + size], 1).ravel(),
        )

    def emit(self, operator: T, variant: Variant, on: Operands, *, backward: bool) -> None:
        rows = operator.streamed_rows
        lo, hi = _hulls(rows)
        some = hi > lo
        size = on.input.type.length // rows.in_rows
        first, end = (int(lo[some].min()), int(hi[some].max())) if some.any() else (rows.in_rows, rows.in_rows)
        if first > 0:
            build.free(on.input, build.constant(first * size), backward=False)
        if end < rows.in_rows:
            build.free(on.input, build.constant(end * size), backward=True)
        make_row = self.start(operator, variant, on, backward=backward)
        for row in build.loop(0, rows.out_rows, backward=backward):
            make_row(row)
            free_passed_rows(on.input, rows, row, backward=backward)

    def emit_row(self, operator: T, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        self.start(operator, variant, on, backward=backward)(row)
        free_passed_rows(on.input, operator.streamed_rows, row, backward=backward)


def _hulls(rows: Rows) -> np.ndarray:
    """The first and one past the last input row of each output row, `[2, rows]`; equal where it reads none."""
    needed = [rows.read_rows(row) for row in range(rows.out_rows)]
    return np.array([[each[0] if each else 0, each[-1] + 1 if each else 0] for each in needed], np.int64).T
