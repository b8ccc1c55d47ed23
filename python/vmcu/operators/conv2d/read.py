"""How convolutions and fully connected layers are read from linalg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes, pair, read_bias, read_image, window_of, wrap, zero_points
from vmcu.operators.constant_channels import settle_constant_channels
from vmcu.operators.conv2d.operator import Conv2D
from vmcu.operators.geometry import Window
from vmcu.operators.match import Epilogue, constant_array, op_name, shape_of
from vmcu.operators.requant import Requant

CONVOLUTIONS = {
    "linalg.conv_2d_nhwc_fhwc": (0, 1, 2, 3),
    "linalg.conv_2d_nhwc_fhwc_q": (0, 1, 2, 3),
    "linalg.conv_2d_nhwc_hwcf": (3, 0, 1, 2),
    "linalg.conv_2d_nhwc_hwcf_q": (3, 0, 1, 2),
}  # anchor -> permutation that makes its weights [out, rows, columns, in]
MATMULS = ("linalg.matmul", "linalg.quantized_matmul")


def read_conv2d(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Conv2D | None:
    weights, points = constant_array(op.operands[1]), zero_points(op)
    if weights is None or points is None or weights.dtype != np.int8:
        return None
    weights = weights.transpose(CONVOLUTIONS[op_name(op)])
    pixels = weights.shape[1:3] == (1, 1) and pair(op, "strides") == (1, 1)
    image = read_image(op.operands[0], inputs, pixels=pixels)
    if image is None:
        return None
    bias = read_bias(op, epilogue, weights.shape[0])
    if points[1] or epilogue.requant is None or bias is None:
        return None
    # sum (x - z) w = sum x w - z sum w
    bias = bias - points[0] * weights.sum(axis=(1, 2, 3), dtype=np.int64)
    return make_conv(window_of(op, image, weights.shape[1:3]), weights, bias, epilogue.requant, image[2] or 0)


def read_matmul(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Conv2D | None:
    source, weights, points = behind_reshapes(op.operands[0]), constant_array(op.operands[1]), zero_points(op)
    if source not in inputs or weights is None or points is None or points[1] or weights.dtype != np.int8:
        return None
    if not match.is_int8(op.operands[0]) or "indexing_maps" in op.attributes and not _is_plain_matmul(op):
        return None
    bias = read_bias(op, epilogue, weights.shape[1])
    if epilogue.requant is None or bias is None:
        return None
    rows = shape_of(op.operands[0])[0]
    bias = bias - points[0] * weights.sum(axis=0, dtype=np.int64)
    return make_conv(Window((1, rows), (1, rows)), weights.T[:, None, None, :], bias, epilogue.requant)


def make_conv(window: Window, weights: np.ndarray, bias: np.ndarray, requant: Requant, pad_value: int = 0) -> Conv2D:
    """`weights` are `[out, rows, columns, in]`, `bias` is int64."""
    return Conv2D(window, *settle_constant_channels(weights, 0, wrap(bias), requant), pad_value)


def _is_plain_matmul(op: ir.OpView) -> bool:
    dims = [ir.AffineExpr.get_dim(each) for each in range(3)]
    plain = [[dims[0], dims[2]], [dims[2], dims[1]], [dims[0], dims[1]]]
    return [list(each.results) for each in match.indexing_maps(op)] == plain


READERS = {**dict.fromkeys(CONVOLUTIONS, read_conv2d), **dict.fromkeys(MATMULS, read_matmul)}
