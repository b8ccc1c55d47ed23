"""Transposed convolutions as loops: each row by the convolutions of its strand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlir import ir
from mlir.dialects import arith, scf

from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.operators.base import Operands, Variant
from vmcu.operators.conv2d.loops import ConvEmitter
from vmcu.operators.rows import RowEmitter
from vmcu.operators.transpose_conv.operator import TransposeConv
from vmcu.operators.whole_rows import WholeRows


class PlainTransposeConv(WholeRows[TransposeConv]):
    """The plain loops of convolutions."""

    computes = TransposeConv

    def start(
        self, operator: TransposeConv, variant: Variant, on: Operands, *, backward: bool
    ) -> Callable[[Index], object]:
        emitters = [ConvEmitter(each.conv, on, backward, by_rows=True, place=each.place) for each in operator.strands]
        return lambda row: emit_strands(operator, emitters, row)


def emit_strands(operator: TransposeConv, emitters: Sequence[RowEmitter], row: Index) -> None:
    """Make output row `row` by the strands whose turn it is; `emitters` are those of all strands."""
    turns = operator.up[0]
    count = len(emitters) // turns
    own_row = row.floordiv(turns)

    def emit(turn: int) -> None:
        for emitter in emitters[turn * count : (turn + 1) * count]:
            emitter.make_row(own_row)

    _emit_chosen(0, turns, row - own_row * turns, emit)


def _emit_chosen(turn: int, turns: int, found: Index, emit: Callable[[int], None]) -> None:
    """`emit` for the one of the turns from `turn` on that is `found` at run time."""
    if turn == turns - 1 or not found.terms:
        emit(turn if found.terms else found.constant)
        return
    is_it = arith.cmpi(arith.CmpIPredicate.eq, found.value, build.constant(turn))
    branch = scf.IfOp(is_it, has_else=True)
    with ir.InsertionPoint(branch.then_block):
        emit(turn)
        scf.yield_([])
    with ir.InsertionPoint(branch.else_block):
        _emit_chosen(turn + 1, turns, found, emit)
        scf.yield_([])
