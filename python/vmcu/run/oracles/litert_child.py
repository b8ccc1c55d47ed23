"""The process in which LiteRT runs a model, call after call.

It reads questions from standard input. The first one is a pickle of `((path, inputs, outputs, tied), arrays)`, all others
are pickles of arrays. To standard output it writes for each a pickle of the outputs, or of a text that says why there are
none, with which it ends.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence

import numpy as np

from vmcu.abi.tensor import Tensor, Tied
from vmcu.run.oracles.base import Refusal
from vmcu.run.oracles.boundary import from_file, to_file


def main() -> None:
    """Answer all questions."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # LiteRT is free to talk
    model, arrays = pickle.load(sys.stdin.buffer)
    with answers:
        # LiteRT raises these for what it cannot load, cannot prepare and cannot run.
        try:
            runner = _Runner(*model)
            while True:
                pickle.dump(runner.run(arrays), answers)
                answers.flush()
                arrays = pickle.load(sys.stdin.buffer)
        except EOFError:
            pass
        except (Refusal, RuntimeError, ValueError) as error:
            pickle.dump(" ".join(str(error).split()), answers)


class _Runner:
    """A model that is loaded, and what is kept for it from run to run: of its inputs and outputs, not of its variables."""

    def __init__(self, path: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], tied: Sequence[Tied]):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._interpreter = Interpreter(path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        self._inputs, self._outputs, self._tied = inputs, outputs, tied
        self._kept = [each.initial for each in tied]
        sources, results = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        kept = {each.source for each in tied}, {each.result for each in tied}
        self._sources, self._results = (
            [each for number, each in enumerate(side) if number not in tied]
            for side, tied in zip((sources, results), kept)
        )
        if (len(self._sources), len(self._results)) != (len(inputs), len(outputs)):
            found, wanted = f"{len(sources)} inputs and {len(results)} outputs", f"{len(inputs)} and {len(outputs)}"
            raise Refusal(f"the file has {found}, the compiled model {wanted}")
        for source, tensor in zip(self._sources, inputs):
            if tuple(source["shape"]) != tensor.shape:
                self._interpreter.resize_tensor_input(source["index"], tensor.shape)
        self._interpreter.allocate_tensors()
        self._ends = [(sources[each.source]["index"], results[each.result]["index"]) for each in tied]

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of one more run."""
        set_tensor, get_tensor = self._interpreter.set_tensor, self._interpreter.get_tensor
        for source, tensor, array in zip(self._sources, self._inputs, arrays):
            set_tensor(source["index"], to_file(tensor, array, np.dtype(source["dtype"])))
        for (before, _), value in zip(self._ends, self._kept):
            set_tensor(before, value)
        self._interpreter.invoke()
        self._kept = [get_tensor(after).reshape(value.shape) for (_, after), value in zip(self._ends, self._kept)]
        return [from_file(tensor, get_tensor(each["index"])) for tensor, each in zip(self._outputs, self._results)]


if __name__ == "__main__":
    main()
