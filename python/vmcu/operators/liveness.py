"""Where a kernel frees its input: `vmcu.segment_free` before each store, exactly as the planner counts on it.

The planner lets a store of step `t` land on every byte outside the hull of what the steps after `t` read. So the free
stands between the loads and the store of a tile. The arithmetic that finds the index is dead code once frees are lowered.
"""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.geometry import Window
from vmcu.planner import Rows


def at_least(index: Index, limit: int) -> ir.Value:
    """`index >= limit`."""
    return arith.cmpi(arith.CmpIPredicate.sge, index.value, build.constant(limit))


def at_most(index: Index, limit: int) -> ir.Value:
    """`index <= limit`."""
    return arith.cmpi(arith.CmpIPredicate.sle, index.value, build.constant(limit))


def free_unread(source: ir.Value, window: Window, *, backward: bool) -> None:
    """Free, before the first step, the far end of the input that no step reads: a stride may leave some of it out."""
    first = int(window.first_pixel(0, 0))
    end = int(window.end_pixel(window.output[0] - 1, window.output[1] - 1))
    if backward and first > 0:
        build.free(source, build.constant(first), backward=False)
    elif not backward and end < window.image[0] * window.image[1]:
        build.free(source, build.constant(end), backward=True)


def free_window(
    source: ir.Value, window: Window, row: Index, column: Index, pixels: int, done: ir.Value, *, backward: bool
) -> None:
    """Free what no step after this one reads; this one makes `pixels` pixels from (`row`, `column`) on.

    `done` says that this step is the last one of these pixels. Forward, the lowest pixel that a later step reads is that
    of the next tile in this row, or of the next row's first tile, whichever is lower. Backward likewise with ends.
    """
    length = window.image[0] * window.image[1]
    if backward:
        column = Index.of(arith.select(done, (column - 1).value, (column + (pixels - 1)).value))
        here = _pixel(window, row, column, end=True)
        edge = arith.select(
            at_most(row, 0), build.constant(0), _pixel(window, row - 1, Index(window.output[1] - 1), end=True)
        )
        index = arith.select(at_most(column, -1), edge, arith.maxsi(here, edge))
    else:
        column = Index.of(arith.select(done, (column + pixels).value, column.value))
        here = _pixel(window, row, column, end=False)
        edge = arith.select(
            at_least(row + 1, window.output[0]), build.constant(length), _pixel(window, row + 1, Index(0), end=False)
        )
        index = arith.select(at_least(column, window.output[1]), edge, arith.minsi(here, edge))
    build.free(source, index, backward=backward)


def free_rows(source: ir.Value, window: Window, row: Index, *, backward: bool) -> None:
    """Free what no other output row reads once `row` is made: a stream frees by rows."""
    if backward:
        index = arith.select(
            at_most(row, 0), build.constant(0), _pixel(window, row - 1, Index(window.output[1] - 1), end=True)
        )
    else:
        length = build.constant(window.image[0] * window.image[1])
        index = arith.select(at_least(row + 1, window.output[0]), length, _pixel(window, row + 1, Index(0), end=False))
    build.free(source, index, backward=backward)


def free_passed_rows(source: ir.Value, rows: Rows, row: Index, *, backward: bool) -> None:
    """Free the rows of `source` that only output rows up to `row` read, as `rows` has it."""
    size = source.type.length // rows.in_rows
    if backward:
        last = (row - 1) * rows.stride - rows.pad + rows.reach
        end = build.clip(last.floordiv(rows.up) + 1, 0, rows.in_rows)
    else:
        first = (row + 1) * rows.stride - rows.pad
        end = build.clip((first + (rows.up - 1)).floordiv(rows.up), 0, rows.in_rows)
    is_last = arith.cmpi(arith.CmpIPredicate.eq, row.value, build.constant(0 if backward else rows.out_rows - 1))
    everything = build.constant(0 if backward else source.type.length)
    build.free(source, arith.select(is_last, everything, (Index.of(end) * size).value), backward=backward)


def _pixel(window: Window, row: Index, column: Index, *, end: bool) -> ir.Value:
    """`Window.first_pixel` (or `end_pixel`) as IR."""
    reach = np.subtract(window.kernel, 1) * window.dilation if end else (0, 0)
    y = build.clip(row * window.stride[0] - window.pad[0] + int(reach[0]), 0, window.image[0] - 1)
    x = build.clip(column * window.stride[1] - window.pad[1] + int(reach[1]), 0, window.image[1] - 1)
    return (Index.of(y) * window.image[1] + Index.of(x) + int(end)).value
