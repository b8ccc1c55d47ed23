"""The most bytes alive at once: no plan can use a smaller pool.

While a kernel runs, three things are alive: what other kernels still need and its workspace, whole; of every input that
dies here, the hull of the bytes still to be read; of every output, the bytes written so far. None of them may share a
byte, so their sum at any step is a lower bound. A kernel runs in the direction that suits it better.

The blocks alive at a kernel span at least that many bytes, from a multiple of the alignment to the end of one of them;
that rounds the bound up. Within a stream the rows alive are counted moment by moment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vmcu.planner.distance import Block, find_live, find_written
from vmcu.planner.model import Kernel, Tensor
from vmcu.planner.timeline import Part, most_alive


def find_lower_bound(parts: Sequence[Part], blocks: tuple[Block, ...], *, align: int) -> tuple[int, str]:
    """Return the bytes of the bound and the name of the kernel, or kernels, that set it ("" without kernels)."""
    if not parts:
        return sum(block.bytes for block in blocks), ""
    before = sum(block.bytes for block in blocks if block.birth < 0)
    after = sum(block.bytes for block in blocks if block.death == len(parts))
    bounds = [(bound_part(part, number, blocks, align), _name(part)) for number, part in enumerate(parts)]
    ends = [(before, _name(parts[0])), (after, _name(parts[-1]))]
    return max(bounds + ends, key=lambda bound: bound[0])


def bound_part(part: Part, number: int, blocks: tuple[Block, ...], align: int) -> int:
    """Return the fewest bytes that the blocks alive in a part of the network can span."""
    if part.stream is not None:
        facings = [[block.life for block in blocks], [block.mirrored for block in blocks]]
        return min(most_alive(lives, number) for lives in facings[: 2 if part.mirrored else 1])
    return _find_span(part.kernels[0], number, blocks, align)


def _name(part: Part) -> str:
    return part.kernels[0].name if part.stream is None else f"{part.kernels[0].name} to {part.kernels[-1].name}"


def _find_span(kernel: Kernel, index: int, blocks: tuple[Block, ...], align: int) -> int:
    """Return the fewest bytes that the blocks alive at the kernel can span, run in its better direction."""
    alive = [block for block in blocks if block.birth <= index <= block.death]
    if not alive:
        return 0
    directions = (False, True) if kernel.reversible else (False,)
    most = min(int(_live_per_step(kernel, index, alive, backward).max()) for backward in directions)
    return min(most + (block.bytes - most) % align for block in alive)


def _live_per_step(kernel: Kernel, index: int, alive: list[Block], backward: bool) -> np.ndarray:
    """Count the bytes alive before the first step and after each step."""
    total = np.zeros(kernel.steps + 1, dtype=np.int64)
    for block in alive:
        tensor = Tensor(block.name, block.bytes)
        if block.is_workspace or block.birth < index < block.death:
            total += block.bytes
        elif block.birth == index:
            total[1:] += _count_written(*find_written(kernel, tensor, backward=backward))
        else:
            lo, hi = find_live(kernel, tensor, backward=backward)
            total += np.maximum(hi - lo, 0)
    return total


def _count_written(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Count the bytes in the union of the first t + 1 ranges; never more than that, exact if `lo` is monotone."""
    return np.maximum(_count_rising(lo, hi), _count_rising(-hi, -lo))


def _count_rising(lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Count only the bytes above all earlier ranges: exact if `lo` never falls."""
    reach = np.concatenate((lo[:1], np.maximum.accumulate(hi)[:-1]))
    return np.cumsum(np.maximum(hi - np.maximum(lo, reach), 0))
