"""A compiled model: its code, and what is known of the network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vmcu.abi.header import write_header
from vmcu.driver.program import Program, assemble
from vmcu.driver.saving import save
from vmcu.driver.summaries import Layer

if TYPE_CHECKING:  # whoever only compiles needs no emulated core and no oracle
    from vmcu.driver.profile import Profile
    from vmcu.run.oracles import OracleName, Panel
    from vmcu.run.oracles.mlir import Reference


@dataclass(frozen=True, eq=False, kw_only=True)
class Compiled(Program):
    """A model as code for one target: a `Program`, and what is known of the model.

    Args:
        lower_bound: bytes that are alive at once; no plan of these kernels and streams needs less.
        lower_bound_kernel: the kernel at which they are.
        layerwise_bytes: input and output of the largest layer, side by side: what an allocator of whole tensors needs
            at the least.
        macs: multiply-accumulates of the network.
        executed_macs: those that the plan executes; more of them mean that something is computed twice.
        streams: the names of the kernels that run together row by row, for each group of them.
        layers: all kernels, in the order of the plan.
        buffer_share: about what share of the time kernels on buffers take, from 0 to 1 (`vmcu.driver.pace`).
        compile_seconds: from the file to the object.
        source: the model's file.
    """

    lower_bound: int
    lower_bound_kernel: str
    layerwise_bytes: int
    macs: int
    executed_macs: int
    streams: tuple[tuple[str, ...], ...]
    layers: tuple[Layer, ...]
    buffer_share: float
    compile_seconds: float
    source: Path
    _make_reference: Callable[[], Reference] = field(repr=False)
    _open_panel: Callable[[OracleName], Panel] = field(repr=False)

    @property
    def recompute_factor(self) -> float | None:
        """`executed_macs` over `macs`: 1 if nothing is computed twice; None for a network without any."""
        return round(self.executed_macs / self.macs, 3) if self.macs else None

    @cached_property
    def reference(self) -> Reference:
        """The same linalg executed on the host; compiled when it is first asked for. Fast, and the `mlir` oracle."""
        return self._make_reference()

    def oracle(self, which: OracleName = "auto") -> Panel:
        """Who says what the model computes; see `vmcu.driver.compilation.Compilation.oracle`."""
        return self._open_panel(which)

    def save(self, directory: str | Path) -> tuple[Path, Path]:
        """Write `NAME.o` and `NAME.h` into `directory` (made if missing) and return their paths.

        The header tells where the model is. The files of another model with the same C name are not overwritten as long as
        that model is there.

        Raises:
            InputError: they cannot be written there, or are those of another model.
        """
        header = write_header(self, self.needs, os.path.relpath(self.source, directory))
        return save(Path(directory), self.name, self.code, header, self.source)

    def profile(self, *inputs: np.ndarray) -> Profile:
        """Run once on the emulated core; the cycles, calls, code and RAM of each kernel.

        Raises:
            InputError: the arrays are not what the model takes, or the image is larger than the target.
        """
        from vmcu.driver.profile import profile

        return profile(self.unmerged(), self.layers, inputs)

    def unmerged(self) -> Compiled:
        """The same code with a function for each kernel: those of equal shape do not share one."""
        return replace(self, **assemble(self.llvm_ir, self.target, self.entry, merge=False))
