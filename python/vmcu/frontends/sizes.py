"""Refuse sizes that no microcontroller has, before anything is planned for them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlir import ir

from vmcu.errors import Unsupported
from vmcu.ir import walk
from vmcu.units import format_bytes

#: Bytes of the largest tensor that is read: 32 times the RAM of the largest core, and as much as boards add outside.
LARGEST_TENSOR = 16 << 20


def size_fault(count: int) -> str | None:
    """What is wrong with a tensor of `count` bytes, to go on from its name; None if memories of that size exist."""
    if count <= LARGEST_TENSOR:
        return None
    return (
        f"has {count:,} bytes; supported are tensors of up to {format_bytes(LARGEST_TENSOR)}, more than any supported "
        "core has memory for"
    )


def check_sizes(module: ir.Module) -> None:
    """Refuse tensors of `@main` that are larger than any memory; those of dynamic sizes are left alone.

    Raises:
        Unsupported: one of them is too large.
    """
    main = walk.main_function(module)
    inputs = ((f"input {index} of @main", of) for index, of in enumerate(main.type.inputs))
    results = ((f"the result of {op.operation.name} at layer {walk.layer(op)}", of) for op, of in _results(main))
    for what, of in (*inputs, *results):
        if fault := size_fault(_bytes(of)):
            raise Unsupported(f"{what}, {of}, {fault}")


def _results(main: ir.OpView) -> Iterator[tuple[ir.OpView, ir.Type]]:
    for op in walk.walk(main):
        yield from ((op, value.type) for value in op.results)


def _bytes(of: ir.Type) -> int:
    if not isinstance(of, ir.RankedTensorType) or not of.has_static_shape:
        return 0
    element = of.element_type
    bits = element.width if isinstance(element, (ir.IntegerType, ir.FloatType)) else 64
    return (math.prod(of.shape) * bits + 7) // 8
