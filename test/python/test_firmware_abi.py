"""The object and the header fit into the firmware that others build: every float ABI, C and C++, no library, two models."""

from __future__ import annotations

import io
import re
import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

import arm_gcc
import tiny_tflite as tiny
import vmcu
from arm_gcc import NO_CALLS, STRICT, needs_gcc
from test_api import DIGITS, random_inputs
from test_e2e_operators import LAYERS
from vmcu.cores import CORES, Target
from vmcu.report.figures import is_exact
from vmcu.run.emulator import Machine
from vmcu.toolchain import compile_to_object, elf_sizes, link_firmware, symbols
from vmcu.toolchain.tools import run_llvm

BUILDS = [
    *((core, abi) for core in arm_gcc.FPUS for abi in ("soft", "softfp", "hard")),
    *((core, "soft") for core in CORES if core not in arm_gcc.FPUS),
]

# Runs a model on `image`. Valid C11 and valid C++17.
MAIN = """
#include <stdint.h>
#include "{name}.h"
#ifdef __cplusplus
extern "C" {{
#endif
int vmcu_main(void);
int vmcu_main(void) {{
  static const int8_t image[{upper}_INPUT_COUNT] = {{{image}}};
  int8_t *input = {name}_input();
  for (int i = 0; i < {upper}_INPUT_COUNT; i++)
    input[i] = image[i];
  {name}_run();
  return {name}_output()[0];
}}
#ifdef __cplusplus
}}
#endif
"""


@cache
def digits(core: str, **options: str) -> vmcu.Compiled:
    return vmcu.compile_model(DIGITS, core, **options)


def write_main(compiled: vmcu.Compiled, folder: Path, ending: str = ".c") -> tuple[Path, np.ndarray]:
    """A firmware's source and the expected output; header and object lie beside it."""
    compiled.save(folder)
    (image,) = random_inputs(compiled)
    source = folder / f"main{ending}"
    values = ", ".join(map(str, image.ravel()))
    source.write_text(MAIN.format(name=compiled.name, upper=compiled.name.upper(), image=values))
    with compiled.firmware() as firmware:
        return source, firmware.run(image, count=False).outputs[0]


def boot(elf: Path, target: Target) -> Machine:
    machine = Machine(elf, target)
    machine.boot()
    return machine


def read_output(machine: Machine, compiled: vmcu.Compiled) -> np.ndarray:
    (output,) = compiled.outputs
    content = machine.read(machine.address(f"{compiled.name}_pool") + output.offset, output.bytes)
    return np.frombuffer(content, output.dtype).reshape(output.shape)


@needs_gcc
@pytest.mark.parametrize("ending", [".c", ".cpp"])
@pytest.mark.parametrize("core, abi", BUILDS)
def test_firmware_of_every_float_abi_runs(core: str, abi: str, ending: str, tmp_path: Path) -> None:
    compiled = digits(core)
    source, expected = write_main(compiled, tmp_path, ending)
    main = arm_gcc.compile_source(source, compiled.target, abi, *STRICT)
    objects = [arm_gcc.startup(tmp_path, compiled.target, abi), main, tmp_path / "digits.o"]
    compiler = "arm-none-eabi-g++" if ending == ".cpp" else "arm-none-eabi-gcc"
    elf = arm_gcc.link(objects, compiled.target, abi, tmp_path / "main.elf", program=compiler)
    machine = boot(elf, compiled.target)
    assert machine.call("vmcu_main", count=False).value == expected.ravel()[0]
    assert is_exact([read_output(machine, compiled)], [expected])
    # Start-up code, the image, a copy from the C library: nothing that is as large as an unwinder.
    assert not [name for name in symbols(elf) if "unwind" in name.lower()]
    assert elf_sizes(elf).flash < compiled.sizes.flash + compiled.inputs[0].bytes + 700


@needs_gcc
@pytest.mark.parametrize("core", CORES)
def test_firmware_without_any_library_runs(core: str, tmp_path: Path) -> None:
    compiled = digits(core)
    source, expected = write_main(compiled, tmp_path)
    abi = "hard" if compiled.target.features.fpu else "soft"
    main = arm_gcc.compile_source(source, compiled.target, abi, *STRICT, *NO_CALLS)
    start = arm_gcc.startup(tmp_path, compiled.target, abi)
    objects = [start, main, tmp_path / "digits.o"]
    images = [
        arm_gcc.link(objects, compiled.target, abi, tmp_path / "gnu.elf", "-nostdlib"),
        arm_gcc.link_with_lld(objects, compiled.target, tmp_path / "lld.elf"),
    ]
    for elf in images:
        machine = boot(elf, compiled.target)
        machine.call("vmcu_main", count=False)
        assert is_exact([read_output(machine, compiled)], [expected])


