"""What the planner is asked and what it answers: plain data without MLIR.

A `Network` is a list of kernels in execution order. A kernel runs in *steps*; an `Access` says which bytes of a tensor
each step touches. A `Plan` gives every tensor a place in the pool and every kernel a direction. All sizes are bytes,
all ranges are half-open, and all of it survives a round trip through JSON.

    conv = Kernel("conv", reads=(Access("x", lo=[0, 2], hi=[4, 6]),), writes=(Access("y", lo=[0, 1], hi=[1, 2]),))
    Network((Tensor("x", 6), Tensor("y", 2)), (conv,), inputs=("x",), outputs=("y",)).validate()
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from math import gcd
from typing import overload

import numpy as np


class InvalidNetwork(ValueError):
    """The network contradicts itself; the message lists every fault and names its culprit."""


@dataclass(frozen=True)
class Tensor:
    """A segment sequence. Inside a stream only some of its `rows`, all of one size, are resident at a time."""

    name: str
    bytes: int
    rows: int = 1

    @property
    def row_bytes(self) -> int:
        return self.bytes // self.rows


@dataclass(frozen=True, eq=False)
class Access:
    """The bytes of one tensor that a kernel touches, step by step in raster order.

    Step `t` touches the range `[lo[t], hi[t])`, nothing where both are equal. An access without `lo` and `hi` is
    opaque: it may touch any byte at any step. Sequences of integers become arrays, and all are kept as
    read-only int64. Of a `whole` tensor a kernel in a stream reads everything for every row that it makes, so all of it is
    there before the stream begins.
    """

    tensor: str
    lo: np.ndarray | None = None
    hi: np.ndarray | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        for name in ("lo", "hi"):
            if getattr(self, name) is not None:
                steps = np.array(getattr(self, name), dtype=np.int64)
                steps.setflags(write=False)
                object.__setattr__(self, name, steps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Access):
            return NotImplemented
        pairs = (self.lo, other.lo), (self.hi, other.hi)
        return (self.tensor, self.whole) == (other.tensor, other.whole) and all(
            a is b if a is None or b is None else np.array_equal(a, b) for a, b in pairs
        )

    def __hash__(self) -> int:
        return hash(self.tensor)

    @property
    def is_opaque(self) -> bool:
        return self.lo is None or self.hi is None


@dataclass(frozen=True)
class Rows:
    """How a kernel makes its output row by row, which is what lets it be part of a stream.

    Output row `r` reads the input rows `(r * stride - pad + k * dilation) / up` for `k` in `[0, kernel)` that are whole
    and exist: a kernel with `up` above 1 sees its input with `up - 1` rows of nothing between two rows. A kernel that
    `accumulates` has one output row and reads every input row once, when it arrives.
    """

    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    pad: int = 0
    in_rows: int = 1
    out_rows: int = 1
    accumulates: bool = False
    workspace: int = 0  # bytes that the kernel needs in a stream, besides its own workspace
    up: int = 1

    @property
    def reach(self) -> int:
        """How far the last tap of a window lies behind the first one."""
        return (self.kernel - 1) * self.dilation

    def mirrored(self) -> Rows:
        """The same rows counted from the last one."""
        return self._mirror

    @cached_property
    def _mirror(self) -> Rows:
        last_tap = (self.out_rows - 1) * self.stride + self.reach - self.pad
        return replace(self, pad=last_tap - (self.in_rows - 1) * self.up)

    def last_reader(self, row: np.ndarray) -> np.ndarray:
        """The last output row that reads an input row; -1 if none does and none before did."""
        return np.minimum((row * self.up + self.pad) // self.stride, self.out_rows - 1)

    def read_rows(self, row: int) -> range:
        """The input rows that exist among those that output row `row` reads."""
        if self.accumulates:
            return range(self.in_rows)
        first = row * self.stride - self.pad
        taps = range(first, first + self.reach + 1, self.dilation)
        inside = [tap // self.up for tap in taps if tap % self.up == 0 and 0 <= tap // self.up < self.in_rows]
        step = self.dilation // gcd(self.dilation, self.up)
        return range(inside[0], inside[-1] + 1, step) if inside else range(0)


@dataclass(frozen=True)
class Kernel:
    """One computation. Every step first does all its reads, then all its writes.

    A reversible kernel may run its steps last to first. With `overlap=False` it reads its inputs in an order of its
    own, so that nothing may be written over them. `workspace` bytes are its own while it runs.
    """

    name: str
    reads: tuple[Access, ...]
    writes: tuple[Access, ...]
    workspace: int = 0  # bytes
    reversible: bool = True
    overlap: bool = True
    rows: Rows | None = None  # None: it cannot be part of a stream
    work: int = 0  # multiply-accumulates

    def scratch(self, streamed: bool) -> int:
        """The bytes of workspace, alone or in a stream."""
        return self.workspace + (self.rows.workspace if streamed and self.rows else 0)

    @property
    def row_reads(self) -> tuple[Access, ...]:
        """The tensors of which it reads some rows for each row that it makes."""
        return tuple(read for read in self.reads if not read.whole)

    @property
    def streamed_rows(self) -> Rows:
        """The rows of a kernel that is part of a stream."""
        assert self.rows is not None, "a kernel without rows cannot be part of a stream"
        return self.rows

    @property
    def steps(self) -> int:
        """The number of steps; 1 if every access is opaque."""
        return next((len(access.lo) for access in self.reads + self.writes if access.lo is not None), 1)


@dataclass(frozen=True)
class State:
    """A value that is kept from run to run: `new`, made by a run, is `old` in the next one, in the same place.

    The place is nobody else's between two runs, and from the last read of `old` to the first write of `new` it is free. Of a
    state that a run leaves as it is both names are one.
    """

    old: str
    new: str


@dataclass(frozen=True)
class Network:
    """Tensors, kernels in execution order, and what exists before the first and after the last of them."""

    tensors: tuple[Tensor, ...]
    kernels: tuple[Kernel, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    fusions: tuple[Fusion, ...] = ()  # what a plan may do if it is allowed more work
    states: tuple[State, ...] = ()

    @property
    def before(self) -> tuple[str, ...]:
        """What is there when a run begins."""
        return (*self.inputs, *(state.old for state in self.states))

    @property
    def after(self) -> tuple[str, ...]:
        """What must be there when it ends."""
        return (*self.outputs, *(state.new for state in self.states))

    @property
    def work(self) -> int:
        """Multiply-accumulates of a run."""
        return sum(kernel.work for kernel in self.kernels)

    def fuse(self, names: Sequence[str]) -> Network:
        """The network with the fusions whose kernels have these names.

        Raises:
            InvalidNetwork: a chain is not in the network, or something else reads what is made within.
        """
        kernels, inside = self.kernels, set()
        for fusion in (each for each in self.fusions if each.kernel.name in names):
            begin = next((at for at, kernel in enumerate(kernels) if kernel.name == fusion.chain[0]), 0)
            end = begin + len(fusion.chain)
            if tuple(kernel.name for kernel in kernels[begin:end]) != fusion.chain:
                raise InvalidNetwork(f"kernels {', '.join(fusion.chain)} do not follow one another")
            inside |= {write.tensor for kernel in kernels[begin:end] for write in kernel.writes}
            kernels = (*kernels[:begin], fusion.kernel, *kernels[end:])
        inside -= {write.tensor for kernel in kernels for write in kernel.writes}
        left = inside & ({read.tensor for kernel in kernels for read in kernel.reads} | set(self.after))
        if left:
            raise InvalidNetwork(f"tensor {min(left)} is made within fused kernels and read outside")
        tensors = tuple(tensor for tensor in self.tensors if tensor.name not in inside)
        return Network(tensors, kernels, self.inputs, self.outputs, states=self.states)

    def validate(self) -> None:
        """Raise `InvalidNetwork` with all faults of the network, if there are any."""
        if faults := list(_find_faults(self)):
            raise InvalidNetwork("; ".join(faults))
        for fusion in self.fusions:
            self.fuse([fusion.kernel.name]).validate()

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=np.ndarray.tolist)

    @staticmethod
    def from_json(text: str) -> Network:
        data = json.loads(text)
        return Network(
            tuple(Tensor(**tensor) for tensor in data["tensors"]),
            tuple(_kernel_from(kernel) for kernel in data["kernels"]),
            tuple(data["inputs"]),
            tuple(data["outputs"]),
            tuple(Fusion(tuple(each["chain"]), _kernel_from(each["kernel"])) for each in data.get("fusions", ())),
            tuple(State(**each) for each in data.get("states", ())),
        )


@dataclass(frozen=True)
class Fusion:
    """A `kernel` that may take the place of a chain of others, which follow one another in the network.

    It makes the same tensor out of the same tensors, does not need those in between, and has more work.
    """

    chain: tuple[str, ...]
    kernel: Kernel


@dataclass(frozen=True)
class Phase:
    """When a kernel of a stream works: it makes its output row `r` at tick `scale * (r + 1) - shift`."""

    scale: int
    shift: int

    @overload
    def tick(self, row: int) -> int: ...

    @overload
    def tick(self, row: np.ndarray) -> np.ndarray: ...

    def tick(self, row: int | np.ndarray) -> int | np.ndarray:
        return self.scale * (row + 1) - self.shift


@dataclass(frozen=True)
class Stream:
    """Kernels that run together, row by row. At each tick every kernel makes at most one row, in this order.

    Row `i` of the `driver` is there from tick `pace * i` on. A tick before the first or after the last row serves the
    halos. A backward stream counts all rows of all tensors from the last one.
    """

    driver: str  # the tensor whose rows set the pace
    kernels: tuple[str, ...]
    phases: tuple[Phase, ...]
    first_tick: int
    last_tick: int
    backward: bool = False
    pace: int = 1  # ticks from a row of the driver to the next

    @property
    def arrival(self) -> Phase:
        """When the driver's rows come."""
        return Phase(self.pace, self.pace)


