"""Spell `linalg.reduce` as `linalg.generic`.

Before: `linalg.reduce ins(%x) outs(%y) dimensions = [1]`
After:  `linalg.generic` with the same body, the dimension a reduction

Elementwise fusion brings the widening of a reduction's input into no other spelling.
"""

from __future__ import annotations

from mlir import ir
from mlir.dialects import linalg

from vmcu.ir import walk
from vmcu.ir.rebuild import keep_attributes
from vmcu.passes._registry import vmcu_pass


@vmcu_pass("vmcu-generalise-reductions", summary="Spell linalg.reduce as linalg.generic")
def generalise_reductions(module: ir.Module, options: None) -> None:
    for op in [op for op in walk.walk(module.operation) if op.operation.name == "linalg.reduce"]:
        _generalise(op)


def _generalise(op: ir.OpView) -> None:
    half = len(op.operands) // 2  # the inputs, then as many outputs
    gone, rank = list(op.attributes["dimensions"]), op.operands[0].type.rank
    with ir.InsertionPoint(op), op.location:
        identity = ir.AffineMap.get_identity(rank)
        kept = identity.get_submap([d for d in range(rank) if d not in gone])
        kinds = ["reduction" if d in gone else "parallel" for d in range(rank)]
        generic = linalg.GenericOp(
            [result.type for result in op.results],
            list(op.operands)[:half],
            list(op.operands)[half:],
            ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in [identity] * half + [kept] * half]),
            ir.ArrayAttr.get([ir.Attribute.parse(f"#linalg.iterator_type<{kind}>") for kind in kinds]),
        )
    keep_attributes(op, generic, dropped=("dimensions",))
    op.regions[0].blocks[0].append_to(generic.regions[0])
    for old, new in zip(op.results, generic.results):
        old.replace_all_uses_with(new)
    op.operation.erase()
