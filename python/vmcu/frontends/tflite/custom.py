"""Hide operators from the converter: each becomes a custom operator, of which the converter makes a `tosa.custom`.

Before: `STRIDED_SLICE(x, begin, end, strides)`, an operator that the converter refuses or gets wrong
After:  `CUSTOM 'vmcu.7'(x, begin, end, strides)` for operator 7 of the file
"""

from __future__ import annotations

import struct
from collections.abc import Collection

import flatbuffers
import numpy as np

from vmcu.frontends.tflite.flatbuffer import View
from vmcu.frontends.tflite.model import Model
from vmcu.frontends.tflite.schema import operator_code

PREFIX = "vmcu."
_ALIGN = 16
_CUSTOM = operator_code("CUSTOM")


def hide(model: Model, operators: Collection[int]) -> bytes:
    """The file of `model` with custom operators in place of those numbers; all else is where it was."""
    root = View.root(model.data)
    graph, codes = root.tables(2)[0], root.tables(1)
    builder = flatbuffers.Builder(1024)
    tables = [
        _code(builder, each.number(0, "<b"), each.text(1), each.number(2, default=1), each.number(3)) for each in codes
    ]
    tables += [_code(builder, _CUSTOM, f"{PREFIX}{number}".encode(), 1, _CUSTOM) for number in operators]
    made = [_operator(builder, model, number, len(codes) + at) for at, number in enumerate(operators)]
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    vector = builder.EndVector()
    builder.Finish(vector)
    block = bytes(builder.Output())

    data = bytearray(model.data)
    data += bytes(-len(data) % _ALIGN)
    end = len(data) + len(block)
    _lead(data, root.slot(1), end - vector)
    slot = graph.slot(3)
    first = slot + struct.unpack_from("<I", data, slot)[0] + 4
    for number, table in zip(operators, made):
        _lead(data, first + 4 * number, end - table)
    return bytes(data) + block


def _code(builder: flatbuffers.Builder, short: int, custom: bytes | None, version: int, code: int) -> int:
    name = builder.CreateString(custom) if custom else 0
    builder.StartObject(4)
    builder.PrependInt8Slot(0, short, 0)
    builder.PrependUOffsetTRelativeSlot(1, name, 0)
    builder.PrependInt32Slot(2, version, 1)
    builder.PrependInt32Slot(3, code, 0)
    return builder.EndObject()


def _operator(builder: flatbuffers.Builder, model: Model, number: int, code: int) -> int:
    operator = model.operators[number]
    given = [each for each in operator.inputs if each >= 0]
    inputs, outputs = (builder.CreateNumpyVector(np.array(each, np.int32)) for each in (given, operator.outputs))
    builder.StartObject(3)
    builder.PrependUint32Slot(0, code, 0)
    builder.PrependUOffsetTRelativeSlot(1, inputs, 0)
    builder.PrependUOffsetTRelativeSlot(2, outputs, 0)
    return builder.EndObject()


def _lead(data: bytearray, slot: int, to: int) -> None:
    struct.pack_into("<I", data, slot, to - slot)
