"""Write a kernel by hand: a pointwise convolution whose output grows over its input.

    python examples/custom_kernel/pointwise.py

The six intrinsics of the vMCU paper are ops here: RAMLoad `segment_load`, FlashLoad `flash_load`, Dot `dot`,
Broadcast `broadcast`, RAMFree `segment_free`, RAMStore `segment_store`. Python loops below build loops in the IR.
"""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import arith, func

import vmcu
from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.ir import build
from vmcu.ir.build import Index

PIXELS, INPUTS, OUTPUTS = 64, 16, 24  # of an image of 64 pixels: bytes of one in the input and in the output
TILE = 4  # output channels of one step: as many accumulators are alive in registers
MULTIPLIER, SHIFT, ZERO_POINT = 1_500_000_000, 40, -3  # real scale: MULTIPLIER / 2^SHIFT


def describe() -> planner.Network:
    """The kernel as the planner sees it: which bytes each step reads and writes."""
    pixel = np.repeat(np.arange(PIXELS), OUTPUTS // TILE)
    channel = np.tile(np.arange(0, OUTPUTS, TILE), PIXELS)
    first = pixel * OUTPUTS + channel
    reads = (planner.Access("x", pixel * INPUTS, (pixel + 1) * INPUTS),)
    writes = (planner.Access("y", first, first + TILE),)
    kernel = planner.Kernel("pointwise", reads, writes, reversible=False)  # written below in one direction only
    tensors = (planner.Tensor("x", PIXELS * INPUTS), planner.Tensor("y", PIXELS * OUTPUTS))
    return planner.Network(tensors, (kernel,), inputs=("x",), outputs=("y",))


def write_body(x: ir.Value, y: ir.Value, weights: np.ndarray, bias: np.ndarray) -> None:
    """The steps that `describe` announced, in the same order: a pixel is a segment."""
    weights, bias = build.flash(weights), build.flash(bias)  # [OUTPUTS, INPUTS] int8, [OUTPUTS] int32
    multiplier, shift = build.splat(build.i32(), MULTIPLIER, 1), build.splat(build.i8(), SHIFT, 1)
    for pixel in build.loop(0, PIXELS):
        for channel in build.loop(0, OUTPUTS, TILE):
            acc = d.broadcast(build.vector(build.i32(), 1, TILE), build.flash_load(bias, [channel], TILE))
            segment = build.segment_load(x, pixel, 0, rows=1, valid=INPUTS)
            acc = d.dot(segment, build.flash_load(weights, [channel, 0], TILE, INPUTS), acc)
            tile = d.requantize(
                build.vector(build.i8(), 1, TILE), acc, multiplier, shift,
                d.Rounding.single_round, ZERO_POINT, -128, 127,
            )  # fmt: skip
            # Freed before the store, or the store would land on live bytes: with its last channels a pixel is read.
            is_last = arith.cmpi(arith.CmpIPredicate.eq, channel.value, build.constant(OUTPUTS - TILE))
            read = arith.select(is_last, (pixel + 1).value, pixel.value)
            build.free(x, read, backward=False)
            build.segment_store(tile, y, pixel, Index.of(channel))


def build_module(plan: planner.Plan, weights: np.ndarray, bias: np.ndarray) -> ir.Module:
    """A function with a pool, two places that overlap in it, and the kernel. Needs a current context."""
    with ir.Location.unknown():
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            function = func.FuncOp("pointwise", ([], []))
        with ir.InsertionPoint(function.add_entry_block()):
            pool = d.pool(d.PoolType.get(plan.pool_bytes))
            kinds = d.SequenceType.get(PIXELS, INPUTS), d.SequenceType.get(PIXELS, OUTPUTS)
            x = d.place(kinds[0], pool, plan.offsets["x"], role=d.Role.input, number=0)
            y = d.place(kinds[1], pool, plan.offsets["y"], role=d.Role.output, number=0)
            kernel = d.KernelOp([], "pointwise", d.KernelKind.conv2d, [x], [y], [])
            body = kernel.body.blocks.append(*kinds)
            func.ReturnOp([])
        with ir.InsertionPoint(body):
            write_body(*body.arguments, weights, bias)
            d.yield_([])
    return module


def compute(x: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The same in NumPy: what the core has to find."""
    acc = x.astype(np.int64) @ weights.T.astype(np.int64) + bias
    scaled = (acc * MULTIPLIER + (1 << (SHIFT - 1))) >> SHIFT
    return np.clip(scaled + ZERO_POINT, -128, 127).astype(np.int8)


def main() -> None:
    """Plan, build, compile, run, compare."""
    draw = np.random.default_rng(0)
    weights = draw.integers(-127, 128, (OUTPUTS, INPUTS)).astype(np.int8)
    bias = draw.integers(-1000, 1000, OUTPUTS).astype(np.int32)
    x = draw.integers(-128, 128, (PIXELS, INPUTS)).astype(np.int8)

    plan = planner.plan(describe())  # replays the plan byte by byte before it returns
    with vmcu.context():
        program = vmcu.compile_module(build_module(plan, weights, bias), "cortex-m4", name="pointwise")
    with program.firmware() as firmware:
        result = firmware.run(x)
    if not np.array_equal(result.outputs[0], compute(x, weights, bias)):
        raise SystemExit("the core and NumPy disagree")
    ahead = plan.offsets["x"] - plan.offsets["y"]
    print(
        f"x {x.nbytes:,} and y {PIXELS * OUTPUTS:,} bytes in one pool of {plan.pool_bytes:,}: y starts {ahead} before x"
    )
    print(f"equal to NumPy; {result.counts.cycles:,} cycles (modelled) for {PIXELS * INPUTS * OUTPUTS:,} MACs")


if __name__ == "__main__":
    main()
