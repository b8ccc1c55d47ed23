"""Plans in the IR as the planner's plain data: what a planned function asks and answers.

Everything is read from the ops as they stand, places, types and phases, and nothing from the planner's own answer. A
tensor is known by its bytes of the pool and by who made it last: a plan that a person wrote may place it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlir import ir

from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.ir.bridge import PassError
from vmcu.ir.ports import recorded_ports, recorded_states
from vmcu.isa import read_kernel
from vmcu.operators import Kernel

Region = tuple[int, int, int]  # offset, bytes of the pool, bytes of the whole tensor
Birth = tuple[int, int, int]  # scale, shift, rows: when the rows of a tensor are made


def describe_kernel(name: str, kernel: Kernel, reads: Sequence[str], writes: Sequence[str]) -> planner.Kernel:
    """A kernel that reads and writes tensors of these names, as the planner knows it."""
    operator = kernel.operator
    if operator.is_opaque:
        return planner.Kernel(
            name,
            tuple(planner.Access(each) for each in dict.fromkeys(reads)),
            tuple(planner.Access(each) for each in writes),
            workspace=operator.workspace,
            reversible=False,
            overlap=False,
        )
    steps = kernel.steps()
    accesses = (
        planner.Access(each, *steps.of(number), whole=number in operator.whole) for number, each in enumerate(reads)
    )
    return planner.Kernel(
        name,
        tuple(dict.fromkeys(accesses)),
        (planner.Access(writes[0], steps.write_lo, steps.write_hi),),
        workspace=operator.workspace,
        reversible=kernel.reversible,
        rows=operator.rows(),
        work=operator.macs,
    )


def rows_of(shape: Sequence[int]) -> int:
    """Rows of a tensor `[1, rows, columns, channels]`; any other tensor is one row."""
    return shape[1] if len(shape) >= 4 else 1


def read_plan(function: ir.OpView) -> tuple[planner.Network, planner.Plan, dict[str, ir.OpView]]:
    """A planned function as network and plan, and the op of each kernel by name.

    Raises:
        PassError: an op contradicts another one, so that there is no plan to speak of.
    """
    reader = _Reader(function)
    for op in function.regions[0].blocks[0].operations:
        reader.read(op)
    return reader.finish()


@dataclass
class _Reader:
    function: ir.OpView
    pool: int = 0
    tensors: dict[str, planner.Tensor] = field(default_factory=dict)
    kernels: list[planner.Kernel] = field(default_factory=list)
    ops: dict[str, ir.OpView] = field(default_factory=dict)
    newest: dict[Region, str] = field(default_factory=dict)  # the tensor that was made last in these bytes
    births: dict[str, Birth] = field(default_factory=dict)  # of tensors that are made in streams
    inputs: dict[int, str] = field(default_factory=dict)
    ends: dict[int, d.PlaceOp | d.ViewOp] = field(default_factory=dict)
    states: dict[int, d.PlaceOp | d.ViewOp] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    rings: dict[str, int] = field(default_factory=dict)
    landings: dict[str, int] = field(default_factory=dict)
    workspaces: dict[str, int] = field(default_factory=dict)
    backward: set[str] = field(default_factory=set)
    streams: list[planner.Stream] = field(default_factory=list)
    fed: bool = False

    def read(self, op: ir.OpView) -> None:
        if isinstance(op, d.PoolOp):
            self.pool = op.pool.type.bytes
        elif d.is_port(op, d.Role.input):
            self._add_input(op)
        elif d.is_port(op, d.Role.state):
            self._add_state(op)
        elif d.is_port(op, d.Role.output):
            self.ends[op.number.value] = op
        elif isinstance(op, d.StreamOp):
            self._read_stream(op)
        elif isinstance(op, d.PlacedKernelOp):
            self._read_kernel(op, (), None)
            if op.traversal.value == d.Traversal.backward:
                self.backward.add(op.name.value)

    def finish(self) -> tuple[planner.Network, planner.Plan, dict[str, ir.OpView]]:
        outputs = [self._find(op, op.sequence) for _, op in sorted(self.ends.items())]
        inputs = [name for _, name in sorted(self.inputs.items())]
        kept = [planner.State(_state(n), self._find(op, op.sequence)) for n, op in sorted(self.states.items())]
        network = planner.Network(
            tuple(self.tensors.values()),
            tuple(self.kernels),
            tuple(inputs),
            tuple(dict.fromkeys(outputs)),
            states=tuple(kept),
        )
        plan = planner.Plan(
            self.pool,
            self.offsets,
            self.workspaces,
            frozenset(self.backward),
            streams=tuple(self.streams),
            rings=self.rings,
            landings=self.landings,
            fed=self.fed,
        )
        return network, plan, self.ops

    def _add_input(self, op: d.PlaceOp | d.ViewOp) -> None:
        ports, number = recorded_ports(self.function), op.number.value
        rows = 1
        if ports is not None and number < len(ports[0]):
            rows = rows_of(ir.RankedTensorType(ports[0][number][0]).shape)
        self._add(op, f"input_{number}", op.sequence, rows)
        self.inputs[number] = f"input_{number}"

    def _add_state(self, op: d.PlaceOp | d.ViewOp) -> None:
        known, number = recorded_states(self.function), op.number.value
        if number >= len(known):
            raise PassError(op, f"is state {number}, whose initial value is not in 'vmcu.states'")
        self._add(op, _state(number), op.sequence, rows_of(ir.RankedTensorType(known[number][0]).shape))
        self.states[number] = op

    def _add(self, op: ir.OpView, name: str, sequence: ir.Value, rows: int) -> None:
        """A tensor of so many rows that is made in `sequence`."""
        offset, held, whole = _region(op, sequence)
        if whole % rows or held % (whole // rows):
            raise PassError(
                op, f"keeps {held} bytes of {name}, which is no whole number of its rows of {whole // rows}"
            )
        self.tensors[name] = planner.Tensor(name, whole, rows)
        self.newest[offset, held, whole] = name
        self.offsets[name] = offset
        if held < whole:
            self.rings[name] = held * rows // whole

    def _find(self, op: ir.OpView, sequence: ir.Value) -> str:
        region = _region(op, sequence)
        if region not in self.newest:
            offset, held, whole = region
            raise PassError(
                op, f"reads [{offset}, {offset + held}), where nothing before made a tensor of {whole} bytes"
            )
        return self.newest[region]

    def _read_kernel(self, op: d.PlacedKernelOp, later: Sequence[ir.OpView], stream: d.StreamOp | None) -> None:
        name, kernel = op.name.value, read_kernel(op)
        reads = [self._find(op, _ring_of(each)) for each in op.inputs]
        block = op.body.blocks[0]
        made = block.operations[len(block.operations) - 1].operands
        writes = [f"{name}.{number}" for number in range(len(op.outputs))]
        for tensor, sequence, value in zip(writes, op.outputs, made):
            ring = _ring_behind(later, _region(op, sequence))
            rows = rows_of(ir.RankedTensorType(value.type).shape)
            self._add(op, tensor, sequence if ring is None else ring, rows)
            if ring is not None:
                self._land(tensor, _region(op, sequence)[0])
        planned = describe_kernel(name, kernel, reads, writes)
        self._read_workspace(op, planned.scratch(stream is not None))
        self.kernels.append(planned)
        self.ops[name] = op

    def _land(self, tensor: str, offset: int) -> None:
        self.landings[tensor] = offset
        self.rings.setdefault(tensor, self.tensors[tensor].rows)

    def _read_workspace(self, op: d.PlacedKernelOp, needed: int) -> None:
        regions = [_region(op, each) for each in op.workspace]
        have = sum(held for _, held, _ in regions)
        if have < needed:
            raise PassError(op, f"has a workspace of {have} bytes and needs {needed}")
        if not regions:
            return
        self.workspaces[op.name.value] = at = regions[0][0]
        for offset, held, _ in regions:
            if offset != at:
                raise PassError(op, f"has a workspace in pieces: one begins at byte {offset}, expected {at}")
            at += held

    def _read_stream(self, stream: d.StreamOp) -> None:
        ops = list(stream.body.blocks[0].operations)
        members = [op for op in ops if isinstance(op, d.PlacedKernelOp)]
        source = stream.fed if stream.fed is not None else _ring_of(members[0].inputs[0])
        lands_in = _ring_behind(ops, _region(stream, source)) if stream.fed is not None else None
        driver = self._find(stream, source if lands_in is None else lands_in)
        if stream.fed is not None:
            self.fed = True
            if lands_in is not None:
                self._land(driver, _region(stream, source)[0])
        pace = stream.pace.value
        self.births[driver] = (pace, pace, self.tensors[driver].rows)
        phases = []
        for number, op in enumerate(ops):
            if isinstance(op, d.PlacedKernelOp):
                self._read_kernel(op, ops[number + 1 :], stream)
                phases.append(self._phase(op, pace))
            else:
                tensor = self._find(op, op.ring)
                self._expect(op, _birth(op.phase), self.births.get(tensor, self.births[driver]), f"rows of {tensor}")
        _expect_settled(ops)
        names = tuple(op.name.value for op in members)
        backward = "backward" in stream.operation.attributes
        span = stream.first.value, stream.last.value
        self.streams.append(planner.Stream(driver, names, tuple(phases), *span, backward, pace))

    def _phase(self, op: d.PlacedKernelOp, pace: int) -> planner.Phase:
        """When a kernel makes its rows; one that accumulates makes its only row with the last one that it takes."""
        kernel = self.kernels[-1]
        assert op.phase is not None, "kernels of a stream have phases"
        phase = planner.Phase(op.phase.scale, op.phase.shift)
        if kernel.rows is None:
            raise PassError(op, "is in a stream, but cannot run row by row")
        if kernel.rows.accumulates:
            source = kernel.reads[0].tensor
            birth = self.births.get(source, (pace, pace, kernel.rows.in_rows))
            self._expect(op, _birth(op.phase), birth, f"rows of {source}")
            phase = planner.Phase(1, 1 - (phase.scale * op.phase.rows - phase.shift))
        else:
            self._expect(op, (op.phase.rows,), (kernel.rows.out_rows,), "its own rows")
        self.births[kernel.writes[0].tensor] = (phase.scale, phase.shift, kernel.rows.out_rows)
        return phase

    @staticmethod
    def _expect(op: ir.OpView, found: tuple[int, ...], expected: tuple[int, ...], what: str) -> None:
        if found != expected:
            raise PassError(op, f"has a phase for {what} of {list(found)}, expected {list(expected)}")


def _state(number: int) -> str:
    return f"state_{number}"


def _birth(phase: d.PhaseAttr) -> Birth:
    return phase.scale, phase.shift, phase.rows


def _ring_of(sequence: ir.Value) -> ir.Value:
    """The sequence behind a landing's view."""
    owner = None if isinstance(sequence.owner, ir.Block) else sequence.owner.opview
    return owner.ring if isinstance(owner, d.LandingOp) else sequence


