"""How layers that only move bytes are read: by evaluation, so that any body will do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators.match import shape_of
from vmcu.operators.rearrange.evaluate import Sources, find_sources
from vmcu.operators.rearrange.factor import factor_rows
from vmcu.operators.rearrange.operator import Rearrange
from vmcu.operators.rearrange.runs import WIDTH, Part, find_runs

COPIES = 64  # most copies in the code of a kernel


def read_rearrange(result: ir.Value, inputs: Sequence[ir.Value]) -> Rearrange | None:
    """What makes `result` out of `inputs` by moving bytes, in few loops; None if something else is needed."""
    sources = find_sources(result, inputs)
    return None if sources is None else make_rearrange(sources, [shape_of(each) for each in inputs])


def make_rearrange(sources: Sources, inputs: Sequence[tuple[int, ...]]) -> Rearrange | None:
    """The operator that takes inputs of these shapes apart as `sources` says; None if it takes too many loops."""
    parts = tuple(map(divide, inputs))
    output = divide(sources.of.shape)
    tables = tuple(_lay_out(each) for each in sources.tables)
    sizes = [each.size for each in sources.tables]
    runs = find_runs(sources.of, output, [*parts, *(Part(1, 1, size) for size in sizes)])
    groups = factor_rows(runs, output.rows, COPIES)
    return None if groups is None else Rearrange(parts, output, tables, runs, groups)


def divide(shape: Sequence[int]) -> Part:
    """A tensor in rows and segments: a pixel is a segment, and a row is one where pixels have less bytes than a word."""
    rows = shape[1] if len(shape) >= 4 else 1
    row_bytes, pixel = int(np.prod(shape)) // rows, shape[-1] if len(shape) else 1
    size = pixel if pixel >= WIDTH else row_bytes
    return Part(rows, row_bytes // size, size)


def _lay_out(table: np.ndarray) -> np.ndarray:
    """A table with room behind its last byte: a load takes whole words."""
    return np.append(table.ravel().astype(np.int8), np.zeros(WIDTH, np.int8))
