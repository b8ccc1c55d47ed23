"""Plan the pool: where every tensor lives, and which kernels run backward so that outputs grow over dying inputs.

    network -> streams      -> births and deaths -> forbidden differences -> placement -> plan, replayed before use
    model.py   partition.py    timeline.py          distance.py              place.py     check.py

Nothing here knows MLIR. Bytes everywhere, half-open ranges.
"""

from __future__ import annotations

from vmcu.planner.bound import find_lower_bound
from vmcu.planner.check import check
from vmcu.planner.distance import Block, find_blocks, find_pairs
from vmcu.planner.model import Access, InvalidNetwork, Kernel, Network, Phase, Plan, Rows, Stream, Tensor
from vmcu.planner.partition import cut, cut_everywhere
from vmcu.planner.picture import describe
from vmcu.planner.place import Placement, place_blocks
from vmcu.planner.timeline import Part
from vmcu.planner.schedule import arrival_of

__all__ = [
    "Access", "InvalidNetwork", "Kernel", "Network", "Phase", "Plan", "Rows", "Stream", "Tensor", "arrival_of", "check", "describe", "plan",
]


def plan(
    network: Network, *, align: int = 4, time_limit: float = 10.0, streams: bool = True, fed: bool = False
) -> Plan:
    """Cut the network into streams and place all tensors and workspaces in the smallest pool that can be found.

    Args:
        network: kernels in execution order; it is validated first.
        align: bytes; every offset is a multiple of it.
        time_limit: seconds on the solver's deterministic clock; without proof of the optimum the best plan so far is
            returned, with `optimal` false.
        streams: allow kernels to run together row by row; otherwise one after the other.
        fed: the network's input arrives row by row and is never whole in the pool.

    Raises:
        InvalidNetwork: the network contradicts itself.
        Unsupported: the first kernel cannot take its input row by row.
        Internal: the plan does not survive its replay.
    """
    network.validate()
    parts = cut(network, fed=fed) if streams or fed else cut_everywhere(network)
    blocks = find_blocks(network, parts, fed=fed)
    lower_bound, kernel = find_lower_bound(parts, blocks, align=align)
    pairs = find_pairs(parts, blocks)
    placed = place_blocks(blocks, pairs, align=align, lower_bound=lower_bound, time_limit=time_limit)
    found = _write_down(network, parts, blocks, placed, lower_bound, kernel, fed)
    check(network, found)
    return found


def _write_down(
    network: Network, parts: tuple[Part, ...], blocks: tuple[Block, ...], placed: Placement, bound: int, at: str, fed: bool
) -> Plan:
    offsets = {kind: {block.name: offset for block, offset in zip(blocks, placed.offsets) if block.kind == kind}
               for kind in ("tensor", "landing", "workspace")}
    rows = {tensor.name: tensor.rows for tensor in network.tensors}
    is_backward = [part.kernels[0].name in placed.backward for part in parts]
    return Plan(
        pool_bytes=placed.pool_bytes,
        offsets=offsets["tensor"],
        workspaces=offsets["workspace"],
        backward=frozenset(part.kernels[0].name for part in parts if part.stream is None) & placed.backward,
        lower_bound=bound,
        lower_bound_kernel=at,
        optimal=placed.optimal,
        streams=tuple(part.facing(turned) for part, turned in zip(parts, is_backward) if part.stream is not None),
        rings={block.name: block.life.slots for block in blocks
               if block.kind == "tensor" and rows[block.name] > block.life.slots and len(block.life.births) > 1},
        landings=offsets["landing"],
        fed=fed,
    )
