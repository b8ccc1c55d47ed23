"""Matrix product of a few pixels with all output channels, requantised and stored, as assembly.

Weights come two channels to a lane (`vmcu.kernels.packing` says how, and why that is exact). Two pixels, four channels
and two lanes of depth are 4 loads, 8 SMLAD and 2 SXTB16: 15 cycles for 16 products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlir import ir

from vmcu.kernels.packing import GROUP, WIDE_GROUP, matmul_words

from ._asm import Asm, Scaling

UNROLLED = 16  # lanes of depth in the body of a loop
_FREE = ("r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr")  # r0: source, r1: record


@dataclass(frozen=True)
class Matmul:
    """The shape of a product.

    Args:
        pixels: 1 or 2.
        channels: output channels.
        depth: lanes (or bytes) of a pixel, a multiple of 4.
        pitch: lanes from one pixel to the next.
        bytes: the source is int8 in the pool, one pixel, instead of lanes.
        out_pitch: bytes from one output pixel to the next.
    """

    pixels: int
    channels: int
    depth: int
    pitch: int
    bytes: bool
    scaling: Scaling
    out_pitch: int

    @property
    def group(self) -> int:
        return WIDE_GROUP if self.bytes else GROUP

    def emit(self, source: ir.Value, record: ir.Value, out: ir.Value) -> None:
        """Compute the tile: `source` and `out` are addresses of its first pixel, `record` that of the first group's."""
        asm = Asm()
        full, rest = divmod(self.channels, self.group)
        asm("vmov", "s0", "r0")
        asm("vmov", "s2", "r2")
        if full:
            if full > 1:
                size = 4 * matmul_words(self.depth, self.group)
                asm("mov", "r3", "r1")
                asm.add("r3", full * size)
                asm("vmov", "s3", "r3")
                with asm.loop("r1", "s3", "r3"):
                    self._emit_group(asm, self.group)
            else:
                self._emit_group(asm, self.group)
        if rest:
            self._emit_group(asm, rest)
        asm.build({"r0": source, "r1": record, "r2": out})

    def _emit_group(self, asm: Asm, channels: int) -> None:
        pairs = -(-channels // 2)
        if self.bytes:
            sums, firsts = list(_FREE[-pairs:]), list(_FREE[-2 * pairs : -pairs])
            self._start(asm, [sums], [firsts])
            self._walk(asm, 4, lambda: self._byte_step(asm, sums, firsts))
            self._finish(asm, channels, [sums], [firsts])
            return
        names = iter(reversed(_FREE))
        sums = [[next(names) for _ in range(pairs)] for _ in range(self.pixels)]
        firsts = [[next(names) for _ in range(pairs)] for _ in range(self.pixels)]
        self._start(asm, sums, firsts)
        self._walk(asm, 2, lambda: self._lane_step(asm, sums, firsts))
        self._finish(asm, channels, sums, firsts)

    def _start(self, asm: Asm, sums: list[list[str]], firsts: list[list[str]]) -> None:
        for accs in zip(sums, firsts):
            for pair, registers in enumerate(zip(*accs)):
                for half, register in enumerate(registers):
                    asm.load(register, "r1", 8 * pair + 4 * half)
        asm.add("r1", 8 * len(sums[0]))

    def _walk(self, asm: Asm, depth: int, step: Callable[[], None]) -> None:
        """All steps of `depth` lanes each, in a loop if they are many; `r0` is back at its start afterwards."""
        steps, unrolled = self.depth // depth, UNROLLED // depth
        trips, rest = divmod(steps, unrolled) if steps > 2 * unrolled else (0, steps)
        if trips:
            asm("mov", "r3", "r0")
            asm.add("r3", trips * unrolled * depth * (1 if self.bytes else 2))
            asm("vmov", "s1", "r3")
            with asm.loop("r0", "s1", "r3"):
                for _ in range(unrolled):
                    step()
        for _ in range(rest):
            step()

    def _lane_step(self, asm: Asm, sums: list[list[str]], firsts: list[list[str]]) -> None:
        """Two lanes of depth."""
        pairs = len(sums[0])
        x, v = ["r2", "r3"][: self.pixels], ["r4", "r5"][:pairs]
        for pixel in reversed(range(self.pixels)):
            if pixel:
                asm.load(x[pixel], "r0", 2 * pixel * self.pitch)
            else:
                asm.load(x[pixel], "r0", step=4)
        for pair in reversed(range(pairs)):
            if pair:
                asm.load(v[pair], "r1", 4 * pair)
            else:
                asm.load(v[pair], "r1", step=4 * pairs)
        self._multiply(asm, x, v, sums)
        for each in v:
            asm("sxtb16", each, each)
        self._multiply(asm, x, v, firsts)

    def _multiply(self, asm: Asm, x: Sequence[str], v: Sequence[str], accs: list[list[str]]) -> None:
        for pair, weights in enumerate(v):
            for pixel, lanes in enumerate(x):
                asm("smlad", accs[pixel][pair], lanes, weights, accs[pixel][pair])

    def _byte_step(self, asm: Asm, sums: list[str], firsts: list[str]) -> None:
        """Four bytes of depth: the pixel's word is widened here, once for all channels."""
        x, even, v = "r2", "r3", ["r4", "r5"]
        asm.load(x, "r0", step=4)
        first = True
        for half in range(2):
            for start in range(0, len(sums), 2):
                chunk = v[: len(sums) - start]
                for register in chunk:
                    asm.load(register, "r1", step=4)
                if first:
                    asm("sxtb16", even, x)
                    first = False
                for register, pair in zip(chunk, range(start, start + 2)):
                    asm("smlad", sums[pair], x if half else even, register, sums[pair])
                for register in chunk:
                    asm("sxtb16", register, register)
                for register, pair in zip(chunk, range(start, start + 2)):
                    asm("smlad", firsts[pair], x if half else even, register, firsts[pair])
            if not half:
                asm("sxtb16", x, x, "ror #8")

    def _finish(self, asm: Asm, channels: int, sums: list[list[str]], firsts: list[list[str]]) -> None:
        """Requantise and store the group, and go on to the next one's place."""
        asm.set("r0", self.scaling.zero_point)
        for pair in range(-(-channels // 2)):
            both = 2 * pair + 1 < channels
            constants = ["r2", "r3", "r4", "r5"]
            for register in constants:
                asm.load(register, "r1", step=4)
            for pixel in range(self.pixels):
                a, s = firsts[pixel][pair], sums[pixel][pair]
                if both:
                    asm("sub", s, s, a)
                    asm("asr", s, s, 8)
                self.scaling.emit(asm, a, "r2", "r3", "r0")
                if both:
                    self.scaling.emit(asm, s, "r4", "r5", "r0")
            asm("vmov", "r2", "s2")
            for pixel in range(self.pixels):
                asm.store(firsts[pixel][pair], "r2", pixel * self.out_pitch + 2 * pair, op="strb")
                if both:
                    asm.store(sums[pixel][pair], "r2", pixel * self.out_pitch + 2 * pair + 1, op="strb")
        asm.add("r2", channels)
        asm("vmov", "s2", "r2")
        asm("vmov", "r0", "s0")

