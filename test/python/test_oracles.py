"""Oracles answer the same, judge what is wrong, and refuse what they cannot judge."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import tiny_tflite as tiny
import vmcu
from test_reference import OPERATORS, int8_inputs, litert
from tosa_models import MODELS
from vmcu import frontends
from vmcu.abi.tensor import Tensor
from vmcu.driver.compilation import Compilation, Compiled
from vmcu.driver.program import assemble
from vmcu.errors import MissingTool
from vmcu.ir import walk
from vmcu.passes import pipelines
from vmcu.passes._registry import vmcu_pass
from vmcu.report.figures import is_exact, measure
from vmcu.run.oracles import Refusal, open_panel
from vmcu.run.oracles import litert as litert_oracle
from vmcu.run.oracles.boundary import from_file, to_file

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
ZOO = os.environ.get("VMCU_MODEL_ZOO")
NETWORKS = ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8", "mcunet_vww_80"]
needs_zoo = pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")
ORACLES = ("litert", "tosa", "mlir")
LINALG = """
func.func @main(%a: tensor<1x4xi8>) -> tensor<1x4xi8> {
  %0 = tensor.empty() : tensor<1x4xi8>
  %1 = linalg.add ins(%a, %a : tensor<1x4xi8>, tensor<1x4xi8>) outs(%0 : tensor<1x4xi8>) -> tensor<1x4xi8>
  return %1 : tensor<1x4xi8>
}
"""
# TOSA adds 32-bit integers; upstream's lowering takes others, too.
INT8_ADD = """
func.func @main(%a: tensor<1x4xi8>) -> tensor<1x4xi8> {
  %0 = tosa.add %a, %a : (tensor<1x4xi8>, tensor<1x4xi8>) -> tensor<1x4xi8>
  return %0 : tensor<1x4xi8>
}
"""


def check_agreement(compilation: Compilation, oracles: tuple[str, ...] = ORACLES) -> None:
    """Seven runs (five random inputs, all -128, all 127), of which all oracles say the same, each under its name."""
    panels = {name: compilation.oracle(name) for name in oracles}
    ports, seen = compilation.interface[0], set()
    for inputs in int8_inputs([each.shape for each in ports]):
        given = [as_real(port, array) if port.dtype.kind == "f" else array for port, array in zip(ports, inputs)]
        answers = {name: panel.ask(*given) for name, panel in panels.items()}
        for name, answer in answers.items():
            assert answer.oracle.startswith(f"{name} ") and re.search(r" \d+\.\d+", answer.oracle) and not answer.notes
            assert is_exact(answer.outputs, answers["mlir"].outputs), f"{name} and mlir differ"
        seen.add(answers["mlir"].outputs[0].tobytes())
    assert len(seen) > 2, "a network that always says the same proves nothing"


def as_real(port: Tensor, array: np.ndarray) -> np.ndarray:
    return (np.float32(port.scale) * (array.astype(np.float32) - np.float32(port.zero_point))).astype(np.float32)


def test_oracles_agree_on_the_example() -> None:
    check_agreement(Compilation(DIGITS))


@needs_zoo
@pytest.mark.parametrize("name", NETWORKS)
def test_oracles_agree_on_networks(name: str) -> None:
    check_agreement(Compilation(Path(ZOO) / f"{name}.tflite"))


@pytest.mark.parametrize("io", ["int8", "float"])
def test_oracles_agree_behind_float_boundaries(io: str, tmp_path: Path) -> None:
    path = tiny.conv(tmp_path / "net.tflite", float_io=True)
    compilation = Compilation(path, io=io)
    assert str(compilation.interface[0][0].dtype) == {"int8": "int8", "float": "float32"}[io]
    check_agreement(compilation)


def test_real_numbers_beyond_the_range_saturate(tmp_path: Path) -> None:
    """The core, the host and the reference model do as LiteRT does."""
    compiled = Compilation(tiny.conv(tmp_path / "net.tflite", float_io=True), io="float").finish()
    image = np.random.default_rng(0).uniform(-100, 100, (1, 8, 8, 4)).astype(np.float32)
    ends = compiled.inputs[0].scale * (np.array([-128, 127]) - compiled.inputs[0].zero_point)
    assert ((image < ends[0]) | (image > ends[1])).mean() > 0.5
    with compiled.firmware() as firmware:
        outputs = firmware.run(image, count=False).outputs
    for oracle in ORACLES:
        assert is_exact(outputs, compiled.oracle(oracle).ask(image).outputs), oracle


def test_litert_oracle_is_litert(tmp_path: Path) -> None:
    path = tiny.conv(tmp_path / "net.tflite", kernel=1)
    (inputs, *_) = int8_inputs([(1, 8, 8, 4)])
    (found,) = Compilation(path).oracle("litert").ask(*inputs).outputs
    np.testing.assert_array_equal(found, litert(path, inputs))


def test_litert_pins_a_dynamic_batch(tmp_path: Path) -> None:
    check_agreement(Compilation(tiny.fully_connected(tmp_path / "net.tflite", dynamic_batch=True)))


@pytest.mark.parametrize("name", MODELS)
def test_tosa_on_the_core_equals_the_reference_model(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(MODELS[name]())
    compiled = Compilation(path).finish()
    panel, found = compiled.oracle("tosa"), []
    with compiled.firmware() as firmware:
        for inputs in int8_inputs([each.shape for each in compiled.inputs]):
            outputs = firmware.run(*inputs, count=False).outputs
            answer = panel.ask(*inputs)
            assert is_exact(outputs, answer.outputs), "the core and the reference model differ"
            assert is_exact(compiled.reference(*inputs), answer.outputs), "the host and the reference model differ"
            found.append(outputs[0])
    assert len(np.unique(found[0])) > 3 and len({each.tobytes() for each in found}) > 2, "no proof: it saturates"


@pytest.mark.parametrize(
    ("model", "order"), [("net.tflite", ["litert", "tosa", "mlir"]), ("net.mlir", ["tosa", "mlir"])]
)
def test_auto_asks_the_most_independent_one_first(
    model: str, order: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / model
    if path.suffix == ".mlir":
        path.write_text(MODELS["conv2d_pointwise"]())
    else:
        tiny.conv(path)
    compilation = Compilation(path)
    inputs = int8_inputs([each.shape for each in compilation.interface[0]])[0]
    expected, packages = compilation.reference()(*inputs), {"litert": "ai_edge_litert", "tosa": "tosa_tools_cli"}
    for rank, name in enumerate(order):
        answer = compilation.oracle().ask(*inputs)
        assert answer.oracle.startswith(f"{name} ") and is_exact(answer.outputs, expected)
        assert [note.split(":")[0] for note in answer.notes] == order[:rank]
        assert all("is not installed; it comes with the package" in note for note in answer.notes)
        if name in packages:
            hide(monkeypatch, packages[name])


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Let `package` look as if it were not installed."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == package else found(name, *rest)
    )


@pytest.mark.parametrize(
    ("oracle", "package", "message"),
    [
        ("litert", "ai_edge_litert", "LiteRT is not installed; .*: pip install ai-edge-litert$"),
        ("tosa", "tosa_tools_cli", "tosa_reference_model is not installed; .*: pip install tosa-tools$"),
    ],
)
def test_missing_package_invalid(oracle: str, package: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Compilation(DIGITS).oracle(oracle)
    hide(monkeypatch, package)
    with pytest.raises(MissingTool, match=message):
        panel.ask(np.zeros((1, 16, 16, 1), np.int8))


CRASH = f"import os, sys; print('said before', file=sys.stderr); os.kill(os.getpid(), {int(signal.SIGABRT)})"


def test_crash_of_litert_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_oracle, "_CHILD", (sys.executable, "-c", CRASH))
    compiled, image = vmcu.compile_model(tiny.conv(tmp_path / "net.tflite")), np.zeros((1, 8, 8, 4), np.int8)
    figures = measure(compiled, [image])
    assert figures.exact and figures.oracle.startswith("tosa ")
    assert figures.oracle_notes == ("litert: LiteRT crashed (signal 6): said before",)
    with pytest.raises(Refusal, match=r"net.tflite: oracle litert: LiteRT crashed \(signal 6\): said before"):
        compiled.oracle("litert").ask(image)


def test_failure_of_litert_is_a_refusal(tmp_path: Path) -> None:
    # A SOFTMAX whose output has another scale than LiteRT's kernel takes.
    path = tiny.unary(
        tmp_path / "net.tflite", "SOFTMAX", (1, 10), (1, 10), "SoftmaxOptions", out=(1 / 100, -100), beta=1.0
    )
    port = Tensor("x", (1, 10), np.dtype(np.int8), 0.05, 0)
    panel = open_panel("litert", path, [port], [port], lambda: None)
    with pytest.raises(Refusal, match="oracle litert: .*(scale|zero_point|failed)"):
        panel.ask(np.zeros((1, 10), np.int8))


def test_sum_is_not_for_litert(tmp_path: Path) -> None:
    path = tiny.unary(
        tmp_path / "net.tflite", "SUM", (1, 7, 5, 16), (1, 16), "ReducerOptions", ([1, 2],), into=(0.05, 9),
        out=(0.5, 4), keepDims=False,
    )  # fmt: skip
    compilation = Compilation(path)
    (image,) = int8_inputs([(1, 7, 5, 16)])[0]
    answer = compilation.oracle().ask(image)
    exact = np.rint(0.1 * (image.astype(float) - 9).sum((1, 2))) + 4
    assert np.abs(answer.outputs[0] - np.clip(exact, -128, 127)).max() <= 1 and answer.oracle.startswith("tosa ")
    assert answer.notes == ("litert: LiteRT's reference kernel of SUM on int8 is wrong (layer 'y')",)
    assert np.abs(litert(path, [image]) - np.clip(exact, -128, 127)).max() > 1, "it is right now: let it judge"


def test_linalg_is_for_mlir_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(LINALG)
    answer = Compilation(path).oracle().ask(np.array([[1, 2, 3, 4]], np.int8))
    assert answer.oracle.startswith("mlir ") and answer.notes == ("tosa: it executes TOSA, found tensor.empty",)
    with pytest.raises(Refusal, match=r"net.mlir: oracle tosa: it executes TOSA, found tensor.empty"):
        Compilation(path).oracle("tosa").ask(np.zeros((1, 4), np.int8))


def test_operation_that_tosa_does_not_have_is_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(INT8_ADD)
    with pytest.raises(Refusal, match="the TOSA reference model failed: OpFactory could not allocate op ADD"):
        Compilation(path).oracle("tosa").ask(np.zeros((1, 4), np.int8))
    assert Compilation(path).oracle().ask(np.zeros((1, 4), np.int8)).oracle.startswith("mlir ")


def test_unwritable_module_is_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(
        MODELS["clamp"]() + "func.func private @f(%a: tensor<1xi8>) -> tensor<1xi8> { return %a : tensor<1xi8> }"
    )
    with pytest.raises(Refusal, match="oracle tosa: tosa-opt does not write this model as .tosa: "):
        Compilation(path).oracle("tosa").ask(np.zeros((1, 8, 8, 8), np.int8))


@pytest.mark.parametrize("returned", ["%0, %0", "%0, %a", "%a, %a", "%1, %0"])
def test_reference_model_returns_a_tensor_twice(returned: str, tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(f"""func.func @main(%a: tensor<1x4xi8>) -> (tensor<1x4xi8>, tensor<1x4xi8>) {{
      %0 = tosa.clamp %a {{min_val = -2 : i8, max_val = 2 : i8}} : (tensor<1x4xi8>) -> tensor<1x4xi8>
      %1 = tosa.clamp %a {{min_val = -3 : i8, max_val = 3 : i8}} : (tensor<1x4xi8>) -> tensor<1x4xi8>
      return {returned} : tensor<1x4xi8>, tensor<1x4xi8>
    }}""")
    a = np.array([[-9, 2, 3, 9]], np.int8)
    wanted = {"%a": a, "%0": a.clip(-2, 2), "%1": a.clip(-3, 3)}
    found = Compilation(path).oracle("tosa").ask(a).outputs
    for each, name in zip(found, returned.split(", ")):
        np.testing.assert_array_equal(each, wanted[name])


def with_wrong_weight(compiled: Compiled) -> Compiled:
    """The program with one bit of its packed weights and biases turned, in the IR of which its object is made."""
    first = re.search(r"constant \[\d+ x i32\] \[i32 (-?\d+)", compiled.llvm_ir)
    wrong = str(int(first[1]) ^ (1 << 12))
    llvm_ir = compiled.llvm_ir[: first.start(1)] + wrong + compiled.llvm_ir[first.end(1) :]
    return replace(compiled, llvm_ir=llvm_ir, **assemble(llvm_ir, compiled.target, compiled.entry))


def test_wrong_weight_is_seen_by_every_oracle(tmp_path: Path) -> None:
    compiled = vmcu.compile_model(tiny.conv(tmp_path / "net.tflite", kernel=1))
    wrong, (inputs, *_) = with_wrong_weight(compiled), int8_inputs([(1, 8, 8, 4)])
    assert wrong.code != compiled.code
    for oracle in ORACLES:
        assert measure(compiled, inputs, oracle).exact
        assert not measure(wrong, inputs, oracle).exact


@vmcu_pass("test-turn-rounding", summary="Let every rescale round once")
def turn_rounding(module: ir.Module, options: None) -> None:
    for op in walk.walk(module.operation):
        if op.operation.name == "tosa.rescale":
            op.attributes["rounding_mode"] = ir.Attribute.parse("#tosa.rounding_mode<SINGLE_ROUND>", module.context)


def test_wrong_lowering_of_tosa_is_seen_by_independent_oracles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake between TOSA and linalg: host and core share it, the other two oracles do not."""
    monkeypatch.setitem(pipelines.LEVELS, "linalg", ("test-turn-rounding", *pipelines.LINALG))
    path = OPERATORS["relu_rounded_twice"](tmp_path / "net.tflite")
    compiled, (inputs, *_) = vmcu.compile_model(path), int8_inputs([(1, 8, 8, 4)])
    exact = {oracle: measure(compiled, inputs, oracle).exact for oracle in ORACLES}
    assert exact == {"litert": False, "tosa": False, "mlir": True}


