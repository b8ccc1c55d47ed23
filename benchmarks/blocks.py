"""The layers and blocks of `networks.py` as models with random weights: TOSA text, for the real compiler.

    write_block(networks.IMAGENET_BLOCKS["B5"], path)

Everything is quantised as converters do it, with zero points and one scale per output channel, so that compiled code is
what it would be with trained weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import networks
import numpy as np

ZERO_POINT = -3  # of every activation
SPREAD = 40  # standard deviation of a result, so that few of them are clamped


@dataclass(frozen=True)
class Value:
    """An SSA value of a function: an int8 image."""

    name: str
    shape: networks.Shape

    @property
    def type(self) -> str:
        return _type(self.shape, "i8")


@dataclass
class Function:
    """Collects the lines of one function."""

    image: networks.Shape
    lines: list[str] = field(default_factory=list)
    draw: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @property
    def input(self) -> Value:
        return Value("%image", self.image)

    def conv(self, source: Value, channels: int, kernel: int = 1, stride: int = 1) -> Value:
        shape = (channels, kernel, kernel, source.shape[2])
        return self._window("conv2d", source, channels, shape, kernel, stride, kernel * kernel * source.shape[2])

    def depthwise(self, source: Value, kernel: int, stride: int = 1) -> Value:
        channels = source.shape[2]
        shape = (kernel, kernel, channels, 1)
        return self._window("depthwise_conv2d", source, channels, shape, kernel, stride, kernel * kernel)

    def add(self, left: Value, right: Value) -> Value:
        wide = [self._rescale(each.name, each.shape, "i8", "i32", 2.0**20, ZERO_POINT, 0) for each in (left, right)]
        of = _type(left.shape, "i32")
        total = self._value(f"tosa.add {', '.join(wide)} : ({of}, {of}) -> {of}")
        return Value(self._rescale(total, left.shape, "i32", "i8", 2.0**-20 / 1.5, 0, ZERO_POINT), left.shape)

    def text(self, result: Value) -> str:
        body = "\n".join(f"  {line}" for line in self.lines)
        head = f"func.func @main(%image: {self.input.type}) -> {result.type} {{"
        return f"{head}\n{body}\n  return {result.name} : {result.type}\n}}\n"

    def _window(
        self, op: str, source: Value, channels: int, weights: tuple, kernel: int, stride: int, taps: int
    ) -> Value:
        rows, columns, _ = source.shape
        output = (-(-rows // stride), -(-columns // stride), channels)
        # As `networks` has it: half the window before the image, and after it what is left.
        ends = [(out - 1) * stride + kernel - size - kernel // 2 for out, size in zip(output, (rows, columns))]
        pads = f"{kernel // 2}, {ends[0]}, {kernel // 2}, {ends[1]}"
        values = self.draw.integers(-127, 128, weights).astype(np.int8)
        bias = self.draw.integers(-1000, 1000, channels).astype(np.int32)
        operands = [self._constant(each) for each in (values, bias, np.int8([ZERO_POINT]), np.int8([0]))]
        types = [_type(weights, "i8", 0), f"tensor<{channels}xi32>", "tensor<1xi8>", "tensor<1xi8>"]
        acc = self._value(
            f"tosa.{op} {', '.join((source.name, *operands))} {{acc_type = i32, dilation = array<i64: 1, 1>, "
            f"pad = array<i64: {pads}>, stride = array<i64: {stride}, {stride}>}} "
            f": ({', '.join((source.type, *types))}) -> {_type(output, 'i32')}"
        )
        scale = SPREAD / (74 * 74 * math.sqrt(taps)) * self.draw.uniform(0.7, 1.4, channels)
        return Value(self._rescale(acc, output, "i32", "i8", scale, 0, ZERO_POINT), output)

    def _rescale(
        self,
        source: str,
        shape: networks.Shape,
        before: str,
        after: str,
        scale: float | np.ndarray,
        zero: int,
        result_zero: int,
    ) -> str:
        fraction, exponent = np.frexp(np.atleast_1d(scale))
        points = [np.array([each], _DTYPES[of]) for each, of in ((zero, before), (result_zero, after))]
        multiplier = np.minimum(np.round(fraction * 2**31), 2**31 - 1)
        tables = [multiplier.astype(np.int32), (31 - exponent).astype(np.int8), *points]
        count = tables[0].size
        kinds = f"tensor<{count}xi32>, tensor<{count}xi8>, tensor<1x{before}>, tensor<1x{after}>"
        return self._value(
            f"tosa.rescale {', '.join((source, *map(self._constant, tables)))} {{input_unsigned = false, "
            f"output_unsigned = false, per_channel = {str(count > 1).lower()}, rounding_mode = DOUBLE_ROUND, "
            f"scale32 = true}} : ({_type(shape, before)}, {kinds}) -> {_type(shape, after)}"
        )

    def _constant(self, array: np.ndarray) -> str:
        of = f"tensor<{'x'.join(map(str, array.shape))}xi{8 * array.itemsize}>"
        same = array.size == 1
        values = str(array.item()) if same else f'"0x{np.ascontiguousarray(array).tobytes().hex().upper()}"'
        return self._value(f'"tosa.const"() <{{values = dense<{values}> : {of}}}> : () -> {of}')

    def _value(self, op: str) -> str:
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = {op}")
        return name


_DTYPES = {"i8": np.int8, "i32": np.int32}


def write_pointwise(side: int, inputs: int, outputs: int, path: Path) -> Path:
    """One pointwise convolution, as `networks.pointwise`."""
    function = Function((side, side, inputs))
    path.write_text(function.text(function.conv(function.input, outputs)))
    return path


def write_block(block: networks.Bottleneck, path: Path) -> Path:
    """One block, as `networks.bottleneck`."""
    function = Function((block.side, block.side, block.inputs))
    first, middle, last = block.strides
    x = function.conv(function.input, block.middle, 3 if first > 1 else 1, first)
    x = function.depthwise(x, block.kernel, middle)
    x = function.conv(x, block.outputs, 1, last)
    path.write_text(function.text(function.add(x, function.input) if block.is_residual else x))
    return path


def _type(shape: tuple[int, ...], element: str, batch: int = 1) -> str:
    return f"tensor<{'x'.join(map(str, (batch, *shape) if batch else shape))}x{element}>"
