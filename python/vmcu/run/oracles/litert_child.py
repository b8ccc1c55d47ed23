"""The process in which LiteRT runs a model, call after call.

It reads questions from standard input: the first one is a pickle of `((path, inputs, outputs), arrays)`, all others are
pickles of arrays. To standard output it writes for each a pickle of the outputs, or of a text that says why there are
none, with which it ends.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vmcu.abi.tensor import Tensor
from vmcu.run.oracles.base import Refusal
from vmcu.run.oracles.boundary import from_file, to_file

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter


def main() -> None:
    """Answer all questions."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # LiteRT is free to talk
    model, arrays = pickle.load(sys.stdin.buffer)
    with answers:
        # LiteRT raises these for what it cannot load, cannot prepare and cannot run.
        try:
            interpreter = _load(*model)
            while True:
                pickle.dump(_run(interpreter, model[1], model[2], arrays), answers)
                answers.flush()
                arrays = pickle.load(sys.stdin.buffer)
        except EOFError:
            pass
        except (Refusal, RuntimeError, ValueError) as error:
            pickle.dump(" ".join(str(error).split()), answers)


def _load(path: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Interpreter:
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
    return interpreter


def _run(
    interpreter: Interpreter, inputs: Sequence[Tensor], outputs: Sequence[Tensor], arrays: Sequence[np.ndarray]
) -> list[np.ndarray]:
    sources, results = interpreter.get_input_details(), interpreter.get_output_details()
    for source, tensor, array in zip(sources, inputs, arrays):
        interpreter.set_tensor(source["index"], to_file(tensor, array, np.dtype(source["dtype"])))
    interpreter.invoke()
    return [from_file(tensor, interpreter.get_tensor(each["index"])) for tensor, each in zip(outputs, results)]


if __name__ == "__main__":
    main()
