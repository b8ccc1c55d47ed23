"""Modelled Cortex-M4 cycles per MAC of single layers, beside CMSIS-NN's. Run: python benchmarks/kernels.py [--json]

Each network is one layer with random weights, input and output whole in the pool; its result on the emulated core is
compared with the host's. Cycles are those of the kernel alone, by the target's `CycleTable`: widening,
requantisation, stores and loops included, memory without wait states. `plain` clamps to int8; `ReLU` begins at the
output's zero point, -128, which saves an instruction.

"Reachable" is what hand-made LLVM IR for the layer took, in the same emulator, with the same table; "CMSIS-NN" is its
fastest build that is bit-exact with TFLite, compiled by GCC 12.2, likewise. Where a range is given, it is that over
shapes of its group.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import vmcu
from vmcu.report.figures import is_exact

# The tests have a writer of small .tflite files.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "python"))
from tiny_tflite import Graph  # noqa: E402


@dataclass(frozen=True)
class Case:
    """One layer, and what others need for it in cycles per MAC (as text: some are ranges)."""

    kind: str  # pointwise, depthwise, convolution or fully connected
    side: int  # rows and columns of the input
    inputs: int  # channels
    outputs: int
    kernel: int = 1
    stride: int = 1
    reachable: str = "-"
    reachable_relu: str = "-"
    cmsis_nn: str = "-"

    @property
    def name(self) -> str:
        if self.kind == "fully connected":
            return f"{self.kind} {self.inputs}->{self.outputs}"
        window = "" if self.kernel == 1 else f"{self.kernel}x{self.kernel} s{self.stride} "
        channels = self.inputs if self.kind == "depthwise" else f"{self.inputs}->{self.outputs}"
        return f"{self.kind} {window}{self.side}x{self.side} {channels}"


def _depthwise(side: int, channels: int, stride: int, *others: str) -> Case:
    return Case("depthwise", side, channels, channels, 3, stride, *others)


STRIDE_1, STRIDE_2 = ("1.96-2.25", "1.85-2.14", "9.3-11.4"), ("2.8-3.9", "-", "9.3-10.7")
CASES = (
    Case("pointwise", 48, 8, 16, 1, 1, "1.89", "1.76", "8.0"),
    Case("pointwise", 24, 32, 32, 1, 1, "1.29", "-", "3.2"),
    Case("pointwise", 12, 64, 64, 1, 1, "1.11", "-", "2.4"),
    Case("pointwise", 6, 128, 128, 1, 1, "1.03", "-", "2.2"),
    Case("pointwise", 3, 256, 256, 1, 1, "1.14", "-", "2.5"),
    Case("pointwise", 20, 16, 48, 1, 1, "1.70", "-", "3-8"),
    Case("pointwise", 20, 48, 16, 1, 1, "1.24", "-", "3-8"),
    _depthwise(48, 8, 1, *STRIDE_1),
    _depthwise(24, 32, 1, *STRIDE_1),
    _depthwise(12, 64, 1, *STRIDE_1),
    _depthwise(6, 128, 1, *STRIDE_1),
    _depthwise(48, 16, 2, *STRIDE_2),
    _depthwise(12, 64, 2, *STRIDE_2),
    Case("convolution", 96, 3, 8, 3, 2, "1.55", "-", "8.0"),
    Case("convolution", 80, 3, 16, 3, 2, "1.45", "-", "8.0"),
    # Sizes that no tile divides.
    Case("pointwise", 23, 32, 32),
    Case("pointwise", 24, 32, 33),
    Case("pointwise", 24, 33, 32),
    Case("convolution", 16, 16, 16, 3, 1),
    Case("convolution", 16, 17, 17, 3, 1),
    Case("depthwise", 25, 31, 31, 3, 1),
    Case("fully connected", 1, 640, 128, 1, 1, "-", "1.26", "2.7"),
    Case("fully connected", 1, 64, 12, 1, 1, "-", "1.60", "2.7"),
)


@dataclass(frozen=True)
class Row:
    """Cycles per MAC of one case; the fields are the keys of the JSON output."""

    layer: str
    macs: int
    plain: float
    relu: float
    code_bytes: int  # of the plain one
    reachable: str
    reachable_relu: str
    cmsis_nn: str
    exact: bool


def write_model(case: Case, path: Path, *, relu: bool) -> Path:
    """The layer as a `.tflite`: weights of all int8 values, scales that use the output's range."""
    draw = np.random.default_rng(case.inputs * case.outputs + case.side)
    graph = Graph()
    depth = case.kernel**2 * (1 if case.kind == "depthwise" else case.inputs)
    scales = draw.uniform(0.004, 0.01, case.outputs)
    shape = (case.outputs, case.kernel, case.kernel, case.inputs)
    if case.kind == "depthwise":
        shape = (1, case.kernel, case.kernel, case.outputs)
    if case.kind == "fully connected":
        shape, scales = (case.outputs, case.inputs), np.full(1, 0.007)
    result = -(-case.side // case.stride)
    images = [(1, case.side, case.side, case.inputs), (1, result, result, case.outputs)]
    if case.kind == "fully connected":
        images = [(1, case.inputs), (1, case.outputs)]
    x = graph.tensor("x", images[0], scale=0.05, zero_point=-128)
    y = graph.tensor("y", images[1], scale=0.05 * 0.4 * depth**0.5, zero_point=-128 if relu else 3)
    weights = draw.integers(-127, 128, shape).astype(np.int8)
    w = graph.const("w", weights, scale=scales, channel_axis=3 if case.kind == "depthwise" else 0)
    bias = draw.integers(-2000, 2000, case.outputs).astype(np.int32)
    b = graph.const("b", bias, scale=scales * 0.05)
    fields = dict(fusedActivationFunction=int(relu))
    if case.kind != "fully connected":
        fields |= dict(padding=0, strideW=case.stride, strideH=case.stride)
    if case.kind == "depthwise":
        graph.op("DEPTHWISE_CONV_2D", [x, w, b], [y], "DepthwiseConv2DOptions", depthMultiplier=1, **fields)
    elif case.kind == "fully connected":
        graph.op("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions", **fields)
    else:
        graph.op("CONV_2D", [x, w, b], [y], "Conv2DOptions", **fields)
    return graph.write(path, [x], [y])


def random_inputs(compiled: vmcu.Compiled) -> list[np.ndarray]:
    return [each.random(np.random.default_rng(0)) for each in compiled.inputs]


def measure(case: Case, target: str, *, relu: bool) -> tuple[vmcu.Profile, bool]:
    """The profile of a layer, and whether it computes what the host does."""
    with tempfile.TemporaryDirectory() as scratch:
        model = write_model(case, Path(scratch) / "layer.tflite", relu=relu)
        compiled = vmcu.compile_model(model, target, optimize="latency")
        inputs = random_inputs(compiled)
        with compiled.firmware() as firmware:
            found = firmware.run(*inputs, count=False).outputs
        return compiled.profile(*inputs), is_exact(found, compiled.reference(*inputs))


def measure_all(cases: Sequence[Case], target: str) -> Iterator[Row]:
    for case in cases:
        (plain, first), (relu, second) = (measure(case, target, relu=each) for each in (False, True))
        macs, code = plain.layers[0].macs, plain.layers[0].code_bytes
        per_mac = [round(sum(layer.cycles for layer in each.layers) / macs, 3) for each in (plain, relu)]
        others = (case.reachable, case.reachable_relu, case.cmsis_nn)
        yield Row(case.name, macs, *per_mac, code, *others, first and second)


def tabulate(rows: Sequence[Row], target: str) -> Table:
    title = f"Modelled cycles per MAC, {target}; reachable and CMSIS-NN: Cortex-M4"
    table = Table(title=title, title_justify="left")
    table.add_column("layer", no_wrap=True)
    for heading in ("MACs", "plain", "ReLU", "code", "reachable", "with ReLU", "CMSIS-NN"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("exact")
    for row in rows:
        ours = (f"{row.macs:,}", f"{row.plain:.2f}", f"{row.relu:.2f}", f"{row.code_bytes:,}")
        others = (row.reachable, row.reachable_relu, row.cmsis_nn)
        table.add_row(row.layer, *ours, *others, "yes" if row.exact else "NO")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="cortex-m4", help="as of `vmcu compile` [default: %(default)s]")
    parser.add_argument("--only", default="", metavar="TEXT", help="layers whose name has this text")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    arguments = parser.parse_args()
    chosen = [case for case in CASES if arguments.only in case.name]
    rows = list(measure_all(chosen, arguments.target))
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(tabulate(rows, arguments.target))
    if not all(row.exact for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
