"""Arguments and results of `@main` that are one state: variables of TOSA, and inputs and outputs that somebody ties.

Before: `tosa.variable @s = dense<3> : tensor<1x8xi8>`, read and written in `@main`; or `x: tensor<1x8xi8>` and a result `y`,
        which whoever runs the network hands back as `x` in the next run
After:  an argument with `vmcu.initial` and a result with `vmcu.updates` (`vmcu.ir.ports`)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from mlir import ir

from vmcu.errors import InputError, Unsupported
from vmcu.frontends.unsigned import set_function_type
from vmcu.ir import walk
from vmcu.ir.functions import return_values
from vmcu.ir.ports import Port, function_ports, ports, write_ports

_ALIKE = 1e-5  # of a scale: less than one step in a hundred thousand


def open_variables(module: ir.Module) -> None:
    """Make TOSA's variables arguments and results of `@main`.

    Raises:
        Unsupported: one is read or written elsewhere than in the block of `@main`, or its shape is not static.
    """
    declared = [op.operation for op in module.body.operations if op.operation.name == "tosa.variable"]
    if not declared:
        return
    main = walk.main_function(module)
    with module.context, ir.Location.unknown():
        for variable in declared:
            _open(main, variable)
            variable.erase()


def _open(main: ir.OpView, variable: ir.Operation) -> None:
    """One variable; one that is never read is dropped, and one that is written before that keeps nothing."""
    name = ir.StringAttr(variable.attributes["sym_name"]).value
    block = main.regions[0].blocks[0]
    current: ir.Value | None = None
    argument: ir.Value | None = None
    written = False
    for op in [each.operation for each in block.operations if _names(each.operation, name)]:
        if op.name == "tosa.variable_read":
            if current is None:
                current = argument = block.add_argument(op.results[0].type, op.location)
            op.results[0].replace_all_uses_with(current)
        else:
            current, written = op.operands[0], True
        op.erase()
    if any(_names(each.operation, name) for each in walk.walk(main)):
        raise Unsupported(f"variable @{name} is used within an operation; supported is the block of @main")
    if argument is not None and current is not None:
        _add_state(main, name, current, _initial(variable, name, argument.type), keeps=written)


def _names(op: ir.Operation, name: str) -> bool:
    is_access = op.name in ("tosa.variable_read", "tosa.variable_write")
    return is_access and ir.StringAttr(op.attributes["name"]).value == name


def _initial(variable: ir.Operation, name: str, kind: ir.Type) -> ir.Attribute:
    """The value before the first run: zeros unless the file tells another one."""
    if not isinstance(kind, ir.RankedTensorType) or not kind.has_static_shape:
        raise Unsupported(f"variable @{name} is {kind}; supported are tensors of static shape")
    if "initial_value" in variable.attributes:
        return variable.attributes["initial_value"]
    return ir.DenseElementsAttr.get_splat(kind, ir.IntegerAttr.get(kind.element_type, 0))


def _add_state(main: ir.OpView, name: str, new: ir.Value, initial: ir.Attribute, *, keeps: bool) -> None:
    """The last argument is a state, whose new value is returned behind all others."""
    inputs, outputs = _sides(main)
    number = len(main.regions[0].blocks[0].arguments) - 1
    end = walk.terminator(main)
    return_values(main, [*end.operands, new])
    set_function_type(main)
    outputs = [*outputs, Port(updates=number)]
    write_ports(main, [*inputs, Port(name, initial=initial)], outputs)


def _sides(main: ir.OpView) -> tuple[list[Port], list[Port]]:
    inputs, outputs = function_ports(main)
    return list(inputs), list(outputs)


def tie(module: ir.Module, pairs: Sequence[str]) -> None:
    """Make states of inputs and outputs, as `INPUT=OUTPUT` names them; they are zero before the first run.

    Raises:
        InputError: there is no input or no output of that name, or it is tied already.
        Unsupported: both differ in type, size, scale or zero point.
    """
    main = walk.main_function(module)
    with module.context, ir.Location.unknown():
        for pair in pairs:
            before, equals, after = pair.rpartition("=")
            if not equals:
                raise InputError(f"a state is INPUT=OUTPUT, found '{pair}'")
            known = ports(module)
            _tie(main, _find("input", before, known[0]), _find("output", after, known[1]))


def _find(side: str, name: str, known: Sequence[Port]) -> int:
    names = [port.name for port in known if not port.is_state]
    if name not in names:
        listed = ", ".join(f"'{each}'" for each in names)
        raise InputError(f"no {side} '{name}' that could be state; {side}s are {listed}")
    return next(number for number, port in enumerate(known) if port.name == name and not port.is_state)


def _tie(main: ir.OpView, before: int, after: int) -> None:
    inputs, outputs = _sides(main)
    old, new = inputs[before], outputs[after]
    end = walk.terminator(main).operation
    value, kind = end.operands[after], main.regions[0].blocks[0].arguments[before].type
    # A converter computes both scales, in float32, and not always in one way.
    scales = (old.scale or 0.0, new.scale or 0.0)
    is_alike = old.zero_point == new.zero_point and math.isclose(*scales, rel_tol=_ALIKE)
    sizes = [int(np.prod(each.shape)) for each in (kind, value.type)]
    is_known = str(kind.element_type) in ("i8", "i16") and not (old.unsigned or new.unsigned)
    if not is_known or not is_alike or kind.element_type != value.type.element_type or sizes[0] != sizes[1]:
        raise Unsupported(
            f"input '{old.name}' is {_describe(kind, old)}, output '{new.name}' {_describe(value.type, new)}; supported as "
            "state are int8 and int16 of one size, scale and zero point"
        )
    if value.type != kind:
        with end.location, ir.InsertionPoint(end):
            end.operands[after] = _reshape(value, kind)
        set_function_type(main)
    zeros = ir.IntegerAttr.get(kind.element_type, old.zero_point or 0)
    inputs[before] = replace(old, initial=ir.DenseElementsAttr.get_splat(kind, zeros))
    outputs[after] = replace(new, updates=before)
    write_ports(main, inputs, outputs)


def _describe(kind: ir.Type, port: Port) -> str:
    scale = "of unknown scale" if port.scale is None else f"of scale {port.scale:.6g} and zero point {port.zero_point}"
    return f"{kind} {scale}"


def _reshape(value: ir.Value, kind: ir.Type) -> ir.Value:
    shape = ir.Type.parse(f"!tosa.shape<{len(kind.shape)}>")
    numbers = ir.DenseIntElementsAttr.get(np.array(kind.shape), type=ir.IndexType.get())
    sizes = ir.Operation.create("tosa.const_shape", [shape], attributes={"values": numbers}).results[0]
    return ir.Operation.create("tosa.reshape", [kind], [value, sizes]).results[0]
