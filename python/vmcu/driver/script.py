"""The way from a model to its object as commands for a shell: every pipeline, with the choices that were made."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from vmcu.cores import Target
from vmcu.driver.options import Options
from vmcu.toolchain.llvm import complete, object_commands

_LEVELS = ("linalg", "kernels", "plan", "segments", "llvm")


class Described(Protocol):
    """What is asked of a compilation."""

    path: Path
    options: Options

    @property
    def name(self) -> str: ...

    @property
    def target(self) -> Target: ...

    @property
    def entry(self) -> str: ...

    @property
    def llvm_ir(self) -> str: ...

    def choices(self, level: str) -> Mapping[str, object]: ...


def write_script(compilation: Described) -> str:
    """Commands that make `NAME.o` in the current folder, the same byte for byte, by way of a file for each level.

    `vmcu tool` runs the programs of LLVM and MLIR that come with this package. What is appended to the LLVM IR are a build
    attribute and the helpers that the object brings along.
    """
    from vmcu.passes.pipelines import write_pipeline

    name = compilation.name
    below = _LEVELS[_LEVELS.index(compilation.entry) + 1 :] if compilation.entry in _LEVELS else _LEVELS
    lines = ["set -e"]
    if compilation.entry == "tosa":
        above = f"{name}.tosa.mlir"
        first = [
            "vmcu",
            "compile",
            str(compilation.path),
            "--io",
            compilation.options.io,
            "--emit",
            "tosa",
            "-o",
            above,
        ]
        lines.append(shlex.join(first))
    else:
        above = str(compilation.path)
    for level in below:
        pipeline = write_pipeline(level, compilation.choices(level), compilation.target)
        made = f"{name}.{level}.mlir"
        lines.append(shlex.join(["vmcu-opt", above, f"--pass-pipeline={pipeline}", "-o", made]))
        above = made
    lines.append(shlex.join(["vmcu", "tool", "mlir-translate", "--mlir-to-llvmir", above, "-o", f"{name}.ll"]))
    appended = complete(compilation.llvm_ir, compilation.target).removeprefix(compilation.llvm_ir)
    lines.append(f"cat >> {shlex.quote(f'{name}.ll')} <<'END_OF_LLVM_IR'\n{appended}\nEND_OF_LLVM_IR")
    source = f"{name}.ll"
    for program, arguments, suffix in object_commands(compilation.target):
        output = [f"{name}{suffix}"] if program == "llvm-objcopy" else ["-o", f"{name}{suffix}"]
        lines.append(shlex.join(["vmcu", "tool", program, *arguments, source, *output]))
        source = f"{name}{suffix}"
    return "\n".join(lines) + "\n"
