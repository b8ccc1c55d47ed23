"""From a list of runs to a few nested loops: what repeats at equal distances is a loop. Plain data, no IR.

Positions are affine in the loops' counters. A row of a concatenation of channels, for example, is

    for column in 0 .. W:                    # Loop(W, ...)
        copy C0 bytes of input 0's segment `column` to segment `column`, from byte 0 on     # Copy
        copy C1 bytes of input 1's segment `column` to segment `column`, from byte C0 on    # Copy

and the whole is one `RowGroup` of all rows. A padding of rows has three: constant rows, copied ones, constant ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vmcu.operators.rearrange.runs import Runs

PERIOD = 16  # most items that repeat together
FIELDS = 5  # of a position


@dataclass(frozen=True)
class Copy:
    """A run of bytes, in a nest of loops.

    Args:
        length: bytes.
        source: number of the input or table, -1 for a constant.
        value: the constant byte.
        at: where it is in the first trip of all loops: segment and byte of the output's row; row, segment and byte of
            the source.
        strides: of the loops around it, the outermost one first: what a trip adds to `at`.
    """

    length: int
    source: int
    value: int
    at: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Loop:
    """`count` trips over the `body`."""

    count: int
    body: tuple[Item, ...]


Item = Copy | Loop


@dataclass(frozen=True)
class RowGroup:
    """Rows `start + trip * len(bodies) + i` of the output, of `count` trips: each is made by `bodies[i]`.

    The first stride of each copy is what a trip adds.
    """

    start: int
    count: int
    bodies: tuple[tuple[Item, ...], ...]

    @property
    def end(self) -> int:
        """One past the last row."""
        return self.start + self.count * len(self.bodies)


def copies_of(items: Iterable[Item]) -> Iterable[Copy]:
    """All copies in a nest, in order."""
    for each in items:
        if isinstance(each, Copy):
            yield each
        else:
            yield from copies_of(each.body)


def factor_rows(runs: Runs, rows: int, most: int) -> tuple[RowGroup, ...] | None:
    """The rows of an output as groups; None if that takes more than `most` copies."""
    bounds = np.searchsorted(runs.row, np.arange(rows + 1))
    known: dict[bytes, tuple[Item, ...]] = {}
    factored = []
    for begin, end in zip(bounds, bounds[1:]):
        static, position = _slice(runs, begin, end)
        copied = np.flatnonzero(static[:, 1] >= 0)
        origin = np.zeros(FIELDS, np.int64)
        origin[2:] = position[copied[0], 2:] if copied.size else 0
        position[copied] -= origin
        key = static.tobytes() + position.tobytes()
        if key not in known:
            known[key] = _factor([_copy(*each) for each in zip(static.tolist(), position.tolist())])
            if sum(1 for _ in copies_of(known[key])) > most:
                return None
        factored.append(tuple(_moved(each, origin) for each in known[key]))
    groups = tuple(
        RowGroup(start, count, tuple(_repeat(factored, start + number, period, count) for number in range(period)))
        for start, period, count in _find_repeats(factored)
    )
    total = sum(1 for group in groups for body in group.bodies for _ in copies_of(body))
    return groups if total <= most else None


def _slice(runs: Runs, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Of some runs the length, source and value, and the position."""
    static = np.stack([each[begin:end] for each in (runs.length, runs.source, runs.value)], axis=1)
    columns = (runs.segment, runs.byte, runs.from_row, runs.from_segment, runs.from_byte)
    return static, np.stack([each[begin:end] for each in columns], axis=1)


def _copy(static: Sequence[int], position: Sequence[int]) -> Copy:
    length, source, value = static
    return Copy(length, source, value, tuple(position))


def _moved(item: Item, origin: np.ndarray) -> Item:
    """The same with its sources `origin` further on."""
    if isinstance(item, Loop):
        return replace(item, body=tuple(_moved(each, origin) for each in item.body))
    if item.source < 0:
        return item
    return replace(item, at=tuple(int(a + b) for a, b in zip(item.at, origin)))


def _factor(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items with loops in place of what repeats, and loops in place of loops that repeat."""
    while True:
        bodies = [(each,) for each in items]
        repeats = _find_repeats(bodies)
        if all(count == 1 for _, _, count in repeats):
            return tuple(items)
        items = [
            item
            for start, period, count in repeats
            for item in (
                items[start : start + period]
                if count == 1
                else [Loop(count, tuple(_repeat(bodies, start + each, period, count)[0] for each in range(period)))]
            )
        ]


def _repeat(bodies: Sequence[tuple[Item, ...]], start: int, period: int, count: int) -> tuple[Item, ...]:
    """The body at `start`, as that of a loop whose next trip is the body `period` further on."""
    first = bodies[start]
    second = bodies[start + period] if count > 1 else first
    return tuple(_with_stride(*pair) for pair in zip(first, second))


def _with_stride(item: Item, other: Item) -> Item:
    if isinstance(item, Loop) and isinstance(other, Loop):
        return replace(item, body=tuple(_with_stride(*pair) for pair in zip(item.body, other.body)))
    assert isinstance(item, Copy) and isinstance(other, Copy), "what repeats has one form"
    return replace(item, strides=(tuple(b - a for a, b in zip(item.at, other.at)), *item.strides))


def _find_repeats(bodies: Sequence[tuple[Item, ...]]) -> list[tuple[int, int, int]]:
    """Bodies as repetitions (start, period, count), in order: as many as possible in each, then as short a period.

    A body repeats another one if both have one form, and all positions in them move on by the same each time.
    """
    forms: dict[tuple, int] = {}
    form = np.array([forms.setdefault(tuple(map(_form, body)), len(forms)) for body in bodies])
    positions = [np.array([each.at for each in copies_of(body)], np.int64).ravel() for body in bodies]
    table = np.zeros((len(bodies), max(each.size for each in positions)), np.int64)
    for number, position in enumerate(positions):
        table[number, : position.size] = position
    runs = {period: _runs_of(form, table, period) for period in range(1, min(PERIOD, len(bodies) - 1) + 1)}
    found = []
    start = 0
    while start < len(bodies):
        period, count = 1, 1
        for each, (same, steady) in runs.items():
            if start + each >= len(bodies):
                break
            equal = int(same[start])
            if equal >= each and start + each < len(steady):
                equal = each + int(steady[start + each])
            trips = min(equal, len(bodies)) // each + 1
            if trips > 1 and trips * each > period * count:
                period, count = each, trips
        found.append((start, period, count))
        start += period * count
    return found


def _runs_of(form: np.ndarray, table: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
    """How many bodies from each on have the form of the body `period` later; and move on as the body before did."""
    same = form[period:] == form[:-period]
    move = table[period:] - table[:-period]
    steady = same.copy()
    steady[:period] = False
    steady[period:] &= same[:-period] & (move[period:] == move[:-period]).all(axis=1)
    return _lengths(same), _lengths(steady)


def _lengths(flags: np.ndarray) -> np.ndarray:
    """For each position the number of true flags from there on without a false one."""
    ends = np.append(np.flatnonzero(~flags), len(flags))
    return ends[np.searchsorted(ends, np.arange(len(flags)))] - np.arange(len(flags))


def _form(item: Item) -> tuple:
    """What two items have in common that differ in their positions only."""
    if isinstance(item, Loop):
        return (item.count, *map(_form, item.body))
    return (item.length, item.source, item.value, item.strides)
