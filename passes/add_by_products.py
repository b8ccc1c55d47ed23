"""Additions of two quantised tensors as two products, a sum and a shift.

Before: a `linalg.generic` on two int8 tensors that scales both, adds them, and scales the sum; maybe one of the scalings is
        an op of its own
After:  one `linalg.generic` whose body is `clamp((x * a + y * b + c) >> 22)`

Three requantisations become two multiplications. All 65,536 pairs of inputs are tried: only constants that give the
definition's results for each of them are taken (`vmcu.operators.elementwise.affine`). A product is no such function, and
stays what it is; so does a sum without such constants, as that of two equal scales whose ties round away from zero.

Runs on linalg after `vmcu-merge-unary-layers`, before `vmcu-form-kernels`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mlir import ir
from mlir.dialects import arith

from vmcu.ir import build, walk
from vmcu.operators import match
from vmcu.operators.elementwise.affine import Plane, fit_plane
from vmcu.operators.elementwise.evaluate import evaluate
from vmcu.operators.match import op_name
from vmcu.passes._pointwise import BYTES, Pointwise, read_pointwise, word, write_pointwise
from vmcu.passes._registry import vmcu_pass


@vmcu_pass("vmcu-add-by-products", summary="Turn additions of quantised tensors into two products and a shift")
def add_by_products(module: ir.Module, options: None) -> None:
    for function in walk.functions(module):
        if len(function.regions[0].blocks) == 1:
            _rewrite(function.regions[0].blocks[0])


def _rewrite(block: ir.Block) -> None:
    known: dict[ir.Value, Pointwise] = {}
    for op in list(block.operations):
        found = read_pointwise(op)
        if found is None:
            continue
        known[op.results[0]] = found
        if not match.is_int8(op.results[0]):
            continue
        region = _collect(op.results[0], known)
        plane = None if region is None else _fit(*region)
        if region is not None and plane is not None:
            with op.location, ir.InsertionPoint(op):
                op.results[0].replace_all_uses_with(_write(region[1], plane))


def _collect(value: ir.Value, known: Mapping[ir.Value, Pointwise]) -> tuple[list[Pointwise], list[ir.Value]] | None:
    """The ops that make `value` of int8 tensors, by way of wide ones, in order; and these tensors, if they are two."""
    needed, sources, waiting = {value}, dict[ir.Value, None](), [value]
    while waiting:
        for each in known[waiting.pop()].tensors:
            if match.is_int8(each):
                sources[each] = None
            elif each not in known:
                return None
            elif each not in needed:
                needed.add(each)
                waiting.append(each)
    region = [op for result, op in known.items() if result in needed]
    scales = any(op_name(op) == "tosa.apply_scale" for each in region for op in each.body.operations)
    is_uniform = all(one.size == 1 for each in region for one in each.inputs if isinstance(one, np.ndarray))
    return (region, list(sources)) if scales and is_uniform and len(sources) == 2 else None


def _fit(region: list[Pointwise], sources: list[ir.Value]) -> Plane | None:
    x, y = BYTES[:, None], BYTES[None, :]
    values = {sources[0]: x, sources[1]: y}
    for each in region:
        inputs = [
            values[one] if isinstance(one, ir.Value) else one.reshape(1, 1).astype(np.int64) for one in each.inputs
        ]
        values[each.op.results[0]] = evaluate(each.body, inputs)
    result = np.broadcast_to(values[region[-1].op.results[0]], (len(BYTES), len(BYTES)))
    return fit_plane(x, y, result) or fit_plane(x, y, result & 0xFF)  # of uint8, bytes are what is left of 0 to 255


def _write(sources: list[ir.Value], plane: Plane) -> ir.Value:
    def compute(*bytes_: ir.Value) -> ir.Value:
        total = word(plane.start)
        for byte, slope in zip(bytes_, plane.slopes):
            total = arith.addi(arith.muli(arith.extsi(build.i32(), byte), word(slope)), total)
        shifted = arith.shrsi(total, word(plane.shift))
        return arith.trunci(build.i8(), arith.minsi(arith.maxsi(shifted, word(plane.low)), word(plane.high)))

    return write_pointwise(sources, [], compute)
