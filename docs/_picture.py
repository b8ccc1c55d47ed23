"""Draw the plan of a model as SVG: addresses from left to right, time from top to bottom.

A coloured block is a row of a tensor, from the moment it is written to its last read. What shares a column but not a
moment shares bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vmcu import planner
from vmcu.planner.schedule import read_ticks, write_ticks

WIDTH, TICK, TOP, LONE = 880, 9, 64, 2  # pixels; a kernel alone takes LONE ticks: it reads, it writes
PALETTE = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f", "#ff9da7", "#86bcb6")


@dataclass(frozen=True)
class Part:
    """Kernels that run together, and the ticks `[start, stop)` on the clock of the whole network."""

    kernels: tuple[planner.Kernel, ...]
    stream: planner.Stream | None
    start: int
    stop: int


def draw_plan(network: planner.Network, plan: planner.Plan, layerwise_bytes: int) -> str:
    """The picture as SVG text; its full width is `layerwise_bytes`."""
    parts = list(_split(network, plan))
    scale = WIDTH / max(layerwise_bytes, plan.pool_bytes)
    height = TOP + TICK * parts[-1].stop + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 20}" height="{height}" '
        f'viewBox="-10 0 {WIDTH + 20} {height}" font-family="sans-serif" font-size="12">',
        f'<rect x="-10" width="{WIDTH + 20}" height="{height}" fill="white"/>',
        *_bar(8, WIDTH, "#dddddd", f"tensor by tensor: {layerwise_bytes:,} bytes for the largest layer alone"),
        *_bar(32, plan.pool_bytes * scale, "#333333", f"one pool: {plan.pool_bytes:,} bytes", text="white"),
    ]
    for number, tensor in enumerate(network.tensors):
        lines.append(f'<g fill="{PALETTE[number % len(PALETTE)]}" stroke="white" stroke-width="0.5">')
        lines += _draw_tensor(tensor, network, plan, parts, scale)
        lines.append("</g>")
    edge = plan.pool_bytes * scale
    for part in parts:
        y, below = TOP + TICK * part.start, TOP + TICK * part.stop
        lines.append(f'<path d="M0 {y}H{edge + 12:.1f}" stroke="#999999" stroke-dasharray="3 3"/>')
        label = " + ".join(kernel.name for kernel in part.kernels)
        lines.append(f'<text x="{edge + 16:.1f}" y="{(y + below) / 2 + 4:.1f}" fill="#333333">{label}</text>')
    return "\n".join((*lines, "</svg>", ""))


def read_plan(path: Path) -> tuple[planner.Network, planner.Plan, int]:
    """What the planner is asked for a model file, what it answers, and the bytes of the largest layer."""
    from vmcu import pipeline
    from vmcu.api import Compilation, compile_model
    from vmcu.passes import plan as pass_
    from vmcu.passes.pipelines import KERNELS

    compilation = Compilation(path)
    with pipeline.context(), pass_.ir.Location.unknown():
        module = pass_.ir.Module.parse(compilation.emit("linalg"))
        pipeline.run(module, KERNELS)
        function = module.body.operations[0]
        network, _ = pass_._describe(function, pass_._name_tensors(function))
    return network, planner.plan(network), compile_model(path).layerwise_bytes


def _split(network: planner.Network, plan: planner.Plan) -> Iterator[Part]:
    streams = {stream.kernels[0]: stream for stream in plan.streams}
    kernels, clock, position = network.kernels, 0, 0
    while position < len(kernels):
        stream = streams.get(kernels[position].name)
        count = len(stream.kernels) if stream else 1
        ticks = stream.last_tick - stream.first_tick + 1 if stream else LONE
        yield Part(kernels[position : position + count], stream, clock, clock + ticks)
        clock, position = clock + ticks, position + count


def _draw_tensor(
    tensor: planner.Tensor, network: planner.Network, plan: planner.Plan, parts: list[Part], scale: float
) -> Iterator[str]:
    births, deaths = [0] * tensor.rows, [0] * tensor.rows
    for part in parts:
        for position, kernel in enumerate(part.kernels):
            if any(write.tensor == tensor.name for write in kernel.writes):
                births = _ticks(part, write_ticks, position, tensor.rows, part.stop - 1)
                deaths = list(births)
            if any(read.tensor == tensor.name for read in kernel.reads):
                last = _ticks(part, lambda s, p, n, k=part.kernels: read_ticks(s, k, p, n), position, tensor.rows, part.start)
                deaths = [max(pair) for pair in zip(deaths, last)]
    if tensor.name in network.outputs:
        deaths = [parts[-1].stop - 1] * tensor.rows
    ring = plan.rings.get(tensor.name, tensor.rows)
    for row, (birth, death) in enumerate(zip(births, deaths)):
        x = (plan.offsets[tensor.name] + row % ring * tensor.row_bytes) * scale
        y, ticks = TOP + TICK * birth, death - birth + 1
        yield (
            f'<rect x="{x:.1f}" y="{y}" width="{tensor.row_bytes * scale:.1f}" height="{TICK * ticks}">'
            f"<title>{tensor.name}, row {row}</title></rect>"
        )


def _ticks(part: Part, find: Callable[..., np.ndarray], position: int, rows: int, alone: int) -> list[int]:
    """Ticks on the network's clock. A kernel alone is drawn as if it read all rows and then wrote all."""
    if part.stream is None:
        return [alone] * rows
    return [int(tick) - part.stream.first_tick + part.start for tick in find(part.stream, position, rows)]


def _bar(y: int, width: float, fill: str, words: str, *, text: str = "#333333") -> Iterator[str]:
    yield f'<rect y="{y}" width="{width:.1f}" height="20" fill="{fill}"/>'
    yield f'<text x="6" y="{y + 14}" fill="{text}">{words}</text>'
