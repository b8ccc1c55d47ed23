"""Choose how each kernel is computed, of the ways that the core has.

Before: kernels on tensors.
After:  a kernel with a faster variant than its plain loops names it in its attribute `variant`. One that names a variant
        already keeps it.

Families of the user's own (`vmcu.register`) come first. Then what was measured decides (`vmcu.isa.measurements`), or else
the first of the variants that a kernel knows. The planner sees variants by their access order, `vmcu-tile-to-segments` emits
them. Runs after `vmcu-form-kernels`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlir import ir
from mlir.dialects import func

from vmcu.dialects import vmcu as d
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.isa import Isa, choose_isa, has_families, offers
from vmcu.isa.measurements import Cache, key, load_all
from vmcu.operators import PLAIN, Variant, describe
from vmcu.passes._features import CoreOptions
from vmcu.passes._registry import option, vmcu_pass


@dataclass(frozen=True)
class VariantOptions(CoreOptions):
    """Options of `vmcu-choose-variants`."""

    measured: str | None = option(None, "cores whose measurements decide, separated by commas: the first that has some")
    scratch: int | None = option(None, "most bytes of stack that a kernel may take for lanes", unit="bytes")
    smallest: bool = option(False, "prefer little code to few cycles")


@vmcu_pass("vmcu-choose-variants", summary="Choose how each kernel is computed", options=VariantOptions)
def choose_variants(module: ir.Module, options: VariantOptions) -> None:
    refuse_leftovers(module, _is_placed, "is placed already; vmcu-choose-variants comes before vmcu-plan")
    isa = choose_isa(options.features)
    if not has_families(isa):
        return
    cache = load_all() if options.measured is not None else Cache()
    for function in module.body.operations:
        if isinstance(function, func.FuncOp) and not function.is_external:
            for op in function.regions[0].blocks[0].operations:
                if isinstance(op, d.KernelOp) and op.variant is None:
                    _choose(op, isa, cache, options)


def _is_placed(op: ir.Operation) -> bool:
    return op.name == "vmcu.kernel" and not d.is_on_tensors(op)


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
    if chosen != PLAIN:
        op.operation.attributes["variant"] = ir.StringAttr.get(str(chosen))
