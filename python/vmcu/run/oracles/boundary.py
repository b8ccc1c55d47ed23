"""Arrays of the compiled model as those of its file, and back.

A file may have float or uint8 inputs and outputs where the compiled model has int8 ones; scale and zero point tell how
one becomes the other.
"""

from __future__ import annotations

import numpy as np

from vmcu.abi.tensor import Tensor
from vmcu.run.oracles.base import Refusal

_NEAR = 0.01  # of a quantisation step: what the arithmetic of floats may be off


def to_file(tensor: Tensor, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`array`, an input of the compiled model, as the file's input, which is of `dtype`.

    Raises:
        Refusal: there is no way from one to the other.
    """
    if dtype == array.dtype:
        return array
    if _is_shifted(tensor.dtype, dtype):
        return array.view(np.uint8) ^ np.uint8(128)
    if tensor.is_quantised and dtype == np.float32:
        return tensor.dequantise(array)
    raise Refusal(f"input '{tensor.name}' is {tensor}, the file's is {dtype}")


def from_file(tensor: Tensor, array: np.ndarray) -> np.ndarray:
    """`array`, an output of the file, as the output of the compiled model.

    Raises:
        Refusal: there is no way from one to the other, or the shapes differ.
    """
    if array.shape != tensor.shape:
        raise Refusal(f"output '{tensor.name}' is {tensor}, the file's is {array.dtype}{list(array.shape)}")
    if array.dtype == tensor.dtype:
        return array
    if _is_shifted(tensor.dtype, array.dtype):
        return (array ^ np.uint8(128)).view(np.int8)
    if tensor.is_quantised and array.dtype == np.float32:
        return _quantise(tensor, array)
    raise Refusal(f"output '{tensor.name}' is {tensor}, the file's is {array.dtype}")


def _is_shifted(ours: np.dtype, files: np.dtype) -> bool:
    """Whether one number is the other, less 128."""
    return ours == np.int8 and files == np.uint8


def _quantise(tensor: Tensor, real: np.ndarray) -> np.ndarray:
    if not np.isfinite(real).all():
        raise Refusal(f"output '{tensor.name}' is not a number in places")
    found = tensor.quantise(real)
    assert tensor.scale is not None, "`quantise` refuses such a tensor"
    # A value beside the grid has no integer: to round it would hide a difference.
    if (np.abs(tensor.dequantise(found) - real) > _NEAR * tensor.scale).any():
        raise Refusal(f"output '{tensor.name}' has values that are no multiple of its scale {tensor.scale:.6g}")
    return found
