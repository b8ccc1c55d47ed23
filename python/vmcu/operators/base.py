"""What an operator is, and what a way to compute it is.

An `Operator` says *what* is computed: plain data with shapes and constants. A `Family` says *how*: one way to compute one
kind of operator. Every operator has a family of plain loops, which any core can run; instruction sets add others
(`vmcu.isa`). A `Kernel` is an operator with the family and the variant that were chosen for it: the planner asks it for
its accesses, and `vmcu-tile-to-segments` lets it emit its loops. Both answers come from the family, in the same order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.ir.build import Index
from vmcu.operators.geometry import Steps
from vmcu.planner import Rows

Shape = tuple[int, int]  # of a sequence: its length in segments, the bytes of a segment


@dataclass(frozen=True, eq=False)
class Operator(ABC):
    """One layer, or several fused ones, as plain data.

    `workspace` is the bytes that it needs for itself while it runs layer by layer. An operator that `is_opaque` works on
    whole buffers, in an order that nobody knows: its inputs stay until it ends, and nothing overlaps.

    Args:
        flips: numbers of the inputs whose bytes are uint8. What is computed reads them less by 128, as int8: loops flip the
            highest bit of each byte, or take the bytes as they are and correct constants.
    """

    flips: frozenset[int] = field(default=frozenset(), kw_only=True)
    is_opaque: ClassVar[bool] = False

    @property
    @abstractmethod
    def kind(self) -> d.KernelKind:
        """The word that the IR has for it."""

    @property
    def whole(self) -> frozenset[int]:
        """Numbers of the inputs of which every row of the output reads everything."""
        return frozenset()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a run."""
        return 0

    @property
    def workspace(self) -> int:
        """Bytes."""
        return 0

    def divide(self, workspace: int) -> tuple[Shape, ...]:
        """The sequences that so many bytes of workspace are divided into."""
        return ((workspace, 1),)

    @abstractmethod
    def sequences(self) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
        """The shape of each input's and of each output's sequence."""

    @abstractmethod
    def rows(self) -> Rows | None:
        """How its output's rows lie over its input's, for streams; None if it is not made row by row."""

    @property
    def streamed_rows(self) -> Rows:
        """The rows of an operator that is made row by row."""
        rows = self.rows()
        assert rows is not None, "it is not made row by row"
        return rows

    @property
    def signature(self) -> str:
        """What the speed of its families depends on."""
        return str(self.kind)


@dataclass(frozen=True)
class Variant:
    """A family by name, and what is tuned about it: `matmul,pixels=1,unroll=32`.

    Args:
        name: empty for the plain loops that every operator has.
        options: (name, number); what is not named here has a default.
    """

    name: str = ""
    options: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def parse(text: str) -> Variant:
        """Read what `str` writes.

        Raises:
            ValueError: an option is no number.
        """
        name, *options = text.split(",")
        pairs = (option.partition("=") for option in options)
        return Variant(name, tuple((key, int(value)) for key, _, value in pairs))

    @staticmethod
    def of(op: d.DescribedKernel) -> Variant:
        """The variant that a kernel names, or plain loops."""
        named = op.variant
        return PLAIN if named is None else Variant(named.name, tuple(named.options.items()))

    def write(self, op: d.DescribedKernel) -> None:
        """Let a kernel name this variant; plain loops have no name.

        Raises:
            ValueError: the IR has no such variant; an option is no positive number.
        """
        attributes = op.operation.attributes
        if self.name or self.options:
            attributes["variant"] = d.VariantAttr.get(self.name, dict(self.options))
        elif "variant" in attributes:
            del attributes["variant"]

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.options)])

    def get(self, option: str, default: int) -> int:
        """The number of an option, or `default`."""
        return dict(self.options).get(option, default)

    def find(self, option: str) -> int | None:
        """The number of an option, if it is named."""
        return dict(self.options).get(option)


PLAIN = Variant()


@dataclass(frozen=True)
class Operands:
    """The sequences that a kernel runs on, and whether its code shall be small: then nothing is unrolled."""

    inputs: tuple[ir.Value, ...]
    outputs: tuple[ir.Value, ...]
    workspace: tuple[ir.Value, ...] = ()
    small: bool = False

    @property
    def input(self) -> ir.Value:
        """The first input."""
        return self.inputs[0]

    @property
    def output(self) -> ir.Value:
        """The first output."""
        return self.outputs[0]


T = TypeVar("T", bound=Operator)


class Family(ABC, Generic[T]):
    """One way to compute one kind of operator. `steps` and `emit` say the same accesses in the same order.

    `computes` is the class of the operator, `name` that of the variants it offers.
    """

    is_own: ClassVar[bool] = False  # written by the user: it comes before all that was measured
    name: str = PLAIN.name
    computes: type[T]

    def offers(self, operator: T) -> tuple[Variant, ...]:
        """The variants that compute `operator` exactly, the best guess first; none where it cannot be proven."""
        return (PLAIN,)

    def scratch(self, operator: T, variant: Variant) -> int:
        """Bytes of stack that a variant takes for lanes."""
        return 0

    @abstractmethod
    def steps(self, operator: T, variant: Variant) -> Steps:
        """Per step the bytes read and written, in raster order: all that the planner knows of the kernel."""

    def reversible(self, operator: T, variant: Variant) -> bool:
        """Whether the loops may take the steps from last to first."""
        return True

    @abstractmethod
    def emit(self, operator: T, variant: Variant, on: Operands, *, backward: bool) -> None:
        """The loops over the whole output, at the current insertion point."""

    @abstractmethod
    def emit_row(self, operator: T, variant: Variant, on: Operands, row: Index, *, backward: bool) -> None:
        """Make output row `row`, or take input row `row` if the operator accumulates; `backward` is the rows' order."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """An operator, and how it is computed."""

    operator: Operator
    family: Family
    variant: Variant = PLAIN

    @property
    def scratch(self) -> int:
        """Bytes of stack for lanes."""
        return self.family.scratch(self.operator, self.variant)

    def steps(self) -> Steps:
        """The accesses, as the planner sees them."""
        return self.family.steps(self.operator, self.variant)

    @property
    def reversible(self) -> bool:
        """Whether its steps may be taken from last to first."""
        return self.family.reversible(self.operator, self.variant)

    def emit(self, on: Operands, *, backward: bool) -> None:
        """The loops over the whole output."""
        self.family.emit(self.operator, self.variant, on, backward=backward)

    def emit_row(self, on: Operands, row: Index, *, backward: bool) -> None:
        """One row, in a stream."""
        self.family.emit_row(self.operator, self.variant, on, row, backward=backward)
