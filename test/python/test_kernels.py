"""What kernels say of themselves equals what their loops do: access order, bytes, frees.

What the loops touch is read by `vmcu.operators.accesses`; the bytes that a window needs are counted tap by tap.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlir import ir
from mlir.dialects import func

import tiny_tflite as tiny
from segment_interpreter import Event, record, replay
from vmcu import frontends, planner
from vmcu.dialects import vmcu as d
from vmcu.ir import bridge
from vmcu.isa import in_variant, offers
from vmcu.isa.arm_dsp.conv2d import as_pixel
from vmcu.isa.arm_dsp.tiles import Tiling
from vmcu.operators import PLAIN, Conv2D, Depthwise, Kernel, MaxPool, Operands, Operator, Table
from vmcu.operators.geometry import Window
from vmcu.operators.requant import Requant
from vmcu.passes._registry import set_options
from vmcu.passes.pipelines import KERNELS, to_linalg
from vmcu.planner.distance import find_forbidden

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
REQUANT = Requant(np.array([2**30]), np.array([40]), "single", 0)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window that a convolution with halo, cropping and dilation may have."""
    axes = []
    for _ in range(2):
        image, kernel, stride, dilation = (draw(st.integers(1, most)) for most in (7, 4, 3, 3))
        pad = draw(st.integers(-(image - 1), 3))
        reach = (kernel - 1) * dilation
        # The window may run past the image's end as far as a halo of the same size goes.
        most = max(1, (image + pad + draw(st.integers(-2, 3)) - 1 - reach) // stride + 1)
        axes.append((image, draw(st.integers(1, most)), kernel, stride, dilation, pad))
    return Window(*zip(*axes))


@st.composite
def kernels(draw: st.DrawFn) -> Kernel:
    window, kind = draw(windows()), draw(st.sampled_from(["conv", "depthwise", "max", "table"]))
    channels = draw(st.integers(1, 9))
    if kind == "table":
        table = draw(st.sampled_from([np.arange(256), np.ones((256, channels))]))
        return in_variant(Table(channels * int(np.prod(window.image)), table), PLAIN)
    if kind == "depthwise":
        weights = np.ones((*window.kernel, channels), np.int8)
        return choose_variant(draw, Depthwise(window, channels, 0, weights, np.zeros(channels), REQUANT))
    if kind == "max":
        return choose_variant(draw, MaxPool(window, channels, 0))
    outputs = draw(st.integers(1, 5))
    weights = np.ones((outputs, *window.kernel, channels), np.int8)
    return choose_variant(draw, Conv2D(window, weights, np.zeros(outputs), REQUANT))


def choose_variant(draw: st.DrawFn, operator: Operator) -> Kernel:
    return draw(st.sampled_from([in_variant(operator, PLAIN), *offers(operator)]))


def holds_input(kernel: Kernel) -> bool:
    """Whether a step reads its input between stores, and frees after them."""
    if kernel.variant.name == "matmul":
        return Tiling(as_pixel(kernel.operator)).takes_bytes
    return kernel.variant.name == "row"


def taps(window: Window, row: int, column: int) -> Iterator[int]:
    """The raster indices of the input pixels that an output pixel needs."""
    for tap in product(*map(range, window.kernel)):
        at = [
            o * s - p + k * e for o, s, p, k, e in zip((row, column), window.stride, window.pad, tap, window.dilation)
        ]
        if all(0 <= a < size for a, size in zip(at, window.image)):
            yield at[0] * window.image[1] + at[1]


def emit(kernel: Kernel, *, backward: bool) -> list[Event]:
    """The events of a kernel that has a pool to itself."""
    with tiled_kernel(kernel, backward=backward) as op:
        return record(op)


@contextmanager
def tiled_kernel(kernel: Kernel, *, backward: bool) -> Iterator[d.TiledKernelOp]:
    """A kernel that has a pool to itself, as loops of segment ops."""
    inputs, outputs = kernel.operator.sequences()
    with bridge.context(), ir.Location.unknown():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            function = func.FuncOp("f", ((), ()))
        with ir.InsertionPoint(function.add_entry_block()):
            pool = d.pool(d.PoolType.get(1_000_000))
            places = [d.place(d.SequenceType.get(*each), pool, 0) for each in (*inputs, *outputs)]
            traversal = d.Traversal.backward if backward else None
            op = d.TiledKernelOp("k", kernel.operator.kind, places[:-1], places[-1:], [], traversal=traversal)
            block = op.body.blocks.append(*[each.type for each in places])
            func.ReturnOp([])
        with ir.InsertionPoint(block):
            *read, stored = block.arguments
            kernel.emit(Operands(tuple(read), (stored,)), backward=backward)
        module.operation.verify()
        yield op


def split_steps(kernel: Kernel, events: list[Event]) -> tuple[list[Event], list[list[Event]]]:
    """The frees before the first load, then the events of each step, which ends with its store, or with a free after it."""
    last = "free" if holds_input(kernel) else "store"
    start = next(number for number, event in enumerate(events) if event.kind != "free")
    steps: list[list[Event]] = [[]]
    for event, following in zip(events[start:], [*events[start + 1 :], None]):
        steps[-1].append(event)
        if event.kind == last and following is not None and following.op != event.op:
            steps.append([])
    return events[:start], steps


def bytes_of(events: list[Event], kind: str) -> set[int]:
    return {byte for event in events if event.kind == kind for byte in range(event.lo, event.hi)}


@given(windows())
def test_windows_lie_inside_where_it_says_so(window: Window) -> None:
    everywhere = window.kernel[0] * window.kernel[1]
    (top, bottom), (left, right) = window.inside(0), window.inside(1)
    for row, column in product(*map(range, window.output)):
        whole = top <= row < bottom and left <= column < right
        assert (len(list(taps(window, row, column))) == everywhere) == whole


@given(windows(), st.integers(1, 3))
def test_regions_cover_a_row_once_and_guard_its_borders(window: Window, tile: int) -> None:
    regions = window.regions(tile)
    assert [c for each in regions for c in range(each.start, each.stop)] == list(range(window.output[1]))
    for region in regions:
        assert (region.stop - region.start) % region.step == 0 and region.step <= tile
        inside = range(*window.inside(1))
        assert all((column in inside) != region.guarded for column in range(region.start, region.stop))


@settings(deadline=None)
@given(kernels(), st.booleans())
def test_loops_do_the_planned_steps(kernel: Kernel, backward: bool) -> None:
    _, found = split_steps(kernel, emit(kernel, backward=backward))
    steps = kernel.steps()
    order = np.flatnonzero(steps.write_hi > steps.write_lo)  # others only keep the input
    assert len(found) == len(order)
    for step, events in zip(reversed(order) if backward else order, found):
        stored = bytes_of(events, "store")
        assert (min(stored), max(stored) + 1) == (steps.write_lo[step], steps.write_hi[step])
        assert bytes_of(events, "load") <= set(range(steps.lo[step], steps.hi[step]))


@settings(deadline=None)
@given(kernels(), st.booleans())
def test_loads_are_the_bytes_that_the_window_needs(kernel: Kernel, backward: bool) -> None:
    ((_, in_size),), ((_, out_size),) = kernel.operator.sequences()
    _, found = split_steps(kernel, emit(kernel, backward=backward))
    for events in found:
        stored = sorted(bytes_of(events, "store"))
        pixels = {taps for byte in stored for taps in pixel_taps(kernel.operator.window, byte // out_size)}
        if kernel.variant.name == "row":
            # Whole rows: no tile knows of columns between windows.
            window = kernel.operator.window
            row = stored[0] // out_size // window.output[1]
            rows = [row * window.stride[0] + k * window.dilation[0] - window.pad[0] for k in range(window.kernel[0])]
            end = (window.output[1] - 1) * window.stride[1] - window.pad[1] + window.kernel[1]
            columns = range(max(0, -window.pad[1]), min(window.image[1], end))
            inside = [each for each in rows if 0 <= each < window.image[0]]
            pixels = {each * window.image[1] + column for each in inside for column in columns}
        channels = range(in_size) if isinstance(kernel.operator, Conv2D) else {byte % out_size for byte in stored}
        assert bytes_of(events, "load") == {pixel * in_size + channel for pixel in pixels for channel in channels}


def pixel_taps(window: Window, pixel: int) -> list[int]:
    return list(taps(window, *divmod(pixel, window.output[1])))


@settings(deadline=None)
@given(kernels(), st.booleans())
def test_frees_are_what_no_later_step_reads(kernel: Kernel, backward: bool) -> None:
    """The planner counts on the hull of all later reads, byte for byte: so must the frees."""
    before, found = split_steps(kernel, emit(kernel, backward=backward))
    steps = kernel.steps()
    order = np.flatnonzero(steps.write_hi > steps.write_lo)
    freed, size = bytes_of(before, "free"), int(np.prod(kernel.operator.sequences()[0][0]))
    pending = list(reversed(order) if backward else order)
    for events in found:
        pending.pop(0)
        kinds = [event.kind for event in events]
        if "free" in kinds:
            frees_late = kinds.index("free") > kinds.index("store")
            assert frees_late == holds_input(kernel), "a free is on the wrong side of the store"
        freed |= bytes_of(events, "free")
        live = range(min(steps.lo[pending]), max(steps.hi[pending])) if pending else range(0)
        assert set(range(size)) - freed == set(live)


@settings(deadline=None)
@given(kernels(), st.booleans())
def test_tightest_overlap_loses_no_byte(kernel: Kernel, backward: bool) -> None:
    """At the edges of the forbidden distances every store still lands on freed bytes; one byte further one does not."""
    ((length, size),), ((out_length, out_size),) = kernel.operator.sequences()
    steps = kernel.steps()
    source, target = planner.Tensor("x", length * size), planner.Tensor("y", out_length * out_size)
    asked = planner.Kernel(
        "k", (planner.Access("x", steps.lo, steps.hi),), (planner.Access("y", steps.write_lo, steps.write_hi),)
    )
    events = emit(kernel, backward=backward)
    for lo, hi in find_forbidden(asked, source, target, backward=backward):
        assert survives(events, source.bytes, lo - 1) and survives(events, source.bytes, hi)


def survives(events: list[Event], source_bytes: int, difference: int) -> bool:
    """Whether the output, `difference` bytes after the input, is stored over freed bytes only."""
    live = set(range(source_bytes))
    for event in events:
        if event.kind == "free":
            live -= set(range(event.lo, event.hi))
        elif event.kind == "store" and not live.isdisjoint(range(event.lo + difference, event.hi + difference)):
            return False
        elif event.kind == "load":
            assert live >= set(range(event.lo, event.hi)), f"loads what is freed: {event}"
    return True


def small_network(path: Path) -> Path:
    """A residual block whose input three layers read, a layer without segment kernel, and two outputs."""
    graph, draw = tiny.Graph(), np.random.default_rng(0)
    image = (1, 7, 6, 4)
    x, a, b, c, y, p = (graph.tensor(name, image, scale=0.05, zero_point=-3) for name in "xabcyp")
    z = graph.tensor("z", (1, 4, 3, 4), scale=0.05, zero_point=-3)
    window = dict(padding=0, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)

    def constants(shape: tuple[int, ...]) -> list[int]:
        weights = graph.const(f"w{len(graph.tensors)}", draw.integers(-90, 90, shape).astype(np.int8), scale=0.003)
        return [weights, graph.const(f"b{weights}", np.arange(4, dtype=np.int32) * 40, scale=0.00015)]

    graph.op("CONV_2D", [x, *constants((4, 3, 3, 4))], [a], "Conv2DOptions", **window)
    graph.op(
        "DEPTHWISE_CONV_2D", [a, *constants((1, 3, 3, 4))], [b], "DepthwiseConv2DOptions", depthMultiplier=1, **window
    )
    graph.op("CONV_2D", [b, *constants((4, 1, 1, 4))], [c], "Conv2DOptions", **window)
    graph.op("ADD", [x, c], [y], "AddOptions")
    graph.op("LOGISTIC", [y], [p])
    graph.op("MAX_POOL_2D", [y], [z], "Pool2DOptions", padding=0, strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    graph.op("ADD", [p, x], [b2 := graph.tensor("out", image, scale=0.07)], "AddOptions")
    return graph.write(path, [x], [z, b2])


def tiled_function(path: Path, *, plan_options: dict) -> tuple[ir.Module, ir.OpView]:
    """A model down to segments, without clean-up, so that every free that was emitted is still there."""
    module = frontends.load(path)
    to_linalg(module)
    bridge.run(
        module, [*KERNELS, *set_options(["vmcu-plan"], {"streams": False, **plan_options}), "vmcu-tile-to-segments"]
    )
    return module, next(op for op in module.body.operations if "vmcu.inputs" in op.attributes)


@pytest.mark.parametrize("align", [1, 4, 16])
def test_network_loses_no_byte(align: int, tmp_path: Path) -> None:
    with bridge.context():
        module, function = tiled_function(small_network(tmp_path / "m.tflite"), plan_options=dict(align=align))
        replay(function)


@pytest.mark.parametrize("passes", [0, 2])
def test_example_loses_no_byte(passes: int) -> None:
    with bridge.context():
        module, function = tiled_function(EXAMPLE, plan_options={})
        bridge.run(module, ["canonicalize", "cse"][:passes])
        replay(function)
