"""Names and quantisation of a model's inputs and outputs, kept as attributes of `@main`.

Before: `func.func @main(%arg0: tensor<1x8xi8>)`
After:  `func.func @main(%arg0: tensor<1x8xi8> {vmcu.name = "x", vmcu.scale = 0.5 : f32, vmcu.zero_point = -1 : i32})`

The attributes are discardable and of builtin types, so that tools without the `vmcu` dialect read the module too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlir import ir

from vmcu.ir import walk

_NAME, _SCALE, _ZERO_POINT = "vmcu.name", "vmcu.scale", "vmcu.zero_point"


@dataclass(frozen=True)
class Port:
    """One input or output of a model: `real = scale * (quantised - zero_point)`."""

    name: str | None = None
    scale: float | None = None  # of the int8 tensor; none when the model does not tell
    zero_point: int | None = None


def ports(module: ir.Module) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and the outputs of `@main`, one `Port` each, in order."""
    main = walk.main_function(module)
    return _read(main, "arg_attrs", len(main.type.inputs)), _read(main, "res_attrs", len(main.type.results))


def write_ports(main: ir.OpView, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """Replace the record of `main`'s inputs and outputs; one `Port` for each."""
    for key, values in (("arg_attrs", inputs), ("res_attrs", outputs)):
        if any(port != Port() for port in values):
            main.attributes[key] = ir.ArrayAttr.get([_attributes(port) for port in values])


def _attributes(port: Port) -> ir.DictAttr:
    found: dict[str, ir.Attribute] = {}
    if port.name is not None:
        found[_NAME] = ir.StringAttr.get(port.name)
    if port.scale is not None:
        found[_SCALE] = ir.FloatAttr.get_f32(port.scale)
    if port.zero_point is not None:
        found[_ZERO_POINT] = ir.IntegerAttr.get(ir.IntegerType.get_signless(32), port.zero_point)
    return ir.DictAttr.get(found)


def _read(main: ir.OpView, key: str, count: int) -> tuple[Port, ...]:
    if key not in main.attributes:
        return (Port(),) * count
    return tuple(_port(attributes) for attributes in main.attributes[key])


def _port(attributes: ir.DictAttr) -> Port:
    def value(key: str) -> str | float | int | None:
        return attributes[key].value if key in attributes else None

    return Port(value(_NAME), value(_SCALE), value(_ZERO_POINT))
