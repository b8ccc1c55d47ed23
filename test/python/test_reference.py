"""The host reference equals LiteRT's reference kernels bit for bit, on real networks and on single operators."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from mlir import ir

import tiny_tflite as tiny
from vmcu.errors import InputError, Unsupported
from vmcu.frontends import load, ports
from vmcu.passes.pipelines import to_linalg
from vmcu.run.oracles.mlir import Reference, run

ZOO = os.environ.get("VMCU_MODEL_ZOO")
INT8_MODELS = ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8"]
needs_zoo = pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")

IMAGE = (1, 8, 8, 4)
PADDING = [[0, 0], [1, 1], [1, 2], [0, 0]]
POOL = dict(strideW=2, strideH=2, filterWidth=3, filterHeight=3)


def pool_with(kind: str, activation: int) -> Callable[[Path], Path]:
    """A pooling with a fused activation that cuts some of the pixels, but not most of them."""
    q = (0.1 if activation == 3 else 0.02, 60 if kind == "MAX" else 0)
    return lambda path: tiny.unary(
        path, f"{kind}_POOL_2D", IMAGE, (1, 3, 3, 4), "Pool2DOptions", into=q, out=q, padding=1,
        fusedActivationFunction=activation, **POOL,
    )  # fmt: skip


def resize(path: Path, to: tuple[int, int], **how: bool) -> Path:
    """An image of 6 x 5 pixels, resized to the nearest neighbour."""
    options = "ResizeNearestNeighborOptions"
    return tiny.unary(path, "RESIZE_NEAREST_NEIGHBOR", (1, 6, 5, 4), (1, *to, 4), options, (list(to),), **how)


OPERATORS: dict[str, Callable[[Path], Path]] = {
    "conv_same": lambda p: tiny.conv(p),
    "conv_valid_relu6": lambda p: tiny.conv(p, valid=True, activation=3),
    "conv_stride_odd_size": lambda p: tiny.conv(p, size=9, stride=2, activation=1),
    "conv_dilated": lambda p: tiny.conv(p, dilation=2),
    "conv_pointwise": lambda p: tiny.conv(p, kernel=1),
    "conv_per_tensor": lambda p: tiny.conv(p, per_channel=False),
    "depthwise": lambda p: tiny.conv(p, multiplier=1, stride=2, activation=3),
    "depthwise_multiplier": lambda p: tiny.conv(p, multiplier=2),
    "depthwise_dilated": lambda p: tiny.conv(p, multiplier=1, dilation=2),
    "fully_connected": lambda p: tiny.fully_connected(p),
    "fully_connected_rows": lambda p: tiny.fully_connected(p, rows=4),
    "fully_connected_per_channel": lambda p: tiny.fully_connected(p, per_channel=True),
    "mean": lambda p: tiny.unary(
        p, "MEAN", (1, 7, 5, 16), (1, 16), "ReducerOptions", ([1, 2],), into=(0.05, 9), out=(0.03, 4), keepDims=False
    ),
    "average_pool_same": lambda p: tiny.unary(
        p, "AVERAGE_POOL_2D", IMAGE, (1, 4, 4, 4), "Pool2DOptions", into=(0.05, 3), out=(0.05, 3), padding=0, **POOL
    ),
    "average_pool_valid": lambda p: tiny.unary(
        p, "AVERAGE_POOL_2D", IMAGE, (1, 3, 3, 4), "Pool2DOptions", padding=1, **POOL
    ),
    "max_pool_same": lambda p: tiny.unary(p, "MAX_POOL_2D", IMAGE, (1, 4, 4, 4), "Pool2DOptions", padding=0, **POOL),
    **{
        f"{kind.lower()}_pool_{name}": pool_with(kind, activation)
        for kind in ("MAX", "AVERAGE")
        for activation, name in enumerate(("relu", "relu_n1_to_1", "relu6"), start=1)
    },
    "pad": lambda p: tiny.unary(
        p, "PAD", IMAGE, (1, 10, 11, 4), "PadOptions", (PADDING,), into=(0.05, -5), out=(0.05, -5)
    ),
    "reshape": lambda p: tiny.unary(p, "RESHAPE", IMAGE, (1, 256), "ReshapeOptions", ([1, 256],), newShape=[1, 256]),
    "transpose": lambda p: tiny.unary(p, "TRANSPOSE", IMAGE, (1, 4, 8, 8), "TransposeOptions", ([0, 3, 1, 2],)),
    "softmax": lambda p: tiny.unary(p, "SOFTMAX", (1, 10), (1, 10), "SoftmaxOptions", out=(1 / 256, -128), beta=1.0),
    "relu": lambda p: tiny.unary(p, "RELU", IMAGE, IMAGE, into=(0.05, -10), out=(0.02, -128)),
    "relu6": lambda p: tiny.unary(p, "RELU6", IMAGE, IMAGE, into=(0.05, -10), out=(0.023, -128)),
    "relu_rounded_twice": lambda p: tiny.unary(p, "RELU", IMAGE, IMAGE, into=(0.031, 3), out=(0.077, -3)),
    "relu6_rounded_twice": lambda p: tiny.unary(p, "RELU6", IMAGE, IMAGE, into=(0.05, 3), out=(0.3, -3)),
    "abs": lambda p: tiny.unary(p, "ABS", IMAGE, IMAGE, into=(0.05, -10), out=(0.05, -10)),
    "abs_of_positive_zero_point": lambda p: tiny.unary(p, "ABS", IMAGE, IMAGE, into=(0.05, 90), out=(0.05, 90)),
    "relu_n1_to_1": lambda p: tiny.unary(p, "RELU_N1_TO_1", IMAGE, IMAGE, into=(0.02, 3), out=(0.02, 3)),
    "resize_nearest": lambda p: resize(p, (12, 15)),
    "resize_nearest_odd": lambda p: resize(p, (9, 7)),
    "resize_nearest_smaller": lambda p: resize(p, (4, 3)),
    "resize_nearest_half_pixel_centers": lambda p: resize(p, (9, 7), halfPixelCenters=True),
    "resize_nearest_align_corners": lambda p: resize(p, (9, 7), alignCorners=True),
    "logistic": lambda p: tiny.unary(p, "LOGISTIC", IMAGE, IMAGE, out=(1 / 256, -128)),
    "requantise": lambda p: tiny.unary(p, "QUANTIZE", IMAGE, IMAGE, "QuantizeOptions", out=(0.04, -10)),
    "add": lambda p: tiny.binary(p, "ADD", IMAGE, IMAGE),
    "add_relu": lambda p: tiny.binary(p, "ADD", IMAGE, IMAGE, activation=1),
    "add_broadcast": lambda p: tiny.binary(p, "ADD", IMAGE, (1, 1, 1, 4)),
    "sub": lambda p: tiny.binary(p, "SUB", IMAGE, IMAGE),
    "mul_broadcast": lambda p: tiny.binary(p, "MUL", IMAGE, (1, 1, 1, 4)),
    "concatenation": tiny.concatenation,
}

ONE_LAYER = """
func.func @main(%a: tensor<1x4xi8>, %b: tensor<1x4xi8>) -> tensor<1x4xi8> {
  %0 = tosa.add %a, %b : (tensor<1x4xi8>, tensor<1x4xi8>) -> tensor<1x4xi8>
  return %0 : tensor<1x4xi8>
}
"""


def litert(path: Path, inputs: list[np.ndarray]) -> np.ndarray:
    """LiteRT's reference kernels; the default ones round differently."""
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    for detail, array in zip(interpreter.get_input_details(), inputs):
        interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def int8_inputs(shapes: list[tuple[int, ...]], dtype: type = np.int8) -> list[list[np.ndarray]]:
    """Five random draws, all -128, all 127; of another type of integers, its own ends."""
    draws, ends = [np.random.default_rng(seed) for seed in range(5)], np.iinfo(dtype)
    made = [[draw.integers(ends.min, ends.max + 1, shape).astype(dtype) for shape in shapes] for draw in draws]
    return made + [[np.full(shape, value, dtype) for shape in shapes] for value in (ends.min, ends.max)]


