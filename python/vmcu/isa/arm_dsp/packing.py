"""How constants lie in flash for the inner loops: one record per group of channels, read from front to back.

*Matrix products* pack two output channels into one 16-bit lane, `V = 256 * B + A`. With the pixels' bytes widened to
16-bit lanes, `S += x * V` and `A += x * SXTB16(V)` by SMLAD, two products each, and in the end `B = (S - A) >> 8`. That is
exact while `|B| < 2^23` and all `V` fit 16 bits, which can be read off the weights (`is_exact`). A record: the starts
`256 * bias[B] + bias[A]` and `bias[A]` of each pair; the words of weights, pair after pair for each two lanes of depth;
(multiplier, factor) of each channel.

*Depthwise convolutions* have a record for each channel: bias, multiplier, factor, and the pairs of taps of each window
row as two 16-bit lanes.
"""

from __future__ import annotations

import numpy as np

MAX_DEPTH = 2000  # lanes of a pixel: a load reaches 4095 bytes
MAX_TAPS, MAX_REACH = 8, 4095  # of a depthwise window row: taps, and bytes from the first to the last
GROUP = 4  # channels of a matrix product's group whose pixels come as lanes
WIDE_GROUP = 8  # likewise where one pixel comes as bytes
SCALE_WORDS = 3  # of a depthwise record: bias, multiplier, factor


def is_exact(weights: np.ndarray, bias: np.ndarray, largest: int = 128) -> bool:
    """Whether packing channels in pairs is exact for int8 weights `[channels, depth]` and their bias (int32).

    Args:
        largest: the magnitude of what is multiplied: 128 of int8, 255 of uint8.
    """
    even, odd = (_even(weights)[half::2].astype(np.int64) for half in (0, 1))
    lanes = 256 * odd + even
    fits = lanes.min(initial=0) >= -(2**15) and lanes.max(initial=0) < 2**15
    reach = np.abs(weights.astype(np.int64)).sum(1) * largest + np.abs(bias.astype(np.int64))
    return bool(fits and reach.max(initial=0) < 2**23)


def matmul_words(depth: int, channels: int) -> int:
    """32-bit words of the record of a group of `channels` channels."""
    pairs = -(-channels // 2)
    return pairs * (2 + depth // 2 + 4)


def pack_matmul(
    weights: np.ndarray, bias: np.ndarray, multiplier: np.ndarray, factor: np.ndarray, group: int
) -> np.ndarray:
    """The records of all groups, as int32 words.

    Args:
        weights: int8 `[channels, depth]`; the depth is a multiple of 4.
        bias: int32 `[channels]`.
        multiplier, factor: int32, of one element or `[channels]`.
        group: channels of a group; the last one may be smaller.
    """
    channels = len(weights)
    multiplier, factor = (np.broadcast_to(each, (channels,)) for each in (multiplier, factor))
    full = channels - channels % group
    parts = [(0, full, group), (full, channels, channels - full)]
    groups = [
        _pack_groups(weights[a:b], bias[a:b], multiplier[a:b], factor[a:b], size) for a, b, size in parts if a < b
    ]
    return np.concatenate(groups)


def _pack_groups(
    weights: np.ndarray, bias: np.ndarray, multiplier: np.ndarray, factor: np.ndarray, group: int
) -> np.ndarray:
    """The records of groups that are all of one size, of which the channels are a multiple."""
    depth = weights.shape[1]
    w, b, m, f = (
        _even(each.reshape(-1, group, *each.shape[1:]), 1).astype(np.int64)
        for each in (weights, bias, multiplier, factor)
    )
    count, pairs = len(w), w.shape[1] // 2
    starts = np.stack([256 * b[:, 1::2] + b[:, 0::2], b[:, 0::2]], 2)
    lanes = (256 * w[:, 1::2] + w[:, 0::2]).astype(np.int16)
    # Four bytes of depth are the lanes (0, 2) and (1, 3), as SXTB16 takes bytes out of a word.
    words = lanes.reshape(count, pairs, depth // 4, 2, 2).swapaxes(3, 4).reshape(count, pairs, depth // 2, 2)
    words = np.ascontiguousarray(words.swapaxes(1, 2)).view(np.int32)
    records = _wrap(starts), words, _wrap(np.stack([m, f], 2))
    return np.concatenate([each.reshape(count, -1) for each in records], 1).ravel()


def weight_pairs(taps: int, stride: int) -> list[tuple[int, int]]:
    """The pairs of taps of a window row that are stored as words; a tap `taps` is none.

    Outputs at even columns use pairs that begin at even taps, those at odd columns pairs that begin at odd taps.
    """
    if taps == 1:
        return [(0, 1)]
    firsts = range(0, taps - 1) if stride % 2 else range(0, taps, 2)
    return [(first, first + 1) for first in firsts]


def pack_depthwise(
    weights: np.ndarray, bias: np.ndarray, multiplier: np.ndarray, factor: np.ndarray, stride: int
) -> np.ndarray:
    """The records of all channels, as int32 words.

    Args:
        weights: int8 `[rows, columns, channels]`.
        bias: int32 `[channels]`.
        multiplier, factor: int32, of one element or `[channels]`.
        stride: columns from one output to the next.
    """
    channels = weights.shape[2]
    scales = np.stack([np.broadcast_to(each, (channels,)) for each in (bias, multiplier, factor)], 1)
    padded = np.pad(weights.astype(np.int16), ((0, 0), (0, 1), (0, 0)))
    lanes = padded[:, np.array(weight_pairs(weights.shape[1], stride)), :]  # rows, pairs, 2, channels
    words = np.ascontiguousarray(np.moveaxis(lanes, -1, 0)).reshape(channels, -1, 2).view(np.int32)[..., 0]
    return np.concatenate([scales.astype(np.int32), words], 1).ravel()


def _even(array: np.ndarray, axis: int = 0) -> np.ndarray:
    """With an even number of channels along an axis: one more, all zeros, if need be."""
    if array.shape[axis] % 2 == 0:
        return array
    return np.pad(array, [(0, int(each == axis)) for each in range(array.ndim)])


def _wrap(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint64).astype(np.uint32).view(np.int32)
