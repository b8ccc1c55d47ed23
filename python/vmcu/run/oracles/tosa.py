"""The oracle that Arm's TOSA reference model executes: the definition of TOSA as a program, exact for integers.

Of a `.mlir` it is the file's own module, read and printed by MLIR and by nothing of ours. Of a `.tflite` it is the module
that the frontend makes: the converter's, with the corrections that make it compute what LiteRT computes, and with the
float or integer boundaries of the file. `tosa-opt` of the package `tosa-tools` writes it as `.tosa`. It is built of
another LLVM revision than the bindings, so the module goes to it as text.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from mlir import ir

from vmcu import frontends
from vmcu.abi.tensor import Tensor, check_inputs
from vmcu.frontends.mlir import load_mlir
from vmcu.ir import walk
from vmcu.ir.ports import ports, states
from vmcu.run.oracles.base import Refusal
from vmcu.run.oracles.boundary import from_file, to_file
from vmcu.toolchain.tools import tosa_tool

_DTYPES = {"i8": np.int8, "ui8": np.uint8, "i16": np.int16, "i32": np.int32, "f32": np.float32}
_DIALECTS = ("tosa.", "func.return")


@dataclass(frozen=True)
class _Graph:
    """A module as `tosa-opt` reads it.

    Args:
        text: of the module, in which no value is returned twice and no argument is returned.
        inputs: dtype of each input.
        outputs: dtype of each output that the text has.
        sources: for each output of the model, `("input", n)` or `("output", n)` of the text.
        states: what is kept from run to run: the numbers of an input and of an output of the model.
        initial: the value of each state before the first run.
    """

    text: str
    inputs: tuple[np.dtype, ...]
    outputs: tuple[np.dtype, ...]
    sources: tuple[tuple[str, int], ...]
    states: tuple[tuple[int, int], ...]
    initial: tuple[np.ndarray, ...]

    @property
    def own_inputs(self) -> list[int]:
        """The numbers of the inputs that are no states."""
        return [number for number in range(len(self.inputs)) if number not in {before for before, _ in self.states}]

    @property
    def own_outputs(self) -> list[int]:
        """The numbers of the outputs of the model that update no state."""
        return [number for number in range(len(self.sources)) if number not in {after for _, after in self.states}]


class TosaModel:
    """A model for Arm's TOSA reference model. An `Oracle`.

    Args:
        path: the model.
        inputs, outputs: of the compiled model.

    Raises:
        MissingTool: the package `tosa-tools` is not installed.
        Refusal: the module is not TOSA alone, or `tosa-opt` does not take it.
        VmcuError: the file cannot be read.
    """

    def __init__(self, path: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor]):
        self._model = tosa_tool("tosa_reference_model")
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self._graph = _read(path)
        found, wanted = len(self._graph.own_inputs), len(self._inputs)
        if found != wanted:
            raise Refusal(f"the file has {found} inputs, the compiled model {wanted}")
        self._tosa = _serialise(self._graph.text)
        self.reset()

    def reset(self) -> None:
        """As `Oracle.reset`."""
        self._states = self._graph.initial

    @property
    def name(self) -> str:
        """`tosa reference_model 2026.8.0`, with the version of the package `tosa-tools`."""
        return f"tosa reference_model {metadata.version('tosa-tools')}"

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As `Oracle.run`.

        Raises:
            InputError: wrong number, shape or dtype of inputs.
            Refusal: the reference model has no such operator, or its outputs are other ones than the compiled model's.
        """
        check_inputs(self._inputs, inputs)
        graph = self._graph
        given = [np.empty(0)] * len(graph.inputs)
        for number, tensor, array in zip(graph.own_inputs, self._inputs, inputs):
            given[number] = to_file(tensor, array, graph.inputs[number])
        for (before, _), value in zip(graph.states, self._states):
            given[before] = value
        made = self._execute(given)
        known = {"input": given, "output": [array.view(of) for array, of in zip(made, graph.outputs)]}
        found = [known[side][number] for side, number in graph.sources]
        self._states = tuple(found[after] for _, after in graph.states)
        return [from_file(tensor, found[number]) for tensor, number in zip(self._outputs, graph.own_outputs)]

    def _execute(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        count = len(self._graph.outputs)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "model.tosa").write_bytes(self._tosa)
            for number, array in enumerate(inputs):
                np.save(folder / f"input{number}.npy", np.ascontiguousarray(array))
            (folder / "desc.json").write_text(json.dumps(_describe(len(inputs), count)))
            # No PATH: without it a failing model finds no debugger to call.
            command = [str(self._model), f"--test_desc={folder / 'desc.json'}", "--tosa_level=NONE"]
            done = subprocess.run(command, capture_output=True, check=False, env={"PATH": ""}, cwd=folder)
            files = [folder / f"output{number}.npy" for number in range(count)]
            if done.returncode or not all(file.is_file() for file in files):
                raise Refusal(f"the TOSA reference model failed: {_reason(done.stderr, done.returncode)}")
            return [np.load(file) for file in files]


