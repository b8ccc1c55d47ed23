"""uint8 and float inputs and outputs around int8 networks: exact, and as small and as fast as int8 ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from vmcu.driver.compilation import Compiled

CORES = ("cortex-m4", "cortex-m0plus")
DRAW = np.random.default_rng(7)


@dataclass
class Net:
    """A graph whose inputs and outputs may be uint8, with QUANTIZE around int8 tensors, or the int8 tensors themselves."""

    is_unsigned: bool
    graph: tiny.Graph

    def __init__(self, is_unsigned: bool):
        self.is_unsigned, self.graph = is_unsigned, tiny.Graph()

    def input(
        self, name: str, shape: tuple[int, ...], scale: float = 0.04, zero_point: int = -3, **other: float
    ) -> tuple[int, int]:
        """(the input, the int8 tensor); `outer_scale` and `outer_zero_point` of the input may differ."""
        if not self.is_unsigned:
            x = self.graph.tensor(name, shape, scale=scale, zero_point=zero_point)
            return x, x
        outer = self.graph.tensor(f"{name}_u8", shape, scale=other.get("outer_scale", scale),
                                  zero_point=other.get("outer_zero_point", zero_point + 128), dtype=np.uint8)  # fmt: skip
        x = self.graph.tensor(name, shape, scale=scale, zero_point=zero_point)
        self.graph.op("QUANTIZE", [outer], [x], "QuantizeOptions")
        return outer, x

    def output(self, tensor: int, shape: tuple[int, ...], scale: float, zero_point: int) -> int:
        """The output for an int8 tensor."""
        if not self.is_unsigned:
            return tensor
        outer = self.graph.tensor("out_u8", shape, scale=scale, zero_point=zero_point + 128, dtype=np.uint8)
        self.graph.op("QUANTIZE", [tensor], [outer], "QuantizeOptions")
        return outer


def dense(net: Net, x: int, depth: int, width: int, name: str) -> int:
    draw = np.random.default_rng(depth)
    w = net.graph.const(f"{name}_w", draw.integers(-90, 91, (width, depth)).astype(np.int8), scale=0.005)
    b = net.graph.const(f"{name}_b", draw.integers(-200, 200, width).astype(np.int32), scale=0.005 * 0.04)
    y = net.graph.tensor(name, (1, width), scale=0.05, zero_point=4)
    net.graph.op("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    return y


def conv(net: Net, x: int, size: int, inputs: int, outputs: int, *, depthwise: bool = False, relu: bool = False) -> int:
    draw = np.random.default_rng(inputs)
    shape = (1, 3, 3, inputs) if depthwise else (outputs, 3, 3, inputs)
    scales = draw.uniform(0.002, 0.01, outputs)
    w = net.graph.const("w", draw.integers(-127, 128, shape).astype(np.int8), scale=scales, channel_axis=3 * depthwise)
    b = net.graph.const("b", draw.integers(-500, 500, outputs).astype(np.int32), scale=scales * 0.04)
    y = net.graph.tensor("conv", (1, size, size, outputs), scale=0.2, zero_point=5)
    fields = dict(
        padding=0, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1, fusedActivationFunction=int(relu)
    )
    if depthwise:
        net.graph.op("DEPTHWISE_CONV_2D", [x, w, b], [y], "DepthwiseConv2DOptions", depthMultiplier=1, **fields)
    else:
        net.graph.op("CONV_2D", [x, w, b], [y], "Conv2DOptions", **fields)
    return y


def conv_first(net: Net) -> tuple[list[int], list[int]]:
    outer, x = net.input("x", (1, 12, 12, 3))
    return [outer], [net.output(conv(net, x, 12, 3, 8), (1, 12, 12, 8), 0.2, 5)]


def conv_relu_last(net: Net) -> tuple[list[int], list[int]]:
    outer, x = net.input("x", (1, 12, 12, 4))
    return [outer], [net.output(conv(net, x, 12, 4, 8, relu=True), (1, 12, 12, 8), 0.2, 5)]


def depthwise_first(net: Net) -> tuple[list[int], list[int]]:
    outer, x = net.input("x", (1, 12, 12, 8))
    return [outer], [net.output(conv(net, x, 12, 8, 8, depthwise=True), (1, 12, 12, 8), 0.2, 5)]


def dense_first(net: Net) -> tuple[list[int], list[int]]:
    outer, x = net.input("x", (1, 64))
    return [outer], [net.output(dense(net, x, 64, 10, "y"), (1, 10), 0.05, 4)]


def reshape_first(net: Net) -> tuple[list[int], list[int]]:
    outer, x = net.input("x", (1, 4, 4, 4))
    flat = net.graph.tensor("flat", (1, 64), scale=0.04, zero_point=-3)
    net.graph.op("RESHAPE", [x, net.graph.const("s", np.array([1, 64], np.int32))], [flat], "ReshapeOptions")
    return [outer], [net.output(dense(net, flat, 64, 10, "y"), (1, 10), 0.05, 4)]


def softmax_last(net: Net) -> tuple[list[int], list[int]]:
    outer, x = net.input("x", (1, 64))
    y = net.graph.tensor("soft", (1, 10), scale=1 / 256, zero_point=-128)
    net.graph.op("SOFTMAX", [dense(net, x, 64, 10, "y")], [y], "SoftmaxOptions", beta=1.0)
    return [outer], [net.output(y, (1, 10), 1 / 256, -128)]


def add_first(net: Net) -> tuple[list[int], list[int]]:
    (left, x), (right, z) = net.input("x", (1, 6, 6, 4)), net.input("z", (1, 6, 6, 4), 0.03, 9)
    y = net.graph.tensor("y", (1, 6, 6, 4), scale=0.07, zero_point=-11)
    net.graph.op("ADD", [x, z], [y], "AddOptions")
    return [left, right], [net.output(y, (1, 6, 6, 4), 0.07, -11)]


def pool_first(net: Net, code: str = "AVERAGE_POOL_2D") -> tuple[list[int], list[int]]:
    outer, x = net.input("x", (1, 8, 8, 6))
    y = net.graph.tensor("y", (1, 4, 4, 6), scale=0.04, zero_point=-3)
    fields = dict(padding=1, strideW=2, strideH=2, filterWidth=2, filterHeight=2, fusedActivationFunction=0)
    net.graph.op(code, [x], [y], "Pool2DOptions", **fields)
    return [outer], [net.output(y, (1, 4, 4, 6), 0.04, -3)]


def max_pool_first(net: Net) -> tuple[list[int], list[int]]:
    return pool_first(net, "MAX_POOL_2D")


def residual(net: Net) -> tuple[list[int], list[int]]:
    """The input has two readers."""
    outer, x = net.input("x", (1, 8, 8, 4))
    y = net.graph.tensor("y", (1, 8, 8, 4), scale=0.2, zero_point=-11)
    net.graph.op("ADD", [x, conv(net, x, 8, 4, 4)], [y], "AddOptions")
    return [outer], [net.output(y, (1, 8, 8, 4), 0.2, -11)]


def output_is_read(net: Net) -> tuple[list[int], list[int]]:
    """An output that another layer reads as well."""
    outer, x = net.input("x", (1, 64))
    y = dense(net, x, 64, 12, "y")
    return [outer], [net.output(y, (1, 12), 0.05, 4), dense(net, y, 12, 4, "z")]


Build = Callable[[Net], tuple[list[int], list[int]]]
EQUAL: tuple[Build, ...] = (
    conv_first,
    conv_relu_last,
    depthwise_first,
    dense_first,
    reshape_first,
    softmax_last,
    add_first,
)
OTHERS: tuple[Build, ...] = (pool_first, max_pool_first, residual, output_is_read)


def write(path: Path, build: Build, *, is_unsigned: bool = True) -> Path:
    net = Net(is_unsigned)
    inputs, outputs = build(net)
    return net.graph.write(path, inputs, outputs)


def check(compiled: Compiled) -> int:
    """Compare one run with LiteRT; its cycles."""
    draw = np.random.default_rng(1)
    inputs = [each.random(draw) for each in compiled.inputs]
    with compiled.firmware() as firmware:
        result = firmware.run(*inputs)
    for found, wanted in zip(result.outputs, compiled.oracle("litert").ask(*inputs).outputs):
        assert found.dtype == wanted.dtype and (found == wanted).all()
    return result.counts.cycles


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("build", [*EQUAL, *OTHERS], ids=lambda each: each.__name__)
def test_networks_are_exact(tmp_path: Path, build: Build, core: str) -> None:
    compiled = vmcu.compile_model(write(tmp_path / "net.tflite", build), core)
    assert all(each.dtype == np.uint8 for each in compiled.inputs)
    check(compiled)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("build", EQUAL, ids=lambda each: each.__name__)
def test_uint8_costs_no_more_than_int8(tmp_path: Path, build: Build, core: str) -> None:
    """The twin is the same network without QUANTIZE."""
    pools, cycles = [], []
    for is_unsigned in (True, False):
        compiled = vmcu.compile_model(
            write(tmp_path / f"net{is_unsigned}.tflite", build, is_unsigned=is_unsigned), core
        )
        pools.append(compiled.pool_bytes)
        cycles.append(check(compiled))
    print(build.__name__, core, pools, cycles)
    assert pools[0] == pools[1]
    assert cycles[0] <= 1.08 * cycles[1]


@pytest.mark.parametrize("io", ["int8", "uint8", "float"])
@pytest.mark.parametrize("is_unsigned", [True, False])
def test_io_of_any_type(tmp_path: Path, is_unsigned: bool, io: str) -> None:
    compiled = vmcu.compile_model(write(tmp_path / "net.tflite", conv_first, is_unsigned=is_unsigned), io=io)
    kind = {"float": "float32"}.get(io, io)
    assert [str(each.dtype) for each in (*compiled.inputs, *compiled.outputs)] == [kind, kind]
    check(compiled)


@pytest.mark.parametrize("core", CORES)
def test_rows_of_uint8(tmp_path: Path, core: str) -> None:
    compiled = vmcu.compile_model(write(tmp_path / "net.tflite", conv_first), core, input="fed")
    check(compiled)
    assert "int net_feed_row(net_state *state, const uint8_t *row);" in compiled.header


def test_another_scale_is_a_kernel(tmp_path: Path) -> None:
    def build(net: Net) -> tuple[list[int], list[int]]:
        outer, x = net.input("x", (1, 12, 12, 3), outer_scale=0.05, outer_zero_point=120)
        return [outer], [conv(net, x, 12, 3, 8)]

    compiled = vmcu.compile_model(write(tmp_path / "net.tflite", build))
    check(compiled)
    assert [each.kind for each in compiled.layers] == ["elementwise", "conv2d"]
    assert [str(each.dtype) for each in (*compiled.inputs, *compiled.outputs)] == ["uint8", "int8"]


def test_header_tells_uint8(tmp_path: Path) -> None:
    header = vmcu.compile_model(write(tmp_path / "net.tflite", dense_first)).header
    assert "static inline uint8_t *net_input(void)" in header
    assert "#define NET_INPUT_ZERO_POINT (125)" in header
    assert "#define NET_OUTPUT_ZERO_POINT (132)" in header


def test_arithmetic_on_uint8_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x = graph.tensor("x", (1, 8), scale=0.04, zero_point=3, dtype=np.uint8)
    w = graph.const("w", DRAW.integers(0, 255, (4, 8)).astype(np.uint8), scale=0.01, zero_point=120)
    b = graph.const("b", DRAW.integers(-9, 9, 4).astype(np.int32), scale=0.0004)
    y = graph.tensor("y", (1, 4), scale=0.1, zero_point=5, dtype=np.uint8)
    graph.op("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    path = graph.write(tmp_path / "old.tflite", [x], [y])
    with pytest.raises(vmcu.Unsupported, match="operator FULLY_CONNECTED at layer 'y' computes on uint8"):
        vmcu.compile_model(path)


def mixed(path: Path) -> Path:
    """The sum of a uint8 and an int8 input, as uint8, and the int8 sum itself."""
    net = Net(is_unsigned=True)
    outer, x = net.input("x", (1, 6, 6, 4))
    z = net.graph.tensor("z", (1, 6, 6, 4), scale=0.03, zero_point=9)
    y = net.graph.tensor("y", (1, 6, 6, 4), scale=0.07, zero_point=-11)
    net.graph.op("ADD", [x, z], [y], "AddOptions")
    return net.graph.write(path, [outer, z], [net.output(y, (1, 6, 6, 4), 0.07, -11), y])


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    ("io", "kinds"),
    [
        ("auto", ["uint8", "int8", "uint8", "int8"]),
        ("int8", ["int8"] * 4),
        ("uint8", ["uint8"] * 4),
        ("float", ["float32"] * 4),
    ],
)
def test_inputs_of_two_types(tmp_path: Path, io: str, kinds: list[str], core: str) -> None:
    compiled = vmcu.compile_model(mixed(tmp_path / "net.tflite"), core, io=io)
    assert [str(each.dtype) for each in (*compiled.inputs, *compiled.outputs)] == kinds
    check(compiled)


UI8 = """
func.func @main(%x: tensor<1x8xui8>, %z: tensor<1x8xi8>) -> (tensor<1x8xui8>, tensor<1x8xi8>) {
  %one = "tosa.const"() <{values = dense<1073741824> : tensor<1xi32>}> : () -> tensor<1xi32>
  %half = "tosa.const"() <{values = dense<536870912> : tensor<1xi32>}> : () -> tensor<1xi32>
  %shift = "tosa.const"() <{values = dense<30> : tensor<1xi8>}> : () -> tensor<1xi8>
  %zp_u = "tosa.const"() <{values = dense<128> : tensor<1xui8>}> : () -> tensor<1xui8>
  %zp_3 = "tosa.const"() <{values = dense<3> : tensor<1xi8>}> : () -> tensor<1xi8>
  %zp_0 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %a = tosa.rescale %x, %one, %shift, %zp_u, %zp_3 {input_unsigned = true, output_unsigned = false, per_channel = false,
    rounding_mode = SINGLE_ROUND, scale32 = true}
    : (tensor<1x8xui8>, tensor<1xi32>, tensor<1xi8>, tensor<1xui8>, tensor<1xi8>) -> tensor<1x8xi8>
  %b = tosa.maximum %a, %z : (tensor<1x8xi8>, tensor<1x8xi8>) -> tensor<1x8xi8>
  %c = tosa.rescale %b, %half, %shift, %zp_0, %zp_u {input_unsigned = false, output_unsigned = true, per_channel = false,
    rounding_mode = SINGLE_ROUND, scale32 = true}
    : (tensor<1x8xi8>, tensor<1xi32>, tensor<1xi8>, tensor<1xi8>, tensor<1xui8>) -> tensor<1x8xui8>
  return %c, %b : tensor<1x8xui8>, tensor<1x8xi8>
}
"""


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    ("io", "offsets"),
    [("auto", (0, 0, 0, 0)), ("int8", (128, 0, 128, 0)), ("uint8", (0, -128, 0, -128))],
)
def test_rescales_of_ui8_in_a_module(tmp_path: Path, io: str, offsets: tuple[int, ...], core: str) -> None:
    """`offsets`: what is added to the numbers of the caller to have those of the file."""
    path = tmp_path / "net.mlir"
    path.write_text(UI8)
    compiled = vmcu.compile_model(path, core, io=io)
    kinds = {"auto": ["uint8", "int8"], "int8": ["int8"] * 2, "uint8": ["uint8"] * 2}[io]
    assert [str(each.dtype) for each in (*compiled.inputs, *compiled.outputs)] == kinds * 2
    x, z = np.array([[0, 1, 127, 128, 129, 200, 254, 255]]), np.array([[-128, -127, 2, 3, -1, 127, 0, -5]])
    larger = np.maximum(np.clip(x - 128 + 3, -128, 127), z)
    wanted = np.clip((larger + 1 >> 1) + 128, 0, 255), larger
    given = [(each - by).astype(port.dtype) for each, by, port in zip((x, z), offsets, compiled.inputs)]
    with compiled.firmware() as firmware:
        found = firmware.run(*given).outputs
    for each, by, expected in zip(found, offsets[2:], wanted):
        np.testing.assert_array_equal(each.astype(np.int64) + by, expected)


def test_floats_of_a_module_that_tells_no_scale_invalid(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(UI8)
    with pytest.raises(vmcu.Unsupported, match="scale"):
        vmcu.compile_model(path, io="float")
