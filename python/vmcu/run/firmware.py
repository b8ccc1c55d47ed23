"""A compiled model in the flash of an emulated core."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vmcu.abi.interface import Interface
from vmcu.abi.tensor import Tensor, check_inputs
from vmcu.errors import InputError
from vmcu.run.emulator import Counts, FunctionCounts, Machine
from vmcu.run.sanitizer import PoolShadow
from vmcu.toolchain import Sizes, elf_sizes


@dataclass(frozen=True)
class Result:
    """What one run gave: output arrays, and instructions, loads, stores, modelled cycles and stack bytes."""

    outputs: tuple[np.ndarray, ...]
    counts: Counts


class Firmware:
    """A compiled model, linked and booted. Use it as a context manager: it owns a temporary ELF file.

    Args:
        compiled: what the program takes and gives.
        link: writes its ELF image to a path.

    Raises:
        InputError: the image is larger than the target's memories.

    `elf` is the image's path, `sizes` the bytes of its sections, `machine` the emulated core. `shadow` is the
    shadow of the pool of code that was compiled with `sanitize`.
    """

    def __init__(self, compiled: Interface, link: Callable[[Path], Path]):
        self.compiled = compiled
        self._scratch = tempfile.TemporaryDirectory()
        self.elf = link(Path(self._scratch.name) / f"{compiled.name}.elf")
        self.sizes: Sizes = elf_sizes(self.elf)
        self.machine = Machine(self.elf, compiled.target)
        self.machine.boot()
        # What a C program that feeds rows has: its state, and one row.
        self._state, self._row = map(self.machine.reserve, (4, compiled.row_bytes or 0))
        self.shadow = None if compiled.pool_map is None else PoolShadow(compiled.pool_map, self.machine, compiled.names)
        self.reset()

    def __enter__(self) -> Firmware:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def reset(self) -> None:
        """Give all that is kept from run to run its initial value, as before the first run; of rows, forget those fed."""
        self.machine.write(self._state, bytes(4))
        if self.compiled.states:
            self.machine.call(self.compiled.names.reset, count=False)
        if self.shadow is not None:
            self.shadow.reset()

    def run(self, *inputs: np.ndarray, count: bool = True) -> Result:
        """Run the model once, from the states that the last run left, if it has any.

        A model whose rows are fed gets all of them, and the counts are those of all calls.

        Args:
            inputs: one array per model input, of its shape and dtype.
            count: count instructions, accesses and cycles; without it the run is many times faster.

        Raises:
            InputError: an array's shape or dtype is not what the model takes.
            MachineFault: the code did what the core does not allow.
            StackOverflow: the RAM beside the pool is too small for the stack.
            PoolFault: the code was compiled with `sanitize`, and accessed the pool wrongly.
        """
        check_inputs(self.compiled.inputs, inputs)
        if self.compiled.row_bytes is not None:
            self.machine.write(self._state, bytes(4))
            results = [self.feed(row, count=count) for row in inputs[0].reshape(-1, self.compiled.row_bytes)]
            return Result(results[-1].outputs, _sum([each.counts for each in results]))
        for tensor, array in zip(self.compiled.inputs, inputs):
            self.machine.write(self._address(tensor), array.tobytes())
        counts = self._call(count=count, is_first=True)
        if self.shadow is not None:
            self.shadow.finish()
        return Result(self._read_outputs(), counts)

    def feed(self, row: np.ndarray, *, count: bool = True) -> Result:
        """Feed the next row of the image to a model that was compiled for it. After the last a new image begins.

        Args:
            row: of the dtype of the input, as many elements as a row of the image has; of any shape.
            count: as of `run`.

        Returns:
            The counts of this call, and the outputs if it was the last row; none otherwise.

        Raises:
            InputError: the model takes its input whole, or the row is not one.
            MachineFault: as `run`.
        """
        size = self.compiled.row_bytes
        if size is None:
            raise InputError(f"{self.compiled.name} takes its input whole; compile it with input 'fed' to feed rows")
        dtype = self.compiled.inputs[0].dtype
        if row.dtype != dtype or row.size != size:
            raise InputError(f"a row is {dtype}[{size}], found {row.dtype}[{'x'.join(map(str, row.shape))}]")
        self.machine.write(self._row, row.tobytes())
        is_first = not any(self.machine.read(self._state, 4))
        counts = self._call(self._state, self._row, count=count, is_first=is_first)
        if self.shadow is not None and counts.value:
            self.shadow.finish()
        return Result(self._read_outputs() if counts.value else (), counts)

    def _call(self, *arguments: int, count: bool, is_first: bool) -> Counts:
        if self.shadow is not None and is_first:
            self.shadow.start()
        return self.machine.call(self.compiled.entry, *arguments, count=count)

    def _address(self, tensor: Tensor) -> int:
        assert tensor.offset is not None, "only the input of a model that is fed has no place"
        return self.machine.address(self.compiled.names.pool) + tensor.offset

    def _read_outputs(self) -> tuple[np.ndarray, ...]:
        return tuple(
            np.frombuffer(self.machine.read(self._address(each), each.bytes), each.dtype).reshape(each.shape)
            for each in self.compiled.outputs
        )


def _sum(counts: Sequence[Counts]) -> Counts:
    """The counts of several calls as those of one; the returned value is that of the last."""
    names = ("instructions", "loads", "stores", "cycles")
    columns = {name: [getattr(each, name) for each in counts] for name in names}
    sums: dict[str, Any] = {name: None if None in column else sum(column) for name, column in columns.items()}
    functions: dict[str, FunctionCounts] = {}
    for name, each in (item for every in counts for item in every.functions.items()):
        functions[name] = functions.get(name, FunctionCounts()) + each
    stack_bytes = max(each.stack_bytes for each in counts)
    return replace(counts[-1], **sums, stack_bytes=stack_bytes, functions=functions)
