"""Kernels of one's own: what examples/custom_kernel prints, where its plan ends, what is refused and how."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mlir import ir

import vmcu
from segment_interpreter import replay
from vmcu import planner
from vmcu.errors import InputError, Internal, Unsupported
from vmcu.lang import (
    Flash,
    Index,
    Input,
    Kernel,
    Output,
    Tile,
    Traced,
    channel_dot,
    dot,
    extend,
    flash_load,
    fold,
    full,
    loop,
    maximum,
    narrow,
    requantize,
    row_of,
    segment_free,
    segment_load,
    segment_store,
    trace_kernel,
    when,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "custom_kernel" / "pointwise.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pointwise", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pointwise"] = module
    spec.loader.exec_module(module)
    return module


def draw(example: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Input, weights and bias."""
    numbers = np.random.default_rng(7)
    weights = numbers.integers(-127, 128, (example.OUTPUTS, example.INPUTS)).astype(np.int8)
    bias = numbers.integers(-1000, 1000, example.OUTPUTS).astype(np.int32)
    return numbers.integers(-128, 128, (example.PIXELS, example.INPUTS)).astype(np.int8), weights, bias


def traced(example: ModuleType) -> Traced:
    _, weights, bias = draw(example)
    return trace_kernel(example.pointwise, {"weights": weights, "bias": bias})


def run(
    example: ModuleType, plan: planner.Plan, target: str = "cortex-m4", *, sanitize: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """What the emulated core finds, and what NumPy does."""
    x, weights, bias = draw(example)
    program = vmcu.compile_module(traced(example).place(plan), target, name="pointwise", sanitize=sanitize)
    with program.firmware() as firmware:
        return firmware.run(x, count=False).outputs[0], example.compute(x, weights, bias)


def moved(plan: planner.Plan, distance: int) -> planner.Plan:
    """`plan` with the input `distance` bytes nearer to the output's start."""
    return dataclasses.replace(plan, offsets={**plan.offsets, "x": plan.offsets["x"] - distance})


def test_example_runs() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "equal to NumPy" in done.stdout


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7", "cortex-m0plus"])
def test_core_equals_numpy(example: ModuleType, target: str) -> None:
    found, wanted = run(example, planner.plan(traced(example).network), target)
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(found)) > 50


