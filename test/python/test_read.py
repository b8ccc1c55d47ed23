"""Kernels are recognised once; their kinds then say who reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import vmcu
from vmcu.dialects import vmcu as d
from vmcu.driver import summaries
from vmcu.ir import bridge, walk
from vmcu.ir.bridge import PassError
from vmcu.operators import BufferKernel, Operator, describe, read_operator
from vmcu.operators.buffer import Lowered
from vmcu.operators.read import READERS, read_as

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
CALL = """
func.func private @f(tensor<4xi8>) -> tensor<4xi8>
func.func @main(%x: tensor<4xi8>) -> tensor<4xi8> {
  %0 = vmcu.kernel @k buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%in: tensor<4xi8>):
    %1 = func.call @f(%in) : (tensor<4xi8>) -> tensor<4xi8>
    vmcu.yield %1 : tensor<4xi8>
  }
  return %0 : tensor<4xi8>
}
"""


def constants(operator: Operator) -> list[np.ndarray]:
    return [each for each in vars(operator).values() if isinstance(each, np.ndarray)]


def test_readers_of_a_kind_read_what_was_recognised() -> None:
    compilation = vmcu.Compilation(DIGITS)
    kinds = set()
    for op in summaries.kernels(compilation.module("kernels")):
        kind, block = op.kind.value, op.body.blocks[0]
        with compilation.context:
            result, inputs = walk.last(block).operands[0], list(block.arguments)
            recognised, read = read_operator(result, inputs), read_as(kind, result, inputs)
            others = [each for each in (*READERS, d.KernelKind.elementwise) if each != kind]
            assert all(read_as(each, result, inputs) is None for each in others)
        if kind == d.KernelKind.buffer:
            assert recognised is None and read is None
            continue
        assert type(read) is type(recognised) and read.kind == recognised.kind == kind
        assert read.sequences() == recognised.sequences() and read.signature == recognised.signature
        for one, other in zip(constants(read), constants(recognised), strict=True):
            np.testing.assert_array_equal(one, other)
        kinds.add(kind)
    assert {d.KernelKind.conv2d, d.KernelKind.depthwise} <= kinds


def test_buffer_kernels_are_lowered_for_their_workspace_and_their_loops_only() -> None:
    """What is known without loops is told of a body, too, that has none."""
    with bridge.context(), ir.Location.unknown():
        module = ir.Module.parse(CALL)
        (op,) = summaries.kernels(module)
        kernel = describe(op)
        assert isinstance(kernel, BufferKernel) and (kernel.macs, kernel.signature) == (0, "buffer")
        assert kernel.sequences() == (((4, 1),), ((4, 1),))
        assert summaries.count_macs([op]) == 0 and summaries.largest_layer([op]) == 8
        with pytest.raises(PassError, match="func.call is in kernel k"):
            _ = kernel.workspace


def test_one_plan_lowers_a_buffer_kernel_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Once for the bytes of its workspace, once for its loops."""
    path = tmp_path / "reverse.mlir"
    path.write_text(
        """
        func.func @main(%x: tensor<1x4xi8>) -> tensor<1x4xi8> {
          %empty = tensor.empty() : tensor<1x4xi8>
          %0 = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, 3 - b)>, affine_map<(a, b) -> (a, b)>],
              iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x4xi8>) outs(%empty : tensor<1x4xi8>) {
          ^bb0(%in: i8, %out: i8):
            %twice = arith.addi %in, %in : i8
            linalg.yield %twice : i8
          } -> tensor<1x4xi8>
          return %0 : tensor<1x4xi8>
        }
        """
    )
    lowered: list[str] = []
    from vmcu.operators import buffer

    lower = buffer._lower

    def count(kernel: d.KernelOp) -> Lowered:
        lowered.append(kernel.name.value)
        return lower(kernel)

    monkeypatch.setattr(buffer, "_lower", count)
    assert [each.kind for each in vmcu.compile_model(path).layers] == ["buffer"]
    assert lowered == ["buffer_0", "buffer_0"]
