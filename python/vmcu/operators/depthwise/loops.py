"""Depthwise convolution and average pooling as plain loops. Weights are `[channel group][window row][tap][channel]`."""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith, memref, scf
from mlir.dialects import vector as vector_d

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.channelwise import CHANNELS, ChannelwiseEmitter
from vmcu.operators.depthwise.operator import Depthwise
from vmcu.operators.geometry import Region, Steps
from vmcu.operators.requant import RequantEmitter


class PlainDepthwise(Family[Depthwise]):
    """`vmcu.channel_dot`, word by word."""

    computes = Depthwise

    def steps(self, operator: Depthwise, variant: Variant) -> Steps:
        return operator.plain_steps()

    def emit(self, operator: Depthwise, variant: Variant, on: Operands, *, backward: bool) -> None:
        DepthwiseEmitter(operator, on, backward).emit()

    def emit_row(self, operator: Depthwise, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        emitter = DepthwiseEmitter(operator, on, backward, by_rows=True)
        if operator.rows().accumulates:
            emitter.emit_sums(row, on.workspace[0])
        else:
            emitter.emit_row(row)


class DepthwiseEmitter(ChannelwiseEmitter):
    def __init__(self, kernel: Depthwise, on: Operands, backward: bool, by_rows: bool = False):
        super().__init__(kernel, on, backward, by_rows)
        self.shared = kernel.weights.shape[2] == 1
        rows, columns, _ = kernel.weights.shape
        spare = -kernel.channels % CHANNELS
        weights = (
            np.repeat(kernel.weights, CHANNELS, 2)
            if self.shared
            else np.pad(kernel.weights, ((0, 0), (0, 0), (0, spare)))
        )
        groups = weights.reshape(rows, columns, -1, CHANNELS).transpose(2, 0, 1, 3)
        # Taps that one piece of straight-line code takes lie side by side, those of a window of one column as well.
        groups = groups.swapaxes(1, 2) if self.is_column else groups
        self.weights = build.flash(groups.astype(np.int8))
        self.bias = build.flash(np.pad(kernel.bias, (0, spare)).astype(np.int32))
        self.requant = RequantEmitter(kernel.requant, kernel.channels + spare)

    def _emit_value(self, row: Index, column: Index, region: Region, channel: Index, valid: int) -> ir.Value:
        acc = build.flash_load(self.bias, [channel], CHANNELS)
        acc = self._fold_taps(row, column, region, channel, valid, acc)
        value = self.requant.emit(acc, channel, build.i8())
        return build.as_row(value)

    def emit_sums(self, row: Index, workspace: ir.Value) -> None:
        """Add input row `row` to the sums in the workspace; with the last row, requantise and store them."""
        image, first, last = self.window.image, 0, self.window.image[0] - 1
        if self.backward:
            first, last = last, first
        count = -(-self.kernel.channels // CHANNELS) * CHANNELS
        sums = d.buffer(ir.MemRefType.get([count], build.i32()), workspace, 0)
        starts, ends = (arith.cmpi(arith.CmpIPredicate.eq, row.value, build.constant(each)) for each in (first, last))
        region = Region(0, 1, 1, False)
        for channel, tile in self._channel_tiles():
            lanes = [(channel + lane).value for lane in range(CHANNELS)]
            loaded = vector_d.from_elements(
                build.vector(build.i32(), CHANNELS), [memref.load(sums, [at]) for at in lanes]
            )
            acc = arith.select(starts, build.flash_load(self.bias, [channel], CHANNELS), loaded)
            acc = self._fold_row(row, row, None, Index(0), region, channel, tile, acc)
            for lane, at in enumerate(lanes):
                memref.store(vector_d.extract(acc, [], [lane], results=[build.i32()]), sums, [at])
            branch = scf.IfOp(ends)
            with ir.InsertionPoint(branch.then_block):
                self._store(
                    build.as_row(self.requant.emit(acc, channel, build.i8())), Index(0), Index(0), channel, tile
                )
                scf.yield_([])
        size = workspace.type.length
        build.free(workspace, arith.select(ends, build.constant(size), build.constant(0)), backward=False)
        index = row * image[1] if self.backward else (row + 1) * image[1]
        build.free(self.source, index.value, backward=self.backward)

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        taps = ir.VectorType(words.type).shape[0]
        group = Index(0) if self.shared else channel.floordiv(CHANNELS)
        tap = (kx, ky) if self.is_column else (ky, kx)
        weights = build.flash_load(self.weights, [group, *tap, 0], taps, CHANNELS)
        return d.channel_dot(words, weights, acc)
