"""Cut the float input and output conversions off an int8 network, or put some around it; int16 is as int8.

Before: f32 argument -> `tosa.mul` by 1/scale -> `tosa.cast` to i32 -> `tosa.add` zero point -> `tosa.cast` to i8 ->
        int8 core -> `tosa.cast` to f32 -> `tosa.sub` zero point -> `tosa.mul` by scale -> f32 result
After:  int8 argument -> int8 core -> int8 result, with scale and zero point recorded as a `Port`

Without a zero point there is one cast and no addition.

Some exporters wrap a quantised network in such conversions for the convenience of desktop users. On a microcontroller
they quadruple the input buffer and ask for floating point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir

from vmcu.errors import Unsupported
from vmcu.ir import walk
from vmcu.ir.functions import set_function_type
from vmcu.ir.ports import Port


@dataclass(frozen=True)
class _Affine:
    """The map `x -> factor * x + offset` that a chain of ops has made so far, rounding aside."""

    factor: float = 1.0
    offset: float = 0.0

    def then(self, op: ir.Operation, value: ir.Value) -> _Affine | None:
        """This map followed by `op` applied to `value`; none when `op` is not affine in it with constant partners."""
        if op.name == "tosa.cast":
            return self
        if op.name not in ("tosa.mul", "tosa.add", "tosa.sub"):
            return None
        first = op.operands[0] == value
        constant = walk.scalar(op.operands[1] if first else op.operands[0])
        if constant is None or (op.name == "tosa.sub" and not first):
            return None
        if op.name == "tosa.mul":
            return _Affine(self.factor * constant, self.offset * constant)
        return _Affine(self.factor, self.offset + (constant if op.name == "tosa.add" else -constant))


@dataclass(frozen=True)
class Boundary:
    """One float conversion: its float ops, the int8 value at the inner end, and the quantisation that it applies."""

    ops: tuple[ir.Operation, ...]
    int8: ir.Value
    port: Port


def input_boundary(argument: ir.Value) -> Boundary | None:
    """The conversion behind a float argument, down to its int8 value; none when there is no such chain."""
    value, ops = argument, list[ir.Operation]()
    affine: _Affine | None = _Affine()
    while affine is not None and not walk.is_quantised(value.type):
        users = walk.users(value)
        if len(users) != 1:
            return None
        affine = affine.then(users[0], value)
        ops.append(users[0])
        value = users[0].results[0] if users[0].results else value
    if affine is None or affine.factor == 0.0:
        return None
    return Boundary(tuple(ops), value, Port(None, 1.0 / affine.factor, round(affine.offset)))


def output_boundary(result: ir.Value) -> Boundary | None:
    """The conversion before a float result, back to its `tosa.cast` from int8; none when there is no such chain."""
    ops: list[ir.Operation] = []
    value = result
    while (op := walk.owner(value)) is not None and op.name in ("tosa.mul", "tosa.add", "tosa.sub"):
        ops.insert(0, op)
        value = op.operands[0] if walk.scalar(op.operands[0]) is None else op.operands[1]
    if op is None or op.name != "tosa.cast" or not walk.is_quantised(op.operands[0].type):
        return None
    affine, value = _Affine(), op.results[0]
    for step in ops:
        after = affine.then(step, value)
        if after is None:
            return None
        affine, value = after, step.results[0]
    return Boundary((op, *ops), op.operands[0], Port(None, affine.factor, round(-affine.offset / affine.factor)))


def find_floats(module: ir.Module, *, cut: bool) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Find the float conversions around the int8 core of `@main`, and cut them off if `cut` says so.

    Returns:
        One `Port` for each input and each output, empty where there is no conversion.

    Raises:
        Unsupported: an operation of the core computes on floats.
    """
    main = walk.main_function(module)
    block = main.regions[0].blocks[0]
    inputs = [input_boundary(argument) if walk.is_float(argument.type) else None for argument in block.arguments]
    outputs = [
        output_boundary(value) if walk.is_float(value.type) else None for value in walk.terminator(main).operands
    ]
    _refuse_floats(main, [op for found in (*inputs, *outputs) if found for op in found.ops])
    if cut:
        _strip(main, inputs, outputs)
    return tuple(f.port if f else Port() for f in inputs), tuple(f.port if f else Port() for f in outputs)


def wrap_in_floats(main: ir.OpView, inputs: Sequence[Port | None], outputs: Sequence[Port | None]) -> None:
    """Put float conversions around the int8 arguments and results of `main` that have a port, as LiteRT computes them.

    Raises:
        Unsupported: the file does not tell scale and zero point of one of them.
    """
    block, end = main.regions[0].blocks[0], walk.terminator(main)
    for side, found in (("input", inputs), ("output", outputs)):
        for index, port in enumerate(found):
            if port is not None and None in (port.scale, port.zero_point):
                raise Unsupported(f"the file does not tell scale and zero point of {side} {index}, which floats need")
    with ir.InsertionPoint.at_block_begin(block):
        for argument, port in zip(block.arguments, inputs):
            if port is not None and not walk.is_float(argument.type):
                _quantise(argument, port)
    with ir.InsertionPoint(end):
        for index, port in enumerate(outputs):
            if port is not None and not walk.is_float(end.operands[index].type):
                end.operation.operands[index] = _dequantise(end.operands[index], port)
    set_function_type(main)


