"""`.npy` files in and out of the commands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vmcu.abi.tensor import Tensor
from vmcu.errors import InputError
from vmcu.files import write_file

Arrays = list[np.ndarray]  # one for each input, or output, of a model


def read_inputs(paths: Sequence[Path], tensors: Sequence[Tensor], calls: int = 1) -> tuple[list[Arrays], list[str]]:
    """The arrays for a model's inputs in each call, and a line about each file that was quantised on the way.

    A float array for an integer input is quantised by the model's scale and zero point; a missing batch of 1 is added. A
    file with one axis more, as long as there are calls, has an array for each of them; others are the same in all calls.

    Raises:
        InputError: a file is no array, there are too few or too many, or one has the wrong shape or dtype.
    """
    if len(paths) != len(tensors):
        listed = ", ".join(f"'{tensor.name}' {tensor}" for tensor in tensors)
        raise InputError(
            f"the model takes {len(tensors)} input{'s' * (len(tensors) != 1)} ({listed}), found {len(paths)} of --input"
        )
    columns, notes = [], []
    for path, tensor in zip(paths, tensors):
        array = _load(path)
        if array.dtype.kind == "f" and tensor.is_quantised:
            array = _quantise(path, array, tensor)
            notes.append(f"{path}: float, quantised with scale {tensor.scale:.6g} and zero point {tensor.zero_point}")
        columns.append([_checked(path, _fit(each, tensor), tensor) for each in _split(array, tensor, calls)])
    return [list(arrays) for arrays in zip(*columns)], notes


def _split(array: np.ndarray, tensor: Tensor, calls: int) -> Sequence[np.ndarray]:
    """What a file has for each call."""
    has_all = calls > 1 and array.shape[:1] == (calls,) and array.shape[1:] in (tensor.shape, tensor.shape[1:])
    return list(array) if has_all else [array] * calls


def random_calls(tensors: Sequence[Tensor], seed: int, calls: int) -> list[Arrays]:
    """Arrays for each input in each call; the same seed gives the same arrays."""
    generator = np.random.default_rng(seed)
    return [[tensor.random(generator) for tensor in tensors] for _ in range(calls)]


def random_inputs(tensors: Sequence[Tensor], seed: int) -> Arrays:
    """An array for each input; the same seed gives the same arrays."""
    return random_calls(tensors, seed, 1)[0]


def check_output_paths(paths: Sequence[Path], tensors: Sequence[Tensor]) -> None:
    """Raise InputError unless there is one path for each output, or none at all."""
    if paths and len(paths) != len(tensors):
        raise InputError(
            f"the model has {len(tensors)} output{'s' * (len(tensors) != 1)}, found {len(paths)} of --output"
        )


def write_outputs(paths: Sequence[Path], calls: Sequence[Sequence[np.ndarray]]) -> None:
    """Write one `.npy` for each output; of several calls it has an axis more.

    Raises:
        InputError: one cannot be written.
    """
    for path, *found in zip(paths, *calls):
        array = found[0] if len(found) == 1 else np.stack(found)
        content = io.BytesIO()
        np.save(content, array)
        write_file(path, content.getvalue())


def _load(path: Path) -> np.ndarray:
    try:
        found = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError, SyntaxError):
        raise InputError(f"{path}: not a .npy file of numbers, or a damaged one") from None
    if not isinstance(found, np.ndarray):
        raise InputError(f"{path}: an archive of arrays; supported is a .npy file with one array")
    return found


def _fit(array: np.ndarray, tensor: Tensor) -> np.ndarray:
    if (1, *array.shape) == tensor.shape:
        return array[None]
    return array


def _quantise(path: Path, array: np.ndarray, tensor: Tensor) -> np.ndarray:
    try:
        return tensor.quantise(array)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _checked(path: Path, array: np.ndarray, tensor: Tensor) -> np.ndarray:
    if tensor.dtype.kind == "f" and array.dtype.kind == "f":
        array = array.astype(tensor.dtype)
    if array.shape == tensor.shape and array.dtype == tensor.dtype:
        return array
    found = f"{array.dtype}[{'x'.join(map(str, array.shape))}]"
    real = ", or floats of that shape" if tensor.is_quantised else ""
    raise InputError(f"{path}: input '{tensor.name}' is {tensor}{real}; found {found}")
