"""Read from a TFLite model what its TOSA form does not tell: quantisation of inputs and outputs, and the operators.

Field numbers are those of the TFLite schema, `schema.fbs`: Model.operator_codes 1, subgraphs 2;
OperatorCode.deprecated_builtin_code 0, builtin_code 3; SubGraph.tensors 0, inputs 1, outputs 2, operators 3;
Operator.opcode_index 0, inputs 1, outputs 2, builtin_options 4; Tensor.shape 0, type 1, buffer 2, name 3, quantization 4;
QuantizationParameters.scale 2, zero_point 3. The file must have passed the converter, whose verifier has checked every
offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from vmcu.errors import InputError
from vmcu.ir.ports import Port

UINT8, INT8 = 3, 9  # TensorType


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
        source: its first input; a `Port` without scale unless it is int8 or uint8.
        result: its first output, likewise. Its name is the layer's.
        tensor: number of its first output in the subgraph.
    """

    code: int
    inputs: tuple[Quantised | None, ...]
    outputs: tuple[Quantised | None, ...]
    source: Port
    result: Port
    options: Table | None
    tensor: int

    def option(self, field: int) -> int:
        """A byte-sized field of the operator's options, such as an enumeration or a flag; 0 when it is absent."""
        if self.options is None:
            return 0
        slot = _slot(self.options, field)
        return self.options.Get(number_types.Int8Flags, self.options.Pos + slot) if slot else 0


def boundary_ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and outputs of the first subgraph; scale and zero point only of int8 and uint8 tensors."""
    graph = _tables(_model(path), 2)[0]
    tensors = _tables(graph, 0)
    return tuple(tuple(_port(tensors[index]) for index in _numbers(graph, field, np.int32)) for field in (1, 2))  # type: ignore[return-value]


def operators(path: Path) -> Iterator[Operator]:
    """The operators of the first subgraph that an output depends on, the last one first."""
    model = _model(path)
    codes = [
        max(_number(code, 0, number_types.Int8Flags), _number(code, 3, number_types.Int32Flags))
        for code in _tables(model, 1)
    ]
    graph = _tables(model, 2)[0]
    tensors = _tables(graph, 0)
    needed = set(_numbers(graph, 2, np.int32).tolist())
    for operator in reversed(_tables(graph, 3)):
        sources, results = (_numbers(operator, field, np.int32).tolist() for field in (1, 2))
        if not needed.intersection(results):
            continue
        needed.update(sources)
        source, result = [_port(tensors[each[0]]) if each and each[0] >= 0 else Port() for each in (sources, results)]
        inputs, outputs = (
            tuple(_quantised(tensors[at]) if at >= 0 else None for at in each) for each in (sources, results)
        )
        code = codes[_number(operator, 0, number_types.Uint32Flags)]
        yield Operator(code, inputs, outputs, source, result, _table(operator, 4), results[0])


def _quantised(tensor: Table) -> Quantised:
    name, found = _slot(tensor, 3), _table(tensor, 4)
    zero_points = _numbers(found, 3, np.int64) if found is not None else np.empty(0, np.int64)
    return Quantised(
        tensor.String(tensor.Pos + name).decode(errors="replace") if name else "",
        tuple(_numbers(tensor, 0, np.int32).tolist()),
        _number(tensor, 1, number_types.Int8Flags),
        _numbers(found, 2, np.float32) if found is not None else np.empty(0, np.float32),
        int(zero_points[0]) if len(zero_points) else 0,
    )


def with_output(path: Path, tensor: int) -> bytes:
    """The model with one tensor of its first subgraph in place of each of its outputs."""
    graph = _tables(_model(path), 2)[0]
    _numbers(graph, 2, np.int32)[:] = tensor  # a view of the bytes
    return bytes(graph.Bytes)


def _model(path: Path) -> Table:
    data = bytearray(path.read_bytes())
    return Table(data, int.from_bytes(data[:4], "little"))


def _port(tensor: Table) -> Port:
    slot = _slot(tensor, 3)
    name = tensor.String(tensor.Pos + slot).decode(errors="replace") if slot else None
    quantised = _table(tensor, 4)
    kind = _number(tensor, 1, number_types.Int8Flags)
    unsigned = kind == UINT8
    if quantised is None or kind not in (UINT8, INT8):
        return Port(name, unsigned=unsigned)
    scale, zero_point = _numbers(quantised, 2, np.float32), _numbers(quantised, 3, np.int64)
    if not len(scale):
        return Port(name, unsigned=unsigned)
    return Port(name, float(scale[0]), int(zero_point[0]) if len(zero_point) else 0, unsigned)


def _slot(table: Table, field: int) -> int:
    """Bytes from the table's start to a field's value; 0 when the field is absent."""
    return table.Offset(4 + 2 * field)


def _number(table: Table, field: int, kind: type) -> int:
    slot = _slot(table, field)
    return table.Get(kind, table.Pos + slot) if slot else 0


def _table(table: Table, field: int) -> Table | None:
    slot = _slot(table, field)
    return Table(table.Bytes, table.Indirect(table.Pos + slot)) if slot else None


def _tables(table: Table, field: int) -> list[Table]:
    slot = _slot(table, field)
    if not slot:
        return []
    start, length = table.Vector(slot), table.VectorLen(slot)
    if start + 4 * length > len(table.Bytes):
        raise InputError(f"a vector of {length} tables ends behind the file")
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(length)]


def _numbers(table: Table, field: int, kind: type) -> np.ndarray:
    slot = _slot(table, field)
    if not slot:
        return np.empty(0, kind)
    return np.frombuffer(table.Bytes, kind, table.VectorLen(slot), table.Vector(slot))
