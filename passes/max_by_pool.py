"""Largest and smallest values along an axis as maximum pools.

Before: `tosa.reduce_max` or `tosa.reduce_min` of int8 along an axis that is not the last
After:  `tosa.max_pool2d` whose window is the axis; of the smallest value, between two `tosa.bitwise_not`

A pool is a kernel that takes rows as they come; a reduction is a loop on buffers. Rows and columns of one image stay what
they are. Along any other axis the tensor is read as an image whose columns are of width one: the axes before the reduced
one, and the axis itself, are its rows, and the axes after it its channels. `~x` is `-1 - x`, so the order is turned round
without overflow. Along the last axis there are no channels to compute side by side, and a reduction stays one.

Runs on TOSA, after `tosa-infer-shapes`.
"""

from __future__ import annotations

from math import prod

from mlir import ir

from vmcu.ir import walk
from vmcu.passes._images import as_image, reshape
from vmcu.passes._registry import vmcu_pass

_REDUCTIONS = ("tosa.reduce_max", "tosa.reduce_min")


@vmcu_pass("vmcu-max-by-pool", summary="Turn largest and smallest values along an axis into maximum pools")
def max_by_pool(module: ir.Module, options: None) -> None:
    for op in [op.operation for op in walk.walk(module.operation) if op.operation.name in _REDUCTIONS]:
        kind, axis = op.operands[0].type, ir.IntegerAttr(op.attributes["axis"]).value
        if walk.is_int8(kind) and kind.has_static_shape and prod(kind.shape[axis + 1 :]) > 1:
            with op.location, ir.InsertionPoint(op):
                op.results[0].replace_all_uses_with(_pool(op, axis))
            op.erase()


def _pool(op: ir.Operation, axis: int) -> ir.Value:
    source, smallest = op.operands[0], op.name == "tosa.reduce_min"
    shape, window, stride = as_image(list(source.type.shape), axis)
    image = reshape(source, shape)
    image = _not(image) if smallest else image
    rows, columns = (1 + (extent - size) // step for extent, size, step in zip(shape[1:3], window, stride))
    result = ir.RankedTensorType.get([1, rows, columns, shape[3]], source.type.element_type)
    attributes = {
        "kernel": ir.DenseI64ArrayAttr.get(window),
        "stride": ir.DenseI64ArrayAttr.get(stride),
        "pad": ir.DenseI64ArrayAttr.get([0, 0, 0, 0]),
    }
    pool = ir.Operation.create("tosa.max_pool2d", [result], [image], attributes).results[0]
    return reshape(_not(pool) if smallest else pool, list(op.results[0].type.shape))


def _not(value: ir.Value) -> ir.Value:
    return ir.Operation.create("tosa.bitwise_not", [value.type], [value]).results[0]
