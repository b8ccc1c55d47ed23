"""Networks with layers that make more rows than they read: in streams, fed, backward, on all cores, exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlir import ir

import tiny_tflite as tiny
from emulated import check_model
from test_kernels import choose_variant, emit, survives
from test_reference import int8_inputs, litert
from vmcu import planner
from vmcu.driver.compilation import Compilation
from vmcu.errors import Unsupported
from vmcu.ir import bridge
from vmcu.operators import Kernel, Resize, TransposeConv
from vmcu.operators.requant import Requant
from vmcu.operators.resize import Taps
from vmcu.passes.interpolate_by_matrices import weigh
from vmcu.planner.distance import find_forbidden

Pair = tuple[int, int]
AVERAGE = Requant(np.array([2**30 + 1]), np.array([50]), "single", 0)


class Net:
    """A chain of layers on an image; `skip` adds two tensors of one shape."""

    def __init__(self, image: Pair, channels: int):
        self.graph, self.draw, self.count = tiny.Graph(), np.random.default_rng([*image, channels]), 0
        self.shape: tuple[int, int, int] = (*image, channels)
        self.scale = 0.05
        self.input = self.last = self.graph.tensor("x", (1, *self.shape), scale=0.05, zero_point=4)

    def _tensor(self, shape: tuple[int, int, int], scale: float, zero_point: int = 4) -> int:
        self.shape, self.count = shape, self.count + 1
        self.last = self.graph.tensor(f"t{self.count}", (1, *shape), scale=scale, zero_point=zero_point)
        self.scale = scale
        return self.last

    def weights(self, *shape: int) -> int:
        scales = self.draw.uniform(0.006, 0.01, shape[0])
        return self.graph.const(f"w{self.count}", self.draw.integers(-127, 128, shape).astype(np.int8), scale=scales)

    def conv(self, filters: int, kernel: int = 3, stride: int = 1) -> Net:
        (*image, channels), source = self.shape, self.last
        weights = self.weights(filters, kernel, kernel, channels)
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
        weights = self.weights(filters, *kernel, channels)
        to = self.graph.const(f"to{self.count}", np.array([1, rows, columns, filters], np.int32))
        result = self._tensor((rows, columns, filters), 0.06)
        fields = dict(padding=int(valid), strideH=up[0], strideW=up[1])
        self.graph.op("TRANSPOSE_CONV", [to, weights, source], [result], "TransposeConvOptions", **fields)
        return self

    def resize(self, rows: int, columns: int, **flags: bool) -> Net:
        """Bilinear, with half-pixel centres unless there are flags."""
        source, (_, _, channels), scale = self.last, self.shape, self.scale
        to = self.graph.const(f"to{self.count}", np.array([rows, columns], np.int32))
        result = self._tensor((rows, columns, channels), scale)
        self.graph.op("RESIZE_BILINEAR", [source, to], [result], "ResizeBilinearOptions",
                      **(flags or {"halfPixelCenters": True}))  # fmt: skip
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
    if draw(st.booleans()):
        rows, columns = (draw(taps()) for _ in range(2))
        return choose_variant(draw, Resize(rows, columns, draw(st.integers(1, 6)), AVERAGE))
    pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
    image, up, window = draw(pairs), draw(pairs), draw(pairs)
    pad = tuple(draw(st.integers(0, size - 1)) for size in window)
    # The image ends where the last window begins, or before.
    output = tuple((n - 1) * u + p + 1 - draw(st.integers(0, p)) for n, u, p in zip(image, up, pad))
    channels = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    weights = np.ones((channels[1], *window, channels[0]), np.int8)
    operator = TransposeConv(image, output, up, pad, weights, np.zeros(channels[1], np.int64), AVERAGE)
    return choose_variant(draw, operator)


@st.composite
def taps(draw: st.DrawFn) -> Taps:
    """Weights as LiteRT has them, with half-pixel centres or without, for a larger or a smaller image."""
    size, count = draw(st.integers(1, 7)), draw(st.integers(1, 13))
    step = round(1024 * size / count)
    return Taps.of(weigh(size, count, 1024, step, draw(st.sampled_from([0, step // 2 - 512]))))


@given(taps())
def test_window_of_an_interpolation_sees_all_that_has_aweight(taps: Taps) -> None:
    rows = taps.window()
    for row, (first, last) in enumerate(zip(taps.first, taps.last)):
        assert {first, last} <= set(rows.read_rows(row))
    # With a whole factor no row is kept longer than it takes, otherwise two at most.
    is_whole = len(taps.first) % taps.size == 0
    kept = (last - first for first, last in zip(taps.first, taps.last))
    assert (rows.kernel - 1) // rows.up <= max(kept, default=0) + (1 if is_whole else 2)


@given(taps())
def test_runs_are_the_columns_of_a_row(taps: Taps) -> None:
    firsts, weights, runs = taps.first.tolist(), [tuple(each) for each in taps.weights.tolist()], taps.runs()
    for run in runs:
        here = slice(run.start, run.start + run.columns)
        assert firsts[here] == [first + group * run.step for group in range(run.count) for first in run.first]
        if run.weights is not None:
            assert weights[here] == [*run.weights] * run.count
    assert [run.start for run in runs] == np.cumsum([0, *(run.columns for run in runs)])[:-1].tolist()
    assert sum(run.columns for run in runs) == len(firsts)


def test_an_average_is_a_shift_with_halves_away_from_zero() -> None:
    taps = Taps.of(weigh(4, 8, 1024, 512, -256))
    assert Resize(taps, taps, 1, AVERAGE).is_average
    values = np.array([sign * (whole * 2**20 + 2**19 + rest)
                       for whole in (0, 1, 5, 126) for rest in (-1, 0, 1) for sign in (-1, 1)])  # fmt: skip
    np.testing.assert_array_equal(AVERAGE.apply(values, 0), (values + (values >> 31) + 2**19) >> 20)
    for other in (replace(AVERAGE, multiplier=np.array([2**30])), replace(AVERAGE, zero_point=1)):
        assert not Resize(taps, taps, 1, other).is_average


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


def bilinear_unet() -> Net:
    net = Net((9, 11), 3).conv(5)
    high = net.last
    return net.conv(5, stride=2).resize(9, 11).add(high).conv(3)


NETWORKS: dict[str, Callable[[], Net]] = {
    "unet": unet,
    "first": lambda: Net((5, 4), 3).raise_(5, (3, 3), (3, 3), valid=True).conv(4),
    "two_in_a_row": lambda: Net((5, 3), 4).conv(4).raise_(6, (2, 2), (2, 2)).raise_(4, (4, 4), (2, 2)).conv(3, stride=2),
    "odd": lambda: Net((4, 5), 3).conv(4, stride=2).raise_(5, (3, 3), (2, 2), valid=True).conv(2).conv(3),
    "by_four": lambda: Net((3, 4), 2).raise_(4, (4, 3), (4, 2)).conv(4, stride=2).raise_(3, (2, 5), (3, 4)).conv(2, 1),
    "bilinear_first": lambda: Net((5, 4), 3).resize(10, 8).conv(4).resize(15, 12).conv(2),
    "bilinear_unet": bilinear_unet,
    "bilinear_corners": lambda: Net((4, 5), 4).conv(4, stride=2).resize(8, 9, alignCorners=True).conv(2).resize(5, 7),
    "gaps": lambda: Net((4, 3), 3).conv(3).raise_(4, (1, 2), (3, 3)).conv(2),
}  # fmt: skip


@pytest.mark.parametrize("input", ["resident", "fed"])
@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, input: str, tmp_path: Path) -> None:
    compiled = check_model(NETWORKS[name]().write(tmp_path / "model.tflite"), sanitize=True, input=input)
    assert "buffer" not in {each.kind for each in compiled.layers}
    assert compiled.pool_bytes < compiled.layerwise_bytes
    # Rows that come one by one are of use to a network of any shape.
    assert input == "resident" or any({"transpose_conv_0", "resize_0"} & {*stream} for stream in compiled.streams)


def test_network_on_a_small_core(tmp_path: Path) -> None:
    check_model(unet().write(tmp_path / "model.tflite"), "cortex-m0plus", sanitize=True, input="fed")


@pytest.mark.parametrize("name", ["first", "bilinear_first"])
def test_bytes_of_uint8_are_read_as_they_are(name: str, tmp_path: Path) -> None:
    path = NETWORKS[name]().write(tmp_path / "model.tflite")
    compiled = Compilation(path, io="uint8").finish()
    assert "elementwise" not in {each.kind for each in compiled.layers}
    with compiled.firmware() as firmware:
        for (x,) in int8_inputs([each.shape for each in compiled.inputs]):
            (found,) = firmware.run(x.view(np.uint8) ^ 128, count=False).outputs
            np.testing.assert_array_equal((found ^ 128).view(np.int8), litert(path, (x,)))


def test_a_plan_at_a_pace_passes_the_check_of_plans(tmp_path: Path) -> None:
    text = Compilation(NETWORKS["first"]().write(tmp_path / "model.tflite"), input="fed").emit("plan")
    assert " pace 3 {" in text
    with bridge.context(), ir.Location.unknown():
        bridge.run(ir.Module.parse(text), ["vmcu-verify-plan"])
        with pytest.raises(Unsupported, match="never written|overwritten"):
            bridge.run(ir.Module.parse(text.replace(" pace 3 {", " pace 4 {")), ["vmcu-verify-plan"])
