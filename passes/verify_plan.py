"""Replay a plan byte by byte: every read must find what was written for it.

Before: a planned function, as `vmcu-plan` leaves it or as a person changed it
After:  the same; a plan that loses a byte is refused at the kernel that reads it, with both tensors and the bytes

The plan is read from the IR alone: pool, places, rings, landings, phases, traversals, workspaces. The judge is the checker
that also judges the planner (`vmcu.planner.check`). Comes after `vmcu-plan` and before `vmcu-lower-streams`.
"""

from __future__ import annotations

from mlir import ir
from mlir.dialects import func

from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.errors import Internal
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.isa.planned import read_plan
from vmcu.passes._registry import PassError, vmcu_pass


@vmcu_pass("vmcu-verify-plan", summary="Replay a plan and see whether every read finds what was written")
def verify_plan(module: ir.Module, options: None) -> None:
    refuse_leftovers(module, lambda op: op.name == "vmcu.kernel", "is on tensors; run vmcu-plan first")
    refuse_leftovers(module, _is_lowered, "is past its plan; vmcu-verify-plan comes before vmcu-lower-streams")
    for function in module.body.operations:
        if isinstance(function, func.FuncOp) and not function.is_external:
            _verify(function)


def _is_lowered(op: ir.Operation) -> bool:
    return isinstance(op.opview, d.TiledKernelOp) or (
        isinstance(op.opview, d.PlacedKernelOp) and op.opview.row is not None
    )


def _verify(function: func.FuncOp) -> None:
    if not any(isinstance(op, d.PoolOp) for op in function.regions[0].blocks[0].operations):
        return
    network, plan, ops = read_plan(function)
    try:
        network.validate()
        planner.check(network, plan)
    except planner.InvalidNetwork as error:
        raise PassError(function, str(error)) from None
    except Internal as error:
        raise PassError(ops.get(error.kernel or "", function), str(error)) from None
