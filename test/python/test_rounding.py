"""Multipliers of fully connected layers round every sum as LiteRT does: once, a half away from zero."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vmcu.frontends.tflite.rounding import exact_multiplier

SUMS = np.arange(-4000, 4001)


def quantise(scale: float) -> tuple[int, int]:
    """The multiplier of 31 bits and the shift nearest to a scale, as the converter chooses them."""
    fraction, exponent = math.frexp(scale)
    return round(fraction * 2**31), 31 - exponent


def round_half_away(scale: float, zero_point: int) -> np.ndarray:
    real = SUMS * scale
    return np.clip(np.copysign(np.floor(np.abs(real) + 0.5), real) + zero_point, -128, 127).astype(int)


def round_single(multiplier: int, shift: int, zero_point: int) -> np.ndarray:
    return np.clip((SUMS * multiplier + (1 << (shift - 1)) >> shift) + zero_point, -128, 127)


@pytest.mark.parametrize("zero_point", [-128, -3, 0, 127])
@pytest.mark.parametrize("scale", [0.25, 0.5, 3 / 16, 5 / 32, 1 / 1024, 0.0371, 0.9999, 1.0, 2.5, 8.0, 1.5])
def test_exact_multiplier_rounds_as_litert(scale: float, zero_point: int) -> None:
    multiplier, shift = quantise(scale)
    found = exact_multiplier(multiplier, shift, scale, zero_point)
    assert found is not None
    np.testing.assert_array_equal(round_single(found, shift, zero_point), round_half_away(scale, zero_point))


def test_exact_multiplier_keeps_one_that_meets_no_tie() -> None:
    multiplier, shift = quantise(0.0371)
    assert exact_multiplier(multiplier, shift, 0.0371, 0) == multiplier


def test_exact_multiplier_moves_a_tie() -> None:
    multiplier, shift = quantise(0.25)
    found = exact_multiplier(multiplier, shift, 0.25, 0)
    assert found == multiplier + 1
    assert (round_single(multiplier, shift, 0) != round_half_away(0.25, 0)).any()


def test_exact_multiplier_of_another_scale_is_none() -> None:
    assert exact_multiplier(2**30, 40, 0.25, 0) is None


def test_exact_multiplier_of_a_scale_beyond_all_results_is_none() -> None:
    assert exact_multiplier(2**30, 0, 2.0**30, 0) is None
    assert exact_multiplier(2**30, -40, 2.0**70, 0) is None
