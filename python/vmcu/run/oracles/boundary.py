"""Arrays of the compiled model as those of its file, and back.

Inputs and outputs of the compiled model and of its file may be int8, uint8 or floats, each in the place of another; scale
and zero point of the compiled model's tell how one becomes the other. An int8 number is the uint8 number less 128.
"""

from __future__ import annotations

from dataclasses import replace

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
        return _shift(array)
    if tensor.is_quantised and dtype == np.float32:
        return tensor.dequantise(array)
    if tensor.dtype.kind == "f" and (integers := _integers(tensor, dtype)):
        return integers.quantise(array)
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
        return _shift(array)
    if tensor.is_quantised and array.dtype == np.float32:
        return _quantise(tensor, array)
    if tensor.dtype.kind == "f" and (integers := _integers(tensor, array.dtype)):
        return integers.dequantise(array)
    raise Refusal(f"output '{tensor.name}' is {tensor}, the file's is {array.dtype}")


def _is_shifted(ours: np.dtype, files: np.dtype) -> bool:
    """Whether one number is the other, less 128 or more."""
    return {ours, files} == {np.dtype(np.int8), np.dtype(np.uint8)}


def _shift(array: np.ndarray) -> np.ndarray:
    return (array.view(np.uint8) ^ np.uint8(128)).view(np.int8 if array.dtype == np.uint8 else np.uint8)


def _integers(tensor: Tensor, dtype: np.dtype) -> Tensor | None:
    """The tensor of integers that a float one stands for, whose zero point is that of int8; None if it is none."""
    if tensor.scale is None or tensor.zero_point is None or dtype not in (np.int8, np.uint8, np.int16):
        return None
    return replace(tensor, dtype=dtype, zero_point=tensor.zero_point + (128 if dtype == np.uint8 else 0))


def _quantise(tensor: Tensor, real: np.ndarray) -> np.ndarray:
    if not np.isfinite(real).all():
        raise Refusal(f"output '{tensor.name}' is not a number in places")
    found = tensor.quantise(real)
    assert tensor.scale is not None, "`quantise` refuses such a tensor"
    # A value beside the grid has no integer: to round it would hide a difference.
    if (np.abs(tensor.dequantise(found) - real) > _NEAR * tensor.scale).any():
        raise Refusal(f"output '{tensor.name}' has values that are no multiple of its scale {tensor.scale:.6g}")
    return found
