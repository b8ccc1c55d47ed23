"""Write TOSA operations at the current insertion point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mlir import ir

from vmcu.ir.build import i32

UNIT = 1 << 30, 30  # multiplier and shift of a rescale by 1


def op(name: str, result: ir.Type, operands: Sequence[ir.Value], **attributes: ir.Attribute) -> ir.Value:
    """An operation of one result."""
    return ir.Operation.create(f"tosa.{name}", [result], list(operands), attributes).results[0]


def constant(values: np.ndarray) -> ir.Value:
    """A constant of the array's type and shape."""
    numbers = ir.DenseElementsAttr.get(np.ascontiguousarray(values))
    return op("const", numbers.type, (), values=numbers)


def sizes(values: Sequence[int]) -> ir.Value:
    """A shape, or another list of numbers that operations take as one."""
    kind = ir.Type.parse(f"!tosa.shape<{len(values)}>")
    numbers = ir.DenseIntElementsAttr.get(np.array(values), type=ir.IndexType.get())
    return op("const_shape", kind, (), values=numbers)


def typed(shape: Sequence[int], element: ir.Type) -> ir.RankedTensorType:
    return ir.RankedTensorType.get(list(shape), element)


def rescale(
    value: ir.Value,
    element: ir.Type,
    scale: tuple[int | Sequence[int], int | Sequence[int]],
    *,
    source: int = 0,
    result: int = 0,
    twice: bool = False,
) -> ir.Value:
    """`value` less the zero point `source`, times `multiplier / 2^shift`, plus the zero point `result`, saturated.

    Multipliers and shifts may be lists, with one of each for a channel.
    """
    word = {8: np.int8, 16: np.int16, 32: np.int32}
    zero_points = [constant(np.array([zero], word[kind.width]))
                   for zero, kind in ((source, value.type.element_type), (result, element))]  # fmt: skip
    multipliers, shifts = (np.atleast_1d(np.array(each, kind)) for each, kind in zip(scale, (np.int32, np.int8)))
    operands = (value, constant(multipliers), constant(shifts), *zero_points)
    rounding = ir.Attribute.parse(f"#tosa.rounding_mode<{'DOUBLE' if twice else 'SINGLE'}_ROUND>")
    flags = {"input_unsigned": False, "output_unsigned": False, "per_channel": len(shifts) > 1, "scale32": True}
    attributes: dict[str, Any] = {key: ir.BoolAttr.get(flag) for key, flag in flags.items()}
    return op("rescale", typed(value.type.shape, element), operands, rounding_mode=rounding, **attributes)


def sums(values: np.ndarray) -> ir.Value:
    """A constant of the 48 bits that TOSA gives sums of int16."""
    kind = typed(values.shape, ir.IntegerType.get_signless(48))
    return op("const", kind, (), values=ir.Attribute.parse(f"dense<{values.tolist()}> : {kind}"))


def rescale_sums(value: ir.Value, scales: Sequence[tuple[int, int]]) -> ir.Value:
    """Sums of 48 bits as int16, by multipliers of 31 bits and shifts, of which LiteRT keeps 15 bits of the multiplier."""
    short = [min((multiplier + 2**15) >> 16, 2**15 - 1) for multiplier, _ in scales]
    multipliers, shifts = np.array(short, np.int16), np.array([shift - 16 for _, shift in scales], np.int8)
    zero_points = sums(np.zeros(1, np.int64)), constant(np.zeros(1, np.int16))
    operands = (value, constant(multipliers), constant(shifts), *zero_points)
    flags = {"input_unsigned": False, "output_unsigned": False, "per_channel": len(shifts) > 1, "scale32": False}
    attributes: dict[str, Any] = {key: ir.BoolAttr.get(flag) for key, flag in flags.items()}
    rounding = ir.Attribute.parse("#tosa.rounding_mode<SINGLE_ROUND>")
    kind = typed(value.type.shape, ir.IntegerType.get_signless(16))
    return op("rescale", kind, operands, rounding_mode=rounding, **attributes)


def table(value: ir.Value, results: np.ndarray) -> ir.Value:
    """`results[value + 128]` for each int8 value."""
    return op("table", value.type, (value, constant(results.astype(np.int8))))


def reshape(value: ir.Value, shape: Sequence[int]) -> ir.Value:
    if list(value.type.shape) == list(shape):
        return value
    return op("reshape", typed(shape, value.type.element_type), (value, sizes(shape)))


def slice(value: ir.Value, start: Sequence[int], size: Sequence[int]) -> ir.Value:
    if list(value.type.shape) == list(size):
        return value
    return op("slice", typed(size, value.type.element_type), (value, sizes(start), sizes(size)))


def concat(parts: Sequence[ir.Value], axis: int) -> ir.Value:
    if len(parts) == 1:
        return parts[0]
    shape = list(parts[0].type.shape)
    shape[axis] = sum(each.type.shape[axis] for each in parts)
    kind = typed(shape, parts[0].type.element_type)
    return op("concat", kind, parts, axis=ir.IntegerAttr.get(i32(), axis))


def clamp(value: ir.Value, low: int, high: int) -> ir.Value:
    element = value.type.element_type
    bounds = {"min_val": low, "max_val": high}
    return op("clamp", value.type, (value,), **{key: ir.IntegerAttr.get(element, end) for key, end in bounds.items()})


def whole(values: Sequence[int]) -> ir.Attribute:
    """A list of whole numbers, as strides and kernels are."""
    return ir.DenseI64ArrayAttr.get(list(values))


def reverse(value: ir.Value, axis: int) -> ir.Value:
    return op("reverse", value.type, (value,), axis=ir.IntegerAttr.get(i32(), axis))


def pad_end(value: ir.Value, axis: int, count: int) -> ir.Value:
    """`count` zeros behind the end of an axis."""
    shape = list(value.type.shape)
    amounts = [0] * (2 * len(shape))
    amounts[2 * axis + 1], shape[axis] = count, shape[axis] + count
    element = value.type.element_type
    number = constant(np.zeros(1, np.int8 if element.width == 8 else np.int16))
    return op("pad", typed(shape, element), (value, sizes(amounts), number))
