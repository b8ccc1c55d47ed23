"""About what share of a run kernels on buffers take, as far as one can tell without a run.

Their loops have constant bounds, so that the ops that they execute can be counted; an op costs what the core's table of
cycles says. Kernels of segments go at the pace that such kernels were measured to go at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from mlir import ir
from mlir.dialects import scf

from vmcu.cores import CycleTable, Features, Target
from vmcu.dialects import vmcu as d
from vmcu.driver.summaries import Layer
from vmcu.ir import walk

BUFFER = "buffer"
Pace = tuple[float, float]  # cycles for each multiply-accumulate, and for each element of the output
#: Of kinds of kernels, as `vmcu bench --layers` has them for networks of keyword spotting, visual wake words, denoising,
#: gestures and segmentation.
_DSP: dict[str, Pace] = {"conv2d": (1.05, 10), "depthwise": (1.5, 9), "pool": (5, 5), "elementwise": (0, 10)}
_PLAIN: dict[str, Pace] = {"conv2d": (5, 20), "depthwise": (7, 10), "pool": (7, 5), "elementwise": (0, 20)}
#: On a core that has no 64-bit product either.
_SHORT: dict[str, Pace] = {"conv2d": (9, 40), "depthwise": (18, 20), "pool": (12, 10), "elementwise": (0, 60)}
_NEAREST = "conv2d"  # for other kinds
_ADDRESS = 1  # instructions that find an element of a tensor
_FREE = (
    *("arith.constant", "arith.index_cast", "arith.extsi", "arith.extui", "arith.trunci"),
    *("memref.alloca", "vmcu.buffer", "vmcu.yield", "scf.yield", "vector.shape_cast"),
)


def buffer_share(segments: ir.Module | ir.OpView, layers: Sequence[Layer], target: Target) -> float:
    """Cycles of kernels on buffers over those of all kernels, from 0 to 1.

    Args:
        segments: the module whose kernels are loops.
        layers: its kernels.
        target: the core.
    """
    on_buffers = {each.name for each in layers if each.kind == BUFFER}
    if not on_buffers:
        return 0.0
    pace = _pace(target.features)
    others = sum(_segment_cycles(each, pace) for each in layers if each.kind != BUFFER)
    loops = (op for op in walk.walk(segments) if isinstance(op, d.TiledKernelOp) and op.name.value in on_buffers)
    cycles = sum(_Loops(target.cycles).count(op.body.blocks[0], 1.0) for op in loops)
    return cycles / (cycles + others) if cycles else 0.0


def _pace(core: Features) -> Mapping[str, Pace]:
    return _DSP if core.dsp else _PLAIN if core.long_multiply else _SHORT


def _segment_cycles(layer: Layer, pace: Mapping[str, Pace]) -> float:
    for_mac, for_element = pace.get(layer.kind, pace[_NEAREST])
    return for_mac * layer.macs + for_element * sum(map(prod, layer.outputs))


class _Loops:
    """Counts the cycles of plain loops. An op is executed where its operands change: LLVM moves it out of other loops."""

    def __init__(self, table: CycleTable):
        self.table = table
        self._changes: dict[ir.Value, float] = {}  # how often a value is made

    def count(self, block: ir.Block, times: float) -> float:
        """Cycles of a block that is executed so many times."""
        return sum(self._cycles(op, times) for op in block.operations)

    def _cycles(self, op: ir.OpView, times: float) -> float:
        if isinstance(op, scf.ForOp):
            trips = times * _trips(op)
            self._changes |= dict.fromkeys(op.body.arguments, trips)
            return trips * (self.table.data + self.table.taken) + self.count(op.body, trips)
        if isinstance(op, scf.IfOp):
            blocks = [block for region in op.operation.regions for block in region.blocks]
            return times * self.table.taken + sum(self.count(each, times / 2) for each in blocks)
        if not op.operation.name.endswith(("load", "store")):
            times = min(times, max((self._changes.get(each, 0) for each in op.operands), default=0))
        self._changes |= dict.fromkeys(op.results, times)
        return times * _cost(op, self.table)


def _cost(op: ir.OpView, table: CycleTable) -> float:
    name = op.operation.name
    if name in _FREE:
        return 0
    if name.endswith("load"):
        return table.load + _ADDRESS * table.data
    if name.endswith("store"):
        return table.store + _ADDRESS * table.data
    if name == "arith.muli":
        return table.long_multiply if _is_wide(op) else table.multiply
    if name.startswith(("arith.div", "arith.rem")):
        return table.divide
    return table.data * (2 if _is_wide(op) else 1)


def _is_wide(op: ir.OpView) -> bool:
    return any(isinstance(each.type, ir.IntegerType) and each.type.width > 32 for each in op.results)


def _trips(loop: scf.ForOp) -> float:
    """How often a loop's body is executed; once where that is not constant."""
    start, stop, step = (_constant(each) for each in list(loop.operands)[:3])
    if start is None or stop is None or step is None:
        return 1
    return max(-((start - stop) // step), 0)


def _constant(value: ir.Value) -> int | None:
    op = None if isinstance(value.owner, ir.Block) else value.owner
    return ir.IntegerAttr(op.attributes["value"]).value if op is not None and op.name == "arith.constant" else None
