"""Births and deaths of all rows on one clock, for a network cut into streams.

The clock counts (stream, tick, kernel). A row is born when it is written and dies with its last read; both moments
belong to its life. A stream of one kernel is a single moment: within it, `distance.py` looks at the kernel's own steps.
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
    """A piece of the network: its kernels, and the stream they form if they are more than one."""

    kernels: tuple[Kernel, ...]
    stream: Stream | None
    mirrored: Stream | None = None  # the same kernels, last row first

    def facing(self, backward: bool) -> Stream | None:
        """The stream in a direction; forward if there is no other."""
        return self.mirrored if backward and self.mirrored is not None else self.stream


def find_lives(
    network: Network, parts: Sequence[Part], *, fed: bool, backward: bool = False
) -> tuple[dict[str, Life], dict[str, Life]]:
    """The lives of all tensors and of all workspaces (by kernel), with all streams forward or all backward."""
    births = {name: np.full(tensor.rows, -1) for name, tensor in _tensors(network).items()}
    deaths = {name: np.full(tensor.rows, -1) for name, tensor in _tensors(network).items()}
    inside: dict[str, set[int]] = {name: set() for name in births}
    workspaces: dict[str, Life] = {}
    for number, part in enumerate(parts):
        base = number * SPAN
        stream = part.facing(backward)
        for position, kernel in enumerate(part.kernels):
            moments = [_moments(stream, position, tensor, base) for tensor in _named(network, kernel.writes)]
            for write, moment in zip(kernel.writes, moments):
                births[write.tensor] = moment
                deaths[write.tensor] = np.maximum(deaths[write.tensor], moment)
                inside[write.tensor].add(number)
            for tensor in _named(network, kernel.reads):
                moment = base + np.zeros(tensor.rows, np.int64)
                if stream is not None:
                    ticks = read_ticks(stream, part.kernels, position, tensor.rows)
                    moment = np.where(ticks < stream.first_tick, -1, _clock(stream, ticks, position, base))
                deaths[tensor.name] = np.maximum(deaths[tensor.name], moment)
                inside[tensor.name].add(number)
            if scratch := kernel.scratch(stream is not None):
                workspaces[kernel.name] = Life(np.array([base]), np.array([int(moments[0].max())]), 1, scratch)
    for name in network.outputs:
        deaths[name][:] = len(parts) * SPAN
    if fed:
        for name in network.inputs:
            births[name] = _clock(parts[0].stream, np.arange(len(births[name])), -1, 0)
            inside[name].add(0)
    streams = {number for number, part in enumerate(parts) if part.stream is not None}
    lives = {}
    for name, tensor in _tensors(network).items():
        is_local = len(inside[name]) == 1 and inside[name] <= streams and name not in network.outputs
        is_local = is_local and (fed or name not in network.inputs)
        lives[name] = _make_life(births[name], np.maximum(births[name], deaths[name]), tensor, is_local)
    return lives, workspaces


def _make_life(births: np.ndarray, deaths: np.ndarray, tensor: Tensor, is_local: bool) -> Life:
    if (births == births[0]).all() and (deaths == deaths[0]).all():
        return Life(births[:1], deaths[:1], 1, tensor.bytes)
    slots = tensor.rows
    if is_local:
        # A row's slot may be taken again by the first row that is born after its death.
        first, last = (births, deaths) if births[0] <= births[-1] else (births[::-1], deaths[::-1])
        slots = int((np.searchsorted(first, last, side="right") - np.arange(tensor.rows)).max())
    return Life(births, deaths, slots, tensor.row_bytes)


def _moments(stream: Stream | None, position: int, tensor: Tensor, base: int) -> np.ndarray:
    """When the kernel at `position` writes each row of its output."""
    if stream is None:
        return np.full(tensor.rows, base)
    return _clock(stream, write_ticks(stream, position, tensor.rows), position, base)


def _clock(stream: Stream, ticks: np.ndarray, position: int, base: int) -> np.ndarray:
    return base + (ticks - stream.first_tick) * (len(stream.kernels) + 1) + position + 1


def _tensors(network: Network) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in network.tensors}


def _named(network: Network, accesses: Sequence) -> list[Tensor]:
    tensors = _tensors(network)
    return [tensors[access.tensor] for access in accesses]


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
