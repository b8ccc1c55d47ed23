"""Operators on int16 that are written here, because the converter's TOSA computes something else than LiteRT.

| operator on int16 | what is written |
|---|---|
| ADD, SUB of scales that are powers of two | the finer side shifted, a half away from zero, and a saturated sum |
| FULLY_CONNECTED | the sum times the real scale, of 55 bits, and one rounding, a half away from zero |
| LEAKY_RELU with a slope below 0 or above 1 | both branches, of which the sign chooses one |
| LOGISTIC, TANH | LiteRT's table of 256 logistic values and what lies between two of them |

TOSA multiplies sums of 48 bits by 16 bits, which is what LiteRT does for convolutions; it has no words for more, nor for
tables of another step. These are written in linalg.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from mlir import ir

from vmcu.frontends.tflite import schema, tosa
from vmcu.frontends.tflite.ends import ends, scale_of, unsupported
from vmcu.frontends.tflite.fixed_point import clamp_of, quantise_scale
from vmcu.frontends.tflite.model import Model, Operator
from vmcu.frontends.tflite.paste import paste
from vmcu.frontends.tflite.schema import operator_code as code
from vmcu.ir.build import i32

Write = Callable[[Model, Operator, Sequence[ir.Value]], ir.Value]
_LOW, _HIGH = -(2**15), 2**15 - 1
_LARGEST_SUM = 2**31 - 1  # what is multiplied by a real scale


def is_own_int16(model: Model, operator: Operator) -> bool:
    """Whether the converter gets an operator on int16 wrong, and it is written here."""
    if operator.code not in _NEEDS or len(operator.outputs) != 1:
        return False
    tensors = ends(model, operator)
    is_known = all(each.type == schema.INT16 and each.is_quantised for each in tensors)
    return is_known and _NEEDS[operator.code](model, operator)


def _has_unusual_slope(_: Model, operator: Operator) -> bool:
    return not 0 <= operator.option(0, "<f") <= 1


def _has_constant_weights(model: Model, operator: Operator) -> bool:
    weights = model.tensors[operator.inputs[1]]
    return weights.type == schema.INT8 and weights.is_constant and weights.is_quantised


def _fully_connected(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    source, result = ends(model, operator)
    weights = model.tensors[operator.inputs[1]]
    taps = np.frombuffer(weights.data, np.int8).reshape(weights.shape)
    outputs, depth = taps.shape
    bias = np.zeros(outputs, np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        bias = np.frombuffer(model.tensors[operator.inputs[2]].data, np.int64)
    rows = math.prod(source.shape) // depth
    sums = _sums(tosa.reshape(operands[0], (rows, 1, 1, depth)), taps, bias)
    largest = int((np.abs(taps.astype(np.int64)).sum(axis=1) << 15).max() + np.abs(bias).max())
    ratios = np.float64(scale_of(source)) * weights.scales.astype(np.float64) / np.float64(scale_of(result))
    ratios = np.broadcast_to(ratios, outputs)
    low, high = clamp_of(operator.option(0, "<b"), scale_of(result), 0, 16) or (_LOW, _HIGH)
    if largest > _LARGEST_SUM and ratios.min() * _LARGEST_SUM < -_LOW:
        raise unsupported(
            model, operator, f"its sums may be {largest:,}; supported are sums of 32 bits at such a scale"
        )
    parts = [_split(float(each)) for each in ratios]
    if not all(1 <= shift <= 62 for *_, shift in parts):
        raise unsupported(model, operator, f"the scale {ratios.min():.6g} of its sums is out of reach")
    made = _scale_sums(sums, parts, low, high)
    return tosa.reshape(made, result.shape)


def _sums(pixels: ir.Value, taps: np.ndarray, bias: np.ndarray) -> ir.Value:
    wide = ir.IntegerType.get_signless(48)
    rows, outputs = pixels.type.shape[0], len(taps)
    none = [tosa.constant(np.zeros(1, kind)) for kind in (np.int16, np.int8)]
    operands = (pixels, tosa.constant(taps[:, None, None, :]), tosa.sums(bias), *none)
    placed = {"pad": [0] * 4, "stride": [1, 1], "dilation": [1, 1]}
    attributes = {key: tosa.whole(each) for key, each in placed.items()}
    kind = tosa.typed([rows, 1, 1, outputs], wide)
    return tosa.op("conv2d", kind, operands, acc_type=ir.TypeAttr.get(wide), **attributes)


def _split(scale: float) -> tuple[int, int, int]:
    """A scale as `(high + low / 2^24) / 2^shift`, of 31 and 24 bits.

    LiteRT multiplies by the float of 53 bits and rounds halves away from zero. Two more bits hold a number slightly above
    it: with that one, to round halves up moves negative halves away from zero as well.
    """
    fraction, exponent = math.frexp(scale)
    multiplier = 4 * int(fraction * 2**53) + 1
    return multiplier >> 24, multiplier & (2**24 - 1), 31 - exponent


_SCALE_SUMS = """
func.func @main(%sums: tensor<{shape}xi48>) -> tensor<{shape}xi16> {{
  %high = arith.constant dense<{high}> : tensor<{channels}xi64>
  %low = arith.constant dense<{low}> : tensor<{channels}xi64>
  %shift = arith.constant dense<{shift}> : tensor<{channels}xi64>
  %one = arith.constant 1 : i64
  %fraction = arith.constant 24 : i64
  %least = arith.constant -2147483648 : i64
  %most = arith.constant 2147483647 : i64
  %lowest = arith.constant {lowest} : i64
  %highest = arith.constant {highest} : i64
  %empty = tensor.empty() : tensor<{shape}xi16>
  %scaled = linalg.generic {{
      indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (d)>,
                       affine_map<(a, b, c, d) -> (d)>, affine_map<(a, b, c, d) -> (d)>,
                       affine_map<(a, b, c, d) -> (a, b, c, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}}
      ins(%sums, %high, %low, %shift
          : tensor<{shape}xi48>, tensor<{channels}xi64>, tensor<{channels}xi64>, tensor<{channels}xi64>)
      outs(%empty : tensor<{shape}xi16>) {{
  ^bb0(%sum: i48, %h: i64, %l: i64, %s: i64, %old: i16):
    %wide = arith.extsi %sum : i48 to i64
    %floored = arith.maxsi %wide, %least : i64
    %word = arith.minsi %floored, %most : i64
    %upper = arith.muli %word, %h : i64
    %lower = arith.muli %word, %l : i64
    %carry = arith.shrsi %lower, %fraction : i64
    %product = arith.addi %upper, %carry : i64
    %below = arith.subi %s, %one : i64
    %half = arith.shli %one, %below : i64
    %nudged = arith.addi %product, %half : i64
    %result = arith.shrsi %nudged, %s : i64
    %above = arith.maxsi %result, %lowest : i64
    %clamped = arith.minsi %above, %highest : i64
    %short = arith.trunci %clamped : i64 to i16
    linalg.yield %short : i16
  }} -> tensor<{shape}xi16>
  return %scaled : tensor<{shape}xi16>
}}
"""


def _scale_sums(sums: ir.Value, parts: Sequence[tuple[int, int, int]], low: int, high: int) -> ir.Value:
    """Each channel's sums times its scale, as `_split` has it, between `low` and `high`."""
    uppers, lowers, shifts = (list(each) for each in zip(*parts))
    shape = "x".join(map(str, sums.type.shape))
    channels = len(parts)
    text = _SCALE_SUMS.format(
        shape=shape, channels=channels, high=uppers, low=lowers, shift=shifts, lowest=low, highest=high
    )
    return paste(text, sums)


def _table() -> list[int]:
    """`65536 / (1 + exp(-i / 24))` for i below 256, as LiteRT has it.

    What lies between two entries is found on the line between them, which the curve bends away from. Half of that error,
    in the middle, is added to each entry. The last one is the largest number.
    """
    at = np.arange(255)
    here, middle, after = (1 / (1 + np.exp(-(at + step) / 24)) for step in (0, 0.5, 1))
    entries = np.floor(65536 * (here + (middle - (here + after) / 2) / 2) + 0.5)
    return [*entries.astype(int).tolist(), 65535]


_LOOK_UP = """
func.func @main(%x: tensor<{shape}xi16>) -> tensor<{shape}xi16> {{
  %table = arith.constant dense<{table}> : tensor<256xi32>
  %factor = arith.constant {factor} : i32
  %half = arith.constant {half} : i32
  %shift = arith.constant {shift} : i32
  %bits = arith.constant {bits} : i32
  %mask = arith.constant {mask} : i32
  %none = arith.constant 0 : i32
  %end = arith.constant 255 : i32
  %last = arith.constant 254 : i32
  %most = arith.constant {most} : i32
  %offset = arith.constant {offset} : i32
  %mirror = arith.constant {mirror} : i32
  %fraction = arith.constant {fraction} : i32
  %one = arith.constant 1 : index
  %empty = tensor.empty() : tensor<{shape}xi16>
  %found = linalg.generic {{indexing_maps = [{map}, {map}], iterator_types = [{loops}]}}
      ins(%x : tensor<{shape}xi16>) outs(%empty : tensor<{shape}xi16>) {{
  ^bb0(%in: i16, %old: i16):
    %wide = arith.extsi %in : i16 to i32
    %product = arith.muli %wide, %factor : i32
    %nudged = arith.addi %product, %half : i32
    %place = arith.shrsi %nudged, %shift : i32
    %negated = arith.subi %none, %place : i32
    %distance = arith.maxsi %place, %negated : i32
    %entry = arith.shrsi %distance, %bits : i32
    %known = arith.minsi %entry, %last : i32
    %index = arith.index_cast %known : i32 to index
    %next = arith.addi %index, %one : index
    %left = tensor.extract %table[%index] : tensor<256xi32>
    %right = tensor.extract %table[%next] : tensor<256xi32>
    %rest = arith.andi %distance, %mask : i32
    %rise = arith.subi %right, %left : i32
    %share = arith.muli %rest, %rise : i32
    %start = arith.shli %left, %bits : i32
    %between = arith.addi %start, %share : i32
    %beyond = arith.cmpi sge, %entry, %end : i32
    %value = arith.select %beyond, %most, %between : i32
    %positive = arith.addi %value, %offset : i32
    %negative = arith.subi %mirror, %value : i32
    %below = arith.cmpi slt, %place, %none : i32
    %signed = arith.select %below, %negative, %positive : i32
    %result = arith.shrsi %signed, %fraction : i32
    %short = arith.trunci %result : i32 to i16
    linalg.yield %short : i16
  }} -> tensor<{shape}xi16>
  return %found : tensor<{shape}xi16>
}}
"""
#: Bits of a step of the table, the value of all that lies beyond it, what is added to results, what negative ones are
#: subtracted from, and the bits of their fractions.
_CURVES = {
    code("LOGISTIC"): (9, 0x7FFF << 10, 1 << 9, (1 << 25) + (1 << 9) - 1, 10),
    code("TANH"): (8, 0xFFFF << 8, (1 << 7) - (1 << 23), (1 << 23) + (1 << 7) - 1, 8),
}


def _curve(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    source, _ = ends(model, operator)
    bits, most, offset, mirror, fraction = _CURVES[operator.code]
    factor, shift = _steps(scale_of(source))
    shape = operands[0].type.shape
    dims = ", ".join(f"d{axis}" for axis in range(len(shape)))
    text = _LOOK_UP.format(
        shape="x".join(map(str, shape)), table=_table(), factor=factor, half=(1 << shift) >> 1, shift=shift, bits=bits,
        mask=(1 << bits) - 1, most=most, offset=offset, mirror=mirror, fraction=fraction,
        map=f"affine_map<({dims}) -> ({dims})>", loops=", ".join(['"parallel"'] * len(shape)),
    )  # fmt: skip
    return paste(text, operands[0])


def _steps(scale: float) -> tuple[int, int]:
    """Multiplier and shift that make steps of 1/24 of a number of that scale, as LiteRT finds them."""
    exponent = math.log2(scale)
    if abs(exponent - round(exponent)) < 1e-3 and 12 + round(exponent) in (0, 1):
        return 3 << (12 + round(exponent)), 0
    factor, shift = scale * 4096 * 3, 0
    while factor <= 32767 / 2 and shift <= 30:
        factor, shift = 2 * factor, shift + 1
    return int(factor), shift


def _leaky(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    source, result = ends(model, operator)
    slope = np.float32(operator.option(0, "<f"))
    ratio = float(source.scales[0] / result.scales[0])
    bent = float(source.scales[0] * slope / result.scales[0])
    none = tosa.constant(np.zeros((1,) * operands[0].type.rank, np.int32))
    wide = tosa.rescale(operands[0], i32(), tosa.UNIT)
    positive = tosa.op("greater_equal", tosa.typed(wide.type.shape, ir.IntegerType.get_signless(1)), (wide, none))
    kept, turned = (tosa.rescale(wide, i32(), quantise_scale(abs(each)), twice=True) for each in (ratio, bent))
    if bent < 0:
        turned = tosa.op("sub", wide.type, (none, turned))
    chosen = tosa.op("select", wide.type, (positive, kept, turned))
    return tosa.rescale(chosen, ir.IntegerType.get_signless(16), tosa.UNIT)


def _power_of_two(scale: float) -> int | None:
    """The exponent of a scale that LiteRT takes for a power of two."""
    exponent = math.log2(scale)
    return round(exponent) if abs(exponent - round(exponent)) < 1e-3 else None


def _shifts(model: Model, operator: Operator) -> tuple[int, int] | None:
    """By how many bits each side of a sum is shifted, where LiteRT shifts: one side by none, the other one by some."""
    tensors = [model.tensors[index] for index in (*operator.inputs, *operator.outputs)]
    if not operator.option(1, "<b", 1) or not all(each.is_quantised for each in tensors):
        return None
    left, right, result = (_power_of_two(scale_of(each)) for each in tensors)
    if left is None or right is None or result is None:
        return None
    shifts = result - left, result - right
    return shifts if min(shifts) == 0 < max(shifts) else None


def _is_shifted(model: Model, operator: Operator) -> bool:
    return _shifts(model, operator) is not None


def _shifted_sum(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    _, result = ends(model, operator)
    shifts = _shifts(model, operator)
    assert shifts is not None, "other sums are left to the converter"
    rank = max(each.type.rank for each in operands)
    wide = [tosa.reshape(each, (1,) * (rank - each.type.rank) + tuple(each.type.shape)) for each in operands]
    sides = [_shift(tosa.rescale(each, i32(), tosa.UNIT), bits) for each, bits in zip(wide, shifts)]
    name = "add" if operator.code == code("ADD") else "sub"
    total = tosa.op(name, tosa.typed(result.shape, i32()), sides)
    made = tosa.rescale(total, ir.IntegerType.get_signless(16), tosa.UNIT)
    bounds = clamp_of(operator.option(0, "<b"), scale_of(result), 0, 16)
    return made if bounds is None else tosa.clamp(made, *bounds)


def _shift(value: ir.Value, bits: int) -> ir.Value:
    """`value / 2^bits`, a half rounded away from zero."""
    if not bits:
        return value
    ones = (1,) * value.type.rank
    half, amount, none = (tosa.constant(np.full(ones, each, np.int32)) for each in (1 << (bits - 1), bits, 0))
    positive = tosa.op("greater_equal", tosa.typed(value.type.shape, ir.IntegerType.get_signless(1)), (value, none))
    nudged = tosa.op("add", value.type, (tosa.op("abs", value.type, (value,)), half))
    size = tosa.op("arithmetic_right_shift", value.type, (nudged, amount), round=ir.BoolAttr.get(False))
    return tosa.op("select", value.type, (positive, size, tosa.op("sub", value.type, (none, size))))


#: What is written here, and of which operators of the kind that is so.
OWN_INT16: dict[int, Write] = {
    code("ADD"): _shifted_sum,
    code("FULLY_CONNECTED"): _fully_connected,
    code("LEAKY_RELU"): _leaky,
    code("SUB"): _shifted_sum,
    **dict.fromkeys(_CURVES, _curve),
}
_NEEDS: dict[int, Callable[[Model, Operator], bool]] = {
    code("ADD"): _is_shifted,
    code("FULLY_CONNECTED"): _has_constant_weights,
    code("LEAKY_RELU"): _has_unusual_slope,
    code("SUB"): _is_shifted,
    **dict.fromkeys(_CURVES, lambda *_: True),
}
