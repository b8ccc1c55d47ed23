"""Let a kernel of one's own compute the pointwise convolutions of a network, in place of the compiler's.

python examples/custom_kernel/family.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import vmcu
from vmcu.lang import (
    Index,
    Input,
    Output,
    Tile,
    broadcast,
    constant,
    dot,
    flash_load,
    fold,
    loop,
    rescale,
    segment_load,
    segment_store,
)
from vmcu.operators import Conv2D

DIGITS = Path(__file__).parents[1] / "digits"
TILE, DEPTH = 4, 16  # output channels of one step; input channels of one trip


def is_pointwise(conv: Conv2D) -> bool:
    """Whether an output pixel needs the input pixel of the same index, and tiles leave no rest."""
    inputs, outputs = conv.channels
    return conv.window.is_pointwise and inputs % DEPTH == 0 and outputs % TILE == 0


@vmcu.family(Conv2D, "pixelwise", offers=is_pointwise)
def pixelwise(conv: Conv2D, x: Input, y: Output, row: Index) -> None:
    """Output row `row`, pixel by pixel, four channels at a time."""
    (inputs, outputs), columns = conv.channels, conv.window.output[1]
    weights, bias = constant(conv.weights.reshape(outputs, inputs)), constant(conv.bias.astype(np.int32))
    for column in loop(columns):
        pixel = row * columns + column
        for channel in loop(0, outputs, TILE):

            def multiply(depth: Index, acc: Tile, pixel: Index = pixel, channel: Index = channel) -> Tile:
                tile = segment_load(x, pixel, depth, bytes=DEPTH)
                return dot(tile, flash_load(weights, [channel, depth], [TILE, DEPTH]), acc)

            acc = fold(inputs, DEPTH, broadcast(flash_load(bias, channel, TILE)), multiply)
            segment_store(y, pixel, channel, rescale(acc, conv.requant, channel))


def main() -> None:
    """Compile the digit reader with it, run it, compare with the host."""
    with vmcu.register(pixelwise):
        compiled = vmcu.compile_model(DIGITS / "digits.tflite", "cortex-m4")
    images = np.load(DIGITS / "heldout.npz")["inputs"][:4]
    with compiled.firmware() as firmware:
        results = [firmware.run(image[None]) for image in images]
    if not all(np.array_equal(each.outputs[0], compiled.reference(x[None])[0]) for each, x in zip(results, images)):
        raise SystemExit("the core and the host disagree")
    print(f"{len(images)} digits equal to the host; a pool of {compiled.pool_bytes:,} bytes")
    print(f"{results[0].counts.cycles:,} cycles (modelled) for one")


if __name__ == "__main__":
    main()
