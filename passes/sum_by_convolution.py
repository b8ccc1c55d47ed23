"""Sums along an axis, or over all pixels of an image, as depthwise convolutions with weights of one.

Before: `tosa.rescale` (int8 to int32, less the zero point), `tosa.reduce_sum` along an axis that is not the last; or along
        rows and columns, one after the other
After:  `tosa.depthwise_conv2d` whose window is the axis, or the image, all weights one

It is the same integer, and the same computation as an average pooling over the window, for which there is a kernel that
takes rows as they come. A reduction is a loop on buffers. TFLite's MEAN has this form, as global average pooling becomes it.
Runs on TOSA, after `tosa-infer-shapes`; other sums stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from mlir import ir

from vmcu.ir import walk
from vmcu.passes._images import as_image, reshape
from vmcu.passes._registry import vmcu_pass

_ROWS, _COLUMNS = 1, 2
_IDENTITY = (1 << 30, 30)  # multiplier and shift of a scale of one


@vmcu_pass("vmcu-sum-by-convolution", summary="Turn sums along an axis into depthwise convolutions")
def sum_by_convolution(module: ir.Module, options: None) -> None:
    for found in [each for op in list(walk.walk(module.operation)) if (each := _match(op.operation)) is not None]:
        with found.last.location, ir.InsertionPoint(found.last):
            found.last.results[0].replace_all_uses_with(_convolve(found))
        _erase_unread(found.last)


def _erase_unread(op: ir.Operation | None) -> None:
    """Erase a sum that nobody reads, and the one before it."""
    while op is not None and op.name == "tosa.reduce_sum" and not walk.users(op.results[0]):
        before = _summed(op)
        op.erase()
        op = before


@dataclass(frozen=True)
class _Sum:
    """A sum: its last op, the rescale before the first, and the image, window and step that it is."""

    last: ir.Operation
    widening: ir.Operation
    shape: list[int]
    window: list[int]
    stride: list[int]


def _match(last: ir.Operation) -> _Sum | None:
    first = _summed(last)
    if first is None:
        return None
    if _is_widening(first):
        shape, axis = list(first.operands[0].type.shape), _axis(last)
        if _is_half_of_an_image(last, shape) or prod(shape[axis + 1 :]) == 1:
            return None
        return _Sum(last, first, *as_image(shape, axis))
    widening = _summed(first)
    if widening is None or not _is_widening(widening) or {_axis(first), _axis(last)} != {_ROWS, _COLUMNS}:
        return None
    shape = list(widening.operands[0].type.shape)
    return _Sum(last, widening, shape, shape[1:3], [1, 1]) if _is_image(shape) else None


def _is_half_of_an_image(op: ir.Operation, shape: list[int]) -> bool:
    """Whether the sum is the first of two over rows and columns, which are one."""
    if not _is_image(shape):
        return False
    return any(_axis(user) in {_ROWS, _COLUMNS} - {_axis(op)} for user in walk.users(op.results[0]))


def _is_image(shape: list[int]) -> bool:
    return len(shape) == 4 and shape[0] == 1


def _is_widening(op: ir.Operation) -> bool:
    """Whether `op` takes the zero point off an int8 tensor, and does nothing else."""
    if op.name != "tosa.rescale":
        return False
    source, multiplier, shift, _, output_zero = op.operands
    is_identity = (walk.scalar(multiplier), walk.scalar(shift)) == _IDENTITY and walk.scalar(output_zero) == 0
    return is_identity and walk.is_int8(source.type) and source.type.has_static_shape


def _summed(op: ir.Operation) -> ir.Operation | None:
    """What makes the tensor that a `tosa.reduce_sum` sums."""
    return walk.owner(op.operands[0]) if op.name == "tosa.reduce_sum" else None


def _axis(op: ir.Operation) -> int:
    """The axis of a `tosa.reduce_sum`; -1 of another op."""
    return ir.IntegerAttr(op.attributes["axis"]).value if op.name == "tosa.reduce_sum" else -1


def _convolve(found: _Sum) -> ir.Value:
    source, zero_point = found.widening.operands[0], found.widening.operands[3]
    channels, context = found.shape[3], found.last.context
    byte, word = ir.IntegerType.get_signless(8, context), ir.IntegerType.get_signless(32, context)
    attributes = {
        "pad": ir.DenseI64ArrayAttr.get([0, 0, 0, 0]),
        "stride": ir.DenseI64ArrayAttr.get(found.stride),
        "dilation": ir.DenseI64ArrayAttr.get([1, 1]),
        "acc_type": ir.TypeAttr.get(word),
    }
    sides = zip(found.shape[1:3], found.window, found.stride)
    rows, columns = (1 + (extent - size) // step for extent, size, step in sides)
    operands = [
        reshape(source, found.shape),
        _constant(np.ones((*found.window, channels, 1), np.int8), byte),
        _constant(np.zeros(channels, np.int32), word),
        zero_point,
        _constant(np.zeros(1, np.int8), byte),
    ]
    result = ir.RankedTensorType.get([1, rows, columns, channels], word)
    total = ir.Operation.create("tosa.depthwise_conv2d", [result], operands, attributes).results[0]
    return reshape(total, list(found.last.results[0].type.shape))


def _constant(array: np.ndarray, element: ir.Type) -> ir.Value:
    values = ir.DenseElementsAttr.get(array, type=element, shape=array.shape)
    return ir.Operation.create("tosa.const", [values.type], attributes={"values": values}).results[0]
