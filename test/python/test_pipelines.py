"""`vmcu compile --print-pipeline`: the printed commands, run by a shell, come to the same object byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import vmcu

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
BIN = Path(sys.executable).parent


def run_script(text: str, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("core", "options"),
    [
        ("cortex-m4", {}),
        ("cortex-m4", {"input": "fed"}),
        ("cortex-m0plus", {}),
        ("cortex-m0plus", {"input": "fed"}),
        ("cortex-m4", {"optimize": "size", "name": "small"}),
        ("cortex-m4", {"input": "fed", "recompute": 1.5}),
    ],
)
def test_printed_commands_make_the_same_object(core: str, options: dict, tmp_path: Path) -> None:
    compilation = vmcu.Compilation(DIGITS, core, **options)
    expected = compilation.finish()
    run_script(compilation.script(), tmp_path)
    assert (tmp_path / f"{compilation.name}.o").read_bytes() == expected.code


def test_a_plan_goes_on_from_itself(tmp_path: Path) -> None:
    (tmp_path / "net.mlir").write_text(vmcu.Compilation(DIGITS).emit("plan"))
    compilation = vmcu.Compilation(tmp_path / "net.mlir")
    text = compilation.script()
    assert "--emit" not in text and "vmcu-plan" not in text
    run_script(text, tmp_path)
    assert (tmp_path / "net.o").read_bytes() == compilation.finish().code


def test_choices_are_named() -> None:
    text = vmcu.Compilation(DIGITS).script()
    assert "variants=" in text and "conv2d_2=matmul" in text
    assert "measured" not in text  # whoever runs this needs no measurements of ours


def test_the_command_line_prints_it() -> None:
    printed = subprocess.run([BIN / "vmcu", "compile", DIGITS, "--print-pipeline"], capture_output=True, text=True)
    assert printed.stdout == vmcu.Compilation(DIGITS).script()


def test_tools_are_reachable() -> None:
    for tool in ("opt", "llc", "mlir-translate", "llvm-objcopy"):
        done = subprocess.run([BIN / "vmcu", "tool", tool, "--version"], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "LLVM version" in done.stdout


def test_a_tool_that_is_not_there_invalid() -> None:
    done = subprocess.run([BIN / "vmcu", "tool", "gold", "x"], capture_output=True, text=True, check=False)
    assert (
        done.returncode != 0 and "no program 'gold' of LLVM or MLIR" in done.stderr and "Traceback" not in done.stderr
    )
