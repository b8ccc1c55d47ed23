"""Rows that are fed: the image comes line by line and the outputs are the same, bit for bit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from random_networks import Layer, Network, write_network
from test_api import DIGITS, MODELS, ZOO, compile_c, random_inputs
from test_reference import litert
from tosa_models import Text
from vmcu.driver.compilation import Compilation
from vmcu.report.figures import is_exact
from vmcu.run.emulator import Machine
from vmcu.toolchain import link_firmware
from vmcu.toolchain.elf import symbols

TARGETS = ["cortex-m4", "cortex-m7"]
HELDOUT = np.load(DIGITS.parent / "heldout.npz")
needs_zoo = pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")


@pytest.fixture(scope="module")
def fed() -> vmcu.Compiled:
    return vmcu.compile_model(DIGITS, input="fed")


@pytest.mark.parametrize("target", TARGETS)
def test_images_in_a_row_equal_the_resident_run_and_the_reference(target: str) -> None:
    fed, resident = (vmcu.compile_model(DIGITS, target, input=each) for each in ("fed", "resident"))
    with fed.firmware() as rows, resident.firmware() as whole:
        for image in HELDOUT["inputs"][:4]:
            found = rows.run(image[None], count=False).outputs
            assert is_exact(found, whole.run(image[None], count=False).outputs)
            assert is_exact(found, fed.reference(image[None]))


@needs_zoo
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", MODELS)
def test_real_models_equal_the_resident_run_and_the_reference(model: str, target: str) -> None:
    path = Path(ZOO) / f"{model}.tflite"
    fed, resident = (vmcu.compile_model(path, target, input=each) for each in ("fed", "resident"))
    found = []
    with fed.firmware() as rows, resident.firmware() as whole:
        for seed in range(2):  # the second image finds the first one's state and pool
            inputs = random_inputs(fed, seed)
            found.append(rows.run(*inputs, count=False))
            assert is_exact(found[-1].outputs, whole.run(*inputs, count=False).outputs)
            assert is_exact(found[-1].outputs, fed.reference(*inputs))
        # Neither the image nor anything else lies outside the pool.
        assert symbols(rows.elf)[f"{fed.name}_pool"][1] == fed.pool_bytes
        assert fed.pool_bytes <= rows.sizes.ram < fed.pool_bytes + 16
    assert fed.pool_bytes <= resident.pool_bytes or model == "ad01_int8"
    assert fed.executed_macs == fed.macs == resident.executed_macs
    # The stack holds the lanes of one kernel at a time, and registers.
    lanes = max((2 * int(each) for each in re.findall(r"alloca i16, i32 (\d+)", fed.llvm_ir)), default=0)
    assert lanes < 2048 and all(each.counts.stack_bytes < lanes + 512 for each in found)


@needs_zoo
def test_an_image_larger_than_the_pool_is_fed() -> None:
    """The point of it: RAM that could not even hold the image."""
    fed = vmcu.compile_model(Path(ZOO) / "vww_96_int8.tflite", input="fed")
    assert fed.pool_bytes < fed.inputs[0].bytes == fed.rows * fed.row_bytes == 96 * 96 * 3


def test_a_fed_input_has_no_place(fed: vmcu.Compiled) -> None:
    resident = vmcu.compile_model(DIGITS)
    assert (fed.input, fed.rows, fed.row_bytes, fed.inputs[0].offset) == ("fed", 16, 16, None)
    assert (resident.input, resident.rows, resident.row_bytes) == ("resident", None, None)
    assert resident.inputs[0].offset is not None and fed.outputs[0].offset is not None


def test_feed_goes_row_by_row_and_begins_anew(fed: vmcu.Compiled) -> None:
    image, other = HELDOUT["inputs"][:2]
    with fed.firmware() as firmware:
        for _ in range(2):
            steps = [firmware.feed(row) for row in image]
            assert [len(each.outputs) for each in steps] == [0] * 15 + [1]
            assert is_exact(steps[-1].outputs, fed.reference(image[None]))
        whole = firmware.run(image[None]).counts
        firmware.feed(other[0])  # an image that is given up
        assert is_exact(firmware.run(image[None]).outputs, fed.reference(image[None]))
    for name in ("instructions", "loads", "stores", "cycles"):
        assert getattr(whole, name) == sum(getattr(each.counts, name) for each in steps)
    assert whole.stack_bytes == max(each.counts.stack_bytes for each in steps)


def test_work_is_spread_over_the_rows(fed: vmcu.Compiled) -> None:
    """Rows are consumed when they come: what is left for the last one is a part of the whole."""
    with fed.firmware() as firmware:
        cycles = [firmware.feed(row).counts.cycles for row in HELDOUT["inputs"][0]]
    assert min(cycles) > 0 and cycles[-1] < 0.75 * sum(cycles)


def test_wrong_rows_are_refused(fed: vmcu.Compiled) -> None:
    with fed.firmware() as firmware:
        with pytest.raises(vmcu.InputError, match=r"a row is int8\[16\], found int8\[15\]"):
            firmware.feed(np.zeros(15, np.int8))
        with pytest.raises(vmcu.InputError, match=r"a row is int8\[16\], found float64\[16\]"):
            firmware.feed(np.zeros(16))
    resident = vmcu.compile_model(DIGITS)
    with resident.firmware() as firmware, pytest.raises(vmcu.InputError, match="takes its input whole"):
        firmware.feed(np.zeros(16, np.int8))


def test_streams_are_told_and_can_be_switched_off() -> None:
    joined, single = (vmcu.compile_model(DIGITS, streams=each) for each in (True, False))
    assert single.streams == () and single.pool_bytes > joined.pool_bytes
    text = vmcu.Compilation(DIGITS).emit("plan")
    assert len(joined.streams) == text.count("vmcu.stream ") > 0
    names = [name for stream in joined.streams for name in stream]
    assert len(set(names)) == len(names) and set(names) <= set(re.findall(r"vmcu\.placed_kernel @(\w+)", text))
    assert joined.executed_macs == single.executed_macs == joined.macs == single.macs > 0


def test_executed_macs_are_counted_in_the_plan() -> None:
    """A plan whose first stream ends earlier makes fewer rows."""
    from mlir import ir

    from vmcu.driver import summaries

    compilation = vmcu.Compilation(DIGITS)
    whole = compilation.finish()
    text = compilation.emit("plan")
    first = re.search(r"from (-?\d+) to (\d+)", text)
    shorter = text.replace(first[0], f"from {first[1]} to {int(first[2]) - 4}", 1)
    with compilation.context, ir.Location.unknown():
        executed = []
        for each in (text, shorter):
            module = ir.Module.parse(each)
            executed.append(summaries.executed_macs(module, summaries.operators(module)))
        assert executed[0] == whole.macs > executed[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input": "fed", "streams": False}, "fed row by row needs streams"),
        ({"input": "wrong"}, "input is one of resident, fed, found 'wrong'"),
    ],
)
def test_arguments_are_checked(arguments: dict, message: str) -> None:
    with pytest.raises(vmcu.InputError, match=message):
        vmcu.Compilation(DIGITS, **arguments)


def test_what_cannot_be_fed_is_refused(tmp_path: Path) -> None:
    two = tiny.binary(tmp_path / "add.tflite", "ADD", (1, 4, 4, 8), (1, 4, 4, 8))
    reverse = tmp_path / "reverse.mlir"
    reverse.write_text(REVERSE)
    nothing = tmp_path / "nothing.mlir"
    nothing.write_text("func.func @main(%a: tensor<1x8xi8>) -> tensor<1x8xi8> {\n  return %a : tensor<1x8xi8>\n}")
    for path, message in (
        (two, r"add\.tflite: the model has 2 inputs; supported with rows that are fed is one"),
        (reverse, r"reverse\.mlir: .*rearrange_0 cannot take its input row by row"),
        (nothing, r"nothing\.mlir: the model computes nothing"),
    ):
        with pytest.raises(vmcu.Unsupported, match=message):
            vmcu.compile_model(path, input="fed")


@needs_zoo
def test_float_rows_are_refused() -> None:
    path = Path(ZOO) / "mcunet_vww_80.tflite"
    with pytest.raises(vmcu.Unsupported, match=r"float32\[1x80x80x3\]; .* are int8 and uint8 \(io int8 gives them\)"):
        vmcu.compile_model(path, input="fed", io="float")


#: Its first row is the last one of the image, so that there is nothing to do before all have come.
REVERSE = """func.func @main(%a: tensor<1x8x8x4xi8>) -> tensor<1x8x8x4xi8> {
  %r = tosa.reverse %a {axis = 1 : i32} : (tensor<1x8x8x4xi8>) -> tensor<1x8x8x4xi8>
  return %r : tensor<1x8x8x4xi8>
}"""

MAIN_C = """
#include "digits.h"
static const int8_t image[DIGITS_INPUT_COUNT] = {%s};
static const int8_t zeros[DIGITS_INPUT_ROW_BYTES];
int sum_of(const int8_t *scores) {
  int sum = 0;
  for (int i = 0; i < DIGITS_OUTPUT_COUNT; i++) sum += (i + 1) * scores[i];
  return sum;
}
int vmcu_main(void) {
  if (DIGITS_INPUT_ROWS * DIGITS_INPUT_ROW_BYTES != sizeof image) return -100001;
  if (sizeof digits_pool != DIGITS_POOL_BYTES) return -100002;
  digits_run(image);
  int once = sum_of(digits_output());
  digits_state state = {0};
  for (int row = 0; row < DIGITS_INPUT_ROWS; row++)
    if (digits_feed_row(&state, zeros) != (row == DIGITS_INPUT_ROWS - 1)) return -100003;
  if (state.row != 0) return -100004;
  int rows = 0;
  while (!digits_feed_row(&state, image + DIGITS_INPUT_ROW_BYTES * rows)) rows++;
  return rows + 1 == DIGITS_INPUT_ROWS && sum_of(digits_output()) == once ? once : -100005;
}
"""


def test_header_serves_a_c_program_that_feeds_rows(tmp_path: Path, fed: vmcu.Compiled) -> None:
    image = HELDOUT["inputs"][0]
    code, header = fed.save(tmp_path)
    assert "digits_input(" not in header.read_text() and "void digits_run(void)" not in header.read_text()
    source = tmp_path / "main.c"
    source.write_text(MAIN_C % ", ".join(map(str, image.ravel())))
    main = compile_c(source, tmp_path / "main.o")
    machine = Machine(link_firmware([main, code], fed.target, tmp_path / "main.elf"), fed.target)
    machine.boot()
    (scores,) = fed.reference(image[None])
    assert machine.call("vmcu_main").value == scores.ravel().astype(int) @ np.arange(1, 11)


def test_header_serves_cpp(tmp_path: Path, fed: vmcu.Compiled) -> None:
    fed.save(tmp_path)
    source = tmp_path / "main.cpp"
    source.write_text('#include "digits.h"\n#include "digits.h"\nvoid f(const int8_t *image) { digits_run(image); }\n')
    compile_c(source, tmp_path / "main.o", "c++")


def test_halo_uses_the_place_of_the_first_row_before_it_comes(tmp_path: Path) -> None:
    block = Layer("block", kernel=(2, 5), filters=1, valid=True, zero_point=5)
    layers = Layer("pad", other=1, filters=1), block, Layer("pad", back=1, other=1, filters=9), block
    path = write_network(Network((8, 13, 7), layers, zero_point=100), tmp_path / "model.tflite")
    compiled = vmcu.Compilation(path, input="fed", sanitize=True).finish()
    image = compiled.inputs[0].random(np.random.default_rng(7))
    with compiled.firmware() as firmware:
        (found,) = firmware.run(image, count=False).outputs
    np.testing.assert_array_equal(found, compiled.reference(image)[0])


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
@pytest.mark.parametrize("valid", [False, True])
def test_a_sequence_in_time_equals_the_resident_run(valid: bool, target: str, tmp_path: Path) -> None:
    """Windows of one column read rows that lie on both sides of a ring's end."""
    block = (
        Layer("pointwise", filters=9),
        Layer("depthwise", kernel=(9, 1), valid=valid),
        Layer("pointwise", filters=4),
    )
    layers = (*block, Layer("max_pool", kernel=(3, 1), stride=(2, 1)), *block, Layer("depthwise", kernel=(4, 1)))
    path = write_network(Network((41, 1, 3), layers), tmp_path / "model.tflite")
    fed, whole = (Compilation(path, target, input=each, sanitize=True).finish() for each in ("fed", "resident"))
    image = np.random.default_rng(5).integers(-128, 128, (1, 41, 1, 3)).astype(np.int8)
    with fed.firmware() as rows, whole.firmware() as resident:
        found, expected = rows.run(image).outputs[0], resident.run(image).outputs[0]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found, litert(path, [image]))


def test_rows_of_an_input_are_those_that_its_reader_sees(tmp_path: Path) -> None:
    """A flat input that a reshape makes an image streams as the image does, and may be fed in its rows."""
    text = Text((1, 16 * 6 * 2))
    image = text.conv(text.conv(text.reshape(text.inputs[0], 1, 16, 6, 2), 6), 4)
    path = tmp_path / "flat.mlir"
    path.write_text(text.returning(image))
    whole, fed, layers = (
        Compilation(path, **options).finish() for options in ({}, {"input": "fed"}, {"streams": False})
    )
    assert [len(each) for each in whole.streams] == [2]
    assert (fed.row_bytes, fed.rows) == (12, 16)
    assert fed.pool_bytes <= whole.pool_bytes < layers.pool_bytes
    values = np.random.default_rng(3).integers(-128, 128, (1, 192)).astype(np.int8)
    expected = whole.oracle("tosa").ask(values).outputs
    for compiled in (whole, fed, layers):
        with compiled.firmware() as firmware:
            np.testing.assert_array_equal(firmware.run(values).outputs[0], expected[0])
