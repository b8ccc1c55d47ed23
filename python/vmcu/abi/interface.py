"""What a program is to those who call it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vmcu.abi.names import Names
from vmcu.abi.pool_map import PoolMap
from vmcu.abi.tensor import Tensor
from vmcu.cores import Target

Input = Literal["resident", "fed"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Interface:
    """A program from outside.

    Args:
        name: prefix of the C symbols.
        target: what it was compiled for.
        inputs, outputs: what goes in and comes out, with the place of each in the pool.
        pool_bytes: RAM of all tensors, outputs and resident inputs included.
        row_bytes: of the image's rows if the input is fed row by row; None if it is resident.
        states: what is kept from run to run, with the place of each in the pool.
        pool_map: what the sanitizer has to know of code that reports its accesses; None of other code.
    """

    name: str
    target: Target
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    pool_bytes: int
    row_bytes: int | None
    states: tuple[Tensor, ...] = ()
    pool_map: PoolMap | None = field(default=None, repr=False)

    @property
    def names(self) -> Names:
        """Its C names."""
        return Names(self.name)

    @property
    def input(self) -> Input:
        """`"resident"`: the caller fills the input in the pool; `"fed"`: hands over its rows, one for each call."""
        return "resident" if self.row_bytes is None else "fed"

    @property
    def rows(self) -> int | None:
        """The number of rows that are fed; None if the input is resident."""
        return None if self.row_bytes is None else self.inputs[0].bytes // self.row_bytes

    @property
    def state_bytes(self) -> int:
        """Bytes of the pool that are kept from run to run."""
        return sum(each.bytes for each in self.states)

    @property
    def exports(self) -> tuple[str, ...]:
        """The C functions that the caller calls."""
        return (self.entry, self.names.reset) if self.states else (self.entry,)

    @property
    def entry(self) -> str:
        """The C function that runs the program, or the part of it that one row allows."""
        return self.names.run if self.row_bytes is None else self.names.feed_row
