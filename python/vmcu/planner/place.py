"""Choose an offset for every block and a direction for every kernel, so that the pool is as small as possible.

Each pair of blocks has differences of offsets that are forbidden (`distance.py`). A greedy placement gives a start; if
it does not reach the lower bound, the CP-SAT solver of OR-Tools goes on from there. Both see offsets in units of the
alignment. The same input always gives the same placement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from vmcu.errors import Internal
from vmcu.planner.distance import Block, Intervals, Pair, covers_zero

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


@dataclass(frozen=True)
class Placement:
    """A solution: `offsets[i]` (bytes) belongs to `blocks[i]`."""

    pool_bytes: int
    offsets: tuple[int, ...]
    backward: frozenset[str]
    optimal: bool


@dataclass(frozen=True)
class Problem:
    """Blocks and pairs, with forbidden differences in units of `align` bytes.

    Block `i` lies where block `homes[i]` lies: mostly that is itself. Pairs are those of such homes. `forced` kernels make a
    block where another one is, and have but one direction, in which that loses nothing: backward if true.
    """

    blocks: tuple[Block, ...]
    pairs: tuple[Pair, ...]
    align: int
    homes: tuple[int, ...]
    forced: Mapping[str, bool]

    @staticmethod
    def of(blocks: tuple[Block, ...], pairs: tuple[Pair, ...], align: int) -> Problem:
        """The problem of blocks and their pairs, with differences in bytes."""
        named = {block.name: index for index, block in enumerate(blocks) if block.kind == "tensor"}
        homes = tuple(index if block.home is None else named[block.home] for index, block in enumerate(blocks))
        moved = [replace(pair, a=homes[pair.a], b=homes[pair.b]) for pair in pairs]
        forced = {pair.kernel: covers_zero(pair.forward) for pair in moved if pair.a == pair.b and pair.kernel}
        apart = tuple(_in_units(pair, align) for pair in moved if pair.a != pair.b)
        return Problem(blocks, apart, align, homes, forced)

    def placement(self, units: Sequence[int], backward: frozenset[str], optimal: bool) -> Placement:
        """Turn offsets in units, from wherever they start, into offsets in bytes from the pool's start."""
        offsets = tuple((unit - min(units)) * self.align for unit in units)
        pool_bytes = max(offset + block.bytes for offset, block in zip(offsets, self.blocks))
        return Placement(pool_bytes, offsets, backward, optimal)


def place_blocks(
    blocks: tuple[Block, ...], pairs: tuple[Pair, ...], *, align: int, lower_bound: int, time_limit: float
) -> Placement:
    """Return the best placement found.

    Args:
        align: bytes; every offset is a multiple of it.
        lower_bound: bytes; a placement that reaches it ends the search.
        time_limit: seconds on the solver's deterministic clock, so that a slow machine finds the same plan.
    """
    if not blocks:
        return Placement(0, (), frozenset(), True)
    problem = Problem.of(blocks, pairs, align)
    start = min((_place_greedily(problem, order) for order in _orders(blocks)), key=lambda found: found.pool_bytes)
    if start.pool_bytes <= lower_bound:
        return Placement(start.pool_bytes, start.offsets, start.backward, True)
    return _solve(problem, start, lower_bound, time_limit)


def fits(blocks: tuple[Block, ...], pairs: tuple[Pair, ...], *, align: int, most: int, time_limit: float) -> bool:
    """Say whether a pool of `most` bytes is enough; False as well if the time is over before one is found."""
    problem = Problem.of(blocks, pairs, align)
    starts = (_place_greedily(problem, order) for order in _orders(blocks))
    if any(block.bytes > most for block in blocks):
        return False
    return any(start.pool_bytes <= most for start in starts) or _solve_within(problem, most, time_limit)


def place_quickly(blocks: tuple[Block, ...], pairs: tuple[Pair, ...]) -> Placement:
    """Return a good placement without a solver, at an alignment of one byte."""
    problem = Problem.of(blocks, pairs, 1)
    return min((_place_greedily(problem, order) for order in _orders(blocks)), key=lambda found: found.pool_bytes)


