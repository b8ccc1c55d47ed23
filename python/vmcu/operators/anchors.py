"""What readers of anchors ask: where is the image, what is its halo, what do the accumulators start with.

An anchor is the named linalg op that a layer is built around. Every function answers None where the answer is no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir

from vmcu.operators import match
from vmcu.operators.geometry import Window, both
from vmcu.operators.match import Epilogue, constant_array, op_name, producer, shape_of
from vmcu.operators.requant import constant_int


def behind_reshapes(value: ir.Value) -> ir.Value:
    while (op := producer(value)) is not None and op_name(op) in match.RESHAPES:
        value = op.operands[0]
    return value


def read_image(
    value: ir.Value, inputs: Sequence[ir.Value], *, pixels: bool = False
) -> tuple[tuple[int, ...], tuple[int, int], int | None] | None:
    """An anchor's image as (shape [1, h, w, c] of the kernel's input, rows and columns of halo before it, halo's value).

    The halo's value is None if there is no halo. Where the anchor looks at `pixels` one by one, a batch of images of one
    pixel (the rows of a fully connected layer) is one image.
    """
    pad, fill = np.zeros(2, np.int64), None
    has_halo = [False, False]
    op = producer(value)
    if op is not None and op_name(op) == "tensor.pad":
        low = list(ir.DenseI64ArrayAttr(op.attributes["static_low"]))
        high = list(ir.DenseI64ArrayAttr(op.attributes["static_high"]))
        fill = constant_int(op.regions[0].blocks[0].operations[len(op.regions[0].blocks[0].operations) - 1].operands[0])
        if len(low) != 4 or fill is None or any((low[0], low[3], high[0], high[3])):
            return None
        pad, value = pad + low[1:3], op.operands[0]
        has_halo = [bool(low[axis] or high[axis]) for axis in (1, 2)]
        op = producer(value)
    if op is not None and op_name(op) == "tensor.extract_slice":
        offsets = list(ir.DenseI64ArrayAttr(op.attributes["static_offsets"]))
        strides = list(ir.DenseI64ArrayAttr(op.attributes["static_strides"]))
        shape = shape_of(value)
        if len(offsets) != 4 or len(shape) != 4 or offsets[0] or offsets[3] or set(strides) != {1}:
            return None
        whole = shape_of(op.operands[0])
        # A halo lies around the image itself: around a part of it would be the rest of the image.
        if whole[3] != shape[3] or any(has_halo[axis] and whole[1 + axis] != shape[1 + axis] for axis in (0, 1)):
            return None
        pad, value = pad - offsets[1:3], op.operands[0]
    shape = shape_of(value)
    source = behind_reshapes(value)
    if pixels and fill is None and not pad.any() and shape[1:3] == (1, 1):
        shape = (1, shape[0], 1, *shape[3:])
    if source not in inputs or len(shape) != 4 or shape[0] != 1 or not match.is_int8(value):
        return None
    return shape, (int(pad[0]), int(pad[1])), fill


@dataclass(frozen=True)
class Spread:
    """An image in a larger one: its pixels lie `up` apart, from pixel `pad` on, and all others are `fill`.

    Pairs are (rows, columns).
    """

    source: ir.Value
    pad: tuple[int, int]
    up: tuple[int, int]
    fill: int


def read_spread(value: ir.Value) -> Spread | None:
    """What an anchor sees as a spread image, which is an ordinary halo if `up` is one."""
    op = producer(value)
    if op is None or op_name(op) != "tensor.insert_slice":
        return None
    offsets, strides = (list(ir.DenseI64ArrayAttr(op.attributes[f"static_{each}"])) for each in ("offsets", "strides"))
    around = constant_array(op.operands[1])
    outer = (offsets[0], offsets[-1], strides[0], strides[-1])
    if len(offsets) != 4 or outer != (0, 0, 1, 1) or min(offsets) < 0 or around is None or np.ptp(around):
        return None
    return Spread(op.operands[0], both(offsets[1:3]), both(strides[1:3]), int(around.flat[0]))


def pair(op: ir.OpView, name: str) -> tuple[int, int]:
    if name not in op.attributes:
        return 1, 1
    values = np.broadcast_to(np.array(op.attributes[name]).ravel(), 2)
    return int(values[0]), int(values[1])


def zero_points(op: ir.OpView) -> tuple[int, int] | None:
    """Zero points of input and weights; zeros for an op without."""
    if len(op.operands) < 5:
        return 0, 0
    of_input, of_weights = constant_int(op.operands[2]), constant_int(op.operands[3])
    return None if of_input is None or of_weights is None else (of_input, of_weights)


def window_of(op: ir.OpView, image: tuple, kernel: tuple[int, ...]) -> Window:
    shape, pad, _ = image
    batch, *output = shape_of(op.results[0])[:3]
    # A batch is one of pixels, and they are the image's rows.
    taps = both(kernel)
    return Window(shape[1:3], (batch * output[0], output[1]), taps, pair(op, "strides"), pair(op, "dilations"), pad)


def read_bias(op: ir.OpView, epilogue: Epilogue, channels: int) -> np.ndarray | None:
    """What the accumulators start with plus what the epilogue adds, int64 per output channel."""
    start = match.broadcast_row(op.operands[len(op.operands) - 1], channels)
    return None if start is None else np.broadcast_to(start + epilogue.bias, channels)


def wrap(values: np.ndarray) -> np.ndarray:
    """int64 to int32 as 32-bit addition wraps."""
    return values.astype(np.int64).astype(np.uint32).view(np.int32) if values.size else values.astype(np.int32)
