"""Which chains of kernels to fuse: less RAM for more work, as much as is allowed.

A fusion helps only where its part of the network sets the pool, so the choice goes along with the cut into streams: over
the same cut points, with every chain as it is or fused, dynamic programming keeps for each prefix of the network all
pairs of bytes and work of which no other has less of both. Parts are short here, and placed greedily: this only
chooses. The plan for a choice is made as for any other network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from vmcu.planner.model import Fusion, Network
from vmcu.planner.partition import find_price

LONGEST = 6  # kernels of a part, a fused one being one


@dataclass(frozen=True)
class Choice:
    """Names of fused kernels, the bytes that the pool is estimated to need with them, and the work that they add."""

    pool_bytes: int
    work: int = 0
    fusions: tuple[str, ...] = ()


@lru_cache(maxsize=8)  # a frontier asks for them again and again
def find_choices(network: Network, most_bytes: int, *, fed: bool, landings: bool, streams: bool) -> tuple[Choice, ...]:
    """Choices of up to `most_bytes`, from the least work to the fewest bytes."""
    longest = LONGEST if streams else 1
    positions = {kernel.name: number for number, kernel in enumerate(network.kernels)}
    starts = {positions[fusion.chain[0]]: fusion for fusion in network.fusions}
    added_work = {
        fusion.kernel.name: network.fuse([fusion.kernel.name]).work - network.work for fusion in network.fusions
    }
    count = len(network.kernels)
    best: list[list[Choice]] = [[Choice(0)], *([] for _ in range(count))]
    for begin in range(count):
        for end, chosen in _parts(network, starts, begin, longest) if best[begin] else ():
            added = sum(added_work[name] for name in chosen)
            cheapest = min(choice.work for choice in best[begin])
            # A part that is no cheaper than what reaches its end already with as little work cannot help.
            limit = min([most_bytes, *(each.pool_bytes - 1 for each in best[end] if each.work <= cheapest + added)])
            price = _find_price(network, begin, end, chosen, fed, landings, limit)
            if price is None:
                continue
            for choice in best[begin]:
                total = Choice(max(choice.pool_bytes, price), choice.work + added, (*choice.fusions, *chosen))
                best[end] = _insert(best[end], total)
    return tuple(sorted(best[count], key=lambda choice: choice.work))


def _parts(
    network: Network, starts: dict[int, Fusion], begin: int, longest: int, chosen: tuple[str, ...] = ()
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Ends of parts of up to `longest` kernels from `begin` on, and the fusions in them."""
    if longest == 0 or begin == len(network.kernels):
        return
    yield begin + 1, chosen
    yield from _parts(network, starts, begin + 1, longest - 1, chosen)
    if begin in starts:
        chosen = (*chosen, starts[begin].kernel.name)
        end = begin + len(starts[begin].chain)
        yield end, chosen
        yield from _parts(network, starts, end, longest - 1, chosen)


def _find_price(
    network: Network, begin: int, end: int, chosen: tuple[str, ...], fed: bool, landings: bool, most: int
) -> int | None:
    fused = network.fuse(chosen)
    end -= len(network.kernels) - len(fused.kernels)
    return find_price(fused, begin, end, fed=fed and begin == 0, landings=landings, most=most)


def _insert(choices: list[Choice], new: Choice) -> list[Choice]:
    """`choices` and a new one, without those that another one beats."""
    if any(each.pool_bytes <= new.pool_bytes and each.work <= new.work for each in choices):
        return choices
    return [each for each in choices if each.pool_bytes < new.pool_bytes or each.work < new.work] + [new]
