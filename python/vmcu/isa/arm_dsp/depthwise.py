"""The family `row` of depthwise convolutions: row by row, one channel after the other by `vmcu.depthwise`."""

from __future__ import annotations

import numpy as np

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.isa.arm_dsp import packing
from vmcu.operators.anchors import wrap
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.depthwise import Depthwise
from vmcu.operators.geometry import Steps
from vmcu.operators.liveness import free_unread
from vmcu.operators.match import FLIP
from vmcu.operators.requant import flash_constants
from vmcu.operators.rows import RowEmitter
from vmcu.operators.scale import choose_form

TILES = (2, 3, 4)  # output columns at a time that are worth a try


class RowDepthwise(Family[Depthwise]):
    """One `vmcu.depthwise` for each row."""

    name = "row"
    computes = Depthwise

    def offers(self, operator: Depthwise) -> tuple[Variant, ...]:
        window, requant = operator.window, operator.requant
        form = choose_form(requant.multiplier, requant.shift, requant.rounding)
        reach = (window.kernel[1] - 1) * operator.channels
        fits = max(window.kernel) <= packing.MAX_TAPS and reach <= packing.MAX_REACH
        # Plain loops take four channels of each tap at a time; here one pixel of one channel alone would be a tile.
        is_sequence = window.kernel[1] == window.output[1] == 1 and window.kernel[0] > 1
        is_depthwise = operator.kind == d.KernelKind.depthwise and operator.weights.shape[2] > 1
        if (
            not is_depthwise
            or is_sequence
            or window.dilation[1] != 1
            or not fits
            or form.kind not in ("double", "single")
        ):
            return ()
        tiles = (Variant(self.name, (("tile", each),)) for each in TILES if each <= window.output[1])
        return (Variant(self.name), *tiles)

    def steps(self, operator: Depthwise, variant: Variant) -> Steps:
        # All channels read the window's rows: the output takes no byte of them. Steps before and after each row say so.
        window, rows, channels = (
            operator.window,
            np.arange(operator.window.output[0], dtype=np.int64),
            operator.channels,
        )
        lo = window.first_pixel(rows, 0) * channels
        hi = window.end_pixel(rows, window.output[1] - 1) * channels
        first, size = rows * window.output[1] * channels, window.output[1] * channels
        return Steps(
            np.repeat(lo, 3),
            np.repeat(hi, 3),
            np.stack([first, first, first + size], 1).ravel(),
            np.stack([first, first + size, first + size], 1).ravel(),
        )

    def emit(self, operator: Depthwise, variant: Variant, on: Operands, *, backward: bool) -> None:
        WholeRowEmitter(operator, variant, on, backward).emit()

    def emit_row(self, operator: Depthwise, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        WholeRowEmitter(operator, variant, on, backward, by_rows=True).emit_row(row)


class WholeRowEmitter(RowEmitter):
    """A depthwise convolution whose rows are one `vmcu.depthwise` each, freed after the store."""

    def __init__(self, kernel: Depthwise, variant: Variant, on: Operands, backward: bool, by_rows: bool = False):
        super().__init__(kernel.window, on, backward=backward, by_rows=by_rows)
        self.kernel, self.variant = kernel, variant

    def emit(self) -> None:
        # What no step reads is freed before the first one, at either end.
        for end in (False, True):
            free_unread(self.source, self.window, backward=end)
        for row in build.loop(0, self.window.output[0], backward=self.backward):
            self.emit_row(row)

    def make_row(self, row: Index) -> None:
        kernel, window = self.kernel, self.window
        # Bytes of uint8 are multiplied as they are, 128 too large.
        excess = 128 * kernel.weights.sum(axis=(0, 1), dtype=np.int64) if kernel.flips else 0
        inputs = [row * window.stride[0] + ky * window.dilation[0] - window.pad[0] for ky in range(window.kernel[0])]
        guards = [build.is_inside(each, window.image[0]) for each in inputs] if window.guards_rows else []
        d.depthwise(
            self.source,
            [(each * window.image[1]).value for each in inputs],
            guards,
            flash_constants(kernel.weights, wrap(kernel.bias - excess), kernel.requant),
            self.dest,
            (row * window.output[1]).value,
            window.kernel[1],
            window.stride[1],
            window.pad[1],
            window.image[1],
            window.output[1],
            kernel.pad_value ^ (FLIP if kernel.flips else 0),
            *kernel.requant.attributes,
            tile=self.variant.find("tile"),
            is_unsigned=bool(kernel.flips) or None,
        )
