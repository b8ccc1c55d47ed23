"""Read the quantisation of a TFLite model's inputs and outputs, which TOSA has no place for.

Only the path from the root to the boundary tensors' scale and zero point is followed; field numbers are those of the
TFLite schema (`schema.fbs`: Model.subgraphs 2; SubGraph.tensors 0, inputs 1, outputs 2; Tensor.type 1, name 3,
quantization 4; QuantizationParameters.scale 2, zero_point 3). The file must have passed the converter, whose verifier
has checked every offset.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from vmcu.frontends.ports import Port

_INT8 = 9  # TensorType.INT8


def boundary_ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and outputs of the first subgraph; scale and zero point only where the tensor itself is int8."""
    data = bytearray(path.read_bytes())
    model = Table(data, int.from_bytes(data[:4], "little"))
    graph = _tables(model, 2)[0]
    tensors = _tables(graph, 0)
    return tuple(
        tuple(_port(tensors[index]) for index in _numbers(graph, field, np.int32)) for field in (1, 2)
    )  # type: ignore[return-value]


def _port(tensor: Table) -> Port:
    slot = _slot(tensor, 3)
    name = tensor.String(tensor.Pos + slot).decode() if slot else None
    slot = _slot(tensor, 4)
    if not slot or _type(tensor) != _INT8:
        return Port(name)
    quantised = Table(tensor.Bytes, tensor.Indirect(tensor.Pos + slot))
    scale, zero_point = _numbers(quantised, 2, np.float32), _numbers(quantised, 3, np.int64)
    if not len(scale):
        return Port(name)
    return Port(name, float(scale[0]), int(zero_point[0]) if len(zero_point) else 0)


def _type(tensor: Table) -> int:
    slot = _slot(tensor, 1)
    return tensor.Get(number_types.Int8Flags, tensor.Pos + slot) if slot else 0


def _slot(table: Table, field: int) -> int:
    """Bytes from the table's start to a field's value; 0 when the field is absent."""
    return table.Offset(4 + 2 * field)


def _tables(table: Table, field: int) -> list[Table]:
    slot = _slot(table, field)
    if not slot:
        return []
    start = table.Vector(slot)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(slot))]


def _numbers(table: Table, field: int, kind: type) -> np.ndarray:
    slot = _slot(table, field)
    if not slot:
        return np.empty(0, kind)
    return np.frombuffer(table.Bytes, kind, table.VectorLen(slot), table.Vector(slot))
