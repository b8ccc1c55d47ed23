"""Where to cut the network into streams: dynamic programming over the cut points.

The kernels of a part run together row by row, or the part is one kernel. A tensor between two parts is wholly
resident; inside a part only a ring of it is. The cost of a part is the pool it needs by itself, bystanders included,
placed greedily; the cost of a cut is that of its most expensive part. Of equal costs the one with fewer kernels in
streams wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

from vmcu.errors import Unsupported
from vmcu.planner.bound import bound_part
from vmcu.planner.distance import Block, BothWays, covers_zero, find_blocks, find_both_ways, find_meetings, find_pairs
from vmcu.planner.landing import land
from vmcu.planner.model import Kernel, Network
from vmcu.planner.place import place_quickly
from vmcu.planner.schedule import schedule
from vmcu.planner.timeline import Part, find_lives

SHORT = 12  # kernels in a part that is always tried
PATIENCE = 150_000  # pairs of kernels in the longer parts that are tried: some 20 s


def cut_everywhere(network: Network) -> tuple[Part, ...]:
    """Every kernel by itself: layer by layer."""
    return tuple(Part((kernel,), None) for kernel in network.kernels)


def cut(network: Network, *, fed: bool = False, landings: bool = False, enough: int = 0) -> tuple[Part, ...]:
    """The parts of the cheapest cut.

    Pools of up to `enough` bytes count as equally cheap, so that among them the fewest kernels in streams win. Short
    parts are tried first: what they reach bounds the search among the long ones. To price a part takes as long as it has
    pairs of tensors, so long parts of large networks are tried only as far as `PATIENCE` goes.

    Raises:
        Unsupported: `fed`, and no stream starts at the network's input.
    """
    found, patience = None, _Patience(PATIENCE)

    @cache
    def pieces(begin: int, end: int) -> _Pieces | None:
        if end - begin > SHORT and not patience.covers(end - begin):
            return None
        return _Pieces(network, begin, end, fed=fed and begin == 0, landings=landings)

    for longest in (4, SHORT, 2 * SHORT, len(network.kernels)):
        found = _search(network, pieces, longest, enough, found) or found
    if found is None:
        first = network.kernels[0]
        raise Unsupported(f"kernel {first.name} cannot take its input row by row, so the model cannot be fed")
    return found.parts


def find_price(network: Network, begin: int, end: int, *, fed: bool, landings: bool, most: int) -> int | None:
    """Bytes of the pool that the kernels `[begin, end)` need as one part; None if more than `most`, or if they are none."""
    if _held_back(network, begin, end) > most:
        return None
    best = None
    for piece in _Pieces(network, begin, end, fed=fed, landings=landings):
        limit = most if best is None else best - 1
        if piece.bound <= limit and piece.price <= limit:
            best = piece.price
    return best


@dataclass
class _Patience:
    """What is left of the search's patience: counted, not timed, so that equal networks have equal plans."""

    left: int

    def covers(self, kernels: int) -> bool:
        """Whether a part of so many kernels may still be tried; it is counted."""
        self.left -= kernels * kernels
        return self.left >= 0