def input_shapes(module: ir.Module) -> list[tuple[int, ...]]:
    return [tuple(of.shape) for of in module.body.operations[0].type.inputs]


def check_against_litert(path: Path, dtype: type = np.int8) -> list[np.ndarray]:
    """Compare the host's results for inputs of integers with LiteRT's, which are returned."""
    with ir.Context():
        module = load(path)
        reference, shapes = Reference(module), input_shapes(module)
    expected = []
    for inputs in int8_inputs(shapes, dtype):
        expected.append(litert(path, inputs))
        np.testing.assert_array_equal(reference(*inputs)[0], expected[-1])
    return expected


@needs_zoo
@pytest.mark.parametrize("name", INT8_MODELS)
def test_network_equals_litert(name: str) -> None:
    check_against_litert(Path(ZOO) / f"{name}.tflite")


@needs_zoo
def test_network_with_float_boundaries_equals_litert() -> None:
    path = Path(ZOO) / "mcunet_vww_80.tflite"
    with ir.Context():
        module = load(path)
        reference, ((source,), (result,)) = Reference(module), ports(module)
    for (image,) in int8_inputs([(1, 80, 80, 3)])[::2]:
        expected = litert(path, [(image.astype(np.float32) - source.zero_point) * np.float32(source.scale)])
        found = (reference(image)[0].astype(np.float32) - result.zero_point) * np.float32(result.scale)
        np.testing.assert_array_equal(found, expected)


