"""Measure the variants of a kernel: each compiled alone, and run once on the emulated core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from mlir import ir
from mlir.dialects import func

from vmcu.cores import Target
from vmcu.dialects import vmcu as d
from vmcu.driver import summaries
from vmcu.driver.program import compile_module
from vmcu.ir import bridge
from vmcu.isa import choose_isa, offers, read_kernel
from vmcu.isa.measurements import Measured, key
from vmcu.operators import PLAIN, Variant, describe


@dataclass(frozen=True)
class Task:
    """A kernel with variants to be measured.

    Args:
        key: its entry in the cache.
        kernels: the kernels of the model that have this shape.
        variants: all of them, plain loops last.
    """

    key: str
    kernels: tuple[str, ...]
    variants: tuple[Variant, ...]
    _op: d.KernelOp
    _target: Target
    _module: ir.Module | ir.OpView  # it owns the kernel

    def measure(self, progress: Callable[[Variant], None] = lambda variant: None) -> tuple[Measured, ...]:
        """Measure every variant; `progress` is called before each."""
        found = []
        for variant in self.variants:
            progress(variant)
            found.append(_measure(self._op, variant, self._target))
        return tuple(found)


def find_tasks(module: ir.Module | ir.OpView, target: Target) -> list[Task]:
    """What there is to measure in a module of kernels on tensors: one task for each shape with variants."""
    isa = choose_isa(target.features)
    tasks: dict[str, Task] = {}
    for op in summaries.kernels(module):
        with op.operation.context:
            operator = describe(op)
            variants = [each.variant for each in offers(operator, isa)]
        if not variants:
            continue
        name = key(target.name, operator.signature)
        if name in tasks:
            tasks[name] = replace(tasks[name], kernels=(*tasks[name].kernels, op.name.value))
        else:
            tasks[name] = Task(name, (op.name.value,), (*variants, PLAIN), op, target, module)
    return list(tasks.values())


def _measure(kernel: d.KernelOp, variant: Variant, target: Target) -> Measured:
    with kernel.operation.context, ir.Location.unknown():
        module = _alone(kernel, variant)
        measured = read_kernel(summaries.kernels(module)[0])
        bridge.run(module, ["vmcu-plan{streams=false}"])
        program = compile_module(module, target)
    with program.firmware() as firmware:
        zeros = [np.zeros(each.shape, each.dtype) for each in program.inputs]
        cycles = firmware.run(*zeros).counts.whole.cycles
    return Measured(str(variant), cycles, program.sizes.text, measured.scratch)


def _alone(kernel: d.KernelOp, variant: Variant) -> ir.Module:
    """A module with this kernel and nothing else."""
    module = ir.Module.create()
    types = [each.type for each in kernel.inputs], [each.type for each in kernel.results_]
    with ir.InsertionPoint(module.body):
        function = func.FuncOp("main", types)
        entry = function.add_entry_block()
    with ir.InsertionPoint(entry):
        copy = kernel.operation.clone()
        for number, argument in enumerate(entry.arguments):
            copy.operation.operands[number] = argument
        variant.write(copy)
        func.ReturnOp(list(copy.operation.results))
    return module
