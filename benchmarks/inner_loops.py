"""What llvm-mca says of inner loops on a core without published timings. Run: python benchmarks/inner_loops.py

For each single layer of `kernels.py` compiled for a Cortex-M7: instructions of a run, counted on the emulated core, and
for the loop with the most multiplications what LLVM's machine code analyser makes of it: cycles per MAC with the
instructions issued as LLVM's model of the core allows, and loads that always hit. An estimate, and called so.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

import kernels
from rich.console import Console
from rich.table import Table

import vmcu
from vmcu.toolchain.tools import run_llvm

# The tests count the instructions of loops.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "Target" / "Inputs"))
from count_loops import INSTRUCTION, find_loops, read_functions  # noqa: E402

ITERATIONS = 100


def count_macs(body: list[str]) -> int:
    """SMLAD multiplies twice, SMLAxy once."""
    return sum(2 * line.startswith("smlad ") + bool(re.match(r"smla[bt][bt] ", line)) for line in body)


def find_innermost(assembly: str) -> list[str]:
    """Of the loops that contain no other, the instructions of the one with the most multiplications."""
    bodies = []
    for _, lines in read_functions(assembly):
        loops = find_loops(lines)
        for start, end in loops:
            if not any(start < other <= end for other, _ in loops):
                found = (INSTRUCTION.match(line) for line in lines[start : end + 1])
                bodies.append([f"{match[1]} {match[2]}" for match in found if match])
    return max(bodies, key=count_macs)


def estimate(body: list[str], target: vmcu.Target) -> float:
    """Cycles of one iteration."""
    code = "\n".join(line for line in body if not line.startswith("b"))
    flags = (f"-mtriple={target.triple}", f"-mcpu={target.cpu}", f"-iterations={ITERATIONS}")
    report = run_llvm("llvm-mca", flags, code.encode()).decode()
    return int(re.search(r"Total Cycles:\s+(\d+)", report)[1]) / ITERATIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="cortex-m7", help="as of `vmcu compile` [default: %(default)s]")
    parser.add_argument("--only", default="", metavar="TEXT", help="layers whose name has this text")
    arguments = parser.parse_args()
    target = vmcu.Target.parse(arguments.target)
    table = Table(title=f"Inner loops on {target.name}, estimated by llvm-mca", title_justify="left")
    table.add_column("layer", no_wrap=True)
    for heading in ("MACs", "instructions", "per MAC", "inner loop's instructions", "its MACs", "cycles per MAC"):
        table.add_column(heading, justify="right")
    for case in kernels.CASES:
        if arguments.only in case.name:
            table.add_row(*_row(case, target))
    Console(width=140).print(table)


def _row(case: kernels.Case, target: vmcu.Target) -> list[str]:
    with tempfile.TemporaryDirectory() as scratch:
        model = kernels.write_model(case, Path(scratch) / "layer.tflite", relu=True)
        compiled = vmcu.compile_model(model, target, optimize="latency")
        (layer,) = compiled.profile(*kernels.random_inputs(compiled)).layers
    body = find_innermost(compiled.assembly)
    macs = count_macs(body)
    counts = (f"{layer.macs:,}", f"{layer.instructions:,}", f"{layer.instructions / layer.macs:.2f}")
    return [case.name, *counts, str(len(body)), str(macs), f"{estimate(body, target) / macs:.2f}"]


if __name__ == "__main__":
    main()
