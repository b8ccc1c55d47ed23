"""How transposed convolutions are read from linalg: a convolution over an image that was spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators.anchors import Spread, behind_reshapes, pair, read_bias, read_spread, zero_points
from vmcu.operators.conv2d.read import CONVOLUTIONS
from vmcu.operators.match import Epilogue, constant_array, is_int8, op_name, shape_of
from vmcu.operators.transpose_conv.operator import TransposeConv


def read_transpose_conv(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> TransposeConv | None:
    weights, points, spread = constant_array(op.operands[1]), zero_points(op), read_spread(op.operands[0])
    if weights is None or points is None or weights.dtype != np.int8 or spread is None or points[1]:
        return None
    if spread.fill != points[0] or not _is_image(spread, inputs):
        return None
    if pair(op, "strides") != (1, 1) or pair(op, "dilations") != (1, 1) or epilogue.requant is None:
        return None
    weights = np.ascontiguousarray(weights.transpose(CONVOLUTIONS[op_name(op)]))
    bias = read_bias(op, epilogue, weights.shape[0])
    if bias is None:
        return None
    bias = bias - points[0] * weights.sum(axis=(1, 2, 3), dtype=np.int64)
    _, *image, _ = shape_of(spread.source)
    _, *output, _ = shape_of(op.results[0])
    return TransposeConv(
        (image[0], image[1]),
        (output[0], output[1]),
        spread.up,
        spread.pad,
        weights,
        bias,
        epilogue.requant,
        spread.fill,
    )


def _is_image(spread: Spread, inputs: Sequence[ir.Value]) -> bool:
    """Whether what was spread is an image that the kernel reads."""
    shape = shape_of(spread.source)
    return behind_reshapes(spread.source) in inputs and len(shape) == 4 and shape[0] == 1 and is_int8(spread.source)


READERS = dict.fromkeys(CONVOLUTIONS, read_transpose_conv)