TWO = """
#include "first.h"
#include "second.h"
int vmcu_main(void);
int vmcu_main(void) {
  static const int8_t image[FIRST_INPUT_COUNT] = {0};
  first_run(image);
  second_run();
  return 0;
}
"""


@needs_gcc
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
def test_two_models_in_one_firmware(core: str, tmp_path: Path) -> None:
    first = digits(core, name="first", input="fed")
    second = vmcu.compile_model(tiny.conv(tmp_path / "second.tflite"), core)
    for each in (first, second):
        each.save(tmp_path)
    (tmp_path / "main.c").write_text(TWO)
    target, abi = first.target, "hard" if first.target.features.fpu else "soft"
    main = arm_gcc.compile_source(tmp_path / "main.c", target, abi, *STRICT)
    objects = [arm_gcc.startup(tmp_path, target, abi), main, tmp_path / "first.o", tmp_path / "second.o"]
    machine = boot(arm_gcc.link(objects, target, abi, tmp_path / "main.elf", "-nostdlib"), target)
    (image,) = random_inputs(second)
    machine.write(machine.address("second_pool") + second.inputs[0].offset, image.tobytes())
    machine.call("vmcu_main", count=False)
    zeros = np.zeros(first.inputs[0].shape, np.int8)
    assert is_exact([read_output(machine, first)], first.reference(zeros))
    assert is_exact([read_output(machine, second)], second.reference(image))


@needs_gcc
def test_a_model_that_is_not_called_costs_nothing(tmp_path: Path) -> None:
    compiled = digits("cortex-m4")
    source, _ = write_main(compiled, tmp_path)
    unused = digits("cortex-m4", name="unused", input="fed")
    unused.save(tmp_path)
    main = arm_gcc.compile_source(source, compiled.target, "hard")
    objects = [arm_gcc.startup(tmp_path, compiled.target, "hard"), main, tmp_path / "digits.o", tmp_path / "unused.o"]
    found = symbols(arm_gcc.link(objects, compiled.target, "hard", tmp_path / "main.elf"))
    assert "digits_run" in found and not [name for name in found if name.startswith("unused")]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("way", ["resident", "fed"])
def test_an_object_shows_only_its_own_names(way: str, core: str) -> None:
    """Linkers that are strict about duplicates meet none: what is global begins with the model's name."""
    compiled = digits(core, input=way)
    elf = ELFFile(io.BytesIO(compiled.code))
    visible = [
        each for each in elf.get_section_by_name(".symtab").iter_symbols() if each["st_info"]["bind"] != "STB_LOCAL"
    ]
    assert {each.name for each in visible} == {compiled.entry, "digits_pool"}
    assert compiled.needs == ()
    names = [each.name for each in elf.iter_sections()]
    # No unwinder is pulled in, and GNU's linker has no reason to warn of objects without the note.
    assert not [name for name in names if re.search("exidx|extab|eh_frame|note", name)]


def test_the_header_says_what_the_object_needs(tmp_path: Path) -> None:
    model = tiny.conv(tmp_path / "model.tflite", float_io=True)
    plain = vmcu.compile_model(model, "cortex-m3", io="float")
    assert set(plain.needs) >= {"__aeabi_fmul", "__aeabi_f2iz"} and "roundf" not in plain.needs
    assert "run-time library" in plain.header and all(each in plain.header for each in plain.needs)
    assert max(map(len, plain.header.splitlines())) < 125
    assert "needs no library" in vmcu.compile_model(model, "cortex-m4", io="float").header


# What is printed


def contents(code: bytes) -> dict[str, bytes]:
    """Instructions and constants, by section."""
    return {
        each.name: each.data()
        for each in ELFFile(io.BytesIO(code)).iter_sections()
        if each.name.startswith((".text", ".rodata")) and each["sh_size"]
    }


@pytest.mark.parametrize("core", CORES)
def test_the_assembly_is_the_object(core: str) -> None:
    compiled = digits(core)
    code = run_llvm("llvm-mc", (f"--triple={compiled.target.triple}", "--filetype=obj"), compiled.assembly.encode())
    assert contents(code) == contents(compiled.code)
    attributes = [
        ELFFile(io.BytesIO(each)).get_section_by_name(".ARM.attributes").data() for each in (code, compiled.code)
    ]
    assert attributes[0] == attributes[1]


