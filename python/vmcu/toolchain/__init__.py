"""From LLVM IR to firmware: `opt`, `llc`, Zig's C compiler and linker, and what an ELF file says about itself.

    LLVM IR text --compile_to_object--> .o --link_firmware (+ start-up code, run-time library)--> .elf

The package takes LLVM IR as text and knows nothing of where it came from.
"""

from __future__ import annotations

from vmcu.toolchain.elf import Sizes, elf_sizes, symbols, undefined
from vmcu.toolchain.link import link_firmware
from vmcu.toolchain.llvm import HARMLESS_PASSES, compile_to_assembly, compile_to_object, compile_with_stack
from vmcu.toolchain.stack import Stack
from vmcu.toolchain.tools import ToolFailed

__all__ = [
    "HARMLESS_PASSES",
    "Sizes",
    "Stack",
    "ToolFailed",
    "compile_to_assembly",
    "compile_to_object",
    "compile_with_stack",
    "elf_sizes",
    "link_firmware",
    "symbols",
    "undefined",
]
