"""Link objects with start-up code and the run-time library to a firmware image."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from vmcu.cores import FLASH_BASE, RAM_BASE, Target
from vmcu.errors import InputError
from vmcu.toolchain.elf import symbols
from vmcu.toolchain.llvm import compile_to_object
from vmcu.toolchain.runtime import runtime_library, startup_object
from vmcu.toolchain.tools import ToolFailed, run_zig


def link_firmware(
    objects: Sequence[Path],
    target: Target,
    path: Path,
    *,
    entry: str | None = None,
    keep: Sequence[str] = (),
    stack: int = 0,
) -> Path:
    """Link `objects` to the firmware `path` and return `path`.

    The image has its vector table at the start of flash, copies `.data`, zeroes `.bss`, switches the FPU on, calls
    `int vmcu_main(void)` and stops at a breakpoint with the returned value in r0.

    Args:
        objects: relocatable ELF files.
        target: supplies the sizes of flash and RAM and the core.
        entry: a function `int entry(void)` to run as `vmcu_main`; needed only where no object defines `vmcu_main`
            and the firmware shall run something by itself.
        keep: functions and variables that must stay although nothing in the firmware refers to them.
        stack: bytes of RAM that must be left above the static data.

    Raises:
        InputError: the image is larger than the target's memories, or a name in `entry` or `keep` is not defined.
        ToolFailed: anything else the linker refuses.
        MissingTool: the installation lacks a program.
    """
    wanted = (*keep, *((entry,) if entry else ()))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "firmware.ld"
        script.write_text(_linker_script(target, stack))
        inputs = [startup_object(target), *objects, runtime_library(target)]
        if entry:
            inputs.append(_call_entry(entry, target, Path(folder) / "entry.o"))
        _link(inputs, script, wanted, target, path)
    missing = sorted(set(wanted) - symbols(path).keys())
    if missing:
        path.unlink()
        raise InputError(f"no object defines {', '.join(missing)}")
    return path


def _linker_script(target: Target, stack: int) -> str:
    text = files("vmcu.toolchain").joinpath("firmware.ld").read_text()
    values = {
        "FLASH_BASE": FLASH_BASE,
        "RAM_BASE": RAM_BASE,
        "FLASH": target.flash,
        "RAM": target.ram,
        "STACK": stack,
    }
    return re.sub(r"@(\w+)@", lambda name: f"{values[name[1]]:#x}", text)


def _call_entry(entry: str, target: Target, path: Path) -> Path:
    code = f'declare i32 @"{entry}"()\ndefine i32 @vmcu_main() {{\n  %r = call i32 @"{entry}"()\n  ret i32 %r\n}}\n'
    return compile_to_object(code, target, path)


def _link(inputs: Sequence[Path], script: Path, wanted: Sequence[str], target: Target, path: Path) -> None:
    options = ("--gc-sections", "-T", str(script), *(f"--undefined={name}" for name in wanted), "-o", str(path))
    try:
        run_zig(("ld.lld", *options, *(str(each) for each in inputs)))
    except ToolFailed as error:
        overflow = re.search(r"section '(\S+)' will not fit in region '(\w+)': overflowed by (\d+) bytes", error.said)
        if not overflow:
            raise
        section, region, excess = overflow.groups()
        raise InputError(f"section {section} is {excess} bytes too large for the {region} of {target}") from error
