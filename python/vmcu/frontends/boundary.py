"""Cut the float input and output conversions off an int8 network.

Before: f32 argument -> `tosa.mul` by 1/scale -> `tosa.cast` to i32 -> `tosa.add` zero point -> `tosa.cast` to i8 ->
        int8 core -> `tosa.cast` to f32 -> `tosa.sub` zero point -> `tosa.mul` by scale -> f32 result
After:  int8 argument -> int8 core -> int8 result, with scale and zero point recorded as a `Port`

Without a zero point there is one cast and no addition.

Some exporters wrap a quantised network in such conversions for the convenience of desktop users. On a microcontroller
they quadruple the input buffer and ask for floating point.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlir import ir

from vmcu.errors import Unsupported
from vmcu.ir import walk
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
    while affine is not None and not walk.is_int8(value.type):
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
    if op is None or op.name != "tosa.cast" or not walk.is_int8(op.operands[0].type):
        return None
    affine, value = _Affine(), op.results[0]
    for step in ops:
        after = affine.then(step, value)
        if after is None:
            return None
        affine, value = after, step.results[0]
    return Boundary((op, *ops), op.operands[0], Port(None, affine.factor, round(-affine.offset / affine.factor)))


def int8_boundaries(module: ir.Module, *, strip: bool) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Find the float conversions around the int8 core of `@main`, and cut them off if `strip` says so.

    Returns:
        One `Port` for each input and each output, empty where it is not float.

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
    if strip:
        _strip(main, inputs, outputs)
    return tuple(f.port if f else Port() for f in inputs), tuple(f.port if f else Port() for f in outputs)


def saturate_inputs(module: ir.Module) -> None:
    """Let real numbers beyond the int8 range of an input become its ends, as LiteRT's QUANTIZE does.

    The converter's chain adds the zero point in 32 bits and keeps the low eight, so that such numbers would wrap around.
    A number half way between two steps still rounds to the even one, where LiteRT rounds it away from zero.
    """
    for argument in walk.main_function(module).regions[0].blocks[0].arguments:
        found = input_boundary(argument) if walk.is_float(argument.type) else None
        if found:
            _saturate(found)


def _saturate(boundary: Boundary) -> None:
    cast = next(op for op in boundary.ops if op.name == "tosa.cast")
    scaled = cast.operands[0]
    ends = {"min_val": -128, "max_val": 127}  # whole numbers: to round after the clamp is to round before it
    element = walk.element_type(scaled.type)
    with cast.location, ir.InsertionPoint(cast):
        bounds = {key: ir.FloatAttr.get(element, end - (boundary.port.zero_point or 0)) for key, end in ends.items()}
        clamp = ir.Operation.create("tosa.clamp", [scaled.type], [scaled], bounds)
    cast.operands[0] = clamp.results[0]


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
    types = ([argument.type for argument in block.arguments], [value.type for value in end.operands])
    main.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(*types))
