"""Spell bilinear resizing as products with matrices of weights.

Before: `tosa.resize` of an int8 image, BILINEAR
After:  `linalg.contract` of the image's rows with a constant matrix, and of the columns of that with another one

A row of the output is the sum of at most two rows of the input, each times a whole number. These numbers are a row of the
first matrix, most of which are zero. So the body says what is computed as data, where upstream's lowering is a loop of
index arithmetic and loads in which no kernel can be recognised; it also takes positions in front of the first pixel for
ones behind it. Runs on TOSA, after `tosa-infer-shapes`; other resizings are left alone.
"""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith, linalg

from vmcu.ir import walk
from vmcu.operators.resize.read import BY_COLUMNS, BY_ROWS, Maps
from vmcu.passes._registry import vmcu_pass

_MOST = 1 << 24  # the product of both denominators with which sums of int8 fit in 32 bits


@vmcu_pass("vmcu-interpolate-by-matrices", summary="Turn bilinear resizing into products with matrices of weights")
def interpolate_by_matrices(module: ir.Module, options: None) -> None:
    for op in [each for each in walk.walk(module.operation) if each.operation.name == "tosa.resize"]:
        with op.location, ir.InsertionPoint(op):
            made = _interpolate(op.operation)
        if made is not None:
            op.results[0].replace_all_uses_with(made)
            op.operation.erase()


def _interpolate(op: ir.Operation) -> ir.Value | None:
    source, result = op.operands[0], op.results[0].type
    is_known = source.type.has_static_shape and result.has_static_shape and walk.is_int8(source.type)
    if op.attributes["mode"] != ir.Attribute.parse("#tosa.resize_mode<BILINEAR>") or not is_known:
        return None
    if walk.int_width(result.element_type) != 32:
        return None
    scale, offset = (_numbers(each) for each in list(op.operands)[1:3])
    if scale is None or offset is None or scale[0] * scale[2] > _MOST:
        return None
    value, shape = source, list(source.type.shape)
    for axis, maps in ((1, BY_ROWS), (2, BY_COLUMNS)):
        of, by = scale[2 * axis - 2 : 2 * axis]
        weights = weigh(shape[axis], result.shape[axis], of, by, offset[axis - 1])
        shape[axis] = result.shape[axis]
        value = _contract(value, weights, shape, maps)
    return value


def weigh(size: int, count: int, of: int, by: int, offset: int) -> np.ndarray:
    """The weights of `size` input rows in `count` output rows, of which row `r` lies at `(r * by + offset) / of`."""
    position = np.arange(count) * by + offset
    rows, first, part = np.arange(count), position // of, position % of
    weights = np.zeros((count, size), np.int32)
    for row, weight in ((first, of - part), (first + 1, part)):
        np.add.at(weights, (rows, np.clip(row, 0, size - 1)), weight)
    return weights


def _contract(value: ir.Value, weights: np.ndarray, shape: list[int], maps: Maps) -> ir.Value:
    word = ir.IntegerType.get_signless(32)
    kind = ir.RankedTensorType.get(shape, word)
    matrix = ir.DenseElementsAttr.get(weights, type=word, shape=weights.shape)
    zero = ir.DenseElementsAttr.get_splat(kind, ir.IntegerAttr.get(word, 0))
    dims = [ir.AffineExpr.get_dim(each) for each in range(5)]
    written = [ir.AffineMap.get(5, 0, [dims[each] for each in map]) for map in maps]
    constants = [arith.constant(each.type, each) for each in (matrix, zero)]
    return linalg.contract(value, constants[0], outs=[constants[1]], indexing_maps=written)


def _numbers(shape: ir.Value) -> list[int] | None:
    owner = walk.owner(shape)
    if owner is None or owner.name != "tosa.const_shape":
        return None
    return [int(each) for each in np.array(owner.attributes["values"]).ravel()]
