"""Op classes, types, attributes and enums of the vmcu dialect, generated from dialect/VmcuOps.td.

Use it as the upstream ones: `from vmcu.dialects import vmcu as vmcu_d`. An op's types and attributes are of the classes
below by themselves: `place.sequence.type.bytes`, `kernel.kind.value == vmcu_d.KernelKind.conv2d`.
"""

from __future__ import annotations

from mlir import ir

from vmcu._vmcu import (  # noqa: F401
    KernelKindAttr,
    PhaseAttr,
    PoolType,
    RoleAttr,
    RoundingAttr,
    SequenceType,
    SideAttr,
    TraversalAttr,
    VariantAttr,
)

from ._vmcu_enum_gen import *  # noqa: F403
from ._vmcu_ops_gen import *  # noqa: F403
from ._vmcu_ops_gen import KernelOp, PlacedKernelOp, PlaceOp, TiledKernelOp, ViewOp

#: Kernels whose body says what they compute.
DescribedKernel = KernelOp | PlacedKernelOp
#: Kernels that work in the pool.
PooledKernel = PlacedKernelOp | TiledKernelOp
AnyKernel = KernelOp | PlacedKernelOp | TiledKernelOp


def is_port(op: ir.OpView, role: Role | None = None) -> bool:  # noqa: F405
    """Whether `op` says where an input, or an output, of the network is; any port without a `role`."""
    if not isinstance(op, (PlaceOp, ViewOp)) or op.role is None:
        return False
    return role is None or op.role.value == role


def place_of(sequence: ir.Value) -> PlaceOp | None:
    """The place of the tensor that a sequence shows, whatever its shape; None if no `vmcu.place` made it."""
    while not isinstance(sequence.owner, ir.Block):
        op = sequence.owner.opview
        if isinstance(op, PlaceOp):
            return op
        if not isinstance(op, ViewOp):
            return None
        sequence = op.source
    return None


def offset_of(sequence: ir.Value) -> int:
    """Where the tensor that a sequence shows lies: bytes from the start of the pool."""
    place = place_of(sequence)
    assert place is not None, "a `vmcu.place` made the tensor"
    return place.offset.value
