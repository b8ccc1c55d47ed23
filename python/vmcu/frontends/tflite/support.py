"""The operators of `.tflite` files that compile, in which forms, and what is refused before anything is converted.

`SUPPORT` is the one table of them: refusals, `vmcu ops` and docs/reference/operators.md say what it says. What is not in it
is refused by name: the converter would turn some operators into TOSA that computes something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.forms import form_fault
from vmcu.frontends.tflite.model import Model, Operator, Tensor
from vmcu.frontends.tflite.recurrent import KEPT, lstm_fault, svdf_fault

Kernel = Literal["segments", "buffers", "none"]
#: Says what is wrong with a use of an operator, or nothing.
Check = Callable[[Model, Operator], str | None]

_LITERT = "LiteRT"
_TOSA = "TOSA"
_CUSTOM = schema.operator_code("CUSTOM")
_FLOATS = (schema.FLOAT32, 1, 10, 18)  # float32, float16, float64, bfloat16


@dataclass(frozen=True)
class Support:
    """How far one operator is supported.

    Args:
        kernel: `segments` overlap input and output and run in streams, `buffers` are plain loops on tensors apart,
            `none` moves no byte.
        form: the forms that compile, for people.
        exact: whose results come out bit for bit: LiteRT's reference kernels, or TOSA's where LiteRT has no right ones.
        check: refuses other forms, where nobody behind does.
        moves: whether it only moves elements, so that it takes tensors without a scale.
        int16: whether activations may be int16, with a zero point of 0; those run on buffers.
        indices: whether its result is int32 or int64, an output of the model.
    """

    kernel: Kernel
    form: str
    exact: str = _LITERT
    check: Check | None = None
    moves: bool = False
    int16: bool = False
    indices: bool = False

    @property
    def forms(self) -> str:
        """The forms that compile, of all types."""
        return f"{self.form}; int16 on buffers" if self.int16 and self.kernel != "none" else self.form


def _first(model: Model, operator: Operator) -> tuple[Tensor, Tensor]:
    source = next(index for index in operator.inputs if index >= 0)
    return model.tensors[source], model.tensors[operator.outputs[0]]


def _quantisation(tensor: Tensor) -> tuple[list[float], list[int]]:
    return tensor.scales.tolist(), tensor.zero_points.tolist()


def _one_quantisation(model: Model, operator: Operator) -> str | None:
    """Of all activations and quantised constants."""
    ends = [model.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    found = [_quantisation(each) for each in ends if each.type in (schema.INT8, schema.INT16)]
    if any(each != found[0] for each in found):
        return "its inputs and outputs differ in scale or zero point"
    return None


def _negates_integers(model: Model, operator: Operator) -> str | None:
    source, result = _first(model, operator)
    if _quantisation(source) != _quantisation(result) or any(source.zero_points.tolist()):
        return "LiteRT's kernel negates integers as they are; nearest is SUB from a constant"
    return None


def _has(scale: float, zero_point: int) -> Check:
    """A check for the one scale and zero point that results have in LiteRT."""

    def check(model: Model, operator: Operator) -> str | None:
        _, result = _first(model, operator)
        if _quantisation(result) != ([scale], [zero_point]):
            return f"its output has the scale {result.scales[0]:.6g} and the zero point {result.zero_points[0]}"
        return None

    return check


def _int8_to_int8(model: Model, operator: Operator) -> str | None:
    source, result = _first(model, operator)
    return None if source.type == result.type else f"it turns {source} into {result}"


_MOVED = "the elements of int8 tensors"
_SAME = "inputs and outputs of one scale and zero point"
_TABLE = "int8; a table of 256 results"
_BROADCASTS = "an operand of one value for all, for each channel or for each pixel; others that broadcast on buffers"

SUPPORT: dict[str, Support] = {
    "ABS": Support("segments", "int8"),
    "ADD": Support("segments", f"int8; a fused activation; {_BROADCASTS}"),
    "ASSIGN_VARIABLE": Support(
        "buffers", "int8 or int16; no byte moves if the tensor is made where the variable is; it is state of the model"
    ),
    **dict.fromkeys(
        ("ARG_MAX", "ARG_MIN"),
        Support("buffers", "int8; the place as int32 or int64, an output of the model", indices=True),
    ),
    "AVERAGE_POOL_2D": Support("segments", "int8; on buffers where a window hangs over the border"),
    "BATCH_MATMUL": Support("buffers", "int8; either side may be a constant"),
    "BATCH_TO_SPACE_ND": Support("segments", _MOVED, moves=True),
    "BROADCAST_TO": Support("segments", f"{_MOVED}, to a constant shape", moves=True),
    "CALL_ONCE": Support("none", "a subgraph that assigns constants to variables: their initial values"),
    "CAST": Support("none", "int8 to int8", check=_int8_to_int8, moves=True),
    "CONCATENATION": Support("segments", f"int8; {_SAME}", check=_one_quantisation, moves=True),
    "CONV_2D": Support(
        "segments",
        "int8 weights with one scale or one per channel; any window, stride, dilation, padding; groups on buffers; a fused "
        "activation",
    ),
    "DEPTHWISE_CONV_2D": Support(
        "segments",
        "int8 weights; any window, stride, dilation, padding; with a channel multiplier above 1 on buffers, unless there is "
        "one input channel",
    ),
    "DEPTH_TO_SPACE": Support("segments", _MOVED, moves=True),
    "DEQUANTIZE": Support("segments", "int8 to the float output of a model; `--io` says whether it is cut off"),
    "DIV": Support("buffers", "int8; quotients by zero are zero, and those for which LiteRT shifts beyond a word"),
    **dict.fromkeys(
        ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"),
        Support("buffers", "int8 of scales below 1, compared as bool"),
    ),
    "EXP": Support("segments", _TABLE),
    "EXPAND_DIMS": Support("none", _MOVED, moves=True),
    **dict.fromkeys(
        ("FLOOR_DIV", "FLOOR_MOD"),
        Support("buffers", "int8, of the integers without their scales; LiteRT stops at a division by zero"),
    ),
    "FULLY_CONNECTED": Support(
        "segments",
        "int8 weights, which may be an activation; a fused activation; the rows of a flattened map as they come",
    ),
    "GATHER": Support("segments", f"{_MOVED}, by constant indices", moves=True),
    "GATHER_ND": Support("segments", f"{_MOVED}, by constant indices", moves=True),
    "GELU": Support("segments", _TABLE),
    "HARD_SWISH": Support("segments", _TABLE),
    "L2_NORMALIZATION": Support(
        "buffers", "int8; an output of scale 1/128 and zero point 0", check=_has(1 / 128, 0)
    ),
    "LEAKY_RELU": Support("segments", "int8"),
    "LOG": Support("segments", _TABLE),
    "LOG_SOFTMAX": Support(
        "buffers", "int8; an output of scale 1/16 and zero point 127", check=_has(1 / 16, 127)
    ),
    "LOGISTIC": Support("segments", f"{_TABLE}; an output of scale 1/256 and zero point -128"),
    "MAXIMUM": Support("segments", f"int8; {_SAME}; {_BROADCASTS}", check=_one_quantisation),
    "MAX_POOL_2D": Support("segments", f"int8; {_SAME}; a fused activation"),
    "MEAN": Support("segments", "int8; over rows and columns; other axes on buffers"),
    "MINIMUM": Support("segments", f"int8; {_SAME}; {_BROADCASTS}", check=_one_quantisation),
    "MIRROR_PAD": Support("segments", _MOVED, moves=True),
    "MUL": Support("segments", f"int8; a fused activation; {_BROADCASTS}"),
    "NEG": Support("segments", f"{_TABLE}; {_SAME}, which is 0", check=_negates_integers),
    "PACK": Support("segments", f"int8; {_SAME}", check=_one_quantisation, moves=True),
    "PAD": Support("segments", "int8; padding before a convolution is part of its kernel"),
    "PADV2": Support("segments", "int8; padding before a convolution is part of its kernel"),
    "PRELU": Support("segments", "int8; constant slopes of any shape that broadcasts"),
    "QUANTIZE": Support("segments", "int8 to int8 of another scale, or int16; the float input of a model"),
    "READ_VARIABLE": Support("none", "int8 or int16"),
    "REDUCE_MAX": Support("segments", f"int8; {_SAME}; one axis, or rows and columns", check=_one_quantisation),
    "REDUCE_MIN": Support("segments", f"int8; {_SAME}; one axis, or rows and columns", check=_one_quantisation),
    "REDUCE_PROD": Support("buffers", "int8; constant axes"),
    "RELU": Support("segments", "int8; fused into a layer it is the clamp of its requantisation"),
    "RELU6": Support("segments", "int8; fused into a layer it is the clamp of its requantisation"),
    "RELU_0_TO_1": Support("segments", "int8; fused into a layer it is the clamp of its requantisation"),
    "RELU_N1_TO_1": Support("segments", "int8"),
    "RESHAPE": Support("none", "the same bytes; constant sizes, or sizes that follow from shapes", moves=True),
    "RESIZE_BILINEAR": Support("segments", "int8; a constant size"),
    "RESIZE_NEAREST_NEIGHBOR": Support("segments", "int8; a constant size", moves=True),
    "REVERSE_V2": Support("segments", f"{_MOVED}, along one axis", moves=True),
    "RSQRT": Support("segments", "int8; a table of 256 results; LiteRT's kernel takes inputs above zero only"),
    "SELECT": Support("buffers", f"int8, chosen by bool; {_SAME}", check=_one_quantisation),
    "SELECT_V2": Support("buffers", f"int8, chosen by bool; {_SAME}", check=_one_quantisation),
    "SLICE": Support("segments", f"{_MOVED}, by constant begin and size", moves=True),
    "SOFTMAX": Support("buffers", "int8; a beta above 0; an output of scale 1/256 and zero point -128"),
    "SPACE_TO_BATCH_ND": Support("segments", _MOVED, moves=True),
    "SPACE_TO_DEPTH": Support("segments", _MOVED, moves=True),
    "SPLIT": Support("segments", _MOVED, moves=True),
    "SPLIT_V": Support("segments", _MOVED, moves=True),
    "SQRT": Support("segments", f"{_TABLE}; LiteRT's kernel takes inputs of zero and more only"),
    "SQUARED_DIFFERENCE": Support("segments", f"int8; {_BROADCASTS}"),
    "SQUEEZE": Support("none", _MOVED, moves=True),
    "STRIDED_SLICE": Support("segments", f"{_MOVED}, by constant begin, end and steps", moves=True),
    "SUB": Support("segments", f"int8; a fused activation; {_BROADCASTS}"),
    "SVDF": Support(
        "buffers", "int8 with time weights and a memory of int16, which is state of the model", check=svdf_fault
    ),
    "SUM": Support("segments", "int8", exact=_TOSA),
    "TANH": Support("segments", _TABLE),
    "TILE": Support("segments", _MOVED, moves=True),
    "TRANSPOSE": Support("segments", f"{_MOVED}, by a constant permutation", moves=True),
    "TRANSPOSE_CONV": Support(
        "segments",
        "int8 weights with one scale or one per channel; a constant output shape; on buffers with weights that are computed",
    ),
    "UNPACK": Support("segments", _MOVED, moves=True),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Support(
        "buffers",
        "int8 with cells of int16; four gates, without peephole connections, projection and layer normalisation; its last "
        "output and its cells are state of the model",
        check=lstm_fault,
    ),
    "VAR_HANDLE": Support("none", "a variable of int8 or int16"),
}  # fmt: skip

#: Operators that are exact on int16 as well.
_INT16 = """
ADD AVERAGE_POOL_2D BATCH_MATMUL CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE EXPAND_DIMS FULLY_CONNECTED GATHER
GATHER_ND LEAKY_RELU LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL PACK PAD PADV2 QUANTIZE REDUCE_MAX REDUCE_MIN
RELU RELU6 RESHAPE REVERSE_V2 SLICE SOFTMAX SPLIT SPLIT_V SQUEEZE STRIDED_SLICE SUB TANH TILE TRANSPOSE UNPACK
"""
SUPPORT |= {name: replace(SUPPORT[name], int16=True) for name in _INT16.split()}

_NO_KERNEL = "LiteRT has no reference kernel for int8"
#: Why an operator is not in the table, where there is a reason of its own.
_WHY = dict.fromkeys(("CEIL", "COS", "ELU", "FLOOR", "SIGN", "SIN", "SQUARE"), _NO_KERNEL)
#: What to write in place of an operator that is not in the table.
_INSTEAD = {
    "ELU": "RELU, LEAKY_RELU or HARD_SWISH",
    "L2_POOL_2D": "AVERAGE_POOL_2D",
    "LSTM": "an unrolled network of FULLY_CONNECTED, LOGISTIC, TANH, MUL and ADD on int8",
    "SQUARE": "MUL of a tensor with itself",
}
_LIST = "`vmcu ops` lists all that is supported"


def find_faults(model: Model) -> list[str]:
    """What keeps a model from being compiled, as far as the file tells: each operator with its tensor and the reason."""
    live = model.live_operators()
    floats = [each for each in live if _computes_on_floats(model, each)]
    if floats and not any(_is(each, "DEQUANTIZE") or _is(each, "QUANTIZE") for each in live):
        more = f", and {len(floats) - 1} more operators," if len(floats) > 1 else ""
        return [
            f"{_where(model, floats[0])}{more} computes on {_float(model, floats[0])}; supported are int8 networks: "
            "quantise all operators of the model"
        ]
    islands = list(_islands(model, floats))
    on_islands = set[int]().union(*(tensors for _, tensors in islands))
    others = [each for each in live if not _float_ends(model, each) & on_islands]
    found = ((each, _fault(model, each)) for each in others)
    faults = [_describe_island(model, each) for each in islands]
    return faults + [f"{_where(model, operator)}: {fault}" for operator, fault in found if fault]


def _where(model: Model, operator: Operator) -> str:
    return f"operator {operator.name} at layer '{model.layer(operator)}' (number {operator.index})"


def _is(operator: Operator, name: str) -> bool:
    return schema.operator_name(operator.code) == name


def _fault(model: Model, operator: Operator) -> str | None:
    name = schema.operator_name(operator.code)
    support = SUPPORT.get(name)
    if operator.code == _CUSTOM:
        return f"it is not TFLite's, and no kernel is known for it{_custom_hint(operator)}; {_LIST}"
    if support is None:
        why = _WHY.get(name, "there is no kernel for int8")
        instead = f"; nearest is {_INSTEAD[name]}" if name in _INSTEAD else ""
        return f"it is not supported: {why}{instead}; {_LIST}"
    fault = (
        form_fault(model, operator)
        or _tensor_fault(model, operator, support)
        or _int16_fault(model, operator)
        or (support.check(model, operator) if support.check else None)
    )
    return f"{fault}; supported: {support.forms}" if fault else None


def _int16_fault(model: Model, operator: Operator) -> str | None:
    """What is wrong with an operator on int16, as LiteRT has such operators."""
    ends = [model.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    activations = [each for each in ends if not each.is_constant]
    if not any(each.type == schema.INT16 for each in activations) or operator.code in KEPT:
        return None
    for tensor in ends:
        if tensor.type == schema.INT16 and any(tensor.zero_points.tolist()):
            return f"tensor {tensor} has the zero point {tensor.zero_points[0]}; that of int16 is 0"
    if _is(operator, "QUANTIZE") or _is(operator, "DEQUANTIZE"):
        return None
    other = next((each for each in activations if each.type != schema.INT16), None)
    if other is not None:
        return f"tensor {other} is {schema.type_name(other.type)} beside int16"
    if operator.code in _WITH_WEIGHTS:
        return _weights_fault([model.tensors[index] for index in operator.inputs[1:] if index >= 0])
    if _is(operator, "SOFTMAX") and operator.option(0, "<f") != 1:
        return f"beta is {operator.option(0, '<f'):g}; that of int16 is 1"
    return None


_WITH_WEIGHTS = frozenset(map(schema.operator_code, ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")))


def _weights_fault(tensors: Sequence[Tensor]) -> str | None:
    """LiteRT reads a bias of int16 layers as int64, whatever it is."""
    weights, *bias = tensors
    if weights.type != schema.INT8 or not weights.is_constant:
        return f"the weights {weights} are no constant of int8"
    if bias and bias[0].type != schema.INT64:
        return f"the bias {bias[0]} is {schema.type_name(bias[0].type)}; that of int16 layers is int64"
    return None


def _custom_hint(operator: Operator) -> str:
    if operator.custom.lower() == "ethos-u":
        return ": it holds commands for an Ethos-U, so compile the model as it was before Vela"
    return ""


def _tensor_fault(model: Model, operator: Operator, support: Support) -> str | None:
    for index in (*operator.inputs, *operator.outputs):
        if index < 0:
            continue
        tensor = model.tensors[index]
        if tensor.is_sparse:
            return f"tensor {tensor} is sparse"
        if tensor.is_variable:
            return f"tensor {tensor} keeps its value from run to run"
        known = (*_element_types(model, index), *((schema.INT16,) if support.int16 else ()))
        if support.indices and index in operator.outputs and index in model.outputs:
            known += (schema.INT32, schema.INT64)
        if not tensor.is_constant and tensor.type not in known:
            return f"tensor {tensor} is {schema.type_name(tensor.type)}"
        if tensor.is_constant and tensor.type in _FLOATS and not _is(operator, "DEQUANTIZE"):
            return f"the constant {tensor} is {schema.type_name(tensor.type)}"
        if tensor.type in (schema.INT8, schema.INT16) and not support.moves and not tensor.is_quantised:
            return f"tensor {tensor} has no scale"
        if tensor.is_quantised and (wrong := _quantisation_fault(tensor)):
            return f"tensor {tensor} has {wrong}"
    return None


def _element_types(model: Model, index: int) -> tuple[int, ...]:
    """What an activation may be. Unsigned bytes and floats are for the inputs and outputs of a model."""
    is_boundary = index in model.inputs or index in model.outputs
    kept = {end for each in model.states for end in (model.inputs[each.source], model.outputs[each.result])}
    if index in kept:
        return (schema.INT8, schema.INT16)
    return (schema.INT8, schema.UINT8, *_FLOATS) if is_boundary else (schema.INT8, schema.BOOL)


def _quantisation_fault(tensor: Tensor) -> str | None:
    wrong = [scale for scale in tensor.scales.tolist() if not (math.isfinite(scale) and scale > 0)]
    if wrong:
        return f"the scale {wrong[0]:g}"
    channels = tensor.shape[tensor.axis] if 0 <= tensor.axis < len(tensor.shape) else 1
    if len(tensor.scales) not in (1, channels):
        return f"{len(tensor.scales)} scales for {channels} channels"
    low, high = (0, 255) if tensor.type == schema.UINT8 else (-128, 127)
    wrong = [each for each in tensor.zero_points.tolist() if tensor.type in (3, 9) and not low <= each <= high]
    return f"the zero point {wrong[0]}" if wrong else None


def _float(model: Model, operator: Operator) -> str:
    ends = [model.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return schema.type_name(next(each.type for each in ends if each.type in _FLOATS))


def _float_ends(model: Model, operator: Operator) -> set[int]:
    """The activations of an operator that are floats."""
    ends = {index for index in (*operator.inputs, *operator.outputs) if index >= 0}
    return {index for index in ends if model.tensors[index].type in _FLOATS and not model.tensors[index].is_constant}


def _computes_on_floats(model: Model, operator: Operator) -> bool:
    return bool(_float_ends(model, operator)) and not (_is(operator, "QUANTIZE") or _is(operator, "DEQUANTIZE"))


def _islands(model: Model, floats: list[Operator]) -> Iterator[tuple[list[Operator], set[int]]]:
    """Operators on floats that hand tensors to one another, and all those tensors."""
    left = list(floats)
    while left:
        members, tensors = [left.pop(0)], set[int]()
        while True:
            tensors = set().union(*(_float_ends(model, each) for each in members))
            more = [each for each in left if _float_ends(model, each) & tensors]
            if not more:
                break
            members += more
            left = [each for each in left if each not in more]
        yield members, tensors


def _describe_island(model: Model, island: tuple[list[Operator], set[int]]) -> str:
    members, tensors = island
    names = ", ".join(dict.fromkeys(each.name for each in members))
    start = [each for each in model.operators if _is(each, "DEQUANTIZE") and tensors.intersection(each.outputs)]
    end = [each for each in model.operators if _is(each, "QUANTIZE") and tensors.intersection(each.inputs)]
    since = _where(model, start[0]).removeprefix("operator ") if start else "the model's input"
    until = _where(model, end[0]).removeprefix("operator ") if end else "the model's output"
    one = "operator computes" if len(members) == 1 else "operators compute"
    return (
        f"{len(members)} {one} on {_float(model, members[0])} between {since} and {until}: {names}; supported are int8 "
        "networks, with floats at their inputs and outputs only: quantise these operators, too"
    )
