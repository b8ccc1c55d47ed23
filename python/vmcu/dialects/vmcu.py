"""Op classes and enums of the vmcu dialect, generated from dialect/VmcuOps.td.

Use it as the upstream ones: `from vmcu.dialects import vmcu as vmcu_d`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mlir import ir

from vmcu.dialects._vmcu_enum_gen import *  # noqa: F403
from vmcu.dialects._vmcu_ops_gen import *  # noqa: F403


def pool_type(size: int) -> ir.Type:
    """`!vmcu.pool<size>`: the RAM of a network, `size` bytes."""
    return ir.Type.parse(f"!vmcu.pool<{size}>")


def sequence_type(length: int, size: int, ring: int | None = None) -> ir.Type:
    """`!vmcu.sequence<length x size>`: `length` segments of `size` bytes, of which `ring` exist at one time."""
    suffix = "" if ring is None else f", ring = {ring}"
    return ir.Type.parse(f"!vmcu.sequence<{length}x{size}{suffix}>")


class Sequence(NamedTuple):
    """A sequence type's parameters; `ring` is its length where the type has none."""

    length: int  # segments
    bytes: int  # of a segment
    ring: int  # segments that exist at one time


def read_sequence(kind: ir.Type) -> Sequence:
    """The parameters of a `!vmcu.sequence` type."""
    match = re.fullmatch(r"!vmcu\.sequence<(\d+)x(\d+)(?:, ring = (\d+))?>", str(kind))
    length, size, ring = (int(each) if each else None for each in match.groups())
    return Sequence(length, size, length if ring is None else ring)


def read_pool(kind: ir.Type) -> int:
    """The bytes of a `!vmcu.pool` type."""
    return int(re.fullmatch(r"!vmcu\.pool<(\d+)>", str(kind))[1])


def read_rounding(op: ir.OpView) -> str:
    """`double` or `single`: how an op that requantises rounds."""
    return "double" if "double" in str(op.rounding) else "single"
