"""Births and deaths of all rows on one clock, for a network cut into streams.

The clock counts (stream, tick, kernel). A row is born when it is written and dies with its last read; both moments
belong to its life. A stream of one kernel is a single moment: within it, `distance.py` looks at the kernel's own steps.

A ring of `k` rows is full only while the window runs: in between, one of its slots is idle, but every time another one,
so that nothing else can live there. With a *landing*, rows are made in one fixed place, which others may use in
between, and are copied to the ring, now of `k - 1` rows, when the oldest row has been read for the last time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vmcu.planner.model import Kernel, Network, Stream, Tensor
from vmcu.planner.schedule import read_ticks, write_ticks

SPAN = 1 << 40  # moments of a stream


@dataclass(frozen=True, eq=False)
class Life:
    """Rows of one block: row `i` is in slot `i % slots` from `births[i]` to `deaths[i]`, both included."""

    births: np.ndarray
    deaths: np.ndarray
    slots: int
    slot_bytes: int

    @property
    def streams(self) -> tuple[int, int]:
        """The first and the last stream in which something of the block is alive."""
        return int(self.births.min() // SPAN), int(self.deaths.max() // SPAN)


@dataclass(frozen=True)
class Part:
    """A piece of the network: its kernels, and the stream they form if they run together."""

    kernels: tuple[Kernel, ...]
    stream: Stream | None
    mirrored: Stream | None = None  # the same kernels, last row first
    landings: frozenset[str] = frozenset()  # tensors whose rows are made outside their ring

    def facing(self, backward: bool) -> Stream | None:
        """The stream in a direction; forward if there is no other."""
        return self.mirrored if backward and self.mirrored is not None else self.stream

    @property
    def running(self) -> Stream:
        """The stream of a part that is one."""
        assert self.stream is not None, "the part is no stream"
        return self.stream

    def last_reader(self, tensor: str) -> int | None:
        """The position of the last kernel that reads a tensor; None if there is none."""
        readers = [at for at, kernel in enumerate(self.kernels) if any(read.tensor == tensor for read in kernel.reads)]
        return readers[-1] if readers else None


@dataclass(frozen=True)
class Lives:
    """Who is alive when. The workspaces are named by their kernels."""

    tensors: dict[str, Life]
    landings: dict[str, Life]
    workspaces: dict[str, Life]


@dataclass(frozen=True)
class Moments:
    """When each row of each tensor is written and read for the last time (-1: never), and the lives of the workspaces.

    Landings change none of this.
    """

    births: dict[str, np.ndarray]
    deaths: dict[str, np.ndarray]
    workspaces: dict[str, Life]


def find_moments(network: Network, parts: Sequence[Part], *, fed: bool, backward: bool = False) -> Moments:
    """What happens when, with all streams forward or all backward."""
    births = {tensor.name: np.full(tensor.rows, -1) for tensor in network.tensors}
    deaths = {tensor.name: np.full(tensor.rows, -1) for tensor in network.tensors}
    workspaces: dict[str, Life] = {}
    if fed:
        for name in network.inputs:
            running = parts[0].running
            births[name] = _clock(running, running.arrival.tick(np.arange(len(births[name]))), -1, 0)
    for number, part in enumerate(parts):
        base = number * SPAN
        stream = part.facing(backward)
        for position, kernel in enumerate(part.kernels):
            for write in kernel.writes:
                births[write.tensor] = _written(stream, position, len(births[write.tensor]), base)
            for access in kernel.reads:
                name = access.tensor
                read = _read(part, stream, position, len(deaths[name]), base, whole=access.whole)
                deaths[name] = np.maximum(deaths[name], read)
            if scratch := kernel.scratch(stream is not None):
                last = int(births[kernel.writes[0].tensor].max())
                workspaces[kernel.name] = Life(np.array([base]), np.array([last]), 1, scratch)
    for name in network.after:
        if name in deaths:
            deaths[name][:] = len(parts) * SPAN
    return Moments(births, deaths, workspaces)


def find_lives(network: Network, parts: Sequence[Part], moments: Moments, *, fed: bool) -> Lives:
    """The lives of everything, rows in landings apart from those in rings."""
    local = find_local(network, parts, fed=fed)
    tensors, landings = {}, {}
    for tensor in network.tensors:
        born = moments.births[tensor.name]
        died = np.maximum(born, moments.deaths[tensor.name])
        home = local.get(tensor.name)
        if home is not None and tensor.name in parts[home].landings:
            settled = _settled(parts[home], tensor.name, born, home * SPAN)
            landings[tensor.name] = Life(born, settled, 1, tensor.row_bytes)
            born, died = settled, np.maximum(settled, died)
        tensors[tensor.name] = _make_life(born, died, tensor, home is not None)
    return Lives(tensors, landings, moments.workspaces)


def find_local(network: Network, parts: Sequence[Part], *, fed: bool) -> dict[str, int]:
    """The tensors that only one part touches, and that part is a stream, with its number."""
    touched: dict[str, set[int]] = {}
    for number, part in enumerate(parts):
        for kernel in part.kernels:
            for access in (*kernel.reads, *kernel.writes):
                touched.setdefault(access.tensor, set()).add(number)
    outside = {*network.after, *(state.old for state in network.states), *(() if fed else network.inputs)}
    return {
        name: min(numbers)
        for name, numbers in touched.items()
        if len(numbers) == 1 and name not in outside and parts[min(numbers)].stream is not None
    }


def _make_life(births: np.ndarray, deaths: np.ndarray, tensor: Tensor, is_local: bool) -> Life:
    if (births == births[0]).all() and (deaths == deaths[0]).all():
        return Life(births[:1], deaths[:1], 1, tensor.bytes)
    slots = tensor.rows
    if is_local:
        # A row's slot may be taken again by the first row that is born after its death.
        first, last = (births, deaths) if births[0] <= births[-1] else (births[::-1], deaths[::-1])
        slots = int((np.searchsorted(first, last, side="right") - np.arange(tensor.rows)).max())
    return Life(births, deaths, slots, tensor.row_bytes)


def _written(stream: Stream | None, position: int, rows: int, base: int) -> np.ndarray:
    """When the kernel at `position` writes each row of its output."""
    if stream is None:
        return np.full(rows, base)
    return _clock(stream, write_ticks(stream, position, rows), position, base)


def _read(part: Part, stream: Stream | None, position: int, rows: int, base: int, *, whole: bool) -> np.ndarray:
    """When the kernel at `position` reads each row of an input, or all of it, for the last time; -1 if it never does."""
    if stream is None:
        return np.full(rows, base)
    if whole:
        last = stream.phases[position].tick(part.kernels[position].streamed_rows.out_rows - 1)
        return _clock(stream, np.full(rows, last), position, base)
    ticks = read_ticks(stream, part.kernels, position, rows)
    return np.where(ticks < stream.first_tick, -1, _clock(stream, ticks, position, base))


def _settled(part: Part, tensor: str, births: np.ndarray, base: int) -> np.ndarray:
    """When the rows of a tensor are copied to its ring: just after its last reader's turn in the tick of birth."""
    tick, reader = _turns(part.running), part.last_reader(tensor)
    assert reader is not None, "a tensor that lands is read"
    return base + (births - base) // tick * tick + 2 * (reader + 1) + 1


def _clock(stream: Stream, ticks: np.ndarray, position: int, base: int) -> np.ndarray:
    """The turn of a kernel in a tick; -1 is that of the caller who feeds rows. After each turn rows may settle."""
    return base + (ticks - stream.first_tick) * _turns(stream) + 2 * (position + 1)


def _turns(stream: Stream) -> int:
    """Moments of a tick."""
    return 2 * (len(stream.kernels) + 1)


def most_alive(lives: Sequence[Life], stream: int) -> int:
    """The most bytes alive at one moment of a stream, rows counted one by one."""
    begin, end = stream * SPAN, (stream + 1) * SPAN - 1
    births = np.concatenate([np.maximum(life.births, begin) for life in lives])
    deaths = np.concatenate([np.minimum(life.deaths, end) for life in lives])
    sizes = np.concatenate([np.full(len(life.births), life.slot_bytes) for life in lives])
    here = births <= deaths
    births, deaths, sizes = births[here], deaths[here], sizes[here]
    # A death takes effect after its moment, so that births of the same moment still meet the dying.
    moments = np.concatenate([2 * births, 2 * deaths + 1])
    order = np.argsort(moments, kind="stable")
    return int(np.cumsum(np.concatenate([sizes, -sizes])[order]).max(initial=0))
