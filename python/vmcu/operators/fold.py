"""Writing a convolution's body anew with its quantisation constants folded.

A convolution that was read as data has the input's zero point, and whatever the epilogue added, in its bias. Its body
becomes: bias, plain integer convolution of the same padded image, requantisation. Other kernels keep their bodies.
"""

from __future__ import annotations

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.clone import clone_into
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.depthwise import Depthwise
from vmcu.operators.match import op_name, shape_of

_FOLDED = """
#row = affine_map<(d0, d1, d2, d3) -> (d3)>
#pixel = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @body(%image: {image}, %weights: {weights}, %bias: {bias}, %multiplier: {multiplier}, %shift: {shift})
    -> {result} {{
  %empty = tensor.empty() : {acc}
  %start = linalg.broadcast ins(%bias : {bias}) outs(%empty : {acc}) dimensions = [0, 1, 2]
  %acc = {anchor} {{dilations = dense<{dilation}> : tensor<2xi64>, strides = dense<{stride}> : tensor<2xi64>}}
      ins(%image, %weights : {image}, {weights}) outs(%start : {acc}) -> {acc}
  %out = tensor.empty() : {output}
  %result = linalg.generic {{indexing_maps = [#pixel, #row, #row, #pixel],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}}
      ins(%acc, %multiplier, %shift : {acc}, {multiplier}, {shift}) outs(%out : {output}) {{
  ^bb0(%a: i32, %m: i32, %s: i8, %o: i8):
    %zero_point = arith.constant {requant.zero_point} : i32
    %low = arith.constant {requant.min} : i32
    %high = arith.constant {requant.max} : i32
    %scaled = tosa.apply_scale %a, %m, %s {{rounding_mode = {rounding}}} : (i32, i32, i8) -> i32
    %moved = arith.addi %scaled, %zero_point : i32
    %above = arith.maxsi %moved, %low : i32
    %inside = arith.minsi %above, %high : i32
    %byte = arith.trunci %inside : i32 to i8
    linalg.yield %byte : i8
  }} -> {output}
  {reshape}
  return %{name} : {result}
}}
"""
# A depthwise anchor may end in [.., channels, multiplier].
_SPLIT = "%split = tensor.expand_shape %result [[0], [1], [2], [3, 4]] output_shape {shape} : {output} into {result}"


def write_folded(kernel: d.DescribedKernel, description: object) -> None:
    """Replace the body of `kernel` by the folded form of `description`, if that kind of kernel has one."""
    block = kernel.body.blocks[0]
    anchor = next((op for op in block.operations if "conv_2d" in op_name(op)), None)
    if anchor is None or not isinstance(description, (Conv2D, Depthwise)):
        return
    terminator = block.operations[len(block.operations) - 1]
    yielded = terminator.operands[0]
    weights = _weights(description)
    template = ir.Module.parse(_fill(description, shape_of(anchor.operands[0]), shape_of(yielded)))
    body = template.body.operations[0]
    inner = list(body.regions[0].blocks[0].operations)
    channels = len(description.bias)
    tables = [np.broadcast_to(each, channels) for each in (description.requant.multiplier, description.requant.shift)]
    with kernel.location, ir.InsertionPoint(terminator):
        constants = [build.flash(each) for each in (weights, description.bias, *tables)]
        mapping = dict(zip(body.arguments, [anchor.operands[0], *constants]))
        clone_into(inner[:-1], mapping)
    terminator.operands[0] = mapping[inner[-1].operands[0]]
    _erase_dead(block)


def _weights(description: Conv2D | Depthwise) -> np.ndarray:
    """With one weight for each channel, where one for all is enough for the kernel."""
    shape = description.weights.shape
    if isinstance(description, Depthwise) and shape[2] == 1:
        return np.broadcast_to(description.weights, (*shape[:2], description.channels))
    return description.weights


def _fill(description: Conv2D | Depthwise, image: tuple[int, ...], output: tuple[int, ...]) -> str:
    weights, channels = _weights(description), len(description.bias)
    depthwise = isinstance(description, Depthwise)
    result, output = output, (*output[:3], channels)
    split = _SPLIT.format(shape=list(result), output=_type(output, 8), result=_type(result, 8))
    return _FOLDED.format(
        result=_type(result, 8),
        reshape=split if len(result) == 5 else "",
        name="split" if len(result) == 5 else "result",
        anchor="linalg.depthwise_conv_2d_nhwc_hwc" if depthwise else "linalg.conv_2d_nhwc_fhwc",
        image=_type(image, 8),
        weights=_type(weights.shape, 8),
        bias=_type((channels,), 32),
        multiplier=_type((channels,), 32),
        shift=_type((channels,), 8),
        acc=_type(output, 32),
        output=_type(output, 8),
        dilation=list(description.window.dilation),
        stride=list(description.window.stride),
        requant=description.requant,
        rounding=f"{description.requant.rounding.upper()}_ROUND",
    )


def _type(shape: tuple[int, ...], width: int) -> str:
    return f"tensor<{'x'.join(map(str, shape))}xi{width}>"


def _erase_dead(block: ir.Block) -> None:
    for op in reversed(list(block.operations)[:-1]):
        if not any(list(result.uses) for result in op.operation.results):
            op.operation.erase()
