"""Write one-operator int8 TFLite files for tests, with nothing but the flatbuffer schema that LiteRT ships.

`Graph` collects tensors and operators and serialises itself. Activations are int8 with one scale and zero point,
weights may have one scale per output channel, biases are int32. The functions below it write one operator each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.bool_): schema.TensorType.BOOL,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}

#: The version of an operator, where LiteRT has no first one.
_VERSIONS = {schema.BuiltinOperator.BROADCAST_TO: 3}


@dataclass
class Graph:
    """One subgraph under construction; tensors are named by the index that `tensor` and `const` return."""

    tensors: list[schema.TensorT] = field(default_factory=list)
    buffers: list[schema.BufferT] = field(default_factory=lambda: [schema.BufferT()])
    operators: list[schema.OperatorT] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    once: Graph | None = None

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        scale: float | np.ndarray | None = 0.05,
        zero_point: int = 0,
        channel_axis: int = 0,
        dtype: type = np.int8,
        dynamic_batch: bool = False,
    ) -> int:
        """Add an activation; `scale=None` leaves it without quantisation."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name, list(shape), _TYPES[np.dtype(dtype)]
        if dynamic_batch:
            made.shapeSignature = [-1, *shape[1:]]
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = scales
            made.quantization.zeroPoint = np.full(scales.shape, zero_point, np.int64)
            made.quantization.quantizedDimension = channel_axis
        self.tensors.append(made)
        return len(self.tensors) - 1

    def const(self, name: str, values: np.ndarray, **quantisation: object) -> int:
        """Add a constant of the array's shape and type."""
        quantisation.setdefault("scale", None)
        index = self.tensor(name, values.shape, dtype=values.dtype.type, **quantisation)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.buffers.append(buffer)
        self.tensors[index].buffer = len(self.buffers) - 1
        return index

    def op(
        self, code: str, inputs: list[int], outputs: list[int], options: str | None = None, **fields: object
    ) -> None:
        """Add an operator, e.g. `op("SOFTMAX", [x], [y], "SoftmaxOptions", beta=1.0)`."""
        operator = schema.OperatorT()
        number = getattr(schema.BuiltinOperator, code)
        if number not in self.codes:
            self.codes.append(number)
        operator.opcodeIndex = self.codes.index(number)
        operator.inputs, operator.outputs = inputs, outputs
        if options is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, f"{options}T")()
            for name, value in fields.items():
                assert hasattr(operator.builtinOptions, name), name
                setattr(operator.builtinOptions, name, value)
        self.operators.append(operator)

    def variable(self, name: str) -> int:
        """The handle of a variable."""
        index = self.tensor(name, (), scale=None, dtype=np.int8)
        self.tensors[index].type = schema.TensorType.RESOURCE
        self.op("VAR_HANDLE", [], [index], "VarHandleOptions", sharedName=name)
        return index

    def read(self, handle: int, name: str, shape: tuple[int, ...], **quantisation: object) -> int:
        """The value of a variable."""
        index = self.tensor(name, shape, **quantisation)
        self.op("READ_VARIABLE", [handle], [index], "ReadVariableOptions")
        return index

    def assign(self, handle: int, value: int) -> None:
        """Give a variable another value."""
        self.op("ASSIGN_VARIABLE", [handle, value], [], "AssignVariableOptions")

    def initialise(self, values: dict[str, np.ndarray], **quantisation: object) -> Graph:
        """Call a subgraph once, before all operators, that gives variables their first values; returns it."""
        once = Graph(buffers=self.buffers, codes=self.codes)
        for name, value in values.items():
            once.assign(once.variable(name), once.const(f"{name}_initial", value, **quantisation))
        self.op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
        self.operators.insert(0, self.operators.pop())
        self.once = once
        return once

    def _subgraph(self, name: str, inputs: list[int], outputs: list[int]) -> schema.SubGraphT:
        made = schema.SubGraphT()
        made.tensors, made.operators, made.name = self.tensors, self.operators, name
        made.inputs, made.outputs = inputs, outputs
        return made

    def write(self, path: Path, inputs: list[int], outputs: list[int], *, custom: str | None = None) -> Path:
        """Serialise to `path` and return it; `custom` names the operators CUSTOM."""
        graphs = [self._subgraph("main", inputs, outputs)]
        graphs += [] if self.once is None else [self.once._subgraph("once", [], [])]
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.description = 3, graphs, self.buffers, "tiny"
        model.operatorCodes = [_code(number, custom) for number in self.codes]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def _code(number: int, custom: str | None) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.customCode = custom
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), _VERSIONS.get(number, 1)
    return code


def unary(
    path: Path,
    code: str,
    shape: tuple[int, ...],
    result: tuple[int, ...],
    options: str | None = None,
    extra: tuple[object, ...] = (),
    *,
    into: tuple[float, int] = (0.05, 0),
    out: tuple[float, int] = (0.05, 0),
    **fields: object,
) -> Path:
    """One operator on one activation; `extra` are int32 constants after it, `into` and `out` scale and zero point."""
    graph = Graph()
    x = graph.tensor("x", shape, scale=into[0], zero_point=into[1])
    y = graph.tensor("y", result, scale=out[0], zero_point=out[1])
    constants = [graph.const(f"extra{i}", np.asarray(value, np.int32)) for i, value in enumerate(extra)]
    graph.op(code, [x, *constants], [y], options, **fields)
    return graph.write(path, [x], [y])


