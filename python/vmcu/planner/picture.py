"""Draw a plan for people: one line per kernel, the pool from left to right.

    kernel      runs       0                                    36880
    conv        stream 1   ooooooiii.............rrrr...OOOOOOOOOOOOO
    depthwise0  stream 1   iiiiii...ooo..........rrrr...OOOOOOOOOOOOO
    depthwise1  forward    ooooooooooXXXXXXXXXXiiiiiiiiii............
    pointwise1  backward   XXXXXXXXXXXXXXXXXXXXoooooooooooooooooooooo

Kernels of a stream run row by row, so their lines are alive at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vmcu.planner.model import Kernel, Network, Plan, Stream

_LEGEND = "i input, o output, X output over input, r ring of another kernel, # kept for later, w workspace, . free"
_ORDER = "#rwio"  # what is drawn later hides what is drawn earlier


def describe(plan: Plan, network: Network, *, columns: int = 64) -> str:
    """Return a table of kernels against addresses, `columns` characters for the whole pool, and the rings if any."""
    width = max([len(kernel.name) for kernel in network.kernels] + [len("kernel")])
    quality = "optimal" if plan.optimal else "best found"
    lines = [
        f"pool {plan.pool_bytes} bytes ({quality}), lower bound {plan.lower_bound} set by {plan.lower_bound_kernel}",
        f"{'kernel':{width}}  {'runs':9}  0{plan.pool_bytes:>{columns - 1}}",
    ]
    spans, places = _find_spans(plan, network), list(_places(plan, network))
    for index, kernel in enumerate(network.kernels):
        marks = [(mark, place.lo, place.hi) for place in places if (mark := _mark(place, kernel, index, plan, spans))]
        lines.append(f"{kernel.name:{width}}  {_runs(plan, kernel):9}  {_draw(marks, plan.pool_bytes, columns)}")
    return "\n".join((*lines, _LEGEND, *_describe_rings(plan, network)))


@dataclass(frozen=True)
class _Place:
    """Bytes `[lo, hi)` of the pool that belong to a tensor, or are a kernel's workspace."""

    name: str
    lo: int
    hi: int
    is_workspace: bool = False


def _runs(plan: Plan, kernel: Kernel) -> str:
    for number, stream in enumerate(plan.streams, start=1):
        if kernel.name in stream.kernels:
            return f"stream {number}{' backward' if stream.backward else ''}"
    return "backward" if kernel.name in plan.backward else "forward"


def _describe_rings(plan: Plan, network: Network) -> Iterator[str]:
    for tensor in network.tensors:
        if tensor.name in plan.rings:
            landing = f", landing at {plan.landings[tensor.name]}" if tensor.name in plan.landings else ""
            yield (
                f"ring {tensor.name}: {plan.rings[tensor.name]} of {tensor.rows} rows of {tensor.row_bytes} bytes "
                f"at {plan.offsets[tensor.name]}{landing}"
            )


def _places(plan: Plan, network: Network) -> Iterator[_Place]:
    for tensor in network.tensors:
        offset, rows = plan.offsets[tensor.name], plan.rings.get(tensor.name, tensor.rows)
        yield _Place(tensor.name, offset, offset + rows * tensor.bytes // tensor.rows)
        if tensor.name in plan.landings:
            offset = plan.landings[tensor.name]
            yield _Place(tensor.name, offset, offset + tensor.row_bytes)
    for kernel in network.kernels:
        if kernel.name in plan.workspaces:
            offset = plan.workspaces[kernel.name]
            size = kernel.scratch(_stream_of(plan, kernel.name) is not None)
            yield _Place(kernel.name, offset, offset + size, is_workspace=True)


def _find_spans(plan: Plan, network: Network) -> dict[str, tuple[int, int]]:
    """The first and the last kernel, by number, at which a tensor is alive; the whole of a stream counts."""
    spans = dict.fromkeys(network.before, (0, -1))
    for index, kernel in enumerate(network.kernels):
        for access in (*kernel.reads, *kernel.writes):
            spans[access.tensor] = (spans.get(access.tensor, (index, 0))[0], index)
    spans |= {name: (spans[name][0], len(network.kernels)) for name in network.after}
    numbers = {kernel.name: index for index, kernel in enumerate(network.kernels)}
    for stream in plan.streams:
        first, last = numbers[stream.kernels[0]], numbers[stream.kernels[-1]]
        for name, (birth, death) in spans.items():
            if first <= birth <= last:
                spans[name] = first, spans[name][1]
            if first <= death <= last:
                spans[name] = spans[name][0], last
    return spans


def _mark(place: _Place, kernel: Kernel, index: int, plan: Plan, spans: dict[str, tuple[int, int]]) -> str:
    """What a place is to a kernel; nothing if it is not alive."""
    if place.is_workspace:
        stream = _stream_of(plan, kernel.name)
        return "w" if place.name == kernel.name or stream and place.name in stream.kernels else ""
    if any(place.name == write.tensor for write in kernel.writes):
        return "o"
    if any(place.name == read.tensor for read in kernel.reads):
        return "i"
    first, last = spans[place.name]
    if not first <= index <= last:
        return ""
    return "r" if place.name in plan.rings else "#"


def _stream_of(plan: Plan, kernel: str) -> Stream | None:
    return next((stream for stream in plan.streams if kernel in stream.kernels), None)


def _draw(marks: list[tuple[str, int, int]], pool_bytes: int, columns: int) -> str:
    strip = np.full(columns, ".")
    for mark, lo, hi in sorted(marks, key=lambda each: _ORDER.index(each[0])):
        first, last = lo * columns // pool_bytes, (hi - 1) * columns // pool_bytes
        part = strip[first : last + 1]
        part[:] = np.where((part == "i") & (mark == "o"), "X", mark)
    return "".join(strip)
