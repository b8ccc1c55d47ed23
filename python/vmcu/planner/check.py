"""Replay a plan byte by byte and see whether every read finds what was written.

This is the judge of the planner, so it shares nothing with it but the data model: it keeps one owner per byte of the
pool and runs the kernels step by step, in their planned directions. The owner of a byte is a row of a tensor, so that a
ring that is too short is seen as well. A network with states is run twice, so that what a run leaves of a state must be what
the next one finds. Streams are replayed tick by tick; a row that is still in its landing is read
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from vmcu.errors import Internal
from vmcu.planner.model import Access, Kernel, Network, Plan, Stream


def check(network: Network, plan: Plan) -> None:
    """Raise `Internal` at the first byte that is lost, with both culprits, the byte range, the kernel and the step.

    The exception has the kernel's name as its attribute `kernel`, if a kernel was running.
    """
    network = network.fuse(plan.fused)
    pool = _Pool(network, plan)
    for state in network.states:
        pool.write(state.old, 0, pool.sizes[state.old])
    for _ in range(2 if network.states else 1):
        _run(network, plan, pool)
        for state in network.states:
            pool.read(state.new, 0, pool.sizes[state.new], "the next run")
        for state in network.states:
            pool.rename(state.new, state.old)


def _run(network: Network, plan: Plan, pool: _Pool) -> None:
    if not plan.fed:
        for name in network.inputs:
            pool.write(name, 0, pool.sizes[name])
    streams = {stream.kernels[0]: stream for stream in plan.streams}
    kernels = {kernel.name: kernel for kernel in network.kernels}
    done: set[str] = set()
    for kernel in network.kernels:
        if kernel.name in streams:
            stream = streams[kernel.name]
            fed = plan.fed and stream.driver in network.inputs
            with _blaming(kernel):
                _replay_stream(stream, [kernels[name] for name in stream.kernels], pool, fed=fed)
            done.update(stream.kernels)
        elif kernel.name not in done:
            with _blaming(kernel):
                _replay(kernel, pool, is_backward=kernel.name in plan.backward)
    for name in network.outputs:
        pool.read(name, 0, pool.sizes[name], "after the last kernel the network's user")


class _Pool:
    """The owner of every byte: which tensor, and which byte of it. Ranges are relative to the owner's start."""

    def __init__(self, network: Network, plan: Plan):
        self.names = ["nobody"]
        self.index: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.row_bytes: dict[str, int] = {}
        self.places: dict[str, np.ndarray] = {}  # byte of the tensor -> byte of the pool
        self.owner = np.zeros(plan.pool_bytes, dtype=np.int64)
        self.held = np.zeros(plan.pool_bytes, dtype=np.int64)
        for tensor in network.tensors:
            ring = plan.rings.get(tensor.name, tensor.rows)
            self._add(tensor.name, tensor.bytes, plan.offsets.get(tensor.name), ring * tensor.bytes // tensor.rows)
            self.row_bytes[tensor.name] = tensor.bytes // tensor.rows
        self.landed: dict[str, int | None] = dict.fromkeys(plan.landings)  # the row of a tensor that is in its landing
        for name, offset in plan.landings.items():
            if name not in plan.rings:
                raise Internal(f"{name} has a landing but no ring")
            # All rows are made in the same place, one at a time.
            self._add(_landing_of(name), self.sizes[name], offset, self.row_bytes[name])
            self.row_bytes[_landing_of(name)] = self.row_bytes[name]
        for kernel in network.kernels:
            scratch = kernel.scratch(any(kernel.name in stream.kernels for stream in plan.streams))
            if scratch:
                self._add(_workspace_of(kernel), scratch, plan.workspaces.get(kernel.name), scratch)

    def _add(self, name: str, size: int, offset: int | None, span: int) -> None:
        if offset is None:
            raise Internal(f"{name} has no place in the pool")
        if offset < 0 or offset + span > len(self.owner):
            raise Internal(f"{name} [{offset}, {offset + span}) is outside the pool of {len(self.owner)} bytes")
        self.index[name], self.sizes[name] = len(self.names), size
        self.places[name] = offset + np.arange(size) % span
        self.names.append(name)

    def write(self, name: str, lo: int, hi: int) -> None:
        places = self.places[name][lo:hi]
        self.owner[places], self.held[places] = self.index[name], np.arange(lo, hi)

    def read(self, name: str, lo: int, hi: int, reader: str, what: str = "") -> None:
        places = self.places[name][lo:hi]
        lost = (self.owner[places] != self.index[name]) | (self.held[places] != np.arange(lo, hi))
        if not lost.any():
            return
        first = int(lost.argmax())
        start, thief = int(places[first]), int(self.owner[places[first]])
        count = 0
        while first + count < len(places) and lost[first + count] and self.owner[places[first + count]] == thief:
            count += 1
        fate = f"were overwritten by {self._describe(thief, start)}" if thief else "were never written"
        raise Internal(
            f"{reader} reads {what}{name} [{places[0]}, {places[-1] + 1}) but bytes [{start}, {start + count}) {fate}"
        )

    def rename(self, new: str, old: str) -> None:
        """What is `new` after a run is `old` before the next one, if it lies where that is looked for."""
        if not np.array_equal(self.places[new], self.places[old]):
            found, wanted = (int(self.places[name][0]) for name in (new, old))
            raise Internal(f"{new} is made at byte {found}, and the next run looks for it at byte {wanted}, as {old}")
        self.write(old, 0, self.sizes[old])

    def _describe(self, thief: int, byte: int) -> str:
        name = self.names[thief]
        rows = self.row_bytes.get(name)
        if not rows or rows == self.sizes[name]:
            return name
        return f"{name} row {self.held[byte] // rows}"

    def write_row(self, name: str, row: int) -> None:
        if name in self.landed:
            if self.landed[name] is not None:
                raise Internal(f"row {row} of {name} is made while row {self.landed[name]} is still in its landing")
            self.landed[name] = row
            name = _landing_of(name)
        self.write(name, row * self.row_bytes[name], (row + 1) * self.row_bytes[name])

    def read_row(self, name: str, row: int, reader: str) -> None:
        if name in self.landed and self.landed[name] == row:
            name = _landing_of(name)
        self.read(name, row * self.row_bytes[name], (row + 1) * self.row_bytes[name], reader, f"row {row} of ")

    def settle(self, name: str, copier: str) -> None:
        """Copy a row from its landing to its ring, if there is one."""
        row = self.landed.get(name)
        if row is None:
            return
        self.read_row(name, row, copier)
        self.landed[name] = None
        self.write(name, row * self.row_bytes[name], (row + 1) * self.row_bytes[name])


@contextmanager
def _blaming(kernel: Kernel) -> Iterator[None]:
    """Let what is found while `kernel` runs have its name as `kernel`."""
    try:
        yield
    except Internal as error:
        if error.kernel is None:
            error.kernel = kernel.name
        raise


def _replay_stream(stream: Stream, kernels: list[Kernel], pool: _Pool, *, fed: bool) -> None:
    """Run the kernels tick by tick; every row must come out once, in order, and find its input rows."""
    made = dict.fromkeys(stream.kernels, 0)
    # A row leaves its landing after the last kernel that reads the tensor.
    leaves = {read.tensor: kernel.name for kernel in kernels for read in kernel.reads}
    for kernel in kernels:
        if scratch := kernel.scratch(True):
            pool.write(_workspace_of(kernel), 0, scratch)
    for tick in range(stream.first_tick, stream.last_tick + 1):
        fed_row, rest = divmod(tick, stream.pace)
        if fed and not rest and fed_row * pool.row_bytes[stream.driver] in range(pool.sizes[stream.driver]):
            pool.write_row(stream.driver, fed_row)
        for kernel, phase in zip(kernels, stream.phases):
            with _blaming(kernel):
                row, rest = divmod(tick + phase.shift - phase.scale, phase.scale)
                if kernel.streamed_rows.accumulates:
                    _accumulate(kernel, stream, kernels, tick, pool)
                if not rest and 0 <= row < kernel.streamed_rows.out_rows:
                    if row != made[kernel.name]:
                        due = made[kernel.name]
                        raise Internal(f"kernel {kernel.name} makes row {row} at tick {tick}, row {due} is next")
                    made[kernel.name] += 1
                    _make_row(kernel, kernel.streamed_rows.out_rows - 1 - row if stream.backward else row, tick, pool)
                for name in (read.tensor for read in kernel.reads if leaves[read.tensor] == kernel.name):
                    pool.settle(name, f"after kernel {kernel.name} at tick {tick} the copy to the ring")
    for kernel in kernels:
        if made[kernel.name] != kernel.streamed_rows.out_rows:
            raise Internal(
                f"kernel {kernel.name} makes {made[kernel.name]} of its {kernel.streamed_rows.out_rows} rows"
            )


def _make_row(kernel: Kernel, row: int, tick: int, pool: _Pool) -> None:
    where = f"kernel {kernel.name} at tick {tick}, which makes row {row},"
    tensors = [] if kernel.streamed_rows.accumulates else [read.tensor for read in kernel.reads if not read.whole]
    reads = [(tensor, needed) for tensor in tensors for needed in kernel.streamed_rows.read_rows(row)]
    whole = [read.tensor for read in kernel.reads if read.whole]
    for read in reads:
        pool.read_row(*read, where)
    for tensor in whole:
        pool.read(tensor, 0, pool.sizes[tensor], where)
    pool.write_row(kernel.writes[0].tensor, row)
    # Within a row reads and writes take turns, so what is read must outlive all that is written.
    for read in reads:
        pool.read_row(*read, where)
    for tensor in whole:
        pool.read(tensor, 0, pool.sizes[tensor], where)
    if scratch := kernel.scratch(True):
        pool.read(_workspace_of(kernel), 0, scratch, where)


def _accumulate(kernel: Kernel, stream: Stream, kernels: list[Kernel], tick: int, pool: _Pool) -> None:
    """Read the input row that has arrived at this tick, if one has."""
    source = next(read.tensor for read in kernel.reads if not read.whole)
    maker = next((number for number, each in enumerate(kernels) if each.writes[0].tensor == source), None)
    row, rest = divmod(tick, stream.pace)
    if maker is not None:
        phase = stream.phases[maker]
        row, rest = divmod(tick + phase.shift - phase.scale, phase.scale)
    if not rest and 0 <= row < kernel.streamed_rows.in_rows:
        row = kernel.streamed_rows.in_rows - 1 - row if stream.backward else row
        pool.read_row(source, row, f"kernel {kernel.name} at tick {tick}")
        if scratch := kernel.scratch(True):
            pool.read(_workspace_of(kernel), 0, scratch, f"kernel {kernel.name} at tick {tick}")


def _replay(kernel: Kernel, pool: _Pool, is_backward: bool) -> None:
    if is_backward and not kernel.reversible:
        raise Internal(f"kernel {kernel.name} is planned backward but is not reversible")
    # A read in unknown order may come as late as the last step, so it is repeated after all the writes.
    unordered = [read for read in kernel.reads if read.lo is None or not kernel.overlap]
    ordered = [read for read in kernel.reads if read not in unordered]
    if kernel.workspace:
        pool.write(_workspace_of(kernel), 0, kernel.workspace)
    for read in unordered:
        pool.read(read.tensor, 0, pool.sizes[read.tensor], f"kernel {kernel.name}")
    for step in reversed(range(kernel.steps)) if is_backward else range(kernel.steps):
        for read in ordered:
            pool.read(read.tensor, *_range(read, step, pool), f"kernel {kernel.name} step {step}")
        for write in kernel.writes:
            pool.write(write.tensor, *_range(write, step, pool))
    for read in unordered:
        pool.read(read.tensor, 0, pool.sizes[read.tensor], f"kernel {kernel.name}")
    if kernel.workspace:
        pool.read(_workspace_of(kernel), 0, kernel.workspace, f"kernel {kernel.name}")


def _range(access: Access, step: int, pool: _Pool) -> tuple[int, int]:
    if access.lo is None or access.hi is None:
        return 0, pool.sizes[access.tensor]
    return int(access.lo[step]), int(access.hi[step])


def _workspace_of(kernel: Kernel) -> str:
    return f"the workspace of {kernel.name}"


def _landing_of(tensor: str) -> str:
    return f"the landing of {tensor}"
