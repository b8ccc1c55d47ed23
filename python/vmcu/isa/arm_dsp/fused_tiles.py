"""The variant `matmul` of a fused bottleneck: its convolutions are `vmcu.widen` and `vmcu.matmul`, as in `tiles.py`.

Pairs of expanded pixels whose windows lie in the image, and all projected ones, are made that way. What is left at the
borders is made of `vmcu.dot`.
"""

from __future__ import annotations

from dataclasses import replace

from mlir import ir
from mlir.dialects import memref, scf

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.isa.arm_dsp.tiles import TileEmitter
from vmcu.operators.bottleneck.loops import Emitter, if_
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.geometry import Span, Window


def project_pixels(project: Conv2D, count: int) -> Conv2D:
    """A projection of just so many pixels."""
    return replace(project, window=Window((1, count), (1, count)))


class FusedTileEmitter(Emitter):
    def __init__(self, *arguments: object, **options: object):
        super().__init__(*arguments, **options)
        kind = ir.MemRefType.get([self.kernel.scratch // 2], ir.IntegerType.get_signless(16))
        lanes = memref.alloca(kind, [], [])
        self.expander = _Tiles(self.kernel.expand, self.source, self.expanded, lanes)
        self.projector = _Tiles(project_pixels(self.kernel.project, self.shape.tile), self.pixels, self.dest, lanes)

    def _expand_inside(self, y: Index, x: Index, slot: Index) -> None:
        self.expander.widen(y, x, 2)
        self.expander.multiply(slot, None, 2)

    def _project_pixels(self, row: Index, column: Index) -> None:
        tile, first = self.shape.tile, row * self.window.output[1]
        if self.kernel.variant.get("pixels", tile) < tile:
            for number in build.loop(0, tile):
                with if_(self._exists(column + number)):
                    self.projector.widen(Index(0), number, 1)
                    self.projector.multiply(first, column + number, 1)
            return
        self.projector.widen(Index(0), Index(0), tile)
        exists = self._exists(column + (tile - 1))
        if exists is None:
            self.projector.multiply(first, column, tile)
            return
        branch = scf.IfOp(exists, has_else=True)
        for block, pixels in ((branch.then_block, tile), (branch.else_block, tile - 1)):
            with ir.InsertionPoint(block):
                self.projector.multiply(first, column, pixels)
                scf.yield_([])


class _Tiles(TileEmitter):
    """Tiles of any row and column, made wherever one likes, with lanes that another convolution takes as well."""

    def __init__(self, conv: Conv2D, source: ir.Value, dest: ir.Value, lanes: ir.Value):
        self._shared = lanes
        super().__init__(conv, source, dest, backward=False, by_rows=True)

    def _reserve_lanes(self) -> ir.Value:
        return self._shared

    def widen(self, y: Index, x: Index, pixels: int) -> None:
        """Widen the windows of the pixels (y, x), (y, x + 1), ...; a kernel that takes bytes needs nothing."""
        for ky in range(self.window.kernel[0] if self.lanes is not None else 0):
            self._widen_row(y, x, Span(0, pixels, pixels, True), ky)

    def multiply(self, index: Index, within: Index | None, pixels: int) -> None:
        """Store what was widened, times the weights, from segment `index` (`+ within`) on."""
        self.store_product(index.value, None if within is None else within.value, pixels, build.constant(0))
