"""An inverted bottleneck as one kernel that never has the expanded tensor: expand, depthwise, project.

The workspace is two sequences: a ring of expanded columns (`geometry.py` says how many and how high), and the depthwise
pixels of one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from vmcu.dialects import vmcu as d
from vmcu.operators.base import Operator, Shape
from vmcu.operators.bottleneck.geometry import Bottleneck
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.depthwise import Depthwise
from vmcu.planner import Rows


@dataclass(frozen=True, eq=False)
class Fused(Operator):
    """Three layers of which each reads the one before: `fuse` makes them one."""

    expand: Conv2D
    middle: Depthwise
    project: Conv2D

    kind = d.KernelKind.fused

    @cached_property
    def _found(self) -> Bottleneck | None:
        channels = (self.expand.channels[0], self.middle.channels, self.project.channels[1])
        return Bottleneck.of(self.expand.window, self.middle.window, self.project.window, channels)

    @property
    def geometry(self) -> Bottleneck:
        """How the columns of a row are walked."""
        assert self._found is not None, "`fuse` gives no other ones away"
        return self._found

    @property
    def workspace(self) -> int:
        return self.geometry.workspace

    def divide(self, workspace: int) -> tuple[Shape, ...]:
        return self.geometry.workspaces

    @property
    def macs(self) -> int:
        """Multiply-accumulates, those that are done again included."""
        return self.geometry.macs

    @property
    def signature(self) -> str:
        expand, middle, project = (each.signature for each in (self.expand, self.middle, self.project))
        return f"fused {expand}; {middle}; {project}"

    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """A segment is a pixel."""
        return self.expand.sequences()[0], self.project.sequences()[1]

    def rows(self) -> Rows:
        return self.geometry.rows()


def fuse(expand: object, middle: object, project: object) -> Fused | None:
    """The kernel for three layers in a chain, or None if there is none for them."""
    if not isinstance(expand, Conv2D) or not isinstance(middle, Depthwise) or not isinstance(project, Conv2D):
        return None
    if middle.kind != d.KernelKind.depthwise or middle.weights.shape[2] != middle.channels:
        return None
    if expand.flips:  # its loops do not
        return None
    if (expand.channels[1], project.channels[0]) != (middle.channels, middle.channels):
        return None
    fused = Fused(expand, middle, project)
    return None if fused._found is None else fused
