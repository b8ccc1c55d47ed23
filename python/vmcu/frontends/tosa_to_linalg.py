"""TOSA -> linalg on tensors, by upstream passes.

Before: `tosa.conv2d` + `tosa.rescale`, `tosa.add` between rescales, ...
After:  named linalg convolutions and poolings, one `linalg.generic` per elementwise layer; weights are plain constants.
        `tosa.apply_scale` stays in the bodies: it says "requantise" in one word, which a later pass reads.

One kernel's int8 output is never computed inside another kernel. Elementwise fusion alone would pull the requantisation
of a convolution into the residual add that reads it, and a reshape through the reduction before it; so the int8 tensors
between layers and the results of reductions are returned from the function while fusion runs, since a value with a
second reader is not fused away.
"""

from __future__ import annotations

import re

from mlir import ir
from mlir.dialects import linalg, tensor
from mlir.passmanager import PassManager

from vmcu.errors import SUPPORTED, Unsupported
from vmcu.frontends.means import sum_by_convolution
from vmcu.ir import walk
from vmcu.ir.locations import place

TOSA_TO_LINALG: tuple[str, ...] = (
    "func.func(tosa-infer-shapes)",
    "func.func(canonicalize)",
    "func.func(tosa-optional-decompositions)",
    "func.func(canonicalize)",
    "func.func(tosa-layerwise-constant-fold)",  # weights pass through reshapes and transposes
    "func.func(tosa-make-broadcastable)",
    "func.func(tosa-to-linalg-named{prefer-conv2d-kernel-layout-hwcf=false})",  # keeps [out, h, w, in]: no transpose
    "func.func(canonicalize)",
    "func.func(tosa-to-linalg)",
    "func.func(tosa-to-arith{include-apply-rescale=false})",
    "func.func(tosa-to-tensor)",
    "canonicalize",  # and no cse: a rescale that two adds share would be fused into neither of them
)
FUSE_ELEMENTWISE: tuple[str, ...] = ("linalg-fuse-elementwise-ops", "canonicalize", "cse")

_CLAMP = {"arith.maxsi", "arith.minsi", "linalg.yield"}


def to_linalg(module: ir.Module) -> None:
    """Lower every function of `module` in place; a module that is linalg already comes out as it went in.

    Raises:
        Unsupported: an operation has no lowering; the message names it and its layer.
    """
    sum_by_convolution(module)
    run(module, TOSA_TO_LINALG)
    _refuse_leftovers(module)
    for function in walk.functions(module):
        _make_padding_static(function)
        _generalise_reductions(function)
    returned = {function.name.value: _return_kept(function) for function in walk.functions(module)}
    run(module, FUSE_ELEMENTWISE)
    for function in walk.functions(module):
        _set_returned(function, list(walk.terminator(function).operands)[: returned[function.name.value]])
    run(module, ("canonicalize", "cse"))


def run(module: ir.Module, passes: tuple[str, ...]) -> None:
    """Run passes in order on `module`, as one pipeline.

    Raises:
        Unsupported: a pass failed; the message is its first diagnostic, after file, line and layer.
    """
    with module.context:
        try:
            PassManager.parse(f"builtin.module({','.join(passes)})").run(module.operation)
        except ir.MLIRError as error:
            raise Unsupported(_describe(error)) from None


def _describe(error: ir.MLIRError) -> str:
    for first in error.error_diagnostics:
        where, message = place(first.location), first.message
        if illegal := re.fullmatch(r"failed to legalize operation '(.*)'.*", message):
            message = f"{illegal[1]} has no lowering for these types; {SUPPORTED}"
        return f"{where}: {message}" if where else message
    return str(error)


def _refuse_leftovers(module: ir.Module) -> None:
    for op in walk.walk(module.operation):
        name = op.operation.name
        if name.startswith("tosa.") and name != "tosa.apply_scale":
            raise Unsupported(f"{name} at layer {walk.layer(op)} has no lowering to linalg; {SUPPORTED}")


def _make_padding_static(function: ir.OpView) -> None:
    """Turn paddings that are constants among the operands of `tensor.pad` into attributes."""
    for op in [op for op in walk.walk(function) if op.operation.name == "tensor.pad" and len(op.operands) > 1]:
        amounts = [_constant_index(value) for value in list(op.operands)[1:]]
        if None in amounts or not op.results[0].type.has_static_shape:
            continue
        low, high = _fill(op.static_low, amounts), _fill(op.static_high, amounts)
        with ir.InsertionPoint(op), op.location:
            static = tensor.PadOp(op.results[0].type, op.operands[0], [], [], low, high, nofold=op.nofold)
        op.regions[0].blocks[0].append_to(static.regions[0])
        op.results[0].replace_all_uses_with(static.results[0])
        op.operation.erase()


def _generalise_reductions(function: ir.OpView) -> None:
    """Spell `linalg.reduce` as `linalg.generic`: fusion brings the widening of its input into no other spelling."""
    for op in [op for op in walk.walk(function) if op.operation.name == "linalg.reduce"]:
        gone, rank = list(op.attributes["dimensions"]), op.operands[0].type.rank
        with ir.InsertionPoint(op), op.location:
            identity = ir.AffineMap.get_identity(rank)
            maps = [identity, identity.get_submap([d for d in range(rank) if d not in gone])]
            kinds = ["reduction" if d in gone else "parallel" for d in range(rank)]
            generic = linalg.GenericOp(
                [result.type for result in op.results],
                [op.operands[0]],
                [op.operands[1]],
                ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in maps]),
                ir.ArrayAttr.get([ir.Attribute.parse(f"#linalg.iterator_type<{kind}>") for kind in kinds]),
            )
        op.regions[0].blocks[0].append_to(generic.regions[0])
        op.results[0].replace_all_uses_with(generic.results[0])
        op.operation.erase()


def _fill(sizes: ir.DenseI64ArrayAttr, amounts: list[int]) -> list[int]:
    dynamic = ir.ShapedType.get_dynamic_size()
    return [amounts.pop(0) if size == dynamic else size for size in sizes]


def _constant_index(value: ir.Value) -> int | None:
    made = walk.owner(value)
    return made.attributes["value"].value if made is not None and made.name == "arith.constant" else None


def _return_kept(function: ir.OpView) -> int:
    """Return the tensors that fusion must keep as well; says how many results the function really has."""
    operands = list(walk.terminator(function).operands)
    kept = [op.results[0] for op in function.regions[0].blocks[0].operations if _is_kept(op)]
    _set_returned(function, operands + kept)
    return len(operands)


def _is_kept(op: ir.OpView) -> bool:
    if op.operation.name != "linalg.generic":
        return False
    if "reduction" in walk.iterator_types(op):
        return True
    return walk.is_int8(op.results[0].type) and not all(_is_clamp(user) for user in walk.users(op.results[0]))


def _is_clamp(op: ir.Operation) -> bool:
    return op.name == "linalg.generic" and {inner.operation.name for inner in walk.walk(op)} <= _CLAMP


def _set_returned(function: ir.OpView, values: list[ir.Value]) -> None:
    end = walk.terminator(function).operation
    with ir.InsertionPoint(end), end.location:
        ir.Operation.create("func.return", operands=values)
    end.erase()
    with function.context:
        results = [value.type for value in values]
        if "res_attrs" in function.attributes:
            known = list(function.attributes["res_attrs"])[: len(results)]
            known += [ir.DictAttr.get({})] * (len(results) - len(known))
            function.attributes["res_attrs"] = ir.ArrayAttr.get(known)
        function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(function.type.inputs, results))
