"""Small TOSA models as text, in the styles that exporters write: 8-bit activations, 32-bit sums, rescales between.

`Text` collects the body of one function; a method adds a layer and returns its value. Random numbers come from a seed,
scales are such that outputs neither saturate nor vanish.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Value = tuple[str, tuple[int, ...], str]  # name, shape, element type


class Text:
    """One function `@main` under construction."""

    def __init__(self, *inputs: tuple[int, ...], seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.lines: list[str] = []
        self.inputs: list[Value] = [(f"%in{number}", shape, "i8") for number, shape in enumerate(inputs)]

    def op(self, text: str, operands: list[Value], shape: tuple[int, ...], element: str = "i8", **given: str) -> Value:
        """`tosa.TEXT` on the operands; `given` are its attributes."""
        name = f"%{len(self.lines)}"
        attributes = ", ".join(f"{key} = {value}" for key, value in given.items())
        types = ", ".join(kind(each) for each in operands)
        names = ", ".join(each[0] for each in operands)
        result = (name, shape, element)
        braces = f" {{{attributes}}}" if attributes else ""
        self.lines.append(f"{name} = tosa.{text} {names}{braces} : ({types}) -> {kind(result)}")
        return result

    def const(self, values: np.ndarray | list[int], element: str) -> Value:
        array = np.atleast_1d(np.asarray(values))
        result = (f"%{len(self.lines)}", array.shape, element)
        dense = f"dense<{array.tolist()}> : {kind(result)}"
        self.lines.append(f'{result[0]} = "tosa.const"() <{{values = {dense}}}> : () -> {kind(result)}')
        return result

    def rescale(
        self, x: Value, factor: float | np.ndarray, zeros: tuple[int, int], to: str = "i8", rounding: str = "SINGLE"
    ) -> Value:
        """Multiply by `factor`, a number or one for each channel, between zero points `zeros`."""
        factors = np.atleast_1d(factor)
        exponents = np.ceil(np.log2(factors)).astype(int)
        multipliers = np.round(factors / 2.0**exponents * 2**31).astype(np.int64).clip(max=2**31 - 1)
        operands = [self.const(multipliers, "i32"), self.const(31 - exponents, "i8")]
        operands += [self.const([zero], element) for zero, element in zip(zeros, (x[2], to))]
        return self.op(
            "rescale", [x, *operands], x[1], to, input_unsigned="false", output_unsigned="false", scale32="true",
            per_channel="true" if len(factors) > 1 else "false", rounding_mode=f"{rounding}_ROUND",
        )  # fmt: skip

    def conv(self, x: Value, filters: int, kernel: int = 3, stride: int = 1, rounding: str = "SINGLE") -> Value:
        """A convolution with padding of the half kernel and one scale for each filter."""
        _, rows, columns, channels = x[1]
        weights = self.random.integers(-127, 128, (filters, kernel, kernel, channels))
        bias = self.random.integers(-900, 900, filters)
        shape = (1, *(_count(size, kernel, stride) for size in (rows, columns)), filters)
        operands = [
            x,
            self.const(weights, "i8"),
            self.const(bias, "i32"),
            self.const([-5], "i8"),
            self.const([0], "i8"),
        ]
        sums = self.op("conv2d", operands, shape, "i32", acc_type="i32", **_window(kernel, stride, rows, columns))
        factor = self.random.uniform(0.5, 1.0, filters) / (60 * kernel * np.sqrt(channels))
        return self.rescale(sums, factor, (0, 7), rounding=rounding)

    def depthwise(self, x: Value, kernel: int = 3, stride: int = 1) -> Value:
        _, rows, columns, channels = x[1]
        weights = self.random.integers(-127, 128, (kernel, kernel, channels, 1))
        bias = self.random.integers(-900, 900, channels)
        shape = (1, *(_count(size, kernel, stride) for size in (rows, columns)), channels)
        operands = [x, self.const(weights, "i8"), self.const(bias, "i32"), self.const([9], "i8"), self.const([0], "i8")]
        window = _window(kernel, stride, rows, columns)
        sums = self.op("depthwise_conv2d", operands, shape, "i32", acc_type="i32", **window)
        return self.rescale(sums, self.random.uniform(0.5, 1.0, channels) / (60 * kernel), (0, -3), rounding="DOUBLE")

    def add(self, x: Value, y: Value, name: str = "add") -> Value:
        """Two tensors of other scales, brought to a common one with 20 bits to spare."""
        left = self.rescale(x, 2.0**10 * 0.7, (3, 0), "i32")
        right = self.rescale(y, 2.0**10 * 0.4, (-6, 0), "i32")
        return self.rescale(self.op(name, [left, right], x[1], "i32"), 2.0**-10 * 0.8, (0, 1))

    def mul(self, x: Value, y: Value) -> Value:
        wide = [self.rescale(each, 1.0, (2, 0), "i32") for each in (x, y)]
        return self.rescale(self.op("mul", [*wide, self.const([0], "i8")], x[1], "i32"), 0.01, (0, 0))

    def pool(self, x: Value, name: str, kernel: int, stride: int) -> Value:
        _, rows, columns, channels = x[1]
        shape = (1, (rows - kernel) // stride + 1, (columns - kernel) // stride + 1, channels)
        given = dict(kernel=_array(kernel, kernel), stride=_array(stride, stride), pad=_array(0, 0, 0, 0))
        if name == "max_pool2d":
            return self.op(name, [x], shape, **given)
        zeros = [self.const([4], "i8"), self.const([4], "i8")]
        return self.op(name, [x, *zeros], shape, acc_type="i32", **given)

    def table(self, x: Value) -> Value:
        """Any function of a byte."""
        return self.op("table", [x, self.const(self.random.integers(-128, 128, 256), "i8")], x[1])

    def clamp(self, x: Value, low: int, high: int) -> Value:
        return self.op("clamp", [x], x[1], min_val=f"{low} : i8", max_val=f"{high} : i8")

    def mean(self, x: Value) -> Value:
        """Over rows and columns: two sums between rescales."""
        _, rows, columns, channels = x[1]
        wide = self.rescale(x, 1.0, (4, 0), "i32")
        by_rows = self.op("reduce_sum", [wide], (1, 1, columns, channels), "i32", axis="1 : i32")
        total = self.op("reduce_sum", [by_rows], (1, 1, 1, channels), "i32", axis="2 : i32")
        return self.rescale(total, 1.7 / (rows * columns), (0, -8))

    def softmax(self, x: Value) -> Value:
        """Over the last axis in 32 bits: the maximum, a table of powers, their sum, a reciprocal by Newton's method."""
        rows = (*x[1][:-1], 1)
        highest = self.op("reduce_max", [x], rows, axis=f"{len(x[1]) - 1} : i32")
        below = [self.rescale(each, 1.0, (0, 0), "i32") for each in (x, highest)]
        powers = np.round(2**20 * np.exp(-0.05 * np.arange(256))).astype(int)
        depth = self.rescale(self.op("sub", below, x[1], "i32"), 1.0, (0, 127))  # saturates where the power is zero
        found = self.op("table", [depth, self.const(np.clip(powers[::-1] >> 13, 0, 127), "i8")], x[1])
        wide = self.rescale(found, 1.0, (0, 0), "i32")
        total = self.op("reduce_sum", [wide], rows, "i32", axis=f"{len(x[1]) - 1} : i32")
        share = self.op("intdiv", [self.scaled(wide, 250), total], x[1], "i32")
        return self.rescale(share, 1.0, (0, -128))

    def scaled(self, x: Value, factor: int) -> Value:
        """Times a number."""
        number = self.const(np.full((1,) * len(x[1]), factor), "i32")
        return self.op("mul", [x, number, self.const([0], "i8")], x[1], "i32")

    def transpose(self, x: Value, *order: int) -> Value:
        return self.op(
            "transpose", [x], tuple(x[1][axis] for axis in order), perms=f"array<i32: {', '.join(map(str, order))}>"
        )

    def reshape(self, x: Value, *shape: int) -> Value:
        name = f"%{len(self.lines)}"
        sizes = f"dense<{list(shape)}> : tensor<{len(shape)}xindex>"
        self.lines.append(f"{name} = tosa.const_shape {{values = {sizes}}} : () -> !tosa.shape<{len(shape)}>")
        result = (f"%{len(self.lines)}", shape, x[2])
        types = f"({kind(x)}, !tosa.shape<{len(shape)}>) -> {kind(result)}"
        self.lines.append(f"{result[0]} = tosa.reshape {x[0]}, {name} : {types}")
        return result

    def concat(self, *values: Value) -> Value:
        shape = (*values[0][1][:-1], sum(each[1][-1] for each in values))
        return self.op("concat", list(values), shape, axis=f"{len(shape) - 1} : i32")

    def returning(self, *results: Value) -> str:
        """The module."""
        arguments = ", ".join(f"{each[0]}: {kind(each)}" for each in self.inputs)
        types, names = ", ".join(map(kind, results)), ", ".join(each[0] for each in results)
        body = "\n  ".join((*self.lines, f"return {names} : {types}"))
        return f"func.func @main({arguments}) -> ({types}) {{\n  {body}\n}}\n"


