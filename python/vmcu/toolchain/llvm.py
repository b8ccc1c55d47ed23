"""LLVM IR text to Thumb code: `opt` with a short list of passes, then `llc`.

The list is short on purpose. On tiled integer kernels `opt -O1` and higher cost up to 60 %: loop-invariant code motion
and reassociation break the register tile and spill hundreds of values. The passes below only clean up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from vmcu.cores import Target
from vmcu.toolchain.elf import undefined
from vmcu.toolchain.helpers import HELPERS, write_helper
from vmcu.toolchain.stack import STACK_SIZES, Stack, read_stack
from vmcu.toolchain.tools import run_llvm

#: What `opt` does to every function, in this order: promote stack slots, fold, and remove repeated computations.
#: No pass here moves code out of a loop or reorders sums.
HARMLESS_PASSES = ("sroa", "early-cse", "instcombine<no-verify-fixpoint>", "simplifycfg", "gvn")

#: Then equal functions become one: kernels of equal shape, which take their constants as arguments.
MERGE = "mergefunc"

#: Tag_ABI_VFP_args of the build attributes: no float crosses the object's border, so that firmware of every float ABI may
#: link the object. Without it a linker takes the object for one of the soft-float ABI.
_NO_FLOATS = '\nmodule asm ".eabi_attribute 28, 3"\n'
#: LLVM's mark that the stack holds no code. It means nothing on a microcontroller, GCC does not write it there, and if one
#: object has it GNU's linker warns of each that has not.
_STACK_NOTE = ".note.GNU-stack"
#: What an object says of itself on its way here, and no firmware needs.
_NOTES = tuple(f"--remove-section={each}" for each in (_STACK_NOTE, STACK_SIZES))
_FLOAT_AT_BORDER = re.compile(r"^(?:define(?! internal)|declare)(?!.*@llvm\.).*\b(?:half|float|double)\b", re.MULTILINE)


def compile_to_assembly(llvm_ir: str, target: Target, *, llc_flags: Sequence[str] = ()) -> str:
    """Compile LLVM IR text to Thumb assembly text, which assembles to the object of `compile_to_object`.

    Args:
        llvm_ir: a module; its triple and data layout, if it has any, give way to the target's.
        target: supplies the core, its flags, triple and data layout.
        llc_flags: flags for this module on top of the target's.

    Raises:
        ToolFailed: LLVM refuses the module.
        MissingTool: the installation lacks LLVM's programs.
    """
    module, _ = _completed(llvm_ir, target, llc_flags, merge=True)
    return _run(module, target, llc_flags, "asm", merge=True).decode()


def compile_to_object(
    llvm_ir: str, target: Target, path: Path, *, llc_flags: Sequence[str] = (), merge: bool = True
) -> Path:
    """Compile LLVM IR text to the relocatable object file `path` and return `path`.

    Arguments and errors are those of `compile_to_assembly`; without `merge` equal functions stay apart, each with its
    symbol. Every function and every constant gets a section of its own, so that the linker can leave out what is not
    used. The object brings the functions of `helpers` that it calls, and nothing that unwinds a stack.
    """
    _, noted = _completed(llvm_ir, target, llc_flags, merge)
    path.write_bytes(_strip(noted))
    return path


def compile_with_stack(llvm_ir: str, target: Target, path: Path, *, merge: bool = True) -> Stack:
    """As `compile_to_object`, and the stack that the object's functions take."""
    _, noted = _completed(llvm_ir, target, (), merge)
    path.write_bytes(_strip(noted))
    return read_stack(noted)


def _strip(noted: bytes) -> bytes:
    return run_llvm("llvm-objcopy", (*_NOTES, "-", "-"), noted)


def complete(llvm_ir: str, target: Target) -> str:
    """LLVM IR text with what the object brings along behind it: its build attribute, and the helpers that it calls."""
    return _completed(llvm_ir, target, (), True)[0]


def _completed(llvm_ir: str, target: Target, llc_flags: Sequence[str], merge: bool) -> tuple[str, bytes]:
    """The module that is compiled, and its object, with the notes in it."""
    module = llvm_ir if _FLOAT_AT_BORDER.search(llvm_ir) else llvm_ir + _NO_FLOATS
    code = _run(module, target, llc_flags, "obj", merge)
    while (larger := _complete(module, undefined(code), target)) != module:
        module, code = larger, _run(larger, target, llc_flags, "obj", merge)
    return module, code


def object_commands(target: Target) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """How LLVM IR becomes an object: programs, their arguments but for input and output, suffixes of what they write."""
    return (
        ("opt", _opt_options(target, merge=True), ".bc"),
        ("llc", (*_llc_options(target), "-filetype=obj", *target.llc_flags), ".noted.o"),
        ("llvm-objcopy", _NOTES, ".o"),
    )


def _opt_options(target: Target, *, merge: bool) -> tuple[str, ...]:
    passes = f"-passes=forceattrs,function({','.join(HARMLESS_PASSES)}){f',{MERGE}' if merge else ''}"
    return (*_core(target), f"-data-layout={target.data_layout}", "-force-attribute=nounwind", passes)


def _llc_options(target: Target) -> tuple[str, ...]:
    # Soft float here is the calling convention of `eabi` (floats travel in core registers); the FPU is still used.
    # Arm's own exception model writes an index entry for each function, also for one that never unwinds, and the entries
    # bring a library's unwinder into the firmware; DWARF's writes nothing for them.
    abi = ("-float-abi=soft", "-exception-model=dwarf")
    return (*_core(target), "-O2", *abi, "-function-sections", "-data-sections", "--stack-size-section")


def _core(target: Target) -> tuple[str, ...]:
    return f"-mtriple={target.triple}", f"-mcpu={target.cpu}"


def _run(module: str, target: Target, llc_flags: Sequence[str], filetype: str, merge: bool) -> bytes:
    cleaned = run_llvm("opt", (*_opt_options(target, merge=merge), "-o", "-"), module.encode())
    options = (f"-filetype={filetype}", "-o", "-")
    code = run_llvm("llc", (*_llc_options(target), *options, *target.llc_flags, *llc_flags), cleaned)
    if filetype == "asm":
        return code.replace(f'\t.section\t"{_STACK_NOTE}","",%progbits\n'.encode(), b"")
    return code


def _complete(module: str, wanted: frozenset[str], target: Target) -> str:
    """`module` with the helpers among the functions `wanted`, and with no promise about floats that they break."""
    own = [name for name in sorted(wanted) if f"@{name}" not in module]
    if any(name not in HELPERS and not name.startswith("__aeabi_") for name in own):
        # LLVM's own calls outside the ABI are those of the mathematical library, which takes floats as its build says.
        module = module.replace(_NO_FLOATS, "")
    return "\n".join((module, *(write_helper(name, target) for name in own if name in HELPERS)))
