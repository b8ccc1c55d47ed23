"""The process in which LiteRT runs a model once.

It reads a question from standard input, a pickle of `(path, inputs, outputs, arrays)`, and writes to standard output
a pickle of the outputs, or of a text that says why there are none.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence

import numpy as np

from vmcu.abi.tensor import Tensor
from vmcu.run.oracles.base import Refusal
from vmcu.run.oracles.boundary import from_file, to_file


def main() -> None:
    """Answer one question."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # LiteRT is free to talk
    question = pickle.load(sys.stdin.buffer)
    with answers:
        pickle.dump(_answer(*question), answers)


def _answer(
    path: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], arrays: Sequence[np.ndarray]
) -> list[np.ndarray] | str:
    # LiteRT raises these for what it cannot load, cannot prepare and cannot run.
    try:
        return _run(path, inputs, outputs, arrays)
    except (Refusal, RuntimeError, ValueError) as error:
        return " ".join(str(error).split())


def _run(
    path: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], arrays: Sequence[np.ndarray]
) -> list[np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    sources, results = interpreter.get_input_details(), interpreter.get_output_details()
    if (len(sources), len(results)) != (len(inputs), len(outputs)):
        found, wanted = f"{len(sources)} inputs and {len(results)} outputs", f"{len(inputs)} and {len(outputs)}"
        raise Refusal(f"the file has {found}, the compiled model {wanted}")
    for source, tensor in zip(sources, inputs):
        if tuple(source["shape"]) != tensor.shape:
            interpreter.resize_tensor_input(source["index"], tensor.shape)
    interpreter.allocate_tensors()
    for source, tensor, array in zip(sources, inputs, arrays):
        interpreter.set_tensor(source["index"], to_file(tensor, array, np.dtype(source["dtype"])))
    interpreter.invoke()
    return [from_file(tensor, interpreter.get_tensor(each["index"])) for tensor, each in zip(outputs, results)]


if __name__ == "__main__":
    main()
