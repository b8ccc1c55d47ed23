"""Oracles: programs that say what a network computes, to compare generated code with.

| oracle | what it executes | what it shares with this compiler |
|---|---|---|
| `litert` | the `.tflite` file, by LiteRT's reference kernels | nothing |
| `tosa` | TOSA, by Arm's reference model: of a `.mlir` the file's, of a `.tflite` the frontend's | the reader |
| `mlir` | linalg, by upstream MLIR on this machine | the reader, and the way from TOSA to linalg |

`litert` and `tosa` run in processes of their own: whatever happens there is an answer or a refusal here.

    panel = open_panel("auto", "model.tflite", compiled.inputs, compiled.outputs, host)
    answer = panel.ask(image)
    answer.outputs, answer.oracle, answer.notes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from vmcu.abi.tensor import Tensor, Tied
from vmcu.errors import InputError
from vmcu.run.oracles.base import Answer, Candidate, Oracle, OracleName, Panel, Refusal

__all__ = ["Answer", "Oracle", "OracleName", "Panel", "Refusal", "open_panel"]


def open_panel(
    which: OracleName,
    path: str | Path,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    host: Callable[[], Oracle],
    tied: Sequence[Tied] = (),
) -> Panel:
    """The oracle of that name, or with `"auto"` all that a model of that kind has, the most independent one first.

    None is opened before it is asked.

    Args:
        which: `"auto"`, `"litert"`, `"tosa"` or `"mlir"`.
        path: the model.
        inputs, outputs: of the compiled model. Where the file has float or uint8 ones in their place, arrays are
            converted on the way, by scale and zero point.
        tied: inputs and outputs of the file that are state of the compiled model.
        host: makes the `mlir` oracle, whose linalg the compiler has.

    Raises:
        InputError: there is no oracle of that name.
    """
    if which not in get_args(OracleName):
        raise InputError(f"oracle is one of {', '.join(get_args(OracleName))}, found '{which}'")
    file, ports = Path(path), (tuple(inputs), tuple(outputs))
    litert, tosa = partial(_litert, file, *ports, tuple(tied)), partial(_tosa, file, *ports)
    known: dict[str, Callable[[], Oracle]] = {"litert": litert, "tosa": tosa, "mlir": host}
    if which != "auto":
        return Panel(file, (Candidate(which, known[which]),))
    others = ("litert",) if file.suffix.lower() != ".tflite" else ()
    return Panel(file, tuple(Candidate(name, make) for name, make in known.items() if name not in others))


# Imported when they are asked: they import the frontends, and with them MLIR.
def _litert(path: Path, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], tied: tuple[Tied, ...]) -> Oracle:
    from vmcu.run.oracles.litert import LiteRt

    return LiteRt(path, inputs, outputs, tied)


def _tosa(path: Path, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Oracle:
    from vmcu.run.oracles.tosa import TosaModel

    return TosaModel(path, inputs, outputs)
