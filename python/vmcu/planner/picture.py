"""Draw a plan for people: one line per kernel, the pool from left to right.

    kernel      direction  0                                    36880
    depthwise1  forward    ooooooooooXXXXXXXXXXiiiiiiiiii............
    pointwise1  backward   XXXXXXXXXXXXXXXXXXXXoooooooooooooooooooooo
"""

from __future__ import annotations

import numpy as np

from vmcu.planner.distance import Block, find_blocks
from vmcu.planner.model import Network, Plan

_LEGEND = "i input, o output, X output over input, # kept for later, w workspace, . free"


def describe(plan: Plan, network: Network, *, columns: int = 64) -> str:
    """Return a table of kernels against addresses, `columns` characters for the whole pool."""
    blocks = find_blocks(network)
    width = max([len(kernel.name) for kernel in network.kernels] + [len("kernel")])
    quality = "optimal" if plan.optimal else "best found"
    lines = [
        f"pool {plan.pool_bytes} bytes ({quality}), lower bound {plan.lower_bound} set by {plan.lower_bound_kernel}",
        f"{'kernel':{width}}  direction  0{plan.pool_bytes:>{columns - 1}}",
    ]
    for index, kernel in enumerate(network.kernels):
        direction = "backward" if kernel.name in plan.backward else "forward"
        lines.append(f"{kernel.name:{width}}  {direction:9}  {_draw(plan, blocks, index, columns)}")
    return "\n".join((*lines, _LEGEND))


def _draw(plan: Plan, blocks: tuple[Block, ...], index: int, columns: int) -> str:
    strip = np.full(columns, ".")
    for block in blocks:
        if not block.birth <= index <= block.death:
            continue
        offset = (plan.workspaces if block.is_workspace else plan.offsets)[block.name]
        first, last = (address * columns // plan.pool_bytes for address in (offset, offset + block.bytes - 1))
        part = strip[first : last + 1]
        mark = _mark(block, index)
        part[:] = np.where({"i": part == "o", "o": part == "i"}.get(mark, False), "X", mark)
    return "".join(strip)


def _mark(block: Block, index: int) -> str:
    if block.is_workspace:
        return "w"
    if block.birth == index:
        return "o"
    return "i" if block.death == index else "#"
