"""A TFLite model as plain data, read before anybody else looks at the file.

Field numbers are those of the TFLite schema, `schema.fbs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vmcu.errors import InputError
from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.flatbuffer import View

_IDENTIFIER = b"TFL3"


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a subgraph.

    Args:
        index: its number in the subgraph.
        name: as bytes, which need not be UTF-8; None if the file gives none.
        shape: sizes; a dynamic one is 1, as the file has it.
        signature: sizes with -1 for dynamic ones.
        type: number in the schema's `TensorType`.
        buffer: number of its buffer.
        data: the constant's bytes; empty for an activation.
        scales, zero_points, axis: quantisation; no scales if there is none.
    """

    index: int
    name: bytes | None
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    type: int
    buffer: int
    data: memoryview
    scales: np.ndarray
    zero_points: np.ndarray
    axis: int
    is_variable: bool
    is_sparse: bool

    @property
    def is_constant(self) -> bool:
        """Whether the file gives its value."""
        return len(self.data) > 0

    @property
    def is_quantised(self) -> bool:
        """Whether it has a scale."""
        return len(self.scales) > 0

    @property
    def bytes(self) -> int:
        """What its elements take."""
        return (math.prod(self.shape) * schema.type_bits(self.type) + 7) // 8

    @property
    def label(self) -> str:
        """The name for people, with what cannot be read replaced; its number if it has none."""
        return self.name.decode(errors="replace") if self.name else f"tensor_{self.index}"

    def __str__(self) -> str:
        sizes = "x".join("?" if size < 0 else str(size) for size in self.signature or self.shape)
        return f"'{self.label}' ({schema.type_name(self.type)}[{sizes}])"


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator of a subgraph.

    Args:
        index: its place in the order of execution.
        code: number in the schema's `BuiltinOperator`.
        custom: the name of a custom operator.
        inputs, outputs: numbers of tensors; -1 stands for an optional input that is not there.
        options: the table of its options.
        intermediates: numbers of tensors that tell quantisation inside of it.
    """

    index: int
    code: int
    custom: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: View | None
    intermediates: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the schema."""
        return f"CUSTOM '{self.custom}'" if self.custom else schema.operator_name(self.code)

    def option(self, field: int, kind: str = "<i", default: int = 0) -> int:
        """A scalar of its options."""
        return self.options.number(field, kind, default) if self.options else default


@dataclass(frozen=True, eq=False)
class State:
    """A value that a model keeps from run to run, as one more input and one more output.

    Args:
        name: of the variable.
        source: its number among the model's inputs.
        result: the number among the outputs of its value in the next run.
        initial: its value before the first run, of the input's shape and type.
    """

    name: str
    source: int
    result: int
    initial: np.ndarray


@dataclass(frozen=True, eq=False)
class Model:
    """One subgraph of a file, and the file's bytes. `states` are told by `vmcu.frontends.tflite.state`."""

    data: bytes
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    buffers: tuple[memoryview, ...]
    states: tuple[State, ...] = ()

    def layer(self, operator: Operator) -> str:
        """The name of an operator's layer, that of its first output."""
        return self.tensors[operator.outputs[0]].label if operator.outputs else f"operator_{operator.index}"

    def live_operators(self) -> list[Operator]:
        """The operators that an output depends on, in order of execution; the converter leaves out the others."""
        needed, live = set(self.outputs), list[Operator]()
        for operator in reversed(self.operators):
            if needed.intersection(operator.outputs):
                needed.update(operator.inputs)
                live.append(operator)
        return live[::-1]


def read_model(data: bytes, number: int = 0) -> Model:
    """Read a subgraph of a file, the first one or that of a number, following no offset unchecked.

    Raises:
        InputError: it is no TFLite model, or a damaged one.
    """
    if data[4:8] != _IDENTIFIER:
        raise InputError("it does not have the identifier TFL3")
    root = View.root(data)
    graphs = root.tables(2)
    if not graphs:
        raise InputError("it has no subgraph")
    _check_index("subgraph", number, len(graphs))
    graph = graphs[number]
    buffers = tuple(_bytes(view) for view in root.tables(4))
    tensors = tuple(_tensor(index, view, buffers) for index, view in enumerate(graph.tables(0)))
    codes = [_code(view) for view in root.tables(1)]
    operators = tuple(_operator(index, view, codes) for index, view in enumerate(graph.tables(3)))
    inputs, outputs = (tuple(graph.numbers(field, np.int32).tolist()) for field in (1, 2))
    for index in (*inputs, *outputs):
        _check_index("tensor", index, len(tensors))
    for operator in operators:
        for index in (*(each for each in operator.inputs if each != -1), *operator.outputs, *operator.intermediates):
            _check_index("tensor", index, len(tensors))
    return Model(data, tensors, operators, inputs, outputs, buffers)


def _tensor(index: int, view: View, buffers: tuple[memoryview, ...]) -> Tensor:
    quantised = view.table(4)
    buffer = view.number(2, "<I")
    _check_index("buffer", buffer, len(buffers))
    empty = np.empty(0)
    return Tensor(
        index,
        view.text(3),
        tuple(view.numbers(0, np.int32).tolist()),
        tuple(view.numbers(7, np.int32).tolist()),
        view.number(1, "<b"),
        buffer,
        buffers[buffer],
        quantised.numbers(2, np.float32) if quantised else empty,
        quantised.numbers(3, np.int64) if quantised else empty,
        quantised.number(6) if quantised else 0,
        bool(view.number(5, "<b")),
        view.table(6) is not None,
    )


def _operator(index: int, view: View, codes: list[tuple[int, str]]) -> Operator:
    number = view.number(0, "<I")
    _check_index("operator code", number, len(codes))
    inputs, outputs, inner = (tuple(view.numbers(field, np.int32).tolist()) for field in (1, 2, 8))
    code, custom = codes[number]
    return Operator(index, code, custom, inputs, outputs, view.table(4), inner)


def _code(view: View) -> tuple[int, str]:
    custom = view.text(1) or b""
    return max(view.number(0, "<b"), view.number(3)), custom.decode(errors="replace")


def _bytes(view: View) -> memoryview:
    """A buffer, in the flatbuffer or, as in files beyond 2 GB, behind it."""
    start, length = view.number(1, "<Q"), view.number(2, "<Q")
    if start <= 1:
        return memoryview(view.data)[view.extent(0)]
    if start + length > len(view.data):
        raise InputError(f"a buffer of {length} bytes ends behind the file")
    return memoryview(view.data)[start : start + length]


def _check_index(what: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise InputError(f"{what} {index} is not one of {count}")
