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
    if table is None or not match.is_int8(op.operands[0]) or table.shape[1:] not in ((), shape[-1:]):
        return None
    return Table(int(np.prod(shape)), table, shape[1] if len(shape) >= 4 else 1)


def find_table(op: ir.OpView) -> np.ndarray | None:
    """The table that the body of a `linalg.generic` takes its result from, at the place of its first argument + 128.

    It has one number for each place, or one for each place and index of the innermost loop.
    """
    block = op.regions[0].blocks[0]
    extract = producer(block.operations[len(block.operations) - 1].operands[0])
    if extract is None or op_name(extract) != "tensor.extract" or len(extract.operands) not in (2, 3):
        return None
    table, (place, *channel) = constant_array(extract.operands[0]), list(extract.operands)[1:]
    if table is None or table.dtype != np.int8 or len(table) != ENTRIES or not _is_place(place, block.arguments[0]):
        return None
    return table if all(_is_innermost(each, op) for each in channel) else None


def _is_place(value: ir.Value, argument: ir.Value) -> bool:
    """Whether `value` is `argument + 128`, as an index."""
    total = producer(value)
    if total is None or op_name(total) != "arith.addi" or constant_int(total.operands[1]) != ENTRIES // 2:
        return False
    cast = producer(total.operands[0])
    return cast is not None and op_name(cast) == "arith.index_cast" and cast.operands[0] == argument


def _is_innermost(value: ir.Value, op: ir.OpView) -> bool:
    """Whether `value` is the counter of the innermost loop of `op`."""
    index = producer(value)
    if index is None or op_name(index) != "linalg.index":
        return False
    return ir.IntegerAttr(index.attributes["dim"]).value == len(shape_of(op.results[0])) - 1
