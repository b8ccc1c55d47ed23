"""Where the converter's TOSA computes something else than the TFLite model: mended if TOSA can say it, refused if not.

| operator on int8 | the converter | here |
|---|---|---|
| FULLY_CONNECTED | rounds twice where LiteRT rounds once, a half away from zero | `SINGLE_ROUND`, a multiplier for ties |
| TRANSPOSE_CONV, strides beyond the window | divides what is missing between both sides | all of it behind the image |
| AVERAGE_POOL_2D, MAX_POOL_2D | drops the fused activation | a `tosa.clamp` behind the pooling |
| RELU, RELU6, RELU_0_TO_1 | rounds once where LiteRT rounds twice | `DOUBLE_ROUND` |
| SOFTMAX on int16 | cuts places in its tables to 16 bits | saturates them |
| RESIZE_NEAREST_NEIGHBOR | rounds to the nearest pixel where LiteRT takes the one below | half a pixel lower |
| ABS | ignores the zero point | the same between two rescales by 1, which know it |
| ROUND | drops the operator | refused |

What an operator became is found by its layer's name, the name of its output, which the converter writes into locations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mlir import ir

from vmcu.errors import SUPPORTED, Unsupported
from vmcu.frontends.tflite import tosa
from vmcu.frontends.tflite.fixed_point import clamp_of
from vmcu.frontends.tflite.quantisation import Operator, operators
from vmcu.frontends.tflite.rounding import exact_multiplier
from vmcu.frontends.tflite.schema import INT8, INT16, UINT8, operator_name
from vmcu.ir import walk
from vmcu.ir.clone import clone_into

Made = list[ir.OpView]  # the operations that an operator became

# BuiltinOperator and ActivationFunctionType of the TFLite schema.
_AVERAGE_POOL_2D, _FULLY_CONNECTED, _MAX_POOL_2D = 1, 9, 17
_RELU, _RELU6 = 19, 21
_SOFTMAX, _TRANSPOSE_CONV = 25, 67
_RESIZE_NEAREST_NEIGHBOR, _ABS, _ROUND, _RELU_0_TO_1 = 97, 101, 116, 152
#: They convert, or move bytes: DEQUANTIZE, RESHAPE, TRANSPOSE, SQUEEZE, EXPAND_DIMS, QUANTIZE.
_KEEP_BYTES = frozenset((6, 22, 39, 43, 70, 114))
_MOST_OPTIONS = 8  # of an operator above


def correct(path: Path, module: ir.Module) -> None:
    """Make `module`, as the converter wrote it, compute what LiteRT computes for the model at `path`.

    Raises:
        Unsupported: TOSA cannot say it; the message names the operator and its layer.
    """
    _refuse_unsigned_arithmetic(path)
    made: dict[str, Made] = {}
    for op in walk.walk(module.operation):
        made.setdefault(walk.layer(op), []).append(op)
    wanted = [each for each in operators(path) if each.code in _CORRECTIONS and each.result.scale is not None]
    by_layer = {each.result.name: made.get(f"'{each.result.name}'", []) for each in wanted}
    done = {_identity(each) for each in wanted if by_layer[each.result.name]}
    for operator in wanted:
        # The converter makes equal operators one: what it made of the other is mended once.
        if by_layer[operator.result.name] or _identity(operator) not in done:
            _CORRECTIONS[operator.code](operator, by_layer[operator.result.name])


def _refuse_unsigned_arithmetic(path: Path) -> None:
    """Refuse a network that computes on uint8: the converter makes int8 of it, whose kernels round in other ways."""
    for operator in operators(path):
        tensors = [each for each in (*operator.inputs, *operator.outputs) if each is not None and len(each.scales)]
        if operator.code not in _KEEP_BYTES and any(each.type == UINT8 for each in tensors):
            name = operator_name(operator.code)
            raise Unsupported(
                f"operator {name} at layer '{operator.result.name}' computes on uint8, as networks of the old "
                "quantisation do; supported are int8 networks, with uint8 at their inputs and outputs only"
            )


def _identity(operator: Operator) -> tuple[object, ...]:
    """Equal for operators that compute the same."""
    result = operator.result
    options = tuple(operator.option(field) for field in range(_MOST_OPTIONS))
    names = tuple(each.name if each else None for each in operator.inputs)
    return operator.code, names, result.scale, result.zero_point, options


def _clamp(operator: Operator, made: Made) -> None:
    assert operator.result.scale is not None, "only operators whose result has a scale are corrected"
    tensor = operator.outputs[0]
    bits = 16 if tensor is not None and tensor.type == INT16 else 8
    bounds = clamp_of(operator.option(5), operator.result.scale, operator.result.zero_point or 0, bits)
    if bounds is None:
        return
    name = "MAX_POOL_2D" if operator.code == _MAX_POOL_2D else "AVERAGE_POOL_2D"
    pooling = _only(operator, name, made, ("tosa.max_pool2d", "tosa.avg_pool2d"))
    value = pooling.results[0]
    with pooling.location, ir.InsertionPoint.after(pooling):
        clamp = tosa.clamp(value, *bounds)
    value.replace_all_uses_except(clamp, clamp.owner.operation)


def _saturate_places(_: Operator, made: Made) -> None:
    """On int16: places in a table end at both ends of it; the converter's are cut to 16 bits, and begin anew."""
    for op in made:
        is_place = op.operation.name == "tosa.cast" and walk.is_int16(op.results[0].type)
        if is_place:
            with op.location, ir.InsertionPoint(op):
                op.operation.operands[0] = tosa.clamp(op.operands[0], -(2**15), 2**15 - 1)