def _in_units(pair: Pair, align: int) -> Pair:
    # A multiple u * align lies in [lo, hi) exactly if u lies in [ceil(lo / align), ceil(hi / align)).
    def scale(intervals: Intervals) -> Intervals:
        scaled = ((-(-lo // align), -(-hi // align)) for lo, hi in intervals)
        return tuple((lo, hi) for lo, hi in scaled if lo < hi)

    return Pair(pair.a, pair.b, scale(pair.forward), scale(pair.backward), pair.kernel)


def _orders(blocks: tuple[Block, ...]) -> tuple[list[int], ...]:
    """Two orders worth trying: largest first, and as they are born."""
    indices = range(len(blocks))
    return (
        sorted(indices, key=lambda index: -blocks[index].bytes),
        sorted(indices, key=lambda index: (blocks[index].birth, -blocks[index].bytes)),
    )


def _place_greedily(problem: Problem, order: list[int]) -> Placement:
    """Put one block after the other where the pool grows least; the pool may grow at both ends."""
    units: dict[int, int] = {}
    directions: dict[str, bool] = dict(problem.forced)
    low, high = 0, 0  # bytes
    for index in order:
        if problem.homes[index] != index:
            continue
        size = problem.blocks[index].bytes
        pairs = [pair for pair in problem.pairs if index in (pair.a, pair.b) and (pair.a in units or pair.b in units)]
        best: tuple[int, int, int, dict[str, bool]] | None = None
        for choice in _choices(pairs, directions):
            for unit in _candidates(index, pairs, units, directions | choice):
                ends = min(low, unit * problem.align), max(high, unit * problem.align + size)
                if best is None or ends[1] - ends[0] < best[1] - best[0]:
                    best = (*ends, unit, choice)
        assert best is not None, "far from all others there is always a place"
        low, high, units[index], choice = best
        directions.update(choice)
    backward = frozenset(kernel for kernel, is_backward in directions.items() if is_backward)
    return problem.placement([units[home] for home in problem.homes], backward, False)


def _choices(pairs: list[Pair], directions: dict[str, bool]) -> Iterator[dict[str, bool]]:
    """Yield every choice of direction for the kernels that have none yet."""
    free = sorted({pair.kernel for pair in pairs if pair.kernel and pair.kernel not in directions})
    return (dict(zip(free, choice)) for choice in product((False, True), repeat=len(free)))


def _candidates(index: int, pairs: list[Pair], units: dict[int, int], directions: dict[str, bool]) -> Iterator[int]:
    """Yield the allowed offsets that touch a forbidden interval, and 0 if it is allowed."""
    taken = []
    for pair in pairs:
        for lo, hi in pair.forbidden(pair.kernel is not None and directions.get(pair.kernel, False)):
            # The block is b at a + difference, or a at b - difference.
            taken.append(
                (units[pair.a] + lo, units[pair.a] + hi)
                if pair.b == index
                else (units[pair.b] - hi + 1, units[pair.b] - lo + 1)
            )
    edges = {0}.union(*((lo - 1, hi) for lo, hi in taken))
    return (unit for unit in sorted(edges, key=abs) if not any(lo <= unit < hi for lo, hi in taken))


def _solve(problem: Problem, start: Placement, lower_bound: int, time_limit: float) -> Placement:
    """Improve `start` with CP-SAT until it is optimal, reaches the bound or the time is over."""
    from ortools.sat.python import cp_model  # here, because the import takes longer than most plans

    search = _Search(problem, start.pool_bytes)
    pool_bytes = search.model.new_int_var(lower_bound, start.pool_bytes, "pool_bytes")
    for unit, block in zip(search.units, problem.blocks):
        search.model.add(problem.align * unit + block.bytes <= pool_bytes)
    search.model.minimize(pool_bytes)
    for index, (home, offset) in enumerate(zip(problem.homes, start.offsets)):
        if home == index:
            search.model.add_hint(search.units[index], offset // problem.align)
    for kernel, literal in search.backward.items():
        search.model.add_hint(literal, kernel in start.backward)
    status = search.run(time_limit)
    if status == cp_model.UNKNOWN:
        return start
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        name = search.solver.status_name(status)
        raise Internal(f"the solver says {name} although it was given a solution to improve")
    chosen = frozenset(kernel for kernel, literal in search.backward.items() if search.solver.value(literal))
    return problem.placement([search.solver.value(unit) for unit in search.units], chosen, status == cp_model.OPTIMAL)


def _solve_within(problem: Problem, most: int, time_limit: float) -> bool:
    from ortools.sat.python import cp_model

    return _Search(problem, most).run(time_limit) in (cp_model.OPTIMAL, cp_model.FEASIBLE)


class _Search:
    """The problem for the solver: offsets in units, a literal for each direction, no block above `most` bytes."""

    def __init__(self, problem: Problem, most: int):
        from ortools.sat.python import cp_model

        self.model, self.solver = cp_model.CpModel(), cp_model.CpSolver()
        own = {
            home: self.model.new_int_var(0, (most - problem.blocks[home].bytes) // problem.align, "")
            for home in sorted(set(problem.homes))
        }
        self.units = [own[home] for home in problem.homes]
        kernels = dict.fromkeys((*problem.forced, *(pair.kernel for pair in problem.pairs if pair.kernel)))
        self.backward = {kernel: self.model.new_bool_var(kernel) for kernel in kernels}
        for kernel, is_backward in problem.forced.items():
            self.model.add(self.backward[kernel] == int(is_backward))
        for pair in problem.pairs:
            difference = self.units[pair.b] - self.units[pair.a]
            for is_backward in (False, True) if pair.kernel else (False,):
                forbidden = cp_model.Domain.from_intervals([[lo, hi - 1] for lo, hi in pair.forbidden(is_backward)])
                constraint = self.model.add_linear_expression_in_domain(difference, forbidden.complement())
                if pair.kernel:
                    literal = self.backward[pair.kernel]
                    constraint.only_enforce_if(literal if is_backward else ~literal)

    def run(self, time_limit: float) -> cp_model.CpSolverStatus:
        # Otherwise Ctrl-C ends the search, not the program, and the solver leaves no handler of it behind.
        self.solver.parameters.catch_sigint_signal = False
        self.solver.parameters.num_workers = 1
        self.solver.parameters.random_seed = 0
        self.solver.parameters.max_deterministic_time = time_limit
        return self.solver.solve(self.model)
