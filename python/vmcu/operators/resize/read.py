"""How interpolations are read from linalg: an image times a matrix of weights for its rows, times one for its columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes
from vmcu.operators.match import Epilogue, constant_array, op_name, producer, shape_of
from vmcu.operators.resize.operator import Resize, Taps

CONTRACT = "linalg.contract"
#: Image, weights and result, by (batch, row, column, channel, what is summed up).
BY_ROWS = ((0, 4, 2, 3), (1, 4), (0, 1, 2, 3))
BY_COLUMNS = ((0, 1, 4, 3), (2, 4), (0, 1, 2, 3))
Maps = tuple[tuple[int, ...], ...]


def read_resize(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Resize | None:
    columns = _read_product(op, BY_COLUMNS)
    rows = None if columns is None else _read_product(producer(columns[0]), BY_ROWS)
    if columns is None or rows is None or epilogue.requant is None or epilogue.bias.any():
        return None
    image, shape = rows[0], shape_of(rows[0])
    if behind_reshapes(image) not in inputs or shape[0] != 1 or not match.is_int8(image):
        return None
    if len(epilogue.requant.multiplier) != 1:
        return None
    return Resize(rows[1], columns[1], shape[3], epilogue.requant)


def _read_product(op: ir.OpView | None, maps: Maps) -> tuple[ir.Value, Taps] | None:
    """The operand that an op multiplies by weights, and the weights."""
    if op is None or op_name(op) != CONTRACT or not _is_zero(op.operands[2]):
        return None
    found = tuple(tuple(ir.AffineDimExpr(each).position for each in map.results) for map in match.indexing_maps(op))
    matrix = constant_array(op.operands[1])
    taps = None if found != maps or matrix is None else Taps.of(matrix)
    return None if taps is None else (op.operands[0], taps)


def _is_zero(value: ir.Value) -> bool:
    start = match.broadcast_row(value, shape_of(value)[-1])
    return start is not None and not np.any(start)


READERS = {CONTRACT: read_resize}
