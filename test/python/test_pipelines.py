"""The written pipelines, with the choices that were made, come to the same LLVM IR in `vmcu-opt`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vmcu.cores import Target
from vmcu.driver.compilation import Compilation
from vmcu.ir import bridge
from vmcu.passes.pipelines import read_variants, write_pipeline

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
@pytest.mark.parametrize("rows", ["resident", "fed"])
def test_written_pipelines_give_the_same_llvm_ir(core: str, rows: str, tmp_path: Path) -> None:
    compilation, target = Compilation(DIGITS, core, input=rows), Target.parse(core)
    with bridge.context():
        variants = read_variants(bridge.ir.Module.parse(compilation.emit("plan")))
    level = tmp_path / "net.mlir"
    level.write_text(compilation.emit("tosa"))
    options = {
        "plan": {"variants": variants or ";", "ram": target.ram, "input": rows},
        "llvm": {"name": compilation.name},
    }
    for each in ("linalg", "kernels", "plan", "segments", "llvm"):
        pipeline = write_pipeline(each, options.get(each, {}), target)
        command = [sys.executable, "-c", "import sys; from vmcu.tools import opt; sys.exit(opt())"]
        lowered = tmp_path / f"{each}.mlir"
        subprocess.run([*command, level, f"--pass-pipeline={pipeline}", "-o", lowered], check=True)
        level = lowered
    with bridge.context():
        from vmcu.driver.program import translate

        assert translate(bridge.ir.Module.parse(level.read_text())) == compilation.llvm_ir
