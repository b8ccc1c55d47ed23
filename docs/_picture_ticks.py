"""Draw a stream as SVG: which kernel makes which row at which tick.

The frames show what one row of the last kernel waits for: all rows that it is computed from, back to the driver's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from _picture import color_of, open_page

from vmcu import planner
from vmcu.planner.schedule import write_ticks

CELL, LINE, LEFT, TOP = 32, 24, 118, 30  # pixels
Row = tuple[str, int]  # tensor, row


def draw_ticks(network: planner.Network, plan: planner.Plan, stream: planner.Stream) -> str:
    """The picture of one stream of a plan as SVG text."""
    kernels = [kernel for kernel in network.kernels if kernel.name in stream.kernels]
    rows = {tensor.name: tensor.rows for tensor in network.tensors}
    colors = {tensor.name: color_of(number) for number, tensor in enumerate(network.tensors)}
    last = kernels[-1].writes[0].tensor
    framed = find_needed(kernels, stream, (last, rows[last] - 1 if stream.backward else 0))
    ticks = range(stream.first_tick, stream.last_tick + 1)
    lines = [*open_page(TOP + LINE * (len(kernels) + 1) + 46, LEFT + CELL * len(ticks) + 20)]
    lines.append('<text x="0" y="20" fill="#777777">tick</text>')
    for tick in ticks:
        lines.append(
            f'<text x="{_x(stream, tick) + CELL / 2}" y="20" text-anchor="middle" fill="#777777">{tick}</text>'
        )
    for line, (name, tensor) in enumerate(_lines(kernels, stream)):
        lines.append(f'<text x="0" y="{TOP + LINE * line + 16}" fill="#333333">{name}</text>')
        for row, tick in enumerate(find_ticks(kernels, stream, tensor, rows[tensor])):
            x, y = _x(stream, tick), TOP + LINE * line
            edge = ' stroke="black" stroke-width="1.5"' if (tensor, row) in framed else ""
            title = f"<title>row {row} of {tensor}</title>"
            lines.append(
                f'<rect x="{x + 2}" y="{y + 2}" width="{CELL - 4}" height="{LINE - 4}" fill="{colors[tensor]}" '
                f'fill-opacity="0.55"{edge}>{title}</rect>'
            )
            if tensor in plan.landings:
                lines.append(f'<path d="M{x + CELL - 11} {y + 3}h8v8z" fill="#222222"/>')
            lines.append(f'<text x="{x + CELL / 2}" y="{y + 16}" text-anchor="middle" fill="#222222">{row}</text>')
    y = TOP + LINE * (len(kernels) + 1) + 18
    lines.append(f'<path d="M{LEFT} {y - 9}h9v9z" fill="#222222"/>')
    lines.append(f'<text x="{LEFT + 14}" y="{y}" fill="#333333">made in a landing, settles in the same tick</text>')
    lines.append(f'<path d="M{LEFT + 290} {y - 10}h12v11h-12z" fill="none" stroke="black" stroke-width="1.5"/>')
    first = f"row {rows[last] - 1 if stream.backward else 0} of {kernels[-1].name}"
    lines.append(f'<text x="{LEFT + 308}" y="{y}" fill="#333333">{first}, and all rows that it is computed from</text>')
    return "\n".join((*lines, "</svg>", ""))


def find_needed(kernels: Sequence[planner.Kernel], stream: planner.Stream, wanted: Row) -> set[Row]:
    """A row and all rows that it is computed from."""
    makers = {kernel.writes[0].tensor: kernel for kernel in kernels}
    found, left = {wanted}, [wanted]
    while left:
        tensor, row = left.pop()
        kernel = makers.get(tensor)
        if kernel is None:
            continue
        for read in kernel.reads:
            needed = {(read.tensor, each) for each in kernel.rows.read_rows(row)} - found
            found |= needed
            left += needed
    return found


def _lines(kernels: Sequence[planner.Kernel], stream: planner.Stream) -> Iterator[tuple[str, str]]:
    yield f"{stream.driver} is there", stream.driver
    for kernel in kernels:
        yield kernel.name, kernel.writes[0].tensor


def find_ticks(kernels: Sequence[planner.Kernel], stream: planner.Stream, tensor: str, rows: int) -> list[int]:
    """The tick at which each row of a tensor is made, or comes."""
    if tensor == stream.driver:
        return stream.arrival.tick(np.arange(rows))[:: -1 if stream.backward else 1].tolist()
    position = next(at for at, kernel in enumerate(kernels) if kernel.writes[0].tensor == tensor)
    return write_ticks(stream, position, rows).tolist()


def _x(stream: planner.Stream, tick: int) -> int:
    return LEFT + CELL * (tick - stream.first_tick)
