"""The order of the passes, level by level: lists that can be read aloud.

`LEVELS` names what `--emit` shows; each level starts from the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields

from vmcu.cores import Target
from vmcu.passes._features import CoreOptions

KERNELS = ("vmcu-form-kernels", "canonicalize")
VARIANTS = ("vmcu-choose-variants{core options}",)
PLAN = ("vmcu-plan{options}",)
SEGMENTS = ("vmcu-lower-streams", "vmcu-tile-to-segments{options}", "canonicalize", "cse")
LLVM = (
    "vmcu-pack-weights",
    "convert-vmcu-to-llvm{core options}",
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
LEVELS = {"kernels": KERNELS, "variants": VARIANTS, "plan": PLAN, "segments": SEGMENTS, "llvm": LLVM}


def fill_options(passes: tuple[str, ...], core: Mapping[str, object] | None = None, **options: object) -> list[str]:
    """The passes of a level with `{core}` and `{options}` replaced by those options that are not None."""
    groups = {"core": core or {}, "options": options}
    texts = {name: " ".join(map("{0[0]}={0[1]}".format, _written(group))) for name, group in groups.items()}

    def fill(braces: re.Match[str]) -> str:
        text = " ".join(filter(None, (texts[name] for name in braces[1].split())))
        return f"{{{text}}}" if text else ""

    return [re.sub(r"\{((?:core|options)(?: options)?)\}", fill, each) for each in passes]


def _written(options: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in options.items():
        if value is not None:
            yield key.replace("_", "-"), str(value).lower() if isinstance(value, bool) else value


def core_options(target: Target) -> dict[str, bool]:
    """What passes are told of a core: the instructions it has, and never its name."""
    return {each.name: getattr(target.features, each.name) for each in fields(CoreOptions)}
