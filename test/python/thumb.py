"""Small firmwares for tests, from Thumb assembly or LLVM IR."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vmcu.cores import Target
from vmcu.run.emulator import Counts, Machine
from vmcu.toolchain import compile_to_object, link_firmware

M4 = Target.parse("cortex-m4")
M7 = Target.parse("cortex-m7")


def machine_from_ir(ir: str, folder: Path, keep: Sequence[str], target: Target) -> Machine:
    """A booted machine that holds the functions `keep` of the module `ir`."""
    firmware = link_firmware([compile_to_object(ir, target, folder / "f.o")], target, folder / "f.elf", keep=keep)
    machine = Machine(firmware, target)
    machine.boot()
    return machine


def assemble(body: str, folder: Path, target: Target) -> Machine:
    """A booted machine whose function `f` is `body`, one instruction a line."""
    begin = (".syntax unified", ".fpu fpv4-sp-d16", ".thumb", ".globl f", ".type f,%function", ".thumb_func", "f:")
    lines = (*begin, *body.splitlines(), ".size f, .-f")
    ir = "\n".join(f'module asm "{line.strip()}"' for line in [".section .text.f,\\22ax\\22", *lines])
    return machine_from_ir(ir, folder, ["f"], target)


def run(body: str, folder: Path, target: Target = M4) -> Counts:
    """What `f` costs; r0 points to 256 bytes of RAM, r1 is 3 and r2 is 5."""
    machine = assemble(body, folder, target)
    return machine.call("f", machine.reserve(256), 3, 5)
