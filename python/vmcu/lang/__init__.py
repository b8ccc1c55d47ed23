"""The language in which kernels of one's own are written: Python functions of the vMCU paper's intrinsics.

| paper     | here            |                                                                   |
|-----------|-----------------|-------------------------------------------------------------------|
| RAMLoad   | `segment_load`  | bytes of segments in the pool, as a tile                          |
| FlashLoad | `flash_load`    | a tile of a constant                                              |
| Dot       | `dot`           | pixels times channels; `channel_dot` for each channel by itself   |
| Broadcast | `broadcast`     | accumulators that start with a bias                               |
| RAMFree   | `segment_free`  | may be left out: frees follow from what is loaded later           |
| RAMStore  | `segment_store` | a tile into segments of the pool                                  |

    @vmcu.kernel
    def copy(x: Input[64, 16], y: Output[64, 16]) -> None:
        for segment in loop(64):
            segment_store(y, segment, 0, segment_load(x, segment))

The function is run once. Its `loop`s become loops, its intrinsics ops; Python's own loops are unrolled and its numbers are
constants.
"""

from __future__ import annotations

from vmcu.lang.intrinsics import (
    broadcast,
    channel_dot,
    constant,
    dot,
    extend,
    flash_load,
    fold,
    full,
    maximum,
    narrow,
    requantize,
    rescale,
    row_of,
    segment_free,
    segment_load,
    segment_store,
)
from vmcu.lang.kernel import Kernel, Traced, kernel, trace_kernel
from vmcu.lang.loops import Condition, Index, loop, when
from vmcu.lang.values import Flash, Input, Output, Tile

__all__ = [
    "Condition",
    "Flash",
    "Index",
    "Input",
    "Kernel",
    "Output",
    "Tile",
    "Traced",
    "broadcast",
    "channel_dot",
    "constant",
    "dot",
    "extend",
    "flash_load",
    "fold",
    "full",
    "kernel",
    "loop",
    "maximum",
    "narrow",
    "requantize",
    "rescale",
    "row_of",
    "segment_free",
    "segment_load",
    "segment_store",
    "trace_kernel",
    "when",
]
