"""The walk that all kernels with a window share: row after row of the output, each freed behind it."""

from __future__ import annotations

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Operands
from vmcu.operators.geometry import Window
from vmcu.operators.liveness import free_rows, free_unread


class RowEmitter:
    """Emits a kernel's rows; `_emit_columns(row)` makes one.

    Args:
        window: how the output's rows lie over the input's.
        on: the sequences that are read and stored.
        backward: last row first; row by row it only says which rows come next.
        by_rows: the kernel is in a stream, which frees whole rows. Otherwise `_emit_columns` frees as it goes.
    """

    def __init__(self, window: Window, on: Operands, *, backward: bool, by_rows: bool):
        self.window, self.source, self.dest, self.small = window, on.input, on.output, on.small
        self.backward, self.by_rows = backward, by_rows

    def emit(self) -> None:
        free_unread(self.source, self.window, backward=self.backward)
        for row in build.loop(0, self.window.output[0], backward=self.backward):
            self._emit_columns(row)

    def emit_row(self, row: Index) -> None:
        self._emit_columns(row)
        free_rows(self.source, self.window, row, backward=self.backward)

    def _emit_columns(self, row: Index) -> None:
        raise NotImplementedError

    def _segment(self, first: Index, within: Index) -> tuple[Index, Index | None]:
        """A segment of a row that starts at `first`. Row by row, the place of a row is found once, outside the loops."""
        return (first, within) if self.by_rows else (first + within, None)
