"""How far apart two blocks must lie: the differences of their offsets at which they would collide.

A block is a tensor or a workspace. Two blocks alive together must be disjoint, with one exception, and that exception
is the point of the project: a kernel may write its output over the bytes of an input that nobody reads any more.

Let a kernel read input I for the last time and write output O, and let `delta = O.offset - I.offset`.

1. When step t writes the bytes [w_lo, w_hi) of O, later steps still read some bytes of I, with hull [live_lo, live_hi).
2. The two ranges meet exactly if  live_lo - w_hi < delta < live_hi - w_lo.
3. The forbidden differences are the union of these intervals over all steps t after which I is still read.

Rows in streams are simpler: two slots may share bytes unless rows are alive in both at one moment (`find_meetings`).

Forward, step 3 leaves `delta <= -d` with `d = max over t of (w_hi - live_lo)`, the paper's distance, and everything far
enough above. Backward is the same with the steps reversed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from vmcu.planner.model import Kernel, Network, Tensor
from vmcu.planner.timeline import Life, Moments, Part, find_lives, find_moments

Kind = Literal["tensor", "landing", "workspace"]
Intervals = tuple[tuple[int, int], ...]  # half-open, ascending, with a gap between neighbours


@dataclass(frozen=True)
class Block:
    """Something that has one offset in the pool: a tensor, the landing of its rows, or a kernel's workspace."""

    name: str  # of the tensor, or of the kernel
    life: Life
    mirrored: Life  # the same with every stream backward
    kind: Kind = "tensor"
    home: str | None = None  # the tensor in whose place it lies: of a state's new value, the old one

    @property
    def is_workspace(self) -> bool:
        return self.kind == "workspace"

    @property
    def bytes(self) -> int:
        return self.life.slots * self.life.slot_bytes

    @cached_property
    def birth(self) -> int:
        """The part of the network in which it is written first; -1 for a network input."""
        return self.life.streams[0]

    @cached_property
    def death(self) -> int:
        """The last part that needs it; the number of parts for a network output."""
        return self.life.streams[1]

    def meets(self, other: Block) -> bool:
        return self.birth <= other.death and other.birth <= self.death


@dataclass(frozen=True)
class Pair:
    """Two blocks alive together: the forbidden `offset of b - offset of a`, for either direction of `kernel`."""

    a: int
    b: int
    forward: Intervals
    backward: Intervals
    kernel: str | None = None  # None: the direction of no kernel matters, and both sets are equal

    def forbidden(self, backward: bool) -> Intervals:
        return self.backward if backward else self.forward


BothWays = tuple[Moments, Moments]  # forward, and with every stream backward


def find_both_ways(network: Network, parts: Sequence[Part], *, fed: bool) -> BothWays:
    """The moments of both directions."""
    return find_moments(network, parts, fed=fed), find_moments(network, parts, fed=fed, backward=True)


def find_blocks(
    network: Network, parts: Sequence[Part], *, fed: bool = False, moments: BothWays | None = None
) -> tuple[Block, ...]:
    """List the tensors, the landings, the workspaces, with their lives; `moments` are those of the parts, if known."""
    moments = moments or find_both_ways(network, parts, fed=fed)
    lives, others = (find_lives(network, parts, each, fed=fed) for each in moments)
    kinds: tuple[tuple[Kind, dict[str, Life], dict[str, Life]], ...] = (
        ("tensor", lives.tensors, others.tensors),
        ("landing", lives.landings, others.landings),
        ("workspace", lives.workspaces, others.workspaces),
    )
    homes = {state.new: state.old for state in network.states if state.old in lives.tensors}
    return tuple(
        Block(name, *_level(life, mirrored[name]), kind, homes.get(name) if kind == "tensor" else None)
        for kind, some, mirrored in kinds
        for name, life in some.items()
    )


def _level(life: Life, mirrored: Life) -> tuple[Life, Life]:
    """Give both directions the longer ring: the plan chooses the direction later."""
    if life.slots == mirrored.slots:
        return life, mirrored
    slots = max(life.slots, mirrored.slots)
    return replace(life, slots=slots), replace(mirrored, slots=slots)


def find_pairs(parts: Sequence[Part], blocks: tuple[Block, ...]) -> tuple[Pair, ...]:
    """List the pairs of blocks that are alive together, with their forbidden differences."""
    together = [(a, b) for a, b in combinations(range(len(blocks)), 2) if blocks[a].meets(blocks[b])]
    pairs = (_pair(parts, blocks, a, b) for a, b in together)
    return tuple(pair for pair in pairs if pair.forward or pair.backward)


def _pair(parts: Sequence[Part], blocks: tuple[Block, ...], a: int, b: int) -> Pair:
    a, b = sorted((a, b), key=lambda block: blocks[block].birth)
    source, target = blocks[a], blocks[b]
    # Blocks that are alive together between two parts are so whole, and must be apart. Otherwise they meet in one part.
    is_one = target.birth == min(source.death, target.death) and 0 <= target.birth < len(parts)
    part = parts[target.birth] if is_one else None
    if part is not None and part.stream is not None and part.mirrored is not None:
        forward = find_meetings(source.life, target.life)
        backward = find_meetings(source.mirrored, target.mirrored)
    elif part is not None and part.stream is None and _is_handover(source, target):
        tensors = Tensor(source.name, source.bytes), Tensor(target.name, target.bytes)
        forward = backward = find_forbidden(part.kernels[0], *tensors, backward=False)
        if part.kernels[0].reversible:
            backward = find_forbidden(part.kernels[0], *tensors, backward=True)
    else:
        forward = find_meetings(source.life, target.life)
        return Pair(a, b, forward, forward)
    return Pair(a, b, forward, backward, part.kernels[0].name if forward != backward else None)


