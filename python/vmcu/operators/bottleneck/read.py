"""How a fused bottleneck is read from its body: three layers, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.operators.bottleneck.operator import Fused, fuse
from vmcu.operators.match import is_int8, op_name
from vmcu.operators.read import read_as


def read_fused(result: ir.Value, inputs: Sequence[ir.Value]) -> Fused | None:
    """The fused kernel that makes `result` out of its one input, or None if the body is not that of one."""
    block = inputs[0].owner
    made = [op.results[0] for op in block.operations if op_name(op) == "linalg.generic" and is_int8(op.results[0])]
    if len(inputs) != 1 or len(made) != 3:
        return None
    sources = (inputs[0], *made[:2])
    kinds = (d.KernelKind.conv2d, d.KernelKind.depthwise, d.KernelKind.conv2d)
    return fuse(*(read_as(kind, value, [source]) for kind, value, source in zip(kinds, (*made[:2], result), sources)))
