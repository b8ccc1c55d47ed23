"""An emulated Cortex-M that counts: exact instructions and memory accesses, modelled cycles, measured stack.

    machine = Machine(Path("firmware.elf"), Target.parse("cortex-m4"))
    machine.boot()
    machine.write(machine.address("net_input"), image)
    counts = machine.call("net_run")
    result = machine.read(machine.address("net_output"), 10)

The emulator reads ELF files; it knows nothing of the compiler that made them.
"""

from __future__ import annotations

from vmcu.run.emulator.counts import Counts, FunctionCounts
from vmcu.run.emulator.faults import MachineFault, StackOverflow
from vmcu.run.emulator.machine import Machine

__all__ = ["Counts", "FunctionCounts", "Machine", "MachineFault", "StackOverflow"]
