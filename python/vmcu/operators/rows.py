"""The walk that all kernels with a window share: row after row of the output, each freed behind it."""

from __future__ import annotations

from dataclasses import dataclass

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Operands
from vmcu.operators.geometry import Window
from vmcu.operators.liveness import free_rows, free_unread


@dataclass(frozen=True)
class Place:
    """Where pixels lie: pixel (r, c) is segment `(r * row_step + row) * width + c * column_step + column` of the output."""

    width: int
    row_step: int = 1
    row: int = 0
    column_step: int = 1
    column: int = 0


class RowEmitter:
    """Emits a kernel's rows; `make_row(row)` makes one.

    Args:
        window: how the output's rows lie over the input's.
        on: the sequences that are read and stored.
        backward: last row first; row by row it only says which rows come next.
        by_rows: the kernel is in a stream, which frees whole rows. Otherwise `make_row` frees as it goes.
        place: where the pixels lie in the output; one after the other if it is not given.
    """

    def __init__(self, window: Window, on: Operands, *, backward: bool, by_rows: bool, place: Place | None = None):
        self.window, self.source, self.dest, self.small = window, on.input, on.output, on.small
        self.backward, self.by_rows = backward, by_rows
        self.place = place or Place(window.output[1])

    def emit(self) -> None:
        free_unread(self.source, self.window, backward=self.backward)
        for row in build.loop(0, self.window.output[0], backward=self.backward):
            self.make_row(row)

    def emit_row(self, row: Index) -> None:
        self.make_row(row)
        free_rows(self.source, self.window, row, backward=self.backward)

    def make_row(self, row: Index) -> None:
        """Make output row `row`."""
        raise NotImplementedError

    def _pixel(self, row: Index, column: Index) -> tuple[Index, Index | None]:
        """The segment of an output pixel, as `_segment` has it."""
        place = self.place
        first = (row * place.row_step + place.row) * place.width
        return self._segment(first, column * place.column_step + place.column)

    def _segment(self, first: Index, within: Index) -> tuple[Index, Index | None]:
        """A segment of a row that starts at `first`. Row by row, the place of a row is found once, outside the loops."""
        return (first, within) if self.by_rows else (first + within, None)
