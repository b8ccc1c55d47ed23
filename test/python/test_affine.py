"""Lines that stand for functions of a byte give the same numbers for all bytes, or are not found."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vmcu.operators.elementwise.affine import fit_bend, fit_line, fit_plane
from vmcu.operators.requant import Requant

BYTES = np.arange(-128, 128)


def scaled(x: np.ndarray, scales: list[tuple[int, int]], zero_point: int, rounding: str) -> np.ndarray:
    """What requantisation makes of `x` in each channel."""
    multiplier, shift = (np.array(each) for each in zip(*scales))
    requant = Requant(multiplier.astype(np.int32), shift.astype(np.int8), rounding, zero_point)
    return np.stack([requant.apply(x, channel) for channel in range(len(scales))], axis=1)


SCALES = st.lists(st.tuples(st.integers(2**30, 2**31 - 1), st.integers(29, 40)), min_size=1, max_size=5)


@settings(deadline=None)
@given(SCALES, st.integers(-128, 127), st.sampled_from(["single", "double"]), st.integers(-128, 127))
def test_a_line_is_what_it_was_fitted_to(
    scales: list[tuple[int, int]], zero_point: int, rounding: str, start: int
) -> None:
    x = BYTES[np.greater_equal(BYTES, start)]
    values = scaled(x - start, scales, zero_point, rounding)  # of numbers without sign, whose halves round one way
    found = fit_line(x, values)
    assert found is not None
    assert np.array_equal(found.apply(x[:, None]), values)


def test_a_slope_for_negative_numbers_is_two_lines() -> None:
    values = np.where(BYTES[:, None] < 5, scaled(BYTES - 5, [(2**30, 32), (3 * 2**29, 31)], -7, "double"), -7)
    found = fit_bend(BYTES, values, 5)
    assert found is not None
    assert np.array_equal(found.apply(BYTES[:, None]), values)


def test_what_is_no_line_is_not_found() -> None:
    assert fit_line(BYTES, np.abs(BYTES)[:, None].clip(-128, 127)) is None
    assert fit_bend(BYTES, (BYTES % 3)[:, None], 0) is None


def test_a_scaled_sum_is_a_plane() -> None:
    x, y = BYTES[:, None], BYTES[None, :]
    total = x * 713 + y * 402 + 5000
    values = (total // 1000).clip(-100, 90)
    found = fit_plane(x, y, values)
    assert found is not None and np.array_equal(found.apply(x, y), values)
    assert fit_plane(x, y, (x * y // 128).clip(-128, 127)) is None
    assert fit_plane(x, y, np.where(total % 977 == 0, values + 1, values)) is None
