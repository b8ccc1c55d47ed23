"""Choose how each kernel is computed, of the ways that the core has.

Before: kernels on tensors.
After:  a kernel with a faster variant than its plain loops names it in its attribute `variant`.

What was measured decides (`vmcu.tuner`), or else the first of the variants that a kernel knows. The planner sees variants
by their access order, `vmcu-tile-to-segments` emits them. Runs after `vmcu-form-kernels`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlir import ir
from mlir.dialects import func

from vmcu.dialects import vmcu as d
from vmcu.operators import PLAIN, BufferKernel, Variant, describe_kernel
from vmcu.passes._features import CoreOptions
from vmcu.passes._registry import option, vmcu_pass
from vmcu.tuner import Cache, key, load_all


@dataclass(frozen=True)
class VariantOptions(CoreOptions):
    """Options of `vmcu-choose-variants`."""

    measured: str | None = option(None, "cores whose measurements decide, separated by commas: the first that has some")
    scratch: int | None = option(None, "most bytes of stack that a kernel may take for lanes", unit="bytes")
    smallest: bool = option(False, "prefer little code to few cycles")


@vmcu_pass("vmcu-choose-variants", summary="Choose how each kernel is computed", options=VariantOptions)
def choose_variants(module: ir.Module, options: VariantOptions) -> None:
    if not (options.dsp and options.fpu):
        return
    cache = load_all() if options.measured is not None else Cache()
    for function in module.body.operations:
        if isinstance(function, func.FuncOp) and not function.is_external:
            for op in function.regions[0].blocks[0].operations:
                if isinstance(op, d.KernelOp):
                    _choose(op, cache, options)


def _choose(kernel: d.KernelOp, cache: Cache, options: VariantOptions) -> None:
    description = describe_kernel(kernel)
    if isinstance(description, BufferKernel):
        return
    known = description.variants()
    limit = options.scratch
    allowed = [each for each in known if limit is None or replace(description, variant=each).scratch <= limit]
    chosen = allowed[0] if allowed else PLAIN
    if known and options.measured is not None:
        names = [key(core, description.signature) for core in options.measured.split(",")]
        found = (cache.choose(name, scratch=limit, smallest=options.smallest) for name in names)
        best = next((Variant.parse(each) for each in found if each is not None), None)
        # Measurements may be older than the compiler.
        if best in (*allowed, PLAIN):
            chosen = best
    if chosen != PLAIN:
        kernel.operation.attributes["variant"] = ir.StringAttr.get(str(chosen))
