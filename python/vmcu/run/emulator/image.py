"""A firmware file as the emulator needs it: bytes for memory, names for addresses, and where code is."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from vmcu.errors import InputError


@dataclass(frozen=True)
class Image:
    """A linked firmware.

    Args:
        segments: (load address, bytes) of what the flash holds.
        symbols: address by name; functions without the Thumb bit.
        functions: (address, bytes, name), sorted by address.
        code: half-open ranges [start, end) that hold instructions and no literal pools, sorted.
        static_end: the first address above the static data in RAM, or None when there is no static data.
    """

    segments: tuple[tuple[int, bytes], ...]
    symbols: dict[str, int]
    functions: tuple[tuple[int, int, str], ...]
    code: tuple[tuple[int, int], ...]
    static_end: int | None

    def function_at(self, address: int) -> str:
        """The name of the function that `address` is in, for messages."""
        index = bisect_right(self.functions, address, key=lambda function: function[0])
        start, size, name = self.functions[index - 1] if index else (0, 0, "")
        return name if address < start + size else "no function"

    def read(self, start: int, count: int) -> bytes:
        """The `count` bytes from address `start`, or fewer where the segment ends.

        Raises:
            InputError: no segment holds the first one.
        """
        for base, content in self.segments:
            if base <= start < base + len(content):
                return content[start - base : start - base + count]
        raise InputError(f"the firmware holds no bytes at {start:#x}")


def read_image(path: Path) -> Image:
    """Read the linked ELF file `path`.

    Raises:
        InputError: the file is not a linked ELF file for Arm.
    """
    with path.open("rb") as stream:
        try:
            elf = ELFFile(stream)
        except ELFError as error:
            raise InputError(f"{path} is not an ELF file") from error
        if elf["e_machine"] != "EM_ARM" or elf["e_type"] != "ET_EXEC":
            raise InputError(f"{path} is {elf['e_type']} for {elf['e_machine']}, expected a linked image for EM_ARM")
        symbols, functions, marks = _read_symbols(elf)
        segments = (each for each in elf.iter_segments("PT_LOAD") if each["p_filesz"])
        return Image(
            tuple((each["p_paddr"], each.data()) for each in segments),
            symbols,
            tuple(sorted(functions)),
            tuple(_code_ranges(elf, marks)),
            _static_end(elf),
        )


def _read_symbols(elf: ELFFile) -> tuple[dict[str, int], list[tuple[int, int, str]], list[tuple[int, bool]]]:
    symbols: dict[str, int] = {}
    functions: list[tuple[int, int, str]] = []
    marks: list[tuple[int, bool]] = []
    table = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
        name, value, kind = symbol.name, symbol["st_value"], symbol["st_info"]["type"]
        if name.startswith(("$t", "$d")):
            # The Arm ABI's mapping symbols: code, or data among the code, starts here.
            marks.append((value, name.startswith("$t")))
        elif name and not name.startswith("$") and symbol["st_shndx"] != "SHN_UNDEF":
            symbols[name] = value & ~1 if kind == "STT_FUNC" else value
            if kind == "STT_FUNC":
                functions.append((value & ~1, symbol["st_size"], name))
    return symbols, functions, sorted(marks)


def _code_ranges(elf: ELFFile, marks: list[tuple[int, bool]]) -> list[tuple[int, int]]:
    """The parts of executable sections that are instructions; a section without marks is all instructions."""
    ranges = []
    for section in elf.iter_sections():
        if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR and section["sh_size"]:
            start, end = section["sh_addr"], section["sh_addr"] + section["sh_size"]
            inside = [(at, is_code) for at, is_code in marks if start <= at < end] or [(start, True)]
            ends = [at for at, _ in inside[1:]] + [end]
            ranges += [(at, stop) for (at, is_code), stop in zip(inside, ends, strict=True) if is_code and at < stop]
    return sorted(ranges)


def _static_end(elf: ELFFile) -> int | None:
    writable = SH_FLAGS.SHF_ALLOC | SH_FLAGS.SHF_WRITE
    ends = [
        section["sh_addr"] + section["sh_size"]
        for section in elf.iter_sections()
        if section["sh_flags"] & writable == writable and section["sh_size"]
    ]
    return max(ends, default=None)
