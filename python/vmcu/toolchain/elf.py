"""What an ELF file says: bytes by kind of section, and where its symbols are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from vmcu.errors import InputError


@dataclass(frozen=True)
class Sizes:
    """Bytes of an object or a firmware. Flash holds text, rodata and data; RAM holds data and bss."""

    text: int
    rodata: int
    data: int
    bss: int

    @property
    def flash(self) -> int:
        """Bytes of flash."""
        return self.text + self.rodata + self.data

    @property
    def ram(self) -> int:
        """Bytes of static RAM; the stack comes on top."""
        return self.data + self.bss


def elf_sizes(path: Path) -> Sizes:
    """Add up the sections of `path` that occupy memory on the target.

    Raises:
        InputError: it is not an ELF file.
    """
    total = {"text": 0, "rodata": 0, "data": 0, "bss": 0}
    with path.open("rb") as stream:
        for section in _open(stream, path).iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
                total[_kind(section)] += section["sh_size"]
    return Sizes(**total)


def symbols(path: Path) -> dict[str, tuple[int, int]]:
    """The named functions and variables of `path`: name to (address, bytes).

    Addresses of functions come without the Thumb bit; the linker's own marks have 0 bytes. In a relocatable object
    addresses are offsets in a section.

    Raises:
        InputError: it is not an ELF file.
    """
    with path.open("rb") as stream:
        table = _open(stream, path).get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return {}
        found = {}
        for symbol in table.iter_symbols():
            # "$t" and the like mark code and data for disassemblers; they name nothing.
            if symbol.name and not symbol.name.startswith("$") and symbol["st_shndx"] != "SHN_UNDEF":
                is_code = symbol["st_info"]["type"] == "STT_FUNC"
                found[symbol.name] = (symbol["st_value"] & ~1 if is_code else symbol["st_value"], symbol["st_size"])
        return found


def undefined(code: bytes) -> frozenset[str]:
    """The names that a relocatable ELF file refers to and does not define."""
    table = ELFFile(io.BytesIO(code)).get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection), "LLVM writes a symbol table into every object"
    return frozenset(each.name for each in table.iter_symbols() if each["st_shndx"] == "SHN_UNDEF" and each.name)


def _open(stream, path: Path) -> ELFFile:  # type: ignore[no-untyped-def]
    try:
        return ELFFile(stream)
    except ELFError as error:
        raise InputError(f"{path} is not an ELF file") from error


def _kind(section: Section) -> str:
    if section["sh_type"] == "SHT_NOBITS":
        return "bss"
    if section["sh_flags"] & SH_FLAGS.SHF_WRITE:
        return "data"
    # A section of instructions only; the vector table and constants are data that the flash holds.
    return "text" if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR else "rodata"
