"""Any level in, any level out: what one level prints, the compiler goes on from, to the same bytes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import vmcu
from vmcu.dialects import vmcu as d
from vmcu.ir import walk

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
LEVELS = ("tosa", "linalg", "kernels", "plan", "segments")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("input", ["resident", "fed"])
def test_every_level_goes_on_to_the_same_object(level: str, input: str, tmp_path: Path) -> None:
    whole = vmcu.Compilation(DIGITS, input=input)
    (tmp_path / "digits.mlir").write_text(whole.emit(level))
    # What feeds rows is planned: from there on the file says it.
    options = {} if level in ("plan", "segments") else {"input": input}
    found, expected = vmcu.compile_model(tmp_path / "digits.mlir", **options), whole.finish()
    assert found.code == expected.code and found.header == expected.header
    assert (found.inputs, found.outputs, found.row_bytes) == (expected.inputs, expected.outputs, expected.row_bytes)


@pytest.mark.parametrize("level", ["kernels", "plan"])
def test_an_oracle_executes_what_kernels_define(level: str, tmp_path: Path) -> None:
    whole = vmcu.Compilation(DIGITS)
    (tmp_path / "net.mlir").write_text(whole.emit(level))
    image = np.random.default_rng(0).integers(-128, 128, (1, 16, 16, 1)).astype(np.int8)
    compilation = vmcu.Compilation(tmp_path / "net.mlir")
    answer = compilation.oracle().ask(image)
    assert answer.oracle.startswith("mlir ")
    assert np.array_equal(answer.outputs[0], whole.oracle("mlir").ask(image).outputs[0])


def test_loops_have_no_oracle(tmp_path: Path) -> None:
    (tmp_path / "net.mlir").write_text(vmcu.Compilation(DIGITS).emit("segments"))
    with pytest.raises(vmcu.VmcuError, match="loops of segment ops"):
        vmcu.Compilation(tmp_path / "net.mlir").oracle().ask(np.zeros((1, 16, 16, 1), np.int8))


def test_a_level_above_the_files_cannot_be_made(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(vmcu.Compilation(DIGITS).emit("plan"))
    with pytest.raises(vmcu.InputError, match="net.mlir: holds level plan, from which linalg cannot be made"):
        vmcu.Compilation(path).emit("linalg")


def test_levels_that_are_mixed_are_refused_at_the_op(tmp_path: Path) -> None:
    path = tmp_path / "mixed.mlir"
    path.write_text("""
func.func @main(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %0 = vmcu.kernel @clamp elementwise ins(%x : tensor<4x8xi8>) -> tensor<4x8xi8> {
  ^bb0(%in: tensor<4x8xi8>):
    vmcu.yield %in : tensor<4x8xi8>
  }
  %1 = tosa.clamp %0 {max_val = 127 : i8, min_val = 0 : i8} : (tensor<4x8xi8>) -> tensor<4x8xi8>
  return %1 : tensor<4x8xi8>
}
""")
    with pytest.raises(vmcu.VmcuError, match=r"mixed.mlir:7:8: 'tosa.clamp' belongs to level tosa, .* level kernels"):
        vmcu.compile_model(path)


def test_a_script_changes_a_level_and_goes_on() -> None:
    whole = vmcu.Compilation(DIGITS)
    with whole.context, ir.Location.unknown():
        module = ir.Module.parse(whole.emit("plan"))
        pool = next(op for op in walk.walk(module.operation) if isinstance(op, d.PoolOp))
        larger = d.PoolType.get(pool.pool.type.bytes + 64)
        pool.pool.set_type(larger)
    changed = whole.go_on_with(module, "plan").finish()
    assert changed.pool_bytes == whole.finish().pool_bytes + 64
    assert changed.inputs == whole.finish().inputs  # names, shapes and scales are the model's
    image = np.zeros((1, 16, 16, 1), np.int8)
    with changed.firmware() as firmware:
        assert np.array_equal(firmware.run(image).outputs[0], whole.oracle("mlir").ask(image).outputs[0])
    with pytest.raises(vmcu.InputError, match="no level 'asm' of MLIR"):
        whole.go_on_with(module, "asm")


def test_a_module_keeps_its_interface() -> None:
    """`compile_module` knows shapes, names and scales of a plan that the compiler made."""
    whole = vmcu.Compilation(DIGITS)
    program = vmcu.compile_module(whole.module("plan"), name="digits")
    assert (program.inputs, program.outputs) == (whole.finish().inputs, whole.finish().outputs)


def test_a_plan_that_was_edited_is_checked(tmp_path: Path) -> None:
    text = vmcu.Compilation(DIGITS, streams=False).emit("plan")
    (tmp_path / "plan.mlir").write_text(text)
    image = np.zeros((1, 16, 16, 1), np.int8)
    with vmcu.compile_model(tmp_path / "plan.mlir").firmware() as firmware:
        expected = firmware.run(image).outputs[0]
    offsets = [int(each) for each in re.findall(r"vmcu.place .*%pool\[(\d+)\]", text)]
    pool = int(re.search(r"!vmcu.pool<(\d+)>", text)[1])
    # A pool with room behind it is as good a plan; one tensor moved onto another is none.
    (tmp_path / "plan.mlir").write_text(text.replace(f"!vmcu.pool<{pool}>", f"!vmcu.pool<{pool + 4096}>"))
    with vmcu.compile_model(tmp_path / "plan.mlir").firmware() as firmware:
        assert np.array_equal(firmware.run(image).outputs[0], expected)
    refused = 0
    for offset in sorted(set(offsets)):
        moved = offset + 64 if offset + 64 <= max(offsets) else offset - 64
        (tmp_path / "plan.mlir").write_text(text.replace(f"%pool[{offset}]", f"%pool[{max(moved, 0)}]"))
        try:
            vmcu.compile_model(tmp_path / "plan.mlir")
        except vmcu.VmcuError as error:
            assert re.match(rf"{tmp_path}/plan.mlir(:\d+:\d+)?: .*(alive|overlap|pool|reads|holds|byte)", str(error)), (
                error
            )
            refused += 1
    assert refused
