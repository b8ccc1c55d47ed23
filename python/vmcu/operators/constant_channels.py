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
    wide = bias.astype(np.int64)
    # Sums that wrap around may be anything.
    is_safe = np.abs(wide) + reach < 2**31
    low, high = (requant.apply(np.where(is_safe, wide + sign * reach, 0), np.arange(channels)) for sign in (-1, 1))
    constant = np.flatnonzero(is_safe & (low == high))
    if not constant.size:
        return weights, bias, requant
    weights, bias = weights.copy(), bias.copy()
    multiplier, shift = requant.multiplier.copy(), requant.shift.copy()
    np.moveaxis(weights, axis, 0)[constant] = 0
    bias[constant] = 8 * (low[constant] - requant.zero_point)
    multiplier[constant], shift[constant] = MULTIPLIER, SHIFT
    return weights, bias, replace(requant, multiplier=multiplier, shift=shift)
