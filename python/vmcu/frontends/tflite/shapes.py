"""Make the shapes of a model static, with batch 1, and compute what depends on shapes alone.

Before: an input of ?x16x8; SHAPE, STRIDED_SLICE and PACK of it, which give a RESHAPE its sizes
After:  an input of 1x16x8; constants in place of those operators, and static shapes where they are known

Exporters write such operators where a model was made for any batch. The shapes that the file has for the tensors behind
them are guesses: unknown sizes are written as 1. Hence a shape is known from operators' rules only, and where there is
no rule here, the converter finds it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from vmcu.errors import Unsupported
from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.model import Model, Operator, Tensor
from vmcu.frontends.tflite.schema import operator_code as code

Shape = tuple[int, ...]
Values = Mapping[int, np.ndarray]

_INTEGERS = {schema.INT32: np.int32, schema.INT64: np.int64, schema.BOOL: np.bool_}
_MOST_VALUES = 4096  # elements of a constant that is taken for one about shapes


def is_dynamic(model: Model) -> bool:
    """Whether a size of an input is left open."""
    return any(-1 in model.tensors[index].signature for index in model.inputs)


def make_static(model: Model) -> tuple[tuple[Tensor, ...], dict[int, np.ndarray]]:
    """The tensors with the shapes that are known, and the values that operators on shapes have.

    Raises:
        Unsupported: an input has a dynamic size that is not the batch.
    """
    shapes: dict[int, Shape] = {}
    for tensor in model.tensors:
        if tensor.is_constant or -1 not in tensor.signature:
            shapes[tensor.index] = tensor.shape
    for index in model.inputs:
        shapes[index] = _pinned(model.tensors[index])
    values = {each.index: _values(each) for each in model.tensors if _is_small(each)}
    given = set(values)
    for operator in model.operators:
        # What an operator of a damaged file does not say in NumPy's terms, nobody knows.
        with suppress(ValueError, LookupError, TypeError, ArithmeticError):
            _visit(model, operator, shapes, values)
    tensors = tuple(_static(each, shapes.get(each.index)) for each in model.tensors)
    return tensors, {index: value for index, value in values.items() if index not in given}


def _pinned(tensor: Tensor) -> Shape:
    if -1 not in tensor.signature:
        return tensor.shape
    if -1 in tensor.signature[1:]:
        sizes = "x".join("?" if size < 0 else str(size) for size in tensor.signature)
        raise Unsupported(f"input '{tensor.label}' is {sizes}; only the first size, the batch, may be dynamic")
    return (1, *tensor.signature[1:])


def _static(tensor: Tensor, shape: Shape | None) -> Tensor:
    if shape is None or -1 not in tensor.signature:
        return tensor
    return replace(tensor, shape=shape, signature=())


def _is_small(tensor: Tensor) -> bool:
    if tensor.type not in _INTEGERS or not tensor.is_constant or min(tensor.shape, default=1) < 0:
        return False
    return 0 < tensor.bytes == len(tensor.data) and math.prod(tensor.shape) <= _MOST_VALUES


def _values(tensor: Tensor) -> np.ndarray:
    return np.frombuffer(tensor.data, _INTEGERS[tensor.type]).reshape(tensor.shape)


def _visit(model: Model, operator: Operator, shapes: dict[int, Shape], values: dict[int, np.ndarray]) -> None:
    """Note the shapes and the value of an operator's results, as far as they are known."""
    for index in operator.outputs:
        value = _fold(model, operator, shapes, values) if len(operator.outputs) == 1 else None
        if value is not None:
            kind = _INTEGERS[model.tensors[index].type]
            values[index] = value.astype(kind)
            shapes[index] = value.shape
        elif -1 in model.tensors[index].signature:
            shape = _infer(model, operator, index, shapes, values)
            if shape is not None:
                shapes[index] = shape


def _fold(model: Model, operator: Operator, shapes: Mapping[int, Shape], values: Values) -> np.ndarray | None:
    """The value of an operator that computes with shapes."""
    if model.tensors[operator.outputs[0]].type not in _INTEGERS:
        return None
    if operator.code == _SHAPE:
        return np.array(shapes[operator.inputs[0]]) if operator.inputs[0] in shapes else None
    if operator.code not in _FOLDS or any(each not in values for each in operator.inputs):
        return None
    found = np.asarray(_FOLDS[operator.code](operator, *(values[each] for each in operator.inputs)))
    return found if found.size <= _MOST_VALUES else None


def _infer(model: Model, operator: Operator, result: int, shapes: Mapping[int, Shape], values: Values) -> Shape | None:
    """The shape of a result that the file leaves open."""
    source = next((each for each in operator.inputs if each not in values), None)
    if source is None or source not in shapes:
        return None
    if operator.code in _RULES:
        return _RULES[operator.code](model, operator, shapes, values)
    signature = model.tensors[result].signature
    is_stacked = operator.code in _ALONG_AN_AXIS and operator.option(0) == 0
    if operator.code in _KEEP_BATCH and -1 not in signature[1:] and not is_stacked:
        return (shapes[source][0], *signature[1:])
    return None