def kind(value: Value) -> str:
    """The type of a value."""
    return f"tensor<{'x'.join((*map(str, value[1]), value[2]))}>"


def _count(size: int, kernel: int, stride: int) -> int:
    return (size + 2 * (kernel // 2) - kernel) // stride + 1


def _window(kernel: int, stride: int, rows: int, columns: int) -> dict[str, str]:
    """Padding of the half kernel, cut at the end where the stride does not reach: TOSA demands that it divides."""
    pads = []
    for size in (rows, columns):
        before = kernel // 2
        rest = (size + 2 * before - kernel) % stride
        pads += [before, before - rest]
    return dict(pad=_array(*pads), stride=_array(stride, stride), dilation=_array(1, 1))


def _array(*numbers: int) -> str:
    return f"array<i64: {', '.join(map(str, numbers))}>"


def _one(make: Callable[[Text, Value], Value], *shape: int) -> Callable[[], str]:
    """A model of one input and one layer."""

    def write() -> str:
        text = Text(shape or (1, 8, 8, 8))
        return text.returning(make(text, text.inputs[0]))

    return write


def _two(make: Callable[[Text, Value, Value], Value]) -> Callable[[], str]:
    def write() -> str:
        text = Text((1, 6, 6, 4), (1, 6, 6, 4))
        return text.returning(make(text, *text.inputs))

    return write


def _exported(text: Text, x: Value) -> Value:
    """A network in the style of PyTorch's exporter: channels first outside, a table in the middle, a mean, a layer."""
    image = text.transpose(x, 0, 2, 3, 1)
    start = text.conv(image, 8, stride=2)
    middle = text.table(text.conv(text.depthwise(start), 8, kernel=1))
    pooled = text.mean(text.add(start, middle))
    return text.reshape(text.conv(pooled, 4, kernel=1), 1, 4)


MODELS: dict[str, Callable[[], str]] = {
    "conv2d": _one(lambda t, x: t.conv(x, 12)),
    "conv2d_double_round": _one(lambda t, x: t.conv(x, 12, rounding="DOUBLE")),
    "conv2d_stride_2": _one(lambda t, x: t.conv(x, 6, stride=2)),
    "conv2d_5x5": _one(lambda t, x: t.conv(x, 5, kernel=5), 1, 9, 7, 3),
    "conv2d_pointwise": _one(lambda t, x: t.conv(x, 16, kernel=1)),
    "depthwise": _one(lambda t, x: t.depthwise(x)),
    "depthwise_stride_2": _one(lambda t, x: t.depthwise(x, stride=2)),
    "add": _two(lambda t, x, y: t.add(x, y)),
    "sub": _two(lambda t, x, y: t.add(x, y, "sub")),
    "mul": _two(lambda t, x, y: t.mul(x, y)),
    "max_pool": _one(lambda t, x: t.pool(x, "max_pool2d", 2, 2)),
    "avg_pool": _one(lambda t, x: t.pool(x, "avg_pool2d", 4, 2)),
    "avg_pool_odd": _one(lambda t, x: t.pool(x, "avg_pool2d", 3, 1)),
    "mean": _one(lambda t, x: t.mean(x)),
    "rescale_single": _one(lambda t, x: t.rescale(x, 0.37, (3, -4))),
    "rescale_double": _one(lambda t, x: t.rescale(x, 0.37, (3, -4), rounding="DOUBLE")),
    "rescale_half": _one(lambda t, x: t.rescale(x, 0.5, (3, -4))),
    "rescale_half_double": _one(lambda t, x: t.rescale(x, 0.5, (3, -4), rounding="DOUBLE")),
    "rescale_above_one": _one(lambda t, x: t.rescale(x, 1.9, (3, -4), rounding="DOUBLE")),
    "table": _one(lambda t, x: t.table(x)),
    "clamp": _one(lambda t, x: t.clamp(x, -20, 90)),
    "softmax": _one(lambda t, x: t.softmax(x), 1, 10),
    "transpose": _one(lambda t, x: t.transpose(x, 0, 3, 1, 2)),
    "concat": _two(lambda t, x, y: t.concat(x, y)),
    "exported": _one(_exported, 1, 3, 16, 16),
}
