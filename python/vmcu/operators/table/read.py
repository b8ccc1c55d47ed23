"""How a table that is looked up is read from linalg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes
from vmcu.operators.match import constant_array, op_name, producer, shape_of
from vmcu.operators.requant import constant_int
from vmcu.operators.table.operator import Table

ENTRIES = 256


def read_table(op: ir.OpView, inputs: Sequence[ir.Value]) -> Table | None:
    """`op`, a parallel `linalg.generic` that makes int8, as a table of its one input."""
    if len(inputs) != 1 or len(op.operands) != 2 or behind_reshapes(op.operands[0]) != inputs[0]:
        return None
    if not match.is_parallel(op) or not all(map(match.is_identity, match.indexing_maps(op))):
        return None
    table, shape = find_table(op), shape_of(op.results[0])
    if table is None or not match.is_int8(op.operands[0]):
        return None
    return Table(int(np.prod(shape)), table, shape[1] if len(shape) >= 4 else 1)


def find_table(op: ir.OpView) -> np.ndarray | None:
    """The table that the body of a `linalg.generic` takes its result from, at the place of its first argument + 128."""
    block = op.regions[0].blocks[0]
    extract = producer(block.operations[len(block.operations) - 1].operands[0])
    if extract is None or op_name(extract) != "tensor.extract" or len(extract.operands) != 2:
        return None
    table, place = constant_array(extract.operands[0]), producer(extract.operands[1])
    if (
        table is None
        or table.dtype != np.int8
        or table.size != ENTRIES
        or place is None
        or op_name(place) != "arith.addi"
    ):
        return None
    cast, offset = producer(place.operands[0]), producer(place.operands[1])
    if cast is None or op_name(cast) != "arith.index_cast" or cast.operands[0] != block.arguments[0]:
        return None
    return table if offset is not None and constant_int(place.operands[1]) == ENTRIES // 2 else None
