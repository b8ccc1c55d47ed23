"""Names, types and quantisation of a model's inputs and outputs, kept in the IR from the file down to segments.

As long as `@main` has arguments and results, these carry the attributes:

    func.func @main(%arg0: tensor<1x8xi8> {vmcu.name = "x", vmcu.scale = 0.5 : f32, vmcu.zero_point = -1 : i32})

A planned function has places instead, and keeps the same in `vmcu.inputs` and `vmcu.outputs`:

    func.func @main() attributes {vmcu.inputs = [{type = tensor<1x8xi8>, vmcu.name = "x", vmcu.scale = 0.5 : f32, ...}]}

The dialect verifies both forms. All values are of builtin types, so that tools without the dialect read them, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlir import ir

from vmcu.ir import walk

_NAME, _SCALE, _ZERO_POINT, _UNSIGNED, _TYPE = "vmcu.name", "vmcu.scale", "vmcu.zero_point", "vmcu.unsigned", "type"
_SIDES = {"vmcu.inputs": "arg_attrs", "vmcu.outputs": "res_attrs"}


@dataclass(frozen=True)
class Port:
    """One input or output of a model: `real = scale * (quantised - zero_point)`.

    The bytes of an `unsigned` tensor of i8 are uint8.
    """

    name: str | None = None
    scale: float | None = None  # none when the model does not tell
    zero_point: int | None = None
    unsigned: bool = False


def ports(module: ir.Module) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and the outputs of `@main`, a function on tensors: one `Port` each, in order."""
    main = walk.main_function(module)
    return _read(main, "arg_attrs", len(main.type.inputs)), _read(main, "res_attrs", len(main.type.results))


def write_ports(main: ir.OpView, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """Replace the record of the inputs and outputs of `main`, a function on tensors; one `Port` for each."""
    for key, values in (("arg_attrs", inputs), ("res_attrs", outputs)):
        if any(port != Port() for port in values):
            main.attributes[key] = ir.ArrayAttr.get([_attributes(port) for port in values])


def record_ports(function: ir.OpView) -> None:
    """Record types and attributes of the arguments and results of `function`, which is about to lose both."""
    types = zip(_SIDES.items(), (function.type.inputs, function.type.results))
    for (recorded, key), side in types:
        known = function.attributes[key] if key in function.attributes else [ir.DictAttr.get({})] * len(side)
        entries = [{name: each[name] for name in _names(each)} for each in known]
        function.attributes[recorded] = ir.ArrayAttr.get(
            [ir.DictAttr.get({_TYPE: ir.TypeAttr.get(of), **entry}) for of, entry in zip(side, entries)]
        )


def recorded_ports(function: ir.OpView) -> tuple[tuple[tuple[ir.Type, Port], ...], ...] | None:
    """The types and ports of the inputs and of the outputs that a planned function has recorded; none if it has not."""
    if not all(recorded in function.attributes for recorded in _SIDES):
        return None
    sides = [[ir.DictAttr(each) for each in function.attributes[recorded]] for recorded in _SIDES]
    return tuple(tuple((ir.TypeAttr(each[_TYPE]).value, _port(each)) for each in side) for side in sides)


def forget_ports(function: ir.OpView) -> None:
    """Drop what `record_ports` wrote."""
    for recorded in _SIDES:
        if recorded in function.attributes:
            del function.attributes[recorded]


def _names(attributes: ir.DictAttr) -> list[str]:
    return [attributes[number].name for number in range(len(attributes))]


def _attributes(port: Port) -> ir.DictAttr:
    found: dict[str, ir.Attribute] = {}
    if port.name is not None:
        found[_NAME] = ir.StringAttr.get(port.name)
    if port.scale is not None:
        found[_SCALE] = ir.FloatAttr.get_f32(port.scale)
    if port.zero_point is not None:
        found[_ZERO_POINT] = ir.IntegerAttr.get(ir.IntegerType.get_signless(32), port.zero_point)
    if port.unsigned:
        found[_UNSIGNED] = ir.UnitAttr.get()
    return ir.DictAttr.get(found)


def _read(main: ir.OpView, key: str, count: int) -> tuple[Port, ...]:
    if key not in main.attributes:
        return (Port(),) * count
    return tuple(_port(attributes) for attributes in main.attributes[key])


def _port(attributes: ir.DictAttr) -> Port:
    def value(key: str) -> Any:
        return attributes[key].value if key in attributes else None

    return Port(value(_NAME), value(_SCALE), value(_ZERO_POINT), _UNSIGNED in attributes)
