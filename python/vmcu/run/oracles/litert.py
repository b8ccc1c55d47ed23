"""The oracle that LiteRT executes: the `.tflite` file itself, by the reference kernels (`BUILTIN_REF`).

LiteRT's default kernels are optimised ones and round differently. It runs in a process of its own: some of its kernels
abort. The process answers one question after the other, and what a model keeps from run to run is kept there.
"""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import numpy as np

from vmcu.abi.tensor import Tensor, Tied, check_inputs
from vmcu.errors import MissingTool
from vmcu.frontends.tflite.quantisation import operators
from vmcu.run.oracles.base import Refusal

_CHILD = (sys.executable, "-m", "vmcu.run.oracles.litert_child")
_PACKAGE = "ai-edge-litert"
_SUM = 74  # BuiltinOperator.SUM


class LiteRt:
    """A `.tflite` model for LiteRT's reference kernels. An `Oracle`.

    Args:
        path: the model.
        inputs, outputs: of the compiled model.
        tied: inputs and outputs of the file that are state of the compiled model.

    Raises:
        MissingTool: LiteRT is not installed.
        Refusal: the file is no `.tflite`, or has an operator that LiteRT computes wrongly.
    """

    def __init__(self, path: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor], tied: Sequence[Tied] = ()):
        if path.suffix.lower() != ".tflite":
            raise Refusal(f"it executes .tflite files, found '{path.name}'")
        if importlib.util.find_spec("ai_edge_litert") is None:
            raise MissingTool("LiteRT", _PACKAGE)
        _refuse_sums(path)
        self._path, self._inputs, self._outputs, self._tied = path, tuple(inputs), tuple(outputs), tuple(tied)
        self._child: _Child | None = None

    @property
    def name(self) -> str:
        """`litert 2.3.0 BUILTIN_REF`, with the version of LiteRT."""
        return f"litert {metadata.version(_PACKAGE)} BUILTIN_REF"

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As `Oracle.run`.

        Raises:
            InputError: wrong number, shape or dtype of inputs.
            Refusal: LiteRT crashed, has no kernel for an operator, or its outputs are other ones than the compiled
                model's.
        """
        check_inputs(self._inputs, inputs)
        if self._child is None:
            self._child = _Child((str(self._path.resolve()), self._inputs, self._outputs, self._tied))
        answer = self._child.ask(list(inputs))
        if isinstance(answer, str):
            self.reset()
            raise Refusal(answer)
        return answer

    def reset(self) -> None:
        """As `Oracle.reset`: the next run is the first one of a new process."""
        if self._child is not None:
            self._child.end()
        self._child = None


class _Child:
    """A process that runs one model; it ends with this object."""

    def __init__(self, model: object):
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(_CHILD, stdin=pipe, stdout=pipe, stderr=self._log)
        self.end = weakref.finalize(self, _end, self._process, self._log)
        self._model = model

    def ask(self, arrays: list[np.ndarray]) -> list[np.ndarray] | str:
        """The outputs of one more run, or why there are none."""
        question, self._model = (arrays if self._model is None else (self._model, arrays)), None
        try:
            assert self._process.stdin is not None and self._process.stdout is not None, "both are pipes"
            self._process.stdin.write(pickle.dumps(question))
            self._process.stdin.flush()
            return pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            return self._describe_end()

    def _describe_end(self) -> str:
        status = self._process.wait()
        self._log.seek(0)
        said = _last_line(self._log.read())
        return f"LiteRT crashed (signal {-status}){said}" if status < 0 else f"LiteRT failed with status {status}{said}"


def _end(process: subprocess.Popen[bytes], log: IO[Any]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    process.wait()
    log.close()


def _refuse_sums(path: Path) -> None:
    for operator in operators(path):
        if operator.code == _SUM and operator.result.scale is not None:
            raise Refusal(f"LiteRT's reference kernel of SUM on int8 is wrong (layer '{operator.result.name}')")


def _last_line(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
