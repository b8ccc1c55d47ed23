"""From kernels to a plan: variants are chosen, then everything is placed.

What is fast takes RAM as well: lanes lie on the stack. Pool and stack are one RAM, so the two are weighed together:

* `ram`: the smallest pool, and no more stack than plain loops take.
* `balanced`: the smallest pool, and the fastest variants whose lanes add at most `SLACK` of it.
* `latency`: the fastest variants; of the smallest pool and the plan with as few kernels in streams as the RAM allows,
  the faster one. Which one that is, the emulator tells: rows that break tiles cost time, but so do tensors of layers.
* `size`: as `balanced`, with the least code instead of the fewest cycles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from mlir import ir

from vmcu.cores import Target
from vmcu.driver import summaries
from vmcu.driver.program import Input
from vmcu.ir import bridge
from vmcu.isa import read_kernel
from vmcu.units import format_bytes

Optimize = Literal["ram", "balanced", "latency", "size"]

SLACK = 0.15  # of the RAM of the smallest plan
FRAMES = 256  # bytes of stack that calls and spills take whatever the variants
SPILLS = 128  # bytes of lanes that a kernel may have where RAM is all that counts: plain loops spill as many


@dataclass(frozen=True)
class Wish:
    """What a plan shall be; the arguments are those of `vmcu.driver.compilation.Compilation`.

    `pool`: most bytes of the pool alone; None leaves it to `ram`, which pool and lanes share.
    `compares`: for `latency`, weigh the plan with few kernels in streams against the smallest one.
    """

    ram: int
    input: Input
    streams: bool
    optimize: Optimize
    recompute: float
    pool: int | None = None
    compares: bool = True


def plan_module(
    kernels: ir.Module | ir.OpView, target: Target, wish: Wish, count_cycles: Callable[[ir.Module | ir.OpView], int]
) -> ir.Module | ir.OpView:
    """A copy of a module of kernels on tensors with everything in its place.

    Args:
        kernels: the module.
        target: the core.
        wish: what matters.
        count_cycles: compiles and runs a plan, where plans have to be compared.

    Raises:
        DoesNotFit: the smallest pool found has more bytes than the wish allows.
        Unsupported: the input cannot be fed row by row.
    """
    if wish.optimize == "latency" and wish.streams and wish.compares:
        layers = _fit(kernels, target, wish)
        if summaries.plan(layers).macs > summaries.count_macs(summaries.kernels(kernels)):
            return layers  # It computes things again because nothing else fits.
        smallest = _fit(kernels, target, replace(wish, optimize="balanced", recompute=1.0), slack=1.0)
        if summaries.plan(smallest).pool_bytes == summaries.plan(layers).pool_bytes:
            return smallest
        return min(smallest, layers, key=count_cycles)
    return _fit(kernels, target, wish)


def _fit(kernels: ir.Module | ir.OpView, target: Target, wish: Wish, slack: float = SLACK) -> ir.Module | ir.OpView:
    planned, scratch = _attempt(kernels, target, wish, SPILLS if wish.optimize == "ram" else None)
    pool = summaries.plan(planned).pool_bytes
    allowed = wish.ram - pool
    if wish.optimize in ("balanced", "size"):
        allowed = min(allowed, int(slack * (pool + FRAMES)))
    if wish.optimize != "ram" and scratch > allowed:
        planned, _ = _attempt(kernels, target, wish, allowed)
    return planned


def _attempt(
    kernels: ir.Module | ir.OpView, target: Target, wish: Wish, limit: int | None
) -> tuple[ir.Module | ir.OpView, int]:
    """A plan whose kernels have at most `limit` bytes of lanes each, and the most that one of them has."""
    from vmcu.passes._registry import set_options
    from vmcu.passes.pipelines import describe_core

    module = kernels.operation.clone()
    choice = {"measured": ",".join(target.measured) or None, "scratch": limit, "smallest": wish.optimize == "size"}
    bridge.run(module, set_options(["vmcu-choose-variants"], choice, describe_core(target)))
    scratch = max((read_kernel(op).scratch for op in summaries.kernels(module)), default=0)
    how = {
        "ram": format_bytes(wish.ram if wish.pool is None else wish.pool),
        "input": wish.input,
        "streams": wish.streams,
        "optimize": "latency" if wish.optimize == "latency" else "ram",
        "recompute": wish.recompute,
    }
    bridge.run(module, set_options(["vmcu-plan"], how))
    return module, scratch
