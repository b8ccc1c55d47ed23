"""Operators on int8 of LiteRT's fixed-point arithmetic, which TOSA has no words for, in linalg.

| operator on int8 | what is written |
|---|---|
| DIV | the reciprocal of each of 256 divisors from a table, times the dividend at its full length, scaled |
| FLOOR_DIV, FLOOR_MOD | the integers as they are, without their scales |
| L2_NORMALIZATION | a sum of squares for each row, one over its root by five steps of Newton's, each element times that |
| REDUCE_PROD | the factors one after the other, scaled each time |
| LOG_SOFTMAX | a sum of exponentials for each row from a table of 256, its logarithm, what each element lacks of it |

Where LiteRT stops at a division by zero, the zero point comes out of DIV, and what a division by one gives of the others.
Where its DIV shifts by more bits than a word has, at quotients near zero, any number comes out of it, and zero here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from mlir import ir

from vmcu.frontends.tflite import tosa
from vmcu.frontends.tflite.ends import ends, numbers, scale_of, unsupported, zero_of
from vmcu.frontends.tflite.fixed_point import clamp_of, multiply_high, quantise_scale, reciprocal, shift_right
from vmcu.frontends.tflite.model import Model, Operator
from vmcu.frontends.tflite.paste import loops, paste, places, tensor
from vmcu.frontends.tflite.schema import operator_code as code
from vmcu.frontends.tflite.softmax import exponentials

Write = Callable[[Model, Operator, Sequence[ir.Value]], ir.Value]

_BINARY = """
func.func @main(%left: {left}, %right: {right}) -> {result} {{
{constants}
  %empty = tensor.empty() : {result}
  %made = linalg.generic {{indexing_maps = [{left_map}, {right_map}, {map}], iterator_types = {loops}}}
      ins(%left, %right : {left}, {right}) outs(%empty : {result}) {{
  ^bb0(%a: i8, %b: i8, %old: i8):
    %dividend = arith.extsi %a : i8 to i32
    %divisor = arith.extsi %b : i8 to i32
{body}
    linalg.yield %byte : i8
  }} -> {result}
  return %made : {result}
}}
"""


def _binary(model: Model, operator: Operator, operands: Sequence[ir.Value], constants: str, body: str) -> ir.Value:
    """`body` of `%dividend` and `%divisor` gives `%byte`, element by element; sizes of one are repeated."""
    _, result = ends(model, operator)
    rank = len(result.shape)
    sides = [tosa.reshape(each, (1,) * (rank - each.type.rank) + tuple(each.type.shape)) for each in operands]
    ones = [[axis for axis in range(rank) if each.type.shape[axis] != result.shape[axis]] for each in sides]
    text = _BINARY.format(
        left=tensor(sides[0].type.shape, "i8"), right=tensor(sides[1].type.shape, "i8"), result=tensor(result.shape, "i8"),
        left_map=places(rank, ones=ones[0]), right_map=places(rank, ones=ones[1]), map=places(rank),
        loops=loops(*["parallel"] * rank), constants=constants, body=body,
    )  # fmt: skip
    return paste(text, *sides)


_DIV_CONSTANTS = """
  %inverses = arith.constant dense<{inverses}> : tensor<256xi32>
  %scales = arith.constant dense<{scales}> : tensor<256xi8>
  %middle = arith.constant 128 : i32
  %none = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %sign = arith.constant 31 : i32
  %zero_left = arith.constant {left} : i32
  %zero_right = arith.constant {right} : i32
  %multiplier = arith.constant {multiplier} : i32
  %shift = arith.constant {shift} : i32
  %zero = arith.constant {zero} : i32
  %low = arith.constant {low} : i32
  %high = arith.constant {high} : i32
