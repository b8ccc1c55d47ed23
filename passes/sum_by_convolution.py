"""Sums over all pixels of an image as depthwise convolutions with weights of one.

Before: `tosa.rescale` (int8 to int32, less the zero point), `tosa.reduce_sum` over rows, `tosa.reduce_sum` over columns
After:  `tosa.depthwise_conv2d` whose window is the image, all weights one

It is the same integer, and the same computation as an average pooling over the whole image, for which there is a kernel
that takes rows as they come. A reduction is a loop on buffers. TFLite's MEAN over rows and columns has this form, as global
average pooling becomes it. Runs on TOSA, before `tosa-infer-shapes`; other sums stay as they are.
"""

from __future__ import annotations

import numpy as np
from mlir import ir

from vmcu.ir import walk
from vmcu.passes._registry import vmcu_pass

_ROWS, _COLUMNS = 1, 2
_IDENTITY = (1 << 30, 30)  # multiplier and shift of a scale of one


@vmcu_pass("vmcu-sum-by-convolution", summary="Turn sums over all pixels of an image into depthwise convolutions")
def sum_by_convolution(module: ir.Module, options: None) -> None:
    found = [each for op in list(walk.walk(module.operation)) if (each := _match(op.operation)) is not None]
    for last, widening in found:
        _rewrite(last, widening)


def _match(last: ir.Operation) -> tuple[ir.Operation, ir.Operation] | None:
    """The second of two sums over rows and columns, and the rescale before the first."""
    first = _summed(last)
    widening = None if first is None else _summed(first)
    if widening is None or widening.name != "tosa.rescale" or {_axis(first), _axis(last)} != {_ROWS, _COLUMNS}:
        return None
    source, multiplier, shift, _, output_zero = widening.operands
    scale = walk.scalar(multiplier), walk.scalar(shift)
    is_image = walk.is_int8(source.type) and source.type.rank == 4 and source.type.shape[0] == 1
    if not is_image or scale != _IDENTITY or walk.scalar(output_zero) != 0:
        return None
    return last, widening


def _summed(op: ir.Operation) -> ir.Operation | None:
    """What makes the tensor that a `tosa.reduce_sum` sums."""
    return walk.owner(op.operands[0]) if op.name == "tosa.reduce_sum" else None


def _axis(op: ir.Operation | None) -> int | None:
    return ir.IntegerAttr(op.attributes["axis"]).value if op is not None and op.name == "tosa.reduce_sum" else None


def _rewrite(last: ir.Operation, widening: ir.Operation) -> None:
    source, zero_point = widening.operands[0], widening.operands[3]
    _, rows, columns, channels = source.type.shape
    context = last.context
    byte, word = ir.IntegerType.get_signless(8, context), ir.IntegerType.get_signless(32, context)
    with last.location, ir.InsertionPoint(last):
        weights = _constant(np.ones((rows, columns, channels, 1), np.int8), byte)
        bias = _constant(np.zeros(channels, np.int32), word)
        no_offset = _constant(np.zeros(1, np.int8), byte)
        attributes = {
            "pad": ir.DenseI64ArrayAttr.get([0, 0, 0, 0]),
            "stride": ir.DenseI64ArrayAttr.get([1, 1]),
            "dilation": ir.DenseI64ArrayAttr.get([1, 1]),
            "acc_type": ir.TypeAttr.get(word),
        }
        total = ir.Operation.create(
            "tosa.depthwise_conv2d",
            [ir.RankedTensorType.get([1, 1, 1, channels], word)],
            [source, weights, bias, zero_point, no_offset],
            attributes,
        )
    last.results[0].replace_all_uses_with(total.results[0])


def _constant(array: np.ndarray, element: ir.Type) -> ir.Value:
    values = ir.DenseElementsAttr.get(array, type=element, shape=array.shape)
    return ir.Operation.create("tosa.const", [values.type], attributes={"values": values}).results[0]
