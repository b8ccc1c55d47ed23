"""Inner loops as assembly: one block of text with the core's registers by name.

A register tile that fills all fourteen registers leaves LLVM's allocator no room: it spills, and a spill in an inner
loop is what the tile was made to avoid. So the loops whose speed decides are written here, instruction by instruction,
and reach LLVM as one `llvm.inline_asm`. Values that are needed once per tile wait in registers of the FPU (`VMOV` is
one cycle, a reload two).

Text is collected line by line. Core registers are `r0` to `r12` and `lr`, FPU registers `s0` to `s31`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mlir import ir

from vmcu.isa import emit

CORE = (*(f"r{number}" for number in range(13)), "lr")
FPU = tuple(f"s{number}" for number in range(32))
MAX_OFFSET = 4095  # bytes that a load or store adds to an address
MAX_STEP = 255  # bytes that a load or store moves its address on


@dataclass
class Asm:
    """Text, and the registers that it changes."""

    lines: list[str] = field(default_factory=list)
    labels: int = 0

    def __call__(self, op: str, *operands: str | int) -> None:
        self.lines.append(f"{op} {', '.join(f'#{each}' if isinstance(each, int) else each for each in operands)}")

    def load(self, register: str, base: str, offset: int = 0, *, op: str = "ldr", step: int = 0) -> None:
        """`register = [base + offset]`, or `[base]` and then `base += step`."""
        self.lines.append(f"{op} {register}, [{base}{f', #{offset}' if offset else ''}]{f', #{step}' if step else ''}")

    store = load

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

    @contextmanager
    def loop(self, pointer: str, end: str, scratch: str) -> Iterator[None]:
        """Repeat until `pointer` is what the FPU register `end` holds."""
        self.labels += 1
        label = self.labels
        self.lines.append(f"{label}:")
        yield
        self("vmov", scratch, end)
        self("cmp", pointer, scratch)
        self.lines.append(f"bne {label}b")

    def build(self, inputs: dict[str, ir.Value]) -> None:
        """The block at the current insertion point; `inputs` are the registers' values at its start."""
        named = set(re.findall(r"\b(?:r\d+|lr|s\d+)\b", "\n".join(self.lines))) | set(inputs)
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
        bits = max(self.high, -self.low - 1).bit_length() + 1
        asm("ssat", acc, bits, acc)
        if self.low > -(1 << (bits - 1)):
            self._bound(asm, acc, "lt", self.low)
        if self.high < (1 << (bits - 1)) - 1:
            self._bound(asm, acc, "gt", self.high)

    def _bound(self, asm: Asm, acc: str, condition: str, limit: int) -> None:
        asm("cmp", acc, limit)
        asm("it", condition)
        asm(f"mov{condition}", acc, limit)
