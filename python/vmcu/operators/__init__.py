"""What kernels compute, which bytes they touch, and the segment loops that do it.

A description is plain data read from a kernel's linalg body (`describe_kernel`). It answers the planner's question
(`steps`, `sequences`, `workspace`) and emits the segment ops (`emit`).
"""

from __future__ import annotations

from dataclasses import replace

from vmcu.dialects import vmcu as d
from vmcu.errors import Unsupported
from vmcu.operators.bottleneck import Fused, fuse, read_fused
from vmcu.operators.buffer import BufferKernel, read_buffer_kernel
from vmcu.operators.channelwise import Depthwise, MaxPool
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.elementwise import Elementwise
from vmcu.operators.read import read_kernel
from vmcu.operators.variant import PLAIN, Variant

AnyKernel = Conv2D | Depthwise | MaxPool | Elementwise | Fused | BufferKernel

__all__ = [
    "PLAIN",
    "AnyKernel",
    "BufferKernel",
    "Conv2D",
    "Depthwise",
    "Elementwise",
    "Fused",
    "MaxPool",
    "Variant",
    "describe_kernel",
    "fuse",
]


def describe_kernel(kernel: d.KernelOp) -> AnyKernel:
    """What a kernel (on tensors, or placed) computes.

    Raises:
        Unsupported: its kind promises a segment kernel, but the body is not of that form, or it has no such variant.
    """
    kind = kernel.kind.value
    if kind == d.KernelKind.buffer:
        return read_buffer_kernel(kernel)
    block = kernel.body.blocks[0]
    terminator = block.operations[len(block.operations) - 1]
    read = read_fused if kind == d.KernelKind.fused else read_kernel
    description = read(terminator.operands[0], list(block.arguments)) if len(terminator.operands) == 1 else None
    if description is None or description.kind != kind:
        error = Unsupported(f"the body of kernel {kernel.name.value} is not that of a {kind} kernel")
        error.location = kernel.location
        raise error
    if kernel.variant is None:
        return description
    return replace(description, variant=_read_variant(kernel, description.variants()))


def _read_variant(kernel: d.KernelOp, known: list[Variant]) -> Variant:
    """The variant that a kernel names: one of `known`, though its numbers may be others."""
    text = kernel.variant.value
    try:
        variant = Variant.parse(text)
    except ValueError:
        variant = PLAIN
    options = {key for each in known if each.name == variant.name for key, _ in each.options}
    names = dict.fromkeys(each.name for each in known)
    if variant.name in names and all(key in options and number > 0 for key, number in variant.options):
        return variant
    supported = " or ".join(map(repr, map(str, known))) or "none"
    error = Unsupported(f"kernel {kernel.name.value} has no variant {text!r}; supported for it is {supported}")
    error.location = kernel.location
    raise error
