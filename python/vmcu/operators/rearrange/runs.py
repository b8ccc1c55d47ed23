"""What a rearrangement copies, as runs of bytes that stay together. Plain arrays, no IR.

A run lies in one segment of the output, and in one segment of an input or in one place of a table, or is one constant
byte again and again. Runs are in the order in which the output is made, and `WIDTH` bytes of a run are one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from vmcu.operators.geometry import Steps
from vmcu.operators.rearrange.evaluate import CONSTANT
from vmcu.planner import Rows

MOST_UP = 8  # rows that are made of as many rows as a window moves on by
WIDTH = 4  # bytes that one load takes and one store gives: a register


@dataclass(frozen=True)
class Part:
    """How a tensor is divided: `rows` rows of as many segments each, of `size` bytes. A table is one row and segment."""

    rows: int
    segments: int
    size: int

    @property
    def bytes(self) -> int:
        return self.rows * self.segments * self.size

    def split(self, byte: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row, segment of the row and byte of the segment."""
        segment, rest = np.divmod(byte, self.size)
        row, segment = np.divmod(segment, self.segments)
        return row, segment, rest


@dataclass(frozen=True, eq=False)
class Runs:
    """One element per run in each array.

    Args:
        row, segment, byte: where the run begins in the output: its row, the segment of that row, the byte of that.
        length: bytes.
        source: which of the inputs, and then of the tables, it is copied from; -1 for a constant byte.
        value: of the constant byte, as int8; 0 otherwise.
        from_row, from_segment, from_byte: where it begins in the source; 0 for a constant byte.
    """

    row: np.ndarray
    segment: np.ndarray
    byte: np.ndarray
    length: np.ndarray
    source: np.ndarray
    value: np.ndarray
    from_row: np.ndarray
    from_segment: np.ndarray
    from_byte: np.ndarray


def find_runs(of: np.ndarray, output: Part, sources: Sequence[Part]) -> Runs:
    """The runs of the bytes `of` (numbers as in `evaluate`) of an output, made of inputs and then tables."""
    of = of.ravel().astype(np.int64)
    ends = np.cumsum([each.bytes for each in sources])
    source = np.where(of < 0, -1, np.searchsorted(ends, of, side="right"))
    begins, sizes = (np.array([*each, 0]) for each in (ends - [part.bytes for part in sources],
                                                       [part.size for part in sources]))  # fmt: skip
    sizes[-1] = 1
    place = np.where(of < 0, 0, of - begins[source])
    is_next = np.where(of[1:] < 0, of[1:] == of[:-1], of[1:] == of[:-1] + 1) & (source[1:] == source[:-1])
    is_next &= (of[1:] < 0) | (place[1:] % sizes[source[1:]] != 0)
    is_next &= np.arange(1, len(of)) % output.size != 0
    at = np.flatnonzero(np.append(True, ~is_next))
    where = np.zeros((3, len(at)), np.int64)
    for number, part in enumerate(sources):
        chosen = source[at] == number
        where[:, chosen] = part.split(place[at[chosen]])
    return Runs(
        *output.split(at),
        np.diff(at, append=len(of)),
        source[at],
        np.where(of[at] < 0, of[at] + CONSTANT, 0),
        *where,
    )


def find_steps(runs: Runs, output: Part, inputs: Sequence[Part]) -> Steps:
    """Per step the segments of each input that it reads and the bytes of the output that it writes."""
    counts = -(-runs.length // WIDTH)
    run = np.repeat(np.arange(len(counts)), counts)
    done = (np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)) * WIDTH
    first = (runs.row[run] * output.segments + runs.segment[run]) * output.size + runs.byte[run] + done
    end = first + np.minimum(runs.length[run] - done, WIDTH)
    reads = np.zeros((2, len(inputs), len(run)), np.int64)
    for number, part in enumerate(inputs):
        chosen = runs.source[run] == number
        lo = (runs.from_row[run] * part.segments + runs.from_segment[run]) * part.size
        reads[:, number] = np.where(chosen, [lo, lo + part.size], 0)
    lo, hi = reads
    others = {number: (lo[number], hi[number]) for number in range(1, len(inputs))}
    return Steps(lo[0], hi[0], first, end, others=others)


def find_rows(runs: Runs, out_rows: int, inputs: Sequence[Part]) -> Rows | None:
    """The window of input rows that an output row is copied from; None if it is no window that moves on row by row."""
    in_rows = {part.rows for part in inputs}
    if len(in_rows) != 1:
        return None
    count = in_rows.pop()
    is_copied = (runs.source >= 0) & (runs.source < len(inputs))
    row, read = runs.row[is_copied], runs.from_row[is_copied]
    if not row.size:
        return None
    low, high = np.full(out_rows, count), np.full(out_rows, -1)
    np.minimum.at(low, row, read)
    np.maximum.at(high, row, read)
    reads = np.flatnonzero(high >= 0)
    best = None
    for up, stride in _paces(count):
        pad = int((reads * stride - low[reads] * up).max())
        kernel = int((high[reads] * up - reads * stride).max()) + pad + 1
        held = (kernel - 1) // up + 1
        if best is None or held < best[0]:
            best = held, Rows(kernel, stride, 1, pad, count, out_rows, up=up)
    return best[1] if best is not None and (best[0] < count or count == 1 or out_rows == 1) else None


def _paces(rows: int) -> Iterator[tuple[int, int]]:
    """How a window over `rows` rows may move on: by `stride` of them for `up` rows made; the simplest way first."""
    yield from ((1, stride) for stride in range(1, rows + 1))
    yield from ((up, stride) for up in range(2, MOST_UP + 1) for stride in range(1, up * 2) if gcd(up, stride) == 1)
