"""Lay depthwise weights out in pairs of taps, as the multiply-accumulate instruction wants them.

Before: `channel_dot` with weights `taps x channels`, loaded from a constant `[.., taps, channels]`.
After:  the constant is `[.., tap pairs, channel pairs, 2, 2]` and so is the loaded tile: the four bytes of a word are two
        channels of tap `2k`, then the same two of tap `2k + 1`. One SXTB16 then gives both taps of a channel. A last odd
        tap is paired with a weight of zero.

Weights of `dot` are taken as they are: a word of one output channel meets a word of one pixel. The constants of `matmul`
and `depthwise` become one record each (`vmcu.isa.arm_dsp.packing`), with the scale in the form that its instructions take.

Constants are flash, so that any layout costs nothing at run time. Runs after `vmcu-tile-to-segments`.
"""

from __future__ import annotations

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.ir.rebuild import keep_attributes
from vmcu.isa.arm_dsp import packing
from vmcu.operators.match import constant_array, producer
from vmcu.operators.scale import choose_form
from vmcu.passes._registry import PassError, vmcu_pass


@vmcu_pass("vmcu-pack-weights", summary="Lay constants out for the multiply-accumulate instruction")
def pack_weights(module: ir.Module, options: None) -> None:
    refuse_leftovers(module, _is_untiled, "is not tiled; run vmcu-tile-to-segments first")
    dots: list[d.ChannelDotOp] = []
    tiles: list[d.MatmulOp | d.DepthwiseOp] = []
    module.operation.walk(lambda op: _collect(op, dots, tiles))
    packed: dict[ir.Value, ir.Value] = {}
    for dot in dots:
        if len(ir.VectorType(dot.weights.type).shape) == 2:
            with dot.location:
                _pack(dot, packed)
    records: dict[tuple, ir.Value] = {}
    for tile in tiles:
        with tile.location:
            _pack_tile(tile, records)


def _is_untiled(op: ir.Operation) -> bool:
    return isinstance(op.opview, d.DescribedKernel)


def _collect(op: ir.Operation, dots: list[d.ChannelDotOp], tiles: list[d.MatmulOp | d.DepthwiseOp]) -> ir.WalkResult:
    if op.name == "vmcu.channel_dot":
        dots.append(op.opview)
    elif op.name in ("vmcu.matmul", "vmcu.depthwise") and len(op.opview.constants) > 1:
        tiles.append(op.opview)
    return ir.WalkResult.ADVANCE


def _pack_tile(tile: d.MatmulOp | d.DepthwiseOp, records: dict[tuple, ir.Value]) -> None:
    """Join the constants of a tile to a record; tiles of the same constants in the same layout share it."""
    constants = tuple(tile.constants)
    group = None if isinstance(tile, d.DepthwiseOp) else packing.GROUP if tile.first is None else packing.WIDE_GROUP
    key = (group or tile.stride.value, tile.rounding, *constants)
    if key not in records:
        arrays = [array for each in constants if (array := constant_array(each)) is not None]
        if len(arrays) != len(constants):
            raise PassError(tile, "packs weights, bias and scale that are constants")
        weights, bias, multiplier, shift = arrays
        rounding = str(tile.rounding.value)
        form = choose_form(multiplier, shift, rounding)
        if form.kind not in ("double", "single") or form.multiplier is None or form.factor is None:
            raise PassError(tile, "has a scale whose rounding takes more than two multiplications")
        bias = bias.astype(np.int32)
        if group is None:
            record = packing.pack_depthwise(weights, bias, form.multiplier, form.factor, tile.stride.value)
        else:
            if not packing.is_exact(weights, bias):
                raise PassError(tile, "has weights too large to be packed in pairs of channels")
            record = packing.pack_matmul(weights, bias, form.multiplier, form.factor, group)
        owners = [each.owner.operation for each in constants]
        order = [each.operation for each in owners[0].block.operations]
        with ir.InsertionPoint.after(max(owners, key=order.index)):
            records[key] = build.flash(record)
    _replace_constants(tile, records[key])


def _replace_constants(tile: d.MatmulOp | d.DepthwiseOp, record: ir.Value) -> None:
    with ir.InsertionPoint(tile):
        how = tile.rounding, tile.zero_point, tile.min, tile.max
        if isinstance(tile, d.MatmulOp):
            size = tile.pixels, tile.pitch, tile.depth
            more = {"first": tile.first, "within": tile.within, "unroll": tile.unroll}
            packed = d.MatmulOp(tile.source, [record], tile.dest, tile.index, *size, *how, **more)
        else:
            rows, guards = list(tile.rows), list(tile.guards)
            shape = tile.window, tile.stride, tile.pad, tile.columns, tile.out_columns, tile.halo
            operands = tile.source, rows, guards, [record], tile.dest, tile.index
            packed = d.DepthwiseOp(*operands, *shape, *how, tile=tile.tile)
    keep_attributes(tile, packed)
    tile.operation.erase()


def _pack(dot: d.ChannelDotOp, packed: dict[ir.Value, ir.Value]) -> None:
    load = producer(dot.weights)
    array = constant_array(load.source) if isinstance(load, d.FlashLoadOp) else None
    if load is None or array is None or array.ndim < 2:
        raise PassError(dot, "packs weights that are loaded from a constant of rank 2 or more")
    if load.source not in packed:
        with ir.InsertionPoint(load.source.owner):
            packed[load.source] = build.flash(pack_pairs(array))
    taps, channels = ir.VectorType(dot.weights.type).shape
    *outer, tap, channel = [Index.of(each) for each in load.indices]
    with ir.InsertionPoint(load):
        pair = [tap.floordiv(2), channel.floordiv(2)]
        tile = build.flash_load(packed[load.source], [*outer, *pair, 0, 0], -(-taps // 2), channels // 2, 2, 2)
    keep_attributes(load, tile.owner)
    dot.operation.operands[1] = tile
    if not list(load.result.uses):
        load.operation.erase()


def pack_pairs(array: np.ndarray) -> np.ndarray:
    """`[.., taps, channels]` as `[.., ceil(taps / 2), channels / 2, 2 (tap), 2 (channel)]`."""
    *outer, taps, channels = array.shape
    even = np.pad(array, [(0, 0)] * len(outer) + [(0, taps % 2), (0, 0)])
    split = even.reshape(*outer, -1, 2, channels // 2, 2)
    return np.moveaxis(split, -3, -2)
