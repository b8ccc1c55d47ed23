"""TFLite flatbuffer -> TOSA, by Arm's `tosa-converter-for-tflite`.

The converter runs in a process of its own: it reports on stderr what an exception does not say, and a damaged file may
take it down. It gets a file whose names, shapes and constants have been put in order (`prepare`). Where shapes are still
open behind inputs of static shape, the input shapes are named to the converter, which then propagates them.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from mlir import ir

from vmcu.errors import SUPPORTED, InputError, MissingTool, Unsupported, VmcuError
from vmcu.frontends.mlir import first_diagnostic
from vmcu.frontends.tflite.corrections import correct
from vmcu.frontends.tflite.culprit import find_culprit
from vmcu.frontends.tflite.definitions import expand, hide_own
from vmcu.frontends.tflite.model import Model
from vmcu.frontends.tflite.prepare import prepare
from vmcu.frontends.tflite.quantisation import boundary_ports
from vmcu.frontends.tflite.schema import operator_name
from vmcu.ir import walk
from vmcu.ir.ports import Port, write_ports

# The underscore notwithstanding, the function is in the package's `__all__`; it is the one that takes input shapes.
# Text, because the converter is built from another LLVM revision than the bindings: the spelling is the stabler half.
_CONVERT = """
import json, sys
import tosa_converter_for_tflite as converter
converter._tflite_flatbuffer_to_tosa_mlir(
    sys.argv[1], sys.stdout.buffer, converter.TosaConverterOutputFormat.Text,
    converter.TosaConverterDebugInfo.Enable, json.loads(sys.argv[2]))
"""
_ERROR = re.compile(r'^loc\((?:"(?P<layer>[^"]*)"\()?.*?\)+: error: (?P<text>.*)$', re.MULTILINE)
#: A backslash, or a run of escaped bytes that are not ASCII, in a string of MLIR's text.
_UNREADABLE = re.compile(r"\\\\|(?:\\[89A-F][0-9A-F])+")
#: An operation of TFLite's dialect, in either spelling.
_LEFTOVER = re.compile(r'^ *(?:%\S+ = )?"?tfl\.(?P<name>\w+).*? loc\((?P<alias>#\w+)\)$', re.MULTILINE)


def load_tflite(path: Path) -> ir.Module:
    """Read a TFLite model as TOSA with static shapes, batch 1, and locations that name the layers.

    Raises:
        InputError: not a TFLite file, or a damaged one.
        Unsupported: an operator that TOSA does not express, or a dynamic size that is not the batch.
    """
    model, _ = prepare(path)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "model.tflite"
        prepared.write_bytes(hide_own(model))
        try:
            return _load_prepared(path, prepared, model)
        except VmcuError as error:
            error.args = (f"{path}: {error}",)
            raise


def _load_prepared(source: Path, path: Path, model: Model) -> ir.Module:
    text = _convert(path, model).replace(f'"{path}":', f"{ir.StringAttr.get(str(source))}:")  # for locations
    _refuse_leftovers(text)
    try:
        module = ir.Module.parse(text)
    except ir.MLIRError as error:
        raise Unsupported(f"the converter's TOSA does not parse: {first_diagnostic(error)}") from None
    with ir.Location.unknown(module.context):
        correct(path, module)
        expand(model, module)
        try:
            module.operation.verify()
        except ir.MLIRError as error:
            raise Unsupported(f"the file's shapes contradict one another: {first_diagnostic(error)}") from None
        write_ports(walk.main_function(module), *_with_states(model, *boundary_ports(path)))
    return module


def _with_states(model: Model, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> tuple[list[Port], list[Port]]:
    """The ports of a model, of which some are the values of a variable before and after a run."""
    before, after = list(inputs), list(outputs)
    for state in model.states:
        initial = ir.DenseElementsAttr.get(np.ascontiguousarray(state.initial))
        before[state.source] = replace(before[state.source], name=state.name, initial=initial)
        after[state.result] = replace(after[state.result], updates=state.source)
    return before, after


def _convert(path: Path, model: Model) -> str:
    """The TOSA of a prepared file. Input shapes are named if the converter has to find shapes behind them."""
    if importlib.util.find_spec("tosa_converter_for_tflite") is None:
        raise MissingTool("the reader of .tflite files", "tosa-converter-for-tflite")
    inputs = [model.tensors[index] for index in model.inputs]
    is_dynamic = any(-1 in tensor.signature for tensor in model.tensors)
    done = _run_converter(path, {each.label: list(each.shape) for each in inputs} if is_dynamic else {})
    if done.returncode != 0:
        raise _conversion_error(path, done.returncode, done.stderr.decode(errors="replace"))
    return _UNREADABLE.sub(_readable, done.stdout.decode(errors="replace"))


def _readable(found: re.Match[str]) -> str:
    """A run of escaped bytes as it is if it is UTF-8: the bindings end the process at a string that is not."""
    if found[0] == r"\\":
        return found[0]
    try:
        bytes.fromhex(found[0].replace("\\", "")).decode()
    except ValueError:
        return "?"
    return found[0]


def _run_converter(path: Path, shapes: dict[str, list[int]]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", _CONVERT, str(path), json.dumps(shapes)]
    return subprocess.run(command, capture_output=True, check=False)


def _conversion_error(path: Path, status: int, log: str) -> VmcuError:
    found = _ERROR.search(log)
    if found is None:
        last = log.strip().splitlines()[-1] if log.strip() else f"it ended with status {status}"
        why = (
            f"crashed (signal {-status})"
            if status < 0
            else f"failed ({last.removeprefix('RuntimeError: ').rstrip('.')})"
        )
        return Unsupported(f"the TFLite converter {why} at {_describe_culprit(path, status)}; {SUPPORTED}")
    if "parse flatbuffer" in found["text"]:
        return InputError("not a TFLite model, or a damaged one")
    where = f" at layer '{found['layer']}'" if found["layer"] else ""
    return Unsupported(f"{found['text']}{where}")


def _describe_culprit(path: Path, status: int) -> str:
    culprit = find_culprit(path, lambda cut: _run_converter(cut, {}).returncode == status)
    if culprit is None:
        return "an unknown operator"
    return f"layer '{culprit.result.name}', operator {operator_name(culprit.code)}"


def _refuse_leftovers(text: str) -> None:
    """Refuse operators that the converter left alone, by text: they belong to a dialect that nobody here can parse."""
    found = _LEFTOVER.search(text)
    if found:
        alias = re.search(rf'^{found["alias"]} = loc\("([^"]*)"', text, re.MULTILINE)
        where = f" at layer '{alias[1]}'" if alias else ""
        raise Unsupported(f"operator {found['name'].upper()}{where} has no TOSA equivalent; {SUPPORTED}")
