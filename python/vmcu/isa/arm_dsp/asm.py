"""Inner loops as assembly: one block of text with the core's registers by name.

A register tile that fills all fourteen registers leaves LLVM's allocator no room: it spills, and a spill in an inner
loop is what the tile was made to avoid. So the loops whose speed decides are written here, instruction by instruction,
and reach LLVM as one `llvm.inline_asm`. Values that are needed once per tile wait in registers of the FPU (`VMOV` is
one cycle, a reload two).

Every instruction says which registers it changes and reads (`Instruction`), so that a block is checked, and its
instructions are counted, before any assembler sees them. Core registers are `r0` to `r12` and `lr`, FPU registers `s0`
to `s31`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mlir import ir

from vmcu.isa import emit
from vmcu.operators.scale import choose_saturation

CORE = (*(f"r{number}" for number in range(13)), "lr")
FPU = tuple(f"s{number}" for number in range(32))
MAX_OFFSET = 4095  # bytes that a load or store adds to an address
MAX_STEP = 255  # bytes that a load or store moves its address on


@dataclass(frozen=True)
class Instruction:
    """One instruction, or a label.

    Args:
        text: as the assembler reads it.
        defs: registers that it changes.
        uses: registers that it reads.
    """

    text: str
    defs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    @property
    def op(self) -> str:
        """The mnemonic; a label is its own."""
        return self.text.split(" ", 1)[0]

    @staticmethod
    def of(op: str, *operands: str | int) -> Instruction:
        """`op operands`, of one of the mnemonics that inner loops are written with.

        Raises:
            ValueError: nobody knows what such an instruction changes.
        """
        text = f"{op} {', '.join(f'#{each}' if isinstance(each, int) else each for each in operands)}"
        named = [each for each in operands if each in CORE or each in FPU]
        if op in _COMPARE:
            return Instruction(text, (), tuple(map(str, named)))
        if op in _CONDITIONAL:  # what it may leave as it is it reads
            return Instruction(text, (str(named[0]),), tuple(map(str, named)))
        if op in _COMPUTE:
            return Instruction(text, (str(named[0]),), tuple(map(str, operands_read(operands))))
        raise ValueError(f"no instruction {op!r} in inner loops")

    @staticmethod
    def access(op: str, register: str, base: str, offset: int = 0, step: int = 0) -> Instruction:
        """A load or store at `base + offset`, or at `base`, which then moves on by `step` bytes.

        Raises:
            ValueError: the offset or the step is out of reach.
        """
        if not 0 <= offset <= MAX_OFFSET or not 0 <= step <= MAX_STEP or (offset and step):
            raise ValueError(f"{op} reaches {MAX_OFFSET} bytes and moves on by {MAX_STEP}, not {offset} and {step}")
        text = f"{op} {register}, [{base}{f', #{offset}' if offset else ''}]{f', #{step}' if step else ''}"
        moved = (base,) if step else ()
        return (
            Instruction(text, moved, (register, base))
            if op in _STORE
            else Instruction(text, (register, *moved), (base,))
        )


def operands_read(operands: tuple[str | int, ...]) -> tuple[str, ...]:
    """The registers behind the first operand, which is written."""
    return tuple(str(each) for each in operands[1:] if each in CORE or each in FPU)


_STORE = ("str", "strb")
_COMPARE = ("cmp",)
_CONDITIONAL = ("movlt", "movgt")
_COMPUTE = (
    *("add", "sub", "asr", "mov", "vmov", "pkhbt", "sxtb16", "uxtb16", "ssat", "usat"),
    *("smlad", "smlabb", "smlabt", "smlatb", "smlatt", "smmul", "smmlar", "smmlsr"),
)


@dataclass
class Asm:
    """Instructions in order."""

    instructions: list[Instruction] = field(default_factory=list)
    labels: int = 0

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return list(map(str, self.instructions))

    def __call__(self, op: str, *operands: str | int) -> None:
        self.instructions.append(Instruction.of(op, *operands))

    def load(self, register: str, base: str, offset: int = 0, *, op: str = "ldr", step: int = 0) -> None:
        """`register = [base + offset]`, or `[base]` and then `base += step`."""
        self.instructions.append(Instruction.access(op, register, base, offset, step))

    def store(self, register: str, base: str, offset: int = 0, *, op: str = "str", step: int = 0) -> None:
        """`[base + offset] = register`, or `[base]` and then `base += step`."""
        self.instructions.append(Instruction.access(op, register, base, offset, step))

    def load_multiple(self, base: str, first: int, last: int) -> None:
        """The FPU registers `first` to `last` from `base`, which moves on behind them."""
        text = f"vldmia {base}!, {{s{first}-s{last}}}"
        self.instructions.append(Instruction(text, (base, *FPU[first : last + 1]), (base,)))

    def add(self, register: str, amount: int) -> None:
        """`register += amount`, which may be negative, in as few immediates as it takes."""
        op, rest = ("add", amount) if amount >= 0 else ("sub", -amount)
        while rest:
            # A byte at any even or odd place, or twelve bits.
            part = rest if rest <= MAX_OFFSET else rest & (0xFF << max(0, rest.bit_length() - 8))
            self(op, register, register, part)
            rest -= part

    def set(self, register: str, value: int) -> None:
        """`register = value`, a number of up to 16 bits."""
        self("mov", register, value)

    def replace_if(self, condition: str, register: str, value: int) -> None:
        """`register = value` where `condition` (`lt`, `gt`) holds of `register` and `value`."""
        self("cmp", register, value)
        self.instructions.append(Instruction(f"it {condition}"))
        self(f"mov{condition}", register, value)

    @contextmanager
    def loop(self, pointer: str, end: str, scratch: str) -> Iterator[None]:
        """Repeat until `pointer` is what the FPU register `end` holds."""
        self.labels += 1
        label = self.labels
        self.instructions.append(Instruction(f"{label}:"))
        yield
        self("vmov", scratch, end)
        self("cmp", pointer, scratch)
        self.instructions.append(Instruction(f"bne {label}b"))

    def check(self, given: Iterable[str]) -> None:
        """Every register is written, or `given`, before it is read.

        Raises:
            ValueError: one is not.
        """
        known = set(given)
        for number, each in enumerate(self.instructions):
            unknown = [register for register in each.uses if register not in known]
            if unknown:
                raise ValueError(f"instruction {number}, '{each}', reads {unknown[0]}, which nothing has written")
            known |= set(each.defs)

    def build(self, inputs: dict[str, ir.Value]) -> None:
        """The block at the current insertion point; `inputs` are the registers' values at its start."""
        self.check(inputs)
        named = {register for each in self.instructions for register in each.defs} | set(inputs)
        core = [each for each in CORE if each in named]
        fpu = [each for each in FPU if each in named]
        results = [f"=&{{{each}}}" for each in core]
        ties = [str(core.index(each)) for each in inputs]
        clobbers = [f"~{{{each}}}" for each in fpu] + ["~{memory}", "~{cc}"]
        word = emit.integer(32)
        values = [emit.llvm.ptrtoint(word, each) if each.type == emit.pointer() else each for each in inputs.values()]
        kind = ir.Type.parse(f"!llvm.struct<({', '.join(['i32'] * len(core))})>") if len(core) > 1 else word
        emit.llvm.inline_asm(
            kind,
            values,
            "\n".join(self.lines),
            ",".join([*results, *ties, *clobbers]),
            has_side_effects=True,
        )


@dataclass(frozen=True)
class Scaling:
    """Requantisation of accumulators in registers.

    `kind` is that of `vmcu.operators.scale.ScaleForm`, `double` or `single`; a row of constants is (multiplier, factor).
    """

    kind: str
    zero_point: int
    low: int
    high: int

    @property
    def rounds_away(self) -> bool:
        """Whether ties below zero matter: not if everything below zero is clamped to the zero point."""
        return self.low < self.zero_point

    def emit(self, asm: Asm, acc: str, multiplier: str, factor: str, zero: str) -> None:
        """`acc = clamp(zero + acc * scale)`; `zero` holds the zero point."""
        if self.kind == "double":
            asm("smmlar", acc, acc, multiplier, acc)
            if self.rounds_away:
                asm("add", acc, acc, acc, "asr #31")
        else:
            asm("smmul", acc, acc, multiplier)
        asm("smmlsr", acc, acc, factor, zero)
        saturate, bits, low, high = choose_saturation(self.low, self.high)
        asm(saturate, acc, bits, acc)
        if self.low > low:
            asm.replace_if("lt", acc, self.low)
        if self.high < high:
            asm.replace_if("gt", acc, self.high)
