"""A scalar op of a linalg body as the same op on vectors of four lanes; `tosa.apply_scale` becomes `vmcu.requantize`."""

from __future__ import annotations

from mlir import ir
from mlir.dialects import arith

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.walk import int_width, rounds_twice
from vmcu.operators.elementwise.operator import LANES
from vmcu.operators.match import producer
from vmcu.operators.requant import INT32, constant_int

# Ops whose result's low byte follows from sign-extended operands, so that they run on 32-bit lanes.
_WIDENED = {f"arith.{name}" for name in ("addi", "subi", "muli", "andi", "ori", "xori", "maxsi", "minsi", "select")}


def can_vectorise(op: ir.OpView) -> bool:
    """Whether `vectorise` knows a body's op."""
    name = op.operation.name
    widths = [int_width(each.type) for each in [*op.operands, *op.results]]
    if name == "tosa.apply_scale":
        return widths == [32, 32, 8, 32]
    if not name.startswith(("arith.", "linalg.yield")) or not set(widths) <= {1, 8, 16, 32, 64}:
        return False
    if 8 not in widths or name in _WIDENED or name in ("arith.constant", "linalg.yield"):
        return True
    return (name, widths) in (("arith.extsi", [8, 32]), ("arith.trunci", [32, 8]))


def splat_captured(value: ir.Value) -> ir.Value:
    """A constant from outside the body, where canonicalisation puts them."""
    number = constant_int(value)
    assert number is not None, "bodies that capture something else are not vectorised"
    return build.splat(value.type, number, LANES)


def vectorise(op: ir.OpView, operands: list[ir.Value]) -> ir.Value:
    if op.operation.name == "tosa.apply_scale":
        rounding = d.Rounding.double_round if rounds_twice(op) else d.Rounding.single_round
        value, multiplier, shift = operands
        return d.requantize(build.vector(build.i32(), LANES), value, multiplier, shift, rounding, 0, *INT32)
    if isinstance(op, arith.ConstantOp):
        return build.splat(op.result.type, ir.IntegerAttr(op.value).value, LANES)
    if op.operation.name == "arith.addi" and (folded := _add_to_scaled(*operands)):
        return folded
    attributes = {name: op.operation.attributes[name] for name in op.operation.attributes}
    element = op.results[0].type
    narrow = op.operation.name in _WIDENED and int_width(element) == 8
    if narrow:
        element, wide = build.i32(), build.vector(build.i32(), LANES)
        operands = [arith.extsi(wide, each) if _is_bytes(each) else each for each in operands]
    result = ir.Operation.create(op.operation.name, [build.vector(element, LANES)], operands, attributes).results[0]
    return arith.trunci(build.vector(build.i8(), LANES), result) if narrow else result


def _add_to_scaled(value: ir.Value, addend: ir.Value) -> ir.Value | None:
    """A constant added to what was only scaled is its zero point: one instruction does both."""
    scale, constant = producer(value), producer(addend)
    if not isinstance(scale, d.RequantizeOp) or not isinstance(constant, arith.ConstantOp):
        return None
    if scale.zero_point.value or (scale.min.value, scale.max.value) != INT32 or not constant.value.is_splat:
        return None
    zero_point = ir.IntegerAttr(constant.value.get_splat_value()).value
    return d.requantize(value.type, scale.value, scale.multiplier, scale.shift, scale.rounding, zero_point, *INT32)


def _is_bytes(value: ir.Value) -> bool:
    return ir.VectorType(value.type).element_type == build.i8()
