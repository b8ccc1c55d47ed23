"""The order of the passes, level by level: lists that can be read aloud.

`LEVELS` names what `--emit` shows; each level starts from the one before it. Each list is a pipeline of `vmcu-opt` as
well, whose options are those of its passes: `--vmcu-to-plan="ram=64KiB"`. The option `core` stands for what passes are told
of that core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from mlir import ir

from vmcu.cores import CORES, Target
from vmcu.dialects import vmcu as d
from vmcu.ir import bridge, walk
from vmcu.operators import Variant
from vmcu.passes._features import CoreOptions
from vmcu.passes._registry import Option, Shorthand, set_options, vmcu_pipeline

LINALG = (
    "func.func(tosa-infer-shapes)",
    "vmcu-dilate-convolutions",
    "vmcu-widen-states",
    "vmcu-sum-by-convolution",
    "vmcu-max-by-pool",
    "vmcu-spread-transposed-convolutions",
    "vmcu-interpolate-by-matrices",
    "func.func(canonicalize)",
    "func.func(tosa-optional-decompositions)",
    "func.func(canonicalize)",
    "func.func(tosa-layerwise-constant-fold)",  # weights pass through reshapes and transposes
    "func.func(tosa-make-broadcastable)",
    "func.func(tosa-to-linalg-named{prefer-conv2d-kernel-layout-hwcf=false})",  # keeps [out, h, w, in]: no transpose
    "func.func(canonicalize)",
    "func.func(tosa-to-linalg)",
    "func.func(tosa-to-arith{include-apply-rescale=false})",
    "func.func(tosa-to-tensor)",
    "canonicalize",  # and no cse: a rescale that two adds share would be fused into neither of them
    "vmcu-refuse-tosa-leftovers",
    "vmcu-widen-sums",
    "vmcu-make-padding-static",
    "vmcu-generalise-reductions",
    "vmcu-keep-layers-apart",
    "linalg-fuse-elementwise-ops",
    "canonicalize",
    "cse",
    "vmcu-drop-kept-results",
    "canonicalize",
    "cse",
)
KERNELS = (
    "vmcu-merge-unary-layers",
    "vmcu-add-by-products",
    "vmcu-dense-by-convolution",
    "vmcu-form-kernels",
    "canonicalize",
)
PLAN = ("vmcu-choose-variants", "vmcu-plan")
SEGMENTS = ("vmcu-lower-streams", "vmcu-tile-to-segments", "canonicalize", "cse")
LLVM = (
    "vmcu-pack-weights",
    "convert-vmcu-to-llvm",
    "canonicalize",
    "cse",
    "loop-invariant-code-motion",  # addresses and constants leave the loops while loops are still loops
    "math-expand-ops{ops=roundeven}",  # a core without a rounding instruction has no library for it either
    "arith-expand",  # and a core without an FPU none for the larger of two floats
    "lower-affine",
    "convert-scf-to-cf",
    "convert-vector-to-llvm",
    # From here on an index is a 32-bit integer.
    "finalize-memref-to-llvm{index-bitwidth=32}",
    "convert-arith-to-llvm{index-bitwidth=32}",
    "convert-math-to-llvm",
    "convert-index-to-llvm{index-bitwidth=32}",
    "convert-cf-to-llvm{index-bitwidth=32}",
    "convert-func-to-llvm{index-bitwidth=32 use-bare-ptr-memref-call-conv=true}",
    "convert-ub-to-llvm",
    "canonicalize",
    "cse",
    "reconcile-unrealized-casts",
    "vmcu-set-target",
)
LEVELS = {"linalg": LINALG, "kernels": KERNELS, "plan": PLAN, "segments": SEGMENTS, "llvm": LLVM}

#: The pipeline that makes each level from the one above it.
NAMES = {
    "linalg": "vmcu-tosa-to-linalg",
    "kernels": "vmcu-to-kernels",
    "plan": "vmcu-to-plan",
    "segments": "vmcu-to-segments",
    "llvm": "vmcu-to-llvm",
}
_SUMMARIES = {
    "linalg": "TOSA to linalg on tensors, one op for each elementwise layer",
    "kernels": "linalg to kernels on tensors",
    "plan": "kernels on tensors to kernels in one pool",
    "segments": "kernels in one pool to loops of segment ops",
    "llvm": "loops of segment ops to the LLVM dialect",
}


def describe_core(target: Target) -> dict[str, Any]:
    """What passes are told of a core, by the names of their options: its instructions and LLVM's words for it."""
    features = {each.name.replace("_", "-"): getattr(target.features, each.name) for each in fields(CoreOptions)}
    return {**features, "triple": target.triple, "data-layout": target.data_layout}


def fill_options(level: str, options: Mapping[str, Any], target: Target | None = None) -> list[str]:
    """The passes that make a level, each of ours with its options and what it is told of the core.

    Args:
        level: one of `LEVELS`.
        options: values by the names of options; None leaves one at its default.
        target: the core; None for the defaults of the passes.

    Raises:
        InputError: no pass of the level has such an option.
    """
    return set_options(LEVELS[level], options, {} if target is None else describe_core(target))


def write_pipeline(level: str, options: Mapping[str, Any], target: Target | None = None) -> str:
    """The pipeline that makes a level, as `vmcu-opt --pass-pipeline` takes it; arguments and errors as of `fill_options`."""
    return f"builtin.module({','.join(fill_options(level, options, target))})"


def read_variants(module: ir.Module | ir.OpView) -> str:
    """The variants of the kernels of a module, as the option `variants` of `vmcu-choose-variants` takes them."""
    kernels = [op for op in walk.walk(module.operation) if isinstance(op, d.AnyKernel)]
    return ";".join(f"{op.name.value}={Variant.of(op)}" for op in kernels if op.variant is not None)


def to_linalg(module: ir.Module) -> None:
    """Lower every function of `module` in place; a module that is linalg already comes out as it went in.

    Raises:
        Unsupported: an operation has no lowering; the message names it and its layer.
    """
    bridge.run(module, LEVELS["linalg"])


_CORE = Shorthand(
    Option("core", "core", str, "", None, f"what passes are told of a core: {', '.join(CORES)}"),
    frozenset(describe_core(Target.parse("cortex-m4"))),
    lambda text: describe_core(Target.parse(text)),
)

for _level, _name in NAMES.items():
    vmcu_pipeline(_name, summary=_SUMMARIES[_level], passes=partial(LEVELS.__getitem__, _level), shorthands=(_CORE,))
