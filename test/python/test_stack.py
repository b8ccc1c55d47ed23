"""The stack that an object's functions take, as LLVM and the calls say it."""

from __future__ import annotations

from pathlib import Path

from vmcu.cores import Target
from vmcu.toolchain import compile_with_stack
from vmcu.toolchain.stack import Stack

CALLS = """
declare void @elsewhere(ptr)
define internal void @leaf(ptr %to) noinline {
  %a = alloca [100 x i8], align 4
  call void @elsewhere(ptr %a)
  ret void
}
define internal void @shallow(ptr %to) noinline {
  %a = alloca [20 x i8], align 4
  call void @elsewhere(ptr %a)
  ret void
}
define void @net_run(ptr %to) {
  call void @shallow(ptr %to)
  call void @leaf(ptr %to)
  call void @shallow(ptr %to)
  ret void
}
"""


def test_frames_and_calls_are_read(tmp_path: Path) -> None:
    stack = compile_with_stack(CALLS, Target.parse("cortex-m4"), tmp_path / "f.o")
    assert stack.calls["net_run"] == {"leaf", "shallow"}
    assert stack.frames["leaf"] >= 104 > stack.frames["shallow"] >= 24 > stack.frames["net_run"] > 0
    assert stack.most("net_run") == (stack.frames["net_run"] + stack.frames["leaf"], "leaf")
    assert b".stack_sizes" not in (tmp_path / "f.o").read_bytes()


def test_the_deepest_chain_counts() -> None:
    calls = {"run": frozenset("ab"), "a": frozenset("c"), "b": frozenset(), "c": frozenset(["unknown"])}
    stack = Stack({"run": 8, "a": 30, "b": 300, "c": 280}, calls)
    assert stack.most("run") == (318, "c")
    assert stack.most("b") == (300, "b") and stack.most("unknown") == (0, "unknown")
