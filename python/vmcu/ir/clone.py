"""Copying ops between blocks with their operands renamed."""

from __future__ import annotations

from collections.abc import Iterable

from mlir import ir

Mapping = dict[ir.Value, ir.Value]


def clone_into(ops: Iterable[ir.Operation | ir.OpView], mapping: Mapping) -> None:
    """Clone `ops` in order at the current insertion point.

    `mapping` renames values from outside, also inside nested regions, and learns the results of the clones.
    """
    for op in ops:
        clone = op.operation.clone(ip=ir.InsertionPoint.current)
        rename_operands(clone.operation, mapping)
        mapping.update(zip(op.operation.results, clone.operation.results))


def rename_operands(op: ir.Operation, mapping: Mapping) -> None:
    """Rename the operands of `op` and of everything nested in it."""

    def rename(each: ir.Operation) -> ir.WalkResult:
        for position, operand in enumerate(each.operands):
            if operand in mapping:
                each.operands[position] = mapping[operand]
        return ir.WalkResult.ADVANCE

    op.walk(rename)


def used_values(op: ir.Operation) -> list[ir.Value]:
    """All operands of `op` and of everything nested in it, in order."""
    values: list[ir.Value] = []

    def collect(each: ir.Operation) -> ir.WalkResult:
        values.extend(each.operands)
        return ir.WalkResult.ADVANCE

    op.walk(collect)
    return values
