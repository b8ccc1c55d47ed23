"""An inverted bottleneck as one kernel that never has the expanded tensor: expand, depthwise, project.

The workspace is two sequences: a ring of expanded columns (`bottleneck.py` says how many and how high), and the
depthwise pixels of one step. `fused_loops.py` has the loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir.build import Index
from vmcu.isa.arm_dsp.fused_tiles import FusedTileEmitter, project_pixels
from vmcu.operators.bottleneck.geometry import Bottleneck
from vmcu.operators.bottleneck.loops import Emitter
from vmcu.operators.channelwise import Depthwise
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.geometry import Steps
from vmcu.operators.match import is_int8, op_name
from vmcu.operators.read import read_kernel
from vmcu.operators.variant import PLAIN, Variant
from vmcu.planner import Rows

MATMUL = Variant("matmul")


@dataclass(frozen=True, eq=False)
class Fused:
    """Three layers of which each reads the one before: `fuse` makes them one."""

    expand: Conv2D
    middle: Depthwise
    project: Conv2D
    variant: Variant = PLAIN

    kind = d.KernelKind.fused

    @cached_property
    def geometry(self) -> Bottleneck:
        channels = (self.expand.channels[0], self.middle.channels, self.project.channels[1])
        return Bottleneck.of(self.expand.window, self.middle.window, self.project.window, channels)

    @property
    def workspace(self) -> int:
        """Bytes."""
        return self.geometry.workspace

    @property
    def workspaces(self) -> tuple[tuple[int, int], ...]:
        """(length, bytes) of the sequences that the workspace is divided into."""
        return self.geometry.workspaces

    @property
    def macs(self) -> int:
        """Multiply-accumulates, those that are done again included."""
        return self.geometry.macs

    def variants(self) -> list[Variant]:
        """`matmul`, if both convolutions have it: two expanded pixels at a time are multiplied as in `tiles.py`."""
        convolutions = (self.expand, self.project)
        has = all(any(each.name == MATMUL.name for each in conv.variants()) for conv in convolutions)
        if not has or not self.geometry.pairs or self.expand.takes_bytes:
            return []
        return [MATMUL, replace(MATMUL, options=(("pixels", 1),))] if self.geometry.tile > 1 else [MATMUL]

    @property
    def scratch(self) -> int:
        """Bytes of stack for lanes, which both convolutions take in turn; `pixels` is how many are projected at once."""
        if self.variant.name != MATMUL.name:
            return 0
        project = replace(project_pixels(self.project, self.geometry.tile), variant=self.variant)
        return max(replace(self.expand, variant=MATMUL).scratch, project.scratch)

    @property
    def signature(self) -> str:
        """What its variants' speed depends on."""
        expand, middle, project = (each.signature for each in (self.expand, self.middle, self.project))
        return f"fused {expand}; {middle}; {project}"

    def sequences(self) -> tuple[tuple[tuple[int, int], ...], tuple[int, int]]:
        """(length, bytes) of the input's and of the output's sequence: a segment is a pixel."""
        return self.expand.sequences()[0], self.project.sequences()[1]

    def steps(self) -> Steps:
        return self.geometry.steps()

    def rows(self) -> Rows:
        return self.geometry.rows()

    def emit(self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], *, backward: bool) -> None:
        self._emitter(self, inputs[0], output, workspace, backward).emit()

    def emit_row(
        self, inputs: list[ir.Value], output: ir.Value, workspace: list[ir.Value], row: Index, *, backward: bool
    ) -> None:
        """Make output row `row`; `backward` only says which rows come next."""
        self._emitter(self, inputs[0], output, workspace, backward, by_rows=True).emit_row(row)

    @property
    def _emitter(self) -> type[Emitter]:
        return FusedTileEmitter if self.variant.name == MATMUL.name else Emitter


def fuse(expand: object, middle: object, project: object) -> Fused | None:
    """The kernel for three layers in a chain, or None if there is none for them."""
    if not isinstance(expand, Conv2D) or not isinstance(middle, Depthwise) or not isinstance(project, Conv2D):
        return None
    if middle.kind != d.KernelKind.depthwise or middle.weights.shape[2] != middle.channels:
        return None
    if (expand.channels[1], project.channels[0]) != (middle.channels, middle.channels):
        return None
    fused = Fused(expand, middle, project)
    return None if fused.geometry is None else fused


def read_fused(result: ir.Value, inputs: Sequence[ir.Value]) -> Fused | None:
    """The fused kernel that makes `result` out of its one input, or None if the body is not that of one."""
    block = inputs[0].owner
    made = [op.results[0] for op in block.operations if op_name(op) == "linalg.generic" and is_int8(op.results[0])]
    if len(inputs) != 1 or len(made) != 3:
        return None
    sources = (inputs[0], *made[:2])
    return fuse(*(read_kernel(value, [source]) for value, source in zip((*made[:2], result), sources)))