def _stride(operator: Operator, value: np.ndarray, begin: np.ndarray, end: np.ndarray, step: np.ndarray) -> np.ndarray:
    begin_mask, end_mask, ellipsis, new_axis, shrink = (operator.option(field) for field in range(5))
    if ellipsis or new_axis:
        raise ValueError("an ellipsis or a new axis of a shape")
    pick: list[slice | int] = []
    for axis, (first, last, by) in enumerate(zip(begin.tolist(), end.tolist(), step.tolist())):
        bit = 1 << axis
        if shrink & bit:
            pick.append(first)
        else:
            pick.append(slice(None if begin_mask & bit else first, None if end_mask & bit else last, by))
    return value[tuple(pick)]


def _slice(_: Operator, value: np.ndarray, begin: np.ndarray, size: np.ndarray) -> np.ndarray:
    ends = zip(begin.tolist(), size.tolist())
    return value[tuple(slice(first, None if count < 0 else first + count) for first, count in ends)]


def _reduce(how: np.ufunc) -> Callable[..., np.ndarray]:
    def fold(operator: Operator, value: np.ndarray, axes: np.ndarray) -> np.ndarray:
        return how.reduce(value, axis=tuple(axes.ravel().tolist()), keepdims=bool(operator.option(0, "<b")))

    return fold


_SHAPE = code("SHAPE")
_FOLDS: dict[int, Callable[..., np.ndarray]] = {
    code("ADD"): lambda _, a, b: a + b,
    code("CAST"): lambda _, a: a,
    code("CONCATENATION"): lambda op, *parts: np.concatenate(parts, op.option(0)),
    code("EXPAND_DIMS"): lambda _, a, axis: np.expand_dims(a, int(axis.ravel()[0])),
    code("FLOOR_DIV"): lambda _, a, b: a // b,
    code("GATHER"): lambda op, a, at: np.take(a, at, op.option(0)),
    code("MAXIMUM"): lambda _, a, b: np.maximum(a, b),
    code("MINIMUM"): lambda _, a, b: np.minimum(a, b),
    code("MUL"): lambda _, a, b: a * b,
    code("PACK"): lambda op, *parts: np.stack(parts, op.option(1)),
    code("REDUCE_MAX"): _reduce(np.maximum),
    code("REDUCE_MIN"): _reduce(np.minimum),
    code("REDUCE_PROD"): _reduce(np.multiply),
    code("RESHAPE"): lambda _, a, shape: a.reshape(shape.tolist()),
    code("SLICE"): _slice,
    code("SQUEEZE"): lambda _, a: np.squeeze(a),
    code("STRIDED_SLICE"): _stride,
    code("SUB"): lambda _, a, b: a - b,
    code("SUM"): _reduce(np.add),
}

_Rule = Callable[[Model, Operator, Mapping[int, Shape], Values], Shape | None]


def _reshaped(model: Model, operator: Operator, shapes: Mapping[int, Shape], values: Values) -> Shape | None:
    wanted = values.get(operator.inputs[1]) if len(operator.inputs) > 1 else None
    if wanted is None:
        return None
    return _fill(shapes[operator.inputs[0]], wanted.ravel().tolist())


