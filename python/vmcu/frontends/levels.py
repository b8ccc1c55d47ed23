"""Which level of the compiler a module is at: the compiler goes on from there."""

from __future__ import annotations

from typing import Literal

from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir import walk
from vmcu.ir.bridge import PassError

FileLevel = Literal["tosa", "kernels", "plan", "segments"]
#: Ops of function bodies that say nothing of a level.
_NEUTRAL = ("arith.constant", "tensor.collapse_shape", "tensor.expand_shape", "func.return")


def level_of(module: ir.Module) -> FileLevel:
    """The level of a module: `tosa` (or linalg, which is lowered the same way), `kernels`, `plan` or `segments`.

    Raises:
        PassError: at an op that is of another level than the ones before it, or of LLVM.
    """
    level: FileLevel | None = None
    for function in walk.functions(module):
        for op in walk.walk(function):
            found = _level(op)
            if found is None or level == found:
                continue
            # A plan may hold kernels whose loops somebody wrote by hand.
            if {level, found} == {"plan", "segments"}:
                level = "plan"
            elif level is None:
                level = found
            else:
                message = f"'{op.operation.name}' belongs to level {found}, the ops before it to level {level}"
                raise PassError(op, f"{message}; supported is one level in a file")
    return level or "tosa"


def _level(op: ir.OpView) -> FileLevel | None:
    if isinstance(op, d.KernelOp):
        return "kernels"
    if isinstance(op, d.PlacedKernelOp | d.StreamOp):
        return "plan"
    if isinstance(op, d.TiledKernelOp):
        return "segments"
    name = op.operation.name
    if name.startswith("llvm."):
        raise PassError(op, "is of LLVM's dialect; supported are TOSA, linalg, kernels, plans and segments")
    # Ops inside kernels and other ops go with those.
    is_outermost = isinstance(op.operation.parent.opview, ir.OpView) and op.operation.parent.name == "func.func"
    if not is_outermost or name in _NEUTRAL or not name.startswith(("tosa.", "linalg.", "tensor.")):
        return None
    return "tosa"