def test_steps_are_those_of_the_loops(example: ModuleType) -> None:
    (kernel,) = traced(example).network.kernels
    pixel = np.repeat(np.arange(example.PIXELS), example.OUTPUTS // example.TILE)
    first = np.arange(0, example.PIXELS * example.OUTPUTS, example.TILE)
    assert kernel.reads == (planner.Access("x", pixel * example.INPUTS, (pixel + 1) * example.INPUTS),)
    assert kernel.writes == (planner.Access("y", first, first + example.TILE),)


def test_output_overlaps_input(example: ModuleType) -> None:
    plan = planner.plan(traced(example).network)
    x, y = example.PIXELS * example.INPUTS, example.PIXELS * example.OUTPUTS
    assert max(x, y) <= plan.pool_bytes < max(x, y) + example.OUTPUTS


def test_frees_keep_what_the_plan_counts_on(example: ModuleType) -> None:
    kernel = traced(example)
    plan = planner.plan(kernel.network)
    module = kernel.place(plan)
    replay(module.body.operations[0])
    run(example, plan, sanitize=True)  # stops at the first wrong access


def test_distance_is_tight(example: ModuleType) -> None:
    kernel = traced(example)
    nearer = moved(planner.plan(kernel.network), 4)
    with pytest.raises(Internal):
        planner.check(kernel.network, nearer)
    module = kernel.place(nearer)
    with pytest.raises(AssertionError, match="live bytes"):
        replay(module.body.operations[0])
    found, wanted = run(example, nearer)
    assert not np.array_equal(found, wanted)


def test_compile_kernel_names_its_program(example: ModuleType) -> None:
    _, weights, bias = draw(example)
    program = vmcu.compile_kernel(example.pointwise, {"weights": weights, "bias": bias}, name="mine")
    assert program.pool_bytes == planner.plan(traced(example).network).pool_bytes
    assert [str(each) for each in (*program.inputs, *program.outputs)] == ["int8[64x16]", "int8[64x24]"]
    assert "void mine_run(void);" in program.header


def test_compile_module_leaves_module_as_it_is(example: ModuleType) -> None:
    kernel = traced(example)
    module = kernel.place(planner.plan(kernel.network))
    before = str(module)
    vmcu.compile_module(module, name="mine")
    assert str(module) == before


def test_frees_cost_no_flash() -> None:
    """Not even those that are looked up in a table, being no sum over loop counters."""

    @vmcu.kernel
    def transposed(x: Input[111, 4], y: Output[111, 4]) -> None:
        for row in loop(3):
            for column in loop(37):
                segment_store(y, row * 37 + column, 0, segment_load(x, column * 3 + row))

    program = vmcu.compile_kernel(transposed)
    assert program.sizes.rodata == 0
    x = np.random.default_rng(0).integers(-128, 128, (111, 4)).astype(np.int8)
    for sanitize in (False, True):
        with vmcu.compile_kernel(transposed, sanitize=sanitize).firmware() as firmware:
            found = firmware.run(x, count=False).outputs[0]
        np.testing.assert_array_equal(found, x.reshape(37, 3, 4).transpose(1, 0, 2).reshape(111, 4))


@vmcu.kernel
def largest(x: Input, y: Output, columns: int) -> None:
    """The maximum of windows of two columns, two apart, of any width; of the last column alone where it is left over."""
    for row in loop(y.length * 2 // (columns + 1)):
        for column in loop((columns + 1) // 2):
            for channel in loop(0, y.bytes, 4):
                first = row * columns + column * 2
                taps = segment_load(
                    x, first, channel, bytes=4, rows=2, inside=[column >= 0, column * 2 + 1 < columns], pad=-128
                )
                best = maximum(extend(row_of(taps, 0)), extend(row_of(taps, 1)))
                segment_store(y, row * ((columns + 1) // 2) + column, channel, narrow(maximum(best, full(-7, 4))))


def test_shapes_may_be_arguments() -> None:
    x = np.random.default_rng(1).integers(-128, 128, (4, 7, 8)).astype(np.int8)
    program = vmcu.compile_kernel(largest, {"x": (28, 8), "y": (16, 8), "columns": 7}, sanitize=True)
    with program.firmware() as firmware:
        found = firmware.run(x.reshape(28, 8), count=False).outputs[0]
    wanted = np.pad(x, ((0, 0), (0, 1), (0, 0)), constant_values=-128).reshape(4, 4, 2, 8).max(2).clip(-7)
    np.testing.assert_array_equal(found, wanted.reshape(16, 8))


@vmcu.kernel
def deep(x: Input[9, 64], y: Output[9, 4], weights: Flash, taps: Flash) -> None:
    """Both dots: a loop over the depth in registers, and three pixels around each one, channel by channel."""

    def chunk(depth: Index, acc: Tile) -> Tile:
        return dot(segment_load(x, pixel, depth, bytes=16), flash_load(weights, [0, depth], [4, 16]), acc)

    for pixel in loop(9):
        acc = row_of(fold(64, 16, full(0, 1, 4), chunk), 0)
        around = segment_load(x, pixel - 1, bytes=4, rows=3, inside=[pixel > 0, pixel >= 0, pixel < 8])
        acc = channel_dot(around, flash_load(taps, [0, 0], [3, 4]), acc)
        segment_store(y, pixel, 0, requantize(acc, 2**30, 38))


def test_dots_equal_numpy() -> None:
    numbers = np.random.default_rng(2)
    weights, taps, x = (numbers.integers(-99, 99, shape).astype(np.int8) for shape in ((4, 64), (3, 4), (9, 64)))
    program = vmcu.compile_kernel(deep, {"weights": weights, "taps": taps}, sanitize=True)
    with program.firmware() as firmware:
        found = firmware.run(x, count=False).outputs[0]
    wide = np.pad(x[:, :4].astype(int), ((1, 1), (0, 0)))
    acc = x.astype(int) @ weights.T.astype(int) + sum(wide[tap : tap + 9] * taps[tap] for tap in range(3))
    np.testing.assert_array_equal(found, np.clip((acc + 128) >> 8, -128, 127))


# What is refused. Each kernel has one fault; the message names its line.


def copy(x: Input, y: Output, at: Index, to: Index | None = None) -> None:
    segment_store(y, at if to is None else to, 0, segment_load(x, at))


def outside(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        segment_store(y, segment + 1, 0, segment_load(x, segment))


def too_far(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        segment_store(y, segment, 0, segment_load(x, segment, 2))


def half(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(4):
        copy(x, y, segment)


def freed(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        segment_free(x, segment + 1)
        copy(x, y, segment)


def freed_late(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        copy(x, y, segment)
        segment_free(x, segment + 1)


def dynamic(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        for _ in loop(segment):
            copy(x, y, segment)


def compared(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        if segment == 3:
            copy(x, y, segment)


def left(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        copy(x, y, segment)
        break


def cut_off(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(0, 8, 3):
        copy(x, y, segment)


def swapped(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        copy(y, x, segment)


def shapes(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        tile = dot(segment_load(x, segment), segment_load(x, segment, bytes=8), full(0, 1, 1))
        segment_store(y, segment, 0, requantize(tile, 1, 2))


def counted(x: Input[8, 4], y: Output[8, 4]) -> None:
    for segment in loop(8):
        for number in range(segment):
            copy(x, y, number)


def real(x: Input[8, 4], y: Output[8, 4]) -> None:
    copy(x, y, 0.5)


@pytest.mark.parametrize(
    ("function", "line", "message"),
    [
        (outside, 2, r"segment_store stores bytes \[32, 36\) of y, which has 8 segments of 4 bytes, \[0, 32\)"),
        (too_far, 2, r"segment_load loads bytes \[30, 34\) of x"),
        (half, 0, "stores nothing to 16 bytes of y, the first of them byte 0 of segment 4"),
        (freed, None, r"loads bytes \[0, 4\) of x, whose segments before 1 and from 8 on were freed"),
        (
            freed_late,
            None,
            r"is executed while segments \[0, 8\) of x are not freed, of which only \[1, 8\) are loaded again",
        ),
        (dynamic, 2, "the bounds of a loop are numbers that are known when the kernel is traced, found a loop counter"),
        (compared, 2, r"a condition on a loop counter has no value yet: the kernel is traced once; use `with when"),
        (left, 1, "a loop is left by break or return"),
        (cut_off, 1, r"loop\(0, 8, 3\) has a last trip that is cut off"),
        (swapped, None, "loads from y, an output"),
        (shapes, 2, "depth"),
        (counted, 2, "a loop counter has no number yet"),
        (real, None, "an index is a number or a loop counter, found float 0.5"),
    ],
)
def test_wrong_kernel_invalid(function: Callable[..., None], line: int | None, message: str) -> None:
    with pytest.raises(Unsupported, match=message) as error:
        vmcu.compile_kernel(vmcu.kernel(function))
    # Without a line the fault is in `copy`.
    first = (copy if line is None else function).__code__.co_firstlineno
    assert str(error.value).startswith(f"{__file__}:{first + (1 if line is None else line)}: ")


def needs_all(x: Input, y: Output[8, 4], table: Flash, count: int = 8) -> None:
    for segment in loop(count):
        copy(x, y, segment)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": None}, "'table' of kernel needs_all is an array of int8 or int32 with elements, found NoneType"),
        ({"table": np.zeros(3)}, r"found float64\[3\]"),
        ({"x": 8}, r"'x' of kernel needs_all is \(segments, bytes of a segment\), found 8"),
        ({"z": 1}, "kernel needs_all has no parameter 'z'; it has x, y, table, count"),
        ({"y": (8, 4)}, "parameter 'y' of kernel needs_all has its shape from its annotation"),
    ],
)
def test_wrong_argument_invalid(change: dict[str, object], message: str) -> None:
    arguments = {"x": (8, 4), "table": np.zeros(3, np.int8)}
    with pytest.raises(InputError, match=message):
        trace_kernel(Kernel(needs_all), {**arguments, **change})


def test_missing_argument_invalid() -> None:
    with pytest.raises(InputError, match="kernel needs_all needs an argument for its parameter 'x'"):
        trace_kernel(Kernel(needs_all), {})


def test_kernel_without_output_invalid() -> None:
    def nothing(x: Input[8, 4]) -> None:
        segment_load(x, 0)

    with pytest.raises(InputError, match="kernel nothing has no Output"):
        trace_kernel(Kernel(nothing), {})


def test_when_is_for_some_trips() -> None:
    @vmcu.kernel
    def clamped(x: Input[8, 4], y: Output[8, 4]) -> None:
        for segment in loop(8):
            with when((segment < 2) | (segment == 7)):
                copy(x, y, segment)
            with when((segment >= 2) & (segment != 7)):
                copy(x, y, segment // 2, segment)

    x = np.random.default_rng(3).integers(-128, 128, (8, 4)).astype(np.int8)
    with vmcu.compile_kernel(clamped, sanitize=True).firmware() as firmware:
        found = firmware.run(x, count=False).outputs[0]
    np.testing.assert_array_equal(found, x[[0, 1, 1, 1, 2, 2, 3, 7]])


def test_compile_module_without_pool_invalid() -> None:
    with (
        vmcu.context(),
        ir.Location.unknown(),
        pytest.raises(InputError, match="a model has a function @main, this module has @f"),
    ):
        vmcu.compile_module(ir.Module.parse("func.func @f() { return }"))


def test_compile_module_with_gap_in_inputs_invalid() -> None:
    text = """func.func @f() {
      %pool = vmcu.pool : !vmcu.pool<64>
      %x = vmcu.place %pool[0] as input 1 : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
      return
    }"""
    with vmcu.context(), ir.Location.unknown(), pytest.raises(InputError, match=r"from 0 on, found \[1\]"):
        vmcu.compile_module(ir.Module.parse(text))