def _round_once(operator: Operator, made: Made) -> None:
    """One rounding, by multipliers that make it LiteRT's; sums that are not requantised to int8 stay as they are."""
    source, weights, result = operator.inputs[0], operator.inputs[1], operator.result
    is_int8 = source is not None and source.type == INT8
    if source is None or not is_int8 or weights is None or result.scale is None or not len(weights.scales):
        return
    rescale = _only(operator, "FULLY_CONNECTED", made, ("tosa.rescale",))
    rescale.attributes["rounding_mode"] = ir.Attribute.parse("#tosa.rounding_mode<SINGLE_ROUND>", rescale.context)
    multipliers, shifts = (_numbers(rescale.operands[at]) for at in (1, 2))
    scales = np.float64(source.scales[0]) * weights.scales.astype(np.float64) / np.float64(np.float32(result.scale))
    table = [
        exact_multiplier(int(multiplier), int(shift), float(scale), result.zero_point or 0)
        for multiplier, shift, scale in zip(multipliers, shifts, np.broadcast_to(scales, multipliers.shape))
    ]
    if None in table:
        scale = scales[table.index(None) % len(scales)]
        _refuse(operator, "FULLY_CONNECTED", f"no multiplier of 31 bits rounds as LiteRT does at the scale {scale:.9g}")
    if table != multipliers.tolist():
        with rescale.location, ir.InsertionPoint(rescale):
            rescale.operands[1] = _constant(np.array(table, np.int32))


def _pad_behind(operator: Operator, made: Made) -> None:
    """LiteRT's padding in front is half of what the windows hang over the image, and never less than nothing."""
    for op in made:
        if op.operation.name != "tosa.transpose_conv2d":
            continue
        padding = []
        ends = (value.type.shape[1:3] for value in (op.operands[0], op.operands[1], op.results[0]))
        for size, window, count, stride in zip(*ends, ir.DenseI64ArrayAttr(op.attributes["stride"])):
            reach = (size - 1) * stride + window
            front = max(reach - count, 0) // 2
            padding += [-front, count - reach + front]
        op.attributes["out_pad"] = ir.DenseI64ArrayAttr.get(padding)


def _numbers(constant: ir.Value) -> np.ndarray:
    return np.array(ir.OpResult(constant).owner.attributes["values"]).astype(int)


def _constant(values: np.ndarray) -> ir.Value:
    numbers = ir.DenseElementsAttr.get(values)
    return ir.Operation.create("tosa.const", [numbers.type], attributes={"values": numbers}).results[0]


def _round_twice(_: Operator, made: Made) -> None:
    for op in made:
        if op.operation.name == "tosa.rescale":
            op.attributes["rounding_mode"] = ir.Attribute.parse("#tosa.rounding_mode<DOUBLE_ROUND>", op.context)