"""
_DIV = """
    %entry = arith.addi %divisor, %middle : i32
    %index = arith.index_cast %entry : i32 to index
    %inverse = tensor.extract %inverses[%index] : tensor<256xi32>
    %bits = tensor.extract %scales[%index] : tensor<256xi8>
    %more = arith.extsi %bits : i8 to i32
    %x = arith.subi %dividend, %zero_left : i32
    %y = arith.subi %divisor, %zero_right : i32
    %negated = arith.subi %none, %x : i32
    %below = arith.cmpi slt, %y, %none : i32
    %value = arith.select %below, %negated, %x : i32
    %ones = arith.shrsi %value, %sign : i32
    %magnitude = arith.xori %value, %ones : i32
    %zeros = math.ctlz %magnitude : i32
    %room = arith.subi %zeros, %one : i32
    %long = arith.shli %value, %room : i32
    %quotient = func.call @high(%long, %inverse) : (i32, i32) -> i32
    %scaled = func.call @high(%quotient, %multiplier) : (i32, i32) -> i32
    %with_room = arith.addi %room, %more : i32
    %by = arith.addi %with_room, %shift : i32
    %above = arith.maxsi %by, %none : i32
    %between = arith.minsi %above, %sign : i32
    %quotient_rounded = func.call @divide(%scaled, %between) : (i32, i32) -> i32
    %is_far = arith.cmpi sgt, %by, %sign : i32
    %rounded = arith.select %is_far, %none, %quotient_rounded : i32
    %moved = arith.addi %rounded, %zero : i32
    %floored = arith.maxsi %moved, %low : i32
    %clamped = arith.minsi %floored, %high : i32
    %byte = arith.trunci %clamped : i32 to i8
"""


def _divide(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    left, right = (model.tensors[index] for index in operator.inputs)
    _, result = ends(model, operator)
    ratio = left.scales[0] / (right.scales[0] * result.scales[0])  # in floats of 32 bits, as LiteRT has it
    multiplier, right_shift = quantise_scale(float(ratio))
    divisors = [abs(number - zero_of(right)) for number in range(-128, 128)]
    inverses = [reciprocal(each) if each else (0, 0) for each in divisors]
    low, high = clamp_of(operator.option(0, "<b"), scale_of(result), zero_of(result)) or (-128, 127)
    constants = _DIV_CONSTANTS.format(
        inverses=[each for each, _ in inverses], scales=[bits for _, bits in inverses], left=zero_of(left),
        right=zero_of(right), multiplier=multiplier, shift=right_shift - 31, zero=zero_of(result), low=low, high=high,
    )  # fmt: skip
    return _binary(model, operator, operands, constants, _DIV)


_FLOOR_CONSTANTS = """
  %none = arith.constant 0 : i32
  %one = arith.constant 1 : i32
"""
_FLOOR = """
    %nothing = arith.cmpi eq, %divisor, %none : i32
    %by = arith.select %nothing, %one, %divisor : i32
    %whole = arith.divsi %dividend, %by : i32
    %rest = arith.remsi %dividend, %by : i32
    %signs = arith.xori %rest, %by : i32
    %differ = arith.cmpi slt, %signs, %none : i32
    %some = arith.cmpi ne, %rest, %none : i32
    %floors = arith.andi %differ, %some : i1
"""
_FLOOR_RESULTS = {
    code("FLOOR_DIV"): """
    %less = arith.extui %floors : i1 to i32
    %floor = arith.subi %whole, %less : i32
    %byte = arith.trunci %floor : i32 to i8
""",
    code("FLOOR_MOD"): """
    %more = arith.select %floors, %by, %none : i32
    %modulus = arith.addi %rest, %more : i32
    %byte = arith.trunci %modulus : i32 to i8
