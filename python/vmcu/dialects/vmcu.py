"""Op classes and enums of the vmcu dialect, generated from dialect/VmcuOps.td.

Use it as the upstream ones: `from vmcu.dialects import vmcu as vmcu_d`.
"""

from mlir import ir

from ._vmcu_enum_gen import *  # noqa: F403
from ._vmcu_ops_gen import *  # noqa: F403


def pool_type(size: int) -> ir.Type:
    """`!vmcu.pool<size>`: the RAM of a network, `size` bytes."""
    return ir.Type.parse(f"!vmcu.pool<{size}>")


def sequence_type(length: int, size: int, ring: int | None = None) -> ir.Type:
    """`!vmcu.sequence<length x size>`: `length` segments of `size` bytes, of which `ring` exist at one time."""
    suffix = "" if ring is None else f", ring = {ring}"
    return ir.Type.parse(f"!vmcu.sequence<{length}x{size}{suffix}>")
