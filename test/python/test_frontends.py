"""What `load` and `to_linalg` make of files: shapes, boundaries, fused layers, and refusals that name the culprit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import mlir
import numpy as np
import pytest
from mlir import ir

import tiny_tflite as tiny
from vmcu.errors import InputError, MissingTool, Unsupported
from vmcu.frontends import Port, load, ports
from vmcu.ir.walk import walk
from vmcu.passes.pipelines import to_linalg

ZOO = os.environ.get("VMCU_MODEL_ZOO")
MODELS = {
    "ad01_int8": ("1x640", "1x640"),
    "kws_ref_model": ("1x49x10x1", "1x12"),
    "pretrainedResnet_quant": ("1x32x32x3", "1x10"),
    "vww_96_int8": ("1x96x96x3", "1x2"),
    "mcunet_vww_80": ("1x80x80x3", "1x2"),
}
needs_zoo = pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")

TOSA_RELU = """
func.func @{name}(%a: tensor<{shape}>) -> tensor<{shape}> {{
  %0 = tosa.clamp %a {{min_val = {low}, max_val = {high}}} : (tensor<{shape}>) -> tensor<{shape}>
  return %0 : tensor<{shape}>
}}
"""
INT8_RELU = TOSA_RELU.format(name="main", shape="1x4xi8", low="0 : i8", high="127 : i8")
FLOAT_RELU = TOSA_RELU.format(name="main", shape="1x4xf32", low="0.0 : f32", high="6.0 : f32")


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def named(module: ir.Module, name: str) -> list[ir.OpView]:
    return [op for op in walk(module.operation) if op.operation.name == name]


def generics_with_inputs(module: ir.Module, *types: str) -> list[ir.OpView]:
    """The generics whose inputs have these element types, in any order."""
    found = named(module, "linalg.generic")
    return [op for op in found if sorted(str(v.type.element_type) for v in op.inputs) == sorted(types)]


@needs_zoo
@pytest.mark.parametrize("name", MODELS)
def test_network_has_static_int8_signature(name: str) -> None:
    source, result = MODELS[name]
    with ir.Context():
        module = load(Path(ZOO) / f"{name}.tflite")
        assert str(module.body.operations[0].type) == f"(tensor<{source}xi8>) -> tensor<{result}xi8>"
        assert "?" not in str(module.body.operations[0].type)
        (entry,), (end,) = ports(module)
        assert entry.scale > 0 and end.scale > 0 and entry.name and end.name


@needs_zoo
@pytest.mark.parametrize("name", MODELS)
def test_network_becomes_linalg_once(name: str) -> None:
    with ir.Context():
        module = load(Path(ZOO) / f"{name}.tflite")
        before = ports(module)
        to_linalg(module)
        left = {op.operation.name for op in walk(module.operation)}
        assert {op for op in left if op.startswith("tosa.")} <= {"tosa.apply_scale"}
        assert ports(module) == before
        once = str(module)
        to_linalg(module)
        assert str(module) == once


@needs_zoo
def test_residual_add_is_one_generic_of_two_int8_tensors() -> None:
    with ir.Context():
        module = load(Path(ZOO) / "pretrainedResnet_quant.tflite")
        to_linalg(module)
        assert len(generics_with_inputs(module, "i8", "i8")) == 3


@needs_zoo
def test_weights_are_plain_constants() -> None:
    with ir.Context():
        module = load(Path(ZOO) / "vww_96_int8.tflite")
        to_linalg(module)
        kernels = [op for op in walk(module.operation) if "conv_2d" in op.operation.name]
        assert len(kernels) == 28
        assert {op.operands[1].owner.operation.name for op in kernels} == {"arith.constant"}


@needs_zoo
def test_stock_mlir_opt_reads_the_module(tmp_path: Path) -> None:
    tool = shutil.which("mlir-opt") or str(Path(next(iter(mlir.__path__))) / "bin" / "mlir-opt")
    with ir.Context():
        module = load(Path(ZOO) / "kws_ref_model.tflite")
        text = written(tmp_path / "model.mlir", str(module))
    subprocess.run([tool, str(text), "-o", "/dev/null"], check=True)


def test_depthwise_bias_and_requantisation_are_one_generic(tmp_path: Path) -> None:
    with ir.Context():
        module = load(tiny.conv(tmp_path / "model.tflite", multiplier=2))
        to_linalg(module)
        (only,) = named(module, "linalg.generic")
        assert str(only.results[0].type.element_type) == "i8"
        assert len([op for op in walk(only) if op.operation.name == "tosa.apply_scale"]) == 1


def test_mean_of_channels_widens_inside_its_reduction(tmp_path: Path) -> None:
    path = tiny.unary(
        tmp_path / "model.tflite", "MEAN", (1, 7, 5, 4), (1, 7, 5), "ReducerOptions", ([3],), keepDims=False
    )
    with ir.Context():
        module = load(path)
        to_linalg(module)
        generics = named(module, "linalg.generic")
        reductions = [op for op in generics if "reduction" in str(op.attributes["iterator_types"])]
        assert [str(op.inputs[0].type) for op in reductions] == ["tensor<1x7x5x4xi8>"]


@pytest.mark.parametrize("axes", [[1, 2], [2, 1]])
def test_mean_of_all_pixels_is_a_convolution(tmp_path: Path, axes: list[int]) -> None:
    path = tiny.unary(
        tmp_path / "model.tflite", "MEAN", (1, 7, 5, 4), (1, 4), "ReducerOptions", (axes,), keepDims=False
    )
    with ir.Context():
        module = load(path)
        to_linalg(module)
        (anchor,) = named(module, "linalg.depthwise_conv_2d_nhwc_hwcm")
        assert str(anchor.inputs[0].type) == "tensor<1x7x5x4xi8>"
        assert not any("reduction" in str(op.attributes["iterator_types"]) for op in named(module, "linalg.generic"))


def test_padding_becomes_attributes(tmp_path: Path) -> None:
    sizes = ([[0, 0], [1, 1], [1, 2], [0, 0]],)
    with ir.Context():
        module = load(tiny.unary(tmp_path / "m.tflite", "PAD", (1, 8, 8, 4), (1, 10, 11, 4), "PadOptions", sizes))
        to_linalg(module)
        (pad,) = named(module, "tensor.pad")
        assert (list(pad.static_low), list(pad.static_high)) == ([0, 1, 1, 0], [0, 1, 2, 0])


@pytest.mark.parametrize(("rows", "dynamic"), [(1, False), (4, False), (1, True)])
def test_fully_connected_rounds_once(tmp_path: Path, rows: int, dynamic: bool) -> None:
    with ir.Context():
        module = load(tiny.fully_connected(tmp_path / "model.tflite", rows, dynamic_batch=dynamic))
        assert ["SINGLE_ROUND" in str(op) for op in named(module, "tosa.rescale")] == [True]


def test_convolution_rounds_twice(tmp_path: Path) -> None:
    with ir.Context():
        module = load(tiny.conv(tmp_path / "model.tflite", kernel=1))
        assert ["DOUBLE_ROUND" in str(op) for op in named(module, "tosa.rescale")] == [True]


def test_adds_that_rescale_one_tensor_alike_are_one_generic_each(tmp_path: Path) -> None:
    graph, shape = tiny.Graph(), (1, 4, 4, 8)
    x, y, first, second = (graph.tensor(name, shape) for name in ("x", "y", "first", "second"))
    graph.op("ADD", [x, y], [first], "AddOptions")
    graph.op("ADD", [first, x], [second], "AddOptions")
    with ir.Context():
        module = load(graph.write(tmp_path / "model.tflite", [x, y], [second]))
        to_linalg(module)
        assert len(named(module, "linalg.generic")) == len(generics_with_inputs(module, "i8", "i8")) == 2


def test_locations_name_the_layer(tmp_path: Path) -> None:
    with ir.Context():
        (convolution,) = named(load(tiny.conv(tmp_path / "model.tflite")), "tosa.conv2d")
        assert convolution.location.name_str == "y"


def test_int8_io_cuts_float_boundaries(tmp_path: Path) -> None:
    with ir.Context():
        module = load(tiny.conv(tmp_path / "model.tflite", float_io=True))
        assert "f32" not in " ".join(str(v.type) for op in walk(module.operation) for v in op.operation.results)
        (entry,), (end,) = ports(module)
    assert (entry.name, entry.zero_point, end.name, end.zero_point) == ("real0", -3, "real1", 5)
    np.testing.assert_allclose([entry.scale, end.scale], [0.04, 0.2], rtol=1e-6)


def test_float_io_keeps_boundaries_and_tells_their_quantisation(tmp_path: Path) -> None:
    with ir.Context():
        module = load(tiny.conv(tmp_path / "model.tflite", float_io=True), io="float")
        assert str(module.body.operations[0].type) == "(tensor<1x8x8x4xf32>) -> tensor<1x8x8x6xf32>"
        assert ports(module)[1][0].zero_point == 5


def test_ports_of_int8_model_come_from_the_file(tmp_path: Path) -> None:
    with ir.Context():
        found = ports(load(tiny.binary(tmp_path / "m.tflite", "ADD", (1, 2, 2, 1), (1, 2, 2, 1))))
    f32 = [float(np.float32(scale)) for scale in (0.05, 0.03, 0.07)]
    assert found == ((Port("left", f32[0], 2), Port("right", f32[1], -7)), (Port("y", f32[2], -11),))


def test_mlir_file_reads_text_and_bytecode(tmp_path: Path) -> None:
    with ir.Context():
        text = load(written(tmp_path / "relu.mlir", INT8_RELU))
        with open(tmp_path / "relu.mlirbc", "wb") as file:
            text.operation.write_bytecode(file)
        assert str(load(tmp_path / "relu.mlirbc")) == str(text)
        assert ports(text) == ((Port(),), (Port(),))


def test_mlir_function_of_another_name_becomes_main(tmp_path: Path) -> None:
    with ir.Context():
        module = load(written(tmp_path / "relu.mlir", INT8_RELU.replace("@main", "@forward")))
        assert module.body.operations[0].name.value == "main"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.pt", b"", r"unknown kind of model '\.pt'; supported are \.tflite, \.mlir, \.mlirbc"),
        ("model.tflite", b"hello", r"model\.tflite: not a TFLite model, or a damaged one \(5 bytes\)"),
        ("model.tflite", b"", "not a TFLite model"),
        ("model.mlir", b"func.func @main(", r"model\.mlir: expected"),
        ("model.mlir", b"func.func @a() { return } func.func @b() { return }", "one public function, found @a, @b"),
        ("model.mlir", b"", "one public function, found none"),
    ],
)
def test_file_invalid(tmp_path: Path, file: str, content: bytes, message: str) -> None:
    (tmp_path / file).write_bytes(content)
    with ir.Context(), pytest.raises(InputError, match=message):
        load(tmp_path / file)


def test_missing_file_invalid(tmp_path: Path) -> None:
    with ir.Context(), pytest.raises(InputError, match=r"nowhere\.tflite: no such file"):
        load(tmp_path / "nowhere.tflite")


def test_io_invalid(tmp_path: Path) -> None:
    with ir.Context(), pytest.raises(InputError, match="io is 'int16'; supported are 'auto', 'int8', 'uint8', 'float'"):
        load(tmp_path / "model.mlir", io="int16")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_model_invalid(tmp_path: Path, share: float) -> None:
    whole = tiny.conv(tmp_path / "whole.tflite").read_bytes()
    (tmp_path / "half.tflite").write_bytes(whole[: int(len(whole) * share)])
    with ir.Context(), pytest.raises(InputError, match="damaged"):
        load(tmp_path / "half.tflite")


@pytest.mark.parametrize("io", ["int8", "float"])
def test_float_network_invalid(tmp_path: Path, io: str) -> None:
    with ir.Context():
        with pytest.raises(Unsupported, match=r"model\.tflite: operator RELU at layer 'hidden' .* computes on float32"):
            load(tiny.real(tmp_path / "model.tflite", "TANH"), io=io)
        with pytest.raises(Unsupported, match=r"relu\.mlir: tosa\.clamp"):
            load(written(tmp_path / "relu.mlir", FLOAT_RELU), io=io)


def test_operator_without_tosa_equivalent_invalid(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tiny.unary(tmp_path / "model.tflite", "CUMSUM", (1, 8), (1, 8), "CumsumOptions", (1,))
    with (
        ir.Context(),
        pytest.raises(Unsupported, match=r"operator CUMSUM at layer 'y' \(number 0\): it is not supported"),
    ):
        load(path)
    assert capfd.readouterr() == ("", "")


def test_operator_that_the_converter_refuses_invalid(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tiny.unary(tmp_path / "model.tflite", "LOGISTIC", (1, 8), (1, 9))
    with ir.Context(), pytest.raises(Unsupported, match=r"model\.tflite: 'tfl\.logistic' op .* at layer 'y'"):
        load(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("code", "more", "why"),
    [
        ("NEG", {"out": (0.05, 3)}, "LiteRT's kernel negates integers .*; nearest is SUB from a constant"),
        ("ROUND", {}, "it is not supported"),
    ],
)
def test_operator_that_the_converter_gets_wrong_invalid(tmp_path: Path, code: str, more: dict, why: str) -> None:
    path = tiny.unary(tmp_path / "model.tflite", code, (1, 8), (1, 8), **more)
    with ir.Context(), pytest.raises(Unsupported, match=rf"model\.tflite: operator {code} at layer 'y' .*: {why}"):
        load(path)


def test_operator_that_the_converter_fails_at_silently_is_found(tmp_path: Path) -> None:
    graph = tiny.Graph()
    rows = 3 * 16384 + 1  # the ratio has more digits than TOSA has room for
    x, first = (graph.tensor(name, (1, 3, 3, 2)) for name in ("x", "first"))
    second, third = (graph.tensor(name, (1, rows, 3, 2)) for name in ("second", "third"))
    size = graph.const("size", np.array([rows, 3], np.int32))
    graph.op("RELU", [x], [first])
    graph.op("RESIZE_NEAREST_NEIGHBOR", [first, size], [second], "ResizeNearestNeighborOptions")
    graph.op("RELU", [second], [third])
    path = graph.write(tmp_path / "model.tflite", [x], [third])
    with (
        ir.Context(),
        pytest.raises(Unsupported, match=r"model\.tflite: the TFLite converter failed .* layer 'second'"),
    ):
        load(path)


def test_missing_converter_is_an_incomplete_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny.conv(tmp_path / "model.tflite")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with ir.Context(), pytest.raises(MissingTool, match="pip install tosa-converter-for-tflite"):
        load(path)


@pytest.mark.parametrize(("shape", "message"), [("?x4xi8", "static shape"), ("2x4x4x1xi8", "a batch of 2")])
def test_shape_invalid(tmp_path: Path, shape: str, message: str) -> None:
    text = TOSA_RELU.format(name="main", shape=shape, low="0 : i8", high="127 : i8")
    with ir.Context(), pytest.raises(Unsupported, match=message):
        load(written(tmp_path / "model.mlir", text))


def test_int64_network_invalid(tmp_path: Path) -> None:
    text = TOSA_RELU.format(name="main", shape="1x4xi64", low="0 : i64", high="127 : i64")
    message = "input 0 of @main is tensor<1x4xi64>; supported are tensors of int8, uint8"
    with ir.Context(), pytest.raises(Unsupported, match=message):
        load(written(tmp_path / "model.mlir", text))


def test_operation_without_lowering_invalid() -> None:
    text = """
    func.func @main(%a: tensor<1x4xi8>) -> tensor<1x4xi8> {
      %0 = tosa.custom %a {domain_name = "d", implementation_attrs = "", operator_name = "magic"}
         : (tensor<1x4xi8>) -> tensor<1x4xi8>
      return %0 : tensor<1x4xi8>
    }"""
    with ir.Context(), pytest.raises(Unsupported, match=r"tosa\.custom"):
        to_linalg(ir.Module.parse(text))
