"""Convolutions and poolings whose TOSA is written here, because the converter writes none that verifies, or crashes.

SAME padding with a window shorter than its stride never reads the last rows or columns. TOSA wants them cut off. The
converter does so where no axis is padded, and forgets it where the other axis is:

Before: CONV_2D of 6x5 pixels, window 1x3, stride 2x2: of the rows 0 to 5 the last one is not read, columns are padded
After:  `tosa.slice` to 5x5 pixels, `tosa.conv2d` with columns padded, `tosa.rescale`

Convolutions in groups have no bias in some files, at which the converter crashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir

from vmcu.frontends.tflite import schema, tosa
from vmcu.frontends.tflite.ends import ends, scale_of, zero_of
from vmcu.frontends.tflite.fixed_point import clamp_of, quantise_scale
from vmcu.frontends.tflite.model import Model, Operator
from vmcu.frontends.tflite.schema import operator_code as code
from vmcu.ir.build import i8, i32

_CONV, _DEPTHWISE = code("CONV_2D"), code("DEPTHWISE_CONV_2D")
_MAX_POOL, _AVERAGE_POOL = code("MAX_POOL_2D"), code("AVERAGE_POOL_2D")
#: Fields of options: the stride of columns, the fused activation, the dilation of columns. Those of rows come next.
_FIELDS = {_CONV: (1, 3, 4), _DEPTHWISE: (1, 4, 5), _MAX_POOL: (1, 5, None), _AVERAGE_POOL: (1, 5, None)}
WINDOWS = frozenset(_FIELDS)


@dataclass(frozen=True)
class Axis:
    """Windows along rows or columns.

    Args:
        size: of the input.
        window, stride, dilation: of the operator.
        pad: elements before and behind the input.
        read: how many of the input's elements windows reach.
    """

    size: int
    window: int
    stride: int
    dilation: int
    pad: tuple[int, int]
    read: int


def axes_of(model: Model, operator: Operator) -> tuple[Axis, Axis]:
    """How windows lie over the rows and over the columns, as LiteRT lays them."""
    first, _, dilation = _FIELDS[operator.code]
    strides = [operator.option(first + 1), operator.option(first)]
    if dilation is None:
        windows, dilations = [operator.option(4), operator.option(3)], [1, 1]
    else:
        windows = list(model.tensors[operator.inputs[1]].shape[1:3])
        dilations = [operator.option(dilation + 1, default=1), operator.option(dilation, default=1)]
    is_same = operator.option(0, "<b") == 0
    sizes = ends(model, operator)[0].shape[1:3]
    rows, columns = (_axis(is_same, *each) for each in zip(sizes, windows, strides, dilations))
    return rows, columns


def _axis(is_same: bool, size: int, window: int, stride: int, dilation: int) -> Axis:
    extent = (window - 1) * dilation + 1
    count = -(-(size if is_same else size - extent + 1) // stride)
    reach = (count - 1) * stride + extent
    missing = max(reach - size, 0)
    return Axis(size, window, stride, dilation, (missing // 2, missing - missing // 2), min(reach, size))


def needs_own_window(model: Model, operator: Operator) -> bool:
    """Whether the converter fails: at windows that leave out pixels while others hang over, or at groups without bias."""
    source, _ = ends(model, operator)
    if len(source.shape) != 4:
        return False
    if operator.code in (_CONV, _DEPTHWISE) and not _has_constant_weights(model, operator):
        return False
    axes = axes_of(model, operator)
    cuts = any(each.read < each.size for each in axes) and any(any(each.pad) for each in axes)
    return cuts or (operator.code == _CONV and _groups(model, operator) > 1 and _bias(model, operator) is None)


def _has_constant_weights(model: Model, operator: Operator) -> bool:
    weights, bias = model.tensors[operator.inputs[1]], _bias(model, operator)
    is_known = weights.type == schema.INT8 and weights.is_constant and weights.is_quantised
    return is_known and (bias is None or len(bias) == ends(model, operator)[1].shape[3])


def _groups(model: Model, operator: Operator) -> int:
    return ends(model, operator)[0].shape[3] // model.tensors[operator.inputs[1]].shape[3]


def _bias(model: Model, operator: Operator) -> np.ndarray | None:
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return None
    bias = model.tensors[operator.inputs[2]]
    return np.frombuffer(bias.data, np.int64 if bias.type == schema.INT64 else np.int32)


def write_window(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    """A convolution or pooling of the pixels that windows reach, of int8 or int16."""
    rows, columns = axes_of(model, operator)
    value = operands[0]
    batch, _, _, channels = value.type.shape
    value = tosa.slice(value, [0] * 4, [batch, rows.read, columns.read, channels])
    write = _pool if operator.code in (_MAX_POOL, _AVERAGE_POOL) else _convolution
    made = write(model, operator, value, (rows, columns))
    _, result = ends(model, operator)
    _, activation, _ = _FIELDS[operator.code]
    bounds = clamp_of(
        operator.option(activation, "<b"), scale_of(result), zero_of(result), schema.type_bits(result.type)
    )
    return made if bounds is None else tosa.clamp(made, *bounds)


def _integers(value: ir.Value) -> type:
    """The NumPy type of a tensor's elements."""
    return np.int8 if value.type.element_type == i8() else np.int16


