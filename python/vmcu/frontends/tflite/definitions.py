"""Operators that are written in TOSA here, because Arm's converter refuses them or computes something else.

| operator on int8 | what is written |
|---|---|
| ABS, GELU, LEAKY_RELU, NEG, RELU_N1_TO_1, SQRT | a table of the 256 results that LiteRT's kernel has |
| ARG_MIN | the place of the largest complement |
| DIV, FLOOR_DIV, FLOOR_MOD, L2_NORMALIZATION, LOG_SOFTMAX, REDUCE_PROD | LiteRT's arithmetic in linalg (`arithmetic`) |
| convolutions and poolings of which the converter writes none that verifies (`windows`) | the same in TOSA that does |
| EQUAL, GREATER, LESS and their like | a comparison of both sides, rescaled to 256ths |
| PADV2 with a number in a vector | `tosa.pad` |
| PRELU | both branches, rescaled apart, of which one is zero; slopes of any shape that NumPy broadcasts |
| RESIZE_BILINEAR | `tosa.resize` in 1024ths of a pixel, and one rounding that moves ties away from zero |
| RESIZE_NEAREST_NEIGHBOR, both of half_pixel_centers and align_corners | a gather of LiteRT's pixels |
| SUM | the exact sum and one rounding, a half away from zero; LiteRT's reference kernel of SUM is wrong |
| UNIDIRECTIONAL_SEQUENCE_LSTM, SVDF (`recurrent`) | linalg: a loop over time, and sums in 32 bits |
| STRIDED_SLICE, backwards, with an ellipsis or new axes | slices, reversals and reshapes |

`hide_own` hides them from the converter, `expand` writes them where the converter has left custom operators. `int16` has
those on int16. Operators that the converter gets right are left to it. SOFTMAX with a beta is left to it without beta
(`softmax`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from mlir import ir

from vmcu.frontends.tflite import schema, tosa
from vmcu.frontends.tflite.arithmetic import ARITHMETIC
from vmcu.frontends.tflite.custom import PREFIX, hide
from vmcu.frontends.tflite.ends import ends, numbers, scale_of, unsupported, zero_of
from vmcu.frontends.tflite.fixed_point import quantise_scale, rescale
from vmcu.frontends.tflite.int16 import OWN_INT16, is_own_int16
from vmcu.frontends.tflite.model import Model, Operator, Tensor
from vmcu.frontends.tflite.recurrent import WRITERS
from vmcu.frontends.tflite.rounding import exact_multiplier
from vmcu.frontends.tflite.schema import operator_code as code
from vmcu.frontends.tflite.softmax import restore_beta, without_beta
from vmcu.frontends.tflite.windows import WINDOWS, needs_own_window, write_window
from vmcu.ir import walk
from vmcu.ir.build import i8, i32

Write = Callable[[Model, Operator, Sequence[ir.Value]], ir.Value]
Table = Callable[[np.ndarray, Tensor, Tensor, Operator], np.ndarray]


def hide_own(model: Model) -> bytes:
    """The file of `model` in which operators that are written here are custom ones."""
    own = [each.index for each in model.operators if _is_own(model, each)]
    return without_beta(model, hide(model, own) if own else model.data)


def expand(model: Model, module: ir.Module) -> None:
    """Write the operators of `model` that `hide_own` hid.

    Raises:
        Unsupported: a form of an operator that is not supported; the message names the operator and its layer.
    """
    for op in [op for op in walk.walk(module.operation) if op.operation.name == "tosa.custom"]:
        name = ir.StringAttr(op.attributes["operator_name"]).value
        if not name.startswith(PREFIX):
            continue
        operator = model.operators[int(name.removeprefix(PREFIX))]
        for tensor in ends(model, operator):
            if -1 in tensor.signature[1:]:
                raise unsupported(model, operator, f"{tensor} has a dynamic size that is not the batch")
        with ir.InsertionPoint(op), op.location:
            made = _write(model, operator, list(op.operands))
        for old, new in zip(list(op.operation.results), made):
            old.replace_all_uses_with(new)
        op.operation.erase()
    restore_beta(model, module)


def _write(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> list[ir.Value]:
    if operator.code in WRITERS:
        return WRITERS[operator.code](model, operator, operands)
    own = OWN_INT16 if is_own_int16(model, operator) else _OWN
    return [own[operator.code](model, operator, operands)]


def _is_own(model: Model, operator: Operator) -> bool:
    if operator.code in WRITERS:
        return True
    return is_own_int16(model, operator) or _is_own_integer(model, operator)


def _is_own_integer(model: Model, operator: Operator) -> bool:
    if operator.code not in _OWN or len(operator.outputs) != 1:
        return False
    if -1 in operator.inputs and operator.code not in WINDOWS:
        return False
    source, result = ends(model, operator)
    takes_int16 = operator.code in WINDOWS or operator.code == code("STRIDED_SLICE")
    kinds = (schema.INT8, schema.INT16) if takes_int16 else (schema.INT8,)
    is_integer = source.type in kinds and source.is_quantised
    if operator.code in _COMPARISONS:
        is_known = result.type == schema.BOOL
    elif operator.code == code("ARG_MIN"):
        is_known = result.type in (schema.INT32, schema.INT64)
    else:
        is_known = result.type == source.type and result.is_quantised
    return is_integer and is_known and _NEEDS[operator.code](model, operator)


def _is_requantised(model: Model, operator: Operator) -> bool:
    source, result = ends(model, operator)
    return (scale_of(source), zero_of(source)) != (scale_of(result), zero_of(result))


def _unary(results: Table) -> Write:
    """A function of one byte, as a table. `results` gets the 256 bytes less the zero point, and gives results with it."""

    def write(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
        source, result = ends(model, operator)
        values = results(np.arange(-128, 128) - zero_of(source), source, result, operator)
        return tosa.table(operands[0], np.clip(values, -128, 127))

    return write


def _absolute(values: np.ndarray, source: Tensor, result: Tensor, _: Operator) -> np.ndarray:
    if scale_of(source) == scale_of(result):
        return np.abs(values) + zero_of(result)
    return rescale(np.abs(values), float(source.scales[0] / result.scales[0])) + zero_of(result)


def _leaky(values: np.ndarray, source: Tensor, result: Tensor, operator: Operator) -> np.ndarray:
    slope = np.float32(operator.option(0, "<f"))
    kept = rescale(values, float(source.scales[0] / result.scales[0]))
    bent = rescale(values, float(source.scales[0] * slope / result.scales[0]))
    return np.where(values >= 0, kept, bent) + zero_of(result)


def _relu_n1_to_1(values: np.ndarray, source: Tensor, result: Tensor, _: Operator) -> np.ndarray:
    steps = 1 / float(result.scales[0])
    low, high = (zero_of(result) + int(math.copysign(math.floor(steps + 0.5), end)) for end in (-1, 1))
    return np.clip(rescale(values, float(source.scales[0] / result.scales[0])) + zero_of(result), low, high)


def _negate(values: np.ndarray, source: Tensor, result: Tensor, _: Operator) -> np.ndarray:
    """Without zero points. LiteRT's kernel leaves -128, which has no positive, as it is."""
    return np.where(values == -128, -128, -values)


