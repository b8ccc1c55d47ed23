"""The kernel written by hand in examples/custom_kernel: what it prints, where its plan ends, what it refuses."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mlir import ir

import vmcu
from segment_interpreter import replay
from vmcu import planner
from vmcu.errors import InputError, Internal

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "custom_kernel" / "pointwise.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pointwise", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(example: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Input, weights and bias."""
    numbers = np.random.default_rng(7)
    weights = numbers.integers(-127, 128, (example.OUTPUTS, example.INPUTS)).astype(np.int8)
    bias = numbers.integers(-1000, 1000, example.OUTPUTS).astype(np.int32)
    return numbers.integers(-128, 128, (example.PIXELS, example.INPUTS)).astype(np.int8), weights, bias


def run(example: ModuleType, plan: planner.Plan, target: str = "cortex-m4") -> tuple[np.ndarray, np.ndarray]:
    """What the emulated core finds, and what NumPy does."""
    x, weights, bias = draw(example)
    with vmcu.context():
        program = vmcu.compile_module(example.build_module(plan, weights, bias), target, name="pointwise")
    with program.firmware() as firmware:
        return firmware.run(x, count=False).outputs[0], example.compute(x, weights, bias)


def moved(plan: planner.Plan, distance: int) -> planner.Plan:
    """`plan` with the input `distance` bytes nearer to the output's start."""
    return dataclasses.replace(plan, offsets={**plan.offsets, "x": plan.offsets["x"] - distance})


def test_example_runs() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "equal to NumPy" in done.stdout


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7"])
def test_core_equals_numpy(example: ModuleType, target: str) -> None:
    found, wanted = run(example, planner.plan(example.describe()), target)
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(found)) > 50


def test_output_overlaps_input(example: ModuleType) -> None:
    plan = planner.plan(example.describe())
    x, y = example.PIXELS * example.INPUTS, example.PIXELS * example.OUTPUTS
    assert max(x, y) <= plan.pool_bytes < max(x, y) + example.OUTPUTS


def test_kernel_keeps_what_it_announced(example: ModuleType) -> None:
    _, weights, bias = draw(example)
    with vmcu.context():
        module = example.build_module(planner.plan(example.describe()), weights, bias)
        replay(module.body.operations[0])


def test_distance_is_tight(example: ModuleType) -> None:
    plan = planner.plan(example.describe())
    nearer = moved(plan, 4)
    with pytest.raises(Internal):
        planner.check(example.describe(), nearer)
    _, weights, bias = draw(example)
    with vmcu.context():
        module = example.build_module(nearer, weights, bias)
        with pytest.raises(AssertionError, match="live bytes"):
            replay(module.body.operations[0])
    found, wanted = run(example, nearer)
    assert not np.array_equal(found, wanted)


def test_compile_module_leaves_module_as_it_is(example: ModuleType) -> None:
    _, weights, bias = draw(example)
    with vmcu.context():
        module = example.build_module(planner.plan(example.describe()), weights, bias)
        before = str(module)
        program = vmcu.compile_module(module, name="mine")
        assert str(module) == before
    assert program.pool_bytes == planner.plan(example.describe()).pool_bytes
    assert [str(each) for each in (*program.inputs, *program.outputs)] == ["int8[64x16]", "int8[64x24]"]
    assert "void mine_run(void);" in program.header


def test_compile_module_without_pool_invalid() -> None:
    with vmcu.context(), ir.Location.unknown(), pytest.raises(InputError, match="one vmcu.pool, found 0"):
        vmcu.compile_module(ir.Module.parse("func.func @f() { return }"))


def test_compile_module_with_gap_in_inputs_invalid() -> None:
    text = """func.func @f() {
      %pool = vmcu.pool : !vmcu.pool<64>
      %x = vmcu.place %pool[0] as input 1 : !vmcu.pool<64> -> !vmcu.sequence<4x4>
      return
    }"""
    with vmcu.context(), ir.Location.unknown(), pytest.raises(InputError, match=r"from 0 on, found \[1\]"):
        vmcu.compile_module(ir.Module.parse(text))
