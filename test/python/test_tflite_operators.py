"""Operators of `.tflite` files that the frontend reads in a way of its own equal LiteRT's reference kernels, bit for bit.

Each runs on the host and on the emulated core.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import tiny_tflite as tiny
from emulated import check_model
from test_reference import check_against_litert, int8_inputs, litert
from vmcu.driver.compilation import Compilation
from vmcu.errors import Unsupported
from vmcu.frontends import load
from vmcu.frontends.tflite.model import read_model
from vmcu.run.oracles.mlir import Reference

Build = Callable[[Path], Path]


def fully_connected(
    scales: tuple[float, float, float], depth: int, *, rows: int = 3, zero_point: int = 0, constant: bool = True,
    per_channel: bool = False,
) -> Build:  # fmt: skip
    """Scales of input, weights and output; many sums are half way between two results where they are powers of two."""

    def build(path: Path) -> Path:
        draw = np.random.default_rng(depth)
        source, weight, result = scales
        weights = draw.integers(-3, 4, (11, depth)).astype(np.int8)
        graph = tiny.Graph()
        x = graph.tensor("x", (rows, depth), scale=source)
        how = {"scale": np.full(11 if per_channel else 1, weight)}
        w = graph.const("w", weights, **how) if constant else graph.tensor("w", weights.shape, **how)
        y = graph.tensor("y", (rows, 11), scale=result, zero_point=zero_point)
        graph.op("FULLY_CONNECTED", [x, w], [y], "FullyConnectedOptions")
        return graph.write(path, [x] if constant else [x, w], [y])

    return build


Ends = tuple[float, int]  # scale and zero point


def unary(
    code: str, options: str | None, into: Ends, out: Ends, shape: tuple[int, ...] = (1, 5, 3, 7), **fields: object
) -> Build:
    return lambda path: tiny.unary(path, code, shape, shape, options, into=into, out=out, **fields)


def leaky(slope: float, into: Ends = (0.05, 3), out: Ends = (0.04, -10)) -> Build:
    return unary("LEAKY_RELU", "LeakyReluOptions", into, out, (1, 16, 16, 1), alpha=slope)


def prelu(image: tuple[int, ...], slopes: tuple[int, ...]) -> Build:
    """Slopes between about -1.3 and 1.2."""

    def build(path: Path) -> Path:
        graph = tiny.Graph()
        x = graph.tensor("x", (1, *image), scale=0.05, zero_point=3)
        values = np.random.default_rng(1).integers(-128, 128, slopes).astype(np.int8)
        alpha = graph.const("alpha", values, scale=0.01, zero_point=5)
        y = graph.tensor("y", (1, *image), scale=0.04, zero_point=-3)
        graph.op("PRELU", [x, alpha], [y])
        return graph.write(path, [x], [y])

    return build


def resize(kind: str, image: tuple[int, int, int], to: tuple[int, int], **flags: bool) -> Build:
    *_, channels = image
    code, options = f"RESIZE_{kind}", {"BILINEAR": "ResizeBilinear", "NEAREST_NEIGHBOR": "ResizeNearestNeighbor"}[kind]
    return lambda path: tiny.unary(
        path,
        code,
        (1, *image),
        (1, *to, channels),
        f"{options}Options",
        (list(to),),
        into=(0.05, 3),
        out=(0.05, 3),
        **flags,
    )


def strided_slice(
    begin: list[int], end: list[int], strides: list[int], shape: tuple[int, ...], image: tuple[int, ...] = (5, 6, 7),
    **masks: int,
) -> Build:  # fmt: skip
    return lambda path: tiny.unary(
        path, "STRIDED_SLICE", (1, *image), shape, "StridedSliceOptions", (begin, end, strides), **masks
    )


def softmax(beta: float, shape: tuple[int, ...]) -> Build:
    return unary("SOFTMAX", "SoftmaxOptions", (0.05, 3), (1 / 256, -128), shape, beta=beta)


def pad_with(path: Path) -> Path:
    graph = tiny.Graph()
    x = graph.tensor("x", (1, 3, 5, 2), zero_point=-9)
    amounts = graph.const("amounts", np.array([[0, 0], [1, 2], [0, 1], [0, 3]], np.int32))
    number = graph.const("number", np.array([77], np.int8), scale=0.05, zero_point=-9)
    y = graph.tensor("y", (1, 6, 6, 5), zero_point=-9)
    graph.op("PADV2", [x, amounts, number], [y], "PadV2Options")
    return graph.write(path, [x], [y])


def select(comparison: str, right: tuple[int, ...] = (1, 4, 5, 6), scales: tuple[float, float] = (0.05, 0.05)) -> Build:
    """The left value where the comparison holds, else 17 of the left's scale."""

    def build(path: Path) -> Path:
        graph = tiny.Graph()
        x = graph.tensor("x", (1, 4, 5, 6), scale=scales[0], zero_point=3)
        z = graph.tensor("z", right, scale=scales[1], zero_point=3 if scales[0] == scales[1] else -20)
        holds = graph.tensor("holds", (1, 4, 5, 6), scale=None, dtype=np.bool_)
        other = graph.const("other", np.full((1, 4, 5, 6), 17, np.int8), scale=scales[0], zero_point=3)
        y = graph.tensor("y", (1, 4, 5, 6), scale=scales[0], zero_point=3)
        graph.op(comparison, [x, z], [holds])
        graph.op("SELECT", [holds, x, other], [y])
        return graph.write(path, [x, z], [y])

    return build


