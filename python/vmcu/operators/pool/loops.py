"""Maximum pooling as plain loops."""

from __future__ import annotations

from mlir import ir
from mlir.dialects import arith, scf

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Family, Operands, Variant
from vmcu.operators.channelwise import CHANNELS, ChannelwiseEmitter
from vmcu.operators.geometry import Region, Steps
from vmcu.operators.pool.operator import MaxPool


class PlainMaxPool(Family[MaxPool]):
    """Comparisons, byte by byte."""

    computes = MaxPool

    def steps(self, operator: MaxPool, variant: Variant) -> Steps:
        return operator.plain_steps()

    def emit(self, operator: MaxPool, variant: Variant, on: Operands, *, backward: bool) -> None:
        MaxPoolEmitter(operator, on, backward).emit()

    def emit_row(self, operator: MaxPool, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        MaxPoolEmitter(operator, on, backward, by_rows=True).take_turn(row, on)


class MaxPoolEmitter(ChannelwiseEmitter):
    kernel: MaxPool
    width = CHANNELS  # bytes that are compared at a time where rows are as long as their output

    def take_turn(self, row: Index, on: Operands) -> None:
        """Make output row `row`, or take input row `row` if the pool accumulates."""
        if self.kernel.rows().accumulates:
            self._take_row(row, on.workspace[0])
        else:
            self.emit_row(row)

    def _emit_value(self, row: Index, column: Index, region: Region, channel: Index, valid: int) -> ir.Value:
        return self._finish(self._fold_taps(row, column, region, channel, valid, self._start()))

    def _start(self, words: int = 1) -> ir.Value:
        return build.splat(build.i32(), self.kernel.low, CHANNELS * words)

    def _finish(self, acc: ir.Value) -> ir.Value:
        acc = arith.minsi(acc, build.splat(build.i32(), self.kernel.high, CHANNELS))
        return build.as_row(arith.trunci(build.vector(build.i8(), CHANNELS), acc))

    def _fold(self, words: ir.Value, ky: Index, kx: Index, channel: Index, acc: ir.Value) -> ir.Value:
        for tap in range(ir.VectorType(words.type).shape[0]):
            acc = arith.maxsi(acc, arith.extsi(build.vector(build.i32(), CHANNELS), build.row_of(words, tap)))
        return acc

    @property
    def _is_flat(self) -> bool:
        """Whether columns and channels of a row are compared in order, word by word."""
        window = self.window
        return window.kernel[1] == window.stride[1] == 1 and self.kernel.channels % CHANNELS == 0 and not window.pad[1]

    def _take_row(self, row: Index, workspace: ir.Value) -> None:
        """Compare input row `row` with the largest so far, in the workspace; with the last row, store them."""
        first, last = 0, self.window.image[0] - 1
        if self.backward:
            first, last = last, first
        starts, ends = (arith.cmpi(arith.CmpIPredicate.eq, row.value, build.constant(each)) for each in (first, last))
        branch = scf.IfOp(starts)
        with ir.InsertionPoint(branch.then_block):
            for byte in build.loop(0, workspace.type.bytes, CHANNELS):
                build.segment_store(self._finish(self._start()), workspace, Index(0), byte)
            scf.yield_([])
        if self._is_flat:
            self._compare_bytes(row, workspace)
        else:
            self._compare_windows(row, workspace)
        branch = scf.IfOp(ends)
        with ir.InsertionPoint(branch.then_block):
            self._store_row(workspace)
            scf.yield_([])
        build.free(workspace, arith.select(ends, build.constant(1), build.constant(0)), backward=False)
        pixels = self.window.image[1]
        index = row * pixels if self.backward else (row + 1) * pixels
        build.free(self.source, index.value, backward=self.backward)

    def _compare_bytes(self, row: Index, workspace: ir.Value) -> None:
        place, size = row * self.window.image[1], self.window.output[1] * self.kernel.channels
        full = size - size % self.width
        for start, stop, width in ((0, full, self.width), (full, size, CHANNELS)):
            for byte in build.loop(start, stop, width) if start != stop else ():
                acc = self._start(width // CHANNELS)
                for source, index in ((workspace, Index(0)), (self.source, place)):
                    acc = self._fold(build.segment_load(source, index, byte, 1, width), row, Index(0), byte, acc)
                build.segment_store(self._finish(acc), workspace, Index(0), byte)

    def _compare_windows(self, row: Index, workspace: ir.Value) -> None:
        pitch = workspace.type.bytes // self.window.output[1]
        for region in self.window.regions(1):
            for column in build.loop(region.start, region.stop, region.step):
                for channel, tile in self._channel_tiles():
                    byte = column * pitch + channel
                    kept = build.segment_load(workspace, Index(0), byte, 1, CHANNELS)
                    acc = self._fold(kept, row, Index(0), channel, self._start())
                    acc = self._fold_row(row, row, None, column, region, channel, tile, acc)
                    build.segment_store(self._finish(acc), workspace, Index(0), byte)

    def _store_row(self, workspace: ir.Value) -> None:
        pitch = workspace.type.bytes // self.window.output[1]
        for column in build.loop(0, self.window.output[1]):
            for channel, tile in self._channel_tiles():
                kept = build.segment_load(workspace, Index(0), column * pitch + channel, 1, CHANNELS)
                self._store(kept, Index(0), column, channel, tile)
