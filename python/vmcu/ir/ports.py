"""Names, types and quantisation of a model's inputs and outputs, kept in the IR from the file down to segments.

As long as `@main` has arguments and results, these carry the attributes:

    func.func @main(%arg0: tensor<1x8xi8> {vmcu.name = "x", vmcu.scale = 0.5 : f32, vmcu.zero_point = -1 : i32})

A planned function has places instead, and keeps the same in `vmcu.inputs` and `vmcu.outputs`:

    func.func @main() attributes {vmcu.inputs = [{type = tensor<1x8xi8>, vmcu.name = "x", vmcu.scale = 0.5 : f32, ...}]}

An argument that keeps its value from run to run, a *state*, has its value before the first run as `vmcu.initial`, and the
result that is its value in the next run has its number as `vmcu.updates`:

    func.func @main(%arg0: tensor<1x8xi8>, %arg1: tensor<1x8xi8> {vmcu.initial = dense<-128> : tensor<1x8xi8>})
        -> (tensor<1x4xi8>, tensor<1x8xi8> {vmcu.updates = 1 : i32})

A planned function has its states in `vmcu.states`, and they are neither in `vmcu.inputs` nor in `vmcu.outputs`.

The dialect verifies both forms. All values are of builtin types, so that tools without the dialect read them, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlir import ir

from vmcu.ir import walk

_NAME, _SCALE, _ZERO_POINT, _UNSIGNED, _TYPE = "vmcu.name", "vmcu.scale", "vmcu.zero_point", "vmcu.unsigned", "type"
_INITIAL, _UPDATES, _STATES = "vmcu.initial", "vmcu.updates", "vmcu.states"
_SIDES = {"vmcu.inputs": "arg_attrs", "vmcu.outputs": "res_attrs"}


@dataclass(frozen=True)
class Port:
    """One input or output of a model: `real = scale * (quantised - zero_point)`.

    The bytes of an `unsigned` tensor of i8 are uint8. An input with an `initial` value, the elements of a tensor, keeps its
    value from run to run; an output that `updates` the input of that number is its value in the next run.
    """

    name: str | None = None
    scale: float | None = None  # none when the model does not tell
    zero_point: int | None = None
    unsigned: bool = False
    initial: ir.Attribute | None = None
    updates: int | None = None

    @property
    def is_state(self) -> bool:
        """Whether the caller knows nothing of it: it belongs to a value that is kept from run to run."""
        return self.initial is not None or self.updates is not None


def ports(module: ir.Module) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The inputs and the outputs of `@main`, a function on tensors: one `Port` each, in order."""
    return function_ports(walk.main_function(module))


def function_ports(function: ir.OpView) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The same of a function on tensors of any name."""
    types = function.type
    return _read(function, "arg_attrs", len(types.inputs)), _read(function, "res_attrs", len(types.results))


def states(function: ir.OpView) -> list[tuple[int, int]]:
    """The states of a function on tensors, in order: the numbers of the argument and of the result that updates it."""
    if "res_attrs" not in function.attributes:
        return []
    updates = [_port(each).updates for each in function.attributes["res_attrs"]]
    return sorted((argument, result) for result, argument in enumerate(updates) if argument is not None)


def write_ports(main: ir.OpView, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """Replace the record of the inputs and outputs of `main`, a function on tensors; one `Port` for each."""
    for key, values in (("arg_attrs", inputs), ("res_attrs", outputs)):
        if any(port != Port() for port in values):
            main.attributes[key] = ir.ArrayAttr.get([_attributes(port) for port in values])


def record_ports(function: ir.OpView) -> None:
    """Record types and attributes of the arguments and results of `function`, which is about to lose both."""
    types, states = zip(_SIDES.items(), (function.type.inputs, function.type.results)), []
    for (recorded, key), side in types:
        known = function.attributes[key] if key in function.attributes else [ir.DictAttr.get({})] * len(side)
        entries = [{_TYPE: ir.TypeAttr.get(of), **{name: each[name] for name in _names(each)}}
                   for of, each in zip(side, known)]  # fmt: skip
        own = [each for each in entries if _INITIAL not in each and _UPDATES not in each]
        states += [each for each in entries if _INITIAL in each]
        function.attributes[recorded] = ir.ArrayAttr.get([ir.DictAttr.get(each) for each in own])
    if states:
        function.attributes[_STATES] = ir.ArrayAttr.get([ir.DictAttr.get(each) for each in states])


def recorded_ports(function: ir.OpView) -> tuple[tuple[tuple[ir.Type, Port], ...], ...] | None:
    """The types and ports of the inputs and of the outputs that a planned function has recorded; none if it has not."""
    if not all(recorded in function.attributes for recorded in _SIDES):
        return None
    sides = [[ir.DictAttr(each) for each in function.attributes[recorded]] for recorded in _SIDES]
    return tuple(tuple((ir.TypeAttr(each[_TYPE]).value, _port(each)) for each in side) for side in sides)


def recorded_states(function: ir.OpView) -> tuple[tuple[ir.Type, Port], ...]:
    """The types and ports of the states that a planned function has recorded, in the order of their numbers."""
    if _STATES not in function.attributes:
        return ()
    states = [ir.DictAttr(each) for each in function.attributes[_STATES]]
    return tuple((ir.TypeAttr(each[_TYPE]).value, _port(each)) for each in states)


def forget_ports(function: ir.OpView) -> None:
    """Drop what `record_ports` wrote."""
    for recorded in (*_SIDES, _STATES):
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
    if port.initial is not None:
        found[_INITIAL] = port.initial
    if port.updates is not None:
        found[_UPDATES] = ir.IntegerAttr.get(ir.IntegerType.get_signless(32), port.updates)
    return ir.DictAttr.get(found)


def _read(main: ir.OpView, key: str, count: int) -> tuple[Port, ...]:
    if key not in main.attributes:
        return (Port(),) * count
    return tuple(_port(attributes) for attributes in main.attributes[key])


def _port(attributes: ir.DictAttr) -> Port:
    def value(key: str) -> Any:
        return attributes[key].value if key in attributes else None

    initial = attributes[_INITIAL] if _INITIAL in attributes else None  # noqa: SIM401  `get` makes one
    return Port(value(_NAME), value(_SCALE), value(_ZERO_POINT), _UNSIGNED in attributes, initial, value(_UPDATES))
