"""Say for which machine the module is.

Before: a module of the LLVM dialect
After:  the same with `llvm.target_triple` and `llvm.data_layout`, which the translation to LLVM IR writes down
"""

from __future__ import annotations

from dataclasses import dataclass

from mlir import ir

from vmcu.cores import CORES
from vmcu.passes._registry import option, vmcu_pass


@dataclass(frozen=True)
class TargetOptions:
    """Options of `vmcu-set-target`."""

    triple: str = option(CORES["cortex-m4"].triple, "architecture and ABI, as LLVM writes them")
    data_layout: str = option(CORES["cortex-m4"].data_layout, "sizes and alignments, as LLVM writes them")


@vmcu_pass("vmcu-set-target", summary="Say for which machine the module is", options=TargetOptions)
def set_target(module: ir.Module, options: TargetOptions) -> None:
    attributes = module.operation.attributes
    attributes["llvm.target_triple"] = ir.StringAttr.get(options.triple)
    attributes["llvm.data_layout"] = ir.StringAttr.get(options.data_layout)