def binary(path: Path, code: str, left: tuple[int, ...], right: tuple[int, ...], activation: int = 0) -> Path:
    """ADD, SUB or MUL of two activations of unequal scales; the result has the left shape."""
    graph = Graph()
    x = graph.tensor("left", left, scale=0.05, zero_point=2)
    z = graph.tensor("right", right, scale=0.03, zero_point=-7)
    y = graph.tensor("y", left, scale=0.07, zero_point=-11)
    graph.op(code, [x, z], [y], f"{code.capitalize()}Options", fusedActivationFunction=activation)
    return graph.write(path, [x, z], [y])


def conv(
    path: Path,
    size: int = 8,
    channels: int = 4,
    filters: int = 6,
    kernel: int = 3,
    *,
    multiplier: int = 0,
    stride: int = 1,
    dilation: int = 1,
    valid: bool = False,
    activation: int = 0,
    per_channel: bool = True,
    float_io: bool = False,
) -> Path:
    """A square convolution; `multiplier > 0` makes it depthwise, `float_io` wraps it in float conversions."""
    draw = np.random.default_rng(size + kernel)
    graph = Graph()
    filters = channels * multiplier if multiplier else filters
    extent = (kernel - 1) * dilation + 1
    result = -(-(size - extent + 1 if valid else size) // stride)
    scales = draw.uniform(0.002, 0.01, filters) if per_channel else np.full(1, 0.005)
    shape = (1, kernel, kernel, filters) if multiplier else (filters, kernel, kernel, channels)
    weights = draw.integers(-127, 128, shape).astype(np.int8)
    x = graph.tensor("x", (1, size, size, channels), scale=0.04, zero_point=-3)
    w = graph.const("w", weights, scale=scales, channel_axis=3 if multiplier else 0)
    b = graph.const("b", draw.integers(-500, 500, filters).astype(np.int32), scale=scales * 0.04)
    y = graph.tensor("y", (1, result, result, filters), scale=0.2, zero_point=5)
    fields = dict(
        padding=int(valid), strideW=stride, strideH=stride, fusedActivationFunction=activation,
        dilationWFactor=dilation, dilationHFactor=dilation,
    )  # fmt: skip
    ends = (x, y)
    if float_io:
        shapes = [tuple(graph.tensors[index].shape) for index in ends]
        ends = tuple(graph.tensor(f"real{i}", s, scale=None, dtype=np.float32) for i, s in enumerate(shapes))
        graph.op("QUANTIZE", [ends[0]], [x], "QuantizeOptions")
    if multiplier:
        graph.op("DEPTHWISE_CONV_2D", [x, w, b], [y], "DepthwiseConv2DOptions", depthMultiplier=multiplier, **fields)
    else:
        graph.op("CONV_2D", [x, w, b], [y], "Conv2DOptions", **fields)
    if float_io:
        graph.op("DEQUANTIZE", [y], [ends[1]], "DequantizeOptions")
    return graph.write(path, [ends[0]], [ends[1]])


def fully_connected(
    path: Path,
    rows: int = 1,
    depth: int = 32,
    width: int = 64,
    *,
    per_channel: bool = False,
    dynamic_batch: bool = False,
) -> Path:
    """`rows` x `depth` times `depth` x `width`, with small weights: a factor near 0.1 makes rounding twice visible."""
    draw = np.random.default_rng(depth)
    graph = Graph()
    scales = draw.uniform(0.002, 0.01, width) if per_channel else np.full(1, 0.005)
    x = graph.tensor("x", (rows, depth), scale=0.04, zero_point=-3, dynamic_batch=dynamic_batch)
    w = graph.const("w", draw.integers(-2, 3, (width, depth)).astype(np.int8), scale=scales)
    b = graph.const("b", draw.integers(-20, 20, width).astype(np.int32), scale=scales * 0.04)
    y = graph.tensor("y", (rows, width), scale=0.002, zero_point=5, dynamic_batch=dynamic_batch)
    graph.op("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    return graph.write(path, [x], [y])


def concatenation(path: Path) -> Path:
    """Two activations along their channels."""
    graph = Graph()
    x, z, y = (graph.tensor(name, (1, 4, 4, c)) for name, c in (("left", 2), ("right", 3), ("y", 5)))
    graph.op("CONCATENATION", [x, z], [y], "ConcatenationOptions", axis=3)
    return graph.write(path, [x, z], [y])


def real(path: Path, code: str, options: str | None = None, extra: tuple[object, ...] = ()) -> Path:
    """One operator on floats, after a RELU whose output is called `hidden`."""
    graph = Graph()
    x, h, y = (graph.tensor(name, (1, 8), scale=None, dtype=np.float32) for name in ("x", "hidden", "y"))
    constants = [graph.const(f"extra{i}", np.asarray(value, np.int32)) for i, value in enumerate(extra)]
    graph.op("RELU", [x], [h])
    graph.op(code, [h, *constants], [y], options)
    return graph.write(path, [x], [y])
