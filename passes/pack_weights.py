"""Lay depthwise weights out in pairs of taps, as the multiply-accumulate instruction wants them.

Before: `channel_dot` with weights `taps x channels`, loaded from a constant `[.., taps, channels]`.
After:  the constant is `[.., tap pairs, channel pairs, 2, 2]` and so is the loaded tile: the four bytes of a word are two
        channels of tap `2k`, then the same two of tap `2k + 1`. One SXTB16 then gives both taps of a channel. A last odd
        tap is paired with a weight of zero.

Weights of `dot` are taken as they are: a word of one output channel meets a word of one pixel.
Constants are flash, so that any layout costs nothing at run time. Runs after `vmcu-tile-to-segments`.
"""

from __future__ import annotations

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.kernels import build
from vmcu.kernels.build import Index
from vmcu.kernels.match import constant_array, producer

from ._registry import PassError, vmcu_pass


@vmcu_pass("vmcu-pack-weights", summary="Lay constants out for the multiply-accumulate instruction")
def pack_weights(module: ir.Module, options: None) -> None:
    dots: list[d.ChannelDotOp] = []
    module.operation.walk(lambda op: _collect(op, dots))
    packed: dict[ir.Value, ir.Value] = {}
    for dot in dots:
        if len(ir.VectorType(dot.weights.type).shape) == 2:
            with dot.location:
                _pack(dot, packed)


def _collect(op: ir.Operation, dots: list[d.ChannelDotOp]) -> ir.WalkResult:
    if op.name == "vmcu.channel_dot":
        dots.append(op.opview)
    return ir.WalkResult.ADVANCE


def _pack(dot: d.ChannelDotOp, packed: dict[ir.Value, ir.Value]) -> None:
    load = producer(dot.weights)
    array = constant_array(load.source) if isinstance(load, d.FlashLoadOp) else None
    if array is None or array.ndim < 2:
        raise PassError(dot, "packs weights that are loaded from a constant of rank 2 or more")
    if load.source not in packed:
        with ir.InsertionPoint(load.source.owner):
            packed[load.source] = build.flash(pack_pairs(array))
    taps, channels = ir.VectorType(dot.weights.type).shape
    *outer, tap, channel = [Index.of(each) for each in load.indices]
    with ir.InsertionPoint(load):
        pair = [tap.floordiv(2), channel.floordiv(2)]
        tile = build.flash_load(packed[load.source], [*outer, *pair, 0, 0], -(-taps // 2), channels // 2, 2, 2)
    dot.operation.operands[1] = tile
    if not list(load.result.uses):
        load.operation.erase()


def pack_pairs(array: np.ndarray) -> np.ndarray:
    """`[.., taps, channels]` as `[.., ceil(taps / 2), channels / 2, 2 (tap), 2 (channel)]`."""
    *outer, taps, channels = array.shape
    even = np.pad(array, [(0, 0)] * len(outer) + [(0, taps % 2), (0, 0)])
    split = even.reshape(*outer, -1, 2, channels // 2, 2)
    return np.moveaxis(split, -3, -2)
