"""Ways to damage a `.tflite` file: by its bytes, and by the fields of its tables, which keeps the file readable.

`damaged(number, models)` draws a model and its damages by a number; equal numbers make equal files.
"""

from __future__ import annotations

import copy
import random
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

#: Ends of ranges, and small numbers.
INTEGERS = (0, 1, 2, 3, 7, 127, 128, 255, 1 << 16, 1 << 20, (1 << 31) - 1, -1, -2, -(1 << 31))
FLOATS = (0.0, -1.0, 1.0, 0.5, 1e-30, 1e30, 3e38, float("inf"), float("-inf"), float("nan"))
#: There is nothing of the kind to change, or the library that writes files does not write it.
NOT_WRITTEN = (struct.error, TypeError, ValueError, OverflowError, AttributeError, IndexError)
MOST_EDITED = 100_000  # bytes of a model whose tables are written anew: larger ones take long


def damaged(number: int, models: list[Path]) -> bytes:
    """A model with one to four damages."""
    draw = random.Random(number)
    data = draw.choice(models).read_bytes()
    if len(data) <= MOST_EDITED and draw.random() < 0.6:
        with suppress(*NOT_WRITTEN):
            return edit(data, draw)
    return damage_bytes(data, draw)


def damage_bytes(data: bytes, draw: random.Random) -> bytes:
    """One to four changes of bytes, most of them near an end of the file, where the tables are."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        near = min(len(changed), 4096)
        start = draw.choice((0, len(changed) - near, draw.randrange(len(changed) - near + 1)))
        part = changed[start : start + near]
        if len(part) >= 8:
            draw.choice(DAMAGES)(part, draw)
        changed[start : start + near] = part
    return bytes(changed)


def flip(data: bytearray, draw: random.Random) -> None:
    """Change one bit."""
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def overwrite(data: bytearray, draw: random.Random) -> None:
    """Put a number where another one was: an end of a range, or a small one."""
    at = 4 * draw.randrange(len(data) // 4)
    number = draw.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, draw.randrange(256), draw.randrange(1 << 32)))
    data[at : at + 4] = number.to_bytes(4, "little")


def cut(data: bytearray, draw: random.Random) -> None:
    """Cut the end off."""
    del data[draw.randrange(len(data)) :]


def move(data: bytearray, draw: random.Random) -> None:
    """Copy some bytes to another place."""
    length = draw.randrange(1, 33)
    source, target = (draw.randrange(max(1, len(data) - length)) for _ in range(2))
    data[target : target + length] = data[source : source + length]


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, flip, overwrite, overwrite, move, cut)


def edit(data: bytes, draw: random.Random) -> bytes:
    """One to three changes of fields. The result is a well-formed flatbuffer, whatever it says."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        draw.choice(EDITS)(model, draw)
    return write(model)


def write(model: Any) -> bytes:
    """The bytes of a model."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(model: Any, draw: random.Random) -> Any:
    return draw.choice(draw.choice(model.subgraphs).tensors)


def _operator(model: Any, draw: random.Random) -> Any:
    return draw.choice(draw.choice(model.subgraphs).operators)


def _changed(numbers: Any, draw: random.Random, values: tuple[Any, ...]) -> list[Any]:
    """A vector with one element more, one less, or another one."""
    found = [] if numbers is None else list(numbers)
    what = draw.randrange(4)
    at = draw.randrange(len(found) + 1)
    if what == 0 or not found:
        found.insert(at, draw.choice(values))
    elif what == 1:
        del found[min(at, len(found) - 1)]
    else:
        found[min(at, len(found) - 1)] = draw.choice(values)
    return found


def edit_shape(model: Any, draw: random.Random) -> None:
    """A size of a tensor, or how many it has."""
    tensor = _tensor(model, draw)
    near = tuple(int(size) + by for size in ([] if tensor.shape is None else tensor.shape) for by in (-1, 1))
    tensor.shape = _changed(tensor.shape, draw, (*INTEGERS, *near, *near))


def edit_signature(model: Any, draw: random.Random) -> None:
    """The dynamic sizes of a tensor."""
    tensor = _tensor(model, draw)
    tensor.shapeSignature = _changed(tensor.shape if tensor.shape is not None else [], draw, (-1, -1, 1, 2, 1 << 20))


def edit_type(model: Any, draw: random.Random) -> None:
    """The element type of a tensor."""
    _tensor(model, draw).type = draw.randrange(24)


def edit_name(model: Any, draw: random.Random) -> None:
    """A tensor's name: none, an empty one, or one that text does not have."""
    _tensor(model, draw).name = draw.choice((None, "", "main", "a\nb", 'quote"', b"\xff\xfe", "x" * 300, "\x00", "ü/ß"))


def edit_buffer(model: Any, draw: random.Random) -> None:
    """Where the constant of a tensor is."""
    _tensor(model, draw).buffer = draw.randrange(len(model.buffers) + 1)


