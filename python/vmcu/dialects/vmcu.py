"""Op classes, types, attributes and enums of the vmcu dialect, generated from dialect/VmcuOps.td.

Use it as the upstream ones: `from vmcu.dialects import vmcu as vmcu_d`. An op's types and attributes are of the classes
below by themselves: `place.sequence.type.bytes`, `kernel.kind.value == vmcu_d.KernelKind.conv2d`.
"""

from __future__ import annotations

from mlir import ir

from vmcu._vmcu import (  # noqa: F401
    KernelKindAttr,
    PoolType,
    RoleAttr,
    RoundingAttr,
    SequenceType,
    SideAttr,
    TraversalAttr,
)

from ._vmcu_enum_gen import *  # noqa: F403
from ._vmcu_ops_gen import *  # noqa: F403
from ._vmcu_ops_gen import PlaceOp


def is_port(op: ir.OpView, role: Role) -> bool:  # noqa: F405
    """Whether `op` places an input, or an output, of the network."""
    return isinstance(op, PlaceOp) and op.role is not None and op.role.value == role


def is_on_tensors(op: ir.Operation | ir.OpView) -> bool:
    """Whether `op` is a kernel that nothing has placed yet."""
    return op.operation.name == "vmcu.kernel" and not len(op.operation.opview.outputs)


def is_tiled(op: ir.Operation | ir.OpView) -> bool:
    """Whether `op` is a kernel whose body works on segments: it yields nothing."""
    if op.operation.name != "vmcu.kernel" or is_on_tensors(op):
        return False
    operations = op.operation.regions[0].blocks[0].operations
    return not len(operations[len(operations) - 1].operands)