@needs_gcc
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33", "cortex-m3"])
def test_the_gnu_assembler_makes_the_same_code(core: str, tmp_path: Path) -> None:
    """Where it prefers no other encodings (Cortex-M0+) and no other padding of loops (Cortex-M7)."""
    compiled = digits(core)
    (tmp_path / "digits.s").write_text(compiled.assembly)
    arm_gcc.run("arm-none-eabi-as", "-o", str(tmp_path / "gnu.o"), str(tmp_path / "digits.s"))
    found, expected = contents((tmp_path / "gnu.o").read_bytes()), contents(compiled.code)
    assert found.keys() == expected.keys()
    for name, content in expected.items():
        padding = found[name][len(content) :]
        assert found[name][: len(content)] == content and padding in (b"", b"\x00\xbf"), name  # a NOP up to 4 bytes


# The procedure call standard

SAVED = (*(f"r{number}" for number in range(4, 12)), *(f"s{number}" for number in range(16, 32)))


def probe(entry: str, target: Target) -> str:
    """A function that fills the registers a call must preserve, calls `entry` and stores them at `saved`."""
    lines = [
        ".syntax unified",
        *([".fpu fpv4-sp-d16"] if target.features.fpu else []),
        ".globl probe",
        ".type probe,%function",
        ".thumb_func",
        "probe:",
        "push {r4-r7, lr}",
    ]
    lines += ["mov r4, r8", "mov r5, r9", "mov r6, r10", "mov r7, r11", "push {r3-r7}"]
    for at, register in enumerate(SAVED):
        if register.startswith("r"):
            lines += [f"ldr r3, ={marker(at):#x}", f"mov {register}, r3"]
        elif target.features.fpu:
            lines += [f"ldr r3, ={marker(at):#x}", f"vmov {register}, r3"]
    lines += [f"bl {entry}", "ldr r2, =saved", "stmia r2!, {r4-r7}"]
    lines += ["mov r4, r8", "mov r5, r9", "mov r6, r10", "mov r7, r11", "stmia r2!, {r4-r7}"]
    lines += ["vstmia r2!, {s16-s31}"] if target.features.fpu else []
    lines += ["pop {r3-r7}", "mov r8, r4", "mov r9, r5", "mov r10, r6", "mov r11, r7", "pop {r4-r7, pc}"]
    lines += [".ltorg", ".size probe, .-probe"]
    assembly = "\n".join(f'module asm "{line}"' for line in [".section .text.probe,\\22ax\\22", *lines])
    return f"{assembly}\n@saved = global [{len(SAVED)} x i32] zeroinitializer\n"


def marker(at: int) -> int:
    return 0x4000_0001 + 0x0101_0100 * at


@pytest.mark.parametrize("way", ["resident", "fed"])
@pytest.mark.parametrize("core", CORES)
def test_a_run_preserves_the_registers_of_its_caller(core: str, way: str, tmp_path: Path) -> None:
    check_registers(digits(core, input=way), tmp_path)


@pytest.mark.parametrize("core", arm_gcc.FPUS)
def test_blocks_of_assembly_preserve_the_registers_of_the_fpu(core: str, tmp_path: Path) -> None:
    compiled = vmcu.compile_model(LAYERS["depthwise_5x5"](tmp_path / "model.tflite"), core)
    assert re.search(r"\bs(1[6-9]|2\d|3[01])\b", compiled.assembly), "the model uses none of them"
    check_registers(compiled, tmp_path)


def check_registers(compiled: vmcu.Compiled, folder: Path) -> None:
    """A run, or the feeding of all rows, leaves r4 to r11 and s16 to s31 as they were."""
    target = compiled.target
    (folder / "model.o").write_bytes(compiled.code)
    caller = compile_to_object(probe(compiled.entry, target), target, folder / "probe.o")
    keep = ("probe", "saved", f"{compiled.name}_pool")
    machine = boot(link_firmware([caller, folder / "model.o"], target, folder / "probe.elf", keep=keep), target)
    arguments = ()
    if compiled.row_bytes is not None:
        arguments = (machine.reserve(4), machine.reserve(compiled.row_bytes))
        machine.write(arguments[0], bytes(4))
    count = len(SAVED) if target.features.fpu else 8
    for _ in range(compiled.rows or 1):
        machine.call("probe", *arguments, count=False)
        found = struct.unpack(f"<{count}I", machine.read(machine.address("saved"), 4 * count))
        assert found == tuple(map(marker, range(count)))