def edit_constant(model: Any, draw: random.Random) -> None:
    """A number in a short constant (axes, permutations, sizes), or the length of any."""
    filled = [each for each in model.buffers if each.data is not None and len(each.data)]
    if not filled:
        return
    small = [each for each in filled if len(each.data) <= 64] or filled
    buffer = draw.choice(small if draw.random() < 0.8 else filled)
    found = np.array(buffer.data, np.uint8)
    if len(found) % 4 == 0 and draw.random() < 0.8:
        numbers = found.view(np.int32)
        numbers[draw.randrange(len(numbers))] = draw.choice(INTEGERS)
        buffer.data = found
    else:
        buffer.data = found[: draw.randrange(len(found))]


def edit_code(model: Any, draw: random.Random) -> None:
    """Which operator one is."""
    code = draw.choice(model.operatorCodes)
    code.builtinCode = draw.randrange(210)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)


def edit_code_index(model: Any, draw: random.Random) -> None:
    """Where the code of an operator is."""
    _operator(model, draw).opcodeIndex = draw.randrange(len(model.operatorCodes) + 1)


def edit_wires(model: Any, draw: random.Random) -> None:
    """What an operator reads or writes: circles come of it, and operators without inputs."""
    operator = _operator(model, draw)
    known = (*range(len(model.subgraphs[0].tensors)), -1)
    side = draw.choice(("inputs", "inputs", "outputs"))
    setattr(operator, side, _changed(getattr(operator, side), draw, known))


def edit_order(model: Any, draw: random.Random) -> None:
    """Which operator comes first."""
    draw.shuffle(draw.choice(model.subgraphs).operators)


def edit_repeat(model: Any, draw: random.Random) -> None:
    """An operator that is there twice, or no longer."""
    operators = draw.choice(model.subgraphs).operators
    at = draw.randrange(len(operators))
    if draw.random() < 0.5:
        operators.insert(draw.randrange(len(operators)), operators[at])
    else:
        del operators[at]


def edit_ends(model: Any, draw: random.Random) -> None:
    """The inputs or outputs of the model."""
    graph = draw.choice(model.subgraphs)
    side = draw.choice(("inputs", "outputs"))
    setattr(graph, side, _changed(getattr(graph, side), draw, tuple(range(len(graph.tensors)))))


def edit_option(model: Any, draw: random.Random) -> None:
    """One option of an operator, or all of them."""
    operator = _operator(model, draw)
    fields = sorted(vars(operator.builtinOptions)) if operator.builtinOptions is not None else []
    if not fields or draw.random() < 0.1:
        operator.builtinOptions, operator.builtinOptionsType = None, draw.randrange(127)
        return
    name = draw.choice(fields)
    value = getattr(operator.builtinOptions, name)
    if isinstance(value, bool):
        value = not value
    elif isinstance(value, float):
        value = draw.choice(FLOATS)
    elif isinstance(value, int):
        value = draw.choice((0, 1, 2, 3, 4, 5, 7, *INTEGERS))
    else:
        value = _changed(value, draw, INTEGERS)
    setattr(operator.builtinOptions, name, value)


def edit_quantisation(model: Any, draw: random.Random) -> None:
    """Scales, zero points, or the axis that they are along."""
    tensor = _tensor(model, draw)
    if tensor.quantization is None or draw.random() < 0.1:
        tensor.quantization = None if tensor.quantization else schema.QuantizationParametersT()
        return
    what = draw.randrange(3)
    if what == 0:
        tensor.quantization.scale = _changed(tensor.quantization.scale, draw, FLOATS)
    elif what == 1:
        tensor.quantization.zeroPoint = _changed(tensor.quantization.zeroPoint, draw, (*INTEGERS, 1 << 62))
    else:
        tensor.quantization.quantizedDimension = draw.choice((0, 1, 2, 3, 4, *INTEGERS))


def edit_marks(model: Any, draw: random.Random) -> None:
    """Whether a tensor keeps its value, or is sparse."""
    tensor = _tensor(model, draw)
    if draw.random() < 0.5:
        tensor.isVariable = not tensor.isVariable
    else:
        tensor.sparsity = schema.SparsityParametersT()


def edit_subgraphs(model: Any, draw: random.Random) -> None:
    """Which subgraph comes first, how many there are, and whether one is empty."""
    what = draw.randrange(4)
    if what == 0:
        model.subgraphs.insert(draw.randrange(2), copy.deepcopy(draw.choice(model.subgraphs)))
    elif what == 1:
        empty = schema.SubGraphT()
        empty.tensors, empty.operators, empty.inputs, empty.outputs = [], [], [], []
        model.subgraphs.insert(draw.randrange(2), empty)
    elif what == 2:
        draw.choice(model.subgraphs).operators = []
    else:
        model.buffers.reverse()


EDITS: tuple[Callable[[Any, random.Random], None], ...] = (
    edit_shape,
    edit_shape,
    edit_signature,
    edit_type,
    edit_name,
    edit_buffer,
    edit_constant,
    edit_constant,
    edit_code,
    edit_code,
    edit_code_index,
    edit_wires,
    edit_wires,
    edit_order,
    edit_repeat,
    edit_ends,
    edit_option,
    edit_option,
    edit_quantisation,
    edit_quantisation,
    edit_marks,
    edit_subgraphs,
)
