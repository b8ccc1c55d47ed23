"""Which tensors of a stream have a landing, a fixed place where new rows are made before they move to their ring.

A landing saves a row of the ring and costs a copy of every row. So a stream gets either none or all that shorten a ring
while the cuts are chosen, and in the end those are taken away again without which the pool is no larger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vmcu.planner.distance import Block, BothWays, find_blocks
from vmcu.planner.model import Network
from vmcu.planner.timeline import Part, find_local


def land(
    network: Network, part: Part, blocks: tuple[Block, ...], moments: BothWays, *, fed: bool
) -> tuple[Part, tuple[Block, ...]]:
    """The part with a landing for every tensor whose ring gets shorter by it, and its blocks.

    Args:
        network: the kernels of the part, and no other ones.
        part: without landings.
        blocks: of that part.
        moments: of the part, with or without landings.
        fed: the network's input arrives row by row.
    """
    local = frozenset(name for name in find_local(network, (part,), fed=fed) if part.last_reader(name) is not None)
    everywhere = replace(part, landings=local)
    landed = find_blocks(network, (everywhere,), fed=fed, moments=moments)
    before, after = _count_slots(blocks), _count_slots(landed)
    shorter = frozenset(name for name in local if after[name] < before[name])
    if shorter == local:
        return everywhere, landed
    part = replace(part, landings=shorter)
    return part, find_blocks(network, (part,), fed=fed, moments=moments)


def take_off(
    network: Network, parts: Sequence[Part], is_enough: Callable[[tuple[Part, ...]], bool]
) -> tuple[Part, ...]:
    """The parts without needless landings, most bytes to copy first; `is_enough` says whether the pool stays small."""
    sizes = {tensor.name: tensor.bytes for tensor in network.tensors}
    parts = tuple(parts)
    for number in range(len(parts)):
        for name in sorted(parts[number].landings, key=lambda name: (-sizes[name], name)):
            fewer = replace(parts[number], landings=parts[number].landings - {name})
            attempt = (*parts[:number], fewer, *parts[number + 1 :])
            if is_enough(attempt):
                parts = attempt
    return parts


def _count_slots(blocks: tuple[Block, ...]) -> dict[str, int]:
    """The rows that each tensor keeps."""
    return {block.name: block.life.slots for block in blocks if block.kind == "tensor"}
