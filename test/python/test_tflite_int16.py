"""Networks of int16 activations and int8 weights equal LiteRT's reference kernels, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import tiny_tflite as tiny
from emulated import check_model
from test_reference import check_against_litert, litert
from vmcu.driver.compilation import Compilation
from vmcu.errors import Unsupported
from vmcu.frontends import load

SHORT = np.int16
UNIT = 1 / 32768  # the scale of LOGISTIC, TANH and SOFTMAX
Build = Callable[[Path], Path]


class Net:
    """A network of int16 under construction: each method adds a layer and returns its result."""

    def __init__(self, shape: tuple[int, ...], scale: float = 4e-4, seed: int = 0, dtype: type = SHORT):
        self.graph, self.draw = tiny.Graph(), np.random.default_rng(seed)
        self.sources = [self.add(shape, scale, dtype)]

    def add(self, shape: tuple[int, ...], scale: float | None, dtype: type = SHORT, zero_point: int = 0) -> int:
        name = f"t{len(self.graph.tensors)}"
        return self.graph.tensor(name, shape, scale=scale, zero_point=zero_point, dtype=dtype)

    def shape(self, x: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[x].shape)

    def scale(self, x: int) -> float:
        return float(self.graph.tensors[x].quantization.scale[0])

    def op(
        self, code: str, inputs: list[int], shape: tuple[int, ...] | None = None, scale: float | None = None,
        options: str | None = None, **fields: object,
    ) -> int:  # fmt: skip
        """An operator whose result has the shape and the scale of its first input, unless others are given."""
        y = self.add(shape or self.shape(inputs[0]), scale or self.scale(inputs[0]))
        self.graph.op(code, inputs, [y], options, **fields)
        return y

    def weights(self, shape: tuple[int, ...], axis: int, scale: float, *, bias: bool, per_channel: bool) -> list[int]:
        filters = shape[axis]
        scales = self.draw.uniform(0.002, 0.01, filters) if per_channel else np.full(1, 0.006)
        values = self.draw.integers(-127, 128, shape).astype(np.int8)
        found = [self.graph.const(f"w{len(self.graph.tensors)}", values, scale=scales, channel_axis=axis)]
        if bias:
            numbers = self.draw.integers(-90000, 90000, filters).astype(np.int64)
            found.append(self.graph.const(f"b{len(self.graph.tensors)}", numbers, scale=scales * scale))
        return found

    def conv(
        self, x: int, filters: int, kernel: tuple[int, int] = (3, 3), stride: tuple[int, int] = (1, 1), *,
        depthwise: bool = False, scale: float = 2e-3, activation: int = 0, dilation: int = 1, bias: bool = True,
        groups: int = 1,
    ) -> int:  # fmt: skip
        """A convolution with SAME padding; a depthwise one has `filters` for each channel."""
        _, rows, columns, channels = self.shape(x)
        sizes = [-(-size // step) for size, step in zip((rows, columns), stride)]
        count = channels * filters if depthwise else filters
        shape = (1, *kernel, count) if depthwise else (filters, *kernel, channels // groups)
        inputs = [x, *self.weights(shape, 3 if depthwise else 0, self.scale(x), bias=bias, per_channel=True)]
        kind = "DepthwiseConv2D" if depthwise else "Conv2D"
        fields = dict(
            padding=0, strideH=stride[0], strideW=stride[1], dilationHFactor=dilation, dilationWFactor=dilation,
            fusedActivationFunction=activation,
        )  # fmt: skip
        if depthwise:
            fields["depthMultiplier"] = filters
        code = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self.op(code, inputs, (1, *sizes, count), scale, f"{kind}Options", **fields)

    def dense(self, x: int, outputs: int, scale: float = 3e-3, *, bias: bool = True, activation: int = 0) -> int:
        depth = self.shape(x)[-1]
        inputs = [x, *self.weights((outputs, depth), 0, self.scale(x), bias=bias, per_channel=False)]
        rows = math.prod(self.shape(x)) // depth
        return self.op(
            "FULLY_CONNECTED", inputs, (rows, outputs), scale, "FullyConnectedOptions",
            fusedActivationFunction=activation,
        )  # fmt: skip

    def pool(self, x: int, kind: str, window: tuple[int, int], stride: int, *, activation: int = 0) -> int:
        _, rows, columns, channels = self.shape(x)
        return self.op(
            f"{kind}_POOL_2D", [x], (1, -(-rows // stride), -(-columns // stride), channels), None, "Pool2DOptions",
            padding=0, strideH=stride, strideW=stride, filterHeight=window[0], filterWidth=window[1],
            fusedActivationFunction=activation,
        )  # fmt: skip

    def softmax(self, x: int) -> int:
        return self.op("SOFTMAX", [x], None, UNIT, "SoftmaxOptions", beta=1.0)

    def binary(self, code: str, x: int, z: int, scale: float, activation: int = 0) -> int:
        options = f"{code.capitalize()}Options"
        return self.op(code, [x, z], None, scale, options, fusedActivationFunction=activation)

    def reshape(self, x: int, shape: tuple[int, ...]) -> int:
        sizes = self.graph.const(f"s{len(self.graph.tensors)}", np.array(shape, np.int32))
        return self.op("RESHAPE", [x, sizes], shape, None, "ReshapeOptions", newShape=list(shape))

    def mean(self, x: int, axes: list[int], shape: tuple[int, ...], scale: float, *, keep: bool = False) -> int:
        at = self.graph.const(f"a{len(self.graph.tensors)}", np.array(axes, np.int32))
        return self.op("MEAN", [x, at], shape, scale, "ReducerOptions", keepDims=keep)

    def write(self, path: Path, *results: int) -> Path:
        return self.graph.write(path, self.sources, list(results))


def images(path: Path) -> Path:
    """Convolutions, a depthwise one, a residual addition, a mean, a dense layer and a softmax."""
    net = Net((1, 9, 7, 3))
    x = net.conv(net.sources[0], 8, stride=(2, 2), activation=1)
    y = net.conv(net.conv(x, 1, depthwise=True, activation=3), 8, (1, 1))
    z = net.binary("ADD", x, y, 1.7e-3, activation=1)
    flat = net.mean(z, [1, 2], (1, 8), 1e-3)
    return net.write(path, net.softmax(net.dense(flat, 5)))


def gates(path: Path) -> Path:
    """What a gated layer computes: TANH times LOGISTIC, of one input, less a part of it."""
    net = Net((1, 11, 5), scale=3e-4)
    x = net.sources[0]
    left, right = net.op("TANH", [x], None, UNIT), net.op("LOGISTIC", [x], None, UNIT)
    product = net.binary("MUL", left, right, 2.5e-5)
    bent = net.op("LEAKY_RELU", [x], None, 2e-4, "LeakyReluOptions", alpha=0.2)
    return net.write(path, net.binary("SUB", bent, product, 3e-4))


def sounds(path: Path) -> Path:
    """A spectrogram: a dilated convolution, both poolings side by side, joined."""
    net = Net((1, 13, 6, 1), scale=1e-3)
    x = net.conv(net.sources[0], 4, (5, 1), dilation=2, scale=4e-3)
    sides = [net.pool(x, kind, (3, 2), 2) for kind in ("MAX", "AVERAGE")]
    _, rows, columns, channels = net.shape(sides[0])
    joined = net.op("CONCATENATION", sides, (1, rows, columns, 2 * channels), None, "ConcatenationOptions", axis=3)
    return net.write(path, net.reshape(joined, (1, rows * columns * 2 * channels)))


def bytes_around(path: Path) -> Path:
    """int8 at both ends and in the first layer, int16 between."""
    net = Net((1, 6, 5, 4), scale=0.05, dtype=np.int8)
    net.graph.tensors[0].quantization.zeroPoint = np.array([-7], np.int64)
    x = net.op("QUANTIZE", net.sources, None, 1.9e-4, "QuantizeOptions")
    y = net.op("TANH", [net.conv(x, 6, scale=7e-4)], None, UNIT)
    narrow = net.add(net.shape(y), 1 / 128, np.int8, 3)
    net.graph.op("QUANTIZE", [y], [narrow], "QuantizeOptions")
    return net.write(path, narrow)


def sequences(path: Path) -> Path:
    """A layer on each step of a sequence, without a bias; a mean over steps; its difference to each of them."""
    net = Net((1, 7, 9), scale=2e-3)
    steps = net.reshape(net.dense(net.reshape(net.sources[0], (7, 9)), 6, bias=False, activation=1), (1, 7, 6))
    middle = net.mean(steps, [1], (1, 1, 6), 2e-3, keep=True)
    return net.write(path, net.binary("SUB", steps, middle, 4e-3))


NETWORKS: dict[str, Build] = {each.__name__: each for each in (images, gates, sounds, bytes_around, sequences)}


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, tmp_path: Path) -> None:
    check_model(NETWORKS[name](tmp_path / "model.tflite"))


def test_sums_are_not_in_the_pool(tmp_path: Path) -> None:
    """Of a convolution: its input, the same with its halo, and its result."""
    net = Net((1, 6, 5, 4))
    path = net.write(tmp_path / "model.tflite", net.conv(net.sources[0], 6))
    assert Compilation(path, "cortex-m4").finish().pool_bytes == 2 * (6 * 5 * 4 + 8 * 7 * 4 + 6 * 5 * 6)


def layer(make: Callable[[Net, int], int], shape: tuple[int, ...] = (1, 5, 3, 7), scale: float = 4e-4) -> Build:
    def build(path: Path) -> Path:
        net = Net(shape, scale)
        return net.write(path, make(net, net.sources[0]))

    return build


def two(code: str, right: tuple[int, ...], scales: tuple[float, float, float], activation: int = 0) -> Build:
    def build(path: Path) -> Path:
        net = Net((1, 5, 3, 7), scales[0])
        net.sources.append(net.add(right, scales[1]))
        return net.write(path, net.binary(code, *net.sources, scales[2], activation))

    return build


def conv(*arguments: object, **more: object) -> Callable[[Net, int], int]:
    return lambda net, x: net.conv(x, *arguments, **more)  # type: ignore[arg-type]


def plain(code: str, scale: float | None = None, options: str | None = None, **fields: object):  # noqa: ANN201
    return lambda net, x: net.op(code, [x], None, scale, options, **fields)


SCALES = {"pot": 2.0**-12, "pot_twice": 2.0**-11, "fine": 3e-5, "odd": 7.3e-4, "coarse": 0.04}
PAIRS = {
    "unequal": (3e-4, 7e-4, 5e-4), "powers": (2**-12, 2**-13, 2**-12), "powers_apart": (2**-15, 2**-12, 2**-12),
    "apart": (1e-2, 1e-5, 3e-3), "narrow": (1e-3, 2e-3, 2e-4),
}  # fmt: skip
LAYERS: dict[str, Build] = {
    **{f"{code.lower()}_{name}": layer(plain(code, UNIT), scale=scale)
       for code in ("LOGISTIC", "TANH") for name, scale in SCALES.items()},
    **{f"softmax_{name}": layer(lambda net, x: net.softmax(x), scale=scale) for name, scale in SCALES.items()},
    **{f"{code.lower()}_{name}": two(code, (1, 5, 3, 7), scales)
       for code in ("ADD", "SUB", "MUL") for name, scales in PAIRS.items()},
    "add_row_relu6": two("ADD", (1, 1, 1, 7), PAIRS["unequal"], activation=3),
    "mul_column": two("MUL", (1, 5, 1, 1), PAIRS["unequal"]),
    **{f"{code.lower()}_{scale}": layer(plain(code, scale)) for code in ("RELU", "RELU6") for scale in (4e-4, 1.3e-4, 2e-3)},
    **{f"leaky_{slope}": layer(plain("LEAKY_RELU", 3e-4, "LeakyReluOptions", alpha=slope)) for slope in (0.3, -0.4, 1.7)},
    **{f"{kind.lower()}_pool_{activation}": layer(lambda net, x, kind=kind, activation=activation: net.pool(
        x, kind, (3, 2), 2, activation=activation)) for kind in ("MAX", "AVERAGE") for activation in (0, 1, 3)},
    "conv_odd": layer(conv(5, (3, 2), (2, 1)), (1, 7, 9, 3)),
    "conv_dilated_relu": layer(conv(4, dilation=2, activation=1), (1, 9, 8, 2)),
    "conv_pointwise_fine": layer(conv(3, (1, 1), scale=1e-5), (1, 4, 4, 9)),
    "conv_rows_left_out": layer(conv(4, (1, 3), (2, 2), activation=1), (1, 6, 5, 4)),
    "groups_rows_left_out": layer(conv(4, (1, 3), (2, 2), groups=2), (1, 6, 5, 4)),
    "depthwise_rows_left_out": layer(conv(2, (1, 3), (2, 2), depthwise=True), (1, 6, 5, 3)),
    "max_pool_rows_left_out": layer(lambda net, x: net.pool(x, "MAX", (1, 3), 2, activation=3), (1, 6, 5, 4)),
    "average_pool_rows_left_out": layer(lambda net, x: net.pool(x, "AVERAGE", (1, 3), 2), (1, 6, 5, 4)),
    "conv_groups": layer(conv(6, groups=2), (1, 5, 6, 4)),
    "depthwise_multiplier": layer(conv(2, (3, 3), (2, 2), depthwise=True), (1, 7, 6, 3)),
    "depthwise_one_channel": layer(conv(4, (5, 1), depthwise=True), (1, 8, 3, 1)),
    "dense_rows_relu6": layer(lambda net, x: net.dense(x, 5, activation=3), (4, 9)),
    "dense_deep": layer(lambda net, x: net.dense(x, 3), (1, 700), 1e-4),
    "dense_fine": layer(lambda net, x: net.dense(x, 4, 1e-6), (3, 5)),
    **{f"mean_{axes}".replace(", ", "_"): layer(lambda net, x, axes=axes, shape=shape: net.mean(x, axes, shape, 3e-4))
       for axes, shape in (([1, 2], (1, 7)), ([3], (1, 5, 3)), ([1], (1, 3, 7)))},
    "requantise": layer(plain("QUANTIZE", 9.1e-4, "QuantizeOptions")),
}  # fmt: skip


MOVES: dict[str, tuple[str, tuple[int, ...], str, tuple[list[int], ...], dict[str, object]]] = {
    "backwards_by_two": ("STRIDED_SLICE", (1, 5, 2, 3), "StridedSliceOptions",
                         ([0, 0, 0, 0], [1, 0, 0, 0], [1, -1, -2, -3]), {"beginMask": 14, "endMask": 14}),
    "transpose": ("TRANSPOSE", (1, 7, 5, 3), "TransposeOptions", ([0, 3, 1, 2],), {}),
    "gather": ("GATHER", (1, 4, 3, 7), "GatherOptions", ([2, 0, 1, 1],), {"axis": 1}),
    "tile": ("TILE", (1, 10, 3, 14), "TileOptions", ([1, 2, 1, 2],), {}),
    "pad": ("PAD", (1, 8, 4, 9), "PadOptions", ([0, 0, 1, 2, 1, 0, 2, 0],), {}),
    "largest": ("REDUCE_MAX", (1, 5, 3), "ReducerOptions", ([3],), {"keepDims": False}),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_moved(name: str, tmp_path: Path) -> None:
    code, shape, options, numbers, fields = MOVES[name]
    net = Net((1, 5, 3, 7))
    more = [net.graph.const(f"c{at}", np.array(each, np.int32)) for at, each in enumerate(numbers)]
    if code == "PAD":
        net.graph.tensors[more[0]].shape = [4, 2]
    y = net.op(code, [net.sources[0], *more], shape, None, options, **fields)
    check_against_litert(net.write(tmp_path / "model.tflite", y), SHORT)


def test_floats_at_both_ends(tmp_path: Path) -> None:
    """They are cut off, or are what the code takes and gives: the same numbers."""
    net = Net((1, 3, 5), scale=5e-4)
    x, y = (net.graph.tensor(name, (1, 3, 5), scale=None, dtype=np.float32) for name in ("real", "result"))
    net.graph.op("QUANTIZE", [x], net.sources, "QuantizeOptions")
    hidden = net.op("TANH", net.sources, None, UNIT)
    net.graph.op("DEQUANTIZE", [hidden], [y], "DequantizeOptions")
    path = net.graph.write(tmp_path / "model.tflite", [x], [y])
    whole, real = (Compilation(path, "cortex-m4", io=io).finish() for io in ("auto", "float"))
    assert [str(each.dtype) for each in (*whole.inputs, *real.inputs)] == ["int16", "float32"]
    values = np.random.default_rng(0).normal(0, 3, (1, 3, 5)).astype(np.float32)
    with whole.firmware() as firmware:
        (found,) = firmware.run(whole.inputs[0].quantise(values), count=False).outputs
    with real.firmware() as firmware:
        (reals,) = firmware.run(values, count=False).outputs
    np.testing.assert_array_equal(whole.outputs[0].dequantise(found), reals)
    np.testing.assert_array_equal(litert(path, [values]), reals)


def test_header_and_oracle_speak_of_int16(tmp_path: Path) -> None:
    compiled = Compilation(gates(tmp_path / "model.tflite"), "cortex-m7").finish()
    assert "int16_t *" in compiled.header
    answer = compiled.oracle().ask(np.full((1, 11, 5), 700, SHORT))
    assert answer.outputs[0].dtype == SHORT


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str, tmp_path: Path) -> None:
    check_against_litert(LAYERS[name](tmp_path / "model.tflite"), SHORT)


def refused(path: Path, why: str) -> None:
    with ir.Context(), pytest.raises(Unsupported, match=why):
        load(path)


def test_bias_of_32_bits_invalid(tmp_path: Path) -> None:
    net = Net((1, 4))
    w = net.graph.const("w", np.ones((3, 4), np.int8), scale=0.01)
    b = net.graph.const("b", np.ones(3, np.int32), scale=4e-6)
    path = net.write(tmp_path / "model.tflite", net.op("FULLY_CONNECTED", [net.sources[0], w, b], (1, 3), 1e-3))
    refused(
        path, r"FULLY_CONNECTED at layer 't3' .*: the bias 'b' \(int32\[3\]\) is int32; that of int16 layers is int64"
    )


def test_zero_point_invalid(tmp_path: Path) -> None:
    net = Net((1, 4))
    net.graph.tensors[0].quantization.zeroPoint = np.array([5], np.int64)
    path = net.write(tmp_path / "model.tflite", net.op("RELU", net.sources))
    refused(path, "RELU at layer 't1' .*: tensor 't0' .* has the zero point 5; that of int16 is 0")


def test_int8_beside_int16_invalid(tmp_path: Path) -> None:
    net = Net((1, 4))
    net.sources.append(net.add((1, 4), 0.05, np.int8))
    path = net.write(tmp_path / "model.tflite", net.binary("ADD", *net.sources, 1e-3))
    refused(path, "ADD at layer 't2' .*: tensor 't1' .* is int8 beside int16")


def test_operator_on_int8_only_invalid(tmp_path: Path) -> None:
    net = Net((1, 4))
    path = net.write(tmp_path / "model.tflite", net.op("ABS", net.sources))
    refused(path, r"ABS at layer 't1' .*: tensor 't0' \(int16\[1x4\]\) is int16; supported: int8$")
