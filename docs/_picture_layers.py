"""Draw a plan without streams as SVG: how an output grows over the bytes of a dying input, step by step.

Every kernel gets a band of equal height. A shape is what is alive of a tensor: it opens while the tensor is written,
and closes while its last reader frees it. Shapes may touch; they never cover one another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from _picture import TOP, WIDTH, color_of, colors_of_kernels, compare_bytes, label, label_inputs, open_page

from vmcu import planner
from vmcu.planner.distance import find_live, find_written

BAND, SAMPLES = 44, 32  # pixels of a kernel; steps of a kernel that are drawn
Hull = tuple[float, int, int]  # time in kernels, and the bytes [lo, hi) of the tensor that are alive


def draw_layers(network: planner.Network, plan: planner.Plan, layerwise_bytes: int) -> str:
    """The picture as SVG text; its full width is `layerwise_bytes`."""
    scale = WIDTH / max(layerwise_bytes, plan.pool_bytes)
    edge = plan.pool_bytes * scale
    lines = [*open_page(TOP + BAND * len(network.kernels) + 12), *compare_bytes(plan.pool_bytes, layerwise_bytes)]
    for number, tensor in enumerate(network.tensors):
        left = [(plan.offsets[tensor.name] + lo, time) for time, lo, _ in find_hulls(network, plan, tensor)]
        right = [(plan.offsets[tensor.name] + hi, time) for time, _, hi in find_hulls(network, plan, tensor)]
        points = " ".join(f"{byte * scale:.1f},{TOP + BAND * time:.1f}" for byte, time in (*left, *reversed(right)))
        title = f"<title>{tensor.name}, {tensor.bytes} bytes at {plan.offsets[tensor.name]}</title>"
        lines.append(f'<polygon points="{points}" fill="{color_of(number)}">{title}</polygon>')
    colors = colors_of_kernels(network)
    lines += label_inputs(network, edge + 16)
    for index, kernel in enumerate(network.kernels):
        lines.append(f'<path d="M0 {TOP + BAND * index}H{edge + 12:.1f}" stroke="#999999" stroke-dasharray="3 3"/>')
        words = f"{kernel.name}, last row first" if kernel.name in plan.backward else kernel.name
        lines += label(edge + 16, TOP + BAND * (index + 0.5) + 4, colors[kernel.name], words)
    return "\n".join((*lines, "</svg>", ""))


def find_hulls(network: planner.Network, plan: planner.Plan, tensor: planner.Tensor) -> Iterator[Hull]:
    """What is alive of a tensor, from its first write to its last read, at times in ascending order."""
    readers = [at for at, each in enumerate(network.kernels) if any(it.tensor == tensor.name for it in each.reads)]
    writers = [at for at, each in enumerate(network.kernels) if any(it.tensor == tensor.name for it in each.writes)]
    if tensor.name in network.inputs:
        yield 0.0, 0, tensor.bytes
    for at in writers:
        kernel = network.kernels[at]
        lo, hi = find_written(kernel, tensor, backward=kernel.name in plan.backward)
        for step in _sample(kernel.steps):
            # Before the first step nothing is written: the shape begins as a point.
            first, last = (lo[0], lo[0]) if step == 0 else (lo[:step].min(), hi[:step].max())
            yield at + step / kernel.steps, int(first), int(last)
    if tensor.name in network.outputs:
        yield float(len(network.kernels)), 0, tensor.bytes
        return
    kernel, at = network.kernels[readers[-1]], readers[-1]
    lo, hi = find_live(kernel, tensor, backward=kernel.name in plan.backward)
    for step in _sample(kernel.steps):
        if hi[step] > lo[step]:
            yield at + step / kernel.steps, int(lo[step]), int(hi[step])


def _sample(steps: int) -> list[int]:
    return np.unique(np.linspace(0, steps, SAMPLES + 1).round().astype(int)).tolist()
