"""Matrix product of a few pixels with all output channels, requantised and stored, as assembly.

Weights come two channels to a lane (`vmcu.isa.arm_dsp.packing` says how, and why that is exact). Two pixels, four channels
and two lanes of depth are 4 loads, 8 SMLAD and 2 SXTB16: 15 cycles for 16 products.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlir import ir

from vmcu.isa.arm_dsp.asm import Asm, Scaling
from vmcu.isa.arm_dsp.packing import GROUP, WIDE_GROUP, matmul_words

UNROLLED, SHORT = 16, 4  # lanes of depth in the body of a loop, unless the op says otherwise; where code shall be small
_FREE = ("r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr")  # r0: source, r1: record


@dataclass(frozen=True)
class Matmul:
    """The shape of a product.

    Args:
        pixels: 1 to 3; three pixels take two channels at a time, as more sums do not fit the registers.
        channels: output channels.
        depth: lanes (or bytes) of a pixel, a multiple of 4.
        pitch: lanes from one pixel to the next.
        bytes: the source is int8 in the pool, one pixel, instead of lanes.
        out_pitch: bytes from one output pixel to the next.
        unroll: lanes of depth in the body of the inner loop, a multiple of 4.
        is_unsigned: the bytes are uint8.
    """

    pixels: int
    channels: int
    depth: int
    pitch: int
    bytes: bool
    scaling: Scaling
    out_pitch: int
    unroll: int = UNROLLED
    is_unsigned: bool = False

    @property
    def group(self) -> int:
        return WIDE_GROUP if self.bytes else GROUP

    @property
    def _steps(self) -> tuple[int, int, int]:
        """(steps before the loop, trips of the loop, steps of a trip); a step is a word of the pixels' source."""
        lanes = 4 if self.bytes else 2
        steps, unrolled = self.depth // lanes, self.unroll // lanes
        is_short = steps <= max(unrolled, 2 * UNROLLED // lanes if self.unroll >= UNROLLED else 0)
        return (steps, 0, 0) if is_short else (steps % unrolled, steps // unrolled, unrolled)

    def emit(self, source: ir.Value, record: ir.Value, out: ir.Value) -> None:
        """Compute the tile: `source` and `out` are addresses of its first pixel, `record` that of the first group's."""
        self.write().build({"r0": source, "r1": record, "r2": out})

    def write(self) -> Asm:
        """The instructions; `r0` is the source's address, `r1` the record's, `r2` the output's."""
        asm = Asm()
        full, rest = divmod(self.channels, self.group)
        asm("vmov", "s0", "r0")
        asm("vmov", "s2", "r2")
        if self._steps[1]:
            self._park_end(asm, "r0", self.depth * (1 if self.bytes else 2), "s1")
        if full > 1:
            self._park_end(asm, "r1", full * 4 * matmul_words(self.depth, self.group), "s3")
            with asm.loop("r1", "s3", "r3"):
                self._emit_group(asm, self.group)
        elif full:
            self._emit_group(asm, self.group)
        if rest:
            self._emit_group(asm, rest)
        return asm

    def _park_end(self, asm: Asm, start: str, size: int, slot: str) -> None:
        asm("mov", "r3", start)
        asm.add("r3", size)
        asm("vmov", slot, "r3")

    def _emit_group(self, asm: Asm, channels: int) -> None:
        if self.pixels == 3:
            self._emit_group_of_three(asm, channels)
            return
        names, pairs = iter(reversed(_FREE)), -(-channels // 2)
        sums, firsts = ([[next(names) for _ in range(pairs)] for _ in range(self.pixels)] for _ in range(2))
        step = self._byte_step if self.bytes else self._lane_step
        before, trips, unrolled = self._steps
        # Straight code before the loop lets all pixels start from the registers of the first.
        starting = range(1 if before else self.pixels)
        for pixel in starting:
            for pair in range(pairs):
                for half, register in enumerate((sums[pixel][pair], firsts[pixel][pair])):
                    last = pixel == starting[-1]
                    asm.load(register, "r1", 0 if last else 8 * pair + 4 * half, step=4 if last else 0)
        for number in range(before):
            step(asm, sums, firsts, number == 0)
        if trips:
            with asm.loop("r0", "s1", "r3"):
                for _ in range(unrolled):
                    step(asm, sums, firsts, False)
        self._finish(asm, channels, sums, firsts)

    def _emit_group_of_three(self, asm: Asm, channels: int) -> None:
        """Pair after pair: `r6` walks a pair's weights, which lie among those of the group."""
        pairs = -(-channels // 2)
        before, trips, unrolled = self._steps
        x, v, walker = ["r2", "r3", "r4"], "r5", "r6"
        for pair in range(pairs):
            names = iter(reversed(_FREE))
            sums, firsts = ([[next(names)] for _ in range(3)] for _ in range(2))
            for pixel in range(1 if before else 3):
                asm.load(sums[pixel][0], "r1", 8 * pair)
                asm.load(firsts[pixel][0], "r1", 8 * pair + 4)
            asm("add", walker, "r1", 8 * pairs + 4 * pair)

            def step(is_first: bool, sums: list[list[str]] = sums, firsts: list[list[str]] = firsts) -> None:
                for pixel in reversed(range(3)):
                    asm.load(x[pixel], "r0", 2 * pixel * self.pitch, step=0 if pixel else 4)
                asm.load(v, walker, step=4 * pairs)
                self._multiply(asm, x, [v], sums, is_first)
                asm("sxtb16", v, v)
                self._multiply(asm, x, [v], firsts, is_first)

            for number in range(before):
                step(number == 0)
            if trips:
                with asm.loop("r0", "s1", x[1]):
                    for _ in range(unrolled):
                        step(False)
            self._finish_pair_of_three(asm, pair, 2 * pair + 1 < channels, sums, firsts, walker)
        asm.add("r1", 4 * matmul_words(self.depth, channels))
        asm("vmov", "r2", "s2")
        asm.add("r2", channels)
        asm("vmov", "s2", "r2")

    def _finish_pair_of_three(
        self, asm: Asm, pair: int, both: bool, sums: list[list[str]], firsts: list[list[str]], walker: str
    ) -> None:
        constants = ["r2", "r3", "r4", "r5"]
        for number, register in enumerate(constants):
            asm.load(register, walker, 12 * pair + 4 * number)  # behind the weights of all pairs
        asm.set("r0", self.scaling.zero_point)
        asm("vmov", walker, "s2")
        accs = [(first, total) for (first,), (total,) in zip(firsts, sums)]
        self._scale(asm, accs, both, constants)
        self._store(asm, accs, both, walker, 2 * pair)
        asm("vmov", "r0", "s0")

    def _scale(self, asm: Asm, accs: list[tuple[str, str]], both: bool, constants: list[str]) -> None:
        """Requantise a pair of channels (A, S) of each pixel, or A alone; `r0` holds the zero point."""
        for a, s in accs:
            if both:
                asm("sub", s, s, a)
                asm("asr", s, s, 8)
                self.scaling.emit(asm, s, constants[2], constants[3], "r0")
            self.scaling.emit(asm, a, constants[0], constants[1], "r0")

    def _store(self, asm: Asm, accs: list[tuple[str, str]], both: bool, out: str, channel: int) -> None:
        for pixel, pair in enumerate(accs):
            for half, register in enumerate(pair if both else pair[:1]):
                asm.store(register, out, pixel * self.out_pitch + channel + half, op="strb")

    def _lane_step(self, asm: Asm, sums: list[list[str]], firsts: list[list[str]], is_first: bool) -> None:
        """Two lanes of depth."""
        pairs = len(sums[0])
        x, v = ["r2", "r3"][: self.pixels], ["r4", "r5"][:pairs]
        for pixel in reversed(range(self.pixels)):
            asm.load(x[pixel], "r0", 2 * pixel * self.pitch, step=0 if pixel else 4)
        for pair in reversed(range(pairs)):
            asm.load(v[pair], "r1", 4 * pair, step=0 if pair else 4 * pairs)
        self._multiply(asm, x, v, sums, is_first)
        for each in v:
            asm("sxtb16", each, each)
        self._multiply(asm, x, v, firsts, is_first)

    def _multiply(self, asm: Asm, x: list[str], v: list[str], accs: list[list[str]], is_first: bool) -> None:
        for pair, weights in enumerate(v):
            # The first pixel's registers hold the start of all: it comes last.
            for pixel, lanes in reversed(list(enumerate(x))):
                acc = accs[pixel][pair]
                asm("smlad", acc, lanes, weights, accs[0][pair] if is_first else acc)

    def _byte_step(self, asm: Asm, sums: list[list[str]], firsts: list[list[str]], is_first: bool) -> None:
        """Four bytes of depth: the pixel's word is widened here, once for all channels of the group."""
        x, even, pairs = "r2", "r3", list(zip(sums[0], firsts[0]))
        asm.load(x, "r0", step=4)
        for half in (even, x):
            for start in range(0, len(pairs), 2):
                chunk = list(zip(("r4", "r5"), pairs[start : start + 2]))
                for weights, _ in chunk:
                    asm.load(weights, "r1", step=4)
                if start == 0:
                    asm("uxtb16" if self.is_unsigned else "sxtb16", half, x, *([] if half == even else ["ror #8"]))
                for weights, (total, _) in chunk:
                    asm("smlad", total, half, weights, total)
                for weights, _ in chunk:
                    asm("sxtb16", weights, weights)
                for weights, (_, first) in chunk:
                    asm("smlad", first, half, weights, first)

    def _finish(self, asm: Asm, channels: int, sums: list[list[str]], firsts: list[list[str]]) -> None:
        """Requantise and store the group, and go on to the next one's place."""
        out, constants = "r2", ["r3", "r4", "r5", "r2"]
        asm.set("r0", self.scaling.zero_point)
        for pair in range(-(-channels // 2)):
            both = 2 * pair + 1 < channels
            for register in constants:
                asm.load(register, "r1", step=4)
            accs = [(firsts[pixel][pair], sums[pixel][pair]) for pixel in range(self.pixels)]
            self._scale(asm, accs, both, constants)
            if pair == 0:
                asm("vmov", out, "s2")
            self._store(asm, accs, both, out, 2 * pair)
            constants = ["r3", "r4", "r5", firsts[0][pair]]  # stored, that register is free
        asm.add(out, channels)
        asm("vmov", "s2", out)
        asm("vmov", "r0", "s0")