def _read(path: Path) -> _Graph:
    with ir.Context(), ir.Location.unknown():
        is_mlir = path.suffix.lower() in (".mlir", ".mlirbc")
        module = load_mlir(path) if is_mlir else frontends.load_file(path)
        _refuse_others(module)
        main = walk.main_function(module)
        inputs, results = ([_dtype(of) for of in types] for types in (main.type.inputs, main.type.results))
        kept = tuple(states(main))
        initial = [ir.DenseElementsAttr(ports(module)[0][before].initial) for before, _ in kept]
        values = tuple(np.array(each).reshape(each.type.shape) for each in initial)
        outputs, sources = _return_once(main, results)
        return _Graph(str(module), tuple(inputs), tuple(outputs), tuple(sources), kept, values)


def _refuse_others(module: ir.Module) -> None:
    for op in module.body.operations:
        if op.operation.name == "tosa.variable":
            raise Refusal("its variables do not outlive a run of the reference model")
    for function in walk.functions(module):
        for op in walk.walk(function):
            if not op.operation.name.startswith(_DIALECTS):
                raise Refusal(f"it executes TOSA, found {op.operation.name}")


def _dtype(of: ir.Type) -> np.dtype:
    if str(walk.element_type(of)) not in _DTYPES:
        raise Refusal(f"@main has an input or result {of}; supported are tensors of {', '.join(_DTYPES)}")
    return np.dtype(_DTYPES[str(walk.element_type(of))])


def _return_once(main: ir.OpView, dtypes: Sequence[np.dtype]) -> tuple[list[np.dtype], list[tuple[str, int]]]:
    """Return each value once, and no argument: a `.tosa` tensor has one name.

    Returns:
        The dtypes of what is returned now, and where each former result is found.
    """
    kept: list[ir.Value] = []
    kinds: list[np.dtype] = []
    sources: list[tuple[str, int]] = []
    end = walk.terminator(main)
    for value, dtype in zip(end.operands, dtypes):
        if walk.owner(value) is None:
            sources.append(("input", ir.BlockArgument(value).arg_number))
            continue
        if value not in kept:
            kept.append(value)
            kinds.append(dtype)
        sources.append(("output", kept.index(value)))
    with ir.InsertionPoint(end), end.location:
        ir.Operation.create("func.return", operands=kept)
    end.operation.erase()
    for key in ("arg_attrs", "res_attrs"):
        if key in main.attributes:
            del main.attributes[key]
    types = ir.FunctionType.get(main.type.inputs, [value.type for value in kept])
    main.attributes["function_type"] = ir.TypeAttr.get(types)
    return kinds, sources


def _serialise(text: str) -> bytes:
    """The bytes of a `.tosa` file; inputs and outputs are called `TosaInput_0`, `TosaOutput_0` and so on."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "model.tosa"
        passes = ("--tosa-convert-integer-type-to-signless", f"--tosa-serialize=tosa-flatbuffer-filename={file}")
        command = [str(tosa_tool("tosa-opt")), *passes, "-o", "/dev/null"]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        if done.returncode or not file.is_file():
            raise Refusal(f"tosa-opt does not write this model as .tosa: {_reason(done.stderr, done.returncode)}")
        return file.read_bytes()


def _describe(inputs: int, outputs: int) -> dict[str, object]:
    """What the reference model calls a test."""
    return {
        "tosa_file": "model.tosa",
        "ifm_name": [f"TosaInput_{number}" for number in range(inputs)],
        "ifm_file": [f"input{number}.npy" for number in range(inputs)],
        "ofm_name": [f"TosaOutput_{number}" for number in range(outputs)],
        "ofm_file": [f"output{number}.npy" for number in range(outputs)],
        "expected_failure": False,
    }


def _reason(log: bytes, status: int) -> str:
    """The first line that tells something, rather than the line of the program's source where it happened."""
    for line in log.decode(errors="replace").splitlines():
        said = re.sub(r"^\S+::\S+\(\): |^<stdin>:|^(?:FATAL )?ERROR: ", "", line.strip())
        if said and not re.search(r" AT /|^(?:Input|Output): ", said):
            return " ".join(said.split())
    return f"status {status}"
