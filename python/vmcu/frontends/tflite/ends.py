"""What the definitions of operators ask of a model: tensors at an operator's ends, their scales, and constant numbers."""

from __future__ import annotations

import numpy as np

from vmcu.errors import Unsupported
from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.model import Model, Operator, Tensor


def ends(model: Model, operator: Operator) -> tuple[Tensor, Tensor]:
    """The first input and the first output."""
    return model.tensors[operator.inputs[0]], model.tensors[operator.outputs[0]]


def scale_of(tensor: Tensor) -> float:
    return float(tensor.scales[0])


def zero_of(tensor: Tensor) -> int:
    return int(tensor.zero_points[0]) if len(tensor.zero_points) else 0


def numbers(model: Model, operator: Operator, number: int) -> list[int]:
    """A constant input of 32-bit integers."""
    tensor = model.tensors[operator.inputs[number]]
    if tensor.type != schema.INT32 or not tensor.is_constant:
        raise unsupported(model, operator, f"{tensor} is no constant of int32")
    return np.frombuffer(tensor.data, np.int32).tolist()


def unsupported(model: Model, operator: Operator, why: str) -> Unsupported:
    """A refusal that names the operator and its layer."""
    return Unsupported(f"operator {operator.name} at layer '{model.layer(operator)}' is not supported: {why}")
