"""How a window slides over an image, and which bytes each step of it touches. Plain arithmetic, no IR.

All kernels that slide a window (convolution, depthwise, pooling) make their output in raster order: rows, column
tiles, channel tiles. `Window` knows the tiles of a row and the input pixels behind them; both the planner's access
relation and the emitted loops are made of it, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vmcu.planner import Rows


def both(values: Iterable[int]) -> tuple[int, int]:
    """Two numbers, of rows and of columns, as a pair."""
    rows, columns = values
    return rows, columns


@dataclass(frozen=True)
class Region:
    """Columns `[start, stop)` of an output row, made in tiles of `step` pixels.

    In a `guarded` region the window may leave the image to the left or right.
    """

    start: int
    stop: int
    step: int
    guarded: bool


@dataclass(frozen=True)
class Span:
    """Columns `[start, stop)` of an output row, made in tiles of `step` pixels; if not `is_inside`, one tile.

    A tile is inside if no window of it leaves the image to the left or right.
    """

    start: int
    stop: int
    step: int
    is_inside: bool


@dataclass(frozen=True)
class Window:
    """A window of `kernel` taps over an image. Pairs are (rows, columns).

    Output row `r` reads the input rows `r * stride - pad + k * dilation`. `pad` is the halo before the image; a negative
    one skips rows. How far the window runs past the image's end follows from the sizes.
    """

    image: tuple[int, int]
    output: tuple[int, int]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)

    def describe(self, inputs: int, outputs: int) -> str:
        """A line that names the shape, with so many channels: `6x6x64 -> 3x3x128, 3x3/2x2 pad 1x1 dilation 1x1`."""
        image, output, kernel, stride, dilation, pad = (
            "x".join(map(str, each))
            for each in (self.image, self.output, self.kernel, self.stride, self.dilation, self.pad)
        )
        return f"{image}x{inputs} -> {output}x{outputs}, {kernel}/{stride} pad {pad} dilation {dilation}"

    @property
    def is_pointwise(self) -> bool:
        """Each output pixel reads the input pixel of the same index."""
        return self.kernel == (1, 1) and self.stride == (1, 1) and self.pad == (0, 0) and self.image == self.output

    def rows(self) -> Rows:
        """The window as the planner of streams sees it."""
        return Rows(self.kernel[0], self.stride[0], self.dilation[0], self.pad[0], self.image[0], self.output[0])

    def flattened(self) -> Window:
        """A pointwise window with the whole image as one row, so that tiles run over row ends."""
        if not self.is_pointwise:
            return self
        pixels = self.image[0] * self.image[1]
        return Window((1, pixels), (1, pixels))

    def inside(self, axis: int) -> tuple[int, int]:
        """The output rows (axis 0) or columns (axis 1) `[lo, hi)` whose window lies in the image."""
        reach = (self.kernel[axis] - 1) * self.dilation[axis]
        lo = max(0, -(-self.pad[axis] // self.stride[axis]))
        hi = (self.image[axis] - 1 + self.pad[axis] - reach) // self.stride[axis] + 1
        lo = min(lo, self.output[axis])
        return lo, min(max(lo, hi), self.output[axis])

    @property
    def guards_rows(self) -> bool:
        """Some output row's window leaves the image at the top or bottom."""
        return self.inside(0) != (0, self.output[0])

    def regions(self, tile: int) -> list[Region]:
        """An output row as regions, left to right: left border, full tiles, the rest of a tile, right border."""
        lo, hi = self.inside(1)
        full = lo + (hi - lo) // tile * tile
        regions = [
            Region(0, lo, 1, True),
            Region(lo, full, tile, False),
            Region(full, hi, max(1, hi - full), False),
            Region(hi, self.output[1], 1, True),
        ]
        return [region for region in regions if region.start < region.stop]

    def spans(self, tile: int, *, wide: bool = False) -> list[Span]:
        """An output row as tiles from its first column on; tiles that are inside are joined.

        What is left of a row is a narrower tile, or with `wide`, if it is one pixel, part of a wider one.
        """
        (lo, hi), total = self.inside(1), self.output[1]
        spans: list[Span] = []
        last_start = total - tile - 1 if wide and total % tile == 1 and total > tile else total
        for start in [*range(0, min(last_start, total), tile), *([last_start] if last_start < total else [])]:
            stop = total if start == last_start else min(start + tile, total)
            span = Span(start, stop, stop - start, lo <= start and stop <= hi)
            last = spans[-1] if spans else None
            if last is not None and last.is_inside and span.is_inside and last.step == span.step:
                spans[-1] = replace(last, stop=stop)
            else:
                spans.append(span)
        return spans

    def first_pixel(self, row: int | np.ndarray, column: int | np.ndarray) -> np.ndarray:
        """The lowest raster index of an input pixel in the window of an output pixel, clipped to the image."""
        y = np.clip(row * self.stride[0] - self.pad[0], 0, self.image[0] - 1)
        x = np.clip(column * self.stride[1] - self.pad[1], 0, self.image[1] - 1)
        return y * self.image[1] + x

    def end_pixel(self, row: int | np.ndarray, column: int | np.ndarray) -> np.ndarray:
        """One past the highest raster index of an input pixel in the window of an output pixel."""
        reach = [(k - 1) * d for k, d in zip(self.kernel, self.dilation)]
        y = np.clip(row * self.stride[0] - self.pad[0] + reach[0], 0, self.image[0] - 1)
        x = np.clip(column * self.stride[1] - self.pad[1] + reach[1], 0, self.image[1] - 1)
        return y * self.image[1] + x + 1

    def steps(
        self,
        tile: int,
        in_bytes: int,
        out_bytes: int,
        channel_tiles: np.ndarray,
        *,
        across: bool = False,
        wide: bool = False,
    ) -> Steps:
        """The access relation of a kernel that walks rows, column tiles, channel tiles.

        Args:
            tile: pixels of a column tile.
            in_bytes: bytes of an input pixel; a step reads whole pixels.
            out_bytes: bytes of an output pixel.
            channel_tiles: (n, 2) first byte and end byte of each channel tile in an output pixel.
            across: column tiles are those of `spans`, across borders, rather than those of `regions`.
            wide: as of `spans`.
        """
        parts = self.spans(tile, wide=wide) if across else self.regions(tile)
        starts = [(column, each.step) for each in parts for column in range(each.start, each.stop, each.step)]
        columns, counts = np.array(starts, np.int64).T
        rows = np.arange(self.output[0], dtype=np.int64)[:, None, None]
        columns, counts = columns[None, :, None], counts[None, :, None]
        lo = self.first_pixel(rows, columns) * in_bytes
        hi = self.end_pixel(rows, columns + counts - 1) * in_bytes
        first = (rows * self.output[1] + columns) * out_bytes
        write_lo = first + channel_tiles[None, None, :, 0]
        write_hi = first + (counts - 1) * out_bytes + channel_tiles[None, None, :, 1]
        shape = write_lo.shape
        return Steps(*(np.broadcast_to(each, shape).ravel() for each in (lo, hi, write_lo, write_hi)))


@dataclass(frozen=True, eq=False)
class Steps:
    """Per step, in raster order, the bytes `[lo, hi)` read of each input and `[write_lo, write_hi)` of the output.

    Args:
        others: by number, `lo` and `hi` of inputs of which other bytes are read.
    """

    lo: np.ndarray
    hi: np.ndarray
    write_lo: np.ndarray
    write_hi: np.ndarray
    others: Mapping[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, kw_only=True)

    def of(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """`lo` and `hi` of an input."""
        return self.others.get(number, (self.lo, self.hi))


def split_channels(channels: int, tile: int) -> np.ndarray:
    """(n, 2) begin and end of channel tiles; the last one may be narrower."""
    begins = np.arange(0, channels, tile, dtype=np.int64)
    return np.stack([begins, np.minimum(begins + tile, channels)], axis=1)
