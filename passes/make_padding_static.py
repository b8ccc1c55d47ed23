"""Turn amounts of padding that are constant operands of `tensor.pad` into its attributes.

Before: `tensor.pad %x low[%c0, %c1] high[%c0, %c2]` with `arith.constant` behind the operands
After:  `tensor.pad %x low[0, 1] high[0, 2]`

`tosa-to-tensor` writes the first form, later passes read the second. Amounts that are no constants stay as they are.
"""

from __future__ import annotations

from mlir import ir
from mlir.dialects import tensor

from vmcu.ir import walk
from vmcu.ir.rebuild import keep_attributes
from vmcu.passes._registry import vmcu_pass


@vmcu_pass("vmcu-make-padding-static", summary="Turn constant amounts of padding into attributes")
def make_padding_static(module: ir.Module, options: None) -> None:
    for op in [op for op in walk.walk(module.operation) if op.operation.name == "tensor.pad" and len(op.operands) > 1]:
        operands = list(op.operands)[1:]
        amounts = [amount for value in operands if (amount := _constant_index(value)) is not None]
        if len(amounts) != len(operands) or not op.results[0].type.has_static_shape:
            continue
        low, high = _fill(op.static_low, amounts), _fill(op.static_high, amounts)
        with ir.InsertionPoint(op), op.location:
            static = tensor.PadOp(op.results[0].type, op.operands[0], [], [], low, high, nofold=op.nofold)
        keep_attributes(op, static)
        op.regions[0].blocks[0].append_to(static.regions[0])
        op.results[0].replace_all_uses_with(static.results[0])
        op.operation.erase()


def _fill(sizes: ir.DenseI64ArrayAttr, amounts: list[int]) -> list[int]:
    dynamic = ir.ShapedType.get_dynamic_size()
    return [amounts.pop(0) if size == dynamic else size for size in sizes]


def _constant_index(value: ir.Value) -> int | None:
    made = walk.owner(value)
    return made.attributes["value"].value if made is not None and made.name == "arith.constant" else None
