"""Which tensors of a stream have a landing, a fixed place where new rows are made before they move to their ring.

A landing saves a row of the ring and costs a copy of every row. So a stream gets either none or all that shorten a ring
while the cuts are chosen, and in the end those are taken away again without which the pool is no larger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vmcu.planner.distance import find_blocks
from vmcu.planner.model import Network
from vmcu.planner.timeline import Part, find_local


def land(network: Network, part: Part, *, fed: bool) -> Part:
    """The part with a landing for every tensor whose ring gets shorter by it. `network` has no other kernels."""
    local = frozenset(name for name in find_local(network, (part,), fed=fed) if part.last_reader(name) is not None)
    before = _count_slots(network, part, fed)
    after = _count_slots(network, replace(part, landings=local), fed)
    return replace(part, landings=frozenset(name for name in local if after[name] < before[name]))


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


def _count_slots(network: Network, part: Part, fed: bool) -> dict[str, int]:
    blocks = find_blocks(network, (part,), fed=fed)
    return {block.name: block.life.slots for block in blocks if block.kind == "tensor"}