def _placement(axes: Sequence[Axis]) -> dict[str, ir.Attribute]:
    return {
        "pad": tosa.whole([amount for each in axes for amount in each.pad]),
        "stride": tosa.whole([each.stride for each in axes]),
    }


def _pool(model: Model, operator: Operator, value: ir.Value, axes: Sequence[Axis]) -> ir.Value:
    kind = tosa.typed(model.tensors[operator.outputs[0]].shape, value.type.element_type)
    placed = {"kernel": tosa.whole([each.window for each in axes]), **_placement(axes)}
    if operator.code == _MAX_POOL:
        return tosa.op("max_pool2d", kind, (value,), **placed)
    none = tosa.constant(np.zeros(1, _integers(value)))
    return tosa.op("avg_pool2d", kind, (value, none, none), acc_type=ir.TypeAttr.get(i32()), **placed)


def _convolution(model: Model, operator: Operator, value: ir.Value, axes: Sequence[Axis]) -> ir.Value:
    """One convolution for each group, side by side; a depthwise one has one group."""
    source, result = ends(model, operator)
    weights = model.tensors[operator.inputs[1]]
    taps = np.frombuffer(weights.data, np.int8).reshape(weights.shape)
    is_depthwise = operator.code == _DEPTHWISE
    if is_depthwise:
        taps = taps.reshape(*weights.shape[1:3], source.shape[3], -1)
    bias = _bias(model, operator)
    filters = result.shape[3]
    bias = np.zeros(filters, np.int32) if bias is None else bias
    is_wide = source.type == schema.INT16
    ratios = np.float64(scale_of(source)) * weights.scales.astype(np.float64) / np.float64(scale_of(result))
    scales = [quantise_scale(float(each)) for each in np.broadcast_to(ratios, filters)]
    groups = 1 if is_depthwise else _groups(model, operator)
    depth, parts = source.shape[3] // groups, []
    for group in range(groups):
        chosen = slice(group * filters // groups, (group + 1) * filters // groups)
        pixels = tosa.slice(value, [0, 0, 0, group * depth], [*value.type.shape[:3], depth])
        name = "depthwise_conv2d" if is_depthwise else "conv2d"
        kind = tosa.typed([*result.shape[:3], filters // groups], ir.IntegerType.get_signless(48 if is_wide else 32))
        operands = (pixels, taps if is_depthwise else taps[chosen], bias[chosen])
        sums = _sums(name, kind, operands, zero_of(source), axes)
        if is_wide:
            parts.append(tosa.rescale_sums(sums, scales[chosen]))
            continue
        multipliers, shifts = zip(*scales[chosen])
        parts.append(tosa.rescale(sums, i8(), (multipliers, shifts), result=zero_of(result), twice=True))
    return tosa.concat(parts, 3)


def _sums(
    name: str, kind: ir.Type, operands: tuple[ir.Value, np.ndarray, np.ndarray], zero_point: int, axes: Sequence[Axis]
) -> ir.Value:
    pixels, taps, bias = operands
    kinds = (_integers(pixels), np.int8)
    zero_points = [tosa.constant(np.array([each], of)) for each, of in zip((zero_point, 0), kinds)]
    numbers = tosa.constant(bias) if kinds[0] is np.int8 else tosa.sums(bias)
    given = {**_placement(axes), "dilation": tosa.whole([each.dilation for each in axes])}
    values = (pixels, tosa.constant(taps), numbers, *zero_points)
    return tosa.op(name, kind, values, acc_type=ir.TypeAttr.get(kind.element_type), **given)
