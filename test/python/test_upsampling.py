"""Networks with layers that make more rows than they read: in streams, fed, backward, on all cores, exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny_tflite as tiny
from emulated import check_model
from test_kernels import choose_variant, emit, survives
from vmcu import planner
from vmcu.operators import Kernel, TransposeConv
from vmcu.operators.requant import Requant
from vmcu.planner.distance import find_forbidden

Pair = tuple[int, int]


class Net:
    """A chain of layers on an image; `skip` adds two tensors of one shape."""

    def __init__(self, image: Pair, channels: int):
        self.graph, self.draw, self.count = tiny.Graph(), np.random.default_rng([*image, channels]), 0
        self.shape: tuple[int, int, int] = (*image, channels)
        self.input = self.last = self.graph.tensor("x", (1, *self.shape), scale=0.05, zero_point=-3)

    def _tensor(self, shape: tuple[int, int, int], scale: float, zero_point: int = 4) -> int:
        self.shape, self.count = shape, self.count + 1
        self.last = self.graph.tensor(f"t{self.count}", (1, *shape), scale=scale, zero_point=zero_point)
        return self.last

    def _weights(self, *shape: int) -> int:
        scales = self.draw.uniform(0.006, 0.01, shape[0])
        return self.graph.const(f"w{self.count}", self.draw.integers(-127, 128, shape).astype(np.int8), scale=scales)

    def conv(self, filters: int, kernel: int = 3, stride: int = 1) -> Net:
        (*image, channels), source = self.shape, self.last
        weights = self._weights(filters, kernel, kernel, channels)
        bias = self.graph.const(
            f"b{self.count}", self.draw.integers(-900, 900, filters).astype(np.int32), scale=np.full(filters, 0.0004)
        )
        rows, columns = (-(-size // stride) for size in image)
        result = self._tensor((rows, columns, filters), 0.05)
        fields = dict(padding=0, strideH=stride, strideW=stride, dilationHFactor=1, dilationWFactor=1)
        self.graph.op("CONV_2D", [source, weights, bias], [result], "Conv2DOptions", **fields)
        return self

    def raise_(self, filters: int, kernel: Pair, up: Pair, *, valid: bool = False, size: Pair | None = None) -> Net:
        """A transposed convolution, without a bias; `size` of its result if it is not the usual one."""
        (*image, channels), source = self.shape, self.last
        usual = [(n - 1) * u + k if valid else n * u for n, u, k in zip(image, up, kernel)]
        rows, columns = size or usual
        weights = self._weights(filters, *kernel, channels)
        to = self.graph.const(f"to{self.count}", np.array([1, rows, columns, filters], np.int32))
        result = self._tensor((rows, columns, filters), 0.06)
        fields = dict(padding=int(valid), strideH=up[0], strideW=up[1])
        self.graph.op("TRANSPOSE_CONV", [to, weights, source], [result], "TransposeConvOptions", **fields)
        return self

    def add(self, other: int) -> Net:
        source = self.last
        result = self._tensor(self.shape, 0.08)
        self.graph.op("ADD", [source, other], [result], "AddOptions")
        return self

    def write(self, path: Path) -> Path:
        return self.graph.write(path, [self.input], [self.last])


def unet() -> Net:
    net = Net((12, 10), 2).conv(6)
    high = net.last
    net.conv(8, stride=2).conv(8)
    middle = net.last
    net.conv(10, stride=2).raise_(8, (2, 2), (2, 2), size=(6, 5)).add(middle)
    return net.raise_(6, (3, 3), (2, 2)).add(high).conv(3)


@st.composite
def kernels(draw: st.DrawFn) -> Kernel:
    pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
    image, up, taps = draw(pairs), draw(pairs), draw(pairs)
    pad = tuple(draw(st.integers(0, size - 1)) for size in taps)
    # The image ends where the last window begins, or before.
    output = tuple((n - 1) * u + p + 1 - draw(st.integers(0, p)) for n, u, p in zip(image, up, pad))
    channels = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    weights = np.ones((channels[1], *taps, channels[0]), np.int8)
    requant = Requant(np.array([2**30]), np.array([40]), "single", 0)
    operator = TransposeConv(image, output, up, pad, weights, np.zeros(channels[1], np.int64), requant)
    return choose_variant(draw, operator)


@settings(deadline=None)
@given(kernels(), st.booleans())
def test_loops_make_one_row_after_the_other(kernel: Kernel, backward: bool) -> None:
    """What is loaded for a row lies in the rows that it says it reads, and what the planner may overwrite is freed."""
    ((length, size),), ((out_length, out_size),) = kernel.operator.sequences()
    rows, steps = kernel.operator.rows(), kernel.steps()
    row_bytes, out_bytes = length * size // rows.in_rows, out_length * out_size // rows.out_rows
    events = emit(kernel, backward=backward)
    stored = [(event.lo // out_bytes, (event.hi - 1) // out_bytes) for event in events if event.kind == "store"]
    order = range(rows.out_rows)[:: -1 if backward else 1]
    assert list(dict.fromkeys(stored)) == [(row, row) for row in order]
    written = sorted(byte for event in events if event.kind == "store" for byte in range(event.lo, event.hi))
    assert written == list(range(out_length * out_size))
    loaded: list[set[int]] = [set() for _ in order]
    turn = 0
    for event in reversed(events):
        turn = event.lo // out_bytes if event.kind == "store" else turn
        if event.kind == "load":
            loaded[turn] |= set(range(event.lo // row_bytes, (event.hi - 1) // row_bytes + 1))
    assert all(loaded[row] <= set(rows.read_rows(row)) for row in order)
    asked = planner.Kernel(
        "k", (planner.Access("x", steps.lo, steps.hi),), (planner.Access("y", steps.write_lo, steps.write_hi),)
    )
    source, target = planner.Tensor("x", length * size), planner.Tensor("y", out_length * out_size)
    for lo, hi in find_forbidden(asked, source, target, backward=backward):
        assert survives(events, source.bytes, lo - 1) and survives(events, source.bytes, hi)


NETWORKS: dict[str, Callable[[], Net]] = {
    "unet": unet,
    "first": lambda: Net((5, 4), 3).raise_(5, (3, 3), (3, 3), valid=True).conv(4),
    "two_in_a_row": lambda: Net((5, 3), 4).conv(4).raise_(6, (2, 2), (2, 2)).raise_(4, (4, 4), (2, 2)).conv(3, stride=2),
    "odd": lambda: Net((4, 5), 3).conv(4, stride=2).raise_(5, (3, 3), (2, 2), valid=True).conv(2).conv(3),
    "by_four": lambda: Net((3, 4), 2).raise_(4, (4, 3), (4, 2)).conv(4, stride=2).raise_(3, (2, 5), (3, 4)).conv(2, 1),
    "gaps": lambda: Net((4, 3), 3).conv(3).raise_(4, (1, 2), (3, 3)).conv(2),
}  # fmt: skip


@pytest.mark.parametrize("input", ["resident", "fed"])
@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, input: str, tmp_path: Path) -> None:
    compiled = check_model(NETWORKS[name]().write(tmp_path / "model.tflite"), sanitize=True, input=input)
    assert "buffer" not in {each.kind for each in compiled.layers}
    # Rows that come one by one are of use to a network of any shape.
    assert input == "resident" or any("transpose_conv_0" in stream for stream in compiled.streams)


def test_network_on_a_small_core(tmp_path: Path) -> None:
    check_model(unet().write(tmp_path / "model.tflite"), "cortex-m0plus", sanitize=True, input="fed")
