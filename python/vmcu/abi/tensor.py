"""Inputs and outputs of a compiled model, and the arrays that go in and come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vmcu.errors import InputError


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model: `real = scale * (value - zero_point)` where it is quantised.

    Args:
        name: as the model calls it.
        shape: with the batch, which is 1.
        dtype: of an element.
        scale: None where the model does not say.
        zero_point: None where the model does not say.
        offset: bytes from the start of the pool; None before the pool is planned, and of an input that is fed row by
            row: it is never whole in the pool.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    scale: float | None = None
    zero_point: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        return f"{self.dtype}[{'x'.join(map(str, self.shape))}]"

    @property
    def count(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def bytes(self) -> int:
        """Bytes of all elements."""
        return self.count * self.dtype.itemsize

    @property
    def is_quantised(self) -> bool:
        """Whether elements are integers that stand for real values by a known scale and zero point."""
        return self.dtype.kind in "iu" and self.scale is not None and self.zero_point is not None

    def quantise(self, real: np.ndarray) -> np.ndarray:
        """Real values as the tensor's integers: rounded to nearest (halves away from zero, as LiteRT does) and saturated.

        Raises:
            InputError: the model does not tell scale and zero point, or a value is not a number.
        """
        self._require_quantised()
        if np.isnan(real).any():
            raise InputError(f"'{self.name}' takes numbers, the array holds NaN")
        limits = np.iinfo(self.dtype)
        return np.clip(_round_away(real / self.scale) + self.zero_point, limits.min, limits.max).astype(self.dtype)

    def dequantise(self, values: np.ndarray) -> np.ndarray:
        """The tensor's integers as real values, float32.

        Raises:
            InputError: the model does not tell scale and zero point.
        """
        self._require_quantised()
        return np.float32(self.scale) * (values.astype(np.float32) - np.float32(self.zero_point))

    def _require_quantised(self) -> None:
        if not self.is_quantised:
            raise InputError(f"the model does not tell scale and zero point of '{self.name}', {self}")

    def random(self, generator: np.random.Generator) -> np.ndarray:
        """Random values over the whole range of the tensor; of floats, the range that the core takes."""
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            return generator.integers(limits.min, limits.max, self.shape, self.dtype, endpoint=True)
        scale, zero_point = (1 / 128, 0) if self.scale is None else (self.scale, self.zero_point or 0)
        values = scale * (generator.integers(-128, 128, self.shape) - zero_point)
        return values.astype(self.dtype)


def _round_away(real: np.ndarray) -> np.ndarray:
    """To the nearest whole numbers, halves away from zero."""
    return np.trunc(real) + np.trunc(2 * (real - np.trunc(real)))


@dataclass(frozen=True, eq=False)
class Tied:
    """An input and an output of a file that are one state of the compiled model.

    Args:
        name: of the input.
        source, result: numbers of the input and of the output among those of the file.
        initial: the value before the first run.
    """

    name: str
    source: int
    result: int
    initial: np.ndarray


def check_inputs(tensors: Sequence[Tensor], arrays: Sequence[np.ndarray]) -> None:
    """Raise InputError unless the arrays are what the model takes: number, shapes and dtypes."""
    if len(arrays) != len(tensors):
        listed = ", ".join(f"'{tensor.name}' {tensor}" for tensor in tensors)
        raise InputError(
            f"the model takes {len(tensors)} input{'s' * (len(tensors) != 1)} ({listed}), found {len(arrays)}"
        )
    for tensor, array in zip(tensors, arrays):
        if array.shape != tensor.shape or array.dtype != tensor.dtype:
            found = f"{array.dtype}[{'x'.join(map(str, array.shape))}]"
            raise InputError(f"input '{tensor.name}' is {tensor}, found {found}")
