"""A row of a depthwise convolution, requantised and stored, as assembly.

One channel at a time, `tile` output pixels at a time. Of each window row the bytes of all columns that the tile needs
are loaded and packed in pairs (columns 0 and 1, 2 and 3, ...) by PKHBT, so that one SMLAD takes two taps. An output at
an even column pairs the weights (0, 1), (2, 3), ..., one at an odd column (1, 2), (3, 4), ...; both sets are stored:

    even:  SMLAD c01 w01, SMLABT c2 w12          odd:  SMLATB c01 w01, SMLAD c23 w12          (3 columns)

The weights, the bias and the scale of a channel wait in registers of the FPU, loaded by one VLDM; where they are too
many, weights are loaded where they are needed. Columns outside of the image are the halo's value, known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlir import ir
from mlir.dialects import arith

from vmcu.isa import emit
from vmcu.isa.arm_dsp.asm import CORE, FPU, MAX_OFFSET, MAX_STEP, Asm, Scaling
from vmcu.isa.arm_dsp.packing import SCALE_WORDS, weight_pairs
from vmcu.operators.geometry import Window

SPARE = 3  # registers that loads, weights and bias share
POINTERS = 3  # most rows whose addresses stay in core registers


@dataclass(frozen=True)
class Depthwise:
    """A row of outputs of all channels.

    Args:
        kernel: (rows, columns) of the window.
        stride: columns from one output to the next.
        pad: columns of halo to the left.
        columns: (input columns, output columns) of the row.
        channels: channels, and bytes from one column to the next.
        halo: what a column outside of the image reads as.
        wish: output pixels that are to be made together; 0 leaves it to `tile`.
        is_unsigned: the bytes, and the halo, are uint8.
    """

    kernel: tuple[int, int]
    stride: int
    pad: int
    columns: tuple[int, int]
    channels: int
    halo: int
    scaling: Scaling
    wish: int = 0
    is_unsigned: bool = False

    @property
    def row_words(self) -> int:
        return len(weight_pairs(self.kernel[1], self.stride))

    @property
    def words(self) -> int:
        """Words of a channel's record: bias, multiplier, factor, then the weights row by row."""
        return SCALE_WORDS + self.kernel[0] * self.row_words

    @property
    def parks_weights(self) -> bool:
        return self.words + self._parked_rows + 3 <= len(FPU)

    @property
    def _parked_rows(self) -> int:
        return 0 if self.kernel[0] <= POINTERS else self.kernel[0]

    @property
    def tile(self) -> int:
        """Output pixels that are made together: as many as the registers and the reach of an address allow."""
        pointers = min(self.kernel[0], POINTERS) if not self._parked_rows else 2
        free = len(CORE) - pointers - 1 - (0 if self.parks_weights else 1)  # the output's address, the record's
        best = 1
        for tile in range(1, 9):
            columns = (tile - 1) * self.stride + self.kernel[1]
            if tile + self.pairs(tile) + 1 <= free and (columns - 1) * self.channels <= MAX_OFFSET:
                best = tile
        if 0 < self.wish <= best:
            return self.wish
        # Equal tiles: 3 + 3 rather than 4 + 2.
        return -(-self.columns[1] // -(-self.columns[1] // best))

    def pairs(self, tile: int) -> int:
        """Registers for the columns of a window row of so many pixels."""
        return -(-((tile - 1) * self.stride + self.kernel[1]) // 2)

    def emit(self, rows: list[ir.Value], record: ir.Value, out: ir.Value) -> None:
        """`rows` are the addresses of the window's input rows, `record` that of the first channel's."""
        # Addresses count from the first column of the window, which may be in the halo: no offset is negative.
        halo = emit.word(self.pad * self.channels)
        starts = [arith.subi(emit.llvm.ptrtoint(emit.integer(32), row), halo) for row in rows]
        _Row(self, Asm()).emit(starts, record, out)


class _Row:
    """Writes the text: which register holds what."""

    def __init__(self, shape: Depthwise, asm: Asm):
        self.shape, self.asm = shape, asm
        rows, free = shape.kernel[0], list(CORE)
        # First registers: loads and stores of addresses in them have short encodings.
        self.out = free.pop(0)
        self.parked = shape._parked_rows > 0
        self.pointers = [free.pop(0) for _ in range(1 if self.parked else rows)]
        self.offset = free.pop(0) if self.parked else None
        self.record = None if shape.parks_weights else free.pop(0)
        # Where a register is to spare, the next channel's record is in it rather than in the FPU.
        spare = len(free) - shape.tile - shape.pairs(shape.tile) > SPARE
        self.next = free.pop(0) if shape.parks_weights and spare else None
        self.free = free
        first = 0 if not shape.parks_weights else shape.words
        self.slots = {f"row{number}": f"s{first + number}" for number in range(rows)} if self.parked else {}
        first += len(self.slots)
        self.slots["record"], self.slots["end"] = f"s{first}", f"s{first + 1}"
        self.slots["stop"] = f"s{first + 2}"

    def emit(self, rows: list[ir.Value], record: ir.Value, out: ir.Value) -> None:
        shape, asm = self.shape, self.asm
        start, spare = self.next or self.free[0], self.free[1]  # the record's address at first
        inputs = {self.out: out, start: record}
        if self.offset is not None:
            arrive = [*self.free[2:], self.pointers[0]][: len(rows)]
            inputs |= dict(zip(arrive, rows))
            for number, register in enumerate(arrive):
                asm("vmov", self.slots[f"row{number}"], register)
            asm.set(self.offset, 0)
        else:
            inputs |= dict(zip(self.pointers, rows))
        asm("mov", spare, start)
        asm.add(spare, 4 * shape.words * shape.channels)
        asm("vmov", self.slots["end"], spare)
        if self.record is not None:
            asm("mov", self.record, start)
        elif self.next is None:
            asm("vmov", self.slots["record"], start)
        with asm.loop(self.record or start, self.slots["end"], spare):
            if shape.parks_weights:
                self._fetch_record(start)
            self._emit_channel()
            if self.record is not None:
                asm.add(self.record, 4 * shape.words)
            elif self.next is None:
                asm("vmov", start, self.slots["record"])
        asm.build(inputs)

    def _fetch_record(self, start: str) -> None:
        """The record of a channel into the FPU; its address goes on to the next one."""
        if self.next is None:
            self.asm("vmov", start, self.slots["record"])
        self.asm.load_multiple(start, 0, self.shape.words - 1)
        if self.next is None:
            self.asm("vmov", self.slots["record"], start)

    def _emit_channel(self) -> None:
        """All pixels of a channel; afterwards all addresses are those of the next channel's first pixel."""
        shape, asm = self.shape, self.asm
        moved = read = 0
        row = Window((1, shape.columns[0]), (1, shape.columns[1]), shape.kernel, (1, shape.stride), pad=(0, shape.pad))
        for span in row.spans(shape.tile):
            column, count, trips = span.start, span.step, (span.stop - span.start) // span.step
            if trips == 1:
                # After the last tile the addresses go back anyhow.
                is_last = column + count == shape.columns[1]
                self._emit_tile(column, count, 0 if is_last else count)
                read += 0 if is_last else count
            else:
                scratch = self.free[0]
                asm("mov", scratch, self.out)
                asm.add(scratch, trips * count * shape.channels)
                asm("vmov", self.slots["stop"], scratch)
                with asm.loop(self.out, self.slots["stop"], scratch):
                    self._emit_tile(column, count, count)
                read += trips * count
            moved += trips * count
        asm.add(self.out, 1 - moved * shape.channels)
        back = 1 - read * shape.stride * shape.channels
        for register in [self.offset] if self.offset is not None else self.pointers:
            asm.add(register, back)

    def _emit_tile(self, column: int, count: int, advance: int) -> None:
        """`count` pixels; the addresses of the rows move on by as many as `advance` pixels need."""
        shape, asm = self.shape, self.asm
        reach = (count - 1) * shape.stride + shape.kernel[1]
        pairs = shape.pairs(count)
        step = advance * shape.stride * shape.channels
        accs, rest = self.free[-count:], self.free[: len(self.free) - count]
        data, temps = rest[len(rest) - pairs :], rest[: len(rest) - pairs]
        first = column * shape.stride - shape.pad
        started: set[int] = set()
        for row in range(shape.kernel[0]):
            base = self._address(row)
            self._load_row(base, first, reach, data, [*temps, *(accs if row == 0 else [])], 0 if self.parked else step)
            self._multiply_row(row, count, data, temps, accs, started)
        if self.offset is not None:
            asm.add(self.offset, step)
        self._finish(accs, [*temps, *data])

    def _address(self, row: int) -> str:
        if self.offset is None:
            return self.pointers[row]
        base = self.pointers[0]
        self.asm("vmov", base, self.slots[f"row{row}"])
        self.asm("add", base, base, self.offset)
        return base

    def _load_row(self, base: str, first: int, reach: int, data: list[str], temps: list[str], step: int) -> None:
        """Columns `first` to `first + reach` of a row, packed in pairs.

        `base` is the address of column `first`, and moves on by `step` bytes: with the last load, if that can be column 0.
        """
        shape, asm = self.shape, self.asm
        inside = {column for column in range(reach) if 0 <= first + column < shape.columns[0]}
        moves = 0 in inside and 0 < step <= MAX_STEP
        # As many pairs at a time as there are registers for their second halves: loads in a row are cheap.
        for begin in reversed(range(0, len(data), len(temps))):
            chunk = [(pair, *both) for pair, both in zip(range(begin, len(data)), zip(data[begin:], temps))]
            loads = [(2 * pair + half, both[half]) for pair, *both in reversed(chunk) for half in (1, 0)]
            for column, register in loads:
                if column in inside:
                    last = moves and column == 0
                    asm.load(
                        register,
                        base,
                        column * shape.channels,
                        op="ldrb" if shape.is_unsigned else "ldrsb",
                        step=step if last else 0,
                    )
            for column, register in loads:
                if column < reach and column not in inside:
                    asm.set(register, shape.halo & 0xFF if shape.is_unsigned else shape.halo)
            for pair, register, temp in chunk:
                if 2 * pair + 1 < reach:
                    asm("pkhbt", register, register, temp, "lsl #16")
        if not moves:
            asm.add(base, step)

    def _multiply_row(
        self, row: int, count: int, data: list[str], temps: list[str], accs: list[str], started: set[int]
    ) -> None:
        shape, asm = self.shape, self.asm
        weight, bias = temps[0], temps[-1] if len(temps) > 1 else None
        if row == 0:
            if bias is None:
                for acc in accs:
                    self._fetch(acc, 0)
                started |= set(range(count))
            else:
                self._fetch(bias, 0)
        for number, (low, high) in enumerate(weight_pairs(shape.kernel[1], shape.stride)):
            self._fetch(weight, SCALE_WORDS + row * self.shape.row_words + number)
            for pixel, acc in enumerate(accs):
                for name, pair in _operations(shape, pixel, low, high):
                    asm(name, acc, data[pair], weight, acc if bias is None or pixel in started else bias)
                    started.add(pixel)

    def _fetch(self, register: str, word: int) -> None:
        """A word of the channel's record."""
        if self.record is None:
            self.asm("vmov", register, f"s{word}")
        else:
            self.asm.load(register, self.record, 4 * word)

    def _finish(self, accs: list[str], free: list[str]) -> None:
        shape, asm = self.shape, self.asm
        multiplier, factor, zero = free[:3]
        self._fetch(multiplier, 1)
        self._fetch(factor, 2)
        asm.set(zero, shape.scaling.zero_point)
        for acc in accs:
            shape.scaling.emit(asm, acc, multiplier, factor, zero)
        steps = shape.channels <= MAX_STEP
        for pixel, acc in enumerate(accs):
            if steps:
                asm.store(acc, self.out, step=shape.channels, op="strb")
            else:
                asm.store(acc, self.out, pixel * shape.channels, op="strb")
        if not steps:
            asm.add(self.out, len(accs) * shape.channels)


def _operations(shape: Depthwise, pixel: int, low: int, high: int) -> list[tuple[str, int]]:
    """What the weights (low, high) of a window row do for an output pixel: instructions, and their pairs of columns.

    A pixel at an even column takes whole each pair that begins at an even tap, one at an odd column each that begins at
    an odd tap. Taps that are left over are taken one by one, out of the first word that has them.
    """
    first, taps = pixel * shape.stride, shape.kernel[1]
    words = weight_pairs(taps, shape.stride)
    whole = [pair for pair in words if pair[0] % 2 == first % 2 and pair[1] < taps]
    if (low, high) in whole:
        return [("smlad", (first + low) // 2)]
    done = {tap for pair in whole for tap in pair} | {taps}
    done |= {tap for pair in words[: words.index((low, high))] for tap in pair}
    return [
        (f"smla{'t' if (first + tap) % 2 else 'b'}{half}", (first + tap) // 2)
        for half, tap in (("b", low), ("t", high))
        if tap not in done
    ]
