"""The Python API: a model comes in, code that computes the same comes out, and refusals say why."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import tiny_tflite as tiny
import vmcu
from vmcu.cores import CORES
from vmcu.driver.program import translate
from vmcu.files import write_file
from vmcu.report.figures import is_exact
from vmcu.run.emulator import Machine
from vmcu.toolchain import link_firmware

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
ZOO = os.environ.get("VMCU_MODEL_ZOO")
MODELS = ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8", "mcunet_vww_80"]


@pytest.fixture(scope="module")
def digits() -> vmcu.Compiled:
    return vmcu.compile_model(DIGITS)


def random_inputs(compiled: vmcu.Compiled, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [tensor.random(generator) for tensor in compiled.inputs]


def test_public_names_exist() -> None:
    assert all(getattr(vmcu, name) is not None for name in vmcu.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        vmcu.nonsense  # noqa: B018


def test_import_loads_neither_mlir_nor_numpy() -> None:
    code = "import sys, vmcu, vmcu.cli.app; print(*{'mlir', 'numpy', 'unicorn', 'ortools'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7"])
def test_firmware_equals_the_reference(core: str) -> None:
    compiled = vmcu.compile_model(DIGITS, core)
    with compiled.firmware() as firmware:
        for seed in range(3):
            inputs = random_inputs(compiled, seed)
            assert is_exact(firmware.run(*inputs, count=False).outputs, compiled.reference(*inputs))


def test_accuracy_on_held_out_digits(digits: vmcu.Compiled) -> None:
    heldout = np.load(DIGITS.parent / "heldout.npz")
    with digits.firmware() as firmware:
        guesses = [firmware.run(image[None], count=False).outputs[0].argmax() for image in heldout["inputs"]]
    assert np.sum(guesses == heldout["labels"]) == 444  # what LiteRT's reference kernels reach


def test_plan_reaches_the_api(digits: vmcu.Compiled) -> None:
    plan = vmcu.Compilation(DIGITS).emit("plan")
    assert f"vmcu.lower_bound = {digits.lower_bound} : i64" in plan
    assert f'vmcu.lower_bound_kernel = "{digits.lower_bound_kernel}"' in plan
    assert f"!vmcu.pool<{digits.pool_bytes}>" in plan
    assert max(digits.inputs[0].bytes, digits.outputs[0].bytes) <= digits.lower_bound <= digits.pool_bytes
    assert digits.layerwise_bytes == 2 * 8 * 8 * 48  # into and out of the bottleneck's depthwise layer


def test_interface_is_known_before_planning(digits: vmcu.Compiled) -> None:
    (image,), (scores,) = vmcu.Compilation(DIGITS).interface
    assert (image.shape, scores.shape, image.offset) == ((1, 16, 16, 1), (1, 10), None)
    assert digits.inputs[0].offset is not None and digits.inputs[0].scale == image.scale


def test_levels_continue_from_one_another() -> None:
    steps: list[str] = []
    compilation = vmcu.Compilation(DIGITS, progress=steps.append)
    texts = [compilation.emit(level) for level in ("kernels", "tosa", "segments", "kernels")]
    assert texts[0] == texts[3] and "tosa.conv2d" in texts[1] and "vmcu.segment_load" in texts[2]
    assert steps == ["tosa", "linalg", "kernels", "plan", "segments"]


def test_emitted_linalg_compiles_to_the_same_code(tmp_path: Path, digits: vmcu.Compiled) -> None:
    again = tmp_path / "digits.mlir"
    again.write_text(vmcu.Compilation(DIGITS).emit("linalg"))
    assert vmcu.compile_model(again).code == digits.code


def test_elided_text_is_short() -> None:
    compilation = vmcu.Compilation(DIGITS)
    assert "__elided__" in compilation.emit("linalg", elide=True)
    assert "__elided__" not in compilation.emit("linalg")


def test_quantise_and_back() -> None:
    tensor = vmcu.Tensor("x", (5,), np.dtype(np.int8), scale=0.5, zero_point=-3)
    assert tensor.quantise(np.array([0.0, 0.25, -0.25, 0.75, 1e9])).tolist() == [-3, -2, -4, -1, 127]
    assert tensor.dequantise(np.array([-3, -1], np.int8)).tolist() == [0.0, 1.0]
    with pytest.raises(vmcu.InputError, match="NaN"):
        tensor.quantise(np.array([np.nan]))
    with pytest.raises(vmcu.InputError, match="does not tell scale"):
        vmcu.Tensor("x", (4,), np.dtype(np.int8)).quantise(np.zeros(4))


def test_wrong_inputs_are_refused(digits: vmcu.Compiled) -> None:
    with digits.firmware() as firmware:
        with pytest.raises(vmcu.InputError, match="takes 1 input .*found 0"):
            firmware.run()
        with pytest.raises(vmcu.InputError, match=r"is int8\[1x16x16x1\], found float64\[3\]"):
            firmware.run(np.zeros(3))


def test_does_not_fit_names_file_kernel_and_bytes() -> None:
    with pytest.raises(
        vmcu.DoesNotFit, match=r"digits\.tflite: the pool needs \d+ bytes .* 1024 .*kernel \w+( to \w+)? at"
    ):
        vmcu.compile_model(DIGITS, ram=1024)
    fits = vmcu.compile_model(DIGITS, optimize="ram")
    need = fits.pool_bytes + fits.stack_bytes
    assert vmcu.compile_model(DIGITS, ram=need, optimize="ram").code == fits.code
    with pytest.raises(vmcu.DoesNotFit, match="the pool needs"):
        vmcu.compile_model(DIGITS, ram=fits.pool_bytes - 1, optimize="ram")


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("options", [{}, {"input": "fed"}, {"optimize": "size"}])
def test_stack_is_known_without_a_run(core: str, options: dict[str, str]) -> None:
    compiled = vmcu.compile_model(DIGITS, core, **options)
    with compiled.firmware() as firmware:
        counts = firmware.run(*random_inputs(compiled)).counts
    assert compiled.stack_bytes == counts.stack_bytes


def test_stack_counts_as_ram() -> None:
    fits = vmcu.compile_model(DIGITS, optimize="ram")
    need = fits.pool_bytes + fits.stack_bytes
    with pytest.raises(vmcu.DoesNotFit) as raised:
        vmcu.compile_model(DIGITS, ram=need - 1, optimize="ram")
    what = f"{need} bytes of RAM ({fits.pool_bytes} and {fits.stack_bytes}), {need - 1} are allowed"
    said, deepest = str(raised.value).split("; ")
    assert said == f"{DIGITS}: pool and stack need {what}" and re.fullmatch(
        r"the stack is deepest in digits_\w+", deepest
    )
    assert (raised.value.need, raised.value.have) == (need, need - 1)


def test_flash_is_checked() -> None:
    fits = vmcu.compile_model(DIGITS, optimize="size")
    sizes = fits.sizes
    assert vmcu.compile_model(DIGITS, flash=sizes.flash, optimize="size").code == fits.code
    with pytest.raises(vmcu.DoesNotFit) as raised:
        vmcu.compile_model(DIGITS, flash=sizes.flash - 1, optimize="size")
    what = f"{sizes.flash} bytes of flash ({sizes.text} and {sizes.rodata}), {sizes.flash - 1} are allowed"
    assert str(raised.value) == f"{DIGITS}: code and constants need {what}"
    with pytest.raises(vmcu.DoesNotFit, match="16384 are allowed; optimize size makes the least code"):
        vmcu.compile_model(DIGITS, "cortex-m4,flash=16KiB")
    with pytest.raises(vmcu.InputError, match="flash is a positive number of bytes, found 0"):
        vmcu.compile_model(DIGITS, flash=0)


def test_a_module_is_held_to_its_target() -> None:
    with vmcu.context():
        module = ir.Module.parse(vmcu.Compilation(DIGITS).emit("plan"))
        for memory, what in (("flash=16KiB", "code and constants need"), ("ram=2KiB", "pool and stack need")):
            with pytest.raises(vmcu.DoesNotFit, match=what):
                vmcu.compile_module(module, f"cortex-m4,{memory}")


def test_latency_takes_streams_only_if_the_ram_asks_for_them(digits: vmcu.Compiled) -> None:
    layers = vmcu.compile_model(DIGITS, streams=False)
    roomy = vmcu.compile_model(DIGITS, optimize="latency")
    assert (roomy.pool_bytes, roomy.streams) == (layers.pool_bytes, ())
    tight = vmcu.compile_model(DIGITS, optimize="latency", ram=layers.pool_bytes - 1)
    assert digits.pool_bytes <= tight.pool_bytes < layers.pool_bytes
    assert 0 < sum(map(len, tight.streams)) <= sum(map(len, digits.streams))
    inputs = random_inputs(tight)
    with tight.firmware() as firmware:
        assert is_exact(firmware.run(*inputs, count=False).outputs, tight.reference(*inputs))


def test_latency_reaches_the_smallest_pool_and_names_it(digits: vmcu.Compiled) -> None:
    slim = vmcu.compile_model(DIGITS, optimize="ram")
    least = vmcu.compile_model(DIGITS, optimize="latency", ram=slim.pool_bytes + slim.stack_bytes + 32)
    assert (least.pool_bytes, slim.pool_bytes) == (digits.pool_bytes, digits.pool_bytes)
    with pytest.raises(vmcu.DoesNotFit) as raised:
        vmcu.compile_model(DIGITS, optimize="latency", ram=digits.pool_bytes - 1)
    assert (raised.value.need, raised.value.have) == (digits.pool_bytes, digits.pool_bytes - 1)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m3", "cortex-m0plus"])
def test_optimize_size_makes_less_code(core: str) -> None:
    fast, small = (vmcu.compile_model(DIGITS, core, optimize=each) for each in ("ram", "size"))
    assert small.sizes.text < fast.sizes.text * 0.92
    assert (small.pool_bytes, small.streams) == (fast.pool_bytes, fast.streams)
    inputs = random_inputs(small)
    cycles = []
    for compiled in (fast, small):
        with compiled.firmware() as firmware:
            result = firmware.run(*inputs)
        assert is_exact(result.outputs, compiled.reference(*inputs))
        cycles.append(result.counts.cycles)
    assert cycles[1] < 1.35 * cycles[0]


def test_optimize_is_one_of_its_words() -> None:
    with pytest.raises(vmcu.InputError, match="optimize is one of ram, balanced, latency, size, found 'speed'"):
        vmcu.Compilation(DIGITS, optimize="speed")


def test_replanning_leaves_the_compilation_alone(digits: vmcu.Compiled) -> None:
    steps: list[str] = []
    compilation = vmcu.Compilation(DIGITS, progress=steps.append)
    assert compilation.finish().code == digits.code
    layers = compilation.within(compilation.options.ram_bytes)
    assert layers.finish().pool_bytes == layers.pool_bytes > digits.pool_bytes and steps.count("kernels") == 1
    assert compilation.finish().code == digits.code


@pytest.mark.parametrize("name", ["", "3x", "a-b", "a b"])
def test_a_name_is_an_identifier(name: str) -> None:
    with pytest.raises(vmcu.InputError, match="C identifier"):
        vmcu.Compilation(DIGITS, name=name)


CUSTOM = """func.func @main(%a: tensor<1x4xi8>) -> tensor<1x4xi8> {
  %0 = tosa.custom %a {domain_name="x", implementation_attrs="", operator_name="y"} : (tensor<1x4xi8>) -> tensor<1x4xi8>
  return %0 : tensor<1x4xi8>
}"""
CALL = """func.func @main(%a: tensor<4xi8>) -> tensor<4xi8> {
  %0 = call @f(%a) : (tensor<4xi8>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}
func.func private @f(tensor<4xi8>) -> tensor<4xi8>"""
ERF = """#m = affine_map<(d0) -> (d0)>
func.func @main(%a: tensor<4xi8>) -> tensor<4xi8> {
  %e = tensor.empty() : tensor<4xi8>
  %r = linalg.generic {indexing_maps = [#m, #m], iterator_types = ["parallel"]}
      ins(%a : tensor<4xi8>) outs(%e : tensor<4xi8>) {
  ^bb0(%x: i8, %o: i8):
    %f = arith.sitofp %x : i8 to f32
    %g = math.erf %f : f32
    %i = arith.fptosi %g : f32 to i8
    linalg.yield %i : i8
  } -> tensor<4xi8>
  return %r : tensor<4xi8>
}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CUSTOM, r"net\.mlir:2:8: .*tosa\.custom"),
        (CALL, r"net\.mlir:2:8: func\.call .*; supported are computations on tensors"),
        (ERF, r"net\.mlir:8:10: math\.erf has no lowering"),
        ("func.func @main(", r"net\.mlir:1:\d+: expected"),
    ],
    ids=["custom", "call", "erf", "syntax"],
)
def test_refusals_say_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(text)
    with pytest.raises(vmcu.VmcuError, match=message) as raised:
        vmcu.compile_model(path)
    assert "loc(" not in str(raised.value) and "\n" not in str(raised.value)


