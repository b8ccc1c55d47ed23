"""The family `matmul` of transposed convolutions: the convolutions of all strands by widened pixels (`tiles.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vmcu.ir.build import Index
from vmcu.isa.arm_dsp.conv2d import MatmulConv2D
from vmcu.isa.arm_dsp.tiles import TileEmitter, Tiling
from vmcu.operators.base import Operands, Variant
from vmcu.operators.transpose_conv import Strand, TransposeConv, emit_strands
from vmcu.operators.whole_rows import WholeRows


class MatmulTransposeConv(WholeRows[TransposeConv]):
    """`vmcu.widen`, then `vmcu.matmul`, for each tile of a strand."""

    name = "matmul"
    computes = TransposeConv

    def offers(self, operator: TransposeConv) -> tuple[Variant, ...]:
        """What is offered for the convolutions of all strands."""
        first, *others = (MatmulConv2D().offers(each.conv) for each in operator.strands)
        return tuple(variant for variant in first if all(variant in each for each in others))

    def scratch(self, operator: TransposeConv, variant: Variant) -> int:
        return sum(_tiling(each, variant).scratch for each in operator.strands)

    def start(
        self, operator: TransposeConv, variant: Variant, on: Operands, *, backward: bool
    ) -> Callable[[Index], object]:
        emitters = [
            TileEmitter(_tiling(each, variant), on, backward, by_rows=True, place=each.place)
            for each in operator.strands
        ]
        return lambda row: emit_strands(operator, emitters, row)


def _tiling(strand: Strand, variant: Variant) -> Tiling:
    """The tiles of a strand: of one pixel, if its pixels do not lie side by side."""
    if strand.place.column_step > 1:
        variant = replace(variant, options=(*(each for each in variant.options if each[0] != "pixels"), ("pixels", 1)))
    return Tiling(strand.conv, variant)
