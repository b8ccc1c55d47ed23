"""The family `matmul` of convolutions: the pixels of a tile are widened once for all channels (`tiles.py`)."""

from __future__ import annotations

import numpy as np

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.isa.arm_dsp import packing
from vmcu.isa.arm_dsp.tiles import TileEmitter, Tiling
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.conv2d import Conv2D, PlainConv2D
from vmcu.operators.geometry import Steps
from vmcu.operators.scale import choose_form

MAX_UNROLL = 64  # most lanes of depth in a loop's body that are worth a try


class MatmulConv2D(Family[Conv2D]):
    """`vmcu.widen`, then `vmcu.matmul`."""

    name = "matmul"
    computes = Conv2D

    def offers(self, operator: Conv2D) -> tuple[Variant, ...]:
        operator = as_pixel(operator)
        weights = operator.weights.reshape(len(operator.weights), -1)
        form = choose_form(operator.requant.multiplier, operator.requant.shift, operator.requant.rounding)
        fits = max(weights.shape[1] + 16, operator.channels[1]) < packing.MAX_DEPTH
        if not fits or form.kind not in ("double", "single") or not Tiling(operator).is_exact:
            return ()
        # Loops without a remainder, of bodies from half as long again as the default to all of a short window.
        whole = [lanes for lanes in range(20, MAX_UNROLL + 1, 4) if weights.shape[1] % lanes == 0]
        unrolls = [(), *((("unroll", lanes),) for lanes in whole)]
        # One pixel at a time takes half the lanes.
        has_tiles = operator.window.output[1] > 1 and not Tiling(operator).takes_bytes
        single = [Variant(self.name, (("pixels", 1),))] if has_tiles else []
        return (*(Variant(self.name, each) for each in unrolls), *single)

    def scratch(self, operator: Conv2D, variant: Variant) -> int:
        return Tiling(as_pixel(operator), variant).scratch

    def steps(self, operator: Conv2D, variant: Variant) -> Steps:
        tiling = Tiling(as_pixel(operator).normalised(), variant)
        if tiling.takes_bytes:
            # All channels read the pixel: no output may take its place. Steps before and after say so, either way round.
            inputs, outputs = tiling.conv.channels
            return Steps(*np.array([[0] * 3, [inputs] * 3, [0, 0, outputs], [0, outputs, outputs]], np.int64))
        channels = np.array([[0, operator.channels[1]]])
        return tiling.conv.window.steps(tiling.pixels, *operator.channels, channels, across=True, wide=tiling.is_wide)

    def emit(self, operator: Conv2D, variant: Variant, on: Operands, *, backward: bool) -> None:
        TileEmitter(Tiling(as_pixel(operator).normalised(), variant), on, backward).emit()
        if as_pixel(operator) is not operator:
            build.free(on.input, build.constant(on.input.type.length), backward=False)

    def emit_row(self, operator: Conv2D, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        if operator.rows().accumulates:
            PlainConv2D().emit_row(operator, variant, on, row, backward=backward)
            return
        TileEmitter(Tiling(operator, variant), on, backward, by_rows=True).emit_row(row)


def as_pixel(operator: Conv2D) -> Conv2D:
    """A dense layer over a map as one over a pixel, if its bytes can be multiplied as they are."""
    flat = operator.flattened
    return flat if flat is not operator and Tiling(flat).takes_bytes else operator
