"""Compile a model, link it to firmware, run it on an emulated core.

compiled = vmcu.compile_model("model.tflite", "cortex-m4")
print(compiled.pool_bytes)
with compiled.firmware() as firmware:
    result = firmware.run(image)
    print(result.outputs[0], result.counts.cycles)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from mlir import ir

from vmcu import frontends
from vmcu.abi.tensor import Tensor, Tied
from vmcu.cores import Target
from vmcu.driver import summaries
from vmcu.driver.compiled import Compiled
from vmcu.driver.definition import define
from vmcu.driver.errors import name_the_file
from vmcu.driver.options import Options, symbol_name
from vmcu.driver.pace import buffer_share
from vmcu.driver.program import assemble, check_memories, read_interface, translate
from vmcu.driver.script import write_script
from vmcu.driver.weighing import plan_module
from vmcu.errors import DoesNotFit, InputError, Unsupported
from vmcu.frontends import FileLevel
from vmcu.ir import bridge
from vmcu.toolchain import compile_to_assembly

if TYPE_CHECKING:  # whoever only compiles needs no oracle
    from vmcu.run.oracles import OracleName, Panel
    from vmcu.run.oracles.mlir import Reference

__all__ = ["TEXT_LEVELS", "Compilation", "Compiled", "Level", "compile_model"]

Level = Literal["tosa", "linalg", "kernels", "plan", "segments", "llvm", "asm"]
#: Levels of the compiler that have a text, top to bottom; all but the last two are MLIR.
TEXT_LEVELS: tuple[Level, ...] = ("tosa", "linalg", "kernels", "plan", "segments", "llvm", "asm")

#: Constants of more elements are left out of an elided text.
_ELIDE_ABOVE = 16


class Compilation:
    """A model on its way down the levels. Each level is made once, from the one above it, when it is asked for.

    Args:
        path: a `.tflite`, or a `.mlir` file with TOSA or linalg.
        target: a target, its text, or complete `Options`.
        progress: called with the name of each level before it is made.
        options: fields of `Options` by name.

    Raises:
        InputError: an option is not what it may be.
    """

    def __init__(
        self,
        path: str | Path,
        target: str | Target | Options = "cortex-m4",
        *,
        progress: Callable[[str], None] | None = None,
        **options: Any,
    ):
        self.path, self.options = Path(path), Options.of(target, **options)
        self.context = bridge.context()
        self.seconds = 0.0  # spent on levels so far
        self._progress = progress or (lambda level: None)
        self._modules: dict[str, ir.Module | ir.OpView] = {}
        self._choices: Mapping[str, object] = {}  # of the plan, once there is one

    @property
    def target(self) -> Target:
        """The core and its memories."""
        return self.options.target

    @property
    def name(self) -> str:
        """The prefix of the C symbols."""
        return symbol_name(self.path.stem) if self.options.name is None else self.options.name

    def emit(self, level: Level, *, elide: bool = False) -> str:
        """The text of `level`, one of `TEXT_LEVELS`.

        Args:
            level: `"llvm"` is LLVM IR, `"asm"` is assembly, all others are MLIR.
            elide: leave large constants out of MLIR text. It is for reading: it cannot be parsed and computed with.

        Raises:
            VmcuError: as `compile_model`.
        """
        if level not in TEXT_LEVELS:
            raise InputError(f"no text level '{level}'; levels are {', '.join(TEXT_LEVELS)}")
        if level == "llvm":
            return self.llvm_ir
        if level == "asm":
            return compile_to_assembly(self.llvm_ir, self.target)
        module = self.module(level)
        return module.operation.get_asm(large_elements_limit=_ELIDE_ABOVE if elide else None)

    def finish(self) -> Compiled:
        """Go all the way to an object file in memory.

        Raises:
            VmcuError: as `compile_model`.
        """
        llvm_ir = self.llvm_ir
        planned, kernels = self._at_or_below("plan"), summaries.kernels(self._at_or_below("kernels"))
        plan, operators = summaries.plan(planned), summaries.operators(planned)
        segments, sanitize = self.module("segments"), self.options.sanitize
        interface = read_interface(self.name, self.target, self.interface, planned, segments, sanitize=sanitize)
        layers = summaries.layers(planned, operators)
        with self._step("obj"):
            assembled = assemble(llvm_ir, self.target, interface.entry)
            share = buffer_share(segments, layers, self.target)
        compiled = Compiled(
            **vars(interface),
            **assembled,
            llvm_ir=llvm_ir,
            lower_bound=plan.lower_bound,
            lower_bound_kernel=plan.lower_bound_kernel,
            layerwise_bytes=summaries.largest_layer(kernels),
            macs=summaries.count_macs(kernels),
            executed_macs=summaries.executed_macs(planned, operators),
            streams=plan.streams,
            layers=layers,
            buffer_share=share,
            compile_seconds=self.seconds,
            source=self.path,
            _make_reference=self.reference,
            _open_panel=self.oracle,
        )
        with name_the_file(self.path):
            check_memories(compiled, self.options.ram_bytes, self.options.flash_bytes, self.options.optimize)
        return compiled

    def sanitized(self) -> Compiled:
        """The same plan as code that reports its accesses to the pool, as with `sanitize`.

        Raises:
            VmcuError: as `compile_model`.
        """
        return self._twin(_ABOVE_CODE, sanitize=True).finish()

    @property
    def kernels(self) -> ir.Module | ir.OpView:
        """The module of kernels on tensors, before anything is placed. It belongs to this object.

        Raises:
            VmcuError: as `compile_model`.
        """
        return self.module("kernels")

    @property
    def pool_bytes(self) -> int:
        """Bytes of the pool; it needs the plan, but no code.

        Raises:
            VmcuError: as `compile_model`.
        """
        return summaries.plan(self._at_or_below("plan")).pool_bytes

    def within(self, pool: int) -> Compilation:
        """The same kernels to be planned with as few of them in streams as a pool of so many bytes allows.

        Unlike with `optimize="latency"` this is the plan even if one with more streams is faster.

        Raises:
            VmcuError: as `compile_model`.
        """
        self.module("kernels")  # made here, it is shared by all plans
        return self._twin(_ABOVE_PLAN, optimize="latency", pool=pool)

    def _twin(self, levels: tuple[str, ...], **changes: Any) -> Compilation:
        """A compilation of this model with other options; it has those of the `levels` that are made here."""
        twin = Compilation(self.path, replace(self.options, **changes), progress=self._progress)
        twin.context, twin.seconds = self.context, self.seconds
        twin.__dict__["entry"] = self.entry
        twin._choices = self._choices
        twin._modules = {level: module for level, module in self._modules.items() if level in levels}
        return twin

    def reference(self) -> Reference:
        """The model's linalg compiled for the host, to compare with.

        Raises:
            InputError, Unsupported: the model cannot be read, or has no form that the host executes.
        """
        from vmcu.run.oracles.mlir import Reference

        module = self._at_or_below("linalg")
        self._progress("reference")
        with self.context, name_the_file(self.path):
            return Reference(module if self.entry == "tosa" else define(module))

    def oracle(self, which: OracleName = "auto") -> Panel:
        """Who says what the model computes, to compare with: `oracle().ask(*inputs)`.

        Args:
            which: `"litert"`, `"tosa"` or `"mlir"` (`vmcu.run.oracles`); `"auto"` asks the most independent one first,
                and the next one where that cannot judge.

        Raises:
            InputError: there is no such oracle, or the model cannot be read.
        """
        from vmcu.run.oracles import open_panel

        self._progress("reference")
        # Kernels and plans are nobody else's language.
        known = "mlir" if which == "auto" and self.entry != "tosa" else which
        return open_panel(known, self.path, *self.interface, self.reference, self._tied())

    def _tied(self) -> tuple[Tied, ...]:
        """The inputs and outputs of the file that are state because the options say so."""
        if not self.options.state:
            return ()
        module = self.module("tosa")
        with self.context:
            return tuple(each for each in summaries.tied(module) if each.name in self._tied_names)

    @property
    def _tied_names(self) -> set[str]:
        return {pair.rpartition("=")[0] for pair in self.options.state}

    @cached_property
    def interface(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Inputs and outputs; their places in the pool are not known yet."""
        with name_the_file(self.path):
            return summaries.interface(self._at_or_below("linalg"))

    @cached_property
    def llvm_ir(self) -> str:
        """The text of the LLVM IR that is compiled."""
        module = self.module("llvm")
        with self._step("llvm-ir"):
            return translate(module)

    @cached_property
    def entry(self) -> FileLevel:
        """The level that the file holds; the compiler goes on from there.

        Raises:
            InputError, Unsupported: the file cannot be read, or holds several levels.
        """
        with self._step("tosa"):
            module = frontends.load(self.path, io=self.options.io, state=self.options.state)
            level = frontends.level_of(module)
            if level == "plan":  # Whoever wrote it, it is checked as if by a stranger.
                import vmcu.passes  # noqa: F401  registers them

                bridge.run(module, ("vmcu-verify-plan",))
        self._modules[level] = module
        return level

    def module(self, level: str) -> ir.Module | ir.OpView:
        """The module of a level of MLIR, from `"tosa"` to `"llvm"`. It belongs to this object and lives in its `context`.

        To go on with something else at a level, hand it to `go_on_with`.

        Raises:
            InputError: the file holds a lower level.
            VmcuError: as `compile_model`.
        """
        if level not in self._modules:
            if _DEPTH[level] < _DEPTH[self.entry]:
                raise InputError(f"{self.path}: holds level {self.entry}, from which {level} cannot be made")
            if level not in self._modules:
                above = self.module(_ABOVE[level])
                with self._step(level):
                    self._modules[level] = self._make(level, above)
        return self._modules[level]

    def go_on_with(self, module: ir.Module, level: str) -> Compilation:
        """A compilation of the same model that goes on from `module`, a changed copy of a level's, in this `context`.

        What is above that level is as it was: names, scales and the oracle are those of the file.

        Raises:
            InputError: there is no such level.
            ir.MLIRError: the module does not verify.
        """
        if level not in _DEPTH:
            raise InputError(f"no level '{level}' of MLIR; levels are {', '.join(_DEPTH)}")
        module.operation.verify()
        twin = self._twin(tuple(each for each in _DEPTH if _DEPTH[each] < _DEPTH[level]))
        twin._modules[level] = module
        return twin

    def _at_or_below(self, level: str) -> ir.Module | ir.OpView:
        """The module of a level, or of the file's if that is lower."""
        known = level in self._modules or _DEPTH[level] >= _DEPTH[self.entry]
        return self.module(level if known else self.entry)

    def _make(self, level: str, above: ir.Module | ir.OpView) -> ir.Module | ir.OpView:
        from vmcu.passes.pipelines import fill_options, to_linalg

        if level == "plan":
            if self.options.input == "fed":
                self._require_rows(above)
            planned = plan_module(above, self.options, self._count_cycles)
            self._choices = planned.choices
            return planned.module
        module = above.operation.clone()
        if level == "linalg":
            to_linalg(module)
            return module
        bridge.run(module, fill_options(level, self.choices(level), self.target))
        return module

    def choices(self, level: str) -> Mapping[str, object]:
        """The options of the pipeline that makes a level from the one above it; those of the plan were weighed.

        Raises:
            VmcuError: as `compile_model`.
        """
        loops = {"loops": self.options.optimize == "size"}
        if level == "plan":
            self.module("plan")
            return self._choices
        known: dict[str, Mapping[str, object]] = {
            "segments": loops,
            "llvm": {"name": self.name, "sanitize": self.options.sanitize, **loops},
        }
        return known.get(level, {})

    def script(self) -> str:
        """Commands for a shell that make the same object byte for byte, one level after the other.

        Raises:
            VmcuError: as `compile_model`.
        """
        return write_script(self)

    def _count_cycles(self, plan: ir.Module | ir.OpView) -> float:
        """Modelled cycles of one run of another plan of the same kernels; infinitely many if it does not fit."""
        twin = self._twin(_ABOVE_PLAN)
        twin._modules["plan"] = plan
        try:
            compiled = twin.finish()
        except DoesNotFit:
            return inf
        with compiled.firmware() as firmware:
            zeros = [np.zeros(each.shape, each.dtype) for each in compiled.inputs]
            return firmware.run(*zeros).counts.whole.cycles

    def _require_rows(self, module: ir.Module | ir.OpView) -> None:
        """Refuse what cannot be fed whatever the planner does; it refuses the rest."""
        inputs, _ = self.interface
        if len(inputs) != 1:
            raise Unsupported(f"the model has {len(inputs)} inputs; supported with rows that are fed is one")
        if inputs[0].dtype.kind == "f":
            hint = " (io int8 gives them)" if self.options.io == "float" else ""
            found = f"input '{inputs[0].name}' is {inputs[0]}"
            raise Unsupported(f"{found}; supported with rows that are fed are int8 and uint8{hint}")
        if not summaries.kernels(module):
            raise Unsupported("the model computes nothing, so there is nobody to feed rows to")

    @contextmanager
    def _step(self, level: str) -> Iterator[None]:
        self._progress(level)
        start = time.perf_counter()
        with self.context, ir.Location.unknown(), name_the_file(self.path):
            yield
        self.seconds += time.perf_counter() - start


_ABOVE_PLAN = ("tosa", "linalg", "kernels")
_ABOVE_CODE = (*_ABOVE_PLAN, "plan", "segments")
_ABOVE = {"linalg": "tosa", "kernels": "linalg", "plan": "kernels", "segments": "plan", "llvm": "segments"}
_DEPTH = {level: depth for depth, level in enumerate(("tosa", "linalg", "kernels", "plan", "segments", "llvm"))}


def compile_model(path: str | Path, target: str | Target | Options = "cortex-m4", **options: Any) -> Compiled:
    """Compile a quantised model for a microcontroller. The arguments are those of `Compilation`.

    Raises:
        InputError: the file cannot be read, or an option is not what it may be.
        Unsupported: the model asks for something the compiler does not do.
        DoesNotFit: the smallest pool found has more bytes than `ram`, or pool and stack have, or the code has more than
            `flash`.
    """
    return Compilation(path, target, **options).finish()
