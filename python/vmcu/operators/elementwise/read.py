"""How elementwise layers are read from linalg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes
from vmcu.operators.elementwise.operator import Elementwise
from vmcu.operators.elementwise.vectorise import can_vectorise
from vmcu.operators.match import constant_array, shape_of
from vmcu.operators.requant import constant_int


def read_elementwise(op: ir.OpView, inputs: Sequence[ir.Value]) -> Elementwise | None:
    shape = shape_of(op.results[0])
    block = op.regions[0].blocks[0]
    if not match.is_parallel(op) or not all(can_vectorise(each) for each in block.operations):
        return None
    operands: list[int | np.ndarray] = []
    for operand, map in zip(op.operands[:-1], match.indexing_maps(op)):
        source, array = behind_reshapes(operand), constant_array(operand)
        if array is not None and match.is_trailing(map) and array.size in (1, shape[-1]):
            operands.append(array)
        elif source in inputs and match.is_identity(map) and match.is_int8(operand):
            operands.append(list(inputs).index(source))
        else:
            return None
    # Every input must be read, and only the last map may write.
    if {each for each in operands if isinstance(each, int)} != set(range(len(inputs))):
        return None
    if not match.is_identity(match.indexing_maps(op)[-1]) or _captures_values(block):
        return None
    return Elementwise(
        int(np.prod(shape[:-1])), shape[-1], len(inputs), block, tuple(operands), shape[1] if len(shape) >= 4 else 1
    )


def _captures_values(block: ir.Block) -> bool:
    """Whether the body reads something from outside that is no integer constant, or its own output."""
    own = {result for op in block.operations for result in op.results} | set(list(block.arguments)[:-1])
    outside = [value for op in block.operations for value in op.operands if value not in own]
    return any(constant_int(value) is None for value in outside)
