"""What a kernel of one's own is a function of: segments in the pool and constants in flash."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import numpy as np
from mlir import ir

from vmcu.errors import Unsupported

#: A tile of values in registers: int8 `[rows, bytes]`, or int32 `[pixels, channels]` or `[channels]`.
Tile = ir.Value


@dataclass(frozen=True, eq=False)
class Segments:
    """A tensor in the pool: `length` segments of `bytes` bytes each.

    As an annotation `Input[64, 16]` says the shape, `Input` leaves it to the arguments that the kernel is compiled with.
    """

    length: int
    bytes: int
    value: ir.Value | None = field(default=None, repr=False)

    def __class_getitem__(cls, shape: tuple[int, int]) -> Segments:
        return cls(*shape)


class Input(Segments):
    """A tensor that the kernel loads from; its segments are free once nothing of them is loaded any more."""


class Output(Segments):
    """A tensor that the kernel stores to, every byte of it. Its segments may lie where the inputs' free ones were."""


@dataclass(frozen=True, eq=False)
class Flash:
    """A constant in flash: an int8 or int32 array."""

    array: np.ndarray
    value: ir.Value | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements of each dimension."""
        return self.array.shape


def here() -> ir.Location:
    """The line of the kernel that is being traced."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("vmcu."):
        frame = frame.f_back
    return ir.Location.file(frame.f_code.co_filename, frame.f_lineno, 0)


def wrong(message: str) -> Unsupported:
    """An error at the line of the kernel that is being traced."""
    error = Unsupported(message)
    error.location = here()
    return error
