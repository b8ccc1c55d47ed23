"""From the linalg body of a kernel to plain data: which computation is it, and with which constants.

`read_operator(yielded value)` walks back from the result: reshape, epilogue (bias, requantisation, clamp), anchor, halo,
input. What it does not recognise it answers with None: such a kernel runs on buffers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes
from vmcu.operators.base import Operator
from vmcu.operators.conv2d import read as conv2d
from vmcu.operators.depthwise import read as depthwise
from vmcu.operators.elementwise.read import read_elementwise
from vmcu.operators.match import Epilogue, op_name, producer
from vmcu.operators.pool import read as pool
from vmcu.operators.pool.read import MAX_POOL
from vmcu.operators.requant import INT8

READERS = {**conv2d.READERS, **depthwise.READERS, **pool.READERS}
ANCHORS = tuple(READERS)


def read_operator(result: ir.Value, inputs: Sequence[ir.Value]) -> Operator | None:
    """The computation that makes `result` out of `inputs` (int8 tensors), or None if it is none of ours."""
    result = behind_reshapes(result)
    op = producer(result)
    if op is None or not match.is_int8(result):
        return None
    if op_name(op) == MAX_POOL:
        return READERS[MAX_POOL](op, Epilogue(np.zeros(1), None, *INT8), inputs)
    if op_name(op) != "linalg.generic":
        return None
    for operand in op.operands[:-1]:
        anchor = producer(behind_reshapes(operand))
        if op_name(anchor) not in READERS:
            continue
        epilogue = match.read_epilogue(op, operand)
        if epilogue is None:
            return None
        return READERS[op_name(anchor)](anchor, epilogue, inputs)
    return read_elementwise(op, inputs)
