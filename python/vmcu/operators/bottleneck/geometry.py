"""The geometry of a fused inverted bottleneck: expand, depthwise, project as one kernel. Plain arithmetic, no IR.

The expanded tensor never exists. For every output row the kernel walks along the columns with a ring of expanded
columns, each as high as the depthwise window. Expanded pixels are thus computed once along a row, and anew for each of
the output rows whose window holds them: that is the price, and `expanded_pixels` counts it.

To everyone outside it is a window over the input: the windows of both convolutions, one seen through the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vmcu.operators.geometry import Steps, Window, both
from vmcu.planner import Rows

TALLEST = 8  # rows of a depthwise window whose column is one piece of straight-line code


@dataclass(frozen=True)
class Walk:
    """How the columns of a row are walked, in steps that make up to `tile` pixels.

    Counted along the walk, step `t` makes the expanded columns `[t * fresh - spare, (t + 1) * fresh - spare)`, but for
    the first `unread`, and then the pixels up to `(t - first) * tile + last`, `tile` of them, as far as they exist.
    """

    steps: int
    fresh: int  # expanded columns
    unread: int  # those of them that lie between two windows
    spare: int  # columns before the first window, so that steps end where windows end
    first: int  # the first step that makes pixels
    last: int


@dataclass(frozen=True)
class Bottleneck:
    """Windows of the three layers, and `channels`: those of the input, the expanded tensor and the output.

    `expand` may be any convolution, `middle` is not dilated, `project` is pointwise.
    """

    expand: Window
    middle: Window
    channels: tuple[int, int, int]

    @staticmethod
    def of(expand: Window, middle: Window, project: Window, channels: tuple[int, int, int]) -> Bottleneck | None:
        """The geometry of three layers in a chain; None if they are not a bottleneck."""
        is_chain = expand.output == middle.image and middle.output == project.image and project.is_pointwise
        if not is_chain or middle.dilation != (1, 1) or middle.kernel[0] > TALLEST or middle.kernel == (1, 1):
            return None
        return Bottleneck(expand, middle, channels)

    @cached_property
    def window(self) -> Window:
        """What an output pixel reads of the input; too much at the expanded tensor's borders."""
        outer, inner = self.middle, self.expand
        pairs = list(zip(outer.kernel, inner.kernel, inner.stride, inner.dilation))
        return Window(
            inner.image,
            outer.output,
            both((k - 1) * stride + (n - 1) * dilation + 1 for k, n, stride, dilation in pairs),
            both(a * b for a, b in zip(outer.stride, inner.stride)),
            (1, 1),
            both(p * stride + q for p, stride, q in zip(outer.pad, inner.stride, inner.pad)),
        )

    @property
    def tile(self) -> int:
        """Pixels of a step: two, if two pixels need no more than two new columns."""
        return 2 if self.middle.stride[1] == 1 and self.middle.output[1] > 1 else 1

    @property
    def pairs(self) -> bool:
        """Whether columns come in twos, which are expanded together."""
        stride, kernel = self.middle.stride[1], self.middle.kernel[1]
        return self.tile * stride % 2 == 0 and max(0, stride - kernel) % 2 == 0 and self.middle.image[1] > 1

    @property
    def columns(self) -> int:
        """Expanded columns that the ring holds: those of one step's windows."""
        return self.middle.kernel[1] + (self.tile - 1) * self.middle.stride[1]

    @property
    def span(self) -> int:
        """Expanded columns from the first window's begin to the last one's end, halos included."""
        return (self.middle.output[1] - 1) * self.middle.stride[1] + self.middle.kernel[1]

    @property
    def needed(self) -> tuple[int, int]:
        """The expanded columns `[lo, hi)` that exist and that some window reads."""
        pad = self.middle.pad[1]
        lo = max(0, -pad)
        return lo, max(lo, min(self.middle.image[1], self.span - pad))

    def walk(self, *, mirrored: bool) -> Walk:
        """The steps of a row; `mirrored` ones, from the last column on, make the same tiles of pixels."""
        kernel, stride, count = self.middle.kernel[1], self.middle.stride[1], self.middle.output[1]
        last = (count - 1) % self.tile if mirrored else self.tile - 1
        fresh = self.tile * stride
        end = last * stride + kernel
        spare = -end % fresh
        first = (end + spare) // fresh - 1
        steps = first + 1 + -(-(count - 1 - last) // self.tile)
        return Walk(steps, fresh, max(0, stride - kernel), spare, first, last)

    @property
    def workspaces(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(length, bytes) of two sequences: expanded pixels, line by line of the ring, and depthwise pixels."""
        return (self.columns * self.middle.kernel[0], self.channels[1]), (self.tile, self.channels[1])

    @property
    def workspace(self) -> int:
        """Bytes of both."""
        return sum(length * size for length, size in self.workspaces)

    @property
    def expanded_pixels(self) -> int:
        """Expanded pixels that are computed; `expand.output` has each of them once."""
        return self._read(0).size * np.unique(self._read(1)).size

    def _read(self, axis: int) -> np.ndarray:
        """The expanded rows (axis 0) or columns that exist and that windows read, as often as they do."""
        window = self.middle
        begins = np.arange(window.output[axis]) * window.stride[axis] - window.pad[axis]
        read = (begins[:, None] + np.arange(window.kernel[axis])).ravel()
        return read[(read >= 0) & (read < window.image[axis])]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a run. As in other kernels, those of taps in a halo count as well."""
        inputs, middle, outputs = self.channels
        expand = self.expanded_pixels * int(np.prod(self.expand.kernel)) * inputs
        return middle * (expand + int(np.prod(self.middle.output)) * (int(np.prod(self.middle.kernel)) + outputs))

    def rows(self) -> Rows:
        return self.window.rows()

    def steps(self) -> Steps:
        """One step for each tile of pixels: reads its window, then writes whole pixels."""
        window, (inputs, _, outputs) = self.window, self.channels
        rows = np.arange(window.output[0], dtype=np.int64)[:, None]
        begins = np.arange(0, window.output[1], self.tile, dtype=np.int64)[None, :]
        ends = np.minimum(begins + self.tile, window.output[1])
        first = rows * window.output[1]
        accesses = (
            window.first_pixel(rows, begins) * inputs,
            window.end_pixel(rows, ends - 1) * inputs,
            (first + begins) * outputs,
            (first + ends) * outputs,
        )
        return Steps(*(np.broadcast_to(each, (rows.size, begins.size)).ravel() for each in accesses))
