"""Return the tensors between layers, so that elementwise fusion leaves them alone.

Before: a function of linalg on tensors
After:  the function returns every int8 or int16 tensor between two layers and the result of every reduction as well;
        its attribute `vmcu.results` says how many results are its own

One kernel's int8 output is never computed inside another kernel. Elementwise fusion alone would pull the requantisation
of a convolution into the residual add that reads it, and a reshape through the reduction before it. A value with a second
reader is not fused away, and a returned value has one. A clamp is no layer of its own: it may be fused with what it clamps.

Runs before `linalg-fuse-elementwise-ops`; `vmcu-drop-kept-results` is the way back. A function that has `vmcu.results`
already is left as it is.
"""

from __future__ import annotations

from mlir import ir

from vmcu.ir import walk
from vmcu.ir.functions import return_values
from vmcu.passes._registry import PassError, vmcu_pass

RESULTS = "vmcu.results"

_CLAMP = {"arith.maxsi", "arith.minsi", "linalg.yield"}


@vmcu_pass("vmcu-keep-layers-apart", summary="Return the tensors between layers as well, so that fusion keeps them")
def keep_layers_apart(module: ir.Module, options: None) -> None:
    for function in walk.functions(module):
        if RESULTS not in function.attributes:
            _return_kept(function)


def _return_kept(function: ir.OpView) -> None:
    if len(function.regions[0].blocks) != 1:
        raise PassError(function, f"has {len(function.regions[0].blocks)} blocks; supported is a function of one block")
    operands = list(walk.terminator(function).operands)
    wide = walk.has_int16_layers(function)
    kept = [op.results[0] for op in function.regions[0].blocks[0].operations if _is_kept(op, wide)]
    return_values(function, operands + kept)
    function.attributes[RESULTS] = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), len(operands))


def _is_kept(op: ir.OpView, wide: bool) -> bool:
    if op.operation.name != "linalg.generic":
        return False
    if "reduction" in walk.iterator_types(op):
        return True
    kind = op.results[0].type
    is_tensor_of_layers = walk.is_int8(kind) or (wide and walk.is_int16(kind))
    return is_tensor_of_layers and not all(_is_clamp(user) for user in walk.users(op.results[0]))


def _is_clamp(op: ir.Operation) -> bool:
    """Whether `op` does nothing to each element but to clamp it; a reduction to the largest one has the same body."""
    is_parallel = op.name == "linalg.generic" and "reduction" not in walk.iterator_types(op.opview)
    return is_parallel and {inner.operation.name for inner in walk.walk(op)} <= _CLAMP
