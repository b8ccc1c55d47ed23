"""From kernels to a plan: variants are chosen, then everything is placed.

What is fast takes RAM as well: lanes lie on the stack. Pool and stack are one RAM, so the two are weighed together:

* `ram`: the smallest pool, and no more stack than plain loops take.
* `balanced`: the smallest pool, and the fastest variants whose lanes add at most `SLACK` of it.
* `latency`: the fastest variants; of the smallest pool and the plan with as few kernels in streams as the RAM allows,
  the faster one. Both are run on the emulated core: rows that break tiles cost time, and so do tensors of layers. A plan
  whose stack does not fit beside its pool is none.
* `size`: as `balanced`, with the least code instead of the fewest cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from mlir import ir

from vmcu.driver import summaries
from vmcu.driver.options import Options
from vmcu.errors import DoesNotFit
from vmcu.ir import bridge
from vmcu.isa import read_kernel
from vmcu.isa.measurements import user_path
from vmcu.units import format_bytes

SLACK = 0.15  # of the RAM of the smallest plan
FRAMES = 256  # bytes of stack that calls and spills take whatever the variants
SPILLS = 128  # bytes of lanes that a kernel may have where RAM is all that counts: plain loops spill as many


@dataclass(frozen=True)
class Planned:
    """A planned module.

    Args:
        module: the plan.
        scratch: bytes of lanes of the kernel that has most of them.
        choices: the options with which the pipeline `vmcu-to-plan` makes the same plan again.
    """

    module: ir.Module | ir.OpView
    scratch: int
    choices: Mapping[str, object]


def plan_module(
    kernels: ir.Module | ir.OpView, options: Options, count_cycles: Callable[[ir.Module | ir.OpView], float]
) -> Planned:
    """A module of kernels on tensors with everything in its place, and what was chosen for it.

    Args:
        kernels: the module.
        options: the core, and what matters.
        count_cycles: compiles and runs a plan, where plans have to be compared.

    Raises:
        DoesNotFit: the smallest pool found has more bytes than the options allow.
        Unsupported: the input cannot be fed row by row.
    """
    if options.optimize == "latency" and options.streams and options.pool is None:
        layers = _fit_beside_stack(kernels, options)
        executed = summaries.executed_macs(layers.module, summaries.operators(layers.module))
        if executed > summaries.count_macs(summaries.kernels(kernels)):
            return layers  # It computes things again because nothing else fits.
        smallest = _fit(kernels, replace(options, optimize="balanced", recompute=1.0), slack=1.0)
        if summaries.plan(smallest.module).pool_bytes == summaries.plan(layers.module).pool_bytes:
            return smallest
        return min(smallest, layers, key=lambda each: count_cycles(each.module))
    return _fit(kernels, options)


def _fit_beside_stack(kernels: ir.Module | ir.OpView, options: Options) -> Planned:
    """A plan whose pool leaves RAM for the stack, if there is one."""
    planned = _fit(kernels, options)
    room = options.ram_bytes - planned.scratch - FRAMES
    if summaries.plan(planned.module).pool_bytes > room > 0:
        with suppress(DoesNotFit):
            return _fit(kernels, replace(options, ram=room))
    return planned


def _fit(kernels: ir.Module | ir.OpView, options: Options, slack: float = SLACK) -> Planned:
    planned = _attempt(kernels, options, SPILLS if options.optimize == "ram" else None)
    pool = summaries.plan(planned.module).pool_bytes
    allowed = max(0, options.ram_bytes - pool - FRAMES)
    if options.optimize in ("balanced", "size"):
        allowed = min(allowed, int(slack * (pool + FRAMES)))
    if options.optimize != "ram" and planned.scratch > allowed:
        planned = _attempt(kernels, options, allowed)
    return planned


def _attempt(kernels: ir.Module | ir.OpView, options: Options, limit: int | None) -> Planned:
    """A plan whose kernels have at most `limit` bytes of lanes each."""
    from vmcu.passes._registry import set_options
    from vmcu.passes.pipelines import describe_core, read_variants

    module = kernels.operation.clone()
    choice = {
        "measured": ",".join(options.target.measured) or None,
        "measurements": user_path() if user_path().exists() else None,
        "scratch": limit,
        "smallest": options.optimize == "size",
    }
    bridge.run(module, set_options(["vmcu-choose-variants"], choice, describe_core(options.target)))
    scratch = max((read_kernel(op).scratch for op in summaries.kernels(module)), default=0)
    how = {
        "ram": format_bytes(options.ram_bytes if options.pool is None else options.pool),
        "input": options.input,
        "streams": options.streams,
        "optimize": "latency" if options.optimize == "latency" else "ram",
        "recompute": options.recompute,
    }
    variants = read_variants(module) or ";"
    bridge.run(module, set_options(["vmcu-plan"], how))
    return Planned(module, scratch, {"variants": variants, **how})
