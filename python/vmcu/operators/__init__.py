"""What layers compute, how they are read from linalg, which bytes they touch, and the plain loops that do it.

One folder for each kind of layer: `operator.py` is what it is, `read.py` how it is recognised, `loops.py` how any core
computes it.
"""

from __future__ import annotations

from vmcu.dialects import vmcu as d
from vmcu.ir.bridge import PassError
from vmcu.operators.base import PLAIN, Family, Kernel, Operands, Operator, Variant
from vmcu.operators.bottleneck import Fused, PlainFused, fuse
from vmcu.operators.bottleneck.read import read_fused
from vmcu.operators.buffer import BufferKernel, PlainBuffer
from vmcu.operators.conv2d import Conv2D, PlainConv2D
from vmcu.operators.depthwise import Depthwise, PlainDepthwise
from vmcu.operators.elementwise import Elementwise, PlainElementwise
from vmcu.operators.pool import MaxPool, PlainMaxPool
from vmcu.operators.read import read_operator

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
    PlainFused(),
    PlainBuffer(),
)


def describe(kernel: d.KernelOp) -> Operator:
    """What a kernel (on tensors, or placed) computes.

    Raises:
        PassError: its kind promises segments, but the body is not of that form.
    """
    kind = kernel.kind.value
    if kind == d.KernelKind.buffer:
        return BufferKernel(kernel)
    block = kernel.body.blocks[0]
    terminator = block.operations[len(block.operations) - 1]
    read = read_fused if kind == d.KernelKind.fused else read_operator
    operator = read(terminator.operands[0], list(block.arguments)) if len(terminator.operands) == 1 else None
    if operator is None or operator.kind != kind:
        raise PassError(kernel, f"the body of kernel {kernel.name.value} is not that of a {kind} kernel")
    return operator