LEFTOVERS = {
    "math.erf": "%0 = math.erf %a : f32",
    "builtin.unrealized_conversion_cast": "%0 = builtin.unrealized_conversion_cast %a : f32 to i32",
}


@pytest.mark.parametrize("name", LEFTOVERS)
def test_what_is_not_of_the_llvm_dialect_is_refused(name: str) -> None:
    with vmcu.context():
        module = ir.Module.parse(f"llvm.func @f(%a: f32) {{\n  {LEFTOVERS[name]}\n  llvm.return\n}}")
        with pytest.raises(vmcu.Unsupported, match=rf"2:\d+: {name} has no lowering to LLVM"):
            translate(module)


def test_what_llvm_does_not_know_is_refused() -> None:
    with vmcu.context():
        module = ir.Module.parse(
            'llvm.func @f() {\n  llvm.call_intrinsic "llvm.no.such"() : () -> ()\n  llvm.return\n}'
        )
        with pytest.raises(vmcu.Unsupported, match=r"2:3: could not find LLVM intrinsic: .llvm\.no\.such"):
            translate(module)


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(vmcu.InputError, match="cannot write .*taken"):
        write_file(tmp_path / "taken", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def test_image_too_large_for_flash_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(vmcu.DoesNotFit, match="need [0-9]+ bytes of flash .*, 4096 are allowed"):
        vmcu.compile_model(DIGITS, "cortex-m4,flash=4KiB").link(tmp_path / "digits.elf")
    assert not list(tmp_path.iterdir())


MAIN_C = """
#include "digits.h"
static const int8_t image[] = {%s};
static const int shape[] = DIGITS_INPUT_SHAPE;
int vmcu_main(void) {
  if (shape[0] * shape[1] * shape[2] * shape[3] != DIGITS_INPUT_COUNT) return -1;
  if (sizeof digits_pool != DIGITS_POOL_BYTES) return -2;
  if (DIGITS_INPUT_ZERO_POINT != -128 || DIGITS_INPUT_SCALE > 0.004f) return -3;
  int8_t *input = digits_input();
  for (int i = 0; i < DIGITS_INPUT_COUNT; i++) input[i] = image[i];
  digits_run();
  const int8_t *scores = digits_output();
  int best = 0, sum = 0;
  for (int i = 0; i < DIGITS_OUTPUT_COUNT; i++) {
    if (scores[i] > scores[best]) best = i;
    sum += (i + 1) * scores[i];
  }
  return best + 16 * (sum + 32768);
}
"""


def test_header_serves_a_c_program(tmp_path: Path, digits: vmcu.Compiled) -> None:
    heldout = np.load(DIGITS.parent / "heldout.npz")
    image = heldout["inputs"][0]
    code, _ = digits.save(tmp_path)
    source = tmp_path / "main.c"
    source.write_text(MAIN_C % ", ".join(map(str, image.ravel())))
    main = compile_c(source, tmp_path / "main.o")
    machine = Machine(link_firmware([main, code], digits.target, tmp_path / "main.elf"), digits.target)
    machine.boot()
    value = machine.call("vmcu_main").value
    (scores,) = digits.reference(image[None])
    assert value % 16 == scores.argmax() == heldout["labels"][0]
    assert value // 16 - 32768 == scores.ravel().astype(int) @ np.arange(1, 11)


def test_header_numbers_several_inputs_and_serves_cpp(tmp_path: Path) -> None:
    compiled = vmcu.compile_model(tiny.binary(tmp_path / "add.tflite", "ADD", (1, 4, 4, 8), (1, 4, 4, 8)))
    compiled.save(tmp_path)
    source = tmp_path / "main.cpp"
    source.write_text(
        '#include "add.h"\n#include "add.h"\n'
        "int8_t *a() { return add_input0(); }\nint8_t *b() { return add_input1(); }\n"
        "int8_t *c() { add_run(); return add_output(); }\n"
        f"static_assert(ADD_INPUT1_ZERO_POINT == {compiled.inputs[1].zero_point} && ADD_INPUT0_COUNT == 128);\n"
    )
    compile_c(source, tmp_path / "main.o", "c++")


def compile_c(source: Path, output: Path, compiler: str = "cc") -> Path:
    flags = ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-O2", "-Wall", "-Wextra", "-Werror")
    command = [sys.executable, "-m", "ziglang", compiler, *flags, "-c", str(source), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")
@pytest.mark.parametrize("model", MODELS)
def test_real_models_equal_the_reference(model: str) -> None:
    compiled = vmcu.compile_model(Path(ZOO) / f"{model}.tflite")
    inputs = random_inputs(compiled)
    with compiled.firmware() as firmware:
        assert is_exact(firmware.run(*inputs, count=False).outputs, compiled.reference(*inputs))
