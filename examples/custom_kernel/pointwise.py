"""Write a kernel by hand: a pointwise convolution whose output grows over its input.

    python examples/custom_kernel/pointwise.py

The six intrinsics of the vMCU paper are functions here: RAMLoad `segment_load`, FlashLoad `flash_load`, Dot `dot`, Broadcast
`broadcast`, RAMFree `segment_free` (left out: frees follow from the loads), RAMStore `segment_store`.
"""

from __future__ import annotations

import numpy as np

import vmcu
from vmcu.lang import Flash, Input, Output, broadcast, dot, flash_load, loop, requantize, segment_load, segment_store

PIXELS, INPUTS, OUTPUTS = 64, 16, 24  # of an image of 64 pixels: bytes of one in the input and in the output
TILE = 4  # output channels of one step: as many accumulators are alive in registers
MULTIPLIER, SHIFT, ZERO_POINT = 1_500_000_000, 40, -3  # real scale: MULTIPLIER / 2^SHIFT


@vmcu.kernel
def pointwise(x: Input[PIXELS, INPUTS], y: Output[PIXELS, OUTPUTS], weights: Flash, bias: Flash) -> None:
    """`weights` is int8 `[OUTPUTS, INPUTS]`, `bias` int32 `[OUTPUTS]`. A pixel is a segment."""
    for pixel in loop(PIXELS):
        for channel in loop(0, OUTPUTS, TILE):
            acc = broadcast(flash_load(bias, channel, TILE))
            acc = dot(segment_load(x, pixel), flash_load(weights, [channel, 0], [TILE, INPUTS]), acc)
            segment_store(y, pixel, channel, requantize(acc, MULTIPLIER, SHIFT, zero_point=ZERO_POINT))


def compute(x: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The same in NumPy: what the core has to find."""
    acc = x.astype(np.int64) @ weights.T.astype(np.int64) + bias
    scaled = (acc * MULTIPLIER + (1 << (SHIFT - 1))) >> SHIFT
    return np.clip(scaled + ZERO_POINT, -128, 127).astype(np.int8)


def main() -> None:
    """Compile, run, compare."""
    draw = np.random.default_rng(0)
    weights = draw.integers(-127, 128, (OUTPUTS, INPUTS)).astype(np.int8)
    bias = draw.integers(-1000, 1000, OUTPUTS).astype(np.int32)
    x = draw.integers(-128, 128, (PIXELS, INPUTS)).astype(np.int8)

    program = vmcu.compile_kernel(pointwise, {"weights": weights, "bias": bias}, "cortex-m4")
    with program.firmware() as firmware:
        result = firmware.run(x)
    if not np.array_equal(result.outputs[0], compute(x, weights, bias)):
        raise SystemExit("the core and NumPy disagree")
    ahead = program.inputs[0].offset - program.outputs[0].offset
    print(
        f"x {x.nbytes:,} and y {PIXELS * OUTPUTS:,} bytes in one pool of {program.pool_bytes:,}: y starts {ahead} before x"
    )
    print(f"equal to NumPy; {result.counts.cycles:,} cycles (modelled) for {PIXELS * INPUTS * OUTPUTS:,} MACs")


if __name__ == "__main__":
    main()