@dataclass(frozen=True, eq=False)
class _Piece:
    """A part by itself, with all blocks that are alive while it runs."""

    part: Part
    blocks: tuple[Block, ...]

    @cached_property
    def bound(self) -> int:
        """Bytes that it needs at least: found sooner than the price."""
        return bound_part(self.part, 0, self.blocks, 1)

    @cached_property
    def price(self) -> int:
        """Bytes of its pool, placed greedily."""
        return place_quickly(self.blocks, find_pairs((self.part,), self.blocks)).pool_bytes


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Kernels `[begin, end)` as a part, if they can be one: without landings, and with all that shorten a ring.

    Each is made when it is asked for, and once.
    """

    network: Network
    begin: int
    end: int
    fed: bool
    landings: bool

    @cached_property
    def floor(self) -> int:
        """Bytes that each of them needs at least, known without looking at any row: what is needed after a stream."""
        if self._part is None or self._part.stream is None:
            return 0
        sizes = {tensor.name: tensor.bytes for tensor in self._inner.tensors}
        return sum(sizes[name] for name in self._inner.outputs)

    def __iter__(self) -> Iterator[_Piece]:
        if self._plain is not None:
            yield self._plain
        if self._landed is not None:
            yield self._landed

    @cached_property
    def _part(self) -> Part | None:
        return make_part(self.network, self.begin, self.end, fed=self.fed)

    @cached_property
    def _inner(self) -> Network:
        """The network of the part alone."""
        assert self._part is not None, "there is a part"
        return cut_out(self.network, self.begin, self.end, self._part)

    @cached_property
    def _moments(self) -> BothWays:
        assert self._part is not None, "there is a part"
        return find_both_ways(self._inner, (self._part,), fed=self.fed)

    @cached_property
    def _plain(self) -> _Piece | None:
        if self._part is None:
            return None
        blocks = find_blocks(self._inner, (self._part,), fed=self.fed, moments=self._moments)
        return _Piece(self._part, blocks)

    @cached_property
    def _landed(self) -> _Piece | None:
        if self._plain is None or self._plain.part.stream is None or not self.landings:
            return None
        landed = _Piece(*land(self._inner, self._plain.part, self._plain.blocks, self._moments, fed=self.fed))
        return landed if landed.part.landings else None


@dataclass(frozen=True)
class _Cut:
    """Parts for a prefix of the network: the pool of the most expensive one, and the kernels in streams."""

    cost: int = 0
    streamed: int = 0
    parts: tuple[Part, ...] = ()

    def is_better(self, other: _Cut | None) -> bool:
        return other is None or (self.cost, self.streamed) < (other.cost, other.streamed)


def _search(
    network: Network, pieces: Callable[[int, int], _Pieces | None], longest: int, enough: int, known: _Cut | None
) -> _Cut | None:
    """The best cut into parts of at most `longest` kernels that is better than `known`; None if there is none."""
    count = len(network.kernels)
    best: list[_Cut | None] = [_Cut(enough), *[None] * count]
    for begin in range(count):
        before = best[begin]
        if before is None:
            continue
        for end in range(begin + 1, min(begin + longest, count) + 1):
            if known is not None and _held_back(network, begin, end) > known.cost:
                break
            rivals = best[end], known
            some = pieces(begin, end)
            if some is None:
                break
            # A stream is looked at only if it can win.
            if some.floor and not _beats(_Cut(max(before.cost, some.floor), before.streamed + end - begin), rivals):
                continue
            for piece in some:
                candidate = _extend(before, piece, end - begin, (best[end], known))
                if candidate is None:
                    continue
                best[end] = candidate
                if candidate.cost == before.cost:
                    break  # landings could not make it cheaper
    return best[count]


def _extend(cut: _Cut, piece: _Piece, kernels: int, rivals: tuple[_Cut | None, ...]) -> _Cut | None:
    """`cut` with one more part of so many kernels, if that is better than all rivals."""
    streamed = cut.streamed + (kernels if piece.part.stream is not None else 0)
    # A bound first: a placement takes longer.
    for price in (lambda: piece.bound, lambda: piece.price):
        candidate = _Cut(max(cut.cost, price()), streamed, (*cut.parts, piece.part))
        if not _beats(candidate, rivals):
            return None
    return candidate


def _beats(cut: _Cut, rivals: tuple[_Cut | None, ...]) -> bool:
    return all(cut.is_better(rival) for rival in rivals)


def _held_back(network: Network, begin: int, end: int) -> int:
    """Bytes that a part must hold at least once all its kernels run: what windows keep between two of their rows."""
    kernels = network.kernels[begin:end]
    rows = {tensor.name: tensor.row_bytes for tensor in network.tensors}
    made = {write.tensor for kernel in kernels for write in kernel.writes}
    held: dict[str, int] = {}
    for kernel in kernels:
        if kernel.rows is None or kernel.rows.accumulates:
            continue
        seen = min(kernel.rows.reach + 1, (kernel.rows.in_rows - 1) * kernel.rows.up + 1)
        kept = (seen - kernel.rows.stride) // kernel.rows.up
        for read in kernel.row_reads:
            if read.tensor in made:
                held[read.tensor] = max(held.get(read.tensor, 0), kept * rows[read.tensor])
    return sum(held.values())


def make_part(network: Network, begin: int, end: int, *, fed: bool) -> Part | None:
    """Kernels `[begin, end)` as one part; None if they cannot run together."""
    kernels = network.kernels[begin:end]
    if len(kernels) == 1 and not fed:
        return Part(kernels, None)
    first = kernels[0].row_reads[:1]
    if fed and (len(network.inputs) != 1 or not first or first[0].tensor != network.inputs[0]):
        return None
    if fed and any(_reads(kernel, network.inputs[0]) for kernel in network.kernels[end:]):
        return None
    stream = schedule(network, kernels)
    if stream is None:
        return None
    part = Part(kernels, stream, None if fed else schedule(network, kernels, backward=True))
    return _keep_states(network, begin, end, part, fed=fed)


def _keep_states(network: Network, begin: int, end: int, part: Part, *, fed: bool) -> Part | None:
    """The part in the directions in which no new value of a state is written over rows of the old one that are read later.

    None if it would be in both.
    """
    made = {write.tensor for kernel in part.kernels for write in kernel.writes}
    ends = [
        state for state in network.states if state.new in made and any(_reads(each, state.old) for each in part.kernels)
    ]
    if not ends:
        return part
    inner = cut_out(network, begin, end, part)
    lives = [find_lives(inner, (part,), each, fed=fed).tensors for each in find_both_ways(inner, (part,), fed=fed)]
    forward, backward = (
        not any(covers_zero(find_meetings(each[state.old], each[state.new])) for state in ends) for each in lives
    )
    if not forward:
        return None
    return part if backward else replace(part, mirrored=None)


def cut_out(network: Network, begin: int, end: int, part: Part) -> Network:
    """The kernels of a part with all tensors that are alive while it runs."""
    made = {write.tensor for kernel in network.kernels[:begin] for write in kernel.writes} | set(network.before)
    needed = {read.tensor for kernel in network.kernels[end:] for read in kernel.reads} | set(network.after)
    own = {access.tensor for kernel in part.kernels for access in (*kernel.reads, *kernel.writes)}
    written = {write.tensor for kernel in part.kernels for write in kernel.writes}
    alive = own | (made & needed)
    return Network(
        tuple(tensor for tensor in network.tensors if tensor.name in alive),
        part.kernels,
        tuple(sorted(alive - written - {state.old for state in network.states})),
        tuple(sorted(alive & needed)),
        states=tuple(state for state in network.states if {state.old, state.new} & alive),
    )


def _reads(kernel: Kernel, tensor: str) -> bool:
    return any(read.tensor == tensor for read in kernel.reads)