def _square_root(values: np.ndarray, source: Tensor, result: Tensor, _: Operator) -> np.ndarray:
    """LiteRT cuts fractions off, and stops at inputs below zero; here their root is zero."""
    roots = np.sqrt(np.float32(source.scales[0]) * np.maximum(values, 0).astype(np.float32))
    return (roots / np.float32(result.scales[0])).astype(int) + zero_of(result)


def _gelu(values: np.ndarray, source: Tensor, result: Tensor, _: Operator) -> np.ndarray:
    reals = np.float32(source.scales[0]) * values.astype(np.float32)
    complements = [math.erfc(each * np.float32(-math.sqrt(0.5))) for each in reals]
    products = np.float32(0.5) * reals * np.array(complements, np.float32)
    return _round_floats(products * (np.float32(1) / np.float32(result.scales[0]))) + zero_of(result)


def _round_floats(reals: np.ndarray) -> np.ndarray:
    """To the nearest whole number, a half away from zero."""
    return np.copysign(np.floor(np.abs(reals) + 0.5), reals).astype(int)


def _is_exact_gelu(_: Model, operator: Operator) -> bool:
    return not operator.option(0, "<b")


def _has_unusual_slope(model: Model, operator: Operator) -> bool:
    return not 0 <= operator.option(0, "<f") <= 1


def _has_unusual_slopes(model: Model, operator: Operator) -> bool:
    source, slopes = (model.tensors[index] for index in operator.inputs)
    is_usual = len(slopes.shape) == len(source.shape) - 1
    return slopes.type == schema.INT8 and slopes.is_constant and slopes.is_quantised and not is_usual


