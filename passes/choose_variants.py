"""Choose how each kernel is computed, of the ways that the core has.

Before: kernels on tensors.
After:  a kernel with a faster variant than its plain loops names it in its attribute `variant`. One that names a variant
        already keeps it, unless `variants` says which kernel gets which.

Families of the user's own (`vmcu.register`) come first. Then what was measured decides (`vmcu.isa.measurements`), or else
the first of the variants that a kernel knows. The planner sees variants by their access order, `vmcu-tile-to-segments` emits
them. Runs after `vmcu-form-kernels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlir import ir
from mlir.dialects import func

from vmcu.dialects import vmcu as d
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.isa import Isa, choose_isa, has_families, has_no_variant, offers, read_kernel
from vmcu.isa.measurements import Cache, key, shipped
from vmcu.operators import PLAIN, Variant, describe
from vmcu.passes._features import CoreOptions
from vmcu.passes._registry import PassError, option, vmcu_pass


@dataclass(frozen=True)
class VariantOptions(CoreOptions):
    """Options of `vmcu-choose-variants`."""

    measured: str | None = option(None, "cores whose measurements decide, separated by commas: the first that has some")
    scratch: int | None = option(None, "most bytes of stack that a kernel may take for lanes", unit="bytes")
    smallest: bool = option(False, "prefer little code to few cycles")
    variants: str | None = option(None, "choose nothing but these: conv2d_0=matmul,unroll=32;depthwise_0=row")
    measurements: str | None = option(None, "a file of measurements, on top of those of the package")


@vmcu_pass("vmcu-choose-variants", summary="Choose how each kernel is computed", options=VariantOptions)
def choose_variants(module: ir.Module, options: VariantOptions) -> None:
    refuse_leftovers(module, _is_placed, "is placed already; vmcu-choose-variants comes before vmcu-plan")
    isa = choose_isa(options.features)
    functions = [op for op in module.body.operations if isinstance(op, func.FuncOp) and not op.is_external]
    kernels = [op for each in functions for op in each.regions[0].blocks[0].operations if isinstance(op, d.KernelOp)]
    if options.variants is not None:
        _set_variants(module, kernels, options.variants)
        return
    if not has_families(isa):
        return
    cache = _load(options)
    for op in kernels:
        if op.variant is None:
            _choose(op, isa, cache, options)


def _load(options: VariantOptions) -> Cache:
    if options.measured is None:
        return Cache()
    return shipped(on_top=None if options.measurements is None else Path(options.measurements))


def _set_variants(module: ir.Module, kernels: Sequence[d.KernelOp], text: str) -> None:
    """Give each kernel the variant that `text` names for it, and the others plain loops."""
    wanted = dict(each.partition("=")[::2] for each in text.split(";") if each)
    unknown = set(wanted) - {op.name.value for op in kernels}
    if unknown:
        raise PassError(module.operation, f"has no kernel '{min(unknown)}' to choose a variant for")
    for op in kernels:
        text = wanted.get(op.name.value, "")
        try:
            Variant.parse(text).write(op)
        except ValueError:
            raise has_no_variant(op, describe(op), text) from None
        if text:
            read_kernel(op)  # refuses what no family offers


def _is_placed(op: ir.Operation) -> bool:
    return isinstance(op.opview, d.PooledKernel)


def _choose(op: d.KernelOp, isa: Isa, cache: Cache, options: VariantOptions) -> None:
    operator = describe(op)
    known, limit = offers(operator, isa), options.scratch
    offered = [each for each in known if limit is None or each.scratch <= limit]
    allowed = [each.variant for each in offered]
    chosen = allowed[0] if allowed else PLAIN
    is_own = bool(offered) and offered[0].family.is_own
    if known and not is_own and options.measured is not None:
        names = [key(core, operator.signature) for core in options.measured.split(",")]
        found = (cache.choose(name, scratch=limit, smallest=options.smallest) for name in names)
        best = next((Variant.parse(each) for each in found if each is not None), None)
        # Measurements may be older than the compiler.
        if best in (*allowed, PLAIN):
            chosen = best
    chosen.write(op)
