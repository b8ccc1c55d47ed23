"""From the linalg body of a kernel to plain data: which computation is it, and with which constants.

`read_kernel(yielded value)` walks back from the result: reshape, epilogue (bias, requantisation, clamp), anchor, halo,
input. What it does not recognise it answers with None: such a kernel runs on buffers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.operators import match
from vmcu.operators.channelwise import Depthwise, MaxPool
from vmcu.operators.constant_channels import settle_constant_channels
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.elementwise import Elementwise, can_vectorise
from vmcu.operators.geometry import Window
from vmcu.operators.match import Epilogue, constant_array, op_name, producer, shape_of
from vmcu.operators.requant import INT8, Requant, constant_int

CONVOLUTIONS = {
    "linalg.conv_2d_nhwc_fhwc": (0, 1, 2, 3),
    "linalg.conv_2d_nhwc_fhwc_q": (0, 1, 2, 3),
    "linalg.conv_2d_nhwc_hwcf": (3, 0, 1, 2),
    "linalg.conv_2d_nhwc_hwcf_q": (3, 0, 1, 2),
}  # anchor -> permutation that makes its weights [out, rows, columns, in]
DEPTHWISE = (
    "linalg.depthwise_conv_2d_nhwc_hwcm",
    "linalg.depthwise_conv_2d_nhwc_hwcm_q",
    "linalg.depthwise_conv_2d_nhwc_hwc",
    "linalg.depthwise_conv_2d_nhwc_hwc_q",
)
MATMULS = ("linalg.matmul", "linalg.quantized_matmul")
SUM_POOL, MAX_POOL = "linalg.pooling_nhwc_sum", "linalg.pooling_nhwc_max"
ANCHORS = (*CONVOLUTIONS, *DEPTHWISE, *MATMULS, SUM_POOL, MAX_POOL)

Kernel = Conv2D | Depthwise | MaxPool | Elementwise


def read_kernel(result: ir.Value, inputs: Sequence[ir.Value]) -> Kernel | None:
    """The computation that makes `result` out of `inputs` (int8 tensors), or None if it is none of ours."""
    result = _behind_reshapes(result)
    op = producer(result)
    if op is None or not match.is_int8(result):
        return None
    if op_name(op) in (MAX_POOL,):
        return _read_max_pool(op, Epilogue(np.zeros(1), None, *INT8), inputs)
    if op_name(op) != "linalg.generic":
        return None
    for operand in op.operands[:-1]:
        anchor = producer(_behind_reshapes(operand))
        if op_name(anchor) not in ANCHORS:
            continue
        epilogue = match.read_epilogue(op, operand)
        if epilogue is None:
            return None
        return _READERS[op_name(anchor)](anchor, epilogue, inputs)
    return _read_elementwise(op, inputs)


def _behind_reshapes(value: ir.Value) -> ir.Value:
    while op_name(producer(value)) in match.RESHAPES:
        value = producer(value).operands[0]
    return value


def _read_image(
    value: ir.Value, inputs: Sequence[ir.Value], *, pixels: bool = False
) -> tuple[tuple[int, ...], tuple[int, int], int | None] | None:
    """An anchor's image as (shape [1, h, w, c] of the kernel's input, rows and columns of halo before it, halo's value).

    The halo's value is None if there is no halo. Where the anchor looks at `pixels` one by one, a batch of images of one
    pixel (the rows of a fully connected layer) is one image.
    """
    pad, fill = np.zeros(2, np.int64), None
    op = producer(value)
    if op_name(op) == "tensor.pad":
        low = list(ir.DenseI64ArrayAttr(op.attributes["static_low"]))
        high = list(ir.DenseI64ArrayAttr(op.attributes["static_high"]))
        fill = constant_int(op.regions[0].blocks[0].operations[len(op.regions[0].blocks[0].operations) - 1].operands[0])
        if len(low) != 4 or fill is None or any((low[0], low[3], high[0], high[3])):
            return None
        pad, value = pad + low[1:3], op.operands[0]
        op = producer(value)
    if op_name(op) == "tensor.extract_slice" and fill is None:
        offsets = list(ir.DenseI64ArrayAttr(op.attributes["static_offsets"]))
        strides = list(ir.DenseI64ArrayAttr(op.attributes["static_strides"]))
        shape = shape_of(value)
        if len(offsets) != 4 or len(shape) != 4 or offsets[0] or offsets[3] or set(strides) != {1}:
            return None
        if shape_of(op.operands[0])[3] != shape[3]:
            return None
        pad, value = pad - offsets[1:3], op.operands[0]
    shape = shape_of(value)
    source = _behind_reshapes(value)
    if pixels and fill is None and not pad.any() and shape[1:3] == (1, 1):
        shape = (1, shape[0], 1, *shape[3:])
    if source not in inputs or len(shape) != 4 or shape[0] != 1 or not match.is_int8(value):
        return None
    return shape, (int(pad[0]), int(pad[1])), fill


def _pair(op: ir.OpView, name: str) -> tuple[int, int]:
    if name not in op.attributes:
        return 1, 1
    values = np.broadcast_to(np.array(op.attributes[name]).ravel(), 2)
    return int(values[0]), int(values[1])


def _zero_points(op: ir.OpView) -> tuple[int, int] | None:
    """Zero points of input and weights; zeros for an op without."""
    if len(op.operands) < 5:
        return 0, 0
    points = constant_int(op.operands[2]), constant_int(op.operands[3])
    return None if None in points else points


def _window(op: ir.OpView, image: tuple, kernel: tuple[int, ...]) -> Window:
    shape, pad, _ = image
    batch, *output = shape_of(op.results[0])[:3]
    # A batch is one of pixels, and they are the image's rows.
    return Window(shape[1:3], (batch * output[0], output[1]), kernel, _pair(op, "strides"), _pair(op, "dilations"), pad)


def _read_conv2d(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Conv2D | None:
    weights, points = constant_array(op.operands[1]), _zero_points(op)
    if weights is None or points is None or weights.dtype != np.int8:
        return None
    weights = weights.transpose(CONVOLUTIONS[op_name(op)])
    pixels = weights.shape[1:3] == (1, 1) and _pair(op, "strides") == (1, 1)
    image = _read_image(op.operands[0], inputs, pixels=pixels)
    if image is None:
        return None
    bias = _read_bias(op, epilogue, weights.shape[0])
    if points[1] or epilogue.requant is None or bias is None:
        return None
    # sum (x - z) w = sum x w - z sum w
    bias = bias - points[0] * weights.sum(axis=(1, 2, 3), dtype=np.int64)
    return _conv(_window(op, image, weights.shape[1:3]), weights, bias, epilogue.requant, image[2] or 0)


def _read_matmul(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Conv2D | None:
    source, weights, points = _behind_reshapes(op.operands[0]), constant_array(op.operands[1]), _zero_points(op)
    if source not in inputs or weights is None or points is None or points[1] or weights.dtype != np.int8:
        return None
    if not match.is_int8(op.operands[0]) or "indexing_maps" in op.attributes and not _is_plain_matmul(op):
        return None
    bias = _read_bias(op, epilogue, weights.shape[1])
    if epilogue.requant is None or bias is None:
        return None
    rows = shape_of(op.operands[0])[0]
    bias = bias - points[0] * weights.sum(axis=0, dtype=np.int64)
    return _conv(Window((1, rows), (1, rows)), weights.T[:, None, None, :], bias, epilogue.requant)


def _conv(window: Window, weights: np.ndarray, bias: np.ndarray, requant: Requant, pad_value: int = 0) -> Conv2D:
    """`weights` are `[out, rows, columns, in]`, `bias` is int64."""
    return Conv2D(window, *settle_constant_channels(weights, 0, wrap(bias), requant), pad_value)


def _is_plain_matmul(op: ir.OpView) -> bool:
    dims = [ir.AffineExpr.get_dim(each) for each in range(3)]
    plain = [[dims[0], dims[2]], [dims[2], dims[1]], [dims[0], dims[1]]]
    return [list(each.results) for each in match.indexing_maps(op)] == plain


def _read_bias(op: ir.OpView, epilogue: Epilogue, channels: int) -> np.ndarray | None:
    """What the accumulators start with plus what the epilogue adds, int64 per output channel."""
    start = match.broadcast_row(op.operands[len(op.operands) - 1], channels)
    return None if start is None else np.broadcast_to(start + epilogue.bias, channels)


def _read_depthwise(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Kernel | None:
    image, weights, points = _read_image(op.operands[0], inputs), constant_array(op.operands[1]), _zero_points(op)
    if image is None or weights is None or points is None or points[1] or weights.dtype != np.int8:
        return None
    multiplier = weights.shape[3] if weights.ndim == 4 else 1
    channels = weights.shape[2]
    bias = _read_bias(op, epilogue, channels * multiplier)
    if epilogue.requant is None or bias is None:
        return None
    bias = bias - points[0] * weights.reshape(*weights.shape[:2], -1).sum(axis=(0, 1), dtype=np.int64)
    window = _window(op, image, weights.shape[:2])
    if channels == 1:  # One input channel: an ordinary convolution.
        weights = weights.reshape(*weights.shape[:2], 1, multiplier).transpose(3, 0, 1, 2)
        return _conv(window, weights, bias, epilogue.requant, image[2] or 0)
    if multiplier > 1:
        return None
    weights = weights.reshape(weights.shape[:3])
    if (weights == 1).all() and window.kernel == window.image and window.output == (1, 1) and image[2] is None:
        return Depthwise(
            window, channels, 0, weights[..., :1], wrap(bias), epilogue.requant.shared(), d.KernelKind.pool
        )
    weights, bias, requant = settle_constant_channels(weights, 2, wrap(bias), epilogue.requant)
    return Depthwise(window, channels, image[2] or 0, weights, bias, requant)


def _read_sum_pool(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Depthwise | None:
    image = _read_image(op.operands[0], inputs)
    if image is None or epilogue.requant is None or image[2]:
        return None
    channels = image[0][3]
    bias = _read_bias(op, epilogue, channels)
    if bias is None:
        return None
    window = _window(op, image, shape_of(op.operands[1]))
    return Depthwise(
        window, channels, 0, np.ones((*window.kernel, 1), np.int8), wrap(bias), epilogue.requant, d.KernelKind.pool
    )


def _read_max_pool(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> MaxPool | None:
    image = _read_image(op.operands[0], inputs)
    start = match.broadcast_row(op.operands[2], shape_of(op.results[0])[3])
    if image is None or start is None or epilogue.requant is not None or epilogue.bias.any():
        return None
    low = max(epilogue.low, int(start.max()), INT8[0])
    return MaxPool(
        _window(op, image, shape_of(op.operands[1])), image[0][3], image[2] or 0, low, min(epilogue.high, INT8[1])
    )


_READERS = {
    **dict.fromkeys(CONVOLUTIONS, _read_conv2d),
    **dict.fromkeys(DEPTHWISE, _read_depthwise),
    **dict.fromkeys(MATMULS, _read_matmul),
    SUM_POOL: _read_sum_pool,
    MAX_POOL: _read_max_pool,
}


def _read_elementwise(op: ir.OpView, inputs: Sequence[ir.Value]) -> Elementwise | None:
    shape = shape_of(op.results[0])
    block = op.regions[0].blocks[0]
    if not match.is_parallel(op) or not all(can_vectorise(each) for each in block.operations):
        return None
    operands: list[int | np.ndarray] = []
    for operand, map in zip(op.operands[:-1], match.indexing_maps(op)):
        source, array = _behind_reshapes(operand), constant_array(operand)
        if array is not None and match.is_trailing(map) and array.size in (1, shape[-1]):
            operands.append(array)
        elif source in inputs and match.is_identity(map) and match.is_int8(operand):
            operands.append(list(inputs).index(source))
        else:
            return None
    # Every input must be read, and only the last map may write.
    if {each for each in operands if isinstance(each, int)} != set(range(len(inputs))):
        return None
    if not match.is_identity(match.indexing_maps(op)[-1]) or _captures_values(block):
        return None
    return Elementwise(
        int(np.prod(shape[:-1])), shape[-1], len(inputs), block, tuple(operands), shape[1] if len(shape) >= 4 else 1
    )


def _captures_values(block: ir.Block) -> bool:
    """Whether the body reads something from outside that is no integer constant, or its own output."""
    own = {result for op in block.operations for result in op.results} | set(list(block.arguments)[:-1])
    outside = [value for op in block.operations for value in op.operands if value not in own]
    return any(constant_int(value) is None for value in outside)


def wrap(values: np.ndarray) -> np.ndarray:
    """int64 to int32 as 32-bit addition wraps."""
    return values.astype(np.int64).astype(np.uint32).view(np.int32) if values.size else values.astype(np.int32)
