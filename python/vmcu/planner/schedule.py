"""When each kernel of a stream makes which row: one affine function per kernel.

A stream is driven by the rows of one tensor, row `i` arriving at tick `U i`. A kernel of stride `s`, pad `p` and reach
`(k - 1) * d` that sees `u - 1` rows of nothing between two rows of its input can make its row `r` once row
`floor((r s - p + reach) / u)` of its input is there. If the input's row `i` is made at tick `S (i + 1) - c`, the
kernel's row `r` is made at tick `S' (r + 1) - c'` with

    S' = S s / u      c' = c - S + S' + S (p - reach + m) / u      m = (reach - p) mod gcd(s, u)

where `m` is the least remainder of any `r s - p + reach` divided by `u`: no larger `c'` is right for all rows. The pace
`U` is the least one with which every `S` is whole. It is 1 unless some kernel makes more rows than come.

Rows of the halo below the image count as rows that arrive like the others, so the formula holds to the end, every
kernel makes at most one row per tick, and no table or counter is needed at run time. Where paths of a network join, the
later one sets the pace. Nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from vmcu.planner.model import Kernel, Network, Phase, Rows, Stream


def schedule(network: Network, kernels: Sequence[Kernel], *, backward: bool = False) -> Stream | None:
    """The kernels as a stream driven by the first input of the first one; None if they cannot be one.

    They cannot be one if a kernel has no rows, does not depend on the driver, joins paths of different strides, or reads
    all of a tensor that the stream makes or is driven by.
    """
    if any(kernel.rows is None or len(kernel.writes) != 1 for kernel in kernels) or not kernels[0].row_reads:
        return None
    driver = kernels[0].row_reads[0].tensor
    rows = {tensor.name: tensor.rows for tensor in network.tensors}
    if any(rows[read.tensor] != kernel.streamed_rows.in_rows for kernel in kernels for read in kernel.row_reads):
        return None
    streamed = {driver, *(kernel.writes[0].tensor for kernel in kernels)}
    if any(read.whole and read.tensor in streamed for kernel in kernels for read in kernel.reads):
        return None
    pace = _find_pace(driver, kernels)
    if pace is None:
        return None
    phases = {driver: Phase(pace, pace)}
    for kernel in kernels:
        known = [phases[read.tensor] for read in kernel.row_reads if read.tensor in phases]
        arrival = Phase(known[0].scale, min(phase.shift for phase in known))
        own_rows = kernel.streamed_rows
        phases[kernel.writes[0].tensor] = _follow(arrival, own_rows.mirrored() if backward else own_rows)
    own = tuple(phases[kernel.writes[0].tensor] for kernel in kernels)
    first = min(0, *(phase.tick(0) for phase in own))
    last = max(
        pace * (rows[driver] - 1),
        *(phase.tick(kernel.streamed_rows.out_rows - 1) for kernel, phase in zip(kernels, own)),
    )
    return Stream(driver, tuple(kernel.name for kernel in kernels), own, first, last, backward, pace)


def _find_pace(driver: str, kernels: Sequence[Kernel]) -> int | None:
    """The least ticks from a row of the driver to the next; None if a kernel's inputs come at different rates, or never."""
    rates = {driver: Fraction(1)}  # rows of the driver to one of the tensor
    made = {kernel.writes[0].tensor for kernel in kernels}
    for kernel in kernels:
        known = {rates[read.tensor] for read in kernel.row_reads if read.tensor in rates}
        if len(known) != 1 or any(read.tensor in made and read.tensor not in rates for read in kernel.reads):
            return None
        (rate,) = known
        rates[kernel.writes[0].tensor] = rate * _find_ratio(kernel.streamed_rows)
    return lcm(*(rate.denominator for rate in rates.values()))


def _find_ratio(rows: Rows) -> Fraction:
    """Rows of the input to one of the output."""
    return Fraction(rows.in_rows) if rows.accumulates else Fraction(rows.stride, rows.up)


def arrival_of(stream: Stream, kernels: Sequence[Kernel], kernel: Kernel) -> Phase:
    """The phase in which the input rows of an accumulating kernel arrive."""
    made = {each.writes[0].tensor: phase for each, phase in zip(kernels, stream.phases)}
    made[stream.driver] = stream.arrival
    return made[kernel.row_reads[0].tensor]


def _follow(arrival: Phase, rows: Rows) -> Phase:
    """The phase of a kernel whose input arrives in `arrival`."""
    if rows.accumulates:
        return Phase(arrival.scale * rows.in_rows, arrival.shift)  # when the last row is there
    scale = arrival.scale * rows.stride // rows.up
    least = (rows.reach - rows.pad) % gcd(rows.stride, rows.up)
    shift = arrival.shift - arrival.scale + scale + arrival.scale * (rows.pad - rows.reach + least) // rows.up
    return Phase(scale, shift)


def write_ticks(stream: Stream, position: int, tensor_rows: int) -> np.ndarray:
    """The tick at which each row of its output is made by the kernel at `position`."""
    ticks = stream.phases[position].tick(np.arange(tensor_rows))
    return ticks[::-1] if stream.backward else ticks


def read_ticks(stream: Stream, kernels: Sequence[Kernel], position: int, tensor_rows: int) -> np.ndarray:
    """The tick of the last read of each row of a tensor by the kernel at `position`; before all ticks if none."""
    kernel, phase = kernels[position], stream.phases[position]
    row, rows = np.arange(tensor_rows), kernel.streamed_rows
    if rows.accumulates:
        ticks = np.asarray(arrival_of(stream, kernels, kernel).tick(row))
    else:
        reader = (rows.mirrored() if stream.backward else rows).last_reader(row)
        ticks = np.where(reader < 0, stream.first_tick - 1, phase.tick(reader))
    return ticks[::-1] if stream.backward else ticks