@dataclass(frozen=True)
class Plan:
    """Where everything lives, and how far from perfect that may be."""

    pool_bytes: int
    offsets: dict[str, int]  # tensor -> bytes from the pool's start
    workspaces: dict[str, int] = field(default_factory=dict)  # kernel -> bytes from the pool's start
    backward: frozenset[str] = frozenset()  # kernels that run their last step first
    lower_bound: int = 0  # bytes that are alive at once at the alignment used: no plan needs less
    lower_bound_kernel: str = ""  # the kernel that sets it
    optimal: bool = False  # no smaller pool exists under the same rules
    streams: tuple[Stream, ...] = ()  # of two kernels or more
    rings: dict[str, int] = field(default_factory=dict)  # tensor -> rows that are resident; others wholly are
    # Tensor of a ring -> bytes from the pool's start. A new row is made here, and the kernels that run later in the
    # same tick read it here. When the stream's last reader of the tensor has had its turn, whether it made a row or
    # not, the row is copied to its ring.
    landings: dict[str, int] = field(default_factory=dict)
    fed: bool = False  # the network's input arrives row by row
    fused: tuple[str, ...] = ()  # the kernels of fusions that the plan is made for, in order
    recompute: float = 1.0  # the work of its kernels over that of the network's

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=sorted)

    @staticmethod
    def from_json(text: str) -> Plan:
        data = json.loads(text)
        streams = tuple(
            Stream(**{**each, "kernels": tuple(each["kernels"]), "phases": tuple(Phase(**it) for it in each["phases"])})
            for each in data["streams"]
        )
        sets = {"backward": frozenset(data["backward"]), "fused": tuple(data.get("fused", ()))}
        return Plan(**{**data, **sets, "streams": streams})