def _take_pixel_below(operator: Operator, made: Made) -> None:
    """LiteRT's position of output pixel x is x * down / up, floored; TOSA's (x * down + offset) / up, rounded half up.

    Positions half a pixel lower, rounded up, are the same. To have halves, `up` and `down` are doubled.
    """
    align_corners, half_pixel_centers = operator.option(0), operator.option(1)
    name = "RESIZE_NEAREST_NEIGHBOR"
    if align_corners or half_pixel_centers:
        return
    resize = _only(operator, name, made, ("tosa.resize",))
    inputs, outputs = (value.type.shape[1:3] for value in (resize.operands[0], resize.results[0]))
    if any(_below(size, count) != _below_in_floats(size, count) for size, count in zip(inputs, outputs)):
        _refuse(operator, name, f"from {inputs} to {outputs} pixels LiteRT errs by rounding; other sizes are supported")
    ratios = [(count // math.gcd(size, count), size // math.gcd(size, count)) for size, count in zip(inputs, outputs)]
    scale = [2 * each for ratio in ratios for each in ratio]
    offset = [-up for up, _ in ratios]
    border = [(count - 1) * 2 * down - (size - 1) * 2 * up - up
              for size, count, (up, down) in zip(inputs, outputs, ratios)]  # fmt: skip
    with resize.location, ir.InsertionPoint(resize):
        for number, values in enumerate((scale, offset, border), start=1):
            resize.operation.operands[number] = _shape(values)


def _below(size: int, count: int) -> list[int]:
    return [x * size // count for x in range(count)]


def _below_in_floats(size: int, count: int) -> list[int]:
    positions = np.arange(count, dtype=np.float32) * (np.float32(size) / np.float32(count))
    return np.minimum(np.floor(positions), size - 1).astype(int).tolist()


def _shape(values: list[int]) -> ir.Value:
    kind = ir.Type.parse(f"!tosa.shape<{len(values)}>")
    numbers = ir.DenseIntElementsAttr.get(np.array(values), type=ir.IndexType.get())
    return ir.Operation.create("tosa.const_shape", [kind], attributes={"values": numbers}).results[0]


#: `y = |x - zero| + zero`, saturated: what LiteRT computes if input and output have one scale and zero point.
_ABSOLUTE = """
func.func @abs(%x: {kind}) -> {kind} {{
  %one = "tosa.const"() <{{values = dense<1073741824> : tensor<1xi32>}}> : () -> tensor<1xi32>
  %shift = "tosa.const"() <{{values = dense<30> : tensor<1xi8>}}> : () -> tensor<1xi8>
  %zero = "tosa.const"() <{{values = dense<{zero}> : tensor<1xi8>}}> : () -> tensor<1xi8>
  %none = "tosa.const"() <{{values = dense<0> : tensor<1xi32>}}> : () -> tensor<1xi32>
  %wide = tosa.rescale %x, %one, %shift, %zero, %none {{input_unsigned = false, output_unsigned = false,
      per_channel = false, rounding_mode = SINGLE_ROUND, scale32 = true}}
      : ({kind}, tensor<1xi32>, tensor<1xi8>, tensor<1xi8>, tensor<1xi32>) -> {wide}
  %positive = tosa.abs %wide : ({wide}) -> {wide}
  %y = tosa.rescale %positive, %one, %shift, %none, %zero {{input_unsigned = false, output_unsigned = false,
      per_channel = false, rounding_mode = SINGLE_ROUND, scale32 = true}}
      : ({wide}, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi8>) -> {kind}
  return %y : {kind}
}}
"""


def _absolute(operator: Operator, made: Made) -> None:
    """The converter makes it of equal scales and zero points only."""
    op = _only(operator, "ABS", made, ("tosa.abs",))
    kind, value = op.results[0].type, op.results[0]
    wide = ir.RankedTensorType.get(kind.shape, ir.IntegerType.get_signless(32, op.context))
    template = ir.Module.parse(_ABSOLUTE.format(kind=kind, wide=wide, zero=operator.source.zero_point), op.context)
    body = template.body.operations[0].regions[0].blocks[0]
    *inner, end = list(body.operations)
    with op.location, ir.InsertionPoint(op):
        mapping = {body.arguments[0]: op.operands[0]}
        clone_into(inner, mapping)
    value.replace_all_uses_with(mapping[end.operands[0]])
    op.erase()


def _only(operator: Operator, name: str, made: Made, kinds: tuple[str, ...]) -> ir.Operation:
    found = [op.operation for op in made if op.operation.name in kinds]
    if len(found) != 1:
        _refuse(operator, name, f"the converter made {len(found)} operations of it, expected one")
    return found[0]


def _refuse(operator: Operator, name: str, why: str = f"TOSA has no equal operation for int8; {SUPPORTED}") -> None:
    raise Unsupported(f"operator {name} at layer '{operator.result.name}' is not supported: {why}")


def _refusal(name: str) -> Callable[[Operator, Made], None]:
    return lambda operator, made: _refuse(operator, name)


_CORRECTIONS: dict[int, Callable[[Operator, Made], None]] = {
    _AVERAGE_POOL_2D: _clamp,
    _FULLY_CONNECTED: _round_once,
    _TRANSPOSE_CONV: _pad_behind,
    _MAX_POOL_2D: _clamp,
    _RELU: _round_twice,
    _RELU6: _round_twice,
    _RELU_0_TO_1: _round_twice,
    _SOFTMAX: _saturate_places,
    _RESIZE_NEAREST_NEIGHBOR: _take_pixel_below,
    _ABS: _absolute,
    _ROUND: _refusal("ROUND"),
}