def _fill(shape: Shape, wanted: list[int]) -> Shape | None:
    """The sizes that a reshape asks for, with what is left for its -1; None if they do not fit."""
    count, known = math.prod(shape), math.prod(size for size in wanted if size >= 0)
    if wanted.count(-1) == 1 and known and count % known == 0:
        return tuple(count // known if size < 0 else size for size in wanted)
    return tuple(wanted) if count == known and -1 not in wanted else None


def _like_first(model: Model, operator: Operator, shapes: Mapping[int, Shape], _: Values) -> Shape | None:
    return shapes[operator.inputs[0]]


def _broadcast(model: Model, operator: Operator, shapes: Mapping[int, Shape], _: Values) -> Shape | None:
    if any(each not in shapes for each in operator.inputs):
        return None
    return np.broadcast_shapes(*(shapes[each] for each in operator.inputs))


def _dense(model: Model, operator: Operator, shapes: Mapping[int, Shape], _: Values) -> Shape | None:
    """A fully connected layer: the elements of the input, in rows of the weights' depth."""
    source, (outputs, depth) = shapes[operator.inputs[0]], model.tensors[operator.inputs[1]].shape
    keeps = bool(operator.option(2, "<b"))
    return (*source[:-1], outputs) if keeps else (math.prod(source) // depth, outputs)


def _windows(first: int, dilation: int | None, window: int | None = None) -> _Rule:
    """A convolution or a pooling; the arguments are fields of its options."""

    def rule(model: Model, operator: Operator, shapes: Mapping[int, Shape], _: Values) -> Shape | None:
        batch, *sizes, _channels = shapes[operator.inputs[0]]
        result = model.tensors[operator.outputs[0]].shape
        if window is None:
            kernel = list(model.tensors[operator.inputs[1]].shape[1:3])
        else:
            kernel = [operator.option(window + 1), operator.option(window)]
        strides = [operator.option(first + 1), operator.option(first)]
        steps = (
            [1, 1]
            if dilation is None
            else [operator.option(dilation + 1, default=1), operator.option(dilation, default=1)]
        )
        is_valid = operator.option(0, "<b") == 1
        rows, columns = (
            -(-(size - (extent - 1) * step if is_valid else size) // stride)
            for size, extent, stride, step in zip(sizes, kernel, strides, steps)
        )
        return batch, rows, columns, result[3]

    return rule


def _permuted(model: Model, operator: Operator, shapes: Mapping[int, Shape], values: Values) -> Shape | None:
    order = values.get(operator.inputs[1])
    return None if order is None else tuple(shapes[operator.inputs[0]][axis] for axis in order.ravel())


def _tiled(model: Model, operator: Operator, shapes: Mapping[int, Shape], values: Values) -> Shape | None:
    times = values.get(operator.inputs[1])
    return None if times is None else tuple(int(a * b) for a, b in zip(shapes[operator.inputs[0]], times.ravel()))


def _expanded(model: Model, operator: Operator, shapes: Mapping[int, Shape], values: Values) -> Shape | None:
    axis = values.get(operator.inputs[1])
    if axis is None:
        return None
    shape, at = list(shapes[operator.inputs[0]]), int(axis.ravel()[0])
    shape.insert(at if at >= 0 else len(shape) + 1 + at, 1)
    return tuple(shape)


def _resized(model: Model, operator: Operator, shapes: Mapping[int, Shape], values: Values) -> Shape | None:
    batch, _, _, channels = shapes[operator.inputs[0]]
    size = values.get(operator.inputs[1])
    return None if size is None else (batch, *size.ravel().tolist(), channels)


def _batch_times(sign: int) -> _Rule:
    """SPACE_TO_BATCH_ND and its inverse, where all but the batch is known."""

    def rule(model: Model, operator: Operator, shapes: Mapping[int, Shape], values: Values) -> Shape | None:
        block, signature = values.get(operator.inputs[1]), model.tensors[operator.outputs[0]].signature
        if block is None or -1 in signature[1:]:
            return None
        batch, factor = shapes[operator.inputs[0]][0], math.prod(block.ravel().tolist())
        return (batch * factor if sign > 0 else batch // factor, *signature[1:])

    return rule


#: Operators whose results have the batch of their first activation in front, if the batch is all that is open.
_KEEP_BATCH = frozenset(
    map(code, (
        "BATCH_MATMUL", "CONCATENATION", "DEPTH_TO_SPACE", "GATHER", "MEAN", "MIRROR_PAD", "PAD", "PADV2", "REDUCE_MAX",
        "REDUCE_MIN", "REVERSE_V2", "SLICE", "SPACE_TO_DEPTH", "SPLIT",
        "SPLIT_V", "STRIDED_SLICE", "SUM",
    ))
)  # fmt: skip
_ALONG_AN_AXIS = frozenset(map(code, ("CONCATENATION", "GATHER")))
_RULES: dict[int, _Rule] = {
    code("BATCH_TO_SPACE_ND"): _batch_times(-1),
    code("SPACE_TO_BATCH_ND"): _batch_times(1),
    code("RESHAPE"): _reshaped,
    code("FULLY_CONNECTED"): _dense,
    code("CONV_2D"): _windows(1, 4),
    code("DEPTHWISE_CONV_2D"): _windows(1, 5),
    code("AVERAGE_POOL_2D"): _windows(1, None, 3),
    code("MAX_POOL_2D"): _windows(1, None, 3),
    code("TILE"): _tiled,
    code("RESIZE_BILINEAR"): _resized,
    code("RESIZE_NEAREST_NEIGHBOR"): _resized,
    code("TRANSPOSE"): _permuted,
    code("TRANSPOSE_CONV"): lambda model, op, shapes, values: tuple(values[op.inputs[0]].tolist()),
    code("EXPAND_DIMS"): _expanded,
    **dict.fromkeys(map(code, ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM")), _broadcast),
    **dict.fromkeys(
        map(code, ("RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "LEAKY_RELU", "HARD_SWISH", "SOFTMAX", "QUANTIZE",
                   "DEQUANTIZE", "PRELU", "ABS")),
        _like_first,
    ),
}  # fmt: skip