def _kernel_from(data: dict) -> Kernel:
    accesses = {side: tuple(Access(**access) for access in data[side]) for side in ("reads", "writes")}
    rows = None if data["rows"] is None else Rows(**data["rows"])
    return Kernel(**{**data, **accesses, "rows": rows})


def _find_faults(network: Network) -> Iterator[str]:
    yield from _find_repeated("tensor", [tensor.name for tensor in network.tensors])
    yield from _find_repeated("kernel", [kernel.name for kernel in network.kernels])
    yield from _find_repeated("input or state", network.before)
    yield from _find_repeated("new value of a state", [state.new for state in network.states])
    sizes = {tensor.name: tensor.bytes for tensor in network.tensors}
    for name, size in sizes.items():
        if size < 1:
            yield f"tensor {name} has {size} bytes"

    writer = {name: "the network's input" for name in network.inputs}
    writer |= {state.old: "the run before" for state in network.states}
    for kernel in network.kernels:
        if kernel.workspace < 0:
            yield f"kernel {kernel.name} has a workspace of {kernel.workspace} bytes"
        for access in kernel.reads:
            if access.tensor in sizes and access.tensor not in writer:
                yield f"kernel {kernel.name} reads {access.tensor} before anything wrote it"
        for access in kernel.writes:
            if access.tensor in writer:
                yield f"kernel {kernel.name} writes {access.tensor} again after {writer[access.tensor]}"
            writer.setdefault(access.tensor, f"kernel {kernel.name}")
        for access in kernel.reads + kernel.writes:
            yield from _find_access_faults(kernel, access, sizes.get(access.tensor))

    for name in network.inputs + network.outputs:
        if name not in sizes:
            yield f"the network's input or output {name} is not a tensor"
    for state in network.states:
        for name in dict.fromkeys((state.old, state.new)):
            if name not in sizes:
                yield f"the network's state {name} is not a tensor"
        if sizes.get(state.old) != sizes.get(state.new):
            yield f"state {state.old} has {sizes.get(state.old)} bytes, its new value {state.new} {sizes.get(state.new)}"
        if state.new != state.old and state.new in network.before:
            yield f"the new value {state.new} of state {state.old} is there before any kernel runs"
    for name in sizes:
        if name not in writer:
            yield f"tensor {name} is never written"


def _find_repeated(kind: str, names: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{kind} {name} appears {names.count(name)} times"


def _find_access_faults(kernel: Kernel, access: Access, size: int | None) -> Iterator[str]:
    where = f"kernel {kernel.name} at tensor {access.tensor}"
    if size is None:
        yield f"{where}: there is no such tensor"
        return
    if access.lo is None and access.hi is None:
        return
    if access.lo is None or access.hi is None:
        yield f"{where}: only one of lo and hi is given"
        return
    if access.lo.shape != (kernel.steps,) or access.hi.shape != (kernel.steps,) or not kernel.steps:
        yield f"{where}: lo has shape {access.lo.shape} and hi {access.hi.shape}, the kernel has {kernel.steps} steps"
        return
    wrong = np.flatnonzero((access.lo < 0) | (access.hi < access.lo) | (access.hi > size))
    if wrong.size:
        step = wrong[0]
        yield f"{where}: step {step} touches [{access.lo[step]}, {access.hi[step]}), the tensor has {size} bytes"
