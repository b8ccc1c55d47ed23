"""Layers that only move bytes, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.rearrange.factor import RowGroup
from vmcu.operators.rearrange.runs import Part, Runs, find_rows
from vmcu.planner import Rows


@dataclass(frozen=True, eq=False)
class Rearrange(Operator):
    """Every byte of the output is a byte of an input, of a table in flash, or constant.

    Args:
        inputs: how each input is divided into rows and segments.
        output: how the output is.
        tables: int8 arrays of one dimension.
        runs: what is copied, in order.
        groups: the same as loops.
    """

    inputs: tuple[Part, ...]
    output: Part
    tables: tuple[np.ndarray, ...]
    runs: Runs
    groups: tuple[RowGroup, ...]

    kind = d.KernelKind.rearrange

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        inputs, output = (
            tuple((each.rows * each.segments, each.size) for each in side) for side in (self.inputs, (self.output,))
        )
        return inputs, output

    def rows(self) -> Rows | None:
        return self._rows

    @cached_property
    def _rows(self) -> Rows | None:
        return find_rows(self.runs, self.output.rows, self.inputs)