def test_tosa_executes_the_file_not_what_the_frontend_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(MODELS["clamp"]())
    compilation = Compilation(path)
    assert compilation.interface
    monkeypatch.setattr(frontends, "load", lambda *_, **__: pytest.fail("the frontend was asked"))
    (image,) = int8_inputs([(1, 8, 8, 8)])[0]
    np.testing.assert_array_equal(compilation.oracle("tosa").ask(image).outputs[0], image.clip(-20, 90))


def test_uint8_boundary_is_a_shift() -> None:
    port, values = Tensor("x", (3,), np.dtype(np.int8), 0.5, 3), np.array([-128, 0, 127], np.int8)
    shifted = to_file(port, values, np.dtype(np.uint8))
    assert shifted.dtype == np.uint8 and shifted.tolist() == [0, 128, 255]
    assert is_exact([from_file(port, shifted)], [values])


def test_float_boundary_goes_there_and_back() -> None:
    port = Tensor("x", (256,), np.dtype(np.int8), 0.0123, -7)
    values = np.arange(-128, 128).astype(np.int8)
    real = to_file(port, values, np.dtype(np.float32))
    np.testing.assert_allclose(real, 0.0123 * (values.astype(float) + 7), rtol=1e-6)
    assert is_exact([from_file(port, real)], [values])


