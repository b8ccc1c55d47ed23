"""Code for one target: an object file in memory that knows its inputs and outputs, and the way there from MLIR.

`compile_module` is the door for kernels written by hand: a module of placed or tiled kernels goes in, something that
runs on the emulated core comes out. `vmcu.driver.compilation` uses the same last steps for whole models.

    program = vmcu.compile_module(module, "cortex-m4", name="mine")
    with program.firmware() as firmware:
        print(firmware.run(x).outputs[0])
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlir import ir

from vmcu import _vmcu
from vmcu.abi.header import write_header
from vmcu.abi.interface import Interface
from vmcu.abi.pool_map import REPORTS
from vmcu.abi.tensor import Tensor
from vmcu.cores import Target
from vmcu.driver import summaries
from vmcu.driver.options import checked_name
from vmcu.driver.saving import save
from vmcu.errors import FlashDoesNotFit, StackDoesNotFit, Unsupported
from vmcu.files import write_file
from vmcu.ir import bridge
from vmcu.ir.locations import place
from vmcu.toolchain import Sizes, compile_to_assembly, compile_with_stack, elf_sizes, link_firmware, undefined

if TYPE_CHECKING:  # whoever only compiles needs no emulated core
    from vmcu.run.firmware import Firmware

__all__ = ["Program", "compile_module"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Program(Interface):
    """Code for one target, and its interface.

    Args:
        llvm_ir: the code as LLVM IR text.
        code: the code as a relocatable ELF file.
        sizes: bytes of `code` by kind of section.
        stack_bytes: what a call of it takes at most: the frames of the deepest chain of calls. Functions that the object
            calls and does not bring come on top, and so do interrupts.
        stack_function: the function that is deepest then.
    """

    llvm_ir: str = field(repr=False)
    code: bytes = field(repr=False)
    sizes: Sizes
    stack_bytes: int
    stack_function: str

    @cached_property
    def assembly(self) -> str:
        """The code as assembly text."""
        return compile_to_assembly(self.llvm_ir, self.target)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The functions that the object calls and does not bring: arithmetic of floats on a core without an FPU."""
        return tuple(sorted(undefined(self.code)))

    @property
    def header(self) -> str:
        """A C header for the object file."""
        return write_header(self, self.needs)

    def save(self, directory: str | Path) -> tuple[Path, Path]:
        """Write `NAME.o` and `NAME.h` into `directory` (made if missing) and return their paths.

        Raises:
            InputError: they cannot be written there.
        """
        return save(Path(directory), self.name, self.code, self.header)

    def link(self, path: str | Path) -> Path:
        """Write an ELF image with start-up code, ready for the emulator or a debugger, to `path`.

        Raises:
            InputError: the image is larger than the target's memories, or cannot be written.
        """
        with tempfile.TemporaryDirectory() as scratch:
            code, image = Path(scratch) / f"{self.name}.o", Path(scratch) / f"{self.name}.elf"
            code.write_bytes(self.code)
            reports = map(self.names.report, REPORTS if self.pool_map is not None else ())
            link_firmware([code], self.target, image, keep=(*self.exports, self.names.pool, *reports))
            return write_file(Path(path), image.read_bytes())

    def firmware(self) -> Firmware:
        """The code linked and loaded into an emulated core."""
        from vmcu.run.firmware import Firmware

        return Firmware(self, self.link)


def compile_module(
    module: ir.Module, target: str | Target = "cortex-m4", *, name: str = "model", sanitize: bool = False
) -> Program:
    """Compile a function of kernels on sequences, as `vmcu-plan` leaves it or as a person wrote it.

    Args:
        module: one function without arguments: a `vmcu.pool`, `vmcu.place` ops and kernels, placed or tiled. It is left
            as it is. Inputs and outputs are the sequences placed `as input n` and `as output n`: int8 arrays of shape
            (segments, bytes of a segment).
        target: a target or its text, e.g. `"cortex-m4,ram=64KiB"`.
        name: prefix of the C symbols.
        sanitize: let the code report its accesses to the pool, so that its firmware stops at the first wrong one.

    Raises:
        InputError: the target or the name is not one, or the module has no pool.
        Unsupported: a pass refuses the module, or an op has no lowering.
        DoesNotFit: the target has less RAM or flash than the program needs.
    """
    from vmcu.passes.pipelines import fill_options

    core = Target.parse(target) if isinstance(target, str) else target
    checked_name(name)
    with module.context, ir.Location.unknown():
        lowered = module.operation.clone()
        bridge.run(lowered, fill_options("segments", {}))
        interface = read_interface(name, core, summaries.interface(module), module, lowered, sanitize=sanitize)
        bridge.run(lowered, fill_options("llvm", {"name": name, "sanitize": sanitize}, core))
        llvm_ir = translate(lowered)
    program = Program(llvm_ir=llvm_ir, **assemble(llvm_ir, core, interface.entry), **vars(interface))
    check_memories(program, core.ram, core.flash)
    return program


