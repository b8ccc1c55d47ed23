"""Read a quantised network from a file: the door into the compiler.

`load` gives TOSA (or linalg, when the file holds linalg) with one public function `@main` on static tensors of batch 1, or
a lower level of the compiler as the file has it; `level_of` says which. `ports` tells names, scales and zero points of
inputs and outputs. Modules live in the caller's current `ir.Context`:

    with ir.Context():
        module = load("model.tflite")
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from mlir import ir

from vmcu.errors import InputError, Unsupported, VmcuError
from vmcu.frontends.boundary import find_floats, wrap_in_floats
from vmcu.frontends.levels import FileLevel, level_of
from vmcu.frontends.mlir import load_mlir
from vmcu.frontends.sizes import check_sizes
from vmcu.frontends.states import open_variables, tie
from vmcu.frontends.tflite import load_tflite
from vmcu.frontends.unsigned import sign, unsign
from vmcu.ir import walk
from vmcu.ir.ports import Port, ports, write_ports

__all__ = ["FileLevel", "Io", "Port", "level_of", "load", "load_file", "ports"]

Io = Literal["auto", "int8", "uint8", "float"]

_STATE_ELEMENTS = ("i8", "i16", "i32")
_READERS = {".tflite": load_tflite, ".mlir": load_mlir, ".mlirbc": load_mlir}


def load(path: str | Path, *, io: Io = "auto", state: Sequence[str] = ()) -> ir.Module:
    """Read a model into the current MLIR context.

    Args:
        path: `.tflite`, or `.mlir` / `.mlirbc` (text or bytecode) that holds TOSA or linalg on tensors, or kernels,
            a plan or segments of this compiler.
        io: what inputs and outputs are, as `Options.io` has it; `ports` tells their scale and zero point. A file of a
            lower level than TOSA and linalg has what it has.
        state: inputs and outputs that are state, as `Options.state` has them.

    Returns:
        A module with one public function `@main`, static shapes, batch 1.

    Raises:
        InputError: the file is missing, of another kind, or damaged.
        Unsupported: the network computes on floats or on uint8, has dynamic sizes, or an operator that is not supported;
            "float" is wanted of a tensor whose scale and zero point the file does not tell.
    """
    if io not in get_args(Io):
        raise InputError(f"io is {io!r}; supported are {', '.join(map(repr, get_args(Io)))}")
    file = Path(path)
    module = _read(file)
    if level_of(module) != "tosa":
        if state:
            raise InputError(f"{file}: a file of a lower level than TOSA and linalg tells its state itself")
        return module
    try:
        # What a .mlir file says of floats is meant as it is; of a .tflite file it is the converter who says it.
        return _checked(module, io, state, cut=io != "float" or file.suffix.lower() == ".tflite")
    except VmcuError as error:
        raise type(error)(f"{file}: {error}") from None


def load_file(path: Path) -> ir.Module:
    """The module of a model at the level of TOSA, with the inputs and outputs that the file has.

    Raises:
        VmcuError: as `load`.
    """
    module = _read(path)
    if path.suffix.lower() == ".tflite":
        with module.context, ir.Location.unknown():
            found = find_floats(module, cut=True)
            sides = ([port if port.scale is not None else None for port in side] for side in found)
            wrap_in_floats(walk.main_function(module), *sides)
    return module


def _read(file: Path) -> ir.Module:
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        kind = f"'{file.suffix}'" if file.suffix else "without a suffix"
        raise InputError(f"{file}: unknown kind of model {kind}; supported are {', '.join(_READERS)}")
    if not file.is_file():
        raise InputError(f"{file}: is a folder, not a file" if file.is_dir() else f"{file}: no such file")
    if not os.access(file, os.R_OK):
        raise InputError(f"{file}: cannot be read: Permission denied")
    module = reader(file)
    open_variables(module)
    return module


def _checked(module: ir.Module, io: Io, state: Sequence[str], *, cut: bool) -> ir.Module:
    with module.context, ir.Location.unknown():
        _refuse_dynamic_shapes(module)
        check_sizes(module)
        tie(module, state)
        main, known = walk.main_function(module), ports(module)
        were_unsigned = sign(module)
        inputs, outputs = (tuple(map(_as_found, *side)) for side in zip(known, were_unsigned))
        known = inputs, outputs
        floats = find_floats(module, cut=cut)
        _refuse_inputs(main, known[0], floats=not cut)
        signed = tuple(tuple(map(_merge, *side)) for side in zip(known, floats))
        if io == "float":
            wrap_in_floats(main, *([None if port.is_state else port for port in side] for side in signed))
            write_ports(main, *signed)
        else:
            # What TOSA of this compiler says to be uint8 is that already.
            is_unsigned = [
                [port.unsigned and not was for port, was in zip(*side)] for side in zip(known, were_unsigned)
            ]
            types = (main.type.inputs, main.type.results)
            wanted = [[_wants_unsigned(io, *each) for each in zip(*side)] for side in zip(known, types)]
            unsign(
                main, *([is_now != is_to_be for is_now, is_to_be in zip(*side)] for side in zip(is_unsigned, wanted))
            )
            write_ports(main, *(tuple(map(_with_sign, *side)) for side in zip(signed, wanted)))
        module.operation.verify()
    return module


def _wants_unsigned(io: Io, port: Port, of: ir.Type) -> bool:
    return walk.is_int8(of) and not port.is_state and (io == "uint8" or (io == "auto" and port.unsigned))


def _as_found(port: Port, unsigned: bool) -> Port:
    """A port that the file told; its zero point is that of the type."""
    return replace(port, unsigned=port.unsigned or unsigned)


def _merge(known: Port, cut: Port) -> Port:
    """The port of an int8 tensor."""
    if known.is_state:
        return known
    if cut.scale is not None:
        return Port(known.name, cut.scale, cut.zero_point)
    return _with_sign(known, False)


def _with_sign(port: Port, unsigned: bool) -> Port:
    """The port of the same tensor as uint8, or as int8."""
    moved = 128 * (unsigned - port.unsigned)
    return replace(port, unsigned=unsigned, zero_point=None if port.zero_point is None else port.zero_point + moved)


def _refuse_dynamic_shapes(module: ir.Module) -> None:
    main = walk.main_function(module)
    for index, of in enumerate(main.type.inputs):
        if not isinstance(of, ir.RankedTensorType) or not of.has_static_shape:
            raise Unsupported(f"input {index} of @main is {of}; supported are tensors of static shape")
        if of.rank == 4 and of.shape[0] != 1:
            raise Unsupported(f"input {index} of @main is {of}, a batch of {of.shape[0]}; supported is 1")


def _refuse_inputs(main: ir.OpView, known: Sequence[Port], *, floats: bool) -> None:
    for index, (of, port) in enumerate(zip(main.type.inputs, known)):
        if port.is_state and str(of.element_type) not in _STATE_ELEMENTS:
            raise Unsupported(
                f"state {port.name or index} of @main is {of}; supported are {', '.join(_STATE_ELEMENTS)}"
            )
        if not (port.is_state or walk.is_quantised(of) or (floats and walk.is_float(of))):
            raise Unsupported(f"input {index} of @main is {of}; supported are tensors of int8, uint8, int16 and floats")
