"""Write a changed model: the file as it was, with new vectors behind it.

Offsets in a flatbuffer lead forwards only. So all that changes is written behind the old end, and three offsets in front
lead there: those of the tensors, of the operators' list and of the buffers. What nobody reads any more stays in the file.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence

import flatbuffers
import numpy as np

from vmcu.frontends.tflite.flatbuffer import View
from vmcu.frontends.tflite.model import Model, Tensor

_ALIGN = 16


def rewrite(model: Model, tensors: Sequence[Tensor], constants: Mapping[int, np.ndarray]) -> bytes:
    """The file of `model` with other tensors.

    Args:
        model: what is changed.
        tensors: what is in place of its tensors, one for each.
        constants: tensors that become constants, by number; the operators that made them are left out.
    """
    builder = flatbuffers.Builder(1024)
    new_tensors = _tensors(builder, tensors, {index: len(model.buffers) + i for i, index in enumerate(constants)})
    contents = [*map(bytes, model.buffers), *(np.ascontiguousarray(each).tobytes() for each in constants.values())]
    new_buffers = _buffers(builder, contents) if constants else None
    builder.Finish(new_buffers or new_tensors)
    block = bytes(builder.Output())

    data = bytearray(model.data)
    data += bytes(-len(data) % _ALIGN)
    end = len(data) + len(block)
    root = View.root(model.data)
    graph = root.tables(2)[0]
    _lead(data, graph.slot(0), end - new_tensors)
    if new_buffers is not None:
        _lead(data, root.slot(4), end - new_buffers)
        made = {each.index for each in model.operators if set(each.outputs) & set(constants)}
        _leave_out(data, graph, made)
    return bytes(data) + block


def rewire(
    model: Model, inputs: Sequence[int], outputs: Sequence[int], dropped: Collection[int], renamed: Mapping[int, int]
) -> bytes:
    """The file of `model` with other inputs and outputs, and without some operators.

    Args:
        model: what is changed; it has inputs and outputs.
        inputs, outputs: numbers of tensors.
        dropped: numbers of operators to leave out.
        renamed: tensors that operators read others in place of.
    """
    builder = flatbuffers.Builder(64)
    sides = [builder.CreateNumpyVector(np.array(each, np.int32)) for each in (inputs, outputs)]
    builder.Finish(sides[0])
    block = bytes(builder.Output())
    data = bytearray(model.data)
    data += bytes(-len(data) % _ALIGN)
    end = len(data) + len(block)
    graph = View.root(model.data).tables(2)[0]
    for field, vector in zip((1, 2), sides):
        _lead(data, graph.slot(field), end - vector)
    for table in graph.tables(3):
        read = table.numbers(1, np.int32)
        data[table.extent(1, 4)] = np.array([renamed.get(each, each) for each in read.tolist()], np.int32).tobytes()
    _leave_out(data, graph, dropped)
    return bytes(data) + block


def _tensors(builder: flatbuffers.Builder, tensors: Sequence[Tensor], buffers: Mapping[int, int]) -> int:
    tables = [_tensor(builder, each, buffers.get(each.index, each.buffer)) for each in tensors]
    return _vector(builder, tables)


def _tensor(builder: flatbuffers.Builder, tensor: Tensor, buffer: int) -> int:
    name = builder.CreateString(tensor.name or b"")
    shape = builder.CreateNumpyVector(np.array(tensor.shape, np.int32))
    signature = builder.CreateNumpyVector(np.array(tensor.signature, np.int32)) if tensor.signature else 0
    quantisation = _quantisation(builder, tensor) if tensor.is_quantised else 0
    builder.StartObject(9)
    builder.PrependUOffsetTRelativeSlot(0, shape, 0)
    builder.PrependInt8Slot(1, tensor.type, 0)
    builder.PrependUint32Slot(2, buffer, 0)
    builder.PrependUOffsetTRelativeSlot(3, name, 0)
    builder.PrependUOffsetTRelativeSlot(4, quantisation, 0)
    builder.PrependBoolSlot(5, tensor.is_variable, False)
    builder.PrependUOffsetTRelativeSlot(7, signature, 0)
    builder.PrependBoolSlot(8, True, False)
    return builder.EndObject()


def _quantisation(builder: flatbuffers.Builder, tensor: Tensor) -> int:
    scales = builder.CreateNumpyVector(tensor.scales)
    zero_points = builder.CreateNumpyVector(tensor.zero_points)
    builder.StartObject(7)
    builder.PrependUOffsetTRelativeSlot(2, scales, 0)
    builder.PrependUOffsetTRelativeSlot(3, zero_points, 0)
    builder.PrependInt32Slot(6, tensor.axis, 0)
    return builder.EndObject()


def _buffers(builder: flatbuffers.Builder, contents: Sequence[bytes]) -> int:
    tables = []
    for content in contents:
        vector = _bytes(builder, content) if content else 0
        builder.StartObject(1)
        builder.PrependUOffsetTRelativeSlot(0, vector, 0)
        tables.append(builder.EndObject())
    return _vector(builder, tables)


def _bytes(builder: flatbuffers.Builder, content: bytes) -> int:
    """A vector of bytes, aligned as the schema wants it, which `CreateByteVector` does not do."""
    builder.StartVector(1, len(content), _ALIGN)
    builder.head -= len(content)
    builder.Bytes[builder.head : builder.head + len(content)] = content
    return builder.EndVector()


def _vector(builder: flatbuffers.Builder, tables: Sequence[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _lead(data: bytearray, slot: int, to: int) -> None:
    struct.pack_into("<I", data, slot, to - slot)


def _leave_out(data: bytearray, graph: View, made: Collection[int]) -> None:
    """Take operators out of the subgraph's list, in place: those behind them move up."""
    slot = graph.slot(3)
    start = slot + struct.unpack_from("<I", data, slot)[0]
    kept = 0
    for index in range(struct.unpack_from("<I", data, start)[0]):
        if index not in made:
            place = start + 4 + 4 * index
            _lead(data, start + 4 + 4 * kept, place + struct.unpack_from("<I", data, place)[0])
            kept += 1
    struct.pack_into("<I", data, start, kept)
