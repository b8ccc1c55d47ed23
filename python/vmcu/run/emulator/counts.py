"""From executed blocks to instructions, accesses and cycles.

A run is recorded as how often each *edge* was taken: (start of the block before, start of this block, bytes of this
block). Edges say everything that counters of blocks cannot: whether the branch at a block's end was taken, and whether
a load at a block's start follows a load at the end of the block that falls through to it. An instruction that an IT
instruction makes conditional costs one cycle when it is skipped; how often it was executed is recorded apart.

Costs go to the function that holds the block, or the branch at its end, by the image's symbols.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from vmcu.cores import CycleTable
from vmcu.errors import Internal
from vmcu.run.emulator.decode import Cost, Decoder, Flow, Predicate, find_predicated
from vmcu.run.emulator.image import Image


@dataclass(frozen=True)
class Counts:
    """What one call did.

    Args:
        instructions: executed, skipped ones in IT blocks included; exact. None if the call did not count.
        loads: words (or halfwords, or bytes) read; exact. None if the call did not count.
        stores: words (or halfwords, or bytes) written; exact. None if the call did not count.
        cycles: by the target's `CycleTable`. None if the call did not count.
        stack_bytes: from the stack pointer at the call down to the lowest byte written.
        value: r0 at the return, as a signed number.
        value64: r1 and r0 at the return, as an unsigned number.
        functions: the figures above for each function that ran, by name; they add up to them. A function's figures are
            without those it calls. Empty if the call did not count.
    """

    instructions: int | None
    loads: int | None
    stores: int | None
    cycles: int | None
    stack_bytes: int
    value: int
    value64: int
    functions: Mapping[str, FunctionCounts] = field(default_factory=dict)

    @property
    def whole(self) -> FunctionCounts:
        """The figures of a call that counted, as those of one function.

        Raises:
            Internal: the call did not count.
        """
        figures = self.instructions, self.loads, self.stores, self.cycles
        known = [each for each in figures if each is not None]
        if len(known) != len(figures):
            raise Internal("figures are asked of a call that did not count")
        return FunctionCounts(1, *known)


@dataclass(frozen=True)
class FunctionCounts:
    """What one function did in a run: how often it was entered, and as of `Counts`."""

    calls: int = 0
    instructions: int = 0
    loads: int = 0
    stores: int = 0
    cycles: int = 0

    def __add__(self, other: FunctionCounts) -> FunctionCounts:
        return FunctionCounts(*(getattr(self, each) + getattr(other, each) for each in asdict(self)))


@dataclass
class Totals:
    """Sums over a run."""

    calls: int = 0
    instructions: int = 0
    loads: int = 0
    stores: int = 0
    cycles: int = 0


@dataclass(frozen=True)
class _Block:
    """Instructions that run one after the other; sums are without the branch that may end them."""

    end: int
    instructions: int
    loads: int
    stores: int
    cycles: int
    last: Cost
    is_last_predicated: bool
    begins_with_load: bool
    ends_in_access: bool


#: (start of the block before, start of the block, bytes of the block) to how often.
Edges = Mapping[tuple[int, int, int], int]

#: The block before the first.
NOWHERE = -1


class Accountant:
    """Prices runs of one image.

    Args:
        image: the firmware.
        table: cycles of the target.
    """

    def __init__(self, image: Image, table: CycleTable):
        self._image, self._table, self._decoder = image, table, Decoder(table)
        self._saved = table.load - table.load_after_access
        self._blocks: dict[int, _Block] = {}
        self._functions: dict[int, str] = {}
        self._entries = {start for start, _, _ in image.functions}
        self._predicates: dict[int, Predicate] = {}
        for start, end in image.code:
            self._predicates |= find_predicated(image.read(start, end - start), start)
        costs = {address: self._cost_at(address) for address in self._predicates}
        #: Instructions whose executions a run must count one by one: conditional ones that cost more than being
        #: skipped. A conditional branch is not among them: it ends its block, and the edges tell whether it was taken.
        self.watched = {
            address: cost
            for address, cost in costs.items()
            if cost.flow is Flow.NEXT and (cost.loads or cost.stores or cost.cycles != table.data)
        }

    def split(self, edges: Edges, executed: Mapping[int, int]) -> dict[str, FunctionCounts]:
        """Price a run, function by function.

        Args:
            edges: how often each edge was taken. The block before the first is `NOWHERE`; the last edge leads to where
                the run stopped, a block of 0 bytes.
            executed: for each address in `watched`, how often the instruction was not skipped.
        """
        sizes = _sizes(edges)
        totals: defaultdict[str, Totals] = defaultdict(Totals)
        for (before, start, size), times in edges.items():
            if size:
                self._add_block(totals[self._function(start)], self._block(start, size), times)
                totals[self._function(start)].calls += times * self._is_call(before, start)
            if before != NOWHERE:
                following = self._block(start, size) if size else None
                block = self._block(before, sizes[before])
                self._add_edge(totals[self._function(before)], block, start, following, times)
        for address, times in executed.items():
            self._add_executed(totals[self._function(address)], address, times)
        return {name: FunctionCounts(**asdict(each)) for name, each in totals.items()}

    def _function(self, address: int) -> str:
        if address not in self._functions:
            self._functions[address] = self._image.function_at(address)
        return self._functions[address]

    def _is_call(self, before: int, start: int) -> bool:
        """Whether this edge enters a function: a loop may lead back to a function's first instruction, too."""
        return start in self._entries and (before == NOWHERE or self._function(before) != self._function(start))

    def _add_block(self, totals: Totals, block: _Block, times: int) -> None:
        totals.instructions += times * block.instructions
        totals.loads += times * block.loads
        totals.stores += times * block.stores
        totals.cycles += times * block.cycles

    def _add_edge(self, totals: Totals, block: _Block, start: int, following: _Block | None, times: int) -> None:
        last = block.last
        if last.flow is Flow.NEXT:
            if block.ends_in_access and following and following.begins_with_load:
                totals.cycles -= times * self._saved
        elif start != block.end or (last.flow is Flow.ALWAYS and not block.is_last_predicated):
            totals.loads += times * last.loads
            totals.cycles += times * (last.cycles + last.taken)
        else:
            totals.cycles += times * self._table.not_taken

    def _add_executed(self, totals: Totals, address: int, times: int) -> None:
        cost = self.watched[address]
        totals.loads += times * cost.loads
        totals.stores += times * cost.stores
        # The block has counted the cycle of a skipped instruction.
        totals.cycles += times * (cost.cycles - self._table.data)
        if cost.is_single_access and self._is_load_after(address, address + cost.size):
            totals.cycles -= times * self._saved

    def _is_load_after(self, address: int, following: int) -> bool:
        """Whether `following` holds a load that is executed whenever the access at `address` is."""
        # Neither instruction changes flags, so in one IT block equal conditions have equal outcomes.
        if following in self._predicates and self._predicates[following] != self._predicates[address]:
            return False
        return self._cost_at(following).is_single_load

    def _cost_at(self, address: int) -> Cost:
        return self._decoder.decode_one(self._image.read(address, 4), address)

    def _block(self, start: int, size: int) -> _Block:
        if start not in self._blocks:
            self._blocks[start] = self._read_block(start, size)
        return self._blocks[start]

    def _read_block(self, start: int, size: int) -> _Block:
        instructions = list(self._decoder.decode(self._image.read(start, size), start))
        block = Totals(instructions=len(instructions))
        is_after_access = False
        for address, cost in instructions:
            is_predicated = address in self._predicates
            if cost.flow is Flow.NEXT:
                self._add_instruction(block, cost, is_predicated, is_after_access)
            is_after_access = cost.is_single_access and not is_predicated
        (first_address, first), (last_address, last) = instructions[0], instructions[-1]
        return _Block(
            end=start + size,
            instructions=block.instructions,
            loads=block.loads,
            stores=block.stores,
            cycles=block.cycles,
            last=last,
            is_last_predicated=last_address in self._predicates,
            begins_with_load=first.is_single_load and first_address not in self._predicates,
            ends_in_access=is_after_access,
        )

    def _add_instruction(self, block: Totals, cost: Cost, is_predicated: bool, is_after_access: bool) -> None:
        if is_predicated:
            block.cycles += self._table.data
            return
        block.loads += cost.loads
        block.stores += cost.stores
        block.cycles += cost.cycles - (self._saved if cost.is_single_load and is_after_access else 0)


def _sizes(edges: Edges) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for _, start, size in edges:
        if size and sizes.setdefault(start, size) != size:
            raise Internal(f"the block at {start:#x} was seen with {size} and with {sizes[start]} bytes")
    return sizes