CORNERS: dict[str, dict[str, bool]] = {
    "plain": {}, "aligned": {"alignCorners": True}, "half_pixel": {"halfPixelCenters": True},
}  # fmt: skip
SIZES = {
    "twice": ((4, 5, 6), (8, 10)), "odd": ((3, 7, 1), (8, 9)), "smaller": ((7, 6, 3), (3, 4)), "pixel": ((1, 1, 5), (3, 2)),
    "to_pixel": ((5, 3, 4), (1, 1)),
}  # fmt: skip


def transpose_conv(kernel: tuple[int, int], stride: tuple[int, int], image: tuple[int, int], *, valid: bool) -> Build:
    """4 channels from 3."""

    def build(path: Path) -> Path:
        draw, graph = np.random.default_rng(2), tiny.Graph()
        sizes = [(size - 1) * s + k if valid else size * s for size, s, k in zip(image, stride, kernel)]
        to = graph.const("to", np.array([1, *sizes, 4], np.int32))
        w = graph.const("w", draw.integers(-127, 128, (4, *kernel, 3)).astype(np.int8), scale=np.full(4, 0.01))
        x = graph.tensor("x", (1, *image, 3), scale=0.05, zero_point=3)
        y = graph.tensor("y", (1, *sizes, 4), scale=0.2, zero_point=4)
        fields = dict(padding=int(valid), strideH=stride[0], strideW=stride[1])
        graph.op("TRANSPOSE_CONV", [to, w, x], [y], "TransposeConvOptions", **fields)
        return graph.write(path, [x], [y])

    return build


