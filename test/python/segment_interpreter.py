"""Run the index arithmetic of tiled kernels and record which bytes of which sequence they touch, in order.

Loops, affine and arith ops on indices are translated to Python and executed; what computes on tensors' contents is left
out. `record` gives the events of one kernel, `replay` follows the events of a whole planned function byte by byte.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d

_BINARY = {"addi": "{} + {}", "subi": "{} - {}", "muli": "{} * {}", "andi": "{} & {}", "ori": "{} | {}",
           "maxsi": "max({}, {})", "minsi": "min({}, {})"}  # fmt: skip
_COMPARE = {0: "==", 1: "!=", 2: "<", 3: "<=", 4: ">", 5: ">="}

_TOUCH_NOTHING = {f"vmcu.{name}" for name in ("flash_load", "broadcast", "dot", "channel_dot", "requantize", "yield")}


@dataclass(frozen=True)
class Event:
    """Bytes `[lo, hi)` of the sequence that is the kernel's argument number `argument`.

    `op` counts the executed ops, so that the rows of one load or store can be told from the next one's. An op that reads
    while it stores has loads before its stores and the same ones after them.
    """

    kind: Literal["load", "store", "free"]
    argument: int
    lo: int
    hi: int
    op: int


def record(kernel: d.KernelOp) -> list[Event]:
    """The events of a tiled kernel, in order of execution."""
    return _Translation(kernel).run()


class _Translation:
    def __init__(self, kernel: d.KernelOp):
        block = kernel.body.blocks[0]
        self.sequences = [each.type for each in block.arguments]
        self.arguments = {argument: number for number, argument in enumerate(block.arguments)}
        self.ends = len(kernel.inputs), len(kernel.inputs) + len(kernel.outputs)
        # The loops of such a kernel work on memrefs, in an order that nobody relies on: only its views count.
        self.is_opaque = kernel.kind.value == d.KernelKind.buffer
        self.names: dict[ir.Value, str] = {}
        self.lines = ["def run(load, store, free, again):"]
        self._block(block, 1)

    def run(self) -> list[Event]:
        self.events: list[Event] = []
        self.count = 0
        scope: dict = {}
        exec("\n".join([*self.lines, " pass"]), scope)
        scope["run"](self._load, self._store, self._free, self._load_again)
        return self.events

    def _block(self, block: ir.Block, depth: int) -> None:
        for op in block.operations:
            for line in self._op(op, depth):
                self.lines.append(" " * depth + line)

    def _name(self, value: ir.Value) -> str:
        return self.names.setdefault(value, f"v{len(self.names)}")

    def _op(self, op: ir.OpView, depth: int) -> Iterator[str]:
        name = op.operation.name
        values = [self._name(each) for each in op.operands] if _is_arithmetic(op) else []
        if name == "scf.for" and not self.is_opaque:
            bounds = ", ".join(self._name(each) for each in list(op.operands)[:3])
            self.lines.append(" " * depth + f"for {self._name(op.induction_variable)} in range({bounds}):")
            self._block(op.body, depth + 1)
            yield " pass"
        elif name == "scf.if" and not self.is_opaque:
            for line, block in ((f"if {self._name(op.condition)}:", op.then_block), ("else:", op.else_block)):
                if block is not None:
                    self.lines.append(" " * depth + line)
                    self._block(block, depth + 1)
                    self.lines.append(" " * depth + " pass")
        elif name == "vmcu.segment_load":
            guards = ", ".join(self._name(each) for each in op.guards)
            stride = 1 if op.stride is None else op.stride.value
            yield (
                f"load({self.arguments[op.source]}, {self._segment(op)}, {self._name(op.byte)}, "
                f"{_valid(op, op.result)}, {_rows(op.result)}, {stride}, [{guards}])"
            )
        elif name == "vmcu.segment_store":
            yield (
                f"store({self.arguments[op.dest]}, {self._segment(op)}, {self._name(op.byte)}, "
                f"{_valid(op, op.value)}, {_rows(op.value)})"
            )
        elif name == "vmcu.widen":
            yield self._widen(op)
        elif name in ("vmcu.matmul", "vmcu.depthwise"):
            yield from self._tile(op)
        elif name == "vmcu.segment_free":
            yield f"free({self.arguments[op.sequence]}, {op.side.value == d.Side.from_}, {self._name(op.index)})"
        elif name == "vmcu.buffer":
            # Who has a view may touch any byte of it.
            number = self.arguments[op.sequence]
            call = "load" if number < self.ends[0] else "store"
            rest = ", 1, []" if call == "load" else ""
            yield f"{call}({number}, 0, 0, {self.sequences[number].length * self.sequences[number].bytes}, 1{rest})"
        elif name.startswith("vmcu.") and name not in _TOUCH_NOTHING:
            raise NotImplementedError(f"{name}: add what it touches here")
        elif not _is_arithmetic(op) or self.is_opaque and name != "arith.constant":
            return
        elif name == "arith.constant":
            yield f"{self._name(op.result)} = {ir.IntegerAttr(op.value).value}"
        elif name == "affine.apply":
            expression = str(ir.AffineMapAttr(op.attributes["map"]).value.results[0])
            expression = re.sub(r"d(\d+)", lambda dim: values[int(dim[1])], expression.replace("floordiv", "//"))
            yield f"{self._name(op.results[0])} = {expression}"
        elif name == "arith.cmpi":
            predicate = ir.IntegerAttr(op.attributes["predicate"]).value
            # An unsigned `<`: the only one that kernels use.
            test = (
                f"0 <= {values[0]} < {values[1]}"
                if predicate == 6
                else f"{values[0]} {_COMPARE[predicate]} {values[1]}"
            )
            yield f"{self._name(op.result)} = {test}"
        elif name == "arith.select":
            yield f"{self._name(op.result)} = {values[1]} if {values[0]} else {values[2]}"
        else:
            yield f"{self._name(op.results[0])} = " + _BINARY[name.removeprefix("arith.")].format(*values)

    def _segment(self, op: ir.OpView) -> str:
        """The segment that an op names, as a sum or alone."""
        return self._name(op.index) if op.within is None else f"{self._name(op.index)} + {self._name(op.within)}"

    def _widen(self, op: d.WidenOp) -> str:
        guards = "" if op.guard is None else self._name(op.guard)
        size = op.bytes.value * op.pieces.value
        return (
            f"load({self.arguments[op.source]}, {self._segment(op)}, {self._name(op.byte)}, {size}, 1, 1, [{guards}])"
        )

    def _tile(self, op: d.MatmulOp | d.DepthwiseOp) -> Iterator[str]:
        """One op for its inputs and output, as it reads the former between stores."""
        index, size = self._name(op.index), self.sequences[self.arguments[op.dest]].bytes
        if isinstance(op, d.DepthwiseOp):
            rows, guards = ([self._name(each) for each in values] for values in (op.rows, op.guards))
            count, left = op.out_columns.value, max(0, -op.pad.value)
            end = (count - 1) * op.stride.value - op.pad.value + op.window.value
            byte, read = left * size, (min(end, op.columns.value) - left) * size
            rows = rows if read > 0 else []  # windows may see nothing but halo
        else:
            rows, guards = [] if op.first is None else [self._name(op.first)], []
            count, byte, read = op.pixels.value, 0, op.depth.value
            index = self._segment(op)
        loads = [
            f"load({self.arguments[op.source]}, {row}, {byte}, {read}, 1, 1, [{guard}])"
            for row, guard in zip(rows, guards or itertools.repeat(""))
        ]
        yield from [*loads, f"store({self.arguments[op.dest]}, {index}, 0, {size * count}, 1)"]
        yield from [f"again({each.removeprefix('load(')}" for each in loads]

    def _add(self, kind: str, argument: int, lo: int, hi: int) -> None:
        length, size = self.sequences[argument].length, self.sequences[argument].bytes
        assert 0 <= lo <= hi <= length * size, f"{kind} of [{lo}, {hi}) in argument {argument} of {length}x{size}"
        self.events.append(Event(kind, argument, lo, hi, self.count))

    def _load(
        self, argument: int, index: int, byte: int, valid: int, rows: int, stride: int, guards: list[bool]
    ) -> None:
        self.count += 1
        for row in range(rows):
            if not guards or guards[row]:
                lo = (index + row * stride) * self.sequences[argument].bytes + byte
                self._add("load", argument, lo, lo + valid)

    def _load_again(self, *arguments: object) -> None:
        """A load by the op that has just stored."""
        self.count -= 1
        self._load(*arguments)

    def _store(self, argument: int, index: int, byte: int, valid: int, rows: int) -> None:
        self.count += 1
        for row in range(rows):
            lo = (index + row) * self.sequences[argument].bytes + byte
            self._add("store", argument, lo, lo + valid)

    def _free(self, argument: int, is_suffix: bool, index: int) -> None:
        self.count += 1
        length, size = self.sequences[argument].length, self.sequences[argument].bytes
        self._add("free", argument, *((index * size, length * size) if is_suffix else (0, index * size)))


def _is_arithmetic(op: ir.OpView) -> bool:
    """Whether an op computes an index or a condition."""
    if not op.operation.name.startswith(("arith.", "affine.")):
        return False
    types = {str(op.results[0].type), *(str(each.type) for each in list(op.operands)[-1:])}
    return types <= {"index", "i1"}


def _rows(value: ir.Value) -> int:
    return ir.VectorType(value.type).shape[0]


def _valid(op: ir.OpView, value: ir.Value) -> int:
    return ir.VectorType(value.type).shape[1] if op.valid is None else op.valid.value


NOBODY = -1


def replay(function: ir.OpView) -> None:
    """Follow a planned and tiled function byte by byte.

    Raises:
        AssertionError: a byte is loaded that is not its tensor's or was freed, or a store hits a byte that is neither
            free nor the same tensor's.
    """
    places, kernels = {}, []
    for op in function.regions[0].blocks[0].operations:
        if isinstance(op, d.PoolOp):
            owner = np.full(op.pool.type.bytes, NOBODY)
        elif isinstance(op, d.PlaceOp):
            length, size = op.sequence.type.length, op.sequence.type.bytes
            places[op.sequence] = (op.offset.value, op.offset.value + length * size)
            if d.is_port(op, d.Role.input):
                owner[slice(*places[op.sequence])] = 1_000_000 + op.number.value
        elif isinstance(op, d.KernelOp):
            kernels.append(op)
    for number, kernel in enumerate(kernels):
        operands = [*kernel.inputs, *kernel.outputs, *kernel.workspace]
        _replay_kernel(kernel, [places[each] for each in operands], owner, 1000 * number)
    for op in function.regions[0].blocks[0].operations:
        if d.is_port(op, d.Role.output):
            _tensor_at(places[op.sequence], owner, "the network's output")


def _replay_kernel(kernel: d.KernelOp, ranges: list[tuple[int, int]], owner: np.ndarray, number: int) -> None:
    name, inputs = kernel.operation.attributes["name"].value, len(kernel.inputs)
    tensors = [
        _tensor_at(each, owner, name) if position < inputs else number + position
        for position, each in enumerate(ranges)
    ]
    for event in record(kernel):
        base, tensor = ranges[event.argument][0], tensors[event.argument]
        found = owner[base + event.lo : base + event.hi]
        if event.kind == "load":
            assert (found == tensor).all(), f"{name} loads lost bytes: {event}"
        elif event.kind == "store":
            assert ((found == NOBODY) | (found == tensor)).all(), f"{name} stores over live bytes: {event}"
            found[:] = tensor
        else:
            found[found == tensor] = NOBODY
    for position in range(inputs + len(kernel.outputs), len(ranges)):
        owner[owner == tensors[position]] = NOBODY


def _tensor_at(place: tuple[int, int], owner: np.ndarray, who: str) -> int:
    found = np.unique(owner[slice(*place)])
    assert len(found) == 1 and found[0] != NOBODY, f"{who} reads {place}, where the bytes of {found} are"
    return int(found[0])
