"""What a TFLite model's TOSA form does not tell: quantisation of inputs and outputs, and the operators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vmcu.frontends.tflite.flatbuffer import View
from vmcu.frontends.tflite.model import Model, Tensor, read_model
from vmcu.frontends.tflite.schema import INT8, INT16, UINT8
from vmcu.ir.ports import Port


@dataclass(frozen=True, eq=False)
class Quantised:
    """A tensor as an operator sees it: `real = scales * (quantised - zero_point)`.

    Args:
        name: empty when the file does not tell.
        type: number in the schema's `TensorType`.
        scales: float32, one or one per channel; empty when the tensor is not quantised.
    """

    name: str
    shape: tuple[int, ...]
    type: int
    scales: np.ndarray
    zero_point: int


@dataclass(frozen=True)
class Operator:
    """One operator of the first subgraph.

    Args:
        code: number in the schema's `BuiltinOperator`.
        inputs, outputs: its tensors; none where an optional one is left out.
        source: its first input; a `Port` without scale unless it is int8, uint8 or int16.
        result: its first output, likewise. Its name is the layer's.
        tensor: number of its first output in the subgraph.
    """

    code: int
    inputs: tuple[Quantised | None, ...]
    outputs: tuple[Quantised | None, ...]
    source: Port
    result: Port
    options: View | None
    tensor: int

    def option(self, field: int) -> int:
        """A byte-sized field of the operator's options, such as an enumeration or a flag; 0 when it is absent."""
        return self.options.number(field, "<b") if self.options else 0


def boundary_ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and outputs of the first subgraph; scale and zero point only of int8, uint8 and int16 tensors."""
    model = _read(path)
    inputs, outputs = (tuple(_port(model.tensors[index]) for index in side) for side in (model.inputs, model.outputs))
    return inputs, outputs


def operators(path: Path) -> Iterator[Operator]:
    """The operators of the first subgraph that an output depends on, the last one first."""
    model = _read(path)
    for operator in reversed(model.live_operators()):
        sides = [
            [model.tensors[at] if at >= 0 else None for at in side] for side in (operator.inputs, operator.outputs)
        ]
        source, result = (_port(side[0]) if side and side[0] else Port() for side in sides)
        inputs, outputs = (tuple(_quantised(each) if each else None for each in side) for side in sides)
        yield Operator(operator.code, inputs, outputs, source, result, operator.options, operator.outputs[0])


def with_output(path: Path, tensor: int) -> bytes:
    """The model with one tensor of its first subgraph in place of each of its outputs."""
    data = bytearray(path.read_bytes())
    outputs = View.root(bytes(data)).tables(2)[0].extent(2, 4)
    data[outputs] = np.full((outputs.stop - outputs.start) // 4, tensor, np.int32).tobytes()
    return bytes(data)


def _read(path: Path) -> Model:
    return read_model(path.read_bytes())


def _quantised(tensor: Tensor) -> Quantised:
    name = tensor.name.decode(errors="replace") if tensor.name else ""
    return Quantised(name, tensor.shape, tensor.type, tensor.scales, _zero_point(tensor))


def _port(tensor: Tensor) -> Port:
    name = None if tensor.name is None else tensor.name.decode(errors="replace")
    unsigned = tensor.type == UINT8
    if tensor.type not in (UINT8, INT8, INT16) or not tensor.is_quantised:
        return Port(name, unsigned=unsigned)
    return Port(name, float(tensor.scales[0]), _zero_point(tensor), unsigned)


def _zero_point(tensor: Tensor) -> int:
    return int(tensor.zero_points[0]) if len(tensor.zero_points) else 0
