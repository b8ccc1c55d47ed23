"""uint8 inputs and outputs around an int8 core.

`sign` makes every uint8 tensor of `@main` an int8 one whose values are less by 128, whatever wrote it:

Before: ui8 argument -> `tosa.rescale {input_unsigned}`, zero point 130 -> int8 core
        -> `tosa.rescale {output_unsigned}` -> ui8 result
After:  int8 argument -> `tosa.rescale`, zero point 2 -> int8 core -> `tosa.rescale` -> int8 result
        A rescale that only moves by 128 is nothing now, and gone.

`unsign` gives arguments and results back their bytes as uint8, where somebody wants them:

Before: int8 argument -> int8 core -> `tosa.rescale` -> int8
After:  argument -> `tosa.bitwise_xor` with -128 -> int8 core -> `tosa.rescale {output_unsigned}` -> result

In two's complement to flip the highest bit is to subtract 128. Arguments and results stay of type i8, as TOSA has it for
`input_unsigned`; that their bytes are uint8 is said by their `Port`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from mlir import ir

from vmcu.errors import Unsupported
from vmcu.ir import walk
from vmcu.ir.functions import set_function_type

_FLIP = -128  # the highest bit
# They move bytes and compute nothing.
_MOVES = ("tosa.reshape", "tosa.transpose", "tosa.slice", "tosa.concat", "tosa.reverse", "tosa.identity")
_MULTIPLIER, _SHIFT, _ZERO_IN, _ZERO_OUT = 1, 2, 3, 4  # operands of a `tosa.rescale`


def sign(module: ir.Module) -> tuple[list[bool], list[bool]]:
    """Make the uint8 tensors of `@main` int8 ones.

    Returns:
        Which arguments and which results were uint8.

    Raises:
        Unsupported: an operation computes on uint8.
    """
    main = walk.main_function(module)
    block, end = main.regions[0].blocks[0], walk.terminator(main)
    sides = [list(map(_is_unsigned, values)) for values in (block.arguments, end.operands)]
    _refuse_arithmetic(block)
    rescales = [op.operation for op in block.operations if op.operation.name == "tosa.rescale"]
    for op in rescales:
        _sign_rescale(op)
    for value in _values(block):
        if _is_ui8(value.type):
            kind = ir.RankedTensorType.get(value.type.shape, _byte(value.type))
            made = walk.owner(value)
            if made is not None and made.name == "tosa.const":
                made.attributes["values"] = _less_by_128(made.attributes["values"], kind)
            value.set_type(kind)
    _erase_nothings(rescales, block, end)
    set_function_type(main)
    return sides[0], sides[1]


def unsign(main: ir.OpView, inputs: Sequence[bool], outputs: Sequence[bool]) -> None:
    """Let the bytes of these arguments and results of `main` be uint8; all of them are int8 tensors."""
    block, end = main.regions[0].blocks[0], walk.terminator(main)
    for argument, chosen in zip(block.arguments, inputs):
        if chosen and list(argument.uses):
            _unsign_input(argument, block)
    for index, chosen in enumerate(outputs):
        if chosen:
            _unsign_output(end, index)


def _less_by_128(values: ir.Attribute, kind: ir.RankedTensorType) -> ir.Attribute:
    """The int8 numbers that uint8 ones are from here on."""
    numbers = (np.array(values).astype(np.int16) - 128).astype(np.int8)
    return ir.DenseElementsAttr.get(numbers, type=kind)


def _is_ui8(of: ir.Type) -> bool:
    return walk.element_type(of) == ir.IntegerType.get_unsigned(8, of.context)


def _is_unsigned(value: ir.Value) -> bool:
    """Whether the bytes of `value` are uint8: by its type, or as a rescale reads or writes them."""
    made = walk.owner(value)
    written = made is not None and made.name == "tosa.rescale" and _flag(made, "output_unsigned")
    return (
        _is_ui8(value.type)
        or written
        or any(_reads_unsigned(user) and user.operands[0] == value for user in walk.users(value))
    )


def _reads_unsigned(op: ir.Operation) -> bool:
    return op.name == "tosa.rescale" and _flag(op, "input_unsigned") and not _is_wide(op.operands[0])


def _is_wide(value: ir.Value) -> bool:
    of = walk.element_type(value.type)
    return isinstance(of, ir.IntegerType) and of.width != 8


def _flag(op: ir.Operation, name: str) -> bool:
    return ir.BoolAttr(op.attributes[name]).value


def _byte(of: ir.Type) -> ir.Type:
    return ir.IntegerType.get_signless(8, of.context)


def _values(block: ir.Block) -> Iterable[ir.Value]:
    return [*block.arguments, *(result for op in block.operations for result in op.results)]


def _refuse_arithmetic(block: ir.Block) -> None:
    for op in block.operations:
        name = op.operation.name
        if name in (*_MOVES, "tosa.const", "func.return"):
            continue
        is_rescale = name == "tosa.rescale"
        reads = any(map(_is_unsigned, list(op.operands)[:1] if is_rescale else op.operands))
        writes = any(map(_is_unsigned, op.results))
        reads_well = not reads or _reads_unsigned(op.operation)
        if not reads_well or (writes and not (is_rescale and _flag(op.operation, "output_unsigned"))):
            raise Unsupported(
                f"{name} at layer {walk.layer(op)} computes on uint8; supported are int8 networks, with uint8 at "
                "their inputs and outputs only"
            )


def _sign_rescale(op: ir.Operation) -> None:
    for flag, operand, value in (
        ("input_unsigned", _ZERO_IN, op.operands[0]),
        ("output_unsigned", _ZERO_OUT, op.results[0]),
    ):
        if _flag(op, flag) and not _is_wide(value):
            _set_zero_point(op, operand, (_constant(op.operands[operand]) & 0xFF) - 128)
            op.attributes[flag] = ir.BoolAttr.get(False, op.context)


def _set_zero_point(op: ir.Operation, operand: int, value: int) -> None:
    with op.location, ir.InsertionPoint(op):
        op.operands[operand] = _make_constant(value, 1)


def _make_constant(value: int, rank: int) -> ir.Value:
    """An int8 constant of one element; `value` may be given as int8 or as uint8."""
    element = ir.IntegerType.get_signless(8)
    kind = ir.RankedTensorType.get([1] * rank, element)
    number = (value + 128) % 256 - 128
    values = ir.DenseElementsAttr.get_splat(kind, ir.IntegerAttr.get(element, number))
    return ir.Operation.create("tosa.const", [kind], attributes={"values": values}).results[0]


def _constant(value: ir.Value) -> int:
    made = walk.owner(value)
    numbers = np.unique(np.array(made.attributes["values"])) if made is not None and made.name == "tosa.const" else []
    if len(numbers) != 1:
        raise Unsupported(f"a zero point at {value.location} is no constant")
    return int(numbers[0])


def _is_nothing(op: ir.Operation) -> bool:
    """Whether a rescale gives its int8 operand back."""
    if any(_flag(op, name) for name in ("input_unsigned", "output_unsigned", "per_channel")):
        return False
    if op.operands[0].type != op.results[0].type or not walk.is_int8(op.operands[0].type):
        return False
    multiplier, shift, zero_in, zero_out = (_constant(op.operands[each]) for each in range(_MULTIPLIER, _ZERO_OUT + 1))
    return multiplier == 1 << shift and zero_in == zero_out


def _erase_nothings(rescales: Sequence[ir.Operation], block: ir.Block, end: ir.OpView) -> None:
    """Drop rescales by nothing at the boundaries, the outermost first; one in between is a layer of the file."""
    left = list(filter(_is_nothing, rescales))
    for op in list(left):
        if op.operands[0] in list(block.arguments):
            left.remove(op)
            _erase_nothing(op)
    for op in reversed(left):
        if op.results[0] in list(end.operands):
            _erase_nothing(op)


def _erase_nothing(op: ir.Operation) -> None:
    op.results[0].replace_all_uses_with(op.operands[0])
    walk.erase([op])


def _unsign_input(argument: ir.Value, block: ir.Block) -> None:
    """Flip behind the reshapes that alone read the argument: they move bytes of any kind."""
    value = argument
    while len(found := walk.users(value)) == 1 and found[0].name == "tosa.reshape":
        value = found[0].results[0]
    made = walk.owner(value)
    with argument.location, ir.InsertionPoint.at_block_begin(block) if made is None else ir.InsertionPoint.after(made):
        flipped = _flip(value)
    value.replace_all_uses_except(flipped, flipped.owner.operation)


def _unsign_output(end: ir.OpView, index: int) -> None:
    value = end.operands[index]
    behind = value
    while (made := walk.owner(behind)) is not None and made.name == "tosa.reshape" and len(walk.users(behind)) == 1:
        behind = made.operands[0]
    alone = len(walk.users(behind)) == 1
    if made is not None and made.name == "tosa.rescale" and alone and not _flag(made, "output_unsigned"):
        _set_zero_point(made, _ZERO_OUT, _constant(made.operands[_ZERO_OUT]) + 128)
        made.attributes["output_unsigned"] = ir.BoolAttr.get(True, made.context)
        return
    with end.location, ir.InsertionPoint(end):
        end.operation.operands[index] = _flip(value)


def _flip(value: ir.Value) -> ir.Value:
    mask = _make_constant(_FLIP, value.type.rank)
    return ir.Operation.create("tosa.bitwise_xor", [value.type], [value, mask]).results[0]
