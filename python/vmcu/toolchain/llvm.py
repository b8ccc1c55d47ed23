"""LLVM IR text to Thumb code: `opt` with a short list of passes, then `llc`.

The list is short on purpose. On tiled integer kernels `opt -O1` and higher cost up to 60 %: loop-invariant code motion
and reassociation break the register tile and spill hundreds of values. The passes below only clean up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vmcu.cores import Target
from vmcu.toolchain.tools import run_llvm

#: What `opt` does to every function, in this order: promote stack slots, fold, and remove repeated computations.
#: No pass here moves code out of a loop or reorders sums.
HARMLESS_PASSES = ("sroa", "early-cse", "instcombine<no-verify-fixpoint>", "simplifycfg", "gvn")

#: Then equal functions become one: kernels of equal shape, which take their constants as arguments.
MERGE = "mergefunc"


def compile_to_assembly(llvm_ir: str, target: Target, *, llc_flags: Sequence[str] = ()) -> str:
    """Compile LLVM IR text to Thumb assembly text.

    Args:
        llvm_ir: a module; its triple and data layout, if it has any, give way to the target's.
        target: supplies the core, its flags, triple and data layout.
        llc_flags: flags for this module on top of the target's.

    Raises:
        ToolFailed: LLVM refuses the module.
        MissingTool: the installation lacks LLVM's programs.
    """
    return _compile(llvm_ir, target, llc_flags, "asm").decode()


def compile_to_object(
    llvm_ir: str, target: Target, path: Path, *, llc_flags: Sequence[str] = (), merge: bool = True
) -> Path:
    """Compile LLVM IR text to the relocatable object file `path` and return `path`.

    Arguments and errors are those of `compile_to_assembly`; without `merge` equal functions stay apart, each with its
    symbol. Every function and every constant gets a section of its own, so that the linker can leave out what is not
    used.
    """
    path.write_bytes(_compile(llvm_ir, target, llc_flags, "obj", merge))
    return path


def _compile(llvm_ir: str, target: Target, llc_flags: Sequence[str], filetype: str, merge: bool = True) -> bytes:
    core = (f"-mtriple={target.triple}", f"-mcpu={target.cpu}")
    passes = f"-passes=function({','.join(HARMLESS_PASSES)}){f',{MERGE}' if merge else ''}"
    cleaned = run_llvm("opt", (*core, f"-data-layout={target.data_layout}", passes, "-o", "-"), llvm_ir.encode())
    # Soft float here is the calling convention of `eabi` (floats travel in core registers); the FPU is still used.
    options = ("-O2", "-float-abi=soft", "-function-sections", "-data-sections", f"-filetype={filetype}", "-o", "-")
    return run_llvm("llc", (*core, *options, *target.llc_flags, *llc_flags), cleaned)
