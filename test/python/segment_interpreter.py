"""Follow a whole planned and tiled function byte by byte. What a kernel touches is read off its loops by the compiler's
own `accesses.trace`; who owns which byte of the pool is kept here.
"""

from __future__ import annotations

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.operators.accesses import Event, trace

__all__ = ["Event", "record", "replay"]


def record(kernel: d.TiledKernelOp) -> list[Event]:
    """The events of a tiled kernel, in order of execution."""
    return trace(kernel).events()


NOBODY = -1


def replay(function: ir.OpView) -> None:
    """Follow a planned and tiled function byte by byte.

    Raises:
        AssertionError: a byte is loaded that is not its tensor's or was freed, or a store hits a byte that is neither
            free nor the same tensor's.
    """
    places, kernels = {}, []
    for op in function.regions[0].blocks[0].operations:
        if isinstance(op, d.PoolOp):
            owner = np.full(op.pool.type.bytes, NOBODY)
        elif isinstance(op, d.PlaceOp):
            length, size = op.sequence.type.length, op.sequence.type.bytes
            places[op.sequence] = (op.offset.value, op.offset.value + length * size)
            if d.is_port(op, d.Role.input):
                owner[slice(*places[op.sequence])] = 1_000_000 + op.number.value
        elif isinstance(op, d.ViewOp):
            places[op.sequence] = places[op.source]
        elif isinstance(op, d.TiledKernelOp):
            kernels.append(op)
    for number, kernel in enumerate(kernels):
        operands = [*kernel.inputs, *kernel.outputs, *kernel.workspace]
        _replay_kernel(kernel, [places[each] for each in operands], owner, 1000 * number)
    for op in function.regions[0].blocks[0].operations:
        if d.is_port(op, d.Role.output):
            _tensor_at(places[op.sequence], owner, "the network's output")


def _replay_kernel(kernel: d.TiledKernelOp, ranges: list[tuple[int, int]], owner: np.ndarray, number: int) -> None:
    name, inputs = kernel.operation.attributes["name"].value, len(kernel.inputs)
    tensors = [
        _tensor_at(each, owner, name) if position < inputs else number + position
        for position, each in enumerate(ranges)
    ]
    for event in record(kernel):
        base, tensor = ranges[event.argument][0], tensors[event.argument]
        found = owner[base + event.lo : base + event.hi]
        if event.kind == "load":
            assert (found == tensor).all(), f"{name} loads lost bytes: {event}"
        elif event.kind == "store":
            assert ((found == NOBODY) | (found == tensor)).all(), f"{name} stores over live bytes: {event}"
            found[:] = tensor
        else:
            found[found == tensor] = NOBODY
    for position in range(inputs + len(kernel.outputs), len(ranges)):
        owner[owner == tensors[position]] = NOBODY


def _tensor_at(place: tuple[int, int], owner: np.ndarray, who: str) -> int:
    found = np.unique(owner[slice(*place)])
    assert len(found) == 1 and found[0] != NOBODY, f"{who} reads {place}, where the bytes of {found} are"
    return int(found[0])
