"""Print a function with one int8 layer in linalg; its constants are pseudo-random, the same at each call.

    layer.py KIND IMAGE [OPTION=VALUE]...

KIND is conv, depthwise or dense. Sizes are numbers with x between: `layer.py conv 4x5x8 filters=4 kernel=3x3 pad=1x1`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields

import numpy as np


@dataclass
class Layer:
    """`pad` is the halo at top and left; `end` that at bottom and right, the same if not given."""

    kind: str
    image: tuple[int, ...]
    filters: int = 0
    kernel: tuple[int, ...] = (1, 1)
    stride: tuple[int, ...] = (1, 1)
    dilation: tuple[int, ...] = (1, 1)
    pad: tuple[int, ...] = (0, 0)
    end: tuple[int, ...] | None = None
    halo: int = 0
    rounding: str = "DOUBLE_ROUND"
    shift: int = 40
    zero: int = -3
    low: int = -128
    high: int = 127
    largest: int = 127  # absolute value of a weight
    dead: int = 0  # first channels whose scale swallows every sum, beside a huge bias


def read_layer(kind: str, image: str, options: list[str]) -> Layer:
    values: dict[str, object] = {}
    types = {each.name: each.type for each in fields(Layer)}
    for option in options:
        name, value = option.split("=")
        kind_ = types[name]
        values[name] = read_numbers(value) if "tuple" in kind_ else int(value) if kind_ == "int" else value
    return Layer(kind, read_numbers(image), **values)


def read_numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("x")))


def show(array: np.ndarray, element: str) -> str:
    shape = "x".join(map(str, array.shape))
    return f"arith.constant dense<{array.tolist()}> : tensor<{shape}x{element}>"


def tensor(shape: tuple[int, ...], element: str) -> str:
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


def write_layer(layer: Layer) -> str:
    draw = np.random.default_rng(0)
    image = (1, *layer.image) if layer.kind != "dense" else layer.image
    channels = image[-1]
    outputs = channels if layer.kind == "depthwise" else layer.filters
    end = layer.pad if layer.end is None else layer.end
    padded = (image[0], *(size + a + b for size, a, b in zip(image[1:3], layer.pad, end)), channels)
    extent = [(k - 1) * d + 1 for k, d in zip(layer.kernel, layer.dilation)]
    result = (1, *((size - e) // s + 1 for size, e, s in zip(padded[1:3], extent, layer.stride)), outputs)
    shape, name = {
        "conv": ((outputs, *layer.kernel, channels), "conv_2d_nhwc_fhwc"),
        "depthwise": ((*layer.kernel, channels), "depthwise_conv_2d_nhwc_hwc"),
        "dense": ((channels, outputs), "matmul"),
    }[layer.kind]
    if layer.kind == "dense":
        padded, result = image, (image[0], outputs)
    weights = draw.integers(-layer.largest, layer.largest + 1, shape)
    bias = draw.integers(-500, 500, outputs)
    multiplier, shift = draw.integers(2**30, 2**31, outputs), np.full(outputs, layer.shift)
    bias[: layer.dead], shift[: layer.dead] = 2**29, 62
    dims = [f"d{number}" for number in range(len(result))]
    names = ", ".join(dims)
    every, last = f"affine_map<({names}) -> ({names})>", f"affine_map<({names}) -> ({dims[-1]})>"
    pairs = ((name, list(getattr(layer, name))) for name in ("dilation", "stride"))
    window = ", ".join(f"{name}s = dense<{pair}> : tensor<2xi64>" for name, pair in pairs)
    window = "" if layer.kind == "dense" else f" {{{window}}}"
    halo = "" if padded == image else f"""
  %halo = arith.constant {layer.halo} : i8
  %p = tensor.pad %x low[0, {layer.pad[0]}, {layer.pad[1]}, 0] high[0, {end[0]}, {end[1]}, 0] {{
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %halo : i8
  }} : {tensor(image, "i8")} to {tensor(padded, "i8")}"""  # fmt: skip
    source = "%p" if halo else "%x"
    parallel = ", ".join(['"parallel"'] * len(result))
    acc, bytes_ = tensor(result, "i32"), tensor(result, "i8")
    return f"""
func.func @layer(%x: {tensor(image, "i8")}) -> {bytes_} {{{halo}
  %zero = arith.constant {layer.zero} : i32
  %low = arith.constant {layer.low} : i32
  %high = arith.constant {layer.high} : i32
  %weights = {show(weights, "i8")}
  %bias = {show(bias, "i32")}
  %multipliers = {show(multiplier, "i32")}
  %shifts = {show(shift, "i8")}
  %words = tensor.empty() : {acc}
  %start = linalg.generic {{indexing_maps = [{last}, {every}], iterator_types = [{parallel}]}}
      ins(%bias : tensor<{outputs}xi32>) outs(%words : {acc}) {{
  ^bb0(%b: i32, %o: i32):
    linalg.yield %b : i32
  }} -> {acc}
  %acc = linalg.{name}{window}
      ins({source}, %weights : {tensor(padded, "i8")}, {tensor(shape, "i8")}) outs(%start : {acc}) -> {acc}
  %bytes = tensor.empty() : {bytes_}
  %y = linalg.generic {{indexing_maps = [{every}, {last}, {last}, {every}], iterator_types = [{parallel}]}}
      ins(%acc, %multipliers, %shifts : {acc}, tensor<{outputs}xi32>, tensor<{outputs}xi8>) outs(%bytes : {bytes_}) {{
  ^bb0(%a: i32, %m: i32, %shift: i8, %o: i8):
    %0 = tosa.apply_scale %a, %m, %shift {{rounding_mode = {layer.rounding}}} : (i32, i32, i8) -> i32
    %1 = arith.addi %0, %zero : i32
    %2 = arith.maxsi %1, %low : i32
    %3 = arith.minsi %2, %high : i32
    %4 = arith.trunci %3 : i32 to i8
    linalg.yield %4 : i8
  }} -> {bytes_}
  return %y : {bytes_}
}}
"""


if __name__ == "__main__":
    print(write_layer(read_layer(sys.argv[1], sys.argv[2], sys.argv[3:])))
