"""The family `matmul` of fused bottlenecks: both convolutions are `vmcu.widen` and `vmcu.matmul`, as in `tiles.py`.

Pairs of expanded pixels whose windows lie in the image, and all projected ones, are made that way. What is left at the
borders is made of `vmcu.dot`.
"""

from __future__ import annotations

from dataclasses import replace

from mlir import ir
from mlir.dialects import memref, scf

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.isa.arm_dsp.conv2d import MatmulConv2D
from vmcu.isa.arm_dsp.tiles import TileEmitter, Tiling
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.bottleneck import Fused
from vmcu.operators.bottleneck.loops import Emitter, if_
from vmcu.operators.conv2d import Conv2D
from vmcu.operators.geometry import Span, Steps, Window


class MatmulFused(Family[Fused]):
    """Two expanded pixels at a time; `pixels` is how many are projected at once."""

    name = "matmul"
    computes = Fused

    def offers(self, operator: Fused) -> tuple[Variant, ...]:
        convolutions = (operator.expand, operator.project)
        has = all(MatmulConv2D().offers(each) for each in convolutions)
        if not has or not operator.geometry.pairs or Tiling(operator.expand).takes_bytes:
            return ()
        plain, single = Variant(self.name), Variant(self.name, (("pixels", 1),))
        return (plain, single) if operator.geometry.tile > 1 else (plain,)

    def scratch(self, operator: Fused, variant: Variant) -> int:
        """Both convolutions take the lanes in turn."""
        project = Tiling(project_pixels(operator.project, operator.geometry.tile), variant)
        return max(Tiling(operator.expand).scratch, project.scratch)

    def steps(self, operator: Fused, variant: Variant) -> Steps:
        return operator.geometry.steps()

    def emit(self, operator: Fused, variant: Variant, on: Operands, *, backward: bool) -> None:
        FusedTileEmitter(self.scratch(operator, variant), operator, variant, on, backward).emit()

    def emit_row(self, operator: Fused, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        emitter = FusedTileEmitter(self.scratch(operator, variant), operator, variant, on, backward, by_rows=True)
        emitter.emit_row(row)


def project_pixels(project: Conv2D, count: int) -> Conv2D:
    """A projection of just so many pixels."""
    return replace(project, window=Window((1, count), (1, count)))


class FusedTileEmitter(Emitter):
    def __init__(
        self, scratch: int, kernel: Fused, variant: Variant, on: Operands, backward: bool, by_rows: bool = False
    ):
        super().__init__(kernel, on, backward, by_rows)
        self.variant = variant
        lanes = memref.alloca(ir.MemRefType.get([scratch // 2], ir.IntegerType.get_signless(16)), [], [])
        project = project_pixels(kernel.project, self.shape.tile)
        self.expander = _Tiles(Tiling(kernel.expand), self.source, self.expanded, lanes)
        self.projector = _Tiles(Tiling(project), self.pixels, self.dest, lanes)

    def _expand_inside(self, y: Index, x: Index, slot: Index) -> None:
        self.expander.widen(y, x, 2)
        self.expander.multiply(slot, None, 2)

    def _project_pixels(self, row: Index, column: Index) -> None:
        tile, first = self.shape.tile, row * self.window.output[1]
        if self.variant.get("pixels", tile) < tile:
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

    def __init__(self, tiling: Tiling, source: ir.Value, dest: ir.Value, lanes: ir.Value):
        self._shared = lanes
        super().__init__(tiling, Operands((source,), (dest,)), backward=False, by_rows=True)

    def _reserve_lanes(self) -> ir.Value:
        return self._shared

    def widen(self, y: Index, x: Index, pixels: int) -> None:
        """Widen the windows of the pixels (y, x), (y, x + 1), ...; a kernel that takes bytes needs nothing."""
        for ky in range(self.window.kernel[0] if self.lanes is not None else 0):
            self._widen_row(y, x, Span(0, pixels, pixels, True), ky)

    def multiply(self, index: Index, within: Index | None, pixels: int) -> None:
        """Store what was widened, times the weights, from segment `index` (`+ within`) on."""
        self.store_product(index.value, None if within is None else within.value, pixels, build.constant(0))
