"""Plan the pool: where every tensor lives, and which kernels run backward so that outputs grow over dying inputs.

    network -> blocks and forbidden differences -> placement -> plan, replayed byte by byte before anyone sees it
    model.py   distance.py                         place.py     check.py

Nothing here knows MLIR. Bytes everywhere, half-open ranges.
"""

from __future__ import annotations

from vmcu.planner.bound import find_lower_bound
from vmcu.planner.check import check
from vmcu.planner.distance import find_blocks, find_pairs
from vmcu.planner.model import Access, InvalidNetwork, Kernel, Network, Plan, Tensor
from vmcu.planner.picture import describe
from vmcu.planner.place import place_blocks

__all__ = ["Access", "InvalidNetwork", "Kernel", "Network", "Plan", "Tensor", "check", "describe", "plan"]


def plan(network: Network, *, align: int = 4, time_limit: float = 10.0) -> Plan:
    """Place all tensors and workspaces in the smallest pool that can be found.

    Args:
        network: kernels in execution order; it is validated first.
        align: bytes; every offset is a multiple of it.
        time_limit: seconds on the solver's deterministic clock; without proof of the optimum the best plan so far is
            returned, with `optimal` false.

    Raises:
        InvalidNetwork: the network contradicts itself.
        Internal: the plan does not survive its replay.
    """
    network.validate()
    blocks = find_blocks(network)
    lower_bound, kernel = find_lower_bound(network, blocks, align=align)
    pairs = find_pairs(network, blocks)
    placed = place_blocks(blocks, pairs, align=align, lower_bound=lower_bound, time_limit=time_limit)
    offsets = dict(zip(blocks, placed.offsets))
    found = Plan(
        pool_bytes=placed.pool_bytes,
        offsets={block.name: offset for block, offset in offsets.items() if not block.is_workspace},
        workspaces={block.name: offset for block, offset in offsets.items() if block.is_workspace},
        backward=placed.backward,
        lower_bound=lower_bound,
        lower_bound_kernel=kernel,
        optimal=placed.optimal,
    )
    check(network, found)
    return found
