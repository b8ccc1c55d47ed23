"""A compiled model in the flash of an emulated core."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vmcu.emulator import Counts, Machine
from vmcu.tensor import check_inputs
from vmcu.toolchain import Sizes, elf_sizes

if TYPE_CHECKING:
    from vmcu.program import Program


@dataclass(frozen=True)
class Result:
    """What one run gave: output arrays, and instructions, loads, stores, modelled cycles and stack bytes."""

    outputs: tuple[np.ndarray, ...]
    counts: Counts


class Firmware:
    """A compiled model, linked and booted. Use it as a context manager: it owns a temporary ELF file.

    Args:
        compiled: the model.

    Raises:
        InputError: the image is larger than the target's memories.

    `elf` is the image's path, `sizes` the bytes of its sections, `machine` the emulated core.
    """

    def __init__(self, compiled: Program):
        self.compiled = compiled
        self._scratch = tempfile.TemporaryDirectory()
        self.elf = compiled.link(Path(self._scratch.name) / f"{compiled.name}.elf")
        self.sizes: Sizes = elf_sizes(self.elf)
        self.machine = Machine(self.elf, compiled.target)
        self.machine.boot()

    def __enter__(self) -> Firmware:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def run(self, *inputs: np.ndarray, count: bool = True) -> Result:
        """Run the model once.

        Args:
            inputs: one array per model input, of its shape and dtype.
            count: count instructions, accesses and cycles; without it the run is many times faster.

        Raises:
            InputError: an array's shape or dtype is not what the model takes.
            MachineFault: the code did what the core does not allow, such as running out of stack.
        """
        pool = self.machine.address(f"{self.compiled.name}_pool")
        check_inputs(self.compiled.inputs, inputs)
        for tensor, array in zip(self.compiled.inputs, inputs):
            self.machine.write(pool + tensor.offset, np.ascontiguousarray(array).tobytes())
        counts = self.machine.call(f"{self.compiled.name}_run", count=count)
        outputs = tuple(
            np.frombuffer(self.machine.read(pool + each.offset, each.bytes), each.dtype).reshape(each.shape)
            for each in self.compiled.outputs
        )
        return Result(outputs, counts)
