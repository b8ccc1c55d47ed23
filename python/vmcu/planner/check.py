"""Replay a plan byte by byte and see whether every read finds what was written.

This is the judge of the planner, so it shares nothing with it but the data model: it keeps one owner per byte of the
pool and runs the kernels step by step, in their planned directions.
"""

from __future__ import annotations

import numpy as np

from vmcu.errors import Internal
from vmcu.planner.model import Access, Kernel, Network, Plan


def check(network: Network, plan: Plan) -> None:
    """Raise `Internal` at the first byte that is lost, with both culprits, the byte range, the kernel and the step."""
    pool = _Pool(network, plan)
    for name in network.inputs:
        pool.write(name, 0, pool.sizes[name])
    for kernel in network.kernels:
        _replay(kernel, pool, is_backward=kernel.name in plan.backward)
    for name in network.outputs:
        pool.read(name, 0, pool.sizes[name], "after the last kernel the network's user")


class _Pool:
    """The owner of every byte, as an index into `names`; 0 is nobody. Ranges are relative to the owner's offset."""

    def __init__(self, network: Network, plan: Plan):
        self.names = ["nobody"]
        self.index: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.offsets: dict[str, int] = {}
        self.owner = np.zeros(plan.pool_bytes, dtype=np.int32)
        for tensor in network.tensors:
            self._add(tensor.name, tensor.bytes, plan.offsets.get(tensor.name))
        for kernel in network.kernels:
            if kernel.workspace:
                self._add(_workspace_of(kernel), kernel.workspace, plan.workspaces.get(kernel.name))

    def _add(self, name: str, size: int, offset: int | None) -> None:
        if offset is None:
            raise Internal(f"{name} has no place in the pool")
        if offset < 0 or offset + size > len(self.owner):
            raise Internal(f"{name} [{offset}, {offset + size}) is outside the pool of {len(self.owner)} bytes")
        self.index[name], self.sizes[name], self.offsets[name] = len(self.names), size, offset
        self.names.append(name)

    def write(self, name: str, lo: int, hi: int) -> None:
        offset = self.offsets[name]
        self.owner[offset + lo : offset + hi] = self.index[name]

    def read(self, name: str, lo: int, hi: int, reader: str) -> None:
        offset = self.offsets[name]
        lost = self.owner[offset + lo : offset + hi] != self.index[name]
        if not lost.any():
            return
        start = offset + lo + int(lost.argmax())
        thief = self.owner[start]
        end = start
        while end < offset + hi and self.owner[end] == thief:
            end += 1
        fate = f"were overwritten by {self.names[thief]}" if thief else "were never written"
        raise Internal(f"{reader} reads {name} [{offset + lo}, {offset + hi}) but bytes [{start}, {end}) {fate}")


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
    if access.lo is None:
        return 0, pool.sizes[access.tensor]
    return int(access.lo[step]), int(access.hi[step])


def _workspace_of(kernel: Kernel) -> str:
    return f"the workspace of {kernel.name}"
