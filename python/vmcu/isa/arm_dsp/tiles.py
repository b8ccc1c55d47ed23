"""Convolutions as widened pixels times packed weights: `vmcu.widen`, then `vmcu.matmul`.

The windows of a tile of pixels are widened to 16-bit lanes on the stack, once for all output channels (`lanes.py` says
where each byte goes).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from mlir import ir
from mlir.dialects import arith, memref, scf

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.isa.arm_dsp import packing
from vmcu.isa.arm_dsp.lanes import Lanes
from vmcu.operators.anchors import wrap
from vmcu.operators.base import PLAIN, Operands, Variant
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.geometry import Span
from vmcu.operators.liveness import free_window
from vmcu.operators.match import FLIP
from vmcu.operators.requant import flash_constants
from vmcu.operators.rows import Place, RowEmitter

PIXELS = 2  # of a tile, unless the variant says otherwise
WIDEST = 9  # pixels of a row of which the last one is worth code of its own
WIDE_SCRATCH = 768  # most bytes of lanes for it


@dataclass(frozen=True, eq=False)
class Tiling:
    """The tiles of a convolution in a variant of the family `matmul`."""

    conv: Conv2D
    variant: Variant = PLAIN

    @property
    def lanes(self) -> Lanes:
        """Where a tile's bytes go."""
        return Lanes(self.conv.window, self.conv.channels[0])

    @property
    def pixels(self) -> int:
        """Pixels of a tile."""
        return self.variant.get("pixels", PIXELS)

    @property
    def is_wide(self) -> bool:
        """Whether the last tile of a row takes three pixels rather than one by itself."""
        columns = self.conv.window.output[1]
        odd = columns % 2 == 1 and 1 < columns <= WIDEST
        return odd and self.pixels == PIXELS and 2 * self.lanes.count(3) <= WIDE_SCRATCH

    @property
    def tile_pixels(self) -> int:
        """Pixels of the largest tile."""
        return self.pixels + 1 if self.is_wide else min(self.pixels, self.conv.window.output[1])

    @property
    def scratch(self) -> int:
        """Bytes of stack for lanes."""
        return 0 if self.takes_bytes else 2 * self.lanes.count(self.tile_pixels)

    @property
    def constants(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Weights in the order of the lanes, bias and halo. Bytes of uint8 are multiplied as they are, 128 too large."""
        conv, weights = self.conv, self.lanes.order(self.conv.weights)
        if not conv.flips:
            return weights, conv.bias, conv.pad_value
        return weights, wrap(conv.bias - 128 * weights.sum(1, dtype=np.int64)), conv.pad_value ^ FLIP

    @property
    def is_exact(self) -> bool:
        """Whether packing channels in pairs is."""
        weights, bias, _ = self.constants
        return packing.is_exact(weights, bias, 255 if self.conv.flips else 128)

    @property
    def takes_bytes(self) -> bool:
        """Whether one pixel of whole words is multiplied as it is, without lanes."""
        window, inputs = self.conv.window, self.conv.channels[0]
        return window.kernel == window.image == window.output == (1, 1) and window.pad == (0, 0) and inputs % 4 == 0


class TileEmitter(RowEmitter):
    """Emits a convolution's rows tile by tile."""

    def __init__(self, tiling: Tiling, on: Operands, backward: bool, by_rows: bool = False, place: Place | None = None):
        super().__init__(tiling.conv.window, on, backward=backward, by_rows=by_rows, place=place)
        self.tiling, self.conv, self.layout = tiling, tiling.conv, tiling.lanes
        weights, bias, self.halo = tiling.constants
        self.constants = flash_constants(weights, bias, self.conv.requant)
        self.lanes = None if tiling.takes_bytes else self._reserve_lanes()

    def _reserve_lanes(self) -> ir.Value:
        """Lanes for a tile on the stack."""
        count = self.layout.count(self.tiling.tile_pixels)
        return memref.alloca(ir.MemRefType.get([count], ir.IntegerType.get_signless(16)), [], [])

    def make_row(self, row: Index) -> None:
        spans = self.window.spans(self.tiling.pixels, wide=self.tiling.is_wide)
        # Tiles of equal size differ in what they widen; they share the product, which is most of the code.
        groups = [list(group) for _, group in groupby(spans, key=lambda span: span.step)]
        for group in reversed(groups) if self.backward else groups:
            for column in build.loop(group[0].start, group[-1].stop, group[0].step, backward=self.backward):
                self._emit_tile(row, column, group)

    def _emit_tile(self, row: Index, column: Index, spans: list[Span]) -> None:
        span = spans[0]
        if self.lanes is not None:
            self._widen_tile(row, column, [each for each in spans if not each.is_inside], spans)
            self._free(row, column, span)
        first, within = self._pixel(row, column)
        within = None if within is None else within.value
        self.store_product(first.value, within, span.step, (row * self.window.image[1]).value)
        if self.lanes is None:
            self._free(row, column, span)

    def store_product(self, index: ir.Value, within: ir.Value | None, pixels: int, source: ir.Value) -> None:
        """Multiply the lanes, or without any the pixel in segment `source`, and store from segment `index` on."""
        d.matmul(
            self.lanes if self.lanes is not None else self.source,
            self.constants,
            self.dest,
            index,
            pixels,
            self.layout.pitch,
            self.layout.depth,
            *self.conv.requant.attributes,
            first=None if self.lanes is not None else source,
            within=within,
            unroll=self.tiling.variant.find("unroll"),
            is_unsigned=(self.lanes is None and bool(self.conv.flips)) or None,
        )

    def _widen_tile(self, row: Index, column: Index, borders: list[Span], spans: list[Span]) -> None:
        """Widen the windows of the tile at `column`, which is one of `borders`, each one tile, or lies inside."""
        inner = next((span for span in spans if span.is_inside), None)
        if not borders or (inner is None and len(borders) == 1):
            span = inner or borders[0]
            place = column if span.is_inside else Index(span.start)
            for ky in range(self.window.kernel[0]):
                self._widen_row(row, place, span, ky)
            return
        is_here = arith.cmpi(arith.CmpIPredicate.eq, column.value, build.constant(borders[0].start))
        branch = scf.IfOp(is_here, has_else=True)
        for block, rest, among in (
            (branch.then_block, borders[:1], borders[:1]),
            (branch.else_block, borders[1:], [span for span in spans if span != borders[0]]),
        ):
            with ir.InsertionPoint(block):
                self._widen_tile(row, column, rest, among)
                scf.yield_([])

    def _free(self, row: Index, column: Index, span: Span) -> None:
        if not self.by_rows:
            done = arith.constant(ir.IntegerType.get_signless(1), 1)
            free_window(self.source, self.window, row, column, span.step, done, backward=self.backward)

    def _widen_row(self, row: Index, column: Index, span: Span, ky: int) -> None:
        """The bytes of window row `ky` that the pixels of a tile need."""
        window, inputs = self.window, self.conv.channels[0]
        y = row * window.stride[0] + ky * window.dilation[0] - window.pad[0]
        guard = build.is_inside(y, window.image[0]) if window.guards_rows else None
        if not self.layout.shares:
            for pixel in range(span.step):
                self._widen_runs(y, column, span, ky, pixel, guard)
            return
        apart = window.stride[1] > window.kernel[1]  # columns between windows are left out
        for pixel in range(span.step) if apart else range(1):
            first = pixel * window.stride[1]
            count = window.kernel[1] if apart else (span.step - 1) * window.stride[1] + window.kernel[1]
            at = pixel * self.layout.pitch + ky * inputs
            for start, stop, inside in self._cut(column, span, first, count):
                place = at + (start - first) * self.layout.step
                self._widen(y, column, start, 0, place, inputs, stop - start, guard, inside)

    def _widen_runs(self, y: Index, column: Index, span: Span, ky: int, pixel: int, guard: ir.Value | None) -> None:
        """The runs of one pixel in window row `ky`: whole words, then the rest."""
        inputs, window, layout = self.conv.channels[0], self.window, self.layout
        per_row = layout.runs // window.kernel[0]
        for number in range(per_row):
            first = pixel * window.stride[1] + number * window.dilation[1]
            for start, stop, inside in self._cut(column, span, first, layout.run_columns):
                begin, end = ((each - first) * inputs for each in (start, stop))
                for low, high, lane in layout.split(ky * per_row + number, begin, end):
                    at = pixel * layout.pitch + lane
                    self._widen(y, column, start, low - begin, at, high - low, 1, guard, inside)

    def _cut(self, column: Index, span: Span, first: int, count: int) -> list[tuple[int, int, bool]]:
        """Columns `[first, first + count)` of a tile cut where the image begins and ends: begin, end, is inside."""
        if span.is_inside:
            return [(first, first + count, True)]
        left = column.constant * self.window.stride[1] - self.window.pad[1]
        low, high = (min(max(edge - left, first), first + count) for edge in (0, self.window.image[1]))
        runs = [(first, low, False), (low, high, True), (high, first + count, False)]
        return [run for run in runs if run[0] < run[1]]

    def _widen(
        self,
        y: Index,
        column: Index,
        first: int,
        byte: int,
        at: int,
        size: int,
        pieces: int,
        guard: ir.Value | None,
        inside: bool,
    ) -> None:
        """`pieces` of `size` bytes, one after the other from a byte of a tile's column on, to lanes a column apart."""
        x = column * self.window.stride[1] + (first - self.window.pad[1])
        step = self.layout.step if pieces > 1 else 1
        if pieces > 1 and step == size:
            size, pieces, step = size * pieces, 1, 1
        if not inside:
            guard, x = arith.constant(ir.IntegerType.get_signless(1), 0), Index(0)
        index, within = self._segment(y * self.window.image[1], x)
        d.widen(
            self.source,
            index.value,
            build.constant(byte),
            self.lanes,
            at,
            size,
            pieces=pieces,
            step=step,
            within=None if within is None else within.value,
            guard=guard,
            pad=self.halo if guard is not None else None,
            is_unsigned=bool(self.conv.flips) or None,
        )
