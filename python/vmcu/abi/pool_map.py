"""What is where in the pool of an instrumented program: what the compiler tells the sanitizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Functions `NAME_report_...` that the instrumented program calls; the arguments are those of the listener's methods.
REPORTS = ("enter", "load", "store", "free")


@dataclass(frozen=True)
class Home:
    """A place of a tensor: its byte `b` is at byte `offset + b mod span` of the pool."""

    offset: int
    span: int


@dataclass(frozen=True)
class Held:
    """A tensor that lives in the pool; in several homes if its rows move. `name` is for messages."""

    name: str
    bytes: int
    homes: tuple[Home, ...]


@dataclass(frozen=True)
class View:
    """A sequence through which a kernel sees a tensor.

    Args:
        tensor: index in `PoolMap.tensors`.
        segment: bytes of a segment.
        home: where stores through this sequence go.
        role: what the kernel does with it.
        reads: bytes `[low, high)` of the tensor outside of which the kernel reads none; None if it may read all.
    """

    tensor: int
    segment: int
    home: Home
    role: Literal["input", "output", "workspace"]
    reads: tuple[int, int] | None = None


@dataclass(frozen=True)
class Site:
    """A kernel, or what else touches the pool. Once a site of a later `part` runs, this one will not run again."""

    name: str
    part: int
    views: tuple[View, ...]


@dataclass(frozen=True)
class PoolMap:
    """What the shadow has to know of a program. `inputs` and `outputs` are whole in the pool before and after it.

    Of each of the `states`, which are kept from run to run, there is the tensor before a run and the one after it: what is
    the second one becomes the first one.
    """

    bytes: int
    tensors: tuple[Held, ...]
    sites: tuple[Site, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: tuple[tuple[int, int], ...] = ()