""",
}


def _floor(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    return _binary(model, operator, operands, _FLOOR_CONSTANTS, _FLOOR + _FLOOR_RESULTS[operator.code])


_L2 = """
func.func private @newton(%half: i32, %x: i32) -> i32 {{
  %three_halves = arith.constant 402653184 : i32
  %six = arith.constant 6 : i32
  %three = arith.constant 3 : i32
  %square = func.call @high(%x, %x) : (i32, i32) -> i32
  %cube = func.call @high(%square, %x) : (i32, i32) -> i32
  %third = func.call @shift(%cube, %six) : (i32, i32) -> i32
  %first = func.call @high(%three_halves, %x) : (i32, i32) -> i32
  %second = func.call @high(%half, %third) : (i32, i32) -> i32
  %difference = arith.subi %first, %second : i32
  %result = func.call @shift(%difference, %three) : (i32, i32) -> i32
  return %result : i32
}}
func.func @main(%x: {kind}) -> {kind} {{
  %zero = arith.constant {zero} : i32
  %none = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %seven = arith.constant 7 : i32
  %eleven = arith.constant 11 : i32
  %large = arith.constant 536870912 : i32
  %unit = arith.constant 268435456 : i32
  %root = arith.constant 1518500250 : i32
  %most = arith.constant 2147483647 : i32
  %least_byte = arith.constant -128 : i32
  %most_byte = arith.constant 127 : i32
  %sums_empty = tensor.empty() : {sums}
  %sums_start = linalg.fill ins(%none : i32) outs(%sums_empty : {sums}) -> {sums}
  %sums = linalg.generic {{indexing_maps = [{map}, {row}], iterator_types = {reduction}}}
      ins(%x : {kind}) outs(%sums_start : {sums}) {{
  ^bb0(%in: i8, %sum: i32):
    %wide = arith.extsi %in : i8 to i32
    %value = arith.subi %wide, %zero : i32
    %square = arith.muli %value, %value : i32
    %total = arith.addi %sum, %square : i32
    linalg.yield %total : i32
  }} -> {sums}
  %factors_empty = tensor.empty() : {sums}
  %shifts_empty = tensor.empty() : {sums}
  %factors, %shifts = linalg.generic {{indexing_maps = [{same}, {same}, {same}], iterator_types = {rows}}}
      ins(%sums : {sums}) outs(%factors_empty, %shifts_empty : {sums}, {sums}) {{
  ^bb0(%sum: i32, %f: i32, %s: i32):
    %is_large = arith.cmpi sge, %sum, %large : i32
    %quarter = arith.shrsi %sum, %two : i32
    %known = arith.select %is_large, %quarter, %sum : i32
    %again = arith.extui %is_large : i1 to i32
    %positive = arith.maxsi %known, %one : i32
    %zeros = math.ctlz %positive : i32
    %room = arith.subi %zeros, %one : i32
    %pairs = arith.shrsi %room, %one : i32
    %steps = arith.subi %pairs, %one : i32
    %left = arith.shli %steps, %one : i32
    %right = arith.addi %eleven, %again : i32
    %shift = arith.subi %right, %steps : i32
    %moved = arith.shli %positive, %left : i32
    %input = arith.shrsi %moved, %one : i32
    %half = func.call @divide(%input, %one) : (i32, i32) -> i32
    %x1 = func.call @newton(%half, %unit) : (i32, i32) -> i32
    %x2 = func.call @newton(%half, %x1) : (i32, i32) -> i32
    %x3 = func.call @newton(%half, %x2) : (i32, i32) -> i32
    %x4 = func.call @newton(%half, %x3) : (i32, i32) -> i32
    %x5 = func.call @newton(%half, %x4) : (i32, i32) -> i32
    %scaled = func.call @high(%x5, %root) : (i32, i32) -> i32
    %missing = arith.subi %none, %shift : i32
    %more = arith.maxsi %missing, %none : i32
    %factor = arith.shli %scaled, %more : i32
    %rest = arith.maxsi %shift, %none : i32
    %is_small = arith.cmpi sle, %sum, %one : i32
    %found = arith.select %is_small, %most, %factor : i32
    %by = arith.select %is_small, %none, %rest : i32
    linalg.yield %found, %by : i32, i32
  }} -> ({sums}, {sums})
  %empty = tensor.empty() : {kind}
  %made = linalg.generic {{indexing_maps = [{map}, {row}, {row}, {map}], iterator_types = {all}}}
      ins(%x, %factors, %shifts : {kind}, {sums}, {sums}) outs(%empty : {kind}) {{
  ^bb0(%in: i8, %factor: i32, %shift: i32, %old: i8):
    %wide = arith.extsi %in : i8 to i32
    %value = arith.subi %wide, %zero : i32
    %exponent = arith.subi %seven, %shift : i32
    %negated = arith.subi %none, %exponent : i32
    %left = arith.maxsi %exponent, %none : i32
    %right = arith.maxsi %negated, %none : i32
    %scaled = func.call @scale(%value, %factor, %left, %right) : (i32, i32, i32, i32) -> i32
    %floored = arith.maxsi %scaled, %least_byte : i32
    %clamped = arith.minsi %floored, %most_byte : i32
    %byte = arith.trunci %clamped : i32 to i8
    linalg.yield %byte : i8
  }} -> {kind}
  return %made : {kind}
}}
"""


def _rows(model: Model, operator: Operator) -> dict[str, str]:
    """Types, maps and loops of what is computed for each row of the last axis, as text."""
    source, _ = ends(model, operator)
    shape, rank = source.shape, len(source.shape)
    kept = list(range(rank - 1))
    return {
        "kind": tensor(shape, "i8"), "sums": tensor(shape[:-1], "i32"), "map": places(rank), "row": places(rank, kept=kept),
        "same": places(rank - 1), "all": loops(*["parallel"] * rank), "rows": loops(*["parallel"] * (rank - 1)),
        "reduction": loops(*["parallel"] * (rank - 1), "reduction"),
    }  # fmt: skip


def _normalise(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    source, _ = ends(model, operator)
    return paste(_L2.format(zero=zero_of(source), **_rows(model, operator)), operands[0])


_LOG_SOFTMAX = """
func.func private @add(%a: i32, %b: i32) -> i32 {{
  %least = arith.constant -2147483648 : i64
  %most = arith.constant 2147483647 : i64
  %x = arith.extsi %a : i32 to i64
  %y = arith.extsi %b : i32 to i64
  %sum = arith.addi %x, %y : i64
  %above = arith.maxsi %sum, %least : i64
  %between = arith.minsi %above, %most : i64
  %result = arith.trunci %between : i64 to i32
  return %result : i32
}}
func.func private @log(%x: i32) -> i32 {{
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %six = arith.constant 6 : i32
  %twelve = arith.constant 12 : i32
  %places = arith.constant 25 : i32
  %quarter = arith.constant 8388608 : i32
  %minus_quarter = arith.constant -8388608 : i32
  %log_2 = arith.constant 1488522236 : i32
  %fourth_root = arith.constant 1805811301 : i32
  %root = arith.constant 1518500250 : i32
  %n = arith.constant 117049297 : i32
  %d = arith.constant 127690142 : i32
  %i = arith.constant 1057819769 : i32
  %f = arith.constant 638450708 : i32
  %zeros_a = math.ctlz %x : i32
  %room_a = arith.subi %zeros_a, %one : i32
  %long_a = func.call @shift(%x, %room_a) : (i32, i32) -> i32
  %part_a = func.call @high(%long_a, %root) : (i32, i32) -> i32
  %r_a = func.call @shift(%part_a, %one) : (i32, i32) -> i32
  %power_a = arith.subi %twelve, %zeros_a : i32
  %scaled_a = arith.shli %power_a, %places : i32
  %log_a = func.call @add(%scaled_a, %quarter) : (i32, i32) -> i32
  %z_b = func.call @high(%x, %root) : (i32, i32) -> i32
  %zeros_b = math.ctlz %z_b : i32
  %room_b = arith.subi %zeros_b, %one : i32
  %r_b = func.call @shift(%x, %room_b) : (i32, i32) -> i32
  %power_b = arith.subi %twelve, %room_b : i32
  %scaled_b = arith.shli %power_b, %places : i32
  %log_b = func.call @add(%scaled_b, %minus_quarter) : (i32, i32) -> i32
  %r = arith.minsi %r_a, %r_b : i32
  %power = arith.maxsi %log_a, %log_b : i32
  %r_wide = arith.extsi %r : i32 to i64
  %fourth_wide = arith.extsi %fourth_root : i32 to i64
  %one_wide = arith.constant 1 : i64
  %sum_wide = arith.addi %r_wide, %fourth_wide : i64
  %up_wide = arith.addi %sum_wide, %one_wide : i64
  %mean_wide = arith.shrsi %up_wide, %one_wide : i64
  %p = arith.trunci %mean_wide : i64 to i32
  %difference = arith.subi %r, %fourth_root : i32
  %q = arith.addi %difference, %difference : i32
  %square = func.call @high(%q, %q) : (i32, i32) -> i32
  %q_r = func.call @high(%q, %r) : (i32, i32) -> i32
  %q_square = func.call @high(%q, %square) : (i32, i32) -> i32
  %q_cubed = func.call @high(%q_square, %n) : (i32, i32) -> i32
  %numerator = arith.addi %q_r, %q_cubed : i32
  %d_square = func.call @high(%d, %square) : (i32, i32) -> i32
  %i_q = arith.addi %i, %q : i32
  %inner = arith.addi %i_q, %d_square : i32
  %p_inner = func.call @high(%p, %inner) : (i32, i32) -> i32
  %f_q = func.call @high(%f, %q) : (i32, i32) -> i32
  %denominator = arith.addi %p_inner, %f_q : i32
  %inverse = func.call @reciprocal(%denominator) : (i32) -> i32
  %short = func.call @divide(%numerator, %six) : (i32, i32) -> i32
  %fraction = func.call @high(%short, %inverse) : (i32, i32) -> i32
  %whole = func.call @high(%power, %log_2) : (i32, i32) -> i32
  %sum = arith.addi %whole, %fraction : i32
  %result = func.call @shift(%sum, %one) : (i32, i32) -> i32
  return %result : i32
}}
func.func @main(%x: {kind}) -> {kind} {{
  %powers = arith.constant dense<{powers}> : tensor<256xi32>
  %differences = arith.constant dense<{differences}> : tensor<256xi32>
  %none = arith.constant 0 : i32
  %least = arith.constant -2147483648 : i32
  %limit = arith.constant {limit} : i32
  %reverse = arith.constant {reverse} : i32
  %reverse_left = arith.constant {left} : i32
  %reverse_right = arith.constant {right} : i32
  %bits = arith.constant 22 : i32
  %zero = arith.constant 127 : i32
  %least_byte = arith.constant -128 : i8
  %low = arith.constant -128 : i32
  %tops_empty = tensor.empty() : {tops}
  %tops_start = linalg.fill ins(%least_byte : i8) outs(%tops_empty : {tops}) -> {tops}
  %tops = linalg.generic {{indexing_maps = [{map}, {row}], iterator_types = {reduction}}}
      ins(%x : {kind}) outs(%tops_start : {tops}) {{
  ^bb0(%in: i8, %old: i8):
    %top = arith.maxsi %in, %old : i8
    linalg.yield %top : i8
  }} -> {tops}
  %sums_empty = tensor.empty() : {sums}
  %sums_start = linalg.fill ins(%none : i32) outs(%sums_empty : {sums}) -> {sums}
  %sums = linalg.generic {{indexing_maps = [{map}, {row}, {row}], iterator_types = {reduction}}}
      ins(%x, %tops : {kind}, {tops}) outs(%sums_start : {sums}) {{
  ^bb0(%in: i8, %top: i8, %sum: i32):
    %wide = arith.extsi %in : i8 to i32
    %top_wide = arith.extsi %top : i8 to i32
    %below = arith.subi %top_wide, %wide : i32
    %index = arith.index_cast %below : i32 to index
    %power = tensor.extract %powers[%index] : tensor<256xi32>
    %total = arith.addi %sum, %power : i32
    linalg.yield %total : i32
  }} -> {sums}
  %logs_empty = tensor.empty() : {sums}
  %ends_empty = tensor.empty() : {sums}
  %logs, %ends = linalg.generic {{indexing_maps = [{same}, {same}, {same}], iterator_types = {rows}}}
      ins(%sums : {sums}) outs(%logs_empty, %ends_empty : {sums}, {sums}) {{
  ^bb0(%sum: i32, %old: i32, %older: i32):
    %log = func.call @log(%sum) : (i32) -> i32
    %lowest = arith.addi %log, %least : i32
    %scaled = func.call @scale(%lowest, %reverse, %reverse_left, %reverse_right) : (i32, i32, i32, i32) -> i32
    %end = arith.maxsi %scaled, %limit : i32
    linalg.yield %log, %end : i32, i32
  }} -> ({sums}, {sums})
  %empty = tensor.empty() : {kind}
  %made = linalg.generic {{indexing_maps = [{map}, {row}, {row}, {row}, {map}], iterator_types = {all}}}
      ins(%x, %tops, %logs, %ends : {kind}, {tops}, {sums}, {sums}) outs(%empty : {kind}) {{
  ^bb0(%in: i8, %top: i8, %log: i32, %end: i32, %old: i8):
    %wide = arith.extsi %in : i8 to i32
    %top_wide = arith.extsi %top : i8 to i32
    %below = arith.subi %top_wide, %wide : i32
    %index = arith.index_cast %below : i32 to index
    %difference = tensor.extract %differences[%index] : tensor<256xi32>
    %lack = arith.subi %difference, %log : i32
    %rounded = func.call @divide(%lack, %bits) : (i32, i32) -> i32
    %moved = arith.addi %rounded, %zero : i32
    %floored = arith.maxsi %moved, %low : i32
    %clamped = arith.minsi %floored, %zero : i32
    %byte = arith.trunci %clamped : i32 to i8
    %negated = arith.subi %none, %below : i32
    %near = arith.cmpi sgt, %negated, %end : i32
    %chosen = arith.select %near, %byte, %least_byte : i8
    linalg.yield %chosen : i8
  }} -> {kind}
  return %made : {kind}
}}
"""


def _log_softmax(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    """`log_softmax`, by what elements lack of the largest one of their row: 256 differences, for which there are tables."""
    scale = scale_of(ends(model, operator)[0])
    powers = shift_right(exponentials(scale)[:0:-1], 12)
    multiplier, right = quantise_scale(min(scale * 2**26, 2.0**31 - 1))
    radius = math.floor(31 * 2.0 ** (right - 5))
    differences = multiply_high(-np.minimum(np.arange(256), radius) * 2 ** (31 - right), multiplier)
    reverse, reverse_right = quantise_scale(2.0**right / multiplier)
    rows = _rows(model, operator)
    text = _LOG_SOFTMAX.format(
        powers=powers.tolist(), differences=differences.tolist(), limit=-radius - 1, reverse=reverse,
        left=max(31 - reverse_right, 0), right=max(reverse_right - 31, 0), tops=rows["sums"].replace("i32", "i8"), **rows,
    )  # fmt: skip
    return paste(text, operands[0])


_PRODUCT = """
func.func @main(%x: {kind}) -> {result} {{
  %zero_in = arith.constant {zero_in} : i32
  %zero_out = arith.constant {zero_out} : i32
  %factor = arith.constant {factor} : i64
  %half = arith.constant {half} : i64
  %shift = arith.constant {shift} : i64
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %first = arith.constant -2147483648 : i32
  %products_empty = tensor.empty() : {products}
  %products_start = linalg.fill ins(%first : i32) outs(%products_empty : {products}) -> {products}
  %products = linalg.generic {{indexing_maps = [{map}, {row}], iterator_types = {reduction}}}
      ins(%x : {kind}) outs(%products_start : {products}) {{
  ^bb0(%in: i8, %old: i32):
    %wide = arith.extsi %in : i8 to i32
    %value = arith.subi %wide, %zero_in : i32
    %a = arith.extsi %value : i32 to i64
    %b = arith.extsi %old : i32 to i64
    %product = arith.muli %a, %b : i64
    %scaled = arith.muli %product, %factor : i64
    %nudged = arith.addi %scaled, %half : i64
    %shifted = arith.shrsi %nudged, %shift : i64
    %next = arith.trunci %shifted : i64 to i32
    %is_first = arith.cmpi eq, %old, %first : i32
    %chosen = arith.select %is_first, %value, %next : i32
    linalg.yield %chosen : i32
  }} -> {products}
  %empty = tensor.empty() : {result}
  %made = linalg.generic {{indexing_maps = [{same}, {same}], iterator_types = {rows}}}
      ins(%products : {products}) outs(%empty : {result}) {{
  ^bb0(%in: i32, %old: i8):
    %long = arith.extsi %in : i32 to i64
    %product = arith.muli %long, %factor : i64
    %nudged = arith.addi %product, %half : i64
    %shifted = arith.shrsi %nudged, %shift : i64
    %scaled = arith.trunci %shifted : i64 to i32
    %moved = arith.addi %scaled, %zero_out : i32
    %floored = arith.maxsi %moved, %low : i32
    %clamped = arith.minsi %floored, %high : i32
    %byte = arith.trunci %clamped : i32 to i8
    linalg.yield %byte : i8
  }} -> {result}
  return %made : {result}
}}
"""


def _product(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    """LiteRT scales after each factor, by the root of the whole scale, of 16 bits."""
    source, result = ends(model, operator)
    rank = len(source.shape)
    gone = {axis % rank for axis in numbers(model, operator, 1)}
    kept = [axis for axis in range(rank) if axis not in gone]
    count = math.prod(source.shape[axis] for axis in gone)
    multiplier, right = quantise_scale(scale_of(source) / scale_of(result) ** (1 / count))
    shift = right - 16
    if not 1 <= shift <= 46:
        raise unsupported(model, operator, f"the scale {multiplier / 2**right:.6g} of its factors is out of reach")
    kept_shape = [source.shape[axis] for axis in kept]
    text = _PRODUCT.format(
        kind=tensor(source.shape, "i8"), result=tensor(kept_shape, "i8"), products=tensor(kept_shape, "i32"),
        map=places(rank), row=places(rank, kept=kept), same=places(len(kept)), rows=loops(*["parallel"] * len(kept)),
        reduction=loops(*("reduction" if axis in gone else "parallel" for axis in range(rank))),
        zero_in=zero_of(source), zero_out=zero_of(result), factor=min((multiplier + 2**15) >> 16, 2**15 - 1),
        half=1 << (shift - 1), shift=shift,
    )  # fmt: skip
    return tosa.reshape(paste(text, operands[0]), result.shape)


#: What is written here.
ARITHMETIC: dict[int, Write] = {
    code("DIV"): _divide,
    code("FLOOR_DIV"): _floor,
    code("FLOOR_MOD"): _floor,
    code("L2_NORMALIZATION"): _normalise,
    code("LOG_SOFTMAX"): _log_softmax,
    code("REDUCE_PROD"): _product,
}
