"""The ops of a kernel of one's own. Each is one op of the vmcu dialect, or a few of upstream's, at the current place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mlir import ir
from mlir.dialects import arith, scf

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.lang.loops import Condition, Index
from vmcu.lang.values import Flash, Input, Output, Segments, Tile, here, wrong
from vmcu.operators.requant import Requant

_ROUNDING = {"single": d.Rounding.single_round, "double": d.Rounding.double_round}


def segment_load(
    x: Input,
    segment: Index | int,
    byte: Index | int = 0,
    *,
    bytes: int | None = None,
    rows: int = 1,
    stride: int = 1,
    inside: Condition | Sequence[Condition] | None = None,
    pad: int = 0,
) -> Tile:
    """RAMLoad: `bytes` bytes from `byte` on of the segments `segment`, `segment + stride`, ... (`rows` of them).

    Args:
        x: what is loaded from.
        segment, byte: where the first row begins. A row may run on into the next segments.
        bytes: of a row; a whole segment by default.
        rows, stride: how many rows, and how many segments they are apart.
        inside: of all rows, or one for each: where it does not hold, all bytes are `pad` and nothing is loaded.
        pad: int8.

    Returns:
        int8 `[rows, bytes]`, each row filled with zeros to whole words of four bytes.
    """
    _check(x, Segments, "segment_load", "a tensor in the pool")
    count = x.bytes if bytes is None else bytes
    guards = [inside] * rows if isinstance(inside, Condition) else [*(inside or ())]
    with here():
        return build.segment_load(
            x.value,
            Index.of(segment).index,
            Index.of(byte).index,
            rows,
            count,
            stride=stride,
            guards=[each.value for each in guards],
            pad=pad,
        )


def segment_store(y: Output, segment: Index | int, byte: Index | int, tile: Tile, *, bytes: int | None = None) -> None:
    """RAMStore: row `r` of an int8 tile to the bytes from `byte` on of segment `segment + r`.

    Args:
        y: what is stored to.
        segment, byte: where the first row goes.
        tile: int8 `[rows, bytes]`, or `[bytes]`, which is one row.
        bytes: of a row that are stored; all by default.
    """
    _check(y, Segments, "segment_store", "a tensor in the pool")
    _check(tile, ir.Value, "segment_store", "a tile")
    with here():
        rows = build.as_row(tile) if len(ir.VectorType(tile.type).shape) == 1 else tile
        build.segment_store(rows, y.value, Index.of(segment).index, Index.of(byte).index, valid=bytes)


def segment_free(x: Input, segment: Index | int) -> None:
    """RAMFree: the segments of `x` before `segment` are not loaded any more.

    Frees that are left out follow from the loads. For an input that has one, all are checked: they have to stand before
    each store, and to free exactly what no later load needs.
    """
    _check(x, Segments, "segment_free", "a tensor in the pool")
    with here():
        build.free(x.value, Index.of(segment).index.value, backward=False)


def flash_load(table: Flash, indices: Sequence[Index | int] | Index | int, shape: Sequence[int] | int) -> Tile:
    """FlashLoad: the tile of `shape` of a constant that begins at `indices`, one for each dimension.

    `shape` is that of the last dimensions; in those before the tile has one element.
    """
    _check(table, Flash, "flash_load", "a constant")
    places = indices if isinstance(indices, Sequence) else [indices]
    with here():
        extents = shape if isinstance(shape, Sequence) else [shape]
        return build.flash_load(table.value, [Index.of(each).index for each in places], *extents)


def constant(array: np.ndarray) -> Flash:
    """An int8 or int32 array as a constant of the kernel, for `flash_load`."""
    with here():
        return Flash(array, build.flash(array))


def broadcast(row: Tile, pixels: int = 1) -> Tile:
    """Broadcast: int32 `[channels]` for each of some pixels, `[pixels, channels]`: accumulators that start with the bias."""
    with here():
        return d.broadcast(build.vector(build.i32(), pixels, *ir.VectorType(row.type).shape), row)


def dot(pixels: Tile, weights: Tile, acc: Tile) -> Tile:
    """Dot: `acc[p, t] + sum over k of pixels[p, k] * weights[t, k]`, in 32 bits.

    Args:
        pixels: int8 `[pixels, depth]`; the depth is a multiple of four.
        weights: int8 `[channels, depth]`.
        acc: int32 `[pixels, channels]`.
    """
    with here():
        return d.dot(pixels, weights, acc)


def channel_dot(taps: Tile, weights: Tile, acc: Tile) -> Tile:
    """Dot, each channel by itself: `acc[c] + sum over k of taps[k, c] * weights[k, c]`, of a multiple of four channels."""
    with here():
        return d.channel_dot(taps, weights, acc)


def requantize(
    acc: Tile,
    multiplier: Tile | int,
    shift: Tile | int,
    *,
    zero_point: int = 0,
    low: int = -128,
    high: int = 127,
    rounding: str = "single",
) -> Tile:
    """`clamp(zero_point + round(acc * multiplier * 2^-shift), low, high)` as int8, in the shape of `acc`.

    Args:
        acc: int32.
        multiplier: int32, one number or `[channels]`.
        shift: in [2, 62], one number or int8 `[channels]`.
        zero_point, low, high: int8.
        rounding: `"single"` rounds once, as fully connected layers do; `"double"` first to 31 bits, as convolutions do.
    """
    if rounding not in _ROUNDING:
        raise wrong(f"requantize rounds 'single' or 'double', found {rounding!r}")
    with here():
        scale = [
            build.splat(kind, each, 1) if isinstance(each, int) else each
            for kind, each in ((build.i32(), multiplier), (build.i8(), shift))
        ]
        shape = ir.VectorType(acc.type).shape
        how = _ROUNDING[rounding], zero_point, low, high
        return d.requantize(build.vector(build.i8(), *shape), acc, scale[0], scale[1], *how)


def rescale(acc: Tile, requant: Requant, channel: Index | int) -> Tile:
    """`requantize` as an operator says, whose scales may differ from channel to channel.

    Args:
        acc: int32 `[channels]` or `[pixels, channels]`.
        requant: the operator's.
        channel: the first one of `acc`.
    """
    count = ir.VectorType(acc.type).shape[-1]
    tables = requant.multiplier.astype(np.int32), requant.shift.astype(np.int8)
    scales = [flash_load(constant(each), channel, count) if len(each) > 1 else int(each[0]) for each in tables]
    bounds = {"zero_point": requant.zero_point, "low": requant.min, "high": requant.max}
    return requantize(acc, *scales, **bounds, rounding=requant.rounding)


def fold(stop: int, step: int, acc: Tile, body: Callable[[Index, Tile], Tile]) -> Tile:
    """`body(i, acc)` over `i = 0, step, ... < stop`, with the accumulators in registers from trip to trip."""
    if stop % step or stop <= 0:
        raise wrong(f"fold over {stop} in steps of {step} has a last trip that is cut off")
    if stop == step:
        return body(Index(build.Index(0)), acc)
    location = here()
    with location:
        for_op = scf.ForOp(*(build.constant(each) for each in (0, stop, step)), [acc])
    with ir.InsertionPoint(for_op.body):
        result = body(Index(build.Index.of(for_op.induction_variable)), for_op.inner_iter_args[0])
        with location:
            scf.yield_([result])
    return for_op.results[0]


def full(value: int, *shape: int) -> Tile:
    """An int32 tile of equal elements."""
    with here():
        return build.splat(build.i32(), value, *shape)


def row_of(tile: Tile, row: int) -> Tile:
    """Row `row` of a tile, `[bytes]`."""
    with here():
        return build.row_of(tile, row)


def extend(row: Tile) -> Tile:
    """An int8 row as int32."""
    with here():
        return arith.extsi(build.vector(build.i32(), *ir.VectorType(row.type).shape), row)


def narrow(row: Tile) -> Tile:
    """The low byte of each element of an int32 row, as int8."""
    with here():
        return arith.trunci(build.vector(build.i8(), *ir.VectorType(row.type).shape), row)


def maximum(a: Tile, b: Tile) -> Tile:
    """The larger element of two int32 rows, one by one."""
    with here():
        return arith.maxsi(a, b)


def _check(value: object, kind: type, intrinsic: str, what: str) -> None:
    if not isinstance(value, kind):
        raise wrong(f"{intrinsic} takes {what}, found {type(value).__name__}")
