"""What layers compute, how they are read from linalg, which bytes they touch, and the plain loops that do it.

One folder for each kind of layer: `operator.py` is what it is, `read.py` how it is recognised, `loops.py` how any core
computes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir import walk
from vmcu.ir.bridge import PassError
from vmcu.operators.base import PLAIN, Family, Kernel, Operands, Operator, Variant
from vmcu.operators.bottleneck import Fused, PlainFused, fuse
from vmcu.operators.bottleneck.read import read_fused
from vmcu.operators.buffer import BufferKernel, PlainBuffer
from vmcu.operators.conv2d import Conv2D, PlainConv2D
from vmcu.operators.depthwise import Depthwise, PlainDepthwise
from vmcu.operators.elementwise import Elementwise, PlainElementwise
from vmcu.operators.pool import MaxPool, PlainMaxPool
from vmcu.operators.read import read_as, read_operator
from vmcu.operators.rearrange import PlainRearrange, Rearrange
from vmcu.operators.resize import PlainResize, Resize
from vmcu.operators.table import PlainTable, Table
from vmcu.operators.transpose_conv import PlainTransposeConv, TransposeConv

__all__ = [
    "PLAIN",
    "PLAIN_LOOPS",
    "BufferKernel",
    "Conv2D",
    "Depthwise",
    "Elementwise",
    "Family",
    "Fused",
    "Kernel",
    "MaxPool",
    "Operands",
    "Operator",
    "Resize",
    "Table",
    "TransposeConv",
    "Rearrange",
    "Variant",
    "describe",
    "fuse",
    "read_operator",
]

#: The loops that every core can run, for every operator.
PLAIN_LOOPS: tuple[Family, ...] = (
    PlainConv2D(),
    PlainDepthwise(),
    PlainMaxPool(),
    PlainElementwise(),
    PlainTable(),
    PlainRearrange(),
    PlainFused(),
    PlainTransposeConv(),
    PlainResize(),
    PlainBuffer(),
)


def describe(kernel: d.DescribedKernel) -> Operator:
    """What a kernel (on tensors, or placed) computes, read from its body by the readers of its kind.

    Raises:
        PassError: the body is not that of such a kernel.
    """
    kind = kernel.kind.value
    if kind == d.KernelKind.buffer:
        return BufferKernel(kernel)
    results, inputs = _ends(kernel)
    operator = None
    if len(results) == 1:
        operator = read_fused(results[0], inputs) if kind == d.KernelKind.fused else read_as(kind, results[0], inputs)
    if operator is None:
        found = _find_kind(results, inputs)
        message = f"the body of kernel {kernel.name.value} is not that of a {kind} kernel; found {found}"
        raise PassError(kernel, f"{message}; supported for any body is kind buffer")
    return operator


def _find_kind(results: Sequence[ir.Value], inputs: Sequence[ir.Value]) -> str:
    """In words, of which kind a body is that its kernel's own readers do not take."""
    found = read_operator(results[0], inputs) if len(results) == 1 else None
    return "no kind that is known" if found is None else f"kind {found.kind}"


def _ends(kernel: d.DescribedKernel) -> tuple[list[ir.Value], list[ir.Value]]:
    """What the body of a kernel yields, and its arguments."""
    block = kernel.body.blocks[0]
    return list(walk.last(block).operands), list(block.arguments)
