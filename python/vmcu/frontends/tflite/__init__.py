"""TFLite flatbuffer -> TOSA, by Arm's `tosa-converter-for-tflite`.

The converter runs in a process of its own: it reports on stderr what an exception does not say, and a damaged file may
take it down. Shapes are made static by naming the input shapes to the converter, which then propagates them; rewriting
its dynamic output would mean repairing every reshape.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

from mlir import ir

from vmcu.errors import SUPPORTED, InputError, MissingTool, Unsupported, VmcuError
from vmcu.frontends.tflite.corrections import correct
from vmcu.frontends.tflite.culprit import find_culprit
from vmcu.frontends.tflite.quantisation import boundary_ports
from vmcu.ir import walk
from vmcu.ir.ports import write_ports

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


def load_tflite(path: Path) -> ir.Module:
    """Read a TFLite model as TOSA with static shapes, batch 1, and locations that name the layers.

    Raises:
        InputError: not a TFLite file, or a damaged one.
        Unsupported: an operator that TOSA does not express, or a dynamic size that is not the batch.
    """
    text = _convert(path, {})
    shapes = _pinned_shapes(path, text)
    if shapes:
        text = _convert(path, shapes)
    module = ir.Module.parse(text)
    with ir.Location.unknown(module.context):
        try:
            correct(path, module)
        except Unsupported as error:
            raise Unsupported(f"{path}: {error}") from None
        write_ports(walk.main_function(module), *boundary_ports(path))
    return module


def _convert(path: Path, shapes: dict[str, list[int]]) -> str:
    if importlib.util.find_spec("tosa_converter_for_tflite") is None:
        raise MissingTool("the reader of .tflite files", "tosa-converter-for-tflite")
    done = _run_converter(path, shapes)
    if done.returncode != 0:
        raise _conversion_error(path, done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout.decode()


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
        return Unsupported(f"{path}: the TFLite converter {why} at {_describe_culprit(path, status)}; {SUPPORTED}")
    if "parse flatbuffer" in found["text"]:
        return InputError(f"{path}: not a TFLite model, or a damaged one ({path.stat().st_size} bytes)")
    where = f" at layer '{found['layer']}'" if found["layer"] else ""
    return Unsupported(f"{path}: {found['text']}{where}")


def _describe_culprit(path: Path, status: int) -> str:
    culprit = find_culprit(path, lambda cut: _run_converter(cut, {}).returncode == status)
    if culprit is None:
        return "an unknown operator"
    return f"layer '{culprit.result.name}', operator {culprit.code} of TFLite's schema"


def _pinned_shapes(path: Path, text: str) -> dict[str, list[int]]:
    """Input name -> shape with batch 1 for the inputs whose batch is dynamic; refuses what cannot be compiled."""
    # A context of its own: operators that the converter left alone belong to a dialect that nobody here knows.
    with ir.Context() as context:
        context.allow_unregistered_dialects = True
        module = ir.Module.parse(text)
        _refuse_leftovers(path, module)
        main = walk.main_function(module)
        names = main.attributes["tf.entry_function"]["inputs"].value.split(",") if main.type.inputs else []
        shapes = {name: of.shape for name, of in zip(names, main.type.inputs)}
    dynamic = ir.ShapedType.get_dynamic_size()
    for name, shape in shapes.items():
        if dynamic in shape[1:]:
            sizes = "x".join("?" if size == dynamic else str(size) for size in shape)
            raise Unsupported(f"{path}: input '{name}' is {sizes}; only the first size, the batch, may be dynamic")
    return {name: [1, *shape[1:]] for name, shape in shapes.items() if dynamic in shape}


def _refuse_leftovers(path: Path, module: ir.Module) -> None:
    for op in walk.walk(module.operation):
        if op.operation.name.startswith("tfl."):
            name = op.operation.name.removeprefix("tfl.").upper()
            raise Unsupported(f"{path}: operator {name} at layer {walk.layer(op)} has no TOSA equivalent; {SUPPORTED}")
