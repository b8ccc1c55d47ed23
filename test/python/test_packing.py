"""Records of packed constants, read the way the inner loops read them, give the sums of products that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vmcu.isa.arm_dsp import packing
from vmcu.isa.arm_dsp.asm import Scaling
from vmcu.isa.arm_dsp.asm_depthwise import Depthwise, _operations
from vmcu.isa.arm_dsp.lanes import Lanes
from vmcu.operators.geometry import Window

INT8 = st.sampled_from([-128, -127, -1, 0, 1, 126, 127]) | st.integers(-128, 127)
SCALING = Scaling("double", 0, -128, 127)


def wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def halves(word: int) -> tuple[int, int]:
    """A word as two signed lanes."""
    return tuple(int(each) for each in np.array([word], np.int32).view(np.int16))


def sxtb16(word: int) -> tuple[int, int]:
    """Bytes 0 and 2, as SXTB16 widens them."""
    found = np.array([word], np.int32).view(np.int8)
    return int(found[0]), int(found[2])


def order(pixel: np.ndarray) -> np.ndarray:
    """Lanes as `vmcu.widen` stores them: of each four in the order 0, 2, 1, 3."""
    return pixel.reshape(-1, 4)[:, [0, 2, 1, 3]].ravel()


def multiply(record: list[int], pixel: np.ndarray, channels: int) -> tuple[list[int], list[tuple[int, int]]]:
    """The accumulators of a group and its scales: what an inner loop does, word for word. Takes its words off `record`."""
    pairs = -(-channels // 2)
    starts = [(record.pop(0), record.pop(0)) for _ in range(pairs)]
    sums, firsts = ([each[half] for each in starts] for half in (0, 1))
    lanes = order(pixel.astype(np.int64))
    for at in range(0, len(lanes), 2):
        for pair in range(pairs):
            word = record.pop(0)
            for total, weights in ((sums, halves(word)), (firsts, sxtb16(word))):
                total[pair] = wrap(total[pair] + int(lanes[at]) * weights[0] + int(lanes[at + 1]) * weights[1])
    results = [each for s, a in zip(sums, firsts) for each in (a, wrap(s - a) >> 8)]
    return results[:channels], [(record.pop(0), record.pop(0)) for _ in range(2 * pairs)][:channels]


@st.composite
def products(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, bias and a pixel; extremes more often than not."""
    channels, depth = draw(st.integers(1, 11)), 4 * draw(st.integers(1, 6))
    weights = draw(arrays.arrays(np.int8, (channels, depth), elements=INT8))
    limit = 2**23 - 1 - 128 * int(np.abs(weights.astype(int)).sum(1).max())
    bias = st.sampled_from([-limit, limit]) | st.integers(-limit, limit)
    return (
        weights,
        draw(arrays.arrays(np.int32, channels, elements=bias)),
        draw(arrays.arrays(np.int8, depth, elements=INT8)),
    )


@settings(deadline=None)
@given(products(), st.sampled_from([packing.GROUP, packing.WIDE_GROUP]), st.booleans())
@example((np.full((2, 8), 127, np.int8), np.array([2**23 - 1 - 8 * 127 * 128] * 2), np.full(8, -128, np.int8)), 4, True)
@example((np.full((2, 4), -127, np.int8), np.array([65025 - 2**23, 0]), np.full(4, 127, np.int8)), 4, True)
def test_packed_product_equals_the_direct_one(
    case: tuple[np.ndarray, np.ndarray, np.ndarray], group: int, per_channel: bool
) -> None:
    weights, bias, pixel = case
    channels, depth = weights.shape
    if not packing.is_exact(weights, bias):
        # Only a lane may be at fault: 256 * B + A leaves 16 bits where B is -128 and A below zero.
        assert (weights[1::2] == -128).any()
        weights = np.maximum(weights, -127)
        assert packing.is_exact(weights, bias)
    scales = np.arange(2 * channels).reshape(2, -1) + 7 if per_channel else np.array([[7], [8]])
    record = packing.pack_matmul(weights, bias, *scales, group).tolist()
    groups = [min(group, channels - start) for start in range(0, channels, group)]
    assert len(record) == sum(packing.matmul_words(depth, each) for each in groups)
    results, found = [], []
    for each in groups:
        accs, constants = multiply(record, pixel, each)
        results, found = results + accs, found + constants
    assert not record
    exact = weights.astype(np.int64) @ pixel.astype(np.int64) + bias
    assert results == exact.tolist()
    assert found == [tuple(pair) for pair in np.broadcast_to(scales, (2, channels)).T.tolist()]


