"""What operators have to be for anybody to read them: how many tensors they have, of which ranks, and sizes of windows.

The converter and the rules for shapes count on it, and a damaged file need not keep to it.
"""

from __future__ import annotations

import math

import numpy as np

from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.model import Model, Operator

_ANY = 1 << 30
#: Fewest and most inputs; an operator that is not named here has one.
_INPUTS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("CONCATENATION", "PACK"), (1, _ANY)),
    "RESHAPE": (1, 2),
    **dict.fromkeys(
        (
            "ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "PRELU",
            "BATCH_MATMUL", "BROADCAST_TO", "ARG_MAX", "ARG_MIN", "REDUCE_PROD",
            "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL",
            "EXPAND_DIMS", "GATHER", "GATHER_ND", "MEAN", "MIRROR_PAD", "PAD", "REDUCE_MAX", "REDUCE_MIN",
            "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SPLIT", "SUM", "TILE", "TRANSPOSE",
        ),
        (2, 2),
    ),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), (2, 3)),
    **dict.fromkeys(
        ("BATCH_TO_SPACE_ND", "PADV2", "SELECT", "SELECT_V2", "SLICE", "SPACE_TO_BATCH_ND", "SPLIT_V"), (3, 3)
    ),
    "TRANSPOSE_CONV": (3, 4),
    "STRIDED_SLICE": (4, 4),
    "SVDF": (5, 5),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (20, 24),
}  # fmt: skip
#: Inputs that may be left out before others that are there.
_OPTIONAL: dict[str, tuple[int, ...]] = {
    "SVDF": (3,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (1, 5, 9, 10, 11, 12, 16, 17),
}
#: Those that keep something from run to run have what they keep as outputs.
_MANY_OUTPUTS = ("SPLIT", "SPLIT_V", "UNPACK", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM")
#: Ranks of the first inputs and of the result, where the operator has no other.
_RANKS: dict[str, tuple[tuple[int, ...], int]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), ((4, 4), 4)),
    "TRANSPOSE_CONV": ((1, 4, 4), 4),
    **dict.fromkeys(
        (
            "AVERAGE_POOL_2D",
            "MAX_POOL_2D",
            "DEPTH_TO_SPACE",
            "SPACE_TO_DEPTH",
            "RESIZE_BILINEAR",
            "RESIZE_NEAREST_NEIGHBOR",
        ),
        ((4,), 4),
    ),
}
#: Fields of the options that are sizes, with their names and defaults.
_STRIDES = {1: ("stride over columns", 0), 2: ("stride over rows", 0)}
_SIZES: dict[str, dict[int, tuple[str, int]]] = {
    "CONV_2D": {**_STRIDES, 4: ("dilation of columns", 1), 5: ("dilation of rows", 1)},
    "DEPTHWISE_CONV_2D": {**_STRIDES, 5: ("dilation of columns", 1), 6: ("dilation of rows", 1)},
    **dict.fromkeys(
        ("AVERAGE_POOL_2D", "MAX_POOL_2D"), {**_STRIDES, 3: ("window's width", 0), 4: ("window's height", 0)}
    ),
    "TRANSPOSE_CONV": _STRIDES,
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), {0: ("block", 0)}),
}
#: Fields of the options that are real numbers.
_REALS: dict[str, dict[int, str]] = {"LEAKY_RELU": {0: "slope"}, "SOFTMAX": {0: "beta"}}


def form_fault(model: Model, operator: Operator) -> str | None:
    """What is wrong with the form of an operator, to follow its name; None if nothing is."""
    return (
        _arity_fault(operator) or _rank_fault(model, operator) or _size_fault(operator) or _step_fault(model, operator)
    )


def _step_fault(model: Model, operator: Operator) -> str | None:
    if schema.operator_name(operator.code) != "STRIDED_SLICE":
        return None
    steps = model.tensors[operator.inputs[3]]
    is_known = steps.type == schema.INT32 and steps.is_constant
    return "one of its steps is 0" if is_known and 0 in np.frombuffer(steps.data, np.int32) else None


def _rank_fault(model: Model, operator: Operator) -> str | None:
    ranks, result = _RANKS.get(schema.operator_name(operator.code), ((), None))
    for index, rank in (*zip(operator.inputs, ranks), *((each, result) for each in operator.outputs)):
        if rank is not None and len(model.tensors[index].shape) != rank:
            return f"tensor {model.tensors[index]} has {len(model.tensors[index].shape)} sizes where it takes {rank}"
    return None


def _size_fault(operator: Operator) -> str | None:
    for field, (what, default) in _SIZES.get(schema.operator_name(operator.code), {}).items():
        if (found := operator.option(field, default=default)) < 1:
            return f"its {what} is {found}"
    for field, what in _REALS.get(schema.operator_name(operator.code), {}).items():
        if not math.isfinite(found := operator.option(field, "<f")):
            return f"its {what} is {found}"
    return None


def _arity_fault(operator: Operator) -> str | None:
    name = schema.operator_name(operator.code)
    fewest, most = _INPUTS.get(name, (1, 1))
    found = len(operator.inputs)
    if not fewest <= found <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} or more" if most == _ANY else f"{fewest} to {most}"
        return f"it has {found} input{'s' * (found != 1)} where it takes {wanted}"
    absent = [
        number for number in range(fewest) if operator.inputs[number] == -1 and number not in _OPTIONAL.get(name, ())
    ]
    if absent:
        return f"its input {absent[0]} is left out"
    found = len(operator.outputs)
    if found != 1 and not (found and name in _MANY_OUTPUTS):
        return f"it has {found} outputs where it makes {'1 or more' if name in _MANY_OUTPUTS else '1'}"
    return None
