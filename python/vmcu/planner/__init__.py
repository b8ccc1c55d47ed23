"""Plan the pool: where every tensor lives, and which kernels run backward so that outputs grow over dying inputs.

    network -> streams      -> births and deaths -> forbidden differences -> placement -> plan, replayed before use
    model.py   partition.py    timeline.py          distance.py              place.py     check.py
               landing.py
               schedule.py

                                   recompute.py: once more with some kernels fused, if that is allowed

Nothing here knows MLIR. Bytes everywhere, half-open ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from vmcu.planner.bound import find_lower_bound
from vmcu.planner.check import check
from vmcu.planner.distance import Block, clobbers, find_blocks, find_pairs
from vmcu.planner.landing import take_off
from vmcu.planner.model import Access, Fusion, InvalidNetwork, Kernel, Network, Phase, Plan, Rows, State, Stream, Tensor
from vmcu.planner.partition import cut, cut_everywhere
from vmcu.planner.picture import describe
from vmcu.planner.place import Placement, fits, place_blocks
from vmcu.planner.recompute import Choice, find_choices
from vmcu.planner.schedule import arrival_of
from vmcu.planner.timeline import Part

__all__ = [
    "Access",
    "Fusion",
    "InvalidNetwork",
    "Kernel",
    "Network",
    "Phase",
    "Plan",
    "Rows",
    "State",
    "Stream",
    "Tensor",
    "arrival_of",
    "check",
    "clobbers",
    "describe",
    "frontier",
    "plan",
]


def plan(
    network: Network,
    *,
    align: int = 4,
    time_limit: float = 10.0,
    streams: bool = True,
    fed: bool = False,
    landings: bool = True,
    enough: int | None = None,
    recompute: float = 1.0,
) -> Plan:
    """Cut the network into streams and place all tensors and workspaces in the smallest pool that can be found.

    Args:
        network: kernels in execution order; it is validated first.
        align: bytes; every offset is a multiple of it.
        time_limit: seconds on the solver's deterministic clock; without proof of the optimum the best plan so far is
            returned, with `optimal` false.
        streams: allow kernels to run together row by row; otherwise one after the other.
        fed: the network's input arrives row by row and is never whole in the pool.
        landings: allow new rows of a tensor to be made outside its ring and copied to it later (`timeline.py`).
        enough: bytes; a plan that fits them with as few kernels in streams as possible is preferred to a smaller one.
            If none is found that fits, the smallest one is returned. Nothing is recomputed if it fits without.
        recompute: the most work of a plan, as a multiple of the network's. Above 1, some of the network's fusions may be
            chosen: the plan is one for `network.fuse(plan.fused)`.

    Raises:
        InvalidNetwork: the network contradicts itself.
        Unsupported: the first kernel cannot take its input row by row.
        Internal: the plan does not survive its replay.
    """
    network.validate()
    options: dict[str, Any] = {
        "align": align,
        "time_limit": time_limit,
        "streams": streams,
        "fed": fed,
        "landings": landings,
    }
    best = _plan(network, enough=enough, **options)
    if recompute <= 1.0 or not network.fusions or (enough is not None and best.pool_bytes <= enough):
        return best
    choices = find_choices(network, best.pool_bytes - align, fed=fed, landings=landings, streams=streams)
    affordable = [choice for choice in choices if choice.work <= network.work * (recompute - 1)]
    for choice in _promising(affordable, enough):
        fused = network.fuse(choice.fusions)
        fused.validate()
        found = _plan(fused, enough=enough, **options)
        if found.pool_bytes < best.pool_bytes:
            best = replace(found, fused=choice.fusions, recompute=fused.work / network.work)
        if enough is not None and best.pool_bytes <= enough:
            break
    return best


def _promising(choices: Sequence[Choice], enough: int | None) -> Iterator[Choice]:
    """Choices worth a plan, given by rising work: the smallest pool; before it the least work that seems enough."""
    fitting = [choice for choice in choices if enough is not None and choice.pool_bytes <= enough]
    yield from fitting[:1]
    yield from choices[-1:] if choices and choices[-1:] != fitting[:1] else ()


def _plan(network: Network, *, enough: int | None, **options: Any) -> Plan:
    """A plan for these very kernels."""
    if enough is not None and options["streams"]:
        easiest = _find_easiest(network, enough, **options)
        if easiest.pool_bytes <= enough:
            return easiest
    return _find_smallest(network, **options)


def _find_easiest(
    network: Network, enough: int, *, align: int, time_limit: float, streams: bool, fed: bool, landings: bool
) -> Plan:
    """The plan with the fewest kernels in streams among those that are thought to fit `enough` bytes."""
    parts = cut(network, fed=fed, landings=landings, enough=enough)
    solution = _solve(network, parts, fed=fed, align=align, time_limit=time_limit)
    assert solution is not None, "there is none to be better than"
    return _finish(network, solution, fed)


@lru_cache(maxsize=8)  # a frontier asks for it again and again
def _find_smallest(
    network: Network, *, align: int, time_limit: float, streams: bool, fed: bool, landings: bool
) -> Plan:
    solve = partial(_solve, network, fed=fed, align=align)
    found: _Solution | None = None
    for parts in _cuts(network, streams, fed, landings):
        found = solve(parts, time_limit=time_limit, known=found) or found
    assert found is not None, "the first cut has a solution"
    best = found

    def is_enough(parts: tuple[Part, ...]) -> bool:
        blocks = find_blocks(network, parts, fed=fed)
        most = best.placed.pool_bytes
        if find_lower_bound(parts, blocks, align=align)[0] > most:
            return False
        return fits(blocks, find_pairs(parts, blocks), align=align, most=most, time_limit=min(1.0, time_limit))

    thinned = take_off(network, best.parts, is_enough)
    if thinned != best.parts:
        fewer = solve(thinned, time_limit=time_limit)
        assert fewer is not None, "there is none to be better than"
        best = min(fewer, best, key=lambda solution: solution.placed.pool_bytes)
    return _finish(network, best, fed)


def frontier(network: Network, *, fed: bool = False, **options: Any) -> tuple[Plan, ...]:
    """Plans from the simplest to the smallest, each with a smaller pool than the one before.

    First come those with more and more kernels in streams, then, if `recompute` allows any, those with more and more
    work. The options are those of `plan`.
    """
    plans = [plan(network, fed=fed, enough=sum(tensor.bytes for tensor in network.tensors) * 2, **options)]
    while True:
        smaller = plan(network, fed=fed, enough=plans[-1].pool_bytes - 1, **options)
        if smaller.pool_bytes >= plans[-1].pool_bytes:
            return tuple(plans)
        plans.append(smaller)


def _finish(network: Network, solution: _Solution, fed: bool) -> Plan:
    found = _write_down(network, solution, fed)
    check(network, found)
    return found


def _cuts(network: Network, streams: bool, fed: bool, landings: bool) -> Iterator[tuple[Part, ...]]:
    if streams or fed:
        yield cut(network, fed=fed, landings=landings)
    if not fed:  # the prices by which a cut is chosen are not exact, so it may be worse than none
        yield cut_everywhere(network)


@dataclass(frozen=True)
class _Solution:
    parts: tuple[Part, ...]
    blocks: tuple[Block, ...]
    placed: Placement
    lower_bound: int
    lower_bound_kernel: str


def _solve(
    network: Network,
    parts: tuple[Part, ...],
    *,
    fed: bool,
    align: int,
    time_limit: float,
    known: _Solution | None = None,
) -> _Solution | None:
    """The best placement for these parts; None if it is not better than a known one."""
    blocks = find_blocks(network, parts, fed=fed)
    bound, kernel = find_lower_bound(parts, blocks, align=align)
    if known is not None and bound >= known.placed.pool_bytes:
        return None
    pairs = find_pairs(parts, blocks)
    placed = place_blocks(blocks, pairs, align=align, lower_bound=bound, time_limit=time_limit)
    if known is not None and placed.pool_bytes >= known.placed.pool_bytes:
        return None
    return _Solution(parts, blocks, placed, bound, kernel)


def _write_down(network: Network, solution: _Solution, fed: bool) -> Plan:
    parts, blocks, placed = solution.parts, solution.blocks, solution.placed
    offsets = {
        kind: {block.name: offset for block, offset in zip(blocks, placed.offsets) if block.kind == kind}
        for kind in ("tensor", "landing", "workspace")
    }
    rows = {tensor.name: tensor.rows for tensor in network.tensors}
    is_backward = [part.kernels[0].name in placed.backward for part in parts]
    return Plan(
        pool_bytes=placed.pool_bytes,
        offsets=offsets["tensor"],
        workspaces=offsets["workspace"],
        backward=frozenset(part.kernels[0].name for part in parts if part.stream is None) & placed.backward,
        lower_bound=solution.lower_bound,
        lower_bound_kernel=solution.lower_bound_kernel,
        optimal=placed.optimal,
        streams=tuple(
            stream for part, turned in zip(parts, is_backward) if (stream := part.facing(turned)) is not None
        ),
        rings={
            block.name: block.life.slots
            for block in blocks
            if block.kind == "tensor" and rows[block.name] > block.life.slots and len(block.life.births) > 1
        },
        landings=offsets["landing"],
        fed=fed,
    )
