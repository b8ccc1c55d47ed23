"""What an oracle is, and a panel of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from vmcu.errors import MissingTool, Unsupported

OracleName = Literal["auto", "litert", "tosa", "mlir"]


class Oracle(Protocol):
    """Somebody who knows what a model computes."""

    @property
    def name(self) -> str:
        """The option's word, what it is, and its version: `litert 2.3.0 BUILTIN_REF`."""
        ...

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of the model for one array per input, of the shapes and dtypes of the compiled model.

        What the model keeps from run to run is that of the run before.

        Raises:
            Refusal: it cannot judge this model.
            MissingTool: its package is not installed.
        """
        ...

    def reset(self) -> None:
        """Forget all runs: what the model keeps from run to run has its initial value."""
        ...


class Refusal(Unsupported):
    """An oracle cannot judge a model; the message says why, and not which of both it is about."""


@dataclass(frozen=True)
class Candidate:
    """An oracle that is not open yet: the option's word, and what opens it."""

    word: str
    open: Callable[[], Oracle]


@dataclass(frozen=True)
class Answer:
    """What a model computes, and who says so.

    Args:
        outputs: one array for each output of the compiled model.
        oracle: the name of the oracle.
        notes: of each oracle that was asked before it, why it did not answer.
    """

    outputs: tuple[np.ndarray, ...]
    oracle: str
    notes: tuple[str, ...]


class Panel:
    """Oracles that are asked in turn until one answers; that one is asked from then on.

    Args:
        path: the model, named in errors.
        candidates: at least one.
    """

    def __init__(self, path: Path, candidates: Sequence[Candidate]):
        self._path, self._candidates = path, list(candidates)
        self._oracle: Oracle | None = None
        self._notes: list[str] = []

    def ask(self, *inputs: np.ndarray) -> Answer:
        """What the model computes, from the states that the last question left, if it has any.

        The arrays are as the compiled model takes them.

        Raises:
            Refusal, MissingTool: the last oracle cannot judge either.
            VmcuError: the arrays are not what the model takes, or it cannot be read.
        """
        while True:
            try:
                return self._ask(inputs)
            except (Refusal, MissingTool) as refusal:
                word = self._candidates[0].word
                if len(self._candidates) == 1:
                    raise _named(refusal, f"{self._path}: oracle {word}: ") from None
                self._notes.append(f"{word}: {refusal}")
                self._oracle = None
                del self._candidates[0]

    def reset(self) -> None:
        """What the model keeps from run to run has its initial value again."""
        if self._oracle is not None:
            self._oracle.reset()

    def _ask(self, inputs: Sequence[np.ndarray]) -> Answer:
        if self._oracle is None:
            self._oracle = self._candidates[0].open()
        outputs = tuple(self._oracle.run(inputs))
        return Answer(outputs, self._oracle.name, tuple(self._notes))


def _named(refusal: Refusal | MissingTool, who: str) -> Refusal | MissingTool:
    if isinstance(refusal, Refusal):
        refusal.args = (f"{who}{refusal}",)
    return refusal
