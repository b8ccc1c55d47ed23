"""Read a quantised network from a file: the door into the compiler.

`load` gives TOSA (or linalg, when the file holds linalg) with one public function `@main` on static tensors of batch 1, or
a lower level of the compiler as the file has it; `level_of` says which. `ports` tells names, scales and zero points of
inputs and outputs. Modules live in the caller's current `ir.Context`:

    with ir.Context():
        module = load("model.tflite")
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mlir import ir

from vmcu.errors import InputError, Unsupported, VmcuError
from vmcu.frontends.boundary import int8_boundaries, saturate_inputs
from vmcu.frontends.levels import FileLevel, level_of
from vmcu.frontends.mlir import load_mlir
from vmcu.frontends.sizes import check_sizes
from vmcu.frontends.tflite import load_tflite
from vmcu.ir import walk
from vmcu.ir.ports import Port, ports, write_ports

__all__ = ["FileLevel", "Port", "level_of", "load", "ports"]

_READERS = {".tflite": load_tflite, ".mlir": load_mlir, ".mlirbc": load_mlir}


def load(path: str | Path, *, io: Literal["int8", "float"] = "int8") -> ir.Module:
    """Read a model into the current MLIR context.

    Args:
        path: `.tflite`, or `.mlir` / `.mlirbc` (text or bytecode) that holds TOSA or linalg on tensors, or kernels,
            a plan or segments of this compiler.
        io: "int8" cuts float conversions off the inputs and outputs, "float" keeps them. Either way `ports` tells
            their scale and zero point.

    Returns:
        A module with one public function `@main`, static shapes, batch 1.

    Raises:
        InputError: the file is missing, of another kind, or damaged.
        Unsupported: the network computes on floats, has dynamic sizes, or an operator that is not supported.
    """
    if io not in ("int8", "float"):
        raise InputError(f"io is {io!r}; supported are 'int8' and 'float'")
    file = Path(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"{file}: unknown kind of model '{file.suffix}'; supported are {', '.join(_READERS)}")
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    module = reader(file)
    if level_of(module) != "tosa":
        return module
    try:
        checked = _checked(module, strip=io == "int8")
    except VmcuError as error:
        raise type(error)(f"{file}: {error}") from None
    if io == "float" and reader is load_tflite:
        saturate_inputs(checked)
    return checked


def _checked(module: ir.Module, *, strip: bool) -> ir.Module:
    with module.context, ir.Location.unknown():
        _refuse_dynamic_shapes(module)
        check_sizes(module)
        found = int8_boundaries(module, strip=strip)
        main = walk.main_function(module)
        _refuse_inputs(main, strip=strip)
        write_ports(main, *(tuple(map(_merge, known, cut)) for known, cut in zip(ports(module), found)))
        module.operation.verify()
    return module


def _merge(known: Port, cut: Port) -> Port:
    return Port(known.name, cut.scale, cut.zero_point) if cut.scale is not None else known


def _refuse_dynamic_shapes(module: ir.Module) -> None:
    main = walk.main_function(module)
    for index, of in enumerate(main.type.inputs):
        if not isinstance(of, ir.RankedTensorType) or not of.has_static_shape:
            raise Unsupported(f"input {index} of @main is {of}; supported are tensors of static shape")
        if of.rank == 4 and of.shape[0] != 1:
            raise Unsupported(f"input {index} of @main is {of}, a batch of {of.shape[0]}; supported is 1")


def _refuse_inputs(main: ir.OpView, *, strip: bool) -> None:
    for index, of in enumerate(main.type.inputs):
        if not walk.is_int8(of) and not (walk.is_float(of) and not strip):
            raise Unsupported(f"input {index} of @main is {of}; supported are int8 tensors")
