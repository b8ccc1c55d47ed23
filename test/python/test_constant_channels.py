"""Channels that no input changes get other constants, and the same results; all others are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from test_scale import apply_scale, tie_heavy
from vmcu.isa.arm_dsp.packing import is_exact
from vmcu.operators.constant_channels import settle_constant_channels
from vmcu.operators.requant import Requant
from vmcu.operators.scale import choose_form

INT32 = (-(2**31), 2**31 - 1)
CHANNELS = 3


@st.composite
def layers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Requant]:
    """int8 weights `[CHANNELS, depth]` with bias and scales, many of them dead or nearly so."""
    weights = draw(arrays.arrays(np.int8, (CHANNELS, draw(st.integers(1, 6))), elements=st.integers(-128, 127)))
    biases = st.integers(-500, 500) | st.integers(*INT32) | st.sampled_from([*INT32, 2**30, -(2**30)])
    shifts = st.sampled_from([62, 61, 2, 31, 32]) | st.integers(2, 62)
    multipliers = st.integers(2**30, INT32[1]) | st.integers(1, INT32[1])
    low, high = sorted(draw(st.tuples(st.integers(-128, 127), st.integers(-128, 127))))
    requant = Requant(
        np.array(draw(st.lists(multipliers, min_size=CHANNELS, max_size=CHANNELS))),
        np.array(draw(st.lists(shifts, min_size=CHANNELS, max_size=CHANNELS))),
        draw(st.sampled_from(["single", "double"])),
        draw(st.integers(-128, 127)),
        *draw(st.sampled_from([(-128, 127), (low, high)])),
    )
    return weights, np.array(draw(st.lists(biases, min_size=CHANNELS, max_size=CHANNELS)), np.int64), requant


def accumulators(weights: np.ndarray, bias: int, pixels: np.ndarray) -> list[int]:
    """Sums for inputs of int8 less any zero point that is folded into the bias: the given ones and the extremes."""
    weights = weights.astype(np.int64)
    extremes = [np.where(weights > 0, 127, -128), np.where(weights > 0, -128, 127), np.zeros(len(weights), np.int64)]
    return [bias + int(weights @ pixel) for pixel in [*pixels.astype(np.int64), *extremes]]


@settings(max_examples=300, deadline=None)
@given(layers(), st.integers(0, 2**32))
def test_results_are_the_same(layer: tuple[np.ndarray, np.ndarray, Requant], seed: int) -> None:
    weights, bias, requant = layer
    after, new_bias, new = settle_constant_channels(weights, 0, bias, requant)
    pixels = np.random.default_rng(seed).integers(-128, 128, (20, weights.shape[1]))
    for channel in range(CHANNELS):
        is_settled = not np.array_equal(after[channel], weights[channel]) or new_bias[channel] != bias[channel]
        old = accumulators(weights[channel], int(bias[channel]), pixels)
        if not is_settled:
            assert (new.multiplier[channel], new.shift[channel]) in [
                (requant.multiplier[channel], requant.shift[channel]), (2**30, 33),
            ]  # fmt: skip
            assert [new.apply(each, channel) for each in old] == [requant.apply(each, channel) for each in old]
            continue
        assert not after[channel].any() and abs(int(new_bias[channel])) <= 8 * 255
        assert (new.multiplier[channel], new.shift[channel]) == (2**30, 33)
        (value,) = {requant.apply(each, channel) for each in old}  # it was constant
        assert new.apply(int(new_bias[channel]), channel) == value
    assert (new.rounding, new.zero_point, new.min, new.max) == (
        requant.rounding, requant.zero_point, requant.min, requant.max,
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(layers())
def test_all_constant_channels_are_settled(layer: tuple[np.ndarray, np.ndarray, Requant]) -> None:
    weights, bias, requant = layer
    after, new_bias, new = settle_constant_channels(weights, 0, bias, requant)
    for channel in range(CHANNELS):
        reach = 128 * int(np.abs(weights[channel].astype(np.int64)).sum())
        ends = [requant.apply(int(bias[channel]) + sign * reach, channel) for sign in (-1, 1)]
        wraps = abs(int(bias[channel])) + reach >= 2**31
        if ends[0] == ends[1] and not wraps:
            assert not after[channel].any() and new.shift[channel] == 33
        else:
            assert np.array_equal(after[channel], weights[channel]) and new_bias[channel] == bias[channel]
            assert (new.multiplier[channel], new.shift[channel]) == (
                requant.multiplier[channel],
                requant.shift[channel],
            )


@pytest.mark.parametrize("axis", [0, 2])
def test_layer_with_a_dead_channel_takes_the_fast_form(axis: int) -> None:
    weights = np.moveaxis(np.full((2, 3, 3), 9, np.int8), 0, axis)
    bias = np.array([2**29, 77])
    requant = Requant(np.array([2**30, 2**30 + 1]), np.array([62, 40]), "double", -5)
    assert not is_exact(np.moveaxis(weights, axis, 0).reshape(2, -1), bias)
    after, new_bias, new = settle_constant_channels(weights, axis, bias, requant)
    assert weights.all() and bias[0] == 2**29 and requant.shift[0] == 62, "arguments are not changed"
    assert not np.moveaxis(after, axis, 0)[0].any() and np.moveaxis(after, axis, 0)[1].all()
    assert new_bias.tolist() == [0, 77]
    assert is_exact(np.moveaxis(after, axis, 0).reshape(2, -1), new_bias)
    assert choose_form(new.multiplier, new.shift, "double").kind == "double"


@pytest.mark.parametrize("bias", [2**31 - 1, -(2**31)])
def test_sums_that_wrap_are_left_alone(bias: int) -> None:
    """The result at 2^31 is not that at -2^31, whatever unbounded arithmetic says."""
    weights = np.array([[1], [2]], np.int8)
    requant = Requant(np.array([1, 2**30]), np.array([62, 33]), "single", 0)
    after, new_bias, new = settle_constant_channels(weights, 0, np.array([bias, 0]), requant)
    assert np.array_equal(after, weights) and new_bias[0] == bias and new.shift[0] == 62


def test_one_scale_for_all_is_left_alone() -> None:
    arguments = (
        np.zeros((2, 3), np.int8),
        np.zeros(2, np.int64),
        Requant(np.array([2**30]), np.array([62]), "single", 0),
    )
    weights, bias, requant = settle_constant_channels(arguments[0], 0, *arguments[1:])
    assert weights is arguments[0] and bias is arguments[1] and requant is arguments[2]


@settings(max_examples=300, deadline=None)
@given(
    st.integers(*INT32), st.integers(1, INT32[1]), st.integers(2, 62), st.sampled_from(["single", "double"]),
    st.integers(-128, 127),
)  # fmt: skip
@example(-2, 2**30, 32, "double", 0)
@example(INT32[0], INT32[1], 62, "double", -128)
def test_requant_applies_the_definition(acc: int, multiplier: int, shift: int, rounding: str, zero_point: int) -> None:
    requant = Requant(np.array([5, multiplier]), np.array([7, shift]), rounding, zero_point, -100, 99)
    if -(2**31) <= acc * multiplier >> shift < 2**31 - 1:  # where the definition is not undefined
        exact = apply_scale(acc, multiplier, shift, rounding) + zero_point
        assert requant.apply(acc, 1) == min(max(exact, -100), 99)
        alone = Requant(np.array([multiplier]), np.array([shift]), rounding, zero_point)
        assert alone.apply(acc, 3) == min(max(exact, -128), 127)


@pytest.mark.parametrize("rounding", ["single", "double"])
@pytest.mark.parametrize(("multiplier", "shift"), [(2**30, 32), (1355802031, 40), (INT32[1], 33), (2**30, 62)])
def test_requant_applies_the_definition_to_ties(multiplier: int, shift: int, rounding: str) -> None:
    requant = Requant(np.array([multiplier]), np.array([shift]), rounding, 3, *INT32)
    for acc in tie_heavy(multiplier, shift).ravel().tolist():
        assert requant.apply(acc, 0) == apply_scale(acc, multiplier, shift, rounding) + 3