def _quantise(argument: ir.Value, port: Port) -> None:
    """Let a float argument become the integers that it was: scaled, saturated, rounded half away from zero.

    `tosa.cast` rounds halves to the even number. It errs where what is left is a half of the sign of the number itself.
    """
    assert port.scale is not None and port.zero_point is not None
    readers = [(use.owner, use.operand_number) for use in argument.uses]
    integers = argument.type
    argument.set_type(_like(integers, ir.F32Type.get()))
    i32 = ir.IntegerType.get_signless(32)
    with argument.location:
        # Whole numbers as bounds: to round after the clamp is to round before it.
        limit = 1 << (integers.element_type.width - 1)
        bounds = {"min_val": -limit - port.zero_point, "max_val": limit - 1 - port.zero_point}
        ends = {key: ir.FloatAttr.get(ir.F32Type.get(), end) for key, end in bounds.items()}
        scaled = _mul(argument, _splat(argument, 1.0 / port.scale))
        steps = ir.Operation.create("tosa.clamp", [argument.type], [scaled], ends).results[0]
        even = _convert(steps, i32)
        rest = _binary("tosa.sub", steps, _convert(even, ir.F32Type.get()))
        above = _both(_reaches(rest, _splat(rest, 0.5)), _reaches(steps, _splat(rest, 0.0)))
        below = _both(_reaches(_splat(rest, -0.5), rest), _reaches(_splat(rest, 0.0), steps))
        rounded = _binary("tosa.sub", _binary("tosa.add", even, _convert(above, i32)), _convert(below, i32))
        moved = _binary("tosa.add", rounded, _splat(rounded, port.zero_point))
        value = _convert(moved, integers.element_type)
    for reader, number in readers:
        reader.operation.operands[number] = value


def _dequantise(value: ir.Value, port: Port) -> ir.Value:
    """`scale * (value - zero point)` in float32."""
    assert port.scale is not None and port.zero_point is not None
    with value.location:
        steps = _convert(value, ir.F32Type.get())
        moved = _binary("tosa.sub", steps, _splat(steps, float(port.zero_point)))
        return _mul(moved, _splat(moved, port.scale))


def _like(of: ir.Type, element: ir.Type) -> ir.RankedTensorType:
    return ir.RankedTensorType.get(of.shape, element)


def _splat(like: ir.Value, number: float) -> ir.Value:
    """A constant of one element that is broadcast over a tensor."""
    element = like.type.element_type
    kind = ir.RankedTensorType.get([1] * like.type.rank, element)
    is_float = walk.is_float(element)
    one = ir.FloatAttr.get(element, number) if is_float else ir.IntegerAttr.get(element, int(number))
    values = ir.DenseElementsAttr.get_splat(kind, one)
    return ir.Operation.create("tosa.const", [kind], attributes={"values": values}).results[0]


def _convert(value: ir.Value, element: ir.Type) -> ir.Value:
    return ir.Operation.create("tosa.cast", [_like(value.type, element)], [value]).results[0]


def _binary(name: str, left: ir.Value, right: ir.Value) -> ir.Value:
    return ir.Operation.create(name, [left.type], [left, right]).results[0]


def _mul(left: ir.Value, right: ir.Value) -> ir.Value:
    kind = ir.RankedTensorType.get([1], ir.IntegerType.get_signless(8))
    shift = ir.DenseElementsAttr.get_splat(kind, ir.IntegerAttr.get(kind.element_type, 0))
    none = ir.Operation.create("tosa.const", [kind], attributes={"values": shift}).results[0]
    return ir.Operation.create("tosa.mul", [left.type], [left, right, none]).results[0]


def _reaches(left: ir.Value, right: ir.Value) -> ir.Value:
    """`left >= right`; one of both may be a constant of one element."""
    shape = left.type if np.prod(left.type.shape) >= np.prod(right.type.shape) else right.type
    bits = _like(shape, ir.IntegerType.get_signless(1))
    return ir.Operation.create("tosa.greater_equal", [bits], [left, right]).results[0]


def _both(left: ir.Value, right: ir.Value) -> ir.Value:
    return _binary("tosa.logical_and", left, right)


def _refuse_floats(main: ir.OpView, allowed: list[ir.Operation]) -> None:
    for op in main.regions[0].blocks[0].operations:
        types = [value.type for value in (*op.operands, *op.results)]
        if op.operation.name in ("tosa.const", "func.return") or op.operation in allowed:
            continue
        if any(walk.is_float(of) for of in types):
            found = next(of for of in types if walk.is_float(of))
            raise Unsupported(
                f"{op.operation.name} at layer {walk.layer(op)} computes on {found}; supported are int8 networks, "
                "with float conversions at their inputs and outputs only"
            )


def _strip(main: ir.OpView, inputs: list[Boundary | None], outputs: list[Boundary | None]) -> None:
    block, end = main.regions[0].blocks[0], walk.terminator(main)
    for index, found in enumerate(outputs):
        if found:
            end.operation.operands[index] = found.int8
            walk.erase(found.ops)
    for argument, found in zip(block.arguments, inputs):
        if found:
            argument.set_type(found.int8.type)
            found.int8.replace_all_uses_with(argument)
            walk.erase(found.ops)
    set_function_type(main)
