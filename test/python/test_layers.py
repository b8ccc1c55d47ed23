"""The figures of each kernel: they add up to the run, and stand for the right function."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from test_api import DIGITS, random_inputs
from test_cli import Command, command  # noqa: F401  a fixture
from thumb import machine_from_ir
from vmcu.cores import Target

WAYS = [{}, {"input": "fed"}, {"streams": False}]

CALLS = """
define i32 @leaf(i32 %x) noinline {
  %y = mul i32 %x, %x
  ret i32 %y
}
define i32 @f(i32 %n) noinline {
entry:
  br label %loop
loop:
  %i = phi i32 [ 0, %entry ], [ %next, %loop ]
  %y = call i32 @leaf(i32 %i)
  %next = add i32 %i, 1
  %more = icmp ult i32 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret i32 %y
}
"""


def test_costs_belong_to_the_function_that_has_the_instruction(tmp_path: Path) -> None:
    counts = machine_from_ir(CALLS, tmp_path, ["f", "leaf"], Target.parse("cortex-m4")).call("f", 7)
    assert counts.functions.keys() == {"f", "leaf"}
    leaf, f = counts.functions["leaf"], counts.functions["f"]
    # `mul r0, r0, r0` and `bx lr`
    assert (leaf.calls, leaf.instructions, leaf.cycles) == (7, 14, 7 * (1 + 3))
    assert f.calls == 1
    for name in ("instructions", "loads", "stores", "cycles"):
        assert getattr(f, name) + getattr(leaf, name) == getattr(counts, name)


def test_a_loop_to_the_entry_is_no_call(tmp_path: Path) -> None:
    body = ("1: subs r0, r0, #1", "bne 1b", "bx lr")
    head = (".section .text.f,\\22ax\\22", ".thumb", ".globl f", ".type f,%function", ".thumb_func", "f:")
    ir = "\n".join(f'module asm "{each}"' for each in (*head, *body, ".size f, .-f"))
    counts = machine_from_ir(ir, tmp_path, ["f"], Target.parse("cortex-m4")).call("f", 9)
    assert (counts.functions["f"].calls, counts.functions["f"].instructions) == (1, 19)


def test_a_run_that_does_not_count_has_no_functions() -> None:
    compiled = vmcu.compile_model(DIGITS)
    with compiled.firmware() as firmware:
        assert firmware.run(*random_inputs(compiled), count=False).counts.functions == {}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_layers_add_up_to_the_run(way: dict) -> None:
    compiled = vmcu.compile_model(DIGITS, **way)
    profile = compiled.profile(*random_inputs(compiled))
    with compiled.firmware() as firmware:
        whole = firmware.run(*random_inputs(compiled)).counts
    rows = [*profile.layers, profile.outside]
    assert sum(each.cycles for each in rows) == profile.cycles
    # Code that kernels share moves a few literals, and nothing else.
    assert profile.cycles == pytest.approx(whole.cycles, rel=0.01)
    assert sum(each.macs for each in profile.layers) == compiled.macs
    assert [each.name for each in profile.layers] == [each.name for each in compiled.layers]
    assert all(each.cycles > each.instructions > each.calls > 0 and each.code_bytes > 0 for each in rows)
    assert 0 < profile.outside.cycles < profile.cycles / 20


def count_bytes(sequence: str) -> int:
    """Of the segments of `LENGTHxBYTESxi8[, ring = RING]` that exist at one time."""
    length, size, ring = re.fullmatch(r"(\d+)x(\d+)xi8(?:, ring = (\d+))?", sequence).groups()
    return int(ring or length) * int(size)


def test_calls_are_rows_of_streams() -> None:
    compiled = vmcu.compile_model(DIGITS)
    streamed = {name for stream in compiled.streams for name in stream}
    assert streamed
    for layer, found in zip(compiled.layers, compiled.profile(*random_inputs(compiled)).layers):
        assert found.calls == (layer.outputs[0][1] if layer.name in streamed else 1)
    assert all(each.calls == 1 for each in vmcu.compile_model(DIGITS, streams=False).profile(IMAGE).layers)


IMAGE = np.zeros((1, 16, 16, 1), np.int8)


def test_layers_say_shape_window_and_ram() -> None:
    layers = {each.name: each for each in vmcu.compile_model(DIGITS, streams=False).layers}
    assert layers["depthwise_0"].shape == "16x16x8 -> 8x8x8, 3x3/2"
    assert layers["conv2d_1"].shape == "8x8x8 -> 8x8x16"
    assert layers["elementwise_0"].shape == "8x8x16, 8x8x16 -> 8x8x16"
    # Layer by layer every output is whole.
    assert all(each.ring_bytes == np.prod(each.outputs[0]) for each in layers.values())
    streams = {each.name: each for each in vmcu.compile_model(DIGITS).layers}
    assert streams["depthwise_0"].ring_bytes < layers["depthwise_0"].ring_bytes


def test_a_landing_counts_beside_its_ring() -> None:
    compilation = vmcu.Compilation(DIGITS)
    plan = compilation.emit("plan")
    outputs = re.findall(r"vmcu.placed_kernel .* outs\(.* : !vmcu.sequence<(.*)>\) {", plan)
    rings = re.findall(r"vmcu.landing .*, !vmcu.sequence<(.*)>", plan)
    assert rings
    held = sum(each.ring_bytes for each in compilation.finish().layers)
    assert held == sum(count_bytes(each) for each in [*outputs, *rings])


def test_equal_kernels_have_code_of_their_own(tmp_path: Path) -> None:
    graph = tiny.Graph()
    ends = [graph.tensor(f"t{number}", (1, 6, 6, 8), scale=0.05) for number in range(5)]
    for number in range(4):
        weights = np.random.default_rng(number).integers(-127, 128, (8, 1, 1, 8)).astype(np.int8)
        w = graph.const(f"w{number}", weights, scale=0.01)
        b = graph.const(f"b{number}", np.zeros(8, np.int32), scale=0.0005)
        graph.op("CONV_2D", [ends[number], w, b], [ends[number + 1]], "Conv2DOptions", strideW=1, strideH=1)
    compiled = vmcu.compile_model(graph.write(tmp_path / "twins.tflite", ends[:1], ends[-1:]), streams=False)
    apart = compiled.unmerged()
    assert apart.sizes.text > compiled.sizes.text
    layers = compiled.profile(*random_inputs(compiled)).layers
    assert [each.calls for each in layers] == [1] * 4
    assert sum(each.code_bytes for each in layers) > compiled.sizes.text


def test_buffers_have_a_workspace(tmp_path: Path) -> None:
    softmax = tiny.unary(
        tmp_path / "softmax.tflite", "SOFTMAX", (1, 12), (1, 12), "SoftmaxOptions", out=(1 / 256, -128), beta=1.0
    )
    compiled = vmcu.compile_model(softmax)
    assert any(each.kind == "buffer" and each.workspace_bytes > 0 for each in compiled.layers)
    profile = compiled.profile(*random_inputs(compiled))
    assert all(each.cycles_per_mac is None for each in profile.layers if not each.macs)


def test_bench_layers(command: Command) -> None:  # noqa: F811
    code, out, err = command("bench", DIGITS, "--layers", "--json")
    assert (code, err) == (0, "")
    (row,) = json.loads(out)
    names = [field.name for field in dataclasses.fields(vmcu.compile_model(DIGITS).profile(IMAGE).outside)]
    assert [list(each) for each in [*row["layers"], row["outside"]]] == [names] * (len(row["layers"]) + 1)
    assert row["exact"] and sum(each["macs"] for each in row["layers"]) == row["macs"]
    _, out, _ = command("bench", DIGITS, "--layers")
    assert "16x16x8 -> 8x8x8, 3x3/2" in out and "layers of digits" in out and "outside" in out
    assert "layers" not in json.loads(command("bench", DIGITS, "--json")[1])[0]