def _region(op: ir.OpView, sequence: ir.Value) -> Region:
    place = d.place_of(sequence)
    if place is None:
        raise PassError(op, "works on a sequence that no vmcu.place puts into the pool")
    kind = sequence.type
    return place.offset.value, kind.pool_bytes, kind.length * kind.bytes


def _ring_behind(ops: Sequence[ir.OpView], landing: Region) -> ir.Value | None:
    """The ring of rows that are made in `landing`, whose place other rows may take later on; none if they stay there."""
    for op in ops:
        if isinstance(op, d.LandingOp) and _region(op, op.landing) == landing:
            return op.ring
        if isinstance(op, d.PlacedKernelOp) and landing in [_region(op, each) for each in op.outputs]:
            return None
    return None


def _expect_settled(ops: Sequence[ir.OpView]) -> None:
    """Each row leaves its landing right behind its last reader in the stream."""
    for view in (op for op in ops if isinstance(op, d.LandingOp)):
        pair = _pair(view)
        views = [op.result for op in ops if isinstance(op, d.LandingOp) and _pair(op) == pair]
        last = max(at for at, op in enumerate(ops) if op == view or any(each in views for each in op.operands))
        behind = ops[last + 1 :]
        settles = [op for op in ops if isinstance(op, d.SettleOp) and _pair(op) == pair]
        others = next((at for at, op in enumerate(behind) if not isinstance(op, d.SettleOp)), len(behind))
        if len(settles) != 1 or settles[0] not in behind[:others]:
            raise PassError(view, "has no vmcu.settle right behind the last kernel that reads it")


def _pair(op: d.LandingOp | d.SettleOp) -> tuple[Region, Region]:
    return _region(op, op.landing), _region(op, op.ring)