@needs_zoo
def test_float_io_equals_litert() -> None:
    path = Path(ZOO) / "mcunet_vww_80.tflite"
    image = np.random.default_rng(0).uniform(-1.2, 1.2, (1, 80, 80, 3)).astype(np.float32)
    with ir.Context():
        (found,) = run(load(path, io="float"), [image])
    np.testing.assert_array_equal(found, litert(path, [image]))


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_equals_litert(name: str, tmp_path: Path) -> None:
    outputs = check_against_litert(OPERATORS[name](tmp_path / "model.tflite"))
    assert len(np.unique(outputs[0])) > 3, "outputs that saturate prove nothing"


@pytest.mark.parametrize("name", ["conv_same", "depthwise_multiplier", "mean", "softmax", "add_relu"])
def test_linalg_module_equals_tosa_module(name: str, tmp_path: Path) -> None:
    with ir.Context():
        module = load(OPERATORS[name](tmp_path / "model.tflite"))
        inputs = int8_inputs(input_shapes(module))[0]
        expected = run(module, inputs)
        to_linalg(module)
        np.testing.assert_array_equal(run(module, inputs), expected)


def test_module_and_inputs_are_left_alone() -> None:
    with ir.Context():
        module = ir.Module.parse(ONE_LAYER)
        before = str(module)
        reference = Reference(module)
        assert str(module) == before
    a, b = np.array([[1, 2, 3, 4]], np.int8), np.array([[10, 20, 30, 40]], np.int8)
    (first,), (second,) = reference(a, b), reference(b, b)
    np.testing.assert_array_equal(first, a + b)
    np.testing.assert_array_equal(second, b + b)
    np.testing.assert_array_equal(a, [[1, 2, 3, 4]])


@pytest.mark.parametrize("returned", ["%0, %0", "%0, %a", "%a, %a", "%a, %0", "%0, %1", "%1, %0"])
def test_function_may_return_a_tensor_twice(returned: str) -> None:
    text = f"""func.func @main(%a: tensor<1x4xi8>) -> (tensor<1x4xi8>, tensor<1x4xi8>) {{
      %0 = tosa.add %a, %a : (tensor<1x4xi8>, tensor<1x4xi8>) -> tensor<1x4xi8>
      %1 = tosa.add %a, %a : (tensor<1x4xi8>, tensor<1x4xi8>) -> tensor<1x4xi8>
      return {returned} : tensor<1x4xi8>, tensor<1x4xi8>
    }}"""
    a = np.array([[1, 2, 3, 4]], np.int8)
    with ir.Context():
        found = run(ir.Module.parse(text), [a])
    for each, name in zip(found, returned.split(", ")):
        np.testing.assert_array_equal(each, a if name == "%a" else a + a)


def test_non_contiguous_input_is_read_in_order() -> None:
    wide = np.arange(8, dtype=np.int8).reshape(1, 8)
    with ir.Context():
        (found,) = run(ir.Module.parse(ONE_LAYER), [wide[:, ::2], wide[:, 1::2]])
    np.testing.assert_array_equal(found, [[1, 5, 9, 13]])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([np.zeros((1, 4), np.int8)], "takes 2 inputs, found 1"),
        ([np.zeros((1, 4), np.int8), np.zeros((4,), np.int8)], r"input 1 is int8\[4\], expected int8\[1x4\]"),
        ([np.zeros((1, 4), np.uint8), np.zeros((1, 4), np.int8)], r"input 0 is uint8\[1x4\], expected int8\[1x4\]"),
    ],
)
def test_wrong_inputs_invalid(inputs: list[np.ndarray], message: str) -> None:
    with ir.Context():
        reference = Reference(ir.Module.parse(ONE_LAYER))
    with pytest.raises(InputError, match=message):
        reference(*inputs)


def test_dynamic_shape_invalid() -> None:
    with ir.Context(), pytest.raises(Unsupported, match=r"tensor<\?xi8>"):
        Reference(ir.Module.parse("func.func @main(%a: tensor<?xi8>) -> tensor<?xi8> { return %a : tensor<?xi8> }"))


def test_function_without_body_invalid() -> None:
    with ir.Context(), pytest.raises(Unsupported, match="@f has no body"):
        Reference(ir.Module.parse("func.func private @f()\nfunc.func @main() { func.call @f() : () -> () return }"))


def test_module_without_main_invalid() -> None:
    with ir.Context(), pytest.raises(InputError, match="@other"):
        Reference(ir.Module.parse("func.func @other() { return }"))
