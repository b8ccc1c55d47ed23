"""Reports of an instrumented program, and what a listener has to know to understand them.

With `sanitize`, `convert-vmcu-to-llvm` calls one of four functions at each access to the pool. They do nothing: the
emulator listens for the calls (`vmcu.run.sanitizer`).

    NAME_report_enter(site)                            a kernel begins, a row is fed or settles
    NAME_report_load(operand, byte, address, count)    `count` bytes of the operand's tensor from byte `byte` on
    NAME_report_store(operand, byte, address, count)
    NAME_report_free(operand, byte, is_suffix)         the bytes before `byte`, or those from it on

Both the addresses that are used and the bytes that are meant are reported, so that wrong addresses show as well. Sites
are the ops that touch the pool, numbered as the function names them; operands are those of a site, numbered likewise.
"""

from __future__ import annotations

from mlir import ir
from mlir.dialects import arith, func, scf

from vmcu.abi.names import Names
from vmcu.abi.pool_map import Held, Home, PoolMap, Site, View
from vmcu.dialects import vmcu as d
from vmcu.isa import emit

#: The ops that a site is made of; `Reports.enter` comes before each of them.
SITES = (d.TiledKernelOp, d.FeedOp, d.SettleOp)
_LOOPS = ("scf.for", "scf.while", "scf.parallel", "affine.for")


class Reports:
    """Writes the calls, at the current insertion point, and the functions that are called, once."""

    def __init__(self, module: ir.Module, names: Names):
        self._names, self._sites = names, 0
        word, pointer = emit.integer(32), emit.pointer()
        access = [word, word, pointer, word]
        with ir.Location.unknown(module.context), ir.InsertionPoint.at_block_begin(module.body):
            for report, types in (("enter", [word]), ("load", access), ("store", access), ("free", [word] * 3)):
                function = func.FuncOp(self._names.report(report), (types, []))
                # A weak function may be another one at link time: no optimisation looks into it.
                function.attributes["llvm.linkage"] = ir.Attribute.parse("#llvm.linkage<weak>")
                with ir.InsertionPoint(function.add_entry_block()):
                    func.ReturnOp([])

    def enter(self) -> None:
        """The next site begins; the caller visits them in order."""
        self._call("enter", emit.word(self._sites))
        self._sites += 1

    def access(
        self, report: str, operand: int, byte: ir.Value, address: ir.Value, count: int, guard: ir.Value | None = None
    ) -> None:
        """A `load` or `store` of `count` bytes, which happens if the guard holds."""
        arguments = [emit.word(operand), arith.index_cast(emit.integer(32), byte), address, emit.word(count)]
        if guard is None:
            self._call(report, *arguments)
            return
        branch = scf.IfOp(guard)
        with ir.InsertionPoint(branch.then_block):
            self._call(report, *arguments)
            scf.yield_([])

    def free(self, operand: int, byte: ir.Value, is_suffix: bool) -> None:
        self._call("free", emit.word(operand), arith.index_cast(emit.integer(32), byte), emit.word(int(is_suffix)))

    def _call(self, report: str, *arguments: ir.Value) -> None:
        func.CallOp([], self._names.report(report), list(arguments))


def read_pool_map(module: ir.Module | ir.OpView) -> PoolMap:
    """The tensors and sites of a tiled module, as `Reports` will number them."""
    functions = [op for op in module.body.operations if isinstance(op, func.FuncOp) and not op.is_external]
    return next(_Reader().read(each) for each in functions if _pool_of(each) is not None)


def _pool_of(function: func.FuncOp) -> d.PoolOp | None:
    return next((op for op in function.regions[0].blocks[0].operations if isinstance(op, d.PoolOp)), None)


