"""The order of the passes, level by level: lists that can be read aloud.

`LEVELS` names what `--emit` shows; each level starts from the one before it.
"""

from __future__ import annotations

KERNELS = ("vmcu-form-kernels", "canonicalize")
PLAN = ("vmcu-choose-variants", "vmcu-plan{options}")
SEGMENTS = ("vmcu-lower-streams", "vmcu-tile-to-segments", "canonicalize", "cse")
LLVM = (
    "vmcu-pack-weights",
    "convert-vmcu-to-llvm{options}",
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
)
LEVELS = {"kernels": KERNELS, "plan": PLAN, "segments": SEGMENTS, "llvm": LLVM}


def fill_options(passes: tuple[str, ...], **options: object) -> list[str]:
    """The passes of a level with `{options}` replaced by those options that are not None."""
    text = " ".join(f"{key.replace('_', '-')}={value}" for key, value in options.items() if value is not None)
    return [each.replace("{options}", f"{{{text}}}" if text else "") for each in passes]