def windows(
    code: str, image: tuple[int, int, int], window: tuple[int, int], stride: tuple[int, int], *, groups: int = 1,
    activation: int = 0, bias: bool = True, per_channel: bool = True, dilation: int = 1,
) -> Build:  # fmt: skip
    """A convolution or a pooling with SAME padding; a convolution has 6 filters."""

    def build(path: Path) -> Path:
        draw, graph = np.random.default_rng(3), tiny.Graph()
        *sizes, channels = image
        q = {"scale": 0.05, "zero_point": 3}
        x = graph.tensor("x", (1, *image), **q)
        counts = [-(-size // step) for size, step in zip(sizes, stride)]
        fields = dict(padding=0, strideH=stride[0], strideW=stride[1], fusedActivationFunction=activation)
        if code.endswith("POOL_2D"):
            y = graph.tensor("y", (1, *counts, channels), **q)
            graph.op(code, [x], [y], "Pool2DOptions", filterHeight=window[0], filterWidth=window[1], **fields)
            return graph.write(path, [x], [y])
        is_depthwise = code == "DEPTHWISE_CONV_2D"
        filters = 2 * channels if is_depthwise else 6
        shape = (1, *window, filters) if is_depthwise else (filters, *window, channels // groups)
        scales = draw.uniform(0.002, 0.01, filters) if per_channel else np.full(1, 0.005)
        weights = draw.integers(-127, 128, shape).astype(np.int8)
        inputs = [x, graph.const("w", weights, scale=scales, channel_axis=3 if is_depthwise else 0)]
        if bias:
            inputs.append(graph.const("b", draw.integers(-900, 900, filters).astype(np.int32), scale=scales * 0.05))
        y = graph.tensor("y", (1, *counts, filters), scale=0.2, zero_point=-5)
        fields |= dict(dilationHFactor=dilation, dilationWFactor=dilation)
        if is_depthwise:
            fields["depthMultiplier"] = 2
        graph.op(code, inputs, [y], f"{'DepthwiseConv' if is_depthwise else 'Conv'}2DOptions", **fields)
        return graph.write(path, [x], [y])

    return build


def divided(
    code: str, image: tuple[int, ...], divisor: tuple[int, ...], scales: tuple[float, float, float], activation: int = 0
) -> Build:
    """By constants of both signs, none of which is the zero point."""

    def build(path: Path) -> Path:
        graph = tiny.Graph()
        x = graph.tensor("x", image, scale=scales[0], zero_point=3)
        numbers = np.random.default_rng(4).integers(-128, 128, divisor).astype(np.int8)
        numbers[(numbers == 0) | (numbers == 5)] = 9
        by = graph.const("by", numbers, scale=scales[1], zero_point=5)
        y = graph.tensor("y", np.broadcast_shapes(image, divisor), scale=scales[2], zero_point=-9)
        options, more = (
            (None, {}) if code.startswith("FLOOR") else ("DivOptions", {"fusedActivationFunction": activation})
        )
        graph.op(code, [x, by], [y], options, **more)
        return graph.write(path, [x], [y])

    return build


def place(code: str, image: tuple[int, ...], axis: int, dtype: type = np.int32) -> Build:
    """The place of the largest or of the smallest element along an axis."""

    def build(path: Path) -> Path:
        graph = tiny.Graph()
        x = graph.tensor("x", image)
        at = graph.const("at", np.array(axis, np.int32))
        shape = tuple(size for number, size in enumerate(image) if number != axis % len(image))
        y = graph.tensor("y", shape, scale=None, dtype=dtype)
        options = f"Arg{code[4:].capitalize()}Options"
        graph.op(code, [x, at], [y], options, outputType=4 if dtype is np.int64 else 2)
        return graph.write(path, [x], [y])

    return build


def product(image: tuple[int, ...], axes: list[int], result: tuple[int, ...], scales: tuple[float, float]) -> Build:
    return lambda path: tiny.unary(
        path, "REDUCE_PROD", image, result, "ReducerOptions", (axes,), into=(scales[0], 3), out=(scales[1], -7),
        keepDims=len(result) == len(image),
    )  # fmt: skip


#: Run on the host alone.
ARITHMETIC: dict[str, Build] = {
    "quotient_by_row": divided("DIV", (1, 5, 3, 7), (7,), (0.05, 0.05, 0.01)),
    "quotient_relu": divided("DIV", (1, 4, 5, 6), (1, 4, 5, 6), (0.03, 0.04, 0.004), activation=1),
    "quotient_by_column": divided("DIV", (1, 7, 2, 3), (1, 7, 1, 1), (0.09, 0.011, 0.06)),
    "floor_of_quotient": divided("FLOOR_DIV", (1, 5, 3, 7), (7,), (0.05, 0.05, 0.05)),
    "rest_of_quotient": divided("FLOOR_MOD", (1, 4, 5, 6), (1, 4, 5, 6), (0.05, 0.05, 0.05)),
    **{
        f"{name}_{at}": unary(code, options, into, out, shape)
        for name, code, options, out in (
            ("unit_vector", "L2_NORMALIZATION", "L2NormOptions", (1 / 128, 0)),
            ("log_softmax", "LOG_SOFTMAX", "LogSoftmaxOptions", (1 / 16, 127)),
        )
        for at, (into, shape) in enumerate((((0.05, 3), (1, 4, 5, 6)), ((0.2, -128), (3, 2)), ((0.011, 127), (1, 333))))
    },
    "product_of_channels": product((1, 5, 3, 7), [3], (1, 5, 3), (0.05, 0.01)),
    "product_of_two_axes": product((1, 4, 2, 5), [1, -1], (1, 2), (0.02, 0.03)),
    "product_of_rows": product((1, 3, 5, 2), [1], (1, 1, 5, 2), (0.1, 0.5)),
    "largest_of_channels": place("ARG_MAX", (1, 5, 3, 7), 3),
    "smallest_of_rows": place("ARG_MIN", (1, 5, 3, 7), 1),
    "smallest_of_vector": place("ARG_MIN", (1, 13), -1, np.int64),
}


OPERATORS: dict[str, Build] = {
    **{name: ARITHMETIC[name] for name in ("quotient_relu", "unit_vector_1", "log_softmax_0", "largest_of_channels")},
    "largest_of_vector": place("ARG_MAX", (1, 11), -1, np.int64),
    **{
        f"{name}_rows_left_out": windows(code, (6, 5, 4), (1, 3), (2, 2), **more)
        for name, code, more in (
            ("conv", "CONV_2D", {"activation": 1}),
            ("groups", "CONV_2D", {"groups": 2}),
            ("depthwise", "DEPTHWISE_CONV_2D", {"per_channel": False}),
            ("max_pool", "MAX_POOL_2D", {"activation": 3}),
            ("average_pool", "AVERAGE_POOL_2D", {}),
        )
    },
    "conv_columns_left_out": windows("CONV_2D", (7, 9, 3), (5, 2), (2, 4), dilation=2, per_channel=False),
    "max_pool_rows_left_out_by_three": windows("MAX_POOL_2D", (9, 5, 1), (1, 2), (4, 2)),
    "square_root": unary("SQRT", None, (0.05, -128), (0.03, -9)),
    "square_root_of_vector": unary("SQRT", None, (0.25, -128), (0.031, -128), (1, 13)),
    "gelu": unary("GELU", "GeluOptions", (0.05, 3), (0.04, -90), approximate=False),
    "gelu_narrow": unary("GELU", "GeluOptions", (0.011, 120), (0.021, 7), (1, 13), approximate=False),
    "negative": unary("NEG", None, (0.05, 0), (0.05, 0)),
    "fully_connected_ties": fully_connected((1.0, 1.0, 4.0), 16),
    "fully_connected_ties_of_three": fully_connected((0.5, 3.0, 16.0), 7, zero_point=-128),
    "fully_connected_ties_per_channel": fully_connected((1.0, 1.0, 8.0), 5, zero_point=37, per_channel=True),
    "fully_connected_near_ties": fully_connected((1 - 2**-23, 1 + 2**-23, 4.0), 9),
    "fully_connected_activations": fully_connected((0.04, 0.005, 0.002), 8, rows=1, constant=False),
    "fully_connected_activations_ties": fully_connected((1.0, 1.0, 4.0), 3, constant=False),
    **{
        f"transpose_conv_{name}_{'valid' if valid else 'same'}": transpose_conv(*shapes, valid=valid)
        for valid in (False, True)
        for name, shapes in {
            "3x3_by_2": ((3, 3), (2, 2), (4, 5)),
            "2x2_by_2": ((2, 2), (2, 2), (3, 3)),
            "1x4_by_3": ((1, 4), (3, 3), (5, 2)),
            "2x1_by_1x3": ((2, 1), (1, 3), (4, 3)),
            "1x1_by_4": ((1, 1), (4, 4), (2, 3)),
            "1x3_by_1x3": ((1, 3), (1, 3), (4, 6)),  # its pixels are channels of a convolution
        }.items()
    },
    **{
        f"select_{name.lower()}": select(name)
        for name in ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
    },
    "select_unequal_scales": select("GREATER", scales=(0.05, 0.031)),
    "select_tiny_scales": select("LESS_EQUAL", scales=(0.0007, 0.0004)),
    "select_row": select("GREATER_EQUAL", (1, 1, 1, 6)),
    "select_vector": select("LESS", (6,)),
    "leaky_negative_slope": leaky(-0.4),
    **{f"softmax_beta_{beta}": softmax(beta, (1, 4, 5, 6)) for beta in (0.1, 0.73, 2.0, 30.0)},
    "softmax_beta_of_two": softmax(0.5, (1, 3, 3, 2)),
    "softmax_beta_of_vector": softmax(2.0, (1, 13)),
    "pad_with_number_in_vector": pad_with,
    "leaky_negative_slope_ties": leaky(-1.0, (0.25, 0), (0.5, 0)),
    "leaky_steep_slope": leaky(1.7),
    "leaky_steep_slope_saturates": leaky(9.0, (0.05, 3), (0.01, 100)),
    "abs_rescaled": unary("ABS", "AbsOptions", (0.05, 3), (0.04, -128)),
    "abs_other_zero_point": unary("ABS", "AbsOptions", (0.05, 90), (0.05, -100), (1, 13)),
    "abs_rescaled_one_element": unary("ABS", "AbsOptions", (0.031, -128), (0.09, -100), (1, 1)),
    "relu_n1_to_1_rescaled": unary("RELU_N1_TO_1", "AbsOptions", (0.031, 3), (0.01, -3)),
    "relu_n1_to_1_narrow": unary("RELU_N1_TO_1", "AbsOptions", (0.05, -9), (0.3, 5), (1, 13)),
    "prelu_whole": prelu((4, 5, 6), (1, 4, 5, 6)),
    "prelu_vector": prelu((4, 5, 6), (6,)),
    "prelu_vector_odd": prelu((7, 2, 3), (3,)),
    "prelu_number": prelu((3, 3, 1), (1,)),
    **{
        f"bilinear_{name}_{size}": resize("BILINEAR", *SIZES[size], **flags)
        for name, flags in CORNERS.items()
        for size in SIZES
    },
    **{
        f"nearest_both_flags_{size}": resize("NEAREST_NEIGHBOR", *SIZES[size], alignCorners=True, halfPixelCenters=True)
        for size in SIZES
    },
    "slice_backwards": strided_slice([0, -1, 0, 0], [1, -6, 6, 7], [1, -1, 1, 1], (1, 5, 6, 7)),
    "slice_backwards_by_two": strided_slice(
        [0, 0, 0, 0], [1, 0, 0, 0], [1, -1, -2, -3], (1, 5, 3, 3), beginMask=14, endMask=14
    ),
    "slice_backwards_part": strided_slice([0, 3, 4, 0], [1, 0, 1, 7], [1, -2, -1, 1], (1, 2, 3, 7)),
    "slice_ellipsis": strided_slice([0, 0], [0, 1], [1, 1], (1, 5, 6, 1), ellipsisMask=1),
    "slice_ellipsis_between": strided_slice([0, 0, -1], [1, 0, 0], [1, 1, -1], (1, 5, 6, 6), ellipsisMask=2),
    "slice_new_axis": strided_slice([0, 0, 1, 0, 0], [1, 0, 5, 6, 7], [1, 1, 2, 1, 2], (1, 1, 2, 6, 4), newAxisMask=2),
    "slice_new_axis_and_one_less": strided_slice(
        [0, -1, 0, 1], [1, 0, 0, 7], [1, 1, 1, 2], (1, 1, 3, 7), newAxisMask=4, shrinkAxisMask=2
    ),
}


@pytest.mark.parametrize(("axes", "shape"), [([1, 2], (1, 6)), ([3], (1, 4, 5)), ([-3], (1, 5, 6)), ([1, 2, 3], (1,))])
@pytest.mark.parametrize("scale", [0.05, 0.04, 0.5, 3.2, 0.8])
def test_sum_rounds_the_exact_sum_once(axes: list[int], shape: tuple[int, ...], scale: float, tmp_path: Path) -> None:
    """LiteRT's reference kernel of SUM does not compute a sum."""
    path = tiny.unary(tmp_path / "model.tflite", "SUM", (1, 4, 5, 6), shape, "ReducerOptions", (axes,),
                      into=(0.05, 3), out=(scale, -7), keepDims=False)  # fmt: skip
    with ir.Context():
        reference = Reference(load(path))
        for (x,) in int8_inputs([(1, 4, 5, 6)]):
            real = (x.astype(int) - 3).sum(tuple(axes)) * (float(np.float32(0.05)) / float(np.float32(scale)))
            rounded = np.copysign(np.floor(np.abs(real) + 0.5), real)
            np.testing.assert_array_equal(reference(x)[0], np.clip(rounded - 7, -128, 127).astype(np.int8))


@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name: str, tmp_path: Path) -> None:
    check_model(OPERATORS[name](tmp_path / "model.tflite"))


def test_rows_left_out_beside_a_halo_are_no_copy(tmp_path: Path) -> None:
    path = OPERATORS["conv_rows_left_out"](tmp_path / "model.tflite")
    assert re.findall(r"vmcu\.kernel @(\w+)", Compilation(path, "cortex-m4").emit("kernels")) == ["conv2d_0"]


def test_groups_without_bias_have_a_bias_of_zero(tmp_path: Path) -> None:
    """LiteRT wants a bias; other exporters leave it out, at which the converter crashes."""
    bare, full = (
        windows("CONV_2D", (5, 5, 4), (3, 3), (1, 1), groups=2, bias=bias)(tmp_path / f"{bias}.tflite")
        for bias in (False, True)
    )
    data = full.read_bytes()
    bias = next(each for each in read_model(data).tensors if each.label == "b")
    full.write_bytes(data.replace(bytes(bias.data), bytes(len(bias.data))))
    with ir.Context():
        compute = Reference(load(bare))
        for inputs in int8_inputs([(1, 5, 5, 4)]):
            np.testing.assert_array_equal(compute(*inputs)[0], litert(full, inputs))


Q: Ends = (0.05, 3)


def moved(
    code: str, options: str | None, image: tuple[int, ...], result: tuple[int, ...], *extra: object, **fields: object
) -> Build:
    """An operator that moves bytes or picks some, so that input and output have one scale and zero point."""
    return lambda path: tiny.unary(path, code, image, result, options, extra, into=Q, out=Q, **fields)


def kept_operators() -> dict[str, Build]:
    found: dict[str, Build] = {}
    for h, w, c in ((4, 5, 6), (3, 3, 1), (7, 2, 3)):
        image, name = (1, h, w, c), f"{h}x{w}x{c}"
        large, deep = (1, 2 * h, 2 * w, c), (1, h, w, 4 * c)
        found |= {
            f"tile_{name}": moved("TILE", "TileOptions", image, (1, 2 * h, w, 3 * c), [1, 2, 1, 3]),
            f"broadcast_{name}": moved("BROADCAST_TO", None, (1, h, 1, c), (1, h, w, c), [1, h, w, c]),
            f"gather_{name}": moved("GATHER", "GatherOptions", image, (1, 4, w, c), [2, 0, 1, 1], axis=1),
            f"mirror_{name}": moved("MIRROR_PAD", "MirrorPadOptions", image, (1, h + 2, w + 1, c),
                                    [[0, 0], [1, 1], [1, 0], [0, 0]], mode=0),
            f"to_space_{name}": moved("DEPTH_TO_SPACE", "DepthToSpaceOptions", deep, large, blockSize=2),
            f"to_depth_{name}": moved("SPACE_TO_DEPTH", "SpaceToDepthOptions", large, deep, blockSize=2),
            f"max_{name}": moved("REDUCE_MAX", "ReducerOptions", image, (1, c), [1, 2], keepDims=False),
            f"min_{name}": moved("REDUCE_MIN", "ReducerOptions", image, (1, h, w, 1), [3], keepDims=True),
        }  # fmt: skip
    return found


KEPT = kept_operators()


@pytest.mark.parametrize("name", KEPT)
def test_operator_that_the_converter_writes_equals_litert(name: str, tmp_path: Path) -> None:
    check_against_litert(KEPT[name](tmp_path / "model.tflite"))


def test_slice_of_nothing_invalid(tmp_path: Path) -> None:
    path = strided_slice([0, 1, 0, 0], [1, 3, 6, 7], [1, -1, 1, 1], (1, 2, 6, 7))(tmp_path / "model.tflite")
    with ir.Context(), pytest.raises(Unsupported, match="STRIDED_SLICE at layer 'y' .* nothing is left of axis 1"):
        load(path)


def test_slopes_larger_than_the_input_invalid(tmp_path: Path) -> None:
    path = prelu((1, 1, 6), (1, 2, 3, 6))(tmp_path / "model.tflite")
    with ir.Context(), pytest.raises(Unsupported, match="PRELU at layer 'y' is not supported: slopes 'alpha'"):
        load(path)


def test_two_betas_of_one_input_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y, z = (graph.tensor(name, (1, 8)) for name in "xyz")
    for result, beta in ((y, 1.0), (z, 2.0)):
        graph.op("SOFTMAX", [x], [result], "SoftmaxOptions", beta=beta)
    with (
        ir.Context(),
        pytest.raises(Unsupported, match="SOFTMAX at layer 'z' .*: beta is 2; supported is one positive beta"),
    ):
        load(graph.write(tmp_path / "model.tflite", [x], [y, z]))


def test_two_equal_betas_of_one_input(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, first, second, y = (graph.tensor(name, (1, 8), scale=1 / 256, zero_point=-128) for name in ("x", "a", "b", "y"))
    for result in (first, second):
        graph.op("SOFTMAX", [x], [result], "SoftmaxOptions", beta=20.0)
    graph.op("ADD", [first, second], [y], "AddOptions")
    check_model(graph.write(tmp_path / "model.tflite", [x], [y]))


@pytest.mark.parametrize("code", ["CEIL", "COS", "ELU", "FLOOR", "SIGN", "SIN", "SQUARE"])
def test_operator_without_a_kernel_invalid(code: str, tmp_path: Path) -> None:
    path = tiny.unary(tmp_path / "model.tflite", code, (1, 8), (1, 8), out=(0.04, 3))
    with ir.Context(), pytest.raises(Unsupported, match=f"operator {code} at layer 'y' .* is not supported: .* int8"):
        load(path)


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic(name: str, tmp_path: Path) -> None:
    check_against_litert(ARITHMETIC[name](tmp_path / "model.tflite"))


def test_quotients_by_zero_and_near_it_are_zero(tmp_path: Path) -> None:
    """LiteRT stops at the former and shifts beyond a word at the latter."""
    graph = tiny.Graph()
    x = graph.tensor("x", (1, 4), zero_point=3)
    by = graph.const("by", np.array([[5, 127, 127, -128]], np.int8), scale=0.05, zero_point=5)
    y = graph.tensor("y", (1, 4), scale=0.5, zero_point=-9)
    graph.op("DIV", [x, by], [y], "DivOptions")
    with ir.Context():
        compute = Reference(load(graph.write(tmp_path / "model.tflite", [x], [y])))
        np.testing.assert_array_equal(compute(np.array([[100, 3, 4, 3]], np.int8))[0], np.full((1, 4), -9))


def test_constant_of_floats_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y = graph.tensor("x", (1, 8)), graph.tensor("y", (1, 8))
    factor = graph.const("factor", np.ones((1, 8), np.float32))
    graph.op("MUL", [x, factor], [y], "MulOptions")
    message = r"MUL at layer 'y' .*: the constant 'factor' \(float32\[1x8\]\) is float32; supported: int8"
    with ir.Context(), pytest.raises(Unsupported, match=message):
        load(graph.write(tmp_path / "model.tflite", [x], [y]))


def test_unit_vector_of_another_scale_invalid(tmp_path: Path) -> None:
    path = unary("L2_NORMALIZATION", "L2NormOptions", Q, (0.01, 3), (1, 8))(tmp_path / "model.tflite")
    message = "its output has the scale 0.01 and the zero point 3; supported: int8; an output of scale 1/128"
    with ir.Context(), pytest.raises(Unsupported, match=message):
        load(path)


def test_comparison_of_large_scale_invalid(tmp_path: Path) -> None:
    path = select("GREATER", scales=(2.0, 0.5))(tmp_path / "model.tflite")
    with ir.Context(), pytest.raises(Unsupported, match="GREATER at layer 'holds' .* has the scale 2; supported are"):
        load(path)
