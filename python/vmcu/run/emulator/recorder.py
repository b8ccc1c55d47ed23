"""Record which blocks run, and which conditional instructions are executed, at one Python call per block."""

from __future__ import annotations

from collections.abc import Iterable

import unicorn

from vmcu.run.emulator.counts import NOWHERE


class Recorder:
    """Hooks that count; they cost time only while they are switched on.

    Args:
        uc: the core.
        watched: addresses of instructions to count one by one, which must be conditional ones in IT blocks.
    """

    def __init__(self, uc: unicorn.Uc, watched: Iterable[int]):
        self._uc, self._watched = uc, tuple(watched)
        self._handles: list[int] = []
        self._before = NOWHERE
        self.edges: dict[tuple[int, int, int], int] = {}
        self.executed: dict[int, int] = {}

    def prepare(self, wanted: bool) -> None:
        """Forget what was recorded; record the next run if `wanted`."""
        self.edges.clear()
        self.executed.clear()
        self._before = NOWHERE
        if wanted == bool(self._handles):
            return
        if wanted:
            self._add_hooks()
        else:
            self._remove_hooks()
        # Unicorn builds hooks into translated code, so code that was translated before the change has to go.
        self._uc.ctl_flush_tb()  # type: ignore[attr-defined]  # made at run time

    def finish(self, stopped_at: int) -> None:
        """Record the last edge: the one that led out of the program."""
        if self._handles:
            self.edges[self._before, stopped_at, 0] = 1

    def _add_hooks(self) -> None:
        edges, executed = self.edges, self.executed

        def on_block(_uc: unicorn.Uc, address: int, size: int, _data: object) -> None:
            edge = (self._before, address, size)
            edges[edge] = edges.get(edge, 0) + 1
            self._before = address

        def on_executed(_uc: unicorn.Uc, address: int, _size: int, _data: object) -> None:
            executed[address] = executed.get(address, 0) + 1

        # Inside an IT block Unicorn calls a code hook only if the condition holds. Hooks on memory accesses would be
        # simpler, but in Unicorn 2.1 they leave the IT state behind and code after the IT block is then skipped.
        self._handles = [self._uc.hook_add(unicorn.UC_HOOK_BLOCK, on_block)]
        for at in self._watched:
            self._handles.append(self._uc.hook_add(unicorn.UC_HOOK_CODE, on_executed, begin=at, end=at))

    def _remove_hooks(self) -> None:
        for handle in self._handles:
            self._uc.hook_del(handle)
        self._handles = []
