"""Changing what a function takes and returns."""

from __future__ import annotations

from collections.abc import Sequence

from mlir import ir

from vmcu.ir import walk


def return_values(function: ir.OpView, values: Sequence[ir.Value]) -> None:
    """Let `function`, of one block, return `values`; the attributes of results that it had before stay."""
    end = walk.terminator(function).operation
    attributes = {name: end.attributes[name] for name in end.attributes}
    with ir.InsertionPoint(end), end.location:
        ir.Operation.create("func.return", operands=values, attributes=attributes)
    end.erase()
    with function.context:
        results = [value.type for value in values]
        if "res_attrs" in function.attributes:
            known = list(function.attributes["res_attrs"])[: len(results)]
            known += [ir.DictAttr.get({})] * (len(results) - len(known))
            function.attributes["res_attrs"] = ir.ArrayAttr.get(known)
        function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(function.type.inputs, results))


def set_function_type(function: ir.OpView) -> None:
    """Let the type of `function` be that of its arguments and results."""
    block, end = function.regions[0].blocks[0], walk.terminator(function)
    types = ([each.type for each in block.arguments], [each.type for each in end.operands])
    function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(*types))
