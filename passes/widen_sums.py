"""Sum in 64 bits where TOSA sums in 48.

Before: a convolution of int16 into `tensor<...xi48>`, scaled by `tosa.apply_scale` on i48
After:  the same in i64

TOSA gives the sums of 16-bit activations 48 bits, as many as they need. No core has such a word: what is in memory takes six
bytes, of which three instructions make a number. The results are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mlir import ir

from vmcu.ir import walk
from vmcu.ir.functions import set_function_type
from vmcu.passes._registry import vmcu_pass

_NARROW = 48  # bits


@vmcu_pass("vmcu-widen-sums", summary="Sum in 64 bits where TOSA sums in 48")
def widen_sums(module: ir.Module, options: None) -> None:
    for op in list(walk.walk(module.operation)):
        if op.operation.name == "arith.constant" and _is_narrow(op.result.type):
            op.operation.attributes["value"] = _widen_constant(op.value)
    for value in _values(module):
        if _is_narrow(value.type):
            value.set_type(_widen(value.type))
    for op in list(walk.walk(module.operation)):
        if op.operation.name in ("arith.extsi", "arith.trunci") and op.operands[0].type == op.results[0].type:
            op.results[0].replace_all_uses_with(op.operands[0])
            op.operation.erase()
    for function in walk.functions(module):
        set_function_type(function)


def _values(module: ir.Module) -> Iterator[ir.Value]:
    """Everything that has a type: results, and the arguments of blocks."""
    for op in walk.walk(module.operation):
        yield from op.operation.results
        for region in op.operation.regions:
            for block in region.blocks:
                yield from block.arguments


def _is_narrow(of: ir.Type) -> bool:
    return walk.int_width(walk.element_type(of)) == _NARROW


def _widen(of: ir.Type) -> ir.Type:
    word = ir.IntegerType.get_signless(64)
    return ir.RankedTensorType.get(of.shape, word) if isinstance(of, ir.RankedTensorType) else word


def _widen_constant(value: ir.Attribute) -> ir.Attribute:
    if isinstance(value, ir.IntegerAttr):
        return ir.IntegerAttr.get(_widen(value.type), value.value)
    kind = _widen(value.type)
    if value.is_splat:
        number = ir.IntegerAttr(value.get_splat_value()).value
        return ir.DenseElementsAttr.get_splat(kind, ir.IntegerAttr.get(kind.element_type, number))
    return ir.DenseElementsAttr.get(_numbers(str(value)).reshape(kind.shape), type=kind)


def _numbers(text: str) -> np.ndarray:
    """The elements of a `dense<...>` of i48, as it is written: the bindings hand out no elements of that width.

    A long one is written as bytes, six for an element.
    """
    inner = text[text.index("<") + 1 : text.rindex(">", 0, text.rindex(":"))]
    if not inner.startswith('"0x'):
        return np.array([int(each) for each in inner.replace("[", " ").replace("]", " ").replace(",", " ").split()])
    low = np.frombuffer(bytes.fromhex(inner[3:-1]), np.uint8).reshape(-1, _NARROW // 8)
    signs = np.where(low[:, -1:] > 127, 255, 0).astype(np.uint8)
    return np.concatenate([low, signs, signs], axis=1).copy().view("<i8").ravel()
