"""Layers that only move bytes: what they say of themselves is what their loops do, and what NumPy does.

A random chain of moves is built twice, as NumPy calls and as MLIR. `VMCU_FUZZ_EXAMPLES` sets how many run on the
emulated core (default 25).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import tiny_tflite as tiny
from emulated import check_model
from segment_interpreter import Event
from test_kernels import emit, survives
from vmcu import planner
from vmcu.driver.compilation import Compilation
from vmcu.operators import PLAIN_LOOPS, Kernel
from vmcu.operators.rearrange import Rearrange
from vmcu.operators.rearrange.evaluate import CONSTANT, Sources
from vmcu.operators.rearrange.factor import Copy, Item, Loop
from vmcu.operators.rearrange.read import make_rearrange
from vmcu.planner.distance import find_forbidden

FUZZ_EXAMPLES = int(os.environ.get("VMCU_FUZZ_EXAMPLES", "25"))
Shape = tuple[int, ...]


@dataclass
class Chain:
    """Moves one after the other: what they make of arrays, and their MLIR.

    The arrays hold numbers of bytes in place of bytes: of the inputs laid end to end, or negative ones of constants.
    """

    inputs: list[np.ndarray]
    lines: list[str] = field(default_factory=list)
    values: list[tuple[str, np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = [(f"%x{number}", each) for number, each in enumerate(self.inputs)]

    @property
    def last(self) -> tuple[str, np.ndarray]:
        return self.values[-1]

    def add(self, text: str, array: np.ndarray) -> None:
        """One more value; `text` is its op."""
        name = f"%v{len(self.values)}"
        self.lines.append(f"{name} = {text}")
        self.values.append((name, array))

    def pad(self, low: Shape, high: Shape, value: int) -> None:
        name, array = self.last
        padded = np.pad(array, list(zip(low, high)), constant_values=value - CONSTANT)
        indices = ", ".join(f"%i{axis}: index" for axis in range(array.ndim))
        body = f"{{ ^bb0({indices}): tensor.yield %fill{value % 256} : i8 }}"
        self.add(f"tensor.pad {name} low{list(low)} high{list(high)} {body} : {kind(array)} to {kind(padded)}", padded)

    def slice(self, slices: tuple[slice, ...]) -> None:
        name, array = self.last
        taken = array[slices]
        offsets, steps = [each.start for each in slices], [each.step for each in slices]
        self.add(
            f"tensor.extract_slice {name}{offsets} {list(taken.shape)} {steps} : {kind(array)} to {kind(taken)}", taken
        )

    def concat(self, other: int, axis: int) -> None:
        (first, a), (second, b) = self.last, self.values[other]
        joined = np.concatenate([a, b], axis)
        self.add(f"tensor.concat dim({axis}) {first}, {second} : ({kind(a)}, {kind(b)}) -> {kind(joined)}", joined)

    def fold(self, split: Shape, order: Shape, shape: Shape) -> None:
        """Divide dimensions, transpose, join dimensions again."""
        name, array = self.last
        apart = array.reshape(split)
        self.add(expand(name, array, apart), apart)
        turned = apart.transpose(order)
        empty = f"%e{len(self.values)}"
        self.lines.append(f"{empty} = tensor.empty() : {kind(turned)}")
        self.add(
            f"linalg.transpose ins(%v{len(self.values) - 1} : {kind(apart)}) outs({empty} : {kind(turned)}) "
            f"permutation = {list(order)}",
            turned,
        )
        joined = turned.reshape(shape)
        self.add(collapse(f"%v{len(self.values) - 1}", turned, joined), joined)

    def repeat(self, factor: int) -> None:
        """Make so many columns of each."""
        name, array = self.last
        _, h, w, c = array.shape
        wide = np.broadcast_to(array[:, :, :, None], (1, h, w, factor, c))
        empty = f"%e{len(self.values)}"
        self.lines.append(f"{empty} = tensor.empty() : {kind(wide)}")
        self.add(f"linalg.broadcast ins({name} : {kind(array)}) outs({empty} : {kind(wide)}) dimensions = [3]", wide)
        joined = wide.reshape(1, h, w * factor, c)
        self.add(collapse(f"%v{len(self.values) - 1}", wide, joined), joined)

    def text(self, *, between: bool) -> str:
        """The function; with layers that compute before and after the moves, or without."""
        arguments = ", ".join(f"%{'in' if between else 'x'}{n}: {kind(each)}" for n, each in enumerate(self.inputs))
        fills = "\n".join(f"%fill{value} = arith.constant {np.uint8(value).view(np.int8)} : i8" for value in (3, 135))
        name, array = self.last
        before = "\n".join(clamp(f"%x{n}", f"%in{n}", each) for n, each in enumerate(self.inputs)) if between else ""
        after, result = (clamp("%y", name, array), "%y") if between else ("", name)
        return f"""func.func @main({arguments}) -> {kind(array)} {{
          {fills}
          {before}
          {chr(10).join(self.lines)}
          {after}
          return {result} : {kind(array)}
        }}"""


def kind(array: np.ndarray) -> str:
    return f"tensor<{'x'.join(map(str, array.shape))}xi8>"


def groups(long: Shape, short: Shape) -> list[list[int]]:
    """Which dimensions of `long` make each one of `short`."""
    found: list[list[int]] = []
    for extent in short:
        found.append([])
        while sum(map(len, found)) < len(long) and (
            not found[-1] or np.prod([long[each] for each in found[-1]]) < extent
        ):
            found[-1].append(sum(map(len, found)))
    found[-1] += range(sum(map(len, found)), len(long))
    return found


def expand(name: str, array: np.ndarray, apart: np.ndarray) -> str:
    return (
        f"tensor.expand_shape {name} {groups(apart.shape, array.shape)} output_shape {list(apart.shape)} : "
        f"{kind(array)} into {kind(apart)}"
    )


def collapse(name: str, array: np.ndarray, joined: np.ndarray) -> str:
    return f"tensor.collapse_shape {name} {groups(array.shape, joined.shape)} : {kind(array)} into {kind(joined)}"


def clamp(result: str, name: str, array: np.ndarray) -> str:
    """A layer that leaves bytes as they are but the lowest ones, which do not occur."""
    axes = ", ".join(f"d{axis}" for axis in range(array.ndim))
    loops = ", ".join(['"parallel"'] * array.ndim)
    return f"""{result}e = tensor.empty() : {kind(array)}
    {result}l = arith.constant -127 : i8
    {result} = linalg.generic {{indexing_maps = [affine_map<({axes}) -> ({axes})>, affine_map<({axes}) -> ({axes})>],
        iterator_types = [{loops}]}} ins({name} : {kind(array)}) outs({result}e : {kind(array)}) {{
    ^bb0(%a: i8, %b: i8):
      %m = arith.maxsi %a, {result}l : i8
      linalg.yield %m : i8
    }} -> {kind(array)}"""


@st.composite
def chains(draw: st.DrawFn, most: int = 4) -> Chain:
    """Up to `most` moves of an image, the last one of two images if there are two."""
    shape = (1, draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 3, 4, 6, 8, 9])))
    count = draw(st.integers(1, 2))
    size = int(np.prod(shape))
    chain = Chain([np.arange(n * size, (n + 1) * size, dtype=np.int32).reshape(shape) for n in range(count)])
    chain.values = chain.values[::-1]
    for _ in range(draw(st.integers(1, most))):
        add_move(draw, chain)
    if count == 2:
        (_, array), other = chain.last, chain.inputs[1]
        axis = next((axis for axis in (3, 2, 1) if fits(array, other, axis)), None)
        if axis is None:
            chain.inputs.pop()
        else:
            chain.concat(0, axis)
    return chain


def fits(a: np.ndarray, b: np.ndarray, axis: int) -> bool:
    return all(m == n for other, (m, n) in enumerate(zip(a.shape, b.shape)) if other != axis)


def add_move(draw: st.DrawFn, chain: Chain) -> None:
    _, array = chain.last
    _, h, w, c = array.shape
    move = draw(st.sampled_from(["pad", "slice", "concat", "shuffle", "to_space", "to_depth", "repeat", "turn"]))
    if move == "pad":
        low, high = (draw(st.tuples(st.just(0), *[st.integers(0, 2)] * 3)) for _ in range(2))
        chain.pad(low, high, draw(st.sampled_from([3, -121])))
    elif move == "slice":
        steps = draw(st.tuples(*[st.integers(1, 2)] * 3))
        starts = [draw(st.integers(0, extent - 1)) for extent in array.shape[1:]]
        parts = (slice(at, extent, step) for at, extent, step in zip(starts, array.shape[1:], steps))
        chain.slice((slice(0, 1, 1), *parts))
    elif move == "concat":
        chain.concat(-1, draw(st.integers(1, 3)))
    elif move == "repeat":
        chain.repeat(draw(st.integers(2, 3)))
    elif move == "turn":
        chain.fold((1, h, w, c), (0, 2, 1, 3), (1, w, h, c))
    elif move == "shuffle" and c % 2 == 0:
        chain.fold((1, h, w, 2, c // 2), (0, 1, 2, 4, 3), array.shape)
    elif move == "to_space" and c % 4 == 0:
        chain.fold((1, h, w, 2, 2, c // 4), (0, 1, 3, 2, 4, 5), (1, 2 * h, 2 * w, c // 4))
    elif move == "to_depth" and h % 2 == w % 2 == 0:
        chain.fold((1, h // 2, 2, w // 2, 2, c), (0, 1, 3, 2, 4, 5), (1, h // 2, w // 2, 4 * c))
    else:
        chain.concat(-1, 3)


@st.composite
def rearrangements(draw: st.DrawFn) -> tuple[Rearrange, np.ndarray]:
    """An operator, and the numbers of the bytes that it moves."""
    chain = draw(chains())
    _, numbers = chain.last
    operator = make_rearrange(Sources(numbers, ()), [each.shape for each in chain.inputs])
    assume(operator is not None)
    return operator, numbers


def kernel_of(operator: Rearrange) -> Kernel:
    return Kernel(operator, next(each for each in PLAIN_LOOPS if each.computes is Rearrange))


def unroll(items: tuple[Item, ...], trips: tuple[int, ...]) -> Iterator[tuple[Copy, list[int]]]:
    """Each copy in each trip, with its position."""
    for item in items:
        if isinstance(item, Loop):
            for trip in range(item.count):
                yield from unroll(item.body, (*trips, trip))
        else:
            moves = [sum(trip * stride[axis] for trip, stride in zip(trips, item.strides)) for axis in range(5)]
            yield item, [int(at) + move for at, move in zip(item.at, moves)]


@settings(deadline=None)
@given(rearrangements())
def test_loops_copy_each_byte_from_where_it_comes(found: tuple[Rearrange, np.ndarray]) -> None:
    operator, numbers = found
    begins = np.cumsum([0, *(each.bytes for each in operator.inputs)])
    made = np.full(operator.output.bytes, 1 << 30)
    for group in operator.groups:
        for trip, (number, body) in product(range(group.count), enumerate(group.bodies)):
            row = group.start + trip * len(group.bodies) + number
            for copy, (segment, byte, *where) in unroll(body, (trip,)):
                first = (row * operator.output.segments + segment) * operator.output.size + byte
                if copy.source < 0:
                    made[first : first + copy.length] = copy.value - CONSTANT
                    continue
                part = operator.inputs[copy.source]
                at = begins[copy.source] + (where[0] * part.segments + where[1]) * part.size + where[2]
                made[first : first + copy.length] = np.arange(at, at + copy.length)
    np.testing.assert_array_equal(made, numbers.ravel())


def bytes_of(events: list[Event], what: str) -> set[tuple[int, int]]:
    return {(each.argument, byte) for each in events if each.kind == what for byte in range(each.lo, each.hi)}


@settings(deadline=None)
@given(rearrangements(), st.booleans())
def test_loops_do_the_planned_steps(found: tuple[Rearrange, np.ndarray], backward: bool) -> None:
    operator, _ = found
    steps, inputs = kernel_of(operator).steps(), len(operator.inputs)
    events = [each for each in emit(kernel_of(operator), backward=backward) if each.kind != "free"]
    stores = [at for at, each in enumerate(events) if each.kind == "store"]
    order = range(len(steps.write_lo))
    assert len(stores) == len(order)
    for step, begin, end in zip(reversed(order) if backward else order, [0, *(at + 1 for at in stores)], stores):
        assert (events[end].lo, events[end].hi) == (steps.write_lo[step], steps.write_hi[step])
        read = {(n, byte) for n in range(inputs) for byte in range(*(each[step] for each in steps.of(n)))}
        assert bytes_of(events[begin:end], "load") <= read


@settings(deadline=None)
@given(rearrangements(), st.booleans())
def test_tightest_overlap_loses_no_byte(found: tuple[Rearrange, np.ndarray], backward: bool) -> None:
    operator, _ = found
    steps = kernel_of(operator).steps()
    reads = tuple(planner.Access(f"x{n}", *steps.of(n)) for n in range(len(operator.inputs)))
    asked = planner.Kernel("k", reads, (planner.Access("y", steps.write_lo, steps.write_hi),))
    events = emit(kernel_of(operator), backward=backward)
    target = planner.Tensor("y", operator.output.bytes)
    for number, part in enumerate(operator.inputs):
        source = planner.Tensor(f"x{number}", part.bytes)
        own = [each for each in events if each.argument in (number, len(operator.inputs))]
        for lo, hi in find_forbidden(asked, source, target, backward=backward):
            assert survives(own, source.bytes, lo - 1) and survives(own, source.bytes, hi)


@settings(deadline=None)
@given(rearrangements())
def test_rows_are_the_window_that_is_read(found: tuple[Rearrange, np.ndarray]) -> None:
    operator, numbers = found
    rows = operator.rows()
    if rows is None:
        return
    begins = np.cumsum([0, *(each.bytes for each in operator.inputs)])
    for row, line in enumerate(numbers.reshape(operator.output.rows, -1)):
        for begin, part in zip(begins, operator.inputs):
            own = line[(line >= begin) & (line < begin + part.bytes)] - begin
            assert set(own // (part.bytes // part.rows)) <= set(rows.read_rows(row))


MODES: dict[str, dict] = {"layers": {"streams": False}, "streams": {}, "alone": {}}


@settings(
    max_examples=FUZZ_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=FUZZ_EXAMPLES == 25,
)
@given(
    chains(),
    st.sampled_from(["cortex-m4", "cortex-m4", "cortex-m0plus"]),
    st.sampled_from(sorted(MODES)),
    st.booleans(),
)
def test_random_chain(tmp_path: Path, chain: Chain, target: str, mode: str, sanitize: bool) -> None:
    """A chain equals NumPy on the emulated core: alone, or between layers, in a stream or not; no load finds a lost byte."""
    name, numbers = chain.last
    assume(not name.startswith("%x"))
    path = tmp_path / "model.mlir"
    path.write_text(chain.text(between=mode != "alone"))
    compiled = Compilation(path, target, sanitize=sanitize, **MODES[mode]).finish()
    draw = np.random.default_rng(numbers.size)
    inputs = [draw.integers(-127, 128, each.shape).astype(np.int8) for each in chain.inputs]
    known = np.concatenate([each.ravel() for each in inputs])
    wanted = np.where(numbers < 0, numbers + CONSTANT, known[np.maximum(numbers, 0)])
    with compiled.firmware() as firmware:
        (found,) = firmware.run(*inputs, count=False).outputs
    np.testing.assert_array_equal(found, wanted)


def two_paths(path: Path) -> Path:
    """Two convolutions, one of which lags a row behind, whose channels are joined before a pool: a layer of SqueezeNet."""
    graph, draw = tiny.Graph(), np.random.default_rng(0)
    x, *parts = (graph.tensor(name, (1, 12, 6, 4), scale=0.05, zero_point=-3) for name in "xab")
    for taps, part in zip((1, 3), parts):
        weights = graph.const(f"w{taps}", draw.integers(-90, 90, (4, taps, taps, 4)).astype(np.int8), scale=0.003)
        bias = graph.const(f"b{taps}", np.arange(4, dtype=np.int32) * 40, scale=0.00015)
        graph.op("CONV_2D", [x, weights, bias], [part], "Conv2DOptions", padding=0, strideH=1, strideW=1)
    joined = graph.tensor("joined", (1, 12, 6, 8), scale=0.05, zero_point=-3)
    graph.op("CONCATENATION", parts, [joined], "ConcatenationOptions", axis=3)
    y = graph.tensor("y", (1, 6, 3, 8), scale=0.05, zero_point=-3)
    graph.op(
        "MAX_POOL_2D", [joined], [y], "Pool2DOptions", padding=0, strideH=2, strideW=2, filterHeight=2, filterWidth=2
    )
    return graph.write(path, [x], [y])


@pytest.mark.parametrize("options", [{}, {"input": "fed"}, {"sanitize": True}], ids=["resident", "fed", "sanitized"])
def test_joined_paths_are_one_stream(options: dict, tmp_path: Path) -> None:
    compiled = check_model(two_paths(tmp_path / "model.tflite"), **options)
    assert compiled.pool_bytes < 12 * 6 * 8  # of the joined tensor alone