PORT = Tensor("x", (2,), np.dtype(np.int8), 0.5, 3)
PLAIN = Tensor("x", (2,), np.dtype(np.int8))


@pytest.mark.parametrize(
    ("convert", "message"),
    [
        (lambda: from_file(PORT, np.array([0.5, 0.7], np.float32)), "no multiple of its scale 0.5"),
        (lambda: from_file(PORT, np.array([0.5, 100.0], np.float32)), "no multiple of its scale 0.5"),
        (lambda: from_file(PORT, np.array([0.5, np.nan], np.float32)), "not a number"),
        (lambda: from_file(PORT, np.zeros((1, 2), np.int8)), r"is int8\[2\], the file's is int8\[1, 2\]"),
        (lambda: from_file(PLAIN, np.zeros(2, np.float32)), r"is int8\[2\], the file's is float32"),
        (lambda: to_file(PLAIN, np.zeros(2, np.int8), np.dtype(np.float32)), r"is int8\[2\], the file's is float32"),
        (lambda: to_file(PORT, np.zeros(2, np.int8), np.dtype(np.int16)), r"is int8\[2\], the file's is int16"),
    ],
)
def test_boundary_invalid(convert: Callable[[], np.ndarray], message: str) -> None:
    with pytest.raises(Refusal, match=message):
        convert()


@pytest.mark.parametrize("oracle", ORACLES)
def test_wrong_inputs_invalid(oracle: str) -> None:
    with pytest.raises(vmcu.InputError, match=r"expected|found"):
        Compilation(DIGITS).oracle(oracle).ask(np.zeros((1, 16, 16, 1), np.uint8))


def test_unknown_oracle_invalid() -> None:
    with pytest.raises(vmcu.InputError, match="oracle is one of auto, litert, tosa, mlir, found 'delphi'"):
        Compilation(DIGITS).oracle("delphi")