def read_interface(
    name: str,
    target: Target,
    ports: tuple[tuple[Tensor, ...], tuple[Tensor, ...]],
    planned: ir.Module | ir.OpView,
    segments: ir.Module | ir.OpView,
    *,
    sanitize: bool = False,
) -> Interface:
    """What a program is to those who call it, of its modules.

    Args:
        name: prefix of the C symbols.
        target: what it is compiled for.
        ports: inputs and outputs, without their places.
        planned: the module that places them.
        segments: the same module with its streams as loops.
        sanitize: the code will report its accesses to the pool.

    Raises:
        InputError: the module has no pool, or several.
    """
    from vmcu.isa.reports import read_pool_map

    plan = summaries.plan(planned)
    return Interface(
        name=name,
        target=target,
        inputs=plan.place_inputs(ports[0]),
        outputs=plan.place_outputs(ports[1]),
        states=summaries.states(planned),
        pool_bytes=plan.pool_bytes,
        row_bytes=summaries.row_bytes(segments),
        pool_map=read_pool_map(segments) if sanitize else None,
    )


def translate(module: ir.Module | ir.OpView) -> str:
    """A module of the LLVM dialect as LLVM IR text.

    Raises:
        Unsupported: it holds ops of other dialects, or one that LLVM does not know.
    """
    _refuse_leftovers(module)
    with bridge.diagnostics(module.context) as found:
        text = _vmcu.translate(module.operation)
    if text is None:
        location, message = (
            found[0] if found else (module.operation.location, "the module has no translation to LLVM IR")
        )
        raise Unsupported(f"{place(location)}: {message}")
    return text


def assemble(llvm_ir: str, target: Target, entry: str, *, merge: bool = True) -> dict[str, Any]:
    """LLVM IR text as a relocatable object: the fields of a `Program` that tell of it.

    Args:
        llvm_ir: the text.
        target: the core.
        entry: the function that others call.
        merge: whether kernels of equal shape share code.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "code.o"
        stack, function = compile_with_stack(llvm_ir, target, path, merge=merge).most(entry)
        return {
            "code": path.read_bytes(),
            "sizes": elf_sizes(path),
            "stack_bytes": stack,
            "stack_function": function,
        }


def check_memories(program: Program, ram: int, flash: int, optimize: str = "") -> None:
    """Refuse a program that is larger than its memories. Code that reports its accesses is for the emulator: it may be.

    Args:
        program: the program.
        ram: bytes that its pool and its stack may have together.
        flash: bytes that its code and constants may have.
        optimize: as of `Options`, for what to do about it; empty if there was no choice.

    Raises:
        DoesNotFit: it is larger.
    """
    if program.pool_map is not None:
        return
    sizes = program.sizes
    if sizes.flash > flash:
        is_code = sizes.rodata + sizes.data < flash
        hint = "optimize size makes the least code" if is_code and optimize not in ("", "size") else ""
        raise FlashDoesNotFit(sizes.text, sizes.rodata + sizes.data, flash, hint)
    if program.pool_bytes + program.stack_bytes > ram:
        hint = "optimize ram takes the least stack" if optimize not in ("", "ram") else ""
        raise StackDoesNotFit(program.pool_bytes, program.stack_bytes, ram, program.stack_function, hint)


def _refuse_leftovers(module: ir.Module | ir.OpView) -> None:
    """Raise Unsupported at the first op that is not LLVM's: the translation to LLVM IR would crash at it."""
    left = _first(module, lambda name: not name.startswith("llvm.") and name != "builtin.module")
    if left:
        raise Unsupported(f"{place(left.location)}: {left.name} has no lowering to LLVM")


def _first(module: ir.Module | ir.OpView, is_wanted: Callable[[str], bool]) -> ir.Operation | None:
    found: list[ir.Operation] = []

    def look(op: ir.Operation) -> ir.WalkResult:
        if not is_wanted(op.name):
            return ir.WalkResult.ADVANCE
        found.append(op)
        return ir.WalkResult.INTERRUPT

    module.operation.walk(look)
    return found[0] if found else None
