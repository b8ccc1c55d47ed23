"""Make of a TFLite file one that the converter and everybody behind it can trust.

Every offset has been followed, every name is there, is UTF-8 and is nobody else's (an operator is known by the name of
its result from here on), shapes are static as far as they are known, each constant is as long as its shape says, and what
variables hold are inputs and outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from vmcu.errors import InputError, Unsupported, VmcuError
from vmcu.frontends.sizes import size_fault
from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.model import Model, Tensor, read_model
from vmcu.frontends.tflite.rewrite import rewrite
from vmcu.frontends.tflite.shapes import make_static
from vmcu.frontends.tflite.state import Opened, open_states
from vmcu.frontends.tflite.support import find_faults


def prepare(path: Path) -> tuple[Model, bytes]:
    """The model of a file, and the bytes to convert, which are the file's if nothing had to be changed.

    Raises:
        InputError: it is no TFLite model, or a damaged one.
        Unsupported: no core has memory for one of its tensors, or a size other than the batch is dynamic.
    """
    data = path.read_bytes()
    try:
        model = read_model(data)
    except InputError as error:
        raise InputError(f"{path}: not a TFLite model, or a damaged one ({len(data)} bytes): {error}") from None
    if damage := list(_damage(model)):
        raise _refusal(InputError, path, damage)
    if sizes := list(_sizes(model)):
        raise _refusal(Unsupported, path, sizes)
    try:
        opened = open_states(model)
        data, model = opened.data, _reopened(model, opened)
        tensors, constants = make_static(model)
    except Unsupported as error:
        raise Unsupported(f"{path}: {error}") from None
    named, constants = _with_names(tensors), {**constants, **opened.constants}
    if any(old is not new for old, new in zip(model.tensors, named)) or constants:
        data = rewrite(model, named, constants)
        model = _with_states(read_model(data), opened)
    if faults := find_faults(model):
        raise _refusal(Unsupported, path, faults)
    return model, data


def _reopened(model: Model, opened: Opened) -> Model:
    return _with_states(model if opened.data is model.data else read_model(opened.data), opened)


def _with_states(model: Model, opened: Opened) -> Model:
    """A model that tells its states, and operators with what they make besides their outputs."""
    operators = [replace(each, outputs=(*each.outputs, *opened.added.get(each.outputs[0], ()))) if each.outputs else each
                 for each in model.operators]  # fmt: skip
    return replace(model, states=opened.states, operators=tuple(operators))


def _refusal(kind: type[VmcuError], path: Path, faults: Sequence[str]) -> VmcuError:
    """An error that reports all that is wrong with a model."""
    if len(faults) == 1:
        return kind(f"{path}: {faults[0]}")
    error = kind("\n".join((f"{path}: {len(faults)} faults", *(f"  {each}" for each in faults))))
    error.faults = tuple(faults)
    return error


def _with_names(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Names for all: none is empty, is not UTF-8, or is there twice."""
    taken: set[str] = set()
    named = []
    for tensor in tensors:
        name = base = tensor.label
        while name in taken:
            name = f"{base}_{tensor.index}" if name == base else f"{name}_"
        taken.add(name)
        named.append(tensor if tensor.name == name.encode() else replace(tensor, name=name.encode()))
    return tuple(named)


def _damage(model: Model) -> Iterator[str]:
    if not model.outputs:
        yield "the first subgraph has no output"
    for tensor in model.tensors:
        is_dense = not tensor.is_sparse and schema.type_bits(tensor.type)
        if min(tensor.shape, default=0) < 0:
            yield f"tensor {tensor} has a negative size"
        elif tensor.is_constant and is_dense and len(tensor.data) != tensor.bytes:
            found = f"tensor {tensor} takes {tensor.bytes} bytes, its buffer has {len(tensor.data)}"
            yield found + _reader(model, tensor)


def _sizes(model: Model) -> Iterator[str]:
    for tensor in model.tensors:
        if fault := size_fault(tensor.bytes):
            yield f"tensor {tensor} {fault}"


def _reader(model: Model, tensor: Tensor) -> str:
    for operator in model.operators:
        if tensor.index in operator.inputs:
            return f" (read by operator {operator.name} at layer '{model.layer(operator)}')"
    return ""
