"""The oracle that LiteRT executes: the `.tflite` file itself, by the reference kernels (`BUILTIN_REF`).

LiteRT's default kernels are optimised ones and round differently. It runs in a process of its own, one for each run: some
of its kernels abort.
"""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from vmcu.abi.tensor import Tensor, check_inputs
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

    Raises:
        MissingTool: LiteRT is not installed.
        Refusal: the file is no `.tflite`, or has an operator that LiteRT computes wrongly.
    """

    def __init__(self, path: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor]):
        if path.suffix.lower() != ".tflite":
            raise Refusal(f"it executes .tflite files, found '{path.name}'")
        if importlib.util.find_spec("ai_edge_litert") is None:
            raise MissingTool("LiteRT", _PACKAGE)
        _refuse_sums(path)
        self._path, self._inputs, self._outputs = path, tuple(inputs), tuple(outputs)

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
        question = pickle.dumps((str(self._path.resolve()), self._inputs, self._outputs, list(inputs)))
        done = subprocess.run(_CHILD, input=question, capture_output=True, check=False)
        if done.returncode < 0:
            raise Refusal(f"LiteRT crashed (signal {-done.returncode}){_last_line(done.stderr)}")
        if done.returncode:
            raise Refusal(f"LiteRT failed with status {done.returncode}{_last_line(done.stderr)}")
        answer = pickle.loads(done.stdout)
        if isinstance(answer, str):
            raise Refusal(answer)
        return answer


def _refuse_sums(path: Path) -> None:
    for operator in operators(path):
        if operator.code == _SUM and operator.result.scale is not None:
            raise Refusal(f"LiteRT's reference kernel of SUM on int8 is wrong (layer '{operator.result.name}')")


def _last_line(log: bytes) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
