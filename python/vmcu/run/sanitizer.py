"""A shadow of the pool that stops an instrumented program at its first wrong access.

The code of `convert-vmcu-to-llvm{sanitize=true}` reports what its segment ops do: which bytes of which tensor, and at
which address. The shadow knows for each byte of the pool which byte of which tensor it holds, if that is a live one.
It does not ask where the planner wanted things to be, but whether the promises of the IR hold:

* a load finds the bytes of its tensor, in a window that its kernel has not freed;
* a store hits no live byte but that of the same tensor and place in it, and stays where its sequence is placed;
* everything lies in the pool;
* the network's inputs are there when a run begins, or come row by row; its outputs are there when it ends;
* what is kept from run to run is there when a run ends, and still there when the next one begins.

A byte of a tensor is live from its store until every kernel that reads the tensor has freed it (`vmcu.segment_free`)
or has ended. Bytes of a tensor that nobody reads are never live: those of one that no kernel takes, and those that a
kernel leaves out (`vmcu.reads`). What a kernel does with a `vmcu.buffer` is taken to happen where the buffer is made.

Nothing here knows the IR: `vmcu.isa.reports` reads a `PoolMap` from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from vmcu.abi.names import Names
from vmcu.abi.pool_map import REPORTS, Home, PoolMap, Site
from vmcu.errors import Internal
from vmcu.run.emulator import Machine

Op = Literal["load", "store"]
_WORD = 4  # bytes of an entry of the shadow
_CALLER = (-1, 0)  # the reader of the network's outputs, and of states in the next run
Window = list[int]  # [low, high): what a reader has not freed


class PoolFault(Internal):
    """An access to the pool that breaks a promise.

    Args:
        site: what was running, such as `kernel conv2d_3`.
        op: what it was doing.
        tensor: whose segment it was about.
        segment: number of the first wrong segment.
        bytes_: bytes `[low, high)` of the access, from the pool's start.
        problem: what is wrong.
        other: the tensor that the bytes belong to, or None.
    """

    def __init__(
        self, site: str, op: Op, tensor: str, segment: int, bytes_: tuple[int, int], problem: str, other: str | None
    ):
        place = f"bytes [{bytes_[0]}, {bytes_[1]}) of the pool"
        super().__init__(f"{site}, {op} of segment {segment} of {tensor} at {place}: {problem}")
        self.site, self.op, self.tensor, self.segment, self.bytes, self.other = site, op, tensor, segment, bytes_, other


class PoolShadow:
    """The state of the pool during one run after another; `start` and `finish` surround each of them.

    Args:
        pool: what is in the pool.
        machine: runs the instrumented program.
        names: the program's symbols.

    `accesses` counts the loads and stores of the last run.
    """

    def __init__(self, pool: PoolMap, machine: Machine, names: Names):
        self.pool = pool
        self._base = machine.address(names.pool)
        # Every byte of every tensor has a number, 0 is no byte. Slices of `_ids` are compared with those of the shadow.
        self._first = np.cumsum([1, *(tensor.bytes for tensor in pool.tensors)]).tolist()
        self._ids = np.arange(self._first[-1], dtype=np.uint32).tobytes()
        self._zeros = bytes(_WORD * max(pool.bytes, self._first[-1]))
        self._readers = self._find_readers()
        self._has_run = False  # to its end, since the states were set
        for report in REPORTS:
            machine.on_call(names.report(report), getattr(self, f"_on_{report}"))
        self.start()

    def _find_readers(self) -> list[list[tuple[int, int]]]:
        """Of each tensor, the (site, operand) that read it."""
        readers: list[list[tuple[int, int]]] = [[] for _ in self.pool.tensors]
        for number, site in enumerate(self.pool.sites):
            for operand, view in enumerate(site.views):
                if view.role != "output":
                    readers[view.tensor].append((number, operand))
        for tensor in {*self.pool.outputs, *(new for _, new in self.pool.states)}:
            readers[tensor].append(_CALLER)
        return readers

    def reset(self) -> None:
        """The states have their initial values again."""
        self._has_run = False

    def start(self) -> None:
        """Begin a run: the pool holds the states and the resident inputs, and nothing else.

        Raises:
            PoolFault: a byte of a state is not what the last run left.
        """
        if self._has_run:
            self._require_whole([new for _, new in self.pool.states], "the next run")
        self._has_run = False  # an image whose rows end early leaves nothing behind
        self._forget_all()
        for tensor in (*(old for old, _ in self.pool.states), *self.pool.inputs):
            self._store(tensor, 1, self.pool.tensors[tensor].homes[0], 0, self.pool.tensors[tensor].bytes)

    def _forget_all(self) -> None:
        self.accesses = 0
        self._held = bytearray(_WORD * self.pool.bytes)  # of each byte of the pool, the number of the byte it holds
        self._pool = np.frombuffer(self._held, np.uint32)
        self._wanted = bytearray(self._ids)  # of each byte of the tensors, its number, or 0 if nobody reads it any more
        self._windows: list[dict[tuple[int, int], Window]] = []
        for tensor, readers in enumerate(self._readers):
            size = self.pool.tensors[tensor].bytes
            self._windows.append({reader: [0, size] for reader in readers})
            if not readers:
                self._forget(tensor, 0, size)
        for number, site in enumerate(self.pool.sites):
            for operand, view in enumerate(site.views):
                if view.reads is not None:
                    self._shrink(view.tensor, (number, operand), *view.reads)
        self._part = 0
        self._owned: set[tuple[int, int]] = set()  # workspaces whose kernels have begun
        self._number, self._site = -1, Site("the caller", -1, ())

    def finish(self) -> None:
        """The run has ended: outputs and states must be there.

        Raises:
            PoolFault: a byte of one is not.
        """
        self._require_whole(self.pool.outputs, "the caller")
        self._require_whole([new for _, new in self.pool.states], "the next run")
        self._has_run = True

    def _require_whole(self, tensors: Sequence[int], reader: str) -> None:
        self._number, self._site = -1, Site(reader, -1, ())
        for tensor in tensors:
            held = self.pool.tensors[tensor]
            self._load(tensor, 1, 0, held.homes[0].offset, held.bytes)

    # Reports of the program

    def _on_enter(self, site: int, *_: int) -> None:
        self._number, self._site = site, self.pool.sites[site]
        if self._site.part > self._part:
            self._end_parts(self._site.part)
        for operand, view in enumerate(self._site.views):
            if view.role == "workspace" and (site, operand) not in self._owned:
                self._owned.add((site, operand))
                self._store(view.tensor, view.segment, view.home, 0, self.pool.tensors[view.tensor].bytes)

    def _on_load(self, operand: int, byte: int, address: int, count: int) -> None:
        self.accesses += 1
        view = self._site.views[operand]
        self._load(view.tensor, view.segment, byte, address - self._base, count, lazily=view.role == "output")
        low, high = self._windows[view.tensor].get((self._number, operand), (0, 1 << 32))
        if not low <= byte <= byte + count <= high:
            reads = view.reads or (0, 1 << 32)
            is_left_out = not reads[0] <= byte <= byte + count <= reads[1]
            problem = "this kernel said that it reads no such bytes" if is_left_out else "this kernel has freed it"
            raise self._fault("load", view.tensor, byte // view.segment, address - self._base, count, problem)

    def _on_store(self, operand: int, byte: int, address: int, count: int) -> None:
        self.accesses += 1
        view = self._site.views[operand]
        self._store(view.tensor, view.segment, view.home, byte, count, address - self._base)

    def _on_free(self, operand: int, byte: int, is_suffix: int, _: int) -> None:
        view = self._site.views[operand]
        self._shrink(view.tensor, (self._number, operand), 0 if is_suffix else byte, byte if is_suffix else 1 << 32)

    # Loads and stores

    def _load(self, tensor: int, segment: int, byte: int, at: int, count: int, *, lazily: bool = False) -> None:
        """Check a load; one that is done `lazily`, to move a row, may take along bytes that nobody reads any more."""
        start = self._first[tensor] + byte
        self._require_inside("load", tensor, segment, byte, at, count)
        mine = self._wanted if lazily else self._ids
        if self._held[_WORD * at : _WORD * (at + count)] != mine[_WORD * start : _WORD * (start + count)]:
            wanted = np.frombuffer(mine, np.uint32)[start : start + count]
            differs = (self._pool[at : at + count] != wanted) & (wanted != 0)
            if not differs.any():
                return
            wrong = int(differs.argmax())
            found = int(self._pool[at + wrong])
            is_wanted = any(self._wanted[_WORD * (start + wrong) : _WORD * (start + wrong + 1)])
            fate = f"holds nothing: the segment was {'never stored' if is_wanted else 'freed'}"
            problem, other = self._describe(at + wrong, found, fate)
            raise self._fault("load", tensor, (byte + wrong) // segment, at, count, problem, other)

    def _store(self, tensor: int, segment: int, home: Home, byte: int, count: int, at: int | None = None) -> None:
        start, slot = self._first[tensor] + byte, byte % home.span
        at = home.offset + slot if at is None else at
        self._require_inside("store", tensor, segment, byte, at, count)
        if at != home.offset + slot or slot + count > home.span:
            problem = f"byte {byte} of the tensor belongs elsewhere in [{home.offset}, {home.offset + home.span})"
            raise self._fault("store", tensor, byte // segment, at, count, problem)
        here = slice(_WORD * at, _WORD * (at + count))
        mine = self._ids[_WORD * start : _WORD * (start + count)]
        if self._held[here] != self._zeros[: _WORD * count] and self._held[here] != mine:
            found = self._pool[at : at + count]
            wrong = (found != 0) & (found != np.arange(start, start + count))
            if wrong.any():
                first = int(wrong.argmax())
                problem, other = self._describe(at + first, int(found[first]), "holds nothing")
                problem += ", which is live"
                raise self._fault("store", tensor, (byte + first) // segment, at, count, problem, other)
        self._held[here] = self._wanted[_WORD * start : _WORD * (start + count)]
        for elsewhere in self.pool.tensors[tensor].homes:
            if elsewhere != home:
                self._erase(elsewhere, start, byte, byte + count)  # it has moved

    def _require_inside(self, op: Op, tensor: int, segment: int, byte: int, at: int, count: int) -> None:
        size = self.pool.tensors[tensor].bytes
        for what, start, limit in (("pool", at, self.pool.bytes), ("tensor", byte, size)):
            if start < 0 or start + count > limit:
                problem = f"it is outside of the {what} of {limit} bytes"
                raise self._fault(op, tensor, byte // segment, at, count, problem)

    def _fault(
        self, op: Op, tensor: int, segment: int, at: int, count: int, problem: str, other: str | None = None
    ) -> PoolFault:
        return PoolFault(self._site.name, op, self.pool.tensors[tensor].name, segment, (at, at + count), problem, other)

    def _describe(self, at: int, found: int, fate: str) -> tuple[str, str | None]:
        """What byte `at` of the pool holds, in words, and the tensor's name."""
        if not found:
            return f"byte {at} {fate}", None
        tensor = int(np.searchsorted(self._first, found, side="right")) - 1
        name = self.pool.tensors[tensor].name
        return f"byte {at} holds byte {found - self._first[tensor]} of {name}", name

    # The end of lives

    def _end_parts(self, part: int) -> None:
        """All kernels before `part` have ended, and with them their workspaces and what only they read."""
        for tensor, readers in enumerate(self._readers):
            for reader in readers:
                if reader != _CALLER and self._part <= self.pool.sites[reader[0]].part < part:
                    self._shrink(tensor, reader, 0, 0)
        self._part = part

    def _shrink(self, tensor: int, reader: tuple[int, int], low: int, high: int) -> None:
        """`reader` does not read what lies outside of `[low, high)` again."""
        windows = self._windows[tensor]
        if reader not in windows:  # A kernel's own output: a free is a promise for all.
            windows = {reader: [0, self.pool.tensors[tensor].bytes]}
        window = windows[reader]
        old = tuple(window)
        window[0] = max(window[0], min(low, window[1]))
        window[1] = min(window[1], max(high, window[0]))
        for piece in ((old[0], window[0]), (window[1], old[1])):
            for start, end in _subtract(piece, [each for key, each in windows.items() if key != reader]):
                self._forget(tensor, start, end)

    def _forget(self, tensor: int, low: int, high: int) -> None:
        """Nobody reads the bytes `[low, high)` of a tensor again."""
        start = self._first[tensor] + low
        self._wanted[_WORD * start : _WORD * (start + high - low)] = self._zeros[: _WORD * (high - low)]
        for home in self.pool.tensors[tensor].homes:
            self._erase(home, start, low, high)

    def _erase(self, home: Home, start: int, low: int, high: int) -> None:
        """Drop the bytes `[low, high)` of a tensor, `start` being the number of the first, from one of its homes."""
        slot, count = low % home.span, min(high - low, home.span)
        for begin, end in ((slot, min(slot + count, home.span)), (0, slot + count - home.span)):
            if begin < end:
                found = self._pool[home.offset + begin : home.offset + end]
                found[(found >= start) & (found < start + high - low)] = 0


def _subtract(piece: tuple[int, int], windows: list[Window]) -> list[tuple[int, int]]:
    """The parts of `piece` that lie in none of the windows."""
    pieces = [piece]
    for low, high in windows:
        if low < high:
            pieces = [part for begin, end in pieces for part in ((begin, min(end, low)), (max(begin, high), end))]
    return [(begin, end) for begin, end in pieces if begin < end]
