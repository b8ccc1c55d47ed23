"""Output channels that are the same for every input.

Quantisers leave dead channels: weights scaled so finely that their shift swallows every sum, beside a huge bias. Such a
channel requantises to one value whatever comes in. With zero weights, a small bias and an ordinary scale that give this
value it no longer keeps its layer from the fast forms (`scale.py`, `packing.py`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vmcu.operators.requant import Requant

MULTIPLIER, SHIFT = 1 << 30, 33  # an eighth: ordinary for both roundings


def settle_constant_channels(
    weights: np.ndarray, axis: int, bias: np.ndarray, requant: Requant
) -> tuple[np.ndarray, np.ndarray, Requant]:
    """Weights, bias and requantisation with the same results.

    Args:
        weights: int8, with the output channels along `axis`.
        bias: int32, per channel.
        requant: with one scale per channel; one for all is left alone.
    """
    channels = weights.shape[axis]
    if len(requant.multiplier) != channels or channels == 1:
        return weights, bias, requant
    reach = np.abs(np.moveaxis(weights, axis, 0).reshape(channels, -1).astype(np.int64)).sum(1) * 128
    constant = {}
    for channel in range(channels):
        low, high = (requant.apply(int(bias[channel]) + int(sign * reach[channel]), channel) for sign in (-1, 1))
        # Sums that wrap around may be anything.
        if low == high and abs(int(bias[channel])) + int(reach[channel]) < 2**31:
            constant[channel] = low
    if not constant:
        return weights, bias, requant
    weights, bias = weights.copy(), bias.copy()
    multiplier, shift = requant.multiplier.copy(), requant.shift.copy()
    for channel, value in constant.items():
        np.moveaxis(weights, axis, 0)[channel] = 0
        bias[channel] = 8 * (value - requant.zero_point)
        multiplier[channel], shift[channel] = MULTIPLIER, SHIFT
    return weights, bias, replace(requant, multiplier=multiplier, shift=shift)
