"""Small readings of the IR that many modules need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from mlir import ir

from vmcu.errors import InputError

_LOOPS = ("parallel", "reduction")
_LAYERS = (
    "linalg.conv_",
    "linalg.depthwise_conv_",
    "linalg.pooling_",
    "linalg.matmul",
    "linalg.quantized_",
    "linalg.batch_",
)
_FLOATS = (ir.F16Type, ir.BF16Type, ir.F32Type, ir.F64Type)


def functions(module: ir.Module) -> list[ir.OpView]:
    """The functions of the module that have a body, in order."""
    return [op for op in module.body.operations if op.operation.name == "func.func" and len(op.regions[0].blocks)]


def main_function(module: ir.Module) -> ir.OpView:
    """The function `@main`.

    Raises:
        InputError: the module has none.
    """
    for function in functions(module):
        if function.name.value == "main":
            return function
    names = ", ".join(f"@{function.name.value}" for function in functions(module)) or "no function"
    raise InputError(f"a model has a function @main, this module has {names}")


def walk(op: ir.Operation | ir.OpView) -> Iterator[ir.OpView]:
    """Every operation nested in `op`, outermost first, `op` itself left out."""
    for region in op.operation.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield inner
                yield from walk(inner)


def find_first(
    op: ir.Module | ir.Operation | ir.OpView, is_wanted: Callable[[ir.Operation], bool]
) -> ir.Operation | None:
    """The first operation nested in `op` that is wanted; none if there is none."""
    found: list[ir.Operation] = []

    def look(each: ir.Operation) -> ir.WalkResult:
        if each == op.operation or not is_wanted(each):
            return ir.WalkResult.ADVANCE
        found.append(each)
        return ir.WalkResult.INTERRUPT

    op.operation.walk(look, ir.WalkOrder.PRE_ORDER)
    return found[0] if found else None


def last(block: ir.Block) -> ir.OpView:
    """The last op of a block."""
    return block.operations[len(block.operations) - 1]


def terminator(function: ir.OpView) -> ir.OpView:
    """The `func.return` of a function of one block."""
    block = function.regions[0].blocks[0]
    return block.operations[len(block.operations) - 1]


def owner(value: ir.Value) -> ir.Operation | None:
    """The operation that makes `value`; none for a block argument."""
    return None if isinstance(value, ir.BlockArgument) else value.owner.operation


def users(value: ir.Value) -> list[ir.Operation]:
    """The operations that read `value`, each once for every operand."""
    return [use.owner.operation for use in value.uses]


def element_type(of: ir.Type) -> ir.Type:
    """The element type of a shaped type; any other type unchanged."""
    return of.element_type if isinstance(of, ir.ShapedType) else of


def is_float(of: ir.Type) -> bool:
    """Whether `of` is a float, or a tensor of floats."""
    return isinstance(element_type(of), _FLOATS)


def is_int8(of: ir.Type) -> bool:
    """Whether `of` is a tensor of signless 8-bit integers."""
    return isinstance(of, ir.ShapedType) and element_type(of) == ir.IntegerType.get_signless(8, of.context)


def is_int16(of: ir.Type) -> bool:
    """Whether `of` is a tensor of signless 16-bit integers."""
    return isinstance(of, ir.ShapedType) and int_width(element_type(of)) == 16


def is_quantised(of: ir.Type) -> bool:
    """Whether `of` is a tensor of integers that stand for real numbers: int8 or int16."""
    return is_int8(of) or is_int16(of)


def int_width(of: ir.Type) -> int | None:
    """Bits of a signless integer; none for any other type."""
    return of.width if isinstance(of, ir.IntegerType) and of.is_signless else None


def element_bytes(of: ir.Type) -> int:
    """Bytes that an integer, a float or an index takes in memory."""
    if isinstance(of, ir.IndexType):
        return 4  # Addresses of the target have 32 bits.
    return -(-(of.width if isinstance(of, (ir.IntegerType, *_FLOATS)) else 0) // 8)


def has_int16_layers(function: ir.OpView) -> bool:
    """Whether tensors of int16 are between layers of a function on linalg: it takes or returns some, or a layer reads some.

    Other functions have them inside of a layer only, such as the places in a table of a softmax.
    """
    block = function.regions[0].blocks[0]
    ends = [*block.arguments, *terminator(function).operands]
    layers = [op for op in block.operations if op.operation.name.startswith(_LAYERS)]
    return any(is_int16(each.type) for each in ends) or any(is_int16(op.operands[0].type) for op in layers)


def iterator_types(op: ir.OpView) -> list[str]:
    """The words of a linalg op's loops, outermost first: `parallel` or `reduction`."""
    words = {ir.Attribute.parse(f"#linalg.iterator_type<{word}>", op.context): word for word in _LOOPS}
    return [words[each] for each in op.attributes["iterator_types"]]


def rounds_twice(op: ir.OpView) -> bool:
    """Whether a `tosa.apply_scale` or `tosa.rescale` rounds twice, as TFLite's convolutions do."""
    return op.attributes["rounding_mode"] == ir.Attribute.parse("#tosa.rounding_mode<DOUBLE_ROUND>", op.context)


def scalar(value: ir.Value) -> float | None:
    """The number that fills the `tosa.const` behind `value`; none when it is another op or holds several numbers."""
    made = owner(value)
    if made is None or made.name != "tosa.const":
        return None
    numbers = np.unique(np.asarray(made.attributes["values"]))
    return float(numbers[0]) if numbers.size == 1 else None


def layer(op: ir.Operation | ir.OpView) -> str:
    """The layer that `op` came from, quoted, as its location tells; the location itself when it has no name."""
    location = op.location
    while location.is_a_fused() and location.locations:
        location = location.locations[0]
    return f"'{location.name_str}'" if location.is_a_name() else str(location)


def erase(chain: Sequence[ir.Operation]) -> None:
    """Erase operations, each read only by later ones, and the constants that nobody else reads."""
    constants: list[ir.Operation] = []
    for made in [owner(operand) for op in chain for operand in op.operands]:
        if made and made.name == "tosa.const" and made not in constants:
            constants.append(made)
    for op in reversed(chain):
        op.erase()
    for constant in constants:
        if not users(constant.results[0]):
            constant.erase()