def _is_handover(source: Block, target: Block) -> bool:
    """A kernel by itself makes `target` while it reads `source` for the last time."""
    return source.birth < source.death == target.birth and not target.is_workspace


def find_meetings(source: Life, target: Life) -> Intervals:
    """Return every `target offset - source offset` at which two slots share a byte while rows are alive in both."""
    if len(source.births) == len(target.births) == 1:
        meet = source.births[0] <= target.deaths[0] and target.births[0] <= source.deaths[0]
        return ((1 - target.slot_bytes, source.slot_bytes),) if meet else ()
    a, b = _alive_together(source, target)
    pairs = np.flatnonzero(np.bincount((a % source.slots) * target.slots + b % target.slots))
    begin, other = pairs // target.slots * source.slot_bytes, pairs % target.slots * target.slot_bytes
    return _merge(begin - other - target.slot_bytes + 1, begin + source.slot_bytes - other)


def _alive_together(source: Life, target: Life) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of a row of `source` and one of `target` that are alive at one moment."""
    births, deaths = target.births, target.deaths
    turned = births[0] > births[-1]
    if turned:
        births, deaths = births[::-1], deaths[::-1]
    if (births[1:] < births[:-1]).any() or (deaths[1:] < deaths[:-1]).any():
        a, b = np.nonzero((source.births[:, None] <= target.deaths) & (target.births <= source.deaths[:, None]))
        return a, b
    # In order, the rows of `target` that are alive with one of `source` follow one another.
    begin = np.searchsorted(deaths, source.births)
    counts = np.maximum(np.searchsorted(births, source.deaths, side="right") - begin, 0)
    a = np.repeat(np.arange(len(counts)), counts)
    b = np.arange(len(a)) + np.repeat(begin - np.cumsum(counts) + counts, counts)
    return a, len(births) - 1 - b if turned else b


def find_forbidden(kernel: Kernel, source: Tensor, target: Tensor, *, backward: bool) -> Intervals:
    """Return every `target offset - source offset` at which `kernel` would overwrite bytes it has yet to read."""
    live_lo, live_hi = (steps[1:] for steps in find_live(kernel, source, backward=backward))
    lo, hi = find_written(kernel, target, backward=backward)
    clash = (live_hi > live_lo) & (hi > lo)
    return _merge((live_lo - hi + 1)[clash], (live_hi - lo)[clash])


def clobbers(kernel: Kernel, old: str, new: str, size: int, *, backward: bool) -> bool:
    """Whether a kernel that writes the tensor `new` in the place of `old`, both of `size` bytes, loses bytes of it."""
    return covers_zero(find_forbidden(kernel, Tensor(old, size), Tensor(new, size), backward=backward))


def covers_zero(intervals: Intervals) -> bool:
    """Whether two blocks may not lie in one place."""
    return any(low <= 0 < high for low, high in intervals)


def find_live(kernel: Kernel, tensor: Tensor, *, backward: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return lo and hi of the hull that the t-th step executed and all after it read, for t = 0 .. steps.

    An empty hull has lo = tensor.bytes and hi = 0. A tensor read in unknown order is live up to the end.
    """
    lo = np.full(kernel.steps + 1, tensor.bytes)
    hi = np.zeros(kernel.steps + 1, dtype=np.int64)
    for read in kernel.reads:
        if read.tensor != tensor.name:
            continue
        if read.lo is None or read.hi is None or not kernel.overlap:
            return np.zeros_like(lo), np.full_like(hi, tensor.bytes)
        some = read.hi > read.lo
        lo[:-1] = np.minimum(lo[:-1], np.where(some, read.lo, tensor.bytes))
        hi[:-1] = np.maximum(hi[:-1], np.where(some, read.hi, 0))
    if backward:
        lo[:-1], hi[:-1] = lo[-2::-1].copy(), hi[-2::-1].copy()
    return np.minimum.accumulate(lo[::-1])[::-1], np.maximum.accumulate(hi[::-1])[::-1]


def find_written(kernel: Kernel, tensor: Tensor, *, backward: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return lo and hi of the bytes that each step writes, in the order of execution."""
    write = next(write for write in kernel.writes if write.tensor == tensor.name)
    if write.lo is None or write.hi is None:
        return np.zeros(kernel.steps, dtype=np.int64), np.full(kernel.steps, tensor.bytes)
    return (write.lo[::-1], write.hi[::-1]) if backward else (write.lo, write.hi)


def _merge(lo: np.ndarray, hi: np.ndarray) -> Intervals:
    """Join intervals that touch or overlap."""
    if not lo.size:
        return ()
    order = np.argsort(lo, kind="stable")
    lo, reach = lo[order], np.maximum.accumulate(hi[order])
    first = np.concatenate(([True], lo[1:] > reach[:-1]))
    last = np.concatenate((first[1:], [True]))
    return tuple(zip(lo[first].tolist(), reach[last].tolist()))
