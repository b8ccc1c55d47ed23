"""How depthwise convolutions, average pools and means are read from linalg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.operators.anchors import read_bias, read_image, window_of, wrap, zero_points
from vmcu.operators.constant_channels import settle_constant_channels
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.conv2d.read import make_conv
from vmcu.operators.depthwise.operator import Depthwise
from vmcu.operators.match import Epilogue, constant_array, shape_of

DEPTHWISE = (
    "linalg.depthwise_conv_2d_nhwc_hwcm",
    "linalg.depthwise_conv_2d_nhwc_hwcm_q",
    "linalg.depthwise_conv_2d_nhwc_hwc",
    "linalg.depthwise_conv_2d_nhwc_hwc_q",
)
SUM_POOL = "linalg.pooling_nhwc_sum"


def read_depthwise(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Depthwise | Conv2D | None:
    image, weights, points = read_image(op.operands[0], inputs), constant_array(op.operands[1]), zero_points(op)
    if image is None or weights is None or points is None or points[1] or weights.dtype != np.int8:
        return None
    multiplier = weights.shape[3] if weights.ndim == 4 else 1
    channels = weights.shape[2]
    bias = read_bias(op, epilogue, channels * multiplier)
    if epilogue.requant is None or bias is None:
        return None
    bias = bias - points[0] * weights.reshape(*weights.shape[:2], -1).sum(axis=(0, 1), dtype=np.int64)
    window = window_of(op, image, weights.shape[:2])
    if channels == 1:  # One input channel: an ordinary convolution.
        weights = weights.reshape(*weights.shape[:2], 1, multiplier).transpose(3, 0, 1, 2)
        return make_conv(window, weights, bias, epilogue.requant, image[2] or 0)
    if multiplier > 1:
        return None
    weights = weights.reshape(weights.shape[:3])
    if (weights == 1).all() and window.kernel == window.image and window.output == (1, 1) and image[2] is None:
        return Depthwise(
            window, channels, 0, weights[..., :1], wrap(bias), epilogue.requant.shared(), d.KernelKind.pool
        )
    weights, bias, requant = settle_constant_channels(weights, 2, wrap(bias), epilogue.requant)
    return Depthwise(window, channels, image[2] or 0, weights, bias, requant)


def read_sum_pool(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Depthwise | None:
    image = read_image(op.operands[0], inputs)
    if image is None or epilogue.requant is None or image[2]:
        return None
    channels = image[0][3]
    bias = read_bias(op, epilogue, channels)
    if bias is None:
        return None
    window = window_of(op, image, shape_of(op.operands[1]))
    return Depthwise(
        window, channels, 0, np.ones((*window.kernel, 1), np.int8), wrap(bias), epilogue.requant, d.KernelKind.pool
    )


READERS = {**dict.fromkeys(DEPTHWISE, read_depthwise), SUM_POOL: read_sum_pool}
