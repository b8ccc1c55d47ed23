"""Where the bytes of a convolution's windows lie once they are widened to 16-bit lanes. Plain arithmetic, no IR.

Where a column's bytes are whole words, neighbouring windows share their columns: lanes are `[column][window row][channel]`,
so that the window of each pixel is one contiguous run. Otherwise each pixel has lanes of its own: the whole words of
each run of bytes, one run for each window row, then what is left of the runs, byte by byte. Weights follow that order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vmcu.operators.geometry import Window


@dataclass(frozen=True)
class Lanes:
    """The lanes of a tile of pixels of a window over an image of `channels` channels."""

    window: Window
    channels: int

    @property
    def shares(self) -> bool:
        """Whether neighbouring windows share columns."""
        return self.channels % 4 == 0 and (self.window.dilation[1] == 1 or self.window.kernel[1] == 1)

    @property
    def step(self) -> int:
        """Lanes from one column to the next, where columns are shared."""
        return self.window.kernel[0] * self.channels

    @property
    def run_columns(self) -> int:
        """Columns of a run of bytes, where columns are not shared."""
        return self.window.kernel[1] if self.window.dilation[1] == 1 else 1

    @property
    def runs(self) -> int:
        """Runs of bytes of a pixel."""
        return self.window.kernel[0] * self.window.kernel[1] // self.run_columns

    @property
    def depth(self) -> int:
        """Lanes of a pixel's window, whole words."""
        size = self.window.kernel[0] * self.window.kernel[1] * self.channels
        return -(-size // 4) * 4

    @property
    def pitch(self) -> int:
        """Lanes from one pixel to the next."""
        return min(self.window.stride[1], self.window.kernel[1]) * self.step if self.shares else self.depth

    def count(self, pixels: int) -> int:
        """Lanes of a tile."""
        return -(-((pixels - 1) * self.pitch + self.depth) // 4) * 4

    def split(self, run: int, begin: int, end: int) -> list[tuple[int, int, int]]:
        """Bytes `[begin, end)` of run `run` as parts: first byte, end byte, lane of the first."""
        size = self.run_columns * self.channels
        whole = size // 4 * 4
        rest = self.runs * whole + run * (size - whole)
        parts = [
            (begin, min(end, whole), run * whole + begin),
            (max(begin, whole), end, rest + max(begin, whole) - whole),
        ]
        return [part for part in parts if part[0] < part[1]]

    def order(self, weights: np.ndarray) -> np.ndarray:
        """int8 weights `[out, rows, columns, in]` as `[out, depth]`, in the order of the lanes."""
        if self.shares:
            return np.ascontiguousarray(weights.transpose(0, 2, 1, 3).reshape(len(weights), -1))
        runs = weights.reshape(len(weights), self.runs, -1)
        whole = runs.shape[2] // 4 * 4
        ordered = np.concatenate([each.reshape(len(runs), -1) for each in (runs[..., :whole], runs[..., whole:])], 1)
        return np.pad(ordered, ((0, 0), (0, self.depth - ordered.shape[1])))
