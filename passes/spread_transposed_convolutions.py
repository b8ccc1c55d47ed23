"""Spell transposed convolutions as convolutions over an image whose pixels lie apart.

Before: `tosa.transpose_conv2d` of constant weights, with a stride above 1
After:  `tensor.insert_slice` of the image, with the stride, into a constant of its zero point; `tosa.conv2d` of that, with
        the weights turned by half

It is the same sum: an output pixel adds up the products of taps that lie on pixels of the image, and between these the zero
point adds nothing. Upstream's decomposition makes the output's pixels the channels of a convolution instead, and then
moves them with a transpose, so that no layer keeps rows. Runs on TOSA, after `tosa-infer-shapes`; what no kernel takes
(other types than int8, weights that are no constants, an image of which borders are cut off) is left to the decomposition.
"""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith, tensor

from vmcu.ir import walk
from vmcu.passes._registry import vmcu_pass


@vmcu_pass(
    "vmcu-spread-transposed-convolutions", summary="Turn transposed convolutions into convolutions over a spread image"
)
def spread_transposed_convolutions(module: ir.Module, options: None) -> None:
    for op in [each for each in walk.walk(module.operation) if each.operation.name == "tosa.transpose_conv2d"]:
        with op.location, ir.InsertionPoint(op):
            made = _convolve(op.operation)
        if made is not None:
            op.results[0].replace_all_uses_with(made)
            op.operation.erase()


def _convolve(op: ir.Operation) -> ir.Value | None:
    source, weights, bias, zero_point, weights_zero_point = op.operands
    numbers, zero = _numbers(weights), walk.scalar(zero_point)
    stride = list(ir.DenseI64ArrayAttr(op.attributes["stride"]))
    kinds = source.type, op.results[0].type
    if numbers is None or zero is None or max(stride) == 1 or not all(kind.has_static_shape for kind in kinds):
        return None
    if source.type.shape[0] != 1 or not walk.is_int8(source.type):
        return None
    out_pad = list(ir.DenseI64ArrayAttr(op.attributes["out_pad"]))
    (_, *image, channels), (batch, *output, _) = (kind.shape for kind in kinds)
    window = numbers.shape[1:3]
    # Tap k of output row r lies on row (r - pad + k) / stride, k counted from the first row that the window covers.
    pad = [before + size - 1 for before, size in zip(out_pad[::2], window)]
    size = [count + taps - 1 for count, taps in zip(output, window)]
    end = [first + (count - 1) * step + 1 for first, count, step in zip(pad, image, stride)]
    if min(pad) < 0 or any(last > extent for last, extent in zip(end, size)):
        return None
    element = source.type.element_type
    wide = ir.RankedTensorType.get([batch, *size, channels], element)
    around = arith.constant(wide, ir.DenseElementsAttr.get_splat(wide, ir.IntegerAttr.get(element, int(zero))))
    static = [[0, *pad, 0], [batch, *image, channels], [1, *stride, 1]]
    spread = tensor.insert_slice(source, around, [], [], [], *(ir.DenseI64ArrayAttr.get(each) for each in static))
    attributes = {
        "pad": ir.DenseI64ArrayAttr.get([0] * 4),
        "stride": ir.DenseI64ArrayAttr.get([1] * 2),
        "dilation": ir.DenseI64ArrayAttr.get([1] * 2),
        "acc_type": op.attributes["acc_type"],
    }
    turned = _constant(numbers[:, ::-1, ::-1], weights.type)
    operands = [spread, turned, bias, zero_point, weights_zero_point]
    return ir.Operation.create("tosa.conv2d", [op.results[0].type], operands, attributes).results[0]


def _numbers(value: ir.Value) -> np.ndarray | None:
    """The elements of a constant of int8."""
    owner = walk.owner(value)
    is_known = owner is not None and owner.name == "tosa.const" and walk.is_int8(value.type)
    return np.array(owner.attributes["values"]).reshape(value.type.shape) if owner is not None and is_known else None


def _constant(array: np.ndarray, kind: ir.Type) -> ir.Value:
    values = ir.DenseElementsAttr.get(np.ascontiguousarray(array), type=kind.element_type, shape=array.shape)
    return ir.Operation.create("tosa.const", [kind], attributes={"values": values}).results[0]