class _Reader:
    """Goes through a function once, and remembers which tensor was last stored at each place."""

    def __init__(self) -> None:
        self.tensors: list[Held] = []
        self.sites: list[Site] = []
        self.latest: dict[d.PlaceOp | None, int] = {}
        self.landed: dict[ir.Value, int] = {}  # views of a ring and its landing
        self.parts = 0

    def read(self, function: func.FuncOp) -> PoolMap:
        block = function.regions[0].blocks[0]
        places = sorted(
            (op for op in block.operations if d.is_port(op)),
            key=lambda op: op.number.value,
        )
        ports = {side: [op for op in places if op.role and op.role.value == side] for side in d.Role}
        is_fed = len(function.arguments) > 0
        resident = [] if is_fed else ports[d.Role.input]
        inputs = tuple(self._store(op.sequence, f"input {op.number.value}") for op in resident)
        olds = tuple(self._store(op.sequence, f"state {op.number.value}") for op in ports[d.Role.state])
        self._visit(block, None)
        outputs = tuple(self._load(op.sequence) for op in ports[d.Role.output])
        pool = _pool_of(function)
        assert pool is not None, "what has places has a pool"
        kept = tuple((old, self._load(op.sequence)) for old, op in zip(olds, ports[d.Role.state]))
        return PoolMap(pool.pool.type.bytes, tuple(self.tensors), tuple(self.sites), inputs, outputs, kept)

    def _visit(self, block: ir.Block, part: int | None) -> None:
        for op in block.operations:
            if isinstance(op, d.LandingOp):
                self.landed[op.result] = self._join(op.landing, op.ring)
            elif isinstance(op, SITES):
                self.sites.append(self._site(op, self._next_part() if part is None else part))
            else:
                inner = self._next_part() if part is None and op.operation.name in _LOOPS else part
                for region in op.operation.regions:
                    for each in region.blocks:
                        self._visit(each, inner)

    def _next_part(self) -> int:
        self.parts += 1
        return self.parts

    def _site(self, op: d.TiledKernelOp | d.FeedOp | d.SettleOp, part: int) -> Site:
        if isinstance(op, d.FeedOp):
            return Site("the caller", part, (_view(op.dest, self._store(op.dest, "input 0"), "output"),))
        if isinstance(op, d.SettleOp):
            tensor = self._join(op.landing, op.ring)
            return Site("a row settling", part, (_view(op.landing, tensor, "output"), _view(op.ring, tensor, "output")))
        name = op.operation.attributes["name"].value
        reads = _ranges(op)
        views = [_view(each, self._load(each), "input", range) for each, range in zip(op.inputs, reads)]
        for number, each in enumerate(op.outputs):
            views.append(_view(each, self._store(each, f"{name}.{number}"), "output"))
        views += [_view(each, self._add(each, f"the workspace of {name}"), "workspace") for each in op.workspace]
        return Site(f"kernel {name}", part, tuple(views))

    def _load(self, sequence: ir.Value) -> int:
        """The tensor that was stored where a sequence is; one that nobody stored, if there is none."""
        if sequence in self.landed:
            return self.landed[sequence]
        place = d.place_of(sequence)
        if place not in self.latest:
            self.latest[place] = self._add(sequence, f"a tensor at byte {d.offset_of(sequence)} that nobody stores")
        return self.latest[place]

    def _store(self, sequence: ir.Value, name: str) -> int:
        tensor = self.latest[d.place_of(sequence)] = self._add(sequence, name)
        return tensor

    def _add(self, sequence: ir.Value, name: str) -> int:
        kind = sequence.type
        self.tensors.append(Held(name, kind.length * kind.bytes, (_home(sequence),)))
        return len(self.tensors) - 1

    def _join(self, landing: ir.Value, ring: ir.Value) -> int:
        """The tensor that is made in `landing`, with `ring` as its second home."""
        tensor, home = self._load(landing), _home(ring)
        held = self.tensors[tensor]
        if home not in held.homes:
            self.tensors[tensor] = Held(held.name, held.bytes, (*held.homes, home))
        self.latest[d.place_of(ring)] = tensor
        return tensor


def _home(sequence: ir.Value) -> Home:
    return Home(d.offset_of(sequence), sequence.type.pool_bytes)


def _ranges(op: d.TiledKernelOp) -> list[tuple[int, int] | None]:
    """First and end byte that a kernel reads of each input; None of one that it reads wholly."""
    reads = op.operation.attributes.get("vmcu.reads", None)
    if reads is None:
        return [None] * len(op.inputs)
    numbers = list(reads)
    pairs: list[tuple[int, int] | None] = list(zip(numbers[::2], numbers[1::2]))
    return pairs * len(op.inputs) if len(pairs) == 1 else pairs


def _view(sequence: ir.Value, tensor: int, role: str, reads: tuple[int, int] | None = None) -> View:
    is_landed = isinstance(sequence.owner.opview, d.LandingOp)
    home = _home(sequence.owner.opview.ring if is_landed else sequence)
    return View(tensor, sequence.type.bytes, home, role, reads)  # type: ignore[arg-type]


def first_byte(sequence: ir.Value, index: ir.Value, byte: ir.Value | None = None, skipped: int = 0) -> ir.Value:
    """Byte `byte` of the segment `skipped` behind `index`, counted from the tensor's start."""
    size = sequence.type.bytes
    start = arith.muli(index, _index(size)) if size > 1 else index
    start = start if byte is None else arith.addi(start, byte)
    return arith.addi(start, _index(skipped * size)) if skipped else start


def _index(value: int) -> ir.Value:
    return arith.constant(ir.IndexType.get(), value)
