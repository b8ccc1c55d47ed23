"""Choose how each kernel is computed, of the ways that the core has.

Before: kernels on tensors.
After:  a kernel with a faster variant than its plain loops has its name as the attribute `variant`.

The planner sees variants by their access order, `vmcu-tile-to-segments` emits them. Runs after `vmcu-form-kernels`.
"""

from __future__ import annotations

from mlir import ir
from mlir.dialects import func

from vmcu.dialects import vmcu as d
from vmcu.kernels import BufferKernel, describe_kernel

from ._features import CoreOptions
from ._registry import vmcu_pass


@vmcu_pass("vmcu-choose-variants", summary="Choose how each kernel is computed", options=CoreOptions)
def choose_variants(module: ir.Module, options: CoreOptions) -> None:
    if not (options.dsp and options.fpu):
        return
    for function in module.body.operations:
        if isinstance(function, func.FuncOp) and not function.is_external:
            for op in function.regions[0].blocks[0].operations:
                if isinstance(op, d.KernelOp):
                    _choose(op)


def _choose(kernel: d.KernelOp) -> None:
    description = describe_kernel(kernel)
    variants = [] if isinstance(description, BufferKernel) else description.variants()
    if variants:
        kernel.operation.attributes["variant"] = ir.StringAttr.get(str(variants[0]))