def _prelu(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    source, result = ends(model, operator)
    slopes = model.tensors[operator.inputs[1]]
    shape = operands[0].type.shape
    if np.broadcast_shapes(tuple(shape), slopes.shape) != tuple(shape):
        raise unsupported(model, operator, f"slopes {slopes} are larger than the input")
    numbers = np.frombuffer(slopes.data, np.int8).astype(np.int32) - zero_of(slopes)
    slope = tosa.constant(numbers.reshape((1,) * (len(shape) - len(slopes.shape)) + slopes.shape))
    values = tosa.rescale(operands[0], i32(), tosa.UNIT, source=zero_of(source))
    none = tosa.constant(np.zeros((1,) * len(shape), np.int32))
    negative = tosa.op("minimum", values.type, (values, none))
    shift = tosa.constant(np.zeros(1, np.int8))
    branches = (
        (tosa.op("maximum", values.type, (values, none)), scale_of(source) / scale_of(result)),
        (tosa.op("mul", values.type, (negative, slope, shift)), scale_of(source) * scale_of(slopes) / scale_of(result)),
    )
    kept, bent = (tosa.rescale(value, i32(), quantise_scale(scale), twice=True) for value, scale in branches)
    return tosa.rescale(tosa.op("add", values.type, (kept, bent)), i8(), tosa.UNIT, result=zero_of(result))


#: The comparison in TOSA, and whether its operands change places or its result is negated.
_COMPARISONS: dict[int, tuple[str, bool, bool]] = {
    code("EQUAL"): ("equal", False, False),
    code("GREATER"): ("greater", False, False),
    code("GREATER_EQUAL"): ("greater_equal", False, False),
    code("LESS"): ("greater", True, False),
    code("LESS_EQUAL"): ("greater_equal", True, False),
    code("NOT_EQUAL"): ("equal", False, True),
}


def _compares_int8(model: Model, operator: Operator) -> bool:
    tensors = [model.tensors[index] for index in operator.inputs]
    return all(each.type == schema.INT8 and each.is_quantised for each in tensors)


def _compare(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    """LiteRT compares 256 times the real values, each rounded: below a scale of 1/512 different values may be equal."""
    name, is_swapped, is_negated = _COMPARISONS[operator.code]
    rank = max(value.type.rank for value in operands)
    sides = [_scaled(model, operator, *each, rank) for each in zip(operator.inputs, operands)]
    shape = np.broadcast_shapes(*(tuple(value.type.shape) for value in sides))
    kind = tosa.typed(shape, ir.IntegerType.get_signless(1))
    made = tosa.op(name, kind, sides[::-1] if is_swapped else sides)
    return tosa.op("logical_not", kind, (made,)) if is_negated else made


def _scaled(model: Model, operator: Operator, index: int, value: ir.Value, rank: int) -> ir.Value:
    tensor = model.tensors[index]
    if scale_of(tensor) >= 1:
        raise unsupported(
            model, operator, f"{tensor} has the scale {scale_of(tensor):.6g}; supported are scales below 1"
        )
    value = tosa.reshape(value, (1,) * (rank - value.type.rank) + tuple(value.type.shape))
    wide = tosa.rescale(value, i32(), (1 << 30, 22), source=zero_of(tensor))
    return tosa.rescale(wide, i32(), quantise_scale(scale_of(tensor)), twice=True)


def _arg_min(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    """The place of the largest complement."""
    (axis,) = numbers(model, operator, 1)
    source, result = ends(model, operator)
    complement = tosa.op("bitwise_not", operands[0].type, (operands[0],))
    word = ir.IntegerType.get_signless(schema.type_bits(result.type))
    at = ir.IntegerAttr.get(i32(), axis % len(source.shape))
    return tosa.op("argmax", tosa.typed(result.shape, word), (complement,), axis=at)


def _has_number_in_vector(model: Model, operator: Operator) -> bool:
    number = model.tensors[operator.inputs[2]]
    return number.type == schema.INT8 and number.is_constant and number.shape == (1,)


def _pad_with(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    number = np.frombuffer(model.tensors[operator.inputs[2]].data, np.int8)
    amounts = tosa.sizes(numbers(model, operator, 1))
    kind = tosa.typed(model.tensors[operator.outputs[0]].shape, i8())
    return tosa.op("pad", kind, (operands[0], amounts, tosa.constant(number)))


def _has_constant_axes(model: Model, operator: Operator) -> bool:
    axes = model.tensors[operator.inputs[1]]
    return axes.type == schema.INT32 and axes.is_constant


def _sum(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    source, result = ends(model, operator)
    value = tosa.rescale(operands[0], i32(), tosa.UNIT, source=zero_of(source))
    for axis in sorted({each % value.type.rank for each in numbers(model, operator, 1)}):
        shape = list(value.type.shape)
        shape[axis] = 1
        value = tosa.op("reduce_sum", tosa.typed(shape, i32()), (value,), axis=ir.IntegerAttr.get(i32(), axis))
    scale = _round_away(model, operator, scale_of(source) / scale_of(result), zero_of(result))
    return tosa.reshape(tosa.rescale(value, i8(), scale, result=zero_of(result)), result.shape)


def _round_away(model: Model, operator: Operator, scale: float, zero_point: int) -> tuple[int, int]:
    """Multiplier and shift with which one rounding of any sum is that of its product with `scale`, a half away from zero."""
    multiplier, shift = quantise_scale(scale)
    exact = exact_multiplier(multiplier, shift, scale, zero_point)
    if exact is None:
        raise unsupported(model, operator, f"no multiplier of 31 bits rounds exactly at the scale {scale:.9g}")
    return exact, shift


_PIXEL = 1024  # parts


def _resize_bilinear(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    """Positions and weights are whole 1024ths of a pixel, as in LiteRT's `ResizeBilinearInteger`."""
    align_corners, half_pixel_centers = operator.option(2, "<b"), operator.option(3, "<b")
    source, result = ends(model, operator)
    steps, offsets, borders = [], [], []
    for size, count in zip(source.shape[1:3], result.shape[1:3]):
        first, last = (size - 1, count - 1) if align_corners and count > 1 else (size, count)
        step = max((_PIXEL * first + last // 2) // last, 1)  # of an image of one pixel, each position is that pixel
        offset = step // 2 - _PIXEL // 2 if half_pixel_centers else 0
        if (count - 1) * step + offset >= size * _PIXEL:
            raise unsupported(model, operator, f"at {size} to {count} pixels LiteRT reads behind the image")
        steps.append(step)
        offsets.append(offset)
        borders.append((count - 1) * step - (size - 1) * _PIXEL + offset)
    scale = [_PIXEL, steps[0], _PIXEL, steps[1]]
    mode = {"mode": ir.Attribute.parse("#tosa.resize_mode<BILINEAR>")}
    where = [tosa.sizes(each) for each in (scale, offsets, borders)]
    sums = tosa.op("resize", tosa.typed(result.shape, i32()), (operands[0], *where), **mode)
    return tosa.rescale(sums, i8(), _round_away(model, operator, 1 / _PIXEL**2, 0))


def _has_both_flags(model: Model, operator: Operator) -> bool:
    return bool(operator.option(0, "<b") and operator.option(1, "<b"))


def _resize_nearest(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    """LiteRT's `GetNearestNeighbor` with both flags, in floats of 32 bits."""
    source, result = ends(model, operator)
    rows, columns = (_nearest(*each) for each in zip(source.shape[1:3], result.shape[1:3]))
    batch, height, width, channels = source.shape
    places = np.ravel(rows[:, None] * width + columns[None]).astype(np.int32)
    pixels = tosa.reshape(operands[0], (batch, height * width, channels))
    kind = tosa.typed((batch, len(places), channels), i8())
    indices = tosa.constant(np.broadcast_to(places, (batch, len(places))))
    return tosa.reshape(tosa.op("gather", kind, (pixels, indices)), result.shape)


def _nearest(size: int, count: int) -> np.ndarray:
    scale = np.float32(size - 1) / np.float32(count - 1) if count > 1 else np.float32(size) / np.float32(count)
    positions = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * scale
    return np.minimum(np.floor(positions + np.float32(0.5)), size - 1).astype(int)


def _is_unusual_slice(model: Model, operator: Operator) -> bool:
    strides = model.tensors[operator.inputs[3]]
    if strides.type != schema.INT32 or not strides.is_constant:
        return False
    return bool(min(np.frombuffer(strides.data, np.int32)) < 0 or operator.option(2) or operator.option(3))


def _strided_slice(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
    value, result = operands[0], model.tensors[operator.outputs[0]]
    for axis, (size, pick) in enumerate(zip(value.type.shape, _picks(model, operator))):
        places = range(*pick.indices(size))
        if not places:
            raise unsupported(model, operator, f"nothing is left of axis {axis}, which has {size} elements")
        value = _pick(value, axis, places)
    return tosa.reshape(value, result.shape)


def _picks(model: Model, operator: Operator) -> list[slice]:
    """What is taken of each axis of the input; axes that are missing are taken whole."""
    begin_mask, end_mask, ellipsis, new_axis, shrink = (operator.option(field) for field in range(5))
    specs = list(zip(*(numbers(model, operator, number) for number in (1, 2, 3))))
    shape = model.tensors[operator.inputs[0]].shape
    spare = len(shape) - sum(not (ellipsis | new_axis) >> at & 1 for at in range(len(specs)))
    picks: list[slice] = []
    for at, (begin, end, stride) in enumerate(specs):
        bit = 1 << at
        if ellipsis & bit:
            picks += [slice(None)] * spare
        elif new_axis & bit:
            continue
        elif shrink & bit:
            begin += shape[len(picks)] if begin < 0 else 0
            picks.append(slice(begin, begin + 1))
        else:
            picks.append(slice(None if begin_mask & bit else begin, None if end_mask & bit else end, stride))
    return picks + [slice(None)] * (len(shape) - len(picks))


def _pick(value: ir.Value, axis: int, places: range) -> ir.Value:
    """The elements at `places` of an axis."""
    step, count = abs(places.step), len(places)
    start, shape = [0] * value.type.rank, list(value.type.shape)
    start[axis], shape[axis] = min(places[0], places[-1]), (count - 1) * step + 1
    value = tosa.slice(value, start, shape)
    if places.step < 0:
        value = tosa.reverse(value, axis)
    if step == 1 or count == 1:
        return value
    value = tosa.pad_end(value, axis, step - 1)
    groups, kept = ([*shape[:axis], count, each, *shape[axis + 1 :]] for each in (step, 1))
    value = tosa.slice(tosa.reshape(value, groups), [0] * len(groups), kept)
    return tosa.reshape(value, [*shape[:axis], count, *shape[axis + 1 :]])


def _refused(why: str) -> Write:
    def write(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> ir.Value:
        raise unsupported(model, operator, why)

    return write


_NO_KERNEL = "LiteRT has no reference kernel for int8"
_REFUSED = {
    "CEIL": _NO_KERNEL, "COS": _NO_KERNEL, "ELU": _NO_KERNEL, "FLOOR": _NO_KERNEL, "SIGN": _NO_KERNEL, "SIN": _NO_KERNEL,
    "SQUARE": _NO_KERNEL,
}  # fmt: skip
#: What is written here, and of which operators of the kind that is so.
_OWN: dict[int, Write] = {
    code("ABS"): _unary(_absolute),
    code("ARG_MIN"): _arg_min,
    code("GELU"): _unary(_gelu),
    code("LEAKY_RELU"): _unary(_leaky),
    code("NEG"): _unary(_negate),
    code("PADV2"): _pad_with,
    code("PRELU"): _prelu,
    code("RELU_N1_TO_1"): _unary(_relu_n1_to_1),
    code("RESIZE_BILINEAR"): _resize_bilinear,
    code("RESIZE_NEAREST_NEIGHBOR"): _resize_nearest,
    code("SQRT"): _unary(_square_root),
    code("STRIDED_SLICE"): _strided_slice,
    code("SUM"): _sum,
    **ARITHMETIC,
    **dict.fromkeys(_COMPARISONS, _compare),
    **dict.fromkeys(WINDOWS, write_window),
    **{code(name): _refused(why) for name, why in _REFUSED.items()},
}
_NEEDS: dict[int, Callable[[Model, Operator], bool]] = {
    code("ABS"): _is_requantised,
    code("ARG_MIN"): lambda *_: True,
    code("GELU"): _is_exact_gelu,
    code("LEAKY_RELU"): _has_unusual_slope,
    code("NEG"): lambda *_: True,
    code("PADV2"): _has_number_in_vector,
    code("PRELU"): _has_unusual_slopes,
    code("RELU_N1_TO_1"): _is_requantised,
    code("RESIZE_BILINEAR"): lambda *_: True,
    code("RESIZE_NEAREST_NEIGHBOR"): _has_both_flags,
    code("SQRT"): lambda *_: True,
    code("STRIDED_SLICE"): _is_unusual_slice,
    code("SUM"): _has_constant_axes,
    **dict.fromkeys(ARITHMETIC, lambda *_: True),
    **dict.fromkeys(_COMPARISONS, _compares_int8),
    **dict.fromkeys(WINDOWS, needs_own_window),
    **{code(name): lambda *_: True for name in _REFUSED},
}