@pytest.mark.parametrize(
    ("weights", "bias", "exact"),
    [
        ([[127], [127]], [0, 0], True),
        ([[-128], [127]], [0, 0], True),
        ([[0], [-128]], [0, 0], True),
        ([[-1], [-128]], [0, 0], False),  # 256 * -128 - 1 is no int16
        ([[-128], [-1]], [0, 0], True),
        ([[-128]], [0], True),  # alone in its lane
        ([[0], [0]], [0, 2**23 - 1], True),
        ([[0], [0]], [0, 2**23], False),
        ([[0], [0]], [0, -(2**23)], False),
        ([[0], [1]], [0, 2**23 - 129], True),
        ([[0], [1]], [0, 2**23 - 128], False),
        ([[0], [1]], [0, 128 - 2**23], False),
        ([[0], [0]], [0, -(2**31)], False),
    ],
)
def test_packing_is_exact_up_to_its_borders(weights: list, bias: list[int], exact: bool) -> None:
    assert packing.is_exact(np.array(weights, np.int8), np.array(bias, np.int64)) == exact


def test_nothing_is_exact() -> None:
    assert packing.is_exact(np.zeros((3, 0), np.int8), np.zeros(3, np.int32))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("taps", range(1, packing.MAX_TAPS + 1))
def test_each_tap_meets_its_column_once(taps: int, stride: int) -> None:
    shape = Depthwise((1, taps), stride, 0, (99, 30), 1, 0, SCALING)
    words = packing.weight_pairs(taps, stride)
    for pixel in range(8):
        met = []
        for low, high in words:
            for name, pair in _operations(shape, pixel, low, high):
                if name == "smlad":
                    met += [(low, 2 * pair), (high, 2 * pair + 1)]
                else:
                    data, weight = name.removeprefix("smla")
                    met.append(((low, high)["bt".index(weight)], 2 * pair + "bt".index(data)))
        # A tap behind the last one is a weight of zero, and meets anything.
        real = sorted((tap, column) for tap, column in met if tap < taps)
        assert real == [(tap, pixel * stride + tap) for tap in range(taps)]
        assert all(column < 7 * stride + 2 * taps + 2 for _, column in met)


@settings(deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, packing.MAX_TAPS), st.integers(1, 5), st.integers(1, 3))
def test_depthwise_record_has_each_channel_by_itself(
    data: st.DataObject, rows: int, taps: int, channels: int, stride: int
) -> None:
    weights = data.draw(arrays.arrays(np.int8, (rows, taps, channels), elements=INT8))
    bias = np.arange(channels) - 2**31
    multiplier, factor = np.array([2**31 - 1]), -np.arange(channels) - 5
    record = packing.pack_depthwise(weights, bias, multiplier, factor, stride).reshape(channels, -1)
    words = packing.weight_pairs(taps, stride)
    assert record.shape[1] == Depthwise((rows, taps), stride, 0, (99, 9), channels, 0, SCALING).words
    for channel, found in enumerate(record.tolist()):
        assert found[: packing.SCALE_WORDS] == [bias[channel], 2**31 - 1, factor[channel]]
        padded = np.append(weights[:, :, channel], np.zeros((rows, 1), int), 1)
        for row in range(rows):
            start = packing.SCALE_WORDS + row * len(words)
            pairs = [halves(each) for each in found[start : start + len(words)]]
            assert pairs == [(padded[row, low], padded[row, high]) for low, high in words]


@st.composite
def layouts(draw: st.DrawFn) -> Lanes:
    axes = [[draw(st.integers(1, most)) for most in (4, 3, 3)] for _ in range(2)]
    kernel, stride, dilation = zip(*axes)
    output = draw(st.integers(1, 2)), draw(st.integers(1, 5))
    image = tuple((o - 1) * s + (k - 1) * e + 1 for o, s, k, e in zip(output, stride, kernel, dilation))
    return Lanes(Window(image, output, kernel, stride, dilation), draw(st.integers(1, 9)))


@settings(deadline=None)
@given(layouts(), st.integers(1, 2))
def test_lanes_meet_the_weights_of_their_taps(layout: Lanes, pixels: int) -> None:
    """Every lane of a tile holds the byte whose tap has the weight at that place; lanes without one have no weight."""
    window, channels = layout.window, layout.channels
    rows, columns = window.kernel
    numbers = np.arange(1, rows * columns * channels + 1)
    weights = layout.order(numbers.reshape(1, rows, columns, channels))[0]
    assert len(weights) == layout.depth and sorted(weights[weights != 0]) == numbers.tolist()
    taps = {number: tap for number, tap in zip(numbers, np.ndindex(rows, columns, channels))}
    held: dict[int, tuple[int, int, int]] = {}  # lane: row of the window, column of the tile, channel
    for pixel in range(pixels):
        for lane, weight in enumerate(weights):
            if weight:
                ky, kx, channel = (int(each) for each in taps[weight])
                byte = ky, pixel * window.stride[1] + kx * window.dilation[1], channel
                assert held.setdefault(pixel * layout.pitch + lane, byte) == byte
    assert max(held, default=0) < layout.count(pixels)
    if layout.shares:
        assert all(lane % layout.step == byte[0] * channels + byte[2] for lane, byte in held.items())
        return
    size = layout.run_columns * channels
    for run in range(layout.runs):
        for begin, end, lane in layout.split(run, 0, size):
            ky, kx = divmod(run, layout.runs // rows)
            for byte in range(begin, end):
                column, channel = divmod(byte, channels)
                assert held[lane + byte - begin] == (ky, column + kx * window.dilation[1], channel)
