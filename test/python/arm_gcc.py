"""Firmware built as users build it: with GNU's compilers and linker for Arm, and a linker script of the usual shape."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest

from vmcu.cores import Target

needs_gcc = pytest.mark.skipif(
    shutil.which("arm-none-eabi-g++") is None,
    reason="arm-none-eabi-g++ is missing; Debian's packages are gcc-arm-none-eabi and libstdc++-arm-none-eabi-newlib",
)

#: What GCC calls the cores' FPUs.
FPUS = {"cortex-m4": "fpv4-sp-d16", "cortex-m7": "fpv5-sp-d16", "cortex-m33": "fpv5-sp-d16"}
#: Or GCC makes calls of memcpy and memset of loops, also where no library has them.
NO_CALLS = ("-fno-tree-loop-distribute-patterns",)
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")

SCRIPT = """
MEMORY {{
  FLASH (rx) : ORIGIN = 0, LENGTH = {flash}
  RAM (rw) : ORIGIN = 0x20000000, LENGTH = {ram}
}}
ENTRY(vmcu_reset)
SECTIONS {{
  .text : {{ KEEP(*(.vmcu_vectors)) *(.text .text.*) *(.rodata .rodata.*) }} > FLASH
  .ARM.extab : {{ *(.ARM.extab .ARM.extab.*) }} > FLASH
  __exidx_start = .;
  .ARM.exidx : {{ *(.ARM.exidx .ARM.exidx.*) }} > FLASH
  __exidx_end = .;
  .data : ALIGN(4) {{ vmcu_data_start = .; *(.data .data.*) . = ALIGN(4); vmcu_data_end = .; }} > RAM AT> FLASH
  vmcu_data_load = LOADADDR(.data);
  .bss (NOLOAD) : ALIGN(4) {{ vmcu_bss_start = .; *(.bss .bss.* COMMON) . = ALIGN(4); vmcu_bss_end = .; }} > RAM
  vmcu_stack_top = 0x20000000 + {ram};
}}
"""


def machine_flags(target: Target, float_abi: str) -> tuple[str, ...]:
    """GCC's flags for a core. `float_abi` is soft, softfp or hard."""
    fpu = (f"-mfpu={FPUS[target.name]}",) if float_abi != "soft" else ()
    return ("-mthumb", f"-mcpu={target.cpu}", f"-mfloat-abi={float_abi}", *fpu)


def compile_source(source: Path, target: Target, float_abi: str, *flags: str) -> Path:
    """Compile C11 or C++17, by the ending of the name, into an object beside the source."""
    is_cpp = source.suffix == ".cpp"
    program = "arm-none-eabi-g++" if is_cpp else "arm-none-eabi-gcc"
    language = ("-std=c++17", "-fno-exceptions") if is_cpp else ("-std=c11",)
    made = source.with_suffix(".o")
    general = ("-O2", "-ffunction-sections", "-fdata-sections", *language)
    run(program, *machine_flags(target, float_abi), *general, *flags, "-c", str(source), "-o", str(made))
    return made


def startup(folder: Path, target: Target, float_abi: str) -> Path:
    """vMCU's own start-up code, compiled by GCC."""
    source = folder / "startup.c"
    source.write_text(files("vmcu.toolchain").joinpath("startup.c").read_text())
    return compile_source(source, target, float_abi, *NO_CALLS, *(("-DVMCU_FPU",) if target.features.fpu else ()))


def link(
    objects: Sequence[Path], target: Target, float_abi: str, path: Path, *flags: str, program: str = "arm-none-eabi-gcc"
) -> Path:
    """Link with GNU's linker, which must have nothing to warn of. Sections that nothing refers to go."""
    options = ("-nostartfiles", "-Wl,--fatal-warnings", "-Wl,--gc-sections", "-T", str(write_script(path, target)))
    inputs = [str(each) for each in objects]
    run(program, *machine_flags(target, float_abi), *options, *flags, *inputs, "-o", str(path))
    return path


def link_with_lld(objects: Sequence[Path], target: Target, path: Path) -> Path:
    """Link with LLVM's linker and no library."""
    options = ("--fatal-warnings", "--gc-sections", "-T", str(write_script(path, target)))
    run(sys.executable, "-m", "ziglang", "ld.lld", *options, *(str(each) for each in objects), "-o", str(path))
    return path


def write_script(beside: Path, target: Target) -> Path:
    script = beside.with_suffix(".ld")
    script.write_text(SCRIPT.format(flash=target.flash, ram=target.ram))
    return script


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return done.stdout
